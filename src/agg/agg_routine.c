/* SPDX-License-Identifier: Apache-2.0 */
/* agg_routine.c - the listed form (agg_routine.h): rows of a group in the store, given to the code
 * anew for each value. */
#include "agg/agg_routine.h"

#include "agg/listing.h"

typedef struct listed {
    listing       rows;
    routine_code *code;
} listed;

/* ---- which form */

const agg_class *
agg_routine_class(const routine *r, bool held) {
    return held                              ? &routine_held_class
           : (r->flags & ROUTINE_NULLS) != 0 ? &routine_listed_nulls_class
                                             : &routine_listed_class;
}

bool
agg_routine_can_hold(const routine *r, bool append_only) {
    const uint32_t wanted = ROUTINE_SAVES | (append_only ? 0 : ROUTINE_RETRACTS);
    return r->kind == ROUTINE_AGGREGATE && (r->flags & wanted) == wanted &&
           (r->flags & ROUTINE_ORDERED) == 0;
}

bool
agg_is_held(const agg_class *class) {
    return class == &routine_held_class;
}

/* ---- shared */

/* The number of the routine's argument that column k is. */
static int32_t
argument_of(const agg_signature *s, int32_t k) {
    if (s->literal == NULL) {
        return k;
    }
    int32_t at = 0;
    for (;; at++) {
        if (!s->literal[at] && k-- == 0) {
            return at;
        }
    }
}

status
agg_routine_resolve(const agg_class *class, agg_signature *s, error *err) {
    const routine *r = s->routine;
    (void)class;
    (void)err;
    for (int32_t k = 0; k < s->argument_count && r->argument_count >= 0; k++) {
        const data_type wanted = r->arguments[argument_of(s, k)];
        s->types[k] = wanted.id == TYPE_NULL ? s->types[k] : wanted;
    }
    s->output = r->result;
    return OK;
}

status
agg_routine_constants(routine_rows *out, const agg_signature *s, arena *a, error *err) {
    const size_t count = (size_t)s->constant_count;
    column      *columns = arena_alloc(a, count * sizeof(*columns));
    data_type   *types = arena_alloc(a, count * sizeof(*types));
    bool        *constants = arena_alloc(a, count * sizeof(*constants));
    if (columns == NULL || types == NULL || constants == NULL) {
        return error_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        types[i] = s->constants[i].type;
        constants[i] = true;
        TRY(column_constant(&columns[i], &s->constants[i], 1, a, err));
    }
    *out = (routine_rows){.row_count = 1,
                          .count = (int32_t)count,
                          .columns = columns,
                          .types = types,
                          .constants = constants};
    return OK;
}

status
agg_routine_contributing(const uint8_t **out, const agg_signature *s, const column *columns,
                         const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    *out = filter;
    if ((s->routine->flags & ROUTINE_NULLS) != 0) {
        return OK;
    }
    for (int32_t k = 0; k < s->argument_count; k++) {
        TRY(agg_contributing(out, &columns[k], *out, count, scratch, err));
    }
    return OK;
}

/* ---- an instance */

static void
close_listed(agg *base) {
    routine_code_release(((listed *)base)->code);
    listing_close(base);
}

static status
open_listed(agg **out, const agg_class *class, const agg_signature *signature, const agg_site *site,
            error *err) {
    agg *made;
    TRY(listing_open_sized(&made, sizeof(listed), class, signature, site, err));
    const status taken = routine_take(&((listed *)made)->code, signature->routine, err);
    if (taken < 0) {
        close_listed(made);
        return taken;
    }
    *out = made;
    return OK;
}

static status
update_listed(agg *base, const slot *slots, const column *columns, const int64_t *weight,
              const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    TRY(agg_routine_contributing(&filter, base->signature, columns, filter, count, scratch, err));
    return listing_update(base, slots, columns, weight, filter, count, scratch, err);
}

/* ---- values */

typedef struct entries { /* of one group, in the order of the call */
    int32_t        count;
    int64_t        total; /* with copies */
    column        *columns;
    const int64_t *copies;
} entries;

