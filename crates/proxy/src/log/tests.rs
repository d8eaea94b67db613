//! The log as the program sees it: macros in, a file out.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::{env, fs, process, thread, time::Duration};

/// A path that no other test uses; what lies there is removed at both ends of its life.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("nutcracker-log-{}-{name}", process::id()));
        let _ = fs::remove_file(&path);
        Self(path)
    }

    /// What the file holds, line by line, without the stamps.
    fn messages(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.0).expect("the log is there");
        let stamped = "[2026-01-02 03:04:05.678] ".len();
        text.lines().map(|line| line[stamped..].to_owned()).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn log_at(level: u8, scratch: &Scratch) -> Log {
    Log::open(level, Some(&scratch.0)).expect("a scratch file can be written")
}

/// The messages alone: line numbers change with every edit above them.
fn without_place(messages: &[String]) -> Vec<&str> {
    messages.iter().map(|line| line.split_once(' ').expect("FILE:LINE message").1).collect()
}

#[test]
fn each_level_shows_what_the_original_shows_at_it() {
    let kinds = [("always", 0), ("error", 1), ("warn", 4), ("info", 5), ("debug", 7), ("trace", 8)];
    for level in 0..=LEVEL_MAX {
        let scratch = Scratch::new(&format!("level-{level}"));
        tracing::subscriber::with_default(log_at(level, &scratch), || {
            always!("always");
            tracing::error!("error");
            tracing::warn!("warn");
            tracing::info!("info");
            tracing::debug!("debug");
            tracing::trace!("trace");
        });
        let expected: Vec<_> =
            kinds.iter().filter(|&&(_, least)| level >= least).map(|&(kind, _)| kind).collect();
        assert_eq!(without_place(&scratch.messages()), expected, "at level {level}");
    }
}

#[test]
fn a_line_tells_its_file_and_line_and_fields() {
    let scratch = Scratch::new("place");
    let line = tracing::subscriber::with_default(log_at(5, &scratch), || {
        tracing::info!(server = 3, "key '{}' refused", "a\r\nb");
        line!() - 1
    });
    let expected = format!("log/tests.rs:{line} key 'a\\x0d\\x0ab' refused server=3");
    assert_eq!(scratch.messages(), [expected]);
}

#[test]
fn the_level_moves_one_step_and_stays_within_its_bounds() {
    let scratch = Scratch::new("steps");
    let log = log_at(10, &scratch);
    tracing::subscriber::with_default(log.clone(), || {
        log.level_up();
        log.level_up();
        assert_eq!(log.level(), LEVEL_MAX);
        for _ in 0..8 {
            log.level_down();
        }
        tracing::warn!("hidden at level 3");
        log.level_up();
        tracing::warn!("shown at level 4");
        for _ in 0..9 {
            log.level_down();
        }
        assert_eq!(log.level(), 0);
    });
    let messages = scratch.messages();
    let expected = "up log level to 11, down log level to 10, down log level to 9, \
        down log level to 8, down log level to 7, down log level to 6, down log level to 5, \
        down log level to 4, down log level to 3, up log level to 4, shown at level 4, \
        down log level to 3, down log level to 2, down log level to 1, down log level to 0";
    assert_eq!(without_place(&messages).join(", "), expected);
}

#[test]
fn a_level_above_the_highest_is_the_highest() {
    assert_eq!(Log::open(200, None).expect("standard error is there").level(), LEVEL_MAX);
}

#[test]
fn a_log_file_is_appended_to_and_readable_by_all() {
    let scratch = Scratch::new("append");
    fs::write(&scratch.0, "[2026-01-02 03:04:05.678] old\n").expect("a scratch file");
    tracing::subscriber::with_default(log_at(0, &scratch), || always!("new"));
    assert_eq!(scratch.messages().len(), 2);
    let made = Scratch::new("made");
    drop(log_at(0, &made));
    let mode = fs::metadata(&made.0).expect("it was made").permissions().mode();
    assert_eq!(mode & 0o600, 0o600, "the umask may take the rest away: {mode:o}");
    assert_eq!(mode & 0o133, 0, "nobody else writes it, nobody runs it: {mode:o}");
}

#[test]
fn a_rotated_file_is_left_for_a_new_one() {
    let (scratch, rotated) = (Scratch::new("rotate"), Scratch::new("rotate.1"));
    let log = log_at(0, &scratch);
    tracing::subscriber::with_default(log.clone(), || {
        always!("one");
        fs::rename(&scratch.0, &rotated.0).expect("both are in one directory");
        always!("two");
        log.reopen();
        always!("three");
    });
    assert_eq!(without_place(&rotated.messages()), ["one", "two"]);
    assert_eq!(without_place(&scratch.messages()), ["three"]);
}

