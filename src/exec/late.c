/* SPDX-License-Identifier: Apache-2.0 */
/* late.c - LATE DATA TO: late rows on their way from a stream to a source.
 *
 * A window hands late rows to its stream as it meets them; when the tick is over they become one
 * insert of the target for each stream, in order of creation, with a tick of its own. What a new
 * stream found late while it was filled is one insert too, once it is known; shadows, which only
 * repeat what others did, send nothing. Targets never lead back (the catalog refuses it), so the
 * rounds end. Inserts of which one made rows late do not share a tick: where a shared one begins
 * would show in the target. */
#include "exec/engine_internal.h"
#include "op/rows.h"

status
stream_take_late(void *context, const delta *rows, error *err) {
    stream *s = context;
    if (s->plan_of != NULL) {
        return OK;
    }
    const schema *target = s->plan.late_to->schema;
    column       *columns = arena_alloc(s->circuit->env.scratch, /* a BIGINT there is no time */
                                        (size_t)target->count * sizeof(*columns));
    batch        *kept;
    delta         shown; /* a row of weight n is n rows */
    if (columns == NULL) {
        return error_memory(err);
    }
    TRY(circuit_present(s->circuit, rows, &shown, err));
    for (int32_t i = 0; i < target->count; i++) {
        columns[i] = shown.columns[i];
        columns[i].type = target->fields[i].type;
    }
    shown.columns = columns;
    TRY(batch_keep(&kept, s->engine->mem, &shown, err));
    const status listed = list_add(&s->late, s->engine->mem, kept, err);
    if (listed < 0) {
        batch_release(kept);
        return listed;
    }
    /* Else it is not yet known, and perhaps filled without the token; or abreast.c sees to it. */
    if (!s->replaying && s->crew == NULL) {
        s->engine->has_late = true;
    }
    return OK;
}

void
stream_drop_late(stream *s) {
    for (int32_t i = 0; i < s->late.count; i++) {
        batch_release(s->late.items[i]);
    }
    s->late.count = 0;
}

static status
join_late(batch **out, const stream *s, const schema *columns, error *err) {
    arena   a;
    builder b;
    arena_init(&a, s->engine->mem);
    const data_type *types = schema_types(columns, &a);
    status           done = types == NULL ? error_memory(err) : OK;
    if (done == OK) {
        done = builder_init(&b, s->engine->mem, types, columns->count, err);
    }
    if (done == OK) {
        for (int32_t i = 0; i < s->late.count && done == OK; i++) {
            const batch *each = s->late.items[i];
            done = builder_append_delta(&b, &each->rows, err);
        }
        done = done < 0 ? done : builder_take(&b, out, err);
        builder_fini(&b);
    }
    arena_fini(&a);
    return done;
}

static status
send(stream *s, error *err) {
    engine *e = s->engine;
    source *to = s->plan.late_to->impl;
    batch  *rows = s->late.items[0];
    if (s->late.count == 1) {
        batch_retain(rows);
    } else {
        TRY(join_late(&rows, s, to->object->schema, err));
    }
    stream_drop_late(s);
    const status done = engine_append_at(e, to, rows, e->now_us, err);
    batch_release(rows);
    if (done == OK) {
        engine_settle(e);
    }
    return done;
}

void
engine_send_late(engine *e) {
    if (e->sends_late) {
        return; /* its loop goes on */
    }
    e->sends_late = true;
    while (e->has_late) {
        e->has_late = false;
        for (int32_t i = 0; i < e->streams.count; i++) {
            stream *s = e->streams.items[i];
            error   fault = {.position = -1};
            if (s->late.count > 0 && s->running && !s->failed && s->backfill == NULL &&
                send(s, &fault) < 0) {
                stream_fail(s, &fault);
            }
        }
    }
    e->sends_late = false;
}

void
engine_settle_late(engine *e) {
    if (e->has_late) {
        (void)engine_arrival_us(e); /* they come now */
        engine_send_late(e);
    }
}
