//! `cargo xtask sanitize`: the tests again, under tools that see what a test cannot.
//!
//! | tool | sees | needs |
//! |---|---|---|
//! | `address` | reads and writes outside of what is there, or after its end, and what leaks | a stable compiler: `RUSTC_BOOTSTRAP=1` lets it take the flag |
//! | `valgrind` | decisions on what was never written | Debian's valgrind |
//! | `miri` | the language's own rules, without system calls | `cargo +nightly miri`; left out where it is not there |
//!
//! It is a chore of its own and no step of `ci`: a build with instruments takes minutes, and miri is not
//! on every machine. There is none for data races: code without `unsafe` has none, and the one room
//! that has it shares a single atomic between threads. (ThreadSanitizer would need a standard library
//! built with instruments, and takes every lock and condition of the one that compilers ship for a race.)

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use lexopt::{Arg, Parser};

use crate::arguments;
use crate::failure::{Failure, Result};
use crate::fuzz::host;
use crate::interrupt;

const HELP: &str = "\
usage: cargo xtask sanitize [--only address|valgrind|miri]

Runs tests under sanitizers: the binary's own and the black-box tests with an instrumented proxy, and
the pure crates' under miri where it is installed.

  --only TOOL   one of them alone
  --help        this text
";

/// A tool, and what is run under it.
#[derive(Debug, Clone, Copy)]
struct Tool {
    name: &'static str,
    /// Flags of the compiler; such a build has a folder of its own.
    flags: &'static str,
    /// What the tests are run by.
    runner: &'static str,
    /// Of `cargo`, each a command of its own.
    commands: &'static [&'static [&'static str]],
    /// Variables that the tool and its tests read options from, and the options; `REPORT` stands for the
    /// path that its reports begin with.
    options: &'static [(&'static str, &'static str)],
}

#[rustfmt::skip]
const TOOLS: &[Tool] = &[
    Tool {
        name: "address",
        flags: "-Zsanitizer=address -Cdebuginfo=1",
        runner: "",
        commands: &[
            &["test", "--package", "nutcracker", "--lib", "--test", "process", "--test", "stats_port"],
            // Left out: what compares the process's memory with limits that hold without instruments, and
            // signals that the tool itself catches.
            &["test", "--package", "nutcracker", "--test", "blackbox", "--", "--skip", "memory::", "--skip", "with_memory_max", "--skip", "signals_that_are_not_caught"],
        ],
        options: &[("ASAN_OPTIONS", "log_path=REPORT:detect_stack_use_after_return=1")],
    },
    Tool {
        name: "valgrind",
        flags: "",
        runner: "valgrind --quiet --error-exitcode=9",
        commands: &[&["test", "--package", "nutcracker", "--lib", "sys::"]],
        options: &[],
    },
    Tool {
        name: "miri",
        flags: "",
        runner: "",
        // Left out are tests that are marked as long there; it is some hundred times slower than a processor.
        commands: &[
            &["+nightly", "miri", "test", "--package", "nutcracker-proto", "--package", "nutcracker-ring", "--package", "nutcracker-engine", "--lib"],
            &["+nightly", "miri", "test", "--package", "nutcracker-engine", "--test", "scenarios", "--", "ejection::", "handover::", "handshake::", "lies::", "moving::", "order::", "reach::", "retries::", "servers::", "split::", "transactions::"],
        ],
        options: &[("MIRIFLAGS", "-Zmiri-disable-isolation"), ("PROPTEST_CASES", "4")],
    },
];

/// Runs the tools that are asked for.
///
/// # Errors
/// [`Failure::Wrong`] when one of them reports something or a test fails under it.
pub(crate) fn run(arguments: Parser) -> Result<()> {
    let Some(only) = read(arguments)? else {
        print!("{HELP}");
        return Ok(());
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the root");
    for tool in TOOLS.iter().filter(|tool| only.as_ref().is_none_or(|only| only == tool.name)) {
        interrupt::check()?;
        tool.run(root)?;
    }
    Ok(())
}

/// This chore.
const CHORE: &str = "sanitize";

/// The tool that is asked for, or all of them; `None` for help.
fn read(mut arguments: Parser) -> Result<Option<Option<String>>> {
    let wrong = |what: String| arguments::wrong(CHORE, what);
    let mut only = None;
    while let Some(argument) = arguments.next().map_err(|error| wrong(error.to_string()))? {
        match argument {
            Arg::Long("only") => {
                let name = arguments::text(&mut arguments, CHORE)?;
                if !TOOLS.iter().any(|tool| tool.name == name) {
                    return Err(wrong(format!("no tool is called '{name}'")));
                }
                only = Some(name);
            }
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            other => return Err(wrong(other.unexpected().to_string())),
        }
    }
    Ok(Some(only))
}

impl Tool {
    fn run(&self, root: &Path) -> Result<()> {
        let begun = Instant::now();
        if self.name == "miri" && !is_there(&["+nightly", "miri", "--version"]) {
            println!(
                "miri: left out, for 'cargo +nightly miri' is not there; \
                 'rustup component add miri rust-src --toolchain nightly' brings it"
            );
            return Ok(());
        }
        let folder = root.join("target/sanitize").join(self.name);
        fs::create_dir_all(&folder).map_err(Failure::system("making a folder for a tool"))?;
        for old in reports(&folder)? {
            fs::remove_file(old).map_err(Failure::system("removing an old report"))?;
        }
        for command in self.commands {
            println!("{}: cargo {}", self.name, command.join(" "));
            let status = self
                .command(root, &folder, command)?
                .status()
                .map_err(Failure::system("running cargo"))?;
            let reports = reports(&folder)?;
            if let Some(report) = reports.first() {
                let text = fs::read_to_string(report).unwrap_or_default();
                let begin: Vec<&str> = text.lines().take(30).collect();
                return Err(Failure::Wrong(format!(
                    "{} reports, the first in {}:\n{}",
                    reports.len(),
                    report.display(),
                    begin.join("\n")
                )));
            }
            if !status.success() {
                return Err(Failure::Wrong(format!("a test fails under {}", self.name)));
            }
        }
        println!("{}: nothing to report ({:.0} s)", self.name, begun.elapsed().as_secs_f64());
        Ok(())
    }

    fn command(&self, root: &Path, folder: &Path, words: &[&str]) -> Result<Command> {
        let mut command = Command::new("cargo");
        let tests = words.iter().position(|word| *word == "--").unwrap_or(words.len());
        command.args(&words[..tests]).current_dir(root);
        if !self.flags.is_empty() {
            // With a target named, build scripts and macros are built without the flags.
            command.args(["--target", &host()?]).env("CARGO_TARGET_DIR", folder);
            command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", self.flags);
        }
        if !self.runner.is_empty() {
            let host = host()?.to_uppercase().replace('-', "_");
            command.env(format!("CARGO_TARGET_{host}_RUNNER"), self.runner);
        }
        command.args(&words[tests..]);
        for (variable, options) in self.options {
            let options = options.replace("REPORT", &folder.join("report").display().to_string());
            command.env(variable, options);
        }
        Ok(command)
    }
}

/// What the tool has written: a file a process that broke a rule.
fn reports(folder: &Path) -> Result<Vec<PathBuf>> {
    let files = fs::read_dir(folder).map_err(Failure::system("looking for reports"))?;
    let is_report = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("report."))
    };
    Ok(files.filter_map(|file| Some(file.ok()?.path())).filter(is_report).collect())
}

