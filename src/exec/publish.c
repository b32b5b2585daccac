/* SPDX-License-Identifier: Apache-2.0 */
/* publish.c - what leaves a stream's circuit in one tick becomes one entry of its change log.
 *
 * An updating stream shows the rows that are in its result and were not before. A row that was
 * taken back without a successor of the same key is `gone`; without key columns the whole row is
 * the key, and since changes are consolidated no row is on both sides.
 *
 * Usually the old and the new rows of a key leave in one delta, in the same order: they are matched
 * there, in one pass. What is left over is looked up among all rows of the tick at its end. */
#include <string.h>

#include "batch/chunk.h"
#include "exec/engine_internal.h"
#include "kernel/kernel.h"
#include "op/rows.h"
#include "state/group_table.h"

enum { SCANS_MAX = 8 }; /* fruitless searches for a successor before a delta is left to the end */

static status
keep(stream *s, list *to, const delta *rows, error *err) {
    batch *kept = NULL;
    TRY(batch_keep_pooled(&kept, changelog_pool(s->log), s->engine->mem, rows, err));
    const status added = list_add(to, s->engine->mem, kept, err);
    if (added < 0) {
        batch_release(kept);
    }
    return added;
}

static void
drop_batches(list *l) {
    for (int32_t i = 0; i < l->count; i++) {
        batch_release(l->items[i]);
    }
    l->count = 0;
}

void
stream_drop_pending(stream *s) {
    drop_batches(&s->pending);
    drop_batches(&s->gone);
    buf_clear(&s->ops);
    s->split = false;
}

/* The key columns of rows, text as views; in scratch. NULL: out of memory. */
static column *
key_views(const stream *s, const delta *rows, error *err) {
    arena  *scratch = &s->circuit->scratch;
    column *keys = arena_alloc(scratch, sizeof(column) * (size_t)s->plan.key_count);
    for (int32_t i = 0; keys != NULL && i < s->plan.key_count; i++) {
        const column *in = &rows->columns[s->plan.key_columns[i]];
        if (column_views(&keys[i], in, rows->row_count, scratch, err) < 0) {
            return NULL;
        }
    }
    if (keys == NULL) {
        error_memory(err);
    }
    return keys;
}

/* The rows of one delta by sign. */
typedef struct sides {
    int32_t *plus, *minus;
    int32_t  plus_count, minus_count;
    uint8_t *ops; /* change_op of each plus row */
} sides;

/* Pairs minus rows with plus rows of the same hash, both in order: pair i is minus[from[i]] and
 * plus[to[i]]. Returns how many. */
static int32_t
pair_by_hash(const sides *rows, const uint64_t *hashes, int32_t *from, int32_t *to) {
    int32_t count = 0;
    int32_t next = 0;
    int32_t scans = 0;
    for (int32_t i = 0; i < rows->minus_count && scans < SCANS_MAX; i++) {
        const uint64_t wanted = hashes[rows->minus[i]];
        int32_t        at = next;
        while (at < rows->plus_count && hashes[rows->plus[at]] != wanted) {
            at++;
        }
        if (at < rows->plus_count) {
            from[count] = i;
            to[count++] = at;
            next = at + 1;
        } else {
            scans++;
        }
    }
    return count;
}

/* True when all rows came in pairs, minus[i] and plus[i]: nothing but updates. */
static bool
all_in_pairs(const stream *s, const column *keys, const sides *rows, uint8_t *equal) {
    if (rows->minus_count != rows->plus_count) {
        return false;
    }
    memset(equal, 1, (size_t)rows->minus_count);
    for (int32_t i = 0; i < s->plan.key_count; i++) {
        equal_rows(equal, &keys[i], rows->minus, &keys[i], rows->plus, rows->minus_count);
    }
    return memchr(equal, 0, (size_t)rows->minus_count) == NULL;
}

