"""pymemcache."""
from cells import CONTROL, PORT, expect, run
from pymemcache.client.base import Client, PooledClient
from pymemcache.exceptions import MemcacheError


def client():
    return Client(("127.0.0.1", PORT), default_noreply=False)


def connect():
    expect("VERSION", len(client().version()) > 0, True)


def get_set():
    c = client()
    expect("get of nothing", c.get("absent"), None)
    for n in range(100):
        expect("set", c.set(f"k{n}", f"v{n}"), True)
        expect("get", c.get(f"k{n}"), b"v%d" % n)
    big = bytes(range(256)) * 2000
    expect("set of half a megabyte", c.set("big", big), True)
    expect("get of half a megabyte", c.get("big"), big)
    expect("add", c.add("k1", "x"), False)
    expect("replace", c.replace("k1", "x"), True)
    expect("append", c.append("k1", "y"), True)
    expect("get", c.get("k1"), b"xy")
    quiet = Client(("127.0.0.1", PORT))
    quiet.set("quiet", "1")
    expect("get after a set without a reply", quiet.get("quiet"), b"1")
    pooled = PooledClient(("127.0.0.1", PORT))
    pooled.set("pooled", "1")
    expect("get by a pool", pooled.get("pooled"), b"1")


def many_keys():
    c = client()
    values = {f"many{n}": b"value%d" % n for n in range(100)}
    expect("set_many", c.set_many(values), [])
    expect("get_many", c.get_many(list(values) + ["absent"]), values)
    expect("delete_many", c.delete_many(list(values)), True)
    expect("get_many of nothing", c.get_many(list(values)), {})


def cas():
    c = client()
    c.set("cas", "1")
    value, token = c.gets("cas")
    expect("gets", value, b"1")
    expect("cas", c.cas("cas", "2", token), True)
    expect("cas with an old token", c.cas("cas", "3", token), False)
    expect("gets_many", c.gets_many(["cas"])["cas"][0], b"2")


def incr():
    c = client()
    expect("incr of nothing", c.incr("absent", 1), None)
    c.set("count", "9")
    expect("incr", c.incr("count", 2), 11)
    expect("decr", c.decr("count", 20), 0)


def touch():
    c = client()
    c.set("touched", "1")
    expect("touch", c.touch("touched", 100), True)
    expect("touch of nothing", c.touch("absent", 100), False)
    if hasattr(c, "gat"):
        expect("gat", c.gat("touched", 100), b"1")
        expect("gats", c.gats("touched", 100)[0], b"1")


def stats():
    found = client().stats()
    expect("stats have a version", b"version" in found, True)


def flush():
    c = client()
    c.set("kept", "1")
    if CONTROL:
        expect("flush_all", c.flush_all(), True)
        return
    try:
        c.flush_all()
        raise AssertionError("flush_all was not refused")
    except MemcacheError:
        pass
    expect("what was there", c.get("kept"), b"1")


def close():
    c = client()
    c.set("a", "1")
    c.quit()
    c.close()
    expect("get after that", c.get("a"), b"1")


run("pymemcache", {
    "connect": connect, "get-set": get_set, "many-keys": many_keys, "cas": cas, "incr": incr,
    "touch": touch, "stats": stats, "flush": flush, "close": close,
})
