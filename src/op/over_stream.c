/* SPDX-License-Identifier: Apache-2.0 */
/* over_stream.c - window functions kept up to date.
 *
 * push:  keeps the changes of the tick
 * tick:  adds them up; rows that leave are taken out of their partitions (-old), new ones put in;
 *        then partitions that changed are computed again from where the change is felt, many in one
 *        view, and rows whose results differ are emitted (-old, +new)
 *
 * Weights are added up first, so every row that leaves is there. */
#include "op/merge.h"
#include "op/over_state.h"

#define SHRINK_SLOTS 1024

/* ---- open, close */

static int
compare_slots(const void *context, slot a, slot b) {
    const over   *o = context;
    const int32_t keys = o->base.spec->key_count;
    const int order = slots_compare(&o->state->rows, o->order + keys, o->order_count - keys, a, b);
    return order != 0 ? order : (a > b) - (a < b);
}

/* Equal rows are equal here, whatever their slots. */
static int
compare_rows_alone(const void *context, slot a, slot b) {
    const over   *o = context;
    const int32_t keys = o->base.spec->key_count;
    return slots_compare(&o->state->rows, o->order + keys, o->order_count - keys, a, b);
}

static status
open_tables(over *o, error *err) {
    const op_spec   *spec = o->base.spec;
    over_state      *st = o->state;
    store           *s = o->base.env->store;
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    const data_type *types = schema_types(spec->output, scratch);
    data_type       *key_types = arena_alloc(scratch, (size_t)spec->key_count * sizeof(*key_types));
    if (types == NULL || key_types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < spec->key_count; i++) {
        key_types[i] = types[spec->key_columns[i]];
    }
    TRY(group_table_open(&st->parts, s, "over.parts", key_types, spec->key_count, err));
    group_table_allow_dense(&st->parts);
    TRY(ages_open(&st->ages, s, "over", op_ttl_us(&o->base, 0), err));
    TRY(array_open(&st->part_records, s, "over.part_records", sizeof(over_part_record), err));
    TRY(state_columns_open(&st->rows, s, "over.rows", types, o->input_count, err));
    TRY(state_columns_open(&st->results, s, "over.results", types + o->input_count, o->call_count,
                           err));
    TRY(array_open(&st->records, s, "over.records", sizeof(over_row), err));
    TRY(array_open(&st->free, s, "over.free", sizeof(slot), err));
    arena_rewind(scratch, mark);
    return ordered_open(&st->order, s, "over.order", compare_slots, o, err);
}

status
over_stream_open(over *o, error *err) {
    arena     *a = o->base.env->arena;
    data_type *types = schema_types(o->base.spec->output, a);
    data_type *with_weight = arena_alloc(a, ((size_t)o->input_count + 1) * sizeof(*with_weight));
    o->state = arena_alloc_zero(a, sizeof(*o->state));
    o->row_views = arena_alloc(a, ((size_t)o->input_count + 1) * sizeof(column));
    if (types == NULL || with_weight == NULL || o->state == NULL || o->row_views == NULL) {
        return error_memory(err);
    }
    o->state->keys = arena_alloc(a, (size_t)o->base.spec->key_count * sizeof(column));
    if (o->state->keys == NULL) {
        return error_memory(err);
    }
    memcpy(with_weight, types, (size_t)o->input_count * sizeof(*types));
    with_weight[o->input_count] = type_of(TYPE_I64);
    TRY(builder_init(&o->rows, o->base.env->mem, with_weight, o->input_count + 1, err));
    o->base.ages[0] = &o->state->ages;
    return open_tables(o, err);
}

void
over_stream_close(over *o) {
    over_state *st = o->state;
    if (st == NULL) {
        return;
    }
    ages_close(&st->ages);
    ordered_close(&st->order);
    array_close(&st->free);
    array_close(&st->records);
    state_columns_close(&st->results);
    state_columns_close(&st->rows);
    array_close(&st->part_records);
    group_table_close(&st->parts);
}

/* ---- push */

