/* SPDX-License-Identifier: Apache-2.0 */
/* state.c - rows per second of each structure that operator state is made of, and bytes of what
 * they remember, with an answer check each. bench/run.py builds and runs it. */
#include "micro.h"

#include "base/rng.h"
#include "kernel/kernel.h"
#include "state/arrangement.h"

#define BATCHES 128
#define ROWS (BATCHES * BATCH_ROWS)
#define TEXT_MAX 32

typedef struct data {
    mem      m;
    arena    a;
    store   *s;
    int64_t *keys, *values, *places; /* keys and values of rows; a random order of 0 .. ROWS-1 */
    strview *longs;
    char    *bytes;
    slot    *slots, *found;
    int64_t  key_count, total, rows_read;
    bool     append_only, with_text;

    group_table     groups;
    arrangement     rows;
    ordered         order;
    calendar        times;
    state_columns   columns;
    text_heap       heap;
    state_array     array;
    store_snapshot *shot;
    strview        *stored;
} data;

static column
batch_of(type_id id, const void *values, int64_t first) {
    const data_type t = type_of(id);
    return (column){.type = t, .values = (const char *)values + first * type_width(t)};
}

static status
open_store(data *d, error *err) {
    return store_open(&d->s, &d->m, err);
}

static void
close_store(data *d) {
    store_close(d->s);
    d->s = NULL;
    arena_reset(&d->a);
}

/* ---- group table: all keys are new, then all are known */

static status
open_groups(void *context, error *err) {
    data           *d = context;
    const data_type types[] = {type_of(d->with_text ? TYPE_TEXT : TYPE_I64)};
    TRY(open_store(d, err));
    return group_table_open(&d->groups, d->s, "groups", types, 1, err);
}

static status
map_all(void *context, error *err) {
    data *d = context;
    for (int64_t first = 0; first < ROWS; first += BATCH_ROWS) {
        const column key = d->with_text ? batch_of(TYPE_TEXT, d->longs, first)
                                        : batch_of(TYPE_I64, d->keys, first);
        TRY(group_table_map(&d->groups, &key, BATCH_ROWS, d->slots + first, NULL, &d->a, err));
        arena_reset(&d->a);
    }
    return OK;
}

static status
open_known_groups(void *context, error *err) {
    TRY(open_groups(context, err));
    return map_all(context, err);
}

static status
close_groups(void *context, error *err) {
    data *d = context;
    (void)err;
    group_table_close(&d->groups);
    close_store(d);
    return OK;
}

/* One slot a key, and the other way round. */
static bool
groups_are_right(void *context) {
    data *d = context;
    memset(d->found, 0xff, (size_t)d->key_count * sizeof(slot));
    for (int64_t i = 0; i < ROWS; i++) {
        slot *of = &d->found[d->keys[i]];
        *of = *of == SLOT_NONE ? d->slots[i] : *of;
        if (*of != d->slots[i]) {
            return false;
        }
    }
    return (int64_t)d->groups.live_count <= d->key_count;
}

/* ---- arrangement: rows of BIGINT key and value go in, are found, and leave */

static status
open_rows(void *context, error *err) {
    data           *d = context;
    const data_type types[] = {type_of(TYPE_I64), type_of(TYPE_I64)};
    const int32_t   key = 0;
    TRY(open_store(d, err));
    return arrangement_open(&d->rows, d->s, "rows", types, 2, &key, 1, d->append_only, err);
}

static status
update_all(data *d, const int64_t *weights, error *err) {
    for (int64_t first = 0; first < ROWS; first += BATCH_ROWS) {
        const column columns[] = {batch_of(TYPE_I64, d->keys, first),
                                  batch_of(TYPE_I64, d->values, first)};
        const delta  in = {BATCH_ROWS, 2, columns, weights};
        TRY(arrangement_update(&d->rows, &in, NULL, &d->a, err));
        arena_reset(&d->a);
    }
    return OK;
}

static status
add_rows(void *context, error *err) {
    return update_all(context, NULL, err);
}

static status
take_rows_back(void *context, error *err) {
    static int64_t back[BATCH_ROWS];
    for (int32_t i = 0; i < BATCH_ROWS; i++) {
        back[i] = -1;
    }
    return update_all(context, back, err);
}

