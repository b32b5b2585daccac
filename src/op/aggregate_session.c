/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_session.c - GROUP BY k, SESSION(time, gap): which session a row belongs to.
 *
 * Sessions of a key are intervals from their first to their last row, more than a gap apart. A row
 * that reaches one extends it; one that reaches two makes them one: the smaller becomes part of the
 * larger, in its group too (agg_class.merge, or its rows once more). So a row costs O(log
 * sessions), and is moved O(log rows) times at most. The group key is the number of the session,
 * not its bounds, which are aggregates like others: min and max of the time.
 *
 * A session is final when its last row + gap + lateness < frontier. by_due orders sessions by a
 * last row that they once had; who comes first there is looked at, and put back when it has grown.
 *
 * Where rows may leave, session_rebuild.c makes touched sessions anew instead. */
#include "op/session.h"

/* ---- orders */

static int
compare_starts(const void *context, slot a, slot b) {
    const int64_t x = session_at(context, a)->start;
    const int64_t y = session_at(context, b)->start;
    return x != y ? (x < y ? -1 : 1) : (a > b) - (a < b);
}

static int
compare_dues(const void *context, slot a, slot b) {
    const int64_t x = session_at(context, a)->due;
    const int64_t y = session_at(context, b)->due;
    return x != y ? (x < y ? -1 : 1) : (a > b) - (a < b);
}

slot
session_before(aggregate *a, slot key, int64_t time) {
    aggregate_sessions *s = &a->sessions;
    const slot          newest = ordered_last_in(&s->by_key, key);
    if (newest == SLOT_NONE || session_at(s, newest)->start <= time) {
        return newest; /* mostly rows come in order */
    }
    session_at(s, SESSION_PROBE)->start = time + 1;
    return ordered_previous(&s->by_key,
                            ordered_bound_in(&s->by_key, key, SESSION_PROBE, compare_starts));
}

/* The session of the key behind that one; `at` SLOT_NONE: its first one. */
static slot
session_behind(const aggregate *a, slot key, slot at) {
    const aggregate_sessions *s = &a->sessions;
    return at == SLOT_NONE ? ordered_first_in(&s->by_key, key) : ordered_next(&s->by_key, at);
}

/* ---- open, close */

static bool
merges(const op_spec *spec) {
    for (int32_t i = 0; i < spec->agg_count; i++) {
        const op_agg *call = &spec->aggs[i];
        const bool    seeks = spec->mode == MODE_ONCE && call->class->keeps_rows;
        if (call->distinct || seeks || !agg_can_merge(call->class, &call->signature)) {
            return false;
        }
    }
    return true;
}

status
sessions_open(aggregate *a, error *err) {
    aggregate_sessions *s = &a->sessions;
    const op_spec      *spec = a->base.spec;
    op_env             *env = a->base.env;
    const int32_t       key_count = spec->key_count - 1;
    data_type          *types = arena_alloc(env->scratch, (size_t)(key_count + 1) * sizeof(*types));
    if (s->key_views == NULL) {
        s->key_views = arena_alloc(env->arena, (size_t)(key_count + 1) * sizeof(column));
    }
    if (types == NULL || s->key_views == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0, n = 0; i < spec->key_count; i++) {
        types[n] = spec->input[0]->fields[i].type;
        n += i != spec->session_key;
    }
    s->free = SLOT_NONE;
    s->gap = type_time_from_us(spec->time_type, spec->window_size_us);
    s->rebuilds = !spec->append_only[0];
    s->holds = s->rebuilds || !merges(spec);
    TRY(group_table_open(&s->keys, env->store, "aggregate.session_keys", types, key_count, err));
    TRY(array_open(&s->records, env->store, "aggregate.session_records", sizeof(key_record), err));
    TRY(array_open(&s->sessions, env->store, "aggregate.sessions", sizeof(session), err));
    TRY(array_extend(&s->sessions, SESSION_PROBE + 1, NULL, err));
    TRY(ordered_open(&s->by_key, env->store, "aggregate.session_order", compare_starts, s, err));
    TRY(ordered_open(&s->by_due, env->store, "aggregate.session_due", compare_dues, s, err));
    return s->holds ? session_rows_open(a, err) : OK;
}

