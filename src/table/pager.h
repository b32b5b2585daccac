/* SPDX-License-Identifier: Apache-2.0 */
/* pager.h - segments whose rows lie in a file and need not stay in memory.
 *
 * A segment with `pages` may lose what it has in memory at any time (eviction, least recently used
 * first) and reads a column back when somebody asks for it. Whoever reads holds a reference to the
 * memory of the column, so what he has stays as it is whatever is evicted meanwhile. The lock is
 * held for moving pointers alone: reading and decoding happen without it, and of two threads that
 * read one column the second throws its copy away. Segments of a table without a pager stay in
 * memory, and nothing here is asked for them. */
#ifndef LAMINAR_TABLE_PAGER_H
#define LAMINAR_TABLE_PAGER_H

#include "batch/column.h"
#include "os/thread.h"

typedef struct pager   pager;
typedef struct segment segment;

/* Where the rows of one segment lie; counted, made by whoever keeps the files. */
typedef struct pages pages;
struct pages {
    _Atomic int32_t references;
    int64_t         bytes; /* of all columns when they are in memory */
    /* Column number `at` into memory of `c`, which owns it. Any thread. */
    status (*read)(pages *p, int32_t at, column *out, chunk *c, error *err);
    /* Least and greatest of an integer-like column, false: all is NULL, or not known. */
    bool (*range)(const pages *p, int32_t at, int64_t *min, int64_t *max);
    void (*free)(pages *p);
};

pages *pages_retain(pages *p);
void   pages_release(pages *p); /* NULL is fine */

/* Counted: segments outlive the database in the hands of readers. Memory is short when segments
 * take more than half the limit of `m`, whoever is charged with them (what came from Arrow is not
 * `m`), or more than three quarters of it are in use. */
status  pager_open(pager **out, mem *m, error *err) MUST_USE;
pager  *pager_retain(pager *p);
void    pager_release(pager *p); /* NULL is fine */
bool    pager_is_short(const pager *p);
int64_t pager_room(const pager *p); /* bytes until it is; negative: it is */
/* Evicts until memory is not short or nothing is left to evict. */
void pager_relieve(pager *p);
/* Evicts so many of the segments that were used longest ago. */
void    pager_evict(pager *p, int32_t segments);
int64_t pager_evicted_bytes(
    const pager *p);                 /* of segments that are not, or not wholly, in memory */
int64_t pager_loads(const pager *p); /* columns read back so far */

int64_t pager_unpaged_bytes(const pager *p); /* of segments that lie in no file */

#endif
