# Cache::Memcached, and Cache::Memcached::Fast, which has more of the same.
use strict;
use warnings;
use FindBin;
require "$FindBin::Bin/cells.pl";
our ($PORT, $CONTROL);

my $name = $ENV{LIBRARY};
eval "require $name; 1" or die $@;
sub client { return $name->new({servers => ["127.0.0.1:$PORT"]}) }

my $can = sub { my ($method, $function) = @_; return $name->can($method) ? $function : undef };

run($name->VERSION,
    'connect' => sub { expect('set', client()->set('connected', 1), 1) },
    'get-set' => sub {
        my $c = client();
        expect('get of nothing', scalar $c->get('absent'), undef);
        for my $n (0 .. 99) {
            expect('set', $c->set("k$n", "v$n"), 1);
            expect('get', $c->get("k$n"), "v$n");
        }
        $c->set('structure', [1, [2]]);
        expect('get of a structure', $c->get('structure'), [1, [2]]);
        expect('add', !!$c->add('k1', 'x'), !!0);
        expect('replace', $c->replace('k1', 'x'), 1);
        expect('delete', $c->delete('k1'), 1);
    },
    'many-keys' => sub {
        my $c = client();
        my @keys = map { "many$_" } 0 .. 99;
        $c->set($_, uc $_) for @keys;
        my $found = $c->get_multi(@keys);
        expect('get_multi', [map { $found->{$_} } @keys], [map { uc $_ } @keys]);
    },
    'cas' => $can->('gets', sub {
        my $c = client();
        $c->set('cas', 1);
        my $found = $c->gets('cas');
        expect('cas', $c->cas('cas', $found->[0], 2), 1);
        expect('cas with an old token', !!$c->cas('cas', $found->[0], 3), !!0);
    }),
    'incr' => sub {
        my $c = client();
        $c->set('count', 9);
        expect('incr', $c->incr('count', 2), 11);
        expect('decr', $c->decr('count', 20) + 0, 0);
    },
    'touch' => $can->('touch', sub {
        my $c = client();
        $c->set('touched', 1);
        expect('touch', $c->touch('touched', 100), 1);
    }),
    'stats' => sub {
        my $c = client();
        my $method = $c->can('server_versions') ? 'server_versions' : 'stats';
        expect($method, ref $c->$method, 'HASH');
        expect('of how many', scalar(keys %{$method eq 'stats' ? $c->stats->{hosts} : $c->server_versions}), 1);
    },
    'flush' => sub {
        my $c = client();
        $c->set('kept', 1);
        $c->flush_all;
        expect('what was there', scalar $c->get('kept'), $CONTROL ? undef : 1);
    },
    'close' => sub {
        my $c = client();
        $c->set('a', 1);
        $c->disconnect_all;
        expect('get after that', $c->get('a'), 1);
    },
);
