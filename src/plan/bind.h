/* SPDX-License-Identifier: Apache-2.0 */
/* bind.h - the binder's own structures: what is visible where an expression stands, and what a
 * SELECT has collected so far.
 *
 * A SELECT is bound in one pass over one scope: its FROM columns. An aggregate call becomes a
 * placeholder column (number AGGREGATE_BASE + i); after all clauses are bound, `query_aggregate`
 * replaces what equals a GROUP BY expression and the placeholders by columns of the AGGREGATE node,
 * and what is left over is a column that is not grouped. A window function becomes a placeholder as
 * well (OVER_BASE + i), and `query_over` puts the OVER nodes above the grouping. So "equal to a
 * group expression" is equality of bound trees. An alias is expanded by binding its text again
 * where it is used; every tree has one owner and may be renumbered in place. */
#ifndef LAMINAR_PLAN_BIND_H
#define LAMINAR_PLAN_BIND_H

#include "plan/plan.h"
#include "sql/limits.h"

#define AGGREGATE_BASE (1 << 24)
#define GROUPING_BASE (AGGREGATE_BASE + (1 << 23))
#define OVER_BASE (1 << 25)
#define UNNEST_BASE (OVER_BASE + (1 << 24))
#define SUBQUERY_BASE (1 << 26)
#define LAMBDA_BASE (1 << 27)
#define BIND_DEPTH_MAX 500    /* nesting of one expression, aliases expanded */
#define BIND_NODES_MAX 200000 /* nodes of all expressions of a statement */
#define FROM_DEPTH_MAX SQL_JOINS_MAX
#define SELECT_DEPTH_MAX 64
#define COLUMNS_MAX 1600 /* of a select list */
#define UNNESTS_MAX 32

typedef struct scope_column {
    text      name;
    text      table; /* the qualifier; empty: none */
    data_type type;
    bool      merged; /* the right column of USING: found by its qualifier alone */
} scope_column;

typedef struct scope { /* column i is column i of the node below */
    int32_t       count;
    scope_column *columns;
    int32_t       star_count; /* what * gives, in its order */
    int32_t      *star;
} scope;

/* What a subquery sees of the query around it. */
typedef struct level {
    struct level *outer;
    const scope  *scope;
    bool          lateral; /* of FROM: seen by LATERAL alone */
    int32_t       position;
    int32_t       slot_count, slot_capacity;
    int32_t      *slots; /* which of the binder's outers are of this level */
} level;

typedef struct outer_ref { /* EXPR_OUTER number i */
    const level *level;
    expr        *value; /* over the level's scope */
} outer_ref;

typedef struct cte { /* a name of WITH */
    const ast_with *ast;
    struct cte     *outer; /* what its query sees, and what is looked at next */
    level          *levels;
    plan_shared  *shared; /* of the first place that read it; NULL: none yet, or it is correlated */
    int32_t       uses;   /* of names, by its query and itself */
    const schema *working; /* while its recursive part is bound: its columns */
    int32_t       working_uses;
} cte;

typedef struct binder {
    arena          *arena;
    const catalog  *catalog;
    externals      *externals;                        /* NULL: none */
    int32_t         view_depth;                       /* views around what is bound */
    int32_t         expanded_height, expansion_count; /* of SQL functions, see bind_macro.c */
    const plan_env *env;
    text            sql;
    error          *err;
    bool            streaming;
    ast_emit        emit;
    int64_t         lateness_us;
    object         *late_to;       /* LATE DATA TO; NULL: nowhere */
    int32_t         late_position; /* of its name */
    int32_t         expr_count;
    int32_t         select_depth;
    int32_t         volatile_count; /* calls so far */
    int64_t         now_us;         /* once has_now, where env has no instant of a statement */
    bool            has_now;
    cte            *ctes;   /* visible where the binder is */
    level          *levels; /* likewise, the innermost first */
    int32_t         outer_count, outer_capacity;
    outer_ref      *outers;
    int32_t         cte_uses;
    uint32_t        visit; /* of a walk over parts that are shared */
    int32_t         object_count, object_capacity;
    object        **objects;
    int32_t         window_count;
    int32_t         closing_count;   /* aggregates whose groups end with a window */
    bool            by_clock;        /* some window is over PROCTIME() */
    bool            by_event;        /* some window ends with a watermark */
    bool            timeless_window; /* some window has no watermark that could close it */
    int32_t         timeless_position;
    text            timeless_table;
    star_text      *stars;              /* of the text of a stream or view */
    bool            on_caller, in_turn; /* see plan, */
    plan_routine   *routines;           /* the newest first */
} binder;

