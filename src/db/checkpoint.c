/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.c - checkpoints made and kept; checkpoint_load.c loads them. See checkpoint.h.
 *
 * The state file holds, in this order: the instant, where random values stood, the state of the
 * database, its definitions (definitions.h), the versions of its pipelines, and the engine
 * (exec/preserve.h). Segments that lie in no file are written to the checkpoint's own (rows_file.h)
 * and are named by file and number from then on; so are those of files of which there are too many
 * of one size, so that a short interval does not make more and more of them.
 * Blocks of state lie in files of their own (checkpoint_blocks.h). */
#include "db/checkpoint.h"
#include "base/work.h"

#include "base/rng.h"
#include "db/checkpoint_blocks.h"
#include "db/durable_internal.h"
#include "db/paging.h"
#include "db/pipeline.h"
#include "db/rows_file.h"
#include "exec/preserve.h"
#include "store/sealed.h"

#define GENERATIONS 2 /* that hold what the log does not (D10) */

/* ---- the shelf of a new checkpoint: segments wait to be written */

typedef struct pending {
    segment *segment;
    int32_t  row_count;
} pending;

typedef struct making {
    laminar_database *db;
    durable          *d;
    table_shelf       shelf;
    block_writing     blocks;
    manifest          made;
    buf               state;
    pending          *segments;
    int32_t           segment_count, segment_capacity;
    segment_file    **open;          /* of made.files, those that segments lie in; or NULL */
    int64_t           file_capacity; /* of both */
    segment_file     *own;           /* that it writes */
    int64_t           last;          /* of made.files, which was asked for last */
    int64_t          *merged;        /* numbers of files that go into its own */
    int64_t           merged_count, merged_capacity;
} making;

static status
reserve_files(making *k, int64_t more, error *err) {
    manifest *m = &k->made;
    mem      *memory = k->db->mem;
    if (m->file_count + more <= k->file_capacity) {
        return OK;
    }
    const size_t   old = (size_t)k->file_capacity;
    const size_t   capacity = 2 * old + (size_t)more;
    manifest_file *files = mem_alloc(memory, sizeof(manifest_file) * capacity);
    segment_file **open = mem_alloc(memory, sizeof(segment_file *) * capacity);
    if (files == NULL || open == NULL) {
        mem_free(memory, files, sizeof(manifest_file) * capacity);
        mem_free(memory, open, sizeof(segment_file *) * capacity);
        return error_memory(err);
    }
    if (old > 0) {
        memcpy(files, m->files, sizeof(manifest_file) * old);
        memcpy(open, k->open, sizeof(segment_file *) * old);
    }
    mem_free(memory, m->files, sizeof(manifest_file) * old);
    mem_free(memory, k->open, sizeof(segment_file *) * old);
    m->files = files;
    k->open = open;
    k->file_capacity = (int64_t)capacity;
    return OK;
}

/* Of a file that no open segment tells of. */
static manifest_file
find_told(const checkpoints *all, int64_t number) {
    manifest_file found = {.kind = FILE_ROWS, .number = number};
    for (int32_t c = 0; c < all->count; c++) { /* `making` is held: nobody changes the list */
        for (int64_t i = 0; i < all->list[c].file_count; i++) {
            if (all->list[c].files[i].kind == FILE_ROWS && all->list[c].files[i].number == number) {
                found = all->list[c].files[i];
            }
        }
    }
    return found;
}

/* The checkpoint needs the file that a segment lies in. They are in order of their numbers, and
 * segments that follow one another are mostly in the same. */
static status
need_file(making *k, int64_t number, segment_file *open, error *err) {
    manifest *m = &k->made;
    if (k->last < m->file_count && m->files[k->last].number == number) {
        return OK;
    }
    const int64_t low = manifest_file_at(m->files, m->file_count, number);
    k->last = low;
    if (low < m->file_count && m->files[low].number == number) {
        return OK;
    }
    TRY(reserve_files(k, 8, err));
    const size_t behind = (size_t)(m->file_count - low);
    memmove(m->files + low + 1, m->files + low, sizeof(manifest_file) * behind);
    memmove(k->open + low + 1, k->open + low, sizeof(segment_file *) * behind);
    m->files[low] = open == NULL ? find_told(&k->d->checkpoints, number) : segment_file_told(open);
    k->open[low] = open == NULL ? NULL : segment_file_retain(open);
    assert(m->files[low].count > 0 ||
           number == m->id); /* a place is given when its checkpoint is enlisted */
    m->file_count++;
    return OK;
}

