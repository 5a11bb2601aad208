//! Confirmations: everything that somebody is about to pay, once more, before they decide.
//!
//! The answer is what the confirmation screen shows. Its token goes with the order: for anybody but the
//! owner whose name is proven the order is refused without it, so that nobody pays for a stranger by a
//! slip.

use axum::{Json, extract::State};
use kernel::{BillKind, Insurance, Month, mask};
use orders::{Confirmation, FrozenBill, PlaceOrder};
use people::Relation;
use policies::Standing;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wording::Language;

use crate::{
    Api,
    caller::Caller,
    cities::{self, city_code},
    counter::{
        self, BillKindView, CategoryView, ComponentView, MonthsView, WindowView,
        gaps::{self, Gap},
    },
    input::{Body, parse},
    language::Reads,
    orders::{BillWish, is_elder, refused},
    persons::PersonView,
    problem::ApiError,
    sight::Sight,
    words,
};

/// What is about to be ordered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmationWish {
    person_id: String,
    #[schema(example = "320200")]
    city: String,
    bills: Vec<BillWish>,
    /// As in `POST /api/v1/orders`.
    #[schema(example = "standard")]
    display_mode: Option<String>,
}

/// The confirmation screen.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfirmationView {
    person: PersonView,
    /// The number of the person's document, as whoever pays may see it: 3 and 4 characters of one's
    /// own, the first and the last of another's.
    masked_document: String,
    city: String,
    city_name: String,
    channel: String,
    channel_label: String,
    bills: Vec<ConfirmedBill>,
    /// Yuan.
    amount: String,
    /// What should be read before paying.
    warnings: Vec<Warning>,
    /// Somebody else is paid for, or somebody whose name is not proven: ask a second time, and send the
    /// token with the order.
    needs_second_confirmation: bool,
    /// The question of the second time.
    second_confirmation: Option<String>,
    /// Goes into `confirmation` of `POST /api/v1/orders`. Holds for exactly these bills.
    confirmation: String,
    expires_at: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ConfirmedBill {
    bill_no: String,
    version: u32,
    agency: String,
    agency_name: String,
    insurance: String,
    insurance_label: String,
    /// What it is for, in words.
    label: String,
    #[serde(flatten)]
    kind: BillKindView,
    category: Option<CategoryView>,
    months: MonthsView,
    /// Yuan.
    base: Option<String>,
    tier_no: Option<u16>,
    /// Yuan.
    amount: String,
    components: Vec<ComponentView>,
    window: WindowView,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Warning {
    /// `provisional`, `preview_differs`, `topup`, `difference`, `back_payment`, `closing` or `gap`.
    code: String,
    text: String,
}

/// Shows what is about to be paid, as the agencies tell it now, and gives a token for exactly that.
#[utoipa::path(post, path = "/api/v1/confirmations", tag = "orders", security(("bearer" = [])),
    request_body = ConfirmationWish,
    responses((status = 200, body = ConfirmationView), (status = 409, description = "amount changed, closed, or in another order"),
        (status = 422, description = "not to be paid in one order")))]
pub(crate) async fn create(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Body(wish): Body<ConfirmationWish>,
) -> Result<Json<ConfirmationView>, ApiError> {
    let city = city_code(&wish.city)?;
    if api.catalogue.pack(&city).is_none() {
        return Err(cities::not_open(&city));
    }
    let order = PlaceOrder {
        account: caller.account,
        person: parse("person_id", &wish.person_id)?,
        city,
        channel: caller.channel,
        bills: wish.bills.iter().map(BillWish::read).collect::<Result<_, _>>()?,
        idempotency_key: String::new(),
        confirmation: None,
        elder: is_elder(wish.display_mode.as_deref())?,
    };
    match api.orders.confirm(&order).await {
        Ok(confirmed) => {
            let mut view = view(&api, &order, &confirmed, language);
            view.warnings.extend(gap_warning(&api, &order, &confirmed, language).await);
            Ok(Json(view))
        }
        Err(error) => Err(refused(&api, &order, error, language).await),
    }
}

