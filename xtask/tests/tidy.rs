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

#[test]
fn unsafe_has_one_room() {
    no_line(".rs", "unsafe outside sys.rs", |path, line| {
        !path.ends_with("crates/proxy/src/sys.rs")
            && line.split_whitespace().any(|word| word == concat!("un", "safe"))
            && !line.trim_start().starts_with("//")
    });
}

#[test]
fn the_pure_crates_forbid_unsafe() {
    for name in ["proto", "ring", "engine"] {
        let lib = root().join(format!("crates/{name}/src/lib.rs"));
        let text = fs::read_to_string(lib).expect("the crate's front page");
        assert!(text.contains("#![forbid(unsafe_code)]"), "crates/{name} does not forbid it");
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
