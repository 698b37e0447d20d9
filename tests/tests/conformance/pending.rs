//! Cases that are written but do not hold yet. `cargo test -p seedpod-tests --test conformance -- --ignored` runs them.

const PENDING: &[(&str, u32)] = &[
    ("common/node/configmap.go", 96),
    ("common/node/configmap.go", 261),
    ("common/node/ephemeral_containers.go", 51),
    ("common/node/ephemeral_containers.go", 104),
    ("common/node/expansion.go", 228),
    ("common/node/image_volume.go", 97),
    ("common/node/lifecycle_hook.go", 163),
    ("common/node/lifecycle_hook.go", 180),
    ("common/node/lifecycle_hook.go", 196),
    ("common/node/lifecycle_hook.go", 217),
    ("common/node/lifecycle_hook.go", 239),
    ("common/node/lifecycle_hook.go", 260),
    ("common/node/lifecycle_hook.go", 388),
    ("common/node/lifecycle_hook.go", 410),
    ("common/node/lifecycle_hook.go", 431),
    ("common/node/lifecycle_hook.go", 457),
    ("common/node/lifecycle_hook.go", 484),
    ("common/node/lifecycle_hook.go", 510),
    ("common/node/lifecycle_hook.go", 594),
    ("common/node/lifecycle_hook.go", 646),
    ("common/node/pod_hostnameoverride.go", 59),
    ("common/node/pod_hostnameoverride.go", 67),
    ("common/node/pod_hostnameoverride.go", 77),
    ("common/node/pod_hostnameoverride.go", 85),
    ("common/node/pods.go", 348),
    ("common/node/pods.go", 402),
    ("common/node/pods.go", 684),
    ("common/node/pods.go", 779),
    ("common/node/secrets.go", 98),
    ("common/node/secrets.go", 253),
];

pub(crate) fn is_pending(path: &str, line: u32) -> bool {
    PENDING.contains(&(path, line))
}
