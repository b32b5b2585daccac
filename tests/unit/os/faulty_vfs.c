/* SPDX-License-Identifier: Apache-2.0 */
/* faulty_vfs.c - see faulty_vfs.h. Names are flat: a directory is whatever stands before the last
 * slash. The file and its name become durable apart from each other, as POSIX has it. */
#include "faulty_vfs.h"

#include "unit.h"

enum { SECTOR = 512 };

typedef struct faulty_file {
    vfs_file     base;
    faulty_node *node;
    uint32_t     flags;
} faulty_file;

static faulty_vfs *
of(vfs *fs) {
    return (faulty_vfs *)fs;
}

/* True when this call is to fail. */
static bool
fails(faulty_vfs *fs, faulty_call kind) {
    if ((fs->fail_kinds & kind) == 0) {
        return false;
    }
    fs->calls++;
    return fs->fail_at != 0 &&
           (fs->calls == fs->fail_at || (fs->fail_always && fs->calls > fs->fail_at));
}

static status
refuse(const char *what, const char *path, error *err) {
    return error_set(err, ERR_CONNECTOR_FAILED, "cannot %s \"%s\": Input/output error", what, path);
}

static size_t
room_for(int64_t size) {
    size_t room = 4096;
    while (room < (size_t)size) {
        room *= 2;
    }
    return room;
}

static void
resize(faulty_bytes *b, int64_t size) {
    uint8_t *data = b->data;
    if (data == NULL || room_for(size) != room_for(b->size)) {
        data = realloc(data, room_for(size));
    }
    assert_non_null(data);
    if (size > b->size) {
        memset(data + b->size, 0, (size_t)(size - b->size));
    }
    b->data = data;
    b->size = size;
}

static faulty_node *
find(faulty_vfs *fs, const char *path) {
    for (int32_t i = 0; i < FAULTY_FILES; i++) {
        if (fs->nodes[i].used && strcmp(fs->nodes[i].name, path) == 0) {
            return &fs->nodes[i];
        }
    }
    return NULL;
}

/* Without a name, seen or durable or on its way, and without a handle a file is gone. */
static void
drop_if_unreachable(const faulty_vfs *fs, faulty_node *n) {
    bool pending = false;
    for (int32_t i = 0; i < fs->journal_count; i++) {
        pending |= fs->journal[i].node == n;
    }
    if (!pending && n->handles == 0 && n->name[0] == '\0' && n->on_disk[0] == '\0') {
        free(n->seen.data);
        free(n->durable.data);
        free(n->forgotten.data);
        *n = (faulty_node){0};
    }
}

static void
rename_node(faulty_vfs *fs, faulty_node *n, const char *to) {
    CHECK(strlen(to) < FAULTY_PATH && fs->journal_count < FAULTY_JOURNAL);
    faulty_name *entry = &fs->journal[fs->journal_count++];
    entry->node = n;
    snprintf(entry->from, FAULTY_PATH, "%s", n->name);
    snprintf(entry->to, FAULTY_PATH, "%s", to);
    snprintf(n->name, FAULTY_PATH, "%s", to);
}

/* The change reaches the disk: the name means this file alone. */
static void
apply(faulty_vfs *fs, const faulty_name *entry) {
    for (int32_t i = 0; i < FAULTY_FILES; i++) {
        if (entry->to[0] != '\0' && strcmp(fs->nodes[i].on_disk, entry->to) == 0) {
            fs->nodes[i].on_disk[0] = '\0';
        }
    }
    memcpy(entry->node->on_disk, entry->to, FAULTY_PATH);
}

static void
drop_unreachable(faulty_vfs *fs) {
    for (int32_t i = 0; i < FAULTY_FILES; i++) {
        if (fs->nodes[i].used) {
            drop_if_unreachable(fs, &fs->nodes[i]);
        }
    }
}

