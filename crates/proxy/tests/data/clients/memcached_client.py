"""Drives pymemcache against a server and against the proxy in front of others.

    memcached_client.py SERVER_PORT PROXY_PORT

Whatever is asked of the memcached on SERVER_PORT is asked of the pool on PROXY_PORT, and the
answers must be equal. The first that is not ends the run with status 1.
"""

import sys

from pymemcache.client.base import Client
from pymemcache.exceptions import MemcacheError

MANY = {f"client:{n}": f"value {n}".encode() for n in range(10)}


def sizes():
    """Numbers of keys for one request, up to 1,000."""
    return range(179, 1000, 179)


def answers(client):
    """All that the library can ask for, with what came of it."""
    yield "set", client.set("k", b"v", noreply=False)
    yield "get", client.get("k")
    yield "get of nothing", client.get("none"), client.get("none", default=7)
    yield "add", client.add("k", b"x", noreply=False), client.add("new", b"x", noreply=False)
    yield "replace", client.replace("k", b"y", noreply=False), client.replace("no", b"y", noreply=False)
    yield "append", client.append("k", b">", noreply=False), client.prepend("k", b"<", noreply=False)
    yield "get", client.get("k")
    yield "touch", client.touch("k", 100, noreply=False), client.touch("none", 100, noreply=False)
    yield "delete", client.delete("k", noreply=False), client.delete("k", noreply=False)

    client.set("n", b"1")
    yield "incr", [client.incr("n", 1) for _ in range(10)], client.decr("n", 4), client.incr("none", 1)

    client.set("c", b"v")
    value, token = client.gets("c")
    yield "gets", value
    yield "cas", client.cas("c", b"w", token, noreply=False), client.cas("c", b"w", token, noreply=False)
    yield "cas of nothing", client.cas("none", b"w", token, noreply=False)
    yield "get", client.get("c")

    # Without a response, each of them, and then one whose response must be its own.
    client.set("q", b"1", noreply=True)
    client.add("q", b"2", noreply=True)
    client.append("q", b"0", noreply=True)
    client.incr("q", 5, noreply=True)
    client.touch("q", 100, noreply=True)
    client.delete("none", noreply=True)
    yield "after noreply", client.get("q")

    yield "set_many", client.set_many(MANY, noreply=False)
    yield "get_many", client.get_many(list(MANY)) == MANY
    yield "gets_many", {key: it[0] for key, it in client.gets_many(list(MANY)).items()} == MANY
    mixed = [key for pair in zip(MANY, (f"none:{key}" for key in MANY)) for key in pair]
    yield "get_many with misses", client.get_many(mixed) == MANY
    yield "delete_many", client.delete_many(list(MANY), noreply=False), client.get_many(list(MANY))
    for count in sizes():
        kv = {f"client:{n}": b"%d" % n for n in range(count)}
        client.set_many(kv, noreply=True)
        yield f"get_many of {count}", client.get_many(list(kv)) == kv
        client.delete_many(list(kv), noreply=True)
        yield f"and none of {count}", client.get_many(list(kv))

    binary = bytes(range(256)) * 4000
    yield "a megabyte", client.set("big", binary, noreply=False), client.get("big") == binary
    yield "an empty value", client.set("empty", b"", noreply=False), client.get("empty")
    try:
        yield "too large", client.set("large", bytes(2_000_000), noreply=False)
    except MemcacheError as error:
        yield "too large", type(error).__name__, str(error)
    yield "and then", client.get("big") == binary
    try:
        yield "incr of text", client.incr("c", 1)
    except MemcacheError as error:
        yield "incr of text", type(error).__name__, str(error)
    yield "version", client.version()
    yield "quit", client.quit()
    yield "and again", client.get("c")


def main():
    server, proxy = (Client(("127.0.0.1", int(port)), timeout=15) for port in sys.argv[1:3])
    for expected, found in zip(answers(server), answers(proxy), strict=True):
        if found != expected:
            sys.exit(f"{expected[0]} is answered wrongly:\n{found!r}\n{expected!r}")


main()