typedef struct star_column {       /* one of those that * stands for */
    int32_t         column;        /* of the scope */
    const ast_expr *replaced;      /* by REPLACE, or a field of a STRUCT; else NULL */
    text            written, name; /* as EXCLUDE and others call it; after RENAME */
    bool            excluded;
} star_column;

typedef struct star_list star_list;
struct star_list { /* what a star or COLUMNS(...) stands for */
    const ast_expr *ast;
    star_list      *next;
    int32_t         count;
    star_column    *columns;
};

typedef struct select_item {
    const ast_expr *ast;      /* NULL: a column that * gave */
    int32_t         column;   /* of the scope, when ast is NULL */
    int32_t each, each_count; /* of which column of COLUMNS(...) it is, from 1; 0: of none */
    text    name;
    bool    aliased, quoted;
    expr   *bound;
} select_item;

struct over_window;

typedef struct agg_call {
    const agg_class *class;
    agg_signature             signature;
    expr                    **columns; /* of the signature */
    sort_key                 *keys;    /* of the signature, while it is made */
    expr                     *filter;  /* NULL: none */
    bool                      distinct;
    const struct over_window *window; /* of an OVER clause; NULL: none */
} agg_call;

typedef struct window_spec {
    window_kind kind;
    expr       *time;
    int64_t     size_us, slide_us, offset_us; /* the gap of a session is its size */
    int32_t     column;     /* of window_start in the scope's node; a session's is its row's time */
    int32_t     end_column; /* of window_end, when it is one of its own */
    int32_t     position;
    bool        timed; /* a watermark closes it */
} window_spec;

/* A subquery of an expression, to be joined to the node that the expression stands above. */
typedef struct subquery {
    const ast_expr *ast;
    plan_node      *plan;
    level          *level;
    plan_join_kind  kind; /* MARK, SINGLE, LEFT; INNER: always one row */
    bool            having;
    bool            applied;
    int32_t         first;  /* its columns are SUBQUERY_BASE + first and on, */
    int32_t         column; /* and once applied those of the node from here on */
    int32_t         count;
} subquery;

typedef struct subqueries {
    int32_t    count, capacity;
    subquery **items;
    int32_t    columns; /* of all */
} subqueries;

typedef enum window_part {
    WINDOW_PART_NONE,
    WINDOW_PART_START,
    WINDOW_PART_END,
    WINDOW_PART_TIME /* Flink's _rowtime and _proctime: window_time */
} window_part;

typedef struct over_order { /* ORDER BY of a window */
    expr *expr;
    bool  descending, nulls_first;
} over_order;

typedef struct over_window { /* PARTITION BY and ORDER BY: one OVER node */
    int32_t     partition_count, order_count;
    expr      **partitions;
    over_order *orders;
} over_window;

typedef struct over_item { /* a window function of the query */
    int32_t   window;
    expr     *argument, *count, *fallback; /* NULL: none */
    agg_call  aggregate;                   /* OVER_AGGREGATE */
    over_call call;                        /* its columns are not set yet */
    int32_t   column;                      /* of its result, once there is a node */
} over_item;

typedef struct grouping_call { /* GROUPING(args); none: all keys */
    const ast_expr *ast;
    int32_t         count;
    expr          **args;
} grouping_call;

typedef struct query {
    binder           *binder;
    const ast_select *ast;
    plan_node        *node;
    scope             scope;
    int32_t           item_count;
    select_item      *items;
    star_list        *stars;
    bool              has_window;
    bool              sampled; /* SAMPLE BY: it is the window's */
    window_spec       window;
    int32_t           partition_count; /* of a SESSION in FROM: what must be grouped by */
    expr            **partition;
    int32_t           agg_count, agg_capacity;
    agg_call         *aggs;
    int32_t           key_count, key_capacity;
    expr            **keys;
    int32_t          *group_keys; /* which key each expression of GROUP BY is */
    int32_t           set_count;  /* grouping sets, masks of keys; 0: there are none */
    int64_t          *sets;
    int32_t           grouping_count, grouping_capacity;
    grouping_call    *groupings;   /* columns GROUPING_BASE + i */
    int32_t      window_def_count; /* PARTITION BY and ORDER BY of OVER clauses, equal ones once */
    over_window *window_defs;
    int32_t      over_count;
    over_item   *overs;
    int32_t      unnest_count;
    expr        *unnests[UNNESTS_MAX]; /* lists of the select list */
    subqueries   subqueries;           /* of the clauses that stand above the grouping */
} query;

