//! `seedpod run`: load, check, start, print, wait.

use crate::cli::RunArguments;
use crate::print::{Printer, Settings};
use crate::stdin::Target;
use crate::{EXIT_USAGE, cache, optimize, simulate, sources};
use anyhow::Context;
use seedpod::api::{Loaded, ManifestError, NoteKind};
use seedpod::spec::{self, GracePeriod};
use seedpod::status::{Phase, Status};
use seedpod::{Node, Pod, Started, StaticPodEvent, StaticPods};
use std::convert::Infallible;
use std::env;
use std::fs;
use std::future::pending;
#[cfg(unix)]
use std::future::poll_fn;
use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;
#[cfg(unix)]
use std::task::Poll;
use std::time::Duration;

/// As `timeout(1)`.
pub(crate) const EXIT_TIMEOUT: u8 = 124;
/// 128 and the signal: SIGINT.
const EXIT_INTERRUPTED: u8 = 130;
/// SIGPIPE.
const EXIT_BROKEN_PIPE: u8 = 141;
/// SIGTERM.
#[cfg(unix)]
const EXIT_TERMINATED: u8 = 143;

const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let loaded = match load(&arguments.files)? {
        Ok(loaded) => loaded,
        Err(errors) => {
            errors.iter().for_each(|error| eprintln!("{error}"));
            return Ok(ExitCode::from(EXIT_USAGE));
        }
    };
    for note in loaded
        .notes
        .iter()
        .filter(|note| note.kind != NoteKind::Shown)
    {
        eprintln!("{note}");
    }
    anyhow::ensure!(
        !loaded.objects.pods.is_empty() || arguments.static_pods.is_some(),
        "there is no Pod in the manifests, so there is nothing to run"
    );
    if arguments.simulate {
        return simulate::simulate(arguments, loaded.objects, &image_folder(arguments));
    }
    let target = target(arguments, &loaded.objects.pods)?;
    let printer = Printer::start(
        Settings::new(arguments.output, arguments.events),
        &loaded.objects.pods,
    )?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start tokio")?;
    let code = runtime.block_on(async {
        let node = node(arguments, &printer)?;
        let signals = Signals::new();
        let started = node.start(&loaded.objects, &arguments.publish)?;
        for published in &started.published {
            printer.notice(&published.to_string());
        }
        let folder = arguments.static_pods.as_ref();
        let static_pods = folder.map(|folder| node.static_pods(folder)).transpose()?;
        if let Some(target) = target {
            target.send(&started.pods);
        }
        let code = tokio::select! {
            biased;
            code = wait(&started, static_pods, arguments.timeout, signals, &printer, &node) => code,
            never = keep_writing(&node, arguments) => match never {},
        };
        if let Err(error) = node.flush_capture() {
            printer.notice(&format!("warning: {error}"));
        }
        printer.finish();
        if let Some(cache) = cache_folder(arguments).filter(|_| node.is_optimizing()) {
            optimize::start(&cache::code(&cache));
        }
        anyhow::Ok(code)
    });
    // What is left ends here, so that the node takes its folder away. Only a task that is stuck is not waited for.
    runtime.shutdown_timeout(SHUTDOWN_TIME_MAX);
    code.map(ExitCode::from)
}

/// Where standard input goes.
fn target(arguments: &RunArguments, pods: &[spec::Pod]) -> anyhow::Result<Option<Target>> {
    let Some(target) = &arguments.stdin else {
        return Ok(None);
    };
    anyhow::ensure!(
        !arguments.files.iter().any(|file| file.as_os_str() == "-"),
        "standard input cannot be a manifest and go to a container too"
    );
    Target::find(pods, target).map(Some)
}

/// Without files there are no objects, which is no mistake beside a folder of static pods.
fn load(files: &[PathBuf]) -> anyhow::Result<Result<Loaded, Vec<ManifestError>>> {
    if files.is_empty() {
        return Ok(Ok(Loaded::default()));
    }
    Ok(seedpod::api::load(&sources::read(files)?))
}

fn cache_folder(arguments: &RunArguments) -> Option<PathBuf> {
    cache::folder(arguments.cache_dir.as_deref())
}

fn node(arguments: &RunArguments, printer: &Printer) -> anyhow::Result<Node> {
    let mut builder = Node::builder()
        .egress(arguments.egress.into())
        .image_folder(image_folder(arguments))
        .observer(printer.observer());
    let cache = cache_folder(arguments);
    builder = match cache.map(|cache| (fs::create_dir_all(&cache), cache)) {
        Some((Ok(()), cache)) => builder
            .cache_folder(cache::code(&cache))
            .run_folder(cache.join("run")),
        Some((Err(error), cache)) => {
            printer.notice(&format!(
                "compiled code is not kept: cannot create {}: {error}",
                cache.display()
            ));
            builder.run_folder(env::temp_dir().join("seedpod"))
        }
        None => builder.run_folder(env::temp_dir().join("seedpod")),
    };
    if let Some(path) = &arguments.pcap {
        let file = fs::File::create(path);
        let file = file.with_context(|| format!("cannot create {} for packets", path.display()))?;
        builder = builder.capture(BufWriter::new(file));
    }
    Ok(builder.build()?)
}

