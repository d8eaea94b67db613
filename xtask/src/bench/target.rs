//! The targets: what the load is pointed at, and which of them can carry which load.

use serde::{Deserialize, Serialize};

use super::workload::Protocol;

/// What the load is pointed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Target {
    /// The original, which most verdicts are against.
    Original,
    /// This project's proxy.
    Proxy,
    /// An earlier build of it, to hold a change against; visited where its binary is named.
    Before,
    /// predixy, another proxy for Redis; visited where its binary is named.
    Predixy,
    /// HAProxy as a plain TCP forwarder to the first server: it looks at no byte, so its figures
    /// are a floor for those who do. Where a request has many keys, it takes nothing apart either and gathers
    /// nothing: what is left is the bytes' way in and out.
    Haproxy,
    /// The first server, which holds every key: what no proxy costs.
    Direct,
}

/// The original and the proxy, side by side.
pub(crate) const BOTH: &[Target] = &[Target::Original, Target::Proxy];

impl Target {
    /// All of them, in the order in which a round visits them.
    const ALL: [Self; 6] =
        [Self::Original, Self::Proxy, Self::Before, Self::Predixy, Self::Haproxy, Self::Direct];

    /// Those that a ratio of the proxy's figures is taken to.
    pub(crate) const BASES: [Self; 4] =
        [Self::Original, Self::Before, Self::Predixy, Self::Haproxy];

    /// What the report calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Proxy => "proxy",
            Self::Before => "before",
            Self::Predixy => "predixy",
            Self::Haproxy => "haproxy",
            Self::Direct => "direct",
        }
    }

    /// What it speaks.
    pub(crate) fn protocols(self) -> &'static [Protocol] {
        match self {
            Self::Predixy => &[Protocol::Redis],
            _ => &[Protocol::Redis, Protocol::Memcached],
        }
    }

    /// Those that speak `protocol`, in the order of a round.
    pub(crate) fn speaking(protocol: Protocol) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |target| target.protocols().contains(&protocol))
    }
}