static status
open_filled_rows(void *context, error *err) {
    TRY(open_rows(context, err));
    return add_rows(context, err);
}

static status
find_pairs(void *context, error *err) {
    data   *d = context;
    int32_t probes[BATCH_ROWS];
    slot    stored[BATCH_ROWS], keys[BATCH_ROWS];
    d->total = d->rows_read = 0;
    for (int64_t first = 0; first < ROWS && d->rows_read < ROWS; first += BATCH_ROWS) {
        const column key = batch_of(TYPE_I64, d->places, first); /* each key at most once */
        TRY(arrangement_find(&d->rows, &key, BATCH_ROWS, keys, &d->a, err));
        probe_cursor cursor = {.key_slots = keys};
        for (;;) {
            const int32_t n =
                arrangement_pairs(&d->rows, &cursor, BATCH_ROWS, probes, stored, BATCH_ROWS);
            if (n == 0) {
                break;
            }
            d->rows_read += n;
            for (int32_t i = 0; i < n; i++) {
                d->total +=
                    *ARRAY_AT(&arrangement_columns(&d->rows)->values[1], int64_t, stored[i]);
            }
        }
        arena_reset(&d->a);
    }
    return OK;
}

static bool
pairs_are_right(void *context) {
    data   *d = context;
    int64_t total = 0;
    for (int64_t i = 0; i < ROWS; i++) {
        total += d->values[i];
    }
    return d->rows_read == ROWS && d->total == total;
}

static bool
rows_are_in(void *context) {
    data *d = context;
    return arrangement_row_count(&d->rows) == ROWS;
}

static bool
rows_are_gone(void *context) {
    data *d = context;
    return arrangement_row_count(&d->rows) == 0;
}

static status
close_rows(void *context, error *err) {
    data *d = context;
    (void)err;
    arrangement_close(&d->rows);
    close_store(d);
    return OK;
}

/* ---- ordered: slots by their value */

static int
by_value(const void *context, slot a, slot b) {
    const data   *d = context;
    const int64_t x = d->places[a], y = d->places[b];
    return (x > y) - (x < y);
}

static status
open_order(void *context, error *err) {
    data *d = context;
    TRY(open_store(d, err));
    return ordered_open(&d->order, d->s, "order", by_value, d, err);
}

static status
insert_all(void *context, error *err) {
    data *d = context;
    for (slot s = 0; s < ROWS; s++) {
        TRY(ordered_insert(&d->order, s, err));
    }
    return OK;
}

static status
open_filled_order(void *context, error *err) {
    TRY(open_order(context, err));
    return insert_all(context, err);
}

static status
rank_all(void *context, error *err) {
    data *d = context;
    (void)err;
    d->total = 0;
    for (slot s = 0; s < ROWS; s++) {
        d->total += ordered_rank(&d->order, s) == (uint64_t)d->places[s];
    }
    return OK;
}

static status
remove_all(void *context, error *err) {
    data *d = context;
    for (slot s = 0; s < ROWS; s++) {
        TRY(ordered_remove(&d->order, s, err));
    }
    return OK;
}

static bool
order_is_right(void *context) {
    data *d = context;
    slot  s = ordered_first(&d->order);
    for (int64_t i = 0; i < ROWS; i++) {
        if (s == SLOT_NONE || d->places[s] != i) {
            return false;
        }
        s = ordered_next(&d->order, s);
    }
    return s == SLOT_NONE;
}

static bool
ranks_are_right(void *context) {
    return ((data *)context)->total == ROWS;
}

static bool
order_is_empty(void *context) {
    return ordered_count(&((data *)context)->order) == 0;
}

static status
close_order(void *context, error *err) {
    data *d = context;
    (void)err;
    ordered_close(&d->order);
    close_store(d);
    return OK;
}

/* ---- calendar: slots by a time, a thousand slots a page */

static status
open_times(void *context, error *err) {
    data *d = context;
    TRY(open_store(d, err));
    return calendar_open(&d->times, d->s, "times", type_of(TYPE_I64), err);
}

