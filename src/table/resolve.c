/* SPDX-License-Identifier: Apache-2.0 */
/* resolve.c - which rows new rows replace, and which of them fall away or are refused.
 *
 * Rows are looked at in their order. A key is looked for among the rows of the change first, by a
 * table of its own over their hashes, then in the index of live rows; rows that the change lets die
 * do not count. Nothing of the table changes here. */
#include "base/interrupt.h"
#include "kernel/kernel.h"
#include "table/keys.h"

typedef struct key_rows { /* one key of the new rows */
    const table_key *key;
    conflict_action  action;
    column          *columns; /* views */
    uint64_t        *hashes;
    uint8_t         *keyed;
    int32_t         *slots; /* row + 1 by hash; 0: free */
} key_rows;

typedef struct resolver {
    const table *t;
    arena       *arena;
    const delta *rows;
    key_rows    *keys;
    uint32_t     slot_mask;
    uint8_t     *dropped;
    int32_t      dropped_count;
    int64_t     *gone; /* a set of positions, by hash; -1: free */
    uint64_t     gone_mask;
    int64_t     *dead;
    int64_t      dead_count;
} resolver;

/* ---- keys of given rows */

static status
open_key(key_rows *out, const table_key *key, const delta *rows, arena *a, error *err) {
    const int32_t n = rows->row_count;
    out->key = key;
    out->columns = arena_alloc(a, sizeof(column) * (size_t)key->column_count);
    if (out->columns == NULL) {
        return error_memory(err);
    }
    memset(out->keyed, 1, (size_t)n);
    for (int32_t i = 0; i < key->column_count; i++) {
        const column *in = &rows->columns[key->columns[i]];
        TRY(column_views(&out->columns[i], in, n, a, err));
        for (int32_t row = 0; in->validity != NULL && row < n; row++) {
            out->keyed[row] &= !column_is_null(in, row);
        }
    }
    hash_columns(out->hashes, out->columns, key->column_count, n);
    return OK;
}

/* Does the row at `position` have the key of row `row`? Neither has a NULL in it. */
static status
has_key(const table *t, const table_key *key, const column *columns, int32_t row, int64_t position,
        bool *has, error *err) {
    int32_t  at;
    segment *s = table_segment_of(t, position, &at);
    uint8_t  equal = 1;
    for (int32_t i = 0; equal && i < key->column_count; i++) {
        column  stored;
        chunk  *hold;
        strview view;
        int32_t stored_row = at;
        TRY(table_column_at(t, s, key->columns[i], &stored, &hold, err));
        if (stored.layout == COLUMN_OFFSETS) {
            const int32_t *offsets = stored.values;
            view =
                strview_of(stored.bytes + offsets[at], (uint32_t)(offsets[at + 1] - offsets[at]));
            stored = (column){.type = stored.type, .layout = COLUMN_FLAT, .values = &view};
            stored_row = 0;
        }
        equal_rows(&equal, &columns[i], &row, &stored, &stored_row, 1);
        chunk_release(hold);
    }
    *has = equal != 0;
    return OK;
}

/* *found: -1: there is none. */
static status
find_row(const table *t, const table_key *key, const column *columns, int32_t row, uint64_t hash,
         int64_t *found, error *err) {
    const key_index *x = &key->index;
    *found = -1;
    for (int64_t at = key_index_first(x, hash); at >= 0; at = key_index_next(x, hash, at)) {
        bool has;
        TRY(has_key(t, key, columns, row, x->slots[at].position, &has, err));
        if (has) {
            *found = x->slots[at].position;
            break;
        }
    }
    return OK;
}