status
over_stream_push(over *o, const delta *in, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    const value      one = value_i64(1);
    column *columns = arena_alloc(scratch, ((size_t)o->input_count + 1) * sizeof(*columns));
    if (columns == NULL) {
        return error_memory(err);
    }
    memcpy(columns, in->columns, (size_t)o->input_count * sizeof(*columns));
    if (in->weight == NULL) {
        TRY(column_constant(&columns[o->input_count], &one, in->row_count, scratch, err));
    } else {
        columns[o->input_count] = (column){.type = one.type, .values = in->weight};
    }
    const delta rows = {
        .row_count = in->row_count, .column_count = o->input_count + 1, .columns = columns};
    if (builder_rows(&o->rows) > INT32_MAX - in->row_count) {
        return error_set(err, ERR_QUERY_FAILED, "OVER: more than %d changes at once", INT32_MAX);
    }
    TRY(builder_append_delta(&o->rows, &rows, err));
    arena_rewind(scratch, mark);
    return OK;
}

/* ---- slots */

/* Those that are free first, then new ones behind the others. */
static status
take_slots(over *o, slot *out, int32_t count, error *err) {
    over_state *st = o->state;
    int32_t     n = 0;
    TRY(array_reserve_to(&st->free, 1, err));
    TRY(array_touch(&st->free, 0, 1, err));
    slot *head = ARRAY_AT(&st->free, slot, 0);
    for (; n < count && *head != 0; n++) {
        out[n] = *head - 1;
        TRY(array_touch(&st->records, out[n], 1, err));
        *head = over_row_at(o, out[n])->link;
    }
    const uint64_t fresh = (uint64_t)(count - n);
    if (fresh == 0) {
        return OK;
    }
    if (st->records.count + fresh > SLOT_NONE) {
        return error_set(err, ERR_QUERY_FAILED, "OVER: more than 4 billion rows");
    }
    uint64_t first;
    TRY(array_extend(&st->records, fresh, &first, err));
    TRY(state_columns_extend(&st->rows, fresh, NULL, err));
    TRY(state_columns_extend(&st->results, fresh, NULL, err));
    for (; n < count; n++) {
        out[n] = (slot)first++;
    }
    return OK;
}

/* Its texts must be cleared already. */
static status
give_slot(over *o, slot s, error *err) {
    over_state *st = o->state;
    TRY(array_touch(&st->free, 0, 1, err));
    TRY(array_touch(&st->records, s, 1, err));
    slot *head = ARRAY_AT(&st->free, slot, 0);
    *over_row_at(o, s) = (over_row){.link = *head};
    *head = s + 1;
    return OK;
}

/* ---- partitions */

static status
touch_part(over *o, slot part, slot changed, error *err) {
    over_state *st = o->state;
    TRY(array_touch(&st->part_records, part, 1, err));
    over_part_record *r = ARRAY_AT(&st->part_records, over_part_record, part);
    if ((r->flags & PART_TOUCHED) == 0) {
        *r = (over_part_record){.first = changed, .flags = PART_TOUCHED};
        return slot_list_add(&st->touched, part, o->base.env->tick_arena, err);
    }
    if (r->first == SLOT_NONE ||
        (changed != SLOT_NONE && compare_slots(o, changed, r->first) < 0)) {
        r->first = changed == SLOT_NONE ? r->first : changed;
    }
    return OK;
}

static status
map_parts(over *o, const column *columns, int32_t count, slot *parts, error *err) {
    const op_spec *spec = o->base.spec;
    over_state    *st = o->state;
    arena         *scratch = o->base.env->scratch;
    uint8_t       *is_new = arena_alloc(scratch, (size_t)count);
    slot          *made = arena_alloc(scratch, (size_t)count * sizeof(*made));
    if (is_new == NULL || made == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < spec->key_count; i++) {
        st->keys[i] = columns[spec->key_columns[i]];
    }
    TRY(group_table_map(&st->parts, st->keys, count, parts, is_new, scratch, err));
    TRY(array_reserve_to(&st->part_records, group_table_slot_count(&st->parts), err));
    int32_t made_count = 0;
    for (int32_t i = 0; i < count; i++) {
        made[made_count] = parts[i];
        made_count += is_new[i];
    }
    for (int32_t i = 0; i < o->call_count && made_count > 0; i++) {
        if (o->aggs[i] != NULL) {
            TRY(o->aggs[i]->class->init(o->aggs[i], made, made_count, err));
        }
    }
    return ages_touch(&st->ages, o->base.env->clock_us, parts, count,
                      group_table_slot_count(&st->parts), scratch, err);
}

