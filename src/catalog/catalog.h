/* SPDX-License-Identifier: Apache-2.0 */
/* catalog.h - names and what they stand for. Lookups are by unquoted (any case) or quoted (exact)
 * name.
 *
 * One namespace for all kinds. The database's statement lock covers everything but catalog_take,
 * which any thread may call. Objects are counted, so that who found one may use it after a DROP. */
#ifndef LAMINAR_CATALOG_CATALOG_H
#define LAMINAR_CATALOG_CATALOG_H

#include "base/arena.h"
#include "base/error.h"
#include "batch/column.h"

typedef enum object_kind {
    OBJECT_SOURCE,
    OBJECT_TABLE,
    OBJECT_STREAM,
    OBJECT_VIEW,
    OBJECT_FUNCTION,
    OBJECT_SINK
} object_kind;

/* PRIMARY KEY or UNIQUE of a table. A key with a NULL in it is in no conflict. */
typedef struct object_key {
    bool     primary;
    int32_t  column_count; /* 1 .. KEY_COLUMNS_MAX */
    int32_t *columns;
} object_key;
#define KEY_COLUMNS_MAX 32
#define KEYS_MAX 16 /* of a table */

typedef struct object_check { /* CHECK: a row is refused for which it is false */
    text               name;  /* empty: none */
    text               shown; /* its text */
    const struct expr *condition;
} object_check;

typedef struct object_default { /* DEFAULT of a column */
    const struct expr *value;   /* of the column's type, without columns; NULL: it is NULL */
    text               shown;   /* its text; data NULL: none */
} object_default;

typedef struct object_index object_index;
struct object_index { /* CREATE INDEX, a hint */
    text          name;
    int32_t       column_count;
    int32_t      *columns;
    object_index *next;
};

/* What happens to a new row whose key is there already. */
typedef enum conflict_action {
    CONFLICT_REPLACE, /* the old row goes */
    CONFLICT_NOTHING, /* the old row stays, the new one falls away */
    CONFLICT_FAIL     /* all of the change is refused */
} conflict_action;

/* Which rows of a source are kept, and which of a stream's windows that were final: the newest. */
typedef enum retain_kind {
    RETAIN_ALL,
    RETAIN_ROWS, /* so many; 0: none behind the tick that they came with */
    RETAIN_TIME  /* microseconds: of the watermark, or of arrival where there is no event time */
} retain_kind;

/* Rows that wait for a busy engine, in front of one bound. */
typedef struct waiting_rows {
    _Atomic int64_t rows;     /* queued or being applied */
    _Atomic int32_t sleepers; /* inserts that wait for room */
} waiting_rows;

#define SHARDS_MAX 64 /* of a stream */

