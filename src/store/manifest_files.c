/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_files.c - the files of a checkpoint, checked and copied: see manifest.h. */
#include "base/work.h"
#include "store/manifest.h"
#include "store/sealed.h"

#define PIECE 65536

typedef struct part {
    file_kind kind;
    int64_t   number;
    uint64_t  salt;
    int64_t   size;
} part;

/* The state, then the others. */
static part
part_at(const manifest *m, int64_t at) {
    if (at == 0) {
        return (part){FILE_STATE, m->id, m->state_salt, m->state_size};
    }
    const manifest_file *f = &m->files[at - 1];
    return (part){(file_kind)f->kind, f->number, f->salt, f->size};
}

static status
open_part(const part *p, sealed_reader **out, mem *memory, vfs *fs, const char *directory,
          error *err) {
    buf path;
    buf_init(&path, memory, SIZE_MAX / 2);
    status s = manifest_path(directory, p->kind, p->number, &path, err);
    s = s < 0 ? s : sealed_open(out, memory, fs, path.data, p->salt, p->size, err);
    buf_fini(&path);
    return s;
}

int64_t
manifest_file_at(const manifest_file *files, int64_t count, int64_t number) {
    int64_t low = 0, high = count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (files[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

status
manifest_readable(const manifest *m, const char *directory, error *err) {
    if (!m->damaged) {
        return OK;
    }
    (void)error_set(err, ERR_CORRUPTION, "\"%s/checkpoint-%016llx\" is damaged", directory,
                    (unsigned long long)m->id);
    return error_hint(err, "restore a backup, or laminardb.salvage() for what can still be read");
}

int64_t
manifest_bytes(const manifest *m) {
    int64_t bytes = m->state_size;
    for (int64_t i = 0; i < m->file_count; i++) {
        bytes += m->files[i].size;
    }
    return bytes;
}

status
manifest_check(const manifest *m, mem *memory, vfs *fs, const char *directory, error *err) {
    TRY(manifest_readable(m, directory, err));
    for (int64_t i = 0; i <= m->file_count; i++) {
        const part     p = part_at(m, i);
        sealed_reader *r = NULL;
        status         s = open_part(&p, &r, memory, fs, directory, err);
        s = s < 0 ? s : sealed_check(r, err);
        sealed_close(r);
        TRY(s);
    }
    return OK;
}

static status
copy_content(const part *p, sealed_reader *from, sealed_writer *to, char *piece, error *err) {
    for (int64_t at = 0; at < p->size; at += PIECE) {
        const size_t n = p->size - at < PIECE ? (size_t)(p->size - at) : PIECE;
        TRY(sealed_read(from, at, piece, n, err));
        TRY(sealed_put(to, piece, n, err));
    }
    return OK;
}

static status
copy_part(const part *p, mem *memory, vfs *fs, const char *directory, const char *into, char *piece,
          error *err) {
    sealed_reader *from = NULL;
    sealed_writer *to = NULL;
    buf            path;
    buf_init(&path, memory, SIZE_MAX / 2);
    status s = open_part(p, &from, memory, fs, directory, err);
    s = s < 0 ? s : manifest_path(into, p->kind, p->number, &path, err);
    s = s < 0 ? s : sealed_create(&to, memory, fs, path.data, p->salt, err);
    if (s == OK) {
        s = sealed_end(to, copy_content(p, from, to, piece, err), err);
    }
    sealed_close(from);
    buf_fini(&path);
    return s;
}

status
manifest_export(const manifest *m, mem *memory, vfs *fs, const char *directory, const char *into,
                error *err) {
    bool  is_doubtful = false;
    char *piece = mem_alloc(memory, PIECE);
    if (piece == NULL) {
        return error_memory(err);
    }
    work_expect(2 * manifest_bytes(m)); /* read and written */
    status s = manifest_readable(m, directory, err);
    for (int64_t i = 0; s == OK && i <= m->file_count; i++) {
        const part p = part_at(m, i);
        s = copy_part(&p, memory, fs, directory, into, piece, err);
    }
    mem_free(memory, piece, PIECE);
    manifest told = *m;
    told.after = 0;
    told.floor = m->id;
    return s < 0 ? s : manifest_write(&told, memory, fs, into, &is_doubtful, err);
}
