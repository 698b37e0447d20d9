//! What `lstat` says, beyond what `std` shows on every system.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;

/// A row of `ls -l`. WASI knows no owners: files are root's.
#[derive(Debug, Clone, Copy)]
pub struct Stat {
    /// With the type of the file.
    pub mode: u32,
    pub links: u64,
    pub size: u64,
    pub device: u64,
    pub inode: u64,
    /// In units of 512 bytes.
    pub blocks: u64,
    pub accessed_s: i64,
    pub modified_s: i64,
    pub modified_ns: u32,
    pub changed_s: i64,
}

const TYPE: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const CHARACTER: u32 = 0o020_000;

impl Stat {
    /// Of `path`, or of what it points to.
    pub fn read(path: &str, follow: bool) -> io::Result<Self> {
        let path = CString::new(path).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut stat = MaybeUninit::<libc::stat>::zeroed();
        // SAFETY: a terminated string, and room for the answer, for which all zeroes is a value.
        let (result, stat) = unsafe {
            let result = match follow {
                true => libc::stat(path.as_ptr(), stat.as_mut_ptr()),
                false => libc::lstat(path.as_ptr(), stat.as_mut_ptr()),
            };
            (result, stat.assume_init())
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut stat = Self::from_libc(&stat);
        if stat.is_symlink() {
            stat.mode |= 0o777;
        } else if let Some(mode) = path.to_str().ok().and_then(crate::sys::mode) {
            stat.mode |= mode;
        }
        Ok(stat)
    }

    #[expect(
        clippy::unnecessary_cast,
        reason = "the types of these fields differ between systems"
    )]
    fn from_libc(stat: &libc::stat) -> Self {
        #[cfg(target_os = "wasi")]
        let (accessed, modified, changed) = (stat.st_atim, stat.st_mtim, stat.st_ctim);
        #[cfg(target_os = "wasi")]
        let times = (
            accessed.tv_sec as i64,
            modified.tv_sec as i64,
            modified.tv_nsec as u32,
            changed.tv_sec as i64,
        );
        #[cfg(unix)]
        let times = (
            stat.st_atime as i64,
            stat.st_mtime as i64,
            stat.st_mtime_nsec as u32,
            stat.st_ctime as i64,
        );
        let mode = stat.st_mode as u32;
        Self {
            mode,
            links: stat.st_nlink as u64,
            size: stat.st_size as u64,
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            blocks: (stat.st_size as u64).div_ceil(4096) * 8,
            accessed_s: times.0,
            modified_s: times.1,
            modified_ns: times.2,
            changed_s: times.3,
        }
    }

    pub fn is_directory(&self) -> bool {
        self.mode & TYPE == DIRECTORY
    }

    pub fn is_regular(&self) -> bool {
        self.mode & TYPE == REGULAR
    }

    pub fn is_symlink(&self) -> bool {
        self.mode & TYPE == SYMLINK
    }

    pub fn is_character_device(&self) -> bool {
        self.mode & TYPE == CHARACTER
    }

    /// As in `drwxr-xr-x`.
    pub fn mode_text(&self) -> String {
        let kind = match self.mode & TYPE {
            DIRECTORY => 'd',
            SYMLINK => 'l',
            CHARACTER => 'c',
            0o060_000 => 'b',
            0o010_000 => 'p',
            0o140_000 => 's',
            _ => '-',
        };
        let bits = (0..9).rev().map(|bit| {
            if self.mode & (1 << bit) != 0 {
                b"xwr"[bit % 3] as char
            } else {
                '-'
            }
        });
        [kind].into_iter().chain(bits).collect()
    }

    pub fn kind_text(&self) -> &'static str {
        match self.mode & TYPE {
            DIRECTORY => "directory",
            SYMLINK => "symbolic link",
            CHARACTER => "character special file",
            0o060_000 => "block special file",
            0o010_000 => "fifo",
            0o140_000 => "socket",
            _ if self.size == 0 => "regular empty file",
            _ => "regular file",
        }
    }
}
