/* SPDX-License-Identifier: Apache-2.0 */
/* bind_star.c - the select list: what * and t.* stand for with all that may be behind them, and
 * expressions with COLUMNS(...), which are bound once for each of its columns.
 *
 * What a star stands for is found once per place in the text (query.stars). */
#include "plan/bind.h"

#include <stdio.h>

#include "regex/regex.h"
#include "sql/parser.h"
#include "type/nested.h"

/* ---- names */

/* The text of an expression as written, white space (and nothing else) made single, and no control
 * character in what is quoted. */
static status
written_text(text *out, binder *b, const ast_expr *e) {
    const text sql = b->sql;
    if (e->position < 0 || e->end <= e->position || (size_t)e->end > sql.size) {
        *out = TEXT("expression");
        return OK;
    }
    const char  *from = sql.data + e->position;
    const size_t size = (size_t)(e->end - e->position);
    char        *to = arena_alloc(b->arena, size + 1);
    if (to == NULL) {
        return out_of_memory(b);
    }
    size_t count = 0;
    char   quote = '\0';
    for (size_t i = 0; i < size; i++) {
        const char c = from[i];
        const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (blank) {
            if (count > 0 && to[count - 1] != ' ') {
                to[count++] = ' ';
            }
            continue;
        }
        to[count++] = (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c;
    }
    to[count] = '\0';
    *out = (text){to, count};
    return OK;
}

static status
item_name(text *out, query *q, const ast_item *item) {
    if (item->alias.text.data != NULL) {
        *out = item->alias.text;
        return OK;
    }
    const ast_expr *e = item->expr;
    if (e->kind == AST_POSITION && e->number >= 1 && e->number <= q->scope.star_count) {
        *out = q->scope.columns[q->scope.star[e->number - 1]].name;
        return OK;
    }
    if (e->kind != AST_COLUMN) {
        return written_text(out, q->binder, e);
    }
    *out = e->name.text;
    for (int32_t i = 0; i < q->scope.count; i++) {
        const scope_column *c = &q->scope.columns[i];
        const bool table = e->qualifier.text.data == NULL || name_matches(&e->qualifier, c->table);
        if (table && name_matches(&e->name, c->name)) {
            *out = c->name; /* as declared */
            return OK;
        }
    }
    return OK;
}

/* ---- what a star stands for */

/* Does the name match the pattern behind the star? */
static status
matches_pattern(bool *out, binder *b, const ast_star *s, text name) {
    const int32_t at = s->pattern_position;
    ast_expr      sides[2] = {{.kind = AST_STRING, .position = at, .text = name},
                              {.kind = AST_STRING, .position = at, .text = s->pattern}};
    ast_expr     *args[2] = {&sides[0], &sides[1]};
    ast_expr      like = {.kind = AST_LIKE,
                          .position = s->pattern_position,
                          .op = s->op,
                          .negated = s->negated,
                          .arg_count = 2,
                          .args = args};
    value         v;
    TRY(bind_constant(&v, b, &like, "*"));
    *out = !v.is_null && v.b;
    return OK;
}

static status
make_regex(regex **out, binder *b, const ast_expr *e) {
    *out = NULL;
    return e->text.data == NULL
               ? OK
               : located(b, regex_compile(out, b->arena, e->text, 0, 9, b->err), e->name.position);
}

/* The columns, before any list behind the star is looked at. */
static status
list_columns(star_list *out, query *q, const ast_expr *e) {
    binder       *b = q->binder;
    const bool    all = e->qualifier.text.data == NULL;
    const int32_t total = all ? q->scope.star_count : q->scope.count;
    regex        *r;
    TRY(make_regex(&r, b, e));
    out->columns = arena_alloc_zero(b->arena, (size_t)total * sizeof(*out->columns));
    TRY(out->columns == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < total; i++) {
        const int32_t       at = all ? q->scope.star[i] : i;
        const scope_column *c = &q->scope.columns[at];
        bool                kept = all || name_matches(&e->qualifier, c->table);
        if (kept && r != NULL) {
            regex_span spans[10];
            kept = regex_search(r, c->name, 0, spans);
        }
        if (kept && e->star != NULL && e->star->op.size > 0) {
            TRY(matches_pattern(&kept, b, e->star, c->name));
        }
        if (kept && e->operand != NULL) {
            TRY(columns_take(&kept, b, e, c->name));
        }
        if (kept) {
            out->columns[out->count++] =
                (star_column){.column = at, .written = c->name, .name = c->name};
        }
    }
    return OK;
}

/* struct_extract(s, i) */
static status
field_text(const ast_expr **out, binder *b, const ast_expr *star, int32_t at) {
    ast_expr  *made = arena_alloc_zero(b->arena, 3 * sizeof(*made));
    ast_expr **args = arena_alloc(b->arena, 2 * sizeof(*args));
    char       digits[16];
    const int  size = snprintf(digits, sizeof(digits), "%d", at + 1);
    const text number = arena_text(b->arena, (text){digits, (size_t)size});
    TRY(made == NULL || args == NULL || number.data == NULL ? out_of_memory(b) : OK);
    args[0] = &made[1];
    args[1] = &made[2];
    made[0] = (ast_expr){.kind = AST_CALL,
                         .position = star->position,
                         .name = {.text = TEXT("struct_extract")},
                         .arg_count = 2,
                         .args = args};
    made[1] = (ast_expr){.kind = AST_COLUMN, .position = star->position, .name = star->qualifier};
    made[2] = (ast_expr){.kind = AST_INTEGER, .position = star->position, .text = number};
    *out = made;
    return OK;
}

/* s.* where no table is named s: the fields of a STRUCT. */
static status
list_fields(star_list *out, query *q, const ast_expr *e) {
    static const ast_name none = {.position = -1};
    binder               *b = q->binder;
    int32_t               at;
    TRY(scope_find(&at, b, &q->scope, &none, &e->qualifier));
    if (at < 0 || q->scope.columns[at].type.id != TYPE_STRUCT) {
        return OK;
    }
    const data_type t = q->scope.columns[at].type;
    const int32_t   count = type_field_count(t);
    out->columns = arena_alloc_zero(b->arena, (size_t)count * sizeof(*out->columns));
    TRY(out->columns == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < count; i++) {
        const text name = type_field(t, i).name;
        bool       kept = true;
        if (e->star != NULL && e->star->op.size > 0) {
            TRY(matches_pattern(&kept, b, e->star, name));
        }
        if (kept) {
            star_column *to = &out->columns[out->count++];
            *to = (star_column){.column = at, .written = name, .name = name};
            to->name = name.size > 0 ? name : q->scope.columns[at].name;
            TRY(field_text(&to->replaced, b, e, i));
        }
    }
    return OK;
}

static status
nothing_listed(query *q, const ast_expr *e, const ast_select *select) {
    binder *b = q->binder;
    if (select->from == NULL) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     "* has nothing to stand for: there is no FROM clause");
        error_hint(b->err, "add FROM and a table");
        return ERR_QUERY_FAILED;
    }
    if (e->operand != NULL) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->operand->position,
                            "no column has a name for which this is true");
    }
    if (e->text.data == NULL && (e->star == NULL || e->star->op.size == 0)) {
        context c = {.binder = b, .scope = &q->scope, .query = q, .clause = "SELECT"};
        return scope_unknown(b, &c, e);
    }
    text *names = arena_alloc(b->arena, (size_t)q->scope.star_count * sizeof(*names));
    TRY(names == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < q->scope.star_count; i++) {
        names[i] = q->scope.columns[q->scope.star[i]].name;
    }
    const text pattern = e->text.data != NULL ? e->text : e->star->pattern;
    error_set_at(b->err, ERR_QUERY_FAILED,
                 e->text.data != NULL ? e->name.position : e->star->pattern_position,
                 "no column has a name that matches '%.*s'", TEXT_ARG(pattern));
    hint_nearest(b, pattern, names, q->scope.star_count, "columns");
    return ERR_QUERY_FAILED;
}

