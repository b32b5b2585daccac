/* SPDX-License-Identifier: Apache-2.0 */
/* test_join_table.c - the stored side of one-off joins against a look at every row, where tags
 * collide: all hashes are one of 64, so walks are long and most comparisons are rejections. */
#define LAMINAR_HASH_MASK (0x3fULL << 58)
#include "op/join_table.c"

#include "unit.h"

#define ROWS_MAX 150000 /* of several shares and regions */
#define PROBES 192

static int64_t   words[ROWS_MAX];
static strview   texts[ROWS_MAX];
static int64_t   numbers[ROWS_MAX];
static int64_t   weights[ROWS_MAX];
static uint64_t  word_valid[ROWS_MAX / 64 + 1];
static uint64_t  text_valid[ROWS_MAX / 64 + 1];
static char      text_room[ROWS_MAX][24];
static data_type types[3];

typedef struct table_case {
    int32_t       rows, different, key_count, threads;
    int64_t       apart; /* words, from each other; 0: 1 */
    const int32_t keys[2];
    bool          nulls, null_safe, weighted, by_key;
} table_case;

static void
fill(const table_case *tc, rng *r) {
    for (int32_t i = 0; i < tc->rows; i++) {
        words[i] = (int64_t)rng_below(r, (uint64_t)tc->different) * max_i64(1, tc->apart) - 7;
        (void)snprintf(text_room[i], sizeof(text_room[i]), "%.*s%d", (int)(8 * rng_below(r, 2)),
                       "a prefix", (int)rng_below(r, 5));
        texts[i] = strview_of(text_room[i], (uint32_t)strlen(text_room[i]));
        numbers[i] = i;
        weights[i] = tc->weighted ? (int64_t)rng_below(r, 3) : 1;
        bits_put(word_valid, i, !tc->nulls || rng_below(r, 8) > 0);
        bits_put(text_valid, i, !tc->nulls || rng_below(r, 8) > 0);
    }
}

static void
columns_from(const table_case *tc, column out[3], int32_t first) {
    const column all[3] = {
        {.type = types[0], .values = words, .validity = tc->nulls ? word_valid : NULL},
        {.type = types[1], .values = texts, .validity = tc->nulls ? text_valid : NULL},
        {.type = types[2], .values = numbers}};
    for (int32_t i = 0; i < 3; i++) {
        out[i] = column_slice(&all[i], first);
    }
}

static bool
is_null(const table_case *tc, int32_t key, int32_t row) {
    return tc->nulls && !bits_get(tc->keys[key] == 0 ? word_valid : text_valid, row);
}

static bool
is_kept(const table_case *tc, int32_t row) {
    for (int32_t k = 0; k < tc->key_count; k++) {
        if (is_null(tc, k, row) && !tc->null_safe) {
            return false;
        }
    }
    return weights[row] != 0;
}

static bool
same_keys(const table_case *tc, int32_t a, int32_t b) {
    for (int32_t k = 0; k < tc->key_count; k++) {
        const bool null = is_null(tc, k, a);
        if (null != is_null(tc, k, b)) {
            return false;
        }
        if (!null &&
            (tc->keys[k] == 0 ? words[a] != words[b] : !strview_equal(&texts[a], &texts[b]))) {
            return false;
        }
    }
    return true;
}

/* The first rows look for what they match, a few pairs at a time. */
static void
check_probe(const table_case *tc, const join_table *t, arena *a) {
    error        err;
    column       columns[3], keys[2];
    slot         found[PROBES], stored[50];
    int32_t      rows[50];
    int32_t      at = 0, count = 0;
    probe_cursor cursor = {.key_slots = found};
    column       number;
    columns_from(tc, columns, 0);
    for (int32_t k = 0; k < tc->key_count; k++) {
        keys[k] = columns[tc->keys[k]];
    }
    CHECK_OK(join_table_find(t, keys, PROBES, found, a, &err));
    for (int32_t i = 0; i < PROBES; i++) {
        int64_t total = 0;
        for (int32_t r = 0; r < tc->rows; r++) {
            if (!is_kept(tc, r) || !same_keys(tc, i, r)) {
                continue;
            }
            if (at == count) {
                count = join_table_pairs(t, &cursor, PROBES, rows, stored, ARRAY_COUNT(stored));
                CHECK_OK(join_table_read(t, 2, stored, count, a, &number, &err));
                at = 0;
            }
            CHECK(at < count && rows[at] == i);
            CHECK_EQ(((const int64_t *)number.values)[at], r); /* in the order of the rows */
            CHECK_EQ(join_table_weight(t, stored[at]), weights[r]);
            CHECK(!tc->by_key || t->key_of[stored[at]] == (int32_t)found[i]);
            total += weights[r];
            at++;
        }
        CHECK(found[i] == SLOT_NONE ? total == 0 : join_table_total(t, found[i]) == total);
    }
    CHECK(at == count &&
          join_table_pairs(t, &cursor, PROBES, rows, stored, ARRAY_COUNT(stored)) == 0);
}

