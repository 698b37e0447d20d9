//! Recorded choices as files: where they go, and what they say.

use anyhow::Context;
use seedpod::testing::TestFile;
use seedpod_core::limits::RECORDING_BYTES_MAX;
use seedpod_sim::explore::{Found, How, Recording};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// The recording of a failure.
pub(crate) fn recording(file: &TestFile, found: &Found) -> io::Result<Recording> {
    let choices = match &found.case.how {
        How::Recorded(choices) => choices.clone(),
        How::Default | How::Sampled => Vec::new(),
    };
    Ok(Recording {
        test: file.test.name.clone(),
        file: relative(&file.path, &file.recordings())?,
        seed: found.case.seed(),
        strategy: found.strategy.clone(),
        property: found.failure.property.clone(),
        hash: found.report.hash,
        without: found.case.without.clone(),
        fingerprint: file.fingerprint.clone(),
        choices,
    })
}

/// Writes a recording beside the others of its test; the same failure gets the same name.
pub(crate) fn write(file: &TestFile, found: &Found) -> anyhow::Result<PathBuf> {
    let folder = file.recordings();
    let cannot = || format!("cannot record the failure in {}", folder.display());
    fs::create_dir_all(&folder).with_context(cannot)?;
    let recording = recording(file, found).with_context(cannot)?;
    let hash = recording.hash as u32;
    let name = format!(
        "{}-{}-{hash:08x}.choices",
        slug(&recording.test),
        slug(&recording.property)
    );
    let path = folder.join(name);
    fs::write(&path, recording.to_string()).with_context(cannot)?;
    Ok(path)
}

/// Reads a recording.
pub(crate) fn read(path: &Path) -> anyhow::Result<Recording> {
    let cannot = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    let mut text = String::new();
    let mut file = file.take(RECORDING_BYTES_MAX as u64 + 1);
    file.read_to_string(&mut text).with_context(cannot)?;
    text.parse().with_context(cannot)
}

/// A name as part of a file name.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().take(SLUG_CHARS_MAX) {
        match c.is_ascii_alphanumeric() {
            true => slug.push(c.to_ascii_lowercase()),
            false if slug.ends_with('-') || slug.is_empty() => {}
            false => slug.push('-'),
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// File systems allow 255 bytes for a name; two of these and a hash fit.
const SLUG_CHARS_MAX: usize = 80;

/// `path` as seen from `folder`, with `/` on every system: a recording is read elsewhere too.
fn relative(path: &Path, folder: &Path) -> io::Result<String> {
    let (path, folder) = (std::path::absolute(path)?, std::path::absolute(folder)?);
    let (path, folder) = (plain(&path), plain(&folder));
    let common = path
        .iter()
        .zip(&folder)
        .take_while(|(one, two)| one == two)
        .count();
    let up = folder[common..].iter().map(|_| "..".to_owned());
    let down = path[common..]
        .iter()
        .map(|component| component.as_os_str().to_string_lossy().into_owned());
    Ok(up.chain(down).collect::<Vec<_>>().join("/"))
}

/// Without `..`, as far as the text says.
fn plain(path: &Path) -> Vec<Component<'_>> {
    let mut components = Vec::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                components.pop();
            }
            Component::CurDir => {}
            component => components.push(component),
        }
    }
    components
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_as_seen_from_the_recording() {
        let check = |path: &str, folder: &str, expected: &str| {
            let relative = relative(Path::new(path), Path::new(folder)).unwrap();
            assert_eq!(relative, expected, "{path} from {folder}");
        };
        check("/a/orders.yaml", "/a/seeds", "../orders.yaml");
        check("/a/b/orders.yaml", "/a/b/../seeds", "../b/orders.yaml");
        check("/a/orders.yaml", "/a", "orders.yaml");
        check("orders.yaml", "seeds", "../orders.yaml");
    }

    #[test]
    fn names_of_properties_become_names_of_files() {
        let check = |name: &str, expected: &str| assert_eq!(slug(name), expected);
        check("half", "half");
        check("restartLoop pod/worker", "restartloop-pod-worker");
        check("../..", "");
        check("Ünder", "nder");
    }
}
