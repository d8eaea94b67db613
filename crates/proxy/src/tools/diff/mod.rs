//! `nutcracker diff`: what changes from one configuration to another, and which keys move.

mod movement;
mod options;
mod servers;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use super::Verdict;
use super::arguments::{Flag, Given, KEYS, Manual};
use super::keys::Source;
use super::placed::Placed;
use super::shown::{counted, percent};
use super::trouble::Trouble;
use crate::config::{self, Pool};
use movement::{Both, Flow, Movement, together};
use options::Side;
use servers::Pairs;

pub(super) static MANUAL: Manual = Manual {
    name: "diff",
    usage: "[--keys FILE] [--all] OLD.yml NEW.yml",
    about: "\
Says what changes from one configuration to another: pools, options, servers, and how many keys move
from which server to which. Comments, order and values that mean the same make no difference.

A pool is the same one if it has the same name, or else the same 'listen'; a server is the same one if
it has the same name, or else the same address. A key moves when the address of its server changes.
How much that is, is exact where both versions are ketama, or both are modula, and hash alike; else a
sample of keys is placed in both. --keys places your own.

The status is as diff's: 0 when nothing changes, 1 when something does, 2 when something is wrong with
the arguments, a configuration or the keys.",
    flags: &[
        KEYS,
        Flag {
            letter: None,
            name: "all",
            value: None,
            about: "list every pair of servers between which keys move, not only the first 20",
        },
    ],
};

/// Pairs of servers that are listed unless all are asked for.
const PAIRS_LISTED_MAX: usize = 20;

/// Writes what changes.
pub(super) fn run(given: &Given, out: &mut dyn Write) -> Result<Verdict, Trouble> {
    let [old, new] = &*given.words else {
        return Err(Trouble::Arguments(format!(
            "two configurations are compared, and {} given: nutcracker diff OLD.yml NEW.yml",
            match given.words.len() {
                1 => "one is".to_owned(),
                count => format!("{count} are"),
            }
        )));
    };
    let (old, new) = (load(old)?, load(new)?);
    let listed_max = given.last("all").map_or(PAIRS_LISTED_MAX, |_| usize::MAX);
    let sections = compare(&old, &new, given.last(KEYS.name).map(Source::named), listed_max)?;
    for section in &sections {
        section.write(out).map_err(Trouble::Write)?;
    }
    Ok(if sections.is_empty() { Verdict::Clean } else { Verdict::Findings })
}

fn load(path: &OsString) -> Result<Side, Trouble> {
    let (config, places) = config::load_with_places(Path::new(path)).map_err(Trouble::Load)?;
    Ok(Side { config, places })
}

/// What is said about one pool, or about the process.
struct Section {
    head: String,
    lines: Vec<String>,
}

impl Section {
    fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "{}", self.head)?;
        self.lines.iter().try_for_each(|line| writeln!(out, "  {line}"))
    }
}

/// Everything that differs: the process, the old pools in their order, then the added ones.
fn compare(
    old: &Side,
    new: &Side,
    source: Option<Source>,
    listed_max: usize,
) -> Result<Vec<Section>, Trouble> {
    let mut sections = Vec::new();
    let lines = options::of_process(old, new);
    if !lines.is_empty() {
        sections.push(Section { head: "global".to_owned(), lines });
    }
    let mut kept = Vec::new();
    let mut changed = Vec::new();
    for before in &old.config.pools {
        let Some(after) = successor(before, old, new) else {
            let head = format!("pool '{}' removed: {}", before.name, is(before));
            sections.push(Section { head, lines: Vec::new() });
            continue;
        };
        kept.push(&after.name);
        let pairs = Pairs::of(before, after);
        let mut lines = options::of_pools((old, before), (new, after));
        lines.extend(pairs.lines(before, after));
        let mut head = format!("pool '{}'", before.name);
        if before.name != after.name {
            head += &format!(" renamed: '{}'", after.name);
        } else if lines.is_empty() {
            continue;
        }
        let both = Both { old: Placed::new(before), new: Placed::new(after), pairs };
        changed.push((sections.len(), both));
        sections.push(Section { head, lines });
    }
    let (places, pools): (Vec<usize>, Vec<Both<'_>>) = changed.into_iter().unzip();
    for ((at, both), movement) in
        places.iter().zip(&pools).zip(movement::of(&pools, source.as_ref())?)
    {
        sections[*at].lines.extend(keys(both, movement.as_ref(), source.is_some(), listed_max));
    }
    for after in &new.config.pools {
        if !kept.contains(&&after.name) {
            let head = format!("pool '{}' added: {}", after.name, is(after));
            sections.push(Section { head, lines: Vec::new() });
        }
    }
    Ok(sections)
}

fn is(pool: &Pool) -> String {
    let servers = counted(pool.servers.len(), "server");
    format!("listens on {}, {servers}", pool.listen.text())
}

/// What became of `pool`: the new pool of its name, or else the one that has its `listen` and a name
/// that no old pool had.
fn successor<'a>(pool: &Pool, old: &Side, new: &'a Side) -> Option<&'a Pool> {
    let named = |side: &Side, name: &str| side.config.pools.iter().any(|pool| pool.name == name);
    let mut candidates = new.config.pools.iter();
    if named(new, &pool.name) {
        return candidates.find(|other| other.name == pool.name);
    }
    candidates.find(|other| other.listen.text() == pool.listen.text() && !named(old, &other.name))
}

/// The lines about keys.
fn keys(
    both: &Both<'_>,
    movement: Option<&Movement>,
    own_keys: bool,
    listed_max: usize,
) -> Vec<String> {
    let (old, new) = (&both.old, &both.new);
    let mut lines = Vec::new();
    let Some(Movement { method, moves, readdressed }) = movement else {
        lines.push("keys: random draws a server for each request; no key has a place".to_owned());
        return lines;
    };
    if moves.is_empty() && readdressed.is_empty() {
        lines.push(format!("keys: none move ({method})"));
    }
    if !moves.is_empty() {
        let share = percent(together(moves));
        lines.push(format!("keys: {} move to another server ({method})", share.trim_start()));
        list(&mut lines, moves, listed_max, |flow| {
            format!("{} -> {}", old.server(flow.from).name, new.server(flow.to).name)
        });
    }
    if !readdressed.is_empty() {
        let share = percent(together(readdressed));
        lines.push(format!(
            "keys: {} stay with a server whose address changes, and are found there only if its data \
             goes along",
            share.trim_start()
        ));
        list(&mut lines, readdressed, listed_max, |flow| {
            let (from, to) = (old.server(flow.from), new.server(flow.to));
            format!("{}: {} -> {}", from.name, from.address, to.address)
        });
    }
    if old.placement.tag != new.placement.tag && !own_keys {
        lines.push(
            "keys: which ones the hash tag moves depends on what they are; measure with your own \
             (--keys FILE)"
                .to_owned(),
        );
    }
    if old.pool.redis_db != new.pool.redis_db {
        lines.push("keys: none is found, as another database is asked".to_owned());
    }
    lines
}

fn list(
    lines: &mut Vec<String>,
    flows: &[Flow],
    listed_max: usize,
    words: impl Fn(&Flow) -> String,
) {
    let (listed, rest) = flows.split_at(flows.len().min(listed_max));
    lines.extend(listed.iter().map(|flow| format!("  {}  {}", percent(flow.share), words(flow))));
    if !rest.is_empty() {
        let pairs = counted(rest.len(), "more pair");
        lines.push(format!("  {}  {pairs} of servers (--all lists them)", percent(together(rest))));
    }
}
