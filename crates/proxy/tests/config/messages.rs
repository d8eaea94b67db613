//! What an operator is told about a file that is wrong, or odd.

use crate::{errors, pool_with, valid};

#[test]
fn a_wrong_global_section_is_explained() {
    for (line, words) in [
        ("workers: 0", "2:12: 'workers' is 'auto' or a number from 1 to 1024"),
        ("workers: many", "'many' is neither"),
        ("worker: 4", "has no key 'worker'; did you mean 'workers'?"),
        (
            "redis: true",
            "has no key 'redis'; the keys are busy_poll, memory_max, turn_pause, workers",
        ),
        ("workers:", "2:3: 'workers' has no value"),
    ] {
        let errors = errors(format!("global:\n  {line}\n{}", pool_with("")));
        assert_eq!(errors.len(), 1, "{line}: {errors:?}");
        assert!(errors[0].contains(words), "{line}: {errors:?}");
    }
    let errors = errors("global:\n  workers: 2\n");
    assert!(errors[0].contains("the file has no pools"), "{errors:?}");
}

#[test]
fn a_limit_that_is_none_is_explained() {
    for (line, words) in [
        (
            "client_unsent_max: 64kb",
            "3:22: pool 'alpha': 'client_unsent_max' is a number of bytes from 4096 to 2147483647, with k, m or g behind it for larger units; '64kb' is not",
        ),
        ("server_queue_max: 0", "'server_queue_max' is a number of bytes from 65536 to "),
        ("request_max: 2g", "'request_max' is a number of bytes from 1024 to 1073741824"),
        ("response_max: 3g", "'response_max' is a number of bytes from 1024 to 2147483648"),
        ("on_eject: drop", "3:13: pool 'alpha': 'on_eject' is one of rehash, fail; 'drop' is none"),
        (
            "commands: json.get",
            "3:13: pool 'alpha': 'commands' cannot add 'json.get': say behind it which argument is its first key, 0 for none",
        ),
        ("commands: json.get 1, get 1", "cannot add 'get 1': the proxy knows it already"),
        ("commands: a.b 1, A.B 2", "cannot add 'A.B 2': it is there twice"),
        ("commands: a.b x", "cannot add 'a.b x': its keys are a number, as in 1, or a first"),
        ("retries: 11", "'retries' is a number from 0 to 10; 11 is not"),
        ("databases: 0", "'databases' is a number from 1 to 16384; 0 is not"),
        ("databases: 16385", "'databases' is a number from 1 to 16384; 16385 is not"),
        ("client_requests_max: 0", "'client_requests_max' is at least 1"),
    ] {
        let errors = errors(pool_with(line));
        assert_eq!(errors.len(), 1, "{line}: {errors:?}");
        assert!(errors[0].contains(words), "{line}: {errors:?}");
    }
}

