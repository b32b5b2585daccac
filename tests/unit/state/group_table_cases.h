/* SPDX-License-Identifier: Apache-2.0 */
/* group_table_cases.h - the group table against a brute-force map, over key shapes; shared by the
 * plain test and the one in which nearly all hashes collide. A key is a number; its columns are the
 * digits of that number in mixed radix, each digit a value. */
#ifndef LAMINAR_TESTS_STATE_GROUP_TABLE_CASES_H
#define LAMINAR_TESTS_STATE_GROUP_TABLE_CASES_H

#include "unit.h"

#include <math.h>

#include "state/group_table.h"

#define KEYS_MAX 4096
#define ROWS_MAX 700
#define COLUMNS_MAX 3

typedef struct shape {
    const char *name;
    int32_t     column_count;
    type_id     types[COLUMNS_MAX];
    int32_t     digits[COLUMNS_MAX]; /* number of values of each column */
    bool        nulls;               /* digit 0 is NULL */
} shape;

static const shape shapes[] = {
    {.name = "bigint", .column_count = 1, .types = {TYPE_I64}, .digits = {3000}},
    {.name = "integer", .column_count = 1, .types = {TYPE_I32}, .digits = {500}},
    {.name = "bigint null", .column_count = 1, .types = {TYPE_I64}, .digits = {900}, .nulls = true},
    {.name = "double", .column_count = 1, .types = {TYPE_F64}, .digits = {300}, .nulls = true},
    {.name = "text", .column_count = 1, .types = {TYPE_TEXT}, .digits = {1500}, .nulls = true},
    {.name = "bigint, text", .column_count = 2, .types = {TYPE_I64, TYPE_TEXT}, .digits = {40, 30}},
    {.name = "two bigints", .column_count = 2, .types = {TYPE_I64, TYPE_I64}, .digits = {50, 60}},
    {.name = "time, bigint null",
     .column_count = 2,
     .types = {TYPE_TIMESTAMP, TYPE_I64},
     .digits = {20, 40},
     .nulls = true},
    {.name = "two integers", .column_count = 2, .types = {TYPE_I32, TYPE_I32}, .digits = {30, 20}},
    {.name = "three",
     .column_count = 3,
     .types = {TYPE_BOOL, TYPE_I16, TYPE_TIMESTAMP},
     .digits = {3, 9, 30},
     .nulls = true},
    {.name = "interval", .column_count = 1, .types = {TYPE_INTERVAL}, .digits = {50}},
    {.name = "none", .column_count = 0},
};

typedef struct rows {
    int32_t  count;
    int32_t  keys[ROWS_MAX];
    column   columns[COLUMNS_MAX];
    uint64_t validity[COLUMNS_MAX][(ROWS_MAX + 63) / 64];
    union {
        int64_t  i64[ROWS_MAX];
        int32_t  i32[ROWS_MAX];
        int16_t  i16[ROWS_MAX];
        uint8_t  b[ROWS_MAX];
        double   f64[ROWS_MAX];
        strview  views[ROWS_MAX];
        interval spans[ROWS_MAX];
    } values[COLUMNS_MAX];
    char texts[COLUMNS_MAX][ROWS_MAX][80];
} rows;

static int32_t
shape_keys(const shape *sh) {
    int32_t n = 1;
    for (int32_t c = 0; c < sh->column_count; c++) {
        n *= sh->digits[c];
    }
    return n;
}

static void
put_value(rows *in, int32_t c, int32_t i, type_id type, int32_t digit, rng *r) {
    switch (type) {
    case TYPE_I64:
    case TYPE_TIMESTAMP:
        in->values[c].i64[i] = (int64_t)digit * 1000003 - 77;
        break;
    case TYPE_I32:
        in->values[c].i32[i] = digit - 100;
        break;
    case TYPE_I16:
        in->values[c].i16[i] = (int16_t)(digit * 1000);
        break;
    case TYPE_BOOL:
        in->values[c].b[i] = digit == 2;
        break;
    case TYPE_F64: /* 1: any NaN, 2: any zero */
        in->values[c].f64[i] = digit == 1   ? (rng_below(r, 2) ? (double)NAN : -(double)NAN)
                               : digit == 2 ? (rng_below(r, 2) ? 0.0 : -0.0)
                                            : digit * 0.25;
        break;
    case TYPE_INTERVAL: /* 30 days are a month in comparisons */
        in->values[c].spans[i] =
            rng_below(r, 2) ? (interval){.months = digit} : (interval){.days = 30 * digit};
        break;
    default: {
        char     *t = in->texts[c][i];
        const int pad = digit % 5 == 0 ? 50 : digit % 5 == 1 ? 8 : 0;
        const int n =
            digit == 0
                ? 0
                : snprintf(t, 80, "%.*s%d", pad,
                           "________________________________________________________", digit);
        in->values[c].views[i] = strview_of(t, (uint32_t)n);
        break;
    }
    }
}

static void
fill_rows(rows *in, const shape *sh, int32_t count, rng *r) {
    in->count = count;
    for (int32_t c = 0; c < sh->column_count; c++) {
        in->columns[c] = (column){.type = type_of(sh->types[c]), .values = &in->values[c]};
        memset(in->validity[c], 0xff, sizeof(in->validity[c]));
        in->columns[c].validity = sh->nulls || rng_below(r, 3) == 0 ? in->validity[c] : NULL;
        for (int32_t i = 0; i < count; i++) {
            int32_t rest = in->keys[i];
            for (int32_t before = 0; before < c; before++) {
                rest /= sh->digits[before];
            }
            const int32_t digit = rest % sh->digits[c];
            put_value(in, c, i, sh->types[c],
                      sh->nulls && digit == 0 ? (int32_t)rng_below(r, 3) : digit, r);
            if (sh->nulls && digit == 0) {
                bits_clear(in->validity[c], i);
            }
        }
    }
}

