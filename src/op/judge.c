/* SPDX-License-Identifier: Apache-2.0 */
/* judge.c - see judge.h. */
#include "op/judge.h"

#include "op/rows.h"

status
judge_open(judge *j, op *self, const char *const names[2], error *err) {
    const op_spec *spec = self->spec;
    j->self = self;
    j->bound = spec->mode == MODE_STREAM ? spec->bound : NULL;
    for (int32_t side = 0; side < 2 && j->bound != NULL; side++) {
        const schema *input = spec->input[side];
        j->types[side] = input->fields[j->bound->columns[side]].type;
        if (!j->bound->judges || !spec->records) {
            continue;
        }
        const data_type *types = schema_types(input, j->self->env->scratch);
        TRY(types == NULL ? error_memory(err) : OK);
        TRY(refused_open(&j->refused[side], j->self->env->store, names[side], types, input->count,
                         err));
    }
    return OK;
}

void
judge_close(judge *j) {
    refused_close(&j->refused[0]);
    refused_close(&j->refused[1]);
}

status
judge_rebuild(judge *j, error *err) {
    TRY(refused_rebuild(&j->refused[0], err));
    return refused_rebuild(&j->refused[1], err);
}

status
judge_merge(judge *j, const judge *other, error *err) {
    TRY(refused_merge(&j->refused[0], &other->refused[0], j->self->env, err));
    return refused_merge(&j->refused[1], &other->refused[1], j->self->env, err);
}

status
judge_validate(const judge *j, error *err) {
    TRY(refused_validate(&j->refused[0], err));
    return refused_validate(&j->refused[1], err);
}

static status
send_late(const judge *j, int32_t port, const delta *late, error *err) {
    const op_sink *to = j->self->env->late;
    const int32_t  count = j->bound->late_counts[port];
    if (to == NULL || count == 0) {
        return OK;
    }
    column *picked = arena_alloc(j->self->env->scratch, (size_t)count * sizeof(*picked));
    if (picked == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        picked[i] = late->columns[j->bound->late_columns[port][i]];
    }
    delta sent = *late;
    sent.column_count = count;
    sent.columns = picked;
    return to->take(to->context, &sent, err);
}

/* The first time that is not late. */
static int64_t
late_before(const judge *j, int32_t port) {
    const int64_t behind_us = sat_add_i64(j->bound->judged_us[port], j->self->spec->lateness_us);
    const int64_t first_us = sat_sub_i64(j->self->frontier_us, behind_us);
    return first_us == INT64_MIN
               ? INT64_MIN
               : sat_sub_i64(0, type_time_from_us(j->types[port], sat_sub_i64(0, first_us)));
}

/* Without a time a row matches nothing at any time. */
static bool
is_late(const column *times, int32_t row, int64_t before) {
    return ((const int64_t *)times->values)[row] < before && !column_is_null(times, row);
}

static bool
any_is_late(const column *times, int32_t count, int64_t before) {
    const int64_t *values = times->values;
    bool           any = false;
    for (int32_t i = 0; i < count; i++) {
        any |= values[i] < before;
    }
    return any;
}

static status
refuse_late(judge *j, int32_t port, delta *rows, error *err) {
    arena        *scratch = j->self->env->scratch;
    const column *times = &rows->columns[j->bound->columns[port]];
    const int64_t before = late_before(j, port);
    if (!any_is_late(times, rows->row_count, before)) {
        return OK;
    }
    int32_t *kept = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*kept));
    int32_t *late = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*late));
    int32_t  kept_count = 0, late_count = 0;
    if (kept == NULL || late == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < rows->row_count; i++) {
        if (is_late(times, i, before)) {
            late[late_count++] = i;
        } else {
            kept[kept_count++] = i;
        }
    }
    if (late_count == 0) {
        return OK;
    }
    const delta all = *rows;
    delta       gone;
    j->self->late_rows += late_count;
    TRY(delta_gather(&gone, &all, late, late_count, scratch, err));
    TRY(j->refused[port].open ? refused_add(&j->refused[port], j->self->env, &gone, err) : OK);
    TRY(send_late(j, port, &gone, err));
    rows->row_count = kept_count;
    return kept_count == 0 ? OK : delta_gather(rows, &all, kept, kept_count, scratch, err);
}

status
judge_rows(judge *j, const judge *live, int32_t port, column *views, delta *rows, error *err) {
    const op_env *env = j->self->env;
    if (live != NULL && live->refused[port].open) {
        TRY(refused_leave_out(&live->refused[port], &j->left_out[port], rows, env->arena,
                              env->scratch, err));
    } else if (j->bound != NULL && j->bound->judges && j->self->frontier_us != INT64_MIN) {
        TRY(refuse_late(j, port, rows, err));
    }
    if (rows->columns != views && rows->row_count > 0) {
        memcpy(views, rows->columns, (size_t)rows->column_count * sizeof(*views));
        rows->columns = views;
    }
    return OK;
}
