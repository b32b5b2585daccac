/* SPDX-License-Identifier: Apache-2.0 */
/* vfs_memory.c - files in memory: names and bytes, without directories, for a database that is kept
 * nowhere else. One caller at a time. A file that is removed while it is open goes with its last
 * handle. */
#include <string.h>

#include "base/text.h"
#include "os/vfs.h"

typedef struct memory_file memory_file;
struct memory_file {
    memory_file *next;
    char        *name;
    size_t       name_size;
    buf          bytes;
    int32_t      handles;
    bool         removed;
};

typedef struct memory_files {
    vfs          base;
    mem         *mem;
    memory_file *files;
} memory_files;

typedef struct memory_handle {
    vfs_file     base;
    memory_file *file;
} memory_handle;

static memory_files *
of(vfs *fs) {
    return (memory_files *)fs;
}

static memory_file *
find(const memory_files *m, const char *name) {
    memory_file *f = m->files;
    while (f != NULL && (f->removed || strcmp(f->name, name) != 0)) {
        f = f->next;
    }
    return f;
}

static status
missing(const char *path, error *err) {
    return error_set(err, ERR_CONNECTOR_FAILED, "cannot open \"%s\": No such file or directory",
                     path);
}

static char *
copy_name(mem *m, const char *name, size_t *size) {
    *size = strlen(name) + 1;
    char *copy = mem_alloc(m, *size);
    if (copy != NULL) {
        memcpy(copy, name, *size);
    }
    return copy;
}

static void
free_file(memory_files *m, memory_file *f) {
    memory_file **at = &m->files;
    while (*at != f) {
        at = &(*at)->next;
    }
    *at = f->next;
    buf_fini(&f->bytes);
    mem_free(m->mem, f->name, f->name_size);
    mem_free(m->mem, f, sizeof(*f));
}

static memory_file *
make(memory_files *m, const char *name) {
    memory_file *f = mem_alloc_zero(m->mem, sizeof(*f));
    if (f == NULL) {
        return NULL;
    }
    f->name = copy_name(m->mem, name, &f->name_size);
    if (f->name == NULL) {
        mem_free(m->mem, f, sizeof(*f));
        return NULL;
    }
    buf_init(&f->bytes, m->mem, SIZE_MAX / 2);
    f->next = m->files;
    m->files = f;
    return f;
}

static status
memory_open(vfs *fs, vfs_file **out, const char *path, uint32_t flags, error *err) {
    memory_files  *m = of(fs);
    memory_file   *f = find(m, path);
    memory_handle *h;
    if (f == NULL && (flags & VFS_CREATE) == 0) {
        return missing(path, err);
    }
    f = f == NULL ? make(m, path) : f;
    h = f == NULL ? NULL : mem_alloc(m->mem, sizeof(*h));
    if (h == NULL) {
        return error_memory(err);
    }
    *h = (memory_handle){.base = {.fs = fs}, .file = f};
    f->handles++;
    *out = &h->base;
    return OK;
}

static memory_file *
file_of(vfs_file *f) {
    return ((memory_handle *)f)->file;
}

static status
memory_close(vfs_file *f, error *err) {
    memory_files *m = of(f->fs);
    memory_file  *file = file_of(f);
    (void)err;
    if (--file->handles == 0 && file->removed) {
        free_file(m, file);
    }
    mem_free(m->mem, f, sizeof(memory_handle));
    return OK;
}

static status
memory_read(vfs_file *f, int64_t offset, void *out, size_t size, size_t *size_read, error *err) {
    const buf   *b = &file_of(f)->bytes;
    const size_t at = (uint64_t)offset < b->size ? (size_t)offset : b->size;
    const size_t left = b->size - at;
    (void)err;
    *size_read = left < size ? left : size;
    if (*size_read > 0) {
        memcpy(out, b->data + at, *size_read);
    }
    return OK;
}

static status
grow(buf *b, size_t size, error *err) {
    static const char zeros[4096];
    while (b->size < size) {
        const size_t more = size - b->size < sizeof(zeros) ? size - b->size : sizeof(zeros);
        if (!buf_append(b, zeros, more)) {
            b->failed = false;
            return error_memory(err);
        }
    }
    return OK;
}

