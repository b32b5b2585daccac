/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - see settings.h. Values are integers inside: BOOLEAN 0 and 1, a choice its number, a
 * text its address, NULL the smallest integer. Readers take them without a lock, so a text stays
 * until the database is closed. */
#include "db/settings.h"

#include "db/durable.h"

#include "db/statement.h"
#include "expr/zone_file.h"
#include "op/spill.h"
#include "os/machine.h"
#include "plan/plan.h"
#include "sql/limits.h"

#define NONE INT64_MIN

typedef enum setting_kind {
    SETTING_INTEGER,
    SETTING_BOOLEAN,
    SETTING_CHOICE,
    SETTING_LENGTH, /* of time: milliseconds inside */
    SETTING_SIZE,   /* bytes */
    SETTING_TEXT,
    SETTING_ZONE, /* a text that names a time zone */
    SETTING_CPUS, /* likewise, processors */
    SETTING_KEPT  /* likewise, which rows a source keeps */
} setting_kind;

typedef struct kept_text kept_text;
struct kept_text {
    kept_text *next;
    text       text;
    char       bytes[];
};

typedef struct setting {
    const char  *name;
    setting_kind kind;
    const char  *choices; /* "a|b|c" */
    int64_t      lowest, highest, standard;
    const char  *description, *effect;
    text         text; /* the default of a text */
} setting;

static const setting settings[] = {
#define SETTING(id, name, kind, choices, lowest, highest, standard, description, effect)           \
    [SETTING_##id] = {#name,       kind,    choices,                                               \
                      lowest,      highest, standard,                                              \
                      description, effect,  {choices, sizeof(choices) - 1}},
#include "db/settings.def"
#undef SETTING
};

const char *
setting_name(int32_t at) {
    return settings[at].name;
}

const char *
setting_description(int32_t at) {
    return settings[at].description;
}

const char *
setting_effect(int32_t at) {
    return settings[at].effect;
}

/* Choice number `wanted` of "a|b|c"; data NULL: there are fewer. */
static text
choice_at(const char *choices, int64_t wanted) {
    const char *at = choices;
    for (int64_t i = 0; at != NULL; i++) {
        const char  *bar = strchr(at, '|');
        const size_t size = bar == NULL ? strlen(at) : (size_t)(bar - at);
        if (i == wanted) {
            return (text){at, size};
        }
        at = bar == NULL ? NULL : bar + 1;
    }
    return (text){NULL, 0};
}

static value value_of(const setting *k, int64_t now);

value
setting_value(const laminar_database *db, int32_t at) {
    return value_of(&settings[at], atomic_load(&db->settings[at]));
}

value
setting_default(const laminar_database *db, int32_t at) {
    return value_of(&settings[at], db->opened_with[at]);
}

static value
value_of(const setting *k, int64_t now) {
    value v = value_i64(now);
    switch (k->kind) {
    case SETTING_INTEGER:
    case SETTING_LENGTH:
    case SETTING_SIZE:
        break;
    case SETTING_BOOLEAN:
        v.type = type_of(TYPE_BOOL);
        v.b = now != 0;
        break;
    case SETTING_CHOICE:
        v.type = type_of(TYPE_TEXT);
        v.s = choice_at(k->choices, now);
        break;
    case SETTING_TEXT:
    case SETTING_ZONE:
    case SETTING_CPUS:
    case SETTING_KEPT:
        v.type = type_of(TYPE_TEXT);
        v.s = now == NONE ? (text){NULL, 0} : *(const text *)(intptr_t)now;
        break;
    }
    v.is_null = now == NONE;
    return v;
}

bool
setting_exists(text name) {
    for (int32_t i = 0; i < SETTING_COUNT; i++) {
        if (text_equal_nocase(text_of(settings[i].name), name)) {
            return true;
        }
    }
    return false;
}

