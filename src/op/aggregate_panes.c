/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_panes.c - hopping windows by panes: each row is in the group of its key and pane, and a
 * window's groups are merged from panes when it is final.
 *
 * Window [a, a + n) of pane numbers, and the next one [a + m, a + m + n). So that a window costs
 * 2 log n merges for each key and not n, runs of 2^l panes that begin at multiples of 2^l are
 * merged as soon as they are complete: a binary tree, of which any window is a few nodes. A pane
 * and a run are known by one number, in the order of a walk through the tree:
 *
 *     run of 2^l panes from j * 2^l on:   j * 2^(l + 1) + 2^l - 1         0   1   2   3   4   5   6
 *     pane i is the run of one pane:      2 * i                           |___|   |   |___|   |
 *                                                                           |_____|_____|     ...
 *
 * That number stands in the place of the window's start in the keys of groups, and is their page in
 * the calendar. Panes below `built` are in runs: a row that comes to one of them, behind a window
 * that is final and before one that is not, goes into these runs too. What begins before `next`,
 * the first pane of the first window that is not final, is in no window any more, and goes. */
#include "op/aggregate.h"

/* The page on which the groups of the window under way are merged. */
#define WINDOW_PAGE INT64_MAX

static int64_t
number_of_run(int64_t first, int32_t level) {
    return 2 * first + (INT64_C(1) << level) - 1;
}

/* Its first pane. */
static int64_t
first_of_run(int64_t number) {
    const int32_t level = __builtin_ctzll((uint64_t)number + 1);
    return (number + 1 - (INT64_C(1) << level)) / 2;
}

void
panes_open(aggregate *a) {
    const op_spec   *spec = a->base.spec;
    aggregate_panes *p = &a->panes;
    if (spec->pane_us == 0 || !a->windowed || !spec->emit_at_close) {
        return;
    }
    const int64_t offset = type_time_from_us(spec->time_type, spec->window_offset_us);
    *p = (aggregate_panes){.width = type_time_from_us(spec->time_type, spec->pane_us),
                           .size = spec->window_size_us / spec->pane_us,
                           .slide = spec->window_slide_us / spec->pane_us,
                           .next = INT64_MIN,
                           .built = INT64_MIN};
    p->origin = floor_div_i64(offset, p->width);
    p->rest = offset - p->origin * p->width;
    while ((INT64_C(2) << p->levels) <= p->size) {
        p->levels++;
    }
}

/* Windows start at pane numbers that are multiples of the slide. */
static int64_t
pane_of(const aggregate_panes *p, int64_t start) {
    return floor_div_i64(start - p->rest, p->width) - p->origin;
}

static int64_t
start_of(const aggregate_panes *p, int64_t pane) {
    return sat_add_i64(sat_mul_i64(pane + p->origin, p->width), p->rest);
}

/* ---- rows into panes, and into runs that have them already */

/* The rows of panes that are in runs of this level, into these. */
static status
add_to_runs(aggregate *a, const int64_t *panes, int32_t level, const delta *in, error *err) {
    aggregate_panes *p = &a->panes;
    arena           *scratch = a->base.env->scratch;
    const int64_t    span = INT64_C(1) << level;
    int32_t         *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    int64_t         *numbers = arena_alloc(scratch, (size_t)in->row_count * sizeof(*numbers));
    slot            *slots = arena_alloc(scratch, (size_t)in->row_count * sizeof(*slots));
    if (rows == NULL || numbers == NULL || slots == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        const int64_t first = floor_div_i64(panes[i], span) * span;
        if (panes[i] < p->built && first >= p->next && first + span <= p->built) {
            rows[count] = i;
            numbers[count++] = number_of_run(first, level);
        }
    }
    if (count == 0) {
        return OK;
    }
    delta all = *in, picked;
    all.columns = a->views;
    TRY(delta_gather(&picked, &all, rows, count, scratch, err));
    column *kept = arena_alloc(scratch, (size_t)in->column_count * sizeof(*kept));
    TRY(kept == NULL ? error_memory(err) : OK);
    const size_t size = (size_t)in->column_count * sizeof(*kept);
    memcpy(kept, a->views, size);
    memcpy(a->views, picked.columns, size);
    a->views[a->base.spec->window_key].values = numbers;
    TRY(aggregate_map_rows(a, count, slots, err));
    TRY(aggregate_add_rows(a, slots, &picked, err));
    memcpy(a->views, kept, size);
    return OK;
}

