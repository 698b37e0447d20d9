//! The commands of the first minutes.

use crate::check;

#[test]
fn the_first_pod() {
    check("first_pod");
}
