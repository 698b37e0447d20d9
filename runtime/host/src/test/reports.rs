//! What is left behind of one run, for people and for other programs.

use crate::cli::Reports;
use anyhow::Context;
use seedpod::testing::Bench;
use seedpod_core::sched::Chooser;
use seedpod_sim::explore::Case;
use seedpod_sim::report::{FailureReport, html, jsonl, perfetto};
use seedpod_sim::run::RunReport;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// A run to be reported.
pub(crate) struct Run<'a> {
    /// Name of the test.
    pub(crate) test: &'a str,
    /// What it came to, if it failed.
    pub(crate) failure: Option<&'a FailureReport>,
    /// Which run it is.
    pub(crate) case: &'a Case,
    /// What it left, with its trace.
    pub(crate) report: &'a RunReport,
}

impl Reports {
    /// Whether a run must be made with its trace.
    pub(crate) fn is_wanted(&self) -> bool {
        let Self {
            trace,
            html,
            pcap,
            perfetto,
        } = self;
        [trace, html, pcap, perfetto]
            .into_iter()
            .any(Option::is_some)
    }

    /// Writes what was asked for.
    pub(crate) fn write(&self, bench: &Bench, run: &Run<'_>) -> anyhow::Result<()> {
        if let Some(path) = &self.trace {
            write(path, jsonl::write(&run.report.trace).as_bytes())?;
        }
        if let Some(path) = &self.perfetto {
            write(path, perfetto::timeline(&run.report.trace).as_bytes())?;
        }
        if let Some(path) = &self.html {
            let report = run.failure.cloned().unwrap_or_else(|| FailureReport {
                test: run.test.to_owned(),
                trace: run.report.trace.clone(),
                ..FailureReport::default()
            });
            write(path, html::page(&[report]).as_bytes())?;
        }
        if let Some(path) = &self.pcap {
            let file = File::create(path);
            let file = file.with_context(|| format!("cannot write {}", path.display()))?;
            let again = Chooser::replay(run.report.schedule.log.clone());
            bench.capture(run.case, again, Box::new(BufWriter::new(file)))?;
        }
        Ok(())
    }
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        return match io::stdout().write_all(bytes) {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        };
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
