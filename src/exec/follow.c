/* SPDX-License-Identifier: Apache-2.0 */
/* follow.c - streams over one that waited for code, when the code has come.
 *
 * To run its inputs once more for each reader would give other values of random() and the like, and
 * nothing of what it knows of rows that its sources do not retain any more. So a stream that was
 * made over one that waits, or waited for the start with it, follows it as it catches up: it begins
 * with the rows that are held, and takes what comes out behind them. */
#include "exec/engine_internal.h"

static void
follow_end(stream *s) {
    s->follows = false;
    if (s->failed) {
        stream_drop_circuit(s);
        return;
    }
    stream_go_live(s);
    stream_want_ops(s, 0);
}

/* Its one input. Whoever reads several would have to be ticked when all of them were. */
static bool
follows_one(const stream *s, const stream *leader) {
    const stream *up = s->input_count == 1 ? s->inputs[0].from_stream : NULL;
    return up != NULL && (up == leader || up->follows) && !s->timed && !s->by_arrival &&
           s->plan.ttl_us == 0;
}

static bool
may_follow(const stream *s) {
    return s->put_off && !s->running && !s->failed && s->backfill == NULL && stream_may_run(s) &&
           stream_missing_code(s) == NULL;
}

static void
begin(stream *s, const stream *leader) {
    error  fault = {.position = -1};
    status done = stream_reset(s, &fault);
    if (done == OK && !follows_one(s, leader)) {
        return; /* it is read from its sources, later */
    }
    s->stopped = s->put_off = false;
    s->final = (stream_counters){0};
    done = done == OK ? stream_fill(s, &fault) : done;
    done = done == OK ? stream_attach(s, &fault) : done;
    s->follows = true;
    s->replaying = !leader->running && !s->announces;
    s->running = leader->running;
    if (done < 0) {
        stream_fail(s, &fault);
        follow_end(s);
    }
}

void
follow_begin(const stream *leader) {
    const engine *e = leader->engine;
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        if (may_follow(s)) {
            begin(s, leader);
        }
    }
}

/* What it showed, or would have shown, before it was there is passed. */
static void
show(stream *s, uint64_t epoch) {
    if (epoch <= s->stopped_after && !s->announces) {
        stream_drop_pending(s);
    } else if (epoch >= s->stopped_after) {
        if (s->pending.count + s->gone.count > 0) {
            stream_publish(s, s->announces ? s->stopped_after : epoch);
        }
        s->announces = false;
    }
}

void
follow_tick(const stream *up, uint64_t epoch) {
    for (int32_t i = 0; i < up->dependents.count; i++) {
        stream *s = ((stream_input *)up->dependents.items[i])->owner;
        if (s->follows && !s->failed) {
            stream_tick(s, max_i64(s->frontier_us, circuit_exit(up->circuit)->frontier_us));
            s->replaying = false;
            show(s, epoch);
            follow_tick(s, epoch);
        }
    }
}

/* Its leader has joined the tick behind it. */
static void
tick_last(stream *s) {
    for (int32_t i = 0; i < s->sources.count; i++) {
        list *readers = &((source *)s->sources.items[i])->readers;
        list_remove(readers, s);
        readers->items[readers->count++] = s;
    }
}

void
follow_finish(const stream *leader) {
    const engine *e = leader->engine;
    if (!leader->failed) {
        follow_tick(leader, engine_sequence(e));
    }
    for (int32_t i = e->streams.count - 1; i >= 0; i--) { /* readers before what they read */
        stream *s = e->streams.items[i];
        if (s->follows && s->failed) {
            follow_end(s);
        }
    }
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        if (s->follows) {
            tick_last(s);
            follow_end(s);
        }
    }
}
