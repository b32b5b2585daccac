/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite_panes.c - hopping windows by panes: a row goes into one pane, not into size / slide
 * windows.
 *
 * A pane is the greatest span of which slide and size are multiples, so each window is a run of
 * panes, and its groups are merged from theirs: when it is final, in streams that show windows
 * once, else at the tick, from what is new. That is for streams over rows that are not taken back,
 * where every call merges and nothing but the grouping looks at the start of the window. */
#include "plan/node.h"

#define SLIDE_PANES_MAX 8

static int64_t
common_divisor(int64_t a, int64_t b) {
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

typedef struct use {
    int32_t number, count;
} use;

static void
count_use(void *arg, int32_t *number) {
    use *u = arg;
    u->count += *number == u->number;
}

static bool
uses(expr *e, int32_t number) {
    use u = {.number = number};
    expr_visit_columns(e, count_use, &u);
    return u.count > 0;
}

/* The WINDOW whose start is column `number`, when nothing in between computes with it; else NULL.
 */
static plan_node *
window_below(plan_node *n, int32_t number) {
    for (;; n = n->inputs[0]) {
        if (n->kind == PLAN_WINDOW) {
            return number == n->inputs[0]->schema.count ? n : NULL;
        }
        if (n->kind == PLAN_FILTER && !uses(n->predicate, number)) {
            continue;
        }
        if (n->kind != PLAN_PROJECT || n->exprs[number]->kind != EXPR_COLUMN) {
            return NULL;
        }
        const int32_t below = n->exprs[number]->column;
        for (int32_t i = 0; i < n->schema.count; i++) {
            if (i != number && uses(n->exprs[i], below)) {
                return NULL;
            }
        }
        number = below;
    }
}

static bool
merges(const plan_node *n, int32_t key) {
    for (int32_t i = 0; i < n->agg_count; i++) {
        const plan_agg *call = &n->aggs[i];
        if (call->distinct || call->class->keeps_rows ||
            !agg_can_merge(call->class, &call->signature) || call->filter == key) {
            return false;
        }
        for (int32_t k = 0; k < call->signature.column_count; k++) {
            if (call->columns[k] == key) {
                return false;
            }
        }
    }
    return true;
}

/* Panes are numbered, and so are runs of them: some bits of their numbers must be free. And a slide
 * of very many panes costs more than it saves. */
static bool
is_worth_it(data_type type, const plan_node *w, int64_t pane_us) {
    return type_time_from_us(type, pane_us) >= 4 && w->window_slide_us / pane_us <= SLIDE_PANES_MAX;
}

/* Which key is the start of a window, where no watermark asks for it: -1, none. */
static int32_t
start_key(const plan_node *n) {
    for (int32_t i = 0; i < n->key_count && n->session_key < 0; i++) {
        if (window_below(n->inputs[0], i) != NULL) {
            return i;
        }
    }
    return -1;
}

static void
use_panes(plan_node *n, bool streaming) {
    const int32_t key = streaming ? n->window_key : start_key(n);
    if (key < 0 || n->session_key >= 0 ||
        (streaming && (n->inputs[0]->properties & PLAN_APPEND_ONLY) == 0) || !merges(n, key)) {
        return;
    }
    plan_node *w = window_below(n->inputs[0], key);
    if (w == NULL || w->window != WINDOW_HOP || w->window_size_us <= w->window_slide_us) {
        return;
    }
    const int64_t pane_us = common_divisor(w->window_size_us, w->window_slide_us);
    if (is_worth_it(n->schema.fields[key].type, w, pane_us)) {
        n->pane_key = key;
        n->window_size_us = w->window_size_us;
        n->pane_us = pane_us;
        n->window_slide_us = w->window_slide_us;
        n->window_offset_us = w->window_offset_us;
        w->pane_us = pane_us;
    }
}

void
plan_use_panes(plan_node *n, bool streaming) {
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        plan_use_panes(n->inputs[i], streaming);
    }
    if (n->kind == PLAN_AGGREGATE) {
        use_panes(n, streaming);
    }
}
