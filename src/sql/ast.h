/* SPDX-License-Identifier: Apache-2.0 */
/* ast.h - what the parser makes of SQL text. Read-only afterwards; lives in the statement's arena.
 *
 * Names keep their spelling; `quoted` tells whether they were in double quotes (then they match
 * exactly). position is a byte offset. */
#ifndef LAMINAR_SQL_AST_H
#define LAMINAR_SQL_AST_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

#define SQL_HEIGHT_MAX 256

typedef struct ast_name {
    text    text;
    bool    quoted;
    int32_t position;
} ast_name;

typedef struct ast_type { /* a type as written */
    ast_name name;        /* "DOUBLE PRECISION" arrives as one blank-separated name */
    int32_t  argument_count;
    int32_t  arguments[2]; /* DECIMAL(p, s), TIMESTAMP(p), VARCHAR(n), [n] */
    /* STRUCT: its fields; MAP: key and value; "[]": the type of the items. Names of fields;
     * text.data NULL where there is none. */
    int32_t          part_count;
    struct ast_type *parts;
    ast_name        *part_names;
} ast_type;

/* What CREATE FUNCTION ... LANGUAGE EXTERNAL says of code that is the program's. */
enum {
#define EXTERNAL_WORD(name) EXTERNAL_AT_##name,
#include "sql/external.def"
    AST_EXTERNAL_WORD_COUNT
};
enum {
#define EXTERNAL_WORD(name) AST_EXTERNAL_##name = 1 << EXTERNAL_AT_##name,
#include "sql/external.def"
};
extern const char *const ast_external_words[AST_EXTERNAL_WORD_COUNT]; /* as they are written */
void ast_external_print(uint32_t words, buf *out); /* " LANGUAGE EXTERNAL", and they */
typedef struct ast_external {
    uint32_t words;   /* AST_EXTERNAL_... */
    ast_type state;   /* name.text.data NULL: none */
    text     version; /* data NULL: none */
} ast_external;

typedef struct ast_expr   ast_expr;
typedef struct ast_select ast_select;
typedef struct ast_order  ast_order;
typedef struct ast_over   ast_over;

typedef enum ast_expr_kind {
    AST_NULL,
    AST_TRUE,
    AST_FALSE,
    AST_INTEGER,   /* text: digits (underscores removed), maybe too large: the binder decides */
    AST_FLOAT,     /* text: as written, without underscores */
    AST_STRING,    /* text: unescaped */
    AST_INTERVAL,  /* INTERVAL '5' SECOND, INTERVAL 5 MINUTES, INTERVAL '1 hour 5 minutes': text =
                    amount or whole text, unit = unit word in upper case and singular (SECOND), or
                    empty */
    AST_TYPED,     /* DATE '2024-01-01', TIMESTAMP '...': type, text */
    AST_COLUMN,    /* [qualifier.]name */
    AST_STAR,      /* * or t.*; in select lists and count(*). star: what is behind it; arg_names
                      are replaced by args */
    AST_COLUMNS,   /* COLUMNS(* ...) as AST_STAR, COLUMNS('regex'): text, COLUMNS(list) and
                      COLUMNS(lambda): operand; for each such column. *COLUMNS(...): all of them, as
                      arguments or items, with `all` */
    AST_POSITION,  /* #number: a column of FROM, from 1 */
    AST_PARAMETER, /* ?, $1, $name, :name: text without the mark ("" for ? and ?1), number = ordinal
                      of ? or $n, counted per statement; value: what was given for it */
    AST_UNARY,     /* op: "-", "+", "NOT"; args[0] */
    AST_BINARY,    /* op: + - * / // % || = <> < <= > >= AND OR (upper case, != arrives as <>, == as
                    =). Chains of one AND or OR are balanced trees: a AND b AND c AND d is (a AND b)
                    AND (c AND d), so that thousands of terms stay low */
    AST_CALL,      /* name(args [ORDER BY orders]) [WITHIN GROUP (ORDER BY orders)] [FILTER (WHERE
                      filter)]; distinct; arg_names when some are named */
    AST_CASE, /* operand (may be NULL), args: when, then, when, then ...; otherwise (may be NULL) */
    AST_CAST, /* args[0], type; is_try for TRY_CAST */
    AST_IS_NULL,     /* args[0]; negated for IS NOT NULL */
    AST_IS_BOOL,     /* args[0] IS [NOT] TRUE/FALSE: op is "TRUE" or "FALSE", negated */
    AST_IS_DISTINCT, /* args[0] IS [NOT] DISTINCT FROM args[1] */
    AST_BETWEEN,     /* args: value, low, high; negated */
    AST_IN,          /* args: needle, items...; negated */
    AST_LIKE,        /* args: value, pattern [, escape]; negated; op "LIKE" or "ILIKE" */
    AST_COLLATE,     /* args[0] COLLATE NOCASE, where it is not compared or ordered: see
                        parse_collate.c. op: "NOCASE" */
    AST_ROW,         /* (a, b, ...): two values or more */
    AST_LIST,        /* [a, b, ...] */
    AST_LAMBDA,      /* (x, y) -> args[0]: arg_names, of which there are `number` */
    AST_SUBQUERY,    /* (SELECT ...) as a value: query */
    AST_EXISTS,      /* EXISTS (query) */
    AST_IN_QUERY,    /* args[0] [NOT] IN (query): negated */
    AST_QUANTIFIED,  /* args[0] op ANY (query), op ALL (query): a comparison as op, `all` */
    AST_DEFAULT      /* DEFAULT as a value of INSERT ... VALUES */
} ast_expr_kind;

