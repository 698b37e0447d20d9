//! Cases that are written but do not hold yet. `cargo test -p seedpod-tests --test conformance -- --ignored` runs them.

const PENDING: &[(&str, u32)] = &[("common/node/downwardapi.go", 142)];

pub(crate) fn is_pending(path: &str, line: u32) -> bool {
    PENDING.contains(&(path, line))
}
