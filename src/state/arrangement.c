/* SPDX-License-Identifier: Apache-2.0 */
/* arrangement.c - see arrangement.h.
 *
 * links[row] chains the rows of one key both ways; heads[key slot] is the newest. */
#include "state/arrangement.h"

#include <stdio.h>

enum { CHAIN_AHEAD = 8 };

typedef struct link {
    slot next, previous, key;
} link;

static link *
link_at(const arrangement *a, slot row) {
    return ARRAY_AT(&a->links, link, row);
}

static slot *
head_at(const arrangement *a, slot key) {
    return ARRAY_AT(&a->heads, slot, key);
}

static int64_t *
weight_at(const arrangement *a, slot row) {
    return ARRAY_AT(&a->weights, int64_t, row);
}

static int64_t
weight_of(const arrangement *a, slot row) {
    return a->weights.count == 0 ? 1 : *weight_at(a, row);
}

/* From now on each row has a weight of its own. */
static status
make_weights(arrangement *a, error *err) {
    const uint64_t count = a->links.count;
    if (a->weights.count == count) {
        return OK;
    }
    assert(a->append_only && a->weights.count == 0);
    TRY(array_append(&a->weights, count, NULL, err));
    for (uint64_t row = 0; row < count; row++) {
        *weight_at(a, (slot)row) = 1;
    }
    return OK;
}

/* ---- open and close */

static status
open_parts(arrangement *a, store *s, const char *name, const data_type *types,
           const data_type *key_types, error *err) {
    char label[160];
    snprintf(label, sizeof(label), "%.120s.keys", name);
    TRY(group_table_open(&a->keys, s, label, key_types, a->key_count, err));
    group_table_allow_dense(&a->keys);
    snprintf(label, sizeof(label), "%.120s.rows", name);
    if (a->append_only) {
        TRY(state_columns_open(&a->append_rows, s, label, types, a->column_count, err));
    } else {
        TRY(group_table_open(&a->rows, s, label, types, a->column_count, err));
    }
    snprintf(label, sizeof(label), "%.120s.heads", name);
    TRY(array_open(&a->heads, s, label, sizeof(slot), err));
    snprintf(label, sizeof(label), "%.120s.links", name);
    TRY(array_open(&a->links, s, label, sizeof(link), err));
    snprintf(label, sizeof(label), "%.120s.totals", name);
    TRY(array_open(&a->totals, s, label, sizeof(int64_t), err));
    snprintf(label, sizeof(label), "%.120s.weights", name);
    return array_open(&a->weights, s, label, sizeof(int64_t), err);
}

status
arrangement_open(arrangement *a, store *s, const char *name, const data_type *types,
                 int32_t column_count, const int32_t *key_columns, int32_t key_count,
                 bool append_only, error *err) {
    mem *m = store_mem(s);
    *a = (arrangement){
        .key_count = key_count, .column_count = column_count, .append_only = append_only, .mem = m};
    const size_t n = (size_t)key_count;
    data_type   *key_types = NULL;
    status       result = OK;
    if (key_count > 0) {
        a->key_columns = mem_alloc(m, n * sizeof(*a->key_columns));
        key_types = mem_alloc(m, n * sizeof(*key_types));
        if (a->key_columns == NULL || key_types == NULL) {
            result = error_memory(err);
            goto cleanup;
        }
        memcpy(a->key_columns, key_columns, n * sizeof(*key_columns));
        for (int32_t k = 0; k < key_count; k++) {
            key_types[k] = types[key_columns[k]];
        }
    }
    result = open_parts(a, s, name, types, key_types, err);
cleanup:
    mem_free(m, key_types, n * sizeof(*key_types));
    if (result < 0) {
        arrangement_close(a);
    }
    return result;
}

status
arrangement_age(arrangement *a, store *s, const char *name, data_type type, int32_t number,
                int64_t page_width, error *err) {
    char label[160];
    snprintf(label, sizeof(label), "%.120s.ages", name);
    a->aged = true;
    a->age_column = number;
    a->page_width = page_width;
    return calendar_open(&a->ages, s, label, type, err);
}

