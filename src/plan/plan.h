/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - the typed logical plan: what a bound query does, independent of how. Read-only once
 * made; lives in an arena.
 *
 * Expressions are pulled apart at binding: aggregates, joins, sorts and windows refer to input
 * columns by number, and a PROJECT below computes what is not a plain column. So only FILTER,
 * PROJECT and a join's residual evaluate expressions. */
#ifndef LAMINAR_PLAN_PLAN_H
#define LAMINAR_PLAN_PLAN_H

#include "agg/agg.h"
#include "agg/over.h"
#include "batch/relation.h"
#include "batch/routine.h"
#include "catalog/catalog.h"
#include "expr/expr.h"
#include "kernel/kernel.h"
#include "sql/ast.h"

/* Checkpoints know plans by these numbers: a new one comes last. */
typedef enum plan_kind {
    PLAN_SCAN,      /* a source, table or stream: object, column_map */
    PLAN_SINGLE,    /* one row without columns (SELECT 1) */
    PLAN_VALUES,    /* constant rows: exprs = row_count * schema.count */
    PLAN_RELATION,  /* rows that are not kept here: relation, column_map */
    PLAN_FILTER,    /* predicate */
    PLAN_PROJECT,   /* exprs */
    PLAN_KEEP,      /* streams: exprs, which are calls of volatile functions, behind the columns of
                       the input; each row keeps what they gave when it came */
    PLAN_AGGREGATE, /* input: key_count keys first, then arguments and filters; output: keys, then
                       one column per call */
    PLAN_JOIN,      /* inputs 0 and 1; output: left columns, right columns; SEMI, ANTI: left
                       columns; MARK: left columns, mark. Or what column_map picks */
    PLAN_ASOF,      /* inputs 0 and 1, keys: of the right rows with equal keys the one that `match`
                       picks; its columns stand behind those of the keys. Output: left columns,
                       right columns */
    PLAN_WINDOW,    /* a row for each window of a row: appends window_start (CUMULATE: window_end
                       too; SESSION: the time itself) of the type of the time column; drops late and
                       NULL-time rows in streams */
    PLAN_SORT,      /* one-off only */
    PLAN_TOP_N,     /* sort keys (maybe none), limit, offset; of each key, when there are keys */
    PLAN_OVER, /* window functions over rows of equal keys in the order of the sort keys; output:
                  input columns, then one column per call */
    PLAN_DISTINCT,  /* all columns */
    PLAN_UNION,     /* UNION ALL: the rows of all inputs, whose columns have the same types */
    PLAN_SERIES,    /* for each row the values from `start` to `stop`, `step` apart, which are three
                       of its columns: key_columns. Output: input columns, value, number of the
                       value when it is asked for; or what column_map picks */
    PLAN_RECURSIVE, /* one-off: rows of input 0, then again and again those of input 1, which reads
                       the newest ones in its WORKING leaf, until there are none; `distinct` */
    PLAN_WORKING,   /* the rows that the last step of the RECURSIVE above it gave */
    PLAN_RESULT,    /* streams with state_ttl: the rows that came out, which are kept */
    PLAN_SHARED,    /* reads a part of the plan that others read too: shared, column_map. The part
                       is computed once; its root is input 0 of all readers */
    PLAN_PROCESS    /* a processor of the program's for each key: routine, key_columns; output: what
                       it gives */
} plan_kind;

/* Edge properties, computed bottom-up. */
enum {
    PLAN_APPEND_ONLY = 1, /* no retraction ever */
    PLAN_CONSOLIDATED = 2 /* a tick's output holds no row twice with opposite weights */
};

typedef struct plan_agg {
    const agg_class *class;
    agg_signature signature;
    int32_t      *columns; /* input column of each of the signature's */
    int32_t       filter;  /* input column (BOOLEAN), -1 */
    bool          distinct;
} plan_agg;

typedef enum window_kind {
    WINDOW_HOP,      /* [start, start + size) at every slide; TUMBLE: slide = size */
    WINDOW_CUMULATE, /* [start, start + n * slide) up to size; starts lie size apart */
    WINDOW_SESSION   /* rows of one key at most size (the gap) apart */
} window_kind;

