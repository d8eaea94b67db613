//! `docs/log.md` has every line that the proxy writes to its log, at the level that shows it.

use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/log.md";

/// Where the proxy's source is.
const SOURCE: &str = "crates/proxy/src";

/// What writes a line, and the lowest level that shows it; a summary has that of its lines. What is
/// limited names its level first.
const WRITERS: [(&str, Option<u8>); 11] = [
    ("always!(", Some(0)),
    ("tracing::error!(", Some(1)),
    ("tracing::warn!(", Some(4)),
    ("tracing::info!(", Some(5)),
    ("limited!(ERROR", Some(1)),
    ("limited!(WARN", Some(4)),
    ("limited!(INFO", Some(5)),
    ("limited_each!(ERROR", Some(1)),
    ("limited_each!(WARN", Some(4)),
    ("limited_each!(INFO", Some(5)),
    ("tracing::event!(Level::", None),
];

/// Files with errors whose words become lines, or a part of them.
const ERRORS: [&str; 7] = [
    "config/error.rs",
    "generation/obstacle.rs",
    "log/mod.rs",
    "net/listener.rs",
    "pid_file.rs",
    "stats_server/bind.rs",
    "worker/accepting.rs",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the root")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file of Rust without its tests, and with no white space but single blanks.
fn source(path: &Path) -> String {
    let text = read(path);
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.replace("\\\n", "\\").split_whitespace().collect::<Vec<_>>().join(" ").replace("!( ", "!(")
}

/// All files below the proxy's source but those that are tests.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(SOURCE)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("tests.rs") {
                found.push(path);
            }
        }
    }
    found
}

/// The first text in quotes of `text`, as it is written out, and what is behind it.
fn literal(text: &str) -> Option<(String, &str)> {
    let (_, rest) = text.split_once('"')?;
    let mut out = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &rest[at + 1..])),
            // Before the end of a line, which is a blank here: the text goes on behind it.
            '\\' => match chars.next()? {
                (_, ' ') => {}
                (_, escaped) => out.push(escaped),
            },
            other => out.push(other),
        }
    }
    None
}

/// What stands in a text between its variables. None for one that is of variables alone.
fn fixed(text: &str) -> Option<Vec<String>> {
    let mut pieces = Vec::new();
    for part in text.split('{') {
        let piece = part.split_once('}').map_or(part, |(_, piece)| piece);
        pieces.push(piece.to_owned());
    }
    let says_something = pieces.iter().any(|piece| piece.contains(char::is_alphabetic));
    says_something.then_some(pieces)
}

