/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.h - all of a database in files of its directory, so that opening need not run the log
 * from the beginning: see store/manifest.h and exec/preserve.h.
 *
 * The state is taken with the token, between two changes, and written without it. What the last two
 * checkpoints hold, the log need not have. A database in memory that has an interval keeps its
 * checkpoints in memory. */
#ifndef LAMINAR_DB_CHECKPOINT_H
#define LAMINAR_DB_CHECKPOINT_H

#include "db/statement.h"

typedef enum checkpoint_trigger {
    CHECKPOINT_ASKED,
    CHECKPOINT_INTERVAL,
    CHECKPOINT_LOG,     /* it grew beyond its limit */
    CHECKPOINT_LOGGING, /* durability is no longer 'off' */
    CHECKPOINT_CLOSING, /* of a database that logs nothing */
    CHECKPOINT_RESTORED /* it is an older one once more */
} checkpoint_trigger;

/* Without the token. *id (may be NULL): of the new one. ERR_CHECKPOINT_FAILED with the reason; the
 * database goes on as before. */
status checkpoint_make(laminar_database *db, checkpoint_trigger trigger, int64_t *id,
                       error *err) MUST_USE;
/* With `making` and the token, settled: all that there is now, written before this returns, and no
 * older checkpoint can be brought up to date. has_readers: see manifest. */
status checkpoint_write_now(laminar_database *db, checkpoint_trigger trigger, bool has_readers,
                            error *err) MUST_USE;
/* Why the database can take no checkpoint now. With the token. */
status checkpoint_check_steady(const laminar_database *db, error *err) MUST_USE;
bool   checkpoint_is_enabled(const laminar_database *db); /* there is an interval */
/* With or without the token. */
status checkpoint_list(laminar_database *db, laminar_result **out, error *err) MUST_USE;
/* CHECKPOINT */
status checkpoint_run(statement_context *c, laminar_result **out, error *err) MUST_USE;

#endif
