//! What one client saw, and the sum of what all of them saw.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Whose key an error was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Owner {
    /// A server that has had a fault in this scenario.
    Faulty,
    /// A server that has had none.
    Healthy,
}

/// An error a client was given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// When, from the scenario's begin.
    pub(super) at: Duration,
}

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Requests that were sent.
    pub(super) requests: u64,
    /// Answers that are not what they must be.
    pub(super) wrong: u64,
    /// Requests whose connection ended without their answer, while nothing gave it cause to.
    pub(super) lost: u64,
    /// Answers to nothing.
    pub(super) duplicated: u64,
    /// Requests without an answer long after their deadline.
    pub(super) hung: u64,
    /// Attempts to reach a proxy that should be there, in vain.
    pub(super) unreached: u64,
    /// Requests that were on their way when the proxy was told to leave, and not read.
    pub(super) unread: u64,
    /// Connections that were made.
    pub(super) connections: u64,
    /// Requests that servers are sent for those of the clients, by where keys live while all are well:
    /// one for each server that a request has keys on.
    pub(super) parts_sent: u64,
    /// Those of them whose request was answered with an error.
    pub(super) parts_failed: u64,
    /// Those of them whose request has keys on several servers.
    pub(super) fragments: u64,
    /// Errors, by text and by whose key they were about.
    pub(super) errors: BTreeMap<(Owner, String), u64>,
    /// Each error.
    pub(super) moments: Vec<Moment>,
    /// The longest that a request about a healthy server's key took.
    pub(super) stall: Duration,
    /// How long requests took, in microseconds, by sixths of the run; kept on a long run alone.
    pub(super) sixths: Vec<Histogram<u64>>,
    /// The first few findings, in words.
    pub(super) findings: Vec<String>,
}

/// Most findings that are told.
const FINDINGS_MAX: usize = 8;

impl Tally {
    /// Tells of something that must not be.
    pub(super) fn find(&mut self, what: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(what);
        }
    }

    /// An error was answered.
    pub(super) fn error(&mut self, text: &str, owner: Owner, at: Duration) {
        *self.errors.entry((owner, text.to_owned())).or_default() += 1;
        self.moments.push(Moment { at });
    }

    /// Errors about keys of `owner`.
    pub(super) fn errors_of(&self, owner: Owner) -> u64 {
        self.errors.iter().filter(|((of, _), _)| *of == owner).map(|(_, count)| count).sum()
    }

    /// Errors in all.
    pub(super) fn errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// A request of this sixth of the run took so long.
    pub(super) fn took(&mut self, sixth: usize, time: Duration) {
        self.sixth(sixth).saturating_record(time.as_micros() as u64);
    }

    fn sixth(&mut self, at: usize) -> &mut Histogram<u64> {
        /// A minute, in microseconds: nothing here is waited for as long.
        const LONGEST: u64 = 60_000_000;
        while self.sixths.len() <= at {
            let empty = Histogram::new_with_bounds(1, LONGEST, 2);
            self.sixths.push(empty.expect("the bounds are good"));
        }
        &mut self.sixths[at]
    }

    /// Adds another client's counts.
    pub(super) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.wrong += other.wrong;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.hung += other.hung;
        self.unreached += other.unreached;
        self.unread += other.unread;
        self.connections += other.connections;
        self.parts_sent += other.parts_sent;
        self.parts_failed += other.parts_failed;
        self.fragments += other.fragments;
        for (error, count) in other.errors {
            *self.errors.entry(error).or_default() += count;
        }
        self.moments.extend(other.moments);
        self.stall = self.stall.max(other.stall);
        for (at, histogram) in other.sixths.into_iter().enumerate() {
            *self.sixth(at) += histogram;
        }
        for finding in other.findings {
            self.find(finding);
        }
    }
}