typedef struct lambda_names lambda_names;

typedef struct context { /* where an expression stands */
    binder      *binder;
    const scope *scope;
    query       *query;      /* NULL: outside of a SELECT's clauses */
    const char  *clause;     /* for messages: "WHERE", "GROUP BY" ... */
    bool         aggregates; /* aggregate calls may stand here */
    bool         in_aggregate;
    bool         overs; /* window functions may stand here */
    bool         in_over;
    bool         unnests;          /* unnest() may stand here */
    int32_t      each, each_count; /* which column COLUMNS(...) is now, from 1; 0: it is refused */
    int32_t      alias_count;      /* the first so many select items may be named by their alias */
    int32_t      depth;
    /* Where subqueries go: at once onto *node, or into the list. Neither: they cannot stand here.
     */
    plan_node         **node;
    subqueries         *subqueries;
    const lambda_names *lambda; /* around the expression; NULL: none */
} context;

/* DEFAULT and CHECK belong to no query: advice about FROM means nothing there. */
ALWAYS_INLINE bool
context_is_alone(const context *c) {
    return strcmp(c->clause, "DEFAULT") == 0 || strcmp(c->clause, "CHECK") == 0;
}

/* ---- bind_scope.c: columns by name, and the errors about them */
bool name_matches(const ast_name *wanted, text name);
/* *out = -1 when no column has the name (then nothing is set in err); more than one is an error. */
status scope_find(int32_t *out, binder *b, const scope *s, const ast_name *qualifier,
                  const ast_name *name) MUST_USE;
status scope_unknown(binder *b, const context *c, const ast_expr *column);
/* Columns of a node under one qualifier. */
status scope_of_node(scope *out, binder *b, const plan_node *node, text table) MUST_USE;
/* alias(name, ...): the first columns get new names. */
status scope_rename(scope *s, binder *b, const ast_name *names, int32_t count,
                    const ast_name *of) MUST_USE;
/* lhs ++ rhs; bind_from.c puts the columns of USING first in * afterwards. */
status scope_join(scope *out, binder *b, const scope *lhs, const scope *rhs) MUST_USE;

/* ---- bind_forms.c: calls over a list of constants that stand for several */
status bind_spread_call(expr **out, context *c, const ast_expr *e, bool *done) MUST_USE;

/* ---- bind_version.c: FOR SYSTEM_TIME AS OF */
#define VERSION_COLUMNS 2
status check_version(binder *b, const ast_from *from, const object *o) MUST_USE;
void   version_columns(plan_node *scan); /* its last ones, for which there is room */
void   scope_hide_versions(scope *s);    /* likewise */
/* The rows of one time, where nothing stands to the left; without as_of nothing is done. */
status bind_version_alone(plan_node **node, binder *b, const ast_from *from) MUST_USE;
typedef struct version_time {
    expr *time;          /* of the left row */
    expr *began, *lasts; /* from <= time, time < until, over both sides */
    expr *test;          /* both; NULL: none is needed */
} version_time;
/* The condition that a join with from->right has beside its own. */
status bind_version_joined(version_time *out, plan_node *join, binder *b, const ast_from *from,
                           const scope *lhs) MUST_USE;
/* A join with a table on its primary key: the newest version that began is the one, if it has not
 * ended. *node, a JOIN whose predicate has v->test, becomes that, when it is such a join. */
status version_by_order(plan_node **node, binder *b, const version_time *v) MUST_USE;

/* ---- bind_proctime.c: PROCTIME() */
bool   mentions_proctime(const binder *b);            /* the text does: scans must offer it */
void   scope_add_proctime(scope *s, plan_node *scan); /* its last column is that */
status bind_proctime(expr **out, context *c, const ast_expr *e) MUST_USE;
/* A window that something closes: all of a query by one clock. */
status note_clock(binder *b, bool by_clock, int32_t position) MUST_USE;

