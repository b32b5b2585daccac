/* SPDX-License-Identifier: Apache-2.0 */
/* bind_object.c - CREATE SOURCE and CREATE TABLE: columns, defaults, event time and options into an
 * object. */
#include <stdio.h>

#include "plan/bind.h"

#include "sql/parser.h"

/* ---- columns */

static status
refuse_constraints(error *err, const ast_statement *s) {
    if (s->kind != AST_CREATE_SOURCE || s->key_count + s->check_count == 0) {
        return OK;
    }
    const ast_key *key = s->key_count > 0 ? &s->keys[0] : NULL;
    error_set_at(err, ERR_INVALID_SCHEMA, key != NULL ? key->position : s->checks[0].expr->position,
                 "a SOURCE has no %s: it only takes new rows and never replaces one",
                 key == NULL    ? "CHECK"
                 : key->primary ? "PRIMARY KEY"
                                : "UNIQUE");
    error_hint(err, key == NULL ? "CREATE TABLE has CHECK; a stream can filter a source"
                                : "CREATE TABLE has keys; or GROUP BY the key in a stream");
    return ERR_INVALID_SCHEMA;
}

static status
bind_key(object_key *out, object *o, binder *b, const ast_key *key) {
    const int32_t count = key->column_count;
    *out = (object_key){.primary = key->primary, .column_count = count};
    out->columns = arena_alloc(b->arena, sizeof(int32_t) * (size_t)count);
    if (out->columns == NULL) {
        return out_of_memory(b);
    }
    if (count > KEY_COLUMNS_MAX) {
        return error_set_at(b->err, ERR_INVALID_SCHEMA, key->position,
                            "a key of %d columns; at most %d are possible", count, KEY_COLUMNS_MAX);
    }
    for (int32_t i = 0; i < count; i++) {
        const ast_name *name = &key->columns[i];
        const int32_t   at = schema_find(o->schema, name->text, name->quoted);
        assert(at >= 0); /* the parser looked */
        for (int32_t k = 0; k < i; k++) {
            if (out->columns[k] == at) {
                return error_set_at(b->err, ERR_INVALID_SCHEMA, name->position,
                                    "column \"%.*s\" stands twice in the key",
                                    TEXT_ARG(name->text));
            }
        }
        out->columns[i] = at;
        if (key->primary) {
            o->schema->fields[at].nullable = false;
        }
    }
    return OK;
}

static status
bind_keys(object *o, binder *b, const ast_statement *s) {
    if (s->key_count > KEYS_MAX) {
        return error_set_at(b->err, ERR_INVALID_SCHEMA, s->keys[KEYS_MAX].position,
                            "a table with %d keys; at most %d are possible", s->key_count,
                            KEYS_MAX);
    }
    o->key_defs = arena_alloc_zero(b->arena, sizeof(object_key) * (size_t)(s->key_count + 1));
    if (o->key_defs == NULL) {
        return out_of_memory(b);
    }
    for (int32_t i = 0; i < s->key_count; i++) {
        TRY(bind_key(&o->key_defs[i], o, b, &s->keys[i]));
    }
    o->key_def_count = s->key_count;
    o->on_conflict = s->conflict.action == AST_CONFLICT_NOTHING ? CONFLICT_NOTHING
                     : s->conflict.action == AST_CONFLICT_FAIL  ? CONFLICT_FAIL
                                                                : CONFLICT_REPLACE;
    return OK;
}

/* The text of an expression, in memory of the object. */
static status
keep_text(text *out, binder *b, const ast_expr *e) {
    buf shown;
    buf_init(&shown, b->arena->mem, 1 << 16);
    sql_print_expr(e, &shown);
    *out = shown.failed ? (text){NULL, 0} : arena_text(b->arena, buf_text(&shown));
    buf_fini(&shown);
    return out->data == NULL ? out_of_memory(b) : OK;
}

static status
bind_checks(object *o, binder *b, const ast_statement *s) {
    scope           columns;
    const plan_node rows = {.schema = *o->schema};
    o->checks = arena_alloc_zero(b->arena, sizeof(object_check) * (size_t)(s->check_count + 1));
    if (o->checks == NULL) {
        return out_of_memory(b);
    }
    TRY(scope_of_node(&columns, b, &rows, s->name.text));
    for (int32_t i = 0; i < s->check_count; i++) {
        object_check *check = &o->checks[i];
        context       where = {.binder = b, .scope = &columns, .clause = "CHECK"};
        expr         *e;
        TRY(bind_condition(&e, &where, s->checks[i].expr));
        check->condition = e;
        TRY(keep_text(&check->shown, b, s->checks[i].expr));
        if (s->checks[i].name.text.data != NULL) {
            check->name = arena_text(b->arena, s->checks[i].name.text);
        }
        o->check_count++;
    }
    return OK;
}

