"""pylibmc, which is libmemcached inside."""
from cells import CONTROL, PORT, expect, run
import pylibmc


def client(**options):
    return pylibmc.Client([f"127.0.0.1:{PORT}"], **options)


def connect():
    expect("set", client().set("connected", "1"), True)


def get_set():
    c = client()
    expect("get of nothing", c.get("absent"), None)
    for n in range(100):
        expect("set", c.set(f"k{n}", {"n": n}), True)
        expect("get", c.get(f"k{n}"), {"n": n})
    expect("set of much", c.set("big", "nut" * 100_000, min_compress_len=1000), True)
    expect("get of much", c.get("big"), "nut" * 100_000)
    expect("add", c.add("k1", "x"), False)
    expect("replace", c.replace("k1", "x"), True)
    expect("append", c.append("k1", "y"), True)
    expect("get", c.get("k1"), "xy")
    expect("delete", c.delete("k1"), True)
    quick = client(behaviors={"tcp_nodelay": True, "ketama": True, "no_block": True})
    quick.set("quick", "1")
    expect("get with other behaviours", quick.get("quick"), "1")


def many_keys():
    c = client()
    values = {f"many{n}": f"value{n}" for n in range(100)}
    expect("set_multi", c.set_multi(values), [])
    expect("get_multi", c.get_multi(list(values)), values)
    expect("delete_multi", c.delete_multi(list(values)), True)


def cas():
    c = client(behaviors={"cas": True})
    c.set("cas", "1")
    value, token = c.gets("cas")
    expect("gets", value, "1")
    expect("cas", c.cas("cas", "2", token), True)
    expect("cas with an old token", c.cas("cas", "3", token), False)


def incr():
    c = client()
    c.set("count", 9)
    expect("incr", c.incr("count", 2), 11)
    expect("decr", c.decr("count", 20), 0)
    expect("incr_multi", c.incr_multi(["count"], delta=3), None)
    expect("get", c.get("count"), 3)


def touch():
    c = client()
    c.set("touched", "1")
    expect("touch", c.touch("touched", 100), True)


def stats():
    expect("stats have a version", len(client().get_stats()), 1)


def flush():
    c = client()
    c.set("kept", "1")
    try:
        went = c.flush_all()
    except pylibmc.Error:
        went = False
    expect("flush_all", went, CONTROL)
    expect("what was there", c.get("kept"), None if CONTROL else "1")


def close():
    c = client()
    c.set("a", "1")
    c.disconnect_all()
    expect("get after that", c.get("a"), "1")


run("pylibmc", {
    "connect": connect, "get-set": get_set, "many-keys": many_keys, "cas": cas, "incr": incr,
    "touch": touch, "stats": stats, "flush": flush, "close": close,
})
