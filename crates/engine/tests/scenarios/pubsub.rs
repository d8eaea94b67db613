//! Publish and subscribe: who listens to what, who is told, and what an end on either side leads to.

use std::time::Duration;

use nutcracker_engine::limits::PoolLimits;
use nutcracker_engine::stats::{LimitFigure, PoolFigure};
use nutcracker_engine::{CloseReason, ConnId, OnEject, Report};

use crate::stage::{Stage, bulk, cmd, ejection, redis};

/// What a server says of a change, and a RESP2 client is told.
fn told(verb: &str, name: &str, count: usize) -> Vec<u8> {
    let name = name.as_bytes();
    [b"*3\r\n".to_vec(), bulk(verb.as_bytes()), bulk(name), format!(":{count}\r\n").into()].concat()
}

fn message(channel: &str, payload: &str) -> Vec<u8> {
    [b"*3\r\n".to_vec(), bulk(b"message"), bulk(channel.as_bytes()), bulk(payload.as_bytes())]
        .concat()
}

/// A stage with one server and a client that is subscribed to the channel `a`.
fn subscribed() -> (Stage, ConnId, ConnId) {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("SUBSCRIBE a"));
    let listener = stage.server(0);
    stage.gets(listener, cmd("subscribe a"));
    stage.gets_nothing(client);
    stage.sends(listener, told("subscribe", "a", 1));
    stage.gets(client, told("subscribe", "a", 1));
    (stage, client, listener)
}

#[test]
fn a_client_is_told_when_the_server_listens_and_gets_what_is_published() {
    let (mut stage, client, listener) = subscribed();
    stage.sends(listener, [message("a", "one"), message("a", "two")].concat());
    stage.gets(client, [message("a", "one"), message("a", "two")].concat());
    stage.sends(client, cmd("UNSUBSCRIBE a"));
    stage.gets(client, told("unsubscribe", "a", 0));
    stage.gets(listener, cmd("unsubscribe a"));
    // On its way when the server was told.
    stage.sends(listener, message("a", "late"));
    stage.gets_nothing(client);
    stage.sends(listener, told("unsubscribe", "a", 0));
    stage.sends(client, cmd("PING"));
    stage.gets(client, "+PONG\r\n");
    stage.is_quiet();
    assert_eq!(stage.engine.poll_timeout(), None, "nothing is to be looked after");
}

#[test]
fn a_channel_is_heard_from_its_own_server_once_for_all_clients() {
    let mut stage = Stage::new(redis(3));
    let clients: Vec<_> = (0..5).map(|_| stage.client()).collect();
    let channel = stage.key(2, "news");
    for (n, &client) in clients.iter().enumerate() {
        stage.sends(client, cmd(&format!("SUBSCRIBE {channel}")));
        if n == 0 {
            let listener = stage.server(2);
            stage.gets(listener, cmd(&format!("subscribe {channel}")));
            stage.sends(listener, told("subscribe", &channel, 1));
        }
        stage.gets(client, told("subscribe", &channel, 1));
    }
    assert_eq!(
        (stage.conns_of(0).len(), stage.conns_of(1).len(), stage.conns_of(2).len()),
        (0, 0, 1)
    );
    let listener = stage.server(2);
    stage.gets_nothing(listener);
    stage.sends(listener, message(&channel, "hi"));
    for &client in &clients {
        stage.gets(client, message(&channel, "hi"));
    }
}

#[test]
fn a_pattern_is_asked_for_everywhere_and_confirmed_when_all_listen() {
    let mut stage = Stage::new(redis(3));
    let client = stage.client();
    stage.sends(client, cmd("PSUBSCRIBE n*"));
    for server in 0..3 {
        stage.gets_nothing(client);
        let listener = stage.server(server);
        stage.gets(listener, cmd("psubscribe n*"));
        stage.sends(listener, told("psubscribe", "n*", 1));
    }
    stage.gets(client, told("psubscribe", "n*", 1));
    let published =
        [b"*4\r\n".to_vec(), bulk(b"pmessage"), bulk(b"n*"), bulk(b"news"), bulk(b"hi")].concat();
    let listener = stage.server(1);
    stage.sends(listener, &published);
    stage.gets(client, published);
}

