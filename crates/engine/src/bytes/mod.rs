//! Bytes in, bytes out, and bytes that wait.

pub(crate) mod frame;
pub(crate) mod held;
pub(crate) mod inbox;
pub(crate) mod outbox;
pub(crate) mod shared;
pub(crate) mod spares;
