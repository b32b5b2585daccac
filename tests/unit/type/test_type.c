/* SPDX-License-Identifier: Apache-2.0 */
/* Types without values: names, which types meet, which convert. */
#include "unit.h"

#include "type/type.h"

static void
test_names(void **state) {
    (void)state;
    data_type   t;
    const char *nearest = "unset";
    for (int id = TYPE_BOOL; id < TYPE_COUNT; id++) {
        CHECK(type_from_name(text_of(type_name(type_of((type_id)id))), &t, &nearest));
        CHECK_EQ(t.id, id);
        CHECK(nearest == NULL);
        CHECK(type_width(t) > 0);
    }
    CHECK(type_from_name(TEXT("int8"), &t, NULL) && t.id == TYPE_I64);
    CHECK(type_from_name(TEXT("Double Precision"), &t, NULL) && t.id == TYPE_F64);
    CHECK(type_from_name(TEXT("datetime"), &t, NULL) && t.id == TYPE_TIMESTAMP);
    CHECK(!type_from_name(TEXT("VARCHRA"), &t, &nearest));
    CHECK_STR(nearest, "VARCHAR");
    CHECK(!type_from_name(TEXT("geometry_collection"), &t, &nearest));
    CHECK(nearest == NULL);
    CHECK(!type_from_name(TEXT("NULL"), &t, &nearest));
}

/* The laws of a least upper bound, over all types. */
static void
test_unify(void **state) {
    (void)state;
    for (int i = 0; i < TYPE_COUNT; i++) {
        for (int j = 0; j < TYPE_COUNT; j++) {
            const data_type a = type_of((type_id)i);
            const data_type b = type_of((type_id)j);
            data_type       x;
            data_type       y;
            const bool      meets = type_unify(a, b, &x);
            CHECK_EQ(meets, type_unify(b, a, &y));
            if (meets) {
                CHECK(type_equal(x, y));
                CHECK(type_casts_implicitly(a, x) && type_casts_implicitly(b, x));
            }
            CHECK(!type_casts_implicitly(a, b) || type_casts(a, b));
            CHECK(i == j || !type_casts_implicitly(a, b) || !type_casts_implicitly(b, a));
            for (int k = 0; k < TYPE_COUNT; k++) {
                const data_type c = type_of((type_id)k);
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
}

UNIT_MAIN(UNIT(test_names), UNIT(test_unify))
