//! House style, as far as a machine can tell.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines above which a file is asked whether it still owns one noun.
const LINES_MAX: usize = 700;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the root")
}

/// All files below the project's folders whose name ends in `ending`, with their text.
fn files(ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["crates", "xtask", "fuzz", "docs", "scripts"].map(|folder| root().join(folder)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", "corpus", "artifacts", "data"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                let text = fs::read_to_string(&path).expect("a text");
                let path = path.strip_prefix(root()).expect("below the root").to_owned();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "the project has files that end in {ending}");
    found
}

/// Fails with every place at which `is_wrong` holds.
fn no_line(ending: &str, rule: &str, is_wrong: impl Fn(&Path, &str) -> bool) {
    let mut wrong = Vec::new();
    for (path, text) in files(ending) {
        for (at, line) in text.lines().enumerate() {
            if is_wrong(&path, line) {
                wrong.push(format!("{}:{}: {}", path.display(), at + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{rule}:\n{}", wrong.join("\n"));
}

#[test]
fn every_source_file_says_what_it_owns() {
    for (path, text) in files(".rs") {
        assert!(
            text.starts_with("//!"),
            "{} does not begin with its documentation",
            path.display()
        );
    }
}

#[test]
fn no_file_is_longer_than_one_noun_needs() {
    for (path, text) in files(".rs") {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines, above {LINES_MAX}", path.display());
    }
}

#[test]
fn nothing_is_left_for_later() {
    let words = [["TO", "DO"], ["FIX", "ME"], ["X", "XX"], ["db", "g!("], ["unimpl", "emented!"]];
    let words = words.map(|parts| parts.concat());
    no_line(".rs", "left for later", |_, line| words.iter().any(|word| line.contains(word)));
}

/// The files that may have such code, and how many lines of it. A line more wants a reason that a
/// reviewer sees here; a line less is to be written down as well.
const UNSAFE_LINES: [(&str, usize); 7] = [
    ("crates/proxy/src/sys/allocator.rs", 13),
    ("crates/proxy/src/sys/clock.rs", 4),
    ("crates/proxy/src/sys/descriptor.rs", 2),
    ("crates/proxy/src/sys/files.rs", 2),
    ("crates/proxy/src/sys/names.rs", 3),
    ("crates/proxy/src/sys/process.rs", 5),
    ("fuzz/fuzz_targets/config.rs", 1),
];

/// The folder of all but the attribute of a fuzz target.
const UNSAFE_ROOM: &str = "crates/proxy/src/sys/";

/// The lines of `text` that have the word as code, with their numbers, from 0.
fn unsafe_lines(text: &str) -> Vec<(usize, &str)> {
    let is_word = |word: &str| word == concat!("un", "safe");
    let has_word =
        |line: &str| line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(is_word);
    let lines = text.lines().enumerate();
    lines.filter(|(_, line)| !line.trim_start().starts_with("//") && has_word(line)).collect()
}

#[test]
fn the_lines_that_the_compiler_does_not_check_are_counted() {
    let mut counts = Vec::new();
    for (path, text) in files(".rs") {
        let count = unsafe_lines(&text).len();
        if count > 0 {
            counts.push((path.display().to_string(), count));
        }
    }
    counts.sort();
    let recorded: Vec<_> =
        UNSAFE_LINES.iter().map(|(path, count)| ((*path).to_owned(), *count)).collect();
    assert_eq!(counts, recorded, "what is there (left) is not what UNSAFE_LINES says (right)");
    let page = fs::read_to_string(root().join("docs/proofs.md")).expect("the page of proofs");
    let of_room = UNSAFE_LINES.iter().filter(|(path, _)| path.starts_with(UNSAFE_ROOM));
    let count: usize = of_room.map(|(_, count)| count).sum();
    let says = format!("[`{UNSAFE_ROOM}`](../{UNSAFE_ROOM}) has {count} lines of it");
    assert!(page.contains(&says), "docs/proofs.md does not say '{says}'");
}

#[test]
fn each_of_those_lines_has_its_reason_above_it() {
    for (path, _) in UNSAFE_LINES {
        let text = fs::read_to_string(root().join(path)).expect("a file of the list");
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        for (at, line) in unsafe_lines(&text) {
            // A method of a trait promises what the trait says; its body has a reason of its own.
            if line.contains(concat!("un", "safe fn")) {
                continue;
            }
            let above = lines[..at].iter().rev();
            let mut comment =
                above.take_while(|line| line.starts_with("//") || line.starts_with("#["));
            let has_reason = comment.any(|line| line.contains("SAFETY: "));
            assert!(has_reason, "{path}:{}: no SAFETY: comment above '{}'", at + 1, line.trim());
        }
    }
}

#[test]
fn all_but_one_room_forbid_unsafe() {
    for front in [
        "crates/proto/src/lib.rs",
        "crates/ring/src/lib.rs",
        "crates/engine/src/lib.rs",
        "crates/proxy/src/main.rs",
        "xtask/src/main.rs",
    ] {
        let text = fs::read_to_string(root().join(front)).expect("a crate's front page");
        assert!(text.contains("#![forbid(unsafe_code)]"), "{front} does not forbid it");
    }
}

#[test]
fn lines_end_clean() {
    for ending in [".rs", ".md", ".sh"] {
        no_line(ending, "white space at the end of a line, or a tab", |_, line| {
            line.ends_with(' ') || line.contains('\t')
        });
    }
}

#[test]
fn every_page_of_the_docs_is_linked_from_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    for (path, _) in files(".md") {
        if path.starts_with("docs") && path.components().count() == 2 {
            let link = format!("({})", path.display());
            assert!(readme.contains(&link), "README.md has no link to {}", path.display());
        }
    }
}

#[test]
fn every_source_file_that_a_page_names_is_there() {
    let sources = files(".rs");
    let is_file = |name: &str| sources.iter().any(|(path, _)| path.ends_with(name));
    let is_name = |text: &str| text.chars().all(|c| c.is_alphanumeric() || "/_.".contains(c));
    for (page, text) in files(".md") {
        let quoted = text.split('`').skip(1).step_by(2);
        for name in quoted.filter(|name| name.ends_with(".rs") && is_name(name)) {
            // The name that stands for any file, where another page says how tests are named.
            let is_there = is_file(name) || name == "file.rs";
            assert!(is_there, "{}: there is no {name}", page.display());
        }
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let mut pages = files(".md");
    pages.push((PathBuf::from("README.md"), readme));
    for (path, text) in pages {
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let folder = root().join(path.parent().expect("a folder"));
            assert!(folder.join(target).exists(), "{}: no {target}", path.display());
        }
    }
}