typedef enum ast_nulls { AST_NULLS_DEFAULT, AST_NULLS_IGNORE, AST_NULLS_RESPECT } ast_nulls;

typedef struct ast_rename { /* of a star; `to` is empty in EXCLUDE */
    ast_name qualifier;     /* text.data NULL when absent */
    ast_name name, to;
} ast_rename;

/* A star that is not written: what its text, which is that of its place, becomes when it is. */
typedef enum ast_implied {
    AST_IMPLIED_NOT,   /* it is written */
    AST_IMPLIED_FROM,  /* FROM without SELECT, which is put before it */
    AST_IMPLIED_TABLE, /* TABLE name: SELECT ... FROM stands for TABLE */
    AST_IMPLIED_ELSE   /* there is no place */
} ast_implied;

typedef struct ast_star { /* [LIKE ...] [EXCLUDE (...)] [REPLACE (...)] [RENAME (...)] */
    text        op;       /* "LIKE", "ILIKE", "SIMILAR TO", "GLOB" or empty */
    bool        negated;
    text        pattern;
    int32_t     pattern_position;
    int32_t     exclude_count, rename_count;
    ast_rename *excludes, *renames;
    int32_t     without_count; /* EXCLUDE (COLUMNS(...)) */
    ast_expr  **withouts;
    bool        may_be_empty; /* EXCLUDE may leave no column: of PIVOT and UNPIVOT */
} ast_star;

struct ast_expr {
    ast_expr_kind kind;
    int32_t       position;
    int32_t end; /* byte offset after the last token: the text of the expression, for default column
                    names */
    /* What recursion may rely on, both at most SQL_HEIGHT_MAX: */
    int16_t height;  /* of the tree: 1 + that of the highest child */
    int16_t nesting; /* of grammar rules when the expression is printed and parsed again: chains of
                        operators do not nest */
    text       text;
    text       unit;
    text       op;
    ast_name   qualifier; /* AST_COLUMN, AST_STAR; text.data NULL when absent */
    ast_name   name;      /* AST_COLUMN, AST_CALL */
    ast_type   type;
    int32_t    number;
    bool       distinct, negated, is_try, all;
    bool       in_query; /* AST_PARAMETER of a function: see CREATE FUNCTION */
    int32_t    arg_count;
    ast_expr **args;
    ast_name *arg_names; /* AST_CALL: name => value; text.data NULL where there is none. NULL: none.
                            AST_STAR, AST_COLUMNS: the columns that args replace */
    ast_expr   *operand, *otherwise, *filter;
    ast_over   *over; /* AST_CALL of a window function, else NULL */
    ast_nulls   nulls;
    ast_star   *star;    /* AST_STAR, AST_COLUMNS; NULL: nothing is behind it */
    ast_implied implied; /* AST_STAR */
    ast_select *query;
    int16_t     query_height, query_nesting; /* of the trees in it */
    int32_t     order_count;                 /* AST_CALL */
    ast_order  *orders;
    bool        within_group;
    /* AST_PARAMETER: set after parsing and before binding; NULL: nothing was given. */
    const struct value *value;
};

