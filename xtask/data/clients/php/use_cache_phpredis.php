<?php
// A web framework's cache over phpredis.
require __DIR__ . '/cells.php';
require __DIR__ . '/cache.php';

$client = null;
$ask = function (...$words) use (&$client) {
    if ($client === null) {
        $client = new Redis();
        $client->connect(HOST, PORT);
    }
    return $client->rawCommand(...$words);
};
run(phpversion('redis'), cache_cells($ask));
