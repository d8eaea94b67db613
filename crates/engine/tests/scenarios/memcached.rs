//! What only memcached has: silence, and answers that come early.

use nutcracker_engine::limits::PoolLimits;
use nutcracker_engine::stats::LimitFigure;
use nutcracker_engine::stats::ServerFigure;
use nutcracker_engine::{CloseReason, PoolConfig, limits};

use crate::stage::{Stage, memcached};

#[test]
fn a_noreply_is_left_out_and_its_response_discarded() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, "set a 0 0 1 noreply\r\nx\r\nget a\r\ndelete a noreply\r\nincr n 1\r\n");
    let server = stage.server(0);
    stage.gets(server, "set a 0 0 1\r\nx\r\nget a\r\ndelete a\r\nincr n 1\r\n");
    stage.sends(server, "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\nDELETED\r\n7\r\n");
    stage.gets(client, "VALUE a 0 1\r\nx\r\nEND\r\n7\r\n");
    stage.is_quiet();
}

#[test]
fn a_noreply_that_fails_is_failed_in_silence() {
    let mut stage = Stage::new(memcached(1));
    stage.servers_accept = false;
    let client = stage.client();
    stage.sends(client, "set a 0 0 1 noreply\r\nx\r\nget a\r\n");
    let server = stage.server(0);
    stage.closes(server, CloseReason::Refused);
    stage.gets(client, "SERVER_ERROR Connection refused\r\n");
    stage.is_quiet();
}

#[test]
fn a_bad_noreply_is_refused_in_silence() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, "set a x 0 1 noreply\r\nx\r\nbogus\r\n");
    stage.gets(client, "ERROR\r\n");
    stage.sends(client, "get a\r\nset a x 0 1 noreply\r\nx\r\nbogus\r\n");
    stage.closes(client, CloseReason::Eof);
    let server = stage.server(0);
    stage.sends(server, "END\r\n");
    stage.gets(client, "END\r\nERROR\r\n");
    assert!(stage.is_closed(client));
    stage.is_quiet();
}

// memcached 1.6.40 and later answer ERROR to a line that begins with one, and run the data behind it.
#[test]
fn spaces_before_a_name_are_not_sent() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, "  set a 0 0 11\r\nflush_all\r\n\r\n   ");
    let server = stage.server(0);
    stage.gets(server, "set a 0 0 11\r\nflush_all\r\n\r\n");
    stage.sends(client, " ");
    stage.sends(client, " ms a 2\r\n  \r\n  get  a\r\n  \r\n");
    stage.gets(server, "ms a 2\r\n  \r\nget  a\r\n");
    stage.sends(server, "STORED\r\nHD\r\nEND\r\n");
    stage.gets(client, "STORED\r\nHD\r\nEND\r\nERROR\r\n");
    stage.is_quiet();
}

/// A stage whose clients may have so many requests outstanding.
fn limited(servers: usize, client_requests: u32) -> Stage {
    let limits = PoolLimits { client_requests, ..PoolLimits::default() };
    Stage::new(PoolConfig { limits, ..memcached(servers) })
}

/// Sets of `keys`, as clients send them that want no response.
fn quiet_sets(keys: std::ops::Range<u32>) -> String {
    keys.map(|key| format!("set {key} 0 0 1 noreply\r\nx\r\n")).collect()
}

/// The same as servers get them.
fn sets(keys: std::ops::Range<u32>) -> String {
    quiet_sets(keys).replace(" noreply", "")
}

