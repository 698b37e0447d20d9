//! Pods of a manifest in virtual time, with the bundled images.

use seedpod::images::Images;
use seedpod::spec::{ObjectKey, ObjectKind, Objects};
use seedpod::status::{ContainerState, Status};
use seedpod_api::Source;
use seedpod_core::net::Stream;
use seedpod_core::seed::Seed;
use seedpod_engine::world::Output;
use seedpod_engine::{Engine, EngineSettings};
use seedpod_sim::report::pcap::Capture;
use seedpod_sim::{Record, Settings, Simulation};
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::task::{Poll, Waker};
use std::time::Duration;

/// Pods in virtual time.
pub struct Pods {
    simulation: Simulation,
    objects: Objects,
}

pub(crate) static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let settings = EngineSettings::deterministic(Some(cache()));
    let engine = Engine::new(settings).expect("this machine runs wasmtime");
    Images::register(&engine);
    engine
});

/// The engine of every simulation of a test program.
pub fn engine() -> Engine {
    ENGINE.clone()
}

/// `tmp` in the folder that cargo builds into: what `CARGO_TARGET_TMPDIR` is for a test.
fn cache() -> PathBuf {
    let program = std::env::current_exe().expect("a test knows its own file");
    let target = program
        .ancestors()
        .nth(3)
        .expect("tests are built three levels down");
    target.join("tmp/compiled")
}

/// The bundled images, and files of the repository.
pub fn images() -> seedpod_sim::Images {
    images_beside(&crate::root())
}

/// The bundled images, and files: relative paths begin at `folder`.
fn images_beside(folder: &Path) -> seedpod_sim::Images {
    let images = Images::new(folder);
    Arc::new(move |reference: &str, policy| images.resolve(reference, policy))
}

/// How much virtual time passes between two looks at a connection.
const LOOK: Duration = Duration::from_millis(1);

impl Pods {
    /// Starts all pods of a manifest, from seed 1.
    ///
    /// # Panics
    /// When the manifest is wrong.
    pub fn start(manifest: &str) -> Self {
        Self::start_with_seed(manifest, Seed::new(1))
    }

    /// Starts all pods of a manifest.
    ///
    /// # Panics
    /// When the manifest is wrong.
    pub fn start_with_seed(manifest: &str, seed: Seed) -> Self {
        Self::start_with(manifest, seed, images())
    }

    /// Starts all pods of a file, from seed 1; images that are paths are relative to its folder.
    ///
    /// # Panics
    /// When there is no such file, or it is wrong.
    pub fn start_file(path: &Path) -> Self {
        let manifest =
            fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let folder = path.parent().expect("a file is in a folder");
        Self::start_with(&manifest, Seed::new(1), images_beside(folder))
    }

    fn start_with(manifest: &str, seed: Seed, images: seedpod_sim::Images) -> Self {
        let objects = load(manifest);
        let mut simulation = Simulation::new(Settings {
            seed,
            engine: ENGINE.clone(),
            images,
        });
        simulation
            .apply(&objects)
            .expect("the pod network has room");
        Self {
            simulation,
            objects,
        }
    }

    /// Adds or replaces the objects of a manifest, and starts its pods.
    ///
    /// # Panics
    /// When the manifest is wrong.
    pub fn apply(&mut self, manifest: &str) {
        let objects = load(manifest);
        self.simulation
            .apply(&objects)
            .expect("the pod network has room");
        self.objects.pods.extend(objects.pods);
    }

    /// Removes a ConfigMap, Secret or Service of the namespace `default`; whether it was there.
    pub fn delete_object(&mut self, kind: ObjectKind, name: &str) -> bool {
        let namespace = "default".to_owned();
        let name = name.to_owned();
        self.simulation.delete_object(&ObjectKey {
            kind,
            namespace,
            name,
        })
    }

    /// What pods said that are events, in order: `5.2s FailedMount: MountVolume.SetUp failed …`.
    pub fn events(&self) -> String {
        let mut text = String::new();
        for Record { at, output, .. } in self.simulation.records() {
            if let Output::Event(event) = output {
                let seconds = at.as_nanos() / 1_000_000_000;
                let _infallible = writeln!(text, "{seconds}s {}: {}", event.reason, event.message);
            }
        }
        text
    }

    /// Lets this much virtual time pass, or less when all pods have ended. Whether they have.
    pub fn run(&mut self, seconds: u64) -> bool {
        self.simulation.run(Duration::from_secs(seconds))
    }

    /// Writes what passes the network from now on as packets.
    ///
    /// # Panics
    /// When `output` takes nothing.
    pub fn capture(&self, output: impl std::io::Write + Send + 'static) -> Arc<Capture> {
        let capture = self.simulation.capture(Box::new(output));
        capture.expect("packets can be written")
    }

    /// How often pods were woken so far.
    pub fn polls(&self) -> u64 {
        self.simulation.polls()
    }

    /// Stops all pods, with their own grace periods.
    pub fn stop(&mut self) {
        self.simulation.stop(None);
    }

    /// Everything the containers wrote, as `seedpod run` prints it.
    pub fn log(&self) -> String {
        self.simulation.log()
    }

    /// As [`log`](Self::log), container by container: who wrote first changes with every change of a guest.
    pub fn log_by_container(&self) -> String {
        let log = self.log();
        let mut lines: Vec<&str> = log.lines().collect();
        lines.sort_by_key(|line| line.split(' ').next());
        lines
            .into_iter()
            .fold(String::new(), |text, line| text + line + "\n")
    }

