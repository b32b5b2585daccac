/* SPDX-License-Identifier: Apache-2.0 */
/* rows_file.c - see rows_file.h. The lock is around the reader, which has one block; unpacking is
 * done without it. What one segment takes while it is packed is on an account of its own, which has
 * no limit: memory is full when it is needed most. */
#include "db/rows_file.h"

#include "base/rng.h"
#include "os/thread.h"
#include "store/packed.h"
#include "store/sealed.h"

struct segment_file {
    _Atomic int32_t references;
    mem            *mem;
    mem             packing; /* at most what one segment takes */
    vfs            *fs;
    char           *path; /* NULL: it has no name */
    size_t          path_size;
    manifest_file   told;
    sealed_writer  *writer; /* while it is written */
    sealed_reader  *reader;
    mutex           lock; /* of the reader; nothing is locked under it */
    segment_place  *places;
    int64_t         capacity; /* of places */
    buf             bytes;    /* of the maker */
    _Atomic bool    is_synced, is_kept;
};

typedef struct file_pages {
    pages         base;
    segment_file *file;
    int64_t       at; /* in the file */
    packed        rows;
    arena         arena; /* of the directory */
} file_pages;

/* ---- pages */

static status
name_file(const segment_file *f, status s, error *err) {
    if (s == ERR_CORRUPTION && f->path != NULL && strstr(err->message, f->path) == NULL) {
        const error found = *err;
        (void)error_set(err, s, "\"%s\": %.400s", f->path, found.message);
        return error_hint(err, "%s", found.hint);
    }
    return s;
}

static status
read_bytes(segment_file *f, int64_t at, void *out, size_t size, error *err) {
    mutex_lock(&f->lock);
    const status s = sealed_read(f->reader, at, out, size, err);
    mutex_unlock(&f->lock);
    return s;
}

static status
read_column(pages *p, int32_t at, column *out, chunk *c, error *err) {
    file_pages        *self = (file_pages *)p;
    segment_file      *f = self->file;
    const packed_part *part = &self->rows.parts[at];
    const size_t       size = (size_t)part->size;
    char              *bytes = mem_alloc(f->mem, size + 1);
    if (bytes == NULL) {
        return error_memory(err);
    }
    status s = read_bytes(f, self->at + part->at, bytes, size, err);
    s = s < 0 ? s : packed_column(out, &self->rows, at, (text){bytes, size}, c, err);
    mem_free(f->mem, bytes, size + 1);
    return name_file(f, s, err);
}

static int64_t
whole_number(const value *v) {
    return v->type.id == TYPE_BOOL ? v->b : v->i;
}

static bool
range_of(const pages *p, int32_t at, int64_t *min, int64_t *max) {
    const packed_part *part = &((const file_pages *)p)->rows.parts[at];
    if (!part->has_range || !part->is_exact) {
        return false;
    }
    *min = whole_number(&part->min);
    *max = whole_number(&part->max);
    return true;
}

static void
free_pages(pages *p) {
    file_pages   *self = (file_pages *)p;
    segment_file *f = self->file;
    arena_fini(&self->arena);
    mem_free(f->mem, self, sizeof(*self));
    segment_file_release(f);
}

segment_file *
segment_file_of(pages *p) {
    return p->read == read_column ? ((file_pages *)p)->file : NULL;
}

static status
read_lead(segment_file *f, const segment_place *at, text *out, error *err) {
    const packed_place where = {.salt = f->told.salt, .offset = at->at};
    int64_t            lead, size;
    char              *to = NULL;
    buf_clear(&f->bytes);
    TRY(buf_room(&f->bytes, PACKED_HEAD, &to) ? OK : error_memory(err));
    TRY(read_bytes(f, at->at, to, PACKED_HEAD, err));
    TRY(packed_look((text){to, PACKED_HEAD}, where, &lead, &size, err));
    if (size != at->size || lead > size) {
        return image_corrupt("the length of a segment", err);
    }
    buf_clear(&f->bytes);
    TRY(buf_room(&f->bytes, (size_t)lead, &to) ? OK : error_memory(err));
    TRY(read_bytes(f, at->at, to, (size_t)lead, err));
    *out = (text){to, (size_t)lead};
    return OK;
}

