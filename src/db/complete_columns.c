/* SPDX-License-Identifier: Apache-2.0 */
/* complete_columns.c - the columns of what FROM names, as far as tokens tell: of tables, queries of
 * WITH, subqueries, VALUES and functions. Nothing is parsed or bound, as the text need not be
 * complete; columns without a name of their own are left out. A text may refer to itself many times
 * over (WITH b AS (SELECT *, * FROM a), ...), so all steps together are counted. */
#include "db/complete.h"

#define DEPTH_MAX 32

/* What becomes of columns on their way out: the first ones have other names already, a star leaves
 * some out or renames them. */
typedef struct filter {
    int32_t        skip;
    int32_t        from, to; /* tokens behind the star */
    struct filter *above;
} filter;

typedef struct walk {
    const place    *p;
    const tokens   *t;
    columns_reader *reader;
    int32_t         depth;
} walk;

static void query_columns(walk *w, int32_t from, int32_t to, filter *f);

static bool
step(walk *w) {
    return w->reader->steps > 0 && --w->reader->steps > 0;
}

/* ---------------------------------------------------------------------------------- on the way */
/* EXCLUDE, RENAME: false when the column is left out. */
static bool
pass_star(walk *w, const filter *f, text *name) {
    keyword last = KEYWORD_NONE;
    for (int32_t i = f->from; i < f->to && step(w); i++) {
        const token item = tokens_at(w->t, i);
        if (item.keyword == KEYWORD_EXCLUDE || item.keyword == KEYWORD_EXCEPT ||
            item.keyword == KEYWORD_RENAME || item.keyword == KEYWORD_REPLACE) {
            last = item.keyword;
        } else if (tokens_name_at(w->t, i) &&
                   text_equal_nocase(tokens_text(w->t, i, w->reader->arena), *name)) {
            if (last == KEYWORD_EXCLUDE || last == KEYWORD_EXCEPT) {
                return false;
            }
            if (last == KEYWORD_RENAME && tokens_at(w->t, i + 1).keyword == KEYWORD_AS) {
                *name = tokens_text(w->t, i + 2, w->reader->arena);
                return true;
            }
        }
    }
    return true;
}

/* A column without a name counts among the first ones and is not taken. */
static void
emit(walk *w, filter *f, text name) {
    for (; f != NULL; f = f->above) {
        if (f->skip > 0) {
            f->skip--;
            return;
        }
        if (!step(w) || !pass_star(w, f, &name)) {
            return;
        }
    }
    if (name.size > 0 && step(w)) {
        w->reader->take(w->reader->context, name);
    }
}

/* ---------------------------------------------------------------------------------- relations */
bool
place_sees_with(const place *p, int32_t i, int32_t at) {
    const with_item *v = &p->with[i];
    const tokens    *t = &p->tokens;
    const bool       inside = at > v->body && tokens_within(t, at, v->body);
    return v->at < at && tokens_within(t, at, t->parent[v->at]) && (!inside || v->recursive);
}

static const with_item *
with_of(walk *w, const from_item *f) {
    if (f->schema.size > 0 || f->body >= 0) {
        return NULL;
    }
    for (int32_t i = w->p->with_count - 1; i >= 0 && step(w); i--) {
        if (text_equal_nocase(w->p->with[i].name, f->name) && place_sees_with(w->p, i, f->at)) {
            return &w->p->with[i];
        }
    }
    return NULL;
}

/* Names in parentheses: how many. */
static int32_t
named_columns(walk *w, int32_t opening, filter *f) {
    int32_t count = 0;
    for (int32_t i = opening + 1; opening >= 0 && i < w->t->match[opening] && step(w); i++) {
        const symbol before = tokens_at(w->t, i - 1).symbol; /* types may stand behind names */
        if ((i == opening + 1 || before == SYMBOL_COMMA) && tokens_name_at(w->t, i)) {
            emit(w, f, tokens_text(w->t, i, w->reader->arena));
            count++;
        }
    }
    return count;
}

static void
function_columns(walk *w, const from_item *item, filter *f) {
    static const char *const json[] = {"key", "value",  "type",    "atom",
                                       "id",  "parent", "fullkey", "path"};
    static const char *const series[] = {"range", "generate_series", "unnest"};
    if (text_equal_nocase(item->name, TEXT("json_each")) ||
        text_equal_nocase(item->name, TEXT("json_tree"))) {
        for (int32_t i = 0; i < ARRAY_COUNT(json); i++) {
            emit(w, f, text_of(json[i]));
        }
    }
    for (int32_t i = 0; i < ARRAY_COUNT(series); i++) {
        if (text_equal_nocase(item->name, text_of(series[i]))) {
            emit(w, f, item->alias.size > 0 ? item->alias : text_of(series[i]));
        }
    }
}

