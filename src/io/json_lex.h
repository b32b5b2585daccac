/* SPDX-License-Identifier: Apache-2.0 */
/* json_lex.h - the lexical part of JSON, which reading rows and looking for their columns share. */
#ifndef LAMINAR_IO_JSON_LEX_H
#define LAMINAR_IO_JSON_LEX_H

#include "batch/builder.h"
#include "io/json.h"

#define JSON_COLUMNS_MAX 4096
#define JSON_TEXT_MAX (16 << 20)

typedef struct json_reader {
    const char        *start, *at, *end;
    int64_t            first_line; /* of start; 0: 1 */
    const json_target *target;
    interrupt         *guard;    /* of this thread */
    bool               is_alone; /* rows may be filled, and may begin anywhere */
    builder            rows;
    int32_t            row_count;
    int32_t           *order; /* column of the n-th key of the last row that had one there */
    int32_t            order_count;
    buf                unescaped;
    arena              scratch; /* texts made by coercion, until the row is in */
} json_reader;

ALWAYS_INLINE void
json_blanks(json_reader *r) {
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) {
        r->at++;
    }
}

ALWAYS_INLINE bool
json_take(json_reader *r, char c) {
    if (r->at < r->end && *r->at == c) {
        r->at++;
        return true;
    }
    return false;
}

/* The line of a place, from 1 or what the target says. */
int64_t json_line(const json_reader *r, const char *at);
/* ERR_INGESTION_FAILED; `what` says what is wrong at the reader's place. */
status json_fault(const json_reader *r, const char *what, error *err);
/* Behind the opening quote. Borrows from the text when there is no escape, else until the next. */
status json_text(json_reader *r, text *out, error *err) MUST_USE;
/* The grammar of JSON. *integral: no point and no exponent. */
status json_number(json_reader *r, text *out, bool *integral, error *err) MUST_USE;
bool   json_take_word(json_reader *r, text word);
/* Checks a value without keeping it. `depth` levels are open around it. */
status json_skip(json_reader *r, int32_t depth, error *err) MUST_USE;
/* A value of a nested type (json_nested.c); texts of it lie in `scratch` or the text read. */
status json_nested(json_reader *r, data_type t, value *out, error *err) MUST_USE;

/* What may stand between the objects of a file, in any number: it may be lines, an array or
 * several. */
static inline bool
json_is_between(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == ',' || c == '[' || c == ']';
}

#endif
