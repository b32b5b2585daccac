/* SPDX-License-Identifier: Apache-2.0 */
/* fn_regex.c - functions over regular expressions (regex/regex.h), SIMILAR TO and GLOB. A constant
 * pattern is compiled with the program; another one when it changes from one row to the next.
 *
 * Options are letters: i any case, c not; s . matches a newline, p not; m and n the same as p, and
 * ^ and $ match at the ends of lines; w the latter alone; l the pattern is plain text; g all
 * matches. */
#include "expr/nested_call.h"
#include "regex/regex.h"

typedef enum pattern_kind { PATTERN_REGEX, PATTERN_SIMILAR, PATTERN_GLOB } pattern_kind;

/* What a function makes of its arguments; the pattern is always the second. */
typedef struct usage {
    pattern_kind kind;
    uint32_t     flags;
    int32_t      option_at; /* -1: none. Of SIMILAR TO: the escape */
    int32_t      group_max; /* -1: only whether it matches */
} usage;

typedef struct compiled {
    regex *regex;
    bool   all; /* option g */
} compiled;

static status
read_options(text options, uint32_t *flags, bool *all, error *err) {
    for (size_t i = 0; i < options.size; i++) {
        switch (options.data[i]) {
        case 'c':
            *flags &= ~(uint32_t)REGEX_ANY_CASE;
            break;
        case 'i':
            *flags |= REGEX_ANY_CASE;
            break;
        case 's':
            *flags |= REGEX_DOT_NEWLINE;
            break;
        case 'p':
            *flags &= ~(uint32_t)REGEX_DOT_NEWLINE;
            break;
        case 'm':
        case 'n':
            *flags &= ~(uint32_t)REGEX_DOT_NEWLINE;
            *flags |= REGEX_LINES;
            break;
        case 'w':
            *flags |= REGEX_LINES;
            break;
        case 'l':
            *flags |= REGEX_LITERAL;
            break;
        case 'g':
            *all = true;
            break;
        default:
            (void)error_set(err, ERR_QUERY_FAILED, "unknown option of a regular expression: '%.*s'",
                            TEXT_ARG(options));
            return error_hint(err, "options are c, i, s, p, m, n, w, l and g");
        }
    }
    return OK;
}

static status
compile_regex(compiled *out, arena *a, const usage *u, text pattern, text option, error *err) {
    uint32_t flags = u->flags;
    out->all = false;
    if (u->kind == PATTERN_REGEX) {
        TRY(read_options(option, &flags, &out->all, err));
        return regex_compile(&out->regex, a, pattern, flags, u->group_max, err);
    }
    buf    b;
    status s;
    buf_init(&b, a->mem, TEXT_RESULT_MAX);
    if (u->kind == PATTERN_GLOB) {
        s = regex_from_glob(&b, pattern, err);
    } else if (option.size > 0 && utf8_width(option.data) != option.size) {
        s = error_set(err, ERR_QUERY_FAILED,
                      "the escape of SIMILAR TO is one character, not '%.*s'", TEXT_ARG(option));
    } else {
        s = regex_from_similar(&b, pattern, option, err);
    }
    if (s == OK) {
        s = regex_compile(&out->regex, a, buf_text(&b), flags, u->group_max, err);
    }
    buf_fini(&b);
    return s;
}

static text
default_option(const usage *u) {
    return u->kind == PATTERN_SIMILAR ? TEXT("\\") : TEXT("");
}

static status
prepare(void **state, arena *a, const value *const *constants, int32_t arg_count, const usage *u,
        error *err) {
    const value *pattern = constants[1];
    text         option = default_option(u);
    if (pattern == NULL || pattern->is_null) {
        return OK;
    }
    if (u->option_at >= 0 && u->option_at < arg_count) {
        const value *v = constants[u->option_at];
        if (v == NULL || v->is_null) {
            return OK;
        }
        option = v->s;
    }
    compiled *k = arena_alloc_zero(a, sizeof(*k));
    if (k == NULL) {
        return error_memory(err);
    }
    TRY(compile_regex(k, a, u, pattern->s, option, err));
    *state = k;
    return OK;
}

/* ---- the regex of each row */
typedef struct rows {
    fn_call     *call;
    const usage *usage;
    compiled     current;
    bool         is_fixed, has_current;
    text         pattern, option; /* of current; borrowed from the arguments */
    arena        own;             /* of current, unless it is fixed */
} rows;

static void
rows_init(rows *r, fn_call *c, const usage *u) {
    *r = (rows){.call = c, .usage = u, .is_fixed = c->state != NULL};
    arena_init(&r->own, c->scratch->mem);
    if (r->is_fixed) {
        r->current = *(const compiled *)c->state;
    }
}

