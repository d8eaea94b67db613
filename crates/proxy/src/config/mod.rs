//! The configuration file: from YAML to checked types, once.
//!
//! [`load`] reads a file and [`parse`] its bytes; both give a [`Config`], or everything that is
//! wrong with the file, each problem with its line and column. For tools that talk about a file,
//! [`load_with_places`] adds where everything stands.
//!
//! A file passes through these rooms, front to back:
//! - `encoding.rs`: bytes to text;
//! - `document.rs`: text to a tree of names and texts, with their places (`dialect.rs` helps it with
//!   files that are YAML to the original and not to the scanner);
//! - `mend.rs`: what keeps a text from being YAML, and the text without it;
//! - `pool.rs` and `global.rs`: a section of the tree to a [`Pool`] or to [`Global`], by way of
//!   `keys.rs` (keys, numbers, booleans) and `address.rs` (`listen` and `servers`);
//! - `types.rs` is what comes out, `error.rs` and `fault.rs` what may come out instead, and
//!   `nearest.rs` finds the name that was meant; `places.rs` remembers where all of it stands.
//!
//! # The grammar
//! It is the original's: one document in block style, a name and a colon for each pool, its keys
//! indented below it, plain or quoted text for values and one list, `servers`. No anchors, tags,
//! flow style or document marks, and no empty values. Text is text: `redis: "true"` is true.
//!
//! A file that the original takes is taken, and one that it refuses is refused, except:
//! - numbers that wrap around at 32 bits there (4294967297 was 1) are refused;
//! - `servers` must be the list; there, a text did if another key had a list of one;
//! - `reuseport` is known, as in the original's newest source;
//! - `global:` without `listen` and `servers` holds options of the process;
//! - a tab is refused only where it indents; in an empty line, before a comment or after the dash
//!   of an item it is a space;
//! - a byte order mark is refused in the middle of a line, and skipped before any;
//! - a text in quotes that goes on in the next line goes on indented;
//! - a line break is LF, CR or CR LF, as YAML has it since 1.2; U+0085, U+2028 and U+2029 are
//!   characters like others.

mod address;
mod commands;
mod dialect;
mod document;
mod encoding;
mod error;
mod fault;
mod global;
mod keys;
pub mod limits;
mod mend;
pub(crate) mod nearest;
mod places;
mod pool;
mod types;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use nutcracker_ring::name_order;

use document::{Document, START, Section};
pub use error::{ConfigErrors, LoadError, Position, Problem};
use fault::Fault;
use keys::Findings;
pub use places::Places;
pub(crate) use pool::is_originals_key;
pub(crate) use types::overlap;
pub use types::{Address, Config, Global, Listen, MemoryMax, Pool, Server, Workers};

/// Reads the configuration in the file at `path`.
///
/// # Errors
/// [`LoadError`] tells a file that cannot be read from one that is wrong.
pub fn load(path: &Path) -> Result<Config, LoadError> {
    load_with_places(path).map(|(config, _)| config)
}

/// Reads the configuration in the file at `path`, and where in the file everything stands.
///
/// # Errors
/// As [`load`].
pub fn load_with_places(path: &Path) -> Result<(Config, Places), LoadError> {
    let bytes =
        fs::read(path).map_err(|reason| LoadError::Unreadable { path: path.to_owned(), reason })?;
    parse_with_places(&bytes, path).map_err(LoadError::Invalid)
}

/// Reads the configuration in `bytes`; `path` is what messages call the file.
///
/// Resolves the host of every `listen`, so it may wait for the system's name resolution. Hosts of
/// servers are not resolved.
///
/// # Errors
/// Everything that is wrong, as far as it can be told, and never nothing.
pub fn parse(bytes: &[u8], path: &Path) -> Result<Config, ConfigErrors> {
    parse_with_places(bytes, path).map(|(config, _)| config)
}

/// Reads the configuration in `bytes`, and where everything stands; `path` is what messages call
/// the file.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_places(bytes: &[u8], path: &Path) -> Result<(Config, Places), ConfigErrors> {
    let errors = |problems| ConfigErrors::new(path.to_owned(), problems);
    let text = encoding::decode(bytes).map_err(errors)?;
    let mut document = document::read(&text);
    let mut findings = Findings::default();
    if document.broken.is_some() {
        // The file is invalid whatever follows; the rest is to say all that is wrong with it.
        document = mend::mend(&text).unwrap_or(document);
        debug_assert!(document.broken.is_some() || !document.problems.is_empty());
    }
    findings.problems.append(&mut document.problems);
    findings.problems.extend(document.broken.take());

    let mut config = check(&document, &mut findings);
    if !findings.problems.is_empty() {
        return Err(errors(findings.problems));
    }
    config.warnings = findings.warnings;
    Ok((config, Places::of(&document, &text)))
}

/// Reads the document's sections; what it returns counts only if nothing is wrong.
fn check(document: &Document, findings: &mut Findings) -> Config {
    check_distinct(document, findings);
    let (global, pools): (Vec<&Section>, Vec<&Section>) =
        document.sections.iter().partition(|section| global::is_global(section));
    let global = global.first().map(|section| global::read(section, findings));
    let mut pools: Vec<Pool> =
        pools.into_iter().filter_map(|section| pool::read(section, findings)).collect();
    pools.sort_by(|a, b| name_order(&a.name, &b.name));
    if pools.is_empty() && findings.problems.is_empty() {
        findings.problems.push(Problem::new(START, Fault::NoPools));
    }
    Config { global: global.unwrap_or_default(), pools, warnings: Vec::new() }
}

/// Reports sections of the same name, and pools that listen on the same address, compared as text.
fn check_distinct(document: &Document, findings: &mut Findings) {
    let mut names: HashMap<&str, &Section> = HashMap::new();
    let mut listens: HashMap<&str, &Section> = HashMap::new();
    for section in &document.sections {
        let name = &section.name;
        if let Some(first) = names.get(&*name.text) {
            let fault = Fault::DuplicatePool { first_line: first.name.at.line };
            findings.problems.push(Problem::of_pool(&name.text, name.at, fault));
        } else {
            names.insert(&name.text, section);
        }
        let Some(listen) = section.text("listen") else {
            continue;
        };
        if let Some(first) = listens.get(&*listen.text) {
            let fault = Fault::SameListen {
                other: first.name.text.clone(),
                text: listen.text.clone(),
                first_line: first.name.at.line,
            };
            findings.problems.push(Problem::of_pool(&name.text, listen.at, fault));
        } else {
            listens.insert(&listen.text, section);
        }
    }
}
