/* SPDX-License-Identifier: Apache-2.0 */
/* generate_statement.h - random statements of every kind, around the queries of generate.h. */
#ifndef LAMINAR_TEST_SQL_GENERATE_STATEMENT_H
#define LAMINAR_TEST_SQL_GENERATE_STATEMENT_H

#include "generate.h"

static inline void
put_emit(generator *g) {
    static const char *const emits[] = {
        "", "", "EMIT CHANGES", "EMIT ON WINDOW CLOSE", "EMIT FINAL", "EMIT ON UPDATE"};
    put(g, PICK(g, emits));
    put(g, roll(g, 5) == 0 ? "ALLOW LATENESS INTERVAL '5' SECOND" : "");
}

static inline void
put_options(generator *g) {
    static const char *const options[] = {"retain = 'x'", "\"a.b\" = -5", "'c' = TRUE",
                                          "d = INTERVAL '1' DAY", "e = 1.5"};
    put(g, "WITH (");
    for (int32_t i = roll(g, 3); i >= 0; i--) {
        put(g, PICK(g, options));
        put(g, i > 0 || roll(g, 4) == 0 ? "," : "");
    }
    put(g, ")");
}

static inline void
put_columns(generator *g) {
    static const char *const constraints[] = {
        "", "NOT NULL", "NULL", "DEFAULT 1 NOT NULL", "NOT NULL DEFAULT 'x' || 'y'",
    };
    static const char *const tables[] = {
        "",
        "",
        ", key_a INT, key_b INT, PRIMARY KEY (key_a, key_b)",
        ", key_a INT PRIMARY KEY, key_b INT NOT NULL UNIQUE DEFAULT 1",
        ", key_a INT, UNIQUE (key_a), CHECK (key_a > 1 OR key_a IS NULL)",
        ", key_a INT, key_b INT, UNIQUE (key_b, key_a), CONSTRAINT c CHECK (key_a < key_b)"};
    put(g, "(");
    for (int32_t i = roll(g, 4); i >= 0; i--) {
        put_name(g);
        put_type(g);
        put(g, PICK(g, constraints));
        put(g, i > 0 ? "," : "");
    }
    put(g, PICK(g, tables));
    if (roll(g, 3) == 0) {
        put(g, ", WATERMARK FOR ts");
        put(g, roll(g, 2) == 0 ? "AS ts - INTERVAL '5' SECOND" : "");
    }
    put(g, roll(g, 4) == 0 ? ",)" : ")");
}

static inline void
put_create(generator *g) {
    static const char *const objects[] = {"SOURCE", "TABLE", "STREAM", "MATERIALIZED VIEW", "VIEW"};
    const int32_t            object = roll(g, ARRAY_COUNT(objects));
    put(g, roll(g, 3) == 0 ? "CREATE OR REPLACE" : "CREATE");
    put(g, objects[object]);
    put(g, roll(g, 3) == 0 ? "IF NOT EXISTS" : "");
    put_name(g);
    if (object == 4 || (object == 1 && roll(g, 4) == 0)) {
        put(g, object == 4 && roll(g, 3) == 0 ? "(a, b)" : "");
        put(g, "AS");
        put_select(g, 2);
        return;
    }
    if (object < 2) {
        put_columns(g);
        put(g, object == 1 && roll(g, 4) == 0 ? "ON CONFLICT DO NOTHING" : "");
        if (roll(g, 2) == 0) {
            put_options(g);
        }
        return;
    }
    const int32_t where = roll(g, 3);
    if (where == 0) {
        put_options(g);
    }
    put(g, "AS");
    put_select(g, 2);
    put_emit(g);
    if (where == 1) {
        put_options(g);
    }
}

static inline void
put_sets(generator *g) {
    static const char *const columns[] = {"b1 =", "\"x y\" =", "c ="};
    const int32_t            count = 1 + roll(g, 3);
    put(g, "SET");
    for (int32_t i = 0; i < count; i++) {
        put(g, columns[i]);
        if (roll(g, 5) == 0) {
            put(g, "DEFAULT");
        } else {
            put_expr(g, 2);
        }
        put(g, i + 1 < count ? "," : "");
    }
}

