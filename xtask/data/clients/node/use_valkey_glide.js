// valkey-glide for JavaScript, whose core is written in Rust.
'use strict';
const { port, run, sleep, numbers, same, sameSet } = require('./cells');
const { Batch, GlideClient, ProtocolVersion, Script } = require('@valkey/valkey-glide');

async function open(keep, options = {}) {
  const client = await GlideClient.createClient({ addresses: [{ host: '127.0.0.1', port }], ...options });
  keep(() => client.close());
  return client;
}

run('@valkey/valkey-glide', {
  connect: async (keep) => { same('PING', await (await open(keep)).ping(), 'PONG'); },
  'get-set': async (keep) => {
    const client = await open(keep);
    same('GET of nothing', await client.get('absent'), null);
    await Promise.all(numbers(100).map(async (n) => {
      same('SET', await client.set(`k${n}`, `v${n}`), 'OK');
      same('GET', await client.get(`k${n}`), `v${n}`);
    }));
  },
  'many-keys': async (keep) => {
    const client = await open(keep);
    const keys = numbers(100).map((n) => `many${n}`);
    same('MSET', await client.mset(Object.fromEntries(keys.map((key) => [key, key.toUpperCase()]))), 'OK');
    same('MGET', await client.mget(keys), keys.map((key) => key.toUpperCase()));
    same('DEL', await client.del(keys), 100);
  },
  pipeline: async (keep) => {
    const batch = new Batch(false);
    numbers(100).forEach((n) => batch.set(`p${n}`, `${n}`).get(`p${n}`));
    same('answers', await (await open(keep)).exec(batch, true), numbers(100).flatMap((n) => ['OK', `${n}`]));
  },
  resp3: async (keep) => {
    const client = await open(keep, { protocol: ProtocolVersion.RESP3 });
    same('SADD', await client.sadd('s3', ['a', 'b']), 2);
    sameSet('SMEMBERS', await client.smembers('s3'), ['a', 'b']);
    same('ZADD', await client.zadd('z3', { a: 1.5 }), 1);
    same('ZSCORE', await client.zscore('z3', 'a'), 1.5);
  },
  transaction: async (keep) => {
    const [client, other] = [await open(keep), await open(keep)];
    same('EXEC', await client.exec(new Batch(true).set('{t}a', '1').incr('{t}b').mget(['{t}a', '{t}b']), true), ['OK', 1, ['1', '1']]);
    await client.watch(['{t}a']);
    await other.set('{t}a', '3');
    same('EXEC after a change', await client.exec(new Batch(true).set('{t}a', '4'), true), null);
  },
  pubsub: async (keep) => {
    const heard = [];
    const client = await open(keep);
    await open(keep, {
      pubsubSubscriptions: {
        channelsAndPatterns: { 0: new Set(['news']), 1: new Set(['pattern.*']) },
        callback: (message) => heard.push(message.message),
      },
    });
    await sleep(500);
    await client.publish('a', 'news');
    await client.publish('b', 'pattern.1');
    for (let n = 0; n < 100 && heard.length < 2; n++) await sleep(20);
    same('messages', heard.sort(), ['a', 'b']);
  },
  scan: async (keep) => {
    const client = await open(keep);
    await client.mset(Object.fromEntries(numbers(2000).map((n) => [`scan:${n}`, `${n}`])));
    const seen = [];
    let cursor = '0';
    do {
      const [next, some] = await client.scan(cursor, { match: 'scan:*', count: 300 });
      cursor = next;
      seen.push(...some);
    } while (cursor !== '0');
    sameSet('keys seen', seen, numbers(2000).map((n) => `scan:${n}`));
  },
  blocking: async (keep) => {
    const [client, other] = [await open(keep), await open(keep)];
    same('BLPOP of nothing', await client.blpop(['queue'], 1), null);
    const [answer] = await Promise.all([client.blpop(['queue'], 5), sleep(200).then(() => other.rpush('queue', ['job']))]);
    same('BLPOP', answer, ['queue', 'job']);
  },
  script: async (keep) => {
    const client = await open(keep);
    const script = new Script("return redis.call('INCR', KEYS[1])");
    for (const n of numbers(30)) same('a script', await client.invokeScript(script, { keys: [`script${n}`] }), 1);
  },
  databases: async (keep) => {
    const [one, zero] = [await open(keep, { databaseId: 1 }), await open(keep)];
    await one.set('where', '1');
    same('database 1', await one.get('where'), '1');
    same('database 0', await zero.get('where'), null);
  },
  close: async (keep) => { (await open(keep)).close(); },
});
