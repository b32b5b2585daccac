/* SPDX-License-Identifier: Apache-2.0 */
/* op_distinct.c - SELECT DISTINCT over a stream of changes.
 *
 * Keeps the total weight of each row. A row is in the output while its weight is positive, whatever
 * the weight is, so only crossings of zero are emitted: +1 when a row appears, -1 when its last
 * copy is retracted. An append-only input needs no weights: a row that is new is emitted at once.
 * Where memory has no room for more of them (one-off), rows that are not known by then go to disk,
 * dealt out by their hashes; each part is a DISTINCT of its own at the tick.
 *
 * push:  adds weights; the first touch of a row in this tick remembers whether it was in
 * tick:  for each touched row compares then and now, emits, forgets rows of weight 0
 *
 * See op_filter.c for the simplest operator and op.h for the contract. */
#include "op/merge.h"
#include "op/spill.h"
#include "state/group_table.h"

#define SHRINK_SLOTS 1024

enum {
    ROW_TOUCHED = 1, /* in the list of this tick */
    ROW_WAS_IN = 2   /* in the output when the tick began */
};

typedef struct distinct_row {
    int64_t  weight;
    uint32_t flags; /* 0 between ticks */
    uint32_t reserved;
} distinct_row;

typedef struct distinct {
    op          base;
    group_table rows;
    state_array records; /* distinct_row per slot; unused when append-only */
    idle_book   ages;
    slot_list   touched;
    column     *views;
    spill_set   spilled;
} distinct;

static status
open_rows(distinct *d, error *err) {
    op_env          *env = d->base.env;
    const schema    *input = d->base.spec->input[0];
    const arena_mark mark = arena_save(env->scratch);
    const data_type *types = schema_types(input, env->scratch);
    if (types == NULL) {
        return error_memory(err);
    }
    TRY(group_table_open(&d->rows, env->store, "distinct.rows", types, input->count, err));
    group_table_allow_dense(&d->rows);
    TRY(ages_open(&d->ages, env->store, "distinct", op_ttl_us(&d->base, 0), err));
    arena_rewind(env->scratch, mark);
    return OK;
}

static status
distinct_open(op *self, error *err) {
    distinct     *d = (distinct *)self;
    op_env       *env = self->env;
    const schema *input = self->spec->input[0];
    d->views = arena_alloc(env->arena, (size_t)input->count * sizeof(column));
    if (d->views == NULL) {
        return error_memory(err);
    }
    spill_set_init(&d->spilled, self);
    self->ages[0] = &d->ages;
    TRY(open_rows(d, err));
    TRY(array_open(&d->records, env->store, "distinct.records", sizeof(distinct_row), err));
    return OK;
}

static void
distinct_close(op *self) {
    distinct *d = (distinct *)self;
    group_table_close(&d->rows);
    ages_close(&d->ages);
    array_close(&d->records);
    spill_set_close(&d->spilled);
}

/* Emits the rows that were never seen before, as they come. */
static status
push_new_rows(distinct *d, const delta *in, const uint8_t *is_new, error *err) {
    arena   *scratch = d->base.env->scratch;
    int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < in->row_count; i++) {
        rows[count] = i;
        count += is_new[i];
    }
    delta out = *in;
    out.weight = NULL;
    if (count < in->row_count) {
        if (count == 0) {
            return OK;
        }
        TRY(delta_gather(&out, &out, rows, count, scratch, err));
    }
    return op_emit(&d->base, &out, err);
}

static status
push_weights(distinct *d, const delta *in, const slot *slots, const uint8_t *is_new, error *err) {
    TRY(array_reserve_to(&d->records, group_table_slot_count(&d->rows), err));
    for (int32_t i = 0; i < in->row_count; i++) {
        if (is_new[i]) {
            TRY(array_touch(&d->records, slots[i], 1, err));
            *ARRAY_AT(&d->records, distinct_row, slots[i]) = (distinct_row){0};
        }
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        distinct_row *row = ARRAY_AT(&d->records, distinct_row, slots[i]);
        if (row->flags == 0) {
            TRY(array_touch(&d->records, slots[i], 1, err));
            row->flags = row->weight > 0 ? ROW_TOUCHED | ROW_WAS_IN : ROW_TOUCHED;
            TRY(slot_list_add(&d->touched, slots[i], d->base.env->tick_arena, err));
        }
        row->weight += delta_weight(in, i);
    }
    return OK;
}

/* No room for more: of the rows those go to disk that are not known. */
static status
spill_unknown(distinct *d, const delta *rows, error *err) {
    arena   *scratch = d->base.env->scratch;
    slot    *slots = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*slots));
    int32_t *picked = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*picked));
    int32_t  count = 0;
    delta    unknown;
    if (slots == NULL || picked == NULL) {
        return error_memory(err);
    }
    TRY(group_table_find(&d->rows, rows->columns, rows->row_count, slots, scratch, err));
    for (int32_t i = 0; i < rows->row_count; i++) {
        picked[count] = i;
        count += slots[i] == SLOT_NONE;
    }
    if (count == 0) {
        return OK;
    }
    TRY(delta_gather(&unknown, rows, picked, count, scratch, err));
    unknown.weight = NULL;
    return spill_set_add(&d->spilled, 0, &unknown, unknown.columns, unknown.column_count, err);
}

