/* SPDX-License-Identifier: Apache-2.0 */
/* parallel.c - a one-off query on several threads.
 *
 * A chain is what works on each row by itself: scan, filters, projections, windows, the probe sides
 * of joins. Each thread runs a circuit of its own over the chain and, where that can be put
 * together again, over the operator above it. What threads share is only read: the plan, snapshots,
 * what the joins of the whole circuit have stored. There are three ways to put it together:
 *
 *   MERGE  each part has an equal share of the rows, in their order; partial groups are merged
 *   FEED   the same, and what the parts give is fed to the operator above, in the order of the
 *          rows. DISTINCT and top-n have been in the parts and come once more
 *   SHARD  each part has all rows and keeps those whose keys fall to it; together their groups are
 *          the groups of the whole. For so many groups that merging would cost as much as grouping
 *
 * Where what comes out for the stored rows of a join depends on their matches, the parts wait for
 * each other: when all have told what matches, each goes on with a share of the stored rows.
 *
 * Parts keep all in memory. When that has no room for them they are given up, before the whole has
 * seen a row of theirs, and one thread begins again, which may spill.
 *
 * Which one is decided by a sample. Shares are cut after segments that cannot match are left out.
 * The answer does not depend on which thread runs what, nor on when. */
#include <math.h>

#include "exec/runner.h"
#include "op/join.h"
#include "plan/node.h"

#define PART_ROWS_MIN 25000 /* less does not pay for a thread */
#define SAMPLE_ROWS 8192

#define NEIGHBOUR_BITS 6 /* of a key that is a whole number: 64 in a row go to the same part */

typedef enum how { HOW_ALONE, HOW_MERGE, HOW_FEED, HOW_SHARD } how;

typedef struct range {
    int64_t first, end;
} range;

typedef struct part {
    plan      plan; /* with the part's root */
    circuit  *circuit;
    runner    runner;
    interrupt guard;
    list      rows;  /* batch*: what it gave */
    op       *above; /* not NULL: what it gives goes to the readers of this one at once */
    mem      *mem;   /* its own account, within that of the query */
    status    status;
    error     err;
} part;

typedef struct parallel {
    runner          *whole;
    const plan_node *above; /* NULL: the sink */
    op              *sink;
    int32_t          port;
    const plan_node *top, *scan; /* of the chain */
    bool             works;      /* the chain does more than to read columns */
    bool             in_parts;   /* the operator above is part of the parts */
    int32_t          marking;    /* joins of the chain that tell matches to their stored rows */
    const plan_node *finishing;  /* one of them, of which parts give the stored rows now */
    bool             feeding, ticking; /* what parts do now */
    how              how;
    int32_t          shard_width;
    int32_t         *shard;
    int32_t          range_count;
    range           *ranges;
    int64_t          row_count;
    int32_t          part_count;
    part            *parts;
    _Atomic bool     failed;
} parallel;

/* ---- the chain */

static bool
any_volatile(const plan_node *n, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (expr_is_volatile(n->exprs[i])) {
            return true;
        }
    }
    return false;
}

/* Stored rows of the join come out by themselves, or not, depending on their matches. */
static bool
marks_stored(const plan_node *n) {
    switch (n->join) {
    case JOIN_INNER:
        return false;
    case JOIN_FULL:
        return true;
    case JOIN_RIGHT:
        return n->build_side == 1;
    default:
        return n->build_side == 0;
    }
}

static bool
probes_in_parts(const plan_node *n) {
    return (n->join != JOIN_SINGLE || !marks_stored(n)) &&
           (n->predicate == NULL || !expr_is_volatile(n->predicate));
}

