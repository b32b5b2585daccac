/* SPDX-License-Identifier: Apache-2.0 */
/* abreast.c - a large batch goes through streams that share nothing side by side.
 *
 * A crew is what hangs together of the streams that read a source: a stream and those that read
 * it, parts and their readers. Threads of a pool take crews; within one the order is that of one
 * thread, so each circuit meets the same calls in the same order, and the answer does not depend
 * on the threads. What concerns more than the crew waits until all are done and is then made up
 * for in the order of one thread: faults that are told, timers, counters, late rows. Publication
 * comes after that.
 *
 * A stream that looks at each row by itself, and that no other reads, may be a crew for each range
 * of the rows (ranges.c).
 *
 * One crew stays with the caller: streams that call code of the program's, that keep values of
 * random() and the like, that are held or being filled, and all that hangs together with them.
 *
 * Crews are found anew for each large batch: that costs some ten nanoseconds a stream, and nothing
 * can go stale. */
#include "exec/engine_internal.h"
#include "plan/node.h"

/* Waking a thread and waiting for it takes about 20 us. */
#define SPARED_NS_MIN 100000
#define RANGE_ROWS 4096

#ifndef NDEBUG
_Atomic int64_t abreast_runs;
#endif

struct crew {
    bool          stays;
    int32_t       members;
    int64_t       row_ns;
    int64_t       rows_out;
    int32_t       at;         /* the input or reader that is worked on */
    stream       *failed;     /* not told yet, in the order in which they failed */
    stream       *failed_end; /* the last of them */
    stream_input *split;      /* it is the one of its only stream, which takes ranges; else NULL */
};

typedef struct job {
    crew   *crew;
    int32_t range; /* of a crew that is split */
    int64_t row_ns;
} job;

typedef struct work {
    source         *source;
    const old_rows *old; /* what is fed; both NULL: a tick */
    const delta    *rows;
    int32_t         threads;
    crew          **of; /* by place among the readers */
    crew           *crews;
    crew           *rest;
    int32_t         ranges; /* of a crew that is split */
    job            *jobs;   /* for threads, the heaviest first */
    int32_t         count;
    _Atomic int32_t next;
    bool            rest_done;
} work;

/* ---- what a row costs, about */

static int64_t
cost_of_expr(const expr *e) {
    if (e->kind == EXPR_COLUMN || e->kind == EXPR_CONSTANT) {
        return 0;
    }
    bool    texts = e->type.id == TYPE_TEXT;
    int64_t ns = 0;
    for (int32_t i = 0; i < e->arg_count; i++) {
        ns += cost_of_expr(e->args[i]);
        texts = texts || e->args[i]->type.id == TYPE_TEXT;
    }
    return ns + (texts ? 15 : 2);
}

/* *remembers: the part of it that operators with state have. */
static int64_t
cost_of(const plan_node *n, int64_t *remembers) {
    int64_t ns = 0;
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        ns += cost_of(n->inputs[i], remembers);
    }
    switch (n->kind) {
    case PLAN_SCAN:
    case PLAN_UNION:
        return ns;
    case PLAN_PROJECT:
        for (int32_t i = 0; i < n->schema.count; i++) {
            ns += cost_of_expr(n->exprs[i]);
        }
        return ns;
    case PLAN_FILTER:
        return ns + 2 + cost_of_expr(n->predicate);
    default:
        *remembers += 20;
        return ns + 20;
    }
}

void
stream_weigh(stream *s) {
    ranges_drop(s);
    s->tick_ns = 0;
    s->row_ns = cost_of(s->plan.root, &s->tick_ns);
    s->stays = s->plan.routines != NULL || stream_holds_values(s->plan.root);
    s->by_row = plan_is_by_row(&s->plan);
}

/* ---- crews */

static bool
must_stay(const stream *s) {
    return s->stays || s->backfill != NULL || stream_is_held(s);
}

static stream *
reader_at(const source *s, int32_t at) {
    return s->readers.items[at];
}

/* The first of those that hang together with number `at`. */
static int32_t
head_of(const int32_t *heads, int32_t at) {
    while (heads[at] != at) {
        at = heads[at];
    }
    return at;
}

/* Which readers hang together: each with what it reads, among the readers. */
static void
find_heads(const source *s, int32_t *heads) {
    for (int32_t i = 0; i < s->readers.count; i++) {
        stream *each = reader_at(s, i);
        each->place = i;
        heads[i] = i;
    }
    for (int32_t i = 0; i < s->readers.count; i++) {
        const stream *each = reader_at(s, i);
        for (int32_t k = 0; k < each->input_count; k++) {
            const stream *up = each->inputs[k].from_stream;
            if (up == NULL || up->place >= s->readers.count || reader_at(s, up->place) != up) {
                continue; /* what it reads there has nothing to do in this tick */
            }
            const int32_t a = head_of(heads, up->place), b = head_of(heads, i);
            heads[a > b ? a : b] = a > b ? b : a;
        }
    }
}

