//! Every source of nondeterminism that is known for WebAssembly on wasmtime, one test for each, by the numbers of the list
//! that they come from. Each says what opening the leak again would be, and fails then.

mod module;
mod support;

use module::{Module, SHARED_PAGE, component, i32_const};
use seedpod_engine::{EngineSettings, FirstRun};
use std::fs;
use std::time::Duration;
use support::{Run, engine, run, run_with, shell, shells, unoptimized};

/// Runs a shell script twice, which must not differ, and returns what it wrote.
fn twice(script: &str) -> String {
    let spec = shell(script);
    let first = run(&spec);
    assert_eq!(first, run(&spec), "{script}");
    first.log
}

/// Runs a program that ends with an exit code.
fn ends(program: &Module) -> String {
    run_with(engine(), &[("p", program.bytes())], 1).ends
}

fn refused(program: Vec<u8>) -> String {
    run_with(engine(), &[("p", program)], 1).message
}

/// Two reads of the monotonic clock, one after the other; 1 if it moved.
fn two_looks_at_the_clock() -> Vec<u8> {
    let look = |at: i32| {
        [
            i32_const(1),
            vec![0x42, 0],
            i32_const(at),
            vec![0x10, 1, 0x1a],
        ]
        .concat()
    };
    let load = |at: i32| [i32_const(at), vec![0x29, 3, 0]].concat();
    [look(0), look(8), load(8), load(0), vec![0x56]].concat()
}

#[test]
fn leak_01_the_monotonic_clock() {
    // Again: a clock of the machine. Its nanoseconds would differ from run to run.
    let uptime = twice("cat /proc/uptime; time sleep 1");
    assert!(uptime.contains("1.00"), "{uptime}");
}

#[test]
fn leak_02_sleeping() {
    // Again: timers of an executor. A day would be a day.
    let began = std::time::Instant::now();
    assert_eq!(twice("sleep 86400; echo over"), "over\n");
    assert!(began.elapsed() < Duration::from_secs(3600));
}

#[test]
fn leak_03_the_wall_clock() {
    // Again: today's date, or the machine's zone.
    assert_eq!(twice("date"), "Thu Jan  1 00:00:00 UTC 2026\n");
}

#[test]
fn leak_04_time_that_stands_still() {
    // Again: clock reads that cost nothing; a guest that waits for the clock would wait for ever.
    assert_eq!(ends(&Module::new(two_looks_at_the_clock())), "p 1");
}

#[test]
fn leak_05_equal_times() {
    // Again: whoever the heap gives out first. Here somebody decides: all orders exist, each again for its seed.
    let spec = shells(&["sleep 1; echo a", "sleep 1; echo b", "sleep 1; echo c"]);
    let order = |seed| support::in_some_order(engine(), &spec, seed).log;
    let orders: std::collections::BTreeSet<String> = (0..40).map(order).collect();
    assert!(orders.len() > 1, "{orders:?}");
    assert_eq!(order(7), order(7));
}

#[test]
fn leak_06_random_numbers() {
    // Again: the machine's. They follow from the seed, and are not the same for two containers.
    let spec = shells(&[
        "head -c 16 /dev/urandom | od -x",
        "head -c 16 /dev/urandom | od -x",
    ]);
    let drawn = |seed| support::by_container(&support::run_seeded(&spec, seed).log);
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
    let lines = drawn(1);
    assert_ne!(lines[0].1, lines[1].1);
}

#[test]
fn leak_07_hash_seeds_of_guests() {
    // Again: a seed from elsewhere than the run's. A shell's $RANDOM and mktemp draw as hash maps do.
    twice("f=$(mktemp); echo $f; head -c 8 /dev/random | od -x");
}

#[test]
fn leak_08_bits_of_nans() {
    // Again: without canonical NaNs the payload 0xdeadbeef goes through an addition on x86.
    let store = |at: i32, value: i32| [i32_const(at), i32_const(value), vec![0x36, 2, 0]].concat();
    let body = [
        store(0, 0xdead_beef_u32 as i32),
        store(4, 0x7ff8_0000),
        i32_const(0),
        vec![
            0x2b, 3, 0, 0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0xa0, 0xbd, 0xa7, 0x45,
        ],
    ];
    assert_eq!(ends(&Module::new(body.concat())), "p 1");
}