status
panes_add(aggregate *a, const delta *in, slot *slots, error *err) {
    aggregate_panes *p = &a->panes;
    arena           *scratch = a->base.env->scratch;
    column          *key = &a->views[a->base.spec->window_key];
    const int64_t   *starts = key->values;
    int64_t         *panes = arena_alloc(scratch, (size_t)in->row_count * sizeof(*panes));
    int64_t         *numbers = arena_alloc(scratch, (size_t)in->row_count * sizeof(*numbers));
    if (panes == NULL || numbers == NULL) {
        return error_memory(err);
    }
    bool built = false;
    for (int32_t i = 0; i < in->row_count; i++) { /* neighbours mostly share it */
        panes[i] = i > 0 && starts[i] == starts[i - 1] ? panes[i - 1] : pane_of(p, starts[i]);
        numbers[i] = 2 * panes[i];
        built |= panes[i] < p->built;
    }
    key->values = numbers;
    TRY(aggregate_map_rows(a, in->row_count, slots, err));
    TRY(aggregate_add_rows(a, slots, in, err));
    for (int32_t level = 1; built && level <= p->levels; level++) {
        TRY(add_to_runs(a, panes, level, in, err));
    }
    return OK;
}

/* ---- merging */

/* Groups on the page `from` into groups of the same keys on `to`. */
static status
merge_page(aggregate *a, slot page, int64_t to, error *err) {
    const op_spec   *spec = a->base.spec;
    arena           *scratch = a->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    slot            *from = arena_alloc(scratch, BATCH_ROWS * sizeof(*from));
    slot            *into = arena_alloc(scratch, BATCH_ROWS * sizeof(*into));
    int64_t         *numbers = arena_alloc(scratch, BATCH_ROWS * sizeof(*numbers));
    if (from == NULL || into == NULL || numbers == NULL) {
        return error_memory(err);
    }
    for (slot s = calendar_first_on(&a->windows.open, page); s != SLOT_NONE;) {
        const arena_mark each = arena_save(scratch);
        int32_t          count = 0;
        for (; s != SLOT_NONE && count < BATCH_ROWS; s = calendar_next_on(&a->windows.open, s)) {
            numbers[count] = to;
            from[count++] = s;
        }
        TRY(op_poll(&a->base, err));
        for (int32_t k = 0; k < spec->key_count; k++) {
            TRY(state_columns_read(&a->groups.keys, k, from, count, scratch, &a->views[k], err));
        }
        a->views[spec->window_key].values = numbers;
        TRY(aggregate_map_rows(a, count, into, err));
        for (int32_t i = 0; i < spec->agg_count; i++) {
            TRY(a->aggs[i]->class->merge(a->aggs[i], into, a->aggs[i], from, count, scratch, err));
        }
        arena_rewind(scratch, each);
    }
    arena_rewind(scratch, mark);
    return OK;
}

static status
page_of(const aggregate *a, int64_t number, slot *page, error *err) {
    const column key = {.type = a->windows.open.times.keys.types[0], .values = &number};
    return group_table_find(&a->windows.open.times, &key, 1, page, a->base.env->scratch, err);
}

/* A run from its halves, as far as they have rows. */
static status
build_run(aggregate *a, int64_t first, int32_t level, error *err) {
    const int64_t half = INT64_C(1) << (level - 1);
    for (int64_t at = first; at <= first + half; at += half) {
        slot page;
        TRY(page_of(a, number_of_run(at, level - 1), &page, err));
        TRY(page == SLOT_NONE ? OK : merge_page(a, page, number_of_run(first, level), err));
    }
    return OK;
}

