//! Transactions: on a conn of the client's own, of one server, all or nothing.

use std::time::Duration;

use nutcracker_engine::limits::{PINNED_KEPT, PINNED_KEPT_MAX, PoolLimits};
use nutcracker_engine::stats::{LimitFigure, PoolFigure, ServerFigure};
use nutcracker_engine::{CloseReason, ConnId};

use crate::stage::{POOL, Stage, cmd, redis};

const APART: &str = "-CROSSSLOT Keys in request don't hash to the same slot: the keys of a \
                     transaction must be on one server, or be sent without MULTI (redis-py: \
                     pipeline(transaction=False)); with the pool's option 'hash_tag: \"{}\"', keys \
                     with the same text in braces share a server\r\n";
const ABORTED: &str = "-EXECABORT Transaction discarded because of previous errors.\r\n";
const NOT_INSIDE: &str = "-ERR this command cannot be part of a transaction through the proxy\r\n";

/// Several requests in a row.
fn cmds(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| cmd(line)).collect()
}

/// The client has queued a `SET` on server 0, and both sides have said so.
fn queued(stage: &mut Stage) -> (ConnId, ConnId, String) {
    let (client, key) = (stage.client(), stage.key(0, "k"));
    let set = format!("SET {key} 1");
    stage.sends(client, cmds(&["MULTI", &set]));
    let pinned = stage.server(0);
    stage.gets(pinned, cmds(&["MULTI", &set]));
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n");
    stage.gets(client, "+OK\r\n+QUEUED\r\n");
    (client, pinned, key)
}

/// Nothing is outstanding, and nobody has a conn of its own.
#[track_caller]
fn is_left_alone(stage: &Stage) {
    stage.is_quiet();
    assert_eq!(stage.engine.pinned(POOL), 0);
}

#[test]
fn a_transaction_runs_on_a_conn_of_its_own_and_the_next_one_uses_it_again() {
    let mut stage = Stage::new(redis(2));
    let key = stage.key(0, "k");
    let get = format!("GET {key}");
    let bystander = stage.client();
    stage.sends(bystander, cmd(&get));
    let shared = stage.server(0);
    for _ in 0..3 {
        let client = stage.client();
        stage.sends(client, cmds(&["MULTI", &get, "EXEC"]));
        stage.gets(client, "+OK\r\n");
        let pinned = stage.server(0);
        assert_ne!(pinned, shared);
        stage.gets(pinned, cmds(&["MULTI", &get, "EXEC"]));
        assert_eq!(stage.engine.pinned(POOL), 1);
        stage.sends(pinned, "+OK\r\n+QUEUED\r\n*1\r\n$1\r\nv\r\n");
        stage.gets(client, "+QUEUED\r\n*1\r\n$1\r\nv\r\n");
        assert_eq!(stage.engine.pinned(POOL), 0);
    }
    assert_eq!(stage.conns_of(0).len(), 2);
    stage.gets(shared, cmd(&get));
    stage.sends(shared, "$-1\r\n");
    is_left_alone(&stage);
}

#[test]
fn a_transaction_one_step_at_a_time() {
    let mut stage = Stage::new(redis(2));
    let (client, pinned, key) = queued(&mut stage);
    let get = format!("GET {key}");
    stage.sends(client, cmd(&get));
    stage.gets(pinned, cmd(&get));
    stage.sends(pinned, "+QUEUED\r\n");
    stage.gets(client, "+QUEUED\r\n");
    stage.sends(client, cmd("EXEC"));
    stage.gets(pinned, cmd("EXEC"));
    // What comes behind it goes the ordinary way, so it waits for the answer.
    stage.sends(client, cmd(&get));
    assert_eq!(stage.conns_of(0).len(), 1);
    stage.sends(pinned, "*2\r\n+OK\r\n$1\r\n1\r\n");
    stage.gets(client, "*2\r\n+OK\r\n$1\r\n1\r\n");
    let shared = stage.server(0);
    assert_ne!(shared, pinned);
    stage.gets(shared, cmd(&get));
    stage.sends(shared, "$1\r\n1\r\n");
    stage.gets(client, "$1\r\n1\r\n");
    is_left_alone(&stage);
}

