//! The libraries: where each comes from, and the script that uses it.

use Kind::{Framework, Memcached, MemcachedSessions, Redis, RedisSessions};
use Source::{Crates, Debian, Npm, Pypi};

use super::cells::Kind;

/// One library, or an older major version of one, or a use of one.
#[derive(Debug)]
pub(super) struct Library {
    /// Its name, and that of its folder.
    pub(super) name: &'static str,
    /// The language it is for, as the page has it.
    pub(super) language: &'static str,
    /// What it is for.
    pub(super) kind: Kind,
    /// Where it comes from.
    pub(super) source: Source,
    /// What uses it, in `xtask/data/clients/`; its ending says what runs it.
    pub(super) script: &'static str,
    /// Whether it installs quickly, and is tried by `--quick`.
    pub(super) is_quick: bool,
}

/// Where a library comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// PyPI: what pip is asked for, with blanks between.
    Pypi(&'static str),
    /// npm: what npm is asked for, with blanks between.
    Npm(&'static str),
    /// crates.io, by the script's own manifest.
    Crates,
    /// Debian: the packages, with those that run or compile the script.
    Debian(&'static [&'static str]),
}

const PHP_REDIS: Source = Debian(&["php-cli", "php-redis"]);
const PHP_MEMCACHED: Source = Debian(&["php-cli", "php-memcached"]);
const PREDIS: Source = Debian(&["php-cli", "php-predis"]);
const DALLI: Source = Debian(&["ruby", "ruby-dalli"]);

const PERL: Source = Debian(&["perl", "libcache-memcached-perl"]);
const PERL_FAST: Source = Debian(&["perl", "libcache-memcached-fast-perl"]);
const CHANNELS: Source = Pypi("channels-redis");
const GLIDE: Source = Npm("@valkey/valkey-glide@latest");
const LIMITER: Source = Npm("rate-limiter-flexible@latest ioredis@latest");
const SOCKET_IO: Source = Npm("@socket.io/redis-adapter@latest socket.io@latest ioredis@latest");
const LIBMEMCACHED: Source = Debian(&["gcc", "libmemcached-dev"]);
const GOMEMCACHE: Source = Debian(&["golang-go", "golang-github-bradfitz-gomemcache-dev"]);
const REDIGO: Source = Debian(&["golang-go", "golang-github-gomodule-redigo-dev"]);

const fn slow(
    name: &'static str,
    language: &'static str,
    kind: Kind,
    source: Source,
    script: &'static str,
) -> Library {
    Library { name, language, kind, source, script, is_quick: false }
}

const fn quick(
    name: &'static str,
    language: &'static str,
    kind: Kind,
    source: Source,
    script: &'static str,
) -> Library {
    Library { name, language, kind, source, script, is_quick: true }
}

