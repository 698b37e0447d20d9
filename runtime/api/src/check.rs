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
    let mut rows: Vec<Row<'_>> = fields(log)
        .chain(errors(log))
        .chain(warnings(log))
        .collect();
    rows.sort_by(|a, b| a.location.cmp(b.location));
    let mut cells = vec![["LINE", "OBJECT", "FIELD", "TREATMENT", "REASON"].map(str::to_owned)];
    cells.extend(rows.iter().map(|row| row.cells(log)));
    if log.fields.len() >= limits::MANIFEST_NOTES_MAX {
        cells.push(["…", "", "", "", "more fields than are shown"].map(str::to_owned));
    }
    align(&cells)
}

/// Every field that is set; one with an error has the error's line instead.
fn fields(log: &Log) -> impl Iterator<Item = Row<'_>> {
    let place = |error: &'_ ManifestError| (error.location.order, error.path.clone());
    let wrong: BTreeSet<(usize, String)> = log.errors.iter().map(place).collect();
    let fields = log
        .fields
        .iter()
        .filter(move |field| !wrong.contains(&(field.location.order, field.path.clone())));
    fields.map(|field| Row {
        location: &field.location,
        field: &field.path,
        treatment: field.treatment.word(),
        reason: field.reason.to_owned(),
    })
}

fn errors(log: &Log) -> impl Iterator<Item = Row<'_>> {
    log.errors.iter().map(|error| {
        let (treatment, reason) = match &error.problem {
            Problem::Refused(reason) => (Treatment::Refused.word(), reason.clone()),
            problem => ("error", problem.to_string()),
        };
        Row {
            location: &error.location,
            field: &error.path,
            treatment,
            reason,
        }
    })
}

fn warnings(log: &Log) -> impl Iterator<Item = Row<'_>> {
    let warnings = log
        .notes
        .iter()
        .filter(|note| note.kind == NoteKind::Warning);
    warnings.map(|note| Row {
        location: &note.location,
        field: &note.path,
        treatment: "warning",
        reason: note.text.clone(),
    })
}

impl Row<'_> {
    fn cells(&self, log: &Log) -> [String; 5] {
        let line = match self.location.position {
            Some(position) => format!("{}:{}", self.location.file, position.line),
            None => self.location.file.clone(),
        };
        let object = object_at(log, self.location).to_owned();
        [
            line,
            object,
            self.field.to_owned(),
            self.treatment.to_owned(),
            self.reason.clone(),
        ]
    }
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