static status
read_entries(entries *out, listed *self, slot group, arena *a, error *err) {
    const int32_t width = self->rows.base.signature->argument_count;
    *out = (entries){.columns = arena_alloc(a, (size_t)(width + 1) * sizeof(column))};
    if (out->columns == NULL) {
        return error_memory(err);
    }
    TRY(listing_read(&self->rows, group, a, &out->count, out->columns, width, &out->copies, err));
    for (int32_t i = 0; i < out->count; i++) {
        out->total = sat_add_i64(out->total, out->copies[i]);
    }
    return OK;
}

/* Entry numbers, each as often as it is there, from where *at and *copy stand: `most` at most. */
static int32_t
list_copies(int32_t *out, const entries *e, int32_t *at, int64_t *copy, int64_t most) {
    int32_t n = 0;
    while (*at < e->count && n < most) {
        if (*copy == e->copies[*at]) {
            (*at)++;
            *copy = 0;
            continue;
        }
        out[n++] = *at;
        (*copy)++;
    }
    return n;
}

static status
accumulate(listed *self, void *group, const entries *e, arena *a, error *err) {
    const agg_signature *s = self->rows.base.signature;
    const int64_t        room = min_i64(e->total, AGG_ROUTINE_ROWS);
    int32_t             *rows = arena_alloc(a, (size_t)room * sizeof(*rows));
    column *columns = arena_alloc(a, (size_t)(s->argument_count + 1) * sizeof(*columns));
    int32_t at = 0;
    int64_t copy = 0;
    if (rows == NULL || columns == NULL) {
        return error_memory(err);
    }
    for (int64_t left = e->total; left > 0;) {
        const arena_mark mark = arena_save(a);
        const int32_t    count = list_copies(rows, e, &at, &copy, room);
        for (int32_t k = 0; k < s->argument_count; k++) {
            TRY(column_gather(&columns[k], &e->columns[k], rows, count, a, err));
        }
        const routine_rows given = {
            .row_count = count, .count = s->argument_count, .columns = columns, .types = s->types};
        TRY(self->code->class->accumulate(self->code, group, &given, err));
        arena_rewind(a, mark);
        left -= count;
    }
    return OK;
}

/* All groups at once, for one evaluate; what there is of them goes again, however it ends. */
static status
value_of_groups(listed *self, void **groups, const slot *slots, int32_t count, arena *a,
                column *out, error *err) {
    routine_code *code = self->code;
    routine_rows  constants;
    arena         rows;
    arena_init(&rows, a->mem);
    status s = agg_routine_constants(&constants, self->rows.base.signature, a, err);
    for (int32_t i = 0; i < count && s == OK; i++) {
        entries e;
        s = read_entries(&e, self, slots[i], &rows, err);
        s = s == OK ? code->class->open(code, &constants, &groups[i], err) : s;
        s = s == OK ? accumulate(self, groups[i], &e, &rows, err) : s;
        arena_reset(&rows);
    }
    s = s == OK ? code->class->evaluate(code, groups, count, a, out, err) : s;
    arena_fini(&rows);
    for (int32_t i = 0; i < count; i++) {
        if (groups[i] != NULL) {
            code->class->drop(code, groups[i]);
        }
    }
    return s;
}

/* The arguments of a scalar over the rows of a group. */
static status
scalar_rows(routine_rows *out, const agg_signature *s, const entries *e, arena *a, error *err) {
    const int32_t count = s->argument_count + s->constant_count;
    column       *columns = arena_alloc(a, (size_t)count * sizeof(*columns));
    data_type    *types = arena_alloc(a, (size_t)count * sizeof(*types));
    int32_t      *rows = arena_alloc(a, (size_t)e->total * sizeof(*rows));
    int32_t       at = 0, next_column = 0, next_constant = 0;
    int64_t       copy = 0;
    if (columns == NULL || types == NULL || rows == NULL) {
        return error_memory(err);
    }
    (void)list_copies(rows, e, &at, &copy, e->total);
    for (int32_t i = 0; i < count; i++) {
        if (s->literal[i]) {
            const value *v = &s->constants[next_constant++];
            types[i] = v->type;
            TRY(column_constant(&columns[i], v, 1, a, err));
        } else {
            types[i] = s->types[next_column];
            TRY(column_gather(&columns[i], &e->columns[next_column++], rows, (int32_t)e->total, a,
                              err));
        }
    }
    *out = (routine_rows){.row_count = (int32_t)e->total,
                          .count = count,
                          .columns = columns,
                          .types = types,
                          .constants = s->literal,
                          .is_group = true};
    return OK;
}