static inline void
put_conflict(generator *g) {
    static const char *const actions[] = {"", "", "ON CONFLICT DO NOTHING",
                                          "ON CONFLICT (a, b) FAIL", "ON CONFLICT REPLACE"};
    if (roll(g, 3) > 0) {
        put(g, PICK(g, actions));
    } else {
        put(g, "ON CONFLICT (a) DO UPDATE");
        put_sets(g);
        if (roll(g, 2) == 0) {
            put(g, "WHERE");
            put_expr(g, 2);
        }
    }
    put(g, roll(g, 4) == 0 ? "RETURNING *, a + 1 AS x" : "");
}

static inline void
put_change(generator *g) {
    const int32_t kind = roll(g, 5);
    put(g, kind < 3 ? "UPDATE" : kind == 3 ? "DELETE FROM" : "TRUNCATE TABLE");
    put_name(g);
    if (kind == 4) {
        return;
    }
    put(g, roll(g, 3) == 0 ? "AS tt" : "");
    if (kind < 3) {
        put_sets(g);
    }
    if (roll(g, 3) == 0) {
        put(g, kind < 3 ? "FROM u1 JOIN u2 USING (k), u3" : "USING u1");
    }
    if (roll(g, 4) > 0) {
        put(g, "WHERE");
        put_expr(g, 2);
    }
    put(g, roll(g, 4) == 0 ? "RETURNING a" : "");
}

/* ALTER, BEGIN and the like, a few of each */
static inline void
put_rare(generator *g) {
    static const char *const alters[] = {"ALTER TABLE t ADD COLUMN b INT NOT NULL DEFAULT 1",
                                         "ALTER SOURCE IF EXISTS s ADD c VARCHAR(3)",
                                         "ALTER TABLE t DROP COLUMN \"x y\"",
                                         "ALTER TABLE t DROP b",
                                         "ALTER TABLE t DROP COLUMN IF EXISTS b RESTRICT",
                                         "ALTER SOURCE t RENAME a TO b",
                                         "ALTER TABLE t ALTER a SET DEFAULT 1 + 2",
                                         "ALTER SOURCE t ALTER COLUMN \"a b\" DROP DEFAULT",
                                         "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
                                         "ALTER TABLE t ALTER a DROP NOT NULL",
                                         "ALTER STREAM s RENAME TO \"Z\"",
                                         "ALTER SOURCE t SET (retain = 'all', b = 1)",
                                         "ALTER MATERIALIZED VIEW s RETRY",
                                         "ALTER TABLE t ADD IF NOT EXISTS d DECIMAL(5, 2)"};
    static const char *const transactions[] = {"BEGIN",
                                               "BEGIN TRANSACTION",
                                               "START TRANSACTION",
                                               "COMMIT",
                                               "COMMIT WORK",
                                               "END",
                                               "ROLLBACK",
                                               "ABORT",
                                               "ROLLBACK TRANSACTION"};
    static const char *const words[] = {"FLUSH", "CHECKPOINT", "RESTORE FROM CHECKPOINT 12"};
    put(g, roll(g, 3) == 0   ? PICK(g, words)
           : roll(g, 4) == 0 ? PICK(g, alters)
                             : PICK(g, transactions));
}

