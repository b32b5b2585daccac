/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_window.c - the ends of windows: which groups leave when the frontier moves.
 *
 * Each open window is a slot of `starts`, in `order` by its start, with a doubly linked chain of
 * its groups; closing costs what closes. A window is final when start + size + lateness <=
 * frontier, all in microseconds, saturating. Its output rows go to `finished`, which is result, not
 * state. A group whose window start is NULL belongs to no window and never closes. */
#include "op/aggregate.h"

typedef struct window_link { /* group and window slots + 1; 0: none */
    uint32_t next, previous;
    uint32_t window;
} window_link;

static int64_t
window_start(const aggregate_windows *w, slot window) {
    return *ARRAY_AT(&w->starts.keys.values[0], int64_t, window);
}

static int
compare_starts(const void *context, slot a, slot b) {
    const int64_t x = window_start(context, a);
    const int64_t y = window_start(context, b);
    return (x > y) - (x < y);
}

status
windows_open(aggregate *a, error *err) {
    aggregate_windows *w = &a->windows;
    const op_spec     *spec = a->base.spec;
    op_env            *env = a->base.env;
    const data_type    type = spec->input[0]->fields[spec->window_key].type;
    if (type_physical(type) != PHYSICAL_I64) {
        return error_set(err, ERR_INTERNAL_ERROR, "a window starts at a %s", type_name(type));
    }
    w->stored = arena_alloc(env->arena, (size_t)spec->output->count * sizeof(column));
    if (w->stored == NULL) {
        return error_memory(err);
    }
    return table_open(&w->finished, env->mem, spec->output, NULL, 0, err);
}

status
windows_open_state(aggregate *a, error *err) {
    aggregate_windows *w = &a->windows;
    const op_spec     *spec = a->base.spec;
    op_env            *env = a->base.env;
    const data_type    type = spec->input[0]->fields[spec->window_key].type;
    if (spec->session) {
        return OK; /* sessions end by themselves */
    }
    TRY(group_table_open(&w->starts, env->store, "aggregate.windows", &type, 1, err));
    TRY(array_open(&w->heads, env->store, "aggregate.window_heads", sizeof(uint32_t), err));
    TRY(array_open(&w->links, env->store, "aggregate.window_links", sizeof(window_link), err));
    return ordered_open(&w->order, env->store, "aggregate.window_order", compare_starts, w, err);
}

void
windows_close(aggregate *a) {
    aggregate_windows *w = &a->windows;
    if (w->finished != NULL) {
        table_close(w->finished);
    }
}

void
windows_close_state(aggregate *a) {
    aggregate_windows *w = &a->windows;
    ordered_close(&w->order);
    array_close(&w->links);
    array_close(&w->heads);
    group_table_close(&w->starts);
}

static status
link_group(aggregate_windows *w, slot group, slot window, error *err) {
    TRY(array_touch(&w->links, group, 1, err));
    TRY(array_touch(&w->heads, window, 1, err));
    uint32_t *head = ARRAY_AT(&w->heads, uint32_t, window);
    *ARRAY_AT(&w->links, window_link, group) = (window_link){.next = *head, .window = window + 1};
    if (*head != 0) {
        TRY(array_touch(&w->links, *head - 1, 1, err));
        ARRAY_AT(&w->links, window_link, *head - 1)->previous = group + 1;
    }
    *head = group + 1;
    return OK;
}

status
windows_add(aggregate *a, const int32_t *rows, const slot *slots, int32_t count, error *err) {
    aggregate_windows *w = &a->windows;
    arena             *scratch = a->base.env->scratch;
    column             starts;
    slot              *windows = arena_alloc(scratch, (size_t)count * sizeof(*windows));
    uint8_t           *is_new = arena_alloc(scratch, (size_t)count);
    if (windows == NULL || is_new == NULL) {
        return error_memory(err);
    }
    const column *key = &a->views[a->base.spec->window_key];
    TRY(column_gather(&starts, key, rows, count, scratch, err));
    TRY(group_table_map(&w->starts, &starts, count, windows, is_new, scratch, err));
    TRY(array_reserve_to(&w->heads, group_table_slot_count(&w->starts), err));
    TRY(array_reserve_to(&w->links, group_table_slot_count(&a->groups), err));
    for (int32_t i = 0; i < count; i++) {
        if (is_new[i]) {
            TRY(array_touch(&w->heads, windows[i], 1, err));
            *ARRAY_AT(&w->heads, uint32_t, windows[i]) = 0;
            if (!column_is_null(&starts, i)) {
                TRY(ordered_insert(&w->order, windows[i], err));
            }
        }
    }
    for (int32_t i = 0; i < count; i++) {
        TRY(link_group(w, slots[i], windows[i], err));
    }
    return OK;
}

