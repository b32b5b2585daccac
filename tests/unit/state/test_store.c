/* SPDX-License-Identifier: Apache-2.0 */
/* The block store against a plain byte model: writes, growth, truncation, snapshots opened and
 * closed in any order. What is saved of it: test_saved_blocks.c. */
#include "unit.h"

#include "os/thread.h"
#include "state/store.h"

#define ARRAYS 3
#define SNAPSHOTS 4
#define COUNT_MAX 40000

static const uint32_t element_sizes[ARRAYS] = {1, 8, 24};

typedef struct model {
    uint8_t *bytes;
    uint64_t count;
} model;

typedef struct shot_model {
    store_snapshot *shot;
    model           arrays[ARRAYS];
} shot_model;

static void
model_copy(model *to, const model *from, uint32_t size) {
    to->count = from->count;
    to->bytes = malloc(from->count * size + 1);
    memcpy(to->bytes, from->bytes, from->count * size);
}

static void
check_shot(const shot_model *s, const state_array *arrays, rng *r) {
    static uint8_t out[COUNT_MAX * 24];
    for (int k = 0; k < ARRAYS; k++) {
        const model   *m = &s->arrays[k];
        const uint32_t size = element_sizes[k];
        CHECK_EQ(snapshot_array_count(s->shot, &arrays[k]), m->count);
        if (m->count > 0) {
            const uint64_t first = rng_below(r, m->count);
            const uint64_t n = 1 + rng_below(r, m->count - first);
            error          err;
            CHECK_OK(snapshot_read(s->shot, &arrays[k], first, n, out, &err));
            assert_memory_equal(out, m->bytes + first * size, n * size);
        }
    }
}

static void
mutate(state_array *a, model *m, rng *r, error *err) {
    const uint32_t size = a->element_size;
    const uint64_t what = rng_below(r, 10);
    if (what < 2 && m->count < COUNT_MAX / 2) {
        const uint64_t n = rng_below(r, 2) ? rng_below(r, 40) : rng_below(r, 9000);
        uint64_t       first = 0;
        assert_int_equal(array_extend(a, n, &first, err), OK);
        CHECK_EQ(first, m->count);
        memset(m->bytes + m->count * size, 0, n * size);
        m->count += n;
    } else if (what == 2 && m->count > 0 && rng_below(r, 4) == 0) {
        m->count = rng_below(r, m->count);
        array_truncate(a, m->count);
    } else if (m->count > 0) {
        const uint64_t first = rng_below(r, m->count);
        uint64_t       n = 1 + rng_below(r, rng_below(r, 8) ? 4 : m->count);
        n = first + n > m->count ? m->count - first : n;
        assert_int_equal(array_touch(a, first, n, err), OK);
        for (uint64_t i = first * size; i < (first + n) * size; i++) {
            a->data[i] = m->bytes[i] = (uint8_t)rng_next(r);
        }
    }
}

/* The count behind the fast path of array_touch. */
static void
check_stale(const state_array *a) {
    uint32_t       stale = 0;
    const uint64_t bytes = a->count * a->element_size;
    for (uint64_t b = 0; b * STORE_BLOCK_BYTES < bytes; b++) {
        stale += a->epochs[b] != store_epoch(a->owner);
    }
    CHECK_EQ(a->stale_blocks, stale);
}

