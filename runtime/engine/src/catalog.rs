//! The ConfigMaps, Secrets and Services that pods refer to, and who wants to know when one changes.

use crate::run::Inbox;
use seedpod_core::limits::OBJECTS_PER_KIND;
use seedpod_core::net::{Fabric, FabricError};
use seedpod_core::spec::{Meta, ObjectKey, ObjectKind, Objects, Service};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All objects of a world that are no pods, shared by its pods. A change wakes those that mount the object, in the order
/// they came.
pub struct Catalog {
    fabric: Fabric,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Without pods.
    objects: Arc<Objects>,
    versions: BTreeMap<ObjectKey, u64>,
    last_version: u64,
    watches: BTreeMap<u64, Watch>,
    last_watch: u64,
}

struct Watch {
    keys: BTreeSet<ObjectKey>,
    inbox: Arc<Inbox>,
}

/// Why objects could not be applied. None of them was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// The virtual network has no place for a Service.
    #[error("service {0}: {1}")]
    Network(String, FabricError),
    /// There are too many.
    #[error("more than {OBJECTS_PER_KIND} ConfigMaps or Secrets")]
    Full,
}

/// Objects as one call of [`Catalog::apply`] left them.
#[derive(Clone, Debug, Default)]
pub struct Applied(Vec<(ObjectKey, u64)>);

/// Ends with the pod.
pub(crate) struct Watching {
    catalog: Arc<Catalog>,
    id: u64,
}

impl Catalog {
    /// Without objects. Services get their addresses in `fabric`.
    pub fn new(fabric: Fabric) -> Self {
        Self {
            fabric,
            state: Mutex::default(),
        }
    }

    /// The network in which Services live.
    pub fn fabric(&self) -> &Fabric {
        &self.fabric
    }

    /// What is there now.
    pub fn snapshot(&self) -> Arc<Objects> {
        self.lock().objects.clone()
    }

    /// Adds ConfigMaps, Secrets and Services, or puts them in the place of those of the same name; pods are passed over.
    ///
    /// # Errors
    /// When there is no room; then nothing has changed.
    pub fn apply(&self, objects: &Objects) -> Result<Applied, CatalogError> {
        let mut state = self.lock();
        state.check_room(objects)?;
        self.set_services(&state, &objects.services)?;
        let State {
            objects: all,
            versions,
            ..
        } = &mut *state;
        let all = Arc::make_mut(all);
        let mut applied = Vec::new();
        let mut put = |kind, meta: &Meta, put: &mut dyn FnMut(Known) -> Change| {
            let key = ObjectKey::of(kind, meta);
            let known = match versions.contains_key(&key) {
                true => Known::Yes,
                false => Known::No,
            };
            // A second one of the same name in one manifest is known, too.
            versions.entry(key.clone()).or_default();
            applied.push((key, put(known)));
        };
        for object in &objects.config_maps {
            let list = &mut all.config_maps;
            put(ObjectKind::ConfigMap, &object.meta, &mut |known| {
                put_one(list, object, |object| &object.meta, known)
            });
        }
        for object in &objects.secrets {
            let list = &mut all.secrets;
            put(ObjectKind::Secret, &object.meta, &mut |known| {
                put_one(list, object, |object| &object.meta, known)
            });
        }
        for object in &objects.services {
            let list = &mut all.services;
            put(ObjectKind::Service, &object.meta, &mut |known| {
                put_one(list, object, |object| &object.meta, known)
            });
        }
        let is_changed = |(_, change): &&(_, Change)| *change == Change::Yes;
        let changed = applied.iter().filter(is_changed);
        let changed = changed.map(|(key, _)| key.clone()).collect();
        let versioned = |(key, _)| {
            let version = state.next_version(&key);
            (key, version)
        };
        let applied = Applied(applied.into_iter().map(versioned).collect());
        state.wake(&changed);
        Ok(applied)
    }

    /// Removes an object; whether it was there. What pods have of it stays with them.
    pub fn delete(&self, key: &ObjectKey) -> bool {
        let mut state = self.lock();
        let deleted = self.remove(&mut state, key);
        if deleted {
            state.wake(&BTreeSet::from([key.clone()]));
        }
        deleted
    }

    /// Removes what [`apply`](Self::apply) put there, where nobody has applied it again since.
    pub fn withdraw(&self, applied: &Applied) {
        let mut state = self.lock();
        let mut gone = BTreeSet::new();
        for (key, version) in &applied.0 {
            if state.versions.get(key) == Some(version) && self.remove(&mut state, key) {
                gone.insert(key.clone());
            }
        }
        state.wake(&gone);
    }

    /// Tells `inbox` about every change of these objects.
    pub(crate) fn watch(
        self: &Arc<Self>,
        keys: BTreeSet<ObjectKey>,
        inbox: Arc<Inbox>,
    ) -> Watching {
        let mut state = self.lock();
        state.last_watch += 1;
        let id = state.last_watch;
        state.watches.insert(id, Watch { keys, inbox });
        Watching {
            catalog: self.clone(),
            id,
        }
    }

