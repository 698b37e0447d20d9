//! What the four files about ConfigMaps and Secrets in volumes have in common.

use crate::cases::{AGNHOST, indent};
use seedpod::spec::ObjectKind;
use seedpod::status::Phase;
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_START_S, POD_START_SHORT_S};
use std::time::Duration;

/// Where the files of a volume come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    ConfigMap,
    Secret,
    ProjectedConfigMap,
    ProjectedSecret,
}

use Source::{ConfigMap, ProjectedConfigMap, ProjectedSecret, Secret};

impl Source {
    fn kind(self) -> &'static str {
        match self {
            ConfigMap | ProjectedConfigMap => "ConfigMap",
            Secret | ProjectedSecret => "Secret",
        }
    }

    fn object_kind(self) -> ObjectKind {
        match self {
            ConfigMap | ProjectedConfigMap => ObjectKind::ConfigMap,
            Secret | ProjectedSecret => ObjectKind::Secret,
        }
    }

    /// Where upstream mounts it.
    fn folder(self) -> &'static str {
        match self {
            ConfigMap => "/etc/configmap-volume",
            Secret => "/etc/secret-volume",
            ProjectedConfigMap => "/etc/projected-configmap-volume",
            ProjectedSecret => "/etc/projected-secret-volume",
        }
    }

    /// An object with these keys and values.
    fn object(self, name: &str, data: &[(&str, &str)]) -> String {
        let field = match self {
            ConfigMap | ProjectedConfigMap => "data",
            Secret | ProjectedSecret => "stringData",
        };
        let data: String = data
            .iter()
            .map(|(key, value)| format!("  {key}: \"{value}\"\n"))
            .collect();
        let kind = self.kind();
        format!("---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n{field}:\n{data}")
    }

    /// `data-1` to `data-3`; values of a Secret end in a line feed.
    fn three(self, name: &str) -> String {
        let data = match self {
            ConfigMap | ProjectedConfigMap => [
                ("data-1", "value-1"),
                ("data-2", "value-2"),
                ("data-3", "value-3"),
            ],
            Secret | ProjectedSecret => [
                ("data-1", "value-1\\n"),
                ("data-2", "value-2\\n"),
                ("data-3", "value-3\\n"),
            ],
        };
        self.object(name, &data)
    }

    /// A volume of the object of this name: `fields` are further ones of its source, `defaultMode` one of the volume.
    fn volume(self, volume: &str, name: &str, fields: &str, default_mode: Option<&str>) -> String {
        let mode = default_mode.map_or(String::new(), |mode| format!("defaultMode: {mode}"));
        let source = match self {
            ConfigMap => format!("configMap: {{name: {name}, {fields}{mode}}}"),
            Secret => format!("secret: {{secretName: {name}, {fields}{mode}}}"),
            ProjectedConfigMap => {
                format!(
                    "projected: {{sources: [{{configMap: {{name: {name}, {fields}}}}}], {mode}}}"
                )
            }
            ProjectedSecret => {
                format!("projected: {{sources: [{{secret: {{name: {name}, {fields}}}}}], {mode}}}")
            }
        };
        format!("- name: {volume}\n  {source}\n")
    }
}

pub(super) const POD: &str = "pod-payload";

/// What one container mounts and looks at.
struct Reader<'a> {
    name: &'a str,
    args: String,
    mounts: &'a [(&'a str, &'a str)],
}

