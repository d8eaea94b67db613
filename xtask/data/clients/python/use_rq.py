"""RQ, with a worker that works until the queue is empty."""
import operator
from cells import PORT, expect, run
from redis import Redis
from rq import Queue, SimpleWorker


def queue():
    c = Redis(port=PORT)
    q = Queue("mail", connection=c)
    jobs = [q.enqueue(operator.add, n, n) for n in range(5)]
    last = q.enqueue(operator.mul, 2, 3, depends_on=jobs)
    SimpleWorker([q], connection=c).work(burst=True, logging_level="ERROR")
    expect("results", [job.return_value() for job in jobs + [last]], [0, 2, 4, 6, 8, 6])


run("rq", {"queue": queue})
