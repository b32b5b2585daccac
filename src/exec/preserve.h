/* SPDX-License-Identifier: Apache-2.0 */
/* preserve.h - all that an engine holds as bytes, and an engine that goes on from them.
 *
 * Kept are the rows of sources, the state and place of streams with names, and of what they share;
 * not subscriptions, and not what a sink reads, which is filled again from what is retained. Names
 * and definitions are the caller's: he makes the same objects again, in the same order, before he
 * loads. Everything with the token, between ticks. */
#ifndef LAMINAR_EXEC_PRESERVE_H
#define LAMINAR_EXEC_PRESERVE_H

#include "exec/engine.h"
#include "state/store.h"

typedef struct kept_pipeline {
    text      name;
    pipeline *pipeline;
} kept_pipeline;

typedef struct engine_keeping {
    const table_shelf   *shelf;  /* where segments lie */
    const block_shelf   *blocks; /* and blocks of state */
    const kept_pipeline *pipelines;
    int32_t              pipeline_count;
} engine_keeping;

/* Settled, and no transaction is open. */
status engine_save(engine *e, const engine_keeping *k, buf *out, error *err) MUST_USE;
/* Into an engine with the same sources and streams, none of which was started. ERR_CORRUPTION: the
 * bytes do not fit them. After a failure the engine can only be closed. */
status engine_load(engine *e, const engine_keeping *k, image_reader *in, error *err) MUST_USE;

#endif