static status
forget_part(over *o, slot part, error *err) {
    for (int32_t i = 0; i < o->call_count; i++) {
        if (o->aggs[i] != NULL) {
            TRY(o->aggs[i]->class->clear(o->aggs[i], part, err));
        }
    }
    TRY(ages_remove(&o->state->ages, part, err));
    return group_table_remove(&o->state->parts, part, err);
}

/* Partitions without rows go. */
static status
forget_parts(over *o, error *err) {
    over_state *st = o->state;
    for (const slot_block *b = st->touched.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            const slot part = b->slots[i];
            TRY(array_touch(&st->part_records, part, 1, err));
            *ARRAY_AT(&st->part_records, over_part_record, part) = (over_part_record){0};
            if (ordered_count_in(&st->order, part) > 0) {
                continue;
            }
            TRY(forget_part(o, part, err));
        }
    }
    st->touched = (slot_list){0};
    return OK;
}

/* ---- emission: rows and their results as they stand in state */

static status
emit_rows(over *o, op *target, int32_t port, const slot *slots, int32_t count, int64_t weight,
          error *err) {
    arena            *scratch = o->base.env->scratch;
    const over_state *st = o->state;
    for (int32_t first = 0; first < count; first += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    n = count - first < BATCH_ROWS ? count - first : BATCH_ROWS;
        int64_t         *weights = arena_alloc(scratch, (size_t)n * sizeof(*weights));
        if (weights == NULL) {
            return error_memory(err);
        }
        TRY(op_poll(&o->base, err));
        for (int32_t i = 0; i < n; i++) {
            weights[i] = weight;
        }
        for (int32_t i = 0; i < o->input_count + o->call_count; i++) {
            const bool input = i < o->input_count;
            TRY(state_columns_read(input ? &st->rows : &st->results, input ? i : i - o->input_count,
                                   slots + first, n, scratch, &o->output[i], err));
        }
        const delta out = {.row_count = n,
                           .column_count = o->input_count + o->call_count,
                           .columns = o->output,
                           .weight = weight == 1 ? NULL : weights};
        TRY(op_send(&o->base, target, port, &out, err));
        arena_rewind(scratch, mark);
    }
    return OK;
}

/* ---- rows that leave */

/* The slot of a row equal to row i; SLOT_NONE: it was forgotten. */
static status
find_row(over *o, const column *columns, int32_t i, slot part, slot *out, error *err) {
    over_state *st = o->state;
    slot        probe;
    TRY(take_slots(o, &probe, 1, err));
    TRY(state_columns_write(&st->rows, &probe, columns, &i, 1, err));
    *out = ordered_bound_in(&st->order, part, probe, compare_rows_alone);
    const bool found = *out != SLOT_NONE && compare_rows_alone(o, *out, probe) == 0;
    state_columns_clear(&st->rows, probe);
    TRY(give_slot(o, probe, err));
    if (!found && st->ages.step_us == 0) {
        return error_set(err, ERR_INTERNAL_ERROR, "over: a row is taken back that is not there");
    }
    *out = found ? *out : SLOT_NONE;
    return OK;
}

static status
remove_copy(over *o, slot part, slot s, error *err) {
    over_state *st = o->state;
    const slot  next = ordered_next(&st->order, s);
    TRY(touch_part(o, part, next, err));
    over_part_record *r = ARRAY_AT(&st->part_records, over_part_record, part);
    r->flags |= PART_LOST;
    if (r->first == s) {
        r->first = next;
    }
    st->row_count--;
    return ordered_remove_in(&st->order, part, s, err);
}

static status
free_rows(over *o, const slot *slots, int32_t count, error *err) {
    over_state *st = o->state;
    for (int32_t i = 0; i < count; i++) {
        state_columns_clear(&st->rows, slots[i]);
        state_columns_clear(&st->results, slots[i]);
        TRY(give_slot(o, slots[i], err));
    }
    return OK;
}

