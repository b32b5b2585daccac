/* SPDX-License-Identifier: Apache-2.0 */
/* generate.h - random statements of the grammar as text, from a seed. Every text it makes must
 * parse. */
#ifndef LAMINAR_TESTS_UNIT_SQL_GENERATE_H
#define LAMINAR_TESTS_UNIT_SQL_GENERATE_H

#include "base/rng.h"
#include "base/text.h"

typedef struct generator {
    rng  r;
    buf *out;
} generator;

static inline int32_t
roll(generator *g, int32_t sides) {
    return (int32_t)rng_below(&g->r, (uint64_t)sides);
}

/* Words in random case, now and then with a comment or a line break between them. */
static inline void
put(generator *g, const char *words) {
    static const char *const blanks[] = {" ", "  ", "\n", "\t", " /* x /* y */ */ ", " -- z'\n"};
    for (const char *c = words; *c != '\0'; c++) {
        const int32_t shift = *c >= 'A' && *c <= 'Z' && roll(g, 2) == 0 ? 'a' - 'A' : 0;
        buf_append_char(g->out, (char)(*c + shift));
    }
    const int32_t blank = roll(g, 40);
    buf_append_text(g->out, text_of(blanks[blank < ARRAY_COUNT(blanks) ? blank : 0]));
}

#define PICK(g, list) (list)[roll((g), ARRAY_COUNT(list))]

static inline void
put_name(generator *g) {
    static const char *const names[] = {
        "a",           "b",       "price", "value",        "key",     "ts",        "source",
        "stream",      "data",    "day",   "year",         "date",    "time",      "interval",
        "first",       "last",    "close", "\"x y\"",      "filter",  "emit",      "over",
        "window",      "sample",  "for",   "at",           "leading", "both",      "\"select\"",
        "\"a\"\"b\"",  "été",     "_q9",   "window_start", "values",  "position",  "trim",
        "\"Ünïcode\"", "extract", "row",   "exists",       "changes", "timestamp", "cast",
    };
    put(g, PICK(g, names));
}

static inline void put_expr(generator *g, int32_t depth);
static inline void put_select(generator *g, int32_t depth);

static inline void
put_literal(generator *g) {
    static const char *const literals[] = {
        "0",
        "1",
        "42",
        "1_000_000",
        "9223372036854775808",
        "1.5",
        ".5",
        "1e3",
        "2.",
        "1E-7",
        "1_0.2_5",
        "0xF_f",
        "(a COLLATE NOCASE)",
        "''",
        "'a'",
        "'it''s'",
        "E'\\n\\'\\x41\\u00e9\\\\'",
        "$$don't$$",
        "$t$ $$ $t$",
        "NULL",
        "TRUE",
        "FALSE",
        "'-- no comment'",
        "INTERVAL '5' SECOND",
        "INTERVAL 5 MINUTES",
        "INTERVAL '1 hour 5 minutes'",
        "INTERVAL 1.5 DAYS",
        "DATE '2024-01-31'",
        "TIMESTAMP '2024-01-31'",
        "TIMESTAMP WITH TIME ZONE '2024-01-31'",
        "TIME '10:00'",
        "?",
        "?3",
        "$1",
        "$n",
        ":name",
        "'日本'",
        "CURRENT_TIMESTAMP",
        "\"b\"",
    };
    put(g, PICK(g, literals));
}

static inline void
put_type(generator *g) {
    static const char *const types[] = {
        "INT",
        "BIGINT",
        "DOUBLE PRECISION",
        "VARCHAR(10)",
        "DECIMAL(10, 2)",
        "TIMESTAMP(3)",
        "TIMESTAMP(6) WITH TIME ZONE",
        "TIMESTAMP WITHOUT TIME ZONE",
        "CHARACTER VARYING(5)",
        "\"my type\"",
    };
    put(g, PICK(g, types));
}