status
arrangement_forget_after(arrangement *a, store *s, const char *name, int64_t ttl_us, error *err) {
    a->clock_us = INT64_MIN;
    return ages_open(&a->touched, s, name, ttl_us, err);
}

void
arrangement_close(arrangement *a) {
    if (a->mem == NULL) {
        return;
    }
    calendar_close(&a->ages);
    ages_close(&a->touched);
    group_table_close(&a->keys);
    group_table_close(&a->rows);
    state_columns_close(&a->append_rows);
    array_close(&a->heads);
    array_close(&a->links);
    array_close(&a->totals);
    array_close(&a->weights);
    mem_free(a->mem, a->key_columns, (size_t)a->key_count * sizeof(*a->key_columns));
    *a = (arrangement){0};
}

const state_columns *
arrangement_columns(const arrangement *a) {
    return a->append_only ? &a->append_rows : &a->rows.keys;
}

bool
arrangement_has_row(const arrangement *a, slot row) {
    return a->append_only ? row < a->links.count && weight_of(a, row) != 0
                          : group_table_is_live(&a->rows, row);
}

bool
arrangement_has_key(const arrangement *a, slot key) {
    return group_table_is_live(&a->keys, key);
}

uint64_t
arrangement_slot_count(const arrangement *a) {
    return a->links.count;
}

uint64_t
arrangement_key_count(const arrangement *a) {
    return group_table_slot_count(&a->keys);
}

slot
arrangement_key(const arrangement *a, slot row) {
    return link_at(a, row)->key;
}

slot
arrangement_first(const arrangement *a, slot key) {
    return *head_at(a, key);
}

slot
arrangement_next(const arrangement *a, slot row) {
    return link_at(a, row)->next;
}

static int64_t *
total_at(const arrangement *a, slot key) {
    return ARRAY_AT(&a->totals, int64_t, key);
}

int64_t
arrangement_total(const arrangement *a, slot key) {
    return *total_at(a, key);
}

int64_t
arrangement_weight(const arrangement *a, slot row) {
    return weight_of(a, row);
}

bool
arrangement_is_plain(const arrangement *a) {
    return a->append_only && a->weights.count == 0;
}

/* ---- update */

typedef struct change { /* one call of update */
    delta    rows;      /* what is stored: those with a key */
    slot    *slots;     /* row slot of each */
    uint8_t *is_new;
    slot    *key_slots; /* of each new row, in order of new_rows */
    int32_t *new_rows;
    int32_t  new_count;
    arena   *scratch;
} change;

static bool
skips_nulls(const arrangement *a, int32_t key) {
    return a->null_safe == NULL || !a->null_safe[key];
}

static bool
any_nulls(const arrangement *a, const column *columns) {
    if (a->aged && columns[a->age_column].validity != NULL) {
        return true;
    }
    for (int32_t k = 0; k < a->key_count; k++) {
        if (columns[a->key_columns[k]].validity != NULL && skips_nulls(a, k)) {
            return true;
        }
    }
    return false;
}

bool
arrangement_is_keyless(const arrangement *a, const column *columns, int32_t row) {
    for (int32_t k = 0; k < a->key_count; k++) {
        if (column_is_null(&columns[a->key_columns[k]], row) && skips_nulls(a, k)) {
            return true;
        }
    }
    return a->aged && column_is_null(&columns[a->age_column], row);
}

/* Leaves rows without a key out of c->rows; *kept lists the others, or is NULL when that is all. */
static status
drop_null_keys(const arrangement *a, change *c, const delta *in, const int32_t **kept, error *err) {
    c->rows = *in;
    *kept = NULL;
    if (!any_nulls(a, in->columns)) {
        return OK;
    }
    int32_t *rows = arena_alloc(c->scratch, (size_t)in->row_count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[count] = i;
        count += !arrangement_is_keyless(a, in->columns, i);
    }
    if (count < in->row_count) {
        *kept = rows;
        c->rows.row_count = count;
        return count == 0 ? OK : delta_gather(&c->rows, in, rows, count, c->scratch, err);
    }
    return OK;
}

