/* SPDX-License-Identifier: Apache-2.0 */
/* nested_type.h - an entry of the table of nested types; for src/type alone. */
#ifndef LAMINAR_TYPE_NESTED_TYPE_H
#define LAMINAR_TYPE_NESTED_TYPE_H

#include "type/nested.h"

typedef struct nested_slot {
    uint32_t at; /* from the beginning of the image */
    uint32_t width;
    int32_t  previous; /* where the slot of variable width before it lies; -1: nowhere */
    bool     is_fixed;
} nested_slot;

typedef struct nested_type {
    type_id             id;
    int32_t             number;
    int32_t             count; /* of fields; 1: the item */
    int32_t             size;  /* a LIST of this size; -1: of any */
    int32_t             depth;
    int32_t             leaves;
    bool                by_bytes; /* type_equal_by_bytes */
    uint32_t            width;    /* a STRUCT of fixed width; else 0 */
    uint32_t            heap_at;  /* STRUCT */
    uint64_t            hash;
    size_t              bytes;
    nested_field       *fields;
    nested_slot        *slots;
    const char         *name;
    struct nested_type *next;
} nested_type;

const nested_type *nested_type_of(data_type t);
bool               type_is_open(data_type t); /* LIST, MAP, STRUCT without their parts */
/* Bytes that a value takes as the slot itself; 0: it lies in the heap. */
uint32_t nested_width(data_type t);

#endif
