//! A client that no proxy serves: what its requests take is the doing of the machine, the load and a server.
//!
//! On a long run it asks, beside those of the proxy and as often as one of them, a server that has no fault. A
//! machine that is slower at the run's end than at its begin is so for both.

use super::client::{Client, Habits};
use super::known::Known;
use super::play::{KEYS, name};
use super::rig::Rig;
use super::scenario::Scenario;
use super::scenarios::SERVERS;
use super::tally::Tally;
use super::world::World;

/// The server that it asks: the last, which no long run harms.
const SERVER: usize = SERVERS - 1;

/// The client and its keys, which are its own.
#[derive(Debug)]
pub(super) struct Yardstick {
    habits: Habits,
    keys: Vec<Known>,
}

impl Yardstick {
    /// One with the habits of the proxy's clients.
    pub(super) fn new(scenario: &Scenario, rig: &Rig, habits: Habits) -> Self {
        let mut keys: Vec<Known> =
            (0..KEYS).map(|nth| Known::new(name(scenario.clients, nth))).collect();
        keys.iter_mut().for_each(|known| known.home = SERVER);
        Self { habits: Habits { port: rig.server_port(SERVER), ..habits }, keys }
    }

    /// Plays until the world ends, and tells what it saw.
    pub(super) fn play(&mut self, world: &World) -> Tally {
        Client::new(self.habits, &mut self.keys, world).play()
    }
}