static status
check_name(const ast_statement *s, int32_t i, error *err) {
    const ast_name *name = &s->columns[i].name;
    TRY(catalog_check_name(name->text, name->position, err));
    for (int32_t j = 0; j < i; j++) {
        if (text_equal_nocase(s->columns[j].name.text, name->text)) {
            error_set_at(err, ERR_INVALID_SCHEMA, name->position,
                         "column \"%.*s\" is declared twice", TEXT_ARG(name->text));
            error_hint(err, "names differ in more than upper and lower case");
            return ERR_INVALID_SCHEMA;
        }
    }
    if (text_equal_nocase(name->text, TEXT("__weight"))) {
        error_set_at(err, ERR_INVALID_SCHEMA, name->position,
                     "\"__weight\" is the name of the change counts of EMIT CHANGES");
        error_hint(err, "give the column another name");
        return ERR_INVALID_SCHEMA;
    }
    return OK;
}

static status
fits(binder *b, status s, data_type t) {
    return s >= 0 || s == ERR_OUT_OF_MEMORY
               ? s
               : error_hint(b->err, "give a %s, or change the type of the column", type_name(t));
}

/* What never changes is computed here and now, so a value that does not fit is found out. */
static status
fold_default(object_default *out, binder *b, expr *e, data_type t) {
    value v, fitted;
    if (e->digits.size > 0) {
        TRY(cast_expr(&e, b, t));
    }
    TRY(located(b, expr_evaluate_constant(&v, e, b->arena, b->err), e->position));
    if (v.is_null) {
        return OK;
    }
    TRY(fits(b, located(b, value_cast(&fitted, &v, t, b->arena, b->err), e->position), t));
    fitted.type = t;
    out->value = make_constant(b, &fitted, e->position);
    return out->value == NULL ? out_of_memory(b) : OK;
}

static status
bind_default(object_default *out, binder *b, const ast_column_def *c, data_type t) {
    scope   nothing = {0};
    context where = {.binder = b, .scope = &nothing, .clause = "DEFAULT"};
    expr   *e;
    *out = (object_default){0};
    if (c->default_value == NULL) {
        return OK;
    }
    b->streaming = true; /* now() is no constant of the definition */
    TRY(bind_expr(&e, &where, c->default_value));
    if (expr_is_constant(e)) {
        TRY(fold_default(out, b, e, t));
    } else {
        TRY(fits(b, cast_expr(&e, b, t), t));
        out->value = e;
    }
    return out->value == NULL ? OK : keep_text(&out->shown, b, c->default_value);
}

static status
bind_columns(object *o, binder *b, const ast_statement *s) {
    const int32_t count = s->column_count;
    schema       *made = arena_alloc(b->arena, sizeof(*made));
    field        *fields = arena_alloc_zero(b->arena, (size_t)count * sizeof(*fields));
    o->defaults = arena_alloc_zero(b->arena, (size_t)count * sizeof(*o->defaults));
    if (made == NULL || fields == NULL || o->defaults == NULL) {
        return out_of_memory(b);
    }
    if (count == 0 || count > COLUMNS_MAX) {
        return error_set_at(b->err, ERR_INVALID_SCHEMA, s->name.position,
                            "\"%.*s\" has %d columns; 1 to %d are possible", TEXT_ARG(s->name.text),
                            count, COLUMNS_MAX);
    }
    for (int32_t i = 0; i < count; i++) {
        const ast_column_def *c = &s->columns[i];
        TRY(check_name(s, i, b->err));
        field *f = &fields[i];
        TRY(bind_type(&f->type, &c->type, ERR_INVALID_SCHEMA, b->err));
        if (f->type.id == TYPE_NULL) {
            return error_set_at(b->err, ERR_INVALID_SCHEMA, c->type.name.position,
                                "column \"%.*s\" cannot have the type NULL",
                                TEXT_ARG(c->name.text));
        }
        f->name = arena_text(b->arena, c->name.text);
        f->nullable = !c->not_null;
        if (f->name.data == NULL) {
            return out_of_memory(b);
        }
        TRY(bind_default(&o->defaults[i], b, c, f->type));
    }
    *made = (schema){.count = count, .fields = fields};
    o->schema = made;
    return OK;
}

