//! The figures of README: each against its peer in the same run, printed as a ratio at the end.
//!
//! `cargo bench -p seedpod-tests`. A peer that this machine lacks (a C compiler, the `wasmtime` command) is left out, with a
//! line that says so.

#[path = "figures/native.rs"]
mod native;
#[path = "figures/ours.rs"]
mod ours;
#[path = "figures/simulated.rs"]
mod simulated;
#[path = "figures/stock.rs"]
mod stock;
#[path = "figures/table.rs"]
mod table;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode};
use std::path::PathBuf;
use std::time::Duration;
use table::{Figure, Table};

fn main() {
    let mut table = Table::default();
    let mut criterion = Criterion::default()
        .configure_from_args()
        .sample_size(10)
        .without_plots();
    pingpong(&mut criterion, &mut table);
    bulk(&mut criterion, &mut table);
    queue(&mut criterion, &mut table);
    run_warm(&mut criterion, &mut table);
    many_pods(&mut table);
    probed_pods(&mut table);
    simulated_runs(&mut criterion, &mut table);
    criterion.final_summary();
    print!("{table}");
}

/// The folder of the committed guests.
fn images() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/images"))
}

/// One round trip of 64 bytes between two containers.
fn pingpong(criterion: &mut Criterion, table: &mut Table) {
    let mut figure = Figure::new(
        "64-byte ping-pong, median",
        "OS loopback, stock wasmtime-wasi",
        3.0,
    );
    let mut group = group(criterion, "pingpong");
    let node = ours::Bench::new();
    time(&mut group, "seedpod", &mut figure.ours, |rounds| {
        node.pingpong(rounds)
    });
    let stock = stock::Stock::new();
    time(&mut group, "os-loopback", &mut figure.peer, |rounds| {
        stock.pingpong(rounds)
    });
    table.add(figure);
}

/// One mebibyte from one container to another.
fn bulk(criterion: &mut Criterion, table: &mut Table) {
    let mut figure = Figure::new(
        "bulk transfer, per MiB",
        "OS loopback, stock wasmtime-wasi",
        4.0,
    );
    let mut group = group(criterion, "bulk");
    let node = ours::Bench::new();
    time(&mut group, "seedpod", &mut figure.ours, |mebibytes| {
        in_parts(mebibytes, |part| node.bulk(part))
    });
    let stock = stock::Stock::new();
    time(&mut group, "os-loopback", &mut figure.peer, |mebibytes| {
        in_parts(mebibytes, |part| stock.bulk(part))
    });
    table.add(figure);
}

/// The guests count bytes in 32 bits.
fn in_parts(mebibytes: u64, run: impl Fn(u64) -> Duration) -> Duration {
    let whole = (0..mebibytes / MEBIBYTES_MAX).map(|_| MEBIBYTES_MAX);
    let rest = Some(mebibytes % MEBIBYTES_MAX).filter(|rest| *rest > 0);
    whole.chain(rest).map(run).sum()
}

const MEBIBYTES_MAX: u64 = 1024;

/// One message of 64 bytes sent and received.
fn queue(criterion: &mut Criterion, table: &mut Table) {
    let mut figure = Figure::new(
        "queue, per message",
        "two native processes, POSIX queue",
        1.0,
    );
    let mut group = group(criterion, "queue");
    let node = ours::Bench::new();
    time(&mut group, "seedpod", &mut figure.ours, |messages| {
        node.queue(messages)
    });
    match native::Queue::compile() {
        Ok(queue) => time(&mut group, "linux", &mut figure.peer, |messages| {
            queue.run(messages)
        }),
        Err(reason) => println!("queue/linux: left out, {reason}"),
    }
    table.add(figure);
}