typedef enum plan_join_kind {
    JOIN_INNER,
    JOIN_LEFT,
    JOIN_RIGHT,
    JOIN_FULL,
    JOIN_SEMI,  /* left rows with a match */
    JOIN_ANTI,  /* left rows without one */
    JOIN_MARK,  /* left rows and whether they have a match */
    JOIN_SINGLE /* LEFT, where a second match is an error: a subquery that stands for a value */
} plan_join_kind;

typedef enum plan_match { /* ASOF: left >= right and so on; the nearest of those */
                          MATCH_GREATER_EQUAL,
                          MATCH_GREATER,
                          MATCH_LESS_EQUAL,
                          MATCH_LESS,
                          MATCH_NEAREST /* the smallest distance, the earlier one of two */
} plan_match;

#define SHARD_COLUMNS_MAX 8
/* SCAN of a stream with shards: of the rows those whose columns fall to number `at`. UNION: of such
 * inputs, one for each. */
typedef struct plan_shard {
    int32_t  at, count;
    int32_t  width;
    int32_t *columns; /* of the scan's output */
} plan_shard;

typedef struct plan_node plan_node;

typedef struct plan_shared { /* a part of the plan with several readers */
    plan_node *root;
    plan_node *first; /* the reader through which walks go down, once the plan is numbered */
    int32_t    reader_count;
    uint32_t   visit; /* the last walk that was here */
    double     rows;  /* estimated; 0: not yet */
    /* of the rewrites: */
    bool    pushed;
    bool   *needed; /* columns, by the readers that were pruned so far */
    int32_t pruned_readers;
    /* of the unnesting that changed the root, with where it put its columns: */
    const void *domain;
    int32_t    *domain_map, *domain_columns;
} plan_shared;

/* JOIN, ASOF of a stream: rows that a watermark lets it forget. Per side, in microseconds. */
typedef struct join_bound {
    bool     interval;       /* of event times, else of bounds of windows: nothing is late then */
    bool     to_windows;     /* interval: one of them is the bound of a window */
    int32_t  columns[2];     /* the time, of each side */
    int64_t  kept_us[2];     /* a row goes when time + kept + lateness < watermark */
    int64_t  judged_us[2];   /* interval: a row is late when time + judged + lateness < watermark */
    int64_t  slack_us[2];    /* interval: changes of what comes out come at most so much later */
    int64_t  page_us;        /* rows go by such spans; 0: value by value */
    int32_t  late_counts[2]; /* columns that late rows are sent with, 0: they are not */
    int32_t *late_columns[2];
} join_bound;

/* JOIN of a stream: rows of a side whose key must equal the greatest or smallest of a group of the
 * other side, which only moves away from those that it has passed. Groups are told apart by their
 * key columns: each is equal to a column of `side`, but for one that may be the bound of a window.
 * Bounds lie at base + n * slide, those that a row could match between time + lo and time + hi. */
typedef struct join_extreme {
    int32_t  side;     /* whose rows go */
    bool     greatest; /* max(), else min() */
    int32_t  key;      /* which of the keys is the extreme */
    int32_t  group_count;
    int32_t *groups, *equals;     /* columns of the other side, and of `side`: -1, the window */
    int32_t  time;                /* of `side`; -1: there is no window */
    int64_t  lo, hi, base, slide; /* in units of the time */
    bool     together;            /* both sides may get rows in one tick */
} join_extreme;

struct plan_node {
    plan_kind   kind;
    int32_t     id; /* dense within a plan, children before parents: children have smaller ids */
    uint32_t    properties;
    schema      schema; /* of the output; names matter at the root and for EXPLAIN */
    int32_t     input_count;
    plan_node **inputs;

