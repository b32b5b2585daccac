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

typedef struct tokens { /* of one statement */
    text     sql;
    token   *items;
    int32_t *match;  /* of an opening parenthesis, bracket or brace: what closes it, or `count` */
    int32_t *parent; /* the innermost one that is open there; -1 */
    int32_t  count, capacity;
    int32_t  word;    /* number of those that end before the word that is typed */
    bool     nothing; /* the place is in a string, comment or number */
} tokens;

typedef struct from_item { /* what FROM, JOIN, INTO, UPDATE name; places are tokens, -1: none */
    text    schema, name, alias;
    bool    quoted;
    int32_t at;
    int32_t body;  /* the parenthesis of a subquery, or of the arguments of `name` */
    int32_t names; /* the parenthesis of the names behind the alias */
} from_item;

typedef struct with_item { /* WITH name (names) AS (body) */
    text    name;
    int32_t at, names, body;
    bool    recursive;
} with_item;

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
    with_item   with[PLACE_WITH_MAX];
    tokens      tokens;
} place;

/* Texts are borrowed from `sql`, or from the arena. In strings and comments nothing is wanted. */
status place_find(place *out, arena *a, text sql, int32_t at, error *err) MUST_USE;

/* Of tokens (complete_place.c). */
token   tokens_at(const tokens *t, int32_t i);
bool    tokens_name_at(const tokens *t, int32_t i);
text    tokens_text(const tokens *t, int32_t i, arena *a);
bool    tokens_within(const tokens *t, int32_t i, int32_t opening); /* -1: the statement */
bool    tokens_end_operand(const tokens *t, int32_t i);
int32_t tokens_behind(const tokens *t, int32_t opening);
int32_t tokens_from_item(const tokens *t, arena *a, int32_t i, from_item *out);

/* Names of the columns of what FROM names, in their order, as far as the text tells: `own` looks in
 * the catalogue, `take` takes each. Every step costs one of `steps`, whatever the text refers to.
 */
typedef struct columns_reader {
    const object *(*own)(void *context, const from_item *f);
    void (*take)(void *context, text name);
    void   *context;
    arena  *arena;
    int32_t steps;
} columns_reader;

#define COLUMNS_STEPS_MAX 50000

bool place_sees_with(const place *p, int32_t i, int32_t at); /* from token `at` */
void place_columns(const place *p, const from_item *f, columns_reader *r);

#endif
