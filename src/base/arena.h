/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h - memory that is given back all at once. Passed explicitly, never a hidden current
 * arena.
 *
 * statement arena: AST and plan; circuit arena: operators; tick and scratch arenas: reset or
 * rewound after use. */
#ifndef LAMINAR_BASE_ARENA_H
#define LAMINAR_BASE_ARENA_H

#include "base/mem.h"
#include "base/text.h"

typedef struct arena_block   arena_block;
typedef struct arena_cleanup arena_cleanup;

typedef struct arena {
    mem           *mem;
    arena_block   *block; /* newest; blocks are chained */
    arena_block   *spare; /* left by a rewind for the next block, until a reset; NULL: none */
    uint8_t       *next;  /* first free byte of the newest block */
    uint8_t       *end;
    arena_cleanup *cleanups; /* run newest first by reset and fini */
} arena;

typedef struct arena_mark {
    arena_block *block;
    uint8_t     *next;
} arena_mark;

void arena_init(arena *a, mem *m); /* allocates nothing */
void arena_fini(arena *a);
void arena_reset(arena *a); /* keeps one block for reuse */
/* 16-byte aligned; bytes may be 0; NULL when memory is out. */
void *arena_alloc_slow(arena *a, size_t bytes) MUST_USE;
void *arena_alloc_zero(arena *a, size_t bytes) MUST_USE;
/* A NUL-terminated copy. data == NULL in the result when memory is out. */
text arena_text(arena *a, text t);
/* Runs fn(arg) at reset or fini. False when memory is out (then fn is not registered). */
bool arena_cleanup_add(arena *a, void (*fn)(void *arg), void *arg) MUST_USE;

/* Rewind gives back everything allocated since the mark. Cleanups registered since must not
 * exist. */
arena_mark arena_save(const arena *a);
void       arena_rewind(arena *a, arena_mark mark);
size_t     arena_bytes(const arena *a);

ALWAYS_INLINE void *
arena_alloc(arena *a, size_t bytes) {
    const size_t rounded = (bytes + 15) & ~(size_t)15;
    if (LIKELY((size_t)(a->end - a->next) >= rounded && rounded >= bytes && a->next != NULL)) {
        void *p = a->next;
        a->next += rounded;
        return p;
    }
    return arena_alloc_slow(a, bytes);
}

#endif
