/* SPDX-License-Identifier: Apache-2.0 */
/* expr.h - bound, typed expressions and the functions they call; compiled programs that evaluate
 * them over deltas.
 *
 * The tree is read-only after binding and lives in the statement's arena. A program is a flat list
 * of steps over registers, without recursion at run time; equal subexpressions are computed once;
 * constants are folded when the program is compiled. */
#ifndef LAMINAR_EXPR_EXPR_H
#define LAMINAR_EXPR_EXPR_H

#include "batch/column.h"
#include "expr/eval_env.h"

typedef enum expr_kind {
    EXPR_COLUMN, /* column number of the input */
    EXPR_CONSTANT,
    EXPR_CALL, /* function over args, evaluated for every row */
    EXPR_AND,  /* args; three-valued */
    EXPR_OR,
    EXPR_NOT,
    EXPR_IS_NULL, /* one arg; never NULL */
    EXPR_CASE,    /* args: condition, result, condition, result, ..., else (count odd; else may be a
                     NULL constant). Later branches see only the rows left */
    EXPR_COALESCE, /* args, first that is not NULL; lazily as CASE */
    EXPR_CAST,     /* one arg, to type */
    EXPR_TRY_CAST,
    EXPR_IN,     /* args: needle, constants...; three-valued */
    EXPR_LAMBDA, /* list_transform and others: lambda; args: the list, a start where there is one,
                    and what its body captures */
    EXPR_OUTER /* column number of the query around a subquery, as the binder counts them; gone when
                  a plan is made */
} expr_kind;

typedef struct function function;

typedef struct expr expr;

typedef enum lambda_kind { LAMBDA_TRANSFORM, LAMBDA_FILTER, LAMBDA_REDUCE } lambda_kind;
#define LAMBDA_NAMES 3

typedef struct expr_lambda { /* read-only, shared by copies */
    lambda_kind kind;
    int32_t     given; /* arguments before the captures */
    int32_t     first; /* columns of the body: so many names, then the captures */
    /* Of the names: item and its number; of a reduction what there is so far, item, its number. */
    data_type types[LAMBDA_NAMES];
    expr     *body;
} expr_lambda;

struct expr {
    expr_kind kind;
    data_type type;
    int32_t   position; /* byte offset in the SQL text, for run-time errors; -1 unknown */
    /* EXPR_COLUMN, EXPR_OUTER. EXPR_CALL of a volatile function: which call of the text it is;
     * calls of one number have one value a row. */
    int32_t column;

    const function       *function; /* EXPR_CALL */
    const struct routine *routine;  /* of a call whose code is the program's; else NULL */
    const expr_lambda    *lambda;   /* EXPR_LAMBDA */
    value                 constant; /* EXPR_CONSTANT */
    text digits; /* of a DOUBLE that was written with a point: what it says exactly, for
                    where it meets a DECIMAL; else empty */
    int32_t arg_count;
    expr  **args;
};

/* ---- making trees (all from `a`; NULL: out of memory) */
expr *expr_column(arena *a, int32_t column, data_type type, int32_t position);
expr *expr_constant(arena *a, const value *v, int32_t position); /* copies text */
expr *expr_make(arena *a, expr_kind kind, data_type type, expr **args, int32_t arg_count,
                int32_t position);
/* e, or a cast of e to t; constants are converted at once (error when they do not fit). */
status expr_cast_to(expr **out, arena *a, expr *e, data_type t, error *err) MUST_USE;
/* Constants follow what they stand beside: a text takes its type. A number keeps its own, but
 * becomes a DECIMAL of its digits beside a DECIMAL, a FLOAT beside a FLOAT, and UBIGINT beside one
 * when it is not negative. */
bool expr_is_text_literal(const expr *e); /* not NULL */
bool expr_is_number_literal(const expr *e);
/* The smallest DECIMAL that holds a constant number as it is written; false: none does. */
bool      expr_exact_type(const expr *e, data_type *out);
data_type expr_literal_type(const expr *number, data_type beside);
/* The type that all have in common; text constants follow, VARCHAR when there is nothing else.
 * False: args[*odd] does not meet *out, the type of those before it. */
