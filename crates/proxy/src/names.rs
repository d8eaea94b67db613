//! Names of hosts to addresses, off the workers' threads.
//!
//! The original calls `getaddrinfo` on its one thread, where a slow name server holds up every
//! client. Here a few threads do nothing else. A worker hands in a name with what to do with the
//! answer; requests for a name that is being looked up share the answer.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The threads that look names up. Shared by those who ask, behind an [`Arc`].
///
/// Dropped, it ends each thread once its present lookup is done; requests not answered by then
/// are dropped with their replies uncalled.
pub struct Resolver(Arc<Desk>);

impl Resolver {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system's, when it has no thread left.
    pub fn start() -> io::Result<Self> {
        Self::start_with(look_up)
    }

    fn start_with(
        look_up: impl Fn(&str) -> io::Result<SocketAddr> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        // Made first: should a thread fail to start, its drop ends those that did.
        let resolver = Self(Arc::default());
        let look_up = Arc::new(look_up);
        for n in 0..THREADS {
            let (desk, look_up) = (Arc::clone(&resolver.0), Arc::clone(&look_up));
            thread::Builder::new()
                .name(format!("names-{n}"))
                .spawn(move || desk.work(&*look_up))?;
        }
        Ok(resolver)
    }

    /// Asks for the address of `host`, with `port` in it, and returns without waiting.
    ///
    /// The answer is the first address that `getaddrinfo` names, as in the original (`nc_resolve`).
    /// Addresses in the form of text have no need of a thread: parse those before asking.
    ///
    /// `reply` is called on one of the resolver's threads, and gets the resolver's error when the
    /// name is not known. When too many names are being asked for already it gets
    /// [`io::ErrorKind::QuotaExceeded`], and that on the calling thread.
    pub fn resolve(
        &self,
        host: &str,
        port: u16,
        reply: impl FnOnce(io::Result<SocketAddr>) + Send + 'static,
    ) {
        debug_assert!(host.parse::<IpAddr>().is_err(), "{host} is an address, not a name");
        let reply = Box::new(reply);
        let mut state = self.0.state();
        let full = state.waiting.len() >= NAMES_MAX;
        match state.waiting.entry(host.to_owned()) {
            Entry::Occupied(mut entry) => entry.get_mut().push((port, reply)),
            Entry::Vacant(_) if full => {
                drop(state);
                reply(Err(io::Error::new(io::ErrorKind::QuotaExceeded, "too many names at once")));
            }
            Entry::Vacant(entry) => {
                entry.insert(vec![(port, reply)]);
                state.queue.push_back(host.to_owned());
                drop(state);
                self.0.changed.notify_one();
            }
        }
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.closed = true;
        // Replies may hold anything, so they are dropped with the lock released.
        let abandoned = (std::mem::take(&mut state.queue), std::mem::take(&mut state.waiting));
        drop(state);
        self.0.changed.notify_all();
        drop(abandoned);
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resolver").finish_non_exhaustive()
    }
}

/// How many names are looked up at a time. A lookup that nobody answers takes half a minute, and
/// should not hold up the next one.
const THREADS: usize = 4;

/// How many names may be waiting. Names come from the configuration, so more of them than
/// anybody configures is a fault of ours, which must not cost memory without end.
const NAMES_MAX: usize = 4096;

/// What to do with an answer.
type Reply = Box<dyn FnOnce(io::Result<SocketAddr>) + Send>;

/// Where requests are left and taken up.
#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    /// Notified when `queue` grows and when `closed` is set.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Names that no thread has taken up, the oldest first; each is in `waiting`, too.
    queue: VecDeque<String>,
    /// Who waits for each name that is queued or being looked up.
    waiting: HashMap<String, Vec<(u16, Reply)>>,
    closed: bool,
}

