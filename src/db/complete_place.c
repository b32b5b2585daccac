/* SPDX-License-Identifier: Apache-2.0 */
/* complete_place.c - see complete.h. The statement around the place is read as a row of tokens: the
 * word that is typed, what stands before it, and the clause that it is in. */
#include "db/complete.h"

/* ---------------------------------------------------------------------------------- tokens */
static bool
push(tokens *t, arena *a, token item) {
    if (t->count == t->capacity) {
        const int32_t room = t->capacity == 0 ? 64 : 2 * t->capacity;
        token        *grown = arena_alloc(a, sizeof(*grown) * (size_t)room);
        if (grown == NULL) {
            return false;
        }
        if (t->count > 0) {
            memcpy(grown, t->items, sizeof(*grown) * (size_t)t->count);
        }
        t->items = grown;
        t->capacity = room;
    }
    t->items[t->count++] = item;
    return true;
}

static bool
is_open_name(const tokens *t, token item) {
    return item.kind == TOKEN_BAD && t->sql.data[item.start] == '"';
}

/* A comment behind `from` that `at` is in. */
static bool
in_comment(text sql, int32_t from, int32_t at) {
    int32_t start, end = from;
    bool    ends;
    while (token_comment(sql, end, &start, &end, &ends) && start < at) {
        const bool is_line = sql.data[start] == '-';
        if (at < end || !ends || (is_line && at == end)) {
            return true;
        }
    }
    return false;
}

/* The token that `at` is in or touches. */
static void
look_at(tokens *t, place *out, token item, int32_t at) {
    const bool name =
        item.kind == TOKEN_WORD || item.kind == TOKEN_QUOTED_NAME || is_open_name(t, item);
    const bool closed = item.kind == TOKEN_QUOTED_NAME && at == item.end;
    if (name && !closed) {
        const int32_t skip = item.kind != TOKEN_WORD;
        out->start = item.start;
        out->quoted = skip == 1;
        out->prefix = (text){t->sql.data + item.start + skip, (size_t)(at - item.start - skip)};
        return;
    }
    t->nothing = at < item.end || (item.kind != TOKEN_SYMBOL && item.kind != TOKEN_QUOTED_NAME);
    t->word++;
}

static bool
read_tokens(tokens *t, place *out, arena *a, int32_t at) {
    int32_t behind = 0;
    *out = (place){.start = at};
    for (;;) {
        const token item = highlight_step(t->sql, behind);
        if (item.kind == TOKEN_END) {
            t->nothing = t->nothing || (behind <= at && in_comment(t->sql, behind, at));
            return true;
        }
        const bool is_end = item.symbol == SYMBOL_SEMICOLON;
        if (behind <= at && in_comment(t->sql, behind, at)) {
            t->nothing = true;
        }
        if (is_end && item.end > at) {
            return true;
        }
        behind = item.end;
        if (is_end) {
            t->count = t->word = 0;
            continue;
        }
        if (item.start < at && at <= item.end) {
            look_at(t, out, item, at);
        } else if (item.end < at) {
            t->word++;
        }
        if (!push(t, a, item)) {
            return false;
        }
    }
}

/* Which parentheses belong together. What closes nothing, or another kind, is passed over. */
static bool
nest(tokens *t, arena *a) {
    int32_t open = -1;
    t->match = arena_alloc(a, sizeof(int32_t) * (size_t)(t->count + 1));
    t->parent = arena_alloc(a, sizeof(int32_t) * (size_t)(t->count + 1));
    if (t->match == NULL || t->parent == NULL) {
        return false;
    }
    for (int32_t i = 0; i < t->count; i++) {
        const symbol s = t->items[i].symbol;
        const symbol begun = open < 0 ? SYMBOL_NONE : t->items[open].symbol;
        t->match[i] = t->count;
        if ((s == SYMBOL_RIGHT_PAREN && begun == SYMBOL_LEFT_PAREN) ||
            (s == SYMBOL_RIGHT_BRACKET && begun == SYMBOL_LEFT_BRACKET) ||
            (s == SYMBOL_RIGHT_BRACE && begun == SYMBOL_LEFT_BRACE)) {
            t->match[open] = i;
            open = t->parent[open];
        }
        t->parent[i] = open;
        if (s == SYMBOL_LEFT_PAREN || s == SYMBOL_LEFT_BRACKET || s == SYMBOL_LEFT_BRACE) {
            open = i;
        }
    }
    t->parent[t->count] = open;
    return true;
}

