/* SPDX-License-Identifier: Apache-2.0 */
/* nested_match.c - calls with nested arguments: patterns of functions.def matched with types.
 *
 * A pattern has a letter per argument, then ':' and the result:
 *   L  a list of T          T  an item of it       M  MAP(K, V)    K, V  its key, its value
 *   S  any STRUCT           i  BIGINT              s  VARCHAR      b     BOOLEAN      d  DOUBLE
 *   a  anything as it is    I, D  a list of BIGINT, of DOUBLE    +  behind a letter: it may repeat
 *   z  TIMESTAMP            w  INTERVAL             Z  TIMESTAMPTZ
 * and as results also k, v, e: a list of keys, values or entries of M; t, j, n, r, o, q: a
 * list of VARCHAR, JSON, BIGINT, DOUBLE, TIMESTAMP or TIMESTAMPTZ; N: what a list of lists has as
 * items, flattened: T itself. */
#include "expr/resolve.h"
#include "type/nested.h"

enum { NO_FIT = -1, COST_CAST = 2, COST_ITEM = 4, COST_NULL = 1 };

typedef struct pattern {
    const char       *form; /* at the argument that is looked at */
    const call_types *c;
    data_type         item, key, value; /* T, K, V: what the arguments have in common */
    int32_t           cost;
} pattern;

static char
letter_of(const char *form, int32_t i) {
    for (int32_t at = 0; form[at] != ':'; at++) {
        const bool repeats = form[at + 1] == '+';
        if (i == 0 || repeats) {
            return form[at];
        }
        i--;
    }
    return '\0';
}

static bool
takes(const char *form, int32_t count) {
    int32_t least = 0;
    for (int32_t at = 0; form[at] != ':'; at++) {
        if (form[at] == '+') {
            return count >= least;
        }
        least++;
    }
    return count == least;
}

static const expr *
literal_of(const call_types *c, int32_t i) {
    return c->args == NULL ? NULL : c->args[i];
}

/* A constant takes the type of what it meets where it can: [1] of SMALLINT beside a SMALLINT. */
static bool
follows(const call_types *c, int32_t i, data_type to) {
    const expr *e = literal_of(c, i);
    int128      min, max;
    if (e == NULL || to.id == TYPE_NULL) {
        return false;
    }
    if (expr_is_text_literal(e)) {
        return to.id != TYPE_TEXT;
    }
    if (!expr_is_number_literal(e)) {
        return false;
    }
    if (type_is_integer(e->type) && type_is_integer(to) && type_wide_range(to, &min, &max)) {
        return value_wide(&e->constant) >= min && value_wide(&e->constant) <= max;
    }
    return type_equal(expr_literal_type(e, to), to);
}

static bool
join(data_type *to, data_type t, pattern *p) {
    const data_type before = *to;
    if (!type_unify(before, t, to)) {
        return false;
    }
    p->cost += before.id != TYPE_NULL && !type_equal(before, *to) ? COST_CAST : 0;
    p->cost += !type_equal(t, *to) ? COST_CAST : 0;
    return true;
}

/* First what has a type of its own, then constants. */
static bool
unify_argument(pattern *p, int32_t i, char letter, bool constants) {
    const data_type t = p->c->types[i];
    data_type      *to = letter == 'T' ? &p->item : letter == 'K' ? &p->key : &p->value;
    const expr     *e = literal_of(p->c, i);
    const bool      constant = e != NULL && (expr_is_text_literal(e) || expr_is_number_literal(e));
    switch (letter) {
    case 'L':
        if (constants || t.id == TYPE_NULL) {
            p->cost += constants ? 0 : COST_NULL;
            return true;
        }
        return t.id == TYPE_LIST && join(&p->item, type_item(t), p);
    case 'M':
        if (constants || t.id == TYPE_NULL) {
            p->cost += constants ? 0 : COST_NULL;
            return true;
        }
        return t.id == TYPE_MAP && join(&p->key, type_map_key(t), p) &&
               join(&p->value, type_map_value(t), p);
    case 'T':
    case 'K':
    case 'V':
        p->cost += constants ? 0 : COST_ITEM;
        if (constant != constants) {
            return true;
        }
        return (constants && follows(p->c, i, *to)) || join(to, t, p);
    default:
        return true;
    }
}

