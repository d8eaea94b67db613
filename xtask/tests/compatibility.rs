//! What `docs/compatibility.md` and `docs/coverage.md` promise is named with the test that shows it,
//! and the test is there. Nothing that an operator can set or read is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use nutcracker_engine::stats::{
    FaultFigure, HealthFigure, LimitFigure, PoolFigure, ProcessFigure, ServerFigure,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the root")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The pages with tables of promises.
const PAGES: [&str; 2] = ["docs/compatibility.md", "docs/coverage.md"];

/// Where the prefixes of tests are explained: a table of this page.
const LEGEND: &str = "docs/compatibility.md";

/// What a row may say of the proxy against the original.
const MARKS: [&str; 3] = ["same", "better", "different"];

/// One row of a table of promises.
#[derive(Debug)]
struct Row {
    page: &'static str,
    line: usize,
    /// The heading that the table stands under.
    heading: String,
    /// By the names of the columns.
    cells: BTreeMap<String, String>,
}

impl Row {
    fn cell(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

/// The cells of a line of a table; a bar between backticks is none.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in line.trim().trim_start_matches('|').trim_end_matches('|').chars() {
        quoted ^= c == '`';
        if c == '|' && !quoted {
            cells.push(String::new());
        } else {
            cells.last_mut().expect("there is one").push(c);
        }
    }
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

/// The rows of all tables of a page whose last column is headed `last`. The column of marks has no
/// heading of its own and goes by the name `mark`.
fn rows(page: &'static str, last: &str) -> Vec<Row> {
    let text = read(page);
    let mut rows = Vec::new();
    let mut heading = String::new();
    let mut columns: Option<Vec<String>> = None;
    for (at, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut heading);
        }
        if !line.starts_with('|') {
            columns = None;
            continue;
        }
        let found = cells(line);
        let Some(columns) = &columns else {
            let name = |cell: String| if cell.is_empty() { "mark".to_owned() } else { cell };
            columns = Some(found.into_iter().map(name).collect());
            continue;
        };
        let is_rule = found.iter().all(|cell| cell.chars().all(|c| c == '-'));
        if is_rule || columns.last().is_none_or(|column| column != last) {
            continue;
        }
        assert_eq!(found.len(), columns.len(), "{page}:{}: as many cells as columns", at + 1);
        let cells = columns.iter().cloned().zip(found).collect();
        rows.push(Row { page, line: at + 1, heading: heading.clone(), cells });
    }
    rows
}

fn promises() -> Vec<Row> {
    let rows: Vec<Row> = PAGES.iter().flat_map(|page| rows(page, "test")).collect();
    assert!(rows.len() > 300, "the tables are found: {} rows", rows.len());
    rows
}

/// Fails with every place at which something is wrong.
fn none_wrong(rule: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{rule}:\n{}", wrong.join("\n"));
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// What the prefixes mean, as the legend says: a file or a folder below the root each.
fn legend() -> BTreeMap<String, PathBuf> {
    let mut legend = BTreeMap::new();
    for row in rows(LEGEND, "is") {
        let path = quoted(row.cell("is")).first().map(|path| root().join(path));
        let path = path.unwrap_or_else(|| panic!("{}: no path", row.place()));
        for prefix in quoted(row.cell("in the tables")) {
            legend.insert(prefix.to_owned(), path.clone());
        }
    }
    assert!(legend.len() > 8, "the legend is found: {legend:?}");
    for (prefix, path) in &legend {
        assert!(path.exists(), "{LEGEND}: `{prefix}` is said to be {}", path.display());
    }
    legend
}

/// One test or recorded case that a row names.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    prefix: String,
    name: String,
}

