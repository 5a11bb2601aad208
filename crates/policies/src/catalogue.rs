//! The whole: cities, packs and policies, checked together.

mod embedded;

use std::collections::BTreeMap;

use kernel::{CityCode, Insurance, InsuredKind, Month, PolicyId};

use crate::city::{
    City, Coordinates, County, Hint, HintIndex, Nearest, Places, Province, QueryTooLong,
};
use crate::finding::{CheckReport, Finding};
use crate::pack::{Guide, Pack, Service};
use crate::policy::{Policy, sha256_hex};
use crate::reading::Fields;
use crate::source::{InternalHosts, Sources};
use crate::{city, pack, policy};

pub use embedded::embedded_texts;

/// The name of the file with the cities.
const CATALOGUE: &str = "catalogue.toml";
/// The name of the file with what every city's guide says.
const GUIDE: &str = "guide.toml";
/// What an operator may say otherwise than a pack: what changes from one day to the next, and what is
/// switched on for a demonstration. Agencies and policies are not among it.
const CHANGEABLE: &[&str] = &[
    "open",
    "window",
    "maintenance",
    "holidays",
    "months",
    "back_payment",
    "topup",
    "card_no",
    "personal_no",
    "real_name",
];
/// Larger than any sensible file; a bound on what is parsed.
const FILE_BYTES_MAX: usize = 1 << 20;
/// More than one pack for every city and a file for every province.
const FILES_MAX: usize = 1_000;

/// Everything known about cities and what is owed in them. Built once, then only read.
#[derive(Clone, Debug)]
pub struct Catalogue {
    places: Places,
    hints: HintIndex,
    packs: BTreeMap<CityCode, Pack>,
    /// By identifier, then version: the last of an identifier is the one in force.
    policies: BTreeMap<(PolicyId, u16), Policy>,
    guide: Guide,
    internal: InternalHosts,
    etag: String,
}

/// What an operator says otherwise than the packs: for each city, tables that take the place of the
/// pack's tables of the same name.
pub type PackChanges = BTreeMap<CityCode, toml::Table>;

/// Checks the files inside the program.
pub fn check_embedded() -> CheckReport {
    check_texts(&embedded_texts())
}

/// Checks files by name (`320200.toml`, `policies/jiangsu.toml`) and text, and reports every finding.
/// Without a `catalogue.toml` among them the embedded one is used.
pub fn check_texts<N: AsRef<str>, T: AsRef<str>>(texts: &[(N, T)]) -> CheckReport {
    Files::read(texts, &PackChanges::new()).report
}

impl Catalogue {
    /// From the files inside the program.
    ///
    /// # Errors
    /// The report, when there is any finding. A test keeps the embedded files clean.
    pub fn embedded() -> Result<Catalogue, CheckReport> {
        Catalogue::from_texts(&embedded_texts())
    }

    /// From the files inside the program, with an operator's changes to the packs.
    ///
    /// # Errors
    /// The report, when a changed pack has any finding: it is checked as if it stood in the file.
    pub fn embedded_with(changes: &PackChanges) -> Result<Catalogue, CheckReport> {
        Catalogue::build(&embedded_texts(), changes)
    }

    /// From files by name and text, as [`check_texts`] takes them.
    ///
    /// # Errors
    /// The report, when there is any finding: nothing is priced from files that are not clean.
    pub fn from_texts<N: AsRef<str>, T: AsRef<str>>(
        texts: &[(N, T)],
    ) -> Result<Catalogue, CheckReport> {
        Catalogue::build(texts, &PackChanges::new())
    }

    fn build<N: AsRef<str>, T: AsRef<str>>(
        texts: &[(N, T)],
        changes: &PackChanges,
    ) -> Result<Catalogue, CheckReport> {
        let files = Files::read(texts, changes);
        if !files.report.is_clean() {
            return Err(files.report);
        }
        let Files { places, packs, policies, guide, internal, .. } = files;
        let hints = HintIndex::new(&places.cities, &places.provinces);
        let etag = etag(&places, &packs);
        let policies =
            policies.into_iter().map(|policy| ((policy.id.clone(), policy.version), policy));
        Ok(Catalogue { places, hints, packs, policies: policies.collect(), guide, internal, etag })
    }

    /// All selectable cities in order of code.
    pub fn cities(&self) -> &[City] {
        &self.places.cities
    }

    pub fn city(&self, code: &CityCode) -> Option<&City> {
        self.places.city(code)
    }

