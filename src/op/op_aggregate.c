/* SPDX-License-Identifier: Apache-2.0 */
/* op_aggregate.c - GROUP BY: one output row per group of equal keys, kept up to date.
 *
 * The leading key_count input columns are the keys; aggregate calls name the columns of their
 * arguments, order and filter. A group exists while the sum of the weights of its rows is positive;
 * without keys there is one group that always exists. No copy of what was published is kept: the
 * first touch of a group in a tick reads its old values before they change.
 *
 * Windowed: one key is the start of a window. Groups of a window that is final are moved to
 * `finished` and leave the state (aggregate_window.c). One-off queries emit all groups at their
 * only tick.
 *
 * push:  keys -> groups, remembers first touches with old values, updates the calls
 * tick:  emits -old and +new of touched groups (aggregate_emit.c), finishes windows */
#include "op/aggregate.h"

#define SHRINK_SLOTS 1024

/* What calls need beside their state. */
static status
place_calls(aggregate *a, error *err) {
    const op_spec *spec = a->base.spec;
    op_env        *env = a->base.env;
    a->aggs = arena_alloc_zero(env->arena, (size_t)spec->agg_count * sizeof(agg *));
    a->distinct = arena_alloc_zero(env->arena, (size_t)spec->agg_count * sizeof(*a->distinct));
    int32_t widest = 0;
    for (int32_t i = 0; i < spec->agg_count; i++) {
        const int32_t width = spec->aggs[i].signature.column_count;
        widest = width > widest ? width : widest;
    }
    a->arguments = arena_alloc(env->arena, (size_t)widest * sizeof(column));
    return a->aggs == NULL || a->distinct == NULL || a->arguments == NULL ? error_memory(err) : OK;
}

static status
open_calls(aggregate *a, error *err) {
    const op_spec *spec = a->base.spec;
    op_env        *env = a->base.env;
    for (int32_t i = 0; i < spec->agg_count; i++) {
        const op_agg  *call = &spec->aggs[i];
        const agg_site site = {.store = env->store,
                               .mem = env->mem,
                               .name = call->class->name,
                               .append_only = spec->append_only[0],
                               .once = spec->mode == MODE_ONCE};
        TRY(aggregate_shares_count(a, i)
                ? aggregate_open_shared_count(a, i, &site, err)
                : call->class->open(&a->aggs[i], call->class, &call->signature, &site, err));
        if (call->distinct) {
            TRY(distinct_calls_open(a, i, err));
        }
    }
    return OK;
}

/* As states of before have it: rows, flags and four bytes of nothing. */
static void
narrow_group(void *to, const void *wide) {
    int64_t         rows;
    uint32_t        flags;
    aggregate_group group;
    memcpy(&rows, wide, sizeof(rows));
    memcpy(&flags, (const uint8_t *)wide + sizeof(rows), sizeof(flags));
    group.word = (uint64_t)rows << GROUP_FLAG_BITS | (flags & GROUP_FLAGS);
    memcpy(to, &group, sizeof(group));
}

status
aggregate_open_groups(aggregate *a, error *err) {
    const op_spec   *spec = a->base.spec;
    op_env          *env = a->base.env;
    const arena_mark mark = arena_save(env->scratch);
    const data_type *types = schema_types(spec->input[0], env->scratch);
    if (types == NULL) {
        return error_memory(err);
    }
    TRY(group_table_open(&a->groups, env->store, "aggregate.groups", types, spec->key_count, err));
    group_table_allow_dense(&a->groups);
    TRY(array_open(&a->records, env->store, "aggregate.records", sizeof(aggregate_group), err));
    array_accept_wide(&a->records, 2 * sizeof(aggregate_group), narrow_group);
    TRY(a->windowed ? windows_open_state(a, err) : OK);
    TRY(ages_open(&a->ages, env->store, "aggregate", op_ttl_us(&a->base, 0), err));
    TRY(open_calls(a, err));
    TRY(spec->session ? sessions_open(a, err) : OK);
    arena_rewind(env->scratch, mark);
    return OK;
}

