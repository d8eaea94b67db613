//! A client against proxies that make one mistake each: it must see it, and call it by its name.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener};

use super::*;

/// What a stand-in for the proxy does with an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mistake {
    None,
    Twice,
    Never,
    CloseInstead,
    CloseInTheMiddle,
    /// Sets are acknowledged and not done.
    Forgets,
    /// The value that was asked for before.
    AnothersValue,
}

/// The answer that the mistake is made with. Later than all first sets.
const AT: usize = 60;

/// Serves connections, one at a time, until the listener's last client has gone for good.
fn serve(listener: &TcpListener, mistake: Mistake, world: &World) {
    let mut held: HashMap<String, Vec<u8>> = HashMap::new();
    let (mut nth, mut made) = (0, false);
    let mut before = b"$-1\r\n".to_vec();
    listener.set_nonblocking(true).expect("nonblocking");
    while !world.is_over() {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        stream.set_nonblocking(false).expect("blocking");
        let mut stream = std::io::BufReader::new(stream);
        while let Some(words) = read_request(&mut stream) {
            nth += 1;
            let key = String::from_utf8(words[1].clone()).expect("a key");
            let is_due = nth >= AT && !made;
            let is_set = words.len() == 3;
            let mut answer = if is_set {
                if !(is_due && mistake == Mistake::Forgets) {
                    held.insert(key, words[2].clone());
                }
                b"+OK\r\n".to_vec()
            } else {
                match held.get(&key) {
                    Some(value) => {
                        [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat()
                    }
                    None => b"$-1\r\n".to_vec(),
                }
            };
            let right = answer.clone();
            if is_due {
                made = match mistake {
                    // Not once: the next set of the key would make up for it.
                    Mistake::Forgets => false,
                    Mistake::AnothersValue => !is_set && before != right,
                    _ => true,
                };
                match mistake {
                    Mistake::Twice => answer.extend_from_slice(&right),
                    Mistake::Never => answer.clear(),
                    Mistake::CloseInstead => break,
                    Mistake::CloseInTheMiddle => answer.truncate(3),
                    Mistake::AnothersValue if !is_set => answer.clone_from(&before),
                    _ => {}
                }
            }
            if !is_set {
                before = right;
            }
            stream.get_mut().write_all(&answer).expect("the client reads");
            if is_due && mistake == Mistake::CloseInTheMiddle {
                break;
            }
        }
    }
}

/// A request's words; `None` when the client has gone.
fn read_request(stream: &mut impl std::io::BufRead) -> Option<Vec<Vec<u8>>> {
    let count = read_number(stream)?;
    let mut words = Vec::new();
    for _ in 0..count {
        let len = read_number(stream)?;
        let mut word = vec![0; len + 2];
        stream.read_exact(&mut word).ok()?;
        word.truncate(len);
        words.push(word);
    }
    Some(words)
}

fn read_number(stream: &mut impl std::io::BufRead) -> Option<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    line.trim_end().get(1..)?.parse().ok()
}

/// What a client saw of a proxy with this mistake.
fn seen(mistake: Mistake) -> Tally {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let port = listener.local_addr().expect("its address").port();
    let world = World::new(1, false);
    // Answers are seen by the next request on the same connection, so the last look needs a server
    // still; it serves until this is over.
    let done = World::new(1, false);
    let mut keys: Vec<Known> = ["a", "b", "c"].map(|key| Known::new(key.to_owned())).into();
    let habits = Habits {
        protocol: Protocol::Redis,
        port,
        window: 1,
        gets_several: false,
        pace: Duration::from_millis(2),
        patience: Duration::from_millis(400),
        sixth: None,
        seed: 3,
    };
    thread::scope(|scope| {
        scope.spawn(|| serve(&listener, mistake, &done));
        let first = Client::new(habits, &mut keys, &world).prepare();
        assert_eq!((first.requests, first.wrong), (3, 0));
        let client = scope.spawn(|| Client::new(habits, &mut keys, &world).play());
        thread::sleep(Duration::from_millis(800));
        world.end();
        let tally = client.join().expect("a client does not panic");
        done.end();
        tally
    })
}

/// Wrong, lost, duplicated and hung.
fn counts(tally: &Tally) -> [u64; 4] {
    [tally.wrong, tally.lost, tally.duplicated, tally.hung]
}

#[test]
fn each_mistake_is_seen_and_called_by_its_name() {
    let cases = [
        (Mistake::None, [0, 0, 0, 0]),
        (Mistake::Twice, [0, 0, 1, 0]),
        (Mistake::Never, [0, 0, 0, 1]),
        (Mistake::CloseInstead, [0, 1, 0, 0]),
        (Mistake::CloseInTheMiddle, [0, 1, 0, 0]),
    ];
    for (mistake, expected) in cases {
        let tally = seen(mistake);
        assert!(tally.requests > AT as u64, "{mistake:?}: {tally:?}");
        assert_eq!(counts(&tally), expected, "{mistake:?}: {tally:?}");
        assert_eq!(tally.findings.is_empty(), mistake == Mistake::None, "{mistake:?}");
    }
}

#[test]
fn a_forgotten_set_and_anothers_value_are_wrong() {
    for mistake in [Mistake::Forgets, Mistake::AnothersValue] {
        let tally = seen(mistake);
        let [wrong, rest @ ..] = counts(&tally);
        assert!(wrong >= 1, "{mistake:?}: {tally:?}");
        assert_eq!(rest, [0; 3], "{mistake:?}: {tally:?}");
    }
}
