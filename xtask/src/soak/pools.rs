//! The pools that both proxies have: every hash, both distributions that place keys alike every
//! time, hash tags, weights, a password, a database. All but the one with the password are in front
//! of the same four servers: name spaces keep their keys apart.

use super::reply::Protocol;

/// How many servers of each kind a side has, one with a password aside.
pub(crate) const SERVERS: usize = 4;

/// The password of the pool that asks for one, and of its server.
pub(crate) const PASSWORD: &str = "open sesame";

/// The database that one pool selects.
pub(crate) const DATABASE: u32 = 3;

/// A pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool {
    hash: &'static str,
    distribution: &'static str,
    /// The two characters around the part of a key that decides.
    pub(crate) hash_tag: Option<[u8; 2]>,
    weights: [u32; SERVERS],
    /// It gets valid streams only, and of those only what both proxies count alike.
    pub(crate) is_counted: bool,
    /// What clients must say first. Such a pool has one server, of its own.
    pub(crate) password: Option<&'static str>,
    database: u32,
}

const fn pool(hash: &'static str, distribution: &'static str) -> Pool {
    Pool {
        hash,
        distribution,
        hash_tag: None,
        weights: [1; SERVERS],
        is_counted: false,
        password: None,
        database: 0,
    }
}

const BRACES: Option<[u8; 2]> = Some(*b"{}");
const DOLLARS: Option<[u8; 2]> = Some(*b"$$");

/// The pools of either protocol, the counted ones first; Redis has two more.
const POOLS: [Pool; 14] = [
    Pool { is_counted: true, ..pool("fnv1a_64", "ketama") },
    Pool { is_counted: true, hash_tag: BRACES, ..pool("murmur", "ketama") },
    Pool { is_counted: true, weights: [1, 2, 3, 4], ..pool("md5", "modula") },
    Pool { hash_tag: BRACES, ..pool("one_at_a_time", "modula") },
    Pool { hash_tag: BRACES, weights: [4, 1, 1, 2], ..pool("crc16", "ketama") },
    Pool { hash_tag: DOLLARS, ..pool("crc32", "ketama") },
    pool("crc32a", "modula"),
    pool("fnv1_64", "ketama"),
    Pool { hash_tag: BRACES, ..pool("fnv1_32", "modula") },
    Pool { weights: [1, 10, 1, 1], ..pool("fnv1a_32", "ketama") },
    pool("hsieh", "modula"),
    Pool { hash_tag: DOLLARS, ..pool("jenkins", "ketama") },
    Pool { database: DATABASE, ..pool("fnv1a_64", "ketama") },
    Pool { password: Some(PASSWORD), ..pool("fnv1a_64", "ketama") },
];

/// How many pools are counted; they are the first.
pub(crate) const COUNTED: usize = 3;

/// The pools of `protocol`.
pub(crate) fn pools(protocol: Protocol) -> &'static [Pool] {
    match protocol {
        Protocol::Redis => &POOLS,
        Protocol::Memcached => &POOLS[..12],
    }
}

/// The pools that streams go to which the original closes at: not those that are counted, and not
/// the one that says no before it looks.
pub(crate) fn lenient(protocol: Protocol) -> std::ops::Range<usize> {
    COUNTED..pools(protocol).iter().take_while(|pool| pool.password.is_none()).count()
}

/// What pool `index` is called.
pub(crate) fn name(index: usize) -> String {
    format!("pool{index:02}")
}

/// What server `index` is called.
pub(crate) fn server_name(index: usize) -> String {
    format!("server{index}")
}

/// The pools' configuration: where each listens, and the ports of the servers, of which the last
/// is the one with the password, if there is one more than [`SERVERS`].
pub(crate) fn configuration(protocol: Protocol, listens: &[u16], servers: &[u16]) -> String {
    let mut text = String::new();
    for (index, (pool, listen)) in pools(protocol).iter().zip(listens).enumerate() {
        let Pool { hash, distribution, hash_tag, weights, password, database, .. } = pool;
        let is_redis = protocol == Protocol::Redis;
        text += &format!(
            "{}:\n  listen: 127.0.0.1:{listen}\n  redis: {is_redis}\n  hash: {hash}\n  \
             distribution: {distribution}\n  preconnect: true\n  timeout: 30000\n",
            name(index)
        );
        if let Some(tag) = hash_tag {
            text += &format!("  hash_tag: \"{}\"\n", tag.escape_ascii());
        }
        if let Some(password) = password {
            text += &format!("  redis_auth: {password}\n");
        }
        if *database > 0 {
            text += &format!("  redis_db: {database}\n");
        }
        text += "  servers:\n";
        let guarded = SERVERS..servers.len();
        let range = if password.is_some() { guarded } else { 0..SERVERS };
        for server in range {
            let (port, weight) = (servers[server], weights.get(server).unwrap_or(&1));
            text += &format!("   - 127.0.0.1:{port}:{weight} {}\n", server_name(server));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_of_the_original_has_a_pool_of_either_protocol() {
        let hashes = [
            "one_at_a_time",
            "md5",
            "crc16",
            "crc32",
            "crc32a",
            "fnv1_64",
            "fnv1a_64",
            "fnv1_32",
            "fnv1a_32",
            "hsieh",
            "murmur",
            "jenkins",
        ];
        for protocol in Protocol::ALL {
            for hash in hashes {
                let has = pools(protocol).iter().any(|pool| pool.hash == hash);
                assert!(has, "no {protocol} pool has {hash}");
            }
        }
    }

    #[test]
    fn the_counted_pools_come_first_and_the_guarded_one_is_not_lenient() {
        for protocol in Protocol::ALL {
            let counted = pools(protocol).iter().take_while(|pool| pool.is_counted).count();
            assert_eq!(counted, COUNTED);
            for index in lenient(protocol) {
                let pool = pools(protocol)[index];
                assert!(!pool.is_counted && pool.password.is_none(), "pool {index}");
            }
        }
    }
}
