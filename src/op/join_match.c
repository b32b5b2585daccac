/* SPDX-License-Identifier: Apache-2.0 */
/* join_match.c - rows that come out by themselves, depending on whether they have a match:
 *
 *   LEFT, RIGHT, FULL, SINGLE   an unmatched row, padded with NULLs
 *   SEMI                        a matched row
 *   ANTI                        an unmatched row
 *   MARK                        every row, with a BOOLEAN that says it
 *
 * Each stored row of a tracked side has the sum of the weights of its matches: with a residual for
 * itself, without one together with the rows of its key, so that a change of the other side costs a
 * step for its key and not one for each row under it. It is matched while the sum is positive.
 * Changes of the other side move the sums; crossings are settled after each delta, so that -old
 * +new of one row in a delta does not toggle anything. Rows with a NULL key are not stored: nothing
 * can ever match them, they pass through unmatched. */
#include "op/join.h"

enum { MATCH_TOUCHED = 1, MATCH_WAS_MATCHED = 2 };

static bool
by_row(const join *j) {
    return j->residual != NULL;
}

/* Do rows in this state give a row? */
static bool
shows(const join *j, bool matched) {
    switch (j->base.spec->join) {
    case OP_JOIN_SEMI:
        return matched;
    case OP_JOIN_MARK:
        return true;
    default:
        return !matched;
    }
}

static join_match *
match_at(const join *j, int32_t side, slot unit) {
    return ARRAY_AT(&j->matches[side], join_match, unit);
}

static status
open_matches(join *j, int32_t side, error *err) {
    static const char *const names[] = {"join.left.matches", "join.right.matches"};
    return j->tracked[side] && j->table == NULL ? array_open(&j->matches[side], j->base.env->store,
                                                             names[side], sizeof(join_match), err)
                                                : OK;
}

status
join_match_open(join *j, error *err) {
    TRY(open_matches(j, JOIN_LEFT_SIDE, err));
    return open_matches(j, JOIN_RIGHT_SIDE, err);
}

status
join_match_reset(join *j, int32_t side, error *err) {
    array_close(&j->matches[side]);
    return open_matches(j, side, err);
}

void
join_match_close(join *j) {
    array_close(&j->matches[0]);
    array_close(&j->matches[1]);
}

/* ---- rows in one state, out */

/* `columns` are those of the side, as far as they are shown. */
static status
emit_rows(join *j, int32_t side, const column *columns, const int64_t *weight, int32_t count,
          bool matched, error *err) {
    const schema *output = j->base.spec->output;
    arena        *scratch = j->base.env->scratch;
    const int32_t first = side == JOIN_LEFT_SIDE ? 0 : j->width[0];
    for (int32_t i = 0; i < output->count; i++) {
        const int32_t at = j->shown[i];
        if (at >= first && at < first + j->width[side]) {
            j->output[i] = columns[at - first];
            continue;
        }
        const bool  mark = at == j->width[0] + j->width[1];
        const value v = {.type = output->fields[i].type, .is_null = !mark, .b = mark && matched};
        TRY(column_constant(&j->output[i], &v, count, scratch, err));
    }
    const delta out = {
        .row_count = count, .column_count = output->count, .columns = j->output, .weight = weight};
    return op_emit(&j->base, &out, err);
}

static status
emit_state(join *j, int32_t port, const delta *in, const int64_t *matched, bool state, error *err) {
    arena   *scratch = j->base.env->scratch;
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[count] = i;
        count += (matched[i] > 0) == state;
    }
    if (count == 0) {
        return OK;
    }
    delta picked = *in;
    if (count < in->row_count) {
        TRY(delta_gather(&picked, in, rows, count, scratch, err));
    }
    return emit_rows(j, port, picked.columns, picked.weight, count, state, err);
}

status
join_match_emit(join *j, int32_t port, const delta *in, const int64_t *matched, error *err) {
    status s = OK;
    for (int32_t state = 0; state < 2 && s == OK; state++) {
        if (shows(j, state != 0)) {
            s = emit_state(j, port, in, matched, state != 0, err);
        }
    }
    return s;
}

/* ---- stored rows in one state, out */

typedef struct match_writer {
    join    *join;
    int32_t  side;
    bool     state;
    int32_t  count;
    slot    *slots;
    int64_t *weights;
    column  *columns;
} match_writer;

static status
writer_open(match_writer *w, join *j, int32_t side, bool state, error *err) {
    arena *scratch = j->base.env->scratch;
    *w = (match_writer){.join = j, .side = side, .state = state};
    w->slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*w->slots));
    w->weights = arena_alloc(scratch, BATCH_ROWS * sizeof(*w->weights));
    w->columns = arena_alloc(scratch, (size_t)j->width[side] * sizeof(*w->columns));
    return w->slots == NULL || w->weights == NULL || w->columns == NULL ? error_memory(err) : OK;
}

