//! The configuration files of the targets, as text.
//!
//! All are set up for the same task: one pool a protocol, one connection a server where that can be
//! said, one thread, no log. A timeout is generous: an answer that comes late is slow here, and not
//! wrong.

/// A pool, as the original and the proxy read it: `listen` is its port, `servers` are those of the
/// servers.
///
/// The servers have names: the placement of keys is the same in every run, whatever the ports, and
/// one server may stand in a pool under many names.
pub(crate) fn pool(
    name: &str,
    listen: u16,
    is_redis: bool,
    servers: impl Iterator<Item = u16>,
) -> String {
    let mut text = format!(
        "{name}:\n  listen: 127.0.0.1:{listen}\n  redis: {is_redis}\n  hash: fnv1a_64\n  \
         distribution: ketama\n  backlog: 4096\n  preconnect: true\n  timeout: 30000\n  servers:\n"
    );
    for (index, server) in servers.enumerate() {
        text.push_str(&format!("   - 127.0.0.1:{server}:1 {name}{index}\n"));
    }
    text
}

/// The proxy's section for the options of the process. The original has none.
pub(crate) fn workers(count: usize) -> String {
    format!("global:\n  workers: {count}\n")
}

/// HAProxy as a plain forwarder on one thread: each pair is a port to listen on and that of the
/// server behind it. `connections_max` is how many clients it must hold.
pub(crate) fn haproxy(pairs: &[(u16, u16)], connections_max: usize) -> String {
    let mut text = format!(
        "global\n  nbthread 1\n  maxconn {connections_max}\n\
         defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n"
    );
    for (listen, server) in pairs {
        text.push_str(&format!(
            "listen port{listen}\n  bind 127.0.0.1:{listen}\n  server one 127.0.0.1:{server}\n"
        ));
    }
    text
}

/// predixy on one worker thread, in front of Redis servers that stand alone and share the keys.
/// It knows no ketama, so its keys lie elsewhere than those of the others.
pub(crate) fn predixy(listen: u16, servers: impl Iterator<Item = u16>) -> String {
    let mut text = format!(
        "Name bench\nBind 127.0.0.1:{listen}\nWorkerThreads 1\nClientTimeout 0\n\
         StandaloneServerPool {{\n    Databases 1\n    Hash crc16\n    Distribution modula\n    \
         RefreshMethod fixed\n    ServerTimeout 30\n"
    );
    for (index, server) in servers.enumerate() {
        text.push_str(&format!(
            "    Group redis{index} {{\n        + 127.0.0.1:{server}\n    }}\n"
        ));
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_stand_in_a_pool_under_many_names() {
        let text = pool("redis", 1, true, [7, 8, 7].into_iter());
        for line in ["   - 127.0.0.1:7:1 redis0\n", "127.0.0.1:8:1 redis1\n", ":7:1 redis2\n"] {
            assert!(text.contains(line), "{line:?} is not in\n{text}");
        }
    }

    #[test]
    fn every_target_listens_on_loopback_only() {
        let texts = [
            pool("redis", 1, true, [7].into_iter()),
            haproxy(&[(1, 7)], 10),
            predixy(1, [7].into_iter()),
        ];
        for text in texts {
            assert!(text.contains("127.0.0.1:1\n"), "{text}");
            assert!(!text.contains("0.0.0.0") && !text.contains('*'), "{text}");
        }
    }

    #[test]
    fn braces_of_predixys_file_match() {
        let text = predixy(1, [7, 8].into_iter());
        let count = |brace| text.matches(brace).count();
        assert_eq!((count('{'), count('}')), (3, 3), "{text}");
    }
}
