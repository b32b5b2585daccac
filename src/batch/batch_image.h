/* SPDX-License-Identifier: Apache-2.0 */
/* batch_image.h - whole columns as bytes and back: what a log record of an insert holds. Per
 * column whether there are NULLs and which, then the values one after another, texts, BLOBs and
 * nested values as their sizes and then their bytes. Types are not written: the reader knows them.
 * rows_image.h is for few rows and weights.
 *
 * batch_image_put_narrow writes many rows in fewer bytes where that costs next to nothing: BIGINTs
 * and instants as what they are beyond the least of them, sizes of texts in one or two bytes. */
#ifndef LAMINAR_BATCH_BATCH_IMAGE_H
#define LAMINAR_BATCH_BATCH_IMAGE_H

#include "base/image.h"
#include "batch/column.h"

void batch_image_put(buf *out, const delta *rows);
void batch_image_put_narrow(buf *out, const delta *rows);
/* Of either form: a batch of its own with the columns of `s`. */
status batch_image_take(image_reader *in, const schema *s, batch **out, mem *m,
                        error *err) MUST_USE;

#endif