static status
add_times(void *context, error *err) {
    data *d = context;
    for (int64_t first = 0; first < ROWS; first += BATCH_ROWS) {
        const column times = batch_of(TYPE_I64, d->keys, first);
        const slot  *slots = d->slots + first;
        TRY(calendar_add(&d->times, &times, slots, BATCH_ROWS, ROWS, &d->a, err));
        arena_reset(&d->a);
    }
    return OK;
}

static status
open_filled_times(void *context, error *err) {
    data *d = context;
    for (slot s = 0; s < ROWS; s++) {
        d->slots[s] = s;
    }
    TRY(open_times(context, err));
    return add_times(context, err);
}

/* As a frontier does: the oldest page, its slots one by one, then the page goes. */
static status
drop_times(void *context, error *err) {
    data   *d = context;
    int64_t before = -1;
    d->total = 0;
    for (slot page; (page = calendar_first(&d->times)) != SLOT_NONE;) {
        const int64_t time = calendar_time(&d->times, page);
        if (time <= before) {
            return error_set(err, ERR_INTERNAL_ERROR, "the pages are not in order");
        }
        before = time;
        for (slot s = calendar_first_on(&d->times, page); s != SLOT_NONE;) {
            d->total += d->keys[s] == time;
            s = calendar_next_on(&d->times, s);
        }
        TRY(calendar_drop(&d->times, page, err));
    }
    return OK;
}

static bool
times_are_in(void *context) {
    data *d = context;
    error err;
    return calendar_validate(&d->times, ROWS, &err) == OK;
}

static bool
times_are_right(void *context) {
    return ((data *)context)->total == ROWS;
}

static status
close_times(void *context, error *err) {
    data *d = context;
    (void)err;
    calendar_close(&d->times);
    close_store(d);
    return OK;
}

/* ---- columns and texts of state */

static status
open_columns(void *context, error *err) {
    data           *d = context;
    const data_type types[] = {type_of(TYPE_I64), type_of(TYPE_TEXT)};
    TRY(open_store(d, err));
    TRY(state_columns_open(&d->columns, d->s, "columns", types, 2, err));
    for (slot s = 0; s < ROWS; s++) {
        d->slots[s] = s;
    }
    return state_columns_extend(&d->columns, ROWS, NULL, err);
}

static status
write_columns(void *context, error *err) {
    data *d = context;
    for (int64_t first = 0; first < ROWS; first += BATCH_ROWS) {
        const column columns[] = {batch_of(TYPE_I64, d->keys, first),
                                  batch_of(TYPE_TEXT, d->longs, first)};
        const slot  *slots = d->slots + first;
        TRY(state_columns_write(&d->columns, slots, columns, NULL, BATCH_ROWS, err));
    }
    return OK;
}

static status
open_filled_columns(void *context, error *err) {
    TRY(open_columns(context, err));
    return write_columns(context, err);
}

static status
read_columns(void *context, error *err) {
    data *d = context;
    d->total = 0;
    for (int64_t first = 0; first < ROWS; first += BATCH_ROWS) {
        for (int32_t c = 0; c < 2; c++) {
            column      out;
            const slot *slots = d->slots + first;
            TRY(state_columns_read(&d->columns, c, slots, BATCH_ROWS, &d->a, &out, err));
            const int64_t *numbers = out.values;
            const strview *texts = out.values;
            d->total +=
                c == 0 ? numbers[0] == d->keys[first] : texts[0].size == d->longs[first].size;
        }
        arena_reset(&d->a);
    }
    return OK;
}

static bool
columns_are_right(void *context) {
    data *d = context;
    for (int64_t first = 0; first < ROWS; first += BATCH_ROWS) {
        uint8_t      same[BATCH_ROWS];
        const column columns[] = {batch_of(TYPE_I64, d->keys, first),
                                  batch_of(TYPE_TEXT, d->longs, first)};
        memset(same, 1, sizeof(same));
        state_columns_equal(&d->columns, same, d->slots + first, columns, NULL, BATCH_ROWS);
        for (int32_t i = 0; i < BATCH_ROWS; i++) {
            if (!same[i]) {
                return false;
            }
        }
    }
    return true;
}

static bool
reading_is_right(void *context) {
    return ((data *)context)->total == 2 * BATCHES && columns_are_right(context);
}

static status
close_columns(void *context, error *err) {
    data *d = context;
    (void)err;
    state_columns_close(&d->columns);
    close_store(d);
    return OK;
}

