//! Several streams at a time: a lane is a thread that plays one after the other to both sides.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use std::{mem, thread};

use super::judge::{Verdict, judge};
use super::reply::Protocol;
use super::rig::Rig;
use super::rules::Rules;
use super::stream::{Company, Stream};
use super::talk::{self, Patience};
use crate::failure::Result;

/// How long a reply that is due may take. Many times what it takes on a slow machine.
const DUE: Duration = Duration::from_secs(25);

/// How long to listen to the original where it may answer later or never: after what may have
/// spoilt its server connection, and when only the client's close ends a stream. The rules allow
/// for both.
const UNSURE: Duration = Duration::from_millis(400);

/// Plays `streams`, `lanes` at a time, and judges each. The verdicts are in their order.
///
/// # Errors
/// What stopped a lane, as a proxy that cannot be connected to.
pub(crate) fn play_all(
    protocol: Protocol,
    rules: &Rules,
    rig: &Rig,
    streams: &[&Stream],
    lanes: usize,
) -> Result<Vec<Verdict>> {
    let next = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let verdicts = Mutex::new(Vec::with_capacity(streams.len()));
    let lane = || -> Result<()> {
        while !has_failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(stream) = streams.get(at) else { break };
            let verdict = play(protocol, rules, rig, stream)
                .inspect_err(|_| has_failed.store(true, Ordering::Relaxed))?;
            verdicts.lock().expect("no lane panics").push((at, verdict));
        }
        Ok(())
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().try_for_each(|lane| lane.join().expect("a lane does not panic"))
    })?;
    let mut verdicts = mem::take(&mut *verdicts.lock().expect("no lane panics"));
    verdicts.sort_unstable_by_key(|(at, _)| *at);
    Ok(verdicts.into_iter().map(|(_, verdict)| verdict).collect())
}

/// Plays one stream to both sides, in either order.
///
/// # Errors
/// As [`play_all`].
pub(crate) fn play(
    protocol: Protocol,
    rules: &Rules,
    rig: &Rig,
    stream: &Stream,
) -> Result<Verdict> {
    let is_unsure = stream.company == Company::Spoilt || stream.ends_unanswered();
    let patience = Patience { due: DUE, last: if is_unsure { UNSURE } else { DUE } };
    let original = || talk::play(rig.original.listen(stream.pool), protocol, stream, patience);
    let patience = Patience { due: DUE, last: DUE };
    let ours = || talk::play(rig.ours.listen(stream.pool), protocol, stream, patience);
    let (original, ours) = if stream.number.is_multiple_of(2) {
        let original = original()?;
        (original, ours()?)
    } else {
        let ours = ours()?;
        (original()?, ours)
    };
    Ok(judge(protocol, rules, stream, &original, &ours))
}
