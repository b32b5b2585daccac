/* SPDX-License-Identifier: Apache-2.0 */
/* Random nested types and values: an image gives back what it was made of, equal values have equal
 * images or at least equal hashes, the order is one, and text is read back. */
#include "unit.h"

#include <math.h>

#include "base/rng.h"
#include "type/nested.h"

static data_type
random_type(rng *r, int32_t depth) {
    static const type_id scalars[] = {TYPE_BOOL, TYPE_I8,   TYPE_I32,  TYPE_I64,  TYPE_I128,
                                      TYPE_U8,   TYPE_U16,  TYPE_U64,  TYPE_F32,  TYPE_F64,
                                      TYPE_TEXT, TYPE_DATE, TYPE_UUID, TYPE_TIME, TYPE_INTERVAL};
    nested_field fields[3] = {{.name = TEXT("a")}, {.name = TEXT("b c")}, {.name = TEXT("d")}};
    data_type    t = type_of(scalars[rng_below(r, ARRAY_COUNT(scalars))]);
    if (depth == 0 || rng_below(r, 3) == 0) {
        return t;
    }
    const int32_t count = 1 + (int32_t)rng_below(r, 3);
    for (int32_t i = 0; i < count; i++) {
        fields[i].type = random_type(r, depth - 1);
    }
    switch (rng_below(r, 3)) {
    case 0:
        CHECK_EQ(type_list(&t, fields[0].type, NULL), OK);
        break;
    case 1:
        CHECK_EQ(type_struct(&t, fields, count, NULL), OK);
        break;
    default:
        CHECK_EQ(type_map(&t, type_of(TYPE_TEXT), fields[0].type, NULL), OK);
        break;
    }
    return t;
}

static value random_value(rng *r, data_type t, arena *a, bool nulls);

static value
random_nested(rng *r, data_type t, arena *a, bool nulls) {
    value         items[6];
    value         out;
    const bool    is_struct = t.id == TYPE_STRUCT;
    const int32_t count = is_struct ? type_field_count(t) : (int32_t)rng_below(r, 6);
    for (int32_t i = 0; i < count; i++) {
        if (t.id == TYPE_MAP) {
            const value pair[2] = {
                {.type = type_of(TYPE_TEXT), .s = {"abcdefghijklmnopq", 1 + (size_t)i * 3}},
                random_value(r, type_map_value(t), a, nulls)};
            CHECK_EQ(nested_make(&items[i], type_item(t), pair, 2, a, NULL), OK);
        } else {
            items[i] = random_value(r, is_struct ? type_field(t, i).type : type_item(t), a, nulls);
        }
    }
    CHECK_EQ(nested_make(&out, t, items, count, a, NULL), OK);
    const nested_view v = nested_open(t, out.s);
    CHECK_EQ(v.count, count);
    for (int32_t i = 0; i < count; i++) {
        const value x = nested_at(&v, i);
        CHECK_EQ(x.is_null, items[i].is_null);
        CHECK_EQ(value_compare(&x, &items[i]), 0);
        CHECK(type_equal(x.type, items[i].type));
    }
    return out;
}

static value
random_value(rng *r, data_type t, arena *a, bool nulls) {
    static const char *const texts[] = {"",     "a",    "NULL", " b ",
                                        "it's", "a, b", "x\\y", "a text of more than twelve bytes",
                                        "[1]",  "{k=1}"};
    value                    v = {.type = t};
    if (nulls && rng_below(r, 5) == 0) {
        v.is_null = true;
        return v;
    }
    if (type_is_nested(t)) {
        return random_nested(r, t, a, nulls);
    }
    const int64_t small = (int64_t)rng_below(r, 5);
    switch (type_physical(t)) {
    case PHYSICAL_BOOL:
        v.b = small & 1;
        break;
    case PHYSICAL_F32:
    case PHYSICAL_F64:
        v.d = small == 0 ? -0.0 : small == 1 ? (double)NAN : (double)small / 4;
        break;
    case PHYSICAL_TEXT:
        v.s = text_of(texts[rng_below(r, ARRAY_COUNT(texts))]);
        break;
    case PHYSICAL_INTERVAL:
        v.iv = (interval){.months = (int32_t)small, .days = (int32_t)(30 * (small / 2))};
        break;
    default:
        value_set_wide(&v, small - (type_is_signed(t) ? 2 : 0));
        break;
    }
    return v;
}

static void
check_text(const value *v, arena *a, mem *m) {
    buf b;
    buf_init(&b, m, 1 << 20);
    CHECK(value_format(v, &b));
    value        back;
    error        err = {0};
    const status s = nested_parse(&back, v->type, buf_text(&b), false, a, &err);
    CHECK_STR(s == OK ? "" : err.message, "");
    CHECK_EQ(value_compare(v, &back), 0);
    buf_fini(&b);
}

