/* SPDX-License-Identifier: Apache-2.0 */
/* complete.c - laminar_database_complete: candidates for the word at a place, with the token held.
 * complete_place.c says what fits there. */
#include "db/complete.h"

#include "agg/agg.h"
#include "agg/over.h"
#include "db/pipeline.h"
#include "db/settings.h"
#include "db/system.h"
#include "expr/expr.h"

/* ---------------------------------------------------------------------------------- candidates */
typedef struct candidate {
    text        word;
    const char *kind;
    int32_t     rank;
} candidate;

typedef struct candidates {
    laminar_database *db;
    arena            *arena;
    const place      *place;
    candidate        *items;
    int32_t           count, capacity;
    bool              failed; /* memory */
} candidates;

static void
push(candidates *c, text word, const char *kind, int32_t rank) {
    for (int32_t i = c->count - 1; i >= 0 && i > c->count - 64; i--) {
        if (text_equal(c->items[i].word, word) && c->items[i].kind == kind) {
            return;
        }
    }
    if (c->count == c->capacity) {
        const int32_t room = c->capacity == 0 ? 64 : 2 * c->capacity;
        candidate    *grown = arena_alloc(c->arena, sizeof(*grown) * (size_t)room);
        if (grown == NULL) {
            c->failed = true;
            return;
        }
        if (c->count > 0) {
            memcpy(grown, c->items, sizeof(*grown) * (size_t)c->count);
        }
        c->items = grown;
        c->capacity = room;
    }
    c->items[c->count++] = (candidate){word, kind, rank};
}

static bool
fits(const candidates *c, text word) {
    const text prefix = c->place->prefix;
    return word.size >= prefix.size && text_equal_nocase((text){word.data, prefix.size}, prefix);
}

/* A name of the user's, quoted where it needs it or was begun so. */
static void
offer_name(candidates *c, text name, const char *kind, int32_t rank) {
    if (!fits(c, name)) {
        return;
    }
    if (!c->place->quoted && !sql_is_reserved(name)) {
        push(c, name, kind, rank);
        return;
    }
    char  *out = arena_alloc(c->arena, 2 * name.size + 2);
    size_t size = 0;
    if (out == NULL) {
        c->failed = true;
        return;
    }
    out[size++] = '"';
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '"') {
            out[size++] = '"';
        }
        out[size++] = name.data[i];
    }
    out[size++] = '"';
    push(c, (text){out, size}, kind, rank);
}

/* A word of the engine's, with the letters of what was begun. */
static void
offer_word(candidates *c, text word, const char *kind, int32_t rank, bool lower) {
    if (c->place->quoted || !fits(c, word)) {
        return;
    }
    char *out = arena_alloc(c->arena, word.size);
    if (out == NULL) {
        c->failed = true;
        return;
    }
    for (size_t i = 0; i < word.size; i++) {
        const char ch = word.data[i];
        out[i] = lower && ch >= 'A' && ch <= 'Z' ? (char)(ch | 0x20) : ch;
    }
    push(c, (text){out, word.size}, kind, rank);
}

/* Words of a list with commas between them. */
static void
offer_words(candidates *c, const char *list) {
    while (list != NULL && *list != '\0') {
        const char  *comma = strchr(list, ',');
        const size_t size = comma == NULL ? strlen(list) : (size_t)(comma - list);
        offer_word(c, (text){list, size}, "keyword", RANK_KEYWORD, c->place->lower);
        list = comma == NULL ? NULL : comma + 1;
    }
}

/* ---------------------------------------------------------------------------------- kinds */
static bool
has_rows(const object *o) {
    return o->kind != OBJECT_FUNCTION && o->kind != OBJECT_SINK && o->schema != NULL;
}

static void
offer_columns(candidates *c, const object *o, int32_t rank) {
    for (int32_t i = 0; i < o->schema->count; i++) {
        offer_name(c, o->schema->fields[i].name, "column", rank);
    }
}

static const object *
object_of(void *context, const from_item *f) {
    const candidates *c = context;
    const object *o = f->schema.size > 0 ? NULL : catalog_find(c->db->catalog, f->name, f->quoted);
    return o != NULL && has_rows(o) ? o : NULL;
}

static void
take_column(void *context, text name) {
    offer_name(context, name, "column", RANK_COLUMN);
}

