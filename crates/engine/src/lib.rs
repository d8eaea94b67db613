//! What happens to a message on its way: order, fragments, queues, deadlines, ejection, limits.
//!
//! No I/O: time and randomness are arguments, sockets are ids. A worker owns one [`Engine`] and is
//! its shell: it tells the engine what happened and does what the engine asks.
//!
//! # A turn
//! ```text
//! shell                                      engine
//!   events = poll(poll_timeout())
//!   begin_turn(now)                          the turn's one reading of the clock
//!   for each event:
//!     read into recv_space(conn)
//!     handle_received(conn, len)             parse, route, queue; nothing is sent yet
//!     handle_connected / _closed / _writable
//!   handle_timeout()                          requests whose deadline passed; not in a turn that
//!                                             was told of servers' answers alone
//!   while let Some(action) = poll_action():   one Flush a conn, however many messages
//!     Flush: write poll_send(conn), then handle_sent(conn, len)
//! ```
//! Requests of many clients leave for a server in one write, and so do all responses for a client.
//!
//! # Rooms
//! - [`engine`](crate::Engine): the tables and the turn. `serve` handles what clients send, `relay` what servers send,
//!   `runs` what nearly all of both is, `passing` responses that are more than may be held, `connect` how conns to servers
//!   are opened, `close` how conns end, `drain` how all of it stops, `flushes` who has something to send.
//! - `request`: the table of what is outstanding. `ledger`: what is noted of each when it is queued. `errand`: what is
//!   to be done with a response before its client gets it.
//! - `server`: one conn to a server. `pool`: a key's route.
//! - `clients`: one conn of a client, what the client has said about itself, the answers to that (`local`), who all
//!   clients are, whichever worker has them (`census`), when a next request must wait for others of its client
//!   (`barrier`) or for room at its server (`crowd`), who goes on after a pause (`resuming`), those that want no
//!   response (`noreply`), and how a client goes over to another engine (`handover`).
//! - `many_keys`: a request split by server (`split`, `spread`) and its fragments' responses together (`gathering`,
//!   `partial`), or refused where all keys must be on one server (`together`); requests for all servers (`everywhere`,
//!   `scan`), and `SORT` with its further keys (`sorted`).
//! - `own`: a client's own server conn, pinned for a `transaction` or a `blocking` request; `aside`: what of a transaction
//!   the proxy answers.
//! - `loss`: failures and returns (`ejection`, `probe`), the ring that follows them (`follower`), servers that cannot be
//!   reached (`reach`) or have moved (`moving`); which requests get another chance (`repeat`), how many (`budget`), and
//!   where they go (`resend`).
//! - `bytes`: in and out (`inbox`, `outbox`), responses before their turn (`held`), large bytes held once (`shared`), buffers
//!   between two uses (`spares`), one message while it is worked on (`frame`).
//! - `time`: the clock (`tick`), who gives up next (`deadlines`), when that is certain (`look`), and what a stall of the
//!   process itself means (`stall`). `memory`: whether it is short (`shortage`), who is closed for it (`relief`), of all
//!   workers (`holders`).
//! - `pubsub`: who is subscribed to what, and the conns that listen. `scripting`, `scripts`: `EVALSHA` at a server that has
//!   not seen the script.
//! - `action`: what the engine asks of its shell. `ids`, `slab`, `room`: conns that are not mixed up, tables, places for
//!   sockets. `inventory`: all that is held, for tests.
//! - [`stats`]: the table of counters. `own_figures`: those that clients ask for. [`limits`]: the numbers, and why.
#![forbid(unsafe_code)]

mod action;
mod bytes;
mod clients;
mod close;
mod connect;
mod drain;
mod engine;
mod errand;
mod flushes;
mod ids;
mod inventory;
mod ledger;
pub mod limits;
mod loss;
mod many_keys;
mod memory;
mod own;
mod own_figures;
mod passing;
mod pool;
mod pubsub;
mod relay;
mod request;
mod room;
mod runs;
mod scripting;
mod scripts;
mod serve;
mod server;
mod slab;
pub mod stats;
mod time;

pub use action::{Action, CloseReason, Found, Report};
pub use clients::census::{Question, Share};
pub use clients::handover::Handover;
pub use clients::session::ClientLabel;
pub use engine::{Engine, ResponseTimes};
pub use ids::{ConnId, PoolId, ServerId, Side, WorkerId};
pub use inventory::{ClientInventory, Inventory};
pub use loss::ejection::{Ejection, Health, OnEject};
pub use memory::holders::Holders;
pub use memory::shortage::MemoryState;
pub use pool::{MultiError, PoolConfig, Retries, SharedPool};
pub use room::Room;