#[test]
fn multi_waits_for_what_was_asked_before_it() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmds(&["SET a 0", "MULTI", "SET a 1", "EXEC"]));
    let shared = stage.server(0);
    stage.gets(shared, cmd("SET a 0"));
    assert_eq!(stage.conns_of(0).len(), 1, "the second SET shall not overtake the first");
    stage.sends(shared, "+OK\r\n");
    let pinned = stage.server(0);
    stage.gets(pinned, cmds(&["MULTI", "SET a 1", "EXEC"]));
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    stage.gets(client, "+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    is_left_alone(&stage);
}

#[test]
fn what_has_no_key_is_kept_until_a_key_says_where_it_goes() {
    let mut stage = Stage::new(redis(4));
    let (client, key) = (stage.client(), stage.key(3, "k"));
    let get = format!("GET {key}");
    stage.sends(client, cmds(&["MULTI", "PING", "LOLWUT", "UNWATCH"]));
    stage.gets(client, "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
    assert_eq!(stage.engine.pinned(POOL), 0);
    stage.sends(client, cmds(&[&get, "PING", "EXEC"]));
    let pinned = stage.server(3);
    let sent = ["MULTI", "PING", "LOLWUT", "UNWATCH", &get, "PING", "EXEC"];
    stage.gets(pinned, cmds(&sent));
    stage.sends(pinned, ["+OK\r\n", &"+QUEUED\r\n".repeat(5), "*0\r\n"].concat());
    stage.gets(client, "+QUEUED\r\n+QUEUED\r\n*0\r\n");
    is_left_alone(&stage);
}

#[test]
fn a_transaction_without_a_key_goes_where_requests_without_one_go_and_an_empty_one_nowhere() {
    let mut stage = Stage::new(redis(4));
    let client = stage.client();
    stage.sends(client, cmds(&["MULTI", "EXEC", "MULTI", "PING", "EXEC"]));
    let pinned = stage.server(stage.owner("placeholder"));
    stage.gets(pinned, cmds(&["MULTI", "PING", "EXEC"]));
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
    stage.gets(client, "+OK\r\n*0\r\n+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
    is_left_alone(&stage);
}

#[test]
fn too_much_without_a_key_is_refused() {
    let mut stage = Stage::new(redis(4));
    let client = stage.client();
    stage.sends(client, cmd("MULTI"));
    stage.gets(client, "+OK\r\n");
    let ping = cmd("LOLWUT 5").repeat(100);
    for _ in 0..28 {
        stage.sends(client, &ping);
        assert!(stage.take(client).starts_with(b"+QUEUED\r\n"));
    }
    for _ in 0..5 {
        stage.sends(client, &ping);
    }
    // What comes behind it is not going to be run, so it is not kept.
    let refused = "-ERR too much is queued before the first key of the transaction\r\n";
    let answers = String::from_utf8(stage.take(client)).expect("errors are text");
    assert_eq!(answers.matches(refused).count(), 1);
    assert!(answers.ends_with("+QUEUED\r\n"));
    stage.sends(client, cmd("EXEC"));
    stage.gets(client, ABORTED);
    is_left_alone(&stage);
}

#[test]
fn a_key_of_another_server_fails_its_command_and_the_transaction() {
    let mut stage = Stage::new(redis(2));
    let (client, pinned, key) = queued(&mut stage);
    let other = stage.key(1, "o");
    for bad in
        [format!("GET {other}"), format!("MGET {key} {other}"), format!("RPOPLPUSH {key} {other}")]
    {
        stage.sends(client, cmd(&bad));
        stage.gets(client, APART);
    }
    // The rest is looked at by the server all the same.
    stage.sends(client, cmds(&[&format!("MGET {key} {key}"), "EXEC"]));
    stage.gets(pinned, cmds(&[&format!("MGET {key} {key}"), "DISCARD"]));
    stage.sends(pinned, "+QUEUED\r\n+OK\r\n");
    stage.gets(client, ["+QUEUED\r\n", ABORTED].concat());
    assert!(!stage.is_closed(pinned));
    is_left_alone(&stage);
}

#[test]
fn what_the_parser_refuses_fails_the_transaction_too() {
    for (bad, answer) in [
        ("NOSUCH a", "-ERR unknown command 'NOSUCH', with args beginning with: 'a' \r\n"),
        ("GET", "-ERR wrong number of arguments for 'get' command\r\n"),
    ] {
        let mut stage = Stage::new(redis(2));
        let (client, pinned, _) = queued(&mut stage);
        stage.sends(client, cmd(bad));
        stage.gets(client, answer);
        stage.sends(client, cmd("EXEC"));
        stage.gets(pinned, cmd("DISCARD"));
        stage.gets(client, ABORTED);
        stage.sends(pinned, "+OK\r\n");
        is_left_alone(&stage);

        // Before the first key no server needs to know.
        let (client, key) = (stage.client(), stage.key(1, "k"));
        stage.sends(client, cmds(&["MULTI", bad, &format!("GET {key}"), "EXEC"]));
        stage.gets(client, ["+OK\r\n", answer, "+QUEUED\r\n", ABORTED].concat());
        assert!(stage.conns_of(1).is_empty());
        is_left_alone(&stage);
    }
}

#[test]
fn an_exec_with_arguments_ends_the_transaction() {
    let mut stage = Stage::new(redis(1));
    let wrong = "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' \
                 command\r\n";
    let (client, pinned, _) = queued(&mut stage);
    stage.sends(client, cmds(&["EXEC now", "EXEC"]));
    stage.gets(client, [wrong, "-ERR EXEC without MULTI\r\n"].concat());
    stage.gets(pinned, cmd("DISCARD"));
    stage.sends(pinned, "+OK\r\n");
    stage.sends(client, cmds(&["MULTI", "EXEC now", "EXEC now", "DISCARD"]));
    let outside = "-ERR DISCARD without MULTI\r\n";
    stage.gets(client, ["+OK\r\n", wrong, wrong, outside].concat());
    is_left_alone(&stage);
}

#[test]
fn what_cannot_be_part_of_a_transaction_says_so_and_fails_it() {
    for bad in ["SUBSCRIBE c", "PUNSUBSCRIBE", "AUTH x"] {
        let mut stage = Stage::new(redis(1));
        let (client, pinned, _) = queued(&mut stage);
        stage.sends(client, cmds(&[bad, "EXEC"]));
        stage.gets(client, [NOT_INSIDE, ABORTED].concat());
        stage.gets(pinned, cmd("DISCARD"));
        stage.sends(pinned, "+OK\r\n");
        is_left_alone(&stage);
    }
}

#[test]
fn a_blocking_command_in_a_transaction_is_queued_like_any() {
    let mut stage = Stage::new(redis(1));
    let (client, pinned, _) = queued(&mut stage);
    stage.sends(client, cmds(&["BLPOP q 0", "EXEC"]));
    stage.gets(pinned, cmds(&["BLPOP q 0", "EXEC"]));
    stage.sends(pinned, "+QUEUED\r\n*2\r\n+OK\r\n*-1\r\n");
    stage.gets(client, "+QUEUED\r\n*2\r\n+OK\r\n*-1\r\n");
    is_left_alone(&stage);
}

#[test]
fn steps_out_of_order_get_the_words_of_redis_and_do_no_harm() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmds(&["EXEC", "DISCARD", "UNWATCH"]));
    stage.gets(client, "-ERR EXEC without MULTI\r\n-ERR DISCARD without MULTI\r\n+OK\r\n");
    let (client, pinned, _) = queued(&mut stage);
    stage.sends(client, cmds(&["MULTI", "WATCH a", "EXEC"]));
    stage.gets(
        client,
        "-ERR MULTI calls can not be nested\r\n-ERR WATCH inside MULTI is not allowed\r\n",
    );
    stage.gets(pinned, cmd("EXEC"));
    stage.sends(pinned, "*1\r\n+OK\r\n");
    stage.gets(client, "*1\r\n+OK\r\n");
    is_left_alone(&stage);
}