static faulty_node *
create(faulty_vfs *fs, const char *path, bool temporary) {
    for (int32_t i = 0; i < FAULTY_FILES; i++) {
        if (!fs->nodes[i].used) {
            faulty_node *n = &fs->nodes[i];
            *n = (faulty_node){.used = true};
            CHECK(path[0] != '\0');
            if (!temporary) { /* else it has no name */
                rename_node(fs, n, path);
            }
            return n;
        }
    }
    fail_msg("more than %d files", FAULTY_FILES);
    return NULL;
}

static status
faulty_open(vfs *base, vfs_file **out, const char *path, uint32_t flags, error *err) {
    faulty_vfs *fs = of(base);
    if (fails(fs, FAULTY_OPEN)) {
        return refuse("open", path, err);
    }
    const bool   temporary = (flags & VFS_TEMPORARY) != 0;
    faulty_node *n = temporary ? NULL : find(fs, path);
    if (n == NULL && !temporary && (flags & VFS_CREATE) == 0) {
        return error_set(err, ERR_CONNECTOR_FAILED, "cannot open \"%s\": No such file", path);
    }
    if (n != NULL && (flags & VFS_EXCLUSIVE) != 0) {
        return error_set(err, ERR_CONNECTOR_FAILED, "cannot open \"%s\": File exists", path);
    }
    faulty_file *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->base.fs = base;
    f->node = n == NULL ? create(fs, path, temporary) : n;
    f->flags = flags;
    f->node->handles++;
    fs->open_files++;
    *out = &f->base;
    return OK;
}

static status
faulty_close(vfs_file *file, error *err) {
    faulty_file *f = (faulty_file *)file;
    faulty_vfs  *fs = of(file->fs);
    const status s = fails(fs, FAULTY_CLOSE) ? refuse("close", f->node->name, err) : OK;
    f->node->handles--;
    drop_if_unreachable(fs, f->node);
    fs->open_files--;
    free(f);
    return s;
}

static status
faulty_read(vfs_file *file, int64_t offset, void *out, size_t size, size_t *size_read, error *err) {
    const faulty_file  *f = (const faulty_file *)file;
    const faulty_bytes *b = &f->node->seen;
    *size_read = 0;
    if (fails(of(file->fs), FAULTY_READ) || (f->flags & VFS_READ) == 0 || offset < 0) {
        return refuse("read", f->node->name, err);
    }
    const int64_t left = b->size > offset ? b->size - offset : 0;
    const size_t  n = (int64_t)size < left ? size : (size_t)left;
    if (n > 0) {
        memcpy(out, b->data + offset, n);
    }
    faulty_vfs *fs = of(file->fs);
    fs->reads = fs->flip_at == 0 ? 0 : fs->reads + 1;
    if (fs->flip_at != 0 && fs->reads == fs->flip_at && n > 0) {
        ((uint8_t *)out)[n / 2] ^= 16;
    }
    *size_read = n;
    return OK;
}

static void
put(faulty_node *n, int64_t offset, const void *data, size_t size) {
    if (size == 0) {
        return;
    }
    if (offset + (int64_t)size > n->seen.size) {
        resize(&n->seen, offset + (int64_t)size);
    }
    memcpy(n->seen.data + offset, data, size);
    /* Written again, it is to be synced again. */
    for (int64_t at = offset; at < offset + (int64_t)size && at < n->forgotten.size; at += SECTOR) {
        n->forgotten.data[at] = (uint8_t)~n->seen.data[at];
    }
    if (offset + (int64_t)size <= n->forgotten.size) {
        const int64_t last = offset + (int64_t)size - 1;
        n->forgotten.data[last] = (uint8_t)~n->seen.data[last];
    }
}

static status
faulty_write(vfs_file *file, int64_t offset, const void *data, size_t size, error *err) {
    const faulty_file *f = (const faulty_file *)file;
    faulty_vfs        *fs = of(file->fs);
    if ((f->flags & VFS_WRITE) == 0 || offset < 0) {
        return refuse("write", f->node->name, err);
    }
    if (fails(fs, FAULTY_WRITE)) {
        put(f->node, offset, data, fs->write_short ? size / 2 : 0);
        return refuse("write", f->node->name, err);
    }
    put(f->node, offset, data, size);
    return OK;
}