/* `least` to least + 3 expressions with commas between them. */
static inline void
put_list(generator *g, int32_t depth, int32_t least, bool trailing) {
    const int32_t count = least + roll(g, 4);
    for (int32_t i = 0; i < count; i++) {
        if (i > 0) {
            put(g, ",");
        }
        put_expr(g, depth);
    }
    if (trailing && count > 0 && roll(g, 5) == 0) {
        put(g, ",");
    }
}

static inline void
put_call(generator *g, int32_t depth) {
    static const char *const names[] = {"f(",       "LEFT(",  "REPLACE (", "IF(",
                                        "\"sum\"(", "count(", "date("};
    switch (roll(g, 9)) {
    case 0:
        put(g, "count(*)");
        break;
    case 1:
        put(g, "sum(DISTINCT");
        put_expr(g, depth);
        put(g, ") FILTER (WHERE");
        put_expr(g, depth);
        put(g, ")");
        break;
    case 2:
        put(g, "EXTRACT(YEAR FROM");
        put_expr(g, depth);
        put(g, ")");
        break;
    case 3:
        put(g, "SUBSTRING(");
        put_expr(g, depth);
        put(g, roll(g, 2) == 0 ? "FROM 2 FOR 3)" : "FOR 4)");
        break;
    case 4:
        put(g, "TRIM(LEADING 'x' FROM");
        put_expr(g, depth);
        put(g, ")");
        break;
    case 5:
        put(g, "POSITION('a' IN");
        put_expr(g, depth);
        put(g, ")");
        break;
    default:
        put(g, PICK(g, names));
        put_list(g, depth, 0, false);
        put(g, ")");
        break;
    }
}

static inline void
put_case(generator *g, int32_t depth) {
    put(g, "CASE");
    if (roll(g, 2) == 0) {
        put_expr(g, depth);
    }
    for (int32_t i = roll(g, 3); i >= 0; i--) {
        put(g, "WHEN");
        put_expr(g, depth);
        put(g, "THEN");
        put_expr(g, depth);
    }
    if (roll(g, 2) == 0) {
        put(g, "ELSE");
        put_expr(g, depth);
    }
    put(g, "END");
}

/* An expression that may stand on any side of any operator. */
static inline void
put_operand(generator *g, int32_t depth) {
    const bool parentheses = roll(g, 3) != 0;
    if (parentheses) {
        put(g, "(");
        put_expr(g, depth);
        put(g, ")");
    } else if (roll(g, 2) == 0) {
        put_literal(g);
    } else {
        put_expr(g, 0);
    }
}

static inline void
put_match(generator *g, int32_t depth) {
    put_operand(g, depth);
    put(g, roll(g, 2) == 0 ? "NOT" : "");
    switch (roll(g, 3)) {
    case 0:
        put(g, roll(g, 3) == 0 ? "BETWEEN SYMMETRIC" : "BETWEEN");
        put_operand(g, depth);
        put(g, "AND");
        put_operand(g, depth);
        break;
    case 1:
        put(g, "IN (");
        put_list(g, depth, 1, true);
        put(g, ")");
        break;
    default:
        put(g, roll(g, 3) == 0 ? "LIKE" : roll(g, 2) == 0 ? "ILIKE" : "SIMILAR TO");
        put_operand(g, depth);
        if (roll(g, 2) == 0) {
            put(g, "ESCAPE '!'");
        }
        break;
    }
}

static inline void
put_is(generator *g, int32_t depth) {
    static const char *const tails[] = {"IS NULL", "IS NOT NULL", "IS TRUE", "IS NOT FALSE",
                                        "IS UNKNOWN"};
    put_operand(g, depth);
    if (roll(g, 3) == 0) {
        put(g, "IS DISTINCT FROM");
        put_operand(g, depth);
    } else {
        put(g, PICK(g, tails));
    }
}

