//! `cities check`: validates every pack, with all findings.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::{fail, say};

#[derive(Debug, Args)]
pub(crate) struct Cities {
    #[command(subcommand)]
    command: CitiesCommand,
}

#[derive(Debug, Subcommand)]
enum CitiesCommand {
    /// Checks the packs that are built in, or those of a folder.
    Check {
        /// A folder laid out like `cities/`.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

impl Cities {
    pub(crate) fn run(self) -> ExitCode {
        let CitiesCommand::Check { dir } = self.command;
        let report = match dir {
            None => policies::check_embedded(),
            Some(dir) => match texts_below(&dir) {
                Ok(texts) => policies::check_texts(&texts),
                Err(error) => return fail(&format!("{}: {error}", dir.display())),
            },
        };
        say(&report);
        if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
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
