/* SPDX-License-Identifier: Apache-2.0 */
/* filler.h - where the values of columns come from that rows leave out. */
#ifndef LAMINAR_BATCH_FILLER_H
#define LAMINAR_BATCH_FILLER_H

#include "batch/column.h"

typedef struct filler filler;
struct filler {
    /* All values of column `at` are NULL. */
    bool (*is_null)(const filler *f, int32_t at);
    /* row_count values of column `at`, of its type, in memory of `a`. */
    status (*column)(filler *f, int32_t at, int32_t row_count, column *out, arena *a, error *err);
};

#endif