/* ---- bind_expr.c */
status bind_expr(expr **out, context *c, const ast_expr *e) MUST_USE;
status bind_condition(expr **out, context *c, const ast_expr *e) MUST_USE; /* BOOLEAN */
status bind_compare(expr **out, binder *b, const char *op, expr *lhs, expr *rhs,
                    int32_t position) MUST_USE;
status bind_call_named(expr **out, binder *b, text name, expr **args, int32_t arg_count,
                       int32_t position) MUST_USE;
/* Of two arguments; NULL for one of them: it could not be made. */
status bind_call_two(expr **out, binder *b, const char *name, expr *x, expr *y,
                     int32_t position) MUST_USE;
status require_boolean(expr **e, binder *b, const char *where) MUST_USE;
bool   ast_is_call(const ast_expr *e, const char *name);

/* ---- bind_predicate.c: what brings several expressions to one type */
status bind_case(expr **out, context *c, const ast_expr *e) MUST_USE;
status bind_between(expr **out, context *c, const ast_expr *e) MUST_USE;
status bind_in(expr **out, context *c, const ast_expr *e) MUST_USE;
status bind_like(expr **out, context *c, const ast_expr *e) MUST_USE;
status bind_is_bool(expr **out, context *c, const ast_expr *e) MUST_USE;
status bind_is_distinct(expr **out, context *c, const ast_expr *e) MUST_USE;
status make_not_distinct(expr **out, binder *b, expr *x, expr *y, int32_t position) MUST_USE;
status make_not(expr **e, binder *b) MUST_USE;
/* Casts all to their common type. `what` opens the message when there is none. */
status bind_unify(binder *b, expr **exprs, int32_t count, const char *what) MUST_USE;
/* coalesce, ifnull, nvl, nullif, if, iif; *done says whether it was one of them. */
status bind_conditional(expr **out, context *c, const ast_expr *e, bool *done) MUST_USE;

/* ---- bind_literal.c */
status bind_literal(expr **out, binder *b, const ast_expr *e) MUST_USE;
status bind_negative(expr **out, binder *b, const ast_expr *e,
                     bool *done) MUST_USE; /* -<literal> */
status bind_type(data_type *out, const ast_type *t, status s, error *err) MUST_USE;
/* An expression without columns, evaluated; of any type. */
status bind_constant(value *out, binder *b, const ast_expr *e, const char *clause) MUST_USE;
/* And the digits of a number with a point, empty for all else (expr.h). */
status bind_constant_digits(value *out, text *digits, binder *b, const ast_expr *e,
                            const char *clause) MUST_USE;
/* INTERVAL of days and shorter, or an integer number of milliseconds. `what`: "the size of TUMBLE".
 */
status bind_duration(int64_t *us, binder *b, const ast_expr *e, const char *what) MUST_USE;
/* LIMIT and OFFSET. NULL gives -1. */
status bind_row_count(int64_t *out, binder *b, const ast_expr *e, const char *clause) MUST_USE;

/* ---- bind_agg_call.c */
status bind_aggregate_call(expr **out, context *c, const ast_expr *e) MUST_USE;
/* Class, signature, columns and filter of a call. In an OVER clause aggregates may stand below it.
 */
status bind_aggregate_operands(agg_call *call, context *c, const ast_expr *e) MUST_USE;
bool   agg_call_equal(const agg_call *x, const agg_call *y);
/* The call as EXPLAIN and column names show it. */
status agg_call_label(text *out, binder *b, const agg_call *call, const schema *names) MUST_USE;

/* The column of a call that the text did not have. */
status query_add_aggregate(expr **out, query *q, const char *name, expr *argument,
                           int32_t position) MUST_USE;

/* ---- bind_aggregate.c */
status query_add_key(int32_t *at, query *q, expr *key) MUST_USE; /* equal ones once */
/* bind_macro.c: a call of a function made by CREATE FUNCTION; *done: it was one. */
status bind_sql_function(expr **out, context *c, const ast_expr *e, bool *done);
status bind_table_macro(plan_node **out, scope *s, binder *b, const ast_from *from, bool *done);
status remember_object(binder *b, object *o);

/* ---- bind_routine.c: calls of functions whose code is the program's.
 * The object of that name; NULL: there is none, or it is SQL. */
