/* SPDX-License-Identifier: Apache-2.0 */
/* type.h - SQL types and scalar values. types.def is the only place where a type is added. */
#ifndef LAMINAR_TYPE_TYPE_H
#define LAMINAR_TYPE_TYPE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

typedef enum type_id {
#define TYPE(name, sql_name, physical, arrow_format) TYPE_##name,
#include "type/types.def"
#undef TYPE
    TYPE_COUNT
} type_id;

/* How a value lies in memory; kernels are written per physical type. */
typedef enum physical {
    PHYSICAL_BOOL, /* uint8_t, 0 or 1: a byte a row here, packed to Arrow's bits at the door */
    PHYSICAL_I8,
    PHYSICAL_I16,
    PHYSICAL_I32,
    PHYSICAL_I64,
    PHYSICAL_I128, /* HUGEINT; UUID with its first bit turned over, so that both have one order;
                      DECIMAL of more than 18 digits */
    PHYSICAL_U8,
    PHYSICAL_U16,
    PHYSICAL_U32,
    PHYSICAL_U64,
    PHYSICAL_F32,
    PHYSICAL_F64,
    PHYSICAL_TEXT,     /* strview, 16 bytes: VARCHAR and BLOB */
    PHYSICAL_INTERVAL, /* interval, 16 bytes */
    PHYSICAL_NESTED,   /* strview of an image (nested.h): LIST, STRUCT and MAP */
    PHYSICAL_COUNT
} physical;

/* Passed by value. precision and scale are DECIMAL's, precision also tells JSON from VARCHAR and
 * the unit of a BIGINT that is a time, and 0 elsewhere; a nested type keeps the number of its entry
 * in the table of nested types (nested.h) in all three bytes. */
typedef struct data_type {
    uint8_t id; /* type_id */
    uint8_t precision;
    uint8_t scale;
    uint8_t reserved;
} data_type;

typedef struct interval {
    int32_t months;
    int32_t days;
    int64_t us;
} interval;

/* Order and equality of intervals: a month counts as 30 days, a day as 24 hours (as in PostgreSQL),
 * so 1 month = 30 days. */
ALWAYS_INLINE int128
interval_total_us(const interval *iv) {
    return ((int128)iv->months * 30 + iv->days) * INT64_C(86400000000) + iv->us;
}

/* One SQL value. What lies in up to 64 bits is in `i`: integers, DATE (days since 1970-01-01), TIME
 * (us since midnight), timestamps (their unit since 1970-01-01), DECIMAL of up to 18 digits
 * (without its point), and UBIGINT by its bits. What lies in 128 is in `h`. FLOAT is in `d`. Text,
 * BLOB and the image of a nested value are borrowed, in `s`. */
typedef struct value {
    data_type type;
    bool      is_null;
    union {
        bool     b;
        int64_t  i;
        int128   h;
        double   d;
        text     s;
        interval iv;
    };
} value;

ALWAYS_INLINE data_type
type_of(type_id id) {
    return (data_type){.id = (uint8_t)id};
}

ALWAYS_INLINE bool
type_equal(data_type a, data_type b) {
    return a.id == b.id && a.precision == b.precision && a.scale == b.scale &&
           a.reserved == b.reserved;
}

/* A VARCHAR whose texts are JSON: its id is TYPE_TEXT, and whatever takes texts takes it. */
#define TEXT_JSON 1 /* as precision */

ALWAYS_INLINE data_type
type_json(void) {
    return (data_type){.id = TYPE_TEXT, .precision = TEXT_JSON};
}

ALWAYS_INLINE bool
type_is_json(data_type t) {
    return t.id == TYPE_TEXT && t.precision == TEXT_JSON;
}

/* A BIGINT that is a time: in milliseconds, or, by its precision, in another unit. It is a BIGINT
 * in all else, and computing with it gives a plain one. */
typedef enum time_unit { TIME_UNIT_MS, TIME_UNIT_S, TIME_UNIT_US, TIME_UNIT_NS } time_unit;

