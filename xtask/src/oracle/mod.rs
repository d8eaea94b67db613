//! The oracle: Redis itself says what is right. Generated commands are sent to a redis-server, and
//! through the proxy to one like it and to four, and the replies are compared byte for byte.
//!
//! | file | what it owns |
//! |---|---|
//! | `case.rs` | what is sent in one case |
//! | `forms/`, `scenes.rs`, `broken.rs`, `draw.rs`, `keys.rs` | what cases are made of |
//! | `rig.rs` | servers and proxy |
//! | `play.rs`, `client.rs`, `reply.rs` | playing a case |
//! | `judge.rs`, `compare.rs` | whether two answers are the same |
//! | `rules.rs` | the allow-list, which is data |
//! | `report.rs`, `options.rs` | what a run came to, the command line |
//!
//! Cases are played one after the other, each on servers that hold nothing, so that even what is
//! about a server's whole data can be compared.

mod broken;
mod case;
mod client;
mod compare;
mod draw;
mod forms;
mod judge;
mod keys;
mod options;
mod play;
mod reply;
mod report;
mod rig;
mod rules;
mod scenes;

use std::collections::BTreeSet;
use std::time::Instant;

use case::Case;
use forms::Forms;
use judge::Arrangement;
use nutcracker_proto::resp::COMMANDS;
use options::Options;
use report::Report;
use rig::Rig;
use rules::Rules;

use crate::failure::{Failure, Result};

/// Plays cases as the rest of the command line asks.
///
/// # Errors
/// Anything unexplained, a command without a form, a proxy or server that ends or does not come up,
/// an option that does not exist, Ctrl-C.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    let Some(options) = Options::read(arguments)? else {
        print!("{}", options::HELP);
        return Ok(());
    };
    let begun = Instant::now();
    let rules = Rules::read()?;
    let mut rig = Rig::start(&options.proxy)?;
    let of_server = rig.server_commands()?;
    let mut run = Run { options: &options, rules: &rules, rig, report: Report::default() };
    println!("seed {}", options.seed);
    let of_table = COMMANDS.iter().map(|row| row.name.to_owned());
    let names: BTreeSet<String> = of_table.chain(of_server.iter().cloned()).collect();
    for name in &names {
        if options.only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let forms = forms::all().find(|forms| forms.name == name);
        if forms.is_none() && of_server.contains(name) {
            run.report.add_formless(name);
        } else {
            run.command(name, forms)?;
        }
    }
    if options.only.as_ref().is_none_or(|only| only == case::PROTOCOL) {
        run.broken()?;
    }
    for line in run.report.lines(&rules) {
        println!("{line}");
    }
    println!("took {:.0} s", begun.elapsed().as_secs_f64());
    match run.report.wrong() {
        0 => Ok(()),
        wrong => Err(Failure::Wrong(format!(
            "{wrong} answers are not the server's. Each is a fault of ours, or a rule that \
             xtask/data/oracle/differences.json lacks; CONTRIBUTING.md says how to tell"
        ))),
    }
}

/// A run.
struct Run<'a> {
    options: &'a Options,
    rules: &'a Rules,
    rig: Rig,
    report: Report,
}

impl Run<'_> {
    /// All cases of a command.
    fn command(&mut self, name: &str, forms: Option<&Forms>) -> Result<()> {
        let numbers = match self.options.case {
            Some(case) => case..case + 1,
            None => 0..self.options.cases.max(case::enough(name)),
        };
        for number in numbers {
            self.case(&case::make(name, forms, self.options.seed, number))?;
        }
        self.rig.expect_running()
    }

    /// Each of the bytes that are no ordinary request, in both protocols.
    fn broken(&mut self) -> Result<()> {
        for (at, &(bytes, replies)) in broken::BROKEN.iter().enumerate() {
            for number in 4 * at as u64..4 * at as u64 + 4 {
                if self.options.case.is_none_or(|case| case == number) {
                    self.case(&case::make_broken(bytes, replies, number))?;
                }
            }
        }
        self.rig.expect_running()
    }

    /// One case, everywhere.
    fn case(&mut self, case: &Case) -> Result<()> {
        self.rig.empty()?;
        let server = match case.is_for_proxy_alone {
            true => Vec::new(),
            false => play::play(self.rig.oracle(), case)?,
        };
        let (one, four) = (self.rig.one(), self.rig.four());
        let places: &[(Arrangement, u16)] = match case.is_apart {
            true => &[(Arrangement::Apart, four)],
            false => &[(Arrangement::One, one), (Arrangement::Four, four)],
        };
        for &(place, port) in places {
            let ours = play::play(port, case)?;
            let judged = judge::judge(case, place, self.rules, &server, &ours);
            let Options { seed, tells_all, .. } = *self.options;
            for line in self.report.add(case, place, &judged, seed, tells_all) {
                println!("{line}");
            }
        }
        Ok(())
    }
}
