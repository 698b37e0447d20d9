//! What the server says there is, and what it says to objects that do not fit.

use crate::check;

#[test]
fn what_there_is_and_its_types() {
    check("explain");
}

#[test]
fn fields_that_do_not_fit() {
    check("fields");
}
