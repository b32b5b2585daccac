/* SPDX-License-Identifier: Apache-2.0 */
/* fn_like.c - LIKE and ILIKE. A pattern is cut at its % into pieces; the first and last are
 * anchored, those between are each searched leftmost from where the one before ended. Leftmost is
 * enough, so nothing is ever tried twice: a piece without _ is one text_find, a piece with _ one
 * scan. Patterns that are constant are cut once, when the program is compiled. */
#include "expr/call.h"
#include "sql/limits.h"

typedef struct piece {
    const char
        *bytes; /* a byte each; where wild is set, the byte stands for one character of any kind */
    const char *wild; /* NULL: no _ in the piece */
    size_t      size;
    int64_t     characters;
} piece;

typedef struct pattern {
    bool    anchored_start, anchored_end;
    bool    any_case;
    int32_t piece_count;
    piece  *pieces;
    size_t  size;     /* bytes of it as it is written */
    size_t  size_min; /* bytes a text must have at least */
} pattern;

typedef struct cutter {
    char   *bytes, *wild;
    size_t  used, start;
    bool    has_wild;
    int64_t characters;
    bool    last_was_percent;
} cutter;

static void
end_piece(pattern *p, cutter *k) {
    if (k->used > k->start) {
        p->pieces[p->piece_count++] = (piece){
            .bytes = k->bytes + k->start,
            .wild = k->has_wild ? k->wild + k->start : NULL,
            .size = k->used - k->start,
            .characters = k->characters,
        };
    }
    k->start = k->used;
    k->has_wild = false;
    k->characters = 0;
}

static void
put_byte(cutter *k, char byte, bool wild) {
    k->bytes[k->used] = byte;
    k->wild[k->used] = wild;
    k->characters += wild || utf8_is_start(byte);
    k->has_wild |= wild;
    k->last_was_percent = false;
    k->used++;
}

/* A constant pattern is cut before the limit in force is known, so it is looked at in each call. */
static status
check_size(size_t size, const eval_env *e, error *err) {
    const int32_t lowered = e == NULL ? 0 : e->limits.like_bytes;
    const int32_t most = lowered > 0 ? lowered : SQL_LIKE_BYTES_MAX;
    if (size > (size_t)most) {
        error_set(err, ERR_QUERY_FAILED, "a pattern of LIKE has %zu bytes; at most %d are allowed",
                  size, most);
        return error_hint(err, "contains() looks for a text of any length");
    }
    return OK;
}

/* `escape` is one character or empty. */
static status
cut(pattern *p, arena *a, text like, text escape, bool any_case, error *err) {
    size_t percents = 0;
    TRY(check_size(like.size, NULL, err));
    for (size_t i = 0; i < like.size; i++) {
        percents += like.data[i] == '%';
    }
    char *copy = arena_alloc(a, 3 * like.size + 1);
    *p = (pattern){.any_case = any_case, .size = like.size};
    p->pieces = arena_alloc(a, (percents + 1) * sizeof(piece));
    if (copy == NULL || p->pieces == NULL) {
        return error_memory(err);
    }
    cutter k = {.bytes = copy, .wild = copy + like.size};
    char  *folded = copy + 2 * like.size;
    memcpy(folded, like.data, like.size);
    if (any_case) {
        utf8_lower(folded, like);
    }
    p->anchored_start = true;
    for (size_t i = 0; i < like.size;) {
        if (escape.size > 0 && like.size - i >= escape.size &&
            memcmp(like.data + i, escape.data, escape.size) == 0) {
            i += escape.size;
            if (i == like.size) {
                return error_set(err, ERR_QUERY_FAILED,
                                 "LIKE pattern '%.*s' ends with its escape character",
                                 TEXT_ARG(like));
            }
            for (size_t end = i + utf8_width(like.data + i); i < end; i++) {
                put_byte(&k, folded[i], false);
            }
        } else if (like.data[i] == '%') {
            p->anchored_start &= k.used > 0;
            end_piece(p, &k);
            k.last_was_percent = true;
            i++;
        } else {
            put_byte(&k, folded[i], like.data[i] == '_');
            i++;
        }
    }
    p->anchored_end = !k.last_was_percent;
    end_piece(p, &k);
    p->size_min = k.used;
    return OK;
}

/* Bytes of `s` that the piece takes at its start, or -1. */
static int64_t
match_here(const piece *q, const char *s, size_t size) {
    if (q->wild == NULL) {
        const bool same =
            size >= q->size && s[0] == q->bytes[0] && memcmp(s, q->bytes, q->size) == 0;
        return same ? (int64_t)q->size : -1;
    }
    size_t at = 0;
    for (size_t i = 0; i < q->size; i++) {
        if (at >= size) {
            return -1;
        }
        if (q->wild[i]) {
            at += utf8_width(s + at);
        } else if (s[at] == q->bytes[i]) {
            at++;
        } else {
            return -1;
        }
    }
    return (int64_t)at;
}

