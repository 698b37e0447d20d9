//! Why a file operation failed.

/// The error codes of `wasi:filesystem`, which are those of Linux; each maps to one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Errno {
    /// `EACCES`.
    #[error("permission denied")]
    Access,
    /// `EBADF`: not opened for this.
    #[error("bad file descriptor")]
    BadDescriptor,
    /// `EBUSY`: a mount point, or a file the operating system holds.
    #[error("device or resource busy")]
    Busy,
    /// `EEXIST`.
    #[error("file exists")]
    Exist,
    /// `EFBIG`: beyond [`FILE_BYTES_MAX`](crate::limits::FILE_BYTES_MAX).
    #[error("file too large")]
    FileTooLarge,
    /// `EILSEQ`: a name that is not Unicode.
    #[error("illegal byte sequence")]
    IllegalByteSequence,
    /// `ENOMEM`; also too many open files, for which WASI has no code.
    #[error("cannot allocate memory")]
    InsufficientMemory,
    /// `ENOSPC`: the volume or the layer is full.
    #[error("no space left on device")]
    InsufficientSpace,
    /// `EINVAL`.
    #[error("invalid argument")]
    Invalid,
    /// `ESPIPE`.
    #[error("illegal seek")]
    InvalidSeek,
    /// `EIO`: an error of the machine's file system that has no code here.
    #[error("input/output error")]
    Io,
    /// `EISDIR`.
    #[error("is a directory")]
    IsDirectory,
    /// `ELOOP`: more than 40 symbolic links, or one where none may be.
    #[error("too many levels of symbolic links")]
    Loop,
    /// `ENAMETOOLONG`.
    #[error("file name too long")]
    NameTooLong,
    /// `ENOENT`.
    #[error("no such file or directory")]
    NoEntry,
    /// `ENOTDIR`.
    #[error("not a directory")]
    NotDirectory,
    /// `ENOTEMPTY`.
    #[error("directory not empty")]
    NotEmpty,
    /// `EPERM`.
    #[error("operation not permitted")]
    NotPermitted,
    /// `EROFS`.
    #[error("read-only file system")]
    ReadOnly,
    /// `EMLINK`.
    #[error("too many links")]
    TooManyLinks,
    /// `ENOTSUP`.
    #[error("operation not supported")]
    Unsupported,
    /// `EXDEV`.
    #[error("invalid cross-device link")]
    CrossDevice,
}
