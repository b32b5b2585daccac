/* SPDX-License-Identifier: Apache-2.0 */
/* spill.c - see spill.h. A block is one or more images of rows (rows_image.h). */
#include "op/spill.h"

#include "base/hash.h"
#include "batch/rows_image.h"
#include "op/rows.h"

#define BLOCK_BYTES_MIN 4096
#define BLOCK_BYTES_MAX 65536
#define IMAGE_BYTES_MAX ((size_t)INT32_MAX)
#define UNIT_BYTES_MIN 65536

void
spill_place_init(spill_place *p, vfs *fs, const mem *account) {
    p->fs = fs;
    p->account = account;
    atomic_init(&p->directory, NULL);
    atomic_init(&p->bytes_limit, INT64_MAX);
    atomic_init(&p->bytes_used, 0);
    atomic_init(&p->bytes_written, 0);
}

/* ---- when */

bool
spill_is_possible(const op_env *env) {
    const spill_place *p = env->spill;
    return p != NULL && atomic_load(&p->account->bytes_limit) != INT64_MAX &&
           atomic_load(&p->directory) != NULL;
}

int64_t
spill_bytes_used(const op_env *env) {
    return env->spill == NULL ? 0 : atomic_load(&env->spill->account->bytes_used);
}

/* What the query may take: not the rest of the limit that is kept for small ones. */
static int64_t
room_of(const op_env *env) {
    return max_i64(mem_limit_of_children(env->spill->account) - env->spill_base, 0);
}

int64_t
spill_unit(const op_env *env) {
    return max_i64(room_of(env) / 16, UNIT_BYTES_MIN);
}

bool
spill_wanted(const op_env *env, int64_t base, int64_t more) {
    if (!spill_is_possible(env)) {
        return false;
    }
    const int64_t after = sat_add_i64(spill_bytes_used(env), more);
    return after - env->spill_base > room_of(env) / 4 && after - base > spill_unit(env);
}

/* ---- files */

/* What the disk said, as a fault of the query. */
static status
failed(const spill_place *p, status s, error *err) {
    if (s != ERR_CONNECTOR_FAILED || err == NULL) {
        return s;
    }
    error found = *err;
    error_set(err, ERR_QUERY_FAILED, "no room in memory, and %.400s", found.message);
    const text *directory = atomic_load(&p->directory);
    error_hint(err, "raise memory_limit, or SET temp_directory to a folder with room%s%.*s%s",
               directory == NULL ? "" : " (it is \"", directory == NULL ? 0 : (int)directory->size,
               directory == NULL ? "" : directory->data, directory == NULL ? "" : "\")");
    return ERR_QUERY_FAILED;
}

static status
open_file(spill_file *f, error *err) {
    spill_place *p = f->owner->env->spill;
    const text  *directory = atomic_load(&p->directory);
    if (f->file != NULL) {
        return OK;
    }
    if (directory == NULL) { /* since it was asked for */
        return error_memory(err);
    }
    const uint32_t flags = VFS_READ | VFS_WRITE | VFS_PRIVATE | VFS_TEMPORARY;
    return failed(p, p->fs->open(p->fs, &f->file, directory->data, flags, err), err);
}

void
spill_file_close(spill_file *f) {
    if (f->file == NULL) {
        return;
    }
    spill_place *p = f->owner->env->spill;
    const status s = p->fs->close(f->file, NULL);
    (void)s; /* nobody will read it */
    atomic_fetch_sub(&p->bytes_used, f->end);
    f->file = NULL;
    f->end = 0;
}

/* Room for `bytes` more in all files together. */
static status
claim(spill_place *p, int64_t bytes, error *err) {
    const int64_t limit = atomic_load(&p->bytes_limit);
    const int64_t before = atomic_fetch_add(&p->bytes_used, bytes);
    if (before <= limit - bytes) {
        return OK;
    }
    atomic_fetch_sub(&p->bytes_used, bytes);
    error_set(err, ERR_QUERY_FAILED,
              "no room in memory, and temporary files would hold more than %lld bytes",
              (long long)limit);
    error_hint(err, "raise max_temp_directory_size or memory_limit");
    return ERR_QUERY_FAILED;
}

static status
write_block(spill_file *f, const void *data, size_t bytes, error *err) {
    spill_place *p = f->owner->env->spill;
    TRY(op_poll(f->owner, err));
    TRY(open_file(f, err));
    TRY(claim(p, (int64_t)bytes, err));
    const int64_t offset = f->end;
    f->end += (int64_t)bytes;
    TRY(failed(p, p->fs->write(f->file, offset, data, bytes, err), err));
    atomic_fetch_add(&p->bytes_written, (int64_t)bytes);
    f->owner->spilled_bytes += (int64_t)bytes;
    return OK;
}

