//! The command line answers as the original's did when it was recorded.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use nutcracker::cli::{self, Command, Options};
use nutcracker::config::Workers;

/// The line of the usage that the original does not have.
const OUR_LINE: &str = "  -w, --workers=N|auto   : set number of worker threads (default: 1)\r\n";

fn parse(args: &[&str]) -> Result<Command, cli::CliError> {
    cli::parse(args.iter().map(OsString::from))
}

fn options(args: &[&str]) -> Options {
    match parse(args) {
        Ok(Command::Run(options)) => options,
        other => panic!("{args:?}: {other:?}"),
    }
}

fn error(args: &[&str]) -> String {
    let text = parse(args).expect_err(&args.join(" ")).text();
    String::from_utf8(text).expect("UTF-8").lines().next().unwrap_or_default().to_owned()
}

/// What the process prints, and its exit status, when it gets no further than its command line.
fn answer(args: &[&str]) -> Option<(String, i64)> {
    match parse(args) {
        Ok(Command::Inform(information)) => Some((information.text(), 0)),
        Ok(Command::TestConf { .. } | Command::Run(_)) => None,
        Err(error) => Some((String::from_utf8(error.text()).expect("UTF-8"), 1)),
    }
}

#[test]
fn every_recorded_command_line_is_answered_to_the_byte() {
    let mut cases = 0;
    for line in include_str!("data/cli_cases.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case a line");
        let args: Vec<&str> =
            case["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
        let expected = case["stderr"]
            .as_str()
            .unwrap()
            .replace("{default_log}", "stderr")
            .replace("{default_conf}", "conf/nutcracker.yml")
            .replace("{default_pid}", "off");
        cases += 1;
        let Some((stderr, exit)) = answer(&args) else {
            let expected = Command::TestConf { conf_file: Some(PathBuf::from("no-such-file.yml")) };
            assert_eq!(parse(&args), Ok(expected), "{args:?}");
            continue;
        };
        if stderr.contains("Usage:") {
            assert_eq!(stderr.matches(OUR_LINE).count(), 1, "{args:?}");
        }
        assert_eq!(stderr.replace(OUR_LINE, ""), expected, "{args:?}");
        assert_eq!(Some(exit), case["exit"].as_i64(), "{args:?}");
    }
    assert_eq!(cases, 45);
}

#[test]
fn without_arguments_the_defaults_are_the_originals() {
    let expected = Options {
        verbosity: 5,
        output: None,
        conf_file: None,
        stats_port: 22222,
        stats_addr: "0.0.0.0".to_owned(),
        stats_interval: Duration::from_millis(30000),
        pid_file: None,
        mbuf_bytes: 16384,
        daemonize: false,
        workers: None,
    };
    assert_eq!(options(&[]), expected);
}

#[test]
fn every_option_reaches_its_field() {
    let long = options(&[
        "--daemonize",
        "--verbose=7",
        "--output=log",
        "--conf-file=a.yml",
        "--stats-port=1",
        "--stats-addr=127.0.0.1",
        "--stats-interval=100",
        "--pid-file=pid",
        "--mbuf-size=512",
        "--workers=auto",
    ]);
    let short = options(&[
        "-dv7",
        "-olog",
        "-ca.yml",
        "-s1",
        "-a127.0.0.1",
        "-i100",
        "-ppid",
        "-m512",
        "-wauto",
    ]);
    let expected = Options {
        verbosity: 7,
        output: Some(PathBuf::from("log")),
        conf_file: Some(PathBuf::from("a.yml")),
        stats_port: 1,
        stats_addr: "127.0.0.1".to_owned(),
        stats_interval: Duration::from_millis(100),
        pid_file: Some(PathBuf::from("pid")),
        mbuf_bytes: 512,
        daemonize: true,
        workers: Some(Workers::Auto),
    };
    assert_eq!(long, expected);
    assert_eq!(short, expected);
}