/// Reads the cell of tests: `prefix: name` in backticks, with commas between them. A prefix counts
/// until the next. `the same` stands for the cell of the row above.
fn named(cell: &str, above: &[Named]) -> Result<Vec<Named>, String> {
    let mut found: Vec<Named> = Vec::new();
    for item in cell.split(", ") {
        if item == "the same" {
            if above.is_empty() {
                return Err("'the same' as what?".to_owned());
            }
            let copied = |it: &Named| Named { prefix: it.prefix.clone(), name: it.name.clone() };
            found.extend(above.iter().map(copied));
            continue;
        }
        let inner = item.strip_prefix('`').and_then(|item| item.strip_suffix('`'));
        let Some(inner) = inner.filter(|inner| !inner.is_empty()) else {
            return Err(format!("'{item}' is not a test in backticks"));
        };
        let (prefix, name) = match inner.split_once(": ") {
            Some((prefix, name)) => (prefix.to_owned(), name),
            None => match found.last() {
                Some(Named { prefix, .. }) => (prefix.clone(), inner),
                None => return Err(format!("`{inner}` has no prefix")),
            },
        };
        found.push(Named { prefix, name: name.to_owned() });
    }
    Ok(found)
}

/// What is found at a place that tests are named of: the names of tests in Rust, or of the cases in
/// recorded data.
#[derive(Default)]
struct Places(BTreeMap<PathBuf, BTreeSet<String>>);

impl Places {
    fn has(&mut self, path: &Path, name: &str) -> bool {
        let names = self.0.entry(path.to_owned()).or_insert_with(|| names_below(path));
        names.contains(name)
    }
}

fn names_below(path: &Path) -> BTreeSet<String> {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder of the project");
        return entries.flat_map(|entry| names_below(&entry.expect("an entry").path())).collect();
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => tests_in(&text),
        Some("jsonl") => cases_in(&text),
        Some("json") => reasons_in(&text),
        _ => BTreeSet::new(),
    }
}

/// The functions behind `#[test]`; and the rows `("name", function)` of a test without the usual
/// harness.
fn tests_in(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            is_test = true;
        } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_test) {
            names.extend(rest.split('(').next().map(str::to_owned));
            is_test = false;
        } else if let Some((name, _)) =
            line.strip_prefix("(\"").and_then(|rest| rest.split_once("\", "))
            && text.contains("let tests: &[(&str, fn())]")
        {
            names.insert(name.to_owned());
        }
    }
    names
}

/// The names of recorded cases, and the reasons why some are answered differently.
fn cases_in(text: &str) -> BTreeSet<String> {
    let value = |line: &str, key: &str| {
        let row: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        row[key].as_str().map(str::to_owned)
    };
    text.lines().flat_map(|line| ["name", "why"].map(|key| value(line, key))).flatten().collect()
}

/// The reasons of a list of them: what stands on the left.
fn reasons_in(text: &str) -> BTreeSet<String> {
    let reasons: serde_json::Value = serde_json::from_str(text).expect("the file is JSON");
    reasons.as_object().expect("a reason has a name").keys().cloned().collect()
}

#[test]
fn every_test_that_is_named_exists() {
    let legend = legend();
    let mut places = Places::default();
    let mut wrong = Vec::new();
    let mut above: Vec<Named> = Vec::new();
    let mut heading = String::new();
    for row in promises() {
        if row.heading != heading {
            above.clear();
            row.heading.clone_into(&mut heading);
        }
        let named = match named(row.cell("test"), &above) {
            Ok(named) => named,
            Err(error) => {
                wrong.push(format!("{}: {error}", row.place()));
                continue;
            }
        };
        for Named { prefix, name } in &named {
            let path = match legend.get(prefix) {
                Some(path) => path.clone(),
                None if prefix.ends_with(".rs") => root().join("crates").join(prefix),
                None => {
                    wrong.push(format!("{}: the legend has no `{prefix}`", row.place()));
                    continue;
                }
            };
            if !places.has(&path, name) {
                wrong.push(format!("{}: {} has no test `{name}`", row.place(), path.display()));
            }
        }
        above = named;
    }
    none_wrong("tests that are named and are not there", &wrong);
}

#[test]
fn every_promise_has_a_mark_and_a_difference_its_reason() {
    let mut wrong = Vec::new();
    for row in promises() {
        let mark = row.cell("mark");
        if !MARKS.contains(&mark) {
            wrong.push(format!("{}: '{mark}' is none of {}", row.place(), MARKS.join(", ")));
        }
        if mark == "same" {
            continue;
        }
        // On the page of facts the first column says what the original does, and the reasons are
        // on the other page.
        let told: &[&str] = match row.page {
            "docs/coverage.md" => &["the original", "here"],
            _ => &["the original", "here", "why"],
        };
        for column in told.iter().filter(|column| row.cell(column).is_empty()) {
            wrong.push(format!("{}: {mark}, and nothing under '{column}'", row.place()));
        }
    }
    none_wrong("rows that say too little", &wrong);
}

