/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_gather.c - hopping windows that are shown while they are open, or asked for once, by
 * panes: the rows of a tick are grouped by key and pane, and at the tick each of these groups is
 * merged into the windows that have its pane.
 *
 * So a row costs one group, whatever size / slide is, and a window that changes costs a merge for
 * each of its panes that had rows, once per tick. (Panes are those of Li et al., "No Pane, No
 * Gain", 2005; that a tick is grouped first is two-phase aggregation.) Rows that come are never
 * taken back here, so windows need only what is new. Between ticks nothing is gathered.
 *
 * A one-off query puts its rows into their windows where panes turn out to have hardly more than
 * one row each, and where it may have to go to disk: a group that is dealt out by its key must have
 * all its rows.
 *
 * A pair of row and window is refused when the window was final at the watermark that the row met:
 * that of the last tick. */
#include <stdlib.h>

#include "op/aggregate.h"

#define SHRINK_SLOTS 1024
#define TRIED_ROWS 8192 /* before a one-off query knows whether panes have several rows */

struct aggregate_gather {
    aggregate part; /* groups by key and pane */
    op_env    env;  /* with a store of its own: it is empty whenever state is looked at */
    int64_t   size, slide, pane; /* in units of the time */
    int64_t   offset;            /* 0 <= offset < slide */
    int64_t   row_count;         /* that were gathered */
    bool      is_over;           /* one-off: panes have too few rows, or memory is limited */
};

status
gather_open(aggregate *a, error *err) {
    const op_spec *spec = a->base.spec;
    if (spec->pane_us == 0 || a->panes.width > 0) {
        return OK;
    }
    arena            *kept = a->base.env->arena;
    const size_t      calls = (size_t)spec->agg_count;
    aggregate_gather *g = arena_alloc_zero(kept, sizeof(*g));
    if (g == NULL) {
        return error_memory(err);
    }
    g->env = *a->base.env;
    g->env.store = NULL;
    g->size = type_time_from_us(spec->time_type, spec->window_size_us);
    g->slide = type_time_from_us(spec->time_type, spec->window_slide_us);
    const int64_t offset = type_time_from_us(spec->time_type, spec->window_offset_us);
    g->offset = offset - floor_div_i64(offset, g->slide) * g->slide;
    g->pane = type_time_from_us(spec->time_type, spec->pane_us);
    g->part = (aggregate){.base = a->base,
                          .views = a->views,
                          .arguments = a->arguments,
                          .tracks_rows = a->tracks_rows};
    g->part.base.env = &g->env;
    g->part.aggs = arena_alloc_zero(kept, calls * sizeof(*g->part.aggs));
    g->part.distinct = arena_alloc_zero(kept, calls * sizeof(*g->part.distinct));
    if (g->part.aggs == NULL || g->part.distinct == NULL) {
        return error_memory(err);
    }
    TRY(store_open(&g->env.store, a->base.env->mem, err));
    a->gather = g;
    return aggregate_open_groups(&g->part, err);
}

void
gather_close(aggregate *a) {
    if (a->gather != NULL) {
        aggregate_close_groups(&a->gather->part);
        store_close(a->gather->env.store);
        a->gather = NULL;
    }
}

status
gather_add(aggregate *a, const delta *in, slot *slots, error *err) {
    aggregate *part = &a->gather->part;
    TRY(aggregate_map_rows(part, in->row_count, slots, err));
    for (int32_t i = 0; i < in->row_count && a->tracks_rows; i++) {
        group_add_rows(ARRAY_AT(&part->records, aggregate_group, slots[i]), delta_weight(in, i));
    }
    a->gather->row_count += in->row_count;
    a->gather->is_over = a->base.spec->mode == MODE_ONCE && a->gather->row_count >= TRIED_ROWS &&
                         (int64_t)part->groups.live_count > a->gather->row_count / 2;
    return aggregate_update_calls(part, slots, in, err);
}

bool
gather_is_over(const aggregate *a) {
    return a->gather->is_over || a->limits.limited;
}

/* ---- at the tick */

typedef struct pairs { /* of a pane's group and a window */
    int32_t  count;
    slot    *from, *into;
    int64_t *starts;
} pairs;

static status
merge_pairs(aggregate *a, pairs *p, error *err) {
    const aggregate *part = &a->gather->part;
    const op_spec   *spec = a->base.spec;
    arena           *scratch = a->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    if (p->count == 0) {
        return OK;
    }
    TRY(op_poll(&a->base, err));
    for (int32_t k = 0; k < spec->key_count; k++) {
        TRY(state_columns_read(&part->groups.keys, k, p->from, p->count, scratch, &a->views[k],
                               err));
    }
    a->views[spec->window_key].values = p->starts;
    TRY(aggregate_map_rows(a, p->count, p->into, err));
    TRY(a->tracks_rows ? aggregate_touch_groups(a, p->into, p->count, err) : OK);
    for (int32_t i = 0; i < p->count && a->tracks_rows; i++) {
        group_add_rows(ARRAY_AT(&a->records, aggregate_group, p->into[i]),
                       group_rows(ARRAY_AT(&part->records, aggregate_group, p->from[i])));
    }
    for (int32_t i = 0; i < spec->agg_count; i++) {
        TRY(a->aggs[i]->class->merge(a->aggs[i], p->into, part->aggs[i], p->from, p->count, scratch,
                                     err));
    }
    p->count = 0;
    arena_rewind(scratch, mark);
    return OK;
}

static bool
was_final(const aggregate *a, int64_t start) {
    const op_spec *spec = a->base.spec;
    const int64_t  end_us =
        sat_add_i64(type_time_to_us(spec->time_type, start), spec->window_size_us);
    return a->base.frontier_us != INT64_MIN &&
           sat_add_i64(end_us, spec->lateness_us) <= a->base.frontier_us;
}

typedef struct gathered {
    int64_t pane; /* its start */
    slot    group;
} gathered;

/* Where a pane lies within the slide: behind the start of its newest window. */
static int64_t
place_of(const aggregate_gather *g, int64_t pane) {
    int64_t at = pane % g->slide;
    at += at < 0 ? g->slide : 0;
    at -= g->offset;
    return at < 0 ? at + g->slide : at;
}

/* The group with its window number `back` from the newest one. */
static status
pair_up(aggregate *a, const gathered *of, int64_t back, pairs *p, error *err) {
    const aggregate_gather *g = a->gather;
    const int64_t           before = place_of(g, of->pane) + back * g->slide;
    int64_t                 start;
    if (before >= g->size || __builtin_sub_overflow(of->pane, before, &start) ||
        was_final(a, start)) {
        return OK;
    }
    p->from[p->count] = of->group;
    p->starts[p->count++] = start;
    return p->count == BATCH_ROWS ? merge_pairs(a, p, err) : OK;
}

/* No group may be merged into twice at once. In any order: those of panes at one place within the
 * slide, each with its window of one number, have different ones. */
static status
settle_all(aggregate *a, const gathered *all, int64_t count, pairs *p, error *err) {
    const aggregate_gather *g = a->gather;
    for (int64_t place = 0; place < g->slide; place += g->pane) {
        for (int64_t back = 0; back * g->slide < g->size; back++) {
            for (int64_t i = 0; i < count; i++) {
                TRY(place_of(g, all[i].pane) == place ? pair_up(a, &all[i], back, p, err) : OK);
            }
            TRY(merge_pairs(a, p, err));
        }
    }
    return OK;
}

static int
by_pane(const void *x, const void *y) {
    const gathered *a = x, *b = y;
    return (a->pane > b->pane) - (a->pane < b->pane);
}

/* In the order of panes: those of one pane, which have different keys, with all its windows. */
static status
settle_by_pane(aggregate *a, gathered *all, int64_t count, pairs *p, error *err) {
    const aggregate_gather *g = a->gather;
    for (int64_t i = 0; i < count; i++) {
        for (int64_t back = 0; back * g->slide < g->size; back++) {
            TRY(pair_up(a, &all[i], back, p, err));
        }
        if (i + 1 == count || all[i + 1].pane != all[i].pane) {
            TRY(merge_pairs(a, p, err));
        }
    }
    return OK;
}

/* *panes_met: how many there are, where the groups are in their order; 0: they are not. */
static status
list_groups(const aggregate *a, gathered **out, int64_t *panes_met, error *err) {
    const group_table *groups = &a->gather->part.groups;
    const state_array *panes = &groups->keys.values[a->base.spec->window_key];
    gathered *all = arena_alloc(a->base.env->scratch, (size_t)groups->live_count * sizeof(*all));
    int64_t   count = 0;
    if (all == NULL) {
        return error_memory(err);
    }
    bool in_order = true;
    *panes_met = 0;
    for (uint64_t s = 0; s < group_table_slot_count(groups); s++) {
        if (group_table_is_live(groups, (slot)s)) {
            all[count] = (gathered){*ARRAY_AT(panes, int64_t, s), (slot)s};
            *panes_met += count == 0 || all[count].pane != all[count - 1].pane;
            in_order = in_order && (count == 0 || all[count].pane >= all[count - 1].pane);
            count++;
        }
    }
    *panes_met = in_order ? *panes_met : 0;
    *out = all;
    return OK;
}

/* Nothing is gathered any more. */
static status
empty(aggregate *part, error *err) {
    const uint64_t slots = group_table_slot_count(&part->groups);
    if (slots >= SHRINK_SLOTS) {
        return aggregate_reset(part, err);
    }
    for (uint64_t s = 0; s < slots; s++) {
        TRY(group_table_is_live(&part->groups, (slot)s) ? aggregate_forget(part, (slot)s, err)
                                                        : OK);
    }
    return OK;
}

status
gather_settle(aggregate *a, error *err) {
    const aggregate_gather *g = a->gather;
    const int64_t           count = (int64_t)g->part.groups.live_count;
    arena                  *scratch = a->base.env->scratch;
    const arena_mark        mark = arena_save(scratch);
    gathered               *all = NULL;
    int64_t                 panes = 0;
    if (count == 0) {
        return OK;
    }
    pairs p = {.from = arena_alloc(scratch, BATCH_ROWS * sizeof(*p.from)),
               .into = arena_alloc(scratch, BATCH_ROWS * sizeof(*p.into)),
               .starts = arena_alloc(scratch, BATCH_ROWS * sizeof(*p.starts))};
    if (p.from == NULL || p.into == NULL || p.starts == NULL) {
        return error_memory(err);
    }
    TRY(list_groups(a, &all, &panes, err));
    const int64_t rounds = g->size / g->pane; /* of settle_all */
    if (panes == 0 && count <= rounds) {
        qsort(all, (size_t)count, sizeof(*all), by_pane);
        panes = count; /* or less */
    }
    TRY(panes == 0 || panes > rounds ? settle_all(a, all, count, &p, err)
                                     : settle_by_pane(a, all, count, &p, err));
    arena_rewind(scratch, mark);
    return empty(&a->gather->part, err);
}

/* ---- one-off queries */

aggregate *
gather_part(aggregate *a) {
    return &a->gather->part;
}

/* The rows with their window number `back`, as far as they are in it: a->views. */
static status
expand(aggregate *a, const delta *in, const int64_t *panes, int64_t back, error *err) {
    const aggregate_gather *g = a->gather;
    const int32_t           key = a->base.spec->window_key;
    arena                  *scratch = a->base.env->scratch;
    int32_t                *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    int64_t                *starts = arena_alloc(scratch, (size_t)in->row_count * sizeof(*starts));
    int32_t                 count = 0;
    delta                   picked;
    if (rows == NULL || starts == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        const int64_t before = place_of(g, panes[i]) + back * g->slide;
        if (before < g->size && !__builtin_sub_overflow(panes[i], before, &starts[count])) {
            rows[count++] = i;
        }
    }
    if (count == 0) {
        return OK;
    }
    TRY(delta_gather(&picked, in, rows, count, scratch, err));
    memcpy(a->views, picked.columns, (size_t)in->column_count * sizeof(column));
    a->views[key] = (column){.type = a->views[key].type, .values = starts};
    picked.columns = a->views;
    return a->limits.limited ? aggregate_push_limited(a, &picked, err)
                             : aggregate_take(a, &picked, err);
}

status
gather_expand(aggregate *a, const delta *in, error *err) {
    const aggregate_gather *g = a->gather;
    arena                  *scratch = a->base.env->scratch;
    const size_t            size = (size_t)in->column_count * sizeof(column);
    column                 *columns = arena_alloc(scratch, size);
    if (columns == NULL) {
        return error_memory(err);
    }
    memcpy(columns, a->views, size);
    delta rows = *in;
    rows.columns = columns;
    for (int64_t back = 0; back * g->slide < g->size; back++) {
        const arena_mark mark = arena_save(scratch);
        TRY(expand(a, &rows, columns[a->base.spec->window_key].values, back, err));
        arena_rewind(scratch, mark);
    }
    return OK;
}
