//! The lists that people read are those of the support table. `UPDATE_EXPECT=1` writes them.

use std::collections::BTreeMap;

use expect_test::expect_file;
use seedpod_api::support::{Support, Treatment, table};

const BEGIN: &str = "<!-- fields: written by a test of runtime/api -->\n";
const END: &str = "<!-- end of fields -->\n";

#[test]
fn readme_lists_what_is_not_honoured() {
    let readme = include_str!("../../../README.md");
    let (before, rest) = readme.split_once(BEGIN).expect("the begin of the list");
    let (_, after) = rest.split_once(END).expect("the end of the list");
    let written = format!("{before}{BEGIN}{}{END}{after}", fields());
    expect_file!["../../../README.md"].assert_eq(&written);
}

fn fields() -> String {
    let count = |honoured: bool| -> usize {
        let lines = table().filter(|line| (line.treatment == Treatment::Honoured) == honoured);
        lines.map(|line| line.fields.len()).sum()
    };
    let (honoured, others) = (count(true), count(false));
    let mut text = format!(
        "Of Kubernetes' fields of Pod, ConfigMap, Secret and Service {honoured} are honoured. These {others}, and what is \
         below them, are not:\n\n| fields | treatment | why |\n|---|---|---|\n"
    );
    for treatment in [Treatment::Shown, Treatment::Ignored, Treatment::Refused] {
        for line in table().filter(|line| line.treatment == treatment) {
            let names: Vec<_> = line.fields.iter().map(|name| format!("`{name}`")).collect();
            let Support { kind, reason, .. } = line;
            let (names, word) = (names.join(", "), treatment.word());
            text += &format!("| {kind}: {names} | {word} | {reason} |\n");
        }
    }
    text
}

/// Podman's own table, `docs/kubernetes_support.md`: a title, then a field and a word in each line.
const PODMAN: &str = include_str!("podman.txt");

#[test]
fn podmans_table_beside_ours() {
    let mut text = String::from(
        "# Fields that podman lists\n\nThe rows of podman's `docs/kubernetes_support.md`, and what seedpod does with each. \
         A ✓ marks what podman does not support and seedpod honours. Written by a test of runtime/api.\n",
    );
    let mut marked = 0;
    let mut kind = "";
    for line in PODMAN.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            kind = title;
            text += &format!("\n## {title}\n\n| field | podman | seedpod | |\n|---|---|---|---|\n");
            continue;
        }
        let (field, podman) = line.split_once(' ').expect("a field and a word");
        let own = treatment(kind, field);
        let is_ahead = podman.starts_with("no") && own == "honoured";
        marked += usize::from(is_ahead);
        let mark = if is_ahead { "✓" } else { "" };
        text += &format!("| {field} | {podman} | {own} | {mark} |\n");
    }
    text += &format!("\nMarked: {marked}.\n");
    expect_file!["../../../tests/podman-support.md"].assert_eq(&text);
}

/// What becomes of a path such as `securityContext.seccompProfile.type`: what is said of its first part that is not
/// honoured, or of its last.
fn treatment(kind: &str, path: &str) -> &'static str {
    let types: BTreeMap<(&str, &str), &str> =
        TYPES.iter().map(|(a, b, c)| ((*a, *b), *c)).collect();
    let mut kind = match kind {
        "Pod" => "PodSpec",
        "Container" | "ConfigMap" => kind,
        _ => return "refused: not a kind it runs",
    };
    for part in path.split('.') {
        let line = table().find(|line| line.kind == kind && line.fields.contains(&part));
        let line = line.unwrap_or_else(|| panic!("{kind} has no {part} ({path})"));
        if line.treatment != Treatment::Honoured {
            return line.treatment.word();
        }
        kind = types.get(&(kind, part)).copied().unwrap_or(kind);
    }
    Treatment::Honoured.word()
}

/// Types of fields: of which type, which field, its type.
const TYPES: &[(&str, &str, &str)] = &[
    ("PodSpec", "os", "PodOS"),
    ("PodSpec", "readinessGates", "PodReadinessGate"),
    ("PodSpec", "hostAliases", "HostAlias"),
    ("PodSpec", "dnsConfig", "PodDNSConfig"),
    ("PodDNSConfig", "options", "PodDNSConfigOption"),
    ("PodSpec", "securityContext", "PodSecurityContext"),
    ("Container", "securityContext", "SecurityContext"),
    ("Container", "ports", "ContainerPort"),
    ("Container", "env", "EnvVar"),
    ("EnvVar", "valueFrom", "EnvVarSource"),
    ("EnvVarSource", "configMapKeyRef", "ConfigMapKeySelector"),
    ("EnvVarSource", "secretKeyRef", "SecretKeySelector"),
    ("Container", "envFrom", "EnvFromSource"),
    ("EnvFromSource", "configMapRef", "ConfigMapEnvSource"),
    ("EnvFromSource", "secretRef", "SecretEnvSource"),
    ("Container", "volumeMounts", "VolumeMount"),
    ("Container", "resources", "ResourceRequirements"),
    ("Container", "lifecycle", "Lifecycle"),
];