ALWAYS_INLINE data_type
type_bigint_time(time_unit unit) {
    return (data_type){.id = TYPE_I64, .precision = (uint8_t)unit};
}

/* The timestamps of that unit. */
data_type type_timestamp_of(time_unit unit);

#define DECIMAL_PRECISION_MAX 38
#define DECIMAL_PRECISION_I64 18 /* up to here a DECIMAL lies in 64 bits */

ALWAYS_INLINE data_type
type_decimal(int32_t precision, int32_t scale) {
    assert(precision >= 1 && precision <= DECIMAL_PRECISION_MAX && scale >= 0 &&
           scale <= precision);
    return (data_type){
        .id = TYPE_DECIMAL, .precision = (uint8_t)precision, .scale = (uint8_t)scale};
}

physical    type_physical(data_type t);
size_t      type_width(data_type t); /* bytes of one value in a flat column */
const char *type_name(data_type t);  /* SQL name: "BIGINT", "DECIMAL(18,3)", "TIMESTAMP_MS" ... */
/* SQL names and the aliases of semantics (INT, INT8, STRING, TEXT, FLOAT8, REAL, DATETIME).
 * Without regard to case. DECIMAL comes as DECIMAL(18,3). Unknown: false, and *nearest names the
 * closest one or is NULL. */
bool type_from_name(text name, data_type *out, const char **nearest);
/* All of these names, by number; data NULL beyond them. */
text type_alias_at(int32_t i);
/* Gives a type the numbers that stand behind its name: DECIMAL(p [, s]); TIMESTAMP(n), 0: seconds,
 * to 3: milliseconds, to 6: microseconds, to 9: nanoseconds; VARCHAR(n), which limits nothing here.
 * NULL: fine. Otherwise what is wrong. */
const char *type_set_arguments(data_type *t, const int32_t *arguments, int32_t count);
bool        type_is_signed(data_type t);   /* TINYINT .. BIGINT, HUGEINT */
bool        type_is_unsigned(data_type t); /* UTINYINT .. UBIGINT */
bool        type_is_integer(data_type t);  /* both */
bool        type_is_float(data_type t);    /* FLOAT, DOUBLE */
bool        type_is_numeric(data_type t);  /* integers, DECIMAL, FLOAT and DOUBLE */
bool        type_is_time(data_type t);     /* timestamps of all units, with time zone or not */
/* A value of a column is a strview: texts, BLOBs and images of nested values. */
ALWAYS_INLINE bool
physical_is_view(physical p) {
    return p == PHYSICAL_TEXT || p == PHYSICAL_NESTED;
}
/* Limits of what lies in `i` as a signed number: signed and unsigned integers but UBIGINT, DATE,
 * TIME, timestamps. False for others. */
bool type_integer_range(data_type t, int64_t *min, int64_t *max);
/* Limits of what type_is_integer and DECIMAL (without its point) hold. False for others. */
bool type_wide_range(data_type t, int128 *min, int128 *max);
bool type_is_orderable(data_type t);
/* The type that holds both: of integers the narrowest (BIGINT and UBIGINT: HUGEINT), integer +
 * DECIMAL or two DECIMALs: the DECIMAL with the digits of both, 38 at most, number + DOUBLE =
 * DOUBLE, NULL + x = x, DATE + TIMESTAMP = TIMESTAMP, the finer of two units. False when there is
 * none. */
bool type_unify(data_type a, data_type b, data_type *out);
/* True when every value of `from` is a value of `to` (int -> wider int, int <= 32 bits -> DOUBLE,
 * NULL -> any, ...), plus what SQL allows implicitly: BIGINT, HUGEINT and DECIMAL -> DOUBLE,
 * timestamps to finer units, whose range is smaller, TIMESTAMP -> TIMESTAMPTZ as UTC. */
bool type_casts_implicitly(data_type from, data_type to);
/* True when CAST(from AS to) exists; a value may still not convert. */
bool type_casts(data_type from, data_type to);
/* The smallest DECIMAL that holds all of an integer type, or a DECIMAL itself. False for others,
 * and for HUGEINT, of which DECIMAL(38,0) holds nearly all. */
