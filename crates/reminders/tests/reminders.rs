//! Permissions and the outbox, on both databases.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{
    AccountId, Channel, ControlledClock, Current, PersonId, Secret, SystemEntropy, Timestamp,
};
use migrations::{Backend, throwaway};
use people::{AccountKey, FieldCipher, FieldKeys, People};
use platforms::MessageFate;
use proptest::prelude::*;
use reminders::{
    Answer, Letter, Messenger, MessengerError, Occasion, Permission, Place, ReminderKind,
    Reminders, Sent,
};
use rstest::rstest;

const APP: &str = "wx0000000000000001";
const MORNING: &str = "2026-11-23T09:00:00+08:00";

type Outcome = Result<MessageFate, MessengerError>;

/// A platform that answers as it was told to, and accepts when it was told nothing.
#[derive(Debug, Default)]
struct Platform {
    answers: Mutex<VecDeque<Outcome>>,
    letters: Mutex<Vec<Letter>>,
    /// Never answers the next message.
    hangs: Mutex<bool>,
}

#[async_trait]
impl Messenger for Platform {
    fn channel(&self) -> Channel {
        Channel::Wechat
    }

    fn app_id(&self) -> &str {
        APP
    }

    fn template_id(&self, kind: ReminderKind) -> Option<&str> {
        (kind != ReminderKind::Window).then_some("template")
    }

    async fn send(&self, letter: &Letter) -> Outcome {
        self.letters.lock().expect("nobody panicked").push(letter.clone());
        let hangs = std::mem::take(&mut *self.hangs.lock().expect("nobody panicked"));
        if hangs {
            std::future::pending::<()>().await;
        }
        self.answers
            .lock()
            .expect("nobody panicked")
            .pop_front()
            .unwrap_or(Ok(MessageFate::Accepted))
    }
}

struct Town {
    clock: Arc<ControlledClock>,
    platform: Arc<Platform>,
    reminders: Reminders,
    account: AccountId,
}

impl Town {
    async fn new(backend: Backend) -> Town {
        let db = throwaway(backend).await.expect("a fresh database");
        let start = Timestamp::from_rfc3339(MORNING).expect("a time");
        let clock = Arc::new(ControlledClock::at(start));
        let entropy = Arc::new(SystemEntropy::default());
        let key = |byte: u8| Secret::new(STANDARD.encode([byte; 32]));
        let keys = FieldKeys::new("k1", &key(1), &key(101)).expect("keys");
        let cipher = FieldCipher::new(keys, entropy.clone());
        let people = People::new(db.clone(), cipher.clone(), clock.clone(), entropy.clone());
        let key = AccountKey {
            channel: Channel::Wechat,
            app_id: APP.to_owned(),
            id_kind: "open_id".to_owned(),
            external_id: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".to_owned(),
        };
        let account = people.sign_in(&key).await.expect("an account").id;
        let platform = Arc::new(Platform::default());
        let messengers: Vec<Arc<dyn Messenger>> = vec![platform.clone()];
        let messengers = Current::new(messengers);
        let reminders = Reminders::new(db, people, cipher, messengers, (clock.clone(), entropy));
        Town { clock, platform, reminders, account }
    }

    async fn accepts(&self, kind: ReminderKind, times: u32) {
        for _ in 0..times {
            self.reminders
                .answer(
                    self.account,
                    kind,
                    Answer::Accept { text_version: "2026-11-24".to_owned() },
                )
                .await
                .expect("an answer");
        }
    }

    async fn permission(&self, kind: ReminderKind) -> Permission {
        let permissions = self.reminders.permissions(self.account).await.expect("permissions");
        permissions.into_iter().find(|permission| permission.kind == kind).expect("each kind")
    }

    /// An order of one person was booked.
    async fn booked(&self, person: Option<PersonId>, subject: &str) -> bool {
        let occasion = Occasion {
            account: self.account,
            kind: ReminderKind::Posted,
            person,
            subject: subject.to_owned(),
            words: BTreeMap::from([("title".to_owned(), "缴费成功".to_owned())]),
            page: "pages/orders/detail".to_owned(),
        };
        self.reminders.note(&occasion).await.expect("noted")
    }

