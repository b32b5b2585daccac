/* SPDX-License-Identifier: Apache-2.0 */
/* op_process.c - f(TABLE rows PARTITION BY keys): a processor of the program's for each key, with a
 * state and timers.
 *
 * The input only adds rows; what the code gives is added and never taken back. Where no state above
 * remembers what came out, it is kept. A key stays, with its state, for ever, or until nothing
 * touched it for state_ttl and no timer is left.
 *
 * push:  collects the rows
 * tick:  rounds: timers that the frontier has come to and, in the first, the rows, by key and for
 *        each key in their order, its timers first. Timers that a round sets at or before the
 *        frontier fire in the next one. A one-off query has one tick, after all rows, whose
 * frontier is the watermark that its sources have reached */
#include "batch/nested_column.h"
#include "batch/routine.h"
#include "op/rows.h"
#include "state/calendar.h"

#define CALL_ROWS 65536
#define ROUNDS_MAX 10000 /* of one tick: code that sets a timer at once, for ever */

typedef struct process_op {
    op            base;
    routine_code *code;
    group_table   keys;
    state_columns states;  /* one column, by slot of the key */
    state_array   pending; /* uint32_t by slot of the key: its timers */
    group_table   timers;  /* slot of a key, time */
    calendar      due;     /* of timers */
    state_columns results; /* rows that came out; no columns: they are not kept */
    bool          keeps;
    idle_book     ages; /* of keys */
    builder       rows; /* of this tick */
    int32_t       width;
    text         *names; /* of the input's columns */
    data_type    *types;
} process_op;

/* What one tick gives, by key: list[i] is a row of the tick, or a timer. */
typedef struct fired {
    slot    key;
    int64_t at_us;
} fired;

typedef struct portion { /* of a round: what one call is about */
    int32_t  key_count;
    slot    *keys;
    int32_t *row_counts, *fired_counts;
    int32_t  row_count;
    int32_t *rows;
    int32_t  fired_count;
    int64_t *fired_us;
} portion;

typedef struct round {
    int32_t   fired_count; /* timers, by key, then by time */
    fired    *fired;
    int32_t   row_count; /* rows, by key, then as they came */
    uint64_t *rows;      /* key << 32 | row */
} round;

/* ---- an instance */

static status
open_states(process_op *p, error *err) {
    const op_spec   *spec = p->base.spec;
    op_env          *env = p->base.env;
    const arena_mark mark = arena_save(env->scratch);
    data_type       *keys = arena_alloc(env->scratch, (size_t)spec->key_count * sizeof(*keys));
    const data_type  timer[] = {type_of(TYPE_I64), type_of(TYPE_I64)};
    data_type       *shown = schema_types(spec->output, env->arena);
    if (keys == NULL || shown == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < spec->key_count; i++) {
        keys[i] = p->types[spec->key_columns[i]];
    }
    TRY(group_table_open(&p->keys, env->store, "process.keys", keys, spec->key_count, err));
    group_table_allow_dense(&p->keys);
    TRY(state_columns_open(&p->states, env->store, "process.states", &spec->routine->state, 1,
                           err));
    TRY(array_open(&p->pending, env->store, "process.pending", sizeof(uint32_t), err));
    TRY(group_table_open(&p->timers, env->store, "process.timers", timer, 2, err));
    TRY(calendar_open(&p->due, env->store, "process.due", type_of(TYPE_I64), err));
    TRY(ages_open(&p->ages, env->store, "process", op_ttl_us(&p->base, 0), err));
    TRY(state_columns_open(&p->results, env->store, "process.results", shown,
                           p->keeps ? spec->output->count : 0, err));
    arena_rewind(env->scratch, mark);
    return OK;
}

