/* SPDX-License-Identifier: Apache-2.0 */
/* slab.c - see slab.h.
 *
 * Invariants: `blocks` of a slab counts those that are out, and one more while the slab is the
 * pool's current one; who takes it to zero has the slab for itself. Each slab that is not the spare
 * one, or the large one that waits, holds a reference on its pool, and so does whoever opened the
 * pool. The first slabs are small, so that a pool of few blocks costs little. */
#include "base/slab.h"

enum { SLAB_BYTES_MIN = 2048, SLAB_PARTS = 4 };
enum { LARGE_BYTES_MIN = 65536, LARGE_BYTES_MAX = 1 << 20, LARGE_WASTE = 4 };

typedef struct slab {
    slab_pool      *pool;
    size_t          bytes; /* with this struct */
    size_t          used;
    _Atomic int32_t blocks;
    bool            single; /* made for one block */
} slab;

typedef struct block_head {
    slab  *home;
    size_t reserved; /* blocks are aligned to 16 bytes */
} block_head;

static_assert(sizeof(block_head) == 16, "blocks would be misaligned");
#define SLAB_HEAD_BYTES ((sizeof(slab) + 15) & ~(size_t)15)

struct slab_pool {
    mem            *mem;
    _Atomic int32_t references;
    _Atomic(slab *) spare; /* all of its blocks are gone; NULL: none */
    _Atomic(slab *) large; /* likewise, made for one block: its pages need not be made again */
    slab           *current;
    size_t          next_bytes;
};

slab_pool *
slab_pool_open(mem *m) {
    slab_pool *p = mem_alloc_zero(m, sizeof(*p));
    if (p != NULL) {
        p->mem = m;
        p->next_bytes = SLAB_BYTES_MIN;
        atomic_init(&p->references, 1);
        atomic_init(&p->spare, NULL);
        atomic_init(&p->large, NULL);
    }
    return p;
}

static void
free_slab(mem *m, slab *s) {
    if (s != NULL) {
        mem_free(m, s, s->bytes);
    }
}

static void
pool_release(slab_pool *p) {
    if (atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) == 1) {
        free_slab(p->mem, atomic_load_explicit(&p->spare, memory_order_acquire));
        free_slab(p->mem, atomic_load_explicit(&p->large, memory_order_acquire));
        mem_free(p->mem, p, sizeof(*p));
    }
}

/* One block less, or not the current one any more. */
static void
slab_release(slab *s) {
    if (atomic_fetch_sub_explicit(&s->blocks, 1, memory_order_acq_rel) != 1) {
        return;
    }
    slab_pool *p = s->pool;
    slab      *goes = s;
    if (!s->single) {
        goes = atomic_exchange_explicit(&p->spare, s, memory_order_acq_rel);
    } else if (s->bytes >= LARGE_BYTES_MIN && s->bytes <= LARGE_BYTES_MAX) {
        goes = atomic_exchange_explicit(&p->large, s, memory_order_acq_rel);
    }
    free_slab(p->mem, goes);
    pool_release(p);
}

void
slab_pool_close(slab_pool *p) {
    if (p == NULL) {
        return;
    }
    if (p->current != NULL) {
        slab_release(p->current);
        p->current = NULL;
    }
    pool_release(p);
}

static void
begin(slab_pool *p, slab *s, size_t bytes, bool single) {
    atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
    s->pool = p;
    s->bytes = bytes;
    s->used = SLAB_HEAD_BYTES;
    s->single = single;
    atomic_init(&s->blocks, 1);
}

static slab *
make(slab_pool *p, size_t bytes, bool single) {
    slab *s = mem_alloc(p->mem, bytes);
    if (s != NULL) {
        begin(p, s, bytes, single);
    }
    return s;
}

/* For one block: the one that came back last, where it is not far too large. */
static slab *
make_large(slab_pool *p, size_t bytes) {
    slab *s = bytes < LARGE_BYTES_MIN
                  ? NULL
                  : atomic_exchange_explicit(&p->large, NULL, memory_order_acq_rel);
    if (s != NULL && s->bytes >= bytes && s->bytes / LARGE_WASTE <= bytes) {
        begin(p, s, s->bytes, true);
        return s;
    }
    free_slab(p->mem, s);
    return make(p, bytes, true);
}

/* Another current slab; false: there is no memory for one. */
static bool
renew(slab_pool *p, size_t need) {
    while (p->next_bytes < need * SLAB_PARTS) {
        p->next_bytes *= 2;
    }
    slab *s = atomic_exchange_explicit(&p->spare, NULL, memory_order_acq_rel);
    if (s != NULL && s->bytes >= p->next_bytes) {
        begin(p, s, s->bytes, false);
    } else {
        free_slab(p->mem, s);
        s = make(p, p->next_bytes, false);
    }
    if (s == NULL) {
        return false;
    }
    if (p->next_bytes < SLAB_BYTES_MAX) {
        p->next_bytes *= 2;
    }
    if (p->current != NULL) {
        slab_release(p->current);
    }
    p->current = s;
    return true;
}

/* Room for `need` bytes in the current slab, or NULL. */
static block_head *
carve(const slab_pool *p, size_t need) {
    slab *s = p->current;
    if (s == NULL) {
        return NULL;
    }
    if (atomic_load_explicit(&s->blocks, memory_order_acquire) == 1) {
        s->used = SLAB_HEAD_BYTES; /* all that was in it has gone */
    }
    if (s->bytes - s->used < need) {
        return NULL;
    }
    block_head *b = (block_head *)((uint8_t *)s + s->used);
    s->used += need;
    atomic_fetch_add_explicit(&s->blocks, 1, memory_order_relaxed);
    b->home = s;
    return b;
}

void *
slab_alloc(slab_pool *p, size_t bytes) {
    if (bytes > SIZE_MAX / 2) {
        return NULL;
    }
    const size_t need = sizeof(block_head) + ((bytes + 15) & ~(size_t)15);
    block_head  *b = carve(p, need);
    if (b == NULL && need <= SLAB_BYTES_MAX / SLAB_PARTS && renew(p, need)) {
        b = carve(p, need);
    }
    if (b != NULL) {
        return b + 1;
    }
    slab *s = make_large(p, SLAB_HEAD_BYTES + need);
    if (s == NULL) {
        return NULL;
    }
    b = (block_head *)((uint8_t *)s + SLAB_HEAD_BYTES);
    b->home = s;
    return b + 1;
}

void
slab_free(void *block) {
    if (block != NULL) {
        slab_release(((block_head *)block - 1)->home);
    }
}
