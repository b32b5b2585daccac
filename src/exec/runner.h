/* SPDX-License-Identifier: Apache-2.0 */
/* runner.h - what query.c and parallel.c share: the run of a one-off circuit, node by node. */
#ifndef LAMINAR_EXEC_RUNNER_H
#define LAMINAR_EXEC_RUNNER_H

#include "exec/past.h"
#include "exec/skip.h"

#define FRONTIER_END INT64_MAX

/* When the rows of a table came and went. */
typedef struct departure {
    int64_t position, at_us;
} departure;

typedef struct scan_times {
    const insert_entry *entries;
    int64_t             entry_count;
    departure          *departures; /* by position */
    int64_t             departure_count;
} scan_times;

typedef struct runner {
    engine           *engine;
    const stream     *of; /* whose state is read; NULL: a query */
    circuit          *once;
    const circuit    *live;      /* NULL for queries */
    table_snapshot  **snapshots; /* by node id; NULL: open one when it is needed */
    const key_rows   *rows_of;   /* by node id, beside snapshots: what is read of each */
    const scan_times *times;     /* by node id, beside snapshots, where a scan wants them */
    past             *pasts;     /* by node id: streams of then; NULL: it is about now */
    int32_t           threads;   /* that may work on it; 0 and 1: the caller's alone */
    plan_profile     *profile;   /* by node id; NULL: nothing is measured */
    interrupt        *interrupted;
    bool             *built;   /* by node id: the join's other side is stored; NULL: none is */
    _Atomic bool     *failed;  /* of a part: another one has failed; NULL: it is the whole */
    const op_env     *limited; /* of a part: the whole, which may spill where parts may not */
    batch           **working; /* the rows that WORKING reads, in the circuit of a step */
    int32_t           working_count;
    const expr       *predicate; /* of the filter directly above the scan that runs now, or NULL */
    progress         *counted;   /* NULL: nobody wants to know */
    int32_t           readers;   /* parts that read the same rows, which count once; 0: no others */
} runner;

typedef enum run_extent {
    RUN_NOTHING,
    RUN_INPUT, /* all rows of the input were pushed */
    RUN_NODE   /* and the node has given all its rows: it is not to be ticked */
} run_extent;

/* ---- query.c */
/* Input `at` of n, on several threads where it pays; *done: RUN_INPUT or RUN_NODE. */
status run_input(runner *r, const plan_node *n, int32_t at, run_extent *done, error *err) MUST_USE;
status run_node(runner *r, const plan_node *n, error *err) MUST_USE;
/* Rows first .. end that the snapshot shows, into the scan. */
status feed_table(runner *r, const plan_node *n, const table_snapshot *snapshot, int64_t first,
                  int64_t end, error *err) MUST_USE;

/* ---- arrival.c: the index grows and moves while a query runs, so it is copied, with the token */
status scan_times_copy(scan_times *out, const table *t, bool departures, uint64_t sequence,
                       arena *a, error *err) MUST_USE;
/* When the rows delivered last came and went, into env->arrived and departed; takes those out that
 * were there at no time. */
status versions_read(op_env *env, const scan_times *times, const table_cursor *cursor, delta *rows,
                     column *columns, error *err) MUST_USE;

/* ---- parallel.c */
/* Runs input `at` of n (NULL: all below the sink) on several threads, if that is worth it. */
status parallel_run(runner *r, const plan_node *n, int32_t at, run_extent *done,
                    error *err) MUST_USE;
/* The same for the shared part that `reader` reads; *done: not RUN_NOTHING, all has been run. */
status parallel_run_shared(runner *r, const plan_node *reader, run_extent *done,
                           error *err) MUST_USE;

#endif
