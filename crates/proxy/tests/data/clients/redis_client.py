"""Drives redis-py against a server and against the proxy in front of another one.

    redis_client.py SERVER_PORT PROXY_PORT MANY_PORT

SERVER_PORT is a Redis of its own, PROXY_PORT a pool of one such server, both empty: whatever is
asked of one is asked of the other, and the answers must be equal. MANY_PORT is a pool of several
servers, which is asked what a client library asks. The names of the commands that were compared go
to standard output; the first answer that is wrong ends the run with status 1.
"""

import hashlib
import sys
import time

import redis

SCRIPT = "return {KEYS[1], ARGV[1], redis.call('get', KEYS[1])}"
NESTED = "return {{{{{{{{'value'}}}}}}}, 'other'}"

# One line a request. Later ones see what earlier ones left.
REQUESTS = """
SET s value|SET s value NX|SET e v EX 100|GET s|GET none|GETDEL e|GETDEL e|SET s again GET
APPEND s more|STRLEN s|GETRANGE s 0 3|SETRANGE s 2 XX|GETSET s plain|GETEX s PERSIST|SETNX s x
SETNX fresh x|SETEX t 100 v|PSETEX t 100000 v|PERSIST t|TTL t|PTTL t|TTL none|TYPE s|TYPE none
EXPIRE t 100|EXPIREAT t 4000000000|PEXPIRE t 100000|PEXPIREAT t 4000000000000|PERSIST t
INCR n|INCRBY n 41|DECR n|DECRBY n 2|INCRBYFLOAT n 0.5|INCR s
SETBIT b 7 1|GETBIT b 7|BITCOUNT b|BITPOS b 1|BITFIELD b SET u8 0 255 GET u4 2
HSET h a 1 b 2|HSETNX h a 9|HSETNX h c 3|HMSET h d 4 e 5|HGET h a|HMGET h a none b|HGETALL h|HKEYS h
HVALS h|HLEN h|HEXISTS h a|HSTRLEN h a|HINCRBY h a 5|HINCRBYFLOAT h a 0.5|HDEL h a none|HSCAN h 0
HSET one only 1|HRANDFIELD one|GET h
RPUSH l a b c|LPUSH l z|LPUSHX l y|RPUSHX l d|RPUSHX none x|LLEN l|LRANGE l 0 -1|LINDEX l 1|LPOS l c
LSET l 0 first|LINSERT l BEFORE a here|LREM l 1 here|LTRIM l 0 4|LPOP l|RPOP l|LPOP l 2|RPOP none
RPUSH l 3 1 2|LTRIM l -3 -1|SORT l|SORT l DESC|RPOPLPUSH l l|LMOVE l l LEFT RIGHT|LRANGE l 0 -1
SADD u 1 2 3|SADD v 2 3 4|SCARD u|SISMEMBER u 1|SMISMEMBER u 1 9|SREM u 3|SMOVE u v 1|SSCAN u 0
SINTER u v|SDIFF v u|SINTERSTORE w u v|SMEMBERS w|SUNIONSTORE w u v|SCARD w|SDIFFSTORE w v u|SCARD w
SADD single x|SRANDMEMBER single|SUNION single single|SPOP single|SPOP single
ZADD z 1 a 2 b 3 c 4 d|ZADD z XX CH 9 d|ZCARD z|ZSCORE z a|ZMSCORE z a none|ZRANK z b|ZREVRANK z b
ZCOUNT z 1 3|ZINCRBY z 5 a|ZRANGE z 0 -1 WITHSCORES|ZRANGEBYSCORE z 2 9|ZREVRANGE z 0 1
ZREVRANGEBYSCORE z 9 2|ZADD x 0 a 0 b 0 c|ZLEXCOUNT x [a [b|ZRANGEBYLEX x [a [b|ZREVRANGEBYLEX x [c [b
ZSCAN z 0|ZPOPMIN z|ZPOPMAX z|ZREM z none|ZADD y 1 a|ZRANDMEMBER y|ZUNION 2 x y|ZINTER 2 x y|ZDIFF 2 x y
ZUNIONSTORE q 2 x y|ZINTERSTORE q 2 x y|ZDIFFSTORE q 2 x y|ZRANGESTORE q x 0 -1|ZRANGE q 0 -1
ZREMRANGEBYLEX x [a [a|ZREMRANGEBYRANK x 0 0|ZREMRANGEBYSCORE z 0 99|ZCARD z
PFADD p a b c|PFADD p2 c d|PFCOUNT p|PFMERGE p p2|PFCOUNT p p2
GEOADD g 13.36 38.11 Palermo 15.08 37.50 Catania|GEODIST g Palermo Catania|GEOPOS g Palermo none
GEOHASH g Palermo|GEORADIUS g 15 37 200 km|GEORADIUSBYMEMBER g Palermo 200 km
GEOSEARCH g FROMMEMBER Palermo BYRADIUS 200 km ASC|GEOSEARCHSTORE g2 g FROMLONLAT 15 37 BYRADIUS 200 km
COPY s s2|GET s2|DUMP s2|DUMP none|MSET m1 1 m2 2|MGET m1 none m2|EXISTS m1 m2 none m1|TOUCH m1 none
DEL m1 none|UNLINK m2 none|PING|SET s|GETRANGE s 0 x|ZADD z x a
"""