static bool
is_merged(const making *k, int64_t number) {
    for (int64_t i = 0; i < k->merged_count; i++) {
        if (k->merged[i] == number) {
            return true;
        }
    }
    return false;
}

static status
add_pending(making *k, segment *s, rows_place *at, error *err) {
    if (k->segment_count == k->segment_capacity) {
        const int32_t capacity = k->segment_capacity == 0 ? 64 : 2 * k->segment_capacity;
        pending      *grown =
            mem_resize(k->db->mem, k->segments, sizeof(pending) * (size_t)k->segment_capacity,
                       sizeof(pending) * (size_t)capacity);
        if (grown == NULL) {
            return error_memory(err);
        }
        k->segments = grown;
        k->segment_capacity = capacity;
    }
    TRY(need_file(k, k->made.id, NULL, err));
    *at = (rows_place){.file = (uint64_t)k->made.id, .number = k->segment_count};
    k->segments[k->segment_count++] = (pending){segment_retain(s), segment_rows(s)};
    return OK;
}

static status
shelve(void *context, segment *s, rows_place *at, error *err) {
    making *k = context;
    pages  *from;
    *at = segment_where(s, &from);
    segment_file *open = from == NULL ? NULL : segment_file_of(from);
    if (open != NULL && segment_file_told(open).number != (int64_t)at->file) {
        open = NULL; /* it is paged elsewhere, as a database in memory does */
    }
    const status done = at->file == 0 || is_merged(k, (int64_t)at->file)
                            ? add_pending(k, s, at, err)
                            : need_file(k, (int64_t)at->file, open, err);
    pages_release(from);
    return done;
}

/* ---- which files become one */

enum { FILES_OF_SIZE = 8, SIZE_CLASSES = 7 }; /* 64 KiB, times 4: .. 256 MiB */

static int32_t
size_class(int64_t size) {
    int32_t n = 0;
    while (n < SIZE_CLASSES && size > (int64_t)65536 << (2 * n)) {
        n++;
    }
    return n; /* SIZE_CLASSES: it stays as it is */
}

/* Of the newest checkpoint: when there are many of a size, they and all that are smaller. */
static status
choose_merged(making *k, error *err) {
    const checkpoints *all = &k->d->checkpoints;
    const manifest    *newest = all->count == 0 ? NULL : &all->list[all->count - 1];
    int32_t            counts[SIZE_CLASSES + 1] = {0};
    int32_t            up_to = -1;
    if (newest == NULL || newest->file_count < FILES_OF_SIZE) {
        return OK;
    }
    for (int64_t i = 0; i < newest->file_count; i++) {
        const int32_t size = size_class(newest->files[i].size);
        counts[size] += newest->files[i].kind == FILE_ROWS;
        if (counts[size] >= FILES_OF_SIZE && size < SIZE_CLASSES) {
            up_to = size > up_to ? size : up_to;
        }
    }
    if (up_to < 0) {
        return OK;
    }
    k->merged = mem_alloc(k->db->mem, sizeof(int64_t) * (size_t)newest->file_count);
    if (k->merged == NULL) {
        return error_memory(err);
    }
    k->merged_capacity = newest->file_count;
    for (int64_t i = 0; i < newest->file_count; i++) {
        if (newest->files[i].kind == FILE_ROWS && size_class(newest->files[i].size) <= up_to) {
            k->merged[k->merged_count++] = newest->files[i].number;
        }
    }
    return OK;
}

/* ---- taking the state, with the token */

static void
count_rows(making *k) {
    for (int32_t i = 0; i < catalog_count(k->db->catalog); i++) {
        const object *o = catalog_at(k->db->catalog, i);
        if (o->kind == OBJECT_SOURCE || o->kind == OBJECT_TABLE) {
            k->made.rows += table_live_count(source_table(o->impl));
        }
    }
}

/* What was shut down comes back as what it was, but that a pause has ended. */
static int32_t
state_of(const laminar_database *db) {
    const int32_t state = atomic_load(&db->state);
    const int32_t before = db->state_before_end;
    return state < DB_SHUTTING_DOWN ? state : before == DB_CREATED ? DB_CREATED : DB_RUNNING;
}

