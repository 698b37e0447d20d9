//! What a pod has before its first container: a network, volumes, and a process namespace if it shares one.

use super::container::TERMINATION_LOG;
use super::{PodStart, PodTask};
use crate::cgroup::Cgroup;
use crate::meters::Meters;
use crate::proc::Proc;
use crate::world::{Output, Random};
use bytes::Bytes;
use seedpod_core::image::Image;
use seedpod_core::limits::SHARED_MEMORY_BYTES_TOTAL;
use seedpod_core::net;
use seedpod_core::pod::environment::Environment;
use seedpod_core::pod::resolver::Resolver;
use seedpod_core::pod::storage;
use seedpod_core::pod::{self, EventReason, EventType, PodEvent, SandboxError, StartError, hosts};
use seedpod_core::process::{NamespaceId, ProcessId, Program, Which};
use seedpod_core::spec::{self, Medium, VolumeSource};
use seedpod_core::time::Instant;
use seedpod_core::volume::{
    Access, Caller, Entropy, Errno, Files, MemoryVolume, Mount, MountError, Payload,
    ProjectedVolume, SyntheticVolume, Volume, create_sub_path,
};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// What a pod has before its first container.
#[derive(Default)]
pub(super) struct Sandbox {
    /// Only with `shareProcessNamespace`.
    pub(super) shared_namespace: Option<NamespaceId>,
    pause: Option<ProcessId>,
    volumes: BTreeMap<String, Mounted>,
    /// `/dev/shm`, which the containers of a pod share.
    shm: Option<Arc<MemoryVolume>>,
    /// `/etc/hosts` and its like.
    etc: Option<Arc<MemoryVolume>>,
}

impl Sandbox {
    /// A volume that is mounted.
    pub(super) fn volume(&self, name: &str) -> Option<&Arc<dyn Volume>> {
        Some(&self.volumes.get(name)?.volume)
    }
}

struct Mounted {
    volume: Arc<dyn Volume>,
    /// Whether no container may write to it.
    read_only: bool,
    /// What its content is replaced through, where it comes from objects or fields.
    content: Option<ProjectedVolume>,
}

/// The network of a pod.
pub(super) fn network(start: &PodStart) -> Result<net::Namespace, net::FabricError> {
    net::Namespace::new(start.catalog.fabric(), &start.spec, start.egress)
}

impl PodTask {
    pub(super) fn create_sandbox(&mut self, now: Instant) -> Result<IpAddr, SandboxError> {
        let spec = self.pod.spec().clone();
        for volume in &spec.volumes {
            // It may have been made by an attempt that failed later. Images come with the containers that mount them.
            let is_image = matches!(volume.source, VolumeSource::Image(_));
            if is_image || self.sandbox.volumes.contains_key(&volume.name) {
                continue;
            }
            let mounted = self
                .volume(volume)
                .map_err(|reason| SandboxError::FailedMount(failed_mount(&volume.name, &reason)))?;
            let shown = (volume.name.clone(), mounted.volume.clone());
            self.cell.volumes().extend([shown]);
            self.sandbox.volumes.insert(volume.name.clone(), mounted);
        }
        let secrets = &self.start.catalog.snapshot().secrets;
        if let Some(message) = pod::missing_pull_secrets(&spec, secrets) {
            self.warn(EventReason::FailedToRetrieveImagePullSecret, message);
        }
        let shm = MemoryVolume::empty(SHM, Some(SHARED_MEMORY_BYTES_TOTAL), self.cell.wall_time());
        self.sandbox.shm.get_or_insert(shm);
        if self.sandbox.etc.is_none() {
            let etc = self.etc().map_err(SandboxError::FailedCreatePodSandBox)?;
            self.sandbox.etc = Some(etc);
        }
        if spec.share_process_namespace && self.sandbox.shared_namespace.is_none() {
            let pause = Program {
                path: "/pause".to_owned(),
                arguments: vec!["/pause".to_owned()],
            };
            let (namespace, pause) = self.cell.with(|kernel| {
                let namespace = kernel.processes.create_namespace();
                let pause = kernel.processes.spawn(namespace, None, "", pause, now);
                (namespace, pause)
            });
            self.sandbox.shared_namespace = Some(namespace);
            self.sandbox.pause = pause.ok();
        }
        Ok(self.cell.with(|kernel| kernel.net.pod_ip().into()))
    }

