/* SPDX-License-Identifier: Apache-2.0 */
/* agg_routine_held.c - the held form (agg_routine.h): a group is a pointer of the program's, beside
 * the store. Invariants, by slot:
 *   - no pointer, nothing saved: the group is as open makes it
 *   - no pointer, saved: the group is as load makes it of `states`
 *   - a pointer: the group is that; `states` is of it unless it is dirty
 * Rows that count are counted, so that a group that became empty is made anew: nothing of what
 * rounding left stays. */
#include "agg/agg_common.h"
#include "agg/agg_routine.h"

typedef struct group_record {
    int64_t  rows; /* that count; may be negative within a tick */
    uint32_t saved;
    uint32_t reserved;
} group_record;

typedef struct live_group {
    void *pointer; /* the program's; NULL: not made yet */
    bool  dirty;
} live_group;

typedef struct held {
    agg           base;
    routine_code *code;
    live_group   *groups;
    uint64_t      room;
    state_array   records;
    state_columns states;
} held;

/* ---- an instance */

static void
drop(held *self, slot s) {
    if (s < self->room && self->groups[s].pointer != NULL) {
        self->code->class->drop(self->code, self->groups[s].pointer);
        self->groups[s] = (live_group){0};
    }
}

static void
close_held(agg *base) {
    held *self = (held *)base;
    for (uint64_t i = 0; i < self->room; i++) {
        drop(self, (slot)i);
    }
    routine_code_release(self->code);
    state_columns_close(&self->states);
    array_close(&self->records);
    mem_free(base->mem, self->groups, self->room * sizeof(*self->groups));
    mem_free(base->mem, self, sizeof(*self));
}

static status
open_held(agg **out, const agg_class *class, const agg_signature *signature, const agg_site *site,
          error *err) {
    agg *made;
    TRY(agg_new(&made, sizeof(held), class, signature, site, err));
    held  *self = (held *)made;
    status s = array_open(&self->records, site->store, "routine.groups", sizeof(group_record), err);
    s = s == OK ? state_columns_open(&self->states, site->store, "routine.states",
                                     &signature->routine->state, 1, err)
                : s;
    s = s == OK ? routine_take(&self->code, signature->routine, err) : s;
    if (s < 0) {
        close_held(made);
        return s;
    }
    *out = made;
    return OK;
}

static group_record *
record_of(const held *self, slot s) {
    return ARRAY_AT(&self->records, group_record, s);
}

static status
make_room(held *self, uint64_t count, error *err) {
    if (count > state_columns_count(&self->states)) {
        TRY(state_columns_extend(&self->states, count - state_columns_count(&self->states), NULL,
                                 err));
    }
    if (count <= self->room) {
        return OK;
    }
    const uint64_t room = count < 2 * self->room ? 2 * self->room : count;
    live_group    *grown = mem_alloc_zero(self->base.mem, room * sizeof(*grown));
    if (grown == NULL) {
        return error_memory(err);
    }
    if (self->room > 0) {
        memcpy(grown, self->groups, self->room * sizeof(*grown));
    }
    mem_free(self->base.mem, self->groups, self->room * sizeof(*grown));
    self->groups = grown;
    self->room = room;
    return OK;
}

static status
init_held(agg *base, const slot *slots, int32_t count, error *err) {
    held *self = (held *)base;
    TRY(agg_zero_slots(&self->records, slots, count, err));
    return make_room(self, self->records.count, err);
}

static status
forget_state(held *self, slot s, error *err) {
    group_record *r = record_of(self, s);
    if (r->saved != 0) {
        state_columns_clear(&self->states, s);
        TRY(array_touch(&self->records, s, 1, err));
        r->saved = 0;
    }
    return OK;
}

static status
clear_held(agg *base, slot s, error *err) {
    held *self = (held *)base;
    drop(self, s);
    TRY(forget_state(self, s, err));
    TRY(array_touch(&self->records, s, 1, err));
    record_of(self, s)->rows = 0;
    return OK;
}

static bool
is_saved(const void *of, slot s) {
    return record_of(of, s)->saved != 0;
}

static status
rebuild_held(agg *base, const slot_set *groups, error *err) {
    held          *self = (held *)base;
    const slot_set saved = {.count = self->records.count, .has = is_saved, .of = self};
    TRY(agg_check_slots(&self->records, groups, err));
    TRY(state_columns_check(&self->states, &saved, err));
    for (uint64_t i = 0; i < self->room; i++) {
        drop(self, (slot)i);
    }
    return make_room(self, self->records.count, err);
}