    /// Hot cities, the hottest first.
    pub fn hot_cities(&self) -> Vec<&City> {
        let mut hot: Vec<&City> =
            self.cities().iter().filter(|city| city.hot_rank().is_some()).collect();
        hot.sort_by_key(|city| city.hot_rank());
        hot
    }

    pub fn provinces(&self) -> &[Province] {
        &self.places.provinces
    }

    /// County-level places that cannot be chosen but stand under their province or have policies.
    pub fn counties(&self) -> &[County] {
        &self.places.counties
    }

    /// Whether a citizen can do anything in the city.
    pub fn is_open(&self, code: &CityCode) -> bool {
        self.packs.contains_key(code)
    }

    /// The pack of an open city.
    pub fn pack(&self, code: &CityCode) -> Option<&Pack> {
        self.packs.get(code)
    }

    pub fn packs(&self) -> impl Iterator<Item = &Pack> {
        self.packs.values()
    }

    /// The services open in the city; none where there is no pack.
    pub fn services(&self, code: &CityCode) -> &[Service] {
        self.packs.get(code).map_or(&[], |pack| &pack.open)
    }

    /// What people are told in an open city beside the counter: its own words and the national ones.
    pub fn guide(&self, code: &CityCode) -> Option<Guide> {
        Some(self.packs.get(code)?.guide.with_national(&self.guide))
    }

    /// The addresses that people may be sent to.
    pub fn links(&self, sources: &Sources) -> Vec<String> {
        sources.all().iter().filter(|address| !self.internal.holds(address)).cloned().collect()
    }

    /// Whether a page is for us alone: a mirror that people are not sent to.
    pub fn is_internal(&self, address: &str) -> bool {
        self.internal.holds(address)
    }

    /// Cities that answer what was typed, the best first: exact name, name prefix, spelling prefix,
    /// initials prefix, substring; among equals open before closed, then hot, then by code.
    ///
    /// # Errors
    /// When the query is longer than [`crate::QUERY_CHARS_MAX`].
    pub fn search(&self, typed: &str, limit: usize) -> Result<Vec<&City>, QueryTooLong> {
        let Some(query) = city::Query::new(typed)? else { return Ok(Vec::new()) };
        let ranked = |city| city::rank(city, &query).map(|rank| (rank, city));
        let mut found: Vec<_> = self.cities().iter().filter_map(ranked).collect();
        found.sort_by_key(|(rank, city)| {
            (*rank, !self.is_open(&city.code), city.hot_rank.unwrap_or(u16::MAX), &city.code)
        });
        Ok(found.into_iter().take(limit).map(|(_, city)| city).collect())
    }

    /// The city to suggest to somebody at `place`: that of the nearest seat of government
    /// (its own or, where a neighbour's is nearer, a county's) within 150 km.
    /// None abroad, in Hong Kong, Macau and Taiwan, and near the counties that belong to no city.
    pub fn nearest(&self, place: Coordinates) -> Option<Nearest> {
        let Places { cities, counties, county_seats, elsewhere, .. } = &self.places;
        let cities = cities.iter().map(|city| (city.seat, Some(&city.code)));
        let counties = counties.iter().map(|county| (county.seat, county.city.as_ref()));
        let county_seats = county_seats.iter().map(|(seat, city)| (*seat, Some(city)));
        let elsewhere = elsewhere.iter().map(|seat| (*seat, None));
        city::nearest(place, cities.chain(counties).chain(county_seats).chain(elsewhere))
    }

    /// What a platform's hint (name with or without 市, GB code of city or county) points to.
    pub fn resolve_hint(&self, hint: &str) -> Hint {
        self.hints.resolve(hint, &self.places.cities, &self.places.counties)
    }

