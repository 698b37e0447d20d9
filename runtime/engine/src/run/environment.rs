//! What a container is given before it starts: environment, command, identity. The rules are the kernel's; here they
//! meet the pod, its objects and the network.

use super::PodTask;
use seedpod_core::image::Image;
use seedpod_core::limits::{CONTAINER_MEMORY_DEFAULT, ENV_FILE_BYTES_MAX};
use seedpod_core::pod::downward::Facts;
use seedpod_core::pod::environment::{EnvFiles, Environment, ServiceAddress, Sources};
use seedpod_core::pod::{StartError, command, hosts, security};
use seedpod_core::spec::{self, ResourceList};
use seedpod_core::volume::{Access, Caller, Files};

/// What the first process of a container starts with.
pub(super) struct Given {
    pub(super) environment: Environment,
    pub(super) variables: Vec<(String, String)>,
    pub(super) arguments: Vec<String>,
    pub(super) directory: String,
}

impl PodTask {
    pub(super) fn given(&self, spec: &spec::Container, image: &Image) -> Result<Given, StartError> {
        let config = &image.config;
        let wrong = |error: String| StartError::CreateContainerConfig(error);
        let pod = self.pod.spec();
        security::check_non_root(pod, spec, &config.user)
            .map_err(|error| wrong(error.to_string()))?;
        let objects = self.start.catalog.snapshot();
        let services = self.services(&objects);
        let sources = Sources {
            facts: self.facts(),
            config_maps: &objects.config_maps,
            secrets: &objects.secrets,
            services: &services,
            env_files: &self.env_files(spec),
        };
        let environment =
            Environment::resolve(spec, &sources).map_err(|error| wrong(error.to_string()))?;
        let hostname = hosts::hostname(pod, &self.start.node_name)
            .map_err(|error| wrong(error.to_string()))?;
        let variables = environment.for_process(spec, config, &hostname);
        let arguments = command::command(spec, config, &environment)
            .map_err(|error| StartError::CreateContainer(error.to_string()))?;
        let directory = command::working_dir(spec, config).to_owned();
        Ok(Given {
            environment,
            variables,
            arguments,
            directory,
        })
    }

    /// What earlier containers left for `fileKeyRef`s.
    fn env_files(&self, spec: &spec::Container) -> EnvFiles {
        let mut files = EnvFiles::new();
        for variable in &spec.env {
            let spec::EnvValue::FileKey(key) = &variable.value else {
                continue;
            };
            if let Some(volume) = self.sandbox.volume(&key.volume) {
                let root = Files::new(volume.clone(), Access::ReadOnly);
                let caller = Caller::host(self.cell.wall_time());
                let bytes = root.read(caller, &key.path, ENV_FILE_BYTES_MAX);
                let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                files.insert((key.volume.clone(), key.path.clone()), text.ok());
            }
        }
        files
    }

    /// The text of an item of a downward API volume.
    pub(super) fn downward_value(&self, value: &spec::DownwardValue) -> Result<String, String> {
        match value {
            spec::DownwardValue::Field(field) => Ok(self.facts().field(field)),
            spec::DownwardValue::Resource(resource) => self
                .facts()
                .resource(resource, "")
                .map_err(|error| error.to_string()),
        }
    }

    fn services<'a>(&self, objects: &'a spec::Objects) -> Vec<ServiceAddress<'a>> {
        let services = objects.services.iter();
        let address = |service: &spec::Service| {
            let fabric = self.start.catalog.fabric();
            fabric.service_ip(&service.meta.namespace, &service.meta.name)
        };
        services
            .filter_map(|service| {
                Some(ServiceAddress {
                    service,
                    ip: address(service)?,
                })
            })
            .collect()
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            pod: self.pod.spec(),
            identity: self.pod.identity(),
            pod_ip: Some(self.cell.with(|kernel| kernel.net.pod_ip().into())),
            allocatable: ResourceList {
                cpu_m: Some(1000),
                memory: Some(CONTAINER_MEMORY_DEFAULT),
                ephemeral_storage: None,
            },
        }
    }
}
