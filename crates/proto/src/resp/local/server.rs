//! `INFO`, `CONFIG`, `TIME` and `CLUSTER`: what kind of server the proxy seems to be.

use std::time::Duration;

use super::super::glob;
use super::{REDIS_LEVEL, Refusal, Reply, help, is, unknown_subcommand, wrong_arity};
use crate::command::Arity::{self, AtLeast, Exactly};

/// What is told of the process and the pool.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerFacts {
    /// For how long it has run, seconds.
    pub uptime: u64,
    /// Clients of the pool.
    pub clients: u64,
    /// Requests that were sent to the pool's servers.
    pub requests: u64,
    /// How many databases there are.
    pub databases: u32,
}

/// Answers an `INFO`; `words` are the sections. Those that mean nothing here are empty or left out.
pub fn info<'a>(words: impl Iterator<Item = &'a [u8]>, facts: &ServerFacts, reply: &mut Reply<'_>) {
    let asked: Vec<Vec<u8>> = words.map(<[u8]>::to_ascii_lowercase).collect();
    let all = |word: &Vec<u8>| matches!(word.as_slice(), b"all" | b"default" | b"everything");
    let ServerFacts { uptime, clients, requests, .. } = facts;
    let sections = [
        (
            "Server",
            format!(
                "redis_version:{REDIS_LEVEL}\r\nredis_mode:standalone\r\nserver_name:nutcracker\r\n\
                 arch_bits:{}\r\nuptime_in_seconds:{uptime}\r\n\
                 uptime_in_days:{}\r\n",
                usize::BITS,
                uptime / 86_400
            ),
        ),
        ("Clients", format!("connected_clients:{clients}\r\nblocked_clients:0\r\n")),
        ("Memory", "maxmemory:0\r\nmaxmemory_policy:noeviction\r\n".to_owned()),
        ("Persistence", "loading:0\r\nasync_loading:0\r\n".to_owned()),
        ("Stats", format!("total_commands_processed:{requests}\r\n")),
        ("Replication", "role:master\r\nconnected_slaves:0\r\n".to_owned()),
        ("Cluster", "cluster_enabled:0\r\n".to_owned()),
        ("Keyspace", String::new()),
    ];
    let mut text = String::new();
    for (name, lines) in sections {
        let named = |word: &Vec<u8>| word.eq_ignore_ascii_case(name.as_bytes()) || all(word);
        if !asked.is_empty() && !asked.iter().any(named) {
            continue;
        }
        if !text.is_empty() {
            text += "\r\n";
        }
        text += &format!("# {name}\r\n{lines}");
    }
    reply.text(text.as_bytes());
}

/// Answers a `CONFIG`; `words` follow that word.
///
/// # Errors
/// In Redis' words; and all that would change something is refused.
pub fn config<'a>(
    words: impl Iterator<Item = &'a [u8]>,
    facts: &ServerFacts,
    reply: &mut Reply<'_>,
) -> Result<(), Refusal> {
    let words: Vec<&[u8]> = words.collect();
    let (subcommand, arguments) = words.split_first().ok_or("ERR syntax error")?;
    match (subcommand.to_ascii_lowercase().as_slice(), arguments) {
        (b"get", [_, ..]) => {
            let databases = facts.databases.to_string();
            let options = [
                ("appendonly", "no"),
                ("databases", &*databases),
                ("maxmemory", "0"),
                ("maxmemory-policy", "noeviction"),
                ("notify-keyspace-events", ""),
                ("proto-max-bulk-len", "536870912"),
                ("save", ""),
                ("timeout", "0"),
            ];
            let wanted = |name: &str| {
                arguments
                    .iter()
                    .any(|like| glob::matches(&like.to_ascii_lowercase(), name.as_bytes()))
            };
            let found: Vec<_> = options.iter().filter(|(name, _)| wanted(name)).collect();
            reply.map(found.len());
            for (name, value) in found {
                reply.bulk(name.as_bytes());
                reply.bulk(value.as_bytes());
            }
            Ok(())
        }
        (b"set", [_, _, ..]) | (b"rewrite" | b"resetstat", []) => {
            Err("ERR the proxy's configuration is its file, and the servers' is their own: CONFIG \
                 GET alone is served"
                .into())
        }
        (b"help", []) => {
            help(
                "CONFIG",
                &[("GET <pattern>", "The options whose names are like the pattern.")],
                reply,
            );
            Ok(())
        }
        (b"get" | b"set" | b"rewrite" | b"resetstat" | b"help", _) => {
            Err(wrong_arity("config", subcommand))
        }
        _ => Err(unknown_subcommand("config", subcommand)),
    }
}