    /// Process 1 of a shared namespace is ours: we wait for what it adopts.
    pub(super) fn reap_orphans(&mut self) {
        if let Some(pause) = self.sandbox.pause {
            self.cell.with(
                |kernel| while let Ok(Some(_)) = kernel.processes.try_wait(pause, Which::Any) {},
            );
        }
    }

    fn volume(&self, volume: &spec::Volume) -> Result<Mounted, String> {
        let wall_time = self.cell.wall_time();
        if let Some(payload) = self.payload(volume)? {
            let content =
                ProjectedVolume::new(payload, wall_time).map_err(|error| error.to_string())?;
            return Ok(Mounted {
                volume: content.volume(),
                read_only: true,
                content: Some(content),
            });
        }
        let volume: Arc<dyn Volume> = match &volume.source {
            VolumeSource::EmptyDir(dir) if dir.medium == Medium::Memory => {
                let bytes = storage::memory_volume_bytes(&self.start.spec, dir);
                MemoryVolume::empty(&volume.name, Some(bytes), wall_time)
            }
            VolumeSource::HostPath(path) => self.start.world.host_path(path)?,
            _ => self.start.world.empty_dir(&self.start.uid, &volume.name)?,
        };
        Ok(Mounted {
            volume,
            read_only: false,
            content: None,
        })
    }

    fn warn(&self, reason: EventReason, message: String) {
        let event = PodEvent {
            type_: EventType::Warning,
            reason,
            message,
            container: None,
        };
        self.start.world.output(&self.name, Output::Event(event));
    }

    fn payload(&self, volume: &spec::Volume) -> Result<Option<Payload>, String> {
        let value = |value: &spec::DownwardValue| self.downward_value(value);
        let objects = self.start.catalog.snapshot();
        pod::payload(&volume.source, &self.name.namespace, &objects, &value)
            .map_err(|error| error.to_string())
    }

    /// Brings volumes that show objects or fields of the pod up to date. One that cannot be filled any more keeps what it
    /// has.
    pub(super) fn refresh_volumes(&self) {
        for volume in &self.start.spec.volumes {
            let mounted = self.sandbox.volumes.get(&volume.name);
            let Some(content) = mounted.and_then(|mounted| mounted.content.as_ref()) else {
                continue;
            };
            let result = self.payload(volume).and_then(|payload| {
                content
                    .update(payload.unwrap_or_default(), self.cell.wall_time())
                    .map_err(|error| error.to_string())
            });
            if let Err(reason) = result {
                self.warn(
                    EventReason::FailedMount,
                    failed_mount(&volume.name, &reason),
                );
            }
        }
    }

    /// What `image` of a volume asks for.
    pub(super) fn image_of(&self, volume: &str) -> Option<(String, spec::ImagePullPolicy)> {
        let mut volumes = self.start.spec.volumes.iter();
        let found = volumes.find(|known| known.name == volume)?;
        match &found.source {
            VolumeSource::Image(image) => Some((image.reference.clone(), image.pull_policy)),
            _ => None,
        }
    }

    /// The files of an image, for the containers that mount it as a volume. Pulled again for each of them, it stays what it
    /// was.
    pub(super) fn mount_image(&mut self, volume: &str, image: &Image) {
        let mounted = || Mounted {
            volume: MemoryVolume::layer(image.tree.clone()),
            read_only: true,
            content: None,
        };
        let volumes = &mut self.sandbox.volumes;
        volumes.entry(volume.to_owned()).or_insert_with(mounted);
    }

