//! redis-rs, by its blocking connection.
//!
//! Arguments: port, "proxy" or "control", cells. Prints of each cell how it went; one that is not in
//! the table is one that the library has no use for.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Debug;
use std::thread;
use std::time::Duration;

use redis::{Commands, Connection, ErrorKind, RedisResult};

type Went = Result<(), Box<dyn Error>>;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let port: u16 = arguments[1].parse().expect("a port");
    let lock = std::fs::read_to_string(std::env::var("FOLDER").unwrap() + "/source/Cargo.lock");
    println!("version {}", version(&lock.unwrap_or_default()).unwrap_or("?"));
    for cell in &arguments[3..] {
        let function: fn(u16) -> Went = match cell.as_str() {
            "connect" => connect,
            "get-set" => get_set,
            "many-keys" => many_keys,
            "pipeline" => pipeline,
            "resp3" => resp3,
            "transaction" => transaction,
            "pubsub" => pubsub,
            "scan" => scan,
            "blocking" => blocking,
            "script" => script,
            "databases" => databases,
            "close" => close,
            _ => {
                println!("{cell} none");
                continue;
            }
        };
        match function(port) {
            Ok(()) => println!("{cell} ok"),
            Err(error) => println!("{cell} fail {}", error.to_string().replace('\n', " ")),
        }
    }
}

/// The version of `redis` that a lock file names.
fn version(lock: &str) -> Option<&str> {
    let (_, rest) = lock.split_once("name = \"redis\"\nversion = \"")?;
    rest.split('"').next()
}

fn open(port: u16, more: &str) -> RedisResult<Connection> {
    let connection = redis::Client::open(format!("redis://127.0.0.1:{port}/{more}"))?.get_connection()?;
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok(connection)
}

fn expect<T: PartialEq + Debug>(what: &str, found: T, wanted: T) -> Went {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("{what}: {found:?} instead of {wanted:?}").into()),
    }
}

fn connect(port: u16) -> Went {
    expect("PING", redis::cmd("PING").query::<String>(&mut open(port, "")?)?, "PONG".to_owned())
}

fn get_set(port: u16) -> Went {
    let mut c = open(port, "")?;
    expect("GET of nothing", c.get::<_, Option<String>>("absent")?, None)?;
    for n in 0..100 {
        let () = c.set(format!("k{n}"), format!("v{n}"))?;
        expect("GET", c.get::<_, String>(format!("k{n}"))?, format!("v{n}"))?;
    }
    let bytes: Vec<u8> = (0..100_000).map(|n| n as u8).collect();
    let () = c.set("bytes", &bytes)?;
    expect("GET of bytes", c.get::<_, Vec<u8>>("bytes")?, bytes)?;
    let () = c.hset_multiple("h", &[("a", 1), ("b", 2)])?;
    let hash: BTreeMap<String, i64> = c.hgetall("h")?;
    expect("HGETALL", hash, BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]))
}

fn many_keys(port: u16) -> Went {
    let mut c = open(port, "")?;
    let pairs: Vec<(String, i64)> = (0..100).map(|n| (format!("many{n}"), n)).collect();
    let keys: Vec<&String> = pairs.iter().map(|(key, _)| key).collect();
    let () = c.mset(&pairs)?;
    expect("MGET", c.mget::<_, Vec<i64>>(&keys)?, (0..100).collect())?;
    expect("DEL", c.del::<_, i64>(&keys)?, 100)
}

fn pipeline(port: u16) -> Went {
    let mut pipe = redis::pipe();
    for n in 0..500 {
        pipe.set(format!("p{n}"), n).ignore().get(format!("p{n}"));
    }
    expect("answers", pipe.query::<Vec<i64>>(&mut open(port, "")?)?, (0..500).collect())
}

fn resp3(port: u16) -> Went {
    let mut c = open(port, "?protocol=resp3")?;
    let () = c.hset("h3", "a", 1)?;
    let value: redis::Value = c.hgetall("h3")?;
    if !matches!(value, redis::Value::Map(_)) {
        return Err(format!("HGETALL is no map: {value:?}").into());
    }
    let () = c.zadd("z3", "a", 1.5)?;
    expect("ZSCORE", c.zscore::<_, _, f64>("z3", "a")?, 1.5)?;
    expect("GET of nothing", c.get::<_, Option<String>>("absent")?, None)
}