    object      *object;      /* SCAN; the plan holds no reference: plan.objects does */
    int64_t      first_row;   /* SCAN, one-off: rows of a table from this position on */
    plan_shard  *shard;       /* SCAN, UNION; NULL: all rows */
    relation    *relation;    /* RELATION */
    plan_shared *shared;      /* SHARED */
    plan_node   *next_reader; /* SHARED: a list of the pruning */
    /* SCAN may have columns that its object has not: behind the object's the row's position
     * (UPDATE, DELETE: one-off); under this number, when it came (PROCTIME). */
#define SCAN_ARRIVAL (1 << 20)
#define SCAN_DEPARTURE (SCAN_ARRIVAL + 1) /* when it went; of `versions` */
    bool     versions;   /* SCAN: all versions of a table's rows, with both of these columns */
    int32_t *column_map; /* SCAN, RELATION, SHARED: object's, relation's or root's column of each
                            output column. SERIES: of input ++ value ++ number. JOIN, once it is
                            pruned: of left ++ right ++ mark, NULL: all as above */
    expr          *predicate;   /* FILTER; JOIN residual over left ++ right columns, or NULL */
    expr         **exprs;       /* PROJECT, VALUES, KEEP */
    int32_t        kept_count;  /* KEEP: of exprs */
    int32_t        row_count;   /* VALUES */
    int32_t        key_count;   /* AGGREGATE; JOIN; TOP_N, OVER, PROCESS */
    int32_t       *key_columns; /* TOP_N, OVER, PROCESS */
    int32_t        over_count;
    over_call     *overs;                  /* OVER */
    int32_t       *left_keys, *right_keys; /* JOIN: column numbers, types equal pairwise */
    bool          *null_safe;              /* JOIN: per key, NULL matches NULL; NULL: none */
    plan_join_kind join;
    join_bound    *bound;      /* JOIN, ASOF of a stream; NULL: its rows are kept */
    join_extreme  *extreme;    /* JOIN of a stream, NULL: none */
    bool           ages[2];    /* per input: what is remembered of it is forgotten: state_ttl */
    bool           ordered;    /* JOIN: of the rewrite, its place is decided */
    int32_t        build_side; /* JOIN, one-off: the input that is read first and kept */
    plan_match     match;      /* ASOF */
    value          tolerance; /* ASOF: the largest distance, in the unit of the match; NULL: none */
    int32_t        position;  /* JOIN_SINGLE: of the subquery, -1 */
    int32_t        agg_count;
    plan_agg      *aggs;
    int32_t        window_key;  /* AGGREGATE: which key tells when a group is final (-1: none) */
    int32_t        session_key; /* AGGREGATE: which key is a time whose groups are sessions, -1 */
    int32_t        time_column; /* WINDOW */
    int32_t        late_count;  /* WINDOW: columns that late rows are sent with, 0: they are not */
    int32_t       *late_columns;
    window_kind    window; /* WINDOW */
    /* WINDOW; AGGREGATE: from the window key to the end of the window, or the gap of a session */
    int64_t window_size_us;
    int64_t window_slide_us, window_offset_us; /* WINDOW; AGGREGATE with panes */
    int64_t pane_us;  /* WINDOW: gives the starts of panes, not of windows; AGGREGATE: makes windows
                         of them; 0: not so */
    int32_t pane_key; /* AGGREGATE with panes: which key is the start of its window */
    int64_t lateness_us; /* WINDOW, AGGREGATE, JOIN and ASOF with a bound; WINDOW: INT64_MAX when no
                            row is ever late (one-off plans; time that no watermark follows) */
    retain_kind retain;  /* AGGREGATE with windows: which rows of those that were final it keeps */
    int64_t     retain_amount;
    bool        emit_at_close; /* AGGREGATE: emits a window's groups once, when it is final */
    bool        emit_at_end;   /* AGGREGATE: and never before the watermark has reached its end */
    int32_t     sort_count;
    sort_key   *sort_keys;
    int64_t     limit, offset; /* limit -1: none */
    bool        inclusive;     /* SERIES: the stop is a value of it */
    bool        distinct;      /* RECURSIVE: a row that was there is not new */
    text        label;         /* RECURSIVE: the name in WITH */

    const struct routine *routine; /* PROCESS; the arena of the plan holds it */
    text                 *names;   /* PROCESS: of the columns of its input */
};

typedef enum emit_mode { EMIT_UPDATE, EMIT_CHANGES, EMIT_CLOSE } emit_mode;

/* What a star of the statement's text stands for, where the statement is kept: its columns may get
 * company, and the text is to mean what it meant. */
typedef struct star_text star_text;
struct star_text {
    star_text  *next;
    int32_t     from, end; /* the place in the text of the statement */
    ast_implied implied;
    int32_t     count;
    struct star_part { /* shown, or a part of the text, then the alias where there is one */
        text    shown;
        int32_t from, end;
        text    alias; /* data NULL: none */
    } *parts;
};

/* Of a function of the program's that the plan calls. */
typedef struct plan_routine plan_routine;
struct plan_routine {
    plan_routine   *next;
    const object   *of;
    struct routine *routine; /* the arena of the plan holds it */
};

