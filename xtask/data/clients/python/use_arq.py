"""arq, with a worker that works until the queue is empty."""
from cells import PORT, expect, run
from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker


async def add(context, a, b):
    return a + b


async def queue():
    settings = RedisSettings(port=PORT)
    pool = await create_pool(settings)
    jobs = [await pool.enqueue_job("add", n, n) for n in range(3)]
    worker = Worker([add], redis_settings=settings, burst=True, handle_signals=False, poll_delay=0.1)
    await worker.main()
    expect("results", [await job.result(timeout=3) for job in jobs], [0, 2, 4])
    await worker.close()


run("arq", {"queue": queue})
