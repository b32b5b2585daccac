/* SPDX-License-Identifier: Apache-2.0 */
/* test_mem.c - accounting, limit and torture hook of the allocator. */
#include "unit.h"

static int64_t
used(mem *m) {
    return atomic_load(&m->bytes_used);
}

static void
test_accounting(void **state) {
    (void)state;
    mem m;
    mem_init(&m, INT64_MAX);
    uint8_t *a = mem_alloc(&m, 100);
    uint8_t *z = mem_alloc_zero(&m, 1000);
    CHECK(a != NULL && z != NULL);
    CHECK_EQ((uintptr_t)a % 16, 0);
    for (int32_t i = 0; i < 1000; i++) {
        CHECK_EQ(z[i], 0);
    }
    CHECK_EQ(used(&m), 1100);
    memset(a, 7, 100);
    a = mem_resize(&m, a, 100, 50000);
    CHECK(a != NULL && a[99] == 7);
    CHECK_EQ(used(&m), 51000);
    a = mem_resize(&m, a, 50000, 10);
    CHECK(a != NULL && a[9] == 7);
    CHECK_EQ(used(&m), 1010);
    CHECK_EQ(atomic_load(&m.bytes_max), 51000);
    CHECK_EQ(atomic_load(&m.allocations), 4);
    mem_free(&m, NULL, 0);
    mem_free(&m, a, 10);
    mem_free(&m, z, 1000);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_map(void **state) {
    (void)state;
    mem m;
    mem_init(&m, INT64_MAX);
    size_t    bytes = 4096;
    uint64_t *p = mem_map(&m, bytes);
    CHECK(p != NULL);
    for (uint64_t step = 0; step < 10; step++) {
        for (size_t i = bytes / 16; i < bytes / 8; i++) {
            CHECK_EQ(p[i], 0);
        }
        p[bytes / 8 - 1] = step + 1;
        uint64_t *moved = mem_remap(&m, p, bytes, bytes * 2);
        CHECK(moved != NULL);
        p = moved;
        CHECK_EQ(p[bytes / 8 - 1], step + 1);
        bytes *= 2;
        CHECK_EQ(used(&m), bytes);
    }
    p = mem_remap(&m, p, bytes, 8192);
    CHECK(p != NULL);
    CHECK_EQ(used(&m), 8192);
    mem_unmap(&m, p, 8192);
    mem_unmap(&m, NULL, 0);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Within the addresses that a mapping has and beyond: what is new is zero, also where it was
 * before; what stays is what it was. */
static void
test_grows_in_place(void **state) {
    (void)state;
    mem m;
    rng r;
    mem_init(&m, INT64_MAX);
    rng_init(&r, 11);
    size_t   bytes = 4096;
    uint8_t *p = mem_map(&m, bytes);
    CHECK(p != NULL);
    memset(p, 1, bytes);
    for (int32_t i = 2; i < 120; i++) {
        const size_t most = rng_below(&r, 4) == 0 ? (size_t)20 << 20 : (size_t)9 << 20;
        const size_t next = (1 + rng_below(&r, most / 4096)) * 4096;
        uint8_t     *moved = mem_remap(&m, p, bytes, next);
        CHECK(moved != NULL);
        p = moved;
        for (size_t at = 0; at < next; at += 4096) {
            CHECK_EQ(p[at] != 0, at < bytes);
            CHECK_EQ(p[at + 4095], p[at]);
            p[at] = p[at + 4095] = (uint8_t)i;
        }
        bytes = next;
        CHECK_EQ(used(&m), bytes);
    }
    mem_unmap(&m, p, bytes);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_limit(void **state) {
    (void)state;
    mem m;
    mem_init(&m, 10000);
    void *a = mem_alloc(&m, 6000);
    CHECK(a != NULL);
    CHECK(mem_alloc(&m, 4001) == NULL);
    CHECK(mem_alloc_zero(&m, SIZE_MAX) == NULL);
    CHECK(mem_map(&m, 4096) == NULL);
    CHECK(mem_resize(&m, a, 6000, 10001) == NULL);
    CHECK_EQ(used(&m), 6000); /* what was refused is not charged */
    a = mem_resize(&m, a, 6000, 5904);
    CHECK(a != NULL);
    void *p = mem_map(&m, 4096);
    CHECK(p != NULL);
    CHECK_EQ(used(&m), 10000);
    CHECK(mem_remap(&m, p, 4096, 8192) == NULL);
    CHECK(mem_alloc(&m, 1) == NULL);
    mem_free(&m, a, 5904);
    void *q = mem_remap(&m, p, 4096, 8192);
    CHECK(q != NULL);
    CHECK_EQ(atomic_load(&m.bytes_max), 10000);
    mem_unmap(&m, q, 8192);
    CHECK_EQ(mem_fini(&m), 0);
    mem_init(&m, INT64_MAX); /* the system refuses, the account stays true */
    CHECK(mem_map(&m, (size_t)1 << 60) == NULL);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Blocks on both sides of the size from which they have pages of their own: what is in them stays
 * through any growing and shrinking, and each odd size too. */
static void
test_large(void **state) {
    (void)state;
    mem      m;
    rng      r;
    uint8_t *p = NULL;
    size_t   bytes = 0;
    rng_init(&r, 5);
    mem_init(&m, INT64_MAX);
    for (int32_t i = 0; i < 40; i++) {
        const size_t   next = (size_t)1 + rng_below(&r, (uint64_t)24 << 20);
        const size_t   kept = next < bytes ? next : bytes;
        uint8_t *const q = mem_resize(&m, p, bytes, next);
        CHECK(q != NULL);
        for (size_t at = 0; at < kept; at += 4099) {
            CHECK_EQ(q[at], (uint8_t)(at / 4099));
        }
        for (size_t at = 0; at < next; at += 4099) {
            q[at] = (uint8_t)(at / 4099);
        }
        CHECK_EQ(used(&m), (int64_t)next);
        p = q;
        bytes = next;
    }
    mem_free(&m, p, bytes);
    p = mem_alloc_zero(&m, (17 << 20) + 5);
    CHECK(p != NULL);
    for (size_t at = 0; at < (17 << 20) + 5; at += 1000) {
        CHECK_EQ(p[at], 0);
    }
    mem_free(&m, p, (17 << 20) + 5);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Frees that come after its owner closed it still find the account; the last one gives it back. */
static void
test_shared(void **state) {
    (void)state;
    mem *m = mem_open_shared(1000);
    CHECK(m != NULL);
    void *a = mem_alloc(m, 100);
    void *b = mem_alloc(m, 200);
    CHECK(a != NULL && b != NULL && mem_alloc(m, 900) == NULL);
    mem_free(m, a, 100);
    a = mem_alloc(m, 300);
    CHECK(a != NULL);
    mem_close_shared(m);
    CHECK_EQ(used(m), 500);
    mem_free(m, b, 200);
    CHECK_EQ(used(m), 300);
    mem_free(m, a, 300);

    m = mem_open_shared(1000); /* never used */
    CHECK(m != NULL);
    mem_close_shared(m);
}

/* A child charges its parent too, counts for its limit and its torture, and may outlive its
 * closing. */
static void
test_child(void **state) {
    (void)state;
    mem m;
    mem_init(&m, 1000);
    mem *child = mem_open_child(&m);
    CHECK(child != NULL);
    void *a = mem_alloc(child, 600);
    CHECK(a != NULL && used(child) == 601 && used(&m) == 601);
    CHECK(mem_alloc(child, 500) == NULL && mem_alloc(&m, 500) == NULL);
    CHECK(used(child) == 601 && used(&m) == 601);
    atomic_store(&m.fail_at, atomic_load(&m.allocations) + 1);
    CHECK(mem_alloc(child, 1) == NULL);
    atomic_store(&m.fail_at, atomic_load(&m.allocations) + 1);
    CHECK(mem_open_child(&m) == NULL);
    mem_close_shared(child);
    CHECK_EQ(used(&m), 600);
    mem_free(child, a, 600);
    CHECK_EQ(mem_fini(&m), 0);
}

/* What holds much already leaves the last sixteenth of the limit to those that hold little. */
static void
test_headroom(void **state) {
    (void)state;
    mem m;
    mem_init(&m, 64000);
    mem *greedy = mem_open_child(&m);
    mem *part = mem_open_child(greedy); /* counts for the one it is a part of */
    mem *modest = mem_open_child(&m);
    CHECK(greedy != NULL && part != NULL && modest != NULL);
    const size_t most = (size_t)(60000 - used(&m));
    void        *a = mem_alloc(greedy, most);
    CHECK(a != NULL && used(&m) == 60000);
    CHECK(mem_alloc(greedy, 1) == NULL && mem_alloc(part, 1) == NULL);
    CHECK_EQ(used(greedy), (int64_t)most + 2);
    void *b = mem_alloc(modest, 990);
    CHECK(b != NULL && mem_alloc(modest, 100) == NULL); /* 1000 of 64000 are little */
    void *c = mem_alloc(&m, 3000);
    CHECK(c != NULL && mem_alloc(&m, 100) == NULL);
    mem_free(&m, c, 3000);
    mem_free(modest, b, 990);
    mem_free(greedy, a, most);
    mem_close_shared(part);
    mem_close_shared(greedy);
    mem_close_shared(modest);
    CHECK_EQ(mem_fini(&m), 0);
}

/* The n-th call fails whatever its kind, once or from then on. */
static void
test_fail_at(void **state) {
    (void)state;
    for (int32_t always = 0; always < 2; always++) {
        for (int64_t n = 1; n <= 6; n++) {
            mem m;
            mem_init(&m, INT64_MAX);
            atomic_store(&m.fail_at, n);
            m.fail_always = always == 1;
            bool  ok[6];
            void *a = mem_alloc(&m, 10);
            void *b = mem_alloc_zero(&m, 10);
            void *p = mem_map(&m, 4096);
            ok[0] = a != NULL;
            ok[1] = b != NULL;
            ok[2] = p != NULL;
            void *c = mem_resize(&m, a, a == NULL ? 0 : 10, 20);
            ok[3] = c != NULL;
            size_t a_bytes = ok[3] ? 20 : 10;
            a = ok[3] ? c : a;
            void  *q = p == NULL ? mem_map(&m, 8192) : mem_remap(&m, p, 4096, 8192);
            size_t p_bytes = q != NULL ? 8192 : 4096;
            ok[4] = q != NULL;
            p = ok[4] ? q : p;
            void *d = a == NULL ? mem_alloc(&m, 5) : mem_resize(&m, a, a_bytes, 5);
            ok[5] = d != NULL;
            a_bytes = ok[5] ? 5 : a_bytes;
            a = ok[5] ? d : a;
            for (int64_t i = 1; i <= 6; i++) {
                CHECK_EQ(ok[i - 1], always == 1 ? i < n : i != n);
            }
            mem_free(&m, a, a_bytes);
            mem_free(&m, b, 10);
            mem_unmap(&m, p, p_bytes);
            CHECK_EQ(mem_fini(&m), 0);
        }
    }
}

UNIT_MAIN(UNIT(test_accounting), UNIT(test_map), UNIT(test_grows_in_place), UNIT(test_limit),
          UNIT(test_large), UNIT(test_shared), UNIT(test_child), UNIT(test_headroom),
          UNIT(test_fail_at))
