/* SPDX-License-Identifier: Apache-2.0 */
/* shared.c - parts of a plan with several readers: a name of WITH that is read twice, the outer
 * rows of a correlated subquery. The plan is a graph there; every other node has one reader.
 *
 * All readers hold the same inputs array, which lies in the plan_shared: a rewrite of the root
 * through one of them is seen by all. */
#include "plan/node.h"

plan_shared *
shared_new(arena *a, plan_node *root) {
    plan_shared *s = arena_alloc_zero(a, sizeof(*s));
    if (s != NULL) {
        s->root = root;
    }
    return s;
}

plan_node *
shared_read(arena *a, plan_shared *shared) {
    const schema *s = &shared->root->schema;
    plan_node    *n = node_new(a, PLAN_SHARED, 1, s->count);
    int32_t      *map = arena_alloc(a, (size_t)s->count * sizeof(*map));
    if (n == NULL || map == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < s->count; i++) {
        map[i] = i;
        n->schema.fields[i] = s->fields[i];
    }
    n->inputs = &shared->root;
    n->shared = shared;
    n->column_map = map;
    return n;
}

static void
count_readers(plan_node *n) {
    if (n->kind == PLAN_SHARED && n->shared->reader_count++ > 0) {
        return;
    }
    for (int32_t i = 0; i < n->input_count; i++) {
        count_readers(n->inputs[i]);
    }
}

/* pruned_readers counts the visits meanwhile, and is 0 again after the last. */
static void
dissolve(plan_node **n) {
    while ((*n)->kind == PLAN_SHARED && (*n)->shared->reader_count == 1) {
        *n = (*n)->shared->root;
    }
    if ((*n)->kind == PLAN_SHARED) {
        plan_shared *s = (*n)->shared;
        if (++s->pruned_readers > 1) {
            s->pruned_readers = s->pruned_readers == s->reader_count ? 0 : s->pruned_readers;
            return;
        }
    }
    for (int32_t i = 0; i < (*n)->input_count; i++) {
        dissolve(&(*n)->inputs[i]);
    }
}

void
plan_settle_shared(plan_node **root) {
    count_readers(*root);
    dissolve(root);
}
