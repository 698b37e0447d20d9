//! `kubectl/kubectl.go`: what there is.

use crate::framework::{Case, Framework};
use regex::Regex;

pub(crate) const CASES: &[Case] = &[
    Case {
        line: 916,
        name: "should check if v1 is in available api versions",
        adapted: "",
        run: |framework| Box::pin(api_versions(framework)),
    },
    Case {
        line: 1400,
        name: "should check if Kubernetes control plane services is included in cluster-info",
        adapted: "",
        run: |framework| Box::pin(cluster_info(framework)),
    },
    Case {
        line: 1760,
        name: "should check is all data is printed",
        adapted: "",
        run: |framework| Box::pin(version(framework)),
    },
];

async fn api_versions(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let output = kubectl.run(&["api-versions"]);
    assert!(output.lines().any(|line| line == "v1"), "{output}");
}

async fn cluster_info(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let output = kubectl.run(&["cluster-info"]);
    assert!(output.contains("Kubernetes control plane"), "{output}");
    assert!(output.contains("is running at"), "{output}");
}

async fn version(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let output = kubectl.run(&["version"]);
    for item in ["Client Version: ", "Server Version: "] {
        let pattern = format!(r"{item}v\d\.\d+\.[\d\w\-\.\+]+");
        assert!(Regex::new(&pattern).unwrap().is_match(&output), "{output}");
    }
}
