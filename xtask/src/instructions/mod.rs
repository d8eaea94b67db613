//! `cargo xtask instructions`: what the hot paths cost, counted instead of timed.
//!
//! Times need a quiet machine; counts do not. The engine's example `instructions` repeats one
//! scenario so often, valgrind counts what it executes, and the difference between two runs is what
//! the laps between them cost. The counts are compared with those recorded beside the example, and
//! claims about growth are judged within the run.
//!
//! | file | what it owns |
//! |---|---|
//! | `count.rs` | running the example under valgrind |
//! | `recorded.rs` | the table in the repository |
//! | `verdict.rs` | a count against the recorded one |
//! | `growth.rs` | what may not grow, and with what |
//! | `machine.rs` | whether this compiler and processor compare with the table's |

mod count;
mod growth;
mod machine;
mod recorded;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::Command;

use lexopt::{Arg, Parser};

use count::Count;
use growth::CLAIMS;
use recorded::{Recorded, Row};
use verdict::Verdict;

use crate::arguments;
use crate::failure::{Failure, Result};
use crate::servers;

const HELP: &str = "\
usage: cargo xtask instructions [OPTIONS]

Counts the instructions of the hot paths under valgrind and compares them with the recorded ones.
Fails when one is above, or when something grows that may not.

  --only SUBSTRING   only scenarios whose name holds SUBSTRING
  --record           makes what was counted the recorded counts
  --help             this text
";

/// Where the recorded counts are.
const TABLE: &str = "crates/engine/examples/instructions/recorded.tsv";

#[derive(Debug, Default)]
struct Options {
    only: Option<String>,
    record: bool,
}

/// The chore whose options these are.
const CHORE: &str = "instructions";

impl Options {
    /// Reads the rest of the command line; `None` when it asks for help.
    fn read(mut arguments: Parser) -> Result<Option<Self>> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next().map_err(wrong)? {
            match argument {
                Arg::Long("only") => {
                    options.only = Some(arguments::text(&mut arguments, CHORE)?);
                }
                Arg::Long("record") => options.record = true,
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(wrong(other.unexpected())),
            }
        }
        Ok(Some(options))
    }
}

/// Builds, counts, and compares or records.
///
/// # Errors
/// A count above the recorded one, a scenario that is not recorded or no more, growth; valgrind
/// that is not there, Ctrl-C.
pub(crate) fn run(arguments: Parser) -> Result<()> {
    let Some(options) = Options::read(arguments)? else {
        print!("{HELP}");
        return Ok(());
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the root");
    let program = build(root)?;
    let (scenarios, others): (Vec<_>, Vec<_>) = count::scenarios(&program)?
        .into_iter()
        .partition(|row| options.only.as_ref().is_none_or(|part| row.name.contains(part)));
    if scenarios.is_empty() {
        let names: Vec<_> = others.iter().map(|row| row.name.as_str()).collect();
        return Err(Failure::Wrong(format!("no scenario fits; there are:\n{}", names.join("\n"))));
    }
    let all = others.is_empty();
    println!("counting {} scenarios", scenarios.len());
    let counts = count::all(&program, scenarios)?;

    let path = root.join(TABLE);
    let text =
        std::fs::read_to_string(&path).map_err(Failure::system(format!("reading {TABLE}")))?;
    let mut table =
        Recorded::parse(&text).map_err(|why| Failure::Wrong(format!("{TABLE}:{why}")))?;
    let compiler = machine::compiler()?;
    let mut wrong = Vec::new();
    if options.record {
        if !all && table.compiler != compiler {
            let recorded = &table.compiler;
            return Err(Failure::Wrong(format!(
                "{TABLE} is of {recorded}, this is {compiler}: record all of it, without --only"
            )));
        }
        table.compiler = compiler;
        table.take(counts.iter().map(Row::of).collect(), all);
        std::fs::write(&path, table.text()).map_err(Failure::system(format!("writing {TABLE}")))?;
        counts.iter().for_each(|count| println!("{:<36} {:>12.1}", count.name, count.a_request()));
        println!("recorded in {TABLE}");
    } else if let Some(why) = machine::differs() {
        println!("not compared with the recorded counts: {why}");
    } else {
        let tolerance = machine::tolerance(&table.compiler, &compiler);
        wrong.extend(compare(&counts, &table, tolerance));
        if all {
            wrong.extend(
                table.without(&counts).map(|name| format!("'{name}' is recorded and gone")),
            );
        }
    }
    wrong.extend(judge_growth(&counts, all)?);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::Wrong(format!(
        "{}\nWhere a count is meant, record it: cargo xtask instructions --record",
        wrong.join("\n")
    )))
}

