/* SPDX-License-Identifier: Apache-2.0 */
/* node.c - plan nodes and questions about expressions. */
#include "plan/node.h"

#include "type/calendar.h"

#define LABEL_BYTES 200

plan_node *
node_new(arena *a, plan_kind kind, int32_t input_count, int32_t column_count) {
    plan_node *n = arena_alloc_zero(a, sizeof(*n));
    if (n == NULL) {
        return NULL;
    }
    n->kind = kind;
    n->input_count = input_count;
    n->inputs = arena_alloc_zero(a, (size_t)input_count * sizeof(*n->inputs));
    n->schema.count = column_count;
    n->schema.fields = arena_alloc_zero(a, (size_t)column_count * sizeof(*n->schema.fields));
    n->window_key = -1;
    n->session_key = -1;
    n->time_column = -1;
    n->limit = -1;
    n->position = -1;
    n->build_side = 1;
    return n->inputs == NULL || n->schema.fields == NULL ? NULL : n;
}

plan_node *
node_filter(arena *a, plan_node *input, expr *predicate) {
    plan_node *n = node_new(a, PLAN_FILTER, 1, input->schema.count);
    if (n == NULL) {
        return NULL;
    }
    n->inputs[0] = input;
    n->predicate = predicate;
    memcpy(n->schema.fields, input->schema.fields,
           (size_t)input->schema.count * sizeof(*n->schema.fields));
    return n;
}

plan_node *
node_top_n(arena *a, plan_node *input, sort_key *sort_keys, int32_t sort_count) {
    plan_node *n = node_new(a, PLAN_TOP_N, 1, input->schema.count);
    if (n == NULL) {
        return NULL;
    }
    n->inputs[0] = input;
    n->sort_keys = sort_keys;
    n->sort_count = sort_count;
    memcpy(n->schema.fields, input->schema.fields,
           (size_t)input->schema.count * sizeof(*n->schema.fields));
    return n;
}

void
node_asof_fields(plan_node *n) {
    const schema *left = &n->inputs[0]->schema, *right = &n->inputs[1]->schema;
    assert(n->schema.count == left->count + right->count);
    for (int32_t i = 0; i < n->schema.count; i++) {
        n->schema.fields[i] = i < left->count ? left->fields[i] : right->fields[i - left->count];
        n->schema.fields[i].nullable |= i >= left->count && n->join == JOIN_LEFT;
    }
}

void
node_series_fields(plan_node *n, data_type type, bool numbered) {
    const schema *in = &n->inputs[0]->schema;
    assert(n->schema.count == in->count + 1 + numbered);
    memcpy(n->schema.fields, in->fields, (size_t)in->count * sizeof(field));
    n->schema.fields[in->count] = (field){.name = TEXT("value"), .type = type};
    if (numbered) {
        n->schema.fields[in->count + 1] =
            (field){.name = TEXT("ordinality"), .type = type_of(TYPE_I64)};
    }
}

plan_node *
node_distinct(arena *a, plan_node *input) {
    plan_node *n = node_new(a, PLAN_DISTINCT, 1, input->schema.count);
    if (n == NULL) {
        return NULL;
    }
    n->inputs[0] = input;
    memcpy(n->schema.fields, input->schema.fields,
           (size_t)input->schema.count * sizeof(*n->schema.fields));
    return n;
}

bool
join_shows_right(plan_join_kind k) {
    return k != JOIN_SEMI && k != JOIN_ANTI && k != JOIN_MARK;
}

bool
join_pads(plan_join_kind k, int32_t side) {
    return k == JOIN_FULL || (side == 0 ? k == JOIN_RIGHT : k == JOIN_LEFT || k == JOIN_SINGLE);
}

bool
node_join_schema(plan_node *n, arena *a) {
    const schema *left = &n->inputs[0]->schema, *right = &n->inputs[1]->schema;
    const int32_t extra = join_shows_right(n->join) ? right->count : n->join == JOIN_MARK;
    const int32_t count = left->count + extra;
    field        *fields = arena_alloc(a, (size_t)count * sizeof(*fields));
    if (fields == NULL) {
        return false;
    }
    for (int32_t i = 0; i < count; i++) {
        const bool is_right = i >= left->count;
        if (is_right && n->join == JOIN_MARK) {
            fields[i] = (field){.name = TEXT("mark"), .type = type_of(TYPE_BOOL)};
            continue;
        }
        fields[i] = is_right ? right->fields[i - left->count] : left->fields[i];
        fields[i].nullable |= join_pads(n->join, is_right);
    }
    n->schema = (schema){.count = count, .fields = fields};
    return true;
}

text
expr_label(arena *a, const expr *e, const schema *names) {
    buf b;
    buf_init(&b, a->mem, LABEL_BYTES);
    if (!buf_reserve(&b, LABEL_BYTES)) { /* later it fails for what is too long alone */
        return (text){NULL, 0};
    }
    expr_print(e, names, &b);
    text          t = buf_text(&b);
    const int32_t fault = text_utf8_fault(t); /* a cut inside a character */
    if (fault >= 0) {
        t.size = (size_t)fault;
    }
    t = arena_text(a, t);
    buf_fini(&b);
    return t;
}

