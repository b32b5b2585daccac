/* SPDX-License-Identifier: Apache-2.0 */
/* regex_analyse.c - what can be said about all matches of a program before it runs: that they start
 * at the start of the text, with which bytes, which text they hold and where. So most texts and
 * places are passed over by memchr and text_find. */
#include "base/unicode.h"
#include "regex/regex_internal.h"

bool
assertion_holds(int32_t what, int32_t before, int32_t after) {
    switch (what) {
    case ASSERT_TEXT_START:
        return before < 0;
    case ASSERT_TEXT_END:
        return after < 0;
    case ASSERT_LINE_START:
        return before < 0 || before == '\n';
    case ASSERT_LINE_END:
        return after < 0 || after == '\n';
    default: {
        const bool b = before == '_' ||
                       (before >= 0 && before < 0x80 && unicode_is_alphanumeric((uint32_t)before));
        const bool a = after == '_' ||
                       (after >= 0 && after < 0x80 && unicode_is_alphanumeric((uint32_t)after));
        return (a != b) == (what == ASSERT_WORD_EDGE);
    }
    }
}

static bool
is_anchored(const node *n) {
    switch (n->kind) {
    case NODE_ASSERT:
        return n->assertion == ASSERT_TEXT_START;
    case NODE_GROUP:
        return is_anchored(n->child);
    case NODE_REPEAT:
        return n->min > 0 && is_anchored(n->child);
    case NODE_CONCAT:
        for (const node *c = n->child; c != NULL; c = c->next) {
            if (is_anchored(c)) {
                return true;
            }
            if (c->kind != NODE_EMPTY && c->kind != NODE_ASSERT) {
                return false;
            }
        }
        return false;
    case NODE_ALTERNATE:
        for (const node *c = n->child; c != NULL; c = c->next) {
            if (!is_anchored(c)) {
                return false;
            }
        }
        return true;
    default:
        return false;
    }
}

/* ---- the first byte */
/* Follows everything that takes no byte from pc 0. */
static status
find_first(regex *r, arena *a, error *err) {
    int32_t  *stack = arena_alloc(a, (size_t)(r->count + 1) * sizeof(*stack));
    uint64_t *seen = arena_alloc_zero(a, (size_t)bits_words(r->count) * sizeof(*seen));
    int32_t   top = 0;
    if (stack == NULL || seen == NULL) {
        return error_memory(err);
    }
    r->has_first = true;
    stack[top++] = 0;
    while (top > 0) {
        const int32_t pc = stack[--top];
        if (bits_get(seen, pc)) {
            continue;
        }
        bits_set(seen, pc);
        const instruction *i = &r->code[pc];
        switch ((opcode)i->op) {
        case OP_BYTE:
            for (int32_t b = i->lo; b <= i->hi; b++) {
                set_add(&r->first, (uint8_t)b);
            }
            break;
        case OP_SET:
            for (int32_t w = 0; w < 4; w++) {
                r->first.words[w] |= r->sets[i->alt].words[w];
            }
            break;
        case OP_SPLIT:
            if (!bits_get(seen, i->alt)) {
                stack[top++] = i->alt;
            }
            stack[top++] = i->next;
            break;
        case OP_MATCH:
            r->has_first = false;
            break;
        case OP_SAVE:
        case OP_ASSERT:
        case OP_JUMP:
            stack[top++] = i->next;
            break;
        }
    }
    int32_t count = 0;
    r->first_byte = -1;
    for (int32_t b = 0; b < 256 && r->has_first; b++) {
        if (set_has(&r->first, (uint8_t)b)) {
            r->first_byte = ++count == 1 ? b : -1;
        }
    }
    return OK;
}

/* ---- how many bytes it takes */
typedef struct width {
    int64_t min, max; /* up to WIDTH_ANY, which as max means: without a bound */
} width;

static int64_t
capped(int64_t bytes) {
    return bytes < WIDTH_ANY ? bytes : WIDTH_ANY;
}

static void
widen(width *w, width by) {
    w->min = capped(w->min + by.min);
    w->max = capped(w->max + by.max);
}

