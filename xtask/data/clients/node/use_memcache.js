// memcache, from npm.
'use strict';
const { control, port, run, numbers, same } = require('./cells');
const { Memcache } = require('memcache');

function open(keep) {
  const client = new Memcache(`127.0.0.1:${port}`);
  client.on('error', () => {});
  keep(() => client.disconnect());
  return client;
}

run('memcache', {
  connect: async (keep) => { same('version', (await open(keep).version()).size, 1); },
  'get-set': async (keep) => {
    const client = open(keep);
    same('get of nothing', await client.get('absent'), undefined);
    await Promise.all(numbers(100).map(async (n) => {
      same('set', await client.set(`k${n}`, `v${n}`), true);
      same('get', await client.get(`k${n}`), `v${n}`);
    }));
    same('add', await client.add('k1', 'x'), false);
    same('replace', await client.replace('k1', 'x'), true);
    same('append', await client.append('k1', 'y'), true);
    same('get', await client.get('k1'), 'xy');
    same('delete', await client.delete('k1'), true);
  },
  'many-keys': async (keep) => {
    const client = open(keep);
    const keys = numbers(100).map((n) => `many${n}`);
    await Promise.all(keys.map((key) => client.set(key, key.toUpperCase())));
    same('gets', [...(await client.gets(keys)).entries()].sort(), keys.map((key) => [key, key.toUpperCase()]).sort());
  },
  incr: async (keep) => {
    const client = open(keep);
    await client.set('count', '9');
    same('incr', await client.incr('count', 2), 11);
    same('decr', await client.decr('count', 20), 0);
  },
  touch: async (keep) => {
    const client = open(keep);
    await client.set('touched', '1');
    same('touch', await client.touch('touched', 100), true);
  },
  stats: async (keep) => { same('stats', (await open(keep).stats()).size, 1); },
  flush: async (keep) => {
    const client = open(keep);
    await client.set('kept', '1');
    await client.flush().catch(() => {});
    same('what was there', await client.get('kept'), control ? undefined : '1');
  },
  close: async (keep) => {
    const client = open(keep);
    await client.set('a', '1');
    await client.quit();
  },
});
