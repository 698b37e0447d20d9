//! `seedpod run --stdin`: standard input of this program becomes that of a container.

use seedpod::status::ContainerState;
use seedpod::{AttachRequest, Pod, spec};
use std::io::Read;
use std::thread;
use tokio::sync::mpsc;

/// The container that gets standard input.
pub(crate) struct Target {
    /// Position of its pod.
    pod: usize,
    container: String,
}

impl Target {
    /// Finds `[POD/]CONTAINER`.
    ///
    /// # Errors
    /// When there is no such container, or it has no standard input.
    pub(crate) fn find(pods: &[spec::Pod], target: &str) -> anyhow::Result<Self> {
        let (name, container) = match target.split_once('/') {
            Some((pod, container)) => (Some(pod), container),
            None => (None, target),
        };
        let found = pods.iter().enumerate().find_map(|(index, pod)| {
            let container = pod.all_containers().find(|one| one.name == container)?;
            name.is_none_or(|name| pod.meta.name == name)
                .then_some((index, container))
        });
        let (pod, spec) = found.ok_or_else(|| anyhow::anyhow!("there is no container {target}"))?;
        anyhow::ensure!(spec.stdin, "container {target} has no `stdin: true`");
        let container = container.to_owned();
        Ok(Self { pod, container })
    }

    /// Sends it standard input from when it first runs.
    pub(crate) fn send(self, pods: &[Pod]) {
        let pod = pods[self.pod].clone();
        tokio::spawn(async move {
            if let Err(error) = forward(&pod, self.container).await {
                tracing::debug!(%error, "standard input is not sent any more");
            }
        });
    }
}

async fn forward(pod: &Pod, container: String) -> anyhow::Result<()> {
    let running = |status: &seedpod::status::Status| {
        let mut all = status.all_containers();
        all.any(|one| one.name == container && matches!(one.state, ContainerState::Running { .. }))
    };
    if pod.wait_for(running).await.is_none() {
        return Ok(());
    }
    let stdin = true;
    let attached = pod.attach(&AttachRequest { container, stdin })?;
    let mut chunks = read();
    while let Some(chunk) = chunks.recv().await {
        attached.write(&chunk).await?;
    }
    Ok(())
}

/// A thread of its own: nobody can stop a read, and the end of the program does not wait for it.
fn read() -> mpsc::Receiver<Vec<u8>> {
    let (sender, chunks) = mpsc::channel(CHUNKS_PENDING);
    let body = move || {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = vec![0; CHUNK_BYTES];
        while let Ok(count @ 1..) = stdin.read(&mut buffer) {
            if sender.blocking_send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    };
    let thread = thread::Builder::new().name("seedpod-stdin".to_owned());
    if let Err(error) = thread.spawn(body) {
        tracing::warn!(%error, "no thread for standard input");
    }
    chunks
}

const CHUNKS_PENDING: usize = 4;
const CHUNK_BYTES: usize = 64 << 10;