static void
rows_fini(rows *r) {
    arena_fini(&r->own);
}

static status
rows_at(rows *r, int32_t row) {
    fn_call *c = r->call;
    TRY(fn_spend(c, 4 * (int64_t)operand_text(&c->args[0], row).size));
    if (r->is_fixed) {
        return OK;
    }
    const int32_t at = r->usage->option_at;
    const text    pattern = operand_text(&c->args[1], row);
    const text    option =
        at >= 0 && at < c->arg_count ? operand_text(&c->args[at], row) : default_option(r->usage);
    if (r->has_current && text_equal(pattern, r->pattern) && text_equal(option, r->option)) {
        return OK;
    }
    arena_reset(&r->own);
    r->has_current = false;
    TRY(compile_regex(&r->current, &r->own, r->usage, pattern, option, c->err));
    r->pattern = pattern;
    r->option = option;
    r->has_current = true;
    return OK;
}

/* ---- whether it matches */
static status
match_rows(fn_call *c, const usage *u, bool wanted) {
    uint8_t *z = c->values;
    rows     r;
    status   s = OK;
    rows_init(&r, c, u);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (fn_is_valid(c, i)) {
            s = rows_at(&r, i);
            z[i] =
                s == OK && regex_matches(r.current.regex, operand_text(&c->args[0], i)) == wanted;
        }
    }
    rows_fini(&r);
    return s;
}

#define PREPARE fn_prepare_regexp_matches
#define KERNEL fn_regexp_matches
#define WANTED true
#define USAGE {PATTERN_REGEX, 0, 2, -1}
#include "expr/regex_match.inc.h"

#define PREPARE fn_prepare_regexp_full_match
#define KERNEL fn_regexp_full_match
#define WANTED true
#define USAGE {PATTERN_REGEX, REGEX_WHOLE, 2, -1}
#include "expr/regex_match.inc.h"

#define PREPARE fn_prepare_regexp_unmatches
#define KERNEL fn_regexp_unmatches
#define WANTED false
#define USAGE {PATTERN_REGEX, 0, -1, -1}
#include "expr/regex_match.inc.h"

#define PREPARE fn_prepare_regexp_matches_any_case
#define KERNEL fn_regexp_matches_any_case
#define WANTED true
#define USAGE {PATTERN_REGEX, REGEX_ANY_CASE, -1, -1}
#include "expr/regex_match.inc.h"

#define PREPARE fn_prepare_regexp_unmatches_any_case
#define KERNEL fn_regexp_unmatches_any_case
#define WANTED false
#define USAGE {PATTERN_REGEX, REGEX_ANY_CASE, -1, -1}
#include "expr/regex_match.inc.h"

#define PREPARE fn_prepare_similar_to
#define KERNEL fn_similar_to
#define WANTED true
#define USAGE {PATTERN_SIMILAR, REGEX_WHOLE | REGEX_DOT_NEWLINE, 2, -1}
#include "expr/regex_match.inc.h"

#define PREPARE fn_prepare_glob
#define KERNEL fn_glob
#define WANTED true
#define USAGE {PATTERN_GLOB, REGEX_WHOLE | REGEX_DOT_NEWLINE, -1, -1}
#include "expr/regex_match.inc.h"

/* ---- regexp_extract(text, pattern [, group [, options]]) */
static const usage usage_extract = {PATTERN_REGEX, 0, 3, REGEX_GROUPS_MAX};

static status
bad_group(int64_t group, error *err) {
    return error_set(err, ERR_QUERY_FAILED,
                     "the group of a regular expression is a number from 0 to %d, not %lld",
                     REGEX_GROUPS_MAX, (long long)group);
}

status
fn_prepare_regexp_extract(void **state, arena *a, const value *const *constants,
                          const data_type *types UNUSED, int32_t arg_count, error *err) {
    usage u = usage_extract;
    if (arg_count == 2) {
        u.group_max = 0;
    } else if (constants[2] != NULL && !constants[2]->is_null) {
        if (constants[2]->i < 0 || constants[2]->i > REGEX_GROUPS_MAX) {
            return bad_group(constants[2]->i, err);
        }
        u.group_max = (int32_t)constants[2]->i;
    }
    return prepare(state, a, constants, arg_count, &u, err);
}

/* "" where nothing matches, or the group took no part. */
static status
extract_row(rows *r, int32_t row, strview *out) {
    const fn_call *c = r->call;
    const int64_t  group = c->arg_count > 2 ? fn_integer(&c->args[2], row) : 0;
    const strview *v = operand_view(&c->args[0], row);
    regex_span     spans[REGEX_GROUPS_MAX + 1];
    if (group < 0 || group > REGEX_GROUPS_MAX) {
        return bad_group(group, c->err);
    }
    TRY(rows_at(r, row));
    if (regex_search(r->current.regex, strview_text(v), 0, spans) && spans[group].from >= 0) {
        *out = strview_of(strview_data(v) + spans[group].from,
                          (uint32_t)(spans[group].to - spans[group].from));
    }
    return OK;
}