/* The place of a name of EXCLUDE, REPLACE or RENAME in the list. `from`: where to look on; *at -1:
 * there is none. */
static void
find_listed(int32_t *at, const query *q, const star_list *list, const ast_name *qualifier,
            const ast_name *name, int32_t from) {
    *at = -1;
    for (int32_t i = from; i < list->count && *at < 0; i++) {
        const scope_column *c = &q->scope.columns[list->columns[i].column];
        const bool table = qualifier->text.data == NULL || name_matches(qualifier, c->table);
        *at = table && name_matches(name, list->columns[i].written) ? i : -1;
    }
}

static status
not_listed(query *q, const star_list *list, const ast_name *name, const char *word) {
    binder *b = q->binder;
    text   *names = arena_alloc(b->arena, (size_t)list->count * sizeof(*names));
    TRY(names == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < list->count; i++) {
        names[i] = list->columns[i].name;
    }
    error_set_at(b->err, ERR_QUERY_FAILED, name->position,
                 word == NULL ? "column \"%.*s\" does not exist"
                              : "column \"%.*s\" of %s is not among the columns of *",
                 TEXT_ARG(name->text), word);
    hint_nearest(b, name->text, names, list->count, "columns");
    return ERR_QUERY_FAILED;
}

/* EXCLUDE (COLUMNS(...)) */
static status
exclude_such(query *q, star_list *list, const ast_star *s) {
    for (int32_t i = 0; i < s->without_count; i++) {
        const star_list *gone;
        TRY(star_expand(&gone, q, s->withouts[i]));
        for (int32_t k = 0; k < gone->count; k++) {
            for (int32_t at = 0; at < list->count; at++) {
                list->columns[at].excluded |= list->columns[at].column == gone->columns[k].column;
            }
        }
    }
    return OK;
}

