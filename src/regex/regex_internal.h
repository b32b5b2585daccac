/* SPDX-License-Identifier: Apache-2.0 */
/* regex_internal.h - the syntax tree, the program and the matchers' memory. Inside regex only. */
#ifndef LAMINAR_REGEX_REGEX_INTERNAL_H
#define LAMINAR_REGEX_REGEX_INTERNAL_H

#include "base/bits.h"
#include "regex/regex.h"

enum {
    REGEX_NESTING_MAX = 200,
    REGEX_REPEAT_MAX = 1000,
    REGEX_INSTRUCTIONS_MAX = 10000,
    REGEX_RANGES_MAX = 4096, /* of one class */
    REGEX_PATTERN_MAX = 65536,
    REGEX_SLOTS_MAX = 262144, /* instructions times slots */
    BACKTRACK_BITS = 262144,  /* splits times bytes of text */
    BACKTRACK_JOBS = 4096,
    WIDTH_ANY = 1 << 24 /* bytes; more than any bound that is worth knowing */
};

/* ---- sets of characters: sorted ranges that neither touch nor overlap after class_finish */
typedef struct char_range {
    uint32_t first, last;
} char_range;

typedef struct char_class {
    int32_t     count, capacity;
    char_range *ranges;
} char_class;

status class_add(char_class *c, arena *a, uint32_t first, uint32_t last, error *err) MUST_USE;
status class_add_class(char_class *c, arena *a, const char_class *more, error *err) MUST_USE;
/* Adds the other case of every member. */
status class_fold(char_class *c, arena *a, error *err) MUST_USE;
void   class_finish(char_class *c);
/* What is not in it; c is finished. */
status class_negate(char_class *c, arena *a, error *err) MUST_USE;
bool   class_has(const char_class *c, uint32_t code); /* finished */
/* \d \s \w by letter, [:name:], and \p{name}. False: no such name. */
status class_add_perl(char_class *c, arena *a, char letter, error *err) MUST_USE;
status class_add_posix(char_class *c, arena *a, text name, bool *known, error *err) MUST_USE;
status class_add_property(char_class *c, arena *a, text name, bool *known, error *err) MUST_USE;

/* ---- syntax tree */
typedef enum node_kind {
    NODE_EMPTY,
    NODE_CHAR,
    NODE_CLASS,
    NODE_ASSERT,
    NODE_GROUP,  /* one child */
    NODE_CONCAT, /* children */
    NODE_ALTERNATE,
    NODE_REPEAT /* one child */
} node_kind;

typedef enum assertion {
    ASSERT_TEXT_START,
    ASSERT_TEXT_END,
    ASSERT_LINE_START,
    ASSERT_LINE_END,
    ASSERT_WORD_EDGE,
    ASSERT_NOT_WORD_EDGE
} assertion;

typedef struct node node;
struct node {
    node_kind kind;
    assertion assertion;
    uint32_t  code; /* NODE_CHAR */
    char_class class;
    int32_t group;    /* NODE_GROUP: number, from 1 */
    int32_t min, max; /* NODE_REPEAT; max -1: no end */
    bool    lazy;
    node   *child, *next; /* first child, next sibling */
};

typedef struct regex_names {
    int32_t count;
    text    names[REGEX_GROUPS_MAX];
    int32_t groups[REGEX_GROUPS_MAX];
} regex_names;

status regex_parse(node **out, int32_t *group_count, regex_names *names, arena *a, text pattern,
                   uint32_t flags, error *err) MUST_USE;

/* ---- program */
typedef enum opcode {
    OP_BYTE,   /* lo <= byte <= hi: next */
    OP_SET,    /* the byte is in sets[alt]: next */
    OP_SPLIT,  /* next, then alt */
    OP_SAVE,   /* slot `alt` = here: next */
    OP_ASSERT, /* lo: assertion */
    OP_JUMP,
    OP_MATCH
} opcode;

typedef struct instruction {
    uint8_t  op, lo, hi;
    uint16_t split; /* OP_SPLIT: its number among the splits */
    int32_t  next, alt;
} instruction;

typedef struct byte_set {
    uint64_t words[4];
} byte_set;

typedef struct dfa     dfa;
typedef struct onepass onepass;

typedef struct thread_list { /* pikes, in order of priority */
    int32_t  count;
    int32_t *dense, *sparse;
    int64_t *slots; /* slot_count a thread, by pc */
} thread_list;

/* What is left to do: go on at `pc` with the text at `at`, or with pc < 0 put `at` back into
 * slots[~pc].
 */
typedef struct job {
    int64_t pc, at;
} job;

struct regex {
    uint32_t     flags;
    int32_t      count, set_count, split_count, group_count, group_max, slot_count;
    instruction *code;
    byte_set    *sets;
    regex_names  names;
    bool         anchored;    /* a match starts at the start of the text */
    bool         has_asserts; /* beside ASSERT_TEXT_START and ASSERT_TEXT_END */
    bool         has_first;   /* every match starts with a byte of `first` */
    byte_set     first;
    int32_t      first_byte;    /* the only one of `first`, or -1 */
    text         prefix;        /* every match starts so */
    text         needed;        /* every match holds it somewhere */
    int64_t      needed_min;    /* so many bytes behind its start at least ... */
    int64_t      needed_max;    /* ... and at most; WIDTH_ANY: nobody knows */
    bool         is_literal;    /* the pattern is `needed` and nothing else */
    uint8_t      class_of[256]; /* bytes that no instruction tells apart */
    int32_t      class_count;
    dfa         *dfa;
    onepass     *onepass; /* NULL: it has not that form */
    /* matchers' memory */
    thread_list pike[2];
    job        *jobs; /* BACKTRACK_JOBS, and two an instruction */
    uint64_t   *visited;
    int64_t    *slots, *found;
};

/* From the tree to r->code; then what is known about its matches (regex_analyse.c). */
status program_make(regex *r, arena *a, const node *root, error *err) MUST_USE;
status program_analyse(regex *r, arena *a, const node *root, error *err) MUST_USE;

/* Between two bytes; -1: there is none. */
bool assertion_holds(int32_t what, int32_t before, int32_t after);

status dfa_make(regex *r, arena *a, error *err) MUST_USE;
bool   dfa_matches(regex *r, text s);

bool text_assertion_holds(int32_t what, text s, size_t at);

/* Where matches may start, asked for one place after another. */
typedef struct match_starts {
    const regex *regex;
    text         s;
    bool         has_needed;
    size_t       needed; /* where r->needed was found last */
} match_starts;

/* The first at or behind `at`; s.size + 1: none. */
size_t next_start(match_starts *m, size_t at);

/* All fill slots[0 .. slot_count): from and to of the match and its groups. */
status search_make(regex *r, arena *a, error *err) MUST_USE;
status onepass_make(regex *r, arena *a, error *err) MUST_USE;
typedef enum search_result { SEARCH_NO, SEARCH_YES, SEARCH_GAVE_UP } search_result;
/* Giving up, it has moved `from` to where no match starts before. */
search_result onepass_search(regex *r, text s, size_t *from, int64_t *slots);
search_result backtrack_search(regex *r, text s, size_t from, int64_t *slots);
bool          pike_search(regex *r, text s, size_t from, int64_t *slots);

ALWAYS_INLINE bool
set_has(const byte_set *s, uint8_t b) {
    return (s->words[b >> 6] >> (b & 63) & 1) != 0;
}

ALWAYS_INLINE void
set_add(byte_set *s, uint8_t b) {
    s->words[b >> 6] |= UINT64_C(1) << (b & 63);
}

#endif
