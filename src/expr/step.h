/* SPDX-License-Identifier: Apache-2.0 */
/* step.h - compiled programs: one flat list of steps over registers. Inside expr only.
 *
 * Each step runs over the rows of the current frame. A register holds a column of its frame, or one
 * value for all rows. CASE, COALESCE, AND and OR with parts that may fail or are slow are a
 * `choice`: it keeps the rows of the enclosing frame that are still undecided (rest) and those of
 * the branch just taken (taken). ENTER makes rest or taken the frame and brings the registers the
 * branch uses down to these rows; LEAVE goes back. Branches nobody needs are jumped over. */
#ifndef LAMINAR_EXPR_STEP_H
#define LAMINAR_EXPR_STEP_H

#include "expr/call.h"

typedef enum step_kind {
    STEP_CALL,
    STEP_CAST,
    STEP_TRY_CAST,
    STEP_NOT,
    STEP_IS_NULL,
    STEP_IN,
    STEP_LAMBDA,
    STEP_AND,      /* over all rows */
    STEP_OR,       /* over all rows */
    STEP_CASE,     /* over all rows: args as EXPR_CASE */
    STEP_COALESCE, /* over all rows */
    STEP_OPEN,     /* starts a choice: all rows of the frame are rest, the result is NULL */
    STEP_OPEN_AND, /* ... is TRUE */
    STEP_OPEN_OR,  /* ... is FALSE */
    STEP_ENTER_REST,
    STEP_ENTER_TAKEN,
    STEP_LEAVE,
    STEP_SPLIT, /* args[0] is a condition over rest: where it is true, rows move from rest to taken
                 */
    STEP_STORE_TAKEN, /* args[0] over taken is the result of these rows */
    STEP_STORE_REST,
    STEP_STORE_VALID, /* args[0] over rest is the result where it is not NULL; these rows leave rest
                       */
    STEP_STORE_AND,   /* args[0] over rest is one more condition; where it is false, rows leave rest
                       */
    STEP_STORE_OR,
    STEP_CLOSE, /* dst = the choice's result */
    STEP_KIND_COUNT
} step_kind;

typedef struct import {
    int32_t from, to; /* registers of the enclosing frame and of the branch */
} import;

typedef struct in_set      in_set;
typedef struct lambda_step lambda_step;

typedef struct step {
    step_kind             kind;
    data_type             type; /* of dst */
    int32_t               position;
    int32_t               dst;
    int32_t               arg_count;
    int32_t              *args; /* registers */
    const function       *function;
    const struct routine *routine;
    int32_t               serial;   /* as of a term */
    operand              *operands; /* STEP_CALL: room for arg_count */
    void                 *state;    /* STEP_CALL: what prepare made */
    in_set               *set;      /* STEP_IN */
    lambda_step          *lambda;   /* STEP_LAMBDA */
    int32_t               choice;
    int32_t               jump; /* STEP_ENTER_*: the step after the LEAVE */
    int32_t               import_count;
    import               *imports;
} step;

typedef struct reg {
    column column;
    bool   is_constant; /* one value, for all rows */
    bool   is_fresh;    /* values were made by this run: they may be written to */
} reg;

typedef struct choice {
    data_type type;
    int32_t   row_count; /* of the enclosing frame */
    int32_t   rest_count, taken_count;
    int32_t  *rest, *taken; /* rows of the enclosing frame, ascending */
    void     *values;
    uint64_t *validity;
} choice;

typedef struct load { /* a column of the input into a register */
    int32_t column, dst;
} load;

typedef struct output {
    int32_t column; /* -1: dst */
    int32_t reg;
} output;

ALWAYS_INLINE bool
step_is_volatile(const step *s) {
    return s->kind == STEP_CALL && function_is_volatile(s->function);
}

struct program {
    const eval_env *eval;
    int32_t         load_count, step_count, reg_count, choice_count, output_count;
    load           *loads;
    step           *steps;
    reg            *regs;
    choice         *choices;
    output         *outputs;
};

typedef struct run {
    program *program;
    arena   *scratch;
    error   *err;
    int32_t  row_count; /* of the current frame */
    int32_t  next;      /* step */
} run;

typedef status step_function(run *r, step *s);

/* program_run.c */
status step_run(run *r, step *s) MUST_USE; /* locates errors */
/* Fresh memory for `row_count` values of a type; zeroed on demand. NULL: out of memory. */
void *run_values(run *r, data_type type, int32_t row_count, bool zeroed) MUST_USE;
/* Whether all arguments are constant; then the result is one value too. */
bool    step_is_constant(const run *r, const step *s);
int32_t step_rows(const run *r, const step *s);
/* Words of a bitmap, all set or all clear. */
uint64_t *run_bits(run *r, int32_t row_count, bool on) MUST_USE;

step_function step_and, step_or, step_case, step_coalesce; /* program_logic.c */
step_function step_open, step_enter, step_leave, step_split, step_store, step_store_valid,
    step_store_logic, step_close; /* program_case.c */
step_function step_in;            /* program_in.c */
step_function step_lambda;        /* program_lambda.c */
status        lambda_step_make(lambda_step **out, arena *a, const expr *e, error *err) MUST_USE;
/* The members of an IN list, all of one type, NULLs allowed. */
status in_set_make(in_set **out, arena *a, const value *members, int32_t count, data_type type,
                   error *err) MUST_USE;

#endif
