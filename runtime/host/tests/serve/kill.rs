//! A server that is killed again and again while clients write.

use crate::https::{Client, Connection, Reply};
use crate::served::{Served, command};
use seedpod_core::hash::fnv1a;
use seedpod_core::seed::{Rng, Seed};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// As issue 5 asks for with `SEEDPOD_KILLS=200`; each takes the better part of a second.
const KILLS_DEFAULT: u64 = 40;
const WRITERS: usize = 4;
const OBJECTS_EACH: u64 = 12;
const RESOURCES: [&str; 2] = ["configmaps", "secrets"];

/// What one writer knows of its objects.
#[derive(Default)]
struct Known {
    /// What was acknowledged: path to text, and `resourceVersion`.
    acknowledged: BTreeMap<String, (String, u64)>,
    /// What was asked for and not answered: path to text, or to nothing where it was to go.
    asked: Option<(String, Option<String>)>,
}

fn object(path: &str, text: &str) -> String {
    let (_, name) = path.rsplit_once('/').unwrap();
    let check = format!("{:016x}", fnv1a(text.bytes()));
    let (kind, field) = match path.contains("secrets") {
        true => ("Secret", "stringData"),
        false => ("ConfigMap", "data"),
    };
    json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name},
        field: {"text": text, "check": check}})
    .to_string()
}

fn revision(object: &Value) -> u64 {
    let text = object["metadata"]["resourceVersion"].as_str().unwrap();
    text.parse().unwrap()
}

