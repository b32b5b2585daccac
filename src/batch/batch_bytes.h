/* SPDX-License-Identifier: Apache-2.0 */
/* batch_bytes.h - what rows take. */
#ifndef LAMINAR_BATCH_BATCH_BYTES_H
#define LAMINAR_BATCH_BATCH_BYTES_H

#include "batch/column.h"

/* Of a copy that shares nothing. */
size_t batch_bytes(const delta *rows);

#endif
