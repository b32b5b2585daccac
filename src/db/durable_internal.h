/* SPDX-License-Identifier: Apache-2.0 */
/* durable_internal.h - what durable.c and checkpoint.c share. Nobody else includes it. */
#ifndef LAMINAR_DB_DURABLE_INTERNAL_H
#define LAMINAR_DB_DURABLE_INTERNAL_H

#include "base/image.h"
#include "db/checkpoint.h"
#include "db/definitions.h"
#include "db/durable.h"
#include "exec/preserve.h"
#include "store/manifest.h"
#include "store/wal.h"

enum {
    ITEM_SETTINGS = 1, /* integer_division, default_null_order, max_future_skew, timezone, retain */
    ITEM_STATEMENT,    /* instant, text; of a table made of a query its name and what was typed */
    ITEM_VIEW,         /* instant, text as typed and as kept, its columns (columns_print) */
    ITEM_RETRY,        /* instant, text; there may be nothing to retry in another life */
    ITEM_EVENT,        /* instant, durable_event */
    ITEM_CHANGE,       /* object, instant, positions that died, whether rows follow, rows */
    ITEM_WATERMARK,    /* object, instant, microseconds */
    ITEM_RANDOM,       /* where random() and its like stood */
    ITEM_GROUP,        /* the changes that follow are one transaction */
    ITEM_FLOOR         /* number of a checkpoint: what follows is behind it, see durable_floor_of */
};

typedef struct binding { /* settings that a statement means something under */
    int64_t division, nulls, skew;
    text    zone, retain;
} binding;

typedef struct checkpoints {
    mutex     making; /* one at a time; taken before the token */
    mutex     lock;   /* of the list; a leaf */
    manifest *list;   /* oldest first */
    int32_t   count, capacity;
    int64_t   next_id;
    int64_t   floor;     /* see manifest; changes with the token */
    int64_t   loaded;    /* that the database was opened from; 0: none */
    int64_t   log_bytes; /* while it is opened: said to be read behind it; see wal_expect */
    bool      is_open;
    bool    failed; /* the directory could not be synced: what it has is seen at the next opening */
    bool    crowded; /* the last one failed: no memory for what changed while it was written */
    error   fault;   /* why none of those that there are was loaded; status OK: one was */
    int64_t seen_after, seen_epoch;  /* what the newest one holds: nothing new, no new one */
    thread  worker;                  /* makes them when it is time */
    bool    has_worker;              /* with `lock` */
    _Atomic uint32_t word;           /* futex: changes when there is something to look at */
    _Atomic bool     ending, spills; /* spills: rows are to be written */
    _Atomic int64_t  log_base;       /* bytes of the log when the newest one was made */
} checkpoints;

struct durable {
    journal           base;
    laminar_database *db;
    vfs              *fs;
    vfs              *owned;     /* that fs is; NULL: it is somebody else's */
    char             *directory; /* owned */
    vfs_file         *lock;
    wal              *log; /* NULL: a database in memory, which has checkpoints alone */
    buf               record;
    int64_t           last;   /* to be committed */
    bool              broken; /* memory has what the log could not be told: see fault */
    error             fault;
    bool              unlogged;   /* durability = 'off': there are changes that no log has */
    bool              has_said;   /* settings stand in the log */
    int64_t           said_floor; /* likewise, which floor */
    binding           said;
    char              said_zone[72], said_retain[104];
    definitions       definitions;
    checkpoints       checkpoints;
    /* durability = 'async': what was written is synced within ASYNC_US by a thread of its own. */
    thread           syncer;
    bool             has_syncer;
    _Atomic uint32_t written; /* futex: changes with each commit and at the end */
    _Atomic bool     ending;
};

/* ---- durable_ahead.c */
typedef struct durable_ready durable_ready; /* rows of records to come */
/* Of wal_helper; context: the database. */
bool durable_prepare(void *context, void **made, text record, int64_t *bytes);
void durable_ready_free(void *context, void *made);
/* The rows whose image begins where `in` stands, which then stands behind it. NULL: none. */
batch *durable_ready_take(durable_ready *d, image_reader *in, const schema *s);

/* ---- durable_replay.c */
/* Checksums say that these are the bytes that were written, not that they are values. */
status durable_check_rows(const batch *b, error *err) MUST_USE;
/* A record of the log; context: the wal_helper, whose context is the database. */
status durable_take_record(void *context, int64_t sequence, text record, error *err) MUST_USE;
status durable_execute(laminar_database *db, text sql, error *err) MUST_USE;
/* ---- durable.c */
/* Runs the items of a record or definition. */
status durable_run_items(laminar_database *db, text items, error *err) MUST_USE;
bool   durable_is_off(const durable *d); /* changes are not logged */
/* ---- durable_replay.c: the floor that a record begins with; 0: none */
int64_t durable_floor_of(text record);

#define STATE_VERSION 5 /* of what a state file holds */
#define STATE_VERSION_LEAST 3

/* ---- checkpoint_load.c */
/* The pipelines that there are, listed in `a`. */
status keep_pipelines(laminar_database *db, arena *a, engine_keeping *k, error *err) MUST_USE;
/* ---- checkpoint.c */
status checkpoints_open(durable *d, error *err) MUST_USE;
/* ---- checkpoint_load.c: that one into a database without objects. After a failure what there is
 * can only be dropped. */
status checkpoint_load_one(durable *d, const manifest *from, error *err) MUST_USE;
/* Before the log is run: the newest state that can be had. *after: the log's last record in it. */
status checkpoints_load(durable *d, int64_t *after, error *err) MUST_USE;
void   checkpoints_started(durable *d); /* the database is open */
void   checkpoints_stop(durable *d);    /* no more of them; without the token */
void   checkpoints_wake_to_spill(durable *d);
void   checkpoints_close(durable *d);
void   checkpoints_look(durable *d); /* something was logged: it may be time */

#endif
