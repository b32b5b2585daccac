/* SPDX-License-Identifier: Apache-2.0 */
/* join_left.c - what LEFT adds to a join: left rows without a match go out padded with NULLs.
 *
 * In a stream each stored left row has the sum of the weights of its matches; it is padded while
 * that is not positive. Changes of the right side move the sums; crossings are settled after each
 * right delta, so that -old +new of one right row in a delta does not toggle the padding. Left rows
 * with a NULL key are not stored: nothing can ever match them, they pass through padded. */
#include "op/join.h"

enum { MATCH_TOUCHED = 1, MATCH_WAS_MATCHED = 2 };

status
join_left_open(join *j, error *err) {
    TRY(array_open(&j->matches, j->base.env->store, "join.matches", sizeof(left_match), err));
    j->keeps_matches = true;
    return OK;
}

void
join_left_close(join *j) {
    if (j->keeps_matches) {
        array_close(&j->matches);
    }
}

status
join_left_emit_padded(join *j, const delta *in, const int64_t *matched, error *err) {
    const schema *output = j->base.spec->output;
    arena        *scratch = j->base.env->scratch;
    int32_t      *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[count] = i;
        count += matched[i] <= 0;
    }
    if (count == 0) {
        return OK;
    }
    delta left = *in;
    if (count < in->row_count) {
        TRY(delta_gather(&left, in, rows, count, scratch, err));
    }
    if (left.column_count > 0) {
        memcpy(j->output, left.columns, (size_t)left.column_count * sizeof(column));
    }
    for (int32_t i = left.column_count; i < output->count; i++) {
        const value null = {.type = output->fields[i].type, .is_null = true};
        TRY(column_constant(&j->output[i], &null, count, scratch, err));
    }
    const delta out = {.row_count = count,
                       .column_count = output->count,
                       .columns = j->output,
                       .weight = left.weight};
    return op_emit(&j->base, &out, err);
}

status
join_left_store(join *j, const slot *slots, const int64_t *matched, int32_t count, error *err) {
    uint64_t reach = 0;
    for (int32_t i = 0; i < count; i++) {
        if (slots[i] != SLOT_NONE && slots[i] >= reach) {
            reach = (uint64_t)slots[i] + 1;
        }
    }
    TRY(array_reserve_to(&j->matches, reach, err));
    /* In row order: a slot that one row left and another took ends with the count of the latter. */
    for (int32_t i = 0; i < count; i++) {
        if (slots[i] != SLOT_NONE) {
            TRY(array_touch(&j->matches, slots[i], 1, err));
            *ARRAY_AT(&j->matches, left_match, slots[i]) = (left_match){.count = matched[i]};
        }
    }
    return OK;
}

status
join_left_move(join *j, const delta *in, const join_pairs *pairs, error *err) {
    arena *tick_arena = j->base.env->tick_arena;
    for (int32_t i = 0; i < pairs->count; i++) {
        left_match *match = ARRAY_AT(&j->matches, left_match, pairs->stored[i]);
        if (match->flags == 0) {
            TRY(array_touch(&j->matches, pairs->stored[i], 1, err));
            match->flags = match->count > 0 ? MATCH_TOUCHED | MATCH_WAS_MATCHED : MATCH_TOUCHED;
            TRY(slot_list_add(&j->touched, pairs->stored[i], tick_arena, err));
        }
        if (__builtin_add_overflow(match->count, delta_weight(in, pairs->rows[i]), &match->count)) {
            return error_set(err, ERR_QUERY_FAILED,
                             "join: a left row has more matches than can be counted");
        }
    }
    return OK;
}

status
join_left_settle(join *j, error *err) {
    const arrangement *left = &j->sides[JOIN_LEFT_SIDE];
    arena             *scratch = j->base.env->scratch;
    if (j->touched.first == NULL) {
        return OK;
    }
    const arena_mark mark = arena_save(scratch);
    slot_writer      w;
    TRY(slot_writer_open(&w, &j->base, NULL, 0, arrangement_columns(left), err));
    for (const slot_block *b = j->touched.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            left_match *match = ARRAY_AT(&j->matches, left_match, b->slots[i]);
            const bool  was_matched = (match->flags & MATCH_WAS_MATCHED) != 0;
            match->flags = 0;
            if (was_matched != (match->count > 0)) {
                const int64_t weight = arrangement_weight(left, b->slots[i]);
                TRY(slot_writer_add(&w, b->slots[i], was_matched ? weight : -weight, err));
            }
        }
    }
    TRY(slot_writer_flush(&w, err));
    arena_rewind(scratch, mark);
    j->touched = (slot_list){0};
    return OK;
}

status
join_left_validate(const join *j, error *err) {
    uint64_t next = 0;
    slot     slots[64];
    int64_t  weights[64];
    int32_t  count;
    while ((count = arrangement_scan(&j->sides[JOIN_LEFT_SIDE], &next, slots, weights, 64)) > 0) {
        for (int32_t i = 0; i < count; i++) {
            const left_match *match = ARRAY_AT(&j->matches, left_match, slots[i]);
            if (slots[i] >= j->matches.count || match->count < 0 || match->flags != 0) {
                return error_set(err, ERR_INTERNAL_ERROR,
                                 "join: left row %u has %lld matches, flags %u", slots[i],
                                 (long long)match->count, match->flags);
            }
        }
    }
    return OK;
}
