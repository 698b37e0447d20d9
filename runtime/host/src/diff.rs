//! `seedpod diff`: where two traces part.

use crate::EXIT_USAGE;
use crate::cli::DiffArguments;
use anyhow::Context;
use seedpod_core::trace::TraceEvent;
use seedpod_sim::report::{self, jsonl};
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

/// As `diff(1)`.
const EXIT_DIFFERENT: u8 = 1;

pub(crate) fn diff(arguments: &DiffArguments) -> anyhow::Result<ExitCode> {
    let sides = (read(&arguments.left), read(&arguments.right));
    let (left, right) = match sides {
        (Ok(left), Ok(right)) => (left, right),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("error: {error:#}");
            return Ok(ExitCode::from(EXIT_USAGE));
        }
    };
    let Some(difference) = report::diff(&left, &right) else {
        println!("{} events are equal", left.len());
        return Ok(ExitCode::SUCCESS);
    };
    let names = [&arguments.left, &arguments.right].map(|path| path.display().to_string());
    let text = difference.text([&names[0], &names[1]]);
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        result => result?,
    }
    Ok(ExitCode::from(EXIT_DIFFERENT))
}

fn read(path: &Path) -> anyhow::Result<Vec<TraceEvent>> {
    let cannot = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    jsonl::read(BufReader::new(file))
        .collect::<Result<_, _>>()
        .with_context(cannot)
}