static void
copy_range(faulty_bytes *to, const faulty_bytes *from, int64_t at, int64_t end) {
    if (end > at) {
        memcpy(to->data + at, from->data + at, (size_t)(end - at));
    }
}

static status
faulty_sync(vfs_file *file, error *err) {
    const faulty_file *f = (const faulty_file *)file;
    faulty_node       *n = f->node;
    if (fails(of(file->fs), FAULTY_SYNC)) {
        if (of(file->fs)->sync_forgets) {
            resize(&n->forgotten, n->seen.size);
            copy_range(&n->forgotten, &n->seen, 0, n->seen.size);
        }
        return refuse("sync", n->name, err);
    }
    resize(&n->durable, n->seen.size);
    for (int64_t at = 0; at < n->seen.size; at += SECTOR) {
        const int64_t end = at + SECTOR < n->seen.size ? at + SECTOR : n->seen.size;
        const bool    is_forgotten =
            end <= n->forgotten.size &&
            memcmp(n->seen.data + at, n->forgotten.data + at, (size_t)(end - at)) == 0;
        if (!is_forgotten) {
            copy_range(&n->durable, &n->seen, at, end);
        }
    }
    return OK;
}

static status
faulty_size(vfs_file *file, int64_t *out, error *err) {
    const faulty_file *f = (const faulty_file *)file;
    if (fails(of(file->fs), FAULTY_SIZE)) {
        return refuse("tell the size of", f->node->name, err);
    }
    *out = f->node->seen.size;
    return OK;
}

static status
faulty_truncate(vfs_file *file, int64_t size, error *err) {
    const faulty_file *f = (const faulty_file *)file;
    if (fails(of(file->fs), FAULTY_TRUNCATE) || (f->flags & VFS_WRITE) == 0 || size < 0) {
        return refuse("set the size of", f->node->name, err);
    }
    resize(&f->node->seen, size);
    if (size < f->node->forgotten.size) {
        resize(&f->node->forgotten, size);
    }
    return OK;
}

static status
faulty_allocate(vfs_file *file, int64_t from, int64_t to, error *err) {
    const faulty_file *f = (const faulty_file *)file;
    if (fails(of(file->fs), FAULTY_ALLOCATE) || (f->flags & VFS_WRITE) == 0 || from > to) {
        return refuse("get room in", f->node->name, err);
    }
    if (to > f->node->seen.size) {
        resize(&f->node->seen, to);
    }
    return OK;
}

static status
faulty_rename(vfs *base, const char *from, const char *to, error *err) {
    faulty_vfs  *fs = of(base);
    faulty_node *n = find(fs, from);
    if (fails(fs, FAULTY_RENAME) || n == NULL) {
        return refuse("rename", from, err);
    }
    faulty_node *over = find(fs, to);
    rename_node(fs, n, to);
    if (over != NULL && over != n) {
        over->name[0] = '\0';
        drop_if_unreachable(fs, over);
    }
    return OK;
}

static status
faulty_remove(vfs *base, const char *path, error *err) {
    faulty_vfs  *fs = of(base);
    faulty_node *n = find(fs, path);
    if (fails(fs, FAULTY_REMOVE) || n == NULL) {
        return refuse("remove", path, err);
    }
    rename_node(fs, n, "");
    return OK;
}

static bool
is_in(const char *path, const char *directory) {
    const size_t size = strlen(directory);
    return strncmp(path, directory, size) == 0 && path[size] == '/' &&
           strchr(path + size + 1, '/') == NULL;
}

static status
faulty_sync_directory(vfs *base, const char *path, error *err) {
    faulty_vfs *fs = of(base);
    if (fails(fs, FAULTY_SYNC_DIRECTORY)) {
        return refuse("sync the directory", path, err);
    }
    int32_t left = 0;
    for (int32_t i = 0; i < fs->journal_count; i++) {
        const faulty_name entry = fs->journal[i];
        if (is_in(entry.from, path) || is_in(entry.to, path)) {
            apply(fs, &entry);
        } else {
            fs->journal[left++] = entry;
        }
    }
    fs->journal_count = left;
    drop_unreachable(fs);
    return OK;
}