typedef struct object object;
struct object {
    object_kind kind;
    text        name; /* as declared */
    uint64_t    id;   /* grows with each creation */
    schema     *schema;
    text        sql;      /* the statement that made it; a view is bound from it where it is read */
    text        declared; /* the same as it was typed: stars are stars */
    bool        is_recovered; /* a log made it: a script may declare it again */
    int32_t     shards;       /* streams: parts by key; 0: it has none */
    int64_t     state_ttl_us; /* streams: what was not touched for so long is forgotten; 0: never */
    /* sources */
    int32_t event_time_column; /* -1: processing time */
    int32_t clock_time_column; /* streams: the column that is PROCTIME(), -1 */
    bool    by_clock;          /* streams: closes_us is by the engine's clock */
    int64_t slack_us; /* of the event time: how much later, by the watermark, a change of a row may
                         come, when none is late; INT64_MAX: at any time. 0: sources */
    int64_t delay_us; /* of WATERMARK FOR */
    bool    manual_watermark; /* WITH (watermark = 'manual'): rows never move it, the writer does;
                                 delay_us is INT64_MAX then */
    retain_kind retain;       /* of rows of a source, of final ones of a stream */
    int64_t     retain_amount;
    bool        bounded_history; /* tables: rows that went are kept for history_us, */
    int64_t     history_us;      /* for query_at; else for ever */
    int64_t     future_skew_us;  /* rows move the watermark so far past the clock; 0: no bound */
    int64_t     idle_timeout_us; /* silent for so long, it holds no watermark back; 0: never */
    int64_t buffer_size; /* rows of it that may wait for a busy engine; 0: in the common buffer */
    waiting_rows    waiting;    /* where it has a buffer of its own */
    object_default *defaults;   /* per column */
    bool            gives_rows; /* a function: it stands in FROM */
    struct routine *routine;    /* a function whose code is the program's, held; NULL: SQL */
    object_index   *indexes;
    /* tables */
    int32_t       key_def_count;
    object_key   *key_defs;
    int32_t       check_count;
    object_check *checks;
    conflict_action
        on_conflict; /* of the primary key; other keys: CONFLICT_FAIL, unless it says NOTHING */
    /* properties of the rows it delivers */
    bool append_only;
    /* Streams: per column, in microseconds from its value to the watermark behind which no row with
     * it changes any more; INT64_MAX: never. NULL: no column has one. */
    const int64_t *closes_us;
    int32_t
        key_count; /* streams: leading key columns of an updating query are key_columns; 0 = none */
    const int32_t *key_columns;
    object        *late_to; /* streams: the source that gets their late rows; NULL: none */
    /* What streams share, which is in no catalogue: the plan that it stands for. Else NULL. */
    const struct plan_node *part;
    /* what db and exec hang on it */
    void *impl;
    void (*impl_free)(void *impl);
    /* For the planner's estimates; NULL: unknown. The range is that of an integer-like column. */
    int64_t (*row_count)(const void *impl);
    bool (*column_range)(const void *impl, int32_t column, int64_t *min, int64_t *max);
    /* streams and views: what they read, views in between too; the catalog holds them */
    int32_t  input_count;
    object **inputs;
    /* dependents: objects that read this one */
    int32_t         dependent_count;
    object        **dependents;
    _Atomic int32_t references;
    arena           arena;   /* owns the strings and arrays above, */
    object         *before;  /* with that of what an ALTER made this one from; NULL: none */
    bool            altered; /* another one stands in its place now; with the statement lock */
};

typedef struct catalog catalog;

status catalog_open(catalog **out, mem *m, error *err) MUST_USE;
void   catalog_close(catalog *c);
/* What objects and their columns are called: without control characters. */
status catalog_check_name(text name, int32_t position, error *err) MUST_USE;
/* A new object with reference 1, not yet in the catalog; fill it (from object->arena) and add it,
 * or release it. */
status  catalog_object_new(object **out, mem *m, object_kind kind, text name, error *err) MUST_USE;
object *catalog_object_retain(object *o);
void    catalog_object_release(object *o);
/* ERR_TABLE_EXISTS when the name is taken (without regard to case). The catalog takes a reference
 * of its own; the caller keeps his. */
status catalog_add(catalog *c, object *o, error *err) MUST_USE;
void   catalog_remove(catalog *c, object *o);
/* Puts `o`, whose inputs and dependents are set, in the place of `old`, for all who know it. */
void    catalog_replace(catalog *c, object *old, object *o);
object *catalog_find(const catalog *c, text name, bool exact); /* borrowed; NULL */
object *catalog_take(catalog *c, text name); /* by unquoted name, retained; NULL */
/* As find; otherwise the given status (ERR_TABLE_NOT_FOUND or ERR_NOT_FOUND_IN_QUERY), `what`
 * ("Source", "Stream", "Table") in the text
 * ("Stream not found: x") and a hint with the nearest name. position -1: none. */
status      catalog_need(object **out, const catalog *c, text name, bool exact, status s,
                         const char *what, int32_t position, error *err) MUST_USE;
const char *object_kind_name(object_kind kind);  /* "source" */
const char *object_kind_word(object_kind kind);  /* "SOURCE" */
catalog    *catalog_functions(const catalog *c); /* SQL functions have names of their own */
/* Each has what the other had, functions too; ids go on growing in both. */
void    catalog_exchange(catalog *a, catalog *b);
int32_t catalog_count(const catalog *c);
object *catalog_at(const catalog *c, int32_t i); /* in order of creation */
status  catalog_depend(object *on, object *dependent, error *err) MUST_USE;
void    catalog_undepend(object *on, object *dependent);

#endif