/* ---------------------------------------------------------------------------------- what it says
 */
static bool
is_name(token t) {
    return t.kind == TOKEN_QUOTED_NAME ||
           (t.kind == TOKEN_WORD && keyword_class_of(t.keyword) != KEYWORD_CLASS_RESERVED);
}

static bool
is_alias(token t) {
    return t.kind == TOKEN_QUOTED_NAME ||
           (t.kind == TOKEN_WORD && keyword_class_of(t.keyword) == KEYWORD_CLASS_FREE &&
            t.keyword != KEYWORD_SET);
}

static text
name_of(const tokens *t, token item, arena *a) {
    text named = token_text(t->sql, item);
    if (item.kind == TOKEN_QUOTED_NAME && token_value(&named, a, t->sql, item, NULL) < 0) {
        return (text){NULL, 0};
    }
    return named;
}

static token
at(const tokens *t, int32_t i) {
    return i >= 0 && i < t->count ? t->items[i] : (token){.kind = TOKEN_END};
}

token
tokens_at(const tokens *t, int32_t i) {
    return at(t, i);
}

bool
tokens_name_at(const tokens *t, int32_t i) {
    return is_name(at(t, i));
}

text
tokens_text(const tokens *t, int32_t i, arena *a) {
    return name_of(t, at(t, i), a);
}

bool
tokens_within(const tokens *t, int32_t i, int32_t opening) {
    return opening < 0 || (opening < i && i <= t->match[opening]);
}

/* Behind what opens at i, or the token behind i. */
int32_t
tokens_behind(const tokens *t, int32_t i) {
    const symbol s = at(t, i).symbol;
    if (s != SYMBOL_LEFT_PAREN && s != SYMBOL_LEFT_BRACKET && s != SYMBOL_LEFT_BRACE) {
        return i + 1;
    }
    return t->match[i] < t->count ? t->match[i] + 1 : t->count;
}

/* An item of FROM at token i; without a name or alias it is of no use. Returns what stands behind.
 */
int32_t
tokens_from_item(const tokens *t, arena *a, int32_t i, from_item *out) {
    *out = (from_item){.at = i, .body = -1, .names = -1};
    i += at(t, i).keyword == KEYWORD_LATERAL;
    if (at(t, i).symbol == SYMBOL_LEFT_PAREN) {
        out->body = i;
        i = tokens_behind(t, i);
    } else if (is_name(at(t, i))) {
        if (at(t, i + 1).symbol == SYMBOL_DOT && is_name(at(t, i + 2))) {
            out->schema = name_of(t, at(t, i), a);
            i += 2;
        }
        out->name = name_of(t, at(t, i), a);
        out->quoted = at(t, i).kind == TOKEN_QUOTED_NAME;
        i++;
        if (at(t, i).symbol == SYMBOL_LEFT_PAREN) {
            out->body = i;
            i = tokens_behind(t, i);
        }
    } else {
        return i;
    }
    const bool as = at(t, i).keyword == KEYWORD_AS;
    i += as;
    if (is_alias(at(t, i)) && i != t->word) {
        out->alias = name_of(t, at(t, i), a);
        i++;
        if (at(t, i).symbol == SYMBOL_LEFT_PAREN) {
            out->names = i;
            i = tokens_behind(t, i);
        }
    }
    return i;
}

/* Keeps it where the word can name it: not within its own text, nor elsewhere in parentheses. */
static int32_t
read_from_item(const tokens *t, place *out, arena *a, int32_t i) {
    from_item     f;
    const int32_t behind = tokens_from_item(t, a, i, &f);
    const bool    inside = f.body >= 0 && tokens_within(t, t->word, f.body) && t->word > f.body;
    if ((f.name.size > 0 || f.alias.size > 0) && !inside && out->from_count < PLACE_FROM_MAX &&
        tokens_within(t, t->word, t->parent[i])) {
        out->from[out->from_count++] = f;
    }
    return behind;
}

static bool
names_relation(keyword k) {
    return k == KEYWORD_FROM || k == KEYWORD_JOIN || k == KEYWORD_INTO || k == KEYWORD_UPDATE ||
           k == KEYWORD_USING;
}