/* All runs that end at a pane up to `end`, which is complete. Smaller ones first. */
static status
build_runs(aggregate *a, int64_t end, error *err) {
    aggregate_panes *p = &a->panes;
    for (int64_t at = max_i64(p->built, p->next); at < end; at++) {
        for (int32_t level = 1; level <= p->levels; level++) {
            const int64_t span = INT64_C(1) << level;
            if (((at + 1) & (span - 1)) != 0) {
                break;
            }
            if (at + 1 - span >= p->next) {
                TRY(build_run(a, at + 1 - span, level, err));
            }
        }
    }
    p->built = max_i64(p->built, end);
    return OK;
}

/* The groups of the window on their page, from the largest runs. */
static status
merge_window(aggregate *a, int64_t first, error *err) {
    const aggregate_panes *p = &a->panes;
    const int64_t          end = first + p->size;
    for (int64_t at = first; at < end;) {
        int32_t level = at == 0 ? p->levels : __builtin_ctzll((uint64_t)at);
        level = level < p->levels ? level : p->levels;
        while (at + (INT64_C(1) << level) > end) {
            level--;
        }
        slot page;
        TRY(page_of(a, number_of_run(at, level), &page, err));
        TRY(page == SLOT_NONE ? OK : merge_page(a, page, WINDOW_PAGE, err));
        at += INT64_C(1) << level;
    }
    return OK;
}

/* After a restore: the numbers of runs are of such as there can be, and no sum of them overflows.
 */
status
panes_check(const aggregate *a, error *err) {
    const aggregate_panes *p = &a->panes;
    const calendar        *open = &a->windows.open;
    const int64_t          far = INT64_MAX / 4;
    const bool             fits = (p->next == INT64_MIN || (p->next > -far && p->next < far)) &&
                      (p->built == INT64_MIN || (p->built > -far && p->built < far));
    if (!fits) {
        return image_corrupt("the panes of windows", err);
    }
    for (slot page = calendar_first(open); page != SLOT_NONE; page = calendar_next(open, page)) {
        const int64_t number = calendar_time(open, page);
        if (number <= -far || number >= far || number == -1 ||
            __builtin_ctzll((uint64_t)number + 1) > p->levels) {
            return image_corrupt("a pane of a window", err);
        }
    }
    return OK;
}

/* ---- the ends of windows */

static int64_t
final_at_us(const aggregate *a, int64_t first) {
    const op_spec *spec = a->base.spec;
    const int64_t  start_us = type_time_to_us(spec->time_type, start_of(&a->panes, first));
    return sat_add_i64(sat_add_i64(start_us, spec->window_size_us), spec->lateness_us);
}

/* The first window from `next` on that has the pane. */
static int64_t
first_window(const aggregate_panes *p, int64_t pane) {
    const int64_t newest = floor_div_i64(pane, p->slide) * p->slide;
    const int64_t back = (p->size - 1 - (pane - newest)) / p->slide * p->slide;
    return max_i64(newest - back, p->next);
}

/* The first window that is not final. */
static int64_t
first_open(const aggregate *a, int64_t frontier_us) {
    const op_spec         *spec = a->base.spec;
    const aggregate_panes *p = &a->panes;
    const int64_t          length_us = sat_add_i64(spec->window_size_us, spec->lateness_us);
    const int64_t start = type_time_from_us(spec->time_type, sat_sub_i64(frontier_us, length_us));
    const int64_t last = floor_div_i64(sat_sub_i64(start, p->rest), p->width) - p->origin;
    return (floor_div_i64(last, p->slide) + 1) * p->slide;
}

/* The page goes, with its groups. */
static status
drop_page(aggregate *a, slot page, error *err) {
    for (slot s = calendar_first_on(&a->windows.open, page); s != SLOT_NONE;) {
        const slot next = calendar_next_on(&a->windows.open, s);
        TRY(aggregate_forget(a, s, err));
        s = next;
    }
    return calendar_drop(&a->windows.open, page, err);
}