/* INDEX, SUBSCRIBE, and what an INSERT has besides rows */
static inline void
put_other(generator *g) {
    static const char *const others[] = {
        "CREATE INDEX i ON t (a)",
        "CREATE OR REPLACE INDEX \"i j\" ON t USING btree (a DESC NULLS LAST, \"b c\")",
        "CREATE INDEX IF NOT EXISTS i ON t (a ASC, b)",
        "CREATE LOOKUP TABLE l (a INT PRIMARY KEY)",
        "DROP INDEX IF EXISTS i",
        "SUBSCRIBE s WHERE a > 1 EMIT CHANGES",
        "SUBSCRIBE TO s",
        "SUBSCRIBE SELECT 1 EMIT CHANGES",
        "INSERT INTO t DEFAULT VALUES",
        "INSERT INTO t VALUES (DEFAULT, 1), (2, DEFAULT,) RETURNING a",
        "INSERT INTO t BY NAME SELECT 1 AS a",
        "INSERT INTO t (a) BY POSITION (SELECT 1)",
        "REPLACE INTO t VALUES (DEFAULT)",
        "WITH a AS MATERIALIZED (SELECT 1), b AS NOT MATERIALIZED (SELECT 2) INSERT INTO t FROM a",
        "WITH a AS (SELECT 1) INSERT INTO t FROM a ORDER BY 1 LIMIT 1",
        "SHOW ALL TABLES",
        "DESCRIBE",
        "TABLE t ORDER BY 1",
        "FROM a: t SELECT x: 1, \"y z\": x.f(y -> 1), x.list_filter(y -> y > 1)",
        "SELECT INTERVAL (a + 1) HOURS, ARRAY (SELECT a FROM t ORDER BY b), ARRAY (VALUES (1))",
        "SELECT a = ANY (b), a < ALL ([1, 2])",
    };
    put(g, PICK(g, others));
}

/* MERGE, and EXPLAIN of changes */
static inline void
put_merge(generator *g) {
    static const char *const merges[] = {
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET a = s.b, c = DEFAULT "
        "WHEN NOT MATCHED AND s.a > 1 THEN INSERT (a, \"b c\") VALUES (s.a, DEFAULT)",
        "MERGE INTO t AS x USING (SELECT 1 AS a) y USING (a, \"b\") WHEN MATCHED AND b IS NULL "
        "THEN "
        "DELETE WHEN MATCHED THEN UPDATE BY NAME WHEN NOT MATCHED BY TARGET THEN INSERT BY NAME "
        "WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING merge_action, *",
        "MERGE INTO t USING (a JOIN b USING (k)) ON TRUE WHEN NOT MATCHED THEN INSERT * WHEN "
        "MATCHED AND b > 1 THEN UPDATE SET * WHEN MATCHED THEN DO NOTHING",
        "WITH s AS (SELECT 1) MERGE INTO t USING s ON TRUE WHEN NOT MATCHED THEN INSERT DEFAULT "
        "VALUES WHEN MATCHED THEN ERROR 'x' || a WHEN NOT MATCHED BY SOURCE THEN ERROR",
        "MERGE INTO t USING s ON FALSE WHEN NOT MATCHED THEN INSERT VALUES (1, DEFAULT) WHEN "
        "MATCHED THEN UPDATE",
        "MERGE INTO t USING s ON FALSE WHEN NOT MATCHED AND a THEN INSERT WHEN NOT MATCHED THEN "
        "INSERT",
    };
    static const char *const explained[] = {
        "EXPLAIN INSERT INTO t SELECT 1",
        "EXPLAIN ANALYZE UPDATE t SET a = 1 WHERE b > 2",
        "EXPLAIN WITH q AS (SELECT 1) DELETE FROM t USING q",
        "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
        "EXPLAIN MERGE INTO t USING s ON TRUE WHEN MATCHED THEN DELETE",
    };
    put(g, roll(g, 4) == 0 ? PICK(g, explained) : PICK(g, merges));
}

static inline void
put_prepared(generator *g) {
    static const char *const statements[] = {
        "PREPARE p AS SELECT $1 + $2",
        "PREPARE \"a b\" AS INSERT INTO t VALUES (?, ?)",
        "EXECUTE p",
        "EXECUTE p(1, 'x', y => DATE '2024-01-01')",
        "EXECUTE p()",
        "DEALLOCATE p",
        "DEALLOCATE PREPARE \"a b\"",
        "DEALLOCATE ALL",
    };
    put(g, PICK(g, statements));
}

