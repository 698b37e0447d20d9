//! Requests and limits that change while the pod runs.

use crate::cases::{BUSYBOX, Case, File, adapted};
use seedpod_api::Source;
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_S;
use std::fmt::Write as _;

pub(crate) const FILE: File = File {
    path: "common/node/pod_resize.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    adapted(
        147,
        "3 containers - increase cpu & mem on c1, c2, decrease cpu & mem on c3 - net increase",
        LIBRARY,
        || guaranteed([(25, 40), (27, 42), (19, 34)]),
    ),
    adapted(
        177,
        "3 containers - increase cpu & mem on c1, decrease cpu & mem on c2, c3 - net decrease",
        LIBRARY,
        || guaranteed([(25, 40), (17, 32), (19, 34)]),
    ),
    adapted(
        207,
        "3 containers - increase: CPU (c1,c3), memory (c2, c3) ; decrease: CPU (c2)",
        LIBRARY,
        || guaranteed([(25, 35), (17, 42), (29, 44)]),
    ),
    adapted(
        289,
        "6 containers - various operations performed (including adding limits and requests)",
        LIBRARY,
        || {
            let original = [
                ["20m", "", "", ""],
                ["", "", "35Mi", ""],
                ["20m", "", "35Mi", ""],
                ["20m", "", "", ""],
                ["", "", "35Mi", ""],
            ];
            let desired = [
                ["25m", "35m", "", ""],
                ["", "", "30Mi", "50Mi"],
                ["20m", "", "30Mi", ""],
                ["15m", "", "35Mi", ""],
                ["20m", "", "40Mi", ""],
            ];
            resize(&original.map(own), &[&desired.map(own)]);
        },
    ),
    adapted(352, "resize with equivalents", LIBRARY, || {
        let original = [["2m", "10m", "", ""].map(str::to_owned)];
        let desired = [["1m", "5m", "", ""].map(str::to_owned)];
        resize(&original, &[&desired, &original]);
    }),
    adapted(780, "resize pod via the replace endpoint", LIBRARY, || {
        let original = [own(["20m", "", "35Mi", ""])];
        let desired = [own(["25m", "", "40Mi", ""])];
        let cluster = resize(&original, &[&desired]);
        assert_eq!(cluster.status(POD).observed_generation, 2);
    }),
];

const LIBRARY: &str = "asked of the library, as there is no API server";

const POD: &str = "resize-test";

/// Requests and limits of a container: cpu, then memory; empty where there is none.
type Resources = [String; 4];

fn own(resources: [&str; 4]) -> Resources {
    resources.map(str::to_owned)
}

/// `makeGuaranteedContainers`: thousandths of a core and MiB, requests equal to limits; changed to `desired` and back.
fn guaranteed(desired: [(u32, u32); 3]) {
    let equal = |(cpu, memory)| {
        let (cpu, memory) = (format!("{cpu}m"), format!("{memory}Mi"));
        [cpu.clone(), cpu, memory.clone(), memory]
    };
    let original = [(20, 35), (22, 37), (24, 39)].map(equal);
    resize(&original, &[&desired.map(equal), &original]);
}

fn manifest(containers: &[Resources]) -> String {
    let mut text =
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {POD}}}\nspec:\n  containers:\n");
    for (number, [cpu_request, cpu_limit, memory_request, memory_limit]) in (1..).zip(containers) {
        let list = |cpu: &str, memory: &str| {
            let entries = [("cpu", cpu), ("memory", memory)];
            let there = entries.iter().filter(|(_, value)| !value.is_empty());
            let texts: Vec<_> = there
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            format!("{{{}}}", texts.join(", "))
        };
        let _infallible = write!(
            text,
            "  - name: c{number}
    image: {BUSYBOX}
    command: [sleep, '100000']
    resources:
      requests: {}
      limits: {}
",
            list(cpu_request, memory_request),
            list(cpu_limit, memory_limit)
        );
    }
    text
}

/// Starts a pod with these resources, changes them step by step, and checks them after each.
fn resize(original: &[Resources], steps: &[&[Resources]]) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.create(&manifest(original));
    cluster.wait_for_ready(POD, POD_START_S);
    check(&mut cluster, original);
    for step in steps {
        let source = Source {
            name: "manifest".to_owned(),
            bytes: manifest(step).into(),
        };
        let loaded = seedpod_api::load(&[source]).expect("the manifest is right");
        let wanted = &loaded.objects.pods[0].containers;
        cluster.resize(POD, |pod| {
            for (container, wanted) in pod.containers.iter_mut().zip(wanted) {
                container.resources = wanted.resources;
            }
        });
        cluster.run(5);
        check(&mut cluster, step);
    }
    cluster
}

/// The status tells of these resources, the control group has the limits, and nothing has started again.
fn check(cluster: &mut Cluster, expected: &[Resources]) {
    let status = cluster.status(POD);
    let shown = seedpod_api::pod_status(&cluster.spec(POD), &status);
    let shown = shown.container_statuses.expect("containers");
    for ((number, expected), shown) in (1..).zip(expected).zip(shown) {
        let [cpu_request, cpu_limit, memory_request, memory_limit] = expected;
        assert_eq!(shown.restart_count, 0);
        let resources = shown.resources.expect("resources");
        let requests = ["cpu", "memory"].map(|name| {
            let found = resources.requests.as_ref().and_then(|list| list.get(name));
            found.map_or_else(String::new, |quantity| quantity.0.clone())
        });
        let limits = ["cpu", "memory"].map(|name| {
            let found = resources.limits.as_ref().and_then(|list| list.get(name));
            found.map_or_else(String::new, |quantity| quantity.0.clone())
        });
        let or = |request: &String, limit: &String| {
            if request.is_empty() { limit } else { request }.clone()
        };
        let wanted = [or(cpu_request, cpu_limit), or(memory_request, memory_limit)];
        assert_eq!(requests, wanted, "c{number}");
        assert_eq!(
            limits,
            [cpu_limit.clone(), memory_limit.clone()],
            "c{number}"
        );
        check_cgroup(cluster, &format!("c{number}"), cpu_limit, memory_limit);
    }
}

fn check_cgroup(cluster: &mut Cluster, container: &str, cpu: &str, memory: &str) {
    let mut read = |file: &str| {
        let exec = cluster.exec(POD, container, &["cat", &format!("/sys/fs/cgroup/{file}")]);
        exec.stdout.trim().to_owned()
    };
    // 100 µs of a period of 100 ms for each thousandth; the kernel takes no less than 1 ms.
    let quota = match cpu.strip_suffix('m') {
        Some(cpu) => (cpu.parse::<u32>().expect("a number") * 100)
            .max(1000)
            .to_string(),
        None => "max".to_owned(),
    };
    assert_eq!(read("cpu.max"), format!("{quota} 100000"), "{container}");
    if let Some(memory) = memory.strip_suffix("Mi") {
        let bytes = memory.parse::<u64>().expect("a number") << 20;
        assert_eq!(read("memory.max"), bytes.to_string(), "{container}");
    }
}
