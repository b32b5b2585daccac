/* SPDX-License-Identifier: Apache-2.0 */
/* laminar_durable.h - a part of laminar.h, which includes it: checkpoints. */
#ifndef LAMINAR_LAMINAR_DURABLE_H
#define LAMINAR_LAMINAR_DURABLE_H

#ifdef __cplusplus
extern "C" {
#endif

/* ---- checkpoints: all of a database at one instant, which opening begins with instead of the
 * whole log. A kept database makes them by itself, when the log has grown by wal_limit_bytes and
 * every checkpoint_interval_ms; two are kept. With an interval a database in memory has them too,
 * in memory. */

/* Makes one now. *id (may be NULL): its number, from 1 on, growing. Rows may be inserted while it
 * is written. Code 701: the database has no interval; 700: it could not be written, with the
 * reason, and all is as before. */
LAMINAR_API laminar_status laminar_database_checkpoint(laminar_database *db, int64_t *id,
                                                       laminar_error *err);
/* Those that there are, oldest first, as the table laminar.checkpoints: checkpoint_id BIGINT,
 * created_at TIMESTAMPTZ, epoch BIGINT (the newest insert in it), rows BIGINT, size_bytes BIGINT
 * (that were written for it), duration_ms and stall_ms DOUBLE (how long inserts had to wait),
 * trigger VARCHAR ("asked", "interval", "log", "durability" or "close"). */
LAMINAR_API laminar_status laminar_database_checkpoints(laminar_database *db, laminar_result **out,
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

#ifdef __cplusplus
}
#endif

#endif
