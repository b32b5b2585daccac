/* SPDX-License-Identifier: Apache-2.0 */
/* regex_dfa.c - whether a text matches: a table of states, filled in as texts need it.
 *
 * A state is the set of instructions that are next, before what takes no byte is followed, and what
 * the byte before was; so that assertions, which look at both sides, are decided when the byte
 * behind is known. A match is therefore noticed one byte late, the end of the text counting as one.
 * When the table is full it is emptied: a text costs no more per byte than a simulation would. */
#include "base/hash.h"
#include "base/unicode.h"
#include "regex/regex_internal.h"

enum {
    STATE_UNKNOWN = -1,
    STATE_MATCHED = -2,
    STATE_DEAD = -3,
    STATES_MAX = 1000,
    TABLE_CELLS = 65536,
    HASH_SIZE = 2048 /* a power of two above 2 * STATES_MAX */
};

/* The byte before, as far as assertions can tell. */
typedef enum before { BEFORE_TEXT, BEFORE_NEWLINE, BEFORE_WORD, BEFORE_OTHER } before;
static const int32_t before_byte[] = {-1, '\n', 'a', ' '};

typedef struct dfa_state {
    int32_t first, count; /* in the pool */
    before  before;
} dfa_state;

struct dfa {
    int32_t    stride; /* byte classes, and the end of the text */
    int32_t    state_max, state_count;
    int32_t    pool_size, pool_used;
    int16_t   *next; /* state_max * stride */
    dfa_state *states;
    int32_t   *pool;
    int16_t   *hash;
    uint64_t  *marks, *seeds; /* of instructions */
    int32_t   *stack;
    uint8_t   *sample; /* a byte of each class */
};

static void
clear(dfa *d) {
    d->state_count = 0;
    d->pool_used = 0;
    memset(d->hash, 0xFF, HASH_SIZE * sizeof(*d->hash));
}

status
dfa_make(regex *r, arena *a, error *err) {
    dfa         *d = arena_alloc(a, sizeof(*d));
    const size_t words = (size_t)bits_words(r->count);
    if (d == NULL) {
        return error_memory(err);
    }
    d->stride = r->class_count + 1;
    d->state_max = TABLE_CELLS / d->stride < STATES_MAX ? TABLE_CELLS / d->stride : STATES_MAX;
    d->pool_size = 8192 + 8 * r->count;
    d->next = arena_alloc(a, (size_t)d->state_max * (size_t)d->stride * sizeof(*d->next));
    d->states = arena_alloc(a, (size_t)d->state_max * sizeof(*d->states));
    d->pool = arena_alloc(a, (size_t)d->pool_size * sizeof(*d->pool));
    d->hash = arena_alloc(a, HASH_SIZE * sizeof(*d->hash));
    d->marks = arena_alloc(a, words * sizeof(*d->marks));
    d->seeds = arena_alloc(a, words * sizeof(*d->seeds));
    d->stack = arena_alloc(a, (size_t)(2 * r->count + 2) * sizeof(*d->stack));
    d->sample = arena_alloc(a, 256);
    if (d->next == NULL || d->states == NULL || d->pool == NULL || d->hash == NULL ||
        d->marks == NULL || d->seeds == NULL || d->stack == NULL || d->sample == NULL) {
        return error_memory(err);
    }
    for (int32_t b = 255; b >= 0; b--) {
        d->sample[r->class_of[b]] = (uint8_t)b;
    }
    clear(d);
    r->dfa = d;
    return OK;
}

/* ---- states */
static before
before_of(const regex *r, int32_t byte) {
    if (byte < 0) {
        return BEFORE_TEXT;
    }
    if (!r->has_asserts) {
        return BEFORE_OTHER;
    }
    if (byte == '\n') {
        return BEFORE_NEWLINE;
    }
    return assertion_holds(ASSERT_WORD_EDGE, byte, -1) ? BEFORE_WORD : BEFORE_OTHER;
}

/* The state of d->seeds; emptied tables make room. Their number is below the pool's size. */
static int32_t
state_of(regex *r, before b) {
    dfa           *d = r->dfa;
    const int32_t  words = (int32_t)bits_words(r->count);
    const int32_t  count = (int32_t)bits_count(d->seeds, r->count);
    const uint64_t h = hash_bytes(d->seeds, (size_t)words * sizeof(*d->seeds)) + (uint64_t)b;
    if (d->state_count == d->state_max || d->pool_used + count > d->pool_size) {
        clear(d);
    }
    int32_t *at = d->pool + d->pool_used;
    int32_t  n = 0;
    for (int32_t w = 0; w < words; w++) {
        for (uint64_t left = d->seeds[w]; left != 0; left &= left - 1) {
            at[n++] = w * 64 + __builtin_ctzll(left);
        }
    }
    uint32_t slot = (uint32_t)h & (HASH_SIZE - 1);
    for (; d->hash[slot] >= 0; slot = (slot + 1) & (HASH_SIZE - 1)) {
        const dfa_state *s = &d->states[d->hash[slot]];
        if (s->before == b && s->count == count &&
            memcmp(d->pool + s->first, at, (size_t)count * sizeof(*at)) == 0) {
            return d->hash[slot];
        }
    }
    const int32_t made = d->state_count++;
    d->states[made] = (dfa_state){.first = d->pool_used, .count = count, .before = b};
    d->pool_used += count;
    d->hash[slot] = (int16_t)made;
    for (int32_t i = 0; i < d->stride; i++) {
        d->next[made * d->stride + i] = STATE_UNKNOWN;
    }
    return made;
}