object *find_routine(const binder *b, const ast_name *name);
/* The plan depends on the object from now on, and has a routine of its own for it, */
status remember_routine(binder *b, object *f);
/* which is this one, and not that of the object. */
const struct routine *remembered_routine(const binder *b, const object *f);
/* Arguments that are bound, cast to what it declares; their number is checked. */
status bind_routine_arguments(expr **args, int32_t count, binder *b, const struct routine *r,
                              int32_t position);
/* *done: it was one, of a scalar. */
status bind_routine_call(expr **out, context *c, const ast_expr *e, bool *done);
status plan_external(object *out, const ast_statement *s, error *err);
/* An aggregate whose code is the program's; NULL: there is none of the name. */
object *find_aggregate(const binder *b, const ast_name *name);
/* The number of an equal call of the query, added when there is none. */
status query_add_call(int32_t *out, query *q, const agg_call *call) MUST_USE;
bool   expr_has_aggregate(expr *e);
/* Puts PROJECT and AGGREGATE on q->node. */
status query_aggregate(query *q) MUST_USE;
/* Rewrites *e, bound below the AGGREGATE, to its output. */
status query_lift(query *q, expr **e, const char *clause) MUST_USE;

/* An AGGREGATE ends its groups with a window: key `window` is that of the query, -1: none is. */
status query_close_groups(plan_node *n, int32_t window, const query *q) MUST_USE;

/* ---- bind_grouping.c: GROUPING SETS, ROLLUP, CUBE, GROUPING */
/* The sets of GROUP BY, once all keys are known; those from first_added on come from the window. */
status query_grouping_sets(query *q, const ast_select *select, int32_t first_added) MUST_USE;
/* Puts a UNION of an AGGREGATE for each set on q->node: `all` is that of all keys, whose key
 * `window` is the window. */
status query_union_sets(query *q, const plan_node *all, int32_t window) MUST_USE;
/* What GROUPING number i is in a set. */
status query_grouping_value(expr **out, query *q, int32_t i, int64_t mask) MUST_USE;
bool   is_grouping_call(const ast_expr *e);
status bind_grouping_call(expr **out, context *c, const ast_expr *e) MUST_USE;

/* ---- bind_frame.c: o: as written, NULL: none */
status bind_frame(over_frame *out, binder *b, const ast_over *o, const over_window *w) MUST_USE;

/* ---- bind_over.c: window functions */
status bind_over_call(expr **out, context *c, const ast_expr *e) MUST_USE;
/* A window function or IGNORE NULLS without OVER; OK when it is nothing of the kind. */
status refuse_without_over(context *c, const ast_expr *e) MUST_USE;
/* Above an AGGREGATE: what the windows look at becomes its columns. */
status query_lift_overs(query *q) MUST_USE;
/* What the windows look at of subqueries becomes columns of the node. */
void query_resolve_overs(query *q);
/* Puts the OVER nodes on q->node; query_over_columns then renumbers placeholders. */
status query_over(query *q) MUST_USE;
void   query_over_columns(const query *q, expr *e);

/* ---- bind_pick.c: one row per key, by DISTINCT ON and LATEST ON */
status query_latest(query *q, const ast_select *select) MUST_USE;
/* SAMPLE BY: the window of the time that a watermark follows; where an expression that is no
 * argument of an aggregate names that time, it means the start of the window. */
status query_sample(query *q, const ast_select *select) MUST_USE;
void   query_sample_columns(const query *q, expr *e);
/* LIMIT n %: numbers the rows and counts them; two columns are appended. */
status bind_percent(double *out, binder *b, const ast_expr *e) MUST_USE;
status query_limit_percent(plan_node **node, binder *b, const sort_key *keys, int32_t key_count,
                           double percent, int64_t offset) MUST_USE;

/* ---- bind_window_spec.c */
bool            is_window_call(const ast_expr *e);
window_part     window_call_part(const ast_expr *e); /* tumble_start, tumble_end */
const ast_expr *find_window_call(const ast_expr *e, int32_t depth);
status          bind_window_spec(window_spec *out, context *c, const ast_expr *e) MUST_USE;

/* ---- bind_window.c */
/* WINDOW over input; fills in w's columns, and whether a watermark closes it. */
status window_node(plan_node **out, binder *b, window_spec *w, const scope *s, plan_node *input,
                   int32_t position) MUST_USE;
