/* SPDX-License-Identifier: Apache-2.0 */
/* regex_parse.c - a pattern to its syntax tree. Groups nest at most REGEX_NESTING_MAX deep. */
#include "base/unicode.h"
#include "regex/regex_internal.h"

typedef struct parse {
    arena       *arena;
    error       *err;
    text         pattern;
    size_t       at;
    uint32_t     flags;
    int32_t      depth, group_count;
    regex_names *names;
} parse;

static status
fault(const parse *p, const char *what) {
    return error_set(p->err, ERR_QUERY_FAILED, "the regular expression '%.*s' %s (at byte %zu)",
                     (int)(p->pattern.size > 200 ? 200 : p->pattern.size), p->pattern.data, what,
                     p->at);
}

/* ---- cursor */
static bool
at_end(const parse *p) {
    return p->at >= p->pattern.size;
}

static char
peek(const parse *p) {
    return at_end(p) ? '\0' : p->pattern.data[p->at];
}

static bool
accept(parse *p, const char *s) {
    const size_t n = strlen(s);
    if (p->pattern.size - p->at < n || memcmp(p->pattern.data + p->at, s, n) != 0) {
        return false;
    }
    p->at += n;
    return true;
}

static uint32_t
next_code(parse *p) {
    const char *s = p->pattern.data + p->at;
    p->at += utf8_width(s);
    return utf8_decode(s);
}

/* ---- nodes */
static status
make(parse *p, node_kind kind, node **out) {
    *out = arena_alloc_zero(p->arena, sizeof(**out));
    if (*out == NULL) {
        return error_memory(p->err);
    }
    (*out)->kind = kind;
    return OK;
}

static status
make_assert(parse *p, assertion what, node **out) {
    TRY(make(p, NODE_ASSERT, out));
    (*out)->assertion = what;
    return OK;
}

static status
make_char(parse *p, uint32_t code, node **out) {
    TRY(make(p, NODE_CHAR, out));
    (*out)->code = code;
    if ((p->flags & REGEX_ANY_CASE) == 0) {
        return OK;
    }
    char_class both = {.count = 0};
    TRY(class_add(&both, p->arena, code, code, p->err));
    if (unicode_lower(code) != code || unicode_upper(code) != code) {
        TRY(class_fold(&both, p->arena, p->err));
    }
    if (both.count > 1 || both.ranges[0].first != both.ranges[0].last) {
        (*out)->kind = NODE_CLASS;
        (*out)->class = both;
    }
    return OK;
}

/* ---- escapes */
static int32_t
hex_digit(char c) {
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

static status
parse_hex(parse *p, uint32_t *code) {
    const bool braces = accept(p, "{");
    int32_t    digits = 0;
    *code = 0;
    for (; hex_digit(peek(p)) >= 0 && digits < (braces ? 8 : 2); digits++) {
        *code = *code << 4 | (uint32_t)hex_digit(peek(p));
        p->at++;
    }
    if (digits == 0 || (!braces && digits < 2) || (braces && !accept(p, "}"))) {
        return fault(p, "has a bad \\x: two hexadecimal digits or {digits} follow it");
    }
    if (*code > UNICODE_MAX || (*code >= 0xD800 && *code < 0xE000)) {
        return fault(p, "names a character that does not exist");
    }
    return OK;
}

/* A character written with a backslash; the backslash is behind us. */
static status
parse_escaped_code(parse *p, uint32_t *code) {
    static const char letters[] = "ntrfva";
    static const char codes[] = "\n\t\r\f\v\a";
    if (at_end(p)) {
        return fault(p, "ends with a backslash");
    }
    const char  c = peek(p);
    const char *letter = strchr(letters, c);
    if (letter != NULL) {
        p->at++;
        *code = (uint8_t)codes[letter - letters];
        return OK;
    }
    if (c == 'x') {
        p->at++;
        return parse_hex(p, code);
    }
    if (c == '0') {
        *code = 0;
        for (int32_t i = 0; i < 3 && peek(p) >= '0' && peek(p) <= '7'; i++) {
            *code = *code * 8 + (uint32_t)(peek(p) - '0');
            p->at++;
        }
        return OK;
    }
    if (c >= '1' && c <= '9') {
        return fault(p, "refers back to a group, which cannot be done in linear time");
    }
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') {
        return fault(p, "has an unknown letter behind a backslash");
    }
    *code = next_code(p);
    return OK;
}

