/* SPDX-License-Identifier: Apache-2.0 */
/* call.h - how the program calls a function's kernel. Inside expr only.
 *
 * A kernel computes one function over row_count rows. Its arguments already have the types of its
 * line in functions.def. An operand with step 0 is one value for all rows, so constants are never
 * spread over a column. Unless the line says FN_NULLS, the function is strict: rows with a NULL
 * argument are NULL, `valid` tells which are not, and the kernel need not look at the operands'
 * validity. Result memory is zero on entry unless the line says FN_ALL_ROWS. */
#ifndef LAMINAR_EXPR_CALL_H
#define LAMINAR_EXPR_CALL_H

#include "base/interrupt.h"
#include "base/unicode.h"
#include "expr/eval_env.h"
#include "expr/expr.h"

/* One value may not grow beyond this by a function: a wrong count would eat the machine. */
#define TEXT_RESULT_MAX ((size_t)VALUE_BYTES_MAX)

/* Parameter kinds of functions.def beside the types themselves. */
enum {
    TYPE_ANY = TYPE_COUNT, /* anything, as it is */
    TYPE_SAME,             /* all parameters of this kind unify to one type */
    TYPE_PRINTED,          /* anything, cast to VARCHAR */
    TYPE_MOMENT,           /* DATE or a timestamp, as it is */
    TYPE_JSON,             /* as the result */
    /* DECIMALs. One argument must be one; integers and constants beside it become some. */
    TYPE_EXACT,   /* a DECIMAL of its own digits; as the result: that of the first argument */
    TYPE_ALIGNED, /* the parameters of this kind unify to one DECIMAL */
    TYPE_SUM,     /* results: decimal_type.c */
    TYPE_PRODUCT,
    TYPE_QUOTIENT,
    TYPE_WHOLE_QUOTIENT,
    TYPE_REMAINDER,
    TYPE_INTEGRAL,
    TYPE_ROUNDED
};

enum {
    FN_VARIADIC = 1,  /* the last parameter may repeat */
    FN_NULLS = 2,     /* the kernel looks after NULLs itself */
    FN_FALLIBLE = 4,  /* may fail on valid data: not evaluated for rows that do not need it */
    FN_HEAVY = 8,     /* slow enough that skipping rows pays */
    FN_ALL_ROWS = 16, /* the kernel writes every row, NULL or not */
    FN_AS_CASE = 32,  /* expr_call makes a CASE of it */
    FN_AS_NULLIF = 64,
    FN_AS_COALESCE = 128,
    FN_VOLATILE = 256, /* a value of its own for each row and each place in the text */
    FN_STABLE = 512,   /* FN_VOLATILE in streams; in a statement that is answered once, one value */
    FN_INSTANT = 1024  /* of a TIMESTAMPTZ the same in every time zone (plan/bind_zone.c) */
};

typedef struct operand {
    data_type       type;
    int32_t         step; /* 1: a value a row; 0: one value */
    const void     *values;
    const uint64_t *validity; /* NULL: no NULLs */
    chunk          *owner;    /* as of a column */
} operand;

typedef struct fn_call {
    int32_t         row_count;
    int32_t         arg_count;
    const operand  *args;
    const uint64_t *valid; /* strict functions: rows without a NULL argument; NULL: all of them */
    data_type       type;  /* of the result */
    void           *values;
    const void     *alias;    /* set by the kernel when the result is an argument's memory */
    uint64_t       *validity; /* of the result; NULL: no NULLs. Written through fn_set_null alone */
    bool            validity_owned;
    void           *state; /* what prepare made, or NULL */
    char           *text_next;
    size_t          text_left;
    int64_t         spent; /* work since it was asked whether the query is to stop */
    const eval_env
          *eval; /* of the program; NULL: it calls nothing volatile, limits are the highest */
    arena *scratch;
    error *err;
} fn_call;

/* For kernels whose rows may be long: about as many bytes, or items times their width, were looked
 * at. ERR_QUERY_CANCELLED when the query is to stop. */
ALWAYS_INLINE status
fn_spend(fn_call *c, int64_t work) {
    return interrupt_spend(&c->spent, work, c->err);
}

typedef status fn_kernel(fn_call *c);
/* Looks at constant arguments once, when a program is compiled. constants[i] is NULL where argument
 * i is not constant. */
typedef status fn_preparer(void **state, arena *a, const value *const *constants,
                           const data_type *types, int32_t arg_count, error *err);

/* What is called, as overload resolution sees it. */
typedef struct call_types {
    const data_type *types;
    expr *const     *args; /* NULL: nothing is known but types */
    int32_t          count;
} call_types;

/* The cost of a call, below 0: it does not fit. Fills args, result and as_is. */
typedef int32_t fn_typer(const call_types *c, function_match *out);

