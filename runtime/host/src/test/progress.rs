//! A line on the terminal that says how far a test is. Nowhere else.

use seedpod_sim::explore::Exploration;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(200);

/// See the module.
pub(crate) struct Progress {
    is_terminal: bool,
    started: Instant,
    shown: Option<Instant>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            started: Instant::now(),
            shown: None,
        }
    }

    pub(crate) fn show(&mut self, test: &str, exploration: &Exploration) {
        let due = self.shown.unwrap_or(self.started).elapsed() >= INTERVAL;
        if !self.is_terminal || !due {
            return;
        }
        self.shown = Some(Instant::now());
        let line = format!(
            "\r\x1b[K{test}: {} runs, {} interleavings, {} failures, {}s",
            exploration.runs,
            exploration.interleavings,
            exploration.failed,
            self.started.elapsed().as_secs()
        );
        write(&line);
    }

    /// Takes the line away.
    pub(crate) fn clear(&mut self) {
        if self.shown.take().is_some() {
            write("\r\x1b[K");
        }
    }
}

fn write(text: &str) {
    let mut stderr = io::stderr();
    // Without a terminal there is nobody to tell.
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}
