//! A plain request, as a parser sees it: what nearly all are.

use std::ops::Range;

use crate::command::{Command, Travel};
use crate::request::{Meta, Request};

/// A whole request with one key, which goes to that key's server as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Its row in the command table.
    pub command: &'static Command,
    /// Where its key is.
    pub key: Range<usize>,
    /// Bytes of the whole request.
    pub len: usize,
}

impl Plain {
    /// Panics unless it tells of the same request as `other`, which was found the long way.
    pub(crate) fn assert_is(&self, other: &Request) {
        let Request::Routed(routed) = other else { panic!("{self:?} is {other:?}") };
        let key = routed.key.start as usize..routed.key.end as usize;
        assert_eq!(self, &Self { command: routed.command, key, len: routed.len });
        let goes_by_its_key = matches!(routed.command.travel, Travel::OneServer | Travel::Split(_));
        assert!(goes_by_its_key && routed.keys == 1 && !routed.noreply, "{routed:?}");
        assert!(routed.omit.is_empty() && routed.meta == Meta::default(), "{routed:?}");
    }
}