/* Row slots: found or made by value, or simply appended. */
static status
map_rows(arrangement *a, change *c, error *err) {
    const int32_t n = c->rows.row_count;
    if (a->append_only) {
        const uint64_t first = a->links.count;
        if (first + (uint64_t)n >= SLOT_NONE) {
            return error_set(err, ERR_QUERY_FAILED,
                             "more than %llu rows in the state of one join input; bound the join "
                             "in time",
                             (unsigned long long)first);
        }
        TRY(state_columns_append(&a->append_rows, c->rows.columns, n, err));
        for (int32_t i = 0; i < n; i++) {
            c->slots[i] = (slot)first + (slot)i;
            c->is_new[i] = 1;
        }
        /* link_rows writes all of them */
        if (c->rows.weight != NULL || a->weights.count > 0) {
            TRY(make_weights(a, err));
            TRY(array_append(&a->weights, (uint64_t)n, NULL, err));
        }
        return array_append(&a->links, (uint64_t)n, NULL, err);
    }
    TRY(group_table_map(&a->rows, c->rows.columns, n, c->slots, c->is_new, c->scratch, err));
    const uint64_t row_limit = group_table_slot_count(&a->rows);
    TRY(array_reserve_to(&a->weights, row_limit, err));
    TRY(array_reserve_to(&a->links, row_limit, err));
    TRY(array_touch_each(&a->weights, c->slots, n, err));
    return array_touch_each(&a->links, c->slots, n, err);
}

/* Key slots of the new rows. */
static status
map_keys(arrangement *a, change *c, error *err) {
    column *keys = arena_alloc(c->scratch, (size_t)a->key_count * sizeof(*keys));
    if (keys == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < c->rows.row_count; i++) {
        c->new_rows[c->new_count] = i;
        c->new_count += c->is_new[i];
    }
    if (c->new_count == 0) {
        return OK;
    }
    for (int32_t k = 0; k < a->key_count; k++) {
        const column *in = &c->rows.columns[a->key_columns[k]];
        if (c->new_count == c->rows.row_count) {
            keys[k] = *in;
        } else {
            TRY(column_gather(&keys[k], in, c->new_rows, c->new_count, c->scratch, err));
        }
    }
    uint8_t *fresh = arena_alloc(c->scratch, (size_t)c->new_count);
    if (fresh == NULL) {
        return error_memory(err);
    }
    TRY(group_table_map(&a->keys, keys, c->new_count, c->key_slots, fresh, c->scratch, err));
    TRY(array_reserve_to(&a->heads, group_table_slot_count(&a->keys), err));
    TRY(array_touch_each(&a->heads, c->key_slots, c->new_count, err));
    if (a->keep_totals) {
        TRY(array_reserve_to(&a->totals, group_table_slot_count(&a->keys), err));
    }
    for (int32_t i = 0; i < c->new_count; i++) {
        if (fresh[i]) {
            *head_at(a, c->key_slots[i]) = SLOT_NONE;
            if (a->keep_totals) {
                TRY(array_touch(&a->totals, c->key_slots[i], 1, err));
                *total_at(a, c->key_slots[i]) = 0;
            }
        }
    }
    return OK;
}

/* The heads of chains and their links are anywhere in memory: asked for ahead, first the head, then
 * the link that it names. */
ALWAYS_INLINE void
prefetch_chain(const arrangement *a, const slot *keys, int32_t at, int32_t count) {
    if (at + 2 * CHAIN_AHEAD < count && keys[at + 2 * CHAIN_AHEAD] != SLOT_NONE) {
        PREFETCH(head_at(a, keys[at + 2 * CHAIN_AHEAD]));
    }
    if (at + CHAIN_AHEAD < count && keys[at + CHAIN_AHEAD] != SLOT_NONE) {
        const slot head = *head_at(a, keys[at + CHAIN_AHEAD]);
        if (head != SLOT_NONE) {
            PREFETCH(link_at(a, head));
        }
    }
}

