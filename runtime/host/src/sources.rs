//! Manifests: from files, folders and standard input.

use anyhow::{Context, bail};
use seedpod::api::Source;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Reads all that the command line names, in its order; the files of a folder in the order of their names.
pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            sources.push(source("-", io::stdin().lock()).context("cannot read standard input")?);
        } else if path.is_dir() {
            read_folder(path, &mut sources)?;
        } else {
            sources.push(read_file(path)?);
        }
    }
    Ok(sources)
}

/// Where relative paths of images begin: at the first manifest.
pub(crate) fn folder(paths: &[PathBuf]) -> PathBuf {
    match paths.first() {
        Some(path) if path.is_dir() => path.clone(),
        Some(path) => path.parent().unwrap_or(Path::new("")).to_owned(),
        None => PathBuf::new(),
    }
}

fn read_folder(folder: &Path, sources: &mut Vec<Source>) -> anyhow::Result<()> {
    let cannot = || format!("cannot read {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.is_file() && seedpod::folders::is_manifest(&path) {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!(
            "{}: no .yaml, .yml or .json in this folder",
            folder.display()
        );
    }
    files.sort();
    for file in files {
        sources.push(read_file(&file)?);
    }
    Ok(())
}

fn read_file(path: &Path) -> anyhow::Result<Source> {
    let cannot = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    source(&path.display().to_string(), file).with_context(cannot)
}

/// Reads one byte more than is allowed, so that `load` sees that there is too much.
fn source(name: &str, input: impl Read) -> io::Result<Source> {
    let mut bytes = Vec::new();
    input.take(MANIFEST_BYTES_READ).read_to_end(&mut bytes)?;
    Ok(Source {
        name: name.to_owned(),
        bytes,
    })
}

const MANIFEST_BYTES_READ: u64 = seedpod_core::limits::MANIFEST_BYTES_MAX as u64 + 1;
