//! Servers whose name has come to mean another address, while their conns are in use.

use std::sync::Arc;

use nutcracker_engine::stats::{FaultFigure, ServerFigure};
use nutcracker_engine::{CloseReason, Report, Room};

use crate::stage::{POOL, Stage, cmd, ejection, memcached, redis};

fn moved(stage: &Stage) -> i64 {
    stage.stats.pools[0].fault(FaultFigure::ServerMoved).get()
}

#[test]
fn what_is_outstanding_ends_on_the_old_conn_and_others_go_to_the_new_one() {
    let mut stage = Stage::new(redis(1));
    let (early, late) = (stage.client(), stage.client());
    stage.sends(early, cmd("STRLEN a"));
    let old = stage.server(0);
    stage.gets(old, cmd("STRLEN a"));

    stage.moves(old);
    let new = stage.server(0);
    assert_ne!(old, new);
    stage.sends(late, cmd("STRLEN b"));
    stage.gets(new, cmd("STRLEN b"));
    stage.sends(new, ":2\r\n");
    stage.gets(late, ":2\r\n");

    assert!(!stage.is_closed(old), "a response is to come");
    stage.sends(old, ":1\r\n");
    stage.gets(early, ":1\r\n");
    assert!(stage.is_closed(old) && !stage.is_closed(new));
    stage.sends(early, cmd("STRLEN c"));
    stage.gets(new, cmd("STRLEN c"));
    stage.sends(new, ":3\r\n");
    stage.gets(early, ":3\r\n");
    assert_eq!(moved(&stage), 1);
    assert!(matches!(stage.reports[..], [Report::Moved { pool: POOL, .. }]), "{:?}", stage.reports);
    assert_eq!(stage.server_figure(0, ServerFigure::ServerConnections), 1);
    for figure in [ServerFigure::ServerErr, ServerFigure::ServerEof] {
        assert_eq!(stage.server_figure(0, figure), 0, "{}", figure.name());
    }
    stage.is_quiet();
}

#[test]
fn a_client_follows_when_its_requests_on_the_old_conn_are_answered() {
    for request in ["STRLEN a", "EXISTS a b", "DEL a b"] {
        let mut stage = Stage::new(redis(1));
        let client = stage.client();
        stage.sends(client, cmd(request));
        let old = stage.server(0);
        stage.take(old);
        stage.moves(old);
        let new = stage.server(0);
        // Two conns know no order between them.
        stage.sends(client, [cmd("SET a 1"), cmd("STRLEN a")].concat());
        stage.gets_nothing(new);
        stage.sends(old, ":1\r\n");
        stage.gets(client, ":1\r\n");
        stage.gets(new, [cmd("SET a 1"), cmd("STRLEN a")].concat());
        stage.sends(new, "+OK\r\n:1\r\n");
        stage.gets(client, "+OK\r\n:1\r\n");
        stage.is_quiet();
    }
}

#[test]
fn a_request_whose_client_has_gone_holds_nobody_back() {
    for request in ["STRLEN a", "MGET a b"] {
        let mut stage = Stage::new(redis(1));
        let (gone, other) = (stage.client(), stage.client());
        stage.sends(gone, cmd(request));
        let old = stage.server(0);
        stage.take(old);
        // The server is silent, and the client gives up.
        stage.closes(gone, CloseReason::Reset);
        stage.moves(old);
        let new = stage.server(0);
        stage.sends(other, cmd("STRLEN b"));
        stage.gets(new, cmd("STRLEN b"));
        stage.sends(new, ":2\r\n");
        stage.gets(other, ":2\r\n");
    }
}

#[test]
fn a_split_request_holds_its_client_back_as_well() {
    let mut stage = Stage::new(redis(2));
    let (here, there) = (stage.key(0, "a"), stage.key(1, "b"));
    let client = stage.client();
    stage.sends(client, cmd(&format!("MGET {here} {there}")));
    let (old, other) = (stage.server(0), stage.server(1));
    stage.take(old);
    stage.moves(old);
    let new = stage.server(0);
    stage.sends(client, cmd(&format!("STRLEN {here}")));
    stage.sends(other, "*1\r\n:2\r\n");
    stage.gets_nothing(new);
    stage.sends(old, "*1\r\n:1\r\n");
    stage.gets(client, "*2\r\n:1\r\n:2\r\n");
    stage.gets(new, cmd(&format!("STRLEN {here}")));
    stage.sends(new, ":1\r\n");
    stage.is_quiet();
}

