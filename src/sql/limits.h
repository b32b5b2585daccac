/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - how large a statement may be; limits.def lists them for SHOW LIMITS. */
#ifndef LAMINAR_SQL_LIMITS_H
#define LAMINAR_SQL_LIMITS_H

#include "sql/ast.h"
#include "sql/lexer.h"

#define SQL_TEXT_BYTES_MAX (64 << 20)
/* Of grammar rules: parentheses, operators, subqueries together. */
#define SQL_NESTING_MAX SQL_HEIGHT_MAX
#define SQL_QUERY_DEPTH_MAX 64
#define SQL_COLUMNS_MAX 1600
#define SQL_ARGUMENTS_MAX 127
#define SQL_IN_ITEMS_MAX 65536
#define SQL_ROW_ITEMS_MAX 127
#define SQL_PARAMETER_MAX 32766
#define SQL_UNION_MAX 500
#define SQL_GROUPING_SETS_MAX 4096
#define SQL_GROUPING_KEYS_MAX 62 /* they are bits of a mask */
#define SQL_JOINS_MAX 32
#define SQL_RECURSION_MAX 100000
#define SQL_LIKE_BYTES_MAX 50000
#define SQL_WINDOWS_MAX 10000 /* that one row is in */
#define SQL_QUERIES_MAX 1024  /* that run at once */
#define SQL_SUBSCRIPTIONS_MAX 4096
#define SERIES_ROWS_MAX 1000000000 /* of one row of its input */
#define SQL_TYPE_DEPTH_MAX 64

typedef enum limit_id {
#define LIMIT(name, value, description) LIMIT_##name,
#include "sql/limits.def"
#undef LIMIT
    LIMIT_COUNT
} limit_id;

/* What is in force; an entry that is 0, or above the highest, is the highest. */
typedef struct sql_limits {
    int64_t now[LIMIT_COUNT];
} sql_limits;

/* limits NULL: the highest. */
ALWAYS_INLINE int32_t
limit_in_force(const sql_limits *limits, limit_id at, int32_t highest) {
    const int64_t now = limits == NULL ? 0 : limits->now[at];
    return now > 0 && now < highest ? (int32_t)now : highest;
}

#endif
