//! What is worth seeing: the states that a simulation claims to reach, and how often it did.

use std::fmt;

use nutcracker_engine::CloseReason;
use nutcracker_engine::stats::{FaultFigure, LimitFigure, PoolStats};

use super::Outcome;

/// Declares the events, each with what it is in words.
macro_rules! events {
    ($($variant:ident, $words:literal;)*) => {
        /// Something worth seeing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Event { $($variant),* }

        impl Event {
            /// All of them.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// What it is.
            pub(crate) const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words),* }
            }
        }
    };
}

events! {
    AnsweredWell, "a request was answered well";
    AnsweredBadly, "a request got a server's own error";
    ToldClosed, "a request failed: its server closed";
    ToldReset, "a request failed: its server's conn was reset";
    ToldTimedOut, "a request failed: it, or a connect, timed out";
    ToldRefused, "a request failed: the connect was refused, or all are ejected";
    ToldEjected, "a request failed: its server is ejected";
    ToldUnresolved, "a request failed: its server's name is unknown";
    ToldHandshake, "a request failed: its server refused the handshake";
    ToldGarbage, "a request failed: its server spoke nonsense";
    ToldTooLarge, "a request failed: its response was too large";
    ToldGivenUp, "a request failed: another's response on its server conn was too large";
    ClientVanished, "a client closed with requests outstanding";
    ClientReset, "a client reset its conn with requests outstanding";
    ClientCutOff, "a client went away in the middle of a request";
    ClientHalfClosed, "a client ended its stream and got all that was due";
    ClientNotRead, "a client was left unread";
    ClientSlow, "a client's socket took no more";
    ServerSlow, "a server's socket took no more";
    ServerClosed, "a server closed in good order with requests waiting";
    ServerReset, "a server's conn was reset";
    ServerTimedOut, "a server did not answer in time";
    ServerRefused, "a server refused a connect";
    ServerUnresolved, "a server's name was unknown";
    ServerBroke, "a server broke a rule of the protocol";
    ServerUnasked, "a server answered what nobody had asked";
    ServerWrongKind, "a server answered with what is no answer to the request";
    ServerHandshake, "a server refused the handshake";
    ServerEjected, "a server was ejected";
    ServerStillAway, "an ejected server failed a probe";
    ServerReturned, "an ejected server answered a probe";
    ServerEjectedAgain, "a server was ejected once more";
    ServerReached, "a server that could not be reached in time could be again";
    ServerMovedInVain, "a server's new address could not be reached";
    ServerTooEarly, "a server answered before it had the whole request";
    ServedResp3, "a server was asked in RESP3";
    ServedDatabase, "a server was asked about another database";
    BroadcastWhole, "all servers of a pool answered as one";
    BroadcastFailed, "a server failed, and with it what all were asked";
    BroadcastEjected, "a server was ejected, and with it what all were to be asked";
    Silenced, "a client wanted no answers for a while";
    PartAnswered, "a client got what some servers brought while others failed";
    BurstAnswered, "a burst of meta commands was answered";
    BurstQuiet, "what was asked quietly was answered so";
    Published, "something was published";
    MessageHeard, "a subscriber got what was published";
    Subscribed, "a client was told that it is subscribed";
    SubscribedInVain, "a client was told that it is not subscribed";
    SubscribedAnew, "a topic was asked for once more, on another conn";
    Unsubscribed, "a client ended a subscription";
    ScanWhole, "a walk went through the keys of all servers";
    ScriptRun, "a script was run";
    ScriptLoaded, "a script was loaded on all servers";
    ScriptHealed, "a server was sent a script that it had forgotten";
    ScriptUnknown, "a client was told that its script is unknown";
    ScriptsFlushed, "all scripts were forgotten on demand";
    ResponseHeld, "a response waited for its turn";
    FlushPostponed, "the first responses of a pipeline waited for others";
    AnswersAlone, "a turn was about servers' answers alone";
    MemoryShort, "memory was short";
    TransactionRun, "a transaction was run";
    TransactionDiscarded, "a transaction was discarded by its client";
    TransactionAborted, "a transaction was aborted";
    TransactionApart, "a transaction's keys lived apart";
    TransactionLost, "a transaction lost its conn";
    PopAnswered, "a pop that blocked was answered";
    PopStopped, "a pop that blocked was told that the proxy stops";
    PopGivenUp, "a client went away while it blocked";
    ReloadedBusy, "another engine took over with requests outstanding";
    ClientCameOver, "a client went over to another engine";
    StalledBusy, "the proxy was held up with requests outstanding";
    DrainedBusy, "the proxy began to stop with requests outstanding";
}

/// How often each event was seen in one world.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Events([u64; Event::ALL.len()]);

impl Default for Events {
    fn default() -> Self {
        Self([0; Event::ALL.len()])
    }
}

impl Events {
    /// It was seen.
    pub(crate) fn see(&mut self, event: Event) {
        self.0[event as usize] += 1;
    }

    /// It was seen if that is so.
    pub(crate) fn see_if(&mut self, is_so: bool, event: Event) {
        self.0[event as usize] += u64::from(is_so);
    }