/* Takes minus rows out that have a successor in this delta, and marks that as an update. */
static status
match_within(const stream *s, const delta *in, sides *rows, error *err) {
    arena        *scratch = &s->circuit->scratch;
    const size_t  n = (size_t)rows->minus_count;
    const column *keys = key_views(s, in, err);
    uint8_t      *equal = arena_alloc(scratch, n);
    if (keys == NULL || equal == NULL) {
        return error_memory(err);
    }
    if (all_in_pairs(s, keys, rows, equal)) {
        memset(rows->ops, CHANGE_UPDATE, (size_t)rows->plus_count);
        rows->minus_count = 0;
        return OK;
    }
    uint64_t *hashes = arena_alloc(scratch, sizeof(*hashes) * (size_t)in->row_count);
    int32_t  *lists = arena_alloc(scratch, sizeof(*lists) * 4 * n);
    if (hashes == NULL || lists == NULL) {
        return error_memory(err);
    }
    int32_t *from = lists;
    int32_t *to = lists + n;
    int32_t *from_rows = lists + 2 * n;
    int32_t *to_rows = lists + 3 * n;
    hash_columns(hashes, keys, s->plan.key_count, in->row_count);
    const int32_t pairs = pair_by_hash(rows, hashes, from, to);
    for (int32_t i = 0; i < pairs; i++) {
        from_rows[i] = rows->minus[from[i]];
        to_rows[i] = rows->plus[to[i]];
        equal[i] = 1;
    }
    for (int32_t i = 0; i < s->plan.key_count; i++) {
        equal_rows(equal, &keys[i], from_rows, &keys[i], to_rows, pairs);
    }
    for (int32_t i = 0; i < pairs; i++) {
        if (equal[i]) {
            rows->ops[to[i]] = CHANGE_UPDATE;
            rows->minus[from[i]] = -1;
        }
    }
    int32_t left = 0;
    for (int32_t i = 0; i < rows->minus_count; i++) {
        if (rows->minus[i] >= 0) {
            rows->minus[left++] = rows->minus[i];
        }
    }
    rows->minus_count = left;
    return OK;
}

static status
keep_rows(stream *s, list *to, const delta *in, const int32_t *rows, int32_t count, error *err) {
    if (count == 0) {
        return OK;
    }
    delta picked;
    TRY(delta_gather(&picked, in, rows, count, &s->circuit->scratch, err));
    picked.weight = NULL;
    return keep(s, to, &picked, err);
}

static status
note_ops(stream *s, const uint8_t *ops, int32_t count, error *err) {
    if (s->op_readers == 0) {
        return OK;
    }
    for (int32_t i = 0; i < count; i++) {
        if (!buf_append_char(&s->ops, (char)(ops == NULL ? CHANGE_INSERT : ops[i]))) {
            return error_memory(err);
        }
    }
    return OK;
}

static int64_t
count_shown(const delta *rows) {
    int64_t count = 0;
    for (int32_t i = 0; i < rows->row_count; i++) {
        count += max_i64(rows->weight[i], 0);
    }
    return count;
}

static status
take_changes(stream *s, const delta *in, error *err) {
    circuit *c = s->circuit;
    sides    rows = {0};
    TRY(circuit_pick(c, in, 1, &rows.plus, &rows.plus_count, err));
    TRY(circuit_pick(c, in, -1, &rows.minus, &rows.minus_count, err));
    rows.ops = arena_alloc_zero(&c->scratch, (size_t)rows.plus_count);
    if (rows.ops == NULL) {
        return error_memory(err);
    }
    if (s->plan.key_count > 0 && rows.minus_count > 0 && rows.plus_count > 0) {
        TRY(match_within(s, in, &rows, err));
    }
    TRY(note_ops(s, rows.ops, rows.plus_count, err));
    TRY(keep_rows(s, &s->pending, in, rows.plus, rows.plus_count, err));
    s->split |= rows.minus_count > 0 && s->plan.key_count > 0;
    return keep_rows(s, &s->gone, in, rows.minus, rows.minus_count, err);
}

void
stream_count_shown(stream *s, int64_t shown) {
    s->rows_out += shown;
    if (s->replaying || s->object == NULL) {
        return;
    }
    if (UNLIKELY(s->crew != NULL)) {
        crew_count_out(s->crew, shown);
    } else {
        s->engine->totals.rows_out += shown;
    }
}

status
stream_take_kept(stream *s, batch *rows, error *err) {
    status taken = note_ops(s, NULL, rows->rows.row_count, err);
    taken = taken == OK ? list_add(&s->pending, s->engine->mem, rows, err) : taken;
    if (taken < 0) {
        batch_release(rows);
    }
    return taken;
}

status
stream_take_rows(void *context, const delta *rows, error *err) {
    stream       *s = context;
    const bool    as_is = rows->weight == NULL || s->plan.emit == EMIT_CHANGES;
    const int64_t shown = as_is ? rows->row_count : count_shown(rows);
    stream_count_shown(s, shown);
    if (s->replaying) {
        return OK;
    }
    if (rows->row_count == 0 || !changelog_is_wanted(s->log)) {
        return OK;
    }
    if (as_is) {
        TRY(note_ops(s, NULL, rows->row_count, err));
        return keep(s, &s->pending, rows, err);
    }
    return take_changes(s, rows, err);
}