void
sessions_close(aggregate *a) {
    aggregate_sessions *s = &a->sessions;
    arrangement_close(&s->rows);
    ordered_close(&s->by_due);
    ordered_close(&s->by_key);
    array_close(&s->sessions);
    array_close(&s->records);
    group_table_close(&s->keys);
}

/* ---- one session */

status
session_map_keys(aggregate *a, int32_t row_count, slot *keys, error *err) {
    aggregate_sessions *s = &a->sessions;
    const op_spec      *spec = a->base.spec;
    arena              *scratch = a->base.env->scratch;
    uint8_t            *is_new = arena_alloc(scratch, (size_t)row_count);
    if (is_new == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0, n = 0; i < spec->key_count; i++) {
        s->key_views[n] = a->views[i];
        n += i != spec->session_key;
    }
    TRY(group_table_map(&s->keys, s->key_views, row_count, keys, is_new, scratch, err));
    TRY(array_reserve_to(&s->records, group_table_slot_count(&s->keys), err));
    for (int32_t i = 0; i < row_count; i++) {
        if (is_new[i]) {
            TRY(array_touch(&s->records, keys[i], 1, err));
            *session_key_at(s, keys[i]) = (key_record){0};
        }
    }
    return OK;
}

status
session_new(aggregate *a, slot key, int64_t time, slot *out, error *err) {
    aggregate_sessions *s = &a->sessions;
    uint64_t            at = s->free;
    if (s->free == SLOT_NONE) {
        TRY(array_extend(&s->sessions, 1, &at, err));
    } else {
        s->free = session_at(s, s->free)->forward;
    }
    TRY(array_touch(&s->sessions, at, 1, err));
    TRY(array_touch(&s->records, key, 1, err));
    *session_at(s, (slot)at) = (session){
        .start = time, .last = time, .due = time, .key = key, .forward = (slot)at, .live = 1};
    session_key_at(s, key)->session_count++;
    TRY(ordered_insert_in(&s->by_key, key, (slot)at, err));
    TRY(ordered_insert(&s->by_due, (slot)at, err));
    *out = (slot)at;
    return OK;
}

status
session_unlink(aggregate *a, slot at, error *err) {
    aggregate_sessions *s = &a->sessions;
    const slot          key = session_at(s, at)->key;
    TRY(array_touch(&s->records, key, 1, err));
    TRY(ordered_remove_in(&s->by_key, key, at, err));
    TRY(ordered_remove(&s->by_due, at, err));
    session_key_at(s, key)->session_count--;
    session_at(s, at)->live = 0;
    return OK;
}

status
session_free(aggregate *a, slot at, error *err) {
    aggregate_sessions *s = &a->sessions;
    const slot          key = session_at(s, at)->key;
    TRY(array_touch(&s->sessions, at, 1, err));
    if (session_at(s, at)->live) {
        TRY(session_unlink(a, at, err));
    }
    session_at(s, at)->forward = s->free;
    s->free = at;
    const key_record *record = session_key_at(s, key);
    const bool        unused = record->session_count == 0 && record->dirty == 0;
    return unused && group_table_is_live(&s->keys, key) ? group_table_remove(&s->keys, key, err)
                                                        : OK;
}

/* ---- rows to sessions */

/* `part` becomes part of `whole`; the caller has given `whole` its new bounds only afterwards. */
typedef struct merge {
    struct merge *next;
    slot          whole, part;
    int64_t       low, high; /* of the part */
} merge;

static slot
whole_of(const aggregate_sessions *s, slot at) {
    while (session_at(s, at)->forward != at) {
        at = session_at(s, at)->forward;
    }
    return at;
}

