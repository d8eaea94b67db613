//! `CLIENT` and its subcommands.

use std::fmt::Write as _;

use super::super::digits;
use super::{NO_INTEGER, Refusal, Reply, SYNTAX, is, printable, unknown_subcommand, wrong_arity};
use crate::protocol::Version;

/// What is said to a name that is none.
pub(super) const INVALID_NAME: Refusal =
    Refusal::Borrowed("ERR Client names cannot contain spaces, newlines or special characters.");

/// What a `CLIENT` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAsk<'a> {
    /// Its own number.
    Id,
    /// Its own line of the list.
    Info,
    /// Its own name.
    GetName,
    /// Another name, or none where it is empty.
    SetName(&'a [u8]),
    /// The library's name.
    SetLibraryName(&'a [u8]),
    /// The library's version.
    SetLibraryVersion(&'a [u8]),
    /// The lines of those that pass.
    List(ClientFilter<'a>),
    /// The connections of those that pass are closed, and counted.
    Kill(ClientFilter<'a>),
    /// The connection from that address is closed.
    KillAddress(&'a [u8]),
    /// Whether it is spared when memory is short.
    NoEvict(bool),
    /// Whether its reads count as uses of their keys.
    NoTouch(bool),
    /// Which of its requests are answered.
    Reply(ReplyMode),
    /// `TRACKING OFF`, which it always is.
    TrackingOff,
    /// What is tracked.
    TrackingInfo,
    /// Where its invalidations go.
    GetRedirection,
    /// The subcommands there are.
    Help,
}

/// Which requests of a client are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyMode {
    /// All.
    On,
    /// None.
    Off,
    /// All but the next.
    Skip,
}

/// Which clients are meant. A part that is not there lets all pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientFilter<'a> {
    /// These numbers.
    pub ids: Option<Vec<u64>>,
    /// This address of the client's.
    pub address: Option<&'a [u8]>,
    /// None, for the clients here are of another kind (replicas, say).
    pub nobody: bool,
    /// Those that are subscribed to something, or those that are not.
    pub subscribers: Option<bool>,
    /// Not the one that asks.
    pub skip_me: bool,
    /// Connected for so many seconds.
    pub age_min: Option<u64>,
}

impl ClientFilter<'_> {
    /// Whether that client passes. Who asks is for the caller to know.
    #[must_use]
    pub fn passes(&self, client: &ClientFacts<'_>) -> bool {
        let subscribed = client.subscriptions != [0; 3];
        !self.nobody
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&client.id))
            && self.address.is_none_or(|address| address == client.address.as_bytes())
            && self.subscribers.is_none_or(|wanted| wanted == subscribed)
            && self.age_min.is_none_or(|least| client.age >= least)
    }
}

/// What is told of a client.
#[derive(Clone, Debug, Default)]
pub struct ClientFacts<'a> {
    /// Its number.
    pub id: u64,
    /// Where it is connected from.
    pub address: String,
    /// The name it gave itself.
    pub name: &'a [u8],
    /// The name of its library.
    pub library_name: &'a [u8],
    /// The version of its library.
    pub library_version: &'a [u8],
    /// For how long it has been connected, seconds.
    pub age: u64,
    /// Its database.
    pub database: u32,
    /// The version of the protocol it speaks.
    pub version: Version,
    /// Channels, patterns and shard channels it is subscribed to.
    pub subscriptions: [usize; 3],
    /// Commands that wait in its transaction, if it is in one.
    pub queued: Option<usize>,
    /// It asked to be spared.
    pub no_evict: bool,
    /// It asked that its reads count for nothing.
    pub no_touch: bool,
    /// Bytes that wait to be sent to it.
    pub unsent_bytes: usize,
    /// What it asked for last, where that is known.
    pub command: Option<&'static str>,
}