typedef struct ast_item { /* of a select list */
    ast_expr *expr;
    ast_name  alias; /* text.data NULL when absent */
} ast_item;

struct ast_order {
    ast_expr *expr;
    bool      descending;
    int8_t    nulls; /* 0 default, 1 FIRST, 2 LAST */
};

/* ---- windows of window functions */
typedef enum ast_frame_unit {
    AST_FRAME_DEFAULT,
    AST_FRAME_ROWS,
    AST_FRAME_RANGE,
    AST_FRAME_GROUPS
} ast_frame_unit;

typedef enum ast_bound_kind { /* in the order in which they may stand */
                              AST_BOUND_UNBOUNDED_PRECEDING,
                              AST_BOUND_PRECEDING,
                              AST_BOUND_CURRENT,
                              AST_BOUND_FOLLOWING,
                              AST_BOUND_UNBOUNDED_FOLLOWING
} ast_bound_kind;

typedef enum ast_exclude {
    AST_EXCLUDE_NONE,
    AST_EXCLUDE_CURRENT,
    AST_EXCLUDE_GROUP,
    AST_EXCLUDE_TIES
} ast_exclude;

typedef struct ast_bound {
    ast_bound_kind kind;
    int32_t        position;
    ast_expr      *offset; /* PRECEDING, FOLLOWING */
} ast_bound;

/* OVER base, OVER ([base] [PARTITION BY ...] [ORDER BY ...] [frame]), and what stands behind a name
 * of WINDOW. */
struct ast_over {
    int32_t        position;
    bool           bare; /* OVER base, without parentheses */
    ast_name       base; /* of the WINDOW clause; text.data NULL when absent */
    int32_t        partition_count;
    ast_expr     **partitions;
    int32_t        order_count;
    ast_order     *orders;
    ast_frame_unit unit;
    ast_bound      start, end;
    ast_exclude    exclude;
};

typedef struct ast_window { /* WINDOW name AS (over) */
    ast_name  name;
    ast_over *over;
} ast_window;

typedef struct ast_with {  /* name [(columns)] AS (query) */
    bool        recursive; /* WITH RECURSIVE: its query may refer to itself */
    ast_name    name;
    int32_t     column_count; /* 0: those of the query */
    ast_name   *columns;
    ast_select *query;
} ast_with;

typedef enum ast_from_kind {
    AST_FROM_TABLE,
    AST_FROM_SUBQUERY,
    AST_FROM_JOIN,
    AST_FROM_FUNCTION, /* call: AST_CALL name(arguments); AST_STRING: a file, 'dir/file.csv' */
    AST_FROM_WINDOW,   /* TUMBLE(left [PARTITION BY names], ...): its rows with their windows */
    AST_FROM_PROCESS   /* call, which has no arguments: f(TABLE left [PARTITION BY names]) */
} ast_from_kind;
typedef enum ast_join_kind {
    AST_JOIN_INNER,
    AST_JOIN_LEFT,
    AST_JOIN_RIGHT,
    AST_JOIN_FULL,
    AST_JOIN_SEMI, /* left rows with a match */
    AST_JOIN_ANTI, /* left rows without one */
    AST_JOIN_CROSS
} ast_join_kind;

