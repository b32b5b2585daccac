/* SPDX-License-Identifier: Apache-2.0 */
/* wal_reading.h - a log that is being read, for wal_open.c and wal_ahead.c. */
#ifndef LAMINAR_STORE_WAL_READING_H
#define LAMINAR_STORE_WAL_READING_H

#include "store/wal_internal.h"

enum { WAL_PIECE = 256 << 10 }; /* that is read at once */

typedef struct wal_ahead wal_ahead;

typedef struct wal_reading {
    wal        *w;
    wal_take    take;
    void       *context;
    wal_helper *helper; /* NULL: one thread */
    wal_ahead  *ahead;  /* NULL: no thread reads ahead */
    int64_t     alone;  /* bytes of records that were read without one */
    int64_t     after;
    int64_t     upto;      /* records behind it are not looked at */
    bool        read_only; /* nothing is changed, and others may be writing */
    int32_t     segment;
    vfs_file   *file;
    buf         path;  /* of it */
    int64_t     bytes; /* of it */
    int64_t     room;  /* of the last one, without records: see expect_segments */
    uint64_t    salt;
    char       *piece; /* bytes from piece_at on */
    size_t      capacity, size;
    int64_t     piece_at;
    int64_t     next;  /* the sequence that is expected */
    int64_t     at;    /* where its head should be */
    bool        ended; /* a mark of the end stands there */
} wal_reading;

/* ---- wal_open.c: the file of a segment, whose header is as it should be */
status wal_reading_open(wal_reading *r, wal_segment *s, error *err) MUST_USE;
status wal_reading_close(wal_reading *r, status s, error *err);

/* ---- wal_ahead.c */
/* A thread reads on from r->at, when enough was read without one. */
void wal_ahead_begin(wal_reading *r);
/* The record at r->at from it, checked, until the next call; r->helper->made is what was made of
 * it. False: it has none, for whatever reason. */
bool wal_ahead_next(wal_reading *r, wal_head *h, const char **bytes);
/* It has ended, and what it held is gone. */
void wal_ahead_end(wal_reading *r);

#endif