/// Whether `CLIENT SETNAME` takes the name: no space, no control character, nothing beyond ASCII. As
/// Redis has it.
#[must_use]
pub fn is_valid_name(name: &[u8]) -> bool {
    name.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

/// Reads what follows the word `CLIENT`.
///
/// # Errors
/// In Redis' words where it would refuse it too, in our own where the proxy does not serve it.
pub fn parse_client<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<ClientAsk<'a>, Refusal> {
    let words: Vec<&[u8]> = words.collect();
    let [subcommand, arguments @ ..] = words.as_slice() else {
        return Err("ERR wrong number of arguments for 'client' command".into());
    };
    let name = subcommand.to_ascii_lowercase();
    let wrong = || wrong_arity("client", subcommand);
    match (name.as_slice(), arguments) {
        (b"id", []) => Ok(ClientAsk::Id),
        (b"info", []) => Ok(ClientAsk::Info),
        (b"getname", []) => Ok(ClientAsk::GetName),
        (b"setname", [name]) => match is_valid_name(name) {
            true => Ok(ClientAsk::SetName(name)),
            false => Err(INVALID_NAME),
        },
        (b"setinfo", [attribute, value]) => set_info(attribute, value),
        (b"list", options) => list(options).map(ClientAsk::List),
        (b"kill", [address]) => Ok(ClientAsk::KillAddress(address)),
        (b"kill", [_, _, ..]) => kill(arguments).map(ClientAsk::Kill),
        (b"no-evict", [choice]) => on_off(choice).map(ClientAsk::NoEvict),
        (b"no-touch", [choice]) => on_off(choice).map(ClientAsk::NoTouch),
        (b"reply", [mode]) if is(mode, "on") => Ok(ClientAsk::Reply(ReplyMode::On)),
        (b"reply", [mode]) if is(mode, "off") => Ok(ClientAsk::Reply(ReplyMode::Off)),
        (b"reply", [mode]) if is(mode, "skip") => Ok(ClientAsk::Reply(ReplyMode::Skip)),
        (b"reply", [_]) => Err(SYNTAX),
        (b"tracking", [choice, ..]) => match on_off(choice)? {
            true => Err(TRACKING_REFUSED.into()),
            false => Ok(ClientAsk::TrackingOff),
        },
        (b"caching", [_]) => Err(CACHING_REFUSED.into()),
        (b"trackinginfo", []) => Ok(ClientAsk::TrackingInfo),
        (b"getredir", []) => Ok(ClientAsk::GetRedirection),
        (b"unblock", [id] | [id, _]) => match digits::whole_integer(id) {
            Some(_) => Err(UNBLOCK_REFUSED.into()),
            None => Err(NO_INTEGER),
        },
        (b"pause", [_] | [_, _]) | (b"unpause", []) => Err(PAUSE_REFUSED.into()),
        (b"help", []) => Ok(ClientAsk::Help),
        (
            b"id" | b"info" | b"getname" | b"setname" | b"setinfo" | b"kill" | b"no-evict"
            | b"no-touch" | b"reply" | b"tracking" | b"caching" | b"trackinginfo" | b"getredir"
            | b"unblock" | b"pause" | b"unpause" | b"help",
            _,
        ) => Err(wrong()),
        _ => Err(unknown_subcommand("client", subcommand)),
    }
}

const TRACKING_REFUSED: &str = "ERR CLIENT TRACKING is not served by the proxy: its clients share \
                                connections to the servers; switch client-side caching off";
const CACHING_REFUSED: &str = "ERR CLIENT CACHING can be called only when the client is in tracking \
                               mode with OPTIN or OPTOUT mode enabled";
const UNBLOCK_REFUSED: &str = "ERR CLIENT UNBLOCK is not served by the proxy; CLIENT KILL ID is";
const PAUSE_REFUSED: &str =
    "ERR CLIENT PAUSE and UNPAUSE are not served by the proxy: ask the servers themselves";

fn set_info<'a>(attribute: &[u8], value: &'a [u8]) -> Result<ClientAsk<'a>, Refusal> {
    let ask = if is(attribute, "lib-name") {
        ClientAsk::SetLibraryName(value)
    } else if is(attribute, "lib-ver") {
        ClientAsk::SetLibraryVersion(value)
    } else {
        return Err(format!("ERR Unrecognized option '{}'", printable(attribute)).into());
    };
    if is_valid_name(value) {
        return Ok(ask);
    }
    let attribute = printable(attribute);
    Err(format!("ERR {attribute} cannot contain spaces, newlines or special characters.").into())
}

