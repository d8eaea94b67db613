//! memcached's meta commands: a pipeline through the proxy to two servers is answered as a lone
//! memcached answers it.

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::Memcached;

/// Pipelines, each of which ends in the barrier. Keys with another number may live on another server.
fn pipelines() -> Vec<String> {
    let mut pipelines = Vec::new();
    for round in 0..8 {
        let key = |n: usize| format!("meta:{round}:{n}");
        let mut lines = String::new();
        for n in 0..12 {
            lines += &format!("ms {} 3 q T0\r\nv{n:02}\r\n", key(n));
        }
        for n in 0..16 {
            lines += &format!("mg {} v q k O{n}\r\nmg {} s t f\r\n", key(n), key(n));
        }
        for n in 0..16 {
            lines += &format!("md {} q k O{n}\r\nget {} {}\r\n", key(n), key(n), key(n + 1));
            lines += &format!("ms {} 1 MR q k\r\nx\r\n", key(n));
        }
        for n in 0..6 {
            lines += &format!("ma {} N0 J{n} v O{n}\r\nma {} q v\r\n", key(n), key(n));
            lines += &format!("ma {}:none q k\r\ngat 0 {} {}\r\n", key(n), key(n), key(n + 3));
        }
        pipelines.push(lines);
    }
    pipelines.push(
        "ms YWJj 2 b q\r\nhi\r\nget abc\r\nmg abc v k\r\nmg YWJj b v k O1\r\nmd YWJj q b\r\nget abc\r\n\
         mg YWJ b\r\nms !!!! 2 b\r\nmn\r\n"
            .to_owned(),
    );
    pipelines.push(
        "ms bad 2 Z\r\nmn\r\nms bad 2 Tx q\r\nmn\r\nms bad 2 q q\r\nmn\r\nms bad 2 MX\r\nmn\r\nmg bad Z\r\n\
         mg bad v v\r\nmg\r\nma bad Dx q\r\nmd bad Z q\r\nme bad\r\nget bad\r\n"
            .to_owned(),
    );
    pipelines.push(
        "mg won N30 v t\r\nmg won v\r\nms won 1 T0\r\nx\r\nmd won I T30\r\nmg won v f\r\nmg won v f\r\n\
         set text 5 0 1\r\n7\r\nmg text v f\r\nma text q\r\nma text v\r\nincr text 1\r\nverbosity 1\r\n"
            .to_owned(),
    );
    pipelines
}

#[test]
fn meta_pipelines_over_two_servers_are_answered_as_by_one() {
    let servers = [Memcached::start(), Memcached::start()];
    let alone = Memcached::start();
    let listen = free_port();
    let items: Vec<_> = servers.iter().map(Memcached::item).collect();
    let _proxy = Proxy::start(&pool("meta", listen, &["auto_eject_hosts: false"], &items));
    let mut client = Client::tcp(listen);
    let mut reference = Client::tcp(alone.port());
    let end = "mn\r\nmg the:end\r\n";
    for pipeline in pipelines() {
        let request = format!("{pipeline}{end}");
        reference.send(&request);
        client.send(&request);
        let mut expected = String::new();
        while !expected.ends_with("MN\r\nEN\r\n") {
            let line = reference.line();
            assert!(!line.is_empty(), "{request:?} was answered with {expected:?} and no more");
            expected += &line;
        }
        client.expect(&expected);
    }
}
