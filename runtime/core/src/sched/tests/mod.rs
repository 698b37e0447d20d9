//! Tests of schedules by small programs: [`program`] runs them, [`models`] are bugs.

mod chooser;
mod explorer;
mod models;
mod program;
mod shrink;
