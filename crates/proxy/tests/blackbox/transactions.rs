//! Transactions and blocking commands through the proxy, on two real servers: what Redis promises of
//! them holds, and no server is left with a client that nobody needs.

use std::time::Duration;

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::Redis;
use crate::harness::wire::redis;

const APART: &str = "-CROSSSLOT Keys in request don't hash to the same slot: the keys of a \
                     transaction must be on one server, or be sent without MULTI (redis-py: \
                     pipeline(transaction=False)); keys with the same text between '{' and '}' share a \
                     server (the pool's option 'hash_tag')\r\n";
const ABORTED: &str = "-EXECABORT Transaction discarded because of previous errors.\r\n";

fn cmd(line: &str) -> Vec<u8> {
    redis(&line.split(' ').collect::<Vec<_>>())
}

fn cmds(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| cmd(line)).collect()
}

/// Two servers of its own, and a proxy in front of them with these keys besides.
struct Stage {
    servers: [Redis; 2],
    proxy: Proxy,
    port: u16,
}

impl Stage {
    fn new(keys: &[&str]) -> Self {
        let servers = [Redis::start(), Redis::start()];
        let items: Vec<String> = servers.iter().map(Redis::item).collect();
        let port = free_port();
        let keys = [&["redis: true", "hash: murmur", "hash_tag: \"{}\""], keys].concat();
        let proxy = Proxy::start(&pool("pinned", port, &keys, &items));
        Self { servers, proxy, port }
    }

    fn client(&self) -> Client {
        Client::tcp(self.port)
    }

    /// A hash tag for each server.
    fn tags(&self) -> [String; 2] {
        let mut client = self.client();
        let mut tags = [const { None }; 2];
        for n in 0.. {
            let key = format!("{{{n}}}probe");
            client.ask(redis(&["SET", &key, "x"]), "+OK\r\n");
            let owner = self.servers.iter().position(|server| {
                let mut direct = server.client();
                direct.send(redis(&["EXISTS", &key]));
                direct.line() == ":1\r\n"
            });
            client.ask(redis(&["DEL", &key]), ":1\r\n");
            tags[owner.expect("it is on one")].get_or_insert(format!("{{{n}}}"));
            if let [Some(a), Some(b)] = &tags {
                return [a.clone(), b.clone()];
            }
        }
        unreachable!("numbers do not end")
    }

    /// Clients of the servers, but for those that ask, in whose line `word` is.
    fn clients_with(&self, word: &str) -> usize {
        let of = |server: &Redis| {
            let mut direct = server.client();
            direct.send(redis(&["CLIENT", "LIST"]));
            let head = direct.line();
            let len = head.trim().trim_start_matches('$').parse().expect("a length");
            let list = String::from_utf8(direct.receive(len)).expect("it is text");
            list.lines()
                .filter(|line| !line.contains("cmd=client|list") && line.contains(word))
                .count()
        };
        self.servers.iter().map(of).sum()
    }

    /// Clients that are blocked.
    fn blocked(&self) -> usize {
        self.clients_with(" flags=b ")
    }
}

#[test]
fn a_transaction_is_all_of_one_server_or_nothing() {
    let stage = Stage::new(&[]);
    let [a, b] = stage.tags();
    let mut client = stage.client();
    client.ask(cmd("MULTI"), "+OK\r\n");
    for line in [format!("SET {a}x 1"), format!("INCR {a}x"), format!("MGET {a}x {a}y")] {
        client.ask(cmd(&line), "+QUEUED\r\n");
    }
    client.ask(cmd("EXEC"), "*3\r\n+OK\r\n:2\r\n*2\r\n$1\r\n2\r\n$-1\r\n");

    // In one go, with what has no key in front, and a key of the other server in the middle.
    let lines = ["MULTI", "PING", &format!("SET {a}x 7"), &format!("SET {b}x 7"), "EXEC"];
    client.ask(cmds(&lines), ["+OK\r\n+QUEUED\r\n+QUEUED\r\n", APART, ABORTED].concat());
    client.ask(cmd(&format!("GET {a}x")), "$1\r\n2\r\n");
    client.ask(cmd(&format!("GET {b}x")), "$-1\r\n");

    // What the server refuses when it is queued, and what it refuses when it is run.
    let lines = ["MULTI", &format!("ZADD {a}x"), &format!("SET {a}x 8"), "EXEC"];
    client.ask(
        cmds(&lines),
        ["+OK\r\n-ERR wrong number of arguments for 'zadd' command\r\n+QUEUED\r\n", ABORTED]
            .concat(),
    );
    let lines = ["MULTI", &format!("LPUSH {a}x 1"), &format!("SET {a}x 9"), "EXEC"];
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    let queued = "+OK\r\n+QUEUED\r\n+QUEUED\r\n";
    client.ask(cmds(&lines), [queued, "*2\r\n", wrong, "+OK\r\n"].concat());

    let lines = ["MULTI", &format!("SET {a}x 10"), "DISCARD", &format!("GET {a}x")];
    client.ask(cmds(&lines), "+OK\r\n+QUEUED\r\n+OK\r\n$1\r\n9\r\n");
    // All of it took one connection besides the shared ones.
    assert_eq!(stage.clients_with("multi="), 3, "{}", stage.proxy.log());
}

