//! Confirmations: what was shown before somebody decided, bound to exactly that.
//!
//! A confirmation is a sealed text that the client hands back with the order: it holds for one
//! account, person, city and set of bills with their versions and amounts, for a short time. Nothing is
//! stored, so any process can check it; the field keys make it ours.

use std::time::Duration;

use kernel::{AccountId, Timestamp};
use people::{InsuredPerson, Relation, Sealed};
use ring::digest;

use super::{FrozenBill, PlaceOrder};
use crate::{OrderError, Orders};

/// Long enough to read the screen twice, short enough that amounts seldom change.
const LIFE: Duration = Duration::from_secs(10 * 60);

/// What a person is asked to confirm, as the agencies tell it at this moment.
#[derive(Clone, Debug)]
pub struct Confirmation {
    pub person: InsuredPerson,
    pub bills: Vec<FrozenBill>,
    pub amount: kernel::Fen,
    /// For somebody else: the order is refused without the token.
    pub needed: bool,
    pub token: String,
    pub expires_at: Timestamp,
}

impl Orders {
    /// Looks at everything that placing the order would look at, and places nothing. The idempotency
    /// key does not matter here.
    ///
    /// # Errors
    /// Those of [`Orders::place`], but for claims by other orders, which only placing finds out.
    pub async fn confirm(&self, wish: &PlaceOrder) -> Result<Confirmation, OrderError> {
        self.check_wish(wish)?;
        let person = self.people.person(wish.account, wish.person).await;
        let person = person.map_err(OrderError::from_person)?;
        let identity = self.people.identity_of(wish.account, wish.person).await;
        let identity = identity.map_err(OrderError::from_person)?;
        if let Some(claimed) = self.claimed_elsewhere(wish).await? {
            return Err(claimed);
        }
        let bills = self.freeze(wish, &identity).await?;
        let amount = kernel::Fen::sum(bills.iter().map(|frozen| frozen.bill.amount));
        let amount = amount.ok_or(OrderError::AboveLimit { max: self.rules.amount_max })?;
        let expires_at = self.clock.now().plus(LIFE);
        let token = self.sealed_token(wish, expires_at);
        let needed = person.relation == Relation::Other;
        Ok(Confirmation { person, bills, amount, needed, token, expires_at })
    }

    fn sealed_token(&self, wish: &PlaceOrder, expires_at: Timestamp) -> String {
        let text = format!("{} {}", expires_at.as_millis(), shown(wish));
        let sealed = self.cipher.seal(&context(wish.account), text.as_bytes());
        format!("{}~{}", sealed.key_id, hex::encode(sealed.bytes))
    }

    /// Refuses an order for somebody else that was not confirmed, and any that was confirmed otherwise.
    pub(super) async fn check_confirmation(&self, wish: &PlaceOrder) -> Result<(), OrderError> {
        let Some(token) = &wish.confirmation else {
            let person = self.people.person(wish.account, wish.person).await;
            let person = person.map_err(OrderError::from_person)?;
            return match person.relation {
                Relation::Own => Ok(()),
                Relation::Other => Err(OrderError::ConfirmationNeeded),
            };
        };
        let opened = (|| {
            let (key_id, bytes) = token.split_once('~')?;
            let sealed = Sealed { key_id: key_id.to_owned(), bytes: hex::decode(bytes).ok()? };
            let text = self.cipher.open_text(&context(wish.account), &sealed).ok()?;
            let (until, digest) = text.split_once(' ')?;
            Some((Timestamp::from_millis(until.parse().ok()?), digest.to_owned()))
        })();
        match opened {
            Some((until, digest)) if self.clock.now() < until && digest == shown(wish) => Ok(()),
            _ => Err(OrderError::ConfirmationUnfit),
        }
    }
}

/// The place that a token is sealed for: another account cannot open it.
fn context(account: AccountId) -> String {
    format!("confirmations:{account}")
}

/// A digest of what was on the screen, in whatever order the bills stood.
fn shown(wish: &PlaceOrder) -> String {
    let mut bills: Vec<_> =
        wish.bills.iter().map(|bill| serde_json::json!(bill).to_string()).collect();
    bills.sort();
    let shown = serde_json::json!([wish.person, wish.city, wish.channel, bills]);
    hex::encode(digest::digest(&digest::SHA256, shown.to_string().as_bytes()))
}