static status
take(making *k, error *err) {
    laminar_database *db = k->db;
    durable          *d = k->d;
    buf              *out = &k->state;
    k->shelf.blocks = &k->blocks.shelf;
    engine_keeping keeping = {.shelf = &k->shelf, .blocks = &k->blocks.shelf};
    arena          scratch;
    definitions_prune(&d->definitions, db);
    image_put_u32(out, STATE_VERSION);
    image_put_i64(out, clock_now_us(&db->clock.base));
    image_put_i64(out, (int64_t)atomic_load(&db->random.state));
    image_put_u32(out, (uint32_t)state_of(db));
    image_put_u32(out, (uint32_t)d->definitions.count);
    for (int32_t i = 0; i < d->definitions.count; i++) {
        image_put_text(out, d->definitions.items[i].item);
    }
    pipelines_put_versions(db, out);
    arena_init(&scratch, db->mem);
    status s = keep_pipelines(db, &scratch, &keeping, err);
    s = s < 0 ? s : engine_save(db->engine, &keeping, out, err);
    arena_fini(&scratch);
    s = s == OK && out->failed ? error_memory(err) : s;
    k->made.after = d->log == NULL ? 0 : wal_last(d->log); /* all of one moment (D12) */
    k->made.epoch = (int64_t)engine_sequence(db->engine);
    k->made.has_readers = engine_has_kept_logs(db->engine);
    d->has_said = false; /* the log is read from here on */
    count_rows(k);
    return s;
}

status
checkpoint_check_steady(const laminar_database *db, error *err) {
    const durable *d = db->durable;
    if (d->broken) {
        *err = d->fault;
        return d->fault.status;
    }
    TRY(engine_kept(db->engine, err));
    if (d->checkpoints.failed) {
        (void)error_set(err, ERR_CONNECTOR_FAILED, "an earlier checkpoint could not be synced");
        return error_hint(err, "open the database again: all that was acknowledged is there");
    }
    return d->definitions.is_incomplete ? error_memory(err) : OK;
}

/* DONE: there is nothing that the newest one does not hold. */
static status
take_with_token(making *k, bool always, error *err) {
    laminar_database *db = k->db;
    checkpoints      *all = &k->d->checkpoints;
    const int64_t     began_ns = clock_ticks_ns(&db->clock.base);
    engine_settle(db->engine);
    TRY(checkpoint_check_steady(db, err));
    const int64_t after = k->d->log == NULL ? 0 : wal_last(k->d->log);
    if (!always && after == all->seen_after &&
        (int64_t)engine_sequence(db->engine) == all->seen_epoch) {
        return DONE;
    }
    const status s = take(k, err);
    k->made.stall_us = (clock_ticks_ns(&db->clock.base) - began_ns) / 1000;
    return s;
}

/* ---- writing it, without the token */

static status
write_rows(making *k, manifest_file *file, error *err) {
    durable *d = k->d;
    TRY(segment_file_create(&k->own, k->db->mem, d->fs, d->directory, k->made.id, err));
    work_count *watched = work_aside(); /* how small rows become is not known before */
    status      s = OK;
    for (int32_t i = 0; s == OK && i < k->segment_count; i++) {
        s = segment_file_put(k->own, k->segments[i].segment, k->segments[i].row_count, err);
        work_back(watched);
        work_did(k->segments[i].segment->bytes);
        watched = work_aside();
    }
    s = segment_file_end(k->own, s, err);
    work_back(watched);
    *file = segment_file_told(k->own);
    k->made.bytes += file->size;
    return s < 0 ? s : segment_file_sync(k->own, err);
}

static status
write_state(making *k, const char *path, error *err) {
    sealed_writer *w = NULL;
    TRY(sealed_create(&w, k->db->mem, k->d->fs, path, k->made.state_salt, err));
    const status s = sealed_put(w, k->state.data, k->state.size, err);
    k->made.state_size = sealed_size(w);
    k->made.bytes += k->made.state_size;
    return sealed_end(w, s, err);
}