#[test]
fn what_the_proxy_answers_itself_is_part_of_a_transaction() {
    let stage = Stage::new(&[]);
    let [tag, _] = stage.tags();
    let mut client = stage.client();
    let (set, get) = (format!("SET {tag}aside v"), format!("GET {tag}aside"));
    let lines = ["MULTI", "CLIENT SETNAME inside", &set, "CLIENT GETNAME", &get, "EXEC"];
    client.send(cmds(&lines));
    client.expect(["+OK\r\n", &"+QUEUED\r\n".repeat(4)].concat());
    client.expect("*4\r\n+OK\r\n+OK\r\n$6\r\ninside\r\n$1\r\nv\r\n");
    client.ask(cmd("CLIENT GETNAME"), "$6\r\ninside\r\n");
    // In another database, and from then on.
    client.send(cmds(&["MULTI", "SELECT 3", &format!("SET {tag}aside three"), "EXEC", &get]));
    client.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n$5\r\nthree\r\n");
    client.ask(cmd("SELECT 0"), "+OK\r\n");
    client.ask(cmd(&get), "$1\r\nv\r\n");
    // Nothing of one that is not run.
    client.ask(cmd(&format!("WATCH {tag}aside")), "+OK\r\n");
    stage.client().ask(cmd(&format!("APPEND {tag}aside w")), ":2\r\n");
    client.send(cmds(&["MULTI", &get, "CLIENT SETNAME never", "EXEC", "CLIENT GETNAME"]));
    client.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*-1\r\n$6\r\ninside\r\n");
    let mut other = stage.client();
    other.send(cmds(&["MULTI", &get, "EXEC"]));
    other.expect("+OK\r\n+QUEUED\r\n*1\r\n$2\r\nvw\r\n");
}

#[test]
fn a_watched_key_that_another_client_changes_stops_the_transaction() {
    let stage = Stage::new(&[]);
    let [a, _] = stage.tags();
    let (mut first, mut second) = (stage.client(), stage.client());
    let (watch, get) = (format!("WATCH {a}w"), format!("GET {a}w"));
    for is_changed in [true, false] {
        first.ask(cmds(&[&format!("SET {a}w 1"), &watch, &get]), "+OK\r\n+OK\r\n$1\r\n1\r\n");
        if is_changed {
            second.ask(cmd(&format!("SET {a}w 2")), "+OK\r\n");
        }
        let exec = if is_changed { "*-1\r\n" } else { "*1\r\n+OK\r\n" };
        first.ask(
            cmds(&["MULTI", &format!("SET {a}w 3"), "EXEC", &get]),
            ["+OK\r\n+QUEUED\r\n", exec, if is_changed { "$1\r\n2\r\n" } else { "$1\r\n3\r\n" }]
                .concat(),
        );
    }
    // UNWATCH frees the connection and forgets the key.
    first.ask(cmds(&[&watch, "UNWATCH"]), "+OK\r\n+OK\r\n");
    second.ask(cmd(&format!("SET {a}w 4")), "+OK\r\n");
    first.ask(cmds(&["MULTI", &get, "EXEC"]), "+OK\r\n+QUEUED\r\n*1\r\n$1\r\n4\r\n");
}