static status
write_rows(match_writer *w, error *err) {
    join         *j = w->join;
    const int32_t first = w->side == JOIN_LEFT_SIDE ? 0 : j->width[0];
    for (int32_t i = 0; i < j->base.spec->output->count; i++) {
        const int32_t at = j->shown[i] - first;
        if (at >= 0 && at < j->width[w->side]) {
            TRY(join_read(j, w->side, at, w->slots, w->count, &w->columns[at], err));
        }
    }
    return emit_rows(j, w->side, w->columns, w->weights, w->count, w->state, err);
}

static status
writer_flush(match_writer *w, error *err) {
    if (w->count == 0) {
        return OK;
    }
    TRY(op_poll(&w->join->base, err));
    arena           *scratch = w->join->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    const status     s = write_rows(w, err);
    arena_rewind(scratch, mark);
    w->count = 0;
    return s;
}

static status
writer_add(match_writer *w, slot row, int64_t weight, error *err) {
    w->slots[w->count] = row;
    w->weights[w->count++] = weight;
    return w->count == BATCH_ROWS ? writer_flush(w, err) : OK;
}

/* All rows of a unit, with their weights times `sign`. */
static status
writer_add_unit(match_writer *w, slot unit, int64_t sign, error *err) {
    const arrangement *a = &w->join->sides[w->side];
    if (by_row(w->join)) {
        return writer_add(w, unit, sign * arrangement_weight(a, unit), err);
    }
    for (slot row = arrangement_first(a, unit); row != SLOT_NONE; row = arrangement_next(a, row)) {
        TRY(writer_add(w, row, sign * arrangement_weight(a, row), err));
    }
    return OK;
}

/* ---- counts */

static status
note_crowded(join *j, slot unit, error *err) {
    return slot_list_add(&j->crowded, unit, j->base.env->tick_arena, err);
}

status
join_match_store(join *j, int32_t port, const slot *slots, const int64_t *matched, int32_t count,
                 error *err) {
    arrangement   *a = &j->sides[port];
    state_array   *matches = &j->matches[port];
    const uint64_t limit = by_row(j) ? arrangement_slot_count(a) : arrangement_key_count(a);
    const bool     single = j->base.spec->join == OP_JOIN_SINGLE;
    TRY(array_reserve_to(matches, limit, err));
    /* In row order: a slot that one row left and another took ends with the count of the latter. */
    for (int32_t i = 0; i < count; i++) {
        if (slots[i] == SLOT_NONE) {
            continue;
        }
        const slot unit = by_row(j) ? slots[i] : arrangement_key(a, slots[i]);
        TRY(array_touch(matches, unit, 1, err));
        *match_at(j, port, unit) = (join_match){.count = matched[i]};
        if (single && matched[i] > 1) {
            TRY(note_crowded(j, unit, err));
        }
    }
    return OK;
}

static status
too_many_matches(error *err) {
    return error_set(err, ERR_QUERY_FAILED, "join: a row has more matches than can be counted");
}

status
join_match_move(join *j, int32_t side, slot unit, int64_t weight, error *err) {
    if (unit == SLOT_NONE) {
        return OK;
    }
    if (j->table != NULL) { /* all are looked at later */
        int64_t *matched = &j->table->matched[unit];
        if (j->base.spec->whole != NULL) { /* others do so at the same time: there is one */
            assert(weight == 1);
            if (__atomic_load_n(matched, __ATOMIC_RELAXED) == 0) {
                __atomic_store_n(matched, 1, __ATOMIC_RELAXED);
            }
            return OK;
        }
        return __builtin_add_overflow(*matched, weight, matched) ? too_many_matches(err) : OK;
    }
    join_match *m = match_at(j, side, unit);
    if (m->flags == 0) {
        TRY(array_touch(&j->matches[side], unit, 1, err));
        m->flags = m->count > 0 ? MATCH_TOUCHED | MATCH_WAS_MATCHED : MATCH_TOUCHED;
        TRY(slot_list_add(&j->touched, unit, j->base.env->tick_arena, err));
    }
    return __builtin_add_overflow(m->count, weight, &m->count) ? too_many_matches(err) : OK;
}

static status
settle_unit(join *j, int32_t side, slot unit, match_writer writers[2], error *err) {
    join_match *m = match_at(j, side, unit);
    const bool  was = (m->flags & MATCH_WAS_MATCHED) != 0;
    const bool  now = m->count > 0;
    m->flags = 0;
    if (m->count > 1 && j->base.spec->join == OP_JOIN_SINGLE) {
        TRY(note_crowded(j, unit, err));
    }
    if (was == now) {
        return OK;
    }
    if (shows(j, was)) {
        TRY(writer_add_unit(&writers[was], unit, -1, err));
    }
    return shows(j, now) ? writer_add_unit(&writers[now], unit, 1, err) : OK;
}

