//! The real binary, between real and scripted servers and clients.

mod counting;
mod credentials;
mod failures;
mod harness;
mod large;
mod listening;
mod memory;
mod misbehaving;
mod placement;
mod real_clients;
mod starting;
mod stopping;
mod transcripts;
mod workers;
