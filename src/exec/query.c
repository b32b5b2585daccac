/* SPDX-License-Identifier: Apache-2.0 */
/* query.c - one-off queries: the plan as a one-tick circuit over snapshots, run input by input.
 *
 * A node's inputs are complete (fed and ticked) before the node itself is ticked, in their order; a
 * join's build side comes before its probe side. The same runner reads the current rows
 * of a live stream: a live operator that can snapshot stands for everything below it. */
#include <math.h>

#include "batch/routine.h"
#include "exec/past.h"
#include "exec/runner.h"
#include "plan/estimate.h"
#include "sql/limits.h"

struct query {
    engine          *engine;
    arena            arena; /* the plan's */
    plan             plan;
    circuit         *circuit;
    table_snapshot **snapshots; /* by node id; in the circuit's arena */
    key_rows        *rows_of;
    scan_times      *times;
    past            *pasts; /* by node id: the streams of then; NULL: it is about now */
    int64_t          at_us;
    bool             committed;
    bool             needs_token;
    int32_t          threads;
    plan_profile    *profile;
    mem             *account; /* of all that the query takes, its result included */
    result          *rows;
    const row_taker *to; /* NULL: rows are kept as the result */
    interrupt       *interrupted;
    progress        *counted;
};

/* ---- how far it has come */

/* Rows that a node holds back, as often as handling them costs more than reading them. A sort
 * counts them itself. Rows of a live stream count for nothing: there is no saying what reading them
 * takes. */
static int64_t
held_rows(const plan_node *n) {
    const int32_t costs = n->kind == PLAN_SORT ? PROGRESS_SORT : n->kind == PLAN_OVER ? 8 : 0;
    return costs == 0 ? 0 : (int64_t)(fmin(estimate_rows(n->inputs[0]), 1e15) * costs);
}

static int64_t
read_rows(const query *q, const plan_node *n) {
    if (n->kind == PLAN_RELATION) {
        return max_i64(1, n->relation->row_estimate);
    }
    if (n->kind != PLAN_SCAN || q->snapshots[n->id] == NULL) {
        return 0;
    }
    return q->rows_of[n->id].count >= 0 ? q->rows_of[n->id].count
                                        : table_snapshot_rows(q->snapshots[n->id]) - n->first_row;
}

static bool
knows_series(const plan_node *n) {
    double rows;
    bool   knows = n->kind != PLAN_SERIES || estimate_series(n, &rows);
    for (int32_t i = 0; knows && i < plan_own_inputs(n); i++) {
        knows = knows_series(n->inputs[i]);
    }
    return knows;
}

static int64_t
rows_to_count(const query *q, const plan_node *n) {
    int64_t rows = sat_add_i64(read_rows(q, n), held_rows(n));
    if (n->kind == PLAN_SERIES && q->circuit->env.counts_series) {
        rows = sat_add_i64(rows, (int64_t)fmin(estimate_rows(n), 1e15));
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        rows = sat_add_i64(rows, rows_to_count(q, n->inputs[i]));
    }
    return rows;
}

static void
count_rows(const runner *r, int64_t rows) {
    progress_add(r->counted, r->readers > 1 ? rows / r->readers : rows);
}

/* The shared part once, then this reader of it. */
static status
run_shared(runner *r, const plan_node *n, error *err) {
    if (spool_starts(r->once, n)) {
        run_extent done = RUN_NOTHING;
        TRY(parallel_run_shared(r, n, &done, err));
        TRY(done != RUN_NOTHING ? OK : run_node(r, n->inputs[0], err));
    }
    return spool_feed(r->once, n, err);
}

static status
check_cancelled(const runner *r, error *err) {
    if (interrupt_poll(r->interrupted)) {
        return interrupt_reason(r->interrupted, err);
    }
    if (r->failed != NULL && atomic_load_explicit(r->failed, memory_order_relaxed)) {
        return error_set(err, ERR_QUERY_CANCELLED, "another part of the query has failed");
    }
    if (r->limited != NULL && spill_wanted(r->limited, r->limited->spill_base, 0)) {
        return error_memory(err);
    }
    return OK;
}

static bool
wants_position(const plan_node *scan) {
    for (int32_t i = 0; i < scan->schema.count; i++) {
        if (scan->column_map[i] == scan->object->schema->count) {
            return true;
        }
    }
    return false;
}

