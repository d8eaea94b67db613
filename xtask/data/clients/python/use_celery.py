"""Celery, with a worker in a process of its own."""
import os
import subprocess
import sys

import celery
from celery import Celery, chord, group

PREFIX = os.environ.get("PREFIX")
URL = f"redis://127.0.0.1:{os.environ.get('PORT') or sys.argv[1]}/0"
app = Celery("use_celery", broker=URL, backend=URL)
app.conf.broker_connection_retry_on_startup = False
if PREFIX:
    app.conf.broker_transport_options = {"global_keyprefix": PREFIX}
    app.conf.result_backend_transport_options = {"global_keyprefix": PREFIX}


@app.task(name="add")
def add(a, b):
    return a + b


@app.task(name="total")
def total(numbers):
    return sum(numbers)


def work():
    app.worker_main(["worker", "-P", "solo", "-l", "CRITICAL", "--without-gossip", "--without-mingle"])


def tasks(prefix):
    """In a process of its own, because the application is made once."""
    environment = {**os.environ, "PORT": sys.argv[1], "PREFIX": prefix}
    worker = subprocess.Popen([sys.executable, __file__, "work"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        asked = subprocess.run([sys.executable, __file__, "ask"], env=environment, capture_output=True, text=True, timeout=25)
        if asked.returncode:
            raise AssertionError(asked.stderr.strip().splitlines()[-1])
    finally:
        worker.kill()
        worker.wait()


def ask():
    from_task = add.delay(1, 2).get(timeout=10)
    assert from_task == 3, from_task
    from_group = group(add.s(n, n) for n in range(10))().get(timeout=10)
    assert from_group == [2 * n for n in range(10)], from_group
    from_chord = chord((add.s(n, n) for n in range(10)), total.s())().get(timeout=10)
    assert from_chord == 90, from_chord
    later = add.apply_async((1, 1), countdown=1).get(timeout=10)
    assert later == 2, later
    # What is open is of no use any more, and closing it in good order takes a while.
    os._exit(0)


if sys.argv[1] == "work":
    work()
elif sys.argv[1] == "ask":
    ask()
else:
    from cells import run

    run("celery", {"queue": lambda: tasks(""), "tagged": lambda: tasks("{app}")})