static bool
plain_target(pattern *p, int32_t i, char letter, data_type *out) {
    const data_type t = p->c->types[i];
    const type_id   id = letter == 'i'   ? TYPE_I64
                         : letter == 's' ? TYPE_TEXT
                         : letter == 'b' ? TYPE_BOOL
                         : letter == 'z' ? TYPE_TIMESTAMP
                         : letter == 'Z' ? TYPE_TIMESTAMPTZ
                         : letter == 'w' ? TYPE_INTERVAL
                                         : TYPE_F64;
    *out = type_of(id);
    p->cost += type_equal(t, *out) ? 0 : COST_CAST;
    return type_casts_implicitly(t, *out) || (follows(p->c, i, *out) && id != TYPE_BOOL);
}

/* A list whose items become numbers of one type. */
static bool
number_list(pattern *p, int32_t i, type_id id, data_type *out) {
    const data_type t = p->c->types[i];
    const bool      numbers =
        t.id == TYPE_LIST && (type_is_numeric(type_item(t)) || type_item(t).id == TYPE_NULL);
    if (type_list(out, type_of(id), NULL) < 0 || (!numbers && t.id != TYPE_NULL)) {
        return false;
    }
    p->cost += type_equal(t, *out) ? 0 : id == TYPE_I64 ? COST_CAST : COST_CAST + COST_ITEM;
    return type_casts_implicitly(t, *out);
}

static bool
target(pattern *p, int32_t i, char letter, data_type *out) {
    switch (letter) {
    case 'L':
        return type_list(out, p->item, NULL) == OK;
    case 'M':
        return type_map(out, p->key, p->value, NULL) == OK;
    case 'T':
        *out = p->item;
        return true;
    case 'K':
        *out = p->key;
        return true;
    case 'V':
        *out = p->value;
        return true;
    case 'S':
        *out = p->c->types[i];
        return out->id == TYPE_STRUCT;
    case 'a':
        *out = p->c->types[i];
        return true;
    case 'I':
    case 'D':
        return number_list(p, i, letter == 'I' ? TYPE_I64 : TYPE_F64, out);
    default:
        return plain_target(p, i, letter, out);
    }
}

static bool
result(pattern *p, char letter, data_type *out) {
    data_type item = p->item;
    switch (letter) {
    case 'L':
        return type_list(out, item, NULL) == OK;
    case 'k':
        return type_list(out, p->key, NULL) == OK;
    case 'v':
        return type_list(out, p->value, NULL) == OK;
    case 't':
        return type_list(out, type_of(TYPE_TEXT), NULL) == OK;
    case 'j':
        return type_list(out, type_json(), NULL) == OK;
    case 'n':
        return type_list(out, type_of(TYPE_I64), NULL) == OK;
    case 'r':
        return type_list(out, type_of(TYPE_F64), NULL) == OK;
    case 'o':
        return type_list(out, type_of(TYPE_TIMESTAMP), NULL) == OK;
    case 'q':
        return type_list(out, type_of(TYPE_TIMESTAMPTZ), NULL) == OK;
    case 'e':
        return type_map(&item, p->key, p->value, NULL) == OK &&
               type_list(out, type_item(item), NULL) == OK;
    case 'N':
        *out = item;
        return item.id == TYPE_LIST || item.id == TYPE_NULL;
    case 'i':
        *out = type_of(TYPE_I64);
        return true;
    case 's':
        *out = type_of(TYPE_TEXT);
        return true;
    case 'b':
        *out = type_of(TYPE_BOOL);
        return true;
    case 'd':
        *out = type_of(TYPE_F64);
        return true;
    default:
        return target(p, 0, letter, out);
    }
}

int32_t
nested_pattern_cost(const char *form, const call_types *c, function_match *out) {
    const data_type none = type_of(TYPE_NULL);
    pattern         p = {.form = form, .c = c, .item = none, .key = none, .value = none};
    bool            any_nested = false;
    if (!takes(form, c->count)) {
        return NO_FIT;
    }
    for (int32_t i = 0; i < c->count; i++) { /* a NULL alone says nothing of what it is */
        any_nested |= type_is_nested(c->types[i]) || strchr("LMS", letter_of(form, i)) == NULL;
    }
    for (int32_t pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < c->count; i++) {
            if (!unify_argument(&p, i, letter_of(form, i), pass == 1)) {
                return NO_FIT;
            }
        }
    }
    p.cost += any_nested ? 0 : COST_ITEM;
    for (int32_t i = 0; i < ARRAY_COUNT(out->args); i++) {
        data_type to = i > 0 ? out->args[i - 1] : none;
        if (i < c->count && !target(&p, i, letter_of(form, i), &to)) {
            return NO_FIT;
        }
        out->args[i] = to;
    }
    return result(&p, strchr(form, ':')[1], &out->result) ? p.cost : NO_FIT;
}