status
setting_find(int32_t *at, text name, int32_t position, error *err) {
    text names[SETTING_COUNT];
    for (int32_t i = 0; i < SETTING_COUNT; i++) {
        names[i] = text_of(settings[i].name);
        if (text_equal_nocase(names[i], name)) {
            *at = i;
            return OK;
        }
    }
    error_set_at(err, ERR_INVALID_ARGUMENT, position, "there is no setting \"%.*s\"",
                 TEXT_ARG(name));
    const int32_t nearest = text_nearest(name, names, SETTING_COUNT);
    if (nearest >= 0) {
        error_hint(err, "did you mean \"%.*s\"?", TEXT_ARG(names[nearest]));
    } else {
        error_hint(err, "SHOW ALL lists what there is");
    }
    return ERR_INVALID_ARGUMENT;
}

status
setting_current(value *out, const void *db, text name, int32_t position, error *err) {
    int32_t at;
    if (limit_find(&at, name, position, NULL) == OK && at >= 0) {
        *out = value_i64(limit_value(db, at));
        return OK;
    }
    TRY(setting_find(&at, name, position, err));
    *out = setting_value(db, at);
    return OK;
}

void
settings_started(laminar_database *db) {
    const int64_t skew = atomic_load(&db->settings[SETTING_MAX_FUTURE_SKEW]);
    const int64_t size = atomic_load(&db->settings[SETTING_MAX_TEMP_DIRECTORY_SIZE]);
    const int64_t folder = atomic_load(&db->settings[SETTING_TEMP_DIRECTORY]);
    spill_place  *place = engine_spill(db->engine);
    cpu_list      cpus;
    (void)cpu_list_read(&cpus, setting_value(db, SETTING_CPU_AFFINITY).s);
    engine_pin_threads(db->engine, &cpus);
    queue_pin_worker(db, &cpus);
    engine_use_threads(db->engine, db_threads(db));
    engine_set_sharing(db->engine, atomic_load(&db->settings[SETTING_SHARE_STATE]) != 0);
    engine_set_future_skew(db->engine, skew == NONE ? 0 : sat_mul_i64(skew, 1000));
    atomic_store(&place->bytes_limit, size == NONE ? INT64_MAX : size);
    atomic_store(&place->directory, folder == NONE ? NULL : (const text *)(intptr_t)folder);
}

/* What others keep of a setting. */
static void
apply(laminar_database *db, int32_t at, int64_t v) {
    atomic_store(&db->settings[at], v);
    switch (at) {
    case SETTING_BUFFER_SIZE: /* who waits for room looks again */
        atomic_fetch_add(&db->queue.room, 1);
        futex_wake_all(&db->queue.room);
        break;
    case SETTING_MEMORY_LIMIT:
        atomic_store(&db->mem->bytes_limit, v == NONE ? INT64_MAX : v);
        break;
    case SETTING_CPU_AFFINITY:
    case SETTING_MAX_FUTURE_SKEW:
    case SETTING_SHARE_STATE:
    case SETTING_THREADS:
    case SETTING_MAX_TEMP_DIRECTORY_SIZE:
    case SETTING_TEMP_DIRECTORY:
        if (db->engine != NULL) {
            settings_started(db);
        }
        break;
    default:
        break;
    }
}

int64_t
settings_memory_limit(void) {
    return machine_memory() / 2;
}

