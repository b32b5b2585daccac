/* SPDX-License-Identifier: Apache-2.0 */
/* retry.c - a failed stream goes on.
 *
 * Its circuit was given back, so what it had read is read again, in the order in which it came: up
 * to the newest insert that its change log shows in silence, and from there on its changes are
 * published. So whoever comes back with a position misses nothing and gets nothing twice. Without
 * windows of event time what came and went since is left out: a row that made the stream fail may
 * have been updated or deleted. */
#include "exec/engine_internal.h"

/* What the anonymous stream of a sink is called by. */
static text
name_of(const stream *s) {
    return s->object == NULL ? TEXT("") : s->object->name;
}

static status
check_values(const stream *s, error *err) {
    if (!stream_holds_values(s->plan.root)) {
        return OK;
    }
    error_set(err, ERR_QUERY_FAILED,
              "stream \"%.*s\" has shown values of now(), random() or the like, which cannot be "
              "made again",
              TEXT_ARG(name_of(s)));
    return error_hint(err, "DROP it and make it again: its rows get new values");
}

static status
check_rows(const stream *s, error *err) {
    if (stream_freed_rows(s) == s->freed_rows) {
        return OK;
    }
    error_set(err, ERR_QUERY_FAILED,
              "stream \"%.*s\" has read rows that its sources do not retain any more",
              TEXT_ARG(name_of(s)));
    return error_hint(err, "DROP it and make it again: it begins with the rows that are there");
}

static status
fill_again(stream *s, uint64_t shown, bool by_steps, error *err) {
    replay *r = NULL;
    TRY(replay_open(&r, s, &shown, err));
    if (by_steps) {
        replay_by_steps(r);
    }
    s->replaying = !(by_steps && s->announces);
    const status done = replay_run(r, NULL, err);
    s->replaying = false;
    replay_close(r);
    s->frontier_us = stream_frontier_us(s);
    return done;
}

static void
end_retry(stream *s, status done, error *fault) {
    if (done == OK) {
        stream_go_live(s);
        if (s->pending.count + s->gone.count > 0) {
            stream_publish(s, engine_sequence(s->engine));
        }
        stream_want_ops(s, 0);
    } else {
        stream_fail(s, fault);
        stream_drop_circuit(s);
    }
    engine_check_fault(s->engine);
    engine_settle_late(s->engine);
}

/* A part has shown nothing to anybody but its readers, which have no state now: it begins again. */
static status
revive(stream *part, error *err) {
    error fault = {.position = -1};
    if (part->circuit != NULL) {
        stream_drop_circuit(part);
    }
    part->final = (stream_counters){0};
    part->failed = false;
    status done = stream_reset(part, &fault);
    done = done == OK ? stream_fill(part, &fault) : done;
    done = done == OK ? stream_attach(part, &fault) : done;
    if (done < 0) {
        stream_fail(part, &fault);
        stream_drop_circuit(part);
        return error_set(err, ERR_STREAM_FAILED, "%.400s", part->reason.message);
    }
    part->round = part->engine->round;
    stream_go_live(part);
    stream_want_ops(part, 0);
    return OK;
}

/* What it shares with others and failed, from the sources down. */
static status
revive_parts(const stream *s, error *err) {
    for (int32_t i = 0; i < s->parts.count; i++) {
        stream *part = s->parts.items[i];
        if (part->failed) {
            TRY(revive_parts(part, err));
            TRY(revive(part, err));
        }
    }
    return OK;
}

static status
retry_one(stream *s, error *err) {
    error fault = {.position = -1};
    TRY(check_values(s, err));
    TRY(check_rows(s, err));
    const status revived = revive_parts(s, &fault);
    if (revived < 0) {
        s->reason = fault;
        return error_set(err, ERR_STREAM_FAILED, "\"%.*s\" failed again: %.400s",
                         TEXT_ARG(name_of(s)), fault.message);
    }
    if (s->circuit != NULL) {
        stream_drop_circuit(s);
    }
    const stream_counters final = s->final;
    TRY(stream_reset(s, err));
    const status ready = stream_check_inputs(s, err);
    if (ready < 0) {
        stream_drop_circuit(s);
        s->final = final;
        return ready;
    }
    s->failed = false;
    s->final = (stream_counters){0};
    changelog_reopen(s->log);
    status done = fill_again(s, changelog_shown(s->log).epoch, false, &fault);
    if (done == OK) {
        done = stream_attach(s, &fault);
    }
    if (done < 0) {
        s->final.late_rows = final.late_rows;
    }
    end_retry(s, done, &fault);
    return done < 0 || s->failed
               ? error_set(err, ERR_STREAM_FAILED, "\"%.*s\" failed again: %.400s",
                           TEXT_ARG(name_of(s)), s->reason.message)
               : OK;
}

static bool
reads_stream(const stream *s, const stream *input) {
    for (int32_t i = 0; i < s->plan.object_count; i++) {
        if (s->plan.objects[i] == input->object) {
            return true;
        }
    }
    return false;
}

/* A part of it was revived in this round. */
static bool
reads_revived(const stream *s) {
    for (int32_t i = 0; i < s->parts.count; i++) {
        const stream *part = s->parts.items[i];
        if (part->round == s->engine->round || reads_revived(part)) {
            return true;
        }
    }
    return false;
}

status
stream_retry(stream *s, error *err) {
    engine *e = s->engine;
    if (!s->failed) {
        return error_set(err, ERR_QUERY_FAILED, "stream \"%.*s\" has not failed",
                         TEXT_ARG(name_of(s)));
    }
    if (!stream_may_run(s)) {
        error_set(err, ERR_QUERY_FAILED, "the pipeline of stream \"%.*s\" does not run",
                  TEXT_ARG(name_of(s)));
        return error_hint(err, "RESUME or START PIPELINE first");
    }
    engine_settle(e);
    engine_reap(e);
    e->round++;
    TRY(retry_one(s, err));
    for (int32_t i = 0; i < e->streams.count; i++) { /* what failed with it, in order of creation */
        stream *reader = e->streams.items[i];
        bool    fell = reads_revived(reader);
        if (!reader->failed || reader->object == NULL) {
            continue;
        }
        for (int32_t k = 0; k < i && !fell; k++) {
            const stream *up = e->streams.items[k];
            fell = !up->failed && up->object != NULL && reads_stream(reader, up);
        }
        error ignored = {.position = -1}; /* SHOW STREAMS tells it */
        if (fell && retry_one(reader, &ignored) < 0) {
            continue;
        }
    }
    return OK;
}

void
stream_restart(stream *s) {
    error  fault = {.position = -1};
    status done = check_rows(s, &fault);
    done = done == OK ? stream_reset(s, &fault) : done;
    done = done == OK ? stream_check_inputs(s, &fault) : done;
    s->stopped = false;
    s->final = (stream_counters){0};
    if (done == OK && s->put_off) {
        follow_begin(s);
    }
    done = done == OK ? fill_again(s, s->stopped_after, s->put_off, &fault) : done;
    s->put_off = s->announces = false;
    done = done == OK ? stream_attach(s, &fault) : done;
    end_retry(s, done, &fault);
    follow_finish(s);
}
