//! `gzip`, `gunzip`, `zcat`.

use super::reason;
use crate::sys::How;
use crate::tool::{CHUNK, Options, Ran, Tool};

pub fn gzip(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        arguments,
        "cdfktnvq123456789",
        &[
            ("stdout", 'c'),
            ("decompress", 'd'),
            ("keep", 'k'),
            ("force", 'f'),
        ],
    )?;
    let decompress = options.has('d') || tool.name != "gzip";
    let to_output = options.has('c') || tool.name == "zcat" || options.operands.is_empty();
    let paths = if options.operands.is_empty() {
        vec!["-".to_owned()]
    } else {
        options.operands.clone()
    };
    let mut status = 0;
    for path in &paths {
        let Some(mut input) = tool.open(path) else {
            status = 1;
            continue;
        };
        let bytes = input.all(tool)?;
        let result = if decompress {
            unzip(&bytes)
        } else {
            Ok(zip(&bytes))
        };
        let bytes = result.map_err(|error| format!("{path}: {error}"))?;
        if to_output {
            tool.write(&bytes);
            continue;
        }
        let target = match (
            decompress,
            path.strip_suffix(".gz")
                .or_else(|| path.strip_suffix(".tgz")),
        ) {
            (false, _) => format!("{path}.gz"),
            (true, Some(stem)) if path.ends_with(".tgz") => format!("{stem}.tar"),
            (true, Some(stem)) => stem.to_owned(),
            (true, None) => return Err(format!("{path}: unknown suffix - ignored")),
        };
        tool.create(&target, How::CREATE)?
            .write(&bytes)
            .map_err(|error| format!("{target}: {error}"))?;
        if !options.has('k') {
            std::fs::remove_file(path).map_err(|error| format!("{path}: {}", reason(&error)))?;
        }
    }
    Ok(status)
}

pub fn zip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut output = Vec::new();
    let mut encoder = flate2::bufread::GzEncoder::new(bytes, flate2::Compression::default());
    // Reading from memory does not fail.
    let _ = encoder.read_to_end(&mut output);
    output
}

/// What a gzip file holds; a gigabyte at most.
pub fn unzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let mut output = Vec::new();
    let mut decoder = flate2::bufread::MultiGzDecoder::new(bytes);
    loop {
        let before = output.len();
        let read = decoder.by_ref().take(CHUNK as u64).read_to_end(&mut output);
        read.map_err(|_| "invalid magic or corrupted data".to_owned())?;
        if output.len() == before {
            return Ok(output);
        }
        if output.len() > UNZIPPED_MAX {
            return Err("too large".to_owned());
        }
    }
}

/// Bytes that are unpacked in memory.
const UNZIPPED_MAX: usize = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_goes_both_ways() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|at| (at / 7) as u8).collect();
        assert_eq!(unzip(&zip(&bytes)).as_ref(), Ok(&bytes));
        assert!(unzip(b"not gzip at all").is_err());
    }
}