#[test]
fn several_names_are_confirmed_in_their_order_whatever_order_the_servers_answer_in() {
    let mut stage = Stage::new(redis(2));
    let client = stage.client();
    let (one, two) = (stage.key(0, "c"), stage.key(1, "c"));
    stage.sends(client, cmd(&format!("SUBSCRIBE {one} {two} {one}")));
    let (first, second) = (stage.server(0), stage.server(1));
    stage.sends(second, told("subscribe", &two, 1));
    stage.sends(second, message(&two, "early"));
    stage.gets_nothing(client);
    stage.sends(first, told("subscribe", &one, 1));
    let expected =
        [told("subscribe", &one, 1), told("subscribe", &two, 2), told("subscribe", &one, 2)];
    stage.gets(client, expected.concat());
    stage.sends(second, message(&two, "now"));
    stage.gets(client, message(&two, "now"));
    stage.sends(client, cmd("UNSUBSCRIBE"));
    let mut left = [one, two];
    let got = stage.take(client);
    // Redis ends them in no order of note.
    if got != [told("unsubscribe", &left[0], 1), told("unsubscribe", &left[1], 0)].concat() {
        left.reverse();
        assert_eq!(
            got,
            [told("unsubscribe", &left[0], 1), told("unsubscribe", &left[1], 0)].concat()
        );
    }
    stage.sends(client, cmd("UNSUBSCRIBE"));
    stage.gets(client, "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
}

#[test]
fn a_resp2_subscriber_may_ask_for_nothing_else() {
    let (mut stage, client, listener) = subscribed();
    stage.sends(client, [cmd("GET k"), cmd("PING"), cmd("SUBSCRIBE b")].concat());
    let refused = "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
                   are allowed in this context\r\n";
    stage.gets(client, [refused, "*2\r\n$4\r\npong\r\n$0\r\n\r\n"].concat());
    stage.gets(listener, cmd("subscribe b"));
    stage.sends(listener, told("subscribe", "b", 2));
    stage.gets(client, told("subscribe", "b", 2));
    stage.sends(client, [cmd("UNSUBSCRIBE a b"), cmd("GET k")].concat());
    stage.gets(client, [told("unsubscribe", "a", 1), told("unsubscribe", "b", 0)].concat());
    let server = stage.server(0);
    assert_ne!(server, listener);
    stage.gets(server, cmd("GET k"));
}

#[test]
fn a_request_to_subscribe_waits_for_those_before_it() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    assert!(!stage.sends(client, [cmd("GET k"), cmd("SUBSCRIBE a")].concat()), "it is paused");
    let server = stage.server(0);
    assert_eq!(stage.conns_of(0).len(), 1);
    stage.sends(server, "$1\r\nv\r\n");
    stage.gets(client, "$1\r\nv\r\n");
    assert_eq!(stage.conns_of(0).len(), 2);
    let listener = stage.server(0);
    stage.sends(listener, told("subscribe", "a", 1));
    stage.gets(client, told("subscribe", "a", 1));
}

#[test]
fn a_conn_that_ends_is_opened_anew_and_asks_for_all_it_heard() {
    let (mut stage, client, listener) = subscribed();
    stage.closes(listener, CloseReason::Eof);
    assert_eq!(stage.conns_of(0).len(), 1);
    stage.passes(101);
    let again = stage.server(0);
    assert_ne!(again, listener);
    stage.gets(again, cmd("subscribe a"));
    stage.sends(again, told("subscribe", "a", 1));
    stage.gets_nothing(client);
    stage.sends(again, message("a", "hi"));
    stage.gets(client, message("a", "hi"));
}

#[test]
fn who_subscribes_while_a_conn_is_awaited_has_it_opened_for_all() {
    let (mut stage, client, listener) = subscribed();
    stage.closes(listener, CloseReason::Eof);
    let other = stage.client();
    stage.sends(other, cmd("SUBSCRIBE b"));
    let again = stage.server(0);
    assert_ne!(again, listener, "nobody waits for the time of the next");
    stage.gets(again, [cmd("subscribe a"), cmd("subscribe b")].concat());
    stage.sends(again, [told("subscribe", "a", 1), told("subscribe", "b", 2)].concat());
    stage.gets_nothing(client);
    stage.gets(other, told("subscribe", "b", 1));
    stage.passes(10_000);
    stage.sends(again, [message("a", "hi"), message("b", "ho")].concat());
    stage.gets(client, message("a", "hi"));
    stage.gets(other, message("b", "ho"));
}

