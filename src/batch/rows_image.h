/* SPDX-License-Identifier: Apache-2.0 */
/* rows_image.h - rows as bytes and back: per row and column a byte that says whether it is NULL,
 * then the value in the width of its type, or its size and bytes. Types are not written: the reader
 * knows them. Weights are, when there are any. */
#ifndef LAMINAR_BATCH_ROWS_IMAGE_H
#define LAMINAR_BATCH_ROWS_IMAGE_H

#include "base/image.h"
#include "batch/builder.h"

void rows_image_put(buf *out, const delta *rows);
/* Appends the rows to a builder of their types; *weights (in `a`) is NULL when all are 1. */
status rows_image_take(image_reader *in, builder *to, int64_t **weights, arena *a,
                       error *err) MUST_USE;

#endif
