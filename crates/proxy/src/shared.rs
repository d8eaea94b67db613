//! All that two workers can both see.

use std::io;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use mio::Waker;
use nutcracker_engine::{ConnId, Handover, PoolId, Question, Room, Share, SharedPool};

use crate::config::{Config, Pool};
use crate::names::Resolver;
use crate::net::{Listener, Socket, Target};
use crate::rounds::Addresses;
use crate::succession::Successor;

/// What one worker is told by another thread.
#[derive(Debug)]
pub enum Message {
    /// A client is the worker's from now on.
    Client {
        /// The pool whose listener took it.
        pool: PoolId,
        /// Its socket.
        socket: Socket,
    },
    /// The host of a server conn has been looked up.
    Resolved {
        /// The conn that waits for it.
        conn: ConnId,
        /// Where to connect, or why the name has no address.
        target: io::Result<Target>,
    },
    /// A client of another worker asks about all clients.
    Question(Arc<Question>),
    /// What another worker says to a question.
    Share(Share),
    /// The names of a pool's servers have been looked up again.
    Addresses {
        /// The pool.
        pool: PoolId,
        /// What they mean.
        addresses: Addresses,
    },
    /// A listener is the worker's from now on.
    Listener {
        /// The pool whose clients come there.
        pool: PoolId,
        /// It.
        listener: Listener,
    },
    /// A client of a worker of the configuration before is the worker's from now on. It is counted in.
    HandedOver {
        /// Its pool in this configuration.
        pool: PoolId,
        /// Its socket.
        socket: Socket,
        /// The rest of it.
        client: Box<Handover>,
    },
    /// Another configuration holds from now on: hand listeners and clients over to its workers.
    Leave(Arc<Successor>),
    /// There is nobody left who would hand anything over to this worker: it may end.
    Dismiss,
    /// Another worker has found that memory is short.
    MemoryIsShort,
    /// Answer what is outstanding, then end.
    Stop,
}

/// The way to a worker: messages, and what wakes it.
#[derive(Debug)]
pub struct Mailbox {
    /// `None` when nobody takes any more.
    messages: Mutex<Option<Vec<Message>>>,
    waker: Waker,
    /// Clients the worker has or is about to have.
    clients: AtomicUsize,
}

impl Mailbox {
    /// An empty one.
    #[must_use]
    pub const fn new(waker: Waker) -> Self {
        Self { messages: Mutex::new(Some(Vec::new())), waker, clients: AtomicUsize::new(0) }
    }

    /// Leaves a message and wakes the worker. Says whether it did: one that has ended takes none.
    pub fn send(&self, message: Message) -> bool {
        let is_open = match &mut *self.messages() {
            Some(messages) => {
                messages.push(message);
                true
            }
            None => false,
        };
        let _ = self.waker.wake();
        is_open
    }