#[test]
fn a_client_with_too_many_noreplies_outstanding_is_read_again_at_half() {
    let mut stage = limited(1, 4);
    let (client, other) = (stage.client(), stage.client());
    assert!(!stage.sends(client, quiet_sets(0..12)), "the socket is not to be read on");
    assert_eq!(stage.limit(LimitFigure::ClientPaused), 1);
    let server = stage.server(0);
    stage.gets(server, sets(0..4));
    stage.sends(other, "get a\r\n");
    stage.gets(server, "get a\r\n");
    stage.sends(server, "STORED\r\n");
    stage.gets_nothing(server);
    stage.sends(server, "SERVER_ERROR out of memory storing object\r\n");
    stage.gets(server, sets(4..6));
    // Those that fail are ended as well.
    stage.closes(server, CloseReason::Reset);
    stage.gets(other, "SERVER_ERROR Connection reset by peer\r\n");
    let server = stage.server(0);
    stage.gets(server, sets(6..10));
    stage.sends(server, "STORED\r\n");
    assert!(!stage.engine.may_read(client) && stage.reads.is_empty());
    stage.sends(server, "STORED\r\n");
    assert_eq!(stage.reads, [client]);
    stage.gets(server, sets(10..12));
    stage.sends(server, "STORED\r\n".repeat(4));
    stage.gets_nothing(client);
    stage.is_quiet();
}

#[test]
fn noreplies_and_others_count_together_and_no_response_waits_for_a_noreply() {
    let mut stage = limited(2, 4);
    let (slow, fast) = (stage.key(0, "a"), stage.key(1, "b"));
    let client = stage.client();
    let quiet = format!("delete {slow} noreply\r\n");
    let aloud = format!("get {fast}\r\n");
    stage.sends(client, [quiet.as_str(), &aloud].concat().repeat(3));
    let (frozen, server) = (stage.server(0), stage.server(1));
    stage.gets(server, aloud.repeat(2));
    // Nothing more is due to it, so nothing of it waits for another turn.
    stage.engine.set_turns_follow(true);
    stage.sends(server, "END\r\n".repeat(2));
    stage.gets(client, "END\r\n".repeat(2));
    stage.gets(server, &aloud);
    stage.sends(server, "END\r\n");
    stage.gets(client, "END\r\n");
    stage.gets(frozen, quiet.repeat(3).replace(" noreply", ""));
    stage.sends(frozen, "DELETED\r\n".repeat(3));
    stage.gets_nothing(client);
    stage.is_quiet();
}

#[test]
fn who_leaves_right_after_its_noreplies_loses_none_and_waits_for_none() {
    let mut stage = limited(1, 4);
    let client = stage.client();
    stage.sends(client, quiet_sets(0..8));
    let server = stage.server(0);
    stage.clogs(server, 0);
    stage.sends(server, "STORED\r\n".repeat(4));
    assert_eq!(stage.reads, [client]);
    stage.closes(client, CloseReason::Eof);
    assert!(stage.is_closed(client), "nothing is due to it");
    // Whoever has its place now is not held back for it.
    let next = stage.client();
    stage.sends(next, quiet_sets(8..11));
    stage.unclogs(server);
    stage.gets(server, sets(0..11));
    stage.sends(server, "STORED\r\n".repeat(4));
    stage.sends(next, "get a\r\n");
    stage.gets(server, "get a\r\n");
    stage.sends(server, ["STORED\r\n".repeat(3).as_str(), "END\r\n"].concat());
    stage.gets(next, "END\r\n");
    stage.is_quiet();
}

#[test]
fn a_stop_waits_for_noreplies_and_their_client_does_not() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, quiet_sets(0..3));
    let server = stage.server(0);
    stage.clogs(server, 0);
    stage.sends(client, quiet_sets(3..5));
    stage.engine.drain();
    stage.turns();
    assert!(stage.is_closed(client));
    assert_eq!(stage.engine.outstanding(), (5, 0), "what a worker stays for");
    stage.unclogs(server);
    stage.gets(server, sets(0..5));
    stage.sends(server, "STORED\r\n".repeat(5));
    assert_eq!(stage.engine.outstanding(), (0, 0));
    stage.is_quiet();
}

