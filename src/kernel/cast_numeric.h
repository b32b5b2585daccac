/* SPDX-License-Identifier: Apache-2.0 */
/* cast_numeric.h - loops for CAST among BOOLEAN, integers, DOUBLE, DATE and timestamps (private to
 * cast.c). */
#ifndef LAMINAR_KERNEL_CAST_NUMERIC_H
#define LAMINAR_KERNEL_CAST_NUMERIC_H

#include "type/type.h"

/* False: some value, which may lie under NULL, does not fit. */
typedef bool cast_kernel(void *restrict out, const void *restrict in, int32_t n);

/* NULL: no loop for this pair. */
cast_kernel *cast_numeric_kernel(data_type from, data_type to);

#endif