static status
exclude_columns(query *q, star_list *list, const ast_star *s) {
    TRY(exclude_such(q, list, s));
    for (int32_t i = 0; i < s->exclude_count; i++) {
        const ast_rename *part = &s->excludes[i];
        int32_t           at;
        find_listed(&at, q, list, &part->qualifier, &part->name, 0);
        TRY(at < 0 ? not_listed(q, list, &part->name, s->may_be_empty ? NULL : "EXCLUDE") : OK);
        while (at >= 0) { /* of both sides of a join, when it is not said of which */
            list->columns[at].excluded = true;
            find_listed(&at, q, list, &part->qualifier, &part->name, at + 1);
        }
    }
    for (int32_t i = 0; i < s->rename_count; i++) {
        const ast_rename *part = &s->renames[i];
        int32_t           at;
        find_listed(&at, q, list, &part->qualifier, &part->name, 0);
        TRY(at < 0 ? not_listed(q, list, &part->name, "RENAME") : OK);
        if (list->columns[at].excluded) {
            return error_set_at(q->binder->err, ERR_QUERY_FAILED, part->name.position,
                                "column \"%.*s\" stands in EXCLUDE and in RENAME",
                                TEXT_ARG(part->name.text));
        }
        list->columns[at].name = part->to.text;
    }
    return OK;
}

static bool
is_listed_twice(const ast_expr *e, int32_t at) {
    for (int32_t i = 0; i < at; i++) {
        if (text_equal_nocase(e->arg_names[i].text, e->arg_names[at].text)) {
            return true;
        }
    }
    return false;
}

static status
replace_columns(query *q, star_list *list, const ast_expr *e) {
    static const ast_name none = {.position = -1};
    for (int32_t i = 0; i < e->arg_count; i++) {
        const ast_name *name = &e->arg_names[i];
        int32_t         at;
        find_listed(&at, q, list, &none, name, 0);
        TRY(at < 0 ? not_listed(q, list, name, "REPLACE") : OK);
        if (list->columns[at].excluded || is_listed_twice(e, i)) {
            return error_set_at(q->binder->err, ERR_QUERY_FAILED, name->position,
                                "column \"%.*s\" stands in %s", TEXT_ARG(name->text),
                                list->columns[at].excluded ? "EXCLUDE and in REPLACE"
                                                           : "REPLACE twice");
        }
        list->columns[at].replaced = e->args[i];
    }
    return OK;
}

