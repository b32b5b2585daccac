/* SPDX-License-Identifier: Apache-2.0 */
/* circuit.c - running a lowered plan: feeding leaves, ticking in order, closing. */
#include "exec/circuit.h"

#include "batch/builder.h"
#include "op/gate.h"
#include "op/spill.h"

void
circuit_close_ops(circuit *c) {
    for (int32_t i = 0; c->ops != NULL && i < c->plan->node_count; i++) {
        if (c->ops[i] != NULL) {
            op_close(c->ops[i]);
            c->ops[i] = NULL;
            (void)interrupt_stops(); /* of a query, which asks for the answer when all is done */
        }
    }
}

void
circuit_close(circuit *c) {
    if (c == NULL) {
        return;
    }
    circuit_close_ops(c);
    spools_close(c);
    recursions_close(c);
    if (c->gate != NULL) {
        op_close(c->gate);
    }
    if (c->held != NULL) {
        op_close(c->held);
    }
    if (c->sink != NULL) {
        op_close(c->sink);
    }
    if (c->store != NULL) {
        store_close(c->store);
    }
    if (c->env.results != NULL) {
        store_close(c->env.results);
    }
    arena_fini(&c->tick_arena);
    arena_fini(&c->scratch);
    arena_fini(&c->arena);
    mem_free(c->mem, c, sizeof(*c));
}

void
circuit_measure(circuit *c, engine_clock *clock, const mem *account) {
    c->profile = (op_profile){.clock = clock, .account = account};
    c->env.profile = &c->profile;
}

void
circuit_use_disk(circuit *c, spill_place *place) {
    c->env.spill = place;
    c->env.spill_base = spill_bytes_used(&c->env);
}

void
circuit_add_profile(const circuit *c, plan_profile *total) {
    for (int32_t i = 0; i < c->plan->node_count; i++) {
        const op *o = c->ops[i];
        if (o != NULL) {
            total[i].rows_in += o->rows_in;
            total[i].rows_out += o->rows_out;
            total[i].spent_ns += o->spent_ns;
            total[i].bytes += o->bytes_max;
            total[i].spilled_bytes += o->spilled_bytes;
        }
    }
}

bool
circuit_is_live_leaf(const circuit *live, const plan_node *n) {
    const op *o = live->ops[n->id];
    return o != NULL && o->class->snapshot != NULL;
}

op *
circuit_exit(const circuit *c) {
    return c->gate;
}