void
settings_init(laminar_database *db, const laminar_options *options) {
    for (int32_t i = 0; i < SETTING_COUNT; i++) {
        const bool is_text = settings[i].kind >= SETTING_TEXT;
        atomic_store(&db->settings[i],
                     is_text ? (int64_t)(intptr_t)&settings[i].text : settings[i].standard);
    }
    atomic_store(&db->settings[SETTING_MEMORY_LIMIT], settings_memory_limit());
    const struct {
        int32_t at;
        int64_t given;
    } from[] = {{SETTING_BUFFER_SIZE, options->buffer_size},
                {SETTING_INSERT_TIMEOUT_MS, options->insert_timeout_ms},
                {SETTING_MEMORY_LIMIT, options->memory_limit},
                {SETTING_THREADS, options->threads},
                {SETTING_BATCH_SIZE, options->batch_size},
                {SETTING_MAX_CONCURRENT_QUERIES, options->max_concurrent_queries},
                {SETTING_MAX_SQL_SIZE, options->max_sql_size},
                {SETTING_MAX_LAG_BYTES, options->max_lag_bytes},
                {SETTING_MAX_TEMP_DIRECTORY_SIZE, options->max_temp_directory_size},
                {SETTING_STATEMENT_TIMEOUT_MS, options->statement_timeout_ms},
                {SETTING_MAX_FUTURE_SKEW, options->max_future_skew_ms},
                {SETTING_DURABILITY, (int64_t)options->durability},
                {SETTING_CHECKPOINT_INTERVAL_MS, options->checkpoint_interval_ms},
                {SETTING_WAL_LIMIT_BYTES, options->wal_limit_bytes},
                {SETTING_WAL_SEGMENT_BYTES, options->wal_segment_bytes},
                {SETTING_CHECKPOINT_RETENTION, options->checkpoint_retention}};
    for (int32_t i = 0; i < ARRAY_COUNT(from); i++) {
        const int64_t v =
            from[i].given > 0 ? from[i].given : atomic_load(&db->settings[from[i].at]);
        apply(db, from[i].at, v);
    }
    apply(db, SETTING_EXTERNAL_ACCESS, !options->no_external_access);
    atomic_store(&db->settings[SETTING_DETERMINISTIC], options->deterministic);
    if (options->deterministic && options->seed != 0) {
        atomic_store(&db->settings[SETTING_RANDOM_SEED], (int64_t)(options->seed & INT64_MAX));
    }
    atomic_store(&db->settings[SETTING_STORAGE_DIR], NONE);
    for (int32_t i = 0; i < SETTING_COUNT; i++) {
        db->opened_with[i] = atomic_load(&db->settings[i]);
    }
}

static status
keep_text(laminar_database *db, text t, const text **out, error *err) {
    for (const kept_text *k = db->setting_texts; k != NULL; k = k->next) {
        if (text_equal(k->text, t)) {
            *out = &k->text;
            return OK;
        }
    }
    kept_text *k = mem_alloc(db->mem, sizeof(*k) + t.size + 1);
    if (k == NULL) {
        return error_memory(err);
    }
    memcpy(k->bytes, t.data, t.size);
    k->bytes[t.size] = '\0';
    k->text = (text){k->bytes, t.size};
    k->next = db->setting_texts;
    db->setting_texts = k;
    *out = &k->text;
    return OK;
}

void
settings_fini(laminar_database *db) {
    while (db->setting_texts != NULL) {
        kept_text *k = db->setting_texts;
        db->setting_texts = k->next;
        mem_free(db->mem, k, sizeof(*k) + k->text.size + 1);
    }
}

/* ---------------------------------------------------------------------------------- SET */
static status
refuse(const setting *k, const value *v, int32_t position, error *err) {
    char         written[VALUE_TEXT_MAX];
    const text   shown = v->is_null                ? TEXT("NULL")
                         : v->type.id == TYPE_TEXT ? v->s
                                                   : (text){written, value_write(v, written)};
    const bool   typed = k->kind == SETTING_LENGTH    ? !v->is_null
                         : k->kind == SETTING_INTEGER ? type_is_integer(v->type)
                         : k->kind == SETTING_SIZE    ? type_is_integer(v->type)
                         : k->kind >= SETTING_TEXT    ? v->type.id == TYPE_TEXT
                                                      : v->type.id == TYPE_TEXT || v->is_null;
    const status s =
        typed || (v->is_null && k->standard == NONE) ? ERR_INVALID_ARGUMENT : ERR_WRONG_TYPE;
    switch (k->kind) {
    case SETTING_INTEGER:
        if (k->highest == INT64_MAX) {
            return error_set_at(err, s, position,
                                "%s must be an integer of at least %lld, not %.*s", k->name,
                                (long long)k->lowest, TEXT_ARG(shown));
        }
        return error_set_at(err, s, position, "%s must be an integer from %lld to %lld, not %.*s",
                            k->name, (long long)k->lowest, (long long)k->highest, TEXT_ARG(shown));
    case SETTING_SIZE:
        error_set_at(err, s, position,
                     k->highest == INT64_MAX ? "%s must be an integer of at least %lld, not %.*s"
                                             : "%s must be at least %lld bytes, not %.*s",
                     k->name, (long long)k->lowest, TEXT_ARG(shown));
        if (k->highest < INT64_MAX) {
            return error_hint(err, "and at most %lld bytes: write '4 MB', or 4000000",
                              (long long)k->highest);
        }
        return error_hint(err, "write '4 GB', or bytes: 4000000000");
    case SETTING_BOOLEAN:
        return error_set_at(err, s, position, "%s must be true or false, not %.*s", k->name,
                            TEXT_ARG(shown));
    case SETTING_LENGTH:
        error_set_at(err, s, position, "%s must be a length of time of at least 1 ms, not %.*s",
                     k->name, TEXT_ARG(shown));
        return error_hint(err, "write '10 s', or milliseconds: 10000");
    case SETTING_TEXT:
        return error_set_at(err, s, position, "%s must be a text of %lld to %lld bytes, not %.*s",
                            k->name, (long long)k->lowest, (long long)k->highest,
                            (int)min_i64((int64_t)shown.size, 100), shown.data);
    case SETTING_ZONE:
        error_set_at(err, s, position, "%s: there is no time zone '%.*s'", k->name,
                     (int)min_i64((int64_t)shown.size, 100), shown.data);
        return zone_hint(err);
    case SETTING_CPUS:
        error_set_at(err, s, position, "%s must name processors of this process, not '%.*s'",
                     k->name, (int)min_i64((int64_t)shown.size, 100), shown.data);
        return error_hint(err, "write '0-3', '0,2' or 'all'");
    case SETTING_KEPT:
        error_set_at(err, s, position, "%s must say which rows a source keeps, not '%.*s'", k->name,
                     (int)min_i64((int64_t)shown.size, 100), shown.data);
        return error_hint(err, "write 'all', '1 hour', '1000000 rows' or 'none'");
    case SETTING_CHOICE:
        return error_set_at(err, s, position, "%s must be one of %s, not %.*s", k->name, k->choices,
                            TEXT_ARG(shown));
    }
    UNREACHABLE();
}

