//! The figures of `seedpod serve`, each beside what is wanted: `cargo bench -p seedpod --bench serve`.
//!
//! Everything goes through TLS to the real binary. What runs `kubectl` is left out where there is none.

#[path = "../tests/serve/https.rs"]
mod https;
#[path = "../tests/serve/served.rs"]
mod served;

use https::{Client, Connection};
use serde_json::{Value, json};
use served::Served;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

fn main() {
    // `cargo test` runs benches too, to see whether they start.
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    start(&folder.path().join("start"));
    memory(&folder.path().join("memory"));
    pods(&folder.path().join("pods"));
    watchers(&folder.path().join("watchers"));
    exec(&folder.path().join("exec"));
}

fn serve(state: &Path) -> Served {
    Served::start(state, &["--listen", "127.0.0.1:0"])
}

fn say(figure: &str, value: &str, wanted: &str) {
    println!("{figure}: {value} (wanted: {wanted})");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// From the start of the process to the line that says it is ready.
fn start(state: &Path) {
    let once = |state: &Path| {
        let begin = Instant::now();
        let served = serve(state);
        let time = begin.elapsed();
        assert_eq!(served.end().0, Some(0));
        time
    };
    let first = (0..10).map(|n| once(&state.join(n.to_string())));
    say(
        "first start to ready",
        &millis(median(first.collect())),
        "100 ms",
    );
    let again = (0..20).map(|_| once(&state.join("0")));
    say("start to ready", &millis(median(again.collect())), "100 ms");
}

const PODS: &str = "/api/v1/namespaces/default/pods";

fn pod(name: &str, spec: &Value) -> String {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "bench"}},
        "spec": spec})
    .to_string()
}

/// Sends a request until it is let in.
fn request(connection: &mut Connection, method: &str, path: &str, body: &str) -> u16 {
    loop {
        let reply = connection.request(method, path, body).unwrap();
        if reply.status != 429 || !reply.headers.contains("retry-after") {
            return reply.status;
        }
        thread::yield_now();
    }
}

/// What an empty server holds, and what each pod adds that nobody runs.
fn memory(state: &Path) {
    const OBJECTS: usize = 10_000;
    const CLIENTS: usize = 8;
    let served = serve(state);
    let empty = served.resident_bytes();
    say(
        "resident, empty",
        &format!("{:.1} MB", empty as f64 / 1e6),
        "40 MB",
    );
    let begin = Instant::now();
    let body = |name: &str| {
        let container = json!({"name": "main", "image": "busybox", "command": ["true"]});
        pod(
            name,
            &json!({"schedulerName": "nobody", "containers": [container]}),
        )
    };
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (served, body) = (&served, &body);
            scope.spawn(move || {
                let mut connection = served.client.connect().unwrap();
                for number in (client..OBJECTS).step_by(CLIENTS) {
                    let body = body(&format!("pod-{number}"));
                    assert_eq!(request(&mut connection, "POST", PODS, &body), 201);
                }
            });
        }
    });
    let rate = OBJECTS as f64 / begin.elapsed().as_secs_f64();
    println!("pods created that nobody runs: {rate:.0} a second");
    let per_object = |served: &Served| {
        let bytes = served.resident_bytes().saturating_sub(empty);
        format!("{:.1} kB", bytes as f64 / OBJECTS as f64 / 1e3)
    };
    say(
        "resident, per pod that is stored",
        &per_object(&served),
        "20 kB",
    );
    assert_eq!(served.end().0, Some(0));
    let begin = Instant::now();
    let again = serve(state);
    say(
        "start to ready with 10,000 pods",
        &millis(begin.elapsed()),
        "no more than it takes",
    );
    say("resident after that, per pod", &per_object(&again), "20 kB");
    let items = again.client.once("GET", PODS, "").json()["items"].take();
    assert_eq!(items.as_array().map(Vec::len), Some(OBJECTS));
}

/// What a watch says of pods: name and phase, or that it is gone.
enum Seen {
    Over(String),
    Gone,
}

fn follow(client: &Client, seen: &Sender<Seen>, count: usize) {
    let mut connection = client.connect().unwrap();
    let head = connection.head("GET", &format!("{PODS}?watch=true"), 0);
    connection.send(head.as_bytes()).unwrap();
    assert_eq!(connection.head_of_reply().unwrap().0, 200);
    let (mut rest, mut gone) = (Vec::new(), 0);
    while gone < count {
        rest.extend(connection.chunk().unwrap().expect("the watch goes on"));
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let event: Value = serde_json::from_slice(&line).unwrap();
            let pod = &event["object"];
            let is_over = pod["status"]["phase"] == "Succeeded"
                && pod["metadata"].get("deletionTimestamp").is_none();
            assert_ne!(pod["status"]["phase"], "Failed", "{pod}");
            if event["type"] == "DELETED" {
                gone += 1;
                seen.send(Seen::Gone).unwrap();
            } else if is_over {
                let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
                seen.send(Seen::Over(name)).unwrap();
            }
        }
    }
}