plan_node *
node_project(arena *a, plan_node *input, expr **exprs, int32_t count) {
    plan_node *n = node_new(a, PLAN_PROJECT, 1, count);
    if (n == NULL) {
        return NULL;
    }
    n->inputs[0] = input;
    n->exprs = exprs;
    for (int32_t i = 0; i < count; i++) {
        field *f = &n->schema.fields[i];
        if (exprs[i]->kind == EXPR_COLUMN) {
            *f = input->schema.fields[exprs[i]->column];
            continue;
        }
        *f = (field){.name = expr_label(a, exprs[i], &input->schema),
                     .type = exprs[i]->type,
                     .nullable = true};
        if (f->name.data == NULL) {
            return NULL;
        }
    }
    return n;
}

plan_node *
node_extend(arena *a, plan_node *input, expr **extra, int32_t count) {
    const int32_t width = input->schema.count;
    expr        **all = arena_alloc(a, (size_t)(width + count) * sizeof(*all));
    if (all == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < width; i++) {
        all[i] = expr_column(a, i, input->schema.fields[i].type, -1);
        if (all[i] == NULL) {
            return NULL;
        }
    }
    for (int32_t i = 0; i < count; i++) {
        all[width + i] = extra[i];
    }
    return node_project(a, input, all, width + count);
}

bool
expr_is_volatile(const expr *e) {
    if (e->kind == EXPR_CALL && !expr_is_constant_call(e)) {
        return true;
    }
    for (int32_t i = 0; i < e->arg_count; i++) {
        if (expr_is_volatile(e->args[i])) {
            return true;
        }
    }
    return false;
}

bool
expr_calls_code(const expr *e) {
    bool calls = e->kind == EXPR_CALL && e->routine != NULL;
    for (int32_t i = 0; i < e->arg_count && !calls; i++) {
        calls = expr_calls_code(e->args[i]);
    }
    return calls;
}

int64_t
expr_size(const expr *e) {
    int64_t size = 1;
    for (int32_t i = 0; i < e->arg_count; i++) {
        size += expr_size(e->args[i]);
    }
    return size;
}

static void
mark_column(void *arg, int32_t *number) {
    bool *used = arg;
    used[*number] = true;
}

void
expr_columns(expr *e, bool *used) {
    expr_visit_columns(e, mark_column, used);
}

typedef struct remap {
    const int32_t *map;
} remap;

static void
remap_column(void *arg, int32_t *number) {
    const remap *r = arg;
    assert(r->map[*number] >= 0);
    *number = r->map[*number];
}

void
expr_remap(expr *e, const int32_t *map) {
    remap r = {map};
    expr_visit_columns(e, remap_column, &r);
}

/* Queries nest at most as deep as the binder allows. */
/* A time in another unit is the same time: windows are whole units of both. */
static const expr *
time_behind_casts(const expr *e) {
    while (e->kind == EXPR_CAST && type_is_time(e->type) && type_is_time(e->args[0]->type)) {
        e = e->args[0];
    }
    return e;
}

static bool
scan_is_followed(const plan_node *scan, int32_t number, bool *by_clock) {
    const object *o = scan->object;
    const int32_t at = scan->column_map[number];
    if (scan->versions) { /* a version that ends comes again, with the time when it began */
        *by_clock = false;
        return false;
    }
    *by_clock = at == SCAN_ARRIVAL || o->clock_time_column == at;
    return *by_clock || o->event_time_column == at;
}

bool
node_is_followed(const plan_node *node, int32_t number, bool *by_clock, const object **from) {
    *from = NULL;
    for (;;) {
        switch (node->kind) {
        case PLAN_SCAN:
            *from = node->object;
            return scan_is_followed(node, number, by_clock);
        case PLAN_UNION:
            for (int32_t i = 0; i < node->input_count; i++) {
                bool clock;
                if (!node_is_followed(node->inputs[i], number, &clock, from) ||
                    (i > 0 && clock != *by_clock)) {
                    return false;
                }
                *by_clock = clock;
            }
            return true;
        case PLAN_SHARED:
            number = node->column_map[number];
            node = node->inputs[0];
            break;
        case PLAN_PROJECT: {
            const expr *e = time_behind_casts(node->exprs[number]);
            if (e->kind != EXPR_COLUMN) {
                return false;
            }
            number = e->column;
            node = node->inputs[0];
            break;
        }
        case PLAN_ASOF: {
            const int32_t left = node->inputs[0]->schema.count;
            node = node->inputs[number >= left];
            number -= number >= left ? left : 0;
            break;
        }
        case PLAN_JOIN: {
            const int32_t left = node->inputs[0]->schema.count;
            number = node->column_map != NULL ? node->column_map[number] : number;
            const bool is_right = number >= left;
            if (number >=
                left + (join_shows_right(node->join) ? node->inputs[1]->schema.count : 0)) {
                return false; /* a mark */
            }
            number -= is_right ? left : 0;
            node = node->inputs[is_right];
            break;
        }
        case PLAN_SERIES:
        case PLAN_WINDOW:
        case PLAN_OVER:
        case PLAN_KEEP: /* their input columns, and more */
            number = node->column_map != NULL ? node->column_map[number] : number;
            if (number >= node->inputs[0]->schema.count) {
                return false;
            }
            node = node->inputs[0];
            break;
        case PLAN_FILTER:
        case PLAN_SORT:
        case PLAN_TOP_N:
        case PLAN_DISTINCT:
            node = node->inputs[0];
            break;
        default: /* AGGREGATE, and leaves without a watermark */
            return false;
        }
    }
}

