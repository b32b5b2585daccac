/* SPDX-License-Identifier: Apache-2.0 */
/* deal.c - the rows of a large batch are dealt out to shards once.
 *
 * Shards that part the rows of a source by the same columns look up, for each row, the number of
 * the shard that it falls to; threads find these by ranges of rows before the shards run. Without
 * them (a small batch, rows of a transaction, no memory) each shard hashes all rows itself. */
#include "exec/engine_internal.h"
#include "op/rows.h"

enum { RANGE_ROWS = 8192, STRIDE = 1024 };

typedef struct dealing {
    const op *leaf;    /* one of those that it is for */
    uint8_t  *numbers; /* per row */
} dealing;

typedef struct dealt {
    const delta    *rows;
    dealing        *items;
    int32_t         count;
    int32_t         ranges; /* of each */
    _Atomic int32_t next;
} dealt;

static int32_t
source_column(const op *leaf, int32_t key) {
    const int32_t shown = leaf->shard[key];
    return leaf->spec->columns == NULL ? shown : leaf->spec->columns[shown];
}

static bool
deals_alike(const op *a, const op *b) {
    bool alike = a->shard_count == b->shard_count && a->shard_width == b->shard_width;
    for (int32_t i = 0; alike && i < a->shard_width; i++) {
        alike = source_column(a, i) == source_column(b, i);
    }
    return alike;
}

static void
find_numbers(const dealt *d, const dealing *item, int32_t first, int32_t end) {
    column   keys[SHARD_COLUMNS_MAX];
    uint64_t hashes[STRIDE];
    for (int32_t at = first; at < end; at += STRIDE) {
        const int32_t count = end - at < STRIDE ? end - at : STRIDE;
        for (int32_t i = 0; i < item->leaf->shard_width; i++) {
            keys[i] = column_slice(&d->rows->columns[source_column(item->leaf, i)], at);
        }
        shard_numbers(item->numbers + at, item->leaf, keys, hashes, count);
    }
}

static void
run_part(void *context, int32_t at, bool calling) {
    dealt *d = context;
    (void)at;
    (void)calling;
    for (;;) {
        const int32_t next = atomic_fetch_add_explicit(&d->next, 1, memory_order_relaxed);
        if (next >= d->count * d->ranges) {
            return;
        }
        const int32_t first = next % d->ranges * RANGE_ROWS;
        const int32_t left = d->rows->row_count - first;
        find_numbers(d, &d->items[next / d->ranges], first,
                     first + (left < RANGE_ROWS ? left : RANGE_ROWS));
    }
}

/* The one that serves the leaf, made where there is none. NULL: no memory, or it is in no need. */
static const dealing *
dealing_of(dealt *d, const op *leaf, arena *a) {
    if (leaf->shard_count == 0) {
        return NULL;
    }
    for (int32_t i = 0; i < d->count; i++) {
        if (deals_alike(d->items[i].leaf, leaf)) {
            return &d->items[i];
        }
    }
    uint8_t *numbers = arena_alloc(a, (size_t)d->rows->row_count);
    if (numbers == NULL) {
        return NULL;
    }
    d->items[d->count] = (dealing){.leaf = leaf, .numbers = numbers};
    return &d->items[d->count++];
}

void
deal_rows(source *s, const delta *rows, int32_t threads) {
    engine *e = s->engine;
    arena  *a = &e->crew_arena;
    dealt   d = {.rows = rows,
                 .items = arena_alloc(a, sizeof(dealing) * (size_t)(s->inputs.count + 1)),
                 .ranges = (rows->row_count + RANGE_ROWS - 1) / RANGE_ROWS};
    for (int32_t i = 0; d.items != NULL && i < s->inputs.count; i++) {
        stream_input  *in = s->inputs.items[i];
        const dealing *item = dealing_of(&d, in->leaf, a);
        in->dealt = item == NULL ? NULL : item->numbers;
    }
    if (d.count * d.ranges <= 2 || !pool_run(e->tick_pool, threads, run_part, &d, NULL)) {
        run_part(&d, 0, true);
    }
}

void
deal_forget(source *s) {
    for (int32_t i = 0; i < s->inputs.count; i++) {
        stream_input *in = s->inputs.items[i];
        in->dealt = NULL;
    }
}