    /// A client got this, and it is allowed.
    pub(crate) fn see_response(&mut self, response: &[u8]) {
        for (beginning, event) in [
            ("-NOSCRIPT ", Event::ScriptUnknown),
            ("-EXECABORT ", Event::TransactionAborted),
            ("-CROSSSLOT ", Event::TransactionApart),
            ("-ERR the transaction is lost", Event::TransactionLost),
        ] {
            self.see_if(response.starts_with(beginning.as_bytes()), event);
        }
    }

    /// A server's conn ended.
    pub(crate) fn see_server(&mut self, reason: &CloseReason) {
        self.see(match reason {
            CloseReason::Eof => Event::ServerClosed,
            CloseReason::Reset => Event::ServerReset,
            CloseReason::Refused => Event::ServerRefused,
            CloseReason::TimedOut => Event::ServerTimedOut,
            CloseReason::Unresolved => Event::ServerUnresolved,
            CloseReason::Protocol { .. } => Event::ServerBroke,
            CloseReason::Unasked(_) => Event::ServerUnasked,
            CloseReason::WrongKind(_) => Event::ServerWrongKind,
            CloseReason::Handshake(_) => Event::ServerHandshake,
            _ => return,
        });
    }

    /// A client was told that its request failed for this reason.
    pub(crate) fn see_failure(&mut self, reason: &str) {
        self.see(match reason {
            _ if reason.starts_with("server '") && reason.contains("is ejected, and") => {
                Event::BroadcastEjected
            }
            _ if reason.starts_with("server '") => Event::BroadcastFailed,
            "unknown" => Event::ToldClosed,
            "Connection reset by peer" => Event::ToldReset,
            "Connection timed out" => Event::ToldTimedOut,
            "Connection refused" => Event::ToldRefused,
            "Server is ejected" => Event::ToldEjected,
            "Host is down" => Event::ToldUnresolved,
            "WRONGPASS go away" => Event::ToldHandshake,
            "Invalid argument" => Event::ToldGarbage,
            _ if reason.starts_with("the response has more than ") => Event::ToldTooLarge,
            _ if reason.starts_with("the server connection was given up") => Event::ToldGivenUp,
            _ => return,
        });
    }
}

/// What many worlds have seen.
#[derive(Debug)]
pub(crate) struct Coverage {
    /// Worlds lived.
    pub(crate) seeds: u64,
    /// Their turns.
    pub(crate) turns: u64,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    words: &'static str,
    /// Worlds that have seen it.
    seeds: u64,
    times: u64,
}

/// What limits did, as the engine counts it; but for what is the shell's to count. Servers of a small world seldom
/// hold most of what memory is short of, so of those that do scenarios tell.
fn limits() -> impl Iterator<Item = LimitFigure> {
    use LimitFigure::{AcceptPaused, ClientRefused, ServerClosedMemory};
    let is_elsewhere =
        |it: &LimitFigure| matches!(it, ClientRefused | AcceptPaused | ServerClosedMemory);
    LimitFigure::ALL.iter().copied().filter(move |figure| !is_elsewhere(figure))
}

/// The faults that are counted. What a small world loses at once is within what may be sent again in any
/// case, so of a budget that is spent a scenario tells.
fn faults() -> impl Iterator<Item = FaultFigure> {
    FaultFigure::ALL.iter().copied().filter(|figure| *figure != FaultFigure::RetriesDenied)
}

/// What the counters of a world's pools have seen of limits and faults, in the order of the table:
/// they are events, too.
pub(crate) fn counted(pools: &[PoolStats]) -> Vec<u64> {
    let total = |count: &dyn Fn(&PoolStats) -> i64| {
        pools.iter().map(|pool| count(pool).unsigned_abs()).sum::<u64>()
    };
    limits()
        .map(|figure| total(&|pool| pool.limit(figure).get()))
        .chain(faults().map(|figure| total(&|pool| pool.fault(figure).get())))
        .collect()
}

impl Coverage {
    pub(crate) fn new() -> Self {
        let events = Event::ALL.iter().map(|event| event.words());
        let faults = faults().map(FaultFigure::help);
        let words = events.chain(limits().map(LimitFigure::help)).chain(faults);
        let rows = words.map(|words| Row { words, seeds: 0, times: 0 });
        Self { seeds: 0, turns: 0, rows: rows.collect() }
    }

    /// Adds what one world has seen.
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.turns += outcome.turns;
        let seen = outcome.events.0.iter().chain(&outcome.counted);
        for (row, &times) in self.rows.iter_mut().zip(seen) {
            row.seeds += u64::from(times > 0);
            row.times += times;
        }
    }

    /// Adds what other worlds have seen.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.turns += other.turns;
        for (row, more) in self.rows.iter_mut().zip(&other.rows) {
            row.seeds += more.seeds;
            row.times += more.times;
        }
    }

    /// What was never seen.
    pub(crate) fn unseen(&self) -> Vec<&'static str> {
        self.rows.iter().filter(|row| row.times == 0).map(|row| row.words).collect()
    }
}

/// A table, a line an event.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>10} {:>12}  of {} worlds", "worlds", "times", self.seeds)?;
        for Row { words, seeds, times } in &self.rows {
            writeln!(f, "{seeds:>10} {times:>12}  {words}")?;
        }
        Ok(())
    }
}
