/* SPDX-License-Identifier: Apache-2.0 */
/* regex_program.c - a syntax tree to instructions over bytes. Counted repetitions are copies, so a
 * program may be much longer than its pattern: it ends with an error at REGEX_INSTRUCTIONS_MAX.
 *
 * A fragment is compiled with the instruction that follows it not known yet: its open ends are
 * chained through the fields that will hold the address (patch). */
#include "base/unicode.h"
#include "regex/regex_internal.h"

typedef struct maker {
    regex  *r;
    arena  *arena;
    error  *err;
    int32_t capacity, set_capacity;
    int32_t visits; /* of nodes: copies of nothing cost time too */
} maker;

/* An open end: 2 * pc, or 2 * pc + 1 for the field alt; -1 ends the chain. */
typedef struct fragment {
    int32_t start, ends;
} fragment;

static status
too_large(const maker *m) {
    return error_set(m->err, ERR_QUERY_FAILED,
                     "the regular expression is too large: it needs more than %d steps",
                     REGEX_INSTRUCTIONS_MAX);
}

static status
emit(maker *m, instruction i, int32_t *pc) {
    regex *r = m->r;
    if (r->count == m->capacity) {
        if (r->count >= REGEX_INSTRUCTIONS_MAX) {
            return too_large(m);
        }
        const int32_t wanted = m->capacity == 0 ? 32 : m->capacity * 2;
        instruction  *more = arena_alloc(m->arena, (size_t)wanted * sizeof(*more));
        if (more == NULL) {
            return error_memory(m->err);
        }
        if (r->count > 0) {
            memcpy(more, r->code, (size_t)r->count * sizeof(*more));
        }
        r->code = more;
        m->capacity = wanted;
    }
    r->code[r->count] = i;
    *pc = r->count++;
    return OK;
}

static int32_t *
end_field(const maker *m, int32_t end) {
    instruction *i = &m->r->code[end >> 1];
    return (end & 1) != 0 ? &i->alt : &i->next;
}

static void
patch(const maker *m, int32_t ends, int32_t target) {
    while (ends >= 0) {
        int32_t *field = end_field(m, ends);
        ends = *field;
        *field = target;
    }
}

static int32_t
join_ends(const maker *m, int32_t a, int32_t b) {
    if (a < 0) {
        return b;
    }
    int32_t *field = end_field(m, a);
    while (*field >= 0) {
        field = end_field(m, *field);
    }
    *field = b;
    return a;
}

/* One instruction whose `next` is open. */
static status
emit_one(maker *m, instruction i, fragment *out) {
    i.next = -1;
    TRY(emit(m, i, &out->start));
    out->ends = 2 * out->start;
    return OK;
}

static void
append(const maker *m, fragment *left, fragment right) {
    patch(m, left->ends, right.start);
    left->ends = right.ends;
}

/* Either of two, the left one first; a left.start below 0 stands for none yet. */
static status
add_alternative(maker *m, fragment *left, fragment right) {
    int32_t pc = -1;
    if (left->start < 0) {
        *left = right;
        return OK;
    }
    TRY(emit(m, (instruction){.op = OP_SPLIT, .next = left->start, .alt = right.start}, &pc));
    left->start = pc;
    left->ends = join_ends(m, right.ends, left->ends);
    return OK;
}

/* ---- classes: their ASCII part is one set, the rest sequences of byte ranges */
static status
emit_set(maker *m, const byte_set *s, fragment *out) {
    regex *r = m->r;
    if (r->set_count == m->set_capacity) {
        const int32_t wanted = m->set_capacity == 0 ? 8 : m->set_capacity * 2;
        byte_set     *more = arena_alloc(m->arena, (size_t)wanted * sizeof(*more));
        if (more == NULL) {
            return error_memory(m->err);
        }
        if (r->set_count > 0) {
            memcpy(more, r->sets, (size_t)r->set_count * sizeof(*more));
        }
        r->sets = more;
        m->set_capacity = wanted;
    }
    r->sets[r->set_count] = *s;
    return emit_one(m, (instruction){.op = OP_SET, .alt = r->set_count++}, out);
}

static status
emit_bytes(maker *m, const uint8_t *lo, const uint8_t *hi, size_t size, fragment *out) {
    for (size_t i = 0; i < size; i++) {
        fragment one;
        TRY(emit_one(m, (instruction){.op = OP_BYTE, .lo = lo[i], .hi = hi[i]}, &one));
        if (i == 0) {
            *out = one;
        } else {
            append(m, out, one);
        }
    }
    return OK;
}

