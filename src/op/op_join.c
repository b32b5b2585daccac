/* SPDX-License-Identifier: Apache-2.0 */
/* op_join.c - joins of every kind: on equal keys, with an optional further condition (residual) on
 * the pair; without keys every pair is a candidate.
 *
 * Bilinear: in streams each side is kept as an arrangement; a delta on one port probes the other
 * side and then goes into its own, so (A+a)(B+b) - AB is emitted whatever the order of the ports,
 * also when one relation feeds both. Weights multiply. NULL keys match nothing, but for keys that
 * are null_safe. Outer, semi, anti, mark and single joins are the same machine plus a count of
 * matches for the rows of the sides they look at (join_match.c). After each push the output is that
 * of the rows so far.
 *
 * One-off queries feed all of one side (build_side) before the other, which only probes and is not
 * stored. The former lies in a join_table, whose index is made on several threads when its rows are
 * there. Instances for parts of the probe side share what the whole operator has stored. A stored
 * side that memory has no room for goes to disk, and the probe side with it (join_spill.c).
 *
 * Where times bound the matches of a row, streams forget rows (join_bound.c), and so they do where
 * a row must equal the greatest of its group and is smaller (join_extreme.c).
 *
 * push:  candidates of the other side -> residual -> emit pairs, count matches; then own side is
 *        updated. DONE in one-off queries when the consumers have enough
 * tick:  one-off: stored rows that come out by themselves. SINGLE: nothing has two matches */
#include "op/join.h"

#include "op/merge.h"

static void
note_column(void *arg, int32_t *column_index) {
    ((bool *)arg)[*column_index] = true;
}

/* The columns of both sides side by side. */
static schema *
pair_schema(join *j) {
    const op_spec *spec = j->base.spec;
    arena         *a = j->base.env->arena;
    const int32_t  count = j->width[0] + j->width[1];
    schema        *s = arena_alloc_zero(a, sizeof(*s));
    field         *fields = arena_alloc_zero(a, (size_t)count * sizeof(*fields));
    if (s == NULL || fields == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < count; i++) {
        fields[i] =
            i < j->width[0] ? spec->input[0]->fields[i] : spec->input[1]->fields[i - j->width[0]];
    }
    *s = (schema){.count = count, .fields = fields};
    return s;
}

static status
open_residual(join *j, error *err) {
    const op_spec *spec = j->base.spec;
    arena         *a = j->base.env->arena;
    const int32_t  count = j->width[0] + j->width[1];
    if (spec->predicate == NULL) {
        return OK;
    }
    const schema *pair = pair_schema(j);
    j->residual_reads = arena_alloc_zero(a, (size_t)count * sizeof(bool));
    j->pair = arena_alloc_zero(a, (size_t)count * sizeof(column));
    if (pair == NULL || j->residual_reads == NULL || j->pair == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        j->pair[i].type = pair->fields[i].type;
    }
    expr_visit_columns(spec->predicate, note_column, j->residual_reads);
    return program_compile_for(&j->residual, a, &spec->predicate, 1, pair, j->base.env->eval, err);
}

/* SEMI and ANTI show the left columns, MARK also the mark, the others both sides. */
static status
open_shown(join *j, error *err) {
    const op_spec *spec = j->base.spec;
    const int32_t  count = spec->output->count;
    j->shown = arena_alloc(j->base.env->arena, (size_t)count * sizeof(*j->shown));
    j->output = arena_alloc_zero(j->base.env->arena, (size_t)count * sizeof(column));
    if (j->shown == NULL || j->output == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const bool mark = spec->join == OP_JOIN_MARK && i == j->width[0];
        j->shown[i] = spec->columns != NULL ? spec->columns[i] : mark ? i + j->width[1] : i;
    }
    return OK;
}

status
join_open_side(join *j, int32_t side, error *err) {
    static const char *const names[] = {"join.left", "join.right"};
    const op_spec           *spec = j->base.spec;
    op_env                  *env = j->base.env;
    arrangement             *a = &j->sides[side];
    TRY(arrangement_open(a, env->store, names[side], j->types[side], spec->input[side]->count,
                         j->key_columns[side], spec->key_count, spec->append_only[side], err));
    a->null_safe = spec->null_safe;
    a->keep_totals = j->tracked[!side] && j->residual == NULL;
    j->base.ages[side] = &a->touched;
    TRY(arrangement_forget_after(a, env->store, names[side], op_ttl_us(&j->base, side), err));
    const op_bound *bound = j->judge.bound;
    if (bound == NULL) {
        return OK;
    }
    const int64_t width = type_time_from_us(j->judge.types[side], bound->page_us);
    return arrangement_age(a, env->store, names[side], j->judge.types[side], bound->columns[side],
                           max_i64(width, 1), err);
}

