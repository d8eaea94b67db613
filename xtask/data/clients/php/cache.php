<?php
// What a web framework's cache does with a client: a prefix, serialised values that end, tags, a
// lock. `$ask` sends a command and returns its answer.

function cache_cells(callable $ask): array
{
    $key = fn ($name) => "app_database_app_cache_:$name";
    return [
        'cached' => function () use ($ask, $key) {
            for ($n = 0; $n < 50; $n++) {
                $ask('SETEX', $key("user$n"), 100, serialize(['id' => $n, 'name' => "ö $n"]));
                expect('GET', unserialize($ask('GET', $key("user$n"))), ['id' => $n, 'name' => "ö $n"]);
            }
            expect('TTL', $ask('TTL', $key('user1')) > 90, true);
            $names = array_map($key, numbered('user', 50));
            expect('MGET', count(array_filter($ask('MGET', ...$names))), 50);
            expect('DEL', (int) $ask('DEL', ...$names), 50);
            expect('INCRBY', (int) $ask('INCRBY', $key('visits'), 3), 3);
            $add = "return redis.call('exists',KEYS[1])<1 and redis.call('setex',KEYS[1],ARGV[2],ARGV[1])";
            expect('add', (bool) $ask('EVAL', $add, 1, $key('added'), serialize('x'), 100), true);
            expect('add again', (bool) $ask('EVAL', $add, 1, $key('added'), serialize('y'), 100), false);
        },
        'tags' => function () use ($ask, $key) {
            foreach (numbered('post', 20) as $name) {
                $ask('SETEX', $key($name), 100, serialize($name));
                $ask('SADD', $key('tag:posts'), $key($name));
                $ask('ZADD', $key('tag:posts:entries'), time() + 100, $key($name));
            }
            expect('SCARD', (int) $ask('SCARD', $key('tag:posts')), 20);
            $seen = [];
            $cursor = '0';
            do {
                [$cursor, $some] = $ask('ZSCAN', $key('tag:posts:entries'), $cursor, 'COUNT', 7);
                $seen = array_merge($seen, array_values(array_filter(array_map('strval', $some), fn ($word) => str_contains($word, 'post'))));
            } while ((string) $cursor !== '0');
            expect('members seen', count(array_unique($seen)), 20);
            expect('DEL', (int) $ask('DEL', ...$ask('SMEMBERS', $key('tag:posts'))), 20);
            expect('ZREMRANGEBYSCORE', (int) $ask('ZREMRANGEBYSCORE', $key('tag:posts:entries'), 0, time() + 200), 20);
        },
        'lock' => function () use ($ask, $key) {
            $release = "if redis.call('get',KEYS[1]) == ARGV[1] then return redis.call('del',KEYS[1]) else return 0 end";
            expect('taken', (bool) $ask('SET', $key('lock'), 'me', 'NX', 'PX', 10000), true);
            expect('taken twice', (bool) $ask('SET', $key('lock'), 'you', 'NX', 'PX', 10000), false);
            expect('let go by another', (int) $ask('EVAL', $release, 1, $key('lock'), 'you'), 0);
            expect('let go', (int) $ask('EVAL', $release, 1, $key('lock'), 'me'), 1);
        },
        'queue' => function () use ($ask, $key) {
            $job = json_encode(['job' => 'mail', 'id' => 1]);
            $pop = "local job = redis.call('lpop', KEYS[1]) if job ~= false then redis.call('zadd', KEYS[2], ARGV[1], job) redis.call('lpop', KEYS[3]) end return job";
            $push = "redis.call('rpush', KEYS[1], ARGV[1]) redis.call('rpush', KEYS[2], 1) return 1";
            expect('pushed', (int) $ask('EVAL', $push, 2, 'queues:{default}', 'queues:{default}:notify', $job), 1);
            expect('popped', $ask('EVAL', $pop, 3, 'queues:{default}', 'queues:{default}:reserved', 'queues:{default}:notify', time()), $job);
            expect('done', (int) $ask('ZREM', 'queues:{default}:reserved', $job), 1);
        },
    ];
}
