/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.c - see manifest.h. A file is a head of eight bytes, the numbers of the struct in its
 * order, the files, and a CRC-32C of all that, little-endian. */
#include "store/manifest.h"

#include <stdlib.h>

#include "base/image.h"
#include "kernel/kernel.h"

#define MAGIC "LDBCKPT2"
#define MAGIC_BYTES 8
#define FILES_MAX (1 << 20)
#define NEW_NAME "checkpoint-new"

static const char *const kind_names[] = {"state", "rows", "blocks"};

static status
print_path(const char *directory, const char *kind, int64_t number, buf *out, error *err) {
    buf_clear(out);
    return buf_printf(out, "%s/%s-%016llx", directory, kind, (unsigned long long)number)
               ? OK
               : error_memory(err);
}

status
manifest_path(const char *directory, file_kind kind, int64_t number, buf *out, error *err) {
    return print_path(directory, kind_names[kind], number, out, err);
}

/* ---- as bytes */

static void
put(const manifest *m, buf *out) {
    const int64_t numbers[] = {m->id,         m->created_us, m->after,       m->floor,
                               m->epoch,      m->rows,       m->bytes,       m->duration_us,
                               m->stall_us,   m->trigger,    m->has_readers, (int64_t)m->state_salt,
                               m->state_size, m->file_count};
    buf_append(out, MAGIC, MAGIC_BYTES);
    buf_append(out, numbers, sizeof(numbers));
    if (m->file_count > 0) {
        buf_append(out, m->files, sizeof(manifest_file) * (size_t)m->file_count);
    }
    image_put_u32(out, crc32c(0, out->data, out->size));
}

static status
take(manifest *m, mem *memory, text content, error *err) {
    int64_t      numbers[14];
    uint32_t     crc;
    image_reader in = {.at = content.data + MAGIC_BYTES, .left = content.size - MAGIC_BYTES};
    if (content.size < MAGIC_BYTES + sizeof(numbers) + sizeof(crc) ||
        memcmp(content.data, MAGIC, MAGIC_BYTES) != 0) {
        return image_corrupt("it is no manifest of this version", err);
    }
    memcpy(&crc, content.data + content.size - sizeof(crc), sizeof(crc));
    if (crc != crc32c(0, content.data, content.size - sizeof(crc))) {
        return image_corrupt("its checksum is wrong", err);
    }
    TRY(image_take(&in, numbers, sizeof(numbers), err));
    *m = (manifest){.id = numbers[0],
                    .created_us = numbers[1],
                    .after = numbers[2],
                    .floor = numbers[3],
                    .epoch = numbers[4],
                    .rows = numbers[5],
                    .bytes = numbers[6],
                    .duration_us = numbers[7],
                    .stall_us = numbers[8],
                    .trigger = numbers[9],
                    .has_readers = numbers[10],
                    .state_salt = (uint64_t)numbers[11],
                    .state_size = numbers[12]};
    const int64_t files = numbers[13];
    if (files < 0 || files > FILES_MAX ||
        in.left != sizeof(manifest_file) * (size_t)files + sizeof(crc)) {
        return image_corrupt("its length is wrong", err);
    }
    m->files = files == 0 ? NULL : mem_alloc(memory, sizeof(manifest_file) * (size_t)files);
    if (files > 0 && m->files == NULL) {
        return error_memory(err);
    }
    m->file_count = files;
    TRY(image_take(&in, m->files, sizeof(manifest_file) * (size_t)files, err));
    for (int64_t i = 0; i < files; i++) {
        if (m->files[i].kind != FILE_ROWS && m->files[i].kind != FILE_BLOCKS) {
            return image_corrupt("a file of no kind", err);
        }
    }
    return OK;
}

void
manifest_fini(manifest *m, mem *memory) {
    mem_free(memory, m->files, sizeof(manifest_file) * (size_t)m->file_count);
    m->files = NULL;
    m->file_count = 0;
}

status
manifest_copy(manifest *out, const manifest *m, mem *memory, error *err) {
    const size_t   size = sizeof(manifest_file) * (size_t)m->file_count;
    manifest_file *files = size == 0 ? NULL : mem_alloc(memory, size);
    if (size > 0 && files == NULL) {
        return error_memory(err);
    }
    *out = *m;
    out->files = files;
    if (size > 0) {
        memcpy(files, m->files, size);
    }
    return OK;
}

void
manifests_free(manifest *list, int32_t count, mem *memory) {
    for (int32_t i = 0; i < count; i++) {
        manifest_fini(&list[i], memory);
    }
    mem_free(memory, list, sizeof(manifest) * (size_t)count);
}

/* ---- writing: temporary file, sync, name, sync of the directory (D9) */