static void
random_rows(rows *in, const shape *sh, int32_t keys, rng *r) {
    const int32_t count = rng_below(r, 4) == 0 ? 1 : 1 + (int32_t)rng_below(r, ROWS_MAX);
    const int32_t range = 1 + (int32_t)rng_below(r, (uint64_t)keys);
    for (int32_t i = 0; i < count; i++) {
        in->keys[i] = keys - 1 - (int32_t)rng_below(r, (uint64_t)range);
    }
    fill_rows(in, sh, count, r);
}

typedef struct harness {
    const shape *sh;
    int32_t      keys;
    slot         slot_of[KEYS_MAX];
    int32_t      owner_of[KEYS_MAX * 2]; /* by slot: key + 1 */
    uint64_t     live;
    group_table  table;
    store       *store;
    arena        scratch;
    rng          r;
    rows         in;
    slot         slots[ROWS_MAX];
    uint8_t      is_new[ROWS_MAX];
} harness;

static void
step_map(harness *h) {
    error err = {0};
    random_rows(&h->in, h->sh, h->keys, &h->r);
    CHECK_OK(group_table_map(&h->table, h->in.columns, h->in.count, h->slots, h->is_new,
                             &h->scratch, &err));
    for (int32_t i = 0; i < h->in.count; i++) {
        const int32_t key = h->in.keys[i];
        const slot    s = h->slots[i];
        CHECK(s < KEYS_MAX * 2 && group_table_is_live(&h->table, s));
        CHECK_EQ(h->is_new[i], h->slot_of[key] == SLOT_NONE);
        if (h->is_new[i]) {
            CHECK_EQ(h->owner_of[s], 0);
            h->owner_of[s] = key + 1;
            h->slot_of[key] = s;
            h->live++;
        }
        CHECK_EQ(s, h->slot_of[key]);
    }
    CHECK_EQ(h->table.live_count, h->live);
}

static void
step_find(harness *h) {
    error err = {0};
    random_rows(&h->in, h->sh, h->keys, &h->r);
    CHECK_OK(group_table_find(&h->table, h->in.columns, h->in.count, h->slots, &h->scratch, &err));
    for (int32_t i = 0; i < h->in.count; i++) {
        CHECK_EQ(h->slots[i], h->slot_of[h->in.keys[i]]);
    }
}

static void
step_remove(harness *h) {
    error         err = {0};
    const int32_t n = (int32_t)rng_below(&h->r, rng_below(&h->r, 5) == 0 ? (uint64_t)h->keys : 20);
    for (int32_t i = 0; i < n; i++) {
        const int32_t key = (int32_t)rng_below(&h->r, (uint64_t)h->keys);
        const slot    s = h->slot_of[key];
        if (s != SLOT_NONE) {
            CHECK_OK(group_table_remove(&h->table, s, &err));
            h->slot_of[key] = SLOT_NONE;
            h->owner_of[s] = 0;
            h->live--;
        }
    }
}

static void
run_shape(const shape *sh, int32_t steps, uint64_t seed) {
    mem             account;
    error           err = {0};
    data_type       types[COLUMNS_MAX];
    store_snapshot *shot = NULL;
    harness        *h = calloc(1, sizeof(*h));
    mem_init(&account, INT64_MAX);
    h->sh = sh;
    h->keys = shape_keys(sh);
    CHECK(h->keys <= KEYS_MAX);
    memset(h->slot_of, 0xff, sizeof(h->slot_of));
    rng_init(&h->r, seed);
    arena_init(&h->scratch, &account);
    for (int32_t c = 0; c < sh->column_count; c++) {
        types[c] = type_of(sh->types[c]);
    }
    CHECK_OK(store_open(&h->store, &account, &err));
    CHECK_OK(group_table_open(&h->table, h->store, sh->name, types, sh->column_count, &err));
    CHECK_OK(group_table_validate(&h->table, &err));
    for (int32_t step = 0; step < steps; step++) {
        const uint64_t what = rng_below(&h->r, 8);
        if (what < 3) {
            step_map(h);
        } else if (what < 6) {
            step_find(h);
        } else if (what == 6) {
            step_remove(h);
        } else {
            CHECK_OK(group_table_validate(&h->table, &err));
            if (rng_below(&h->r, 3) == 0) {
                CHECK_OK(group_table_rebuild(&h->table, &err));
                store_snapshot_close(shot);
                CHECK_OK(store_snapshot_open(&shot, h->store, &err));
            }
        }
    }
    CHECK_OK(group_table_validate(&h->table, &err));
    /* Slots are reused: there are about as many as were ever live at once. */
    CHECK(group_table_slot_count(&h->table) <= (uint64_t)h->keys + h->keys / 8 + 16);
    store_snapshot_close(shot);
    group_table_close(&h->table);
    store_close(h->store);
    arena_fini(&h->scratch);
    free(h);
    CHECK_EQ(mem_fini(&account), 0);
}

#endif
