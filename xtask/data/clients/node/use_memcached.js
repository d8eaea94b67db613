// memcached, from npm.
'use strict';
const { control, port, run, numbers, same } = require('./cells');
const Memcached = require('memcached');

function open(keep) {
  const client = new Memcached(`127.0.0.1:${port}`);
  keep(() => client.end());
  return client;
}

const ask = (client, name, ...words) => new Promise((done, failed) => {
  client[name](...words, (error, answer) => (error ? failed(error instanceof Error ? error : new Error(String(error))) : done(answer)));
});

run('memcached', {
  connect: async (keep) => { same('version', (await ask(open(keep), 'version')).length, 1); },
  'get-set': async (keep) => {
    const client = open(keep);
    same('get of nothing', await ask(client, 'get', 'absent'), undefined);
    await Promise.all(numbers(100).map(async (n) => {
      same('set', await ask(client, 'set', `k${n}`, { n }, 100), true);
      same('get', await ask(client, 'get', `k${n}`), { n });
    }));
    same('replace', await ask(client, 'replace', 'k1', 'x', 100), true);
    same('append', await ask(client, 'append', 'k1', 'y'), true);
    same('get', await ask(client, 'get', 'k1'), 'xy');
    same('del', await ask(client, 'del', 'k1'), true);
  },
  'many-keys': async (keep) => {
    const client = open(keep);
    const keys = numbers(100).map((n) => `many${n}`);
    await Promise.all(keys.map((key) => ask(client, 'set', key, key.toUpperCase(), 100)));
    same('getMulti', { ...await ask(client, 'getMulti', keys) }, Object.fromEntries(keys.map((key) => [key, key.toUpperCase()])));
  },
  cas: async (keep) => {
    const client = open(keep);
    await ask(client, 'set', 'cas', '1', 100);
    const found = await ask(client, 'gets', 'cas');
    same('cas', await ask(client, 'cas', 'cas', '2', found.cas, 100), true);
    same('cas with an old token', await ask(client, 'cas', 'cas', '3', found.cas, 100), false);
  },
  incr: async (keep) => {
    const client = open(keep);
    await ask(client, 'set', 'count', 9, 100);
    same('incr', await ask(client, 'incr', 'count', 2), 11);
    same('decr', await ask(client, 'decr', 'count', 20), 0);
  },
  touch: async (keep) => {
    const client = open(keep);
    await ask(client, 'set', 'touched', '1', 100);
    same('touch', await ask(client, 'touch', 'touched', 200), true);
  },
  stats: async (keep) => {
    const [found] = await ask(open(keep), 'stats');
    same('stats have a version', 'version' in found, true);
  },
  flush: async (keep) => {
    const client = open(keep);
    await ask(client, 'set', 'kept', '1', 100);
    const went = await ask(client, 'flush').then(() => true, () => false);
    same('flush', went, control);
    same('what was there', await ask(client, 'get', 'kept'), control ? undefined : '1');
  },
  close: async (keep) => {
    const client = open(keep);
    await ask(client, 'set', 'a', '1', 100);
    client.end();
  },
});