static status
open_heap(void *context, error *err) {
    data *d = context;
    TRY(open_store(d, err));
    return text_heap_open(&d->heap, d->s, "heap", err);
}

static status
put_texts(void *context, error *err) {
    data *d = context;
    for (int64_t i = 0; i < ROWS; i++) {
        TRY(text_heap_put(&d->heap, &d->stored[i], &d->longs[i], err));
    }
    return OK;
}

static bool
texts_are_right(void *context) {
    data *d = context;
    for (int64_t i = 0; i < ROWS; i++) {
        if (!text_heap_equal(&d->heap, &d->stored[i], &d->longs[i])) {
            return false;
        }
    }
    return true;
}

static status
close_heap(void *context, error *err) {
    data *d = context;
    (void)err;
    text_heap_close(&d->heap);
    close_store(d);
    return OK;
}

/* ---- the store: a block is copied when a snapshot still needs it */

static status
open_array(void *context, error *err) {
    data *d = context;
    TRY(open_store(d, err));
    TRY(array_open(&d->array, d->s, "array", sizeof(int64_t), err));
    TRY(array_extend(&d->array, 8 * ROWS, NULL, err));
    TRY(array_touch(&d->array, 0, 8 * ROWS, err));
    for (int64_t i = 0; i < INT64_C(8) * ROWS; i++) {
        *ARRAY_AT(&d->array, int64_t, i) = i;
    }
    return store_snapshot_open(&d->shot, d->s, err);
}

static status
write_array(void *context, error *err) {
    data *d = context;
    for (uint64_t i = 0; i < UINT64_C(8) * ROWS; i += STORE_BLOCK_BYTES / sizeof(int64_t)) {
        TRY(array_touch(&d->array, i, 1, err));
        *ARRAY_AT(&d->array, int64_t, i) = -1;
    }
    return OK;
}

static bool
snapshot_is_right(void *context) {
    data   *d = context;
    int64_t then = 0;
    error   err;
    for (uint64_t i = 0; i < UINT64_C(8) * ROWS; i += STORE_BLOCK_BYTES / sizeof(int64_t)) {
        if (snapshot_read(d->shot, &d->array, i, 1, &then, &err) < 0 || then != (int64_t)i ||
            *ARRAY_AT(&d->array, int64_t, i) != -1) {
            return false;
        }
    }
    return true;
}

static status
close_array(void *context, error *err) {
    data *d = context;
    (void)err;
    store_snapshot_close(d->shot);
    array_close(&d->array);
    close_store(d);
    return OK;
}

/* ---- running them */

static bool
open_data(data *d, int64_t key_count) {
    rng r;
    rng_init(&r, 1);
    d->key_count = key_count;
    for (int64_t i = 0; i < ROWS; i++) {
        d->places[i] = i;
    }
    for (int64_t i = 0; i < ROWS; i++) {
        char *at = d->bytes + i * TEXT_MAX;
        d->keys[i] = (int64_t)rng_below(&r, (uint64_t)key_count);
        d->values[i] = i;
        const long long k = (long long)d->keys[i];
        d->longs[i] = strview_of(at, (uint32_t)snprintf(at, TEXT_MAX, "a key 20 long %06lld", k));
        const int64_t other = (int64_t)rng_below(&r, (uint64_t)i + 1), kept = d->places[i];
        d->places[i] = d->places[other];
        d->places[other] = kept;
    }
    return true;
}

/* What a key takes in a group table of so many, part by part. */
static status
group_bytes(data *d, error *err) {
    TRY(open_known_groups(d, err));
    const group_table *t = &d->groups;
    const double       n = (double)t->live_count;
    const struct {
        const char *name;
        uint64_t    bytes;
    } parts[] = {
        {"group table, a BIGINT key: key", t->keys.values[0].bytes},
        {"group table, a BIGINT key: hash", t->hashes.bytes},
        {"group table, a BIGINT key: is it live", t->live.bytes},
        {"group table, a BIGINT key: index", t->index_size * sizeof(*t->index)},
        {"group table, a BIGINT key: free slots", t->free_capacity * sizeof(slot)},
        {"group table, a BIGINT key: all", (uint64_t)d->m.bytes_used},
    };
    for (int32_t i = 0; i < ARRAY_COUNT(parts); i++) {
        micro_print(parts[i].name, (double)parts[i].bytes / n, "bytes", (long long)n);
    }
    return close_groups(d, err);
}