/// A dialogue that is held otherwise than it was recorded shows no sameness.
#[test]
fn what_is_the_same_rests_on_no_known_difference() {
    let path = "crates/proxy/tests/data/transcripts/differences.jsonl";
    let differ: BTreeSet<String> = read(path)
        .lines()
        .filter_map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
            Some(row["case"].as_str()?.replace('/', ": "))
        })
        .collect();
    assert!(differ.len() > 200, "{} differences", differ.len());
    let mut wrong = Vec::new();
    for row in promises().iter().filter(|row| row.cell("mark") == "same") {
        for Named { prefix, name } in named(row.cell("test"), &[]).unwrap_or_default() {
            if differ.contains(&format!("{prefix}: {name}")) || prefix == "differences" {
                wrong.push(format!("{}: '{prefix}: {name}' differs", row.place()));
            }
        }
    }
    none_wrong("the same, and known to be different", &wrong);
}

#[test]
fn facts_are_numbered_by_chapter() {
    let mut expected = (0, 0);
    for row in rows("docs/coverage.md", "test") {
        let chapter = row.heading.split('.').next().and_then(|number| number.parse().ok());
        let chapter: u32 = chapter.unwrap_or_else(|| panic!("{}: no chapter", row.place()));
        expected = if chapter == expected.0 { (chapter, expected.1 + 1) } else { (chapter, 1) };
        assert_eq!(row.cell("#"), format!("{}.{}", expected.0, expected.1), "{}", row.place());
    }
}

/// What the first column of the tables under one heading of the page names: words in backticks, and
/// signals.
fn words_under(heading: &str) -> BTreeSet<String> {
    let rows: Vec<Row> =
        rows(LEGEND, "test").into_iter().filter(|row| row.heading == heading).collect();
    assert!(!rows.is_empty(), "{LEGEND} has no tables under '{heading}'");
    let mut words = BTreeSet::new();
    for row in &rows {
        let what = row.cell("what");
        let plain = what.split([' ', ',']).filter(|word| word.starts_with("SIG"));
        words.extend(plain.map(str::to_owned));
        let named = quoted(what).into_iter().flat_map(|it| it.split(' '));
        words.extend(named.map(|word| word.trim_end_matches(':').to_owned()));
    }
    words
}

/// Fails for every one of `things` that has no row under `heading`.
fn all_have_a_row(what: &str, things: &[String], heading: &str) {
    let words = words_under(heading);
    let missing: Vec<&String> = things.iter().filter(|&thing| !words.contains(thing)).collect();
    assert!(missing.is_empty(), "no row under '{heading}' of {LEGEND} tells of {what} {missing:?}");
}

/// The texts between double quotes in `text`, from `begin` to `end`.
fn strings_between(text: &str, begin: &str, end: &str) -> Vec<String> {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("the source has no {begin}"));
    let (part, _) = rest.split_once(end).unwrap_or_else(|| panic!("no {end} behind {begin}"));
    part.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_key_of_the_configuration_has_a_row() {
    let pool = strings_between(&read("crates/proxy/src/config/pool.rs"), "KEYS: [", "];");
    assert!(pool.len() >= 18, "{pool:?}");
    let global = strings_between(&read("crates/proxy/src/config/global.rs"), "KEYS: [", "];");
    assert!(global.len() >= 2, "{global:?}");
    all_have_a_row("the keys", &[pool, global].concat(), "Configuration file");
}

/// The flags of the source: `-x` and `--name`.
fn flags() -> Vec<[String; 2]> {
    let source = read("crates/proxy/src/cli/mod.rs");
    let rows = source.lines().filter_map(|line| line.trim().strip_prefix("Spec { letter: '"));
    let flags: Vec<[String; 2]> = rows
        .map(|row| {
            let letter = row.chars().next().expect("a letter");
            let name = row.split('"').nth(1).expect("a name");
            [format!("-{letter}"), format!("--{name}")]
        })
        .collect();
    assert!(flags.len() >= 14, "{flags:?}");
    flags
}

