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
//! - [`engine`](crate::Engine): the tables and the turn; `serve` handles what clients send, `relay`
//!   what servers send, `runs` what nearly all of both is, `close` how conns end.
//! - `client`, `server`: one conn of each side. `session`: what a client has said about itself, `local`:
//!   the answers to that, `census`: who all clients are, whichever worker has them, and
//!   `barrier`: when its next request must wait for those before it. `request`: the table of what is outstanding, `ledger`:
//!   what is noted of each when it is queued.
//! - `own`: a client's own server conn, pinned for a `transaction` or a `blocking` request. `aside`:
//!   what of a transaction the proxy answers.
//! - `split`, `spread`, `gathering`: a request split by server, and its fragments' responses together.
//! - `inbox`, `outbox`: bytes in and out. `flushes`: who has something to send. `held`: responses that came before
//!   their turn. `shared`, `spares`: large bytes held once, and buffers between two uses. `room`: places for sockets.
//! - `pool`: a key's route. `ejection`: failures and returns. `probe`: whether a server is back.
//! - `deadlines`: who gives up next, `look`: and when that is certain.
//! - `noreply`: requests whose clients want no response.
//! - `repeat`: which requests get another chance when their server is lost, `budget`: how many, `resend`:
//!   where they go.
//! - `handover`: clients that go over to another engine.
//! - `pubsub`: who is subscribed to what, and the conns that listen.
//! - `inventory`: all that is held, for tests. [`stats`]: the table of counters. `own_figures`: those that clients ask for. [`limits`]: the numbers, and why.
#![forbid(unsafe_code)]

mod action;
mod aside;
mod barrier;
mod blocking;
mod budget;
mod census;
mod client;
mod close;
mod deadlines;
mod ejection;
mod engine;
mod errand;
mod everywhere;
mod flushes;
mod frame;
mod gathering;
mod handover;
mod held;
mod ids;
mod inbox;
mod inventory;
mod ledger;
pub mod limits;
mod local;
mod look;
mod moving;
mod noreply;
mod outbox;
mod own;
mod own_figures;
mod partial;
mod pool;
mod probe;
mod pubsub;
mod reach;
mod relay;
mod relief;
mod repeat;
mod request;
mod resend;
mod room;
mod runs;
mod scan;
mod scripting;
mod scripts;
mod serve;
mod server;
mod session;
mod shared;
mod shortage;
mod slab;
mod sorted;
mod spares;
mod split;
mod spread;
mod stall;
pub mod stats;
mod tick;
mod together;
mod transaction;

pub use action::{Action, CloseReason, Found, Report};
pub use census::{Question, Share};
pub use ejection::{Ejection, Health, OnEject};
pub use engine::{Engine, ResponseTimes};
pub use handover::Handover;
pub use ids::{ConnId, PoolId, ServerId, Side, WorkerId};
pub use inventory::{ClientInventory, Inventory};
pub use pool::{MultiError, PoolConfig, Retries, SharedPool};
pub use room::Room;
pub use session::ClientLabel;
pub use shortage::MemoryState;
