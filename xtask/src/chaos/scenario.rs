//! What a scenario is: a stage, faults at their times, and what must hold. All of it is data; the
//! list is in `scenarios.rs`.

use std::time::Duration;

use super::hostile::Hostile;
use super::relay::Mode;
use crate::soak::reply::Protocol;

/// A scenario.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    /// What reports call it, and what `--only` looks in.
    pub(super) name: String,
    pub(super) protocol: Protocol,
    /// Threads of the proxy.
    pub(super) workers: usize,
    /// The pool's request timeout.
    pub(super) timeout: Duration,
    /// Whether a failing server leaves the ring.
    pub(super) ejects: bool,
    /// Further lines of the pool. A proxy that refuses them is not put to this test.
    pub(super) lines: &'static [&'static str],
    /// Known-value clients.
    pub(super) clients: usize,
    /// How many of them use the first server's keys; the others leave them alone.
    pub(super) clients_of_first: usize,
    /// Requests a client sends before it waits for an answer.
    pub(super) window: usize,
    /// Whether clients also get several keys at once.
    pub(super) gets_several: bool,
    /// How long from one window of a client to its next.
    pub(super) pace: Duration,
    /// What happens, and when.
    pub(super) steps: Vec<Step>,
    /// When clients have their last look, from the begin.
    pub(super) end: Duration,
    /// What must hold.
    pub(super) limits: Limits,
    /// What is aimed at. Whether it was met is told, and fails nothing: it depends on the machine.
    pub(super) goals: Vec<Goal>,
    /// Whether it is part of the quick run.
    pub(super) is_quick: bool,
}

impl Scenario {
    /// Whether the counters of the proxy are about its clients alone, and one proxy's from begin to end.
    pub(super) fn keeps_books(&self) -> bool {
        !self.steps.iter().any(|step| {
            matches!(step.fault, Fault::StopProxy | Fault::StartProxy | Fault::Come(..))
        })
    }
}

/// Something that happens at a time.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// From the begin.
    pub(super) at: Duration,
    pub(super) fault: Fault,
}

/// What happens. A number is a server's.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// SIGSTOP.
    Freeze(usize),
    /// SIGCONT.
    Thaw(usize),
    /// SIGKILL; its port refuses.
    Kill(usize),
    /// Started anew, empty, on its port.
    Restart(usize),
    /// Its relay does this from now on.
    Relay(usize, Mode),
    /// The proxy is sent SIGTERM, and must end with status 0.
    StopProxy,
    /// The proxy is started again, on its port.
    StartProxy,
    /// The proxy is sent SIGSTOP.
    FreezeProxy,
    /// The proxy is sent SIGCONT.
    ThawProxy,
    /// The proxy may have so many open files more than it has now.
    Descriptors(u64),
    /// The proxy may have as many as before.
    NoDescriptorLimit,
    /// The proxy's log is moved away, and the proxy is sent SIGHUP.
    RotateLog,
    /// The proxy is sent SIGUSR2, and must load its configuration anew.
    Reload,
    /// Clients that are no friends come, and stay until [`Fault::Leave`].
    Come(Hostile, usize),
    /// They leave.
    Leave,
}

impl Fault {
    /// In a few words.
    pub(super) fn words(&self) -> String {
        let of = |server: usize| char::from(b'A' + server as u8);
        match self {
            Self::Freeze(server) => format!("freeze {}", of(*server)),
            Self::Thaw(server) => format!("thaw {}", of(*server)),
            Self::Kill(server) => format!("kill {}", of(*server)),
            Self::Restart(server) => format!("restart {}", of(*server)),
            Self::Relay(server, mode) => format!("{mode:?} at {}", of(*server)),
            Self::StopProxy => "SIGTERM to the proxy".to_owned(),
            Self::StartProxy => "start the proxy".to_owned(),
            Self::FreezeProxy => "freeze the proxy".to_owned(),
            Self::ThawProxy => "thaw the proxy".to_owned(),
            Self::RotateLog => "move the log, SIGHUP".to_owned(),
            Self::Reload => "SIGUSR2 to the proxy".to_owned(),
            Self::Descriptors(more) => format!("{more} descriptors left"),
            Self::NoDescriptorLimit => "descriptors again".to_owned(),
            Self::Come(hostile, count) => format!("{count} clients that {}", hostile.words()),
            Self::Leave => "they leave".to_owned(),
        }
    }

    /// The server it befalls.
    pub(super) fn server(&self) -> Option<usize> {
        match *self {
            Self::Freeze(server)
            | Self::Thaw(server)
            | Self::Kill(server)
            | Self::Restart(server)
            | Self::Relay(server, _) => Some(server),
            _ => None,
        }
    }
}

/// What must hold at the end of a scenario, beside a proxy that is alive. `None` is no limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) wrong: u64,
    pub(super) lost: u64,
    pub(super) duplicated: u64,
    pub(super) hung: u64,
    /// Attempts to reach the proxy in vain.
    pub(super) unreached: u64,
    /// Errors about keys of servers that have had no fault.
    pub(super) errors_healthy: Option<u64>,
    /// Errors about keys of those that have.
    pub(super) errors_faulty: Option<u64>,
    /// The longest that a request about a healthy server's key may take.
    pub(super) stall: Option<Duration>,
    /// Most memory of the proxy, in MiB.
    pub(super) peak: Option<u64>,
    /// Lines of the log that tell of failed accepting: at least one, and at most so many.
    pub(super) accept_lines: Option<u64>,
    /// Whether everybody of a flood must be answered.
    pub(super) answers_flood: bool,
    /// Wrong answers there must be: the proof that they are seen.
    pub(super) wrong_at_least: u64,
}

impl Limits {
    /// What every scenario asks.
    pub(super) const STRICT: Self = Self {
        wrong: 0,
        lost: 0,
        duplicated: 0,
        hung: 0,
        unreached: 0,
        errors_healthy: Some(0),
        errors_faulty: None,
        stall: None,
        peak: Some(256),
        accept_lines: None,
        answers_flood: false,
        wrong_at_least: 0,
    };
}

/// A figure to reach.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal {
    /// The longest that a request about a healthy server's key takes, at most.
    Stall(Duration),
    /// Errors in all, at most.
    Errors(u64),
    /// Errors from step number so and so to the next, at most.
    ErrorsAfter(usize, u64),
    /// Errors between the ejection of a server and the next step, at most.
    ErrorsAfterEjection(u64),
}
