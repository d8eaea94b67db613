//! How clients are dealt out to the workers of the proxy: each should have as many as the others.

use super::crowd;
use super::finding::Finding;
use super::front::{Place, Setup};
use super::goal::{Bound, Goal};
use super::options::Options;
use super::rig::Rig;
use super::scenario::workload;
use super::target::Target;
use super::usage;
use super::workload::{Operation, Protocol};
use crate::failure::Result;

/// What the report calls it, and what `--only` looks in.
pub(crate) const NAME: &str = "workers: clients dealt out";

/// How many workers there are.
const WORKERS: usize = 2;

/// How many clients come.
const CLIENTS: usize = 100;

/// How many times the clients of one worker another may have.
const RATIO_MAX: f64 = 1.1;

/// Connects clients to a proxy of two workers, and counts how many sockets each worker's poller
/// watches more than before.
///
/// # Errors
/// A wrong answer, or the system's.
pub(crate) fn run(rig: &mut Rig, options: &Options) -> Result<Finding> {
    let workload = workload(Protocol::Redis, Operation::Get, 64);
    rig.prepare(&workload, Setup::EVERYDAY.servers)?;
    let setup = Setup { workers: WORKERS, place: Place::AllCores, ..Setup::EVERYDAY };
    let front = rig.front(Target::Proxy, setup)?;
    let pid = front.pid().expect("the proxy is a process of its own");
    let port = front.port(Protocol::Redis);
    // A client of each worker's, so that what a worker sets up once is there.
    let first = crowd::connect(port, workload, WORKERS)?;
    let before = usage::watched(pid)?;
    let clients = crowd::connect(port, workload, CLIENTS)?;
    let after = usage::watched(pid)?;
    drop((first, clients));
    let grown = after.iter().map(|(poller, count)| {
        count.saturating_sub(before.get(poller).copied().unwrap_or_default())
    });
    let (least, most) = ends(grown.collect());

    let mut finding = Finding::new(NAME, &["fewest", "most"]);
    let label = format!("{}, {CLIENTS} clients, {WORKERS} workers", Target::Proxy.name());
    finding.add(label, [least, most].map(|count| Some(count as f64)).into());
    if !options.quick {
        let found = (least > 0).then(|| most as f64 / least as f64);
        let figure = "clients of the busiest worker to those of the idlest";
        finding.goals.push(Goal::new(figure, Bound::AtMost(RATIO_MAX), found));
    }
    Ok(finding)
}

/// The fewest and the most clients of a worker. Pollers that are no workers' have no clients, so
/// the workers are those with the most; one that got none counts with none.
fn ends(mut grown: Vec<usize>) -> (usize, usize) {
    grown.sort_unstable_by(|one, other| other.cmp(one));
    grown.resize(WORKERS, 0);
    (grown[WORKERS - 1], grown[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pollers_without_clients_are_no_workers_unless_there_are_too_few() {
        let cases: [(&[usize], _); 4] =
            [(&[0, 49, 51], (49, 51)), (&[50, 50], (50, 50)), (&[0, 100], (0, 100)), (&[], (0, 0))];
        for (grown, expected) in cases {
            assert_eq!(ends(grown.to_vec()), expected, "{grown:?}");
        }
    }
}
