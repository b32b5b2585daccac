/* SPDX-License-Identifier: Apache-2.0 */
/* text_api.c - tokens and statements of SQL text for those who show it (laminar_text.h).
 *
 * What a word is depends on its neighbours: `count` before "(" is a function, `date` a type behind
 * "::" or before a string, else a name. That is a guess of the eye, not of the grammar: nothing
 * that runs depends on it. */
#include "db/highlight.h"

#include "agg/agg.h"
#include "agg/over.h"
#include "expr/expr.h"

static text
text_from(const char *sql, size_t size) {
    return (text){sql, size > INT32_MAX ? INT32_MAX : size};
}

token
highlight_step(text sql, int32_t at) {
    token t = token_next(sql, at);
    if (t.kind != TOKEN_END && t.end <= t.start) { /* a letter that is refused at once */
        t.kind = TOKEN_BAD;
        t.end = t.start + 1;
        while ((size_t)t.end < sql.size && !utf8_is_start(sql.data[t.end])) {
            t.end++;
        }
    }
    return t;
}

/* ---------------------------------------------------------------------------------- words */
/* What the parser or the binder makes of names, beside those of the registries. */
static const char *const constructs[] = {
    "coalesce", "nullif",     "tumble",      "hop",         "session",   "cumulate",
    "unnest",   "read_csv",   "read_json",   "json_each",   "json_tree", "generate_series",
    "grouping", "read_arrow", "struct_pack", "read_parquet"};

const char *
highlight_function_at(int32_t i) {
    const int32_t counts[] = {function_count(), agg_class_count(), over_count(),
                              ARRAY_COUNT(constructs)};
    int32_t       list = 0;
    while (list < ARRAY_COUNT(counts) && i >= counts[list]) {
        i -= counts[list++];
    }
    return list == 0   ? function_name_at(i)
           : list == 1 ? agg_class_at(i)->name
           : list == 2 ? over_name_at(i)
           : list == 3 ? constructs[i]
                       : NULL;
}

bool
highlight_is_function(text word) {
    const char *name;
    for (int32_t i = 0; (name = highlight_function_at(i)) != NULL; i++) {
        if (text_equal_nocase(word, text_of(name))) {
            return true;
        }
    }
    return false;
}

/* What stood before a token, in laminar_token.before: its kind and keyword or symbol. */
enum { BEFORE_NONE, BEFORE_NAME, BEFORE_DOT, BEFORE_CAST, BEFORE_KEYWORD };

static int32_t
before_of(token t, laminar_token_kind kind) {
    if (t.kind == TOKEN_SYMBOL) {
        return t.symbol == SYMBOL_DOT ? BEFORE_DOT : t.symbol == SYMBOL_CAST ? BEFORE_CAST : 0;
    }
    if (kind == LAMINAR_TOKEN_NAME || kind == LAMINAR_TOKEN_QUOTED_NAME) {
        return BEFORE_NAME;
    }
    return kind == LAMINAR_TOKEN_KEYWORD ? BEFORE_KEYWORD + (int32_t)t.keyword : BEFORE_NONE;
}

/* An object's name stands behind it, also before the "(" of its columns. */
static bool
names_object(int32_t before) {
    switch (before - BEFORE_KEYWORD) {
    case KEYWORD_INTO:
    case KEYWORD_TABLE:
    case KEYWORD_SOURCE:
    case KEYWORD_STREAM:
    case KEYWORD_VIEW:
    case KEYWORD_SINK:
    case KEYWORD_EXISTS:
    case KEYWORD_REFERENCES:
        return true;
    default:
        return false;
    }
}

static bool
is_call(text sql, token t, token behind, int32_t before) {
    if (behind.symbol != SYMBOL_LEFT_PAREN || names_object(before)) {
        return false;
    }
    const text word = token_text(sql, t);
    const bool touches = behind.start == t.end;
    return t.keyword == KEYWORD_NONE ? touches || highlight_is_function(word)
                                     : touches && highlight_is_function(word);
}

