/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of changes when all hashes are one of four: rows that only share a hash are told
 * apart. */
#define LAMINAR_HASH_MASK 3
#include "op/rows_net.c"

#include "net_cases.h"

UNIT_MAIN(UNIT(test_consolidate))
