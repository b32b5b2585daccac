/* SPDX-License-Identifier: Apache-2.0 */
/* mem.c - the accounted allocator: the only file that calls malloc and mmap.
 *
 * Invariant: bytes_used is the sum of the sizes of all live blocks of the account, and never
 * above bytes_limit: bytes are charged before memory is asked for and given back when the system
 * refuses. */
#include "base/mem.h"

#include "base/interrupt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE_BYTES = 4096 };
/* Blocks from here on have pages of their own, large ones where the system has them: a scan then
 * waits for far fewer translations, and giving them back takes a thirtieth of the time. Sanitizers
 * see blocks of malloc alone. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PAGED_BYTES SIZE_MAX
#else
#define PAGED_BYTES ((size_t)8 << 20)
#endif
enum { RESERVED_MIN = 1 << 20, RESERVED_BYTES = 8 << 20 }; /* of mappings: see mapped_bytes */
enum { HEADROOM = 16, MODEST = 64 }; /* parts of the limit: see mem_open_child */

void
mem_init(mem *m, int64_t bytes_limit) {
    atomic_init(&m->bytes_used, 0);
    atomic_init(&m->bytes_max, 0);
    atomic_init(&m->bytes_limit, bytes_limit);
    atomic_init(&m->allocations, 0);
    atomic_init(&m->fail_at, 0);
    m->fail_always = false;
    m->shared = false;
    m->parent = NULL;
}

int64_t
mem_fini(mem *m) {
    const int64_t left = atomic_load(&m->bytes_used);
    assert(left == 0);
    return left;
}

/* Counts one call that asks for memory; false when the torture hook refuses it. */
static bool
admit(mem *m) {
    mem *root = m;
    while (root->parent != NULL) {
        root = root->parent;
    }
    const int64_t call = 1 + atomic_fetch_add_explicit(&root->allocations, 1, memory_order_relaxed);
    const int64_t fail_at = atomic_load_explicit(&root->fail_at, memory_order_relaxed);
    if (LIKELY(fail_at == 0)) {
        return true;
    }
    return root->fail_always ? call < fail_at : call != fail_at;
}