static status
validate_held(const agg *base, error *err) {
    const held *self = (const held *)base;
    for (uint64_t i = 0; i < self->records.count; i++) {
        const live_group *g = &self->groups[i];
        if (g->dirty && g->pointer == NULL) {
            return error_set(err, ERR_INTERNAL_ERROR, "routine: group %llu is dirty and not there",
                             (unsigned long long)i);
        }
    }
    return OK;
}

/* ---- groups of the program's */

/* Groups of the states of `from`, made by our code: made[i] is NULL where none was saved. */
static status
load_states(held *self, const held *from, const slot *slots, int32_t count, void **made, arena *a,
            error *err) {
    routine_rows constants;
    column       states;
    TRY(agg_routine_constants(&constants, self->base.signature, a, err));
    TRY(state_columns_read(&from->states, 0, slots, count, a, &states, err));
    const routine_rows given = {
        .row_count = count, .count = 1, .columns = &states, .types = &states.type};
    return self->code->class->load(self->code, &constants, &given, made, err);
}

static status
load_missing(held *self, const slot *slots, int32_t count, arena *a, error *err) {
    slot   *missing = arena_alloc(a, (size_t)count * sizeof(*missing));
    void  **made = arena_alloc_zero(a, (size_t)count * sizeof(*made));
    int32_t n = 0;
    if (missing == NULL || made == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        if (self->groups[slots[i]].pointer == NULL && record_of(self, slots[i])->saved != 0) {
            missing[n++] = slots[i];
        }
    }
    const status s = n == 0 ? OK : load_states(self, self, missing, n, made, a, err);
    for (int32_t i = 0; i < n; i++) {
        drop(self, missing[i]); /* it was listed twice */
        self->groups[missing[i]].pointer = made[i];
    }
    return s;
}

/* All of them are there afterwards. */
static status
bring(held *self, const slot *slots, int32_t count, arena *a, error *err) {
    const arena_mark mark = arena_save(a);
    routine_rows     constants;
    TRY(load_missing(self, slots, count, a, err));
    TRY(agg_routine_constants(&constants, self->base.signature, a, err));
    for (int32_t i = 0; i < count; i++) {
        live_group *g = &self->groups[slots[i]];
        TRY(g->pointer != NULL ? OK
                               : self->code->class->open(self->code, &constants, &g->pointer, err));
    }
    arena_rewind(a, mark);
    return OK;
}

static void **
pointers_of(const held *self, const slot *slots, int32_t count, arena *a) {
    void **out = arena_alloc(a, (size_t)count * sizeof(*out));
    for (int32_t i = 0; i < count && out != NULL; i++) {
        out[i] = self->groups[slots[i]].pointer;
    }
    return out;
}

/* ---- rows */

typedef status (*giving)(routine_code *c, void *group, const routine_rows *rows, error *err);

typedef struct portion { /* the rows of a batch that count, by group */
    held          *self;
    const column  *columns;
    const int64_t *weight;
    const slot    *slots;
    int32_t        count;
    int32_t       *rows; /* in the order of slots, else as they came */
    arena         *scratch;
} portion;

static status
give(const portion *p, slot group, const int32_t *rows, int32_t count, giving how, error *err) {
    const agg_signature *s = p->self->base.signature;
    const arena_mark     mark = arena_save(p->scratch);
    column *columns = arena_alloc(p->scratch, (size_t)(s->argument_count + 1) * sizeof(*columns));
    if (columns == NULL) {
        return error_memory(err);
    }
    for (int32_t k = 0; k < s->argument_count; k++) {
        TRY(column_gather(&columns[k], &p->columns[k], rows, count, p->scratch, err));
    }
    const routine_rows given = {
        .row_count = count, .count = s->argument_count, .columns = columns, .types = s->types};
    TRY(how(p->self->code, p->self->groups[group].pointer, &given, err));
    arena_rewind(p->scratch, mark);
    return OK;
}

static int64_t
weight_of(const portion *p, int32_t row) {
    return p->weight == NULL ? 1 : p->weight[row];
}