/* Operators without parentheses, so that binding strength decides; comparisons do not chain. */
static inline void
put_flat(generator *g, int32_t depth) {
    static const char *const sums[] = {"+",  "-",   "*", "/",  "//", "%",   "||", "AND", "OR",
                                       "OR", "AND", "^", "**", "&",  "|",   "#",  "<<",  ">>",
                                       "->", "->>", "~", "!~", "~*", "!~*", "^@"};
    for (int32_t i = 1 + roll(g, 6); i > 0; i--) {
        put(g, roll(g, 8) == 0 ? "- " : roll(g, 12) == 0 ? "NOT" : roll(g, 12) == 0 ? "~ " : "");
        put_operand(g, depth);
        put(g, PICK(g, sums));
    }
    put_operand(g, depth);
    static const char *const ends[] = {"::INT::BIGINT", ".f(1)::INT", ".left()",
                                       "AT TIME ZONE 'UTC'"};
    put(g, roll(g, 2) == 0 ? PICK(g, ends) : "");
}

static inline void
put_comparison(generator *g, int32_t depth) {
    static const char *const ops[] = {"=", "==", "<>", "!=", "<", "<=", ">", ">="};
    put_operand(g, depth);
    put(g, roll(g, 4) == 0 ? "|| 'x'" : roll(g, 4) == 0 ? "+ 1" : "");
    put(g, PICK(g, ops));
    put_operand(g, depth);
    put(g, roll(g, 4) == 0 ? "IS NOT TRUE" : roll(g, 4) == 0 ? "AND b" : "");
}

static inline void
put_query(generator *g, int32_t depth, const char *lead) {
    put(g, lead);
    put(g, "(");
    put_select(g, depth);
    put(g, ")");
}

static inline void
put_subquery(generator *g, int32_t depth) {
    static const char *const quantified[] = {"= ANY", "<> ALL", "< SOME", ">= ANY"};
    switch (roll(g, 5)) {
    case 0:
        put_query(g, depth, "EXISTS");
        break;
    case 1:
        put_operand(g, depth);
        put_query(g, depth, roll(g, 2) == 0 ? "IN" : "NOT IN");
        break;
    case 2:
        put_operand(g, depth);
        put_query(g, depth, PICK(g, quantified));
        break;
    case 3:
        put(g, "(");
        put_expr(g, depth);
        put(g, ",");
        put_expr(g, depth);
        put(g, roll(g, 2) == 0 ? ",)" : ")");
        break;
    default:
        put_query(g, depth, "");
        break;
    }
}

static inline void
put_expr(generator *g, int32_t depth) {
    const int32_t below = depth - 1;
    if (depth <= 0) {
        if (roll(g, 2) == 0) {
            put_literal(g);
        } else if (roll(g, 4) == 0) {
            static const char *const columns[] = {"t.a", "\"T\".\"select\"", "#1", "COLUMNS('a.*')",
                                                  "COLUMNS(t.* EXCLUDE (a))"};
            put(g, PICK(g, columns));
        } else {
            put(g, roll(g, 2) == 0 ? "price" : "value");
        }
        return;
    }
    switch (roll(g, 12)) {
    case 0:
        put_name(g);
        break;
    case 8:
        put_subquery(g, below);
        break;
    case 1:
        put_call(g, below);
        break;
    case 2:
        put_case(g, below);
        break;
    case 3:
        put_match(g, below);
        break;
    case 4:
        put_is(g, below);
        break;
    case 5:
        put_comparison(g, below);
        break;
    case 6:
        put(g, roll(g, 2) == 0 ? "CAST(" : "TRY_CAST(");
        put_expr(g, below);
        put(g, "AS");
        put_type(g);
        put(g, ")");
        break;
    case 7:
        put(g, roll(g, 2) == 0 ? "- -" : "+");
        put_operand(g, below);
        break;
    default:
        put_flat(g, below);
        break;
    }
}

static inline void
put_alias(generator *g, bool table) {
    static const char *const aliases[] = {"AS x",        "y",       "AS \"a b\"", "\"q\"",
                                          "AS interval", "AS emit", "AS 'n'"};
    if (roll(g, 2) == 0) {
        put(g, table && roll(g, 2) == 0 ? "t" : PICK(g, aliases));
    }
}

