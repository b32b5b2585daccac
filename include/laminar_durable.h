/* SPDX-License-Identifier: Apache-2.0 */
/* laminar_durable.h - looking after databases that are kept in a directory: checkpoints, verifying,
 * copies. laminar.h includes it; its rules hold here too. */
#ifndef LAMINAR_LAMINAR_DURABLE_H
#define LAMINAR_LAMINAR_DURABLE_H

#include "laminar.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- checkpoints: all of a database at one instant, which opening begins with instead of the
 * whole log. A kept database makes them by itself, when the log has grown by wal_limit_bytes and
 * every checkpoint_interval_ms; as many are kept as the setting checkpoint_retention says, two by
 * default. With an interval a database in memory has them too,
 * in memory. */

/* Makes one now. *id (may be NULL): its number, from 1 on, growing. Rows may be inserted while it
 * is written. Code 701: the database has no interval; 700: it could not be written, with the
 * reason, and all is as before. */
LAMINAR_API laminar_status laminar_database_checkpoint(laminar_database *db, int64_t *id,
                                                       laminar_error *err);
/* Those that there are, oldest first, as the table laminar.checkpoints: checkpoint_id BIGINT,
 * created_at TIMESTAMPTZ, epoch BIGINT (the newest insert in it), rows BIGINT, size_bytes BIGINT
 * (that were written for it), duration_ms and stall_ms DOUBLE (how long inserts had to wait),
 * trigger VARCHAR ("asked", "interval", "log", "durability", "close" or "restore"). */
LAMINAR_API laminar_status laminar_database_checkpoints(laminar_database *db, laminar_result **out,
                                                        laminar_error *err);

/* Puts the database back to one of them: tables, streams and definitions are those of then, and
 * what was open goes on with them. Subscriptions see what is different now as the changes of one
 * tick, sinks write it; those of streams that were not there, or not by the same definition, end
 * with code 600. It lasts when this returned. Code 700:
 * there is no such checkpoint, or it could not be done now; 702: it is damaged; all is as before
 * then. */
LAMINAR_API laminar_status laminar_database_restore(laminar_database *db, int64_t id,
                                                    laminar_error *err);

typedef struct laminar_checkpoint_status {
    uint32_t size;            /* sizeof(laminar_checkpoint_status), set by the caller */
    bool     enabled;         /* there is an interval */
    int64_t  interval_ms;     /* 0: none */
    int64_t  wal_bytes;       /* of the log's files; -1: there is no log */
    int64_t  last_id;         /* 0: there is none */
    int64_t  last_created_us; /* since 1970 */
    int64_t  last_duration_us, last_stall_us;
} laminar_checkpoint_status;
LAMINAR_API laminar_status laminar_database_checkpoint_status(laminar_database          *db,
                                                              laminar_checkpoint_status *out,
                                                              laminar_error             *err);

/* Takes the state of every stream to the bytes of a checkpoint and goes on from those bytes: a test
 * that they hold all of it, because no result may change. LAMINAR_DONE: not now (a stream is being
 * filled, or a transaction is open). */
LAMINAR_API laminar_status laminar_database_reload(laminar_database *db, laminar_error *err);

/* ---- looking after */
typedef struct laminar_verified {
    uint32_t size; /* sizeof(laminar_verified), set by the caller */
    int64_t  records;
    int64_t  bytes; /* of the records */
    int64_t  checkpoints;
} laminar_verified;
/* Reads every file of a database again and compares all checksums; others may go on meanwhile.
 * Code 702 with file and offset where it is damaged, 701: the database is in memory. `out` may be
 * NULL. */
LAMINAR_API laminar_status laminar_database_verify(laminar_database *db, laminar_verified *out,
                                                   laminar_error *err);

/* A copy of all that was acknowledged, in a directory of its own, made where it is missing, while
 * the database is in use. Code 100: it cannot be made, or has a database already. */
LAMINAR_API laminar_status laminar_database_backup(laminar_database *db, const char *directory,
                                                   laminar_error *err);

typedef struct laminar_salvaged {
    uint32_t size;          /* sizeof(laminar_salvaged), set by the caller */
    int64_t  records;       /* of the log, */
    int64_t  checkpoint_id; /* behind this checkpoint; 0: from the beginning */
    bool     is_whole;      /* nothing is missing */
    char     reason[512];   /* else where and why the log could not be read further */
} laminar_salvaged;
/* What can still be read of a database that is refused with code 702, as a new one in `into`: all
 * that happened up to the damage. `path` is not changed. */
LAMINAR_API laminar_status laminar_salvage(const char *path, const char *into,
                                           laminar_salvaged *out, laminar_error *err);

/* ---- how far: opening, checkpoints, restore, verify and backup read and write so many bytes */
typedef struct laminar_work {
    int64_t inside[2];
    void   *outer;
} laminar_work;
/* From now on what such calls of this thread do is counted in *work, which begins anew and stays
 * where it is, until laminar_work_end on this thread. They nest: the outer one counts all. */
LAMINAR_API void laminar_work_begin(laminar_work *work);
LAMINAR_API void laminar_work_end(void);
/* From any thread. *total: of what is known to be there to do, so it may grow; 0: nothing yet. */
LAMINAR_API void laminar_work_look(const laminar_work *work, int64_t *done, int64_t *total);

#ifdef __cplusplus
}
#endif

#endif
