//! One line of the log: `[YYYY-MM-DD HH:MM:SS.mmm] FILE:LINE message`, as the original's `_log`.
//!
//! The original cuts lines at 256 bytes; here they are as long as their message. Control
//! characters come out as `\xNN`, so that what a client sent cannot forge or tear a line.

use std::fmt::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::Event;
use tracing::field::{Field, Visit};

use crate::sys;

/// The line of `event`, which happened at `now`, with its line end. Allocates.
pub(super) fn form(event: &Event<'_>, now: SystemTime) -> String {
    let mut parts = Parts {
        file: event.metadata().file().unwrap_or(""),
        line: event.metadata().line().unwrap_or(0),
        message: String::with_capacity(MESSAGE_BYTES),
    };
    let mut overrides = Place::default();
    event.record(&mut FieldVisitor { place: &mut overrides, message: &mut parts.message });
    if let Some(file) = &overrides.file {
        parts.file = file;
    }
    if let Some(line) = overrides.line {
        parts.line = line;
    }
    parts.join(now)
}

/// Room for the usual message.
const MESSAGE_BYTES: usize = 128;

/// What a line is made of, its time aside.
struct Parts<'a> {
    file: &'a str,
    line: u32,
    message: String,
}

impl Parts<'_> {
    fn join(&self, now: SystemTime) -> String {
        let Self { file, line, message } = self;
        let (stamp, file) = (stamp(now), below_src(file));
        format!("[{stamp}] {file}:{line} {message}\n")
    }
}

/// Local time to the millisecond; dots where it cannot be told.
fn stamp(now: SystemTime) -> String {
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    let Some(time) = sys::local_time(seconds) else {
        return NO_STAMP.to_owned();
    };
    let sys::LocalTime { year, month, day, hour, minute, second } = time;
    let milliseconds = since_epoch.subsec_millis();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milliseconds:03}")
}

/// The original's stamp of lines that have no time (`_log_safe`).
const NO_STAMP: &str = ".......................";

/// A source file the way its crate names it: `config/parse.rs`.
fn below_src(file: &str) -> &str {
    file.rsplit_once("src/").map_or(file, |(_, below)| below)
}

/// Where a line says it comes from, when that is not where the event was made.
#[derive(Default)]
struct Place {
    file: Option<String>,
    line: Option<u32>,
}

/// Writes an event's message, then its fields as ` name=value`. `log.file` and `log.line`, named
/// as the bridge between `log` and `tracing` does, are the place.
struct FieldVisitor<'a> {
    place: &'a mut Place,
    message: &'a mut String,
}

impl Visit for FieldVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut out = Printable(self.message);
        // Neither a `String` nor `Printable` fails.
        let _ = match field.name() {
            "message" => write!(out, "{value:?}"),
            name => write!(out, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "log.file" => self.place.file = Some(value.to_owned()),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "log.line" => self.place.line = u32::try_from(value).ok(),
            _ => self.record_debug(field, &value),
        }
    }
}

/// Appends text, control characters as `\xNN`.
struct Printable<'a>(&'a mut String);

impl Write for Printable<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            if char.is_control() {
                // Control characters end at U+009F, so two digits hold each of them.
                write!(self.0, "\\x{:02x}", u32::from(char))?;
            } else {
                self.0.push(char);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn control_characters_are_spelt_out_and_the_rest_is_kept() {
        for (text, expected) in [
            ("get a\r\nflush_all", "get a\\x0d\\x0aflush_all"),
            ("\0\x1b[2J\x7f\t", "\\x00\\x1b[2J\\x7f\\x09"),
            ("next line \u{85}", "next line \\x85"),
            ("caf\u{e9} 'x' \\ \"y\"", "caf\u{e9} 'x' \\ \"y\""),
        ] {
            let mut line = String::new();
            Printable(&mut line).write_str(text).expect("a string takes anything");
            assert_eq!(line, expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_has_the_originals_form() {
        let parts = Parts { file: "crates/proxy/src/control.rs", line: 7, message: "hello".into() };
        let line = parts.join(UNIX_EPOCH + Duration::from_millis(1_700_000_000_042));
        let time = sys::local_time(1_700_000_000).expect("an everyday moment");
        let hour = time.hour;
        // The hour and the day depend on the time zone the test runs in.
        assert_eq!(&line[..9], "[2023-11-");
        assert_eq!(
            &line[11..],
            format!(" {hour:02}:{:02}:20.042] control.rs:7 hello\n", time.minute)
        );
    }

    #[test]
    fn a_source_file_is_named_from_its_crate_on() {
        for (file, expected) in [
            ("crates/proxy/src/config/parse.rs", "config/parse.rs"),
            ("src/main.rs", "main.rs"),
            ("elsewhere.rs", "elsewhere.rs"),
            ("/home/src/nutcracker/crates/proxy/src/log/mod.rs", "log/mod.rs"),
        ] {
            assert_eq!(below_src(file), expected);
        }
    }
}
