//! Replays the seed corpora of `fuzz/` on the stable compiler: every input that a fuzzer began with,
//! or that once found something, stays harmless.

#[path = "../../../fuzz/targets.rs"]
mod targets;

use std::{fs, path::Path};

use rstest::rstest;

#[rstest]
fn a_corpus_is_harmless(
    #[values(
        "wechat_headers",
        "wechat_notification",
        "wechat_bill",
        "alipay_notification",
        "alipay_answer",
        "alipay_bill_zip",
        "alipay_bill_text",
        "keys_and_certificates"
    )]
    name: &str,
) {
    let target = targets::ALL.iter().find(|(known, _)| *known == name).expect("a target").1;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut inputs: Vec<_> = fs::read_dir(folder)
        .expect("a corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    inputs.sort();
    assert!(inputs.len() >= 3, "a corpus has seeds");
    for input in inputs {
        eprintln!("{}", input.display());
        target(&fs::read(input).expect("an input"));
    }
}
