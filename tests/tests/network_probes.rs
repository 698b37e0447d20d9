//! Probes and hooks over the virtual network: what a person sees of them.

use expect_test::{Expect, expect};
use seedpod_tests::Pods;

/// A container `c` of a pod `p` that runs an agnhost, with these fields: the events of so many seconds that tell of probes
/// and hooks, and how the pod is then.
fn check(args: &str, fields: &str, seconds: u64, expected: &Expect) {
    expected.assert_eq(&outcome(&pod("p", args, fields), seconds));
}

fn outcome(manifest: &str, seconds: u64) -> String {
    let mut pods = Pods::start(manifest);
    pods.run(seconds);
    let told = |line: &&str| !DULL.iter().any(|dull| line.contains(dull));
    let events: String = pods
        .events()
        .lines()
        .filter(told)
        .map(|line| format!("{line}\n"))
        .collect();
    let status = pods.status("p").expect("there is a pod p");
    let readiness: Vec<_> = status
        .containers
        .iter()
        .map(|one| format!("{} ready={}", one.name, one.ready))
        .collect();
    format!("{events}{}{}\n", pods.summary(), readiness.join(", "))
}

const DULL: [&str; 6] = [
    "Scheduled:",
    "Pulling:",
    "Pulled:",
    "Created:",
    "Started:",
    "ImageSubstituted:",
];

fn pod(name: &str, args: &str, fields: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  terminationGracePeriodSeconds: 3
  containers:
  - name: c
    image: registry.k8s.io/e2e-test-images/agnhost:2.63.0
    args: [{args}]
    ports: [{{name: web, containerPort: 8080}}]
    {fields}
---
"
    )
}

