"""huey: its queue, its priority queue, its lock."""
from cells import PORT, expect, run
from huey import PriorityRedisHuey, RedisHuey


def queue():
    for kind in (RedisHuey, PriorityRedisHuey):
        h = kind(f"queue-{kind.__name__}", host="127.0.0.1", port=PORT)

        @h.task()
        def add(a, b):
            return a + b

        asked = [add(n, n) for n in range(5)]
        for _ in asked:
            h.execute(h.dequeue())
        expect("results", [one.get() for one in asked], [0, 2, 4, 6, 8])
        expect("what is left", h.pending_count(), 0)


def lock():
    h = RedisHuey("lock", host="127.0.0.1", port=PORT)
    with h.lock_task("a lock"):
        expect("whether it is locked", h.is_locked("a lock"), True)
    expect("whether it is locked", h.is_locked("a lock"), False)


run("huey", {"queue": queue, "lock": lock})