/* ---- WATERMARK FOR c AS c - delay */

static status
watermark_form(binder *b, const ast_expr *e, text name) {
    error_set_at(b->err, ERR_INVALID_SCHEMA, e->position,
                 "the watermark of \"%.*s\" must be the column itself, or the column minus a "
                 "constant delay",
                 TEXT_ARG(name));
    error_hint(b->err, "write WATERMARK FOR %.*s AS %.*s - INTERVAL '5' SECOND", TEXT_ARG(name),
               TEXT_ARG(name));
    return ERR_INVALID_SCHEMA;
}

static bool
is_column(const ast_expr *e, text name) {
    return e->kind == AST_COLUMN && e->qualifier.text.data == NULL && name_matches(&e->name, name);
}

static status
bind_watermark(object *o, binder *b, const ast_statement *s) {
    const ast_name *wanted = &s->watermark_column;
    if (wanted->text.data == NULL) {
        return OK;
    }
    const int32_t at = schema_find(o->schema, wanted->text, wanted->quoted);
    if (at < 0) {
        text *names = arena_alloc(b->arena, (size_t)o->schema->count * sizeof(*names));
        if (names == NULL) {
            return out_of_memory(b);
        }
        for (int32_t i = 0; i < o->schema->count; i++) {
            names[i] = o->schema->fields[i].name;
        }
        error_set_at(b->err, ERR_INVALID_SCHEMA, wanted->position,
                     "WATERMARK FOR \"%.*s\": there is no such column", TEXT_ARG(wanted->text));
        hint_nearest(b, wanted->text, names, o->schema->count, "columns");
        return ERR_INVALID_SCHEMA;
    }
    const field *f = &o->schema->fields[at];
    if (f->type.id != TYPE_I64 && !type_is_time(f->type)) {
        error_set_at(b->err, ERR_INVALID_SCHEMA, wanted->position,
                     "WATERMARK FOR \"%.*s\": an event time is TIMESTAMP of any unit or BIGINT "
                     "(epoch milliseconds), and this is %s",
                     TEXT_ARG(wanted->text), type_name(f->type));
        error_hint(b->err, "declare %.*s TIMESTAMP", TEXT_ARG(f->name));
        return ERR_INVALID_SCHEMA;
    }
    o->event_time_column = at;
    const ast_expr *e = s->watermark;
    if (e == NULL || is_column(e, f->name)) {
        return OK;
    }
    if (e->kind != AST_BINARY || !text_equal(e->op, TEXT("-")) || !is_column(e->args[0], f->name) ||
        e->args[1]->kind == AST_COLUMN) {
        return watermark_form(b, e, f->name);
    }
    TRY(bind_duration(&o->delay_us, b, e->args[1], "the delay of a watermark"));
    return o->delay_us < 0 ? watermark_form(b, e, f->name) : OK;
}

/* ---- WITH (...) */

typedef struct known_option {
    const char *name;
    const char *word;    /* the one value it can have; NULL: another kind of value */
    const char *meaning; /* of the word */
    status (*bind)(object *o, binder *b, const ast_option *given);
    bool of_source, of_stream; /* who has it; tables are like sources */
} known_option;

static status
bind_manual(object *o, binder *b, const ast_option *given) {
    (void)b;
    (void)given;
    o->manual_watermark = true;
    return OK;
}

/* A length of time that is longer than nothing. */
static status
bind_length(int64_t *us, binder *b, const ast_option *given) {
    char what[64];
    (void)snprintf(what, sizeof(what), "option \"%.*s\"",
                   (int)(given->name.text.size < 40 ? given->name.text.size : 40),
                   given->name.text.data);
    TRY(bind_duration(us, b, given->value, what));
    if (*us > 0) {
        return OK;
    }
    error_set_at(b->err, ERR_INVALID_SCHEMA, given->value->position,
                 "%s must be longer than nothing", what);
    return error_hint(b->err, "write '1 s', or milliseconds: 1000; leave it out for none");
}

static status
bind_idle_timeout(object *o, binder *b, const ast_option *given) {
    return bind_length(&o->idle_timeout_us, b, given);
}

static status
bind_buffer_size(object *o, binder *b, const ast_option *given) {
    value v;
    TRY(bind_constant(&v, b, given->value, "WITH"));
    if (!v.is_null && type_is_integer(v.type) && v.i > 0) {
        o->buffer_size = v.i;
        return OK;
    }
    error_set_at(b->err, ERR_INVALID_SCHEMA, given->value->position,
                 "option \"buffer_size\" is a number of rows, 1 or more");
    return error_hint(b->err, "write buffer_size = 65536; leave it out to share the database's");
}