/* A directory is there when it is asked for. */
static status
faulty_make_directory(vfs *base, const char *path, error *err) {
    return fails(of(base), FAULTY_DIRECTORY) ? refuse("make the directory", path, err) : OK;
}

/* There is one process. */
static status
faulty_lock(vfs *base, vfs_file **out, const char *path, error *err) {
    return base->open(base, out, path, VFS_READ | VFS_WRITE | VFS_CREATE, err);
}

static status
faulty_list(vfs *base, const char *path, status (*take)(void *context, const char *name),
            void *context, error *err) {
    const faulty_vfs *fs = of(base);
    if (fails(of(base), FAULTY_LIST)) {
        return refuse("list", path, err);
    }
    for (int32_t i = 0; i < FAULTY_FILES; i++) {
        const faulty_node *n = &fs->nodes[i];
        if (n->used && is_in(n->name, path)) {
            TRY(take(context, n->name + strlen(path) + 1));
        }
    }
    return OK;
}

void
faulty_init(faulty_vfs *fs) {
    *fs = (faulty_vfs){.base = {.name = "faulty",
                                .open = faulty_open,
                                .close = faulty_close,
                                .read = faulty_read,
                                .write = faulty_write,
                                .sync = faulty_sync,
                                .size = faulty_size,
                                .truncate = faulty_truncate,
                                .allocate = faulty_allocate,
                                .rename = faulty_rename,
                                .remove = faulty_remove,
                                .sync_directory = faulty_sync_directory,
                                .list = faulty_list,
                                .make_directory = faulty_make_directory,
                                .lock = faulty_lock},
                       .fail_kinds = FAULTY_ANY};
}

void
faulty_fini(faulty_vfs *fs) {
    CHECK_EQ(fs->open_files, 0);
    for (int32_t i = 0; i < FAULTY_FILES; i++) {
        free(fs->nodes[i].seen.data);
        free(fs->nodes[i].durable.data);
        free(fs->nodes[i].forgotten.data);
    }
}

void
faulty_arm(faulty_vfs *fs, uint32_t kinds, int64_t at, bool always) {
    fs->calls = 0;
    fs->fail_kinds = kinds;
    fs->fail_at = at;
    fs->fail_always = always;
}

/* ---- power cuts */

static bool
survives(rng *r) {
    return r != NULL && rng_below(r, 2) != 0;
}

static void
crash_bytes(faulty_node *n, rng *r) {
    const faulty_bytes old = n->durable;
    const faulty_bytes now = n->seen;
    faulty_bytes       left = {NULL, 0};
    resize(&left, survives(r) ? now.size : old.size);
    for (int64_t at = 0; at < left.size; at += SECTOR) {
        const faulty_bytes *from = survives(r) ? &now : &old;
        const int64_t       end = at + SECTOR < left.size ? at + SECTOR : left.size;
        const int64_t       stop = end < from->size ? end : from->size;
        copy_range(&left, from, at, stop);
    }
    free(n->seen.data);
    n->seen = left;
    resize(&n->durable, left.size);
    copy_range(&n->durable, &left, 0, left.size);
    resize(&n->forgotten, 0);
}

void
faulty_crash(faulty_vfs *fs, rng *r) {
    CHECK_EQ(fs->open_files, 0);
    const int32_t happened = r == NULL ? 0 : (int32_t)rng_below(r, (uint64_t)fs->journal_count + 1);
    for (int32_t i = 0; i < happened; i++) {
        apply(fs, &fs->journal[i]);
    }
    fs->journal_count = 0;
    for (int32_t i = 0; i < FAULTY_FILES; i++) {
        faulty_node *n = &fs->nodes[i];
        if (n->used) {
            memcpy(n->name, n->on_disk, FAULTY_PATH);
            crash_bytes(n, r);
        }
    }
    drop_unreachable(fs);
    faulty_arm(fs, FAULTY_ANY, 0, false);
}