static status
process_open(op *self, error *err) {
    process_op   *p = (process_op *)self;
    const schema *input = self->spec->input[0];
    arena        *a = self->env->arena;
    p->width = input->count;
    p->types = schema_types(input, a);
    p->names = arena_alloc(a, (size_t)input->count * sizeof(*p->names));
    if (p->types == NULL || p->names == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < p->width; i++) {
        p->names[i] = input->fields[i].name;
    }
    p->keeps = self->spec->mode == MODE_STREAM && self->spec->records;
    TRY(routine_take(&p->code, self->spec->routine, err));
    TRY(builder_init(&p->rows, self->env->mem, p->types, p->width, err));
    self->ages[0] = &p->ages;
    return open_states(p, err);
}

static void
process_close(op *self) {
    process_op *p = (process_op *)self;
    builder_fini(&p->rows);
    state_columns_close(&p->results);
    ages_close(&p->ages);
    calendar_close(&p->due);
    group_table_close(&p->timers);
    array_close(&p->pending);
    state_columns_close(&p->states);
    group_table_close(&p->keys);
    routine_code_release(p->code);
}

static status
process_push(op *self, int32_t port, const delta *in, error *err) {
    (void)port;
    return rows_append(self, &((process_op *)self)->rows, in, err);
}

/* ---- keys */

/* The key of each row; *new_count of them are new, and have a NULL for state. */
static status
add_keys(process_op *p, const column *keys, int32_t count, slot *slots, int32_t *new_count,
         error *err) {
    arena   *scratch = p->base.env->scratch;
    uint8_t *is_new = arena_alloc(scratch, (size_t)count);
    slot    *made = arena_alloc(scratch, (size_t)count * sizeof(*made));
    int32_t  n = 0;
    if (is_new == NULL || made == NULL) {
        return error_memory(err);
    }
    TRY(group_table_map(&p->keys, keys, count, slots, is_new, scratch, err));
    for (int32_t i = 0; i < count; i++) {
        made[n] = slots[i];
        n += is_new[i];
    }
    const uint64_t limit = group_table_slot_count(&p->keys);
    TRY(array_reserve_to(&p->pending, limit, err));
    if (limit > state_columns_count(&p->states)) {
        TRY(state_columns_extend(&p->states, limit - state_columns_count(&p->states), NULL, err));
    }
    if (n > 0) {
        const value nothing = {.type = p->base.spec->routine->state, .is_null = true};
        column      states;
        TRY(column_constant(&states, &nothing, n, scratch, err));
        TRY(state_columns_write(&p->states, made, &states, NULL, n, err));
    }
    *new_count = n;
    return ages_touch(&p->ages, p->base.env->clock_us, slots, count, limit, scratch, err);
}

/* The key of each of the first BATCH_ROWS rows from `first` on. */
static status
map_keys(process_op *p, const delta *rows, int32_t first, int32_t count, slot *slots, error *err) {
    const op_spec *spec = p->base.spec;
    arena         *scratch = p->base.env->scratch;
    column        *keys = arena_alloc(scratch, (size_t)spec->key_count * sizeof(*keys));
    int32_t        new_count;
    if (keys == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < spec->key_count; i++) {
        keys[i] = column_slice(&rows->columns[spec->key_columns[i]], first);
        TRY(column_views(&keys[i], &keys[i], count, scratch, err));
    }
    return add_keys(p, keys, count, slots, &new_count, err);
}

static int
by_number(const void *x, const void *y) {
    const uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

/* The rows of the tick by their keys. */
static status
sort_rows_by_key(process_op *p, const delta *rows, round *r, error *err) {
    arena *scratch = p->base.env->scratch;
    slot  *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    r->rows = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*r->rows));
    if (slots == NULL || r->rows == NULL) {
        return error_memory(err);
    }
    for (int32_t first = 0; first < rows->row_count; first += BATCH_ROWS) {
        const int32_t    left = rows->row_count - first;
        const int32_t    count = left < BATCH_ROWS ? left : BATCH_ROWS;
        const arena_mark mark = arena_save(scratch);
        TRY(map_keys(p, rows, first, count, slots, err));
        for (int32_t i = 0; i < count; i++) {
            r->rows[first + i] = (uint64_t)slots[i] << 32 | (uint32_t)(first + i);
        }
        arena_rewind(scratch, mark);
    }
    r->row_count = rows->row_count;
    qsort(r->rows, (size_t)r->row_count, sizeof(*r->rows), by_number);
    return OK;
}