bool
stream_pass_on(stream_input *in, batch *rows) {
    stream       *s = in->owner;
    const int64_t count = rows->rows.row_count;
    const bool    as_is = rows->rows.weight == NULL || s->plan.emit == EMIT_CHANGES;
    if (!s->passes || !as_is || s->failed || s->dependents.count > 0) {
        return false;
    }
    circuit  *c = s->circuit;
    op *const way[] = {in->leaf, c->ops[s->plan.root->id], c->gate, c->sink};
    for (int32_t i = 0; i < ARRAY_COUNT(way); i++) {
        way[i]->rows_in += count;
        way[i]->rows_out += way[i] == c->sink ? 0 : count;
    }
    stream_count_shown(s, count);
    error fault = {.position = -1};
    if (changelog_is_wanted(s->log) && stream_take_kept(s, batch_retain(rows), &fault) < 0) {
        stream_fail(s, &fault);
    }
    return true;
}

/* ---------------------------------------------------------------------------------- end of a tick
 */

/* Which of the tick's gone rows have a successor among its shown rows: those are updates. */
typedef struct matcher {
    stream     *stream;
    group_table table;   /* keys of gone rows -> slot */
    uint8_t    *matched; /* per slot; in scratch */
} matcher;

static status
find_successors(matcher *m, error *err) {
    stream *s = m->stream;
    arena  *scratch = &s->circuit->scratch;
    size_t  op_at = 0;
    for (int32_t i = 0; i < s->pending.count; i++) {
        const delta     *rows = &((const batch *)s->pending.items[i])->rows;
        const arena_mark mark = arena_save(scratch);
        const column    *keys = key_views(s, rows, err);
        slot            *slots = arena_alloc(scratch, sizeof(slot) * (size_t)rows->row_count);
        if (keys == NULL || slots == NULL) {
            return error_memory(err);
        }
        TRY(group_table_find(&m->table, keys, rows->row_count, slots, scratch, err));
        for (int32_t k = 0; k < rows->row_count; k++, op_at++) {
            if (slots[k] == SLOT_NONE) {
                continue;
            }
            m->matched[slots[k]] = 1;
            if (op_at < s->ops.size) {
                s->ops.data[op_at] = CHANGE_UPDATE;
            }
        }
        arena_rewind(scratch, mark);
    }
    return OK;
}

/* Maps the gone rows of one batch to slots, which are given back in scratch. */
static status
map_gone(matcher *m, const delta *rows, slot **slots, error *err) {
    arena        *scratch = &m->stream->circuit->scratch;
    const column *keys = key_views(m->stream, rows, err);
    *slots = arena_alloc(scratch, sizeof(slot) * (size_t)rows->row_count);
    if (keys == NULL || *slots == NULL) {
        return error_memory(err);
    }
    return group_table_map(&m->table, keys, rows->row_count, *slots, NULL, scratch, err);
}

/* Of gone batch number `at` the rows[0 .. count) are left. */
static status
leave_gone(stream *s, int32_t at, const int32_t *rows, int32_t count, error *err) {
    batch *whole = s->gone.items[at];
    list   left = {.items = &s->gone.items[at], .capacity = 1};
    s->gone.items[at] = NULL;
    const status kept = keep_rows(s, &left, &whole->rows, rows, count, err);
    batch_release(whole);
    return kept;
}

static status
drop_matched(matcher *m, error *err) {
    stream *s = m->stream;
    for (int32_t i = 0; i < s->gone.count; i++) {
        const delta *rows = &((const batch *)s->gone.items[i])->rows;
        slot        *slots;
        TRY(map_gone(m, rows, &slots, err));
        int32_t count = 0;
        for (int32_t k = 0; k < rows->row_count; k++) {
            if (!m->matched[slots[k]]) {
                slots[count++] = (slot)k; /* from here on: a row number */
            }
        }
        TRY(leave_gone(s, i, (const int32_t *)slots, count, err));
    }
    return OK;
}

/* Batches of which no row is left. */
static void
close_gaps(list *l) {
    int32_t kept = 0;
    for (int32_t i = 0; i < l->count; i++) {
        l->items[kept] = l->items[i];
        kept += l->items[i] != NULL;
    }
    l->count = kept;
}

static status
match_tick(matcher *m, error *err) {
    stream *s = m->stream;
    arena  *scratch = &s->circuit->scratch;
    for (int32_t i = 0; i < s->gone.count; i++) {
        const arena_mark mark = arena_save(scratch);
        slot            *slots;
        TRY(map_gone(m, &((const batch *)s->gone.items[i])->rows, &slots, err));
        arena_rewind(scratch, mark);
    }
    m->matched = arena_alloc_zero(scratch, group_table_slot_count(&m->table));
    if (m->matched == NULL) {
        return error_memory(err);
    }
    TRY(find_successors(m, err));
    return drop_matched(m, err);
}

/* Of a few rows each is compared with each: a table would cost more than the rest of the tick. */
#define FEW_PAIRS 4096

static int64_t
rows_of(const list *l) {
    int64_t rows = 0;
    for (int32_t i = 0; i < l->count; i++) {
        rows += ((const batch *)l->items[i])->rows.row_count;
    }
    return rows;
}

