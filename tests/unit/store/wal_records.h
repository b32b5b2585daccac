/* SPDX-License-Identifier: Apache-2.0 */
/* wal_records.h - records whose bytes follow from their sequence, so that a reader can tell whether
 * it got the right one whole. */
#ifndef LAMINAR_TESTS_UNIT_STORE_WAL_RECORDS_H
#define LAMINAR_TESTS_UNIT_STORE_WAL_RECORDS_H

#include "unit.h"

#include "../os/faulty_vfs.h"
#include "store/wal.h"

#define DIRECTORY "d"
enum { RECORD_BYTES = 1500, SMALL_SEGMENT = 4096 };

static inline text
record_of(int64_t sequence) {
    static _Thread_local char bytes[RECORD_BYTES];
    rng                       r;
    rng_init(&r, (uint64_t)sequence);
    const uint64_t kind = rng_below(&r, 8);
    const size_t   size = kind == 0  ? 0
                          : kind < 7 ? 1 + (size_t)rng_below(&r, 60)
                                     : 1 + (size_t)rng_below(&r, RECORD_BYTES - 1);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)rng_next(&r);
    }
    return (text){bytes, size};
}

typedef struct taken {
    int64_t first, count; /* 0: none */
} taken;

static inline status
take_record(void *context, int64_t sequence, text record, error *err) {
    taken     *t = context;
    const text wanted = record_of(sequence);
    (void)err;
    t->first = t->count == 0 ? sequence : t->first;
    CHECK_EQ(sequence, t->first + t->count);
    CHECK(text_equal(record, wanted));
    t->count++;
    return OK;
}

static inline status
append_next(wal *w, error *err) {
    int64_t       sequence = 0;
    const int64_t next = wal_last(w) + 1;
    const text    whole = record_of(next);
    const size_t  cut = whole.size / 3;
    TRY(wal_append(w, (text){whole.data, cut}, (text){whole.data + cut, whole.size - cut},
                   &sequence, err));
    CHECK_EQ(sequence, next);
    return OK;
}

#endif