#[test]
fn every_problem_says_where_what_and_what_would_do() {
    for (line, message) in [
        ("multi_error: some", "'multi_error' is 'fail' or 'partial', not 'some'"),
        ("allow_flush: on", "'allow_flush' "),
        (
            "meta_commands: off",
            "3:18: pool 'alpha': 'meta_commands' is either true or false, in lower case; 'off' is neither",
        ),
        (
            "hash: fnvla_64",
            "3:9: pool 'alpha': no hash is called 'fnvla_64'; did you mean 'fnv1a_64'? (the names are one_at_a_time, md5, ",
        ),
        (
            "hash: sha1",
            "3:9: pool 'alpha': no hash is called 'sha1'; the names are one_at_a_time, ",
        ),
        (
            "distribution: modulo",
            "3:17: pool 'alpha': no distribution is called 'modulo'; did you mean 'modula'? (the names are ketama, modula, random)",
        ),
        (
            "hash_tag: \"{\"",
            "3:13: pool 'alpha': 'hash_tag' is exactly two characters, as in \"{}\"; '{' is 1 bytes",
        ),
        ("hash_tag: {}", "3:13: pool 'alpha': '{' opens a mapping in braces"),
        ("hash_tag: []", "3:13: pool 'alpha': '[' opens a list in brackets"),
        (
            "timeout: 1.5",
            "3:12: pool 'alpha': 'timeout' is a number, digits only; '1.5' is not a number",
        ),
        (
            "timeout: 2147483648",
            "3:12: pool 'alpha': 'timeout' is not a number above 2147483647; 2147483648 is too large",
        ),
        (
            "redis: yes",
            "3:10: pool 'alpha': 'redis' is either true or false, in lower case; 'yes' is neither",
        ),
        ("server_connections: 0", "3:3: pool 'alpha': 'server_connections' cannot be 0"),
        ("redis_auth: foo", "3:3: pool 'alpha': 'redis_auth' is only valid for a Redis pool"),
        ("redis_auth: \"\"", "3:3: pool 'alpha': 'redis_auth' has no value"),
        ("hash:", "3:3: pool 'alpha': 'hash' has no value"),
        (
            "Redis: true",
            "3:3: pool 'alpha': no key is called 'Redis'; did you mean 'redis'? (the keys are listen, ",
        ),
        ("auto_eject_host: true", "did you mean 'auto_eject_hosts'?"),
        ("sentinels: x", "3:3: pool 'alpha': no key is called 'sentinels'; the keys are listen, "),
        (
            "listen: 127.0.0.1:1",
            "3:3: pool 'alpha': 'listen' is a duplicate; line 2 has it already",
        ),
        ("foo:\n  bar: baz", "'foo' has keys of its own below it"),
        ("hash: &a md5", "3:9: pool 'alpha': YAML anchors ('&name') are not allowed"),
        ("hash: !!str md5", "3:9: pool 'alpha': YAML tags ('!name') are not allowed"),
        ("redis: true // yes", "3:15: pool 'alpha': '//' does not start a comment; '#' does"),
        (
            "hash: md5# old",
            "3:12: pool 'alpha': '#' starts a comment only after a space: write 'md5 #'",
        ),
        (
            "hash:\n - md5",
            "3:3: pool 'alpha': 'hash' has a list as its value; only 'servers' takes one",
        ),
    ] {
        let errors = errors(pool_with(line));
        assert!(errors.iter().any(|error| error.contains(message)), "{line}: {errors:#?}");
        if !line.starts_with("foo") {
            assert_eq!(errors.len(), 1, "{line}: {errors:#?}");
        }
    }
}

#[test]
fn a_wrong_listen_is_explained() {
    let long = format!("/{}", "x".repeat(107));
    for (listen, words) in [
        ("127.0.0.1", "'listen' is 'host:port' or '/path [permissions]'; '127.0.0.1' has no port"),
        ("127.0.0.1:0", "'0' is not a valid port"),
        ("127.0.0.1:65536", "'65536' is not a valid port"),
        ("\"127.0.0.1:\"", "'' is not a valid port"),
        (":22121", "no host before the port"),
        ("\"[::1]:22121\"", "'[::1]' is no host: IPv6 addresses are written without brackets"),
        ("192.168.56.291:22121", "no such address: 192.168.56.291 has 291, and 255 is the largest"),
        ("no-such-host.invalid:1", "the host 'no-such-host.invalid' has no address: "),
        ("/run/x.sock 1777", "'1777' are no permissions of a socket"),
        (&*long, "the path has 108 bytes; a unix socket's has at most 107"),
    ] {
        let yaml = format!("alpha:\n  listen: {listen}\n  servers:\n   - a:1:1\n");
        let errors = errors(&yaml);
        assert_eq!(errors.len(), 1, "{listen}: {errors:#?}");
        assert!(errors[0].starts_with("nutcracker.yml:2:11: pool 'alpha': "), "{errors:?}");
        assert!(errors[0].contains(words), "{listen}: {errors:?}");
    }
}