static status
remove_window(aggregate_windows *w, slot window, error *err) {
    if (ordered_has(&w->order, window)) {
        TRY(ordered_remove(&w->order, window, err));
    }
    return group_table_remove(&w->starts, window, err);
}

status
windows_unlink(aggregate *a, slot group, error *err) {
    aggregate_windows *w = &a->windows;
    const window_link  link = *ARRAY_AT(&w->links, window_link, group);
    if (link.next != 0) {
        TRY(array_touch(&w->links, link.next - 1, 1, err));
        ARRAY_AT(&w->links, window_link, link.next - 1)->previous = link.previous;
    }
    if (link.previous != 0) {
        TRY(array_touch(&w->links, link.previous - 1, 1, err));
        ARRAY_AT(&w->links, window_link, link.previous - 1)->next = link.next;
        return OK;
    }
    const slot window = link.window - 1;
    TRY(array_touch(&w->heads, window, 1, err));
    *ARRAY_AT(&w->heads, uint32_t, window) = link.next;
    return link.next == 0 ? remove_window(w, window, err) : OK;
}

/* The output rows of these groups are final: they go out when they were not out yet, and to
 * `finished`. */
static status
finish_rows(aggregate *a, const slot *slots, int32_t count, int64_t frontier_us, error *err) {
    aggregate_windows *w = &a->windows;
    const op_spec     *spec = a->base.spec;
    if (count == 0) {
        return OK;
    }
    TRY(aggregate_read(a, slots, count, a->output, err));
    const delta rows = {
        .row_count = count, .column_count = spec->output->count, .columns = a->output};
    batch *kept;
    TRY(batch_keep(&kept, a->base.env->mem, &rows, err));
    status s = OK;
    if (spec->emit_at_close) {
        s = op_emit(&a->base, &kept->rows, err);
    }
    if (s >= 0) {
        delta stored;
        s = table_append(w->finished, kept, w->closings++, 0, frontier_us, w->stored, &stored, err);
    }
    batch_release(kept);
    return s;
}

status
windows_finish(aggregate *a, const slot *slots, int32_t count, int64_t frontier_us, error *err) {
    arena           *scratch = a->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    slot            *existing = arena_alloc(scratch, (size_t)count * sizeof(*existing));
    if (existing == NULL) {
        return error_memory(err);
    }
    int32_t n = 0;
    for (int32_t i = 0; i < count; i++) {
        existing[n] = slots[i];
        n += !a->tracks_rows || ARRAY_AT(&a->records, aggregate_group, slots[i])->row_count > 0;
    }
    TRY(op_poll(&a->base, err));
    TRY(finish_rows(a, existing, n, frontier_us, err));
    arena_rewind(scratch, mark);
    for (int32_t i = 0; i < count; i++) {
        TRY(aggregate_forget(a, slots[i], err));
    }
    return OK;
}

static int64_t
end_us(const aggregate *a, slot window) {
    const op_spec *spec = a->base.spec;
    const int64_t  start_us = type_time_to_us(spec->time_type, window_start(&a->windows, window));
    return sat_add_i64(start_us, spec->window_size_us);
}

static int64_t
final_at_us(const aggregate *a, slot window) {
    return sat_add_i64(end_us(a, window), a->base.spec->lateness_us);
}

static bool
is_final(const aggregate *a, slot window, int64_t frontier_us) {
    return final_at_us(a, window) <= frontier_us;
}

bool
windows_show(const aggregate *a, slot group, int64_t frontier_us) {
    if (!a->windowed || !a->base.spec->emit_at_end) {
        return true;
    }
    if (a->base.spec->session) {
        return sessions_show(a, group, frontier_us);
    }
    const slot window = ARRAY_AT(&a->windows.links, window_link, group)->window - 1;
    return ordered_has(&a->windows.order, window) && end_us(a, window) <= frontier_us;
}