#[test]
fn leak_09_relaxed_simd() {
    // Again: what the machine does with an index of 16, which is lane 0 on x86 and zero elsewhere.
    let body = [
        i32_const(7),
        vec![0xfd, 0x0f],
        i32_const(16),
        vec![0xfd, 0x0f, 0xfd, 0x80, 2, 0xfd, 0x16, 0, 0x45],
    ];
    assert_eq!(ends(&Module::new(body.concat())), "p 1");
}

#[test]
fn leak_10_other_floats() {
    // Nothing to close: square roots and sums are exact, and nobody offers the machine's mathematics.
    let body = [
        vec![0x44, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x9f, 0xbd, 0xa7],
        i32_const(0x667f_3bcd),
        vec![0x46],
    ];
    assert_eq!(ends(&Module::new(body.concat())), "p 1");
}

#[test]
fn leak_11_growing_memory() {
    // Again: growth that ends where the machine's memory does. It ends at the container's limit.
    let grow = [
        vec![0x03, 0x40],
        i32_const(1),
        vec![0x40, 0],
        i32_const(-1),
        vec![0x47, 0x0d, 0, 0x0b, 0x3f, 0],
    ];
    let spec = support::manifest(&[("p", "resources: {limits: {memory: 1Mi}}")]);
    let programs = [("p", Module::new(grow.concat()).bytes())];
    let ends = |seed| support::run_programs(engine(), &spec, &programs, seed).ends;
    assert_eq!(ends(1), "p 137");
    assert_eq!(ends(2), "p 137");
}

#[test]
fn leak_12_pools() {
    // Again: a pool whose slots neighbours could have taken. Whatever fits the machine runs.
    let log = twice("for i in $(seq 100); do sleep 10 & done; wait; echo $?");
    assert_eq!(log, "0\n");
}

#[test]
fn leak_13_depth_of_the_stack() {
    // Again: a stack so small that frames of machine code end a recursion, as long as they happen to be: signal 11. Here
    // the program's own stack of 1 MiB in steps of 64 bytes is used up first: signal 6.
    let load = |at: i32| [i32_const(at), vec![0x29, 3, 0]].concat();
    let stack = [i32_const(0), vec![0x28, 2, 0]].concat();
    let live: Vec<u8> = (1..17).flat_map(|number| load(number * 8)).collect();
    let other = [
        i32_const(0),
        stack.clone(),
        i32_const(64),
        vec![0x6b, 0x36, 2, 0],
        stack,
        vec![0x45, 0x04, 0x40, 0x00, 0x0b],
        i32_const(512),
        live,
        vec![0x10, 3],
        vec![0x7c; 15],
        vec![0x37, 3, 0],
    ];
    let start = [
        i32_const(0),
        i32_const(1 << 20),
        vec![0x36, 2, 0, 0x10, 3],
        i32_const(0),
    ];
    let module = Module {
        other: other.concat(),
        ..Module::new(start.concat())
    };
    let programs = [("p", module.bytes())];
    let run = run_with(engine(), &programs, 1);
    assert!(run.message.contains("unreachable"), "{}", run.message);
    assert_eq!(run.ends, "p 134");
    assert_eq!(run_with(unoptimized(), &programs, 1).ends, "p 134");
}

const COMPUTE: &str = "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; cat /proc/uptime";

#[test]
fn leak_14_fuel_as_a_clock() {
    // Again: time that passes as the machine is fast. What a loop takes is the same whoever looks.
    twice(COMPUTE);
}

#[test]
fn leak_15_fuel_of_compilers() {
    // Again: Winch, whose code uses other amounts of fuel.
    let quick = EngineSettings {
        first: FirstRun::Quick,
        ..EngineSettings::deterministic(None)
    };
    let quick = support::new_engine(quick);
    assert_eq!(
        support::run_on(&quick, &shell(COMPUTE)),
        run(&shell(COMPUTE))
    );
}

#[test]
fn leak_16_fuel_at_a_trap() {
    // Again: the exact fuel or text of a trap in the trace.
    let trap = [("p", Module::new(vec![0x00, 0x41, 0]).bytes())];
    let (one, other) = (
        run_with(engine(), &trap, 1),
        run_with(unoptimized(), &trap, 1),
    );
    assert_eq!((&*one.ends, one.hash), ("p 134", other.hash));
}

#[test]
fn leak_17_epochs() {
    // Again: slices of the machine's time. Two that compute side by side get their turns by what they used.
    let spec = shells(&[COMPUTE, COMPUTE]);
    assert_eq!(run(&spec), run(&spec));
}