/* Every row is new and has the weight 1. */
static bool
is_plain_append(const arrangement *a, const change *c) {
    return a->append_only && c->rows.weight == NULL;
}

static status
link_rows(arrangement *a, const change *c, error *err) {
    const int64_t weight = is_plain_append(a, c);
    const bool    weighted = a->weights.count > 0;
    for (int32_t i = 0; i < c->new_count; i++) {
        prefetch_chain(a, c->key_slots, i, c->new_count);
        const slot row = c->slots[c->new_rows[i]];
        const slot key = c->key_slots[i];
        if (weighted) {
            *weight_at(a, row) = weight;
        }
        *link_at(a, row) = (link){.next = SLOT_NONE, .previous = SLOT_NONE, .key = key};
        const slot head = *head_at(a, key);
        if (head != SLOT_NONE) {
            TRY(array_touch(&a->links, head, 1, err));
            link_at(a, head)->previous = row;
            link_at(a, row)->next = head;
        }
        *head_at(a, key) = row;
    }
    return OK;
}

/* New rows onto the pages of their times. */
static status
age_rows(arrangement *a, const change *c, error *err) {
    const int64_t *times = c->rows.columns[a->age_column].values;
    int64_t       *pages = arena_alloc(c->scratch, (size_t)c->new_count * sizeof(*pages));
    slot          *slots = arena_alloc(c->scratch, (size_t)c->new_count * sizeof(*slots));
    if (pages == NULL || slots == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < c->new_count; i++) {
        pages[i] = floor_div_i64(times[c->new_rows[i]], a->page_width);
        slots[i] = c->slots[c->new_rows[i]];
    }
    const column ages = {.type = a->ages.times.keys.types[0], .values = pages};
    return calendar_add(&a->ages, &ages, slots, c->new_count, a->links.count, c->scratch, err);
}

bool
arrangement_oldest(const arrangement *a, int64_t *time) {
    const slot page = calendar_first(&a->ages);
    if (page == SLOT_NONE) {
        return false;
    }
    const int64_t first = sat_mul_i64(calendar_time(&a->ages, page), a->page_width);
    *time = sat_add_i64(first, a->page_width - 1);
    return true;
}

static status
unlink_row(arrangement *a, slot row, error *err) {
    const link l = *link_at(a, row);
    if (l.next != SLOT_NONE) {
        TRY(array_touch(&a->links, l.next, 1, err));
        link_at(a, l.next)->previous = l.previous;
    }
    if (l.previous != SLOT_NONE) {
        TRY(array_touch(&a->links, l.previous, 1, err));
        link_at(a, l.previous)->next = l.next;
        return OK;
    }
    TRY(array_touch(&a->heads, l.key, 1, err));
    *head_at(a, l.key) = l.next;
    return l.next == SLOT_NONE ? group_table_remove(&a->keys, l.key, err) : OK;
}

static status
add_totals(arrangement *a, const change *c, error *err) {
    for (int32_t i = 0; i < c->rows.row_count; i++) {
        const slot key = link_at(a, c->slots[i])->key;
        TRY(array_touch(&a->totals, key, 1, err));
        if (__builtin_add_overflow(*total_at(a, key),
                                   c->rows.weight == NULL ? 1 : c->rows.weight[i],
                                   total_at(a, key))) {
            return error_set(err, ERR_QUERY_FAILED,
                             "join: a key has more rows than can be counted");
        }
    }
    return OK;
}