static status
make_table(const table_case *tc, join_table *t, op *owner, error *err) {
    static const bool safe[2] = {true, true};
    TRY(join_table_open(t, owner, types, 3, tc->keys, tc->key_count, tc->null_safe ? safe : NULL,
                        err));
    t->counts = t->by_key = tc->by_key;
    for (int32_t first = 0; first < tc->rows; first += BATCH_ROWS) {
        column      columns[3];
        const delta in = {.row_count = (int32_t)min_i64(BATCH_ROWS, tc->rows - first),
                          .column_count = 3,
                          .columns = columns,
                          .weight = tc->weighted ? weights + first : NULL};
        columns_from(tc, columns, first);
        TRY(join_table_add(t, &in, err));
    }
    return join_table_seal(t, err);
}

/* fail_at > 0: allocations fail from this one on. */
static status
run_case(const table_case *tc, pool *p, int64_t fail_at) {
    error err;
    mem   m;
    arena scratch;
    mem_init(&m, INT64_MAX);
    arena_init(&scratch, &m);
    m.fail_always = true;
    atomic_store(&m.fail_at, fail_at);
    op_env       env = {.mem = &m, .scratch = &scratch, .pool = p, .threads = tc->threads};
    op           owner = {.env = &env};
    join_table   t = {.owner = NULL};
    const status s = make_table(tc, &t, &owner, &err);
    if (s == OK && fail_at == 0) {
        CHECK_OK(join_table_validate(&t, &err));
        check_probe(tc, &t, &scratch);
    }
    join_table_close(&t);
    arena_fini(&scratch);
    CHECK_EQ(mem_fini(&m), 0);
    return s;
}

static const table_case cases[] = {
    {.rows = 500, .different = 400, .key_count = 1, .keys = {0}},
    {.rows = 500, .different = 400, .key_count = 1, .keys = {0}, .apart = 1000, .weighted = true},
    {.rows = 300, .different = 400, .key_count = 1, .keys = {0}, .weighted = true},
    {.rows = 500, .different = 400, .key_count = 1, .keys = {0}, .apart = INT64_MAX / 400},
    {.rows = 500, .different = 2, .key_count = 1, .keys = {0}, .apart = INT64_MAX},
    {.rows = ROWS_MAX, .different = 70000, .key_count = 1, .by_key = true, .threads = 3},
    {.rows = 30000, .different = 300, .key_count = 1, .keys = {0}, .by_key = true, .threads = 2},
    {.rows = 30000, .different = 100, .key_count = 1, .keys = {0}, .nulls = true},
    {.rows = 30000, .different = 50, .key_count = 2, .keys = {0, 1}, .nulls = true, .threads = 3},
    {.rows = ROWS_MAX,
     .different = 60,
     .key_count = 2,
     .keys = {1, 0},
     .nulls = true,
     .null_safe = true,
     .weighted = true,
     .by_key = true,
     .threads = 8},
    {.rows = 20000, .different = 9, .key_count = 1, .keys = {1}, .weighted = true},
    {.rows = 700, .different = 9, .key_count = 0},
    {.rows = PROBES, .different = 3, .key_count = 1, .keys = {0}, .nulls = true},
};

static void
test_cases(void **state) {
    (void)state;
    error err;
    mem   m;
    rng   r;
    pool *p;
    mem_init(&m, INT64_MAX);
    rng_init(&r, 11);
    types[0] = types[2] = type_of(TYPE_I64);
    types[1] = type_of(TYPE_TEXT);
    CHECK_OK(pool_open(&p, &m, &err));
    for (int32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        fill(&cases[i], &r);
        CHECK_OK(run_case(&cases[i], p, 0));
    }
    for (int32_t i = 1; i < ARRAY_COUNT(cases); i += 3) {
        fill(&cases[i], &r);
        int64_t at = 1;
        while (run_case(&cases[i], NULL, at) == ERR_OUT_OF_MEMORY) {
            at += 1 + at / 8;
        }
        CHECK(at > 5);
    }
    pool_close(p);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_cases))
