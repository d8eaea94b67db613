//! Redis on the wire: requests, responses, the table of commands, and what the proxy says itself.
//!
//! A request is an array of bulk strings, `*2 CRLF $3 CRLF GET CRLF $1 CRLF k CRLF`, or one inline
//! line of words. A response is one value of RESP2 or RESP3. [`RequestParser`] and
//! [`ResponseParser`] find them in what was received; [`Parts`] and [`fragment_head`] take a
//! request with several keys apart; the `gather_` functions put the responses together.
//!
//! # How strict it is
//! A server connection carries the requests of many clients, so a request must mean to the server
//! what it means to the proxy. Lengths are read as Redis reads them (its `string2ll`): what it
//! would take for a protocol error is one here, told in its words, and never reaches a server.

mod audience;
mod commands;
mod digits;
mod elements;
mod encode;
mod extra;
mod fuzz;
mod gather;
pub mod glob;
mod guess;
mod head;
mod inline;
mod kinds;
pub mod local;
mod locate;
mod lookup;
mod merge;
mod parts;
mod patience;
pub mod pubsub;
mod request;
mod response;
mod rest;
mod scan;
mod script;
mod subcommands;

pub use audience::recount;
pub use commands::COMMANDS;
pub use elements::with_elements;
pub use encode::{fragment_head, handshake, protocol_error};
pub use extra::{ExtraCommands, ExtraError, KeyPlaces};
#[doc(hidden)]
pub use fuzz::{fuzz_requests, fuzz_responses};
pub use gather::{gather_array, gather_status, gather_sum};
pub use head::Heads;
pub use kinds::{HANDSHAKES, STATUSES, TRANSACTIONS};
pub use locate::sort_patterns;
pub use merge::{gather_concat, gather_first, gather_least, gather_not_null};
pub use parts::Parts;
pub use patience::Wait;
pub use request::RequestParser;
pub use response::{ResponseParser, is_error};
pub use rest::Rest;
pub use scan::{Cursor, request_cursor, response_cursor};
pub use script::{is_unknown_script, loaded_script, script_argument, with_script};
