//! `nutcracker check`: what in a configuration is legal and bites in production.
//!
//! A trap is a row of data: its name, how bad it is, a line about it, and the function that looks
//! for it. One file has the traps of one kind, and [`FAMILIES`] has all files.

mod capacity;
mod ejection;
mod finding;
mod listening;
mod machine;
mod placement;
mod secrets;
mod servers;
mod switch;
mod timing;
mod trap;

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Verdict;
use super::arguments::{CONF_FILE, Flag, Given, Manual};
use super::shown::counted;
use super::trouble::Trouble;
use crate::config::nearest::nearest;
use crate::config::{self, ConfigErrors, LoadError, Problem};
use finding::{Finding, Severity};
use machine::Machine;
use trap::{Look, Subject, Trap};

pub(super) static MANUAL: Manual = Manual {
    name: "check",
    usage: "[--allow TRAP]... FILE",
    about: "\
Looks in a configuration for what is legal and bites in production. Each finding has a place, a
severity, the reason, the trap's name, and what would cure it on the next line. Where the machine
matters (its limits, its kernel's settings), it is this one; options of the proxy's command line are
not known.

  error    the proxy does not start with this, or serves nobody
  warning  will bite sooner or later
  note     good to know; may well be meant

The status is 0 when there is nothing above a note, 1 when there are warnings, 2 when there are errors
or the file cannot be used; what makes it invalid is then said as by -t.",
    flags: &[
        Flag {
            letter: None,
            name: "allow",
            value: Some("TRAP"),
            about: "say nothing of this trap; may be given again for another",
        },
        CONF_FILE,
    ],
};

/// Every trap, family by family.
const FAMILIES: [&[Trap]; 8] = [
    timing::TRAPS,
    ejection::TRAPS,
    servers::TRAPS,
    placement::TRAPS,
    listening::TRAPS,
    capacity::TRAPS,
    secrets::TRAPS,
    switch::TRAPS,
];

/// The name under which the configuration reader's own warnings go.
const ODD_VALUE: &str = "odd-value";

fn traps() -> impl Iterator<Item = &'static Trap> {
    FAMILIES.into_iter().flatten()
}

/// The page of all traps, for `--help`.
pub(super) fn list_of_traps() -> String {
    let width = traps().map(|trap| trap.name.len()).max().unwrap_or_default();
    let mut page = "\nTraps:\n".to_owned();
    for Trap { name, severity, about, .. } in traps() {
        page += &format!("  {name:width$}  {severity:7}  {about}\n");
    }
    let severity = Severity::Warning;
    page + &format!("  {ODD_VALUE:width$}  {severity:7}  a value that is read and hardly meant\n")
}

/// Writes the findings.
pub(super) fn run(given: &Given, out: &mut dyn Write) -> Result<Verdict, Trouble> {
    let path = file(given)?;
    let allowed = allowed(given)?;
    let (config, places) = match config::load_with_places(&path) {
        Ok(read) => read,
        Err(LoadError::Invalid(errors)) => return invalid(&path, &errors, out),
        Err(error) => return Err(Trouble::Load(error)),
    };
    let machine = Machine::this(&path);
    let subject = Subject { config: &config, places: &places, machine: &machine };

    let mut findings: Vec<Finding> = Vec::new();
    if !allowed.contains(&ODD_VALUE) {
        findings.extend(config.warnings.iter().map(odd_value));
    }
    for trap in traps().filter(|trap| !allowed.contains(&trap.name)) {
        match trap.look {
            Look::AtPools(look) => {
                config
                    .pools
                    .iter()
                    .for_each(|pool| look(&subject, pool, &mut trap.report(&mut findings)));
            }
            Look::AtAll(look) => look(&subject, &mut trap.report(&mut findings)),
        }
    }
    // Of one place, the worst first.
    findings.sort_by_key(|finding| (finding.at, finding.severity));
    write(&path, &findings, out).map_err(Trouble::Write)?;
    Ok(match findings.iter().map(|finding| finding.severity).min() {
        Some(Severity::Error) => Verdict::Unusable,
        Some(Severity::Warning) => Verdict::Findings,
        Some(Severity::Note) | None => Verdict::Clean,
    })
}

/// The file to check: the one word, or what `-c` names.
fn file(given: &Given) -> Result<PathBuf, Trouble> {
    match (&*given.words, given.last(CONF_FILE.name)) {
        ([path], None) => Ok(path.into()),
        ([], Some(_)) => Ok(given.conf_file()),
        ([], None) => Err(Trouble::Arguments(
            "the file to check is missing: nutcracker check FILE".to_owned(),
        )),
        _ => Err(Trouble::Arguments(
            "one file is checked at a time: nutcracker check FILE".to_owned(),
        )),
    }
}

/// The traps that `--allow` names.
fn allowed(given: &Given) -> Result<Vec<&'static str>, Trouble> {
    let names: Vec<&'static str> = traps().map(|trap| trap.name).chain([ODD_VALUE]).collect();
    let find = |name: String| {
        names.iter().copied().find(|known| *known == name).ok_or_else(|| {
            let meant = match nearest(&name, &names) {
                Some(meant) => format!("; did you mean '{meant}'?"),
                None => String::new(),
            };
            let all = names.join(", ");
            Trouble::Arguments(format!("no trap is called '{name}'{meant} (the traps are {all})"))
        })
    };
    given.all("allow").map(|name| find(name.to_string_lossy().into_owned())).collect()
}

/// What the configuration reader has warned of.
fn odd_value(problem: &Problem) -> Finding {
    Finding {
        at: problem.at,
        severity: Severity::Warning,
        trap: ODD_VALUE,
        pool: problem.pool.clone(),
        reason: problem.words(),
        cure: "correct the value or leave the key out".to_owned(),
    }
}

/// The problems of a file that is no configuration, as `-t` tells them.
fn invalid(path: &Path, errors: &ConfigErrors, out: &mut dyn Write) -> Result<Verdict, Trouble> {
    let count = counted(errors.problems().len(), "error");
    writeln!(out, "{errors}\n{}: invalid, {count}; no traps were looked for", path.display())
        .map_err(Trouble::Write)?;
    Ok(Verdict::Unusable)
}

/// The findings, then how many there are.
fn write(path: &Path, findings: &[Finding], out: &mut dyn Write) -> std::io::Result<()> {
    let path = path.display();
    for finding in findings {
        writeln!(out, "{path}:{finding}")?;
    }
    let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .map(|severity| (severity, findings.iter().filter(|f| f.severity == severity).count()))
        .filter(|&(_, count)| count > 0)
        .map(|(severity, count)| counted(count, severity.name()))
        .collect();
    let counts = if counts.is_empty() { "nothing found".to_owned() } else { counts.join(", ") };
    writeln!(out, "{path}: {counts}")
}
