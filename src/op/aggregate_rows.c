/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_rows.c - count(*) of a GROUP BY that knows how many rows its groups have anyway.
 *
 * It stands in the place of agg_count_star_class and has no state of its own: whatever changes a
 * group changes its row_count first. Its array is there because states have one under its name; it
 * is empty but for states of before, which had the same numbers twice. */
#include "agg/agg_common.h"
#include "op/aggregate.h"

typedef struct rows_counter {
    agg              base;
    const aggregate *of;
    state_array      counts; /* of before */
} rows_counter;

bool
aggregate_shares_count(const aggregate *a, int32_t call) {
    const op_spec *spec = a->base.spec;
    const op_agg  *of = &spec->aggs[call];
    return spec->mode == MODE_STREAM && a->tracks_rows && !spec->session && a->panes.width == 0 &&
           of->class == agg_find(TEXT("count"), 0) && of->filter < 0 && !of->distinct;
}

static void
close_counter(agg *base) {
    rows_counter *self = (rows_counter *)base;
    array_close(&self->counts);
    mem_free(base->mem, self, sizeof(*self));
}

static status
init(agg *base, const slot *slots, int32_t count, error *err) {
    (void)base, (void)slots, (void)count, (void)err;
    return OK;
}

static status
update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
       const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    (void)base, (void)slots, (void)columns, (void)weight, (void)filter, (void)count;
    (void)scratch, (void)err;
    return OK;
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    const rows_counter *self = (const rows_counter *)base;
    int64_t            *values = arena_alloc(a, (size_t)count * sizeof(*values));
    if (values == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const aggregate_group *group = ARRAY_AT(&self->of->records, aggregate_group, slots[i]);
        values[i] = group_rows(group) - group_has(group, GROUP_PUBLISHED);
    }
    *out = (column){.type = base->output, .layout = COLUMN_FLAT, .values = values};
    return OK;
}

static status
clear(agg *base, slot s, error *err) {
    return init(base, &s, 1, err);
}

static status
merge(agg *base, const slot *slots, const agg *other, const slot *from, int32_t count,
      arena *scratch, error *err) {
    (void)other, (void)from, (void)scratch;
    return init(base, slots, count, err);
}

static status
rebuild(agg *base, const slot_set *groups, error *err) {
    (void)groups, (void)err;
    array_empty(&((rows_counter *)base)->counts);
    return OK;
}

static const agg_class rows_counter_class = {
    .name = "count_star",
    .zero_of_nothing = true,
    .changes_every_row = true,
    .close = close_counter,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
};

status
aggregate_open_shared_count(aggregate *a, int32_t call, const agg_site *site, error *err) {
    TRY(agg_new(&a->aggs[call], sizeof(rows_counter), &rows_counter_class,
                &a->base.spec->aggs[call].signature, site, err));
    rows_counter *self = (rows_counter *)a->aggs[call];
    self->of = a;
    const status opened = array_open(&self->counts, site->store, site->name, sizeof(int64_t), err);
    if (opened < 0) {
        mem_free(site->mem, self, sizeof(*self));
        a->aggs[call] = NULL;
    }
    return opened;
}
