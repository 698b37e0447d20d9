//! Tests of the whole state machine by scripts: see [`script`].

#![expect(
    clippy::needless_pass_by_value,
    reason = "`expect!` makes a value that nobody else wants"
)]

mod invariants;
mod law;
mod manifest;
mod model;
mod printer;
mod random;
mod script;
mod table;

mod admission;
mod deadlines;
mod eviction;
mod gates;
mod hooks;
mod images;
mod probes;
mod restarts;
mod rules;
mod start_order;
mod statuses;
mod termination;
mod updates;
