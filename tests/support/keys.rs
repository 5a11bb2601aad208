//! Keys of the mocks, made once and lent to whoever starts mocks in a test.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use kernel::{ControlledClock, SystemEntropy, Timestamp};
use mock_providers::{Providers, ProvidersOptions};
use tempfile::TempDir;

/// Thursday, 15 June 2023, 10:00 in Beijing: all figures of 2023 are published.
pub const START: i64 = 1_686_794_400;

/// Mocks that share the test's clock and tell at once.
pub fn quick(clock: &Arc<ControlledClock>) -> ProvidersOptions {
    ProvidersOptions {
        first_delivery_delay: Duration::ZERO,
        controlled: Some(Arc::clone(clock)),
        ..ProvidersOptions::default()
    }
}

/// Mocks that use the keys in a folder.
pub async fn mocks_in(folder: &Path) -> Providers {
    let clock = Arc::new(ControlledClock::at(Timestamp::from_unix_seconds(START)));
    let chance = Arc::new(SystemEntropy::default());
    let options = ProvidersOptions { folder: Some(folder.to_owned()), ..quick(&clock) };
    Providers::start(options, clock, chance).await.expect("mocks")
}

/// RSA keys take a second to make, so all towns use those of the first: its folder is copied
/// without its ports.
pub async fn lend_keys(folder: &Path) {
    copy_folder(&kept_keys("town-keys-3").await, folder);
    std::fs::remove_file(folder.join("city-services.toml")).expect("the written configuration");
    let index = folder.join("mock.json");
    let text = std::fs::read_to_string(&index).expect("mock.json");
    let text: String = text
        .split_inclusive("http://127.0.0.1:")
        .enumerate()
        .map(|(place, part)| match place {
            0 => part.to_owned(),
            _ => format!("0{}", part.trim_start_matches(|c: char| c.is_ascii_digit())),
        })
        .collect();
    std::fs::write(index, text).expect("mock.json can be written");
}

/// The folder of mocks of this name, which is made once and stays.
pub async fn kept_keys(name: &str) -> PathBuf {
    city_services::install_crypto();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !kept.join("mock.json").exists() {
        let made = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for keys");
        let mocks = mocks_in(made.path()).await;
        mocks.write_folder(made.path()).expect("the mocks' folder");
        mocks.shutdown().await;
        // Another test may have been faster; its keys are as good.
        if std::fs::rename(made.path(), &kept).is_ok() {
            let _moved: PathBuf = made.keep();
        }
    }
    kept
}

pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder that can be read") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a kind of file").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
