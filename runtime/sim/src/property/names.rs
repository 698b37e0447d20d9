//! Which pod, container, volume or file of a test a name stands for.

use super::seen::FileLook;
use super::view::{Pod, State};
use seedpod_core::limits::TEST_FILE_BYTES_MAX;
use seedpod_core::podtest::FileTarget;
use seedpod_core::spec::{self, SubPath};
use seedpod_core::time::WallTime;
use seedpod_core::volume::{Caller, look};
use seedpod_engine::PodHandle;
use std::collections::BTreeSet;

impl State {
    /// What the first pod has, of those that are meant.
    pub(super) fn in_kernel<R>(
        &self,
        pod: Option<&str>,
        look: impl Fn(&PodHandle) -> Option<R>,
    ) -> Result<Option<R>, String> {
        if let Some(name) = pod
            && !self.pods.iter().any(|known| known.name == name)
        {
            return Err(format!("there is no pod {name:?}"));
        }
        let mut meant = self
            .pods
            .iter()
            .filter(|known| pod.is_none_or(|name| known.name == name));
        Ok(meant.find_map(|pod| look(pod.handle.as_ref()?)))
    }

    /// A container by `name` or `pod/name`.
    pub(super) fn container<'n>(&self, name: &'n str) -> Result<(&Pod, &'n str), String> {
        let (pod, container) = match name.split_once('/') {
            Some((pod, container)) => (Some(pod), container),
            None => (None, name),
        };
        let mut meant = self.pods.iter().filter(|known| {
            pod.is_none_or(|pod| known.name == pod)
                && known.spec.all_containers().any(|one| one.name == container)
        });
        match (meant.next(), meant.next()) {
            (Some(pod), None) => Ok((pod, container)),
            (Some(one), Some(two)) => Err(format!(
                "there is a container {container:?} in several pods; write \"{}/{container}\" or \"{}/{container}\"",
                one.name, two.name
            )),
            (None, _) => {
                let known = self.pods.iter().flat_map(|pod| pod.spec.all_containers());
                let known: BTreeSet<&str> = known.map(|one| one.name.as_str()).collect();
                let known: Vec<&str> = known.into_iter().collect();
                Err(format!(
                    "there is no container {name:?}, only {}",
                    known.join(", ")
                ))
            }
        }
    }

    pub(super) fn file(&self, target: &FileTarget) -> Result<FileLook, String> {
        let (pod, volume, path) = self.resolve(target)?;
        let Some(handle) = &pod.handle else {
            return Ok(FileLook::default());
        };
        let Some(volume) = handle.volume(&volume) else {
            return Ok(FileLook::default());
        };
        let caller = Caller::host(WallTime::default());
        let content = look(&*volume, caller, &path, TEST_FILE_BYTES_MAX);
        Ok(FileLook::new(content.ok()))
    }

    /// Pod, volume and path in it.
    pub(super) fn resolve(&self, target: &FileTarget) -> Result<(&Pod, String, String), String> {
        match target {
            FileTarget::Volume { volume, path } => {
                let has = |pod: &&Pod| pod.spec.volumes.iter().any(|one| one.name == *volume);
                let mut meant = self.pods.iter().filter(has);
                match (meant.next(), meant.next()) {
                    (Some(pod), None) => Ok((pod, volume.clone(), path.clone())),
                    (Some(_), Some(_)) => Err(format!(
                        "there is a volume {volume:?} in several pods; write pod/container:/path"
                    )),
                    (None, _) => Err(format!("there is no volume {volume:?}")),
                }
            }
            FileTarget::Container { container, path } => {
                let (pod, name) = self.container(container)?;
                let mut specs = pod.spec.all_containers();
                specs
                    .find(|one| one.name == name)
                    .and_then(|spec| mounted(spec, path))
                    .map(|(volume, path)| (pod, volume, path))
                    .ok_or_else(|| format!("container {container} has no volume at {path}"))
            }
            FileTarget::Any { path } => {
                let pods = self.pods.iter();
                let found: BTreeSet<(usize, (String, String))> = pods
                    .enumerate()
                    .flat_map(|(index, pod)| {
                        let mounts = pod
                            .spec
                            .all_containers()
                            .filter_map(|one| mounted(one, path));
                        mounts.map(move |found| (index, found))
                    })
                    .collect();
                let mut found = found.into_iter();
                match (found.next(), found.next()) {
                    (Some((pod, (volume, path))), None) => Ok((&self.pods[pod], volume, path)),
                    (None, _) => Err(format!("no container has a volume at {path}")),
                    (Some((_, one)), Some((_, two))) => Err(format!(
                        "{path} is in several volumes; write \"{}:{}\" or \"{}:{}\"",
                        one.0, one.1, two.0, two.1
                    )),
                }
            }
        }
    }
}

/// The volume that a container has at a path, and the path in it: that of its innermost mount.
fn mounted(container: &spec::Container, path: &str) -> Option<(String, String)> {
    let mut best: Option<(usize, String, String)> = None;
    for mount in &container.volume_mounts {
        let at = mount.mount_path.trim_end_matches('/');
        let Some(rest) = path.strip_prefix(at) else {
            continue;
        };
        if !rest.is_empty() && !rest.starts_with('/') {
            continue;
        }
        let sub_path = match &mount.sub_path {
            None => "",
            Some(SubPath::Path(path)) => path,
            // It depends on the environment of the container.
            Some(SubPath::Expr(_)) => continue,
        };
        if best.as_ref().is_none_or(|(length, ..)| *length <= at.len()) {
            let path = format!("{}{rest}", sub_path.trim_end_matches('/'));
            let path = path.trim_start_matches('/').to_owned();
            best = Some((at.len(), mount.name.clone(), path));
        }
    }
    best.map(|(_, volume, path)| (volume, path))
}