impl Desk {
    /// The life of one thread.
    fn work(&self, look_up: &dyn Fn(&str) -> io::Result<SocketAddr>) {
        while let Some(host) = self.next_host() {
            let answer = look_up(&host);
            let replies = self.state().waiting.remove(&host).unwrap_or_default();
            for (port, reply) in replies {
                reply(match &answer {
                    Ok(addr) => Ok(with_port(*addr, port)),
                    Err(error) => Err(copy(error)),
                });
            }
        }
    }

    /// Waits for a name to look up; `None` at the end.
    fn next_host(&self) -> Option<String> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(host) = state.queue.pop_front() {
                return Some(host);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first address of `host`. Blocks until the system has an answer.
fn look_up(host: &str) -> io::Result<SocketAddr> {
    addresses(host, 0).map(|found| found[0])
}

/// All addresses of `host`, at least one. Blocks until the system has an answer.
pub(crate) fn look_up_all(host: &str) -> io::Result<Vec<IpAddr>> {
    Ok(addresses(host, 0)?.iter().map(SocketAddr::ip).collect())
}

/// All addresses of `host`, at least one, with `port` in them. Blocks until the system has an answer.
///
/// An asterisk is no name, and means loopback: so it does to `getaddrinfo` when it is asked for a port as well,
/// as the original asks and the standard library does not.
pub(crate) fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = match host {
        ASTERISK => vec![SocketAddr::new(loopback(), port)],
        host => (host, port).to_socket_addrs()?.collect(),
    };
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found)
}

/// The host that people write who mean all addresses.
pub(crate) const ASTERISK: &str = "*";

/// The loopback address that `getaddrinfo` puts first: that of IPv6, where the machine has one.
fn loopback() -> IpAddr {
    let has_v6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if has_v6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() }
}

fn with_port(mut addr: SocketAddr, port: u16) -> SocketAddr {
    addr.set_port(port);
    addr
}

