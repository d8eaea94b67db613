//! The memcached parsers against what was recorded from the original with real servers behind it.

use nutcracker_proto::{
    Gather, GatherError, Outcome, ParseError, Piece, Progress, Protocol, Request, RequestParser,
    ResponseParser, Routed, gather, split,
};

#[test]
fn what_the_original_served_is_served_and_what_it_closed_at_is_not_forwarded() {
    let mut cases = 0;
    for [name, end, input, output] in rows(include_str!("data/memcache_requests.tsv")) {
        let name = name.escape_ascii();
        let (requests, error) = requests(&input);
        if end == b"open" {
            let all_served = requests.iter().all(|request| served(request).is_some());
            assert!(all_served && error.is_none(), "{name}: {requests:?} {error:?}");
        } else {
            assert_eq!(end, b"closed", "{name}");
        }
        let served = requests.iter().map_while(|request| match served(request) {
            // Behind a `quit` the original reads nothing.
            Some("quit") => None,
            _ => Some(matches!(request, Request::Routed(routed) if !routed.noreply)),
        });
        let expected = served.filter(|&wants_response| wants_response).count();
        assert_eq!(responses(&output), expected, "{name}: a response a request");
        cases += 1;
    }
    assert_eq!(cases, 117);
}

#[test]
fn what_the_original_relayed_is_a_response_and_what_it_made_an_error_of_is_not() {
    let mut cases = 0;
    for [request, received, response, output] in rows(include_str!("data/memcache_responses.tsv")) {
        let shown = response.escape_ascii();
        let (found, _) = requests(&request);
        let [Request::Routed(routed)] = found.as_slice() else {
            panic!("{}: {found:?}", request.escape_ascii());
        };
        let relayed = !output.starts_with(b"SERVER_ERROR Invalid argument")
            && !output.starts_with(b"SERVER_ERROR Connection timed out");
        let parsed = ResponseParser::new(Protocol::Memcache).parse(&response);
        let keys = routed.keys as usize;
        if keys == 1 {
            assert_eq!(received, request, "{shown}");
            match parsed {
                Ok(Progress::Done(found)) if relayed => {
                    assert_eq!(output, response[..found.len], "{shown}");
                }
                // Answers to what the original did not know: all there is more.
                Ok(Progress::Done(found)) => {
                    let known: [&[u8]; 5] =
                        [b"HD\r\n", b"EN\r\n", b"VA 1\r\nx\r\n", b"OK\r\n", b"STAT a b\r\nEND\r\n"];
                    assert!(known.contains(&&response[..found.len]), "{shown}");
                    assert_eq!(found.outcome, Outcome::Fine, "{shown}");
                }
                Ok(Progress::Incomplete { .. }) => panic!("{shown} is waited for"),
                Err(error) => assert!(!relayed, "{shown}: {error}"),
            }
        } else {
            assert_eq!(received, fragment(routed, &request), "{shown}");
            let gathered = gathered(&vec![0; keys], &response);
            assert_eq!(gathered.ok(), relayed.then_some(output), "{shown}");
        }
        cases += 1;
    }
    assert_eq!(cases, 45);
}

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
    let mut parser = RequestParser::new(Protocol::Memcache, usize::MAX, usize::MAX);
    let mut requests = Vec::new();
    loop {
        let (len, request) = match parser.parse(input) {
            Ok(Progress::Done(request)) => match &request {
                Request::Routed(routed) => (routed.len, request),
                Request::Refused(refused) => (refused.len, request),
                Request::Blank { len } => {
                    input = &input[*len..];
                    continue;
                }
                other => panic!("{other:?} is none of memcached's"),
            },
            Ok(Progress::Incomplete { .. }) => return (requests, None),
            Err(error) => return (requests, Some(error)),
        };
        requests.push(request);
        input = &input[len..];
    }
}

/// The name of the request's command, unless the proxy refuses it.
fn served(request: &Request) -> Option<&'static str> {
    match request {
        Request::Routed(routed) => Some(routed.command.name),
        _ => None,
    }
}

/// How many responses `output` is, which must be all it is.
fn responses(mut output: &[u8]) -> usize {
    let mut parser = ResponseParser::new(Protocol::Memcache);
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
    split::head(Protocol::Memcache, routed, frame, routed.keys, &mut out);
    for part in split::parts(Protocol::Memcache, routed, frame) {
        split::part(Protocol::Memcache, part.bytes(frame), &mut out);
    }
    split::tail(Protocol::Memcache, &mut out);
    out
}

fn gathered(owners: &[u32], response: &[u8]) -> Result<Vec<u8>, GatherError> {
    let mut out = Vec::new();
    gather::gather(Gather::Values, owners, &[response], |piece| match piece {
        Piece::Bytes(bytes) => out.extend_from_slice(bytes),
        Piece::Of { fragment: _, range } => out.extend_from_slice(&response[range]),
    })?;
    Ok(out)
}