impl Known {
    /// Creates, changes and removes objects until the server is gone.
    fn write(&mut self, client: &Client, rng: &mut Rng, writer: usize, done: &AtomicU64) {
        let Ok(mut connection) = client.connect() else {
            return;
        };
        while self.step(&mut connection, rng, writer).is_ok() {
            self.asked = None;
            done.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn step(
        &mut self,
        connection: &mut Connection,
        rng: &mut Rng,
        writer: usize,
    ) -> io::Result<()> {
        let resource = RESOURCES[writer % RESOURCES.len()];
        let folder = format!("/api/v1/namespaces/default/{resource}");
        let path = format!("{folder}/w{writer}-{}", rng.below(OBJECTS_EACH));
        // Some go over many pages of the disk.
        let text = format!("{:x} ", rng.next_u64()).repeat(1 << rng.below(10));
        let expect = |reply: Reply, status: u16| {
            assert_eq!(
                reply.status,
                status,
                "{}",
                String::from_utf8_lossy(&reply.body)
            );
            reply.json()
        };
        let is_there = self.acknowledged.contains_key(&path);
        if is_there && rng.below(3) == 0 {
            self.asked = Some((path.clone(), None));
            expect(connection.request("DELETE", &path, "")?, 200);
            self.acknowledged.remove(&path);
            return Ok(());
        }
        self.asked = Some((path.clone(), Some(text.clone())));
        let body = object(&path, &text);
        let reply = match is_there {
            true => expect(connection.request("PUT", &path, &body)?, 200),
            false => expect(connection.request("POST", &folder, &body)?, 201),
        };
        self.acknowledged.insert(path, (text, revision(&reply)));
        Ok(())
    }

    /// Compares what is there with what is known; what was asked for may have happened or not.
    fn check(&mut self, found: &BTreeMap<String, (String, u64)>, writer: usize) {
        let is_mine = |path: &&String| path.contains(&format!("/w{writer}-"));
        let asked = self.asked.take();
        for path in found.keys().filter(is_mine).chain(self.acknowledged.keys()) {
            let (is, was) = (found.get(path), self.acknowledged.get(path));
            if is == was {
                continue;
            }
            let wanted = match &asked {
                Some((asked, wanted)) if asked == path => wanted.as_ref(),
                _ => panic!("{path} was {was:.80?} and is {is:.80?}"),
            };
            assert_eq!(is.map(|(text, _)| text), wanted, "{path}");
        }
        self.acknowledged = found
            .iter()
            .filter(|(path, _)| is_mine(path))
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect();
    }
}

/// Every object of the writers, each of them whole; and the revision of the list.
fn read(client: &Client) -> (BTreeMap<String, (String, u64)>, u64) {
    let mut found = BTreeMap::new();
    let mut last = 0;
    for resource in RESOURCES {
        let folder = format!("/api/v1/namespaces/default/{resource}");
        let list = client.once("GET", &folder, "").json();
        last = revision(&list);
        for item in list["items"].as_array().unwrap() {
            let name = item["metadata"]["name"].as_str().unwrap();
            if !name.starts_with('w') {
                continue;
            }
            let path = format!("{folder}/{name}");
            let value = |key: &str| match resource {
                "secrets" => decoded(item["data"][key].as_str().unwrap()),
                _ => item["data"][key].as_str().unwrap().to_owned(),
            };
            let (text, check) = (value("text"), value("check"));
            assert_eq!(check, format!("{:016x}", fnv1a(text.bytes())), "{path}");
            found.insert(path, (text, revision(item)));
        }
    }
    (found, last)
}

/// Base64.
fn decoded(text: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::prelude::BASE64_STANDARD.decode(text).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Lets clients write until so many writes are done, and kills the server in the midst of more.
fn write_and_kill(mut served: Served, known: &mut [Known], rng: &mut Rng) {
    let (done, wanted) = (AtomicU64::new(0), rng.below(60));
    let client = served.client.clone();
    let seed = rng.next_u64();
    thread::scope(|scope| {
        for (writer, known) in known.iter_mut().enumerate() {
            let (client, done) = (&client, &done);
            let mut rng = Seed::new(seed ^ writer as u64).rng();
            scope.spawn(move || known.write(client, &mut rng, writer, done));
        }
        while done.load(Ordering::Relaxed) < wanted {
            thread::yield_now();
        }
        // SIGKILL.
        served.child.kill().unwrap();
        served.child.wait().unwrap();
    });
}

/// Kills a server that may not even be ready.
fn start_and_kill(state: &Path, rng: &mut Rng) {
    let mut child = command(state, &[]).spawn().unwrap();
    for _ in 0..rng.below(1 << 14) {
        thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Pods that kills meet: one that serves on a port of the machine, one that is done, one that must not start again.
struct Pods {
    node_port: u64,
    /// Of the one that serves.
    restarts: u64,
}

const PODS: &str = "/api/v1/namespaces/default/pods";

impl Pods {
    fn start(client: &Client) -> Self {
        let create = |path: &str, object: Value| {
            let reply = client.once("POST", path, &object.to_string());
            assert_eq!(
                reply.status,
                201,
                "{}",
                String::from_utf8_lossy(&reply.body)
            );
            reply.json()
        };
        let pod = |name: &str, policy: &str, command: &str| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
                "spec": {"restartPolicy": policy, "volumes": [{"name": "data", "emptyDir": {}}],
                "containers": [{"name": "main", "image": "busybox", "command": ["sh", "-c", command],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}})
        };
        create(PODS, web());
        create(PODS, pod("done", "Never", "echo done > /data/file"));
        create(
            PODS,
            pod("once", "Never", "echo once > /data/file; exec sleep 100000"),
        );
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80}]}});
        let service = create("/api/v1/namespaces/default/services", service);
        wait(client, "done", |pod| pod["status"]["phase"] == "Succeeded");
        wait(client, "once", |pod| pod["status"]["phase"] == "Running");
        wait(client, "web", is_ready);
        Self {
            node_port: service["spec"]["ports"][0]["nodePort"].as_u64().unwrap(),
            restarts: 0,
        }
    }

    /// After one kill or two: policies are honoured, and the port leads to the pod.
    fn check(&mut self, client: &Client, state: &Path) {
        let before = self.restarts;
        let has_restarted = |pod: &Value| is_ready(pod) && restarts(pod) > before;
        let web = wait(client, "web", has_restarted);
        self.restarts = restarts(&web);
        assert!(self.restarts <= before + 2, "{web}");
        wait(client, "once", |pod| pod["status"]["phase"] == "Failed");
        let done = wait(client, "done", |_| true);
        assert_eq!(done["status"]["phase"], "Succeeded");
        assert_eq!(done["status"]["containerStatuses"][0]["restartCount"], 0);
        self.get();
        // Of the pods that run, and no other.
        let run = state.join("run");
        let mut own = names_in(&run);
        own.retain(|name| name != "lock");
        let volumes = names_in(&run.join(&own[0]));
        let volumes: Vec<_> = volumes.iter().filter(|name| *name != "owner").collect();
        assert_eq!(volumes, [web["metadata"]["uid"].as_str().unwrap()]);
        let logs = names_in(&state.join("logs"));
        assert!(logs.len() <= 3, "{logs:?}");
    }

    /// The page of the pod. It listens a little after it runs.
    fn get(&self) {
        let talk = || -> io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.node_port as u16))?;
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n")?;
            io::read_to_string(stream)
        };
        for _ in 0..100_000 {
            match talk() {
                Ok(text) if text.contains("hello") => return,
                Ok(_) | Err(_) => thread::yield_now(),
            }
        }
        panic!("nobody answers: {:?}", talk());
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
}

