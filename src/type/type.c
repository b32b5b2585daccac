/* SPDX-License-Identifier: Apache-2.0 */
/* type.c - what is known of types without looking at values: names, widths, ranges, units. Which
 * types meet and convert: type_convert.c. */
#include "type/calendar.h"
#include "type/decimal.h"
#include "type/nested_type.h"

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
    [PHYSICAL_BOOL] = 1,  [PHYSICAL_I8] = 1,        [PHYSICAL_I16] = 2,     [PHYSICAL_I32] = 4,
    [PHYSICAL_I64] = 8,   [PHYSICAL_I128] = 16,     [PHYSICAL_U8] = 1,      [PHYSICAL_U16] = 2,
    [PHYSICAL_U32] = 4,   [PHYSICAL_U64] = 8,       [PHYSICAL_F32] = 4,     [PHYSICAL_F64] = 8,
    [PHYSICAL_TEXT] = 16, [PHYSICAL_INTERVAL] = 16, [PHYSICAL_NESTED] = 16,
};

/* "DECIMAL(p,s)" of all p and s: names live as long as the program. `t` is the tens of s. */
#define N(p, t, o) "DECIMAL(" #p "," #t #o ")",
#define LOW(p, t) N(p, t, 0) N(p, t, 1) N(p, t, 2) N(p, t, 3) N(p, t, 4)
#define HIGH(p, t) N(p, t, 5) N(p, t, 6) N(p, t, 7) N(p, t, 8) N(p, t, 9)
#define TEN(p, t) LOW(p, t) HIGH(p, t)
#define ROW(p) {TEN(p, ) TEN(p, 1) TEN(p, 2) TEN(p, 3)},
/* clang-format off */
static const char decimal_names[DECIMAL_PRECISION_MAX][40][16] = {
    ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7) ROW(8) ROW(9) ROW(10) ROW(11) ROW(12)
    ROW(13) ROW(14) ROW(15) ROW(16) ROW(17) ROW(18) ROW(19) ROW(20) ROW(21) ROW(22) ROW(23)
    ROW(24) ROW(25) ROW(26) ROW(27) ROW(28) ROW(29) ROW(30) ROW(31) ROW(32) ROW(33) ROW(34)
    ROW(35) ROW(36) ROW(37) ROW(38)
};
/* clang-format on */
#undef ROW
#undef TEN
#undef HIGH
#undef LOW
#undef N

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
    {TEXT("HUGEINT"), TYPE_I128},
    {TEXT("INT128"), TYPE_I128},
    {TEXT("UTINYINT"), TYPE_U8},
    {TEXT("UINT8"), TYPE_U8},
    {TEXT("USMALLINT"), TYPE_U16},
    {TEXT("UINT16"), TYPE_U16},
    {TEXT("UINTEGER"), TYPE_U32},
    {TEXT("UINT32"), TYPE_U32},
    {TEXT("UBIGINT"), TYPE_U64},
    {TEXT("UINT64"), TYPE_U64},
    {TEXT("FLOAT"), TYPE_F32},
    {TEXT("FLOAT4"), TYPE_F32},
    {TEXT("FLOAT32"), TYPE_F32},
    {TEXT("REAL"), TYPE_F32},
    {TEXT("DOUBLE"), TYPE_F64},
    {TEXT("DOUBLE PRECISION"), TYPE_F64},
    {TEXT("FLOAT8"), TYPE_F64},
    {TEXT("FLOAT64"), TYPE_F64},
    {TEXT("DECIMAL"), TYPE_DECIMAL},
    {TEXT("NUMERIC"), TYPE_DECIMAL},
    {TEXT("DEC"), TYPE_DECIMAL},
    {TEXT("VARCHAR"), TYPE_TEXT},
    {TEXT("CHARACTER VARYING"), TYPE_TEXT},
    {TEXT("CHAR VARYING"), TYPE_TEXT},
    {TEXT("CHARACTER"), TYPE_TEXT},
    {TEXT("CHAR"), TYPE_TEXT},
    {TEXT("BPCHAR"), TYPE_TEXT},
    {TEXT("TEXT"), TYPE_TEXT},
    {TEXT("STRING"), TYPE_TEXT},
    {TEXT("UTF8"), TYPE_TEXT},
    {TEXT("BLOB"), TYPE_BLOB},
    {TEXT("BYTEA"), TYPE_BLOB},
    {TEXT("BYTES"), TYPE_BLOB},
    {TEXT("BINARY"), TYPE_BLOB},
    {TEXT("VARBINARY"), TYPE_BLOB},
    {TEXT("UUID"), TYPE_UUID},
    {TEXT("GUID"), TYPE_UUID},
    {TEXT("DATE"), TYPE_DATE},
    {TEXT("DATE32"), TYPE_DATE},
    {TEXT("TIME"), TYPE_TIME},
    {TEXT("TIME WITHOUT TIME ZONE"), TYPE_TIME},
    {TEXT("TIMESTAMP"), TYPE_TIMESTAMP},
    {TEXT("TIMESTAMP WITHOUT TIME ZONE"), TYPE_TIMESTAMP},
    {TEXT("TIMESTAMP_US"), TYPE_TIMESTAMP},
    {TEXT("DATETIME"), TYPE_TIMESTAMP},
    {TEXT("TIMESTAMP_S"), TYPE_TIMESTAMP_S},
    {TEXT("TIMESTAMP_MS"), TYPE_TIMESTAMP_MS},
    {TEXT("TIMESTAMP_NS"), TYPE_TIMESTAMP_NS},
    {TEXT("TIMESTAMPTZ"), TYPE_TIMESTAMPTZ},
    {TEXT("TIMESTAMP WITH TIME ZONE"), TYPE_TIMESTAMPTZ},
    {TEXT("TIMESTAMP_LTZ"), TYPE_TIMESTAMPTZ},
    {TEXT("INTERVAL"), TYPE_INTERVAL},
    {TEXT("JSON"), TYPE_TEXT},
    {TEXT("JSONB"), TYPE_TEXT},
};