static status
add_weights(arrangement *a, change *c, error *err) {
    const int64_t *weight = c->rows.weight;
    int64_t       *weights = weight_at(a, 0);
    bool           gone = false;
    for (int32_t i = 0; i < c->rows.row_count; i++) {
        weights[c->slots[i]] += weight == NULL ? 1 : weight[i];
    }
    for (int32_t i = 0; i < c->rows.row_count; i++) {
        gone |= weights[c->slots[i]] == 0;
    }
    if (!gone) {
        return OK;
    }
    assert(!a->append_only);
    for (int32_t i = 0; i < c->rows.row_count; i++) {
        const slot row = c->slots[i];
        if (weights[row] == 0) {
            if (group_table_is_live(&a->rows, row)) { /* else an equal row of this delta was here */
                TRY(unlink_row(a, row, err));
                TRY(a->aged ? calendar_remove(&a->ages, row, err) : OK);
                TRY(ages_remove(&a->touched, row, err));
                TRY(group_table_remove(&a->rows, row, err));
            }
            c->slots[i] = SLOT_NONE;
        }
    }
    return OK;
}

static status
change_alloc(change *c, int32_t row_count, error *err) {
    const size_t n = (size_t)row_count;
    c->slots = arena_alloc(c->scratch, n * sizeof(*c->slots));
    c->is_new = arena_alloc(c->scratch, n);
    c->key_slots = arena_alloc(c->scratch, n * sizeof(*c->key_slots));
    c->new_rows = arena_alloc(c->scratch, n * sizeof(*c->new_rows));
    return c->slots == NULL || c->is_new == NULL || c->key_slots == NULL || c->new_rows == NULL
               ? error_memory(err)
               : OK;
}

static status
apply(arrangement *a, change *c, const delta *in, slot *row_slots, error *err) {
    const int32_t *kept;
    TRY(change_alloc(c, in->row_count, err));
    TRY(drop_null_keys(a, c, in, &kept, err));
    if (c->rows.row_count > 0) {
        TRY(map_rows(a, c, err));
        TRY(map_keys(a, c, err));
        TRY(link_rows(a, c, err));
        TRY(a->aged && c->new_count > 0 ? age_rows(a, c, err) : OK);
        if (a->keep_totals) {
            TRY(add_totals(a, c, err));
        }
        TRY(is_plain_append(a, c) ? OK : add_weights(a, c, err));
        TRY(ages_touch(&a->touched, a->clock_us, c->slots, c->rows.row_count, a->links.count,
                       c->scratch, err));
    }
    if (row_slots != NULL && kept == NULL) {
        memcpy(row_slots, c->slots, (size_t)in->row_count * sizeof(*row_slots));
    } else if (row_slots != NULL) {
        memset(row_slots, 0xff, (size_t)in->row_count * sizeof(*row_slots)); /* SLOT_NONE */
        for (int32_t i = 0; i < c->rows.row_count; i++) {
            row_slots[kept[i]] = c->slots[i];
        }
    }
    return OK;
}

status
arrangement_update(arrangement *a, const delta *in, slot *row_slots, arena *scratch, error *err) {
    assert(in->column_count == a->column_count);
    const arena_mark mark = arena_save(scratch);
    change           c = {.scratch = scratch};
    const status     result = apply(a, &c, in, row_slots, err);
    arena_rewind(scratch, mark);
    return result;
}

static status
drop_row(arrangement *a, slot row, error *err) {
    if (a->keep_totals) {
        const slot key = arrangement_key(a, row);
        TRY(array_touch(&a->totals, key, 1, err));
        *total_at(a, key) -= weight_of(a, row);
    }
    TRY(unlink_row(a, row, err));
    if (!a->append_only) {
        return group_table_remove(&a->rows, row, err);
    }
    TRY(make_weights(a, err));
    TRY(array_touch(&a->weights, row, 1, err));
    *weight_at(a, row) = 0;
    state_columns_clear(&a->append_rows, row);
    a->gone_count++;
    return OK;
}

status
arrangement_drop_oldest(arrangement *a, error *err) {
    const slot page = calendar_first(&a->ages);
    for (slot row = calendar_first_on(&a->ages, page); row != SLOT_NONE;
         row = calendar_next_on(&a->ages, row)) {
        TRY(drop_row(a, row, err));
    }
    return calendar_drop(&a->ages, page, err);
}

