//! How the tools are called, and how they say that they cannot do their work.

use std::process::Command;

use crate::{BINARY, Scratch, THREE, pool, run, run_command};

const TOOLS: [&str; 4] = ["locate", "ring", "diff", "check"];

#[test]
fn help_is_on_standard_output() {
    for tool in TOOLS {
        for flag in ["--help", "-h"] {
            let page = run(&[tool, flag]).fine();
            assert!(page.starts_with(&format!("Usage: nutcracker {tool} ")), "{page}");
            assert!(page.contains("The status is ") && page.contains("\nOptions:\n"), "{page}");
            assert!(page.lines().all(|line| line.chars().count() <= 110), "{page}");
        }
    }
}

#[test]
fn a_tool_runs_only_as_the_first_word_to_the_letter() {
    let usage = run(&["-h"]).err;
    // Behind an option, misspelt, or cut short it is a word like others, and such are ignored.
    for args in [&["-h", "locate"][..], &["Locate", "-h"], &["chec", "-h"], &["-h", "check", "x"]] {
        let said = run(args);
        assert_eq!((said.status, said.err.as_str()), (0, usage.as_str()), "{args:?}");
        assert_eq!(said.out, "", "{args:?}");
    }
    assert_ne!(run(&["check", "-h"]).out, "");
}

#[test]
fn a_wrong_option_names_the_ones_there_are() {
    for (args, words) in [
        (&["locate", "--poll", "x"][..], "no option is called '--poll'; did you mean '--pool'?"),
        (&["ring", "--svg"], "missing argument for option '--svg'"),
        (&["diff", "-c", "x"], "no option is called '-c' (the options are --keys FILE; --all"),
        (&["check"], "the file to check is missing: nutcracker check FILE"),
        (&["check", "a", "b"], "one file is checked at a time"),
        (&["check", "--allow", "no-timeou", "a"], "did you mean 'no-timeout'?"),
        (&["diff", "a"], "two configurations are compared, and one is given"),
        (&["diff", "a", "b", "c"], "two configurations are compared, and 3 are given"),
        (&["ring", "x"], "'x' is one word too many; the configuration is given with -c FILE"),
    ] {
        let error = run(args).trouble();
        assert!(error.starts_with(&format!("nutcracker {}: ", args[0])), "{error}");
        assert!(error.contains(words), "{args:?}: {error}");
    }
}

#[test]
fn an_unknown_pool_is_told_with_the_nearest_one() {
    let text = pool("sessions", "127.0.0.1:22121", &[], THREE)
        + &pool("pages", "127.0.0.1:22122", &[], THREE);
    let conf = Scratch::conf(&text);
    for tool in ["locate", "ring"] {
        let error = run(&[tool, "-c", conf.path(), "--pool", "session"]).trouble();
        let words =
            "no pool is called 'session'; did you mean 'sessions'? (the pools are pages, sessions)";
        assert!(error.contains(words), "{error}");
        // One that there is does not make up for it.
        run(&[tool, "-c", conf.path(), "--pool", "pages", "--pool", "x"]).trouble();
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let conf = Scratch::conf(&pool("a", "127.0.0.1:22121", &[], THREE));
    for (args, words) in [
        (
            &["locate", "-c", "/none.yml", "x"][..],
            "failed to open configuration '/none.yml': No such",
        ),
        (&["ring", "-c", "/none.yml"], "failed to open configuration '/none.yml'"),
        (&["check", "/none.yml"], "failed to open configuration '/none.yml'"),
        (&["diff", conf.path(), "/none.yml"], "failed to open configuration '/none.yml'"),
        (&["ring", "-c", conf.path(), "--keys", "/none"], "reading '/none' failed: No such file"),
        (
            &["ring", "-c", conf.path(), "--svg", "/none/x"],
            "writing '/none/x' failed: No such file",
        ),
    ] {
        let error = run(args).trouble();
        assert!(error.contains(words), "{args:?}: {error}");
    }
    // Without -c it is the proxy's default, below the working directory.
    let error = run_command(Command::new(BINARY).arg("ring").current_dir("/"), b"").trouble();
    assert!(error.contains("'conf/nutcracker.yml'"), "{error}");
}

#[test]
fn an_invalid_configuration_is_told_as_by_a_test_of_it() {
    let text = pool("a", "127.0.0.1:22121", &["hash: fnvla_64", "timeout: x"], THREE);
    let wrong = Scratch::conf(&text);
    let right = Scratch::conf(&pool("a", "127.0.0.1:22121", &[], THREE));
    let (wrong, right) = (wrong.path(), right.path());
    let told: String = run(&["-t", "-c", wrong])
        .err
        .split_inclusive('\n')
        .filter(|line| !line.contains("syntax is invalid"))
        .collect();
    assert_eq!(told.lines().count(), 2, "{told}");
    for args in [
        &["locate", "-c", wrong, "x"][..],
        &["ring", "-c", wrong],
        &["diff", wrong, right],
        &["diff", right, wrong],
    ] {
        assert_eq!(run(args).trouble(), told, "{args:?}");
    }
    let found = run(&["check", wrong]).ended(2);
    assert_eq!(found, format!("{told}{wrong}: invalid, 2 errors; no traps were looked for\n"));
}

#[test]
fn results_that_cannot_be_written_are_a_trouble() {
    let conf = Scratch::conf(&pool("a", "127.0.0.1:22121", &[], THREE));
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" >/dev/full", BINARY, "locate", "-c", conf.path(), "x"]);
    let error = run_command(&mut shell, b"").trouble();
    assert!(error.contains("writing the results failed: No space left on device"), "{error}");
}
