/* SPDX-License-Identifier: Apache-2.0 */
/* The arrangement against a naive Z-set: random updates with weights, duplicates, NULL keys and
 * texts; probes cut into small pieces. */
#include "unit.h"

#include "state/arrangement.h"

#define KEYS 7
#define VALUES 9
#define ROWS 200

/* Columns: key BIGINT (0 = NULL), value BIGINT, note VARCHAR (made from value). */
typedef struct input {
    int32_t  count;
    int32_t  key[ROWS], value[ROWS];
    int64_t  keys[ROWS], values[ROWS], weights[ROWS];
    strview  notes[ROWS];
    char     texts[ROWS][40];
    uint64_t validity[(ROWS + 63) / 64];
    column   columns[3];
    delta    rows;
} input;

static void
random_input(input *in, rng *r, bool append_only) {
    const bool plain = append_only && rng_below(r, 16) != 0; /* most have no weights */
    in->count = 1 + (int32_t)rng_below(r, rng_below(r, 2) ? 6 : ROWS);
    memset(in->validity, 0xff, sizeof(in->validity));
    for (int32_t i = 0; i < in->count; i++) {
        in->key[i] = (int32_t)rng_below(r, KEYS);
        in->value[i] = (int32_t)rng_below(r, VALUES);
        in->keys[i] = in->key[i] * 1000;
        in->values[i] = in->value[i];
        const int n = snprintf(in->texts[i], sizeof(in->texts[i]),
                               in->value[i] % 2 ? "%d" : "a rather long note %d", in->value[i]);
        in->notes[i] = strview_of(in->texts[i], (uint32_t)n);
        in->weights[i] = plain         ? 1
                         : append_only ? 1 + (int64_t)rng_below(r, 2)
                                       : 1 - 2 * (int64_t)rng_below(r, 2);
        if (in->key[i] == 0) {
            bits_clear(in->validity, i);
        }
    }
    in->columns[0] =
        (column){.type = type_of(TYPE_I64), .values = in->keys, .validity = in->validity};
    in->columns[1] = (column){.type = type_of(TYPE_I64), .values = in->values};
    in->columns[2] = (column){.type = type_of(TYPE_TEXT), .values = in->notes};
    in->rows = (delta){.row_count = in->count,
                       .column_count = 3,
                       .columns = in->columns,
                       .weight = plain ? NULL : in->weights};
}

static int64_t zset[KEYS][VALUES];

/* key and value of a stored row, checked against its note. */
static void
read_row(const arrangement *a, slot row, int32_t *k, int32_t *v) {
    const state_columns *c = arrangement_columns(a);
    *v = (int32_t)*ARRAY_AT(&c->values[1], int64_t, row);
    const bool null = c->nulls[0].count > 0 && c->nulls[0].data[row] != 0;
    *k = null ? 0 : (int32_t)(*ARRAY_AT(&c->values[0], int64_t, row) / 1000);
    char      expected[40];
    const int n = snprintf(expected, sizeof(expected), *v % 2 ? "%d" : "a rather long note %d", *v);
    const strview wanted = strview_of(expected, (uint32_t)n);
    CHECK(text_heap_equal(&c->heap, ARRAY_AT(&c->values[2], strview, row), &wanted));
}

static void
check_scan(const arrangement *a) {
    int64_t  seen[KEYS][VALUES] = {0};
    slot     rows[5];
    int64_t  weights[5];
    uint64_t next = 0;
    for (int32_t n; (n = arrangement_scan(a, &next, rows, weights, 5)) > 0;) {
        for (int32_t i = 0; i < n; i++) {
            int32_t k, v;
            read_row(a, rows[i], &k, &v);
            CHECK_EQ(arrangement_weight(a, rows[i]), weights[i]);
            CHECK(weights[i] != 0);
            CHECK(a->append_only || seen[k][v] == 0); /* equal rows share a slot */
            seen[k][v] += weights[i];
        }
    }
    assert_memory_equal(seen, zset, sizeof(seen));
}

/* Probes with every key twice and NULL, in pieces; each key's weights must come out once per probe
 * row. */
