//! Failures and events as lines for a terminal.

use super::failure::{Decisive, FailureReport, Minimised, logs_around};
use seedpod_core::limits::REPORT_LOG_LINES;
use seedpod_core::trace::TraceEvent;
use std::fmt::Write as _;

/// What `seedpod test` prints for a failure: enough to understand it, and the line that replays it.
pub fn failure(report: &FailureReport) -> String {
    let FailureReport {
        test,
        property,
        run,
        runs,
        strategy,
        ..
    } = report;
    let mut text = format!(
        "FAIL {test} / {property}   seed {}  run {run}/{runs}  virtual +{}  strategy {strategy}\n",
        seed(report.seed),
        seconds(report.at.as_nanos()),
    );
    for line in report.message.lines() {
        let _infallible = writeln!(text, "  {}", printable(line));
    }
    field(&mut text, "fingerprint", &fingerprint(&report.fingerprint));
    if let Some(size) = &report.minimised {
        field(&mut text, "minimised", &minimised(size));
    }
    if let Some(decisive) = &report.decisive {
        decisive_lines(&mut text, report, decisive);
    }
    log_lines(&mut text, report);
    if let Some(choices) = &report.choices {
        field(&mut text, "replay", &format!("seedpod replay {choices}"));
    }
    text
}

/// An event in one line, without its end: number, time, task, call, result.
pub fn event(event: &TraceEvent) -> String {
    let number = event.number;
    let at = seconds(event.nanos);
    format!("{number:>6}  +{at}  {}", said(event))
}

/// A seed as `--seed` takes it.
pub fn seed(seed: u64) -> String {
    format!("{seed:#018x}")
}

/// Virtual time in seconds, to the microsecond.
pub fn seconds(nanos: u64) -> String {
    let micros = nanos / 1000;
    format!("{}.{:06}s", micros / 1_000_000, micros % 1_000_000)
}

/// Names and values in one line.
pub fn fingerprint(values: &[(String, String)]) -> String {
    let values: Vec<_> = values
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    values.join(" · ")
}

/// Text of a guest without what a terminal would obey.
pub fn printable(text: &str) -> String {
    let is_safe = |c: &char| !c.is_control() || *c == '\t';
    if text.chars().all(|c| is_safe(&c)) {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match is_safe(&c) {
            true => safe.push(c),
            false => safe.extend(c.escape_default()),
        }
    }
    safe
}

fn field(text: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        let _infallible = writeln!(text, "  {name:<11}  {}", printable(value));
    }
}

pub(super) fn minimised(minimised: &Minimised) -> String {
    let Minimised {
        switches,
        switches_before,
        faults,
        faults_before,
        replays,
    } = minimised;
    let plural = if *switches_before == 1 { "" } else { "es" };
    let mut line = format!("{switches} of {switches_before} context switch{plural}");
    if *faults_before > 0 {
        let plural = if *faults_before == 1 { "" } else { "s" };
        let _infallible = write!(line, ", {faults} of {faults_before} fault{plural}");
    }
    line + &format!(" ({replays} replays)")
}

fn decisive_lines(text: &mut String, report: &FailureReport, decisive: &Decisive) {
    let (Some(before), Some(after)) = (report.find(decisive.before), report.find(decisive.after))
    else {
        return;
    };
    let what = [said(before), format!("── switch ──▶ {}", said(after))];
    let width = what
        .iter()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or_default();
    for (line, event) in what.iter().zip([before, after]) {
        let at = seconds(event.nanos);
        let _infallible = writeln!(text, "    {line:<width$}   t={at}");
    }
    if let Some(instead) = &decisive.instead {
        let passes = format!("{} precedes {}", called(instead), called(after));
        field(text, "passes if", &passes);
    }
}

fn log_lines(text: &mut String, report: &FailureReport) {
    let number = report
        .decisive
        .as_ref()
        .map_or(report.event, |decisive| decisive.after);
    let logs = logs_around(&report.trace, number, REPORT_LOG_LINES);
    let width = logs.iter().map(|line| line.task.chars().count()).max();
    let width = width.unwrap_or_default();
    for (index, line) in logs.iter().enumerate() {
        let name = if index == 0 { "logs" } else { "" };
        let (at, task) = (seconds(line.nanos), &line.task);
        let _infallible = writeln!(
            text,
            "  {name:<11}  +{at}  {task:<width$}  {}",
            printable(&line.detail)
        );
    }
}

/// Who called what on what, and with what result.
fn said(event: &TraceEvent) -> String {
    let mut line = called(event);
    if !event.detail.is_empty() {
        line = format!("{line}  {}", printable(&event.detail));
    }
    if !matches!(event.result.as_str(), "" | "ok") {
        line = format!("{line}  → {}", printable(&event.result));
    }
    line
}

fn called(event: &TraceEvent) -> String {
    // `exit 1` says its kind itself.
    let is_said = event.detail.split(' ').next() == Some(event.kind.as_str());
    let kind = if is_said { "" } else { &event.kind };
    let words = [&event.task, kind, &event.object].into_iter();
    let words: Vec<_> = words
        .filter(|word| !word.is_empty())
        .map(printable)
        .collect();
    words.join(" ")
}