/* Makes `first` and `second`, its neighbour, one session. */
static status
join_sessions(aggregate *a, slot first, slot second, merge **list, error *err) {
    aggregate_sessions *s = &a->sessions;
    const session       x = *session_at(s, first), y = *session_at(s, second);
    const bool          keep_first =
        (x.group != 0) == (y.group != 0) ? x.row_count >= y.row_count : x.group != 0;
    const slot whole = keep_first ? first : second;
    const slot part = keep_first ? second : first;
    merge     *m = arena_alloc(a->base.env->scratch, sizeof(*m));
    if (m == NULL) {
        return error_memory(err);
    }
    TRY(array_touch(&s->sessions, first, 1, err));
    TRY(array_touch(&s->sessions, second, 1, err));
    *m = (merge){.next = *list,
                 .whole = whole,
                 .part = part,
                 .low = session_at(s, part)->start,
                 .high = session_at(s, part)->last};
    *list = m;
    TRY(session_unlink(a, part, err));
    session *w = session_at(s, whole);
    w->start = x.start;
    w->last = max_i64(x.last, y.last);
    w->row_count = x.row_count + y.row_count;
    session_at(s, part)->forward = whole;
    return OK;
}

/* The session of a row. Times that differ by more than int64 holds are more than a gap apart. */
static status
place_row(aggregate *a, slot key, int64_t time, slot *out, merge **list, error *err) {
    aggregate_sessions *s = &a->sessions;
    const slot          before = session_before(a, key, time);
    if (before != SLOT_NONE && session_at(s, before)->last >= time) {
        *out = before;
        TRY(array_touch(&s->sessions, before, 1, err));
        session_at(s, before)->row_count++;
        return OK;
    }
    const slot behind = session_behind(a, key, before);
    const bool reaches_before =
        before != SLOT_NONE && sat_sub_i64(time, session_at(s, before)->last) <= s->gap;
    const bool reaches_behind =
        behind != SLOT_NONE && sat_sub_i64(session_at(s, behind)->start, time) <= s->gap;
    *out = reaches_before ? before : behind;
    if (!reaches_before && !reaches_behind) {
        TRY(session_new(a, key, time, out, err));
    }
    TRY(array_touch(&s->sessions, *out, 1, err));
    session *x = session_at(s, *out);
    x->row_count++;
    if (reaches_before) {
        x->last = time;
    } else {
        x->start = time; /* its place among its neighbours stays */
    }
    return reaches_before && reaches_behind ? join_sessions(a, before, behind, list, err) : OK;
}

/* The rows of a group once more, into another one. */
static status
move_rows(aggregate *a, const merge *m, slot into, error *err) {
    arena  *scratch = a->base.env->scratch;
    slot   *rows;
    slot   *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    int32_t count;
    if (slots == NULL) {
        return error_memory(err);
    }
    const slot key = session_at(&a->sessions, m->part)->key;
    TRY(session_rows_find(a, key, m->low, m->high, &rows, &count, err));
    for (int32_t i = 0; i < BATCH_ROWS; i++) {
        slots[i] = into;
    }
    for (int32_t i = 0; i < count; i += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        delta            part;
        TRY(session_rows_read(a, rows + i, count - i < BATCH_ROWS ? count - i : BATCH_ROWS, &part,
                              err));
        TRY(aggregate_update_calls(a, slots, &part, err));
        arena_rewind(scratch, mark);
    }
    return OK;
}

/* The state of the part's group goes to the group of the whole; the part's leaves with the tick. */
static status
merge_groups(aggregate *a, const merge *m, error *err) {
    aggregate_sessions *s = &a->sessions;
    const slot          whole = session_at(s, m->whole)->group - 1;
    const slot          part = session_at(s, m->part)->group - 1;
    const slot          both[] = {part, whole};
    TRY(aggregate_touch_groups(a, both, 2, err));
    aggregate_group *from = ARRAY_AT(&a->records, aggregate_group, part);
    group_add_rows(ARRAY_AT(&a->records, aggregate_group, whole), group_rows(from));
    group_drop_rows(from);
    if (s->holds) {
        return move_rows(a, m, whole, err);
    }
    for (int32_t i = 0; i < a->base.spec->agg_count; i++) {
        agg *call = a->aggs[i];
        TRY(call->class->merge(call, &whole, call, &part, 1, a->base.env->scratch, err));
    }
    return OK;
}

