/* SPDX-License-Identifier: Apache-2.0 */
/* Types without values: names, which types meet, which convert. */
#include "unit.h"

#include "type/nested.h"

static void
test_names(void **state) {
    (void)state;
    data_type   t;
    const char *nearest = "unset";
    for (int id = TYPE_BOOL; id < TYPE_LIST; id++) {
        CHECK(type_from_name(text_of(type_name(type_of((type_id)id))), &t, &nearest));
        CHECK_EQ(t.id, id);
        CHECK(nearest == NULL);
        CHECK(type_width(t) > 0);
    }
    CHECK(type_from_name(TEXT("int8"), &t, NULL) && t.id == TYPE_I64);
    CHECK(type_from_name(TEXT("Double Precision"), &t, NULL) && t.id == TYPE_F64);
    CHECK(type_from_name(TEXT("datetime"), &t, NULL) && t.id == TYPE_TIMESTAMP);
    CHECK(type_from_name(TEXT("decimal"), &t, NULL) && type_equal(t, type_decimal(18, 3)));
    CHECK_STR(type_name(type_decimal(38, 38)), "DECIMAL(38,38)");
    CHECK_STR(type_name(type_decimal(1, 0)), "DECIMAL(1,0)");
    CHECK(type_physical(type_decimal(18, 0)) == PHYSICAL_I64 &&
          type_physical(type_decimal(19, 0)) == PHYSICAL_I128);
    CHECK(!type_from_name(TEXT("VARCHRA"), &t, &nearest));
    CHECK_STR(nearest, "VARCHAR");
    CHECK(!type_from_name(TEXT("geometry_collection"), &t, &nearest));
    CHECK(nearest == NULL);
    CHECK(!type_from_name(TEXT("NULL"), &t, &nearest));
}

/* All types, DECIMAL with several digits. */
static int32_t
list_types(data_type *out) {
    int32_t n = 0;
    for (int id = TYPE_NULL; id < TYPE_LIST; id++) {
        if (id != TYPE_DECIMAL) {
            out[n++] = type_of((type_id)id);
        }
    }
    static const uint8_t digits[][2] = {{1, 0},  {3, 3},   {5, 0},  {10, 2}, {18, 4},
                                        {19, 0}, {20, 10}, {38, 0}, {38, 38}};
    for (int32_t i = 0; i < ARRAY_COUNT(digits); i++) {
        out[n++] = type_decimal(digits[i][0], digits[i][1]);
    }
    static const type_id items[] = {TYPE_NULL, TYPE_I32, TYPE_I64, TYPE_F64, TYPE_TEXT};
    for (int32_t i = 0; i < ARRAY_COUNT(items); i++) {
        const nested_field a = {.name = TEXT("a"), .type = type_of(items[i])};
        CHECK_EQ(type_list(&out[n++], type_of(items[i]), NULL), OK);
        CHECK_EQ(type_list(&out[n], out[n - 1], NULL), OK);
        n++;
        CHECK_EQ(type_struct(&out[n++], &a, 1, NULL), OK);
        CHECK_EQ(type_map(&out[n++], type_of(TYPE_TEXT), type_of(items[i]), NULL), OK);
    }
    return n;
}

/* The laws of a least upper bound, over all types. Beyond 38 digits a DECIMAL is what is nearest.
 */
static void
test_unify(void **state) {
    (void)state;
    data_type     types[TYPE_COUNT + 40];
    const int32_t count = list_types(types);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < count; j++) {
            const data_type a = types[i];
            const data_type b = types[j];
            data_type       x;
            data_type       y;
            const bool      meets = type_unify(a, b, &x);
            CHECK_EQ(meets, type_unify(b, a, &y));
            if (meets) {
                CHECK(type_equal(x, y));
                CHECK(x.precision == DECIMAL_PRECISION_MAX ||
                      (type_casts_implicitly(a, x) && type_casts_implicitly(b, x)));
                CHECK(type_casts(a, x) && type_casts(b, x));
            }
            CHECK(!type_casts_implicitly(a, b) || type_casts(a, b));
            CHECK(i == j || !type_casts_implicitly(a, b) || !type_casts_implicitly(b, a));
            for (int k = 0; k < count; k++) {
                const data_type c = types[k];
                CHECK(!(type_casts_implicitly(a, b) && type_casts_implicitly(b, c)) ||
                      type_casts_implicitly(a, c));
            }
        }
    }
    data_type t;
    CHECK(type_unify(type_of(TYPE_I8), type_of(TYPE_I32), &t) && t.id == TYPE_I32);
    CHECK(type_unify(type_of(TYPE_F64), type_of(TYPE_I64), &t) && t.id == TYPE_F64);
    CHECK(type_unify(type_of(TYPE_DATE), type_of(TYPE_TIMESTAMP_MS), &t) &&
          t.id == TYPE_TIMESTAMP_MS);
    CHECK(type_unify(type_of(TYPE_TIMESTAMP), type_of(TYPE_TIMESTAMP_MS), &t) &&
          t.id == TYPE_TIMESTAMP);
    CHECK(type_unify(type_of(TYPE_NULL), type_of(TYPE_TEXT), &t) && t.id == TYPE_TEXT);
    CHECK(!type_unify(type_of(TYPE_BOOL), type_of(TYPE_I32), &t));
    CHECK(!type_unify(type_of(TYPE_TEXT), type_of(TYPE_I32), &t));
    CHECK(!type_casts(type_of(TYPE_I64), type_of(TYPE_TIMESTAMP)));
    CHECK(!type_casts(type_of(TYPE_TEXT), type_of(TYPE_NULL)));
    CHECK(type_casts(type_of(TYPE_INTERVAL), type_of(TYPE_TEXT)));
    CHECK(type_unify(type_of(TYPE_I64), type_of(TYPE_U64), &t) && t.id == TYPE_I128);
    CHECK(type_unify(type_of(TYPE_I8), type_of(TYPE_U8), &t) && t.id == TYPE_I16);
    CHECK(type_unify(type_of(TYPE_F32), type_of(TYPE_I32), &t) && t.id == TYPE_F64);
    CHECK(type_unify(type_of(TYPE_I32), type_decimal(5, 2), &t) &&
          type_equal(t, type_decimal(12, 2)));
    CHECK(type_unify(type_decimal(38, 0), type_decimal(5, 2), &t) &&
          type_equal(t, type_decimal(38, 2)));
    CHECK(!type_unify(type_of(TYPE_TIMESTAMP_NS), type_of(TYPE_TIMESTAMPTZ), &t));
}

UNIT_MAIN(UNIT(test_names), UNIT(test_unify))