/* ---- functions whose result depends on more than that */

static void
as_they_are(const call_types *c, function_match *out) {
    out->as_is = true;
    for (int32_t i = 0; i < ARRAY_COUNT(out->args); i++) {
        out->args[i] = i < c->count ? c->types[i] : type_of(TYPE_NULL);
    }
}

static bool
constant_text(const call_types *c, int32_t i, text *out) {
    const expr *e = literal_of(c, i);
    if (e == NULL || !expr_is_text_literal(e)) {
        return false;
    }
    *out = e->constant.s;
    return true;
}

/* struct_pack('a', x, 'b', y), as the binder writes struct_pack(a => x, b => y). */
int32_t
type_struct_pack(const call_types *c, function_match *out) {
    nested_field  fields[64];
    const int32_t count = c->count / 2;
    if (c->count % 2 != 0 || count < 1 || count > ARRAY_COUNT(fields)) {
        return NO_FIT;
    }
    for (int32_t i = 0; i < count; i++) {
        if (!constant_text(c, 2 * i, &fields[i].name)) {
            return NO_FIT;
        }
        fields[i].type = c->types[2 * i + 1];
    }
    as_they_are(c, out);
    return type_struct(&out->result, fields, count, NULL) == OK ? 0 : NO_FIT;
}

int32_t
type_row(const call_types *c, function_match *out) {
    nested_field fields[128] = {{.name = {NULL, 0}}};
    if (c->count < 1 || c->count > ARRAY_COUNT(fields)) {
        return NO_FIT;
    }
    for (int32_t i = 0; i < c->count; i++) {
        fields[i].type = c->types[i];
    }
    as_they_are(c, out);
    return type_struct(&out->result, fields, c->count, NULL) == OK ? 0 : NO_FIT;
}

/* The field that a constant names, or numbers from 1. */
int32_t
nested_field_of(data_type t, const value *which) {
    if (which->is_null || t.id != TYPE_STRUCT) {
        return -1;
    }
    if (which->type.id == TYPE_TEXT) {
        return type_find_field(t, which->s, false);
    }
    const int128 at = type_is_integer(which->type) ? value_wide(which) - 1 : -1;
    return at >= 0 && at < type_field_count(t) ? (int32_t)at : -1;
}

int32_t
type_struct_extract(const call_types *c, function_match *out) {
    const expr *e = literal_of(c, 1);
    if (c->count != 2 || c->types[0].id != TYPE_STRUCT || e == NULL || e->kind != EXPR_CONSTANT) {
        return NO_FIT;
    }
    const int32_t at = nested_field_of(c->types[0], &e->constant);
    if (at < 0) {
        return NO_FIT;
    }
    as_they_are(c, out);
    out->result = type_field(c->types[0], at).type;
    return 0;
}

/* struct_insert(s, 'a', x, ...) */
int32_t
type_struct_insert(const call_types *c, function_match *out) {
    nested_field fields[NESTED_FIELDS_MAX];
    if (c->count < 3 || c->count % 2 != 1 || c->types[0].id != TYPE_STRUCT) {
        return NO_FIT;
    }
    int32_t count = type_field_count(c->types[0]);
    for (int32_t i = 0; i < count; i++) {
        fields[i] = type_field(c->types[0], i);
    }
    for (int32_t i = 1; i < c->count; i += 2) {
        if (count == NESTED_FIELDS_MAX || !constant_text(c, i, &fields[count].name)) {
            return NO_FIT;
        }
        fields[count++].type = c->types[i + 1];
    }
    as_they_are(c, out);
    return type_struct(&out->result, fields, count, NULL) == OK ? 0 : NO_FIT;
}