static void
item_columns(walk *w, const from_item *item, filter *above) {
    if (w->depth == DEPTH_MAX || !step(w)) {
        return;
    }
    w->depth++;
    filter           f = {.skip = named_columns(w, item->names, above), .above = above};
    const with_item *with = with_of(w, item);
    const object    *o = NULL;
    if (with != NULL) {
        filter inner = {.skip = 0, .above = &f};
        inner.skip = named_columns(w, with->names, &f);
        query_columns(w, with->body + 1, w->t->match[with->body], &inner);
    } else if (item->name.size == 0 && item->body >= 0) {
        query_columns(w, item->body + 1, w->t->match[item->body], &f);
    } else if (item->body >= 0) {
        function_columns(w, item, &f);
    } else if ((o = w->reader->own(w->reader->context, item)) != NULL) {
        for (int32_t i = 0; i < o->schema->count; i++) {
            emit(w, &f, o->schema->fields[i].name);
        }
    }
    w->depth--;
}

/* ---------------------------------------------------------------------------------- queries */
/* A keyword that ends a list of SELECT, or what is in FROM. */
static bool
ends_list(const tokens *t, int32_t i) {
    switch (tokens_at(t, i).keyword) {
    case KEYWORD_FROM:
        return tokens_at(t, i - 1).keyword != KEYWORD_DISTINCT;
    case KEYWORD_GROUP:
        return tokens_at(t, i - 1).keyword != KEYWORD_WITHIN;
    case KEYWORD_EXCEPT: /* of a star */
        return tokens_at(t, i + 1).symbol != SYMBOL_LEFT_PAREN || !tokens_name_at(t, i + 2);
    case KEYWORD_WHERE:
    case KEYWORD_HAVING:
    case KEYWORD_QUALIFY:
    case KEYWORD_WINDOW:
    case KEYWORD_ORDER:
    case KEYWORD_LIMIT:
    case KEYWORD_OFFSET:
    case KEYWORD_UNION:
    case KEYWORD_INTERSECT:
    case KEYWORD_EMIT:
        return true;
    default:
        return false;
    }
}

static int32_t
list_end(walk *w, int32_t i, int32_t to) {
    while (i < to && step(w) && !ends_list(w->t, i)) {
        i = tokens_behind(w->t, i);
    }
    return i < to ? i : to;
}

/* All columns of what FROM (TABLE) at token i names, or of the one that is called so. */
static void
star_columns(walk *w, int32_t i, int32_t to, const text *called, filter *f) {
    while (i < to && step(w)) {
        const token item = tokens_at(w->t, i);
        if (item.keyword != KEYWORD_FROM && ends_list(w->t, i)) {
            return;
        }
        if (item.keyword != KEYWORD_FROM && item.keyword != KEYWORD_JOIN &&
            item.keyword != KEYWORD_TABLE && item.symbol != SYMBOL_COMMA) {
            i = tokens_behind(w->t, i);
            continue;
        }
        from_item     read;
        const keyword kind = tokens_at(w->t, i - 1).keyword;
        const bool    filters = kind == KEYWORD_SEMI || kind == KEYWORD_ANTI;
        i = tokens_from_item(w->t, w->reader->arena, i + 1, &read);
        const text name = read.alias.size > 0 ? read.alias : read.name;
        if (!filters && (called == NULL || text_equal_nocase(name, *called))) {
            item_columns(w, &read, f);
        }
    }
}

/* One of SELECT's list; FROM stands at `from`. */
static void
select_item(walk *w, int32_t i, int32_t end, int32_t from, int32_t to, filter *above) {
    const tokens *t = w->t;
    arena        *a = w->reader->arena;
    const bool    qualified = tokens_name_at(t, i) && tokens_at(t, i + 1).symbol == SYMBOL_DOT;
    const int32_t star = qualified ? i + 2 : i;
    const token   before = tokens_at(t, end - 2);
    if (star < end && tokens_at(t, star).symbol == SYMBOL_STAR) {
        filter     f = {.from = star + 1, .to = end, .above = above};
        const text called = tokens_text(t, i, a);
        star_columns(w, from, to, qualified ? &called : NULL, &f);
    } else if (end - i > 2 && tokens_name_at(t, i) &&
               tokens_at(t, i + 1).symbol == SYMBOL_COLON) { /* name: value */
        emit(w, above, tokens_text(t, i, a));
    } else if (end > i && tokens_name_at(t, end - 1) &&
               (end - i == 1 || before.keyword == KEYWORD_AS || before.symbol == SYMBOL_DOT ||
                tokens_end_operand(t, end - 2))) {
        emit(w, above, tokens_text(t, end - 1, a));
    } else {
        emit(w, above, (text){NULL, 0});
    }
}