    fn answers(&self, outcomes: impl IntoIterator<Item = Outcome>) {
        self.platform.answers.lock().expect("nobody panicked").extend(outcomes);
    }

    async fn sends(&self) -> Sent {
        self.reminders.send_due(10).await.expect("the database answers")
    }

    fn letters(&self) -> usize {
        self.platform.letters.lock().expect("nobody panicked").len()
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn unknown() -> Outcome {
    Err(MessengerError::Unknown("no answer".to_owned()))
}

fn later() -> Outcome {
    Err(MessengerError::Later("busy".to_owned()))
}

#[rstest]
#[tokio::test]
async fn one_acceptance_is_one_message(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    assert!(!town.booked(None, "before").await, "nobody is told who did not ask");
    town.accepts(ReminderKind::Posted, 1).await;
    assert!(town.booked(None, "first").await);
    assert!(!town.booked(None, "first").await, "the same occasion is one reminder");
    assert_eq!(town.sends().await, Sent { accepted: 1, ..Sent::default() });
    let permission = town.permission(ReminderKind::Posted).await;
    assert_eq!((permission.wanted, permission.left), (true, 0));
    assert!(!town.booked(None, "second").await, "the acceptance is used");
    assert_eq!(town.sends().await, Sent::default());
    let letter = town.platform.letters.lock().expect("nobody panicked")[0].clone();
    assert_eq!(letter.words["title"], "缴费成功");
    assert_eq!((letter.id_kind.as_str(), letter.external_id.len()), ("open_id", 28));
    assert!(!format!("{letter:?}").contains("缴费"), "words stay out of logs");
}

#[rstest]
#[tokio::test]
async fn one_person_hears_of_one_kind_once_a_day(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    town.accepts(ReminderKind::Posted, 5).await;
    let entropy = SystemEntropy::default();
    let person = || Some(PersonId::generate(kernel::Clock::now(&*town.clock), &entropy));
    let (one, other) = (person(), person());
    for (person, subject) in [(one, "a"), (one, "b"), (other, "c")] {
        assert!(town.booked(person, subject).await);
    }
    assert_eq!(town.sends().await, Sent { accepted: 2, skipped: 1, ..Sent::default() });
    town.pass(24 * 60 * 60);
    assert!(town.booked(one, "d").await);
    assert_eq!(town.sends().await, Sent { accepted: 1, ..Sent::default() });
}

#[rstest]
#[tokio::test]
async fn nothing_leaves_at_night(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend).await;
    town.accepts(ReminderKind::Posted, 2).await;
    assert!(town.booked(None, "by day").await);
    // 21:00: what was due by day and was not sent waits for the morning too.
    town.pass(12 * 60 * 60);
    assert!(town.booked(None, "by night").await);
    assert_eq!(town.sends().await, Sent::default());
    town.pass(11 * 60 * 60 - 1);
    assert_eq!(town.sends().await, Sent::default());
    town.pass(1);
    assert_eq!(town.sends().await, Sent { accepted: 1, skipped: 1, ..Sent::default() });
}

#[rstest]
#[tokio::test]
async fn declined_is_a_normal_end(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend).await;
    town.accepts(ReminderKind::Posted, 3).await;
    town.answers([Ok(MessageFate::Declined)]);
    assert!(town.booked(None, "first").await);
    assert_eq!(town.sends().await, Sent { declined: 1, ..Sent::default() });
    assert_eq!(town.permission(ReminderKind::Posted).await.left, 0, "nothing accepted is left");
    assert!(!town.booked(None, "second").await);
}

#[rstest]
#[tokio::test]
async fn a_refusal_by_the_citizen_stops_what_waits(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    town.accepts(ReminderKind::Posted, 3).await;
    assert!(town.booked(None, "first").await);
    let (account, kind) = (town.account, ReminderKind::Posted);
    town.reminders.answer(account, kind, Answer::Reject).await.expect("an answer");
    assert_eq!(town.sends().await, Sent { skipped: 1, ..Sent::default() });
    assert_eq!(town.letters(), 0);
    let permission = town.permission(kind).await;
    assert_eq!((permission.wanted, permission.left), (false, 0));
}