#[test]
fn every_flag_has_a_row() {
    let letters: Vec<String> = flags().into_iter().map(|[letter, _]| letter).collect();
    all_have_a_row("the flags", &letters, "Command line");
}

#[test]
fn every_counter_has_a_row() {
    let metrics = ProcessFigure::ALL.iter().map(|figure| figure.metric());
    let metrics = metrics.chain(PoolFigure::ALL.iter().map(|figure| figure.metric()));
    let metrics = metrics.chain(ServerFigure::ALL.iter().map(|figure| figure.metric()));
    let metrics = metrics.chain(LimitFigure::ALL.iter().map(|figure| figure.metric()));
    let metrics = metrics.chain(FaultFigure::ALL.iter().map(|figure| figure.metric()));
    let metrics = metrics.chain(HealthFigure::ALL.iter().map(|figure| figure.metric()));
    // By the names that monitors know them by: the JSON's, where it has them.
    let names = metrics.map(|metric| metric.json.map_or(metric.name, str::to_owned));
    let mut names: Vec<String> = names.collect();
    // The head: `"name":value` in the texts that are written.
    let report = read("crates/proxy/src/stats_server/report.rs");
    let (_, writer) = report.split_once("fn write(").expect("the report is written");
    let (writer, _) = writer.split_once("\n    }\n").expect("and the writing ends");
    let is_name = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let head = writer.split("\":").filter_map(|part| Some(part.rsplit_once('"')?.1));
    names.extend(head.filter(is_name).map(str::to_owned));
    assert!(names.iter().any(|name| name == "total_connections"), "{names:?}");
    all_have_a_row("the figures", &names, "Statistics");
}

#[test]
fn every_signal_has_a_row() {
    let source = read("crates/proxy/src/signals.rs");
    let mut names: Vec<String> =
        source.split('"').filter(|text| text.starts_with("SIG")).map(str::to_owned).collect();
    assert!(names.len() >= 7, "{names:?}");
    // What the original's table has besides, and what it leaves to the system.
    names.extend(["SIGSEGV", "SIGPIPE", "SIGQUIT"].map(str::to_owned));
    all_have_a_row("the signals", &names, "Signals and the end");
}

#[test]
fn the_page_of_options_has_every_flag_and_key() {
    let page = read("docs/options.md");
    let words: BTreeSet<&str> =
        quoted(&page).into_iter().flat_map(|it| it.split([' ', '=', ':'])).collect();
    let pool = strings_between(&read("crates/proxy/src/config/pool.rs"), "KEYS: [", "];");
    let global = strings_between(&read("crates/proxy/src/config/global.rs"), "KEYS: [", "];");
    for word in flags().into_iter().flatten().chain(pool).chain(global) {
        assert!(words.contains(&*word), "docs/options.md has no `{word}`");
    }
}

#[test]
fn the_reader_of_tables_takes_what_it_should_and_nothing_else() {
    assert_eq!(cells("| a | `b|c` | |"), ["a", "`b|c`", ""]);
    let test = |prefix: &str, name: &str| Named { prefix: prefix.into(), name: name.into() };
    let both = [test("config", "one"), test("config", "two")];
    assert_eq!(named("`config: one`, `two`", &[]).as_deref(), Ok(&both[..]));
    assert_eq!(named("the same", &both).as_deref(), Ok(&both[..]));
    for wrong in ["", "the same", "read the source", "`name`", "`config: one` and more"] {
        assert!(named(wrong, &[]).is_err(), "{wrong}");
    }
    let source = "#[test]\n#[should_panic]\nfn one() {}\nfn helper() {}\n(\"two\", three),";
    assert_eq!(tests_in(source), BTreeSet::from(["one".to_owned()]));
    let bare = "let tests: &[(&str, fn())] = &[\n    (\"two\", three),\n];";
    assert_eq!(tests_in(bare), BTreeSet::from(["two".to_owned()]));
    let recorded = "{\"name\": \"a\"}\n{\"case\": \"a\", \"why\": \"b\"}";
    assert_eq!(cases_in(recorded), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
}