typedef struct ast_from ast_from;
struct ast_from { /* joins and subqueries nest at most SQL_HEIGHT_MAX deep, all together */
    ast_from_kind kind;
    int32_t       position;
    ast_name      name;           /* table */
    bool          system;         /* schema.name: a table of the system */
    text          schema;         /* laminar, information_schema: in lower case, static memory */
    bool          with_position;  /* table: its rows' positions as one more column; not in SQL */
    bool          of_change;      /* table: its rows from position first_row on; not in SQL */
    bool          qualified_only; /* its columns are found by the qualifier alone; not in SQL */
    int64_t       first_row;
    ast_expr     *as_of;        /* table: FOR SYSTEM_TIME AS OF, NULL when absent */
    ast_name      alias;        /* text.data NULL when absent */
    int32_t       column_count; /* alias(column, ...), 0 when absent */
    ast_name     *columns;
    ast_select   *query;      /* subquery */
    bool          lateral;    /* LATERAL is written */
    bool          ordinality; /* FUNCTION: WITH ORDINALITY numbers the rows */
    ast_join_kind join;
    ast_from     *left, *right;
    ast_expr     *call;   /* FUNCTION, PROCESS */
    ast_expr     *window; /* WINDOW: the call without its table */
    int32_t       partition_count;
    ast_name     *partition_names;
    bool          natural; /* join: USING all columns that both sides have */
    ast_expr     *on;      /* NULL for CROSS, NATURAL and USING */
    int32_t       using_count;
    ast_name     *using_names;
    bool          asof;      /* INNER or LEFT; the last inequality of `on` is the match, when... */
    ast_expr     *match;     /* ... MATCH_CONDITION does not give it */
    ast_expr     *tolerance; /* NULL when absent */
};

typedef enum ast_emit {
    AST_EMIT_DEFAULT,
    AST_EMIT_CHANGES,
    AST_EMIT_WINDOW_CLOSE,
    AST_EMIT_AFTER_WATERMARK,
    AST_EMIT_UPDATE,
    AST_EMIT_EVERY
} ast_emit;

typedef struct ast_emission { /* [EMIT ...] [ALLOW LATENESS expr] [LATE DATA TO name] */
    ast_emit  kind;
    int32_t   position;
    ast_expr *every;    /* AST_EMIT_EVERY */
    ast_expr *lateness; /* NULL when absent */
    ast_name  late_to;  /* text.data NULL when absent */
} ast_emission;

typedef enum ast_set_op { AST_SET_UNION, AST_SET_INTERSECT, AST_SET_EXCEPT } ast_set_op;

typedef enum ast_grouping_kind {
    AST_GROUPING_EXPR,
    AST_GROUPING_LIST, /* (a, b), (): one set or element */
    AST_GROUPING_ROLLUP,
    AST_GROUPING_CUBE,
    AST_GROUPING_SETS
} ast_grouping_kind;

typedef struct ast_grouping ast_grouping;
struct ast_grouping { /* an item of GROUP BY */
    ast_grouping_kind kind;
    int32_t           position;
    ast_expr         *expr;  /* EXPR */
    int32_t           group; /* EXPR: its number in groups */
    int32_t           count; /* others: what is inside */
    ast_grouping     *items;
};

typedef enum ast_select_kind {
    AST_SELECT_PLAIN,  /* SELECT ... */
    AST_SELECT_VALUES, /* VALUES (...), (...); of INSERT also DEFAULT VALUES: one row of no values
                        */
    AST_SELECT_UNION   /* branch UNION [ALL] branch ...: a chain of one kind is one node. A single
                          branch is a query that has an ORDER BY, LIMIT or WITH beside its own */
} ast_select_kind;

typedef struct ast_pivot_on {
    ast_expr   *expr;
    ast_select *values; /* SELECT expr FROM relation, where IN does not say them */
    int32_t     count;
    ast_item   *items; /* the values; NULL: to be found */
} ast_pivot_on;

typedef struct ast_pivot { /* PIVOT of which an ON has no IN: its columns are to be found */
    ast_select   *query;   /* the pivoted one, whose items are the groups so far */
    int32_t       on_count, use_count;
    ast_pivot_on *ons;
    ast_item     *uses; /* aggregates of USING */
} ast_pivot;

