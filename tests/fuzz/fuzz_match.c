/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_match.c - a pattern and a text: LIKE, ILIKE, SIMILAR TO, GLOB and the functions of regular
 * expressions. The first two bytes say how many of the rest are the pattern, the third the escape
 * character. A pattern is refused with a message or it has one answer, whether it is a constant of
 * the query or the value of a row; LIKE is compared with a table of prefixes, the others with each
 * other. */
#include "fuzz.h"

#include "base/rng.h"
#include "expr/expr.h"

#define CELLS_MAX 65536 /* of the table for LIKE */

typedef struct match {
    arena  a;
    column columns[2]; /* the text, the pattern */
    field  fields[2];
    schema input;
    text   text, pattern, escape;
} match;

/* UTF-8 without NUL: what is none becomes an e with an accent. */
static text
readable(const uint8_t *data, size_t size, arena *a) {
    char  *out = arena_alloc(a, 2 * size + 1);
    size_t n = 0;
    FUZZ_CHECK(out != NULL);
    for (size_t i = 0; i < size; i++) {
        if (data[i] >= 0x80) {
            out[n++] = (char)0xC3;
            out[n++] = (char)(0xA0 + data[i] % 32);
        } else {
            out[n++] = data[i] == 0 ? 'a' : (char)data[i];
        }
    }
    return (text){out, n};
}

static expr *
constant(match *m, text t) {
    const value v = {.type = type_of(TYPE_TEXT), .s = t};
    expr       *e = expr_constant(&m->a, &v, 0);
    FUZZ_CHECK(e != NULL);
    return e;
}

/* name(text, pattern [, third]) of one row. */
static status
call(match *m, const char *name, bool pattern_is_constant, const text *third, value *out) {
    error       err = {0};
    expr       *e = NULL;
    program    *p = NULL;
    column      result;
    expr       *args[3] = {expr_column(&m->a, 0, type_of(TYPE_TEXT), 0),
                     pattern_is_constant ? constant(m, m->pattern)
                                               : expr_column(&m->a, 1, type_of(TYPE_TEXT), 0),
                     third == NULL ? NULL : constant(m, *third)};
          const delta in = {.row_count = 1, .column_count = 2, .columns = m->columns};
    FUZZ_CHECK(args[0] != NULL && args[1] != NULL);
    status s = expr_call(&e, &m->a, text_of(name), args, third == NULL ? 2 : 3, 0, &err);
    FUZZ_CHECK(s == OK, "%s: %s", name, err.message);
    s = program_compile(&p, &m->a, &e, 1, &m->input, &err);
    s = s < 0 ? s : program_run(p, &in, &result, &m->a, &err);
    if (s == OK) {
        *out = column_value(&result, 0);
        return OK;
    }
    FUZZ_CHECK(s == ERR_QUERY_FAILED, "%s: status %d: %s", name, (int)s, err.message);
    FUZZ_CHECK(err.message[0] != '\0' && text_is_utf8(text_of(err.message)), "%s", err.message);
    return s;
}

/* The same as a constant and as the value of a row. */
static status
ask(match *m, const char *name, const text *third, value *out) {
    value        by_row;
    const status s = call(m, name, true, third, out);
    const status again = call(m, name, false, third, &by_row);
    FUZZ_CHECK(s == again, "%s: %d as a constant, %d in a row", name, (int)s, (int)again);
    if (s == OK) {
        FUZZ_CHECK(out->is_null == by_row.is_null, "%s", name);
        FUZZ_CHECK(out->is_null || value_compare(out, &by_row) == 0, "%s", name);
        FUZZ_CHECK(out->is_null || out->type.id != TYPE_TEXT || text_is_utf8(out->s), "%s", name);
    }
    return s;
}

static size_t
width_of(const char *c) {
    return ((uint8_t)*c & 0xE0) == 0xC0 ? 2 : 1;
}

/* LIKE without an escape character, by whether each prefix of the text matches each of the
 * pattern's. */