static void
raise_highest(mem *m, int64_t used) {
    int64_t highest = atomic_load_explicit(&m->bytes_max, memory_order_relaxed);
    while (highest < used &&
           !atomic_compare_exchange_weak_explicit(&m->bytes_max, &highest, used,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

static bool
charge_root(mem *root, int64_t more, int64_t limit) {
    int64_t used = atomic_load_explicit(&root->bytes_used, memory_order_relaxed);
    do {
        if (more > limit || used > limit - more) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&root->bytes_used, &used, used + more,
                                                    memory_order_relaxed, memory_order_relaxed));
    raise_highest(root, used + more);
    return true;
}

int64_t
mem_limit_of_children(const mem *parent) {
    const int64_t limit = atomic_load_explicit(&parent->bytes_limit, memory_order_relaxed);
    return limit == INT64_MAX ? limit : limit - limit / HEADROOM;
}

static bool
charge(mem *m, size_t bytes) {
    if (bytes > (size_t)INT64_MAX) {
        return false;
    }
    const int64_t more = (int64_t)bytes;
    mem          *root = m;
    int64_t       held = 0; /* by the largest of the children that are charged */
    for (; root->parent != NULL; root = root->parent) {
        held = max_i64(held, atomic_load_explicit(&root->bytes_used, memory_order_relaxed));
    }
    int64_t limit = atomic_load_explicit(&root->bytes_limit, memory_order_relaxed);
    if (m != root && (held > limit / MODEST || more > limit / MODEST - held)) {
        limit = mem_limit_of_children(root);
    }
    if (!charge_root(root, more, limit)) {
        return false;
    }
    for (; m != root; m = m->parent) {
        raise_highest(m,
                      more + atomic_fetch_add_explicit(&m->bytes_used, more, memory_order_relaxed));
    }
    return true;
}

static void
discharge(mem *m, size_t bytes) {
    const bool    shared = m->shared;
    mem          *parent = m->parent;
    const int64_t before = atomic_fetch_sub_explicit(
        &m->bytes_used, (int64_t)bytes, shared ? memory_order_acq_rel : memory_order_relaxed);
    assert(before >= (int64_t)bytes); /* a free with another size than was asked for */
    if (shared && before == (int64_t)bytes) {
        free(m); /* the owner's own byte is gone too: nobody can charge it any more */
    }
    if (parent != NULL) {
        discharge(parent, bytes);
    }
}

/* The owner holds one byte, so that the account cannot reach zero before it is closed. */
mem *
mem_open_shared(int64_t bytes_limit) {
    mem *m = malloc(sizeof(*m));
    if (m != NULL) {
        mem_init(m, bytes_limit);
        atomic_store(&m->bytes_used, 1);
        m->shared = true;
    }
    return m;
}

mem *
mem_open_child(mem *parent) {
    if (!admit(parent) || !charge(parent, 1)) {
        return NULL;
    }
    mem *m = mem_open_shared(INT64_MAX);
    if (m == NULL) {
        discharge(parent, 1);
        return NULL;
    }
    m->parent = parent;
    return m;
}

void
mem_close_shared(mem *m) {
    discharge(m, 1);
}

static size_t
page_round(size_t bytes) {
    return (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

/* Only a wish: nothing depends on it. For the whole range, as a mapping of two kinds of pages
 * cannot be moved in one piece. */
static void
want_large_pages(void *p, size_t bytes) {
#ifdef MADV_HUGEPAGE
    if (bytes >= PAGED_BYTES) {
        (void)madvise(p, bytes, MADV_HUGEPAGE);
    }
#else
    (void)p;
    (void)bytes;
#endif
}

/* Addresses that a mapping takes. Growing within them needs no call: to move pages, all processors
 * have to hear of it, and other threads wait that want some. Beyond, few moves add much. */
static size_t
mapped_bytes(size_t bytes) {
    return bytes >= RESERVED_MIN && bytes < RESERVED_BYTES ? RESERVED_BYTES : bytes;
}

/* Zeroed; NULL: there is none. */
static void *
map_pages(size_t bytes) {
    const size_t room = mapped_bytes(bytes);
    void        *p = mmap(NULL, room, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | (room > bytes ? MAP_NORESERVE : 0), -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    want_large_pages(p, bytes);
    return p;
}

void
mem_populate(void *p, size_t bytes) {
#ifdef MADV_POPULATE_WRITE
    static _Atomic bool refused; /* by a kernel before 5.14 */
    const uintptr_t     mask = PAGE_BYTES - 1;
    const uintptr_t     from = ((uintptr_t)p + mask) & ~mask;
    const uintptr_t     end = ((uintptr_t)p + bytes) & ~mask;
    if (from < end && !atomic_load_explicit(&refused, memory_order_relaxed) &&
        madvise((void *)from, end - from, MADV_POPULATE_WRITE) != 0 && errno == EINVAL) {
        atomic_store_explicit(&refused, true, memory_order_relaxed);
    }
#else
    (void)p;
    (void)bytes;
#endif
}

void *
mem_alloc_index(mem *m, size_t bytes) {
    void *p = mem_alloc_zero(m, bytes);
    if (p != NULL && bytes >= MEM_POPULATE_MIN) {
        mem_populate(p, bytes);
    }
    return p;
}

#define LARGE_PAGES_SAVE 16 /* times less work for each byte that is given back, at least */

static void
unmap_pages(void *p, size_t bytes) {
    interrupt_did(0, (int64_t)(bytes >= PAGED_BYTES ? bytes / LARGE_PAGES_SAVE : bytes), 0);
    const int failed = munmap(p, mapped_bytes(bytes));
    assert(failed == 0);
    (void)failed;
}

static void *
take_block(size_t bytes, bool zeroed) {
    if (bytes >= PAGED_BYTES) {
        return bytes > SIZE_MAX - PAGE_BYTES ? NULL : map_pages(page_round(bytes));
    }
    return zeroed ? calloc(1, bytes) : malloc(bytes);
}

static void
give_block(void *p, size_t bytes) {
    if (bytes >= PAGED_BYTES) {
        unmap_pages(p, page_round(bytes));
    } else {
        interrupt_did(0, (int64_t)bytes, 0);
        free(p);
    }
}

void *
mem_alloc(mem *m, size_t bytes) {
    assert(bytes > 0);
    if (!admit(m) || !charge(m, bytes)) {
        return NULL;
    }
    void *p = take_block(bytes, false);
    if (p == NULL) {
        discharge(m, bytes);
    }
    return p;
}

void *
mem_alloc_zero(mem *m, size_t bytes) {
    assert(bytes > 0);
    if (!admit(m) || !charge(m, bytes)) {
        return NULL;
    }
    void *p = take_block(bytes, true);
    if (p == NULL) {
        discharge(m, bytes);
    }
    return p;
}

/* Gives back the pages behind the first bytes_new. */
static void
drop_pages(void *p, size_t bytes_old, size_t bytes_new) {
    if (bytes_new < bytes_old) {
        const int failed = madvise((char *)p + bytes_new, bytes_old - bytes_new, MADV_DONTNEED);
        assert(failed == 0);
        (void)failed;
    }
}

/* NULL: there is none. */
static void *
remap(void *p, size_t bytes_old, size_t bytes_new) {
    const size_t from = mapped_bytes(bytes_old), to = mapped_bytes(bytes_new);
    if (to <= from && to > bytes_new) { /* what it has will do */
        drop_pages(p, bytes_old, bytes_new);
    }
    if (from == to) {
        return p;
    }
#ifdef __SANITIZE_THREAD__ /* it does not see that mremap gives up addresses, which others get */
    void *moved = map_pages(bytes_new);
    if (moved != NULL) {
        memcpy(moved, p, bytes_old < bytes_new ? bytes_old : bytes_new);
        munmap(p, from);
    }
    return moved;
#else
    void *moved = mremap(p, from, to, MREMAP_MAYMOVE);
    if (moved != MAP_FAILED && bytes_old < PAGED_BYTES) {
        want_large_pages(moved, bytes_new);
    }
    return moved == MAP_FAILED ? NULL : moved;
#endif
}

static void *
resize_block(void *p, size_t bytes_old, size_t bytes_new) {
    if (bytes_old < PAGED_BYTES && bytes_new < PAGED_BYTES) {
        return realloc(p, bytes_new);
    }
    if (bytes_old >= PAGED_BYTES && bytes_new >= PAGED_BYTES) {
        if (bytes_new > SIZE_MAX - PAGE_BYTES) {
            return NULL;
        }
        return remap(p, page_round(bytes_old), page_round(bytes_new));
    }
    void *moved = take_block(bytes_new, false);
    if (moved != NULL && p != NULL) {
        memcpy(moved, p, bytes_old < bytes_new ? bytes_old : bytes_new);
        give_block(p, bytes_old);
    }
    return moved;
}

void *
mem_resize(mem *m, void *p, size_t bytes_old, size_t bytes_new) {
    assert(bytes_new > 0 && (p == NULL) == (bytes_old == 0));
    const size_t more = bytes_new > bytes_old ? bytes_new - bytes_old : 0;
    if (!admit(m) || !charge(m, more)) {
        return NULL;
    }
    void *moved = resize_block(p, bytes_old, bytes_new);
    if (moved == NULL) {
        discharge(m, more);
        return NULL;
    }
    if (bytes_new < bytes_old) {
        discharge(m, bytes_old - bytes_new);
    }
    return moved;
}

void
mem_free(mem *m, void *p, size_t bytes) {
    if (p == NULL) {
        return;
    }
    discharge(m, bytes);
    give_block(p, bytes);
}

void *
mem_map(mem *m, size_t bytes) {
    assert(bytes > 0 && bytes % PAGE_BYTES == 0);
    if (!admit(m) || !charge(m, bytes)) {
        return NULL;
    }
    void *p = map_pages(bytes);
    if (p == NULL) {
        discharge(m, bytes);
    }
    return p;
}

void *
mem_remap(mem *m, void *p, size_t bytes_old, size_t bytes_new) {
    assert(p != NULL && bytes_old > 0 && bytes_new > 0 && bytes_new % PAGE_BYTES == 0);
    const size_t more = bytes_new > bytes_old ? bytes_new - bytes_old : 0;
    if (!admit(m) || !charge(m, more)) {
        return NULL;
    }
    void *moved = remap(p, bytes_old, bytes_new);
    if (moved == NULL) {
        discharge(m, more);
        return NULL;
    }
    if (bytes_new < bytes_old) {
        discharge(m, bytes_old - bytes_new);
    }
    return moved;
}

void
mem_unmap(mem *m, void *p, size_t bytes) {
    if (p == NULL) {
        return;
    }
    discharge(m, bytes);
    unmap_pages(p, bytes);
}