/* Rows first .. end of the changes, all of negative weight. */
static status
take_out(over *o, const column *columns, const int64_t *weights, int32_t count, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    slot            *parts = arena_alloc(scratch, (size_t)count * sizeof(*parts));
    slot            *gone = arena_alloc(scratch, BATCH_ROWS * sizeof(*gone));
    if (parts == NULL || gone == NULL) {
        return error_memory(err);
    }
    const over_view v = {.columns = columns, .row_count = count};
    int32_t         n = 0;
    TRY(map_parts(o, columns, count, parts, err));
    for (int32_t i = 0; i < count; i++) {
        for (int64_t copy = weights[i]; copy < 0; copy++) {
            TRY(find_row(o, columns, i, parts[i], &gone[n], err));
            if (gone[n] == SLOT_NONE) {
                o->base.lost_rows -= copy;
                TRY(touch_part(o, parts[i], SLOT_NONE, err));
                break;
            }
            TRY(remove_copy(o, parts[i], gone[n], err));
            TRY(over_aggregates_move(o, &v, parts[i], i, i + 1, -1, err));
            n++;
            if (n == BATCH_ROWS) {
                TRY(emit_rows(o, NULL, 0, gone, n, -1, err));
                TRY(free_rows(o, gone, n, err));
                n = 0;
            }
        }
    }
    TRY(emit_rows(o, NULL, 0, gone, n, -1, err));
    TRY(free_rows(o, gone, n, err));
    arena_rewind(scratch, mark);
    return OK;
}

/* ---- rows that come */

/* Rows of the changes, each as often as it is listed: written column by column, then put in order
 * one by one. */
static status
put_rows(over *o, const column *columns, const int32_t *rows, const slot *parts, int32_t count,
         error *err) {
    over_state *st = o->state;
    slot       *slots = arena_alloc(o->base.env->scratch, (size_t)count * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    TRY(take_slots(o, slots, count, err));
    TRY(state_columns_write(&st->rows, slots, columns, rows, count, err));
    for (int32_t i = 0; i < count; i++) {
        const slot part = parts[rows[i]];
        TRY(array_touch(&st->records, slots[i], 1, err));
        *over_row_at(o, slots[i]) = (over_row){.link = part, .fresh = 1};
        TRY(ordered_insert_in(&st->order, part, slots[i], err));
        TRY(touch_part(o, part, slots[i], err));
        st->row_count++;
    }
    return OK;
}

static status
put_in(over *o, const column *columns, const int64_t *weights, int32_t count, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    slot            *parts = arena_alloc(scratch, (size_t)count * sizeof(*parts));
    int32_t         *rows = arena_alloc(scratch, BATCH_ROWS * sizeof(*rows));
    int32_t          n = 0;
    if (parts == NULL || rows == NULL) {
        return error_memory(err);
    }
    TRY(map_parts(o, columns, count, parts, err));
    for (int32_t i = 0; i < count; i++) {
        for (int64_t copy = 0; copy < weights[i]; copy++) {
            rows[n++] = i;
            if (n == BATCH_ROWS) {
                const arena_mark full = arena_save(scratch);
                TRY(put_rows(o, columns, rows, parts, n, err));
                arena_rewind(scratch, full);
                n = 0;
            }
        }
    }
    TRY(n == 0 ? OK : put_rows(o, columns, rows, parts, n, err));
    arena_rewind(scratch, mark);
    return OK;
}

/* The changes of the tick by their sign: `consolidated` has those that leave first. */
static status
apply_changes(over *o, const delta *changes, const int64_t *weights, error *err) {
    arena *scratch = o->base.env->scratch;
    for (int32_t first = 0; first < changes->row_count;) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    left = changes->row_count - first;
        const int32_t    room = left < BATCH_ROWS ? left : BATCH_ROWS;
        const bool       leaves = weights[first] < 0;
        int32_t         *rows = arena_alloc(scratch, (size_t)room * sizeof(*rows));
        int32_t          count = 0;
        delta            part;
        if (rows == NULL) {
            return error_memory(err);
        }
        while (count < room && (weights[first + count] < 0) == leaves) {
            rows[count] = first + count;
            count++;
        }
        TRY(delta_gather(&part, changes, rows, count, scratch, err));
        TRY(leaves ? take_out(o, part.columns, weights + first, count, err)
                   : put_in(o, part.columns, weights + first, count, err));
        arena_rewind(scratch, mark);
        first += count;
    }
    return OK;
}

