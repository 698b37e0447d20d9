//! Volumes.

use super::{FieldRef, ImagePullPolicy, ResourceRef};

/// A volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// Name, unique in the pod.
    pub name: String,
    /// What it is.
    pub source: VolumeSource,
}

/// What a volume is.
#[derive(Clone, Debug, PartialEq)]
pub enum VolumeSource {
    /// Empty at the pod's start, gone at its end.
    EmptyDir(EmptyDir),
    /// The keys of a ConfigMap as files.
    ConfigMap(KeysVolume),
    /// The keys of a Secret as files.
    Secret(KeysVolume),
    /// Fields of the pod as files.
    DownwardApi(Vec<DownwardItem>),
    /// Several sources in one directory; later ones win.
    Projected(Vec<Projection>),
    /// A directory or file of the machine.
    HostPath(HostPath),
    /// The files of an image, read-only.
    Image(ImageVolume),
}

/// `image`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageVolume {
    /// Image reference as written.
    pub reference: String,
    /// When it is resolved, at the start of each container that mounts it.
    pub pull_policy: ImagePullPolicy,
}

/// `emptyDir`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmptyDir {
    /// Memory or disk.
    pub medium: Medium,
    /// Bytes; `None` when unset or 0.
    pub size_limit: Option<u64>,
}

/// `emptyDir.medium`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Medium {
    /// A directory of the machine.
    #[default]
    Default,
    /// Memory.
    Memory,
}

/// A ConfigMap or Secret volume, or such a part of a projected one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysVolume {
    /// Name of the object.
    pub name: String,
    /// Which keys become which files; all of them when empty.
    pub items: Vec<KeyToPath>,
    /// Mode of the files, 0644 by default.
    pub default_mode: u32,
    /// Whether the object or its keys may be missing.
    pub optional: bool,
}

/// One entry of `items`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyToPath {
    /// Key in `data` or `binaryData`.
    pub key: String,
    /// Relative path in the volume.
    pub path: String,
    /// Mode of the file.
    pub mode: Option<u32>,
}

/// One file of a downward API volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownwardItem {
    /// Relative path in the volume.
    pub path: String,
    /// What it shows.
    pub value: DownwardValue,
    /// Mode of the file.
    pub mode: Option<u32>,
}

/// What a downward API file shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownwardValue {
    /// A field of the pod.
    Field(FieldRef),
    /// A resource of a container.
    Resource(ResourceRef),
}

/// One source of a projected volume.
#[derive(Clone, Debug, PartialEq)]
pub enum Projection {
    /// The keys of a ConfigMap.
    ConfigMap(KeysVolume),
    /// The keys of a Secret.
    Secret(KeysVolume),
    /// Fields of the pod.
    DownwardApi(Vec<DownwardItem>),
}

/// `hostPath`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPath {
    /// Path on the machine.
    pub path: String,
    /// What must be there.
    pub kind: HostPathType,
}

/// `hostPath.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostPathType {
    /// No check.
    #[default]
    Unset,
    /// Created with all parents, mode 0755, if missing.
    DirectoryOrCreate,
    /// Must be a directory.
    Directory,
    /// Created without parents, mode 0644, if missing.
    FileOrCreate,
    /// Must be there and no directory.
    File,
    /// Must be a Unix socket.
    Socket,
    /// Must be a character device.
    CharDevice,
    /// Must be a block device.
    BlockDevice,
}
