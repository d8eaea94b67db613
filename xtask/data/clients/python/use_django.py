"""Django's own cache in Redis, and django-redis."""
import os
from cells import CONTROL, LIBRARY, PORT, expect, run
from django.conf import settings

IS_OWN = LIBRARY == "Django"
BACKEND = "django.core.cache.backends.redis.RedisCache" if IS_OWN else "django_redis.cache.RedisCache"
settings.configure(CACHES={"default": {"BACKEND": BACKEND, "LOCATION": f"redis://127.0.0.1:{PORT}/1"}})

from django.core.cache import cache


def cached():
    cache.set("a", {"x": [1, None]}, 30)
    expect("get", cache.get("a"), {"x": [1, None]})
    expect("get of nothing", cache.get("absent", "default"), "default")
    expect("add", cache.add("a", 1), False)
    expect("get_or_set", cache.get_or_set("q", lambda: 5, 10), 5)
    cache.set("n", 1, 30)
    expect("incr", cache.incr("n", 5), 6)
    expect("touch", cache.touch("n", 50), True)
    expect("has_key", cache.has_key("n"), True)
    expect("delete", cache.delete("n"), True)
    if not IS_OWN:
        expect("ttl", 0 < cache.ttl("a") <= 30, True)
        cache.set("p1", 1)
        cache.set("p2", 1)
        expect("keys", sorted(cache.keys("p*")), ["p1", "p2"])
        expect("delete_pattern", cache.delete_pattern("p*"), 2)


def many():
    values = {f"many{n}": n for n in range(50)}
    for key, value in values.items():
        cache.set(key, value)
    expect("get_many", cache.get_many(list(values)), values)
    cache.delete_many(list(values))
    expect("get_many of nothing", cache.get_many(list(values)), {})
    cache.set_many(values)
    expect("get_many after set_many", cache.get_many(list(values)), values)


def lock():
    with cache.lock("a lock", timeout=5):
        expect("a lock", cache.lock("a lock", timeout=5).acquire(blocking=False), False)


run("django" if IS_OWN else "django-redis", {"cached": cached, "many": many, "lock": None if IS_OWN else lock})
