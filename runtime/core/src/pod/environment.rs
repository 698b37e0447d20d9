//! The environment of a container (kubelet `makeEnvironmentVariables`, containerd `container_create.go`).

use super::downward::{ContainerNotFound, Facts};
use super::env_file;
use super::expansion::expand;
pub use super::service_links::ServiceAddress;
use super::service_links::service_links;
use crate::image::ImageConfig;
use crate::spec::{
    self, ConfigMap, Container, EnvValue, FileKeyRef, KeyRef, ObjectRef, Secret, SubPath,
};
use std::collections::BTreeMap;

/// Where variables come from. Objects of other namespaces are passed over.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The pod.
    pub facts: Facts<'a>,
    /// Every ConfigMap there is.
    pub config_maps: &'a [ConfigMap],
    /// Every Secret there is.
    pub secrets: &'a [Secret],
    /// Every Service that exists before the container starts.
    pub services: &'a [ServiceAddress<'a>],
    /// What is in the files that `fileKeyRef`s name.
    pub env_files: &'a EnvFiles,
}

/// Files of variables by volume and path: `None` when the file cannot be read, no entry when there is no such volume.
pub type EnvFiles = BTreeMap<(String, String), Option<String>>;

/// What a manifest sets in a container. Frozen when the container starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// In the order they were first set.
    variables: Vec<(String, String)>,
    /// Where in `variables`. A ConfigMap can have very many keys.
    positions: BTreeMap<String, usize>,
}

/// Why an environment cannot be made; the pod shows it as `CreateContainerConfigError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// No ConfigMap of this name.
    #[error("configmap {0:?} not found")]
    ConfigMapNotFound(String),
    /// No Secret of this name.
    #[error("secret {0:?} not found")]
    SecretNotFound(String),
    /// The ConfigMap has no such text; `binaryData` does not count.
    #[error("couldn't find key {key} in ConfigMap {namespace}/{name}")]
    ConfigMapKeyNotFound {
        /// Name of the key.
        key: String,
        /// Namespace of the pod.
        namespace: String,
        /// Name of the object.
        name: String,
    },
    /// The Secret has no such key.
    #[error("couldn't find key {key} in Secret {namespace}/{name}")]
    SecretKeyNotFound {
        /// Name of the key.
        key: String,
        /// Namespace of the pod.
        namespace: String,
        /// Name of the object.
        name: String,
    },
    /// A file of variables is missing or not in the format.
    #[error("couldn't parse env file")]
    EnvFile,
    /// The file has no such key, or nothing in it.
    #[error("environment variable key {key:?} not found in file {path:?}")]
    FileKeyNotFound {
        /// Name of the key.
        key: String,
        /// Path in the volume.
        path: String,
    },
    /// There is no such volume.
    #[error("cannot find the volume {0:?} referenced by FileKeyRef")]
    FileVolumeNotFound(String),
    /// A resource of a container that is not there.
    #[error(transparent)]
    ContainerNotFound(#[from] ContainerNotFound),
}

/// Why a `subPath` cannot be used; shown as `CreateContainerConfigError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubPathError {
    /// A variable of `subPathExpr` is not set or empty.
    #[error("missing value for {}", .0.join(", "))]
    MissingValue(Vec<String>),
    /// It starts with a slash.
    #[error("error SubPath `{0}` must not be an absolute path")]
    Absolute(String),
    /// It leads out of the volume.
    #[error("unable to provision SubPath `{0}`: must not contain '..'")]
    Backsteps(String),
}

