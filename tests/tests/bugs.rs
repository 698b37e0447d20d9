//! Small systems that go wrong when their containers meet at a bad moment: `tests/bugs`, one folder each, with the
//! corrected system in `fixed`. Their programs are those of the guest `bugs`.

use expect_test::expect;
use seedpod_tests::{Pods, root};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of every bug, in their order.
fn bugs() -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join("tests/bugs")).unwrap();
    let mut folders: Vec<PathBuf> = folders
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

fn name(folder: &Path) -> &str {
    folder.file_name().unwrap().to_str().unwrap()
}

/// Runs a pod for at most a minute of virtual time, with nobody in the way of its containers; then stops it.
fn in_default_order(manifest: &Path) -> String {
    let mut pods = Pods::start_file(manifest);
    if !pods.run(60) {
        pods.stop();
    }
    pods.summary()
}

#[test]
fn a_bug_does_not_show_as_long_as_nobody_gets_in_the_way() {
    let mut ends = String::new();
    for folder in bugs() {
        let end = in_default_order(&folder.join("pod.yaml"));
        let fixed = in_default_order(&folder.join("fixed/pod.yaml"));
        assert_eq!(end, fixed, "{}", name(&folder));
        ends += &end;
    }
    expect![[r#""#]].assert_eq(&ends);
}
