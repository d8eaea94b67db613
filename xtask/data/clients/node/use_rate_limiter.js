// rate-limiter-flexible.
'use strict';
const { port, run, same } = require('./cells');
const Redis = require('ioredis');
const { RateLimiterRedis } = require('rate-limiter-flexible');

run('rate-limiter-flexible', {
  cached: async (keep) => {
    const client = new Redis({ port });
    keep(() => client.disconnect());
    const limiter = new RateLimiterRedis({ storeClient: client, points: 3, duration: 5, blockDuration: 5 });
    for (const left of [2, 1, 0]) same('points left', (await limiter.consume('me')).remainingPoints, left);
    same('one too many', await limiter.consume('me').then(() => 'let through', () => 'kept out'), 'kept out');
    same('another', (await limiter.consume('you')).remainingPoints, 2);
    same('reset', await limiter.delete('me'), true);
  },
});
