//! The notification corpus: one file for one story of what arrives at a callback address, what it is
//! answered, and what it changes (tests/corpus/README.md).
//!
//! Players: `case` reads a file, `scene` brings an order into the state before, `wechat` and `alipay`
//! write and sign the message, `sending` delivers it. Promised: every file is one test; a file
//! without an expectation or with a key that nobody reads fails; what is refused changes nothing in
//! the database; and whatever was sent to an order that waits for its money, the genuine message
//! still pays it afterwards.
//!
//! Deliberately absent: the second database. What arrives here is decided before anything is stored;
//! `callbacks` tells the storing stories on both.

mod alipay;
mod case;
mod scene;
mod sending;
mod wechat;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use futures::future::join_all;
use kernel::Channel;
use rstest::rstest;

use self::{
    case::{Address, Case, Message, Standing, Verdict},
    scene::Scene,
    sending::Sent,
};
use crate::town::{Answer, Backend, Town};

/// The requirement: at least so many for each platform.
const CASES_MIN: usize = 40;

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wechat_case(#[files("tests/corpus/wechat/*.toml")] file: PathBuf) {
    play(Channel::Wechat, &file).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alipay_case(#[files("tests/corpus/alipay/*.toml")] file: PathBuf) {
    play(Channel::Alipay, &file).await;
}

/// The list of tests is made when this program is compiled; a file that came later would be left out
/// without a word.
#[rstest]
#[case(Channel::Wechat)]
#[case(Channel::Alipay)]
fn every_file_is_a_test(#[case] channel: Channel) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(channel.code());
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    assert!(files.len() >= CASES_MIN, "{} cases for {channel}", files.len());
    let mut odd = files.iter().filter(|name| {
        let stem = name.strip_suffix(".toml").unwrap_or_default();
        stem.is_empty()
            || !stem.bytes().all(|b| b.is_ascii_lowercase() || b"_0123456789".contains(&b))
    });
    assert_eq!(odd.next(), None, "a file is named like `short_nonce.toml`");
    let program = std::env::current_exe().expect("this program");
    let listed = Command::new(program).args(["--list", "--format", "terse"]).output();
    let listed = String::from_utf8(listed.expect("a list of tests").stdout).expect("text");
    for file in files {
        let test = format!("_{}: test", file.replace('.', "_"));
        let found = listed
            .lines()
            .any(|line| line.contains(&format!("{channel}_case::")) && line.ends_with(&test));
        assert!(found, "{file} is newer than this program: touch tests/corpus/corpus.rs");
    }
}

/// Tells one story and compares its end with the file.
async fn play(channel: Channel, file: &Path) {
    let case = Case::read(file, channel);
    let (town, neighbour) = Town::beside_a_neighbour(Backend::Embedded).await;
    let scene = Scene::set(&town, &neighbour, channel, &case).await;
    let told_before = scene.told().await;

    let mut last: Option<Sent> = None;
    for message in &case.message {
        if message.wait_seconds > 0 {
            town.clock.advance(std::time::Duration::from_secs(message.wait_seconds));
        }
        let sent = match last.take() {
            Some(sent) if message.again => sent,
            _ => scene.written(message),
        };
        deliver(&scene, message, &sent).await;
        last = Some(sent);
    }

    town.run_jobs().await;
    scene.assert_end(&case, &told_before).await;
    if matches!(case.order, Standing::Paying)
        && matches!(&*case.after.order, "PAYING" | "SUSPENDED")
    {
        // None of this may stand in the way of the truth.
        let genuine = scene.written(&Message::genuine());
        let answer = genuine.send(&town).await;
        answer.acknowledged(channel);
        town.run_jobs().await;
        assert_eq!(scene.state().await, "SUCCESS", "the genuine message pays afterwards");
        assert_eq!(scene.paid().await, 1, "the genuine message pays once");
    }
    town.close().await;
}

/// Sends one message as often as the file says, and judges every answer.
async fn deliver(scene: &Scene<'_>, message: &Message, sent: &Sent) {
    let town = scene.town;
    let before = town.dump().await;
    let answers: Vec<Answer> = if message.at_once {
        join_all((0..message.times).map(|_| sent.send(town))).await
    } else {
        let mut answers = Vec::new();
        for _ in 0..message.times {
            answers.push(sent.send(town).await);
        }
        answers
    };
    assert!(!answers.is_empty(), "`times` is at least 1");
    for answer in &answers {
        match message.answer {
            Verdict::Acknowledged => answer.acknowledged(scene.channel),
            Verdict::Refused(status @ (404 | 405)) => {
                // Nobody lives there, or nobody opens: not a word of success in any platform's form.
                assert_eq!(answer.status, status, "{}", answer.body);
                assert!(!answer.body.contains("success"), "{}", answer.body);
            }
            Verdict::Refused(status) => {
                // In the words of the platform that the address belongs to.
                let channel = match (&message.address, scene.channel) {
                    (Address::OtherChannel, Channel::Wechat) => Channel::Alipay,
                    (Address::OtherChannel, Channel::Alipay) => Channel::Wechat,
                    (_, channel) => channel,
                };
                answer.not_acknowledged(channel, status);
            }
        }
    }
    if message.unchanged || message.answer != Verdict::Acknowledged {
        assert!(town.dump().await == before, "something was written");
    }
}