#[test]
fn leak_18_blocking_calls() {
    // Again: a call that blocks the thread. Who waits at a pipe for ever holds up nobody.
    let spec = shells(&["sleep 100000 | cat", "sleep 5; echo on"]);
    assert!(run(&spec).log.contains("on"));
}

#[test]
fn leak_19_an_executor() {
    // Again: anything that needs an executor of threads: there is none here, and it would panic.
    let used = twice(
        "echo x > /tmp/f; cat /tmp/f; sleep 0.1; wget -q -O - http://localhost:1 || echo refused",
    );
    assert!(used.ends_with("refused\n"), "{used}");
}

#[test]
fn leak_20_threads_for_files() {
    // Again: file calls on other threads.
    let threads = || fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    let child = support::child("files", &[]);
    let counted: Vec<&str> = child.split_whitespace().collect();
    assert_eq!(counted.first(), counted.last(), "{child} of {}", threads());
}

#[test]
fn leak_21_what_a_poll_tells() {
    // Again: whatever is ready, in the order of the list. Some of it, chosen, is as legal; the rest comes later.
    let spec = shells(&["(echo a; echo b) | cat; sleep 1 & sleep 1; wait; echo c"]);
    let log = |seed| support::in_some_order(engine(), &spec, seed).log;
    assert!((0..10).all(|seed| log(seed) == log(seed) && log(seed).ends_with("c\n")));
}

#[test]
fn leak_22_tasks_inside_a_component() {
    // Again: WASI 0.3, whose tasks run in an order of wasmtime's.
    let message = refused(component("wasi:clocks/monotonic-clock@0.3.0"));
    assert!(
        message.contains("which simulations do not have"),
        "{message}"
    );
}

#[test]
fn leak_23_cancelling_tasks() {
    // Again: as before; a cancellation takes whom a hash map names first.
    let message = refused(component("wasi:cli/stdin@0.3.0"));
    assert!(
        message.contains("which simulations do not have"),
        "{message}"
    );
}

#[test]
fn leak_24_shared_memory() {
    // Again: threads in a guest.
    let module = Module {
        memory: SHARED_PAGE,
        ..Module::new(i32_const(0))
    };
    let message = refused(module.bytes());
    assert!(message.contains("threads"), "{message}");
}

#[test]
fn leak_25_directories() {
    // Again: the machine's order of names, its inodes and times.
    let listed = twice(
        "cd /tmp; for f in c a d b; do echo > $f; done; ls; stat -c '%i %Y' a b; touch -d @5 a; stat -c %Y a",
    );
    let names: Vec<&str> = listed.lines().take(4).collect();
    assert_eq!(names, ["a", "b", "c", "d"], "{listed}");
}

#[test]
fn leak_26_files_after_a_crash() {
    // Again: what the machine's cache kept. A container that is killed finds what it wrote, the same in every run.
    let spec = "restartPolicy: OnFailure\n  volumes: [{name: v, emptyDir: {}}]\n  containers:\n  - name: c0\n    \
                image: busybox\n    volumeMounts: [{name: v, mountPath: /v}]\n    command: [sh, -c, 'echo x >> /v/f; \
                cat /v/f; [ $(wc -l < /v/f) -ge 3 ] || exit 9']\n";
    let first = run(spec);
    assert_eq!(first, run(spec));
    assert!(first.log.ends_with("x\nx\nx\n"), "{}", first.log);
}

#[test]
fn leak_27_sockets() {
    // Again: ports, addresses and names of the machine.
    let spec = shells(&[
        "httpd -f -p 8080 -h /etc & sleep 3; kill $!",
        "sleep 1; wget -q -O - http://localhost:8080/hostname; nslookup example.com; cat /etc/resolv.conf",
    ]);
    let first = run(&spec);
    assert_eq!(first, run(&spec));
    assert!(!first.log.contains("93."), "{}", first.log);
}

#[test]
fn leak_28_http_of_the_host() {
    // Again: an HTTP client of the host, with its dates and pools.
    let message = refused(component("wasi:http/outgoing-handler@0.2.3"));
    assert!(
        message.contains("which simulations do not have"),
        "{message}"
    );
}

#[test]
fn leak_29_the_environment() {
    // Again: variables, arguments, folder or name of the machine.
    let seen = twice("env | sort; pwd; hostname; tty; id -u; uname -n");
    assert!(
        seen.contains("HOSTNAME=p") && !seen.contains("CARGO"),
        "{seen}"
    );
}

