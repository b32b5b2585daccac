/* SPDX-License-Identifier: Apache-2.0 */
/* paging.c - see paging.h. Segments are chosen with the token. What is written is the same whoever
 * writes it, so a checkpoint that meets a segment on its way to another file does no harm: the
 * file that is done last is where it is read from. */
#include "db/paging.h"

#include "db/durable_internal.h"
#include "db/rows_file.h"
#include "exec/engine.h"
#include "op/spill.h"

enum { WRITTEN_AT_ONCE = 512 }; /* segments of one file */

#define LOOK_BYTES ((int64_t)8 << 20)  /* more in no file, before tables are looked at again */
#define LEAST_BYTES ((int64_t)1 << 20) /* less is not worth a file */
#define RETRY_NS 1000000000            /* after the disk refused */

struct paging {
    pager          *pager;
    _Atomic int64_t next_number; /* 0: not known yet */
    int64_t         looked_at;   /* bytes in no file */
    int64_t         refused_ns;  /* 0: it was not; with the token */
};

typedef struct chosen {
    segment *segments[WRITTEN_AT_ONCE];
    int32_t  count;
    int64_t  bytes;
} chosen;

/* ---- choosing, with the token */

static int64_t
rows_over(const laminar_database *db, const table *t) {
    const int64_t threshold = db_setting(db, SETTING_TABLE_SPILL_THRESHOLD);
    return table_unpaged_rows(t) - threshold;
}

/* The oldest of the table, to so many rows and bytes. */
static void
choose_of(chosen *c, const table *t, int64_t rows, int64_t bytes) {
    const int32_t first = c->count;
    c->count += table_unpaged(t, c->segments + first, WRITTEN_AT_ONCE - first);
    int32_t kept = first;
    for (int32_t i = first; i < c->count; i++) {
        segment *s = c->segments[i];
        if (rows > 0 && c->bytes < bytes) {
            rows -= segment_rows(s);
            c->bytes += s->bytes;
            c->segments[kept++] = s;
        } else {
            segment_release(s);
        }
    }
    c->count = kept;
}

static void
choose(const laminar_database *db, chosen *c, bool old, int64_t bytes) {
    for (int32_t i = 0; i < catalog_count(db->catalog) && c->count < WRITTEN_AT_ONCE; i++) {
        const object *o = catalog_at(db->catalog, i);
        if (o->kind == OBJECT_SOURCE || o->kind == OBJECT_TABLE) {
            const table *t = source_table(o->impl);
            choose_of(c, t, old ? rows_over(db, t) : INT64_MAX, bytes);
        }
    }
}

static void
let_go(chosen *c) {
    for (int32_t i = 0; i < c->count; i++) {
        segment_release(c->segments[i]);
    }
    c->count = 0;
}

/* ---- writing */

/* Above those of all files that are kept. */
static int64_t
next_number(laminar_database *db) {
    paging      *p = db->paging;
    checkpoints *all = &db->durable->checkpoints;
    if (atomic_load(&p->next_number) == 0) {
        int64_t highest = SPILL_FIRST;
        mutex_lock(&all->lock);
        for (int32_t c = 0; c < all->count; c++) {
            for (int64_t i = 0; i < all->list[c].file_count; i++) {
                highest = max_i64(highest, all->list[c].files[i].number);
            }
        }
        mutex_unlock(&all->lock);
        int64_t none = 0;
        (void)atomic_compare_exchange_strong(&p->next_number, &none, highest + 1);
    }
    return atomic_fetch_add(&p->next_number, 1);
}

/* Where a database keeps what is not in memory; false: nowhere. */
static bool
has_directory(laminar_database *db, vfs **fs, const char **directory, int64_t *number) {
    const durable *d = db->durable;
    if (d != NULL && d->owned == NULL) {
        *fs = d->fs;
        *directory = d->directory;
        *number = next_number(db);
        return true;
    }
    const text *temporary = atomic_load(&engine_spill(db->engine)->directory);
    *fs = vfs_real();
    *directory = temporary == NULL ? NULL : temporary->data;
    *number = 0;
    return temporary != NULL;
}

