/* SPDX-License-Identifier: Apache-2.0 */
/* journal.h - who is told of every change of a source or table before anything but the table itself
 * has seen it: a log of the database.
 *
 * A group is what happens at once: one insert or change, or all of a transaction. It is told
 * between begin and end; when end refuses, the change did not happen. commit makes all groups that
 * ended lasting; the engine calls it before the streams tick and before a caller is told. What
 * follows from changes (results of streams, late rows that a stream sends on) is not told: it
 * follows again. All calls hold the token. */
#ifndef LAMINAR_EXEC_JOURNAL_H
#define LAMINAR_EXEC_JOURNAL_H

#include "batch/column.h"
#include "catalog/catalog.h"

typedef struct journal_change {
    const object  *object;
    int64_t        ingested_us;
    bool           moves_watermark; /* a writer did, to watermark_us; there are no rows */
    int64_t        watermark_us;
    const int64_t *dead; /* positions of rows that go */
    int64_t        dead_count;
    const delta   *rows; /* that come; NULL: none */
} journal_change;

typedef struct journal journal;
struct journal {
    void (*begin)(journal *j, bool is_transaction);
    void (*change)(journal *j, const journal_change *c); /* remembers a failure until end */
    status (*end)(journal *j, error *err);
    status (*commit)(journal *j, error *err);
};

#endif
