/* SPDX-License-Identifier: Apache-2.0 */
/* compile.h - the state of a compilation. Inside expr only.
 *
 * A term is a distinct value of the expressions being compiled, numbered so that equal
 * subexpressions get the same number (value numbering: two calls of one function on the same terms
 * are the same term). A scope is a frame of the program being written: it knows in which register
 * each term is, and takes a term from the scope around it by an import. */
#ifndef LAMINAR_EXPR_COMPILE_H
#define LAMINAR_EXPR_COMPILE_H

#include "expr/step.h"

#define EXPR_DEPTH_MAX 1000

typedef struct term {
    step_kind             kind; /* of computed ones; choices are STEP_CLOSE */
    data_type             type;
    int32_t               column; /* of the input; -1: not a column */
    bool                  is_constant;
    value                 constant;
    int32_t               constant_reg; /* seen from every scope */
    const function       *function;
    const struct routine *routine;
    int32_t               serial; /* of a volatile call; else 0 */
    const expr           *whole;  /* IN and choices are the same when their trees are; else NULL */
    int32_t               arg_count;
    int32_t              *args; /* terms */
} term;

typedef struct binding {
    int32_t term, reg;
} binding;

typedef struct scope scope;
struct scope {
    scope   *parent;
    int32_t  enter; /* step */
    int32_t  binding_count, binding_capacity;
    binding *bindings;
    int32_t  import_count, import_capacity;
    import  *imports;
};

typedef struct compiler {
    arena        *arena;
    error        *err;
    const schema *input;
    program      *program;
    scope        *scope;
    scope         root;
    int32_t       depth;
    int32_t       term_count, term_capacity;
    term         *terms;
    int32_t       load_capacity, step_capacity, reg_capacity, choice_capacity;
} compiler;

/* ---- compile_term.c */
/* Room for one more item; moves *items to a larger place when needed. */
status compile_grow(compiler *c, void *items, int32_t count, int32_t *capacity, size_t size);
status compile_constant(compiler *c, const value *v, int32_t *out);
status compile_column(compiler *c, const expr *e, int32_t *out);
/* The register of a term in the current scope, imported when it is from further out. */
status compile_reg(compiler *c, int32_t t, int32_t *reg);
/* The term that a step over argument terms makes: known, folded, or one more step. `s` has kind,
 * type, position and payload. */
status compile_step(compiler *c, const step *s, const int32_t *args, int32_t arg_count,
                    const expr *whole, int32_t *out);
/* A known choice of the same tree, or -1. */
int32_t compile_find_choice(const compiler *c, const expr *e);
/* A step of a choice: no term, no folding. arg: term or -1. */
status compile_choice_step(compiler *c, step_kind kind, int32_t choice_number, const expr *e,
                           int32_t arg);
status compile_close(compiler *c, int32_t choice_number, const expr *e, int32_t *out);
status compile_open(compiler *c, step_kind kind, const expr *e, int32_t *choice_number);
status compile_enter(compiler *c, step_kind kind, int32_t choice_number, const expr *e, scope *s);
status compile_leave(compiler *c, int32_t choice_number, const expr *e);

/* ---- program.c */
status compile_expr(compiler *c, const expr *e, int32_t *out);
/* Cannot fail and costs little: evaluated for all rows without asking who needs it. */
bool compile_is_simple(const expr *e, int32_t depth);

/* ---- compile_choice.c */
status compile_logic(compiler *c, const expr *e, int32_t *out);
status compile_case(compiler *c, const expr *e, int32_t *out);
status compile_coalesce(compiler *c, const expr *e, int32_t *out);

#endif
