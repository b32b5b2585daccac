/* SPDX-License-Identifier: Apache-2.0 */
/* The block store against a plain byte model: writes, growth, truncation, snapshots opened and
 * closed in any order, changed blocks, restore. */
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
            snapshot_read(s->shot, &arrays[k], first, n, out);
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

/* ---- incremental checkpoints: a saved image is patched with changed blocks and must equal the
 * snapshot each time */

typedef struct image {
    uint8_t *bytes[ARRAYS];
    uint64_t blocks;
} image;

static status
save_block(void *arg, uint32_t id, uint64_t block, const void *data, size_t size, error *err) {
    (void)err;
    image *im = arg;
    memcpy(im->bytes[id] + block * STORE_BLOCK_BYTES, data, size);
    im->blocks++;
    return OK;
}

static void
restore_and_compare(mem *account, const image *im, const shot_model *s, const state_array *arrays) {
    error       err = {0};
    store      *fresh;
    state_array copies[ARRAYS];
    CHECK_OK(store_open(&fresh, account, &err));
    for (int k = 0; k < ARRAYS; k++) {
        CHECK_OK(array_open(&copies[k], fresh, array_name(&arrays[k]), element_sizes[k], &err));
        const uint64_t bytes = s->arrays[k].count * element_sizes[k];
        for (uint64_t at = 0; at < bytes; at += STORE_BLOCK_BYTES) {
            const uint64_t left = bytes - at;
            CHECK_OK(array_restore_block(&copies[k], at / STORE_BLOCK_BYTES, im->bytes[k] + at,
                                         left < STORE_BLOCK_BYTES ? left : STORE_BLOCK_BYTES,
                                         &err));
        }
        CHECK_EQ(copies[k].count, s->arrays[k].count);
        if (bytes > 0) {
            assert_memory_equal(copies[k].data, s->arrays[k].bytes, bytes);
        }
    }
    for (int k = 0; k < ARRAYS; k++) {
        array_close(&copies[k]);
    }
    store_close(fresh);
}

static void
test_changed_blocks_and_restore(void **unused) {
    (void)unused;
    mem         account;
    error       err = {0};
    store      *s;
    rng         r;
    state_array arrays[ARRAYS];
    model       models[ARRAYS] = {0};
    image       im = {0};
    uint64_t    since = 0;
    mem_init(&account, INT64_MAX);
    rng_init(&r, 99);
    CHECK_OK(store_open(&s, &account, &err));
    for (int k = 0; k < ARRAYS; k++) {
        CHECK_OK(array_open(&arrays[k], s, "array", element_sizes[k], &err));
        CHECK_EQ(arrays[k].id, k);
        models[k].bytes = calloc(COUNT_MAX, element_sizes[k]);
        im.bytes[k] = calloc(COUNT_MAX + STORE_BLOCK_BYTES, element_sizes[k]);
    }
    for (int round = 0; round < 40; round++) {
        const uint64_t steps = rng_below(&r, 20);
        for (uint64_t i = 0; i < steps; i++) {
            const uint64_t k = rng_below(&r, ARRAYS);
            mutate(&arrays[k], &models[k], &r, &err);
        }
        shot_model one = {0};
        CHECK_OK(store_snapshot_open(&one.shot, s, &err));
        for (int k = 0; k < ARRAYS; k++) {
            model_copy(&one.arrays[k], &models[k], element_sizes[k]);
        }
        for (int i = 0; i < 5; i++) { /* the running engine writes on */
            const uint64_t k = rng_below(&r, ARRAYS);
            mutate(&arrays[k], &models[k], &r, &err);
        }
        im.blocks = 0;
        CHECK_OK(snapshot_changed_blocks(one.shot, since, save_block, &im, &err));
        since = snapshot_epoch(one.shot);
        CHECK_EQ(since, store_epoch(s));
        restore_and_compare(&account, &im, &one, arrays);
        store_snapshot_close(one.shot);
        for (int k = 0; k < ARRAYS; k++) {
            free(one.arrays[k].bytes);
        }
    }
    store_snapshot *shot;
    CHECK_OK(store_snapshot_open(&shot, s, &err));
    im.blocks = 0;
    CHECK_OK(snapshot_changed_blocks(shot, snapshot_epoch(shot), save_block, &im, &err));
    CHECK_EQ(im.blocks, 0); /* nothing since: nothing listed */
    store_snapshot_close(shot);
    for (int k = 0; k < ARRAYS; k++) {
        array_close(&arrays[k]);
        free(models[k].bytes);
        free(im.bytes[k]);
    }
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
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
    CHECK_OK(store_snapshot_open(&shot, s, &err));
    CHECK_OK(array_touch(&a, 5, 1, &err));
    const uint32_t id = a.id;
    array_close(&a);
    CHECK_OK(array_open(&b, s, "b", 4, &err));
    CHECK_EQ(b.id, id); /* ids are used again, the snapshot is not confused by it */
    CHECK_EQ(snapshot_array_count(shot, &b), 0);
    CHECK_OK(array_extend(&b, 50, NULL, &err));
    CHECK_STR(array_name(store_array_at(s, id)), "b");
    store_snapshot_close(shot);
    array_close(&b);
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
        snapshot_read(r->shot, r->array, at, n, out);
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
        if (shots[1] != NULL) {
            snapshot_read(shots[1], &a, 10, 1, &seen);
            CHECK_EQ(seen, 7);
        }
        if (shots[0] != NULL) {
            snapshot_read(shots[0], &a, 10, 1, &seen);
            CHECK_EQ(seen, 0);
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

UNIT_MAIN(UNIT(test_random_snapshots), UNIT(test_changed_blocks_and_restore),
          UNIT(test_closed_array_leaves_snapshots), UNIT(test_reader_thread), UNIT(test_torture))
