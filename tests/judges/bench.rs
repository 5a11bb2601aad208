//! Mocks with a folder, and a script that judges them.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use kernel::{SystemClock, SystemEntropy};
use mock_providers::{Providers, ProvidersOptions};
use tokio::process::Command;

/// A script ends within a few seconds; a slow machine may need more.
const PATIENCE: Duration = Duration::from_secs(90);

/// The language that a judge is written in.
#[derive(Clone, Copy, Debug)]
pub enum Language {
    Node,
    Python,
}

/// What `tests/judges/install` left for one platform.
fn installed(platform: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("judges").join(platform);
    let complete = folder.join("installed").exists();
    assert!(complete, "the judges are not installed: run tests/run or tests/judges/install");
    folder
}

/// Lets a script of `tests/judges/{platform}` judge fresh mocks. Its arguments are the folder of the
/// mocks and `arguments`; an exit status of zero is its consent.
pub async fn judge(platform: &str, language: Language, script: &str, arguments: &[&str]) {
    let _before = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let options = ProvidersOptions {
        first_delivery_delay: Duration::ZERO,
        refund_delay: Duration::ZERO,
        ..Default::default()
    };
    let clock = Arc::new(SystemClock::default());
    let entropy = Arc::new(SystemEntropy::default());
    let mocks = Providers::start(options, clock, entropy).await.unwrap();
    mocks.write_folder(folder.path()).unwrap();

    let libraries = installed(platform);
    let program = match language {
        Language::Node => PathBuf::from("node"),
        Language::Python => libraries.join("python/bin/python"),
    };
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges").join(platform).join(script);
    let mut command = Command::new(program);
    command
        .arg(script)
        .arg(folder.path())
        .args(arguments)
        .env("JUDGE_LIBRARIES", &libraries)
        // Some libraries write the time of the machine's own zone.
        .env("TZ", "Asia/Shanghai")
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.expect("the judge ends").expect("the judge starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    mocks.shutdown().await;
}