def answer(client, words):
    """The response as it came, errors included."""
    try:
        found = client.execute_command(*words)
    except redis.ResponseError as error:
        return "error", str(error)
    # Each server has an order of its own for its commands, and for the commands within them.
    return sorted(row[:6] for row in found) if words == ["COMMAND"] else found


def wrong(what, *details):
    sys.exit("\n".join([f"{what} is answered wrongly:", *(repr(it) for it in details)]))


def compare(server, proxy):
    """Asks both for everything."""
    requests = [line.split() for line in REQUESTS.replace("\n", "|").split("|") if line]
    script = hashlib.sha1(SCRIPT.encode()).hexdigest()
    requests += [
        ["EVAL", SCRIPT, "1", "s", "argument"],
        ["EVALSHA", script, "1", "s", "argument"],
        ["EVALSHA", script.upper(), "2", "s", "t", "argument"],
        ["EVALSHA", "0" * 40, "1", "s"],
        ["EVAL", NESTED, "1", "s"],
        ["EVAL", "return {1, redis.call('set', KEYS[1], '1')}", "1", "s"],
        ["SET", "", "empty key"],
        ["GET", ""],
        ["SET", "empty value", ""],
        ["GET", "empty value"],
        ["SET", b"\x00\xff\r\n$-1", bytes(range(256))],
        ["GET", b"\x00\xff\r\n$-1"],
    ]
    for client in server, proxy:
        client.response_callbacks.clear()
    for words in requests:
        expected, found = answer(server, words), answer(proxy, words)
        if found != expected:
            wrong(words, found, expected)
    requests.append(["RESTORE", "restored", "0", server.execute_command("DUMP", "s2")])
    if answer(proxy, requests[-1]) != b"OK" or proxy.get("restored") != server.get("s2"):
        wrong("RESTORE of what the other server has dumped")
    asked = {words[0].lower() for words in requests}
    # A picture, and another one each time.
    if b"Redis ver" not in proxy.execute_command("LOLWUT"):
        wrong("LOLWUT")
    return asked | {"lolwut"}