#[test]
fn a_file_that_cannot_be_reopened_is_written_on() {
    let (scratch, rotated) = (Scratch::new("stuck"), Scratch::new("stuck.1"));
    let log = log_at(0, &scratch);
    tracing::subscriber::with_default(log.clone(), || {
        fs::rename(&scratch.0, &rotated.0).expect("both are in one directory");
        fs::create_dir(&scratch.0).expect("the name is free");
        log.reopen();
        always!("still here");
    });
    fs::remove_dir(&scratch.0).expect("it is empty");
    let complaint =
        format!("reopening log file '{}' failed, ignored: Is a directory", scratch.0.display());
    assert_eq!(without_place(&rotated.messages()), [complaint.as_str(), "still here"]);
}

#[test]
fn a_log_that_takes_no_lines_stops_nobody() {
    let log = Log::open(0, Some(Path::new("/dev/full"))).expect("Linux has it");
    tracing::subscriber::with_default(log, || always!("lost"));
}

#[test]
fn a_file_that_cannot_be_opened_is_named_with_the_reason() {
    let error = Log::open(0, Some(Path::new("/no/such/x"))).expect_err("there is no directory");
    assert_eq!(
        error.to_string(),
        "opening log file '/no/such/x' failed: No such file or directory"
    );
}

/// Whoever writes summaries writes those of all call sites, into its own log: one test at a time, and
/// lines of other files' tests are not looked at.
static SUMMARIES: Mutex<()> = Mutex::new(());

fn of_this_file(mut messages: Vec<String>) -> Vec<String> {
    messages.retain(|line| line.starts_with("log/tests.rs:"));
    messages
}

#[test]
fn a_flood_is_cut_short_and_counted() {
    let _alone = SUMMARIES.lock().unwrap_or_else(PoisonError::into_inner);
    let scratch = Scratch::new("flood");
    let line = tracing::subscriber::with_default(log_at(5, &scratch), || {
        for n in 0..500 {
            limited!(WARN, "refused {n}");
            limited!(DEBUG, "not shown, not counted");
        }
        thread::sleep(Duration::from_millis(1100));
        write_summaries();
        write_summaries();
        line!() - 5
    });
    let messages = of_this_file(scratch.messages());
    assert_eq!(messages.len(), 11, "ten lines and a summary: {messages:?}");
    assert!(messages[9].ends_with("refused 9"));
    assert_eq!(messages[10], format!("log/tests.rs:{} ... and 490 more like it", line - 1));
}

#[test]
fn a_panic_is_in_the_log_with_the_way_to_it() {
    let scratch = Scratch::new("panic");
    log_at(0, &scratch).record_panics();
    let end = thread::Builder::new().name("worker-7".into()).spawn(|| panic!("no such thing"));
    assert!(end.expect("a thread").join().is_err());
    drop(std::panic::take_hook());
    let messages = scratch.messages();
    let first = without_place(&messages)[0];
    assert!(first.starts_with("thread 'worker-7' ends the process: panicked at "), "{first}");
    let all = messages.join("\n");
    assert!(all.contains("no such thing") && all.contains(module_path!()), "{all}");
}

#[test]
fn one_that_floods_the_log_keeps_no_other_out_of_it() {
    let _alone = SUMMARIES.lock().unwrap_or_else(PoisonError::into_inner);
    let scratch = Scratch::new("subjects");
    let tell = |server: &str| limited_each!(WARN, server, "{server} is away");
    tracing::subscriber::with_default(log_at(5, &scratch), || {
        (0..100).for_each(|_| tell("server 'one'"));
        (0..3).for_each(|_| tell("server 'two'"));
        thread::sleep(Duration::from_millis(1100));
        (0..11).for_each(|_| tell("server 'two'"));
        thread::sleep(Duration::from_millis(1100));
        write_summaries();
    });
    let messages = of_this_file(scratch.messages());
    let messages = without_place(&messages);
    assert_eq!(messages[..11], ["server 'one' is away"; 11], "a first one and ten more");
    assert_eq!(
        messages[11..13],
        ["server 'two' is away", "... and 91 more like it: 89 of server 'one', 2 of server 'two'"]
    );
    assert_eq!(messages[13..23], ["server 'two' is away"; 10]);
    assert_eq!(messages[23..], ["... and 1 more like it of server 'two'"]);
}