/* ---- rows, out */

void
spill_rows_init(spill_rows *s, spill_file *to) {
    /* A set holds twice as many of them as it has parts. */
    const int64_t block = min_i64(spill_unit(to->owner->env) / 64, BLOCK_BYTES_MAX);
    *s = (spill_rows){.to = to, .block_bytes = max_i64(block, BLOCK_BYTES_MIN)};
    buf_init(&s->pending, to->owner->env->mem, IMAGE_BYTES_MAX);
}

void
spill_rows_fini(spill_rows *s) {
    if (s->to == NULL) {
        return;
    }
    buf_fini(&s->pending);
    mem_free(s->to->owner->env->mem, s->blocks, sizeof(*s->blocks) * (size_t)s->capacity);
    *s = (spill_rows){.to = NULL};
}

static status
flush(spill_rows *s, error *err) {
    mem         *m = s->to->owner->env->mem;
    const buf   *b = &s->pending;
    const size_t width = sizeof(*s->blocks);
    if (b->failed) {
        return error_memory(err);
    }
    if (b->size == 0) {
        return OK;
    }
    if (s->count == s->capacity) {
        const int32_t grown = s->capacity == 0 ? 4 : s->capacity * 2;
        void *blocks = mem_resize(m, s->blocks, width * (size_t)s->capacity, width * (size_t)grown);
        if (blocks == NULL) {
            return error_memory(err);
        }
        s->blocks = blocks;
        s->capacity = grown;
    }
    const spill_block block = {
        .offset = s->to->end, .hash = hash_bytes(b->data, b->size), .bytes = b->size};
    TRY(write_block(s->to, b->data, b->size, err));
    s->blocks[s->count++] = block;
    s->bytes += (int64_t)b->size;
    buf_clear(&s->pending);
    return OK;
}

static status
flush_full(spill_rows *s, error *err) {
    const bool full = s->pending.failed || (int64_t)s->pending.size >= s->block_bytes;
    return full ? flush(s, err) : OK;
}

/* Bytes of a row, about. */
static int64_t
row_bytes(const delta *rows) {
    int64_t bytes = 16;
    int64_t texts = 0;
    for (int32_t i = 0; i < rows->column_count; i++) {
        bytes += 1 + (int64_t)type_width(rows->columns[i].type);
        texts += column_text_bytes(&rows->columns[i], rows->row_count);
    }
    return bytes + texts / rows->row_count;
}

status
spill_rows_add(spill_rows *s, const delta *rows, error *err) {
    arena        *scratch = s->to->owner->env->scratch;
    const int64_t fit = max_i64(s->block_bytes / row_bytes(rows), 1);
    const int32_t step = (int32_t)min_i64(fit, BATCH_ROWS);
    s->rows += rows->row_count;
    if (rows->row_count <= step) {
        rows_image_put(&s->pending, rows);
        return flush_full(s, err);
    }
    for (int32_t first = 0; first < rows->row_count; first += step) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    count = (int32_t)min_i64(step, rows->row_count - first);
        int32_t         *picked = arena_alloc(scratch, sizeof(*picked) * (size_t)count);
        delta            piece;
        if (picked == NULL) {
            return error_memory(err);
        }
        for (int32_t i = 0; i < count; i++) {
            picked[i] = first + i;
        }
        TRY(delta_gather(&piece, rows, picked, count, scratch, err));
        rows_image_put(&s->pending, &piece);
        arena_rewind(scratch, mark);
        TRY(flush_full(s, err));
    }
    return OK;
}

status
spill_rows_end(spill_rows *s, error *err) {
    TRY(flush(s, err));
    buf_fini(&s->pending);
    buf_init(&s->pending, s->to->owner->env->mem, IMAGE_BYTES_MAX);
    return OK;
}

/* ---- rows, in */

status
spill_reader_open(spill_reader *r, const spill_rows *from, const schema *s, arena *a, error *err) {
    *r = (spill_reader){.from = from};
    data_type *types = schema_types(s, a);
    r->columns = arena_alloc(a, sizeof(column) * (size_t)(s->count + 1));
    r->weights = arena_alloc(a, sizeof(int64_t) * BATCH_ROWS);
    if (types == NULL || r->columns == NULL || r->weights == NULL) {
        return error_memory(err);
    }
    return builder_init(&r->rows, from->to->owner->env->mem, types, s->count, err);
}

