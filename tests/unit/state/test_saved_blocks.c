/* SPDX-License-Identifier: Apache-2.0 */
/* Stores saved into files of blocks, again and again while they are written to: each saved state
 * loads as what the store was, blocks that did not change are not written again, and a saving that
 * came to nothing is made up for by the next one. Arrays come and go meanwhile, and so may the
 * store before its blocks are written. */
#include "unit.h"

#include "state/store.h"

enum { ARRAYS = 3, COUNT_MAX = 40000, FILE_BYTES = 8 << 20, ROUNDS = 60 };

static const uint32_t element_sizes[ARRAYS] = {1, 8, 24};

/* ---- files in memory, written after the store was saved */

typedef struct job {
    int      shot;
    uint32_t id;
    uint64_t block;
    size_t   size;
} job;

typedef struct files {
    uint8_t        *bytes[ROUNDS + 2]; /* by number */
    uint64_t        number;            /* of the one under way */
    int64_t         size;
    store_snapshot *shots[4];
    int             shot_count;
    job             jobs[4096];
    int             job_count;
    bool            moves; /* nothing stays where it is */
    int64_t         stayed;
} files;

static bool
stays(void *context, const block_place *at, size_t size) {
    files *f = context;
    CHECK(f->bytes[at->file] != NULL && size > 0);
    f->stayed += !f->moves;
    return !f->moves;
}

static status
put(void *context, uint32_t id, uint64_t block, size_t size, block_place *at, error *err) {
    (void)err;
    files *f = context;
    *at = (block_place){f->number, f->size};
    f->jobs[f->job_count++] = (job){f->shot_count, id, block, size};
    f->size += (int64_t)size;
    return OK;
}

static void
keep(void *context, store_snapshot *shot) {
    files *f = context;
    f->shots[f->shot_count++] = shot;
}

static status
take(void *context, const block_place *at, void *to, size_t size, error *err) {
    (void)err;
    const files *f = context;
    memcpy(to, f->bytes[at->file] + at->at, size);
    return OK;
}

static status
write_file(files *f, error *err) {
    f->bytes[f->number] = malloc(FILE_BYTES);
    CHECK(f->size <= FILE_BYTES);
    int64_t at = 0;
    for (int i = 0; i < f->job_count; i++) {
        const job *j = &f->jobs[i];
        TRY(snapshot_read_block(f->shots[j->shot], j->id, j->block, j->size,
                                f->bytes[f->number] + at, err));
        at += (int64_t)j->size;
    }
    return OK;
}

static void
begin_file(files *f, uint64_t number) {
    f->number = number;
    f->size = 0;
    f->shot_count = 0;
    f->job_count = 0;
    f->stayed = 0;
}

static void
close_shots(files *f) {
    for (int i = 0; i < f->shot_count; i++) {
        store_snapshot_close(f->shots[i]);
    }
    f->shot_count = 0;
}

/* ---- a store and what should be in it */

typedef struct world {
    store      *s;
    state_array arrays[ARRAYS];
    uint8_t    *bytes[ARRAYS];
} world;

static void
open_world(world *w, mem *m) {
    error err;
    CHECK_OK(store_open(&w->s, m, &err));
    for (int k = 0; k < ARRAYS; k++) {
        CHECK_OK(array_open(&w->arrays[k], w->s, "array", element_sizes[k], &err));
    }
}

static void
close_world(world *w) {
    for (int k = 0; k < ARRAYS; k++) {
        array_close(&w->arrays[k]);
    }
    store_close(w->s);
}

/* Some elements, or an end of other length, or all anew: as operators do that compact. */
static void
change(world *w, rng *r) {
    error        err;
    const int    k = (int)rng_below(r, ARRAYS);
    state_array *a = &w->arrays[k];
    const int    what = (int)rng_below(r, 40);
    if (what == 0) {
        array_close(a);
        CHECK_OK(array_open(a, w->s, "array", element_sizes[k], &err));
    } else if (what == 1) {
        array_truncate(a, rng_below(r, a->count + 1));
    } else if (what < 8 && a->count < COUNT_MAX / 2) {
        CHECK_OK(array_extend(a, rng_below(r, 9000), NULL, &err));
    } else if (a->count > 0) {
        const uint64_t first = rng_below(r, a->count);
        const uint64_t n = 1 + rng_below(r, a->count - first < 30 ? a->count - first : 30);
        CHECK_OK(array_touch(a, first, n, &err));
        for (uint64_t i = first * a->element_size; i < (first + n) * a->element_size; i++) {
            a->data[i] = (uint8_t)rng_next(r);
        }
    }
}