bool type_as_decimal(data_type t, data_type *out);
/* Microseconds in one unit of a time-like column (TIMESTAMP, TIMESTAMPTZ and TIME 1, TIMESTAMP_MS
 * 1000, TIMESTAMP_S a million, event-time BIGINT 1000, DATE a day). TIMESTAMP_NS has none:
 * watermarks look at it in microseconds, floored, which changes nothing as windows begin and end at
 * whole ones. */
int64_t type_time_unit_us(data_type t);
/* The same in nanoseconds, for all of them. */
int64_t type_time_unit_ns(data_type t);
/* Units as microseconds, floored, and back, floored. Both saturate. */
int64_t type_time_to_us(data_type t, int64_t units);
int64_t type_time_from_us(data_type t, int64_t us);

#define VALUE_TEXT_MAX 96 /* bytes the text of any value but a VARCHAR or BLOB needs at most */

/* Strict text -> value of `t`: the whole text must be a value (surrounding blanks allowed).
 * '2024-01-31', '2024-01-31 09:30:00.5', '2024-01-31T09:30:00Z', '1e3', 'true', '5 minutes'. A
 * DECIMAL rounds what is finer than its scale, times are cut. ERR_QUERY_FAILED with a message that
 * quotes the text otherwise. Text results borrow. Not for BLOB and nested types, whose text may
 * have escapes: value_cast. */
status value_parse(value *out, data_type t, text s, error *err);
/* The same for values that are stored: what a DECIMAL would have to round is refused. */
status value_parse_exact(value *out, data_type t, text s, error *err);
bool   value_text_has_offset(text s); /* whether the text of a time says where it is one */
/* Canonical CAST-to-VARCHAR text ("true", "1.5", "2024-01-31 09:30:00.5"); NULL gives "NULL". */
bool value_format(const value *v, buf *out);
/* Total order of one type: NULL above all, NaN above numbers, -0.0 = 0.0. */
int value_compare(const value *a, const value *b);
/* As value_format, into VALUE_TEXT_MAX bytes of plain memory; returns the size, writes no
 * terminator. Not for VARCHAR, BLOB and nested types. */
size_t value_write(const value *v, char *out);
/* Converts with CAST rules; ERR_QUERY_FAILED names both types and the value. Text made for VARCHAR
 * comes from `a`. */
status value_cast(value *out, const value *in, data_type to, arena *a, error *err);

/* A number that is not NULL as the nearest double. */
double value_to_double(const value *v);
/* For values that are stored: integers, DECIMAL and floats into each other where nothing is lost (a
 * float as it is written; any number into a float, the nearest), BOOLEAN and integers as 0 and 1,
 * text to anything that it spells exactly, anything to its text, dates and timestamps into each
 * other (a coarser unit floors), with `event_time` also to BIGINT in its unit since 1970. All else
 * is refused. */
status value_coerce(value *out, const value *in, data_type to, bool event_time, arena *a,
                    error *err);

ALWAYS_INLINE value
value_null(type_id id) {
    return (value){.type = type_of(id), .is_null = true};
}

ALWAYS_INLINE value
value_i64(int64_t i) {
    return (value){.type = type_of(TYPE_I64), .i = i};
}

/* The number of an integer, UBIGINT and HUGEINT included, or of a DECIMAL without its point; also
 * DATE, TIME, timestamps and UUID. */
ALWAYS_INLINE int128
value_wide(const value *v) {
    switch (type_physical(v->type)) {
    case PHYSICAL_I128:
        return v->h;
    case PHYSICAL_U64:
        return (int128)(uint64_t)v->i;
    default:
        return v->i;
    }
}

/* Puts a number where value_wide finds it; it must be in range. */
ALWAYS_INLINE void
value_set_wide(value *v, int128 x) {
    if (type_physical(v->type) == PHYSICAL_I128) {
        v->h = x;
    } else {
        v->i = (int64_t)x;
    }
}

#endif
