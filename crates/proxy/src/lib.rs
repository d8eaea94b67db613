//! The rooms of the `nutcracker` binary: the only crate that meets the system.
//!
//! ```text
//!              main thread: start, then the control plane (one tokio runtime)
//!                |            signals · statistics port · summaries for the log
//!                |
//!   worker 0 .. worker N-1    two pollers (mio) and one engine each; worker 0 also accepts
//!                |
//!   names 0 .. 3              look hosts up, so that nobody else waits for it
//! ```
//! What they share is in [`shared`].
//!
//! - [`cli`], [`paths`], [`config`]: what was asked for, checked. [`start`]: from there to serving, and back.
//! - [`control`]: who has workers begin, give way and end. [`generation`]: one configuration at work.
//!   [`topology`]: what engines share of it. [`succession`]: what of it goes on in the next one.
//! - [`worker`], [`polling`], [`subject`], [`memory`], [`net`]: the data plane.
//!   [`report`]: what it has to say, for the log.
//! - [`stats_server`], [`signals`], [`names`], [`rounds`]: the control plane.
//! - [`log`], [`standard_error`], [`daemon`], [`pid_file`], [`patience`]: the process, its surroundings, and who was
//!   there before it.
//! - [`tools`]: subcommands that read configurations and serve nobody.
//! - [`sys`]: the only `unsafe`.
#![deny(unsafe_code)]

pub mod cli;
pub mod config;
pub mod control;
pub mod daemon;
pub mod generation;
pub mod log;
pub mod memory;
pub mod names;
pub mod net;
pub mod paths;
pub mod patience;
pub mod pid_file;
pub mod polling;
pub mod report;
pub mod rounds;
pub mod shared;
pub mod signals;
pub mod standard_error;
pub mod start;
pub mod stats_server;
pub mod subject;
pub mod succession;
#[expect(
    unsafe_code,
    reason = "the one room for it: each call with its reason, in a safe function"
)]
pub mod sys;
pub mod tools;
pub mod topology;
pub mod worker;
