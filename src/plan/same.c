/* SPDX-License-Identifier: Apache-2.0 */
/* same.c - parts of streams' plans that are equal: over the same rows they give the same changes at
 * every tick, so the operators of one serve both.
 *
 * Names of columns, places in the SQL text and ids do not count. A scan of a part that streams
 * share stands for that part. */
#include "batch/routine.h"
#include "expr/call.h"
#include "plan/node.h"

enum { NODES_MAX = 10000 }; /* a plan unfolds where readers of a shared part meet */

const plan_node *
plan_whole(const plan_node *n) {
    while (n->kind == PLAN_SCAN && n->object->part != NULL) {
        n = n->object->part;
    }
    return n;
}

static bool
same_columns(const int32_t *a, const int32_t *b, int32_t count) {
    if (a == NULL || b == NULL) {
        return a == b || count == 0;
    }
    for (int32_t i = 0; i < count; i++) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

static bool
same_orders(const sort_key *a, const sort_key *b, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (a[i].column != b[i].column || a[i].descending != b[i].descending ||
            a[i].nulls_first != b[i].nulls_first) {
            return false;
        }
    }
    return true;
}

static bool
same_exprs(expr *const *a, expr *const *b, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (!expr_equal(a[i], b[i])) {
            return false;
        }
    }
    return true;
}

static bool
same_schemas(const schema *a, const schema *b) {
    if (a->count != b->count) {
        return false;
    }
    for (int32_t i = 0; i < a->count; i++) {
        if (!type_equal(a->fields[i].type, b->fields[i].type)) {
            return false;
        }
    }
    return true;
}

static bool
same_signatures(const agg_signature *a, const agg_signature *b) {
    if (a->column_count != b->column_count || a->argument_count != b->argument_count ||
        a->order_count != b->order_count || a->constant_count != b->constant_count ||
        !routine_same(a->routine, b->routine) || !type_equal(a->output, b->output)) {
        return false;
    }
    for (int32_t i = 0; a->literal != NULL && i < a->argument_count + a->constant_count; i++) {
        if (a->literal[i] != b->literal[i]) {
            return false;
        }
    }
    for (int32_t i = 0; i < a->column_count; i++) {
        if (!type_equal(a->types[i], b->types[i])) {
            return false;
        }
    }
    for (int32_t i = 0; i < a->constant_count; i++) {
        if (!constant_equal(&a->constants[i], &b->constants[i])) {
            return false;
        }
    }
    return same_orders(a->orders, b->orders, a->order_count);
}

static bool
same_aggs(const plan_node *a, const plan_node *b) {
    for (int32_t i = 0; i < a->agg_count; i++) {
        const plan_agg *x = &a->aggs[i], *y = &b->aggs[i];
        if (x->class != y->class || x->filter != y->filter || x->distinct != y->distinct ||
            !same_signatures(&x->signature, &y->signature) ||
            !same_columns(x->columns, y->columns, x->signature.column_count)) {
            return false;
        }
    }
    return true;
}

static bool
same_overs(const plan_node *a, const plan_node *b) {
    for (int32_t i = 0; i < a->over_count; i++) {
        const over_call *x = &a->overs[i], *y = &b->overs[i];
        if (x->kind != y->kind || x->class != y->class || x->distinct != y->distinct ||
            x->argument != y->argument || x->filter != y->filter ||
            x->count_column != y->count_column || x->count != y->count ||
            x->fallback != y->fallback || x->ignore_nulls != y->ignore_nulls ||
            !type_equal(x->type, y->type) || !over_frame_equal(&x->frame, &y->frame)) {
            return false;
        }
        if (x->kind == OVER_AGGREGATE &&
            (!same_signatures(&x->signature, &y->signature) ||
             !same_columns(x->columns, y->columns, x->signature.column_count))) {
            return false;
        }
    }
    return true;
}

static bool
same_bounds(const join_bound *a, const join_bound *b) {
    if (a == NULL || b == NULL) {
        return a == b;
    }
    for (int32_t i = 0; i < 2; i++) {
        if (a->columns[i] != b->columns[i] || a->kept_us[i] != b->kept_us[i] ||
            a->judged_us[i] != b->judged_us[i] || a->late_counts[i] != b->late_counts[i] ||
            !same_columns(a->late_columns[i], b->late_columns[i], a->late_counts[i])) {
            return false;
        }
    }
    return a->interval == b->interval && a->page_us == b->page_us;
}