/* The scan below a chain; NULL: it is none. */
static const plan_node *
find_scan(const plan_node *n, bool *works, int32_t *marking) {
    for (;;) {
        switch (n->kind) {
        case PLAN_SCAN:
            return n;
        case PLAN_FILTER:
            if (expr_is_volatile(n->predicate)) {
                return NULL;
            }
            *works = true;
            break;
        case PLAN_PROJECT:
            if (any_volatile(n, n->schema.count)) {
                return NULL;
            }
            for (int32_t i = 0; i < n->schema.count; i++) {
                *works = *works || n->exprs[i]->kind != EXPR_COLUMN;
            }
            break;
        case PLAN_WINDOW:
            *works = true;
            break;
        case PLAN_JOIN:
            if (!probes_in_parts(n)) {
                return NULL;
            }
            *marking += marks_stored(n);
            *works = true;
            n = n->inputs[!n->build_side];
            continue;
        default:
            return NULL;
        }
        n = n->inputs[0];
    }
}

static const plan_node *
below(const plan_node *n) {
    return n->inputs[n->kind == PLAN_JOIN ? !n->build_side : 0];
}

/* The filter directly above the scan. */
static const expr *
scan_predicate(const parallel *p) {
    const expr *predicate = NULL;
    for (const plan_node *n = p->top; n != p->scan; n = below(n)) {
        predicate = n->kind == PLAN_FILTER ? n->predicate : NULL;
    }
    return predicate;
}

/* Joins store the other side first, in the whole circuit; *all: each has its own in memory, and
 * those that tell matches get rows that weigh 1. */
static status
run_build_sides(const parallel *p, bool *all, error *err) {
    *all = true;
    bool         marks = false;
    const size_t node_count = (size_t)p->whole->once->plan->node_count;
    if (p->whole->built == NULL) {
        p->whole->built = arena_alloc_zero(&p->whole->once->arena, sizeof(bool) * node_count);
    }
    if (p->whole->built == NULL) {
        return error_memory(err);
    }
    for (const plan_node *n = p->top; n != p->scan; n = below(n)) {
        if (n->kind == PLAN_JOIN && !p->whole->built[n->id]) {
            runner *r = p->whole;
            TRY(run_input(r, n, n->build_side, &(run_extent){RUN_NOTHING}, err));
            r->built[n->id] = true;
        }
        if (n->kind == PLAN_JOIN && p->whole->once->ops[n->id]->spilled_bytes > 0) {
            *all = false; /* it cannot be probed before it has ticked */
        }
        if (n->kind == PLAN_JOIN) {
            *all = *all && !(marks && join_is_weighted(p->whole->once->ops[n->id]));
            marks = marks || marks_stored(n);
        }
    }
    return OK;
}

/* ---- ranges and parts */

/* Rows that may match, segment by segment. */
static status
find_ranges(parallel *p, error *err) {
    const table_snapshot *snapshot = p->whole->snapshots[p->scan->id];
    const expr           *predicate = scan_predicate(p);
    const int64_t         rows = table_snapshot_rows(snapshot);
    arena                *a = &p->whole->once->arena;
    table_cursor          c;
    int32_t               room = 0;
    table_cursor_init(&c, snapshot, 0, rows);
    for (; c.position < c.end; room++) {
        table_cursor_skip_segment(&c);
    }
    p->ranges = arena_alloc(a, sizeof(range) * (size_t)(room + 1));
    if (p->ranges == NULL) {
        return error_memory(err);
    }
    table_cursor_init(&c, snapshot, 0, rows);
    while (c.position < c.end) {
        const int64_t first = c.position;
        const bool    may = predicate == NULL || segment_may_match(predicate, p->scan, &c);
        const bool    takes = may && !table_cursor_is_empty(&c);
        table_cursor_skip_segment(&c);
        if (takes) {
            const int64_t end = min_i64(c.position, c.end);
            p->ranges[p->range_count++] = (range){first, end};
            p->row_count += end - first;
        }
    }
    return OK;
}

static status
take_rows(void *context, const delta *rows, error *err) {
    part  *own = context;
    batch *kept = NULL;
    if (own->above != NULL) {
        return op_emit(own->above, rows, err);
    }
    const op_env *limited = own->runner.limited;
    if (limited != NULL && spill_wanted(limited, limited->spill_base, 0)) {
        return error_memory(err);
    }
    TRY(batch_keep(&kept, own->mem, rows, err));
    const status s = list_add(&own->rows, own->mem, kept, err);
    if (s < 0) {
        batch_release(kept);
    }
    return s;
}