/// Pods that are created, run to completion and deleted.
fn pods(state: &Path) {
    const COUNT: usize = 2000;
    const CREATORS: usize = 4;
    const AT_ONCE: usize = 100;
    let served = serve(state);
    let client = &served.client;
    let body = |name: &str| {
        let container = json!({"name": "main", "image": "busybox", "command": ["true"]});
        pod(
            name,
            &json!({"restartPolicy": "Never", "containers": [container]}),
        )
    };
    // The program is compiled before anybody looks at the clock.
    let run = |count: usize| {
        let (seen, news): (_, Receiver<Seen>) = channel();
        let (over, finished) = channel();
        let finished = Mutex::new(finished);
        let (next, gone) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let begin = Instant::now();
        thread::scope(|scope| {
            scope.spawn(move || follow(client, &seen, count));
            for _ in 0..CREATORS {
                scope.spawn(|| {
                    let mut connection = client.connect().unwrap();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return;
                        }
                        while number >= gone.load(Ordering::Relaxed) + AT_ONCE {
                            thread::yield_now();
                        }
                        let body = body(&format!("run-{number}"));
                        assert_eq!(request(&mut connection, "POST", PODS, &body), 201);
                    }
                });
                scope.spawn(|| {
                    let mut connection = client.connect().unwrap();
                    loop {
                        let name: Result<String, _> = finished.lock().unwrap().recv();
                        let Ok(name) = name else {
                            return;
                        };
                        let path = format!("{PODS}/{name}?gracePeriodSeconds=0");
                        // A pod may be told of as over twice.
                        let status = request(&mut connection, "DELETE", &path, "");
                        assert!(matches!(status, 200 | 404), "{status}");
                    }
                });
            }
            for news in news {
                match news {
                    Seen::Over(name) => over.send(name).unwrap(),
                    Seen::Gone => drop(gone.fetch_add(1, Ordering::Relaxed)),
                }
            }
            drop(over);
        });
        count as f64 / begin.elapsed().as_secs_f64()
    };
    run(10);
    let rate = run(COUNT);
    say(
        "pods created, run to completion and deleted",
        &format!("{rate:.0} a second"),
        "200",
    );
}

/// From the request for a change to the last of many watchers who has read of it.
fn watchers(state: &Path) {
    const WATCHERS: usize = 1000;
    const ROUNDS: usize = 10;
    let served = serve(state);
    let client = &served.client;
    let maps = "/api/v1/namespaces/default/configmaps";
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "seen"}});
    assert_eq!(client.once("POST", maps, &map.to_string()).status, 201);
    let ready = Barrier::new(WATCHERS + 1);
    let (told, heard) = channel();
    let mut times = Vec::new();
    thread::scope(|scope| {
        for _ in 0..WATCHERS {
            let (told, ready) = (told.clone(), &ready);
            let watch = move || {
                let mut connection = client.connect().unwrap();
                let path = format!("{maps}?watch=true&fieldSelector=metadata.name%3Dseen");
                let head = connection.head("GET", &path, 0);
                connection.send(head.as_bytes()).unwrap();
                assert_eq!(connection.head_of_reply().unwrap().0, 200);
                // The first event: what is there.
                connection.chunk().unwrap();
                ready.wait();
                for _ in 0..ROUNDS {
                    connection.chunk().unwrap().expect("the watch goes on");
                    told.send(Instant::now()).unwrap();
                }
            };
            let builder = thread::Builder::new().stack_size(256 << 10);
            builder.spawn_scoped(scope, watch).unwrap();
        }
        let mut writer = client.connect().unwrap();
        ready.wait();
        for round in 0..ROUNDS {
            let patch = json!({"data": {"round": round.to_string()}}).to_string();
            let begin = Instant::now();
            let path = format!("{maps}/seen");
            assert_eq!(request(&mut writer, "PATCH", &path, &patch), 200);
            let last = (0..WATCHERS).map(|_| heard.recv().unwrap()).max();
            times.push(last.unwrap() - begin);
        }
    });
    say(
        "1,000 watchers, one change, the last informed",
        &millis(median(times)),
        "250 ms",
    );
}

/// The newest kubectl there is.
fn kubectl() -> Option<PathBuf> {
    let clients = env::var_os("SEEDPOD_CLIENTS").map(PathBuf::from);
    let newest = clients.map(|folder| folder.join("newest/kubectl"));
    let found = newest.filter(|path| path.is_file());
    let anywhere = || {
        let paths = env::var_os("PATH")?;
        env::split_paths(&paths)
            .map(|folder| folder.join("kubectl"))
            .find(|path| path.is_file())
    };
    found.or_else(anywhere)
}

/// A command in a container, against a look at the pods.
fn exec(state: &Path) {
    let Some(kubectl) = kubectl() else {
        return println!("kubectl exec: left out, there is no kubectl");
    };
    let served = serve(state);
    let run = |arguments: &[&str]| {
        let begin = Instant::now();
        let output = Command::new(&kubectl)
            .args(arguments)
            .env("KUBECONFIG", served.state.join("kubeconfig"))
            .env("HOME", &served.state)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        begin.elapsed()
    };
    let container = json!({"name": "main", "image": "busybox", "command": ["sleep", "100000"]});
    let body = pod("idle", &json!({"containers": [container]}));
    assert_eq!(served.client.once("POST", PODS, &body).status, 201);
    run(&["wait", "--for=condition=Ready", "pod/idle", "--timeout=60s"]);
    let (mut execs, mut gets) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        execs.push(run(&["exec", "idle", "--", "true"]));
        gets.push(run(&["get", "pod", "idle"]));
    }
    let (exec, get) = (median(execs), median(gets));
    let ratio = exec.as_secs_f64() / get.as_secs_f64();
    let value = format!("{} against {}: {ratio:.2}", millis(exec), millis(get));
    say("kubectl exec true against kubectl get pod", &value, "1.5");
}
