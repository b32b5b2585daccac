/* SPDX-License-Identifier: Apache-2.0 */
/* ranges.c - a large batch goes through one stream that remembers nothing in ranges of its rows.
 *
 * Scan, filters and projections look at each row by itself, so each range may have a circuit of its
 * own over the same plan, on a thread of its own. Ranges are cut where circuit_feed cuts, and what
 * they give is put together in the order of the rows: the same batches as from one circuit, the
 * same counters, and of several faults the first.
 *
 * The circuits of ranges are kept for the next batch, because programs have caches that fill as
 * they run. They have nothing to save; they go when the plan or the circuit of the stream goes. */
#include "exec/engine_internal.h"

typedef struct range {
    stream  *owner;
    circuit *circuit;
    list     rows; /* batch*: what it gave */
    int64_t  shown;
    status   status;
    error    err;
} range;

struct ranges {
    int32_t count, used; /* there are, the batch under way takes */
    bool    logged;      /* its change log is read, */
    bool    wanted;      /* or somebody else reads what comes out */
    range   items[];
};

bool
plan_is_by_row(const plan *p) {
    const plan_node *n = p->root;
    while (n->kind == PLAN_FILTER || n->kind == PLAN_PROJECT) {
        n = n->inputs[0];
    }
    return n->kind == PLAN_SCAN && !n->versions && p->ttl_us == 0 && p->emit_every_us == 0 &&
           (p->root->properties & PLAN_APPEND_ONLY) != 0;
}

static status
take_rows(void *context, const delta *rows, error *err) {
    range *r = context;
    mem   *m = r->owner->engine->mem;
    batch *kept = NULL;
    r->shown += rows->row_count;
    if (!r->owner->ranges->wanted) {
        return OK;
    }
    TRY(batch_keep(&kept, m, rows, err));
    const status added = list_add(&r->rows, m, kept, err);
    if (added < 0) {
        batch_release(kept);
    }
    return added;
}

static void
drop_rows(range *r) {
    for (int32_t i = 0; i < r->rows.count; i++) {
        batch_release(r->rows.items[i]);
    }
    r->rows.count = 0;
}

void
ranges_drop(stream *s) {
    ranges *r = s->ranges;
    mem    *m = s->engine->mem;
    s->ranges = NULL;
    for (int32_t i = 0; r != NULL && i < r->count; i++) {
        drop_rows(&r->items[i]);
        list_fini(&r->items[i].rows, m);
        circuit_close(r->items[i].circuit);
    }
    if (r != NULL) {
        mem_free(m, r, sizeof(*r) + sizeof(range) * (size_t)r->count);
    }
}

bool
ranges_open(stream *s, int32_t count) {
    mem  *m = s->engine->mem;
    error ignored;
    if (s->ranges != NULL && s->ranges->count < count) {
        ranges_drop(s);
    }
    if (s->ranges == NULL) {
        s->ranges = mem_alloc_zero(m, sizeof(ranges) + sizeof(range) * (size_t)count);
        if (s->ranges == NULL) {
            return false;
        }
        s->ranges->count = count;
        for (int32_t i = 0; i < count; i++) {
            range        *r = &s->ranges->items[i];
            const op_sink sink = {.context = r, .take = take_rows};
            r->owner = s;
            if (circuit_open(&r->circuit, m, &s->plan, MODE_STREAM, NULL, &sink, NULL, &ignored) <
                0) {
                ranges_drop(s);
                return false;
            }
        }
    }
    s->ranges->used = count;
    s->ranges->logged = changelog_is_wanted(s->log);
    s->ranges->wanted = s->ranges->logged || s->dependents.count > 0;
    return true;
}

static status
feed(const stream_input *in, circuit *c, int32_t at, const delta *rows, error *err) {
    const int64_t count = in->owner->ranges->used;
    const int64_t batches = (rows->row_count + BATCH_ROWS - 1) / BATCH_ROWS;
    const int64_t first = batches * at / count * BATCH_ROWS;
    const int64_t end = min_i64(batches * (at + 1) / count * BATCH_ROWS, rows->row_count);
    column *columns = arena_alloc(&c->scratch, sizeof(column) * (size_t)(rows->column_count + 1));
    if (columns == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < rows->column_count; i++) {
        columns[i] = column_slice(&rows->columns[i], first);
    }
    const delta own = {.row_count = (int32_t)(end - first),
                       .column_count = rows->column_count,
                       .columns = columns};
    return end > first ? circuit_feed(c, c->ops[in->node], &own, err) : OK;
}

void
ranges_feed(const stream_input *in, int32_t at, const delta *rows) {
    const stream    *s = in->owner;
    range           *r = &s->ranges->items[at];
    circuit         *c = r->circuit;
    const arena_mark mark = arena_save(&c->scratch);
    error_clear(&r->err);
    r->shown = 0;
    c->env.arrived_us = s->engine->arrived_us;
    c->env.insert = engine_insert_under_way(s->engine);
    r->status = feed(in, c, at, rows, &r->err);
    arena_rewind(&c->scratch, mark);
    arena_reset(&c->tick_arena);
}

/* What an operator counted is the stream's. */
static void
move_counts(op *from, op *to) {
    if (from != NULL) {
        to->rows_in += from->rows_in;
        to->rows_out += from->rows_out;
        from->rows_in = 0;
        from->rows_out = 0;
    }
}

/* To the stream's log and to *given. */
static status
take_kept(stream *s, batch *b, list *given, error *err) {
    TRY(list_add(given, s->engine->mem, b, err));
    return s->ranges->logged ? stream_take_kept(s, batch_retain(b), err) : OK;
}

static status
gather_range(stream *s, range *r, list *given, error *err) {
    status done = OK;
    for (int32_t i = 0; i < s->plan.node_count; i++) {
        move_counts(r->circuit->ops[i], s->circuit->ops[i]);
    }
    move_counts(r->circuit->gate, s->circuit->gate);
    move_counts(r->circuit->sink, s->circuit->sink);
    stream_count_shown(s, r->shown);
    for (int32_t i = 0; i < r->rows.count && done == OK; i++) {
        const int32_t had = given->count;
        done = take_kept(s, r->rows.items[i], given, err);
        r->rows.items[i] = given->count > had ? NULL : r->rows.items[i];
    }
    if (done == OK) {
        r->rows.count = 0;
    }
    if (done == OK && r->status < 0) {
        *err = r->err;
    }
    return done < 0 ? done : r->status;
}

status
ranges_gather(stream *s, list *given, error *err) {
    for (int32_t i = 0; i < s->ranges->used; i++) {
        TRY(gather_range(s, &s->ranges->items[i], given, err));
    }
    return OK;
}
