<?php
// PHP's own sessions, kept by phpredis or by php-memcached: each page is a process of its own, as
// under a web server that begins anew.
require __DIR__ . '/cells.php';

$isRedis = getenv('LIBRARY') === 'phpredis';
define('HANDLER', $isRedis ? 'redis' : 'memcached');
define('PATH', ($isRedis ? 'tcp://' : '') . HOST . ':' . PORT);

// By the text protocol, which is not what php-memcached's sessions speak unless they are told to.
const TEXT = 'ini_set("memcached.sess_binary_protocol", "0");';

function page(string $id, string $code, string $more = TEXT): string
{
    $prologue = 'ini_set("session.save_handler", "' . HANDLER . '"); ini_set("session.save_path", "' . PATH . '");'
        . 'ini_set("session.use_cookies", "0"); ini_set("session.cache_limiter", ""); ' . $more
        . 'session_id("' . $id . '"); session_start() || exit("no session");';
    return elsewhere($prologue . $code)();
}

$write = function (string $more = TEXT) {
    $ids = array_map('md5', numbered('session', 8));
    foreach ($ids as $n => $id) {
        expect('a first page', page($id, "\$_SESSION['n'] = [$n, 'ö'];", $more), '');
    }
    foreach ($ids as $n => $id) {
        expect('a second page', page($id, 'echo json_encode($_SESSION["n"][0]); $_SESSION["more"] = 1;', $more), "$n");
    }
    expect('a third page', page($ids[0], 'echo $_SESSION["more"]; session_destroy();', $more), '1');
    expect('a page after the end', page($ids[0], 'echo count($_SESSION);', $more), '0');
};

run(phpversion($isRedis ? 'redis' : 'memcached'), [
    'session' => fn () => $write(),
    'renewed' => function () {
        $id = md5('renewed');
        $new = page($id, '$_SESSION["a"] = 1; session_regenerate_id(true); echo session_id();');
        expect('under the new name', page($new, 'echo $_SESSION["a"];'), '1');
        expect('under the old name', page($id, 'echo count($_SESSION);'), '0');
    },
    'locked' => $isRedis
        ? fn () => $write('ini_set("redis.session.locking_enabled", "1");')
        : fn () => $write(TEXT . 'ini_set("memcached.sess_locking", "1");'),
    'binary' => fn () => $write(''),
]);