/* bound + us, of the type of bound. */
status window_shifted(expr **out, binder *b, expr *bound, int64_t us, int32_t position) MUST_USE;
status query_window(query *q, const ast_expr *call) MUST_USE; /* puts WINDOW on q->node */
status bind_window_call(expr **out, context *c, const ast_expr *e) MUST_USE;
/* window_start, window_end, window_time; *done: it was one, and there is a window. */
status bind_window_name(expr **out, context *c, const ast_expr *e, bool *done) MUST_USE;

/* ---- bind_series.c: generate_series and range in FROM */
bool   is_series_call(const ast_from *from);
status bind_series(plan_node **out, scope *s, binder *b, const ast_from *from) MUST_USE;

/* ---- bind_lambda.c: list_transform(l, x -> ...) */
bool   is_lambda_call(const ast_expr *e);
status bind_lambda_call(expr **out, context *c, const ast_expr *e) MUST_USE;
/* A name of a lambda around e, or a field of it; *done: it is one. */
status bind_lambda_name(expr **out, context *c, const ast_expr *e, bool *done) MUST_USE;

/* ---- bind_parts.c: date_part(['year', 'month'], t); *done false: it is not called so */
status bind_parts(expr **out, context *c, const ast_expr *e, bool *done) MUST_USE;
/* ---- bind_series.c: whether a series of TIMESTAMPTZ with this step goes by local times */
bool series_is_of_calendar(const binder *b, const expr *step);
/* j -> '$.*' and its like */
status bind_json_paths(expr **out, context *c, const ast_expr *e, bool *done) MUST_USE;

/* ---- bind_json.c: from_json(j, 'structure'); *done false: it is none of these */
status bind_json_transform(expr **out, context *c, const ast_expr *e, bool *done) MUST_USE;

/* ---- bind_unnest.c: unnest in FROM, and in a select list, where it is a placeholder at first */
bool   is_unnest_call(const ast_from *from);
status bind_unnest(plan_node **out, scope *s, binder *b, const ast_from *from) MUST_USE;
status bind_unnest_item(expr **out, context *c, const ast_expr *e) MUST_USE;
/* The item of the list, of whose lists `depth` levels are opened. */
status unnest_value(expr **out, context *c, expr *list, int32_t depth, int32_t position) MUST_USE;
/* bind_unnest_fields.c: item *at of the select list, of a STRUCT the items of its fields with *at
 * at the last of them. *done false: it is no unnest(). */
status bind_unnest_fields(bool *done, query *q, context *c, int32_t *at) MUST_USE;
/* The levels that unnest(x, recursive := true) and unnest(x, max_depth := n) open. */
status unnest_depth(int32_t *out, binder *b, const ast_expr *e) MUST_USE;
status query_lift_unnests(query *q) MUST_USE; /* above an AGGREGATE */
void   query_resolve_unnests(query *q);       /* their subqueries have columns */
/* Puts the rows of the lists on q->node; `exprs` are those that may hold placeholders. */
status query_unnest(query *q, expr **exprs, int32_t count) MUST_USE;

/* ---- bind_process.c: *done: the call is one of a table function of the program's */
status bind_routine_rows(plan_node **out, scope *s, binder *b, const ast_from *from,
                         bool *done) MUST_USE;
status bind_process(plan_node **out, scope *s, binder *b, const ast_from *from,
                    int32_t depth) MUST_USE;

/* ---- bind_group_scalar.c: before query_aggregate; *e may be NULL */
status query_group_scalars(query *q, expr **e) MUST_USE;
status query_group_scalars_of_overs(query *q) MUST_USE; /* bind_over.c */

/* ---- bind_from_window.c */
/* A window in FROM: the table's columns, then window_start and window_end. */
status bind_from_window(plan_node **out, scope *s, binder *b, const ast_from *from,
                        int32_t depth) MUST_USE;
/* SESSION in FROM: FROM and the window of q. */
status bind_from_session(query *q, const ast_select *select) MUST_USE;
bool   is_session_from(const ast_from *from);
/* ---- bind_session.c */
bool is_session_grouped(const ast_select *s); /* by its bounds, as far as names tell */
/* `rows`, whose last column is the time of a session, then partition, start and end of theirs. */
status bind_session_rows(plan_node **out, binder *b, plan_node *rows, const window_spec *w,
                         const int32_t *partition, int32_t count, int32_t position) MUST_USE;
/* Its groups are its partition. */
status check_session_groups(query *q) MUST_USE;