status
star_expand(const star_list **out, query *q, const ast_expr *e) {
    binder *b = q->binder;
    for (star_list *l = q->stars; l != NULL; l = l->next) {
        if (l->ast == e) {
            *out = l;
            return OK;
        }
    }
    star_list *made = arena_alloc_zero(b->arena, sizeof(*made));
    TRY(made == NULL ? out_of_memory(b) : OK);
    made->ast = e;
    TRY(list_columns(made, q, e));
    TRY(made->count == 0 && e->qualifier.text.data != NULL ? list_fields(made, q, e) : OK);
    TRY(made->count == 0 && q->scope.star_count + (q->ast->from == NULL) > 0
            ? nothing_listed(q, e, q->ast)
            : OK);
    TRY(e->operand == NULL ? OK : columns_missing(q, e));
    TRY(e->star == NULL ? OK : exclude_columns(q, made, e->star));
    TRY(replace_columns(q, made, e));
    int32_t count = 0;
    for (int32_t i = 0; i < made->count; i++) {
        if (!made->columns[i].excluded) {
            made->columns[count++] = made->columns[i];
        }
    }
    made->count = count;
    if (count == 0 && e->star != NULL && !e->star->may_be_empty &&
        e->star->exclude_count + e->star->without_count > 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "EXCLUDE leaves no column");
        return error_hint(b->err, "name what you want, or write count(*) to count rows");
    }
    made->next = q->stars;
    q->stars = made;
    *out = made;
    return OK;
}

/* ---- COLUMNS in expressions */

static const ast_expr *
find_columns(const ast_expr *e) {
    if (e == NULL || e->kind == AST_COLUMNS) {
        return e == NULL || e->all ? NULL : e;
    }
    const ast_expr *found = find_columns(e->operand);
    for (int32_t i = 0; i < e->arg_count && found == NULL; i++) {
        found = find_columns(e->args[i]);
    }
    for (int32_t i = 0; i < e->order_count && found == NULL; i++) {
        found = find_columns(e->orders[i].expr);
    }
    found = found == NULL ? find_columns(e->filter) : found;
    return found == NULL ? find_columns(e->otherwise) : found;
}

status
columns_each(int32_t *count, query *q, const ast_expr *e) {
    const ast_expr  *columns = find_columns(e);
    const star_list *list;
    *count = -1;
    if (columns == NULL) {
        return OK;
    }
    TRY(star_expand(&list, q, columns));
    *count = list->count;
    return OK;
}