static inline void put_from(generator *g, int32_t depth);

static inline void
put_relation(generator *g, int32_t depth) {
    if (depth > 0 && roll(g, 8) == 0) {
        put(g, "(");
        put_from(g, depth - 1);
        put(g, ")");
        return;
    }
    if (depth > 0 && roll(g, 4) == 0) {
        put(g, roll(g, 4) == 0 ? "LATERAL (" : "(");
        put_select(g, depth - 1);
        put(g, ")");
        if (roll(g, 3) == 0) {
            put(g, "AS v (x, \"y z\",)");
            return;
        }
    } else if (depth > 0 && roll(g, 6) == 0) {
        put(g, roll(g, 4) == 0 ? "LATERAL" : "");
        put(g, roll(g, 2) == 0 ? "read_it('a''b', " : "\"Made up\"(");
        put_expr(g, depth - 1);
        put(g, roll(g, 2) == 0 ? ", header => TRUE)" : ")");
    } else if (roll(g, 12) == 0) {
        put(g, "'dir/it''s.csv'");
    } else {
        put_name(g);
    }
    put_alias(g, true);
}

static inline void
put_from(generator *g, int32_t depth) {
    static const char *const joins[] = {"JOIN",       "INNER JOIN",      "LEFT JOIN",
                                        "RIGHT JOIN", "FULL OUTER JOIN", "LEFT OUTER JOIN",
                                        "SEMI JOIN",  "ANTI JOIN",       "LEFT SEMI JOIN"};
    static const char *const naturals[] = {"NATURAL JOIN", "NATURAL FULL JOIN",
                                           "NATURAL RIGHT OUTER JOIN"};
    put_relation(g, depth);
    for (int32_t i = roll(g, 4); i > 0; i--) {
        if (roll(g, 8) == 0) {
            static const char *const calls[] = {
                ", range(3)", ", LATERAL f(a, (SELECT 1)) AS f (x)",
                "CROSS JOIN generate_series(1, 2) WITH ORDINALITY g"};
            put(g, PICK(g, calls));
            continue;
        }
        if (roll(g, 3) == 0) {
            put(g, roll(g, 2) == 0 ? "," : "CROSS JOIN");
            put_relation(g, depth);
            continue;
        }
        if (roll(g, 6) == 0) {
            put(g, PICK(g, naturals));
            put_relation(g, depth);
            continue;
        }
        put(g, PICK(g, joins));
        put_relation(g, depth);
        if (roll(g, 2) == 0) {
            put(g, "ON");
            put_expr(g, depth);
        } else {
            put(g, "USING (k, \"v w\")");
        }
    }
    put(g, roll(g, 12) == 0 ? "," : "");
}

static inline void
put_items(generator *g, int32_t depth) {
    put(g, roll(g, 5) == 0 ? "SELECT DISTINCT" : "SELECT");
    for (int32_t i = roll(g, 4); i >= 0; i--) {
        if (roll(g, 6) == 0) {
            static const char *const behind[] = {"",
                                                 "",
                                                 "EXCLUDE a",
                                                 "EXCLUDE (a, t.\"b c\",)",
                                                 "EXCEPT (a)",
                                                 "REPLACE (a + 1 AS a) RENAME (b AS \"c d\")",
                                                 "REPLACE 1 AS a",
                                                 "LIKE 'a%'",
                                                 "NOT SIMILAR TO 'a' RENAME a AS b"};
            put(g, roll(g, 2) == 0 ? "*" : "t.*");
            put(g, PICK(g, behind));
        } else {
            put_expr(g, depth);
            put_alias(g, false);
        }
        put(g, i > 0 || roll(g, 8) == 0 ? "," : "");
    }
}