    /// The files of a new instance of a container, and its termination log.
    pub(super) fn files(
        &self,
        spec: &spec::Container,
        image: &Image,
        environment: &Environment,
        meters: &Arc<Meters>,
    ) -> Result<(Arc<Files>, Arc<MemoryVolume>), StartError> {
        let mut files = Files::of_image(image.tree.clone(), root_access(spec));
        let termination_log = self.file(TERMINATION_LOG, String::new(), 0o666)?;
        let mut mounts = self.system_mounts(spec, meters)?;
        let path = &spec.termination_message_path;
        mounts.push(part(path, termination_log.clone(), TERMINATION_LOG));

        let sub_paths = self.sub_paths(spec, environment)?;
        for (mount, sub_path) in spec.volume_mounts.iter().zip(&sub_paths) {
            let name = &mount.name;
            let mounted = self.sandbox.volumes.get(name).ok_or_else(|| {
                StartError::CreateContainerConfig(format!("volume {name:?} not found"))
            })?;
            if let Some(sub_path) = sub_path.as_ref().filter(|_| !mounted.read_only) {
                let caller = Caller::host(self.cell.wall_time());
                create_sub_path(caller, &mounted.volume, sub_path)
                    .map_err(|errno| sub_path_error(spec, name, errno))?;
            }
            mounts.retain(|generated| generated.path != mount.mount_path);
            mounts.push(Mount {
                path: &mount.mount_path,
                volume: mounted.volume.clone(),
                sub_path: sub_path.as_deref(),
                access: if mount.read_only || mounted.read_only {
                    Access::ReadOnly
                } else {
                    Access::ReadWrite
                },
            });
        }
        files
            .mount_all(Caller::host(self.cell.wall_time()), mounts)
            .map_err(|error| mount_error(spec, &error))?;
        Ok((Arc::new(files), termination_log))
    }

    /// What every container has, whatever its image.
    fn system_mounts(
        &self,
        spec: &spec::Container,
        meters: &Arc<Meters>,
    ) -> Result<Vec<Mount<'static>>, StartError> {
        let (pod, wall_time) = (self.pod.spec(), self.cell.wall_time());
        let seed = self.start.seed.fork("dev").fork(&spec.name);
        let entropy = Box::new(FromWorld(self.start.world.random(seed)));
        let devices = MemoryVolume::devices(entropy, wall_time).map_err(config_error)?;
        let hostname = hosts::hostname(pod, &self.start.node_name).map_err(config_error)?;
        let proc = Proc::new(
            &self.cell,
            pod.clone(),
            hostname,
            self.name.clone(),
            &spec.name,
        );
        let cgroup = Arc::new(Cgroup {
            cell: self.cell.clone(),
            container: spec.name.clone(),
            meters: meters.clone(),
        });
        let mut mounts = vec![
            whole("/proc", SyntheticVolume::new(proc), Access::ReadOnly),
            whole(
                "/sys/fs/cgroup",
                SyntheticVolume::new(cgroup),
                Access::ReadOnly,
            ),
            whole("/dev", devices, Access::ReadWrite),
        ];
        if let Some(etc) = &self.sandbox.etc {
            // `/etc/hosts` is the kubelet's, the others are the runtime's and go with the root.
            let etc = ETC_FILES.map(|(path, file)| Mount {
                access: match path {
                    "/etc/hosts" => Access::ReadWrite,
                    _ => root_access(spec),
                },
                ..part(path, etc.clone(), file)
            });
            mounts.extend(etc);
        }
        if let Some(shm) = &self.sandbox.shm {
            mounts.push(whole("/dev/shm", shm.clone(), Access::ReadWrite));
        }
        Ok(mounts)
    }

    /// `/etc/hosts` and its like: one copy for the pod, as the kubelet has it.
    fn etc(&self) -> Result<Arc<MemoryVolume>, String> {
        let pod = self.pod.spec();
        let pod_ip = self.cell.with(|kernel| kernel.net.pod_ip().into());
        let node = &self.start.node_name;
        let hostname = hosts::hostname(pod, node).map_err(|error| error.to_string())?;
        let (resolver, warnings) = Resolver::of_pod(pod);
        for message in warnings {
            self.warn(EventReason::DNSConfigForming, message);
        }
        let texts = [
            hosts::etc_hosts(pod, &[pod_ip], node),
            format!("{hostname}\n"),
            resolver.text(),
        ];
        let files = ETC_FILES
            .map(|(_, file)| file)
            .into_iter()
            .zip(texts.map(Bytes::from));
        MemoryVolume::files(files, 0o644, self.cell.wall_time()).map_err(|error| error.to_string())
    }

    /// A volume of one file.
    fn file(&self, name: &str, text: String, mode: u32) -> Result<Arc<MemoryVolume>, StartError> {
        MemoryVolume::file(name, text.into(), mode, self.cell.wall_time()).map_err(config_error)
    }

    fn sub_paths(
        &self,
        spec: &spec::Container,
        environment: &Environment,
    ) -> Result<Vec<Option<String>>, StartError> {
        let expand = |mount: &spec::VolumeMount| {
            let path = environment.sub_path(mount.sub_path.as_ref());
            let path =
                path.map_err(|error| StartError::CreateContainerConfig(error.to_string()))?;
            Ok((!path.is_empty()).then_some(path))
        };
        spec.volume_mounts.iter().map(expand).collect()
    }
}

