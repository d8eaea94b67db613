<?php
// predis.
require __DIR__ . '/cells.php';
require 'Predis/autoload.php';

function client(array $more = []): Predis\Client
{
    return new Predis\Client($more + ['host' => HOST, 'port' => PORT, 'read_write_timeout' => 10]);
}

run(Predis\Client::VERSION, [
    'connect' => function () {
        expect('PING', (string) client()->ping(), 'PONG');
    },
    'get-set' => function () {
        $c = client();
        expect('GET of nothing', $c->get('absent'), null);
        for ($n = 0; $n < 100; $n++) {
            expect('SET', (string) $c->set("k$n", "v$n"), 'OK');
            expect('GET', $c->get("k$n"), "v$n");
        }
        expect('SET NX', (string) $c->set('lock', '1', 'EX', 10, 'NX'), 'OK');
        expect('SET NX again', $c->set('lock', '1', 'EX', 10, 'NX'), null);
        $c->hmset('h', ['a' => '1']);
        expect('HGETALL', $c->hgetall('h'), ['a' => '1']);
    },
    'many-keys' => function () {
        $c = client();
        $keys = numbered('many', 100);
        expect('MSET', (string) $c->mset(array_combine($keys, array_map('strtoupper', $keys))), 'OK');
        expect('MGET', $c->mget([...$keys, 'absent']), [...array_map('strtoupper', $keys), null]);
        expect('DEL', $c->del($keys), 100);
    },
    'pipeline' => function () {
        $answers = client()->pipeline(function ($pipe) {
            for ($n = 0; $n < 500; $n++) {
                $pipe->set("p$n", $n);
                $pipe->get("p$n");
            }
        });
        expect('answers', array_map('strval', array_slice($answers, 0, 4)), ['OK', '0', 'OK', '1']);
        expect('how many', count($answers), 1000);
    },
    'transaction' => function () {
        $c = client();
        $answers = $c->transaction(fn ($t) => [$t->set('{t}a', 1), $t->incr('{t}b'), $t->mget(['{t}a', '{t}b'])]);
        expect('EXEC', [(string) $answers[0], $answers[1], $answers[2]], ['OK', 1, ['1', '1']]);
        try {
            $c->transaction(['watch' => '{t}a', 'cas' => true], function ($t) {
                expect('a read while watching', $t->get('{t}a'), '1');
                client()->set('{t}a', 3);
                $t->multi();
                $t->set('{t}a', 4);
            });
            throw new Exception('EXEC went through after a change of what was watched');
        } catch (Predis\Transaction\AbortedMultiExecException $aborted) {
        }
        expect('the value', $c->get('{t}a'), '3');
    },
    'pubsub' => function () {
        $wait = elsewhere('require "Predis/autoload.php"; $c = new Predis\Client(["host" => "' . HOST . '", "port" => ' . PORT . ']);'
            . 'foreach (["news", "pattern.1"] as $channel) $c->publish($channel, "to $channel");', 0.3);
        $loop = client()->pubSubLoop();
        $loop->subscribe('news');
        $loop->psubscribe('pattern.*');
        $heard = [];
        foreach ($loop as $message) {
            if (in_array($message->kind, ['message', 'pmessage'])) {
                $heard[] = $message->payload;
            }
            if (count($heard) == 2) {
                $loop->stop();
                $heard[] = 'end';
            }
        }
        expect('what the publisher said', $wait(), '');
        expect_set('messages', $heard, ['to news', 'to pattern.1', 'end']);
    },
    'scan' => function () {
        $c = client();
        $keys = numbered('scan:', 2000);
        $c->mset(array_fill_keys($keys, 'x'));
        $seen = iterator_to_array(new Predis\Collection\Iterator\Keyspace($c, 'scan:*', 300), false);
        expect_set('keys seen', $seen, $keys);
    },
    'blocking' => function () {
        $c = client();
        expect('BLPOP of nothing', $c->blpop(['queue'], 1), null);
        $wait = elsewhere('require "Predis/autoload.php"; (new Predis\Client(["host" => "' . HOST . '", "port" => ' . PORT . ']))->rpush("queue", ["job"]);', 0.2);
        expect('BLPOP', $c->blpop(['queue'], 5), ['queue', 'job']);
        expect('what the pusher said', $wait(), '');
    },
    'script' => function () {
        $add = new class extends Predis\Command\ScriptCommand {
            public function getKeysCount() { return 1; }
            public function getScript() { return "return redis.call('INCRBY', KEYS[1], ARGV[1])"; }
        };
        $c = client();
        $c->getProfile()->defineCommand('add', get_class($add));
        for ($n = 0; $n < 30; $n++) {
            expect('a script', $c->add("script$n", 3), 3);
        }
        expect('EVAL', $c->eval("return redis.call('GET', KEYS[1])", 1, 'script1'), '3');
    },
    'databases' => function () {
        [$one, $zero] = [client(['database' => 1]), client()];
        $one->set('where', '1');
        expect('database 1', $one->get('where'), '1');
        expect('database 0', $zero->get('where'), null);
    },
    'close' => function () {
        $c = client();
        $c->ping();
        $c->quit();
        $c->disconnect();
    },
]);
