/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c - chained blocks with a bump pointer.
 *
 * Invariants: `next` and `end` point into the newest block and are NULL when there is none; each
 * block is charged whole. Blocks double up to BLOCK_BYTES_MAX; a larger request gets its own
 * size. An arena that has become large goes on in blocks that have large pages (mem.c), which come
 * and go quickly. */
#include "base/arena.h"

struct arena_block {
    arena_block *older;
    size_t       bytes; /* with this header */
    size_t       below; /* bytes of all older blocks */
    size_t       unused;
};

struct arena_cleanup {
    arena_cleanup *older;
    void (*run)(void *arg);
    void *arg;
};

/* The first byte after the header must be 16-byte aligned, as the block itself is. */
static_assert(sizeof(arena_block) % 16 == 0, "arena blocks would be misaligned");

enum {
    BLOCK_BYTES_MIN = 4096,
    BLOCK_BYTES_MAX = 1 << 20,
    LARGE_BLOCK_BYTES = 8 << 20, /* of an arena with so many times as much */
    LARGE_PARTS = 4,
    /* A reset keeps no block of this size: one huge tick must not hold memory for ever. */
    BLOCK_BYTES_KEPT_MAX = 8 << 20,
};

void
arena_init(arena *a, mem *m) {
    *a = (arena){.mem = m};
}

/* Makes `block` the newest; everything from `next` on is free. */
static void
point_at(arena *a, arena_block *block, uint8_t *next) {
    a->block = block;
    a->next = next;
    a->end = block == NULL ? NULL : (uint8_t *)block + block->bytes;
}

static void
free_blocks(arena *a, arena_block *from, const arena_block *stop) {
    while (from != stop) {
        assert(from != NULL);
        arena_block *older = from->older;
        mem_free(a->mem, from, from->bytes);
        from = older;
    }
}

static void
free_spare(arena *a) {
    if (a->spare != NULL) {
        mem_free(a->mem, a->spare, a->spare->bytes);
        a->spare = NULL;
    }
}

/* Of the blocks that a rewind leaves, the largest serves the next round: soon one has room for all
 * that a round needs, and rounds ask for no memory. */
static void
keep_largest(arena *a, arena_block *left) {
    arena_block *smaller = left;
    if (left->bytes <= BLOCK_BYTES_MAX && (a->spare == NULL || a->spare->bytes < left->bytes)) {
        smaller = a->spare;
        a->spare = left;
    }
    if (smaller != NULL) {
        mem_free(a->mem, smaller, smaller->bytes);
    }
}

/* Gives back all blocks but the newest, and that one too when it is huge. */
static void
free_all_but_one(arena *a) {
    arena_block *kept = a->block;
    free_spare(a);
    if (kept == NULL) {
        return;
    }
    if (kept->bytes >= BLOCK_BYTES_KEPT_MAX) {
        free_blocks(a, kept, NULL);
        point_at(a, NULL, NULL);
        return;
    }
    free_blocks(a, kept->older, NULL);
    kept->older = NULL;
    kept->below = 0;
    point_at(a, kept, (uint8_t *)(kept + 1));
}

/* A cleanup may add another one, so the list is taken from the front until it is empty. */
static void
run_cleanups(arena *a) {
    while (a->cleanups != NULL) {
        const arena_cleanup c = *a->cleanups;
        a->cleanups = c.older;
        c.run(c.arg);
    }
}

void
arena_fini(arena *a) {
    run_cleanups(a);
    free_spare(a);
    free_blocks(a, a->block, NULL);
    point_at(a, NULL, NULL);
}

void
arena_reset(arena *a) {
    run_cleanups(a);
    free_all_but_one(a);
}

static bool
is_large(const arena *a) {
    const size_t whole = (size_t)LARGE_PARTS * LARGE_BLOCK_BYTES;
    return a->block != NULL && a->block->below + a->block->bytes >= whole;
}

void *
arena_alloc_slow(arena *a, size_t bytes) {
    if (bytes > SIZE_MAX / 2) {
        return NULL;
    }
    const size_t need = sizeof(arena_block) + ((bytes + 15) & ~(size_t)15);
    size_t       size = a->block == NULL ? BLOCK_BYTES_MIN : a->block->bytes * 2;
    size = size > BLOCK_BYTES_MAX ? BLOCK_BYTES_MAX : size;
    size = is_large(a) ? LARGE_BLOCK_BYTES : size;
    size = size < need ? need : size;
    arena_block *block = a->spare;
    if (block != NULL && block->bytes >= need && size <= BLOCK_BYTES_MAX) {
        a->spare = NULL;
        size = block->bytes;
    } else {
        block = mem_alloc(a->mem, size);
    }
    if (block == NULL && size > need) { /* near the limit a small block may still fit */
        size = need;
        block = mem_alloc(a->mem, size);
    }
    if (block == NULL) {
        return NULL;
    }
    block->older = a->block;
    block->bytes = size;
    block->below = a->block == NULL ? 0 : a->block->below + a->block->bytes;
    point_at(a, block, (uint8_t *)block + need);
    return block + 1;
}

void *
arena_alloc_zero(arena *a, size_t bytes) {
    void *p = arena_alloc(a, bytes);
    if (p != NULL) {
        memset(p, 0, bytes);
    }
    return p;
}

text
arena_text(arena *a, text t) {
    char *copy = t.size == SIZE_MAX ? NULL : arena_alloc(a, t.size + 1);
    if (copy == NULL) {
        return (text){NULL, 0};
    }
    if (t.size > 0) {
        memcpy(copy, t.data, t.size);
    }
    copy[t.size] = '\0';
    return (text){copy, t.size};
}

bool
arena_cleanup_add(arena *a, void (*fn)(void *arg), void *arg) {
    arena_cleanup *c = arena_alloc(a, sizeof(*c));
    if (c == NULL) {
        return false;
    }
    *c = (arena_cleanup){.older = a->cleanups, .run = fn, .arg = arg};
    a->cleanups = c;
    return true;
}

arena_mark
arena_save(const arena *a) {
    return (arena_mark){.block = a->block, .next = a->next};
}

static NOINLINE void
rewind_blocks(arena *a, arena_mark mark) {
    if (mark.block == NULL) {
        /* Saved before the first block. One is kept, or each use would pay a malloc. */
        assert(a->cleanups == NULL);
        free_all_but_one(a);
        return;
    }
    while (a->block != mark.block) {
        arena_block *last = a->block;
        a->block = last->older;
        keep_largest(a, last);
    }
    point_at(a, mark.block, mark.next);
}

void
arena_rewind(arena *a, arena_mark mark) {
    if (LIKELY(a->block == mark.block)) {
        a->next = mark.next;
        return;
    }
    rewind_blocks(a, mark);
}

size_t
arena_bytes(const arena *a) {
    const size_t spare = a->spare == NULL ? 0 : a->spare->bytes;
    return spare + (a->block == NULL ? 0 : a->block->below + a->block->bytes);
}