/* \d \s \w and \p{name}, small or capital; `done` tells whether it was one. */
static status
parse_named_class(parse *p, char_class *out, bool *done) {
    const char c = peek(p);
    const char small = (char)(c | 0x20);
    *done = c != '\0' && strchr("dDsSwWpP", c) != NULL;
    if (!*done) {
        return OK;
    }
    p->at++;
    if (small != 'p') {
        return class_add_perl(out, p->arena, c, p->err);
    }
    text       name = {p->pattern.data + p->at, 1};
    bool       negated = c == 'P';
    char_class own = {.count = 0};
    bool       known;
    if (accept(p, "{")) {
        negated ^= accept(p, "^");
        name.data = p->pattern.data + p->at;
        while (!at_end(p) && peek(p) != '}') {
            p->at++;
        }
        name.size = (size_t)(p->pattern.data + p->at - name.data);
        (void)accept(p, "}");
    } else if (!at_end(p)) {
        p->at++;
    }
    TRY(class_add_property(&own, p->arena, name, &known, p->err));
    if (!known) {
        return fault(p, "has an unknown \\p: it takes a category such as L, Lu, N, Nd, P or Z");
    }
    class_finish(&own);
    if (negated) {
        TRY(class_negate(&own, p->arena, p->err));
    }
    return class_add_class(out, p->arena, &own, p->err);
}

/* ---- [classes] */
static status
parse_class_code(parse *p, uint32_t *code) {
    if (!accept(p, "\\")) {
        *code = next_code(p);
        return OK;
    }
    return parse_escaped_code(p, code);
}

static status
parse_posix(parse *p, char_class *out) {
    const bool  negated = accept(p, "^");
    const char *start = p->pattern.data + p->at;
    char_class  own = {.count = 0};
    bool        known = false;
    while (!at_end(p) && peek(p) != ':' && peek(p) != ']') {
        p->at++;
    }
    const text name = {start, (size_t)(p->pattern.data + p->at - start)};
    if (accept(p, ":]")) {
        TRY(class_add_posix(&own, p->arena, name, &known, p->err));
    }
    if (!known) {
        return fault(p, "has an unknown [: :] class");
    }
    class_finish(&own);
    if (negated) {
        TRY(class_negate(&own, p->arena, p->err));
    }
    return class_add_class(out, p->arena, &own, p->err);
}

static status
parse_class_item(parse *p, char_class *out) {
    bool     done = false;
    uint32_t first, last;
    if (accept(p, "[:")) {
        return parse_posix(p, out);
    }
    if (peek(p) == '\\' && p->at + 1 < p->pattern.size) {
        p->at++;
        TRY(parse_named_class(p, out, &done));
        if (done) {
            return OK;
        }
        p->at--;
    }
    TRY(parse_class_code(p, &first));
    last = first;
    const bool range =
        peek(p) == '-' && p->at + 1 < p->pattern.size && p->pattern.data[p->at + 1] != ']';
    if (range) {
        p->at++;
        TRY(parse_class_code(p, &last));
        if (last < first) {
            return fault(p, "has a range whose end comes before its start");
        }
    }
    return class_add(out, p->arena, first, last, p->err);
}

static status
parse_class(parse *p, node **out) {
    TRY(make(p, NODE_CLASS, out));
    char_class *c = &(*out)->class;
    const bool  negated = accept(p, "^");
    bool        first = true;
    while (first || peek(p) != ']') {
        if (at_end(p)) {
            return fault(p, "has a [ without its ]");
        }
        TRY(parse_class_item(p, c));
        first = false;
    }
    p->at++;
    if ((p->flags & REGEX_ANY_CASE) != 0) {
        TRY(class_fold(c, p->arena, p->err));
    }
    class_finish(c);
    return negated ? class_negate(c, p->arena, p->err) : OK;
}

static status
parse_dot(parse *p, node **out) {
    TRY(make(p, NODE_CLASS, out));
    char_class *c = &(*out)->class;
    if ((p->flags & REGEX_DOT_NEWLINE) != 0) {
        return class_add(c, p->arena, 0, UNICODE_MAX, p->err);
    }
    TRY(class_add(c, p->arena, 0, '\n' - 1, p->err));
    return class_add(c, p->arena, '\n' + 1, UNICODE_MAX, p->err);
}

/* ---- groups */
static status parse_alternatives(parse *p, node **out);