    /// Everything one container wrote.
    pub fn log_of(&self, pod: &str, container: &str) -> String {
        let prefix = format!("[{pod}/{container}] ");
        self.log()
            .lines()
            .filter_map(|line| line.strip_prefix(&prefix))
            .fold(String::new(), |text, line| text + line + "\n")
    }

    /// Everything any pod said, with times: what must not differ between two runs.
    pub fn trace(&self) -> String {
        let lines = self
            .simulation
            .records()
            .into_iter()
            .map(|Record { at, pod, output }| format!("{at} {pod:?} {output:?}\n"));
        lines.collect()
    }

    /// Everything any pod said, in order.
    pub fn records(&self) -> Vec<Record> {
        self.simulation.records()
    }

    /// The last status that a pod showed.
    pub fn status(&self, pod: &str) -> Option<Status> {
        self.simulation
            .records()
            .into_iter()
            .rev()
            .find_map(|record| match record.output {
                Output::Status(status) if record.pod.name == pod => Some(*status),
                Output::Status(_) | Output::Log(_) | Output::Event(_) => None,
            })
    }

    /// A line for each pod: `mc2 Succeeded: producer Completed 0, consumer Completed 0`, with the restarts of containers
    /// that were restarted.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for pod in &self.objects.pods {
            let Some(status) = self.status(&pod.meta.name) else {
                continue;
            };
            let containers: Vec<String> = pod
                .all_containers()
                .filter_map(|spec| {
                    status
                        .all_containers()
                        .find(|container| container.name == spec.name)
                })
                .map(|container| {
                    let state = match &container.state {
                        ContainerState::Waiting(waiting) => waiting.reason.to_string(),
                        ContainerState::Running { .. } => "Running".to_owned(),
                        ContainerState::Terminated(end) => {
                            format!("{} {}", end.reason, end.exit_code)
                        }
                    };
                    match container.restart_count {
                        0 => format!("{} {state}", container.name),
                        restarts => format!("{} {state} ({restarts} restarts)", container.name),
                    }
                })
                .collect();
            let _infallible = writeln!(
                text,
                "{} {}: {}",
                pod.meta.name,
                status.phase,
                containers.join(", ")
            );
        }
        text
    }

    /// Connects to `127.0.0.1:port` inside a pod, sends a request and reads the answer to its end, while at most 30 s of
    /// virtual time pass. `None` when nobody listens.
    ///
    /// # Panics
    /// When there is no such pod, or the connection fails on the way.
    pub fn request(&mut self, pod: &str, port: u16, request: &str) -> Option<String> {
        let answer = self.request_bytes(pod, port, request.as_bytes())?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    }

    /// As [`request`](Self::request), for protocols that are no text.
    ///
    /// # Panics
    /// When there is no such pod, or the connection fails on the way.
    pub fn request_bytes(&mut self, pod: &str, port: u16, request: &[u8]) -> Option<Vec<u8>> {
        let stream = self.connect(pod, port)?;
        let mut answer = Vec::new();
        let mut rest = bytes::Bytes::copy_from_slice(request);
        for _ in 0..30_000 {
            self.simulation.run(LOOK);
            if !rest.is_empty()
                && let Poll::Ready(result) = stream.poll_write(&mut rest, Waker::noop())
            {
                result.expect("the pod reads the request");
            }
            while let Some(read) = stream.try_read(usize::MAX) {
                let bytes = read.expect("the pod writes an answer");
                if bytes.is_empty() {
                    return Some(answer);
                }
                answer.extend_from_slice(&bytes);
            }
        }
        panic!(
            "the answer of {pod}:{port} has no end: {}",
            String::from_utf8_lossy(&answer)
        );
    }

    /// Connects to `127.0.0.1:port` inside a pod and sends the beginning of a conversation, which stays open as long as
    /// what it returns.
    ///
    /// # Panics
    /// When nobody listens.
    pub fn open(&mut self, pod: &str, port: u16, text: &str) -> Stream {
        let stream = self.connect(pod, port).expect("a server");
        let mut bytes = bytes::Bytes::copy_from_slice(text.as_bytes());
        let written = stream.poll_write(&mut bytes, Waker::noop());
        assert!(written.is_ready() && bytes.is_empty(), "the pipe has room");
        self.simulation.run(LOOK);
        stream
    }

    fn connect(&mut self, pod: &str, port: u16) -> Option<Stream> {
        let pod = self
            .simulation
            .pod(pod)
            .unwrap_or_else(|| panic!("there is no pod {pod}"))
            .clone();
        let (from, to) = (
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            (Ipv4Addr::LOCALHOST, port).into(),
        );
        let stream = pod.with(|kernel| kernel.net.connect_from(from, to)).ok()?;
        for _ in 0..1000 {
            match stream.poll_connected(Waker::noop()) {
                Poll::Ready(result) => return result.ok().map(|()| stream),
                Poll::Pending => self.simulation.run(LOOK),
            };
        }
        None
    }

    /// `GET /` over HTTP/1.0: the body of the answer. `None` when nobody listens.
    ///
    /// # Panics
    /// When the answer is no HTTP.
    pub fn get(&mut self, pod: &str, port: u16) -> Option<String> {
        let answer = self.request(pod, port, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no HTTP: {answer}"));
        assert!(head.starts_with("HTTP/1."), "{head}");
        Some(body.to_owned())
    }
}

fn load(manifest: &str) -> Objects {
    let source = Source {
        name: "manifest".to_owned(),
        bytes: manifest.into(),
    };
    match seedpod_api::load(&[source]) {
        Ok(loaded) => loaded.objects,
        Err(errors) => panic!("{errors:#?}"),
    }
}
