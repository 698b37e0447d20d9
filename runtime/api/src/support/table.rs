//! The table itself: objects, pod, container, volumes, service.

mod container;
mod objects;
mod pod;
mod service;
mod volume;

use super::Support;

const NO_KERNEL: &str = "a guest is WebAssembly and has no kernel privileges to give or take";
const NO_OWNERS: &str = "processes see it as theirs, but files have no owner to compare it with";

/// All lines.
pub fn table() -> impl Iterator<Item = &'static Support> {
    PARTS.iter().copied().flatten()
}

const PARTS: &[&[Support]] = &[
    objects::LINES,
    pod::LINES,
    container::LINES,
    volume::LINES,
    service::LINES,
];
