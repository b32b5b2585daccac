/* SPDX-License-Identifier: Apache-2.0 */
/* The text heap against a model: random texts of all classes put and freed; freed bytes are found
 * again. */
#include "unit.h"

#include "state/text_heap.h"

#define TEXTS 300

typedef struct entry {
    strview stored;
    char   *copy; /* NULL: not in */
} entry;

static uint32_t
random_size(rng *r) {
    const uint64_t what = rng_below(r, 40);
    return (uint32_t)(what < 8    ? rng_below(r, 13)
                      : what < 30 ? 13 + rng_below(r, 150)
                      : what < 39 ? rng_below(r, 6000)
                                  : rng_below(r, 700000));
}

static void
check_entry(const text_heap *h, const entry *e) {
    const strview v = text_heap_load(h, &e->stored);
    const strview wanted = strview_of(e->copy, v.size);
    assert_memory_equal(strview_data(&v), e->copy, v.size);
    CHECK(text_heap_equal(h, &e->stored, &wanted));
}

static void
test_random(void **unused) {
    (void)unused;
    mem          account;
    error        err = {0};
    store       *s;
    text_heap    h;
    rng          r;
    static entry entries[TEXTS];
    mem_init(&account, INT64_MAX);
    rng_init(&r, 17);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(text_heap_open(&h, s, "h", &err));
    for (int step = 0; step < 20000; step++) {
        entry *e = &entries[rng_below(&r, TEXTS)];
        if (e->copy != NULL) {
            check_entry(&h, e);
            text_heap_free(&h, &e->stored);
            free(e->copy);
            e->copy = NULL;
            continue;
        }
        const uint32_t size = random_size(&r);
        e->copy = malloc(size + 1);
        for (uint32_t i = 0; i < size; i++) {
            e->copy[i] = (char)('a' + (i < 4 ? 0 : rng_next(&r) % 26));
        }
        const strview v = strview_of(e->copy, size);
        CHECK_OK(text_heap_put(&h, &e->stored, &v, &err));
        CHECK(size <= STRVIEW_INLINE_MAX || e->stored.data != NULL);
    }
    for (int i = 0; i < TEXTS; i++) {
        if (entries[i].copy != NULL) {
            check_entry(&h, &entries[i]);
            text_heap_free(&h, &entries[i].stored);
            free(entries[i].copy);
            entries[i].copy = NULL;
        }
    }
    text_heap_close(&h);
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
}

/* The same churn again and again must not make the heap grow. */
static void
test_bytes_are_reused(void **unused) {
    (void)unused;
    mem         account;
    error       err = {0};
    store      *s;
    text_heap   h;
    uint64_t    settled = 0;
    static char bytes[500000];
    memset(bytes, 'x', sizeof(bytes));
    mem_init(&account, INT64_MAX);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(text_heap_open(&h, s, "h", &err));
    for (int round = 0; round < 50; round++) {
        strview stored[60];
        for (uint32_t i = 0; i < 60; i++) {
            const strview v = strview_of(bytes, 13 + i * i * 130);
            CHECK_OK(text_heap_put(&h, &stored[i], &v, &err));
        }
        for (uint32_t i = 0; i < 60; i++) {
            text_heap_free(&h, &stored[(i * 7) % 60]);
        }
        CHECK(round == 0 || h.bytes.count == settled);
        settled = h.bytes.count;
    }
    text_heap_close(&h);
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
}

/* Columns of texts, put as a whole: what is read is what was given, free blocks are found, and the
 * same churn does not make the heap grow. */
static void
test_columns(void **unused) {
    (void)unused;
    enum { ROWS = 100 };
    mem          account;
    error        err = {0};
    store       *s;
    text_heap    h;
    uint64_t     settled = 0;
    static char  bytes[800000];
    strview      given[ROWS];
    strview      stored[ROWS];
    uint64_t     validity[2] = {~UINT64_C(0) << 1, ~UINT64_C(0)}; /* row 0 is NULL */
    const column in = {.type = type_of(TYPE_TEXT), .values = given, .validity = validity};
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)('a' + i % 23);
    }
    mem_init(&account, INT64_MAX);
    CHECK_OK(store_open(&s, &account, &err));
    CHECK_OK(text_heap_open(&h, s, "h", &err));
    for (int round = 0; round < 40; round++) {
        for (uint32_t i = 0; i < ROWS; i++) {
            const uint32_t huge = i == 50 && round % 2 == 1 ? 700000 : 0;
            given[i] = strview_of(bytes + i + (uint32_t)round, huge > 0 ? huge : i * i / 3);
        }
        CHECK_OK(text_heap_put_all(&h, stored, &in, ROWS, &err));
        CHECK(stored[0].word[0] == 0 && stored[0].word[1] == 0);
        for (uint32_t i = 1; i < ROWS; i++) {
            const strview v = text_heap_load(&h, &stored[i]);
            CHECK_EQ(v.size, given[i].size);
            assert_memory_equal(strview_data(&v), bytes + i + (uint32_t)round, v.size);
        }
        for (uint32_t i = 0; i < ROWS; i++) {
            text_heap_free(&h, &stored[(i * 7) % ROWS]);
        }
        CHECK(round < 2 || h.bytes.count == settled);
        settled = h.bytes.count;
    }
    text_heap_close(&h);
    store_close(s);
    CHECK_EQ(mem_fini(&account), 0);
}

UNIT_MAIN(UNIT(test_random), UNIT(test_bytes_are_reused), UNIT(test_columns))
