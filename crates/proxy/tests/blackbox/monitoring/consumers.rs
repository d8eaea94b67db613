//! What programs that watch the original make of its statistics. Each of these keeps to the rules
//! that one of them depends on, and is otherwise work of our own. They take the bytes that came on
//! one connection, and give the figures that would be sent on, or the failure.

use super::report::Node;

/// A program that watches: its name, and what it makes of a report.
pub(crate) type Consumer = (&'static str, fn(&str) -> Result<Figures, String>);

/// Figures under the names they are sent on with, in order.
pub(crate) type Figures = Vec<(String, u64)>;

pub(crate) const CONSUMERS: [Consumer; 7] = [
    ("Telegraf's twemproxy input", telegraf),
    ("Datadog's twemproxy check", datadog),
    ("sensu-plugins-twemproxy", sensu),
    ("twemproxy_exporter for Prometheus", exporter),
    ("collectd's twemproxy plugin", collectd),
    ("Diamond's TwemproxyCollector", diamond),
    ("a munin plugin that reads a line", munin),
];

const HEAD: [&str; 7] = [
    "service",
    "source",
    "version",
    "uptime",
    "timestamp",
    "total_connections",
    "curr_connections",
];

const POOL: [&str; 6] = [
    "client_eof",
    "client_err",
    "client_connections",
    "server_ejects",
    "forward_error",
    "fragments",
];

const SERVER: [&str; 13] = [
    "server_eof",
    "server_err",
    "server_timedout",
    "server_connections",
    "server_ejected_at",
    "requests",
    "request_bytes",
    "responses",
    "response_bytes",
    "in_queue",
    "in_queue_bytes",
    "out_queue",
    "out_queue_bytes",
];

fn figure(of: &Node, name: &str) -> Result<u64, String> {
    of.get(name).and_then(Node::number).ok_or_else(|| format!("{name} is no number"))
}

/// Reads to the end of the stream, all of which must be one object. Takes three figures of the head
/// by name, and of each pool that its own configuration names the six; any map in a pool is a server,
/// of which every number becomes a field, known or not.
fn telegraf(text: &str) -> Result<Figures, String> {
    let report = Node::read_all(text)?;
    let mut figures = Figures::new();
    for name in ["total_connections", "curr_connections", "timestamp"] {
        figures.push((name.to_owned(), figure(&report, name)?));
    }
    for pool in ["alpha", "beta", "gamma"] {
        let stats = report.get(pool).filter(|pool| pool.is_object()).ok_or("a pool is missing")?;
        for (key, value) in stats.members() {
            match value {
                Node::Number(number) if POOL.contains(&&**key) => {
                    figures.push((format!("pool={pool} {key}"), *number));
                }
                server => figures.extend(server.members().iter().filter_map(|(name, value)| {
                    Some((format!("pool={pool},server={key} {name}"), value.number()?))
                })),
            }
        }
    }
    Ok(figures)
}

/// Reads to the end of the stream. Whatever is a map at the top is a pool, whatever is a map in a
/// pool is a server; a server that lacks one of the figures gives a metric without a value.
fn datadog(text: &str) -> Result<Figures, String> {
    let report = Node::read_all(text)?;
    let mut figures = Figures::new();
    for (key, value) in report.members() {
        if ["curr_connections", "total_connections"].contains(&&**key) {
            figures.push((key.clone(), figure(&report, key)?));
        }
        for (name, of_pool) in value.members() {
            if of_pool.is_object() {
                for known in SERVER.into_iter().filter(|known| *known != "server_ejected_at") {
                    figures.push((format!("{key},{name}: {known}"), figure(of_pool, known)?));
                }
            } else if POOL.contains(&&**name) {
                figures.push((format!("{key}: {name}"), figure(value, name)?));
            }
        }
    }
    Ok(figures)
}

/// Reads to the end of the stream. Seven keys are skipped by name, and each of the others is walked
/// as a pool: one that is no map ends the script.
fn sensu(text: &str) -> Result<Figures, String> {
    let report = Node::read_all(text)?;
    let mut figures = Figures::new();
    for (pool, value) in report.members().iter().filter(|(key, _)| !HEAD.contains(&&**key)) {
        if !value.is_object() {
            return Err(format!("{pool} has no members"));
        }
        figures.extend(value.figures().into_iter().map(|(path, n)| (path.replace('/', "."), n)));
    }
    Ok(figures)
}

/// Decodes one value from the front of the stream, so nothing may come before it. Takes the seven
/// keys out, each of the type it has; whatever is left must be a pool. Takes six numbers out of a
/// pool; whatever is left must be a server.
fn exporter(text: &str) -> Result<Figures, String> {
    let (report, _) = Node::read(text)?;
    for name in ["service", "source", "version"] {
        let Some(Node::Text(_)) = report.get(name) else {
            return Err(format!("{name} is no text"));
        };
    }
    let mut figures = Figures::new();
    for name in &HEAD[3..] {
        figures.push(((*name).to_owned(), figure(&report, name)?));
    }
    for (pool, of_pool) in report.members().iter().filter(|(key, _)| !HEAD.contains(&&**key)) {
        for name in POOL {
            figures.push((format!("{name}{{{pool}}}"), figure(of_pool, name)?));
        }
        for (server, of_server) in of_pool.members() {
            if POOL.contains(&&**server) {
                continue;
            }
            if !of_server.is_object() {
                return Err(format!("{server} of {pool} is no server"));
            }
            for name in SERVER {
                // What a server lacks is 0.
                let value = of_server.get(name).map_or(Ok(0), |_| figure(of_server, name))?;
                figures.push((format!("{name}{{{pool},{server}}}"), value));
            }
        }
    }
    Ok(figures)
}

/// Reads into 128 KiB. Wants whole numbers throughout pools and servers. Knows a figure by how its
/// key begins, so that `in_queue_bytes` is `in_queue` as well: the last one in order counts. Leaves
/// servers out that have had no request.
fn collectd(text: &str) -> Result<Figures, String> {
    if text.len() >= 128 * 1024 {
        return Err("it does not fit the buffer".to_owned());
    }
    let report = Node::read_all(text)?;
    figure(&report, "uptime")?;
    let begins = |key: &str, names: &[&'static str]| {
        names.iter().copied().find(|name| key.to_ascii_lowercase().starts_with(name))
    };
    let mut figures = Figures::new();
    for (pool, of_pool) in report.members().iter().filter(|(_, value)| value.is_object()) {
        for (key, value) in of_pool.members() {
            if !value.is_object() {
                let number = value.number().ok_or("unexpected object type for pool data")?;
                if let Some(name) = begins(key, &POOL) {
                    figures.push((format!("{pool} {name}"), number));
                }
                continue;
            }
            let mut instance = Figures::new();
            for (figure, value) in value.members() {
                let number = value.number().ok_or("unexpected object type for node data")?;
                if let Some(name) = begins(figure, &SERVER) {
                    instance.retain(|(known, _)| known != name);
                    instance.push((name.to_owned(), number));
                }
            }
            if instance.iter().any(|(name, requests)| name == "requests" && *requests > 0) {
                figures.extend(instance.into_iter().map(|(name, n)| (format!("{key} {name}"), n)));
            }
        }
    }
    Ok(figures)
}

/// Reads to the end of the stream, over TCP or from a unix socket. Passes over four keys by name;
/// whatever else is no map, at any level, must be a number.
fn diamond(text: &str) -> Result<Figures, String> {
    fn walk(node: &Node, path: &str, figures: &mut Figures) -> Result<(), String> {
        for (key, value) in node.members() {
            let path = format!("{path}{}", key.replace('.', "_"));
            match value {
                Node::Object(_) => walk(value, &format!("{path}."), figures)?,
                Node::Number(number) => figures.push((path, *number)),
                Node::Text(text) => return Err(format!("{path} is no number: {text}")),
            }
        }
        Ok(())
    }
    let Node::Object(mut members) = Node::read_all(text)? else { return Err("no map".to_owned()) };
    members.retain(|(key, _)| !["service", "source", "timestamp", "version"].contains(&&**key));
    let mut figures = Figures::new();
    walk(&Node::Object(members), "", &mut figures)?;
    Ok(figures)
}

/// Reads one line and closes: all of the report is on it.
fn munin(text: &str) -> Result<Figures, String> {
    let line = text.split_inclusive('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\n').ok_or("a line without an end")?;
    Ok(Node::read_all(line)?.figures())
}

/// A check for Nagios: reads twice with `nc`. A server is in trouble when requests for it came in
/// between and there is no connection to it. Returns those servers.
pub(crate) fn nagios(first: &str, second: &str) -> Result<Vec<String>, String> {
    let (first, second) = (Node::read_all(first)?, Node::read_all(second)?);
    let mut trouble = Vec::new();
    for (pool, of_pool) in second.members() {
        for (server, now) in of_pool.members().iter().filter(|(_, value)| value.is_object()) {
            let before = first.get(pool).and_then(|pool| pool.get(server));
            let before = figure(before.ok_or("a server that was not there")?, "requests")?;
            if figure(now, "server_connections")? == 0 && figure(now, "requests")? != before {
                trouble.push(server.clone());
            }
        }
    }
    Ok(trouble)
}

/// The rules above have teeth: what a change to the report would do to whom.
#[test]
fn each_consumer_fails_at_what_it_cannot_take() {
    let head = r#"{"service":"nutcracker", "source":"h", "version":"0.5.0", "uptime":1, "timestamp":2, "total_connections":3, "curr_connections":4, "#;
    let server: Vec<String> =
        SERVER.iter().enumerate().map(|(n, name)| format!(r#""{name}":{n}"#)).collect();
    let pool: String =
        POOL.iter().enumerate().map(|(n, name)| format!(r#""{name}":{n}, "#)).collect();
    let pool = format!(r#"{{{pool}"one:1": {{{}}}}}"#, server.join(", "));
    let sound = format!("{head}\"alpha\": {pool},\"beta\": {pool},\"gamma\": {pool}}}\n");
    let names: Vec<&str> = CONSUMERS.iter().map(|(name, _)| *name).collect();
    let [telegraf, datadog, sensu, exporter, collectd, diamond, munin] = names[..] else {
        panic!("{names:?}")
    };
    for (what, report, failing) in [
        ("nothing", sound.clone(), &[][..]),
        ("a header before it", format!("HTTP/1.0 200 OK\r\n\r\n{sound}"), &names),
        ("cut short", sound[..sound.len() - 3].to_owned(), &names),
        ("a second object", sound.repeat(2), &[telegraf, datadog, sensu, collectd, diamond]),
        ("two lines", sound.replacen(", ", ",\n", 1), &[munin]),
        ("no line end", sound.trim_end().to_owned(), &[munin]),
        (
            "a further number in the head",
            sound.replace(", \"uptime\"", ", \"pid\":5, \"uptime\""),
            &[sensu, exporter],
        ),
        (
            "a further text in the head",
            sound.replace(", \"uptime\"", ", \"build\":\"x\", \"uptime\""),
            &[sensu, exporter, diamond],
        ),
        ("a further number in a pool", sound.replace("\"frag", "\"cpu\":7, \"frag"), &[exporter]),
        (
            "a text in a server",
            sound.replace("\"requests\":5", "\"requests\":\"5\""),
            &[datadog, exporter, collectd, diamond],
        ),
        ("one figure less in a pool", sound.replace("\"fragments\":5, ", ""), &[exporter]),
        ("one figure less in a server", sound.replace("\"requests\":5, ", ""), &[datadog]),
        ("a fraction", sound.replace("\"in_queue\":9", "\"in_queue\":9.5"), &names),
    ] {
        assert_eq!(report == sound, what == "nothing", "{what}");
        let failed: Vec<&str> = CONSUMERS
            .iter()
            .filter(|(_, consumer)| consumer(&report).is_err())
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(failed, failing, "{what}: {report}");
    }
    // The order matters to the one that goes by how a key begins.
    let swapped = sound
        .replace(r#""in_queue":9, "in_queue_bytes":10"#, r#""in_queue_bytes":10, "in_queue":9"#);
    let queue = |report: &str| -> u64 {
        let figures = CONSUMERS[4].1(report).expect("it takes both");
        figures.iter().find(|(name, _)| name == "one:1 in_queue").expect("a figure").1
    };
    assert_eq!((queue(&sound), queue(&swapped)), (10, 9));
    // Requests that came without a connection.
    let later = sound.replace("\"requests\":5", "\"requests\":6");
    assert_eq!(nagios(&sound, &later), Ok(vec![]));
    let alone = later.replace("\"server_connections\":3", "\"server_connections\":0");
    assert_eq!(nagios(&sound, &alone), Ok(vec!["one:1".to_owned(); 3]));
}
