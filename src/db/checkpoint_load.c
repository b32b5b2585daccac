/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint_load.c - a database as its newest checkpoint has it.
 *
 * All files of a checkpoint are checked before any of it is used; a damaged one leaves the work to
 * the one before it, for which the log was kept, and is told in laminar.errors. When change logs
 * had readers the older one is taken in any case: the log makes the changes between the two again,
 * for readers that come back with a position. */
#include "base/work.h"
#include "db/durable_internal.h"
#include "db/pipeline.h"
#include "db/rows_file.h"
#include "exec/preserve.h"
#include "store/sealed.h"

/* ---- files of rows and blocks */

typedef struct loading {
    laminar_database *db;
    durable          *d;
    const manifest   *from;
    int64_t           rows_count; /* files of rows: the first ones of the manifest */
    segment_file    **files;      /* these */
    int64_t           last;       /* that was asked for last */
    sealed_reader   **blocks;     /* and the others */
} loading;

static status
take_block(void *context, const block_place *at, void *to, size_t size, error *err) {
    const loading  *l = context;
    const manifest *m = l->from;
    for (int64_t i = l->rows_count; i < m->file_count; i++) {
        if (m->files[i].number == (int64_t)at->file) {
            return sealed_read(l->blocks[i - l->rows_count], at->at, to, size, err);
        }
    }
    return image_corrupt("a block of state in no file", err);
}

static status
fetch(void *context, const rows_place *at, pages **out, int32_t *row_count, int32_t *column_count,
      text *positions, error *err) {
    loading        *l = context;
    const manifest *m = l->from;
    if (l->last >= l->rows_count || m->files[l->last].number != (int64_t)at->file) {
        const int64_t low = manifest_file_at(m->files, l->rows_count, (int64_t)at->file);
        if (low == l->rows_count || m->files[low].number != (int64_t)at->file) {
            return image_corrupt("a segment in no file", err);
        }
        l->last = low;
    }
    return segment_file_take(l->files[l->last], at->number, out, row_count, column_count, positions,
                             err);
}

static void
close_files(loading *l) {
    const int64_t blocks = l->from->file_count - l->rows_count;
    for (int64_t i = 0; l->files != NULL && i < l->rows_count; i++) {
        segment_file_release(l->files[i]);
    }
    for (int64_t i = 0; l->blocks != NULL && i < blocks; i++) {
        sealed_close(l->blocks[i]);
    }
    mem_free(l->db->mem, l->files, sizeof(segment_file *) * (size_t)(l->rows_count + 1));
    mem_free(l->db->mem, l->blocks, sizeof(sealed_reader *) * (size_t)(blocks + 1));
}

/* ---- the files of one checkpoint, all of them sound */

static status
read_state(const loading *l, buf *state, error *err) {
    const manifest *m = l->from;
    sealed_reader  *r = NULL;
    char           *to = NULL;
    buf             path;
    if (m->state_size < 0) {
        return image_corrupt("the length of a state", err);
    }
    buf_init(&path, l->db->mem, SIZE_MAX / 2);
    status s = manifest_path(l->d->directory, FILE_STATE, m->id, &path, err);
    s = s < 0 ? s
              : sealed_open(&r, l->db->mem, l->d->fs, path.data, m->state_salt, m->state_size, err);
    s = s < 0 || buf_room(state, (size_t)m->state_size, &to) ? s : error_memory(err);
    s = s < 0 ? s : sealed_read(r, 0, to, (size_t)m->state_size, err);
    sealed_close(r);
    buf_fini(&path);
    return s;
}

#define CHECKED_BYTES ((int64_t)64 << 20) /* of rows, that are read at opening in any case */

/* What another checkpoint does not mend need not be found when the database is opened: whoever
 * comes to the rows is told. */
static bool
is_checked(const loading *l, int64_t number) {
    const checkpoints *all = &l->d->checkpoints;
    int64_t            total = 0;
    for (int64_t i = 0; i < l->from->file_count; i++) {
        total += l->from->files[i].size;
    }
    for (int32_t c = 0; total > CHECKED_BYTES && c < all->count; c++) {
        const manifest *m = &all->list[c];
        for (int64_t i = 0; m->id != l->from->id && i < m->file_count; i++) {
            if (m->files[i].kind == FILE_ROWS && m->files[i].number == number) {
                return false;
            }
        }
    }
    return true;
}

