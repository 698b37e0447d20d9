//! From a path on the command line to a test with all that it needs.

use crate::images::{Images, ImagesError, lines};
use seedpod_api::{ManifestError, NameError, Source};
use seedpod_core::limits::{MANIFEST_BYTES_MAX, PROGRAM_BYTES};
use seedpod_core::podtest::PodTest;
use seedpod_core::seed::Seed;
use seedpod_core::spec::{Objects, Pod};
use seedpod_engine::cache::Digest;
use seedpod_sim::explore::{Fingerprint, Seeds};
use seedpod_sim::property::ExpressionError;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A test, its manifests and its images.
#[derive(Clone, Debug)]
pub struct TestFile {
    /// The test.
    pub test: PodTest,
    /// The file it is in, as it was named.
    pub path: PathBuf,
    /// What its manifests say.
    pub objects: Objects,
    /// Where its images come from.
    pub images: Arc<Images>,
    /// What a run of it depends on, besides its choices.
    pub fingerprint: Fingerprint,
    digest: Digest,
}

/// Why a test cannot be run.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum LoadError {
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{}", lines(.0))]
    Test(Vec<ManifestError>),
    #[error("test {test}: there is no Pod in its manifests, so there is nothing to test")]
    NoPod { test: String },
    #[error("{}", lines(.0))]
    Manifest(Vec<ManifestError>),
    #[error("{}", names(path, errors))]
    Names {
        path: PathBuf,
        errors: Vec<NameError>,
    },
    #[error("{}", lines(.0))]
    Expressions(Vec<ExpressionError>),
    #[error(transparent)]
    Images(ImagesError),
}

/// One a line, each with the file it is in.
fn names(path: &Path, errors: &[NameError]) -> String {
    let line = |error: &NameError| match error.place.is_empty() {
        true => format!("{}: {error}", path.display()),
        false => error.to_string(),
    };
    lines(&errors.iter().map(line).collect::<Vec<_>>())
}

/// The tests of files, in their order.
///
/// # Errors
/// When one of them cannot be run: nothing is left out.
pub fn load(files: &[PathBuf]) -> Result<Vec<TestFile>, LoadError> {
    let mut tests = Vec::new();
    for path in files {
        let source = source(path)?;
        let sources = std::slice::from_ref(&source);
        let found = seedpod_api::load_pod_tests(sources).map_err(LoadError::Test)?;
        for test in found {
            tests.push(TestFile::load(test, path, &source.bytes)?);
        }
    }
    Ok(tests)
}

/// Seeds that nobody can foresee.
///
/// # Panics
/// When the operating system has no randomness.
pub fn fresh_seeds() -> Seeds {
    let mut number = [0; 8];
    crate::world::fill_random(&mut number);
    Seeds::derived(Seed::new(u64::from_le_bytes(number)))
}

impl TestFile {
    fn load(mut test: PodTest, path: &Path, text: &[u8]) -> Result<Self, LoadError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut spec = text.to_vec();
        let mut sources = Vec::new();
        for manifest in &test.manifests {
            let source = source(&folder.join(manifest))?;
            spec.extend_from_slice(&source.bytes);
            sources.push(source);
        }
        let names: Vec<String> = test.files().into_iter().map(str::to_owned).collect();
        for name in names {
            let bytes = bytes(&folder.join(&name), PROGRAM_BYTES)?;
            spec.extend_from_slice(&bytes);
            test.data.insert(name, bytes.into());
        }
        let objects = seedpod_api::load(&sources).map_err(LoadError::Manifest)?;
        let objects = objects.objects;
        if objects.pods.is_empty() {
            return Err(LoadError::NoPod { test: test.name });
        }
        if let Err(errors) = seedpod_api::check_names(&test, &objects) {
            return Err(LoadError::Names {
                path: path.to_owned(),
                errors,
            });
        }
        let first = test.manifests.first().map(|first| folder.join(first));
        let images = first.as_deref().and_then(Path::parent).unwrap_or(folder);
        Self::new(test, path, objects, images, Digest::of(&spec))
    }

    /// A test that is in no file. Relative paths of images begin at `folder`.
    ///
    /// # Errors
    /// When an image cannot run.
    pub fn of(test: PodTest, objects: Objects, folder: &Path) -> Result<Self, LoadError> {
        Self::new(test, Path::new(""), objects, folder, Digest::of(b""))
    }

    fn new(
        test: PodTest,
        path: &Path,
        objects: Objects,
        folder: &Path,
        digest: Digest,
    ) -> Result<Self, LoadError> {
        let images = Arc::new(Images::new(folder));
        images.check(&objects).map_err(LoadError::Images)?;
        let fingerprint = fingerprint(&objects, &images, digest)?;
        Ok(Self {
            test,
            path: path.to_owned(),
            objects,
            images,
            fingerprint,
            digest,
        })
    }

    /// The seeds of its runs, as long as neither it nor its manifests change.
    pub fn seeds(&self) -> Seeds {
        let mut number = [0; 8];
        number.copy_from_slice(&self.digest.0[..8]);
        Seeds::derived(Seed::new(u64::from_be_bytes(number)).fork(&self.test.name))
    }

    /// The folder of its recorded choices.
    pub fn recordings(&self) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        folder.join(self.test.explore.regressions.as_deref().unwrap_or("seeds"))
    }
}

fn fingerprint(objects: &Objects, images: &Images, spec: Digest) -> Result<Fingerprint, LoadError> {
    let mut fingerprint = Fingerprint::default();
    fingerprint.set("seedpod", env!("CARGO_PKG_VERSION"));
    fingerprint.set("wasmtime", seedpod_engine::WASMTIME_VERSION);
    fingerprint.set("spec", format!("sha256:{spec}"));
    for container in objects.pods.iter().flat_map(Pod::all_containers) {
        let resolved = images.resolve(&container.image, container.image_pull_policy);
        // All of them resolved a moment ago; a file can be gone since then.
        let image = resolved.map_err(|error| LoadError::Read {
            path: container.image.clone().into(),
            error: io::Error::other(error),
        })?;
        fingerprint.set(format!("image {}", container.image), &image.image.digest);
    }
    Ok(fingerprint)
}

fn source(path: &Path) -> Result<Source, LoadError> {
    Ok(Source {
        name: path.display().to_string(),
        bytes: bytes(path, MANIFEST_BYTES_MAX + 1)?,
    })
}

/// The first `max` bytes of a file.
fn bytes(path: &Path, max: usize) -> Result<Vec<u8>, LoadError> {
    let failed = |error| LoadError::Read {
        path: path.to_owned(),
        error,
    };
    if path.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(max as u64)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok(bytes)
}

impl TestFile {
    /// The files of recorded choices, by name. None where there is no such folder.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub fn recording_files(&self) -> Result<Vec<PathBuf>, LoadError> {
        let folder = self.recordings();
        let failed = |error| LoadError::Read {
            path: folder.clone(),
            error,
        };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "choices")
            {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}