typedef struct plan {
    plan_node *root;
    int32_t    node_count;
    int32_t    object_count;
    object **objects; /* all that are read, views in between too, each once (borrowed: the holder of
                         the plan retains them) */
    emit_mode emit;
    int64_t emit_every_us; /* EMIT EVERY: changes come out at most once in so long; 0: every tick */
    int64_t ttl_us;        /* state_ttl; 0: none */
    int32_t shards;        /* parts by key, each of which may have a thread; 0: it has none */
    int32_t key_count; /* columns of the root that identify a row of an updating result; 0: none */
    int32_t *key_columns;
    bool     one_row; /* an aggregate without groups: what comes takes the place of what goes */
    int32_t  event_time_column; /* root column that is the event time of a source, -1: none */
    int64_t  slack_us;          /* see object.slack_us */
    int32_t  clock_time_column; /* root column that is PROCTIME(), -1: none */
    bool     by_clock;          /* its windows end by the engine's clock, not by a watermark */
    int64_t *closes_us;         /* per root column, see object.closes_us; NULL: none */
    object  *late_to;           /* where late rows go (borrowed); NULL: nowhere */
    bool     constant;          /* reads no object: finite */
    bool     streaming;
    bool     on_caller; /* calls code of the program's that runs on the query's thread alone, */
    bool     in_turn;   /* or one call at a time */
    plan_routine *routines;
    bool          is_part; /* of streams, which take its changes as they come */
    eval_env      eval;    /* for volatile functions */
    star_text    *stars;   /* of streams and views, in any order */
} plan;

/* What a query reads that the catalogue does not know: files, objects of the caller. To open one
 * may read a file or run the caller's code, so binding, which is done under a lock, does not: it
 * fails, tells what it misses, and is begun again when that is there. One relation serves one
 * place. */
typedef struct external {
    text      key; /* the name, or the call as SQL text */
    bool      is_name;
    relation *relation; /* NULL: there is none of the name */
    text      nearest;  /* then one that is spelt alike; data NULL: none */
    bool      used;     /* by the binding under way */
} external;

typedef struct externals {
    int32_t         count, capacity;
    external       *items;
    bool            for_view; /* objects of the caller cannot be part of it */
    const ast_from *missing;  /* NULL: binding found all that it looked for */
    text            missing_key;
    bool            missing_in_view; /* then positions mean nothing to the statement */
} externals;
/* What a statement is bound under. */
typedef enum plan_nulls { NULLS_LARGEST, NULLS_LAST, NULLS_FIRST } plan_nulls;

typedef struct plan_variable { /* of SET VARIABLE */
    struct plan_variable *next;
    text                  name;
    value                 value;
} plan_variable;

typedef struct object_swap {
    const object *old;
    object       *made;
} object_swap;

typedef struct plan_env {
    eval_env eval;
    int64_t *statement_us; /* eval_instant, of all that is bound for a statement; NULL: a plan
                              has its own */
    /* Where an old one is named, the other is read: what ALTER and OR REPLACE ask before they put
     * one in the other's place. */
    const object_swap    *swaps;
    int32_t               swap_count;
    bool                  real_division; /* of two integers / gives a DOUBLE */
    plan_nulls            nulls;         /* of an ORDER BY that does not say */
    text                  retain;        /* of sources that do not say; empty: all */
    bool                  shows_zone;    /* instants in the rows become texts: COPY TO */
    text                  zone;          /* where TIMESTAMPTZ is shown, read and cut; empty: UTC */
    int32_t               joins_max, windows_max; /* of a FROM, of a row; 0: the highest */
    int32_t               grouping_sets_max, grouping_keys_max;
    plan_variable *const *variables; /* NULL: what is made outlives them, so it may read none */
    /* A setting or a limit by its name, ERR_INVALID_ARGUMENT names the nearest; texts are borrowed.
     * NULL as variables is. */
    status (*setting)(value *out, const void *settings_of, text name, int32_t position, error *err);
    const void *settings_of;
} plan_env;

/* A SELECT. `streaming` refuses what cannot be maintained, checks EMIT and keeps ORDER BY + LIMIT
 * as TOP_N (ORDER BY alone is dropped). One-off plans may SORT. Column names of the result follow
 * the select list: alias, column name, else the expression's text in lower case as the user typed
 * it with function calls as written (`count(*)`, `SUM(x)` gives "SUM(x)"). Errors carry positions.
 * externals NULL: there are none. */
