//! Whole turns of an engine under a load: requests in, requests out; responses in, responses out.
//!
//! The first time, servers read what they get, and the clients check what they get. From then on
//! the same bytes come in on the same conns, so that nothing but the engine works.

use nutcracker_engine::ConnId;
use nutcracker_proto::Protocol;

use crate::scenarios::Lap;
use crate::stage::{Incoming, Stage};
use crate::wire::{self, Ask};

/// Who asks what of whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) protocol: Protocol,
    pub(crate) servers: usize,
    /// Clients that ask in every lap.
    pub(crate) busy: usize,
    /// Clients that are there and say nothing.
    pub(crate) idle: usize,
    /// Requests that a client sends at once.
    pub(crate) pipeline: u32,
    /// All clients ask in the same turn; else each has a turn for itself.
    pub(crate) in_one_turn: bool,
    pub(crate) ask: Ask,
}

/// Requests and their responses: two turns.
struct Exchange {
    requests: Incoming,
    responses: Incoming,
    /// Bytes that are sent in both.
    sent: usize,
}

/// A lap is one exchange with all clients.
pub(crate) fn answered(load: Load) -> Lap {
    let mut stage = Stage::new(load.protocol, load.servers);
    stage.clients(load.idle / 2);
    let clients = stage.clients(load.busy);
    stage.clients(load.idle - load.idle / 2);
    let requests = requests(load, &clients);
    let at_once = if load.in_one_turn { clients.len() } else { 1 };
    let exchanges: Vec<Exchange> = requests
        .chunks(at_once)
        .map(|requests| Exchange::learn(&mut stage, load, requests.to_vec()))
        .collect();
    Box::new(move || {
        for exchange in &exchanges {
            let mut sent = stage.turn_counted(&exchange.requests);
            sent += stage.turn_counted(&exchange.responses);
            assert_eq!(sent, exchange.sent, "the same is sent every time");
        }
        assert_eq!(stage.engine.outstanding(), (0, 0), "all is answered");
    })
}

/// A lap is the first half alone: one client's requests are found, routed, queued and sent to the
/// servers. No response comes, so every lap has a client of its own.
pub(crate) fn enqueue(load: Load) -> Lap {
    /// As many laps as there can be. All of them together were outstanding once before the first,
    /// so that no table grows.
    const LAPS_MAX: usize = 128;
    let mut stage = Stage::new(load.protocol, load.servers);
    let clients = stage.clients(LAPS_MAX);
    let requests = requests(load, &clients);
    Exchange::learn(&mut stage, load, requests.clone());
    let mut laps: std::vec::IntoIter<Incoming> =
        requests.into_iter().map(|request| vec![request]).collect::<Vec<_>>().into_iter();
    Box::new(move || {
        let request = laps.next().expect("no more laps than clients");
        let sent = stage.turn_counted(&request);
        assert_eq!(sent, request[0].1.len(), "all of it is sent on");
    })
}

/// What each client asks. No two ask for the same key.
fn requests(load: Load, clients: &[ConnId]) -> Incoming {
    let firsts = (0..).step_by(load.pipeline as usize);
    let messages =
        firsts.map(|first| wire::pipeline(load.protocol, load.ask, load.pipeline, first));
    clients.iter().copied().zip(messages).collect()
}

impl Exchange {
    /// Goes through an exchange for the first time, with servers that read and clients that check.
    fn learn(stage: &mut Stage, load: Load, requests: Incoming) -> Self {
        let asked = stage.turn_kept(&requests);
        let responses = asked
            .iter()
            .map(|(server, bytes)| (*server, wire::answer(load.protocol, load.ask, bytes)))
            .collect();
        let answered = stage.turn_kept(&responses);
        for (client, request) in &requests {
            // Of a large value that is to be kept, the filler would have to be made up.
            let right = match load.ask {
                Ask::SetLarge(_) => wire::stored(),
                _ => wire::answer(load.protocol, load.ask, request.bytes()),
            };
            let got = answered.get(client).map_or(&[][..], Vec::as_slice);
            assert!(right.fits(got), "{client:?} got {} bytes, which are wrong", got.len());
        }
        let sent = asked.values().chain(answered.values()).map(Vec::len).sum();
        Self { requests, responses, sent }
    }
}