/* ---- timers */

static slot
timer_key(const process_op *p, slot timer) {
    return (slot)*ARRAY_AT(&p->timers.keys.values[0], int64_t, timer);
}

static status
count_timer(process_op *p, slot key, int by, error *err) {
    TRY(array_touch(&p->pending, key, 1, err));
    *ARRAY_AT(&p->pending, uint32_t, key) += (uint32_t)by;
    return OK;
}

static int
by_key_and_time(const void *x, const void *y) {
    const fired *a = x, *b = y;
    return a->key != b->key ? (a->key > b->key) - (a->key < b->key)
                            : (a->at_us > b->at_us) - (a->at_us < b->at_us);
}

static int32_t
count_due(const process_op *p, int64_t frontier_us) {
    int32_t count = 0;
    for (slot page = calendar_first(&p->due);
         page != SLOT_NONE && calendar_time(&p->due, page) <= frontier_us;
         page = calendar_next(&p->due, page)) {
        for (slot s = calendar_first_on(&p->due, page); s != SLOT_NONE;
             s = calendar_next_on(&p->due, s)) {
            count += count < INT32_MAX;
        }
    }
    return count;
}

/* Takes out the timers that the frontier has come to. */
static status
take_due(process_op *p, int64_t frontier_us, round *r, error *err) {
    arena        *scratch = p->base.env->scratch;
    const int32_t room = frontier_us == INT64_MIN ? 0 : count_due(p, frontier_us);
    r->fired = arena_alloc(scratch, (size_t)room * sizeof(*r->fired));
    r->fired_count = 0;
    if (r->fired == NULL) {
        return error_memory(err);
    }
    while (r->fired_count < room) {
        const slot    page = calendar_first(&p->due);
        const int64_t at_us = calendar_time(&p->due, page);
        for (slot s = calendar_first_on(&p->due, page); s != SLOT_NONE;) {
            const slot next = calendar_next_on(&p->due, s);
            const slot key = timer_key(p, s);
            r->fired[r->fired_count++] = (fired){key, at_us};
            TRY(count_timer(p, key, -1, err));
            TRY(group_table_remove(&p->timers, s, err));
            s = next;
        }
        TRY(calendar_drop(&p->due, page, err));
    }
    qsort(r->fired, (size_t)r->fired_count, sizeof(*r->fired), by_key_and_time);
    return OK;
}

/* Sets timers of keys; those that are there stay. */
static status
set_timers(process_op *p, const column pair[2], int32_t count, error *err) {
    arena   *scratch = p->base.env->scratch;
    slot    *slots = arena_alloc(scratch, (size_t)count * sizeof(*slots));
    slot    *added = arena_alloc(scratch, (size_t)count * sizeof(*added));
    int64_t *times = arena_alloc(scratch, (size_t)count * sizeof(*times));
    uint8_t *is_new = arena_alloc(scratch, (size_t)count);
    int32_t  n = 0;
    if (slots == NULL || added == NULL || times == NULL || is_new == NULL) {
        return error_memory(err);
    }
    TRY(group_table_map(&p->timers, pair, count, slots, is_new, scratch, err));
    for (int32_t i = 0; i < count; i++) {
        if (is_new[i]) {
            TRY(count_timer(p, (slot)((const int64_t *)pair[0].values)[i], 1, err));
            added[n] = slots[i];
            times[n++] = ((const int64_t *)pair[1].values)[i];
        }
    }
    const column at = {.type = type_of(TYPE_I64), .values = times};
    return n == 0 ? OK
                  : calendar_add(&p->due, &at, added, n, group_table_slot_count(&p->timers),
                                 scratch, err);
}

