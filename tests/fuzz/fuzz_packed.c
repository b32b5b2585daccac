/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_packed.c - packed rows of anybody's making, with the checksums made right, so that what is
 * behind them is reached. Refused with ERR_CORRUPTION, or rows whose values can be looked at and
 * that are the same when they are packed again. */
#include "../unit/store/packed_seal.h"
#include "fuzz.h"

#include "type/nested.h"

enum { SALT = 0, MEMORY = 16 << 20 };

const int fuzz_passes = 2;

static void
seal_columns(char *bytes, size_t size) {
    mem    m;
    arena  a;
    packed p;
    error  err = {0};
    mem_init(&m, MEMORY);
    arena_init(&a, &m);
    packed_seal(bytes, size, SALT);
    if (packed_open(&p, (text){bytes, size}, (packed_place){.salt = SALT}, &a, &err) == OK) {
        const int32_t count = p.column_count + (p.has_weight ? 1 : 0);
        for (int32_t i = 0; i < count && (uint64_t)p.size <= size; i++) {
            seal_stream(bytes + p.parts[i].at, (size_t)p.parts[i].size, SALT, i);
        }
    }
    arena_fini(&a);
    FUZZ_CHECK(mem_fini(&m) == 0);
}

static void
look_at(const batch *b) {
    for (int32_t c = 0; c < b->rows.column_count; c++) {
        const column *of = &b->rows.columns[c];
        for (int32_t i = 0; i < b->rows.row_count && i < 4096; i++) {
            const value v = column_value(of, i);
            if (!v.is_null && v.type.id == TYPE_TEXT) {
                FUZZ_CHECK(text_is_utf8(v.s));
            }
            if (!v.is_null && type_is_nested(v.type)) {
                (void)nested_compare(v.type, v.s, v.s);
            }
        }
    }
}

static void
check_again(const batch *b, mem *m) {
    buf          out;
    batch       *again = NULL;
    error        err = {0};
    packed_place place = {.salt = 7};
    buf_init(&out, m, SIZE_MAX);
    status s = packed_put(&out, &b->rows, place.salt, &err);
    s = s < 0 ? s : packed_batch(&again, m, buf_text(&out), place, &err);
    FUZZ_CHECK(s == OK || s == ERR_OUT_OF_MEMORY || s == ERR_QUERY_FAILED, "%s", err.message);
    if (s == OK) {
        look_at(again);
        FUZZ_CHECK(again->rows.row_count == b->rows.row_count);
    }
    batch_release(again);
    buf_fini(&out);
}

int
fuzz_target(const uint8_t *data, size_t size) {
    mem    m;
    error  err = {0};
    batch *b = NULL;
    char  *bytes = fuzz_copy(data, size);
    seal_columns(bytes, size);
    mem_init(&m, MEMORY);
    const status s = packed_batch(&b, &m, (text){bytes, size}, (packed_place){.salt = SALT}, &err);
    FUZZ_CHECK(s == OK || s == ERR_CORRUPTION || s == ERR_OUT_OF_MEMORY, "%s", err.message);
    free(bytes); /* rows keep nothing of it */
    if (s == OK) {
        look_at(b);
        check_again(b, &m);
    }
    batch_release(b);
    FUZZ_CHECK(mem_fini(&m) == 0);
    return 0;
}
