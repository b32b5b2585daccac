/* SPDX-License-Identifier: Apache-2.0 */
/* information.c - information_schema: what there is, in the words of the standard, which tools ask
 * for; and PRAGMA table_info. With the token.
 *
 * There is one catalog, "laminardb", with one schema, "main". Sources and tables are BASE TABLEs;
 * streams and views are VIEWs, as what they show is a query's. */
#include "db/system.h"

#define CATALOG_NAME TEXT("laminardb")
#define SCHEMA_NAME TEXT("main")

static const text none = {NULL, 0};

/* Texts into the columns from `at` on. */
static status
add_texts(db_listing *l, int32_t at, const text *cells, int32_t count, error *err) {
    for (int32_t i = 0; i < count; i++) {
        TRY(db_listing_text(l, at + i, cells[i], err));
    }
    return OK;
}

static bool
has_rows(const object *o) {
    return o->schema != NULL && o->kind != OBJECT_SINK;
}

static bool
is_base(const object *o) {
    return o->kind == OBJECT_SOURCE || o->kind == OBJECT_TABLE;
}

typedef status add_object(statement_context *c, db_listing *l, const object *o, error *err);

static status
list_objects(statement_context *c, const list_column *columns, int32_t count, add_object *add,
             laminar_result **out, error *err) {
    db_listing l;
    TRY(db_listing_open(&l, c->db->mem, columns, count, err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < catalog_count(c->db->catalog); i++) {
        const object *o = catalog_at(c->db->catalog, i);
        s = has_rows(o) ? add(c, &l, o, err) : OK;
    }
    return db_listing_close(&l, s, out, err);
}

/* ---------------------------------------------------------------------------------- objects */
static status
list_schemata(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {{"catalog_name", TYPE_TEXT},
                                          {"schema_name", TYPE_TEXT},
                                          {"schema_owner", TYPE_TEXT},
                                          {"default_character_set_catalog", TYPE_TEXT},
                                          {"default_character_set_schema", TYPE_TEXT},
                                          {"default_character_set_name", TYPE_TEXT},
                                          {"sql_path", TYPE_TEXT}};
    static const char *const names[] = {"information_schema", "laminar", "main"};
    db_listing               l;
    TRY(db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < ARRAY_COUNT(names); i++) {
        const text cells[] = {CATALOG_NAME, text_of(names[i]), CATALOG_NAME, none,
                              none,         TEXT("UTF8"),      none};
        s = add_texts(&l, 0, cells, ARRAY_COUNT(cells), err);
    }
    return db_listing_close(&l, s, out, err);
}

static status
add_table(statement_context *c, db_listing *l, const object *o, error *err) {
    (void)c;
    const text cells[] = {CATALOG_NAME,
                          SCHEMA_NAME,
                          o->name,
                          is_base(o) ? TEXT("BASE TABLE") : TEXT("VIEW"),
                          none,
                          none,
                          none,
                          none,
                          none,
                          is_base(o) ? TEXT("YES") : TEXT("NO"),
                          TEXT("NO"),
                          none,
                          text_of(object_kind_name(o->kind))};
    return add_texts(l, 0, cells, ARRAY_COUNT(cells), err);
}

static status
list_tables(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {{"table_catalog", TYPE_TEXT},
                                          {"table_schema", TYPE_TEXT},
                                          {"table_name", TYPE_TEXT},
                                          {"table_type", TYPE_TEXT},
                                          {"self_referencing_column_name", TYPE_TEXT},
                                          {"reference_generation", TYPE_TEXT},
                                          {"user_defined_type_catalog", TYPE_TEXT},
                                          {"user_defined_type_schema", TYPE_TEXT},
                                          {"user_defined_type_name", TYPE_TEXT},
                                          {"is_insertable_into", TYPE_TEXT},
                                          {"is_typed", TYPE_TEXT},
                                          {"commit_action", TYPE_TEXT},
                                          {"kind", TYPE_TEXT}};
    return list_objects(c, columns, ARRAY_COUNT(columns), add_table, out, err);
}

static status
add_view(statement_context *c, db_listing *l, const object *o, error *err) {
    (void)c;
    const text cells[] = {CATALOG_NAME, SCHEMA_NAME, o->name,   o->sql,
                          TEXT("NONE"), TEXT("NO"),  TEXT("NO")};
    return is_base(o) ? OK : add_texts(l, 0, cells, ARRAY_COUNT(cells), err);
}

static status
list_views(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {
        {"table_catalog", TYPE_TEXT},     {"table_schema", TYPE_TEXT}, {"table_name", TYPE_TEXT},
        {"view_definition", TYPE_TEXT},   {"check_option", TYPE_TEXT}, {"is_updatable", TYPE_TEXT},
        {"is_insertable_into", TYPE_TEXT}};
    return list_objects(c, columns, ARRAY_COUNT(columns), add_view, out, err);
}

/* ---------------------------------------------------------------------------------- columns */
typedef struct type_facts { /* -1: NULL */
    int64_t precision, radix, scale, time_precision;
} type_facts;

static type_facts
facts_of(data_type t) {
    type_facts f = {-1, -1, -1, -1};
    switch ((type_id)t.id) {
    case TYPE_F32:
        return (type_facts){24, 2, -1, -1};
    case TYPE_F64:
        return (type_facts){53, 2, -1, -1};
    case TYPE_DECIMAL:
        return (type_facts){t.precision, 10, t.scale, -1};
    case TYPE_DATE:
    case TYPE_TIMESTAMP_S:
        f.time_precision = 0;
        return f;
    case TYPE_TIMESTAMP_MS:
        f.time_precision = 3;
        return f;
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        f.time_precision = 6;
        return f;
    case TYPE_TIMESTAMP_NS:
        f.time_precision = 9;
        return f;
    default:
        return type_is_integer(t)
                   ? (type_facts){t.id == TYPE_I128 ? 128 : 8 * (int64_t)type_width(t), 2, 0, -1}
                   : f;
    }
}

static text
default_of(const object *o, int32_t at) {
    return o->defaults == NULL ? none : o->defaults[at].shown;
}

static status
add_columns(statement_context *c, db_listing *l, const object *o, error *err) {
    (void)c;
    for (int32_t i = 0; i < o->schema->count; i++) {
        const field     *f = &o->schema->fields[i];
        const type_facts facts = facts_of(f->type);
        const int64_t    numbers[] = {-1,          -1,          facts.precision,
                                      facts.radix, facts.scale, facts.time_precision};
        const text       names[] = {CATALOG_NAME, SCHEMA_NAME, o->name, f->name};
        const text       rest[] = {default_of(o, i), f->nullable ? TEXT("YES") : TEXT("NO"),
                                   text_of(type_name(f->type))};
        TRY(add_texts(l, 0, names, ARRAY_COUNT(names), err));
        TRY(db_listing_count(l, 4, i + 1, err));
        TRY(add_texts(l, 5, rest, ARRAY_COUNT(rest), err));
        for (int32_t k = 0; k < ARRAY_COUNT(numbers); k++) {
            TRY(numbers[k] < 0 ? column_append_null(&l->rows, 8 + k, err)
                               : db_listing_count(l, 8 + k, numbers[k], err));
        }
        const text after[] = {TEXT("NEVER"), TEXT("NO"), is_base(o) ? TEXT("YES") : TEXT("NO")};
        TRY(add_texts(l, 14, after, ARRAY_COUNT(after), err));
    }
    return OK;
}

static status
list_columns(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {{"table_catalog", TYPE_TEXT},
                                          {"table_schema", TYPE_TEXT},
                                          {"table_name", TYPE_TEXT},
                                          {"column_name", TYPE_TEXT},
                                          {"ordinal_position", TYPE_I64},
                                          {"column_default", TYPE_TEXT},
                                          {"is_nullable", TYPE_TEXT},
                                          {"data_type", TYPE_TEXT},
                                          {"character_maximum_length", TYPE_I64},
                                          {"character_octet_length", TYPE_I64},
                                          {"numeric_precision", TYPE_I64},
                                          {"numeric_precision_radix", TYPE_I64},
                                          {"numeric_scale", TYPE_I64},
                                          {"datetime_precision", TYPE_I64},
                                          {"is_generated", TYPE_TEXT},
                                          {"is_identity", TYPE_TEXT},
                                          {"is_updatable", TYPE_TEXT}};
    return list_objects(c, columns, ARRAY_COUNT(columns), add_columns, out, err);
}

/* ---------------------------------------------------------------------------------- constraints
 *
 * They have names of the form table_columns_pkey, _key, _not_null and _check, where none is given.
 */
static const char *
key_ending(const object_key *key) {
    return key->primary ? "pkey" : "key";
}

static status
name_key(buf *name, const object *o, const object_key *key, error *err) {
    name->size = 0;
    buf_append_text(name, o->name);
    for (int32_t i = 0; i < key->column_count; i++) {
        buf_printf(name, "_%.*s", TEXT_ARG(o->schema->fields[key->columns[i]].name));
    }
    buf_printf(name, "_%s", key_ending(key));
    return name->failed ? error_memory(err) : OK;
}

static status
name_check(buf *name, const object *o, int32_t at, error *err) {
    const object_check *check = &o->checks[at];
    name->size = 0;
    if (check->name.size > 0) {
        buf_append_text(name, check->name);
    } else {
        buf_printf(name, "%.*s_check%d", TEXT_ARG(o->name), at + 1);
    }
    return name->failed ? error_memory(err) : OK;
}

static status
add_constraint(db_listing *l, const object *o, text name, text type, error *err) {
    const text cells[] = {CATALOG_NAME, SCHEMA_NAME, name,       CATALOG_NAME, SCHEMA_NAME, o->name,
                          type,         TEXT("NO"),  TEXT("NO"), TEXT("YES"),  TEXT("YES")};
    return add_texts(l, 0, cells, ARRAY_COUNT(cells), err);
}

static status
add_constraints_named(buf *name, db_listing *l, const object *o, error *err) {
    for (int32_t i = 0; i < o->key_def_count; i++) {
        const object_key *key = &o->key_defs[i];
        TRY(name_key(name, o, key, err));
        TRY(add_constraint(l, o, buf_text(name),
                           key->primary ? TEXT("PRIMARY KEY") : TEXT("UNIQUE"), err));
    }
    for (int32_t i = 0; i < o->schema->count && is_base(o); i++) {
        if (!o->schema->fields[i].nullable) {
            name->size = 0;
            buf_printf(name, "%.*s_%.*s_not_null", TEXT_ARG(o->name),
                       TEXT_ARG(o->schema->fields[i].name));
            TRY(name->failed ? error_memory(err) : OK);
            TRY(add_constraint(l, o, buf_text(name), TEXT("CHECK"), err));
        }
    }
    for (int32_t i = 0; i < o->check_count; i++) {
        TRY(name_check(name, o, i, err));
        TRY(add_constraint(l, o, buf_text(name), TEXT("CHECK"), err));
    }
    return OK;
}

static status
add_constraints(statement_context *c, db_listing *l, const object *o, error *err) {
    buf name;
    buf_init(&name, c->db->mem, 1 << 20);
    const status s = add_constraints_named(&name, l, o, err);
    buf_fini(&name);
    return s;
}

static status
list_constraints(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {
        {"constraint_catalog", TYPE_TEXT}, {"constraint_schema", TYPE_TEXT},
        {"constraint_name", TYPE_TEXT},    {"table_catalog", TYPE_TEXT},
        {"table_schema", TYPE_TEXT},       {"table_name", TYPE_TEXT},
        {"constraint_type", TYPE_TEXT},    {"is_deferrable", TYPE_TEXT},
        {"initially_deferred", TYPE_TEXT}, {"enforced", TYPE_TEXT},
        {"nulls_distinct", TYPE_TEXT}};
    return list_objects(c, columns, ARRAY_COUNT(columns), add_constraints, out, err);
}

static status
add_key_usage(buf *name, db_listing *l, const object *o, error *err) {
    for (int32_t i = 0; i < o->key_def_count; i++) {
        const object_key *key = &o->key_defs[i];
        TRY(name_key(name, o, key, err));
        for (int32_t k = 0; k < key->column_count; k++) {
            const text cells[] = {CATALOG_NAME,
                                  SCHEMA_NAME,
                                  buf_text(name),
                                  CATALOG_NAME,
                                  SCHEMA_NAME,
                                  o->name,
                                  o->schema->fields[key->columns[k]].name};
            TRY(add_texts(l, 0, cells, ARRAY_COUNT(cells), err));
            TRY(db_listing_count(l, 7, k + 1, err));
            TRY(column_append_null(&l->rows, 8, err));
        }
    }
    return OK;
}

static status
add_key_columns(statement_context *c, db_listing *l, const object *o, error *err) {
    buf name;
    buf_init(&name, c->db->mem, 1 << 20);
    const status s = add_key_usage(&name, l, o, err);
    buf_fini(&name);
    return s;
}

static status
list_key_columns(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {{"constraint_catalog", TYPE_TEXT},
                                          {"constraint_schema", TYPE_TEXT},
                                          {"constraint_name", TYPE_TEXT},
                                          {"table_catalog", TYPE_TEXT},
                                          {"table_schema", TYPE_TEXT},
                                          {"table_name", TYPE_TEXT},
                                          {"column_name", TYPE_TEXT},
                                          {"ordinal_position", TYPE_I64},
                                          {"position_in_unique_constraint", TYPE_I64}};
    return list_objects(c, columns, ARRAY_COUNT(columns), add_key_columns, out, err);
}

static status
add_checks(statement_context *c, db_listing *l, const object *o, error *err) {
    buf    name;
    status s = OK;
    buf_init(&name, c->db->mem, 1 << 20);
    for (int32_t i = 0; s == OK && i < o->check_count; i++) {
        s = name_check(&name, o, i, err);
        const text cells[] = {CATALOG_NAME, SCHEMA_NAME, buf_text(&name), o->checks[i].shown};
        s = s < 0 ? s : add_texts(l, 0, cells, ARRAY_COUNT(cells), err);
    }
    buf_fini(&name);
    return s;
}

static status
list_checks(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {{"constraint_catalog", TYPE_TEXT},
                                          {"constraint_schema", TYPE_TEXT},
                                          {"constraint_name", TYPE_TEXT},
                                          {"check_clause", TYPE_TEXT}};
    return list_objects(c, columns, ARRAY_COUNT(columns), add_checks, out, err);
}

/* There are no foreign keys. */
static status
list_references(statement_context *c, laminar_result **out, error *err) {
    static const list_column columns[] = {{"constraint_catalog", TYPE_TEXT},
                                          {"constraint_schema", TYPE_TEXT},
                                          {"constraint_name", TYPE_TEXT},
                                          {"unique_constraint_catalog", TYPE_TEXT},
                                          {"unique_constraint_schema", TYPE_TEXT},
                                          {"unique_constraint_name", TYPE_TEXT},
                                          {"match_option", TYPE_TEXT},
                                          {"update_rule", TYPE_TEXT},
                                          {"delete_rule", TYPE_TEXT}};
    db_listing               l;
    TRY(db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err));
    return db_listing_close(&l, OK, out, err);
}

