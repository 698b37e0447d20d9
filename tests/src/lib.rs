//! What the tests of seedpod as a whole share.

pub mod cluster;
pub mod guests;
mod pods;
mod timeline;

pub use cluster::Cluster;
pub use pods::{Pods, engine, images};
pub use timeline::{Line, Step, Timeline};

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate is one level down")
        .to_owned()
}

/// The text of an example pod.
pub fn manifest(name: &str) -> String {
    let path = root().join("manifests").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every `.rs` below a folder of the repository, without what cargo builds: its path from the root, and its text.
pub fn sources_below(folder: &str) -> Vec<(String, String)> {
    let mut sources = Vec::new();
    collect(&root(), &root().join(folder), &mut sources);
    sources.sort();
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<(String, String)>) {
    let expectation = "the sources can be read";
    for entry in fs::read_dir(folder).expect(expectation) {
        let path = entry.expect(expectation).path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && name != "target" {
            collect(root, &path, sources);
        } else if name.ends_with(".rs") {
            let relative = path.strip_prefix(root).expect("we walk below the root");
            let text = fs::read_to_string(&path).expect(expectation);
            sources.push((relative.display().to_string().replace('\\', "/"), text));
        }
    }
}
