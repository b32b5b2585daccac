/* SPDX-License-Identifier: Apache-2.0 */
/* op_versions.c - a table as all versions that its rows had: FOR SYSTEM_TIME AS OF, in a stream.
 *
 * Each row that the table ever had comes with two more columns: from when it was there, and until
 * when, not included; the largest time while it still is. A join that compares a time with both
 * finds the rows of that time, so what joins do (any kind, exact retraction) holds here too.
 * One-off queries read both from the insert index, with op_scan.c.
 *
 * Rows that are there are kept with the time they came. Which of several equal rows goes does not
 * show: at each time there are as many of them either way. A row that came and went at one time was
 * there at none.
 *
 * push:  rows that come: (row, now, end of time). Rows that go: that is taken back, and (row, came,
 *        now) given
 * tick:  nothing */
#include "op/merge.h"

typedef struct versions {
    op          base;
    arrangement live;
    int32_t     width;             /* columns of the table's row, in the order of the output */
    int32_t    *at;                /* of each of them: where it is in the output */
    int32_t     from_at, until_at; /* in the output, -1: not wanted */
    column     *row;               /* of the delta under way: the row, then when it came */
    column     *out;
} versions;

static status
versions_open(op *self, error *err) {
    versions      *v = (versions *)self;
    const op_spec *spec = self->spec;
    arena         *a = self->env->arena;
    const size_t   room = (size_t)spec->output->count + 1;
    data_type     *types = arena_alloc(a, room * sizeof(*types));
    int32_t       *keys = arena_alloc(a, room * sizeof(*keys));
    bool          *null_safe = arena_alloc(a, room * sizeof(*null_safe));
    v->at = arena_alloc(a, room * sizeof(*v->at));
    v->row = arena_alloc_zero(a, room * sizeof(column));
    v->out = arena_alloc_zero(a, room * sizeof(column));
    if (types == NULL || keys == NULL || null_safe == NULL || v->at == NULL || v->row == NULL ||
        v->out == NULL) {
        return error_memory(err);
    }
    v->from_at = v->until_at = -1;
    for (int32_t i = 0; i < spec->output->count; i++) {
        v->from_at = spec->columns[i] == spec->arrival ? i : v->from_at;
        v->until_at = spec->columns[i] == spec->departure ? i : v->until_at;
        if (spec->columns[i] < spec->input[0]->count) {
            types[v->width] = spec->output->fields[i].type;
            keys[v->width] = v->width;
            null_safe[v->width] = true;
            v->at[v->width++] = i;
        }
    }
    types[v->width] = type_of(TYPE_TIMESTAMP);
    TRY(arrangement_open(&v->live, self->env->store, "versions.live", types, v->width + 1, keys,
                         v->width, false, err));
    v->live.null_safe = null_safe;
    return OK;
}

static void
versions_close(op *self) {
    arrangement_close(&((versions *)self)->live);
}

/* `count` rows of v->row, which were there from `from` until `until`. */
static status
emit_versions(versions *v, int32_t count, int64_t *from, int64_t *until, int64_t *weight,
              error *err) {
    const int32_t width = v->base.spec->output->count;
    const column  time = {.type = type_of(TYPE_TIMESTAMP), .layout = COLUMN_FLAT};
    int32_t       next = 0;
    for (int32_t i = 0; i < width; i++) {
        v->out[i] = i == v->from_at || i == v->until_at ? time : v->row[next++];
    }
    if (v->from_at >= 0) {
        v->out[v->from_at].values = from;
    }
    if (v->until_at >= 0) {
        v->out[v->until_at].values = until;
    }
    const delta out = {
        .row_count = count, .column_count = width, .columns = v->out, .weight = weight};
    return op_emit(&v->base, &out, err);
}

static void
set_all(int64_t *values, int32_t count, int64_t to) {
    for (int32_t i = 0; i < count; i++) {
        values[i] = to;
    }
}

/* Puts rows from `first` on into the state, or takes them out. */
static status
update(versions *v, int32_t count, int64_t *from, int64_t *weight, error *err) {
    v->row[v->width] =
        (column){.type = type_of(TYPE_TIMESTAMP), .layout = COLUMN_FLAT, .values = from};
    const delta rows = {
        .row_count = count, .column_count = v->width + 1, .columns = v->row, .weight = weight};
    return arrangement_update(&v->live, &rows, NULL, v->base.env->scratch, err);
}

/* When row i came, which goes now: of equal ones that of the first that is found. It is taken out.
 */