static bool
read_boolean(const value *v, int64_t *out) {
    static const char *const yes[] = {"true", "on", "yes", "1"};
    static const char *const no[] = {"false", "off", "no", "0"};
    if (v->type.id == TYPE_BOOL || (type_is_integer(v->type) && (v->i == 0 || v->i == 1))) {
        *out = v->type.id == TYPE_BOOL ? v->b : v->i;
        return true;
    }
    for (int32_t i = 0; v->type.id == TYPE_TEXT && i < ARRAY_COUNT(yes); i++) {
        if (text_equal_nocase(v->s, text_of(yes[i])) || text_equal_nocase(v->s, text_of(no[i]))) {
            *out = text_equal_nocase(v->s, text_of(yes[i]));
            return true;
        }
    }
    return false;
}

static bool
read_choice(const setting *k, const value *v, int64_t *out) {
    for (int64_t i = 0; v->type.id == TYPE_TEXT; i++) {
        const text choice = choice_at(k->choices, i);
        if (choice.data == NULL) {
            return false;
        }
        if (text_equal_nocase(choice, v->s)) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* '4GB', '1.5 GiB', '100 bytes' */
static bool
read_size(const value *v, int64_t *out) {
    static const struct {
        const char *name;
        double      bytes;
    } units[] = {{"B", 1},     {"bytes", 1},    {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},
                 {"TB", 1e12}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
    if (v->type.id != TYPE_TEXT) {
        return false;
    }
    size_t digits = 0;
    while (digits < v->s.size && strchr("0123456789.", v->s.data[digits]) != NULL) {
        digits++;
    }
    text unit = {v->s.data + digits, v->s.size - digits};
    while (unit.size > 0 && unit.data[0] == ' ') {
        unit.data++;
        unit.size--;
    }
    value number;
    if (value_parse(&number, type_of(TYPE_F64), (text){v->s.data, digits}, NULL) < 0) {
        return false;
    }
    for (int32_t i = 0; i < ARRAY_COUNT(units); i++) {
        const double bytes = number.d * units[i].bytes;
        if (text_equal_nocase(unit, text_of(units[i].name)) && bytes < 0x1p63) {
            *out = (int64_t)bytes;
            return true;
        }
    }
    return false;
}

/* '10 s' and INTERVALs as milliseconds; a month has no one length. */
static bool
read_length(const value *v, int64_t *out) {
    value length;
    if (v->type.id != TYPE_TEXT && v->type.id != TYPE_INTERVAL) {
        return false;
    }
    if (value_cast(&length, v, type_of(TYPE_INTERVAL), NULL, NULL) < 0 || length.iv.months != 0) {
        return false;
    }
    *out = sat_add_i64(sat_mul_i64(length.iv.days, 86400000), length.iv.us / 1000);
    return *out >= 1;
}

static status
read_text(laminar_database *db, int64_t *out, const setting *k, const value *v, bool *fits,
          error *err) {
    const text *kept = NULL;
    *fits = v->type.id == TYPE_TEXT && (int64_t)v->s.size >= k->lowest &&
            (int64_t)v->s.size <= k->highest && text_is_storable(v->s);
    if (!*fits) {
        return OK;
    }
    TRY(keep_text(db, v->s, &kept, err));
    *out = (int64_t)(intptr_t)kept;
    return OK;
}

/* What is unknown is said now, not by the first row. */
static status
read_zone(laminar_database *db, int64_t *out, const setting *k, const value *v, bool *fits,
          error *err) {
    arena a;
    zone  z;
    arena_init(&a, db->mem);
    const status s = v->type.id == TYPE_TEXT ? zone_open(&z, v->s, &a, NULL) : ERR_INVALID_ARGUMENT;
    arena_fini(&a);
    *fits = s == OK;
    if (s == ERR_OUT_OF_MEMORY) {
        return error_memory(err);
    }
    return *fits ? read_text(db, out, k, v, fits, err) : OK;
}

static status
read_cpus(laminar_database *db, int64_t *out, const setting *k, const value *v, bool *fits,
          error *err) {
    cpu_list cpus;
    *fits = v->type.id == TYPE_TEXT && cpu_list_read(&cpus, v->s);
    return *fits ? read_text(db, out, k, v, fits, err) : OK;
}

static status
read_retain(laminar_database *db, int64_t *out, const setting *k, const value *v, bool *fits,
            error *err) {
    arena          a;
    const plan_env env = db_plan_env(db);
    arena_init(&a, db->mem);
    const status s =
        v->type.id == TYPE_TEXT ? plan_check_retain(&env, &a, v->s, NULL) : ERR_INVALID_ARGUMENT;
    arena_fini(&a);
    *fits = s == OK;
    if (s == ERR_OUT_OF_MEMORY) {
        return error_memory(err);
    }
    return *fits ? read_text(db, out, k, v, fits, err) : OK;
}

static status
read_value(laminar_database *db, int64_t *out, const setting *k, const value *v, int32_t position,
           error *err) {
    bool fits = false;
    if (v->is_null) {
        *out = NONE;
        fits = k->standard == NONE;
    } else if (k->kind == SETTING_TEXT) {
        TRY(read_text(db, out, k, v, &fits, err));
    } else if (k->kind == SETTING_KEPT) {
        TRY(read_retain(db, out, k, v, &fits, err));
    } else if (k->kind == SETTING_CPUS) {
        TRY(read_cpus(db, out, k, v, &fits, err));
    } else if (k->kind == SETTING_ZONE) {
        TRY(read_zone(db, out, k, v, &fits, err));
    } else if (k->kind == SETTING_BOOLEAN) {
        fits = read_boolean(v, out);
    } else if (k->kind == SETTING_CHOICE) {
        fits = read_choice(k, v, out);
    } else if (k->kind == SETTING_LENGTH && !type_is_integer(v->type)) {
        fits = read_length(v, out);
    } else if (k->kind == SETTING_SIZE && v->type.id == TYPE_TEXT) {
        fits = read_size(v, out) && *out >= k->lowest && *out <= k->highest;
    } else if (type_is_integer(v->type)) {
        *out = v->i;
        fits = v->i >= k->lowest && v->i <= k->highest;
    }
    return fits ? OK : refuse(k, v, position, err);
}

/* To what the database was opened with; files that are out of reach stay there. */
static void
reset(laminar_database *db, int32_t at) {
    if (at != SETTING_EXTERNAL_ACCESS) {
        apply(db, at, db->opened_with[at]);
    }
}

static status
take_text(laminar_database *db, int32_t at, const char *given, error *err) {
    value   v = {.type = type_of(TYPE_TEXT), .s = text_of(given)};
    int64_t number = NONE;
    if (given == NULL) {
        return OK;
    }
    if (given[0] == '\0') {
        v.is_null = true;
    }
    TRY(read_value(db, &number, &settings[at], &v, -1, err));
    db->opened_with[at] = number;
    atomic_store(&db->settings[at], number);
    return OK;
}

status
settings_take_texts(laminar_database *db, const laminar_options *options, error *err) {
    TRY(take_text(db, SETTING_TEMP_DIRECTORY, options->temp_directory, err));
    TRY(take_text(db, SETTING_CPU_AFFINITY, options->cpu_affinity, err));
    TRY(take_text(db, SETTING_STORAGE_DIR, options->storage_dir, err));
    return take_text(db, SETTING_RETAIN, options->retain, err);
}

status
db_check_external(const laminar_database *db, int32_t position, error *err) {
    if (db_setting(db, SETTING_EXTERNAL_ACCESS) != 0 || db->replaying) {
        return OK;
    }
    error_set_at(err, ERR_QUERY_FAILED, position,
                 "files are out of reach: external_access is false in this database");
    return error_hint(err, "open it with external_access = true; insert takes rows of the program");
}

static bool
is_fixed(int32_t at) {
    return at == SETTING_DETERMINISTIC || at == SETTING_RANDOM_SEED || at == SETTING_STORAGE_DIR;
}

static status
run_set(statement_context *c, const ast_statement *st, error *err) {
    int32_t at;
    value   v;
    int64_t number = NONE;
    TRY(limit_find(&at, st->name.text, st->name.position, err));
    if (at >= 0 && (st->kind == AST_RESET || st->value == NULL)) {
        limit_reset(c->db, at);
        return OK;
    }
    if (at >= 0) {
        TRY(plan_constant(&v, &c->arena, &c->env, st->value, "SET", err));
        return limit_set(c->db, at, &v, st->value->position, err);
    }
    TRY(setting_find(&at, st->name.text, st->name.position, err));
    if (is_fixed(at)) {
        return error_set_at(err, ERR_INVALID_ARGUMENT, st->name.position,
                            "%s is set when a database is opened", settings[at].name);
    }
    if (st->kind == AST_RESET || st->value == NULL) {
        reset(c->db, at);
        return OK;
    }
    TRY(plan_constant(&v, &c->arena, &c->env, st->value, "SET", err));
    TRY(read_value(c->db, &number, &settings[at], &v, st->value->position, err));
    if (at == SETTING_EXTERNAL_ACCESS && number > db_setting(c->db, at)) {
        error_set_at(err, ERR_INVALID_ARGUMENT, st->value->position,
                     "external_access is false, and stays so until the database is closed");
        return error_hint(err, "whoever opens a database says what its statements may reach");
    }
    const bool lowered = at == SETTING_MAX_SQL_SIZE || at == SETTING_MAX_CONCURRENT_QUERIES;
    if (lowered && number > c->db->opened_with[at] && !c->db->replaying) {
        error_set_at(err, ERR_INVALID_ARGUMENT, st->value->position,
                     "%s is only lowered while the database is open: at most %lld",
                     settings[at].name, (long long)c->db->opened_with[at]);
        return error_hint(err, "open it with %s = %lld", settings[at].name, (long long)number);
    }
    apply(c->db, at, number);
    return OK;
}

status
settings_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    const bool all = st->kind == AST_RESET && st->name.text.data == NULL;
    TRY(answer_ddl(out, c->db->mem, st->kind == AST_SET ? "SET" : "RESET",
                   all ? TEXT("ALL") : st->name.text, err));
    status s = db_enter(c->db, err);
    if (s == OK) {
        for (int32_t i = 0; all && i < SETTING_COUNT; i++) {
            reset(c->db, i);
        }
        if (all) {
            limit_reset(c->db, -1);
        }
        s = all ? OK : run_set(c, st, err);
        db_leave(c->db);
    }
    s = s < 0 || c->db->replaying ? s : durable_settings_changed(c->db, err);
    if (s < 0) {
        laminar_result_free(*out);
        *out = NULL;
    }
    return s;
}
