/* SPDX-License-Identifier: Apache-2.0 */
/* json_sniff.c - see json_sniff.h. */
#include "io/json_sniff.h"

#include <string.h>

#include "io/json_lex.h"

/* Behind the object that starts here; NULL: it is not whole. */
static const char *
object_end(const char *at, const char *end) {
    int64_t depth = 0;
    for (; at < end; at++) {
        switch (*at) {
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (--depth <= 0) {
                return at + 1;
            }
            break;
        case '"':
            for (at++; at < end && *at != '"'; at++) {
                at += *at == '\\';
            }
            break;
        default:
            break;
        }
    }
    return NULL;
}

size_t
json_whole(text t, int64_t most) {
    const char *at = t.data, *end = t.data + t.size, *whole = t.data;
    for (int64_t n = 0; n < most && at < end;) {
        if (json_is_between(*at)) {
            at++;
            continue;
        }
        if (*at != '{') {
            const char *line = memchr(at, '\n', (size_t)(end - at));
            return line == NULL ? (size_t)(whole - t.data) : (size_t)(line + 1 - t.data);
        }
        at = object_end(at, end);
        if (at == NULL) {
            return (size_t)(whole - t.data);
        }
        whole = at;
        n++;
    }
    return (size_t)(whole - t.data);
}

text
json_inside(text t) {
    while (t.size > 0 && json_is_between(*t.data)) {
        t = (text){t.data + 1, t.size - 1};
    }
    while (t.size > 0 && json_is_between(t.data[t.size - 1])) {
        t.size--;
    }
    return t;
}

/* The n-th key of a row is mostly the n-th column. */
static status
find_name(json_shape *s, arena *a, text key, int32_t n, int32_t *at, error *err) {
    if (n < s->count && text_equal_nocase(s->names[n], key)) {
        *at = n;
        return OK;
    }
    for (int32_t i = 0; i < s->count; i++) {
        if (text_equal_nocase(s->names[i], key)) {
            *at = i;
            return OK;
        }
    }
    if (s->count == JSON_COLUMNS_MAX) {
        return error_set(err, ERR_INGESTION_FAILED, "more than 4,096 keys");
    }
    if (s->count == s->capacity) {
        const int32_t capacity = s->capacity == 0 ? 16 : 2 * s->capacity;
        text         *names = arena_alloc(a, sizeof(text) * (size_t)capacity);
        guess        *types = arena_alloc(a, sizeof(guess) * (size_t)capacity);
        if (names == NULL || types == NULL) {
            return error_memory(err);
        }
        if (s->count > 0) {
            memcpy(names, s->names, sizeof(text) * (size_t)s->count);
            memcpy(types, s->types, sizeof(guess) * (size_t)s->count);
        }
        s->names = names;
        s->types = types;
        s->capacity = capacity;
    }
    s->names[s->count] = arena_text(a, key);
    s->types[s->count] = GUESS_NONE;
    *at = s->count++;
    return s->names[*at].data == NULL ? error_memory(err) : OK;
}

static status
guess_value(json_reader *r, guess *g, error *err) {
    text t;
    bool integral;
    if (r->at == r->end) {
        return json_fault(r, "a value is missing", err);
    }
    switch (*r->at) {
    case '"':
        r->at++;
        TRY(json_text(r, &t, err));
        *g = guess_time(t);
        return OK;
    case '{':
    case '[':
        *g = GUESS_TEXT;
        return json_skip(r, 1, err);
    case 'n':
    case 't':
    case 'f':
        *g = *r->at == 'n' ? GUESS_NONE : GUESS_BOOL;
        return json_skip(r, 1, err);
    default:
        TRY(json_number(r, &t, &integral, err));
        *g = guess_text(t);
        *g = *g != GUESS_I64 && *g != GUESS_F64 ? GUESS_F64 : !integral ? GUESS_F64 : *g;
        return OK;
    }
}

/* Behind the opening brace. */
static status
sniff_row(json_reader *r, json_shape *s, arena *a, error *err) {
    json_blanks(r);
    if (json_take(r, '}')) {
        return OK;
    }
    int32_t n = 0;
    do {
        text    key;
        int32_t at = 0;
        guess   g = GUESS_NONE;
        json_blanks(r);
        if (!json_take(r, '"')) {
            return json_fault(r, "a key in quotes must stand here", err);
        }
        TRY(json_text(r, &key, err));
        TRY(find_name(s, a, key, n++, &at, err));
        json_blanks(r);
        if (!json_take(r, ':')) {
            return json_fault(r, "':' must follow a key", err);
        }
        json_blanks(r);
        TRY(guess_value(r, &g, err));
        s->types[at] = guess_both(s->types[at], g);
        json_blanks(r);
    } while (json_take(r, ','));
    return json_take(r, '}') ? OK : json_fault(r, "',' or '}' must stand here", err);
}

status
json_sniff(json_shape *shape, arena *a, text t, int64_t first_line, int64_t *rows, error *err) {
    json_reader r = {
        .start = t.data, .at = t.data, .end = t.data + t.size, .first_line = first_line};
    buf_init(&r.unescaped, a->mem, JSON_TEXT_MAX + 64);
    status s = OK;
    while (s == OK) {
        while (r.at < r.end && json_is_between(*r.at)) {
            r.at++;
        }
        if (r.at == r.end) {
            break;
        }
        s = json_take(&r, '{')
                ? sniff_row(&r, shape, a, err)
                : json_fault(&r, "an object with the columns of a row must stand here", err);
        *rows += s == OK;
    }
    buf_fini(&r.unescaped);
    return s;
}