status
fn_regexp_extract(fn_call *c) {
    strview *z = c->values;
    rows     r;
    status   s = OK;
    rows_init(&r, c, &usage_extract);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (fn_is_valid(c, i)) {
            s = extract_row(&r, i, &z[i]);
        }
    }
    rows_fini(&r);
    return s;
}

/* ---- all matches in turn: each starts where the one before it ended, and an empty one does not
 * follow another directly */
typedef struct walk {
    regex *regex;
    text   s;
    size_t at;       /* where to look next */
    size_t copied;   /* behind the last match */
    bool   has_last; /* there was one */
} walk;

static bool
next_match(walk *w, regex_span *spans) {
    while (w->at <= w->s.size && regex_search(w->regex, w->s, w->at, spans)) {
        const size_t from = (size_t)spans[0].from;
        const size_t to = (size_t)spans[0].to;
        if (from == to && w->has_last && from == w->copied) {
            w->at = from < w->s.size ? from + utf8_width(w->s.data + from) : from + 1;
            continue;
        }
        w->at = to;
        w->copied = to;
        w->has_last = true;
        return true;
    }
    return false;
}

/* ---- regexp_replace(text, pattern, replacement [, options]): in the replacement \1 to \9 are
 * groups, \0 and \& the match, \\ a backslash */
static const usage usage_replace = {PATTERN_REGEX, 0, 3, 9};

static status
check_template(text t, const regex *r, error *err) {
    for (size_t i = 0; i < t.size; i++) {
        if (t.data[i] != '\\') {
            continue;
        }
        i++;
        const char c = i < t.size ? t.data[i] : '\0';
        if (c >= '0' && c <= '9') {
            if (c - '0' > regex_group_count(r)) {
                return error_set(err, ERR_QUERY_FAILED,
                                 "regexp_replace: the replacement '%.*s' asks for group %c, and "
                                 "the pattern has %d",
                                 TEXT_ARG(t), c, regex_group_count(r));
            }
        } else if (c != '\\' && c != '&') {
            (void)error_set(err, ERR_QUERY_FAILED,
                            "regexp_replace: the replacement '%.*s' has a backslash that means "
                            "nothing",
                            TEXT_ARG(t));
            return error_hint(err, "\\0 to \\9 are the match and its groups, \\\\ is a backslash");
        }
    }
    return OK;
}

status
fn_prepare_regexp_replace(void **state, arena *a, const value *const *constants,
                          const data_type *types UNUSED, int32_t arg_count, error *err) {
    TRY(prepare(state, a, constants, arg_count, &usage_replace, err));
    const value *by = constants[2];
    if (*state != NULL && by != NULL && !by->is_null) {
        TRY(check_template(by->s, ((const compiled *)*state)->regex, err));
    }
    return OK;
}

static void
append_template(buf *out, text t, text s, const regex_span *spans) {
    for (size_t i = 0; i < t.size; i++) {
        const char  *back = memchr(t.data + i, '\\', t.size - i);
        const size_t end = back == NULL ? t.size : (size_t)(back - t.data);
        buf_append(out, t.data + i, end - i);
        if (back == NULL) {
            return;
        }
        i = end + 1;
        const char       c = t.data[i];
        const regex_span group = spans[c >= '0' && c <= '9' ? c - '0' : 0];
        if (c == '\\') {
            buf_append_char(out, '\\');
        } else if (group.from >= 0) {
            buf_append(out, s.data + group.from, (size_t)(group.to - group.from));
        }
    }
}

static status
replace_row(rows *r, int32_t row, buf *out, strview *result) {
    fn_call       *c = r->call;
    const strview *v = operand_view(&c->args[0], row);
    const text     by = operand_text(&c->args[2], row);
    regex_span     spans[10];
    TRY(rows_at(r, row));
    TRY(check_template(by, r->current.regex, c->err));
    walk   w = {.regex = r->current.regex, .s = strview_text(v)};
    size_t copied = 0;
    buf_clear(out);
    while (next_match(&w, spans)) {
        buf_append(out, w.s.data + copied, (size_t)spans[0].from - copied);
        append_template(out, by, w.s, spans);
        copied = (size_t)spans[0].to;
        if (!r->current.all || out->failed) {
            break;
        }
    }
    if (!w.has_last) {
        *result = *v;
        return OK;
    }
    buf_append(out, w.s.data + copied, w.s.size - copied);
    return fn_text_of_buf(c, "regexp_replace", out, result);
}

