//! `CLIENT LIST` and `CLIENT KILL`: the clients of a pool, whichever worker has them.
//!
//! A worker knows its own clients alone. What a client asks about all of them is looked up here, and
//! asked of the other workers; its request waits in its line until they have said their shares.
//!
//! ```text
//!  client        worker 0                  shell              worker 1
//!  CLIENT LIST   its own lines
//!                Action::Ask        ----->  mailbox  ------>  handle_question: its lines
//!                handle_share       <-----  mailbox  <------  Share
//!  the list      all lines, by number
//! ```
//! What its client sends behind it waits: nothing overtakes a `CLIENT KILL`, whose answer says that clients
//! are gone, and no more than one list a client is in memory. With one worker nobody is asked, and the
//! answer is there at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use nutcracker_proto::resp::local::{self, ClientAsk, ClientFacts, Reply};
use nutcracker_proto::{Kinds, Quiet, Version};

use crate::action::{Action, CloseReason};
use crate::bytes::held::Held;
use crate::clients::client::Farewell;
use crate::clients::session::Lane;
use crate::engine::Engine;
use crate::ids::{ConnId, Key, PoolId, Side, WorkerId};
use crate::limits::CENSUS_PATIENCE;
use crate::request::{Answer, Request, RequestId, Role};
use crate::slab::Slab;
use crate::time::tick::Tick;

/// What one worker asks another: a client's request about clients.
#[derive(Debug)]
pub struct Question {
    asker: WorkerId,
    ask: Key,
    pool: PoolId,
    /// The request as it came.
    frame: Box<[u8]>,
}

impl Question {
    /// Whose engine is told the share.
    #[must_use]
    pub const fn asker(&self) -> WorkerId {
        self.asker
    }
}

/// What a worker says to a [`Question`].
#[derive(Debug)]
pub struct Share {
    worker: WorkerId,
    ask: Key,
    found: Found,
}

/// What was found among the clients of one worker, or of several.
#[derive(Debug)]
enum Found {
    /// Their lines of the list, by their numbers.
    Lines(BTreeMap<u64, Vec<u8>>),
    /// So many, and their conns are closed.
    Closed(usize),
    /// The one with an address, whose conn is closed; or nobody.
    One(bool),
}

impl Found {
    fn add(&mut self, more: Self) {
        match (self, more) {
            (Self::Lines(lines), Self::Lines(more)) => lines.extend(more),
            (Self::Closed(closed), Self::Closed(more)) => *closed += more,
            (Self::One(one), Self::One(more)) => *one |= more,
            (found, more) => unreachable!("all were asked the same: {found:?}, {more:?}"),
        }
    }

    /// What somebody says to the same question who has no clients.
    const fn nothing(&self) -> Self {
        match self {
            Self::Lines(_) => Self::Lines(BTreeMap::new()),
            Self::Closed(_) => Self::Closed(0),
            Self::One(_) => Self::One(false),
        }
    }

    /// The answer when all have said their share.
    fn answer(&self, version: Version) -> Vec<u8> {
        let mut out = Vec::new();
        let mut reply = Reply::new(version, &mut out);
        match self {
            Self::Lines(lines) => {
                reply.text(&lines.values().flatten().copied().collect::<Vec<u8>>());
            }
            Self::Closed(closed) => reply.integer(*closed as i64),
            Self::One(true) => reply.ok(),
            Self::One(false) => reply.error("ERR No such client"),
        }
        out
    }

    /// The answer when these workers have not.
    fn lack(&self, missing: &[WorkerId], version: Version) -> Vec<u8> {
        let names: Vec<_> = missing.iter().map(|worker| format!("worker-{}", worker.0)).collect();
        let names = names.join(", ");
        let patience = CENSUS_PATIENCE.as_millis();
        let text = match self {
            Self::Lines(_) => format!(
                "ERR {names} did not say within {patience} ms which clients it has: ask again, and \
                 look what keeps that thread busy"
            ),
            Self::Closed(closed) => format!(
                "ERR {names} did not answer within {patience} ms and may close clients later; of the \
                 other workers' clients {closed} were closed"
            ),
            Self::One(_) => format!(
                "ERR {names} did not answer within {patience} ms and may close the client later; no \
                 worker asked before it has such a client"
            ),
        };
        let mut out = Vec::new();
        Reply::new(version, &mut out).error(&text);
        out
    }
}

/// What a worker has asked the others.
#[derive(Debug)]
pub(crate) struct Census {
    /// How many workers there are.
    workers: u32,
    asks: Slab<Ask>,
    /// When each gives up, in that order, some after they have ended.
    ends: VecDeque<(Tick, Key)>,
}

