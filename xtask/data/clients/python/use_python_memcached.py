"""python-memcached."""
from cells import CONTROL, PORT, expect, run
import memcache


def client(**options):
    return memcache.Client([f"127.0.0.1:{PORT}"], **options)


def connect():
    expect("set", client().set("connected", "1"), True)


def get_set():
    c = client()
    expect("get of nothing", c.get("absent"), None)
    for n in range(100):
        expect("set", c.set(f"k{n}", {"n": n}), True)
        expect("get", c.get(f"k{n}"), {"n": n})
    expect("add", bool(c.add("k1", "x")), False)
    expect("replace", c.replace("k1", "x"), True)
    expect("append", c.append("k1", "y"), True)
    expect("get", c.get("k1"), "xy")
    expect("delete", bool(c.delete("k1")), True)


def many_keys():
    c = client()
    values = {f"many{n}": f"value{n}" for n in range(100)}
    expect("set_multi", c.set_multi(values), [])
    expect("get_multi", c.get_multi(list(values)), values)
    expect("delete_multi", bool(c.delete_multi(list(values))), True)


def cas():
    c = client(cache_cas=True)
    c.set("cas", "1")
    expect("gets", c.gets("cas"), "1")
    expect("cas", bool(c.cas("cas", "2")), True)
    c.gets("cas")
    client().set("cas", "else")
    expect("cas with an old token", bool(c.cas("cas", "3")), False)


def incr():
    c = client()
    c.set("count", 9)
    expect("incr", c.incr("count", 2), 11)
    expect("decr", c.decr("count", 20), 0)


def touch():
    c = client()
    c.set("touched", "1")
    expect("touch", bool(c.touch("touched", 100)), True)


def stats():
    expect("stats", len(client().get_stats()[0][1]) > 5, True)


def flush():
    c = client()
    c.set("kept", "1")
    c.flush_all()
    expect("what was there", c.get("kept"), None if CONTROL else "1")


def close():
    c = client()
    c.set("a", "1")
    c.disconnect_all()
    expect("get after that", c.get("a"), "1")


run("python-memcached", {
    "connect": connect, "get-set": get_set, "many-keys": many_keys, "cas": cas, "incr": incr,
    "touch": touch, "stats": stats, "flush": flush, "close": close,
})