static status
parse_flags(parse *p, bool *closed) {
    bool on = true;
    for (;; p->at++) {
        uint32_t flag = 0;
        switch (peek(p)) {
        case 'i':
            flag = REGEX_ANY_CASE;
            break;
        case 'm':
            flag = REGEX_LINES;
            break;
        case 's':
            flag = REGEX_DOT_NEWLINE;
            break;
        case 'U':
            flag = REGEX_LAZY;
            break;
        case '-':
            if (!on) {
                return fault(p, "has two minus signs in a group of flags");
            }
            on = false;
            continue;
        case ':':
        case ')':
            *closed = peek(p) == ')';
            p->at++;
            return OK;
        default:
            return fault(p, "has an unknown kind of group: there are (?:x), (?P<name>x) and the "
                            "flags i, m, s and U; look-around cannot be done in linear time");
        }
        p->flags = on ? p->flags | flag : p->flags & ~flag;
    }
}

static status
parse_group_name(parse *p) {
    const char *start = p->pattern.data + p->at;
    while (peek(p) != '\0' && (unicode_is_alphanumeric((uint8_t)peek(p)) || peek(p) == '_')) {
        p->at++;
    }
    const text name = {start, (size_t)(p->pattern.data + p->at - start)};
    if (name.size == 0 || !accept(p, ">")) {
        return fault(p, "has a bad name of a group: letters, digits and _ between < and >");
    }
    for (int32_t i = 0; i < p->names->count; i++) {
        if (text_equal(p->names->names[i], name)) {
            return fault(p, "has two groups of one name");
        }
    }
    if (p->names->count < REGEX_GROUPS_MAX) {
        p->names->names[p->names->count] = name;
        p->names->groups[p->names->count++] = p->group_count + 1;
    }
    return OK;
}

static status
parse_group(parse *p, node **out) {
    const uint32_t flags = p->flags;
    const bool     named = accept(p, "?P<") || accept(p, "?<");
    bool           captures = named || peek(p) != '?';
    if (named) {
        TRY(parse_group_name(p));
    }
    if (!captures) {
        bool closed = false;
        p->at++;
        TRY(parse_flags(p, &closed));
        if (closed) { /* (?i): for the rest of the group around it */
            return make(p, NODE_EMPTY, out);
        }
    }
    if (captures && p->group_count == REGEX_GROUPS_MAX) {
        return fault(p, "has more than 99 groups");
    }
    const int32_t number = captures ? ++p->group_count : 0;
    node         *inner;
    TRY(parse_alternatives(p, &inner));
    if (!accept(p, ")")) {
        return fault(p, "has a ( without its )");
    }
    p->flags = flags;
    *out = inner;
    if (captures) {
        TRY(make(p, NODE_GROUP, out));
        (*out)->group = number;
        (*out)->child = inner;
    }
    return OK;
}

/* ---- atoms */
static status
parse_quoted(parse *p, node **out) {
    node **tail;
    TRY(make(p, NODE_CONCAT, out));
    tail = &(*out)->child;
    while (!at_end(p) && !accept(p, "\\E")) {
        TRY(make_char(p, next_code(p), tail));
        tail = &(*tail)->next;
    }
    return OK;
}

static status
parse_backslash(parse *p, node **out) {
    bool     done;
    uint32_t code;
    if (accept(p, "Q")) {
        return parse_quoted(p, out);
    }
    if (accept(p, "A")) {
        return make_assert(p, ASSERT_TEXT_START, out);
    }
    if (accept(p, "z")) {
        return make_assert(p, ASSERT_TEXT_END, out);
    }
    if (accept(p, "b")) {
        return make_assert(p, ASSERT_WORD_EDGE, out);
    }
    if (accept(p, "B")) {
        return make_assert(p, ASSERT_NOT_WORD_EDGE, out);
    }
    TRY(make(p, NODE_CLASS, out));
    TRY(parse_named_class(p, &(*out)->class, &done));
    if (done) {
        class_finish(&(*out)->class);
        return (p->flags & REGEX_ANY_CASE) != 0 ? class_fold(&(*out)->class, p->arena, p->err) : OK;
    }
    TRY(parse_escaped_code(p, &code));
    return make_char(p, code, out);
}

