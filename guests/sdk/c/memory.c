/* Mappings of shared memory: a copy, and a twin of what it was when it last was equal to the object. */
#include "seedpod.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct run {
    uint32_t offset;
    void *bytes;
    uint32_t length;
};
struct news_result {
    uint8_t failed;
    union {
        struct {
            uint64_t version;
            struct run *runs;
            uint32_t count;
        };
        uint8_t error;
    };
};

IMPORT("shared-memory", "[method]object.exchange")
void object_exchange(int self, uint32_t offset, uint32_t length, uint64_t since, const struct run *changed, size_t count,
    struct news_result *result);
IMPORT("shared-memory", "[method]object.size") uint32_t object_size(int self);
IMPORT("shared-memory", "[method]object.resize") void object_resize(int self, uint64_t size, struct unit_result *result);
IMPORT("shared-memory", "[resource-drop]object") void object_drop(int self);

struct mapping {
    struct mapping *next;
    struct object *object;
    uint8_t *bytes;
    /* None where the mapping is private or memory without an object. */
    uint8_t *twin;
    uint32_t offset;
    size_t length;
    uint64_t version;
    bool writable;
};
static struct mapping *all;

#define PAGE 4096
#define RUNS_AT_ONCE 64

struct object *seedpod_object(int handle, bool writable)
{
    struct object *object = malloc(sizeof *object);
    if (!object) {
        object_drop(handle);
        errno = ENOMEM;
        return NULL;
    }
    *object = (struct object){ .handle = handle, .references = 1, .writable = writable };
    return object;
}

void seedpod_object_release(struct object *object)
{
    if (object && --object->references == 0) {
        object_drop(object->handle);
        free(object);
    }
}

uint32_t seedpod_object_size(const struct object *object)
{
    return object_size(object->handle);
}

int seedpod_object_resize(const struct object *object, uint64_t size)
{
    struct unit_result result;
    object_resize(object->handle, size, &result);
    return seedpod_unit(&result);
}

/* What others changed; a byte changed here as well stays as it is here, and goes out next time. */
static void merge(struct mapping *mapping, const struct run *run)
{
    size_t start = run->offset, end = start + run->length;
    size_t first = mapping->offset, last = first + mapping->length;
    size_t from = start > first ? start : first;
    size_t to = end < last ? end : last;
    if (from >= to)
        return;
    const uint8_t *news = (const uint8_t *)run->bytes + (from - start);
    uint8_t *bytes = mapping->bytes + (from - first);
    uint8_t *twin = mapping->twin + (from - first);
    size_t length = to - from;
    if (memcmp(bytes, twin, length) == 0) {
        memcpy(bytes, news, length);
    } else {
        for (size_t i = 0; i < length; i++)
            if (bytes[i] == twin[i])
                bytes[i] = news[i];
    }
    memcpy(twin, news, length);
}

static void exchange(struct mapping *mapping, const struct run *changed, size_t count)
{
    struct news_result news;
    object_exchange(mapping->object->handle, mapping->offset, mapping->length, mapping->version, changed, count, &news);
    if (news.failed)
        return;
    for (size_t i = 0; i < count; i++)
        memcpy(mapping->twin + (changed[i].offset - mapping->offset), changed[i].bytes, changed[i].length);
    mapping->version = news.version;
    for (size_t i = 0; i < news.count; i++) {
        merge(mapping, &news.runs[i]);
        free(news.runs[i].bytes);
    }
    if (news.count)
        free(news.runs);
}

static bool same_word(const uint8_t *a, const uint8_t *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x == y;
}

/* Exactly the bytes that changed go out: a neighbour may have been changed by somebody else. */
static void send_changes(struct mapping *mapping)
{
    struct run runs[RUNS_AT_ONCE];
    size_t count = 0, at = 0;
    const uint8_t *bytes = mapping->bytes, *twin = mapping->twin;
    while (at < mapping->length) {
        if (at % 8 == 0 && at + 8 <= mapping->length && same_word(bytes + at, twin + at)) {
            at += 8;
            continue;
        }
        if (bytes[at] == twin[at]) {
            at++;
            continue;
        }
        size_t start = at;
        while (at < mapping->length && bytes[at] != twin[at])
            at++;
        runs[count++] = (struct run){ mapping->offset + start, mapping->bytes + start, at - start };
        if (count == RUNS_AT_ONCE) {
            exchange(mapping, runs, count);
            count = 0;
        }
    }
    if (count)
        exchange(mapping, runs, count);
}

static void release_all(void)
{
    for (struct mapping *mapping = all; mapping; mapping = mapping->next)
        if (mapping->twin && mapping->writable)
            send_changes(mapping);
}

static void acquire_all(void)
{
    for (struct mapping *mapping = all; mapping; mapping = mapping->next)
        if (mapping->twin)
            exchange(mapping, NULL, 0);
}

static void *fail_to_map(struct mapping *mapping)
{
    if (mapping) {
        free(mapping->bytes);
        free(mapping->twin);
        free(mapping);
    }
    errno = ENOMEM;
    return MAP_FAILED;
}

void *seedpod_map(struct object *object, uint32_t offset, size_t length, bool shared, bool writable)
{
    size_t rounded;
    struct mapping *mapping = calloc(1, sizeof *mapping);
    if (!mapping || __builtin_add_overflow(length, PAGE - 1, &rounded))
        return fail_to_map(mapping);
    rounded &= ~(size_t)(PAGE - 1);
    mapping->bytes = aligned_alloc(PAGE, rounded);
    if (!mapping->bytes)
        return fail_to_map(mapping);
    memset(mapping->bytes, 0, rounded);
    mapping->offset = offset;
    mapping->length = length;
    mapping->writable = writable;
    if (object) {
        mapping->twin = calloc(1, rounded);
        if (!mapping->twin)
            return fail_to_map(mapping);
        mapping->object = object;
        exchange(mapping, NULL, 0);
        if (shared) {
            object->references++;
        } else {
            mapping->object = NULL;
            free(mapping->twin);
            mapping->twin = NULL;
        }
    }
    if (mapping->twin && !seedpod_release_hook) {
        seedpod_release_hook = release_all;
        seedpod_acquire_hook = acquire_all;
        atexit(release_all);
    }
    mapping->next = all;
    all = mapping;
    return mapping->bytes;
}

bool seedpod_unmap(const void *address, size_t length)
{
    for (struct mapping **link = &all; *link; link = &(*link)->next) {
        struct mapping *mapping = *link;
        if (mapping->bytes != address || (length && length < mapping->length))
            continue;
        if (mapping->twin && mapping->writable)
            send_changes(mapping);
        *link = mapping->next;
        seedpod_object_release(mapping->object);
        free(mapping->bytes);
        free(mapping->twin);
        free(mapping);
        return true;
    }
    return false;
}
