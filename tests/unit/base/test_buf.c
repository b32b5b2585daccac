/* SPDX-License-Identifier: Apache-2.0 */
/* test_buf.c - the growing buffer against a plain array, its maximum, its sticky failure. */
#include "unit.h"

static void
test_against_array(void **state) {
    (void)state;
    mem m;
    mem_init(&m, INT64_MAX);
    static char model[200000];
    size_t      size = 0;
    rng         r;
    rng_init(&r, 3);
    buf b;
    buf_init(&b, &m, SIZE_MAX);
    CHECK_TEXT(buf_text(&b), "");
    for (int32_t i = 0; i < 3000; i++) {
        char piece[64];
        int  n = (int)rng_below(&r, 60);
        switch (rng_below(&r, 4)) {
        case 0:
            n = snprintf(piece, sizeof(piece), "%d|%s", i, i % 2 == 0 ? "even" : "");
            CHECK(buf_printf(&b, "%d|%s", i, i % 2 == 0 ? "even" : ""));
            break;
        case 1:
            piece[0] = (char)i;
            n = 1;
            CHECK(buf_append_char(&b, (char)i));
            break;
        default:
            memset(piece, 'a' + i % 26, sizeof(piece));
            CHECK(buf_append_text(&b, (text){piece, (size_t)n}));
        }
        memcpy(model + size, piece, (size_t)n);
        size += (size_t)n;
        CHECK_EQ(b.size, size);
        CHECK(b.data == NULL || b.data[b.size] == '\0');
    }
    CHECK(memcmp(b.data, model, size) == 0);
    buf_clear(&b);
    CHECK_TEXT(buf_text(&b), "");
    buf_fini(&b);
    buf_fini(&b);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Formatted texts of every size around the first capacities: the retry writes the same text. */
static void
test_printf_sizes(void **state) {
    (void)state;
    mem m;
    mem_init(&m, INT64_MAX);
    for (int width = 0; width < 300; width++) {
        for (int before = 0; before < 70; before += 23) {
            buf b;
            buf_init(&b, &m, 1000);
            CHECK(buf_printf(&b, "%*s", before, ""));
            CHECK(buf_printf(&b, "%0*d", width, 7));
            CHECK_EQ(b.size, before + (width == 0 ? 1 : width));
            CHECK_EQ(b.data[b.size - 1], '7');
            CHECK_EQ(b.data[b.size], '\0');
            buf_fini(&b);
        }
    }
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_maximum_is_sticky(void **state) {
    (void)state;
    mem m;
    mem_init(&m, INT64_MAX);
    buf b;
    buf_init(&b, &m, 10);
    CHECK(buf_append_text(&b, TEXT("12345678")));
    CHECK(!buf_printf(&b, "%d", 12345));
    CHECK(b.failed);
    CHECK_TEXT(buf_text(&b), "12345678");
    CHECK_EQ(b.data[8], '\0');
    CHECK(!buf_append_char(&b, '9'));
    CHECK(!buf_append(&b, NULL, 0));
    CHECK(!buf_printf(&b, "%s", ""));
    CHECK_TEXT(buf_text(&b), "12345678");
    buf_clear(&b);
    CHECK(buf_append_text(&b, TEXT("0123456789")));
    CHECK(buf_append(&b, NULL, 0));
    CHECK(!buf_append_char(&b, 'x'));
    CHECK(b.capacity <= 11);
    buf_fini(&b);
    buf_init(&b, &m, 0);
    CHECK(buf_append_text(&b, TEXT("")));
    CHECK(!buf_append_text(&b, TEXT("x")));
    buf_fini(&b);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
grow(mem *m, error *err) {
    buf b;
    buf_init(&b, m, 100000);
    bool ok = true;
    for (int32_t i = 0; i < 1000; i++) {
        const size_t before = b.size;
        const bool   whole = i % 2 == 0 ? buf_printf(&b, "%d:%s,", i, "abcdefgh")
                                        : buf_append_text(&b, TEXT("some more text"));
        ok = ok && whole;
        CHECK_EQ(whole, !b.failed);
        CHECK(whole || b.size == before);
    }
    CHECK_EQ(ok, !b.failed);
    buf_fini(&b);
    return ok ? OK : error_memory(err);
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("buf", grow) > 5);
}

UNIT_MAIN(UNIT(test_against_array), UNIT(test_printf_sizes), UNIT(test_maximum_is_sticky),
          UNIT(test_torture))
