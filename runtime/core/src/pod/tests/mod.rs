//! Tests of the whole state machine by scripts: see [`script`].

#![expect(
    clippy::needless_pass_by_value,
    reason = "`expect!` makes a value that nobody else wants"
)]

mod invariants;
mod script;
mod table;

mod deadlines;
mod images;
mod restarts;
mod start_order;
mod statuses;
mod termination;
