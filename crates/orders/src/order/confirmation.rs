//! Confirmations of orders: a sealed text that the client hands back with the order. It holds for one
//! account, person, city and set of bills with their versions and amounts.

use kernel::Timestamp;
use people::{InsuredPerson, Shown};

use super::{FrozenBill, PlaceOrder};
use crate::{OrderError, Orders};

/// What a person is asked to confirm, as the agencies tell it at this moment.
#[derive(Clone, Debug)]
pub struct Confirmation {
    pub person: InsuredPerson,
    pub bills: Vec<FrozenBill>,
    pub amount: kernel::Fen,
    /// For anybody but the owner whose name is proven: the order is refused without the token.
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
        self.check_real_name(wish, &person)?;
        let counter = self.counter(wish.account, wish.person).await?;
        if let Some(claimed) = self.claimed_elsewhere(wish).await? {
            return Err(claimed);
        }
        let bills = self.freeze(wish, &counter).await?;
        let amount = kernel::Fen::sum(bills.iter().map(|frozen| frozen.bill.amount));
        let amount = amount.ok_or(OrderError::AboveLimit { max: self.rules.amount_max })?;
        let content = content(wish);
        let (token, expires_at) = self.people.confirmation(&shown(wish, &content));
        let needed = !person.is_proven_owner();
        Ok(Confirmation { person, bills, amount, needed, token, expires_at })
    }

    /// Refuses an order that had to be confirmed and was not, and any that was confirmed otherwise.
    pub(super) fn check_confirmation(
        &self,
        wish: &PlaceOrder,
        person: &InsuredPerson,
    ) -> Result<(), OrderError> {
        match &wish.confirmation {
            None if person.is_proven_owner() => Ok(()),
            None => Err(OrderError::ConfirmationNeeded),
            Some(token) if self.people.is_confirmed(&shown(wish, &content(wish)), token) => Ok(()),
            Some(_) => Err(OrderError::ConfirmationUnfit),
        }
    }
}

const fn shown<'a>(wish: &PlaceOrder, content: &'a str) -> Shown<'a> {
    Shown { matter: "confirmations", account: wish.account, content }
}

/// What was on the screen, in whatever order the bills stood.
fn content(wish: &PlaceOrder) -> String {
    let mut bills: Vec<_> =
        wish.bills.iter().map(|bill| serde_json::json!(bill).to_string()).collect();
    bills.sort();
    serde_json::json!([wish.person, wish.city, wish.channel, bills]).to_string()
}
