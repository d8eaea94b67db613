//! Clients that go over to another engine between two of their requests, with all that is theirs.

use nutcracker_engine::stats::PoolFigure;
use nutcracker_engine::{CloseReason, ConnId, PoolConfig};
use nutcracker_proto::Protocol;

use crate::stage::{POOL, Stage, bulk, cmd, ejection, memcached, redis};

/// The clients that can go from one engine to the other do, each as the first says and as the second.
fn go(from: &mut Stage, to: &mut Stage) -> Vec<(ConnId, ConnId)> {
    from.engine.begin_turn(from.now);
    let leaving = from.engine.hand_over();
    from.finish_turn();
    to.engine.begin_turn(to.now);
    let came = leaving.into_iter().map(|(conn, client)| {
        assert_eq!(client.pool, POOL);
        (conn, to.engine.handle_handover(POOL, client))
    });
    let came = came.collect();
    to.finish_turn();
    came
}

/// The one client there is goes over.
#[track_caller]
fn goes(from: &mut Stage, to: &mut Stage) -> ConnId {
    let came = go(from, to);
    let [(_, client)] = came[..] else { panic!("one goes: {came:?}") };
    client
}

/// No client can go yet.
#[track_caller]
fn nobody_goes(from: &mut Stage, to: &mut Stage) {
    let came = go(from, to);
    assert!(came.is_empty(), "{came:?}");
}

/// Two engines of a pool, and a client of the first.
fn stages(config: PoolConfig) -> ([Stage; 2], ConnId) {
    let mut stages = Stage::workers::<2>(config);
    let client = stages[0].client();
    (stages, client)
}

#[test]
fn who_waits_for_nothing_goes_at_once_and_is_told_nothing() {
    let ([mut from, mut to], old) = stages(redis(1));
    let client = goes(&mut from, &mut to);
    from.gets_nothing(old);
    to.gets_nothing(client);
    assert_eq!((from.engine.clients(), to.engine.clients()), (0, 1));
    for (stage, clients) in [(&from, 0), (&to, 1)] {
        assert_eq!(stage.figure(PoolFigure::ClientConnections), clients);
        assert_eq!(stage.figure(PoolFigure::ClientEof) + stage.figure(PoolFigure::ClientErr), 0);
        assert_eq!(stage.stats.curr_connections.get(), clients);
    }
    assert_eq!(to.stats.total_connections.get(), 0, "it was counted when it came");
    to.sends(client, cmd("GET a"));
    let server = to.server(0);
    to.gets(server, cmd("GET a"));
    to.sends(server, "$-1\r\n");
    to.gets(client, "$-1\r\n");
    assert!(from.conns_of(0).is_empty());
}

#[test]
fn who_waits_for_answers_goes_when_it_has_them_and_asks_nothing_before() {
    let ([mut from, mut to], client) = stages(redis(1));
    from.sends(client, cmd("STRLEN a").repeat(2));
    nobody_goes(&mut from, &mut to);
    assert!(!from.engine.may_read(client), "its next request is the other's");
    let server = from.server(0);
    from.sends(server, ":1\r\n");
    from.gets(client, ":1\r\n");
    nobody_goes(&mut from, &mut to);
    // It does not read.
    from.clogs(client, 1);
    from.sends(server, ":2\r\n");
    from.gets(client, ":");
    nobody_goes(&mut from, &mut to);
    from.unclogs(client);
    from.gets(client, "2\r\n");
    goes(&mut from, &mut to);
    from.is_quiet();
}

#[test]
fn what_was_received_and_not_parsed_goes_along() {
    let request = cmd("SET a value");
    let large = cmd(&format!("SET a {}", "v".repeat(100_000)));
    for request in [request, large] {
        for cut in [1, 7, request.len() - 1] {
            let ([mut from, mut to], client) = stages(redis(1));
            from.sends(client, &request[..cut]);
            let client = goes(&mut from, &mut to);
            to.sends(client, &request[cut..]);
            let server = to.server(0);
            to.gets(server, &request);
            to.sends(server, "+OK\r\n");
            to.gets(client, "+OK\r\n");
        }
    }
}

