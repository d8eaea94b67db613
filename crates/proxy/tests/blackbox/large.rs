//! Large values, both ways, in both protocols.

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{MEMCACHED, Memcached, REDIS, Redis};
use crate::harness::wire::{bulk, redis, set, value, value_block};

const MEGABYTE: usize = 1 << 20;

/// Bytes of which no part is like another: a misplaced one is noticed.
fn bytes(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(next).collect()
}

#[test]
fn large_values_of_redis_come_back_as_they_were() {
    let listen = free_port();
    let servers: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let _proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &servers));
    let mut client = Client::tcp(listen);
    for len in [16_383, 16_384, 65_536, MEGABYTE, 20 * MEGABYTE] {
        let it = bytes(len);
        client.ask(redis(&[&b"SET"[..], b"large:a", &it[..]]), "+OK\r\n");
        client.ask(redis(&["GET", "large:a"]), bulk(&it));
        client.ask(redis(&["STRLEN", "large:a"]), format!(":{len}\r\n"));
    }
    // Split: pairs and keys of several servers, large and small by turns.
    let values = [bytes(MEGABYTE), b"small".to_vec(), bytes(70_000), bytes(3 * MEGABYTE)];
    let keys: Vec<Vec<u8>> = (0..4).map(|n| format!("large:split:{n}").into_bytes()).collect();
    let mut words: Vec<&[u8]> = vec![b"MSET"];
    keys.iter().zip(&values).for_each(|(key, value)| words.extend([&key[..], value]));
    client.ask(redis(&words), "+OK\r\n");
    let mut words: Vec<&[u8]> = vec![b"MGET"];
    words.extend(keys.iter().map(Vec::as_slice));
    let expected: Vec<u8> = values.iter().flat_map(bulk).collect();
    client.ask(redis(&words), [b"*4\r\n", &expected[..]].concat());
    client.ask(redis(&["DEL", "large:a", "large:split:0", "large:split:3"]), ":3\r\n");
}

#[test]
fn large_values_of_memcached_come_back_as_they_were() {
    let cache = Memcached::start_on(free_port(), &["-I", "64m", "-m", "256"]);
    let small = Memcached::start();
    let listen = free_port();
    let servers = [format!("{} one", cache.item())];
    let strict = free_port();
    let conf = pool("alpha", listen, &[], &servers) + &pool("beta", strict, &[], &[small.item()]);
    let _proxy = Proxy::start(&conf);
    let mut client = Client::tcp(listen);
    for len in [0, 16_384, 65_536, MEGABYTE, 20 * MEGABYTE] {
        let it = bytes(len);
        client.ask(set("large:a", &it), "STORED\r\n");
        client.ask("get large:a\r\n", value("large:a", &it));
    }
    let (a, b) = (bytes(20 * MEGABYTE), bytes(MEGABYTE));
    client.ask(set("large:b", &b), "STORED\r\n");
    let both = [value_block("large:a", &a), value_block("large:b", &b), b"END\r\n".to_vec()];
    client.ask("get large:a large:b\r\n", both.concat());

    // A server that does not take values of that size says so before it has read them; what
    // follows is answered all the same.
    let mut client = Client::tcp(strict);
    let mut wire = set("large:k", b"before");
    wire.extend(set("large:k", &bytes(3 * MEGABYTE)));
    wire.extend(b"get large:none\r\n");
    wire.extend(set("large:k", b"after"));
    wire.extend(b"get large:k\r\n");
    client.send(wire);
    client.expect("STORED\r\nSERVER_ERROR object too large for cache\r\nEND\r\nSTORED\r\n");
    client.expect(value("large:k", b"after"));
}

#[test]
fn small_requests_are_not_held_up_behind_large_ones_of_others() {
    let listen = free_port();
    let _proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]));
    let it = bytes(5 * MEGABYTE);
    let (mut large, mut small) = (Client::tcp(listen), Client::tcp(listen));
    // Half of a large request must not lie before the small one on their shared connection.
    let wire = redis(&[&b"SET"[..], b"large:half", &it[..]]);
    let (head, tail) = wire.split_at(wire.len() / 2);
    large.send(head);
    for n in 1..=20 {
        small.ask(redis(&["INCR", "large:small"]), format!(":{n}\r\n"));
    }
    large.send(tail);
    large.expect("+OK\r\n");
    large.ask(redis(&["GET", "large:half"]), bulk(&it));
    small.ask(redis(&["DEL", "large:half", "large:small"]), ":2\r\n");
}