/* Byte ranges in a row; those of a class are in order and apart. */
enum { WIDTH_MAX = 4 };
typedef struct sequence {
    uint8_t lo[WIDTH_MAX], hi[WIDTH_MAX];
    int32_t size;
} sequence;

typedef struct sequences {
    int32_t   count, capacity;
    sequence *items;
} sequences;

static status
add_sequence(maker *m, sequences *all, const uint8_t *lo, const uint8_t *hi, size_t size) {
    if (all->count == all->capacity) {
        const int32_t wanted = all->capacity == 0 ? 64 : 2 * all->capacity;
        sequence     *more = arena_alloc(m->arena, (size_t)wanted * sizeof(*more));
        if (more == NULL) {
            return error_memory(m->err);
        }
        if (all->count > 0) {
            memcpy(more, all->items, (size_t)all->count * sizeof(*more));
        }
        all->items = more;
        all->capacity = wanted;
    }
    sequence *made = &all->items[all->count++];
    *made = (sequence){.size = (int32_t)size};
    memcpy(made->lo, lo, size);
    memcpy(made->hi, hi, size);
    return OK;
}

/* Characters first .. last of one width whose trailing bytes all run from 80 to BF, or which differ
 * in the last byte alone, are one sequence; others are cut where a byte turns over. */
static status
add_sequences(maker *m, uint32_t first, uint32_t last, sequences *all) {
    static const uint32_t width_ends[] = {0x7F, 0x7FF, 0xFFFF, UNICODE_MAX};
    for (int32_t i = 0; i < 3; i++) {
        if (first <= width_ends[i] && last > width_ends[i]) {
            TRY(add_sequences(m, first, width_ends[i], all));
            return add_sequences(m, width_ends[i] + 1, last, all);
        }
    }
    for (int32_t i = 1; i < 4 && first > 0x7F; i++) {
        const uint32_t low = (1U << 6 * i) - 1;
        if ((first & ~low) == (last & ~low)) {
            break;
        }
        if ((first & low) != 0) {
            TRY(add_sequences(m, first, first | low, all));
            return add_sequences(m, (first | low) + 1, last, all);
        }
        if ((last & low) != low) {
            TRY(add_sequences(m, first, (last & ~low) - 1, all));
            return add_sequences(m, last & ~low, last, all);
        }
    }
    char         lo[4], hi[4];
    const size_t size = utf8_encode(lo, first);
    (void)utf8_encode(hi, last);
    return add_sequence(m, all, (const uint8_t *)lo, (const uint8_t *)hi, size);
}

/* All characters beyond ASCII: which bytes follow a first byte need not be checked in valid text.
 */
static status
add_all_wide(maker *m, sequences *all) {
    static const uint8_t lo[3][4] = {{0xC2, 0x80}, {0xE0, 0x80, 0x80}, {0xF0, 0x80, 0x80, 0x80}};
    static const uint8_t hi[3][4] = {{0xDF, 0xBF}, {0xEF, 0xBF, 0xBF}, {0xF4, 0xBF, 0xBF, 0xBF}};
    for (size_t i = 0; i < 3; i++) {
        TRY(add_sequence(m, all, lo[i], hi[i], i + 2));
    }
    return OK;
}

/* How many sequences from `at` on have the byte at `depth` in common. */
static int32_t
run_of(const sequence *items, int32_t count, int32_t at, int32_t depth) {
    const sequence *first = &items[at];
    int32_t         end = at + 1;
    while (end < count && items[end].size == first->size &&
           items[end].lo[depth] == first->lo[depth] && items[end].hi[depth] == first->hi[depth]) {
        end++;
    }
    return end - at;
}

/* The bytes from `depth` on of sequences that have those before it in common. A byte that several
 * share is looked at once, and the last byte of all is one set: a class of hundreds of ranges costs
 * a character few steps. Earlier ones are tried first. */
static status
emit_tree(maker *m, const sequence *items, int32_t count, int32_t depth, fragment *out) {
    *out = (fragment){.start = -1, .ends = -1};
    if (depth > 0 && depth + 1 == items->size && count > 1) {
        byte_set last = {.words = {0}};
        for (int32_t i = 0; i < count; i++) {
            for (int32_t byte = items[i].lo[depth]; byte <= items[i].hi[depth]; byte++) {
                set_add(&last, (uint8_t)byte);
            }
        }
        return emit_set(m, &last, out);
    }
    for (int32_t end = count; end > 0;) {
        int32_t at = end - 1;
        while (at > 0 && run_of(items, end, at - 1, depth) == end - at + 1) {
            at--;
        }
        fragment        one, rest;
        const sequence *s = &items[at];
        if (end - at == 1 || depth + 1 == WIDTH_MAX) { /* equal to the last byte: one */
            TRY(emit_bytes(m, s->lo + depth, s->hi + depth, (size_t)(s->size - depth), &one));
        } else {
            TRY(emit_bytes(m, s->lo + depth, s->hi + depth, 1, &one));
            TRY(emit_tree(m, s, end - at, depth + 1, &rest));
            append(m, &one, rest);
        }
        if (out->start >= 0) {
            TRY(add_alternative(m, &one, *out));
        }
        *out = one;
        end = at;
    }
    return OK;
}

