/* SPDX-License-Identifier: Apache-2.0 */
/* past.c - what there was at an instant of ingestion time (laminar_database_query_at).
 *
 * A source then had the rows that had come, a table those of them that had not gone: both are a
 * snapshot with another end and another sequence. A stream is run again, from its inputs up to the
 * instant, by the replay that also fills new streams; its rows are kept at the root (PLAN_RESULT),
 * because whatever stands below would be made again from the rows of now.
 *
 * What was given up (retain, history) is not guessed: an instant older than that is refused. */
#include "exec/past.h"

#include "plan/node.h"

bool
source_is_behind(const source *s, int64_t at_us) {
    const int64_t count = table_entry_count(s->table);
    return count > 0 && table_entry(s->table, count - 1)->ingested_us > at_us;
}

source_moment
source_moment_at(const source *s, int64_t end, int64_t at_us) {
    const table *t = s->table;
    int64_t      low = 0, high = end; /* the first entry that came later */
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (table_entry(t, middle)->ingested_us <= at_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const insert_entry *last = low == 0 ? NULL : table_entry(t, low - 1);
    const int64_t       rows = last == NULL ? 0 : last->position + last->row_count;
    return (source_moment){
        .entries = low, .rows = rows, .sequence = last == NULL ? 0 : last->sequence};
}

static status
too_old(const object *o, const object *asked, int64_t oldest_us, error *err) {
    char          shown[VALUE_TEXT_MAX];
    value         v = value_i64(oldest_us);
    const int64_t ms = -floor_div_i64(-oldest_us, 1000);
    v.type = type_of(TYPE_TIMESTAMP);
    const int32_t size = (int32_t)value_write(&v, shown);
    error_set(err, ERR_QUERY_FAILED,
              "what \"%.*s\" had then is not kept: the oldest instant possible is %.*s UTC (%lld)",
              TEXT_ARG(asked->name), size, shown, (long long)ms);
    return error_hint(err, o->kind == OBJECT_TABLE
                               ? "ask for that instant or a later one; a longer "
                                 "history keeps more: WITH (history = 'all')"
                               : "ask for that instant or a later one; a longer "
                                 "retain keeps more: WITH (retain = 'all')");
}

status
source_check_past(const source *s, int64_t at_us, error *err) {
    const int64_t oldest_us = table_forgotten_us(s->table);
    return at_us >= oldest_us ? OK : too_old(s->object, s->object, oldest_us, err);
}

/* ---- streams */

/* Whether its rows of that instant are those of now. */
static bool
is_present(const stream *s, int64_t at_us) {
    bool same = true, waits = s->plan.by_clock;
    for (int32_t i = 0; i < s->sources.count; i++) {
        const source *src = s->sources.items[i];
        same = same && !source_is_behind(src, at_us);
        waits = waits || src->object->idle_timeout_us > 0;
    }
    return same && (!waits || at_us >= s->engine->now_us);
}

/* Rows that a stream has counted and its source has given up make it another one when it is run
 * again. */
static status
check_inputs(const stream *s, int64_t at_us, error *err) {
    for (int32_t i = 0; i < s->sources.count; i++) {
        const source *src = s->sources.items[i];
        const table  *t = src->table;
        const int64_t count = table_entry_count(t);
        const bool    freed = table_freed_count(t) > 0;
        const int64_t oldest_us =
            freed && count > 0 ? table_entry(t, count - 1)->ingested_us : table_forgotten_us(t);
        if (at_us < oldest_us) {
            return too_old(src->object, s->object, oldest_us, err);
        }
    }
    return OK;
}

static status
check_values(const stream *s, const object *asked, error *err) {
    if (stream_holds_values(s->plan.root)) {
        error_set(err, ERR_QUERY_FAILED,
                  "\"%.*s\" keeps values of now(), random() or the like, which would be others "
                  "when it is run again for a past instant",
                  TEXT_ARG(asked->name));
        return error_hint(err, "ask for an instant behind its last change, or ask the sources");
    }
    for (int32_t i = 0; i < s->input_count; i++) {
        const stream *up = s->inputs[i].from_stream;
        TRY(up == NULL ? OK : check_values(up, asked, err));
    }
    return OK;
}

/* The stream's plan with its rows kept at the root. Nodes are shared with the live one, so the new
 * one gets the number behind theirs. */
static status
plan_of_past(plan *out, const stream *s, arena *a, error *err) {
    *out = s->plan;
    if (s->plan.root->kind == PLAN_RESULT) {
        return OK;
    }
    plan_node *n = node_new(a, PLAN_RESULT, 1, s->plan.root->schema.count);
    if (n == NULL) {
        return error_memory(err);
    }
    n->inputs[0] = s->plan.root;
    n->schema = s->plan.root->schema;
    n->id = out->node_count++;
    out->root = n;
    return OK;
}

status
past_open(past *p, stream *s, int64_t at_us, arena *a, error *err) {
    plan with_rows;
    *p = (past){.of = s};
    if (s->failed || !s->running || is_present(s, at_us)) {
        p->present = true; /* or there is something to say */
        return OK;
    }
    TRY(check_inputs(s, at_us, err));
    TRY(check_values(s, s->object, err));
    TRY(plan_of_past(&with_rows, s, a, err));
    TRY(stream_make(&p->again, s->engine, &with_rows, NULL, s->object, err));
    p->again->replaying = true;
    p->again->running = true;
    p->again->plan_of = stream_retain(s);
    circuit_want_old_rows(p->again->circuit, true);
    return replay_open_at(&p->replay, p->again, at_us, err);
}

status
past_read(past *p, const op_sink *sink, interrupt *guard, error *err) {
    if (p->present) {
        return stream_read_state(p->of, sink, guard, err);
    }
    TRY(p->done ? OK : replay_run(p->replay, guard, err));
    p->done = true;
    return stream_read_state(p->again, sink, guard, err);
}

void
past_close(past *p) {
    replay_close(p->replay);
    if (p->again != NULL) {
        stream_release(p->again);
    }
    *p = (past){.of = NULL};
}