struct ast_select { /* a query; WITH, ORDER BY, LIMIT and OFFSET belong to all kinds */
    ast_select_kind kind;
    int32_t         position;
    int32_t         with_count; /* each sees the ones before it */
    ast_with       *withs;
    /* VALUES */
    int32_t    row_count;
    int32_t    row_width;
    ast_expr **rows; /* row_count * row_width */
    /* UNION, which stands for INTERSECT and EXCEPT (of two branches each) too */
    ast_set_op   set_op;
    bool         by_name; /* UNION BY NAME: columns are matched by their names */
    int32_t      branch_count;
    ast_select **branches;
    /* SELECT; `distinct` also of UNION, INTERSECT and EXCEPT without ALL */
    bool          distinct;
    int32_t       distinct_on_count; /* DISTINCT ON (...), 0 when absent */
    ast_expr    **distinct_ons;
    int32_t       item_count;
    ast_item     *items;
    ast_from     *from; /* NULL: no FROM */
    ast_expr     *where;
    ast_expr     *latest; /* LATEST ON latest PARTITION BY latest_keys; NULL when absent */
    int32_t       latest_key_count;
    ast_expr    **latest_keys;
    ast_expr     *sample;      /* SAMPLE BY: an interval; NULL when absent */
    int32_t       group_count; /* GROUP BY items; integers are ordinals, names may be aliases */
    ast_expr    **groups;
    bool          group_all;
    int32_t       grouping_count; /* the items as written, where one of them makes sets; else 0 */
    ast_grouping *groupings;
    bool          group_distinct; /* GROUP BY DISTINCT: equal sets once */
    ast_expr     *having;
    int32_t       window_count;
    ast_window   *windows;
    ast_expr     *qualify;
    int32_t       order_count; /* ORDER BY ALL: one, with a star */
    ast_order    *orders;
    ast_expr     *limit, *offset; /* NULL when absent */
    bool          limit_percent;
    bool          pivots; /* its items lack the columns of a PIVOT: see ast_pivot */
};

/* Has WITH, ORDER BY, LIMIT or OFFSET of its own. */
ALWAYS_INLINE bool
ast_select_is_closed(const ast_select *s) {
    return s->with_count > 0 || s->order_count > 0 || s->limit != NULL || s->offset != NULL;
}

typedef struct ast_column_def {
    ast_name  name;
    ast_type  type;
    bool      not_null;
    ast_expr *default_value; /* NULL when absent */
} ast_column_def;

typedef struct ast_key { /* PRIMARY KEY or UNIQUE, of a column or of the table */
    bool      primary;
    int32_t   position;
    int32_t   column_count;
    ast_name *columns;
} ast_key;

typedef struct ast_check { /* [CONSTRAINT name] CHECK (expr), of a column or of the table */
    ast_name  name;        /* text.data NULL when absent */
    ast_expr *expr;
} ast_check;

typedef enum ast_conflict_action {
    AST_CONFLICT_DEFAULT, /* nothing is said */
    AST_CONFLICT_REPLACE,
    AST_CONFLICT_NOTHING,
    AST_CONFLICT_FAIL,
    AST_CONFLICT_UPDATE
} ast_conflict_action;

typedef struct ast_conflict { /* ON CONFLICT [(targets)] action, of a statement or of a table */
    ast_conflict_action action;
    int32_t             position;
    int32_t             target_count; /* 0 when absent */
    ast_name           *targets;
    int32_t             set_count; /* AST_CONFLICT_UPDATE */
    ast_item           *sets;
    ast_expr           *where; /* NULL when absent */
} ast_conflict;

typedef enum ast_merge_state {
    AST_WHEN_MATCHED,
    AST_WHEN_NOT_MATCHED,          /* a row of the source that no row of the table matches */
    AST_WHEN_NOT_MATCHED_BY_SOURCE /* a row of the table */
} ast_merge_state;

typedef enum ast_merge_action {
    AST_MERGE_NOTHING,
    AST_MERGE_UPDATE,
    AST_MERGE_DELETE,
    AST_MERGE_INSERT,
    AST_MERGE_ERROR
} ast_merge_action;

typedef enum ast_merge_columns { /* what UPDATE and INSERT give the columns of the table */
                                 AST_MERGE_SAID,        /* sets; targets and values */
                                 AST_MERGE_BY_POSITION, /* those of the source, in their order */
                                 AST_MERGE_BY_NAME,
                                 AST_MERGE_DEFAULTS /* INSERT DEFAULT VALUES */
} ast_merge_columns;