static status
add_positions(column *out, const table_cursor *cursor, int32_t count, arena *a, error *err) {
    int64_t *positions = arena_alloc(a, sizeof(*positions) * (size_t)count);
    if (positions == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        positions[i] = table_cursor_position(cursor, i);
    }
    *out = (column){.type = type_of(TYPE_I64), .values = positions};
    return OK;
}

/* The rows delivered last, without those that are dead, with their positions where they are wanted;
 * DONE: the circuit wants no more. */
static status
feed_rows(runner *r, const plan_node *n, const table_cursor *cursor, column *columns, delta *rows,
          bool positions, const scan_times *times, error *err) {
    arena           *scratch = &r->once->scratch;
    const arena_mark mark = arena_save(scratch);
    if (n->versions) {
        TRY(versions_read(&r->once->env, times, cursor, rows, columns, err));
    } else if (times != NULL) { /* of a source: none of its rows is dead */
        int64_t *arrived;
        TRY(arrivals_read(&arrived, times->entries, times->entry_count,
                          cursor->position - rows->row_count, rows->row_count, scratch, err));
        r->once->env.arrived = arrived;
    }
    if (positions) {
        rows->column_count++;
        TRY(add_positions(&columns[rows->column_count - 1], cursor, rows->row_count, scratch, err));
    }
    TRY(n->versions ? OK : table_cursor_live(cursor, rows, columns, scratch, err));
    const status fed =
        rows->row_count == 0 ? OK : circuit_feed(r->once, r->once->ops[n->id], rows, err);
    r->once->env.arrived = NULL;
    arena_rewind(scratch, mark);
    return fed;
}

static bool
wants_times(const plan_node *scan) {
    return scan->versions || (scan->object->kind == OBJECT_SOURCE && arrival_is_read(scan));
}

/* What tells when rows came, where a scan wants it; entries are NULL elsewhere. */
static status
times_of(const runner *r, const plan_node *n, scan_times *out, error *err) {
    *out = (scan_times){.entries = NULL};
    if (!wants_times(n)) {
        return OK;
    }
    if (r->times != NULL) {
        *out = r->times[n->id];
        return OK;
    }
    const source *src = n->object->impl; /* with the token */
    int64_t       end;
    uint64_t      sequence;
    stream_shows(r->of, src, &end, &sequence);
    return scan_times_copy(out, src->table, n->versions, sequence, &r->once->arena, err);
}

/* What the scans of one table share. */
typedef struct feed {
    scan_times times;
    column    *columns;
    uint8_t   *wanted; /* of the table's columns; NULL: all are */
} feed;

static status
open_feed(feed *f, runner *r, const plan_node *n, error *err) {
    const size_t count = (size_t)n->object->schema->count + 1;
    TRY(times_of(r, n, &f->times, err));
    f->columns = arena_alloc(&r->once->arena, sizeof(*f->columns) * count);
    f->wanted = arena_alloc_zero(&r->once->arena, count);
    if (f->columns == NULL || f->wanted == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; n->column_map != NULL && i < n->schema.count; i++) {
        if (n->column_map[i] < n->object->schema->count) {
            f->wanted[n->column_map[i]] = 1;
        }
    }
    f->wanted = n->column_map == NULL || n->versions ? NULL : f->wanted;
    return OK;
}

/* *at: up to where rows were looked at. */
static status
feed_cursor(runner *r, const plan_node *n, const feed *f, table_cursor *cursor, int64_t *at,
            error *err) {
    const scan_times *times = f->times.entries == NULL ? NULL : &f->times;
    const int32_t     count = n->object->schema->count;
    const bool        positions = wants_position(n);
    delta             rows;
    int32_t           segment = -1;
    for (;;) {
        if (cursor->segment != segment) {
            segment = cursor->segment;
            const bool may = r->predicate == NULL || segment_may_match(r->predicate, n, cursor);
            const bool empty = !n->versions && table_cursor_is_empty(cursor);
            if (cursor->position < cursor->end && (!may || empty)) {
                table_cursor_skip_segment(cursor);
                continue;
            }
        }
        const status next = table_cursor_next(cursor, NULL, count, f->columns, &rows, err);
        if (next != OK) {
            return next < 0 ? next : OK;
        }
        TRY(check_cancelled(r, err));
        const status s = feed_rows(r, n, cursor, f->columns, &rows, positions, times, err);
        count_rows(r, cursor->position - *at);
        *at = cursor->position;
        if (s != OK) {
            return s < 0 ? s : OK;
        }
    }
}

