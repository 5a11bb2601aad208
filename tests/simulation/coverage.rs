//! What was met in the histories of a run, so that the simulation cannot go blind unseen.

use std::{collections::BTreeMap, fmt};

use mock_providers::FaultKind;

use crate::{
    fate::Boundary,
    world::{World, lock},
};

/// How often which thing was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    pub fn count(&mut self, what: impl Into<String>) {
        self.add(what, 1);
    }

    pub fn add(&mut self, what: impl Into<String>, times: u64) {
        *self.0.entry(what.into()).or_default() += times;
    }

    pub fn kill(&mut self, boundary: Boundary) {
        self.count(format!("kill.{boundary:?}"));
    }

    pub fn notification(&mut self, fault: Option<FaultKind>, accepted: bool) {
        self.count(if accepted { "notification.accepted" } else { "notification.refused" });
        if let Some(fault) = fault {
            self.count(format!("notification.{fault:?}"));
        }
    }

    pub fn merge(&mut self, other: &Coverage) {
        for (what, times) in &other.0 {
            self.add(what, *times);
        }
    }

    /// Those of the wanted that were never met.
    pub fn missing(&self, wanted: &[&str]) -> Vec<String> {
        let missing = wanted.iter().filter(|what| !self.0.contains_key(**what));
        missing.map(|what| (*what).to_owned()).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, times) in &self.0 {
            writeln!(f, "{times:>9}  {what}")?;
        }
        Ok(())
    }
}

impl World {
    /// Counts how everything came to its end.
    pub async fn count_the_end(&self) {
        let counted = [
            "SELECT 'state.' || state, CAST(COUNT(*) AS TEXT) FROM orders GROUP BY 1",
            "SELECT 'job.' || kind || '.' || state, CAST(COUNT(*) AS TEXT) FROM jobs GROUP BY 1",
            "SELECT 'case.' || kind, CAST(COUNT(*) AS TEXT) FROM cases GROUP BY 1",
            "SELECT 'refund.' || cause || '.' || state, CAST(COUNT(*) AS TEXT) FROM refunds GROUP BY 1",
            "SELECT 'payment.' || state, CAST(COUNT(*) AS TEXT) FROM payments GROUP BY 1",
            "SELECT 'posting.' || state || '.' || COALESCE(objection, ''), CAST(COUNT(*) AS TEXT) FROM postings GROUP BY 1",
            "SELECT 'late money', CAST(COUNT(*) AS TEXT) FROM journal WHERE event = 'money_arrived' AND from_state IN ('CLOSED', 'FAILED') HAVING COUNT(*) > 0",
            "SELECT 'event.' || event, CAST(COUNT(*) AS TEXT) FROM journal GROUP BY 1",
        ];
        let mut found = Vec::new();
        for sql in counted {
            found.extend(self.rows(sql, 2).await);
        }
        let mut coverage = lock(&self.coverage);
        for row in found {
            coverage.add(row[0].clone(), row[1].parse().unwrap_or(0));
        }
        coverage.add("boundaries", self.fate.passed());
    }
}