/* Blocks are checked, read where they are needed, and then looked at: see circuit_load. */
static void
expect_reading(const loading *l) {
    const manifest *m = l->from;
    int64_t         bytes = m->state_size;
    for (int64_t i = 0; work_watched() && i < m->file_count; i++) {
        const manifest_file *f = &m->files[i];
        bytes += f->kind == FILE_BLOCKS     ? f->size + f->live + f->live * 3 / 2
                 : is_checked(l, f->number) ? f->size
                                            : 0;
    }
    work_expect(bytes);
}

static status
open_blocks(loading *l, error *err) {
    const manifest *m = l->from;
    buf             path;
    status          s = OK;
    buf_init(&path, l->db->mem, SIZE_MAX / 2);
    for (int64_t i = l->rows_count; s == OK && i < m->file_count; i++) {
        const manifest_file *f = &m->files[i];
        sealed_reader      **out = &l->blocks[i - l->rows_count];
        s = manifest_path(l->d->directory, FILE_BLOCKS, f->number, &path, err);
        s = s < 0 ? s : sealed_open(out, l->db->mem, l->d->fs, path.data, f->salt, f->size, err);
        s = s < 0 ? s : sealed_check(*out, err);
    }
    buf_fini(&path);
    return s;
}

static status
open_all(loading *l, buf *state, error *err) {
    const manifest *m = l->from;
    TRY(manifest_readable(m, l->d->directory, err));
    expect_reading(l);
    TRY(read_state(l, state, err));
    while (l->rows_count < m->file_count && m->files[l->rows_count].kind == FILE_ROWS) {
        l->rows_count++;
    }
    const size_t blocks = (size_t)(m->file_count - l->rows_count);
    l->files = mem_alloc_zero(l->db->mem, sizeof(segment_file *) * (size_t)(l->rows_count + 1));
    l->blocks = mem_alloc_zero(l->db->mem, sizeof(sealed_reader *) * (blocks + 1));
    if (l->files == NULL || l->blocks == NULL) {
        return error_memory(err);
    }
    for (int64_t i = 0; i < l->rows_count; i++) {
        if (i > 0 && m->files[i].number <= m->files[i - 1].number) {
            return image_corrupt("files of rows out of order", err);
        }
        TRY(segment_file_open(&l->files[i], l->db->mem, l->d->fs, l->d->directory, &m->files[i],
                              is_checked(l, m->files[i].number), err));
    }
    return open_blocks(l, err);
}

/* ---- its state */

static status
take_definitions(const loading *l, image_reader *in, error *err) {
    uint32_t count;
    TRY(image_take_u32(in, &count, err));
    for (uint32_t i = 0; i < count; i++) {
        text item;
        TRY(image_take_text(in, &item, err));
        TRY(durable_run_items(l->db, item, err));
    }
    return OK;
}

status
keep_pipelines(laminar_database *db, arena *a, engine_keeping *k, error *err) {
    int32_t n = 0;
    for (const db_pipeline *p = db->pipelines; p != NULL; p = p->next) {
        n++;
    }
    kept_pipeline *list = arena_alloc(a, sizeof(kept_pipeline) * (size_t)(n + 1));
    if (list == NULL) {
        return error_memory(err);
    }
    for (const db_pipeline *p = db->pipelines; p != NULL; p = p->next) {
        list[k->pipeline_count++] = (kept_pipeline){p->name, p->impl};
    }
    k->pipelines = list;
    return OK;
}

static status
take_engine(loading *l, uint32_t version, image_reader *in, error *err) {
    const block_shelf blocks = {.context = l, .take = take_block};
    const table_shelf shelf = {.context = l,
                               .take = fetch,
                               .loads = l->d->owned != NULL,
                               .blocks = &blocks,
                               .one_by_one = version == STATE_VERSION_LEAST};

    engine_keeping keeping = {.shelf = &shelf, .blocks = &blocks};
    arena          scratch;
    arena_init(&scratch, l->db->mem);
    status s = keep_pipelines(l->db, &scratch, &keeping, err);
    s = s < 0 ? s : engine_load(l->db->engine, &keeping, in, err);
    arena_fini(&scratch);
    return s == OK && in->left > 0 ? image_corrupt("it is longer than it should be", err) : s;
}

/* What is filled anew: queries of sinks. */
static status
start_rest(laminar_database *db, int32_t state, error *err) {
    if (state != DB_RUNNING && state != DB_PAUSED) {
        return state == DB_CREATED ? OK : image_corrupt("the state of a database", err);
    }
    atomic_store(&db->state, state);
    TRY(db_enter(db, err));
    const status s = db_start_pipeline(db, NULL, err);
    db_leave(db);
    return s;
}

