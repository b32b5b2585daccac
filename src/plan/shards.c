/* SPDX-License-Identifier: Apache-2.0 */
/* shards.c - WITH (shards = ...) of a stream: its plan in parts that have nothing in common.
 *
 * A column of a node is *traced* when its value is that of a column in each leaf below, and rows
 * with different values of it never meet on the way: then the node over all rows is the UNION ALL
 * of the node over each part of the rows, whichever way they are parted by these columns. So the
 * highest node of which a column is traced, or the keys of which are, takes the place of `count`
 * copies below a UNION, and the leaves of copy i keep the rows whose columns fall to i.
 *
 * Which rows those are is decided by hash_columns and op_shard, and is part of what a checkpoint
 * keeps: the state of copy i is that of its rows. */
#include "plan/node.h"

enum { SHARED_MAX = 16 };

typedef struct tracing {
    arena  *arena;
    int32_t width;   /* of the columns by which rows are parted, */
    int32_t at;      /* and which of them is traced; */
    bool    records; /* then leaves are told */
    bool    failed;  /* out of memory */
    int32_t shared_count;
    struct {
        const plan_shared *shared;
        int32_t            number; /* of a column of the root */
    } shared[SHARED_MAX];
} tracing;

static bool trace(tracing *t, plan_node *n, int32_t number);

static bool
trace_scan(tracing *t, plan_node *n, int32_t number) {
    if (!t->records) {
        return true;
    }
    if (n->shard == NULL) {
        n->shard = arena_alloc_zero(t->arena, sizeof(*n->shard));
        int32_t *columns = arena_alloc_zero(t->arena, sizeof(*columns) * (size_t)t->width);
        if (n->shard == NULL || columns == NULL) {
            t->failed = true;
            return false;
        }
        n->shard->width = t->width;
        n->shard->columns = columns;
    }
    n->shard->columns[t->at] = number;
    return true;
}

/* All readers see the same part, so they must ask for the same. */
static bool
trace_shared(tracing *t, plan_node *n, int32_t number) {
    number = n->column_map == NULL ? number : n->column_map[number];
    for (int32_t i = 0; i < t->shared_count; i++) {
        if (t->shared[i].shared == n->shared) {
            return t->shared[i].number == number;
        }
    }
    if (t->shared_count == SHARED_MAX) {
        return false;
    }
    t->shared[t->shared_count].shared = n->shared;
    t->shared[t->shared_count++].number = number;
    return trace(t, n->shared->root, number);
}

/* Key number k of both sides. */
static bool
trace_key(tracing *t, const plan_node *n, int32_t k) {
    const int32_t before = t->shared_count;
    if (trace(t, n->inputs[0], n->left_keys[k]) && trace(t, n->inputs[1], n->right_keys[k])) {
        return true;
    }
    t->shared_count = before;
    return false;
}

/* A side that unmatched rows of the other pad with NULL shows no key. */
static bool
trace_join(tracing *t, const plan_node *n, int32_t number) {
    const int32_t left = n->inputs[0]->schema.count;
    number = n->column_map == NULL ? number : n->column_map[number];
    const int32_t side = number < left ? 0 : 1;
    const bool    is_mark = number >= left + n->inputs[1]->schema.count;
    const bool    shown = n->kind == PLAN_ASOF ? side == 0 : !is_mark && !join_pads(n->join, side);
    const int32_t own = side == 0 ? number : number - left;
    for (int32_t k = 0; shown && k < n->key_count; k++) {
        if ((side == 0 ? n->left_keys : n->right_keys)[k] == own && trace_key(t, n, k)) {
            return true;
        }
    }
    return false;
}

static bool
is_among(const int32_t *columns, int32_t count, int32_t number) {
    for (int32_t i = 0; i < count; i++) {
        if (columns[i] == number) {
            return true;
        }
    }
    return false;
}

