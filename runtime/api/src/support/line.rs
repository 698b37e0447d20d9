//! How lines of the table are written.

use super::{Support, Treatment};

pub(super) const fn honoured(kind: &'static str, fields: &'static [&'static str]) -> Support {
    Support {
        kind,
        fields,
        treatment: Treatment::Honoured,
        reason: "",
    }
}

pub(super) const fn shown(
    kind: &'static str,
    fields: &'static [&'static str],
    reason: &'static str,
) -> Support {
    Support {
        kind,
        fields,
        treatment: Treatment::Shown,
        reason,
    }
}

pub(super) const fn ignored(
    kind: &'static str,
    fields: &'static [&'static str],
    reason: &'static str,
) -> Support {
    Support {
        kind,
        fields,
        treatment: Treatment::Ignored,
        reason,
    }
}

pub(super) const fn refused(
    kind: &'static str,
    fields: &'static [&'static str],
    reason: &'static str,
) -> Support {
    Support {
        kind,
        fields,
        treatment: Treatment::Refused,
        reason,
    }
}