typedef struct ast_when { /* WHEN state [AND condition] THEN action */
    ast_merge_state   state;
    int32_t           position;
    ast_expr         *condition; /* NULL when absent */
    ast_merge_action  action;
    ast_merge_columns columns;
    int32_t           set_count; /* UPDATE */
    ast_item         *sets;
    int32_t           target_count; /* INSERT: 0 when absent */
    ast_name         *targets;
    int32_t           value_count;
    ast_expr        **values; /* INSERT; AST_DEFAULT among them; ERROR: its text, or none */
} ast_when;

typedef struct ast_option { /* WITH (name = value) */
    ast_name  name;
    ast_expr *value;
} ast_option;

typedef enum ast_statement_kind {
    AST_SELECT,
    AST_CREATE_SOURCE,
    AST_CREATE_TABLE,
    AST_CREATE_STREAM,
    AST_CREATE_VIEW,
    AST_CREATE_FUNCTION,
    AST_CREATE_INDEX, /* column: its table; targets: its columns */
    AST_CREATE_PIPELINE,
    AST_CREATE_SINK, /* select, emit, options */
    AST_PIPELINE,    /* name, action */
    AST_DROP,
    AST_ALTER,
    AST_INSERT,
    AST_UPDATE,
    AST_DELETE,
    AST_TRUNCATE,
    AST_MERGE, /* into name: select has the source (from) and the condition (where) */
    AST_BEGIN,
    AST_COMMIT,
    AST_ROLLBACK,
    AST_FLUSH,
    AST_CHECKPOINT,
    AST_RESTORE, /* checkpoint */
    AST_SHOW,
    AST_DESCRIBE, /* of an object, or of select */
    AST_SET,
    AST_RESET,
    AST_COPY,       /* of an object, or of select */
    AST_SUMMARIZE,  /* of an object, or of select */
    AST_PREPARE,    /* name, inner */
    AST_EXECUTE,    /* name, call: its arguments, NULL: none */
    AST_DEALLOCATE, /* name; data NULL: all */
    AST_EXPLAIN     /* of select, or of inner: INSERT, UPDATE, DELETE, MERGE, CREATE TABLE AS */
} ast_statement_kind;

typedef enum ast_object_kind {
    AST_OBJECT_SOURCE,
    AST_OBJECT_STREAM,
    AST_OBJECT_TABLE,
    AST_OBJECT_VIEW,
    AST_OBJECT_FUNCTION,
    AST_OBJECT_INDEX,
    AST_OBJECT_PIPELINE,
    AST_OBJECT_SINK
} ast_object_kind;

typedef enum ast_action { AST_START, AST_STOP, AST_PAUSE, AST_RESUME } ast_action;

typedef enum ast_show {
    AST_SHOW_SOURCES,
    AST_SHOW_STREAMS,
    AST_SHOW_SINKS,
    AST_SHOW_TABLES,
    AST_SHOW_OBJECTS, /* all that has rows: DESCRIBE, SHOW ALL TABLES */
    AST_SHOW_VIEWS,
    AST_SHOW_CHECKPOINTS,
    AST_SHOW_FUNCTIONS,
    AST_SHOW_INDEXES,
    AST_SHOW_QUERIES,
    AST_SHOW_PIPELINES,
    AST_SHOW_LIMITS,
    AST_SHOW_ALL,       /* settings */
    AST_SHOW_SETTING,   /* name */
    AST_SHOW_CREATE,    /* name */
    AST_SHOW_WATERMARK, /* name: EXPLAIN WATERMARK */
    AST_SHOW_PLAN,      /* name: EXPLAIN STREAM */
    AST_SHOW_TABLE_INFO /* name: PRAGMA table_info */
} ast_show;

typedef enum ast_alter {
    AST_ALTER_ADD,           /* columns[0] */
    AST_ALTER_DROP,          /* column */
    AST_ALTER_RENAME_COLUMN, /* column, new_name */
    AST_ALTER_RENAME,        /* new_name */
    AST_ALTER_SET,           /* options */
    AST_ALTER_DEFAULT,       /* column, value: NULL: none */
    AST_ALTER_NOT_NULL,      /* column */
    AST_ALTER_NULL,          /* column */
    AST_ALTER_RETRY
} ast_alter;

