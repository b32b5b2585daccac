/* SPDX-License-Identifier: Apache-2.0 */
/* JSON under refused allocations and random damage: rows or an error with a line, never a leak or a
 * read beyond the text (the sanitizer build looks). What texts mean is tested from Python. */
#include "io/json.h"

#include "base/rng.h"
#include "unit.h"

static status
take_as_is(value *out, const value *in, int32_t at, void *context, arena *a, error *err) {
    (void)context;
    if (at == 2 && in->type.id != TYPE_TEXT) { /* as a conversion that needs memory */
        const text made = arena_text(a, TEXT("made by a conversion, and long"));
        *out = (value){.type = type_of(TYPE_TEXT), .s = made};
        return made.data == NULL ? error_memory(err) : OK;
    }
    return error_set(err, ERR_INGESTION_FAILED, "value of type %s is refused", type_name(in->type));
}

static field             fields[3];
static schema            shape = {.count = 3, .fields = fields};
static const json_target target = {.name = {"t", 1},
                                   .shape = &shape,
                                   .fill = NULL,
                                   .coerce = take_as_is};

static void
set_shape(void) {
    fields[0] = (field){TEXT("k"), type_of(TYPE_I64), true};
    fields[1] = (field){TEXT("v"), type_of(TYPE_F64), true};
    fields[2] = (field){TEXT("s"), type_of(TYPE_TEXT), true};
}

static const char sample[] =
    "[{\"k\":1,\"v\":2.5,\"s\":\"a text that is too long to stand inline\"},\n"
    "{\"s\":\"\\u00e9\\ud83d\\ude00\\n\",\"k\":null},{\"s\":{\"a\":[1,true,null]}},{\"s\":1.5}]";

static status
torture_read(mem *m, error *err) {
    batch *rows = NULL;
    TRY(json_read(&rows, m, &target, (text){sample, sizeof(sample) - 1}, err));
    CHECK_EQ(rows->rows.row_count, 4);
    batch_release(rows);
    return OK;
}

static void
test_torture(void **state) {
    (void)state;
    set_shape();
    CHECK(torture("json", torture_read) > 5);
}

/* Cut, flipped, repeated: each copy lies in a block of exactly its size. */
static void
test_damage(void **state) {
    (void)state;
    set_shape();
    static const char bytes[] = "{}[],:\"\\u0d8ntf1e.- \n\xc3";
    mem               m;
    rng               r;
    int32_t           accepted = 0;
    mem_init(&m, INT64_MAX);
    rng_init(&r, 11);
    for (int32_t round = 0; round < 20000; round++) {
        const size_t size = 1 + rng_below(&r, sizeof(sample) - 1);
        char        *copy = malloc(size);
        assert_non_null(copy);
        memcpy(copy, sample, size);
        for (uint64_t n = rng_below(&r, 4); n > 0; n--) {
            copy[rng_below(&r, size)] = bytes[rng_below(&r, sizeof(bytes) - 1)];
        }
        batch *rows = NULL;
        error  err = {0};
        if (json_read(&rows, &m, &target, (text){copy, size}, &err) == OK) {
            accepted++;
            batch_release(rows);
        } else {
            CHECK(rows == NULL);
            CHECK_EQ(err.status, ERR_INGESTION_FAILED);
            CHECK(strncmp(err.message, "line ", 5) == 0);
        }
        free(copy);
    }
    CHECK(accepted > 0);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_torture), UNIT(test_damage))