/* Follows what takes no byte from `pc`, with `byte` behind; puts what comes after the byte into
 * d->seeds. True when it is a match. */
static bool
follow(regex *r, int32_t pc, int32_t before_value, int32_t byte) {
    dfa    *d = r->dfa;
    int32_t top = 0;
    d->stack[top++] = pc;
    while (top > 0) {
        const int32_t at = d->stack[--top];
        if (bits_get(d->marks, at)) {
            continue;
        }
        bits_set(d->marks, at);
        const instruction *i = &r->code[at];
        switch ((opcode)i->op) {
        case OP_BYTE:
            if (byte >= i->lo && byte <= i->hi) {
                bits_set(d->seeds, i->next);
            }
            break;
        case OP_SET:
            if (byte >= 0 && set_has(&r->sets[i->alt], (uint8_t)byte)) {
                bits_set(d->seeds, i->next);
            }
            break;
        case OP_SPLIT:
            d->stack[top++] = i->alt;
            d->stack[top++] = i->next;
            break;
        case OP_ASSERT:
            if (assertion_holds(i->lo, before_value, byte)) {
                d->stack[top++] = i->next;
            }
            break;
        case OP_SAVE:
        case OP_JUMP:
            d->stack[top++] = i->next;
            break;
        case OP_MATCH:
            if ((r->flags & REGEX_WHOLE) == 0 || byte < 0) {
                return true;
            }
            break;
        }
    }
    return false;
}

/* Fills one cell of the table. `class` is that of a byte, or the last: the end of the text. */
static NOINLINE int32_t
step(regex *r, int32_t state, int32_t class) {
    dfa            *d = r->dfa;
    const dfa_state s = d->states[state];
    const int32_t   byte = class == d->stride - 1 ? -1 : d->sample[class];
    const size_t    bytes = (size_t)bits_words(r->count) * sizeof(*d->marks);
    int16_t        *cell = &d->next[state * d->stride + class];
    memset(d->marks, 0, bytes);
    memset(d->seeds, 0, bytes);
    for (int32_t i = 0; i < s.count; i++) {
        if (follow(r, d->pool[s.first + i], before_byte[s.before], byte)) {
            *cell = STATE_MATCHED;
            return STATE_MATCHED;
        }
    }
    if (!r->anchored && (r->flags & REGEX_WHOLE) == 0) {
        bits_set(d->seeds, 0);
    }
    if (byte < 0 || bits_count(d->seeds, r->count) == 0) {
        *cell = STATE_DEAD;
        return STATE_DEAD;
    }
    const int32_t made = d->state_count;
    const int32_t to = state_of(r, before_of(r, byte));
    if (d->state_count >= made) { /* the table was not emptied: the cell is still ours */
        *cell = (int16_t)to;
    }
    return to;
}

bool
dfa_matches(regex *r, text s) {
    dfa    *d = r->dfa;
    size_t  at = 0;
    int32_t before_value = -1;
    if (r->prefix.size > 0 && !r->anchored && (r->flags & REGEX_WHOLE) == 0) {
        const char *found = text_find(s, r->prefix);
        if (found == NULL) {
            return false;
        }
        at = (size_t)(found - s.data);
        before_value = at == 0 ? -1 : (uint8_t)s.data[at - 1];
    }
    memset(d->seeds, 0, (size_t)bits_words(r->count) * sizeof(*d->seeds));
    bits_set(d->seeds, 0);
    int32_t state = state_of(r, before_of(r, before_value));
    for (; at < s.size; at++) {
        const int32_t class = r->class_of[(uint8_t)s.data[at]];
        int32_t next = d->next[state * d->stride + class];
        if (UNLIKELY(next < 0)) {
            if (next == STATE_UNKNOWN) {
                next = step(r, state, class);
            }
            if (next < 0) {
                return next == STATE_MATCHED;
            }
        }
        state = next;
    }
    int32_t end = d->next[state * d->stride + d->stride - 1];
    if (end == STATE_UNKNOWN) {
        end = step(r, state, d->stride - 1);
    }
    return end == STATE_MATCHED;
}