fn on_off(choice: &[u8]) -> Result<bool, Refusal> {
    match () {
        () if is(choice, "on") => Ok(true),
        () if is(choice, "off") => Ok(false),
        () => Err(SYNTAX),
    }
}

fn list<'a>(options: &[&'a [u8]]) -> Result<ClientFilter<'a>, Refusal> {
    let mut filter = ClientFilter::default();
    match options {
        [] => {}
        [option, kind] if is(option, "type") => of_type(&mut filter, kind)?,
        [option, ids @ ..] if is(option, "id") && !ids.is_empty() => {
            filter.ids = Some(
                ids.iter()
                    .map(|id| number(id))
                    .collect::<Option<_>>()
                    .ok_or(Refusal::Borrowed("ERR Invalid client ID"))?,
            );
        }
        _ => return Err(SYNTAX),
    }
    Ok(filter)
}

fn kill<'a>(options: &[&'a [u8]]) -> Result<ClientFilter<'a>, Refusal> {
    let mut filter = ClientFilter { skip_me: true, ..ClientFilter::default() };
    for pair in options.chunks(2) {
        let [option, value] = pair else { return Err(SYNTAX) };
        if is(option, "id") {
            let id = number(value).filter(|id| *id > 0);
            let id = id.ok_or(Refusal::Borrowed("ERR client-id should be greater than 0"))?;
            filter.ids = Some(vec![id]);
        } else if is(option, "type") {
            of_type(&mut filter, value)?;
        } else if is(option, "addr") {
            filter.address = Some(value);
        } else if is(option, "laddr") {
            return Err("ERR CLIENT KILL LADDR is not served by the proxy; ADDR and ID are".into());
        } else if is(option, "user") {
            if !value.eq(b"default") {
                return Err(format!("ERR No such user '{}'", printable(value)).into());
            }
        } else if is(option, "skipme") {
            filter.skip_me = match () {
                () if is(value, "yes") => true,
                () if is(value, "no") => false,
                () => return Err(SYNTAX),
            };
        } else if is(option, "maxage") {
            let age = digits::whole_integer(value)
                .ok_or(Refusal::Borrowed("ERR maxage is not an integer or out of range"))?;
            let age = u64::try_from(age).ok().filter(|age| *age > 0);
            let age = age.ok_or(Refusal::Borrowed("ERR maxage should be greater than 0"))?;
            filter.age_min = Some(age);
        } else {
            return Err(SYNTAX);
        }
    }
    Ok(filter)
}

/// A client's number; none that is below zero.
fn number(word: &[u8]) -> Option<u64> {
    digits::whole_integer(word).and_then(|number| u64::try_from(number).ok())
}

fn of_type(filter: &mut ClientFilter<'_>, kind: &[u8]) -> Result<(), Refusal> {
    match () {
        () if is(kind, "normal") => filter.subscribers = Some(false),
        () if is(kind, "pubsub") => filter.subscribers = Some(true),
        () if is(kind, "master") || is(kind, "replica") || is(kind, "slave") => {
            filter.nobody = true;
        }
        () => return Err(format!("ERR Unknown client type '{}'", printable(kind)).into()),
    }
    Ok(())
}

/// Adds a client's line of `CLIENT LIST`, with all fields that Redis' line has; those that mean
/// nothing here are as those of an idle client.
pub fn client_line(client: &ClientFacts<'_>, out: &mut Vec<u8>) {
    let mut line = format!("id={} addr={} laddr= fd=-1 name=", client.id, client.address);
    let text = |bytes| String::from_utf8_lossy(bytes);
    line += &text(client.name);
    let mut flags = String::new();
    let [channels, patterns, shards] = client.subscriptions;
    for (flag, is_set) in [
        ('P', client.subscriptions != [0; 3]),
        ('x', client.queued.is_some()),
        ('e', client.no_evict),
        ('T', client.no_touch),
    ] {
        if is_set {
            flags.push(flag);
        }
    }
    if flags.is_empty() {
        flags.push('N');
    }
    let resp = match client.version {
        Version::Resp2 => 2,
        Version::Resp3 => 3,
    };
    let unsent = client.unsent_bytes;
    let queued = client.queued.map_or_else(|| "-1".to_owned(), |queued| queued.to_string());
    writeln!(
        line,
        " age={} idle=0 flags={flags} db={} sub={channels} psub={patterns} ssub={shards} multi={queued} \
         watch=0 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl={unsent} oll=0 omem=0 \
         tot-mem={unsent} events=r cmd={} user=default redir=-1 resp={resp} lib-name={} lib-ver={}",
        client.age,
        client.database,
        client.command.unwrap_or("NULL"),
        text(client.library_name),
        text(client.library_version),
    )
    .expect("a string takes all");
    out.extend_from_slice(line.as_bytes());
}

