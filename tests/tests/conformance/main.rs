//! Kubernetes' own end-to-end tests of pods, and podman's: one trial for each, with real guests on virtual time.
//!
//! `upstream.tsv` names all of them. A module stands for one file of theirs and lists its cases; the assertions are
//! those of the original. The last trial, `conformance.md`, compares the table of all names with the cases
//! (`UPDATE_EXPECT=1` writes it).

mod cases;
mod cluster;
mod e2e_node;
mod node;
mod podman;
mod storage;
mod table;

use cases::{File, Outcome};
use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn files() -> Vec<File> {
    [
        node::FILES,
        node::WITHOUT_CASES,
        storage::FILES,
        cluster::FILES,
        e2e_node::FILES,
        podman::FILES,
    ]
    .concat()
}

fn main() -> ExitCode {
    let files = files();
    let mut trials = Vec::new();
    for file in &files {
        for case in file.cases {
            let (Outcome::Pass(run) | Outcome::Adapted(_, run)) = case.outcome else {
                continue;
            };
            let name = format!("{}:{} {}", file.path, case.line, case.name);
            trials.push(Trial::test(name, move || {
                run();
                Ok(())
            }));
        }
    }
    trials.push(Trial::test("conformance.md", move || {
        table::check(&files);
        Ok(())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
