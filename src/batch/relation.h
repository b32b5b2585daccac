/* SPDX-License-Identifier: Apache-2.0 */
/* relation.h - rows that the engine does not keep: of a file, of an object of the caller, of a
 * table function. They are read once from front to back for each start.
 *
 * start  names the columns that will be looked at; the others of a delta may be anything.
 * next   gives rows that are valid until the next call; DONE: there are no more. Rows with an owner
 *        may be kept without a copy (batch_keep).
 * part_read  how much of all that is to be read was, from 0 to 1. NULL: unknown.
 * close  ends it; the struct goes with it. A reader that is closed early may be in any state.
 *
 * One thread at a time uses a relation. */
#ifndef LAMINAR_BATCH_RELATION_H
#define LAMINAR_BATCH_RELATION_H

#include "batch/column.h"

typedef struct relation relation;

typedef struct relation_class {
    status (*start)(relation *r, const int32_t *columns, int32_t count, error *err);
    status (*next)(relation *r, delta *out, error *err);
    double (*part_read)(const relation *r);
    void (*close)(relation *r);
} relation_class;

struct relation { /* the base: first member of every kind */
    const relation_class *class;
    schema  schema;
    text    label;        /* what EXPLAIN and messages call it: read_csv('a.csv') */
    int64_t row_estimate; /* -1: unknown */
};

ALWAYS_INLINE status
relation_start(relation *r, const int32_t *columns, int32_t count, error *err) {
    return r->class->start(r, columns, count, err);
}

ALWAYS_INLINE status
relation_next(relation *r, delta *out, error *err) {
    return r->class->next(r, out, err);
}

ALWAYS_INLINE double
relation_part_read(const relation *r) {
    return r->class->part_read == NULL ? 0 : r->class->part_read(r);
}

ALWAYS_INLINE void
relation_close(relation *r) { /* NULL is fine */
    if (r != NULL) {
        r->class->close(r);
    }
}

#endif
