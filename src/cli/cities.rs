//! `cities check`: validates every pack, with all findings.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use kernel::{BillKind, Month};
use policies::Catalogue;

use super::{fail, say};
use crate::system;

#[derive(Debug, Args)]
pub(crate) struct Cities {
    #[command(subcommand)]
    command: CitiesCommand,
}

#[derive(Debug, Subcommand)]
enum CitiesCommand {
    /// Checks the packs that are built in, or those of a folder; warns of open cities without a standard for
    /// this month.
    Check {
        /// A folder laid out like `cities/`.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

impl Cities {
    pub(crate) fn run(self) -> ExitCode {
        let CitiesCommand::Check { dir } = self.command;
        let read = match dir {
            None => Catalogue::embedded(),
            Some(dir) => match texts_below(&dir) {
                Ok(texts) => Catalogue::from_texts(&texts),
                Err(error) => return fail(&format!("{}: {error}", dir.display())),
            },
        };
        match read {
            Ok(catalogue) => {
                for warning in without_a_standard(&catalogue, Month::of(system().0.now())) {
                    say(warning);
                }
                say(catalogue.summary());
                ExitCode::SUCCESS
            }
            Err(report) => {
                say(report);
                ExitCode::FAILURE
            }
        }
    }
}

/// Open services for which no standard covers the month. No mistake: standards are often published late, and
/// bills are the agency's to make. But quotes and the guide have nothing current to say there.
fn without_a_standard(catalogue: &Catalogue, month: Month) -> Vec<String> {
    let mut warnings = Vec::new();
    for pack in catalogue.packs() {
        let name = catalogue.city(&pack.code).map_or("", |city| city.short_name());
        let yearly_or_monthly = |kind| matches!(kind, BillKind::Regular | BillKind::Resident);
        for service in pack.open.iter().filter(|service| yearly_or_monthly(service.bill_kind())) {
            let insurance = service.insurance();
            let kind = orders::usual_kind(insurance);
            let policies = catalogue.policies_of(&pack.code, insurance, kind);
            if policies.iter().any(|policy| policy.period.contains(month)) {
                continue;
            }
            let last = match policies.last() {
                Some(policy) => format!("the last is {} until {}", policy.id, policy.period.to()),
                None => "there is none at all".to_owned(),
            };
            let code = &pack.code;
            warnings.push(format!(
                "warning: {code} {name}: no standard of {insurance} covers {month}; {last}"
            ));
        }
    }
    warnings
}

/// All TOML files of a folder and the folders in it, named relative to it.
fn texts_below(folder: &std::path::Path) -> std::io::Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(&current)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                texts.push((name, std::fs::read_to_string(&path)?));
            }
        }
    }
    texts.sort();
    Ok(texts)
}