static bool
is_called(const from_item *f, text name) {
    return text_equal_nocase(f->alias.size > 0 ? f->alias : f->name, name);
}

static void
offer_objects(candidates *c, bool (*wanted)(const object *o), int32_t rank) {
    for (int32_t i = 0; i < catalog_count(c->db->catalog); i++) {
        const object *o = catalog_at(c->db->catalog, i);
        if (wanted(o)) {
            offer_name(c, o->name, object_kind_name(o->kind), rank);
        }
    }
}

static bool
is_sink(const object *o) {
    return o->kind == OBJECT_SINK;
}

static bool
is_stream(const object *o) {
    return o->kind == OBJECT_STREAM;
}

static void
offer_system(candidates *c, text place_name) {
    const char *name;
    for (int32_t i = 0; (name = system_name_at(place_name, i)) != NULL; i++) {
        offer_word(c, text_of(name), "table", RANK_OBJECT, false);
    }
}

static void
offer_functions(candidates *c) {
    const char *name;
    for (int32_t i = 0; (name = highlight_function_at(i)) != NULL; i++) {
        const char first = name[0];
        if ((first >= 'a' && first <= 'z') || first == '_') {
            offer_word(c, text_of(name), "function", RANK_FUNCTION, false);
        }
    }
    const catalog *own = catalog_functions(c->db->catalog);
    for (int32_t i = 0; i < catalog_count(own); i++) {
        offer_name(c, catalog_at(own, i)->name, "function", RANK_FUNCTION);
    }
}

static void
offer_types(candidates *c) {
    for (int32_t i = 0; type_alias_at(i).data != NULL; i++) {
        offer_word(c, type_alias_at(i), "type", RANK_OBJECT, c->place->lower);
    }
}

static void
offer_settings(candidates *c) {
    for (int32_t i = 0; i < SETTING_COUNT; i++) {
        offer_word(c, text_of(setting_name(i)), "setting", RANK_OBJECT, false);
    }
    for (int32_t i = 0; i < LIMIT_COUNT; i++) {
        char      *name = arena_alloc(c->arena, 64);
        const bool made = name != NULL && snprintf(name, 64, "max_%s", limit_name(i)) < 64;
        c->failed = c->failed || name == NULL;
        if (made && c->place->prefix.size > 0) {
            offer_word(c, text_of(name), "setting", RANK_OBJECT, false);
        }
    }
}

/* ---------------------------------------------------------------------------------- the place */
/* Behind "name.": of an alias, an object or a schema. What nothing in FROM is called may be going
 * to be there. */
static void
offer_parts(candidates *c) {
    const place   *p = c->place;
    columns_reader r = {object_of, take_column, c, c->arena, COLUMNS_STEPS_MAX};
    for (int32_t i = 0; i < p->from_count; i++) {
        if (is_called(&p->from[i], p->qualifier)) {
            place_columns(p, &p->from[i], &r);
        }
    }
    if (p->from_count == 0) {
        const from_item f = {.name = p->qualifier, .at = p->tokens.word, .body = -1, .names = -1};
        place_columns(p, &f, &r);
    }
    offer_system(c, p->qualifier);
}

static void
offer_operands(candidates *c) {
    const place   *p = c->place;
    columns_reader r = {object_of, take_column, c, c->arena, COLUMNS_STEPS_MAX};
    for (int32_t i = 0; i < p->from_count; i++) {
        place_columns(p, &p->from[i], &r);
    }
    for (int32_t i = 0; i < p->from_count; i++) {
        const from_item *f = &p->from[i];
        offer_name(c, f->alias.size > 0 ? f->alias : f->name, "alias", RANK_ALIAS);
    }
    for (int32_t i = 0; p->from_count == 0 && i < catalog_count(c->db->catalog); i++) {
        const object *o = catalog_at(c->db->catalog, i);
        if (has_rows(o)) {
            offer_columns(c, o, RANK_COLUMN);
        }
    }
    if (p->prefix.size > 0) {
        offer_functions(c);
    }
}

