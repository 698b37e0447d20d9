//! `test/e2e/common/network/networking.go`: pods reach pods by their addresses.

use crate::cases::{self, AGNHOST, Case, File, adapted, pass};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_S;

pub(crate) const FILE: File = File {
    path: "common/network/networking.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(
        85,
        "should function for intra-pod communication: http",
        || dials("", "http", HTTP_PORT),
    ),
    pass(
        96,
        "should function for intra-pod communication: udp",
        || dials("", "udp", UDP_PORT),
    ),
    adapted(
        108,
        "should function for node-pod communication: http",
        FROM_NODE,
        || dials("hostNetwork: true", "http", HTTP_PORT),
    ),
    adapted(
        125,
        "should function for node-pod communication: udp",
        FROM_NODE,
        || dials("hostNetwork: true", "udp", UDP_PORT),
    ),
];

const FROM_NODE: &str =
    "a pod in the node's network dials by `/dial`, where upstream runs curl and nc in it";
/// `EndpointHTTPPort`
const HTTP_PORT: u16 = 8083;
/// `EndpointUDPPort`
const UDP_PORT: u16 = 8081;
/// `testContainerHTTPPort`
const TEST_PORT: u16 = 9080;

/// Two servers, and a pod with `spec` that dials both of them and hears their names.
fn dials(spec: &str, protocol: &str, port: u16) {
    let mut cluster = Cluster::new();
    for name in ["netserver-0", "netserver-1"] {
        let fields = format!(
            "args: [netexec, --http-port={HTTP_PORT}, --udp-port={UDP_PORT}]
ports:
- {{name: http, containerPort: {HTTP_PORT}}}
- {{name: udp, containerPort: {UDP_PORT}, protocol: UDP}}
livenessProbe: {{initialDelaySeconds: 10, timeoutSeconds: 30, periodSeconds: 10, httpGet: {{path: /healthz, port: {HTTP_PORT}}}}}
readinessProbe: {{initialDelaySeconds: 10, timeoutSeconds: 30, periodSeconds: 10, httpGet: {{path: /healthz, port: {HTTP_PORT}}}}}"
        );
        cluster.create_sync(&cases::pod(name, "", "webserver", AGNHOST, &fields));
    }
    let fields = format!(
        "args: [netexec, --http-port={TEST_PORT}]\nports: [{{containerPort: {TEST_PORT}}}]"
    );
    let name = "test-container-pod";
    cluster.create(&cases::pod(name, spec, "webserver", AGNHOST, &fields));
    cluster.wait_for_running(name, POD_START_S);
    for server in ["netserver-0", "netserver-1"] {
        let status = cluster.status(server);
        let ip = status.pod_ip.expect("a pod that runs has an address");
        let dial = format!(
            "curl -g -q -s 'http://127.0.0.1:{TEST_PORT}/dial?request=hostname&protocol={protocol}&host={ip}&port={port}&tries=1'"
        );
        let said = cluster.shell(name, "webserver", &dial);
        assert_eq!(said.trim(), format!("{{\"responses\":[\"{server}\"]}}"));
    }
}