fn is_there(words: &[&str]) -> bool {
    Command::new("cargo").args(words).output().is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_named_or_all_are_meant() {
        let read = |words: &[&str]| read(Parser::from_args(words));
        assert_eq!(read(&[]).expect("good"), Some(None));
        let address = read(&["--only", "address"]).expect("good");
        assert_eq!(address, Some(Some("address".to_owned())));
        assert_eq!(read(&["--help"]).expect("good"), None);
        read(&["--only", "magic"]).expect_err("no such tool");
    }

    #[test]
    fn a_command_has_the_tool_s_flags_and_hands_the_rest_to_the_tests() {
        let tool = TOOLS[0];
        let command = tool.command(Path::new("/p"), Path::new("/p/t"), tool.commands[1]);
        let command = command.expect("rustc is there");
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        let target = words.iter().position(|word| word == "--target").expect("a target");
        let rest = words.iter().position(|word| word == "--").expect("words for the tests");
        assert!(target < rest, "{words:?}");
        let environment: Vec<String> =
            command.get_envs().map(|(name, value)| format!("{name:?}={value:?}")).collect();
        let environment = environment.join(" ");
        for part in ["-Zsanitizer=address", "log_path=/p/t/report", "RUSTC_BOOTSTRAP"] {
            assert!(environment.contains(part), "{part}: {environment}");
        }
    }
}
