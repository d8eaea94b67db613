# Runs the cells that the command line names, and prints of each how it went.
#
# Arguments: port, "proxy" or "control", cells. A cell without a function is one that the library has
# no use for.
use strict;
use warnings;

our $PORT = $ARGV[0];
our $CONTROL = $ARGV[1] eq 'control';
$| = 1;

sub text { my ($value) = @_; return defined $value ? ref $value eq 'ARRAY' ? '[' . join(', ', map { text($_) } @$value) . ']' : "'$value'" : 'nothing' }

sub expect {
    my ($what, $found, $wanted) = @_;
    die "$what: " . text($found) . ' instead of ' . text($wanted) . "\n" if text($found) ne text($wanted);
}

sub run {
    my ($version, %cells) = @_;
    print "version $version\n";
    for my $name (@ARGV[2 .. $#ARGV]) {
        if (!$cells{$name}) {
            print "$name none\n";
        } elsif (eval { $cells{$name}->(); 1 }) {
            print "$name ok\n";
        } else {
            my $why = $@;
            $why =~ s/\s+/ /g;
            print "$name fail ", substr($why, 0, 300), "\n";
        }
    }
}

# Runs a function in a process of its own, a while from now.
sub later {
    my ($seconds, $function) = @_;
    my $pid = fork;
    return $pid if $pid;
    select(undef, undef, undef, $seconds);
    $function->();
    require POSIX;
    POSIX::_exit(0);
}

1;
