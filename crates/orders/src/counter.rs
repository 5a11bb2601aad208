//! The agency's counter: every question to an agency that names a person goes through here.
//!
//! In one place, so that wrong names are counted in one place (`people::naming`): a question that
//! names somebody whom no agency has recognised yet, or that carries a number somebody typed, takes a
//! try before it is asked, and gets it back unless the answer is that they do not agree.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use agency::{
    Agency, AgencyError, Bill, BillQuery, CardNo, CardQuery, Enrolment, Objection, SocialCard,
    TierChoice, TierChosen, TopupRequest,
};
use kernel::{
    AccountId, AgencyCode, BillKind, Fen, Identity, Insurance, Month, MonthRange, PersonId,
};
use people::Named;

use crate::{OrderError, Orders};

/// One account at the counter, about one of its persons.
#[derive(Debug)]
pub struct Counter<'a> {
    orders: &'a Orders,
    account: AccountId,
    person: PersonId,
    pub(crate) identity: Identity,
    recognised: AtomicBool,
}

impl Orders {
    /// Steps up to the counter for a person of this account.
    ///
    /// # Errors
    /// [`OrderError::PersonNotFound`], also for one that was removed.
    pub async fn counter(
        &self,
        account: AccountId,
        person: PersonId,
    ) -> Result<Counter<'_>, OrderError> {
        let named = self.people.named(account, person).await.map_err(OrderError::from_person)?;
        let Named { identity, recognised } = named;
        Ok(Counter { orders: self, account, person, identity, recognised: recognised.into() })
    }
}

impl Counter<'_> {
    /// Where and in which state the person is insured.
    ///
    /// # Errors
    /// The agency's answer; [`people::PeopleError::TooManyWrongNames`] before it is asked.
    pub async fn enrolments(&self, agency: &AgencyCode) -> Result<Vec<Enrolment>, OrderError> {
        let at = self.agency(agency)?;
        self.naming(false, at.query_insured(agency, &self.identity)).await
    }

    /// What is due and paid.
    ///
    /// # Errors
    /// As [`Counter::enrolments`].
    pub async fn bills(
        &self,
        agency: &AgencyCode,
        insurance: Insurance,
        months: MonthRange,
        kind: BillKind,
    ) -> Result<Vec<Bill>, OrderError> {
        let (at, agency) = (self.agency(agency)?, agency.clone());
        let identity = self.identity.clone();
        let query = BillQuery { agency, identity, insurance, months, kind };
        self.naming(false, at.query_bills(&query)).await
    }

    /// # Errors
    /// As [`Counter::enrolments`].
    pub async fn choose_tier(
        &self,
        agency: &AgencyCode,
        insurance: Insurance,
        tier_no: u16,
        from: Month,
    ) -> Result<TierChosen, OrderError> {
        let (at, agency) = (self.agency(agency)?, agency.clone());
        let identity = self.identity.clone();
        let choice = TierChoice { agency, identity, insurance, tier_no, from };
        self.naming(false, at.set_tier(&choice)).await
    }

    /// The person's social card; with a number, whether it is theirs.
    ///
    /// # Errors
    /// As [`Counter::enrolments`].
    pub async fn card(
        &self,
        agency: &AgencyCode,
        card_no: Option<CardNo>,
    ) -> Result<SocialCard, OrderError> {
        let (at, agency) = (self.agency(agency)?, agency.clone());
        let typed = card_no.is_some();
        let query = CardQuery { agency, identity: self.identity.clone(), card_no };
        self.naming(typed, at.query_card(&query)).await
    }

    /// A bill that pays into the medical personal account of a card.
    ///
    /// # Errors
    /// As [`Counter::enrolments`].
    pub async fn topup(
        &self,
        agency: &AgencyCode,
        card_no: CardNo,
        amount: Fen,
    ) -> Result<Bill, OrderError> {
        let (at, agency) = (self.agency(agency)?, agency.clone());
        let request = TopupRequest { agency, identity: self.identity.clone(), card_no, amount };
        self.naming(true, at.create_topup(&request)).await
    }

    /// Whether a personal number is one of those that agencies told: compared by us, so the try is
    /// taken and counted by us as well.
    ///
    /// # Errors
    /// [`Objection::IdentityMismatch`], and [`people::PeopleError::TooManyWrongNames`].
    pub async fn is_known_number(&self, typed: &str, known: &[String]) -> Result<(), OrderError> {
        let agrees = known.iter().any(|number| number == typed);
        let mismatch = || AgencyError::Objection(Objection::IdentityMismatch);
        let answer = async { if agrees { Ok(()) } else { Err(mismatch()) } };
        self.naming(true, answer).await
    }

    fn agency(&self, code: &AgencyCode) -> Result<Arc<dyn Agency>, OrderError> {
        self.orders.directory.agency(code)
    }

    /// Asks, and counts a wrong name or number. `typed`: the question carries a number that somebody
    /// typed beside the person, which can be guessed whoever the person is.
    async fn naming<T>(
        &self,
        typed: bool,
        question: impl Future<Output = Result<T, AgencyError>>,
    ) -> Result<T, OrderError> {
        let people = &self.orders.people;
        let recognised = self.recognised.load(Ordering::Relaxed);
        if recognised && !typed {
            return Ok(question.await?);
        }
        let tried = people.try_name(self.account, &self.identity.document).await?;
        let answer = question.await;
        if matches!(answer, Err(AgencyError::Objection(Objection::IdentityMismatch))) {
            metrics::counter!("wrong_names").increment(1);
            return Ok(answer?);
        }
        people.give_back(&tried).await?;
        if answer.is_ok() && !self.recognised.swap(true, Ordering::Relaxed) {
            people.recognise(self.account, self.person).await?;
        }
        Ok(answer?)
    }
}