    fn set_services(&self, state: &State, services: &[Service]) -> Result<(), CatalogError> {
        for (index, service) in services.iter().enumerate() {
            if let Err(error) = self.fabric.set_service(service) {
                for done in &services[..index] {
                    let old = state.objects.services.iter();
                    let mut old = old.filter(|old| is_same(&old.meta, &done.meta));
                    match old.next() {
                        // It had its place before, so it fits again.
                        Some(old) => drop(self.fabric.set_service(old)),
                        None => {
                            let Meta {
                                namespace, name, ..
                            } = &done.meta;
                            self.fabric.remove_service(namespace, name);
                        }
                    }
                }
                return Err(CatalogError::Network(service.meta.name.clone(), error));
            }
        }
        Ok(())
    }

    fn remove(&self, state: &mut State, key: &ObjectKey) -> bool {
        if state.versions.remove(key).is_none() {
            return false;
        }
        let all = Arc::make_mut(&mut state.objects);
        let stays = |meta: &Meta| meta.name != key.name || meta.namespace != key.namespace;
        match key.kind {
            ObjectKind::ConfigMap => all.config_maps.retain(|object| stays(&object.meta)),
            ObjectKind::Secret => all.secrets.retain(|object| stays(&object.meta)),
            ObjectKind::Service => {
                all.services.retain(|object| stays(&object.meta));
                self.fabric.remove_service(&key.namespace, &key.name);
            }
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check_room(&self, objects: &Objects) -> Result<(), CatalogError> {
        let is_full = |there: usize, more: usize| there.saturating_add(more) > OBJECTS_PER_KIND;
        let config_maps = is_full(self.objects.config_maps.len(), objects.config_maps.len());
        if config_maps || is_full(self.objects.secrets.len(), objects.secrets.len()) {
            return Err(CatalogError::Full);
        }
        Ok(())
    }

    fn next_version(&mut self, key: &ObjectKey) -> u64 {
        self.last_version += 1;
        self.versions.insert(key.clone(), self.last_version);
        self.last_version
    }

    fn wake(&self, changed: &BTreeSet<ObjectKey>) {
        for watch in self.watches.values() {
            if !watch.keys.is_disjoint(changed) {
                watch.inbox.objects_changed();
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.catalog.lock().watches.remove(&self.id);
    }
}

/// Whether an object of this name is there.
#[derive(Clone, Copy)]
enum Known {
    Yes,
    No,
}

/// Whether an object is another than before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Yes,
    No,
}

fn put_one<T: Clone + PartialEq>(
    all: &mut Vec<T>,
    object: &T,
    meta: fn(&T) -> &Meta,
    known: Known,
) -> Change {
    let old = match known {
        Known::Yes => all.iter_mut().find(|old| is_same(meta(old), meta(object))),
        Known::No => None,
    };
    match old {
        Some(old) if old == object => return Change::No,
        Some(old) => *old = object.clone(),
        None => all.push(object.clone()),
    }
    Change::Yes
}

fn is_same(one: &Meta, other: &Meta) -> bool {
    one.name == other.name && one.namespace == other.namespace
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedpod_core::spec::{ClusterIp, ConfigMap};

    fn meta(name: &str) -> Meta {
        Meta {
            name: name.to_owned(),
            namespace: "default".to_owned(),
            ..Meta::default()
        }
    }

    fn config_map(name: &str, value: &str) -> Objects {
        Objects {
            config_maps: vec![ConfigMap {
                meta: meta(name),
                data: [("k".to_owned(), value.to_owned())].into(),
                ..ConfigMap::default()
            }],
            ..Objects::default()
        }
    }

    fn services(all: &[(&str, [u8; 4])]) -> Objects {
        let service = |(name, ip): &(&str, [u8; 4])| Service {
            meta: meta(name),
            cluster_ip: ClusterIp::Fixed((*ip).into()),
            ..Service::default()
        };
        Objects {
            services: all.iter().map(service).collect(),
            ..Objects::default()
        }
    }

    fn values(catalog: &Catalog) -> Vec<String> {
        let objects = catalog.snapshot();
        let values = objects.config_maps.iter().flat_map(|map| map.data.values());
        values.cloned().collect()
    }

    #[test]
    fn only_what_nobody_applied_again_is_withdrawn() {
        let catalog = Catalog::new(Fabric::default());
        let first = catalog.apply(&config_map("a", "1")).unwrap();
        let second = catalog.apply(&config_map("a", "2")).unwrap();
        assert_eq!(values(&catalog), ["2"]);
        catalog.withdraw(&first);
        assert_eq!(values(&catalog), ["2"]);
        catalog.withdraw(&second);
        assert!(values(&catalog).is_empty());
        let key = ObjectKey::of(ObjectKind::ConfigMap, &meta("a"));
        assert!(!catalog.delete(&key));
        catalog.apply(&config_map("a", "3")).unwrap();
        assert!(catalog.delete(&key));
    }

    #[test]
    fn services_that_do_not_fit_leave_everything_as_it_was() {
        let catalog = Catalog::new(Fabric::default());
        catalog.apply(&services(&[("a", [10, 96, 0, 50])])).unwrap();
        let clash = services(&[
            ("a", [10, 96, 0, 51]),
            ("b", [10, 96, 0, 52]),
            ("c", [10, 244, 0, 9]),
        ]);
        let error = catalog.apply(&clash).unwrap_err();
        assert!(matches!(error, CatalogError::Network(name, _) if name == "c"));
        let ip = |name| catalog.fabric().service_ip("default", name);
        assert_eq!(ip("a"), Some([10, 96, 0, 50].into()));
        assert_eq!(ip("b"), None);
        assert_eq!(catalog.snapshot().services.len(), 1);
    }
}
