#!/usr/bin/python3
"""Load that remembers what it wrote, made with the client libraries that people use.

    load.py [--clients N] [--reconnect N] PROTOCOL:PORT:POOL ...

PROTOCOL is "redis" (python3-redis) or "memcached" (python3-pymemcache). For each pool N clients
work at a time, each on keys of its own: some are written once and must be there ever after, some
are written and deleted all the time. Every answer is compared with what it may be. A client that
meets an error connects again, as the library does it, and goes on. With --reconnect a client
closes its connection after so many requests, the way programs do that live for one page.

A line of JSON on standard output tells how far it is, many times a second. At the end of standard
input all keys are read once more, then the last line has "ended": true.

A write that ended in an error has been done or not: until the next one is answered, both the value
before and the value after are right.
"""

import argparse
import collections
import json
import sys
import threading
import time

import pymemcache
import pymemcache.exceptions
import redis
import redis.exceptions

HOST = "127.0.0.1"
# A request that takes longer than this is an error of the kind "timeout".
PATIENCE = 10
SETTLED = 24
CHANGING = 8
# Between two connects while nobody listens, and between two rounds.
PAUSE = 0.005


class RedisClient:
    """What a client does, in python3-redis."""

    def __init__(self, port):
        # One connection, no pool: a pool would drop a connection with a stray answer on it, and
        # stray answers are looked for here.
        self.client = redis.Redis(
            host=HOST, port=port, socket_timeout=PATIENCE, single_connection_client=True
        )

    def close(self):
        self.client.connection.disconnect()

    def get(self, key):
        return self.client.get(key)

    def get_many(self, keys):
        return dict(zip(keys, self.client.mget(keys)))

    def set(self, key, value):
        self.client.set(key, value)

    def set_many(self, pairs):
        pipeline = self.client.pipeline(transaction=False)
        for key, value in pairs.items():
            pipeline.set(key, value)
        pipeline.execute()

    def delete(self, key):
        self.client.delete(key)

    @staticmethod
    def kind(error):
        if isinstance(error, redis.exceptions.TimeoutError):
            return "timeout"
        # Its subclasses are answers of the server.
        if type(error) is redis.exceptions.ConnectionError:
            return "refused" if "Connection refused" in str(error) else "closed"
        return None


class MemcachedClient:
    """What a client does, in python3-pymemcache."""

    def __init__(self, port):
        self.client = pymemcache.Client(
            (HOST, port), connect_timeout=PATIENCE, timeout=PATIENCE, no_delay=True
        )

    def close(self):
        self.client.close()

    def get(self, key):
        return self.client.get(key)

    def get_many(self, keys):
        found = self.client.get_many(keys)
        return {key: found.get(key) for key in keys}

    def set(self, key, value):
        if not self.client.set(key, value, noreply=False):
            raise pymemcache.exceptions.MemcacheError("not stored")

    def set_many(self, pairs):
        failed = self.client.set_many(pairs, noreply=False)
        if failed:
            raise pymemcache.exceptions.MemcacheError("not stored: %r" % failed)

    def delete(self, key):
        self.client.delete(key, noreply=False)

    def set_quietly(self, key, value):
        """The library's default: no answer is waited for."""
        self.client.set(key, value, noreply=True)

    @staticmethod
    def kind(error):
        if isinstance(error, TimeoutError):
            return "timeout"
        if isinstance(error, ConnectionRefusedError):
            return "refused"
        closed = pymemcache.exceptions.MemcacheUnexpectedCloseError
        return "closed" if isinstance(error, (closed, ConnectionError)) else None


LIBRARIES = {"redis": RedisClient, "memcached": MemcachedClient}


