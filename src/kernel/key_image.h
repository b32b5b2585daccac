/* SPDX-License-Identifier: Apache-2.0 */
/* key_image.h - sort keys as words that order like them (private to sort.c and key_image.c). */
#ifndef LAMINAR_KERNEL_KEY_IMAGE_H
#define LAMINAR_KERNEL_KEY_IMAGE_H

#include "kernel/kernel.h"

/* Fills out[i] for all rows that are not NULL: a < b implies out(a) <= out(b). Returns whether
 * equal words mean equal values. */
bool key_image(uint64_t *out, const column *c, int32_t row_count);

#endif
