/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite_top_n.c - the first n rows of each key: ROW_NUMBER() OVER (PARTITION BY k ORDER BY o) <=
 * n, in QUALIFY or in the WHERE around a subquery.
 *
 * A TOP_N of n rows a key goes below the OVER. Both break ties alike, so the rows that are left
 * keep their numbers; where nobody reads the number the OVER goes (rewrite_prune.c). Only calls
 * that look at earlier rows alone may stand beside the number, because the later ones are gone. */
#include "plan/node.h"

static bool
looks_back(const over_call *call) {
    const over_frame *f = &call->frame;
    switch (call->kind) {
    case OVER_ROW_NUMBER:
    case OVER_RANK:
    case OVER_DENSE_RANK:
        return true;
    case OVER_LAG:
        return call->count_column < 0 && call->count >= 0;
    case OVER_FIRST_VALUE:
    case OVER_LAST_VALUE:
    case OVER_NTH_VALUE:
    case OVER_AGGREGATE:
        return f->unit == FRAME_ROWS && f->end.kind <= BOUND_CURRENT &&
               (f->exclude == EXCLUDE_NONE || f->exclude == EXCLUDE_CURRENT);
    default:
        return false;
    }
}

/* number < c, <= c and = c, also with the sides exchanged: how many rows that leaves. *exact: it
 * says nothing more. */
static bool
rows_wanted(const expr *e, int32_t number, int64_t *rows, bool *exact) {
    static const struct {
        const char *name, *mirrored;
        int64_t     less;
    } tests[] = {{"<", ">", 1}, {"<=", ">=", 0}, {"=", "=", 0}};
    if (e->kind != EXPR_CALL || e->arg_count != 2) {
        return false;
    }
    const bool  mirrored = e->args[1]->kind == EXPR_COLUMN;
    const expr *ranked = e->args[mirrored ? 1 : 0];
    const expr *limit = e->args[mirrored ? 0 : 1];
    const char *name = function_name(e->function);
    if (ranked->kind != EXPR_COLUMN || ranked->column != number || limit->kind != EXPR_CONSTANT ||
        limit->constant.is_null || !type_is_integer(limit->constant.type)) {
        return false;
    }
    for (int32_t i = 0; i < ARRAY_COUNT(tests); i++) {
        if (strcmp(name, mirrored ? tests[i].mirrored : tests[i].name) == 0) {
            *rows = sat_sub_i64(limit->constant.i, tests[i].less);
            *exact = *rows > 0 && (name[0] != '=' || *rows == 1);
            return *rows > 0;
        }
    }
    return false;
}

static status
put_below(plan_node *over, int64_t limit, arena *a, error *err) {
    sort_key *sort_keys = arena_alloc(a, (size_t)over->sort_count * sizeof(*sort_keys));
    int32_t  *keys = arena_alloc(a, (size_t)over->key_count * sizeof(*keys));
    if (sort_keys == NULL || keys == NULL) {
        return error_memory(err);
    }
    if (over->sort_count > 0) {
        memcpy(sort_keys, over->sort_keys, (size_t)over->sort_count * sizeof(*sort_keys));
    }
    if (over->key_count > 0) {
        memcpy(keys, over->key_columns, (size_t)over->key_count * sizeof(*keys));
    }
    plan_node *n = node_top_n(a, over->inputs[0], sort_keys, over->sort_count);
    if (n == NULL) {
        return error_memory(err);
    }
    n->key_count = over->key_count;
    n->key_columns = keys;
    n->limit = limit;
    over->inputs[0] = n;
    return OK;
}

status
plan_limit_over(plan_node *over, expr **conjuncts, int32_t *count, arena *a, error *err) {
    const int32_t width = over->inputs[0]->schema.count;
    int64_t       limit = INT64_MAX;
    int32_t       number = -1;
    int32_t       kept = 0;
    for (int32_t i = 0; i < over->over_count; i++) {
        if (!looks_back(&over->overs[i])) {
            return OK;
        }
        number = over->overs[i].kind == OVER_ROW_NUMBER ? width + i : number;
    }
    if (number < 0 || over->key_count + over->sort_count == 0) {
        return OK; /* without keys TOP_N takes rows as they come, OVER does not */
    }
    for (int32_t i = 0; i < *count; i++) {
        int64_t rows;
        bool    exact = false;
        if (rows_wanted(conjuncts[i], number, &rows, &exact)) {
            limit = min_i64(limit, rows);
        }
        if (!exact) {
            conjuncts[kept++] = conjuncts[i];
        }
    }
    *count = kept;
    return limit == INT64_MAX ? OK : put_below(over, limit, a, err);
}
