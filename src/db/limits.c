/* SPDX-License-Identifier: Apache-2.0 */
/* limits.c - the limits of statements: listed, and lowered by SET max_<name> = n while the database
 * is open. None goes above what it is when the database is opened. */
#include "sql/limits.h"
#include "db/statement.h"
#include "io/csv.h"
#include "io/json.h"

static const struct {
    const char *name;
    int64_t     highest;
    bool        lowered;
    const char *description;
} limits[] = {
#define LIMIT(name, value, description) {#name, value, false, description},
#define LOWERED(name, value, description) {#name, value, true, description},
#include "sql/limits.def"
#undef LIMIT
};

int32_t
db_limit(const laminar_database *db, limit_id at, int32_t highest) {
    const int64_t now = db->replaying ? 0 : atomic_load(&db->limits[at]);
    return now > 0 && (highest == 0 || now < highest) ? (int32_t)now : highest;
}

void
db_limits(const laminar_database *db, sql_limits *out) {
    for (int32_t i = 0; i < LIMIT_COUNT; i++) {
        out->now[i] = db->replaying ? 0 : atomic_load(&db->limits[i]);
    }
}

/* What is kept is made again by another start of the process, where nothing is lowered. */
eval_limits
db_eval_limits(const laminar_database *db) {
    return (eval_limits){.like_bytes = db_limit(db, LIMIT_like_pattern_bytes, 0),
                         .value_bytes = db_limit(db, LIMIT_value_bytes, 0),
                         .series_rows = db_limit(db, LIMIT_series_rows, 0),
                         .recursion_steps = db_limit(db, LIMIT_recursion_steps, 0)};
}

void
db_limits_of_files(const laminar_database *db, csv_options *o) {
    o->field_max = db_limit(db, LIMIT_csv_field_bytes, CSV_FIELD_MAX);
    o->depth_max = db_limit(db, LIMIT_json_depth, JSON_DEPTH_MAX);
}

const char *
limit_name(int32_t at) {
    return limits[at].name;
}

const char *
limit_description(int32_t at) {
    return limits[at].description;
}

/* Two of them are settings. */
int64_t
limit_value(const laminar_database *db, int32_t at) {
    if (at == LIMIT_sql_text_bytes) {
        return db_setting(db, SETTING_MAX_SQL_SIZE);
    }
    if (at == LIMIT_queries) {
        return db_setting(db, SETTING_MAX_CONCURRENT_QUERIES);
    }
    const int64_t now = atomic_load(&db->limits[at]);
    return now > 0 ? now : limits[at].highest;
}

status
limit_find(int32_t *out, text name, int32_t position, error *err) {
    *out = -1;
    if (name.size <= 4 || !text_equal_nocase((text){name.data, 4}, TEXT("max_"))) {
        return OK;
    }
    const text rest = {name.data + 4, name.size - 4};
    for (int32_t i = 0; i < LIMIT_COUNT; i++) {
        if (!text_equal_nocase(rest, text_of(limits[i].name))) {
            continue;
        }
        if (limits[i].lowered) {
            *out = i;
            return OK;
        }
        error_set_at(err, ERR_INVALID_ARGUMENT, position, "the limit %s cannot be set",
                     limits[i].name);
        return error_hint(err, "%s",
                          i == LIMIT_sql_text_bytes ? "SET max_sql_size = ..."
                          : i == LIMIT_queries      ? "SET max_concurrent_queries = ..."
                                                    : "SHOW LIMITS says what it is");
    }
    return OK;
}

status
limit_set(laminar_database *db, int32_t at, const value *v, int32_t position, error *err) {
    if (v->is_null || !type_is_integer(v->type) || value_wide(v) < 1 ||
        value_wide(v) > limits[at].highest) {
        return error_set_at(err, ERR_INVALID_ARGUMENT, position,
                            "max_%s must be a number from 1 to %lld: a limit is only lowered",
                            limits[at].name, (long long)limits[at].highest);
    }
    atomic_store(&db->limits[at], (int64_t)value_wide(v));
    return OK;
}

void
limit_reset(laminar_database *db, int32_t at) {
    for (int32_t i = 0; i < LIMIT_COUNT; i++) {
        if (at < 0 || at == i) {
            atomic_store(&db->limits[i], 0);
        }
    }
}