/* FROM may stand before SELECT, at `first`. */
static void
select_columns(walk *w, int32_t i, int32_t first, int32_t to, filter *f) {
    const tokens *t = w->t;
    i += tokens_at(t, i).keyword == KEYWORD_ALL;
    if (tokens_at(t, i).keyword == KEYWORD_DISTINCT) {
        i = tokens_at(t, i + 1).keyword == KEYWORD_ON ? tokens_behind(t, i + 2) : i + 1;
    }
    const int32_t from = list_end(w, i, to);
    while (i < from && step(w)) {
        int32_t end = i;
        while (end < from && tokens_at(t, end).symbol != SYMBOL_COMMA && step(w)) {
            end = tokens_behind(t, end);
        }
        end = end < from ? end : from;
        select_item(w, i, end, first < 0 ? from : first, to, f);
        i = end + 1;
    }
}

/* column1, column2: one for each value of the row in parentheses. */
static void
values_columns(walk *w, int32_t opening, filter *f) {
    const tokens *t = w->t;
    int32_t       count = 0;
    if (tokens_at(t, opening).symbol != SYMBOL_LEFT_PAREN) {
        return;
    }
    for (int32_t i = opening + 1; i < t->match[opening] && step(w); i = tokens_behind(t, i)) {
        if (i == opening + 1 || tokens_at(t, i).symbol == SYMBOL_COMMA) {
            char *name = arena_alloc(w->reader->arena, 24);
            if (name == NULL) {
                return;
            }
            const int size = snprintf(name, 24, "column%d", ++count);
            emit(w, f, (text){name, (size_t)size});
        }
    }
}

/* The SELECT of FROM at token i; -1: none. */
static int32_t
select_behind(walk *w, int32_t i, int32_t to) {
    for (; i < to && step(w); i = tokens_behind(w->t, i)) {
        const keyword k = tokens_at(w->t, i).keyword;
        if (k == KEYWORD_SELECT || k == KEYWORD_UNION || k == KEYWORD_INTERSECT ||
            k == KEYWORD_EXCEPT) {
            return k == KEYWORD_SELECT ? i : -1;
        }
    }
    return -1;
}

/* Of the query in the tokens from `from` to `to`: its first SELECT says what they are called. */
static void
query_columns(walk *w, int32_t from, int32_t to, filter *f) {
    const tokens *t = w->t;
    int32_t       i = from;
    if (tokens_at(t, i).keyword == KEYWORD_WITH) {
        while (i < to && step(w) && tokens_at(t, i).keyword != KEYWORD_SELECT &&
               tokens_at(t, i).keyword != KEYWORD_FROM &&
               tokens_at(t, i).keyword != KEYWORD_VALUES) {
            i = tokens_behind(t, i);
        }
    }
    const int32_t select = select_behind(w, i, to);
    switch (i < to ? tokens_at(t, i).keyword : KEYWORD_NONE) {
    case KEYWORD_SELECT:
        select_columns(w, i + 1, -1, to, f);
        break;
    case KEYWORD_VALUES:
        values_columns(w, i + 1, f);
        break;
    case KEYWORD_TABLE:
    case KEYWORD_FROM:
        if (select < 0) {
            star_columns(w, i, to, NULL, f);
        } else {
            select_columns(w, select + 1, i, to, f);
        }
        break;
    default:
        if (i < to && tokens_at(t, i).symbol == SYMBOL_LEFT_PAREN && w->depth < DEPTH_MAX) {
            w->depth++;
            query_columns(w, i + 1, t->match[i], f);
            w->depth--;
        }
        break;
    }
}

void
place_columns(const place *p, const from_item *f, columns_reader *r) {
    walk w = {.p = p, .t = &p->tokens, .reader = r};
    item_columns(&w, f, NULL);
}
