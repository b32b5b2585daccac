/* SPDX-License-Identifier: Apache-2.0 */
/* Template: CAST of one integer type to all numbers and BOOLEAN. Parameters, #undef'd at the end:
 * - NAME(to): function names
 * - SOURCE: C type of the integers
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
#define FITS FITS_IN(SOURCE, int8_t, a)
#define EXPR (int8_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(i16)
#define IN SOURCE
#define OUT int16_t
#define FITS FITS_IN(SOURCE, int16_t, a)
#define EXPR (int16_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(i32)
#define IN SOURCE
#define OUT int32_t
#define FITS FITS_IN(SOURCE, int32_t, a)
#define EXPR (int32_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(i64)
#define IN SOURCE
#define OUT int64_t
#define FITS FITS_IN(SOURCE, int64_t, a)
#define EXPR (int64_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(i128)
#define IN SOURCE
#define OUT int128
#define FITS FITS_IN(SOURCE, int128, a)
#define EXPR (int128) a
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(u8)
#define IN SOURCE
#define OUT uint8_t
#define FITS FITS_IN(SOURCE, uint8_t, a)
#define EXPR (uint8_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(u16)
#define IN SOURCE
#define OUT uint16_t
#define FITS FITS_IN(SOURCE, uint16_t, a)
#define EXPR (uint16_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(u32)
#define IN SOURCE
#define OUT uint32_t
#define FITS FITS_IN(SOURCE, uint32_t, a)
#define EXPR (uint32_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(u64)
#define IN SOURCE
#define OUT uint64_t
#define FITS FITS_IN(SOURCE, uint64_t, a)
#define EXPR (uint64_t)a
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(f32)
#define IN SOURCE
#define OUT float
#define FITS true
#define EXPR (float)a
#include "kernel/cast_column.inc.h"

#define KERNEL NAME(f64)
#define IN SOURCE
#define OUT double
#define FITS true
#define EXPR (double)a
#include "kernel/cast_column.inc.h"

#undef NAME
#undef SOURCE
