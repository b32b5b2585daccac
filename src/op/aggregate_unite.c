/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_unite.c - one GROUP BY of a stream from two that each took a part of the rows.
 *
 * Groups are states, not rows: those of the other instance are added to the groups of the same keys
 * here (agg_class.merge), which are touched, so the next tick emits -old +new. What the other one
 * has out goes at once, with the values it had. Open windows stay on their pages, panes and the
 * runs made of them are added one to one, sessions that reach one another become one. Sessions that
 * keep their rows take those of the other instance as if they came. */
#include "op/aggregate.h"
#include "op/merge.h"

/* The rows of `other` that are out. */
static status
take_back(aggregate *a, aggregate *other, error *err) {
    op *back;
    if (!a->tracks_rows || (a->windowed && a->base.spec->emit_at_close)) {
        return OK; /* nothing of an open window is */
    }
    TRY(merge_open_back(&back, &a->base, other->base.env, err));
    return aggregate_send_all(other, back, 0, err);
}

/* Groups from[i] of `other` with the same keys here, which get their row counts. */
static status
map_groups(aggregate *a, const aggregate *other, const slot *from, slot *to, int32_t count,
           error *err) {
    arena *scratch = a->base.env->scratch;
    for (int32_t k = 0; k < a->base.spec->key_count; k++) {
        TRY(state_columns_read(&other->groups.keys, k, from, count, scratch, &a->views[k], err));
    }
    TRY(aggregate_map_rows(a, count, to, err));
    TRY(ages_touch(&a->ages, a->base.env->clock_us, to, count, group_table_slot_count(&a->groups),
                   scratch, err));
    if (!a->tracks_rows) {
        return OK;
    }
    TRY(aggregate_touch_groups(a, to, count, err));
    for (int32_t i = 0; i < count; i++) {
        const aggregate_group *group = ARRAY_AT(&other->records, aggregate_group, from[i]);
        const bool             extra = group_has(group, GROUP_PUBLISHED); /* no row: see there */
        group_add_rows(ARRAY_AT(&a->records, aggregate_group, to[i]), group_rows(group) - extra);
    }
    return OK;
}

/* whole[g]: the group here of group g there. */
static status
unite_groups(aggregate *a, const aggregate *other, slot *whole, error *err) {
    arena         *scratch = a->base.env->scratch;
    const uint64_t slot_count = group_table_slot_count(&other->groups);
    for (uint64_t next = 0; next < slot_count;) {
        const arena_mark mark = arena_save(scratch);
        slot            *from = arena_alloc(scratch, BATCH_ROWS * sizeof(*from));
        slot            *to = arena_alloc(scratch, BATCH_ROWS * sizeof(*to));
        int32_t          count = 0;
        if (from == NULL || to == NULL) {
            return error_memory(err);
        }
        for (; next < slot_count && count < BATCH_ROWS; next++) {
            from[count] = (slot)next;
            count += group_table_is_live(&other->groups, (slot)next);
        }
        TRY(op_poll(&a->base, err));
        if (count > 0) {
            TRY(map_groups(a, other, from, to, count, err));
            TRY(aggregate_merge_calls(a, other, from, to, count, err));
        }
        for (int32_t i = 0; i < count; i++) {
            whole[from[i]] = to[i];
        }
        arena_rewind(scratch, mark);
    }
    return OK;
}

static status
unite_all(aggregate *a, aggregate *other, error *err) {
    const op_spec   *spec = a->base.spec;
    arena           *scratch = a->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    const uint64_t   slot_count = group_table_slot_count(&other->groups);
    slot            *whole = arena_alloc(scratch, (size_t)(slot_count + 1) * sizeof(*whole));
    if (whole == NULL) {
        return error_memory(err);
    }
    TRY(a->panes.width > 0 ? panes_align(a, other, err) : OK);
    TRY(unite_groups(a, other, whole, err));
    for (int32_t i = 0; i < spec->agg_count; i++) {
        TRY(spec->aggs[i].distinct ? distinct_calls_merge(a, i, other, whole, err) : OK);
    }
    arena_rewind(scratch, mark);
    return OK;
}

status
aggregate_unite(aggregate *a, aggregate *other, error *err) {
    if (other->windows.closings > 0) {
        return error_set(err, ERR_INTERNAL_ERROR,
                         "aggregate: a part with final windows cannot be merged");
    }
    TRY(take_back(a, other, err));
    if (!a->base.spec->session) {
        return unite_all(a, other, err);
    }
    return a->sessions.holds ? feed_arrangement(&other->base, &a->base, 0, &other->sessions.rows, 1,
                                                a->base.spec->input[0]->count, err)
                             : sessions_unite(a, other, err);
}