static status
parse_atom(parse *p, node **out) {
    const bool lines = (p->flags & REGEX_LINES) != 0;
    if (accept(p, "(")) {
        if (p->depth == REGEX_NESTING_MAX) {
            return fault(p, "is nested more than 200 groups deep");
        }
        p->depth++;
        TRY(parse_group(p, out));
        p->depth--;
        return OK;
    }
    if (accept(p, "[")) {
        return parse_class(p, out);
    }
    if (accept(p, ".")) {
        return parse_dot(p, out);
    }
    if (accept(p, "^")) {
        return make_assert(p, lines ? ASSERT_LINE_START : ASSERT_TEXT_START, out);
    }
    if (accept(p, "$")) {
        return make_assert(p, lines ? ASSERT_LINE_END : ASSERT_TEXT_END, out);
    }
    if (accept(p, "\\")) {
        return parse_backslash(p, out);
    }
    return make_char(p, next_code(p), out);
}

/* ---- repetition */
static bool
parse_count(parse *p, int32_t *out) {
    const size_t start = p->at;
    *out = 0;
    while (peek(p) >= '0' && peek(p) <= '9') {
        *out = *out > 100000 ? *out : *out * 10 + (peek(p) - '0');
        p->at++;
    }
    return p->at > start;
}

/* {n}, {n,} or {n,m}; anything else behind a { is text. */
static bool
parse_counts(parse *p, int32_t *min, int32_t *max) {
    const size_t start = p->at++;
    if (parse_count(p, min)) {
        *max = *min;
        if (accept(p, ",") && !parse_count(p, max)) {
            *max = -1;
        }
        if (accept(p, "}")) {
            return true;
        }
    }
    p->at = start;
    return false;
}

static status
parse_repeated(parse *p, node **out) {
    bool again = false;
    TRY(parse_atom(p, out));
    for (;; again = true) {
        const size_t start = p->at;
        int32_t      min = 0;
        int32_t      max = -1;
        if (accept(p, "?")) {
            max = 1;
        } else if (accept(p, "+")) {
            min = 1;
        } else if (!accept(p, "*") && (peek(p) != '{' || !parse_counts(p, &min, &max))) {
            return OK;
        }
        if (again) {
            p->at = start;
            return fault(p, "repeats a repetition: put the inner one in parentheses");
        }
        if (min > REGEX_REPEAT_MAX || max > REGEX_REPEAT_MAX || (max >= 0 && max < min)) {
            return fault(p, "has a bad repetition count: at most 1000, the first not above the "
                            "second");
        }
        node *inner = *out;
        TRY(make(p, NODE_REPEAT, out));
        (*out)->child = inner;
        (*out)->min = min;
        (*out)->max = max;
        (*out)->lazy = accept(p, "?") != ((p->flags & REGEX_LAZY) != 0);
    }
}

static status
parse_sequence(parse *p, node **out) {
    node **tail;
    TRY(make(p, NODE_CONCAT, out));
    tail = &(*out)->child;
    while (!at_end(p) && peek(p) != '|' && peek(p) != ')') {
        if (peek(p) == '*' || peek(p) == '+' || peek(p) == '?') {
            return fault(p, "has nothing before a repetition");
        }
        TRY(parse_repeated(p, tail));
        tail = &(*tail)->next;
    }
    return OK;
}

static status
parse_alternatives(parse *p, node **out) {
    const uint32_t flags = p->flags;
    node          *first;
    TRY(parse_sequence(p, &first));
    *out = first;
    if (peek(p) == '|') {
        TRY(make(p, NODE_ALTERNATE, out));
        (*out)->child = first;
        for (node **tail = &first->next; accept(p, "|"); tail = &(*tail)->next) {
            TRY(parse_sequence(p, tail));
        }
    }
    p->flags = flags;
    return OK;
}

static status
parse_literal(parse *p, node **out) {
    node **tail;
    TRY(make(p, NODE_CONCAT, out));
    tail = &(*out)->child;
    while (!at_end(p)) {
        TRY(make_char(p, next_code(p), tail));
        tail = &(*tail)->next;
    }
    return OK;
}

status
regex_parse(node **out, int32_t *group_count, regex_names *names, arena *a, text pattern,
            uint32_t flags, error *err) {
    parse p = {.arena = a, .err = err, .pattern = pattern, .flags = flags, .names = names};
    *group_count = 0;
    if (pattern.size > REGEX_PATTERN_MAX) {
        return error_set(err, ERR_QUERY_FAILED,
                         "the regular expression has %zu bytes; at most %d are allowed",
                         pattern.size, REGEX_PATTERN_MAX);
    }
    if ((flags & REGEX_LITERAL) != 0) {
        return parse_literal(&p, out);
    }
    TRY(parse_alternatives(&p, out));
    if (!at_end(&p)) {
        return fault(&p, "has a ) without its (");
    }
    *group_count = p.group_count;
    return OK;
}