static void
read_from(const tokens *t, place *out, arena *a) {
    for (int32_t i = 0; i < t->count; i++) {
        const token item = t->items[i];
        if (names_relation(item.keyword) && i + 1 != t->word) {
            int32_t behind = read_from_item(t, out, a, i + 1);
            while (item.keyword == KEYWORD_FROM && at(t, behind).symbol == SYMBOL_COMMA &&
                   behind + 1 != t->word) {
                behind = read_from_item(t, out, a, behind + 1);
            }
        }
    }
}

static bool
begins_query(token item) {
    return item.keyword == KEYWORD_SELECT || item.keyword == KEYWORD_WITH ||
           item.keyword == KEYWORD_VALUES || item.keyword == KEYWORD_FROM ||
           item.keyword == KEYWORD_TABLE || item.symbol == SYMBOL_LEFT_PAREN;
}

static void
read_with(const tokens *t, place *out, arena *a) {
    bool recursive = false;
    for (int32_t i = 1; i < t->count && out->with_count < PLACE_WITH_MAX; i++) {
        const token before = at(t, i - 1);
        const bool  begins = before.keyword == KEYWORD_WITH;
        if (begins) {
            recursive = text_equal_nocase(token_text(t->sql, at(t, i)), TEXT("RECURSIVE")) &&
                        at(t, i + 1).keyword != KEYWORD_AS;
            i += recursive;
        }
        if (!is_name(at(t, i)) || (!begins && before.symbol != SYMBOL_COMMA)) {
            continue;
        }
        const bool named = at(t, i + 1).symbol == SYMBOL_LEFT_PAREN;
        int32_t    k = named ? tokens_behind(t, i + 1) : i + 1;
        if (at(t, k).keyword != KEYWORD_AS) {
            continue;
        }
        k++;
        k += at(t, k).keyword == KEYWORD_NOT;
        k += at(t, k).keyword == KEYWORD_MATERIALIZED;
        if (at(t, k).symbol == SYMBOL_LEFT_PAREN && begins_query(at(t, k + 1))) {
            out->with[out->with_count++] =
                (with_item){name_of(t, at(t, i), a), i, named ? i + 1 : -1, k, recursive};
        }
    }
}

/* ---------------------------------------------------------------------------------- what fits */
static const char starts[] =
    "SELECT,FROM,WITH,VALUES,INSERT INTO,UPDATE,DELETE FROM,UPSERT INTO,MERGE INTO,CREATE,DROP,"
    "ALTER,EXPLAIN,SHOW,DESCRIBE,SUMMARIZE,SET,RESET,PRAGMA,COPY,BEGIN,COMMIT,ROLLBACK,TRUNCATE,"
    "PREPARE,EXECUTE,DEALLOCATE,SUBSCRIBE,FLUSH,CHECKPOINT,RESTORE,START,STOP,PAUSE,RESUME,TABLE";
static const char joins[] =
    "JOIN,LEFT JOIN,RIGHT JOIN,FULL JOIN,CROSS JOIN,ASOF JOIN,SEMI JOIN,ANTI JOIN,NATURAL JOIN,ON,"
    "USING,AS,WHERE,FOR SYSTEM_TIME AS OF,TABLESAMPLE,PIVOT,UNPIVOT,LATEST ON";
static const char clauses[] =
    "GROUP BY,HAVING,QUALIFY,WINDOW,ORDER BY,LIMIT,OFFSET,UNION,UNION ALL,INTERSECT,EXCEPT,EMIT,"
    "ALLOW LATENESS,LATE DATA TO,RETURNING,AND,OR,IS,IN,NOT,LIKE,ILIKE,BETWEEN,SIMILAR TO,AS,"
    "WHERE,JOIN,LEFT JOIN,SET,VALUES,ON CONFLICT,WITH,COLLATE,FROM";
/* Behind a value that is not in FROM. */
static const char values[] =
    "OVER,FILTER,WITHIN GROUP,ASC,DESC,NULLS FIRST,NULLS LAST,WHEN,THEN,ELSE,END";