void
spill_reader_close(spill_reader *r) {
    if (r->from == NULL) {
        return;
    }
    builder_fini(&r->rows);
    mem_free(r->from->to->owner->env->mem, r->block, r->block_room);
    *r = (spill_reader){.from = NULL};
}

static status
read_block(spill_reader *r, error *err) {
    const op          *owner = r->from->to->owner;
    const spill_block *b = &r->from->blocks[r->next++];
    vfs_file          *file = r->from->to->file;
    size_t             size_read;
    TRY(op_poll(owner, err));
    if (b->bytes > r->block_room) {
        void *room = mem_resize(owner->env->mem, r->block, r->block_room, b->bytes);
        if (room == NULL) {
            return error_memory(err);
        }
        r->block = room;
        r->block_room = b->bytes;
    }
    TRY(failed(owner->env->spill,
               file->fs->read(file, b->offset, r->block, b->bytes, &size_read, err), err));
    if (size_read != b->bytes || hash_bytes(r->block, b->bytes) != b->hash) {
        error_set(err, ERR_QUERY_FAILED, "a temporary file did not keep what was written to it");
        error_hint(err, "the disk behind temp_directory is failing: SET it to another one");
        return ERR_QUERY_FAILED;
    }
    r->at = (image_reader){.at = r->block, .left = b->bytes};
    return OK;
}

/* One more image behind the rows that are there. */
static status
take_image(spill_reader *r, int32_t *count, bool *weighted, error *err) {
    arena           *scratch = r->from->to->owner->env->scratch;
    const arena_mark mark = arena_save(scratch);
    const int32_t    before = *count;
    int64_t         *weights;
    uint32_t         rows;
    image_reader     peek = r->at;
    TRY(image_take_u32(&peek, &rows, err));
    TRY(rows_image_take(&r->at, &r->rows, &weights, scratch, err));
    *count += (int32_t)rows;
    for (int32_t i = before; i < *count; i++) {
        r->weights[i] = weights == NULL ? 1 : weights[i - before];
        *weighted |= r->weights[i] != 1;
    }
    arena_rewind(scratch, mark);
    return OK;
}

/* Would the next image fit behind `count` rows? */
static bool
fits(const spill_reader *r, int32_t count) {
    uint32_t rows;
    if (r->at.left < sizeof(rows)) {
        return false;
    }
    memcpy(&rows, r->at.at, sizeof(rows));
    return rows <= (uint32_t)(BATCH_ROWS - count);
}

status
spill_reader_next(spill_reader *r, delta *out, error *err) {
    *out = (delta){.row_count = 0};
    if (r->at.left == 0 && r->next == r->from->count) {
        return OK;
    }
    if (r->at.left == 0) {
        TRY(read_block(r, err));
    }
    builder_truncate(&r->rows, 0);
    int32_t count = 0;
    bool    weighted = false;
    while (fits(r, count)) {
        TRY(take_image(r, &count, &weighted, err));
    }
    builder_view(&r->rows, r->columns, out);
    out->row_count = count;
    out->weight = weighted ? r->weights : NULL;
    return OK;
}

status
spill_rows_read(const spill_rows *from, const schema *rows_schema, spill_take *take, void *context,
                error *err) {
    arena           *scratch = from->to->owner->env->scratch;
    const arena_mark mark = arena_save(scratch);
    spill_reader     r;
    status           s = spill_reader_open(&r, from, rows_schema, scratch, err);
    while (s == OK) {
        const arena_mark inner = arena_save(scratch);
        delta            rows;
        s = spill_reader_next(&r, &rows, err);
        if (s < 0 || rows.row_count == 0) {
            break;
        }
        s = take(context, &rows, err);
        arena_rewind(scratch, inner);
    }
    spill_reader_close(&r);
    arena_rewind(scratch, mark);
    return s;
}

/* ---- sets */

void
spill_set_init(spill_set *s, op *owner) {
    *s = (spill_set){.file = {.owner = owner}};
}

void
spill_part_free(const spill_set *s, spill_part *p) {
    spill_rows_fini(&p->sides[0]);
    spill_rows_fini(&p->sides[1]);
    mem_free(s->file.owner->env->mem, p, sizeof(*p));
}

status
spill_part_read(const spill_set *set, const spill_part *p, int32_t side, spill_take *take,
                void *context, error *err) {
    const schema *rows = set->file.owner->spec->input[side];
    return spill_rows_read(&p->sides[side], rows, take, context, err);
}

