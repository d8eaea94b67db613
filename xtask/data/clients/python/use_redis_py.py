"""redis-py, an older one of it, and valkey-py: all have the same face."""
import time
from cells import CONTROL, LIBRARY, PORT, expect, later, run

if LIBRARY == "valkey-py":
    import valkey as redis
    from valkey import Valkey as Client
else:
    import redis
    from redis import Redis as Client


def client(**options):
    return Client(host="127.0.0.1", port=PORT, **options)


def connect():
    expect("PING", client().ping(), True)


def get_set():
    c = client(decode_responses=True)
    expect("GET of nothing", c.get("absent"), None)
    for n in range(100):
        expect("SET", c.set(f"k{n}", f"v{n}"), True)
        expect("GET", c.get(f"k{n}"), f"v{n}")
    expect("SET EX NX", c.set("lock", "1", ex=10, nx=True), True)
    expect("SET EX NX again", c.set("lock", "2", ex=10, nx=True), None)
    expect("SET of bytes", client().set(b"bytes\r\n\0", bytes(range(256)) * 400), True)
    expect("GET of bytes", client().get(b"bytes\r\n\0"), bytes(range(256)) * 400)
    expect("INCRBY", c.incrby("count", 5), 5)
    expect("HSET", c.hset("hash", mapping={"a": "1", "b": "2"}), 2)
    expect("HGETALL", c.hgetall("hash"), {"a": "1", "b": "2"})
    expect("ZADD", c.zadd("sorted", {"x": 1.5, "y": 2}), 2)
    expect("ZRANGE", c.zrange("sorted", 0, -1, withscores=True), [("x", 1.5), ("y", 2.0)])
    expect("EXPIRE", c.expire("hash", 100), True)
    expect("TTL", c.ttl("hash") in (99, 100), True)
    expect("XADD and XRANGE", c.xrange("stream", c.xadd("stream", {"f": "v"}))[0][1], {"f": "v"})


def many_keys():
    c = client(decode_responses=True)
    keys = [f"many{n}" for n in range(100)]
    expect("MSET", c.mset({key: key.upper() for key in keys}), True)
    expect("MGET", c.mget(keys + ["absent"]), [key.upper() for key in keys] + [None])
    expect("EXISTS", c.exists(*keys), 100)
    expect("TOUCH", c.touch(*keys), 100)
    expect("UNLINK", c.unlink(*keys[:50]), 50)
    expect("DEL", c.delete(*keys), 50)


def pipeline():
    p = client(decode_responses=True).pipeline(transaction=False)
    for n in range(500):
        p.set(f"p{n}", n).get(f"p{n}")
    p.lpush("p0", 1)
    answers = p.execute(raise_on_error=False)
    expect("answers", answers[:-1], [x for n in range(500) for x in (True, str(n))])
    expect("an error among them", type(answers[-1]).__name__, "ResponseError")


def resp3():
    c = client(protocol=3, decode_responses=True)
    expect("HSET", c.hset("h3", mapping={"a": "1"}), 1)
    expect("HGETALL", c.hgetall("h3"), {"a": "1"})
    expect("SADD", c.sadd("s3", "a", "b"), 2)
    expect("SMEMBERS", set(c.smembers("s3")), {"a", "b"})
    expect("ZADD", c.zadd("z3", {"a": 1.5}), 1)
    expect("ZSCORE", c.zscore("z3", "a"), 1.5)
    expect("GET of nothing", c.get("absent"), None)
    many_keys()


def transaction():
    c = client(decode_responses=True)
    with c.pipeline() as p:
        expect("EXEC", p.set("one", "1").incr("one").get("one").execute(), [True, 2, "2"])
        p.set("{t}a", "1").incr("{t}b").mget("{t}a", "{t}b")
        expect("EXEC of tagged keys", p.execute(), [True, 1, ["1", "1"]])
    with c.pipeline() as p:
        p.watch("{t}a")
        expect("a read while watching", p.get("{t}a"), "1")
        p.multi()
        expect("EXEC of what was watched", p.set("{t}a", "2").execute(), [True])
    with c.pipeline() as p:
        p.watch("{t}a")
        c.set("{t}a", "3")
        p.multi()
        p.set("{t}a", "4")
        try:
            p.execute()
            raise AssertionError("EXEC went through after a change of what was watched")
        except redis.WatchError:
            pass
    expect("the value", c.get("{t}a"), "3")
    expect("transaction()", c.transaction(lambda p: p.multi() or p.incr("{t}b"), "{t}b"), [2])


def pubsub():
    c = client(decode_responses=True)
    for options in ({}, {"protocol": 3}) if "protocol" in client_options() else ({},):
        with client(decode_responses=True, **options).pubsub() as p:
            p.subscribe("news", "weather")
            p.psubscribe("pattern.*")
            kinds = [receive(p)["type"] for _ in range(3)]
            expect("confirmations", sorted(kinds), ["psubscribe", "subscribe", "subscribe"])
            for channel in ("news", "weather", "pattern.1"):
                c.publish(channel, f"to {channel}")
                expect("a message", receive(p)["data"], f"to {channel}")
            p.unsubscribe("news")
            expect("the end", receive(p)["type"], "unsubscribe")


def client_options():
    import inspect

    return inspect.signature(Client.__init__).parameters


def receive(p):
    end = time.time() + 5
    while time.time() < end:
        message = p.get_message(timeout=1)
        if message is not None:
            return message
    raise AssertionError("no message in 5 seconds")


def scan():
    c = client(decode_responses=True)
    with c.pipeline(transaction=False) as p:
        for n in range(2000):
            p.set(f"scan:{n}", n)
        p.execute()
    expect("keys seen", set(c.scan_iter("scan:*")), {f"scan:{n}" for n in range(2000)})
    expect("and 300 at a time", set(c.scan_iter("scan:*", count=300)), {f"scan:{n}" for n in range(2000)})


def blocking():
    c = client(decode_responses=True)
    expect("BLPOP of nothing", c.blpop("queue", timeout=1), None)
    thread = later(0.2, lambda: client().rpush("queue", "job"))
    expect("BLPOP", tuple(c.blpop("queue", timeout=5)), ("queue", "job"))
    thread.join()
    client().rpush("{q}1", "x")
    expect("BLMOVE", c.blmove("{q}1", "{q}2", 1, "LEFT", "RIGHT"), "x")


def script():
    c = client(decode_responses=True)
    s = c.register_script("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
    for n in range(30):
        expect("a script", s(keys=[f"script{n}"], args=["a"]), [f"script{n}", "a", 1])
    expect("EVAL", c.eval("return redis.call('GET', KEYS[1])", 1, "script1"), "1")
    with c.lock("a lock", timeout=5):
        expect("a lock", c.exists("a lock"), 1)
    expect("a lock let go", c.exists("a lock"), 0)


def databases():
    one, two = client(db=1, decode_responses=True), client(db=2, decode_responses=True)
    one.set("where", "1")
    two.set("where", "2")
    expect("database 1", one.get("where"), "1")
    expect("database 2", two.get("where"), "2")
    expect("database 0", client().get("where"), None)


def close():
    c = client()
    c.ping()
    c.close()
    expect("PING after that", c.ping(), True)
    expect("QUIT", client().execute_command("QUIT") in (True, b"OK"), True)


run(
    {"valkey-py": "valkey"}.get(LIBRARY, "redis"),
    {
        "connect": connect, "get-set": get_set, "many-keys": many_keys, "pipeline": pipeline,
        "resp3": resp3, "transaction": transaction, "pubsub": pubsub, "scan": scan,
        "blocking": blocking, "script": script, "databases": databases, "close": close,
    },
)