#[test]
fn whole_requests_that_had_to_wait_are_served_in_their_order() {
    let mut config = redis(1);
    config.limits.client_requests = 1;
    let ([mut from, mut to], client) = stages(config);
    from.sends(client, [cmd("STRLEN a"), cmd("STRLEN b"), cmd("STRLEN c")].concat());
    nobody_goes(&mut from, &mut to);
    let server = from.server(0);
    from.gets(server, cmd("STRLEN a"));
    from.sends(server, ":1\r\n");
    from.gets(client, ":1\r\n");
    from.gets_nothing(server);
    let client = goes(&mut from, &mut to);
    let server = to.server(0);
    for (request, answer) in [("STRLEN b", ":2\r\n"), ("STRLEN c", ":3\r\n")] {
        to.gets(server, cmd(request));
        to.sends(server, answer);
        to.gets(client, answer);
    }
    to.is_quiet();
}

#[test]
fn bytes_that_are_passed_over_are_passed_over_there() {
    let mut config = redis(1);
    config.limits.request_bytes = 100;
    let ([mut from, mut to], client) = stages(config);
    let request = cmd(&format!("SET a {}", "v".repeat(1_000)));
    from.sends(client, &request[..500]);
    assert!(from.take(client).starts_with(b"-ERR "));
    let client = goes(&mut from, &mut to);
    to.sends(client, &request[500..]);
    to.gets_nothing(client);
    to.sends(client, cmd("PING"));
    to.gets(client, "+PONG\r\n");
}

#[test]
fn the_words_of_a_refused_request_that_are_to_come_are_passed_over_there() {
    let mut config = redis(1);
    config.limits.request_bytes = 100;
    let ([mut from, mut to], client) = stages(config);
    let large = "v".repeat(1_000);
    let request = cmd(&format!("MSET a {large} b {large} c 3"));
    from.sends(client, &request[..500]);
    assert!(from.take(client).starts_with(b"-ERR "));
    let mut client = goes(&mut from, &mut to);
    for cut in [500..1_100, 1_100..request.len()] {
        to.sends(client, &request[cut]);
        to.gets_nothing(client);
        (from, to) = (to, from);
        client = goes(&mut from, &mut to);
    }
    to.sends(client, cmd("PING"));
    to.gets(client, "+PONG\r\n");
}

#[test]
fn what_a_client_has_said_about_itself_goes_along() {
    let mut config = redis(1);
    config.password = Some((*b"secret").into());
    let ([mut from, mut to], client) = stages(config);
    for request in ["HELLO 3 AUTH default secret SETNAME me", "SELECT 5", "CLIENT NO-EVICT on"] {
        from.sends(client, cmd(request));
    }
    from.take(client);
    from.sends(client, cmd("CLIENT ID"));
    let id = from.take(client);
    let client = goes(&mut from, &mut to);
    to.sends(client, cmd("CLIENT ID"));
    to.gets(client, &id);
    to.sends(client, cmd("CLIENT GETNAME"));
    to.gets(client, "$2\r\nme\r\n");
    to.sends(client, cmd("GET a"));
    let server = to.server(0);
    to.gets(server, [cmd("AUTH secret"), cmd("HELLO 3"), cmd("SELECT 5")].concat());
    // The next to come is another.
    let other = to.client();
    to.sends(other, cmd("AUTH secret"));
    to.gets(other, "+OK\r\n");
    to.sends(other, cmd("CLIENT ID"));
    assert_ne!(to.take(other), id);
}

#[test]
fn who_wants_no_answers_gets_none_there() {
    let ([mut from, mut to], client) = stages(redis(1));
    from.sends(client, cmd("CLIENT REPLY OFF"));
    let client = goes(&mut from, &mut to);
    to.sends(client, [cmd("PING"), cmd("CLIENT REPLY ON"), cmd("PING")].concat());
    to.gets(client, "+OK\r\n+PONG\r\n");
}

