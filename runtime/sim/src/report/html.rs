//! A failure as one page for a browser, which needs nothing else: a sequence diagram over virtual time with the deciding
//! switch, and the logs beside it.
//!
//! The page draws only what is in sight, so that long runs stay quick. What is set in it (filter, zoom, selection) is in
//! its address, after `#`: `filter`, `task`, `object`, `kind`, `select`, `zoom`, `scale`, `theme`, `report`.

use super::failure::{Decisive, FailureReport};
use super::text;
use seedpod_core::trace::TraceEvent;
use serde::Serialize;
use std::collections::BTreeMap;

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// The page of one failure or more. One without a property is a run that did not fail.
pub fn page(reports: &[FailureReport]) -> String {
    let title = match reports {
        [one] if one.property.is_empty() => one.test.clone(),
        [one] => format!("FAIL {} / {}", one.test, one.property),
        _ => format!("{} failures", reports.len()),
    };
    let data = Data {
        reports: reports.iter().map(Report::new).collect(),
    };
    let data = serde_json::to_string(&data).expect("numbers and text are JSON");
    let mut page = String::with_capacity(PAGE.len() + STYLE.len() + SCRIPT.len() + data.len());
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("the page closes its braces");
        page += before;
        match name {
            "title" => page += &escape_html(&title),
            "style" => page += STYLE,
            "script" => page += SCRIPT,
            "data" => page += &escape_json(&data),
            _ => unreachable!("the page has no other parts"),
        }
        rest = after;
    }
    page + rest
}

/// No text of a guest can end the script element that the data is in, or begin a comment there.
fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => escaped += "\\u003c",
            '>' => escaped += "\\u003e",
            '&' => escaped += "\\u0026",
            '\u{2028}' => escaped += "\\u2028",
            '\u{2029}' => escaped += "\\u2029",
            c => escaped.push(c),
        }
    }
    escaped
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[derive(Serialize)]
struct Data<'a> {
    reports: Vec<Report<'a>>,
}

/// Names are numbers into tables, so that long runs make small pages.
#[derive(Serialize)]
struct Report<'a> {
    test: &'a str,
    property: &'a str,
    message: &'a str,
    facts: Vec<(&'static str, String)>,
    replay: Option<String>,
    decisive: Option<&'a Decisive>,
    failed_at: Option<u64>,
    tasks: Vec<&'a str>,
    kinds: Vec<&'a str>,
    objects: Vec<&'a str>,
    events: Vec<Event<'a>>,
}

/// Number, time, task, kind, object, detail, result, fuel.
type Event<'a> = (u64, u64, usize, usize, usize, &'a str, &'a str, u64);

impl<'a> Report<'a> {
    fn new(report: &'a FailureReport) -> Self {
        let is_failure = !report.property.is_empty();
        let (mut tasks, mut kinds, mut objects) =
            (Names::default(), Names::default(), Names::default());
        let mut row = |event: &'a TraceEvent| {
            (
                event.number,
                event.nanos,
                tasks.number(&event.task),
                kinds.number(&event.kind),
                objects.number(&event.object),
                event.detail.as_str(),
                event.result.as_str(),
                event.fuel,
            )
        };
        let events = report.trace.iter().map(&mut row).collect();
        Self {
            test: &report.test,
            property: &report.property,
            message: &report.message,
            facts: facts(report),
            replay: report
                .choices
                .as_ref()
                .map(|choices| format!("seedpod replay {choices}")),
            decisive: report.decisive.as_ref(),
            failed_at: is_failure.then_some(report.event),
            tasks: tasks.list,
            kinds: kinds.list,
            objects: objects.list,
            events,
        }
    }
}

fn facts(report: &FailureReport) -> Vec<(&'static str, String)> {
    let is_failure = !report.property.is_empty();
    let mut facts = Vec::new();
    if is_failure || report.seed != 0 {
        facts.push(("seed", text::seed(report.seed)));
    }
    if report.runs > 0 {
        facts.push(("run", format!("{} of {}", report.run, report.runs)));
    }
    if !report.strategy.is_empty() {
        facts.push(("strategy", report.strategy.clone()));
    }
    let last = report.trace.last().map_or(0, |event| event.nanos);
    let (what, nanos) = match is_failure {
        true => ("fails at", report.at.as_nanos()),
        false => ("ends at", last),
    };
    facts.push((what, text::seconds(nanos)));
    if let Some(minimised) = &report.minimised {
        facts.push(("minimised", text::minimised(minimised)));
    }
    if !report.fingerprint.is_empty() {
        facts.push(("built from", text::fingerprint(&report.fingerprint)));
    }
    facts
}

#[derive(Default)]
struct Names<'a> {
    list: Vec<&'a str>,
    numbers: BTreeMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    fn number(&mut self, name: &'a str) -> usize {
        *self.numbers.entry(name).or_insert_with(|| {
            self.list.push(name);
            self.list.len() - 1
        })
    }
}
