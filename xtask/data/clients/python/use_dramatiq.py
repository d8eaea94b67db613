"""dramatiq, with a worker on threads."""
import time
from cells import PORT, expect, run
import dramatiq
from dramatiq.brokers.redis import RedisBroker


def queue():
    broker = RedisBroker(host="127.0.0.1", port=PORT)
    dramatiq.set_broker(broker)
    done = []

    @dramatiq.actor
    def note(n):
        done.append(n)

    for n in range(5):
        note.send(n)
    note.send_with_options(args=(9,), delay=300)
    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
    worker.start()
    end = time.time() + 8
    while len(done) < 6 and time.time() < end:
        time.sleep(0.05)
    worker.stop()
    expect("what is done", sorted(done), [0, 1, 2, 3, 4, 9])


run("dramatiq", {"queue": queue})
