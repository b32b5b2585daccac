/* SPDX-License-Identifier: Apache-2.0 */
/* Template: CAST of FLOAT or DOUBLE to integers and BOOLEAN, rounded half to even. Parameters,
 * #undef'd at the end:
 * - NAME(to): function names
 * - SOURCE: float or double
 */
#define KERNEL NAME(bool)
#define IN SOURCE
#define OUT uint8_t
#define FITS true
#define EXPR (uint8_t)(a != 0)
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(i8)
#define IN SOURCE
#define OUT int8_t
#define FITS (in_int64((double)a) && FITS_IN(int64_t, int8_t, rounded((double)a)))
#define EXPR (int8_t)rounded((double)a)
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(i16)
#define IN SOURCE
#define OUT int16_t
#define FITS (in_int64((double)a) && FITS_IN(int64_t, int16_t, rounded((double)a)))
#define EXPR (int16_t)rounded((double)a)
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(i32)
#define IN SOURCE
#define OUT int32_t
#define FITS (in_int64((double)a) && FITS_IN(int64_t, int32_t, rounded((double)a)))
#define EXPR (int32_t)rounded((double)a)
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(i64)
#define IN SOURCE
#define OUT int64_t
#define FITS (in_int64((double)a) && FITS_IN(int64_t, int64_t, rounded((double)a)))
#define EXPR (int64_t)rounded((double)a)
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(i128)
#define IN SOURCE
#define OUT int128
#define FITS in_i128((double)a)
#define EXPR rounded_i128((double)a)
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(u8)
#define IN SOURCE
#define OUT uint8_t
#define FITS (in_int64((double)a) && FITS_IN(int64_t, uint8_t, rounded((double)a)))
#define EXPR (uint8_t)rounded((double)a)
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(u16)
#define IN SOURCE
#define OUT uint16_t
#define FITS (in_int64((double)a) && FITS_IN(int64_t, uint16_t, rounded((double)a)))
#define EXPR (uint16_t)rounded((double)a)
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(u32)
#define IN SOURCE
#define OUT uint32_t
#define FITS (in_int64((double)a) && FITS_IN(int64_t, uint32_t, rounded((double)a)))
#define EXPR (uint32_t)rounded((double)a)
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(u64)
#define IN SOURCE
#define OUT uint64_t
#define FITS in_u64((double)a)
#define EXPR rounded_u64((double)a)
#include "kernel/cast_column.inc.h"

#undef NAME
#undef SOURCE