/// The answer to `CLIENT TRACKINGINFO`: nothing is tracked.
pub fn tracking_info(reply: &mut Reply<'_>) {
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(1);
    reply.bulk(b"off");
    reply.bulk(b"redirect");
    reply.integer(-1);
    reply.bulk(b"prefixes");
    reply.array(0);
}

/// The answer to `CLIENT HELP`.
pub fn client_help(reply: &mut Reply<'_>) {
    super::help(
        "CLIENT",
        &[
            ("GETNAME", "The name of this connection."),
            ("GETREDIR", "Where this connection's invalidations go: nowhere."),
            ("ID", "The number of this connection."),
            ("INFO", "This connection's line of the list."),
            ("KILL <ip:port>", "Closes the connection from that address."),
            (
                "KILL <option> <value> [<option> <value> [...]]",
                "Closes connections, by ADDR, ID, TYPE, USER, MAXAGE and SKIPME.",
            ),
            ("LIST [TYPE <type>|ID <id> [<id> ...]]", "The connections of this pool."),
            ("NO-EVICT (ON|OFF)", "Kept for the list; it changes nothing."),
            ("NO-TOUCH (ON|OFF)", "Kept for the list; it changes nothing."),
            ("REPLY (ON|OFF|SKIP)", "Which requests are answered."),
            ("SETINFO <LIB-NAME|LIB-VER> <value>", "Tells of the library."),
            ("SETNAME <name>", "Names this connection."),
            ("TRACKING OFF", "Client-side caching, which is always off."),
            ("TRACKINGINFO", "What is tracked: nothing."),
        ],
        reply,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<ClientAsk<'_>, Refusal> {
        parse_client(line.split(' ').map(str::as_bytes))
    }

    #[test]
    fn each_subcommand_is_known_whatever_its_case() {
        let everybody = ClientFilter::default();
        let others = ClientFilter { skip_me: true, ..ClientFilter::default() };
        for (line, expected) in [
            ("id", ClientAsk::Id),
            ("INFO", ClientAsk::Info),
            ("GetName", ClientAsk::GetName),
            ("SETNAME me", ClientAsk::SetName(b"me")),
            ("SETNAME ", ClientAsk::SetName(b"")),
            ("SETINFO LIB-NAME redis-py", ClientAsk::SetLibraryName(b"redis-py")),
            ("setinfo lib-ver 5.0.1", ClientAsk::SetLibraryVersion(b"5.0.1")),
            ("LIST", ClientAsk::List(everybody.clone())),
            (
                "LIST TYPE replica",
                ClientAsk::List(ClientFilter { nobody: true, ..everybody.clone() }),
            ),
            ("LIST ID 3 4", ClientAsk::List(ClientFilter { ids: Some(vec![3, 4]), ..everybody })),
            ("KILL 1.2.3.4:5", ClientAsk::KillAddress(b"1.2.3.4:5")),
            (
                "KILL ID 9 SKIPME no",
                ClientAsk::Kill(ClientFilter {
                    ids: Some(vec![9]),
                    skip_me: false,
                    ..others.clone()
                }),
            ),
            (
                "KILL ADDR 1.2.3.4:5 TYPE normal USER default",
                ClientAsk::Kill(ClientFilter {
                    address: Some(b"1.2.3.4:5"),
                    subscribers: Some(false),
                    ..others.clone()
                }),
            ),
            ("KILL MAXAGE 60", ClientAsk::Kill(ClientFilter { age_min: Some(60), ..others })),
            ("NO-EVICT on", ClientAsk::NoEvict(true)),
            ("NO-TOUCH OFF", ClientAsk::NoTouch(false)),
            ("REPLY SKIP", ClientAsk::Reply(ReplyMode::Skip)),
            ("TRACKING OFF", ClientAsk::TrackingOff),
            ("TRACKINGINFO", ClientAsk::TrackingInfo),
            ("GETREDIR", ClientAsk::GetRedirection),
            ("HELP", ClientAsk::Help),
        ] {
            assert_eq!(asked(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_in_the_words_of_redis() {
        // Each was asked of redis-server 7.0.15, but for SETINFO, which it does not have.
        for (line, expected) in [
            ("FOO", "ERR unknown subcommand 'FOO'. Try CLIENT HELP."),
            (
                "MAINT_NOTIFICATIONS ON",
                "ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.",
            ),
            ("ID x", "ERR wrong number of arguments for 'client|id' command"),
            ("SETNAME", "ERR wrong number of arguments for 'client|setname' command"),
            (
                "SETNAME a\nb",
                "ERR Client names cannot contain spaces, newlines or special characters.",
            ),
            ("SETINFO foo x", "ERR Unrecognized option 'foo'"),
            (
                "SETINFO lib-ver a\tb",
                "ERR lib-ver cannot contain spaces, newlines or special characters.",
            ),
            ("LIST TYPE foo", "ERR Unknown client type 'foo'"),
            ("LIST ID x", "ERR Invalid client ID"),
            ("LIST FOO", "ERR syntax error"),
            ("NO-EVICT x", "ERR syntax error"),
            ("REPLY foo", "ERR syntax error"),
            ("KILL ID x", "ERR client-id should be greater than 0"),
            ("KILL ID 0", "ERR client-id should be greater than 0"),
            ("KILL SKIPME maybe", "ERR syntax error"),
            ("KILL TYPE foo", "ERR Unknown client type 'foo'"),
            ("KILL USER bob", "ERR No such user 'bob'"),
            ("KILL FOO bar", "ERR syntax error"),
            ("TRACKING foo", "ERR syntax error"),
            ("CACHING YES", CACHING_REFUSED),
            ("UNBLOCK x", "ERR value is not an integer or out of range"),
        ] {
            assert_eq!(asked(line), Err(expected.into()), "{line}");
        }
    }

    #[test]
    fn what_the_proxy_cannot_do_for_one_client_alone_is_refused_with_a_reason() {
        for line in ["TRACKING ON", "TRACKING on BCAST", "PAUSE 100", "UNPAUSE", "UNBLOCK 7"] {
            let refusal = asked(line).expect_err(line);
            assert!(refusal.contains("not served by the proxy"), "{line}: {refusal}");
        }
    }

    #[test]
    fn a_line_of_the_list_has_the_fields_of_redis_in_its_order() {
        let mut out = Vec::new();
        let facts = ClientFacts {
            id: 3,
            address: "127.0.0.1:60698".into(),
            name: b"me",
            library_name: b"redis-py",
            library_version: b"5.0.1",
            database: 2,
            version: Version::Resp3,
            no_evict: true,
            command: Some("client|info"),
            ..ClientFacts::default()
        };
        client_line(&facts, &mut out);
        let line = String::from_utf8(out).expect("it is text");
        // Those of redis-server 7.0.15, with 7.2's two and 7.4's one.
        let fields = "id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf \
                      qbuf-free argv-mem multi-mem rbs rbp obl oll omem tot-mem events cmd user \
                      redir resp lib-name lib-ver";
        let names = line.trim_end().split(' ').map(|field| field.split('=').next().unwrap_or(""));
        assert!(names.eq(fields.split_whitespace()), "{line}");
        for part in [
            "id=3 addr=127.0.0.1:60698 ",
            " name=me age=0 ",
            " flags=e db=2 ",
            " cmd=client|info user=default redir=-1 resp=3 lib-name=redis-py lib-ver=5.0.1\n",
        ] {
            assert!(line.contains(part), "{part:?} of {line}");
        }
    }

    #[test]
    fn nothing_is_tracked() {
        let mut out = Vec::new();
        tracking_info(&mut Reply::new(Version::Resp2, &mut out));
        // redis-server 7.0.15's.
        let expected = b"*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n";
        assert_eq!(out, expected);
    }
}