static status
feed_rest(runner *r, const plan_node *n, const feed *f, const table_snapshot *snapshot, int64_t *at,
          int64_t end, error *err) {
    table_cursor cursor;
    table_cursor_init(&cursor, snapshot, *at, end);
    cursor.wanted = f->wanted;
    const status s = feed_cursor(r, n, f, &cursor, at, err);
    table_cursor_fini(&cursor);
    return s;
}

static status
feed_range(runner *r, const plan_node *n, const feed *f, const table_snapshot *snapshot,
           int64_t first, int64_t end, error *err) {
    TRY(feed_rest(r, n, f, snapshot, &first, end, err));
    count_rows(r, end - first); /* nobody wants the rest */
    return OK;
}

status
feed_table(runner *r, const plan_node *n, const table_snapshot *snapshot, int64_t first,
           int64_t end, error *err) {
    feed f;
    TRY(open_feed(&f, r, n, err));
    return feed_range(r, n, &f, snapshot, first, end, err);
}

static status
feed_keys(runner *r, const plan_node *n, const table_snapshot *snapshot, const key_rows *rows,
          error *err) {
    feed f;
    TRY(open_feed(&f, r, n, err));
    for (int64_t i = 0; i < rows->count; i++) {
        TRY(feed_range(r, n, &f, snapshot, rows->positions[i], rows->positions[i] + 1, err));
    }
    return OK;
}

typedef struct leaf {
    circuit *circuit;
    op      *op;
} leaf;

static status
feed_leaf(void *context, const delta *rows, error *err) {
    const leaf *l = context;
    return circuit_feed(l->circuit, l->op, rows, err);
}

static status
run_scan(runner *r, const plan_node *n, error *err) {
    if (n->object->kind == OBJECT_STREAM) {
        leaf          l = {.circuit = r->once, .op = r->once->ops[n->id]};
        const op_sink sink = {.context = &l, .take = feed_leaf};
        return r->pasts == NULL ? stream_read_state(n->object->impl, &sink, r->interrupted, err)
                                : past_read(&r->pasts[n->id], &sink, r->interrupted, err);
    }
    if (r->snapshots != NULL) {
        const table_snapshot *all = r->snapshots[n->id];
        const key_rows       *rows = &r->rows_of[n->id];
        return rows->count >= 0
                   ? feed_keys(r, n, all, rows, err)
                   : feed_table(r, n, all, n->first_row, table_snapshot_rows(all), err);
    }
    const source   *src = n->object->impl;
    table_snapshot *snapshot = NULL;
    int64_t         end;
    uint64_t        sequence;
    stream_shows(r->of, src, &end, &sequence);
    TRY(table_snapshot_open(&snapshot, src->table, end, sequence, err));
    const status s = feed_table(r, n, snapshot, 0, end, err);
    table_snapshot_close(snapshot);
    return s;
}

/* Its rows as they come; it is read from the start. */
static status
feed_relation(runner *r, const plan_node *n, error *err) {
    relation     *from = n->relation;
    const int64_t all = max_i64(1, from->row_estimate);
    int64_t       counted = 0;
    status        s = OK;
    TRY(relation_start(from, n->column_map, n->schema.count, err));
    while (s == OK) {
        delta rows;
        s = relation_next(from, &rows, err);
        if (s == OK) {
            TRY(check_cancelled(r, err));
            const int64_t read = (int64_t)((double)all * relation_part_read(from));
            count_rows(r, read - counted);
            counted = read;
            s = circuit_feed(r->once, r->once->ops[n->id], &rows, err);
        }
    }
    count_rows(r, s < 0 ? 0 : all - counted);
    return s < 0 ? s : OK; /* DONE: there are no more, or the rest cannot matter */
}