static status
compile_class(maker *m, const char_class *c, fragment *out) {
    byte_set  ascii = {.words = {0}};
    sequences wide = {.count = 0};
    bool      any = false;
    for (int32_t i = 0; i < c->count; i++) {
        const char_range r = c->ranges[i];
        for (uint32_t code = r.first; code <= r.last && code < 0x80; code++) {
            set_add(&ascii, (uint8_t)code);
            any = true;
        }
        if (r.last < 0x80) {
            continue;
        }
        const uint32_t first = r.first < 0x80 ? 0x80 : r.first;
        TRY(first == 0x80 && r.last == UNICODE_MAX ? add_all_wide(m, &wide)
                                                   : add_sequences(m, first, r.last, &wide));
    }
    *out = (fragment){.start = -1, .ends = -1};
    TRY(wide.count > 0 ? emit_tree(m, wide.items, wide.count, 0, out) : OK);
    if (any || out->start < 0) { /* an empty class matches nothing */
        fragment one;
        TRY(emit_set(m, &ascii, &one));
        if (out->start >= 0) {
            TRY(add_alternative(m, &one, *out));
        }
        *out = one;
    }
    return OK;
}

static status
compile_char(maker *m, uint32_t code, fragment *out) {
    char         bytes[4];
    const size_t size = utf8_encode(bytes, code);
    return emit_bytes(m, (const uint8_t *)bytes, (const uint8_t *)bytes, size, out);
}

/* ---- nodes */
static status compile(maker *m, const node *n, fragment *out);

static status
compile_empty(maker *m, fragment *out) {
    return emit_one(m, (instruction){.op = OP_JUMP}, out);
}

static status
compile_concat(maker *m, const node *n, fragment *out) {
    if (n->child == NULL) {
        return compile_empty(m, out);
    }
    TRY(compile(m, n->child, out));
    for (const node *c = n->child->next; c != NULL; c = c->next) {
        fragment one;
        TRY(compile(m, c, &one));
        append(m, out, one);
    }
    return OK;
}

/* A chain of splits, the first alternative first. */
static status
compile_alternatives(maker *m, const node *n, fragment *out) {
    int32_t before = -1;
    out->ends = -1;
    for (const node *c = n->child; c != NULL; c = c->next) {
        int32_t  split = -1;
        fragment one;
        if (c->next != NULL) {
            TRY(emit(m, (instruction){.op = OP_SPLIT}, &split));
        }
        TRY(compile(m, c, &one));
        if (split >= 0) {
            m->r->code[split].next = one.start;
        }
        const int32_t start = split >= 0 ? split : one.start;
        if (before >= 0) {
            m->r->code[before].alt = start;
        } else {
            out->start = start;
        }
        before = split;
        out->ends = join_ends(m, one.ends, out->ends);
    }
    return OK;
}

/* Can it match the empty text? */
static bool
is_nullable(const node *n) {
    switch (n->kind) {
    case NODE_CHAR:
    case NODE_CLASS:
        return false;
    case NODE_EMPTY:
    case NODE_ASSERT:
        return true;
    case NODE_GROUP:
        return is_nullable(n->child);
    case NODE_REPEAT:
        return n->min == 0 || is_nullable(n->child);
    case NODE_CONCAT:
        for (const node *c = n->child; c != NULL; c = c->next) {
            if (!is_nullable(c)) {
                return false;
            }
        }
        return true;
    case NODE_ALTERNATE:
        for (const node *c = n->child; c != NULL; c = c->next) {
            if (is_nullable(c)) {
                return true;
            }
        }
        return false;
    }
    UNREACHABLE();
}

/* A split between `body` and an open end, the body first unless lazy. */
static status
emit_choice(maker *m, int32_t body, bool lazy, int32_t *pc) {
    const instruction i = lazy ? (instruction){.op = OP_SPLIT, .next = -1, .alt = body}
                               : (instruction){.op = OP_SPLIT, .next = body, .alt = -1};
    return emit(m, i, pc);
}

static int32_t
open_end(int32_t split, bool lazy) {
    return 2 * split + !lazy;
}