#[test]
fn a_wrong_list_of_servers_is_explained() {
    for (servers, words) in [
        ("", "1:1: pool 'alpha': the pool has no servers"),
        ("  servers:\n", "3:3: pool 'alpha': 'servers' has no value"),
        ("  servers: a:1:1\n", "3:12: pool 'alpha': 'servers' is not a list"),
        ("  servers: [a]\n", "3:12: pool 'alpha': '[' opens a list in brackets"),
        ("  servers:\n   -a:1:1\n   -b:1:1\n", "write '- a:1:1'"),
        ("  servers:\n   - a:1:1\n   -\n", "an item of the list is empty"),
        ("  servers:\n   - host: a\n", "4:6: pool 'alpha': a server is one line of text"),
        ("  servers:\n   - - a:1:1\n", "4:6: pool 'alpha': a server is one line of text"),
        ("  servers:\n   - a:1\n", "4:6: pool 'alpha': 'a:1' is no server"),
        ("  servers:\n   - a:1:1 b c\n", "4:6: pool 'alpha': the weight, after the last colon"),
        ("  servers:\n   - a:1:0\n", "4:6: pool 'alpha': a server's weight cannot be zero"),
        ("  servers:\n   - a:0:1\n", "4:6: pool 'alpha': a server has a port from 1 to 65535"),
        (
            "  servers:\n   - a:1:1\n   - a:1:2\n",
            "5:6: pool 'alpha': line 4 has a server of the same name, 'a:1'",
        ),
        (
            "  servers:\n   - a:1:1 # x\n   - b:1:1 // y\n",
            "5:12: pool 'alpha': '//' does not start a comment",
        ),
    ] {
        let errors = errors(format!("alpha:\n  listen: 127.0.0.1:1\n{servers}"));
        assert_eq!(errors.len(), 1, "{servers:?}: {errors:#?}");
        assert!(errors[0].contains(words), "{servers:?}: {errors:?}");
    }
}

#[test]
fn a_wrong_shape_is_explained() {
    let pool = pool_with("");
    for (yaml, words) in [
        (String::new(), "1:1: the file has no pools"),
        ("# hi\n".into(), "1:1: the file has no pools"),
        ("abc\n".into(), "1:1: 'abc' is no pool; a pool is a name and a colon"),
        ("- a\n- b\n".into(), "1:1: a list stands outside of any pool"),
        ("alpha: beta\n".into(), "1:1: pool 'alpha': 'beta' stands where the pool's keys should"),
        (format!("{pool}beta:\n"), "5:1: pool 'beta': the pool has no keys"),
        ("alpha:\n- a:1:1\n".into(), "1:1: pool 'alpha': the pool is a list"),
        ("{alpha: {listen: a}}\n".into(), "1:1: '{' opens a mapping in braces"),
        (format!("---\n{pool}"), "1:1: '---' is not allowed"),
        (format!("{pool}...\n"), "5:1: '...' is not allowed"),
        (format!("{pool}---\n{pool}"), "5:1: '---' is not allowed"),
        (format!("%YAML 1.1\n---\n{pool}"), "2:1: '---' is not allowed"),
        (format!("{pool}redis: true\n"), "5:1: 'redis' stands at the left margin"),
        (format!("{pool}  : x\n"), "a word is missing before the colon"),
        (
            pool.replace("  listen", "  ? [a]\n  : b\n  listen"),
            "2:5: pool 'alpha': '[' opens a list",
        ),
        (
            pool.replace("listen: 127.0.0.1:22121", "hash: md5"),
            "1:1: pool 'alpha': 'listen' is missing",
        ),
        (
            format!("{pool}{}", pool.replace("22121", "22122")),
            "5:1: pool 'alpha': line 1 has the same name already",
        ),
        (
            format!("{pool}{}", pool.replace("alpha", "beta")),
            "6:11: pool 'beta': pool 'alpha' on line 1 has the same listen address, '127.0.0.1:22121'",
        ),
        (format!("{pool}# \u{1}\n"), "5:3: the control character U+0001"),
        (pool.replace("servers:", "servers: *a\n  hash:"), "not YAML: "),
        (pool.replace("22121", "22121:"), "not YAML: there is a second key on this line"),
        (pool.replace("  servers:", "  servers"), "not YAML: "),
    ] {
        let errors = errors(&yaml);
        assert_eq!(errors.len(), 1, "{yaml:?}: {errors:#?}");
        assert!(errors[0].contains(words), "{yaml:?}: {errors:?}");
    }
    assert!(errors(b"alpha:\n  # \xff\n")[0].contains("2:5: not UTF-8 text"));
}

