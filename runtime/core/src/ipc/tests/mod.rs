//! Scripts of system calls, and random ones against a model.

mod machine;
mod mapping;
mod model;
mod posix;
mod system_v;

use expect_test::Expect;
use machine::Machine;

/// Runs a script, one call a line, and compares what each call said, who woke up and who still waits.
#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check(script: &str, expected: Expect) {
    let mut machine = Machine::default();
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        machine.run(line);
    }
    expected.assert_eq(&machine.finish());
}
