//! `tests/conformance.md` and the counts in README say what the cases say.

use crate::cases::{Case, File, Outcome};
use expect_test::expect_file;
use seedpod_tests::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

/// Every test of the upstream files: path, line, name.
const UPSTREAM: &str = include_str!("upstream.tsv");

/// Those that a real server passes: path, line, name and how they were adapted, if they were.
const SERVED: &str = include_str!("../../../runtime/host/tests/api_conformance/cases.tsv");

const HEAD: &str = "# Conformance

Kubernetes' end-to-end tests of pods (version 1.36, `test/e2e` and `test/e2e_node`) and podman's tests of `kube play`, and
what became of each: it passes as it stands, it is adapted (how), or it is not applicable (why). *Missing* is what nobody
has ported yet. Each one that passes is a trial of this name in `cargo test -p seedpod-tests --test conformance`, or, where it says
*served*, in `cargo test -p seedpod --test api_conformance`, through a real `seedpod serve`. The first of them also writes
this file, with `UPDATE_EXPECT=1`.

";

#[derive(Clone, Copy, Default)]
struct Counts {
    pass: usize,
    adapted: usize,
    not_applicable: usize,
    missing: usize,
}

struct Row {
    path: &'static str,
    line: u32,
    name: &'static str,
    case: Option<Case>,
    /// How a real server passes it: as it stands (empty), or adapted.
    served: Option<&'static str>,
}

pub(crate) fn check(files: &[File]) {
    let rows = rows(files);
    let (kubernetes, podman): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| !row.path.starts_with("podman/"));
    let sections = [("Kubernetes", &kubernetes), ("podman", &podman)];
    let mut counts =
        "| tests of | all | pass | adapted | n/a | missing |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for (title, rows) in sections {
        counts += &count(title, rows);
    }
    let tables: String = sections
        .iter()
        .map(|(title, rows)| section(title, rows))
        .collect();
    check_readme(&counts);
    let path = root().join("tests/conformance.md");
    expect_file![path].assert_eq(&format!("{HEAD}{counts}{tables}"));
}

/// All upstream tests, with their cases.
///
/// # Panics
/// When a case stands for no upstream test, or two for the same.
fn rows(files: &[File]) -> Vec<Row> {
    let mut cases = BTreeMap::new();
    for file in files {
        for case in file.cases {
            let twice = cases.insert((file.path, case.line), *case);
            assert!(
                twice.is_none(),
                "{}:{} is there twice",
                file.path,
                case.line
            );
        }
    }
    let mut served = BTreeMap::new();
    for text in SERVED.lines() {
        let mut fields = text.splitn(4, '\t');
        let key = (fields.next(), fields.next(), fields.next());
        served.insert(key, fields.next().unwrap_or_default());
    }
    let mut rows = Vec::new();
    for text in UPSTREAM.lines() {
        let mut fields = text.splitn(3, '\t');
        let (Some(path), Some(line), Some(name)) = (fields.next(), fields.next(), fields.next())
        else {
            panic!("no path, line and name: {text}");
        };
        let served = served.remove(&(Some(path), Some(line), Some(name)));
        let line = line.parse().expect("a line number");
        let case = cases.remove(&(path, line));
        if let Some(case) = &case {
            assert_eq!(case.name, name, "{path}:{line}");
            let is_given_up = matches!(case.outcome, Outcome::NotApplicable(_));
            assert!(
                served.is_none() || !is_given_up,
                "{path}:{line} is served: it is applicable"
            );
        }
        rows.push(Row {
            path,
            line,
            name,
            case,
            served,
        });
    }
    assert!(served.is_empty(), "served, but not upstream: {served:?}");
    let unknown: Vec<_> = cases.keys().collect();
    assert!(unknown.is_empty(), "not upstream: {unknown:?}");
    rows
}

fn count(title: &str, rows: &[Row]) -> String {
    let mut counts = Counts::default();
    for row in rows {
        match (row.case.map(|case| case.outcome), row.served) {
            (Some(Outcome::Pass(_)), _) | (None, Some("")) => counts.pass += 1,
            (Some(Outcome::Adapted(..)), _) | (None, Some(_)) => counts.adapted += 1,
            (Some(Outcome::NotApplicable(_)), _) => counts.not_applicable += 1,
            (None, None) => counts.missing += 1,
        }
    }
    let Counts {
        pass,
        adapted,
        not_applicable,
        missing,
    } = counts;
    format!(
        "| {title} | {} | {pass} | {adapted} | {not_applicable} | {missing} |\n",
        rows.len()
    )
}

fn section(title: &str, rows: &[Row]) -> String {
    let mut text = format!("\n## {title}\n");
    let mut seen = BTreeSet::new();
    for row in rows {
        if seen.insert(row.path) {
            let _infallible = write!(
                text,
                "\n### {}\n\n| line | test | |\n|---|---|---|\n",
                row.path.strip_prefix("podman/").unwrap_or(row.path)
            );
        }
        let outcome = match (row.case.map(|case| case.outcome), row.served) {
            (Some(Outcome::Pass(_)), _) => "pass".to_owned(),
            (Some(Outcome::Adapted(how, _)), _) => format!("adapted: {how}"),
            (Some(Outcome::NotApplicable(why)), _) => format!("n/a: {why}"),
            (None, Some("")) => "pass, served".to_owned(),
            (None, Some(how)) => format!("adapted, served: {how}"),
            (None, None) => "missing".to_owned(),
        };
        let _infallible = writeln!(text, "| {} | {} | {outcome} |", row.line, row.name);
    }
    text
}

/// README has the counts, after the line that names the table.
fn check_readme(counts: &str) {
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).expect("README.md can be read");
    if readme.contains(counts) {
        return;
    }
    let mut lines = counts.lines();
    let head = lines.next().expect("a table has a head");
    let (before, rest) = readme
        .split_once(head)
        .unwrap_or_else(|| panic!("README.md needs this table:\n{counts}"));
    let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, format!("{before}{counts}\n{after}")).expect("README.md can be written");
        return;
    }
    panic!("README.md needs this table (UPDATE_EXPECT=1 writes it):\n{counts}");
}