#[test]
fn a_noreply_to_all_servers_is_outstanding_at_each() {
    let limits = PoolLimits { client_requests: 2, ..PoolLimits::default() };
    let mut stage = Stage::new(PoolConfig { allow_flush: true, limits, ..memcached(3) });
    let client = stage.client();
    stage.sends(client, "flush_all noreply\r\nmn\r\n");
    for at in 0..3 {
        let server = stage.server(at);
        stage.gets(server, "flush_all\r\n");
        stage.sends(server, "OK\r\n");
        // Half of what it may have outstanding is left.
        stage.gets(client, if at == 1 { "MN\r\n" } else { "" });
    }
    stage.is_quiet();
}

#[test]
fn the_key_noreply_is_deleted_in_words_that_every_server_answers() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage
        .sends(client, "delete noreply\r\ndelete noreply noreply\r\ndelete noreply 0\r\nget a\r\n");
    let server = stage.server(0);
    stage.gets(server, "delete noreply 0\r\ndelete noreply 0\r\ndelete noreply 0\r\nget a\r\n");
    stage.sends(server, "DELETED\r\nNOT_FOUND\r\nNOT_FOUND\r\nEND\r\n");
    stage.gets(client, "DELETED\r\nNOT_FOUND\r\nEND\r\n");
    stage.is_quiet();
}

#[test]
fn a_response_before_the_request_is_wholly_sent_is_its_own_and_the_rest_still_goes_out() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, "get a\r\n");
    let server = stage.server(0);
    stage.sends(server, "END\r\n");
    stage.take(server);
    stage.gets(client, "END\r\n");

    let (line, data) = ("set big 0 0 50000\r\n", format!("{}\r\n", "x".repeat(50_000)));
    stage.clogs(server, 1_000);
    stage.sends(client, format!("{line}{data}get b\r\n"));
    assert_eq!(stage.server_figure(0, ServerFigure::InQueue), 2);
    stage.sends(server, "SERVER_ERROR object too large for cache\r\n");
    stage.gets(client, "SERVER_ERROR object too large for cache\r\n");
    assert_eq!(stage.server_figure(0, ServerFigure::InQueue), 1);
    assert!(!stage.is_closed(server));
    stage.takes(server, 49_021);
    assert_eq!(stage.server_figure(0, ServerFigure::InQueue), 1, "its turn has not come");
    stage.unclogs(server);
    assert_eq!(stage.server_figure(0, ServerFigure::OutQueue), 1);
    stage.gets(server, format!("{line}{data}get b\r\n"));
    stage.sends(server, "END\r\n");
    stage.gets(client, "END\r\n");
    stage.is_quiet();
}

#[test]
fn a_value_that_comes_in_pieces_is_one_response() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, "get a\r\n");
    let server = stage.server(0);
    let data = "END\r\n".repeat(limits::RECV_BYTES / 3);
    let response = format!("VALUE a 0 {}\r\n{data}\r\nEND\r\n", data.len());
    for piece in response.as_bytes().chunks(7_777) {
        stage.gets_nothing(client);
        stage.sends(server, piece);
    }
    stage.gets(client, response);
    stage.is_quiet();
}

#[test]
fn errors_are_told_in_memcached_s_words() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, "get a\r\nversion\r\n");
    let server = stage.server(0);
    stage.closes(server, CloseReason::Reset);
    stage.gets(client, "SERVER_ERROR Connection reset by peer\r\n".repeat(2));
    stage.sends(client, "get a\r\nquit\r\n");
    let server = stage.server(0);
    stage.sends(server, "END\r\n");
    stage.gets(client, "END\r\n");
    assert!(stage.is_closed(client));
}

#[test]
fn a_stuck_server_with_too_much_queued_answers_new_requests_with_an_error_at_once() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, "get a\r\n");
    let server = stage.server(0);
    stage.clogs(server, 0);
    // Fewer than it may have outstanding.
    let set = format!("set k 0 0 1000000 noreply\r\n{}\r\n", "x".repeat(1_000_000));
    stage.sends(client, &set);
    stage.passes(limits::ROOM_PATIENCE.as_millis() as u64 + 1);
    let fit = PoolLimits::default().server_queue_bytes / 1_000_000;
    for _ in 0..fit {
        assert!(stage.sends(client, &set), "nobody waits for who is stuck");
    }
    let other = stage.client();
    stage.sends(other, "get b\r\n");
    stage.gets(other, "SERVER_ERROR Server queue is full\r\n");
    assert_eq!(stage.limit(LimitFigure::ServerQueueFull), 1);
    stage.closes(server, CloseReason::Reset);
    stage.gets(client, "SERVER_ERROR Connection reset by peer\r\n");
    stage.is_quiet();
}

