/* SPDX-License-Identifier: Apache-2.0 */
/* op_join.c - inner and left equi-joins with an optional further condition (residual) on the pair;
 * without keys the cross join.
 *
 * Bilinear: each side is kept as an arrangement; a delta on one port probes the other side and then
 * goes into its own, so (A+a)(B+b) - AB is emitted whatever the order of the ports, also when one
 * relation feeds both. Weights multiply. NULL keys match nothing. What LEFT adds is in join_left.c.
 *
 * One-off queries feed all of port 1 (the right side, which is built) before port 0, which only
 * probes: no left state.
 *
 * push:  pairs with the other side -> residual -> emit; then own side is updated. DONE in one-off
 *        queries when the consumers have enough
 * tick:  nothing */
#include "op/join.h"

static void
note_column(void *arg, int32_t *column_index) {
    ((bool *)arg)[*column_index] = true;
}

static status
open_residual(join *j, error *err) {
    const op_spec *spec = j->base.spec;
    arena         *a = j->base.env->arena;
    if (spec->predicate == NULL) {
        return OK;
    }
    j->residual_reads = arena_alloc_zero(a, (size_t)spec->output->count * sizeof(bool));
    if (j->residual_reads == NULL) {
        return error_memory(err);
    }
    expr_visit_columns(spec->predicate, note_column, j->residual_reads);
    return program_compile(&j->residual, a, &spec->predicate, 1, spec->output, err);
}

static status
open_side(join *j, int32_t side, const char *name, error *err) {
    const op_spec *spec = j->base.spec;
    op_env        *env = j->base.env;
    const schema  *input = spec->input[side];
    data_type     *types = schema_types(input, env->arena);
    j->views[side] = arena_alloc(env->arena, (size_t)input->count * sizeof(column));
    if (types == NULL || j->views[side] == NULL) {
        return error_memory(err);
    }
    j->key_columns[side] = side == JOIN_LEFT_SIDE ? spec->left_keys : spec->right_keys;
    if (side == JOIN_LEFT_SIDE && spec->mode == MODE_ONCE) {
        return OK;
    }
    TRY(arrangement_open(&j->sides[side], env->store, name, types, input->count,
                         j->key_columns[side], spec->key_count, spec->append_only[side], err));
    return OK;
}

static status
join_open(op *self, error *err) {
    join          *j = (join *)self;
    const op_spec *spec = self->spec;
    assert(spec->output->count == spec->input[0]->count + spec->input[1]->count);
    j->keys = arena_alloc(self->env->arena, (size_t)spec->key_count * sizeof(column));
    j->output = arena_alloc_zero(self->env->arena, (size_t)spec->output->count * sizeof(column));
    if (j->keys == NULL || j->output == NULL) {
        return error_memory(err);
    }
    TRY(open_residual(j, err));
    TRY(open_side(j, JOIN_LEFT_SIDE, "join.left", err));
    TRY(open_side(j, JOIN_RIGHT_SIDE, "join.right", err));
    return spec->left_join && spec->mode == MODE_STREAM ? join_left_open(j, err) : OK;
}

static void
join_close(op *self) {
    join *j = (join *)self;
    join_left_close(j);
    for (int32_t side = 0; side < 2; side++) {
        arrangement_close(&j->sides[side]);
    }
}

/* Output column `i` of the pairs. */
static status
pair_column(join *j, int32_t port, const join_pairs *pairs, int32_t i, column *out, error *err) {
    arena        *scratch = j->base.env->scratch;
    const int32_t left_count = j->base.spec->input[0]->count;
    const int32_t side = i < left_count ? JOIN_LEFT_SIDE : JOIN_RIGHT_SIDE;
    const int32_t at = i < left_count ? i : i - left_count;
    if (side == port) {
        return column_gather(out, &j->views[port][at], pairs->rows, pairs->count, scratch, err);
    }
    return state_columns_read(arrangement_columns(&j->sides[side]), at, pairs->stored, pairs->count,
                              scratch, out, err);
}