static void
test_random_snapshots(void **unused) {
    (void)unused;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        mem         account;
        error       err = {0};
        store      *s;
        rng         r;
        state_array arrays[ARRAYS];
        model       models[ARRAYS] = {0};
        shot_model  shots[SNAPSHOTS] = {0};
        mem_init(&account, INT64_MAX);
        rng_init(&r, seed);
        CHECK_OK(store_open(&s, &account, &err));
        for (int k = 0; k < ARRAYS; k++) {
            CHECK_OK(array_open(&arrays[k], s, "array", element_sizes[k], &err));
            models[k].bytes = calloc(COUNT_MAX, element_sizes[k]);
        }
        for (int step = 0; step < 4000; step++) {
            const uint64_t k = rng_below(&r, ARRAYS);
            mutate(&arrays[k], &models[k], &r, &err);
            check_stale(&arrays[k]);
            shot_model *one = &shots[rng_below(&r, SNAPSHOTS)];
            if (rng_below(&r, 30) == 0) {
                if (one->shot != NULL) {
                    check_shot(one, arrays, &r);
                    store_snapshot_close(one->shot);
                    for (int j = 0; j < ARRAYS; j++) {
                        free(one->arrays[j].bytes);
                    }
                    one->shot = NULL;
                } else {
                    CHECK_OK(store_snapshot_open(&one->shot, s, &err));
                    for (int j = 0; j < ARRAYS; j++) {
                        model_copy(&one->arrays[j], &models[j], element_sizes[j]);
                    }
                }
            } else if (one->shot != NULL && rng_below(&r, 10) == 0) {
                check_shot(one, arrays, &r);
            }
        }
        for (int i = 0; i < SNAPSHOTS; i++) {
            if (shots[i].shot != NULL) {
                check_shot(&shots[i], arrays, &r);
                store_snapshot_close(shots[i].shot);
                for (int j = 0; j < ARRAYS; j++) {
                    free(shots[i].arrays[j].bytes);
                }
            }
        }
        size_t held = 0;
        for (int k = 0; k < ARRAYS; k++) {
            assert_memory_equal(arrays[k].data, models[k].bytes,
                                models[k].count * element_sizes[k]);
            held += arrays[k].bytes;
            free(models[k].bytes);
        }
        CHECK_EQ(store_bytes(s), held); /* no copy outlives its snapshots */
        for (int k = 0; k < ARRAYS; k++) {
            array_close(&arrays[k]);
        }
        store_close(s);
        CHECK_EQ(mem_fini(&account), 0);
    }
}

static void
test_closed_array_leaves_snapshots(void **unused) {
    (void)unused;
    mem             account;
    error           err = {0};
    store          *s;
    state_array     a, b;
    store_snapshot *shot;
    mem_init(&account, INT64_MAX);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(array_open(&a, s, "a", 8, &err));
    CHECK_OK(array_extend(&a, 100000, NULL, &err));
    *ARRAY_AT(&a, uint64_t, 5) = 55;
    *ARRAY_AT(&a, uint64_t, 99999) = 99;
    CHECK_OK(store_snapshot_open(&shot, s, &err));
    CHECK_OK(array_touch(&a, 5, 1, &err));
    *ARRAY_AT(&a, uint64_t, 5) = 56;
    const uint32_t id = a.id;
    array_close(&a);
    CHECK_OK(array_open(&b, s, "b", 4, &err));
    CHECK_EQ(b.id, id); /* ids are used again, the snapshot is not confused by it */
    CHECK_EQ(snapshot_array_count(shot, &b), 0);
    CHECK_OK(array_extend(&b, 50, NULL, &err));
    CHECK_STR(array_name(store_array_at(s, id)), "b");
    store_close_gaps(s);
    array_close(&b);
    store_close(s); /* the snapshot outlives it */
    static uint64_t block[STORE_BLOCK_BYTES / sizeof(uint64_t)];
    CHECK_OK(snapshot_read_block(shot, id, 0, STORE_BLOCK_BYTES, block, &err));
    CHECK_EQ(block[5], 55);
    CHECK_OK(snapshot_read_block(shot, id, 12, 800000 - 12 * STORE_BLOCK_BYTES, block, &err));
    CHECK_EQ(block[99999 - 12 * 8192], 99);
    store_snapshot_close(shot);
    CHECK_EQ(mem_fini(&account), 0);
}

static void
test_emptied_array_leaves_snapshots(void **unused) {
    (void)unused;
    mem             account;
    error           err = {0};
    store          *s;
    state_array     a;
    store_snapshot *shot;
    uint64_t        block[STORE_BLOCK_BYTES / sizeof(uint64_t)];
    mem_init(&account, INT64_MAX);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(array_open(&a, s, "a", 8, &err));
    array_empty(&a); /* it was */
    CHECK_OK(array_extend(&a, 100000, NULL, &err));
    *ARRAY_AT(&a, uint64_t, 5) = 55;
    CHECK_OK(store_snapshot_open(&shot, s, &err));
    const size_t shown = store_bytes(s);
    array_empty(&a);
    CHECK_EQ(a.count, 0);
    CHECK_EQ(store_bytes(s), shown);
    CHECK_OK(array_extend(&a, 10, NULL, &err)); /* it goes on under its name */
    check_stale(&a);
    *ARRAY_AT(&a, uint64_t, 5) = 56;
    CHECK_STR(array_name(&a), "a");
    CHECK_OK(snapshot_read_block(shot, a.id, 0, sizeof(block), block, &err));
    CHECK_EQ(block[5], 55);
    store_snapshot_close(shot);
    CHECK_EQ(store_bytes(s), a.bytes);
    array_empty(&a);
    CHECK_EQ(store_bytes(s), 0);
    array_close(&a);
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
}

