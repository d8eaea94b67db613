//! One client: what it has said, what is due to it, and when it may go on.

pub(crate) mod barrier;
pub(crate) mod census;
pub(crate) mod client;
pub(crate) mod crowd;
pub(crate) mod handover;
pub(crate) mod local;
pub(crate) mod noreply;
pub(crate) mod resuming;
pub(crate) mod session;