status
table_find(const table *t, int32_t key, const column *columns, int32_t row_count,
           int64_t *positions, arena *a, error *err) {
    const table_key *k = &t->keys[key];
    column          *views = arena_alloc(a, sizeof(column) * (size_t)k->column_count);
    uint64_t        *hashes = arena_alloc(a, sizeof(uint64_t) * (size_t)row_count);
    if (views == NULL || hashes == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < k->column_count; i++) {
        TRY(column_views(&views[i], &columns[i], row_count, a, err));
    }
    hash_columns(hashes, views, k->column_count, row_count);
    for (int32_t row = 0; row < row_count; row++) {
        bool null = false;
        for (int32_t i = 0; i < k->column_count; i++) {
            null |= column_is_null(&views[i], row);
        }
        positions[row] = -1;
        TRY(null ? OK : find_row(t, k, views, row, hashes[row], &positions[row], err));
    }
    return OK;
}

/* ---- sets of the resolver */

/* The slot of the row of the change that has the key of `row`, or a free one. */
static int32_t *
slot_of(const resolver *r, const key_rows *k, int32_t row) {
    uint32_t at = (uint32_t)k->hashes[row] & r->slot_mask;
    for (; k->slots[at] != 0; at = (at + 1) & r->slot_mask) {
        const int32_t other = k->slots[at] - 1;
        uint8_t       equal = k->hashes[other] == k->hashes[row];
        for (int32_t i = 0; equal && i < k->key->column_count; i++) {
            equal_rows(&equal, &k->columns[i], &row, &k->columns[i], &other, 1);
        }
        if (equal) {
            break;
        }
    }
    return &k->slots[at];
}

static int64_t *
gone_slot(const resolver *r, int64_t position) {
    uint64_t at = ((uint64_t)position * UINT64_C(0x9e3779b97f4a7c15)) >> 20 & r->gone_mask;
    while (r->gone[at] >= 0 && r->gone[at] != position) {
        at = (at + 1) & r->gone_mask;
    }
    return &r->gone[at];
}

static void
let_die(resolver *r, int64_t position) {
    int64_t *slot = gone_slot(r, position);
    if (*slot < 0) {
        *slot = position;
        r->dead[r->dead_count++] = position;
    }
}

/* ---- conflicts */

typedef struct conflict {
    int32_t row;      /* of the change, or -1 */
    int64_t position; /* of a live row, or -1 */
} conflict;

static status
find_conflict(const resolver *r, const key_rows *k, int32_t row, conflict *c, error *err) {
    *c = (conflict){.row = -1, .position = -1};
    if (!k->keyed[row]) {
        return OK;
    }
    if (k->slots != NULL) {
        c->row = *slot_of(r, k, row) - 1;
        if (c->row >= 0 && !r->dropped[c->row]) {
            return OK;
        }
        c->row = -1;
    }
    TRY(find_row(r->t, k->key, k->columns, row, k->hashes[row], &c->position, err));
    if (c->position >= 0 && *gone_slot(r, c->position) >= 0) {
        c->position = -1;
    }
    return OK;
}

static status
refuse(const resolver *r, const key_rows *k, int32_t row, const conflict *c, error *err) {
    buf names, values;
    buf_init(&names, r->arena->mem, 300);
    buf_init(&values, r->arena->mem, 300);
    for (int32_t i = 0; i < k->key->column_count; i++) {
        const text name = r->t->schema->fields[k->key->columns[i]].name;
        value      v = column_value(&k->columns[i], row);
        buf_printf(&names, "%s%.*s", i > 0 ? ", " : "", TEXT_ARG(name));
        buf_append_text(&values, i > 0 ? TEXT(", ") : TEXT(""));
        value_format(&v, &values);
    }
    error_set(err, ERR_INGESTION_FAILED, "row %d: %s (%.*s) = (%.*s) %s", row + 1,
              k->key->primary ? "PRIMARY KEY" : "UNIQUE", TEXT_ARG(buf_text(&names)),
              TEXT_ARG(buf_text(&values)),
              c->row >= 0 ? "stands twice among the new rows" : "is in the table already");
    error_hint(err, "ON CONFLICT (%.*s) DO NOTHING keeps the old row, DO UPDATE SET ... changes it",
               TEXT_ARG(buf_text(&names)));
    buf_fini(&names);
    buf_fini(&values);
    return ERR_INGESTION_FAILED;
}

