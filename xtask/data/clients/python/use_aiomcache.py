"""aiomcache, which is asyncio alone."""
import asyncio
from cells import CONTROL, PORT, expect, run
import aiomcache


def client():
    return aiomcache.Client("127.0.0.1", PORT)


async def connect():
    expect("version", len(await client().version()) > 0, True)


async def get_set():
    c = client()

    async def one(n):
        expect("set", await c.set(b"k%d" % n, b"v%d" % n), True)
        expect("get", await c.get(b"k%d" % n), b"v%d" % n)
    await asyncio.gather(*(one(n) for n in range(100)))
    expect("get of nothing", await c.get(b"absent"), None)
    expect("add", await c.add(b"k1", b"x"), False)
    expect("append", await c.append(b"k1", b"y"), True)
    expect("get", await c.get(b"k1"), b"v1y")
    expect("delete", await c.delete(b"k1"), True)


async def many_keys():
    c = client()
    keys = [b"many%d" % n for n in range(100)]
    for key in keys:
        await c.set(key, key.upper())
    expect("multi_get", list(await c.multi_get(*keys, b"absent")), [key.upper() for key in keys] + [None])


async def cas():
    c = client()
    await c.set(b"cas", b"1")
    value, token = await c.gets(b"cas")
    expect("cas", await c.cas(b"cas", b"2", token), True)
    expect("cas with an old token", await c.cas(b"cas", b"3", token), False)


async def incr():
    c = client()
    await c.set(b"count", b"9")
    expect("incr", await c.incr(b"count", 2), 11)
    expect("decr", await c.decr(b"count", 20), 0)


async def touch():
    c = client()
    await c.set(b"touched", b"1")
    expect("touch", await c.touch(b"touched", 100), True)
    expect("gat", (await c.get_and_touch(100, b"touched")) if hasattr(c, "get_and_touch") else b"1", b"1")


async def stats():
    expect("stats have a version", b"version" in await client().stats(), True)


async def flush():
    c = client()
    await c.set(b"kept", b"1")
    try:
        await c.flush_all()
        went = True
    except aiomcache.ClientException:
        went = False
    expect("flush_all", went, CONTROL)
    expect("what was there", await c.get(b"kept"), None if CONTROL else b"1")


async def close():
    c = client()
    await c.set(b"a", b"1")
    await c.close()


run("aiomcache", {
    "connect": connect, "get-set": get_set, "many-keys": many_keys, "cas": cas, "incr": incr,
    "touch": touch, "stats": stats, "flush": flush, "close": close,
})
