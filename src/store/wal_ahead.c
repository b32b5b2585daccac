/* SPDX-License-Identifier: Apache-2.0 */
/* wal_ahead.c - a thread that reads, checks and prepares the records behind the one that is being
 * taken.
 *
 * Slots go round between the two threads: the reader fills one with records as they lie in the
 * file, the taker gives it back when all of them were taken. A slot is one thread's alone. Only
 * what is whole and checked is handed over; wherever there is anything else, the reader ends and
 * says nothing: the taker looks at that place itself, so what it says of it does not depend on
 * threads. */
#include "store/wal_reading.h"

enum { SLOTS = 4, KEPT = 2 << 20, LONG = 1 << 20 };

typedef struct slot {
    char   *bytes; /* records from `at` on */
    size_t  capacity;
    int64_t size; /* of those that are whole */
    int64_t at;
    int32_t segment;
    bool    waits;      /* what follows may be looked at when it is given back */
    void   *made;       /* of helper->prepare */
    int64_t made_bytes; /* of it */
} slot;

struct wal_ahead {
    wal_reading r; /* the reader's */
    wal_helper *helper;
    slot        slots[SLOTS];
    thread      reader;
    bool        is_taking; /* the taker's: slot number `returned` is its */
    int64_t     taken;     /* the taker's: bytes of that slot */
    /* Slots so far; number n is slots[n % SLOTS]. */
    _Atomic uint32_t filled, returned;
    _Atomic uint32_t told, asked; /* futexes: the reader's word has changed, or the taker's */
    _Atomic int64_t  held;        /* bytes of slots that were filled and not given back */
    _Atomic bool     over;        /* no other will be filled */
    _Atomic bool     ending;      /* nobody wants one */
};

static void
tell(_Atomic uint32_t *word) {
    atomic_fetch_add(word, 1);
    futex_wake_all(word);
}

static int64_t
charge_of(const slot *s) {
    return (int64_t)s->capacity + s->made_bytes;
}

/* What is read ahead is no reason for the account to be full, or for rows to leave memory. */
static bool
has_room(mem *m, const wal_helper *h) {
    const int64_t limit = atomic_load_explicit(&m->bytes_limit, memory_order_relaxed);
    return limit == INT64_MAX ||
           atomic_load_explicit(&m->bytes_used, memory_order_relaxed) + 2 * h->ahead_bytes <=
               limit / 4 * 3;
}

/* ---- The reader */

/* False: nobody wants it any more. */
static bool
await_return(wal_ahead *a, uint32_t slots_most, int64_t bytes) {
    for (;;) {
        const uint32_t seen = atomic_load(&a->asked);
        const uint32_t out = atomic_load(&a->filled) - atomic_load(&a->returned);
        if (atomic_load(&a->ending)) {
            return false;
        }
        if (out == 0 ||
            (out <= slots_most && atomic_load(&a->held) + bytes <= a->helper->ahead_bytes)) {
            return true;
        }
        (void)futex_wait(&a->asked, seen, -1);
    }
}

static bool
grow(wal_ahead *a, slot *s, size_t bytes) {
    mem *m = a->r.w->mem;
    if (bytes <= s->capacity) {
        return true;
    }
    char *grown = mem_resize(m, s->bytes, s->capacity, bytes);
    if (grown == NULL) {
        return false;
    }
    s->bytes = grown;
    s->capacity = bytes;
    return true;
}

/* The slot has the file's bytes up to `upto`, of which *size are there. */
static bool
read_upto(wal_ahead *a, slot *s, size_t upto, size_t *size) {
    error  ignored;
    size_t got = 0;
    if (!grow(a, s, upto) ||
        a->r.file->fs->read(a->r.file, s->at + (int64_t)*size, s->bytes + *size, upto - *size, &got,
                            &ignored) < 0) {
        return false;
    }
    *size += got;
    return *size == upto;
}

/* The record behind those that the slot has, which has `size` bytes of the file. False: it is none,
 * or one for another slot. */
static bool
add_record(wal_ahead *a, slot *s, size_t *size) {
    wal_reading  *r = &a->r;
    const int64_t from = s->size;
    wal_head      h;
    if ((int64_t)*size - from < WAL_HEAD || !wal_get_head(s->bytes + from, &h, r->salt, r->at) ||
        h.kind != WAL_RECORD || h.sequence != r->next) {
        return false;
    }
    const int64_t whole = WAL_HEAD + wal_padded(h.size);
    if (from + whole > (int64_t)*size) { /* the rest of it */
        const bool fits = whole <= r->bytes - r->at && (from == 0 || whole <= LONG);
        if (!fits || !await_return(a, SLOTS - 1, 2 * (from + whole)) ||
            !read_upto(a, s, (size_t)(from + whole), size)) {
            return false;
        }
    }
    const text record = {s->bytes + from + WAL_HEAD, h.size};
    if (wal_bytes_crc(record, (text){0}) != h.bytes_crc) {
        return false;
    }
    s->waits = h.sequence > r->after &&
               !a->helper->prepare(a->helper->context, &s->made, record, &s->made_bytes);
    s->size += whole;
    r->at += whole;
    r->next++;
    return true;
}

static bool
fill(wal_ahead *a, slot *s) {
    size_t size = 0;
    s->size = s->made_bytes = 0;
    s->waits = false;
    s->at = a->r.at;
    s->segment = a->r.segment;
    const int64_t piece = min_i64(WAL_PIECE, a->r.bytes - a->r.at);
    if (piece <= 0 || !read_upto(a, s, (size_t)piece, &size)) {
        return false;
    }
    while (add_record(a, s, &size) && !s->waits &&
           charge_of(s) <= a->helper->ahead_bytes / SLOTS * 2) {
    }
    return s->size > 0;
}

