//! `CLIENT LIST` and `CLIENT KILL` where other workers have clients too.

use nutcracker_engine::{CloseReason, ConnId, Share};

use crate::stage::{Stage, cmd, redis};

/// The workers that `asker` wants to ask answer, those as well whom it asks only then.
fn others_answer(workers: &mut [Stage], asker: usize) {
    while let Some(share) = next_share(workers, asker) {
        workers[asker].is_told(share);
    }
}

/// What the next worker says whom `asker` wants to ask; it has not come back yet.
fn next_share(workers: &mut [Stage], asker: usize) -> Option<Share> {
    let questions = &mut workers[asker].questions;
    if questions.is_empty() {
        return None;
    }
    let (worker, question) = questions.remove(0);
    assert_eq!(question.asker().0 as usize, asker);
    Some(workers[worker.0 as usize].is_asked(&question))
}

/// The numbers of the clients in a list that the client has got.
fn listed(stage: &mut Stage, client: ConnId) -> Vec<u32> {
    let list = String::from_utf8(stage.take(client)).expect("a list is text");
    let ids = list.lines().filter_map(|line| line.strip_prefix("id="));
    ids.map(|rest| rest.split(' ').next().expect("words").parse().expect("a number")).collect()
}

#[test]
fn the_list_has_the_clients_of_all_workers_in_the_order_in_which_they_came() {
    let mut workers = Stage::workers::<3>(redis(1));
    let one = workers[0].client();
    for worker in [2, 1, 0, 2] {
        workers[worker].client();
    }
    // It has its place behind what came before it, and what comes behind it waits.
    workers[0].sends(one, [cmd("GET a"), cmd("CLIENT LIST"), cmd("GET b")].concat());
    let server = workers[0].server(0);
    workers[0].gets(server, cmd("GET a"));
    workers[0].sends(server, "$1\r\na\r\n");
    workers[0].gets(one, "$1\r\na\r\n");
    assert_eq!(workers[0].questions.len(), 2);
    workers[0].gets_nothing(server);
    others_answer(&mut workers, 0);
    workers[0].gets(server, cmd("GET b"));
    workers[0].sends(server, "$1\r\nb\r\n");
    let answer = String::from_utf8(workers[0].take(one)).expect("text");
    assert_eq!(answer.matches(" cmd=client|list ").count(), 1, "{answer}");
    let ids: Vec<&str> = answer.lines().filter(|line| line.starts_with("id=")).collect();
    for (at, line) in ids.iter().enumerate() {
        assert!(line.starts_with(&format!("id={} ", at + 1)), "{answer}");
    }
    assert!(ids.len() == 5 && answer.ends_with("\r\n$1\r\nb\r\n"), "{answer}");
    workers.iter().for_each(Stage::is_quiet);
    assert_eq!(workers[0].engine.poll_timeout(), None, "nobody is waited for");

    workers[0].sends(one, cmd("CLIENT LIST ID 5 2 77"));
    others_answer(&mut workers, 0);
    assert_eq!(listed(&mut workers[0], one), [2, 5]);
    // Who is meant is here, or nowhere: nobody is asked.
    for (line, expected) in [("CLIENT LIST ID 4 1", &[1, 4][..]), ("CLIENT LIST TYPE replica", &[])]
    {
        workers[0].sends(one, cmd(line));
        assert!(workers[0].questions.is_empty(), "{line}");
        assert_eq!(listed(&mut workers[0], one), expected, "{line}");
    }
}

#[test]
fn clients_of_other_workers_are_closed_and_counted_and_nothing_overtakes_that() {
    let mut workers = Stage::workers::<3>(redis(1));
    let [one, two] = [(); 2].map(|()| workers[0].client());
    let [three, four] = [(); 2].map(|()| workers[1].client());
    let five = workers[2].client();
    workers[1].sends(three, cmd("GET k"));
    workers[0].sends(one, [cmd("CLIENT KILL ID 3"), cmd("SET k 1")].concat());
    assert!(workers[0].conns_of(0).is_empty(), "what is behind it waits");
    others_answer(&mut workers, 0);
    workers[0].gets(one, ":1\r\n");
    assert!(workers[1].is_closed(three) && !workers[1].is_closed(four));
    let server = workers[0].server(0);
    workers[0].gets(server, cmd("SET k 1"));
    workers[0].sends(server, "+OK\r\n");
    workers[0].gets(one, "+OK\r\n");
    let server = workers[1].server(0);
    workers[1].sends(server, "$-1\r\n");

    // Itself at last, when it has the answer.
    workers[0].sends(one, cmd("CLIENT KILL TYPE normal SKIPME no"));
    assert!(workers[0].is_closed(two) && !workers[0].is_closed(one));
    others_answer(&mut workers, 0);
    workers[0].gets(one, ":4\r\n");
    assert!(workers[0].is_closed(one));
    assert!(workers[1].is_closed(four) && workers[2].is_closed(five));
    workers.iter().for_each(Stage::is_quiet);
}

