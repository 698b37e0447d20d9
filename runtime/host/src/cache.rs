//! Where compiled code is kept.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Folder of compiled code in the cache folder.
const CODE: &str = "code";

/// The cache folder: as asked for, as the environment says, or as the operating system suggests.
pub(crate) fn folder(asked: Option<&Path>) -> Option<PathBuf> {
    let from_environment = || env::var_os("SEEDPOD_CACHE").map(PathBuf::from);
    let cache = asked.map(Path::to_owned).or_else(from_environment);
    cache.or_else(seedpod::folders::cache_folder)
}

/// The folder of compiled code in a cache folder.
pub(crate) fn code(cache: &Path) -> PathBuf {
    cache.join(CODE)
}

/// The folder of compiled code, if it can be made.
pub(crate) fn code_folder(asked: Option<&Path>) -> Option<PathBuf> {
    let code = std::path::absolute(code(&folder(asked)?)).ok()?;
    match fs::create_dir_all(&code) {
        Ok(()) => Some(code),
        Err(error) => {
            eprintln!(
                "compiled code is not kept: cannot create {}: {error}",
                code.display()
            );
            None
        }
    }
}