static status
remove_timers(process_op *p, const column pair[2], int32_t count, error *err) {
    arena *scratch = p->base.env->scratch;
    slot  *slots = arena_alloc(scratch, (size_t)count * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    TRY(group_table_find(&p->timers, pair, count, slots, scratch, err));
    for (int32_t i = 0; i < count; i++) {
        if (slots[i] != SLOT_NONE && group_table_is_live(&p->timers, slots[i])) {
            TRY(count_timer(p, timer_key(p, slots[i]), -1, err));
            TRY(calendar_remove(&p->due, slots[i], err));
            TRY(group_table_remove(&p->timers, slots[i], err));
        }
    }
    return OK;
}

/* In the order of the code: runs of settings and of removals. */
static status
change_timers(process_op *p, const portion *of, const routine_processed *made, error *err) {
    arena   *scratch = p->base.env->scratch;
    int64_t *keys = arena_alloc(scratch, (size_t)made->timer_count * sizeof(*keys));
    int64_t *times = arena_alloc(scratch, (size_t)made->timer_count * sizeof(*times));
    if (keys == NULL || times == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < made->timer_count;) {
        const bool removed = made->timers[i].removed;
        int32_t    n = 0;
        for (; i < made->timer_count && made->timers[i].removed == removed && n < BATCH_ROWS; i++) {
            keys[n] = of->keys[made->timers[i].key];
            times[n++] = made->timers[i].at_us;
        }
        const column pair[] = {{.type = type_of(TYPE_I64), .values = keys},
                               {.type = type_of(TYPE_I64), .values = times}};
        TRY((removed ? remove_timers : set_timers)(p, pair, n, err));
    }
    return OK;
}

/* ---- what comes out */

static status
keep_rows(process_op *p, const delta *rows, error *err) {
    arena   *scratch = p->base.env->scratch;
    slot    *slots = arena_alloc(scratch, (size_t)rows->row_count * sizeof(*slots));
    column  *views = arena_alloc(scratch, (size_t)rows->column_count * sizeof(*views));
    uint64_t first;
    if (slots == NULL || views == NULL) {
        return error_memory(err);
    }
    if (state_columns_count(&p->results) + (uint64_t)rows->row_count >= SLOT_NONE) {
        return error_set(err, ERR_QUERY_FAILED, "a processor has given more rows than are kept");
    }
    TRY(columns_to_views(views, rows->columns, rows->column_count, rows->row_count, scratch, err));
    TRY(state_columns_extend(&p->results, (uint64_t)rows->row_count, &first, err));
    for (int32_t i = 0; i < rows->row_count; i++) {
        slots[i] = (slot)first + (slot)i;
    }
    return state_columns_write(&p->results, slots, views, NULL, rows->row_count, err);
}

static status
emit_rows(process_op *p, const routine_processed *made, error *err) {
    arena        *scratch = p->base.env->scratch;
    const int32_t width = p->base.spec->output->count;
    column       *all = arena_alloc(scratch, (size_t)width * sizeof(*all));
    column       *part = arena_alloc(scratch, (size_t)width * sizeof(*part));
    if (made->row_count == 0) {
        return OK; /* then `rows` is nothing at all */
    }
    if (all == NULL || part == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < width; i++) {
        TRY(struct_field(&all[i], &made->rows, i, made->row_count, scratch, err));
    }
    for (int32_t first = 0; first < made->row_count; first += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    left = made->row_count - first;
        const delta      out = {.row_count = left < BATCH_ROWS ? left : BATCH_ROWS,
                                .column_count = width,
                                .columns = part};
        for (int32_t i = 0; i < width; i++) {
            part[i] = column_slice(&all[i], first);
        }
        TRY(p->keeps ? keep_rows(p, &out, err) : OK);
        TRY(op_emit(&p->base, &out, err));
        arena_rewind(scratch, mark);
    }
    return OK;
}

static status
write_states(process_op *p, const portion *of, const column *states, error *err) {
    column views;
    TRY(column_views(&views, states, of->key_count, p->base.env->scratch, err));
    for (int32_t i = 0; i < of->key_count; i++) {
        state_columns_clear(&p->states, of->keys[i]);
    }
    return state_columns_write(&p->states, of->keys, &views, NULL, of->key_count, err);
}

/* ---- calls */

static status
pick_rows(column *out, const column *in, int32_t count, const portion *of, arena *a, error *err) {
    column views;
    TRY(column_views(&views, in, count, a, err));
    return column_gather(out, &views, of->rows, of->row_count, a, err);
}

static status
call(process_op *p, const delta *rows, const portion *of, int64_t frontier_us, error *err) {
    const op_spec    *spec = p->base.spec;
    arena            *scratch = p->base.env->scratch;
    const arena_mark  mark = arena_save(scratch);
    column           *columns = arena_alloc(scratch, (size_t)p->width * sizeof(*columns));
    column           *keys = arena_alloc(scratch, (size_t)spec->key_count * sizeof(*keys));
    routine_processed made = {0};
    if (columns == NULL || keys == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < p->width; i++) {
        columns[i] = (column){.type = p->types[i]};
        TRY(of->row_count == 0
                ? OK
                : pick_rows(&columns[i], &rows->columns[i], rows->row_count, of, scratch, err));
    }
    for (int32_t i = 0; i < spec->key_count; i++) {
        TRY(state_columns_read(&p->keys.keys, i, of->keys, of->key_count, scratch, &keys[i], err));
    }
    routine_process in = {.rows = {.row_count = of->row_count,
                                   .count = p->width,
                                   .columns = columns,
                                   .types = p->types},
                          .names = p->names,
                          .key_count = of->key_count,
                          .keys = {.row_count = of->key_count,
                                   .count = spec->key_count,
                                   .columns = keys,
                                   .types = p->keys.keys.types},
                          .row_counts = of->row_counts,
                          .fired_counts = of->fired_counts,
                          .fired_us = of->fired_us,
                          .watermark_us = frontier_us};
    TRY(state_columns_read(&p->states, 0, of->keys, of->key_count, scratch, &in.states, err));
    TRY(p->code->class->process(p->code, &in, scratch, &made, err));
    TRY(write_states(p, of, &made.states, err));
    TRY(change_timers(p, of, &made, err));
    TRY(emit_rows(p, &made, err));
    arena_rewind(scratch, mark);
    return OK;
}

static status
portion_open(portion *of, const round *r, arena *a, error *err) {
    const size_t keys = (size_t)r->row_count + (size_t)r->fired_count;
    of->keys = arena_alloc(a, keys * sizeof(*of->keys));
    of->row_counts = arena_alloc(a, keys * sizeof(*of->row_counts));
    of->fired_counts = arena_alloc(a, keys * sizeof(*of->fired_counts));
    of->rows = arena_alloc(a, (size_t)r->row_count * sizeof(*of->rows));
    of->fired_us = arena_alloc(a, (size_t)r->fired_count * sizeof(*of->fired_us));
    return of->keys == NULL || of->row_counts == NULL || of->fired_counts == NULL ||
                   of->rows == NULL || of->fired_us == NULL
               ? error_memory(err)
               : OK;
}

/* One key more: its timers from *timer on, and its rows from *row on, as many as there is room. */
static void
add_key(portion *of, const round *r, int32_t *timer, int32_t *row) {
    const slot none = SLOT_NONE;
    const slot by_timer = *timer < r->fired_count ? r->fired[*timer].key : none;
    const slot by_row = *row < r->row_count ? (slot)(r->rows[*row] >> 32) : none;
    const slot key = by_timer < by_row ? by_timer : by_row;
    int32_t    fired_count = 0, row_count = 0;
    for (; *timer < r->fired_count && r->fired[*timer].key == key; (*timer)++, fired_count++) {
        of->fired_us[of->fired_count++] = r->fired[*timer].at_us;
    }
    for (; *row < r->row_count && (slot)(r->rows[*row] >> 32) == key && of->row_count < CALL_ROWS;
         (*row)++, row_count++) {
        of->rows[of->row_count++] = (int32_t)(uint32_t)r->rows[*row];
    }
    of->keys[of->key_count] = key;
    of->fired_counts[of->key_count] = fired_count;
    of->row_counts[of->key_count++] = row_count;
}

static status
run_round(process_op *p, const delta *rows, const round *r, int64_t frontier_us, error *err) {
    portion of = {0};
    int32_t timer = 0, row = 0;
    TRY(portion_open(&of, r, p->base.env->scratch, err));
    while (timer < r->fired_count || row < r->row_count) {
        of.key_count = of.row_count = of.fired_count = 0;
        while ((timer < r->fired_count || row < r->row_count) &&
               of.row_count + of.fired_count < CALL_ROWS) {
            add_key(&of, r, &timer, &row);
        }
        TRY(op_poll(&p->base, err));
        TRY(call(p, rows, &of, frontier_us, err));
    }
    return OK;
}

static status
endless(const process_op *p, error *err) {
    (void)error_set(err, ERR_QUERY_FAILED,
                    "the processor %.*s() has set timers for times that have passed %d times in a "
                    "row",
                    TEXT_ARG(p->base.spec->routine->name), ROUNDS_MAX);
    return error_hint(err, "set a timer behind the watermark, which the call is given");
}

static status
run_rounds(process_op *p, const delta *rows, int64_t frontier_us, error *err) {
    arena *scratch = p->base.env->scratch;
    for (int32_t n = 0;; n++) {
        const arena_mark mark = arena_save(scratch);
        round            r = {0};
        TRY(n == ROUNDS_MAX ? endless(p, err) : OK);
        /* One-off, where all rows are there at once, timers are later. */
        const bool waits = n == 0 && p->base.spec->mode == MODE_ONCE;
        TRY(take_due(p, waits ? INT64_MIN : frontier_us, &r, err));
        TRY(n == 0 && rows->row_count > 0 ? sort_rows_by_key(p, rows, &r, err) : OK);
        const bool over = r.fired_count + r.row_count == 0;
        TRY(over ? OK : run_round(p, rows, &r, frontier_us, err));
        arena_rewind(scratch, mark);
        if (over) {
            return OK;
        }
    }
}

static status
process_tick(op *self, int64_t frontier_us, error *err) {
    process_op *p = (process_op *)self;
    batch      *taken = NULL;
    const delta none = {0};
    if (self->spec->mode == MODE_ONCE) {
        frontier_us = min_i64(frontier_us, self->env->event_us);
    }
    if (builder_rows(&p->rows) > 0) {
        TRY(builder_take(&p->rows, &taken, err));
    }
    const status s = run_rounds(p, taken == NULL ? &none : &taken->rows, frontier_us, err);
    batch_release(taken);
    return s;
}

/* ---- what is remembered */

static status
forget_key(void *context, slot key, error *err) {
    process_op *p = context;
    if (*ARRAY_AT(&p->pending, uint32_t, key) > 0) {
        return ages_touch(&p->ages, p->base.env->clock_us, &key, 1,
                          group_table_slot_count(&p->keys), p->base.env->scratch, err);
    }
    state_columns_clear(&p->states, key);
    return group_table_remove(&p->keys, key, err);
}

static status
process_forget(op *self, error *err) {
    process_op *p = (process_op *)self;
    return ages_drain(&p->ages, self->env->clock_us, forget_key, p, self->env->scratch, err);
}

static status
process_snapshot(op *self, op *target, int32_t port, error *err) {
    const process_op *p = (const process_op *)self;
    const arena_mark  mark = arena_save(self->env->scratch);
    const uint64_t    count = state_columns_count(&p->results);
    slot_writer       w;
    TRY(slot_writer_open(&w, self, target, port, &p->results, err));
    for (uint64_t s = 0; s < count; s++) {
        TRY(slot_writer_add(&w, (slot)s, 1, err));
    }
    TRY(slot_writer_flush(&w, err));
    arena_rewind(self->env->scratch, mark);
    return OK;
}

/* ---- partial instances: what a state means only its code knows, so keys move as a whole */

/* to[i]: the key of slot i of the other one. */
static status
move_keys(process_op *p, const process_op *o, slot *to, error *err) {
    const int32_t key_count = p->base.spec->key_count;
    arena        *scratch = p->base.env->scratch;
    column       *keys = arena_alloc(scratch, (size_t)(key_count + 1) * sizeof(*keys));
    slot         *from = arena_alloc(scratch, 2 * BATCH_ROWS * sizeof(*from));
    slot *const   into = from + BATCH_ROWS;
    if (keys == NULL || from == NULL) {
        return error_memory(err);
    }
    for (uint64_t s = 0; s < group_table_slot_count(&o->keys);) {
        const arena_mark mark = arena_save(scratch);
        int32_t          n = 0, new_count = 0;
        for (; s < group_table_slot_count(&o->keys) && n < BATCH_ROWS; s++) {
            from[n] = (slot)s;
            n += group_table_is_live(&o->keys, (slot)s);
        }
        if (n == 0) {
            break;
        }
        for (int32_t i = 0; i < key_count; i++) {
            TRY(state_columns_read(&o->keys.keys, i, from, n, scratch, &keys[i], err));
        }
        TRY(state_columns_read(&o->states, 0, from, n, scratch, &keys[key_count], err));
        TRY(add_keys(p, keys, n, into, &new_count, err));
        if (new_count < n) {
            return error_set(err, ERR_INTERNAL_ERROR, "process: both parts have a key");
        }
        TRY(state_columns_write(&p->states, into, &keys[key_count], NULL, n, err));
        for (int32_t i = 0; i < n; i++) {
            to[from[i]] = into[i];
        }
        arena_rewind(scratch, mark);
    }
    return OK;
}

static status
move_timers(process_op *p, const process_op *o, const slot *to, error *err) {
    arena   *scratch = p->base.env->scratch;
    int64_t *keys = arena_alloc(scratch, BATCH_ROWS * sizeof(*keys));
    int64_t *times = arena_alloc(scratch, BATCH_ROWS * sizeof(*times));
    if (keys == NULL || times == NULL) {
        return error_memory(err);
    }
    for (uint64_t s = 0; s < group_table_slot_count(&o->timers);) {
        const arena_mark mark = arena_save(scratch);
        int32_t          n = 0;
        for (; s < group_table_slot_count(&o->timers) && n < BATCH_ROWS; s++) {
            if (group_table_is_live(&o->timers, (slot)s)) {
                keys[n] = to[timer_key(o, (slot)s)];
                times[n++] = *ARRAY_AT(&o->timers.keys.values[1], int64_t, s);
            }
        }
        const column pair[] = {{.type = type_of(TYPE_I64), .values = keys},
                               {.type = type_of(TYPE_I64), .values = times}};
        TRY(n == 0 ? OK : set_timers(p, pair, n, err));
        arena_rewind(scratch, mark);
    }
    return OK;
}

static status
take_results(void *context, const delta *in, error *err) {
    process_op *p = context;
    return keep_rows(p, in, err);
}

static status
process_merge(op *self, op *other, error *err) {
    process_op      *p = (process_op *)self;
    process_op      *o = (process_op *)other;
    const op_spec    spec = {.sink = {.context = self, .take = take_results}};
    const arena_mark mark = arena_save(self->env->scratch);
    slot            *to =
        arena_alloc(self->env->scratch, (size_t)group_table_slot_count(&o->keys) * sizeof(*to) + 1);
    op *results;
    if (to == NULL) {
        return error_memory(err);
    }
    TRY(move_keys(p, o, to, err));
    TRY(move_timers(p, o, to, err));
    if (p->keeps) { /* they came out as they will stay */
        TRY(op_open(&results, &op_collect_class, self->env, &spec, err));
        TRY(process_snapshot(other, results, 0, err));
    }
    arena_rewind(self->env->scratch, mark);
    return OK;
}

static status
process_validate(const op *self, error *err) {
    const process_op *p = (const process_op *)self;
    uint64_t          timers = 0;
    TRY(group_table_validate(&p->keys, err));
    TRY(group_table_validate(&p->timers, err));
    TRY(calendar_validate(&p->due, p->timers.live_count, err));
    for (uint64_t s = 0; s < group_table_slot_count(&p->keys); s++) {
        const uint32_t pending = *ARRAY_AT(&p->pending, uint32_t, s);
        if (pending > 0 && !group_table_is_live(&p->keys, (slot)s)) {
            return error_set(err, ERR_INTERNAL_ERROR, "process: key %llu is gone and has timers",
                             (unsigned long long)s);
        }
        timers += pending;
    }
    return timers == p->timers.live_count
               ? OK
               : error_set(err, ERR_INTERNAL_ERROR, "process: %llu timers, and keys have %llu",
                           (unsigned long long)p->timers.live_count, (unsigned long long)timers);
}

static int64_t
process_state_rows(const op *self) {
    return (int64_t)((const process_op *)self)->keys.live_count;
}

static int64_t
process_result_rows(const op *self) {
    return (int64_t)state_columns_count(&((const process_op *)self)->results);
}

static int64_t
process_due_us(const op *self) {
    const process_op *p = (const process_op *)self;
    const slot        page = calendar_first(&p->due);
    return page == SLOT_NONE ? INT64_MAX : calendar_time(&p->due, page);
}

/* Each timer is of a key that is there, which knows how many it has. */
static status
check_timers(process_op *p, const slot_set *keys, const slot_set *timers, error *err) {
    uint64_t pending = 0, listed = 0;
    if (p->pending.count < keys->count) {
        return image_corrupt("timers of keys", err);
    }
    for (uint64_t s = 0; s < timers->count; s++) {
        if (slot_set_has(timers, s)) {
            const int64_t key = *ARRAY_AT(&p->timers.keys.values[0], int64_t, s);
            if (key < 0 || !slot_set_has(keys, (uint64_t)key) ||
                *ARRAY_AT(&p->pending, uint32_t, key) == 0) {
                return image_corrupt("a timer of a key", err);
            }
            listed++;
        }
    }
    for (uint64_t s = 0; s < keys->count; s++) {
        pending += slot_set_has(keys, s) ? *ARRAY_AT(&p->pending, uint32_t, s) : 0;
    }
    return pending == listed ? OK : image_corrupt("timers of keys", err);
}

static status
process_load(op *self, image_reader *in, error *err) {
    process_op *p = (process_op *)self;
    (void)in;
    TRY(group_table_rebuild(&p->keys, err));
    TRY(group_table_rebuild(&p->timers, err));
    const slot_set keys = group_table_slots(&p->keys);
    const slot_set timers = group_table_slots(&p->timers);
    const slot_set results = {.count = state_columns_count(&p->results)};
    TRY(calendar_rebuild(&p->due, &timers, true, err));
    TRY(ages_rebuild(&p->ages, &keys, err));
    TRY(state_columns_check(&p->states, &keys, err));
    TRY(state_columns_check(&p->results, &results, err));
    return check_timers(p, &keys, &timers, err);
}

const op_class op_process_class = {
    .name = "process",
    .size = sizeof(process_op),
    .open = process_open,
    .push = process_push,
    .tick = process_tick,
    .forget = process_forget,
    .snapshot = process_snapshot,
    .merge = process_merge,
    .validate = process_validate,
    .state_rows = process_state_rows,
    .result_rows = process_result_rows,
    .due_us = process_due_us,
    .load = process_load,
    .close = process_close,
};
