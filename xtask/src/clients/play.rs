//! A library's script, run: one process for all cells. One that hangs or dies in a cell is begun
//! again with those after it, so that a cell never takes others along.

use std::time::{Duration, Instant};

use super::install::Prepared;
use super::libraries::Library;
use super::rig::Rig;
use super::said::{Outcome, Said};
use crate::failure::Result;
use crate::interrupt;
use crate::proc::{self, Launch, Proc};

/// How long a script may take. All cells of one take seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a library's script until every cell has an outcome.
///
/// # Errors
/// Ctrl-C, or a program that cannot be started.
pub(super) fn play(library: &Library, prepared: &Prepared, rig: &Rig) -> Result<Said> {
    let cells: Vec<&str> = library.kind.cells().iter().map(|cell| cell.name).collect();
    let mut all = Said::default();
    while all.outcomes.len() < cells.len() {
        let left = &cells[all.outcomes.len()..];
        let (output, end) = once(library, prepared, rig, left)?;
        let said = Said::read(&output, left);
        let silent = said.outcomes.len();
        all.version = all.version.or(said.version);
        all.outcomes.extend(said.outcomes);
        if let Some(name) = left.get(silent) {
            let why = format!("{end}; it said: {}", last_words(&output));
            all.outcomes.push(((*name).to_owned(), Outcome::Fails(why)));
        }
    }
    Ok(all)
}

/// Runs the script once; returns what it wrote, and how it ended.
fn once(
    library: &Library,
    prepared: &Prepared,
    rig: &Rig,
    cells: &[&str],
) -> Result<(String, String)> {
    let folder = prepared.folder.to_string_lossy();
    let mut arguments = vec![
        format!("LIBRARY={}", library.name),
        format!("FOLDER={folder}"),
        format!("PYTHONPATH={folder}"),
        format!("NODE_PATH={folder}/node_modules"),
        "PYTHONDONTWRITEBYTECODE=1".to_owned(),
    ];
    arguments.extend(prepared.command.iter().map(|word| word.to_string_lossy().into_owned()));
    arguments.push(rig.port(library.kind).to_string());
    arguments.push(if rig.is_control() { "control" } else { "proxy" }.to_owned());
    arguments.extend(cells.iter().map(|cell| (*cell).to_owned()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let program = proc::find("env", "coreutils")?;
    let launch =
        Launch { name: "script", program: &program, folder: rig.folder(), cores: &[], input: None };
    let mut process = Proc::start(launch, &arguments)?;
    let end = Instant::now() + PATIENCE;
    let how = loop {
        if let Some(status) = process.ended()? {
            break format!("the script ended ({status})");
        }
        if Instant::now() >= end {
            process.kill();
            break format!("the script was not done in {} seconds", PATIENCE.as_secs());
        }
        interrupt::sleep(Duration::from_millis(10))?;
    };
    Ok((process.output(), how))
}

/// The end of what was written, in a line.
fn last_words(output: &str) -> String {
    const LINES: usize = 3;
    let lines: Vec<&str> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_the_last_lines() {
        assert_eq!(last_words("a\n\nb\n c\nd\n"), "b / c / d");
        assert_eq!(last_words(""), "");
    }
}
