/* SPDX-License-Identifier: Apache-2.0 */
/* pager.c - which segments are in memory, and reading them back: see pager.h.
 *
 * A segment is in the list when it has pages and something of it is in memory; `rows` and `pages`
 * of a segment with a pager change under its lock alone. The list holds no references: a segment
 * leaves it before it goes. */
#include "table/pager.h"

#include "batch/chunk.h"
#include "table/segment.h"

struct pager {
    _Atomic int32_t references;
    mem            *mem;
    mutex           lock; /* of no level: nothing is locked under it */
    segment        *oldest, *newest;
    _Atomic int64_t evicted_bytes, unpaged_bytes, resident_bytes;
    _Atomic int64_t loads;
};

pages *
pages_retain(pages *p) {
    atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
    return p;
}

void
pages_release(pages *p) {
    if (p != NULL && atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) == 1) {
        p->free(p);
    }
}

status
pager_open(pager **out, mem *m, error *err) {
    pager *p = mem_alloc_zero(m, sizeof(*p));
    if (p == NULL) {
        return error_memory(err);
    }
    p->mem = m;
    atomic_init(&p->references, 1);
    const status s = mutex_init(&p->lock, err);
    if (s < 0) {
        mem_free(m, p, sizeof(*p));
        return s;
    }
    *out = p;
    return OK;
}

pager *
pager_retain(pager *p) {
    if (p != NULL) {
        atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
    }
    return p;
}

void
pager_release(pager *p) {
    if (p != NULL && atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) == 1) {
        mutex_fini(&p->lock);
        mem_free(p->mem, p, sizeof(*p));
    }
}

int64_t
pager_room(const pager *p) {
    const int64_t limit = atomic_load_explicit(&p->mem->bytes_limit, memory_order_relaxed);
    const int64_t used = atomic_load_explicit(&p->mem->bytes_used, memory_order_relaxed);
    const int64_t rows = atomic_load_explicit(&p->resident_bytes, memory_order_relaxed);
    return min_i64(limit / 2 - rows, limit / 4 * 3 - used);
}

bool
pager_is_short(const pager *p) {
    return pager_room(p) < 0;
}

int64_t
pager_evicted_bytes(const pager *p) {
    return atomic_load_explicit(&p->evicted_bytes, memory_order_relaxed);
}

int64_t
pager_unpaged_bytes(const pager *p) {
    return atomic_load_explicit(&p->unpaged_bytes, memory_order_relaxed);
}

int64_t
pager_loads(const pager *p) {
    return atomic_load_explicit(&p->loads, memory_order_relaxed);
}

/* ---- the list, with the lock */

static bool
is_listed(const pager *p, const segment *s) {
    return s->older != NULL || s->newer != NULL || p->oldest == s;
}

static void
unlist(pager *p, segment *s) {
    if (!is_listed(p, s)) {
        return;
    }
    *(s->older == NULL ? &p->oldest : &s->older->newer) = s->newer;
    *(s->newer == NULL ? &p->newest : &s->newer->older) = s->older;
    s->older = s->newer = NULL;
}

static void
list_newest(pager *p, segment *s) {
    if (p->newest == s) {
        return;
    }
    unlist(p, s);
    s->older = p->newest;
    *(p->newest == NULL ? &p->oldest : &p->newest->newer) = s;
    p->newest = s;
}

/* What of the segment is in memory, and in a file, has changed. */
static void
count(pager *p, segment *s) {
    const int32_t there = s->rows == NULL ? 0 : s->rows->count;
    const int64_t evicted = there == s->column_count ? 0 : s->bytes;
    const int64_t resident = s->column_count == 0 ? 0 : s->bytes * there / s->column_count;
    const int64_t unpaged = s->pages == NULL ? s->bytes : 0;
    atomic_fetch_add_explicit(&p->evicted_bytes, evicted - s->evicted_bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&p->resident_bytes, resident - s->resident_bytes,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&p->unpaged_bytes, unpaged - s->unpaged_bytes, memory_order_relaxed);
    s->evicted_bytes = evicted;
    s->resident_bytes = resident;
    s->unpaged_bytes = unpaged;
}

