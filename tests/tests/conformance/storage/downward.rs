//! What the two files about the downward API in volumes have in common.

use crate::cases::{self, AGNHOST};
use seedpod::spec::Pod;
use seedpod_tests::Cluster;
use std::time::Duration;

/// The two ways to write the same volume.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Projected,
}

const POD: &str = "downwardapi-volume";

const ITEMS: &str = "
- path: podname
  fieldRef: {apiVersion: v1, fieldPath: metadata.name}
- path: cpu_limit
  resourceFieldRef: {containerName: client-container, resource: limits.cpu}
- path: cpu_request
  resourceFieldRef: {containerName: client-container, resource: requests.cpu}
- path: memory_limit
  resourceFieldRef: {containerName: client-container, resource: limits.memory}
- path: memory_request
  resourceFieldRef: {containerName: client-container, resource: requests.memory}
";

const RESOURCES: &str = "
resources:
  requests: {cpu: 250m, memory: 32Mi}
  limits: {cpu: 1250m, memory: 128Mi}
";

fn pod(form: Form, items: &str, volume_fields: &str, args: &str, fields: &str) -> String {
    let source = match form {
        Form::Plain => format!(
            "  downwardAPI:\n{}    items:\n{}",
            cases::indent(volume_fields, 4),
            cases::indent(items, 4)
        ),
        Form::Projected => format!(
            "  projected:\n{}    sources:\n    - downwardAPI:\n        items:\n{}",
            cases::indent(volume_fields, 4),
            cases::indent(items, 8)
        ),
    };
    let spec = format!("restartPolicy: Never\nvolumes:\n- name: podinfo\n{source}");
    let fields = format!(
        "args: [mounttest, {args}]
volumeMounts: [{{name: podinfo, mountPath: /etc/podinfo}}]
{fields}"
    );
    cases::pod(POD, &spec, "client-container", AGNHOST, &fields)
}

pub(super) fn prints(form: Form, file: &str, expected: &str) {
    let args = format!("--file_content=/etc/podinfo/{file}");
    let pod = pod(form, ITEMS, "", &args, RESOURCES);
    Cluster::new().test_output(&pod, "client-container", &[expected]);
}

/// A default for the volume, or one for the item.
pub(super) fn mode(form: Form, default_mode: &str, item_mode: &str) {
    let items = match item_mode {
        "" => ITEMS.to_owned(),
        mode => ITEMS.replacen("podname\n", &format!("podname\n  {mode}\n"), 1),
    };
    let args = "--file_mode=/etc/podinfo/podname";
    let expected = "mode of file \"/etc/podinfo/podname\": -r--------";
    let pod = pod(form, &items, default_mode, args, "");
    Cluster::new().test_output(&pod, "client-container", &[expected]);
}

pub(super) fn node_default(form: Form, file: &str) {
    let args = format!("--file_content=/etc/podinfo/{file}");
    let pod = pod(form, ITEMS, "", &args, "");
    let log = Cluster::new().test_output(&pod, "client-container", &[]);
    let value = log.rsplit(": ").next().unwrap_or_default().trim();
    assert!(value.parse::<u64>().is_ok_and(|value| value > 0), "{log}");
}

pub(super) fn labels_change(form: Form) {
    follows(
        form,
        "labels: {key1: value1, key2: value2}",
        "labels",
        "key1=\"value1\"\n",
        |pod| {
            let labels = &mut pod.meta.labels;
            labels.insert("key3".to_owned(), "value3".to_owned());
        },
        "key3=\"value3\"\n",
    );
}

pub(super) fn annotations_change(form: Form) {
    follows(
        form,
        "annotations: {builder: bar}",
        "annotations",
        "builder=\"bar\"\n",
        |pod| {
            let annotations = &mut pod.meta.annotations;
            annotations.insert("builder".to_owned(), "foo".to_owned());
        },
        "builder=\"foo\"\n",
    );
}

/// The file shows the metadata, and then the changed metadata.
fn follows(
    form: Form,
    metadata: &str,
    file: &str,
    before: &str,
    change: impl FnOnce(&mut Pod),
    after: &str,
) {
    let items = format!("{ITEMS}- path: {file}\n  fieldRef: {{fieldPath: metadata.{file}}}\n");
    let args = format!(
        "--break_on_expected_content=false, --retry_time=120, --file_content_in_loop=/etc/podinfo/{file}"
    );
    let pod = pod(form, &items, "", &args, "");
    let labels = format!("  labels: {{name: {POD}}}");
    let mut cluster = Cluster::new();
    cluster.create_sync(&pod.replacen(&labels, &format!("  {metadata}"), 1));
    let seconds = match form {
        Form::Plain => 180,
        Form::Projected => 120,
    };
    for (text, change) in [(before, Some(change)), (after, None)] {
        let found = cluster.advance(Duration::from_secs(seconds), |cluster| {
            cluster.logs(POD, "client-container").contains(text)
        });
        assert!(found, "no {text}\n{}", cluster.describe(POD));
        if let Some(change) = change {
            cluster.update(POD, change);
        }
    }
}