#[rstest]
#[case::not_sent_is_tried_again(vec![later(), later()], 3, Sent { accepted: 1, ..Sent::default() })]
#[case::a_doubt_is_tried_once_more(vec![unknown()], 2, Sent { accepted: 1, ..Sent::default() })]
#[case::a_second_doubt_is_the_last(vec![unknown(), unknown()], 2, Sent { failed: 1, ..Sent::default() })]
#[case::a_doubt_outlives_a_busy_answer(vec![unknown(), later(), unknown()], 3, Sent { failed: 1, ..Sent::default() })]
#[case::refused(vec![Err(MessengerError::Refused("template".to_owned()))], 1, Sent { failed: 1, ..Sent::default() })]
#[case::busy_for_ever(std::iter::repeat_with(later).take(9).collect(), 5, Sent { failed: 1, ..Sent::default() })]
#[tokio::test]
async fn trying_again_has_its_rules(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[case] answers: Vec<Outcome>,
    #[case] letters: usize,
    #[case] end: Sent,
) {
    let town = Town::new(backend).await;
    town.accepts(ReminderKind::Posted, 1).await;
    town.answers(answers);
    assert!(town.booked(None, "order").await);
    let mut last = Sent::default();
    for _ in 0..12 {
        let sent = town.sends().await;
        if sent != Sent::default() && sent.later == 0 {
            last = sent;
        }
        town.pass(2 * 60 * 60 + 1);
    }
    assert_eq!((town.letters(), last), (letters, end));
}

#[rstest]
#[tokio::test]
async fn a_sender_that_died_is_replaced_once(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    town.accepts(ReminderKind::Posted, 1).await;
    assert!(town.booked(None, "order").await);
    for tries in 1..=2 {
        *town.platform.hangs.lock().expect("nobody panicked") = true;
        tokio::select! {
            biased;
            _ = town.reminders.send_due(10) => panic!("the platform never answers"),
            () = until(|| town.letters() == tries) => {}
        }
        assert_eq!(town.sends().await, Sent::default(), "the message is leased");
        town.pass(121);
    }
    assert_eq!(town.sends().await, Sent::default(), "it may have been read twice already");
    assert_eq!(town.letters(), 2);
}

/// Waits for a condition, letting others run.
async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[rstest]
#[tokio::test]
async fn old_news_is_not_told(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend).await;
    town.accepts(ReminderKind::Posted, 1).await;
    assert!(town.booked(None, "order").await);
    town.pass(49 * 60 * 60);
    assert_eq!(town.sends().await, Sent { skipped: 1, ..Sent::default() });
    assert_eq!((town.letters(), town.permission(ReminderKind::Posted).await.left), (0, 1));
}

#[rstest]
#[tokio::test]
async fn a_kind_without_a_template_is_not_sent(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    town.accepts(ReminderKind::Window, 1).await;
    let occasion = Occasion {
        account: town.account,
        kind: ReminderKind::Window,
        person: None,
        subject: "a window".to_owned(),
        words: BTreeMap::new(),
        page: "pages/bills/bills".to_owned(),
    };
    assert!(town.reminders.note(&occasion).await.expect("noted"));
    assert_eq!(town.sends().await, Sent { skipped: 1, ..Sent::default() });
}

#[rstest]
#[tokio::test]
async fn an_account_is_forgotten_whole(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    town.accepts(ReminderKind::Posted, 2).await;
    assert!(town.booked(None, "order").await);
    town.reminders.forget(town.account).await.expect("forgotten");
    assert_eq!(town.permission(ReminderKind::Posted).await.updated_at, None);
    assert_eq!(town.sends().await, Sent::default());
    town.accepts(ReminderKind::Posted, 1).await;
    assert!(town.booked(None, "order").await, "nothing says that it was told before");
}