void
aggregate_close_groups(aggregate *a) {
    const op_spec *spec = a->base.spec;
    for (int32_t i = 0; a->aggs != NULL && i < spec->agg_count; i++) {
        if (a->distinct != NULL) {
            distinct_calls_close(a, i);
        }
        if (a->aggs[i] != NULL) {
            a->aggs[i]->class->close(a->aggs[i]);
            a->aggs[i] = NULL;
            (void)interrupt_stops();
        }
    }
    if (spec->session) {
        sessions_close(a);
    }
    windows_close_state(a);
    ages_close(&a->ages);
    array_close(&a->records);
    group_table_close(&a->groups);
}

static status
aggregate_open(op *self, error *err) {
    aggregate     *a = (aggregate *)self;
    const op_spec *spec = self->spec;
    op_env        *env = self->env;
    a->windowed = spec->window_key >= 0 && spec->mode == MODE_STREAM;
    const bool no_changes = spec->mode == MODE_ONCE || (a->windowed && spec->emit_at_close);
    a->tracks_rows = !(no_changes && spec->append_only[0]) || spec->session;
    a->views = arena_alloc(env->arena, (size_t)spec->input[0]->count * sizeof(column));
    a->output = arena_alloc(env->arena, (size_t)spec->output->count * sizeof(column));
    if (a->views == NULL || a->output == NULL) {
        return error_memory(err);
    }
    assert(spec->output->count == spec->key_count + spec->agg_count);
    spill_set_init(&a->limits.spilled, self);
    TRY(place_calls(a, err));
    TRY(a->windowed ? windows_open(a, err) : OK);
    panes_open(a);
    self->ages[0] = &a->ages;
    TRY(gather_open(a, err));
    return aggregate_open_groups(a, err);
}

static void
aggregate_close(op *self) {
    aggregate *a = (aggregate *)self;
    gather_close(a);
    aggregate_close_groups(a);
    windows_close(a);
    aggregate_close_limits(a);
}

status
aggregate_reset(aggregate *a, error *err) {
    aggregate_close_groups(a);
    return aggregate_open_groups(a, err);
}

/* Slots of groups that left are used again, but their memory is not given back. Where none is left
 * of many, as behind a burst, all of it goes; where few are left, aggregate_compact. */
static status
shrink(aggregate *a, error *err) {
    if (a->groups.live_count > 0) {
        return aggregate_is_sparse(a, SHRINK_SLOTS) ? aggregate_compact(a, err) : OK;
    }
    if (group_table_slot_count(&a->groups) < SHRINK_SLOTS) {
        return OK;
    }
    return aggregate_reset(a, err);
}

status
aggregate_forget(aggregate *a, slot group, error *err) {
    for (int32_t i = 0; i < a->base.spec->agg_count; i++) {
        TRY(a->aggs[i]->class->clear(a->aggs[i], group, err));
        TRY(distinct_calls_clear(a, i, group, err));
    }
    TRY(ages_remove(&a->ages, group, err));
    return group_table_remove(&a->groups, group, err);
}

/* Prepares everything that is addressed by group slot for groups that were just made. */
static status
init_groups(aggregate *a, const slot *slots, int32_t count, error *err) {
    for (int32_t i = 0; i < a->base.spec->agg_count; i++) {
        TRY(a->aggs[i]->class->init(a->aggs[i], slots, count, err));
    }
    if (!a->tracks_rows) {
        return OK;
    }
    TRY(array_reserve_to(&a->records, group_table_slot_count(&a->groups), err));
    for (int32_t i = 0; i < count; i++) {
        TRY(array_touch(&a->records, slots[i], 1, err));
        *ARRAY_AT(&a->records, aggregate_group, slots[i]) = (aggregate_group){0};
    }
    return OK;
}

status
aggregate_ensure_global(aggregate *a, error *err) {
    if (a->groups.live_count > 0) {
        return OK;
    }
    slot    global;
    uint8_t is_new;
    TRY(group_table_map(&a->groups, a->views, 1, &global, &is_new, a->base.env->scratch, err));
    assert(global == 0 && is_new);
    return init_groups(a, &global, 1, err);
}

