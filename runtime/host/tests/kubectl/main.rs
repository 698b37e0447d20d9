//! Real clients against a real `seedpod serve`.
//!
//! A case is a file of commands with what they print, in `cases/`. It is run for each kubectl there is, each time on a
//! server of its own with an empty state folder. `UPDATE_EXPECT=1` writes what the newest kubectl got.
//!
//! ```text
//! # A comment.
//! $ kubectl get pods
//! No resources found in default namespace.
//! $ [1.32 newest] kubectl events
//! only these versions run this command
//! ```
//!
//! A command is a line for `sh` in the root of the repository, with `kubectl` in its path and `$TMP` a folder. What
//! differs from run to run is masked ([`mask`]); an exit code other than 0 is a line `[exit 3]`, standard error comes
//! after standard output. Commands wait by `kubectl wait`, never by time.

mod basics;
mod discovery;
mod mask;
mod patch;
mod python;
mod read;
mod served;
mod services;
mod streams;
mod workloads;

use expect_test::Expect;
use served::{Client, Served, clients};
use std::fs;
use std::path::Path;

/// Runs `cases/<name>.txt` with every kubectl.
fn check(name: &str) {
    check_with(name, &["1.20", "1.32", "newest"]);
}

/// Runs `cases/<name>.txt` with the kubectls of these versions.
fn check_with(name: &str, versions: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/kubectl/cases")
        .join(format!("{name}.txt"));
    let case = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let clients: Vec<_> = clients()
        .into_iter()
        .filter(|client| versions.contains(&client.version.as_str()))
        .collect();
    if clients.is_empty() {
        eprintln!("skipped: there is no kubectl; .ci/clients installs it");
    }
    for client in &clients {
        let got = run(client, &case);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            if client.version == "newest" {
                fs::write(&path, &got).unwrap();
            }
        } else if got != case {
            let expected = Expect {
                position: expect_test::Position {
                    file: file!(),
                    line: line!(),
                    column: 1,
                },
                data: Box::leak(case.clone().into_boxed_str()),
                indent: false,
            };
            eprintln!("{name} with kubectl {}", client.version);
            expected.assert_eq(&got);
        }
    }
}

/// The case as this client has it: its commands with what they print.
fn run(client: &Client, case: &str) -> String {
    let served = Served::start();
    let mut got = String::new();
    let mut skips = false;
    for line in case.lines() {
        let Some(command) = line.strip_prefix("$ ") else {
            // What was printed by a command that is not run stays.
            if skips || line.starts_with('#') || (line.is_empty() && got.is_empty()) {
                got += &format!("{line}\n");
            }
            continue;
        };
        got += &format!("{line}\n");
        let (command, runs) = match command.strip_prefix('[').and_then(|c| c.split_once("] ")) {
            Some((versions, command)) => {
                let mut versions = versions.split(' ');
                (command, versions.any(|version| version == client.version))
            }
            None => (command, true),
        };
        skips = !runs;
        if runs {
            let ran = served.shell(client, command);
            got += &mask::mask(&ran.out);
            got += &mask::mask(&ran.err);
            if ran.code != Some(0) {
                got += &match ran.code {
                    Some(code) => format!("[exit {code}]\n"),
                    None => "[killed]\n".to_owned(),
                };
            }
        }
    }
    got
}