#[test]
fn one_client_is_closed_by_its_address_and_workers_are_asked_until_one_has_it() {
    let mut workers = Stage::workers::<4>(redis(1));
    let one = workers[0].client();
    let [two, three] = [2, 3].map(|worker| workers[worker].client());
    workers[0].sends(one, cmd("CLIENT KILL 1.2.3.4:5"));
    for _other in 1..4 {
        workers[0].gets_nothing(one);
        assert_eq!(workers[0].questions.len(), 1, "one after the other");
        let share = next_share(&mut workers, 0).expect("one is asked");
        workers[0].is_told(share);
    }
    workers[0].gets(one, "-ERR No such client\r\n");

    // All clients of a stage have the same address, as those of a unix socket do.
    let asker = workers[1].client();
    workers[1].sends(asker, cmd("CLIENT KILL 127.0.0.1:50000"));
    assert!(workers[1].is_closed(asker) && workers[1].questions.is_empty(), "it is here");
    workers[1].gets(asker, "+OK\r\n");
    workers[0].closes(one, CloseReason::Eof);
    let asker = workers[1].client_from("10.0.0.1:1");
    workers[1].sends(asker, [cmd("CLIENT KILL 127.0.0.1:50000"), cmd("PING")].concat());
    others_answer(&mut workers, 1);
    workers[1].gets(asker, "+OK\r\n+PONG\r\n");
    assert!(workers[2].is_closed(two) && !workers[3].is_closed(three), "one of them");
    workers.iter().for_each(Stage::is_quiet);
}

#[test]
fn a_worker_that_does_not_answer_is_named_and_its_late_share_is_of_no_use() {
    let mut workers = Stage::workers::<3>(redis(1));
    let one = workers[0].client();
    let two = workers[1].client();
    workers[2].client();
    workers[0].sends(one, cmd("CLIENT LIST"));
    let share = next_share(&mut workers, 0).expect("two are asked");
    workers[0].is_told(share);
    let late = next_share(&mut workers, 0).expect("two are asked");
    workers[0].passes(999);
    workers[0].gets_nothing(one);
    workers[0].passes(2);
    workers[0].gets(
        one,
        "-ERR worker-2 did not say within 1000 ms which clients it has: ask again, and look what keeps \
         that thread busy\r\n",
    );
    workers[0].is_told(late);
    workers[0].gets_nothing(one);

    workers[0].sends(one, cmd("CLIENT KILL TYPE normal"));
    let share = next_share(&mut workers, 0).expect("two are asked");
    workers[0].is_told(share);
    assert!(workers[1].is_closed(two));
    workers[0].passes(1_001);
    workers[0].gets(
        one,
        "-ERR worker-2 did not answer within 1000 ms and may close clients later; of the other workers' \
         clients 1 were closed\r\n",
    );
    workers[0].questions.clear();
    workers[0].sends(one, cmd("CLIENT KILL 1.2.3.4:5"));
    workers[0].passes(1_001);
    workers[0].gets(
        one,
        "-ERR worker-1 did not answer within 1000 ms and may close the client later; no worker asked \
         before it has such a client\r\n",
    );
    assert_eq!(workers[0].engine.poll_timeout(), None, "nobody is waited for");
    workers.iter().for_each(Stage::is_quiet);
}

#[test]
fn a_client_that_asks_and_leaves_gets_no_answer_and_leaves_nothing_behind() {
    let mut workers = Stage::workers::<2>(redis(1));
    let (one, two) = (workers[0].client(), workers[0].client());
    let other = workers[1].client();
    for (client, ask) in [(one, "CLIENT LIST"), (two, "CLIENT KILL ID 3")] {
        workers[0].sends(client, cmd(ask));
        workers[0].closes(client, CloseReason::Reset);
        assert!(workers[0].is_closed(client));
    }
    assert_eq!(workers[0].engine.poll_timeout(), None, "nobody waits");
    others_answer(&mut workers, 0);
    assert!(workers[1].is_closed(other), "what was asked is done");
    workers[0].is_quiet();

    // One that only says that it will ask no more still gets its answer.
    let one = workers[0].client();
    workers[0].sends(one, cmd("CLIENT LIST"));
    workers[0].closes(one, CloseReason::Eof);
    assert!(!workers[0].is_closed(one));
    others_answer(&mut workers, 0);
    assert_eq!(listed(&mut workers[0], one), [4]);
    assert!(workers[0].is_closed(one));
    workers[0].is_quiet();
}

#[test]
fn who_wants_no_answer_closes_others_all_the_same_before_its_next_request() {
    let mut workers = Stage::workers::<2>(redis(1));
    let one = workers[0].client();
    let other = workers[1].client();
    let lines =
        ["CLIENT REPLY OFF", "CLIENT KILL ID 2", "SET k 1", "CLIENT REPLY ON", "CLIENT LIST"];
    workers[0].sends(one, lines.map(cmd).concat());
    assert!(workers[0].conns_of(0).is_empty(), "what is behind it waits");
    others_answer(&mut workers, 0);
    assert!(workers[1].is_closed(other));
    let server = workers[0].server(0);
    workers[0].gets(server, cmd("SET k 1"));
    workers[0].sends(server, "+OK\r\n");
    let answer = String::from_utf8(workers[0].take(one)).expect("text");
    assert!(answer.starts_with("+OK\r\n$") && answer.contains("\nid=1 "), "{answer}");
    assert!(!answer.contains("\nid=2 "), "{answer}");

    // One that closes itself, and is not told.
    workers[0]
        .sends(one, [cmd("CLIENT REPLY OFF"), cmd("CLIENT KILL TYPE normal SKIPME no")].concat());
    assert!(!workers[0].is_closed(one));
    others_answer(&mut workers, 0);
    workers[0].gets_nothing(one);
    assert!(workers[0].is_closed(one));
    workers.iter().for_each(Stage::is_quiet);
}