static status
take_out(versions *v, const column *all, int32_t i, int64_t *from, error *err) {
    arena           *scratch = v->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    slot             key = SLOT_NONE, at = SLOT_NONE;
    int64_t          minus = -1;
    column           came;
    for (int32_t k = 0; k < v->width; k++) {
        TRY(column_gather(&v->row[k], &all[k], &i, 1, scratch, err));
    }
    TRY(arrangement_find(&v->live, v->row, 1, &key, scratch, err));
    at = key == SLOT_NONE ? SLOT_NONE : arrangement_first(&v->live, key);
    while (at != SLOT_NONE && arrangement_weight(&v->live, at) <= 0) {
        at = arrangement_next(&v->live, at);
    }
    if (at == SLOT_NONE) {
        return error_set(err, ERR_INTERNAL_ERROR, "a row went that a table's versions have not");
    }
    TRY(state_columns_read(arrangement_columns(&v->live), v->width, &at, 1, scratch, &came, err));
    *from = ((const int64_t *)came.values)[0];
    TRY(update(v, 1, from, &minus, err));
    arena_rewind(scratch, mark);
    return OK;
}

/* Rows that go, all of weight -1. */
static status
push_gone(versions *v, const column *all, int32_t count, int64_t *weight, error *err) {
    arena   *scratch = v->base.env->scratch;
    int64_t *from = arena_alloc(scratch, sizeof(*from) * (size_t)count);
    int64_t *until = arena_alloc(scratch, sizeof(*until) * (size_t)count);
    if (from == NULL || until == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        assert(weight[i] == -1);
        TRY(take_out(v, all, i, &from[i], err));
    }
    memcpy(v->row, all, sizeof(column) * (size_t)v->width);
    set_all(until, count, INT64_MAX);
    TRY(emit_versions(v, count, from, until, weight, err));
    int32_t *was = arena_alloc(scratch, sizeof(*was) * (size_t)count);
    int32_t  n = 0;
    if (was == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        from[n] = from[i];
        was[n] = i;
        n += from[i] < v->base.env->arrived_us;
    }
    for (int32_t k = 0; k < v->width && n < count; k++) {
        TRY(column_gather(&v->row[k], &all[k], was, n, scratch, err));
    }
    set_all(until, n, v->base.env->arrived_us);
    return n == 0 ? OK : emit_versions(v, n, from, until, NULL, err);
}

static status
versions_push(op *self, int32_t port, const delta *in, error *err) {
    versions *v = (versions *)self;
    arena    *scratch = self->env->scratch;
    (void)port;
    const arena_mark mark = arena_save(scratch);
    const size_t     bytes = sizeof(int64_t) * (size_t)in->row_count;
    column          *picked = arena_alloc(scratch, sizeof(*picked) * (size_t)(v->width + 1));
    column          *all = arena_alloc(scratch, sizeof(*all) * (size_t)(v->width + 1));
    int64_t         *weight = arena_alloc(scratch, bytes);
    int64_t         *from = arena_alloc(scratch, bytes);
    int64_t         *until = arena_alloc(scratch, bytes);
    if (picked == NULL || all == NULL || weight == NULL || from == NULL || until == NULL) {
        return error_memory(err);
    }
    for (int32_t k = 0; k < v->width; k++) {
        picked[k] = in->columns[self->spec->columns[v->at[k]]]; /* ALTER may move them */
    }
    TRY(columns_to_views(all, picked, v->width, in->row_count, scratch, err));
    for (int32_t i = 0; i < in->row_count; i++) {
        weight[i] = delta_weight(in, i);
    }
    if (in->row_count > 0 && weight[0] < 0) { /* a delta of a table is all of one kind */
        TRY(push_gone(v, all, in->row_count, weight, err));
    } else {
        memcpy(v->row, all, sizeof(column) * (size_t)v->width);
        set_all(from, in->row_count, self->env->arrived_us);
        set_all(until, in->row_count, INT64_MAX);
        TRY(update(v, in->row_count, from, weight, err));
        TRY(emit_versions(v, in->row_count, from, until, weight, err));
    }
    arena_rewind(scratch, mark);
    return OK;
}

static status
versions_validate(const op *self, error *err) {
    return arrangement_validate(&((const versions *)self)->live, err);
}

/* Each version came out as it will stay, wherever its row came. */
static status
versions_merge(op *self, op *other, error *err) {
    return merge_arrangement(&((versions *)self)->live, &((const versions *)other)->live, self->env,
                             err);
}

static int64_t
versions_state_rows(const op *self) {
    return arrangement_row_count(&((const versions *)self)->live);
}

static status
versions_load(op *self, image_reader *in, error *err) {
    (void)in;
    return arrangement_rebuild(&((versions *)self)->live, err);
}

const op_class op_versions_class = {
    .name = "versions",
    .size = sizeof(versions),
    .open = versions_open,
    .push = versions_push,
    .merge = versions_merge,
    .validate = versions_validate,
    .state_rows = versions_state_rows,
    .load = versions_load,
    .close = versions_close,
};
