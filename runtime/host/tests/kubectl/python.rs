//! The Python client, which is generated from the OpenAPI documents.

use crate::served::{Served, clients_folder};
use expect_test::expect;
use std::process::Command;

#[test]
fn a_program_with_the_python_client() {
    let python = clients_folder().join("python/bin/python");
    if !python.is_file() {
        eprintln!("skipped: there is no Python client; .ci/clients installs it");
        return;
    }
    let served = Served::start();
    let output = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/kubectl/client.py"
        ))
        .env("KUBECONFIG", &served.kubeconfig)
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    expect![[r#"
        version 1
        running
        log hello
        exec from inside
        exit code 3
        labels [('app', 'p'), ('more', 'yes')]
        refused 422 Unprocessable Entity
        deleted
        available
    "#]]
    .assert_eq(&format!("{out}{err}"));
}
