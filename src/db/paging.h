/* SPDX-License-Identifier: Apache-2.0 */
/* paging.h - when rows of sources and tables go to disk, and where (table/pager.h, rows_file.h).
 *
 * A database with a directory writes rows there that later checkpoints refer to: what is older than
 * table_spill_threshold rows by a thread of its own, and, when memory is short of half its limit,
 * the oldest that lie in no file at once. A database in memory does the latter alone, in files
 * without names in temp_directory. Not while a transaction is open: what may be taken back stays.
 */
#ifndef LAMINAR_DB_PAGING_H
#define LAMINAR_DB_PAGING_H

#include "db/internal.h"
#include "table/pager.h"

/* Numbers of files of rows that no checkpoint wrote begin there: those of checkpoints stay below.
 */
#define SPILL_FIRST ((int64_t)1 << 32)

typedef struct paging paging;

status paging_open(laminar_database *db, error *err) MUST_USE;
void   paging_close(laminar_database *db); /* after the engine; NULL is fine */
/* What is older than the threshold, of all sources and tables: without the token. */
status paging_write_old(laminar_database *db, error *err) MUST_USE;

#endif