typedef struct ast_statement {
    ast_statement_kind kind;
    int32_t            position, end; /* the statement's text within the script */
    int32_t            pivot_count;   /* inner ones first */
    ast_pivot        **pivots;
    int32_t            parameter_count;
    ast_expr         **parameters; /* all of the statement, in the order of their places */
    ast_name           name; /* object of CREATE, DROP, INSERT, SHOW CREATE, DESCRIBE (data NULL:
                                select); key of SET, RESET (data NULL: all) and SHOW */
    bool            or_replace, if_not_exists, if_exists, cascade;
    ast_object_kind object; /* DROP */
    /* CREATE SOURCE / TABLE */
    int32_t         column_count;
    ast_column_def *columns;
    ast_name        watermark_column; /* WATERMARK FOR c AS watermark; text.data NULL when absent */
    ast_expr       *watermark;
    int32_t         key_count; /* those of columns first, in their order */
    ast_key        *keys;
    int32_t         check_count;
    ast_check      *checks;
    int32_t         option_count;
    ast_option     *options;
    /* CREATE STREAM, VIEW, TABLE ... AS, SELECT, EXPLAIN, DESCRIBE, INSERT */
    ast_select  *select;
    ast_emission emit;
    ast_name     pipeline; /* CREATE STREAM ... IN PIPELINE; text.data NULL when absent */
    ast_action   action;   /* START, STOP, PAUSE, RESUME PIPELINE */
    bool         analyze;  /* EXPLAIN: it is run */
    bool         streams;  /* EXPLAIN CREATE STREAM name: as the stream that it would be */
    /* INSERT: `select` gives the rows; CREATE VIEW */
    int32_t   target_count; /* column list, 0 when absent */
    ast_name *targets;
    bool      by_name; /* INSERT BY NAME: its columns are those that the query names */
    /* CREATE TABLE, INSERT */
    ast_conflict conflict;
    /* UPDATE, DELETE: `select` holds what is read beside the target (from, NULL: nothing) and the
     * condition (where); column = expr of SET: alias and expr, NULL: DEFAULT */
    ast_name  alias; /* of the target; text.data NULL when absent */
    int32_t   set_count;
    ast_item *sets;
    int32_t   returning_count; /* INSERT, UPDATE, DELETE, MERGE: RETURNING, 0 when absent */
    ast_item *returning;
    /* MERGE: its columns of USING, in place of a condition, in targets */
    int32_t   when_count;
    ast_when *whens;
    /* EXPLAIN, PREPARE: the statement behind it; EXPLAIN: or NULL */
    struct ast_statement *inner;
    ast_expr             *call; /* EXECUTE */
    /* CREATE FUNCTION: `value` is the body, or `select` its rows; targets: its parameters, which
     * stand in it as AST_PARAMETER with their number from 1. `in_query` of those: inside a query of
     * the body, where columns have other meanings. */
    bool          is_macro;
    ast_type     *target_types;    /* name.text.data NULL where there is none; NULL: none */
    bool          temporary;       /* CREATE TEMP TABLE, CREATE TEMP VIEW */
    ast_expr    **target_defaults; /* CREATE FUNCTION; NULL where there is none */
    ast_type      returns;         /* likewise */
    int32_t       use_count;
    ast_expr    **uses;
    int32_t       called_count; /* names of functions in the body */
    ast_name     *called;
    ast_external *external; /* LANGUAGE EXTERNAL: it has no body; else NULL */
    /* ALTER */
    ast_alter alter;
    bool      if_column; /* DROP COLUMN IF EXISTS */
    ast_name  column, new_name;
    ast_show  show;       /* SHOW */
    ast_expr *value;      /* SET: a literal, a bare word arrives as AST_STRING; NULL: DEFAULT */
    bool      variable;   /* SET VARIABLE, RESET VARIABLE: value is an expression */
    int64_t   checkpoint; /* RESTORE */
    /* COPY: the object or select, its columns in targets */
    bool      copy_to;
    ast_expr *path; /* AST_STRING */
} ast_statement;

#endif