#[test]
fn discard_ends_it_at_the_server_or_here() {
    let mut stage = Stage::new(redis(1));
    let (client, pinned, _) = queued(&mut stage);
    stage.sends(client, cmds(&["DISCARD", "MULTI", "DISCARD", "PING"]));
    stage.gets(pinned, cmd("DISCARD"));
    stage.gets_nothing(client);
    stage.sends(pinned, "+OK\r\n");
    stage.gets(client, "+OK\r\n+OK\r\n+OK\r\n+PONG\r\n");
    is_left_alone(&stage);
}

#[test]
fn watched_keys_hold_the_conn_until_the_transaction_ends() {
    let mut stage = Stage::new(redis(2));
    let (client, key) = (stage.client(), stage.key(1, "w"));
    let (watch, get, set) = (format!("WATCH {key}"), format!("GET {key}"), format!("SET {key} 1"));
    stage.sends(client, cmds(&[&watch, &get]));
    let pinned = stage.server(1);
    stage.gets(pinned, cmd(&watch));
    assert_eq!(stage.conns_of(1).len(), 1, "nothing is read before the watch holds");
    stage.sends(pinned, "+OK\r\n");
    let shared = stage.server(1);
    assert_ne!(shared, pinned);
    stage.gets(shared, cmd(&get));
    stage.sends(client, cmds(&["MULTI", &set, "EXEC"]));
    stage.gets_nothing(pinned);
    stage.sends(shared, "$1\r\n0\r\n");
    stage.gets(pinned, cmds(&["MULTI", &set, "EXEC"]));
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n*-1\r\n");
    stage.gets(client, "+OK\r\n$1\r\n0\r\n+OK\r\n+QUEUED\r\n*-1\r\n");
    is_left_alone(&stage);
}