static void
drop_row(resolver *r, int32_t row) {
    r->dropped_count += !r->dropped[row];
    r->dropped[row] = 1;
}

/* What is in conflict goes anyway, replaced by another key of the new row. */
static bool
is_replaced(const resolver *r, const conflict *found, int32_t k) {
    for (int32_t i = 0; i < r->t->key_count; i++) {
        if (r->keys[i].action == CONFLICT_REPLACE && found[i].row == found[k].row &&
            found[i].position == found[k].position) {
            return true;
        }
    }
    return false;
}

static status
resolve_row(resolver *r, int32_t row, error *err) {
    conflict found[KEYS_MAX];
    bool     falls_away = false;
    for (int32_t k = 0; k < r->t->key_count; k++) {
        TRY(find_conflict(r, &r->keys[k], row, &found[k], err));
        falls_away |=
            r->keys[k].action == CONFLICT_NOTHING && (found[k].row >= 0 || found[k].position >= 0);
    }
    for (int32_t k = 0; k < r->t->key_count && !falls_away; k++) {
        const bool any = found[k].row >= 0 || found[k].position >= 0;
        if (any && r->keys[k].action == CONFLICT_FAIL && !is_replaced(r, found, k)) {
            return refuse(r, &r->keys[k], row, &found[k], err);
        }
    }
    if (falls_away) {
        drop_row(r, row);
        return OK;
    }
    for (int32_t k = 0; k < r->t->key_count; k++) {
        const key_rows *key = &r->keys[k];
        if (found[k].row >= 0) {
            drop_row(r, found[k].row);
        } else if (found[k].position >= 0) {
            let_die(r, found[k].position);
        }
        if (key->slots != NULL && key->keyed[row]) {
            *slot_of(r, key, row) = row + 1;
        }
    }
    return OK;
}

/* ---- memory */

static status
open_keys(resolver *r, const conflict_action *actions, table_change *out, error *err) {
    const size_t n = (size_t)r->rows->row_count;
    const size_t keys = (size_t)r->t->key_count;
    uint32_t     slots = 16;
    while (slots < 2 * n) {
        slots *= 2;
    }
    r->slot_mask = slots - 1;
    out->hashes = arena_alloc(r->arena, sizeof(uint64_t) * (n * keys + 1));
    out->keyed = arena_alloc(r->arena, n * keys + 1);
    r->keys = arena_alloc_zero(r->arena, sizeof(key_rows) * (keys + 1));
    r->dropped = arena_alloc_zero(r->arena, n + 1);
    if (out->hashes == NULL || out->keyed == NULL || r->keys == NULL || r->dropped == NULL) {
        return error_memory(err);
    }
    for (size_t k = 0; k < keys; k++) {
        key_rows *key = &r->keys[k];
        key->action = actions[k];
        key->hashes = out->hashes + k * n;
        key->keyed = out->keyed + k * n;
        TRY(open_key(key, &r->t->keys[k], r->rows, r->arena, err));
        if (n > 1) {
            key->slots = arena_alloc_zero(r->arena, sizeof(int32_t) * slots);
            if (key->slots == NULL) {
                return error_memory(err);
            }
        }
    }
    return OK;
}

