/* Calls of the C library on descriptors that also take those of shm_open. */
#include "seedpod.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

int close(int fd)
{
    if (seedpod_descriptor(fd))
        return seedpod_descriptor_close(fd);
    __wasi_errno_t error = __wasi_fd_close((__wasi_fd_t)fd);
    if (error) {
        errno = error;
        return -1;
    }
    return 0;
}

int ftruncate(int fd, off_t length)
{
    if (length < 0) {
        errno = EINVAL;
        return -1;
    }
    struct object *object = seedpod_descriptor(fd);
    if (object)
        return seedpod_object_resize(object, (uint64_t)length);
    __wasi_errno_t error = __wasi_fd_filestat_set_size((__wasi_fd_t)fd, (__wasi_filesize_t)length);
    if (error) {
        errno = error;
        return -1;
    }
    return 0;
}

static mode_t type_of(__wasi_filetype_t type)
{
    switch (type) {
    case __WASI_FILETYPE_BLOCK_DEVICE:
        return S_IFBLK;
    case __WASI_FILETYPE_CHARACTER_DEVICE:
        return S_IFCHR;
    case __WASI_FILETYPE_DIRECTORY:
        return S_IFDIR;
    case __WASI_FILETYPE_REGULAR_FILE:
        return S_IFREG;
    case __WASI_FILETYPE_SOCKET_DGRAM:
    case __WASI_FILETYPE_SOCKET_STREAM:
        return S_IFSOCK;
    case __WASI_FILETYPE_SYMBOLIC_LINK:
        return S_IFLNK;
    default:
        return 0;
    }
}

static struct timespec time_of(__wasi_timestamp_t time)
{
    return (struct timespec){ .tv_sec = (time_t)(time / 1000000000), .tv_nsec = (long)(time % 1000000000) };
}

int fstat(int fd, struct stat *status)
{
    memset(status, 0, sizeof *status);
    struct object *object = seedpod_descriptor(fd);
    if (object) {
        status->st_mode = S_IFREG | 0600;
        status->st_nlink = 1;
        status->st_size = (off_t)seedpod_object_size(object);
        return 0;
    }
    __wasi_filestat_t of;
    __wasi_errno_t error = __wasi_fd_filestat_get((__wasi_fd_t)fd, &of);
    if (error) {
        errno = error;
        return -1;
    }
    status->st_dev = of.dev;
    status->st_ino = of.ino;
    status->st_mode = type_of(of.filetype);
    status->st_nlink = of.nlink;
    status->st_size = (off_t)of.size;
    status->st_atim = time_of(of.atim);
    status->st_mtim = time_of(of.mtim);
    status->st_ctim = time_of(of.ctim);
    return 0;
}