static status
write_file(vfs *fs, const char *path, text content, error *err) {
    vfs_file *f = NULL;
    error     ignored;
    TRY(fs->open(fs, &f, path, VFS_WRITE | VFS_READ | VFS_CREATE | VFS_REGULAR | VFS_PRIVATE, err));
    status s = fs->truncate(f, 0, err);
    s = s < 0 ? s : fs->write(f, 0, content.data, content.size, err);
    s = s < 0 ? s : fs->sync(f, err);
    const status closed = fs->close(f, s < 0 ? &ignored : err);
    return s < 0 ? s : closed;
}

status
manifest_write(const manifest *m, mem *memory, vfs *fs, const char *directory, bool *is_doubtful,
               error *err) {
    buf   content, path, name;
    error ignored;
    buf_init(&content, memory, SIZE_MAX / 2);
    buf_init(&path, memory, SIZE_MAX / 2);
    buf_init(&name, memory, SIZE_MAX / 2);
    put(m, &content);
    status s = content.failed || !buf_printf(&path, "%s/" NEW_NAME, directory)
                   ? error_memory(err)
                   : print_path(directory, "checkpoint", m->id, &name, err);
    s = s < 0 ? s : fs->sync_directory(fs, directory, err); /* the names of its files */
    s = s < 0 ? s : write_file(fs, path.data, buf_text(&content), err);
    if (s == OK) {
        s = fs->rename(fs, path.data, name.data, err);
        s = s < 0 ? s : fs->sync_directory(fs, directory, err);
        *is_doubtful = s < 0;
    } else if (path.size > 0) {
        (void)fs->remove(fs, path.data, &ignored);
    }
    buf_fini(&content);
    buf_fini(&path);
    buf_fini(&name);
    return s;
}

/* ---- reading */

typedef struct part {
    file_kind kind;
    int64_t   number;
} part;

typedef struct found {
    mem      *memory;
    manifest *list;
    int32_t   count;
    int64_t   highest;
    part     *parts; /* files that a checkpoint may have */
    int32_t   part_count, part_capacity;
    bool      has_new;
} found;

static bool
number_in(const char *name, const char *kind, int64_t *number) {
    const size_t size = strlen(kind);
    uint64_t     made = 0;
    if (strncmp(name, kind, size) != 0 || name[size] != '-' || strlen(name) != size + 17) {
        return false;
    }
    for (const char *c = name + size + 1; *c != '\0'; c++) {
        const char *digit = strchr("0123456789abcdef", *c);
        if (digit == NULL) {
            return false;
        }
        made = made << 4 | (uint64_t)(digit - "0123456789abcdef");
    }
    *number = (int64_t)made;
    return made > 0 && made < INT64_MAX;
}

static status
add_part(found *f, file_kind kind, int64_t number) {
    if (f->part_count == f->part_capacity) {
        const int32_t capacity = f->part_capacity == 0 ? 16 : 2 * f->part_capacity;
        part *grown = mem_resize(f->memory, f->parts, sizeof(part) * (size_t)f->part_capacity,
                                 sizeof(part) * (size_t)capacity);
        if (grown == NULL) {
            return ERR_OUT_OF_MEMORY;
        }
        f->parts = grown;
        f->part_capacity = capacity;
    }
    f->parts[f->part_count++] = (part){kind, number};
    return OK;
}

static status
take_name(void *context, const char *name) {
    found  *f = context;
    int64_t number;
    f->has_new = f->has_new || strcmp(name, NEW_NAME) == 0;
    if (number_in(name, "checkpoint", &number)) {
        manifest *grown = mem_resize(f->memory, f->list, sizeof(manifest) * (size_t)f->count,
                                     sizeof(manifest) * (size_t)(f->count + 1));
        if (grown == NULL) {
            return ERR_OUT_OF_MEMORY;
        }
        f->list = grown;
        f->list[f->count++] = (manifest){.id = number};
    } else {
        int32_t kind = 0;
        while (kind < ARRAY_COUNT(kind_names) && !number_in(name, kind_names[kind], &number)) {
            kind++;
        }
        if (kind == ARRAY_COUNT(kind_names)) {
            return OK;
        }
        TRY(add_part(f, (file_kind)kind, number));
    }
    f->highest = number > f->highest ? number : f->highest;
    return OK;
}

static status
read_whole(vfs *fs, const char *path, buf *out, error *err) {
    vfs_file *f = NULL;
    error     ignored;
    int64_t   size = 0;
    size_t    got = 0;
    TRY(fs->open(fs, &f, path, VFS_READ | VFS_REGULAR, err));
    status s = fs->size(f, &size, err);
    if (s == OK && (size < 0 || size > (int64_t)(FILES_MAX * sizeof(manifest_file)))) {
        s = image_corrupt("its length is wrong", err);
    }
    for (int64_t at = 0; s == OK && at < size; at += (int64_t)got) {
        char piece[4096];
        s = fs->read(f, at, piece, sizeof(piece), &got, err);
        s = s == OK && !buf_append(out, piece, got) ? error_memory(err) : s;
        if (got == 0) {
            break; /* it became shorter: the checksum tells */
        }
    }
    const status closed = fs->close(f, s < 0 ? &ignored : err);
    return s < 0 ? s : closed;
}

