"""valkey-glide, whose core is written in Rust."""
import asyncio
from cells import PORT, expect, run
import glide
from glide import GlideClient, GlideClientConfiguration, NodeAddress


def client(**options):
    configuration = GlideClientConfiguration([NodeAddress("127.0.0.1", PORT)], **options)
    return GlideClient.create(configuration)


async def connect():
    c = await client()
    expect("PING", await c.ping(), b"PONG")
    await c.close()


async def get_set():
    c = await client()
    expect("GET of nothing", await c.get("absent"), None)

    async def one(n):
        expect("SET", await c.set(f"k{n}", f"v{n}"), "OK")
        expect("GET", await c.get(f"k{n}"), b"v%d" % n)
    await asyncio.gather(*(one(n) for n in range(100)))
    expect("HSET", await c.hset("h", {"a": "1"}), 1)
    expect("HGETALL", await c.hgetall("h"), {b"a": b"1"})
    await c.close()


async def many_keys():
    c = await client()
    keys = [f"many{n}" for n in range(100)]
    expect("MSET", await c.mset({key: key.upper() for key in keys}), "OK")
    expect("MGET", await c.mget(keys), [key.upper().encode() for key in keys])
    expect("DEL", await c.delete(keys), 100)
    await c.close()


async def pipeline():
    from glide import Batch
    c = await client()
    batch = Batch(is_atomic=False)
    for n in range(100):
        batch.set(f"p{n}", str(n)).get(f"p{n}")
    expect("answers", await c.exec(batch, raise_on_error=True), [x for n in range(100) for x in ("OK", b"%d" % n)])
    await c.close()


async def resp3():
    c = await client(protocol=glide.ProtocolVersion.RESP3)
    expect("SADD", await c.sadd("s3", ["a", "b"]), 2)
    expect("SMEMBERS", await c.smembers("s3"), {b"a", b"b"})
    expect("ZADD", await c.zadd("z3", {"a": 1.5}), 1)
    expect("ZSCORE", await c.zscore("z3", "a"), 1.5)
    await c.close()
    c = await client(protocol=glide.ProtocolVersion.RESP2)
    expect("ZSCORE in RESP2", await c.zscore("z3", "a"), 1.5)
    await c.close()


async def transaction():
    from glide import Batch
    c, other = await client(), await client()
    batch = Batch(is_atomic=True).set("{t}a", "1").incr("{t}b").mget(["{t}a", "{t}b"])
    expect("EXEC", await c.exec(batch, raise_on_error=True), ["OK", 1, [b"1", b"1"]])
    await c.watch(["{t}a"])
    await other.set("{t}a", "3")
    expect("EXEC after a change", await c.exec(Batch(is_atomic=True).set("{t}a", "4"), raise_on_error=True), None)
    await c.close()
    await other.close()


async def pubsub():
    modes = GlideClientConfiguration.PubSubChannelModes
    wanted = GlideClientConfiguration.PubSubSubscriptions(
        channels_and_patterns={modes.Exact: {"news"}, modes.Pattern: {"pattern.*"}}, callback=None, context=None)
    c, listener = await client(), await client(pubsub_subscriptions=wanted)
    await asyncio.sleep(0.5)
    for channel in ("news", "pattern.1"):
        await c.publish(f"to {channel}", channel)
        message = await asyncio.wait_for(listener.get_pubsub_message(), 5)
        expect("a message", message.message, f"to {channel}".encode())
    await c.close()
    await listener.close()


async def scan():
    c = await client()
    await c.mset({f"scan:{n}": str(n) for n in range(2000)})
    cursor, seen = b"0", set()
    while True:
        cursor, some = await c.scan(cursor, match="scan:*", count=300)
        seen.update(some)
        if cursor == b"0":
            break
    expect("keys seen", seen, {b"scan:%d" % n for n in range(2000)})
    await c.close()


async def blocking():
    c, other = await client(), await client()
    expect("BLPOP of nothing", await c.blpop(["queue"], 1), None)

    async def push():
        await asyncio.sleep(0.2)
        await other.rpush("queue", ["job"])
    answer, _ = await asyncio.gather(c.blpop(["queue"], 5), push())
    expect("BLPOP", answer, [b"queue", b"job"])
    await c.close()
    await other.close()


async def script():
    c = await client()
    s = glide.Script("return redis.call('INCR', KEYS[1])")
    for n in range(30):
        expect("a script", await c.invoke_script(s, keys=[f"script{n}"]), 1)
    await c.close()


async def databases():
    one, zero = await client(database_id=1), await client()
    await one.set("where", "1")
    expect("database 1", await one.get("where"), b"1")
    expect("database 0", await zero.get("where"), None)
    await one.close()
    await zero.close()


async def close():
    c = await client()
    await c.ping()
    await c.close()


run("valkey-glide", {
    "connect": connect, "get-set": get_set, "many-keys": many_keys, "pipeline": pipeline,
    "resp3": resp3, "transaction": transaction, "pubsub": pubsub, "scan": scan,
    "blocking": blocking, "script": script, "databases": databases, "close": close,
})