status
aggregate_map_rows(aggregate *a, int32_t row_count, slot *slots, error *err) {
    arena *scratch = a->base.env->scratch;
    if (a->base.spec->key_count == 0) {
        TRY(aggregate_ensure_global(a, err));
        memset(slots, 0, (size_t)row_count * sizeof(*slots));
        return OK;
    }
    uint8_t *is_new = arena_alloc(scratch, (size_t)row_count);
    slot    *new_slots = arena_alloc(scratch, (size_t)row_count * sizeof(*new_slots));
    int32_t *new_rows = arena_alloc(scratch, (size_t)row_count * sizeof(*new_rows));
    if (is_new == NULL || new_slots == NULL || new_rows == NULL) {
        return error_memory(err);
    }
    TRY(group_table_map(&a->groups, a->views, row_count, slots, is_new, scratch, err));
    int32_t count = 0;
    for (int32_t i = 0; i < row_count; i++) {
        new_slots[count] = slots[i];
        new_rows[count] = i;
        count += is_new[i];
    }
    if (count == 0) {
        return OK;
    }
    TRY(init_groups(a, new_slots, count, err));
    return a->base.spec->session ? sessions_add(a, new_rows, new_slots, count, err)
           : a->windowed         ? windows_add(a, new_rows, new_slots, count, err)
                                 : OK;
}

/* Values of the groups before this tick's rows change them; they live until the tick ends. */
static status
keep_old_values(aggregate *a, aggregate_touch *touch, error *err) {
    const op_spec *spec = a->base.spec;
    arena         *tick_arena = a->base.env->tick_arena;
    column        *values = arena_alloc(tick_arena, (size_t)spec->agg_count * sizeof(*values));
    if (values == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < spec->agg_count; i++) {
        TRY(a->aggs[i]->class->value(a->aggs[i], touch->slots, touch->count, tick_arena, &values[i],
                                     err));
    }
    touch->old_values = values;
    return OK;
}

/* Appends a touch of `count` groups to the list of this tick. */
static status
add_touch(aggregate *a, const slot *slots, const uint8_t *existed, int32_t count, bool old_values,
          error *err) {
    arena           *tick_arena = a->base.env->tick_arena;
    aggregate_touch *touch = arena_alloc(tick_arena, sizeof(*touch));
    slot            *kept_slots = arena_alloc(tick_arena, (size_t)count * sizeof(*slots));
    uint8_t         *kept_existed = arena_alloc(tick_arena, (size_t)count);
    if (touch == NULL || kept_slots == NULL || kept_existed == NULL) {
        return error_memory(err);
    }
    memcpy(kept_slots, slots, (size_t)count * sizeof(*slots));
    memcpy(kept_existed, existed, (size_t)count);
    *touch = (aggregate_touch){.count = count, .slots = kept_slots, .existed = kept_existed};
    if (a->last == NULL) {
        a->first = touch;
    } else {
        a->last->next = touch;
    }
    a->last = touch;
    return old_values ? keep_old_values(a, touch, err) : OK;
}

status
aggregate_touch_groups(aggregate *a, const slot *slots, int32_t row_count, error *err) {
    const op_spec *spec = a->base.spec;
    arena         *scratch = a->base.env->scratch;
    slot          *listed = arena_alloc(scratch, (size_t)row_count * sizeof(*listed));
    uint8_t       *existed = arena_alloc(scratch, (size_t)row_count);
    if (listed == NULL || existed == NULL) {
        return error_memory(err);
    }
    const bool moves = spec->session && spec->emit_at_end; /* its end has moved by now */
    int32_t    count = 0;
    bool       any_existed = false;
    for (int32_t i = 0; i < row_count; i++) {
        aggregate_group *group = ARRAY_AT(&a->records, aggregate_group, slots[i]);
        if (!group_has(group, GROUP_TOUCHED)) {
            TRY(array_touch(&a->records, slots[i], 1, err));
            group_mark(group, GROUP_TOUCHED, true);
            listed[count] = slots[i];
            existed[count] =
                moves ? group_has(group, GROUP_SHOWN)
                      : group_rows(group) > 0 && windows_show(a, slots[i], a->base.frontier_us);
            any_existed |= existed[count];
            count++;
        }
    }
    if (count == 0) {
        return OK;
    }
    const bool wanted = a->base.old_rows_wanted || !spec->append_only[0];
    const bool emits = spec->mode == MODE_STREAM && !(a->windowed && spec->emit_at_close);
    return add_touch(a, listed, existed, count, wanted && emits && any_existed, err);
}

