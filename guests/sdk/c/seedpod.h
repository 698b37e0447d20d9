/* What the files of this library share: the canonical ABI of wit/ipc.wit, by hand. */
#ifndef SEEDPOD_H
#define SEEDPOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define IMPORT(interface, name) \
    __attribute__((import_module("seedpod:ipc/" interface "@0.1.0"), import_name(name)))

enum { HOW_READ = 1, HOW_WRITE = 2, HOW_CREATE = 4, HOW_EXCLUSIVE = 8, HOW_TRUNCATE = 16, HOW_NON_BLOCK = 32 };
enum { BLOCKING_NEVER, BLOCKING_FOREVER, BLOCKING_UNTIL, BLOCKING_WITHIN };

/* Results: a discriminant, then the value or the error at the same place. */
struct unit_result {
    uint8_t failed;
    uint8_t error;
};
struct u32_result {
    uint8_t failed;
    union {
        uint32_t value;
        uint8_t error;
    };
};
struct u64_result {
    uint8_t failed;
    union {
        uint64_t value;
        uint8_t error;
    };
};
struct list_result {
    uint8_t failed;
    union {
        struct {
            void *items;
            uint32_t count;
            /* Priority or type, where the value is a message. */
            int32_t tag;
        };
        uint8_t error;
    };
};
struct permissions {
    int32_t key;
    int32_t id;
    uint32_t mode;
};

/* Sets errno from an error of the WIT package; returns -1. */
int seedpod_fail(uint8_t error);
int seedpod_unit(const struct unit_result *result);
int seedpod_u32(const struct u32_result *result);

/* Where the next list of bytes that fits is put, instead of in memory from malloc. */
void seedpod_receive_into(void *buffer, size_t size);

/* open(2) flags, and those of msgget and its like. */
uint32_t seedpod_open_how(int flags);
uint32_t seedpod_get_how(int flags);

/* Nanoseconds, or -1 where the time is no time. */
int64_t seedpod_nanos(const struct timespec *time);

/* Synchronise the mappings of shared memory, if there are any: before a call that others may wait for, and after one that
 * waited for others. */
extern void (*seedpod_release_hook)(void);
extern void (*seedpod_acquire_hook)(void);
static inline void seedpod_release(void)
{
    if (seedpod_release_hook)
        seedpod_release_hook();
}
static inline void seedpod_acquire(void)
{
    if (seedpod_acquire_hook)
        seedpod_acquire_hook();
}

/* A memory object with its handles: descriptors and mappings. */
struct object {
    int handle;
    unsigned references;
    bool writable;
};
struct object *seedpod_object(int handle, bool writable);
void seedpod_object_release(struct object *object);
/* Maps; MAP_FAILED and errno when there is no memory. */
void *seedpod_map(struct object *object, uint32_t offset, size_t length, bool shared, bool writable);
/* Unmaps; false when nothing is mapped there. */
bool seedpod_unmap(const void *address, size_t length);
uint32_t seedpod_object_size(const struct object *object);
int seedpod_object_resize(const struct object *object, uint64_t size);
/* The object of a descriptor of shm_open, or none. */
struct object *seedpod_descriptor(int fd);
int seedpod_descriptor_close(int fd);

#endif