/* ---- evicting */

/* What the oldest one had in memory; NULL: there is none. */
static loaded_rows *
evict_oldest(pager *p) {
    mutex_lock(&p->lock);
    segment     *s = p->oldest;
    loaded_rows *rows = NULL;
    if (s != NULL) {
        unlist(p, s);
        rows = s->rows;
        s->rows = NULL;
        count(p, s);
    }
    mutex_unlock(&p->lock);
    return rows;
}

void
pager_evict(pager *p, int32_t segments) {
    loaded_rows *rows;
    while (segments-- > 0 && (rows = evict_oldest(p)) != NULL) {
        loaded_rows_free(rows); /* may run somebody's release: not with the lock */
    }
}

static void
make_room(pager *p, int64_t more) {
    loaded_rows *rows;
    while (pager_room(p) < more && (rows = evict_oldest(p)) != NULL) {
        loaded_rows_free(rows);
    }
}

void
pager_relieve(pager *p) {
    make_room(p, 0);
}

void
pager_forget(segment *s) {
    pager *p = s->pager;
    mutex_lock(&p->lock);
    unlist(p, s);
    atomic_fetch_sub_explicit(&p->evicted_bytes, s->evicted_bytes, memory_order_relaxed);
    atomic_fetch_sub_explicit(&p->resident_bytes, s->resident_bytes, memory_order_relaxed);
    atomic_fetch_sub_explicit(&p->unpaged_bytes, s->unpaged_bytes, memory_order_relaxed);
    mutex_unlock(&p->lock);
}

void
pager_count(segment *s) {
    mutex_lock(&s->pager->lock);
    count(s->pager, s);
    mutex_unlock(&s->pager->lock);
}

void
segment_page(segment *s, pages *from, const rows_place *at) {
    pager *p = s->pager;
    mutex_lock(&p->lock);
    pages *before = s->pages;
    s->pages = from;
    s->place = at == NULL ? s->place : *at;
    count(p, s);
    if (s->rows != NULL) {
        list_newest(p, s);
    }
    mutex_unlock(&p->lock);
    pages_release(before);
}

void
segment_set_place(segment *s, const rows_place *at) {
    if (s->pager != NULL) {
        mutex_lock(&s->pager->lock);
    }
    s->place = *at;
    if (s->pager != NULL) {
        mutex_unlock(&s->pager->lock);
    }
}

rows_place
segment_where(segment *s, pages **from) {
    *from = NULL;
    if (s->pager == NULL) {
        return s->place;
    }
    mutex_lock(&s->pager->lock);
    const rows_place at = s->place;
    *from = s->pages == NULL ? NULL : pages_retain(s->pages);
    mutex_unlock(&s->pager->lock);
    return at;
}

bool
segment_is_paged(segment *s) {
    if (s->pager == NULL) {
        return false;
    }
    mutex_lock(&s->pager->lock);
    const bool is = s->pages != NULL;
    mutex_unlock(&s->pager->lock);
    return is;
}

int64_t
segment_evicted(segment *s) {
    mutex_lock(&s->pager->lock);
    const int64_t bytes = s->evicted_bytes;
    mutex_unlock(&s->pager->lock);
    return bytes;
}

pages *
segment_pages(segment *s) {
    if (s->pager == NULL) {
        return NULL;
    }
    mutex_lock(&s->pager->lock);
    pages *p = s->pages == NULL ? NULL : pages_retain(s->pages);
    mutex_unlock(&s->pager->lock);
    return p;
}

/* ---- reading */

/* True: it was in memory. Else *from (retained) is where it lies. */
static bool
look(segment *s, int32_t at, column *out, chunk **hold, pages **from) {
    pager *p = s->pager;
    mutex_lock(&p->lock);
    const bool has = s->rows != NULL && s->rows->holds[at] != NULL;
    if (has) {
        *out = s->rows->columns[at];
        *hold = chunk_retain(s->rows->holds[at]);
        if (s->pages != NULL) {
            list_newest(p, s);
        }
    } else {
        *from = pages_retain(s->pages);
    }
    mutex_unlock(&p->lock);
    return has;
}

