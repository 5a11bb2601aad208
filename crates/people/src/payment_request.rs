//! Family payment (亲情代缴): an insured person asks somebody to pay, by a link.
//!
//! The link is 256 random bits and nothing else; the database knows their SHA-256. It ends after three
//! days, when it is withdrawn, and when somebody has accepted it. Accepting makes the insured person
//! one of the payer's, with the payer's consent: from then on the payer asks for bills and pays them
//! like those of anybody else whom they pay for, with their own wallet. No order changes its owner.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{AccountId, CityCode, OrderNo, PaymentRequestId, PersonId, Secret, Timestamp};
use migrations::begin_write;
use ring::digest::{SHA256, digest};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

use crate::{
    InsuredPerson, NewPerson, People, PeopleError, Relation,
    person::{self, OpenedPerson, RemovedBy},
    table::{
        payment_requests::{self, ActiveModel, Column, Entity, TABLE},
        persons,
    },
};

const TOKEN_BYTES: usize = 32;

/// What stands in the link. Prints as `***`.
#[derive(Clone, Debug)]
pub struct RequestToken {
    text: Secret,
    hash: String,
}

impl RequestToken {
    fn from_bytes(bytes: &[u8; TOKEN_BYTES]) -> RequestToken {
        let hash = hex::encode(digest(&SHA256, bytes));
        RequestToken { text: Secret::new(URL_SAFE_NO_PAD.encode(bytes)), hash }
    }

    /// Reads the 43 characters of base64url; `None` for everything else.
    pub fn parse(text: &str) -> Option<RequestToken> {
        let bytes =
            if text.len() == 43 { URL_SAFE_NO_PAD.decode(text).ok()? } else { return None };
        Some(RequestToken::from_bytes(&bytes.try_into().ok()?))
    }

    /// For the answer to whoever asks; it is shown once.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }
}

/// What somebody is asked to pay.
#[derive(Clone, Debug)]
pub struct NewPaymentRequest {
    pub person: PersonId,
    pub city: CityCode,
    /// An unpaid order of the asking account; whoever accepts pays its bills instead.
    pub order: Option<OrderNo>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    Open,
    Accepted,
    Withdrawn,
    Expired,
}

impl RequestState {
    pub const fn code(self) -> &'static str {
        match self {
            RequestState::Open => "open",
            RequestState::Accepted => "accepted",
            RequestState::Withdrawn => "withdrawn",
            RequestState::Expired => "expired",
        }
    }
}

/// A request as both sides may see it: whoever is asked sees what a payer sees.
#[derive(Clone)]
pub struct PaymentRequest {
    pub id: PaymentRequestId,
    /// The account that asks.
    pub account: AccountId,
    pub person: PersonId,
    pub masked_name: String,
    /// First and last character.
    pub masked_number: String,
    pub city: CityCode,
    pub order: Option<OrderNo>,
    pub state: RequestState,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// Who accepted it, and whom it became in their account.
    pub accepted: Option<(AccountId, PersonId)>,
    /// Whether the asked must bring a guardian's statement.
    pub needs_guardian: bool,
}

impl fmt::Debug for PaymentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PaymentRequest({}, {}, ***)", self.id, self.state.code())
    }
}

impl People {
    /// How long a link works.
    pub const REQUEST_LIFE: Duration = Duration::from_secs(3 * 24 * 3600);
    /// Open links of one account.
    pub const REQUESTS_MAX: u64 = 10;

