//! What is in the volumes that come from other objects: configMap, secret, downwardAPI, projected.

use super::environment::is_named;
use crate::spec::{
    self, DownwardItem, DownwardValue, KeysVolume, ObjectKey, ObjectKind, Objects, Projection,
    VolumeSource,
};
use crate::volume::{Payload, PayloadFile};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// Why such a volume cannot be filled. Texts are the kubelet's, after `MountVolume.SetUp failed for volume "v" : `.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The object does not exist.
    #[error("{kind} {name:?} not found")]
    NotFound {
        /// `configmap` or `secret`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A key that `items` names does not exist.
    #[error("{kind} references non-existent {kind} key: {key}")]
    NoKey {
        /// `configmap` or `secret`.
        kind: &'static str,
        /// The key.
        key: String,
    },
    /// A field of the pod has no value.
    #[error("{0}")]
    Field(String),
}

/// The files of a volume; `None` when it is of another kind. `value` is the text of a downward API item.
///
/// # Errors
/// When something it refers to is missing and not optional.
pub fn payload(
    source: &VolumeSource,
    namespace: &str,
    objects: &Objects,
    value: &dyn Fn(&DownwardValue) -> Result<String, String>,
) -> Result<Option<Payload>, PayloadError> {
    let filler = Filler {
        namespace,
        objects,
        value,
    };
    Ok(Some(match source {
        VolumeSource::ConfigMap(volume) => filler.config_map(volume)?,
        VolumeSource::Secret(volume) => filler.secret(volume)?,
        VolumeSource::DownwardApi(items) => filler.downward(items)?,
        VolumeSource::Projected(sources) => {
            let mut all = Payload::new();
            for source in sources {
                all.extend(match source {
                    Projection::ConfigMap(volume) => filler.config_map(volume)?,
                    Projection::Secret(volume) => filler.secret(volume)?,
                    Projection::DownwardApi(items) => filler.downward(items)?,
                });
            }
            all
        }
        VolumeSource::EmptyDir(_) | VolumeSource::HostPath(_) | VolumeSource::Image(_) => {
            return Ok(None);
        }
    }))
}

/// The ConfigMaps and Secrets that volumes of a pod show.
pub fn mounted_objects(pod: &spec::Pod) -> BTreeSet<ObjectKey> {
    let key = |kind, volume: &KeysVolume| ObjectKey {
        kind,
        namespace: pod.meta.namespace.clone(),
        name: volume.name.clone(),
    };
    let projected = |source: &Projection| match source {
        Projection::ConfigMap(volume) => Some(key(ObjectKind::ConfigMap, volume)),
        Projection::Secret(volume) => Some(key(ObjectKind::Secret, volume)),
        Projection::DownwardApi(_) => None,
    };
    let mut keys = BTreeSet::new();
    for volume in &pod.volumes {
        match &volume.source {
            VolumeSource::ConfigMap(volume) => keys.extend([key(ObjectKind::ConfigMap, volume)]),
            VolumeSource::Secret(volume) => keys.extend([key(ObjectKind::Secret, volume)]),
            VolumeSource::Projected(sources) => {
                keys.extend(sources.iter().filter_map(projected));
            }
            VolumeSource::DownwardApi(_)
            | VolumeSource::EmptyDir(_)
            | VolumeSource::HostPath(_)
            | VolumeSource::Image(_) => {}
        }
    }
    keys
}

struct Filler<'a> {
    namespace: &'a str,
    objects: &'a Objects,
    value: &'a dyn Fn(&DownwardValue) -> Result<String, String>,
}

