//! Secrets in projected volumes.

use super::payload::{
    FS_GROUP, Plain, Source, consumable, in_two_volumes, missing_keeps_pending,
    optional_updates_show, other_namespace_does_not_matter,
};
use crate::cases::{Case, File, not_applicable, pass};

pub(crate) const FILE: File = File {
    path: "common/storage/projected_secret.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(46, "should be consumable from pods in volume", || {
        consumable(Source::ProjectedSecret, Plain::default());
    }),
    pass(
        56,
        "should be consumable from pods in volume with defaultMode set",
        || {
            consumable(
                Source::ProjectedSecret,
                Plain {
                    default_mode: Some(("0400", "-r--------")),
                    ..Plain::default()
                },
            );
        },
    ),
    not_applicable(
        67,
        "should be consumable from pods in volume as non-root with defaultMode and fsGroup set",
        FS_GROUP,
    ),
    pass(
        78,
        "should be consumable from pods in volume with mappings",
        || {
            consumable(
                Source::ProjectedSecret,
                Plain {
                    mapping: Some(None),
                    ..Plain::default()
                },
            );
        },
    ),
    pass(
        88,
        "should be consumable from pods in volume with mappings and Item Mode set",
        || {
            consumable(
                Source::ProjectedSecret,
                Plain {
                    mapping: Some(Some(("0400", "-r--------"))),
                    ..Plain::default()
                },
            );
        },
    ),
    pass(
        93,
        "should be able to mount in a volume regardless of a different secret existing with same name in different namespace",
        || other_namespace_does_not_matter(Source::ProjectedSecret),
    ),
    pass(
        119,
        "should be consumable in multiple volumes in a pod",
        || in_two_volumes(Source::ProjectedSecret),
    ),
    pass(
        215,
        "optional updates should be reflected in volume",
        || optional_updates_show(Source::ProjectedSecret),
    ),
    pass(
        414,
        "Should fail non-optional pod creation due to secret object does not exist [Slow]",
        || missing_keeps_pending(Source::ProjectedSecret, false),
    ),
    pass(
        425,
        "Should fail non-optional pod creation due to the key in the secret object does not exist [Slow]",
        || missing_keeps_pending(Source::ProjectedSecret, true),
    ),
];