static void
remember(const world *w, uint8_t **bytes, uint64_t *counts) {
    for (int k = 0; k < ARRAYS; k++) {
        counts[k] = w->arrays[k].count;
        const size_t size = (size_t)counts[k] * element_sizes[k];
        bytes[k] = malloc(size + 1);
        memcpy(bytes[k], w->arrays[k].data == NULL ? (const uint8_t *)"" : w->arrays[k].data, size);
    }
}

static void
check_loads(mem *m, const buf *image, const block_shelf *shelf, uint8_t **bytes,
            const uint64_t *counts) {
    error        err;
    world        w;
    image_reader in = {.at = image->data, .left = image->size};
    open_world(&w, m);
    CHECK_OK(store_image_take(w.s, shelf, &in, &err));
    CHECK_EQ(in.left, 0);
    for (int k = 0; k < ARRAYS; k++) {
        CHECK_EQ(w.arrays[k].count, counts[k]);
        assert_memory_equal(w.arrays[k].data == NULL ? (const uint8_t *)"" : w.arrays[k].data,
                            bytes[k], (size_t)counts[k] * element_sizes[k]);
    }
    files *f = shelf->context; /* what was loaded stays where it was loaded from */
    buf    again;
    buf_init(&again, m, SIZE_MAX);
    begin_file(f, ROUNDS + 1);
    f->moves = false;
    CHECK_OK(store_image_put(w.s, shelf, &again, &err));
    CHECK_EQ(f->job_count, 0);
    CHECK(again.size == image->size && memcmp(again.data, image->data, image->size) == 0);
    buf_fini(&again);
    close_world(&w);
}

static void
test_saved_again_and_again(void **unused) {
    (void)unused;
    int64_t stayed = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        mem         account;
        error       err;
        rng         r;
        world       w;
        files      *f = calloc(1, sizeof(*f));
        block_shelf shelf = {.context = f, .has = stays, .put = put, .keep = keep, .take = take};
        mem_init(&account, INT64_MAX);
        rng_init(&r, seed);
        open_world(&w, &account);
        for (uint64_t round = 1; round <= ROUNDS; round++) {
            uint8_t *bytes[ARRAYS];
            uint64_t counts[ARRAYS];
            buf      image;
            buf_init(&image, &account, SIZE_MAX);
            for (uint64_t i = rng_below(&r, 12); i > 0; i--) {
                change(&w, &r);
            }
            begin_file(f, round);
            f->moves = rng_below(&r, 10) == 0;
            remember(&w, bytes, counts);
            CHECK_OK(store_image_put(w.s, &shelf, &image, &err));
            stayed += f->stayed;
            for (uint64_t i = rng_below(&r, 8); i > 0; i--) {
                change(&w, &r); /* the engine goes on */
            }
            const bool ends = round == ROUNDS;
            if (ends) { /* it is dropped meanwhile */
                close_world(&w);
            }
            if (!ends && rng_below(&r, 4) == 0) { /* and this one comes to nothing */
                for (int i = 0; i < f->shot_count; i++) {
                    store_forget_saved(f->shots[i]);
                }
                close_shots(f);
                f->bytes[round] = malloc(FILE_BYTES);
                memset(f->bytes[round], 0xDB, FILE_BYTES);
            } else {
                CHECK_OK(write_file(f, &err));
                close_shots(f);
                check_loads(&account, &image, &shelf, bytes, counts);
            }
            for (int k = 0; k < ARRAYS; k++) {
                free(bytes[k]);
            }
            buf_fini(&image);
        }
        for (int i = 0; i < ROUNDS + 2; i++) {
            free(f->bytes[i]);
        }
        free(f);
        CHECK_EQ(mem_fini(&account), 0);
    }
    CHECK(stayed > (int64_t)4 * ROUNDS);
}

/* ---- elements that were wider when they were saved */

static void
add_halves(void *to, const void *wide) {
    uint64_t halves[2];
    memcpy(halves, wide, sizeof(halves));
    halves[0] += 3 * halves[1];
    memcpy(to, halves, sizeof(halves[0]));
}