impl Filler<'_> {
    fn config_map(&self, volume: &KeysVolume) -> Result<Payload, PayloadError> {
        let found = self
            .objects
            .config_maps
            .iter()
            .find(|object| is_named(&object.meta, self.namespace, &volume.name))
            .map(|object| {
                let text = object
                    .data
                    .iter()
                    .map(|(key, text)| (key.as_str(), Bytes::from(text.clone())));
                let binary = object
                    .binary_data
                    .iter()
                    .map(|(key, bytes)| (key.as_str(), Bytes::from(bytes.clone())));
                text.chain(binary).collect()
            });
        keys("configmap", volume, found)
    }

    fn secret(&self, volume: &KeysVolume) -> Result<Payload, PayloadError> {
        let found = self
            .objects
            .secrets
            .iter()
            .find(|object| is_named(&object.meta, self.namespace, &volume.name));
        let data = found.map(|object| {
            object
                .data
                .iter()
                .map(|(key, bytes)| (key.as_str(), Bytes::from(bytes.clone())))
                .collect()
        });
        keys("secret", volume, data)
    }

    fn downward(&self, items: &[DownwardItem]) -> Result<Payload, PayloadError> {
        let file = |item: &DownwardItem| {
            let bytes = (self.value)(&item.value)
                .map_err(PayloadError::Field)?
                .into();
            Ok((
                item.path.clone(),
                PayloadFile {
                    bytes,
                    mode: item.mode.unwrap_or(0o644),
                },
            ))
        };
        items.iter().map(file).collect()
    }
}

fn keys(
    kind: &'static str,
    volume: &KeysVolume,
    data: Option<BTreeMap<&str, Bytes>>,
) -> Result<Payload, PayloadError> {
    let data = match data {
        Some(data) => data,
        None if volume.optional => return Ok(Payload::new()),
        None => {
            return Err(PayloadError::NotFound {
                kind,
                name: volume.name.clone(),
            });
        }
    };
    if volume.items.is_empty() {
        let file = |bytes| PayloadFile {
            bytes,
            mode: volume.default_mode,
        };
        return Ok(data
            .into_iter()
            .map(|(key, bytes)| (key.to_owned(), file(bytes)))
            .collect());
    }
    let mut payload = Payload::new();
    for item in &volume.items {
        match data.get(item.key.as_str()) {
            Some(bytes) => {
                let mode = item.mode.unwrap_or(volume.default_mode);
                payload.insert(
                    item.path.clone(),
                    PayloadFile {
                        bytes: bytes.clone(),
                        mode,
                    },
                );
            }
            None if volume.optional => {}
            None => {
                return Err(PayloadError::NoKey {
                    kind,
                    key: item.key.clone(),
                });
            }
        }
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{ConfigMap, KeyToPath, Meta};

    fn check(items: &[(&str, &str)], optional: bool, expected: Result<&[(&str, &str)], &str>) {
        let meta = Meta {
            name: "conf".into(),
            namespace: "default".into(),
            ..Meta::default()
        };
        let data = [
            ("a".to_owned(), "1".to_owned()),
            ("b".to_owned(), "2".to_owned()),
        ]
        .into();
        let objects = Objects {
            config_maps: vec![ConfigMap {
                meta,
                data,
                ..ConfigMap::default()
            }],
            ..Objects::default()
        };
        let item = |(key, path): &(&str, &str)| KeyToPath {
            key: (*key).into(),
            path: (*path).into(),
            mode: None,
        };
        let items = items.iter().map(item).collect();
        let source = VolumeSource::ConfigMap(KeysVolume {
            name: "conf".into(),
            items,
            default_mode: 0o644,
            optional,
        });
        let payload = payload(&source, "default", &objects, &|_| Err("no field".into()));
        let files = payload.map(|payload| {
            let text = |file: PayloadFile| String::from_utf8(file.bytes.to_vec()).unwrap();
            payload
                .unwrap()
                .into_iter()
                .map(|(path, file)| (path, text(file)))
                .collect::<Vec<_>>()
        });
        let expected = expected.map(|files| {
            files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect::<Vec<_>>()
        });
        assert_eq!(
            files.map_err(|error| error.to_string()),
            expected.map_err(str::to_owned)
        );
    }

    #[test]
    fn keys_become_files() {
        check(&[], false, Ok(&[("a", "1"), ("b", "2")]));
        check(&[("b", "x/y")], false, Ok(&[("x/y", "2")]));
        check(&[("c", "c")], true, Ok(&[]));
        check(
            &[("c", "c")],
            false,
            Err("configmap references non-existent configmap key: c"),
        );
    }
}
