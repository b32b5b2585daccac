/* SPDX-License-Identifier: Apache-2.0 */
/* arrow_relation.c - a relation over an Arrow stream that the caller's resolver gives. Batches are
 * kept without a copy: their buffers stay the producer's.
 *
 * The stream of the schema call stays open until a start: one that can be had once alone is then
 * read itself. */
#include "arrow/arrow.h"
#include "db/statement.h"

typedef struct arrow_relation {
    relation                base;
    mem                    *mem;
    arena                   arena; /* of the relation */
    arena                   run;   /* of a start */
    const laminar_resolver *resolver;
    laminar_external        what;
    struct ArrowArrayStream stream;
    struct ArrowSchema      shape;   /* of the stream under way */
    int32_t                *sources; /* its column for each of the relation's; -1: none */
    batch                  *rows;    /* given out */
    column                 *columns;
} arrow_relation;

static void
end_stream(arrow_relation *r) {
    batch_release(r->rows);
    r->rows = NULL;
    arrow_schema_release(&r->shape);
    arrow_stream_release(&r->stream);
}

static status
fault(arrow_relation *r, const char *what, error *err) {
    return error_set(err, ERR_QUERY_FAILED, "%.*s failed to give %s: %.300s",
                     TEXT_ARG(r->base.label), what, arrow_stream_error(&r->stream));
}

/* The resolver's error in the engine's terms: its code may be any. */
static status
resolver_fault(const laminar_error *e, error *err) {
    error_set(err, ERR_QUERY_FAILED, "%.500s", e->message);
    return e->hint[0] == '\0' ? ERR_QUERY_FAILED : error_hint(err, "%s", e->hint);
}

static status
call_open(arrow_relation *r, text *nearest, struct ArrowArrayStream *out, error *err) {
    laminar_error        e = {.code = 0};
    const laminar_status s = r->resolver->open(r->resolver->context, &r->what, out, &e);
    if (s == LAMINAR_DONE) {
        if (nearest != NULL) {
            *nearest = e.hint[0] == '\0' ? (text){NULL, 0} : arena_text(&r->arena, text_of(e.hint));
        }
        return DONE;
    }
    return s < 0 ? resolver_fault(&e, err) : OK;
}

static status
read_shape(arrow_relation *r, schema *out, arena *a, error *err) {
    if (arrow_stream_schema(&r->stream, &r->shape) != 0) {
        r->shape.release = NULL;
        return fault(r, "its schema", err);
    }
    return arrow_import_schema(out, &r->shape, a, err);
}

static status
not_as_before(const arrow_relation *r, error *err) {
    return error_set(err, ERR_QUERY_FAILED, "%.*s has other columns now than a moment ago",
                     TEXT_ARG(r->base.label));
}

/* Finds the relation's columns among those of the stream. */
static status
match_columns(arrow_relation *r, const int32_t *wanted, int32_t count, error *err) {
    schema        now;
    const schema *all = &r->base.schema;
    TRY(read_shape(r, &now, &r->run, err));
    const bool whole = now.count == all->count;
    if (!whole && now.count != count) {
        return not_as_before(r, err);
    }
    for (int32_t i = 0; i < all->count; i++) {
        r->sources[i] = -1;
    }
    for (int32_t i = 0; i < count; i++) {
        const int32_t at = whole ? wanted[i] : i;
        if (!type_equal(now.fields[at].type, all->fields[wanted[i]].type)) {
            return not_as_before(r, err);
        }
        r->sources[wanted[i]] = at;
    }
    return OK;
}

/* Names as the resolver takes them. */
static status
wanted_names(arrow_relation *r, const int32_t *columns, int32_t count, const char ***out,
             error *err) {
    *out = arena_alloc(&r->run, sizeof(char *) * (size_t)(count + 1));
    for (int32_t i = 0; *out != NULL && i < count; i++) {
        const text name = r->base.schema.fields[columns[i]].name;
        char      *copy = arena_alloc(&r->run, name.size + 1);
        if (copy == NULL) {
            return error_memory(err);
        }
        memcpy(copy, name.data, name.size);
        copy[name.size] = '\0';
        (*out)[i] = copy;
    }
    return *out == NULL ? error_memory(err) : OK;
}

