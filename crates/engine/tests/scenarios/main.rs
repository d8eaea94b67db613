//! What the engine does, told as dialogues: a client sends, a server gets, a server answers, a
//! client gets. One test a behaviour, its sentence is the name.
//!
//! There is no network and no clock: [`stage`] plays the shell and holds the time. Where chance
//! should look for what nobody thought of, see `simulation.rs`.

mod asides;
mod audience;
mod blocking;
mod census;
mod clients;
mod crowd;
mod ejection;
mod everywhere;
mod handover;
mod handshake;
mod idle;
mod large;
mod lies;
mod limits;
mod memcached;
mod moving;
mod muted;
mod order;
mod pause;
mod pubsub;
mod reach;
mod responses;
mod retries;
mod runs;
mod scripts;
mod servers;
mod sessions;
mod split;
mod stage;
mod stalls;
mod transactions;