static void
offer_relations(candidates *c) {
    const place *p = c->place;
    offer_objects(c, has_rows, RANK_OBJECT);
    for (int32_t i = 0; i < p->with_count; i++) {
        if (place_sees_with(p, i, p->tokens.word)) {
            offer_name(c, p->with[i].name, "table", RANK_OBJECT);
        }
    }
    if (p->prefix.size > 0) {
        static const char *const tables[] = {"generate_series", "range",       "unnest",
                                             "json_each",       "json_tree",   "read_csv",
                                             "read_json",       "read_parquet"};
        for (int32_t i = 0; i < ARRAY_COUNT(tables); i++) {
            offer_word(c, text_of(tables[i]), "function", RANK_FUNCTION, false);
        }
        offer_word(c, TEXT("laminar"), "table", RANK_FUNCTION, false);
        offer_word(c, TEXT("information_schema"), "table", RANK_FUNCTION, false);
    }
}

static void
offer_all(candidates *c) {
    const place *p = c->place;
    if (p->qualifier.data != NULL) {
        offer_parts(c);
        return;
    }
    if (p->wants & WANT_OPERAND) {
        offer_operands(c);
    }
    if (p->wants & WANT_RELATION) {
        offer_relations(c);
    }
    if (p->wants & WANT_STREAM) {
        offer_objects(c, is_stream, RANK_OBJECT);
    }
    if (p->wants & WANT_SINK) {
        offer_objects(c, is_sink, RANK_OBJECT);
    }
    if (p->wants & WANT_PIPELINE) {
        for (const db_pipeline *own = c->db->pipelines; own != NULL; own = own->next) {
            offer_name(c, own->name, "pipeline", RANK_OBJECT);
        }
    }
    if (p->wants & WANT_TYPE) {
        offer_types(c);
    }
    if (p->wants & WANT_SETTING) {
        offer_settings(c);
    }
    for (int32_t i = 0; i < PLACE_LISTS_MAX; i++) {
        offer_words(c, p->words[i]);
    }
}

/* ---------------------------------------------------------------------------------- the answer */
static int
compare(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->rank != y->rank) {
        return x->rank < y->rank ? -1 : 1;
    }
    return text_compare(x->word, y->word);
}

static status
answer(candidates *c, laminar_result **out, error *err) {
    static const list_column columns[] = {
        {"text", TYPE_TEXT}, {"kind", TYPE_TEXT}, {"start", TYPE_I64}};
    db_listing l;
    TRY(c->failed ? error_memory(err) : OK);
    if (c->count > 0) {
        qsort(c->items, (size_t)c->count, sizeof(*c->items), compare);
    }
    TRY(db_listing_open(&l, c->db->mem, columns, ARRAY_COUNT(columns), err));
    status s = OK;
    for (int32_t i = 0; s >= 0 && i < c->count; i++) {
        if (i > 0 && text_equal(c->items[i].word, c->items[i - 1].word)) {
            continue; /* an overload, or what two tables have */
        }
        s = db_listing_text(&l, 0, c->items[i].word, err);
        s = s < 0 ? s : db_listing_text(&l, 1, text_of(c->items[i].kind), err);
        s = s < 0 ? s : db_listing_count(&l, 2, c->place->start, err);
    }
    return db_listing_close(&l, s, out, err);
}

static status
complete(laminar_database *db, text sql, int32_t at, arena *a, laminar_result **out, error *err) {
    place      p;
    candidates c = {.db = db, .arena = a, .place = &p};
    TRY(place_find(&p, a, sql, at, err));
    TRY(db_enter(db, err));
    offer_all(&c);
    const status s = answer(&c, out, err);
    db_leave(db);
    return s;
}

laminar_status
laminar_database_complete(laminar_database *db, const char *sql, size_t size, size_t at,
                          laminar_result **out, laminar_error *err) {
    error  e = {0};
    arena  a;
    status s;
    *out = NULL;
    e.position = -1;
    if (at > size || size > SQL_TEXT_BYTES_MAX) {
        s = error_set(&e, ERR_INVALID_ARGUMENT, "place %zu is not in a text of %zu bytes", at,
                      size);
        return report(err, &e, s, TEXT(""));
    }
    s = db_check_open(db, &e);
    if (s == OK) {
        arena_init(&a, db->mem);
        s = complete(db, (text){sql, size}, (int32_t)at, &a, out, &e);
        arena_fini(&a);
    }
    return report(err, &e, s, TEXT(""));
}
