//! The same pods as anybody would test them: started in real time, again and again.
//!
//! Such a run fails when a container of the property `exit` ends otherwise, or does not end within seconds. What the other
//! properties ask cannot be seen from outside.

use seedpod::Node;
use seedpod::spec::{GracePeriod, Objects};
use seedpod::status::{ContainerState, Status};
use seedpod::testing::TestFile;
use seedpod_core::podtest::{FinalState, PropertyKind};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Runs that failed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) failed: u32,
    runs: u32,
}

/// Plain runs of one pod.
pub(crate) struct Plain {
    pub(crate) idle: Count,
    pub(crate) loaded: Count,
}

/// How long a pod has to end. Those here need milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// Runs without an end after which the rest is not waited for.
const STUCK_MAX: u32 = 5;

impl Plain {
    pub(crate) fn measure(manifest: &Path, file: &TestFile, runs: u32) -> Self {
        let folder = manifest.parent().expect("a manifest is in a folder");
        let expected = expected(file);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("tokio starts");
        let measure = || runtime.block_on(count(folder, &file.objects, &expected, runs));
        let idle = measure();
        let is_over = AtomicBool::new(false);
        let loaded = std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            let loaded = measure();
            is_over.store(true, Ordering::Relaxed);
            loaded
        });
        Self { idle, loaded }
    }
}

/// How containers are to end.
fn expected(file: &TestFile) -> BTreeMap<String, i32> {
    let mut expected = BTreeMap::new();
    for property in &file.test.properties {
        if let PropertyKind::Exit(states) = &property.kind {
            for (container, state) in states {
                if let FinalState::Exited(code) = state {
                    expected.insert(container.clone(), *code);
                }
            }
        }
    }
    expected
}

async fn count(
    folder: &Path,
    objects: &Objects,
    expected: &BTreeMap<String, i32>,
    runs: u32,
) -> Count {
    let mut count = Count::default();
    let mut stuck = 0;
    for _ in 0..runs {
        let node = Node::builder().image_folder(folder).build();
        let node = node.expect("this machine runs wasmtime");
        let started = node.start(objects, &[]).expect("the pods can start");
        let mut failed = false;
        for pod in &started.pods {
            let is_over = |status: &Status| verdict(status, expected).is_some();
            let over = tokio::time::timeout(PATIENCE, pod.wait_for(is_over)).await;
            stuck += u32::from(over.is_err());
            let status = over.ok().flatten();
            failed |= status.and_then(|status| verdict(&status, expected)) != Some(true);
        }
        for pod in &started.pods {
            pod.delete(Some(GracePeriod { seconds: 0 }));
            pod.wait().await;
        }
        count.runs += 1;
        count.failed += u32::from(failed);
        if stuck >= STUCK_MAX {
            break;
        }
    }
    count
}

/// Whether it ended as it should; `None` as long as that is open.
fn verdict(status: &Status, expected: &BTreeMap<String, i32>) -> Option<bool> {
    let mut all = true;
    for container in status.all_containers() {
        let Some(code) = expected.get(&container.name) else {
            continue;
        };
        match &container.state {
            ContainerState::Terminated(terminated) if terminated.exit_code == *code => {}
            ContainerState::Terminated(_) => return Some(false),
            ContainerState::Waiting(_) | ContainerState::Running { .. } => all = false,
        }
    }
    all.then_some(true)
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.failed, self.runs)
    }
}
