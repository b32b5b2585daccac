/* SPDX-License-Identifier: Apache-2.0 */
/* test_image.c - a store goes to bytes and back into another one with the same arrays; one with
 * others, and bytes that are cut off or changed in their heads, are refused. */
#include "state/group_table.h"
#include "unit.h"

typedef struct tables {
    store      *s;
    group_table groups;
    state_array sums;
} tables;

static const data_type key_types[] = {{.id = TYPE_I64}, {.id = TYPE_TEXT}};

static void
open_tables(tables *t, mem *m, const char *name) {
    error err;
    CHECK_OK(store_open(&t->s, m, &err));
    CHECK_OK(group_table_open(&t->groups, t->s, "groups", key_types, 2, &err));
    CHECK_OK(array_open(&t->sums, t->s, name, sizeof(int64_t), &err));
}

static void
close_tables(tables *t) {
    array_close(&t->sums);
    group_table_close(&t->groups);
    store_close(t->s);
}

enum { KEYS = 20000 };

/* Keys first .. KEYS - 1, and what belongs to each. */
static void
add(tables *t, int64_t first, arena *a) {
    error err;
    for (int64_t k = first; k < KEYS; k++) {
        char          text_bytes[64];
        const int     size = snprintf(text_bytes, sizeof(text_bytes), "the name of key %d", (int)k);
        const strview name = strview_of(text_bytes, (uint32_t)size);
        const column  keys[] = {{.type = key_types[0], .values = &k},
                                {.type = key_types[1], .values = &name}};
        slot          s;
        CHECK_OK(group_table_map(&t->groups, keys, 1, &s, NULL, a, &err));
        CHECK_OK(array_reserve_to(&t->sums, (uint64_t)s + 1, &err));
        CHECK_OK(array_touch(&t->sums, s, 1, &err));
        *ARRAY_AT(&t->sums, int64_t, s) = k * 3;
        arena_reset(a);
    }
}

static void
check(const tables *t, int64_t first, arena *a) {
    error err;
    CHECK_OK(group_table_validate(&t->groups, &err));
    for (int64_t k = 0; k < KEYS; k += 7) {
        char          text_bytes[64];
        const int     size = snprintf(text_bytes, sizeof(text_bytes), "the name of key %d", (int)k);
        const strview name = strview_of(text_bytes, (uint32_t)size);
        const column  keys[] = {{.type = key_types[0], .values = &k},
                                {.type = key_types[1], .values = &name}};
        slot          s;
        CHECK_OK(group_table_find(&t->groups, keys, 1, &s, a, &err));
        CHECK_EQ(s == SLOT_NONE, k < first);
        CHECK(s == SLOT_NONE || *ARRAY_AT(&t->sums, int64_t, s) == k * 3);
        arena_reset(a);
    }
}

static void
test_round_trip(void **state) {
    (void)state;
    error  err;
    mem    m;
    arena  a;
    tables from, to, other;
    buf    image;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    buf_init(&image, &m, SIZE_MAX);
    open_tables(&from, &m, "sums");
    open_tables(&to, &m, "sums");
    open_tables(&other, &m, "others");
    add(&from, 100, &a);
    CHECK_OK(store_image_put(from.s, NULL, &image, &err));
    image_reader in = {.at = image.data, .left = image.size};
    CHECK_OK(store_image_take(to.s, NULL, &in, &err));
    CHECK_EQ(in.left, 0);
    CHECK_OK(group_table_rebuild(&to.groups, &err));
    check(&to, 100, &a);
    add(&to, 0, &a); /* it goes on */
    check(&to, 0, &a);
    in = (image_reader){.at = image.data, .left = image.size};
    CHECK_EQ(store_image_take(other.s, NULL, &in, &err), ERR_CORRUPTION);
    for (size_t size = 0; size < image.size; size += 1 + size / 3) {
        in = (image_reader){.at = image.data, .left = size};
        CHECK_EQ(store_image_take(to.s, NULL, &in, &err), ERR_CORRUPTION);
    }
    close_tables(&other);
    close_tables(&to);
    close_tables(&from);
    buf_fini(&image);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* The arrays of one operator go to another store, and out of this one. */
static void
test_parts(void **state) {
    (void)state;
    error  err;
    mem    m;
    arena  a;
    tables from, to;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    open_tables(&from, &m, "sums");
    open_tables(&to, &m, "sums");
    add(&from, 100, &a);
    const uint32_t count = store_live_arrays(from.s);
    CHECK_EQ(count, store_live_arrays(to.s));
    for (uint32_t i = 0; i < count; i++) {
        state_array *array = store_array_at(to.s, i);
        CHECK(store_array_alike(array, from.s, i));
        CHECK_OK(store_array_copy(array, from.s, i, &err));
    }
    CHECK(!store_array_alike(store_array_at(to.s, 0), from.s, count - 1));
    CHECK(!store_array_alike(store_array_at(to.s, 0), from.s, count));
    CHECK_OK(group_table_rebuild(&to.groups, &err));
    check(&to, 100, &a);
    group_table_close(&from.groups);
    store_close_gaps(from.s);
    CHECK_EQ(store_array_limit(from.s), 1);
    CHECK(store_array_at(from.s, 0) == &from.sums);
    CHECK_EQ(strcmp(array_name(&from.sums), "sums"), 0);
    CHECK_OK(group_table_open(&from.groups, from.s, "groups", key_types, 2, &err));
    CHECK_EQ(store_array_limit(from.s), count);
    close_tables(&to);
    close_tables(&from);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

UNIT_MAIN(UNIT(test_round_trip), UNIT(test_parts))