struct function {
    const char  *name;
    uint8_t      args[8];
    uint8_t      arg_count;
    uint8_t      result;
    uint32_t     flags;
    fn_preparer *prepare;
    fn_kernel   *kernel;
    const char  *pattern; /* NESTED: see nested_match.c; else NULL */
    const char  *shown;   /* NESTED, TYPED: the parameters, for messages */
    fn_typer    *typer;   /* TYPED; else NULL */
};

#define FUNCTION(name, args, result, flags, prepare, kernel) fn_kernel kernel;
#define REWRITE(name, args, result, flags)
#define NESTED(name, pattern, shown, flags, kernel) fn_kernel kernel;
#define NESTED_PREPARED(name, pattern, shown, flags, prepare, kernel) fn_kernel kernel;
#define LAMBDA(name, shown)
#define MACRO(name, shown, result, parameters, body)
#define TYPED(name, typer, shown, flags, kernel)                                                   \
    fn_kernel kernel;                                                                              \
    fn_typer  typer;
#include "expr/functions.def"

fn_preparer fn_prepare_divisor_i32, fn_prepare_divisor_i64;
fn_preparer fn_prepare_like, fn_prepare_ilike;
fn_preparer fn_prepare_strftime, fn_prepare_part, fn_prepare_zone, fn_prepare_strptime;
fn_preparer fn_prepare_json_path;
fn_preparer fn_prepare_json_paths;
fn_preparer fn_prepare_regexp_matches, fn_prepare_regexp_full_match, fn_prepare_regexp_unmatches;
fn_preparer fn_prepare_regexp_matches_any_case, fn_prepare_regexp_unmatches_any_case;
fn_preparer fn_prepare_similar_to, fn_prepare_glob, fn_prepare_regexp_extract;
fn_preparer fn_prepare_regexp_replace, fn_prepare_regexp_count, fn_prepare_regexp_extract_all;
fn_preparer fn_prepare_regexp_split;
fn_typer    type_lambda;

/* One value for all rows and never another one: may be computed when a program is compiled. */
ALWAYS_INLINE bool
function_is_volatile(const function *f) {
    return (f->flags & (FN_VOLATILE | FN_STABLE)) != 0;
}

/* Whether two constants are the same, by bits: 0.0 and -0.0 are different (expr_tree.c). */
bool constant_equal(const value *x, const value *y);

/* ---- fn_routine.c: takes the code for a step that is compiled in `a`, as long as that lives. */
status routine_prepare(void **state, arena *a, const struct routine *r, int32_t arg_count,
                       error *err) MUST_USE;

/* ---- for kernels (call.c) */
/* Makes one row NULL. False when memory is out. */
bool fn_set_null(fn_call *c, int32_t row) MUST_USE;
/* One argument as an integer, whatever its width up to 64 bits. */
int64_t fn_integer(const operand *o, int32_t row);
/* One argument as a value. */
value  fn_value(const operand *o, int32_t row);
status fn_overflow(fn_call *c, int32_t row, const char *symbol);
status fn_overflow_one(fn_call *c, int32_t row, const char *name);
/* Argument `i` as a column of row_count rows (spreads a constant). */
status fn_column(const fn_call *c, int32_t i, column *out) MUST_USE;
/* A moment or TIME in microseconds; *step as in operand. Values that do not fit saturate. */
status fn_microseconds(const fn_call *c, int32_t i, const int64_t **us, int32_t *step) MUST_USE;
/* Room for `size` bytes of result text, NULL when memory is out; then the first `used` of them as a
 * view. */
char   *fn_text_reserve(fn_call *c, size_t size) MUST_USE;
strview fn_text_commit(fn_call *c, size_t used);
/* The text of a buf with size_max TEXT_RESULT_MAX; an error when it failed. */
status fn_text_of_buf(fn_call *c, const char *name, const buf *b, strview *out) MUST_USE;
status fn_text_too_long(fn_call *c, const char *name, uint128 size);

ALWAYS_INLINE bool
fn_is_valid(const fn_call *c, int32_t row) {
    return c->valid == NULL || bits_get(c->valid, row);
}

ALWAYS_INLINE bool
operand_is_null(const operand *o, int32_t row) {
    return o->validity != NULL && !bits_get(o->validity, row * o->step);
}

ALWAYS_INLINE const strview *
operand_view(const operand *o, int32_t row) {
    return (const strview *)o->values + (int64_t)row * o->step;
}

ALWAYS_INLINE text
operand_text(const operand *o, int32_t row) {
    return strview_text(operand_view(o, row));
}

/* ---- text helpers shared by fn_text*.c and fn_like.c (utf8.c) */
/* How many characters; bytes of the first `count` (at most all); offset of the last `count`. */
int64_t utf8_count(text t);
size_t  utf8_skip(text t, int64_t count);
size_t  utf8_skip_back(text t, int64_t count);
/* Simple lower case of ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic; every mapping keeps
 * the number of bytes. */
void utf8_lower(char *out, text t);

#endif
