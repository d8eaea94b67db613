//! When the process holds as much memory as it may.

pub(crate) mod holders;
pub(crate) mod relief;
pub(crate) mod shortage;