static status
write_blocks(making *k, buf *path, error *err) {
    const uint64_t salt = rng_seed_from_system();
    durable       *d = k->d;
    TRY(reserve_files(k, k->blocks.file_count + 1, err));
    const int32_t more = blocks_files(&k->blocks, k->made.files + k->made.file_count, salt);
    for (int32_t i = 0; i < more; i++) {
        k->open[k->made.file_count++] = NULL; /* behind those of rows */
    }
    k->made.bytes += k->blocks.size;
    TRY(manifest_path(d->directory, FILE_BLOCKS, k->made.id, path, err));
    const status s = blocks_write(&k->blocks, d->fs, path->data, salt, err);
    d->checkpoints.crowded = s == ERR_OUT_OF_MEMORY;
    return s;
}

static status
write_files(making *k, error *err) {
    durable *d = k->d;
    buf      path;
    buf_init(&path, k->db->mem, SIZE_MAX / 2);
    k->made.state_salt = rng_seed_from_system();
    work_expect(k->blocks.size + (int64_t)k->state.size);
    for (int32_t i = 0; i < k->segment_count; i++) {
        work_expect(k->segments[i].segment->bytes);
    }
    status s = write_blocks(k, &path, err); /* first: what changes meanwhile is kept twice */
    for (int64_t i = 0; s == OK && i < k->made.file_count; i++) {
        manifest_file *file = &k->made.files[i];
        if (file->kind == FILE_ROWS && file->number == k->made.id) {
            s = write_rows(k, file, err);
        } else if (k->open[i] != NULL) { /* written since the last one */
            s = segment_file_sync(k->open[i], err);
        }
    }
    s = s < 0 ? s : manifest_path(d->directory, FILE_STATE, k->made.id, &path, err);
    s = s < 0 ? s : write_state(k, path.data, err);
    buf_fini(&path);
    return s;
}

/* That of the rows goes with its last reference. */
static void
drop_files(const making *k) {
    static const file_kind kinds[] = {FILE_STATE, FILE_BLOCKS};
    error                  ignored;
    buf                    path;
    buf_init(&path, k->db->mem, SIZE_MAX / 2);
    for (int32_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (manifest_path(k->d->directory, kinds[i], k->made.id, &path, &ignored) == OK) {
            (void)k->d->fs->remove(k->d->fs, path.data, &ignored);
        }
    }
    buf_fini(&path);
}

/* ---- the list */

/* What two generations hold, the log need not have (D11), and of older ones go more than are to be
 * kept. */
static void
forget_old(durable *d) {
    checkpoints  *all = &d->checkpoints;
    const int64_t kept = max_i64(GENERATIONS, db_setting(d->db, SETTING_CHECKPOINT_RETENTION));
    error         ignored;
    while (all->count > kept) {
        if (manifest_remove(all->list, all->count, 0, d->db->mem, d->fs, d->directory, &ignored) <
            0) {
            break; /* the next one tries again */
        }
        mutex_lock(&all->lock);
        manifest_fini(&all->list[0], d->db->mem);
        memmove(all->list, all->list + 1, sizeof(manifest) * (size_t)(all->count - 1));
        all->count--;
        mutex_unlock(&all->lock);
    }
    const manifest *newest = &all->list[all->count - 1];
    const manifest *held = all->count >= GENERATIONS ? &all->list[all->count - GENERATIONS] : NULL;
    held = newest->floor == newest->id ? newest : held;
    if (d->log != NULL && held != NULL && !held->damaged) {
        if (wal_forget(d->log, held->after, &ignored) < 0) {
            return; /* the next one tries again */
        }
    }
}

static status
reserve_list(checkpoints *all, mem *m, error *err) {
    if (all->count < all->capacity) {
        return OK;
    }
    const int32_t capacity = all->capacity + GENERATIONS + 1;
    manifest     *grown = mem_resize(m, all->list, sizeof(manifest) * (size_t)all->capacity,
                                     sizeof(manifest) * (size_t)capacity);
    if (grown == NULL) {
        return error_memory(err);
    }
    all->list = grown;
    all->capacity = capacity;
    return OK;
}

/* A manifest has them, or may have them. */
static void
keep_files(const making *k) {
    for (int64_t i = 0; i < k->made.file_count; i++) {
        if (k->open[i] != NULL) {
            segment_file_keep(k->open[i]);
        }
    }
    if (k->own != NULL) {
        segment_file_keep(k->own);
    }
}