impl Environment {
    /// Service variables, then `envFrom`, then `env`; each may refer by `$(NAME)` to what came before it.
    ///
    /// # Errors
    /// When an object or key is missing that is not optional.
    pub fn resolve(container: &Container, sources: &Sources<'_>) -> Result<Self, EnvironmentError> {
        let links = sources.links();
        let mut own = Self::default();
        for from in &container.env_from {
            for (key, value) in sources.whole(&from.source, from.optional)? {
                own.set(&format!("{}{key}", from.prefix), value);
            }
        }
        for variable in &container.env {
            let value = match &variable.value {
                EnvValue::Text(text) => {
                    let known = |name: &str| own.get(name).or(links.get(name)).map(str::to_owned);
                    Some(expand(text, known))
                }
                EnvValue::ConfigMapKey(key) => sources.config_map_key(key)?,
                EnvValue::SecretKey(key) => sources.secret_key(key)?,
                EnvValue::FileKey(key) => sources.file_key(key)?,
                EnvValue::Field(field) => Some(sources.facts.field(field)),
                EnvValue::Resource(resource) => {
                    Some(sources.facts.resource(resource, &container.name)?)
                }
            };
            if let Some(value) = value {
                own.set(&variable.name, value);
            }
        }
        for (name, value) in links.variables {
            if own.get(&name).is_none() {
                own.set(&name, value);
            }
        }
        Ok(own)
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        let position = *self.positions.get(name)?;
        Some(&self.variables[position].1)
    }

    /// Replaces `$(NAME)` in `command`, `args` and the like. Variables of the image do not count.
    pub fn expand(&self, text: &str) -> String {
        expand(text, |name| self.get(name).map(str::to_owned))
    }

    /// What the first process sees: defaults of the runtime, under those of the image, under those of the manifest.
    pub fn for_process(
        &self,
        container: &Container,
        image: &ImageConfig,
        hostname: &str,
    ) -> Vec<(String, String)> {
        let mut all = Self::default();
        all.set("PATH", PATH.to_owned());
        all.set("HOSTNAME", hostname.to_owned());
        if container.tty {
            all.set("TERM", "xterm".to_owned());
        }
        for (name, value) in image.env.iter().chain(&self.variables) {
            all.set(name, value.clone());
        }
        all.variables
    }

    /// The part of a volume that a mount shows, empty for all of it.
    ///
    /// # Errors
    /// When a variable of `subPathExpr` is missing or empty, or the path leads out of the volume.
    pub fn sub_path(&self, sub_path: Option<&SubPath>) -> Result<String, SubPathError> {
        let path = match sub_path {
            None => return Ok(String::new()),
            Some(SubPath::Path(path)) => path.clone(),
            Some(SubPath::Expr(expression)) => {
                let mut missing = Vec::new();
                let path = expand(expression, |name| {
                    let value = self.get(name).unwrap_or_default();
                    if value.is_empty() && !missing.iter().any(|known| known == name) {
                        missing.push(name.to_owned());
                    }
                    Some(value.to_owned())
                });
                missing.sort_unstable();
                if !missing.is_empty() {
                    return Err(SubPathError::MissingValue(missing));
                }
                path
            }
        };
        if path.starts_with('/') {
            return Err(SubPathError::Absolute(path));
        }
        if path.split('/').any(|part| part == "..") {
            return Err(SubPathError::Backsteps(path));
        }
        Ok(path)
    }

    fn set(&mut self, name: &str, value: String) {
        if let Some(position) = self.positions.get(name) {
            self.variables[*position].1 = value;
        } else {
            self.positions.insert(name.to_owned(), self.variables.len());
            self.variables.push((name.to_owned(), value));
        }
    }
}

