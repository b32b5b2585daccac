/* SPDX-License-Identifier: Apache-2.0 */
/* sealed.c - blocks with checksums, written in order and read one at a time. See sealed.h. */
#include "store/sealed.h"
#include "base/work.h"

#include <string.h>

#include "kernel/kernel.h"

static uint32_t
block_crc(uint64_t salt, int64_t number, const uint8_t *content, size_t size) {
    const uint64_t place[2] = {salt, (uint64_t)number};
    return crc32c(crc32c(0, place, sizeof(place)), content, size);
}

/* ---- writing */

struct sealed_writer {
    mem      *mem;
    vfs      *fs;
    vfs_file *file;
    char     *path;
    size_t    path_size;
    uint64_t  salt;
    bool      has_name;
    int64_t   blocks; /* written */
    size_t    used;   /* of the block under way */
    uint8_t   block[SEALED_BLOCK];
};

static status
create(sealed_writer **out, mem *m, vfs *fs, const char *path, uint32_t flags, uint64_t salt,
       error *err) {
    const size_t   size = strlen(path) + 1;
    sealed_writer *w = mem_alloc(m, sizeof(*w));
    char          *copy = w == NULL ? NULL : mem_alloc(m, size);
    if (copy == NULL) {
        mem_free(m, w, sizeof(*w));
        return error_memory(err);
    }
    memcpy(copy, path, size);
    w->mem = m;
    w->fs = fs;
    w->file = NULL;
    w->path = copy;
    w->path_size = size;
    w->salt = salt;
    w->has_name = (flags & VFS_TEMPORARY) == 0;
    w->blocks = 0;
    w->used = 0;
    status s = fs->open(fs, &w->file, path, VFS_READ | VFS_WRITE | VFS_PRIVATE | flags, err);
    s = s < 0 || !w->has_name ? s : fs->truncate(w->file, 0, err);
    if (s < 0) {
        return sealed_end(w, s, NULL);
    }
    *out = w;
    return OK;
}

status
sealed_create(sealed_writer **out, mem *m, vfs *fs, const char *path, uint64_t salt, error *err) {
    return create(out, m, fs, path, VFS_CREATE | VFS_REGULAR, salt, err);
}

status
sealed_create_temporary(sealed_writer **out, mem *m, vfs *fs, const char *directory, uint64_t salt,
                        error *err) {
    return create(out, m, fs, directory, VFS_TEMPORARY, salt, err);
}

static status
write_block(sealed_writer *w, error *err) {
    const uint32_t crc = block_crc(w->salt, w->blocks, w->block, w->used);
    memcpy(w->block + w->used, &crc, sizeof(crc));
    TRY(w->fs->write(w->file, w->blocks * SEALED_BLOCK, w->block, w->used + sizeof(crc), err));
    work_did((int64_t)w->used);
    w->blocks++;
    w->used = 0;
    return OK;
}

status
sealed_put(sealed_writer *w, const void *bytes, size_t size, error *err) {
    const uint8_t *at = bytes;
    while (size > 0) {
        const size_t room = SEALED_CONTENT - w->used;
        const size_t n = size < room ? size : room;
        memcpy(w->block + w->used, at, n);
        w->used += n;
        at += n;
        size -= n;
        if (w->used == SEALED_CONTENT) {
            TRY(write_block(w, err));
        }
    }
    return OK;
}

int64_t
sealed_size(const sealed_writer *w) {
    return w->blocks * SEALED_CONTENT + (int64_t)w->used;
}

status
sealed_end(sealed_writer *w, status so_far, error *err) {
    error  ignored;
    status s = so_far;
    s = s < 0 || w->used == 0 ? s : write_block(w, err);
    s = s < 0 ? s : w->fs->sync(w->file, err);
    if (w->file != NULL) {
        const status closed = w->fs->close(w->file, s < 0 ? &ignored : err);
        s = s < 0 ? s : closed; /* D2 */
        if (s < 0 && w->has_name) {
            (void)w->fs->remove(w->fs, w->path, &ignored);
        }
    }
    mem_free(w->mem, w->path, w->path_size);
    mem_free(w->mem, w, sizeof(*w));
    return s;
}

/* ---- reading */

struct sealed_reader {
    mem      *mem;
    vfs      *fs;
    vfs_file *file;
    char     *path;
    size_t    path_size;
    uint64_t  salt;
    int64_t   size;
    int64_t   held; /* number of the block that `block` has; -1: none */
    uint8_t   block[SEALED_BLOCK];
};