static bool
trace(tracing *t, plan_node *n, int32_t number) {
    const int32_t below = n->input_count == 0 ? 0 : n->inputs[0]->schema.count;
    switch (n->kind) {
    case PLAN_SCAN:
        return trace_scan(t, n, number);
    case PLAN_PROJECT:
        return n->exprs[number]->kind == EXPR_COLUMN &&
               trace(t, n->inputs[0], n->exprs[number]->column);
    case PLAN_FILTER:
    case PLAN_DISTINCT:
        return trace(t, n->inputs[0], number);
    case PLAN_WINDOW:
        return number < below && trace(t, n->inputs[0], number);
    case PLAN_AGGREGATE: /* sessions of one key may meet; panes become windows here */
        return number < n->key_count && number != n->session_key &&
               !(n->pane_us > 0 && number == n->pane_key) && trace(t, n->inputs[0], number);
    case PLAN_TOP_N:
    case PLAN_OVER:
        return number < below && is_among(n->key_columns, n->key_count, number) &&
               trace(t, n->inputs[0], number);
    case PLAN_JOIN:
    case PLAN_ASOF:
        return trace_join(t, n, number);
    case PLAN_UNION:
        for (int32_t i = 0; i < n->input_count; i++) {
            if (!trace(t, n->inputs[i], number)) {
                return false;
            }
        }
        return true;
    case PLAN_SHARED:
        return trace_shared(t, n, number);
    default:
        return false;
    }
}

/* ---- which columns */

typedef struct keys { /* of a node */
    int32_t count;
    int32_t items[SHARD_COLUMNS_MAX];
    bool    of_join; /* numbers of its keys, else of its columns */
} keys;

static bool
trace_item(tracing *t, plan_node *n, const keys *k, int32_t item) {
    t->shared_count = 0;
    return k->of_join ? trace_key(t, n, item) : trace(t, n, item);
}

static void
find_keys(plan_node *n, keys *k) {
    tracing t = {.width = 0};
    *k = (keys){.of_join = n->kind == PLAN_JOIN || n->kind == PLAN_ASOF};
    const int32_t most = k->of_join ? n->key_count : n->schema.count;
    for (int32_t i = 0; i < most && k->count < SHARD_COLUMNS_MAX; i++) {
        if (trace_item(&t, n, k, i)) {
            k->items[k->count++] = i;
        }
    }
}

/* ---- copies */

typedef struct copied { /* of a part of the plan with several readers */
    struct copied     *next;
    const plan_shared *of;
    plan_shared       *made;
} copied;

typedef struct copying {
    arena  *arena;
    int32_t at, count;
    copied *parts;
} copying;

static plan_node *copy(copying *c, const plan_node *n);

static plan_shared *
copy_shared(copying *c, const plan_shared *of) {
    for (const copied *p = c->parts; p != NULL; p = p->next) {
        if (p->of == of) {
            return p->made;
        }
    }
    copied      *part = arena_alloc(c->arena, sizeof(*part));
    plan_shared *made = arena_alloc(c->arena, sizeof(*made));
    if (part == NULL || made == NULL) {
        return NULL;
    }
    *made = *of;
    made->first = NULL;
    made->root = copy(c, of->root);
    *part = (copied){.next = c->parts, .of = of, .made = made};
    c->parts = part;
    return made->root == NULL ? NULL : made;
}

static bool
copy_shard(const copying *c, plan_node *made) {
    plan_shard *s = arena_alloc(c->arena, sizeof(*s));
    if (s != NULL) {
        *s = *made->shard;
        s->at = c->at;
        s->count = c->count;
        made->shard = s;
    }
    return s != NULL;
}

