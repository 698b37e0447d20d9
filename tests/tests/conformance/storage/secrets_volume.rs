//! Secrets in volumes.

use super::payload::{
    FS_GROUP, Plain, Source, consumable, in_two_volumes, missing_keeps_pending,
    optional_updates_show, other_namespace_does_not_matter,
};
use crate::cases::{Case, File, not_applicable, pass};

pub(crate) const FILE: File = File {
    path: "common/storage/secrets_volume.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(47, "should be consumable from pods in volume", || {
        consumable(Source::Secret, Plain::default());
    }),
    pass(
        57,
        "should be consumable from pods in volume with defaultMode set",
        || {
            consumable(
                Source::Secret,
                Plain {
                    default_mode: Some(("0400", "-r--------")),
                    ..Plain::default()
                },
            );
        },
    ),
    not_applicable(
        68,
        "should be consumable from pods in volume as non-root with defaultMode and fsGroup set",
        FS_GROUP,
    ),
    pass(
        79,
        "should be consumable from pods in volume with mappings",
        || {
            consumable(
                Source::Secret,
                Plain {
                    mapping: Some(None),
                    ..Plain::default()
                },
            );
        },
    ),
    pass(
        89,
        "should be consumable from pods in volume with mappings and Item Mode set",
        || {
            consumable(
                Source::Secret,
                Plain {
                    mapping: Some(Some(("0400", "-r--------"))),
                    ..Plain::default()
                },
            );
        },
    ),
    pass(
        99,
        "should be able to mount in a volume regardless of a different secret existing with same name in different namespace",
        || other_namespace_does_not_matter(Source::Secret),
    ),
    pass(
        125,
        "should be consumable in multiple volumes in a pod",
        || in_two_volumes(Source::Secret),
    ),
    pass(
        205,
        "optional updates should be reflected in volume",
        || optional_updates_show(Source::Secret),
    ),
    pass(
        439,
        "Should fail non-optional pod creation due to secret object does not exist [Slow]",
        || missing_keeps_pending(Source::Secret, false),
    ),
    pass(
        450,
        "Should fail non-optional pod creation due to the key in the secret object does not exist [Slow]",
        || missing_keeps_pending(Source::Secret, true),
    ),
];