#[test]
fn a_conn_that_ends_while_nobody_is_subscribed_leaves_nothing_to_be_looked_after() {
    for ends_first in [false, true] {
        let mut stage = Stage::new(redis(2));
        let (one, other) = (stage.key(0, "a"), stage.key(1, "b"));
        let client = stage.client();
        stage.sends(client, cmd(&format!("SUBSCRIBE {one}")));
        let listener = stage.server(0);
        if ends_first {
            stage.closes(listener, CloseReason::Reset);
        }
        stage.sends(client, cmd(&format!("UNSUBSCRIBE {one}")));
        if !ends_first {
            stage.closes(listener, CloseReason::Reset);
        }
        assert_eq!(stage.engine.poll_timeout(), None, "nobody is subscribed");
        stage.now += Duration::from_secs(60);
        stage.sends(client, cmd(&format!("SUBSCRIBE {other}")));
        let due = stage.engine.poll_timeout();
        assert!(due.is_some_and(|due| due > stage.now), "what is due is in the future");
    }
}

#[test]
fn a_server_that_does_not_answer_is_given_up_though_nobody_is_subscribed_any_more() {
    let mut config = redis(1);
    config.timeout = Some(Duration::from_millis(100));
    let mut stage = Stage::new(config);
    let client = stage.client();
    stage.sends(client, cmd("SUBSCRIBE a"));
    let listener = stage.server(0);
    stage.closes(client, CloseReason::Reset);
    stage.passes(50);
    assert!(!stage.is_closed(listener));
    stage.passes(51);
    assert!(stage.is_closed(listener), "the next who subscribes gets another conn");
    assert_eq!(stage.engine.poll_timeout(), None);
}

#[test]
fn attempts_to_listen_again_come_less_and_less_often() {
    let (mut stage, _, listener) = subscribed();
    stage.servers_accept = false;
    stage.closes(listener, CloseReason::Refused);
    for wait_ms in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
        let before = stage.conns_of(0).len();
        stage.passes(wait_ms - 2);
        assert_eq!(stage.conns_of(0).len(), before, "before {wait_ms} ms");
        stage.passes(3);
        assert_eq!(stage.conns_of(0).len(), before + 1, "after {wait_ms} ms");
        let conn = stage.server(0);
        stage.closes(conn, CloseReason::Refused);
    }
}

#[test]
fn who_waits_for_a_server_that_is_not_there_is_told_at_once() {
    let mut stage = Stage::new(redis(1));
    stage.servers_accept = false;
    let client = stage.client();
    stage.sends(client, cmd("SUBSCRIBE a b"));
    let listener = stage.server(0);
    stage.closes(listener, CloseReason::Refused);
    stage.gets(client, "-ERR Connection refused\r\n");
    assert_eq!(stage.figure(PoolFigure::ForwardError), 1);
    stage.sends(client, cmd("PING"));
    stage.gets(client, "+PONG\r\n");
    stage.is_quiet();
    stage.passes(60_000);
    assert_eq!(stage.conns_of(0).len(), 1, "nobody is subscribed");
}

#[test]
fn a_server_that_does_not_answer_is_given_up_after_the_timeout() {
    let mut config = redis(1);
    config.timeout = Some(Duration::from_millis(400));
    let mut stage = Stage::new(config);
    let client = stage.client();
    stage.sends(client, cmd("SUBSCRIBE a"));
    stage.passes(399);
    stage.gets_nothing(client);
    stage.passes(2);
    stage.gets(client, "-ERR Connection timed out\r\n");
    stage.is_quiet();
}

#[test]
fn a_silent_server_is_asked_whether_it_is_there() {
    let (mut stage, _, listener) = subscribed();
    stage.passes(10_001);
    stage.gets(listener, cmd("PING"));
    stage.sends(listener, "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    stage.passes(10_001);
    stage.gets(listener, cmd("PING"));
    stage.passes(10_001);
    assert!(stage.is_closed(listener));
}

#[test]
fn a_server_s_refusal_is_told_in_its_words() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("SSUBSCRIBE a"));
    let listener = stage.server(0);
    stage.gets(listener, cmd("ssubscribe a"));
    stage.sends(listener, "-ERR unknown command 'ssubscribe'\r\n");
    stage.gets(client, "-ERR unknown command 'ssubscribe'\r\n");
    stage.sends(client, cmd("PING"));
    stage.gets(client, "+PONG\r\n");
}