/* Where they were written they can be read: memory need not have them. In the file system of a
 * database in memory that would save none. */
static void
place_segments(const making *k) {
    for (int32_t i = 0; i < k->segment_count; i++) {
        segment         *s = k->segments[i].segment;
        const rows_place at = {.file = (uint64_t)k->made.id, .number = i};
        pages           *from = NULL;
        int32_t          rows, columns;
        text             positions;
        error            ignored;
        if (s->pager != NULL && k->d->owned == NULL &&
            segment_file_take(k->own, i, &from, &rows, &columns, &positions, &ignored) == OK) {
            segment_page(s, from, &at);
        } else {
            segment_set_place(s, &at);
        }
    }
}

static status
enlist(making *k, bool *is_doubtful, error *err) {
    checkpoints *all = &k->d->checkpoints;
    mem         *m = k->db->mem;
    manifest     own;
    TRY(manifest_copy(&own, &k->made, m, err)); /* of the length that it has */
    mutex_lock(&all->lock);
    status s = reserve_list(all, m, err);
    mutex_unlock(&all->lock);
    if (s == OK && k->d->log != NULL) { /* it does not hold what a power cut could take away */
        s = wal_commit(k->d->log, own.after, WAL_DURABLE, err);
    }
    s = s < 0 ? s : manifest_write(&own, m, k->d->fs, k->d->directory, is_doubtful, err);
    if (s < 0) {
        manifest_fini(&own, m);
        return s;
    }
    mutex_lock(&all->lock);
    all->list[all->count++] = own;
    mutex_unlock(&all->lock);
    keep_files(k);
    place_segments(k);
    all->seen_after = own.after;
    all->seen_epoch = own.epoch;
    if (k->d->log != NULL) {
        atomic_store(&all->log_base, wal_bytes(k->d->log));
    }
    forget_old(k->d);
    return OK;
}

/* ---- making one */

static status
begin(making *k, laminar_database *db, checkpoint_trigger trigger, error *err) {
    const checkpoints *all = &db->durable->checkpoints;
    *k = (making){.db = db,
                  .d = db->durable,
                  .made = {.id = all->next_id, .trigger = trigger, .floor = all->floor}};
    k->made.created_us = clock_now_us(&db->clock.base);
    k->shelf = (table_shelf){.context = k, .put = shelve};
    buf_init(&k->state, db->mem, SIZE_MAX / 2);
    const manifest *newest = all->count == 0 ? NULL : &all->list[all->count - 1];
    return blocks_begin(&k->blocks, db->mem, all->next_id, newest, err);
}

static void
finish(making *k, status how) {
    mem *m = k->db->mem;
    if (how < 0) {
        blocks_forget(&k->blocks);
    }
    for (int32_t i = 0; i < k->segment_count; i++) {
        segment_release(k->segments[i].segment);
    }
    mem_free(m, k->segments, sizeof(pending) * (size_t)k->segment_capacity);
    for (int64_t i = 0; i < k->made.file_count; i++) {
        segment_file_release(k->open[i]);
    }
    segment_file_release(k->own);
    blocks_fini(&k->blocks);
    mem_free(m, k->made.files, sizeof(manifest_file) * (size_t)k->file_capacity);
    mem_free(m, k->open, sizeof(segment_file *) * (size_t)k->file_capacity);
    mem_free(m, k->merged, sizeof(int64_t) * (size_t)k->merged_capacity);
    buf_fini(&k->state);
}

static status
write_all(making *k, int64_t began_ns, error *err) {
    status s = write_files(k, err);
    k->made.duration_us = (clock_ticks_ns(&k->db->clock.base) - began_ns) / 1000;
    bool is_doubtful = false;
    s = s < 0 ? s : enlist(k, &is_doubtful, err);
    k->d->checkpoints.failed |= is_doubtful;
    if (is_doubtful) {
        keep_files(k);
    }
    if (s < 0 && !is_doubtful) { /* nothing was written over, and nothing is left (D15) */
        drop_files(k);
    }
    return s;
}

/* Holding the token all the time when changes were not logged: what comes behind the checkpoint may
 * be logged again. And when the last one failed for want of memory for what changes meanwhile. */