/* In the order in which they happened. A part without a group was made by this delta. */
static status
apply_merges(aggregate *a, merge *newest, error *err) {
    merge *first = NULL;
    while (newest != NULL) {
        merge *next = newest->next;
        newest->next = first;
        first = newest;
        newest = next;
    }
    column *views =
        arena_alloc(a->base.env->scratch, (size_t)a->base.spec->input[0]->count * sizeof(*views));
    if (views == NULL) {
        return error_memory(err);
    }
    memcpy(views, a->views, (size_t)a->base.spec->input[0]->count * sizeof(*views));
    for (const merge *m = first; m != NULL; m = m->next) {
        const bool grouped = session_at(&a->sessions, m->part)->group != 0;
        TRY(grouped ? merge_groups(a, m, err) : OK);
    }
    memcpy(a->views, views, (size_t)a->base.spec->input[0]->count * sizeof(*views));
    return OK;
}

/* Parts without a group are of no use any more. */
static status
free_parts(aggregate *a, const merge *list, error *err) {
    for (const merge *m = list; m != NULL; m = m->next) {
        TRY(session_at(&a->sessions, m->part)->group == 0 ? session_free(a, m->part, err) : OK);
    }
    return OK;
}

status
session_map_groups(aggregate *a, const int64_t *numbers, int32_t count, slot *groups, error *err) {
    column      *key = &a->views[a->base.spec->session_key];
    const column times = *key; /* the bounds are aggregates over it */
    *key = (column){.type = times.type, .layout = COLUMN_FLAT, .values = numbers};
    const status s = aggregate_map_rows(a, count, groups, err);
    *key = times;
    return s;
}

status
sessions_map(aggregate *a, const delta *in, slot *groups, error *err) {
    aggregate_sessions *s = &a->sessions;
    arena              *scratch = a->base.env->scratch;
    const int64_t      *values = a->views[a->base.spec->session_key].values;
    slot               *keys = arena_alloc(scratch, (size_t)in->row_count * sizeof(*keys));
    slot               *found = arena_alloc(scratch, (size_t)in->row_count * sizeof(*found));
    int64_t            *numbers = arena_alloc(scratch, (size_t)in->row_count * sizeof(*numbers));
    merge              *list = NULL;
    if (keys == NULL || found == NULL || numbers == NULL) {
        return error_memory(err);
    }
    TRY(session_map_keys(a, in->row_count, keys, err));
    for (int32_t i = 0; i < in->row_count; i++) {
        TRY(place_row(a, keys[i], values[i], &found[i], &list, err));
    }
    TRY(apply_merges(a, list, err));
    TRY(s->holds ? session_rows_add(a, keys, in, err) : OK);
    for (int32_t i = 0; i < in->row_count; i++) {
        numbers[i] = whole_of(s, found[i]);
    }
    TRY(free_parts(a, list, err));
    return session_map_groups(a, numbers, in->row_count, groups, err);
}

/* One session of `other`: here it is one of the same rows, which is then joined with those that it
 * reaches. */