status
join_open_table(join *j, error *err) {
    const op_spec *spec = j->base.spec;
    const int32_t  side = spec->build_side;
    TRY(join_table_open(j->table, &j->base, j->types[side], spec->input[side]->count,
                        j->key_columns[side], spec->key_count, spec->null_safe, err));
    j->table->counts = j->tracked[side];
    j->table->by_key = j->tracked[side] && j->residual == NULL;
    return OK;
}

/* Instances for parts of the probe side share what the whole has stored, which is complete. */
static status
open_build_side(join *j, error *err) {
    if (j->base.spec->whole != NULL) {
        j->table = ((const join *)j->base.spec->whole)->table;
        return join_table_seal(j->table, err);
    }
    j->table = arena_alloc_zero(j->base.env->arena, sizeof(*j->table));
    return j->table == NULL ? error_memory(err) : join_open_table(j, err);
}

static status
open_side(join *j, int32_t side, error *err) {
    const op_spec *spec = j->base.spec;
    op_env        *env = j->base.env;
    const schema  *input = spec->input[side];
    j->types[side] = schema_types(input, env->arena);
    j->views[side] = arena_alloc(env->arena, (size_t)input->count * sizeof(column));
    if (j->types[side] == NULL || j->views[side] == NULL) {
        return error_memory(err);
    }
    j->key_columns[side] = side == JOIN_LEFT_SIDE ? spec->left_keys : spec->right_keys;
    j->stored[side] = spec->mode == MODE_STREAM || side == spec->build_side;
    if (!j->stored[side]) {
        return OK;
    }
    return spec->mode == MODE_STREAM ? join_open_side(j, side, err) : open_build_side(j, err);
}

static status
join_open(op *self, error *err) {
    static const char *const late[] = {"join.left.refused", "join.right.refused"};
    join                    *j = (join *)self;
    const op_spec           *spec = self->spec;
    j->width[0] = spec->input[0]->count;
    j->width[1] = spec->input[1]->count;
    j->keys = arena_alloc(self->env->arena, (size_t)spec->key_count * sizeof(column));
    if (j->keys == NULL) {
        return error_memory(err);
    }
    const op_join_kind kind = spec->join;
    j->pairs_out = kind != OP_JOIN_SEMI && kind != OP_JOIN_ANTI && kind != OP_JOIN_MARK;
    j->tracked[JOIN_LEFT_SIDE] = kind != OP_JOIN_INNER && kind != OP_JOIN_RIGHT;
    j->tracked[JOIN_RIGHT_SIDE] = kind == OP_JOIN_RIGHT || kind == OP_JOIN_FULL;
    TRY(open_residual(j, err));
    TRY(open_shown(j, err));
    spill_set_init(&j->spilled, self);
    TRY(judge_open(&j->judge, self, late, err));
    TRY(open_side(j, JOIN_LEFT_SIDE, err));
    TRY(open_side(j, JOIN_RIGHT_SIDE, err));
    TRY(join_extreme_open(j, err));
    return join_match_open(j, err);
}

static void
join_close(op *self) {
    join *j = (join *)self;
    join_match_close(j);
    join_extreme_close(j);
    judge_close(&j->judge);
    for (int32_t side = 0; side < 2; side++) {
        arrangement_close(&j->sides[side]);
    }
    if (j->table != NULL && self->spec->whole == NULL) {
        join_table_close(j->table);
    }
    spill_set_close(&j->spilled);
}

/* ---- pairs */

status
join_read(const join *j, int32_t side, int32_t at, const slot *slots, int32_t count, column *out,
          error *err) {
    arena *scratch = j->base.env->scratch;
    return j->table != NULL ? join_table_read(j->table, at, slots, count, scratch, out, err)
                            : state_columns_show(arrangement_columns(&j->sides[side]), at, slots,
                                                 count, scratch, out, err);
}

