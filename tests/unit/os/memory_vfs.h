/* SPDX-License-Identifier: Apache-2.0 */
/* memory_vfs.h - one file that can be read, whatever its path: a text in memory. Every call may be
 * made to fail, by number. */
#ifndef LAMINAR_TESTS_UNIT_OS_MEMORY_VFS_H
#define LAMINAR_TESTS_UNIT_OS_MEMORY_VFS_H

#include <string.h>

#include "base/text.h"
#include "os/vfs.h"

typedef struct memory_vfs {
    vfs      base;
    vfs_file file;
    text     content;
    int64_t  calls, fail_at; /* the call with this number (from 1) fails; 0: never */
    int32_t  open_files;
} memory_vfs;

static inline status
memory_call(memory_vfs *m, error *err) {
    return ++m->calls == m->fail_at
               ? error_set(err, ERR_CONNECTOR_FAILED, "the file failed on purpose")
               : OK;
}

static inline status
memory_open(vfs *fs, vfs_file **out, const char *path, uint32_t flags, error *err) {
    memory_vfs *m = (memory_vfs *)fs;
    (void)path;
    (void)flags;
    TRY(memory_call(m, err));
    m->open_files++;
    *out = &m->file;
    return OK;
}

static inline status
memory_close(vfs_file *f, error *err) {
    (void)err;
    ((memory_vfs *)f->fs)->open_files--;
    return OK;
}

static inline status
memory_read(vfs_file *f, int64_t offset, void *out, size_t size, size_t *size_read, error *err) {
    memory_vfs  *m = (memory_vfs *)f->fs;
    const size_t at = (size_t)offset < m->content.size ? (size_t)offset : m->content.size;
    const size_t left = m->content.size - at;
    *size_read = left < size ? left : size;
    TRY(memory_call(m, err));
    if (*size_read > 0) {
        memcpy(out, m->content.data + at, *size_read);
    }
    return OK;
}

static inline status
memory_size(vfs_file *f, int64_t *out, error *err) {
    memory_vfs *m = (memory_vfs *)f->fs;
    *out = (int64_t)m->content.size;
    return memory_call(m, err);
}

static inline void
memory_vfs_init(memory_vfs *m, text content) {
    *m = (memory_vfs){.content = content};
    m->base = (vfs){.name = "memory",
                    .open = memory_open,
                    .close = memory_close,
                    .read = memory_read,
                    .size = memory_size};
    m->file.fs = &m->base;
}

#endif