#[test]
fn watched_keys_are_of_one_server_and_so_is_the_transaction_behind_them() {
    let mut stage = Stage::new(redis(2));
    let (client, key, other) = (stage.client(), stage.key(0, "w"), stage.key(1, "o"));
    let apart = "-CROSSSLOT Keys in request don't hash to the same slot: watched keys must be on \
                 one server; with the pool's option 'hash_tag: \"{}\"', keys with the same text in \
                 braces share a server\r\n";
    stage.sends(client, cmd(&format!("WATCH {key} {other}")));
    stage.gets(client, apart);
    stage.sends(client, cmd(&format!("WATCH {key}")));
    let pinned = stage.server(0);
    stage.sends(pinned, "+OK\r\n");
    stage.take(pinned);
    stage.sends(client, cmd(&format!("WATCH {other}")));
    stage.gets(client, ["+OK\r\n", apart].concat());
    stage.sends(client, cmds(&["MULTI", &format!("GET {other}"), "EXEC"]));
    stage.gets(client, ["+OK\r\n", APART, ABORTED].concat());
    stage.gets(pinned, cmds(&["MULTI", "DISCARD"]));
    stage.sends(pinned, "+OK\r\n+OK\r\n");
    is_left_alone(&stage);
}

#[test]
fn unwatch_gives_the_conn_back() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("WATCH a"));
    let pinned = stage.server(0);
    stage.sends(pinned, "+OK\r\n");
    stage.sends(client, cmds(&["WATCH b", "UNWATCH", "UNWATCH"]));
    stage.sends(pinned, "+OK\r\n");
    stage.gets(pinned, cmds(&["WATCH a", "WATCH b", "UNWATCH"]));
    stage.sends(pinned, "+OK\r\n");
    stage.gets(client, "+OK\r\n".repeat(4));
    assert!(!stage.is_closed(pinned));
    is_left_alone(&stage);
}

#[test]
fn a_transaction_whose_conn_ends_is_lost_and_none_of_it_runs_elsewhere() {
    let mut stage = Stage::new(redis(1));
    let (client, pinned, key) = queued(&mut stage);
    stage.sends(client, cmd("GET k"));
    stage.closes(pinned, CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n");
    stage.sends(client, cmds(&[&format!("SET {key} 2"), "EXEC"]));
    let lost = "-ERR the transaction is lost: its server connection has ended\r\n";
    stage.gets(client, [lost, ABORTED].concat());
    assert_eq!(stage.conns_of(0).len(), 1, "nobody was asked anything");
    assert_eq!(stage.figure(PoolFigure::ForwardError), 2);
    stage.sends(client, cmds(&["MULTI", "EXEC"]));
    stage.gets(client, "+OK\r\n*0\r\n");
    is_left_alone(&stage);
}

#[test]
fn a_watch_whose_conn_ends_fails_the_transaction_behind_it() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    for end in ["EXEC", "UNWATCH"] {
        stage.sends(client, cmd("WATCH a"));
        let pinned = stage.server(0);
        stage.sends(pinned, "+OK\r\n");
        stage.gets(client, "+OK\r\n");
        stage.closes(pinned, CloseReason::Eof);
        if end == "UNWATCH" {
            let lost = "-ERR the watched keys are lost: their server connection has ended, UNWATCH \
                        first\r\n";
            stage.sends(client, cmds(&["WATCH b", "UNWATCH"]));
            stage.gets(client, [lost, "+OK\r\n"].concat());
        } else {
            stage.sends(client, cmds(&["MULTI", "EXEC"]));
            stage.gets(client, ["+OK\r\n", ABORTED].concat());
        }
        is_left_alone(&stage);
    }
    assert!(stage.reports.is_empty(), "an idle conn that closes in good order is no failure");
}

