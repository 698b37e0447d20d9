//! What a run prints: lines of containers on standard output, everything else on standard error. One thread writes, so
//! that lines never mix; when it cannot keep up, the pods wait.

mod json;
mod progress;
mod text;

use crate::cli::Format;
use anyhow::Context;
use progress::Progress;
use seedpod::spec;
use seedpod::status::{EventType, PodEvent, Status, TerminatedReason};
use seedpod::{LogLine, Output, Pod, PodName};
use seedpod_core::limits::{EVENTS_KEPT, OUTPUT_LINES_PENDING};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread;
use tokio::sync::Notify;

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    format: Format,
    /// All events, not only warnings.
    events: bool,
    /// Colours on standard output and on standard error.
    colours: [bool; 2],
    progress: bool,
}

impl Settings {
    pub(crate) fn new(format: Format, events: bool) -> Self {
        let terminals = [io::stdout().is_terminal(), io::stderr().is_terminal()];
        let colours_wanted = format == Format::Text
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            format,
            events,
            colours: terminals.map(|terminal| terminal && colours_wanted),
            progress: terminals[1] && format == Format::Text,
        }
    }
}

/// Sends lines to the thread that writes them.
#[derive(Debug)]
pub(crate) struct Printer {
    messages: SyncSender<Message>,
    broken_pipe: Arc<Notify>,
}

enum Message {
    Said(PodName, Output),
    Notice(String),
    /// A further pod will speak.
    Pod(Box<spec::Pod>),
    Closing(Pod, Box<Status>),
    /// The last one; the answer is that everything has been written.
    Finish(SyncSender<()>),
}

impl Printer {
    /// Starts the thread. `pods` are those that will speak.
    pub(crate) fn start(settings: Settings, pods: &[spec::Pod]) -> anyhow::Result<Self> {
        let (messages, received) = sync_channel(OUTPUT_LINES_PENDING);
        let broken_pipe = Arc::new(Notify::new());
        let writer = Writer {
            settings,
            pods: pods.iter().map(|pod| (name_of(pod), pod.clone())).collect(),
            progress: Progress::default(),
            warned: BTreeSet::new(),
            failed: BTreeMap::new(),
            out: Some(BufWriter::new(io::stdout())),
            err: BufWriter::new(io::stderr()),
            broken_pipe: broken_pipe.clone(),
        };
        let thread = thread::Builder::new().name("seedpod-print".to_owned());
        thread
            .spawn(move || writer.write_all(&received))
            .context("cannot start a thread")?;
        Ok(Self {
            messages,
            broken_pipe,
        })
    }

    /// Takes everything that pods say.
    pub(crate) fn observer(&self) -> impl Fn(&PodName, &Output) + Send + Sync + use<> {
        let messages = self.messages.clone();
        move |pod, output| {
            let message = Message::Said(pod.clone(), output.clone());
            match messages.try_send(message) {
                // The thread only ends after the last message.
                Ok(()) | Err(TrySendError::Disconnected(_)) => {}
                Err(TrySendError::Full(message)) => {
                    tokio::task::block_in_place(|| drop(messages.send(message)));
                }
            }
        }
    }

    /// A further pod will speak.
    pub(crate) fn add(&self, pod: &spec::Pod) {
        self.send(Message::Pod(Box::new(pod.clone())));
    }

    /// Prints a message of our own.
    pub(crate) fn notice(&self, text: &str) {
        self.send(Message::Notice(text.to_owned()));
    }

    /// Prints what did not succeed in a pod that has ended.
    pub(crate) fn closing(&self, pod: &Pod, status: &Status) {
        self.send(Message::Closing(pod.clone(), Box::new(status.clone())));
    }

    /// Waits until everything has been written.
    pub(crate) fn finish(&self) {
        let (written, wait) = sync_channel(1);
        self.send(Message::Finish(written));
        // An error is the end of the thread: then there is nothing left to write either.
        let _ = tokio::task::block_in_place(|| wait.recv());
    }

    /// Returns once nobody reads standard output any more.
    pub(crate) async fn broken_pipe(&self) {
        self.broken_pipe.notified().await;
    }

    fn send(&self, message: Message) {
        // The thread only ends after the last message.
        drop(self.messages.send(message));
    }
}

fn name_of(pod: &spec::Pod) -> PodName {
    PodName {
        namespace: pod.meta.namespace.clone(),
        name: pod.meta.name.clone(),
    }
}

struct Writer {
    settings: Settings,
    pods: BTreeMap<PodName, spec::Pod>,
    progress: Progress,
    /// Warnings that were shown: the same once, unless all events are shown.
    warned: BTreeSet<(PodName, String)>,
    /// The instance of each container that was shown to have failed last.
    failed: BTreeMap<(PodName, String), String>,
    /// `None` once nobody reads it.
    out: Option<BufWriter<io::Stdout>>,
    err: BufWriter<io::Stderr>,
    broken_pipe: Arc<Notify>,
}