static inline void
put_insert(generator *g) {
    static const char *const verbs[] = {"INSERT INTO", "INSERT", "UPSERT INTO",
                                        "INSERT OR IGNORE INTO"};
    const int32_t            verb = roll(g, 6);
    put(g, verbs[verb < 4 ? verb : 0]);
    put_name(g);
    const int32_t width = 1 + roll(g, 3);
    if (roll(g, 4) == 0) {
        put_select(g, 2);
        return;
    }
    if (roll(g, 2) == 0) {
        put(g, "(");
        for (int32_t i = 0; i < width; i++) {
            put_name(g);
            put(g, i + 1 < width ? "," : "");
        }
        put(g, ")");
    }
    put(g, "VALUES");
    put_rows(g, width);
    if (verb < 2 || verb > 3) {
        put_conflict(g);
    }
}

/* SHOW, DESCRIBE, SET, RESET */
static inline void
put_admin(generator *g) {
    static const char *const fixed[] = {
        "SHOW SOURCES",
        "SHOW streams",
        "SHOW SINKS",
        "SHOW TABLES",
        "SHOW VIEWS",
        "SHOW FUNCTIONS",
        "SHOW QUERIES",
        "SHOW PIPELINES",
        "SHOW LIMITS",
        "SHOW ALL",
        "RESET ALL",
        "SHOW threads",
        "RESET threads",
        "SHOW COLUMNS FROM t1",
        "DESC t",
        "DESCRIBE t",
        "SHOW MATERIALIZED VIEWS",
        "SHOW CREATE t",
        "SHOW CREATE TABLE t",
        "SHOW CREATE MATERIALIZED VIEW \"a b\"",
        "SET a = 1",
        "SET a TO 'x'",
        "SET a = on",
        "SET durability = group",
        "SET a = DEFAULT",
        "SET a = -1.5",
        "SHOW \"all\"",
        "PRAGMA table_info('a b')",
        "PRAGMA table_info(t)",
        "PRAGMA show_tables",
        "PRAGMA threads",
        "PRAGMA threads = 4",
        "SET VARIABLE x = (SELECT 1) + 1",
        "SET VARIABLE \"a b\" TO [1, 2]",
        "SET variable = 1",
        "RESET VARIABLE x",
        "SELECT t.a FROM information_schema.tables t, INFORMATION_SCHEMA.\"columns\"",
        "SET a = INTERVAL '5' SECOND",
    };
    static const char *const resets[] = {"RESET ALL", "RESET threads", "RESET \"all\""};
    switch (roll(g, 6)) {
    case 0:
        put(g, "DESCRIBE");
        put_select(g, 2);
        return;
    case 1:
        put(g, PICK(g, resets));
        return;
    default:
        put(g, PICK(g, fixed));
        return;
    }
}

/* CREATE, START, STOP, PAUSE, RESUME, DROP PIPELINE; sinks */
static inline void
put_pipeline(generator *g) {
    static const char *const actions[] = {"START PIPELINE p", "STOP PIPELINE p",
                                          "PAUSE PIPELINE \"a b\"", "RESUME PIPELINE p",
                                          "DROP PIPELINE IF EXISTS p CASCADE"};
    static const char *const makes[] = {"CREATE PIPELINE p", "CREATE OR REPLACE PIPELINE \"a b\"",
                                        "CREATE PIPELINE IF NOT EXISTS p"};
    static const char *const sinks[] = {
        "CREATE SINK k FROM t WHERE a > 1 WITH (connector = 'file', path = 'x')",
        "CREATE OR REPLACE SINK k WITH (connector = 'python') AS SELECT a FROM t EMIT CHANGES",
        "CREATE SINK IF NOT EXISTS k AS SELECT a FROM t WITH (connector = 'python')"};
    static const char *const others[] = {
        "CREATE STREAM s IN PIPELINE p WITH (a = 1) AS SELECT a FROM t", "ALTER SINK k RETRY",
        "DROP SINK k", "SELECT m.value FROM laminar.metrics m, LAMINAR.\"errors\""};
    switch (roll(g, 4)) {
    case 0:
        put(g, PICK(g, actions));
        return;
    case 1:
        put(g, PICK(g, makes));
        return;
    case 2:
        put(g, PICK(g, sinks));
        return;
    default:
        put(g, PICK(g, others));
        return;
    }
}

