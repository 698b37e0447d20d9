//! `kubectl/logs.go`

use crate::framework::{AGNHOST, Background, Case, Framework, is_ready};
use k8s_openapi::api::core::v1::Pod;

pub(crate) const CASES: &[Case] = &[Case {
    line: 167,
    name: "should be able to retrieve and filter logs",
    adapted: "lines are read for three seconds where upstream sleeps",
    run: |framework| Box::pin(filter(framework)),
}];

async fn filter(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let name = "logs-generator";
    let image = format!("--image={AGNHOST}");
    let generator = [
        "logs-generator",
        "--log-lines-total",
        "100",
        "--run-duration",
        "20s",
    ];
    let run = ["run", name, &image, "--restart=Never", "--"];
    kubectl.run(&[run.as_slice(), &generator].concat());
    let has_begun = |pod: &Pod| {
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref());
        is_ready(pod) || phase == Some("Succeeded")
    };
    framework.pod_once(name, has_begun).await;
    let logs = |options: &[&str]| kubectl.run(&[&["logs", name, name], options].concat());

    let mut follow = kubectl.start(&["logs", name, name, "-f"]);
    let mut has_namespace = false;
    // Five lines a second: after these the first ones are surely older than a second.
    for _ in 0..16 {
        has_namespace |= next(&mut follow).contains("/api/v1/namespaces/kube-system");
    }
    while !has_namespace {
        has_namespace = next(&mut follow).contains("/api/v1/namespaces/kube-system");
    }
    drop(follow);

    let out = logs(&["--tail=1"]);
    assert_eq!(out.lines().count(), 1, "{out:?}");
    assert_ne!(out.trim_end(), "");
    assert_eq!(logs(&["--limit-bytes=1"]).len(), 1);
    let out = logs(&["--tail=1", "--timestamps"]);
    assert_eq!(out.lines().count(), 1, "{out:?}");
    let (time, text) = out.split_once(' ').unwrap();
    assert_ne!(text.trim_end(), "");
    let time = time.parse::<k8s_openapi::jiff::Timestamp>();
    assert!(time.is_ok(), "{out:?}");

    let recent = logs(&["--since=1s"]);
    let older = logs(&["--since=24h"]);
    assert!(
        recent.lines().count() < older.lines().count(),
        "recent:\n{recent}\nolder:\n{older}"
    );
    kubectl.run(&["delete", "pod", name]);
}

fn next(log: &mut Background) -> String {
    let line = log.line();
    assert_ne!(line, "", "the log ended");
    line
}
