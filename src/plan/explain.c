/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c - the text of EXPLAIN: one node a line, inputs below it and two blanks to the right. */
#include "agg/agg_routine.h"
#include <math.h>

#include "plan/estimate.h"
#include "type/calendar.h"

#define NAMES_MAX 256 /* columns of a join whose condition is shown by name */

static text
name_at(const schema *s, int32_t i) {
    return s->fields[i].name;
}

static void
print_duration(int64_t us, buf *out) {
    const struct {
        int64_t     us;
        const char *unit;
    } units[] = {{US_PER_DAY, "d"},
                 {INT64_C(3600) * US_PER_SECOND, "h"},
                 {60 * US_PER_SECOND, "min"},
                 {US_PER_SECOND, "s"},
                 {1000, "ms"},
                 {1, "us"}};
    for (int32_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (us % units[i].us == 0) {
            buf_printf(out, "%lld %s", (long long)(us / units[i].us), units[i].unit);
            return;
        }
    }
}

static void
print_names(const schema *s, const int32_t *columns, int32_t count, buf *out) {
    for (int32_t i = 0; i < count; i++) {
        const int32_t at = columns != NULL ? columns[i] : i;
        const text    name = at == s->count         ? TEXT("position")
                             : at == SCAN_ARRIVAL   ? TEXT("PROCTIME()")
                             : at == SCAN_DEPARTURE ? TEXT("until")
                                                    : name_at(s, at);
        buf_printf(out, "%s%.*s", i > 0 ? ", " : "", TEXT_ARG(name));
    }
}

/* An expression, and the name it gets when that is another one. */
static void
print_output(const expr *e, text name, const schema *names, buf *out) {
    const size_t before = out->size;
    expr_print(e, names, out);
    const text shown = {out->data + before, out->size - before};
    if (!out->failed && !text_equal(shown, name)) {
        buf_printf(out, " AS %.*s", TEXT_ARG(name));
    }
}

static void
print_direction(const sort_key *k, buf *out) {
    buf_printf(out, "%s%s", k->descending ? " DESC" : "",
               k->nulls_first == k->descending ? ""
               : k->nulls_first                ? " NULLS FIRST"
                                               : " NULLS LAST");
}

static void
print_call(const plan_agg *a, const schema *in, buf *out) {
    const agg_signature *s = &a->signature;
    buf_printf(out, "%.*s(%s", TEXT_ARG(agg_call_name(a->class, s)),
               s->column_count == 0 && s->routine == NULL ? "*"
               : a->distinct                              ? "DISTINCT "
                                                          : "");
    const bool bare = s->routine != NULL && s->argument_count == 0; /* column 0 is no argument */
    for (int32_t i = 0, next = 0; i < s->argument_count + s->constant_count; i++) {
        const bool constant = s->literal != NULL ? s->literal[i] : i >= s->argument_count;
        buf_printf(out, "%s", i == 0 ? "" : ", ");
        if (constant) {
            expr_print_value(&s->constants[i - next], out);
        } else {
            buf_printf(out, "%.*s", TEXT_ARG(name_at(in, a->columns[next])));
            next++;
        }
    }
    for (int32_t i = 0; i < s->order_count; i++) {
        const sort_key *key = &s->orders[i];
        if (bare && key->column == 0) {
            continue;
        }
        buf_printf(out, "%s%.*s", i == 0 ? " ORDER BY " : ", ",
                   TEXT_ARG(name_at(in, a->columns[key->column])));
        print_direction(key, out);
    }
    buf_printf(out, ")");
    if (a->filter >= 0) {
        buf_printf(out, " FILTER (WHERE %.*s)", TEXT_ARG(name_at(in, a->filter)));
    }
    if (s->routine != NULL && !agg_is_held(a->class)) {
        buf_printf(out, " over kept rows");
    }
}

static void
print_process(const plan_node *n, buf *out) {
    buf_printf(out, "Process %.*s", TEXT_ARG(n->routine->name));
    for (int32_t i = 0; i < n->key_count; i++) {
        buf_printf(out, "%s%.*s", i == 0 ? "  keys: " : ", ",
                   TEXT_ARG(name_at(&n->inputs[0]->schema, n->key_columns[i])));
    }
}