    /// Changes whenever the list of cities or what is open changes. Without quotation marks.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The newest version of each policy, in order of identifier, references included.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        let mut policies = self.policies.values().peekable();
        std::iter::from_fn(move || {
            let mut newest = policies.next()?;
            while let Some(newer) = policies.next_if(|policy| policy.id == newest.id) {
                newest = newer;
            }
            Some(newest)
        })
    }

    /// The newest version of a policy.
    pub fn policy(&self, id: &PolicyId) -> Option<&Policy> {
        let versions = (id.clone(), 0)..=(id.clone(), u16::MAX);
        self.policies.range(versions).next_back().map(|(_, policy)| policy)
    }

    /// One version of a policy, as a quote names it.
    pub fn policy_version(&self, id: &PolicyId, version: u16) -> Option<&Policy> {
        self.policies.get(&(id.clone(), version))
    }

    /// The policies offered in a city that price `month`, one for each insurance and kind of person.
    pub fn policies_for(&self, city: &CityCode, month: Month) -> Vec<&Policy> {
        self.offered(city).filter(|policy| policy.period.contains(month)).collect()
    }

    /// What is carried forward into `month` (暂行): of each kind of contribution that the city offers and
    /// no policy prices in that month, the last policy before it.
    pub fn carried_into(&self, city: &CityCode, month: Month) -> Vec<&Policy> {
        let services = self.services(city).iter().filter(|service| service.is_ordinary());
        let kinds = services.map(|service| (service.insurance(), service.insured_kind()));
        let carried = kinds.filter_map(|(insurance, insured_kind)| {
            let policies = self.policies_of(city, insurance, insured_kind);
            let priced = policies.iter().any(|policy| policy.period.contains(month));
            let last = policies.into_iter().rfind(|policy| policy.period.to() < month);
            last.filter(|_| !priced)
        });
        carried.collect()
    }

    /// The policies offered in a city for one insurance, the earliest first.
    pub fn policies_of(
        &self,
        city: &CityCode,
        insurance: Insurance,
        insured_kind: InsuredKind,
    ) -> Vec<&Policy> {
        let mut policies: Vec<&Policy> = self
            .offered(city)
            .filter(|p| p.insurance == insurance && p.insured_kind == insured_kind)
            .collect();
        policies.sort_by_key(|policy| policy.period);
        policies
    }

    fn offered(&self, city: &CityCode) -> impl Iterator<Item = &Policy> {
        self.policies().filter(|policy| policy.is_offered() && policy.applies_in(city))
    }

    pub(crate) fn is_place(&self, code: &CityCode) -> bool {
        self.places.is_place(code)
    }

    /// What was read, for a face or a terminal to print.
    pub fn summary(&self) -> CheckReport {
        CheckReport {
            cities: self.places.cities.len(),
            packs: self.packs.len(),
            policies: self.policies().count(),
            findings: Vec::new(),
        }
    }
}

fn etag(places: &Places, packs: &BTreeMap<CityCode, Pack>) -> String {
    let mut content = String::new();
    for city in &places.cities {
        let open = packs.get(&city.code).map_or(&[][..], |pack| &pack.open);
        let row = (
            (&city.code, &city.name, &city.short_name, &city.province.name),
            (&city.spelling.full, city.hot_rank, open),
            (city.seat.latitude(), city.seat.longitude()),
        );
        content.push_str(&format!("{row:?}\n"));
    }
    sha256_hex(content.as_bytes())[..32].to_owned()
}

/// What the files hold, as far as it could be read, and everything that is wrong.
struct Files {
    places: Places,
    packs: BTreeMap<CityCode, Pack>,
    policies: Vec<Policy>,
    guide: Guide,
    internal: InternalHosts,
    report: CheckReport,
}

/// What a file is, by its name.
enum Kind {
    Catalogue,
    Guide,
    Pack(CityCode),
    Policies,
    Unknown,
}

fn kind(name: &str) -> Kind {
    if name == CATALOGUE {
        return Kind::Catalogue;
    }
    if name == GUIDE {
        return Kind::Guide;
    }
    let Some(stem) = name.strip_suffix(".toml") else { return Kind::Unknown };
    if let Some(stem) = stem.strip_prefix("policies/") {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let fits = !stem.is_empty() && stem.bytes().all(plain);
        return if fits { Kind::Policies } else { Kind::Unknown };
    }
    CityCode::new(stem).map_or(Kind::Unknown, Kind::Pack)
}

