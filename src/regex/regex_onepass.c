/* SPDX-License-Identifier: Apache-2.0 */
/* regex_onepass.c - a matcher for programs in which, from one place to the next, the byte alone
 * says how to go on: then one walk over the bytes finds the match and its groups, without going
 * back and without lists of threads.
 *
 * A node is an instruction that a byte led to, and the start. Its cells say for each class of bytes
 * the one way on: where the cells of the next node are, the assertions on the way, the slots that
 * are set on the way, and whether a match that is possible here comes before it. The last cell is
 * that match. A program has this form when no class of bytes has two ways on and nothing is reached
 * twice without a byte; such loops as (a*)* and such choices as ab|ac are left to the others. */
#include "regex/regex_internal.h"

enum {
    CELLS_MAX = 16384,
    SLOT_MAX = 34, /* two of the match, and 32 with a bit in a cell */
    CELL_USED = 1,
    CELL_WINS = 2, /* a match at this node comes before */
    CELL_SURE = 4, /* there is nothing to ask: no assertions, and a match at this node, if there is
                      one, is followed by a better one for sure */
    ASSERT_SHIFT = 3,
    ASSERT_BITS = 0x3f << ASSERT_SHIFT,
    NEXT_SHIFT = 12,
    NEXT_MASK = 0xffff,
    SAVE_SHIFT = 32
};

struct onepass {
    int32_t   stride; /* byte classes, and the match */
    uint64_t *cells;
};

typedef struct way {
    int32_t  pc;
    uint64_t bits; /* of a cell */
} way;

typedef struct maker {
    const regex *r;
    onepass     *p;
    int32_t      node_count, node_max;
    int32_t     *node_of; /* by pc; -1: none */
    int32_t     *pc_of;   /* by node */
    int32_t     *seen;    /* by pc: the last node that reached it */
    way         *stack;
    uint8_t      sample[256]; /* a byte of each class */
} maker;

static bool
node_at(maker *m, int32_t pc, uint64_t *out) {
    if (m->node_of[pc] < 0) {
        if (m->node_count == m->node_max) {
            return false;
        }
        uint64_t *cells = m->p->cells + (int64_t)m->node_count * m->p->stride;
        memset(cells, 0, (size_t)m->p->stride * sizeof(*cells));
        m->pc_of[m->node_count] = pc;
        m->node_of[pc] = m->node_count++;
    }
    *out = (uint64_t)m->node_of[pc];
    return true;
}

/* The bytes of an instruction lead from the node `here` to what is behind it. */
static bool
add_bytes(maker *m, int32_t here, const instruction *i, uint64_t bits) {
    uint64_t to;
    if (!node_at(m, i->next, &to)) {
        return false;
    }
    uint64_t *cells = m->p->cells + (int64_t)here * m->p->stride;
    for (int32_t k = 0; k < m->r->class_count; k++) {
        const uint8_t b = m->sample[k];
        const bool    takes =
            i->op == OP_BYTE ? b >= i->lo && b <= i->hi : set_has(&m->r->sets[i->alt], b);
        if (takes) {
            if (cells[k] != 0) {
                return false;
            }
            cells[k] = bits | to * (uint64_t)m->p->stride << NEXT_SHIFT | CELL_USED;
        }
    }
    return true;
}

/* Follows all that takes no byte from the node, in order of priority. */
static bool
make_node(maker *m, int32_t here) {
    const regex *r = m->r;
    uint64_t    *match = m->p->cells + (int64_t)here * m->p->stride + r->class_count;
    int32_t      top = 0;
    m->stack[top++] = (way){m->pc_of[here], 0};
    while (top > 0) {
        way w = m->stack[--top];
        for (bool more = true; more;) {
            const instruction *i = &r->code[w.pc];
            if (m->seen[w.pc] == here) {
                return false;
            }
            m->seen[w.pc] = here;
            switch ((opcode)i->op) {
            case OP_BYTE:
            case OP_SET:
                if (!add_bytes(m, here, i, w.bits | (*match != 0 ? CELL_WINS : 0))) {
                    return false;
                }
                more = false;
                break;
            case OP_MATCH:
                *match = w.bits | CELL_USED;
                more = false;
                break;
            case OP_SPLIT:
                m->stack[top++] = (way){i->alt, w.bits};
                break;
            case OP_SAVE:
                if (i->alt >= 2 && i->alt < r->slot_count) {
                    w.bits |= UINT64_C(1) << (SAVE_SHIFT + i->alt - 2);
                }
                break;
            case OP_ASSERT:
                w.bits |= UINT64_C(1) << (ASSERT_SHIFT + i->lo);
                break;
            case OP_JUMP:
                break;
            }
            w.pc = i->next;
        }
    }
    return true;
}

static void
mark_sure(const maker *m) {
    const uint64_t *cells = m->p->cells;
    const int64_t   stride = m->p->stride;
    for (int64_t k = 0; k < m->node_count * stride; k++) {
        const uint64_t cell = cells[k];
        const uint64_t match = cells[k / stride * stride + stride - 1];
        const uint64_t next = cells[(int64_t)(cell >> NEXT_SHIFT & NEXT_MASK) + stride - 1];
        const bool     better = (cell & CELL_WINS) == 0 && next != 0 && (next & ASSERT_BITS) == 0;
        const bool     is_match = k % stride == stride - 1;
        if (!is_match && cell != 0 && (cell & ASSERT_BITS) == 0 && (match == 0 || better)) {
            m->p->cells[k] |= CELL_SURE;
        }
    }
}