/// A whole process: start, run a warm pod of two containers, exit.
fn run_warm(criterion: &mut Criterion, table: &mut Table) {
    let mut figure = Figure::new(
        "run of a warm two-container pod",
        "wasmtime run of one container, precompiled",
        0.5,
    );
    let mut group = group(criterion, "run");
    match native::Commands::find() {
        Ok(commands) => {
            time(&mut group, "seedpod", &mut figure.ours, |runs| {
                commands.seedpod(runs)
            });
            match commands.wasmtime() {
                Ok(wasmtime) => time(&mut group, "wasmtime", &mut figure.peer, |runs| {
                    wasmtime.run(runs)
                }),
                Err(reason) => println!("run/wasmtime: left out, {reason}"),
            }
        }
        Err(reason) => println!("run: left out, {reason}"),
    }
    table.add(figure);
}

/// What an idle container costs, and whether a thousand pods cost a thousand times one.
fn many_pods(table: &mut Table) {
    let node = ours::Bench::new();
    let first = node.start_idle_pods(0, 250);
    let rest = node.start_idle_pods(250, 750);
    table.note(format!(
        "1,000 two-container pods: {:.0} ms; per pod {:.0} µs in the first 250, {:.0} µs in the last 750",
        (first.time + rest.time).as_secs_f64() * 1e3,
        first.time.as_secs_f64() * 1e6 / 250.0,
        rest.time.as_secs_f64() * 1e6 / 750.0,
    ));
    let containers = 2.0 * 750.0;
    table.note(format!(
        "idle container: {:.1} kB resident (wanted: at most 80)",
        rest.resident_bytes as f64 / containers / 1e3
    ));
}

/// What a probe every second costs each of a thousand pods.
fn probed_pods(table: &mut Table) {
    const PODS: usize = 1000;
    let http_get = ours::Probed {
        image: "nginx",
        command: &[],
        handler: "httpGet: {path: /, port: 80}",
    };
    let exec = ours::Probed {
        image: "busybox",
        command: &["sleep", "100000"],
        handler: "exec: {command: ['true']}",
    };
    let wanted = [
        (http_get, "httpGet", " (wanted: at most 50)"),
        (exec, "exec", ""),
    ];
    for (probed, name, wanted) in wanted {
        let share = ours::Bench::new().cpu_share_of_probes(PODS, &probed);
        table.note(format!(
            "1,000 pods with a 1-second liveness probe by {name}: {:.0} % of one core{wanted}, {:.0} µs a probe",
            share * 100.0,
            share * 1e6 / PODS as f64
        ));
    }
}

/// How many runs of a small test a core does in a second, and what an idle hour takes.
fn simulated_runs(criterion: &mut Criterion, table: &mut Table) {
    let mut group = group(criterion, "simulated");
    let mc2 = include_str!("../../manifests/mc2.yaml");
    let mc2 = simulated::Simulated::new("mc2", mc2, Duration::from_secs(600));
    let steps = mc2.run(0).schedule.execution.steps.len();
    let mut samples = Vec::new();
    time(&mut group, "mc2", &mut samples, |runs| mc2.time(runs));
    let rate = 1e9 / table::median(&samples).unwrap_or(f64::NAN);
    table.note(format!(
        "simulated runs of mc2 ({steps} visible calls): {rate:.0} a second and core (wanted: at least 1,000)"
    ));
    let hour = simulated::Simulated::new("idle", IDLE, Duration::from_secs(3600));
    let mut samples = Vec::new();
    time(&mut group, "idle-hour", &mut samples, |runs| {
        hour.time(runs)
    });
    let millis = table::median(&samples).unwrap_or(f64::NAN) / 1e6;
    table.note(format!(
        "one hour of an idle pod with a 10-second probe, simulated: {millis:.1} ms (wanted: at most 100)"
    ));
}

const IDLE: &str = "apiVersion: v1
kind: Pod
metadata: {name: idle}
spec:
  containers:
  - name: web
    image: nginx
    livenessProbe: {httpGet: {path: /, port: 80}, initialDelaySeconds: 1, periodSeconds: 10}
";

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(5));
    group
}

/// Lets criterion measure what `run` reports for a number of iterations, and keeps each sample for the table.
fn time(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    samples: &mut Vec<f64>,
    run: impl Fn(u64) -> Duration,
) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            let time = run(iterations);
            samples.push(time.as_nanos() as f64 / iterations as f64);
            time
        });
    });
}
