//! What valid files mean.

use std::net::SocketAddr;
use std::time::Duration;

use nutcracker::config::{self, Address, Listen, MemoryMax, Pool, Workers};
use nutcracker_engine::limits::PoolLimits;
use nutcracker_engine::{MultiError, OnEject, Retries};
use nutcracker_proto::Protocol;
use nutcracker_ring::{DistributionKind, HashKind, HashTag};

use crate::{errors, only_pool, pool_with, valid};

#[test]
fn a_pool_of_two_keys_has_the_originals_defaults() {
    let pool = only_pool(pool_with(""));
    let expected = Pool {
        name: "alpha".into(),
        listen: Listen::Tcp {
            host: "127.0.0.1".into(),
            port: 22121,
            addr: SocketAddr::from(([127, 0, 0, 1], 22121)),
            text: "127.0.0.1:22121".into(),
        },
        protocol: Protocol::Memcache,
        hash: HashKind::Fnv1a64,
        hash_tag: None,
        distribution: DistributionKind::Ketama,
        timeout: None,
        connect_timeout: None,
        backlog: 512,
        client_connections: 0,
        redis_auth: None,
        redis_db: 0,
        databases: 16,
        commands: None,
        preconnect: false,
        auto_eject_hosts: false,
        server_connections: 1,
        server_retry_timeout: Duration::from_secs(30),
        server_failure_limit: 2,
        on_eject: OnEject::Rehash,
        retries: Retries::default(),
        tcpkeepalive: false,
        reuseport: false,
        servers: vec![config::Server {
            name: "127.0.0.1:6379".into(),
            weight: 1,
            address: Address::Tcp { host: "127.0.0.1".into(), port: 6379 },
            text: "127.0.0.1:6379:1".into(),
        }],
        limits: PoolLimits::default(),
        allow_flush: false,
        meta_commands: true,
        multi_error: MultiError::Fail,
        resolve_interval: Some(Duration::from_secs(10)),
    };
    assert_eq!(pool, expected);
}

#[test]
fn every_key_reaches_its_field() {
    let pool = only_pool(concat!(
        "beta:\n",
        "  servers:\n",
        "  - 10.0.0.1:6379:3 long-name\n",
        "  - /run/redis.sock:1 b\n",
        "  - cache.example:6380:2 a\n",
        "  listen: /run/proxy.sock 0660\n",
        "  hash: murmur\n",
        "  hash_tag: \"{}\"\n",
        "  distribution: modula\n",
        "  timeout: 400\n",
        "  backlog: 1024\n",
        "  client_connections: 100\n",
        "  redis: true\n",
        "  redis_auth: 's3 cret'\n",
        "  redis_db: 5\n",
        "  databases: 64\n",
        "  commands: json.get 1, json.mset 1..-1/3\n",
        "  preconnect: true\n",
        "  auto_eject_hosts: true\n",
        "  server_connections: 4\n",
        "  server_retry_timeout: 2000\n",
        "  server_failure_limit: 3\n",
        "  tcpkeepalive: true\n",
        "  reuseport: true\n",
        "  connect_timeout: 250\n",
        "  on_eject: fail\n",
        "  retries: 2\n",
        "  client_requests_max: 100\n",
        "  client_unsent_max: 64k\n",
        "  server_queue_max: 8M\n",
        "  request_max: 1000000\n",
        "  response_max: 2g\n",
        "  allow_flush: true\n",
        "  meta_commands: false\n",
        "  multi_error: partial\n",
        "  pinned_connections_max: 250\n",
        "  resolve_interval: 5000\n",
    ));
    let server = |name: &str, weight, address, text: &str| config::Server {
        name: name.into(),
        weight,
        address,
        text: text.into(),
    };
    let expected = Pool {
        name: "beta".into(),
        listen: Listen::Unix {
            path: "/run/proxy.sock".into(),
            mode: Some(0o660),
            text: "/run/proxy.sock 0660".into(),
        },
        protocol: Protocol::Redis,
        hash: HashKind::Murmur,
        hash_tag: Some(HashTag::new(b'{', b'}')),
        distribution: DistributionKind::Modula,
        timeout: Some(Duration::from_millis(400)),
        connect_timeout: Some(Duration::from_millis(250)),
        backlog: 1024,
        client_connections: 100,
        redis_auth: Some("s3 cret".into()),
        redis_db: 5,
        databases: 64,
        commands: pool.commands.clone(),
        preconnect: true,
        auto_eject_hosts: true,
        server_connections: 4,
        server_retry_timeout: Duration::from_secs(2),
        server_failure_limit: 3,
        on_eject: OnEject::Fail,
        retries: Retries::of(2),
        tcpkeepalive: true,
        reuseport: true,
        servers: vec![
            server(
                "a",
                2,
                Address::Tcp { host: "cache.example".into(), port: 6380 },
                "cache.example:6380:2 a",
            ),
            server("b", 1, Address::Unix { path: "/run/redis.sock".into() }, "/run/redis.sock:1 b"),
            server(
                "long-name",
                3,
                Address::Tcp { host: "10.0.0.1".into(), port: 6379 },
                "10.0.0.1:6379:3 long-name",
            ),
        ],
        limits: PoolLimits {
            client_requests: 100,
            client_unsent_bytes: 64 << 10,
            server_queue_bytes: 8 << 20,
            request_bytes: 1_000_000,
            response_bytes: 2 << 30,
            pinned_connections: 250,
            ..PoolLimits::default()
        },
        allow_flush: true,
        meta_commands: false,
        multi_error: MultiError::Partial,
        resolve_interval: Some(Duration::from_secs(5)),
    };
    let added = pool.commands.as_ref().map(|added| &*added.text);
    assert_eq!(added, Some("json.get 1, json.mset 1..-1/3"));
    assert_eq!(pool, expected);
}

