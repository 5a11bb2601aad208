//! What a check has to say about the files: all of it, not only the first.

use std::fmt;

/// One thing that is wrong in one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file's name as it was handed in, such as `320200.toml`.
    pub file: String,
    /// The policy, agency or city concerned, when one is known.
    pub subject: Option<String>,
    /// The field, with the row it stands in: `tier 3: monthly_fen`. Empty for a whole file.
    pub field: String,
    pub problem: String,
}

impl fmt::Display for Finding {
    /// `320200.toml: js-pension-2023: tier 3: monthly_fen: …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(subject) = &self.subject {
            write!(f, "{subject}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.problem)
    }
}

/// The outcome of checking a set of files: what was read and everything that is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub cities: usize,
    /// Pack files, broken ones counted.
    pub packs: usize,
    /// Policies without a finding of their own, older versions not counted.
    pub policies: usize,
    pub findings: Vec<Finding>,
}

impl CheckReport {
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for CheckReport {
    /// Each finding on its line, then the summary.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let CheckReport { cities, packs, policies, findings } = self;
        let count = findings.len();
        write!(f, "{cities} cities, {packs} packs, {policies} policies, {count} findings")
    }
}

impl std::error::Error for CheckReport {}