const system_table information_tables[] = {{"check_constraints", list_checks},
                                           {"columns", list_columns},
                                           {"key_column_usage", list_key_columns},
                                           {"referential_constraints", list_references},
                                           {"schemata", list_schemata},
                                           {"table_constraints", list_constraints},
                                           {"tables", list_tables},
                                           {"views", list_views},
                                           {NULL, NULL}};

/* ---------------------------------------------------------------------------------- PRAGMA */
static bool
in_primary_key(const object *o, int32_t at) {
    for (int32_t i = 0; i < o->key_def_count; i++) {
        for (int32_t k = 0; o->key_defs[i].primary && k < o->key_defs[i].column_count; k++) {
            if (o->key_defs[i].columns[k] == at) {
                return true;
            }
        }
    }
    return false;
}

status
information_table_info(statement_context *c, const object *o, laminar_result **out, error *err) {
    static const list_column columns[] = {{"cid", TYPE_I64},         {"name", TYPE_TEXT},
                                          {"type", TYPE_TEXT},       {"notnull", TYPE_BOOL},
                                          {"dflt_value", TYPE_TEXT}, {"pk", TYPE_BOOL}};
    db_listing               l;
    TRY(db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < o->schema->count; i++) {
        const field *f = &o->schema->fields[i];
        s = db_listing_count(&l, 0, i, err);
        s = s < 0 ? s : db_listing_text(&l, 1, f->name, err);
        s = s < 0 ? s : db_listing_text(&l, 2, text_of(type_name(f->type)), err);
        s = s < 0 ? s : column_append_i64(&l.rows, 3, !f->nullable, err);
        s = s < 0 ? s : db_listing_text(&l, 4, default_of(o, i), err);
        s = s < 0 ? s : column_append_i64(&l.rows, 5, in_primary_key(o, i), err);
    }
    return db_listing_close(&l, s, out, err);
}