#[test]
fn command_lines_from_guides_work_as_they_stand() {
    let run =
        options(&["-d", "-c", "/opt/t/nutcracker.yml", "-p", "/opt/t/p.pid", "-o", "/opt/t/l"]);
    assert!(run.daemonize);
    assert_eq!(run.conf_file, Some(PathBuf::from("/opt/t/nutcracker.yml")));
    assert_eq!(run.pid_file, Some(PathBuf::from("/opt/t/p.pid")));
    assert_eq!(run.output, Some(PathBuf::from("/opt/t/l")));
    let test = parse(&["-t", "-c", "/opt/t/nutcracker.yml"]);
    let conf_file = Some(PathBuf::from("/opt/t/nutcracker.yml"));
    assert_eq!(test, Ok(Command::TestConf { conf_file }));
}

#[test]
fn an_empty_output_is_something_else_than_none() {
    assert_eq!(options(&["-o", ""]).output, Some(PathBuf::new()));
    assert_eq!(options(&[]).output, None);
}

#[test]
fn verbosity_ends_at_eleven() {
    for (text, level) in [("0", 0), ("11", 11), ("12", 11), ("300", 11), ("99999999999999", 11)] {
        assert_eq!(options(&["-v", text]).verbosity, level, "-v {text}");
    }
}

#[test]
fn numbers_do_not_wrap_around() {
    for (args, words) in [
        (["-s", "4294967297"], "nutcracker: option -s value 4294967297 is not a valid port"),
        (
            ["-m", "4294968320"],
            "nutcracker: mbuf chunk size must be between 512 and 16777216 bytes",
        ),
        (["-i", "4294967297"], "nutcracker: option -i requires a number of at most 2147483647"),
        (["-i", "99999999999999999999"], "nutcracker: option -i requires a number of at most"),
    ] {
        assert!(error(&args).starts_with(words), "{args:?}: {}", error(&args));
    }
}

#[test]
fn leading_zeros_count_for_nothing() {
    assert_eq!(options(&["-s", "00080"]).stats_port, 80);
    assert_eq!(error(&["-s", "070000"]), "nutcracker: option -s value 70000 is not a valid port");
}

#[test]
fn workers_are_auto_or_a_number() {
    for (text, workers) in
        [("auto", Workers::Auto), ("1", Workers::Count(1)), ("1024", Workers::Count(1024))]
    {
        assert_eq!(options(&["-w", text]).workers, Some(workers), "-w {text}");
    }
    for args in [&["-w"][..], &["-w", "0"], &["-w", "1025"], &["-w", "+1"], &["--workers=x"]] {
        let words = "nutcracker: option -w requires auto or a number between 1 and 1024";
        assert_eq!(error(args), words, "{args:?}");
    }
}

#[test]
fn no_abbreviation_of_the_original_became_ambiguous() {
    let names = [
        "help",
        "version",
        "test-conf",
        "daemonize",
        "describe-stats",
        "verbose",
        "output",
        "conf-file",
        "stats-port",
        "stats-interval",
        "stats-addr",
        "pid-file",
        "mbuf-size",
    ];
    for name in names {
        for end in 1..=name.len() {
            let head = &name[..end];
            let candidates = names.iter().filter(|other| other.starts_with(head)).count();
            let refused = error_of_long(head) == Some("nutcracker: invalid option -- '\0'".into());
            assert_eq!(refused, candidates > 1, "--{head}");
        }
    }
    assert_eq!(
        error_of_long("w").as_deref(),
        Some("nutcracker: option -w requires auto or a number between 1 and 1024")
    );
}

/// The error of a long option without an argument.
fn error_of_long(name: &str) -> Option<String> {
    let text = parse(&[&format!("--{name}")]).err()?.text();
    String::from_utf8(text).expect("UTF-8").lines().next().map(str::to_owned)
}

#[test]
fn an_option_of_any_byte_is_answered() {
    for byte in 1..=255u8 {
        // Letters that are options, and the dash that begins a long one.
        if b"hVtdDvocsiapmw-".contains(&byte) {
            continue;
        }
        let error = cli::parse([OsString::from_vec(vec![b'-', byte])]).expect_err("no option");
        let expected = [b"nutcracker: invalid option -- '", &[byte][..], b"'\nUsage:"].concat();
        assert!(error.text().starts_with(&expected), "byte {byte}");
    }
}

#[test]
fn a_statistics_address_that_is_no_text_is_refused() {
    let args = [OsString::from("-a"), OsString::from_vec(vec![0xff])];
    let text = cli::parse(args).expect_err("not UTF-8").text();
    assert!(text.starts_with(b"nutcracker: option -a requires a string\n"));
}
