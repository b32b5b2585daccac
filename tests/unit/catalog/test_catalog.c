/* SPDX-License-Identifier: Apache-2.0 */
/* test_catalog.c - names, references and dependents of the catalog. */
#include "unit.h"

#include "catalog/catalog.h"

static int freed;

static void
count_free(void *impl) {
    (void)impl;
    freed++;
}

static status
add_named(catalog *c, mem *m, const char *name, object **out, error *err) {
    object *o = NULL;
    TRY(catalog_object_new(&o, m, OBJECT_SOURCE, text_of(name), err));
    const status s = catalog_add(c, o, err);
    *out = s >= 0 ? o : NULL;
    catalog_object_release(o); /* the catalog holds its own reference */
    return s;
}

static void
test_names(void **state) {
    (void)state;
    error    err = {0};
    mem      m;
    catalog *c;
    object  *o, *found;
    mem_init(&m, INT64_MAX);
    CHECK_OK(catalog_open(&c, &m, &err));
    CHECK_FAILS(catalog_need(&found, c, TEXT("t"), false, ERR_TABLE_NOT_FOUND, "Source", -1, &err),
                ERR_TABLE_NOT_FOUND);
    CHECK_OK(add_named(c, &m, "Trades", &o, &err));
    CHECK_EQ(o->id, 1);
    CHECK(catalog_find(c, TEXT("trades"), false) == o);
    CHECK(catalog_find(c, TEXT("TRADES"), false) == o);
    CHECK(catalog_find(c, TEXT("Trades"), true) == o);
    CHECK(catalog_find(c, TEXT("trades"), true) == NULL);
    CHECK_FAILS(add_named(c, &m, "tRADES", &o, &err), ERR_TABLE_EXISTS);
    CHECK(strstr(err.message, "Trades") != NULL && err.hint[0] != '\0');
    CHECK_FAILS(
        catalog_need(&found, c, TEXT("trade"), false, ERR_NOT_FOUND_IN_QUERY, "Stream", 9, &err),
        ERR_NOT_FOUND_IN_QUERY);
    CHECK_STR(err.message, "Stream not found: trade");
    CHECK_STR(err.hint, "did you mean \"Trades\"?");
    CHECK_EQ(err.position, 9);
    catalog_close(c);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_references(void **state) {
    (void)state;
    error    err = {0};
    mem      m;
    catalog *c;
    object  *o;
    mem_init(&m, INT64_MAX);
    freed = 0;
    CHECK_OK(catalog_open(&c, &m, &err));
    CHECK_OK(add_named(c, &m, "a", &o, &err));
    o->impl = &m;
    o->impl_free = count_free;
    catalog_object_retain(o);
    catalog_remove(c, o);
    CHECK(catalog_find(c, TEXT("a"), false) == NULL);
    CHECK_EQ(freed, 0);
    CHECK_TEXT(o->name, "a"); /* a query may still use it */
    catalog_object_release(o);
    CHECK_EQ(freed, 1);
    CHECK_OK(add_named(c, &m, "a", &o, &err));
    CHECK_EQ(o->id, 2);
    catalog_close(c);
    CHECK_EQ(mem_fini(&m), 0);
}

/* Random depend / undepend against a plain list. */
static void
test_dependents(void **state) {
    (void)state;
    error    err = {0};
    mem      m;
    catalog *c;
    object  *o[20];
    bool     linked[20] = {false};
    char     name[8] = "o?";
    rng      r;
    mem_init(&m, INT64_MAX);
    rng_init(&r, 7);
    CHECK_OK(catalog_open(&c, &m, &err));
    for (int32_t i = 0; i < 20; i++) {
        name[1] = (char)('a' + i);
        CHECK_OK(add_named(c, &m, name, &o[i], &err));
    }
    CHECK_EQ(catalog_count(c), 20);
    for (int32_t step = 0; step < 2000; step++) {
        const int32_t i = 1 + (int32_t)rng_below(&r, 19);
        if (rng_below(&r, 2) == 0) {
            CHECK_OK(catalog_depend(o[0], o[i], &err));
            linked[i] = true;
        } else {
            catalog_undepend(o[0], o[i]);
            linked[i] = false;
        }
        int32_t count = 0;
        for (int32_t k = 0; k < 20; k++) {
            count += linked[k];
        }
        CHECK_EQ(o[0]->dependent_count, count);
        for (int32_t k = 0; k < count; k++) {
            bool known = false;
            for (int32_t n = 0; n < 20; n++) {
                known = known || (linked[n] && o[0]->dependents[k] == o[n]);
            }
            CHECK(known);
        }
    }
    catalog_close(c);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
scenario(mem *m, error *err) {
    catalog *c = NULL;
    object  *x = NULL, *y = NULL;
    TRY(catalog_open(&c, m, err));
    status s = OK;
    char   name[8] = "t?";
    for (int32_t i = 0; i < 20 && s >= 0; i++) {
        name[1] = (char)('a' + i);
        y = x;
        s = add_named(c, m, name, &x, err);
        if (s >= 0 && y != NULL) {
            s = catalog_depend(y, x, err);
        }
    }
    object *none;
    if (s >= 0 && catalog_need(&none, c, TEXT("nothing like it"), false, ERR_TABLE_NOT_FOUND,
                               "Table", -1, err) != ERR_TABLE_NOT_FOUND) {
        s = ERR_INTERNAL_ERROR;
    }
    catalog_close(c);
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("catalog", scenario) > 20);
}

UNIT_MAIN(UNIT(test_names), UNIT(test_references), UNIT(test_dependents), UNIT(test_torture))