/* Those of one sign, each as often as its weight says. */
static status
give_signed(const portion *p, int sign, giving how, error *err) {
    int32_t *list = arena_alloc(p->scratch, AGG_ROUTINE_ROWS * sizeof(*list));
    int32_t  n = 0;
    slot     group = SLOT_NONE;
    if (list == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t row = p->rows[i];
        int64_t       copies = sign * weight_of(p, row);
        if (copies <= 0) {
            continue;
        }
        if (n > 0 && p->slots[row] != group) {
            TRY(give(p, group, list, n, how, err));
            n = 0;
        }
        group = p->slots[row];
        for (; copies > 0; copies--) {
            list[n++] = row;
            if (n == AGG_ROUTINE_ROWS) {
                TRY(give(p, group, list, n, how, err));
                n = 0;
            }
        }
    }
    return n == 0 ? OK : give(p, group, list, n, how, err);
}

static int
by_number(const void *x, const void *y) {
    const uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

/* The rows that count, sorted by group; notes which there are in groups[0 .. *group_count). */
static status
sort_by_group(portion *p, const uint8_t *use, slot *groups, int32_t *group_count, int32_t count,
              error *err) {
    uint64_t *keys = arena_alloc(p->scratch, (size_t)count * sizeof(*keys));
    int32_t   n = 0;
    bool      in_order = true;
    if (keys == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        if ((use == NULL || use[i] != 0) && weight_of(p, i) != 0) {
            keys[n++] = (uint64_t)p->slots[i] << 32 | (uint32_t)i;
            in_order = in_order && (n == 1 || keys[n - 1] > keys[n - 2]);
        }
    }
    if (!in_order) {
        qsort(keys, (size_t)n, sizeof(*keys), by_number);
    }
    *group_count = 0;
    for (int32_t i = 0; i < n; i++) {
        p->rows[i] = (int32_t)(uint32_t)keys[i];
        const slot s = (slot)(keys[i] >> 32);
        if (i == 0 || s != groups[*group_count - 1]) {
            groups[(*group_count)++] = s;
        }
    }
    p->count = n;
    return OK;
}

static status
count_rows(held *self, const portion *p, const slot *groups, int32_t group_count, error *err) {
    TRY(array_touch_each(&self->records, groups, group_count, err));
    for (int32_t i = 0; i < p->count; i++) {
        record_of(self, p->slots[p->rows[i]])->rows += weight_of(p, p->rows[i]);
    }
    for (int32_t i = 0; i < group_count; i++) {
        self->groups[groups[i]].dirty = true;
    }
    return OK;
}

static status
update_held(agg *base, const slot *slots, const column *columns, const int64_t *weight,
            const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    held                *self = (held *)base;
    const routine_class *code = self->code->class;
    portion              p = {.self = self,
                              .columns = columns,
                              .weight = weight,
                              .slots = slots,
                              .rows = arena_alloc(scratch, (size_t)count * sizeof(int32_t)),
                              .scratch = scratch};
    slot                *groups = arena_alloc(scratch, (size_t)count * sizeof(*groups));
    int32_t              group_count;
    if (p.rows == NULL || groups == NULL) {
        return error_memory(err);
    }
    TRY(agg_routine_contributing(&filter, base->signature, columns, filter, count, scratch, err));
    TRY(sort_by_group(&p, filter, groups, &group_count, count, err));
    TRY(bring(self, groups, group_count, scratch, err));
    TRY(count_rows(self, &p, groups, group_count, err));
    TRY(give_signed(&p, 1, code->accumulate, err));
    return weight == NULL ? OK : give_signed(&p, -1, code->retract, err);
}

/* ---- values */

static status
value_held(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    held *self = (held *)base;
    for (int32_t i = 0; i < count; i++) {
        if (record_of(self, slots[i])->rows == 0) {
            drop(self, slots[i]);
            TRY(forget_state(self, slots[i], err));
        }
    }
    TRY(bring(self, slots, count, a, err));
    void **groups = pointers_of(self, slots, count, a);
    return groups == NULL ? error_memory(err)
                          : self->code->class->evaluate(self->code, groups, count, a, out, err);
}

/* ---- into the store */

static status
save_groups(held *self, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    void **groups = pointers_of(self, slots, count, a);
    TRY(groups == NULL ? error_memory(err) : OK);
    TRY(self->code->class->save(self->code, groups, count, a, out, err));
    return column_views(out, out, count, a, err);
}

static status
settle_groups(held *self, const slot *slots, int32_t count, arena *a, error *err) {
    const arena_mark mark = arena_save(a);
    column           states;
    TRY(save_groups(self, slots, count, a, &states, err));
    for (int32_t i = 0; i < count; i++) {
        TRY(forget_state(self, slots[i], err));
    }
    TRY(state_columns_write(&self->states, slots, &states, NULL, count, err));
    TRY(array_touch_each(&self->records, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        record_of(self, slots[i])->saved = 1;
        self->groups[slots[i]].dirty = false;
    }
    arena_rewind(a, mark);
    return OK;
}

static status
settle_held(agg *base, arena *scratch, error *err) {
    held            *self = (held *)base;
    const arena_mark mark = arena_save(scratch);
    slot            *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    int32_t          count = 0;
    if (slots == NULL) {
        return error_memory(err);
    }
    for (uint64_t i = 0; i < self->records.count; i++) {
        slots[count] = (slot)i;
        count += self->groups[i].dirty;
        if (count == BATCH_ROWS) {
            TRY(settle_groups(self, slots, count, scratch, err));
            count = 0;
        }
    }
    TRY(count == 0 ? OK : settle_groups(self, slots, count, scratch, err));
    arena_rewind(scratch, mark);
    return OK;
}

/* ---- merging */

/* Groups of another instance as our code's, which were replaced in between: made of their states.
 */
static status
translate(held *self, held *other, const slot *from, int32_t count, void **made, arena *a,
          error *err) {
    routine_rows constants;
    column       states;
    TRY(save_groups(other, from, count, a, &states, err));
    TRY(agg_routine_constants(&constants, self->base.signature, a, err));
    const routine_rows given = {
        .row_count = count, .count = 1, .columns = &states, .types = &states.type};
    return self->code->class->load(self->code, &constants, &given, made, err);
}

static status
add_groups(held *self, held *other, const slot *slots, const slot *from, int32_t count, arena *a,
           error *err) {
    const bool foreign = self->code != other->code;
    void     **theirs = foreign ? arena_alloc_zero(a, (size_t)count * sizeof(*theirs))
                                : pointers_of(other, from, count, a);
    status     s = theirs == NULL ? error_memory(err)
                   : foreign      ? translate(self, other, from, count, theirs, a, err)
                                  : OK;
    for (int32_t i = 0; i < count && s == OK; i++) {
        self->groups[slots[i]].dirty = true;
        s = self->code->class->merge(self->code, self->groups[slots[i]].pointer, theirs[i], err);
    }
    for (int32_t i = 0; i < count && foreign && theirs != NULL; i++) {
        if (theirs[i] != NULL) {
            self->code->class->drop(self->code, theirs[i]);
        }
    }
    return s;
}

static status
merge_held(agg *base, const slot *slots, const agg *other_base, const slot *from, int32_t count,
           arena *scratch, error *err) {
    held            *self = (held *)base, *other = (held *)(uintptr_t)other_base;
    const arena_mark mark = arena_save(scratch);
    slot            *into = arena_alloc(scratch, (size_t)count * sizeof(*into));
    slot            *some = arena_alloc(scratch, (size_t)count * sizeof(*some));
    int32_t          n = 0;
    if (into == NULL || some == NULL) {
        return error_memory(err);
    }
    TRY(array_touch_each(&self->records, slots, count, err));
    for (int32_t i = 0; i < count; i++) { /* groups that nothing came to add nothing */
        const group_record *r = record_of(other, from[i]);
        into[n] = slots[i];
        some[n] = from[i];
        n += r->saved != 0 || other->groups[from[i]].pointer != NULL;
        record_of(self, slots[i])->rows += r->rows;
    }
    TRY(bring(other, some, n, scratch, err));
    TRY(bring(self, into, n, scratch, err));
    TRY(add_groups(self, other, into, some, n, scratch, err));
    arena_rewind(scratch, mark);
    return OK;
}

const agg_class routine_held_class = {
    .name = "routine",
    .column_min = 1,
    .column_max = AGG_ARGUMENTS_MAX,
    .constant_max = AGG_ARGUMENTS_MAX,
    .resolve = agg_routine_resolve,
    .open = open_held,
    .close = close_held,
    .init = init_held,
    .update = update_held,
    .value = value_held,
    .clear = clear_held,
    .merge = merge_held,
    .rebuild = rebuild_held,
    .validate = validate_held,
    .settle = settle_held,
};
