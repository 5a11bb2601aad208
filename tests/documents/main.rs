//! What the documents show is run: every `sh` block of the page about the mocks, in its order, in one
//! bash, against the real program.
//!
//! Promised: a block that fails, or does not print what the `text` block below it shows (`…` stands
//! for anything), fails here by its number. Only the folder's name is put in. Deliberately absent:
//! `console` blocks, which show a terminal of somebody else.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command as Program,
};

/// The walk takes some seconds; a slow machine may need more.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a reader of the page needs beside the program.
const TOOLS: [&str; 4] = ["bash", "curl", "openssl", "jq"];

struct Block {
    /// Where it begins in the document.
    line: usize,
    script: String,
    /// The lines that it must print, in their order.
    promised: Vec<String>,
}

/// The `sh` blocks of a document, each with the `text` block that follows it.
fn blocks(document: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let (mut fence, mut follows) = (None, false);
    for (line, text) in (1..).zip(document.lines()) {
        match (fence, text) {
            (Some(_), "```") => {
                follows = fence == Some("sh");
                fence = None;
            }
            (Some("sh"), text) => {
                let script = &mut found.last_mut().expect("an open block").script;
                script.push_str(text);
                script.push('\n');
            }
            (Some("text"), text) => {
                found.last_mut().expect("a block before it").promised.push(text.to_owned());
            }
            (Some(_), _) => {}
            (None, "```sh") => {
                fence = Some("sh");
                found.push(Block { line, script: String::new(), promised: Vec::new() });
            }
            (None, "```text") => {
                assert!(follows, "line {line}: a text block that follows no sh block");
                fence = Some("text");
            }
            (None, text) if text.starts_with("```") => fence = Some("other"),
            (None, "") => {}
            (None, _) => follows = false,
        }
    }
    found
}

/// Whether a line is as promised; `…` stands for anything.
fn fits(promise: &str, line: &str) -> bool {
    let mut parts = promise.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut open = false;
    for part in parts {
        open = true;
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || (open && promise.ends_with('…'))
}

/// The promised lines that are missing, in a text that may hold others between them.
fn missing<'a>(promised: &'a [String], printed: &str) -> Vec<&'a str> {
    let mut lines = printed.lines();
    let kept = |promise: &&String| !lines.any(|line| fits(promise, line));
    promised.iter().filter(kept).map(String::as_str).collect()
}

/// One script of all blocks, each behind a line that tells them apart.
fn script(blocks: &[Block], folder: &str) -> String {
    let mut script = String::from("set -eu -o pipefail\n");
    for (number, block) in blocks.iter().enumerate() {
        script.push_str(&format!("printf '\\n=== {number}\\n'\n"));
        script.push_str(&block.script.replace("/tmp/mock", folder));
    }
    script
}

#[tokio::test]
async fn the_page_about_the_mocks_works_as_written() {
    for tool in TOOLS {
        // Whatever it thinks of the argument: it is there.
        let found = Command::new(tool).arg("--version").stdin(Stdio::null()).output();
        assert!(found.is_ok(), "{tool} is missing: install it");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mock-providers.md");
    let document = fs::read_to_string(path).expect("the document");
    assert!(document.contains("city-services mock --dir /tmp/mock"), "how to start it");
    let blocks = blocks(&document);
    assert!(blocks.len() > 12, "only {} blocks", blocks.len());

    let folder = TempDir::new().expect("a folder");
    let dir = folder.path().join("mock");
    let mut mock = Program::new(env!("CARGO_BIN_EXE_city-services"))
        .args(["mock", "--dir"])
        .arg(&dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let mut said = BufReader::new(mock.stdout.take().expect("its output")).lines();
    let ready = async {
        while let Some(line) = said.next_line().await.expect("its output") {
            if line.starts_with("ready") {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(PATIENCE, ready).await.expect("it starts"), "it says so");

    let text = script(&blocks, dir.to_str().expect("a path in UTF-8"));
    let file = folder.path().join("page.sh");
    fs::write(&file, text).expect("the script");
    let walk = Program::new("bash")
        .arg(&file)
        .env("no_proxy", "127.0.0.1")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let walk = tokio::time::timeout(PATIENCE, walk).await.expect("it ends").expect("it runs");
    let printed = String::from_utf8_lossy(&walk.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&walk.stderr);
    let sections: Vec<&str> = printed.split("\n=== ").skip(1).collect();
    assert!(
        walk.status.success(),
        "the block of line {} fails: {complaint}\n{printed}",
        sections.len().checked_sub(1).map_or(0, |last| blocks[last].line)
    );
    for (block, section) in blocks.iter().zip(&sections) {
        let missing = missing(&block.promised, section);
        let line = block.line;
        assert!(missing.is_empty(), "the block of line {line} lacks {missing:?}: {section}");
    }
    mock.kill().await.expect("the mocks can be killed");
}

#[test]
fn a_promise_is_a_line_in_its_order() {
    let document =
        "a\n```sh\necho 1\n```\n\n```text\nab…d\nlast\n```\n```console\n$ no\n```\n```sh\nx\n```\n";
    let found = blocks(document);
    assert_eq!((found.len(), found[0].line, found[0].script.as_str()), (2, 2, "echo 1\n"));
    assert!(found[1].promised.is_empty());
    let promised = &found[0].promised;
    assert!(missing(promised, "0\nabccd\nother\nlast\n").is_empty());
    assert_eq!(missing(promised, "last\nabccd\n"), ["last"]);
    assert_eq!(missing(promised, "abcc\nlast"), ["ab…d", "last"]);
    assert!(fits("wx…", "wx123") && !fits("wx", "wx123") && !fits("…a", "ab"));
    assert!(script(&found, "/elsewhere").contains("printf '\\n=== 1\\n'\nx\n"));
}
