/* SPDX-License-Identifier: Apache-2.0 */
/* backfill.c - how a stream joins the others: filled with the token when its inputs are small,
 * else without it, while inserts go on.
 *
 * A joining stream is attached like a live one, but what its inputs have for it (rows and ticks) is
 * appended to a backlog. Its filler first replays what was there when it was attached (replay.c),
 * then takes the backlog again and again until it is small or no longer shrinks; what is left then
 * is done with the token, and the stream is live. So it has met the same rows and the same
 * watermarks in the same order as a stream made early.
 *
 * With the token: the live backlog, and all of a stream but its circuit, rows_out and replaying.
 * The filler's: those three, the replay, and the backlog it has taken. */
#include "exec/engine_internal.h"

#define SMALL_ROWS 65536 /* done with the token */
#define EVENT_COST 15    /* in rows: an insert of one row costs as much as 16 of a large one */

typedef struct event {
    stream_input *in;
    batch        *rows;        /* NULL: a tick */
    int64_t       frontier_us; /* of a tick */
    int64_t       arrived_us;  /* of rows */
    int64_t       insert;      /* likewise */
    aging_moment  moment;      /* likewise */
} event;

typedef struct backlog {
    event  *events;
    int64_t count, capacity;
    int64_t work; /* in rows */
} backlog;

struct backfill {
    mem    *mem;
    replay *replay; /* NULL: over */
    bool    replayed;
    bool    is_new;   /* made by stream_open; else it was waiting for the start */
    bool    orphaned; /* the engine has closed it */
    backlog live, taken;
    int64_t last_work; /* of the backlog taken before; 0: none was */
};

/* ---------------------------------------------------------------------------------- backlog */
static status
add_event(backfill *b, event e, int64_t rows, error *err) {
    backlog *l = &b->live;
    if (l->count == l->capacity) {
        const int64_t capacity = l->capacity == 0 ? 64 : 2 * l->capacity;
        event        *events = mem_resize(b->mem, l->events, sizeof(event) * (size_t)l->capacity,
                                          sizeof(event) * (size_t)capacity);
        if (events == NULL) {
            return error_memory(err);
        }
        l->events = events;
        l->capacity = capacity;
    }
    l->events[l->count++] = e;
    l->work += rows + EVENT_COST;
    return OK;
}

status
backfill_add_rows(backfill *b, stream_input *in, const delta *rows, error *err) {
    event e = {.in = in,
               .arrived_us = in->owner->engine->arrived_us,
               .insert = engine_insert_under_way(in->owner->engine),
               .moment = aging_now(in->owner, in->from_source)};
    TRY(batch_keep(&e.rows, b->mem, rows, err));
    const status added = add_event(b, e, rows->row_count, err);
    if (added < 0) {
        batch_release(e.rows);
    }
    return added;
}

status
backfill_add_tick(backfill *b, int64_t frontier_us, error *err) {
    return add_event(b, (event){.frontier_us = frontier_us}, 0, err);
}

static void
backlog_fini(backfill *b, backlog *l) {
    for (int64_t i = 0; i < l->count; i++) {
        batch_release(l->events[i].rows);
    }
    mem_free(b->mem, l->events, sizeof(event) * (size_t)l->capacity);
    *l = (backlog){0};
}

/* Inserts between which the frontier stays share a tick, as in a replay. */
static status
apply(stream *s, const backlog *l, interrupt *guard, error *err) {
    int64_t untouched = 0;
    for (int64_t i = 0; i < l->count; i++) {
        const event  *e = &l->events[i];
        const int64_t reached = circuit_exit(s->circuit)->frontier_us;
        if (interrupt_poll(guard)) {
            return interrupt_reason(guard, err);
        }
        if (e->rows != NULL) {
            s->circuit->env.arrived_us = e->arrived_us;
            s->circuit->env.insert = e->insert;
            TRY(stream_feed_at(e->in, &e->moment, &e->rows->rows, err));
            untouched += e->rows->rows.row_count;
        } else if (e->frontier_us > reached || untouched >= SMALL_ROWS || i + 1 == l->count) {
            TRY(circuit_tick(s->circuit, max_i64(e->frontier_us, reached), err));
            untouched = 0;
        }
    }
    return OK;
}

