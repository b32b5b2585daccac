/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_emit.c - output rows of groups: the changes of one tick, and everything at once.
 *
 * The changes of one touch (at most BATCH_ROWS groups) leave as one delta, retractions first, or as
 * two when that would be too long. A group whose values came out equal to the old ones is not
 * emitted. */
#include "op/aggregate.h"

static status
read_values(const aggregate *a, int32_t i, const slot *slots, int32_t count, column *out,
            error *err) {
    TRY(a->aggs[i]->class->value(a->aggs[i], slots, count, a->base.env->scratch, out, err));
    return agg_makes_values(a->aggs[i]) ? eval_check_bytes(a->base.env->eval, out, count, err) : OK;
}

status
aggregate_read(const aggregate *a, const slot *slots, int32_t count, column *out, error *err) {
    const op_spec *spec = a->base.spec;
    arena         *scratch = a->base.env->scratch;
    for (int32_t i = 0; i < spec->key_count; i++) {
        TRY(state_columns_read(&a->groups.keys, i, slots, count, scratch, &out[i], err));
    }
    for (int32_t i = 0; i < spec->agg_count; i++) {
        TRY(read_values(a, i, slots, count, &out[spec->key_count + i], err));
    }
    return OK;
}

/* The rows of a touch that go out: numbers into its slots. */
typedef struct touch_rows {
    const aggregate_touch *touch;
    column                *values; /* new ones */
    int32_t               *minus, *plus;
    int32_t                minus_count, plus_count;
} touch_rows;

/* equal[i]: the group's new values are the old ones. */
static void
compare_values(const touch_rows *r, int32_t agg_count, uint8_t *equal) {
    const aggregate_touch *touch = r->touch;
    if (touch->old_values == NULL) {
        memset(equal, 0, (size_t)touch->count);
        return;
    }
    memset(equal, 1, (size_t)touch->count);
    for (int32_t i = 0; i < agg_count; i++) {
        equal_rows(equal, &touch->old_values[i], NULL, &r->values[i], NULL, touch->count);
    }
}

static status
select_rows(const aggregate *a, const aggregate_touch *touch, int64_t frontier_us, touch_rows *r,
            error *err) {
    const op_spec *spec = a->base.spec;
    arena         *scratch = a->base.env->scratch;
    const size_t   count = (size_t)touch->count;
    *r = (touch_rows){.touch = touch};
    r->values = arena_alloc(scratch, (size_t)spec->agg_count * sizeof(column));
    r->minus = arena_alloc(scratch, count * sizeof(int32_t));
    r->plus = arena_alloc(scratch, count * sizeof(int32_t));
    uint8_t *equal = arena_alloc(scratch, count);
    if (r->values == NULL || r->minus == NULL || r->plus == NULL || equal == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < spec->agg_count; i++) {
        TRY(read_values(a, i, touch->slots, touch->count, &r->values[i], err));
    }
    compare_values(r, spec->agg_count, equal);
    const bool old_rows = touch->old_values != NULL;
    for (int32_t i = 0; i < touch->count; i++) {
        const aggregate_group *group = ARRAY_AT(&a->records, aggregate_group, touch->slots[i]);
        const bool             existed = touch->existed[i];
        const bool exists = group_rows(group) > 0 && windows_show(a, touch->slots[i], frontier_us);
        const bool same = existed && exists && equal[i];
        r->minus[r->minus_count] = i;
        r->minus_count += old_rows && existed && !same;
        r->plus[r->plus_count] = i;
        r->plus_count += exists && !same;
    }
    return OK;
}

/* One delta: minus rows with old values, then plus rows with new ones. */
static status
emit_rows(aggregate *a, const touch_rows *r, int32_t minus_count, int32_t plus_count, error *err) {
    const op_spec *spec = a->base.spec;
    arena         *scratch = a->base.env->scratch;
    const int32_t  count = minus_count + plus_count;
    if (count == 0) {
        return OK;
    }
    TRY(op_poll(&a->base, err));
    slot    *slots = arena_alloc(scratch, (size_t)count * sizeof(*slots));
    int64_t *weight = NULL; /* all +1 */
    if (minus_count > 0) {
        weight = arena_alloc(scratch, (size_t)count * sizeof(*weight));
    }
    if (slots == NULL || (minus_count > 0 && weight == NULL)) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < minus_count; i++) {
        slots[i] = r->touch->slots[r->minus[i]];
        weight[i] = -1;
    }
    for (int32_t i = 0; i < plus_count; i++) {
        slots[minus_count + i] = r->touch->slots[r->plus[i]];
        if (weight != NULL) {
            weight[minus_count + i] = 1;
        }
    }
    for (int32_t i = 0; i < spec->key_count; i++) {
        TRY(state_columns_read(&a->groups.keys, i, slots, count, scratch, &a->output[i], err));
    }
    for (int32_t i = 0; i < spec->agg_count; i++) {
        column *out = &a->output[spec->key_count + i];
        if (plus_count == r->touch->count && minus_count == 0) {
            *out = r->values[i];
            continue;
        }
        const column *old = r->touch->old_values == NULL ? NULL : &r->touch->old_values[i];
        TRY(column_join_rows(out, old, r->minus, minus_count, &r->values[i], r->plus, plus_count,
                             scratch, err));
    }
    const delta rows = {.row_count = count,
                        .column_count = spec->output->count,
                        .columns = a->output,
                        .weight = weight};
    return op_emit(&a->base, &rows, err);
}