/* ---- bind_star.c: the select list, * and COLUMNS */
status expand_items(query *q, const ast_select *select) MUST_USE;
/* For how many columns an expression with COLUMNS(...) is to be bound; -1: it has none. */
status columns_each(int32_t *count, query *q, const ast_expr *e) MUST_USE;
status bind_star_column(expr **out, context *c, const ast_expr *e) MUST_USE;
status star_expand(const star_list **out, query *q, const ast_expr *e) MUST_USE;

/* ---- bind_columns.c: COLUMNS(list), COLUMNS(lambda) and *COLUMNS(...) */
status columns_take(bool *out, binder *b, const ast_expr *columns, text name) MUST_USE;
/* An error for a name of the list that no column has. */
status columns_missing(query *q, const ast_expr *columns) MUST_USE;
/* Puts columns in the place of *COLUMNS(...) among the arguments of *e. */
status spread_columns(const ast_expr **e, context *c) MUST_USE;
status bind_position(expr **out, context *c, const ast_expr *e) MUST_USE; /* #1 */

/* ---- bind_from.c, bind_select.c, bind_query.c */
status bind_from(plan_node **out, scope *s, binder *b, const ast_from *from,
                 int32_t depth) MUST_USE;
/* Behind the keys of each side stands the column of the match. */
status asof_node(plan_node **out, binder *b, plan_node *left, plan_node *right, expr **left_keys,
                 expr **right_keys, int32_t key_count, plan_match match, plan_join_kind join,
                 const value *tolerance) MUST_USE;
/* ASOF JOIN over columns of s; predicate: of USING, or NULL (then ON is bound here). */
status bind_asof(plan_node **out, const scope *s, binder *b, const ast_from *from, plan_node *left,
                 plan_node *right, expr *predicate) MUST_USE;
status bind_query(plan_node **out, binder *b, const ast_select *query) MUST_USE; /* of any kind */
status bind_select(plan_node **out, binder *b, const ast_select *select) MUST_USE;
/* ORDER BY, LIMIT and OFFSET of a query that is no SELECT, over its result. */
status bind_around(plan_node **node, binder *b, const ast_select *query) MUST_USE;
/* A table of FROM that is a name of WITH; *done says whether it is one. */
status bind_cte(plan_node **out, scope *s, binder *b, const ast_from *from, bool *done) MUST_USE;

/* ---- bind_recursive.c: WITH RECURSIVE */
bool   cte_is_recursive(const cte *c); /* a UNION whose later queries name it */
status bind_recursive(plan_node **out, binder *b, cte *c, const ast_from *from) MUST_USE;
status bind_working(plan_node **out, scope *s, binder *b, cte *c, const ast_from *from) MUST_USE;

/* ---- bind_subquery.c */
/* A column of an enclosing query; *done: there is one. */
status bind_outer_column(expr **out, context *c, const ast_expr *e, bool *done) MUST_USE;
status bind_subquery_value(expr **out, context *c, const ast_expr *e) MUST_USE;
status bind_exists(expr **out, context *c, const ast_expr *e) MUST_USE;
/* only_true: NULL may be given as FALSE, because a condition treats them alike. */
status bind_in_query(expr **out, context *c, const ast_expr *e, bool only_true) MUST_USE;
status bind_quantified(expr **out, context *c, const ast_expr *e) MUST_USE;
/* A condition bound term by term: those without subqueries first, as a FILTER on *c->node, below
 * what the subqueries add. *out (NULL: none) is what is left. */
status bind_filter(expr **out, context *c, const ast_expr *e) MUST_USE;
level *level_open(binder *b, const scope *s, int32_t position); /* NULL: out of memory */
void   level_close(binder *b, const level *l);
/* Joins the subqueries of the list to *node; having: those of HAVING alone. In a grouped query (not
 * NULL) what they read of the outer rows is lifted first. */
status subqueries_apply(subqueries *list, plan_node **node, query *grouped, binder *b,
                        bool having) MUST_USE;
/* Puts the columns of the node in the place of those of the list. */
void subqueries_resolve(const subqueries *list, expr *e);