#[test]
fn a_request_with_very_many_keys_is_answered_in_their_order() {
    const KEYS: usize = 20_000;
    let listen = free_port();
    let servers: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let keys = ["redis: true", "hash: murmur"];
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &servers));
    let mut client = Client::tcp(listen);
    let keys: Vec<String> = (0..KEYS).map(|n| format!("large:many:{n}")).collect();
    let mut pairs = vec!["MSET"];
    keys.iter().filter(|key| !key.ends_with('7')).for_each(|key| pairs.extend([&**key, &**key]));
    client.ask(redis(&pairs), "+OK\r\n");
    let with =
        |name| -> Vec<&str> { [name].into_iter().chain(keys.iter().map(String::as_str)).collect() };
    let mut expected = format!("*{KEYS}\r\n").into_bytes();
    for key in &keys {
        match key.ends_with('7') {
            true => expected.extend(b"$-1\r\n"),
            false => expected.extend(bulk(key)),
        }
    }
    client.ask(redis(&with("MGET")), expected);
    for name in ["EXISTS", "TOUCH", "DEL"] {
        client.ask(redis(&with(name)), format!(":{}\r\n", KEYS / 10 * 9));
    }
    client.ask(redis(&with("UNLINK")), ":0\r\n");
    assert_eq!(proxy.figure("alpha", "forward_error"), 0);
}

#[test]
fn large_and_empty_values_of_many_keys_come_back_in_one_response() {
    let listen = free_port();
    let servers: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let keys = ["redis: true", "hash: murmur"];
    let _proxy = Proxy::start(&pool("alpha", listen, &keys, &servers));
    let mut client = Client::tcp(listen);
    // A little more than any power of two, and nothing at all, by turns.
    let large = bytes(16 * MEGABYTE + 1024);
    let values: Vec<&[u8]> = (0..6).map(|n| if n % 2 == 0 { &large[..] } else { b"" }).collect();
    let keys: Vec<Vec<u8>> = (0..6).map(|n| format!("large:both:{n}").into_bytes()).collect();
    let mut mset: Vec<&[u8]> = vec![b"MSET"];
    keys.iter().zip(&values).for_each(|(key, value)| mset.extend([&key[..], value]));
    client.ask(redis(&mset), "+OK\r\n");
    let with = |name: &'static [u8]| -> Vec<&[u8]> {
        [name].into_iter().chain(keys.iter().map(Vec::as_slice)).collect()
    };
    let expected: Vec<u8> = values.iter().flat_map(bulk).collect();
    client.ask(redis(&with(b"MGET")), [b"*6\r\n", &expected[..]].concat());
    client.ask(redis(&with(b"DEL")), ":6\r\n");
    client.ask(redis(&with(b"MGET")), [&b"*6\r\n"[..], &b"$-1\r\n".repeat(6)].concat());
}

/// From one key to more than fit any buffer at once.
#[test]
fn requests_of_any_number_of_keys_are_answered_whole() {
    let (listen, cache) = (free_port(), free_port());
    let stores: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let caches: Vec<String> = MEMCACHED.iter().map(Memcached::item).collect();
    let conf = pool("alpha", listen, &["redis: true", "hash: murmur"], &stores)
        + &pool("beta", cache, &["hash: murmur"], &caches);
    let _proxy = Proxy::start_with(&conf, &["-m", "512"]);
    let (mut client, mut other) = (Client::tcp(listen), Client::tcp(cache));
    for count in (1..40).chain((126..2_000).step_by(171)) {
        let keys: Vec<String> = (0..count).map(|n| format!("large:count:{n}")).collect();
        let mut mset = vec!["MSET"];
        keys.iter().for_each(|key| mset.extend([&**key, &**key]));
        let with = |name| -> Vec<u8> {
            redis(&[name].into_iter().chain(keys.iter().map(|key| &**key)).collect::<Vec<_>>())
        };
        // In one go, so that each waits for the one before.
        client.send([redis(&mset), with("MGET"), with("DEL"), with("MGET")].concat());
        let (values, count) = (keys.iter().flat_map(bulk).collect::<Vec<u8>>(), keys.len());
        client.expect(format!("+OK\r\n*{count}\r\n"));
        client.expect(values);
        client.expect(format!(":{count}\r\n*{count}\r\n{}", "$-1\r\n".repeat(count)));

        let sets: Vec<u8> = keys.iter().flat_map(|key| set(key, key.as_bytes())).collect();
        let get = format!("get {}\r\n", keys.join(" "));
        let blocks: Vec<u8> =
            keys.iter().flat_map(|key| value_block(key, key.as_bytes())).collect();
        other.ask([&sets[..], get.as_bytes()].concat(), {
            [&b"STORED\r\n".repeat(count)[..], &blocks, b"END\r\n"].concat()
        });
    }
}