/* ---- a reader on another thread sees one moment while the writer writes and grows (run under
 * TSan) */

typedef struct reader {
    const store_snapshot *shot;
    const state_array    *array;
    uint64_t              stamp; /* every element held it at the snapshot */
    uint64_t              wrong;
} reader;

static void *
read_all(void *arg) {
    reader        *r = arg;
    const uint64_t count = snapshot_array_count(r->shot, r->array);
    for (uint64_t at = 0; at < count; at += 100) {
        uint64_t       out[100];
        const uint64_t n = count - at < 100 ? count - at : 100;
        error          err;
        r->wrong += snapshot_read(r->shot, r->array, at, n, out, &err) != OK;
        for (uint64_t i = 0; i < n; i++) {
            r->wrong += out[i] != r->stamp;
        }
    }
    return NULL;
}

static void
test_reader_thread(void **unused) {
    (void)unused;
    mem         account;
    error       err = {0};
    store      *s;
    state_array a;
    mem_init(&account, INT64_MAX);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(array_open(&a, s, "a", 8, &err));
    for (uint64_t round = 1; round <= 20; round++) {
        store_snapshot *shot;
        thread          t;
        CHECK_OK(array_extend(&a, 5000, NULL, &err));
        CHECK_OK(array_touch(&a, 0, a.count, &err));
        for (uint64_t i = 0; i < a.count; i++) {
            *ARRAY_AT(&a, uint64_t, i) = round;
        }
        CHECK_OK(store_snapshot_open(&shot, s, &err));
        reader r = {.shot = shot, .array = &a, .stamp = round};
        CHECK_OK(thread_start(&t, "reader", read_all, &r, &err));
        for (uint64_t i = 0; i < a.count; i += 7) {
            CHECK_OK(array_touch(&a, i, 1, &err));
            *ARRAY_AT(&a, uint64_t, i) = 0;
        }
        CHECK_OK(array_extend(&a, 20000, NULL, &err));
        thread_join(&t);
        CHECK_EQ(r.wrong, 0);
        store_snapshot_close(shot);
    }
    array_close(&a);
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
}

/* ---- failing allocations */

static status
write_under_snapshots(state_array *a, store *s, store_snapshot **shots, error *err) {
    TRY(array_extend(a, 30000, NULL, err));
    TRY(store_snapshot_open(&shots[0], s, err));
    TRY(array_touch(a, 10, 1, err));
    *ARRAY_AT(a, uint64_t, 10) = 7;
    TRY(store_snapshot_open(&shots[1], s, err));
    TRY(array_touch(a, 0, 30000, err));
    *ARRAY_AT(a, uint64_t, 10) = 8;
    return array_extend(a, 100000, NULL, err);
}

static status
scenario(mem *m, error *err) {
    store *s;
    TRY(store_open(&s, m, err));
    state_array     a;
    store_snapshot *shots[2] = {NULL, NULL};
    status          result = array_open(&a, s, "a", 8, err);
    if (result == OK) {
        result = write_under_snapshots(&a, s, shots, err);
        uint64_t seen = 99;
        error    lost;
        for (int i = 0; i < 2 && shots[i] != NULL; i++) { /* the writer went on */
            const status read = snapshot_read(shots[i], &a, 10, 1, &seen, &lost);
            CHECK(read == ERR_OUT_OF_MEMORY || (read == OK && seen == (i == 1 ? 7u : 0u)));
            result = result < 0 ? result : read;
        }
    }
    store_snapshot_close(shots[0]);
    store_snapshot_close(shots[1]);
    array_close(&a);
    store_close(s);
    return result;
}

static void
test_torture(void **unused) {
    (void)unused;
    CHECK(torture("store", scenario) > 8);
}

UNIT_MAIN(UNIT(test_random_snapshots), UNIT(test_closed_array_leaves_snapshots),
          UNIT(test_emptied_array_leaves_snapshots), UNIT(test_reader_thread), UNIT(test_torture))