/* Drops the pairs for which the residual is not true. */
static status
apply_residual(join *j, int32_t port, join_pairs *pairs, error *err) {
    const schema *output = j->base.spec->output;
    arena        *scratch = j->base.env->scratch;
    for (int32_t i = 0; i < output->count; i++) {
        j->output[i] = (column){.type = output->fields[i].type};
        if (j->residual_reads[i]) {
            TRY(pair_column(j, port, pairs, i, &j->output[i], err));
        }
    }
    const delta candidates = {
        .row_count = pairs->count, .column_count = output->count, .columns = j->output};
    column condition;
    TRY(program_run(j->residual, &candidates, &condition, scratch, err));
    int32_t *rows = arena_alloc(scratch, (size_t)pairs->count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    const int32_t count = select_true(rows, &condition, pairs->count);
    for (int32_t i = 0; i < count && count < pairs->count; i++) {
        pairs->rows[i] = pairs->rows[rows[i]];
        pairs->stored[i] = pairs->stored[rows[i]];
        pairs->stored_weight[i] = pairs->stored_weight[rows[i]];
    }
    pairs->count = count;
    return OK;
}

/* Product of the weights; NULL in *out: all 1. */
static status
multiply_weights(join *j, const delta *in, const join_pairs *pairs, int64_t **out, error *err) {
    *out = NULL;
    int64_t unlike_one = 0;
    for (int32_t i = 0; i < pairs->count; i++) {
        unlike_one |= pairs->stored_weight[i] ^ 1;
    }
    if (in->weight == NULL && unlike_one == 0) {
        return OK;
    }
    int64_t *weight = arena_alloc(j->base.env->scratch, (size_t)pairs->count * sizeof(*weight));
    if (weight == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < pairs->count; i++) {
        const int64_t row_weight = delta_weight(in, pairs->rows[i]);
        if (__builtin_mul_overflow(row_weight, pairs->stored_weight[i], &weight[i])) {
            return error_set(err, ERR_QUERY_FAILED,
                             "join: a row would appear %lld x %lld times, which is more than can "
                             "be counted",
                             (long long)row_weight, (long long)pairs->stored_weight[i]);
        }
    }
    *out = weight;
    return OK;
}

static status
emit_pairs(join *j, int32_t port, const delta *in, const join_pairs *pairs, error *err) {
    const int32_t column_count = j->base.spec->output->count;
    int64_t      *weight;
    TRY(multiply_weights(j, in, pairs, &weight, err));
    for (int32_t i = 0; i < column_count; i++) {
        TRY(pair_column(j, port, pairs, i, &j->output[i], err));
    }
    const delta out = {.row_count = pairs->count,
                       .column_count = column_count,
                       .columns = j->output,
                       .weight = weight};
    return op_emit(&j->base, &out, err);
}

/* One chunk of pairs, as the probe gave them. matched: per row of `in`, for left rows of a LEFT
 * join. */
static status
take_pairs(join *j, int32_t port, const delta *in, join_pairs *pairs, int64_t *matched,
           error *err) {
    const arrangement *other = &j->sides[!port];
    TRY(op_poll(&j->base, err));
    for (int32_t i = 0; i < pairs->count; i++) {
        pairs->stored_weight[i] = arrangement_weight(other, pairs->stored[i]);
    }
    if (j->residual != NULL) {
        TRY(apply_residual(j, port, pairs, err));
        if (pairs->count == 0) {
            return OK;
        }
    }
    if (matched != NULL) {
        for (int32_t i = 0; i < pairs->count; i++) {
            matched[pairs->rows[i]] += pairs->stored_weight[i];
        }
    } else if (j->keeps_matches) {
        TRY(join_left_move(j, in, pairs, err));
    }
    return emit_pairs(j, port, in, pairs, err);
}

static status
probe_other(join *j, int32_t port, const delta *in, int64_t *matched, error *err) {
    arena     *scratch = j->base.env->scratch;
    join_pairs pairs;
    pairs.rows = arena_alloc(scratch, BATCH_ROWS * sizeof(*pairs.rows));
    pairs.stored = arena_alloc(scratch, BATCH_ROWS * sizeof(*pairs.stored));
    pairs.stored_weight = arena_alloc(scratch, BATCH_ROWS * sizeof(*pairs.stored_weight));
    if (pairs.rows == NULL || pairs.stored == NULL || pairs.stored_weight == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < j->base.spec->key_count; i++) {
        j->keys[i] = in->columns[j->key_columns[port][i]];
    }
    const bool   stops = j->base.spec->mode == MODE_ONCE;
    probe_cursor cursor = {0};
    for (;;) {
        TRY(arrangement_probe(&j->sides[!port], j->keys, in->row_count, &cursor, pairs.rows,
                              pairs.stored, BATCH_ROWS, &pairs.count, scratch, err));
        if (pairs.count == 0) {
            return OK;
        }
        const arena_mark mark = arena_save(scratch); /* after the probe: its cursor keeps memory */
        const status     s = take_pairs(j, port, in, &pairs, matched, err);
        TRY(s);
        if (s == DONE && stops) {
            return DONE;
        }
        arena_rewind(scratch, mark);
    }
}

static status
push_left(join *j, const delta *in, error *err) {
    const op_spec *spec = j->base.spec;
    arena         *scratch = j->base.env->scratch;
    int64_t       *matched = NULL;
    if (spec->left_join) {
        matched = arena_alloc_zero(scratch, (size_t)in->row_count * sizeof(*matched));
        if (matched == NULL) {
            return error_memory(err);
        }
    }
    const status s = probe_other(j, JOIN_LEFT_SIDE, in, matched, err);
    if (s != OK) {
        return s;
    }
    if (matched != NULL) {
        TRY(join_left_emit_padded(j, in, matched, err));
    }
    if (spec->mode == MODE_ONCE) {
        return OK;
    }
    if (matched == NULL) {
        return arrangement_update(&j->sides[JOIN_LEFT_SIDE], in, NULL, scratch, err);
    }
    slot *slots = arena_alloc(scratch, (size_t)in->row_count * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    TRY(arrangement_update(&j->sides[JOIN_LEFT_SIDE], in, slots, scratch, err));
    return join_left_store(j, slots, matched, in->row_count, err);
}

static status
push_right(join *j, const delta *in, error *err) {
    arena *scratch = j->base.env->scratch;
    if (j->base.spec->mode == MODE_STREAM) {
        TRY(probe_other(j, JOIN_RIGHT_SIDE, in, NULL, err));
        if (j->keeps_matches) {
            TRY(join_left_settle(j, err));
        }
    }
    return arrangement_update(&j->sides[JOIN_RIGHT_SIDE], in, NULL, scratch, err);
}

static status
join_push(op *self, int32_t port, const delta *in, error *err) {
    join            *j = (join *)self;
    arena           *scratch = self->env->scratch;
    const arena_mark mark = arena_save(scratch);
    assert(in->column_count == self->spec->input[port]->count);
    TRY(columns_to_views(j->views[port], in->columns, in->column_count, in->row_count, scratch,
                         err));
    delta rows = *in;
    rows.columns = j->views[port];
    const status s = port == JOIN_LEFT_SIDE ? push_left(j, &rows, err) : push_right(j, &rows, err);
    arena_rewind(scratch, mark);
    return s;
}

static status
join_validate(const op *self, error *err) {
    const join *j = (const join *)self;
    for (int32_t side = 0; side < 2; side++) {
        TRY(arrangement_validate(&j->sides[side], err));
    }
    return j->keeps_matches ? join_left_validate(j, err) : OK;
}

static int64_t
join_state_rows(const op *self) {
    const join *j = (const join *)self;
    return arrangement_row_count(&j->sides[0]) + arrangement_row_count(&j->sides[1]);
}

const op_class op_join_class = {
    .name = "join",
    .size = sizeof(join),
    .open = join_open,
    .push = join_push,
    .validate = join_validate,
    .state_rows = join_state_rows,
    .close = join_close,
};