fn root_access(spec: &spec::Container) -> Access {
    match spec.security.read_only_root_filesystem {
        Some(true) => Access::ReadOnly,
        Some(false) | None => Access::ReadWrite,
    }
}

fn failed_mount(volume: &str, reason: &str) -> String {
    format!("MountVolume.SetUp failed for volume {volume:?} : {reason}")
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn config_error(error: impl ToString) -> StartError {
    StartError::CreateContainerConfig(error.to_string())
}

fn mount_error(spec: &spec::Container, error: &MountError) -> StartError {
    if let MountError::SubPath { path, errno, .. } = error {
        let mut mounts = spec.volume_mounts.iter();
        if let Some(mount) = mounts.find(|mount| mount.mount_path == *path) {
            return sub_path_error(spec, &mount.name, *errno);
        }
    }
    config_error(error)
}

/// The kubelet says no more, for it could tell about the files of the node.
fn sub_path_error(spec: &spec::Container, volume: &str, errno: Errno) -> StartError {
    let step = match errno {
        Errno::NoEntry | Errno::ReadOnly | Errno::InsufficientSpace => "create subPath directory",
        _ => "prepare subPath",
    };
    let container = &spec.name;
    StartError::CreateContainerConfig(format!(
        "failed to {step} for volumeMount {volume:?} of container {container:?}"
    ))
}

/// What `/dev/shm` is called among the volumes of a pod.
const SHM: &str = "dev-shm";

/// Files of the pod, by where they are mounted.
const ETC_FILES: [(&str, &str); 3] = [
    ("/etc/hosts", "hosts"),
    ("/etc/hostname", "hostname"),
    ("/etc/resolv.conf", "resolv.conf"),
];

fn whole(path: &str, volume: Arc<dyn Volume>, access: Access) -> Mount<'_> {
    Mount {
        path,
        volume,
        sub_path: None,
        access,
    }
}

fn part<'a>(path: &'a str, volume: Arc<MemoryVolume>, file: &'a str) -> Mount<'a> {
    Mount {
        path,
        volume,
        sub_path: Some(file),
        access: Access::ReadWrite,
    }
}

/// `/dev/random` draws from the world.
struct FromWorld(Box<dyn Random>);

impl Entropy for FromWorld {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill(buffer);
    }
}

/// What the network denied, as an event.
pub(super) fn network_event(event: &net::Event) -> PodEvent {
    PodEvent {
        type_: EventType::Warning,
        reason: EventReason::EgressDenied,
        message: event.to_string(),
        container: None,
    }
}
