//! Answers that count subscribers: they count clients, whichever worker these are on, and not the conns
//! that listen for them.

use nutcracker_engine::{CloseReason, ConnId};

use crate::stage::{Stage, array, bulk, cmd, redis};

/// What a server says of a change, and a RESP2 client is told.
fn told(verb: &str, name: &str, count: usize) -> Vec<u8> {
    let name = name.as_bytes();
    [b"*3\r\n".to_vec(), bulk(verb.as_bytes()), bulk(name), format!(":{count}\r\n").into()].concat()
}

/// The answer to a `NUMSUB`.
fn counts(of: &[(&str, u64)]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", of.len() * 2).into_bytes();
    for (channel, count) in of {
        out.extend(bulk(channel.as_bytes()));
        out.extend(format!(":{count}\r\n").as_bytes());
    }
    out
}

/// A client of `stage` subscribes to one topic, which the one server hears of if `is_first`.
#[track_caller]
fn subscribes(stage: &mut Stage, verb: &str, name: &str, is_first: bool) -> ConnId {
    let client = stage.client();
    stage.sends(client, cmd(&format!("{verb} {name}")));
    if is_first {
        let listener = stage.server(0);
        stage.gets(listener, cmd(&format!("{} {name}", verb.to_lowercase())));
        stage.sends(listener, told(&verb.to_lowercase(), name, 1));
    }
    stage.gets(client, told(&verb.to_lowercase(), name, 1));
    client
}

/// A client asks, and is told `told` where the server says `said`.
#[track_caller]
fn is_told(stage: &mut Stage, request: &[u8], said: impl AsRef<[u8]>, told: impl AsRef<[u8]>) {
    let client = stage.client();
    stage.sends(client, request);
    let conns = stage.conns_of(0).to_vec();
    let server = conns.into_iter().find(|&conn| stage.take(conn) == request);
    stage.sends(server.expect("one conn is asked"), said);
    stage.gets(client, told);
}

#[test]
fn a_count_is_of_the_clients_of_all_workers() {
    let mut one = Stage::new(redis(1));
    let mut two = one.sibling();
    is_told(&mut one, &cmd("PUBLISH a x"), ":0\r\n", ":0\r\n");
    let mut subscribers: Vec<_> =
        (0..3).map(|n| subscribes(&mut one, "SUBSCRIBE", "a", n == 0)).collect();
    subscribes(&mut two, "SUBSCRIBE", "a", true);
    // The second worker's conns: it listens, and is asked for what follows.
    for stage in [&mut one, &mut two] {
        is_told(stage, &cmd("PUBLISH a x"), ":2\r\n", ":4\r\n");
        let asked = cmd("PUBSUB NUMSUB a b a");
        let said = counts(&[("a", 2), ("b", 0), ("a", 2)]);
        is_told(stage, &asked, said, counts(&[("a", 4), ("b", 0), ("a", 4)]));
        // Five are none of the pool's.
        is_told(stage, &cmd("PUBLISH a x"), ":7\r\n", ":9\r\n");
        is_told(stage, &cmd("PUBLISH b x"), ":5\r\n", ":5\r\n");
        is_told(stage, &cmd("SPUBLISH a x"), ":0\r\n", ":0\r\n");
    }
    one.closes(subscribers.pop().expect("three"), CloseReason::Reset);
    one.sends(subscribers.pop().expect("two"), cmd("UNSUBSCRIBE a"));
    is_told(&mut two, &cmd("PUBLISH a x"), ":2\r\n", ":2\r\n");
    one.is_quiet();
    two.is_quiet();
}

#[test]
fn each_pattern_of_each_client_that_matches_counts_for_a_message_and_not_for_its_channel() {
    let mut stage = Stage::new(redis(1));
    subscribes(&mut stage, "SUBSCRIBE", "news", true);
    let both = stage.client();
    stage.sends(both, cmd("PSUBSCRIBE n* [mn]ews"));
    let listener = stage.conns_of(0)[0];
    stage.gets(listener, [cmd("psubscribe n*"), cmd("psubscribe [mn]ews")].concat());
    stage.sends(listener, [told("psubscribe", "n*", 2), told("psubscribe", "[mn]ews", 3)].concat());
    stage.gets(both, [told("psubscribe", "n*", 1), told("psubscribe", "[mn]ews", 2)].concat());
    let one_of_them = stage.client();
    stage.sends(one_of_them, cmd("PSUBSCRIBE n*"));
    stage.gets(one_of_them, told("psubscribe", "n*", 1));
    is_told(&mut stage, &cmd("PUBLISH news x"), ":3\r\n", ":4\r\n");
    is_told(&mut stage, &cmd("PUBLISH mews x"), ":1\r\n", ":1\r\n");
    is_told(&mut stage, &cmd("PUBLISH nothing x"), ":1\r\n", ":2\r\n");
    is_told(&mut stage, &cmd("SPUBLISH news x"), ":0\r\n", ":0\r\n");
    let asked = cmd("PUBSUB NUMSUB news n*");
    is_told(
        &mut stage,
        &asked,
        counts(&[("news", 1), ("n*", 0)]),
        counts(&[("news", 1), ("n*", 0)]),
    );
}

#[test]
fn shard_channels_have_counts_of_their_own() {
    let mut stage = Stage::new(redis(1));
    subscribes(&mut stage, "SSUBSCRIBE", "a", true);
    subscribes(&mut stage, "SSUBSCRIBE", "a", false);
    is_told(&mut stage, &cmd("SPUBLISH a x"), ":1\r\n", ":2\r\n");
    is_told(&mut stage, &cmd("PUBLISH a x"), ":0\r\n", ":0\r\n");
    let said = counts(&[("a", 1)]);
    is_told(&mut stage, &cmd("PUBSUB SHARDNUMSUB a"), said, counts(&[("a", 2)]));
    is_told(&mut stage, &cmd("PUBSUB NUMSUB a"), counts(&[("a", 0)]), counts(&[("a", 0)]));
}

