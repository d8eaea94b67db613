<?php
// phpredis.
require __DIR__ . '/cells.php';

function client(): Redis
{
    $client = new Redis();
    $client->connect(HOST, PORT, 5);
    return $client;
}

run(phpversion('redis'), [
    'connect' => function () {
        expect('PING', client()->ping(), true);
    },
    'get-set' => function () {
        $c = client();
        expect('GET of nothing', $c->get('absent'), false);
        for ($n = 0; $n < 100; $n++) {
            expect('SET', $c->set("k$n", "v$n"), true);
            expect('GET', $c->get("k$n"), "v$n");
        }
        expect('SET NX', $c->set('lock', '1', ['nx', 'ex' => 10]), true);
        expect('SET NX again', $c->set('lock', '1', ['nx', 'ex' => 10]), false);
        expect('HMSET', $c->hMSet('h', ['a' => '1', 'b' => '2']), true);
        expect('HGETALL', $c->hGetAll('h'), ['a' => '1', 'b' => '2']);
        expect('ZADD', $c->zAdd('z', 1.5, 'x'), 1);
        expect('ZRANGE', $c->zRange('z', 0, -1, true), ['x' => 1.5]);
        $c->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_PHP);
        $c->setOption(Redis::OPT_PREFIX, 'p:');
        expect('SET of an array', $c->set('array', ['a' => [1, null]]), true);
        expect('GET of an array', $c->get('array'), ['a' => [1, null]]);
        $kept = new Redis();
        $kept->pconnect(HOST, PORT);
        expect('by a kept connection', $kept->get('k1'), 'v1');
    },
    'many-keys' => function () {
        $c = client();
        $keys = numbered('many', 100);
        expect('MSET', $c->mSet(array_combine($keys, array_map('strtoupper', $keys))), true);
        expect('MGET', $c->mGet([...$keys, 'absent']), [...array_map('strtoupper', $keys), false]);
        expect('EXISTS', $c->exists(...$keys), 100);
        expect('UNLINK', $c->unlink(array_slice($keys, 0, 50)), 50);
        expect('DEL', $c->del($keys), 50);
    },
    'pipeline' => function () {
        $pipe = client()->multi(Redis::PIPELINE);
        for ($n = 0; $n < 500; $n++) {
            $pipe->set("p$n", $n)->get("p$n");
        }
        $wanted = [];
        for ($n = 0; $n < 500; $n++) {
            array_push($wanted, true, "$n");
        }
        expect('answers', $pipe->exec(), $wanted);
    },
    'transaction' => function () {
        $c = client();
        expect('EXEC', $c->multi()->set('one', 1)->incr('one')->get('one')->exec(), [true, 2, '2']);
        expect('EXEC of tagged keys', $c->multi()->set('{t}a', 1)->incr('{t}b')->mGet(['{t}a', '{t}b'])->exec(), [true, 1, ['1', '1']]);
        $c->watch('{t}a');
        client()->set('{t}a', 3);
        expect('EXEC after a change', $c->multi()->set('{t}a', 4)->exec(), false);
        expect('DISCARD', $c->multi()->discard(), true);
        expect('the value', $c->get('{t}a'), '3');
    },
    'pubsub' => function () {
        $code = '$c = new Redis; $c->connect("' . HOST . '", ' . PORT . '); foreach (["news", "weather"] as $channel) $c->publish($channel, "to $channel");';
        $wait = elsewhere($code, 0.3);
        $heard = [];
        $c = client();
        // This library listens until something fails: here, its patience.
        $c->setOption(Redis::OPT_READ_TIMEOUT, 1.5);
        try {
            $c->subscribe(['news', 'weather'], function ($c, $channel, $message) use (&$heard) {
                $heard[] = $message;
            });
        } catch (RedisException $silence) {
        }
        expect('what the publisher said', $wait(), '');
        expect_set('messages', $heard, ['to news', 'to weather']);
    },
    'scan' => function () {
        $c = client();
        $keys = numbered('scan:', 2000);
        $c->mSet(array_fill_keys($keys, 'x'));
        foreach ([Redis::SCAN_RETRY, Redis::SCAN_NORETRY] as $option) {
            $c->setOption(Redis::OPT_SCAN, $option);
            [$cursor, $seen] = [null, []];
            while (($some = $c->scan($cursor, 'scan:*', 300)) !== false) {
                array_push($seen, ...$some);
            }
            expect_set('keys seen', $seen, $keys);
        }
    },
    'blocking' => function () {
        $c = client();
        expect('BLPOP of nothing', $c->blPop(['queue'], 1), []);
        $wait = elsewhere('$c = new Redis; $c->connect("' . HOST . '", ' . PORT . '); $c->rPush("queue", "job");', 0.2);
        expect('BLPOP', $c->blPop(['queue'], 5), ['queue', 'job']);
        expect('what the pusher said', $wait(), '');
    },
    'script' => function () {
        $c = client();
        $script = "return redis.call('INCR', KEYS[1])";
        for ($n = 0; $n < 30; $n++) {
            expect('EVAL', $c->eval($script, ["script$n"], 1), 1);
        }
        $hash = $c->script('load', $script);
        expect('SCRIPT LOAD', $hash, sha1($script));
        for ($n = 0; $n < 30; $n++) {
            expect('EVALSHA', $c->evalSha($hash, ["script$n"], 1), 2);
        }
    },
    'databases' => function () {
        [$one, $zero] = [client(), client()];
        expect('SELECT', $one->select(1), true);
        $one->set('where', '1');
        expect('database 1', $one->get('where'), '1');
        expect('database 0', $zero->get('where'), false);
    },
    'close' => function () {
        $c = client();
        $c->ping();
        expect('close', $c->close(), true);
        expect('QUIT', client()->rawCommand('QUIT'), true);
    },
]);
