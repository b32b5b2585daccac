/* SPDX-License-Identifier: Apache-2.0 */
/* image.h - values as bytes and back: the words that a checkpoint is written in.
 *
 * Little-endian, without padding or alignment. A writer is a buf, which remembers a failure; a
 * reader refuses what lies beyond its end with ERR_CORRUPTION, so that no image can make it read
 * elsewhere. */
#ifndef LAMINAR_BASE_IMAGE_H
#define LAMINAR_BASE_IMAGE_H

#include "base/error.h"
#include "base/text.h"

typedef struct image_reader {
    const char *at;
    size_t      left;
} image_reader;

void image_put_u32(buf *out, uint32_t v);
void image_put_i64(buf *out, int64_t v);
void image_put_text(buf *out, text t);      /* with its size before it */
void image_put_small(buf *out, uint64_t v); /* 1 byte below 128, 10 at most */

status image_take(image_reader *in, void *to, size_t size, error *err) MUST_USE;
status image_take_u32(image_reader *in, uint32_t *v, error *err) MUST_USE;
status image_take_i64(image_reader *in, int64_t *v, error *err) MUST_USE;
status image_take_text(image_reader *in, text *t, error *err) MUST_USE; /* borrowed */
status image_take_small(image_reader *in, uint64_t *v, error *err) MUST_USE;
status image_corrupt(const char *what, error *err); /* ERR_CORRUPTION; "what" does not fit */

#endif
