/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_window.c - the ends of windows: which groups leave when the frontier moves.
 *
 * Groups stand in a calendar by the starts of their windows, so closing costs what closes. A window
 * is final when start + size + lateness <= frontier, all in microseconds, saturating. Its output
 * rows go to `finished`, which is result, not state. A group whose window start is NULL belongs to
 * no window and never closes. */
#include "op/aggregate.h"

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
    return calendar_open(&w->open, env->store, "aggregate.windows", type, err);
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
    calendar_close(&a->windows.open);
}

status
windows_add(aggregate *a, const int32_t *rows, const slot *slots, int32_t count, error *err) {
    arena        *scratch = a->base.env->scratch;
    column        starts;
    const column *key = &a->views[a->base.spec->window_key];
    TRY(column_gather(&starts, key, rows, count, scratch, err));
    return calendar_add(&a->windows.open, &starts, slots, count, group_table_slot_count(&a->groups),
                        scratch, err);
}

status
windows_unlink(aggregate *a, slot group, error *err) {
    return calendar_remove(&a->windows.open, group, err);
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
    if (a->panes.width > 0) {
        const value start = {.type = spec->output->fields[spec->window_key].type,
                             .i = a->panes.start};
        TRY(column_constant(&a->output[spec->window_key], &start, count, a->base.env->scratch,
                            err));
    }
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
        n += !a->tracks_rows || group_rows(ARRAY_AT(&a->records, aggregate_group, slots[i])) > 0;
    }
    TRY(op_poll(&a->base, err));
    TRY(finish_rows(a, existing, n, frontier_us, err));
    arena_rewind(scratch, mark);
    for (int32_t i = 0; i < count; i++) {
        group_table_removes(&a->groups, slots, i, count);
        TRY(aggregate_forget(a, slots[i], err));
    }
    return OK;
}

static int64_t
end_us(const aggregate *a, slot window) {
    const op_spec *spec = a->base.spec;
    const int64_t  start_us =
        type_time_to_us(spec->time_type, calendar_time(&a->windows.open, window));
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
    bool       timed;
    const slot window = calendar_page(&a->windows.open, group, &timed);
    return timed && end_us(a, window) <= frontier_us;
}

status
windows_ripen(aggregate *a, int64_t frontier_us, error *err) {
    const calendar *open = &a->windows.open;
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
    for (slot window = calendar_first(open);
         window != SLOT_NONE && end_us(a, window) <= frontier_us;
         window = calendar_next(open, window)) {
        if (end_us(a, window) <= a->base.frontier_us) {
            continue; /* it is out: what changed in it was touched */
        }
        for (slot group = calendar_first_on(open, window); group != SLOT_NONE;
             group = calendar_next_on(open, group)) {
            slots[count++] = group;
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
    const slot window = calendar_first(&a->windows.open);
    return window == SLOT_NONE ? INT64_MAX : final_at_us(a, window);
}

status
windows_expire(aggregate *a, int64_t frontier_us, error *err) {
    calendar *open = &a->windows.open;
    slot      window = calendar_first(open);
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
    for (; window != SLOT_NONE && is_final(a, window, frontier_us); window = calendar_first(open)) {
        slot group = calendar_first_on(open, window);
        while (group != SLOT_NONE) {
            slots[count++] = group;
            group = calendar_next_on(open, group);
            if (count == BATCH_ROWS) {
                TRY(windows_finish(a, slots, count, frontier_us, err));
                count = 0;
            }
        }
        TRY(calendar_drop(open, window, err));
    }
    if (count > 0) {
        TRY(windows_finish(a, slots, count, frontier_us, err));
    }
    arena_rewind(scratch, mark);
    return OK;
}

/* The first row of the windows that were final at `end_us` or later. */
static int64_t
finished_since(const table *t, int64_t end_us) {
    int64_t low = 0, high = table_entry_count(t);
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (table_entry(t, middle)->watermark_us < end_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < table_entry_count(t) ? table_entry(t, low)->position : table_row_count(t);
}

void
windows_retain(aggregate *a, int64_t frontier_us) {
    const op_spec *spec = a->base.spec;
    table         *t = a->windows.finished;
    if (spec->retains_rows) {
        table_retain_from(t, table_row_count(t) - spec->retain_amount);
    } else if (spec->retains_time) {
        table_retain_from(t, finished_since(t, sat_sub_i64(frontier_us, spec->retain_amount)));
    } else {
        return;
    }
    table_trim_entries(t, a->windows.closings, false);
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
    while (s == OK) {
        const status next = table_cursor_next(&cursor, NULL, column_count, a->output, &rows, err);
        if (next != OK) {
            s = next < 0 ? next : OK;
            break;
        }
        s = op_poll(&a->base, err);
        if (s == OK) {
            s = op_send(&a->base, target, port, &rows, err);
        }
    }
    table_cursor_fini(&cursor);
    table_snapshot_close(snapshot);
    return s;
}

status
windows_validate(const aggregate *a, error *err) {
    return calendar_validate(&a->windows.open, a->groups.live_count, err);
}
