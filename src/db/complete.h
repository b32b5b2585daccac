/* SPDX-License-Identifier: Apache-2.0 */
/* complete.h - the place in a statement at which a word is completed: found from its tokens alone,
 * because what is being typed does not parse. */
#ifndef LAMINAR_DB_COMPLETE_H
#define LAMINAR_DB_COMPLETE_H

#include "db/highlight.h"
#include "sql/parser.h"

enum { RANK_COLUMN, RANK_ALIAS, RANK_OBJECT, RANK_KEYWORD, RANK_FUNCTION };

enum {
    WANT_OPERAND = 1, /* columns, functions */
    WANT_RELATION = 2,
    WANT_STREAM = 4,
    WANT_SINK = 8,
    WANT_PIPELINE = 16,
    WANT_TYPE = 32,
    WANT_SETTING = 64
};

typedef struct from_item { /* what FROM, JOIN, INTO, UPDATE name */
    text schema, name, alias;
    bool quoted;
} from_item;

#define PLACE_FROM_MAX 64
#define PLACE_WITH_MAX 32
#define PLACE_LISTS_MAX 2

typedef struct place {
    int32_t     start;     /* of the word that is replaced */
    text        prefix;    /* of it, up to the place; without its quotes */
    text        qualifier; /* data NULL: none */
    bool        quoted;    /* it begins with a double quote */
    bool        lower;     /* keywords are typed in small letters */
    uint32_t    wants;
    const char *words[PLACE_LISTS_MAX]; /* keywords, with commas between them; NULL */
    int32_t     from_count, with_count;
    from_item   from[PLACE_FROM_MAX];
    text        with[PLACE_WITH_MAX];
} place;

/* Texts are borrowed from `sql`, or from the arena. In strings and comments nothing is wanted. */
status place_find(place *out, arena *a, text sql, int32_t at, error *err) MUST_USE;

#endif