static void
print_aggregate(const plan_node *n, buf *out) {
    const schema *in = &n->inputs[0]->schema;
    buf_printf(out, "Aggregate");
    if (n->key_count > 0) {
        buf_printf(out, "  keys: ");
        print_names(in, NULL, n->key_count, out);
    }
    for (int32_t i = 0; i < n->agg_count; i++) {
        const plan_agg *a = &n->aggs[i];
        buf_printf(out, "%s", i == 0 ? "  aggs: " : ", ");
        print_call(a, in, out);
    }
    if (n->session_key >= 0) {
        buf_printf(out, "  sessions: gap ");
        print_duration(n->window_size_us, out);
    }
    if (n->window_key >= 0) {
        buf_printf(out, "  closes: %.*s", TEXT_ARG(name_at(in, n->window_key)));
        if (n->window_size_us != 0) {
            buf_printf(out, " + ");
            print_duration(n->window_size_us, out);
        }
        if (n->lateness_us > 0) {
            buf_printf(out, " + ");
            print_duration(n->lateness_us, out);
        }
        buf_printf(out, "%s",
                   n->emit_at_close ? ", emits then"
                   : n->emit_at_end ? ", emits from its end on"
                                    : "");
    }
    if (n->pane_us > 0) {
        buf_printf(out, "%sfrom panes of ", n->window_key >= 0 ? ", " : "  ");
        print_duration(n->pane_us, out);
    }
}

/* The residual speaks of left ++ right, which an output of fewer columns does not name. */
static void
print_pair_condition(const plan_node *n, buf *out) {
    const schema *left = &n->inputs[0]->schema, *right = &n->inputs[1]->schema;
    field         fields[NAMES_MAX];
    const schema  pair = {.count = left->count + right->count, .fields = fields};
    if (pair.count > NAMES_MAX) {
        expr_print(n->predicate, NULL, out);
        return;
    }
    for (int32_t i = 0; i < pair.count; i++) {
        fields[i] = i < left->count ? left->fields[i] : right->fields[i - left->count];
    }
    expr_print(n->predicate, &pair, out);
}

/* Until when each side's rows are kept. */
static void
print_keeping(const plan_node *n, buf *out) {
    for (int32_t side = 0; side < 2; side++) {
        const int64_t us = sat_add_i64(n->bound->kept_us[side], n->lateness_us);
        buf_printf(out, "%s%.*s", side == 0 ? "  keeps rows until: " : ", ",
                   TEXT_ARG(name_at(&n->inputs[side]->schema, n->bound->columns[side])));
        const int64_t shown_us = n->bound->interval ? us : sat_add_i64(us, 1);
        if (shown_us != 0) {
            buf_printf(out, " %s ", shown_us < 0 ? "-" : "+");
            print_duration(shown_us < 0 ? sat_sub_i64(0, shown_us) : shown_us, out);
        }
    }
}

/* Which rows are let go as soon as their group has a greater, or smaller one. */
static void
print_extreme(const plan_node *n, buf *out) {
    const join_extreme *x = n->extreme;
    const int32_t      *keys[] = {n->left_keys, n->right_keys};
    buf_printf(out, "  drops rows with: %.*s %s %.*s",
               TEXT_ARG(name_at(&n->inputs[x->side]->schema, keys[x->side][x->key])),
               x->greatest ? "<" : ">",
               TEXT_ARG(name_at(&n->inputs[!x->side]->schema, keys[!x->side][x->key])));
}

static void
print_join(const plan_node *n, buf *out) {
    static const char *const names[] = {
        [JOIN_INNER] = "Inner", [JOIN_LEFT] = "Left",    [JOIN_RIGHT] = "Right",
        [JOIN_FULL] = "Full",   [JOIN_SEMI] = "Semi",    [JOIN_ANTI] = "Anti",
        [JOIN_MARK] = "Mark",   [JOIN_SINGLE] = "Single"};
    const schema *left = &n->inputs[0]->schema, *right = &n->inputs[1]->schema;
    buf_printf(out, "%s Join", names[n->join]);
    for (int32_t i = 0; i < n->key_count; i++) {
        const bool safe = n->null_safe != NULL && n->null_safe[i];
        buf_printf(out, "%s%.*s %s %.*s", i == 0 ? "  on: " : ", ",
                   TEXT_ARG(name_at(left, n->left_keys[i])), safe ? "==" : "=",
                   TEXT_ARG(name_at(right, n->right_keys[i])));
    }
    if (n->predicate != NULL) {
        buf_printf(out, "  if: ");
        print_pair_condition(n, out);
    }
    if (n->bound != NULL) {
        print_keeping(n, out);
    }
    if (n->extreme != NULL) {
        print_extreme(n, out);
    }
    if (n->column_map != NULL) {
        buf_printf(out, "  columns: ");
        print_names(&n->schema, NULL, n->schema.count, out);
    }
}

