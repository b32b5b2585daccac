/* SPDX-License-Identifier: Apache-2.0 */
/* op_scan.c - where a relation enters a circuit: picks and reorders its columns.
 *
 * Nothing is copied: output columns are the input's, with their owners. Two columns are none of the
 * input's: when the row came and when it went (spec->arrival, departure), which whoever feeds the
 * leaf tells by the environment.
 *
 * push:  forwards the chosen columns; of a stream with shards, of the rows that fall to this one
 * tick:  nothing */
#include "op/rows.h"

typedef struct scan {
    op      base;
    column *columns; /* of the delta under way; NULL: all input columns, in order */
    bool    all;     /* as long as the input has no more than the output */
} scan;

static status
scan_open(op *self, error *err) {
    scan          *s = (scan *)self;
    const op_spec *spec = self->spec;
    bool           all = spec->input[0] == NULL || spec->output->count == spec->input[0]->count;
    for (int32_t i = 0; all && spec->columns != NULL && i < spec->output->count; i++) {
        all = spec->columns[i] == i;
    }
    s->all = all && spec->input[0] != NULL;
    if (spec->columns == NULL) {
        return OK;
    }
    s->columns = arena_alloc(self->env->arena, (size_t)spec->output->count * sizeof(column));
    return s->columns == NULL ? error_memory(err) : OK;
}

/* When each row came. */
static status
arrival_column(const scan *s, column *out, int32_t row_count, error *err) {
    const op_env *env = s->base.env;
    *out = (column){.type = type_of(TYPE_TIMESTAMP), .layout = COLUMN_FLAT, .values = env->arrived};
    if (env->arrived != NULL) {
        return OK;
    }
    int64_t *same = arena_alloc(env->scratch, sizeof(*same) * (size_t)row_count);
    if (same == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < row_count; i++) {
        same[i] = env->arrived_us;
    }
    out->values = same;
    return OK;
}

/* The rows of its shard. */
static status
emit(op *self, const delta *rows, error *err) {
    if (LIKELY(self->shard_count == 0)) {
        return op_emit(self, rows, err);
    }
    delta own;
    TRY(op_shard(self, &own, rows, err));
    return own.row_count == 0 ? OK : op_emit(self, &own, err);
}

static status
scan_push(op *self, int32_t port, const delta *in, error *err) {
    scan *s = (scan *)self;
    (void)port;
    const int32_t count = self->spec->output->count;
    if (s->columns == NULL || (s->all && in->column_count == count)) {
        return emit(self, in, err);
    }
    for (int32_t i = 0; i < count; i++) {
        if (self->spec->columns[i] == self->spec->arrival && self->spec->arrival > 0) {
            TRY(arrival_column(s, &s->columns[i], in->row_count, err));
            continue;
        }
        if (self->spec->columns[i] == self->spec->departure && self->spec->departure > 0) {
            s->columns[i] = (column){.type = type_of(TYPE_TIMESTAMP),
                                     .layout = COLUMN_FLAT,
                                     .values = self->env->departed};
            continue;
        }
        assert(self->spec->columns[i] < in->column_count);
        s->columns[i] = in->columns[self->spec->columns[i]];
    }
    const delta out = {.row_count = in->row_count,
                       .column_count = count,
                       .columns = s->columns,
                       .weight = in->weight};
    return emit(self, &out, err);
}

const op_class op_scan_class = {
    .name = "scan",
    .size = sizeof(scan),
    .open = scan_open,
    .push = scan_push,
};