/// A request that waits for other workers.
#[derive(Debug)]
struct Ask {
    request: RequestId,
    version: Version,
    question: Arc<Question>,
    /// Who has not said its share. Where one client is looked for, who is not its first has not been
    /// asked either.
    awaited: VecDeque<WorkerId>,
    found: Found,
}

impl Default for Census {
    /// The only worker.
    fn default() -> Self {
        Self { workers: 1, asks: Slab::new(), ends: VecDeque::new() }
    }
}

impl Census {
    /// When [`tend_census`](Engine::tend_census) has something to do.
    pub(crate) fn alarm(&self) -> Option<Tick> {
        self.ends.front().map(|(at, _)| *at)
    }

    /// Nobody waits for it any more.
    pub(crate) fn forget(&mut self, ask: Key) {
        self.take(ask);
    }

    fn take(&mut self, ask: Key) -> Option<Ask> {
        let taken = self.asks.remove(ask);
        while self.ends.front().is_some_and(|(_, key)| self.asks.get(*key).is_none()) {
            self.ends.pop_front();
        }
        taken
    }
}

impl Engine {
    /// So many workers share the pools: the others are asked for their clients. Without that there are none.
    pub fn set_worker_count(&mut self, workers: u32) {
        assert!(self.worker.0 < workers, "it is one of them");
        self.census.workers = workers;
    }

    /// Answers what a client asks about clients, and does it: here, and by way of the other workers.
    pub(crate) fn take_census(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        version: Version,
        ask: &ClientAsk<'_>,
        frame: &[u8],
    ) {
        let (found, doomed) = self.look(pool, Some(conn), ask);
        let others = self.others(pool, ask, &found);
        if others.is_empty() {
            let answer = found.answer(version);
            self.answer(conn, &answer);
        } else {
            self.ask_others(conn, pool, version, found, others, frame);
        }
        for other in doomed {
            if other == conn {
                // When it has the answer.
                self.say_farewell(conn, Farewell::Asked);
            } else {
                self.drop_client(other, CloseReason::Reset);
            }
        }
    }

    /// A client of another worker asks about the clients of this one.
    #[must_use]
    pub fn handle_question(&mut self, question: &Question) -> Share {
        let words = local::words(&question.frame).skip(1);
        let ask = local::parse_client(words).expect("the worker that asks has read it");
        let (found, doomed) = self.look(question.pool, None, &ask);
        for conn in doomed {
            self.drop_client(conn, CloseReason::Reset);
        }
        Share { worker: self.worker, ask: question.ask, found }
    }

    /// Another worker has answered. With the last of them the client is.
    pub fn handle_share(&mut self, share: Share) {
        // The client is gone, or was told that this worker took too long.
        let Some(ask) = self.census.asks.get_mut(share.ask) else { return };
        ask.awaited.retain(|worker| *worker != share.worker);
        ask.found.add(share.found);
        match (&ask.found, ask.awaited.front()) {
            (Found::One(false), Some(&worker)) => {
                let question = Arc::clone(&ask.question);
                self.actions.push_back(Action::Ask { worker, question });
            }
            (Found::One(true), _) | (_, None) => {
                let answer = ask.found.answer(ask.version);
                self.end_census(share.ask, &answer);
            }
            (Found::Lines(_) | Found::Closed(_), Some(_)) => {}
        }
    }

    /// A worker that was to be asked has ended: it has no clients.
    pub fn handle_absent(&mut self, worker: WorkerId, question: &Question) {
        if let Some(ask) = self.census.asks.get(question.ask) {
            let found = ask.found.nothing();
            self.handle_share(Share { worker, ask: question.ask, found });
        }
    }

    /// Tells clients whose time has come which worker did not answer.
    pub(crate) fn tend_census(&mut self, looked: Tick) {
        while let Some((at, key)) = self.census.ends.front().copied()
            && at <= looked
        {
            let ask = self.census.asks.get_mut(key).expect("the first has not ended");
            let missing = match ask.found {
                Found::One(_) => 1,
                Found::Lines(_) | Found::Closed(_) => ask.awaited.len(),
            };
            let answer = ask.found.lack(&ask.awaited.make_contiguous()[..missing], ask.version);
            self.end_census(key, &answer);
        }
    }