static status
feed_working(const runner *r, const plan_node *n, error *err) {
    for (int32_t i = 0; i < r->working_count; i++) {
        const status s = circuit_feed(r->once, r->once->ops[n->id], &r->working[i]->rows, err);
        if (s != OK) {
            return s < 0 ? s : OK;
        }
    }
    return OK;
}

static status
run_leaf(runner *r, const plan_node *n, error *err) {
    switch (n->kind) {
    case PLAN_SCAN:
        return run_scan(r, n, err);
    case PLAN_SINGLE:
    case PLAN_VALUES:
        return circuit_feed_constant(r->once, n, err);
    case PLAN_RELATION:
        return feed_relation(r, n, err);
    case PLAN_WORKING:
        return feed_working(r, n, err);
    default:
        return OK;
    }
}

/* ---- recursive queries: a step is a circuit of its own over the same snapshots */

typedef struct step {
    circuit *target;
    op      *op;
    bool     done; /* nobody wants more */
} step;

static status
take_step(void *context, const delta *rows, error *err) {
    step        *s = context;
    const status fed = circuit_feed(s->target, s->op, rows, err);
    s->done = s->done || fed == DONE;
    return fed;
}

static status
run_step(runner *r, const plan_node *n, step *to, batch **rows, int32_t count, error *err) {
    plan part = *r->once->plan;
    part.root = n->inputs[1];
    const op_sink sink = {.context = to, .take = take_step};
    circuit      *once = NULL;
    TRY(circuit_open(&once, r->once->mem, &part, MODE_ONCE, NULL, &sink, r->interrupted, err));
    circuit_use_disk(once, &r->engine->spill);
    runner inner = {.engine = r->engine,
                    .once = once,
                    .snapshots = r->snapshots,
                    .rows_of = r->rows_of,
                    .times = r->times,
                    .profile = r->profile,
                    .interrupted = r->interrupted,
                    .working = rows,
                    .working_count = count};
    status s = run_node(&inner, part.root, err);
    if (s >= 0) {
        s = circuit_tick_op(once, once->sink, FRONTIER_END, err);
    }
    if (r->profile != NULL) {
        circuit_add_profile(once, r->profile);
    }
    circuit_close(once);
    return s < 0 ? s : OK;
}

static status
endless(const plan_node *n, int32_t most, error *err) {
    error_set_at(err, ERR_QUERY_FAILED, n->position,
                 "recursive query \"%.*s\" has not ended after %d steps", TEXT_ARG(n->label), most);
    return error_hint(err, "let a condition of the step end it, or read it with LIMIT");
}

static status
run_recursion(runner *r, const plan_node *n, error *err) {
    step          to = {.target = r->once, .op = r->once->ops[n->id]};
    batch       **rows;
    int32_t       count, capacity;
    const int32_t lowered = r->once->plan->eval.limits.recursion_steps;
    const int32_t most = lowered > 0 ? lowered : SQL_RECURSION_MAX;
    status        s = run_node(r, n->inputs[0], err);
    for (int32_t i = 0; s >= 0 && !to.done; i++) {
        recursion_take(r->once, n, &rows, &count, &capacity);
        if (count == 0) {
            return OK;
        }
        s = i == most ? endless(n, most, err) : run_step(r, n, &to, rows, count, err);
        recursion_free(r->once->mem, rows, count, capacity);
        s = s < 0 ? s : check_cancelled(r, err);
    }
    return s < 0 ? s : OK;
}

static bool
is_built(const runner *r, const plan_node *n, int32_t at) {
    return n->kind == PLAN_JOIN && at == n->build_side && r->built != NULL && r->built[n->id];
}

status
run_input(runner *r, const plan_node *n, int32_t at, run_extent *done, error *err) {
    TRY(parallel_run(r, n, at, done, err));
    if (*done != RUN_NOTHING) {
        return OK;
    }
    *done = RUN_INPUT;
    r->predicate = n->kind == PLAN_FILTER ? n->predicate : NULL;
    return run_node(r, n->inputs[at], err);
}

/* All inputs of n, a join's build side first, and its own rows when it is a leaf. */
static status
run_inputs(runner *r, const plan_node *n, run_extent *done, error *err) {
    for (int32_t i = 0; i < n->input_count; i++) {
        const int32_t at = n->input_count == 2 && n->kind != PLAN_UNION ? n->build_side ^ i : i;
        if (!is_built(r, n, at)) {
            *done = RUN_NOTHING;
            TRY(run_input(r, n, at, done, err));
        }
    }
    return run_leaf(r, n, err);
}