/* All runs that begin at the pane. */
static status
drop_runs(aggregate *a, int64_t first, error *err) {
    for (int32_t level = 0; level <= a->panes.levels; level++) {
        if ((first & ((INT64_C(1) << level) - 1)) != 0) {
            return OK;
        }
        slot page;
        TRY(page_of(a, number_of_run(first, level), &page, err));
        TRY(page == SLOT_NONE ? OK : drop_page(a, page, err));
    }
    return OK;
}

/* What begins before `next` is in no window any more. */
static status
move_on(aggregate *a, int64_t next, error *err) {
    aggregate_panes *p = &a->panes;
    const int64_t    from = p->next;
    p->next = max_i64(next, from);
    if (from != INT64_MIN && sat_sub_i64(next, from) <= p->size) {
        for (int64_t first = from; first < next; first++) {
            TRY(drop_runs(a, first, err));
        }
        return OK;
    }
    for (slot page = calendar_first(&a->windows.open); page != SLOT_NONE;) {
        const slot after = calendar_next(&a->windows.open, page);
        if (first_of_run(calendar_time(&a->windows.open, page)) < p->next) {
            TRY(drop_page(a, page, err));
        }
        page = after;
    }
    return OK;
}

/* Both have seen the same frontier; only one that had windows to finish has built runs since. */
status
panes_align(aggregate *a, aggregate *other, error *err) {
    const int64_t next = max_i64(a->panes.next, other->panes.next);
    const int64_t built = max_i64(a->panes.built, other->panes.built);
    aggregate    *both[] = {a, other};
    for (int32_t i = 0; i < 2; i++) {
        TRY(next > both[i]->panes.next ? move_on(both[i], next, err) : OK);
        TRY(built > both[i]->panes.built ? build_runs(both[i], built, err) : OK);
    }
    return OK;
}

static status
finish_window(aggregate *a, int64_t first, int64_t frontier_us, error *err) {
    aggregate_panes *p = &a->panes;
    calendar        *open = &a->windows.open;
    arena           *scratch = a->base.env->scratch;
    slot            *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    slot             page;
    if (slots == NULL) {
        return error_memory(err);
    }
    TRY(move_on(a, first, err));
    TRY(build_runs(a, first + p->size, err));
    TRY(merge_window(a, first, err));
    p->start = start_of(p, first);
    TRY(page_of(a, WINDOW_PAGE, &page, err));
    if (page == SLOT_NONE) {
        return OK;
    }
    for (slot s = calendar_first_on(open, page); s != SLOT_NONE;) {
        int32_t count = 0;
        for (; s != SLOT_NONE && count < BATCH_ROWS; s = calendar_next_on(open, s)) {
            slots[count++] = s;
        }
        TRY(windows_finish(a, slots, count, frontier_us, err));
    }
    return calendar_drop(open, page, err);
}

int64_t
panes_due_us(const aggregate *a) {
    const calendar *open = &a->windows.open;
    const slot      page = calendar_first(open);
    return page == SLOT_NONE
               ? INT64_MAX
               : final_at_us(a, first_window(&a->panes, first_of_run(calendar_time(open, page))));
}

status
panes_expire(aggregate *a, int64_t frontier_us, error *err) {
    const calendar *open = &a->windows.open;
    arena          *scratch = a->base.env->scratch;
    if (frontier_us == INT64_MIN) {
        return OK;
    }
    for (slot page; (page = calendar_first(open)) != SLOT_NONE;) {
        const int64_t pane = first_of_run(calendar_time(open, page));
        const int64_t first = first_window(&a->panes, pane);
        if (pane < a->panes.next) { /* in no window, and not found by its number: damaged */
            TRY(drop_page(a, page, err));
            continue;
        }
        if (final_at_us(a, first) > frontier_us) {
            break;
        }
        const arena_mark mark = arena_save(scratch);
        TRY(finish_window(a, first, frontier_us, err));
        TRY(move_on(a, first + a->panes.slide, err));
        arena_rewind(scratch, mark);
    }
    const int64_t open_from = first_open(a, frontier_us);
    return open_from > a->panes.next ? move_on(a, open_from, err) : OK;
}
