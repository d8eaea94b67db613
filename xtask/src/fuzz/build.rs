//! The instrumented build of the targets: plain cargo, with the flags that cargo-fuzz gives.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::proc;

/// Counts which edges of the code are taken and keeps what is compared with what, for libFuzzer to
/// look at. Assertions of the debug kind are part of what is looked for. No sanitizer: the code that
/// is fuzzed has no `unsafe`, so one would only make it slow.
const FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Cdebug-assertions",
    "-Ccodegen-units=1",
];

/// The names of the targets: those of the files.
///
/// # Errors
/// The system's.
pub(super) fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).map_err(Failure::system("looking for the targets"))?;
    let mut names: Vec<String> = files
        .filter_map(|file| Some(file.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// Builds all of them; the folder of the binaries.
///
/// # Errors
/// A missing C++ compiler, or code that does not build.
pub(super) fn build(root: &Path) -> Result<PathBuf> {
    // libFuzzer is C++.
    proc::find("c++", "g++")?;
    let host = host()?;
    let status = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--manifest-path", "fuzz/Cargo.toml"])
        // With a target named, build scripts and macros are built without the flags.
        .args(["--target", &host])
        .current_dir(root)
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"))
        .env("CARGO_TARGET_DIR", "fuzz/target")
        .status()
        .map_err(Failure::system("running cargo"))?;
    if !status.success() {
        return Err(Failure::Wrong("the fuzz targets do not build".to_owned()));
    }
    Ok(root.join("fuzz/target").join(host).join("release"))
}

/// The compiler's name for this machine.
pub(crate) fn host() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .map_err(Failure::system("asking rustc about the machine"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| Failure::Wrong(format!("rustc -vV names no host: {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds_and_its_place_in_the_manifest_and_the_page() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root");
        let read = |file: &str| fs::read_to_string(root.join(file)).expect("a file of fuzz/");
        let (manifest, page) = (read("fuzz/Cargo.toml"), read("fuzz/README.md"));
        let names = targets(root).expect("the folder is there");
        assert!(!names.is_empty());
        for name in names {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}: Cargo.toml");
            assert!(page.contains(&format!("`{name}`")), "{name}: README.md");
            let seeds = fs::read_dir(root.join("fuzz/corpus").join(&name)).expect(&name);
            assert!(seeds.count() > 0, "{name} has no seeds");
        }
    }

    #[test]
    fn the_compiler_names_this_machine() {
        let host = host().expect("rustc is there");
        assert!(host.starts_with(std::env::consts::ARCH), "{host}");
    }
}