status
run_node(runner *r, const plan_node *n, error *err) {
    op        *o = r->once->ops[n->id];
    run_extent done = RUN_NOTHING;
    status     s = OK;
    if (r->live != NULL && circuit_is_live_leaf(r->live, n)) {
        op              *source_op = r->live->ops[n->id];
        arena           *scratch = source_op->env->scratch;
        const arena_mark mark = arena_save(scratch);
        s = source_op->class->snapshot(source_op, o, 0, err);
        arena_rewind(scratch, mark);
    } else if (n->kind == PLAN_RECURSIVE) {
        r->predicate = NULL;
        s = run_recursion(r, n, err);
    } else if (n->kind == PLAN_SHARED) {
        r->predicate = NULL;
        s = run_shared(r, n, err);
    } else {
        s = run_inputs(r, n, &done, err);
    }
    if (s >= 0) {
        s = check_cancelled(r, err);
    }
    if (s >= 0 && done != RUN_NODE) {
        s = circuit_tick_op(r->once, o, FRONTIER_END, err);
    }
    if (r->counted != NULL && s >= 0 && n->kind == PLAN_OVER) {
        count_rows(r, held_rows(n));
    }
    return s;
}

status
stream_read_state(stream *s, const op_sink *sink, interrupt *interrupted, error *err) {
    if (s->failed) {
        return error_set(err, ERR_STREAM_FAILED, "stream failed: %.400s", s->reason.message);
    }
    const routine *awaited = s->stopped || s->waits ? stream_missing_code(s) : NULL;
    if (awaited != NULL && s->stopped) {
        error_set(err, ERR_QUERY_FAILED, "the stream has no rows: it waits for function \"%.*s\"",
                  TEXT_ARG(awaited->name));
        return error_hint(err, "register its code: then the stream takes all that came meanwhile");
    }
    if (s->stopped) {
        error_set(err, ERR_QUERY_FAILED, "the stream has no rows: its pipeline is stopped%s%.*s%s",
                  s->object == NULL ? "" : " (stream \"",
                  s->object == NULL ? 0 : (int)s->object->name.size,
                  s->object == NULL ? "" : s->object->name.data, s->object == NULL ? "" : "\")");
        return error_hint(err, "START PIPELINE makes it again from what its sources retain");
    }
    if (!s->running) {
        return OK; /* it has read nothing yet */
    }
    circuit *once = NULL;
    TRY(circuit_open(&once, s->engine->mem, &s->plan, MODE_ONCE, s->circuit, sink, interrupted,
                     err));
    circuit_use_disk(once, &s->engine->spill);
    runner r = {
        .engine = s->engine, .of = s, .once = once, .live = s->circuit, .interrupted = interrupted};
    status done = run_node(&r, s->plan.root, err);
    if (done >= 0) {
        done = circuit_tick_op(once, once->sink, FRONTIER_END, err);
    }
    circuit_close(once);
    return done < 0 ? done : OK;
}

/* ---------------------------------------------------------------------------------- results */
typedef struct collector {
    result  *rows;
    circuit *circuit; /* for presenting weighted rows; set after the circuit is made */
} collector;

static status
collect_rows(void *context, const delta *rows, error *err) {
    collector       *c = context;
    arena           *scratch = &c->circuit->scratch;
    const arena_mark mark = arena_save(scratch);
    delta            shown = *rows;
    batch           *kept = NULL;
    TRY(circuit_present(c->circuit, rows, &shown, err));
    status s = shown.row_count == 0 ? OK : batch_keep(&kept, c->rows->mem, &shown, err);
    arena_rewind(scratch, mark);
    if (s == OK && kept != NULL) {
        s = result_add(c->rows, kept, err);
    }
    return s;
}

status
stream_snapshot(stream *s, result **out, error *err) {
    result *rows = NULL;
    TRY(result_new(&rows, s->engine->mem, stream_schema(s), s->plan.emit == EMIT_CHANGES, err));
    collector     c = {.rows = rows, .circuit = s->circuit};
    const op_sink sink = {.context = &c, .take = collect_rows};
    const status  read = stream_read_state(s, &sink, NULL, err);
    if (read < 0) {
        result_release(rows);
        return read;
    }
    *out = rows;
    return OK;
}

