//! The images inside this binary: `guests/images/images.yaml`, and the files it names.

use super::name::Repository;
use bytes::Bytes;
use seedpod_core::image::{Image, ImageConfig};
use seedpod_core::process::Signal;
use seedpod_core::volume::{Errno, Tree, TreeBuilder};
use seedpod_engine::cache::Digest;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// A bundled image, as `guests/images/images.yaml` describes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundled {
    /// Name, unique among the bundled images.
    pub name: String,
    /// Names of images it stands in for, in their short form; any tag and digest.
    pub repositories: Vec<String>,
    #[serde(default)]
    layers: Vec<String>,
    #[serde(default)]
    programs: BTreeMap<String, String>,
    #[serde(default)]
    directories: BTreeMap<String, String>,
    #[serde(default)]
    link_sets: Vec<String>,
    #[serde(default)]
    links: BTreeMap<String, String>,
    config: Config,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Config {
    entrypoint: Vec<String>,
    cmd: Vec<String>,
    env: BTreeMap<String, String>,
    working_dir: String,
    user: String,
    stop_signal: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    links: BTreeMap<String, BTreeMap<String, String>>,
    images: Vec<Bundled>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("../../../../guests/images/images.yaml"))
        .expect("a test reads it")
});

/// All bundled images.
pub fn bundled() -> &'static [Bundled] {
    &TABLE.images
}

/// The digest of a program, as `guests/build.sh` wrote it down.
pub(super) fn digest(path: &str) -> Option<Digest> {
    let line = SHA256SUMS
        .lines()
        .find(|line| line.ends_with(path) && line.get(66..) == Some(path))?;
    Digest::from_hex(line.get(..64)?)
}

const SHA256SUMS: &str = include_str!("../../../../guests/images/SHA256SUMS");

macro_rules! files {
    ($($path:literal)*) => {
        &[$(($path, include_bytes!(concat!("../../../../guests/images/", $path)))),*]
    };
}

type Files = &'static [(&'static str, &'static [u8])];

/// Every `.wasm` below `guests/images`.
pub(super) const PROGRAMS: Files = files! {
    "agnhost.wasm"
    "busybox.wasm"
    "ch6_ipc.wasm"
    "mq_bench.wasm"
    "nginx.wasm"
    "node.wasm"
    "pause.wasm"
    "posix_shm.wasm"
    "sysv_msg.wasm"
    "sysv_sem.wasm"
    "tests/bugs.wasm"
    "tests/bulk-client.wasm"
    "tests/bulk-server.wasm"
    "tests/env-dump.wasm"
    "tests/exit-code.wasm"
    "tests/files.wasm"
    "tests/hello.wasm"
    "tests/hostile.wasm"
    "tests/ipc.wasm"
    "tests/oom.wasm"
    "tests/pingpong-client.wasm"
    "tests/pingpong-server.wasm"
    "tests/resolve.wasm"
    "tests/sockets.wasm"
    "tests/spin.wasm"
    "tests/tcp-echo.wasm"
    "tests/tcp-send.wasm"
    "tests/trap.wasm"
    "tests/udp-echo.wasm"
    "tests/udp-send.wasm"
    "webapp.wasm"
};

/// Every file of a layer.
const LAYERS: Files = files! {
    "agnhost/rootfs/localhost.crt"
    "agnhost/rootfs/localhost.key"
    "alpine/rootfs/etc/os-release"
    "base/rootfs/etc/group"
    "base/rootfs/etc/os-release"
    "base/rootfs/etc/passwd"
    "base/rootfs/etc/shells"
    "debian/rootfs/etc/os-release"
    "kitten/rootfs/data.json"
    "kube-nginx/rootfs/etc/nginx/conf.d/default.conf"
    "nginx/rootfs/etc/group"
    "nginx/rootfs/etc/nginx/conf.d/default.conf"
    "nginx/rootfs/etc/nginx/mime.types"
    "nginx/rootfs/etc/nginx/nginx.conf"
    "nginx/rootfs/etc/passwd"
    "nginx/rootfs/usr/share/nginx/html/50x.html"
    "nginx/rootfs/usr/share/nginx/html/index.html"
    "node/rootfs/etc/group"
    "node/rootfs/etc/passwd"
};

impl Bundled {
    /// Whether this image stands in for a repository.
    pub fn answers_to(&self, repository: &Repository) -> bool {
        self.repositories
            .iter()
            .any(|known| known == repository.as_str())
    }

    /// Paths of the programs it consists of.
    pub fn program_paths(&self) -> impl Iterator<Item = &str> {
        self.programs.keys().map(String::as_str)
    }

    /// Whether this file of `guests/images` is one of its programs.
    pub fn contains(&self, program: &str) -> bool {
        self.programs
            .values()
            .any(|file| file.rsplit('/').next() == Some(program))
    }

