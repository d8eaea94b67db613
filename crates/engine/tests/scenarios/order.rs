//! Responses in the order of the requests, each to its own client.

use nutcracker_engine::limits::{POSTPONED_BYTES_MAX, POSTPONED_TURNS_MAX};
use nutcracker_engine::stats::ServerFigure;
use nutcracker_engine::{CloseReason, ConnId, PoolConfig};
use nutcracker_proto::resp::{ExtraCommands, KeyPlaces};

use crate::stage::{Stage, cmd, redis};

#[test]
fn a_request_goes_to_its_server_and_the_response_comes_back() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("GET k"));
    let server = stage.server(0);
    stage.gets(server, cmd("GET k"));
    stage.sends(server, "$1\r\nv\r\n");
    stage.gets(client, "$1\r\nv\r\n");
    assert_eq!(stage.server_figure(0, ServerFigure::Requests), 1);
    assert_eq!(stage.server_figure(0, ServerFigure::RequestBytes), 20);
    assert_eq!(stage.server_figure(0, ServerFigure::Responses), 1);
    assert_eq!(stage.server_figure(0, ServerFigure::ResponseBytes), 7);
    assert_eq!(stage.server_figure(0, ServerFigure::ServerConnections), 1);
    stage.is_quiet();
}

#[test]
fn responses_of_two_servers_wait_for_their_turn() {
    let mut stage = Stage::new(redis(2));
    let (slow, fast) = (stage.key(0, "slow"), stage.key(1, "fast"));
    let client = stage.client();
    let requests = [&slow, &fast, &fast, &slow].map(|key| cmd(&format!("TTL {key}")));
    stage.sends(client, requests.concat());
    let [first, second] = [stage.server(0), stage.server(1)];
    stage.gets(first, [&requests[0][..], &requests[3]].concat());
    stage.gets(second, [&requests[1][..], &requests[2]].concat());

    stage.sends(second, ":2\r\n:3\r\n");
    stage.gets_nothing(client);
    stage.sends(first, ":1\r\n");
    stage.gets(client, ":1\r\n:2\r\n:3\r\n");
    stage.sends(first, ":4\r\n");
    stage.gets(client, ":4\r\n");
    stage.is_quiet();
}

/// Two servers, a client that asks the first, the second and the first again, and turns that follow closely.
fn closely() -> (Stage, ConnId, [ConnId; 2]) {
    let mut stage = Stage::new(redis(2));
    let keys = [stage.key(0, "one"), stage.key(1, "two"), stage.key(0, "three")];
    let client = stage.client();
    stage.engine.set_turns_follow(true);
    stage.sends(client, keys.map(|key| cmd(&format!("TTL {key}"))).concat());
    let servers = [stage.server(0), stage.server(1)];
    (stage, client, servers)
}

#[test]
fn the_first_responses_of_a_pipeline_wait_for_others_where_turns_follow_closely() {
    let (mut stage, client, [first, second]) = closely();
    stage.sends(first, ":1\r\n:3\r\n");
    stage.gets_nothing(client);
    assert!(stage.engine.has_postponed());
    let writes = stage.writes;
    stage.sends(second, ":2\r\n");
    stage.gets(client, ":1\r\n:2\r\n:3\r\n");
    assert_eq!(stage.writes - writes, 1);
    assert!(!stage.engine.has_postponed());
    stage.is_quiet();
}

#[test]
fn and_not_for_long() {
    let (mut stage, client, [first, second]) = closely();
    stage.sends(first, ":1\r\n");
    for _ in 1..POSTPONED_TURNS_MAX {
        stage.turns();
        stage.gets_nothing(client);
    }
    stage.turns();
    stage.gets(client, ":1\r\n");
    assert!(!stage.engine.has_postponed(), "the next turn waits for events again");
    stage.sends(second, ":2\r\n");
    stage.gets_nothing(client);
    stage.engine.set_turns_follow(false);
    stage.turns();
    stage.gets(client, ":2\r\n");
    stage.sends(first, ":3\r\n");
    stage.gets(client, ":3\r\n");
    stage.is_quiet();
}

