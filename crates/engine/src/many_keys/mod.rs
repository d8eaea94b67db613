//! Requests whose keys are on several servers, and those for all of them: taken apart, brought together, or refused.

pub(crate) mod everywhere;
pub(crate) mod gathering;
pub(crate) mod partial;
pub(crate) mod scan;
pub(crate) mod sorted;
pub(crate) mod split;
pub(crate) mod spread;
pub(crate) mod together;
