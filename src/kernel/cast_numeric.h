/* SPDX-License-Identifier: Apache-2.0 */
/* cast_numeric.h - loops for CAST among types of fixed width (private to cast.c). */
#ifndef LAMINAR_KERNEL_CAST_NUMERIC_H
#define LAMINAR_KERNEL_CAST_NUMERIC_H

#include "type/type.h"

/* False: some value, which may lie under NULL, does not fit. */
typedef bool cast_kernel(void *restrict out, const void *restrict in, int32_t n, data_type from,
                         data_type to);

/* NULL: no loop for this pair. */
cast_kernel *cast_numeric_kernel(data_type from, data_type to); /* BOOLEAN, integers, floats */
cast_kernel *cast_decimal_kernel(data_type from, data_type to); /* one of them a DECIMAL */
cast_kernel *cast_time_kernel(data_type from, data_type to);    /* DATE and timestamps */

#endif
