//! Clients with too much outstanding.

use nutcracker_engine::CloseReason;
use nutcracker_engine::limits::PoolLimits;

use crate::stage::{Stage, bulk, cmd, redis};

#[test]
fn a_client_with_too_many_requests_outstanding_is_read_again_at_half() {
    let max = outstanding_max();
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    let requests: Vec<_> = (0..max + 10).map(|n| cmd(&format!("TTL {n}"))).collect();
    assert!(!stage.sends(client, requests.concat()), "the socket is not to be read on");
    assert!(!stage.engine.may_read(client));
    let server = stage.server(0);
    stage.gets(server, requests[..max].concat());

    stage.sends(server, ":1\r\n".repeat(max / 2 - 1));
    assert!(stage.reads.is_empty() && !stage.engine.may_read(client));
    stage.sends(server, ":1\r\n");
    assert_eq!(stage.reads, [client]);
    assert!(stage.engine.may_read(client));
    stage.gets(server, requests[max..].concat());
    stage.sends(server, ":1\r\n".repeat(max / 2 + 10));
    stage.gets(client, ":1\r\n".repeat(max + 10));
    assert_eq!(stage.reads, [client], "once is enough");
    stage.is_quiet();
}

#[test]
fn a_paused_client_with_more_than_fits_is_paused_again() {
    let max = outstanding_max();
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    let requests: Vec<_> = (0..max * 3).map(|n| cmd(&format!("TTL {n}"))).collect();
    stage.sends(client, requests.concat());
    let server = stage.server(0);
    let mut answered = 0;
    while answered < requests.len() {
        assert_eq!(stage.engine.may_read(client), answered >= max * 2, "{answered} answered");
        stage.sends(server, ":1\r\n");
        answered += 1;
    }
    stage.gets(server, requests.concat());
    stage.gets(client, ":1\r\n".repeat(max * 3));
    stage.is_quiet();
}

#[test]
fn a_client_that_does_not_read_its_responses_is_not_read_from() {
    let value = bulk(&vec![b'v'; 100_000]);
    let responses = unsent_bytes_max() / value.len() + 1;
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.clogs(client, 0);
    stage.sends(client, cmd("GET k").repeat(responses));
    let server = stage.server(0);
    for _ in 0..responses {
        stage.sends(server, &value);
    }
    stage.take(server);
    assert!(!stage.sends(client, cmd("GET last")), "enough waits for it");
    stage.gets_nothing(server);
    stage.takes(client, value.len() * responses / 2);
    stage.gets_nothing(server);
    assert!(stage.reads.is_empty());
    stage.unclogs(client);
    assert_eq!(stage.reads, [client]);
    stage.gets(server, cmd("GET last"));
    stage.sends(server, "$-1\r\n");
    let mut expected = value.repeat(responses);
    expected.extend_from_slice(b"$-1\r\n");
    stage.gets(client, expected);
    stage.is_quiet();
}

#[test]
fn a_client_that_reads_as_quickly_as_it_is_answered_here_goes_on_once_a_turn() {
    let mut stage = Stage::new(redis(1));
    let (greedy, other) = (stage.client(), stage.client());
    stage.sends(greedy, "COMMAND\r\n");
    let answer = stage.take(greedy);
    let asked = unsent_bytes_max() / answer.len() * 10;
    stage.all_send(&[(greedy, &b"COMMAND\r\n".repeat(asked)[..]), (other, b"PING\r\n")]);
    stage.gets(other, "+PONG\r\n");
    let most_a_turn = 2 * (unsent_bytes_max() + answer.len());
    let mut got = stage.take(greedy).len();
    assert!(got <= most_a_turn, "{got} bytes while the others waited");
    while stage.engine.has_postponed() {
        assert!(stage.reads.is_empty(), "what was read is not all answered");
        stage.turns();
        let in_turn = stage.take(greedy).len();
        assert!((1..=most_a_turn).contains(&in_turn), "{in_turn} bytes after {got}");
        got += in_turn;
    }
    assert_eq!(got, asked * answer.len());
    assert_eq!(stage.reads, [greedy]);
    stage.is_quiet();
}

#[test]
fn a_paused_client_that_dies_leaves_nothing_behind() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("TTL k").repeat(outstanding_max() * 2));
    stage.closes(client, CloseReason::Reset);
    let server = stage.server(0);
    stage.gets(server, cmd("TTL k").repeat(outstanding_max()));
    stage.sends(server, ":1\r\n".repeat(outstanding_max()));
    assert!(stage.reads.is_empty());
    stage.is_quiet();
}

#[test]
fn a_failing_server_resumes_the_clients_that_waited_for_it() {
    let max = outstanding_max();
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("TTL k").repeat(max + 1));
    let old = stage.server(0);
    stage.closes(old, CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n".repeat(max));
    assert_eq!(stage.reads, [client]);
    let new = stage.server(0);
    stage.gets(new, cmd("TTL k"));
    stage.sends(new, ":1\r\n");
    stage.gets(client, ":1\r\n");
    stage.is_quiet();
}

fn outstanding_max() -> usize {
    PoolLimits::default().client_requests as usize
}

fn unsent_bytes_max() -> usize {
    PoolLimits::default().client_unsent_bytes as usize
}
