/* SPDX-License-Identifier: Apache-2.0 */
/* literal.c - what constants become beside values of other types, and the common type of several
 * expressions. */
#include "expr/expr.h"
#include "type/decimal.h"

static bool
is_constant(const expr *e) {
    return e->kind == EXPR_CONSTANT && !e->constant.is_null;
}

bool
expr_is_text_literal(const expr *e) {
    return is_constant(e) && e->type.id == TYPE_TEXT && !type_is_json(e->type);
}

bool
expr_is_number_literal(const expr *e) {
    return is_constant(e) && (type_is_integer(e->type) || e->digits.size > 0);
}

bool
expr_exact_type(const expr *e, data_type *out) {
    if (!expr_is_number_literal(e)) {
        return false;
    }
    return type_is_integer(e->type) ? decimal_type_of_integer(value_wide(&e->constant), out)
                                    : decimal_type_of_text(e->digits, out);
}

data_type
expr_literal_type(const expr *number, data_type beside) {
    data_type exact;
    if (beside.id == TYPE_DECIMAL && expr_exact_type(number, &exact)) {
        return exact;
    }
    if (beside.id == TYPE_F32) {
        return beside;
    }
    const bool whole = type_is_integer(number->type) && number->type.id != TYPE_I128;
    return beside.id == TYPE_U64 && whole && value_wide(&number->constant) >= 0 ? beside
                                                                                : number->type;
}

/* For a message: the first one, in their order, that does not meet those before it. */
static bool
find_odd(data_type *out, int32_t *odd, expr *const *args, int32_t count) {
    *out = type_of(TYPE_NULL);
    for (int32_t i = 0; i < count; i++) {
        data_type both;
        if (expr_is_text_literal(args[i])) {
            continue;
        }
        if (!type_unify(*out, args[i]->type, &both)) {
            *odd = i;
            return false;
        }
        *out = both;
    }
    return false;
}

/* The values first, then what follows them. */
bool
expr_unify(data_type *out, int32_t *odd, expr *const *args, int32_t count) {
    bool any_text = false;
    *out = type_of(TYPE_NULL);
    for (int32_t pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < count; i++) {
            const bool is_text = expr_is_text_literal(args[i]);
            const bool is_number = expr_is_number_literal(args[i]);
            any_text |= is_text;
            if (is_text || is_number != (pass == 1)) {
                continue;
            }
            const data_type t = is_number ? expr_literal_type(args[i], *out) : args[i]->type;
            data_type       both;
            if (!type_unify(*out, t, &both)) {
                *odd = i;
                return find_odd(out, odd, args, count);
            }
            *out = both;
        }
    }
    if (any_text && out->id == TYPE_NULL) {
        *out = type_of(TYPE_TEXT);
    }
    return true;
}
