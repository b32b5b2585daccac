/* SPDX-License-Identifier: Apache-2.0 */
/* abi.h - the Arrow C data and stream interface
 * (https://arrow.apache.org/docs/format/CDataInterface.html). */
#ifndef LAMINAR_ARROW_ABI_H
#define LAMINAR_ARROW_ABI_H

/* The public header declares struct ArrowSchema, ArrowArray and ArrowArrayStream. */
#include "laminar.h"

#endif