fn pod(spec: &str, volumes: &str, readers: &[Reader<'_>]) -> String {
    let containers: String = readers.iter().map(reader).collect();
    format!(
        "---
apiVersion: v1
kind: Pod
metadata: {{name: {POD}}}
spec:
  restartPolicy: Never
{}  volumes:
{}  containers:
{containers}",
        indent(spec, 2),
        indent(volumes, 2)
    )
}

fn reader(reader: &Reader<'_>) -> String {
    let Reader { name, args, mounts } = reader;
    let mounts: String = mounts
        .iter()
        .map(|(volume, path)| {
            format!("    - {{name: {volume}, mountPath: {path}, readOnly: true}}\n")
        })
        .collect();
    format!(
        "  - name: {name}
    image: {AGNHOST}
    args: [mounttest, {args}]
    volumeMounts:
{mounts}"
    )
}

/// How a simple case differs from the plain one.
#[derive(Clone, Copy, Default)]
pub(super) struct Plain {
    /// `defaultMode` of the volume, and what `ls` would show of it.
    pub(super) default_mode: Option<(&'static str, &'static str)>,
    /// `items` that move a key, with the mode of the item.
    pub(super) mapping: Option<Option<(&'static str, &'static str)>>,
    /// `runAsUser: 1000`.
    pub(super) non_root: bool,
}

const MODE_DEFAULT: &str = "-rw-r--r--";

/// `do…E2EWithoutMappings` and `…WithMappings`: content and mode of a file, from inside.
pub(super) fn consumable(source: Source, plain: Plain) {
    let folder = source.folder();
    let (file, value, items) = match (source, plain.mapping) {
        (_, None) => ("data-1", "value-1", String::new()),
        (ConfigMap | ProjectedConfigMap, Some(mode)) => (
            "path/to/data-2",
            "value-2",
            items("data-2", "path/to/data-2", mode),
        ),
        (Secret | ProjectedSecret, Some(mode)) => (
            "new-path-data-1",
            "value-1",
            items("data-1", "new-path-data-1", mode),
        ),
    };
    let (default_mode, mut shown) = plain
        .default_mode
        .map_or((None, MODE_DEFAULT), |(mode, shown)| (Some(mode), shown));
    if let Some(Some((_, of_item))) = plain.mapping {
        shown = of_item;
    }
    let user = match plain.non_root {
        true => "securityContext: {runAsUser: 1000}",
        false => "",
    };
    let reader = Reader {
        name: "volume-test",
        args: format!("--file_content={folder}/{file}, --file_mode={folder}/{file}"),
        mounts: &[("volume", folder)],
    };
    let volumes = source.volume("volume", "test-volume", &items, default_mode);
    let spec = format!("terminationGracePeriodSeconds: 1\n{user}");
    Cluster::new().test_output(
        &(source.three("test-volume") + &pod(&spec, &volumes, &[reader])),
        "volume-test",
        &[
            &format!("content of file \"{folder}/{file}\": {value}"),
            &format!("mode of file \"{folder}/{file}\": {shown}"),
        ],
    );
}

fn items(key: &str, path: &str, mode: Option<(&str, &str)>) -> String {
    let mode = mode.map_or(String::new(), |(mode, _)| format!(", mode: {mode}"));
    format!("items: [{{key: {key}, path: {path}{mode}}}], ")
}

/// The same object in two volumes of a pod.
pub(super) fn in_two_volumes(source: Source) {
    let folder = source.folder();
    let second = format!("{folder}-2");
    let reader = Reader {
        name: "volume-test",
        args: format!("--file_content={folder}/data-1, --file_mode={folder}/data-1"),
        mounts: &[("volume", folder), ("volume-2", &second)],
    };
    let volumes = ["volume", "volume-2"].map(|name| source.volume(name, "test-volume", "", None));
    Cluster::new().test_output(
        &(source.three("test-volume") + &pod("", &volumes.concat(), &[reader])),
        "volume-test",
        &[
            &format!("content of file \"{folder}/data-1\": value-1"),
            &format!("mode of file \"{folder}/data-1\": {MODE_DEFAULT}"),
        ],
    );
}

/// As long as upstream waits for the kubelet to bring a change: `GetPodSecretUpdateTimeout`.
const UPDATE_S: u64 = 5 * 60;

fn in_loop(path: &str) -> String {
    format!(
        "--break_on_expected_content=false, --retry_time={UPDATE_S}, --file_content_in_loop={path}"
    )
}

fn eventually_logs(cluster: &mut Cluster, container: &str, text: &str) {
    let found = cluster.advance(Duration::from_secs(UPDATE_S), |cluster| {
        cluster.logs(POD, container).contains(text)
    });
    assert!(found, "{container}: no {text}\n{}", cluster.describe(POD));
}

/// A new value of a key that is there.
pub(super) fn updates_show(source: Source) {
    let folder = source.folder();
    let reader = Reader {
        name: "volume-test",
        args: in_loop(&format!("{folder}/data-1")),
        mounts: &[("volume", folder)],
    };
    let volumes = source.volume("volume", "test-upd", "", None);
    let mut cluster = Cluster::new();
    cluster.apply(&source.object("test-upd", &[("data-1", "value-1")]));
    cluster.create_sync(&pod("", &volumes, &[reader]));
    eventually_logs(&mut cluster, "volume-test", "value-1");
    cluster.apply(&source.object("test-upd", &[("data-1", "value-2")]));
    eventually_logs(&mut cluster, "volume-test", "value-2");
}

/// Three optional objects: one goes, one changes its keys, one comes.
pub(super) fn optional_updates_show(source: Source) {
    let folder = format!("{}s", source.folder());
    let paths = ["delete", "update", "create"].map(|name| format!("{folder}/{name}"));
    let reader = |name, path, file| Reader {
        name,
        args: in_loop(&format!("{path}/{file}")),
        mounts: &[],
    };
    let [delete, update, create] = &paths;
    let mounts = [
        [("deletes", delete.as_str())],
        [("updates", update.as_str())],
        [("creates", create.as_str())],
    ];
    let readers = [
        Reader {
            mounts: &mounts[0],
            ..reader("delete-test", delete, "data-1")
        },
        Reader {
            mounts: &mounts[1],
            ..reader("update-test", update, "data-3")
        },
        Reader {
            mounts: &mounts[2],
            ..reader("create-test", create, "data-1")
        },
    ];
    let names = ["test-opt-del", "test-opt-upd", "test-opt-create"];
    let [deletes, updates, creates] = names;
    let volumes = [
        ("deletes", deletes),
        ("updates", updates),
        ("creates", creates),
    ]
    .map(|(volume, name)| source.volume(volume, name, "optional: true, ", None));
    let mut cluster = Cluster::new();
    cluster.apply(&source.object(deletes, &[("data-1", "value-1")]));
    cluster.apply(&source.object(updates, &[("data-1", "value-1")]));
    cluster.create_sync(&pod("", &volumes.concat(), &readers));
    let missing = |path: &str, file: &str| format!("Error reading file {path}/{file}");
    eventually_logs(&mut cluster, "create-test", &missing(create, "data-1"));
    eventually_logs(&mut cluster, "update-test", &missing(update, "data-3"));
    eventually_logs(&mut cluster, "delete-test", "value-1");
    cluster.delete_object(source.object_kind(), deletes);
    cluster.apply(&source.object(updates, &[("data-3", "value-3")]));
    cluster.apply(&source.object(creates, &[("data-1", "value-1")]));
    eventually_logs(&mut cluster, "create-test", "value-1");
    eventually_logs(&mut cluster, "update-test", "value-3");
    eventually_logs(&mut cluster, "delete-test", &missing(delete, "data-1"));
}

/// An object, or a key of it, that is not optional and not there.
pub(super) fn missing_keeps_pending(source: Source, object_exists: bool) {
    let folder = format!("{}s/create", source.folder());
    let reader = Reader {
        name: "volume-test",
        args: in_loop(&format!("{folder}/data-1")),
        mounts: &[("creates", &folder)],
    };
    let mut cluster = Cluster::new();
    let mut fields = "optional: false, ".to_owned();
    if object_exists {
        cluster.apply(&source.three("test-opt-create"));
        fields += &items("data-4", "path/to/data-4", None);
    }
    let volumes = source.volume("creates", "test-opt-create", &fields, None);
    cluster.create(&pod("", &volumes, &[reader]));
    let seconds = match source {
        ConfigMap | ProjectedConfigMap => POD_START_S,
        Secret | ProjectedSecret => POD_START_SHORT_S,
    };
    cluster.advance(Duration::from_secs(1), |cluster| {
        !cluster.statuses(POD).is_empty()
    });
    cluster.hold(POD, seconds, |status| status.phase == Phase::Pending);
}

/// A Secret of the same name in another namespace.
pub(super) fn other_namespace_does_not_matter(source: Source) {
    let other = source
        .object("test-volume", &[("data-1", "this_should_not_match")])
        .replace("{name: ", "{namespace: secret-namespace, name: ");
    let folder = source.folder();
    let reader = Reader {
        name: "volume-test",
        args: format!("--file_content={folder}/data-1, --file_mode={folder}/data-1"),
        mounts: &[("volume", folder)],
    };
    let volumes = source.volume("volume", "test-volume", "", None);
    let mut cluster = Cluster::new();
    cluster.apply(&other);
    cluster.test_output(
        &(source.three("test-volume") + &pod("", &volumes, &[reader])),
        "volume-test",
        &[
            &format!("content of file \"{folder}/data-1\": value-1"),
            &format!("mode of file \"{folder}/data-1\": {MODE_DEFAULT}"),
        ],
    );
}

pub(super) const FS_GROUP: &str = "fsGroup: owners of files are not kept";
