//! The memcached text protocol.
//!
//! A request is one line, and a block of data behind it for the commands that store. A response is
//! one line, or `VALUE` blocks up to an `END`.
//!
//! ```text
//! line    = name *( 1*SP argument ) *SP [CR] LF
//! request = line / storage-line *OCTET CR LF        as many octets as the storage line says
//! ```
//!
//! # Whose lines these are
//! A request that goes to one server goes there as its client sent it, so what is a line here must
//! be a line there: were the two to differ, a client could slip a command past the proxy, or put a
//! connection that many clients share out of step. Hence what this parser is strict about:
//! - a line ends at LF, with or without CR, as it does for memcached;
//! - CR and NUL have no place within a line (memcached reads nothing of a line behind a NUL);
//! - a storage command's numbers and flags are those memcached takes, for it would read the data behind a
//!   line that it refuses as commands. What it takes differs from version to version: here it is what all
//!   of them do, those from 1.6.40 on, which read lines anew (`proto_parser.c`), and those before;
//! - no line begins with a space on its way: since then memcached knows no command by such a line;
//! - a line is no longer than memcached is sure to read;
//! - `noreply` and the flag `q` are never forwarded: each request that a server gets brings one response.
//!
//! # The rooms
//! `request` and `response` find where a message ends, `line` says what a request's line asks for,
//! `plain` finds what nearly all requests are without it, `meta` reads the flags of the meta commands and `base64`
//! their keys, `binary` refuses the binary protocol, `commands` is the table, `kinds` tells responses apart, `parts` and `gather` take a request apart and put its responses
//! together (`stats` those of figures), `encode` words what the proxy says itself.

mod base64;
mod binary;
mod commands;
mod digits;
mod encode;
#[doc(hidden)]
pub mod fuzz;
mod gather;
mod kinds;
mod line;
mod meta;
#[cfg(test)]
mod naive;
mod parts;
mod plain;
mod request;
mod response;
mod rest;
mod stats;
mod value;
mod words;

pub use base64::decode_key;
pub use commands::COMMANDS;
pub use encode::protocol_error;
pub use gather::{gather_okay, gather_values};
pub use kinds::VERSIONS;
pub use parts::{Parts, fragment_head, fragment_part, fragment_tail};
pub use request::RequestParser;
pub use response::{ResponseParser, is_error};
pub use rest::Rest;
pub use stats::gather_stats;
