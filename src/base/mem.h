/* SPDX-License-Identifier: Apache-2.0 */
/* mem.h - the accounted allocator. Every byte of the engine is charged to a `mem` account.
 *
 * An account has a limit, a high-water mark and a torture hook (the n-th allocation fails).
 * Frees are sized: the caller knows how much it asked for. Counters are atomic; one account may
 * be used by several threads. NULL means "no memory": the caller turns it into error_memory().
 * Nothing aborts. */
#ifndef LAMINAR_BASE_MEM_H
#define LAMINAR_BASE_MEM_H

#include "base/compiler.h"

typedef struct mem mem;
struct mem {
    mem            *parent; /* is charged with it; NULL: none */
    _Atomic int64_t bytes_used;
    _Atomic int64_t bytes_max;   /* high-water mark */
    _Atomic int64_t bytes_limit; /* INT64_MAX: none */
    _Atomic int64_t allocations; /* calls that asked for memory so far: alloc, resize, map, remap */
    _Atomic int64_t fail_at;     /* tests: the call with this number (from 1) fails; 0 = never */
    bool            shared;      /* see mem_open_shared */
    bool            fail_always; /* tests: all calls from fail_at on fail */
};

void mem_init(mem *m, int64_t bytes_limit);
/* Asserts in debug builds that everything was given back; returns the bytes still out. */
int64_t mem_fini(mem *m);

/* An account that lives until its owner has closed it and everything charged to it is given
 * back: what outlives a database (results, Arrow arrays in a consumer's hands) still frees into
 * it. NULL: out of memory. */
mem *mem_open_shared(int64_t bytes_limit) MUST_USE;
void mem_close_shared(mem *m);
/* An account of that kind within `parent`, which outlives it: what a part of the work holds.
 * A child that holds more than a 64th of the limit does not get at its last 16th: however much one
 * query takes, small ones and inserts go on. */
mem *mem_open_child(mem *parent) MUST_USE;
/* Up to where a child that holds more may fill the account. INT64_MAX: no limit is set. */
int64_t mem_limit_of_children(const mem *parent);

void *mem_alloc(mem *m, size_t bytes) MUST_USE; /* 16-byte aligned; bytes > 0 */
void *mem_alloc_zero(mem *m, size_t bytes) MUST_USE;
/* Like realloc; `p` stays valid when NULL is returned. p == NULL and bytes_old == 0 allocates.
 * Giving back a part may fail too. */
void *mem_resize(mem *m, void *p, size_t bytes_old, size_t bytes_new) MUST_USE;
void  mem_free(mem *m, void *p, size_t bytes); /* p == NULL is fine */

/* Page-granular memory for large state arrays: zeroed, grows by moving page tables, not bytes.
 * bytes are multiples of 4096. `p` stays valid when mem_remap returns NULL. */
void *mem_map(mem *m, size_t bytes) MUST_USE;
void *mem_remap(mem *m, void *p, size_t bytes_old, size_t bytes_new) MUST_USE;
void  mem_unmap(mem *m, void *p, size_t bytes);
/* Of memory that is about to be written for the first time, whole pages are made in one go, which
 * takes two thirds of the time of a fault for each. What is there stays as it is. Only a wish. */
void mem_populate(void *p, size_t bytes);
#define MEM_POPULATE_MIN 65536 /* bytes for which the call pays */
/* mem_alloc_zero of memory that is read and written here and there. A page that is read first is
 * one that all share, and is replaced when it is written, which every thread has to hear of. */
void *mem_alloc_index(mem *m, size_t bytes) MUST_USE;

#endif
