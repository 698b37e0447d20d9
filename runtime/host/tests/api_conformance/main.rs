//! Kubernetes' own end-to-end tests of what needs an API server, against a real `seedpod serve` and through kube-rs, a
//! client of its own descent. One server for all; each trial has a namespace, as upstream's framework gives it.
//!
//! A module stands for one file of upstream's and lists its cases by line and name; the assertions are those of the
//! original. `cases.tsv` lists them all (`UPDATE_EXPECT=1` writes it) and `tests/conformance.md` counts them.

mod configmap;
mod framework;
mod generation;
mod immutable;
mod kubectl;
mod kubectl_discovery;
mod kubectl_logs;
mod kubectl_pods;
mod kubectl_proxy;
mod lease;
mod node_lease;
mod node_lifecycle;
mod pods;
mod podtemplates;
mod replication;
mod runtimeclass;
mod secrets;

use expect_test::expect_file;
use framework::{Case, Framework, Server};
use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;
use std::sync::Arc;

const FILES: &[(&str, &[Case])] = &[
    ("common/node/configmap.go", configmap::CASES),
    ("common/node/lease.go", lease::CASES),
    ("common/node/node_lease.go", node_lease::CASES),
    ("common/node/pods.go", pods::CASES),
    ("common/node/podtemplates.go", podtemplates::CASES),
    ("common/node/runtimeclass.go", runtimeclass::CASES),
    ("common/node/secrets.go", secrets::CASES),
    ("common/storage/configmap_volume.go", immutable::CONFIG_MAPS),
    ("common/storage/secrets_volume.go", immutable::SECRETS),
    ("kubectl/kubectl.go", kubectl::CASES),
    ("kubectl/kubectl.go", kubectl_discovery::CASES),
    ("kubectl/kubectl.go", kubectl_pods::CASES),
    ("kubectl/kubectl.go", kubectl_proxy::CASES),
    ("kubectl/logs.go", kubectl_logs::CASES),
    ("node/node_lifecycle.go", node_lifecycle::CASES),
    ("node/pods.go", generation::CASES),
];

fn main() -> ExitCode {
    let files = FILES;
    let arguments = Arguments::from_args();
    let server = Arc::new(Server::new());
    let mut trials = Vec::new();
    for (file, cases) in files {
        for case in *cases {
            let server = server.clone();
            let name = format!("{file}:{} {}", case.line, case.name);
            trials.push(Trial::test(name, move || {
                Framework::run(&server, case);
                Ok(())
            }));
        }
    }
    trials.push(Trial::test("cases.tsv", move || {
        // `tests/conformance.md` counts what is listed there.
        expect_file!["cases.tsv"].assert_eq(&listed(files));
        Ok(())
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    server.stop();
    conclusion.exit_code()
}

/// Path, line, name and how it is adapted.
fn listed(files: &[(&str, &[Case])]) -> String {
    let mut text = String::new();
    for (file, cases) in files {
        for case in *cases {
            let line = format!("{file}\t{}\t{}\t{}", case.line, case.name, case.adapted);
            text += line.trim_end();
            text += "\n";
        }
    }
    text
}