fn transaction(port: u16) -> Went {
    let (mut c, mut other) = (open(port, "")?, open(port, "")?);
    let mut pipe = redis::pipe();
    pipe.atomic().set("{t}a", 1).ignore().incr("{t}b", 1).mget(&["{t}a", "{t}b"]);
    let (count, values): (i64, Vec<i64>) = pipe.query(&mut c)?;
    expect("EXEC", (count, values), (1, vec![1, 1]))?;
    let () = redis::cmd("WATCH").arg("{t}a").query(&mut c)?;
    let () = other.set("{t}a", 3)?;
    let mut pipe = redis::pipe();
    pipe.atomic().set("{t}a", 4);
    expect("EXEC after a change", pipe.query::<Option<Vec<String>>>(&mut c)?, None)?;
    expect("the value", c.get::<_, i64>("{t}a")?, 3)
}

fn pubsub(port: u16) -> Went {
    let (mut c, mut listener) = (open(port, "")?, open(port, "")?);
    let mut pubsub = listener.as_pubsub();
    pubsub.set_read_timeout(Some(Duration::from_secs(5)))?;
    pubsub.subscribe("news")?;
    pubsub.psubscribe("pattern.*")?;
    for channel in ["news", "pattern.1"] {
        let () = c.publish(channel, format!("to {channel}"))?;
        let heard: String = pubsub.get_message()?.get_payload()?;
        expect("a message", heard, format!("to {channel}"))?;
    }
    pubsub.unsubscribe("news")?;
    pubsub.punsubscribe("pattern.*")?;
    drop(pubsub);
    expect("GET after that", listener.get::<_, Option<String>>("absent")?, None)
}

fn scan(port: u16) -> Went {
    let mut c = open(port, "")?;
    let pairs: Vec<(String, i64)> = (0..2000).map(|n| (format!("scan:{n}"), n)).collect();
    let () = c.mset(&pairs)?;
    let mut seen = BTreeSet::new();
    for key in c.scan_match::<_, String>("scan:*")? {
        seen.insert(String::from(key_of(key)?));
    }
    expect("keys seen", seen, pairs.into_iter().map(|(key, _)| key).collect())
}

/// A key of an iterator, whose items are results in newer versions.
fn key_of<T: IntoKey>(item: T) -> RedisResult<String> {
    item.into_key()
}

trait IntoKey {
    fn into_key(self) -> RedisResult<String>;
}

impl IntoKey for String {
    fn into_key(self) -> RedisResult<String> {
        Ok(self)
    }
}

impl IntoKey for RedisResult<String> {
    fn into_key(self) -> RedisResult<String> {
        self
    }
}

fn blocking(port: u16) -> Went {
    let mut c = open(port, "")?;
    expect("BLPOP of nothing", c.blpop::<_, Option<(String, String)>>("queue", 1.0)?, None)?;
    let pusher = thread::spawn(move || -> RedisResult<i64> {
        thread::sleep(Duration::from_millis(200));
        open(port, "")?.rpush("queue", "job")
    });
    let found: (String, String) = c.blpop("queue", 5.0)?;
    expect("BLPOP", found, ("queue".to_owned(), "job".to_owned()))?;
    pusher.join().map_err(|_| "the pusher died")??;
    Ok(())
}

fn script(port: u16) -> Went {
    let mut c = open(port, "")?;
    let script = redis::Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    for n in 0..30 {
        let found: i64 = script.key(format!("script{n}")).arg(3).invoke(&mut c)?;
        expect("a script", found, 3)?;
    }
    Ok(())
}

fn databases(port: u16) -> Went {
    let (mut one, mut zero) = (open(port, "1")?, open(port, "")?);
    let () = one.set("where", 1)?;
    expect("database 1", one.get::<_, Option<i64>>("where")?, Some(1))?;
    expect("database 0", zero.get::<_, Option<i64>>("where")?, None)
}

fn close(port: u16) -> Went {
    let mut c = open(port, "")?;
    expect("QUIT", redis::cmd("QUIT").query::<String>(&mut c)?, "OK".to_owned())?;
    match redis::cmd("PING").query::<String>(&mut c) {
        Err(error) if error.kind() != ErrorKind::Extension => Ok(()),
        other => Err(format!("PING after QUIT: {other:?}").into()),
    }
}
