/* SPDX-License-Identifier: Apache-2.0 */
/* regex_search.c - where a text matches, and its groups: a backtracker for short texts and a
 * simulation (Pike) for the others. Both find the same match. What can be said about all matches
 * (regex_analyse.c) says where they need not begin.
 *
 * The backtracker marks each split it meets with the place in the text: what failed once fails
 * again. The simulation keeps one thread an instruction, in order of priority; a thread is a row of
 * slots. */
#include "regex/regex_internal.h"

status
search_make(regex *r, arena *a, error *err) {
    const size_t n = (size_t)r->count;
    const size_t jobs = BACKTRACK_JOBS + 2 * n;
    if (r->count * (int64_t)r->slot_count > REGEX_SLOTS_MAX) {
        return error_set(err, ERR_QUERY_FAILED,
                         "the regular expression is too large: %d steps with %d groups", r->count,
                         r->slot_count / 2 - 1);
    }
    for (int32_t i = 0; i < 2; i++) {
        thread_list *l = &r->pike[i];
        l->dense = arena_alloc(a, n * sizeof(*l->dense));
        l->sparse = arena_alloc_zero(a, n * sizeof(*l->sparse));
        l->slots = arena_alloc(a, n * (size_t)r->slot_count * sizeof(*l->slots));
        if (l->dense == NULL || l->sparse == NULL || l->slots == NULL) {
            return error_memory(err);
        }
    }
    r->jobs = arena_alloc(a, jobs * sizeof(*r->jobs));
    r->visited = arena_alloc(a, BACKTRACK_BITS / 8);
    r->slots = arena_alloc(a, (size_t)r->slot_count * sizeof(*r->slots));
    r->found = arena_alloc(a, (size_t)r->slot_count * sizeof(*r->found));
    const bool all = r->jobs != NULL && r->visited != NULL && r->slots != NULL && r->found != NULL;
    return all ? OK : error_memory(err);
}

/* By the first byte alone; `end`: behind the last place. */
static size_t
next_first(const regex *r, text s, size_t at, size_t end) {
    if (!r->has_first) {
        return at < end ? at : end;
    }
    if (r->first_byte >= 0) {
        const char *found = at < end ? memchr(s.data + at, r->first_byte, end - at) : NULL;
        return found == NULL ? end : (size_t)(found - s.data);
    }
    for (; at < end && !set_has(&r->first, (uint8_t)s.data[at]); at++) {
    }
    return at;
}

/* Around the next place of what every match holds. */
static size_t
next_near(match_starts *m, size_t at) {
    const regex *r = m->regex;
    const text   s = m->s;
    const size_t low = (size_t)r->needed_min;
    const size_t high = (size_t)r->needed_max;
    for (;;) {
        if (!m->has_needed || m->needed < at + low) {
            const text  rest = at + low < s.size ? text_after(s, at + low) : (text){s.data, 0};
            const char *found = text_find(rest, r->needed);
            if (found == NULL) {
                return s.size + 1;
            }
            m->has_needed = true;
            m->needed = (size_t)(found - s.data);
        }
        const size_t end = m->needed - low + 1;
        const size_t first = at + high < m->needed ? m->needed - high : at;
        at = next_first(r, s, first, end);
        if (at < end) {
            return at;
        }
    }
}

size_t
next_start(match_starts *m, size_t at) {
    const regex *r = m->regex;
    const text   s = m->s;
    if (at > s.size) {
        return s.size + 1;
    }
    if (r->needed.size > 0 && r->needed_max < WIDTH_ANY) {
        return next_near(m, at);
    }
    if (!r->has_first || at == s.size) {
        return at;
    }
    at = next_first(r, s, at, s.size);
    return at < s.size ? at : s.size + 1;
}

bool
text_assertion_holds(int32_t what, text s, size_t at) {
    const int32_t before = at == 0 ? -1 : (uint8_t)s.data[at - 1];
    const int32_t after = at == s.size ? -1 : (uint8_t)s.data[at];
    return assertion_holds(what, before, after);
}

static bool
takes(const regex *r, const instruction *i, text s, size_t at) {
    if (at >= s.size) {
        return false;
    }
    const uint8_t b = (uint8_t)s.data[at];
    return i->op == OP_BYTE ? b >= i->lo && b <= i->hi : set_has(&r->sets[i->alt], b);
}

/* ---- backtracker */
typedef struct track {
    regex   *r;
    text     s;
    size_t   from, width; /* width: places, as many as bytes and one */
    int32_t  top;
    bool     gave_up;
    int64_t *slots;
} track;

static bool
push(track *t, int64_t pc, int64_t at) {
    if (t->top == BACKTRACK_JOBS) {
        t->gave_up = true;
        return false;
    }
    t->r->jobs[t->top++] = (job){pc, at};
    return true;
}

/* Runs from one job until it matches or fails. */
static bool
run_job(track *t, int32_t pc, size_t at) {
    regex *r = t->r;
    for (;;) {
        const instruction *i = &r->code[pc];
        switch ((opcode)i->op) {
        case OP_BYTE:
        case OP_SET:
            if (!takes(r, i, t->s, at)) {
                return false;
            }
            at++;
            break;
        case OP_SPLIT: {
            const int64_t bit = (int64_t)((size_t)i->split * t->width + (at - t->from));
            if (bits_get(r->visited, bit)) {
                return false;
            }
            bits_set(r->visited, bit);
            if (!push(t, i->alt, (int64_t)at)) {
                return false;
            }
            break;
        }
        case OP_SAVE:
            if (i->alt < r->slot_count) {
                if (!push(t, ~(int64_t)i->alt, t->slots[i->alt])) {
                    return false;
                }
                t->slots[i->alt] = (int64_t)at;
            }
            break;
        case OP_ASSERT:
            if (!text_assertion_holds(i->lo, t->s, at)) {
                return false;
            }
            break;
        case OP_JUMP:
            break;
        case OP_MATCH:
            t->slots[1] = (int64_t)at;
            return true;
        }
        pc = i->next;
    }
}

