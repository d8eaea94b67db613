// Socket.IO's adapter, by which servers talk to each other.
'use strict';
const { port, run, same, sleep } = require('./cells');
const Redis = require('ioredis');
const { createAdapter } = require('@socket.io/redis-adapter');
const { Server } = require('socket.io');

run('@socket.io/redis-adapter', {
  rooms: async (keep) => {
    const servers = [0, 1].map(() => {
      const clients = [new Redis({ port }), new Redis({ port })];
      clients.forEach((client) => keep(() => client.disconnect()));
      const server = new Server();
      server.adapter(createAdapter(...clients));
      return server;
    });
    await sleep(500);
    const heard = [];
    servers[1].on('hello', (word, answer) => {
      heard.push(word);
      answer(`${word} back`);
    });
    servers[0].serverSideEmit('hello', 'one', () => {});
    const answers = await servers[0].serverSideEmitWithAck('hello', 'two');
    same('what was heard', heard, ['one', 'two']);
    same('answers of the other servers', answers, ['two back']);
  },
});