/* type_from_name would look for the nearest one too, at each word. */
static bool
is_type_name(text word) {
    for (int32_t i = 0; type_alias_at(i).data != NULL; i++) {
        if (text_equal_nocase(word, type_alias_at(i))) {
            return true;
        }
    }
    return false;
}

static bool
is_type(text word, token behind, int32_t before) {
    if (!is_type_name(word)) {
        return false;
    }
    const bool ends = behind.symbol == SYMBOL_RIGHT_PAREN || behind.symbol == SYMBOL_LEFT_PAREN ||
                      behind.symbol == SYMBOL_LEFT_BRACKET;
    return before == BEFORE_CAST || before == BEFORE_NAME || behind.kind == TOKEN_STRING ||
           (before == BEFORE_KEYWORD + KEYWORD_AS && ends);
}

static laminar_token_kind
kind_of_word(text sql, token t, int32_t before) {
    const token behind = token_next(sql, t.end);
    const text  word = token_text(sql, t);
    if (is_type(word, behind, before)) {
        return LAMINAR_TOKEN_TYPE;
    }
    if (is_call(sql, t, behind, before)) {
        return LAMINAR_TOKEN_FUNCTION;
    }
    if (t.keyword == KEYWORD_NONE || before == BEFORE_DOT) {
        return LAMINAR_TOKEN_NAME;
    }
    const bool is_free = keyword_class_of(t.keyword) == KEYWORD_CLASS_FREE;
    return is_free && (behind.symbol == SYMBOL_DOT || is_type_name(word)) ? LAMINAR_TOKEN_NAME
                                                                          : LAMINAR_TOKEN_KEYWORD;
}

/* ---------------------------------------------------------------------------------- tokens */
static int32_t
count_of(text t, char c) {
    int32_t count = 0;
    for (size_t i = 0; i < t.size; i++) {
        count += t.data[i] == c;
    }
    return count;
}

/* What cannot be read: most often because it is still being typed. */
static laminar_token_kind
kind_of_bad(text sql, token t, bool *is_open) {
    const text shown = token_text(sql, t);
    const bool to_end = (size_t)t.end == sql.size;
    const bool escaped = shown.size > 1 && (shown.data[0] | 0x20) == 'e' && shown.data[1] == '\'';
    *is_open = true;
    if (shown.data[0] == '\'' || escaped) {
        return LAMINAR_TOKEN_STRING;
    }
    if (shown.data[0] == '"' && count_of(shown, '"') % 2 == 1) {
        return LAMINAR_TOKEN_QUOTED_NAME;
    }
    if (shown.data[0] == '$' && to_end && count_of(shown, '$') > 1) {
        return LAMINAR_TOKEN_STRING;
    }
    *is_open = false;
    return shown.size == 1 && shown.data[0] == '$' ? LAMINAR_TOKEN_PARAMETER : LAMINAR_TOKEN_ERROR;
}

static laminar_token_kind
kind_of(text sql, token t, int32_t before, bool *is_open) {
    *is_open = false;
    switch (t.kind) {
    case TOKEN_WORD:
        return kind_of_word(sql, t, before);
    case TOKEN_QUOTED_NAME:
        return LAMINAR_TOKEN_QUOTED_NAME;
    case TOKEN_INTEGER:
    case TOKEN_FLOAT:
        return LAMINAR_TOKEN_NUMBER;
    case TOKEN_STRING:
        return LAMINAR_TOKEN_STRING;
    case TOKEN_PARAMETER:
        return LAMINAR_TOKEN_PARAMETER;
    case TOKEN_SYMBOL:
        return LAMINAR_TOKEN_OPERATOR;
    default:
        return kind_of_bad(sql, t, is_open);
    }
}