static bool
try_start(track *t, size_t at) {
    for (int32_t k = 0; k < t->r->slot_count; k++) {
        t->slots[k] = -1;
    }
    t->slots[0] = (int64_t)at;
    t->top = 0;
    if (run_job(t, 0, at)) {
        return true;
    }
    while (t->top > 0 && !t->gave_up) {
        const job j = t->r->jobs[--t->top];
        if (j.pc < 0) {
            t->slots[~j.pc] = j.at;
        } else if (run_job(t, (int32_t)j.pc, (size_t)j.at)) {
            return true;
        }
    }
    return false;
}

search_result
backtrack_search(regex *r, text s, size_t from, int64_t *slots) {
    track t = {.r = r, .s = s, .from = from, .width = s.size - from + 1, .slots = slots};
    if (t.width > BACKTRACK_BITS || (int64_t)t.width * r->split_count > BACKTRACK_BITS) {
        return SEARCH_GAVE_UP;
    }
    memset(r->visited, 0,
           (size_t)bits_words((int64_t)t.width * r->split_count) * sizeof(*r->visited));
    match_starts starts = {.regex = r, .s = s};
    for (size_t at = next_start(&starts, from); at <= s.size; at = next_start(&starts, at + 1)) {
        if (try_start(&t, at)) {
            return SEARCH_YES;
        }
        if (t.gave_up) {
            return SEARCH_GAVE_UP;
        }
        if (r->anchored || at == s.size) {
            break;
        }
    }
    return SEARCH_NO;
}

/* ---- simulation */
static bool
is_listed(const thread_list *l, int32_t pc) {
    const int32_t at = l->sparse[pc];
    return at < l->count && l->dense[at] == pc;
}

/* Adds a thread at `pc` and all that it reaches without a byte; r->slots are its slots and are as
 * before afterwards. */
static void
add_thread(regex *r, thread_list *l, int32_t start, text s, size_t at) {
    const size_t slot_bytes = (size_t)r->slot_count * sizeof(*r->slots);
    int32_t      top = 0;
    r->jobs[top++] = (job){start, 0};
    while (top > 0) {
        const job j = r->jobs[--top];
        if (j.pc < 0) {
            r->slots[~j.pc] = j.at;
            continue;
        }
        for (int32_t pc = (int32_t)j.pc; !is_listed(l, pc);) {
            const instruction *i = &r->code[pc];
            l->sparse[pc] = l->count;
            l->dense[l->count++] = pc;
            if (i->op == OP_BYTE || i->op == OP_SET || i->op == OP_MATCH) {
                memcpy(l->slots + (size_t)pc * (size_t)r->slot_count, r->slots, slot_bytes);
                break;
            }
            if (i->op == OP_ASSERT && !text_assertion_holds(i->lo, s, at)) {
                break;
            }
            if (i->op == OP_SPLIT) {
                r->jobs[top++] = (job){i->alt, 0};
            } else if (i->op == OP_SAVE && i->alt < r->slot_count) {
                r->jobs[top++] = (job){~(int64_t)i->alt, r->slots[i->alt]};
                r->slots[i->alt] = (int64_t)at;
            }
            pc = i->next;
        }
    }
}

/* All threads of `now` over the byte at `at`. True when one of them is a match: then those behind
 * it are dropped. */
static bool
advance(regex *r, const thread_list *now, thread_list *next, text s, size_t at, int64_t *slots) {
    const size_t slot_bytes = (size_t)r->slot_count * sizeof(*slots);
    next->count = 0;
    for (int32_t k = 0; k < now->count; k++) {
        const int32_t      pc = now->dense[k];
        const instruction *i = &r->code[pc];
        const int64_t     *own = now->slots + (size_t)pc * (size_t)r->slot_count;
        if (i->op == OP_MATCH) {
            memcpy(slots, own, slot_bytes);
            slots[1] = (int64_t)at;
            return true;
        }
        if ((i->op == OP_BYTE || i->op == OP_SET) && takes(r, i, s, at)) {
            memcpy(r->slots, own, slot_bytes);
            add_thread(r, next, i->next, s, at + 1);
        }
    }
    return false;
}

bool
pike_search(regex *r, text s, size_t from, int64_t *slots) {
    thread_list *now = &r->pike[0];
    thread_list *next = &r->pike[1];
    bool         found = false;
    match_starts starts = {.regex = r, .s = s};
    now->count = 0;
    for (size_t at = from;; at++) {
        if (now->count == 0) {
            if (found || (r->anchored && at > 0)) {
                break;
            }
            at = next_start(&starts, at);
        }
        if (at > s.size) {
            break;
        }
        if (!found && (!r->anchored || at == 0)) {
            for (int32_t k = 0; k < r->slot_count; k++) {
                r->slots[k] = -1;
            }
            r->slots[0] = (int64_t)at;
            add_thread(r, now, 0, s, at);
        }
        found |= advance(r, now, next, s, at, slots);
        thread_list *t = now;
        now = next;
        next = t;
    }
    return found;
}