/// Whether `text` has all of these, in their order.
fn has(text: &str, pieces: &[String]) -> bool {
    let mut rest = text;
    pieces.iter().all(|piece| match rest.split_once(piece.as_str()) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

/// The rows of the page's tables of lines: the line and its level.
fn rows(page: &str) -> Vec<(&str, Option<u8>)> {
    let rows = page.lines().filter_map(|row| {
        let mut cells = row.strip_prefix("| `")?.split(" | ");
        let line = cells.next()?;
        match cells.next()? {
            "theirs" => Some((line, None)),
            level => Some((line, Some(level.parse().ok()?))),
        }
    });
    rows.collect()
}

/// What is written somewhere: its words, between which its variables are.
struct Written {
    words: String,
    pieces: Vec<String>,
    /// The lowest level that shows it.
    level: Option<u8>,
    file: PathBuf,
}

/// The lines that are written with the log's macros.
fn lines() -> Vec<Written> {
    let mut found = Vec::new();
    for file in files() {
        let text = source(&file);
        for (writer, level) in WRITERS {
            for (at, _) in text.match_indices(writer) {
                let behind = &text[at + writer.len()..];
                // The macros' own text has variables only.
                let Some((words, _)) = literal(behind).filter(|_| !behind.starts_with("target:"))
                else {
                    continue;
                };
                let Some(pieces) = fixed(&words) else { continue };
                found.push(Written { words, pieces, level, file: file.clone() });
            }
        }
    }
    assert!(found.len() >= 36, "the lines are found: {}", found.len());
    found
}

/// The errors that become lines, or a part of them.
fn errors() -> Vec<Written> {
    let mut found = Vec::new();
    for file in ERRORS {
        let file = Path::new(SOURCE).join(file);
        let text = source(&file);
        for writer in ["write!(", "write_str(", "format!("] {
            for (at, _) in text.match_indices(writer) {
                let Some((words, _)) = literal(&text[at..]) else { continue };
                let Some(pieces) = fixed(&words) else { continue };
                found.push(Written { words, pieces, level: Some(1), file: file.clone() });
            }
        }
    }
    assert!(found.len() >= 16, "the errors are found: {}", found.len());
    found
}

#[test]
fn every_line_that_is_written_is_on_the_page_at_its_level() {
    let page = read(PAGE);
    let rows = rows(&page);
    for Written { words, pieces, level, file } in lines() {
        let is_there = rows.iter().any(|row| row.1 == level && has(row.0, &pieces));
        assert!(is_there, "{PAGE} has no `{words}` at {level:?} ({})", file.display());
    }
}

#[test]
fn every_error_that_becomes_a_line_is_on_the_page() {
    let page = read(PAGE);
    for Written { words, pieces, file, .. } in errors() {
        let is_there = page.lines().any(|line| has(line, &pieces));
        assert!(is_there, "{PAGE} has no `{words}` ({})", file.display());
    }
}

#[test]
fn every_line_of_the_page_is_written_somewhere() {
    let page = read(PAGE);
    let written: Vec<Written> = lines().into_iter().chain(errors()).collect();
    for (line, _) in rows(&page) {
        let is_written = written.iter().any(|it| has(line, &it.pieces));
        assert!(is_written, "{PAGE}: nothing writes `{line}");
    }
}

#[test]
fn the_lines_that_the_page_of_switching_shows_are_written() {
    let page = read("docs/switching.md");
    let written = lines();
    // There, dots stand for the time and the place.
    let shown: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("... ")).collect();
    assert!(!shown.is_empty(), "the page shows a line");
    for line in shown {
        let is_written = written.iter().any(|it| has(line, &it.pieces));
        assert!(is_written, "docs/switching.md: nothing writes '{line}'");
    }
}

#[test]
fn every_reason_is_on_the_page() {
    let page = read(PAGE);
    let (_, reasons) = page.split_once("\n## Reasons\n").expect("the page has reasons");
    let text = source(Path::new("crates/engine/src/action.rs"));
    let (_, rest) = text.split_once("pub fn text(&self)").expect("a reason has a text");
    let (mut rest, _) = rest.split_once("pub struct Found").expect("and what was found is next");
    let mut seen = 0;
    while let Some((words, behind)) = literal(rest) {
        rest = behind;
        let Some(pieces) = fixed(&words) else { continue };
        assert!(reasons.lines().any(|line| has(line, &pieces)), "{PAGE} has no reason `{words}`");
        seen += 1;
    }
    assert!(seen >= 14, "the reasons are found: {seen}");
}

#[test]
fn what_signals_add_to_their_line_is_on_the_page() {
    let page = read(PAGE);
    let row = page.lines().find(|line| line.starts_with("| `signal N (NAME) received`"));
    let row = row.expect("the line of signals");
    let text = source(&Path::new(SOURCE).join("signals.rs"));
    let quoted = text.split('"').skip(1).step_by(2);
    let mut suffixes = quoted.filter(|text| text.starts_with(", ")).peekable();
    assert!(suffixes.peek().is_some(), "the table of signals is found");
    for suffix in suffixes {
        assert!(row.contains(&format!("`{suffix}`")), "{PAGE} has no `{suffix}`");
    }
}
