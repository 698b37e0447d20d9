//! Host names and what `/etc/hosts` says.

use super::{output, pod};
use crate::cases::{Case, adapted, pass};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_S;

pub(super) const CASES: &[Case] = &[
    pass(3297, "test hostname", || {
        assert_eq!(output("", "", "command: [hostname]"), "testpod\n");
    }),
    pass(3312, "test with customized hostname", || {
        assert_eq!(
            output("", "hostname: myhostname", "command: [hostname]"),
            "myhostname\n"
        );
    }),
    pass(3333, "test HostAliases", || {
        let spec = "hostAliases:
- {ip: 192.168.1.2, hostnames: [test1.podman.io, test2.podman.io]}
- {ip: 192.168.1.3, hostnames: [test3.podman.io]}";
        let hosts = output("", spec, "command: [cat, /etc/hosts]");
        for line in [
            "192.168.1.2\ttest1.podman.io\ttest2.podman.io",
            "192.168.1.3\ttest3.podman.io",
        ] {
            assert!(hosts.lines().any(|own| own == line), "{line}: {hosts}");
        }
    }),
    pass(
        6270,
        "hostname should be node name when hostNetwork=true",
        || {
            let fields = "command: [sh, -c, 'hostname; echo $NODE']
env:
- {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}";
            let log = output("", "hostNetwork: true", fields);
            let names: Vec<_> = log.lines().collect();
            assert_eq!(names[0], names[1], "{log}");
        },
    ),
    pass(
        6307,
        "hostname should be pod name when hostNetwork=false",
        || {
            let spec = "hostNetwork: false";
            assert_eq!(output("", spec, "command: [hostname]"), "testpod\n");
        },
    ),
    adapted(
        5902,
        "with ctrName should be in network alias",
        "containers of a pod share their network: the pod's own name leads to all of them",
        || {
            let mut cluster = Cluster::new();
            let fields = "command: [sh, -c, 'while :; do echo hello | nc -l -p 80; done']";
            cluster.create(&pod("", fields));
            let status = cluster.wait_for_running("testpod", POD_START_S);
            assert!(status.pod_ip.is_some());
            let hosts = output("", "", "command: [grep, testpod, /etc/hosts]");
            assert!(hosts.contains("\ttestpod"), "{hosts}");
        },
    ),
];