status
circuit_feed(circuit *c, op *leaf, const delta *rows, error *err) {
    const arena_mark mark = arena_save(&c->scratch);
    if (rows->row_count <= BATCH_ROWS) {
        const status s = op_push(leaf, 0, rows, err);
        arena_rewind(&c->scratch, mark);
        return s;
    }
    for (int32_t first = 0; first < rows->row_count; first += BATCH_ROWS) {
        column *columns =
            arena_alloc(&c->scratch, sizeof(column) * (size_t)(rows->column_count + 1));
        if (columns == NULL) {
            return error_memory(err);
        }
        for (int32_t i = 0; i < rows->column_count; i++) {
            columns[i] = column_slice(&rows->columns[i], first);
        }
        const int32_t left = rows->row_count - first;
        const delta   slice = {.row_count = left < BATCH_ROWS ? left : BATCH_ROWS,
                               .column_count = rows->column_count,
                               .columns = columns,
                               .weight = rows->weight == NULL ? NULL : rows->weight + first};
        const status  s = op_push(leaf, 0, &slice, err);
        c->env.dealt = c->env.dealt == NULL ? NULL : c->env.dealt + slice.row_count;
        arena_rewind(&c->scratch, mark);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

/* VALUES: the rows are constant expressions. */
static status
feed_values(circuit *c, const plan_node *n, arena *a, error *err) {
    const int32_t width = n->schema.count;
    data_type    *types = arena_alloc(a, sizeof(data_type) * (size_t)(width + 1));
    column       *columns = arena_alloc(a, sizeof(column) * (size_t)(width + 1));
    if (types == NULL || columns == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < width; i++) {
        types[i] = n->schema.fields[i].type;
    }
    builder rows;
    status  s = builder_init(&rows, c->mem, types, width, err);
    for (int32_t i = 0; s == OK && i < n->row_count * width; i++) {
        value v;
        s = expr_evaluate(&v, n->exprs[i], c->env.eval, a, err);
        if (s == OK) {
            s = column_append_value(&rows, i % width, &v, err);
        }
    }
    if (s == OK) {
        delta view;
        builder_view(&rows, columns, &view);
        s = circuit_feed(c, c->ops[n->id], &view, err);
    }
    builder_fini(&rows);
    return s;
}

status
circuit_feed_constant(circuit *c, const plan_node *n, error *err) {
    if (n->kind == PLAN_SINGLE) {
        const delta one = {.row_count = 1};
        return circuit_feed(c, c->ops[n->id], &one, err);
    }
    arena a;
    arena_init(&a, c->mem);
    const status s = feed_values(c, n, &a, err);
    arena_fini(&a);
    return s;
}

status
circuit_pick(circuit *c, const delta *rows, int sign, int32_t **picked, int32_t *count,
             error *err) {
    int64_t total = 0;
    for (int32_t i = 0; i < rows->row_count; i++) {
        total += max_i64(rows->weight[i] * sign, 0);
    }
    if (total > INT32_MAX) {
        return error_set(err, ERR_QUERY_FAILED, "more than 2^31 rows in one change");
    }
    *picked = arena_alloc(&c->scratch, sizeof(int32_t) * (size_t)(total + 1));
    if (*picked == NULL) {
        return error_memory(err);
    }
    int32_t n = 0;
    for (int32_t i = 0; i < rows->row_count; i++) {
        for (int64_t w = 0; w < rows->weight[i] * sign; w++) {
            (*picked)[n++] = i;
        }
    }
    *count = n;
    return OK;
}

status
circuit_present(circuit *c, const delta *rows, delta *out, error *err) {
    if (rows->weight == NULL) {
        *out = *rows;
        return OK;
    }
    int32_t *picked;
    int32_t  count;
    TRY(circuit_pick(c, rows, 1, &picked, &count, err));
    TRY(delta_gather(out, rows, picked, count, &c->scratch, err));
    out->weight = NULL;
    return OK;
}

/* Most operators of a circuit have nothing to do when a tick ends: they learn the frontier. */
static bool
is_idle_at_tick(const op *o) {
    return o->class->tick == NULL || o->spec->pass_through ||
           (o->class == &op_collect_class && o->spec->sink.tick == NULL);
}

status
circuit_tick_op(circuit *c, op *o, int64_t frontier_us, error *err) {
    if (is_idle_at_tick(o)) {
        o->frontier_us = max_i64(o->frontier_us, frontier_us);
        return OK;
    }
    const arena_mark mark = arena_save(&c->scratch);
    const status     s = op_tick(o, frontier_us, err);
    arena_rewind(&c->scratch, mark);
    return s;
}

int64_t
circuit_state_bytes(const circuit *c, int32_t id) {
    const array_range r = c->arrays[id];
    int64_t           bytes = 0;
    for (uint32_t i = 0; i < r.count; i++) {
        const state_array *a = store_array_at(c->store, r.first + i);
        bytes += a == NULL ? 0 : (int64_t)a->bytes;
    }
    return bytes;
}

#ifndef NDEBUG
#define CHECKED_ROWS 256 /* of an operator's state: a check reads all of it */

_Atomic bool circuit_checks = true;

static void
check_op(const op *o) {
    if (o == NULL || o->class->validate == NULL) {
        return;
    }
    if ((o->class->state_rows != NULL ? o->class->state_rows(o) : o->rows_in) <= CHECKED_ROWS) {
        error        fault = {.position = -1};
        const status valid = o->class->validate(o, &fault);
        assert(valid != ERR_INTERNAL_ERROR); /* memory may be short here as anywhere */
    }
}

/* After a tick the state of every operator obeys its own rules. */
static void
check_state(const circuit *c) {
    if (!atomic_load_explicit(&circuit_checks, memory_order_relaxed)) {
        return;
    }
    for (int32_t i = 0; i < c->plan->node_count; i++) {
        check_op(c->ops[i]);
    }
    check_op(c->gate);
    check_op(c->held);
}
#endif

static status
tick_nodes(circuit *c, int64_t frontier_us, error *err) {
    const int32_t count = c->plan->node_count;
    for (int32_t i = 0; i < count; i++) {
        if (c->ops[i] != NULL) {
            TRY(circuit_tick_op(c, c->ops[i], frontier_us, err));
        }
    }
    return OK;
}

/* ---- state_ttl */

static status
forget(circuit *c, int64_t clock_us, error *err) {
    c->env.clock_us = clock_us;
    for (int32_t i = 0; i < c->plan->node_count; i++) {
        op *o = c->ops[i];
        if (o != NULL && o->class->forget != NULL) {
            const arena_mark mark = arena_save(&c->scratch);
            TRY(o->class->forget(o, err));
            arena_rewind(&c->scratch, mark);
        }
    }
    arena_reset(&c->tick_arena);
    return OK;
}

bool
circuit_is_step(const circuit *c, int64_t clock_us) {
    return clock_us > c->env.clock_us &&
           ages_step(c->env.ttl_us, clock_us) != ages_step(c->env.ttl_us, c->env.clock_us);
}

status
circuit_pass_time(circuit *c, int64_t clock_us, error *err) {
    if (!circuit_is_step(c, clock_us)) {
        c->env.clock_us = max_i64(c->env.clock_us, clock_us);
        return OK;
    }
    TRY(tick_nodes(c, INT64_MIN, err)); /* each stays at its frontier */
    arena_reset(&c->tick_arena);
    return forget(c, clock_us, err);
}

int64_t
circuit_forgets_at_us(const circuit *c) {
    int64_t due_us = INT64_MAX;
    for (int32_t i = 0; i < c->plan->node_count; i++) {
        for (int32_t k = 0; k < 2 && c->ops[i] != NULL; k++) {
            const idle_book *a = c->ops[i]->ages[k];
            due_us = a == NULL ? due_us : min_i64(due_us, ages_due_us(a));
        }
    }
    return due_us;
}

status
circuit_tick(circuit *c, int64_t frontier_us, error *err) {
    TRY(tick_nodes(c, frontier_us, err));
    if (c->gate != NULL) {
        TRY(circuit_tick_op(c, c->gate, frontier_us, err));
    }
    if (c->held != NULL) {
        TRY(circuit_tick_op(c, c->held, frontier_us, err));
    }
    TRY(circuit_tick_op(c, c->sink, frontier_us, err));
    arena_reset(&c->tick_arena);
    c->ticked = true;
#ifndef NDEBUG
    check_state(c);
#endif
    c->within = NULL;
    if (c->env.ttl_us > 0 && circuit_is_step(c, frontier_us)) {
        return forget(c, frontier_us, err);
    }
    c->env.clock_us = max_i64(c->env.clock_us, frontier_us);
    return OK;
}

status
circuit_release(circuit *c, error *err) {
    gate_release(c->held);
    return circuit_tick_op(c, c->held, c->held->frontier_us, err);
}

static void
want_below(circuit *c, const plan_node *n, bool wanted) {
    if (c->ops[n->id] == NULL) {
        return;
    }
    c->ops[n->id]->old_rows_wanted = wanted;
    /* Where nothing is remembered they are needed only when the reader needs them; all else must
     * see what left. */
    const bool passes = n->kind == PLAN_PROJECT || (n->kind == PLAN_UNION && n->shard != NULL);
    const bool below = passes ? wanted : true;
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        want_below(c, n->inputs[i], below);
    }
}

void
circuit_want_old_rows(circuit *c, bool wanted) {
    want_below(c, c->plan->root, wanted);
}

/* Shards are alike. */
static const plan_node *
any_shard(const plan_node *n) {
    return n->kind == PLAN_UNION && n->shard != NULL ? plan_whole(n->inputs[0]) : n;
}

/* Does column `at` of n show a count that every row of its group changes? */
static bool
is_row_count(const plan_node *n, int32_t at) {
    for (n = any_shard(n); n->kind == PLAN_PROJECT; n = any_shard(n->inputs[0])) {
        const expr *e = n->exprs[at];
        if (e->kind != EXPR_COLUMN) {
            return false;
        }
        at = e->column;
    }
    if (n->kind != PLAN_AGGREGATE || at < n->key_count) {
        return false;
    }
    const plan_agg *call = &n->aggs[at - n->key_count];
    return call->class->changes_every_row && call->filter < 0 && !call->distinct &&
           call->signature.column_count == 0;
}

bool
circuit_is_upsert(const plan *p) {
    const plan_node *grouping = any_shard(p->root);
    while (grouping->kind == PLAN_PROJECT) {
        grouping = any_shard(grouping->inputs[0]);
    }
    if (p->emit != EMIT_UPDATE || p->emit_every_us > 0 || grouping->kind != PLAN_AGGREGATE ||
        p->key_count == 0) {
        return false;
    }
    for (int32_t i = 0; i < p->root->schema.count; i++) {
        if (is_row_count(p->root, i)) {
            return true;
        }
    }
    return false;
}
