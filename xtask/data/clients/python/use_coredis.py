"""coredis, which is asyncio alone and begins with HELLO 3."""
import asyncio
from cells import PORT, expect, run
import coredis
from coredis import Redis


def client(**options):
    return Redis(host="127.0.0.1", port=PORT, decode_responses=True, **options)


def opened(cell):
    """Newer versions want a client to be entered; older ones do without."""
    async def wrapped():
        c = client()
        if hasattr(c, "__aenter__"):
            async with c:
                await cell(c)
        else:
            await cell(c)
    return wrapped


@opened
async def connect(c):
    expect("PING", await c.ping(), "PONG")


@opened
async def get_set(c):
    for n in range(100):
        expect("SET", await c.set(f"k{n}", f"v{n}"), True)
        expect("GET", await c.get(f"k{n}"), f"v{n}")
    expect("GET of nothing", await c.get("absent"), None)
    expect("HSET", await c.hset("h", {"a": "1"}), 1)
    expect("HGETALL", await c.hgetall("h"), {"a": "1"})


@opened
async def many_keys(c):
    keys = [f"many{n}" for n in range(100)]
    expect("MSET", await c.mset({key: key.upper() for key in keys}), True)
    expect("MGET", list(await c.mget(keys)), [key.upper() for key in keys])
    expect("DEL", await c.delete(keys), 100)


@opened
async def pipeline(c):
    async with c.pipeline(transaction=False) as p:
        asked = [p.incrby("p", n) for n in range(100)]
    answers = [await one for one in asked]
    expect("answers", answers, [sum(range(n + 1)) for n in range(100)])


@opened
async def resp3(c):
    expect("SADD", await c.sadd("s3", ["a", "b"]), 2)
    expect("SMEMBERS", await c.smembers("s3"), {"a", "b"})
    expect("ZADD", await c.zadd("z3", {"a": 1.5}), 1)
    expect("ZSCORE", await c.zscore("z3", "a"), 1.5)


@opened
async def transaction(c):
    async with c.pipeline(transaction=True) as p:
        asked = [p.set("{t}a", "1"), p.incr("{t}b"), p.mget(["{t}a", "{t}b"])]
    expect("EXEC", [await asked[0], await asked[1], list(await asked[2])], [True, 1, ["1", "1"]])


@opened
async def pubsub(c):
    async with c.pubsub(channels=["news"], patterns=["pattern.*"], ignore_subscribe_messages=True) as p:
        await asyncio.sleep(0.2)
        for channel in ("news", "pattern.1"):
            await c.publish(channel, f"to {channel}")
            for _ in range(10):
                message = await asyncio.wait_for(p.get_message(), 5)
                if message is not None:
                    break
            expect("a message", message["data"], f"to {channel}")


@opened
async def scan(c):
    await c.mset({f"scan:{n}": str(n) for n in range(2000)})
    seen = {key async for key in c.scan_iter("scan:*", count=300)}
    expect("keys seen", seen, {f"scan:{n}" for n in range(2000)})


@opened
async def blocking(c):
    expect("BLPOP of nothing", await c.blpop(["queue"], timeout=1), None)

    async def push():
        await asyncio.sleep(0.2)
        await c.rpush("queue", ["job"])
    answer, _ = await asyncio.gather(c.blpop(["queue"], timeout=5), push())
    expect("BLPOP", list(answer), ["queue", "job"])


@opened
async def script(c):
    s = c.register_script("return redis.call('INCR', KEYS[1])")
    for n in range(30):
        expect("a script", await s(keys=[f"script{n}"]), 1)


async def databases():
    async with client(db=1) as one, client() as zero:
        await one.set("where", "1")
        expect("database 1", await one.get("where"), "1")
        expect("database 0", await zero.get("where"), None)


async def close():
    async with client() as c:
        await c.ping()


run("coredis", {
    "connect": connect, "get-set": get_set, "many-keys": many_keys, "pipeline": pipeline,
    "resp3": resp3, "transaction": transaction, "pubsub": pubsub, "scan": scan,
    "blocking": blocking, "script": script, "databases": databases, "close": close,
})