def ask_many(many):
    """What libraries offer on top: pipelines, scans, many keys at once."""
    kv = {f"client:{n}": f"value {n}".encode() for n in range(500)}
    keys = list(kv)
    if not many.mset(kv) or many.mget(keys) != list(kv.values()):
        wrong("MSET and MGET of 500 keys")
    if many.mget(["client:none", *keys[:3], "client:nothing"]) != [None, *list(kv.values())[:3], None]:
        wrong("MGET with misses")
    if many.exists(*keys) != 500 or many.delete(*keys) != 500 or any(many.mget(keys)):
        wrong("DEL of 500 keys")
    if many.mset({"": "empty", "client:e": "v"}) is not True or many.get("") != b"empty":
        wrong("MSET with an empty key")

    pipe = many.pipeline(transaction=False)
    pipe.set("client:a", "a1").get("client:a").zadd("client:z", {"one": 1}).zadd("client:z", {"two": 4})
    pipe.zincrby("client:z", 1, "one").zrange("client:z", 0, 5, withscores=True)
    if pipe.execute() != [True, b"a1", 1, 1, 2.0, [(b"one", 2.0), (b"two", 4.0)]]:
        wrong("a pipeline")

    # Errors of some do not disturb the others; what is wrong in number is told by the server.
    pipe.set("client:a", 1).lpush("client:a", 3).zrem("client:a").set("client:d", 4).get("client:a")
    first, wrong_type, too_few, second, last = pipe.execute(raise_on_error=False)
    kinds = [type(it) is redis.ResponseError for it in (first, wrong_type, too_few, second, last)]
    if kinds != [False, True, True, False, False] or last != b"1":
        wrong("a pipeline with errors", first, wrong_type, too_few, second, last)
    if pipe.set("client:a", "z").execute() != [True]:
        wrong("the pipeline after one with errors")

    # Thousands in one go, split ones among them.
    big = {f"client:big:{n}": bytes([n % 256]) * 100 for n in range(2000)}
    for key, it in big.items():
        pipe.set(key, it)
    pipe.mget(list(big))
    for key in big:
        pipe.get(key)
    pipe.delete(*big)
    found = pipe.execute()
    if found != [True] * 2000 + [list(big.values())] + list(big.values()) + [2000]:
        wrong("a pipeline of 4,002 requests")

    fields = {f"field-{n}": str(n) for n in range(1000)}
    many.hset("client:h", mapping=fields)
    scanned = {k.decode(): v.decode() for k, v in many.hscan_iter("client:h", count=10)}
    matched = list(many.hscan_iter("client:h", match="*-5*", count=100))
    if scanned != fields or len(matched) != 111:
        wrong("HSCAN over 1,000 fields", len(scanned), len(matched))
    many.sadd("client:s", 1, 2, 3)
    many.zadd("client:zs", {"a": 1, "b": 2})
    if sorted(many.sscan_iter("client:s")) != [b"1", b"2", b"3"]:
        wrong("SSCAN")
    if sorted(many.zscan_iter("client:zs", match="a")) != [(b"a", 1.0)]:
        wrong("ZSCAN")


def refused(many):
    """What is not served raises the error of the library, and the connection stays."""
    for call in [
        # So many keys that they are on different servers, whatever the servers' ports.
        lambda: many.msetnx({f"client:apart:{n}": n for n in range(40)}),
        lambda: many.execute_command("MOVE", "client:a", 1),
        lambda: many.execute_command("DEBUG", "SLEEP", "0"),
    ]:
        try:
            wrong("something that is not served", call())
        except redis.ResponseError:
            pass
        if many.ping() is not True:
            wrong("PING after it")
    # The library knows this one by its words.
    try:
        wrong("AUTH", many.execute_command("AUTH", "anything"))
    except redis.AuthenticationError:
        pass
    # The library opens another connection behind it.
    if many.execute_command("QUIT") is not True:
        wrong("QUIT")
    # It looks whether the old one has ended; that may take a moment to be seen.
    time.sleep(0.1)
    if many.ping() is not True:
        wrong("PING after QUIT")


def main():
    server, proxy, many = (redis.Redis("127.0.0.1", int(port)) for port in sys.argv[1:4])
    asked = compare(server, proxy)
    ask_many(many)
    refused(many)
    print("\n".join(sorted(asked)))


main()
