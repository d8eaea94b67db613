//! Which server a key belongs to, as twemproxy 0.5.0 ("the original") decides it, to the bit.
//!
//! A key goes through three steps, each a pure function:
//!
//! 1. **The part that is hashed.** With a [`HashTag`] set, only the bytes between its two marks.
//! 2. **The hash.** One of twelve, a [`HashKind`]: bytes to 32 bits.
//! 3. **The distribution.** A [`Ring`] turns the 32 bits into a server. It is an immutable
//!    snapshot of who is live; when that changes, a [`RingBuilder`] makes the next snapshot
//!    without repeating the work that the servers' names cost the first time.
//!
//! [`Placement`] holds the choices of steps 1 and 2 and runs all three:
//!
//! ```
//! use nutcracker_ring::{DistributionKind, HashKind, HashTag, Placement, Ring, RingServer};
//!
//! // A server is its name and weight. Without a name of its own, its address is its name.
//! let mut servers = vec![
//!     RingServer::new(RingServer::default_name("10.0.0.1", "6379"), 1),
//!     RingServer::new(RingServer::default_name("10.0.0.2", "6379"), 2),
//!     RingServer::new("spare", 1),
//! ];
//! // The original sorts a pool's servers by name, and their order matters.
//! servers.sort_by(RingServer::order);
//! assert_eq!(servers[0].name, "spare");
//!
//! let placement = Placement { hash: HashKind::Fnv1a64, tag: HashTag::from_bytes(b"{}") };
//! let ring = Ring::new(DistributionKind::Ketama, &servers, &[true, true, true]);
//!
//! // Only the distribution `random` draws a number, so the generator here is never asked.
//! let owner = placement.route(&ring, b"user:{42}:name", || 0);
//! assert_eq!(owner, placement.route(&ring, b"user:{42}:mail", || 0));
//! assert_eq!(owner.map(|at| servers[at].name.as_str()), Some("10.0.0.2:6379"));
//! ```
//!
//! Every placement recorded from the original is replayed by `tests/golden.rs`. Where the code
//! looks odd, it is because the original is: a comment then names the original's function, and
//! the oddity stays.

#![forbid(unsafe_code)]

mod builder;
mod distribution;
mod hash;
mod hash_tag;
mod name;
mod placement;
mod ring;
mod server;
mod spot;
#[cfg(test)]
mod testing;

pub use builder::RingBuilder;
pub use distribution::DistributionKind;
pub use hash::HashKind;
pub use hash_tag::HashTag;
pub use name::UnknownName;
pub use placement::Placement;
pub use ring::Ring;
pub use server::{RingServer, name_order};
pub use spot::Spot;