static status
take_state(loading *l, image_reader *in, error *err) {
    uint32_t version, state;
    int64_t  now_us, random;
    TRY(image_take_u32(in, &version, err));
    if (version < STATE_VERSION_LEAST || version > STATE_VERSION) {
        (void)error_set(err, ERR_CORRUPTION, "\"%s\" was written in format %u, and this is %d",
                        l->d->directory, version, STATE_VERSION);
        return error_hint(err, "open it with the version of laminardb that wrote it");
    }
    TRY(image_take_i64(in, &now_us, err));
    TRY(image_take_i64(in, &random, err));
    TRY(image_take_u32(in, &state, err));
    TRY(take_definitions(l, in, err));
    TRY(pipelines_take_versions(l->db, in, err));
    if (db_clock_is_stepped(l->db) && now_us > clock_now_us(&l->db->clock.base)) {
        TRY(db_go_to(l->db, now_us, err));
    }
    atomic_store(&l->db->random.state, (uint64_t)random);
    TRY(take_engine(l, version, in, err));
    return start_rest(l->db, (int32_t)state, err);
}

/* *sound: its files were, so that what failed is not for another checkpoint to mend. */
static status
load_one(durable *d, const manifest *from, bool *sound, error *err) {
    loading l = {.db = d->db, .d = d, .from = from};
    buf     state;
    buf_init(&state, d->db->mem, SIZE_MAX / 2);
    status s = open_all(&l, &state, err);
    *sound = s == OK;
    if (s == OK) {
        image_reader in = {.at = state.data, .left = state.size};
        s = take_state(&l, &in, err);
    }
    buf_fini(&state);
    close_files(&l);
    return s;
}

status
checkpoint_load_one(durable *d, const manifest *from, error *err) {
    bool ignored;
    return load_one(d, from, &ignored, err);
}

/* ---- which one */

/* Of the list, by preference: the next one to try after `tried` were; -1: none. */
static int32_t
candidate(const checkpoints *all, int32_t tried) {
    const int32_t last = all->count - 1;
    const bool    older = last > 0 && all->list[last].has_readers != 0 &&
                       all->list[last - 1].id >= all->list[last].floor;
    int32_t at = last - tried;
    if (older && tried < 2) {
        at = tried == 0 ? last - 1 : last;
    }
    return at < 0 || (!all->list[last].damaged && all->list[at].id < all->list[last].floor) ? -1
                                                                                            : at;
}

/* *used NULL: none can be used, and the log may have it all; see fault. */
static status
load_best(durable *d, const manifest **used, error *err) {
    checkpoints *all = &d->checkpoints;
    int32_t      at;
    *used = NULL;
    for (int32_t tried = 0; (at = candidate(all, tried)) >= 0; tried++) {
        error        why = {.position = -1};
        bool         sound = false;
        const status s = load_one(d, &all->list[at], &sound, &why);
        if (s == OK) {
            *used = &all->list[at];
            all->fault.status = OK;
            return OK;
        }
        if (sound || s == ERR_OUT_OF_MEMORY) {
            *err = why;
            return s;
        }
        all->fault = all->fault.status == OK ? why : all->fault;
        db_note_error(d->db, "checkpoint", (text){NULL, 0}, 702, why.message);
    }
    /* The log before a restore tells of what that undid. */
    const manifest *newest = all->count == 0 ? NULL : &all->list[all->count - 1];
    if (newest != NULL && !newest->damaged && newest->floor > 0) {
        *err = all->fault;
        return all->fault.status;
    }
    return OK;
}

status
checkpoints_load(durable *d, int64_t *after, error *err) {
    checkpoints    *all = &d->checkpoints;
    const manifest *used = NULL;
    TRY(manifests_read(&all->list, &all->count, &all->next_id, d->db->mem, d->fs, d->directory,
                       err));
    all->capacity = all->count;
    const manifest *newest = all->count == 0 ? NULL : &all->list[all->count - 1];
    engine_keep_logs(d->db->engine, newest == NULL || newest->damaged || newest->has_readers != 0);
    const int32_t first = candidate(all, 0);
    all->log_bytes =
        wal_expect(d->db->mem, d->fs, d->directory, first < 0 ? 0 : all->list[first].after);
    TRY(load_best(d, &used, err));
    *after = used == NULL ? 0 : used->after;
    all->floor = newest == NULL ? 0 : newest->floor;
    all->loaded = used == NULL ? 0 : used->id;
    if (used != NULL && used == newest) {
        all->seen_after = used->after;
        all->seen_epoch = used->epoch;
    }
    return OK;
}