static status
memory_write(vfs_file *f, int64_t offset, const void *data, size_t size, error *err) {
    buf         *b = &file_of(f)->bytes;
    const size_t at = (size_t)offset;
    TRY(grow(b, at, err));
    const size_t over = b->size - at < size ? b->size - at : size;
    if (over > 0) {
        memcpy(b->data + at, data, over);
    }
    if (!buf_append(b, (const char *)data + over, size - over)) {
        b->failed = false;
        return error_memory(err);
    }
    return OK;
}

static status
memory_sync(vfs_file *f, error *err) {
    (void)f;
    (void)err;
    return OK;
}

static status
memory_size(vfs_file *f, int64_t *out, error *err) {
    (void)err;
    *out = (int64_t)file_of(f)->bytes.size;
    return OK;
}

static status
memory_truncate(vfs_file *f, int64_t size, error *err) {
    buf *b = &file_of(f)->bytes;
    TRY(grow(b, (size_t)size, err));
    b->size = (size_t)size;
    return OK;
}

static status
memory_allocate(vfs_file *f, int64_t from, int64_t to, error *err) {
    (void)from;
    return grow(&file_of(f)->bytes, (size_t)to, err);
}

static void
take_name_from(memory_files *m, memory_file *f) {
    f->removed = true;
    if (f->handles == 0) {
        free_file(m, f);
    }
}

static status
memory_rename(vfs *fs, const char *from, const char *to, error *err) {
    memory_files *m = of(fs);
    memory_file  *f = find(m, from);
    size_t        size;
    if (f == NULL) {
        return missing(from, err);
    }
    char *name = copy_name(m->mem, to, &size);
    if (name == NULL) {
        return error_memory(err);
    }
    memory_file *old = find(m, to);
    if (old != NULL) {
        take_name_from(m, old);
    }
    mem_free(m->mem, f->name, f->name_size);
    f->name = name;
    f->name_size = size;
    return OK;
}

static status
memory_remove(vfs *fs, const char *path, error *err) {
    memory_file *f = find(of(fs), path);
    if (f == NULL) {
        return missing(path, err);
    }
    take_name_from(of(fs), f);
    return OK;
}

static status
memory_directory(vfs *fs, const char *path, error *err) {
    (void)fs;
    (void)path;
    (void)err;
    return OK;
}

static status
memory_lock(vfs *fs, vfs_file **out, const char *path, error *err) {
    return memory_open(fs, out, path, VFS_CREATE, err);
}

static status
memory_list(vfs *fs, const char *path, status (*take)(void *context, const char *name),
            void *context, error *err) {
    const size_t size = strlen(path);
    (void)err;
    for (const memory_file *f = of(fs)->files; f != NULL; f = f->next) {
        if (!f->removed && strncmp(f->name, path, size) == 0 && f->name[size] == '/') {
            TRY(take(context, f->name + size + 1));
        }
    }
    return OK;
}

status
vfs_memory_open(vfs **out, mem *m, error *err) {
    memory_files *made = mem_alloc_zero(m, sizeof(*made));
    if (made == NULL) {
        return error_memory(err);
    }
    made->mem = m;
    made->base = (vfs){.name = "memory",
                       .open = memory_open,
                       .close = memory_close,
                       .read = memory_read,
                       .write = memory_write,
                       .sync = memory_sync,
                       .size = memory_size,
                       .truncate = memory_truncate,
                       .allocate = memory_allocate,
                       .rename = memory_rename,
                       .remove = memory_remove,
                       .sync_directory = memory_directory,
                       .make_directory = memory_directory,
                       .lock = memory_lock,
                       .list = memory_list};
    *out = &made->base;
    return OK;
}

void
vfs_memory_close(vfs *fs) {
    if (fs == NULL) {
        return;
    }
    memory_files *m = of(fs);
    while (m->files != NULL) {
        free_file(m, m->files);
    }
    mem_free(m->mem, m, sizeof(*m));
}
