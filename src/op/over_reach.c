/* SPDX-License-Identifier: Apache-2.0 */
/* over_reach.c - how far back a change of a partition is felt, and which rows it takes to compute
 * the answers from there on. Everything here may name more rows than needed, never fewer: answers
 * that turn out the same are not emitted.
 *
 * All rows behind the first change are computed again: their ranks and running totals move. */
#include "op/over_state.h"

typedef struct reach {
    const over    *o;
    slot           tree;
    uint64_t       count;  /* rows of the partition */
    uint64_t       change; /* place of the first change */
    bool           lost;   /* a row left */
    const op_spec *spec;
} reach;

static bool
are_peers(const reach *r, slot a, slot b) {
    return slots_compare(&r->o->state->rows, r->o->order + r->spec->key_count, r->o->peer_count, a,
                         b) == 0;
}

static uint64_t
back(uint64_t place, int64_t by) {
    return by <= 0 ? place : place < (uint64_t)by ? 0 : place - (uint64_t)by;
}

/* The place of the first peer of the row at `place`. */
static uint64_t
group_start(const reach *r, uint64_t place) {
    if (place == 0 || place >= r->count) {
        return place;
    }
    slot s = ordered_at_in(&r->o->state->order, r->tree, place);
    while (place > 0) {
        const slot before = ordered_previous(&r->o->state->order, s);
        if (!are_peers(r, before, s)) {
            break;
        }
        s = before;
        place--;
    }
    return place;
}

/* The start of the group `by` groups before the one that ends before `place`. */
static uint64_t
groups_back(const reach *r, uint64_t place, int64_t by) {
    for (int64_t i = 0; i <= by && place > 0; i++) {
        place = group_start(r, place - 1);
    }
    return place;
}

/* A change at `change` may belong to the group before it. */
static uint64_t
touched_group(const reach *r) {
    if (r->change == 0) {
        return 0;
    }
    const ordered *order = &r->o->state->order;
    const slot     s = r->change < r->count ? ordered_at_in(order, r->tree, r->change) : SLOT_NONE;
    const bool     joins = s != SLOT_NONE && are_peers(r, ordered_previous(order, s), s);
    return r->lost || joins ? group_start(r, r->change - 1) : r->change;
}

/* The place of a row before `place` that the bound of the row at `of` does not reach, or 0. Looks
 * back in steps that double. */
static status
range_back(uint64_t *out, const reach *r, uint64_t place, uint64_t of, const frame_bound *b,
           bool forwards, error *err) {
    const over_state *st = r->o->state;
    arena            *scratch = r->o->base.env->scratch;
    const int32_t     key = r->spec->sort_keys[0].column;
    for (uint64_t step = 8; place > 0; step *= 2) {
        const arena_mark mark = arena_save(scratch);
        column           keys;
        place = back(place, (int64_t)step);
        const slot pair[2] = {ordered_at_in(&st->order, r->tree, place),
                              ordered_at_in(&st->order, r->tree, of)};
        TRY(state_columns_read(&st->rows, key, pair, 2, scratch, &keys, err));
        const bool reaches = forwards ? over_range_reaches(r->o, b, &keys, 1, 0)
                                      : over_range_reaches(r->o, b, &keys, 0, 1);
        arena_rewind(scratch, mark);
        if (!reaches) {
            break;
        }
    }
    *out = place;
    return OK;
}

/* ---- rows whose answers a change can move */

static status
felt_by_frame(uint64_t *from, const reach *r, const over_frame *f, error *err) {
    const uint64_t change = r->change;
    *from = change;
    if (f->exclude == EXCLUDE_GROUP || f->exclude == EXCLUDE_TIES) {
        *from = touched_group(r);
    }
    uint64_t felt = change;
    switch (f->end.kind) {
    case BOUND_LAST:
        felt = 0;
        break;
    case BOUND_PRECEDING: /* 0 PRECEDING has the peers */
    case BOUND_CURRENT:
        felt = f->unit == FRAME_ROWS ? change : touched_group(r);
        break;
    case BOUND_FOLLOWING:
        if (f->unit == FRAME_ROWS) {
            felt = back(change, f->end.offset.i);
        } else if (f->unit == FRAME_GROUPS) {
            felt = groups_back(r, change, f->end.offset.i);
        } else if (change > 0) {
            felt = touched_group(r);
            TRY(range_back(&felt, r, felt, change - 1, &f->end, true, err));
        }
        break;
    default:
        break;
    }
    *from = felt < *from ? felt : *from;
    return OK;
}

