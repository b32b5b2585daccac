/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_image.c - what of a GROUP BY lies outside the store's arrays: the rows of final windows
 * and the free list of sessions; and the indexes after a restore. */
#include "batch/rows_image.h"
#include "op/rows.h"
#include "op/session.h"

/* One entry per closing, as table_append got them. */
static status
save_finished(aggregate *a, buf *out, error *err) {
    const table    *t = a->windows.finished;
    table_snapshot *snapshot;
    TRY(table_snapshot_open(&snapshot, a->windows.finished, TABLE_END, 0, err));
    const int64_t entries = table_entry_count(t);
    const int32_t width = a->base.spec->output->count;
    image_put_i64(out, entries);
    status read = OK;
    for (int64_t i = 0; read >= 0 && i < entries; i++) {
        const insert_entry *e = table_entry(t, i);
        table_cursor        cursor;
        delta               rows;
        image_put_i64(out, (int64_t)e->sequence);
        image_put_i64(out, e->watermark_us);
        const int64_t end = e->position + e->row_count;
        const int64_t first = min_i64(end, max_i64(e->position, table_first(t)));
        image_put_i64(out, end - first);
        table_cursor_init(&cursor, snapshot, first, end);
        while ((read = table_cursor_next(&cursor, NULL, width, a->output, &rows, err)) == OK) {
            rows_image_put(out, &rows);
        }
        table_cursor_fini(&cursor);
    }
    table_snapshot_close(snapshot);
    return read < 0 ? read : OK;
}

status
aggregate_save(op *self, buf *out, error *err) {
    aggregate *a = (aggregate *)self;
    image_put_i64(out, (int64_t)a->windows.closings);
    image_put_i64(out, a->panes.next);
    image_put_i64(out, a->panes.built);
    image_put_u32(out, a->sessions.free);
    return a->windowed ? save_finished(a, out, err) : OK;
}

status
aggregate_bring(op *self, error *err) {
    aggregate *a = (aggregate *)self;
    for (int32_t i = 0; i < self->spec->agg_count; i++) {
        const agg_class *class = a->aggs[i]->class;
        TRY(class->settle == NULL ? OK : class->settle(a->aggs[i], self->env->scratch, err));
    }
    return OK;
}

/* The rows of one closing, in as many parts as they were written in. */
static status
load_closing(aggregate *a, builder *rows, image_reader *in, error *err) {
    int64_t  sequence, watermark_us, count;
    int64_t *weights;
    batch   *taken;
    delta    stored;
    TRY(image_take_i64(in, &sequence, err));
    TRY(image_take_i64(in, &watermark_us, err));
    TRY(image_take_i64(in, &count, err));
    while (builder_rows(rows) < count) {
        const int32_t before = builder_rows(rows);
        TRY(rows_image_take(in, rows, &weights, a->base.env->scratch, err));
        if (builder_rows(rows) == before) {
            return image_corrupt("rows of a window are missing", err);
        }
    }
    TRY(builder_take(rows, &taken, err));
    const status s = table_append(a->windows.finished, taken, (uint64_t)sequence, 0, watermark_us,
                                  a->windows.stored, &stored, err);
    batch_release(taken);
    return s;
}

static status
load_finished(aggregate *a, image_reader *in, error *err) {
    const schema *output = a->base.spec->output;
    arena        *scratch = a->base.env->scratch;
    data_type    *types = schema_types(output, scratch);
    builder       rows;
    int64_t       entries;
    if (types == NULL) {
        return error_memory(err);
    }
    TRY(image_take_i64(in, &entries, err));
    TRY(builder_init(&rows, a->base.env->mem, types, output->count, err));
    status s = OK;
    for (int64_t i = 0; s == OK && i < entries; i++) {
        s = load_closing(a, &rows, in, err);
    }
    builder_fini(&rows);
    return s;
}

static bool
is_session(const void *of, slot at) {
    return at != SESSION_PROBE && session_at(of, at)->live != 0;
}

static slot
key_of_session(const void *context, slot at) {
    return session_at(context, at)->key;
}