static status
open_pages(segment_file *f, int64_t number, file_pages **out, error *err) {
    const segment_place *at = &f->places[number];
    const packed_place   where = {.salt = f->told.salt, .offset = at->at};
    text                 lead;
    TRY(read_lead(f, at, &lead, err));
    file_pages *p = mem_alloc_zero(f->mem, sizeof(*p));
    if (p == NULL) {
        return error_memory(err);
    }
    atomic_init(&p->base.references, 1);
    p->base.read = read_column;
    p->base.range = range_of;
    p->base.free = free_pages;
    p->file = segment_file_retain(f);
    p->at = at->at;
    arena_init(&p->arena, f->mem);
    const status s = packed_open(&p->rows, lead, where, &p->arena, err);
    if (s < 0) {
        pages_release(&p->base);
        return s;
    }
    for (int32_t i = 0; i < p->rows.column_count; i++) {
        p->base.bytes += p->rows.parts[i].raw_bytes;
    }
    *out = p;
    return OK;
}

static status
take_positions(segment_file *f, const segment_place *at, text *out, error *err) {
    char *to = NULL;
    buf_clear(&f->bytes);
    TRY(buf_room(&f->bytes, (size_t)at->positions + 1, &to) ? OK : error_memory(err));
    TRY(read_bytes(f, at->at + at->size, to, (size_t)at->positions, err));
    *out = (text){to, (size_t)at->positions};
    return OK;
}

status
segment_file_take(segment_file *f, int64_t at, pages **out, int32_t *row_count,
                  int32_t *column_count, text *positions, error *err) {
    file_pages *p = NULL;
    if (at < 0 || at >= f->told.count) {
        return image_corrupt("a segment beyond those of its file", err);
    }
    TRY(name_file(f, open_pages(f, at, &p, err), err));
    const status s = take_positions(f, &f->places[at], positions, err);
    if (s < 0) {
        pages_release(&p->base);
        return s;
    }
    *row_count = p->rows.row_count;
    *column_count = p->rows.column_count;
    *out = &p->base;
    return OK;
}

/* ---- files */

static status
new_file(segment_file **out, mem *m, vfs *fs, const char *directory, const manifest_file *told,
         error *err) {
    segment_file *f = mem_alloc_zero(m, sizeof(*f));
    if (f == NULL) {
        return error_memory(err);
    }
    const status s = mutex_init(&f->lock, err);
    if (s < 0) {
        mem_free(m, f, sizeof(*f));
        return s;
    }
    atomic_init(&f->references, 1);
    f->mem = m;
    mem_init(&f->packing, INT64_MAX);
    f->fs = fs;
    f->told = *told;
    buf_init(&f->bytes, &f->packing, SIZE_MAX / 2);
    *out = f;
    if (told->number == 0) {
        return OK;
    }
    buf path;
    buf_init(&path, m, SIZE_MAX / 2);
    status named = manifest_path(directory, FILE_ROWS, told->number, &path, err);
    f->path_size = path.size + 1;
    f->path = named < 0 ? NULL : mem_alloc(m, f->path_size);
    named = named == OK && f->path == NULL ? error_memory(err) : named;
    if (named == OK) {
        memcpy(f->path, path.data, f->path_size);
    } else {
        segment_file_release(f);
    }
    buf_fini(&path);
    return named;
}

segment_file *
segment_file_retain(segment_file *f) {
    atomic_fetch_add_explicit(&f->references, 1, memory_order_relaxed);
    return f;
}