static status
open_gone(resolver *r, const int64_t *dying, int64_t dying_count, error *err) {
    const int64_t rows = r->rows == NULL ? 0 : r->rows->row_count;
    const int64_t most = dying_count + rows * r->t->key_count;
    uint64_t      capacity = 16;
    int64_t       spent = 0;
    while (capacity < 2 * (uint64_t)most) {
        capacity *= 2;
    }
    r->gone_mask = capacity - 1;
    r->gone = arena_alloc(r->arena, sizeof(int64_t) * capacity);
    r->dead = arena_alloc(r->arena, sizeof(int64_t) * (size_t)(most + 1));
    if (r->gone == NULL || r->dead == NULL) {
        return error_memory(err);
    }
    memset(r->gone, 0xff, sizeof(int64_t) * capacity); /* -1 */
    for (int64_t i = 0; i < dying_count; i++) {
        let_die(r, dying[i]);
        TRY(interrupt_spend(&spent, 64, err)); /* nothing has changed yet */
    }
    return OK;
}

/* ---- the outcome */

/* Rows that fell away leave rows and keys. */
static status
compact(resolver *r, table_change *out, batch *rows, mem *m, error *err) {
    const int32_t n = r->rows->row_count;
    int32_t      *kept = arena_alloc(r->arena, sizeof(int32_t) * (size_t)n);
    int32_t       count = 0;
    if (kept == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < n; i++) {
        if (!r->dropped[i]) {
            kept[count++] = i;
        }
    }
    for (int32_t k = 0; k < r->t->key_count; k++) {
        for (int32_t i = 0; i < count; i++) {
            out->hashes[k * (int64_t)count + i] = out->hashes[k * (int64_t)n + kept[i]];
            out->keyed[k * (int64_t)count + i] = out->keyed[k * (int64_t)n + kept[i]];
        }
    }
    if (count == 0) {
        return OK;
    }
    delta picked;
    TRY(delta_gather(&picked, &rows->rows, kept, count, r->arena, err));
    return batch_keep(&out->rows, m, &picked, err);
}

static status
sort_dead(resolver *r, error *err) {
    bool ascending = true;
    for (int64_t i = 1; i < r->dead_count; i++) {
        ascending &= r->dead[i - 1] < r->dead[i];
    }
    if (ascending) {
        return OK;
    }
    const size_t   bytes = sizeof(int64_t) * (size_t)r->dead_count;
    int32_t       *order = arena_alloc(r->arena, sizeof(int32_t) * (size_t)r->dead_count);
    int64_t       *sorted = arena_alloc(r->arena, bytes);
    const column   positions = {.type = type_of(TYPE_I64), .values = r->dead};
    const sort_key by = {.column = 0};
    if (order == NULL || sorted == NULL) {
        return error_memory(err);
    }
    TRY(sort_rows(order, &positions, (int32_t)r->dead_count, &by, 1, r->arena, err));
    for (int64_t i = 0; i < r->dead_count; i++) {
        sorted[i] = r->dead[order[i]];
    }
    r->dead = sorted;
    return OK;
}

status
table_resolve(table_change *out, const table *t, batch *rows, const conflict_action *actions,
              const int64_t *dying, int64_t dying_count, arena *a, error *err) {
    resolver r = {.t = t, .arena = a, .rows = rows == NULL ? NULL : &rows->rows};
    *out = (table_change){.rows = NULL};
    if (dying_count + (rows == NULL ? 0 : (int64_t)rows->rows.row_count) * t->key_count >
        INT32_MAX) {
        return error_set(err, ERR_INGESTION_FAILED, "one change takes at most 2^31 - 1 rows");
    }
    TRY(open_gone(&r, dying, dying_count, err));
    if (rows != NULL && t->key_count > 0) {
        TRY(open_keys(&r, actions, out, err));
        for (int32_t i = 0; i < rows->rows.row_count; i++) {
            TRY(resolve_row(&r, i, err));
        }
    }
    if (r.dropped_count > 0) {
        TRY(compact(&r, out, rows, t->mem, err));
    } else {
        out->rows = rows == NULL ? NULL : batch_retain(rows);
    }
    TRY(sort_dead(&r, err));
    out->dead = r.dead;
    out->dead_count = r.dead_count;
    return OK;
}

void
table_change_release(table_change *c) {
    batch_release(c->rows);
    c->rows = NULL;
}
