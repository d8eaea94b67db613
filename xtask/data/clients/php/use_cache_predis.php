<?php
// A web framework's cache over predis.
require __DIR__ . '/cells.php';
require __DIR__ . '/cache.php';
require 'Predis/autoload.php';

$client = new Predis\Client(['host' => HOST, 'port' => PORT]);
run(Predis\Client::VERSION, cache_cells(fn (...$words) => $client->executeRaw($words)));