static status
read_manifest(manifest *m, mem *memory, vfs *fs, const char *directory, error *err) {
    const int64_t id = m->id;
    buf           path, content;
    error         why = {0};
    buf_init(&path, memory, SIZE_MAX / 2);
    buf_init(&content, memory, SIZE_MAX / 2);
    status s = print_path(directory, "checkpoint", id, &path, err);
    s = s < 0 ? s : read_whole(fs, path.data, &content, err);
    if (s == OK) {
        s = take(m, memory, buf_text(&content), &why);
        s = s == OK && m->id != id ? ERR_CORRUPTION : s;
        if (s == ERR_CORRUPTION) {
            manifest_fini(m, memory);
            *m = (manifest){.id = id, .damaged = true};
            s = OK;
        } else if (s < 0) {
            *err = why;
        }
    }
    buf_fini(&path);
    buf_fini(&content);
    return s;
}

static bool
has_part(const manifest *m, part p) {
    bool has = p.kind == FILE_STATE && m->id == p.number;
    for (int64_t i = 0; !has && i < m->file_count; i++) {
        has = m->files[i].kind == (int64_t)p.kind && m->files[i].number == p.number;
    }
    return has || m->damaged; /* nobody knows what it had */
}

static void
remove_part(part p, mem *memory, vfs *fs, const char *directory) {
    buf   path;
    error ignored;
    buf_init(&path, memory, SIZE_MAX / 2);
    if (manifest_path(directory, p.kind, p.number, &path, &ignored) == OK) {
        (void)fs->remove(fs, path.data,
                         &ignored); /* in nobody's way: a later opening tries again */
    }
    buf_fini(&path);
}

static void
remove_strays(const found *f, vfs *fs, const char *directory) {
    for (int32_t i = 0; i < f->part_count; i++) {
        bool used = false;
        for (int32_t k = 0; !used && k < f->count; k++) {
            used = has_part(&f->list[k], f->parts[i]);
        }
        if (!used) {
            remove_part(f->parts[i], f->memory, fs, directory);
        }
    }
    if (f->has_new) {
        buf   path;
        error ignored;
        buf_init(&path, f->memory, SIZE_MAX / 2);
        if (buf_printf(&path, "%s/" NEW_NAME, directory)) {
            (void)fs->remove(fs, path.data, &ignored);
        }
        buf_fini(&path);
    }
}

static int
compare_manifests(const void *a, const void *b) {
    const manifest *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

status
manifests_read(manifest **out, int32_t *count, int64_t *next_id, mem *memory, vfs *fs,
               const char *directory, error *err) {
    found  f = {.memory = memory};
    status s = fs->list(fs, directory, take_name, &f, err);
    s = s == ERR_OUT_OF_MEMORY ? error_memory(err) : s;
    for (int32_t i = 0; s == OK && i < f.count; i++) {
        s = read_manifest(&f.list[i], memory, fs, directory, err);
    }
    if (s == OK) {
        if (next_id != NULL) {
            remove_strays(&f, fs, directory);
        }
        if (f.count > 0) {
            qsort(f.list, (size_t)f.count, sizeof(manifest), compare_manifests);
        }
    } else {
        manifests_free(f.list, f.count, memory);
    }
    mem_free(memory, f.parts, sizeof(part) * (size_t)f.part_capacity);
    *out = s < 0 ? NULL : f.list;
    *count = s < 0 ? 0 : f.count;
    if (next_id != NULL) {
        *next_id = f.highest + 1;
    }
    return s;
}

/* ---- removing */

static void
remove_unshared(const manifest *list, int32_t count, int32_t at, part p, mem *memory, vfs *fs,
                const char *directory) {
    for (int32_t i = 0; i < count; i++) {
        if (i != at && has_part(&list[i], p)) {
            return;
        }
    }
    remove_part(p, memory, fs, directory);
}

status
manifest_remove(const manifest *list, int32_t count, int32_t at, mem *memory, vfs *fs,
                const char *directory, error *err) {
    const manifest *m = &list[at];
    buf             path;
    buf_init(&path, memory, SIZE_MAX / 2);
    status s = print_path(directory, "checkpoint", m->id, &path, err);
    s = s < 0 ? s : fs->remove(fs, path.data, err);
    s = s < 0 ? s : fs->sync_directory(fs, directory, err); /* before its files go */
    buf_fini(&path);
    TRY(s);
    remove_unshared(list, count, at, (part){FILE_STATE, m->id}, memory, fs, directory);
    for (int64_t i = 0; i < m->file_count; i++) {
        const part p = {(file_kind)m->files[i].kind, m->files[i].number};
        remove_unshared(list, count, at, p, memory, fs, directory);
    }
    return OK;
}
