/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_compact.c - memory back from groups that left, while others stay.
 *
 * Slots of groups that left are used again, but a burst leaves more of them than will ever be.
 * Where three quarters are free, the groups that are left go into a store of their own, everything
 * is opened anew, and they come back. Both ways are merges into empty groups, so calls that do not
 * merge keep their memory. At least as many groups left before as are moved: it costs each a
 * constant. */
#include "op/aggregate.h"

static bool
can_move(const aggregate *a) {
    const op_spec *spec = a->base.spec;
    for (int32_t i = 0; i < spec->agg_count; i++) {
        const op_agg *call = &spec->aggs[i];
        if (call->distinct || !agg_can_merge(call->class, &call->signature)) {
            return false;
        }
    }
    return spec->mode == MODE_STREAM && !spec->session && spec->key_count > 0;
}

bool
aggregate_is_sparse(const aggregate *a, uint64_t slots_min) {
    const uint64_t slots = group_table_slot_count(&a->groups);
    return slots >= slots_min && a->groups.live_count < slots / 4 && can_move(a);
}

/* The groups `from`, which `to` does not have. */
static status
copy_batch(aggregate *to, const aggregate *a, const slot *from, int32_t count, error *err) {
    const op_spec *spec = a->base.spec;
    arena         *scratch = a->base.env->scratch;
    slot          *into = arena_alloc(scratch, (size_t)count * sizeof(*into));
    if (into == NULL) {
        return error_memory(err);
    }
    for (int32_t k = 0; k < spec->key_count; k++) {
        TRY(state_columns_read(&a->groups.keys, k, from, count, scratch, &to->views[k], err));
    }
    TRY(aggregate_map_rows(to, count, into, err));
    for (int32_t i = 0; i < spec->agg_count; i++) {
        TRY(to->aggs[i]->class->merge(to->aggs[i], into, a->aggs[i], from, count, scratch, err));
    }
    int64_t *pages = arena_alloc(scratch, (size_t)count * sizeof(*pages));
    TRY(pages == NULL ? error_memory(err) : OK);
    for (int32_t i = 0; i < count; i++) {
        pages[i] = ages_page(&a->ages, from[i]);
    }
    TRY(ages_put(&to->ages, pages, into, count, group_table_slot_count(&to->groups), scratch, err));
    for (int32_t i = 0; i < count && a->tracks_rows; i++) {
        *ARRAY_AT(&to->records, aggregate_group, into[i]) =
            *ARRAY_AT(&a->records, aggregate_group, from[i]);
    }
    return OK;
}

static status
copy_groups(aggregate *to, const aggregate *a, error *err) {
    arena         *scratch = a->base.env->scratch;
    const uint64_t slots = group_table_slot_count(&a->groups);
    for (uint64_t s = 0; s < slots;) {
        const arena_mark mark = arena_save(scratch);
        int32_t          count = 0;
        slot            *from = arena_alloc(scratch, BATCH_ROWS * sizeof(*from));
        if (from == NULL) {
            return error_memory(err);
        }
        for (; s < slots && count < BATCH_ROWS; s++) {
            from[count] = (slot)s;
            count += group_table_is_live(&a->groups, (slot)s);
        }
        TRY(count == 0 ? OK : copy_batch(to, a, from, count, err));
        arena_rewind(scratch, mark);
    }
    return OK;
}

static status
move_through(aggregate *a, store *elsewhere, error *err) {
    op_env       env = *a->base.env;
    aggregate    other = {.base = a->base,
                          .views = a->views,
                          .arguments = a->arguments,
                          .windowed = a->windowed,
                          .tracks_rows = a->tracks_rows};
    const size_t calls = (size_t)a->base.spec->agg_count;
    env.store = elsewhere;
    other.base.env = &env;
    other.aggs = arena_alloc_zero(env.scratch, calls * sizeof(*other.aggs));
    other.distinct = arena_alloc_zero(env.scratch, calls * sizeof(*other.distinct));
    if (other.aggs == NULL || other.distinct == NULL) {
        return error_memory(err);
    }
    status s = aggregate_open_groups(&other, err);
    s = s == OK ? copy_groups(&other, a, err) : s;
    s = s == OK ? aggregate_reset(a, err) : s;
    s = s == OK ? copy_groups(a, &other, err) : s;
    aggregate_close_groups(&other);
    return s;
}

status
aggregate_compact(aggregate *a, error *err) {
    arena           *scratch = a->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    store           *elsewhere;
    TRY(store_open(&elsewhere, a->base.env->mem, err));
    const status s = move_through(a, elsewhere, err);
    store_close(elsewhere);
    arena_rewind(scratch, mark);
    return s;
}