status plan_select(plan *out, arena *a, const catalog *c, externals *x, const plan_env *env,
                   const ast_select *select, text sql, bool streaming, const ast_emission *emit,
                   error *err) MUST_USE;
/* One expression over the columns of `input` (query_stream's filter), BOOLEAN. */
status plan_expression(expr **out, arena *a, const plan_env *env, const ast_expr *e,
                       const schema *input, error *err) MUST_USE;
/* The columns of CREATE VIEW's query under the names that the view gives them; binds it. *p is what
 * reading the view means now. */
status plan_view(plan *p, schema **columns, arena *a, const catalog *c, externals *x,
                 const plan_env *env, const ast_statement *s, text sql, error *err) MUST_USE;
/* CREATE TABLE ... AS: an object with the columns of a result. */
status plan_object_of(object *out, const ast_statement *s, const schema *columns,
                      error *err) MUST_USE;
/* Columns as CREATE SOURCE lists them: 'a BIGINT, b VARCHAR'. Texts come from `a`. */
status plan_fields(schema *out, arena *a, text list, error *err) MUST_USE;
/* An expression without columns, evaluated; `clause` for messages. */
status plan_constant(value *out, arena *a, const plan_env *env, const ast_expr *e,
                     const char *clause, error *err) MUST_USE;
/* A CREATE SOURCE / TABLE statement into an object: schema, defaults, event time, delay; as inputs
 * the functions of the catalog that its expressions call. */
status plan_object(object *out, const catalog *c, const plan_env *env, const ast_statement *s,
                   error *err) MUST_USE;
/* WITH (...) of CREATE STREAM. */
/* Whether a text is a value of the option retain. err may be NULL. */
status plan_check_retain(const plan_env *env, arena *a, text retain, error *err) MUST_USE;
status plan_stream_options(object *out, const plan_env *env, const ast_statement *s,
                           error *err) MUST_USE;
/* state_ttl of CREATE STREAM, to a plan that is whole otherwise: what it remembers without an end
 * is forgotten, and its rows are kept. Refused when it remembers nothing so; position: of the
 * statement's query. */
/* Which column of a stream's rows tells that a row is final, -1: none. It is when the column's
 * value plus *closes_us, in microseconds, is at most the watermark. */
int32_t plan_final_column(const plan *p, int64_t *closes_us);
status  plan_set_ttl(plan *p, arena *a, int64_t ttl_us, int32_t position, error *err) MUST_USE;
/* retain of CREATE STREAM. Refused when the rows are not those of windows that end. */
status plan_set_retain(plan *p, const object *o, int32_t position, error *err) MUST_USE;
/* shards of CREATE STREAM: the highest parts of the plan whose state lies apart by columns that all
 * leaves have are there `count` times, each for the rows that fall to it, below a UNION. Refused
 * when there are none; 0 and 1 change nothing. */
status plan_set_shards(plan *p, arena *a, int32_t count, int32_t position, error *err) MUST_USE;
/* CREATE FUNCTION into an object. */
status plan_function(object *out, const catalog *c, const ast_statement *s, error *err) MUST_USE;
/* The words of LANGUAGE EXTERNAL (AST_EXTERNAL_...) for what a routine is. */
uint32_t plan_external_words(routine_kind kind, uint32_t flags, bool variadic);
/* Is the statement INSERT ... VALUES alone? Other queries run, and their result is inserted. */
bool plan_insert_is_rows(const ast_statement *s, const catalog *c); /* without the token too */
bool plan_insert_says_default(const ast_statement *s);              /* in VALUES */
/* The query of those that are none. Where VALUES say DEFAULT, which only rows know, that is NULL,
 * and one more column tells which row each is: INSERT_ROW_BASE + its number, a BIGINT. */
#define INSERT_ROW_BASE ((int64_t)1 << 40)
status plan_insert_select(const ast_select **out, arena *a, const ast_statement *s,
                          error *err) MUST_USE;
/* source[c] for each column c of the target: which of `width` given values goes there, -1: the
 * default. */
status plan_insert_targets(int32_t *source, arena *a, const object *target, const ast_statement *s,
                           int32_t width, error *err) MUST_USE;
