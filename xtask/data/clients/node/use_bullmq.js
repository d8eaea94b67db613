// BullMQ.
'use strict';
const { port, run, numbers, same, within } = require('./cells');
const { Queue, QueueEvents, Worker } = require('bullmq');

const queue = (prefix) => async (keep) => {
  const options = { connection: { host: '127.0.0.1', port, maxRetriesPerRequest: null }, ...(prefix && { prefix }) };
  let why;
  const opened = (what) => {
    what.on('error', (error) => { why = why || error; });
    keep(() => within(2, what.close()));
    return what;
  };
  const [jobs, events] = [opened(new Queue('mail', options)), opened(new QueueEvents('mail', options))];
  try {
    await events.waitUntilReady();
    opened(new Worker('mail', async (job) => job.data.n * 2, options));
    for (const n of numbers(5)) {
      const job = await jobs.add('mail', { n });
      same('a job', await job.waitUntilFinished(events, 5000), 2 * n);
    }
    const later = await jobs.add('mail', { n: 9 }, { delay: 300, priority: 2 });
    same('a job for later', await later.waitUntilFinished(events, 5000), 18);
    same('what is done', (await jobs.getJobCounts()).completed, 6);
  } catch (error) {
    throw why || error;
  }
};

run('bullmq', { queue: queue(), tagged: queue('{bull}') });