/* A session that is open has a group, whose key is the session. */
static bool
session_fits(const aggregate *a, slot at, const slot_set *keys, const slot_set *groups) {
    const aggregate_sessions *s = &a->sessions;
    const session            *x = session_at(s, at);
    const state_array        *numbers = &a->groups.keys.values[a->base.spec->session_key];
    return x->live == 1 && x->forward == at && slot_set_has(keys, x->key) && x->group != 0 &&
           slot_set_has(groups, x->group - 1) &&
           *ARRAY_AT(numbers, int64_t, x->group - 1) == (int64_t)at &&
           ordered_has(&s->by_key, at) && ordered_has(&s->by_due, at);
}

static bool
free_sessions_hold(const aggregate_sessions *s) {
    uint64_t listed = 0;
    for (slot at = s->free; at != SLOT_NONE; at = session_at(s, at)->forward) {
        if (at >= s->sessions.count || at == SESSION_PROBE || is_session(s, at) ||
            ++listed > s->sessions.count) {
            return false;
        }
    }
    return true;
}

static status
sessions_restore(aggregate *a, const slot_set *groups, error *err) {
    aggregate_sessions *s = &a->sessions;
    uint64_t            live = 0;
    TRY(group_table_rebuild(&s->keys, err));
    const slot_set keys = group_table_slots(&s->keys);
    const slot_set open = {.count = s->sessions.count, .has = is_session, .of = s};
    if (open.count <= SESSION_PROBE || open.count >= SLOT_NONE || s->records.count < keys.count ||
        !free_sessions_hold(s)) {
        return image_corrupt("the sessions of keys", err);
    }
    TRY(ordered_check(&s->by_key, &open, key_of_session, err));
    TRY(ordered_check(&s->by_due, &open, NULL, err));
    for (uint64_t at = 0; at < open.count; at++) {
        if (slot_set_has(&open, at)) {
            live++;
            if (!session_fits(a, (slot)at, &keys, groups)) {
                return image_corrupt("a session", err);
            }
        }
    }
    for (uint64_t key = 0; key < keys.count; key++) {
        const key_record *record = session_key_at(s, (slot)key);
        if (slot_set_has(&keys, key) &&
            (record->dirty != 0 || record->session_count == 0 ||
             record->session_count != ordered_count_in(&s->by_key, (slot)key))) {
            return image_corrupt("the sessions of a key", err);
        }
    }
    return live == a->groups.live_count ? OK : image_corrupt("a group without a session", err);
}

static status
check_groups(const aggregate *a, const slot_set *groups, error *err) {
    if (!a->tracks_rows) {
        return OK;
    }
    bool settled = a->records.count >= groups->count;
    for (uint64_t s = 0; settled && s < groups->count; s++) {
        const aggregate_group *group = ARRAY_AT(&a->records, aggregate_group, s);
        settled =
            !slot_set_has(groups, s) || (group_rows(group) > 0 && !group_has(group, GROUP_TOUCHED));
    }
    return settled ? OK : image_corrupt("the rows of a group", err);
}

static status
rebuild(aggregate *a, error *err) {
    const op_spec *spec = a->base.spec;
    TRY(group_table_rebuild(&a->groups, err));
    const slot_set groups = group_table_slots(&a->groups);
    TRY(check_groups(a, &groups, err));
    TRY(ages_rebuild(&a->ages, &groups, err));
    for (int32_t i = 0; i < spec->agg_count; i++) {
        TRY(a->aggs[i]->class->rebuild(a->aggs[i], &groups, err));
        TRY(spec->aggs[i].distinct ? distinct_calls_rebuild(a, i, &groups, err) : OK);
    }
    if (!spec->session) {
        TRY(a->windowed ? calendar_rebuild(&a->windows.open, &groups, true, err) : OK);
        return a->panes.width > 0 ? panes_check(a, err) : OK;
    }
    TRY(sessions_restore(a, &groups, err));
    return a->sessions.holds ? arrangement_rebuild(&a->sessions.rows, err) : OK;
}

status
aggregate_load(op *self, image_reader *in, error *err) {
    aggregate *a = (aggregate *)self;
    int64_t    closings;
    TRY(image_take_i64(in, &closings, err));
    TRY(image_take_i64(in, &a->panes.next, err));
    TRY(image_take_i64(in, &a->panes.built, err));
    TRY(image_take_u32(in, &a->sessions.free, err));
    a->windows.closings = (uint64_t)closings;
    TRY(rebuild(a, err));
    return a->windowed ? load_finished(a, in, err) : OK;
}
