// node-redis from its fourth major version on.
'use strict';
const { port, run, sleep, numbers, same, sameSet, fails } = require('./cells');
const { createClient } = require('redis');
const redis = require('redis');

async function open(keep, options = {}) {
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: false }, ...options });
  let why;
  client.on('error', (error) => { why = why || error; });
  keep(() => (client.isOpen ? (client.destroy ? client.destroy() : client.disconnect()) : undefined));
  try { await client.connect(); } catch (error) { throw why || error; }
  return client;
}

async function some(client, mark) {
  same('HSET', await client.hSet(`h${mark}`, { a: '1', b: '2' }), 2);
  same('HGETALL', { ...(await client.hGetAll(`h${mark}`)) }, { a: '1', b: '2' });
  same('ZADD', await client.zAdd(`z${mark}`, [{ score: 1.5, value: 'x' }]), 1);
  same('ZSCORE', await client.zScore(`z${mark}`, 'x'), 1.5);
  same('ZRANGE', (await client.zRangeWithScores(`z${mark}`, 0, -1)).map((m) => ({ ...m })), [{ score: 1.5, value: 'x' }]);
  same('SADD', await client.sAdd(`s${mark}`, ['a', 'b']), 2);
  sameSet('SMEMBERS', await client.sMembers(`s${mark}`), ['a', 'b']);
}

async function many(client) {
  const keys = numbers(100).map((n) => `many${n}`);
  same('MSET', await client.mSet(keys.map((key) => [key, key.toUpperCase()])), 'OK');
  same('MGET', await client.mGet([...keys, 'absent']), [...keys.map((key) => key.toUpperCase()), null]);
  same('EXISTS', await client.exists(keys), 100);
  same('UNLINK', await client.unlink(keys.slice(0, 50)), 50);
  same('DEL', await client.del(keys), 50);
}

run('redis', {
  connect: async (keep) => { same('PING', await (await open(keep)).ping(), 'PONG'); },
  'get-set': async (keep) => {
    const client = await open(keep);
    same('GET of nothing', await client.get('absent'), null);
    await Promise.all(numbers(100).map(async (n) => {
      same('SET', await client.set(`k${n}`, `v${n}`), 'OK');
      same('GET', await client.get(`k${n}`), `v${n}`);
    }));
    same('SET NX', await client.set('lock', '1', { NX: true, EX: 10 }), 'OK');
    same('SET NX again', await client.set('lock', '1', { NX: true, EX: 10 }), null);
    await some(client, 2);
  },
  'many-keys': async (keep) => many(await open(keep)),
  pipeline: async (keep) => {
    const client = await open(keep);
    const answers = await Promise.all(numbers(500).flatMap((n) => [client.set(`p${n}`, `${n}`), client.get(`p${n}`)]));
    same('answers', answers, numbers(500).flatMap((n) => ['OK', `${n}`]));
    const multi = client.multi();
    numbers(100).forEach((n) => multi.get(`p${n}`));
    same('execAsPipeline', await multi.execAsPipeline(), numbers(100).map(String));
  },
  ...(redis.RESP_TYPES && {
    resp3: async (keep) => {
      const client = await open(keep, { RESP: 3 });
      await some(client, 3);
      await many(client);
    },
  }),
  transaction: async (keep) => {
    const [client, other] = [await open(keep), await open(keep)];
    same('EXEC', await client.multi().set('one', '1').incr('one').get('one').exec(), ['OK', 2, '2']);
    same('EXEC of tagged keys', await client.multi().set('{t}a', '1').incr('{t}b').mGet(['{t}a', '{t}b']).exec(), ['OK', 1, ['1', '1']]);
    await client.watch('{t}a');
    same('EXEC of what was watched', await client.multi().set('{t}a', '2').exec(), ['OK']);
    await client.watch('{t}a');
    await other.set('{t}a', '3');
    await fails('EXEC after a change', client.multi().set('{t}a', '4').exec(), /watched|abort/i);
    same('the value', await client.get('{t}a'), '3');
  },
  pubsub: async (keep) => {
    for (const options of redis.RESP_TYPES ? [{}, { RESP: 2 }] : [{}]) {
      const [client, listener] = [await open(keep, options), await open(keep, options)];
      const heard = [];
      await listener.subscribe('news', (message, channel) => heard.push([channel, message]));
      await listener.pSubscribe('pattern.*', (message, channel) => heard.push([channel, message]));
      await client.publish('news', 'a');
      await client.publish('pattern.1', 'b');
      for (let n = 0; n < 100 && heard.length < 2; n++) await sleep(20);
      same('messages', heard.sort(), [['news', 'a'], ['pattern.1', 'b']]);
      await listener.unsubscribe('news');
      await listener.pUnsubscribe('pattern.*');
    }
  },
  scan: async (keep) => {
    const client = await open(keep);
    await Promise.all(numbers(2000).map((n) => client.set(`scan:${n}`, `${n}`)));
    const seen = [];
    for await (const some of client.scanIterator({ MATCH: 'scan:*', COUNT: 300 })) seen.push(...[some].flat());
    sameSet('keys seen', seen, numbers(2000).map((n) => `scan:${n}`));
  },
  blocking: async (keep) => {
    const [client, other] = [await open(keep), await open(keep)];
    same('BLPOP of nothing', await client.blPop('queue', 1), null);
    const [answer] = await Promise.all([client.blPop('queue', 5), sleep(200).then(() => other.rPush('queue', 'job'))]);
    same('BLPOP', { ...answer }, { key: 'queue', element: 'job' });
  },
  script: async (keep) => {
    const scripts = {
      add: redis.defineScript({
        NUMBER_OF_KEYS: 1,
        SCRIPT: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
        ...(redis.RESP_TYPES
          ? { parseCommand(parser, key, by) { parser.pushKey(key); parser.push(`${by}`); }, transformReply: (reply) => reply }
          : { transformArguments: (key, by) => [key, `${by}`], transformReply: (reply) => reply }),
      }),
    };
    const client = await open(keep, { scripts });
    for (const n of numbers(30)) same('a script', await client.add(`script${n}`, 3), 3);
    same('EVAL', await client.eval("return redis.call('GET', KEYS[1])", { keys: ['script1'] }), '3');
  },
  databases: async (keep) => {
    const [one, zero] = [await open(keep, { database: 1 }), await open(keep)];
    await one.set('where', '1');
    same('database 1', await one.get('where'), '1');
    same('database 0', await zero.get('where'), null);
  },
  close: async (keep) => {
    const client = await open(keep);
    await client.ping();
    await (client.close ? client.close() : client.quit());
    const other = await open(keep);
    same('QUIT', await other.sendCommand(['QUIT']), 'OK');
  },
});