static bool
same_extremes(const join_extreme *a, const join_extreme *b) {
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return a->side == b->side && a->greatest == b->greatest && a->key == b->key &&
           a->group_count == b->group_count && a->time == b->time && a->lo == b->lo &&
           a->hi == b->hi && a->base == b->base && a->slide == b->slide &&
           a->together == b->together && same_columns(a->groups, b->groups, a->group_count) &&
           same_columns(a->equals, b->equals, a->group_count);
}

static bool
same_shards(const plan_shard *a, const plan_shard *b) {
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return a->at == b->at && a->count == b->count && a->width == b->width &&
           same_columns(a->columns, b->columns, a->width);
}

/* The plain fields. Whoever adds one to plan_node compares it here, or in same_lists: two parts
 * that differ in it must not pass for equal. */
static_assert(sizeof(void *) != 8 || sizeof(plan_node) == 440,
              "compare what is new in plan_node, then say its new size");
static bool
same_fields(const plan_node *a, const plan_node *b) {
    return a->kind == b->kind && a->properties == b->properties &&
           a->input_count == b->input_count && a->object == b->object &&
           routine_same(a->routine, b->routine) && a->first_row == b->first_row &&
           a->relation == b->relation && a->versions == b->versions &&
           a->kept_count == b->kept_count && a->row_count == b->row_count &&
           a->key_count == b->key_count && a->over_count == b->over_count && a->join == b->join &&
           a->match == b->match && a->ages[0] == b->ages[0] && a->ages[1] == b->ages[1] &&
           a->agg_count == b->agg_count && a->window_key == b->window_key &&
           a->session_key == b->session_key && a->time_column == b->time_column &&
           a->late_count == b->late_count && a->window == b->window &&
           a->window_size_us == b->window_size_us && a->window_slide_us == b->window_slide_us &&
           a->window_offset_us == b->window_offset_us && a->pane_us == b->pane_us &&
           a->pane_key == b->pane_key && a->lateness_us == b->lateness_us &&
           a->emit_at_close == b->emit_at_close && a->retain == b->retain &&
           a->retain_amount == b->retain_amount && a->emit_at_end == b->emit_at_end &&
           a->sort_count == b->sort_count && a->limit == b->limit && a->offset == b->offset &&
           a->inclusive == b->inclusive && a->distinct == b->distinct &&
           same_schemas(&a->schema, &b->schema);
}

static int32_t
expr_count(const plan_node *n) {
    switch (n->kind) {
    case PLAN_VALUES:
        return n->row_count * n->schema.count;
    case PLAN_PROJECT:
        return n->schema.count;
    case PLAN_KEEP:
        return n->kept_count;
    default:
        return 0;
    }
}

static bool
same_predicates(const expr *a, const expr *b) {
    return a == NULL || b == NULL ? a == b : expr_equal(a, b);
}

static bool
same_keys(const plan_node *a, const plan_node *b) {
    for (int32_t i = 0; a->kind == PLAN_JOIN && i < a->key_count; i++) {
        const bool x = a->null_safe != NULL && a->null_safe[i];
        const bool y = b->null_safe != NULL && b->null_safe[i];
        if (x != y) {
            return false;
        }
    }
    const int32_t listed = a->kind == PLAN_SERIES ? 3 : a->key_count;
    const int32_t joined = a->key_count + (a->kind == PLAN_ASOF); /* the match comes last */
    return same_columns(a->key_columns, b->key_columns, listed) &&
           same_columns(a->left_keys, b->left_keys, joined) &&
           same_columns(a->right_keys, b->right_keys, joined);
}

/* Of the columns that a processor is given. */
static bool
same_names(const plan_node *a, const plan_node *b) {
    for (int32_t i = 0; a->names != NULL && i < a->inputs[0]->schema.count; i++) {
        if (b->names == NULL || !text_equal(a->names[i], b->names[i])) {
            return false;
        }
    }
    return true;
}