static status
bind_future_skew(object *o, binder *b, const ast_option *given) {
    return bind_length(&o->future_skew_us, b, given);
}

static status
bind_state_ttl(object *o, binder *b, const ast_option *given) {
    return bind_length(&o->state_ttl_us, b, given);
}

static status
bind_shards(object *o, binder *b, const ast_option *given) {
    value v;
    TRY(bind_constant(&v, b, given->value, "WITH"));
    if (!v.is_null && type_is_integer(v.type) && v.i >= 1 && v.i <= SHARDS_MAX) {
        o->shards = (int32_t)v.i;
        return OK;
    }
    error_set_at(b->err, ERR_INVALID_SCHEMA, given->value->position,
                 "option \"shards\" is a number of parts, 1 to %d", SHARDS_MAX);
    return error_hint(b->err, "write shards = 2, or as many as threads may work on one stream");
}

/* 'N rows' into N; false: something else. */
static bool
read_row_count(int64_t *rows, text t) {
    *rows = 0;
    size_t i = 0;
    for (; i < t.size && ((t.data[i] >= '0' && t.data[i] <= '9') || (i > 0 && t.data[i] == '_'));
         i++) {
        if (t.data[i] != '_') {
            *rows = sat_add_i64(sat_mul_i64(*rows, 10), t.data[i] - '0');
        }
    }
    const text word = {t.data + i, t.size - i};
    return i > 0 &&
           (text_equal_nocase(word, TEXT(" rows")) || text_equal_nocase(word, TEXT(" row")));
}

static status
refuse_retain(binder *b, const ast_option *given) {
    error_set_at(b->err, ERR_INVALID_SCHEMA, given->value->position,
                 "a table keeps its rows until they are deleted");
    return error_hint(b->err, "leave retain out; a SOURCE has it, whose rows only come");
}

static status
bind_retain(object *o, binder *b, const ast_option *given) {
    value v;
    TRY(bind_constant(&v, b, given->value, "WITH"));
    const bool is_text = !v.is_null && v.type.id == TYPE_TEXT;
    o->retain_amount = 0;
    if (is_text && text_equal_nocase(v.s, TEXT("all"))) {
        o->retain = RETAIN_ALL;
        return OK;
    }
    if (o->kind != OBJECT_SOURCE && o->kind != OBJECT_STREAM) {
        return refuse_retain(b, given);
    }
    if (is_text &&
        (text_equal_nocase(v.s, TEXT("none")) || read_row_count(&o->retain_amount, v.s))) {
        o->retain = RETAIN_ROWS;
        return OK;
    }
    o->retain = RETAIN_TIME;
    if (is_text) {
        const status read = bind_length(&o->retain_amount, b, given);
        return read < 0 && read != ERR_OUT_OF_MEMORY
                   ? error_hint(b->err, "write '1 hour', '1000000 rows', 'all' or 'none'")
                   : read;
    }
    return bind_length(&o->retain_amount, b, given);
}

static status
bind_history(object *o, binder *b, const ast_option *given) {
    value v;
    TRY(bind_constant(&v, b, given->value, "WITH"));
    const bool is_text = !v.is_null && v.type.id == TYPE_TEXT;
    if (o->kind != OBJECT_TABLE) {
        error_set_at(b->err, ERR_INVALID_SCHEMA, given->name.position,
                     "history is about rows that change, and those of a source only come");
        return error_hint(b->err, "leave it out: retain says which of its rows a source keeps");
    }
    o->history_us = 0;
    o->bounded_history = !(is_text && text_equal_nocase(v.s, TEXT("all")));
    if (!o->bounded_history || (is_text && text_equal_nocase(v.s, TEXT("none")))) {
        return OK;
    }
    const status read = bind_length(&o->history_us, b, given);
    return read < 0 && read != ERR_OUT_OF_MEMORY
               ? error_hint(b->err, "write '1 hour', 'all' or 'none'")
               : read;
}

static status
set_time_unit(object *o, binder *b, const ast_option *given, time_unit unit) {
    field *f = o->event_time_column < 0 ? NULL : &o->schema->fields[o->event_time_column];
    if (f == NULL || f->type.id != TYPE_I64) {
        error_set_at(b->err, ERR_INVALID_SCHEMA, given->name.position,
                     "time_unit is about a BIGINT event time, and \"%.*s\" has %s",
                     TEXT_ARG(o->name), f == NULL ? "none" : type_name(f->type));
        return error_hint(b->err, f == NULL ? "name the column: WATERMARK FOR ts"
                                            : "leave it out: the type has a unit of its own");
    }
    f->type = type_bigint_time(unit);
    return OK;
}