static status
touch(distinct *d, const slot *slots, int32_t count, error *err) {
    const op_env *env = d->base.env;
    return ages_touch(&d->ages, env->clock_us, slots, count, group_table_slot_count(&d->rows),
                      env->scratch, err);
}

static status
push_once(distinct *d, const delta *rows, error *err) {
    arena   *scratch = d->base.env->scratch;
    slot    *slots;
    uint8_t *is_new;
    if (d->spilled.open) {
        return spill_unknown(d, rows, err);
    }
    if (!d->spilled.based) {
        spill_set_count(&d->spilled);
    }
    slots = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*slots));
    is_new = arena_alloc(scratch, (size_t)rows->row_count);
    if (slots == NULL || is_new == NULL) {
        return error_memory(err);
    }
    TRY(group_table_map(&d->rows, rows->columns, rows->row_count, slots, is_new, scratch, err));
    TRY(touch(d, slots, rows->row_count, err));
    const status s = push_new_rows(d, rows, is_new, err);
    if (s == OK && spill_set_presses(&d->spilled, 0)) {
        TRY(spill_set_begin(&d->spilled, err));
    }
    return s;
}

static status
distinct_push(op *self, int32_t port, const delta *in, error *err) {
    distinct *d = (distinct *)self;
    arena    *scratch = self->env->scratch;
    (void)port;
    TRY(columns_to_views(d->views, in->columns, in->column_count, in->row_count, scratch, err));
    delta rows = *in;
    if (self->shard_count > 0) {
        delta all = *in;
        all.columns = d->views;
        TRY(op_shard(self, &rows, &all, err));
        if (rows.row_count == 0) {
            return OK;
        }
    }
    rows.columns = self->shard_count > 0 ? rows.columns : d->views;
    if (self->spec->append_only[0]) {
        return push_once(d, &rows, err);
    }
    slot    *slots = arena_alloc(scratch, (size_t)rows.row_count * sizeof(*slots));
    uint8_t *is_new = arena_alloc(scratch, (size_t)rows.row_count);
    if (slots == NULL || is_new == NULL) {
        return error_memory(err);
    }
    TRY(group_table_map(&d->rows, rows.columns, rows.row_count, slots, is_new, scratch, err));
    TRY(touch(d, slots, rows.row_count, err));
    return push_weights(d, &rows, slots, is_new, err);
}

/* Writes the touched rows that left (weight -1) or came (weight +1). */
static status
write_crossings(distinct *d, slot_writer *w, int64_t weight, error *err) {
    for (const slot_block *b = d->touched.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            const distinct_row *row = ARRAY_AT(&d->records, distinct_row, b->slots[i]);
            const int64_t       was = (row->flags & ROW_WAS_IN) != 0;
            if ((row->weight > 0) - was == weight) {
                TRY(slot_writer_add(w, b->slots[i], weight, err));
            }
        }
    }
    return OK;
}

static status
forget_touched(distinct *d, error *err) {
    for (const slot_block *b = d->touched.first; b != NULL; b = b->next) {
        for (int32_t i = 0; i < b->count; i++) {
            distinct_row *row = ARRAY_AT(&d->records, distinct_row, b->slots[i]);
            row->flags = 0;
            if (d->ages.step_us > 0 && row->weight < 0) { /* it was forgotten before */
                d->base.lost_rows -= row->weight;
                row->weight = 0;
            }
            if (row->weight == 0) {
                TRY(ages_remove(&d->ages, b->slots[i], err));
                TRY(group_table_remove(&d->rows, b->slots[i], err));
            }
        }
    }
    d->touched = (slot_list){0};
    return OK;
}

static status
take_spilled(void *context, delta *rows, error *err) {
    return push_once(context, rows, err);
}

/* What is on disk, part by part; DONE: the consumers have enough. */
static status
run_spilled(distinct *d, error *err) {
    status s = OK;
    while (s == OK) {
        spill_part *part;
        TRY(spill_set_next(&d->spilled, &part, err));
        if (part == NULL) {
            return OK;
        }
        group_table_close(&d->rows);
        spill_set_count(&d->spilled);
        s = open_rows(d, err);
        s = s < 0 ? s : spill_part_read(&d->spilled, part, 0, take_spilled, d, err);
        spill_part_free(&d->spilled, part);
    }
    return s < 0 ? s : OK;
}

