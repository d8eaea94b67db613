"""redis-py's asyncio half."""
import asyncio
from cells import PORT, expect, run
import redis
from redis.asyncio import Redis


def client(**options):
    return Redis(host="127.0.0.1", port=PORT, decode_responses=True, **options)


async def connect():
    async with client() as c:
        expect("PING", await c.ping(), True)


async def get_set():
    async with client() as c:
        async def one(n):
            expect("SET", await c.set(f"k{n}", f"v{n}"), True)
            expect("GET", await c.get(f"k{n}"), f"v{n}")
        await asyncio.gather(*(one(n) for n in range(100)))
        expect("GET of nothing", await c.get("absent"), None)


async def many_keys():
    async with client() as c:
        keys = [f"many{n}" for n in range(100)]
        expect("MSET", await c.mset({key: key.upper() for key in keys}), True)
        expect("MGET", await c.mget(keys), [key.upper() for key in keys])
        expect("DEL", await c.delete(*keys), 100)


async def pipeline():
    async with client() as c, c.pipeline(transaction=False) as p:
        for n in range(500):
            p.set(f"p{n}", n).get(f"p{n}")
        expect("answers", await p.execute(), [x for n in range(500) for x in (True, str(n))])


async def resp3():
    async with client(protocol=3) as c:
        expect("HSET", await c.hset("h3", mapping={"a": "1"}), 1)
        expect("HGETALL", await c.hgetall("h3"), {"a": "1"})
        expect("ZADD", await c.zadd("z3", {"a": 1.5}), 1)
        expect("ZSCORE", await c.zscore("z3", "a"), 1.5)


async def transaction():
    async with client() as c:
        async with c.pipeline() as p:
            p.set("{t}a", "1").incr("{t}b").mget("{t}a", "{t}b")
            expect("EXEC", await p.execute(), [True, 1, ["1", "1"]])
        async with c.pipeline() as p:
            await p.watch("{t}a")
            await c.set("{t}a", "3")
            p.multi()
            p.set("{t}a", "4")
            try:
                await p.execute()
                raise AssertionError("EXEC went through after a change of what was watched")
            except redis.WatchError:
                pass


async def pubsub():
    async with client() as c, c.pubsub() as p:
        await p.subscribe("news")
        await p.psubscribe("pattern.*")
        for _ in range(2):
            expect("a confirmation", "subscribe" in (await p.get_message(timeout=5))["type"], True)
        for channel in ("news", "pattern.1"):
            await c.publish(channel, f"to {channel}")
            expect("a message", (await p.get_message(timeout=5))["data"], f"to {channel}")


async def scan():
    async with client() as c:
        async with c.pipeline(transaction=False) as p:
            for n in range(2000):
                p.set(f"scan:{n}", n)
            await p.execute()
        seen = {key async for key in c.scan_iter("scan:*")}
        expect("keys seen", seen, {f"scan:{n}" for n in range(2000)})


async def blocking():
    async with client() as c:
        expect("BLPOP of nothing", await c.blpop("queue", timeout=1), None)

        async def push():
            await asyncio.sleep(0.2)
            await c.rpush("queue", "job")
        answer, _ = await asyncio.gather(c.blpop("queue", timeout=5), push())
        expect("BLPOP", tuple(answer), ("queue", "job"))


async def script():
    async with client() as c:
        s = c.register_script("return redis.call('INCR', KEYS[1])")
        for n in range(30):
            expect("a script", await s(keys=[f"script{n}"]), 1)
        async with c.lock("a lock", timeout=5):
            expect("a lock", await c.exists("a lock"), 1)


async def databases():
    async with client(db=1) as one, client() as zero:
        await one.set("where", "1")
        expect("database 1", await one.get("where"), "1")
        expect("database 0", await zero.get("where"), None)


async def close():
    c = client()
    await c.ping()
    await c.aclose()


run("redis", {
    "connect": connect, "get-set": get_set, "many-keys": many_keys, "pipeline": pipeline,
    "resp3": resp3, "transaction": transaction, "pubsub": pubsub, "scan": scan,
    "blocking": blocking, "script": script, "databases": databases, "close": close,
})