#[test]
fn a_request_that_wants_no_response_holds_its_client_back_as_well() {
    let mut stage = Stage::new(memcached(1));
    let (client, other) = (stage.client(), stage.client());
    stage.sends(client, "set k 0 0 1 noreply\r\n1\r\n");
    let old = stage.server(0);
    stage.gets(old, "set k 0 0 1\r\n1\r\n");
    stage.moves(old);
    let new = stage.server(0);
    stage.sends(client, "get k\r\n");
    stage.gets_nothing(new);
    stage.sends(other, "get k\r\n");
    stage.gets(new, "get k\r\n");
    stage.sends(new, "END\r\n");
    stage.gets(other, "END\r\n");
    stage.sends(old, "STORED\r\n");
    assert!(stage.is_closed(old));
    stage.gets(new, "get k\r\n");
    stage.sends(new, "VALUE k 0 1\r\n1\r\nEND\r\n");
    stage.gets(client, "VALUE k 0 1\r\n1\r\nEND\r\n");
    stage.is_quiet();

    // An old conn that breaks lets it go, too.
    stage.sends(client, "set k 0 0 1 noreply\r\n2\r\n");
    let (old, _) = (new, stage.moves(new));
    let new = stage.server(0);
    stage.sends(client, "get k\r\n");
    stage.closes(old, CloseReason::Reset);
    stage.gets(new, "get k\r\n");
    stage.sends(new, "END\r\n");
    stage.gets(client, "END\r\n");
    // One whose client has left holds nobody back.
    stage.sends(client, "set k 0 0 1 noreply\r\n3\r\n");
    stage.closes(client, CloseReason::Eof);
    let (old, _) = (new, stage.moves(new));
    let new = stage.server(0);
    stage.sends(other, "get k\r\n");
    stage.gets(new, "get k\r\n");
    stage.sends(new, "END\r\n");
    stage.gets(other, "END\r\n");
    stage.sends(old, "STORED\r\n");
    assert!(stage.is_closed(old));
    stage.is_quiet();
}

#[test]
fn the_old_conn_serves_until_the_new_one_has_greeted() {
    let mut config = redis(1);
    config.password = Some(b"secret".as_slice().into());
    let mut stage = Stage::new(config);
    let client = stage.client();
    stage.sends(client, [cmd("AUTH secret"), cmd("STRLEN a")].concat());
    let old = stage.server(0);
    stage.sends(old, "+OK\r\n");
    stage.sends(old, ":1\r\n");
    stage.take(old);
    stage.servers_accept = false;
    stage.moves(old);
    stage.moves(old);
    assert_eq!(stage.conns_of(0).len(), 2, "one new conn, however often it is said");
    let new = stage.server(0);
    for step in ["before it is open", "before it has greeted"] {
        stage.sends(client, cmd("STRLEN b"));
        stage.gets(old, cmd("STRLEN b"));
        stage.sends(old, ":2\r\n");
        if step == "before it is open" {
            stage.accepts(new);
        }
    }
    stage.gets(new, cmd("AUTH secret"));
    stage.sends(new, "+OK\r\n");
    assert!(stage.is_closed(old), "nothing was outstanding");
    stage.sends(client, cmd("STRLEN c"));
    stage.gets(new, cmd("STRLEN c"));
    stage.sends(new, ":3\r\n");
    stage.gets(client, "+OK\r\n:1\r\n:2\r\n:2\r\n:3\r\n");
    stage.is_quiet();
}

#[test]
fn where_the_new_address_does_not_answer_the_old_conn_serves_on() {
    let mut config = redis(1);
    config.ejection = ejection(1, 1_000);
    let mut stage = Stage::new(config);
    let client = stage.client();
    stage.sends(client, cmd("STRLEN a"));
    let old = stage.server(0);
    stage.sends(old, ":1\r\n");
    stage.take(old);
    stage.servers_accept = false;
    stage.moves(old);
    stage.closes(stage.server(0), CloseReason::Refused);
    // One that says nothing is given up by itself.
    stage.moves(old);
    stage.passes(1_001);
    assert!(stage.is_closed(stage.server(0)));
    let vain = stage.reports.iter().filter(|report| matches!(report, Report::MovedInVain { .. }));
    assert_eq!((vain.count(), stage.reports.len()), (2, 2), "{:?}", stage.reports);

    stage.sends(client, cmd("STRLEN b"));
    stage.gets(old, cmd("STRLEN b"));
    stage.sends(old, ":2\r\n");
    stage.gets(client, ":1\r\n:2\r\n");
    assert_eq!(moved(&stage), 0);
    stage.servers_accept = true;
    stage.moves(old);
    assert!(stage.is_closed(old) && moved(&stage) == 1, "at last");
    stage.is_quiet();
}