static bool
find_crews(work *w, arena *a) {
    const source *s = w->source;
    const size_t  count = (size_t)s->readers.count;
    int32_t      *heads = arena_alloc(a, sizeof(*heads) * count);
    w->crews = arena_alloc_zero(a, sizeof(crew) * (count + 1));
    w->of = arena_alloc(a, sizeof(crew *) * count);
    if (heads == NULL || w->crews == NULL || w->of == NULL) {
        return false;
    }
    find_heads(s, heads);
    for (int32_t i = 0; i < s->readers.count; i++) {
        const stream *each = reader_at(s, i);
        crew         *c = &w->crews[head_of(heads, i)];
        c->members++;
        c->stays = c->stays || must_stay(each);
        c->row_ns += w->rows != NULL ? each->row_ns : each->tick_ns;
    }
    w->rest = &w->crews[count];
    for (int32_t i = 0; i < s->readers.count; i++) {
        crew *c = &w->crews[head_of(heads, i)];
        w->of[i] = c->stays ? w->rest : c;
    }
    return true;
}

/* ---- jobs */

/* The input by which the crew takes ranges of the rows. */
static stream_input *
find_split(const work *w, const crew *c, const stream *only) {
    if (w->rows == NULL || w->old != NULL || w->rows->weight != NULL || c->members > 1 ||
        !only->by_row || only->failed || only->dependents.count > 0 || only->part != NULL) {
        return NULL;
    }
    return sat_mul_i64(c->row_ns, w->rows->row_count) < SPARED_NS_MIN ? NULL : &only->inputs[0];
}

/* Into the list, the heaviest first. */
static void
add_job(work *w, const job *j) {
    int32_t at = w->count++;
    for (; at > 0 && w->jobs[at - 1].row_ns < j->row_ns; at--) {
        w->jobs[at] = w->jobs[at - 1];
    }
    w->jobs[at] = *j;
}

static bool
find_jobs(work *w, arena *a) {
    const source *s = w->source;
    w->jobs = arena_alloc(a, sizeof(job) * (size_t)s->readers.count * (size_t)w->ranges);
    if (w->jobs == NULL) {
        return false;
    }
    for (int32_t i = 0; i < s->readers.count; i++) {
        crew *c = &w->crews[i]; /* of number i and those behind it, or of none */
        if (c->members == 0 || c->stays) {
            continue;
        }
        c->split = find_split(w, c, reader_at(s, i));
        const int32_t count = c->split == NULL ? 1 : w->ranges;
        for (int32_t k = 0; k < count; k++) {
            add_job(w, &(job){.crew = c, .range = k, .row_ns = c->row_ns / count});
        }
    }
    return true;
}

/* By how much less a row takes with all threads than with one. */
static int64_t
spared_ns(const work *w) {
    int64_t ns = 0;
    for (int32_t i = 0; i < w->count; i++) {
        ns += w->jobs[i].row_ns;
    }
    return w->count == 0 ? 0 : ns - max_i64(w->jobs[0].row_ns, ns / w->threads);
}

static bool
open_ranges(const work *w) {
    for (int32_t i = 0; i < w->count; i++) {
        const job *j = &w->jobs[i];
        if (j->crew->split != NULL && j->range == 0 &&
            !ranges_open(j->crew->split->owner, w->ranges)) {
            return false;
        }
    }
    return true;
}

/* ---- running */

static void
feed_crew(const work *w, crew *c) {
    const source *s = w->source;
    for (c->at = 0; c->at < s->inputs.count; c->at++) {
        stream_input *in = s->inputs.items[c->at];
        assert(reader_at(s, in->owner->place) == in->owner);
        if (w->of[in->owner->place] == c) {
            input_feed(in, w->old, w->rows);
        }
    }
}

static void
tick_crew(const work *w, crew *c) {
    const source *s = w->source;
    for (c->at = 0; c->at < s->readers.count; c->at++) {
        stream *reader = reader_at(s, c->at);
        if (w->of[c->at] == c && !reader->failed) {
            stream_tick(reader, stream_frontier_us(reader));
        }
    }
}

static void
run_crew(const work *w, crew *c) {
    if (w->rows != NULL) {
        feed_crew(w, c);
    } else {
        tick_crew(w, c);
    }
}

static void
run_job(const work *w, const job *j) {
    if (j->crew->split != NULL) {
        ranges_feed(j->crew->split, j->range, w->rows);
    } else {
        run_crew(w, j->crew);
    }
}

static void
run_rest(work *w) {
    if (!w->rest_done) {
        w->rest_done = true;
        run_crew(w, w->rest);
    }
}