/* ---------------------------------------------------------------------------------- beginning */

/* Held until the end: a close while the filler works must not free them. */
static void
hold_sources(stream *s) {
    for (int32_t i = 0; i < s->sources.count; i++) {
        catalog_object_retain((object *)((source *)s->sources.items[i])->object);
    }
}

static void
release_sources(list *sources) {
    for (int32_t i = 0; i < sources->count; i++) {
        catalog_object_release((object *)((source *)sources->items[i])->object);
    }
}

static void
backfill_free(stream *s) {
    backfill *b = s->backfill;
    s->backfill = NULL;
    s->replaying = false;
    backlog_fini(b, &b->live);
    backlog_fini(b, &b->taken);
    replay_close(b->replay);
    release_sources(&s->sources);
    mem_free(b->mem, b, sizeof(*b));
}

static status
begin(stream *s, bool is_new, error *err) {
    mem      *m = s->engine->mem;
    backfill *b = mem_alloc_zero(m, sizeof(*b));
    if (b == NULL) {
        return error_memory(err);
    }
    *b = (backfill){.mem = m, .is_new = is_new};
    s->backfill = b;
    s->replaying = true;
    s->frontier_us = stream_frontier_us(s);
    hold_sources(s);
    status done = stream_check_inputs(s, err);
    if (done == OK) {
        done = replay_open(&b->replay, s, NULL, err);
    }
    if (done == OK) {
        done = stream_attach(s, err);
    }
    if (done < 0) {
        stream_detach(s);
        backfill_free(s);
    }
    return done;
}

/* ---------------------------------------------------------------------------------- live */

/* Whoever subscribed before the start gets what the stream holds now. */
static void
announce(stream *s) {
    error fault = {0};
    if (!s->failed && changelog_is_wanted(s->log)) {
        /* Counted as it is announced, not as it was filled. */
        s->engine->totals.rows_out -= s->object == NULL ? 0 : s->rows_out;
        s->rows_out = 0;
        if (stream_announce(s, &fault) < 0) {
            stream_fail(s, &fault);
        }
    }
    if (s->pending.count > 0) {
        stream_publish(s, engine_sequence(s->engine));
    }
}

/* The outcome for a stream that has readers already: it runs or has failed. */
static void
begin_running(stream *s, status done, const error *fault) {
    stream_go_live(s);
    if (done < 0) {
        stream_fail(s, fault);
    } else {
        announce(s);
    }
    engine_check_fault(s->engine);
    engine_settle_late(s->engine);
}

static int64_t
retained_work(const stream *s) {
    int64_t work = 0;
    for (int32_t i = 0; i < s->sources.count; i++) {
        const source *src = s->sources.items[i];
        work += source_flowed_rows(src) + EVENT_COST * source_flowed_entries(src);
    }
    return work;
}

/* The rows that are read of a part stand ready where an operator remembers them; one of those costs
 * a fraction of a row that is taken through operators. */
static int64_t
part_work(const stream *part) {
    const plan_node *n = part->plan.root;
    while (part->circuit->ops[n->id]->class->snapshot == NULL && n->input_count == 1) {
        n = n->inputs[0];
    }
    const op *o = part->circuit->ops[n->id];
    return o->class->snapshot != NULL && o->class->state_rows != NULL
               ? o->class->state_rows(o) / EVENT_COST
               : retained_work(part);
}

static int64_t
fill_work(const stream *s) {
    int64_t work = 0;
    if (stream_repeats_part(s)) {
        return 0;
    }
    for (int32_t i = 0; i < s->input_count; i++) {
        const stream_input *in = &s->inputs[i];
        const bool          whole = s->timed || s->by_arrival || in->from_stream == NULL ||
                           in->from_stream->part == NULL || in->from_stream->failed;
        if (whole) {
            return retained_work(s);
        }
        work += part_work(in->from_stream);
    }
    return work;
}