static status
open_part(const parallel *p, part *out, error *err) {
    const runner *r = p->whole;
    const op_sink sink = {.context = out, .take = take_rows};
    *out = (part){.plan = *r->once->plan, .mem = mem_open_child(r->once->mem)};
    if (out->mem == NULL) {
        return error_memory(err);
    }
    out->plan.root = p->in_parts ? (plan_node *)p->above : (plan_node *)p->top;
    interrupt_init_part(&out->guard, r->interrupted);
    TRY(circuit_open_part(&out->circuit, out->mem, r->once, &out->plan, &sink, &out->guard, err));
    if (r->profile != NULL) {
        circuit_measure(out->circuit, r->engine->clock, out->mem);
    }
    out->runner = *r;
    out->runner.once = out->circuit;
    out->runner.threads = 1;
    out->runner.built = NULL;
    out->runner.predicate = NULL;
    out->runner.failed = (_Atomic bool *)&p->failed;
    out->runner.limited = spill_is_possible(&r->once->env) ? &r->once->env : NULL;
    return OK;
}

static void
close_part(part *p) {
    for (int32_t i = 0; i < p->rows.count; i++) {
        batch_release(p->rows.items[i]);
    }
    circuit_close(p->circuit);
    if (p->mem != NULL) {
        list_fini(&p->rows, p->mem);
        mem_close_shared(p->mem);
    }
}

static op *
own_op(const parallel *p, const part *own) {
    return own->circuit->ops[p->above->id];
}

/* ---- which way */

/* How many different values there are when so many rows show so many, all alike often. */
static double
estimate_groups(double rows, double groups) {
    double low = groups, high = 1e12;
    if (groups >= rows) {
        return high;
    }
    for (int32_t i = 0; i < 60; i++) {
        const double middle = sqrt(low * high);
        const bool   more = middle * -expm1(-rows / middle) < groups;
        *(more ? &low : &high) = middle;
    }
    return low;
}

/* So many rows of a range, from its batch `from` on. */
static status
feed_sample(runner *r, const parallel *p, range g, int64_t from, error *err) {
    const int64_t first = g.first + from * BATCH_ROWS;
    return feed_table(r, p->scan, r->snapshots[p->scan->id], first,
                      min_i64(g.end, first + SAMPLE_ROWS / 2), err);
}

/* Groups, or rows of DISTINCT, that there will be, and no more than rows come: some of the first
 * rows and some from the middle tell. Where those have groups of their own, as when rows came in
 * the order of their keys, groups are as many as such places. */
static status
sample_groups(const parallel *p, double *groups, error *err) {
    part       *sample = arena_alloc(&p->whole->once->arena, sizeof(*sample));
    const range middle = p->ranges[p->range_count / 2];
    double      rows = 0, found = 0;
    if (sample == NULL) {
        return error_memory(err);
    }
    status s = open_part(p, sample, err);
    if (s == OK) {
        runner *r = &sample->runner;
        r->interrupted = p->whole->interrupted;
        r->counted = NULL; /* they are read again */
        s = feed_sample(r, p, p->ranges[0], 0, err);
    }
    if (s >= 0) {
        const op *o = own_op(p, sample);
        rows = (double)o->rows_in;
        found = (double)o->class->state_rows(o);
        s = feed_sample(&sample->runner, p, middle, (middle.end - middle.first) / BATCH_ROWS / 2,
                        err);
    }
    if (s >= 0) {
        const op    *o = own_op(p, sample);
        const double given = (double)o->rows_in, known = (double)o->class->state_rows(o);
        const double places = (double)p->row_count / SAMPLE_ROWS;
        const double spread = estimate_groups(rows, found);
        const double more = spread * -expm1(-given / spread) - found; /* if all were alike often */
        const bool   apart = rows > found && known - found > 2 * more + 16;
        *groups = fmin(given * places, apart ? known * places : estimate_groups(given, known));
    }
    close_part(sample);
    return s;
}

