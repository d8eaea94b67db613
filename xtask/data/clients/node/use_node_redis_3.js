// node-redis 3, which speaks by callbacks.
'use strict';
const { port, run, sleep, numbers, same, sameSet } = require('./cells');
const redis = require('redis');

function open(keep, options = {}) {
  const client = redis.createClient({ host: '127.0.0.1', port, ...options });
  client.on('error', () => {});
  keep(() => client.end(false));
  return client;
}

const ask = (client, name, ...words) => new Promise((done, failed) => {
  client[name](...words, (error, answer) => (error ? failed(error) : done(answer)));
});
const exec = (multi, how = 'exec') => new Promise((done, failed) => {
  multi[how]((error, answer) => (error ? failed(error) : done(answer)));
});

run('redis', {
  connect: async (keep) => { same('PING', await ask(open(keep), 'ping'), 'PONG'); },
  'get-set': async (keep) => {
    const client = open(keep);
    same('GET of nothing', await ask(client, 'get', 'absent'), null);
    await Promise.all(numbers(100).map(async (n) => {
      same('SET', await ask(client, 'set', `k${n}`, `v${n}`), 'OK');
      same('GET', await ask(client, 'get', `k${n}`), `v${n}`);
    }));
    same('HSET', await ask(client, 'hset', 'h', 'a', '1'), 1);
    same('HGETALL', { ...await ask(client, 'hgetall', 'h') }, { a: '1' });
  },
  'many-keys': async (keep) => {
    const client = open(keep);
    const keys = numbers(100).map((n) => `many${n}`);
    same('MSET', await ask(client, 'mset', keys.flatMap((key) => [key, key.toUpperCase()])), 'OK');
    same('MGET', await ask(client, 'mget', keys), keys.map((key) => key.toUpperCase()));
    same('DEL', await ask(client, 'del', keys), 100);
  },
  pipeline: async (keep) => {
    const batch = open(keep).batch();
    numbers(500).forEach((n) => batch.set(`p${n}`, n).get(`p${n}`));
    same('answers', await exec(batch), numbers(500).flatMap((n) => ['OK', `${n}`]));
  },
  transaction: async (keep) => {
    const [client, other] = [open(keep), open(keep)];
    same('EXEC', await exec(client.multi().set('{t}a', 1).incr('{t}b').mget('{t}a', '{t}b')), ['OK', 1, ['1', '1']]);
    await ask(client, 'watch', '{t}a');
    await ask(other, 'set', '{t}a', '3');
    same('EXEC after a change', await exec(client.multi().set('{t}a', '4')), null);
  },
  pubsub: async (keep) => {
    const [client, listener] = [open(keep), open(keep)];
    const heard = [];
    listener.on('message', (channel, message) => heard.push([channel, message]));
    listener.on('pmessage', (pattern, channel, message) => heard.push([channel, message]));
    await ask(listener, 'subscribe', 'news');
    await ask(listener, 'psubscribe', 'pattern.*');
    await ask(client, 'publish', 'news', 'a');
    await ask(client, 'publish', 'pattern.1', 'b');
    for (let n = 0; n < 100 && heard.length < 2; n++) await sleep(20);
    same('messages', heard.sort(), [['news', 'a'], ['pattern.1', 'b']]);
    await ask(listener, 'unsubscribe', 'news');
    await ask(listener, 'punsubscribe', 'pattern.*');
    same('GET after that', await ask(listener, 'get', 'absent'), null);
  },
  scan: async (keep) => {
    const client = open(keep);
    await ask(client, 'mset', numbers(2000).flatMap((n) => [`scan:${n}`, n]));
    const seen = [];
    let cursor = '0';
    do {
      const [next, some] = await ask(client, 'scan', cursor, 'MATCH', 'scan:*', 'COUNT', 300);
      cursor = next;
      seen.push(...some);
    } while (cursor !== '0');
    sameSet('keys seen', seen, numbers(2000).map((n) => `scan:${n}`));
  },
  blocking: async (keep) => {
    const [client, other] = [open(keep), open(keep)];
    same('BLPOP of nothing', await ask(client, 'blpop', 'queue', 1), null);
    const [answer] = await Promise.all([ask(client, 'blpop', 'queue', 5), sleep(200).then(() => ask(other, 'rpush', 'queue', 'job'))]);
    same('BLPOP', answer, ['queue', 'job']);
  },
  script: async (keep) => {
    const client = open(keep);
    for (const n of numbers(30)) same('EVAL', await ask(client, 'eval', "return redis.call('INCR', KEYS[1])", 1, `script${n}`), 1);
    const hash = await ask(client, 'script', 'load', "return redis.call('INCR', KEYS[1])");
    for (const n of numbers(30)) same('EVALSHA', await ask(client, 'evalsha', hash, 1, `script${n}`), 2);
  },
  databases: async (keep) => {
    const [one, zero] = [open(keep, { db: 1 }), open(keep)];
    await ask(one, 'set', 'where', '1');
    same('database 1', await ask(one, 'get', 'where'), '1');
    same('database 0', await ask(zero, 'get', 'where'), null);
  },
  close: async (keep) => {
    const client = open(keep);
    await ask(client, 'ping');
    same('QUIT', await ask(client, 'quit'), 'OK');
  },
});