#[test]
fn an_old_conn_that_ends_first_leaves_its_place_to_the_new_one() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("STRLEN a"));
    let old = stage.server(0);
    stage.servers_accept = false;
    stage.moves(old);
    let new = stage.server(0);
    stage.closes(old, CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n");
    stage.accepts(new);
    stage.sends(client, cmd("STRLEN b"));
    stage.gets(new, cmd("STRLEN b"));
    stage.sends(new, ":1\r\n");
    stage.gets(client, ":1\r\n");

    // Unless a third was asked for in between.
    let old = new;
    stage.moves(old);
    let new = stage.server(0);
    stage.closes(old, CloseReason::Eof);
    stage.sends(client, cmd("STRLEN c"));
    let third = stage.server(0);
    stage.accepts(third);
    stage.accepts(new);
    assert!(stage.is_closed(new));
    stage.gets(third, cmd("STRLEN c"));
    stage.sends(third, ":1\r\n");
    stage.gets(client, ":1\r\n");
    stage.is_quiet();
}

#[test]
fn an_old_server_that_is_silent_costs_those_that_wait_for_it_and_nobody_else() {
    let mut config = redis(1);
    config.timeout = Some(std::time::Duration::from_millis(400));
    config.ejection = ejection(1, 1_000);
    let mut stage = Stage::new(config);
    let (early, late) = (stage.client(), stage.client());
    stage.sends(early, cmd("STRLEN a"));
    let old = stage.server(0);
    stage.moves(old);
    let new = stage.server(0);
    stage.sends(late, cmd("STRLEN b"));
    stage.sends(new, ":2\r\n");
    stage.gets(late, ":2\r\n");
    stage.passes(401);
    stage.gets(early, "-ERR Connection timed out\r\n");
    assert!(stage.is_closed(old));
    stage.sends(early, cmd("STRLEN c"));
    stage.sends(new, ":3\r\n");
    stage.gets(early, ":3\r\n");
    stage.is_quiet();
}

#[test]
fn a_clients_own_conn_moves_when_it_has_done_its_work() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("BLPOP a 0"));
    let old = stage.server(0);
    stage.moves(old);
    assert!(!stage.is_closed(old));
    stage.sends(old, "*2\r\n$1\r\na\r\n$1\r\nv\r\n");
    stage.gets(client, "*2\r\n$1\r\na\r\n$1\r\nv\r\n");
    assert!(stage.is_closed(old), "the next client gets a new one");

    stage.sends(client, cmd("BLPOP a 0"));
    let kept = stage.server(0);
    stage.sends(kept, "*2\r\n$1\r\na\r\n$1\r\nv\r\n");
    stage.moves(kept);
    assert!(stage.is_closed(kept), "nobody uses it");
    assert_eq!(stage.engine.pinned(POOL), 0);
    stage.is_quiet();
}

#[test]
fn who_is_subscribed_hears_the_new_address() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("SUBSCRIBE news"));
    let old = stage.server(0);
    stage.gets(old, cmd("subscribe news"));
    stage.moves(old);
    assert!(!stage.is_closed(old), "it has something to answer");
    let heard = "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n";
    stage.sends(old, heard);
    stage.gets(client, heard);
    stage.moves(old);
    stage.passes(1);
    assert!(stage.is_closed(old));
    let new = stage.server(0);
    stage.gets(new, cmd("subscribe news"));
    stage.sends(new, heard);
    let message = "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n";
    stage.sends(new, message);
    stage.gets(client, message);
    assert_eq!(moved(&stage), 1);
}

#[test]
fn a_move_takes_a_place_while_it_lasts() {
    let room = Arc::new(Room::new(3));
    let mut stage = Stage::with_room(redis(1), &room);
    let client = stage.client();
    stage.sends(client, cmd("STRLEN a"));
    let old = stage.server(0);
    stage.servers_accept = false;
    stage.moves(old);
    assert_eq!(room.free(), 2, "two conns for one");
    stage.closes(stage.server(0), CloseReason::Refused);
    assert_eq!(room.free(), 3, "in vain");
    stage.moves(old);
    let new = stage.server(0);
    stage.accepts(new);
    assert_eq!(room.free(), 2, "the old one has a request");
    stage.sends(old, ":1\r\n");
    assert!(stage.is_closed(old) && room.free() == 3);
    stage.moves(new);
    stage.closes(new, CloseReason::Eof);
    assert_eq!(room.free(), 2);
    stage.accepts(stage.server(0));
    assert_eq!(room.free(), 3, "it is the ordinary one now");
    stage.gets(client, ":1\r\n");
}