#[test]
fn a_client_that_leaves_takes_its_subscriptions_along() {
    let (mut stage, client, listener) = subscribed();
    let other = stage.client();
    stage.sends(other, cmd("SUBSCRIBE a"));
    stage.gets(other, told("subscribe", "a", 1));
    stage.closes(client, CloseReason::Reset);
    stage.gets_nothing(listener);
    stage.closes(other, CloseReason::Eof);
    stage.gets(listener, cmd("unsubscribe a"));
    stage.sends(listener, told("unsubscribe", "a", 0));
    assert_eq!(stage.engine.poll_timeout(), None);
    // In the middle of a request to subscribe, too.
    let third = stage.client();
    stage.sends(third, cmd("SUBSCRIBE b"));
    stage.closes(third, CloseReason::Reset);
    stage.gets(listener, [cmd("subscribe b"), cmd("unsubscribe b")].concat());
    stage.sends(listener, [told("subscribe", "b", 1), told("unsubscribe", "b", 0)].concat());
    stage.is_quiet();
}

#[test]
fn a_subscription_begun_anew_is_confirmed_by_its_own_answer() {
    let mut stage = Stage::new(redis(1));
    let (one, two) = (stage.client(), stage.client());
    stage.sends(one, cmd("SUBSCRIBE a"));
    stage.closes(one, CloseReason::Reset);
    stage.sends(two, cmd("SUBSCRIBE a"));
    let listener = stage.server(0);
    stage.gets(listener, [cmd("subscribe a"), cmd("unsubscribe a"), cmd("subscribe a")].concat());
    stage.sends(listener, [told("subscribe", "a", 1), told("unsubscribe", "a", 0)].concat());
    stage.gets_nothing(two);
    stage.sends(listener, told("subscribe", "a", 1));
    stage.gets(two, told("subscribe", "a", 1));
}

#[test]
fn a_subscriber_that_does_not_read_is_closed_and_the_others_are_served() {
    let (mut stage, slow, listener) = subscribed();
    let quick = stage.client();
    stage.sends(quick, cmd("SUBSCRIBE a"));
    stage.take(quick);
    stage.clogs(slow, 0);
    let large = message("a", &"x".repeat(1_000_000));
    let mut sent = 0;
    let unsent_max = PoolLimits::default().subscriber_unsent_bytes;
    while !stage.is_closed(slow) {
        assert!(sent <= unsent_max + 2 * large.len(), "{sent} bytes");
        stage.sends(listener, &large);
        stage.gets(quick, &large);
        sent += large.len();
    }
    assert_eq!(stage.limit(LimitFigure::SubscriberClosed), 1);
    let told = stage.reports.iter().any(|it| {
        matches!(it, Report::SubscriberTooSlow { conn, client, .. }
            if *conn == slow && client.to_string() == "127.0.0.1:50000 (id 1)")
    });
    assert!(told, "{:?}", stage.reports);
    stage.sends(listener, message("a", "hi"));
    stage.gets(quick, message("a", "hi"));
}

#[test]
fn channels_follow_the_ring_when_a_server_leaves_and_when_it_returns() {
    let mut config = redis(2);
    config.ejection = ejection(1, 5_000);
    let mut stage = Stage::new(config);
    let client = stage.client();
    let channel = stage.key(1, "news");
    stage.sends(client, cmd(&format!("SUBSCRIBE {channel}")));
    let listener = stage.server(1);
    stage.sends(listener, told("subscribe", &channel, 1));
    stage.take(client);
    stage.closes(listener, CloseReason::Reset);
    stage.passes(1_000);
    let refuge = stage.server(0);
    stage.gets(refuge, cmd(&format!("subscribe {channel}")));
    stage.sends(refuge, told("subscribe", &channel, 1));
    stage.sends(refuge, message(&channel, "hi"));
    stage.gets(client, message(&channel, "hi"));
    stage.passes(4_001);
    let probe = stage.server(1);
    stage.gets(probe, cmd("PING"));
    stage.sends(probe, "+PONG\r\n");
    stage.passes(1_001);
    let back = stage.server(1);
    assert_ne!(back, probe);
    stage.gets(back, cmd(&format!("subscribe {channel}")));
    stage.gets(refuge, cmd(&format!("unsubscribe {channel}")));
}