#[test]
fn all_problems_of_a_file_are_told_in_the_order_of_its_lines() {
    let errors = errors(concat!(
        "alpha:\n",
        "  listen: 127.0.0.1\n",
        "  hash: sha1\n",
        "  timeout: soon\n",
        "  servers:\n",
        "   - a:1\n",
        "   - b:1:0\n",
        "beta:\n",
        "  lisen: 127.0.0.1:2\n",
        "  servers: {}\n",
    ));
    let places: Vec<&str> = errors
        .iter()
        .map(|error| error.strip_prefix("nutcracker.yml:").unwrap().split(": ").next().unwrap())
        .collect();
    assert_eq!(places, ["2:11", "3:9", "4:12", "6:6", "7:6", "8:1", "9:3", "10:12"], "{errors:#?}");
}

#[test]
fn what_is_not_yaml_is_explained_and_the_rest_is_checked_all_the_same() {
    let errors = errors(concat!(
        "alpha:\n",
        "\tlisten: 127.0.0.1:1\n",
        "\thash:sha1\n",
        "\t// note: old\n",
        "\tredis\u{ff1a}yes\n",
        "\tservers: // all of them\n",
        "\t -a:1:0\n",
        "beta:\n",
        "  hash: md6\n",
    ));
    let expected = [
        "2:1: YAML does not allow tabs for indentation; use spaces (lines 2-7)",
        "3:2: 'hash:sha1' is no key with a value: a space is missing after the colon; write 'hash: sha1'",
        "3:7: pool 'alpha': no hash is called 'sha1'",
        "4:2: '//' does not start a comment; '#' does",
        "5:7: the full-width '\u{ff1a}' is no colon; write ': '",
        "5:8: pool 'alpha': 'redis' is either true or false",
        "6:11: '//' does not start a comment; '#' does",
        "7:3: '-a:1:0' is no item of a list: a space is missing after the dash; write '- a:1:0'",
        "7:4: pool 'alpha': a server's weight cannot be zero",
        "8:1: pool 'beta': 'listen' is missing",
        "8:1: pool 'beta': the pool has no servers",
        "9:9: pool 'beta': no hash is called 'md6'; did you mean 'md5'?",
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (error, words) in errors.iter().zip(expected) {
        assert!(error.starts_with(&format!("nutcracker.yml:{words}")), "{error}\n{words}");
    }
}

#[test]
fn what_is_odd_and_legal_is_warned_of() {
    for (yaml, words) in [
        (
            pool_with("redis_db: 3"),
            "3:3: pool 'alpha': 'redis_db' has no effect in a memcached pool",
        ),
        (
            pool_with("databases: 20"),
            "3:3: pool 'alpha': 'databases' has no effect in a memcached pool",
        ),
        (
            pool_with("redis: true\nmeta_commands: true"),
            "4:3: pool 'alpha': 'meta_commands' has no effect in a Redis pool",
        ),
        (
            pool_with("").replace("127.0.0.1:6379", "192.168.56.291:6379"),
            "4:6: pool 'alpha': no such address: 192.168.56.291",
        ),
        (
            pool_with("").replace("127.0.0.1:22121", "/run/x.sock 999"),
            "2:3: pool 'alpha': '999' are no octal permissions",
        ),
        (
            pool_with("").replace("127.0.0.1:22121", "\"*:22121\""),
            "2:3: pool 'alpha': '*' is the loopback address",
        ),
    ] {
        let warnings = valid(&yaml).warnings;
        assert_eq!(warnings.len(), 1, "{yaml}: {warnings:?}");
        assert!(warnings[0].to_string().starts_with(words), "{yaml}: {}", warnings[0]);
    }
    assert_eq!(valid(pool_with("redis: true\nredis_db: 3")).warnings, []);
}
