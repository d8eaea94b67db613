//! The engine's time: when a request gives up, and how sure that is.

pub(crate) mod deadlines;
pub(crate) mod look;
pub(crate) mod stall;
pub(crate) mod tick;