#[test]
fn http_get() {
    let readiness = |get: &str| format!("readinessProbe: {{httpGet: {{{get}}}, periodSeconds: 5}}");
    let check = |get: &str, expected| check("netexec", &readiness(get), 7, expected);
    check(
        "path: /healthz, port: web",
        &expect![[r#"
        p Running: c Running
        c ready=true
    "#]],
    );
    check(
        "path: '/echo?code=404', port: 8080",
        &expect![[r#"
            0s Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404
            1s Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404
            6s Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404
            p Running: c Running
            c ready=false
        "#]],
    );
    check(
        "path: /, port: 81",
        &expect![[r#"
            0s Unhealthy: Readiness probe failed: Get "http://10.244.0.2:81/": dial tcp 10.244.0.2:81: connect: connection refused
            1s Unhealthy: Readiness probe failed: Get "http://10.244.0.2:81/": dial tcp 10.244.0.2:81: connect: connection refused
            6s Unhealthy: Readiness probe failed: Get "http://10.244.0.2:81/": dial tcp 10.244.0.2:81: connect: connection refused
            p Running: c Running
            c ready=false
        "#]],
    );
    check(
        "path: /, port: nobody",
        &expect![[r#"
            0s Unhealthy: Readiness probe errored and resulted in unknown state: strconv.Atoi: parsing "nobody": invalid syntax
            1s Unhealthy: Readiness probe errored and resulted in unknown state: strconv.Atoi: parsing "nobody": invalid syntax
            6s Unhealthy: Readiness probe errored and resulted in unknown state: strconv.Atoi: parsing "nobody": invalid syntax
            p Running: c Running
            c ready=false
        "#]],
    );
    check(
        "path: /, port: 8080, host: 127.0.0.1",
        &expect![[r#"
            0s Unhealthy: Readiness probe failed: Get "http://127.0.0.1:8080/": dial tcp 127.0.0.1:8080: connect: connection refused
            1s Unhealthy: Readiness probe failed: Get "http://127.0.0.1:8080/": dial tcp 127.0.0.1:8080: connect: connection refused
            6s Unhealthy: Readiness probe failed: Get "http://127.0.0.1:8080/": dial tcp 127.0.0.1:8080: connect: connection refused
            p Running: c Running
            c ready=false
        "#]],
    );
    check(
        "path: /, port: 8080, host: example.com",
        &expect![[r#"
            0s EgressDenied: look-up of "example.com" denied: it is outside the pod network; allow it with --egress host
            0s Unhealthy: Readiness probe failed: Get "http://example.com:8080/": dial tcp: lookup example.com: no such host
            1s Unhealthy: Readiness probe failed: Get "http://example.com:8080/": dial tcp: lookup example.com: no such host
            6s Unhealthy: Readiness probe failed: Get "http://example.com:8080/": dial tcp: lookup example.com: no such host
            p Running: c Running
            c ready=false
        "#]],
    );
    check(
        "path: /, port: 8080, host: 192.0.2.1",
        &expect![[r#"
            0s EgressDenied: connection to 192.0.2.1:8080 denied: it is outside the pod network; allow it with --egress host
            0s Unhealthy: Readiness probe failed: Get "http://192.0.2.1:8080/": dial tcp 192.0.2.1:8080: connect: no route to host
            1s Unhealthy: Readiness probe failed: Get "http://192.0.2.1:8080/": dial tcp 192.0.2.1:8080: connect: no route to host
            6s Unhealthy: Readiness probe failed: Get "http://192.0.2.1:8080/": dial tcp 192.0.2.1:8080: connect: no route to host
            p Running: c Running
            c ready=false
        "#]],
    );
    check(
        "path: '/redirect?location=/hostname&code=302', port: 8080",
        &expect![[r#"
            p Running: c Running
            c ready=true
        "#]],
    );
    check(
        "path: '/redirect?location=http://0.0.0.0/&code=302', port: 8080",
        &expect![[r#"
            0s ProbeWarning: Readiness probe warning: Probe terminated redirects, Response body: <a href="http://0.0.0.0/">Found</a>.


            5s ProbeWarning: Readiness probe warning: Probe terminated redirects, Response body: <a href="http://0.0.0.0/">Found</a>.


            p Running: c Running
            c ready=true
        "#]],
    );
    check(
        "path: '/redirect?location=/echo%3Fcode=500&code=301', port: 8080",
        &expect![[r#"
            0s Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 500
            1s Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 500
            6s Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 500
            p Running: c Running
            c ready=false
        "#]],
    );
}

#[test]
fn https() {
    let tls = "netexec, --tls-cert-file=/localhost.crt, --tls-private-key-file=/localhost.key";
    let probe = |port: u16, scheme: &str| {
        format!(
            "livenessProbe: {{httpGet: {{path: /healthz, port: {port}, scheme: {scheme}}}, initialDelaySeconds: 2, periodSeconds: 2, failureThreshold: 1}}"
        )
    };
    check(
        tls,
        &probe(8080, "HTTPS"),
        12,
        &expect![[r#"
        p Running: c Running
        c ready=true
    "#]],
    );
    check(
        tls,
        &probe(8080, "HTTP"),
        3,
        &expect![[r#"
            2s Unhealthy: Liveness probe failed: Get "http://10.244.0.2:8080/healthz": net/http: HTTP/1.x transport connection broken: malformed HTTP response "\x15\x03\x03\x00\x02\x022"
            2s Killing: Container c failed liveness probe, will be restarted
            p Running: c Running (1 restarts)
            c ready=true
        "#]],
    );
    check(
        "netexec",
        &probe(8080, "HTTPS"),
        3,
        &expect![[r#"
        2s Unhealthy: Liveness probe failed: Get "https://10.244.0.2:8080/healthz": http: server gave HTTP response to HTTPS client
        2s Killing: Container c failed liveness probe, will be restarted
        p Running: c Running (1 restarts)
        c ready=true
    "#]],
    );
    check(
        "grpc-health-checking",
        &probe(5000, "HTTPS"),
        3,
        &expect![[r#"
            2s Unhealthy: Liveness probe failed: Get "https://10.244.0.2:5000/healthz": tls: first record does not look like a TLS handshake
            2s Killing: Container c failed liveness probe, will be restarted
            p Running: c Running (1 restarts)
            c ready=true
        "#]],
    );
    check(
        "netexec",
        &probe(81, "HTTPS"),
        3,
        &expect![[r#"
        2s Unhealthy: Liveness probe failed: Get "https://10.244.0.2:81/healthz": dial tcp 10.244.0.2:81: connect: connection refused
        2s Killing: Container c failed liveness probe, will be restarted
        p Running: c Running (1 restarts)
        c ready=true
    "#]],
    );
}

#[test]
fn tcp_socket() {
    let probe =
        |port: &str| format!("readinessProbe: {{tcpSocket: {{port: {port}}}, periodSeconds: 5}}");
    let check = |port: &str, expected| check("netexec", &probe(port), 7, expected);
    check(
        "web",
        &expect![[r#"
        p Running: c Running
        c ready=true
    "#]],
    );
    check(
        "81",
        &expect![[r#"
            0s Unhealthy: Readiness probe failed: dial tcp 10.244.0.2:81: connect: connection refused
            1s Unhealthy: Readiness probe failed: dial tcp 10.244.0.2:81: connect: connection refused
            6s Unhealthy: Readiness probe failed: dial tcp 10.244.0.2:81: connect: connection refused
            p Running: c Running
            c ready=false
        "#]],
    );
}

#[test]
fn grpc() {
    let probe = |port: u16, service: &str| {
        format!(
            "readinessProbe: {{grpc: {{port: {port}, service: '{service}'}}, periodSeconds: 5}}"
        )
    };
    let healthy = "grpc-health-checking, --service=s";
    check(
        healthy,
        &probe(5000, ""),
        7,
        &expect![[r#"
            0s Unhealthy: Readiness probe failed: error: health rpc probe failed: rpc error: code = NotFound desc = unknown service
            1s Unhealthy: Readiness probe failed: error: health rpc probe failed: rpc error: code = NotFound desc = unknown service
            6s Unhealthy: Readiness probe failed: error: health rpc probe failed: rpc error: code = NotFound desc = unknown service
            p Running: c Running
            c ready=false
        "#]],
    );
    check(
        healthy,
        &probe(5000, "s"),
        7,
        &expect![[r#"
        p Running: c Running
        c ready=true
    "#]],
    );
    check(
        healthy,
        &probe(5000, "other"),
        4,
        &expect![[r#"
            0s Unhealthy: Readiness probe failed: error: health rpc probe failed: rpc error: code = NotFound desc = unknown service
            1s Unhealthy: Readiness probe failed: error: health rpc probe failed: rpc error: code = NotFound desc = unknown service
            p Running: c Running
            c ready=false
        "#]],
    );
    check(
        healthy,
        &probe(8080, ""),
        4,
        &expect![[r#"
            1s Unhealthy: Readiness probe failed: timeout: failed to connect service "10.244.0.2:8080" within 1s: context deadline exceeded
            2s Unhealthy: Readiness probe failed: timeout: failed to connect service "10.244.0.2:8080" within 1s: context deadline exceeded
            p Running: c Running
            c ready=false
        "#]],
    );
    check(
        healthy,
        &probe(81, ""),
        4,
        &expect![[r#"
            1s Unhealthy: Readiness probe failed: timeout: failed to connect service "10.244.0.2:81" within 1s: context deadline exceeded
            2s Unhealthy: Readiness probe failed: timeout: failed to connect service "10.244.0.2:81" within 1s: context deadline exceeded
            p Running: c Running
            c ready=false
        "#]],
    );
    let sick = "grpc-health-checking, --delay-unhealthy-sec=3";
    check(
        sick,
        &probe(5000, ""),
        7,
        &expect![[r#"
        5s Unhealthy: Readiness probe failed: service unhealthy (responded with "NOT_SERVING")
        p Running: c Running
        c ready=true
    "#]],
    );
}

#[test]
fn a_failing_liveness_probe_restarts_the_container() {
    let probe = "livenessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 2, failureThreshold: 2}";
    check(
        "liveness",
        probe,
        25,
        &expect![[r#"
            10s Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500
            12s Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500
            12s Killing: Container c failed liveness probe, will be restarted
            12s Unhealthy: Liveness probe failed: Get "http://10.244.0.2:8080/healthz": dial tcp 10.244.0.2:8080: connect: connection refused
            22s Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500
            24s Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500
            24s Killing: Container c failed liveness probe, will be restarted
            24s Unhealthy: Liveness probe failed: Get "http://10.244.0.2:8080/healthz": dial tcp 10.244.0.2:8080: connect: connection refused
            p Running: c Running (2 restarts)
            c ready=true
        "#]],
    );
}

#[test]
fn a_slow_server_fails_at_the_timeout() {
    let probe = "livenessProbe: {httpGet: {path: '/shell?cmd=sleep%2030', port: 8080}, timeoutSeconds: 2, failureThreshold: 2}";
    check(
        "netexec",
        probe,
        3,
        &expect![[r#"
        2s Unhealthy: Liveness probe failed: Get "http://10.244.0.2:8080/shell?cmd=sleep%2030": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
        p Running: c Running
        c ready=true
    "#]],
    );
}

#[test]
fn hooks_take_any_answer() {
    let hook = |scheme: &str, path: &str| {
        format!(
            "lifecycle: {{postStart: {{httpGet: {{path: {path}, port: 8080, scheme: {scheme}, host: other}}}}}}"
        )
    };
    let check = |hook: &str, expected: &Expect| {
        let manifest = pod("other", "netexec", "") + &pod("p", "pause", hook) + SERVICE;
        expected.assert_eq(&outcome(&manifest, 4));
    };
    check(
        &hook("HTTP", "'/echo?code=500'"),
        &expect![[r#"
        other Running: c Running
        p Running: c Running
        c ready=true
    "#]],
    );
    check(
        &hook("HTTPS", "/healthz"),
        &expect![[r#"
        0s LifecycleHTTPFallback: request to HTTPS lifecycle hook other:8080 got HTTP response, retry with HTTP succeeded
        other Running: c Running
        p Running: c Running
        c ready=true
    "#]],
    );
    check(
        &hook("HTTP", "/").replace("8080", "81"),
        &expect![[r#"
        0s FailedPostStartHook: PostStartHook failed
        0s Killing: FailedPostStartHook
        0s FailedPostStartHook: PostStartHook failed
        0s Killing: FailedPostStartHook
        0s BackOff: Back-off restarting failed container c in pod p_default(00000000-0000-4000-8000-000000000001)
        other Running: c Running
        p Running: c CrashLoopBackOff (1 restarts)
        c ready=false
    "#]],
    );
}

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {selector: {app: other}, ports: [{port: 8080}]}
";

#[test]
fn probes_see_what_the_pod_shows_to_others() {
    let manifest = "
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: c
    image: registry.k8s.io/e2e-test-images/agnhost:2.63.0
    args: [pause]
    readinessProbe: {httpGet: {path: /, port: 80, host: other}, timeoutSeconds: 1, periodSeconds: 2}
---
";
    let other = pod("other", "netexec, --http-port=80", "");
    let service = SERVICE.replace("8080", "80");
    expect![[r#"
        0s Unhealthy: Readiness probe failed: Get "http://other:80/": dial tcp 10.96.0.1:80: connect: connection refused
        p Running: c Running
        other Running: c Running
        c ready=true
    "#]].assert_eq(&outcome(&format!("{manifest}{other}{service}"), 10));
}

#[test]
fn two_runs_are_alike() {
    let tls = "netexec, --tls-cert-file=/localhost.crt, --tls-private-key-file=/localhost.key";
    let probe =
        "livenessProbe: {httpGet: {path: /healthz, port: 8080, scheme: HTTPS}, periodSeconds: 1}";
    let run = || {
        let mut pods = Pods::start(&pod("p", tls, probe));
        pods.run(5);
        pods.trace()
    };
    assert_eq!(run(), run());
}

/// Pods that wait for requests, and for nothing.
#[test]
fn an_idle_pod_is_never_woken() {
    let manifest = pod("p", "netexec", "") + &pod("q", "pause", "stdin: true");
    let mut pods = Pods::start(&manifest);
    pods.run(60);
    let before = pods.polls();
    pods.run(24 * 3600);
    assert_eq!(pods.polls(), before);
}

/// Once to dial, twice for what the server and the probe say to each other, once to close; and the timer of the probe.
#[test]
fn a_probe_wakes_its_pod_a_few_times() {
    let probe = "livenessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}";
    let mut pods = Pods::start(&pod("p", "netexec", probe));
    pods.run(60);
    let before = pods.polls();
    pods.run(1000);
    let wakes = (pods.polls() - before) as f64 / 1000.0;
    assert!(wakes < 5.0, "{wakes} for each probe");
}