status
arrangement_drop(arrangement *a, slot row, error *err) {
    TRY(a->aged ? calendar_remove(&a->ages, row, err) : OK);
    TRY(ages_remove(&a->touched, row, err));
    return drop_row(a, row, err);
}

static status
drop_idle(void *context, slot row, error *err) {
    return drop_row(context, row, err);
}

status
arrangement_drop_over(arrangement *a, int64_t clock_us, arena *scratch, error *err) {
    return ages_drain(&a->touched, clock_us, drop_idle, a, scratch, err);
}

/* ---- reading */

status
arrangement_find(const arrangement *a, const column *keys, int32_t row_count, slot *key_slots,
                 arena *scratch, error *err) {
    TRY(group_table_find(&a->keys, keys, row_count, key_slots, scratch, err));
    for (int32_t k = 0; k < a->key_count; k++) {
        if (keys[k].validity == NULL || !skips_nulls(a, k)) {
            continue;
        }
        for (int32_t i = 0; i < row_count; i++) {
            if (column_is_null(&keys[k], i)) {
                key_slots[i] = SLOT_NONE;
            }
        }
    }
    return OK;
}

int32_t
arrangement_pairs(const arrangement *a, probe_cursor *c, int32_t row_count, int32_t *probe_rows,
                  slot *stored_rows, int32_t pairs_max) {
    if (!c->started) {
        *c = (probe_cursor){
            .key_slots = c->key_slots, .row = -1, .next = SLOT_NONE, .started = true};
    }
    int32_t pairs = 0;
    while (pairs < pairs_max) {
        if (c->next == SLOT_NONE) {
            if (c->row + 1 >= row_count) {
                break;
            }
            c->row++;
            prefetch_chain(a, c->key_slots, c->row, row_count);
            const slot key = c->key_slots[c->row];
            c->next = key == SLOT_NONE ? SLOT_NONE : *head_at(a, key);
            continue;
        }
        probe_rows[pairs] = c->row;
        stored_rows[pairs++] = c->next;
        c->next = link_at(a, c->next)->next;
    }
    return pairs;
}

void
probe_skip_row(probe_cursor *c) {
    c->next = SLOT_NONE;
}

int64_t
arrangement_row_count(const arrangement *a) {
    return (int64_t)(a->append_only ? a->links.count - a->gone_count : a->rows.live_count);
}

int32_t
arrangement_scan(const arrangement *a, uint64_t *next_slot, slot *rows, int64_t *weights,
                 int32_t rows_max) {
    const uint64_t count = a->links.count;
    uint64_t       s = *next_slot;
    int32_t        n = 0;
    for (; s < count && n < rows_max; s++) {
        if (arrangement_has_row(a, (slot)s)) {
            rows[n] = (slot)s;
            weights[n++] = weight_of(a, (slot)s);
        }
    }
    *next_slot = s;
    return n;
}

/* ---- after a restore */

static bool
is_row(const void *of, slot s) {
    return arrangement_has_row(of, s);
}

slot_set
arrangement_rows(const arrangement *a) {
    return (slot_set){.count = a->links.count, .has = is_row, .of = a};
}

/* The chain of one key; *chained: rows on it and on those before. */
static bool
chain_holds(const arrangement *a, slot key, uint64_t *chained) {
    slot     previous = SLOT_NONE;
    uint64_t total = 0;
    for (slot row = *head_at(a, key); row != SLOT_NONE; row = link_at(a, row)->next) {
        if (row >= a->links.count || !arrangement_has_row(a, row) || weight_of(a, row) == 0) {
            return false;
        }
        const link *l = link_at(a, row);
        if (l->key != key || l->previous != previous) {
            return false; /* or it runs in a circle */
        }
        previous = row;
        total += (uint64_t)weight_of(a, row);
        ++*chained;
    }
    return previous != SLOT_NONE && (!a->keep_totals || total == (uint64_t)*total_at(a, key));
}