#[test]
fn who_is_in_a_transaction_ends_it_first() {
    let ([mut from, mut to], client) = stages(redis(1));
    from.sends(client, cmd("MULTI"));
    from.gets(client, "+OK\r\n");
    nobody_goes(&mut from, &mut to);
    from.sends(client, [cmd("SET a 1"), cmd("EXEC")].concat());
    nobody_goes(&mut from, &mut to);
    let pinned = from.server(0);
    from.gets(pinned, [cmd("MULTI"), cmd("SET a 1"), cmd("EXEC")].concat());
    from.sends(pinned, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    from.gets(client, "+QUEUED\r\n*1\r\n+OK\r\n");
    goes(&mut from, &mut to);
    from.is_quiet();
    assert_eq!(from.engine.pinned(POOL), 0);
}

#[test]
fn who_waits_for_an_element_gets_it_first() {
    let ([mut from, mut to], client) = stages(redis(1));
    from.sends(client, cmd("BLPOP a 0"));
    nobody_goes(&mut from, &mut to);
    from.passes(60_000);
    nobody_goes(&mut from, &mut to);
    let pinned = from.server(0);
    let element = [b"*2\r\n".to_vec(), bulk(b"a"), bulk(b"x")].concat();
    from.sends(pinned, &element);
    from.gets(client, &element);
    goes(&mut from, &mut to);
}

/// What a subscriber to the channel `a` is told.
fn told(count: usize) -> Vec<u8> {
    [b"*3\r\n".to_vec(), bulk(b"subscribe"), bulk(b"a"), format!(":{count}\r\n").into()].concat()
}

/// What is published to the channel `a`.
fn message(payload: &str) -> Vec<u8> {
    [b"*3\r\n".to_vec(), bulk(b"message"), bulk(b"a"), bulk(payload.as_bytes())].concat()
}

#[test]
fn who_comes_later_hears_only_what_it_cannot_have_heard_before() {
    let mut stages = Stage::workers::<2>(redis(1));
    let clients = [stages[0].client(), stages[0].client()];
    let [from, to] = &mut stages;
    for client in clients {
        from.sends(client, cmd("SUBSCRIBE a"));
    }
    let old = from.server(0);
    from.sends(old, told(1));
    from.clogs(clients[1], 0);
    from.sends(old, message("one"));
    let first = goes(from, to);
    let new = to.server(0);
    to.sends(new, told(1));
    from.unclogs(clients[1]);
    from.sends(old, message("two"));
    to.passes(1);
    let second = goes(from, to);
    to.gets(new, cmd("subscribe a").repeat(2));
    // The second one has it from there already.
    to.sends(new, message("two"));
    to.gets(first, message("two"));
    to.gets_nothing(second);
    to.sends(new, told(1));
    to.sends(new, message("three"));
    for client in [first, second] {
        to.gets(client, message("three"));
    }
}

#[test]
fn a_server_that_is_lost_keeps_no_subscriber_from_hearing_the_others() {
    let mut stages = Stage::workers::<2>(redis(2));
    let client = stages[0].client();
    let [from, to] = &mut stages;
    let confirmed =
        [b"*3\r\n".to_vec(), bulk(b"psubscribe"), bulk(b"a*"), b":1\r\n".to_vec()].concat();
    from.sends(client, cmd("PSUBSCRIBE a*"));
    for server in 0..2 {
        let listener = from.server(server);
        from.sends(listener, &confirmed);
    }
    from.gets(client, &confirmed);
    let client = goes(from, to);
    let [one, two] = [to.server(0), to.server(1)];
    to.sends(two, &confirmed);
    to.closes(one, CloseReason::Reset);
    let message =
        [b"*4\r\n".to_vec(), bulk(b"pmessage"), bulk(b"a*"), bulk(b"ab"), bulk(b"hi")].concat();
    to.sends(two, &message);
    to.gets(client, &message);
}

#[test]
fn who_wants_no_answers_gets_none_behind_a_transaction_either() {
    for (mode, rest) in [("OFF", ""), ("SKIP", "+PONG\r\n")] {
        let ([mut from, mut to], client) = stages(redis(1));
        from.sends(client, cmd("WATCH a"));
        let pinned = from.server(0);
        from.sends(pinned, "+OK\r\n");
        from.gets(client, "+OK\r\n");
        from.sends(client, [cmd(&format!("CLIENT REPLY {mode}")), cmd("UNWATCH")].concat());
        from.sends(pinned, "+OK\r\n");
        from.gets_nothing(client);
        let client = goes(&mut from, &mut to);
        to.sends(client, cmd("PING"));
        to.gets(client, rest);
    }
}

#[test]
fn a_database_that_nobody_has_chosen_is_the_pools_own() {
    let [mut from] = Stage::workers::<1>(redis(1));
    let mut config = redis(1);
    config.database = 7;
    let [mut to] = Stage::workers::<1>(config);
    from.client();
    let client = goes(&mut from, &mut to);
    to.sends(client, cmd("GET a"));
    let server = to.server(0);
    to.gets(server, cmd("SELECT 7"));
}

#[test]
fn a_client_that_always_has_something_outstanding_goes_too() {
    let ([mut from, mut to], client) = stages(redis(1));
    from.sends(client, cmd("HELLO 3"));
    from.sends(client, cmd("SUBSCRIBE a"));
    let listener = from.server(0);
    from.sends(listener, told(1));
    from.take(client);
    from.sends(client, cmd("STRLEN a"));
    nobody_goes(&mut from, &mut to);
    assert!(!from.engine.may_read(client));
    let server = from.server(0);
    from.sends(server, "%1\r\n$5\r\nproto\r\n:3\r\n");
    from.sends(listener, message("hears on"));
    from.sends(server, ":1\r\n");
    let heard = String::from_utf8_lossy(&from.take(client)).into_owned();
    assert!(heard.contains("hears on") && heard.ends_with(":1\r\n"), "{heard}");
    goes(&mut from, &mut to);
}

#[test]
fn pops_in_a_row_are_left_between_two_of_them() {
    let ([mut from, mut to], client) = stages(redis(1));
    from.sends(client, cmd("BLPOP a 0").repeat(2));
    nobody_goes(&mut from, &mut to);
    let pinned = from.server(0);
    from.gets(pinned, cmd("BLPOP a 0"));
    let element = [b"*2\r\n".to_vec(), bulk(b"a"), bulk(b"x")].concat();
    from.sends(pinned, &element);
    from.gets_nothing(pinned);
    goes(&mut from, &mut to);
    let pinned = to.server(0);
    to.gets(pinned, cmd("BLPOP a 0"));
}

#[test]
fn who_is_subscribed_is_subscribed_there_and_told_nothing_of_it() {
    let message = message("hello");
    let ([mut from, mut to], client) = stages(redis(1));
    from.sends(client, cmd("SUBSCRIBE a"));
    nobody_goes(&mut from, &mut to);
    let old = from.server(0);
    from.gets(old, cmd("subscribe a"));
    from.sends(old, told(1));
    from.gets(client, told(1));
    // It hears on until it goes.
    from.clogs(client, 0);
    from.sends(old, &message);
    nobody_goes(&mut from, &mut to);
    from.sends(old, &message);
    from.unclogs(client);
    from.gets(client, message.repeat(2));
    let client = goes(&mut from, &mut to);
    from.gets(old, cmd("unsubscribe a"));
    let new = to.server(0);
    to.gets(new, cmd("subscribe a"));
    to.sends(new, told(1));
    to.gets_nothing(client);
    to.sends(new, &message);
    to.gets(client, &message);
    // It may ask for nothing else still.
    to.sends(client, cmd("GET a"));
    assert!(to.take(client).starts_with(b"-ERR Can't execute 'get'"));
    assert_eq!(to.engine.inventory().subscriptions, 1);
    assert_eq!(from.engine.inventory().subscriptions, 0);
}

#[test]
fn what_wants_no_answer_arrives_before_its_client_goes() {
    let ([mut from, mut to], client) = stages(memcached(1));
    let other = from.client();
    from.sends(client, "set a 0 0 1 noreply\r\n1\r\n");
    let server = from.server(0);
    from.gets(server, "set a 0 0 1\r\n1\r\n");
    let came = go(&mut from, &mut to);
    assert_eq!(came.iter().map(|(old, _)| *old).collect::<Vec<_>>(), [other]);
    from.sends(server, "STORED\r\n");
    from.gets_nothing(client);
    goes(&mut from, &mut to);
}

#[test]
fn what_others_want_no_answer_to_holds_nobody_up() {
    let ([mut from, mut to], hasty) = stages(memcached(2));
    let [one, other] = [from.key(0, "a"), from.key(1, "b")];
    let patient = from.client();
    from.sends(patient, format!("set {one} 0 0 1 noreply\r\n1\r\n"));
    from.sends(hasty, format!("set {other} 0 0 1 noreply\r\n1\r\n"));
    let server = from.server(1);
    from.sends(server, "STORED\r\n");
    let came = go(&mut from, &mut to);
    assert_eq!(came.iter().map(|(old, _)| *old).collect::<Vec<_>>(), [hasty]);
}

#[test]
fn who_came_without_a_password_need_not_give_one() {
    let [mut from] = Stage::workers::<1>(redis(1));
    let mut config = redis(1);
    config.password = Some((*b"secret").into());
    let [mut to] = Stage::workers::<1>(config);
    from.client();
    let client = goes(&mut from, &mut to);
    to.sends(client, cmd("PING"));
    to.gets(client, "+PONG\r\n");
    let other = to.client();
    to.sends(other, cmd("PING"));
    to.gets(other, "-NOAUTH Authentication required\r\n");
}

#[test]
fn who_has_chosen_a_database_that_is_no_more_is_closed() {
    let [mut from] = Stage::workers::<1>(redis(1));
    let mut config = redis(1);
    config.databases = 2;
    let [mut to] = Stage::workers::<1>(config);
    let clients = [from.client(), from.client()];
    from.sends(clients[0], cmd("SELECT 1"));
    from.sends(clients[1], cmd("SELECT 2"));
    from.sends(clients[1], cmd("SUBSCRIBE a"));
    let listener = from.server(0);
    from.sends(listener, told(1));
    let came = go(&mut from, &mut to);
    for (old, new) in came {
        assert_eq!(to.is_closed(new), old == clients[1]);
    }
}

#[test]
fn who_leaves_or_is_lost_on_the_way_out_is_gone() {
    let ([mut from, mut to], client) = stages(redis(1));
    let other = from.client();
    from.sends(client, cmd("STRLEN a"));
    from.sends(other, cmd("STRLEN a"));
    nobody_goes(&mut from, &mut to);
    from.closes(client, CloseReason::Reset);
    let server = from.server(0);
    from.sends(server, ":1\r\n:2\r\n");
    from.gets(other, ":2\r\n");
    assert!(from.is_closed(client));
    goes(&mut from, &mut to);
    from.is_quiet();
    assert_eq!(from.figure(PoolFigure::ClientErr), 1);
}

#[test]
fn a_stop_ends_those_who_have_not_gone() {
    for protocol in [Protocol::Redis, Protocol::Memcache] {
        let config = if protocol == Protocol::Redis { redis(1) } else { memcached(1) };
        let (request, answer) = match protocol {
            Protocol::Redis => (cmd("GET a"), "$-1\r\n"),
            Protocol::Memcache => (b"get a\r\n".to_vec(), "END\r\n"),
        };
        let ([mut from, mut to], client) = stages(config);
        from.sends(client, &request);
        nobody_goes(&mut from, &mut to);
        from.engine.begin_turn(from.now);
        from.engine.drain();
        from.finish_turn();
        assert!(!from.is_closed(client), "an answer is due to it");
        let server = from.server(0);
        from.sends(server, answer);
        from.gets(client, answer);
        assert!(from.is_closed(client));
        assert_eq!(from.figure(PoolFigure::ClientEof), 1);
    }
}

#[test]
fn who_stays_for_long_keeps_its_own_conn_and_no_other() {
    let ([mut from, mut to], other) = stages(redis(2));
    let (here, there) = (from.key(0, "k"), from.key(1, "k"));
    let stays = from.client();
    from.sends(stays, cmd(&format!("BLPOP {here} 0")));
    let pinned = from.server(0);
    from.sends(other, cmd(&format!("MGET {here} {there}")));
    let shared: Vec<ConnId> = [from.conns_of(0), from.conns_of(1)].concat();
    let shared: Vec<ConnId> = shared.into_iter().filter(|conn| *conn != pinned).collect();
    nobody_goes(&mut from, &mut to);
    assert!(shared.iter().all(|conn| !from.is_closed(*conn)), "two responses are due");
    for conn in &shared {
        from.sends(*conn, "*1\r\n$-1\r\n");
    }
    from.gets(other, "*2\r\n$-1\r\n$-1\r\n");
    let client = goes(&mut from, &mut to);
    assert!(shared.iter().all(|conn| from.is_closed(*conn)) && !from.is_closed(pinned));
    assert_eq!(from.engine.poll_timeout(), None, "nothing is to be looked after");
    to.sends(client, cmd(&format!("STRLEN {there}")));
    let response = [b"*2\r\n".to_vec(), bulk(here.as_bytes()), bulk(b"v")].concat();
    from.sends(pinned, &response);
    from.gets(stays, response);
    goes(&mut from, &mut to);
    assert_eq!(from.engine.clients(), 0);
}

#[test]
fn an_engine_that_is_left_asks_no_server_whether_it_is_back() {
    let mut config = redis(1);
    config.ejection = ejection(1, 500);
    let ([mut from, mut to], client) = stages(config);
    let stays = from.client();
    from.sends(stays, cmd("BLPOP k 0"));
    let pinned = from.server(0);
    from.sends(client, cmd("GET k"));
    let shared = *from.conns_of(0).iter().find(|conn| **conn != pinned).expect("one for all");
    from.closes(shared, CloseReason::Reset);
    from.take(client);
    goes(&mut from, &mut to);
    from.passes(60_000);
    let open: Vec<&ConnId> =
        from.conns_of(0).iter().filter(|conn| !from.is_closed(**conn)).collect();
    assert_eq!(open, [&pinned]);
    assert_eq!(from.engine.poll_timeout(), None, "nothing is to be looked after");
}