status
sealed_turn(sealed_writer *w, status so_far, sealed_reader **out, error *err) {
    sealed_reader *r = so_far < 0 ? NULL : mem_alloc(w->mem, sizeof(*r));
    status         s = so_far < 0 || r != NULL ? so_far : error_memory(err);
    const int64_t  size = sealed_size(w);
    s = s < 0 || w->used == 0 ? s : write_block(w, err);
    if (s < 0) {
        mem_free(w->mem, r, sizeof(*r));
        return sealed_end(w, s, err);
    }
    *r = (sealed_reader){.mem = w->mem,
                         .fs = w->fs,
                         .file = w->file,
                         .path = w->path,
                         .path_size = w->path_size,
                         .salt = w->salt,
                         .size = size,
                         .held = -1};
    mem_free(w->mem, w, sizeof(*w));
    *out = r;
    return OK;
}

status
sealed_sync(sealed_reader *r, error *err) {
    TRY(r->fs->sync(r->file, err));
    return OK;
}

static int64_t
file_size(int64_t content) {
    const int64_t blocks = content / SEALED_CONTENT;
    const int64_t rest = content % SEALED_CONTENT;
    return blocks * SEALED_BLOCK + (rest == 0 ? 0 : rest + 4);
}

static status
check_size(const sealed_reader *r, error *err) {
    int64_t found;
    TRY(r->fs->size(r->file, &found, err));
    if (found == file_size(r->size)) {
        return OK;
    }
    (void)error_set(err, ERR_CORRUPTION, "\"%s\" has %lld bytes, and %lld were written", r->path,
                    (long long)found, (long long)file_size(r->size));
    return error_hint(err, "restore a backup, or laminardb.salvage() for what can still be read");
}

status
sealed_open(sealed_reader **out, mem *m, vfs *fs, const char *path, uint64_t salt, int64_t size,
            error *err) {
    const size_t   path_size = strlen(path) + 1;
    sealed_reader *r = mem_alloc(m, sizeof(*r));
    char          *copy = r == NULL ? NULL : mem_alloc(m, path_size);
    if (copy == NULL) {
        mem_free(m, r, sizeof(*r));
        return error_memory(err);
    }
    memcpy(copy, path, path_size);
    r->mem = m;
    r->fs = fs;
    r->file = NULL;
    r->path = copy;
    r->path_size = path_size;
    r->salt = salt;
    r->size = size;
    r->held = -1;
    status s = fs->open(fs, &r->file, path, VFS_READ | VFS_REGULAR, err);
    s = s < 0 ? s : check_size(r, err);
    if (s < 0) {
        sealed_close(r);
        return s;
    }
    *out = r;
    return OK;
}

static status
hold(sealed_reader *r, int64_t number, error *err) {
    const int64_t left = r->size - number * SEALED_CONTENT;
    const size_t  used = left < SEALED_CONTENT ? (size_t)left : SEALED_CONTENT;
    size_t        got = 0;
    uint32_t      crc;
    r->held = -1;
    TRY(r->fs->read(r->file, number * SEALED_BLOCK, r->block, used + sizeof(crc), &got, err));
    memcpy(&crc, r->block + used, sizeof(crc));
    if (got < used + sizeof(crc) || crc != block_crc(r->salt, number, r->block, used)) {
        (void)error_set(err, ERR_CORRUPTION,
                        "\"%s\" is damaged in the %d bytes from offset %lld on", r->path,
                        SEALED_BLOCK, (long long)(number * SEALED_BLOCK));
        return error_hint(err,
                          "restore a backup, or laminardb.salvage() for what can still be read");
    }
    r->held = number;
    work_did((int64_t)used);
    return OK;
}

status
sealed_read(sealed_reader *r, int64_t at, void *out, size_t size, error *err) {
    uint8_t *to = out;
    if (at < 0 || at > r->size || (int64_t)size > r->size - at) {
        return error_set(err, ERR_CORRUPTION, "\"%s\" ends before offset %lld", r->path,
                         (long long)at);
    }
    while (size > 0) {
        const int64_t number = at / SEALED_CONTENT;
        const size_t  from = (size_t)(at % SEALED_CONTENT);
        const size_t  n = size < SEALED_CONTENT - from ? size : SEALED_CONTENT - from;
        TRY(r->held == number ? OK : hold(r, number, err));
        memcpy(to, r->block + from, n);
        to += n;
        at += (int64_t)n;
        size -= n;
    }
    return OK;
}

status
sealed_check(sealed_reader *r, error *err) {
    for (int64_t n = 0; n * SEALED_CONTENT < r->size; n++) {
        TRY(hold(r, n, err));
    }
    return OK;
}

void
sealed_close(sealed_reader *r) {
    error ignored;
    if (r == NULL) {
        return;
    }
    if (r->file != NULL) {
        (void)r->fs->close(r->file, &ignored);
    }
    mem_free(r->mem, r->path, r->path_size);
    mem_free(r->mem, r, sizeof(*r));
}