#[rstest]
#[tokio::test]
async fn only_messages_that_are_over_grow_old(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    town.accepts(ReminderKind::Posted, 3).await;
    assert!(town.booked(None, "sent").await);
    town.sends().await;
    assert!(town.booked(None, "waiting").await);
    town.pass(60);
    let now = Timestamp::from_rfc3339(MORNING).expect("a time").plus(Duration::from_secs(60));
    assert_eq!(town.reminders.count_over(now).await.expect("a count"), 1);
    assert_eq!(town.reminders.forget_over(now, 10).await.expect("a count"), 1);
    assert_eq!(town.reminders.forget_over(now, 10).await.expect("a count"), 0);
    assert_eq!(town.reminders.count_over(now).await.expect("a count"), 0);
}

#[rstest]
#[tokio::test]
async fn one_searcher_at_a_time_goes_on_where_the_last_one_was(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let reminders = &town.reminders;
    let start = Place { at: Timestamp::from_millis(5), row: None };
    assert_eq!(reminders.place("booked", start).await.expect("a place"), start);
    let other = Place { at: Timestamp::from_millis(9), row: None };
    assert_eq!(reminders.place("booked", other).await.expect("a place"), start);
    let mut taken = reminders.take_progress("booked", start).await.expect("a try").expect("free");
    assert!(reminders.take_progress("booked", start).await.expect("a try").is_none());
    taken.place = Place { at: Timestamp::from_millis(7), row: Some(uuid::Uuid::from_u128(7)) };
    let reached = taken.place;
    reminders.keep_progress(taken).await.expect("kept");
    assert!(reminders.take_progress("booked", start).await.expect("a try").is_none(), "it went on");
    assert_eq!(reminders.place("booked", start).await.expect("a place"), reached);
    let dead = reminders.take_progress("booked", reached).await.expect("a try").expect("free");
    town.pass(601);
    let next = reminders.take_progress("booked", reached).await.expect("a try").expect("free");
    reminders.keep_progress(dead).await.expect("no matter");
    assert!(reminders.take_progress("booked", reached).await.expect("a try").is_none());
    reminders.keep_progress(next).await.expect("kept");
}

/// What can happen to a permission.
#[derive(Clone, Copy, Debug)]
enum Step {
    Accept,
    Reject,
    Sent,
    Declined,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_left_is_what_was_accepted_and_not_sent(
        steps in proptest::collection::vec(
            proptest::sample::select(vec![Step::Accept, Step::Accept, Step::Reject, Step::Sent, Step::Declined]),
            0..40,
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (left, wanted, letters, expected) = runtime.block_on(async {
            let town = Town::new(Backend::Sqlite).await;
            let (mut left, mut wanted, mut letters) = (0_u32, false, 0_usize);
            for (number, step) in steps.iter().enumerate() {
                match step {
                    Step::Accept => {
                        town.accepts(ReminderKind::Posted, 1).await;
                        (left, wanted) = ((left + 1).min(20), true);
                    }
                    Step::Reject => {
                        let (account, kind) = (town.account, ReminderKind::Posted);
                        town.reminders.answer(account, kind, Answer::Reject).await.expect("an answer");
                        (left, wanted) = (0, false);
                    }
                    Step::Sent | Step::Declined => {
                        let declined = matches!(step, Step::Declined);
                        let fate =
                            if declined { MessageFate::Declined } else { MessageFate::Accepted };
                        town.platform.answers.lock().expect("nobody panicked").clear();
                        town.answers([Ok(fate)]);
                        let noted = town.booked(None, &format!("order {number}")).await;
                        assert_eq!(noted, left > 0);
                        town.sends().await;
                        letters += usize::from(noted);
                        if noted {
                            left = if declined { 0 } else { left - 1 };
                        }
                        town.pass(24 * 60 * 60);
                    }
                }
            }
            let permission = town.permission(ReminderKind::Posted).await;
            ((permission.left, left), (permission.wanted, wanted), town.letters(), letters)
        });
        prop_assert_eq!(left.0, left.1);
        prop_assert_eq!(wanted.0, wanted.1);
        prop_assert_eq!(letters, expected);
    }
}