#define RATE "M rows/s", ROWS, 1e6

static status
measure_groups(data *d, error *err) {
    static const struct {
        const char *fresh, *known;
        int64_t     keys;
        bool        text;
    } tables[] = {
        {"group table, 1,000 BIGINTs: new", "group table, 1,000 BIGINTs: known", 1000, false},
        {"group table, 100,000 BIGINTs: new", "group table, 100,000 BIGINTs: known", 100000, false},
        {"group table, 100,000 texts: new", "group table, 100,000 texts: known", 100000, true},
    };
    for (int32_t i = 0; i < ARRAY_COUNT(tables); i++) {
        (void)open_data(d, tables[i].keys);
        d->with_text = tables[i].text;
        const micro_case fresh = {tables[i].fresh, RATE,         open_groups,
                                  map_all,         close_groups, groups_are_right};
        const micro_case known = {tables[i].known, RATE,         open_known_groups,
                                  map_all,         close_groups, groups_are_right};
        TRY(micro_run(&fresh, d, err));
        TRY(micro_run(&known, d, err));
    }
    d->with_text = false;
    return group_bytes(d, err);
}

static status
measure_rest(data *d, error *err) {
    static const micro_case cases[] = {
        {"arrangement, 10,000 keys: rows in", RATE, open_rows, add_rows, close_rows, rows_are_in},
        {"arrangement, 10,000 keys: rows out", RATE, open_filled_rows, take_rows_back, close_rows,
         rows_are_gone},
        {"arrangement, 10,000 keys: pairs", RATE, open_filled_rows, find_pairs, close_rows,
         pairs_are_right},
        {"ordered: in", RATE, open_order, insert_all, close_order, order_is_right},
        {"ordered: rank", RATE, open_filled_order, rank_all, close_order, ranks_are_right},
        {"ordered: out", RATE, open_filled_order, remove_all, close_order, order_is_empty},
        {"calendar, 10,000 times: in", RATE, open_times, add_times, close_times, times_are_in},
        {"calendar, 10,000 times: out", RATE, open_filled_times, drop_times, close_times,
         times_are_right},
        {"state columns, BIGINT and text: write", RATE, open_columns, write_columns, close_columns,
         columns_are_right},
        {"state columns, BIGINT and text: read", RATE, open_filled_columns, read_columns,
         close_columns, reading_is_right},
        {"text heap, 20 bytes: put", RATE, open_heap, put_texts, close_heap, texts_are_right},
        {"store: writing below a snapshot", "GB/s", 64.0 * ROWS, 1e9, open_array, write_array,
         close_array, snapshot_is_right},
    };
    (void)open_data(d, 10000);
    for (slot s = 0; s < ROWS; s++) {
        d->slots[s] = s;
    }
    for (int32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        TRY(micro_run(&cases[i], d, err));
    }
    d->append_only = true;
    const micro_case append = {
        "arrangement, append-only: rows in", RATE, open_rows, add_rows, close_rows, rows_are_in};
    return micro_run(&append, d, err);
}

int
main(void) {
    data  d = {0};
    error err = {0};
    kernel_init();
    mem_init(&d.m, INT64_MAX);
    arena_init(&d.a, &d.m);
    void **room[] = {(void **)&d.keys,  (void **)&d.values, (void **)&d.places, (void **)&d.longs,
                     (void **)&d.slots, (void **)&d.found,  (void **)&d.stored, (void **)&d.bytes};
    for (int32_t i = 0; i < ARRAY_COUNT(room); i++) {
        *room[i] = calloc(ROWS, TEXT_MAX);
        if (*room[i] == NULL) {
            return 1;
        }
    }
    status result = measure_groups(&d, &err);
    result = result < 0 ? result : measure_rest(&d, &err);
    if (result < 0) {
        fprintf(stderr, "state: %s\n", err.message);
    }
    for (int32_t i = 0; i < ARRAY_COUNT(room); i++) {
        free(*room[i]);
    }
    arena_fini(&d.a);
    return result < 0;
}