#[test]
fn zero_means_what_it_means_in_the_original() {
    let pool = only_pool(pool_with("timeout: 0\nserver_retry_timeout: 0\nserver_failure_limit: 0"));
    assert_eq!(pool.timeout, None);
    assert_eq!(pool.server_retry_timeout, Duration::ZERO);
    assert_eq!(pool.server_failure_limit, 1);
}

#[test]
fn pools_and_servers_are_in_the_originals_order() {
    let pool = |name: &str, port: u16, servers: &[&str]| {
        let items: String = servers.iter().map(|server| format!("  - {server}\n")).collect();
        format!("{name}:\n  listen: 127.0.0.1:{port}\n  servers:\n{items}")
    };
    let servers = ["10.0.0.10:1:1", "10.0.0.9:11211:1", "10.0.0.9:1:1", "c:1:1 zz", "c:1:1 a"];
    let yaml = [pool("gamma", 3, &servers), pool("z", 1, &["a:1:1"]), pool("alpha", 2, &["a:1:1"])]
        .concat();
    let config = valid(yaml);
    let pools: Vec<&str> = config.pools.iter().map(|pool| &*pool.name).collect();
    assert_eq!(pools, ["z", "alpha", "gamma"]);
    let names: Vec<&str> = config.pools[2].servers.iter().map(|server| &*server.name).collect();
    assert_eq!(names, ["a", "zz", "10.0.0.9", "10.0.0.9:1", "10.0.0.10:1"]);
}

#[test]
fn text_is_text_whatever_it_looks_like() {
    for word in ["null", "~", "yes", "1.5", "0x10", "2015-01-01", "-", "?a", ":a", "-a"] {
        let pool = only_pool(pool_with(&format!("redis: true\nredis_auth: \"{word}\"")));
        assert_eq!(pool.redis_auth.as_deref(), Some(word));
    }
    assert_eq!(only_pool(pool_with("timeout: \"0100\"")).timeout, Some(Duration::from_millis(100)));
}

#[test]
fn a_global_section_without_listen_is_of_the_process() {
    for (value, workers) in [("auto", Workers::Auto), ("4", Workers::Count(4))] {
        let config = valid(format!("global:\n  workers: {value}\n{}", pool_with("")));
        assert_eq!(config.global.workers, Some(workers));
        assert_eq!(config.pools.len(), 1);
    }
    assert_eq!(valid(pool_with("")).global.workers, None);
}

#[test]
fn a_workers_busy_poll_is_a_number_of_microseconds() {
    for (value, microseconds) in [("0", 0), ("50", 50), ("1000", 1000)] {
        let config = valid(format!("global:\n  busy_poll: {value}\n{}", pool_with("")));
        assert_eq!(config.global.busy_poll, Duration::from_micros(microseconds), "{value}");
    }
    assert_eq!(valid(pool_with("")).global.busy_poll, Duration::ZERO);
    for value in ["1001", "-1", "50us", "on"] {
        let errors = errors(format!("global:\n  busy_poll: {value}\n{}", pool_with("")));
        let expected = format!(
            "2:14: 'busy_poll' is a number of microseconds from 0, for never, to 1000, and not '{value}'"
        );
        assert!(errors[0].contains(&expected), "{errors:?}");
    }
}

#[test]
fn a_busy_workers_pause_is_a_number_of_microseconds() {
    for (value, microseconds) in [("0", 0), ("80", 80), ("1000", 1000)] {
        let config = valid(format!("global:\n  turn_pause: {value}\n{}", pool_with("")));
        assert_eq!(config.global.turn_pause, Duration::from_micros(microseconds), "{value}");
    }
    let default = Duration::from_micros(120);
    assert_eq!(valid(pool_with("")).global.turn_pause, default);
    assert_eq!(
        valid(format!("global:\n  workers: 2\n{}", pool_with(""))).global.turn_pause,
        default
    );
    for value in ["1001", "-1", "80us", "x"] {
        let errors = errors(format!("global:\n  turn_pause: {value}\n{}", pool_with("")));
        let expected = format!(
            "2:15: 'turn_pause' is a number of microseconds from 0, for never, to 1000, and not '{value}'"
        );
        assert!(errors[0].contains(&expected), "{errors:?}");
    }
}

#[test]
fn the_memory_a_process_may_hold_is_a_share_a_number_or_without_limit() {
    let mebibyte = 1 << 20;
    for (value, expected) in [
        ("auto", MemoryMax::Auto),
        ("0", MemoryMax::Unlimited),
        ("512m", MemoryMax::Bytes(512 * mebibyte)),
        ("16777216", MemoryMax::Bytes(16 * mebibyte)),
    ] {
        let config = valid(format!("global:\n  memory_max: {value}\n{}", pool_with("")));
        assert_eq!(config.global.memory_max, expected, "{value}");
    }
    assert_eq!(valid(pool_with("")).global.memory_max, MemoryMax::Auto);
    for value in ["1m", "half", "-1", "50%"] {
        let errors = errors(format!("global:\n  memory_max: {value}\n{}", pool_with("")));
        assert!(errors[0].contains("2:15: 'memory_max' is 'auto' for half of"), "{errors:?}");
    }
}

#[test]
fn a_global_section_with_listen_is_a_pool() {
    let config = valid(pool_with("").replace("alpha", "global"));
    assert_eq!(config.pools[0].name, "global");
    let errors = errors(pool_with("workers: 4").replace("alpha", "global"));
    assert!(errors[0].contains("pool 'global': no key is called 'workers'"), "{errors:?}");
}
