/* SPDX-License-Identifier: Apache-2.0 */
/* conflate.c - many entries of a change log as one: for each key that changed its last row, or that
 * it left.
 *
 * Entries are walked from the newest back; the first sight of a key is its last state. Within one
 * entry a key is shown or gone, never both. */
#include "exec/changelog.h"
#include "state/group_table.h"

typedef struct conflater {
    mem            *mem;
    const lag_rule *rule;
    arena           arena;
    store          *store;
    group_table     keys;
    log_changes     out; /* lists in the arena, with room for all batches */
} conflater;

/* Rows of b whose key was not seen yet; NULL in *out when there are none. */
static status
unseen_rows(conflater *c, const batch *b, batch **out, error *err) {
    const int32_t    n = b->rows.row_count;
    const int32_t    key_count = c->rule->key_count;
    const arena_mark mark = arena_save(&c->arena);
    column          *keys = arena_alloc(&c->arena, sizeof(column) * (size_t)key_count);
    slot            *slots = arena_alloc(&c->arena, sizeof(slot) * (size_t)n);
    uint8_t         *is_new = arena_alloc(&c->arena, (size_t)n);
    int32_t         *rows = arena_alloc(&c->arena, sizeof(int32_t) * (size_t)n);
    *out = NULL;
    if (keys == NULL || slots == NULL || is_new == NULL || rows == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < key_count; i++) {
        TRY(column_views(&keys[i], &b->rows.columns[c->rule->key_columns[i]], n, &c->arena, err));
    }
    TRY(group_table_map(&c->keys, keys, n, slots, is_new, &c->arena, err));
    int32_t count = 0;
    for (int32_t i = 0; i < n; i++) {
        rows[count] = i;
        count += is_new[i];
    }
    if (count > 0) {
        delta picked;
        TRY(delta_gather(&picked, &b->rows, rows, count, &c->arena, err));
        picked.weight = NULL;
        TRY(batch_keep(out, c->mem, &picked, err));
    }
    arena_rewind(&c->arena, mark);
    return OK;
}

static status
add_entry(conflater *c, const log_entry *e, error *err) {
    for (int32_t i = 0; i < e->shown_count + e->gone_count; i++) {
        batch *left;
        TRY(unseen_rows(c, e->shown[i], &left, err)); /* gone ones lie behind */
        if (left != NULL && i < e->shown_count) {
            c->out.shown[c->out.shown_count++] = left;
        } else if (left != NULL) {
            c->out.gone[c->out.gone_count++] = left;
        }
    }
    return OK;
}

static log_entry *
entry_after(const log_entry *e) {
    return atomic_load_explicit(&e->next, memory_order_acquire);
}

/* Walks all entries from the newest to the oldest. */
static status
walk(conflater *c, log_entry *merged, log_entry *first, log_position *at, error *err) {
    int32_t entries = merged != NULL;
    size_t  batches = merged == NULL ? 0 : (size_t)(merged->shown_count + merged->gone_count);
    for (const log_entry *e = first; e != NULL; e = entry_after(e)) {
        entries++;
        batches += (size_t)(e->shown_count + e->gone_count);
    }
    log_entry **list = arena_alloc(&c->arena, sizeof(*list) * (size_t)(entries + 1));
    c->out.shown = arena_alloc(&c->arena, sizeof(batch *) * (batches + 1));
    c->out.gone = arena_alloc(&c->arena, sizeof(batch *) * (batches + 1));
    if (list == NULL || c->out.shown == NULL || c->out.gone == NULL) {
        return error_memory(err);
    }
    int32_t n = 0;
    if (merged != NULL) {
        list[n++] = merged;
    }
    for (log_entry *e = first; e != NULL; e = entry_after(e)) {
        list[n++] = e;
    }
    *at = list[n - 1]->position;
    for (int32_t i = n - 1; i >= 0; i--) {
        TRY(add_entry(c, list[i], err));
    }
    return OK;
}

static status
open_keys(conflater *c, error *err) {
    const int32_t count = c->rule->key_count;
    data_type    *types = arena_alloc(&c->arena, sizeof(*types) * (size_t)count);
    if (types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        types[i] = c->rule->shape->fields[c->rule->key_columns[i]].type;
    }
    TRY(store_open(&c->store, c->mem, err));
    return group_table_open(&c->keys, c->store, "conflate.keys", types, count, err);
}

status
log_conflate(log_entry **out, mem *m, log_entry *merged, log_entry *first, const lag_rule *rule,
             error *err) {
    conflater    c = {.mem = m, .rule = rule};
    log_position at = {0};
    arena_init(&c.arena, m);
    status s = open_keys(&c, err);
    if (s == OK) {
        s = walk(&c, merged, first, &at, err);
    }
    if (c.store != NULL) {
        group_table_close(&c.keys);
        store_close(c.store);
    }
    if (s == OK) {
        s = log_entry_make(out, NULL, m, at, &c.out, err);
    } else {
        for (int32_t i = 0; i < c.out.shown_count; i++) {
            batch_release(c.out.shown[i]);
        }
        for (int32_t i = 0; i < c.out.gone_count; i++) {
            batch_release(c.out.gone[i]);
        }
    }
    arena_fini(&c.arena);
    return s;
}