static status
too_many(const listed *self, error *err) {
    (void)error_set(err, ERR_QUERY_FAILED, "a group has too many rows for one call of %.*s()",
                    TEXT_ARG(self->rows.base.signature->routine->name));
    return error_hint(err, "make an aggregate of it, which takes them in parts");
}

/* The one value of a group: NULL over no rows. */
static status
value_of_group(listed *self, slot group, uint8_t *to, bool *is_null, arena *rows, arena *a,
               error *err) {
    const size_t width = type_width(self->rows.base.output);
    entries      e;
    routine_rows given;
    column       made;
    TRY(read_entries(&e, self, group, rows, err));
    *is_null = e.count == 0;
    if (*is_null) {
        return OK;
    }
    if (e.total > INT32_MAX / 64) {
        return too_many(self, err);
    }
    TRY(scalar_rows(&given, self->rows.base.signature, &e, rows, err));
    TRY(self->code->class->call(self->code, &given, rows, &made, err));
    TRY(column_views(&made, &made, 1, rows, err));
    *is_null = column_is_null(&made, 0);
    if (!*is_null) {
        memcpy(to, made.values, width);
    }
    strview *view = (strview *)(void *)to;
    if (!*is_null && physical_is_view(type_physical(made.type)) &&
        view->size > STRVIEW_INLINE_MAX) {
        const char *kept = arena_text(a, strview_text(view)).data;
        TRY(kept == NULL ? error_memory(err) : OK);
        view->data = kept;
    }
    return OK;
}

static status
values_of_scalar(listed *self, const slot *slots, int32_t count, arena *a, column *out,
                 error *err) {
    const data_type type = self->rows.base.output;
    const size_t    width = type_width(type);
    uint8_t        *values = arena_alloc_zero(a, (size_t)count * width);
    bool           *nulls = arena_alloc_zero(a, (size_t)count * sizeof(*nulls));
    arena           rows;
    status          s = values == NULL || nulls == NULL ? error_memory(err) : OK;
    arena_init(&rows, a->mem);
    for (int32_t i = 0; i < count && s == OK; i++) {
        s = value_of_group(self, slots[i], values + (size_t)i * width, &nulls[i], &rows, a, err);
        arena_reset(&rows);
    }
    arena_fini(&rows);
    TRY(s);
    *out = (column){.type = type, .layout = COLUMN_FLAT, .values = values};
    return agg_set_nulls(out, nulls, count, a, err);
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    listed *self = (listed *)base;
    if (base->signature->routine->kind != ROUTINE_AGGREGATE) {
        return values_of_scalar(self, slots, count, a, out, err);
    }
    void **groups = arena_alloc_zero(a, (size_t)count * sizeof(*groups));
    return groups == NULL ? error_memory(err)
                          : value_of_groups(self, groups, slots, count, a, out, err);
}

const agg_class routine_listed_class = {
    .name = "routine",
    .column_min = 1,
    .column_max = AGG_ARGUMENTS_MAX,
    .constant_max = AGG_ARGUMENTS_MAX,
    .order_matters = true,
    .lists_rows = true,
    .keeps_rows = true,
    .resolve = agg_routine_resolve,
    .open = open_listed,
    .close = close_listed,
    .init = listing_init,
    .update = update_listed,
    .value = value_of,
    .clear = listing_clear,
    .merge = listing_merge,
    .rebuild = listing_rebuild,
    .validate = listing_validate,
};

const agg_class routine_listed_nulls_class = {
    .name = "routine",
    .column_min = 1,
    .column_max = AGG_ARGUMENTS_MAX,
    .constant_max = AGG_ARGUMENTS_MAX,
    .order_matters = true,
    .lists_rows = true,
    .keeps_rows = true,
    .keeps_nulls = true,
    .resolve = agg_routine_resolve,
    .open = open_listed,
    .close = close_listed,
    .init = listing_init,
    .update = update_listed,
    .value = value_of,
    .clear = listing_clear,
    .merge = listing_merge,
    .rebuild = listing_rebuild,
    .validate = listing_validate,
};
