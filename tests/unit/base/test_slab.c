/* SPDX-License-Identifier: Apache-2.0 */
/* Slabs against plain memory: blocks keep their bytes, whoever goes first; what went is used again;
 * other threads give blocks back; refused allocations. */
#include "base/slab.h"

#include "os/thread.h"
#include "unit.h"

enum { BLOCKS = 400 };

typedef struct held {
    uint8_t *bytes;
    size_t   size;
    uint8_t  fill;
} held;

static void
check_and_free(held *h) {
    for (size_t i = 0; i < h->size; i++) {
        CHECK_EQ(h->bytes[i], h->fill);
    }
    slab_free(h->bytes);
    *h = (held){0};
}

/* In any order of makes and frees, with blocks beyond the size of a slab, which outlive the pool.
 */
static void
test_any_order(void **state) {
    (void)state;
    mem m;
    rng r;
    mem_init(&m, INT64_MAX);
    rng_init(&r, 7);
    slab_pool *p = slab_pool_open(&m);
    CHECK(p != NULL);
    held blocks[BLOCKS] = {0};
    for (int32_t i = 0; i < 20000; i++) {
        held *h = &blocks[rng_below(&r, BLOCKS)];
        if (h->bytes != NULL) {
            check_and_free(h);
            continue;
        }
        const bool large = rng_below(&r, 50) == 0;
        h->size = rng_below(&r, large ? 40000 : 700);
        h->fill = (uint8_t)i;
        h->bytes = slab_alloc(p, h->size);
        CHECK(h->bytes != NULL);
        CHECK_EQ((uintptr_t)h->bytes % 16, 0);
        memset(h->bytes, h->fill, h->size);
    }
    CHECK(slab_alloc(p, SIZE_MAX) == NULL);
    slab_pool_close(p);
    for (int32_t i = 0; i < BLOCKS; i++) {
        if (blocks[i].bytes != NULL) {
            check_and_free(&blocks[i]);
        }
    }
    slab_free(NULL);
    slab_pool_close(NULL);
    CHECK_EQ(mem_fini(&m), 0);
}

/* A log of the last n blocks asks for no memory once it is as long as it gets. */
static void
check_steady(size_t bytes, int32_t n) {
    mem   m;
    void *last[64] = {0};
    mem_init(&m, INT64_MAX);
    slab_pool *p = slab_pool_open(&m);
    int64_t    calls = 0;
    for (int32_t i = 0; i < 20000; i++) {
        calls = i == 2000 ? atomic_load(&m.allocations) : calls;
        slab_free(last[i % n]);
        last[i % n] = slab_alloc(p, bytes);
        CHECK(last[i % n] != NULL);
    }
    CHECK_EQ(atomic_load(&m.allocations), calls);
    for (int32_t i = 0; i < n; i++) {
        slab_free(last[i]);
    }
    slab_pool_close(p);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_what_went_is_used_again(void **state) {
    (void)state;
    check_steady(100, 1);
    check_steady(100, 2);
    check_steady(100, 64);
    check_steady(1000, 40);
    check_steady(SLAB_BYTES_MAX / 8, 1);
    check_steady(SLAB_BYTES_MAX / 8, 64);
}

/* The large block that came back last serves the next one that is not far smaller. */
static void
test_large_ones_wait(void **state) {
    (void)state;
    mem m;
    mem_init(&m, INT64_MAX);
    slab_pool *p = slab_pool_open(&m);
    CHECK(p != NULL);
    void *a = slab_alloc(p, 300000), *b = slab_alloc(p, 200000);
    CHECK(a != NULL && b != NULL);
    const int64_t both = atomic_load(&m.bytes_used);
    slab_free(a);
    CHECK_EQ(atomic_load(&m.bytes_used), both);
    void *c = slab_alloc(p, 250000);
    CHECK(c == a);
    CHECK_EQ(atomic_load(&m.bytes_used), both);
    slab_free(b);
    slab_free(c); /* one waits */
    CHECK_EQ(atomic_load(&m.bytes_used) < both - 190000, true);
    void *d = slab_alloc(p, 400000); /* it is too small: it goes */
    CHECK(d != NULL && atomic_load(&m.bytes_used) < both);
    slab_free(d);
    void *e = slab_alloc(p, 70000); /* far too large */
    CHECK(e != NULL && e != d && atomic_load(&m.bytes_used) < 200000);
    void *f = slab_alloc(p, 3 << 20); /* too large to wait */
    CHECK(f != NULL);
    slab_free(f);
    CHECK(atomic_load(&m.bytes_used) < 200000);
    slab_pool_close(p);
    slab_free(e);
    CHECK_EQ(mem_fini(&m), 0);
}

typedef struct handover {
    _Atomic(uint8_t *) slots[64];
    _Atomic bool       done;
} handover;

static void *
take_back(void *context) {
    handover *h = context;
    for (bool last = false; !last;) {
        last = atomic_load(&h->done);
        for (int32_t i = 0; i < 64; i++) {
            slab_free(atomic_exchange(&h->slots[i], NULL));
        }
    }
    return NULL;
}

static void
test_other_threads_free(void **state) {
    (void)state;
    mem             m;
    error           err;
    static handover h;
    thread          t;
    mem_init(&m, INT64_MAX);
    slab_pool *p = slab_pool_open(&m);
    CHECK_OK(thread_start(&t, "test", take_back, &h, &err));
    for (int32_t i = 0; i < 200000; i++) {
        uint8_t *b = slab_alloc(p, (size_t)(i % 300) + 1);
        CHECK(b != NULL);
        b[0] = (uint8_t)i;
        b[i % 300] = (uint8_t)i;
        slab_free(atomic_exchange(&h.slots[i % 64], b));
    }
    slab_pool_close(p);
    atomic_store(&h.done, true);
    thread_join(&t);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
busy_pool(mem *m, error *err) {
    slab_pool *p = slab_pool_open(m);
    if (p == NULL) {
        return error_memory(err);
    }
    status result = OK;
    void  *kept[100] = {0};
    for (int32_t i = 0; i < 300 && result == OK; i++) {
        slab_free(kept[i % 100]);
        kept[i % 100] = slab_alloc(p, (size_t)(i * 37 % 1500));
        result = kept[i % 100] == NULL ? error_memory(err) : OK;
    }
    slab_pool_close(p);
    for (int32_t i = 0; i < 100; i++) {
        slab_free(kept[i]);
    }
    return result;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("slab", busy_pool) > 5);
}

UNIT_MAIN(UNIT(test_any_order), UNIT(test_what_went_is_used_again), UNIT(test_large_ones_wait),
          UNIT(test_other_threads_free), UNIT(test_torture))