/* Offset after the leftmost match of the piece, or -1. */
static int64_t
search(const piece *q, const char *s, size_t size) {
    if (q->wild == NULL) {
        const char *at = text_find((text){s, size}, (text){q->bytes, q->size});
        return at == NULL ? -1 : at - s + (int64_t)q->size;
    }
    for (size_t at = 0; at + q->size <= size; at += utf8_width(s + at)) {
        const int64_t n = match_here(q, s + at, size - at);
        if (n >= 0) {
            return (int64_t)at + n;
        }
    }
    return -1;
}

static bool
matches(const pattern *p, text t) {
    const char *s = t.data;
    size_t      size = t.size;
    int32_t     first = 0;
    int32_t     last = p->piece_count;
    if (size < p->size_min) {
        return false;
    }
    if (p->anchored_start) {
        const int64_t n = last == 0 ? 0 : match_here(&p->pieces[0], s, size);
        if (last <= 1 && p->anchored_end) {
            return n == (int64_t)size;
        }
        if (n < 0) {
            return false;
        }
        s += n;
        size -= (size_t)n;
        first = 1;
    }
    if (p->anchored_end && last > first) {
        const piece *q = &p->pieces[--last];
        const size_t at = q->wild == NULL ? (size >= q->size ? size - q->size : 0)
                                          : utf8_skip_back((text){s, size}, q->characters);
        if (match_here(q, s + at, size - at) != (int64_t)(size - at)) {
            return false;
        }
        size = at;
    }
    for (int32_t i = first; i < last; i++) {
        const int64_t n = search(&p->pieces[i], s, size);
        if (n < 0) {
            return false;
        }
        s += n;
        size -= (size_t)n;
    }
    return true;
}

static status
check_escape(text escape, error *err) {
    if (escape.size > 0 && utf8_width(escape.data) != escape.size) {
        return error_set(err, ERR_QUERY_FAILED, "the escape of LIKE is one character, not '%.*s'",
                         TEXT_ARG(escape));
    }
    return OK;
}

static status
prepare(void **state, arena *a, const value *const *constants, int32_t arg_count, bool any_case,
        error *err) {
    const value *escape = arg_count == 3 ? constants[2] : NULL;
    if (constants[1] == NULL || constants[1]->is_null ||
        (arg_count == 3 && (escape == NULL || escape->is_null))) {
        return OK;
    }
    pattern *p = arena_alloc(a, sizeof(*p));
    if (p == NULL) {
        return error_memory(err);
    }
    if (escape != NULL) {
        TRY(check_escape(escape->s, err));
    }
    TRY(cut(p, a, constants[1]->s, escape != NULL ? escape->s : TEXT(""), any_case, err));
    *state = p;
    return OK;
}

status
fn_prepare_like(void **state, arena *a, const value *const *constants,
                const data_type *types UNUSED, int32_t arg_count, error *err) {
    return prepare(state, a, constants, arg_count, false, err);
}

status
fn_prepare_ilike(void **state, arena *a, const value *const *constants,
                 const data_type *types UNUSED, int32_t arg_count, error *err) {
    return prepare(state, a, constants, arg_count, true, err);
}

/* The text to match: itself, or in lower case in memory that the next row reuses. */
static bool
folded_text(fn_call *c, const pattern *p, int32_t row, text *out) {
    *out = operand_text(&c->args[0], row);
    if (p->any_case) {
        char *copy = fn_text_reserve(c, out->size);
        if (copy == NULL) {
            return false;
        }
        utf8_lower(copy, *out);
        out->data = copy;
    }
    return true;
}

static status
match_constant(fn_call *c, const pattern *p) {
    TRY(check_size(p->size, c->eval, c->err));
    uint8_t   *z = c->values;
    const bool any = p->piece_count == 0 && !(p->anchored_start && p->anchored_end);
    for (int32_t i = 0; i < c->row_count; i++) {
        text t;
        if (any) {
            z[i] = 1;
        } else if (fn_is_valid(c, i)) {
            if (!folded_text(c, p, i, &t)) {
                return error_memory(c->err);
            }
            z[i] = matches(p, t);
            TRY(fn_spend(c, (int64_t)t.size));
        }
    }
    return OK;
}

static status
match_rows(fn_call *c, bool any_case) {
    if (c->state != NULL) {
        return match_constant(c, c->state);
    }
    uint8_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const text       escape = c->arg_count == 3 ? operand_text(&c->args[2], i) : TEXT("");
        const arena_mark mark = arena_save(c->scratch);
        const size_t     left = c->text_left;
        char *const      next = c->text_next;
        pattern          p;
        text             t;
        TRY(check_escape(escape, c->err));
        TRY(check_size(operand_text(&c->args[1], i).size, c->eval, c->err));
        TRY(cut(&p, c->scratch, operand_text(&c->args[1], i), escape, any_case, c->err));
        if (!folded_text(c, &p, i, &t)) {
            return error_memory(c->err);
        }
        z[i] = matches(&p, t);
        TRY(fn_spend(c, (int64_t)(t.size + operand_text(&c->args[1], i).size)));
        c->text_next = next;
        c->text_left = left;
        arena_rewind(c->scratch, mark);
    }
    return OK;
}

status
fn_like(fn_call *c) {
    return match_rows(c, false);
}

status
fn_ilike(fn_call *c) {
    return match_rows(c, true);
}