static void
print_asof(const plan_node *n, buf *out) {
    static const char *const words[] = {[MATCH_GREATER_EQUAL] = ">=",
                                        [MATCH_GREATER] = ">",
                                        [MATCH_LESS_EQUAL] = "<=",
                                        [MATCH_LESS] = "<",
                                        [MATCH_NEAREST] = "nearest"};
    const schema            *left = &n->inputs[0]->schema, *right = &n->inputs[1]->schema;
    buf_printf(out, "Asof %sJoin", n->join == JOIN_LEFT ? "Left " : "");
    for (int32_t i = 0; i <= n->key_count; i++) {
        const bool match = i == n->key_count;
        buf_printf(out, "%s%.*s %s %.*s",
                   match    ? "  match: "
                   : i == 0 ? "  on: "
                            : ", ",
                   TEXT_ARG(name_at(left, n->left_keys[i])), match ? words[n->match] : "=",
                   TEXT_ARG(name_at(right, n->right_keys[i])));
    }
    if (!n->tolerance.is_null) {
        buf_printf(out, "  within: ");
        expr_print_value(&n->tolerance, out);
    }
    if (n->bound != NULL) {
        print_keeping(n, out);
    }
}

static void
print_sort_keys(const plan_node *n, buf *out) {
    for (int32_t i = 0; i < n->sort_count; i++) {
        const sort_key *k = &n->sort_keys[i];
        buf_printf(out, "%s%.*s", i == 0 ? "  by: " : ", ",
                   TEXT_ARG(name_at(&n->schema, k->column)));
        print_direction(k, out);
    }
}

static void
print_key_columns(const plan_node *n, buf *out) {
    if (n->key_count > 0) {
        buf_printf(out, "  of each: ");
        print_names(&n->inputs[0]->schema, n->key_columns, n->key_count, out);
    }
}

static void
print_sort(const plan_node *n, buf *out) {
    buf_printf(out, "%s", n->kind == PLAN_SORT ? "Sort" : "Top N");
    print_key_columns(n, out);
    print_sort_keys(n, out);
    if (n->limit >= 0) {
        buf_printf(out, "  limit: %lld", (long long)n->limit);
    }
    if (n->offset > 0) {
        buf_printf(out, "  offset: %lld", (long long)n->offset);
    }
}

static void
print_bound(const frame_bound *b, buf *out) {
    static const char *const words[] = {[BOUND_FIRST] = "UNBOUNDED PRECEDING",
                                        [BOUND_PRECEDING] = " PRECEDING",
                                        [BOUND_CURRENT] = "CURRENT ROW",
                                        [BOUND_FOLLOWING] = " FOLLOWING",
                                        [BOUND_LAST] = "UNBOUNDED FOLLOWING"};
    if (b->kind == BOUND_PRECEDING || b->kind == BOUND_FOLLOWING) {
        (void)value_format(&b->offset, out);
    }
    buf_printf(out, "%s", words[b->kind]);
}

static void
print_frame(const over_frame *f, buf *out) {
    static const char *const units[] = {
        [FRAME_ROWS] = "ROWS", [FRAME_RANGE] = "RANGE", [FRAME_GROUPS] = "GROUPS"};
    static const char *const excludes[] = {[EXCLUDE_NONE] = "",
                                           [EXCLUDE_CURRENT] = " EXCLUDE CURRENT ROW",
                                           [EXCLUDE_GROUP] = " EXCLUDE GROUP",
                                           [EXCLUDE_TIES] = " EXCLUDE TIES"};
    buf_printf(out, " %s ", units[f->unit]);
    print_bound(&f->start, out);
    buf_printf(out, " TO ");
    print_bound(&f->end, out);
    buf_printf(out, "%s", excludes[f->exclude]);
}

static void
print_over_call(const plan_node *n, const over_call *call, buf *out) {
    const schema *in = &n->inputs[0]->schema;
    buf_printf(out, "%.*s(", TEXT_ARG(over_name(call)));
    if (call->argument >= 0) {
        buf_printf(out, "%.*s", TEXT_ARG(name_at(in, call->argument)));
    } else if (call->kind == OVER_AGGREGATE) {
        buf_printf(out, "%s", call->distinct ? "DISTINCT " : "");
        print_names(in, call->columns, call->signature.column_count, out);
        buf_printf(out, "%s", call->signature.column_count == 0 ? "*" : "");
    }
    if (call->count_column >= 0) {
        buf_printf(out, ", %.*s", TEXT_ARG(name_at(in, call->count_column)));
    } else if (call->kind == OVER_LAG || call->kind == OVER_LEAD || call->kind == OVER_NTH_VALUE ||
               call->kind == OVER_NTILE) {
        buf_printf(out, "%s%lld", call->argument >= 0 ? ", " : "", (long long)call->count);
    }
    buf_printf(out, ")%s", call->ignore_nulls ? " IGNORE NULLS" : "");
    if (call->filter >= 0) {
        buf_printf(out, " FILTER (WHERE %.*s)", TEXT_ARG(name_at(in, call->filter)));
    }
    if (over_has_frame(call->kind)) {
        print_frame(&call->frame, out);
    }
}