/* ---- computing again */

typedef struct patch { /* a view of state under construction */
    int32_t    count, capacity, part_count, part_capacity;
    slot      *slots;
    over_part *parts;
} patch;

static status
patch_room(patch *p, int64_t rows, arena *a, error *err) {
    if (p->part_count == p->part_capacity) {
        const int32_t capacity = p->part_capacity == 0 ? 64 : 2 * p->part_capacity;
        over_part    *parts = arena_alloc(a, (size_t)capacity * sizeof(*parts));
        if (parts == NULL) {
            return error_memory(err);
        }
        if (p->part_count > 0) {
            memcpy(parts, p->parts, (size_t)p->part_count * sizeof(*parts));
        }
        p->parts = parts;
        p->part_capacity = capacity;
    }
    if (rows > INT32_MAX / 2 - p->count) {
        return error_set(err, ERR_QUERY_FAILED, "OVER: a partition has more than a billion rows");
    }
    if (p->count + rows > p->capacity) {
        const int64_t capacity = max_i64(2 * (int64_t)p->capacity, p->count + rows);
        slot         *slots = arena_alloc(a, (size_t)capacity * sizeof(*slots));
        if (slots == NULL) {
            return error_memory(err);
        }
        if (p->count > 0) {
            memcpy(slots, p->slots, (size_t)p->count * sizeof(*slots));
        }
        p->slots = slots;
        p->capacity = (int32_t)capacity;
    }
    return OK;
}

static status
patch_add(patch *p, over *o, slot part, error *err) {
    const ordered          *order = &o->state->order;
    over_reach              reach;
    const over_part_record *r = ARRAY_AT(&o->state->part_records, over_part_record, part);
    TRY(over_find_reach(&reach, o, part, r, err));
    const uint64_t count = ordered_count_in(order, part);
    if (reach.from >= count) {
        return OK;
    }
    TRY(patch_room(p, (int64_t)(count - reach.first + reach.head), o->base.env->tick_arena, err));
    over_part *to = &p->parts[p->part_count++];
    *to = (over_part){.head = p->count, .first = (int64_t)reach.first, .slot = part};
    slot s = reach.head > 0 ? ordered_first_in(order, part) : SLOT_NONE;
    for (uint64_t i = 0; i < reach.head; i++) {
        p->slots[p->count++] = s;
        s = ordered_next(order, s);
    }
    to->at = p->count;
    to->from = p->count + (int32_t)(reach.from - reach.first);
    s = ordered_at_in(order, part, reach.first);
    if (reach.first > 0) {
        to->groups = over_row_at(o, ordered_previous(order, s))->group;
    }
    for (; s != SLOT_NONE; s = ordered_next(order, s)) {
        p->slots[p->count++] = s;
    }
    to->end = p->count;
    return OK;
}

static status
patch_view(over_view *v, over *o, const patch *p, arena *a, error *err) {
    const op_spec *spec = o->base.spec;
    uint8_t       *same = arena_alloc(a, (size_t)p->count);
    uint8_t       *fresh = arena_alloc(a, (size_t)p->count);
    column        *columns = arena_alloc_zero(a, (size_t)o->input_count * sizeof(*columns));
    if (same == NULL || fresh == NULL || columns == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < o->input_count; i++) {
        bool read = o->reads[i];
        for (int32_t k = 0; k < spec->sort_count && !read; k++) {
            read = spec->sort_keys[k].column == i;
        }
        if (read) {
            TRY(state_columns_read(&o->state->rows, i, p->slots, p->count, a, &columns[i], err));
        }
    }
    for (int32_t i = 0; i < p->count; i++) {
        fresh[i] = (uint8_t)over_row_at(o, p->slots[i])->fresh;
    }
    *v = (over_view){.columns = columns,
                     .row_count = p->count,
                     .part_count = p->part_count,
                     .parts = p->parts,
                     .fresh = fresh,
                     .keeps = true};
    TRY(over_same_as_previous(same, columns, o->order + spec->key_count, o->peer_count, NULL,
                              p->count, a, err));
    return over_number_groups(v, same, a, err);
}