/// The answer to `TIME`, so long after the beginning of 1970.
pub fn time(now: Duration, reply: &mut Reply<'_>) {
    reply.array(2);
    reply.bulk(now.as_secs().to_string().as_bytes());
    reply.bulk(now.subsec_micros().to_string().as_bytes());
}

/// The answer to all that only a server in cluster mode serves; `words` begin with the command's name.
/// A server without it knows the subcommands of `CLUSTER`, and how many arguments each has.
pub fn cluster<'a>(words: impl Iterator<Item = &'a [u8]>) -> Refusal {
    let words: Vec<&[u8]> = words.collect();
    let [name, subcommand, arguments @ ..] = words.as_slice() else { return NO_CLUSTER };
    if !is(name, "cluster") {
        return NO_CLUSTER;
    }
    match CLUSTER.iter().find(|(known, _)| is(subcommand, known)) {
        None => unknown_subcommand("cluster", subcommand),
        Some((_, arity)) if !arity.allows(arguments.len() as u32) => {
            wrong_arity("cluster", subcommand)
        }
        Some(_) => NO_CLUSTER,
    }
}

/// The subcommands of `CLUSTER`, and what may follow each.
const CLUSTER: &[(&str, Arity)] = &[
    ("addslots", AtLeast(1)),
    ("addslotsrange", AtLeast(2)),
    ("bumpepoch", Exactly(0)),
    ("count-failure-reports", Exactly(1)),
    ("countkeysinslot", Exactly(1)),
    ("delslots", AtLeast(1)),
    ("delslotsrange", AtLeast(2)),
    ("failover", AtLeast(0)),
    ("flushslots", Exactly(0)),
    ("forget", Exactly(1)),
    ("getkeysinslot", Exactly(2)),
    ("help", Exactly(0)),
    ("info", Exactly(0)),
    ("keyslot", Exactly(1)),
    ("links", Exactly(0)),
    ("meet", AtLeast(2)),
    ("myid", Exactly(0)),
    ("myshardid", Exactly(0)),
    ("nodes", Exactly(0)),
    ("replicas", Exactly(1)),
    ("replicate", Exactly(1)),
    ("reset", AtLeast(0)),
    ("saveconfig", Exactly(0)),
    ("set-config-epoch", Exactly(1)),
    ("setslot", AtLeast(2)),
    ("shards", Exactly(0)),
    ("slaves", Exactly(1)),
    ("slots", Exactly(0)),
];