static status
rebuild_rows(arrangement *a, error *err) {
    const uint64_t count = a->links.count;
    const bool     plain = arrangement_is_plain(a);
    if ((a->weights.count != count && !plain) || count >= SLOT_NONE) {
        return image_corrupt("links and weights of rows", err);
    }
    a->gone_count = 0;
    if (!a->append_only) {
        TRY(group_table_rebuild(&a->rows, err));
        const slot_set used = group_table_slots(&a->rows);
        return used.count <= count ? OK : image_corrupt("rows without a weight", err);
    }
    for (uint64_t row = 0; !plain && row < count; row++) {
        a->gone_count += *weight_at(a, (slot)row) == 0;
    }
    if (a->column_count > 0 && state_columns_count(&a->append_rows) != count) {
        return image_corrupt("rows and their weights", err);
    }
    const slot_set rows = arrangement_rows(a);
    return state_columns_check(&a->append_rows, &rows, err);
}

status
arrangement_rebuild(arrangement *a, error *err) {
    uint64_t chained = 0;
    TRY(group_table_rebuild(&a->keys, err));
    TRY(rebuild_rows(a, err));
    const slot_set rows = arrangement_rows(a);
    const slot_set keys = group_table_slots(&a->keys);
    if (a->heads.count < keys.count || (a->keep_totals && a->totals.count < keys.count)) {
        return image_corrupt("chains of keys", err);
    }
    for (uint64_t key = 0; key < keys.count; key++) {
        if (slot_set_has(&keys, key) && !chain_holds(a, (slot)key, &chained)) {
            return image_corrupt("the rows of a key", err);
        }
    }
    if (chained != (uint64_t)arrangement_row_count(a)) {
        return image_corrupt("rows without a key", err);
    }
    TRY(a->aged ? calendar_rebuild(&a->ages, &rows, true, err) : OK);
    return ages_rebuild(&a->touched, &rows, err);
}

/* ---- validate */

static status
broken(error *err, const char *what, uint64_t s) {
    return error_set(err, ERR_INTERNAL_ERROR, "arrangement: %s (slot %llu)", what,
                     (unsigned long long)s);
}

/* The chain of one key: its rows know the key and each other. */
static status
check_chain(const arrangement *a, slot key, uint64_t *chained, error *err) {
    const uint64_t count = a->links.count;
    slot           previous = SLOT_NONE;
    slot           row = *head_at(a, key);
    int64_t        total = 0;
    if (row == SLOT_NONE) {
        return broken(err, "a key without rows", key);
    }
    for (; row != SLOT_NONE; row = link_at(a, row)->next) {
        if (row >= count || !arrangement_has_row(a, row) || link_at(a, row)->key != key ||
            link_at(a, row)->previous != previous) {
            return broken(err, "a chain is broken", row);
        }
        if (++*chained > count) {
            return broken(err, "a chain runs in a circle", key);
        }
        previous = row;
        total += weight_of(a, row);
    }
    if (a->keep_totals && total != *total_at(a, key)) {
        return broken(err, "a total that is not the sum of the weights", key);
    }
    return OK;
}

status
arrangement_validate(const arrangement *a, error *err) {
    TRY(group_table_validate(&a->keys, err));
    if (!a->append_only) {
        TRY(group_table_validate(&a->rows, err));
    }
    uint64_t chained = 0;
    for (uint64_t k = 0; k < group_table_slot_count(&a->keys); k++) {
        if (group_table_is_live(&a->keys, (slot)k)) {
            TRY(check_chain(a, (slot)k, &chained, err));
        }
    }
    uint64_t live = 0;
    for (uint64_t s = 0; s < a->links.count; s++) {
        if (arrangement_has_row(a, (slot)s)) {
            live++;
            if (weight_of(a, (slot)s) == 0) {
                return broken(err, "a row of weight 0", s);
            }
        }
    }
    if (live != (uint64_t)arrangement_row_count(a)) {
        return broken(err, "a count of rows that is not theirs", live);
    }
    TRY(a->aged ? calendar_validate(&a->ages, live, err) : OK);
    return live == chained ? OK : broken(err, "rows outside of the chains", live - chained);
}