/// One more of an error that cannot be cloned; text and kind are kept.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    const SOON: Duration = Duration::from_secs(10);

    /// A reply that goes through a channel, and the channel's end.
    fn channel() -> (impl Fn() -> Reply, mpsc::Receiver<io::Result<SocketAddr>>) {
        let (sender, receiver) = mpsc::channel();
        let reply = move || -> Reply {
            let sender = sender.clone();
            Box::new(move |answer| sender.send(answer).expect("the test waits"))
        };
        (reply, receiver)
    }

    /// A lookup that says when it begins and takes until it is told to end.
    fn gated() -> (Resolver, mpsc::Receiver<String>, mpsc::Sender<()>) {
        let (began, begins) = mpsc::channel();
        let (open, gate) = mpsc::channel();
        let gate = Mutex::new(gate);
        let resolver = Resolver::start_with(move |host| {
            began.send(host.to_owned()).expect("the test listens");
            let gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
            // The test may be over, which opens the gate, too.
            let _ = gate.recv();
            Ok(SocketAddr::from(([192, 0, 2, 1], 0)))
        });
        (resolver.expect("there are threads"), begins, open)
    }

    #[test]
    fn a_name_of_the_hosts_file_is_found() {
        let resolver = Resolver::start().expect("there are threads");
        let (reply, answers) = channel();
        resolver.resolve("localhost", 6379, reply());
        let addr = answers.recv_timeout(SOON).expect("an answer").expect("every host has it");
        assert!(addr.ip().is_loopback(), "{addr}");
        assert_eq!(addr.port(), 6379);
    }

    #[test]
    fn an_asterisk_is_this_machine_alone() {
        let resolver = Resolver::start().expect("there are threads");
        let (reply, answers) = channel();
        resolver.resolve(ASTERISK, 6379, reply());
        let addr = answers.recv_timeout(SOON).expect("an answer").expect("it needs no name server");
        assert!(addr.ip().is_loopback(), "{addr}");
        assert_eq!(addr.port(), 6379);
        assert_eq!(look_up_all(ASTERISK).expect("the same"), [addr.ip()]);
    }

    #[test]
    fn an_unknown_name_is_an_error_with_the_resolvers_text() {
        let resolver = Resolver::start().expect("there are threads");
        let (reply, answers) = channel();
        // Too long a label for any name server to be asked about it.
        resolver.resolve(&"x".repeat(64), 1, reply());
        let error = answers.recv_timeout(SOON).expect("an answer").expect_err("no such name");
        let text = crate::log::reason(&error);
        assert!(!text.is_empty() && !text.contains("lookup"), "{text}");
    }

    #[test]
    fn requests_for_a_name_in_flight_share_one_lookup() {
        let (resolver, begins, open) = gated();
        let (reply, answers) = channel();
        for port in 1..=5 {
            resolver.resolve("cache", port, reply());
        }
        assert_eq!(begins.recv_timeout(SOON).expect("one begins"), "cache");
        resolver.resolve("cache", 6, reply());
        open.send(()).expect("the lookup waits");
        let ports: Vec<_> = (1..=6)
            .map(|_| answers.recv_timeout(SOON).expect("an answer").expect("found").port())
            .collect();
        assert_eq!(ports, [1, 2, 3, 4, 5, 6]);
        assert!(begins.try_recv().is_err(), "nothing was looked up twice");
        // An answered name is looked up anew.
        resolver.resolve("cache", 7, reply());
        assert_eq!(begins.recv_timeout(SOON).expect("another begins"), "cache");
        open.send(()).expect("the lookup waits");
        assert_eq!(answers.recv_timeout(SOON).expect("an answer").expect("found").port(), 7);
    }

    #[test]
    fn every_waiter_gets_the_error() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let (open, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let resolver = Resolver::start_with(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = gate.lock().unwrap_or_else(PoisonError::into_inner).recv();
            Err(io::Error::other("no such name"))
        })
        .expect("there are threads");
        let (reply, answers) = channel();
        resolver.resolve("cache", 1, reply());
        resolver.resolve("cache", 2, reply());
        open.send(()).expect("the lookup waits");
        for _ in 0..2 {
            let error = answers.recv_timeout(SOON).expect("an answer").expect_err("unknown");
            assert_eq!(error.to_string(), "no such name");
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_slow_name_holds_up_no_other_until_the_threads_are_used_up() {
        let (resolver, begins, open) = gated();
        let (reply, answers) = channel();
        for n in 0..=THREADS {
            resolver.resolve(&format!("host-{n}"), 1, reply());
        }
        // The gate lets one lookup end at a time, yet all threads have taken one up.
        for _ in 0..THREADS {
            begins.recv_timeout(SOON).expect("each thread begins one");
        }
        assert!(begins.recv_timeout(Duration::from_millis(50)).is_err(), "one is left waiting");
        for _ in 0..=THREADS {
            open.send(()).expect("a lookup waits");
            answers.recv_timeout(SOON).expect("an answer").expect("found");
        }
    }

    #[test]
    fn more_names_than_the_limit_are_refused_at_once() {
        let (resolver, _begins, open) = gated();
        let (reply, answers) = channel();
        for n in 0..NAMES_MAX {
            resolver.resolve(&format!("host-{n}"), 1, reply());
        }
        resolver.resolve("host-0", 2, reply());
        assert!(answers.try_recv().is_err(), "one more asker for a known name is welcome");
        resolver.resolve("one-too-many", 1, reply());
        let refused = answers.try_recv().expect("an answer at once").expect_err("no room");
        assert_eq!(refused.kind(), io::ErrorKind::QuotaExceeded);
        drop(resolver);
        drop(open);
    }

    #[test]
    fn a_dropped_resolver_drops_the_replies() {
        let (resolver, begins, open) = gated();
        let (reply, answers) = channel();
        resolver.resolve("cache", 1, reply());
        resolver.resolve("queued", 1, reply());
        begins.recv_timeout(SOON).expect("it begins");
        drop(resolver);
        drop(reply);
        drop(open);
        assert_eq!(answers.recv_timeout(SOON).err(), Some(mpsc::RecvTimeoutError::Disconnected));
    }
}
