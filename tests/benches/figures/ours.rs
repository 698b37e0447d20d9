//! Pods in this process, through the public library.

use seedpod::Node;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub struct Bench {
    runtime: Runtime,
    node: Node,
}

/// What starting pods cost.
pub struct Cost {
    pub time: Duration,
    pub resident_bytes: u64,
}

impl Bench {
    pub fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-cache");
        let node = runtime.block_on(async {
            Node::builder()
                .cache_folder(cache)
                .image_folder(crate::images())
                .build()
                .expect("a node")
        });
        Self { runtime, node }
    }

    pub fn pingpong(&self, rounds: u64) -> Duration {
        let server = ["./tests/pingpong-server.wasm".to_owned()];
        let client = [
            "./tests/pingpong-client.wasm".to_owned(),
            "127.0.0.1:7000".to_owned(),
            rounds.to_string(),
        ];
        self.run(&[&server, &client], "total_ns=")
    }

    pub fn bulk(&self, mebibytes: u64) -> Duration {
        let server = ["./tests/bulk-server.wasm".to_owned()];
        let client = [
            "./tests/bulk-client.wasm".to_owned(),
            "127.0.0.1:7001".to_owned(),
            mebibytes.to_string(),
        ];
        self.run(&[&client, &server], "sent=")
    }

    pub fn queue(&self, messages: u64) -> Duration {
        let send = [
            "./mq_bench.wasm".to_owned(),
            "send".to_owned(),
            messages.to_string(),
        ];
        let receive = [
            "./mq_bench.wasm".to_owned(),
            "receive".to_owned(),
            messages.to_string(),
        ];
        self.run(&[&receive, &send], "received=")
    }

    /// Runs a pod to its end and reads `total_ns` in the line that contains `marker`.
    fn run(&self, containers: &[&[String]], marker: &str) -> Duration {
        self.runtime.block_on(async {
            let mut started = self
                .node
                .run(&manifest("bench", "Never", containers))
                .expect("a pod");
            let pod = started.pods.remove(0);
            let mut logs = pod.logs();
            let mut nanos = None;
            while let Some(line) = logs.next().await {
                let text = String::from_utf8_lossy(&line.bytes).into_owned();
                match text.split_once("total_ns=") {
                    Some((_, count)) if text.contains(marker) => nanos = count.parse().ok(),
                    Some(_) => {}
                    None => eprintln!("{text}"),
                }
            }
            pod.wait().await;
            Duration::from_nanos(nanos.expect("the guest prints its time"))
        })
    }

    /// Starts pods of two containers that wait, and leaves them running.
    pub fn start_idle_pods(&self, first: usize, count: usize) -> Cost {
        self.runtime.block_on(async {
            let resident = resident_bytes();
            let idle = [
                "./tests/tcp-echo.wasm".to_owned(),
                "0.0.0.0:7000".to_owned(),
            ];
            let other = [
                "./tests/tcp-echo.wasm".to_owned(),
                "0.0.0.0:7001".to_owned(),
            ];
            let start = Instant::now();
            let mut pods = Vec::new();
            for number in first..first + count {
                let text = manifest(&format!("idle-{number}"), "Never", &[&idle, &other]);
                pods.extend(self.node.run(&text).expect("a pod").pods);
            }
            for pod in &pods {
                pod.wait_for(|status| status.containers.iter().all(|container| container.ready))
                    .await;
            }
            Cost {
                time: start.elapsed(),
                resident_bytes: resident_bytes().saturating_sub(resident),
            }
        })
    }
}

/// A pod with a liveness probe.
pub struct Probed {
    pub image: &'static str,
    pub command: &'static [&'static str],
    /// Of the probe, in YAML.
    pub handler: &'static str,
}

impl Probed {
    fn manifest(&self, number: usize) -> String {
        let Self {
            image,
            command,
            handler,
        } = self;
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: probed-{number}}}\nspec:\n  containers:\n  \
             - {{name: c, image: {image}, command: {command:?}, livenessProbe: {{{handler}, periodSeconds: 1}}}}\n"
        )
    }
}

/// How long is waited before, and how long is measured.
const SETTLING: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(10);

impl Bench {
    /// The part of one core that this process takes while each pod is probed every second.
    pub fn cpu_share_of_probes(&self, count: usize, probed: &Probed) -> f64 {
        self.runtime.block_on(async {
            let started = (0..count).flat_map(|number| {
                let started = self.node.run(&probed.manifest(number));
                started.expect("a pod").pods
            });
            let pods: Vec<_> = started.collect();
            for pod in &pods {
                pod.wait_for(|status| status.containers.iter().all(|container| container.ready))
                    .await;
            }
            pass(SETTLING).await;
            let (before, start) = (cpu_time(), Instant::now());
            pass(MEASURED).await;
            let share = (cpu_time() - before).as_secs_f64() / start.elapsed().as_secs_f64();
            for pod in &pods {
                let status = pod.status().expect("the pod runs");
                let restarts: u32 = status.containers.iter().map(|one| one.restart_count).sum();
                assert_eq!(restarts, 0, "a probe has failed");
            }
            share
        })
    }
}

async fn pass(time: Duration) {
    let _elapsed = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

/// Of this process, all threads together, in steps of 10 ms (`USER_HZ` is 100 on every Linux).
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = fields.split(' ').skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn manifest(name: &str, restart: &str, containers: &[&[String]]) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: {restart}\n  containers:\n"
    );
    for (number, command) in containers.iter().enumerate() {
        let (image, args) = command.split_first().expect("an image");
        let _infallible = writeln!(
            text,
            "  - {{name: c{number}, image: {image}, args: {args:?}}}"
        );
    }
    text
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}