static void
run_part(void *context, int32_t at, bool calling) {
    work *w = context;
    (void)at;
    if (calling) {
        run_rest(w);
    }
    for (;;) {
        const int32_t next = atomic_fetch_add_explicit(&w->next, 1, memory_order_relaxed);
        if (next >= w->count) {
            return;
        }
        run_job(w, &w->jobs[next]);
    }
}

/* ---- afterwards */

void
crew_note_failure(crew *c, stream *s) {
    s->failed_at = c->at;
    s->failed_next = NULL;
    if (c->failed == NULL) {
        c->failed = s;
    } else {
        c->failed_end->failed_next = s;
    }
    c->failed_end = s;
}

void
crew_count_out(crew *c, int64_t rows) {
    c->rows_out += rows;
}

/* In the order of one thread: an input or reader belongs to one crew. */
static void
tell_failures(const work *w) {
    const source *s = w->source;
    const int32_t count = w->rows != NULL ? s->inputs.count : s->readers.count;
    for (int32_t i = 0; i < count; i++) {
        const int32_t place =
            w->rows != NULL ? ((stream_input *)s->inputs.items[i])->owner->place : i;
        crew *c = w->of[place];
        while (c->failed != NULL && c->failed->failed_at == i) {
            stream *failed = c->failed;
            c->failed = failed->failed_next;
            failed->failed_next = NULL;
            stream_tell_failure(failed);
        }
    }
}

/* What ranges gave, as if one thread had come to the input. */
static void
unite_ranges(const work *w) {
    const source *s = w->source;
    for (int32_t i = 0; w->rows != NULL && i < s->inputs.count; i++) {
        stream_input *in = s->inputs.items[i];
        crew         *c = w->of[in->owner->place];
        if (c->split == in) {
            c->at = i;
            ranges_unite(in->owner);
        }
    }
}

static void
join_crews(const work *w) {
    source *s = w->source;
    engine *e = s->engine;
    unite_ranges(w);
    for (int32_t i = 0; i < s->readers.count; i++) {
        reader_at(s, i)->crew = NULL;
    }
    tell_failures(w);
    for (int32_t i = 0; i <= s->readers.count; i++) {
        e->totals.rows_out += w->crews[i].rows_out;
    }
    for (int32_t i = 0; i < s->readers.count; i++) {
        stream *reader = reader_at(s, i);
        if (reader->backfill == NULL) {
            e->has_late |= reader->late.count > 0;
            if (w->rows == NULL && !reader->failed && !stream_is_held(reader)) {
                stream_await_clock(reader);
            }
        }
    }
}

static bool
prepare(work *w, int64_t rows) {
    const source *s = w->source;
    engine       *e = s->engine;
    w->threads = atomic_load_explicit(&e->threads, memory_order_relaxed);
    if (w->threads <= 1 || s->readers.count == 0 ||
        (s->readers.count == 1 && !reader_at(s, 0)->by_row)) {
        return false;
    }
    /* Two a thread: who is late is not waited for as long. */
    w->ranges = (int32_t)min_i64(2 * (int64_t)w->threads, max_i64(2, rows / RANGE_ROWS));
    arena_reset(&e->crew_arena);
    return find_crews(w, &e->crew_arena) && find_jobs(w, &e->crew_arena) &&
           sat_mul_i64(spared_ns(w), rows) >= SPARED_NS_MIN && open_ranges(w);
}

static bool
run_abreast(work *w, int64_t rows) {
    source *s = w->source;
    engine *e = s->engine;
    if (!prepare(w, rows)) {
        return false;
    }
    for (int32_t i = 0; i < s->readers.count; i++) {
        stream *reader = reader_at(s, i);
        reader->crew = reader->backfill == NULL ? w->of[i] : NULL;
    }
    const int32_t threads = w->threads < w->count ? w->threads : w->count;
    const bool    ran = pool_run(e->tick_pool, threads, run_part, w, NULL);
    if (!ran) {
        run_part(w, 0, true);
    }
    run_rest(w);
    join_crews(w);
#ifndef NDEBUG
    atomic_fetch_add(&abreast_runs, ran);
#endif
    return true;
}

bool
abreast_feed(source *s, const old_rows *old, const delta *rows) {
    work w = {.source = s, .old = old, .rows = rows};
    return run_abreast(&w, rows->row_count);
}

bool
abreast_tick(source *s, int64_t rows) {
    work w = {.source = s};
    return run_abreast(&w, rows);
}

/* ---- the threads */

void
engine_pin_threads(engine *e, const cpu_list *cpus) {
    pool_pin(e->pool, cpus);
    pool_pin(e->tick_pool, cpus);
}

void
engine_use_threads(engine *e, int32_t count) {
    atomic_store_explicit(&e->threads, count, memory_order_relaxed);
}

pool *
engine_tick_pool(engine *e) {
    return e->tick_pool;
}

pool *
engine_pool(engine *e) {
    return e->pool;
}

void
engine_stop_threads(engine *e) {
    pool_stop(e->pool);
    pool_stop(e->tick_pool);
}