typedef struct outcome { /* rows of a view whose results are new or differ */
    int32_t  changed_count, count;
    slot    *changed; /* had other results */
    slot    *slots;   /* changed ones and new ones */
    int32_t *rows;    /* the same, in the view */
} outcome;

static status
find_outcome(outcome *out, over *o, const over_view *v, const patch *p, const column *results,
             arena *a, error *err) {
    uint8_t *equal = arena_alloc(a, (size_t)p->count);
    out->changed = arena_alloc(a, (size_t)p->count * sizeof(slot));
    out->slots = arena_alloc(a, (size_t)p->count * sizeof(slot));
    out->rows = arena_alloc(a, (size_t)p->count * sizeof(int32_t));
    if (equal == NULL || out->changed == NULL || out->slots == NULL || out->rows == NULL) {
        return error_memory(err);
    }
    int32_t old_count = 0;
    for (int32_t k = 0; k < v->part_count; k++) {
        for (int32_t i = v->parts[k].from; i < v->parts[k].end; i++) {
            if (v->fresh[i] == 0) {
                out->changed[old_count] = p->slots[i];
                out->rows[old_count++] = i;
            }
        }
    }
    memset(equal, 1, (size_t)p->count);
    state_columns_equal(&o->state->results, equal, out->changed, results, out->rows, old_count);
    for (int32_t i = 0; i < old_count; i++) {
        if (!equal[i]) {
            out->changed[out->changed_count] = out->changed[i];
            out->slots[out->count] = out->changed[i];
            out->rows[out->count++] = out->rows[i];
            out->changed_count++;
        }
    }
    for (int32_t k = 0; k < v->part_count; k++) {
        for (int32_t i = v->parts[k].from; i < v->parts[k].end; i++) {
            if (v->fresh[i] != 0) {
                out->slots[out->count] = p->slots[i];
                out->rows[out->count++] = i;
            }
        }
    }
    return OK;
}

static status
note_groups(over *o, const over_view *v, const patch *p, error *err) {
    for (int32_t k = 0; k < v->part_count; k++) {
        const over_part *part = &v->parts[k];
        for (int32_t i = part->from; i < part->end; i++) {
            TRY(array_touch(&o->state->records, p->slots[i], 1, err));
            over_row *row = over_row_at(o, p->slots[i]);
            row->group = part->groups + v->group[i] - v->group[part->at] + 1;
            row->fresh = 0;
        }
    }
    return OK;
}

static status
run_patch(over *o, patch *p, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    over_view        v;
    outcome          out = {0};
    column          *results = arena_alloc(scratch, (size_t)o->call_count * sizeof(*results));
    if (results == NULL) {
        return error_memory(err);
    }
    if (p->part_count > 0) {
        TRY(patch_view(&v, o, p, scratch, err));
        TRY(over_compute(results, o, &v, scratch, err));
        TRY(find_outcome(&out, o, &v, p, results, scratch, err));
        TRY(emit_rows(o, NULL, 0, out.changed, out.changed_count, -1, err));
        for (int32_t i = 0; i < out.changed_count; i++) {
            state_columns_clear(&o->state->results, out.changed[i]);
        }
        TRY(state_columns_write(&o->state->results, out.slots, results, out.rows, out.count, err));
        TRY(note_groups(o, &v, p, err));
        TRY(emit_rows(o, NULL, 0, out.slots, out.count, 1, err));
    }
    p->count = p->part_count = 0;
    arena_rewind(scratch, mark);
    return OK;
}

static status
compute_again(over *o, error *err) {
    patch p = {0};
    for (const slot_block *b = o->state->touched.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            TRY(patch_add(&p, o, b->slots[i], err));
            TRY(p.count >= 4 * BATCH_ROWS ? run_patch(o, &p, err) : OK);
        }
    }
    return run_patch(o, &p, err);
}

