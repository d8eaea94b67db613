//! `CLIENT LIST` and `CLIENT KILL` through a proxy of several workers: the clients of all of them.

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::Redis;
use crate::harness::wire::redis;
use crate::harness::{eventually, ms};

/// Sends the words of `line`.
fn say(client: &mut Client, line: &str) {
    client.send(redis(&line.split(' ').collect::<Vec<_>>()));
}

/// The one line that `client` is answered.
fn said(client: &mut Client, line: &str) -> String {
    say(client, line);
    client.line()
}

/// A client and its number.
fn numbered(mut client: Client) -> (Client, u64) {
    let answer = said(&mut client, "CLIENT ID");
    let number = answer.trim_start_matches(':').trim_end().parse().expect("a number");
    (client, number)
}

/// The lines of a list that `client` is given.
fn list(client: &mut Client, line: &str) -> Vec<String> {
    let head = said(client, line);
    let len: usize = head.trim_start_matches('$').trim_end().parse().expect("a bulk string");
    let body = String::from_utf8(client.receive(len + 2)).expect("a list is text");
    body.trim_end().lines().map(ToOwned::to_owned).collect()
}

fn has_number(line: &str, number: u64) -> bool {
    line.starts_with(&format!("id={number} "))
}

#[test]
fn the_clients_of_all_workers_are_listed_and_closed_and_counted() {
    for workers in ["2", "3"] {
        let server = Redis::start();
        let listen = free_port();
        let conf = pool("alpha", listen, &["redis: true"], &[server.item()]);
        let proxy = Proxy::start_with(&conf, &["-w", workers]);
        // They are dealt to the workers in turn.
        let mut clients: Vec<(Client, u64)> =
            (0..7).map(|_| numbered(Client::tcp(listen))).collect();
        let numbers: Vec<u64> = clients.iter().map(|(_, number)| *number).collect();
        for (at, (client, number)) in clients.iter_mut().enumerate() {
            let lines = list(client, "CLIENT LIST");
            assert_eq!(lines.len(), numbers.len(), "{lines:?}");
            for (line, listed) in lines.iter().zip(&numbers) {
                assert!(has_number(line, *listed), "{line}");
                assert_eq!(line.contains(" cmd=client|list "), listed == number, "{line}");
            }
            let name = format!("name-{at}");
            assert_eq!(said(client, &format!("CLIENT SETNAME {name}")), "+OK\r\n");
        }
        let (mut first, _) = clients.remove(0);
        let lines = list(&mut first, "CLIENT LIST");
        for (at, line) in lines.iter().enumerate() {
            assert!(line.contains(&format!(" name=name-{at} ")), "{line}");
        }

        // One that waits for a server, and one in a transaction, are clients like others.
        let (mut blocked, blocked_number) = clients.remove(0);
        say(&mut blocked, "BLPOP census:none 0");
        let (mut subscriber, _) = clients.remove(0);
        say(&mut subscriber, "SUBSCRIBE census:news");
        assert_eq!(subscriber.line(), "*3\r\n");
        let shown = list(&mut first, "CLIENT LIST TYPE pubsub");
        assert!(shown.len() == 1 && shown[0].contains(" name=name-2 "), "{shown:?}");
        let line = format!("CLIENT KILL ID {blocked_number}");
        assert_eq!(said(&mut first, &line), ":1\r\n");
        blocked.expect_close();
        assert_eq!(said(&mut first, &line), ":0\r\n");

        // By its address, in the old form: one of another worker, one of the same, nobody.
        let lines = list(&mut first, "CLIENT LIST");
        for (client, number) in clients.drain(..2) {
            let line = lines.iter().find(|line| has_number(line, number)).expect("it is listed");
            let address = line.split_once("addr=").expect("each has one").1;
            let address = address.split(' ').next().expect("words");
            assert_eq!(said(&mut first, &format!("CLIENT KILL {address}")), "+OK\r\n");
            let mut client = client;
            client.expect_close();
            let again = said(&mut first, &format!("CLIENT KILL {address}"));
            assert_eq!(again, "-ERR No such client\r\n");
        }

        // All that are left but the one that asks: two, and the subscriber is of another type.
        assert_eq!(said(&mut first, "CLIENT KILL TYPE normal"), ":2\r\n");
        clients.iter_mut().for_each(|(client, _)| client.expect_close());
        assert_eq!(said(&mut first, "CLIENT KILL TYPE pubsub"), ":1\r\n");
        first.ask(redis(&["PING"]), "+PONG\r\n");
        assert_eq!(said(&mut first, "CLIENT KILL TYPE normal SKIPME no"), ":1\r\n");
        first.expect_close();
        assert!(eventually(|| proxy.figure("alpha", "client_connections") == 0), "{workers}");
    }
}