/* struct_update(s, 'a', x, ...): the field of that name becomes x, or is added. */
int32_t
type_struct_update(const call_types *c, function_match *out) {
    nested_field fields[NESTED_FIELDS_MAX];
    if (c->count < 3 || c->count % 2 != 1 || c->types[0].id != TYPE_STRUCT ||
        type_field(c->types[0], 0).name.size == 0) {
        return NO_FIT;
    }
    int32_t count = type_field_count(c->types[0]);
    for (int32_t i = 0; i < count; i++) {
        fields[i] = type_field(c->types[0], i);
    }
    for (int32_t i = 1; i < c->count; i += 2) {
        text name;
        if (!constant_text(c, i, &name)) {
            return NO_FIT;
        }
        int32_t at = type_find_field(c->types[0], name, false);
        if (at < 0) {
            if (count == NESTED_FIELDS_MAX) {
                return NO_FIT;
            }
            at = count++;
        }
        fields[at] = (nested_field){.name = name, .type = c->types[i + 1]};
    }
    as_they_are(c, out);
    return type_struct(&out->result, fields, count, NULL) == OK ? 0 : NO_FIT;
}

/* All fields of all arguments, which all have names, or none has. */
int32_t
type_struct_concat(const call_types *c, function_match *out) {
    nested_field fields[NESTED_FIELDS_MAX];
    int32_t      count = 0;
    for (int32_t i = 0; i < c->count; i++) {
        const int32_t more = c->types[i].id == TYPE_STRUCT ? type_field_count(c->types[i]) : 0;
        if (more == 0 || count + more > NESTED_FIELDS_MAX) {
            return NO_FIT;
        }
        for (int32_t k = 0; k < more; k++) {
            fields[count++] = type_field(c->types[i], k);
            if ((fields[count - 1].name.size == 0) != (fields[0].name.size == 0)) {
                return NO_FIT;
            }
        }
    }
    as_they_are(c, out);
    return count > 0 && type_struct(&out->result, fields, count, NULL) == OK ? 0 : NO_FIT;
}

/* Is the second argument a value of the row? */
static bool
is_search(const call_types *c, function_match *out) {
    as_they_are(c, out);
    return c->count == 2 &&
           (c->types[0].id == TYPE_NULL ||
            (c->types[0].id == TYPE_STRUCT && type_field(c->types[0], 0).name.size == 0));
}

int32_t
type_struct_contains(const call_types *c, function_match *out) {
    out->result = type_of(TYPE_BOOL);
    return is_search(c, out) ? 0 : NO_FIT;
}

int32_t
type_struct_position(const call_types *c, function_match *out) {
    out->result = type_of(TYPE_I64);
    return is_search(c, out) ? 0 : NO_FIT;
}

/* histogram_bins(MAP(K, BIGINT), K[]) */
int32_t
type_histogram_bins(const call_types *c, function_match *out) {
    data_type key;
    if (c->count != 2 || c->types[0].id != TYPE_MAP || c->types[1].id != TYPE_LIST) {
        return NO_FIT;
    }
    key = type_map_key(c->types[0]);
    const data_type bin = type_item(c->types[1]);
    const bool      numbers = type_is_numeric(key) && type_is_numeric(bin) &&
                         (type_is_integer(bin) || !type_is_integer(key));
    if (!numbers && !type_equal(key, bin) && !type_casts_implicitly(bin, key) &&
        bin.id != TYPE_TEXT) {
        return NO_FIT;
    }
    as_they_are(c, out);
    out->as_is = false;
    out->args[0] = c->types[0];
    out->result = c->types[0];
    return type_list(&out->args[1], key, NULL) == OK ? 0 : NO_FIT;
}

/* The names of the fields, or their values as a row. */
static bool
is_struct_call(const call_types *c, function_match *out) {
    as_they_are(c, out);
    return c->count == 1 && c->types[0].id == TYPE_STRUCT;
}

int32_t
type_struct_keys(const call_types *c, function_match *out) {
    const bool named = is_struct_call(c, out) && type_field(c->types[0], 0).name.size > 0;
    const bool nothing = c->count == 1 && c->types[0].id == TYPE_NULL;
    return (named || nothing) && type_list(&out->result, type_of(TYPE_TEXT), NULL) == OK ? 0
                                                                                         : NO_FIT;
}

int32_t
type_struct_values(const call_types *c, function_match *out) {
    nested_field fields[NESTED_FIELDS_MAX];
    if (!is_struct_call(c, out)) {
        out->result = type_of(TYPE_NULL);
        return c->count == 1 && c->types[0].id == TYPE_NULL ? 0 : NO_FIT;
    }
    const int32_t count = type_field_count(c->types[0]);
    for (int32_t i = 0; i < count; i++) {
        fields[i] = (nested_field){.name = {NULL, 0}, .type = type_field(c->types[0], i).type};
    }
    return type_struct(&out->result, fields, count, NULL) == OK ? 0 : NO_FIT;
}

