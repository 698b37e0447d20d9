//! Tests of schedules by small programs: [`program`] runs them, [`models`] are bugs.

mod chooser;
mod explorer;
#[expect(dead_code, reason = "for the models to come")]
mod program;
