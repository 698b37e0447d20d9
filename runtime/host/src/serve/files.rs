//! Files that are nobody's business.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What cannot be done with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read or written.
    #[error("cannot use {0}: {1}")]
    Io(PathBuf, io::Error),
    /// Others may read a secret.
    #[error("others may read {0}: chmod 600 it, or remove it to have a new one made")]
    Open(PathBuf),
}

/// Makes a folder that others cannot look into; one that is there stays as it is.
pub(super) fn create_folder(folder: &Path) -> Result<(), FileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let created = builder.create(folder);
    created.map_err(|error| FileError::Io(folder.to_owned(), error))
}

/// How a file is opened that only its owner may read. The mode holds from its first moment on.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Puts a file there as a whole: whoever reads it sees what was there before or all of this.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let next = path.with_extension("next");
    let write = || {
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private().create_new(true).open(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, path)
    };
    write().map_err(|error| FileError::Io(path.to_owned(), error))
}

/// Reads a secret; `None` when there is none.
pub(super) fn read_private(path: &Path) -> Result<Option<String>, FileError> {
    let failed = |error| FileError::Io(path.to_owned(), error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(FileError::Open(path.to_owned()));
        }
    }
    io::read_to_string(file).map(Some).map_err(failed)
}
