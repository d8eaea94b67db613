//! Getting a library below the target folder, and a script ready to run. What is there stays until
//! it is asked for anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::libraries::{Library, Source};
use crate::failure::{Failure, Result};
use crate::proc::{self, Launch, Proc};
use crate::{interrupt, servers};

/// How long an installation or a build may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// What runs a library's script.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The folder with the library, if it is not the system's.
    pub(super) folder: PathBuf,
    /// Program and arguments that come before the script's own.
    pub(super) command: Vec<PathBuf>,
}

/// The project's folder.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the root")
}

/// Where the scripts are.
pub(super) fn scripts() -> PathBuf {
    root().join("xtask/data/clients")
}

/// Installs a library if it is not there, or in any case if it is to be `fresh`.
///
/// # Errors
/// What the installer said last.
pub(super) fn prepare(library: &Library, fresh: bool) -> Result<Prepared> {
    let folder = servers::target_folder().join("clients").join(folder_name(library));
    // npm and pip are run in it, and a path of theirs must be a whole one.
    fs::create_dir_all(&folder).map_err(Failure::system("making a folder for libraries"))?;
    let finding = Failure::system(format!("finding {}", folder.display()));
    let folder = folder.canonicalize().map_err(finding)?;
    let mark = folder.join("installed");
    let wanted = format!("{:?}", library.source);
    let there = fs::read_to_string(&mark).is_ok_and(|what| what == wanted);
    if fresh || !there {
        install(library, &folder)?;
        fs::write(&mark, wanted).map_err(Failure::system("marking what is installed"))?;
    }
    let command = command(library, &folder)?;
    Ok(Prepared { folder, command })
}

/// The library's name as that of a folder, with the kind where a name stands for two.
fn folder_name(library: &Library) -> String {
    let name = format!("{} {:?}", library.name, library.kind).to_lowercase();
    name.replace(", ", "-").replace([' ', '/'], "-")
}

fn install(library: &Library, folder: &Path) -> Result<()> {
    let folder_text = folder.to_string_lossy();
    match library.source {
        Source::Debian(packages) => debian(packages, folder),
        Source::Crates => debian(&["cargo"], folder),
        Source::Pypi(what) => {
            debian(&["python3"], folder)?;
            if tool("python3", &["-m", "pip", "--version"], folder).is_err() {
                debian(&["python3-pip"], folder)?;
            }
            #[rustfmt::skip]
            let mut arguments = vec![
                "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check",
                "--upgrade", "--target", &folder_text,
            ];
            arguments.extend(what.split(' '));
            tool("python3", &arguments, folder)
        }
        Source::Npm(what) => {
            debian(&["npm"], folder)?;
            // Without a manifest, npm would look for one in the folders above.
            let manifest = folder.join("package.json");
            fs::write(&manifest, "{}").map_err(Failure::system("writing a manifest for npm"))?;
            let mut arguments =
                vec!["install", "--silent", "--no-audit", "--no-fund", "--prefix", &folder_text];
            arguments.extend(what.split(' '));
            tool("npm", &arguments, folder)
        }
    }
}

/// Installs Debian's packages that are not there.
fn debian(packages: &[&str], folder: &Path) -> Result<()> {
    let script = root().join("scripts/install.sh");
    let script = script.to_string_lossy();
    let mut arguments = vec![&*script];
    arguments.extend(packages);
    tool("sh", &arguments, folder)
}

/// What runs the script, which is compiled first if its language asks for that.
fn command(library: &Library, folder: &Path) -> Result<Vec<PathBuf>> {
    let script = scripts().join(library.script);
    let ending = script.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let interpreter = match ending {
        "py" => "python3",
        "js" => "node",
        "php" => "php",
        "rb" => "ruby",
        "pl" => "perl",
        "lua" => "lua",
        _ => return Ok(vec![compile(&script, ending, folder)?]),
    };
    Ok(vec![proc::find(interpreter, interpreter)?, script])
}

/// Compiles a script to a program.
fn compile(script: &Path, ending: &str, folder: &Path) -> Result<PathBuf> {
    let program = folder.join("program");
    let (script_text, program_text) = (script.to_string_lossy(), program.to_string_lossy());
    match ending {
        "c" => {
            let text = fs::read_to_string(script).map_err(Failure::system("reading a script"))?;
            let mut arguments = vec!["-o", &program_text, &script_text];
            arguments.extend(c_libraries(&text));
            tool("cc", &arguments, folder)?;
        }
        "go" => {
            let shared = script.with_file_name("cells.go");
            let cache = format!("GOCACHE={}", folder.join("cache").display());
            // Debian's packages of Go are sources, in a path as Go had it before modules.
            #[rustfmt::skip]
            let arguments = [
                "GO111MODULE=off", "GOPATH=/usr/share/gocode", &cache, "go", "build", "-o",
                &program_text, &script_text, &shared.to_string_lossy(),
            ];
            tool("env", &arguments, folder)?;
        }
        // The manifest of a crate. It is built from a copy, because cargo writes a lock beside it.
        "toml" => {
            let source = folder.join("source");
            fs::create_dir_all(&source).map_err(Failure::system("making a folder for a crate"))?;
            for name in ["Cargo.toml", "main.rs"] {
                let from = script.with_file_name(name);
                fs::copy(from, source.join(name)).map_err(Failure::system("copying a crate"))?;
            }
            let target = folder.join("target");
            let manifest = source.join("Cargo.toml");
            #[rustfmt::skip]
            let arguments = [
                "build", "--quiet", "--manifest-path", &manifest.to_string_lossy(), "--target-dir",
                &target.to_string_lossy(),
            ];
            tool("cargo", &arguments, folder)?;
            return Ok(target.join("debug/use-redis"));
        }
        _ => {
            let script = script.display();
            return Err(Failure::Wrong(format!("nothing runs {script}: its ending is unknown")));
        }
    }
    Ok(program)
}

/// What a C program is to be linked with: its first line says so, in a comment.
fn c_libraries(text: &str) -> impl Iterator<Item = &str> {
    let first = text.lines().next().unwrap_or_default();
    first.split(' ').filter(|word| word.starts_with("-l"))
}

/// Runs a tool to its end.
///
/// # Errors
/// Its last words, or that it took too long.
fn tool(program: &str, arguments: &[&str], folder: &Path) -> Result<()> {
    let program_path = proc::find(program, program)?;
    let launch = Launch { name: program, program: &program_path, folder, cores: &[], input: None };
    let mut process = Proc::start(launch, arguments)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match process.ended()? {
            Some(status) if status.success() => return Ok(()),
            Some(_) => return process.expect_running(),
            None if Instant::now() >= end => {
                let seconds = PATIENCE.as_secs();
                return Err(Failure::Wrong(format!("{program} was not done in {seconds} s")));
            }
            None => interrupt::sleep(Duration::from_millis(20))?,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::libraries::ALL;
    use super::*;

    #[test]
    fn the_first_line_of_a_c_program_names_its_libraries() {
        let text = "// Linked with -lhiredis -lm\n// -lnot\n";
        assert_eq!(c_libraries(text).collect::<Vec<_>>(), ["-lhiredis", "-lm"]);
        assert_eq!(c_libraries("").count(), 0);
    }

    #[test]
    fn every_library_has_a_folder_of_its_own() {
        let mut seen = BTreeSet::new();
        for library in ALL {
            let name = folder_name(library);
            assert!(!name.contains([' ', '/', ',']), "{name}");
            assert!(seen.insert(name.clone()), "{name} is there twice");
        }
    }
}