#[test]
fn nor_do_many_bytes_or_the_last() {
    let (mut stage, client, [first, second]) = closely();
    let long = format!("-{}\r\n", "x".repeat(POSTPONED_BYTES_MAX));
    stage.sends(first, &long);
    stage.gets(client, &long);
    stage.sends(second, ":2\r\n");
    stage.gets_nothing(client);
    stage.sends(first, ":3\r\n");
    stage.gets(client, ":2\r\n:3\r\n");
    stage.is_quiet();
}

#[test]
fn a_client_that_closes_gets_what_waited() {
    let (mut stage, client, [first, second]) = closely();
    stage.sends(first, ":1\r\n");
    stage.closes(client, CloseReason::Eof);
    stage.turns();
    stage.gets(client, ":1\r\n");
    stage.sends(second, ":2\r\n");
    stage.sends(first, ":3\r\n");
    stage.gets(client, ":2\r\n:3\r\n");
    assert!(stage.is_closed(client));
    stage.is_quiet();
}

#[test]
fn clients_that_share_a_server_conn_each_get_their_own() {
    let mut stage = Stage::new(redis(1));
    let clients = [stage.client(), stage.client(), stage.client()];
    for (n, client) in clients.into_iter().enumerate() {
        stage.sends(client, cmd(&format!("TTL {n}")));
    }
    let server = stage.server(0);
    assert_eq!(stage.conns_of(0).len(), 1, "they share it");
    stage.sends(server, ":0\r\n:1\r\n:2\r\n");
    for (n, client) in clients.into_iter().enumerate() {
        stage.gets(client, format!(":{n}\r\n"));
    }
    stage.is_quiet();
}

#[test]
fn requests_of_one_turn_leave_in_one_write_and_so_do_responses() {
    let mut stage = Stage::new(redis(1));
    let clients = [stage.client(), stage.client()];
    stage.sends(clients[0], cmd("TTL first"));
    let server = stage.server(0);
    stage.take(server);

    let writes = stage.writes;
    let (a, b) = ([cmd("TTL a1"), cmd("TTL a2")].concat(), cmd("TTL b"));
    stage.all_send(&[(clients[0], &a), (clients[1], &b)]);
    assert_eq!(stage.writes - writes, 1, "one server conn");
    stage.gets(server, [a, b].concat());

    let writes = stage.writes;
    stage.sends(server, ":0\r\n:1\r\n:2\r\n:3\r\n");
    assert_eq!(stage.writes - writes, 2, "two clients");
    stage.gets(clients[0], ":0\r\n:1\r\n:2\r\n");
    stage.gets(clients[1], ":3\r\n");
}

#[test]
fn what_the_proxy_answers_itself_waits_for_its_turn_too() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, [cmd("PING"), cmd("GET k"), cmd("PING"), cmd("NOSUCH x")].concat());
    stage.gets(client, "+PONG\r\n");
    let server = stage.server(0);
    stage.gets(server, cmd("GET k"));
    stage.sends(server, "$-1\r\n");
    let unknown = "-ERR unknown command 'NOSUCH', with args beginning with: 'x' \r\n";
    stage.gets(client, format!("$-1\r\n+PONG\r\n{unknown}"));
    stage.is_quiet();
}

#[test]
fn an_unknown_command_and_a_wrong_number_of_arguments_leave_the_client_connected() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, [cmd("GET"), cmd("NOSUCH"), cmd("MOVE k 1"), cmd("PING")].concat());
    stage.gets(
        client,
        "-ERR wrong number of arguments for 'get' command\r\n\
         -ERR unknown command 'NOSUCH', with args beginning with: \r\n\
         -ERR MOVE is not served: a pool reaches one database\r\n\
         +PONG\r\n",
    );
    assert!(!stage.is_closed(client));
}

#[test]
fn inline_requests_reach_the_server_as_arrays() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, "ping\r\n\r\nget  k\r\nset k \"a b\"\n");
    stage.gets(client, "+PONG\r\n");
    let server = stage.server(0);
    stage.gets(server, "*2\r\n$3\r\nget\r\n$1\r\nk\r\n*3\r\n$3\r\nset\r\n$1\r\nk\r\n$3\r\na b\r\n");
    stage.sends(server, "$-1\r\n+OK\r\n");
    stage.gets(client, "$-1\r\n+OK\r\n");
}

