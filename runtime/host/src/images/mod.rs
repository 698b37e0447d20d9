//! What an `image:` stands for: a file of WebAssembly, or one of the bundled images under the name of the image it
//! stands in for. In this order; images are not fetched from registries.

mod bundle;
mod name;

pub use bundle::{Bundled, bundled};
pub use name::{NameError, Repository};

use bytes::Bytes;
use seedpod_core::image::{Image, ImageConfig};
use seedpod_core::limits::PROGRAM_BYTES;
use seedpod_core::spec::{ImagePullPolicy, Objects};
use seedpod_core::volume::Tree;
use seedpod_engine::Engine;
use seedpod_engine::cache::Digest;
use seedpod_engine::world::{ImageError, ResolvedImage};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

/// Images that cannot run, one a line.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct ImagesError(pub Vec<ContainerImageError>);

/// The image of a container cannot run.
#[derive(Debug, thiserror::Error)]
#[error("pod {pod}, container {container}: {error}")]
pub struct ContainerImageError {
    /// Name of the pod.
    pub pod: String,
    /// Name of the container.
    pub container: String,
    /// Why.
    pub error: ImageError,
}

pub(crate) fn lines<T: fmt::Display>(errors: &[T]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

/// Resolves image references, and keeps what it has resolved.
#[derive(Debug, Default)]
pub struct Images {
    /// Where relative paths begin.
    folder: PathBuf,
    bundled: Mutex<BTreeMap<&'static str, Arc<Image>>>,
    files: Mutex<BTreeMap<PathBuf, LoadedFile>>,
}

/// An image made of a file, while a container uses it: others share its bytes until the file changes.
#[derive(Debug)]
struct LoadedFile {
    modified: Option<SystemTime>,
    len: u64,
    image: Weak<Image>,
}

impl Images {
    /// Relative paths begin at `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            bundled: Mutex::default(),
            files: Mutex::default(),
        }
    }

    /// Tells an engine the digests of the bundled programs, so that nobody computes them again.
    pub fn register(engine: &Engine) {
        for (path, bytes) in bundle::PROGRAMS {
            if let Some(digest) = bundle::digest(path) {
                engine.register(bytes, digest);
            }
        }
    }

    /// Finds the image. What is here is always present, so that every pull policy is honoured.
    ///
    /// # Errors
    /// When the reference is malformed, or means nothing that runs here; the text says what would.
    pub fn resolve(
        &self,
        reference: &str,
        policy: ImagePullPolicy,
    ) -> Result<ResolvedImage, ImageError> {
        if is_path(reference) {
            let image = self
                .shared_file(reference)
                .map_err(|reason| pull_error(reference, reason))?;
            return Ok(ResolvedImage {
                image,
                already_present: true,
                substitute: None,
            });
        }
        let repository = Repository::parse(reference).map_err(|error| ImageError::InvalidName {
            reference: reference.to_owned(),
            reason: error.to_string(),
        })?;
        match bundled().iter().find(|image| image.answers_to(&repository)) {
            Some(image) => {
                let tree = self.bundled(image);
                let image_of_reference = Image {
                    reference: reference.to_owned(),
                    ..(*tree).clone()
                };
                Ok(ResolvedImage {
                    image: Arc::new(image_of_reference),
                    already_present: true,
                    substitute: Some(format!("bundled {}", image.name)),
                })
            }
            None if policy == ImagePullPolicy::Never => {
                Err(ImageError::NeverPull(reference.to_owned()))
            }
            None => Err(pull_error(reference, nothing_stands_in())),
        }
    }

    /// Resolves the images of all pods, so that a wrong name is found before anything runs.
    ///
    /// # Errors
    /// All that cannot run.
    pub fn check(&self, objects: &Objects) -> Result<(), ImagesError> {
        let mut errors = Vec::new();
        for pod in &objects.pods {
            for container in pod.all_containers() {
                if let Err(error) = self.resolve(&container.image, container.image_pull_policy) {
                    let (pod, container) = (pod.meta.name.clone(), container.name.clone());
                    errors.push(ContainerImageError {
                        pod,
                        container,
                        error,
                    });
                }
            }
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(ImagesError(errors))
        }
    }

    fn bundled(&self, bundled: &'static Bundled) -> Arc<Image> {
        let mut images = self.bundled.lock().unwrap_or_else(PoisonError::into_inner);
        images
            .entry(&bundled.name)
            .or_insert_with(|| Arc::new(bundled.image()))
            .clone()
    }

    fn shared_file(&self, reference: &str) -> Result<Arc<Image>, String> {
        let path = self.folder.join(reference);
        let failed = |error| format!("cannot read {}: {error}", path.display());
        let metadata = std::fs::metadata(&path).map_err(failed)?;
        let (modified, len) = (metadata.modified().ok(), metadata.len());
        if len > PROGRAM_BYTES as u64 {
            return Err(format!("its {len} bytes are more than {PROGRAM_BYTES}"));
        }
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|_, loaded| loaded.image.strong_count() > 0);
        let known = files.get(&path);
        let same = known.filter(|known| (known.modified, known.len) == (modified, len));
        if let Some(image) = same.and_then(|known| known.image.upgrade()) {
            return Ok(image);
        }
        let bytes = std::fs::read(&path).map_err(failed)?;
        let image = Arc::new(Self::file(reference, bytes)?);
        let loaded = LoadedFile {
            modified,
            len,
            image: Arc::downgrade(&image),
        };
        files.insert(path, loaded);
        Ok(image)
    }

    fn file(reference: &str, bytes: Vec<u8>) -> Result<Image, String> {
        check_is_wasm(&bytes)?;
        let (digest, size) = (format!("sha256:{}", Digest::of(&bytes)), bytes.len() as u64);
        let name = Path::new(reference)
            .file_name()
            .map_or_else(|| "app.wasm".into(), |name| name.to_string_lossy());
        let program = format!("/{name}");
        let mut tree = Tree::builder();
        let inserted = tree
            .insert_file(&program, Bytes::from(bytes), 0o755)
            .and_then(|()| tree.insert_dir("/tmp", 0o1777));
        inserted
            .map_err(|error| format!("cannot use {program} as a path in a container: {error}"))?;
        let config = ImageConfig {
            entrypoint: vec![program],
            ..ImageConfig::default()
        };
        Ok(Image {
            reference: reference.to_owned(),
            digest,
            size,
            config,
            tree: Arc::new(tree.build()),
        })
    }
}

