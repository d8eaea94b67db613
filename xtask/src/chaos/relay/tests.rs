//! The relay in front of a server that answers every line with `+OK`: each mode does what it says.

use super::*;

/// A server that answers each request of one byte with its number as a status.
fn server() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let port = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        // Ends with its test: the listener's thread waits in accept until the process ends.
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            thread::spawn(move || {
                let mut chunk = [0; 256];
                while let Ok(len) = stream.read(&mut chunk)
                    && len > 0
                {
                    let text: String =
                        chunk[..len].iter().map(|byte| format!("+{byte}\r\n")).collect();
                    let _ = stream.write_all(text.as_bytes());
                }
            });
        }
    });
    port
}

/// What comes back for so many requests, sent together, until nothing more does.
fn answers(mode: Mode, requests: u8) -> (String, u64) {
    let relay = Relay::start(Protocol::Redis, server()).expect("a relay");
    relay.set(mode);
    let mut stream = crate::servers::connect(relay.port()).expect("a connection");
    let bytes: Vec<u8> = (1..=requests).collect();
    stream.write_all(&bytes).expect("a write");
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    let mut text = Vec::new();
    // A reset and a timeout end it alike.
    let _ = stream.read_to_end(&mut text);
    (String::from_utf8_lossy(&text).into_owned(), relay.spoilt())
}

fn right(requests: u8) -> String {
    (1..=requests).map(|byte| format!("+{byte}\r\n")).collect()
}

#[test]
fn what_passes_is_whole() {
    assert_eq!(answers(Mode::Pass, 60), (right(60), 0));
    assert_eq!(answers(Mode::Silent, 60).0, "");
    for mode in [Mode::Delay(30), Mode::Trickle, Mode::Truncated(30)] {
        let (text, spoilt) = answers(mode, 60);
        assert_eq!(text, right(60), "{mode:?}");
        assert!(spoilt > 0, "{mode:?}");
    }
}

#[test]
fn every_so_many_answers_one_is_spoilt() {
    let due = EVERY as u8;
    for mode in [Mode::Cut, Mode::Reset] {
        let (text, spoilt) = answers(mode, 60);
        assert_eq!((&*text, spoilt), (&*format!("{}+2", right(due - 1)), 1), "{mode:?}");
    }
    let (text, spoilt) = answers(Mode::Unasked, 30);
    assert_eq!((text.matches("\r\n").count(), spoilt), (31, 1));
    let (text, _) = answers(Mode::WrongKind, 30);
    assert!(text.contains("+24\r\n:7\r\n+26\r\n"), "{text}");
    let (text, _) = answers(Mode::Garbage, 30);
    assert!(text.contains("garbage") && !text.contains("+25"), "{text}");
}

#[test]
fn answers_that_come_together_are_swapped() {
    let (text, spoilt) = answers(Mode::Swap, 2);
    assert_eq!((&*text, spoilt), ("+2\r\n+1\r\n", 1));
}