/* ---- bind_row.c: (a, b) in comparisons */
/* bind_nested.c */
status bind_nested_type(data_type *out, const ast_type *t, status s, error *err) MUST_USE;
status bind_list(expr **out, context *c, const ast_expr *e) MUST_USE;
status bind_row_value(expr **out, context *c, const ast_expr *e) MUST_USE;
status bind_named_fields(expr **out, context *c, const ast_expr *e) MUST_USE;
status bind_field(expr **out, binder *b, expr *base, text name, int32_t position) MUST_USE;
/* x.f, x[i]; *done false: e is neither. */
status bind_extract(expr **out, context *c, const ast_expr *e, bool *done) MUST_USE;
status bind_field_of_column(expr **out, context *c, const ast_expr *e, bool *done) MUST_USE;
/* The STRUCT column whose field e is when it is written a.b; *found -1: there is none. */
status find_struct_column(int32_t *found, binder *b, const scope *s, const ast_expr *e) MUST_USE;
status bind_row_compare(expr **out, context *c, const ast_expr *e) MUST_USE;
status bind_row_in(expr **out, context *c, const ast_expr *e) MUST_USE;
/* The values of (a, b), of a subquery with that many columns, or the one of another expression. */
status bind_row_values(expr ***out, int32_t *count, context *c, const ast_expr *e) MUST_USE;

/* ---- bind_change.c: a column of the target; the table in FROM, under the statement's name for it
 */
status change_column(int32_t *out, binder *b, const object *target, const ast_name *name) MUST_USE;
ast_from *change_target(arena *a, const object *target, const ast_statement *s);

/* ---- bind_object.c: no two columns of a new object have one name */
status plan_check_names(const schema *columns, const ast_statement *s, error *err) MUST_USE;

/* ---- bind_relation.c: what FROM reads beside the catalogue */
void externals_begin(externals *x); /* of a binding; NULL is fine */
/* A table function, or a file. */
status bind_function(plan_node **out, scope *s, binder *b, const ast_from *from) MUST_USE;
/* A name that the catalogue does not have: an object of the caller. *done: it is one. */
status bind_system(plan_node **out, scope *s, binder *b, const ast_from *from) MUST_USE;
status bind_named_relation(plan_node **out, scope *s, binder *b, const ast_from *from,
                           bool *done) MUST_USE;
/* What the caller knows about such a name, when the catalogue has none that is spelt alike. */
void hint_named_relation(binder *b, const ast_from *from);
/* A RELATION node over all columns; the relation lives as long as the plan. */
status relation_node(plan_node **out, scope *s, binder *b, relation *r, text table) MUST_USE;

/* ---- bind_view.c: a view in FROM */
status bind_view(plan_node **out, scope *s, binder *b, const ast_from *from,
                 const object *view) MUST_USE;

/* ---- small helpers, bind_util.c */
expr  *make(binder *b, expr_kind kind, data_type type, expr **args, int32_t arg_count,
            int32_t position); /* NULL: out of memory */
expr  *make_column(binder *b, int32_t column, data_type type, int32_t position);
expr  *make_constant(binder *b, const value *v, int32_t position);
expr  *make_bool(binder *b, bool v, int32_t position);
status make_args(expr ***out, binder *b, int32_t count) MUST_USE;
/* A copy to be owned by a second place; counted, so that doubling cannot run away. */
status copy_expr(expr **out, binder *b, const expr *e) MUST_USE;
status count_nodes(binder *b, int64_t count, int32_t position) MUST_USE;
status cast_expr(expr **e, binder *b, data_type t) MUST_USE; /* implicit; errors get the position */
/* ---- bind_zone.c: TIMESTAMPTZ in the time zone of the session; *done: it was of that kind */
status zone_cast(expr **e, binder *b, data_type t, bool is_try, bool *done) MUST_USE;
/* What is written to a file: instants as texts in the zone, also those in nested values. */
status zone_show_rows(plan_node **root, binder *b) MUST_USE;
status zone_call(expr **out, binder *b, text name, expr **args, int32_t arg_count, int32_t position,
                 bool *done) MUST_USE;
/* Evaluates what has no columns to a constant; leaves *e when that fails. */
status fold_expr(expr **e, binder *b) MUST_USE;
bool   is_text_literal(const expr *e);
/* nulls as ast_order has it: 0 not said, 1 first, 2 last. */
bool nulls_stand_first(const binder *b, int32_t nulls, bool descending);
/* Gives an error that has no position this one; returns s. */
status located(binder *b, status s, int32_t position);
status out_of_memory(binder *b);
/* "did you mean": hint from a list of names. */
void hint_nearest(binder *b, text wrong, const text *names, int32_t count, const char *lead);

#endif
