/* SPDX-License-Identifier: Apache-2.0 */
/* chunk.c - reference-counted arenas for column memory.
 *
 * Invariants: `blocks` is newest first, and a node of the list lies in memory that was taken before
 * the node was linked; so freeing from the head never frees a node before it was read. Every block
 * ends with CHUNK_SLACK bytes nobody owns: a reader of bitmaps may load the whole word after the
 * last one. Only the maker takes memory; counts are atomic. */
#include "batch/chunk.h"

#define CHUNK_ALIGNMENT 64
#define CHUNK_SLACK 16
#define CHUNK_BLOCK_MIN 4096
#define CHUNK_BLOCK_MAX ((size_t)1 << 20)

typedef struct chunk_cleanup {
    struct chunk_cleanup *older;
    void (*release)(void *arg);
    void *arg;
} chunk_cleanup;

struct chunk {
    _Atomic int32_t references;
    mem            *mem;
    uint8_t        *next; /* first free byte of the newest block */
    uint8_t        *end;
    chunk_block    *blocks;
    chunk_cleanup  *cleanups;
    size_t          own_bytes; /* of the allocation that holds this struct */
    size_t          bytes;     /* of all blocks */
    bool            pooled;    /* that is a block of a slab_pool */
};

static uint8_t *
align_pointer(uint8_t *p, size_t alignment) {
    return p + ((0 - (uintptr_t)p) & (alignment - 1));
}

/* pool NULL: an allocation of its own. */
static chunk *
make(slab_pool *pool, mem *m, size_t bytes) {
    if (bytes > SIZE_MAX / 2) {
        return NULL;
    }
    const size_t room = bytes == 0 ? 0 : bytes + CHUNK_ALIGNMENT - 16 + CHUNK_SLACK;
    const size_t total = sizeof(chunk) + room;
    chunk       *c = pool == NULL ? mem_alloc(m, total) : slab_alloc(pool, total);
    if (c == NULL) {
        return NULL;
    }
    if (total >= MEM_POPULATE_MIN) {
        mem_populate(c, total);
    }
    c->pooled = pool != NULL;
    atomic_init(&c->references, 1);
    c->mem = m;
    c->next = (uint8_t *)c + sizeof(chunk);
    c->end = c->next + (room == 0 ? 0 : room - CHUNK_SLACK);
    c->blocks = NULL;
    c->cleanups = NULL;
    c->own_bytes = total;
    c->bytes = total;
    return c;
}

chunk *
chunk_new_sized(mem *m, size_t bytes) {
    return make(NULL, m, bytes);
}

chunk *
chunk_new_pooled(slab_pool *pool, mem *m, size_t bytes) {
    return make(pool, m, bytes);
}

chunk *
chunk_new(mem *m) {
    return make(NULL, m, 0);
}

chunk *
chunk_retain(chunk *c) {
    if (c != NULL) {
        atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
    }
    return c;
}

static NOINLINE void
destroy(chunk *c) {
    for (chunk_cleanup *e = c->cleanups; e != NULL; e = e->older) {
        e->release(e->arg);
    }
    mem *const m = c->mem;
    for (chunk_block *b = c->blocks; b != NULL;) {
        const chunk_block block = *b; /* the node may lie in the memory that goes */
        mem_free(m, block.memory, block.bytes);
        b = block.older;
    }
    if (c->pooled) {
        slab_free(c);
    } else {
        mem_free(m, c, c->own_bytes);
    }
}

void
chunk_release(chunk *c) {
    if (c == NULL) {
        return;
    }
    /* The last holder needs no atomic write: nobody else can see the chunk. */
    if (atomic_load_explicit(&c->references, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) == 1) {
        destroy(c);
    }
}

static NOINLINE void *
take_new_block(chunk *c, size_t bytes) {
    size_t room = c->bytes < CHUNK_BLOCK_MIN ? CHUNK_BLOCK_MIN : c->bytes;
    room = room > CHUNK_BLOCK_MAX ? CHUNK_BLOCK_MAX : room;
    room = room < bytes ? bytes : room;
    if (room > SIZE_MAX / 2) {
        return NULL;
    }
    const size_t total = sizeof(chunk_block) + CHUNK_ALIGNMENT + room + CHUNK_SLACK;
    chunk_block *node = mem_alloc(c->mem, total);
    if (node == NULL) {
        return NULL;
    }
    *node = (chunk_block){.older = c->blocks, .memory = node, .bytes = total};
    c->blocks = node;
    c->bytes += total;
    uint8_t *p = align_pointer((uint8_t *)(node + 1), CHUNK_ALIGNMENT);
    uint8_t *end = (uint8_t *)node + total - CHUNK_SLACK;
    /* What is left of the fuller block is lost; so a large request keeps the old block when that
     * has more room left. */
    if (c->end - c->next < end - p - (ptrdiff_t)bytes) {
        c->next = p + bytes;
        c->end = end;
    }
    return p;
}

void *
chunk_take(chunk *c, size_t bytes, size_t alignment) {
    uint8_t     *p = align_pointer(c->next, alignment);
    const size_t rounded = chunk_round(bytes, alignment);
    if (rounded < bytes) {
        return NULL;
    }
    if (LIKELY(p <= c->end && (size_t)(c->end - p) >= rounded)) {
        c->next = p + rounded;
        return p;
    }
    return take_new_block(c, rounded);
}

void *
chunk_alloc(chunk *c, size_t bytes) {
    return chunk_take(c, bytes, CHUNK_ALIGNMENT);
}

void
chunk_adopt(chunk *c, chunk_block *node, void *memory, size_t bytes) {
    *node = (chunk_block){.older = c->blocks, .memory = memory, .bytes = bytes};
    c->blocks = node;
    c->bytes += bytes;
}

static void
release_chunk(void *arg) {
    chunk_release(arg);
}

bool
chunk_depend(chunk *c, chunk *other) {
    assert(c != other);
    if (other == NULL) {
        return true;
    }
    if (!chunk_on_free(c, release_chunk, other)) {
        return false;
    }
    chunk_retain(other);
    return true;
}

bool
chunk_on_free(chunk *c, void (*release)(void *arg), void *arg) {
    chunk_cleanup *e = chunk_take(c, sizeof(*e), 16);
    if (e == NULL) {
        return false;
    }
    *e = (chunk_cleanup){.older = c->cleanups, .release = release, .arg = arg};
    c->cleanups = e;
    return true;
}

size_t
chunk_bytes(const chunk *c) {
    return c->bytes;
}

mem *
chunk_mem(const chunk *c) {
    return c->mem;
}