static status
give_away(query *q, const delta *rows, error *err) {
    arena           *scratch = &q->circuit->scratch;
    const arena_mark mark = arena_save(scratch);
    delta            shown = *rows;
    TRY(circuit_present(q->circuit, rows, &shown, err));
    const status s = shown.row_count == 0 ? OK : q->to->take(q->to->context, &shown, err);
    arena_rewind(scratch, mark);
    return s;
}

static status
take_result(void *context, const delta *rows, error *err) {
    query *q = context;
    if (q->to != NULL) {
        return give_away(q, rows, err);
    }
    collector c = {.rows = q->rows, .circuit = q->circuit};
    return collect_rows(&c, rows, err);
}

static status
open_snapshots(query *q, error *err) {
    const size_t count = (size_t)q->plan.node_count;
    q->snapshots = arena_alloc_zero(&q->circuit->arena, sizeof(table_snapshot *) * count);
    q->rows_of = arena_alloc_zero(&q->circuit->arena, sizeof(key_rows) * count);
    q->times = arena_alloc_zero(&q->circuit->arena, sizeof(scan_times) * count);
    if (q->snapshots == NULL || q->rows_of == NULL || q->times == NULL) {
        return error_memory(err);
    }
    if (q->at_us < INT64_MAX) {
        q->pasts = arena_alloc_zero(&q->circuit->arena, sizeof(past) * count);
        TRY(q->pasts == NULL ? error_memory(err) : OK);
    }
    for (size_t i = 0; i < count; i++) {
        q->rows_of[i].count = -1;
    }
    return OK;
}

static status
open_scan(query *q, const plan_node *n, const expr *predicate, error *err) {
    const source *src = n->object->impl;
    int64_t       end;
    uint64_t      sequence;
    source_shown(src, q->committed, &end, &sequence);
    if (q->at_us < INT64_MAX && source_is_behind(src, q->at_us)) {
        TRY(source_check_past(src, q->at_us, err));
        const source_moment then = source_moment_at(src, table_entry_count(src->table), q->at_us);
        end = min_i64(end, then.rows);
        sequence = then.sequence < sequence ? then.sequence : sequence;
    }
    TRY(table_snapshot_open(&q->snapshots[n->id], src->table, end, sequence, err));
    if (wants_times(n)) {
        TRY(scan_times_copy(&q->times[n->id], src->table, n->versions, sequence, &q->circuit->arena,
                            err));
    }
    if (end != TABLE_END || predicate == NULL || n->versions) {
        return OK; /* the index shows what the snapshot does not, and no rows that are dead */
    }
    arena       *scratch = &q->circuit->scratch;
    const status found =
        find_by_key(&q->rows_of[n->id], src->table, predicate, n, &q->circuit->arena, scratch, err);
    arena_reset(scratch);
    return found;
}

static status
open_snapshots_below(query *q, const plan_node *n, const expr *predicate, error *err) {
    if (n->kind == PLAN_SCAN) {
        if (n->object->kind == OBJECT_STREAM && q->pasts != NULL) {
            past *p = &q->pasts[n->id];
            TRY(past_open(p, n->object->impl, q->at_us, &q->circuit->arena, err));
            q->needs_token |= p->present;
        } else if (n->object->kind == OBJECT_STREAM) {
            q->needs_token = true;
        } else {
            TRY(open_scan(q, n, predicate, err));
        }
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        predicate = n->kind == PLAN_FILTER ? n->predicate : NULL;
        TRY(open_snapshots_below(q, n->inputs[i], predicate, err));
    }
    return OK;
}

