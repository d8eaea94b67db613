//! The soak: generated streams, played to the original and to ours, each in front of servers of its
//! own, and everything compared: the replies byte for byte, what the servers then hold, what is
//! counted.
//!
//! | file | what it owns |
//! |---|---|
//! | `circumstances.rs`, `stream.rs` | what a stream is made for, and what one is |
//! | `redis/`, `memcached/`, `names.rs` | making them |
//! | `rig.rs`, `pools.rs`, `direct.rs` | both sides: proxies, pools, servers |
//! | `talk.rs`, `lanes.rs` | playing one, playing several at a time |
//! | `judge.rs`, `compare.rs`, `reply.rs` | whether two answers are the same, request by request |
//! | `rules.rs` | the allow-list, which is data |
//! | `state.rs`, `figures.rs` | what the servers hold, what is counted |
//! | `report.rs`, `options.rs` | the summary, the command line |
//!
//! A batch of streams is played side by side, each in a name space of its own. Then those that need
//! the servers to themselves, then the servers are compared and emptied, and last come the streams
//! that spoil the original's server connections, after which it is started anew. Ours is not.

mod circumstances;
mod compare;
mod direct;
mod figures;
mod judge;
mod lanes;
mod memcached;
mod names;
mod options;
mod pools;
mod redis;
pub(crate) mod reply;
mod report;
mod rig;
mod rules;
mod state;
mod stream;
mod talk;

use std::time::{Duration, Instant};

use circumstances::BATCH;
use figures::Figures;
use options::Options;
use reply::Protocol;
use report::{Place, Summary};
use rig::Rig;
use rules::Rules;
use stream::{Company, Stream};

use crate::failure::{Failure, Result};

/// So many findings are told of, and end a run: more of them say no more.
const FINDINGS_MAX: u64 = 20;

/// Plays streams as the rest of the command line asks.
///
/// # Errors
/// Anything unexplained, a proxy or server that ends or does not come up, an option that does not
/// exist, Ctrl-C.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    let Some(options) = Options::read(arguments)? else {
        print!("{}", options::HELP);
        return Ok(());
    };
    let mut unexplained = 0;
    for &protocol in &options.protocols {
        unexplained += soak(protocol, &options)?;
    }
    if unexplained > 0 {
        return Err(Failure::Wrong(format!(
            "{unexplained} differences are unexplained. Each is a fault of ours, or a rule that \
             xtask/data/soak/differences.json lacks; CONTRIBUTING.md says how to tell"
        )));
    }
    Ok(())
}

/// Plays one protocol's streams and returns how many differences are unexplained.
fn soak(protocol: Protocol, options: &Options) -> Result<u64> {
    let rules = Rules::of(protocol)?;
    let mut summary = Summary::default();
    let mut number = options.from / BATCH * BATCH;
    let begun = Instant::now();
    for (nth, &workers) in options.workers.iter().enumerate() {
        let share = |whole: u64| whole * (nth as u64 + 1) / options.workers.len() as u64;
        let requests = share(options.requests);
        let end = options.time.map(|time| Duration::from_millis(share(time.as_millis() as u64)));
        println!("{protocol}: seed {}, workers: {workers}, from stream {number} on", options.seed);
        let rig = Rig::start(protocol, &options.original, &options.proxy, workers)?;
        let mut run = Run { protocol, options, rules: &rules, rig, workers, summary };
        if let Some(number) = options.stream {
            run.batch(number..number + 1)?;
        } else {
            while run.summary.requests < requests
                && end.is_none_or(|end| begun.elapsed() < end)
                && run.summary.unexplained < FINDINGS_MAX
            {
                run.batch(number..number + BATCH)?;
                number += BATCH;
            }
        }
        summary = run.summary;
    }
    for line in summary.lines(protocol, &rules, options.is_long)? {
        println!("{line}");
    }
    println!("{protocol}: took {:.0} s", begun.elapsed().as_secs_f64());
    Ok(summary.unexplained)
}

/// A run with one protocol.
struct Run<'a> {
    protocol: Protocol,
    options: &'a Options,
    rules: &'a Rules,
    rig: Rig,
    workers: usize,
    summary: Summary,
}

impl Run<'_> {
    /// Plays the streams with these numbers.
    fn batch(&mut self, numbers: std::ops::Range<u64>) -> Result<()> {
        let refusing = circumstances::refusing(self.protocol, numbers.start);
        let streams: Vec<Stream> = numbers
            .clone()
            .map(|number| circumstances::stream(self.protocol, self.options.seed, number))
            .collect();
        let before = [Figures::settled(&self.rig.original)?, Figures::settled(&self.rig.ours)?];
        self.refuse(refusing, true)?;

        let of = |company| {
            let fitting = streams.iter().filter(move |stream| stream.company == company);
            fitting.collect::<Vec<&Stream>>()
        };
        self.play(&of(Company::Any), self.options.lanes)?;
        if refusing.is_none() {
            // A refusal is counted as an error by who makes one of his own of it.
            let sides = [&self.rig.original, &self.rig.ours];
            let (compared, differences) = figures::compare(sides, &before)?;
            self.summary.figures += compared as u64;
            self.tell(&numbers, &differences);
        }
        self.play(&of(Company::None), 1)?;
        self.refuse(refusing, false)?;
        let contents = state::compare(self.protocol, &self.rig, &streams)?;
        self.summary.keys += contents.keys as u64;
        self.tell(&numbers, &contents.differences);
        self.rig.original.flush()?;
        self.rig.ours.flush()?;

        let spoiling = of(Company::Spoilt);
        if !spoiling.is_empty() {
            self.play(&spoiling, 1)?;
            self.rig.original.restart_proxy()?;
        }
        let busy = figures::busy(&self.rig.ours)?;
        self.tell(&numbers, &busy);
        Ok(())
    }

    /// Plays and judges some streams.
    fn play(&mut self, streams: &[&Stream], lanes: usize) -> Result<()> {
        let verdicts = lanes::play_all(self.protocol, self.rules, &self.rig, streams, lanes);
        for side in self.rig.sides() {
            side.expect_running()?;
        }
        for (stream, verdict) in streams.iter().zip(&verdicts?) {
            self.summary.add(stream, verdict);
            if let Some(finding) = &verdict.unexplained
                && self.summary.unexplained <= FINDINGS_MAX
            {
                for line in report::finding_lines(self.place(), stream, finding) {
                    println!("{line}");
                }
            }
        }
        Ok(())
    }

    /// What it takes to play a stream again.
    fn place(&self) -> Place {
        Place {
            protocol: self.protocol,
            seed: self.options.seed,
            workers: self.workers,
            is_alone: self.options.stream.is_some(),
        }
    }

    fn refuse(&self, server: Option<usize>, refuses: bool) -> Result<()> {
        let Some(server) = server else { return Ok(()) };
        self.rig.original.refuse(server, refuses)?;
        self.rig.ours.refuse(server, refuses)
    }

    /// Tells of what differs between the servers or the figures, which is of no one stream.
    fn tell(&mut self, numbers: &std::ops::Range<u64>, differences: &[String]) {
        let Self { protocol, workers, options, .. } = self;
        for difference in differences {
            println!("UNEXPLAINED: {protocol}, after streams {numbers:?}: {difference}");
            println!(
                "  again:    cargo xtask soak --protocol {protocol} --workers {workers} --seed {} \
                 --from {} --requests 1",
                options.seed, numbers.start
            );
        }
        self.summary.unexplained += differences.len() as u64;
    }
}
