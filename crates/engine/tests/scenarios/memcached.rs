//! What only memcached has: silence, and answers that come early.

use nutcracker_engine::limits::PoolLimits;
use nutcracker_engine::stats::LimitFigure;
use nutcracker_engine::stats::ServerFigure;
use nutcracker_engine::{CloseReason, limits};

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
fn a_server_with_too_much_queued_answers_new_requests_with_an_error_at_once() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, "get a\r\n");
    let server = stage.server(0);
    stage.clogs(server, 0);
    // Silent ones, which no count of outstanding requests holds back.
    let set = format!("set k 0 0 1000000 noreply\r\n{}\r\n", "x".repeat(1_000_000));
    for _ in 0..=PoolLimits::default().server_queue_bytes / 1_000_000 {
        stage.sends(client, &set);
    }
    let other = stage.client();
    stage.sends(other, "get b\r\n");
    stage.gets(other, "SERVER_ERROR Server queue is full\r\n");
    assert_eq!(stage.limit(LimitFigure::ServerQueueFull), 1);
    stage.closes(server, CloseReason::Reset);
    stage.gets(client, "SERVER_ERROR Connection reset by peer\r\n");
    stage.is_quiet();
}
