/* SPDX-License-Identifier: Apache-2.0 */
/* compare.inc.h - template: the six comparisons of one type.
 * Parameters, undefined at the end: EQUAL, UNEQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL kernel
 * names; VALUE C type; IS_EQUAL, IS_LESS, IS_GREATER expressions of a and b. */
#define KERNEL EQUAL
#define IN VALUE
#define OUT uint8_t
#define EXPR IS_EQUAL
#include "expr/binary.inc.h"

#define KERNEL UNEQUAL
#define IN VALUE
#define OUT uint8_t
#define EXPR !IS_EQUAL
#include "expr/binary.inc.h"

#define KERNEL LESS
#define IN VALUE
#define OUT uint8_t
#define EXPR IS_LESS
#include "expr/binary.inc.h"

#define KERNEL LESS_EQUAL
#define IN VALUE
#define OUT uint8_t
#define EXPR !IS_GREATER
#include "expr/binary.inc.h"

#define KERNEL GREATER
#define IN VALUE
#define OUT uint8_t
#define EXPR IS_GREATER
#include "expr/binary.inc.h"

#define KERNEL GREATER_EQUAL
#define IN VALUE
#define OUT uint8_t
#define EXPR !IS_LESS
#include "expr/binary.inc.h"

#undef EQUAL
#undef UNEQUAL
#undef LESS
#undef LESS_EQUAL
#undef GREATER
#undef GREATER_EQUAL
#undef VALUE
#undef IS_EQUAL
#undef IS_LESS
#undef IS_GREATER