#[test]
fn a_request_without_a_key_goes_to_the_server_of_the_placeholder() {
    let mut stage = Stage::new(redis(3));
    let owner = stage.owner("placeholder");
    let client = stage.client();
    stage.sends(client, cmd("OBJECT HELP"));
    let server = stage.server(owner);
    stage.gets(server, cmd("OBJECT HELP"));
    stage.sends(server, "*0\r\n");
    stage.gets(client, "*0\r\n");
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn messages_cut_anywhere_arrive_the_same() {
    let requests =
        [cmd("GET a"), cmd("SET b 12345"), b"lrange c 0 1\r\n".to_vec(), cmd("PING")].concat();
    let forwarded = [cmd("GET a"), cmd("SET b 12345"), cmd("lrange c 0 1")].concat();
    let responses = b"$5\r\nhello\r\n+OK\r\n*2\r\n:1\r\n$-1\r\n";
    for cut in 1..requests.len() {
        let mut stage = Stage::new(redis(1));
        let client = stage.client();
        stage.sends(client, &requests[..cut]);
        stage.sends(client, &requests[cut..]);
        let server = stage.server(0);
        stage.gets(server, &forwarded);
        let cut = cut % responses.len();
        for piece in [&responses[..cut], &responses[cut..]] {
            stage.sends(server, piece);
        }
        stage.gets(client, [&responses[..], b"+PONG\r\n"].concat());
        stage.is_quiet();
    }
}

#[test]
fn with_several_conns_to_a_server_a_client_keeps_to_one_and_clients_spread() {
    let mut config = redis(1);
    config.server_connections = 3;
    let mut stage = Stage::new(config);
    let clients: Vec<_> = (0..6).map(|_| stage.client()).collect();
    for (n, &client) in clients.iter().enumerate() {
        stage.sends(client, [cmd(&format!("GET {n}a")), cmd(&format!("GET {n}b"))].concat());
    }
    let conns = stage.conns_of(0).to_vec();
    assert_eq!(conns.len(), 3);
    for (n, conn) in conns.into_iter().enumerate() {
        let keys = [format!("{n}a"), format!("{n}b"), format!("{}a", n + 3), format!("{}b", n + 3)];
        stage.gets(conn, keys.map(|key| cmd(&format!("GET {key}"))).concat());
    }
}

#[test]
#[cfg_attr(miri, ignore = "leaks, as a configuration does")]
fn a_command_that_the_pool_adds_is_routed_by_its_keys() {
    let mut added = ExtraCommands::default();
    added.add("json.get", KeyPlaces { first: 1, last: 1, step: 1 }).expect("it is new");
    added.add("json.mget", KeyPlaces { first: 1, last: -2, step: 1 }).expect("it is new");
    let mut stage =
        Stage::new(PoolConfig { commands: Some(Box::leak(Box::new(added))), ..redis(2) });
    let client = stage.client();
    let (one, other) = (stage.key(0, "a"), stage.key(1, "b"));
    let requests = [
        format!("JSON.GET {one} $"),
        format!("Json.Get {other} $"),
        format!("json.mget {one} {one} $"),
    ];
    for (request, server) in requests.iter().zip([0, 1, 0]) {
        stage.sends(client, cmd(request));
        let server = stage.server(server);
        stage.gets(server, cmd(request));
        stage.sends(server, "$1\r\n1\r\n");
        stage.gets(client, "$1\r\n1\r\n");
    }
    stage.sends(client, cmd(&format!("JSON.MGET {one} {other} $")));
    let said = stage.take(client);
    assert!(said.starts_with(b"-CROSSSLOT "), "{}", said.escape_ascii());
    stage.sends(client, cmd("JSON.DEL x"));
    let said = stage.take(client);
    assert!(said.starts_with(b"-ERR unknown command 'JSON.DEL'"), "{}", said.escape_ascii());
    stage.is_quiet();
}
