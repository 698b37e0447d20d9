//! The table of `seedpod check`.

use std::collections::BTreeSet;

use seedpod_core::limits;

use crate::error::{Location, ManifestError, NoteKind, Problem};
use crate::log::Log;
use crate::objects::{self, Fields};
use crate::{Source, support::Treatment};

/// What [`check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// One line for each field that is set, each error and each warning, in the order of the files.
    pub table: String,
    /// All errors; `run` would start nothing if there is one.
    pub errors: Vec<ManifestError>,
}

/// Looks at manifests as `load` does and shows in one table what is honoured, ignored and refused, and why.
pub fn check(sources: &[Source]) -> Check {
    let (_, log) = objects::read(sources, Fields::Kept);
    Check {
        table: table(&log),
        errors: log.errors,
    }
}

/// One line of the table and where it belongs.
struct Row<'l> {
    location: &'l Location,
    field: &'l str,
    treatment: &'static str,
    reason: String,
}

fn table(log: &Log) -> String {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let wrong: BTreeSet<(usize, &str)> = log
        .errors
        .iter()
        .map(|error| (error.location.order, error.path.as_str()))
        .collect();
    for field in &log.fields {
        let is_wrong = wrong.contains(&(field.location.order, field.path.as_str()));
        if field.treatment == Treatment::Honoured && is_wrong {
            continue;
        }
        let treatment = field.treatment.word();
        let reason = field.reason.to_owned();
        rows.push(Row {
            location: &field.location,
            field: &field.path,
            treatment,
            reason,
        });
    }
    for error in &log.errors {
        let is_listed = matches!(error.problem, Problem::Refused(_))
            && log.fields.iter().any(|field| {
                field.treatment == Treatment::Refused
                    && field.location == error.location
                    && field.path == error.path
            });
        if !is_listed {
            let treatment = if matches!(error.problem, Problem::Refused(_)) {
                "refused"
            } else {
                "error"
            };
            let reason = match &error.problem {
                Problem::Refused(reason) => reason.clone(),
                problem => problem.to_string(),
            };
            rows.push(Row {
                location: &error.location,
                field: &error.path,
                treatment,
                reason,
            });
        }
    }
    for note in log
        .notes
        .iter()
        .filter(|note| note.kind == NoteKind::Warning)
    {
        let reason = note.text.clone();
        rows.push(Row {
            location: &note.location,
            field: &note.path,
            treatment: "warning",
            reason,
        });
    }
    rows.sort_by(|a, b| a.location.cmp(b.location));
    let mut cells = vec![["LINE", "OBJECT", "FIELD", "TREATMENT", "REASON"].map(str::to_owned)];
    for row in &rows {
        let line = match row.location.position {
            Some(position) => format!("{}:{}", row.location.file, position.line),
            None => row.location.file.clone(),
        };
        let object = object_at(log, row.location);
        cells.push([
            line,
            object.to_owned(),
            row.field.to_owned(),
            row.treatment.to_owned(),
            row.reason.clone(),
        ]);
    }
    if log.fields.len() >= limits::MANIFEST_NOTES_MAX {
        cells.push([
            "…".to_owned(),
            String::new(),
            String::new(),
            String::new(),
            "more fields than are shown".to_owned(),
        ]);
    }
    align(&cells)
}

/// The object around a place: the last one of the same file that begins before it.
fn object_at<'l>(log: &'l Log, location: &Location) -> &'l str {
    let after = log.objects.partition_point(|(begin, _)| begin <= location);
    let before = log.objects[..after]
        .last()
        .filter(|(begin, _)| begin.order == location.order);
    before.map_or("", |(_, name)| name)
}

/// Columns of equal width, two spaces between; the last one is as long as it is.
fn align<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
