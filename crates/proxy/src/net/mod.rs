//! Sockets: listening, accepting, connecting, and the one shape all of them have.

mod connect;
mod listener;
mod socket;

pub use connect::{Target, connect};
pub use listener::{BindError, Listener};
pub use socket::{Socket, close_reason};