status
fn_regexp_replace(fn_call *c) {
    strview *z = c->values;
    rows     r;
    buf      b;
    status   s = OK;
    rows_init(&r, c, &usage_replace);
    buf_init(&b, c->scratch->mem, TEXT_RESULT_MAX);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (fn_is_valid(c, i)) {
            s = replace_row(&r, i, &b, &z[i]);
        }
    }
    buf_fini(&b);
    rows_fini(&r);
    return s;
}

/* ---- regexp_count(text, pattern [, options]) */
static const usage usage_count = {PATTERN_REGEX, 0, 2, 0};

status
fn_prepare_regexp_count(void **state, arena *a, const value *const *constants,
                        const data_type *types UNUSED, int32_t arg_count, error *err) {
    return prepare(state, a, constants, arg_count, &usage_count, err);
}

status
fn_regexp_count(fn_call *c) {
    int64_t *z = c->values;
    rows     r;
    status   s = OK;
    rows_init(&r, c, &usage_count);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        s = rows_at(&r, i);
        regex_span spans[1];
        walk       w = {.regex = r.current.regex, .s = operand_text(&c->args[0], i)};
        while (s == OK && next_match(&w, spans)) {
            z[i]++;
        }
    }
    rows_fini(&r);
    return s;
}

/* ---- all matches, and what is between them, as lists */

typedef status list_matches(item_list *l, walk *w, int64_t group);

static status
add_part(item_list *l, text s, int64_t from, int64_t to) {
    const value v = {.type = type_of(TYPE_TEXT), .s = {s.data + from, (size_t)(to - from)}};
    return items_add(l, &v);
}

static status
matches_to_lists(fn_call *c, const usage *u, list_matches *list) {
    item_list l = {.call = c};
    rows      r;
    status    s = OK;
    rows_init(&r, c, u);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const int64_t group =
            u == &usage_extract && c->arg_count > 2 ? fn_integer(&c->args[2], i) : 0;
        s = group < 0 || group > REGEX_GROUPS_MAX ? bad_group(group, c->err) : rows_at(&r, i);
        walk w = {.regex = r.current.regex, .s = operand_text(&c->args[0], i)};
        l.count = 0;
        s = s == OK ? list(&l, &w, group) : s;
        s = s == OK ? fn_put_nested(c, i, l.at, l.count) : s;
    }
    rows_fini(&r);
    return s;
}

/* A group that took no part is NULL. */
static status
list_found(item_list *l, walk *w, int64_t group) {
    regex_span spans[REGEX_GROUPS_MAX + 1];
    while (next_match(w, spans)) {
        const value none = value_null(TYPE_TEXT);
        TRY(spans[group].from < 0 ? items_add(l, &none)
                                  : add_part(l, w->s, spans[group].from, spans[group].to));
    }
    return OK;
}

/* Nothing is cut at the ends of the text by an empty match. */
static status
list_between(item_list *l, walk *w, int64_t group UNUSED) {
    regex_span spans[1];
    int64_t    from = 0;
    while (next_match(w, spans)) {
        const bool empty = spans[0].from == spans[0].to;
        if (!empty || (spans[0].from > 0 && spans[0].to < (int64_t)w->s.size)) {
            TRY(add_part(l, w->s, from, spans[0].from));
            from = spans[0].to;
        }
    }
    return add_part(l, w->s, from, (int64_t)w->s.size);
}

status
fn_prepare_regexp_extract_all(void **state, arena *a, const value *const *constants,
                              const data_type *types, int32_t arg_count, error *err) {
    return fn_prepare_regexp_extract(state, a, constants, types, arg_count, err);
}

status
fn_regexp_extract_all(fn_call *c) {
    return matches_to_lists(c, &usage_extract, list_found);
}

static const usage usage_split = {PATTERN_REGEX, 0, 2, 0};

status
fn_prepare_regexp_split(void **state, arena *a, const value *const *constants,
                        const data_type *types UNUSED, int32_t arg_count, error *err) {
    return prepare(state, a, constants, arg_count, &usage_split, err);
}

status
fn_regexp_split(fn_call *c) {
    return matches_to_lists(c, &usage_split, list_between);
}

status
fn_regexp_escape(fn_call *c) {
    strview *z = c->values;
    buf      b;
    status   s = OK;
    buf_init(&b, c->scratch->mem, TEXT_RESULT_MAX);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (fn_is_valid(c, i)) {
            buf_clear(&b);
            (void)regex_escape(&b, operand_text(&c->args[0], i));
            s = fn_text_of_buf(c, "regexp_escape", &b, &z[i]);
        }
    }
    buf_fini(&b);
    return s;
}