/// Prints each count beside the recorded one; returns what is wrong.
fn compare(counts: &[Count], table: &Recorded, tolerance: f64) -> Vec<String> {
    println!("\n{:<36} {:>12} {:>12} {:>9}", "instructions a request", "recorded", "now", "change");
    let (mut wrong, mut below) = (Vec::new(), 0);
    for count in counts {
        let recorded = table.a_request(&count.name);
        let verdict = Verdict::of(recorded, count.a_request(), tolerance);
        let before = recorded.map_or_else(|| "-".to_owned(), |found| format!("{found:.1}"));
        println!("{:<36} {before:>12} {:>12.1} {verdict}", count.name, count.a_request());
        below += usize::from(matches!(verdict, Verdict::Below(_)));
        wrong.extend(verdict.complaint(&count.name, tolerance));
    }
    if below > 0 {
        println!("{below} well below: record it with cargo xtask instructions --record");
    }
    wrong
}

/// Prints each claim about growth whose scenarios were counted; returns those that do not hold.
fn judge_growth(counts: &[Count], counted_all: bool) -> Result<Vec<String>> {
    let find = |name: &str| counts.iter().find(|count| count.name == name);
    let mut wrong = Vec::new();
    if CLAIMS.iter().any(|claim| find(claim.small).is_some() && find(claim.large).is_some()) {
        println!("\n{:<52} {:>7} {:>9}", "growth", "ratio", "at most");
    }
    for claim in CLAIMS {
        match (find(claim.small), find(claim.large)) {
            (Some(small), Some(large)) => {
                let ratio = claim.ratio(small, large);
                println!("{:<52} {ratio:>7.2} {:>9.2}", claim.what, claim.at_most);
                if ratio > claim.at_most {
                    wrong.push(format!(
                        "{}: {ratio:.2} times, and it may be {:.2}",
                        claim.what, claim.at_most
                    ));
                }
            }
            _ if counted_all => {
                let what = claim.what;
                return Err(Failure::Wrong(format!("growth.rs, '{what}': no such scenario")));
            }
            _ => {}
        }
    }
    Ok(wrong)
}

/// Builds the example in the release profile and says where it is.
fn build(root: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--package", "nutcracker-engine"])
        .args(["--example", "instructions", "--quiet"])
        .current_dir(root)
        .status()
        .map_err(Failure::system("cargo build"))?;
    if !status.success() {
        return Err(Failure::Wrong("the example 'instructions' does not build".to_owned()));
    }
    Ok(servers::target_folder().join("release/examples/instructions"))
}

fn wrong(what: impl std::fmt::Display) -> Failure {
    arguments::wrong(CHORE, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_bad_ones_named() {
        let read = |words: &[&str]| Options::read(Parser::from_args(words));
        let options = read(&["--only", "turn", "--record"]).expect("good").expect("no help");
        assert_eq!((options.only.as_deref(), options.record), (Some("turn"), true));
        assert!(read(&["--help"]).expect("good").is_none());
        for words in [&["--only"][..], &["--records"], &["turn"]] {
            let failure = read(words).expect_err("a bad option").to_string();
            assert!(failure.contains(words[0]), "{words:?}: {failure}");
        }
    }

    #[test]
    fn the_table_in_the_repository_can_be_read_and_is_as_it_would_be_written() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("");
        let text = std::fs::read_to_string(root.join(TABLE)).expect("the table");
        let table = Recorded::parse(&text).expect("a good table");
        assert_eq!(table.text(), text, "{TABLE}");
    }
}
