//! Reads a pack and checks what can be judged by looking at it alone.

mod counter;
mod guide;

use kernel::{CityCode, Insurance};

use super::{Agency, AgencyKind, Guide, Hotlines, Merchants, NumberShape, Pack, Service, Waiting};
use crate::policy::read_sources;
use crate::reading::Fields;

pub(crate) use guide::read_guide;

/// Reads the pack in `fields`, whose policies were taken out before. `None` when it cannot be used;
/// the findings say why.
pub(crate) fn read(mut fields: Fields<'_>, code_in_name: &CityCode) -> Option<Pack> {
    let before = fields.findings_count();
    fields.about(code_in_name.as_str());
    let code: Option<CityCode> = fields.parsed("code");
    if code.as_ref().is_some_and(|code| code != code_in_name) {
        fields.finding("code", "is not the code in the file's name");
    }
    let read_so_far = fields.findings_count();
    let open: Vec<Service> = fields.parsed_list("open");
    if open.is_empty() && fields.findings_count() == read_so_far {
        fields.finding("open", "names no service; a city without one needs no pack");
    }
    let hotlines = read_hotlines(&mut fields);
    let agencies = read_agencies(&mut fields, code_in_name);
    let back_payment = counter::read_back_payment(&mut fields, &open);
    let missed = back_payment.iter().flat_map(|rule| rule.insurances.clone());
    let insurances = open.iter().map(|service| (*service, service.insurance()));
    let missed = missed.map(|insurance| (Service::BackPayment, insurance));
    for (service, insurance) in insurances.chain(missed) {
        if !agencies.iter().any(|agency| agency.insurances.contains(&insurance)) {
            fields.finding("open", format!("{service} is open, but no agency bills {insurance}"));
        }
    }
    let merchants = read_merchants(&mut fields);
    let waiting = read_waiting(&mut fields);
    let windows = counter::read_windows(&mut fields, &agencies);
    let maintenance = counter::read_maintenance(&mut fields, &agencies);
    let holidays = counter::read_holidays(&mut fields);
    let months = counter::read_months(&mut fields);
    let topup = counter::read_topup(&mut fields, &open);
    let card_no = counter::read_shape(&mut fields, "card_no", NumberShape::CARD);
    let personal_no = counter::read_shape(&mut fields, "personal_no", NumberShape::PERSONAL);
    let real_name = counter::read_real_name(&mut fields);
    let guide = match fields.section("guide") {
        Some(table) => fields.row(table, "guide".to_owned(), read_guide),
        None => Guide::default(),
    };
    let clean = fields.findings_count() == before && !fields.has_untaken();
    fields.finish();
    let pack = Pack {
        code: code?,
        open,
        hotlines: hotlines?,
        agencies,
        merchants,
        waiting,
        windows,
        maintenance,
        holidays,
        months,
        back_payment,
        topup,
        card_no,
        personal_no,
        real_name,
        guide,
    };
    clean.then_some(pack)
}

fn read_hotlines(fields: &mut Fields<'_>) -> Option<Hotlines> {
    let Some(table) = fields.section("hotlines") else {
        fields.finding("hotlines", "is missing");
        return None;
    };
    fields.row(table, "hotlines".to_owned(), |row| {
        let mut number = |key: &str| {
            let number = row.text(key)?;
            let fits = (3..=20).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit() || b == b'-');
            if !fits {
                row.finding(key, "must be a telephone number of digits and hyphens");
            }
            fits.then_some(number)
        };
        let (human_resources, medical, tax) =
            (number("human_resources"), number("medical"), number("tax"));
        Some(Hotlines { human_resources: human_resources?, medical: medical?, tax: tax? })
    })
}

fn read_agencies(fields: &mut Fields<'_>, city: &CityCode) -> Vec<Agency> {
    let mut agencies: Vec<Agency> = Vec::new();
    for (index, table) in fields.rows("agency").into_iter().enumerate() {
        let known = &agencies;
        let agency = fields.row(table, format!("agency {}", index + 1), |row| {
            let code = row.parsed("code");
            if known.iter().any(|agency| Some(&agency.code) == code.as_ref()) {
                row.finding("code", "stands there twice");
            }
            let name = row.text("name");
            let kind: Option<AgencyKind> = row.parsed("kind");
            let region: Option<CityCode> = row.parsed("region_code");
            let inside = |region: &CityCode| region.as_str()[..4] == city.as_str()[..4];
            let municipality =
                |region: &CityCode| city.province() == *city && region.province() == *city;
            if region.as_ref().is_some_and(|region| !inside(region) && !municipality(region)) {
                row.finding("region_code", format!("is not in {city}"));
            }
            let insurances: Vec<Insurance> = row.parsed_list("insurances");
            if insurances.is_empty() {
                row.finding("insurances", "names no insurance");
            }
            Some(Agency { code: code?, name: name?, kind: kind?, region: region?, insurances })
        });
        agencies.extend(agency);
    }
    for (suffix, kind) in [("hr", AgencyKind::HumanResources), ("med", AgencyKind::Medical)] {
        let code = format!("{city}-{suffix}");
        let found = agencies.iter().any(|a| a.code.as_str() == code && a.kind == kind);
        if !found {
            fields.finding("agency", format!("{code} of kind {kind} is missing"));
        }
    }
    agencies
}

fn read_merchants(fields: &mut Fields<'_>) -> Merchants {
    let Some(table) = fields.section("merchants") else {
        return Merchants::default();
    };
    fields.row(table, "merchants".to_owned(), |row| {
        let (wechat, alipay) = (row.parsed_if_any("wechat"), row.parsed_if_any("alipay"));
        if wechat.is_some() && wechat == alipay {
            row.finding("alipay", "is the account of the other wallet");
        }
        Merchants { wechat, alipay }
    })
}

fn read_waiting(fields: &mut Fields<'_>) -> Option<Waiting> {
    let table = fields.section("waiting")?;
    let waiting = fields.row(table, "waiting".to_owned(), |row| Waiting {
        medical_gap_months_allowed: row.number_if_any("medical_gap_months_allowed", 1, 24),
        medical_wait_months: row.number_if_any("medical_wait_months", 0, 24),
        resident_wait_months: row.number_if_any("resident_wait_months", 0, 24),
        newcomer_days: row.number_if_any("newcomer_days", 1, 366),
        sources: read_sources(row, "source"),
    });
    Some(waiting)
}
