/* SPDX-License-Identifier: Apache-2.0 */
/* session_rebuild.c - sessions over inputs whose rows may leave: a session may shrink, fall apart
 * or vanish, which the states of its parts do not tell.
 *
 * push:  rows are kept, and the times that changed are noted by key
 * tick:  every session within a gap of a changed time is dissolved; the rows between the first and
 *        the last of these times and sessions make new ones, each with a group of its own. What
 *        comes out as before cancels at the gate. */
#include <stdlib.h>

#include "op/session.h"

typedef struct dirty_key {
    slot    key;
    int64_t low, high; /* changed times */
} dirty_key;

typedef struct timed_row {
    int64_t time;
    slot    row;
} timed_row;

static status
note(aggregate *a, slot key, int64_t time, error *err) {
    aggregate_sessions *s = &a->sessions;
    key_record         *record = session_key_at(s, key);
    if (record->dirty != 0) {
        dirty_key *d = &s->dirty[record->dirty - 1];
        d->low = min_i64(d->low, time);
        d->high = max_i64(d->high, time);
        return OK;
    }
    if (s->dirty_count == s->dirty_capacity) {
        const int32_t capacity = s->dirty_capacity == 0 ? 16 : 2 * s->dirty_capacity;
        dirty_key *grown = arena_alloc(a->base.env->tick_arena, (size_t)capacity * sizeof(*grown));
        if (grown == NULL) {
            return error_memory(err);
        }
        if (s->dirty_count > 0) {
            memcpy(grown, s->dirty, (size_t)s->dirty_count * sizeof(*grown));
        }
        s->dirty = grown;
        s->dirty_capacity = capacity;
    }
    TRY(array_touch(&s->records, key, 1, err));
    s->dirty[s->dirty_count++] = (dirty_key){.key = key, .low = time, .high = time};
    record->dirty = (uint32_t)s->dirty_count;
    return OK;
}

status
sessions_collect(aggregate *a, const delta *in, error *err) {
    const int64_t *times = a->views[a->base.spec->session_key].values;
    slot          *keys = arena_alloc(a->base.env->scratch, (size_t)in->row_count * sizeof(*keys));
    if (keys == NULL) {
        return error_memory(err);
    }
    TRY(session_map_keys(a, in->row_count, keys, err));
    for (int32_t i = 0; i < in->row_count; i++) {
        TRY(note(a, keys[i], times[i], err));
    }
    return session_rows_add(a, keys, in, err);
}

/* Dissolves the key's sessions that a changed time can reach, and widens the range to all of their
 * rows. Their groups leave with the tick. */
static status
dissolve(aggregate *a, dirty_key *d, error *err) {
    aggregate_sessions *s = &a->sessions;
    const int64_t       reach_low = sat_sub_i64(d->low, s->gap);
    slot                at = session_before(a, d->key, sat_add_i64(d->high, s->gap));
    while (at != SLOT_NONE && session_at(s, at)->last >= reach_low) {
        const session x = *session_at(s, at);
        const slot    before = ordered_previous(&s->by_key, at);
        const slot    group = x.group - 1;
        d->low = min_i64(d->low, x.start);
        d->high = max_i64(d->high, x.last);
        TRY(aggregate_touch_groups(a, &group, 1, err));
        group_drop_rows(ARRAY_AT(&a->records, aggregate_group, group));
        TRY(array_touch(&s->sessions, at, 1, err));
        TRY(session_unlink(a, at, err));
        at = before;
    }
    return OK;
}

static int
compare_times(const void *x, const void *y) {
    const timed_row *a = x, *b = y;
    return a->time != b->time ? (a->time < b->time ? -1 : 1)
                              : (a->row > b->row) - (a->row < b->row);
}

/* The rows of a range in order of their times. */
static status
sorted_rows(const aggregate *a, const dirty_key *d, timed_row **out, int32_t *count, error *err) {
    slot *rows;
    TRY(session_rows_find(a, d->key, d->low, d->high, &rows, count, err));
    *out = arena_alloc(a->base.env->scratch, ((size_t)*count + 1) * sizeof(**out));
    if (*out == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < *count; i++) {
        (*out)[i] = (timed_row){session_row_time(a, rows[i]), rows[i]};
    }
    qsort(*out, (size_t)*count, sizeof(**out), compare_times);
    return OK;
}

/* `count` rows in order, whose sessions continue from *open (SLOT_NONE: none yet). */
static status
add_part(aggregate *a, slot key, const timed_row *rows, int32_t count, slot *open, error *err) {
    aggregate_sessions *s = &a->sessions;
    arena              *scratch = a->base.env->scratch;
    slot               *stored = arena_alloc(scratch, (size_t)count * sizeof(*stored));
    slot               *groups = arena_alloc(scratch, (size_t)count * sizeof(*groups));
    int64_t            *numbers = arena_alloc(scratch, (size_t)count * sizeof(*numbers));
    if (stored == NULL || groups == NULL || numbers == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const int64_t time = rows[i].time;
        stored[i] = rows[i].row;
        if (*open == SLOT_NONE || sat_sub_i64(time, session_at(s, *open)->last) > s->gap) {
            TRY(session_new(a, key, time, open, err));
        }
        TRY(array_touch(&s->sessions, *open, 1, err));
        session_at(s, *open)->last = time;
        session_at(s, *open)->row_count++;
        numbers[i] = *open;
    }
    delta part;
    TRY(session_rows_read(a, stored, count, &part, err));
    TRY(session_map_groups(a, numbers, count, groups, err));
    return aggregate_add_rows(a, groups, &part, err);
}

static status
rebuild_key(aggregate *a, dirty_key *d, error *err) {
    arena           *scratch = a->base.env->scratch;
    const arena_mark outer = arena_save(scratch);
    timed_row       *rows;
    int32_t          count;
    slot             open = SLOT_NONE;
    TRY(dissolve(a, d, err));
    TRY(sorted_rows(a, d, &rows, &count, err));
    for (int32_t i = 0; i < count; i += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        TRY(add_part(a, d->key, rows + i, count - i < BATCH_ROWS ? count - i : BATCH_ROWS, &open,
                     err));
        arena_rewind(scratch, mark);
    }
    arena_rewind(scratch, outer);
    return OK;
}

status
sessions_rebuild(aggregate *a, error *err) {
    aggregate_sessions *s = &a->sessions;
    for (int32_t i = 0; i < s->dirty_count; i++) {
        TRY(rebuild_key(a, &s->dirty[i], err));
    }
    for (int32_t i = 0; i < s->dirty_count; i++) {
        const slot key = s->dirty[i].key;
        TRY(array_touch(&s->records, key, 1, err));
        session_key_at(s, key)->dirty = 0;
        if (session_key_at(s, key)->session_count == 0) {
            TRY(group_table_remove(&s->keys, key, err));
        }
    }
    s->dirty = NULL;
    s->dirty_count = 0;
    s->dirty_capacity = 0;
    return OK;
}