static status
take_and_write(making *k, int64_t began_ns, error *err) {
    laminar_database *db = k->db;
    durable          *d = k->d;
    const bool        asked = k->made.trigger == CHECKPOINT_ASKED;
    TRY(choose_merged(k, err));
    TRY(db_enter_to_write(db, err));
    status s = db_await_start(db, err);
    s = s < 0 || k->made.trigger == CHECKPOINT_CLOSING ? s : db_writable(db, err);
    s = s < 0 ? s : db_refuse_in_transaction(db, "a checkpoint", err);
    s = s < 0 ? s : take_with_token(k, asked || d->unlogged, err);
    if (s == OK && (d->unlogged || d->checkpoints.crowded)) {
        k->made.floor = d->unlogged ? k->made.id : k->made.floor;
        s = write_all(k, began_ns, err);
        if (s == OK) {
            d->unlogged = false;
            d->checkpoints.floor = k->made.floor;
        }
        db_leave(db);
        return s;
    }
    db_leave(db);
    return s == OK ? write_all(k, began_ns, err) : s;
}

static const char *
what_is_lost(const laminar_database *db) {
    if (!db->kept) {
        return "the database goes on without it";
    }
    return durable_is_off(db->durable)
               ? "with durability = 'off' no log has what came since the last one: make room, and "
                 "make one before the database is closed"
               : "nothing is lost: the log has what it would have held";
}

static status
failed(const laminar_database *db, status s, error *err) {
    if (s == ERR_CONNECTOR_FAILED || s == ERR_OUT_OF_MEMORY) {
        const error why = *err;
        (void)error_set(err, ERR_CHECKPOINT_FAILED, "the checkpoint was not made: %.400s",
                        why.message);
        return error_hint(err, "%s", what_is_lost(db));
    }
    return s;
}

status
checkpoint_make(laminar_database *db, checkpoint_trigger trigger, int64_t *id, error *err) {
    durable      *d = db->durable;
    checkpoints  *all = &d->checkpoints;
    const int64_t began_ns = clock_ticks_ns(&db->clock.base);
    making        k;
    mutex_lock(&all->making);
    status s = begin(&k, db, trigger, err);
    s = s < 0 ? s : take_and_write(&k, began_ns, err);
    all->next_id += s == OK;
    finish(&k, s);
    mutex_unlock(&all->making);
    if (id != NULL) {
        *id = k.made.id;
    }
    return s < 0 ? failed(db, s, err) : OK;
}

status
checkpoint_write_now(laminar_database *db, checkpoint_trigger trigger, bool has_readers,
                     error *err) {
    durable      *d = db->durable;
    checkpoints  *all = &d->checkpoints;
    const int64_t began_ns = clock_ticks_ns(&db->clock.base);
    making        k;
    status        s = begin(&k, db, trigger, err);
    k.made.floor = k.made.id;
    s = s < 0 ? s : take(&k, err);
    k.made.has_readers = has_readers;
    k.made.stall_us = (clock_ticks_ns(&db->clock.base) - began_ns) / 1000;
    s = s < 0 ? s : write_all(&k, began_ns, err);
    if (s == OK) {
        all->next_id++;
        all->floor = k.made.id;
        d->unlogged = false;
    }
    finish(&k, s);
    return s;
}

bool
checkpoint_is_enabled(const laminar_database *db) {
    return db->durable != NULL && db_setting(db, SETTING_CHECKPOINT_INTERVAL_MS) != INT64_MIN;
}

/* ---- by themselves */

static int64_t
log_limit(const laminar_database *db) {
    return db_setting(db, SETTING_WAL_LIMIT_BYTES);
}

static bool
log_is_long(const durable *d) {
    return d->log != NULL &&
           wal_bytes(d->log) - atomic_load(&d->checkpoints.log_base) > log_limit(d->db);
}

enum { WORK_ENDS = -1, WORK_SPILLS = -2 }; /* else a checkpoint_trigger */

