//! Services and what there is beside them: `expose`, the generators of `create`, tokens, `auth`.

use crate::check_with;

#[test]
fn services_reach_pods() {
    check_with("services", &["newest"]);
}

#[test]
fn objects_that_create_makes() {
    check_with("config", &["newest"]);
}