static void
print_over(const plan_node *n, buf *out) {
    buf_printf(out, "Over");
    print_key_columns(n, out);
    print_sort_keys(n, out);
    for (int32_t i = 0; i < n->over_count; i++) {
        buf_printf(out, "%s", i == 0 ? "  calls: " : ", ");
        print_over_call(n, &n->overs[i], out);
    }
}

static void
print_window(const plan_node *n, buf *out) {
    static const char *const words[] = {
        [WINDOW_HOP] = "by", [WINDOW_CUMULATE] = "up to", [WINDOW_SESSION] = "sessions, gap"};
    buf_printf(out, "Window  %.*s %s ", TEXT_ARG(name_at(&n->inputs[0]->schema, n->time_column)),
               words[n->window]);
    print_duration(n->window_size_us, out);
    if (n->window_slide_us != n->window_size_us) {
        buf_printf(out, n->window == WINDOW_CUMULATE ? " in steps of " : " every ");
        print_duration(n->window_slide_us, out);
    }
    if (n->window_offset_us != 0) {
        buf_printf(out, "  offset: ");
        print_duration(n->window_offset_us, out);
    }
    if (n->lateness_us > 0 && n->lateness_us != INT64_MAX) {
        buf_printf(out, "  lateness: ");
        print_duration(n->lateness_us, out);
    }
    if (n->late_count > 0) {
        buf_printf(out, "  sends late rows");
    }
}

static void
print_scan(const plan_node *n, buf *out) {
    buf_printf(out, "Scan %.*s%s  columns: ", TEXT_ARG(n->object->name),
               n->versions ? "  all versions" : "");
    print_names(n->object->schema, n->column_map, n->schema.count, out);
    if (n->shard != NULL) {
        buf_printf(out, "  shard: %d of %d by ", n->shard->at + 1, n->shard->count);
        print_names(&n->schema, n->shard->columns, n->shard->width, out);
    }
}

static void
print_keep(const plan_node *n, buf *out) {
    buf_printf(out, "Keep  ");
    for (int32_t i = 0; i < n->kept_count; i++) {
        buf_printf(out, "%s", i > 0 ? ", " : "");
        expr_print(n->exprs[i], &n->inputs[0]->schema, out);
    }
}

static void
print_project(const plan_node *n, buf *out) {
    buf_printf(out, "Project  ");
    for (int32_t i = 0; i < n->schema.count; i++) {
        buf_printf(out, "%s", i > 0 ? ", " : "");
        print_output(n->exprs[i], n->schema.fields[i].name, &n->inputs[0]->schema, out);
    }
}

static void
print_relation(const plan_node *n, buf *out) {
    buf_printf(out, "Read %.*s  columns: ", TEXT_ARG(n->relation->label));
    print_names(&n->relation->schema, n->column_map, n->schema.count, out);
}

static void
print_recursive(const plan_node *n, buf *out) {
    if (n->kind == PLAN_WORKING) {
        buf_printf(out, "Rows of the last step");
        return;
    }
    buf_printf(out, "Recursive %.*s%s", TEXT_ARG(n->label), n->distinct ? "  distinct" : "");
}

static void
print_series(const plan_node *n, buf *out) {
    buf_printf(out, "Series  from, to, step: ");
    print_names(&n->inputs[0]->schema, n->key_columns, n->key_count, out);
    buf_printf(out, "%s", n->inclusive ? "" : "  without the last");
}

static void
print_properties(const plan_node *n, buf *out) {
    buf_printf(out, "  [%s]",
               (n->properties & PLAN_APPEND_ONLY) != 0    ? "append-only"
               : (n->properties & PLAN_CONSOLIDATED) != 0 ? "updating"
                                                          : "updating, not consolidated");
}

static void
print_shared(const plan_node *n, buf *out) {
    buf_printf(out, "Shared #%d  columns: ", n->inputs[0]->id);
    print_names(&n->schema, NULL, n->schema.count, out);
}

