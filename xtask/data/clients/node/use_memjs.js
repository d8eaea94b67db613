// memjs, which speaks the binary protocol.
'use strict';
const { control, port, run, numbers, same } = require('./cells');
const memjs = require('memjs');

function open(keep) {
  const client = memjs.Client.create(`127.0.0.1:${port}`, { retries: 1 });
  keep(() => client.close());
  return client;
}

run('memjs', {
  connect: async (keep) => { same('set', await open(keep).set('connected', '1', {}), true); },
  'get-set': async (keep) => {
    const client = open(keep);
    for (const n of numbers(100)) {
      same('set', await client.set(`k${n}`, `v${n}`, {}), true);
      same('get', String((await client.get(`k${n}`)).value), `v${n}`);
    }
    same('get of nothing', (await client.get('absent')).value, null);
    same('delete', await client.delete('k1'), true);
  },
  incr: async (keep) => {
    const client = open(keep);
    same('increment', (await client.increment('count', 2, { initial: 9 })).value, 9);
    same('increment', (await client.increment('count', 2, {})).value, 11);
  },
  touch: async (keep) => {
    const client = open(keep);
    await client.set('touched', '1', {});
    same('touch', await client.touch('touched', 100), true);
  },
  stats: async (keep) => {
    const found = await new Promise((done, failed) => open(keep).stats((error, _, stats) => (error ? failed(error) : done(stats))));
    same('stats have a version', 'version' in found, true);
  },
  flush: async (keep) => {
    const client = open(keep);
    await client.set('kept', '1', {});
    await client.flush();
    same('what was there', (await client.get('kept')).value, control ? null : Buffer.from('1'));
  },
  close: async (keep) => { open(keep).quit(); },
});
