/* SPDX-License-Identifier: Apache-2.0 */
/* wal.h - the write-ahead log: records in one order, kept across crashes of process and machine.
 *
 * A log is a directory's files wal-<first sequence>, each a header and records one after another.
 * Sequences count from 1 without gaps. A file gets its room on the disk, which reads as zeros (D8),
 * under another name, and its own when it and the log before it are on disk (rules D7, D9, D11).
 *
 * Appending copies a record into memory; committing writes what was appended and syncs it, and one
 * caller does so for all that wait (group commit). A record is durable when wal_commit returned OK
 * for it or for a later one. The first write or sync that fails ends the log (D1): what is on disk
 * can no longer be told, every later call gives the first error, and opening it again reads what is
 * there. A file that finds no room on the disk only refuses the record that needed it (D2).
 *
 * Any thread may call append, commit and forget; open and close are the owner's alone. */
#ifndef LAMINAR_STORE_WAL_H
#define LAMINAR_STORE_WAL_H

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/thread.h"
#include "os/vfs.h"

typedef struct wal wal;

#define WAL_RECORD_MAX ((size_t)1 << 30)

/* Gets each record at opening, in order; the bytes are borrowed until it returns. An error ends
 * the opening. */
typedef status (*wal_take)(void *context, int64_t sequence, text record, error *err);

/* Reads the log in `directory`, which exists, and begins one where there is none. `after`: the last
 * sequence that something else holds; records up to it are not given to take, and may be missing.
 * A torn tail is cut (D4, D6): records of a group that never was committed. What was durable and
 * cannot be read is ERR_CORRUPTION with file and offset (D5), and nothing is changed.
 * segment_bytes: of a file, larger where one record is; the first ones are smaller. */
status wal_open(wal **out, mem *m, vfs *fs, const char *directory, int64_t segment_bytes,
                int64_t after, wal_take take, void *context, error *err) MUST_USE;
/* A second thread that reads and checks records while those before them are taken. It is a wish:
 * where it cannot read on (no memory, no room for it in the account, a fault), the opening does it
 * itself, and says the fault there. */
typedef struct wal_helper {
    int64_t  after_bytes; /* so much is read without one; for each, when one had to give up */
    int64_t  ahead_bytes; /* that it holds, a longer record alone */
    cpu_list cpus;        /* where it runs */
    /* On the second thread, for each record in its order, before it is taken: what can be made of
     * it goes to *made, which several records may share, and its size is added to *bytes. False:
     * those behind it may only be looked at when this one was taken. */
    bool (*prepare)(void *context, void **made, text record, int64_t *bytes);
    void (*discard)(void *context, void *made); /* on any thread; those records were taken, or will
                                                   not be */
    void *context;
    void *made; /* of the record that is being taken; NULL: nothing */
} wal_helper;
status wal_open_ahead(wal **out, mem *m, vfs *fs, const char *directory, int64_t segment_bytes,
                      int64_t after, wal_take take, void *context, wal_helper *helper,
                      error *err) MUST_USE;
/* Says to who watches (base/work.h) what wal_open is going to read, so that it is known before what
 * comes first is done; who then opens the log takes it back, as wal_open says it again. */
int64_t wal_expect(mem *m, vfs *fs, const char *directory, int64_t after);
/* Commits what was appended, and marks the log as ended on purpose. Frees it in any case. */
status wal_close(wal *w, error *err);

/* The record is first || second, so that a caller need not join a head to its rows. */
status wal_append(wal *w, text first, text second, int64_t *sequence, error *err) MUST_USE;

/* The same for a record that stands in a buffer of the log's account, behind WAL_ROOM bytes for its
 * head. A large one is taken over as it is, and *record is then another buffer. */
enum { WAL_ROOM = 32 };
status wal_append_whole(wal *w, buf *record, int64_t *sequence, error *err) MUST_USE;

/* Room for one record of that many bytes, in the file and in memory: whoever appends nothing else
 * in between is not refused for want of it. */
status wal_reserve(wal *w, size_t size, error *err) MUST_USE;

/* WAL_WRITTEN: with the operating system, survives the process. WAL_DURABLE: the machine. */
typedef enum wal_level { WAL_WRITTEN, WAL_DURABLE } wal_level;
status wal_commit(wal *w, int64_t sequence, wal_level level, error *err) MUST_USE;

/* Reads the records behind `after` up to `upto` (INT64_MAX: all) and changes nothing; somebody may
 * have the log open, if upto is durable. *last: the last record that could be read, also when it
 * fails. */
status wal_scan(mem *m, vfs *fs, const char *directory, int64_t after, int64_t upto, wal_take take,
                void *context, int64_t *last, error *err) MUST_USE;
/* Its records behind `after` as a new log, which counts from 1, in the directory `into`, which has
 * none. *why (may be NULL: an error then is one) says where the log could not be read further; what
 * came before is copied. */
status wal_copy(mem *m, vfs *fs, const char *directory, const char *into, int64_t after,
                int64_t upto, int64_t *last, error *why, error *err) MUST_USE;

const char *wal_directory(const wal *w);
int64_t     wal_last(wal *w);          /* the last sequence that was appended; 0: none ever */
int64_t     wal_durable(const wal *w); /* the last one that is durable */
int64_t     wal_bytes(wal *w);         /* of its files */
/* Something else holds all up to this sequence: files with nothing else go (D11). */
status wal_forget(wal *w, int64_t upto, error *err) MUST_USE;

#endif
