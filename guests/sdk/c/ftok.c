#include <sys/ipc.h>
#include <sys/stat.h>

/* As glibc: the lowest bits of project, device and file. */
key_t ftok(const char *path, int project)
{
    struct stat status;
    if (stat(path, &status))
        return -1;
    return (key_t)(((unsigned)project & 0xff) << 24 | ((unsigned)status.st_dev & 0xff) << 16
        | ((unsigned)status.st_ino & 0xffff));
}