status
over_stream_tick(over *o, error *err) {
    arena *scratch = o->base.env->scratch;
    delta  all;
    if (builder_rows(&o->rows) == 0) {
        return OK;
    }
    const arena_mark mark = arena_save(scratch);
    builder_view(&o->rows, o->row_views, &all);
    all.column_count = o->input_count;
    all.weight = o->row_views[o->input_count].values;
    delta changes = all;
    if (!o->base.spec->append_only[0]) {
        TRY(rows_consolidate(&changes, &all, scratch, err));
    }
    if (changes.row_count > 0) {
        const int64_t *weights = changes.weight;
        changes.weight = NULL;
        TRY(apply_changes(o, &changes, weights, err));
    }
    arena_rewind(scratch, mark);
    TRY(compute_again(o, err));
    builder_truncate(&o->rows, 0);
    return forget_parts(o, err);
}

/* ---- state_ttl */

static status
let_go(void *context, slot part, error *err) {
    over       *o = context;
    over_state *st = o->state;
    for (slot s = ordered_first_in(&st->order, part); s != SLOT_NONE;
         s = ordered_first_in(&st->order, part)) {
        TRY(ordered_remove_in(&st->order, part, s, err));
        TRY(free_rows(o, &s, 1, err));
        st->row_count--;
    }
    return forget_part(o, part, err);
}

/* Memory of what was forgotten, once nothing is left. */
static status
shrink(over *o, error *err) {
    if (o->state->row_count > 0 || o->state->records.count < SHRINK_SLOTS) {
        return OK;
    }
    over_stream_close(o);
    over_aggregates_close(o);
    TRY(over_aggregates_open(o, err));
    return open_tables(o, err);
}

status
over_stream_forget(over *o, error *err) {
    const op_env *env = o->base.env;
    TRY(ages_drain(&o->state->ages, env->clock_us, let_go, o, env->scratch, err));
    return shrink(o, err);
}

/* ---- reading */

status
over_stream_snapshot(over *o, op *target, int32_t port, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    slot            *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    int32_t          count = 0;
    if (slots == NULL) {
        return error_memory(err);
    }
    for (uint64_t s = 0; s < o->state->records.count; s++) {
        slots[count] = (slot)s;
        count += ordered_has(&o->state->order, (slot)s);
        if (count == BATCH_ROWS) {
            TRY(emit_rows(o, target, port, slots, count, 1, err));
            count = 0;
        }
    }
    TRY(emit_rows(o, target, port, slots, count, 1, err));
    arena_rewind(scratch, mark);
    return OK;
}

status
over_stream_give(op *of, op *to, error *err) {
    const over       *o = (const over *)of;
    const over_state *st = o->state;
    const arena_mark  mark = arena_save(of->env->scratch);
    row_feed          f;
    TRY(feed_open(&f, of, to, 0, &st->rows, 0, o->input_count, err));
    for (uint64_t s = 0; s < st->records.count; s++) {
        TRY(ordered_has(&st->order, (slot)s) ? feed_add(&f, (slot)s, 1, err) : OK);
    }
    TRY(feed_flush(&f, err));
    arena_rewind(of->env->scratch, mark);
    return OK;
}

status
over_stream_validate(const over *o, error *err) {
    const over_state *st = o->state;
    uint64_t          rows = 0;
    TRY(group_table_validate(&st->parts, err));
    TRY(ordered_validate(&st->order, err));
    for (uint64_t part = 0; part < group_table_slot_count(&st->parts); part++) {
        const uint64_t count = ordered_count_in(&st->order, (slot)part);
        rows += count;
        if (group_table_is_live(&st->parts, (slot)part) != (count > 0)) {
            return error_set(err, ERR_INTERNAL_ERROR, "over: partition %llu has %llu rows",
                             (unsigned long long)part, (unsigned long long)count);
        }
        for (slot s = ordered_first_in(&st->order, (slot)part); s != SLOT_NONE;
             s = ordered_next(&st->order, s)) {
            const over_row *row = over_row_at(o, s);
            if (row->link != part || row->fresh != 0 || row->group < 1) {
                return error_set(err, ERR_INTERNAL_ERROR, "over: row %u is not settled", s);
            }
        }
    }
    return rows == st->row_count ? OK : error_set(err, ERR_INTERNAL_ERROR, "over: rows were lost");
}

int64_t
over_stream_rows(const over *o) {
    return o->state == NULL ? 0 : (int64_t)o->state->row_count;
}