status
query_prepare(query **out, engine *e, const plan *p, arena *plan_arena, bool committed,
              int64_t at_us, plan_profile *profile, interrupt *interrupted, error *err) {
    query *q = mem_alloc_zero(e->mem, sizeof(*q));
    if (q == NULL) {
        return error_memory(err);
    }
    q->engine = e;
    q->plan = *p;
    q->interrupted = interrupted;
    q->committed = committed;
    q->at_us = at_us;
    q->profile = profile;
    q->account = mem_open_child(e->mem);
    const op_sink sink = {.context = q, .take = take_result};
    status        s = q->account == NULL ? error_memory(err) : plan_check_code(p, err);
    if (s == OK) {
        s = circuit_open(&q->circuit, q->account, &q->plan, MODE_ONCE, NULL, &sink, interrupted,
                         err);
    }
    if (s == OK && profile != NULL) {
        circuit_measure(q->circuit, e->clock, q->account);
    }
    if (s == OK) {
        circuit_use_disk(q->circuit, &e->spill);
        s = open_snapshots(q, err);
    }
    if (s == OK) {
        s = open_snapshots_below(q, q->plan.root, NULL, err);
        q->circuit->env.event_us = plan_time_reached(q->engine, &q->plan, q->at_us);
    }
    if (s < 0) {
        query_close(q);
        return s;
    }
    q->arena = *plan_arena;
    *plan_arena = (arena){.mem = q->arena.mem};
    *out = q;
    return OK;
}

void
query_use_threads(query *q, int32_t count) {
    count = q->plan.on_caller ? 1 : count;
    q->threads = count;
    q->circuit->env.pool = q->engine->pool;
    q->circuit->env.threads = count;
}

void
query_count(query *q, progress *p) {
    q->counted = p;
    q->circuit->env.counted = p;
    q->circuit->env.counts_series = knows_series(q->plan.root);
    atomic_store_explicit(&p->total, rows_to_count(q, q->plan.root), memory_order_relaxed);
}

void
query_give(query *q, const row_taker *to) {
    q->to = to;
}

bool
query_needs_token(const query *q) {
    return q->needs_token || q->plan.in_turn;
}

static status
run_query(query *q, result **out, error *err) {
    TRY(result_new(&q->rows, q->account, &q->plan.root->schema, false, err));
    runner     r = {.engine = q->engine,
                    .once = q->circuit,
                    .snapshots = q->snapshots,
                    .rows_of = q->rows_of,
                    .times = q->times,
                    .pasts = q->pasts,
                    .threads = q->threads,
                    .profile = q->profile,
                    .interrupted = q->interrupted,
                    .counted = q->counted};
    run_extent done = RUN_NOTHING;
    status     s = q->to == NULL ? OK : q->to->begin(q->to->context, &q->rows->schema, err);
    if (s == OK && q->to == NULL) { /* parts would keep all that they give */
        s = parallel_run(&r, NULL, 0, &done, err);
    }
    s = s < 0 || done != RUN_NOTHING ? s : run_node(&r, q->plan.root, err);
    if (s >= 0) {
        s = circuit_tick_op(q->circuit, q->circuit->sink, FRONTIER_END, err);
    }
    if (q->profile != NULL) {
        circuit_add_profile(q->circuit, q->profile);
    }
    if (s < 0) {
        result_release(q->rows);
        q->rows = NULL;
        return s;
    }
    *out = q->rows;
    q->rows = NULL;
    return OK;
}

status
query_run(query *q, result **out, error *err) {
    interrupt *before = interrupt_set_current(q->interrupted);
    status     s = run_query(q, out, err);
    circuit_close_ops(q->circuit); /* without the token, and looking: it may take milliseconds */
    if (s >= 0 && q->interrupted != NULL && atomic_load(&q->interrupted->cancelled)) {
        result_release(*out);
        *out = NULL;
        s = interrupt_reason(q->interrupted, err);
    }
    interrupt_set_current(before);
    return s;
}

void
query_close(query *q) {
    if (q == NULL) {
        return;
    }
    mem *m = q->engine->mem;
    for (int32_t i = 0; q->snapshots != NULL && i < q->plan.node_count; i++) {
        if (q->snapshots[i] != NULL) {
            table_snapshot_close(q->snapshots[i]);
        }
    }
    for (int32_t i = 0; q->pasts != NULL && i < q->plan.node_count; i++) {
        past_close(&q->pasts[i]);
    }
    circuit_close(q->circuit);
    if (q->account != NULL) {
        mem_close_shared(q->account);
    }
    if (q->arena.mem != NULL) {
        arena_fini(&q->arena);
    }
    mem_free(m, q, sizeof(*q));
}
