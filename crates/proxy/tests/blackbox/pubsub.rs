//! Publish and subscribe through the proxy, on real servers: each message comes once, to everyone who
//! is subscribed, whichever server its channel lives on, and goes on after that server was restarted; and
//! each is counted, whichever worker it is on.

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{REDIS, Redis, item};
use crate::harness::wire::redis;

fn cmd(line: &str) -> Vec<u8> {
    redis(&line.split(' ').collect::<Vec<_>>())
}

fn told(verb: &str, name: &str, count: usize) -> String {
    format!("*3\r\n${}\r\n{verb}\r\n${}\r\n{name}\r\n:{count}\r\n", verb.len(), name.len())
}

fn message(channel: &str, payload: &str) -> String {
    let (name, len) = (channel.len(), payload.len());
    format!("*3\r\n$7\r\nmessage\r\n${name}\r\n{channel}\r\n${len}\r\n{payload}\r\n")
}

/// The answer to `PUBSUB NUMSUB`.
fn numsub(counts: &[(&str, usize)]) -> String {
    let pairs = counts
        .iter()
        .map(|(channel, count)| format!("${}\r\n{channel}\r\n:{count}\r\n", channel.len()));
    format!("*{}\r\n{}", counts.len() * 2, pairs.collect::<String>())
}

#[test]
fn what_is_published_comes_once_to_everyone_who_is_subscribed() {
    let port = free_port();
    let servers: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let _proxy = Proxy::start(&pool("pubsub", port, &["redis: true"], &servers));
    let mut publisher = Client::tcp(port);
    let mut subscribers: Vec<Client> = (0..50).map(|_| Client::tcp(port)).collect();
    let mut matcher = Client::tcp(port);
    matcher.ask(cmd("PSUBSCRIBE room:*"), told("psubscribe", "room:*", 1));
    for subscriber in &mut subscribers {
        for n in 0..8 {
            let channel = format!("room:{n}");
            let count = n + 1;
            subscriber
                .ask(cmd(&format!("SUBSCRIBE {channel}")), told("subscribe", &channel, count));
        }
    }
    for n in 0..8 {
        let channel = format!("room:{n}");
        publisher.ask(cmd(&format!("PUBLISH {channel} hello{n}")), ":51\r\n");
        let payload = format!("hello{n}");
        for subscriber in &mut subscribers {
            subscriber.expect(message(&channel, &payload));
        }
        let pattern = format!(
            "*4\r\n$8\r\npmessage\r\n$6\r\nroom:*\r\n$6\r\n{channel}\r\n$6\r\n{payload}\r\n"
        );
        matcher.expect(pattern);
    }
    publisher.ask(cmd("PUBLISH room:9 x"), ":1\r\n");
    publisher.ask(cmd("PUBLISH elsewhere x"), ":0\r\n");
}

#[test]
fn counts_are_of_the_clients_of_both_workers_and_of_who_listens_past_the_proxy() {
    let (port, server_port) = (free_port(), free_port());
    let _server = Redis::start_on(server_port, &[]);
    let conf = pool("counts", port, &["redis: true"], &[item(server_port)]);
    let _proxy = Proxy::start_with(&conf, &["-w", "2"]);
    // They are dealt in turn: half of them to each worker.
    let mut publishers = [Client::tcp(port), Client::tcp(port)];
    let mut subscribers: Vec<Client> = (0..8).map(|_| Client::tcp(port)).collect();
    let mut matchers = [Client::tcp(port), Client::tcp(port)];
    let mut past = Client::tcp(server_port);
    past.ask(cmd("SUBSCRIBE a"), told("subscribe", "a", 1));
    for (n, subscriber) in subscribers.iter_mut().enumerate() {
        subscriber.ask(cmd("SUBSCRIBE a"), told("subscribe", "a", 1));
        for publisher in &mut publishers {
            publisher.ask(cmd("PUBSUB NUMSUB a b"), numsub(&[("a", n + 2), ("b", 0)]));
        }
    }
    for matcher in &mut matchers {
        matcher.ask(cmd("PSUBSCRIBE [ab]"), told("psubscribe", "[ab]", 1));
    }
    for publisher in &mut publishers {
        publisher.ask(cmd("PUBLISH a x"), ":11\r\n");
        publisher.ask(cmd("PUBLISH b x"), ":2\r\n");
        publisher.ask(cmd("PUBLISH c x"), ":0\r\n");
        publisher.ask(cmd("PUBSUB NUMSUB a"), numsub(&[("a", 9)]));
        publisher.ask(cmd("PUBSUB NUMPAT"), ":1\r\n");
    }
    for listener in subscribers.iter_mut().chain([&mut past]) {
        listener.expect([message("a", "x"), message("a", "x")].concat());
    }
    drop((subscribers, matchers));
    for publisher in &mut publishers {
        let alone = numsub(&[("a", 1)]);
        let is_alone = |publisher: &mut Client| {
            publisher.send(cmd("PUBSUB NUMSUB a"));
            publisher.receive(alone.len()) == alone.as_bytes()
        };
        assert!(eventually(|| is_alone(publisher)), "they are gone");
        // The patterns go in their own time, and until their servers have said so a count may leave out one
        // that listens past the proxy.
        let is_one = |publisher: &mut Client| {
            publisher.send(cmd("PUBLISH a x"));
            publisher.line() == ":1\r\n"
        };
        assert!(eventually(|| is_one(publisher)), "they are gone");
    }
}

#[test]
fn subscribers_hear_again_after_their_server_was_restarted() {
    let (port, server_port) = (free_port(), free_port());
    let server = Redis::start_on(server_port, &[]);
    let proxy = Proxy::start(&pool("restart", port, &["redis: true"], &[item(server_port)]));
    let (mut subscriber, mut publisher) = (Client::tcp(port), Client::tcp(port));
    subscriber.ask(cmd("SUBSCRIBE a"), told("subscribe", "a", 1));
    drop(server);
    let _server = Redis::start_on(server_port, &[]);
    let heard = |publisher: &mut Client| {
        publisher.send(cmd("PUBLISH a x"));
        publisher.line().trim_end() == ":1"
    };
    assert!(eventually(|| heard(&mut publisher)), "{}", proxy.log());
    subscriber.expect(message("a", "x"));
}
