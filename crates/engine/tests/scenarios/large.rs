//! Large messages: handed on by reference, or at least unharmed.

use nutcracker_engine::limits::{RECV_BYTES, SHARE_BYTES_MIN};
use std::io::IoSlice;

use crate::stage::{Stage, array, bulk, cmd, redis};

/// Bytes that are all their own: no two pieces of them are alike.
fn value(len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 4);
    for n in 0_u32.. {
        if bytes.len() >= len {
            break;
        }
        bytes.extend_from_slice(&n.wrapping_mul(2_654_435_761).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

const SIZES: [usize; 9] = [
    0,
    SHARE_BYTES_MIN - 30,
    SHARE_BYTES_MIN,
    RECV_BYTES - 20,
    RECV_BYTES,
    RECV_BYTES + 1,
    3 * RECV_BYTES,
    1_100_000,
    3_000_000,
];

#[test]
fn values_of_every_size_pass_unharmed_in_both_directions() {
    for len in SIZES {
        let value = value(len);
        let request = array(&[b"SET", b"k", &value, b"GET"]);
        let mut stage = Stage::new(redis(1));
        let client = stage.client();
        stage.sends(client, [cmd("TTL a"), request.clone(), cmd("TTL b")].concat());
        let server = stage.server(0);
        stage.gets(server, [cmd("TTL a"), request, cmd("TTL b")].concat());
        let response = [&b":1\r\n"[..], &bulk(&value), b":3\r\n"].concat();
        stage.sends(server, &response);
        stage.gets(client, response);
        stage.is_quiet();
    }
}

#[test]
fn values_of_every_size_pass_unharmed_when_they_come_and_go_in_pieces() {
    for len in SIZES {
        let value = value(len);
        let request = array(&[b"SET", b"k", &value, b"GET"]);
        let mut stage = Stage::new(redis(1));
        let client = stage.client();
        stage.sends(client, cmd("TTL a"));
        let server = stage.server(0);
        stage.clogs(server, 11);
        for piece in request.chunks(50_001) {
            stage.sends(client, piece);
        }
        stage.sends(client, cmd("TTL b"));
        let expected = [cmd("TTL a"), request, cmd("TTL b")].concat();
        let mut got = Vec::new();
        while got.len() < expected.len() {
            stage.takes(server, 70_001);
            got.extend(stage.take(server));
        }
        assert!(got == expected, "{len} bytes to the server");

        stage.clogs(client, 13);
        let expected = [&b":1\r\n"[..], &bulk(&value), b":3\r\n"].concat();
        for piece in expected.chunks(60_001) {
            stage.sends(server, piece);
        }
        let mut got = stage.take(client);
        while got.len() < expected.len() {
            stage.takes(client, 90_001);
            got.extend(stage.take(client));
        }
        assert!(got == expected, "{len} bytes to the client");
        stage.is_quiet();
    }
}

#[test]
fn a_large_value_is_handed_on_where_it_was_received() {
    let value = value(500_000);
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("GET k"));
    let server = stage.server(0);
    let response = bulk(&value);
    let (head, rest) = response.split_at(1_000);
    stage.sends(server, head);

    stage.engine.begin_turn(stage.now);
    let mut at = 0;
    let mut received_in = 0..0;
    while at < rest.len() {
        let space = stage.engine.recv_space(server);
        let len = space.len().min(rest.len() - at);
        space[..len].copy_from_slice(&rest[at..at + len]);
        received_in = space.as_ptr().addr()..space.as_ptr().addr() + len;
        at += len;
        stage.engine.handle_received(server, len);
    }
    let mut slices = [IoSlice::new(&[]); 4];
    assert_eq!(stage.engine.poll_send(client, &mut slices), 1);
    let lent = slices[0].as_ptr_range();
    assert_eq!(slices[0].len(), response.len());
    assert_eq!(lent.end.addr(), received_in.end, "the end of the value was not moved");
    stage.finish_turn();
    stage.gets(client, response);
}

#[test]
fn large_elements_of_a_gathered_response_come_in_order() {
    let mut stage = Stage::new(redis(2));
    let keys = [stage.key(0, "a"), stage.key(1, "b"), stage.key(0, "c")];
    let values = [value(40_000), value(90_000)[45_000..].to_vec(), value(200_000)];
    let client = stage.client();
    stage.sends(client, cmd(&format!("MGET {}", keys.join(" "))));
    let (first, second) = (stage.server(0), stage.server(1));
    let answer = [b"*2\r\n".to_vec(), bulk(&values[0]), bulk(&values[2])].concat();
    for piece in answer.chunks(30_000) {
        stage.sends(first, piece);
    }
    for piece in [b"*1\r\n".to_vec(), bulk(&values[1])].concat().chunks(10_000) {
        stage.sends(second, piece);
    }
    let elements = values.map(|value| bulk(&value)).concat();
    stage.gets(client, [b"*3\r\n".to_vec(), elements].concat());
    stage.is_quiet();
}

#[test]
fn a_large_response_that_waits_for_its_turn_is_held() {
    let mut stage = Stage::new(redis(2));
    let (slow, fast) = (stage.key(0, "slow"), stage.key(1, "fast"));
    let client = stage.client();
    stage.sends(client, [&slow, &fast].map(|key| cmd(&format!("GET {key}"))).concat());
    let (first, second) = (stage.server(0), stage.server(1));
    let large = bulk(&value(300_000));
    for piece in large.chunks(40_000) {
        stage.sends(second, piece);
    }
    stage.gets_nothing(client);
    stage.sends(first, "$-1\r\n");
    stage.gets(client, [&b"$-1\r\n"[..], &large].concat());
    stage.is_quiet();
}

#[test]
fn behind_a_part_of_a_small_message_as_much_is_read_as_behind_none() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    let set = cmd("SET k 1");
    for cut in 1..set.len() {
        stage.sends(client, &set[..cut]);
        assert_eq!(stage.engine.recv_space(client).len(), RECV_BYTES - cut);
        stage.sends(client, [&set[cut..], &cmd("GET k")].concat());
        let server = stage.server(0);
        stage.gets(server, [&set[..], &cmd("GET k")].concat());
        stage.sends(server, b"+OK\r\n$3\r\na");
        stage.gets(client, b"+OK\r\n");
        assert_eq!(stage.engine.recv_space(server).len(), RECV_BYTES - b"$3\r\na".len());
        stage.sends(server, b"bc\r\n");
        stage.gets(client, b"$3\r\nabc\r\n");
    }
    stage.is_quiet();
}

#[test]
fn a_response_of_many_parts_is_read_in_ever_larger_ones() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("LRANGE k 0 -1"));
    let server = stage.server(0);
    let part = bulk(&value(1_000));
    stage.sends(server, b"*1000\r\n");
    let mut reads = 0;
    let mut sent = Vec::new();
    while sent.len() < 1_000 * part.len() {
        let space = stage.engine.recv_space(server).len().min(1_000 * part.len() - sent.len());
        let at = sent.len() % part.len();
        let stream: Vec<u8> = part.iter().cycle().skip(at).take(space).copied().collect();
        stage.sends(server, &stream);
        sent.extend(stream);
        reads += 1;
    }
    assert!(reads < 60, "{reads} reads for {} bytes", sent.len());
    stage.gets(client, [b"*1000\r\n".to_vec(), sent].concat());
}