/* What the fields tell the length of. */
static bool
same_lists(const plan_node *a, const plan_node *b) {
    return same_columns(a->column_map, b->column_map, a->schema.count) &&
           same_columns(a->late_columns, b->late_columns, a->late_count) && same_keys(a, b) &&
           same_exprs(a->exprs, b->exprs, expr_count(a)) &&
           same_predicates(a->predicate, b->predicate) && same_bounds(a->bound, b->bound) &&
           same_extremes(a->extreme, b->extreme) && same_shards(a->shard, b->shard) &&
           same_orders(a->sort_keys, b->sort_keys, a->sort_count) && same_aggs(a, b) &&
           same_names(a, b) && same_overs(a, b) &&
           (a->kind != PLAN_ASOF || constant_equal(&a->tolerance, &b->tolerance));
}

static bool
same_nodes(const plan_node *a, const plan_node *b, int32_t *left) {
    a = plan_whole(a);
    b = plan_whole(b);
    if (a == b) {
        return true;
    }
    if (--*left < 0 || !same_fields(a, b) || !same_lists(a, b)) {
        return false;
    }
    for (int32_t i = 0; i < a->input_count; i++) {
        if (!same_nodes(a->inputs[i], b->inputs[i], left)) {
            return false;
        }
    }
    return true;
}

bool
plan_same(const plan_node *a, const plan_node *b) {
    int32_t left = NODES_MAX;
    return same_nodes(a, b, &left);
}

bool
plan_has_state(const plan_node *n) {
    bool found = n->kind == PLAN_AGGREGATE || n->kind == PLAN_JOIN || n->kind == PLAN_ASOF ||
                 n->kind == PLAN_OVER || n->kind == PLAN_DISTINCT || n->kind == PLAN_TOP_N;
    for (int32_t i = 0; !found && i < n->input_count; i++) {
        found = plan_has_state(n->inputs[i]);
    }
    return found;
}

bool
scan_shows_arrival(const plan_node *scan) {
    for (int32_t i = 0; i < scan->schema.count; i++) {
        if (scan->column_map[i] == SCAN_ARRIVAL) {
            return true;
        }
    }
    return false;
}

bool
plan_is_own(const plan_node *n) {
    const bool sends =
        n->late_count > 0 ||
        (n->bound != NULL && (n->bound->late_counts[0] > 0 || n->bound->late_counts[1] > 0));
    bool found = sends || n->kind == PLAN_KEEP || n->kind == PLAN_PROCESS ||
                 n->kind == PLAN_RELATION ||
                 (n->kind == PLAN_SCAN && (n->versions || scan_shows_arrival(n)));
    for (int32_t i = 0; !found && i < n->input_count; i++) {
        found = plan_is_own(n->inputs[i]);
    }
    return found;
}

plan_node *
plan_scan_part(arena *a, const plan_node *of, object *part) {
    plan_node *n = node_new(a, PLAN_SCAN, 0, of->schema.count);
    int32_t   *map = arena_alloc(a, sizeof(*map) * (size_t)(of->schema.count + 1));
    if (n == NULL || map == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < of->schema.count; i++) {
        n->schema.fields[i] = of->schema.fields[i];
        map[i] = i;
    }
    n->id = of->id;
    n->properties = of->properties;
    n->object = part;
    n->column_map = map;
    return n;
}

static bool
holds(const plan_node *n, const plan_node *what) {
    bool found = n == what;
    for (int32_t i = 0; !found && i < n->input_count; i++) {
        found = holds(n->inputs[i], what);
    }
    return found;
}

status
plan_replace(plan_node **root, arena *a, const plan_node *what, plan_node *by, error *err) {
    if (*root == what) {
        *root = by;
        return OK;
    }
    plan_node   *copy = arena_alloc(a, sizeof(*copy));
    const size_t size = sizeof(*copy->inputs) * (size_t)((*root)->input_count + 1);
    plan_node  **inputs = arena_alloc_zero(a, size);
    if (copy == NULL || inputs == NULL) {
        return error_memory(err);
    }
    *copy = **root;
    copy->inputs = inputs;
    for (int32_t i = 0; i < copy->input_count; i++) {
        inputs[i] = (*root)->inputs[i];
        if (holds(inputs[i], what)) {
            TRY(plan_replace(&inputs[i], a, what, by, err));
        }
    }
    *root = copy;
    return OK;
}