static status
arrow_relation_start(relation *base, const int32_t *columns, int32_t count, error *err) {
    arrow_relation *r = (arrow_relation *)base;
    const int32_t   width = base->schema.count;
    const char    **names;
    arena_reset(&r->run);
    r->sources = arena_alloc(&r->run, sizeof(int32_t) * (size_t)(width + 1));
    r->columns = arena_alloc_zero(&r->run, sizeof(column) * (size_t)(width + 1));
    TRY(r->sources == NULL || r->columns == NULL ? error_memory(err) : OK);
    TRY(wanted_names(r, columns, count, &names, err));
    struct ArrowArrayStream opened = {0};
    r->what.schema_only = false;
    r->what.column_count = count;
    r->what.columns = names;
    const status s = call_open(r, NULL, &opened, err);
    TRY(s);
    if (s == OK) {
        end_stream(r);
        r->stream = opened;
    } else if (r->stream.release == NULL) {
        return error_set(err, ERR_QUERY_FAILED, "%.*s was read already", TEXT_ARG(base->label));
    } else {
        arrow_schema_release(&r->shape);
    }
    return match_columns(r, columns, count, err);
}

static status
arrow_relation_next(relation *base, delta *out, error *err) {
    arrow_relation *r = (arrow_relation *)base;
    batch_release(r->rows);
    r->rows = NULL;
    for (;;) {
        struct ArrowArray array = {0};
        if (arrow_stream_next(&r->stream, &array) != 0) {
            return fault(r, "its next rows", err);
        }
        if (array.release == NULL) {
            return DONE;
        }
        if (array.length == 0) {
            arrow_array_release(&array);
            continue;
        }
        if (array.length > INT32_MAX) {
            arrow_array_release(&array);
            return error_set(err, ERR_QUERY_FAILED, "a batch holds at most 2^31 - 1 rows");
        }
        TRY(arrow_import_batch(&r->rows, r->mem, &r->shape, &array, true, err));
        break;
    }
    for (int32_t i = 0; i < base->schema.count; i++) {
        if (r->sources[i] >= 0) {
            r->columns[i] = r->rows->rows.columns[r->sources[i]];
        }
    }
    *out = (delta){.row_count = r->rows->rows.row_count,
                   .column_count = base->schema.count,
                   .columns = r->columns};
    return OK;
}

static void
arrow_relation_close(relation *base) {
    arrow_relation *r = (arrow_relation *)base;
    mem            *m = r->mem;
    end_stream(r);
    arena_fini(&r->run);
    arena_fini(&r->arena);
    mem_free(m, r, sizeof(*r));
}

static const relation_class arrow_relation_class = {.start = arrow_relation_start,
                                                    .next = arrow_relation_next,
                                                    .close = arrow_relation_close};

/* The name with a terminator, for whom it concerns. */
static status
keep_name(arrow_relation *r, error *err) {
    char *name = arena_alloc(&r->arena, r->what.name_size + 1);
    if (name == NULL) {
        return error_memory(err);
    }
    memcpy(name, r->what.name, r->what.name_size);
    name[r->what.name_size] = '\0';
    r->what.name = name;
    r->base.label = (text){name, r->what.name_size};
    return OK;
}

status
arrow_relation_open(relation **out, text *nearest, mem *m, arena *a,
                    const laminar_resolver *resolver, laminar_external what, error *err) {
    arrow_relation *r = mem_alloc_zero(m, sizeof(*r));
    if (r == NULL) {
        return error_memory(err);
    }
    r->base = (relation){.class = &arrow_relation_class, .row_estimate = -1};
    r->mem = m;
    r->resolver = resolver;
    r->what = what;
    r->what.schema_only = true;
    r->what.column_count = -1;
    arena_init(&r->arena, m);
    arena_init(&r->run, m);
    status s = keep_name(r, err);
    if (s == OK) {
        s = call_open(r, nearest, &r->stream, err);
    }
    if (s == OK) {
        s = read_shape(r, &r->base.schema, &r->arena, err);
    }
    if (s == OK) {
        *out = &r->base;
        return OK;
    }
    if (nearest->data != NULL) {
        *nearest = arena_text(a, *nearest);
    }
    arrow_relation_close(&r->base);
    return s;
}