void
segment_file_release(segment_file *f) {
    error ignored;
    if (f == NULL || atomic_fetch_sub_explicit(&f->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    assert(f->writer == NULL);
    if (f->reader != NULL && f->path != NULL && !atomic_load(&f->is_kept)) {
        (void)f->fs->remove(f->fs, f->path, &ignored);
    }
    sealed_close(f->reader);
    mem_free(f->mem, f->path, f->path == NULL ? 0 : f->path_size);
    mem_free(f->mem, f->places, sizeof(segment_place) * (size_t)f->capacity);
    buf_fini(&f->bytes);
    (void)mem_fini(&f->packing);
    mutex_fini(&f->lock);
    mem_free(f->mem, f, sizeof(*f));
}

manifest_file
segment_file_told(const segment_file *f) {
    return f->told;
}

void
segment_file_keep(segment_file *f) {
    atomic_store(&f->is_kept, true);
}

/* ---- writing */

status
segment_file_create(segment_file **out, mem *m, vfs *fs, const char *directory, int64_t number,
                    error *err) {
    segment_file       *f = NULL;
    const manifest_file told = {
        .kind = FILE_ROWS, .number = number, .salt = rng_seed_from_system()};
    TRY(new_file(&f, m, fs, directory, &told, err));
    const status s = number == 0
                         ? sealed_create_temporary(&f->writer, m, fs, directory, told.salt, err)
                         : sealed_create(&f->writer, m, fs, f->path, told.salt, err);
    if (s < 0) {
        segment_file_release(f);
        return s;
    }
    *out = f;
    return OK;
}

static status
reserve_place(segment_file *f, error *err) {
    if (f->told.count < f->capacity) {
        return OK;
    }
    const int64_t  capacity = f->capacity == 0 ? 16 : 2 * f->capacity;
    segment_place *grown =
        mem_resize(f->mem, f->places, sizeof(segment_place) * (size_t)f->capacity,
                   sizeof(segment_place) * (size_t)capacity);
    if (grown == NULL) {
        return error_memory(err);
    }
    f->places = grown;
    f->capacity = capacity;
    return OK;
}

static status
pack(segment_file *f, segment *s, int32_t row_count, error *err) {
    segment_view view;
    TRY(segment_view_open(&view, s, NULL, s->column_count, NULL, err));
    const delta rows = {
        .row_count = row_count, .column_count = s->column_count, .columns = view.columns};
    const status put = packed_put(&f->bytes, &rows, f->told.salt, err);
    segment_view_close(&view);
    return put;
}

status
segment_file_put(segment_file *f, segment *s, int32_t row_count, error *err) {
    TRY(reserve_place(f, err));
    buf_clear(&f->bytes);
    TRY(pack(f, s, row_count, err));
    segment_place at = {.at = sealed_size(f->writer), .size = (int64_t)f->bytes.size};
    segment_put_positions(s, row_count, &f->bytes);
    if (f->bytes.failed) {
        return error_memory(err);
    }
    at.positions = (int64_t)f->bytes.size - at.size;
    TRY(sealed_put(f->writer, f->bytes.data, f->bytes.size, err));
    f->places[f->told.count++] = at;
    return OK;
}

status
segment_file_end(segment_file *f, status so_far, error *err) {
    status s = so_far < 0 ? so_far
                          : sealed_put(f->writer, f->places,
                                       sizeof(segment_place) * (size_t)f->told.count, err);
    f->told.size = sealed_size(f->writer);
    s = sealed_turn(f->writer, s, &f->reader, err);
    f->writer = NULL;
    buf_fini(&f->bytes); /* it was as long as the longest segment */
    buf_init(&f->bytes, &f->packing, SIZE_MAX / 2);
    return s;
}

status
segment_file_sync(segment_file *f, error *err) {
    if (atomic_load(&f->is_synced)) {
        return OK;
    }
    TRY(sealed_sync(f->reader, err));
    atomic_store(&f->is_synced, true);
    return OK;
}

/* ---- opening */

static status
read_places(segment_file *f, error *err) {
    const manifest_file *t = &f->told;
    const int64_t        size = (int64_t)sizeof(segment_place) * t->count;
    f->places = t->count == 0 ? NULL : mem_alloc(f->mem, (size_t)size);
    if (f->places == NULL && t->count > 0) {
        return error_memory(err);
    }
    f->capacity = t->count;
    TRY(t->count == 0 ? OK : sealed_read(f->reader, t->size - size, f->places, (size_t)size, err));
    for (int64_t i = 0; i < t->count; i++) {
        const segment_place *p = &f->places[i];
        if (p->at < 0 || p->size < PACKED_HEAD || p->positions < 0 || p->at > t->size - size ||
            p->size > t->size - size - p->at || p->positions > t->size - size - p->at - p->size) {
            return image_corrupt("the place of a segment", err);
        }
    }
    return OK;
}

status
segment_file_open(segment_file **out, mem *m, vfs *fs, const char *directory,
                  const manifest_file *told, bool whole, error *err) {
    segment_file *f = NULL;
    if (told->count < 0 || told->number <= 0 ||
        told->size / (int64_t)sizeof(segment_place) < told->count) {
        return image_corrupt("the length of a file of rows", err);
    }
    TRY(new_file(&f, m, fs, directory, told, err));
    atomic_store(&f->is_kept, true);
    atomic_store(&f->is_synced, true);
    status s = sealed_open(&f->reader, m, fs, f->path, told->salt, told->size, err);
    s = s < 0 || !whole ? s : sealed_check(f->reader, err);
    s = s < 0 ? s : name_file(f, read_places(f, err), err);
    if (s < 0) {
        segment_file_release(f);
        return s;
    }
    *out = f;
    return OK;
}
