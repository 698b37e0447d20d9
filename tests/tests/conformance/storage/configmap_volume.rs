//! ConfigMaps in volumes.

use super::payload::{
    FS_GROUP, Plain, Source, consumable, in_two_volumes, missing_keeps_pending,
    optional_updates_show, updates_show,
};
use crate::cases::{self, AGNHOST, BUSYBOX, Case, File, not_applicable, pass};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_S;
use std::time::Duration;

pub(crate) const FILE: File = File {
    path: "common/storage/configmap_volume.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(47, "should be consumable from pods in volume", || {
        consumable(Source::ConfigMap, Plain::default());
    }),
    pass(
        57,
        "should be consumable from pods in volume with defaultMode set",
        || {
            consumable(
                Source::ConfigMap,
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
                Source::ConfigMap,
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
                Source::ConfigMap,
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
                Source::ConfigMap,
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
                Source::ConfigMap,
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
        updates_show(Source::ConfigMap);
    }),
    pass(
        175,
        "binary data should be reflected in volume",
        binary_data,
    ),
    pass(
        240,
        "optional updates should be reflected in volume",
        || optional_updates_show(Source::ConfigMap),
    ),
    pass(
        423,
        "should be consumable in multiple volumes in the same pod",
        || in_two_volumes(Source::ConfigMap),
    ),
    pass(
        557,
        "Should fail non-optional pod creation due to configMap object does not exist [Slow]",
        || missing_keeps_pending(Source::ConfigMap, false),
    ),
    pass(
        567,
        "Should fail non-optional pod creation due to the key in the configMap object does not exist [Slow]",
        || missing_keeps_pending(Source::ConfigMap, true),
    ),
];

fn binary_data() {
    let spec = "
restartPolicy: Never
volumes:
- name: configmap-volume
  configMap: {name: configmap-test-upd}";
    let mounts = "
volumeMounts: [{name: configmap-volume, mountPath: /etc/configmap-volume, readOnly: true}]";
    let text = format!(
        "args: [mounttest, --break_on_expected_content=false, --retry_time=300, --file_content_in_loop=/etc/configmap-volume/data-1]{mounts}"
    );
    let binary = format!(
        "- name: configmap-volume-binary-test
  image: {BUSYBOX}
  command: [hexdump, -C, /etc/configmap-volume/dump.bin]
{}",
        cases::indent(mounts, 2)
    );
    let pod = cases::pod("pod-configmaps", spec, "agnhost-container", AGNHOST, &text);
    let mut cluster = Cluster::new();
    cluster.apply(
        "
apiVersion: v1
kind: ConfigMap
metadata: {name: configmap-test-upd}
data: {data-1: value-1}
binaryData: {dump.bin: 3sr+utD+/w==}",
    );
    cluster.create(&(pod + &cases::indent(&binary, 2)));
    cluster.wait_for_running("pod-configmaps", POD_START_S);
    for (container, text) in [
        ("agnhost-container", "value-1"),
        ("configmap-volume-binary-test", "de ca fe ba d0 fe ff"),
    ] {
        let found = cluster.advance(Duration::from_secs(300), |cluster| {
            cluster.logs("pod-configmaps", container).contains(text)
        });
        assert!(found, "{}", cluster.describe("pod-configmaps"));
    }
}