static width
width_of(const node *n) {
    width w = {0, 0};
    switch (n->kind) {
    case NODE_EMPTY:
    case NODE_ASSERT:
        return w;
    case NODE_CHAR: {
        char bytes[4];
        w.min = (int64_t)utf8_encode(bytes, n->code);
        w.max = w.min;
        return w;
    }
    case NODE_CLASS:
        return (width){1, 4};
    case NODE_GROUP:
        return width_of(n->child);
    case NODE_CONCAT:
        for (const node *c = n->child; c != NULL; c = c->next) {
            widen(&w, width_of(c));
        }
        return w;
    case NODE_ALTERNATE:
        w = width_of(n->child);
        for (const node *c = n->child->next; c != NULL; c = c->next) {
            const width other = width_of(c);
            w.min = other.min < w.min ? other.min : w.min;
            w.max = other.max > w.max ? other.max : w.max;
        }
        return w;
    case NODE_REPEAT: {
        const width one = width_of(n->child);
        const bool  open = n->max < 0 && one.max > 0;
        w.min = capped(one.min * n->min);
        w.max = open ? WIDTH_ANY : capped(one.max * (n->max < 0 ? 0 : n->max));
        return w;
    }
    }
    return w;
}

/* ---- text that every match holds */
typedef struct runs {
    char  *bytes; /* room for all literal characters of the pattern */
    size_t used, start;
    bool   at_start; /* the run began where the pattern did */
    bool   is_pure;  /* nothing but characters so far */
    width  start_at; /* where the run begins, in bytes behind the start of the match */
    text   prefix, longest;
    width  longest_at;
} runs;

static void
end_run(runs *k) {
    const text t = {k->bytes + k->start, k->used - k->start};
    if (k->at_start) {
        k->prefix = t;
    }
    if (t.size > k->longest.size) {
        k->longest = t;
        k->longest_at = k->start_at;
    }
    widen(&k->start_at, (width){(int64_t)t.size, (int64_t)t.size});
    k->at_start = false;
    k->start = k->used;
}

static void
find_runs(runs *k, const node *n) {
    switch (n->kind) {
    case NODE_EMPTY:
        return;
    case NODE_CHAR:
        k->used += utf8_encode(k->bytes + k->used, n->code);
        return;
    case NODE_ASSERT:
        k->is_pure = false;
        return;
    case NODE_GROUP:
        k->is_pure = false;
        find_runs(k, n->child);
        return;
    case NODE_CONCAT:
        for (const node *c = n->child; c != NULL; c = c->next) {
            find_runs(k, c);
        }
        return;
    case NODE_CLASS:
    case NODE_ALTERNATE:
    case NODE_REPEAT:
        k->is_pure = false;
        end_run(k);
        widen(&k->start_at, width_of(n));
        return;
    }
}

static size_t
literal_bytes(const node *n) {
    size_t total = n->kind == NODE_CHAR ? 4 : 0;
    if (n->kind == NODE_GROUP || n->kind == NODE_CONCAT) {
        for (const node *c = n->child; c != NULL; c = c->next) {
            total += literal_bytes(c);
        }
    }
    return total;
}

static status
find_literals(regex *r, arena *a, const node *root, error *err) {
    runs k = {.at_start = true, .is_pure = true};
    k.bytes = arena_alloc(a, literal_bytes(root) + 1);
    if (k.bytes == NULL) {
        return error_memory(err);
    }
    find_runs(&k, root);
    end_run(&k);
    r->prefix = k.prefix;
    r->needed = k.longest;
    r->needed_min = k.longest_at.min;
    r->needed_max = k.longest_at.max;
    r->is_literal = k.is_pure;
    return OK;
}

/* ---- bytes that no instruction tells apart */
static void
find_byte_classes(regex *r) {
    bool starts[257] = {true};
    for (int32_t pc = 0; pc < r->count; pc++) {
        const instruction *i = &r->code[pc];
        if (i->op == OP_BYTE) {
            starts[i->lo] = true;
            starts[i->hi + 1] = true;
        }
        for (int32_t b = 1; i->op == OP_SET && b < 256; b++) {
            const byte_set *s = &r->sets[i->alt];
            starts[b] |= set_has(s, (uint8_t)b) != set_has(s, (uint8_t)(b - 1));
        }
        if (i->op == OP_ASSERT && i->lo != ASSERT_TEXT_START && i->lo != ASSERT_TEXT_END) {
            r->has_asserts = true;
        }
    }
    if (r->has_asserts) {
        static const uint8_t edges[] = {'\n',    '\n' + 1, '0',     '9' + 1, 'A',
                                        'Z' + 1, '_',      '_' + 1, 'a',     'z' + 1};
        for (int32_t i = 0; i < ARRAY_COUNT(edges); i++) {
            starts[edges[i]] = true;
        }
    }
    int32_t class = -1;
    for (int32_t b = 0; b < 256; b++) {
        class += starts[b];
        r->class_of[b] = (uint8_t)class;
    }
    r->class_count = class + 1;
}

status
program_analyse(regex *r, arena *a, const node *root, error *err) {
    r->anchored = is_anchored(root);
    find_byte_classes(r);
    TRY(find_first(r, a, err));
    return find_literals(r, a, root, err);
}