void
spill_set_close(spill_set *s) {
    for (int32_t i = 0; i < SPILL_PARTS && s->file.owner != NULL; i++) {
        if (s->parts[i] != NULL) {
            spill_part_free(s, s->parts[i]);
        }
    }
    while (s->waiting != NULL) {
        spill_part *p = s->waiting;
        s->waiting = p->next;
        spill_part_free(s, p);
    }
    spill_file_close(&s->file);
}

void
spill_set_count(spill_set *s) {
    s->base = spill_bytes_used(s->file.owner->env);
    s->based = true;
}

bool
spill_set_presses(spill_set *s, int64_t more) {
    const op_env *env = s->file.owner->env;
    if (LIKELY(!spill_is_possible(env)) || s->open || s->level >= SPILL_LEVEL_MAX ||
        s->file.owner->spec->in_memory) {
        return false;
    }
    return spill_wanted(env, s->based ? s->base : env->spill_base, more);
}

status
spill_set_begin(spill_set *s, error *err) {
    mem *m = s->file.owner->env->mem;
    assert(!s->open);
    for (int32_t i = 0; i < SPILL_PARTS; i++) {
        spill_part *p = mem_alloc_zero(m, sizeof(*p));
        if (p == NULL) {
            return error_memory(err);
        }
        p->level = s->level;
        spill_rows_init(&p->sides[0], &s->file);
        spill_rows_init(&p->sides[1], &s->file);
        s->parts[i] = p;
    }
    s->open = true;
    return OK;
}

/* Hashes differ in all bits; each level looks at others, and none at those of the hash tables. */
static int32_t
part_of(uint64_t hash, int32_t level) {
    return (int32_t)(hash_combine(hash, (uint64_t)level + 1) >> 32 & (SPILL_PARTS - 1));
}

/* Row numbers by their parts: those of part i lie in rows[ends[i - 1] .. ends[i]). */
static void
deal(const uint64_t *hashes, int32_t count, int32_t level, int32_t *rows, int32_t *ends) {
    int32_t at[SPILL_PARTS] = {0};
    for (int32_t i = 0; i < count; i++) {
        at[part_of(hashes[i], level)]++;
    }
    int32_t sum = 0;
    for (int32_t p = 0; p < SPILL_PARTS; p++) {
        const int32_t of_part = at[p];
        at[p] = sum;
        sum += of_part;
        ends[p] = sum;
    }
    for (int32_t i = 0; i < count; i++) {
        rows[at[part_of(hashes[i], level)]++] = i;
    }
}

status
spill_set_add(spill_set *s, int32_t side, const delta *rows, const column *keys, int32_t key_count,
              error *err) {
    arena           *scratch = s->file.owner->env->scratch;
    const arena_mark mark = arena_save(scratch);
    const size_t     count = (size_t)rows->row_count;
    uint64_t        *hashes = arena_alloc(scratch, count * sizeof(*hashes));
    int32_t         *picked = arena_alloc(scratch, count * sizeof(*picked));
    int32_t          ends[SPILL_PARTS];
    if (hashes == NULL || picked == NULL) {
        return error_memory(err);
    }
    hash_columns(hashes, keys, key_count, rows->row_count);
    deal(hashes, rows->row_count, s->level, picked, ends);
    for (int32_t p = 0, first = 0; p < SPILL_PARTS; first = ends[p++]) {
        const arena_mark inner = arena_save(scratch);
        delta            own;
        if (ends[p] == first) {
            continue;
        }
        TRY(delta_gather(&own, rows, picked + first, ends[p] - first, scratch, err));
        TRY(spill_rows_add(&s->parts[p]->sides[side], &own, err));
        arena_rewind(scratch, inner);
    }
    arena_rewind(scratch, mark);
    return OK;
}

/* What is open waits from now on. */
static status
end_open(spill_set *s, error *err) {
    for (int32_t i = 0; i < SPILL_PARTS; i++) {
        spill_part *p = s->parts[i];
        TRY(spill_rows_end(&p->sides[0], err));
        TRY(spill_rows_end(&p->sides[1], err));
    }
    for (int32_t i = SPILL_PARTS - 1; i >= 0; i--) {
        spill_part *p = s->parts[i];
        s->parts[i] = NULL;
        if (p->sides[0].rows + p->sides[1].rows == 0) {
            spill_part_free(s, p);
            continue;
        }
        p->next = s->waiting;
        s->waiting = p;
    }
    s->open = false;
    return OK;
}

status
spill_set_next(spill_set *s, spill_part **out, error *err) {
    if (s->open) {
        TRY(end_open(s, err));
    }
    *out = s->waiting;
    if (*out != NULL) {
        s->waiting = (*out)->next;
        s->level = (*out)->level + 1;
    }
    return OK;
}