static const char operands[] =
    "CASE,CAST,TRY_CAST,NOT,NULL,TRUE,FALSE,EXISTS,INTERVAL,EXTRACT,DISTINCT,SELECT,CURRENT_DATE,"
    "CURRENT_TIME,CURRENT_TIMESTAMP,ALL,ANY,DEFAULT";

/* Behind a keyword. */
static const struct {
    keyword     before;
    uint32_t    wants;
    const char *words;
} rules[] = {
    {KEYWORD_CREATE, 0,
     "SOURCE,STREAM,TABLE,VIEW,MATERIALIZED VIEW,SINK,PIPELINE,FUNCTION,MACRO,INDEX,UNIQUE INDEX,"
     "OR REPLACE,TEMP TABLE"},
    {KEYWORD_DROP, 0,
     "SOURCE,STREAM,TABLE,VIEW,MATERIALIZED VIEW,SINK,PIPELINE,FUNCTION,INDEX,"
     "COLUMN,DEFAULT,NOT NULL"},
    {KEYWORD_ALTER, 0, "SOURCE,STREAM,TABLE,VIEW,SINK,COLUMN"},
    {KEYWORD_SHOW, WANT_SETTING,
     "SOURCES,STREAMS,TABLES,VIEWS,MATERIALIZED VIEWS,SINKS,PIPELINES,FUNCTIONS,INDEXES,QUERIES,"
     "CHECKPOINTS,LIMITS,SETTINGS,CREATE,COLUMNS FROM,ALL,ALL TABLES"},
    {KEYWORD_EXPLAIN, 0, "ANALYZE,WATERMARK,STREAM,SELECT,WITH,INSERT INTO,UPDATE,DELETE FROM"},
    {KEYWORD_WATERMARK, WANT_STREAM | WANT_SINK, "FOR"},
    {KEYWORD_SUBSCRIBE, WANT_STREAM, "SELECT,TO"},
    {KEYWORD_FROM, WANT_RELATION, "SELECT,LATERAL"},
    {KEYWORD_JOIN, WANT_RELATION, "LATERAL"},
    {KEYWORD_INTO, WANT_RELATION, NULL},
    {KEYWORD_UPDATE, WANT_RELATION, NULL},
    {KEYWORD_TABLE, WANT_RELATION, "IF NOT EXISTS,IF EXISTS"},
    {KEYWORD_SOURCE, WANT_RELATION, "IF NOT EXISTS,IF EXISTS"},
    {KEYWORD_STREAM, WANT_STREAM, "IF NOT EXISTS,IF EXISTS"},
    {KEYWORD_VIEW, WANT_RELATION, "IF NOT EXISTS,IF EXISTS"},
    {KEYWORD_SINK, WANT_SINK, "IF NOT EXISTS,IF EXISTS"},
    {KEYWORD_PIPELINE, WANT_PIPELINE, "IF NOT EXISTS,IF EXISTS"},
    {KEYWORD_DESCRIBE, WANT_RELATION, "SELECT"},
    {KEYWORD_SUMMARIZE, WANT_RELATION, "SELECT"},
    {KEYWORD_TRUNCATE, WANT_RELATION, "TABLE"},
    {KEYWORD_COPY, WANT_RELATION, NULL},
    {KEYWORD_EXISTS, WANT_RELATION, "SELECT"},
    {KEYWORD_REFERENCES, WANT_RELATION, NULL},
    {KEYWORD_RESET, WANT_SETTING, "ALL"},
    {KEYWORD_PRAGMA, WANT_SETTING, "TABLE_INFO"},
    {KEYWORD_GROUP, 0, "BY"},
    {KEYWORD_ORDER, 0, "BY"},
    {KEYWORD_PARTITION, 0, "BY"},
    {KEYWORD_INSERT, 0, "INTO"},
    {KEYWORD_UPSERT, 0, "INTO"},
    {KEYWORD_MERGE, 0, "INTO"},
    {KEYWORD_DELETE, 0, "FROM"},
    {KEYWORD_LEFT, 0, "JOIN,OUTER JOIN"},
    {KEYWORD_RIGHT, 0, "JOIN,OUTER JOIN"},
    {KEYWORD_FULL, 0, "JOIN,OUTER JOIN"},
    {KEYWORD_OUTER, 0, "JOIN"},
    {KEYWORD_INNER, 0, "JOIN"},
    {KEYWORD_CROSS, 0, "JOIN"},
    {KEYWORD_NATURAL, 0, "JOIN,LEFT JOIN"},
    {KEYWORD_ASOF, 0, "JOIN,LEFT JOIN"},
    {KEYWORD_SEMI, 0, "JOIN"},
    {KEYWORD_ANTI, 0, "JOIN"},
    {KEYWORD_IS, 0, "NULL,NOT NULL,TRUE,FALSE,DISTINCT FROM,NOT DISTINCT FROM"},
    {KEYWORD_EMIT, 0, "CHANGES,ON WINDOW CLOSE,FINAL,ON UPDATE,AFTER WATERMARK,EVERY"},
    {KEYWORD_ALLOW, 0, "LATENESS"},
    {KEYWORD_LATE, 0, "DATA TO"},
    {KEYWORD_START, WANT_PIPELINE, "PIPELINE,TRANSACTION"},
    {KEYWORD_STOP, 0, "PIPELINE"},
    {KEYWORD_PAUSE, 0, "PIPELINE"},
    {KEYWORD_RESUME, 0, "PIPELINE"},
    {KEYWORD_PRIMARY, 0, "KEY"},
    {KEYWORD_UNION, 0, "ALL,SELECT,BY NAME"},
    {KEYWORD_BEGIN, 0, "TRANSACTION"},
    {KEYWORD_IF, 0, "NOT EXISTS,EXISTS"},
    {KEYWORD_LIMIT, 0, NULL},
    {KEYWORD_OFFSET, 0, NULL},
};

