//! `docs/tools.md` shows what the tools really say: its commands are run on its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BINARY, run_command};

/// The blocks of the page between three backquotes and `kind`, and three backquotes.
fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let opening = format!("\n```{kind}\n");
    let opened = page.split(&opening).skip(1);
    opened.map(|rest| rest.split("```\n").next().expect("its end")).collect()
}

#[test]
fn every_output_on_the_page_is_what_its_command_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tools.md");
    let page = fs::read_to_string(page).expect("the page");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("tools-docs-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the tests' folder can be written");
    for file in blocks(&page, "yaml") {
        let name = file.lines().next().expect("a first line");
        let name = name.strip_prefix("# ").expect("a comment that names the file");
        fs::write(folder.join(name), file).expect("the tests' folder can be written");
    }
    let mut commands = 0;
    for shown in blocks(&page, "text") {
        let Some((command, shown)) =
            shown.strip_prefix("$ nutcracker ").and_then(|text| text.split_once('\n'))
        else {
            continue;
        };
        let mut run = Command::new(BINARY);
        let said = run_command(run.args(command.split(' ')).current_dir(&folder), b"");
        assert_eq!(said.err, "", "{command}");
        // Pages have no tabs.
        assert_eq!(said.out.replace('\t', "    "), shown, "{command}");
        commands += 1;
    }
    fs::remove_dir_all(&folder).expect("it is ours");
    assert_eq!(commands, 4, "an example of each tool");
}