impl Writer {
    fn write_all(mut self, messages: &Receiver<Message>) {
        loop {
            let message = match messages.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => {
                    self.flush();
                    match messages.recv() {
                        Ok(message) => message,
                        Err(_) => return,
                    }
                }
            };
            match message {
                Message::Said(pod, Output::Log(line)) => self.log(&pod, &line),
                Message::Said(pod, Output::Event(event)) => self.event(&pod, &event),
                Message::Said(pod, Output::Status(status)) => self.status(&pod, &status),
                Message::Notice(text) => self.notice(&text),
                Message::Pod(pod) => {
                    self.pods.insert(name_of(&pod), *pod);
                }
                Message::Closing(pod, status) => self.closing(&pod, &status),
                Message::Finish(written) => {
                    self.progress.clear();
                    self.flush();
                    // Whoever asked may have gone.
                    let _ = written.send(());
                    return;
                }
            }
        }
    }

    fn log(&mut self, pod: &PodName, line: &LogLine) {
        let text = match self.settings.format {
            Format::Text => text::log(pod, line, self.settings.colours[0]),
            Format::Json => json::log(pod, line),
        };
        self.write_out(&text);
    }

    fn event(&mut self, pod: &PodName, event: &PodEvent) {
        if !self.settings.events && !self.is_news(pod, event) {
            return;
        }
        let spec = self.pods.get(pod);
        let line = match self.settings.format {
            Format::Text => text::event(pod, spec, event, self.settings.colours[1]),
            Format::Json => json::event(pod, spec, event),
        };
        self.write_err(&line);
    }

    /// Whether this is a warning that was not shown yet.
    fn is_news(&mut self, pod: &PodName, event: &PodEvent) -> bool {
        if event.type_ != EventType::Warning {
            return false;
        }
        if self.warned.len() >= EVENTS_KEPT {
            self.warned.clear();
        }
        let words = format!("{:?} {} {}", event.container, event.reason, event.message);
        self.warned.insert((pod.clone(), words))
    }

    fn status(&mut self, pod: &PodName, status: &Status) {
        if self.settings.format == Format::Json {
            let spec = self.pods.get(pod);
            let line = json::status(pod, spec, status);
            self.write_err(&line);
            return;
        }
        self.failures(pod, status);
        if self.settings.progress {
            self.erase_progress();
            self.progress.update(pod, status);
        }
    }

    /// Shows how each instance failed that another one follows.
    fn failures(&mut self, pod: &PodName, status: &Status) {
        for container in status.all_containers() {
            let Some(end) = &container.last_state else {
                continue;
            };
            let key = (pod.clone(), container.name.clone());
            let known = self.failed.insert(key, end.container_id.clone());
            let is_failure = !matches!(
                end.reason,
                TerminatedReason::Completed | TerminatedReason::RestartingAllContainers
            );
            if is_failure && known.as_ref() != Some(&end.container_id) {
                let line = text::failed(pod, &container.name, end, self.settings.colours[1]);
                self.write_err(&line);
            }
        }
    }

    fn notice(&mut self, text: &str) {
        let line = match self.settings.format {
            Format::Text => format!("{text}\n"),
            Format::Json => json::notice(text),
        };
        self.write_err(&line);
    }

    /// JSON needs none: the last status says it all.
    fn closing(&mut self, pod: &Pod, status: &Status) {
        if self.settings.format == Format::Text {
            for line in text::closing(pod, status, self.settings.colours[1]) {
                self.write_err(&line);
            }
        }
    }

    fn write_out(&mut self, bytes: &[u8]) {
        self.erase_progress();
        if let Some(out) = &mut self.out
            && out.write_all(bytes).is_err()
        {
            self.give_up();
        }
    }

    fn write_err(&mut self, line: &str) {
        self.erase_progress();
        // There is nowhere to tell that standard error is broken.
        let _ = self.err.write_all(line.as_bytes());
    }

    fn erase_progress(&mut self) {
        if let Some(erase) = self.progress.erase() {
            let _ = self.err.write_all(erase.as_bytes());
            let _ = self.err.flush();
        }
    }

    fn flush(&mut self) {
        if let Some(out) = &mut self.out
            && out.flush().is_err()
        {
            self.give_up();
        }
        if let Some(line) = self.progress.draw() {
            let _ = self.err.write_all(line.as_bytes());
        }
        let _ = self.err.flush();
    }

    fn give_up(&mut self) {
        if let Some(out) = self.out.take() {
            // What is left in the buffer has no reader; dropping the writer would try again.
            let _ = out.into_parts();
            self.broken_pipe.notify_one();
        }
    }
}
