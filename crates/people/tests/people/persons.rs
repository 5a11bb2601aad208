use std::time::Duration;

use kernel::{AccountId, Clock, PersonId, SystemEntropy};
use migrations::Backend;
use people::{NewPerson, PeopleError, Purpose, Relation};
use rstest::rstest;
use tokio::task::JoinSet;

use crate::town::{
    CONSENT, NAME, NUMBER, OPENID, OTHER_NUMBER, Town, identity, numbers, person, second_keys,
};

#[rstest]
#[case::own(Relation::Own, "320***********009X")]
#[case::other(Relation::Other, "3****************X")]
#[tokio::test]
async fn a_payer_sees_less_of_somebody_elses_number(
    #[case] relation: Relation,
    #[case] masked_number: &str,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let added = town.people.add_person(account, person(NAME, NUMBER, relation)).await;
    let added = added.expect("a person");
    assert_eq!(added.masked_number, masked_number);
    assert_eq!(added.masked_name, "**娜扎");
    assert_eq!(added.created_at, town.clock.now());
    assert_eq!(town.people.person(account, added.id).await.expect("a person"), added);
    assert_eq!(town.people.list_persons(account).await.expect("a list"), [added]);
}

#[rstest]
#[tokio::test]
async fn the_identity_comes_back_whole_for_the_agency(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let new = person(NAME, NUMBER, Relation::Own);
    let id = town.people.add_person(account, new).await.expect("a person").id;
    let found = town.people.identity_of(account, id).await.expect("an identity");
    assert!(found == identity(NAME, NUMBER));
}