#[test]
fn a_quiet_request_is_asked_aloud_and_its_nominal_response_is_withheld_in_its_place() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, "mg a v q\r\nmg b v q k\r\nms c 1 q\r\nx\r\nmd d q\r\nma e q v\r\nmn\r\n");
    let server = stage.server(0);
    stage.gets(server, "mg a v\r\nmg b v k\r\nms c 1\r\nx\r\nmd d\r\nma e v\r\n");
    stage.sends(server, "EN\r\n");
    stage.gets_nothing(client);
    stage.sends(server, "VA 1 kb\r\ny\r\nHD\r\nHD\r\n");
    stage.gets(client, "VA 1 kb\r\ny\r\n");
    stage.sends(server, "VA 1\r\n7\r\n");
    stage.gets(client, "MN\r\n");
    stage.is_quiet();
}

#[test]
fn what_is_not_nominal_is_told_in_quiet_mode_too() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage
        .sends(client, "ms a 1 q\r\nx\r\nms a 1 q C9\r\nx\r\nmd b q\r\nmg c q\r\nma d q\r\nmn\r\n");
    let server = stage.server(0);
    stage.sends(server, "NS\r\nEX\r\nNF\r\nHD\r\nCLIENT_ERROR no number\r\n");
    stage.gets(client, "NS\r\nEX\r\nNF\r\nHD\r\nCLIENT_ERROR no number\r\nMN\r\n");
    stage.sends(client, "mg a q\r\nmn\r\n");
    stage.closes(server, CloseReason::Reset);
    stage.gets(client, "SERVER_ERROR Connection reset by peer\r\nMN\r\n");
    stage.is_quiet();
}

#[test]
fn a_key_in_base64_belongs_where_the_key_that_it_stands_for_belongs() {
    for (plain, encoded) in [("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("key1", "a2V5MQ==")] {
        let mut stage = Stage::new(memcached(4));
        let client = stage.client();
        let requests = format!("get {plain}\r\nmg {encoded} b v\r\n");
        stage.sends(client, &requests);
        let at = (0..4).find(|&server| !stage.conns_of(server).is_empty()).expect("one was asked");
        let server = stage.server(at);
        stage.gets(server, requests);
        stage.sends(server, "END\r\nEN\r\n");
        stage.gets(client, "END\r\nEN\r\n");
    }
}

#[test]
fn verbosity_and_the_barrier_are_answered_here() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, "verbosity 1\r\nverbosity 1 noreply\r\nmn\r\nslabs reassign 1 2\r\n");
    stage.gets(
        client,
        "OK\r\nMN\r\nCLIENT_ERROR not served: servers are administered one by one, not through a proxy\r\n",
    );
    stage.is_quiet();
}

#[test]
fn the_binary_protocol_is_refused_in_its_own_framing() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    let mut header = [0_u8; 24];
    (header[0], header[1], header[15]) = (0x80, 0x0b, 7);
    stage.sends(client, &header[..10]);
    stage.gets_nothing(client);
    stage.sends(client, &header[10..]);
    let text = b"the binary protocol is not served; use the text protocol";
    let mut answer = vec![0x81, 0x0b, 0, 0, 0, 0, 0, 0x81, 0, 0, 0, text.len() as u8, 0, 0, 0, 7];
    answer.extend_from_slice(&[0; 8]);
    answer.extend_from_slice(text);
    stage.gets(client, answer);
    assert!(stage.is_closed(client));
}