/// `./app.wasm`, `../app.wasm`, `/srv/app.wasm`, and on Windows `C:\app.wasm`: nothing that an image can be called.
pub fn is_path(reference: &str) -> bool {
    let windows = reference.starts_with(".\\")
        || reference.starts_with("..\\")
        || Path::new(reference).has_root();
    reference.starts_with("./")
        || reference.starts_with("../")
        || reference.starts_with('/')
        || windows
}

fn check_is_wasm(bytes: &[u8]) -> Result<(), String> {
    let found = match bytes {
        [0, b'a', b's', b'm', ..] => return Ok(()),
        [] => "an empty file",
        [0x7f, b'E', b'L', b'F', ..] => "a Linux program (ELF)",
        [b'M', b'Z', ..] => "a Windows program (PE)",
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => "a macOS program (Mach-O)",
        [0x1f, 0x8b, ..] => "a gzip archive",
        [b'#', b'!', ..] => "a script",
        _ => "something else",
    };
    Err(format!(
        "it is {found}, and only WebAssembly runs here: compile the program for wasm32-wasip2 or wasm32-wasip1"
    ))
}

fn pull_error(reference: &str, reason: String) -> ImageError {
    ImageError::Pull {
        reference: reference.to_owned(),
        reason,
    }
}

fn nothing_stands_in() -> String {
    let names: Vec<&str> = bundled()
        .iter()
        .filter_map(|image| Some(image.repositories.first()?.as_str()))
        .collect();
    format!(
        "a Linux image cannot run as WebAssembly, and none of the bundled images stands in for this one; \
         what runs is a path to WebAssembly such as ./app.wasm, or one of {} under their usual names",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(reference: &str, policy: ImagePullPolicy, expected: &Expect) {
        let found = match Images::default().resolve(reference, policy) {
            Ok(resolved) => format!(
                "{} {:?}",
                resolved.substitute.unwrap_or_default(),
                resolved.image.config.cmd
            ),
            Err(error) => error.to_string(),
        };
        let list = nothing_stands_in();
        expected.assert_eq(&found.replace(&list, "(list)"));
    }

    #[test]
    fn names_of_the_documents_resolve() {
        let always = ImagePullPolicy::Always;
        check(
            "nginx",
            always,
            &expect![[r#"bundled nginx ["nginx", "-g", "daemon off;"]"#]],
        );
        check(
            "nginx:alpine",
            ImagePullPolicy::Never,
            &expect![[r#"bundled nginx ["nginx", "-g", "daemon off;"]"#]],
        );
        check(
            "docker.io/library/debian:12",
            always,
            &expect![[r#"bundled debian ["bash"]"#]],
        );
        check(
            "progrium/busybox",
            always,
            &expect![[r#"bundled busybox ["sh"]"#]],
        );
    }

    #[test]
    fn what_does_not_run_is_said() {
        let policy = ImagePullPolicy::IfNotPresent;
        check(
            "redis:7",
            policy,
            &expect![[r#"failed to pull image "redis:7": (list)"#]],
        );
        check(
            "redis:7",
            ImagePullPolicy::Never,
            &expect![[r#"container image "redis:7" is not present with pull policy of Never"#]],
        );
        check(
            "Nginx",
            policy,
            &expect![[
                r#"couldn't parse image name "Nginx": invalid reference format: repository name (library/Nginx) must be lowercase"#
            ]],
        );
        check(
            "nginx:",
            policy,
            &expect![[r#"couldn't parse image name "nginx:": invalid reference format"#]],
        );
        check(
            "quay.io/nginx",
            policy,
            &expect![[r#"failed to pull image "quay.io/nginx": (list)"#]],
        );
    }

    #[test]
    fn a_file_must_be_webassembly() {
        let folder = tempfile::tempdir().unwrap();
        let images = Images::new(folder.path());
        let resolve = |name: &str| images.resolve(name, ImagePullPolicy::Always);
        std::fs::write(folder.path().join("app.wasm"), b"\0asm\x01\0\0\0").unwrap();
        std::fs::write(folder.path().join("app"), b"\x7fELF").unwrap();
        assert_eq!(
            resolve("./app.wasm").unwrap().image.config.entrypoint,
            ["/app.wasm"]
        );
        assert!(
            resolve("./app")
                .unwrap_err()
                .to_string()
                .contains("a Linux program (ELF), and only WebAssembly")
        );
        assert!(
            resolve("./missing.wasm")
                .unwrap_err()
                .to_string()
                .contains("cannot read")
        );
    }
}