#[test]
fn leak_30_what_a_pod_is_given() {
    // Again: UIDs, addresses, times and back-offs that are not the run's.
    let spec = "restartPolicy: OnFailure\n  containers:\n  - {name: c, image: busybox, command: [sh, -c, 'cat /etc/hosts; exit 1'], env: [{name: U, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}]}\n";
    let of = || support::run_for(spec, Duration::from_secs(200));
    let first = of();
    assert_eq!(first, of());
    assert!(
        first.status.contains("2026-01-01") || first.status.contains("restart"),
        "{}",
        first.status
    );
}

#[test]
fn leak_31_maps_and_addresses_of_the_host() {
    // Again: a map with a seed of its own, or an address, on the way to a trace: two processes would differ.
    let seeds = support::seeds();
    let one = support::child("hashes", &[("TZ", "Asia/Tokyo"), ("LANG", "de_DE.UTF-8")]);
    let two = support::child("hashes", &[("HOME", "/nowhere"), ("RUST_BACKTRACE", "0")]);
    let (one, two): (Vec<_>, Vec<_>) = (one.lines().collect(), two.lines().collect());
    assert_eq!(one.len(), usize::try_from(seeds).unwrap());
    assert_eq!(one, two);
    let distinct: std::collections::BTreeSet<_> = one.iter().collect();
    assert!(distinct.len() > one.len() / 4, "seeds give different runs");
}

#[test]
fn leak_32_texts_of_errors() {
    // Again: texts of traps, which change with versions, in what is hashed: traps that differ in nothing else would too.
    let trap = |body: Vec<u8>| run_with(engine(), &[("p", Module::new(body).bytes())], 1);
    let unreachable = trap(vec![0x00, 0x41, 0]);
    assert!(
        !unreachable.trace.contains("wasm trap"),
        "{}",
        unreachable.trace
    );
}

#[test]
fn leak_33_compiled_code() {
    // Again: anything that depends on whether code was in a cache.
    let uncached = support::new_engine(EngineSettings::deterministic(None));
    let spec = shell("echo one; sleep 1; date");
    let first = support::run_on(&uncached, &spec);
    assert_eq!(
        first,
        support::run_on(&uncached, &spec),
        "compiled, then at hand"
    );
    assert_eq!(first, run(&spec), "from the cache");
}

#[test]
fn leak_34_memory_of_the_host() {
    // Again: where instances live shows.
    let pooled = support::new_engine(EngineSettings {
        pool: Some(8),
        ..EngineSettings::deterministic(Some(support::cache()))
    });
    let spec = shell("echo one; sleep 1; head -c 100000 /dev/zero | wc -c");
    assert_eq!(support::run_on(&pooled, &spec), run(&spec));
}

#[test]
fn leak_35_other_machines() {
    // Again: results that depend on machine code. Code of another kind stands in for another machine.
    let spec = shells(&[COMPUTE, "seq 100 | sort -n | awk '{s+=$1/3} END {print s}'"]);
    assert_eq!(support::run_on(unoptimized(), &spec), run(&spec));
}

#[test]
fn leak_36_what_nobody_thought_of() {
    // Again: an import that is let in although nobody has said what it means.
    let message = refused(component("example:magic/spells@1.0.0"));
    assert!(
        message.contains("which simulations do not have"),
        "{message}"
    );
}

#[test]
fn every_number_has_a_test() {
    let text = include_str!("main.rs");
    let missing: Vec<u32> = (1..=36)
        .filter(|number| !text.contains(&format!("fn leak_{number:02}_")))
        .collect();
    assert_eq!(missing, [0; 0]);
}

#[test]
fn child() {
    match std::env::var("LEAKS_CHILD").as_deref() {
        Ok("hashes") => {
            let spec = shells(&[
                "for i in 1 2 3; do echo $i >> /dev/shm/f; done; cat /dev/shm/f; echo $RANDOM",
                "for i in 4 5 6; do echo $i >> /dev/shm/f; done; date; ls -la /dev/shm",
            ]);
            for seed in 0..support::seeds() {
                println!(
                    "hash {:032x}",
                    support::in_some_order(engine(), &spec, seed).hash
                );
            }
        }
        Ok("files") => {
            let work = || {
                run(&shell(
                    "for i in $(seq 20); do echo $i > /tmp/$i; cat /tmp/$i; done",
                ))
            };
            let threads = || fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
            let first: Run = work();
            println!("hash {}", threads());
            assert_eq!(first, work());
            println!("hash {}", threads());
        }
        _ => {}
    }
}
