//! `test/e2e/node/pre_stop.go`: a hook that tells another pod.

use crate::cases::{self, AGNHOST, BUSYBOX, Case, File, adapted};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_S;

pub(crate) const FILE: File = File {
    path: "node/pre_stop.go",
    cases: CASES,
};

const CASES: &[Case] = &[adapted(
    169,
    "should call prestop when killing a pod",
    "what the server got is read inside of it, not through the API server's proxy",
    || {
        let mut cluster = Cluster::new();
        let fields = "args: [nettest]\nports: [{containerPort: 8080}]";
        cluster.create(&cases::pod(
            "server",
            "",
            "agnhost-container",
            AGNHOST,
            fields,
        ));
        let status = cluster.wait_for_running("server", POD_START_S);
        let ip = status.pod_ip.expect("a pod that runs has an address");
        let fields = format!(
            "command: [sleep, '600']
lifecycle:
  preStop:
    exec:
      command: [wget, -O-, '--post-data={{\"Source\": \"prestop\"}}', 'http://{ip}:8080/write']"
        );
        cluster.create(&cases::pod("tester", "", "tester", BUSYBOX, &fields));
        cluster.wait_for_running("tester", POD_START_S);
        cluster.delete("tester", None);
        let told = |cluster: &mut Cluster| {
            let read = "curl -s http://127.0.0.1:8080/read";
            cluster.shell("server", "agnhost-container", read)
        };
        for _ in 0..12 {
            if told(&mut cluster).contains("\"prestop\": 1") {
                return;
            }
            cluster.run(5);
        }
        panic!("the server was not told: {}", told(&mut cluster));
    },
)];