/* x+: the body, then a choice of the body again. */
static status
compile_plus(maker *m, const node *body, bool lazy, fragment *out) {
    int32_t split;
    TRY(compile(m, body, out));
    TRY(emit_choice(m, out->start, lazy, &split));
    patch(m, out->ends, split);
    out->ends = open_end(split, lazy);
    return OK;
}

static status
compile_optional(maker *m, const node *body, bool lazy, bool plus, fragment *out) {
    int32_t split;
    TRY(emit_choice(m, -1, lazy, &split));
    fragment inner;
    TRY(plus ? compile_plus(m, body, lazy, &inner) : compile(m, body, &inner));
    if (lazy) {
        m->r->code[split].alt = inner.start;
    } else {
        m->r->code[split].next = inner.start;
    }
    out->start = split;
    out->ends = join_ends(m, open_end(split, lazy), inner.ends);
    return OK;
}

/* x*; of an x that may be empty (x+)?, so that an empty round ends the loop. */
static status
compile_star(maker *m, const node *body, bool lazy, fragment *out) {
    if (is_nullable(body)) {
        return compile_optional(m, body, lazy, true, out);
    }
    int32_t split;
    TRY(emit_choice(m, -1, lazy, &split));
    fragment inner;
    TRY(compile(m, body, &inner));
    if (lazy) {
        m->r->code[split].alt = inner.start;
    } else {
        m->r->code[split].next = inner.start;
    }
    patch(m, inner.ends, split);
    *out = (fragment){split, open_end(split, lazy)};
    return OK;
}

/* n copies, then x* or optional ones inside each other. */
static status
compile_repeat(maker *m, const node *n, fragment *out) {
    const bool endless = n->max < 0;
    const bool as_plus = endless && n->min > 0;
    int32_t    exits = -1;
    TRY(compile_empty(m, out));
    for (int32_t i = 0; i < n->min; i++) {
        fragment one;
        TRY(as_plus && i == n->min - 1 ? compile_plus(m, n->child, n->lazy, &one)
                                       : compile(m, n->child, &one));
        append(m, out, one);
    }
    if (endless && n->min == 0) {
        fragment one;
        TRY(compile_star(m, n->child, n->lazy, &one));
        append(m, out, one);
        return OK;
    }
    for (int32_t i = n->min; i < n->max; i++) {
        int32_t  split;
        fragment one;
        TRY(emit_choice(m, -1, n->lazy, &split));
        patch(m, out->ends, split);
        TRY(compile(m, n->child, &one));
        if (n->lazy) {
            m->r->code[split].alt = one.start;
        } else {
            m->r->code[split].next = one.start;
        }
        exits = join_ends(m, open_end(split, n->lazy), exits);
        out->ends = one.ends;
    }
    out->ends = join_ends(m, exits, out->ends);
    return OK;
}

static status
compile_group(maker *m, const node *n, fragment *out) {
    const int32_t slot = 2 * n->group;
    fragment      inner, end;
    TRY(emit_one(m, (instruction){.op = OP_SAVE, .alt = slot}, out));
    TRY(compile(m, n->child, &inner));
    append(m, out, inner);
    TRY(emit_one(m, (instruction){.op = OP_SAVE, .alt = slot + 1}, &end));
    append(m, out, end);
    return OK;
}

static status
compile(maker *m, const node *n, fragment *out) {
    if (++m->visits > 4 * REGEX_INSTRUCTIONS_MAX) {
        return too_large(m);
    }
    switch (n->kind) {
    case NODE_EMPTY:
        return compile_empty(m, out);
    case NODE_CHAR:
        return compile_char(m, n->code, out);
    case NODE_CLASS:
        return compile_class(m, &n->class, out);
    case NODE_ASSERT:
        return emit_one(m, (instruction){.op = OP_ASSERT, .lo = (uint8_t)n->assertion}, out);
    case NODE_GROUP:
        return compile_group(m, n, out);
    case NODE_CONCAT:
        return compile_concat(m, n, out);
    case NODE_ALTERNATE:
        return compile_alternatives(m, n, out);
    case NODE_REPEAT:
        return compile_repeat(m, n, out);
    }
    UNREACHABLE();
}

/* The program starts at 0 with a jump to the pattern and ends with its only OP_MATCH. */
status
program_make(regex *r, arena *a, const node *root, error *err) {
    maker    m = {.r = r, .arena = a, .err = err};
    fragment start, body;
    int32_t  match;
    TRY(compile_empty(&m, &start));
    TRY(compile(&m, root, &body));
    append(&m, &start, body);
    TRY(emit(&m, (instruction){.op = OP_MATCH}, &match));
    patch(&m, start.ends, match);
    return OK;
}
