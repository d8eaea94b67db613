//! Runs of plain messages: what nearly all of the traffic is, and often comes together.
//!
//! A request is plain when it has one key, is small, and takes the shared conn of that key's server, which is there
//! already and has room for it. A response is plain when it is small, says nothing of its server's health, and goes to one
//! client as it is. What holds for a whole run of them (who the client is, how its pool is routed, when a request gives
//! up) is looked up once. Of each request there is left to find it, to hash its key, to copy it, and to note that it is
//! there. A run ends with the first message that is anything else: that one goes the general way, as `serve` and `relay`
//! have it, and another run may begin behind it.
//!
//! Whoever gives requests or responses a new trait has to ask here whether those that have it are plain still.

mod requests;
mod responses;

pub(crate) use responses::{RunEnd, Tally};