static void
test_random_values(void **state) {
    (void)state;
    mem   m;
    arena a;
    rng   r;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 7);
    for (int round = 0; round < 400; round++, arena_reset(&a)) {
        data_type t = random_type(&r, 4);
        value     v[6];
        if (!type_is_nested(t)) {
            CHECK_EQ(type_list(&t, t, NULL), OK);
        }
        for (int i = 0; i < 6; i++) {
            v[i] = random_nested(&r, t, &a, round % 2 == 0);
            check_text(&v[i], &a, &m);
        }
        for (int i = 0; i < 6; i++) {
            for (int j = 0; j < 6; j++) {
                const int order = value_compare(&v[i], &v[j]);
                CHECK_EQ(order > 0, value_compare(&v[j], &v[i]) < 0);
                CHECK(order != 0 || nested_hash(t, v[i].s) == nested_hash(t, v[j].s));
                CHECK(!type_equal_by_bytes(t) || (order == 0) == text_equal(v[i].s, v[j].s));
                for (int k = 0; k < 6; k++) {
                    CHECK(order > 0 || value_compare(&v[j], &v[k]) > 0 ||
                          value_compare(&v[i], &v[k]) <= 0);
                }
            }
        }
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_types(void **state) {
    (void)state;
    data_type          x, y, z;
    error              err = {0};
    const nested_field fields[2] = {{TEXT("a"), type_of(TYPE_I32)},
                                    {TEXT("b c"), type_of(TYPE_TEXT)}};
    CHECK_EQ(type_list(&x, type_of(TYPE_I32), NULL), OK);
    CHECK_EQ(type_list(&y, type_of(TYPE_I32), NULL), OK);
    CHECK(type_equal(x, y));
    CHECK_EQ(type_array(&z, type_of(TYPE_I32), 3, NULL), OK);
    CHECK(!type_equal(x, z) && type_array_size(z) == 3 && type_array_size(x) == -1);
    CHECK_STR(type_name(z), "INTEGER[3]");
    CHECK_EQ(type_struct(&y, fields, 2, NULL), OK);
    CHECK_STR(type_name(y), "STRUCT(a INTEGER, \"b c\" VARCHAR)");
    CHECK_EQ(type_map(&z, y, x, NULL), OK);
    CHECK_STR(type_name(z), "MAP(STRUCT(a INTEGER, \"b c\" VARCHAR), INTEGER[])");
    status s = OK;
    for (int i = 0; i < 100 && s == OK; i++) {
        s = type_list(&x, x, &err);
    }
    CHECK_EQ(s, ERR_INVALID_SCHEMA); /* a bomb of depth */
    nested_field twice[2] = {{TEXT("a"), type_of(TYPE_I32)}, {TEXT("b"), type_of(TYPE_I32)}};
    for (int i = 0; i < 20; i++) {
        s = type_struct(&twice[0].type, twice, 2, &err);
        twice[1].type = twice[0].type;
        if (s < 0) {
            break;
        }
    }
    CHECK_EQ(s, ERR_INVALID_SCHEMA); /* and of width */
}

/* Every allocation of making, writing and reading a value refused. */
static void
test_torture(void **state) {
    (void)state;
    for (int64_t fail_at = 1;; fail_at++) {
        mem   m;
        arena a;
        mem_init(&m, INT64_MAX);
        m.fail_at = fail_at;
        m.fail_always = true;
        arena_init(&a, &m);
        data_type  item, t = type_of(TYPE_TEXT);
        value      v;
        error      err = {0};
        const text long_text = TEXT("[[a, 'b \\' c'], NULL, [a text of more than twelve bytes]]");
        status     s = type_list(&item, type_of(TYPE_TEXT), NULL);
        s = s < 0 ? s : type_list(&t, item, NULL);
        CHECK_EQ(s, OK);
        s = nested_parse(&v, t, long_text, true, &a, &err);
        value text_value;
        s = s < 0 ? s : value_cast(&text_value, &v, type_of(TYPE_TEXT), &a, &err);
        CHECK(s == OK || s == ERR_OUT_OF_MEMORY);
        const bool done = m.allocations < fail_at;
        arena_fini(&a);
        CHECK_EQ(mem_fini(&m), 0);
        if (done) {
            CHECK_EQ(s, OK);
            return;
        }
    }
}

UNIT_MAIN(UNIT(test_random_values), UNIT(test_types), UNIT(test_torture))