status
bind_star_column(expr **out, context *c, const ast_expr *e) {
    binder          *b = c->binder;
    const star_list *list;
    if (e->all) {
        return error_set_at(
            b->err, ERR_QUERY_FAILED, e->position,
            "*COLUMNS(...) stands among the arguments of a function, in a list or in "
            "IN (...)");
    }
    if (c->query == NULL || c->each == 0) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "COLUMNS(...) cannot stand in %s",
                     c->clause);
        return error_hint(b->err, "it stands in the list of a SELECT, in WHERE and in ORDER BY");
    }
    TRY(star_expand(&list, c->query, e));
    if (list->count != c->each_count) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                            "this COLUMNS(...) stands for %d columns, and another of the same "
                            "expression for %d",
                            list->count, c->each_count);
    }
    const star_column *at = &list->columns[c->each - 1];
    if (at->replaced != NULL) {
        return bind_expr(out, c, at->replaced);
    }
    *out = make_column(b, at->column, c->scope->columns[at->column].type, e->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

status
bind_position(expr **out, context *c, const ast_expr *e) {
    binder      *b = c->binder;
    const scope *s = c->scope;
    if (e->number < 1 || e->number > s->star_count) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position, "#%d: FROM has %d column%s", e->number,
                     s->star_count, s->star_count == 1 ? "" : "s");
        return error_hint(b->err, "#1 is the first column of FROM");
    }
    const int32_t at = s->star[e->number - 1];
    *out = make_column(b, at, s->columns[at].type, e->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

/* ---- the list */

/* AS 'c_\1': what the regular expression of COLUMNS has found in the name; \0 is all of it. */
static status
alias_of_match(text *out, query *q, const ast_item *item, text name) {
    const text      alias = item->alias.text;
    binder         *b = q->binder;
    const ast_expr *columns = find_columns(item->expr);
    regex_span      spans[10];
    regex          *r;
    buf             made;
    *out = alias;
    if (alias.size == 0 || memchr(alias.data, '\\', alias.size) == NULL) {
        return OK;
    }
    TRY(make_regex(&r, b, columns));
    for (int32_t i = 0; i < ARRAY_COUNT(spans); i++) {
        spans[i] = (regex_span){.from = i == 0 ? 0 : -1, .to = (int64_t)name.size};
    }
    if (r != NULL && !regex_search(r, name, 0, spans)) {
        return OK;
    }
    buf_init(&made, b->arena->mem, SQL_NAME_BYTES_MAX + 1);
    for (size_t i = 0; i < alias.size; i++) {
        const char next = i + 1 < alias.size ? alias.data[i + 1] : '\0';
        if (alias.data[i] != '\\' || next < '0' || next > '9') {
            buf_append_char(&made, alias.data[i]);
            continue;
        }
        const regex_span *s = &spans[next - '0'];
        if (s->from >= 0) {
            buf_append_text(&made, (text){name.data + s->from, (size_t)(s->to - s->from)});
        }
        i++;
    }
    *out = arena_text(b->arena, buf_text(&made));
    buf_fini(&made);
    return out->data == NULL ? out_of_memory(b) : OK;
}

/* How many columns an item gives; *list: of which columns, NULL: it is one expression. */
static status
measure_item(int32_t *count, const star_list **list, query *q, const ast_item *item) {
    const ast_expr *star = item->expr->kind == AST_STAR ? item->expr : find_columns(item->expr);
    *list = NULL;
    *count = 1;
    if (star != NULL) {
        TRY(star_expand(list, q, star));
        *count = (*list)->count;
    }
    return OK;
}

static status
add_each(query *q, const ast_item *item, const star_list *list, int32_t at) {
    const star_column *c = &list->columns[at];
    select_item       *to = &q->items[q->item_count++];
    *to = (select_item){.column = c->column, .name = c->name};
    if (item->expr->kind == AST_STAR) {
        to->ast = c->replaced;
        return OK;
    }
    to->ast = item->expr;
    to->each = at + 1;
    to->each_count = list->count;
    to->aliased = item->alias.text.data != NULL;
    to->quoted = item->alias.quoted;
    return to->aliased ? alias_of_match(&to->name, q, item, c->name) : OK;
}

/* ---- as text */

/* Does the name mean the column, and no other? */
static bool
is_named(const scope *s, int32_t at, bool qualified) {
    const scope_column *wanted = &s->columns[at];
    if (wanted->name.size == 0 || (qualified ? wanted->table.size == 0 : wanted->merged)) {
        return false;
    }
    for (int32_t i = 0; i < s->count; i++) {
        const scope_column *c = &s->columns[i];
        const bool seen = qualified ? text_equal_nocase(c->table, wanted->table) : !c->merged;
        if (i != at && seen && text_equal_nocase(c->name, wanted->name)) {
            return false;
        }
    }
    return true;
}

static bool
has_several_tables(const scope *s) {
    for (int32_t i = 1; i < s->count; i++) {
        if (!text_equal(s->columns[i].table, s->columns[0].table)) {
            return true;
        }
    }
    return false;
}

static status
print_part(text *out, binder *b, const ast_expr *e) {
    buf shown;
    buf_init(&shown, b->arena->mem, SIZE_MAX / 2);
    sql_print_expr(e, &shown);
    *out = shown.failed ? (text){NULL, 0} : arena_text(b->arena, buf_text(&shown));
    buf_fini(&shown);
    return out->data == NULL ? out_of_memory(b) : OK;
}

static status
print_column_name(text *out, binder *b, text table, text name) {
    const ast_expr named = {.kind = AST_COLUMN, .qualifier.text = table, .name.text = name};
    return print_part(out, b, &named);
}

/* One of the columns. *known: it can be said in words. */
static status
column_part(struct star_part *out, bool *known, const query *q, const star_column *c) {
    static const text   none = {NULL, 0};
    binder             *b = q->binder;
    const scope        *s = &q->scope;
    const scope_column *from = &s->columns[c->column];
    const bool alone = is_named(s, c->column, false), qualified = is_named(s, c->column, true);
    *out = (struct star_part){.from = -1};
    if (c->replaced != NULL) {
        const bool is_written = c->replaced->end > c->replaced->position; /* in REPLACE */
        out->from = is_written ? c->replaced->position : -1;
        out->end = c->replaced->end;
        *known = true;
        TRY(is_written ? OK : print_part(&out->shown, b, c->replaced));
        return print_column_name(&out->alias, b, none, c->name);
    }
    *known = alone || qualified;
    if (!*known) {
        return OK;
    }
    const bool with_table = qualified && (!alone || has_several_tables(s));
    TRY(print_column_name(&out->shown, b, with_table ? from->table : none, from->name));
    return text_equal(c->name, from->name) ? OK : print_column_name(&out->alias, b, none, c->name);
}

static bool
is_recorded(const binder *b, const ast_expr *star) {
    for (const star_text *t = b->stars; t != NULL; t = t->next) {
        if (t->from == star->position) {
            return true; /* a name of WITH is bound where it is read */
        }
    }
    return false;
}

/* A star that the parser or the binder made stands nowhere. */
static bool
has_place(const ast_expr *star) {
    return star->implied == AST_IMPLIED_NOT ? star->end > star->position
                                            : star->implied != AST_IMPLIED_ELSE;
}

/* For a statement that is kept: what the star is in its own text. */
static status
record_star(query *q, const ast_expr *star, const star_list *list) {
    binder    *b = q->binder;
    const bool kept = b->streaming || (b->externals != NULL && b->externals->for_view);
    if (!kept || b->view_depth > 0 || b->expanded_height > 0 || list->count == 0 ||
        !has_place(star) || is_recorded(b, star)) {
        return OK;
    }
    star_text *made = arena_alloc_zero(b->arena, sizeof(*made));
    TRY(made == NULL ? out_of_memory(b) : OK);
    *made = (star_text){.from = star->position, .end = star->end, .implied = star->implied};
    made->parts = arena_alloc_zero(b->arena, (size_t)list->count * sizeof(*made->parts));
    TRY(made->parts == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < list->count; i++) {
        bool known;
        TRY(column_part(&made->parts[made->count++], &known, q, &list->columns[i]));
        if (!known) {
            return OK; /* the text keeps its star, and ALTER looks at what that means */
        }
    }
    made->next = b->stars;
    b->stars = made;
    return OK;
}

status
expand_items(query *q, const ast_select *select) {
    binder          *b = q->binder;
    int64_t          total = 0;
    int32_t          count;
    const star_list *list;
    for (int32_t i = 0; i < select->item_count; i++) {
        TRY(measure_item(&count, &list, q, &select->items[i]));
        total += count;
    }
    if (total > COLUMNS_MAX) {
        return error_set_at(b->err, ERR_QUERY_FAILED, select->position,
                            "the select list has %lld columns, and the limit is %d",
                            (long long)total, COLUMNS_MAX);
    }
    q->items = arena_alloc_zero(b->arena, (size_t)total * sizeof(*q->items));
    TRY(q->items == NULL ? out_of_memory(b) : OK);
    for (int32_t i = 0; i < select->item_count; i++) {
        const ast_item *item = &select->items[i];
        TRY(measure_item(&count, &list, q, item));
        TRY(item->expr->kind == AST_STAR ? record_star(q, item->expr, list) : OK);
        for (int32_t k = 0; k < count && list != NULL; k++) {
            TRY(add_each(q, item, list, k));
        }
        if (list == NULL) {
            select_item *to = &q->items[q->item_count++];
            to->ast = item->expr;
            to->aliased = item->alias.text.data != NULL;
            to->quoted = item->alias.quoted;
            TRY(item_name(&to->name, q, item));
        }
    }
    return OK;
}
