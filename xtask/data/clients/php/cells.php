<?php
// Runs the cells that the command line names, and prints of each how it went.
//
// Arguments: port, "proxy" or "control", cells. A cell without a function is one that the library
// has no use for.
error_reporting(E_ALL);
set_error_handler(function ($level, $text) { throw new ErrorException($text); });

const HOST = '127.0.0.1';
define('PORT', (int) $argv[1]);
define('CONTROL', $argv[2] === 'control');

function expect(string $what, $found, $wanted): void
{
    if ($found !== $wanted) {
        throw new Exception("$what: " . json_encode($found) . ' instead of ' . json_encode($wanted));
    }
}

function expect_set(string $what, array $found, array $wanted): void
{
    $found = array_values(array_unique($found));
    sort($found);
    sort($wanted);
    expect($what, $found, $wanted);
}

function numbered(string $prefix, int $count): array
{
    return array_map(fn ($n) => "$prefix$n", range(0, $count - 1));
}

// Runs PHP code in a second process, once it is asked for or `$seconds` from now.
function elsewhere(string $code, float $seconds = 0)
{
    $code = 'usleep(' . (int) ($seconds * 1e6) . ');' . $code;
    $process = proc_open([PHP_BINARY, '-r', $code], [1 => ['pipe', 'w'], 2 => ['pipe', 'w']], $pipes);
    return function () use ($process, $pipes) {
        $output = stream_get_contents($pipes[1]) . stream_get_contents($pipes[2]);
        proc_close($process);
        return $output;
    };
}

function run(string $version, array $cells): void
{
    global $argv;
    echo "version $version\n";
    foreach (array_slice($argv, 3) as $name) {
        if (!isset($cells[$name])) {
            echo "$name none\n";
            continue;
        }
        try {
            $cells[$name]();
            echo "$name ok\n";
        } catch (Throwable $error) {
            $text = preg_replace('/\s+/', ' ', get_class($error) . ': ' . $error->getMessage());
            echo "$name fail " . substr($text, 0, 300) . "\n";
        }
    }
}