static bool
by_rule(place *out, keyword before, bool creates) {
    for (int32_t i = 0; i < ARRAY_COUNT(rules); i++) {
        if (rules[i].before == before) {
            const bool names = rules[i].wants != 0 && creates && before != KEYWORD_FROM &&
                               before != KEYWORD_JOIN && before != KEYWORD_INTO;
            out->wants = names ? 0 : rules[i].wants; /* CREATE names what is not there yet */
            out->words[0] = rules[i].words;
            return true;
        }
    }
    return false;
}

/* The clause around the word: the last keyword at its level of parentheses that begins one. */
static keyword
clause_of(const tokens *t, int32_t *depth) {
    int32_t level = 0;
    *depth = 0;
    for (int32_t i = 0; i < t->word; i++) {
        *depth += t->items[i].symbol == SYMBOL_LEFT_PAREN;
        *depth -= t->items[i].symbol == SYMBOL_RIGHT_PAREN;
    }
    for (int32_t i = t->word - 1; i >= 0; i--) {
        level += t->items[i].symbol == SYMBOL_RIGHT_PAREN;
        level -= t->items[i].symbol == SYMBOL_LEFT_PAREN;
        if (level < 0) {
            return KEYWORD_NONE;
        }
        switch (level == 0 ? t->items[i].keyword : KEYWORD_NONE) {
        case KEYWORD_SELECT:
        case KEYWORD_FROM:
        case KEYWORD_WHERE:
        case KEYWORD_ON:
        case KEYWORD_GROUP:
        case KEYWORD_HAVING:
        case KEYWORD_ORDER:
        case KEYWORD_SET:
        case KEYWORD_VALUES:
        case KEYWORD_WITH:
            return t->items[i].keyword;
        case KEYWORD_JOIN:
            return KEYWORD_FROM;
        default:
            break;
        }
    }
    return KEYWORD_NONE;
}

/* A value, a name or a closing parenthesis stands before: an operator or a clause comes next. */
bool
tokens_end_operand(const tokens *t, int32_t i) {
    const token item = at(t, i);
    switch (item.kind) {
    case TOKEN_WORD:
        return (keyword_class_of(item.keyword) == KEYWORD_CLASS_FREE &&
                item.keyword != KEYWORD_SET) ||
               item.keyword == KEYWORD_NULL || item.keyword == KEYWORD_TRUE ||
               item.keyword == KEYWORD_FALSE || item.keyword == KEYWORD_END ||
               item.keyword == KEYWORD_ASC || item.keyword == KEYWORD_DESC;
    case TOKEN_SYMBOL:
        if (item.symbol == SYMBOL_STAR) { /* all columns, or times */
            const token before = at(t, i - 1);
            return before.keyword != KEYWORD_NONE || before.symbol == SYMBOL_COMMA ||
                   before.symbol == SYMBOL_DOT || before.symbol == SYMBOL_LEFT_PAREN;
        }
        return item.symbol == SYMBOL_RIGHT_PAREN || item.symbol == SYMBOL_RIGHT_BRACKET ||
               item.symbol == SYMBOL_RIGHT_BRACE;
    default:
        return item.kind != TOKEN_END && item.kind != TOKEN_BAD;
    }
}

