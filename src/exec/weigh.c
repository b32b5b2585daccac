/* SPDX-License-Identifier: Apache-2.0 */
/* weigh.c - what a row costs a stream, about, and what of its plan says on which threads it may
 * run: see abreast.c. */
#include "exec/engine_internal.h"
#include "plan/node.h"

static int64_t
cost_of_expr(const expr *e) {
    if (e->kind == EXPR_COLUMN || e->kind == EXPR_CONSTANT) {
        return 0;
    }
    bool    texts = e->type.id == TYPE_TEXT;
    int64_t ns = 0;
    for (int32_t i = 0; i < e->arg_count; i++) {
        ns += cost_of_expr(e->args[i]);
        texts = texts || e->args[i]->type.id == TYPE_TEXT;
    }
    return ns + (texts ? 15 : 2);
}

/* *remembers: the part of it that operators with state have. */
static int64_t
cost_of(const plan_node *n, int64_t *remembers) {
    int64_t ns = 0;
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        ns += cost_of(n->inputs[i], remembers);
    }
    switch (n->kind) {
    case PLAN_SCAN:
    case PLAN_UNION:
        return ns;
    case PLAN_PROJECT:
        for (int32_t i = 0; i < n->schema.count; i++) {
            ns += cost_of_expr(n->exprs[i]);
        }
        return ns;
    case PLAN_FILTER:
        return ns + 2 + cost_of_expr(n->predicate);
    default:
        *remembers += 20;
        return ns + 20;
    }
}

/* *seen: the shard that its leaves are of, as far as those before were. False: they are of several,
 * or one is of none. */
static bool
is_of_shard(const plan_node *n, const plan_shard **seen) {
    n = plan_whole(n);
    if (n->kind == PLAN_SCAN) {
        const bool first = *seen == NULL;
        *seen = first ? n->shard : *seen;
        return n->shard != NULL && n->object->kind != OBJECT_STREAM && (*seen)->at == n->shard->at;
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        if (!is_of_shard(n->inputs[i], seen)) {
            return false;
        }
    }
    return true;
}

/* All rows are looked at, and those of the shard are worked on. */
static void
weigh_shard(stream *s) {
    const plan_shard *shard = NULL;
    s->shard = 0;
    if (is_of_shard(s->plan.root, &shard) && shard != NULL) {
        s->shard = shard->at + 1;
        s->row_ns = 3 + s->row_ns / shard->count;
        s->tick_ns /= shard->count;
    }
}

/* Its gate lets through what comes, and nothing else is between the shards and its log. */
static bool
passes(const plan *p) {
    const plan_node *root = p->root;
    bool all = root->kind == PLAN_UNION && root->shard != NULL && p->emit_every_us == 0 &&
               (root->properties & (PLAN_APPEND_ONLY | PLAN_CONSOLIDATED)) != 0;
    for (int32_t i = 0; all && i < root->input_count; i++) {
        all = root->inputs[i]->kind == PLAN_SCAN && root->inputs[i]->object->part != NULL;
    }
    return all;
}

void
stream_weigh(stream *s) {
    ranges_drop(s);
    s->tick_ns = 0;
    s->row_ns = cost_of(s->plan.root, &s->tick_ns);
    s->stays = s->plan.routines != NULL || stream_holds_values(s->plan.root);
    s->by_row = plan_is_by_row(&s->plan);
    s->passes = passes(&s->plan);
    weigh_shard(s);
}