bool expr_unify(data_type *out, int32_t *odd, expr *const *args, int32_t count);
bool expr_equal(const expr *x, const expr *y);
/* No columns, no volatile function and no code of the program's anywhere. */
bool expr_is_constant(const expr *e);
/* May be computed for rows that do not need it, and costs little. */
bool expr_cannot_fail(const expr *e);
bool expr_is_constant_call(const expr *e); /* of a call: its function is not volatile */
/* Calls fn for every column number in e, in place; the renumbering of push-down and pruning. */
void  expr_visit_columns(expr *e, void (*fn)(void *arg, int32_t *column), void *arg);
expr *expr_copy(arena *a, const expr *e);
/* SQL-like text for EXPLAIN; names gives column names (may be NULL: $0, $1 ...). */
void expr_print(const expr *e, const schema *names, buf *out);
void expr_print_value(const value *v, buf *out); /* as a literal */

/* ---- fn_zone_nested.c */
/* Is such a type in it, at any depth? */
bool type_holds(data_type t, type_id id);
/* The same shape with `leaf` for TIMESTAMPTZ. */
status type_without_zone(data_type *out, data_type t, data_type leaf, error *err) MUST_USE;

/* ---- functions (functions.def): operators are functions too, named "+", "-", "*", "/", "//", "%",
 * "||", "=", "<>", "<", "<=", ">", ">=", "like", "ilike", "neg", and the ordinary names. */
typedef struct function_match {
    const function *function;
    data_type       result;
    data_type args[8]; /* what each argument must be cast to first (variadic: the last repeats) */
    bool      as_is;   /* none is cast */
} function_match;
/* Finds the overload by name (any case) and argument types. ERR_QUERY_FAILED: unknown name (hint:
 * nearest) or no overload (lists those there are). */
status function_resolve(function_match *out, text name, const data_type *args, int32_t arg_count,
                        error *err) MUST_USE;
const char *function_name(const function *f);
/* A call of a routine, whose arguments have its types; the expression does not hold it. It is never
 * computed while a plan is made. */
expr *expr_routine_call(arena *a, const struct routine *r, expr **args, int32_t arg_count,
                        int32_t position);
/* Reads a clock and a calendar, which for a TIMESTAMPTZ are those of a time zone. */
bool function_is_local(const function *f);
bool function_is_strict(const function *f); /* NULL for every NULL argument */
bool function_is_stable(const function *f); /* now() and the like */
bool function_exists(text name);
/* Of macros.def, as a CREATE MACRO; NULL: no such macro takes so many arguments. */
const char *function_macro(text name, int32_t arg_count);
int32_t     function_count(void);        /* overloads */
const char *function_name_at(int32_t i); /* of an overload, for did-you-mean; NULL: beyond them */
/* What expr_call would call, and what argument i of it would be cast to. */
status expr_resolve(function_match *out, data_type *types, text name, expr *const *args,
                    int32_t arg_count, error *err) MUST_USE;
/* Resolve + cast arguments + make the call node. */
status expr_call(expr **out, arena *a, text name, expr **args, int32_t arg_count, int32_t position,
                 error *err) MUST_USE;

/* ---- programs */
typedef struct program program;
/* Compiles `count` expressions over inputs of `input` types. The program and the trees must share a
 * lifetime (arena a). */
status program_compile(program **out, arena *a, expr *const *exprs, int32_t count,
                       const schema *input, error *err) MUST_USE;
/* With what volatile functions look at, and limits; without, calling one is an internal error. */
status program_compile_for(program **out, arena *a, expr *const *exprs, int32_t count,
                           const schema *input, const eval_env *eval, error *err) MUST_USE;
/* Evaluates over in->row_count rows. out[i] may alias input columns (plain references keep owner
 * and layout); computed ones are transient in scratch. Computed text is views. Errors carry the
 * expression's position and the values. Not reentrant: one program per operator instance. */
status program_run(program *p, const delta *in, column *out, arena *scratch, error *err) MUST_USE;
/* An expression without columns, for one row (text lives in a). s NULL: nothing in it is volatile.
 */
status expr_evaluate(value *out, const expr *e, const eval_env *s, arena *a, error *err) MUST_USE;
/* A constant expression's value (text lives in a). */
status expr_evaluate_constant(value *out, const expr *e, arena *a, error *err) MUST_USE;

#endif
