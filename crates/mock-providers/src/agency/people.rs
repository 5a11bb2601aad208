//! The people every new book knows: a few who simply pay, and one for each way it can go wrong.
//!
//! All are synthetic: sequence numbers below 100 of 1900-01-01 (and 2000-02-29), which no living
//! person is likely to hold. `docs/agency-protocol.md` shows the same table; a test compares them.

use kernel::Fen;

use super::{
    codes::AgencyCodeWord as Code,
    fault::{AgencyFault, AgencyOperation as Op, FaultKind},
};

/// One synthetic person, as a book without options knows them.
#[derive(Clone, Copy, Debug)]
pub struct DefaultPerson {
    /// A resident ID number.
    pub document_number: &'static str,
    pub name: &'static str,
    /// Where the person is enrolled: `{city}-hr` and `{city}-med`.
    pub city: &'static str,
    /// What happens to whoever pays for this person.
    pub what: &'static str,
    pub(super) part: Part,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// Pension at this tier and medical, every month of 2023 due.
    Pays {
        tier: u16,
    },
    /// As tier 1, January to March paid at a counter.
    PaidUntilMarch,
    /// Resident medical insurance for 2024, one bill of this category.
    Resident {
        code: &'static str,
        name: &'static str,
        amount_fen: i64,
    },
    /// A pupil, whose school collects.
    SchoolBilled,
    /// As tier 1; two months of 2022 may be paid back.
    MissedMonths,
    /// As tier 1; January to March were paid at the floor of 2022.
    LateStandard,
    /// As tier 1; the bank account of the social card was never activated.
    CardNotActivated,
    /// In the register of persons, in no insurance.
    NotEnrolled,
    Suspended,
    Retired,
    /// Enrolled for pension without a tier; choosing one makes the bills.
    NoTier,
    /// As tier 1, and these faults.
    Fails(&'static [AgencyFault]),
}

impl DefaultPerson {
    /// All of them, in the order of the document.
    pub const ALL: &'static [DefaultPerson] = CAST;
}

const ONE_YUAN: Fen = match Fen::new(100) {
    Some(amount) => amount,
    None => Fen::ZERO,
};

/// Longer than the client of this protocol waits.
const TOO_SLOW_MILLIS: u64 = 10_000;

const fn refuse(code: Code) -> FaultKind {
    FaultKind::Refuse { code }
}

const fn person(
    document_number: &'static str,
    name: &'static str,
    what: &'static str,
    part: Part,
) -> DefaultPerson {
    DefaultPerson { document_number, name, city: "320200", what, part }
}

const fn elsewhere(
    city: &'static str,
    document_number: &'static str,
    name: &'static str,
) -> DefaultPerson {
    let what = "ordinary: pension tier 1 and medical, all months of 2023 due";
    DefaultPerson { document_number, name, city, what, part: Part::Pays { tier: 1 } }
}

macro_rules! fails {
    ($($always_or_once:ident $operation:ident $kind:expr),+) => {{
        const FAULTS: &[AgencyFault] =
            &[$(AgencyFault::$always_or_once(Op::$operation, $kind)),+];
        Part::Fails(FAULTS)
    }};
}

#[rustfmt::skip]
const CAST: &[DefaultPerson] = &[
    person("320213190001010006", "张三", "ordinary: pension tier 1 and medical, all months of 2023 due", Part::Pays { tier: 1 }),
    person("320213190001010014", "李四", "January to March paid at a counter; a higher tier makes difference bills", Part::PaidUntilMarch),
    person("32021319000101009X", "王五", "ordinary, pension tier 5 (1800.00 a month)", Part::Pays { tier: 5 }),
    person("320281190001010045", "赵六", "ordinary, with a number of Jiangyin", Part::Pays { tier: 1 }),
    person("32021320000229000X", "孙小雨", "university student: resident medical for 2024, one bill of 280.00", Part::Resident { code: "college_student", name: "在校大学生", amount_fen: 28_000 }),
    person("320213190001010022", "钱未", "NOT_ENROLLED, always", Part::NotEnrolled),
    person("320213190001010030", "周停", "query-insured says suspended, query-bills ACCOUNT_SUSPENDED", Part::Suspended),
    person("320213190001010049", "吴退", "query-insured says retired, query-bills RETIRED", Part::Retired),
    person("320213190001010057", "郑单位", "query-bills EMPLOYED_ELSEWHERE", fails!(always QueryBills refuse(Code::EmployedElsewhere))),
    person("320213190001010065", "冯选", "pension without a tier: query-bills BASE_NOT_DECLARED until set-tier", Part::NoTier),
    person("320213190001010073", "陈待", "query-bills and set-tier BASE_PENDING_PUBLISH", fails!(always QueryBills refuse(Code::BasePendingPublish), always SetTier refuse(Code::BasePendingPublish))),
    person("320213190001010081", "褚无", "query-bills NO_BILL", fails!(always QueryBills refuse(Code::NoBill))),
    person("320213190001010102", "卫助", "query-bills FULLY_SUBSIDISED", fails!(always QueryBills refuse(Code::FullySubsidised))),
    person("320213190001010110", "蒋期", "query-bills OUT_OF_WINDOW", fails!(always QueryBills refuse(Code::OutOfWindow))),
    person("320213190001010129", "沈占", "lock-bills BILL_LOCKED, always", fails!(always LockBills refuse(Code::BillLocked))),
    person("320213190001010137", "韩变", "the first lock-bills meets BILL_CHANGED: its bills grew by 1.00; then ordinary", fails!(once LockBills FaultKind::BillsGrow { by: ONE_YUAN })),
    person("320213190001010145", "杨缴", "post-payment ALREADY_PAID, always", fails!(always PostPayment refuse(Code::AlreadyPaid))),
    person("320213190001010153", "朱改", "post-payment BILL_CHANGED, always", fails!(always PostPayment refuse(Code::BillChanged))),
    person("320213190001010161", "秦差", "post-payment AMOUNT_MISMATCH, always", fails!(always PostPayment refuse(Code::AmountMismatch))),
    person("32021319000101017X", "尤重", "post-payment DUPLICATE_REQUEST, always", fails!(always PostPayment refuse(Code::DuplicateRequest))),
    person("320213190001010188", "许维", "the first post-payment MAINTENANCE, then it books", fails!(once PostPayment refuse(Code::Maintenance))),
    person("320213190001010196", "何日", "the first post-payment DAY_CUTOFF, then it books", fails!(once PostPayment refuse(Code::DayCutoff))),
    person("320213190001010209", "吕问", "the first post-payment is booked and answers UNKNOWN", fails!(once PostPayment FaultKind::Unknown { booked: true })),
    person("320213190001010217", "施问", "the first post-payment is not booked and answers UNKNOWN", fails!(once PostPayment FaultKind::Unknown { booked: false })),
    person("320213190001010225", "张断", "the first post-payment is booked, then the connection is cut", fails!(once PostPayment FaultKind::CommitThenDrop)),
    person("320213190001010233", "孔断", "the first post-payment is not booked, the connection is cut", fails!(once PostPayment FaultKind::DropBeforeCommit)),
    person("320213190001010241", "曹慢", "the first post-payment is booked and answers after 10 s", fails!(once PostPayment FaultKind::Slow { millis: TOO_SLOW_MILLIS })),
    elsewhere("320100", "320102190001010001", "宁生"),
    elsewhere("320500", "320505190001010002", "苏生"),
    elsewhere("310000", "310101190001010003", "沪生"),
    elsewhere("110000", "110101190001010006", "京生"),
    elsewhere("440300", "440304190001010002", "深生"),
    elsewhere("510100", "51010419000101000X", "蓉生"),
    person("320213190001010284", "金老", "older resident: resident medical for 2024, one bill of 550.00", Part::Resident { code: "elderly", name: "老年居民", amount_fen: 55_000 }),
    person("320213190001010292", "魏居", "other resident: resident medical for 2024, one bill of 780.00", Part::Resident { code: "other", name: "其他居民", amount_fen: 78_000 }),
    person("320213200802290008", "陶学", "pupil: query-bills SCHOOL_BILLED", Part::SchoolBilled),
    person("320213190001010268", "严补", "ordinary; November and December 2022 can be paid back (850.00 each) until the end of 2023", Part::MissedMonths),
    person("320213190001010305", "姜差", "January to March paid at 850.00; the agency bills a difference of 48.80 for each", Part::LateStandard),
    person("320213190001010276", "华卡", "ordinary; query-card not_activated, create-topup CARD_NOT_ACTIVATED", Part::CardNotActivated),
];
