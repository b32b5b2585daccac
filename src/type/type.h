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
    PHYSICAL_F64,
    PHYSICAL_TEXT,     /* strview, 16 bytes */
    PHYSICAL_INTERVAL, /* interval, 16 bytes */
    PHYSICAL_COUNT
} physical;

/* Passed by value. precision and scale belong to types that have them (none has so far). */
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

/* One SQL value. Integers, DATE (days since 1970-01-01), TIMESTAMP_MS (ms) and TIMESTAMP (us) are
 * in `i`. Text is borrowed. */
typedef struct value {
    data_type type;
    bool      is_null;
    union {
        bool     b;
        int64_t  i;
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
    return a.id == b.id && a.precision == b.precision && a.scale == b.scale;
}

physical    type_physical(data_type t);
size_t      type_width(data_type t); /* bytes of one value in a flat column */
const char *type_name(data_type t);  /* SQL name: "BIGINT", "VARCHAR", "TIMESTAMP_MS" ... */
/* SQL names and the aliases of semantics (INT, INT8, STRING, TEXT, FLOAT8, REAL, DATETIME,
 * TIMESTAMP(3) is handled by the parser's precision: 0..3 -> TIMESTAMP_MS, 4..6 -> TIMESTAMP).
 * Without regard to case. Unknown: false, and *nearest names the closest one or is NULL. */
bool type_from_name(text name, data_type *out, const char **nearest);
bool type_is_integer(data_type t);
bool type_is_numeric(data_type t); /* integers and DOUBLE */
bool type_is_time(data_type t);    /* TIMESTAMP, TIMESTAMP_MS (not DATE) */
/* Limits of a type that lies in `i`: integers, DATE, TIMESTAMP, TIMESTAMP_MS. False for others. */
bool type_integer_range(data_type t, int64_t *min, int64_t *max);
bool type_is_orderable(data_type t);
/* The type that holds both without loss: integer widths unify upwards, integer + DOUBLE = DOUBLE,
 * NULL + x = x, DATE + TIMESTAMP = TIMESTAMP, MS + US = US. False when there is none. */
bool type_unify(data_type a, data_type b, data_type *out);
/* True when every value of `from` is a value of `to` (int -> wider int, int <= 32 bits -> DOUBLE,
 * NULL -> any, ...), plus BIGINT -> DOUBLE, which SQL allows implicitly. */
bool type_casts_implicitly(data_type from, data_type to);
/* True when CAST(from AS to) exists; a value may still not convert. */
bool type_casts(data_type from, data_type to);
/* Units: microseconds in one unit of a time-like column (TIMESTAMP 1, TIMESTAMP_MS 1000, event-time
 * BIGINT 1000, DATE a day). */
int64_t type_time_unit_us(data_type t);

#define VALUE_TEXT_MAX 96 /* bytes the text of any value but a VARCHAR needs at most */

/* Strict text -> value of `t`: the whole text must be a value (surrounding blanks allowed).
 * '2024-01-31', '2024-01-31 09:30:00.5', '2024-01-31T09:30:00Z', '1e3', 'true', '5 minutes'.
 * ERR_QUERY_FAILED with a message that quotes the text otherwise. Text results borrow. */
status value_parse(value *out, data_type t, text s, error *err);
/* Canonical CAST-to-VARCHAR text ("true", "1.5", "2024-01-31 09:30:00.5"); NULL gives "NULL". */
bool value_format(const value *v, buf *out);
/* Total order of one type: NULL above all, NaN above numbers, -0.0 = 0.0. */
int value_compare(const value *a, const value *b);
/* As value_format, into VALUE_TEXT_MAX bytes of plain memory; returns the size, writes no
 * terminator. Not for VARCHAR. */
size_t value_write(const value *v, char *out);
/* Converts with CAST rules; ERR_QUERY_FAILED names both types and the value. Text made for VARCHAR
 * comes from `a`. */
status value_cast(value *out, const value *in, data_type to, arena *a, error *err);

ALWAYS_INLINE value
value_null(type_id id) {
    return (value){.type = type_of(id), .is_null = true};
}

ALWAYS_INLINE value
value_i64(int64_t i) {
    return (value){.type = type_of(TYPE_I64), .i = i};
}

#endif