/* Into what the segment has in memory, unless somebody was faster. `room`: for a segment that has
 * nothing. */
static void
keep_loaded(segment *s, int32_t at, const column *c, chunk *hold, loaded_rows **room) {
    pager *p = s->pager;
    mutex_lock(&p->lock);
    if (s->rows == NULL) {
        s->rows = *room;
        *room = NULL;
    }
    if (s->rows->holds[at] == NULL) {
        s->rows->columns[at] = *c;
        s->rows->holds[at] = chunk_retain(hold);
        s->rows->count++;
        count(p, s);
    }
    list_newest(p, s);
    mutex_unlock(&p->lock);
}

static status
load_once(segment *s, int32_t at, pages *from, column *out, chunk **hold, error *err) {
    chunk       *c = chunk_new(s->pager->mem);
    loaded_rows *room = loaded_rows_new(s->pager->mem, s->column_count);
    status       read = c == NULL || room == NULL ? error_memory(err) : OK;
    read = read < 0 ? read : from->read(from, at, out, c, err);
    if (read == OK) {
        out->owner = out->owner == NULL ? c : out->owner;
        keep_loaded(s, at, out, c, &room);
        atomic_fetch_add_explicit(&s->pager->loads, 1, memory_order_relaxed);
        *hold = chunk_retain(c);
    }
    chunk_release(c);
    loaded_rows_free(room);
    return read;
}

/* Other segments make room for this one. */
static status
load(segment *s, int32_t at, pages *from, column *out, chunk **hold, error *err) {
    make_room(s->pager, from->bytes);
    status read = load_once(s, at, from, out, hold, err);
    if (read == ERR_OUT_OF_MEMORY) {
        pager_evict(s->pager, INT32_MAX);
        error_clear(err);
        read = load_once(s, at, from, out, hold, err);
    }
    return read;
}

status
segment_read(segment *s, int32_t at, column *out, chunk **hold, error *err) {
    pages *from = NULL;
    *hold = NULL;
    if (s->pager == NULL) {
        *out = s->rows->columns[at];
        return OK;
    }
    if (look(s, at, out, hold, &from)) {
        return OK;
    }
    const status read = load(s, at, from, out, hold, err);
    pages_release(from);
    return read;
}

status
segment_view_open(segment_view *v, segment *s, const int32_t *map, int32_t count,
                  const uint8_t *wanted, error *err) {
    const size_t bytes = segment_view_bytes(count);
    *v = (segment_view){.mem = s->mem};
    char *memory = mem_alloc_zero(s->mem, bytes);
    if (memory == NULL) {
        return error_memory(err);
    }
    v->columns = (column *)(void *)memory;
    v->holds = (chunk **)(void *)(memory + sizeof(column) * (size_t)(count + 1));
    v->count = count;
    for (int32_t i = 0; i < count; i++) {
        const int32_t at = map == NULL ? i : map[i];
        if (wanted == NULL || wanted[at]) {
            const status read = segment_read(s, at, &v->columns[i], &v->holds[i], err);
            if (read < 0) {
                segment_view_close(v);
                return read;
            }
        }
    }
    return OK;
}

void
segment_view_close(segment_view *v) {
    if (v->columns != NULL) {
        for (int32_t i = 0; i < v->count; i++) {
            chunk_release(v->holds[i]);
        }
        mem_free(v->mem, v->columns, segment_view_bytes(v->count));
        v->columns = NULL;
    }
}

bool
pager_range(segment *s, int32_t at, int64_t *min, int64_t *max, bool *known) {
    pages *from = segment_pages(s);
    *known = from != NULL;
    const bool any = from != NULL && from->range(from, at, min, max);
    pages_release(from);
    return any;
}