/* COPY and SUMMARIZE */
static inline void
put_copy(generator *g) {
    static const char *const options[] = {"", "(FORMAT csv)",
                                          "WITH (header, DELIM ';', \"null\" = 'x')",
                                          "(header => FALSE, skip -1,)"};
    const bool               query = roll(g, 2) == 0;
    if (roll(g, 3) == 0) {
        put(g, "SUMMARIZE");
        if (query) {
            put_select(g, 2);
        } else {
            put_name(g);
        }
        return;
    }
    put(g, query ? "COPY (" : "COPY");
    if (query) {
        put_select(g, 2);
        put(g, ")");
    } else {
        put_name(g);
        put(g, roll(g, 3) == 0 ? "(a, \"b c\")" : "");
    }
    put(g, query || roll(g, 2) == 0 ? "TO 'dir/it''s.csv'" : "FROM 'x.jsonl'");
    put(g, PICK(g, options));
}

/* CREATE FUNCTION: a body sees its parameters alone. */
static inline void
put_function(generator *g) {
    static const char *const heads[] = {
        "CREATE FUNCTION f(a, b)", "CREATE OR REPLACE FUNCTION \"F x\"(a INT, \"b\" DECIMAL(5, 2))",
        "CREATE MACRO IF NOT EXISTS m(A, B VARCHAR := 'x')"};
    static const char *const bodies[] = {
        "AS a + b * $1",
        "AS sum(a) / count(b) FILTER (WHERE a > 0)",
        "RETURNS BIGINT LANGUAGE SQL AS $$ SELECT a + $2 $$",
        "AS 'SELECT max(x) FROM t WHERE k = a' LANGUAGE SQL IMMUTABLE",
        "AS TABLE SELECT x, a FROM t WHERE y > b ORDER BY x LIMIT a",
        "RETURNS TABLE (x INT) AS 'SELECT x FROM t WHERE y > b'",
        "AS list_transform(a, z -> z + b)",
        "AS CASE WHEN a IS NULL THEN (SELECT min(t.a) FROM t) ELSE b END",
    };
    put(g, PICK(g, heads));
    put(g, PICK(g, bodies));
}

static inline void
put_statement(generator *g) {
    static const char *const drops[] = {"DROP SOURCE",         "DROP STREAM IF EXISTS",
                                        "DROP TABLE",          "DROP MATERIALIZED VIEW",
                                        "DROP VIEW IF EXISTS", "DROP FUNCTION",
                                        "DROP MACRO IF EXISTS"};
    switch (roll(g, 17)) {
    case 16:
        put_merge(g);
        break;
    case 15:
        put_prepared(g);
        break;
    case 14:
        put_pipeline(g);
        break;
    case 13:
        put_other(g);
        break;
    case 12:
        put_function(g);
        break;
    case 11:
        put_copy(g);
        break;
    case 9:
        put_change(g);
        break;
    case 10:
        put_rare(g);
        break;
    case 0:
        put(g, PICK(g, drops));
        put_name(g);
        put(g, roll(g, 2) == 0 ? "CASCADE" : "");
        break;
    case 1:
        put_insert(g);
        break;
    case 2:
    case 3:
        put_create(g);
        break;
    case 4:
        put(g, roll(g, 2) == 0 ? "EXPLAIN ANALYZE" : "EXPLAIN");
        put_select(g, 2);
        put_emit(g);
        break;
    case 5:
        put_admin(g);
        break;
    default:
        put_select(g, 3);
        put_emit(g);
        break;
    }
}

#endif