/* A FILTER column as bytes, 1 where it is true. */
static status
filter_bytes(const uint8_t **out, const column *filter, int32_t count, arena *a, error *err) {
    if (filter->validity == NULL) {
        *out = filter->values;
        return OK;
    }
    const uint8_t *values = filter->values;
    uint8_t       *bytes = arena_alloc(a, (size_t)count);
    if (bytes == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(values[i] & (uint8_t)bits_get(filter->validity, i));
    }
    *out = bytes;
    return OK;
}

status
aggregate_update_calls(aggregate *a, const slot *slots, const delta *in, error *err) {
    const op_spec *spec = a->base.spec;
    arena         *scratch = a->base.env->scratch;
    for (int32_t i = 0; i < spec->agg_count; i++) {
        const op_agg  *call = &spec->aggs[i];
        const uint8_t *filter = NULL;
        if (call->filter >= 0) {
            TRY(filter_bytes(&filter, &a->views[call->filter], in->row_count, scratch, err));
        }
        for (int32_t k = 0; k < call->signature.column_count; k++) {
            a->arguments[k] = a->views[call->columns[k]];
        }
        if (call->distinct) {
            TRY(distinct_calls_update(a, i, slots, in->weight, filter, in->row_count, err));
            continue;
        }
        TRY(a->aggs[i]->class->update(a->aggs[i], slots, a->arguments, in->weight, filter,
                                      in->row_count, scratch, err));
    }
    distinct_calls_end(a);
    return OK;
}

status
aggregate_add_rows(aggregate *a, const slot *slots, const delta *in, error *err) {
    if (a->tracks_rows) {
        TRY(aggregate_touch_groups(a, slots, in->row_count, err));
        for (int32_t i = 0; i < in->row_count; i++) {
            group_add_rows(ARRAY_AT(&a->records, aggregate_group, slots[i]), delta_weight(in, i));
        }
    }
    return aggregate_update_calls(a, slots, in, err);
}

/* The rows of the delta in a->views that fall to this instance. */
static status
take_shard(aggregate *a, const delta **in, error *err) {
    delta  views = **in;
    delta *picked = arena_alloc(a->base.env->scratch, sizeof(*picked));
    if (picked == NULL) {
        return error_memory(err);
    }
    views.columns = a->views;
    TRY(op_shard(&a->base, picked, &views, err));
    if (picked->row_count > 0 && picked->columns != a->views) {
        memcpy(a->views, picked->columns, (size_t)picked->column_count * sizeof(column));
    }
    *in = picked;
    return OK;
}

