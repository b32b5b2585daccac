/* SPDX-License-Identifier: Apache-2.0 */
/* extreme_multiset.c - the first row of a group under retraction: the head of a multiset. */
#include "agg/extreme.h"
#include "agg/multiset.h"

typedef struct many {
    extreme  base;
    multiset rows;
} many;

static status
many_open(extreme *base, const agg_site *site, error *err) {
    const agg_signature   *s = base->base.signature;
    const multiset_options options = {.column_count = s->column_count,
                                      .types = s->types,
                                      .key_count = base->key_count,
                                      .keys = base->keys,
                                      .rank = !base->by_arrival ? RANK_NONE
                                              : base->largest   ? RANK_LAST
                                                                : RANK_FIRST};
    return multiset_open(&((many *)base)->rows, site, &options, err);
}

static void
many_close(extreme *base) {
    multiset_close(&((many *)base)->rows);
}

static status
many_init(extreme *base, const slot *slots, int32_t count, error *err) {
    return multiset_init(&((many *)base)->rows, slots, count, err);
}

static status
many_update(extreme *base, const slot *slots, const column *columns, const int64_t *weight,
            const uint8_t *use, int32_t count, arena *scratch, error *err) {
    return multiset_update(&((many *)base)->rows, slots, columns, weight, use, count, scratch, err);
}

static status
many_value(extreme *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    multiset *rows = &((many *)base)->rows;
    slot     *entries = arena_alloc(a, (size_t)count * sizeof(*entries));
    if (entries == NULL) {
        return error_memory(err);
    }
    TRY(multiset_settle(rows, err));
    for (int32_t i = 0; i < count; i++) {
        entries[i] = multiset_first(rows, slots[i]);
    }
    return multiset_read(rows, 0, entries, count, a, out, err);
}

static status
many_merge(extreme *base, const slot *slots, const extreme *other, const slot *from, int32_t count,
           arena *scratch, error *err) {
    return multiset_merge(&((many *)base)->rows, slots, &((const many *)other)->rows, from, count,
                          scratch, err);
}

static status
many_clear(extreme *base, slot s, error *err) {
    return multiset_clear(&((many *)base)->rows, s, err);
}

static status
many_rebuild(extreme *base, const slot_set *groups, error *err) {
    return multiset_rebuild(&((many *)base)->rows, groups, err);
}

static status
many_validate(const extreme *base, error *err) {
    return multiset_validate(&((const many *)base)->rows, err);
}

const extreme_class extreme_multiset_class = {
    .size = sizeof(many),
    .open = many_open,
    .close = many_close,
    .init = many_init,
    .update = many_update,
    .value = many_value,
    .clear = many_clear,
    .merge = many_merge,
    .rebuild = many_rebuild,
    .validate = many_validate,
};
