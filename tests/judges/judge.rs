//! One case: mocks, a folder that describes them, and a script that ends well or badly.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use kernel::{Clock, Entropy, SystemClock, SystemEntropy};
use mock_providers::{Providers, ProvidersOptions};
use tokio::process::Command;

/// In which language a judge is written.
#[derive(Clone, Copy, Debug)]
pub enum Language {
    Node,
    Python,
}

/// How long a script may take on a busy machine; alone it needs two seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where `tests/judges/install` put the SDKs of a platform.
fn installed(platform: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_city-services"));
    let target = program.parent().and_then(Path::parent).expect("a folder of build products");
    let folder = target.join("judges").join(platform);
    assert!(
        folder.join("stamp").is_file(),
        "the judges are not installed in {}: run tests/judges/install (tests/run does)",
        folder.display()
    );
    folder
}

/// Runs `tests/judges/{platform}/{script}` with the path of `mock.json` and `arguments`.
pub async fn run(language: Language, platform: &str, script: &str, arguments: &[&str]) {
    let installed = installed(platform);
    // Another test of this process may have been first.
    let _before = rustls::crypto::ring::default_provider().install_default();
    let options = ProvidersOptions {
        first_delivery_delay: Duration::ZERO,
        refund_delay: Duration::ZERO,
        ..ProvidersOptions::default()
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
    let mocks = Providers::start(options, clock, entropy).await.expect("the mocks start");
    let folder = tempfile::tempdir().expect("a folder");
    let index = mocks.write_folder(folder.path()).expect("the folder is written").index;

    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges").join(platform);
    let mut command = match language {
        Language::Node => {
            let mut command = Command::new("node");
            command.env("NODE_PATH", installed.join("node_modules"));
            command
        }
        Language::Python => Command::new(installed.join("venv/bin/python")),
    };
    command.arg(source.join(script)).arg(&index).args(arguments).stdin(Stdio::null());
    for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(proxy).env_remove(proxy.to_uppercase());
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1").kill_on_drop(true);
    let ended = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = ended.expect("the script ends in time").expect("the script starts");
    mocks.shutdown().await;
    assert!(
        output.status.success(),
        "{script} {arguments:?} says no:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
