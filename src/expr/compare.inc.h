/* SPDX-License-Identifier: Apache-2.0 */
/* compare.inc.h - template: the six comparisons of one type.
 * Parameters, undefined at the end: NAME(comparison) kernel names; VALUE C type; IS_EQUAL, IS_LESS,
 * IS_GREATER expressions of a and b. */
#define KERNEL NAME(equal)
#define IN VALUE
#define OUT uint8_t
#define EXPR IS_EQUAL
static
#include "expr/binary.inc.h"

#define KERNEL NAME(unequal)
#define IN VALUE
#define OUT uint8_t
#define EXPR !IS_EQUAL
    static
#include "expr/binary.inc.h"

#define KERNEL NAME(less)
#define IN VALUE
#define OUT uint8_t
#define EXPR IS_LESS
    static
#include "expr/binary.inc.h"

#define KERNEL NAME(less_equal)
#define IN VALUE
#define OUT uint8_t
#define EXPR !IS_GREATER
    static
#include "expr/binary.inc.h"

#define KERNEL NAME(greater)
#define IN VALUE
#define OUT uint8_t
#define EXPR IS_GREATER
    static
#include "expr/binary.inc.h"

#define KERNEL NAME(greater_equal)
#define IN VALUE
#define OUT uint8_t
#define EXPR !IS_LESS
    static
#include "expr/binary.inc.h"

#undef NAME
#undef VALUE
#undef IS_EQUAL
#undef IS_LESS
#undef IS_GREATER