static bool
like_by_table(text s, text pattern) {
    bool *now = calloc(2 * (s.size + 1), sizeof(*now));
    FUZZ_CHECK(now != NULL);
    bool *next = now + s.size + 1;
    now[0] = true;
    for (size_t p = 0; p < pattern.size;) {
        const size_t width = width_of(pattern.data + p);
        memset(next, 0, s.size + 1);
        next[0] = pattern.data[p] == '%' && now[0];
        for (size_t i = 0; i < s.size;) {
            const size_t step = width_of(s.data + i);
            const bool   same = step == width && memcmp(s.data + i, pattern.data + p, step) == 0;
            next[i + step] = pattern.data[p] == '%'   ? next[i] || now[i + step]
                             : pattern.data[p] == '_' ? now[i]
                                                      : now[i] && same;
            i += step;
        }
        memcpy(now, next, s.size + 1);
        p += width;
    }
    const bool matches = now[s.size];
    free(now);
    return matches;
}

static void
check_like(match *m) {
    value like, ilike, ignored;
    if (ask(m, "like", NULL, &like) == OK && ask(m, "ilike", NULL, &ilike) == OK) {
        FUZZ_CHECK(!like.b || ilike.b);
        if (m->text.size * m->pattern.size <= CELLS_MAX) {
            FUZZ_CHECK(like.b == like_by_table(m->text, m->pattern), "'%.*s' LIKE '%.*s'",
                       TEXT_ARG(m->text), TEXT_ARG(m->pattern));
        }
    }
    (void)ask(m, "like", &m->escape, &ignored);
    (void)ask(m, "ilike", &m->escape, &ignored);
    (void)ask(m, "similar_to", NULL, &ignored);
    (void)ask(m, "glob", NULL, &ignored);
}

static void
check_regex(match *m) {
    const text   options = TEXT("i");
    const text   replacement = TEXT("[\\0]");
    value        found, whole, count, part, changed;
    const status s = ask(m, "regexp_matches", NULL, &found);
    FUZZ_CHECK(ask(m, "regexp_full_match", NULL, &whole) == s);
    (void)ask(m, "regexp_matches", &options, &changed);
    if (s < 0) {
        return;
    }
    FUZZ_CHECK(!whole.b || found.b);
    if (ask(m, "regexp_count", NULL, &count) == OK) {
        FUZZ_CHECK((count.i > 0) == found.b);
    }
    if (ask(m, "regexp_extract", NULL, &part) == OK) {
        FUZZ_CHECK(part.s.size == 0 || found.b);
    }
    if (ask(m, "regexp_replace", &replacement, &changed) == OK) {
        FUZZ_CHECK(found.b || text_equal(changed.s, m->text));
    }
}

const int fuzz_passes = 24; /* twelve functions, the pattern a constant and a value */

int
fuzz_target(const uint8_t *data, size_t size) {
    if (size < 3) {
        return 0;
    }
    mem    memory;
    match  m = {.input = {.count = 2}};
    size_t pattern = ((size_t)data[0] | (size_t)data[1] << 8) % (size - 2);
    mem_init(&memory, 1 << 30);
    arena_init(&m.a, &memory);
    m.escape = readable(data + 2, 1, &m.a);
    m.pattern = readable(data + 3, pattern < size - 3 ? pattern : size - 3, &m.a);
    pattern = pattern < size - 3 ? pattern : size - 3;
    m.text = readable(data + 3 + pattern, size - 3 - pattern, &m.a);
    const strview views[2] = {strview_of(m.text.data, (uint32_t)m.text.size),
                              strview_of(m.pattern.data, (uint32_t)m.pattern.size)};
    for (int32_t i = 0; i < 2; i++) {
        m.fields[i] = (field){.name = TEXT("x"), .type = type_of(TYPE_TEXT)};
        m.columns[i] =
            (column){.type = type_of(TYPE_TEXT), .layout = COLUMN_FLAT, .values = &views[i]};
    }
    m.input.fields = m.fields;
    check_like(&m);
    check_regex(&m);
    arena_fini(&m.a);
    FUZZ_CHECK(mem_fini(&memory) == 0);
    return 0;
}
