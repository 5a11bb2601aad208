//! From our records to what stands on paper, in Chinese.

use std::collections::HashMap;

use kernel::PersonId;
use orders::{FrozenBill, OrderFilter, OrderPage, OrderState, PostingState, Proof, VoucherLine};
use papers::{Certificate, Check, Line, Listing, Mood, Row, Standing};
use wording::{Language, term};

use super::{kind, payer, shown_state, spaced, subject};
use crate::{Api, words};

const CHINESE: Language = Language::Chinese;

/// Where the paper is checked. The number and the code have no character that needs escaping.
pub(super) fn check_address(api: &Api, proof: &Proof) -> String {
    let page = check_page(api);
    format!("{page}?serial={}&code={}", proof.number(), spaced(&proof.code))
}

fn check_page(api: &Api) -> String {
    format!("{}/check", api.orders.public_url())
}

pub(super) fn certificate(api: &Api, proof: &Proof) -> Certificate {
    let content = &proof.content;
    let state = shown_state(proof);
    let check = Check {
        address: check_address(api, proof),
        page: check_page(api),
        code: spaced(&proof.code),
    };
    Certificate {
        kind: kind(proof),
        subject: subject(proof),
        serial: content.serial.clone(),
        order_no: content.order_no.clone(),
        issued_at: proof.issued.as_ref().map(|_| content.issued_at),
        made_at: api.clock.now(),
        standing: Standing { label: words::state(CHINESE, state), mood: mood(state) },
        city: content.city_name.clone(),
        insured: content.insured_name.clone(),
        insured_number: content.insured_number.clone(),
        payer: payer(proof, CHINESE),
        channel: words::channel(CHINESE, content.channel),
        transaction_id: content.transaction_id.clone(),
        paid_at: content.paid_at,
        lines: content.lines.iter().zip(&proof.lines).map(line).collect(),
        total: content.total,
        check: Some(check),
    }
}

fn line((line, standing): (&VoucherLine, &PostingState)) -> Line {
    let component = |part: &agency::BillComponent| {
        let rate = part.rate_bp.map_or_else(String::new, |rate| format!(" {rate}"));
        (format!("{}{rate}", part.name), part.amount)
    };
    Line {
        item: words::item(CHINESE, line.insurance, line.kind, line.category.as_ref()),
        months: line.kind.is_premium().then(|| months(line.from, line.to)),
        base: line.base,
        tier: line.tier_no,
        components: line.components.iter().map(component).collect(),
        amount: line.amount,
        agency: line.agency_name.clone(),
        agency_serial: line.agency_serial.clone(),
        posted_at: line.posted_at,
        standing: words::posting(CHINESE, *standing),
    }
}

fn months(from: kernel::Month, to: kernel::Month) -> String {
    if from == to { from.to_string() } else { format!("{from} 至 {to}") }
}

const fn mood(state: OrderState) -> Mood {
    match state {
        OrderState::Success | OrderState::SuccessPartial => Mood::Good,
        OrderState::Created | OrderState::Paying | OrderState::Paid | OrderState::Suspended => {
            Mood::Waiting
        }
        OrderState::Failed
        | OrderState::Refunding
        | OrderState::Refunded
        | OrderState::RefundFailed
        | OrderState::Closed
        | OrderState::Reversed
        | OrderState::AgencyRefunded => Mood::Undone,
    }
}

pub(super) fn listing(
    api: &Api,
    filter: &OrderFilter,
    page: &OrderPage,
    names: &HashMap<PersonId, String>,
) -> Listing {
    let city_name = |code| {
        let city = api.catalogue.city(code);
        city.map_or_else(|| code.to_string(), |city| city.short_name().to_owned())
    };
    let person_name = |id: PersonId| {
        names.get(&id).cloned().unwrap_or_else(|| term(CHINESE, "paper.person_unknown"))
    };
    let item = |bill: &FrozenBill| {
        let item = words::item(CHINESE, bill.insurance, bill.kind, bill.category.as_ref());
        if bill.kind.is_premium() {
            format!("{item} {}", months(bill.months.from(), bill.months.to()))
        } else {
            item
        }
    };
    let rows = page.orders.iter().map(|(order, bills)| Row {
        order_no: order.order_no.to_string(),
        placed_at: order.created_at,
        person: person_name(order.person),
        city: city_name(&order.city),
        items: bills.iter().map(item).collect(),
        channel: words::channel(CHINESE, order.channel),
        standing: words::state(CHINESE, order.state),
        amount: order.amount,
    });
    let day = |at: kernel::Timestamp| at.beijing_text().chars().take(10).collect::<String>();
    let mut filters = Vec::new();
    filters.extend(filter.person.map(|id| format!("参保人 {}", person_name(id))));
    filters.extend(filter.city.as_ref().map(|city| format!("参保地 {}", city_name(city))));
    filters
        .extend(filter.insurance.map(|known| format!("险种 {}", words::insurance(CHINESE, known))));
    filters.extend(filter.from.map(|at| format!("下单时间自 {}", day(at))));
    let last_day = |at: kernel::Timestamp| kernel::Timestamp::from_millis(at.as_millis() - 1);
    filters.extend(filter.before.map(|at| format!("下单时间至 {}", day(last_day(at)))));
    filters.extend(filter.months_from.map(|month| format!("费款所属期自 {month}")));
    filters.extend(filter.months_to.map(|month| format!("费款所属期至 {month}")));
    filters.extend(filter.states.iter().map(|s| format!("状态 {}", words::state(CHINESE, *s))));
    Listing { made_at: api.clock.now(), filters, rows: rows.collect(), cut: page.next.is_some() }
}