/* In the columns of CREATE TABLE or CREATE SOURCE. */
static bool
declares(const tokens *t, place *out, int32_t depth) {
    const keyword what = at(t, 1).keyword;
    const bool    stored = what == KEYWORD_TABLE || what == KEYWORD_SOURCE;
    if (at(t, 0).keyword != KEYWORD_CREATE || !stored || depth != 1) {
        return false;
    }
    const token before = at(t, t->word - 2);
    const bool  begins = before.symbol == SYMBOL_LEFT_PAREN || before.symbol == SYMBOL_COMMA;
    const token last = at(t, t->word - 1);
    if (last.symbol == SYMBOL_LEFT_PAREN || last.symbol == SYMBOL_COMMA) {
        out->words[0] = "WATERMARK FOR,PRIMARY KEY,UNIQUE,CHECK,CONSTRAINT";
    } else if (begins && is_name(last)) {
        out->wants = WANT_TYPE;
    } else {
        out->words[0] = "NOT NULL,PRIMARY KEY,UNIQUE,DEFAULT,CHECK,AS";
    }
    return true;
}

static void
find_wants(const tokens *t, place *out) {
    int32_t       depth;
    const token   before = at(t, t->word - 1);
    const keyword clause = clause_of(t, &depth);
    const bool    creates = at(t, 0).keyword == KEYWORD_CREATE && t->word < 4;
    if (t->word == 0) {
        out->words[0] = starts;
    } else if (before.symbol == SYMBOL_CAST ||
               (before.keyword == KEYWORD_AS && depth > 0 && clause == KEYWORD_NONE)) {
        out->wants = WANT_TYPE;
        out->words[0] = before.keyword == KEYWORD_AS ? "SELECT" : NULL;
    } else if (before.keyword == KEYWORD_SET && at(t, 0).keyword == KEYWORD_SET) {
        out->wants = WANT_SETTING;
    } else if (declares(t, out, depth) || (by_rule(out, before.keyword, creates))) {
        return;
    } else if (before.symbol == SYMBOL_COMMA && clause == KEYWORD_FROM) {
        out->wants = WANT_RELATION;
    } else if (before.keyword == KEYWORD_AS && clause != KEYWORD_NONE) {
        return; /* an alias */
    } else if (before.keyword == KEYWORD_AS) {
        out->words[0] = "SELECT,WITH,VALUES";
    } else if (tokens_end_operand(t, t->word - 1)) {
        out->words[0] = clauses;
        out->words[1] = clause == KEYWORD_FROM ? joins : values;
    } else {
        out->wants = WANT_OPERAND;
        out->words[0] = operands;
    }
}

/* Small letters where the word, or else the keyword before it, has them. */
static bool
is_lower(const tokens *t, const place *out) {
    text sample = out->prefix;
    for (int32_t i = t->word - 1; i >= 0 && sample.size == 0; i--) {
        if (t->items[i].keyword != KEYWORD_NONE) {
            sample = token_text(t->sql, t->items[i]);
        }
    }
    return sample.size > 0 && sample.data[0] >= 'a' && sample.data[0] <= 'z';
}

status
place_find(place *out, arena *a, text sql, int32_t where, error *err) {
    tokens t = {.sql = sql};
    if (!read_tokens(&t, out, a, where) || !nest(&t, a)) {
        return error_memory(err);
    }
    out->tokens = t;
    if (t.nothing) {
        return OK;
    }
    out->lower = is_lower(&t, out);
    read_from(&t, out, a);
    read_with(&t, out, a);
    if (at(&t, t.word - 1).symbol == SYMBOL_DOT) {
        const token before = at(&t, t.word - 2);
        out->qualifier = is_name(before) ? name_of(&t, before, a) : TEXT("");
        return OK;
    }
    find_wants(&t, out);
    return OK;
}