status
join_match_settle(join *j, int32_t side, error *err) {
    arena *scratch = j->base.env->scratch;
    if (j->touched.first == NULL) {
        return OK;
    }
    const arena_mark mark = arena_save(scratch);
    match_writer     writers[2];
    TRY(writer_open(&writers[0], j, side, false, err));
    TRY(writer_open(&writers[1], j, side, true, err));
    for (const slot_block *b = j->touched.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            TRY(settle_unit(j, side, b->slots[i], writers, err));
        }
    }
    TRY(writer_flush(&writers[0], err));
    TRY(writer_flush(&writers[1], err));
    arena_rewind(scratch, mark);
    j->touched = (slot_list){0};
    return OK;
}

static slot
unit_of(const join *j, int32_t side, slot row) {
    return by_row(j) ? row : arrangement_key(&j->sides[side], row);
}

int64_t
join_match_count(const join *j, int32_t side, slot row) {
    return match_at(j, side, unit_of(j, side, row))->count;
}

/* Of rows first .. end. */
static status
finish_rows(join *j, int32_t first, int32_t end, error *err) {
    arena            *scratch = j->base.env->scratch;
    const int32_t     side = j->base.spec->build_side;
    const join_table *t = j->table;
    const arena_mark  mark = arena_save(scratch);
    match_writer      writers[2];
    TRY(writer_open(&writers[0], j, side, false, err));
    TRY(writer_open(&writers[1], j, side, true, err));
    for (int32_t row = first; row < end; row++) {
        const int64_t matches = *join_table_matched(t, (slot)row);
        if (matches > 1 && j->base.spec->join == OP_JOIN_SINGLE) {
            return join_too_many(j, matches, err);
        }
        if (shows(j, matches > 0)) {
            const int64_t weight = join_table_weight(t, (slot)row);
            const status  s = writer_add(&writers[matches > 0], (slot)row, weight, err);
            if (s != OK) {
                return s;
            }
        }
        TRY(row % INTERRUPT_STRIDE == 0 ? op_poll(&j->base, err) : OK);
    }
    TRY(writer_flush(&writers[0], err));
    TRY(writer_flush(&writers[1], err));
    arena_rewind(scratch, mark);
    return OK;
}

status
join_match_finish(join *j, error *err) {
    TRY(join_table_seal(j->table, err)); /* there may have been nothing to probe with */
    return finish_rows(j, 0, j->table->row_count, err);
}

bool
join_is_weighted(const op *self) {
    return ((const join *)self)->table->weights != NULL;
}

status
join_finish_share(op *self, int32_t at, int32_t count, error *err) {
    join         *j = (join *)self;
    const int64_t rows = j->table->row_count;
    return finish_rows(j, (int32_t)(rows * at / count), (int32_t)(rows * (at + 1) / count), err);
}

void
join_set_finished(op *self) {
    ((join *)self)->finished = true;
}

/* ---- SINGLE */

status
join_too_many(const join *j, int64_t count, error *err) {
    error_set_at(err, ERR_QUERY_FAILED, j->base.spec->position,
                 "a subquery that stands for one value gave %lld rows", (long long)count);
    error_hint(err, "aggregate it, add LIMIT 1, or compare with IN or ANY");
    return ERR_QUERY_FAILED;
}

status
join_match_check(join *j, error *err) {
    const arrangement *a = &j->sides[JOIN_LEFT_SIDE];
    for (const slot_block *b = j->crowded.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            const slot unit = b->slots[i];
            const bool live =
                by_row(j) ? arrangement_has_row(a, unit) : arrangement_has_key(a, unit);
            const int64_t count = match_at(j, JOIN_LEFT_SIDE, unit)->count;
            if (live && count > 1) {
                return join_too_many(j, count, err);
            }
        }
    }
    j->crowded = (slot_list){0};
    return OK;
}

status
join_match_validate(const join *j, error *err) {
    for (int32_t side = 0; side < 2; side++) {
        uint64_t next = 0;
        slot     slots[64];
        int64_t  weights[64];
        int32_t  count;
        if (!j->tracked[side]) {
            continue;
        }
        while ((count = arrangement_scan(&j->sides[side], &next, slots, weights, 64)) > 0) {
            for (int32_t i = 0; i < count; i++) {
                const slot        unit = unit_of(j, side, slots[i]);
                const join_match *m = match_at(j, side, unit);
                if (unit >= j->matches[side].count || m->count < 0 || m->flags != 0) {
                    return error_set(err, ERR_INTERNAL_ERROR,
                                     "join: row %u has %lld matches, flags %u", slots[i],
                                     (long long)m->count, m->flags);
                }
            }
        }
    }
    return OK;
}