/* As an array of 8 bytes, from an image of one of 16 or of 8. */
static void
check_narrow(mem *m, const buf *image, const block_shelf *shelf, uint64_t count, buf *again) {
    error        err;
    store       *s;
    state_array  a;
    image_reader in = {.at = image->data, .left = image->size};
    CHECK_OK(store_open(&s, m, &err));
    CHECK_OK(array_open(&a, s, "array", 8, &err));
    array_accept_wide(&a, 16, add_halves);
    CHECK_OK(store_image_take(s, shelf, &in, &err));
    CHECK_EQ(in.left, 0);
    CHECK_EQ(a.count, count);
    for (uint64_t i = 0; i < count; i++) {
        CHECK_EQ(*ARRAY_AT(&a, uint64_t, i), i * i + 3 * (i + 7));
    }
    if (again != NULL) {
        CHECK_OK(store_image_put(s, shelf, again, &err));
    }
    array_close(&a);
    store_close(s);
}

static void
test_elements_become_narrow(void **unused) {
    (void)unused;
    static const uint64_t counts[] = {0, 1, 100, 4096, 4097, 30000};
    for (int k = 0; k < 2 * (int)ARRAY_COUNT(counts); k++) {
        const uint64_t count = counts[k / 2];
        mem            account;
        error          err;
        store         *s;
        state_array    a;
        buf            image, again;
        files         *f = calloc(1, sizeof(*f));
        block_shelf in_files = {.context = f, .has = stays, .put = put, .keep = keep, .take = take};
        const block_shelf *shelf = k % 2 == 0 ? &in_files : NULL;
        mem_init(&account, INT64_MAX);
        buf_init(&image, &account, SIZE_MAX);
        buf_init(&again, &account, SIZE_MAX);
        CHECK_OK(store_open(&s, &account, &err));
        CHECK_OK(array_open(&a, s, "array", 16, &err));
        CHECK_OK(array_extend(&a, count, NULL, &err));
        for (uint64_t i = 0; i < count; i++) {
            *ARRAY_AT(&a, uint64_t, 2 * i) = i * i;
            *ARRAY_AT(&a, uint64_t, 2 * i + 1) = i + 7;
        }
        begin_file(f, 1);
        CHECK_OK(store_image_put(s, shelf, &image, &err));
        CHECK_OK(write_file(f, &err));
        close_shots(f);
        array_close(&a);
        store_close(s);
        begin_file(f, 2);
        check_narrow(&account, &image, shelf, count, &again);
        CHECK_EQ(f->job_count,
                 shelf == NULL || count * 8 <= 4096 ? 0 : (count * 8 + 65535) / 65536);
        CHECK_OK(write_file(f, &err));
        close_shots(f);
        check_narrow(&account, &again, shelf, count, NULL);
        buf_fini(&image);
        buf_fini(&again);
        free(f->bytes[1]);
        free(f->bytes[2]);
        free(f);
        CHECK_EQ(mem_fini(&account), 0);
    }
}

/* ---- failing allocations: what cannot be set aside loses the saving, never the writer */

static status
save_and_write_on(world *w, files *f, const block_shelf *shelf, buf *image, error *err) {
    TRY(array_extend(&w->arrays[1], 30000, NULL, err));
    *ARRAY_AT(&w->arrays[1], uint64_t, 20000) = 7;
    TRY(store_image_put(w->s, shelf, image, err));
    TRY(array_touch(&w->arrays[1], 0, 30000, err));
    *ARRAY_AT(&w->arrays[1], uint64_t, 20000) = 8;
    array_close(&w->arrays[1]);
    TRY(write_file(f, err));
    uint64_t seen;
    memcpy(&seen, f->bytes[1] + 160000, sizeof(seen));
    CHECK_EQ(seen, 7);
    return OK;
}

static status
scenario(mem *m, error *err) {
    world w = {.s = NULL};
    buf   image;
    TRY(store_open(&w.s, m, err));
    files      *f = calloc(1, sizeof(*f));
    block_shelf shelf = {.context = f, .has = stays, .put = put, .keep = keep, .take = take};
    buf_init(&image, m, SIZE_MAX);
    begin_file(f, 1);
    status result = array_open(&w.arrays[1], w.s, "array", 8, err);
    result = result < 0 ? result : save_and_write_on(&w, f, &shelf, &image, err);
    close_shots(f);
    array_close(&w.arrays[1]);
    store_close(w.s);
    buf_fini(&image);
    free(f->bytes[1]);
    free(f);
    return result;
}

static void
test_torture(void **unused) {
    (void)unused;
    CHECK(torture("saved blocks", scenario) > 8);
}

UNIT_MAIN(UNIT(test_saved_again_and_again), UNIT(test_elements_become_narrow), UNIT(test_torture))