class Worker(threading.Thread):
    """One client and its keys."""

    def __init__(self, protocol, port, pool, number, reconnect):
        super().__init__(daemon=True)
        self.library = LIBRARIES[protocol](port)
        self.reconnect = reconnect
        self.name = "%s:%d" % (pool, number)
        # Every third key has a hash tag, for pools that know one.
        forms = ("%s:settled:%d", "{%s:%d}:settled", "%s:s:%d:" + "k" * 30)
        self.settled = [forms[n % 3] % (self.name, n) for n in range(SETTLED)]
        self.changing = ["%s:changing:%d" % (self.name, n) for n in range(CHANGING)]
        # What each key may hold; None is nothing.
        self.may_be = {}
        self.version = 0
        self.filled = False
        self.stopped = False
        self.sweeps = 0
        self.requests = 0
        self.errors = collections.Counter()
        self.samples = {}
        self.wrong = []
        self.missing = []

    def run(self):
        for at in range(0, SETTLED, 8):
            pairs = {key: self.next_value(key) for key in self.settled[at : at + 8]}
            self.insist(lambda: self.library.set_many(pairs))
            self.may_be.update((key, {value}) for key, value in pairs.items())
        for key in self.changing:
            self.write(key)
        self.filled = True
        step = 0
        while not self.stopped:
            self.round(step)
            step += 1
            if step % (SETTLED // 4) == 0:
                self.sweeps += 1
            time.sleep(PAUSE)
        for key in self.settled + self.changing:
            self.read([key])

    def round(self, step):
        at = step * 4 % SETTLED
        for key in self.settled[at : at + 4]:
            self.read([key])
        at = step * 12 % SETTLED
        self.read(self.settled[at : at + 12])
        key = self.changing[step % CHANGING]
        if step % 5 == 4:
            self.delete(key)
        elif step % 5 == 3 and hasattr(self.library, "set_quietly"):
            self.write_quietly(key)
        else:
            self.write(key)
        self.read([key])
        self.read(self.changing)

    def next_value(self, key):
        self.version += 1
        # Lengths differ, so that an answer to another request is noticed.
        return ("%s=%d;" % (key, self.version) + "v" * (self.version * 37 % 300)).encode()

    def write(self, key):
        value = self.next_value(key)
        done = self.attempt(lambda: self.library.set(key, value))
        self.may_be[key] = {value} if done else self.may_be.get(key, {None}) | {value}

    def delete(self, key):
        done = self.attempt(lambda: self.library.delete(key))
        self.may_be[key] = {None} if done else self.may_be[key] | {None}

    def write_quietly(self, key):
        """A write that nobody answers: the read behind it, on the same connection, tells."""
        value = self.next_value(key)
        before = self.may_be[key]
        self.may_be[key] = before | {value}
        found = []

        def both():
            self.library.set_quietly(key, value)
            found.append(self.library.get(key))

        if self.attempt(both):
            self.may_be[key] = {value}
            self.compare(key, found[0])

    def read(self, keys):
        if len(keys) == 1:
            found = self.insist(lambda: {keys[0]: self.library.get(keys[0])})
        else:
            found = self.insist(lambda: self.library.get_many(keys))
        for key, value in found.items():
            self.compare(key, value)

    def compare(self, key, value):
        if value not in self.may_be[key]:
            (self.missing if value is None else self.wrong).append(
                "%s is %r, not %r" % (key, value, sorted(map(repr, self.may_be[key])))
            )

    def insist(self, request):
        """Tries until it is answered."""
        answer = []
        while not self.attempt(lambda: answer.append(request())):
            pass
        return answer[-1]

    def attempt(self, request):
        """Whether it was answered."""
        self.requests += 1
        try:
            if self.reconnect and self.requests % self.reconnect == 0:
                self.library.close()
            request()
            return True
        except Exception as error:  # Whatever a library raises is a finding.
            kind = self.library.kind(error) or "answered with an error"
            self.errors[kind] += 1
            self.samples[kind] = "%s: %s: %s" % (self.name, type(error).__name__, error)
            self.library.close()
            time.sleep(PAUSE)
            return False


def report(workers, ended=False):
    errors, samples = collections.Counter(), {}
    for worker in workers:
        errors.update(worker.errors)
        samples.update(worker.samples)
    tally = {
        "ended": ended,
        "filled": all(worker.filled for worker in workers),
        "sweeps": [worker.sweeps for worker in workers],
        "requests": sum(worker.requests for worker in workers),
        "errors": errors,
        "samples": samples,
        "wrong": [each for worker in workers for each in worker.wrong][:10],
        "missing": [each for worker in workers for each in worker.missing][:10],
    }
    print(json.dumps(tally), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--reconnect", type=int, default=0)
    parser.add_argument("pools", nargs="+")
    options = parser.parse_args()
    workers = []
    for pool in options.pools:
        protocol, port, name = pool.split(":")
        for number in range(options.clients):
            workers.append(Worker(protocol, int(port), name, number, options.reconnect))
    for worker in workers:
        worker.start()
    ending = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ending.set()), daemon=True).start()
    while not ending.wait(0.02):
        report(workers)
    for worker in workers:
        worker.stopped = True
    for worker in workers:
        worker.join()
    report(workers, ended=True)


main()
