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

mod commands;
mod digits;
mod encode;
mod fuzz;
mod gather;
mod inline;
pub mod local;
mod parts;
mod request;
mod response;

pub use commands::COMMANDS;
pub use encode::{fragment_head, handshake, protocol_error};
#[doc(hidden)]
pub use fuzz::{fuzz_requests, fuzz_responses};
pub use gather::{gather_array, gather_status, gather_sum};
pub use parts::Parts;
pub use request::RequestParser;
pub use response::ResponseParser;
