/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_merge.c - one GROUP BY from instances that each saw a part of the rows of a one-off
 * query.
 *
 * The groups of the other instance are mapped here by their keys, in the order of their slots, and
 * their calls are merged. Of a call with DISTINCT the values are what is merged, but where the
 * values themselves were dealt out (op.shard): then no two instances have one in common.
 * Instances of streams: aggregate_unite.c. */
#include "op/aggregate.h"

/* Maps groups [first, first + count) of `other`: to[g] is the group here. */
static status
map_groups(aggregate *a, const aggregate *other, slot first, int32_t count, slot *from, slot *to,
           error *err) {
    arena *scratch = a->base.env->scratch;
    for (int32_t i = 0; i < count; i++) {
        from[i] = first + (slot)i;
    }
    for (int32_t k = 0; k < a->base.spec->key_count; k++) {
        TRY(state_columns_read(&other->groups.keys, k, from, count, scratch, &a->views[k], err));
    }
    return aggregate_map_rows(a, count, to + first, err);
}

status
aggregate_merge_calls(aggregate *a, const aggregate *other, const slot *from, const slot *to,
                      int32_t count, error *err) {
    const op_spec *spec = a->base.spec;
    const bool     dealt = other->base.shard_count > 0;
    for (int32_t i = 0; i < spec->agg_count; i++) {
        if (dealt || !spec->aggs[i].distinct) {
            TRY(a->aggs[i]->class->merge(a->aggs[i], to, other->aggs[i], from, count,
                                         a->base.env->scratch, err));
        }
    }
    return OK;
}

static status
merge_groups(aggregate *a, const aggregate *other, slot *to, int64_t group_count, error *err) {
    arena *scratch = a->base.env->scratch;
    for (int64_t first = 0; first < group_count; first += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    count = (int32_t)min_i64(BATCH_ROWS, group_count - first);
        slot            *from = arena_alloc(scratch, BATCH_ROWS * sizeof(*from));
        if (from == NULL) {
            return error_memory(err);
        }
        TRY(op_poll(&a->base, err));
        TRY(map_groups(a, other, (slot)first, count, from, to, err));
        TRY(aggregate_merge_calls(a, other, from, to + first, count, err));
        arena_rewind(scratch, mark);
    }
    return OK;
}

static status
merge_all(aggregate *a, const aggregate *other, error *err) {
    const op_spec   *spec = a->base.spec;
    arena           *scratch = a->base.env->scratch;
    const int64_t    group_count = (int64_t)other->groups.live_count; /* none ever left: dense */
    const arena_mark mark = arena_save(scratch);
    slot            *to = arena_alloc(scratch, (size_t)(group_count + 1) * sizeof(*to));
    assert(spec->mode == MODE_ONCE && !spec->session && !a->tracks_rows);
    if (to == NULL) {
        return error_memory(err);
    }
    TRY(merge_groups(a, other, to, group_count, err));
    for (int32_t i = 0; i < spec->agg_count; i++) {
        if (spec->aggs[i].distinct && other->base.shard_count == 0) {
            TRY(distinct_calls_merge(a, i, other, to, err));
        }
    }
    arena_rewind(scratch, mark);
    return OK;
}

status
aggregate_merge(op *self, op *other_op, error *err) {
    aggregate *a = (aggregate *)self, *other = (aggregate *)other_op;
    if (self->spec->mode == MODE_STREAM) {
        return aggregate_unite(a, other, err);
    }
    if (a->gather != NULL) {
        TRY(merge_all(gather_part(a), gather_part(other), err));
    }
    return merge_all(a, other, err);
}