#[rstest]
#[tokio::test]
async fn adding_the_same_person_again_changes_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let new = person(NAME, NUMBER, Relation::Other);
    let first = town.people.add_person(account, new.clone()).await.expect("a person");
    town.clock.advance(Duration::from_secs(60));
    assert_eq!(town.people.add_person(account, new).await.expect("a person"), first);
    assert_eq!(town.people.list_persons(account).await.expect("a list").len(), 1);
    assert_eq!(town.people.list_consents(account).await.expect("a list").len(), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn adding_one_person_many_times_at_once_adds_one(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let mut acts = JoinSet::new();
    for _ in 0..8 {
        let people = town.people.clone();
        acts.spawn(
            async move { people.add_person(account, person(NAME, NUMBER, Relation::Own)).await },
        );
    }
    for outcome in acts.join_all().await {
        outcome.expect("every one gets the person");
    }
    assert_eq!(town.people.list_persons(account).await.expect("a list").len(), 1);
}

#[rstest]
#[case::name("王丰", Relation::Other)]
#[case::relation(NAME, Relation::Own)]
#[tokio::test]
async fn a_refusal_does_not_say_which_detail_differs(
    #[case] name: &str,
    #[case] relation: Relation,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let recorded = person(NAME, NUMBER, Relation::Other);
    let recorded = town.people.add_person(account, recorded).await.expect("a person");
    let error = town.people.add_person(account, person(name, NUMBER, relation)).await;
    let error = error.expect_err("a refusal");
    assert!(matches!(error, PeopleError::PersonDiffers));
    assert_eq!(error.to_string(), "the details do not agree with those recorded before");
    assert_eq!(town.people.list_persons(account).await.expect("a list"), [recorded]);
}

#[rstest]
#[tokio::test]
async fn an_account_has_one_person_of_its_own(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let own = person(NAME, NUMBER, Relation::Own);
    town.people.add_person(account, own).await.expect("a person");
    let second = person("王丰", OTHER_NUMBER, Relation::Own);
    let error = town.people.add_person(account, second).await.expect_err("a refusal");
    assert!(matches!(error, PeopleError::OwnPersonExists));
    let other = person("王丰", OTHER_NUMBER, Relation::Other);
    town.people.add_person(account, other).await.expect("a person");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_race_gets_past_twenty_persons(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let mut acts = JoinSet::new();
    for number in numbers(23) {
        let people = town.people.clone();
        acts.spawn(async move {
            people.add_person(account, person(NAME, &number, Relation::Other)).await
        });
    }
    let outcomes = acts.join_all().await;
    let refused = outcomes.into_iter().filter_map(Result::err).inspect(|error| {
        assert!(matches!(error, PeopleError::TooManyPersons), "{error}");
    });
    assert_eq!(refused.count(), 3);
    assert_eq!(town.people.list_persons(account).await.expect("a list").len(), 20);
}

#[rstest]
#[tokio::test]
async fn every_person_comes_with_a_consent(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let own = person(NAME, NUMBER, Relation::Own);
    let own = town.people.add_person(account, own).await.expect("a person");
    town.clock.advance(Duration::from_secs(1));
    let other = person("王丰", OTHER_NUMBER, Relation::Other);
    let other = town.people.add_person(account, other).await.expect("a person");

    let consents = town.people.list_consents(account).await.expect("a list");
    let told: Vec<_> = consents
        .iter()
        .map(|c| (c.person, c.purpose, c.text_version.as_str(), c.withdrawn_at))
        .collect();
    assert_eq!(
        told,
        [
            (own.id, Purpose::PayForSelf, CONSENT, None),
            (other.id, Purpose::PayForOther, CONSENT, None)
        ]
    );
    assert_eq!(consents[1].given_at, town.clock.now());
}

#[rstest]
#[tokio::test]
async fn a_new_wording_is_agreed_to_once_more(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let old = person(NAME, NUMBER, Relation::Own);
    let new = NewPerson { consent_text_version: "2027-01".to_owned(), ..old.clone() };
    for agreed in [old, new.clone(), new] {
        town.people.add_person(account, agreed).await.expect("a person");
        town.clock.advance(Duration::from_secs(1));
    }
    let consents = town.people.list_consents(account).await.expect("a list");
    let versions: Vec<&str> = consents.iter().map(|c| c.text_version.as_str()).collect();
    assert_eq!(versions, [CONSENT, "2027-01"]);
}

#[rstest]
#[case("")]
#[case("v 1")]
#[case("一")]
#[case("123456789012345678901234567890123")]
#[tokio::test]
async fn a_consent_without_a_proper_version_is_refused(#[case] version: &str) {
    let town = Town::new(Backend::Sqlite).await;
    let account = town.account(OPENID).await;
    let mut new = person(NAME, NUMBER, Relation::Own);
    new.consent_text_version = version.to_owned();
    let error = town.people.add_person(account, new).await.expect_err("a refusal");
    assert!(matches!(error, PeopleError::ConsentVersion));
    assert!(town.people.list_persons(account).await.expect("a list").is_empty());
}

#[rstest]
#[tokio::test]
async fn a_removed_person_is_gone_and_the_consent_withdrawn(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let new = person(NAME, NUMBER, Relation::Own);
    let id = town.people.add_person(account, new).await.expect("a person").id;
    town.clock.advance(Duration::from_secs(60));
    town.people.remove_person(account, id).await.expect("removed");

    assert!(town.people.list_persons(account).await.expect("a list").is_empty());
    assert_not_found(&town, account, id).await;
    let consents = town.people.list_consents(account).await.expect("a list");
    assert_eq!(consents.len(), 1);
    assert_eq!(consents[0].withdrawn_at, Some(town.clock.now()));
}

#[rstest]
#[tokio::test]
async fn an_order_under_way_reaches_the_agency_after_the_removal(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let new = person(NAME, NUMBER, Relation::Own);
    let id = town.people.add_person(account, new).await.expect("a person").id;
    town.people.remove_person(account, id).await.expect("removed");
    let found = town.people.identity_for_posting(account, id).await.expect("an identity");
    assert!(found == identity(NAME, NUMBER));
}

#[rstest]
#[tokio::test]
async fn a_removed_person_can_be_added_again_with_other_details(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let mistyped = person("古丽那扎", NUMBER, Relation::Other);
    let before = town.people.add_person(account, mistyped).await.expect("a person");
    town.people.remove_person(account, before.id).await.expect("removed");
    town.clock.advance(Duration::from_secs(1));
    let right = person(NAME, NUMBER, Relation::Own);
    let after = town.people.add_person(account, right).await.expect("a person");
    assert_ne!(after.id, before.id);
    assert_eq!(after.masked_name, "**娜扎");
    let consents = town.people.list_consents(account).await.expect("a list");
    let in_force: Vec<_> =
        consents.iter().filter(|c| c.withdrawn_at.is_none()).map(|c| c.person).collect();
    assert_eq!(in_force, [after.id]);
}

#[rstest]
#[tokio::test]
async fn another_account_sees_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let owner = town.account(OPENID).await;
    let stranger = town.account("oStranger").await;
    let new = person(NAME, NUMBER, Relation::Own);
    let id = town.people.add_person(owner, new).await.expect("a person").id;

    assert!(town.people.list_persons(stranger).await.expect("a list").is_empty());
    assert!(town.people.list_consents(stranger).await.expect("a list").is_empty());
    assert_not_found(&town, stranger, id).await;
    let posting = town.people.identity_for_posting(stranger, id).await;
    assert!(matches!(posting.expect_err("not theirs"), PeopleError::PersonNotFound));
    assert_eq!(town.people.list_persons(owner).await.expect("a list").len(), 1);
}

#[rstest]
#[tokio::test]
async fn two_accounts_may_have_the_same_person(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    for openid in [OPENID, "oStranger"] {
        let account = town.account(openid).await;
        let new = person(NAME, NUMBER, Relation::Other);
        town.people.add_person(account, new).await.expect("a person");
    }
}

#[rstest]
#[tokio::test]
async fn an_unknown_account_gets_no_persons(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let unknown = AccountId::generate(town.clock.now(), &SystemEntropy::default());
    let added = town.people.add_person(unknown, person(NAME, NUMBER, Relation::Own)).await;
    assert!(matches!(added.expect_err("a refusal"), PeopleError::AccountNotFound));
}

#[rstest]
#[tokio::test]
async fn a_person_from_before_a_change_of_keys_is_not_added_twice(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let account = town.account(OPENID).await;
    let new = person(NAME, NUMBER, Relation::Own);
    let before = town.people.add_person(account, new.clone()).await.expect("a person");
    let people = town.with_keys(second_keys());
    assert_eq!(people.add_person(account, new).await.expect("a person"), before);
    assert_eq!(people.list_persons(account).await.expect("a list"), [before]);
}

async fn assert_not_found(town: &Town, account: AccountId, id: PersonId) {
    let people = &town.people;
    let errors = [
        people.person(account, id).await.expect_err("no person"),
        people.identity_of(account, id).await.expect_err("no identity"),
        people.remove_person(account, id).await.expect_err("nothing to remove"),
    ];
    for error in errors {
        assert!(matches!(error, PeopleError::PersonNotFound), "{error}");
    }
}