#[test]
fn a_server_that_refuses_multi_is_not_asked_for_the_rest() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmds(&["MULTI", "SET a 1"]));
    let pinned = stage.server(0);
    stage.sends(pinned, "-NOPERM no\r\n+OK\r\n");
    assert!(stage.is_closed(pinned));
    stage.gets(client, "+OK\r\n-ERR MULTI was refused: NOPERM no\r\n");
    stage.sends(client, cmds(&["SET a 2", "EXEC"]));
    assert!(stage.take(client).ends_with(ABORTED.as_bytes()));
    assert_eq!(stage.conns_of(0).len(), 1);
    is_left_alone(&stage);
}

#[test]
fn a_transaction_times_out_like_any_request() {
    let mut config = redis(1);
    config.timeout = Some(Duration::from_millis(100));
    let mut stage = Stage::new(config);
    let (client, pinned, key) = queued(&mut stage);
    stage.passes(5_000);
    assert!(!stage.is_closed(pinned), "one that waits for its client does not");
    stage.sends(client, cmd(&format!("GET {key}")));
    stage.passes(99);
    stage.gets_nothing(client);
    stage.passes(2);
    stage.gets(client, "-ERR Connection timed out\r\n");
    assert!(stage.is_closed(pinned));
    assert_eq!(stage.server_figure(0, ServerFigure::ServerTimedout), 1);
    stage.sends(client, cmd("EXEC"));
    stage.gets(client, ABORTED);
    is_left_alone(&stage);
}

#[test]
fn a_client_that_leaves_takes_its_conn_along() {
    type Leave = fn(&mut Stage, ConnId);
    let leaves: [Leave; 3] = [
        |stage, client| stage.closes(client, CloseReason::Eof),
        |stage, client| stage.closes(client, CloseReason::Reset),
        |stage, client| {
            stage.sends(client, cmd("QUIT"));
        },
    ];
    for leave in leaves {
        let mut stage = Stage::new(redis(1));
        let (client, pinned, _) = queued(&mut stage);
        leave(&mut stage, client);
        assert!(stage.is_closed(client) && stage.is_closed(pinned));
        assert_eq!(stage.server_figure(0, ServerFigure::ServerConnections), 0);
        assert_eq!(stage.server_figure(0, ServerFigure::ServerEof), 0, "it was our doing");
        assert!(stage.reports.is_empty());
        is_left_alone(&stage);

        let client = stage.client();
        stage.sends(client, cmd("WATCH a"));
        let pinned = stage.server(0);
        stage.sends(pinned, "+OK\r\n");
        leave(&mut stage, client);
        assert!(stage.is_closed(client) && stage.is_closed(pinned));
        is_left_alone(&stage);
    }
}

#[test]
fn exec_is_carried_out_though_its_client_has_gone() {
    let mut stage = Stage::new(redis(1));
    let (client, pinned, _) = queued(&mut stage);
    stage.sends(client, cmd("EXEC"));
    stage.closes(client, CloseReason::Reset);
    assert!(!stage.is_closed(pinned));
    stage.sends(pinned, "*1\r\n+OK\r\n");
    is_left_alone(&stage);
    let next = stage.client();
    stage.sends(next, cmds(&["MULTI", "GET a"]));
    stage.gets(pinned, cmds(&["EXEC", "MULTI", "GET a"]));
}

#[test]
fn a_conn_after_an_answer_that_says_nothing_of_the_transaction_s_end_is_not_used_again() {
    for (answer, is_clean) in [
        ("*1\r\n-ERR inside\r\n", true),
        ("*-1\r\n", true),
        ("_\r\n", true),
        ("-EXECABORT Transaction discarded because of previous errors.\r\n", true),
        ("-ERR unknown command 'EXEC'\r\n", false),
    ] {
        let mut stage = Stage::new(redis(1));
        let (client, pinned, _) = queued(&mut stage);
        stage.sends(client, cmd("EXEC"));
        stage.sends(pinned, answer);
        stage.gets(client, answer);
        assert_eq!(stage.is_closed(pinned), !is_clean, "{answer}");
        is_left_alone(&stage);
    }
}