/// All of them.
#[rustfmt::skip]
pub(super) const ALL: &[Library] = &[
    quick("redis-py", "Python", Redis, Pypi("redis"), "python/use_redis_py.py"),
    quick("redis-py, asyncio", "Python", Redis, Pypi("redis"), "python/use_redis_py_asyncio.py"),
    slow("redis-py 5", "Python", Redis, Pypi("redis==5.*"), "python/use_redis_py.py"),
    slow("valkey-py", "Python", Redis, Pypi("valkey"), "python/use_redis_py.py"),
    quick("node-redis", "JavaScript", Redis, Npm("redis@latest"), "node/use_node_redis.js"),
    slow("node-redis 5", "JavaScript", Redis, Npm("redis@5"), "node/use_node_redis.js"),
    slow("node-redis 4", "JavaScript", Redis, Npm("redis@4"), "node/use_node_redis.js"),
    slow("node-redis 3", "JavaScript", Redis, Npm("redis@3"), "node/use_node_redis_3.js"),
    quick("ioredis", "JavaScript", Redis, Npm("ioredis@latest"), "node/use_ioredis.js"),
    slow("iovalkey", "JavaScript", Redis, Npm("iovalkey@latest"), "node/use_ioredis.js"),
    quick("phpredis", "PHP", Redis, PHP_REDIS, "php/use_phpredis.php"),
    quick("redis-rb", "Ruby", Redis, Debian(&["ruby", "ruby-redis"]), "ruby/use_redis.rb"),
    slow("redis-rs", "Rust", Redis, Crates, "rust/Cargo.toml"),
    slow("coredis", "Python", Redis, Pypi("coredis"), "python/use_coredis.py"),
    slow("valkey-glide", "Python", Redis, Pypi("valkey-glide"), "python/use_valkey_glide.py"),
    slow("valkey-glide, node", "JavaScript", Redis, GLIDE, "node/use_valkey_glide.js"),
    slow("predis", "PHP", Redis, PREDIS, "php/use_predis.php"),
    slow("Redis.pm", "Perl", Redis, Debian(&["perl", "libredis-perl"]), "perl/use_redis.pl"),
    slow("redis-lua", "Lua", Redis, Debian(&["lua5.1", "lua-redis", "redis-tools"]), "lua/use_redis.lua"),
    slow("hiredis", "C", Redis, Debian(&["gcc", "libhiredis-dev"]), "c/use_hiredis.c"),
    slow("redigo", "Go", Redis, REDIGO, "go/use_redigo.go"),
    quick("pymemcache", "Python", Memcached, Pypi("pymemcache"), "python/use_pymemcache.py"),
    quick("php-memcached", "PHP", Memcached, PHP_MEMCACHED, "php/use_php_memcached.php"),
    slow("meta-memcache", "Python", Memcached, Pypi("meta-memcache"), "python/use_meta_memcache.py"),
    slow("pylibmc", "Python", Memcached, Pypi("pylibmc"), "python/use_pylibmc.py"),
    slow("python-memcached", "Python", Memcached, Pypi("python-memcached"), "python/use_python_memcached.py"),
    slow("aiomcache", "Python", Memcached, Pypi("aiomcache"), "python/use_aiomcache.py"),
    slow("memcached", "JavaScript", Memcached, Npm("memcached@latest"), "node/use_memcached.js"),
    slow("memcache", "JavaScript", Memcached, Npm("memcache@latest"), "node/use_memcache.js"),
    slow("memjs", "JavaScript", Memcached, Npm("memjs@latest"), "node/use_memjs.js"),
    slow("Cache::Memcached", "Perl", Memcached, PERL, "perl/use_cache_memcached.pl"),
    slow("Cache::Memcached::Fast", "Perl", Memcached, PERL_FAST, "perl/use_cache_memcached.pl"),
    slow("libmemcached", "C", Memcached, LIBMEMCACHED, "c/use_libmemcached.c"),
    slow("gomemcache", "Go", Memcached, GOMEMCACHE, "go/use_gomemcache.go"),
    quick("dalli", "Ruby", Memcached, DALLI, "ruby/use_dalli.rb"),
    quick("phpredis", "PHP", RedisSessions, PHP_REDIS, "php/use_sessions.php"),
    quick("php-memcached", "PHP", MemcachedSessions, PHP_MEMCACHED, "php/use_sessions.php"),
    quick("phpredis", "PHP", Framework, PHP_REDIS, "php/use_cache_phpredis.php"),
    slow("Django", "Python", Framework, Pypi("django redis"), "python/use_django.py"),
    slow("django-redis", "Python", Framework, Pypi("django-redis"), "python/use_django.py"),
    slow("Celery", "Python", Framework, Pypi("celery[redis]"), "python/use_celery.py"),
    slow("RQ", "Python", Framework, Pypi("rq"), "python/use_rq.py"),
    slow("arq", "Python", Framework, Pypi("arq"), "python/use_arq.py"),
    slow("dramatiq", "Python", Framework, Pypi("dramatiq[redis]"), "python/use_dramatiq.py"),
    slow("huey", "Python", Framework, Pypi("huey redis"), "python/use_huey.py"),
    slow("channels_redis", "Python", Framework, CHANNELS, "python/use_channels_redis.py"),
    slow("channels_redis, pub/sub", "Python", Framework, CHANNELS, "python/use_channels_redis.py"),
    slow("Sidekiq", "Ruby", Framework, Debian(&["ruby", "ruby-sidekiq"]), "ruby/use_sidekiq.rb"),
    slow("BullMQ", "JavaScript", Framework, Npm("bullmq@latest ioredis@latest"), "node/use_bullmq.js"),
    slow("rate-limiter-flexible", "JavaScript", Framework, LIMITER, "node/use_rate_limiter.js"),
    slow("Socket.IO", "JavaScript", Framework, SOCKET_IO, "node/use_socket_io.js"),
    slow("predis", "PHP", Framework, PREDIS, "php/use_cache_predis.php"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::install;
    use super::*;

    #[test]
    fn every_script_is_there_and_every_library_once() {
        let mut seen = BTreeSet::new();
        for library in ALL {
            let script = install::scripts().join(library.script);
            assert!(script.exists(), "{}", script.display());
            assert!(seen.insert((library.name, library.kind)), "{} is there twice", library.name);
        }
    }

    #[test]
    fn those_that_every_check_tries_are_quick() {
        for name in ["redis-py", "ioredis", "phpredis", "pymemcache", "php-memcached", "dalli"] {
            assert!(ALL.iter().any(|library| library.name == name && library.is_quick), "{name}");
        }
    }
}
