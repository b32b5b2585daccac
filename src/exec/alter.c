/* SPDX-License-Identifier: Apache-2.0 */
/* alter.c - another object in the place of one that streams know: of other columns (ALTER), or of
 * another name.
 *
 * All memory is taken by source_alter_open; what follows cannot fail. Streams keep their circuits:
 * their scans learn where the columns that they read lie now. */
#include "exec/engine_internal.h"

struct source_alteration {
    source  *source;
    object  *object; /* the new one */
    table   *table;
    column  *stored_columns;
    source   checked; /* of it only what source_open_checks makes */
    int32_t *to;      /* where each old column lies now, -1: nowhere */
    int32_t  old_count;
};

static bool
scan_reads(const plan_node *n, const object *o, int32_t at) {
    for (int32_t i = 0; n->kind == PLAN_SCAN && n->object == o && i < n->schema.count; i++) {
        if (n->column_map[i] == at) {
            return true;
        }
    }
    return false;
}

bool
plan_reads_column(const plan_node *n, const object *o, int32_t at) {
    n = plan_whole(n);
    if (scan_reads(n, o, at)) {
        return true;
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        if (plan_reads_column(n->inputs[i], o, at)) {
            return true;
        }
    }
    return false;
}

bool
engine_is_watched(const engine *e, const object *o, int32_t at) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *s = e->streams.items[i];
        if (s->object == NULL && s->part == NULL && !changelog_is_abandoned(s->log) &&
            plan_reads_column(s->plan.root, o, at)) {
            return true;
        }
    }
    return false;
}

/* ---- the plans of streams */

static void
replace_in_plan(plan_node *n, const object *old, object *o, const int32_t *to) {
    if (n->kind == PLAN_SCAN && n->object == old) {
        n->object = o;
        for (int32_t i = 0; to != NULL && i < n->schema.count; i++) {
            if (n->column_map[i] < SCAN_ARRIVAL) {
                n->column_map[i] = to[n->column_map[i]];
            }
            assert(n->column_map[i] >= 0);
        }
    }
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        replace_in_plan(n->inputs[i], old, o, to);
    }
}

static void
replace_in_streams(engine *e, const object *old, object *o, const int32_t *to) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        stream *s = e->streams.items[i];
        replace_in_plan(s->plan.root, old, o, to);
        for (int32_t k = 0; k < s->plan.object_count; k++) {
            s->plan.objects[k] = s->plan.objects[k] == old ? o : s->plan.objects[k];
        }
        s->plan.late_to = s->plan.late_to == old ? o : s->plan.late_to;
        s->object = s->object == old ? o : s->object;
    }
}

void
engine_rename(engine *e, const object *old, object *o) {
    replace_in_streams(e, old, o, NULL);
}

/* ---- the rows of a source */

static status
find_columns(source_alteration *a, const int32_t *from, error *err) {
    const int32_t count = a->object->schema->count;
    a->old_count = a->source->object->schema->count;
    a->to = mem_alloc(a->source->engine->mem, sizeof(int32_t) * (size_t)(a->old_count + 1));
    if (a->to == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < a->old_count; i++) {
        a->to[i] = -1;
    }
    for (int32_t i = 0; i < count; i++) {
        if (from[i] >= 0) {
            a->to[from[i]] = i;
        }
    }
    return OK;
}

static status
open_parts(source_alteration *a, const int32_t *from, filler *fill, error *err) {
    const object *o = a->object;
    mem          *m = a->source->engine->mem;
    a->checked = (source){.engine = a->source->engine, .object = o};
    arena_init(&a->checked.check_arena, m);
    a->stored_columns = mem_alloc(m, sizeof(column) * (size_t)(o->schema->count + 1));
    if (a->stored_columns == NULL) {
        return error_memory(err);
    }
    TRY(find_columns(a, from, err));
    TRY(source_open_checks(&a->checked, err));
    return table_reshape(&a->table, a->source->table, o->schema, o->key_defs, o->key_def_count,
                         from, fill, err);
}

status
source_alter_open(source_alteration **out, source *s, object *o, const int32_t *from, filler *fill,
                  error *err) {
    source_alteration *a = mem_alloc_zero(s->engine->mem, sizeof(*a));
    if (a == NULL) {
        return error_memory(err);
    }
    a->source = s;
    a->object = o;
    assert(s->engine->unsettled == NULL);
    const status made = open_parts(a, from, fill, err);
    if (made < 0) {
        source_alter_close(a);
        return made;
    }
    *out = a;
    return OK;
}

void
source_alter_close(source_alteration *a) {
    if (a == NULL) {
        return;
    }
    mem *m = a->source->engine->mem;
    if (a->table != NULL) {
        table_close(a->table);
    }
    if (a->checked.check_arena.mem != NULL) {
        arena_fini(&a->checked.check_arena);
    }
    mem_free(m, a->stored_columns, sizeof(column) * (size_t)(a->object->schema->count + 1));
    mem_free(m, a->to, sizeof(int32_t) * (size_t)(a->old_count + 1));
    mem_free(m, a, sizeof(*a));
}

void
source_alter_apply(source_alteration *a) {
    source       *s = a->source;
    const object *old = s->object;
    mem          *m = s->engine->mem;
    table_take_over(a->table, s->table);
    table_close(s->table);
    s->table = a->table;
    a->table = NULL;
    mem_free(m, s->stored_columns, sizeof(column) * (size_t)(old->schema->count + 1));
    s->stored_columns = a->stored_columns;
    a->stored_columns = NULL;
    arena_fini(&s->check_arena);
    s->check_arena = a->checked.check_arena;
    s->checks = a->checked.checks;
    a->checked.check_arena = (arena){.mem = NULL};
    s->object = a->object;
    replace_in_streams(s->engine, old, a->object, a->to);
    source_alter_close(a);
}
