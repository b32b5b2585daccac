/* SPDX-License-Identifier: Apache-2.0 */
/* function.c - the function table and overload resolution.
 *
 * Each overload that takes the number of arguments gets a cost: 0 for arguments of the very type,
 * more the further a value has to be cast. The cheapest wins, of equals the one that comes first in
 * functions.def. */
#include <stdio.h>

#include "expr/resolve.h"

#define ARGS0 {0}, 0
#define ARGS1(a) {TYPE_##a}, 1
#define ARGS2(a, b) {TYPE_##a, TYPE_##b}, 2
#define ARGS3(a, b, c) {TYPE_##a, TYPE_##b, TYPE_##c}, 3
#define ARGS4(a, b, c, d) {TYPE_##a, TYPE_##b, TYPE_##c, TYPE_##d}, 4
#define ARGS6(a, b, c, d, e, f) {TYPE_##a, TYPE_##b, TYPE_##c, TYPE_##d, TYPE_##e, TYPE_##f}, 6

static const function functions[] = {
#define FUNCTION(fn_name, args, result, flags, prepare, kernel)                                    \
    {fn_name, args, TYPE_##result, flags, prepare, kernel, NULL, NULL, NULL},
#define REWRITE(fn_name, args, result, flags)                                                      \
    {fn_name, args, TYPE_##result, flags, NULL, NULL, NULL, NULL, NULL},
#define NESTED(fn_name, pattern, shown, flags, kernel)                                             \
    {fn_name, {0}, 0, TYPE_NULL, flags, NULL, kernel, pattern, shown, NULL},
#define NESTED_PREPARED(fn_name, pattern, shown, flags, prepare, kernel)                           \
    {fn_name, {0}, 0, TYPE_NULL, flags, prepare, kernel, pattern, shown, NULL},
#define LAMBDA(fn_name, shown)                                                                     \
    {fn_name, {0}, 0, TYPE_NULL, 0, NULL, NULL, NULL, shown, type_lambda},
#define MACRO(fn_name, shown, result, parameters, body)                                            \
    {fn_name, {0}, 0, TYPE_NULL, 0, NULL, NULL, NULL, shown, type_lambda},
#define TYPED(fn_name, typer, shown, flags, kernel)                                                \
    {fn_name, {0}, 0, TYPE_NULL, flags, NULL, kernel, NULL, shown, typer},
#include "expr/functions.def"
};

static const struct macro {
    const char *name, *parameters, *text;
} macros[] = {
#define FUNCTION(fn_name, args, result, flags, prepare, kernel)
#define REWRITE(fn_name, args, result, flags)
#define NESTED(fn_name, pattern, shown, flags, kernel)
#define NESTED_PREPARED(fn_name, pattern, shown, flags, prepare, kernel)
#define LAMBDA(fn_name, shown)
#define TYPED(fn_name, typer, shown, flags, kernel)
#define MACRO(fn_name, shown, result, parameters, body)                                            \
    {fn_name, parameters, "CREATE MACRO built_in" parameters " AS " body},
#include "expr/functions.def"
};

/* How many parameters "(a, b)" names. */
static int32_t
parameter_count(const char *parameters) {
    int32_t commas = 0;
    for (const char *p = parameters; *p != '\0'; p++) {
        commas += *p == ',';
    }
    return strcmp(parameters, "()") == 0 ? 0 : commas + 1;
}

const char *
function_macro(text name, int32_t arg_count) {
    for (int32_t i = 0; i < ARRAY_COUNT(macros); i++) {
        if (text_equal_nocase(text_of(macros[i].name), name) &&
            parameter_count(macros[i].parameters) == arg_count) {
            return macros[i].text;
        }
    }
    return NULL;
}

enum {
    COST_NULL = 1,     /* the type of NULL fits anything */
    COST_NUMBER = 1,   /* a constant number that becomes what stands beside it */
    COST_STEP = 2,     /* an integer of twice the bits */
    COST_FLOAT = 3,    /* FLOAT to DOUBLE */
    COST_EXACT = 4,    /* integer to DECIMAL beside one */
    COST_DOUBLE = 20,  /* integer to FLOAT or DOUBLE */
    COST_INEXACT = 25, /* DECIMAL to DOUBLE */
    COST_TIME = 2,     /* DATE to TIMESTAMP */
    COST_TIME_OTHER = 3,
    COST_OPEN = 5, /* ANY, PRINTED, the common type of several */
    COST_LITERAL = 50,
    COST_LITERAL_TWIN = 40, /* a text constant beside an argument of the wanted type */
    NO_FIT = -1
};

const char *
function_name(const function *f) {
    return f->name;
}

bool
function_is_strict(const function *f) {
    return (f->flags & FN_NULLS) == 0;
}

bool
function_is_local(const function *f) {
    bool reads = false;
    for (int32_t i = 0; i < f->arg_count; i++) {
        reads |= f->args[i] == TYPE_MOMENT || f->args[i] == TYPE_TIMESTAMPTZ;
    }
    return reads && (f->flags & FN_INSTANT) == 0;
}

bool
function_is_stable(const function *f) {
    return (f->flags & FN_STABLE) != 0;
}

int32_t
function_count(void) {
    return ARRAY_COUNT(functions);
}

const char *
function_name_at(int32_t i) {
    return i < ARRAY_COUNT(functions) ? functions[i].name : NULL;
}

bool
function_exists(text name) {
    for (int32_t i = 0; i < ARRAY_COUNT(functions); i++) {
        if (text_equal_nocase(text_of(functions[i].name), name)) {
            return true;
        }
    }
    return false;
}

bool
function_is_nested(text name) {
    for (int32_t i = 0; i < ARRAY_COUNT(functions); i++) {
        if (functions[i].shown != NULL && text_equal_nocase(text_of(functions[i].name), name)) {
            return true;
        }
    }
    return false;
}

/* ---- costs */
static bool
is_text(const call_types *c, int32_t i) {
    return c->args != NULL && expr_is_text_literal(c->args[i]);
}

static bool
is_number(const call_types *c, int32_t i) {
    return c->args != NULL && expr_is_number_literal(c->args[i]);
}

static bool
is_moment(data_type t) {
    return t.id == TYPE_DATE || type_is_time(t);
}

static int32_t
text_cost(const call_types *c, data_type to) {
    bool beside_value = false;
    for (int32_t i = 0; i < c->count; i++) {
        if (!is_text(c, i) && c->types[i].id != TYPE_TEXT && c->types[i].id != TYPE_NULL) {
            if (c->types[i].id == to.id) {
                return COST_LITERAL_TWIN;
            }
            beside_value = true;
        }
    }
    return beside_value || is_moment(to) || to.id == TYPE_INTERVAL || to.id == TYPE_BLOB
               ? COST_LITERAL
               : NO_FIT;
}

/* A constant number becomes what another argument is. */
static bool
follows(const call_types *c, int32_t i, data_type to) {
    for (int32_t k = 0; k < c->count; k++) {
        if (c->types[k].id == to.id && !is_number(c, k)) {
            return is_number(c, i) && type_equal(expr_literal_type(c->args[i], to), to);
        }
    }
    return false;
}

/* How many times the bits of `from` are doubled. */
static int32_t
doublings(data_type from, data_type to) {
    int32_t n = 0;
    for (size_t width = type_width(from); width < type_width(to); width *= 2) {
        n++;
    }
    return n;
}

static int32_t
cast_cost(const call_types *c, int32_t i, data_type to) {
    const data_type from = c->types[i];
    if (type_equal(from, to)) {
        return 0;
    }
    if (is_text(c, i)) {
        return type_is_json(to) ? COST_LITERAL : text_cost(c, to);
    }
    if (follows(c, i, to)) {
        return COST_NUMBER;
    }
    if (!type_casts_implicitly(from, to)) {
        return NO_FIT;
    }
    if (from.id == TYPE_NULL) {
        return COST_NULL;
    }
    if (type_is_float(to)) {
        return from.id == TYPE_F32       ? COST_FLOAT
               : from.id == TYPE_DECIMAL ? COST_INEXACT
                                         : COST_DOUBLE + (to.id == TYPE_F32);
    }
    if (type_is_integer(to)) {
        return COST_STEP * doublings(from, to);
    }
    return to.id == TYPE_TIMESTAMP ? COST_TIME : COST_TIME_OTHER;
}

static uint8_t
parameter(const function *f, int32_t i) {
    return f->args[i < f->arg_count ? i : f->arg_count - 1];
}

/* The type of all SAME arguments, or of all ALIGNED ones, which is a DECIMAL. */
static bool
unify_parameters(const function *f, const call_types *c, uint8_t kind, data_type *out) {
    expr    none[8] = {{.kind = EXPR_COLUMN}};
    expr   *few[8];
    int32_t count = 0;
    int32_t odd;
    *out = type_of(TYPE_NULL);
    for (int32_t i = 0; i < c->count; i++) {
        if (parameter(f, i) != kind) {
            continue;
        }
        if (count == ARRAY_COUNT(few)) { /* many: what they have in common so far stands for them */
            if (!expr_unify(out, &odd, few, count)) {
                return false;
            }
            none[0].type = *out;
            few[0] = &none[0];
            count = 1;
        }
        none[count].type = c->types[i];
        few[count] = c->args != NULL ? c->args[i] : &none[count];
        count++;
    }
    return expr_unify(out, &odd, few, count) && (kind == TYPE_SAME || out->id == TYPE_DECIMAL);
}

static int32_t
exact_cost(const call_types *c, int32_t i, data_type *to) {
    if (c->types[i].id == TYPE_DECIMAL) {
        *to = c->types[i];
        return 0;
    }
    if (c->types[i].id == TYPE_NULL) {
        *to = type_decimal(1, 0);
        return COST_NULL;
    }
    const bool exact =
        c->args != NULL ? decimal_argument(c->args[i], to) : type_as_decimal(c->types[i], to);
    return exact ? COST_EXACT : NO_FIT;
}

/* To the type that all of them have in common: there is a cast. */
static int32_t
common_cost(const call_types *c, int32_t i, data_type to) {
    const int32_t cost = cast_cost(c, i, to);
    return cost == NO_FIT && !is_text(c, i) && type_casts(c->types[i], to) ? COST_OPEN : cost;
}

static int32_t
argument_cost(const function *f, const call_types *c, int32_t i, data_type same, data_type *to) {
    const data_type from = c->types[i];
    switch (parameter(f, i)) {
    case TYPE_ANY:
        *to = from;
        return COST_OPEN;
    case TYPE_PRINTED:
        *to = type_of(TYPE_TEXT);
        return from.id == TYPE_TEXT ? 0 : COST_OPEN;
    case TYPE_SAME:
    case TYPE_ALIGNED:
        *to = same;
        return common_cost(c, i, same);
    case TYPE_EXACT:
        return exact_cost(c, i, to);
    case TYPE_MOMENT:
        *to = is_moment(from) ? from : type_of(TYPE_TIMESTAMP);
        return cast_cost(c, i, *to);
    default:
        *to = type_of(parameter(f, i));
        return cast_cost(c, i, *to);
    }
}

static data_type
result_type(const function *f, const call_types *c, data_type same) {
    if (f->result == TYPE_SAME) {
        return same;
    }
    if (f->result == TYPE_JSON) {
        return type_json();
    }
    if (f->result != TYPE_MOMENT) {
        return type_of(f->result);
    }
    for (int32_t i = 0; i < c->count; i++) {
        if (parameter(f, i) == TYPE_MOMENT) {
            return is_moment(c->types[i]) ? c->types[i] : type_of(TYPE_TIMESTAMP);
        }
    }
    UNREACHABLE();
}

/* The digits of a DECIMAL result come from those of the arguments as they are given. */
static bool
match_decimal(const function *f, const call_types *c, data_type *result) {
    data_type exact[4];
    bool      any = false;
    for (int32_t i = 0; i < c->count && i < ARRAY_COUNT(exact); i++) {
        any |= c->types[i].id == TYPE_DECIMAL && decimal_is_kind(parameter(f, i));
        if (decimal_is_kind(parameter(f, i)) && exact_cost(c, i, &exact[i]) < 0) {
            return false;
        }
    }
    return any && (!decimal_is_kind(f->result) ||
                   decimal_result(f->result, exact, c->args, c->count, result));
}

static bool
takes_count(const function *f, int32_t count) {
    return count == f->arg_count || (count > f->arg_count && (f->flags & FN_VARIADIC) != 0);
}

/* The cost of calling f, or NO_FIT. */
static int32_t
match(const function *f, const call_types *c, function_match *out) {
    data_type  same = type_of(TYPE_NULL);
    int32_t    total = 0;
    const bool is_decimal = decimal_is_kind(f->args[0]);
    const bool is_aligned = f->args[0] == TYPE_ALIGNED;
    *out = (function_match){.function = f};
    if (f->pattern != NULL || f->typer != NULL) {
        return f->pattern != NULL ? nested_pattern_cost(f->pattern, c, out) : f->typer(c, out);
    }
    if (!takes_count(f, c->count) ||
        !unify_parameters(f, c, is_aligned ? TYPE_ALIGNED : TYPE_SAME, &same)) {
        return NO_FIT;
    }
    if (!decimal_is_kind(f->result)) {
        out->result = result_type(f, c, same);
    }
    if (is_decimal && !match_decimal(f, c, &out->result)) {
        return NO_FIT;
    }
    for (int32_t i = 0; i < c->count; i++) {
        data_type     to;
        const int32_t cost = argument_cost(f, c, i, same, &to);
        if (cost < 0) {
            return NO_FIT;
        }
        total += cost;
        if (i < ARRAY_COUNT(out->args)) {
            out->args[i] = to;
        }
    }
    for (int32_t i = c->count; i < ARRAY_COUNT(out->args); i++) {
        out->args[i] = c->count > 0 ? out->args[c->count - 1] : type_of(TYPE_NULL);
    }
    return total;
}

/* ---- errors */
static status
unknown_name(text name, error *err) {
    text names[ARRAY_COUNT(functions)];
    for (int32_t i = 0; i < ARRAY_COUNT(functions); i++) {
        names[i] = text_of(functions[i].name);
    }
    const int32_t near = text_nearest(name, names, ARRAY_COUNT(functions));
    (void)error_set(err, ERR_QUERY_FAILED, "unknown function \"%.*s\"", TEXT_ARG(name));
    if (near >= 0) {
        (void)error_hint(err, "did you mean \"%.*s\"?", TEXT_ARG(names[near]));
    }
    return ERR_QUERY_FAILED;
}

/* A line of text that is cut when full. */
typedef struct line {
    char   data[240];
    size_t size;
} line;

static void
line_add(line *l, const char *s) {
    const size_t n = strlen(s);
    const size_t room = sizeof(l->data) - 1 - l->size;
    memcpy(l->data + l->size, s, n < room ? n : room);
    l->size += n < room ? n : room;
    l->data[l->size] = '\0';
}

static const char *
parameter_name(uint8_t p) {
    switch (p) {
    case TYPE_ANY:
    case TYPE_PRINTED:
        return "any type";
    case TYPE_SAME:
        return "T";
    case TYPE_MOMENT:
        return "DATE or TIMESTAMP";
    case TYPE_EXACT:
    case TYPE_ALIGNED:
        return "DECIMAL";
    default:
        return type_name(type_of(p));
    }
}

static void
line_add_overload(line *l, const function *f) {
    line_add(l, f->name);
    line_add(l, "(");
    if (f->shown != NULL) {
        line_add(l, f->shown);
        line_add(l, ")");
        return;
    }
    for (int32_t i = 0; i < f->arg_count; i++) {
        line_add(l, i == 0 ? "" : ", ");
        line_add(l, parameter_name(f->args[i]));
    }
    line_add(l, f->flags & FN_VARIADIC ? ", ...)" : ")");
}

/* The one argument that keeps an overload from fitting, when a cast makes it fit; -1: none. */
static int32_t
misfit(const function *f, const call_types *c, data_type *wanted) {
    int32_t found = -1;
    if (f->shown != NULL || f->arg_count != c->count) {
        return -1;
    }
    for (int32_t i = 0; i < c->count; i++) {
        const data_type to = type_of((type_id)(f->args[i] < TYPE_COUNT ? f->args[i] : TYPE_NULL));
        if (f->args[i] >= TYPE_COUNT || type_casts_implicitly(c->types[i], to)) {
            continue;
        }
        if (found >= 0 || !type_casts(c->types[i], to)) {
            return -1;
        }
        found = i;
        *wanted = to;
    }
    return found;
}

/* What an overload would take with a cast; 0: nothing is written. */
static void
line_add_cast(line *l, text name, const call_types *c) {
    char say[120];
    for (int32_t i = 0; i < ARRAY_COUNT(functions); i++) {
        const function *f = &functions[i];
        data_type       to = {0};
        if (!text_equal_nocase(text_of(f->name), name)) {
            continue;
        }
        const int32_t at = misfit(f, c, &to);
        if (at >= 0) {
            (void)snprintf(say, sizeof(say), "cast argument %d: CAST(... AS %s); ", at + 1,
                           type_name(to));
            line_add(l, say);
            return;
        }
        if (f->args[0] == TYPE_SAME && c->count > 1 && c->types[0].id != TYPE_NULL) {
            (void)snprintf(say, sizeof(say), "bring all to one type: CAST(... AS %.60s); ",
                           type_name(c->types[0]));
            line_add(l, say);
            return;
        }
    }
}

static status
no_overload(text name, const call_types *c, error *err) {
    line given = {.size = 0};
    line known = {.size = 0};
    for (int32_t i = 0; i < c->count; i++) {
        line_add(&given, i == 0 ? "" : ", ");
        line_add(&given, type_name(c->types[i]));
    }
    for (int32_t i = 0; i < ARRAY_COUNT(functions); i++) {
        if (text_equal_nocase(text_of(functions[i].name), name)) {
            line_add(&known, known.size == 0 ? "" : "; ");
            line_add_overload(&known, &functions[i]);
        }
    }
    (void)error_set(err, ERR_QUERY_FAILED, "no function %.*s(%s) takes these argument types",
                    TEXT_ARG(name), given.data);
    for (int32_t i = 0; i < c->count; i++) {
        if (c->types[i].id == TYPE_BLOB) {
            return error_hint(err, "there is %s; decode(x) makes text of a BLOB", known.data);
        }
    }
    line cast = {.size = 0};
    line_add_cast(&cast, name, c);
    return error_hint(err, "%sthere is %s", cast.data, known.data);
}

static status
resolve(function_match *out, text name, const call_types *c, error *err) {
    int32_t best = INT32_MAX;
    bool    named = false;
    for (int32_t i = 0; i < ARRAY_COUNT(functions); i++) {
        if (!text_equal_nocase(text_of(functions[i].name), name)) {
            continue;
        }
        function_match m;
        const int32_t  cost = match(&functions[i], c, &m);
        named = true;
        if (cost != NO_FIT && cost < best) {
            best = cost;
            *out = m;
        }
    }
    if (!named) {
        return unknown_name(name, err);
    }
    return best == INT32_MAX ? no_overload(name, c, err) : OK;
}

#define ARGUMENTS_MAX 128

status
resolve_call(function_match *out, text name, expr *const *args, int32_t arg_count, error *err) {
    data_type types[ARGUMENTS_MAX];
    if (arg_count > ARGUMENTS_MAX) {
        return error_set(err, ERR_QUERY_FAILED, "a call has at most %d arguments", ARGUMENTS_MAX);
    }
    for (int32_t i = 0; i < arg_count; i++) {
        types[i] = args[i]->type;
    }
    const call_types c = {.types = types, .args = args, .count = arg_count};
    return resolve(out, name, &c, err);
}

status
function_resolve(function_match *out, text name, const data_type *args, int32_t arg_count,
                 error *err) {
    const call_types c = {.types = args, .count = arg_count};
    return resolve(out, name, &c, err);
}

data_type
resolve_argument(const function_match *m, int32_t i, const expr *arg) {
    if (m->as_is || (m->function->shown == NULL && parameter(m->function, i) == TYPE_ANY)) {
        return arg->type;
    }
    return m->args[i < ARRAY_COUNT(m->args) ? i : ARRAY_COUNT(m->args) - 1];
}