static void
page_all(const chosen *c, segment_file *f) {
    for (int32_t i = 0; i < c->count; i++) {
        const rows_place at = {.file = (uint64_t)segment_file_told(f).number, .number = i};
        pages           *from = NULL;
        int32_t          rows, columns;
        text             positions;
        error            ignored;
        if (segment_file_take(f, i, &from, &rows, &columns, &positions, &ignored) == OK) {
            segment_page(c->segments[i], from, at.file == 0 ? NULL : &at);
        }
    }
}

static status
write_chosen(laminar_database *db, const chosen *c, error *err) {
    vfs          *fs;
    const char   *directory;
    int64_t       number;
    segment_file *f = NULL;
    if (!has_directory(db, &fs, &directory, &number)) {
        return OK;
    }
    TRY(segment_file_create(&f, db->mem, fs, directory, number, err));
    status s = OK;
    for (int32_t i = 0; s == OK && i < c->count; i++) {
        s = segment_file_put(f, c->segments[i], segment_rows(c->segments[i]), err);
    }
    s = segment_file_end(f, s, err);
    if (s == OK) {
        page_all(c, f);
    }
    segment_file_release(f);
    return s;
}

/* ---- when */

static void
relieve(laminar_database *db) {
    paging       *p = db->paging;
    const int64_t now_ns = clock_ticks_ns(&db->clock.base);
    chosen        c = {.count = 0};
    pager_relieve(p->pager);
    if (!pager_is_short(p->pager) || pager_unpaged_bytes(p->pager) < LEAST_BYTES ||
        (p->refused_ns != 0 && now_ns - p->refused_ns < RETRY_NS)) {
        return;
    }
    const int64_t limit = atomic_load(&db->mem->bytes_limit);
    choose(db, &c, false, max_i64(LEAST_BYTES, limit / 8 - pager_room(p->pager)));
    error        err = {.position = -1};
    const status s = c.bytes < LEAST_BYTES ? OK : write_chosen(db, &c, &err);
    let_go(&c);
    p->refused_ns = s < 0 ? now_ns : 0;
    if (s < 0) {
        db_note_error(db, "spill", (text){NULL, 0}, 700, err.message);
    }
    pager_relieve(p->pager);
}

static bool
has_old(const laminar_database *db) {
    for (int32_t i = 0; i < catalog_count(db->catalog); i++) {
        const object *o = catalog_at(db->catalog, i);
        if ((o->kind == OBJECT_SOURCE || o->kind == OBJECT_TABLE) &&
            rows_over(db, source_table(o->impl)) > 0) {
            return true;
        }
    }
    return false;
}

/* Between two changes, with the token. */
static void
look(void *context) {
    laminar_database *db = context;
    paging           *p = db->paging;
    if (UNLIKELY(pager_is_short(p->pager))) {
        relieve(db);
        return;
    }
    const int64_t bytes = pager_unpaged_bytes(p->pager);
    if (bytes < p->looked_at) {
        p->looked_at = bytes; /* something was written */
    }
    if (db->durable == NULL || db->durable->owned != NULL || bytes - p->looked_at < LOOK_BYTES) {
        return;
    }
    p->looked_at = bytes;
    if (has_old(db)) {
        checkpoints_wake_to_spill(db->durable);
    }
}

status
paging_write_old(laminar_database *db, error *err) {
    chosen *c = mem_alloc_zero(db->mem, sizeof(*c));
    if (c == NULL) {
        return error_memory(err);
    }
    status s = db_enter(db, err);
    if (s == OK) {
        engine_settle(db->engine);
        if (!engine_in_transaction(db->engine)) {
            choose(db, c, true, INT64_MAX);
        }
        db_leave(db);
        s = c->count == 0 ? OK : write_chosen(db, c, err);
    }
    let_go(c);
    mem_free(db->mem, c, sizeof(*c));
    return s;
}

status
paging_open(laminar_database *db, error *err) {
    paging *p = mem_alloc_zero(db->mem, sizeof(*p));
    if (p == NULL) {
        return error_memory(err);
    }
    const status s = pager_open(&p->pager, db->mem, err);
    if (s < 0) {
        mem_free(db->mem, p, sizeof(*p));
        return s;
    }
    db->paging = p;
    engine_set_pager(db->engine, p->pager, look, db);
    return OK;
}

void
paging_close(laminar_database *db) {
    if (db->paging != NULL) {
        pager_release(db->paging->pager);
        mem_free(db->mem, db->paging, sizeof(*db->paging));
        db->paging = NULL;
    }
}