static status
distinct_tick(op *self, int64_t frontier_us, error *err) {
    distinct *d = (distinct *)self;
    (void)frontier_us;
    if (d->spilled.open) {
        return run_spilled(d, err);
    }
    if (d->touched.first == NULL) {
        return OK;
    }
    const arena_mark mark = arena_save(self->env->scratch);
    slot_writer      w;
    TRY(slot_writer_open(&w, self, NULL, 0, &d->rows.keys, err));
    TRY(write_crossings(d, &w, -1, err));
    TRY(write_crossings(d, &w, +1, err));
    TRY(slot_writer_flush(&w, err));
    arena_rewind(self->env->scratch, mark);
    return forget_touched(d, err);
}

static status
forget_idle(void *context, slot row, error *err) {
    return group_table_remove(context, row, err);
}

static status
distinct_forget(op *self, error *err) {
    distinct *d = (distinct *)self;
    arena    *scratch = self->env->scratch;
    TRY(ages_drain(&d->ages, self->env->clock_us, forget_idle, &d->rows, scratch, err));
    if (d->rows.live_count > 0 || group_table_slot_count(&d->rows) < SHRINK_SLOTS) {
        return OK;
    }
    ages_close(&d->ages); /* the memory of what was forgotten */
    group_table_close(&d->rows);
    array_close(&d->records);
    TRY(open_rows(d, err));
    return array_open(&d->records, self->env->store, "distinct.records", sizeof(distinct_row), err);
}

static status
distinct_snapshot(op *self, op *target, int32_t port, error *err) {
    distinct        *d = (distinct *)self;
    const bool       weights = !self->spec->append_only[0];
    const arena_mark mark = arena_save(self->env->scratch);
    slot_writer      w;
    TRY(slot_writer_open(&w, self, target, port, &d->rows.keys, err));
    const uint64_t slot_count = group_table_slot_count(&d->rows);
    for (uint64_t s = 0; s < slot_count; s++) {
        if (group_table_is_live(&d->rows, (slot)s) &&
            (!weights || ARRAY_AT(&d->records, distinct_row, s)->weight > 0)) {
            TRY(slot_writer_add(&w, (slot)s, 1, err));
        }
    }
    TRY(slot_writer_flush(&w, err));
    arena_rewind(self->env->scratch, mark);
    return OK;
}

static status
distinct_validate(const op *self, error *err) {
    const distinct *d = (const distinct *)self;
    TRY(group_table_validate(&d->rows, err));
    const uint64_t slot_count = group_table_slot_count(&d->rows);
    for (uint64_t s = 0; s < slot_count && !self->spec->append_only[0]; s++) {
        if (!group_table_is_live(&d->rows, (slot)s)) {
            continue;
        }
        const distinct_row *row = ARRAY_AT(&d->records, distinct_row, s);
        if (row->weight <= 0 || row->flags != 0) {
            return error_set(err, ERR_INTERNAL_ERROR,
                             "distinct: row %llu has weight %lld, flags %u", (unsigned long long)s,
                             (long long)row->weight, row->flags);
        }
    }
    return OK;
}

static status
distinct_load(op *self, image_reader *in, error *err) {
    distinct *d = (distinct *)self;
    (void)in;
    TRY(group_table_rebuild(&d->rows, err));
    const slot_set rows = group_table_slots(&d->rows);
    TRY(ages_rebuild(&d->ages, &rows, err));
    if (self->spec->append_only[0]) {
        return OK;
    }
    bool settled = d->records.count >= rows.count;
    for (uint64_t s = 0; settled && s < rows.count; s++) {
        const distinct_row *row = ARRAY_AT(&d->records, distinct_row, s);
        settled = !slot_set_has(&rows, s) || (row->weight > 0 && row->flags == 0);
    }
    return settled ? OK : image_corrupt("a row of DISTINCT", err);
}

static status
give_rows(op *of, op *to, error *err) {
    const distinct  *d = (const distinct *)of;
    const bool       weights = !of->spec->append_only[0];
    const arena_mark mark = arena_save(of->env->scratch);
    row_feed         f;
    TRY(feed_open(&f, of, to, 0, &d->rows.keys, 0, of->spec->input[0]->count, err));
    for (uint64_t s = 0; s < group_table_slot_count(&d->rows); s++) {
        if (group_table_is_live(&d->rows, (slot)s)) {
            TRY(feed_add(&f, (slot)s, weights ? ARRAY_AT(&d->records, distinct_row, s)->weight : 1,
                         err));
        }
    }
    TRY(feed_flush(&f, err));
    arena_rewind(of->env->scratch, mark);
    return OK;
}

static status
distinct_merge(op *self, op *other, error *err) {
    return merge_by_rows(self, other, give_rows, err);
}

static int64_t
distinct_state_rows(const op *self) {
    return (int64_t)((const distinct *)self)->rows.live_count;
}

const op_class op_distinct_class = {
    .name = "distinct",
    .size = sizeof(distinct),
    .open = distinct_open,
    .push = distinct_push,
    .tick = distinct_tick,
    .forget = distinct_forget,
    .snapshot = distinct_snapshot,
    .merge = distinct_merge,
    .validate = distinct_validate,
    .state_rows = distinct_state_rows,
    .load = distinct_load,
    .close = distinct_close,
};