#[test]
fn a_server_that_speaks_unasked_is_closed() {
    for said in ["+OK\r\n:1\r\n", ":1\r\n", "$-1\r\n", "*0\r\n"] {
        let (mut stage, _, listener) = subscribed();
        stage.sends(listener, said);
        assert!(stage.is_closed(listener), "{said:?}");
        stage.passes(101);
        let again = stage.server(0);
        stage.gets(again, cmd("subscribe a"));
    }
}

#[test]
fn a_server_that_keeps_silent_is_given_up_though_nobody_is_subscribed_any_more() {
    let mut config = redis(1);
    config.timeout = Some(Duration::from_millis(400));
    let mut stage = Stage::new(config);
    let one = stage.client();
    stage.sends(one, cmd("SUBSCRIBE a"));
    let silent = stage.server(0);
    stage.passes(100);
    stage.closes(one, CloseReason::Reset);
    stage.passes(299);
    assert!(!stage.is_closed(silent), "it has time until its first answer is due");
    stage.passes(2);
    assert!(stage.is_closed(silent));
    assert_eq!(stage.engine.poll_timeout(), None, "nobody needs another");
    // The next one who subscribes finds no question that is late already.
    stage.passes(10_000);
    let two = stage.client();
    stage.sends(two, cmd("SUBSCRIBE b"));
    let listener = stage.server(0);
    stage.gets(listener, cmd("subscribe b"));
    stage.sends(listener, told("subscribe", "b", 1));
    stage.gets(two, told("subscribe", "b", 1));
}

#[test]
fn a_conn_that_nobody_needs_is_not_opened_anew_later_for_somebody_else() {
    let mut stage = Stage::new(redis(2));
    let one = stage.client();
    stage.sends(one, cmd("PSUBSCRIBE a*"));
    let (first, second) = (stage.server(0), stage.server(1));
    stage.closes(first, CloseReason::Reset);
    stage.gets(one, "-ERR Connection reset by peer\r\n");
    stage.closes(second, CloseReason::Reset);
    assert_eq!(stage.engine.poll_timeout(), None, "nobody is subscribed");
    stage.passes(10_000);
    // The other server's conn is nobody's affair, however long ago it ended.
    let two = stage.client();
    let channel = stage.key(1, "news");
    stage.sends(two, cmd(&format!("SUBSCRIBE {channel}")));
    let due = stage.engine.poll_timeout().expect("the server's answer is awaited");
    assert!(due > stage.now, "nothing is due yet");
    stage.passes(1_000);
    assert_eq!((stage.conns_of(0).len(), stage.conns_of(1).len()), (1, 2), "with the first ones");
}

#[test]
fn a_subscription_that_is_refused_in_two_lines_is_answered_in_one() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("SUBSCRIBE a"));
    let listener = stage.server(0);
    stage.sends(listener, "-ERR not\nhere\r\n");
    stage.gets(client, "-ERR not here\r\n");
}

#[test]
fn where_ejection_means_failure_a_channel_of_another_server_can_be_subscribed_to() {
    // Whichever of them a key of no bytes belongs to.
    for ejected in 0..2 {
        let mut config = redis(2);
        config.ejection = ejection(1, 500);
        config.ejection.as_mut().expect("it ejects").on_eject = OnEject::Fail;
        let mut stage = Stage::new(config);
        let (dead, well) = (stage.key(ejected, "news"), stage.key(1 - ejected, "news"));
        let client = stage.client();
        stage.sends(client, cmd(&format!("GET {dead}")));
        stage.closes(stage.server(ejected), CloseReason::Reset);
        stage.take(client);

        stage.sends(client, cmd(&format!("SUBSCRIBE {well}")));
        let listener = stage.server(1 - ejected);
        stage.gets(listener, cmd(&format!("subscribe {well}")));
        stage.sends(listener, told("subscribe", &well, 1));
        stage.gets(client, told("subscribe", &well, 1));

        let other = stage.client();
        for names in [dead.clone(), format!("{well} {dead}")] {
            stage.sends(other, cmd(&format!("SUBSCRIBE {names}")));
            stage.gets(other, "-ERR Server is ejected\r\n");
        }
        stage.sends(other, cmd("PING"));
        stage.gets(other, "+PONG\r\n");
    }
}