/* Sleeps until there is something to do; what for. */
static int32_t
await_work(durable *d, int64_t *due_ns) {
    checkpoints  *all = &d->checkpoints;
    engine_clock *c = &d->db->clock.base;
    for (;;) {
        const uint32_t seen = atomic_load(&all->word);
        const int64_t  every_ms = db_setting(d->db, SETTING_CHECKPOINT_INTERVAL_MS);
        const int64_t  now_ns = clock_ticks_ns(c);
        if (atomic_load(&all->ending)) {
            return WORK_ENDS;
        }
        if (atomic_exchange(&all->spills, false)) {
            return WORK_SPILLS;
        }
        if (log_is_long(d)) {
            return CHECKPOINT_LOG;
        }
        if (every_ms == INT64_MIN) {
            *due_ns = now_ns;
            (void)futex_wait(&all->word, seen, -1);
            continue;
        }
        const int64_t left_us = (*due_ns - now_ns) / 1000 + sat_mul_i64(every_ms, 1000);
        if (left_us <= 0) {
            return CHECKPOINT_INTERVAL;
        }
        (void)futex_wait(&all->word, seen, left_us);
    }
}

static void *
run_worker(void *context) {
    durable *d = context;
    int64_t  last_ns = clock_ticks_ns(&d->db->clock.base);
    for (int32_t what; (what = await_work(d, &last_ns)) != WORK_ENDS;) {
        error err = {.position = -1};
        if (what == WORK_SPILLS) {
            if (paging_write_old(d->db, &err) < 0 && !atomic_load(&d->checkpoints.ending)) {
                db_note_error(d->db, "spill", (text){NULL, 0}, 700, err.message);
            }
            continue;
        }
        last_ns = clock_ticks_ns(&d->db->clock.base);
        const status s = checkpoint_make(d->db, (checkpoint_trigger)what, NULL, &err);
        if (s < 0 && !atomic_load(&d->checkpoints.ending)) {
            db_note_error(d->db, "checkpoint", (text){NULL, 0}, -s, err.message);
            if (what == CHECKPOINT_LOG) { /* not again before it has grown as much again */
                atomic_store(&d->checkpoints.log_base, wal_bytes(d->log));
            }
        }
    }
    return NULL;
}

/* A thread, once there may be work for it. Without one there are no checkpoints but those asked
 * for.
 */
static void
start_worker(durable *d) {
    checkpoints *all = &d->checkpoints;
    error        ignored;
    mutex_lock(&all->lock);
    if (!all->has_worker && !atomic_load(&all->ending) && !d->db->deterministic) {
        all->has_worker =
            thread_start(&all->worker, "laminardb-checkpoint", run_worker, d, &ignored) == OK;
    }
    mutex_unlock(&all->lock);
}

static void
wake(checkpoints *all) {
    atomic_fetch_add(&all->word, 1);
    futex_wake_all(&all->word);
}

void
checkpoints_look(durable *d) {
    if (UNLIKELY(log_is_long(d))) {
        start_worker(d);
        wake(&d->checkpoints);
    }
}

void
checkpoints_wake_to_spill(durable *d) {
    atomic_store(&d->checkpoints.spills, true);
    start_worker(d);
    wake(&d->checkpoints);
}

void
checkpoints_started(durable *d) {
    if (checkpoint_is_enabled(d->db)) {
        start_worker(d);
        wake(&d->checkpoints);
    }
}

void
checkpoints_stop(durable *d) {
    checkpoints *all = &d->checkpoints;
    mutex_lock(&all->lock);
    const bool had_worker = all->has_worker;
    atomic_store(&all->ending, true);
    all->has_worker = false;
    mutex_unlock(&all->lock);
    if (had_worker) {
        wake(all);
        thread_join(&all->worker);
    }
}

status
checkpoints_open(durable *d, error *err) {
    checkpoints *all = &d->checkpoints;
    TRY(mutex_init(&all->making, err));
    const status s = mutex_init(&all->lock, err);
    if (s < 0) {
        mutex_fini(&all->making);
        return s;
    }
    mutex_set_level(&all->lock, LEVEL_LEAF);
    all->next_id = 1;
    all->is_open = true;
    return OK;
}

void
checkpoints_close(durable *d) {
    checkpoints *all = &d->checkpoints;
    if (all->is_open) {
        for (int32_t i = 0; i < all->count; i++) {
            manifest_fini(&all->list[i], d->db->mem);
        }
        mem_free(d->db->mem, all->list, sizeof(manifest) * (size_t)all->capacity);
        mutex_fini(&all->making);
        mutex_fini(&all->lock);
    }
}
