# Redis.pm.
use strict;
use warnings;
use FindBin;
use Redis;
require "$FindBin::Bin/cells.pl";
our $PORT;

sub client { return Redis->new(server => "127.0.0.1:$PORT", read_timeout => 10, @_) }

run($Redis::VERSION,
    'connect' => sub { expect('PING', client()->ping, 'PONG') },
    'get-set' => sub {
        my $c = client();
        expect('GET of nothing', scalar $c->get('absent'), undef);
        for my $n (0 .. 99) {
            expect('SET', $c->set("k$n", "v$n"), 'OK');
            expect('GET', $c->get("k$n"), "v$n");
        }
        expect('HSET', $c->hset('h', 'a', 1), 1);
        expect('HGETALL', [$c->hgetall('h')], ['a', 1]);
    },
    'many-keys' => sub {
        my $c = client();
        my @keys = map { "many$_" } 0 .. 99;
        expect('MSET', $c->mset(map { ($_, uc $_) } @keys), 'OK');
        expect('MGET', [$c->mget(@keys)], [map { uc $_ } @keys]);
        expect('DEL', $c->del(@keys), 100);
    },
    'pipeline' => sub {
        my $c = client();
        my @answers;
        for my $n (0 .. 499) {
            $c->set("p$n", $n, sub { });
            $c->get("p$n", sub { push @answers, $_[0] });
        }
        $c->wait_all_responses;
        expect('answers', \@answers, [0 .. 499]);
    },
    'transaction' => sub {
        my $c = client();
        $c->multi;
        $c->set('{t}a', 1);
        $c->incr('{t}b');
        expect('EXEC', [$c->exec], ['OK', 1]);
        $c->watch('{t}a');
        client()->set('{t}a', 3);
        $c->multi;
        $c->set('{t}a', 4);
        expect('EXEC after a change', scalar $c->exec, undef);
        expect('the value', $c->get('{t}a'), 3);
    },
    'pubsub' => sub {
        my $c = client();
        my @heard;
        my $hear = sub { push @heard, $_[0] };
        $c->subscribe('news', $hear);
        $c->psubscribe('pattern.*', $hear);
        my $other = client();
        $other->publish($_, "to $_") for 'news', 'pattern.1';
        my $end = time + 5;
        $c->wait_for_messages(1) while @heard < 2 && time < $end;
        expect('messages', [sort @heard], ['to news', 'to pattern.1']);
        $c->unsubscribe('news', $hear);
        $c->punsubscribe('pattern.*', $hear);
    },
    'scan' => sub {
        my $c = client();
        $c->mset(map { ("scan:$_", $_) } 0 .. 1999);
        my ($cursor, %seen) = (0);
        do {
            ($cursor, my $some) = $c->scan($cursor, 'MATCH', 'scan:*', 'COUNT', 300);
            @seen{@$some} = ();
        } while ($cursor ne '0');
        expect('keys seen', scalar(keys %seen), 2000);
    },
    'blocking' => sub {
        my $c = client();
        expect('BLPOP of nothing', [grep { defined } $c->blpop('queue', 1)], []);
        my $pid = later(0.2, sub { client()->rpush('queue', 'job') });
        expect('BLPOP', [$c->blpop('queue', 5)], ['queue', 'job']);
        waitpid $pid, 0;
    },
    'script' => sub {
        my $c = client();
        my $script = "return redis.call('INCR', KEYS[1])";
        expect('EVAL', $c->eval($script, 1, "script$_"), 1) for 0 .. 29;
        my $hash = $c->script_load($script);
        expect('EVALSHA', $c->evalsha($hash, 1, "script$_"), 2) for 0 .. 29;
    },
    'databases' => sub {
        my ($one, $zero) = (client(), client());
        expect('SELECT', $one->select(1), 'OK');
        $one->set('where', 1);
        expect('database 1', $one->get('where'), 1);
        expect('database 0', scalar $zero->get('where'), undef);
    },
    'close' => sub {
        my $c = client();
        $c->ping;
        $c->quit;
    },
);