fn restarts(pod: &Value) -> u64 {
    let status = &pod["status"]["containerStatuses"][0];
    status["restartCount"].as_u64().unwrap_or_default()
}

/// A server of what its init container writes.
fn web() -> Value {
    let mount = |path: &str| json!([{"name": "data", "mountPath": path}]);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"volumes": [{"name": "data", "emptyDir": {}}],
        "initContainers": [{"name": "write", "image": "busybox", "volumeMounts": mount("/data"),
            "command": ["sh", "-c", "echo hello > /data/index.html"]}],
        "containers": [{"name": "main", "image": "nginx", "volumeMounts": mount("/usr/share/nginx/html")}]}})
}

/// Follows a pod until it is as wanted.
fn wait(client: &Client, name: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let mut connection = client.connect().unwrap();
    let path = format!("{PODS}?watch=true&fieldSelector=metadata.name%3D{name}");
    let head = connection.head("GET", &path, 0);
    connection.send(head.as_bytes()).unwrap();
    assert_eq!(connection.head_of_reply().unwrap().0, 200);
    loop {
        let lines = connection.chunk().unwrap().expect("the watch goes on");
        for line in String::from_utf8(lines).unwrap().lines() {
            let mut event: Value = serde_json::from_str(line).unwrap();
            if is_wanted(&event["object"]) {
                return event["object"].take();
            }
        }
    }
}

#[test]
fn nothing_that_was_acknowledged_is_lost_by_kills() {
    let kills = std::env::var("SEEDPOD_KILLS").ok();
    let kills = kills.map_or(KILLS_DEFAULT, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut rng = Seed::new(0x5eed).rng();
    let mut known: Vec<Known> = (0..WRITERS).map(|_| Known::default()).collect();
    let mut served = Served::start(&state, &["--listen", "127.0.0.1:0"]);
    let address = served.client.address;
    let mut pods = Pods::start(&served.client);
    let mut last = 0;
    for round in 0..kills {
        write_and_kill(served, &mut known, &mut rng);
        if rng.below(4) == 0 {
            start_and_kill(&state, &mut rng);
        }
        served = Served::start(&state, &[]);
        // Its port is free again, so it is the same.
        assert_eq!(served.client.address, address, "after {round} kills");
        let (found, revision) = read(&served.client);
        for (writer, known) in known.iter_mut().enumerate() {
            known.check(&found, writer);
        }
        assert!(revision >= last, "{revision} after {last}");
        last = revision;
        assert_only_its_own_files(&state);
        pods.check(&served.client, &state);
    }
    assert_eq!(served.end().0, Some(0));
    let left: Vec<_> = names_in(&state.join("run"));
    assert_eq!(left, ["lock"]);
}

/// What earlier processes left is gone.
fn assert_only_its_own_files(state: &Path) {
    let run = names_in(&state.join("run"));
    assert_eq!(run.len(), 2, "{run:?}");
    let mut names = names_in(state);
    names.retain(|name| !name.ends_with(".next"));
    let expected = [
        "ca.crt",
        "ca.key",
        "kubeconfig",
        "logs",
        "port",
        "run",
        "sa.key",
        "store.redb",
        "token",
    ];
    assert_eq!(names, expected);
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
