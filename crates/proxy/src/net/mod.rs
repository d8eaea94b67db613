//! Sockets: listening, accepting, connecting, lingering, and the one shape all of them have.

mod connect;
mod lingering;
mod listener;
mod socket;

pub use connect::{Target, connect};
pub use lingering::Lingering;
pub use listener::{BindError, Listener};
pub use socket::{Socket, close_reason};

/// Most bytes read from one socket before the others get their turn: who sends on is read as quickly as it sends.
pub const READ_BYTES_A_TURN: usize = 256 * 1024;