static void
check_probe(const arrangement *a, arena *scratch, rng *r) {
    const bool   null_safe = a->null_safe != NULL;
    error        err = {0};
    int64_t      keys[2 * KEYS + 1];
    uint64_t     validity = ~0ULL;
    int64_t      seen[2 * KEYS + 1][VALUES] = {0};
    slot         key_slots[2 * KEYS + 1];
    probe_cursor cursor = {.key_slots = key_slots};
    for (int32_t i = 0; i < 2 * KEYS; i++) {
        keys[i] = i % KEYS * 1000;
        bits_put(&validity, i, i % KEYS != 0);
    }
    keys[2 * KEYS] = 555; /* unknown */
    const column column_of_keys = {
        .type = type_of(TYPE_I64), .values = keys, .validity = &validity};
    const arena_mark mark = arena_save(scratch);
    CHECK_OK(arrangement_find(a, &column_of_keys, 2 * KEYS + 1, key_slots, scratch, &err));
    for (;;) {
        int32_t       probe_rows[16];
        slot          stored[16];
        const int32_t piece = 1 + (int32_t)rng_below(r, 16);
        const int32_t n = arrangement_pairs(a, &cursor, 2 * KEYS + 1, probe_rows, stored, piece);
        CHECK(n <= piece);
        if (n == 0) {
            break;
        }
        for (int32_t i = 0; i < n; i++) {
            int32_t k, v;
            read_row(a, stored[i], &k, &v);
            CHECK_EQ(k, probe_rows[i] % KEYS);
            seen[probe_rows[i]][v] += arrangement_weight(a, stored[i]);
        }
    }
    arena_rewind(scratch, mark);
    for (int32_t i = 0; i <= 2 * KEYS; i++) {
        for (int32_t v = 0; v < VALUES; v++) {
            const bool matches = i < 2 * KEYS && (null_safe || i % KEYS != 0);
            CHECK_EQ(seen[i][v], matches ? zset[i % KEYS][v] : 0);
        }
    }
}

/* Drops the oldest page: the rows of its values, which are their times. */
static void
drop_page(arrangement *a) {
    error   err = {0};
    int64_t time;
    if (!arrangement_oldest(a, &time)) {
        return;
    }
    CHECK_OK(arrangement_drop_oldest(a, &err));
    for (int32_t k = 0; k < KEYS; k++) {
        for (int32_t v = 0; v < VALUES && v <= time; v++) {
            zset[k][v] = 0;
        }
    }
}

static void
run(bool append_only, bool null_safe, bool aged, uint64_t seed, int steps) {
    mem             account;
    error           err = {0};
    store          *s;
    arena           scratch;
    arrangement     a;
    rng             r;
    store_snapshot *shot = NULL;
    static input    in;
    static slot     slots[ROWS];
    const data_type types[3] = {type_of(TYPE_I64), type_of(TYPE_I64), type_of(TYPE_TEXT)};
    const int32_t   key = 0;
    const bool      safe = true;
    mem_init(&account, INT64_MAX);
    arena_init(&scratch, &account);
    rng_init(&r, seed);
    memset(zset, 0, sizeof(zset));
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(arrangement_open(&a, s, "side", types, 3, &key, 1, append_only, &err));
    a.null_safe = null_safe ? &safe : NULL;
    a.keep_totals = null_safe || append_only;
    if (aged) {
        CHECK_OK(arrangement_age(&a, s, "side", types[1], 1, 2, &err));
    }
    for (int step = 0; step < steps; step++) {
        random_input(&in, &r, append_only);
        CHECK_OK(arrangement_update(&a, &in.rows, slots, &scratch, &err));
        for (int32_t i = 0; i < in.count; i++) {
            if (in.key[i] != 0 || null_safe) {
                zset[in.key[i]][in.value[i]] += in.weights[i];
            }
        }
        for (int32_t i = 0; i < in.count; i++) {
            const bool there = zset[in.key[i]][in.value[i]] != 0;
            CHECK_EQ(slots[i] != SLOT_NONE, there);
            if (there) {
                int32_t k, v;
                read_row(&a, slots[i], &k, &v);
                CHECK(k == in.key[i] && v == in.value[i]);
            }
        }
        if (aged && step % 3 == 0) {
            drop_page(&a);
        }
        if (step % 4 == 0) {
            CHECK_OK(arrangement_validate(&a, &err));
            check_scan(&a);
            check_probe(&a, &scratch, &r);
        }
        if (step % 16 == 0) {
            store_snapshot_close(shot);
            CHECK_OK(store_snapshot_open(&shot, s, &err));
            CHECK_OK(arrangement_rebuild(&a, &err));
        }
    }
    store_snapshot_close(shot);
    arrangement_close(&a);
    arena_fini(&scratch);
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
}

