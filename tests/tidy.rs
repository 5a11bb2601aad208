//! Keeps the tree tidy: what a reader would stumble over and no compiler looks for.
//!
//! Players: every file of the project, read as text. Promised: long files, names that say nothing,
//! left-over debugging, paths of one machine and silent rooms fail here by name and line. The rules
//! are functions of a path and a text, and each is shown failing at the end.
//!
//! Deliberately absent: taste that rustfmt and clippy keep already.

#[path = "support/tree.rs"]
mod tree;

use rstest::rstest;

/// A longer file hides a second noun.
const CODE_LINES_MAX: usize = 600;
/// With its tests, and for files of tests, a little more.
const FILE_LINES_MAX: usize = 800;

/// Names that say nothing about what is inside; everything ends up there.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "misc", "models", "services", "repositories"];

/// Every complaint about one file, named `path` from the root.
fn complaints(path: &str, text: &str) -> Vec<String> {
    let mut found: Vec<String> = machine_paths(text);
    if path.ends_with(".rs") {
        let code = tree::code(text);
        found.extend(length(path, text, &code));
        found.extend(names(path, &code));
        found.extend(left_overs(&code));
        if path.ends_with("src/lib.rs") && !text.starts_with("//!") {
            found.push("opens without `//!`: who plays, what is promised, what is absent".into());
        }
    }
    if path.ends_with("Cargo.toml") && !text.contains("[lints]\nworkspace = true") {
        found.push("does not take the workspace's lints".into());
    }
    if path.ends_with(".snap.new") || path.ends_with(".pending-snap") {
        found.push("is a snapshot that nobody has looked at".into());
    }
    found.into_iter().map(|complaint| format!("{path}: {complaint}")).collect()
}

fn length(path: &str, text: &str, code: &str) -> Option<String> {
    let all = text.lines().count();
    let tests_only = path.starts_with("tests/") || path.contains("/tests/");
    let code_lines = tree::without_tests(code).lines().count();
    if all > FILE_LINES_MAX {
        Some(format!(
            "has {all} lines, {FILE_LINES_MAX} is the most: is there a second noun in it?"
        ))
    } else if !tests_only && code_lines > CODE_LINES_MAX {
        Some(format!("has {code_lines} lines of code, {CODE_LINES_MAX} is the most"))
    } else {
        None
    }
}

fn names(path: &str, code: &str) -> Vec<String> {
    let parts = path.trim_end_matches(".rs").split('/');
    let mut found: Vec<String> = parts
        .chain(tree::modules(code))
        .filter(|name| EMPTY_NAMES.contains(name))
        .map(|name| format!("`{name}` says nothing: name the thing"))
        .collect();
    if path.ends_with("/mod.rs") {
        found.push("a module is foo.rs beside foo/, not foo/mod.rs".into());
    }
    found
}

fn left_overs(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        for name in ["dbg", "todo", "unimplemented"] {
            if line.contains(&format!("{name}!")) {
                found.push(format!("line {number}: `{name}!` was left behind"));
            }
        }
    }
    found
}

/// Paths that exist on one machine only. A longer word or address before the slash is none.
fn machine_paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for home in ["home", "root", "Users"] {
            let folder = format!("/{home}/");
            let absolute = line.match_indices(&folder).any(|(at, _)| {
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || "}-_.~".contains(c))
            });
            if absolute {
                found.push(format!("line {number}: a path of one machine ({folder})"));
            }
        }
    }
    found
}

#[test]
fn the_tree_is_tidy() {
    let files = tree::files(tree::root());
    let mut found = Vec::new();
    for file in &files {
        // Pictures and databases are no text; what cannot be read as text has no lines to judge.
        if let Ok(text) = std::fs::read_to_string(file) {
            found.extend(complaints(&tree::shown(file), &text));
        }
    }
    assert!(files.iter().any(|f| f.ends_with("tests/tidy.rs")), "the walk has missed this file");
    assert!(found.is_empty(), "not tidy:\n- {}", found.join("\n- "));
}

#[cfg(unix)]
#[rstest]
#[case("tests/run")]
#[case("tests/simulate")]
#[case("tests/fuzz")]
#[case("tests/judges/install")]
#[case("tests/browser/install")]
#[case(".ci/run")]
fn a_command_can_be_run(#[case] path: &str) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(tree::root().join(path)).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "{path} is not executable");
}

#[rstest]
#[case::long("src/a.rs", &"//\n".repeat(601), "601 lines of code")]
#[case::very_long_tests("tests/a.rs", &"//\n".repeat(801), "801 lines")]
#[case::mod_file("src/a/mod.rs", "", "not foo/mod.rs")]
#[case::empty_name("crates/orders/src/utils.rs", "", "`utils` says nothing")]
#[case::empty_folder("crates/orders/src/models/order.rs", "", "`models` says nothing")]
#[case::empty_module("src/a.rs", "mod helpers {}", "`helpers` says nothing")]
#[case::debugging("src/a.rs", concat!("\nlet a = d", "bg!(b);"), "line 2: `dbg!`")]
#[case::sketch("src/a.rs", concat!("fn f() { ", "to", "do!() }"), "line 1: `todo!`")]
#[case::silent_room("crates/orders/src/lib.rs", "mod order;", "opens without")]
#[case::empty_room("crates/orders/src/lib.rs", "\n", "opens without")]
#[case::unlinted("crates/orders/Cargo.toml", "[package]\n", "workspace's lints")]
#[case::unseen_snapshot("crates/orders/src/snapshots/a.snap.new", "", "nobody has looked at")]
#[case::machine_path("docs/a.md", concat!("see `/", "home/me/a`"), "line 1: a path of one machine")]
#[case::machine_path_in_code("src/a.rs", concat!("let a = \"/", "root/a\";"), "line 1: a path")]
fn untidiness_is_found(#[case] path: &str, #[case] text: &str, #[case] complaint: &str) {
    let found = complaints(path, text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(path) && found[0].contains(complaint), "{found:?}");
}

#[rstest]
#[case::long_with_tests("src/a.rs", &format!("{}#[cfg(test)]\n{}", "//\n".repeat(600), "//\n".repeat(199)))]
#[case::long_tests("tests/a.rs", &"//\n".repeat(800))]
#[case::words_in_text("src/a.rs", concat!("let a = \"", "to", "do!\"; // mod utils"))]
#[case::an_address("docs/a.md", concat!("https://example.com/", "home/a and ${HOME}/", "root/b"))]
#[case::an_explained_room("crates/orders/src/lib.rs", "//! Orders.")]
fn tidiness_is_no_complaint(#[case] path: &str, #[case] text: &str) {
    assert_eq!(complaints(path, text), Vec::<String>::new());
}