static inline void
put_limit(generator *g) {
    switch (roll(g, 9)) {
    case 0:
        put(g, "LIMIT 5 OFFSET ?");
        break;
    case 3:
        put(g, "LIMIT 5%");
        break;
    case 4:
        put(g, "LIMIT ? PERCENT OFFSET 1 ROWS");
        break;
    case 5:
        put(g, "FETCH FIRST 3 PERCENT ROWS ONLY");
        break;
    case 1:
        put(g, "OFFSET ? LIMIT ?");
        break;
    case 2:
        put(g, "LIMIT 1 + 1");
        break;
    default:
        break;
    }
}

static inline void
put_order(generator *g, int32_t depth) {
    static const char *const orders[] = {"", "ASC", "DESC", "NULLS FIRST", "DESC NULLS LAST"};
    if (roll(g, 12) == 0) {
        put(g, "ORDER BY ALL");
        put(g, PICK(g, orders));
    } else if (roll(g, 3) == 0) {
        put(g, "ORDER BY");
        for (int32_t i = roll(g, 3); i >= 0; i--) {
            put_expr(g, depth);
            put(g, PICK(g, orders));
            put(g, i > 0 || roll(g, 8) == 0 ? "," : "");
        }
    }
    put_limit(g);
}

static inline void
put_plain(generator *g, int32_t depth) {
    const bool from_first = roll(g, 5) == 0;
    if (from_first) {
        put(g, "FROM");
        put_from(g, depth);
        if (roll(g, 2) == 0) {
            put_items(g, depth);
        }
    } else {
        put_items(g, depth);
        if (roll(g, 5) != 0) {
            put(g, "FROM");
            put_from(g, depth);
        }
    }
    if (roll(g, 2) == 0) {
        put(g, "WHERE");
        put_expr(g, depth);
    }
    if (roll(g, 3) == 0) {
        put(g, "GROUP BY");
        if (roll(g, 3) == 0) {
            put(g, "ALL");
        } else if (roll(g, 3) == 0) {
            static const char *const sets[] = {
                "ROLLUP (a, (b, c), d,)", "DISTINCT GROUPING SETS ((a, b), a, (), CUBE (c, 1))",
                "a, CUBE (b + 1, c), GROUPING SETS ((a), ROLLUP (b))", "()", "(a, b), c"};
            put(g, PICK(g, sets));
        } else {
            put_list(g, depth, 1, true);
        }
    }
    if (roll(g, 4) == 0) {
        put(g, "HAVING");
        put_expr(g, depth);
    }
}

static inline void
put_rows(generator *g, int32_t width) {
    for (int32_t row = roll(g, 3); row >= 0; row--) {
        put(g, "(");
        for (int32_t i = 0; i < width; i++) {
            put_expr(g, 1);
            put(g, i + 1 < width ? "," : "");
        }
        put(g, row > 0 ? ")," : ")");
    }
}

static inline void
put_values(generator *g) {
    put(g, "VALUES");
    put_rows(g, 1 + roll(g, 3));
}

static inline void
put_term(generator *g, int32_t depth) {
    const int32_t kind = roll(g, 8);
    if (kind == 0) {
        put_values(g);
    } else if (kind == 1 && depth > 0) {
        put(g, "(");
        put_select(g, depth - 1);
        put(g, ")");
    } else {
        put_plain(g, depth);
    }
}

static inline void
put_select(generator *g, int32_t depth) {
    static const char *const unions[] = {"UNION", "UNION ALL", "UNION DISTINCT"};
    if (depth > 0 && roll(g, 6) == 0) {
        put(g, roll(g, 4) == 0 ? "WITH RECURSIVE a AS (" : "WITH a AS (");
        put_select(g, depth - 1);
        if (roll(g, 2) == 0) {
            put(g, "), \"v w\" (x, y,) AS (");
            put_select(g, depth - 1);
        }
        put(g, roll(g, 4) == 0 ? ")," : ")");
    }
    put_term(g, depth);
    for (int32_t i = roll(g, 4); i > 1; i--) {
        put(g, PICK(g, unions));
        put_term(g, depth);
    }
    put_order(g, depth);
}

#endif