/* Rows are dealt out by the keys; without keys, by the arguments that all calls are DISTINCT in. */
static status
find_shard(parallel *p, error *err) {
    const plan_node *n = p->above;
    const bool       all = n->kind == PLAN_DISTINCT;
    int32_t          width = all ? n->schema.count : n->key_count;
    const int32_t   *from = NULL;
    for (int32_t i = 0; i < n->agg_count && n->key_count == 0; i++) {
        const plan_agg *call = &n->aggs[i];
        const int32_t   count = call->signature.column_count;
        const size_t    bytes = sizeof(*from) * (size_t)count;
        const bool same = i == 0 || (count == width && memcmp(call->columns, from, bytes) == 0);
        if (!call->distinct || !same || !agg_can_merge(call->class, &call->signature)) {
            width = 0;
            break;
        }
        width = count;
        from = call->columns;
    }
    p->shard = arena_alloc(&p->whole->once->arena, sizeof(*p->shard) * (size_t)(width + 1));
    if (p->shard == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < width; i++) {
        p->shard[i] = from == NULL ? i : from[i];
    }
    p->shard_width = width;
    return OK;
}

static bool
can_merge(const plan_node *n) {
    for (int32_t i = 0; i < n->agg_count; i++) {
        const plan_agg *call = &n->aggs[i];
        const bool      merges = agg_can_merge(call->class, &call->signature);
        if (!call->distinct && (call->class->keeps_rows || !merges)) {
            return false;
        }
    }
    return true;
}

static status
choose_grouping(parallel *p, error *err) {
    const bool merges = p->above->kind == PLAN_DISTINCT || can_merge(p->above);
    double     groups = 0;
    if (p->marking > 0 && p->whole->once->ops[p->above->id]->rows_in > 0) {
        p->how = HOW_FEED; /* stored rows with a NULL for a key are there already */
        return OK;
    }
    p->in_parts = true;
    TRY(find_shard(p, err));
    if (p->shard_width > 0) {
        TRY(sample_groups(p, &groups, err));
    }
    /* Merging costs a step for each group of each part; dealing out costs a look at each row in
     * each part, and the work of the chain. */
    const double steps = p->works ? 8 : 32.0 * p->part_count;
    const double many = merges ? (double)p->row_count / steps : 4.0 * p->part_count;
    if (p->shard_width > 0 && groups > many && p->above->pane_us == 0) { /* windows share panes */
        p->how = HOW_SHARD;
    } else if (merges) {
        p->how = p->above->kind == PLAN_DISTINCT ? HOW_FEED : HOW_MERGE;
    } else {
        p->in_parts = false;
        p->how = p->works ? HOW_FEED : HOW_ALONE;
    }
    return OK;
}

/* The rows that LIMIT wants of each part are so few that looking at them twice does not matter. */
static bool
leaves_few(const parallel *p) {
    const plan_node *n = p->above;
    const int64_t    wanted = n->limit < 0 ? INT64_MAX : sat_add_i64(n->limit, n->offset);
    return n->key_count > 0 || wanted <= p->row_count / (8 * p->part_count);
}

static status
choose(parallel *p, error *err) {
    const plan_node *n = p->above;
    if (n != NULL &&
        (n->kind == PLAN_DISTINCT || (n->kind == PLAN_AGGREGATE && n->session_key < 0))) {
        return choose_grouping(p, err);
    }
    p->in_parts = n != NULL && n->kind == PLAN_TOP_N && leaves_few(p);
    p->how = p->works || p->in_parts ? HOW_FEED : HOW_ALONE;
    return OK;
}

/* ---- running */

