//! The ConfigMaps and Secrets that pods on the node refer to: the world is told of these and no others.

use crate::server::kubelet::Action;
use crate::server::registry::{CONFIG_MAPS, SECRETS};
use crate::server::{Server, manifest};
use seedpod_core::pod::mounted_objects;
use seedpod_core::spec::{self, EnvValue, ObjectKey, ObjectKind, ObjectRef, Objects};
use std::collections::{BTreeMap, BTreeSet};

/// How many pods refer to each.
#[derive(Debug, Default)]
pub(super) struct References(BTreeMap<ObjectKey, usize>);

/// What a pod needs from now on.
pub(super) fn add(server: &mut Server, spec: &spec::Pod) {
    let mut missing = BTreeSet::new();
    for key in of_pod(spec) {
        let count = server.kubelet.references.0.entry(key.clone()).or_default();
        *count += 1;
        if *count == 1 {
            missing.insert(key);
        }
    }
    let mut objects = Objects::default();
    for key in missing {
        collect(server, &key, &mut objects);
    }
    if objects != Objects::default() {
        server.actions.push_back(Action::Apply(objects));
    }
}

/// What a pod needed has no meaning for it any more.
pub(super) fn remove(server: &mut Server, spec: &spec::Pod) {
    for key in of_pod(spec) {
        let references = &mut server.kubelet.references.0;
        let Some(count) = references.get_mut(&key) else {
            continue;
        };
        *count -= 1;
        if *count == 0 {
            references.remove(&key);
            server.actions.push_back(Action::Remove(key));
        }
    }
}

/// One of them is another, or has come or gone.
pub(super) fn changed(server: &mut Server, kind: ObjectKind, namespace: &str, name: &str) {
    let key = ObjectKey {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    if !server.kubelet.references.0.contains_key(&key) {
        return;
    }
    let mut objects = Objects::default();
    collect(server, &key, &mut objects);
    let action = match objects == Objects::default() {
        true => Action::Remove(key),
        false => Action::Apply(objects),
    };
    server.actions.push_back(action);
}

/// Nobody knows which have changed.
pub(super) fn all_changed(server: &mut Server) {
    let keys: Vec<_> = server.kubelet.references.0.keys().cloned().collect();
    for key in keys {
        changed(server, key.kind, &key.namespace, &key.name);
    }
}

fn collect(server: &Server, key: &ObjectKey, objects: &mut Objects) {
    let object = |resource| server.object(resource, &key.namespace, &key.name);
    match key.kind {
        ObjectKind::ConfigMap => {
            let found = object(&CONFIG_MAPS).map(|found| manifest::config_map(&found).value);
            objects.config_maps.extend(found);
        }
        ObjectKind::Secret => {
            let found = object(&SECRETS).map(|found| manifest::secret(&found).value);
            objects.secrets.extend(found);
        }
        ObjectKind::Service => {}
    }
}

fn of_pod(spec: &spec::Pod) -> BTreeSet<ObjectKey> {
    let key = |kind, name: &str| ObjectKey {
        kind,
        namespace: spec.meta.namespace.clone(),
        name: name.to_owned(),
    };
    let mut keys = mounted_objects(spec);
    for container in spec.all_containers() {
        for from in &container.env_from {
            keys.insert(match &from.source {
                ObjectRef::ConfigMap(name) => key(ObjectKind::ConfigMap, name),
                ObjectRef::Secret(name) => key(ObjectKind::Secret, name),
            });
        }
        for variable in &container.env {
            match &variable.value {
                EnvValue::ConfigMapKey(from) => {
                    keys.insert(key(ObjectKind::ConfigMap, &from.name));
                }
                EnvValue::SecretKey(from) => {
                    keys.insert(key(ObjectKind::Secret, &from.name));
                }
                _ => {}
            }
        }
    }
    let secrets = spec.image_pull_secrets.iter();
    keys.extend(secrets.map(|name| key(ObjectKind::Secret, name)));
    // What the server makes itself has names that no object can have.
    keys.retain(|key| !key.name.contains('/'));
    keys
}
