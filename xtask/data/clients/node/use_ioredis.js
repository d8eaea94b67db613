// ioredis, and iovalkey, which has its face.
'use strict';
const { port, run, sleep, numbers, same, sameSet } = require('./cells');
const name = process.env.LIBRARY;
const Redis = require(name);

function open(keep, options = {}) {
  const client = new Redis({ host: '127.0.0.1', port, ...options });
  client.on('error', () => {});
  keep(() => client.disconnect());
  return client;
}

run(name, {
  connect: async (keep) => { same('PING', await open(keep).ping(), 'PONG'); },
  'get-set': async (keep) => {
    const client = open(keep);
    same('GET of nothing', await client.get('absent'), null);
    await Promise.all(numbers(100).map(async (n) => {
      same('SET', await client.set(`k${n}`, `v${n}`), 'OK');
      same('GET', await client.get(`k${n}`), `v${n}`);
    }));
    same('SET NX', await client.set('lock', '1', 'EX', 10, 'NX'), 'OK');
    same('SET NX again', await client.set('lock', '1', 'EX', 10, 'NX'), null);
    same('HSET', await client.hset('h', { a: '1', b: '2' }), 2);
    same('HGETALL', await client.hgetall('h'), { a: '1', b: '2' });
    same('keyPrefix', await open(keep, { keyPrefix: 'k' }).get('1'), 'v1');
  },
  'many-keys': async (keep) => {
    const client = open(keep);
    const keys = numbers(100).map((n) => `many${n}`);
    same('MSET', await client.mset(Object.fromEntries(keys.map((key) => [key, key.toUpperCase()]))), 'OK');
    same('MGET', await client.mget(...keys, 'absent'), [...keys.map((key) => key.toUpperCase()), null]);
    same('EXISTS', await client.exists(...keys), 100);
    same('UNLINK', await client.unlink(...keys.slice(0, 50)), 50);
    same('DEL', await client.del(...keys), 50);
  },
  pipeline: async (keep) => {
    const client = open(keep);
    const pipeline = client.pipeline();
    numbers(500).forEach((n) => pipeline.set(`p${n}`, n).get(`p${n}`));
    same('answers', await pipeline.exec(), numbers(500).flatMap((n) => [[null, 'OK'], [null, `${n}`]]));
    const auto = open(keep, { enableAutoPipelining: true });
    same('auto pipelining', await Promise.all(numbers(50).map((n) => auto.get(`p${n}`))), numbers(50).map(String));
  },
  ...(name === 'ioredis' && {
    resp3: async (keep) => {
      const client = open(keep, { protocol: 3 });
      same('HSET', await client.hset('h3', { a: '1', b: '2' }), 2);
      same('HGETALL', await client.hgetall('h3'), { a: '1', b: '2' });
      same('MGET', await client.mget('k1', 'absent', 'k2', 'k3'), ['v1', null, 'v2', 'v3']);
      same('ZADD', await client.zadd('z3', 1.5, 'a'), 1);
      same('ZSCORE', await client.zscore('z3', 'a'), '1.5');
      sameSet('SMEMBERS', await client.sadd('s3', 'a', 'b').then(() => client.smembers('s3')), ['a', 'b']);
    },
  }),
  transaction: async (keep) => {
    const [client, other] = [open(keep), open(keep)];
    same('EXEC', await client.multi().set('one', 1).incr('one').get('one').exec(), [[null, 'OK'], [null, 2], [null, '2']]);
    same('EXEC of tagged keys', await client.multi().set('{t}a', 1).incr('{t}b').mget('{t}a', '{t}b').exec(), [[null, 'OK'], [null, 1], [null, ['1', '1']]]);
    await client.watch('{t}a');
    await other.set('{t}a', '3');
    same('EXEC after a change', await client.multi().set('{t}a', '4').exec(), null);
    await client.multi({ pipeline: false });
    same('QUEUED', await client.set('{t}a', '5'), 'QUEUED');
    same('EXEC without a pipeline', await client.exec(), [[null, 'OK']]);
  },
  pubsub: async (keep) => {
    const [client, listener] = [open(keep), open(keep)];
    const heard = [];
    listener.on('message', (channel, message) => heard.push([channel, message]));
    listener.on('pmessage', (pattern, channel, message) => heard.push([channel, message]));
    same('SUBSCRIBE', await listener.subscribe('news', 'weather'), 2);
    same('PSUBSCRIBE', await listener.psubscribe('pattern.*'), 3);
    for (const channel of ['news', 'weather', 'pattern.1']) await client.publish(channel, `to ${channel}`);
    for (let n = 0; n < 100 && heard.length < 3; n++) await sleep(20);
    same('messages', heard.sort(), ['news', 'pattern.1', 'weather'].map((channel) => [channel, `to ${channel}`]));
    same('PING while listening', await listener.ping() !== undefined, true);
    same('UNSUBSCRIBE', await listener.unsubscribe('news', 'weather'), 1);
    same('PUNSUBSCRIBE', await listener.punsubscribe('pattern.*'), 0);
    same('GET after that', await listener.get('absent'), null);
  },
  scan: async (keep) => {
    const client = open(keep);
    const pipeline = client.pipeline();
    numbers(2000).forEach((n) => pipeline.set(`scan:${n}`, n));
    await pipeline.exec();
    const seen = [];
    for await (const some of client.scanStream({ match: 'scan:*', count: 300 })) seen.push(...some);
    sameSet('keys seen', seen, numbers(2000).map((n) => `scan:${n}`));
  },
  blocking: async (keep) => {
    const [client, other] = [open(keep), open(keep)];
    same('BLPOP of nothing', await client.blpop('queue', 1), null);
    const [answer] = await Promise.all([client.blpop('queue', 5), sleep(200).then(() => other.rpush('queue', 'job'))]);
    same('BLPOP', answer, ['queue', 'job']);
  },
  script: async (keep) => {
    const client = open(keep);
    client.defineCommand('add', { numberOfKeys: 1, lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" });
    for (const n of numbers(30)) same('a script', await client.add(`script${n}`, 3), 3);
    same('scripts in a pipeline', await client.pipeline().add('script1', 1).add('script2', 1).exec(), [[null, 4], [null, 4]]);
    same('EVAL', await client.eval("return redis.call('GET', KEYS[1])", 1, 'script1'), '4');
  },
  databases: async (keep) => {
    const [one, zero] = [open(keep, { db: 1 }), open(keep)];
    await one.set('where', '1');
    same('database 1', await one.get('where'), '1');
    same('database 0', await zero.get('where'), null);
    await zero.select(1);
    same('after SELECT', await zero.get('where'), '1');
  },
  close: async (keep) => {
    const client = open(keep);
    await client.ping();
    same('QUIT', await client.quit(), 'OK');
  },
});
