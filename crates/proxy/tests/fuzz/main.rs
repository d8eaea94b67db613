//! The fuzz function of the configuration as an ordinary test: over the corpus, and over the
//! corpus with each of its bytes changed.

mod check;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use check::fuzz_config;

/// The files of the corpus by name. None names a host that would have to be looked up.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/config");
    let files: Vec<_> = fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| {
            let path = entry.expect("a file").path();
            (path.display().to_string(), fs::read(&path).expect("a file that can be read"))
        })
        .collect();
    assert!(!files.is_empty(), "the corpus is not empty");
    files
}

#[test]
fn the_corpus_holds() {
    for (name, data) in corpus() {
        assert!(catch_unwind(|| fuzz_config(&data)).is_ok(), "{name}");
    }
}

#[test]
fn the_corpus_holds_with_any_byte_changed() {
    for (name, data) in corpus() {
        for at in (0..data.len()).filter(|&at| !is_in_listen(&data, at)) {
            for byte in *b" \n\t:-#\"{&\\\xff" {
                let mut changed = data.clone();
                changed[at] = byte;
                let outcome = catch_unwind(|| fuzz_config(&changed));
                assert!(outcome.is_ok(), "{name}, byte {at} made {:?}", char::from(byte));
            }
        }
    }
}

/// Whether byte `at` is in a line about `listen`: a change there might make a host's name of an
/// address, and a name server would be asked for it.
fn is_in_listen(data: &[u8], at: usize) -> bool {
    let start = data[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let end = data[at..].iter().position(|&byte| byte == b'\n').map_or(data.len(), |end| at + end);
    data[start..end].windows(6).any(|window| window == b"listen")
}
