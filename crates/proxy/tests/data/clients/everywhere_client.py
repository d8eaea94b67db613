"""What redis-py does with all servers of a pool: iterate, count, list, draw, run scripts.

Ports: the proxy's, and the servers' behind it. Says nothing; fails with a reason.
"""

import sys

import redis

listen, *servers = map(int, sys.argv[1:])
pool = redis.Redis(port=listen, decode_responses=True)
behind = [redis.Redis(port=port, decode_responses=True) for port in servers]

KEYS = {f"everywhere:{n}" for n in range(5000)}
pipe = pool.pipeline(transaction=False)
for key in KEYS:
    pipe.set(key, "v")
pipe.execute()
assert all(server.dbsize() > 500 for server in behind), "every server has its share"


def same(found, expected, what):
    assert set(found) == expected, f"{what}: {len(set(found))} of {len(expected)}"


for count in (None, 10, 1000):
    found = list(pool.scan_iter(count=count))
    same(found, KEYS, f"scan_iter with count {count}")
    assert len(found) < 1.1 * len(KEYS), "hardly any key comes twice"
same(pool.scan_iter(match="everywhere:1*"), {k for k in KEYS if k.startswith("everywhere:1")}, "match")
same(pool.scan_iter(_type="list"), set(), "type")
same(pool.keys("*"), KEYS, "keys")
assert pool.dbsize() == len(KEYS)
drawn = [pool.randomkey() for _ in range(200)]
for port, server in zip(servers, behind):
    assert any(server.exists(key) for key in drawn), f"no key of {port} is drawn"

# A script that every server has, until one of them forgets it.
TEXT = "return redis.call('incrby', KEYS[1], ARGV[1])"
count = {f"count:{n}" for n in range(50)}
digest = behind[0].script_load(TEXT)
for key in count:
    assert pool.eval(TEXT, 1, key, 1) == 1
behind[1].script_flush()
for key in count:
    assert pool.evalsha(digest, 1, key, 1) == 2, key
pipe = pool.pipeline(transaction=False)
for server in behind:
    server.script_flush()
for key in count:
    pipe.evalsha(digest, 1, key, 1)
    pipe.get("everywhere:1")
assert pipe.execute() == [3, "v"] * len(count)

try:
    pool.eval("return 1", 20, *[f"apart:{n}" for n in range(20)])
    raise SystemExit("keys of several servers are refused")
except redis.ResponseError as error:
    assert "on different servers" in str(error), error