static status
felt_by(uint64_t *from, const reach *r, const over_call *call, error *err) {
    const bool varies = call->count_column >= 0 || call->ignore_nulls;
    *from = r->change;
    switch (call->kind) {
    case OVER_PERCENT_RANK:
    case OVER_CUME_DIST:
    case OVER_NTILE:
        *from = 0;
        return OK;
    case OVER_LAG:
    case OVER_LEAD: {
        const int64_t ahead = call->kind == OVER_LEAD ? call->count : sat_sub_i64(0, call->count);
        *from = varies ? 0 : back(r->change, ahead);
        return OK;
    }
    case OVER_FIRST_VALUE:
    case OVER_LAST_VALUE:
    case OVER_NTH_VALUE:
    case OVER_AGGREGATE:
        return felt_by_frame(from, r, &call->frame, err);
    default:
        return OK;
    }
}

/* ---- rows that it takes */

static status
bound_back(uint64_t *first, const reach *r, uint64_t from, frame_unit unit, const frame_bound *b,
           error *err) {
    *first = from;
    if (b->kind != BOUND_PRECEDING || from == 0) {
        return OK;
    }
    if (unit == FRAME_ROWS) {
        *first = back(from, sat_add_i64(b->offset.i, 1));
    } else if (unit == FRAME_GROUPS) {
        *first = groups_back(r, group_start(r, from), sat_add_i64(b->offset.i, 1));
    } else {
        TRY(range_back(first, r, from, from, b, false, err));
    }
    return OK;
}

static status
taken_by_frame(uint64_t *first, uint64_t *head, const reach *r, uint64_t from,
               const over_call *call, error *err) {
    const over_frame *f = &call->frame;
    if (f->start.kind != BOUND_FIRST) {
        return bound_back(first, r, from, f->unit, &f->start, err);
    }
    TRY(bound_back(first, r, from, f->unit, &f->end, err));
    if (call->kind == OVER_AGGREGATE) {
        return OK;
    }
    if (call->ignore_nulls || f->exclude != EXCLUDE_NONE || call->count_column >= 0) {
        *first = 0;
    } else if (call->kind != OVER_LAST_VALUE) {
        const uint64_t n = call->kind == OVER_NTH_VALUE ? (uint64_t)call->count : 1;
        *head = n > *head ? n : *head;
    }
    return OK;
}

static status
taken_by(uint64_t *first, uint64_t *head, const reach *r, uint64_t from, const over_call *call,
         error *err) {
    *first = from;
    switch (call->kind) {
    case OVER_LAG:
    case OVER_LEAD: {
        const int64_t behind = call->kind == OVER_LAG ? call->count : sat_sub_i64(0, call->count);
        *first = back(from, behind);
        return OK;
    }
    case OVER_FIRST_VALUE:
    case OVER_LAST_VALUE:
    case OVER_NTH_VALUE:
    case OVER_AGGREGATE:
        return taken_by_frame(first, head, r, from, call, err);
    default:
        return OK;
    }
}

status
over_find_reach(over_reach *out, const over *o, slot part, const over_part_record *record,
                error *err) {
    const ordered *order = &o->state->order;
    reach r = {.o = o, .tree = part, .count = ordered_count_in(order, part), .spec = o->base.spec};
    r.change = record->first == SLOT_NONE ? r.count : ordered_rank(order, record->first);
    r.lost = (record->flags & PART_LOST) != 0;
    *out = (over_reach){.from = r.change};
    for (int32_t i = 0; i < o->call_count && out->from > 0; i++) {
        uint64_t from;
        TRY(felt_by(&from, &r, &o->calls[i], err));
        out->from = from < out->from ? from : out->from;
    }
    out->first = out->from;
    if (out->from >= r.count) {
        return OK;
    }
    for (int32_t i = 0; i < o->call_count && out->first > 0; i++) {
        uint64_t first;
        TRY(taken_by(&first, &out->head, &r, out->from, &o->calls[i], err));
        out->first = first < out->first ? first : out->first;
    }
    out->first = out->head >= out->first ? 0 : group_start(&r, out->first);
    out->head = out->first == 0 ? 0 : out->head;
    return OK;
}