/* The file behind this one, where it goes on. */
static bool
open_next(wal_ahead *a) {
    error        ignored;
    wal_reading *r = &a->r;
    const wal   *w = r->w;
    (void)wal_reading_close(r, OK, &ignored);
    if (r->segment + 1 >= w->count || w->segments[r->segment + 1].first != r->next) {
        return false;
    }
    wal_segment s = {.first = r->next};
    r->segment++;
    return wal_reading_open(r, &s, &ignored) == OK;
}

static bool
fill_next(wal_ahead *a) {
    if (!await_return(a, SLOTS - 1, 2 * WAL_PIECE) || !has_room(a->r.w->mem, a->helper)) {
        return false;
    }
    slot *s = &a->slots[atomic_load(&a->filled) % SLOTS];
    if (!fill(a, s)) {
        return s->size == 0 && open_next(a);
    }
    const bool waits = s->waits;
    atomic_fetch_add(&a->held, charge_of(s));
    atomic_fetch_add(&a->filled, 1);
    tell(&a->told);
    return !waits || await_return(a, 0, 0);
}

static void *
run_reader(void *context) {
    wal_ahead    *a = context;
    error         ignored;
    wal_segment   s = {.first = a->r.w->segments[a->r.segment].first};
    const int64_t at = a->r.at;
    bool          reads = wal_reading_open(&a->r, &s, &ignored) == OK;
    a->r.at = at;
    while (reads) {
        reads = fill_next(a);
    }
    (void)wal_reading_close(&a->r, OK, &ignored);
    atomic_store(&a->over, true);
    tell(&a->told);
    return NULL;
}

/* ---- The taker */

static void
clear(wal_ahead *a, slot *s, size_t kept) {
    if (s->made != NULL) {
        a->helper->discard(a->helper->context, s->made);
        s->made = NULL;
    }
    if (s->capacity > kept) {
        mem_free(a->r.w->mem, s->bytes, s->capacity);
        s->bytes = NULL;
        s->capacity = 0;
    }
}

static void
give_back(wal_ahead *a) {
    slot         *s = &a->slots[atomic_load(&a->returned) % SLOTS];
    const int64_t charge = charge_of(s);
    clear(a, s, KEPT);
    a->is_taking = false;
    a->taken = 0;
    atomic_fetch_sub(&a->held, charge);
    atomic_fetch_add(&a->returned, 1);
    tell(&a->asked);
}

static slot *
await_slot(wal_ahead *a) {
    if (a->is_taking) {
        slot *s = &a->slots[atomic_load(&a->returned) % SLOTS];
        if (a->taken < s->size) {
            return s;
        }
        give_back(a);
    }
    for (;;) {
        const uint32_t seen = atomic_load(&a->told);
        const bool     over = atomic_load(&a->over); /* before what was filled is looked at */
        if (atomic_load(&a->filled) != atomic_load(&a->returned)) {
            a->is_taking = true;
            return &a->slots[atomic_load(&a->returned) % SLOTS];
        }
        if (over) {
            return NULL;
        }
        (void)futex_wait(&a->told, seen, -1);
    }
}

bool
wal_ahead_next(wal_reading *r, wal_head *h, const char **bytes) {
    wal_ahead *a = r->ahead;
    slot      *s = a == NULL ? NULL : await_slot(a);
    if (s == NULL || s->segment != r->segment || s->at + a->taken != r->at ||
        !wal_get_head(s->bytes + a->taken, h, r->salt, r->at) || h->sequence != r->next) {
        return false;
    }
    *bytes = s->bytes + a->taken + WAL_HEAD;
    a->taken += WAL_HEAD + wal_padded(h->size);
    a->helper->made = s->made;
    return true;
}

void
wal_ahead_begin(wal_reading *r) {
    error ignored = {.position = -1};
    if (r->helper == NULL || r->ahead != NULL || r->alone < r->helper->after_bytes) {
        return;
    }
    r->alone = 0;
    mem       *m = r->w->mem;
    wal_ahead *a = has_room(m, r->helper) ? mem_alloc_zero(m, sizeof(*a)) : NULL;
    if (a == NULL) {
        return;
    }
    a->helper = r->helper;
    a->r = (wal_reading){.w = r->w,
                         .after = r->after,
                         .upto = r->upto,
                         .read_only = true,
                         .segment = r->segment,
                         .next = r->next,
                         .at = r->at};
    buf_init(&a->r.path, m, SIZE_MAX);
    if (thread_start(&a->reader, "laminardb-read", run_reader, a, &ignored) < 0) {
        mem_free(m, a, sizeof(*a));
        return;
    }
    if (!r->helper->cpus.all) {
        thread_pin(&a->reader, &r->helper->cpus);
    }
    r->ahead = a;
}

void
wal_ahead_end(wal_reading *r) {
    wal_ahead *a = r->ahead;
    mem       *m = r->w->mem;
    if (a == NULL) {
        return;
    }
    atomic_store(&a->ending, true);
    tell(&a->asked);
    thread_join(&a->reader);
    for (int32_t i = 0; i < SLOTS; i++) {
        clear(a, &a->slots[i], 0);
    }
    buf_fini(&a->r.path);
    mem_free(m, a->r.piece, a->r.capacity);
    mem_free(m, a, sizeof(*a));
    r->ahead = NULL;
    r->helper->made = NULL;
}
