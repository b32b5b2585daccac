/* SPDX-License-Identifier: Apache-2.0 */
/* parameters.c - see parameters.h. */
#include "db/parameters.h"

#include "db/values.h"
#include "type/nested.h"

/* ---------------------------------------------------------------------------------- values */
static status
refuse_value(int32_t at, const char *const *names, const char *what, error *err) {
    if (names != NULL) {
        return error_set(err, ERR_QUERY_FAILED, "parameter \"%.200s\": %s", names[at], what);
    }
    return error_set(err, ERR_QUERY_FAILED, "parameter %d: %s", at + 1, what);
}

status
parameters_read(parameters *out, arena *a, const laminar_value *given, const char *const *names,
                int32_t count, error *err) {
    *out = (parameters){.count = count};
    value *values = arena_alloc(a, sizeof(*values) * (size_t)(count + 1));
    text  *texts = arena_alloc(a, sizeof(*texts) * (size_t)(count + 1));
    if (values == NULL || texts == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        error        why = {0};
        const status s = value_read(&values[i], &given[i], NULL, a, &why);
        if (s < 0) {
            return s == ERR_OUT_OF_MEMORY ? error_memory(err)
                                          : refuse_value(i, names, why.message, err);
        }
        texts[i] = names == NULL ? TEXT("") : text_of(names[i]);
    }
    out->values = values;
    out->names = names == NULL ? NULL : texts;
    return OK;
}

/* ---------------------------------------------------------------------------------- binding */
static status
bind_position(const parameters *p, ast_expr *e, int32_t *highest, error *err) {
    if (e->number == 0) {
        error_set_at(err, ERR_QUERY_FAILED, e->position,
                     "parameter \"%.*s\" has a name, and the values were given by position",
                     TEXT_ARG(e->text));
        error_hint(err, "give the values by name, or write $1");
        return ERR_QUERY_FAILED;
    }
    if (e->number > p->count) {
        return error_set_at(err, ERR_QUERY_FAILED, e->position,
                            "parameter %d has no value: %d %s given", e->number, p->count,
                            p->count == 1 ? "was" : "were");
    }
    *highest = e->number > *highest ? e->number : *highest;
    e->value = &p->values[e->number - 1];
    return OK;
}

static status
bind_name(const parameters *p, ast_expr *e, bool *used, error *err) {
    if (e->text.size == 0) {
        error_set_at(err, ERR_QUERY_FAILED, e->position,
                     "parameter %d stands by position, and the values were given by name",
                     e->number);
        error_hint(err, "give the values as a list, or write $name in place of ?");
        return ERR_QUERY_FAILED;
    }
    for (int32_t i = 0; i < p->count; i++) {
        if (text_equal(p->names[i], e->text)) {
            e->value = &p->values[i];
            used[i] = true;
            return OK;
        }
    }
    error_set_at(err, ERR_QUERY_FAILED, e->position, "parameter \"%.*s\" has no value",
                 TEXT_ARG(e->text));
    const int32_t nearest = text_nearest(e->text, p->names, p->count);
    if (nearest >= 0) {
        error_hint(err, "a value was given for \"%.*s\"", TEXT_ARG(p->names[nearest]));
    }
    return ERR_QUERY_FAILED;
}

static int32_t
count_parameters(const ast_script *script) {
    int32_t count = 0;
    for (int32_t i = 0; i < script->count; i++) {
        count += script->statements[i]->parameter_count;
    }
    return count;
}

static status
check_names(const parameters *p, const ast_script *script, const bool *used, mem *m, error *err) {
    int32_t unknown = 0;
    while (unknown < p->count && used[unknown]) {
        unknown++;
    }
    if (unknown == p->count) {
        return OK;
    }
    error_set(err, ERR_QUERY_FAILED, "there is no parameter \"%.*s\" in the statement",
              TEXT_ARG(p->names[unknown]));
    const int32_t count = count_parameters(script);
    text         *names = mem_alloc(m, sizeof(*names) * (size_t)(count + 1));
    if (names == NULL) {
        return error_memory(err);
    }
    int32_t n = 0;
    for (int32_t i = 0; i < script->count; i++) {
        for (int32_t k = 0; k < script->statements[i]->parameter_count; k++) {
            names[n++] = script->statements[i]->parameters[k]->text;
        }
    }
    const int32_t nearest = text_nearest(p->names[unknown], names, n);
    if (nearest >= 0) {
        error_hint(err, "did you mean \"%.*s\"?", TEXT_ARG(names[nearest]));
    }
    mem_free(m, names, sizeof(*names) * (size_t)(count + 1));
    return ERR_QUERY_FAILED;
}

static status
bind_all(const parameters *p, const ast_script *script, bool *used, int32_t *highest, error *err) {
    for (int32_t i = 0; i < script->count; i++) {
        const ast_statement *s = script->statements[i];
        for (int32_t k = 0; k < s->parameter_count; k++) {
            TRY(p->names != NULL ? bind_name(p, s->parameters[k], used, err)
                                 : bind_position(p, s->parameters[k], highest, err));
        }
    }
    return OK;
}