impl Sources<'_> {
    /// Variables of Services: those of the pod's namespace unless it declines, and always `kubernetes` of `default`.
    fn links(&self) -> Environment {
        let pod = self.facts.pod;
        let mut visible = BTreeMap::new();
        for address in self.services {
            let meta = &address.service.meta;
            let is_master = meta.namespace == "default" && meta.name == "kubernetes";
            let is_own = meta.namespace == pod.meta.namespace && pod.enable_service_links;
            if is_own || (is_master && !visible.contains_key(&meta.name)) {
                visible.insert(meta.name.clone(), *address);
            }
        }
        let mut links = Environment::default();
        for (name, value) in visible.into_values().flat_map(service_links) {
            links.set(&name, value);
        }
        links
    }

    /// All variables of one `envFrom`, sorted by key.
    fn whole(
        &self,
        source: &ObjectRef,
        optional: bool,
    ) -> Result<Vec<(String, String)>, EnvironmentError> {
        let found = match source {
            ObjectRef::ConfigMap(name) => self.config_map(name).map(|object| {
                let texts = object.data.iter();
                texts
                    .map(|(key, text)| (key.clone(), text.clone()))
                    .collect()
            }),
            ObjectRef::Secret(name) => self.secret(name).map(|object| {
                let values = object.data.iter();
                values
                    .map(|(key, bytes)| (key.clone(), text(bytes)))
                    .collect()
            }),
        };
        if optional {
            Ok(found.unwrap_or_default())
        } else {
            found
        }
    }

    fn config_map_key(&self, key: &KeyRef) -> Result<Option<String>, EnvironmentError> {
        let found = self.config_map(&key.name).and_then(|object| {
            let text = object.data.get(&key.key).cloned();
            text.ok_or_else(|| EnvironmentError::ConfigMapKeyNotFound {
                key: key.key.clone(),
                namespace: self.namespace().to_owned(),
                name: key.name.clone(),
            })
        });
        if key.optional {
            Ok(found.ok())
        } else {
            found.map(Some)
        }
    }

    fn secret_key(&self, key: &KeyRef) -> Result<Option<String>, EnvironmentError> {
        let found = self.secret(&key.name).and_then(|object| {
            let value = object.data.get(&key.key).map(|bytes| text(bytes));
            value.ok_or_else(|| EnvironmentError::SecretKeyNotFound {
                key: key.key.clone(),
                namespace: self.namespace().to_owned(),
                name: key.name.clone(),
            })
        });
        if key.optional {
            Ok(found.ok())
        } else {
            found.map(Some)
        }
    }

    fn file_key(&self, key: &FileKeyRef) -> Result<Option<String>, EnvironmentError> {
        let file = self.env_files.get(&(key.volume.clone(), key.path.clone()));
        let not_found = || EnvironmentError::FileVolumeNotFound(key.volume.clone());
        let text = file.ok_or_else(not_found)?.as_deref();
        let text = text.ok_or(EnvironmentError::EnvFile)?;
        let value = env_file::value(text, &key.key).map_err(|_| EnvironmentError::EnvFile)?;
        match (value.is_empty(), key.optional) {
            (false, _) => Ok(Some(value)),
            (true, true) => Ok(None),
            (true, false) => Err(EnvironmentError::FileKeyNotFound {
                key: key.key.clone(),
                path: key.path.clone(),
            }),
        }
    }

    fn config_map(&self, name: &str) -> Result<&ConfigMap, EnvironmentError> {
        let mut all = self.config_maps.iter();
        all.find(|object| is_named(&object.meta, self.namespace(), name))
            .ok_or_else(|| EnvironmentError::ConfigMapNotFound(name.to_owned()))
    }

    fn secret(&self, name: &str) -> Result<&Secret, EnvironmentError> {
        let mut all = self.secrets.iter();
        all.find(|object| is_named(&object.meta, self.namespace(), name))
            .ok_or_else(|| EnvironmentError::SecretNotFound(name.to_owned()))
    }

    fn namespace(&self) -> &str {
        &self.facts.pod.meta.namespace
    }
}

/// Variables are text for a guest: bytes of a Secret that are none are replaced.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What containerd sets when nobody else does.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Whether an object is the one that a pod of `namespace` calls `name`.
pub(super) fn is_named(meta: &spec::Meta, namespace: &str, name: &str) -> bool {
    meta.name == name && meta.namespace == namespace
}

#[cfg(test)]
mod tests;