/* Nodes that bytes may lead to: as many as there are instructions behind one that takes a byte. */
static int32_t
count_targets(const regex *r, uint64_t *marks) {
    bits_set(marks, 0);
    for (int32_t pc = 0; pc < r->count; pc++) {
        if (r->code[pc].op == OP_BYTE || r->code[pc].op == OP_SET) {
            bits_set(marks, r->code[pc].next);
        }
    }
    return (int32_t)bits_count(marks, r->count);
}

status
onepass_make(regex *r, arena *a, error *err) {
    const size_t count = (size_t)r->count;
    maker        m = {.r = r};
    uint64_t    *marks = arena_alloc_zero(a, (size_t)bits_words(r->count) * sizeof(*marks));
    if (marks == NULL) {
        return error_memory(err);
    }
    m.node_max = count_targets(r, marks);
    const int64_t cells = (int64_t)m.node_max * (r->class_count + 1);
    if (cells > CELLS_MAX || r->slot_count > SLOT_MAX) {
        return OK;
    }
    m.p = arena_alloc(a, sizeof(*m.p));
    m.node_of = arena_alloc(a, count * sizeof(*m.node_of));
    m.pc_of = arena_alloc(a, count * sizeof(*m.pc_of));
    m.seen = arena_alloc(a, count * sizeof(*m.seen));
    m.stack = arena_alloc(a, (count + 1) * sizeof(*m.stack));
    uint64_t *table = arena_alloc(a, (size_t)cells * sizeof(*table));
    if (m.p == NULL || m.node_of == NULL || m.pc_of == NULL || m.seen == NULL || m.stack == NULL ||
        table == NULL) {
        return error_memory(err);
    }
    *m.p = (onepass){.stride = r->class_count + 1, .cells = table};
    memset(m.node_of, 0xff, count * sizeof(*m.node_of));
    memset(m.seen, 0xff, count * sizeof(*m.seen));
    for (int32_t b = 255; b >= 0; b--) {
        m.sample[r->class_of[b]] = (uint8_t)b;
    }
    uint64_t start;
    bool     all = node_at(&m, 0, &start);
    for (int32_t k = 0; all && k < m.node_count; k++) {
        all = make_node(&m, k);
    }
    if (all) {
        mark_sure(&m);
        r->onepass = m.p;
    }
    return OK;
}

/* ---- the walk */
static bool
asserts_hold(uint64_t cell, text s, size_t at) {
    for (uint64_t left = (cell & ASSERT_BITS) >> ASSERT_SHIFT; left != 0; left &= left - 1) {
        if (!text_assertion_holds(__builtin_ctzll(left), s, at)) {
            return false;
        }
    }
    return true;
}

static void
save_slots(uint64_t cell, int64_t *slots, size_t at) {
    for (uint64_t left = cell >> SAVE_SHIFT; left != 0; left &= left - 1) {
        slots[2 + __builtin_ctzll(left)] = (int64_t)at;
    }
}

/* A match from `at` on, into `slots`. r->slots are those of the walk. */
static bool
walk_from(const regex *r, text s, size_t at, int64_t *slots, size_t *end) {
    const uint64_t *cells = r->onepass->cells;
    const int32_t   match_at = r->onepass->stride - 1;
    uint64_t        here = 0;
    bool            found = false;
    for (int32_t k = 0; k < r->slot_count; k++) {
        r->slots[k] = -1;
    }
    r->slots[0] = (int64_t)at;
    for (;; at++) {
        uint64_t cell = at < s.size ? cells[here + r->class_of[(uint8_t)s.data[at]]] : 0;
        if ((cell & CELL_SURE) == 0) {
            const uint64_t match = cells[here + (uint64_t)match_at];
            cell = asserts_hold(cell, s, at) ? cell : 0;
            if (match != 0 && asserts_hold(match, s, at)) {
                memcpy(slots, r->slots, (size_t)r->slot_count * sizeof(*slots));
                save_slots(match, slots, at);
                slots[1] = (int64_t)at;
                found = true;
                cell = (cell & CELL_WINS) != 0 ? 0 : cell;
            }
            if (cell == 0) {
                break;
            }
        }
        save_slots(cell, r->slots, at);
        here = cell >> NEXT_SHIFT & NEXT_MASK;
    }
    *end = at;
    return found;
}

search_result
onepass_search(regex *r, text s, size_t *from, int64_t *slots) {
    /* Walks from different places may read the same bytes again; others take over before that
     * makes a search long. */
    size_t       left = 4 * (s.size - *from) + 64;
    match_starts starts = {.regex = r, .s = s};
    for (size_t at = next_start(&starts, *from); at <= s.size; at = next_start(&starts, at + 1)) {
        size_t end;
        if (walk_from(r, s, at, slots, &end)) {
            return SEARCH_YES;
        }
        if (r->anchored || at == s.size) {
            break;
        }
        if (end - at >= left) {
            *from = at + 1;
            return SEARCH_GAVE_UP;
        }
        left -= end - at;
    }
    return SEARCH_NO;
}
