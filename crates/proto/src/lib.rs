//! Redis and memcached on the wire: bytes to messages and back.
//!
//! No I/O, no clock, and no state but a parser's place in a message it has seen part of, and what requests
//! began with lately.
//!
//! # The two protocols side by side
//!
//! | | Redis ([`resp`]) | memcached text ([`memcache`]) |
//! |---|---|---|
//! | a request | an array of bulk strings, or one inline line | one line, and a data block after some |
//! | a key | any bytes | 1 to 250 bytes without space or line end |
//! | a response | one typed value, arrays nest | one line, or `VALUE` blocks up to `END` |
//! | no response | never | `noreply` |
//! | an error | `-ERR text` | `ERROR`, `CLIENT_ERROR text`, `SERVER_ERROR text` |
//!
//! [`Protocol`] is the seam: whoever is above this crate finds requests and responses, splits, gathers and words its
//! errors through it, and need not know which of the two it carries. What only one of them has, such as Redis'
//! transactions, is used by its own name.
//!
//! # The pieces
//! - [`RequestParser`] and [`ResponseParser`]: bytes in, ranges out; any cut of the input gives
//!   the same messages, and each byte is looked at a bounded number of times.
//! - [`Command`]: a row of a command table, which says how a request travels.
//! - [`Fragment`](split) in [`split`]: a request with several keys, one part a server.
//! - [`gather`]: the parts' responses, made into one.
#![forbid(unsafe_code)]

pub mod auth;
pub mod command;
pub mod gather;
mod kind;
pub mod limits;
pub mod memcache;
mod plain;
pub mod progress;
mod protocol;
pub mod request;
pub mod resp;
pub mod response;
mod rest;
pub mod split;

pub use command::{
    Arity, Audience, Command, Counting, Keys, Local, Patience, Script, Subscription, Transaction,
    Travel,
};
pub use gather::{Gather, GatherError, Piece};
pub use kind::{Kind, Kinds};
pub use plain::Plain;
pub use progress::{ParseError, Progress};
pub use protocol::{Protocol, Version};
pub use request::{Inline, Meta, Quiet, Refused, Request, RequestParser, Routed};
pub use resp::{Heads, Wait};
pub use response::{Outcome, Response, ResponseParser};
pub use rest::{Passed, Rest};