static status
bind_time_unit(object *o, binder *b, const ast_option *given) {
    static const char *const names[] = {
        [TIME_UNIT_MS] = "ms", [TIME_UNIT_S] = "s", [TIME_UNIT_US] = "us", [TIME_UNIT_NS] = "ns"};
    value v;
    TRY(bind_constant(&v, b, given->value, "WITH"));
    for (int32_t i = 0; i < ARRAY_COUNT(names) && !v.is_null && v.type.id == TYPE_TEXT; i++) {
        if (text_equal_nocase(v.s, text_of(names[i]))) {
            return set_time_unit(o, b, given, (time_unit)i);
        }
    }
    error_set_at(b->err, ERR_INVALID_SCHEMA, given->value->position,
                 "option \"time_unit\" is 's', 'ms', 'us' or 'ns'");
    return error_hint(b->err, "it says what a BIGINT event time counts since 1970; leave it out "
                              "for milliseconds");
}

static const known_option options[] = {
    {"watermark", "manual", "the writer moves the watermark", bind_manual, true, false},
    {"retain", NULL, NULL, bind_retain, true, true},
    {"history", NULL, NULL, bind_history, true, false},
    {"idle_timeout", NULL, NULL, bind_idle_timeout, true, false},
    {"buffer_size", NULL, NULL, bind_buffer_size, true, false},
    {"max_future_skew", NULL, NULL, bind_future_skew, true, false},
    {"time_unit", NULL, NULL, bind_time_unit, true, false},
    {"state_ttl", NULL, NULL, bind_state_ttl, false, true},
    {"shards", NULL, NULL, bind_shards, false, true},
};

static bool
has_option(const object *o, const known_option *k) {
    return o->kind == OBJECT_STREAM ? k->of_stream : k->of_source;
}

static status
unknown_option(const object *of, binder *b, const ast_option *o) {
    text    names[ARRAY_COUNT(options)];
    int32_t count = 0;
    for (int32_t i = 0; i < ARRAY_COUNT(options); i++) {
        names[count] = text_of(options[i].name);
        count += has_option(of, &options[i]);
    }
    error_set_at(b->err, ERR_INVALID_SCHEMA, o->name.position, "unknown option \"%.*s\"",
                 TEXT_ARG(o->name.text));
    hint_nearest(b, o->name.text, names, count, "options");
    return ERR_INVALID_SCHEMA;
}

static status
check_word(binder *b, const known_option *k, const ast_option *given) {
    value v;
    TRY(bind_constant(&v, b, given->value, "WITH"));
    if (!v.is_null && v.type.id == TYPE_TEXT && text_equal_nocase(v.s, text_of(k->word))) {
        return OK;
    }
    error_set_at(b->err, ERR_INVALID_SCHEMA, given->value->position,
                 "option \"%s\" has the one value '%s': %s", k->name, k->word, k->meaning);
    error_hint(b->err, "write %s = '%s', or leave it out", k->name, k->word);
    return ERR_INVALID_SCHEMA;
}

static status
bind_option(object *o, binder *b, const ast_option *given) {
    int32_t at = 0;
    while (at < ARRAY_COUNT(options) &&
           !(has_option(o, &options[at]) &&
             text_equal_nocase(given->name.text, text_of(options[at].name)))) {
        at++;
    }
    if (at == ARRAY_COUNT(options)) {
        return unknown_option(o, b, given);
    }
    const known_option *k = &options[at];
    TRY(k->word != NULL ? check_word(b, k, given) : OK);
    return k->bind != NULL ? k->bind(o, b, given) : OK;
}

/* Rows do not move a manual watermark, but windows must know which column it is about. */
static status
settle_manual(object *o, binder *b, const ast_statement *s) {
    int32_t found = o->event_time_column, count = found >= 0;
    for (int32_t i = 0; i < o->schema->count && o->event_time_column < 0; i++) {
        if (type_is_time(o->schema->fields[i].type)) {
            found = i;
            count++;
        }
    }
    if (count != 1) {
        error_set_at(b->err, ERR_INVALID_SCHEMA, s->name.position,
                     "a manual watermark is about one event-time column, and \"%.*s\" has %s",
                     TEXT_ARG(o->name), count == 0 ? "no TIMESTAMP" : "several");
        error_hint(b->err, "name it: WATERMARK FOR ts (BIGINT in epoch milliseconds will do)");
        return ERR_INVALID_SCHEMA;
    }
    o->event_time_column = found;
    o->delay_us = INT64_MAX;
    return OK;
}