/// In Redis' words.
const NO_CLUSTER: Refusal = Refusal::Borrowed("ERR This instance has cluster support disabled");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Version;

    const FACTS: ServerFacts =
        ServerFacts { uptime: 90_000, clients: 3, requests: 7, databases: 16 };

    fn words(line: &str) -> impl Iterator<Item = &[u8]> {
        line.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes)
    }

    fn told(line: &str) -> String {
        let mut out = Vec::new();
        info(words(line), &FACTS, &mut Reply::new(Version::Resp2, &mut out));
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn info_has_what_libraries_look_for() {
        for line in ["", "all", "default", "everything"] {
            let all = told(line);
            for part in [
                "# Server\r\nredis_version:7.4.0\r\nredis_mode:standalone\r\n",
                "\r\nuptime_in_seconds:90000\r\nuptime_in_days:1\r\n",
                "\r\n\r\n# Clients\r\nconnected_clients:3\r\n",
                "\r\nloading:0\r\n",
                "\r\ntotal_commands_processed:7\r\n",
                "\r\nrole:master\r\n",
            ] {
                assert!(all.contains(part), "{part:?} of {all}");
            }
        }
        assert_eq!(told("foo"), "$0\r\n\r\n");
        assert_eq!(
            told("REPLICATION"),
            "$48\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n\r\n"
        );
        let mut out = Vec::new();
        info(words("keyspace"), &FACTS, &mut Reply::new(Version::Resp3, &mut out));
        // redis-server 7.0.15's.
        assert_eq!(out, b"=16\r\ntxt:# Keyspace\r\n\r\n");
    }

    #[test]
    fn the_configuration_is_read_by_patterns_and_not_written() {
        for (version, line, expected) in [
            (Version::Resp2, "GET data*", Ok("*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n")),
            (Version::Resp3, "get save", Ok("%1\r\n$4\r\nsave\r\n$0\r\n\r\n")),
            (Version::Resp2, "GET [r-t]ave", Ok("*2\r\n$4\r\nsave\r\n$0\r\n\r\n")),
            (Version::Resp2, "GET nosuch", Ok("*0\r\n")),
            (
                Version::Resp3,
                "HELP",
                Ok("*5\r\n+CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n\
                    +GET <pattern>\r\n+    The options whose names are like the pattern.\r\n\
                    +HELP\r\n+    Prints this help.\r\n"),
            ),
            (Version::Resp2, "GET", Err("ERR wrong number of arguments for 'config|get' command")),
            (
                Version::Resp2,
                "SET a",
                Err("ERR wrong number of arguments for 'config|set' command"),
            ),
            (Version::Resp2, "FOO", Err("ERR unknown subcommand 'FOO'. Try CONFIG HELP.")),
        ] {
            let mut out = Vec::new();
            let result = config(words(line), &FACTS, &mut Reply::new(version, &mut out));
            let said = String::from_utf8(out).expect("text");
            assert_eq!(result.map(|()| &*said), expected.map_err(Refusal::from), "{line}");
        }
        for line in ["SET maxmemory 1", "REWRITE", "RESETSTAT"] {
            let mut out = Vec::new();
            let refusal = config(words(line), &FACTS, &mut Reply::new(Version::Resp2, &mut out));
            assert!(refusal.expect_err(line).contains("CONFIG GET alone"), "{line}");
        }
    }

    #[test]
    fn what_a_server_without_cluster_mode_says() {
        let disabled = "ERR This instance has cluster support disabled";
        // redis-server 7.0.15's.
        for (line, expected) in [
            ("READONLY", disabled),
            ("CLUSTER INFO", disabled),
            ("cluster Failover TAKEOVER", disabled),
            ("CLUSTER ADDSLOTS 1 2 3", disabled),
            ("CLUSTER HELP", disabled),
            ("CLUSTER HELP x", "ERR wrong number of arguments for 'cluster|help' command"),
            ("CLUSTER KEYSLOT", "ERR wrong number of arguments for 'cluster|keyslot' command"),
            ("CLUSTER Nodes a", "ERR wrong number of arguments for 'cluster|nodes' command"),
            ("CLUSTER ADDSLOTS", "ERR wrong number of arguments for 'cluster|addslots' command"),
            ("CLUSTER FOO", "ERR unknown subcommand 'FOO'. Try CLUSTER HELP."),
        ] {
            assert_eq!(cluster(words(line)), expected, "{line}");
        }
    }

    #[test]
    fn the_time_is_seconds_and_microseconds() {
        let mut out = Vec::new();
        time(Duration::new(1_795_798_016, 334_461_999), &mut Reply::new(Version::Resp2, &mut out));
        assert_eq!(out, b"*2\r\n$10\r\n1795798016\r\n$6\r\n334461\r\n");
    }
}