fn view(
    api: &Api,
    order: &PlaceOrder,
    confirmed: &Confirmation,
    language: Language,
) -> ConfirmationView {
    let city = api.catalogue.city(&order.city);
    let sight = Sight::of(&confirmed.person);
    let whole = sight.is_whole();
    let bill = |frozen: &FrozenBill| ConfirmedBill {
        bill_no: frozen.bill.bill_no.to_string(),
        version: frozen.bill.version,
        agency: frozen.agency.to_string(),
        agency_name: counter::agency_name(api, &order.city, &frozen.agency),
        insurance: frozen.insurance.code().to_owned(),
        insurance_label: words::insurance(language, frozen.insurance),
        label: words::item(language, frozen.insurance, frozen.kind, frozen.category.as_ref()),
        kind: BillKindView::of(frozen.kind, language),
        category: frozen.category.as_ref().map(|known| CategoryView::of(known, language)),
        months: MonthsView::of(frozen.months),
        base: frozen.base.filter(|_| whole).map(|base| base.to_string()),
        tier_no: frozen.tier_no.filter(|_| whole),
        amount: frozen.bill.amount.to_string(),
        components: ComponentView::seen(&frozen.components, sight, language),
        window: WindowView::of(standing(api, order, frozen)),
    };
    let masked_document = match confirmed.person.relation {
        Relation::Own => confirmed.person.masked_number.clone(),
        // Whatever a list shows: of somebody else no more than both ends.
        Relation::Other => mask::keep(&confirmed.person.masked_number, 1, 1),
    };
    let second = confirmed.needed.then(|| {
        let key = match sight {
            Sight::Payer => "warning.other_person",
            Sight::Unproven | Sight::Whole => "warning.unproven_owner",
        };
        let phrase = wording::phrase(language, key).unwrap_or_default();
        let values = [
            ("name", confirmed.person.masked_name.clone()),
            ("number", masked_document.clone()),
            ("amount", confirmed.amount.to_string()),
        ];
        wording::filled(&phrase.whole(language), &values)
    });
    ConfirmationView {
        person: PersonView::of(&confirmed.person),
        masked_document,
        city: order.city.to_string(),
        city_name: city.map_or_else(String::new, |city| city.short_name().to_owned()),
        channel: order.channel.code().to_owned(),
        channel_label: words::channel(language, order.channel),
        bills: confirmed.bills.iter().map(bill).collect(),
        amount: confirmed.amount.to_string(),
        warnings: warnings(api, order, confirmed, language),
        needs_second_confirmation: confirmed.needed,
        second_confirmation: second,
        confirmation: confirmed.token.clone(),
        expires_at: confirmed.expires_at.rfc3339(),
    }
}

fn standing(api: &Api, order: &PlaceOrder, frozen: &FrozenBill) -> Standing {
    let now = api.clock.now();
    let pack = api.catalogue.pack(&order.city);
    pack.map_or(Standing::Open { closes_at: None }, |pack| {
        pack.standing(&frozen.agency, frozen.insurance, frozen.kind, now)
    })
}

/// A day: a window that closes sooner is worth saying.
const CLOSES_SOON: std::time::Duration = std::time::Duration::from_secs(24 * 3_600);

fn warnings(
    api: &Api,
    order: &PlaceOrder,
    confirmed: &Confirmation,
    language: Language,
) -> Vec<Warning> {
    let bills = &confirmed.bills;
    let any = |what: &dyn Fn(&FrozenBill) -> bool| bills.iter().any(what);
    let of_kind = |kind| any(&|bill| bill.kind == kind);
    let closes = bills.iter().filter_map(|bill| match standing(api, order, bill) {
        Standing::Open { closes_at } => closes_at,
        _ => None,
    });
    let closes = closes.min().filter(|closes| closes.since(api.clock.now()) < CLOSES_SOON);
    let told = [
        ("provisional", any(&|bill| bill.quote.as_ref().is_some_and(|quote| quote.provisional))),
        (
            "preview_differs",
            any(&|bill| bill.quote.as_ref().is_some_and(|q| q.total != bill.bill.amount)),
        ),
        ("difference", of_kind(BillKind::Difference)),
        ("back_payment", of_kind(BillKind::BackPayment)),
        ("topup", of_kind(BillKind::Topup)),
        ("closing", closes.is_some()),
    ];
    let values = [("until", closes.map(|at| words::until(language, at)).unwrap_or_default())];
    let told = told.into_iter().filter(|(_, applies)| *applies).map(|(code, _)| {
        let phrase = wording::phrase(language, &format!("warning.{code}")).unwrap_or_default();
        let text = wording::filled(&phrase.whole(language), &values);
        Warning { code: code.to_owned(), text }
    });
    told.collect()
}

/// What is still due of the owner's medical insurance when these bills are paid. Nobody is kept from
/// paying by an agency that does not answer this.
async fn gap_warning(
    api: &Api,
    order: &PlaceOrder,
    confirmed: &Confirmation,
    language: Language,
) -> Option<Warning> {
    let medical =
        |bill: &&FrozenBill| bill.insurance == Insurance::Medical && bill.kind != BillKind::Topup;
    let paid: Vec<&FrozenBill> = confirmed.bills.iter().filter(medical).collect();
    if confirmed.person.relation != Relation::Own || paid.is_empty() {
        return None;
    }
    let now = Month::of(api.clock.now());
    let looked = async {
        let counter = api.orders.counter(order.account, order.person).await?;
        gaps::bills_looked_at(api, &order.city, &counter, now).await
    };
    let bills = match looked.await {
        Ok(bills) => bills,
        Err(error) => {
            tracing::info!(code = error.code(), "a gap could not be looked for");
            return None;
        }
    };
    let mut gap = Gap::of(&bills, now, gaps::months_allowed(api, &order.city));
    gap.unpaid.retain(|month| !paid.iter().any(|bill| bill.months.contains(*month)));
    if gap.unpaid.is_empty() {
        return None;
    }
    let phrase = wording::phrase(language, "warning.gap").unwrap_or_default();
    let text = wording::filled(&phrase.whole(language), &gap.values(language));
    Some(Warning { code: "gap".to_owned(), text })
}