static status
take_session(aggregate *a, const aggregate *other, slot from, error *err) {
    aggregate_sessions *s = &a->sessions;
    const op_spec      *spec = a->base.spec;
    const session       x = *session_at(&other->sessions, from);
    const slot          group_of_x = x.group - 1;
    merge              *list = NULL;
    slot                key, at, group;
    for (int32_t i = 0, n = 0; i < spec->key_count; i++) {
        a->views[i] = (column){.type = spec->input[0]->fields[i].type};
        if (i != spec->session_key) {
            TRY(state_columns_read(&other->sessions.keys.keys, n++, &x.key, 1, a->base.env->scratch,
                                   &a->views[i], err));
        }
    }
    TRY(session_map_keys(a, 1, &key, err));
    TRY(session_new(a, key, x.start, &at, err));
    session_at(s, at)->last = x.last;
    session_at(s, at)->row_count = x.row_count;
    const int64_t number = at;
    TRY(session_map_groups(a, &number, 1, &group, err));
    TRY(aggregate_touch_groups(a, &group, 1, err));
    group_add_rows(ARRAY_AT(&a->records, aggregate_group, group),
                   group_rows(ARRAY_AT(&other->records, aggregate_group, group_of_x)));
    TRY(aggregate_merge_calls(a, other, &group_of_x, &group, 1, err));
    for (;;) {
        const slot before = ordered_previous(&s->by_key, at);
        const slot behind = ordered_next(&s->by_key, at);
        if (before != SLOT_NONE &&
            sat_sub_i64(session_at(s, at)->start, session_at(s, before)->last) <= s->gap) {
            TRY(join_sessions(a, before, at, &list, err));
        } else if (behind != SLOT_NONE &&
                   sat_sub_i64(session_at(s, behind)->start, session_at(s, at)->last) <= s->gap) {
            TRY(join_sessions(a, at, behind, &list, err));
        } else {
            break;
        }
        at = whole_of(s, at);
    }
    return apply_merges(a, list, err);
}

status
sessions_unite(aggregate *a, const aggregate *other, error *err) {
    const ordered *all = &other->sessions.by_due;
    arena         *scratch = a->base.env->scratch;
    for (slot at = ordered_first(all); at != SLOT_NONE; at = ordered_next(all, at)) {
        const arena_mark mark = arena_save(scratch);
        TRY(op_poll(&a->base, err));
        TRY(take_session(a, other, at, err));
        arena_rewind(scratch, mark);
    }
    return OK;
}

/* ---- groups */

static slot
session_of(const aggregate *a, slot group) {
    const state_array *numbers = &a->groups.keys.values[a->base.spec->session_key];
    return (slot)*ARRAY_AT(numbers, int64_t, group);
}

status
sessions_add(aggregate *a, const int32_t *rows, const slot *slots, int32_t count, error *err) {
    const int64_t *numbers = a->views[a->base.spec->session_key].values;
    for (int32_t i = 0; i < count; i++) {
        const slot at = (slot)numbers[rows[i]];
        TRY(array_touch(&a->sessions.sessions, at, 1, err));
        session_at(&a->sessions, at)->group = slots[i] + 1;
    }
    return OK;
}

status
sessions_remove(aggregate *a, slot group, error *err) {
    return session_free(a, session_of(a, group), err);
}

/* ---- the end of sessions */

/* May a session be final whose last row has this time? */
static int64_t
over_after_us(const aggregate *a, int64_t last) {
    const op_spec *spec = a->base.spec;
    const int64_t  last_us = type_time_to_us(spec->time_type, last);
    const int64_t  end_us = sat_add_i64(last_us, spec->window_size_us);
    return sat_add_i64(end_us, spec->lateness_us);
}

static bool
is_over(const aggregate *a, int64_t last, int64_t frontier_us) {
    return over_after_us(a, last) < frontier_us;
}

static bool
has_ended(const aggregate *a, int64_t last, int64_t frontier_us) {
    const int64_t last_us = type_time_to_us(a->base.spec->time_type, last);
    return sat_add_i64(last_us, a->base.spec->window_size_us) < frontier_us;
}

bool
sessions_show(const aggregate *a, slot group, int64_t frontier_us) {
    return has_ended(a, session_at(&a->sessions, session_of(a, group))->last, frontier_us);
}

status
sessions_ripen(aggregate *a, int64_t frontier_us, error *err) {
    const aggregate_sessions *s = &a->sessions;
    arena                    *scratch = a->base.env->scratch;
    const arena_mark          mark = arena_save(scratch);
    for (slot at = ordered_first(&s->by_due);
         at != SLOT_NONE && has_ended(a, session_at(s, at)->due, frontier_us);
         at = ordered_next(&s->by_due, at)) {
        const session *x = session_at(s, at);
        const slot     group = x->group - 1;
        const bool shown = group_has(ARRAY_AT(&a->records, aggregate_group, group), GROUP_SHOWN);
        if (!shown && has_ended(a, x->last, frontier_us)) {
            TRY(aggregate_touch_groups(a, &group, 1, err));
            arena_rewind(scratch, mark);
        }
    }
    return OK;
}

