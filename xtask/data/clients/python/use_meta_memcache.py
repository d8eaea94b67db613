"""meta-memcache, which speaks the meta protocol alone."""
from cells import PORT, expect, run
from meta_memcache import CacheClient, Key, LeasePolicy, RecachePolicy, ServerAddress, SetMode, StalePolicy
from meta_memcache import connection_pool_factory_builder


def client():
    return CacheClient.cache_client_from_servers(
        servers=[ServerAddress("127.0.0.1", PORT)],
        connection_pool_factory_fn=connection_pool_factory_builder(),
    )


def connect():
    expect("set", client().set(Key("connected"), "1", ttl=100), True)


def get_set():
    c = client()
    expect("get of nothing", c.get(Key("absent")), None)
    for n in range(100):
        expect("set", c.set(Key(f"k{n}"), {"n": n}, ttl=100), True)
        expect("get", c.get(Key(f"k{n}")), {"n": n})
    expect("add", c.set(Key("k1"), "x", ttl=100, set_mode=SetMode.ADD), False)
    expect("replace", c.set(Key("k1"), "x", ttl=100, set_mode=SetMode.REPLACE), True)
    expect("append", c.set(Key("k1"), "y", ttl=100, set_mode=SetMode.APPEND), True)
    expect("get", c.get(Key("k1")), "xy")
    expect("delete", c.delete(Key("k1")), True)
    expect("delete of nothing", c.delete(Key("k1")), False)
    expect("set without a reply", c.set(Key("quiet"), "1", ttl=100, no_reply=True), True)
    expect("get after that", c.get(Key("quiet")), "1")


def many_keys():
    c = client()
    keys = [Key(f"many{n}") for n in range(100)]
    for key in keys:
        c.set(key, key.key.upper(), ttl=100, no_reply=True)
    expect("multi_get", c.multi_get(keys + [Key("absent")]), {**{key: key.key.upper() for key in keys}, Key("absent"): None})


def cas():
    c = client()
    c.set(Key("cas"), "1", ttl=100)
    value, token = c.get_cas(Key("cas"))
    expect("get_cas", value, "1")
    expect("set by a token", c.set(Key("cas"), "2", ttl=100, cas_token=token), True)
    expect("set by an old token", c.set(Key("cas"), "3", ttl=100, cas_token=token), False)


def incr():
    c = client()
    expect("delta of nothing", c.delta_and_get(Key("absent"), 1), None)
    expect("delta with a beginning", c.delta_initialize_and_get(Key("count"), 2, initial_value=9, initial_ttl=100), 9)
    expect("delta", c.delta_and_get(Key("count"), 2), 11)
    expect("delta below", c.delta_and_get(Key("count"), -20), 0)


def touch():
    c = client()
    c.set(Key("touched"), "1", ttl=100)
    expect("touch", c.touch(Key("touched"), 200), True)
    expect("get and touch", c.get(Key("touched"), touch_ttl=300), "1")


def meta():
    c = client()
    lease = LeasePolicy(ttl=5, miss_retries=1)
    expect("a lease", c.get_or_lease(Key("leased"), lease), None)
    c.set(Key("leased"), "1", ttl=100)
    expect("what was leased", c.get_or_lease(Key("leased"), lease), "1")
    expect("stale", c.invalidate(Key("leased"), stale_policy=StalePolicy(mark_stale_on_deletion_ttl=30)), True)
    expect("the winner refreshes", c.get(Key("leased"), recache_policy=RecachePolicy(ttl=10)), None)
    expect("others get what is stale", c.get(Key("leased"), recache_policy=RecachePolicy(ttl=10)), "1")
    binary = Key("a key with blanks and ö")
    expect("set of a key in base64", c.set(binary, "1", ttl=100), True)
    expect("get of a key in base64", c.get(binary), "1")
    expect("multi_get of keys in base64", c.multi_get([binary, Key("leased")])[binary], "1")


run("meta-memcache", {
    "connect": connect, "get-set": get_set, "many-keys": many_keys, "cas": cas, "incr": incr,
    "touch": touch, "meta": meta,
})