#[test]
fn a_conn_counts_from_the_server_s_word_to_the_server_s_word() {
    let mut stage = Stage::new(redis(1));
    let client = subscribes(&mut stage, "SUBSCRIBE", "a", true);
    let listener = stage.conns_of(0)[0];
    let publisher = stage.client();
    // The server answers it before it hears that nobody listens any more.
    stage.sends(publisher, cmd("PUBLISH a x"));
    let server = stage.server(0);
    stage.gets(server, cmd("PUBLISH a x"));
    stage.sends(client, cmd("UNSUBSCRIBE a"));
    stage.gets(listener, cmd("unsubscribe a"));
    stage.sends(server, ":1\r\n");
    stage.gets(publisher, ":0\r\n");
    // And after, while what it says of that is on its way.
    is_told(&mut stage, &cmd("PUBLISH a x"), ":0\r\n", ":0\r\n");
    stage.sends(listener, told("unsubscribe", "a", 0));
    is_told(&mut stage, &cmd("PUBLISH a x"), ":1\r\n", ":1\r\n");
    // Whoever came and went before the server said a word left a conn that it counts for a while.
    let brief = stage.client();
    stage.sends(brief, cmd("SUBSCRIBE b"));
    stage.closes(brief, CloseReason::Reset);
    stage.gets(listener, [cmd("subscribe b"), cmd("unsubscribe b")].concat());
    stage.sends(listener, told("subscribe", "b", 1));
    is_told(&mut stage, &cmd("PUBLISH b x"), ":1\r\n", ":0\r\n");
    stage.sends(listener, told("unsubscribe", "b", 0));
    is_told(&mut stage, &cmd("PUBLISH b x"), ":1\r\n", ":1\r\n");
    stage.is_quiet();
}

#[test]
fn clients_whose_conn_has_ended_hear_nothing_and_do_not_count() {
    let mut stage = Stage::new(redis(1));
    subscribes(&mut stage, "SUBSCRIBE", "a", true);
    subscribes(&mut stage, "SUBSCRIBE", "a", false);
    let listener = stage.conns_of(0)[0];
    stage.closes(listener, CloseReason::Eof);
    is_told(&mut stage, &cmd("PUBLISH a x"), ":0\r\n", ":0\r\n");
    stage.passes(101);
    let again = stage.server(0);
    stage.gets(again, cmd("subscribe a"));
    stage.sends(again, told("subscribe", "a", 1));
    let publisher = stage.client();
    stage.sends(publisher, cmd("PUBLISH a x"));
    let server = stage.conns_of(0)[1];
    stage.gets(server, cmd("PUBLISH a x"));
    stage.sends(server, ":1\r\n");
    stage.gets(publisher, ":2\r\n");
}

#[test]
fn what_is_no_count_is_told_as_it_is_and_what_fails_leaves_nothing_behind() {
    let mut stage = Stage::new(redis(1));
    subscribes(&mut stage, "SUBSCRIBE", "a", true);
    let long = "a".repeat(5_000);
    let refused = "-NOPERM this user has no permissions\r\n";
    is_told(&mut stage, &cmd("PUBLISH a x"), refused, refused);
    is_told(&mut stage, &cmd(&format!("PUBLISH {long} x")), ":1\r\n", ":1\r\n");
    let large = array(&[b"PUBLISH", b"a", &vec![b'x'; 100_000]]);
    is_told(&mut stage, &large, ":1\r\n", ":1\r\n");
    // A client that is gone, and a server.
    let (gone, left) = (stage.client(), stage.client());
    stage.sends(gone, cmd(&format!("PUBLISH {long} x")));
    stage.closes(gone, CloseReason::Reset);
    stage.sends(left, cmd(&format!("PUBLISH {long} x")));
    let server = stage.server(0);
    stage.sends(server, ":1\r\n");
    stage.closes(server, CloseReason::Reset);
    stage.gets(left, "-ERR Connection reset by peer\r\n");
    stage.is_quiet();
}

#[test]
fn within_a_transaction_the_number_is_the_server_s() {
    let mut stage = Stage::new(redis(1));
    subscribes(&mut stage, "SUBSCRIBE", "a", true);
    subscribes(&mut stage, "SUBSCRIBE", "a", false);
    let client = stage.client();
    stage.sends(client, [cmd("MULTI"), cmd("PUBLISH a x"), cmd("EXEC")].concat());
    let server = stage.server(0);
    stage.gets(server, [cmd("MULTI"), cmd("PUBLISH a x"), cmd("EXEC")].concat());
    stage.sends(server, "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
    stage.gets(client, "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
}

#[test]
fn channels_of_different_servers_are_not_counted_at_once() {
    let mut stage = Stage::new(redis(2));
    let (here, there) = (stage.key(0, "c"), stage.key(1, "c"));
    let client = stage.client();
    stage.sends(client, cmd(&format!("PUBSUB NUMSUB {here} {there}")));
    let answer = stage.take(client);
    assert!(answer.starts_with(b"-CROSSSLOT "), "{}", answer.escape_ascii());
    stage.sends(client, cmd("PUBSUB NUMSUB"));
    let server = stage.owner("placeholder");
    let server = stage.server(server);
    stage.sends(server, "*0\r\n");
    stage.gets(client, "*0\r\n");
}