/* by_due has what may have grown since: only sessions due before the best found can be better. */
int64_t
sessions_due_us(const aggregate *a) {
    const aggregate_sessions *s = &a->sessions;
    int64_t                   first = INT64_MAX;
    for (slot at = ordered_first(&s->by_due); at != SLOT_NONE && session_at(s, at)->due < first;
         at = ordered_next(&s->by_due, at)) {
        first = min_i64(first, session_at(s, at)->last);
    }
    return first == INT64_MAX ? INT64_MAX : sat_add_i64(over_after_us(a, first), 1);
}

static status
finish_sessions(aggregate *a, const slot *over, int32_t count, int64_t frontier_us, error *err) {
    aggregate_sessions *s = &a->sessions;
    slot               *groups = arena_alloc(a->base.env->scratch, (size_t)count * sizeof(*groups));
    if (groups == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        groups[i] = session_at(s, over[i])->group - 1;
    }
    TRY(windows_finish(a, groups, count, frontier_us, err));
    for (int32_t i = 0; i < count; i++) {
        const session x = *session_at(s, over[i]);
        TRY(s->holds ? session_rows_drop(a, x.key, x.start, x.last, err) : OK);
        TRY(session_free(a, over[i], err));
    }
    return OK;
}

status
sessions_expire(aggregate *a, int64_t frontier_us, error *err) {
    aggregate_sessions *s = &a->sessions;
    arena              *scratch = a->base.env->scratch;
    const arena_mark    mark = arena_save(scratch);
    slot               *over = arena_alloc(scratch, BATCH_ROWS * sizeof(*over));
    int32_t             count = 0;
    slot                at;
    if (over == NULL) {
        return error_memory(err);
    }
    while ((at = ordered_first(&s->by_due)) != SLOT_NONE &&
           is_over(a, session_at(s, at)->due, frontier_us)) {
        session *x = session_at(s, at);
        TRY(array_touch(&s->sessions, at, 1, err));
        if (x->last > x->due) { /* it has grown since */
            TRY(ordered_remove(&s->by_due, at, err));
            x->due = x->last;
            TRY(ordered_insert(&s->by_due, at, err));
            continue;
        }
        TRY(session_unlink(a, at, err));
        over[count++] = at;
        if (count == BATCH_ROWS) {
            TRY(finish_sessions(a, over, count, frontier_us, err));
            count = 0;
        }
    }
    TRY(count > 0 ? finish_sessions(a, over, count, frontier_us, err) : OK);
    arena_rewind(scratch, mark);
    return OK;
}

status
sessions_validate(const aggregate *a, error *err) {
    const aggregate_sessions *s = &a->sessions;
    TRY(group_table_validate(&s->keys, err));
    TRY(ordered_validate(&s->by_key, err));
    TRY(ordered_validate(&s->by_due, err));
    TRY(s->holds ? arrangement_validate(&s->rows, err) : OK);
    for (slot at = ordered_first(&s->by_due); at != SLOT_NONE; at = ordered_next(&s->by_due, at)) {
        const session *x = session_at(s, at);
        const slot     previous = ordered_previous(&s->by_key, at);
        const bool     apart =
            previous == SLOT_NONE || sat_sub_i64(x->start, session_at(s, previous)->last) > s->gap;
        if (!x->live || x->forward != at || x->start > x->last || x->due > x->last || !apart ||
            x->group == 0 || session_of(a, x->group - 1) != at) {
            return error_set(err, ERR_INTERNAL_ERROR, "aggregate: session %u", at);
        }
    }
    if (a->base.spec->mode == MODE_STREAM && ordered_count(&s->by_due) != a->groups.live_count) {
        return error_set(err, ERR_INTERNAL_ERROR, "aggregate: %llu sessions, %llu groups",
                         (unsigned long long)ordered_count(&s->by_due),
                         (unsigned long long)a->groups.live_count);
    }
    return OK;
}