/* The part's share: an equal number of rows, cut at batches. */
static status
feed_share(const parallel *p, part *own, int32_t at, error *err) {
    const bool    all = p->how == HOW_SHARD;
    const int64_t batches = (p->row_count + BATCH_ROWS - 1) / BATCH_ROWS;
    const int64_t from = all ? 0 : batches * at / p->part_count * BATCH_ROWS;
    const int64_t to = all ? p->row_count : batches * (at + 1) / p->part_count * BATCH_ROWS;
    int64_t       row = 0; /* of the first of a range, counted over all */
    for (int32_t i = 0; i < p->range_count; i++) {
        const range   g = p->ranges[i];
        const int64_t first = max_i64(g.first, g.first + from - row);
        const int64_t end = min_i64(g.end, g.first + to - row);
        if (first < end) {
            own->runner.predicate = NULL;
            TRY(feed_table(&own->runner, p->scan, own->runner.snapshots[p->scan->id], first, end,
                           err));
        }
        row += g.end - g.first;
    }
    return OK;
}

/* All of a query without keys is one group: its parts, dealt out or not, have that one each. */
static bool
merges_state(const parallel *p) {
    return p->how == HOW_MERGE ||
           (p->how == HOW_SHARD && p->above->kind == PLAN_AGGREGATE && p->above->key_count == 0);
}

static status
tick_part(const parallel *p, const part *own, error *err) {
    for (int32_t i = 0; i < own->plan.node_count; i++) {
        op        *o = own->circuit->ops[i];
        const bool merged = merges_state(p) && i == p->above->id;
        if (o != NULL && !merged) {
            TRY(circuit_tick_op(own->circuit, o, FRONTIER_END, err));
        }
    }
    return OK;
}

/* Parts that have all rows have all stored rows too. */
static status
finish_share(const parallel *p, const part *own, int32_t at, error *err) {
    const bool all = p->how == HOW_SHARD;
    return join_finish_share(own->circuit->ops[p->finishing->id], all ? 0 : at,
                             all ? 1 : p->part_count, err);
}

static status
work_part(const parallel *p, part *own, int32_t at) {
    status s = own->status;
    if (s >= 0 && p->feeding) {
        s = feed_share(p, own, at, &own->err);
    }
    if (s >= 0 && p->finishing != NULL) {
        s = finish_share(p, own, at, &own->err);
    }
    return s >= 0 && p->ticking ? tick_part(p, own, &own->err) : s;
}

static void
run_part(void *context, int32_t at, bool calling) {
    parallel  *p = context;
    part      *own = &p->parts[at];
    interrupt *guard = calling ? p->whole->interrupted : &own->guard;
    own->circuit->env.interrupted = guard;
    own->runner.interrupted = guard;
    interrupt *before = interrupt_set_current(guard);
    own->status = work_part(p, own, at);
    interrupt_set_current(before);
    if (own->status < 0) {
        atomic_store_explicit(&p->failed, true, memory_order_relaxed);
    }
}

/* The lowest join that tells matches, above `below`. */
static const plan_node *
next_marking(const parallel *p, const plan_node *after) {
    const plan_node *found = NULL;
    for (const plan_node *n = p->top; n != p->scan && n != after; n = below(n)) {
        found = n->kind == PLAN_JOIN && marks_stored(n) ? n : found;
    }
    return found;
}

/* False: no thread is to be had. */
static bool
run_steps(parallel *p) {
    runner *r = p->whole;
    p->feeding = true;
    p->ticking = p->marking == 0;
    if (!pool_run(r->engine->pool, p->part_count, run_part, p, r->interrupted)) {
        return false;
    }
    p->feeding = false;
    for (int32_t left = p->marking; left > 0; left--) {
        p->finishing = next_marking(p, p->finishing);
        p->ticking = left == 1;
        if (!pool_run(r->engine->pool, p->part_count, run_part, p, r->interrupted)) {
            for (int32_t i = 0; i < p->part_count; i++) { /* another query has the threads now */
                run_part(p, i, true);
            }
        }
    }
    return true;
}

