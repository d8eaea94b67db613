// Runs the cells that the command line names, and prints of each how it went.
//
// Arguments: port, "proxy" or "control", cells. A cell without a function is one that the library
// has no use for. A cell gets `keep`, which takes what is to be closed when it ends.
'use strict';
const assert = require('assert');
const path = require('path');
const fs = require('fs');

const port = Number(process.argv[2]);
const control = process.argv[3] === 'control';

function versionOf(name) {
  const file = path.join(process.env.FOLDER, 'node_modules', name, 'package.json');
  return JSON.parse(fs.readFileSync(file)).version;
}

function within(seconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${seconds} seconds`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function run(name, cells) {
  console.log('version', versionOf(name));
  for (const cell of process.argv.slice(4)) {
    if (!cells[cell]) {
      console.log(cell, 'none');
      continue;
    }
    const kept = [];
    try {
      await within(10, cells[cell]((close) => kept.push(close)));
      console.log(cell, 'ok');
    } catch (error) {
      console.log(cell, 'fail', String(error && error.message || error).replace(/\s+/g, ' ').slice(0, 300));
    }
    for (const close of kept) {
      try { await close(); } catch (error) { /* The cell has had its say. */ }
    }
  }
  process.exit(0);
}

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const numbers = (count) => Array.from({ length: count }, (_, n) => n);
const same = (what, found, wanted) => assert.deepStrictEqual(found, wanted, `${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
const sameSet = (what, found, wanted) => same(what, [...new Set(found)].sort(), [...wanted].sort());

async function fails(what, promise, pattern) {
  let answer;
  try { answer = await promise; } catch (error) {
    if (pattern && !pattern.test(String(error.message))) throw error;
    return;
  }
  throw new Error(`${what}: ${JSON.stringify(answer)} instead of an error`);
}

// What an emitter of errors has to say is told by the call that fails.
process.on('unhandledRejection', (error) => console.error('unhandled', error));

module.exports = { port, control, run, sleep, numbers, same, sameSet, fails, within };