impl Files {
    fn read<N: AsRef<str>, T: AsRef<str>>(texts: &[(N, T)], changes: &PackChanges) -> Files {
        let mut findings: Vec<Finding> = Vec::new();
        let mut whole_file = |file: &str, problem: String| {
            let (file, field) = (file.to_owned(), String::new());
            findings.push(Finding { file, subject: None, field, problem });
        };
        let mut tables: BTreeMap<&str, toml::Table> = BTreeMap::new();
        if texts.len() > FILES_MAX {
            whole_file("", format!("more than {FILES_MAX} files"));
        }
        let given = texts.iter().map(|(name, text)| (name.as_ref(), text.as_ref()));
        let has_catalogue = texts.iter().any(|(name, _)| name.as_ref() == CATALOGUE);
        let catalogue = (!has_catalogue).then_some((CATALOGUE, embedded::CATALOGUE_TEXT));
        let has_guide = texts.iter().any(|(name, _)| name.as_ref() == GUIDE);
        let guide = (!has_guide).then_some((GUIDE, embedded::GUIDE_TEXT));
        for (name, text) in given.take(FILES_MAX).chain(catalogue).chain(guide) {
            if text.len() > FILE_BYTES_MAX {
                whole_file(name, format!("is larger than {FILE_BYTES_MAX} bytes"));
                continue;
            }
            match text.parse::<toml::Table>() {
                Ok(table) => {
                    if tables.insert(name, table).is_some() {
                        whole_file(name, "was handed in twice".to_owned());
                    }
                }
                Err(error) => whole_file(name, format!("is no TOML: {}", error.to_string().trim())),
            }
        }

        change_packs(&mut tables, changes, &mut findings);
        let (mut guide, mut internal) = (Guide::default(), InternalHosts::default());
        let (mut places, mut packs, mut policies) =
            (Places::default(), BTreeMap::new(), Vec::new());
        for (name, mut table) in tables {
            match kind(name) {
                Kind::Catalogue => {
                    places = city::read(Fields::new(table, name, &mut findings));
                }
                Kind::Guide => {
                    let mut fields = Fields::new(table, name, &mut findings);
                    internal = InternalHosts::new(fields.texts("internal_hosts"));
                    for host in internal.odd() {
                        fields.finding("internal_hosts", format!("`{host}` is no bare host name"));
                    }
                    guide = pack::read_guide(&mut fields);
                    fields.finish();
                }
                Kind::Pack(code) => {
                    let rows = table.remove("policy");
                    read_policies(rows, name, Some(&code), &mut policies, &mut findings);
                    let pack = pack::read(Fields::new(table, name, &mut findings), &code);
                    packs.extend(pack.map(|pack| (code, pack)));
                }
                Kind::Policies => {
                    let rows = table.remove("policy");
                    if rows.is_none() {
                        let mut fields = Fields::new(toml::Table::new(), name, &mut findings);
                        fields.finding("policy", "is missing: this file is for policies");
                    }
                    read_policies(rows, name, None, &mut policies, &mut findings);
                    Fields::new(table, name, &mut findings).finish();
                }
                Kind::Unknown => findings.push(Finding {
                    file: name.to_owned(),
                    subject: None,
                    field: String::new(),
                    problem: "expected catalogue.toml, guide.toml, a city's code such as 320200.toml, or \
                              policies/NAME.toml"
                        .to_owned(),
                }),
            }
        }
        let pack_files =
            texts.iter().filter(|(name, _)| matches!(kind(name.as_ref()), Kind::Pack(_)));
        for code in packs.keys().filter(|code| places.city(code).is_none()) {
            findings.push(Finding {
                file: format!("{code}.toml"),
                subject: Some(code.to_string()),
                field: "code".to_owned(),
                problem: "is no selectable city of the catalogue".to_owned(),
            });
        }
        policy::check_together(&policies, |code| places.is_place(code), &mut findings);
        findings.sort();
        findings.dedup();
        let report = CheckReport {
            cities: places.cities.len(),
            packs: pack_files.count(),
            policies: policy::newest(&policies).len(),
            findings,
        };
        Files { places, packs, policies, guide, internal, report }
    }
}

/// Puts an operator's tables in the place of the packs'.
fn change_packs(
    tables: &mut BTreeMap<&str, toml::Table>,
    changes: &PackChanges,
    findings: &mut Vec<Finding>,
) {
    for (code, change) in changes {
        let file = format!("{code}.toml");
        let mut finding = |field: &str, problem: &str| {
            let (subject, field, problem) =
                (Some(code.to_string()), field.to_owned(), problem.to_owned());
            findings.push(Finding { file: file.clone(), subject, field, problem });
        };
        let Some(pack) = tables.get_mut(file.as_str()) else {
            finding("", "the configuration changes a pack that is not there");
            continue;
        };
        for (key, value) in change {
            if CHANGEABLE.contains(&key.as_str()) {
                pack.insert(key.clone(), value.clone());
            } else {
                finding(key, "cannot be changed by the configuration");
            }
        }
    }
}

fn read_policies(
    rows: Option<toml::Value>,
    file: &str,
    home: Option<&CityCode>,
    policies: &mut Vec<Policy>,
    findings: &mut Vec<Finding>,
) {
    let Some(rows) = rows else { return };
    let mut table = toml::Table::new();
    table.insert("policy".to_owned(), rows);
    let mut fields = Fields::new(table, file, findings);
    let rows = fields.rows("policy");
    fields.finish();
    for row in rows {
        policies.extend(policy::read(Fields::new(row, file, findings), file, home));
    }
}