status
windows_ripen(aggregate *a, int64_t frontier_us, error *err) {
    const aggregate_windows *w = &a->windows;
    if (!a->windowed || !a->base.spec->emit_at_end || frontier_us <= a->base.frontier_us) {
        return OK;
    }
    if (a->base.spec->session) {
        return sessions_ripen(a, frontier_us, err);
    }
    arena           *scratch = a->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    slot            *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (slot window = ordered_first(&w->order);
         window != SLOT_NONE && end_us(a, window) <= frontier_us;
         window = ordered_next(&w->order, window)) {
        uint32_t group = *ARRAY_AT(&w->heads, uint32_t, window);
        if (end_us(a, window) <= a->base.frontier_us) {
            continue; /* it is out: what changed in it was touched */
        }
        for (; group != 0; group = ARRAY_AT(&w->links, window_link, group - 1)->next) {
            slots[count++] = group - 1;
            if (count == BATCH_ROWS) {
                TRY(aggregate_touch_groups(a, slots, count, err));
                count = 0;
            }
        }
    }
    if (count > 0) {
        TRY(aggregate_touch_groups(a, slots, count, err));
    }
    arena_rewind(scratch, mark);
    return OK;
}

int64_t
windows_due_us(const aggregate *a) {
    const slot window = ordered_first(&a->windows.order);
    return window == SLOT_NONE ? INT64_MAX : final_at_us(a, window);
}

status
windows_expire(aggregate *a, int64_t frontier_us, error *err) {
    aggregate_windows *w = &a->windows;
    slot               window = ordered_first(&w->order);
    if (frontier_us == INT64_MIN || window == SLOT_NONE || !is_final(a, window, frontier_us)) {
        return OK;
    }
    arena           *scratch = a->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    slot            *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (; window != SLOT_NONE && is_final(a, window, frontier_us);
         window = ordered_first(&w->order)) {
        uint32_t group = *ARRAY_AT(&w->heads, uint32_t, window);
        while (group != 0) {
            slots[count++] = group - 1;
            group = ARRAY_AT(&w->links, window_link, group - 1)->next;
            if (count == BATCH_ROWS) {
                TRY(windows_finish(a, slots, count, frontier_us, err));
                count = 0;
            }
        }
        TRY(remove_window(w, window, err));
    }
    if (count > 0) {
        TRY(windows_finish(a, slots, count, frontier_us, err));
    }
    arena_rewind(scratch, mark);
    return OK;
}

status
windows_send_finished(aggregate *a, op *target, int32_t port, error *err) {
    table_snapshot *snapshot;
    TRY(table_snapshot_open(&snapshot, a->windows.finished, TABLE_END, 0, err));
    table_cursor cursor;
    table_cursor_init(&cursor, snapshot, 0, table_snapshot_rows(snapshot));
    const int32_t column_count = a->base.spec->output->count;
    status        s = OK;
    delta         rows;
    while (s == OK && table_cursor_next(&cursor, NULL, column_count, a->output, &rows)) {
        s = op_poll(&a->base, err);
        if (s == OK) {
            s = op_send(&a->base, target, port, &rows, err);
        }
    }
    table_snapshot_close(snapshot);
    return s;
}

status
windows_validate(const aggregate *a, error *err) {
    const aggregate_windows *w = &a->windows;
    TRY(group_table_validate(&w->starts, err));
    TRY(ordered_validate(&w->order, err));
    uint64_t       groups = 0;
    const uint64_t slot_count = group_table_slot_count(&w->starts);
    for (uint64_t s = 0; s < slot_count; s++) {
        if (!group_table_is_live(&w->starts, (slot)s)) {
            continue;
        }
        uint32_t previous = 0;
        uint32_t group = *ARRAY_AT(&w->heads, uint32_t, s);
        while (group != 0 && groups <= a->groups.live_count) {
            const window_link *link = ARRAY_AT(&w->links, window_link, group - 1);
            if (link->previous != previous || link->window != s + 1) {
                return error_set(err, ERR_INTERNAL_ERROR, "aggregate: window chain of group %u",
                                 group - 1);
            }
            groups++;
            previous = group;
            group = link->next;
        }
    }
    if (groups != a->groups.live_count) {
        return error_set(err, ERR_INTERNAL_ERROR, "aggregate: %llu groups in windows, %llu in all",
                         (unsigned long long)groups, (unsigned long long)a->groups.live_count);
    }
    return OK;
}