    /// Takes all messages.
    pub fn take(&self) -> Vec<Message> {
        self.messages().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The worker has ended. Returns what it has not taken.
    pub fn close(&self) -> Vec<Message> {
        self.messages().take().unwrap_or_default()
    }

    /// Counts one client more if there are `clients` still, and says whether there were.
    fn count_in(&self, clients: usize) -> bool {
        let [order, failing] = [Ordering::Relaxed; 2];
        self.clients.compare_exchange(clients, clients + 1, order, failing).is_ok()
    }

    fn messages(&self) -> MutexGuard<'_, Option<Vec<Message>>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pool as the shell needs it: names for the log, addresses, options of its sockets.
#[derive(Debug)]
pub struct PoolShell {
    /// Its configuration.
    pub config: Pool,
    /// Where each server listens.
    pub targets: Box<[Target]>,
    /// Clients there are, in all workers; also in those of a configuration before, whose pool this one follows.
    clients: Arc<AtomicU32>,
    /// Those that each worker has or is about to have.
    of_workers: Box<[AtomicU32]>,
}

/// All that two workers can both see.
#[derive(Debug)]
pub struct Shared {
    /// The pools as the engines share them.
    pub pools: Box<[Arc<SharedPool>]>,
    /// The same pools as the shell needs them.
    pub shells: Box<[PoolShell]>,
    /// One a worker.
    pub mailboxes: Box<[Mailbox]>,
    /// Looks hosts up off the request path.
    pub resolver: Arc<Resolver>,
    /// For clients, and for server conns beyond the ordinary ones: what the system's limit of
    /// descriptors leaves.
    room: Arc<Room>,
}

impl Shared {
    /// What `mailboxes.len()` workers share.
    #[must_use]
    pub fn new(
        config: Config,
        pools: Box<[Arc<SharedPool>]>,
        mailboxes: Box<[Mailbox]>,
        resolver: Arc<Resolver>,
        room: Arc<Room>,
    ) -> Self {
        let shells = config
            .pools
            .into_iter()
            .map(|config| PoolShell {
                targets: config
                    .servers
                    .iter()
                    .map(|server| Target::from(&server.address))
                    .collect(),
                config,
                clients: Arc::default(),
                of_workers: mailboxes.iter().map(|_| AtomicU32::new(0)).collect(),
            })
            .collect();
        Self { pools, shells, mailboxes, resolver, room }
    }

    /// For each pool, counts its clients together with those of the one `before` that it follows, if it follows one.
    pub fn count_on(&mut self, before: &Self, followed: &[Option<usize>]) {
        for (shell, followed) in std::iter::zip(&mut self.shells, followed) {
            if let Some(followed) = *followed {
                shell.clients = Arc::clone(&before.shells[followed].clients);
            }
        }
    }

    /// The room that its sockets share with those of other configurations.
    #[must_use]
    pub const fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Counts a new client of `pool` in and names the worker to deal it to: the one with the fewest, and of those
    /// the one with the fewest of that pool. Programs that connect to two pools in turn would give each worker all
    /// clients of one.
    ///
    /// # Errors
    /// [`Full`], when there is no place for it.
    pub fn deal(&self, pool: PoolId) -> Result<usize, Full> {
        let shell = &self.shells[pool.0 as usize];
        let limit = shell.config.client_connections;
        let more = |clients: u32| (limit == 0 || clients < limit).then(|| clients + 1);
        let counted = shell.clients.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.map_err(|clients| Full::Pool { clients, limit })?;
        if !self.room.take() {
            shell.clients.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::OpenFiles);
        }
        Ok(self.seat(pool))
    }

    /// The same for a client that is here already, and may stay where there are too many.
    #[must_use]
    pub fn deal_anyhow(&self, pool: PoolId) -> usize {
        self.room.take_anyhow();
        self.shells[pool.0 as usize].clients.fetch_add(1, Ordering::Relaxed);
        self.seat(pool)
    }

    /// The worker for a client of `pool` that is counted in, and counts it to that.
    fn seat(&self, pool: PoolId) -> usize {
        let shell = &self.shells[pool.0 as usize];
        let load = |worker: usize| {
            let all = self.mailboxes[worker].clients.load(Ordering::Relaxed);
            (all, shell.of_workers[worker].load(Ordering::Relaxed), worker)
        };
        loop {
            let loads = (0..self.mailboxes.len()).map(load);
            let (fewest, _, worker) = loads.min().expect("there is a worker");
            // Workers of the configuration before hand clients over, and several of them may have seen the same.
            if self.mailboxes[worker].count_in(fewest) {
                shell.of_workers[worker].fetch_add(1, Ordering::Relaxed);
                return worker;
            }
        }
    }

    /// The worker has ended. What the others have to know is passed on to them.
    pub fn end_worker(&self, worker: usize) {
        for message in self.mailboxes[worker].close() {
            if let Message::Leave(successor) = message
                && worker == 0
            {
                self.pass_on(&successor);
            }
        }
    }

    /// Tells the workers that do not accept of another configuration, behind all clients that were dealt to
    /// them.
    pub fn pass_on(&self, successor: &Arc<Successor>) {
        for mailbox in &self.mailboxes[1..] {
            mailbox.send(Message::Leave(Arc::clone(successor)));
        }
    }

    /// Counts a client of `pool` out.
    pub fn release(&self, worker: usize, pool: PoolId) {
        let shell = &self.shells[pool.0 as usize];
        shell.clients.fetch_sub(1, Ordering::Relaxed);
        shell.of_workers[worker].fetch_sub(1, Ordering::Relaxed);
        self.room.give_back();
        self.mailboxes[worker].clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The workers of all configurations that are still at work, for what concerns the process.
#[derive(Debug, Default)]
pub struct Everybody(Mutex<Vec<Weak<Shared>>>);

impl Everybody {
    /// Takes in the workers of one more configuration.
    pub fn join(&self, workers: &Arc<Shared>) {
        let mut all = self.all();
        all.retain(|workers| workers.strong_count() > 0);
        all.push(Arc::downgrade(workers));
    }

    /// Tells all workers that memory is short.
    pub fn spread_shortage(&self) {
        for workers in self.all().iter().filter_map(Weak::upgrade) {
            for mailbox in &workers.mailboxes {
                mailbox.send(Message::MemoryIsShort);
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Weak<Shared>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which limit leaves no place for one client more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// `client_connections` of its pool.
    Pool {
        /// How many it has: more than it may have when some came over from another configuration.
        clients: u32,
        /// How many it may have.
        limit: u32,
    },
    /// The limit of open files, which all pools share.
    OpenFiles,
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::thread;

    use super::*;
    use crate::polling::Pollers;
    use crate::subject::Subject;
    use crate::{config, topology};

    /// What so many workers share that have two pools.
    fn shared(workers: usize) -> Shared {
        let pool = |name, port| {
            format!("{name}:\n  listen: 127.0.0.1:{port}\n  servers:\n  - 127.0.0.1:9:1\n")
        };
        let text = pool("alpha", 1) + &pool("beta", 2);
        let config = config::parse(text.as_bytes(), Path::new("both.yml")).expect("it is valid");
        let room = Arc::default();
        let pools = topology::pools(&config, 16 * 1024, &room);
        let mailboxes = (0..workers).map(|_| {
            let pollers = Pollers::new().expect("pollers");
            let waker = Waker::new(pollers.all.registry(), Subject::Waker.token());
            Mailbox::new(waker.expect("a waker"))
        });
        let resolver = Arc::new(Resolver::start().expect("a thread"));
        Shared::new(config, pools, mailboxes.collect(), resolver, room)
    }

    #[test]
    fn clients_that_two_workers_hand_over_at_once_are_dealt_evenly() {
        const ROUNDS: usize = 5_000;
        let (shared, came) = (shared(64), AtomicUsize::new(0));
        let meet = |times: usize| {
            came.fetch_add(1, Ordering::AcqRel);
            let mut looks = 0;
            while came.load(Ordering::Acquire) < 2 * times {
                // The other may be on its way on another core, or wait for this one.
                looks += 1;
                if looks % 1_000 == 0 { thread::yield_now() } else { std::hint::spin_loop() }
            }
        };
        let hand_over = || {
            let each = (0..ROUNDS).map(|round| {
                meet(2 * round + 1);
                let worker = shared.deal_anyhow(PoolId(0));
                meet(2 * round + 2);
                shared.release(worker, PoolId(0));
                worker
            });
            each.collect::<Vec<usize>>()
        };
        thread::scope(|scope| {
            let other = scope.spawn(hand_over);
            let own = hand_over();
            let other = other.join().expect("it has dealt");
            let both = std::iter::zip(own, other).filter(|(own, other)| own == other);
            assert_eq!(both.count(), 0, "of {ROUNDS} times both went to one worker");
        });
    }

    #[test]
    fn a_worker_has_as_many_clients_of_each_pool_as_the_others() {
        let shared = shared(4);
        for (pool, clients) in [(0, 1), (1, 1), (0, 3), (1, 2), (0, 1), (1, 4)].repeat(4) {
            for _ in 0..clients {
                let worker = shared.deal(PoolId(pool)).expect("there is room");
                assert!(worker < 4);
            }
        }
        for shell in &shared.shells {
            let each = shell.of_workers.iter().map(|clients| clients.load(Ordering::Relaxed));
            assert!(each.clone().max() <= each.min().map(|least| least + 1), "{shell:?}");
        }
    }
}