/* json_each(j [, path]), json_tree: what an object or array holds. */
int32_t
type_json_each(const call_types *c, function_match *out) {
    const data_type    name = type_of(TYPE_TEXT), number = type_of(TYPE_U64);
    const nested_field fields[] = {{TEXT("key"), name},     {TEXT("value"), type_json()},
                                   {TEXT("type"), name},    {TEXT("atom"), type_json()},
                                   {TEXT("id"), number},    {TEXT("parent"), number},
                                   {TEXT("fullkey"), name}, {TEXT("path"), name}};
    data_type          item;
    for (int32_t i = 0; i < ARRAY_COUNT(out->args); i++) {
        const bool text_or_null =
            i >= c->count || c->types[i].id == TYPE_TEXT || c->types[i].id == TYPE_NULL;
        if (!text_or_null || c->count < 1 || c->count > 2) {
            return NO_FIT;
        }
        out->args[i] = name;
    }
    return type_struct(&item, fields, ARRAY_COUNT(fields), NULL) == OK &&
                   type_list(&out->result, item, NULL) == OK
               ? 0
               : NO_FIT;
}

/* json_transform(j, 'structure'), where the binder has put a NULL of that type for the structure.
 */
int32_t
type_json_transform(const call_types *c, function_match *out) {
    if (c->count != 2 || (c->types[0].id != TYPE_TEXT && c->types[0].id != TYPE_NULL)) {
        return NO_FIT;
    }
    as_they_are(c, out);
    out->args[0] = type_of(TYPE_TEXT);
    out->as_is = false;
    out->result = c->types[1];
    return 0;
}

/* timezone_cast(zone, x, NULL of the type) */
int32_t
type_zone_cast(const call_types *c, function_match *out) {
    if (c->count != 3 || c->types[0].id != TYPE_TEXT) {
        return NO_FIT;
    }
    as_they_are(c, out);
    out->result = c->types[2];
    return 0;
}

/* Without a lambda it is none of its calls. */
int32_t
type_lambda(const call_types *c UNUSED, function_match *out UNUSED) {
    return NO_FIT;
}

/* map(keys, values) of two lists. */
int32_t
type_map_of(const call_types *c, function_match *out) {
    const data_type none = type_of(TYPE_NULL);
    if (c->count != 2 && c->count != 0) {
        return NO_FIT;
    }
    as_they_are(c, out);
    if (c->count == 0) {
        return type_map(&out->result, none, none, NULL) == OK ? 0 : NO_FIT;
    }
    if (c->types[0].id != TYPE_LIST || c->types[1].id != TYPE_LIST) {
        return NO_FIT;
    }
    return type_map(&out->result, type_item(c->types[0]), type_item(c->types[1]), NULL) == OK
               ? 0
               : NO_FIT;
}

/* A list of pairs. */
int32_t
type_map_from_entries(const call_types *c, function_match *out) {
    if (c->count != 1 || c->types[0].id != TYPE_LIST || type_item(c->types[0]).id != TYPE_STRUCT ||
        type_field_count(type_item(c->types[0])) != 2) {
        return NO_FIT;
    }
    const data_type pair = type_item(c->types[0]);
    as_they_are(c, out);
    return type_map(&out->result, type_map_key(pair), type_map_value(pair), NULL) == OK ? 0
                                                                                        : NO_FIT;
}

/* list_zip(a, b, ...): a list of structs without names. */
int32_t
type_list_zip(const call_types *c, function_match *out) {
    nested_field fields[64] = {{.name = {NULL, 0}}};
    data_type    item;
    if (c->count < 1 || c->count > ARRAY_COUNT(fields)) {
        return NO_FIT;
    }
    for (int32_t i = 0; i < c->count; i++) {
        if (c->types[i].id != TYPE_LIST) {
            return NO_FIT;
        }
        fields[i].type = type_item(c->types[i]);
    }
    as_they_are(c, out);
    return type_struct(&item, fields, c->count, NULL) == OK &&
                   type_list(&out->result, item, NULL) == OK
               ? 0
               : NO_FIT;
}
