//! ConfigMaps in projected volumes.

use super::payload::{
    FS_GROUP, Plain, Source, consumable, in_two_volumes, missing_keeps_pending,
    optional_updates_show, updates_show,
};
use crate::cases::{Case, File, not_applicable, pass};

pub(crate) const FILE: File = File {
    path: "common/storage/projected_configmap.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(47, "should be consumable from pods in volume", || {
        consumable(Source::ProjectedConfigMap, Plain::default());
    }),
    pass(
        57,
        "should be consumable from pods in volume with defaultMode set",
        || {
            consumable(
                Source::ProjectedConfigMap,
                Plain {
                    default_mode: Some(("0400", "-r--------")),
                    ..Plain::default()
                },
            );
        },
    ),
    not_applicable(
        62,
        "should be consumable from pods in volume as non-root with defaultMode and fsGroup set",
        FS_GROUP,
    ),
    pass(
        74,
        "should be consumable from pods in volume as non-root",
        || {
            consumable(
                Source::ProjectedConfigMap,
                Plain {
                    non_root: true,
                    ..Plain::default()
                },
            );
        },
    ),
    not_applicable(
        78,
        "should be consumable from pods in volume as non-root with FSGroup",
        FS_GROUP,
    ),
    pass(
        89,
        "should be consumable from pods in volume with mappings",
        || {
            consumable(
                Source::ProjectedConfigMap,
                Plain {
                    mapping: Some(None),
                    ..Plain::default()
                },
            );
        },
    ),
    pass(
        99,
        "should be consumable from pods in volume with mappings and Item mode set",
        || {
            consumable(
                Source::ProjectedConfigMap,
                Plain {
                    mapping: Some(Some(("0400", "-r--------"))),
                    ..Plain::default()
                },
            );
        },
    ),
    pass(
        109,
        "should be consumable from pods in volume with mappings as non-root",
        || {
            consumable(
                Source::ProjectedConfigMap,
                Plain {
                    mapping: Some(None),
                    non_root: true,
                    ..Plain::default()
                },
            );
        },
    ),
    not_applicable(
        113,
        "should be consumable from pods in volume with mappings as non-root with FSGroup",
        FS_GROUP,
    ),
    pass(124, "updates should be reflected in volume", || {
        updates_show(Source::ProjectedConfigMap);
    }),
    pass(
        174,
        "optional updates should be reflected in volume",
        || optional_updates_show(Source::ProjectedConfigMap),
    ),
    pass(
        375,
        "should be consumable in multiple volumes in the same pod",
        || in_two_volumes(Source::ProjectedConfigMap),
    ),
    pass(
        463,
        "Should fail non-optional pod creation due to configMap object does not exist [Slow]",
        || missing_keeps_pending(Source::ProjectedConfigMap, false),
    ),
    pass(
        473,
        "Should fail non-optional pod creation due to the key in the configMap object does not exist [Slow]",
        || missing_keeps_pending(Source::ProjectedConfigMap, true),
    ),
];