/* A BIGINT that is a time is computed with as a plain one, and becomes a time again. */
static const expr *
behind_relabelling(const expr *e) {
    while (e->kind == EXPR_CAST && e->type.id == TYPE_I64 && e->args[0]->type.id == TYPE_I64) {
        e = e->args[0];
    }
    return e;
}

/* column + constant of a PROJECT: the column, and the constant in microseconds. */
bool
node_shifted_column(const expr *shown, int32_t *number, int64_t *us) {
    const expr *e = behind_relabelling(shown);
    *us = 0;
    if (e->kind == EXPR_COLUMN) {
        *number = e->column;
        return type_equal(shown->type, e->type);
    }
    if (e->kind != EXPR_CALL || e->arg_count != 2) {
        return false;
    }
    const expr *from = behind_relabelling(e->args[0]);
    if (from->kind != EXPR_COLUMN || e->args[1]->kind != EXPR_CONSTANT ||
        e->args[1]->constant.is_null || !type_equal(shown->type, from->type)) {
        return false;
    }
    const value *by = &e->args[1]->constant;
    const char  *name = function_name(e->function);
    if (e->type.id == TYPE_I64 && by->type.id == TYPE_I64) {
        *us = type_time_to_us(from->type, by->i);
    } else if (type_is_time(e->type) && by->type.id == TYPE_INTERVAL && by->iv.months == 0) {
        *us = sat_add_i64(sat_mul_i64(by->iv.days, US_PER_DAY), by->iv.us);
    } else {
        return false;
    }
    *number = from->column;
    *us = strcmp(name, "-") == 0 ? sat_sub_i64(0, *us) : *us;
    return strcmp(name, "+") == 0 || strcmp(name, "-") == 0;
}

bool
node_closes(const plan_node *node, int32_t number, int64_t *closes_us, bool *by_clock) {
    int64_t       shift_us = 0, us;
    const object *from;
    for (;;) {
        switch (node->kind) {
        case PLAN_WINDOW: {
            const int32_t width = node->inputs[0]->schema.count;
            if (number < width) {
                node = node->inputs[0];
                break;
            }
            *closes_us = sat_sub_i64(number == width ? node->window_size_us : 0, shift_us);
            (void)node_is_followed(node->inputs[0], node->time_column, by_clock, &from);
            return node->window != WINDOW_SESSION && node->lateness_us != INT64_MAX;
        }
        case PLAN_SCAN:
            us = node->object->closes_us == NULL
                     ? INT64_MAX
                     : node->object->closes_us[node->column_map[number]];
            *closes_us = sat_sub_i64(us, shift_us);
            *by_clock = node->object->by_clock;
            return us != INT64_MAX;
        case PLAN_SHARED:
            number = node->column_map[number];
            node = node->inputs[0];
            break;
        case PLAN_PROJECT:
            if (!node_shifted_column(node->exprs[number], &number, &us)) {
                return false;
            }
            shift_us = sat_add_i64(shift_us, us);
            node = node->inputs[0];
            break;
        case PLAN_JOIN: { /* of windows; a side that is padded may have its NULLs for longer */
            const int32_t left = node->inputs[0]->schema.count;
            number = node->column_map != NULL ? node->column_map[number] : number;
            const int32_t side = number >= left;
            if (node->bound == NULL || node->bound->interval || join_pads(node->join, side) ||
                (side == 1 && !join_shows_right(node->join)) ||
                number - side * left != node->bound->columns[side]) {
                return false;
            }
            *closes_us = sat_sub_i64(sat_add_i64(node->bound->kept_us[side], 1), shift_us);
            return node_closes(node->inputs[side], node->bound->columns[side], &us, by_clock);
        }
        case PLAN_AGGREGATE:
            if (number >= node->key_count || number == node->session_key) {
                return false;
            }
            node = node->inputs[0];
            break;
        case PLAN_FILTER:
        case PLAN_SORT:
        case PLAN_DISTINCT:
            node = node->inputs[0];
            break;
        default: /* what else they read may change their rows after the window */
            return false;
        }
    }
}

void
node_emit(plan_node *n, bool at_close, bool at_end) {
    const bool both = at_end && n->lateness_us == 0 && n->session_key < 0;
    n->emit_at_close = at_close || both;
    n->emit_at_end = at_end && !both;
}