/* The rows of a batch by their keys; in scratch. */
typedef struct keyed {
    const delta  *rows;
    const column *keys;
    uint64_t     *hashes;
} keyed;

static status
keyed_init(keyed *k, const stream *s, const batch *b, error *err) {
    k->rows = &b->rows;
    k->keys = key_views(s, k->rows, err);
    k->hashes = arena_alloc(&s->circuit->scratch, sizeof(uint64_t) * (size_t)k->rows->row_count);
    if (k->keys == NULL || k->hashes == NULL) {
        return error_memory(err);
    }
    hash_columns(k->hashes, k->keys, s->plan.key_count, k->rows->row_count);
    return OK;
}

static bool
same_key(const stream *s, const keyed *a, int32_t row, const keyed *b, int32_t other) {
    uint8_t equal = a->hashes[row] == b->hashes[other];
    for (int32_t i = 0; equal && i < s->plan.key_count; i++) {
        equal_rows(&equal, &a->keys[i], &row, &b->keys[i], &other, 1);
    }
    return equal != 0;
}

/* matched[i]: row i of `gone` has a successor, which is an update. */
static status
find_few(stream *s, const keyed *gone, uint8_t *matched, error *err) {
    size_t op_at = 0;
    for (int32_t i = 0; i < s->pending.count; i++) {
        keyed shown;
        TRY(keyed_init(&shown, s, s->pending.items[i], err));
        for (int32_t k = 0; k < shown.rows->row_count; k++, op_at++) {
            for (int32_t g = 0; g < gone->rows->row_count; g++) {
                if (same_key(s, gone, g, &shown, k)) {
                    matched[g] = 1;
                    if (op_at < s->ops.size) {
                        s->ops.data[op_at] = CHANGE_UPDATE;
                    }
                }
            }
        }
    }
    return OK;
}

static status
match_few(stream *s, error *err) {
    arena *scratch = &s->circuit->scratch;
    for (int32_t i = 0; i < s->gone.count; i++) {
        keyed gone;
        TRY(keyed_init(&gone, s, s->gone.items[i], err));
        const int32_t row_count = gone.rows->row_count;
        uint8_t      *matched = arena_alloc_zero(scratch, (size_t)row_count);
        int32_t      *left = arena_alloc(scratch, sizeof(*left) * (size_t)row_count);
        if (matched == NULL || left == NULL) {
            return error_memory(err);
        }
        TRY(find_few(s, &gone, matched, err));
        int32_t count = 0;
        for (int32_t g = 0; g < row_count; g++) {
            left[count] = g;
            count += !matched[g];
        }
        TRY(leave_gone(s, i, left, count, err));
    }
    return OK;
}

static status
match_many(stream *s, error *err) {
    arena        *scratch = &s->circuit->scratch;
    const int32_t key_count = s->plan.key_count;
    data_type    *types = arena_alloc(scratch, sizeof(data_type) * (size_t)key_count);
    if (types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < key_count; i++) {
        types[i] = s->plan.root->schema.fields[s->plan.key_columns[i]].type;
    }
    store *own = NULL;
    TRY(store_open(&own, s->engine->mem, err));
    matcher m = {.stream = s};
    status  done = group_table_open(&m.table, own, "publish.keys", types, key_count, err);
    if (done == OK) {
        done = match_tick(&m, err);
    }
    group_table_close(&m.table);
    store_close(own);
    return done;
}

static status
settle(stream *s, error *err) {
    if (!s->split || s->pending.count == 0) {
        return OK;
    }
    arena           *scratch = &s->circuit->scratch;
    const arena_mark mark = arena_save(scratch);
    const bool       few = rows_of(&s->gone) * rows_of(&s->pending) <= FEW_PAIRS;
    const status     done = few ? match_few(s, err) : match_many(s, err);
    close_gaps(&s->gone);
    arena_rewind(scratch, mark);
    return done;
}

void
stream_publish(stream *s, uint64_t epoch) {
    error fault;
    error_clear(&fault);
    status done = settle(s, &fault);
    if (done == OK && s->pending.count + s->gone.count > 0) {
        const log_changes changes = {.shown = (batch **)s->pending.items,
                                     .gone = (batch **)s->gone.items,
                                     .shown_count = s->pending.count,
                                     .gone_count = s->gone.count,
                                     .ops = (uint8_t *)s->ops.data,
                                     .op_count = s->ops.size};
        s->pending.count = 0;
        s->gone.count = 0;
        done = changelog_append(s->log, epoch, &changes, &fault);
    }
    stream_drop_pending(s);
    if (done < 0) {
        stream_fail(s, &fault);
        return;
    }
    changelog_wake(s->log);
}