static status
emit_touch(aggregate *a, const aggregate_touch *touch, int64_t frontier_us, error *err) {
    touch_rows r;
    TRY(select_rows(a, touch, frontier_us, &r, err));
    if (r.minus_count + r.plus_count <= BATCH_ROWS) {
        return emit_rows(a, &r, r.minus_count, r.plus_count, err);
    }
    TRY(emit_rows(a, &r, r.minus_count, 0, err));
    return emit_rows(a, &r, 0, r.plus_count, err);
}

/* The touch is over: groups without rows leave. */
static status
release_touch(aggregate *a, const aggregate_touch *touch, int64_t frontier_us, error *err) {
    const bool marks = a->base.spec->session && a->base.spec->emit_at_end && a->windowed;
    for (int32_t i = 0; i < touch->count; i++) {
        const slot       s = touch->slots[i];
        aggregate_group *group = ARRAY_AT(&a->records, aggregate_group, s);
        group_mark(group, GROUP_TOUCHED, false);
        if (marks && group_rows(group) > 0) {
            group_mark(group, GROUP_SHOWN, sessions_show(a, s, frontier_us));
        }
        if (a->ages.step_us > 0 && group_rows(group) < 0) { /* of rows that were forgotten before */
            a->base.lost_rows -= group_rows(group);
            group_drop_rows(group);
        }
        if (group_rows(group) == 0) {
            TRY(a->base.spec->session ? sessions_remove(a, s, err)
                : a->windowed         ? windows_unlink(a, s, err)
                                      : OK);
            TRY(aggregate_forget(a, s, err));
        }
    }
    return OK;
}

/* Without keys the group's row is due at the first tick, whatever came. */
static status
publish_global(aggregate *a, error *err) {
    aggregate_group *group = ARRAY_AT(&a->records, aggregate_group, 0);
    if (group_has(group, GROUP_PUBLISHED)) {
        return OK;
    }
    TRY(array_touch(&a->records, 0, 1, err));
    if (!group_has(group, GROUP_TOUCHED)) {
        aggregate_touch *touch = arena_alloc_zero(a->base.env->tick_arena, sizeof(*touch));
        slot            *slots = arena_alloc_zero(a->base.env->tick_arena, sizeof(*slots));
        uint8_t         *existed = arena_alloc_zero(a->base.env->tick_arena, sizeof(*existed));
        if (touch == NULL || slots == NULL || existed == NULL) {
            return error_memory(err);
        }
        *touch = (aggregate_touch){.count = 1, .slots = slots, .existed = existed};
        a->first = touch;
        a->last = touch;
    }
    group_mark(group, GROUP_PUBLISHED, true);
    group_add_rows(group, 1);
    return OK;
}

status
aggregate_settle(aggregate *a, int64_t frontier_us, error *err) {
    const op_spec *spec = a->base.spec;
    arena         *scratch = a->base.env->scratch;
    const bool     emits = !(a->windowed && spec->emit_at_close);
    if (spec->key_count == 0) {
        TRY(publish_global(a, err));
    }
    for (const aggregate_touch *touch = a->first; touch != NULL; touch = touch->next) {
        if (emits) {
            const arena_mark mark = arena_save(scratch);
            TRY(emit_touch(a, touch, frontier_us, err));
            arena_rewind(scratch, mark);
        }
    }
    for (const aggregate_touch *touch = a->first; touch != NULL; touch = touch->next) {
        TRY(release_touch(a, touch, frontier_us, err));
    }
    a->first = NULL;
    a->last = NULL;
    return OK;
}

static status
send_batch(aggregate *a, const slot *slots, int32_t count, op *target, int32_t port, error *err) {
    arena           *scratch = a->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    TRY(op_poll(&a->base, err));
    TRY(aggregate_read(a, slots, count, a->output, err));
    const delta rows = {
        .row_count = count, .column_count = a->base.spec->output->count, .columns = a->output};
    const status s = op_send(&a->base, target, port, &rows, err);
    arena_rewind(scratch, mark);
    return s;
}

/* The group has an output row. */
static bool
group_exists(const aggregate *a, uint64_t s) {
    if (!group_table_is_live(&a->groups, (slot)s)) {
        return false;
    }
    const bool always = a->base.spec->mode == MODE_ONCE && a->base.spec->key_count == 0;
    if (!windows_show(a, (slot)s, a->base.frontier_us)) {
        return false;
    }
    return always || !a->tracks_rows || group_rows(ARRAY_AT(&a->records, aggregate_group, s)) > 0;
}

status
aggregate_send_all(aggregate *a, op *target, int32_t port, error *err) {
    arena           *scratch = a->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    slot            *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    const uint64_t slot_count = group_table_slot_count(&a->groups);
    int32_t        count = 0;
    status         s = OK;
    for (uint64_t i = 0; i < slot_count && s != DONE; i++) {
        if (!group_exists(a, i)) {
            continue;
        }
        slots[count++] = (slot)i;
        if (count == BATCH_ROWS) {
            s = send_batch(a, slots, count, target, port, err);
            TRY(s);
            count = 0;
        }
    }
    if (count > 0 && s != DONE) {
        TRY(send_batch(a, slots, count, target, port, err));
    }
    arena_rewind(scratch, mark);
    return OK;
}