status
parameters_bind(const parameters *p, const ast_script *script, mem *m, error *err) {
    int32_t highest = 0;
    bool   *used = mem_alloc_zero(m, (size_t)p->count + 1);
    if (used == NULL) {
        return error_memory(err);
    }
    status s = bind_all(p, script, used, &highest, err);
    if (s == OK && p->names != NULL) {
        s = check_names(p, script, used, m, err);
    } else if (s == OK && highest < p->count) {
        s = error_set(err, ERR_QUERY_FAILED, "%d values were given, and the statement has %d %s",
                      p->count, highest, highest == 1 ? "parameter" : "parameters");
    }
    mem_free(m, used, (size_t)p->count + 1);
    return s;
}

/* ---------------------------------------------------------------------------------- as text */
/* CAST keeps the type where a bare literal would have another one. */
static void
print_literal(const value *v, buf *out) {
    if (v->is_null) {
        buf_append_text(out, TEXT("NULL"));
        return;
    }
    if (v->type.id == TYPE_TEXT) {
        buf_append_quoted(out, v->s, '\'');
        return;
    }
    if (type_is_nested(v->type)) {
        buf shown;
        buf_init(&shown, out->mem, out->size_max);
        out->failed |= !value_format(v, &shown);
        buf_append_text(out, TEXT("CAST("));
        buf_append_quoted(out, buf_text(&shown), '\'');
        buf_printf(out, " AS %s)", type_name(v->type));
        buf_fini(&shown);
        return;
    }
    if (v->type.id == TYPE_BLOB) {
        buf_append_text(out, TEXT("CAST('"));
        (void)value_format(v, out); /* quotes are escaped in it */
        buf_append_text(out, TEXT("' AS BLOB)"));
        return;
    }
    char       written[VALUE_TEXT_MAX];
    const text shown = {written, value_write(v, written)};
    if (v->type.id == TYPE_BOOL) {
        buf_append_text(out, v->b ? TEXT("TRUE") : TEXT("FALSE"));
        return;
    }
    buf_append_text(out, TEXT("CAST("));
    buf_append_quoted(out, shown, '\'');
    buf_printf(out, " AS %s)", type_name(v->type));
}

typedef struct definition {
    const ast_statement *statement;
    text                 sql;
    const star_text     *stars;
    buf                 *out;
} definition;

static void print_range(const definition *d, int32_t at, int32_t end);

static void
print_star(const definition *d, const star_text *s) {
    buf_append_text(d->out, s->implied == AST_IMPLIED_NOT ? TEXT("") : TEXT("SELECT "));
    for (int32_t i = 0; i < s->count; i++) {
        const struct star_part *part = &s->parts[i];
        buf_append_text(d->out, i > 0 ? TEXT(", ") : TEXT(""));
        buf_append_text(d->out, part->shown);
        if (part->from >= 0) {
            print_range(d, part->from, part->end);
        }
        if (part->alias.data != NULL) {
            buf_append_text(d->out, TEXT(" AS "));
            buf_append_text(d->out, part->alias);
        }
    }
    buf_append_text(d->out, s->implied == AST_IMPLIED_FROM    ? TEXT(" ")
                            : s->implied == AST_IMPLIED_TABLE ? TEXT(" FROM")
                                                              : TEXT(""));
}

static const ast_expr *
next_parameter(const definition *d, int32_t at) {
    for (int32_t i = 0; i < d->statement->parameter_count; i++) { /* in the order of the text */
        const ast_expr *e = d->statement->parameters[i];
        if (e->value != NULL && e->position >= at) {
            return e;
        }
    }
    return NULL;
}

/* The first star from `at` on, but for those that are done: empty text is found again. */
static const star_text *
next_star(const definition *d, int32_t at, const star_text *done) {
    const star_text *first = NULL;
    for (const star_text *s = d->stars; s != NULL; s = s->next) {
        if (s->from >= at && s != done && (first == NULL || s->from < first->from)) {
            first = s;
        }
    }
    return first;
}

static void
print_range(const definition *d, int32_t at, int32_t end) {
    const star_text *done = NULL;
    for (;;) {
        const ast_expr  *parameter = next_parameter(d, at);
        const star_text *star = next_star(d, at, done);
        const int32_t    to = (int32_t)min_i64(
            min_i64(parameter == NULL ? end : parameter->position, star == NULL ? end : star->from),
            end);
        buf_append(d->out, d->sql.data + at, (size_t)(to - at));
        if (star != NULL && star->from == to && to < end) {
            print_star(d, star);
            done = star;
            at = star->end;
        } else if (parameter != NULL && parameter->position == to && to < end) {
            print_literal(parameter->value, d->out);
            at = parameter->end;
        } else {
            return;
        }
    }
}

void
definition_print(const ast_statement *s, text sql, const star_text *stars, buf *out) {
    const definition d = {.statement = s, .sql = sql, .stars = stars, .out = out};
    print_range(&d, s->position, s->end);
}
