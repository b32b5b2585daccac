/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader: what it accepts can be walked and written, and what it writes reads as the same,
 * whatever bytes it is given. */
#include "unit.h"

#include "base/mem.h"
#include "type/json_text.h"

static const char *const samples[] = {
    "{\"a\": [1, -2.5e+3, \"x\\u00e9\\ud83d\\ude00\\n\"], \"\\u0062\": {\"c\": null}}",
    "{\"d\": [true, false, []]}",
    "[[[{}]], \"\", 0, 12345678901234567890, \"\\\\\\\"\\/\\b\\f\\n\\r\\t\"]",
    " \"\\u0001\" ",
};

static void
walk(text value, buf *scratch, int32_t depth) {
    size_t      at = 0;
    json_member m;
    CHECK(json_type_of(value) != NULL);
    while (depth < 20 && json_next(value, &at, &m)) {
        scratch->size = 0;
        CHECK(m.key.data == NULL || json_unquote(m.key, scratch));
        walk(m.value, scratch, depth + 1);
    }
}

static void
check_text(mem *m, text s) {
    text        value, again;
    size_t      at;
    const char *why = NULL;
    if (!json_text_whole(s, &value, &at, &why)) {
        CHECK(why != NULL && at <= s.size);
        return;
    }
    buf first, second;
    buf_init(&first, m, 1 << 20);
    buf_init(&second, m, 1 << 20);
    walk(value, &second, 0);
    second.size = 0;
    CHECK(json_write(value, &first));
    CHECK(json_text_whole(buf_text(&first), &again, &at, &why));
    CHECK(json_write(again, &second) && text_equal(buf_text(&first), buf_text(&second)));
    buf_fini(&first);
    buf_fini(&second);
}

static void
test_damage(void **state UNUSED) {
    mem m;
    mem_init(&m, INT64_MAX);
    for (int32_t k = 0; k < ARRAY_COUNT(samples); k++) {
        const size_t size = strlen(samples[k]);
        for (size_t n = 0; n <= size; n++) { /* memory of its own, so that a read beyond it shows */
            char *cut = mem_alloc(&m, n + 1);
            memcpy(cut, samples[k], n);
            check_text(&m, (text){cut, n});
            for (size_t i = 0; i < n && n == size; i++) {
                static const char other[] = "\\\"{}[]:,0-.eu \x01z";
                for (size_t j = 0; j < sizeof(other) - 1; j++) {
                    cut[i] = other[j];
                    check_text(&m, (text){cut, n});
                }
                cut[i] = samples[k][i];
            }
            mem_free(&m, cut, n + 1);
        }
    }
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_depth(void **state UNUSED) {
    static char deep[2 * JSON_LEVELS_MAX + 4];
    text        value;
    size_t      at;
    const char *why;
    for (int32_t levels = JSON_LEVELS_MAX; levels <= JSON_LEVELS_MAX + 1; levels++) {
        memset(deep, '[', (size_t)levels);
        memset(deep + levels, ']', (size_t)levels);
        CHECK_EQ(json_text_whole((text){deep, (size_t)levels * 2}, &value, &at, &why),
                 levels == JSON_LEVELS_MAX);
    }
}

static void
test_paths(void **state UNUSED) {
    static const char *const bad[] = {"$.",    "$..",  "$.*x", "$[*",   "$[",
                                      "$[1",   "$[x]", "$[#]", "$[#1]", "$[-]",
                                      "$.\"a", "$a",   "/~",   "/~2",   "$[99999999999999999999]"};
    static const char *const good[] = {"",     "$",         "a",    "$.a",    "$.\"a b\"[0]",
                                       "$..a", "$.*",       "$[*]", "$[#-1]", "$[-1]",
                                       "/",    "/a~0b~1c/0"};
    char                     names[64];
    json_path                p;
    error                    err;
    for (int32_t i = 0; i < ARRAY_COUNT(bad); i++) {
        CHECK_FAILS(json_path_parse(&p, text_of(bad[i]), names, &err), ERR_QUERY_FAILED);
    }
    for (int32_t i = 0; i < ARRAY_COUNT(good); i++) {
        CHECK_OK(json_path_parse(&p, text_of(good[i]), names, &err));
    }
    CHECK_EQ(p.count, 2);
    CHECK(text_equal(p.steps[0].name, TEXT("a~b/c")));
}

UNIT_MAIN(UNIT(test_damage), UNIT(test_depth), UNIT(test_paths))
