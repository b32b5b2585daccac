/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_manifest.c - a manifest of anybody's making with its checksum made right, and a state file
 * that is as it says or not: read, checked and copied. Refused with an error that names a file, or
 * all of it is whole. The first byte cuts the rest in two. */
#include "fuzz.h"

#include "kernel/kernel.h"
#include "store/manifest.h"
#include "store/sealed.h"

enum { MEMORY = 64 << 20, SALT_AT = 8 + 11 * 8, SIZE_AT = 8 + 12 * 8 };

const int fuzz_passes = 2;

static void
write_file(vfs *fs, const char *path, const void *bytes, size_t size) {
    error     err = {0};
    vfs_file *f = NULL;
    FUZZ_CHECK(fs->open(fs, &f, path, VFS_READ | VFS_WRITE | VFS_CREATE, &err) == OK);
    FUZZ_CHECK(size == 0 || fs->write(f, 0, bytes, size, &err) == OK);
    FUZZ_CHECK(fs->close(f, &err) == OK);
}

/* The numbers of the manifest are those of the state that is written, so that it is read. */
static void
write_state(mem *m, vfs *fs, char *head, size_t size, const uint8_t *bytes, size_t count) {
    sealed_writer *w = NULL;
    error          err = {0};
    uint64_t       salt = 3;
    int64_t        content = (int64_t)count;
    FUZZ_CHECK(sealed_create(&w, m, fs, "d/state-0000000000000001", salt, &err) == OK);
    FUZZ_CHECK(sealed_put(w, bytes, count, &err) == OK);
    FUZZ_CHECK(sealed_end(w, OK, &err) == OK);
    if (size >= SIZE_AT + 8) {
        memcpy(head + SALT_AT, &salt, sizeof(salt));
        memcpy(head + SIZE_AT, &content, sizeof(content));
    }
}

static void
look(mem *m, vfs *fs) {
    manifest *list = NULL;
    int32_t   count = 0;
    int64_t   next;
    error     err = {0};
    if (manifests_read(&list, &count, &next, m, fs, "d", &err) < 0) {
        FUZZ_CHECK(err.message[0] != '\0');
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        err = (error){.position = -1};
        const status s = manifest_check(&list[i], m, fs, "d", &err);
        FUZZ_CHECK(s == OK || err.message[0] != '\0');
        FUZZ_CHECK(s != OK || manifest_readable(&list[i], "d", &err) == OK);
        const status copied = manifest_export(&list[i], m, fs, "d", "e", &err);
        FUZZ_CHECK((s == OK) == (copied == OK), "%s", err.message);
    }
    manifests_free(list, count, m);
}

int
fuzz_target(const uint8_t *data, size_t size) {
    mem   m;
    error err = {0};
    vfs  *fs = NULL;
    if (size < 2) {
        return 0;
    }
    kernel_init();
    mem_init(&m, MEMORY);
    FUZZ_CHECK(vfs_memory_open(&fs, &m, &err) == OK);
    FUZZ_CHECK(fs->make_directory(fs, "d", &err) == OK && fs->make_directory(fs, "e", &err) == OK);
    const size_t first = (size - 1) * data[0] / 255;
    char        *bytes = fuzz_block(first + 4);
    memcpy(bytes, data + 1, first);
    write_state(&m, fs, bytes, first, data + 1 + first, size - 1 - first);
    const uint32_t crc = crc32c(0, bytes, first);
    memcpy(bytes + first, &crc, sizeof(crc));
    write_file(fs, "d/checkpoint-0000000000000001", bytes, first + 4);
    look(&m, fs);
    free(bytes);
    vfs_memory_close(fs);
    FUZZ_CHECK(mem_fini(&m) == 0);
    return 0;
}
