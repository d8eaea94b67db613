//! What is tried with a library: a cell is one feature, a kind of library has a row of them.

/// One feature.
#[derive(Debug)]
pub(super) struct Cell {
    /// What scripts and the list of what is known call it.
    pub(super) name: &'static str,
    /// What the page calls it.
    pub(super) title: &'static str,
}

const fn cell(name: &'static str, title: &'static str) -> Cell {
    Cell { name, title }
}

/// What a library is for, and so what is tried with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A client of Redis.
    Redis,
    /// A client of memcached.
    Memcached,
    /// PHP's sessions, kept in Redis.
    RedisSessions,
    /// PHP's sessions, kept in memcached.
    MemcachedSessions,
    /// Frameworks on Redis.
    Framework,
}

impl Kind {
    /// All, in the order of the page.
    pub(super) const ALL: [Self; 5] = [
        Self::Redis,
        Self::Memcached,
        Self::RedisSessions,
        Self::MemcachedSessions,
        Self::Framework,
    ];

    /// The heading on the page.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Memcached => "memcached",
            Self::RedisSessions => "PHP's sessions in Redis",
            Self::MemcachedSessions => "PHP's sessions in memcached",
            Self::Framework => "Frameworks on Redis",
        }
    }

    /// Whether it wants Redis; otherwise it wants memcached.
    pub(super) const fn is_redis(self) -> bool {
        !matches!(self, Self::Memcached | Self::MemcachedSessions)
    }

    /// What is tried.
    pub(super) const fn cells(self) -> &'static [Cell] {
        match self {
            Self::Redis => REDIS,
            Self::Memcached => MEMCACHED,
            Self::RedisSessions => REDIS_SESSIONS,
            Self::MemcachedSessions => MEMCACHED_SESSIONS,
            Self::Framework => FRAMEWORK,
        }
    }
}

const REDIS: &[Cell] = &[
    cell("connect", "connect"),
    cell("get-set", "get, set"),
    cell("many-keys", "many keys"),
    cell("pipeline", "pipeline"),
    cell("resp3", "RESP3"),
    cell("transaction", "transaction"),
    cell("pubsub", "pub/sub"),
    cell("scan", "scan"),
    cell("blocking", "blocking"),
    cell("script", "script"),
    cell("databases", "databases"),
    cell("close", "close"),
];

const MEMCACHED: &[Cell] = &[
    cell("connect", "connect"),
    cell("get-set", "get, set"),
    cell("many-keys", "many keys"),
    cell("cas", "cas"),
    cell("incr", "incr"),
    cell("touch", "touch, gat"),
    cell("meta", "meta"),
    cell("stats", "stats"),
    cell("flush", "flush refused"),
    cell("close", "close"),
];

const REDIS_SESSIONS: &[Cell] =
    &[cell("session", "pages"), cell("renewed", "a new name"), cell("locked", "with locks")];

const MEMCACHED_SESSIONS: &[Cell] = &[
    cell("session", "pages"),
    cell("renewed", "a new name"),
    cell("locked", "with locks"),
    cell("binary", "by the binary protocol"),
];

const FRAMEWORK: &[Cell] = &[
    cell("cached", "cached values"),
    cell("many", "many at once"),
    cell("tags", "tags"),
    cell("lock", "lock"),
    cell("queue", "queue"),
    cell("tagged", "queue with a hash tag"),
    cell("rooms", "between servers"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_single_words_and_each_is_there_once() {
        for kind in Kind::ALL {
            let cells = kind.cells();
            for (at, cell) in cells.iter().enumerate() {
                assert!(!cell.name.contains(' ') && cell.name != "version", "{}", cell.name);
                assert!(cells[..at].iter().all(|other| other.name != cell.name), "{}", cell.name);
            }
        }
    }
}