#[test]
fn lists_are_right_while_clients_are_busy_and_come_and_go() {
    let server = Redis::start();
    let listen = free_port();
    let conf = pool("alpha", listen, &["redis: true"], &[server.item()]);
    let proxy = Proxy::start_with(&conf, &["-w", "2"]);
    let steady: Vec<(Client, u64)> = (0..4).map(|_| numbered(Client::tcp(listen))).collect();
    let mut askers: Vec<Client> = (0..2).map(|_| Client::tcp(listen)).collect();
    std::thread::scope(|scope| {
        for asker in &mut askers {
            scope.spawn(|| {
                for round in 0..100 {
                    // A list in the middle of a pipeline has its place there.
                    let key = format!("census:{round}");
                    let line = ["SET", &key, "v"];
                    asker.send(
                        [redis(&line), redis(&["CLIENT", "LIST"]), redis(&["GET", &key])].concat(),
                    );
                    asker.expect("+OK\r\n");
                    let head = asker.line();
                    let len = head.trim_start_matches('$').trim_end().parse::<usize>();
                    let body = asker.receive(len.unwrap_or_else(|_| panic!("{head}")) + 2);
                    let body = String::from_utf8(body).expect("text");
                    for (_, number) in &steady {
                        let found = body.lines().filter(|line| has_number(line, *number)).count();
                        assert_eq!(found, 1, "{number} in {body}");
                    }
                    asker.expect("$1\r\nv\r\n");
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..50 {
                let (mut client, number) = numbered(Client::tcp(listen));
                // Leaves while it waits for the other worker, or is told by then.
                say(&mut client, &format!("CLIENT KILL ID {}", number + 1_000_000));
            }
        });
    });
    drop((steady, askers));
    assert!(eventually(|| proxy.figure("alpha", "client_connections") == 0));
    let Some(status) = ({
        let mut proxy = proxy;
        proxy.signal("TERM");
        proxy.wait(ms(4_000))
    }) else {
        panic!("nobody is waited for at the end")
    };
    assert!(status.success());
}

#[test]
fn one_client_of_a_unix_socket_is_closed_by_the_address_that_all_have() {
    let server = Redis::start();
    let scratch = Scratch::new();
    let path = scratch.path("census.sock");
    let conf = pool("alpha", text(&path), &["redis: true"], &[server.item()]);
    let _proxy = Proxy::start_with(&conf, &["-w", "3"]);
    let (mut asker, _) = numbered(Client::unix(&path));
    let _others: Vec<(Client, u64)> = (0..5).map(|_| numbered(Client::unix(&path))).collect();
    assert_eq!(list(&mut asker, "CLIENT LIST").len(), 6);
    let mut other = Client::unix(&path);
    assert_eq!(said(&mut other, "CLIENT KILL ADDR unix:0 SKIPME yes ID 2"), ":1\r\n");
    assert_eq!(list(&mut other, "CLIENT LIST").len(), 6);
    assert_eq!(said(&mut other, "CLIENT KILL unix:0"), "+OK\r\n");
    // It was the one that asked, if that is the oldest of its worker.
    let (mut last, _) = numbered(Client::unix(&path));
    assert_eq!(list(&mut last, "CLIENT LIST").len(), 6);
}