static status
open_parts(parallel *p, error *err) {
    for (int32_t i = 0; i < p->part_count; i++) {
        part *own = &p->parts[i];
        TRY(open_part(p, own, err));
        if (p->how == HOW_SHARD) {
            op *o = own_op(p, own);
            own->runner.readers = p->part_count;
            o->shard_at = i;
            o->shard_count = p->part_count;
            o->shard_bits = NEIGHBOUR_BITS;
            o->shard_width = p->shard_width;
            o->shard = p->shard;
        }
    }
    return OK;
}

/* How much a part's fault says: its own, that time was up, that another part had one. */
static int
weight_of(const part *own) {
    return own->status != ERR_QUERY_CANCELLED ? 2 : own->guard.timed_out;
}

/* The fault that says most, the first of several in the order of the rows. */
static status
first_fault(const parallel *p, error *err) {
    const part *found = NULL;
    for (int32_t i = 0; i < p->part_count; i++) {
        const part *own = &p->parts[i];
        if (own->status < 0 && (found == NULL || weight_of(own) > weight_of(found))) {
            found = own;
        }
    }
    if (found == NULL) {
        return OK;
    }
    if (interrupt_poll(p->whole->interrupted)) {
        return interrupt_reason(p->whole->interrupted, err);
    }
    if (err != NULL) {
        *err = found->err;
    }
    return found->status;
}

/* ---- putting it together */

static status
give_rows(const parallel *p, const part *own, error *err) {
    circuit *c = p->whole->once;
    op      *above = p->above == NULL ? p->sink : c->ops[p->above->id];
    status   s = OK;
    for (int32_t i = 0; i < own->rows.count && s == OK; i++) {
        const batch     *b = own->rows.items[i];
        const arena_mark mark = arena_save(&c->scratch);
        s = p->how == HOW_SHARD ? op_emit(above, &b->rows, err)
                                : op_push(above, p->port, &b->rows, err);
        arena_rewind(&c->scratch, mark);
        if (s >= 0 && interrupt_poll(p->whole->interrupted)) {
            s = interrupt_reason(p->whole->interrupted, err);
        }
    }
    return s;
}

/* The first part takes up the state of the others, and stands for the whole. */
static status
merge_parts(parallel *p, error *err) {
    part *first = &p->parts[0];
    op   *to = own_op(p, first);
    first->circuit->env.interrupted = p->whole->interrupted;
    for (int32_t i = 1; i < p->part_count; i++) {
        TRY(op_merge(to, own_op(p, &p->parts[i]), err));
    }
    first->above = p->whole->once->ops[p->above->id];
    return circuit_tick_op(first->circuit, to, FRONTIER_END, err);
}

static status
unite(parallel *p, error *err) {
    TRY(first_fault(p, err));
    if (merges_state(p)) {
        return merge_parts(p, err);
    }
    status s = OK;
    for (int32_t i = 0; i < p->part_count && s == OK; i++) {
        s = give_rows(p, &p->parts[i], err);
    }
    return s < 0 ? s : OK;
}

/* What went from part to whole is not counted twice, nor rows that all parts looked at. */
static void
add_profiles(const parallel *p) {
    plan_profile *total = p->whole->profile;
    for (int32_t i = 0; total != NULL && i < p->part_count; i++) {
        const circuit *c = p->parts[i].circuit;
        for (int32_t id = 0; id < c->plan->node_count; id++) {
            op *o = c->ops[id];
            if (o != NULL && p->how == HOW_SHARD && i > 0) {
                o->rows_in = 0;
                o->rows_out = 0;
            }
        }
        if (p->in_parts) {
            c->ops[p->above->id]->rows_out = 0;
        }
        circuit_add_profile(c, total);
    }
    if (total != NULL && p->in_parts) {
        p->whole->once->ops[p->above->id]->rows_in = 0;
    }
}

/* Some part had no memory, and the whole can do with less. */
static bool
gives_up(const parallel *p) {
    bool pressed = false;
    for (int32_t i = 0; i < p->part_count; i++) {
        pressed = pressed || p->parts[i].status == ERR_OUT_OF_MEMORY;
    }
    return pressed && spill_is_possible(&p->whole->once->env);
}

