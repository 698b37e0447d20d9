//! What a pod has before its first container: a network, volumes, and a process namespace if it shares one.

use super::environment::NAMESERVER;
use super::{PodStart, PodTask};
use crate::proc::Proc;
use crate::world::Random;
use seedpod_core::image::Image;
use seedpod_core::net::{self, CLUSTER_DOMAIN};
use seedpod_core::pod::environment::Environment;
use seedpod_core::pod::{self, EventReason, EventType, PodEvent, SandboxError, StartError, hosts};
use seedpod_core::process::{NamespaceId, ProcessId, Program, Which};
use seedpod_core::spec::{self, Medium, VolumeSource};
use seedpod_core::time::Instant;
use seedpod_core::volume::{
    Access, Caller, Entropy, Files, MemoryVolume, Mount, ProjectedVolume, SyntheticVolume, Volume,
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
}

struct Mounted {
    volume: Arc<dyn Volume>,
    /// Whether no container may write to it.
    read_only: bool,
}

/// The network of a pod.
pub(super) fn network(start: &PodStart) -> Result<net::Namespace, net::FabricError> {
    net::Namespace::new(&start.fabric, &start.spec, start.egress)
}

impl PodTask {
    pub(super) fn create_sandbox(&mut self, now: Instant) -> Result<IpAddr, SandboxError> {
        for volume in &self.start.spec.clone().volumes {
            let mounted = self.volume(volume).map_err(|reason| {
                let name = &volume.name;
                SandboxError::FailedMount(format!(
                    "MountVolume.SetUp failed for volume {name:?} : {reason}"
                ))
            })?;
            self.sandbox.volumes.insert(volume.name.clone(), mounted);
        }
        if self.start.spec.share_process_namespace && self.sandbox.shared_namespace.is_none() {
            let (namespace, pause) = self.cell.with(|kernel| {
                let namespace = kernel.processes.create_namespace();
                (
                    namespace,
                    kernel.processes.spawn(
                        namespace,
                        None,
                        "",
                        Program {
                            path: "/pause".to_owned(),
                            arguments: vec!["/pause".to_owned()],
                        },
                        now,
                    ),
                )
            });
            self.sandbox.shared_namespace = Some(namespace);
            self.sandbox.pause = pause.ok();
        }
        Ok(self.cell.with(|kernel| kernel.net.pod_ip().into()))
    }

    /// Ends what is left of the pod: volumes, then whatever the world keeps for it.
    pub(super) fn remove_sandbox(&mut self) {
        self.sandbox = Sandbox::default();
        self.slots.clear();
        self.start.world.remove_pod(&self.start.uid);
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
        let value = |value: &spec::DownwardValue| self.downward_value(value);
        let payload = pod::payload(
            &volume.source,
            &self.name.namespace,
            &self.start.objects,
            &value,
        );
        if let Some(payload) = payload.map_err(|error| error.to_string())? {
            let projected =
                ProjectedVolume::new(payload, wall_time).map_err(|error| error.to_string())?;
            return Ok(Mounted {
                volume: projected.volume(),
                read_only: true,
            });
        }
        let volume: Arc<dyn Volume> = match &volume.source {
            VolumeSource::EmptyDir(dir) if dir.medium == Medium::Memory => {
                MemoryVolume::empty(dir.size_limit, wall_time)
            }
            VolumeSource::HostPath(path) => self.start.world.host_path(path)?,
            _ => self.start.world.empty_dir(&self.start.uid, &volume.name)?,
        };
        Ok(Mounted {
            volume,
            read_only: false,
        })
    }

    /// The files of a new instance of a container, and its termination log.
    pub(super) fn files(
        &self,
        spec: &spec::Container,
        image: &Image,
        environment: &Environment,
    ) -> Result<(Arc<Files>, Arc<MemoryVolume>), StartError> {
        let wall_time = self.cell.wall_time();
        let caller = Caller::host(wall_time);
        let failed = |reason: String| StartError::CreateContainerConfig(reason);
        let read_only = spec.security.read_only_root_filesystem.unwrap_or(false);
        let access = if read_only {
            Access::ReadOnly
        } else {
            Access::ReadWrite
        };
        let mut files = Files::of_image(image.tree.clone(), access);

        let file = |name: &str, text: String, mode| {
            MemoryVolume::file(name, text.into(), mode, wall_time)
                .map_err(|error| failed(error.to_string()))
        };
        let pod_ip = self.cell.with(|kernel| kernel.net.pod_ip().into());
        let hosts = file(
            "hosts",
            hosts::etc_hosts(&self.start.spec, &[pod_ip], CLUSTER_DOMAIN),
            0o644,
        )?;
        let etc_hostname = hosts::etc_hostname(&self.start.spec, CLUSTER_DOMAIN);
        let hostname = file(
            "hostname",
            etc_hostname.map_err(|error| failed(error.to_string()))?,
            0o644,
        )?;
        let resolv = file(
            "resolv.conf",
            hosts::resolv_conf(&self.start.spec, NAMESERVER, CLUSTER_DOMAIN),
            0o644,
        )?;
        let termination_log = file(super::container::TERMINATION_LOG, String::new(), 0o666)?;
        let entropy = FromWorld(
            self.start
                .world
                .random(self.start.seed.fork("dev").fork(&spec.name)),
        );
        let devices = MemoryVolume::devices(Box::new(entropy), wall_time)
            .map_err(|error| failed(error.to_string()))?;
        let proc = SyntheticVolume::new(Proc::new(
            &self.cell,
            self.start.spec.clone(),
            self.name.clone(),
            &spec.name,
        ));
        let shm = MemoryVolume::empty(None, wall_time);

        let mut mounts = vec![
            whole("/proc", proc, Access::ReadOnly),
            whole("/dev", devices, Access::ReadWrite),
            whole("/dev/shm", shm, Access::ReadWrite),
            part("/etc/hosts", hosts, "hosts"),
            part("/etc/hostname", hostname, "hostname"),
            part("/etc/resolv.conf", resolv, "resolv.conf"),
            part(
                &spec.termination_message_path,
                termination_log.clone(),
                super::container::TERMINATION_LOG,
            ),
        ];
        let sub_paths = self.sub_paths(spec, environment)?;
        for (mount, sub_path) in spec.volume_mounts.iter().zip(&sub_paths) {
            let name = &mount.name;
            let mounted = self
                .sandbox
                .volumes
                .get(name)
                .ok_or_else(|| failed(format!("volume {name:?} not found")))?;
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
            .mount_all(caller, mounts)
            .map_err(|error| failed(error.to_string()))?;
        Ok((Arc::new(files), termination_log))
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
