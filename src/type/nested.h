/* SPDX-License-Identifier: Apache-2.0 */
/* nested.h - LIST, MAP and STRUCT: their types and their values.
 *
 * Types are interned: each distinct one has one number in a table of the process, which stands in
 * the data_type, so types are compared and passed as plain words. They are never given back.
 *
 * A nested value is one image: bytes without pointers, the same for the same value, so that it is
 * stored, hashed and compared as a BLOB is wherever its order does not matter. NULLs are allowed at
 * each level. A MAP is a LIST of STRUCT(key, value), its keys in the order in which they were
 * given.
 *
 *     LIST     uint32 count, with NESTED_NULLS set when an item is NULL; then a bit per item,
 *              1: not NULL (only with NESTED_NULLS); a slot per item; the heap
 *     STRUCT   a bit per field, 1: not NULL; a slot per field; the heap
 *
 * The slot of a type of fixed width is the value itself, of any other the end of its bytes in the
 * heap, as uint32: they begin where those before it end. What is NULL is zero, or has no bytes. A
 * STRUCT all of whose fields have a fixed width has one itself. Nothing in an image is aligned. */
#ifndef LAMINAR_TYPE_NESTED_H
#define LAMINAR_TYPE_NESTED_H

#include "type/type.h"

#define NESTED_DEPTH_MAX 64       /* a list of lists of numbers has depth 2 */
#define NESTED_FIELDS_MAX 1600    /* of one STRUCT */
#define NESTED_LEAVES_MAX 4096    /* scalars in a type, all levels taken together */
#define NESTED_NAME_MAX (1 << 16) /* bytes of the name of a type */
#define NESTED_SIZE_MAX ((size_t)1 << 30)

#define NESTED_NULLS UINT32_C(0x80000000)

/* ---- types */
typedef struct nested_field {
    text      name; /* "": unnamed, as are then all of a STRUCT; lives as long as the process */
    data_type type;
} nested_field;

/* ERR_INVALID_SCHEMA: too deep, too large, two fields of one name. */
status type_list(data_type *out, data_type item, error *err) MUST_USE;
/* A LIST of exactly `size` items. */
status type_array(data_type *out, data_type item, int32_t size, error *err) MUST_USE;
status type_map(data_type *out, data_type key, data_type value, error *err) MUST_USE;
status type_struct(data_type *out, const nested_field *fields, int32_t count, error *err) MUST_USE;

ALWAYS_INLINE bool
type_is_nested(data_type t) {
    return t.id == TYPE_LIST || t.id == TYPE_STRUCT || t.id == TYPE_MAP;
}

/* Of a LIST; of a MAP it is STRUCT(key, value). */
data_type    type_item(data_type t);
int32_t      type_array_size(data_type t);  /* -1: a LIST of any size, or no LIST */
int32_t      type_field_count(data_type t); /* of a STRUCT */
nested_field type_field(data_type t, int32_t at);
/* -1: there is none. Without regard to case unless `exact`. */
int32_t   type_find_field(data_type t, text name, bool exact);
data_type type_map_key(data_type t);
data_type type_map_value(data_type t);
/* Whether equal values of a nested type have equal images: not so where FLOAT, DOUBLE or INTERVAL
 * is in it, which have several spellings of one key. */
bool type_equal_by_bytes(data_type t);

/* ---- values */
typedef struct nested_view { /* an image, opened */
    data_type   type;
    int32_t     count;
    bool        is_struct;
    data_type   item;     /* LIST, MAP */
    uint32_t    width;    /* LIST, MAP: of a slot */
    bool        is_fixed; /* LIST, MAP: the slot is the value */
    const char *validity; /* NULL: nothing is NULL */
    const char *slots;
    const char *heap;
} nested_view;

nested_view nested_open(data_type t, text image);
/* The bytes, which come from outside, are an image: its sizes are within it, at each level. What
 * its scalars are is not looked at. */
bool nested_is_whole(data_type t, text image);
/* Item or field `at`; texts and images borrow. */
value nested_at(const nested_view *v, int32_t at);
/* The number of items or fields. */
int32_t nested_count(const value *v);

/* The value of type `t` that is made of `items`, which are of the very types of its items or
 * fields, or NULL. Memory comes from `a`. For a MAP the items are STRUCT(key, value); nothing looks
 * at the keys here. */
status nested_make(value *out, data_type t, const value *items, int32_t count, arena *a,
                   error *err) MUST_USE;
/* The same in two steps: the size, SIZE_MAX: beyond NESTED_SIZE_MAX; then the bytes. */
status nested_size(size_t *out, data_type t, const value *items, int32_t count,
                   error *err) MUST_USE;
status nested_write(char *out, data_type t, const value *items, int32_t count, error *err) MUST_USE;
/* Keys of a MAP: none NULL, none twice. */
status nested_check_keys(data_type t, const value *entries, int32_t count, arena *a,
                         error *err) MUST_USE;

int      nested_compare(data_type t, text a, text b); /* as value_compare; NULLs are equal */
uint64_t nested_hash(data_type t, text image);
/* Its text: [1, NULL], {'a': 1, 'b': x}, {k=1}; and the way back, with value_parse_exact for what
 * is in it on demand. */
bool   nested_format(data_type t, text image, buf *out);
status nested_parse(value *out, data_type t, text s, bool exactly, arena *a, error *err) MUST_USE;
/* A LIST of fixed size has so many items. */
status nested_check_size(data_type t, int32_t count, error *err) MUST_USE;

/* ---- conversion (nested_cast.c) */
typedef struct nested_conversion {
    status (*convert)(value *out, const value *in, data_type to, arena *a, error *err);
    bool   strict; /* a field of a STRUCT without a place in the other type is an error */
    arena *arena;
    error *err;
} nested_conversion;

/* Both types are nested, and nested_relates. */
status nested_convert(const nested_conversion *c, value *out, const value *in,
                      data_type to) MUST_USE;
/* A STRUCT into another, the first field into the first. */
status       nested_by_position(const nested_conversion *c, value *out, const value *in,
                                data_type to) MUST_USE;
typedef bool type_relation(data_type from, data_type to);
/* Whether nested_convert takes one into the other when `related` says so of their parts. */
bool nested_relates(data_type from, data_type to, type_relation *related);
bool nested_casts_implicitly(data_type from, data_type to);
bool nested_unify(data_type a, data_type b, data_type *out);

#endif