physical
type_physical(data_type t) {
    assert(t.id < TYPE_COUNT);
    return t.id == TYPE_DECIMAL && t.precision > DECIMAL_PRECISION_I64 ? PHYSICAL_I128
                                                                       : physicals[t.id];
}

size_t
type_width(data_type t) {
    return widths[type_physical(t)];
}

const char *
type_name(data_type t) {
    assert(t.id < TYPE_COUNT);
    if (type_is_nested(t) && !type_is_open(t)) {
        return nested_type_of(t)->name;
    }
    if (type_is_json(t)) {
        return "JSON";
    }
    return t.id == TYPE_DECIMAL && t.precision > 0 ? decimal_names[t.precision - 1][t.scale]
                                                   : sql_names[t.id];
}

text
type_alias_at(int32_t i) {
    return i < ARRAY_COUNT(aliases) ? aliases[i].name : (text){NULL, 0};
}

bool
type_from_name(text name, data_type *out, const char **nearest) {
    text candidates[ARRAY_COUNT(aliases)];
    if (nearest != NULL) {
        *nearest = NULL;
    }
    for (int32_t i = 0; i < ARRAY_COUNT(aliases); i++) {
        if (text_equal_nocase(name, aliases[i].name)) {
            *out = aliases[i].id == TYPE_DECIMAL                  ? type_decimal(18, 3)
                   : memcmp(aliases[i].name.data, "JSON", 4) == 0 ? type_json()
                                                                  : type_of(aliases[i].id);
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

const char *
type_set_arguments(data_type *t, const int32_t *arguments, int32_t count) {
    if (count == 0 || (t->id == TYPE_TEXT && !type_is_json(*t) && count == 1)) {
        return NULL;
    }
    if (t->id == TYPE_DECIMAL) {
        const int32_t scale = count > 1 ? arguments[1] : 0;
        if (arguments[0] < 1 || arguments[0] > DECIMAL_PRECISION_MAX || scale < 0 ||
            scale > arguments[0]) {
            return "DECIMAL(p, s) has 1 to 38 digits, of which 0 to p stand behind the point";
        }
        *t = type_decimal(arguments[0], scale);
        return NULL;
    }
    if ((t->id == TYPE_TIMESTAMP || t->id == TYPE_TIMESTAMPTZ || t->id == TYPE_TIME) &&
        count == 1) {
        const bool fits = arguments[0] >= 0 && arguments[0] <= (t->id == TYPE_TIMESTAMP ? 9 : 6);
        if (t->id == TYPE_TIMESTAMP && fits) {
            *t = type_of(arguments[0] == 0   ? TYPE_TIMESTAMP_S
                         : arguments[0] <= 3 ? TYPE_TIMESTAMP_MS
                         : arguments[0] <= 6 ? TYPE_TIMESTAMP
                                             : TYPE_TIMESTAMP_NS);
        }
        return fits                      ? NULL
               : t->id == TYPE_TIMESTAMP ? "the precision of TIMESTAMP is 0 to 9"
                                         : "the precision is 0 to 6";
    }
    return "takes no arguments";
}

bool
type_is_signed(data_type t) {
    return t.id >= TYPE_I8 && t.id <= TYPE_I128;
}

bool
type_is_unsigned(data_type t) {
    return t.id >= TYPE_U8 && t.id <= TYPE_U64;
}

bool
type_is_integer(data_type t) {
    return t.id >= TYPE_I8 && t.id <= TYPE_U64;
}

bool
type_is_float(data_type t) {
    return t.id == TYPE_F32 || t.id == TYPE_F64;
}

bool
type_is_numeric(data_type t) {
    return t.id >= TYPE_I8 && t.id <= TYPE_DECIMAL;
}

bool
type_is_time(data_type t) {
    return t.id >= TYPE_TIMESTAMP_S && t.id <= TYPE_TIMESTAMPTZ;
}

bool
type_integer_range(data_type t, int64_t *min, int64_t *max) {
    int128 low;
    int128 high;
    if (type_is_integer(t) && t.id != TYPE_I128 && t.id != TYPE_U64) {
        (void)type_wide_range(t, &low, &high);
        *min = (int64_t)low;
        *max = (int64_t)high;
        return true;
    }
    if (t.id == TYPE_TIME) {
        *min = 0;
        *max = US_PER_DAY - 1;
        return true;
    }
    *min = t.id == TYPE_DATE ? INT32_MIN : INT64_MIN;
    *max = t.id == TYPE_DATE ? INT32_MAX : INT64_MAX;
    return t.id == TYPE_DATE || type_is_time(t);
}

bool
type_wide_range(data_type t, int128 *min, int128 *max) {
    if (t.id == TYPE_DECIMAL) {
        *max = decimal_powers[t.precision] - 1;
        *min = -*max;
        return true;
    }
    if (!type_is_integer(t)) {
        return false;
    }
    const uint32_t bits = 8 * (uint32_t)type_width(t);
    if (type_is_unsigned(t)) {
        *min = 0;
        *max = ((int128)1 << bits) - 1;
    } else {
        *max = (int128)(((uint128)1 << (bits - 1)) - 1);
        *min = -*max - 1;
    }
    return true;
}

bool
type_is_orderable(data_type t) {
    return t.id < TYPE_COUNT;
}

data_type
type_timestamp_of(time_unit unit) {
    static const type_id ids[] = {[TIME_UNIT_MS] = TYPE_TIMESTAMP_MS,
                                  [TIME_UNIT_S] = TYPE_TIMESTAMP_S,
                                  [TIME_UNIT_US] = TYPE_TIMESTAMP,
                                  [TIME_UNIT_NS] = TYPE_TIMESTAMP_NS};
    return type_of(ids[unit]);
}

int64_t
type_time_unit_ns(data_type t) {
    if (t.id == TYPE_I64) {
        t = type_timestamp_of((time_unit)t.precision);
    }
    switch ((type_id)t.id) {
    case TYPE_DATE:
        return US_PER_DAY * 1000;
    case TYPE_TIMESTAMP_S:
        return 1000000000;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
    case TYPE_TIME:
        return 1000;
    case TYPE_TIMESTAMP_NS:
        return 1;
    default:
        return 1000000;
    }
}

int64_t
type_time_unit_us(data_type t) {
    assert(type_time_unit_ns(t) >= 1000);
    return type_time_unit_ns(t) / 1000;
}

int64_t
type_time_to_us(data_type t, int64_t units) {
    const int64_t unit_ns = type_time_unit_ns(t);
    return unit_ns == 1 ? floor_div_i64(units, 1000) : sat_mul_i64(units, unit_ns / 1000);
}

int64_t
type_time_from_us(data_type t, int64_t us) {
    const int64_t unit_ns = type_time_unit_ns(t);
    return unit_ns == 1 ? sat_mul_i64(us, 1000) : floor_div_i64(us, unit_ns / 1000);
}
