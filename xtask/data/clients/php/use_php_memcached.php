<?php
// PHP's memcached, which is libmemcached inside.
require __DIR__ . '/cells.php';

function client(): Memcached
{
    $client = new Memcached();
    $client->addServer(HOST, PORT);
    return $client;
}

function went(Memcached $c, string $what, $found, $wanted): void
{
    if ($found !== $wanted) {
        throw new Exception("$what: " . json_encode($found) . ' instead of ' . json_encode($wanted) . ' (' . $c->getResultMessage() . ')');
    }
}

run(phpversion('memcached'), [
    'connect' => function () {
        $c = client();
        went($c, 'version', count($c->getVersion() ?: []), 1);
    },
    'get-set' => function () {
        $c = client();
        went($c, 'get of nothing', $c->get('absent'), false);
        expect('and why', $c->getResultCode(), Memcached::RES_NOTFOUND);
        for ($n = 0; $n < 100; $n++) {
            went($c, 'set', $c->set("k$n", "v$n"), true);
            went($c, 'get', $c->get("k$n"), "v$n");
        }
        went($c, 'set of an array', $c->set('array', ['a' => [1, null]]), true);
        went($c, 'get of an array', $c->get('array'), ['a' => [1, null]]);
        $big = str_repeat('nut', 100000);
        went($c, 'set of what is compressed', $c->set('big', $big), true);
        went($c, 'get of what is compressed', $c->get('big'), $big);
        went($c, 'add', $c->add('k1', 'x'), false);
        went($c, 'replace', $c->replace('k1', 'x'), true);
        $c->setOption(Memcached::OPT_COMPRESSION, false);
        went($c, 'append', $c->append('k1', 'y'), true);
        went($c, 'get', $c->get('k1'), 'xy');
    },
    'many-keys' => function () {
        $c = client();
        $values = array_combine(numbered('many', 100), numbered('value', 100));
        went($c, 'setMulti', $c->setMulti($values), true);
        went($c, 'getMulti', $c->getMulti(array_keys($values), Memcached::GET_PRESERVE_ORDER), $values);
        went($c, 'getDelayed', $c->getDelayed(array_keys($values)), true);
        expect('fetchAll', count($c->fetchAll()), 100);
        expect('deleteMulti', array_unique($c->deleteMulti(array_keys($values))), ['many0' => true]);
        $c->setOption(Memcached::OPT_BUFFER_WRITES, true);
        $c->setMulti($values);
        went($c, 'getMulti after buffered writes', $c->getMulti(array_keys($values), Memcached::GET_PRESERVE_ORDER), $values);
    },
    'cas' => function () {
        $c = client();
        $c->set('cas', '1');
        $found = $c->get('cas', null, Memcached::GET_EXTENDED);
        went($c, 'cas', $c->cas($found['cas'], 'cas', '2'), true);
        went($c, 'cas with an old token', $c->cas($found['cas'], 'cas', '3'), false);
        expect('and why', $c->getResultCode(), Memcached::RES_DATA_EXISTS);
    },
    'incr' => function () {
        $c = client();
        went($c, 'increment of nothing', $c->increment('absent'), false);
        $c->set('count', 9);
        went($c, 'increment', $c->increment('count', 2), 11);
        went($c, 'decrement', $c->decrement('count', 20), 0);
    },
    'touch' => function () {
        $c = client();
        $c->set('touched', '1');
        went($c, 'touch', $c->touch('touched', 100), true);
        went($c, 'touch of nothing', $c->touch('absent', 100), false);
    },
    'stats' => function () {
        $c = client();
        $found = $c->getStats();
        went($c, 'stats', isset($found[HOST . ':' . PORT]['version']), true);
    },
    'flush' => function () {
        $c = client();
        $c->set('kept', '1');
        went($c, 'flush', $c->flush(), CONTROL);
        went($c, 'what was there', $c->get('kept'), CONTROL ? false : '1');
    },
    'close' => function () {
        $c = client();
        $c->set('a', '1');
        went($c, 'quit', $c->quit(), true);
        went($c, 'get after that', $c->get('a'), '1');
    },
]);
