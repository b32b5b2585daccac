/* SPDX-License-Identifier: Apache-2.0 */
/* wal_internal.h - the log's files and its state, for the files of the log.
 *
 * A file begins with a header of 64 bytes. A record is a head of 32 bytes and its bytes, padded
 * with zeros to a multiple of 8. All numbers are little-endian. The checksum of a head covers its
 * fields, the file's salt and its own place, that of the record its bytes: a record of another
 * file, of another place or of an earlier life of the file is none (D8, D19). `durable` is what was
 * durable when the record was written: a head behind an unreadable record proves by it that the
 * record had been committed, or does not (D5). */
#ifndef LAMINAR_STORE_WAL_INTERNAL_H
#define LAMINAR_STORE_WAL_INTERNAL_H

#include "base/clock.h"
#include "os/thread.h"
#include "store/wal.h"

enum { WAL_HEADER = 64, WAL_HEAD = WAL_ROOM, WAL_ALIGN = 8, WAL_VERSION = 2 };

typedef enum wal_kind {
    WAL_RECORD = 0x4c574152, /* "RAWL" */
    WAL_END = 0x4c574145     /* closed on purpose: sequence is the last record's, no bytes */
} wal_kind;

typedef struct wal_head {
    uint32_t kind;
    uint32_t size; /* of the record's bytes */
    int64_t  sequence;
    int64_t  durable;
    uint32_t bytes_crc;
} wal_head;

typedef struct wal_segment {
    int64_t first; /* the sequence of its first record, and its name */
    int64_t bytes; /* of the file */
} wal_segment;

struct wal {
    mem            *mem;
    vfs            *fs;
    char           *directory;
    int64_t         segment_bytes;
    mutex           leading; /* whoever writes; taken before `lock` */
    mutex           lock;    /* what is below but `writing`, for a few instructions */
    buf             pending; /* appended, not written: heads are filled in when they are */
    buf             writing; /* the leader's */
    int64_t         last;    /* appended */
    int64_t         at;      /* where pending will go */
    int64_t         written;
    int64_t         filled;   /* the leader's: bytes of the file that were written before */
    vfs_file       *file;     /* the newest segment; changes under both locks */
    uint64_t        salt;     /* of that file */
    wal_segment    *segments; /* oldest first; the last one is `file` */
    int32_t         count, capacity;
    bool            has_new; /* a file lies there that was being made when the last process ended */
    bool            full;    /* nothing goes into this file any more: the next one is being made */
    bool            failed;  /* D1 */
    error           fault;
    _Atomic int64_t durable;
    _Atomic uint32_t turn; /* futex: a leader is done */
    /* Who waits for a sync, so that one serves all (gather); the rest is the leader's. */
    _Atomic int32_t  committing; /* that no sync was begun for */
    _Atomic uint32_t arrived;    /* futex: one more */
    _Atomic bool     gathers;    /* the leader sleeps on it */
    int32_t          crowd;      /* how many there were about the last sync */
    int32_t          shy;        /* syncs without waiting for them */
    int64_t          sync_ns;    /* what one takes, of late */
    engine_clock     clock;
};

/* ---- wal_record.c */
int64_t wal_padded(int64_t size);
void    wal_put_header(char out[WAL_HEADER], uint64_t salt, const wal_segment *s);
/* false: not a header of this version; *newer says that it is a later one's. */
bool     wal_get_header(const char in[WAL_HEADER], uint64_t *salt, wal_segment *s, bool *newer);
void     wal_put_head(char out[WAL_HEAD], const wal_head *h, uint64_t salt, int64_t at);
bool     wal_get_head(const char in[WAL_HEAD], wal_head *h, uint64_t salt, int64_t at);
uint32_t wal_bytes_crc(text first, text second);

/* ---- wal.c */
#define WAL_NEW "wal-new" /* a file that is being made */
/* "directory/name", or the one of the segment with that first sequence. */
status wal_path(const wal *w, const char *name, buf *out, error *err) MUST_USE;
status wal_segment_path(const wal *w, int64_t first, buf *out, error *err) MUST_USE;
status wal_add_segment(wal *w, wal_segment s, error *err) MUST_USE;
/* Makes the file of `s` with `head` (header and records, may be all that there is) at its
 * beginning, under the name WAL_NEW, on disk. */
status wal_make_file(wal *w, const wal_segment *s, text head, vfs_file **out, error *err) MUST_USE;
/* Gives the file of WAL_NEW its name, durably. */
status wal_name_file(wal *w, int64_t first, error *err) MUST_USE;
/* The next file becomes the newest one. All records before are durable; the caller leads. */
status wal_begin_segment(wal *w, wal_segment s, error *err) MUST_USE;
void   wal_free(wal *w);

#endif