#[test]
fn a_blocked_client_is_woken_by_another_or_by_its_own_timeout() {
    // The timeout of the pool is shorter than what the client waits.
    let stage = Stage::new(&["timeout: 300"]);
    let [a, _] = stage.tags();
    let (mut waiter, mut pusher) = (stage.client(), stage.client());
    for pop in [format!("BLPOP {a}q 0"), format!("BLPOP {a}q 30")] {
        waiter.send(cmd(&pop));
        assert!(eventually(|| stage.blocked() == 1));
        waiter.expect_silence(Duration::from_millis(600));
        pusher.ask(cmd(&format!("RPUSH {a}q v")), ":1\r\n");
        let key = format!("{a}q");
        waiter.expect(format!("*2\r\n${}\r\n{key}\r\n$1\r\nv\r\n", key.len()));
    }
    waiter.ask(cmd(&format!("BLPOP {a}q 0.05")), "*-1\r\n");
    waiter.ask(cmd(&format!("BLPOP {a}q x")), "-ERR timeout is not a float or out of range\r\n");
    waiter
        .ask(cmds(&["MULTI", &format!("BLPOP {a}q 0"), "EXEC"]), "+OK\r\n+QUEUED\r\n*1\r\n*-1\r\n");
    assert_eq!(stage.blocked(), 0);
}

#[test]
fn a_client_that_vanishes_leaves_nobody_blocked_and_no_transaction_behind() {
    let stage = Stage::new(&[]);
    let [a, b] = stage.tags();
    let pop = cmd(&format!("BLPOP {a}q 0"));
    type Leave = fn(Client);
    let leaves: [Leave; 3] = [drop, Client::reset, |mut client| {
        client.half_close();
        client.expect_close();
    }];
    for (n, leave) in leaves.into_iter().enumerate() {
        for behind in [&b""[..], &cmd("PING"), &cmd("SET k v").repeat(5_000)] {
            let mut client = stage.client();
            client.send([&pop, behind].concat());
            assert!(eventually(|| stage.blocked() == 1), "{n}");
            leave(client);
            assert!(eventually(|| stage.blocked() == 0), "{n}, {} bytes behind", behind.len());
        }
        let mut client = stage.client();
        client.ask(
            cmds(&[&format!("WATCH {b}k"), "MULTI", &format!("SET {b}k 1")]),
            "+OK\r\n+OK\r\n+QUEUED\r\n",
        );
        assert_eq!(stage.clients_with(" multi=1 "), 1);
        leave(client);
        assert!(eventually(|| stage.clients_with(" multi=1 ") == 0), "{n}");
        stage.client().ask(cmd(&format!("GET {b}k")), "$-1\r\n");
    }
}

#[test]
fn beyond_the_bound_an_error_names_the_option_and_other_requests_go_on() {
    let stage = Stage::new(&["pinned_connections_max: 2"]);
    let [a, b] = stage.tags();
    let (mut first, mut second, mut third) = (stage.client(), stage.client(), stage.client());
    first.send(cmd(&format!("BLPOP {a}q 0")));
    second.ask(cmd(&format!("WATCH {b}k")), "+OK\r\n");
    assert!(eventually(|| stage.blocked() == 1));
    let full = "-ERR no server connection is left for a transaction or a blocking command: 2 are in \
                use, the limit that pinned_connections_max sets\r\n";
    let lines = [&format!("BLPOP {a}q 0"), "MULTI", &format!("GET {a}k"), "EXEC"];
    third.ask(cmds(&lines), [full, "+OK\r\n", full, ABORTED].concat());
    third.ask(cmd(&format!("GET {a}k")), "$-1\r\n");
    drop(first);
    assert!(eventually(|| stage.blocked() == 0));
    third.ask(cmds(&["MULTI", &format!("GET {a}k"), "EXEC"]), "+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n");
    second.ask(cmd("UNWATCH"), "+OK\r\n");
}

#[test]
fn who_is_blocked_when_the_proxy_stops_is_told_and_the_stop_does_not_wait() {
    let mut stage = Stage::new(&[]);
    let [a, _] = stage.tags();
    let mut client = stage.client();
    client.send(cmd(&format!("BLPOP {a}q 0")));
    assert!(eventually(|| stage.blocked() == 1));
    stage.proxy.signal("TERM");
    client.expect("-ERR the proxy is stopping\r\n");
    client.expect_close();
    assert!(eventually(|| stage.blocked() == 0));
    let status = stage.proxy.wait(Duration::from_secs(3)).expect("it ends before the stop timeout");
    assert!(status.success());
}