/* As if it were written: retain = 'text'. */
static status
apply_retain(object *o, binder *b, text retain) {
    ast_expr    *literal = NULL;
    const size_t room = 2 * retain.size + 3;
    char        *quoted = arena_alloc(b->arena, room);
    size_t       size = 1;
    if (quoted == NULL) {
        return out_of_memory(b);
    }
    quoted[0] = '\'';
    for (size_t i = 0; i < retain.size; i++) {
        quoted[size++] = retain.data[i];
        if (retain.data[i] == '\'') {
            quoted[size++] = '\'';
        }
    }
    quoted[size++] = '\'';
    TRY(sql_parse_expression(&literal, b->arena, (text){quoted, size}, b->err));
    const ast_option given = {.name = {.text = TEXT("retain"), .position = -1}, .value = literal};
    return bind_retain(o, b, &given);
}

status
plan_check_retain(const plan_env *env, arena *a, text retain, error *err) {
    error  ignored;
    binder b = {.arena = a, .env = env, .err = err == NULL ? &ignored : err};
    object o = {.kind = OBJECT_SOURCE};
    return apply_retain(&o, &b, retain);
}

static bool
says_retain(const ast_statement *s) {
    for (int32_t i = 0; i < s->option_count; i++) {
        if (text_equal_nocase(s->options[i].name.text, TEXT("retain"))) {
            return true;
        }
    }
    return false;
}

status
plan_stream_options(object *out, const plan_env *env, const ast_statement *s, error *err) {
    binder b = {.arena = &out->arena, .env = env, .err = err};
    for (int32_t i = 0; i < s->option_count; i++) {
        TRY(bind_option(out, &b, &s->options[i]));
    }
    return OK;
}

status
plan_check_names(const schema *columns, const ast_statement *s, error *err) {
    for (int32_t i = 0; i < columns->count; i++) {
        const text name = columns->fields[i].name;
        TRY(catalog_check_name(name, s->select->position, err));
        for (int32_t j = 0; j < i; j++) {
            if (text_equal_nocase(columns->fields[j].name, name)) {
                error_set_at(err, ERR_INVALID_SCHEMA, s->select->position,
                             "the query of \"%.*s\" gives two columns the name \"%.*s\"",
                             TEXT_ARG(s->name.text), TEXT_ARG(name));
                error_hint(err, "give one of them another name: ... AS other");
                return ERR_INVALID_SCHEMA;
            }
        }
    }
    return OK;
}

status
plan_object_of(object *out, const ast_statement *s, const schema *columns, error *err) {
    const int32_t count = columns->count;
    schema       *made = schema_copy(columns, &out->arena);
    out->defaults = arena_alloc_zero(&out->arena, (size_t)count * sizeof(*out->defaults));
    if (made == NULL || out->defaults == NULL) {
        return error_memory(err);
    }
    TRY(plan_check_names(columns, s, err));
    for (int32_t i = 0; i < count; i++) {
        field *f = &made->fields[i];
        f->type = f->type.id == TYPE_NULL ? type_of(TYPE_TEXT) : f->type;
        f->nullable = true;
    }
    out->schema = made;
    out->append_only = false;
    return OK;
}

status
plan_object(object *out, const catalog *c, const plan_env *env, const ast_statement *s,
            error *err) {
    binder b = {.arena = &out->arena, .catalog = c, .env = env, .err = err};
    TRY(refuse_constraints(err, s));
    TRY(bind_columns(out, &b, s));
    TRY(bind_keys(out, &b, s));
    TRY(bind_checks(out, &b, s));
    TRY(bind_watermark(out, &b, s));
    for (int32_t i = 0; i < s->option_count; i++) {
        TRY(bind_option(out, &b, &s->options[i]));
    }
    if (out->kind == OBJECT_SOURCE && env->retain.size > 0 && !says_retain(s)) {
        TRY(apply_retain(out, &b, env->retain));
    }
    TRY(out->manual_watermark ? settle_manual(out, &b, s) : OK);
    out->append_only = out->kind == OBJECT_SOURCE;
    out->inputs = b.objects;
    out->input_count = b.object_count;
    return OK;
}
