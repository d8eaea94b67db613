//! The Redis parsers against what was recorded from the original with real servers behind it.

use nutcracker_proto::{
    Gather, GatherError, ParseError, Piece, Progress, Protocol, Request, RequestParser,
    ResponseParser, Routed, Travel, gather, split,
};

#[test]
fn what_the_original_served_is_served_and_what_it_closed_at_is_not_forwarded() {
    let mut cases = 0;
    for [name, end, input, output] in rows(include_str!("data/redis_requests.tsv")) {
        let name = name.escape_ascii();
        let (requests, error) = requests(&input);
        let routed =
            requests.iter().filter(|request| matches!(request, Request::Routed(_))).count();
        if end == b"open" {
            assert!(error.is_none(), "{name}: {error:?}");
            // The original leaves a number of keys to the server, whose words are the parser's.
            let answered = requests.len() - routed;
            let refusals = requests.iter().filter(|request| match request {
                Request::Refused(refused) => output == refused.answer,
                _ => false,
            });
            assert_eq!(answered, refusals.count(), "{name}: {requests:?}");
            assert_eq!(responses(&output), requests.len(), "{name}: a response a request");
        } else if SERVED_NOW.contains(&name.to_string().as_str()) {
            assert_eq!((end.as_slice(), routed), (&b"closed"[..], requests.len()), "{name}");
        } else {
            assert_eq!(end, b"closed", "{name}");
            assert_eq!(responses(&output), routed, "{name}: a response a request");
        }
        cases += 1;
    }
    assert_eq!(cases, 275);
}

/// What the original closes at, and servers take by now: `ECHO`, and commands that have got more
/// arguments since (`EXPIRE key seconds NX`, `ZRANK key member WITHSCORE`).
const SERVED_NOW: &[&str] =
    &["auth-unsupported-before", "arity-expireat-3", "arity-pexpireat-3", "arity-zrank-3"];

#[test]
fn what_the_original_relayed_is_a_response_and_what_it_made_an_error_of_is_not() {
    let mut cases = 0;
    for [request, received, response, output] in rows(include_str!("data/redis_responses.tsv")) {
        let shown = response.escape_ascii();
        let (found, _) = requests(&request);
        let [Request::Routed(routed)] = found.as_slice() else {
            panic!("{}: {found:?}", request.escape_ascii());
        };
        let parsed = ResponseParser::new(Protocol::Redis).parse(&response);
        if let (Travel::Split(kind), 2..) = (routed.command.travel, routed.keys) {
            assert_eq!(received, fragment(routed, &request), "{shown}");
            assert!(matches!(parsed, Ok(Progress::Done(_))), "{shown}: {parsed:?}");
            let gathered = gathered(kind, routed.keys as usize, &response);
            if kind == Gather::Status || !GATHERED_WRONGLY.contains(&&response[..]) {
                let relayed = output != b"-ERR Invalid argument\r\n";
                assert_eq!(gathered.ok(), relayed.then_some(output), "{shown}");
            } else if response == b":-5\r\n" {
                assert_eq!(gathered.ok().as_deref(), Some(&b":-5\r\n"[..]), "with its sign");
            } else {
                assert!(gathered.is_err(), "{shown}");
            }
            cases += 1;
            continue;
        }
        assert_eq!(received, request, "{shown}");
        match parsed {
            Ok(Progress::Done(found)) if output == response[..found.len] => {}
            // What says that the server is unwell, and RESP3: both are framed all the same.
            Ok(Progress::Done(_)) => {
                let begins = [&b"-OOM"[..], b"-BUSY", b"-LOADING"];
                let known = begins.iter().any(|begin| response.starts_with(begin))
                    || b"_%~,#(>=".contains(&response[0])
                    || response == b"*1\r\n_\r\n";
                assert!(known, "{shown}: {}", output.escape_ascii());
            }
            Ok(Progress::Incomplete { .. }) => {
                assert_eq!(output, b"-ERR Connection timed out\r\n", "{shown}");
            }
            Err(error) => {
                let closed = output == b"-ERR Invalid argument\r\n";
                assert!(closed || TAKEN_WRONGLY.contains(&&response[..]), "{shown}: {error}");
            }
        }
        cases += 1;
    }
    assert_eq!(cases, 77);
}

/// What the original relays though no server may say it: numbers that are none, and lengths that
/// wrap.
const TAKEN_WRONGLY: &[&[u8]] =
    &[b":\r\n", b":1-2\r\n", b":99999999999999999999\r\n", b"$-2\r\n", b"$4294967299\r\nabc\r\n"];

/// What the original makes a response of that is broken, or wrong: arrays of another length, other
/// types, and a sum without its sign. (`MSET` takes any status or number for one.)
const GATHERED_WRONGLY: &[&[u8]] = &[
    b":1\r\n",
    b"+OK\r\n",
    b"*1\r\n$1\r\na\r\n",
    b"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
    b":-5\r\n",
];

/// The rows of a file of recorded cases.
fn rows(text: &'static str) -> impl Iterator<Item = [Vec<u8>; 4]> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let fields: Vec<_> = line.split('\t').map(unescape).collect();
        fields.try_into().unwrap_or_else(|_| panic!("four fields: {line:?}"))
    })
}

fn unescape(field: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut chars = field.chars();
    while let Some(char) = chars.next() {
        out.push(match char {
            '\\' => match chars.next() {
                Some('r') => b'\r',
                Some('n') => b'\n',
                Some('t') => b'\t',
                Some('\\') => b'\\',
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).collect();
                    u8::from_str_radix(&digits, 16).unwrap()
                }
                other => panic!("{field:?} escapes {other:?}"),
            },
            char => u8::try_from(char).unwrap(),
        });
    }
    out
}

fn requests(mut input: &[u8]) -> (Vec<Request>, Option<ParseError>) {
    let mut parser = RequestParser::new(Protocol::Redis, usize::MAX, usize::MAX);
    let mut requests = Vec::new();
    loop {
        let (len, request) = match parser.parse(input) {
            Ok(Progress::Done(request)) => match &request {
                Request::Routed(routed) => (routed.len, request),
                Request::Refused(refused) => (refused.len, request),
                Request::Inline(inline) => (inline.len, request),
                Request::Blank { len } => (*len, request),
            },
            Ok(Progress::Incomplete { .. }) => return (requests, None),
            Err(error) => return (requests, Some(error)),
        };
        requests.push(request);
        input = &input[len..];
    }
}

/// How many responses `output` is, which must be all it is.
fn responses(mut output: &[u8]) -> usize {
    let mut parser = ResponseParser::new(Protocol::Redis);
    let mut count = 0;
    while !output.is_empty() {
        match parser.parse(output) {
            Ok(Progress::Done(response)) => output = &output[response.len..],
            other => panic!("{}: {other:?}", output.escape_ascii()),
        }
        count += 1;
    }
    count
}

/// All the keys of a request in one fragment.
fn fragment(routed: &Routed, frame: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    split::head(Protocol::Redis, routed, frame, routed.keys, &mut out);
    for part in split::parts(Protocol::Redis, routed, frame) {
        split::part(Protocol::Redis, part.bytes(frame), &mut out);
    }
    split::tail(Protocol::Redis, &mut out);
    out
}

fn gathered(kind: Gather, keys: usize, response: &[u8]) -> Result<Vec<u8>, GatherError> {
    let mut out = Vec::new();
    gather::gather(kind, &vec![0; keys], &[response], |piece| match piece {
        Piece::Bytes(bytes) => out.extend_from_slice(bytes),
        Piece::Of { fragment: _, range } => out.extend_from_slice(&response[range]),
    })?;
    Ok(out)
}