static void
print_union(const plan_node *n, buf *out) {
    buf_printf(out, "Union All");
    if (n->shard != NULL) {
        buf_printf(out, "  shards: %d", n->shard->count);
    }
}

static void
print_line(const plan_node *n, buf *out) {
    switch (n->kind) {
    case PLAN_SCAN:
        print_scan(n, out);
        break;
    case PLAN_SINGLE:
        buf_printf(out, "Single row");
        break;
    case PLAN_VALUES:
        buf_printf(out, "Values  rows: %d", n->row_count);
        break;
    case PLAN_RELATION:
        print_relation(n, out);
        break;
    case PLAN_FILTER:
        buf_printf(out, "Filter  ");
        expr_print(n->predicate, &n->inputs[0]->schema, out);
        break;
    case PLAN_PROJECT:
        print_project(n, out);
        break;
    case PLAN_RESULT:
        buf_printf(out, "Result");
        break;
    case PLAN_PROCESS:
        print_process(n, out);
        break;
    case PLAN_KEEP:
        print_keep(n, out);
        break;
    case PLAN_AGGREGATE:
        print_aggregate(n, out);
        break;
    case PLAN_JOIN:
        print_join(n, out);
        break;
    case PLAN_ASOF:
        print_asof(n, out);
        break;
    case PLAN_WINDOW:
        print_window(n, out);
        break;
    case PLAN_SERIES:
        print_series(n, out);
        break;
    case PLAN_SORT:
    case PLAN_TOP_N:
        print_sort(n, out);
        break;
    case PLAN_OVER:
        print_over(n, out);
        break;
    case PLAN_DISTINCT:
        buf_printf(out, "Distinct");
        break;
    case PLAN_UNION:
        print_union(n, out);
        break;
    case PLAN_RECURSIVE:
    case PLAN_WORKING:
        print_recursive(n, out);
        break;
    case PLAN_SHARED:
        print_shared(n, out);
        break;
    }
    print_properties(n, out);
}

static void
print_bytes(int64_t bytes, buf *out) {
    if (bytes < 10000) {
        buf_printf(out, "%lld B", (long long)bytes);
    } else if (bytes < 10000 * INT64_C(1024)) {
        buf_printf(out, "%.1f KiB", (double)bytes / 1024);
    } else {
        buf_printf(out, "%.1f MiB", (double)bytes / (1024 * 1024));
    }
}

static void
print_profile(const plan_profile *p, buf *out) {
    buf_printf(out, "  rows: %lld", (long long)p->rows_out);
    if (p->rows_in != p->rows_out) {
        buf_printf(out, " of %lld", (long long)p->rows_in);
    }
    buf_printf(out, ", time: %.3f ms, memory: ", (double)p->spent_ns / 1e6);
    print_bytes(p->bytes, out);
    if (p->spilled_bytes > 0) {
        buf_append_text(out, TEXT(", spilled: "));
        print_bytes(p->spilled_bytes, out);
    }
}

/* Two digits, as no more can be meant; rows of a table are counted. */
static void
print_estimate(const plan_node *n, buf *out) {
    double rows = estimate_rows(n), unit = 1;
    while (n->kind != PLAN_SCAN && n->kind != PLAN_VALUES && rows / unit >= 100) {
        unit *= 10;
    }
    rows = floor(rows / unit + 0.5) * unit;
    buf_printf(out, "  about %.0f row%s", rows, rows == 1 ? "" : "s");
}

static void
print_node(const plan_node *n, int32_t depth, bool streaming, const plan_profile *profile,
           const plan_notes *notes, buf *out) {
    const plan_node *asked = n;
    n = plan_whole(n);
    buf_printf(out, "%*s", 2 * depth, "");
    print_line(n, out);
    if (!streaming && estimate_is_known(n)) {
        print_estimate(n, out);
    }
    if (profile != NULL) {
        print_profile(&profile[n->id], out);
    }
    if (notes != NULL && !notes->note(notes->context, asked, out)) {
        notes = NULL;
    }
    buf_printf(out, "\n");
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        print_node(n->inputs[i], depth + 1, streaming, profile, notes, out);
    }
}

void
plan_print(const plan *p, const plan_profile *profile, buf *out) {
    print_node(p->root, 0, p->streaming, profile, NULL, out);
}

void
plan_print_noted(const plan *p, const plan_notes *notes, buf *out) {
    print_node(p->root, 0, p->streaming, NULL, notes, out);
}