/* Is each of the first rows of the delta in one pair, in their order? */
static bool
is_each_once(const join_pairs *pairs) {
    int32_t unlike = 0;
    for (int32_t i = 0; i < pairs->count; i++) {
        unlike |= pairs->rows[i] ^ i;
    }
    return unlike == 0;
}

/* Pair column `at` of the pairs. */
static status
pair_column(join *j, int32_t port, const join_pairs *pairs, int32_t at, column *out, error *err) {
    arena        *scratch = j->base.env->scratch;
    const int32_t side = at < j->width[0] ? JOIN_LEFT_SIDE : JOIN_RIGHT_SIDE;
    at -= side == JOIN_LEFT_SIDE ? 0 : j->width[0];
    if (side == port && pairs->each_once) {
        *out = j->views[port][at];
        out->owner = NULL; /* as if gathered: whoever keeps the rows does not keep all of `in` */
        return OK;
    }
    if (side == port) {
        return column_gather(out, &j->views[port][at], pairs->rows, pairs->count, scratch, err);
    }
    return join_read(j, side, at, pairs->stored, pairs->count, out, err);
}

/* Drops the pairs for which the residual is not true. */
static status
apply_residual(join *j, int32_t port, join_pairs *pairs, error *err) {
    const int32_t width = j->width[0] + j->width[1];
    arena        *scratch = j->base.env->scratch;
    for (int32_t i = 0; i < width; i++) {
        if (j->residual_reads[i]) {
            TRY(pair_column(j, port, pairs, i, &j->pair[i], err));
        }
    }
    const delta candidates = {.row_count = pairs->count, .column_count = width, .columns = j->pair};
    column      condition;
    TRY(program_run(j->residual, &candidates, &condition, scratch, err));
    int32_t *rows = arena_alloc(scratch, (size_t)pairs->count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    const int32_t count = select_true(rows, &condition, pairs->count);
    for (int32_t i = 0; i < count && count < pairs->count; i++) {
        pairs->rows[i] = pairs->rows[rows[i]];
        pairs->stored[i] = pairs->stored[rows[i]];
        if (pairs->stored_weight != NULL) {
            pairs->stored_weight[i] = pairs->stored_weight[rows[i]];
        }
    }
    pairs->each_once &= count == pairs->count || is_each_once(pairs);
    pairs->count = count;
    return OK;
}

ALWAYS_INLINE int64_t
stored_weight(const join_pairs *pairs, int32_t i) {
    return pairs->stored_weight == NULL ? 1 : pairs->stored_weight[i];
}

/* Product of the weights; NULL in *out: all 1. */
static status
multiply_weights(join *j, const delta *in, const join_pairs *pairs, int64_t **out, error *err) {
    *out = NULL;
    int64_t unlike_one = 0;
    for (int32_t i = 0; pairs->stored_weight != NULL && i < pairs->count; i++) {
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
        const int64_t other = stored_weight(pairs, i);
        if (__builtin_mul_overflow(row_weight, other, &weight[i])) {
            return error_set(err, ERR_QUERY_FAILED,
                             "join: a row would appear %lld x %lld times, which is more than can "
                             "be counted",
                             (long long)row_weight, (long long)other);
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
        TRY(pair_column(j, port, pairs, j->shown[i], &j->output[i], err));
    }
    const delta out = {.row_count = pairs->count,
                       .column_count = column_count,
                       .columns = j->output,
                       .weight = weight};
    return op_emit(&j->base, &out, err);
}

/* One chunk of candidates, as the probe gave them. matched: per row of `in`. */
static status
take_pairs(join *j, int32_t port, const delta *in, join_pairs *pairs, int64_t *matched,
           error *err) {
    const join_table *table = j->table;
    TRY(op_poll(&j->base, err));
    for (int32_t i = 0; pairs->stored_weight != NULL && i < pairs->count; i++) {
        pairs->stored_weight[i] = table != NULL
                                      ? join_table_weight(table, pairs->stored[i])
                                      : arrangement_weight(&j->sides[!port], pairs->stored[i]);
    }
    if (j->residual != NULL) {
        TRY(apply_residual(j, port, pairs, err));
        for (int32_t i = 0; j->tracked[port] && i < pairs->count; i++) {
            matched[pairs->rows[i]] += stored_weight(pairs, i);
        }
        for (int32_t i = 0; j->tracked[!port] && i < pairs->count; i++) {
            TRY(join_match_move(j, !port, pairs->stored[i], delta_weight(in, pairs->rows[i]), err));
        }
    }
    return j->pairs_out && pairs->count > 0 ? emit_pairs(j, port, in, pairs, err) : OK;
}

static status
probe_pairs(join *j, int32_t port, const delta *in, slot *key_slots, int64_t *matched, error *err) {
    arena     *scratch = j->base.env->scratch;
    join_pairs pairs;
    pairs.rows = arena_alloc(scratch, BATCH_ROWS * sizeof(*pairs.rows));
    pairs.stored = arena_alloc(scratch, BATCH_ROWS * sizeof(*pairs.stored));
    const bool weighted =
        j->table == NULL ? !arrangement_is_plain(&j->sides[!port]) : j->table->weights != NULL;
    pairs.stored_weight =
        weighted ? arena_alloc(scratch, BATCH_ROWS * sizeof(*pairs.stored_weight)) : NULL;
    if (pairs.rows == NULL || pairs.stored == NULL || (weighted && pairs.stored_weight == NULL)) {
        return error_memory(err);
    }
    const bool once = j->base.spec->mode == MODE_ONCE;
    /* Whether there is a match is all that such a row asks. */
    const bool   first_is_enough = once && !j->pairs_out && !j->tracked[!port];
    probe_cursor cursor = {.key_slots = key_slots};
    for (;;) {
        pairs.count = once ? join_table_pairs(j->table, &cursor, in->row_count, pairs.rows,
                                              pairs.stored, BATCH_ROWS)
                           : arrangement_pairs(&j->sides[!port], &cursor, in->row_count, pairs.rows,
                                               pairs.stored, BATCH_ROWS);
        if (pairs.count == 0) {
            return OK;
        }
        pairs.each_once = is_each_once(&pairs);
        const arena_mark mark = arena_save(scratch);
        const status     s = take_pairs(j, port, in, &pairs, matched, err);
        TRY(s);
        if (s == DONE && once) {
            return DONE;
        }
        if (first_is_enough && cursor.row >= 0 && matched[cursor.row] > 0) {
            probe_skip_row(&cursor);
        }
        arena_rewind(scratch, mark);
    }
}

static int64_t
key_total(const join *j, int32_t side, slot key) {
    if (j->table == NULL) {
        return arrangement_total(&j->sides[side], key);
    }
    /* SINGLE alone asks for more than whether there is one */
    return j->base.spec->join == OP_JOIN_SINGLE ? join_table_total(j->table, key)
                                                : join_table_weight(j->table, key);
}

/* All rows of a key have the same matches: they are counted without looking at the rows. */
static status
count_keys(join *j, int32_t port, const delta *in, const slot *key_slots, int64_t *matched,
           error *err) {
    for (int32_t i = 0; j->tracked[port] && i < in->row_count; i++) {
        matched[i] = key_slots[i] == SLOT_NONE ? 0 : key_total(j, !port, key_slots[i]);
    }
    for (int32_t i = 0; j->tracked[!port] && i < in->row_count; i++) {
        TRY(join_match_move(j, !port, key_slots[i], delta_weight(in, i), err));
    }
    return OK;
}

status
join_probe(join *j, int32_t port, const delta *in, int64_t *matched, error *err) {
    arena *scratch = j->base.env->scratch;
    slot  *key_slots = arena_alloc(scratch, (size_t)in->row_count * sizeof(*key_slots));
    if (key_slots == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < j->base.spec->key_count; i++) {
        j->keys[i] = in->columns[j->key_columns[port][i]];
    }
    if (j->table != NULL) {
        TRY(join_table_seal(j->table, err));
        TRY(join_table_find(j->table, j->keys, in->row_count, key_slots, scratch, err));
    } else {
        TRY(arrangement_find(&j->sides[!port], j->keys, in->row_count, key_slots, scratch, err));
    }
    if (j->residual == NULL) {
        TRY(count_keys(j, port, in, key_slots, matched, err));
        if (!j->pairs_out) {
            return OK;
        }
    }
    return probe_pairs(j, port, in, key_slots, matched, err);
}

/* ---- push and tick */

static status
update_own(join *j, int32_t port, const delta *in, const int64_t *matched, error *err) {
    arena *scratch = j->base.env->scratch;
    if (!j->tracked[port]) {
        return arrangement_update(&j->sides[port], in, NULL, scratch, err);
    }
    slot *slots = arena_alloc(scratch, (size_t)in->row_count * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    TRY(arrangement_update(&j->sides[port], in, slots, scratch, err));
    return join_match_store(j, port, slots, matched, in->row_count, err);
}

/* One-off: rows of the build side that nothing can match are not stored. */
static status
emit_keyless(join *j, int32_t port, const delta *in, const int64_t *none, error *err) {
    arena   *scratch = j->base.env->scratch;
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[count] = i;
        count += join_table_is_keyless(j->table, in->columns, i);
    }
    if (count == 0) {
        return OK;
    }
    delta keyless;
    TRY(delta_gather(&keyless, in, rows, count, scratch, err));
    return join_match_emit(j, port, &keyless, none, err);
}

static status
check_single(const join *j, int32_t port, const delta *in, const int64_t *matched, error *err) {
    if (j->base.spec->join != OP_JOIN_SINGLE || port != JOIN_LEFT_SIDE) {
        return OK;
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        if (matched[i] > 1) {
            return join_too_many(j, matched[i], err);
        }
    }
    return OK;
}

/* Zeros for the rows of a side whose matches count; NULL in *out where they do not. */
static status
open_matched(join *j, int32_t port, int32_t count, int64_t **out, error *err) {
    *out = NULL;
    if (j->tracked[port]) {
        *out = arena_alloc_zero(j->base.env->scratch, (size_t)count * sizeof(**out));
    }
    return j->tracked[port] && *out == NULL ? error_memory(err) : OK;
}

int64_t
join_index_bytes(const join *j) {
    return (int64_t)j->table->row_count * JOIN_INDEX_BYTES;
}

static status
store_once(join *j, const delta *rows, error *err) {
    if (!j->spilled.based) {
        spill_set_count(&j->spilled);
    }
    TRY(join_table_add(j->table, rows, err));
    return spill_set_presses(&j->spilled, join_index_bytes(j)) ? join_spill(j, err) : OK;
}

status
join_answer(join *j, int32_t port, const delta *rows, const int64_t *matched, error *err) {
    TRY(check_single(j, port, rows, matched, err));
    return join_match_emit(j, port, rows, matched, err);
}

status
join_take(join *j, int32_t port, const delta *rows, error *err) {
    int64_t *matched;
    if (j->spilled.open) {
        return join_to_disk(j, port, rows, err);
    }
    if (j->stored[port]) {
        return store_once(j, rows, err);
    }
    TRY(open_matched(j, port, rows->row_count, &matched, err));
    const status s = join_probe(j, port, rows, matched, err);
    return s != OK || !j->tracked[port] ? s : join_answer(j, port, rows, matched, err);
}

static status
push_once(join *j, int32_t port, const delta *in, error *err) {
    if (j->stored[port] && j->tracked[port]) {
        int64_t *none;
        TRY(open_matched(j, port, in->row_count, &none, err));
        TRY(emit_keyless(j, port, in, none, err));
    }
    return join_take(j, port, in, err);
}

status
join_push_stream(join *j, int32_t port, const delta *rows, error *err) {
    column      *views = j->views[port];
    delta        known = *rows;
    const delta *in = &known;
    const slot  *stored = NULL;
    int64_t     *matched;
    TRY(columns_to_views(views, rows->columns, rows->column_count, rows->row_count,
                         j->base.env->scratch, err));
    known.columns = views;
    TRY(join_note_extremes(j, port, &known, err));
    TRY(join_know_rows(j, port, &known, &stored, err));
    if (known.row_count == 0) {
        return OK;
    }
    if (known.columns != views) { /* pairs show rows of j->views by their numbers */
        memcpy(views, known.columns, sizeof(column) * (size_t)known.column_count);
        known.columns = views;
    }
    j->sides[port].clock_us = j->base.env->clock_us;
    TRY(open_matched(j, port, in->row_count, &matched, err));
    TRY(join_probe(j, port, in, matched, err));
    for (int32_t i = 0; stored != NULL && j->tracked[port] && i < in->row_count; i++) {
        matched[i] = stored[i] == SLOT_NONE ? matched[i] : join_match_count(j, port, stored[i]);
    }
    if (j->tracked[port]) {
        TRY(join_match_emit(j, port, in, matched, err));
    }
    TRY(update_own(j, port, in, matched, err));
    return j->tracked[!port] ? join_match_settle(j, !port, err) : OK;
}

/* Most rows may be left out here: their texts are not looked at before. */
static status
take_stream(join *j, int32_t port, const delta *in, error *err) {
    delta rows = *in;
    TRY(judge_rows(&j->judge, NULL, port, j->views[port], &rows, err));
    TRY(rows.row_count == 0 ? OK : join_leave_out(j, port, &rows, err));
    return rows.row_count == 0 ? OK : join_push_stream(j, port, &rows, err);
}

static status
take_once(join *j, int32_t port, const delta *in, error *err) {
    const join *live = (const join *)j->base.spec->live;
    delta       rows = *in;
    TRY(columns_to_views(j->views[port], in->columns, in->column_count, in->row_count,
                         j->base.env->scratch, err));
    rows.columns = j->views[port];
    TRY(judge_rows(&j->judge, live == NULL ? NULL : &live->judge, port, j->views[port], &rows,
                   err));
    return rows.row_count == 0 ? OK : push_once(j, port, &rows, err);
}

static status
join_push(op *self, int32_t port, const delta *in, error *err) {
    join            *j = (join *)self;
    arena           *scratch = self->env->scratch;
    const arena_mark mark = arena_save(scratch);
    assert(in->column_count == self->spec->input[port]->count);
    const status s =
        self->spec->mode == MODE_ONCE ? take_once(j, port, in, err) : take_stream(j, port, in, err);
    arena_rewind(scratch, mark);
    return s;
}

static status
join_tick(op *self, int64_t frontier_us, error *err) {
    join *j = (join *)self;
    if (self->spec->mode == MODE_STREAM) {
        TRY(join_settle_extremes(j, err));
        TRY(j->crowded.first == NULL ? OK : join_match_check(j, err));
        TRY(j->judge.bound == NULL ? OK : join_forget(j, frontier_us, err));
        return join_forget_extremes(j, err);
    }
    if (j->spilled.open) {
        return join_spilled(j, err);
    }
    if (!j->tracked[self->spec->build_side] || self->spec->whole != NULL || j->finished) {
        return OK;
    }
    return join_match_finish(j, err);
}

static status
join_validate(const op *self, error *err) {
    const join *j = (const join *)self;
    if (j->table != NULL) {
        return join_table_validate(j->table, err);
    }
    TRY(judge_validate(&j->judge, err));
    TRY(arrangement_validate(&j->sides[0], err));
    TRY(arrangement_validate(&j->sides[1], err));
    TRY(join_extreme_validate(j, err));
    return join_match_validate(j, err);
}

static int64_t
join_state_rows(const op *self) {
    const join *j = (const join *)self;
    return j->table != NULL
               ? j->table->row_count
               : arrangement_row_count(&j->sides[0]) + arrangement_row_count(&j->sides[1]);
}

static status
give_rows(op *of, op *to, error *err) {
    join *j = (join *)of;
    for (int32_t side = 0; side < 2; side++) {
        TRY(feed_arrangement(of, to, side, &j->sides[side], 0, j->width[side], err));
    }
    return OK;
}

static status
join_merge(op *self, op *other, error *err) {
    TRY(judge_merge(&((join *)self)->judge, &((const join *)other)->judge, err));
    TRY(merge_by_rows(self, other, give_rows, err));
    return join_take_held((join *)self, err); /* whoever is merged next gives what is stored */
}

static status
join_load(op *self, image_reader *in, error *err) {
    join *j = (join *)self;
    (void)in;
    for (int side = 0; side < 2; side++) {
        TRY(arrangement_rebuild(&j->sides[side], err));
    }
    if (join_match_validate(j, err) < 0) {
        return image_corrupt("the matches of a join", err);
    }
    TRY(join_extreme_rebuild(j, err));
    return judge_rebuild(&j->judge, err);
}

const op_class op_join_class = {
    .name = "join",
    .size = sizeof(join),
    .open = join_open,
    .push = join_push,
    .tick = join_tick,
    .forget = join_let_go,
    .merge = join_merge,
    .validate = join_validate,
    .state_rows = join_state_rows,
    .load = join_load,
    .close = join_close,
};