static status
run_parts(parallel *p, bool *ran, error *err) {
    runner      *r = p->whole;
    const size_t bytes = sizeof(part) * (size_t)p->part_count;
    p->parts = mem_alloc_zero(r->once->mem, bytes);
    if (p->parts == NULL) {
        return error_memory(err);
    }
    status s = open_parts(p, err);
    if (s == OK) {
        *ran = run_steps(p) && !gives_up(p);
        s = *ran ? unite(p, err) : OK;
        if (*ran) {
            add_profiles(p);
        }
    }
    for (int32_t i = 0; i < p->part_count; i++) {
        close_part(&p->parts[i]);
    }
    mem_free(r->once->mem, p->parts, bytes);
    return s;
}

/* Operators of the chain had no rows in the whole circuit; they are done all the same. */
static status
tick_chain(const parallel *p, const plan_node *n, error *err) {
    if (n != p->scan) {
        TRY(tick_chain(p, below(n), err));
    }
    if (n->kind == PLAN_JOIN && marks_stored(n)) {
        join_set_finished(p->whole->once->ops[n->id]);
    }
    return circuit_tick_op(p->whole->once, p->whole->once->ops[n->id], FRONTIER_END, err);
}

static bool
is_chain_node(const plan_node *n) {
    return n != NULL &&
           (n->kind == PLAN_FILTER || n->kind == PLAN_PROJECT || n->kind == PLAN_WINDOW);
}

/* p: the whole, what is above, and the top of the chain. */
static status
run_chain(parallel *p, run_extent *done, error *err) {
    runner          *r = p->whole;
    const plan_node *n = p->above;
    p->scan = find_scan(p->top, &p->works, &p->marking);
    const bool early = n != NULL && n->kind == PLAN_TOP_N && n->sort_count + n->key_count == 0;
    if (early || p->scan == NULL || r->snapshots[p->scan->id] == NULL ||
        r->rows_of[p->scan->id].count >= 0 ||
        table_snapshot_rows(r->snapshots[p->scan->id]) < 2 * PART_ROWS_MIN) {
        return OK;
    }
    TRY(find_ranges(p, err));
    p->part_count = (int32_t)min_i64(r->threads, p->row_count / PART_ROWS_MIN);
    if (p->part_count <= 1) {
        return OK;
    }
    bool stored;
    TRY(run_build_sides(p, &stored, err));
    if (!stored) {
        return OK;
    }
    TRY(choose(p, err));
    if (p->how == HOW_ALONE) {
        return OK;
    }
    bool          ran = false;
    const int64_t before = r->counted == NULL ? 0 : atomic_load(&r->counted->done);
    TRY(run_parts(p, &ran, err));
    if (!ran) {
        progress_add(r->counted,
                     before - (r->counted == NULL ? 0 : atomic_load(&r->counted->done)));
        return OK;
    }
    progress_add(r->counted, table_snapshot_rows(r->snapshots[p->scan->id]) - p->row_count);
    *done = merges_state(p) || p->how == HOW_SHARD ? RUN_NODE : RUN_INPUT;
    return tick_chain(p, p->top, err);
}

static bool
may_help(const runner *r) {
    return r->threads > 1 && r->live == NULL && r->snapshots != NULL;
}

status
parallel_run(runner *r, const plan_node *n, int32_t at, run_extent *done, error *err) {
    parallel p = {.whole = r, .above = n, .port = at, .sink = r->once->sink};
    p.top = n == NULL ? r->once->plan->root : n->inputs[at];
    if (!may_help(r) || is_chain_node(n) ||
        (n != NULL && n->kind == PLAN_JOIN && at != n->build_side)) {
        return OK; /* the chain is taken from its upper end */
    }
    return run_chain(&p, done, err);
}

status
parallel_run_shared(runner *r, const plan_node *reader, run_extent *done, error *err) {
    parallel p = {.whole = r, .top = reader->inputs[0], .sink = spool_sink(r->once, reader)};
    return may_help(r) ? run_chain(&p, done, err) : OK;
}