/* Code that one thread calls at a time needs the token. */
static bool
calls_in_turn(const stream *s) {
    bool any = s->plan.in_turn;
    for (int32_t i = 0; i < s->input_count && !any; i++) {
        any = s->inputs[i].from_stream != NULL && calls_in_turn(s->inputs[i].from_stream);
    }
    return any;
}

status
stream_join(stream *s, bool is_new, error *err) {
    error  fault = {.position = -1};
    status done = stream_share(s, &fault);
    /* In a pause of its pipeline it reads streams alone, as they stand. */
    if (done == OK && !stream_is_held(s) && !calls_in_turn(s) && fill_work(s) > SMALL_ROWS) {
        done = begin(s, is_new, &fault);
        if (done == OK) {
            return OK;
        }
    } else if (done == OK) {
        done = stream_fill(s, &fault);
        if (done == OK) {
            done = stream_attach(s, &fault);
        }
    }
    if (!is_new) {
        begin_running(s, done, &fault);
        return OK;
    }
    if (done == OK) {
        stream_go_live(s);
    }
    if (done < 0 && err != NULL) {
        *err = fault;
    }
    return done;
}

bool
stream_is_joining(const stream *s) {
    return s->backfill != NULL;
}

bool
stream_is_new(const stream *s) {
    return s->backfill != NULL && s->backfill->is_new;
}

void
backfill_orphan(stream *s) {
    s->backfill->orphaned = true;
}

bool
stream_join_next(stream *s) {
    backfill *b = s->backfill;
    if (b->orphaned || s->failed) {
        return false;
    }
    if (!b->replayed) {
        return true;
    }
    replay_close(b->replay);
    b->replay = NULL;
    backlog_fini(b, &b->taken);
    if (b->live.work <= SMALL_ROWS || (b->last_work > 0 && b->live.work >= b->last_work)) {
        return false;
    }
    b->last_work = b->live.work;
    b->taken = b->live;
    b->live = (backlog){0};
    return true;
}

status
stream_join_run(stream *s, interrupt *guard, error *err) {
    backfill *b = s->backfill;
    if (b->replayed) {
        return apply(s, &b->taken, guard, err);
    }
    b->replayed = true;
    return replay_run(b->replay, guard, err);
}

/* A new one is freed. One that was waiting for the start waits again when it was cancelled. */
static status
give_up(stream *s, bool is_new, status why, error *fault) {
    engine *e = s->engine;
    stream_detach(s);
    if (is_new) {
        list_remove(&e->streams, s);
        stream_leave_parts(s);
        stream_release(s);
        engine_check_fault(e);
        return why;
    }
    if (why == ERR_QUERY_CANCELLED && stream_reset(s, fault) == OK) {
        return why;
    }
    begin_running(s, why, fault);
    return OK;
}

status
stream_join_end(stream *s, status so_far, error *err) {
    backfill  *b = s->backfill;
    const bool is_new = b->is_new;
    error      fault = {.position = -1};
    if (so_far < 0 && err != NULL) {
        fault = *err;
    }
    if (b->orphaned) {
        backfill_free(s);
        stream_release(s);
        return error_set(err, ERR_CONNECTION_CLOSED, "Connection is closed");
    }
    if (so_far == OK && s->failed) {
        so_far = s->reason.status;
        fault = s->reason;
    }
    s->failed = false;
    if (so_far == OK) {
        so_far = apply(s, &b->live, NULL, &fault);
    }
    backfill_free(s);
    s->frontier_us = max_i64(s->frontier_us, circuit_exit(s->circuit)->frontier_us);
    if (so_far < 0) {
        so_far = give_up(s, is_new, so_far, &fault);
        if (so_far < 0 && err != NULL) {
            *err = fault;
        }
        return so_far;
    }
    stream_count_filled(s);
    stream_want_ops(s, 0);
    if (is_new) {
        stream_go_live(s);
        engine_check_fault(s->engine);
    } else {
        begin_running(s, OK, NULL);
    }
    engine_deal_out(s->engine);
    return OK;
}