#[test]
fn no_more_clients_have_a_conn_of_their_own_than_may_and_the_error_names_the_option() {
    let mut config = redis(1);
    config.limits = PoolLimits { pinned_connections: 2, ..PoolLimits::default() };
    let mut stage = Stage::new(config);
    let (first, pinned, _) = queued(&mut stage);
    let mut sibling = stage.sibling();
    let other = sibling.client();
    sibling.sends(other, cmd("WATCH a"));
    assert_eq!(stage.engine.pinned(POOL), 2, "all workers are counted");

    let late = stage.client();
    let full = "-ERR no server connection is left for a transaction or a blocking command: 2 are in \
                use, the limit that pinned_connections_max sets\r\n";
    stage.sends(late, cmds(&["MULTI", "GET a", "EXEC", "WATCH a", "BLPOP a 0"]));
    stage.gets(late, ["+OK\r\n", full, ABORTED, full, full].concat());
    assert_eq!(stage.limit(LimitFigure::PinnedRefused), 3);
    stage.sends(first, cmd("DISCARD"));
    stage.sends(pinned, "+OK\r\n");
    stage.sends(late, cmds(&["MULTI", "GET a", "EXEC"]));
    stage.take(late);
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n");
    stage.gets(late, "+QUEUED\r\n*1\r\n$-1\r\n");
    sibling.closes(other, CloseReason::Reset);
    is_left_alone(&stage);
}

#[test]
fn conns_that_nobody_uses_are_kept_for_a_while_and_not_too_many() {
    let mut stage = Stage::new(redis(1));
    let many = PINNED_KEPT_MAX + 5;
    let clients: Vec<ConnId> = (0..many).map(|_| stage.client()).collect();
    for client in &clients {
        stage.sends(*client, cmds(&["MULTI", "GET a", "EXEC"]));
    }
    let conns = stage.conns_of(0).to_vec();
    assert_eq!(conns.len(), many);
    for conn in conns {
        stage.sends(conn, "+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n");
    }
    let open = |stage: &Stage| stage.server_figure(0, ServerFigure::ServerConnections);
    assert_eq!(open(&stage), PINNED_KEPT_MAX as i64);
    is_left_alone(&stage);
    stage.passes(PINNED_KEPT.as_millis() as u64 + 1);
    assert_eq!(open(&stage), 0);
    assert_eq!(stage.engine.poll_timeout(), None);
    assert!(stage.reports.is_empty());
}

#[test]
fn a_stop_lets_what_was_asked_be_answered() {
    let mut stage = Stage::new(redis(1));
    let (idle, pinned, _) = queued(&mut stage);
    let (busy, other, _) = queued(&mut stage);
    stage.sends(busy, cmd("EXEC"));
    stage.engine.begin_turn(stage.now);
    stage.engine.drain();
    stage.finish_turn();
    assert!(stage.is_closed(idle) && stage.is_closed(pinned));
    assert!(!stage.is_closed(busy));
    stage.sends(other, "*1\r\n+OK\r\n");
    stage.gets(busy, "*1\r\n+OK\r\n");
    assert!(stage.is_closed(busy));
    is_left_alone(&stage);
}

#[test]
fn inline_requests_take_part() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, "MULTI\r\nGET a\r\nnosuch\r\nEXEC\r\n");
    let pinned = stage.server(0);
    stage.gets(pinned, cmds(&["MULTI", "GET a", "DISCARD"]));
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n+OK\r\n");
    let unknown = "-ERR unknown command 'nosuch', with args beginning with: \r\n";
    stage.gets(client, ["+OK\r\n+QUEUED\r\n", unknown, ABORTED].concat());
    is_left_alone(&stage);
}

#[test]
fn a_password_is_asked_for_before_a_transaction_begins() {
    let mut config = redis(1);
    config.password = Some(b"secret".as_slice().into());
    let mut stage = Stage::new(config);
    let client = stage.client();
    stage.sends(client, cmds(&["MULTI", "WATCH a", "BLPOP a 0"]));
    stage.gets(client, "-NOAUTH Authentication required\r\n".repeat(3));
    stage.sends(client, cmds(&["AUTH secret", "MULTI", "GET a"]));
    let pinned = stage.server(0);
    stage.gets(pinned, cmd("AUTH secret"));
    stage.sends(pinned, "+OK\r\n");
    stage.gets(pinned, cmds(&["MULTI", "GET a"]));
}