status
aggregate_take(aggregate *a, const delta *in, error *err) {
    slot *slots = arena_alloc(a->base.env->scratch, (size_t)in->row_count * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    if (a->panes.width > 0) {
        return panes_add(a, in, slots, err);
    }
    if (a->gather != NULL && !gather_is_over(a)) {
        return gather_add(a, in, slots, err);
    }
    TRY(a->base.spec->session ? sessions_map(a, in, slots, err)
                              : aggregate_map_rows(a, in->row_count, slots, err));
    TRY(ages_touch(&a->ages, a->base.env->clock_us, slots, in->row_count,
                   group_table_slot_count(&a->groups), a->base.env->scratch, err));
    return aggregate_add_rows(a, slots, in, err);
}

static status
aggregate_push(op *self, int32_t port, const delta *in, error *err) {
    aggregate       *a = (aggregate *)self;
    arena           *scratch = self->env->scratch;
    const arena_mark mark = arena_save(scratch);
    (void)port;
    TRY(columns_to_views(a->views, in->columns, in->column_count, in->row_count, scratch, err));
    if (self->shard_count > 0) {
        TRY(take_shard(a, &in, err));
    }
    if (self->spec->session && a->sessions.rebuilds) {
        TRY(sessions_collect(a, in, err));
    } else if (in->row_count > 0) {
        const bool limited = aggregate_is_limited(a);
        TRY(a->gather != NULL && gather_is_over(a) ? gather_expand(a, in, err)
            : limited                              ? aggregate_push_limited(a, in, err)
                                                   : aggregate_take(a, in, err));
    }
    arena_rewind(scratch, mark);
    return OK;
}

static status
aggregate_tick(op *self, int64_t frontier_us, error *err) {
    aggregate *a = (aggregate *)self;
    if (self->spec->key_count == 0) {
        const arena_mark mark = arena_save(self->env->scratch);
        TRY(aggregate_ensure_global(a, err));
        arena_rewind(self->env->scratch, mark);
    }
    if (self->spec->session && a->sessions.rebuilds) {
        TRY(sessions_rebuild(a, err));
    }
    TRY(a->gather != NULL ? gather_settle(a, err) : OK);
    if (a->limits.limited) {
        return aggregate_tick_limited(a, err);
    }
    if (self->spec->mode == MODE_ONCE) {
        return aggregate_send_all(a, NULL, 0, err);
    }
    if (a->tracks_rows) {
        TRY(windows_ripen(a, frontier_us, err));
        TRY(aggregate_settle(a, frontier_us, err));
    }
    if (a->windowed) {
        TRY(self->spec->session  ? sessions_expire(a, frontier_us, err)
            : a->panes.width > 0 ? panes_expire(a, frontier_us, err)
                                 : windows_expire(a, frontier_us, err));
        windows_retain(a, frontier_us);
    }
    return shrink(a, err);
}

static status
forget_idle(void *context, slot group, error *err) {
    return aggregate_forget(context, group, err);
}

static status
aggregate_let_go(op *self, error *err) {
    aggregate *a = (aggregate *)self;
    TRY(ages_drain(&a->ages, self->env->clock_us, forget_idle, a, self->env->scratch, err));
    return shrink(a, err);
}

static status
aggregate_snapshot(op *self, op *target, int32_t port, error *err) {
    aggregate *a = (aggregate *)self;
    if (a->windowed) {
        TRY(windows_send_finished(a, target, port, err));
        if (self->spec->emit_at_close) {
            return OK;
        }
    }
    return aggregate_send_all(a, target, port, err);
}

static status
aggregate_validate(const op *self, error *err) {
    const aggregate *a = (const aggregate *)self;
    TRY(group_table_validate(&a->groups, err));
    const uint64_t slot_count = group_table_slot_count(&a->groups);
    for (uint64_t s = 0; s < slot_count && a->tracks_rows && self->spec->mode == MODE_STREAM; s++) {
        if (!group_table_is_live(&a->groups, (slot)s)) {
            continue;
        }
        const aggregate_group *group = ARRAY_AT(&a->records, aggregate_group, s);
        if (group_rows(group) <= 0 || group_has(group, GROUP_TOUCHED)) {
            return error_set(err, ERR_INTERNAL_ERROR,
                             "aggregate: group %llu has %lld rows, flags %u", (unsigned long long)s,
                             (long long)group_rows(group), (unsigned)(group->word & GROUP_FLAGS));
        }
    }
    for (int32_t i = 0; i < self->spec->agg_count; i++) {
        TRY(distinct_calls_validate(a, i, err));
    }
    return self->spec->session ? sessions_validate(a, err)
           : a->windowed       ? windows_validate(a, err)
                               : OK;
}

static int64_t
aggregate_state_rows(const op *self) {
    const aggregate *a = (const aggregate *)self;
    uint64_t         rows = a->groups.live_count;
    for (int32_t i = 0; i < self->spec->agg_count && self->spec->mode == MODE_ONCE; i++) {
        const bool more = self->spec->aggs[i].distinct && a->distinct[i].pairs.live_count > rows;
        rows = more ? a->distinct[i].pairs.live_count : rows;
    }
    return (int64_t)rows;
}

static int64_t
aggregate_due_us(const op *self) {
    const aggregate *a = (const aggregate *)self;
    return self->spec->session  ? sessions_due_us(a)
           : a->panes.width > 0 ? panes_due_us(a)
           : a->windowed        ? windows_due_us(a)
                                : INT64_MAX;
}

static int64_t
aggregate_result_rows(const op *self) {
    const table *finished = ((const aggregate *)self)->windows.finished;
    return finished == NULL ? 0 : table_live_count(finished);
}

const op_class op_aggregate_class = {
    .name = "aggregate",
    .size = sizeof(aggregate),
    .open = aggregate_open,
    .push = aggregate_push,
    .tick = aggregate_tick,
    .forget = aggregate_let_go,
    .snapshot = aggregate_snapshot,
    .merge = aggregate_merge,
    .validate = aggregate_validate,
    .state_rows = aggregate_state_rows,
    .result_rows = aggregate_result_rows,
    .due_us = aggregate_due_us,
    .settle = aggregate_bring,
    .save = aggregate_save,
    .load = aggregate_load,
    .close = aggregate_close,
};
