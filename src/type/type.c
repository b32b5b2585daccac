/* SPDX-License-Identifier: Apache-2.0 */
/* type.c - what is known of types without looking at values: names, widths, which types meet and
 * which convert. */
#include "type/type.h"

static const char *const sql_names[TYPE_COUNT] = {
#define TYPE(name, sql_name, physical, arrow_format) [TYPE_##name] = sql_name,
#include "type/types.def"
#undef TYPE
};

static const physical physicals[TYPE_COUNT] = {
#define TYPE(name, sql_name, physical, arrow_format) [TYPE_##name] = physical,
#include "type/types.def"
#undef TYPE
};

static const size_t widths[PHYSICAL_COUNT] = {
    [PHYSICAL_BOOL] = 1, [PHYSICAL_I8] = 1,  [PHYSICAL_I16] = 2,   [PHYSICAL_I32] = 4,
    [PHYSICAL_I64] = 8,  [PHYSICAL_F64] = 8, [PHYSICAL_TEXT] = 16, [PHYSICAL_INTERVAL] = 16,
};

typedef struct type_alias {
    text    name;
    type_id id;
} type_alias;

/* INT8 is PostgreSQL's and DuckDB's: eight bytes. */
static const type_alias aliases[] = {
    {TEXT("BOOLEAN"), TYPE_BOOL},
    {TEXT("BOOL"), TYPE_BOOL},
    {TEXT("LOGICAL"), TYPE_BOOL},
    {TEXT("TINYINT"), TYPE_I8},
    {TEXT("INT1"), TYPE_I8},
    {TEXT("SMALLINT"), TYPE_I16},
    {TEXT("INT2"), TYPE_I16},
    {TEXT("INT16"), TYPE_I16},
    {TEXT("SHORT"), TYPE_I16},
    {TEXT("INTEGER"), TYPE_I32},
    {TEXT("INT"), TYPE_I32},
    {TEXT("INT4"), TYPE_I32},
    {TEXT("INT32"), TYPE_I32},
    {TEXT("SIGNED"), TYPE_I32},
    {TEXT("BIGINT"), TYPE_I64},
    {TEXT("INT8"), TYPE_I64},
    {TEXT("INT64"), TYPE_I64},
    {TEXT("LONG"), TYPE_I64},
    {TEXT("DOUBLE"), TYPE_F64},
    {TEXT("DOUBLE PRECISION"), TYPE_F64},
    {TEXT("FLOAT"), TYPE_F64},
    {TEXT("FLOAT4"), TYPE_F64},
    {TEXT("FLOAT8"), TYPE_F64},
    {TEXT("FLOAT32"), TYPE_F64},
    {TEXT("FLOAT64"), TYPE_F64},
    {TEXT("REAL"), TYPE_F64},
    {TEXT("VARCHAR"), TYPE_TEXT},
    {TEXT("CHARACTER VARYING"), TYPE_TEXT},
    {TEXT("CHARACTER"), TYPE_TEXT},
    {TEXT("CHAR"), TYPE_TEXT},
    {TEXT("BPCHAR"), TYPE_TEXT},
    {TEXT("TEXT"), TYPE_TEXT},
    {TEXT("STRING"), TYPE_TEXT},
    {TEXT("UTF8"), TYPE_TEXT},
    {TEXT("DATE"), TYPE_DATE},
    {TEXT("DATE32"), TYPE_DATE},
    {TEXT("TIMESTAMP"), TYPE_TIMESTAMP},
    {TEXT("TIMESTAMP WITHOUT TIME ZONE"), TYPE_TIMESTAMP},
    {TEXT("TIMESTAMP_US"), TYPE_TIMESTAMP},
    {TEXT("DATETIME"), TYPE_TIMESTAMP},
    {TEXT("TIMESTAMP_MS"), TYPE_TIMESTAMP_MS},
    {TEXT("INTERVAL"), TYPE_INTERVAL},
};

physical
type_physical(data_type t) {
    assert(t.id < TYPE_COUNT);
    return physicals[t.id];
}

size_t
type_width(data_type t) {
    return widths[type_physical(t)];
}

const char *
type_name(data_type t) {
    assert(t.id < TYPE_COUNT);
    return sql_names[t.id];
}

bool
type_from_name(text name, data_type *out, const char **nearest) {
    text candidates[ARRAY_COUNT(aliases)];
    if (nearest != NULL) {
        *nearest = NULL;
    }
    for (int32_t i = 0; i < ARRAY_COUNT(aliases); i++) {
        if (text_equal_nocase(name, aliases[i].name)) {
            *out = type_of(aliases[i].id);
            return true;
        }
        candidates[i] = aliases[i].name;
    }
    if (nearest != NULL) {
        const int32_t at = text_nearest(name, candidates, ARRAY_COUNT(aliases));
        if (at >= 0) {
            *nearest = aliases[at].name.data;
        }
    }
    return false;
}

bool
type_is_integer(data_type t) {
    return t.id >= TYPE_I8 && t.id <= TYPE_I64;
}

bool
type_is_numeric(data_type t) {
    return type_is_integer(t) || t.id == TYPE_F64;
}

bool
type_is_time(data_type t) {
    return t.id == TYPE_TIMESTAMP || t.id == TYPE_TIMESTAMP_MS;
}

bool
type_integer_range(data_type t, int64_t *min, int64_t *max) {
    switch ((type_id)t.id) {
    case TYPE_I8:
        *min = INT8_MIN;
        *max = INT8_MAX;
        return true;
    case TYPE_I16:
        *min = INT16_MIN;
        *max = INT16_MAX;
        return true;
    case TYPE_I32:
    case TYPE_DATE:
        *min = INT32_MIN;
        *max = INT32_MAX;
        return true;
    case TYPE_I64:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_MS:
        *min = INT64_MIN;
        *max = INT64_MAX;
        return true;
    default:
        return false;
    }
}

bool
type_is_orderable(data_type t) {
    return t.id < TYPE_COUNT;
}

bool
type_casts_implicitly(data_type from, data_type to) {
    if (type_equal(from, to) || from.id == TYPE_NULL) {
        return true;
    }
    if (type_is_integer(from)) {
        return to.id == TYPE_F64 || (type_is_integer(to) && from.id < to.id);
    }
    if (from.id == TYPE_DATE) {
        return type_is_time(to);
    }
    return from.id == TYPE_TIMESTAMP_MS && to.id == TYPE_TIMESTAMP;
}

bool
type_casts(data_type from, data_type to) {
    if (type_casts_implicitly(from, to) || from.id == TYPE_TEXT || to.id == TYPE_TEXT) {
        return to.id != TYPE_NULL || from.id == TYPE_NULL;
    }
    const bool numbers = (type_is_numeric(from) || from.id == TYPE_BOOL) &&
                         (type_is_numeric(to) || to.id == TYPE_BOOL);
    const bool times =
        (type_is_time(from) || from.id == TYPE_DATE) && (type_is_time(to) || to.id == TYPE_DATE);
    return numbers || times;
}

bool
type_unify(data_type a, data_type b, data_type *out) {
    if (type_casts_implicitly(a, b)) {
        *out = b;
        return true;
    }
    if (type_casts_implicitly(b, a)) {
        *out = a;
        return true;
    }
    return false;
}

int64_t
type_time_unit_us(data_type t) {
    return t.id == TYPE_TIMESTAMP ? 1 : t.id == TYPE_DATE ? INT64_C(86400000000) : 1000;
}
