//! Servers that fail, leave, cannot be reached, move and return, and what becomes of the requests they had.

pub(crate) mod budget;
pub(crate) mod ejection;
mod follower;
pub(crate) mod moving;
pub(crate) mod probe;
pub(crate) mod reach;
pub(crate) mod repeat;
pub(crate) mod resend;
