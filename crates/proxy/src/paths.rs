//! The files of a run: the configuration, the log, the pid file.
//!
//! What the command line names is used. What it leaves open is the original's default, of which there
//! are two: the one of its source (`conf/nutcracker.yml`, standard error, no pid file), and the one
//! that Debian's package was built with, below `/etc`, `/var/log` and `/run`. Init scripts of the
//! package name no file, so a binary that is put in its place has to know them: they hold when no
//! configuration is named, none is at the source's place, and one is at the package's.

use std::path::{Path, PathBuf};

use crate::cli::Options;

/// Which files a run uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The configuration.
    pub conf_file: PathBuf,
    /// The log; `None` is standard error.
    pub output: Option<PathBuf>,
    /// Where the process id goes, if anywhere.
    pub pid_file: Option<PathBuf>,
}

/// The source's configuration (its `NC_CONF_PATH`), below the working directory.
const CONF_FILE: &str = "conf/nutcracker.yml";

/// The package's configuration, below the root.
const PACKAGE_CONF_FILE: &str = "etc/nutcracker/nutcracker.yml";

/// The package's log.
const PACKAGE_OUTPUT: &str = "var/log/nutcracker/nutcracker.log";

/// The package's pid file, written by daemons only.
const PACKAGE_PID_FILE: &str = "run/nutcracker/nutcracker.pid";

impl Paths {
    /// The files for `options`. `root` is where absolute paths begin. Looks at most two files up.
    #[must_use]
    pub fn of_run(options: &Options, root: &Path) -> Self {
        let (conf_file, packaged) = conf_file(options.conf_file.as_deref(), root);
        // The package made the folders; where they are not, there is nothing to write to.
        let of_package = |path: &str| {
            let path = root.join(path);
            path.parent().is_some_and(Path::is_dir).then_some(path)
        };
        let output = match &options.output {
            Some(path) => Some(path.clone()).filter(|path| !path.as_os_str().is_empty()),
            None if packaged => of_package(PACKAGE_OUTPUT),
            None => None,
        };
        let pid_file = match &options.pid_file {
            Some(path) => Some(path.clone()),
            None if packaged && options.daemonize => of_package(PACKAGE_PID_FILE),
            None => None,
        };
        Self { conf_file, output, pid_file }
    }

    /// The files for a test of the configuration, which writes none.
    #[must_use]
    pub fn of_test(named: Option<PathBuf>, root: &Path) -> Self {
        let (conf_file, _) = conf_file(named.as_deref(), root);
        Self { conf_file, output: None, pid_file: None }
    }
}

/// The configuration, and whether it is the package's.
fn conf_file(named: Option<&Path>, root: &Path) -> (PathBuf, bool) {
    let package = root.join(PACKAGE_CONF_FILE);
    match named {
        Some(path) => (path.to_owned(), false),
        None if !Path::new(CONF_FILE).exists() && package.exists() => (package, true),
        None => (CONF_FILE.into(), false),
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::*;

    /// A root with Debian's folders in it, removed at the end.
    struct Root(PathBuf);

    impl Root {
        fn new(name: &str) -> Self {
            let root = env::temp_dir().join(format!("nutcracker-paths-{name}-{}", process::id()));
            for folder in ["etc/nutcracker", "var/log/nutcracker", "run/nutcracker"] {
                fs::create_dir_all(root.join(folder)).expect("a folder");
            }
            Self(root)
        }

        fn with_configuration(name: &str) -> Self {
            let root = Self::new(name);
            fs::write(root.0.join(PACKAGE_CONF_FILE), "alpha:\n").expect("a file");
            root
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn options(daemonize: bool) -> Options {
        Options { daemonize, ..Options::default() }
    }

    #[test]
    fn without_a_package_the_paths_are_the_sources() {
        let root = Root::new("none");
        for daemonize in [false, true] {
            let paths = Paths::of_run(&options(daemonize), &root.0);
            let expected = Paths { conf_file: CONF_FILE.into(), output: None, pid_file: None };
            assert_eq!(paths, expected);
        }
    }

    #[test]
    fn in_the_place_of_debians_binary_the_paths_are_its_packages() {
        let root = Root::with_configuration("debian");
        let paths = Paths::of_run(&options(true), &root.0);
        assert_eq!(paths.conf_file, root.0.join(PACKAGE_CONF_FILE));
        assert_eq!(paths.output, Some(root.0.join(PACKAGE_OUTPUT)));
        assert_eq!(paths.pid_file, Some(root.0.join(PACKAGE_PID_FILE)));
        let paths = Paths::of_run(&options(false), &root.0);
        assert_eq!(paths.pid_file, None, "as the package, which writes it for daemons only");
        let paths = Paths::of_test(None, &root.0);
        assert_eq!(paths.conf_file, root.0.join(PACKAGE_CONF_FILE));
    }

    #[test]
    fn a_package_without_its_folders_writes_where_the_source_does() {
        let root = Root::with_configuration("folders");
        fs::remove_dir(root.0.join("var/log/nutcracker")).expect("it is empty");
        fs::remove_dir(root.0.join("run/nutcracker")).expect("it is empty");
        let paths = Paths::of_run(&options(true), &root.0);
        assert_eq!((paths.output, paths.pid_file), (None, None));
    }

    #[test]
    fn what_is_named_is_used_and_an_empty_log_is_standard_error() {
        let root = Root::with_configuration("named");
        let named = Options {
            conf_file: Some("a.yml".into()),
            output: Some("log".into()),
            pid_file: Some("pid".into()),
            ..options(true)
        };
        let paths = Paths::of_run(&named, &root.0);
        let expected = Paths {
            conf_file: "a.yml".into(),
            output: Some("log".into()),
            pid_file: Some("pid".into()),
        };
        assert_eq!(paths, expected);
        let only_the_configuration = Options { conf_file: Some("a.yml".into()), ..options(true) };
        let paths = Paths::of_run(&only_the_configuration, &root.0);
        assert_eq!((paths.output, paths.pid_file), (None, None), "it is not the package's then");
        let to_standard_error = Options { output: Some(PathBuf::new()), ..options(false) };
        assert_eq!(Paths::of_run(&to_standard_error, &root.0).output, None);
    }
}