/* INSERT ... VALUES rows as one batch in the target's column order, defaults filled in. */
status plan_insert_values(batch **out, mem *m, arena *a, const plan_env *env, const object *target,
                          const ast_statement *s, error *err) MUST_USE;

/* UPDATE and DELETE: the query that finds the rows of the target and what becomes of them. Its
 * first column is their position; source[c] for each column c (UPDATE alone) is the column of the
 * query that it gets, -1: its DEFAULT. Behind the position of DELETE stands what it RETURNs. */
#define PLAN_POSITION ((text){"\0position", 9}) /* a name that cannot be written */
status plan_change_query(ast_select **out, int32_t *source, arena *a, const object *target,
                         const ast_statement *s, error *err) MUST_USE;

/* RETURNING of INSERT and UPDATE: a query over the target's rows from position first_row on, which
 * the statement made. That of DELETE is a part of the query that finds its rows. */
status plan_returning_query(ast_select **out, arena *a, const object *target,
                            const ast_statement *s, int64_t first_row, error *err) MUST_USE;

/* MERGE: the query that finds the rows. Its columns are the position of the target's row (NULL:
 * none), the number of the WHEN clause from 1 on, and what the clauses give: from[clause][c] is the
 * column that column c gets, -1: its DEFAULT; of ERROR from[clause][0] is the text. `source` has
 * the columns of the source where plan_merge_asks_source. */
typedef struct plan_merge {
    ast_select *select;
    int32_t   **from;
} plan_merge;
bool   plan_merge_asks_source(const ast_statement *s);
status plan_merge_query(plan_merge *out, arena *a, const object *target, const schema *source,
                        const ast_statement *s, error *err) MUST_USE;

bool ast_has_subquery(const ast_expr *e);

/* What has a subquery is left to a query: its value is the old one, such a condition is none. */
typedef struct plan_upsert {
    int32_t key;   /* of the target that the conflict is about; -1: any */
    expr **values; /* DO UPDATE: per column, over the old row's columns, then those of `excluded` */
    expr  *where;  /* likewise; NULL: none */
} plan_upsert;
status plan_conflict(plan_upsert *out, arena *a, const plan_env *env, const object *target,
                     const ast_conflict *c, text sql, error *err) MUST_USE;

/* How many inputs a walk that meets every node once goes down to: a shared part counts for its
 * first reader alone. */
ALWAYS_INLINE int32_t
plan_own_inputs(const plan_node *n) {
    return n->kind == PLAN_SHARED && n->shared->first != n ? 0 : n->input_count;
}

/* ---- same.c: parts of streams' plans that are computed once */
/* What a scan of such a part stands for; all other nodes are themselves. */
const plan_node *plan_whole(const plan_node *n);
/* Over the same rows both give the same changes at every tick, as far as they are deterministic. */
bool plan_same(const plan_node *a, const plan_node *b);
/* Something is remembered here or below. */
bool plan_has_state(const plan_node *n);
/* Something here or below cannot be computed for others too: values of now() and the like are those
 * of one stream, and so are late rows that are sent on. */
bool plan_is_own(const plan_node *n);
bool scan_shows_arrival(const plan_node *scan); /* PROCTIME() is among its columns */
/* A scan of the object `part` in the place of a node, with its number and its names. NULL: out of
 * memory. */
plan_node *plan_scan_part(arena *a, const plan_node *of, object *part);
/* `by` in the place of `what`, which has one reader: nodes above it are copied, none is changed. */
status plan_replace(plan_node **root, arena *a, const plan_node *what, plan_node *by,
                    error *err) MUST_USE;

/* An operator tree with properties, one node a line, indented by two blanks: EXPLAIN. */
typedef struct plan_profile { /* what a node did: EXPLAIN ANALYZE */
    int64_t rows_in, rows_out;
    int64_t spent_ns;      /* without what it called; of all threads */
    int64_t bytes;         /* the most that it held, per thread, added up */
    int64_t spilled_bytes; /* written to disk, for want of memory */
} plan_profile;
typedef struct plan_notes { /* of somebody who knows more about the nodes */
    void *context;
    /* Adds to the line of n. False: none of the nodes below is asked about. */
    bool (*note)(void *context, const plan_node *n, buf *out);
} plan_notes;
/* profile: by node id; NULL: none. */
void plan_print(const plan *p, const plan_profile *profile, buf *out);
void plan_print_noted(const plan *p, const plan_notes *notes, buf *out);

#endif