    /// Makes a link for the account's own, proven person.
    ///
    /// # Errors
    /// [`PeopleError::RealNameNeeded`], [`PeopleError::TooManyRequests`], and
    /// [`PeopleError::OwnPersonOnly`] for anybody else.
    pub async fn ask_for_payment(
        &self,
        account: AccountId,
        new: NewPaymentRequest,
    ) -> Result<(RequestToken, PaymentRequest), PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, account).await?;
        let row = persons::Entity::find_by_id(new.person.as_uuid())
            .filter(persons::Column::AccountId.eq(account.as_uuid()))
            .filter(persons::Column::RemovedAtMs.is_null())
            .one(&txn)
            .await?
            .ok_or(PeopleError::PersonNotFound)?;
        if row.relation != Relation::Own.code() {
            return Err(PeopleError::OwnPersonOnly);
        }
        let own = self.proven_person(&txn, account, now).await?;
        let open = Entity::find()
            .filter(Column::AccountId.eq(account.as_uuid()))
            .filter(Column::State.eq(RequestState::Open.code()))
            .filter(Column::ExpiresAtMs.gt(now.as_millis()))
            .count(&txn)
            .await?;
        if open >= People::REQUESTS_MAX {
            return Err(PeopleError::TooManyRequests);
        }
        let mut bytes = [0; TOKEN_BYTES];
        self.entropy.fill(&mut bytes);
        let token = RequestToken::from_bytes(&bytes);
        let row = ActiveModel {
            id: Set(PaymentRequestId::generate(now, &*self.entropy).as_uuid()),
            token_hash: Set(token.hash.clone()),
            account_id: Set(account.as_uuid()),
            person_id: Set(new.person.as_uuid()),
            city_code: Set(new.city.to_string()),
            order_no: Set(new.order.map(|order| order.to_string())),
            state: Set(RequestState::Open.code().to_owned()),
            created_at_ms: Set(now.as_millis()),
            expires_at_ms: Set(now.plus(People::REQUEST_LIFE).as_millis()),
            accepted_at_ms: Set(None),
            accepted_by: Set(None),
            accepted_person: Set(None),
        };
        let row = row.insert(&txn).await?;
        txn.commit().await?;
        let request = seen(&row, &own, now)?;
        Ok((token, request))
    }

    /// What a link asks for.
    ///
    /// # Errors
    /// [`PeopleError::RequestNotFound`] also when the insured person has gone since.
    pub async fn payment_request(
        &self,
        token: &RequestToken,
    ) -> Result<PaymentRequest, PeopleError> {
        let row = Entity::find().filter(Column::TokenHash.eq(&token.hash)).one(&self.db).await?;
        let row = row.ok_or(PeopleError::RequestNotFound)?;
        let now = self.clock.now();
        let asking = self.asking(&row, now).await?;
        seen(&row, &asking, now)
    }

    /// Takes the insured person into the payer's account. The same payer again gets the same answer.
    ///
    /// # Errors
    /// [`PeopleError::RequestNotFound`], [`PeopleError::OwnRequest`], and those of
    /// [`People::add_person`].
    pub async fn accept_payment_request(
        &self,
        payer: AccountId,
        token: &RequestToken,
        consent_text_version: String,
        guardian_text_version: Option<String>,
    ) -> Result<InsuredPerson, PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, payer).await?;
        let row = Entity::find()
            .filter(Column::TokenHash.eq(&token.hash))
            .lock_exclusive()
            .one(&txn)
            .await?
            .ok_or(PeopleError::RequestNotFound)?;
        if row.account_id == payer.as_uuid() {
            return Err(PeopleError::OwnRequest);
        }
        if let (Some(by), Some(person)) = (row.accepted_by, row.accepted_person)
            && by == payer.as_uuid()
        {
            drop(txn);
            return self.person(payer, PersonId::from_uuid(person)).await;
        }
        if state_of(&row, now)? != RequestState::Open {
            return Err(PeopleError::RequestNotFound);
        }
        let asking = persons::Entity::find_by_id(row.person_id)
            .filter(persons::Column::RemovedAtMs.is_null())
            .one(&txn)
            .await?
            .ok_or(PeopleError::RequestNotFound)?;
        let identity = OpenedPerson::open(&self.cipher, &asking, now)?.identity;
        // The insured person asks: what they said before is lifted.
        persons::Entity::update_many()
            .col_expr(persons::Column::RemovedBy, Expr::value(RemovedBy::Lifted.code()))
            .filter(persons::Column::AccountId.eq(payer.as_uuid()))
            .filter(persons::Column::DocumentKind.eq(identity.document.kind().code()))
            .filter(persons::Column::DocumentHash.is_in(self.document_hashes(&identity.document)))
            .filter(persons::Column::RemovedBy.eq(RemovedBy::Insured.code()))
            .exec(&txn)
            .await?;
        let relation = Relation::Other;
        // The asker came in as themselves, so they were fourteen then, whatever the document tells.
        let new = NewPerson {
            identity,
            relation,
            birth_date: None,
            consent_text_version,
            guardian_text_version,
        };
        let person = self.add_person_in(&txn, payer, new, now).await?;
        let change = ActiveModel {
            state: Set(RequestState::Accepted.code().to_owned()),
            accepted_at_ms: Set(Some(now.as_millis())),
            accepted_by: Set(Some(payer.as_uuid())),
            accepted_person: Set(Some(person.id.as_uuid())),
            ..row.into()
        };
        change.update(&txn).await?;
        txn.commit().await?;
        Ok(person)
    }

    /// Ends an open link of the account; one that is over already stays as it is.
    ///
    /// # Errors
    /// [`PeopleError::RequestNotFound`] for links of others.
    pub async fn withdraw_payment_request(
        &self,
        account: AccountId,
        token: &RequestToken,
    ) -> Result<(), PeopleError> {
        let row = Entity::find()
            .filter(Column::TokenHash.eq(&token.hash))
            .filter(Column::AccountId.eq(account.as_uuid()))
            .one(&self.db)
            .await?
            .ok_or(PeopleError::RequestNotFound)?;
        Entity::update_many()
            .col_expr(Column::State, Expr::value(RequestState::Withdrawn.code()))
            .filter(Column::Id.eq(row.id))
            .filter(Column::State.eq(RequestState::Open.code()))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// The account's own requests, newest first, at most a hundred.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn list_payment_requests(
        &self,
        account: AccountId,
    ) -> Result<Vec<PaymentRequest>, PeopleError> {
        let now = self.clock.now();
        let rows = Entity::find()
            .filter(Column::AccountId.eq(account.as_uuid()))
            .order_by_desc(Column::CreatedAtMs)
            .limit(100)
            .all(&self.db)
            .await?;
        let mut requests = Vec::new();
        for row in rows {
            match self.asking(&row, now).await {
                Ok(asking) => requests.push(seen(&row, &asking, now)?),
                // The person was removed since; the request says nothing any more.
                Err(PeopleError::RequestNotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(requests)
    }

    async fn asking(
        &self,
        row: &payment_requests::Model,
        now: Timestamp,
    ) -> Result<OpenedPerson, PeopleError> {
        let asking = persons::Entity::find_by_id(row.person_id)
            .filter(persons::Column::AccountId.eq(row.account_id))
            .filter(persons::Column::RemovedAtMs.is_null())
            .one(&self.db)
            .await?
            .ok_or(PeopleError::RequestNotFound)?;
        OpenedPerson::open(&self.cipher, &asking, now)
    }
}

fn state_of(row: &payment_requests::Model, now: Timestamp) -> Result<RequestState, PeopleError> {
    let known = [
        RequestState::Open,
        RequestState::Accepted,
        RequestState::Withdrawn,
        RequestState::Expired,
    ];
    let damaged = PeopleError::Damaged { table: TABLE, column: "state", row: row.id };
    let state = known.into_iter().find(|state| state.code() == row.state).ok_or(damaged)?;
    let over = state == RequestState::Open && now.as_millis() >= row.expires_at_ms;
    Ok(if over { RequestState::Expired } else { state })
}

fn seen(
    row: &payment_requests::Model,
    asking: &OpenedPerson,
    now: Timestamp,
) -> Result<PaymentRequest, PeopleError> {
    let damaged = |column| PeopleError::Damaged { table: TABLE, column, row: row.id };
    let order = row.order_no.clone().map(OrderNo::new).transpose();
    let as_other = NewPerson {
        identity: asking.identity.clone(),
        relation: Relation::Other,
        birth_date: None,
        consent_text_version: String::new(),
        guardian_text_version: None,
    };
    Ok(PaymentRequest {
        id: PaymentRequestId::from_uuid(row.id),
        account: AccountId::from_uuid(row.account_id),
        person: asking.id,
        masked_name: asking.identity.name.masked(),
        masked_number: asking.identity.document.masked_for_payer(),
        city: row.city_code.parse().map_err(|_| damaged("city_code"))?,
        order: order.map_err(|_| damaged("order_no"))?,
        state: state_of(row, now)?,
        created_at: Timestamp::from_millis(row.created_at_ms),
        expires_at: Timestamp::from_millis(row.expires_at_ms),
        accepted: row
            .accepted_by
            .zip(row.accepted_person)
            .map(|(by, person)| (AccountId::from_uuid(by), PersonId::from_uuid(person))),
        needs_guardian: as_other.needs_guardian(now),
    })
}
