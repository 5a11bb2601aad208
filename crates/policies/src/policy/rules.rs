//! What can only be judged by looking at all policies together.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{CityCode, PolicyId};

use super::Policy;
use crate::finding::Finding;

/// Checks the policies of all files against each other and against the known places.
pub(crate) fn check_together(
    policies: &[Policy],
    is_place: impl Fn(&CityCode) -> bool,
    findings: &mut Vec<Finding>,
) {
    for policy in policies {
        for city in policy.cities.iter().filter(|city| !is_place(city)) {
            findings.push(finding(policy, "cities", format!("{city} is not in the catalogue")));
        }
    }
    check_versions(policies, findings);
    let newest = newest(policies);
    check_overlaps(&newest, findings);
    check_conflicts(&newest, findings);
}

/// The newest version of each policy, in order of identifier.
pub(crate) fn newest(policies: &[Policy]) -> Vec<&Policy> {
    let mut newest: BTreeMap<&PolicyId, &Policy> = BTreeMap::new();
    for policy in policies {
        let kept = newest.entry(&policy.id).or_insert(policy);
        if policy.version > kept.version {
            *kept = policy;
        }
    }
    newest.into_values().collect()
}

fn finding(policy: &Policy, field: &str, problem: String) -> Finding {
    let (file, subject) = (policy.file.clone(), Some(policy.id.to_string()));
    Finding { file, subject, field: field.to_owned(), problem }
}

/// Versions of one identifier count 1, 2, 3, so that no quote's version can have been taken away.
fn check_versions(policies: &[Policy], findings: &mut Vec<Finding>) {
    let mut versions: BTreeMap<&PolicyId, BTreeSet<u16>> = BTreeMap::new();
    for policy in policies {
        if !versions.entry(&policy.id).or_default().insert(policy.version) {
            let problem = format!("version {} of this policy stands there twice", policy.version);
            findings.push(finding(policy, "id", problem));
        }
    }
    for policy in newest(policies) {
        let known = versions.get(&policy.id).map_or(0, BTreeSet::len);
        if known != usize::from(policy.version) {
            let problem = "versions must count 1, 2, 3 without a gap; older ones stay in the files";
            findings.push(finding(policy, "version", problem.to_owned()));
        }
    }
}

/// Two offered policies must never price the same month of the same person.
fn check_overlaps(policies: &[&Policy], findings: &mut Vec<Finding>) {
    let offered: Vec<&&Policy> = policies.iter().filter(|policy| policy.is_offered()).collect();
    for (index, policy) in offered.iter().enumerate() {
        for other in &offered[index + 1..] {
            if let Some(city) = shared_months(policy, other) {
                let problem = format!("overlaps {} in {city}", other.id);
                findings.push(finding(policy, "effective_from, effective_to", problem));
            }
        }
    }
}

/// A reference that contradicts what is offered says so, and says so of policies that exist.
fn check_conflicts(policies: &[&Policy], findings: &mut Vec<Finding>) {
    for policy in policies.iter().filter(|policy| policy.reference_only) {
        for named in &policy.conflicts_with {
            match policies.iter().find(|other| other.id == *named) {
                None => {
                    let problem = format!("{named} is no policy");
                    findings.push(finding(policy, "conflicts_with", problem));
                }
                Some(other) if shared_months(policy, other).is_none() => {
                    let problem = format!("{named} prices none of the same months");
                    findings.push(finding(policy, "conflicts_with", problem));
                }
                Some(_) => {}
            }
        }
        for other in policies.iter().filter(|other| other.is_offered()) {
            let undeclared = !policy.conflicts_with.contains(&other.id);
            if undeclared && shared_months(policy, other).is_some() {
                let problem = format!("does not name {}, which prices the same months", other.id);
                findings.push(finding(policy, "conflicts_with", problem));
            }
        }
    }
}

/// A city in which both price some month for the same insurance and kind of person.
fn shared_months<'p>(policy: &'p Policy, other: &Policy) -> Option<&'p CityCode> {
    let same = policy.insurance == other.insurance && policy.insured_kind == other.insured_kind;
    let meet =
        policy.period.from() <= other.period.to() && other.period.from() <= policy.period.to();
    (same && meet).then(|| policy.cities.iter().find(|city| other.applies_in(city))).flatten()
}