    pub(super) fn image(&self) -> Image {
        let mut tree = Tree::builder();
        // What could fail here is in this binary, and a test builds all of it.
        self.fill(&mut tree).expect("a bundled image is consistent");
        Image {
            reference: self.name.clone(),
            digest: format!("sha256:{}", self.digest()),
            size: self.size(),
            config: self.config.image_config(),
            tree: Arc::new(tree.build()),
        }
    }

    fn fill(&self, tree: &mut TreeBuilder) -> Result<(), Errno> {
        for (path, bytes) in self.layer_files() {
            tree.insert_file(path, Bytes::from_static(bytes), 0o644)?;
        }
        for (path, mode) in &self.directories {
            let mode = u32::from_str_radix(mode, 8).map_err(|_| Errno::Invalid)?;
            tree.insert_dir(path, mode)?;
        }
        for (path, file) in &self.programs {
            let (_, bytes) = PROGRAMS
                .iter()
                .find(|(name, _)| name == file)
                .ok_or(Errno::NoEntry)?;
            tree.insert_file(path, Bytes::from_static(bytes), 0o755)?;
        }
        for (path, target) in self.all_links() {
            tree.insert_symlink(path, target)?;
        }
        Ok(())
    }

    /// Paths in the image and content, layer by layer.
    fn layer_files(&self) -> impl Iterator<Item = (&'static str, &'static [u8])> {
        self.layers.iter().flat_map(|layer| {
            LAYERS.iter().filter_map(move |(name, bytes)| {
                let path = name.strip_prefix(layer.as_str())?.strip_prefix("/rootfs")?;
                path.starts_with('/').then_some((path, *bytes))
            })
        })
    }

    fn all_links(&self) -> impl Iterator<Item = (&String, &String)> {
        let sets = self.link_sets.iter().filter_map(|set| TABLE.links.get(set));
        sets.chain([&self.links]).flatten()
    }

    fn size(&self) -> u64 {
        let layers = self.layer_files().map(|(_, bytes)| bytes);
        let programs = PROGRAMS
            .iter()
            .filter(|(name, _)| self.programs.values().any(|file| file == name));
        layers
            .chain(programs.map(|(_, bytes)| *bytes))
            .map(|bytes| bytes.len() as u64)
            .sum()
    }

    /// Over everything the image consists of.
    fn digest(&self) -> Digest {
        let mut text = format!("{self:?}\n");
        for (path, target) in self.all_links() {
            text += &format!("{path} -> {target}\n");
        }
        for (path, bytes) in self.layer_files() {
            text += &format!("{path} {}\n", Digest::of(bytes));
        }
        for file in self.programs.values() {
            text += &format!("{file} {:?}\n", digest(file));
        }
        Digest::of(text.as_bytes())
    }
}

impl Config {
    fn image_config(&self) -> ImageConfig {
        ImageConfig {
            entrypoint: self.entrypoint.clone(),
            cmd: self.cmd.clone(),
            env: self.env.clone().into_iter().collect(),
            working_dir: self.working_dir.clone(),
            user: self.user.clone(),
            stop_signal: self
                .stop_signal
                .as_deref()
                .and_then(|name| name.parse::<Signal>().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guests/images");

    #[test]
    fn every_image_can_be_built() {
        let mut names = BTreeSet::new();
        for image in bundled() {
            assert!(
                image.repositories.iter().all(|name| names.insert(name)),
                "{} is listed twice",
                image.name
            );
            let sets = image
                .link_sets
                .iter()
                .filter(|set| !TABLE.links.contains_key(*set))
                .count();
            assert_eq!(sets, 0, "{}: a set of links is missing", image.name);
            let missing: Vec<_> = image
                .programs
                .values()
                .filter(|file| !PROGRAMS.iter().any(|(name, _)| name == file))
                .collect();
            assert_eq!(
                missing, [""; 0],
                "{}: programs that are not in PROGRAMS",
                image.name
            );
            let built = image.image();
            assert!(
                built.config.stop_signal.is_some() == image.config.stop_signal.is_some(),
                "{}",
                image.name
            );
        }
    }

    #[test]
    fn every_file_below_the_folder_is_in_the_binary() {
        let mut on_disk = BTreeSet::new();
        collect(Path::new(FOLDER), Path::new(FOLDER), &mut on_disk);
        let here = PROGRAMS
            .iter()
            .chain(LAYERS)
            .map(|(name, _)| (*name).to_owned())
            .collect::<BTreeSet<_>>();
        assert_eq!(here, on_disk);
    }

    #[test]
    fn digests_are_those_of_the_files() {
        for (path, bytes) in PROGRAMS {
            assert_eq!(
                digest(path),
                Some(Digest::of(bytes)),
                "{path}: run guests/build.sh"
            );
        }
    }

    fn collect(root: &Path, folder: &Path, files: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, files);
                continue;
            }
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            if name.ends_with(".wasm") || name.contains("/rootfs/") {
                files.insert(name);
            }
        }
    }
}
