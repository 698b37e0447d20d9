#include "seedpod.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

IMPORT("shared-memory", "open")
void object_open(const char *name, size_t length, uint32_t how, struct u32_result *result);
IMPORT("shared-memory", "unlink") void object_unlink(const char *name, size_t length, struct unit_result *result);

/* Descriptors of objects are numbers that no file has. */
#define FIRST 0x100000

static struct object **objects;
static int capacity;

struct object *seedpod_descriptor(int fd)
{
    int index = fd - FIRST;
    return index >= 0 && index < capacity ? objects[index] : NULL;
}

int seedpod_descriptor_close(int fd)
{
    seedpod_object_release(objects[fd - FIRST]);
    objects[fd - FIRST] = NULL;
    return 0;
}

int shm_open(const char *name, int flags, mode_t mode)
{
    (void)mode;
    struct u32_result result;
    object_open(name, strlen(name), seedpod_open_how(flags), &result);
    if (result.failed)
        return seedpod_fail(result.error);
    struct object *object = seedpod_object((int)result.value, flags & O_WRONLY);
    if (!object)
        return -1;
    int index = 0;
    while (index < capacity && objects[index])
        index++;
    if (index == capacity) {
        int more = capacity ? 2 * capacity : 8;
        struct object **grown = realloc(objects, (size_t)more * sizeof *grown);
        if (!grown) {
            seedpod_object_release(object);
            errno = ENOMEM;
            return -1;
        }
        memset(grown + capacity, 0, (size_t)(more - capacity) * sizeof *grown);
        objects = grown;
        capacity = more;
    }
    objects[index] = object;
    return FIRST + index;
}

int shm_unlink(const char *name)
{
    struct unit_result result;
    object_unlink(name, strlen(name), &result);
    return seedpod_unit(&result);
}

static void *fail(int number)
{
    errno = number;
    return MAP_FAILED;
}

static void *map_file(size_t length, int fd, off_t offset)
{
    char *bytes = seedpod_map(NULL, 0, length, false, true);
    if (bytes == MAP_FAILED)
        return bytes;
    size_t done = 0;
    while (done < length) {
        ssize_t count = pread(fd, bytes + done, length - done, offset + (off_t)done);
        if (count == 0)
            break;
        if (count < 0) {
            int number = errno;
            seedpod_unmap(bytes, length);
            return fail(number);
        }
        done += (size_t)count;
    }
    return bytes;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    (void)address;
    bool shared = flags & MAP_SHARED, writable = protection & PROT_WRITE;
    if (length == 0 || offset < 0 || offset % 4096 || shared == !!(flags & MAP_PRIVATE))
        return fail(EINVAL);
    if ((flags & MAP_FIXED) || (protection & PROT_EXEC))
        return fail(ENOTSUP);
    if (flags & MAP_ANONYMOUS)
        return seedpod_map(NULL, 0, length, false, writable);
    struct object *object = seedpod_descriptor(fd);
    if (!object)
        return shared ? fail(ENODEV) : map_file(length, fd, offset);
    if (shared && writable && !object->writable)
        return fail(EACCES);
    if (offset > UINT32_MAX)
        return fail(EOVERFLOW);
    return seedpod_map(object, (uint32_t)offset, length, shared, writable);
}

int munmap(void *address, size_t length)
{
    if (length == 0 || !seedpod_unmap(address, length)) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

int msync(void *address, size_t length, int flags)
{
    (void)address, (void)length, (void)flags;
    seedpod_release();
    seedpod_acquire();
    return 0;
}
