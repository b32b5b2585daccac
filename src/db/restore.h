/* SPDX-License-Identifier: Apache-2.0 */
/* restore.h - an open database put back to one of its checkpoints.
 *
 * What there is is set aside whole, and the checkpoint is loaded in its place as an opening loads
 * it. Then it is taken as a checkpoint of its own, behind which the log goes on: that file's being
 * there is what happened, so a crash leaves the state of before or of after. Until it is there all
 * can be put back; afterwards nothing can fail. */
#ifndef LAMINAR_DB_RESTORE_H
#define LAMINAR_DB_RESTORE_H

#include "db/statement.h"

/* Without the token. ERR_CHECKPOINT_FAILED: there is no such checkpoint, or not now; all is as it
 * was. ERR_CORRUPTION: it is damaged; likewise. */
status restore_checkpoint(laminar_database *db, int64_t id, error *err) MUST_USE;
/* RESTORE FROM CHECKPOINT n */
status restore_run(statement_context *c, const ast_statement *st, laminar_result **out,
                   error *err) MUST_USE;

/* ---- restore_readers.c: who reads streams, and goes on with those that take their places */
typedef struct restore_readers restore_readers;
status restore_readers_note(restore_readers **out, laminar_database *db, int64_t id,
                            error *err) MUST_USE;
/* What was noted is set aside, and other objects are there: differences are made ready, as changes
 * of that sequence. */
status restore_readers_follow(restore_readers *r, uint64_t sequence, error *err) MUST_USE;
void   restore_readers_publish(restore_readers *r);
/* NULL is fine. */
void restore_readers_free(restore_readers *r);

#endif