/* NULL: out of memory. */
static plan_node *
copy(copying *c, const plan_node *n) {
    plan_node  *made = arena_alloc(c->arena, sizeof(*made));
    plan_node **inputs = arena_alloc(c->arena, sizeof(*inputs) * (size_t)(n->input_count + 1));
    if (made == NULL || inputs == NULL) {
        return NULL;
    }
    *made = *n;
    made->inputs = inputs;
    if (made->shard != NULL && !copy_shard(c, made)) {
        return NULL;
    }
    if (n->kind == PLAN_SHARED) {
        made->shared = copy_shared(c, n->shared);
        inputs[0] = made->shared == NULL ? NULL : made->shared->root;
        return inputs[0] == NULL ? NULL : made;
    }
    for (int32_t i = 0; i < n->input_count; i++) {
        inputs[i] = copy(c, n->inputs[i]);
        if (inputs[i] == NULL) {
            return NULL;
        }
    }
    return made;
}

/* ---- the plan */

typedef struct dealing {
    arena  *arena;
    int32_t count;
    int32_t nodes; /* that were dealt out */
} dealing;

static status
deal(plan_node **at, dealing *d, const keys *k, error *err) {
    plan_node *n = *at;
    tracing    t = {.arena = d->arena, .width = k->count, .records = true};
    for (int32_t i = 0; i < k->count; i++) {
        t.at = i;
        (void)trace_item(&t, n, k, k->items[i]);
    }
    plan_node  *all = node_new(d->arena, PLAN_UNION, d->count, n->schema.count);
    plan_shard *shard = arena_alloc_zero(d->arena, sizeof(*shard));
    if (t.failed || all == NULL || shard == NULL) {
        return error_memory(err);
    }
    all->schema = n->schema;
    *shard = (plan_shard){.count = d->count};
    all->shard = shard;
    for (int32_t i = 0; i < d->count; i++) {
        copying c = {.arena = d->arena, .at = i, .count = d->count};
        all->inputs[i] = copy(&c, n);
        if (all->inputs[i] == NULL) {
            return error_memory(err);
        }
    }
    *at = all;
    d->nodes++;
    return OK;
}

/* The highest nodes; not within what several read, which would have to be dealt out for all. */
static status
deal_below(plan_node **at, dealing *d, error *err) {
    plan_node *n = *at;
    keys       k;
    if (!plan_has_state(n)) {
        return OK;
    }
    find_keys(n, &k);
    if (k.count > 0) {
        return deal(at, d, &k, err);
    }
    for (int32_t i = 0; n->kind != PLAN_SHARED && i < n->input_count; i++) {
        TRY(deal_below(&n->inputs[i], d, err));
    }
    return OK;
}

static status
refuse(int32_t position, const char *why, const char *hint, error *err) {
    error_set_at(err, ERR_INVALID_SCHEMA, position, "shards: %s", why);
    return error_hint(err, "%s", hint);
}

status
plan_set_shards(plan *p, arena *a, int32_t count, int32_t position, error *err) {
    static const char *const leave = "leave it out: the stream runs as one";
    dealing                  d = {.arena = a, .count = count};
    if (count <= 1) {
        return OK;
    }
    if (p->ttl_us > 0) {
        return refuse(position, "what state_ttl ends is kept in one place",
                      "leave out one of the two options", err);
    }
    if (p->by_clock) {
        return refuse(position, "windows that the clock closes are kept in one place", leave, err);
    }
    if (p->routines != NULL) {
        return refuse(position, "functions of the program's are called by one thread", leave, err);
    }
    if (plan_is_own(p->root)) {
        return refuse(position,
                      "late rows that are sent to a source, and values of random() and the like, "
                      "come one after the other",
                      leave, err);
    }
    TRY(deal_below(&p->root, &d, err));
    if (d.nodes == 0) {
        return refuse(position,
                      "no group, join or partition of the query is by a column that comes from its "
                      "inputs as it is",
                      "leave it out, or group by such a column: GROUP BY symbol; an expression "
                      "can be a column of a stream that this one reads",
                      err);
    }
    p->shards = count;
    plan_number(p);
    return OK;
}