    /// What is found among this worker's clients, and whose conns are to be closed for it.
    fn look(
        &self,
        pool: PoolId,
        asker: Option<ConnId>,
        ask: &ClientAsk<'_>,
    ) -> (Found, Vec<ConnId>) {
        let of = |conn: &ConnId| self.clients.get(conn.key()).expect("it is listed");
        let mut clients = self.clients_of(pool).into_iter();
        match ask {
            ClientAsk::List(filter) => {
                let mut lines = BTreeMap::new();
                for conn in clients {
                    let facts = self.facts(of(&conn));
                    if filter.passes(&facts) {
                        let command = (asker == Some(conn)).then_some("client|list");
                        let line = lines.entry(facts.id).or_default();
                        local::client_line(&ClientFacts { command, ..facts }, line);
                    }
                }
                (Found::Lines(lines), Vec::new())
            }
            ClientAsk::Kill(filter) => {
                let spares = |conn: &ConnId| filter.skip_me && asker == Some(*conn);
                let passes = |conn: &ConnId| !spares(conn) && filter.passes(&self.facts(of(conn)));
                let doomed: Vec<_> = clients.filter(passes).collect();
                (Found::Closed(doomed.len()), doomed)
            }
            ClientAsk::KillAddress(address) => {
                let at = |conn: &ConnId| of(conn).session.peer.to_string().as_bytes() == *address;
                let doomed: Vec<_> = clients.find(at).into_iter().collect();
                (Found::One(!doomed.is_empty()), doomed)
            }
            other => unreachable!("not about other clients: {other:?}"),
        }
    }

    /// The workers that may have more of the clients that are meant than were found here.
    fn others(&self, pool: PoolId, ask: &ClientAsk<'_>, found: &Found) -> VecDeque<WorkerId> {
        let (own, workers) = (self.worker, self.census.workers);
        if workers == 1 {
            return VecDeque::new();
        }
        let all_found = match ask {
            ClientAsk::List(filter) | ClientAsk::Kill(filter) => {
                let here = |ids: &Vec<u64>| {
                    let known: BTreeSet<u64> =
                        self.numbered_clients_of(pool).map(|(number, _)| number).collect();
                    ids.iter().all(|id| known.contains(id))
                };
                filter.nobody || filter.ids.as_ref().is_some_and(here)
            }
            _ => matches!(found, Found::One(true)),
        };
        if all_found {
            return VecDeque::new();
        }
        (0..workers).map(WorkerId).filter(|worker| *worker != own).collect()
    }

    /// Gives the request its place in line, and asks the others: all at once; or one after another
    /// where a single client is to be closed, for there may be several with its address.
    fn ask_others(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        version: Version,
        found: Found,
        others: VecDeque<WorkerId>,
        frame: &[u8],
    ) {
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        let mut request = Request::new(Some(conn), Role::Whole, Kinds::ANY);
        if client.session.mute.is_silent() {
            // It has its place in line all the same, for those that must not overtake it.
            request.quiet = Quiet::All;
        }
        // What comes behind it waits until it is answered: a client has one list under way, not a hundred.
        client.lane = Lane::Own;
        let request = self.requests.insert(request);
        let asked = match found {
            Found::One(_) => 1,
            Found::Lines(_) | Found::Closed(_) => others.len(),
        };
        let asked: Vec<_> = others.iter().copied().take(asked).collect();
        let (asker, ask) = (self.worker, self.census.asks.next_key());
        let question = Arc::new(Question { asker, ask, pool, frame: frame.into() });
        for worker in asked {
            let question = Arc::clone(&question);
            self.actions.push_back(Action::Ask { worker, question });
        }
        self.census.asks.insert(Ask { request, version, question, awaited: others, found });
        self.census.ends.push_back((self.now.after(CENSUS_PATIENCE), ask));
        self.requests.get_mut(request).role = Role::Census { ask };
        self.put_in_line(conn, request);
    }

    /// Answers the client in its turn; it waits for no worker any more.
    fn end_census(&mut self, key: Key, answer: &[u8]) {
        let ask = self.census.take(key).expect("it has not ended");
        let request = self.requests.get_mut(ask.request);
        request.role = Role::Whole;
        request.answer = Answer::Held(match request.quiet {
            Quiet::All => Held::None,
            _ => self.holding.hold(answer, &mut self.spares),
        });
        let conn = request.client.expect("it leaves with its client");
        self.deliver_finished(conn);
    }

    /// The pool's clients on this worker, in the order of their numbers. O(clients log clients).
    fn clients_of(&self, pool: PoolId) -> Vec<ConnId> {
        let mut found: Vec<_> = self.numbered_clients_of(pool).collect();
        found.sort_unstable_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, conn)| conn).collect()
    }

    fn numbered_clients_of(&self, pool: PoolId) -> impl Iterator<Item = (u64, ConnId)> {
        self.clients.keys().filter_map(move |key| {
            let client = self.clients.get(key).filter(|client| client.pool == pool)?;
            Some((client.session.id, ConnId::new(Side::Client, key)))
        })
    }
}
