//! A real browser walks through the phone page: Playwright drives Debian's Chromium against the real program
//! (`city-services demo` on free ports), from the city picker to 缴费成功.
//!
//! Players: the `*.spec.js` files beside this one, which tell the stories; `phone.js`, the page as a person
//! uses it; `program.js`, which starts and ends the program. Promised: no story sleeps, none leaves the
//! page's origin, a console error fails it. `tests/browser/install` brings Chromium and the pinned packages;
//! without them this test fails and says so. Deliberately absent: a browser that Playwright downloads.

use std::{
    path::Path,
    process::{Command, Stdio},
};

#[test]
fn people_get_through_the_phone_page() {
    let stories = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let place = target.join("browser");
    let complete = place.join("installed").exists();
    assert!(
        complete,
        "Chromium or the npm packages are not installed: run tests/run or tests/browser/install"
    );

    let libraries = place.join("node_modules");
    let output = Command::new("node")
        .arg(libraries.join("@playwright/test/cli.js"))
        .args(["test", "-c"])
        .arg(stories.join("playwright.config.js"))
        .env("NODE_PATH", &libraries)
        .env("CITY_SERVICES", env!("CARGO_BIN_EXE_city-services"))
        .env("BROWSER_TEST_RESULTS", place.join("results"))
        // A run that a person prepared for another page is not this one.
        .env_remove("PHONE_PAGE")
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("node starts: it is missing, or not in PATH (Debian: nodejs)");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
