/* SPDX-License-Identifier: Apache-2.0 */
/* key_image.h - sort keys as words that order like them; equal values have equal words. */
#ifndef LAMINAR_KERNEL_KEY_IMAGE_H
#define LAMINAR_KERNEL_KEY_IMAGE_H

#include "kernel/kernel.h"

/* What words depend on beside the value: of texts and 128-bit integers, found before. */
typedef struct key_scan {
    bool   any; /* some value is not NULL */
    text   first;
    size_t prefix; /* that all texts share with the first */
    size_t longest;
    int128 least, most;
} key_scan;

/* Of rows first .. end; nothing but `any` is right of other types, and that may be false. */
key_scan key_scan_rows(const column *c, int32_t first, int32_t end);
void     key_scan_add(key_scan *to, const key_scan *more);

/* Fills out[i] for those of the rows that are not NULL: a < b implies out(a) <= out(b). */
void key_image(uint64_t *out, const column *c, const key_scan *all, int32_t first, int32_t end);
/* May `all` be empty? Words of the type depend on the value alone. */
bool key_image_is_plain(data_type t);
/* Equal words mean equal values. */
bool key_image_is_exact(const column *c, const key_scan *all);

#endif