fn image_folder(arguments: &RunArguments) -> PathBuf {
    match &arguments.static_pods {
        Some(folder) if arguments.files.is_empty() => folder.clone(),
        _ => sources::folder(&arguments.files),
    }
}

/// Whoever looks at the packets meanwhile sees those that are older than this.
const CAPTURE_AGE_MAX: Duration = Duration::from_secs(1);

async fn keep_writing(node: &Node, arguments: &RunArguments) -> Infallible {
    if arguments.pcap.is_none() {
        return pending().await;
    }
    loop {
        tokio::time::sleep(CAPTURE_AGE_MAX).await;
        if node.flush_capture().is_err() {
            // It is told at the end.
            return pending().await;
        }
    }
}

/// Why the wait is over.
enum End {
    Over(Vec<Status>),
    Stop(u8, Option<GracePeriod>),
}

async fn wait(
    started: &Started,
    mut static_pods: Option<StaticPods>,
    timeout: Option<Duration>,
    mut signals: Signals,
    printer: &Printer,
    node: &Node,
) -> u8 {
    let over = all_over(&started.pods);
    tokio::pin!(over);
    let end = tokio::select! {
        biased;
        statuses = &mut over, if static_pods.is_none() => End::Over(statuses),
        code = signals.next() => End::Stop(code, None),
        () = printer.broken_pipe() => End::Stop(EXIT_BROKEN_PIPE, Some(GracePeriod { seconds: 0 })),
        () = after(timeout) => End::Stop(EXIT_TIMEOUT, None),
        () = follow(static_pods.as_mut(), printer) => End::Stop(EXIT_USAGE, None),
    };
    let (statuses, code) = match end {
        End::Over(statuses) => (statuses, None),
        End::Stop(code, grace) => {
            started.pods.iter().for_each(|pod| pod.delete(grace));
            let all_over = async {
                for (pod, status) in stop(static_pods, grace).await {
                    printer.closing(&pod, &status);
                }
                over.await
            };
            let statuses = tokio::select! {
                biased;
                statuses = all_over => statuses,
                // Without a word more: whoever reads our output may be what is stuck.
                code = signals.next() => {
                    let _is_lost_anyway = node.flush_capture();
                    std::process::exit(code.into())
                }
            };
            (statuses, Some(code))
        }
    };
    for (pod, status) in started.pods.iter().zip(&statuses) {
        printer.closing(pod, status);
    }
    let succeeded = statuses
        .iter()
        .all(|status| status.phase == Phase::Succeeded);
    code.unwrap_or(if succeeded { 0 } else { 1 })
}

/// Shows what happens to static pods, for as long as there are any.
async fn follow(static_pods: Option<&mut StaticPods>, printer: &Printer) {
    let Some(static_pods) = static_pods else {
        return pending().await;
    };
    while let Some(event) = static_pods.next().await {
        match event {
            StaticPodEvent::Started(pod) => printer.add(&pod.spec()),
            StaticPodEvent::Report(text) => printer.notice(&text),
        }
    }
}

async fn stop(static_pods: Option<StaticPods>, grace: Option<GracePeriod>) -> Vec<(Pod, Status)> {
    match static_pods {
        Some(static_pods) => static_pods.stop(grace).await,
        None => Vec::new(),
    }
}

async fn all_over(pods: &[Pod]) -> Vec<Status> {
    let mut statuses = Vec::new();
    for pod in pods {
        statuses.push(pod.wait().await);
    }
    statuses
}

async fn after(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => pending().await,
    }
}

/// Requests of the operating system to stop, as exit codes.
#[cfg(unix)]
pub(crate) struct Signals([(u8, Option<tokio::signal::unix::Signal>); 2]);

#[cfg(unix)]
impl Signals {
    pub(crate) fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        // Without a handler the signal ends the process at once, which is what it asks for.
        Self([
            (EXIT_INTERRUPTED, signal(SignalKind::interrupt()).ok()),
            (EXIT_TERMINATED, signal(SignalKind::terminate()).ok()),
        ])
    }

    pub(crate) async fn next(&mut self) -> u8 {
        poll_fn(|cx| {
            let mut signals = self.0.iter_mut();
            let received = signals.find_map(|(code, signal)| {
                signal.as_mut()?.poll_recv(cx).is_ready().then_some(*code)
            });
            received.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) async fn next(&mut self) -> u8 {
        match tokio::signal::ctrl_c().await {
            Ok(()) => EXIT_INTERRUPTED,
            Err(_) => pending().await,
        }
    }
}