/* A word ends before a byte that is not UTF-8; such a byte is an error of its own. */
static token
without_invalid(text sql, token t) {
    if (t.kind != TOKEN_WORD && t.kind != TOKEN_BAD && t.kind != TOKEN_PARAMETER) {
        return t;
    }
    const char first = sql.data[t.start];
    if (first == '\'' || first == '"' || first == '$' || t.end <= t.start) {
        return t;
    }
    const int32_t fault = text_utf8_fault(token_text(sql, t));
    if (fault == 0) {
        t.kind = TOKEN_BAD;
        t.end = t.start + 1;
    } else if (fault > 0) {
        t.end = t.start + fault;
    }
    return t;
}

bool
laminar_token_next(const char *sql, size_t size, laminar_token *t) {
    const text whole = text_from(sql, size);
    int32_t    start, end;
    bool       ends;
    if (t->next >= whole.size) {
        return false;
    }
    if (token_comment(whole, (int32_t)t->next, &start, &end, &ends)) {
        *t = (laminar_token){.kind = LAMINAR_TOKEN_COMMENT,
                             .is_open = !ends,
                             .start = (size_t)start,
                             .size = (size_t)(end - start),
                             .next = (size_t)end,
                             .before = t->before};
        return true;
    }
    const token found = without_invalid(whole, highlight_step(whole, (int32_t)t->next));
    if (found.kind == TOKEN_END) {
        t->next = whole.size;
        return false;
    }
    t->kind = kind_of(whole, found, t->before, &t->is_open);
    t->start = (size_t)found.start;
    t->size = (size_t)(found.end - found.start);
    t->next = (size_t)found.end;
    t->before = before_of(found, t->kind);
    return true;
}

const char *
laminar_token_kind_name(laminar_token_kind kind) {
    static const char *const names[] = {[LAMINAR_TOKEN_KEYWORD] = "keyword",
                                        [LAMINAR_TOKEN_NAME] = "name",
                                        [LAMINAR_TOKEN_QUOTED_NAME] = "quoted name",
                                        [LAMINAR_TOKEN_STRING] = "string",
                                        [LAMINAR_TOKEN_NUMBER] = "number",
                                        [LAMINAR_TOKEN_OPERATOR] = "operator",
                                        [LAMINAR_TOKEN_PARAMETER] = "parameter",
                                        [LAMINAR_TOKEN_COMMENT] = "comment",
                                        [LAMINAR_TOKEN_FUNCTION] = "function",
                                        [LAMINAR_TOKEN_TYPE] = "type",
                                        [LAMINAR_TOKEN_ERROR] = "error"};
    return (size_t)kind < (size_t)ARRAY_COUNT(names) ? names[kind] : "error";
}

/* ---------------------------------------------------------------------------------- statements */
bool
laminar_statement_next(const char *sql, size_t size, laminar_statement *s) {
    const text whole = text_from(sql, size);
    bool       begun = false;
    size_t     end = 0;
    int32_t    at = s->next >= whole.size ? (int32_t)whole.size : (int32_t)s->next;
    for (;;) {
        const token t = highlight_step(whole, at);
        if (t.kind == TOKEN_END) {
            break;
        }
        at = t.end;
        if (t.symbol == SYMBOL_SEMICOLON) {
            if (begun) {
                s->is_complete = true;
                s->size = end - s->start;
                s->next = (size_t)at;
                return true;
            }
            continue;
        }
        s->start = begun ? s->start : (size_t)t.start;
        begun = true;
        end = (size_t)t.end;
    }
    s->is_complete = false;
    s->next = whole.size;
    s->size = begun ? end - s->start : 0;
    return begun;
}

bool
laminar_statement_is_complete(const char *sql, size_t size) {
    const text        whole = text_from(sql, size);
    laminar_statement s = {0};
    bool              any = false;
    int32_t           start, at = 0;
    bool              ends;
    while (laminar_statement_next(sql, size, &s)) {
        if (!s.is_complete) {
            return false;
        }
        any = true;
        at = (int32_t)s.next;
    }
    while (token_comment(whole, at, &start, &at, &ends)) {
        if (!ends) {
            return false;
        }
    }
    return any;
}
