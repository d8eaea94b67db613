//! The real binary, between real and scripted servers and clients.

mod balanced;
mod counting;
mod credentials;
mod crowd;
mod failures;
mod harness;
mod large;
mod libraries;
mod limits;
mod listening;
mod located;
mod memory;
mod misbehaving;
mod placement;
mod real_clients;
mod recovery;
mod rotation;
mod signals;
mod socket_options;
mod sockets;
mod starting;
mod stopping;
mod swap;
mod transcripts;
mod workers;