static void
test_zset(void **unused) {
    (void)unused;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        run(false, seed % 2 == 0, false, seed, 250);
        run(false, seed % 2 == 0, true, seed, 250);
    }
}

static void
test_append_only(void **unused) {
    (void)unused;
    run(true, false, false, 21, 60);
    run(true, true, false, 22, 60);
    run(true, false, true, 23, 60);
    run(true, true, true, 24, 60);
}

/* No key columns: a cross join. All rows match every probe row. */
static void
test_no_keys(void **unused) {
    (void)unused;
    mem             account;
    error           err = {0};
    store          *s;
    arena           scratch;
    arrangement     a;
    const data_type type = type_of(TYPE_I64);
    const int64_t   values[3] = {1, 2, 2};
    const column    in = {.type = type, .values = values};
    const delta     rows = {.row_count = 3, .column_count = 1, .columns = &in};
    int32_t         probe_rows[10];
    slot            stored[10], key_slots[3];
    probe_cursor    cursor = {.key_slots = key_slots};
    mem_init(&account, INT64_MAX);
    arena_init(&scratch, &account);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(arrangement_open(&a, s, "cross", &type, 1, NULL, 0, false, &err));
    CHECK_OK(arrangement_update(&a, &rows, NULL, &scratch, &err));
    CHECK_OK(arrangement_validate(&a, &err));
    CHECK_OK(arrangement_find(&a, NULL, 3, key_slots, &scratch, &err));
    /* two distinct rows x three */
    CHECK_EQ(arrangement_pairs(&a, &cursor, 3, probe_rows, stored, 10), 6);
    arrangement_close(&a);
    arena_fini(&scratch);
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
}

static status
fill(arrangement *a, store *s, store_snapshot **shot, arena *scratch, error *err) {
    static input in;
    rng          r;
    rng_init(&r, 31);
    for (int i = 0; i < 10; i++) {
        random_input(&in, &r, a->append_only);
        TRY(arrangement_update(a, &in.rows, NULL, scratch, err));
        store_snapshot_close(*shot);
        *shot = NULL;
        TRY(store_snapshot_open(shot, s, err));
    }
    return OK;
}

static status
scenario(mem *m, bool append_only, error *err) {
    store *s;
    TRY(store_open(&s, m, err));
    arena           scratch;
    arrangement     a;
    store_snapshot *shot = NULL;
    const data_type types[3] = {type_of(TYPE_I64), type_of(TYPE_I64), type_of(TYPE_TEXT)};
    const int32_t   key = 0;
    arena_init(&scratch, m);
    status result = arrangement_open(&a, s, "side", types, 3, &key, 1, append_only, err);
    if (result == OK) {
        result = fill(&a, s, &shot, &scratch, err);
        arrangement_close(&a);
    }
    store_snapshot_close(shot);
    arena_fini(&scratch);
    store_close(s);
    return result;
}

static status
scenario_zset(mem *m, error *err) {
    return scenario(m, false, err);
}

static status
scenario_append(mem *m, error *err) {
    return scenario(m, true, err);
}

static void
test_torture(void **unused) {
    (void)unused;
    CHECK(torture("arrangement", scenario_zset) > 30);
    CHECK(torture("append-only arrangement", scenario_append) > 30);
}

UNIT_MAIN(UNIT(test_zset), UNIT(test_append_only), UNIT(test_no_keys), UNIT(test_torture))
