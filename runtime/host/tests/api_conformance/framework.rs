//! A server, and what a test does with it.

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::await_condition;
use kube::{Client, Config, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json};
use std::env;
use std::fmt::Debug;
use std::future::Future;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;
use tempfile::TempDir;

/// How often a change that met another is tried again.
pub(crate) const ATTEMPTS: usize = 60;

// Images, by upstream's names.
pub(crate) const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";
pub(crate) const BUSYBOX: &str = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1";
pub(crate) const NGINX: &str = "registry.k8s.io/e2e-test-images/nginx:1.15-4";
pub(crate) const PAUSE: &str = "registry.k8s.io/pause:3.10.2";

/// One of upstream's tests.
pub(crate) struct Case {
    pub(crate) line: u32,
    pub(crate) name: &'static str,
    /// How it is looked at, where that is another way than upstream's; else empty.
    pub(crate) adapted: &'static str,
    pub(crate) run: fn(Framework) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// A `seedpod serve`, started when the first test wants it.
pub(crate) struct Server {
    folder: TempDir,
    started: OnceLock<Started>,
}

struct Started {
    child: Mutex<Child>,
    kubeconfig: String,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            started: OnceLock::new(),
        }
    }

    fn started(&self) -> &Started {
        self.started.get_or_init(|| {
            let mut child = Command::new(env!("CARGO_BIN_EXE_seedpod"))
                .args(["serve", "--listen", "127.0.0.1:0", "--state-dir"])
                .arg(self.folder.path().join("state"))
                .env(
                    "SEEDPOD_CACHE",
                    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
                )
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let out = BufReader::new(child.stdout.take().unwrap());
            let mut lines = out.lines().map_while(Result::ok);
            let kubeconfig = lines
                .find_map(|line| {
                    line.trim()
                        .strip_prefix("export KUBECONFIG=")
                        .map(str::to_owned)
                })
                .expect("it says where the kubeconfig is once it is ready");
            Started {
                child: Mutex::new(child),
                kubeconfig,
            }
        })
    }

    pub(crate) fn stop(&self) {
        if let Some(started) = self.started.get() {
            let mut child = started.child.lock().unwrap();
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a test has: a client and a namespace that goes with it.
pub(crate) struct Framework {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    kubeconfig: String,
}

impl Framework {
    /// Runs a test in a namespace of its own, and takes that away.
    pub(crate) fn run(server: &Server, case: &Case) {
        let path = &server.started().kubeconfig;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let kubeconfig = Kubeconfig::read_from(path).unwrap();
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .unwrap();
            let client = Client::try_from(config).unwrap();
            let namespaces: Api<Namespace> = Api::all(client.clone());
            let namespace: Namespace = object(json!({"metadata": {"generateName": "e2e-"}}));
            let made = namespaces
                .create(&PostParams::default(), &namespace)
                .await
                .unwrap();
            let namespace = made.metadata.name.unwrap();
            let framework = Self {
                client,
                namespace: namespace.clone(),
                kubeconfig: path.clone(),
            };
            (case.run)(framework).await;
            let parameters = DeleteParams::default();
            namespaces.delete(&namespace, &parameters).await.unwrap();
        });
    }

    /// Whether a version of an object came after another.
    pub(crate) fn is_newer<K: Resource>(&self, one: &K, other: &K) -> bool {
        let number = |object: &K| object.meta().resource_version.as_ref()?.parse::<u64>().ok();
        number(one).unwrap() > number(other).unwrap()
    }

    /// Makes a pod.
    pub(crate) async fn create_pod(&self, pod: Value) -> Pod {
        let pods = self.api::<Pod>();
        pods.create(&PostParams::default(), &object(pod))
            .await
            .unwrap()
    }

    /// Makes a pod and waits until it is ready.
    pub(crate) async fn create_ready_pod(&self, pod: Value) -> Pod {
        let name = self.create_pod(pod).await.metadata.name.unwrap();
        self.pod_once(&name, is_ready).await
    }

    /// A pod, once it is so.
    ///
    /// # Panics
    /// When it is not within five minutes (upstream's `PodStart`).
    pub(crate) async fn pod_once(&self, name: &str, is_so: impl Fn(&Pod) -> bool) -> Pod {
        let is_there_and_so = |pod: Option<&Pod>| pod.is_some_and(&is_so);
        let seen = await_condition(self.api::<Pod>(), name, is_there_and_so);
        let seen = tokio::time::timeout(Duration::from_mins(5), seen).await;
        seen.expect("a pod that is so").unwrap().unwrap()
    }

    /// Changes a pod, again on the newest when somebody else was faster.
    pub(crate) async fn update_pod(&self, name: &str, change: impl Fn(&mut Pod)) {
        let pods = self.api::<Pod>();
        for _ in 0..ATTEMPTS {
            let mut pod = pods.get(name).await.unwrap();
            change(&mut pod);
            match pods.replace(name, &PostParams::default(), &pod).await {
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                answer => {
                    answer.unwrap();
                    return;
                }
            }
        }
        panic!("{name} changes all the time");
    }

    /// The objects of a kind in the namespace of the test.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

/// The newest kubectl, in the namespace of a test.
pub(crate) struct Kubectl {
    program: PathBuf,
    kubeconfig: String,
    namespace: String,
}

impl Framework {
    /// Where `.ci/clients` put it, if it did.
    pub(crate) fn kubectl(&self) -> Option<Kubectl> {
        let clients = match env::var_os("SEEDPOD_CLIENTS") {
            Some(folder) => folder.into(),
            None => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients"),
        };
        let program = clients.join("newest/kubectl");
        if !program.is_file() {
            eprintln!("skipped: there is no kubectl; .ci/clients installs it");
            return None;
        }
        Some(Kubectl {
            program,
            kubeconfig: self.kubeconfig.clone(),
            namespace: self.namespace.clone(),
        })
    }
}

impl Kubectl {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--kubeconfig", &self.kubeconfig, "-n", &self.namespace])
            .args(arguments)
            .stdout(Stdio::piped());
        command
    }

    /// Starts one that goes on.
    pub(crate) fn start(&self, arguments: &[&str]) -> Background {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Background {
            out: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Runs it to its end with something on its standard input.
    pub(crate) fn output(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that does not read its input may end before it is written.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// What it prints, when it must succeed.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> String {
        let output = self.output(arguments, input);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same with nothing on its standard input.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.run_with(arguments, "")
    }
}

/// A kubectl that goes on until it is dropped.
pub(crate) struct Background {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Background {
    /// The next line that it prints; empty at the end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| &status.conditions);
    let mut conditions = conditions.flatten();
    conditions.any(|one| one.type_ == "Ready" && one.status == "True")
}

pub(crate) fn is_running(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    status.is_some_and(|status| status.phase.as_deref() == Some("Running"))
}

/// An object from JSON.
pub(crate) fn object<K: DeserializeOwned>(value: Value) -> K {
    from_value(value).unwrap()
}
