/* SPDX-License-Identifier: Apache-2.0 */
/* durable.h - a database that is kept in a directory: what changes it goes to the log there
 * (store/wal.h) before it is acknowledged, and opening it runs the log again.
 *
 * The directory holds LOCK, which one process at a time has, checkpoints (checkpoint.h) and the log
 * of what came behind them. A record is what happened at once: rows of an insert, a change of a
 * table or all of a transaction, with the instants at which they came; a statement of DDL as its
 * text, with the settings that it was bound under; start and pause. Replay runs them in their order
 * with the clock where it stood, so everything that follows from them (streams, watermarks, timers,
 * late rows) follows again, as it does in a deterministic database. All with the token. */
#ifndef LAMINAR_DB_DURABLE_H
#define LAMINAR_DB_DURABLE_H

#include "db/statement.h"
#include "os/vfs.h"

/* Makes the directory where it is missing; its parent exists. The database is complete, and nobody
 * else has it yet. ERR_CONNECTION_IN_USE names the process that has it. */
status durable_open(laminar_database *db, vfs *fs, const char *directory, error *err) MUST_USE;
/* A database in memory that has checkpoints alone, in memory too. */
status durable_open_memory(laminar_database *db, error *err) MUST_USE;
/* Without the token: settings are others now. */
status durable_settings_changed(laminar_database *db, error *err) MUST_USE;
/* Without the token, before a database ends: no more checkpoints but a last one, of what no log
 * has. */
void durable_closing(laminar_database *db);
/* After the last change: its files are closed, and the directory is free. What was acknowledged is
 * there in any case. NULL is fine. */
void durable_shut(durable *d);
void durable_free(durable *d); /* nobody has the database any more */

/* A statement that changes the catalogue. Before it runs: room in the log, so that it need not be
 * undone. After it has run, still with the token: it is in the log, and lasting. `made` (may be
 * NULL): a table that was made of a query, whose definition and rows stand for the statement. */
status durable_reserve(laminar_database *db, const statement_context *c, const ast_statement *st,
                       error *err) MUST_USE;
status durable_ran(laminar_database *db, const statement_context *c, const ast_statement *st,
                   const object *made, error *err) MUST_USE;
/* While such a table is being filled nothing is told. */
void durable_suspend(laminar_database *db, bool suspended);

typedef enum durable_event { DURABLE_START = 1, DURABLE_PAUSE = 2 } durable_event;
status durable_happened(laminar_database *db, durable_event what, error *err) MUST_USE;

#endif
