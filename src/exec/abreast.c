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
 * A crew whose rows all come in through one stream that looks at each row by itself is split: that
 * stream takes ranges of the rows (ranges.c), and what came out of it goes to its readers, which
 * are crews of their own then, in a second round. When it ticks it has nothing to say.
 *
 * A stream with shards reads parts that have nothing in common (plan/shards.c): each is a crew of
 * the first round, with what it shares with other streams, and what comes out of it is kept. The
 * stream and those that read it take that in the second round, where they would have met it. This
 * is so when parts feed and when they tick.
 *
 * One crew stays with the caller: streams that call code of the program's, that keep values of
 * random() and the like, that are held or being filled, and all that hangs together with them.
 *
 * Crews are found anew for each large batch: that costs some ten nanoseconds a stream, and nothing
 * can go stale. */
#include "batch/chunk.h"
#include "exec/engine_internal.h"
#include "plan/node.h"

/* Waking a thread and waiting for it takes 20 to 60 us, and memory is further away for a while. */
#define SPARED_NS_MIN 200000
#define RANGE_ROWS 4096

#ifndef NDEBUG
_Atomic int64_t abreast_runs;
#endif

/* What came out of a shard for one of its readers, in that order. */
typedef struct handed {
    int64_t       at;
    stream_input *to;
    batch        *rows;
} handed;

struct crew {
    bool          gathers; /* it reads shards: in the second round */
    int32_t       entries; /* inputs by which rows come in */
    stream_input *entry;   /* one of them */
    int64_t       row_ns;
    int64_t       rows_out;
    int64_t       at;     /* the input or reader that is worked on; of one behind another: push */
    stream       *failed; /* not told yet, in the order in which they failed */
    stream       *failed_end; /* the last of them */
    crew         *behind;     /* another one, in the second round; NULL: it is none of these */
    bool          split;      /* its entry takes ranges of the rows */
    list          given;      /* batch*: what came out of these */
    handed       *handed;     /* that others take in the second round */
    int32_t       handed_count, handed_capacity;
    status        fault; /* of these */
    error        *reason;
};

typedef struct job {
    crew   *crew;
    int32_t range; /* of a crew that is split */
    int64_t row_ns;
} job;

typedef struct round {    /* what threads do at once */
    job            *jobs; /* the heaviest first */
    int32_t         count;
    _Atomic int32_t next;
} round;

typedef struct work {
    source         *source;
    const old_rows *old; /* what is fed; both NULL: a tick */
    const delta    *rows;
    int32_t         threads;
    crew          **of;    /* by place among the readers, */
    crew          **later; /* and those of the second round; NULL: it has none there */
    crew           *crews; /* by the place of their first one; behind them those of `later` */
    crew           *rest;
    int32_t         ranges;  /* of a crew that is split */
    bool            sharded; /* some reader is a shard */
    round           rounds[2];
    round          *now;
    bool            rest_done, ran;
} work;

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

/* It takes shards together. */
static bool
is_gathering(const stream *up, const stream *reader) {
    return up->shard > 0 && reader->shard != up->shard;
}

/* Does nothing come from it to its readers but what goes straight through? */
static bool
is_apart(const work *w, const stream *up, const stream *without) {
    return up == without || (w->rows == NULL && up->by_row && up->part == NULL);
}

/* What it reads there, as far as that reads the source; else NULL: it has nothing to do with this.
 */
static const stream *
upstream_at(const source *s, const stream *reader, int32_t input) {
    const stream *up = reader->inputs[input].from_stream;
    return up != NULL && up->place < s->readers.count && reader_at(s, up->place) == up ? up : NULL;
}

static void
hang_together(int32_t *heads, int32_t a, int32_t b) {
    a = head_of(heads, a);
    b = head_of(heads, b);
    heads[a > b ? a : b] = a > b ? b : a;
}

/* Which readers hang together: each with what it reads, among the readers; by one of them, or not.
 */
static void
find_heads(work *w, int32_t *heads, const stream *without) {
    const source *s = w->source;
    for (int32_t i = 0; i < s->readers.count; i++) {
        heads[i] = i;
    }
    for (int32_t i = 0; i < s->readers.count; i++) {
        const stream *each = reader_at(s, i);
        w->sharded = w->sharded || each->shard > 0;
        for (int32_t k = 0; k < each->input_count; k++) {
            const stream *up = upstream_at(s, each, k);
            if (up != NULL && !is_apart(w, up, without) && !is_gathering(up, each)) {
                hang_together(heads, up->place, i);
            }
        }
    }
}

/* Where what gathers shards stays with the caller, they do. False: that was so already. */
static bool
join_shards(const work *w, int32_t *heads, const bool *stays) {
    const source *s = w->source;
    bool          joined = false;
    for (int32_t i = 0; i < s->readers.count; i++) {
        const stream *each = reader_at(s, i);
        for (int32_t k = 0; k < each->input_count; k++) {
            const stream *up = upstream_at(s, each, k);
            const int32_t a = head_of(heads, i), b = up == NULL ? a : head_of(heads, up->place);
            if (a != b && is_gathering(up, each) && stays[a]) {
                hang_together(heads, a, b);
                joined = true;
            }
        }
    }
    return joined;
}

/* Which crews, by their heads, stay with the caller. */
static void
find_staying(const work *w, const int32_t *heads, bool *stays) {
    const source *s = w->source;
    memset(stays, 0, (size_t)s->readers.count);
    for (int32_t i = 0; i < s->readers.count; i++) {
        stays[head_of(heads, i)] |= must_stay(reader_at(s, i));
    }
}

/* Crews that take shards together. */
static void
find_gathering(const work *w) {
    const source *s = w->source;
    for (int32_t i = 0; w->sharded && i < s->readers.count; i++) {
        const stream *each = reader_at(s, i);
        for (int32_t k = 0; k < each->input_count; k++) {
            const stream *up = upstream_at(s, each, k);
            if (up != NULL && is_gathering(up, each) && w->of[i] != w->of[up->place]) {
                w->of[i]->gathers = true;
            }
        }
    }
}

static bool
find_crews(work *w, int32_t *heads, arena *a) {
    const source *s = w->source;
    const size_t  count = (size_t)s->readers.count;
    w->crews = arena_alloc_zero(a, sizeof(crew) * (2 * count + 1));
    w->of = arena_alloc(a, sizeof(crew *) * count);
    w->later = arena_alloc_zero(a, sizeof(crew *) * count);
    bool *stays = arena_alloc(a, count);
    if (w->crews == NULL || w->of == NULL || w->later == NULL || stays == NULL) {
        return false;
    }
    for (int32_t i = 0; i < s->readers.count; i++) {
        reader_at(s, i)->place = i;
    }
    find_heads(w, heads, NULL);
    do {
        find_staying(w, heads, stays);
    } while (w->sharded && join_shards(w, heads, stays));
    w->rest = &w->crews[2 * count];
    for (int32_t i = 0; i < s->readers.count; i++) {
        const stream *each = reader_at(s, i);
        crew         *c = &w->crews[head_of(heads, i)];
        c->row_ns += w->rows != NULL ? each->row_ns : each->tick_ns;
        w->of[i] = stays[head_of(heads, i)] ? w->rest : c;
    }
    find_gathering(w);
    for (int32_t i = 0; i < s->inputs.count; i++) {
        stream_input *in = s->inputs.items[i];
        crew         *c = w->of[in->owner->place];
        c->entries++;
        c->entry = in;
    }
    return true;
}

/* ---- jobs */

/* Into the list, the heaviest first. */
static void
add_job(round *r, const job *j) {
    int32_t at = r->count++;
    for (; at > 0 && r->jobs[at - 1].row_ns < j->row_ns; at--) {
        r->jobs[at] = r->jobs[at - 1];
    }
    r->jobs[at] = *j;
}

static bool
may_split(const work *w, const crew *c) {
    if (w->rows == NULL || w->old != NULL || w->rows->weight != NULL || c->entries != 1 ||
        c->gathers) {
        return false;
    }
    const stream *s = c->entry->owner;
    return s->by_row && !s->failed && s->part == NULL &&
           (s->dependents.count > 0 || sat_mul_i64(c->row_ns, w->rows->row_count) >= SPARED_NS_MIN);
}

/* The readers of the entry, as crews of their own. */
static void
split_crew(work *w, crew *c, int32_t *heads) {
    const source *s = w->source;
    const stream *entry = c->entry->owner;
    c->split = true;
    find_heads(w, heads, entry);
    for (int32_t i = 0; i < s->readers.count; i++) {
        if (w->of[i] == c && reader_at(s, i) != entry) {
            crew *later = &w->crews[s->readers.count + head_of(heads, i)];
            later->behind = c;
            later->row_ns += reader_at(s, i)->row_ns;
            w->later[i] = later;
        }
    }
}

static bool
find_jobs(work *w, int32_t *heads, arena *a) {
    const int32_t count = w->source->readers.count;
    w->rounds[0].jobs = arena_alloc(a, sizeof(job) * (size_t)count * (size_t)w->ranges);
    w->rounds[1].jobs = arena_alloc(a, sizeof(job) * (size_t)count);
    if (w->rounds[0].jobs == NULL || w->rounds[1].jobs == NULL) {
        return false;
    }
    for (int32_t i = 0; i < count; i++) {
        crew *c = w->of[i];
        if (c != &w->crews[i]) {
            continue; /* it is not the first of its crew */
        }
        if (c->gathers) {
            add_job(&w->rounds[1], &(job){.crew = c, .row_ns = c->row_ns});
            continue;
        }
        int64_t ns = c->row_ns;
        if (may_split(w, c)) {
            split_crew(w, c, heads);
            ns = c->entry->owner->row_ns;
        }
        const int32_t parts = c->split ? w->ranges : 1;
        for (int32_t k = 0; k < parts; k++) {
            add_job(&w->rounds[0], &(job){.crew = c, .range = k, .row_ns = ns / parts});
        }
    }
    for (int32_t i = count; i < 2 * count; i++) {
        if (w->crews[i].behind != NULL) {
            add_job(&w->rounds[1], &(job){.crew = &w->crews[i], .row_ns = w->crews[i].row_ns});
        }
    }
    return true;
}

/* By how much less a row takes with all threads than with one. */
static int64_t
spared_ns(const work *w) {
    int64_t spared = 0;
    for (int32_t k = 0; k < 2; k++) {
        const round *r = &w->rounds[k];
        int64_t      ns = 0;
        for (int32_t i = 0; i < r->count; i++) {
            ns += r->jobs[i].row_ns;
        }
        spared += r->count == 0 ? 0 : ns - max_i64(r->jobs[0].row_ns, ns / w->threads);
    }
    return spared;
}

static bool
open_ranges(const work *w, arena *a) {
    const round *r = &w->rounds[0];
    for (int32_t i = 0; i < r->count; i++) {
        crew *c = r->jobs[i].crew;
        if (!c->split || r->jobs[i].range > 0) {
            continue;
        }
        c->reason = arena_alloc_zero(a, sizeof(error));
        if (c->reason == NULL || !ranges_open(c->entry->owner, w->ranges)) {
            return false;
        }
    }
    return true;
}

/* ---- running */

static void
feed_crew(const work *w, crew *c) {
    const source *s = w->source;
    for (int32_t i = 0; i < s->inputs.count; i++) {
        c->at = i;
        stream_input *in = s->inputs.items[i];
        assert(reader_at(s, in->owner->place) == in->owner);
        if (w->of[in->owner->place] == c) {
            input_feed(in, w->old, w->rows);
        }
    }
}

static void
tick_crew(const work *w, crew *c) {
    const source *s = w->source;
    for (int32_t i = 0; i < s->readers.count; i++) {
        c->at = i;
        stream *reader = reader_at(s, i);
        if (w->of[i] == c && !reader->failed) {
            stream_tick(reader, stream_frontier_us(reader));
        }
    }
}

status
crew_hand_over(crew *c, stream_input *to, const delta *rows, error *err) {
    mem *m = to->owner->engine->mem;
    if (c->handed_count == c->handed_capacity) {
        const int32_t capacity = c->handed_capacity == 0 ? 16 : 2 * c->handed_capacity;
        handed       *more = mem_resize(m, c->handed, sizeof(handed) * (size_t)c->handed_capacity,
                                        sizeof(handed) * (size_t)capacity);
        if (more == NULL) {
            return error_memory(err);
        }
        c->handed = more;
        c->handed_capacity = capacity;
    }
    handed *h = &c->handed[c->handed_count];
    *h = (handed){.at = c->at, .to = to};
    TRY(batch_keep_pooled(&h->rows, changelog_pool(to->from_stream->log), m, rows, err));
    c->handed_count++;
    return OK;
}

/* What the crew that works on number `at` had for this one then. */
static void
take_handed(const crew *from, const crew *c, int64_t at) {
    int32_t low = 0;
    for (int32_t high = from->handed_count; low < high;) {
        const int32_t middle = low + (high - low) / 2;
        if (from->handed[middle].at < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < from->handed_count && from->handed[low].at == at; low++) {
        const handed *h = &from->handed[low];
        if (h->to->owner->crew == c && !stream_pass_on(h->to, h->rows)) {
            stream_feed(h->to, &h->rows->rows);
        }
    }
    for (const stream *s = from->failed; s != NULL; s = s->failed_next) {
        for (int32_t k = 0; s->failed_at == at && k < s->dependents.count; k++) {
            const stream_input *in = s->dependents.items[k];
            if (in->owner->crew == c) {
                stream_fail_reader(s, in->owner);
            }
        }
    }
}

/* As one thread would: what shards gave stands among what the crew reads itself. */
static void
run_gathering(const work *w, crew *c) {
    const source *s = w->source;
    for (int32_t i = 0; w->rows != NULL && i < s->inputs.count; i++) {
        stream_input *in = s->inputs.items[i];
        c->at = i;
        if (w->of[in->owner->place] == c) {
            input_feed(in, w->old, w->rows);
        } else {
            take_handed(w->of[in->owner->place], c, i);
        }
    }
    for (int32_t i = 0; w->rows == NULL && i < s->readers.count; i++) {
        stream *reader = reader_at(s, i);
        c->at = i;
        if (w->of[i] != c) {
            take_handed(w->of[i], c, i);
        } else if (!reader->failed) {
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

/* What came out of the one that it lies behind, in the order of one thread. */
static void
feed_behind(const work *w, crew *c) {
    const stream *entry = c->behind->entry->owner;
    const list   *rows = &c->behind->given;
    for (int32_t i = 0; i < rows->count; i++) {
        const batch *b = rows->items[i];
        for (int32_t k = 0; k < entry->dependents.count; k++) {
            stream_input *in = entry->dependents.items[k];
            if (w->later[in->owner->place] == c) {
                c->at = (int64_t)i * entry->dependents.count + k;
                stream_feed(in, &b->rows);
            }
        }
    }
}

static void
run_job(const work *w, const job *j) {
    if (j->crew->behind != NULL) {
        feed_behind(w, j->crew);
    } else if (j->crew->split) {
        ranges_feed(j->crew->entry, j->range, w->rows);
    } else if (j->crew->gathers) {
        run_gathering(w, j->crew);
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
    work  *w = context;
    round *r = w->now;
    (void)at;
    if (calling) {
        run_rest(w);
    }
    for (;;) {
        const int32_t next = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed);
        if (next >= r->count) {
            return;
        }
        run_job(w, &r->jobs[next]);
    }
}

static void
run_round(work *w, int32_t at) {
    round        *r = &w->rounds[at];
    const int32_t threads = w->threads < r->count ? w->threads : r->count;
    w->now = r;
    if (threads > 1 && pool_run(w->source->engine->tick_pool, threads, run_part, w, NULL)) {
        w->ran = true;
    } else {
        run_part(w, 0, true);
    }
    run_rest(w);
}

/* Between the rounds. */
static void
gather_ranges(const work *w) {
    const round *r = &w->rounds[0];
    for (int32_t i = 0; i < r->count; i++) {
        crew *c = r->jobs[i].crew;
        if (c->split && r->jobs[i].range == 0) {
            c->fault = ranges_gather(c->entry->owner, &c->given, c->reason);
        }
    }
}

/* ---- afterwards */

static void
drop_handed(const work *w, crew *c) {
    for (int32_t i = 0; i < c->handed_count; i++) {
        batch_release(c->handed[i].rows);
    }
    mem_free(w->source->engine->mem, c->handed, sizeof(handed) * (size_t)c->handed_capacity);
}

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

static void
tell_until(crew *c, int64_t at) {
    while (c->failed != NULL && c->failed->failed_at == at) {
        stream *failed = c->failed;
        c->failed = failed->failed_next;
        failed->failed_next = NULL;
        stream_tell_failure(failed);
    }
}

/* Of the readers of a split one: by what they were fed. */
static void
tell_behind(const work *w, const crew *c) {
    const stream *entry = c->entry->owner;
    int64_t       at = 0;
    for (int32_t i = 0; i < c->given.count; i++) {
        for (int32_t k = 0; k < entry->dependents.count; k++) {
            const stream_input *in = entry->dependents.items[k];
            tell_until(w->later[in->owner->place], at++);
        }
    }
}

/* Of those that take what came when number `at` was worked on. */
static void
tell_gathering(const work *w, int64_t at) {
    for (int32_t i = 0; w->sharded && i < w->source->readers.count; i++) {
        if (w->crews[i].gathers) {
            tell_until(&w->crews[i], at);
        }
    }
}

/* In the order of one thread: an input or reader belongs to one crew. */
static void
tell_failures(const work *w) {
    const source *s = w->source;
    for (int32_t i = 0; w->rows != NULL && i < s->inputs.count; i++) {
        const stream_input *in = s->inputs.items[i];
        crew               *c = w->of[in->owner->place];
        if (c->split) {
            tell_behind(w, c);
        }
        tell_until(c, i);
        tell_gathering(w, i);
    }
    for (int32_t i = 0; w->rows == NULL && i < s->readers.count; i++) {
        tell_until(w->of[i], i);
        tell_gathering(w, i);
    }
}

/* Readers in other crews of one that had nothing to say and failed, when it ticked. */
static void
fail_readers(const work *w) {
    const source *s = w->source;
    for (int32_t i = 0; w->rows == NULL && i < s->readers.count; i++) {
        const stream *up = reader_at(s, i);
        for (int32_t k = 0; up->failed && k < up->dependents.count; k++) {
            const stream_input *in = up->dependents.items[k];
            stream_fail_reader(up, in->owner);
        }
    }
}

/* A split one fails behind all that its readers were fed, and with it they. */
static void
end_split(const work *w) {
    const source *s = w->source;
    for (int32_t i = 0; i < s->readers.count; i++) {
        stream *reader = reader_at(s, i);
        reader->crew = reader->crew == NULL ? NULL : w->of[i];
    }
    for (int32_t i = 0; w->rows != NULL && i < s->inputs.count; i++) {
        const stream_input *in = s->inputs.items[i];
        crew               *c = w->of[in->owner->place];
        for (int32_t k = 0; k < c->given.count; k++) {
            batch_release(c->given.items[k]);
        }
        if (c->split && c->fault < 0) {
            c->at = i;
            ranges_drop(in->owner);
            stream_fail(in->owner, c->reason);
        }
    }
}

static void
join_crews(const work *w) {
    source       *s = w->source;
    engine       *e = s->engine;
    const int32_t count = s->readers.count;
    end_split(w);
    deal_forget(s);
    for (int32_t i = 0; i < count; i++) {
        reader_at(s, i)->crew = NULL;
    }
    tell_failures(w);
    fail_readers(w);
    for (int32_t i = 0; i <= 2 * count; i++) {
        drop_handed(w, &w->crews[i]);
        e->totals.rows_out += w->crews[i].rows_out;
        list_fini(&w->crews[i].given, e->mem);
    }
    for (int32_t i = 0; i < count; i++) {
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
    arena        *a = &e->crew_arena;
    w->threads = atomic_load_explicit(&e->threads, memory_order_relaxed);
    if (w->threads <= 1 || s->readers.count == 0 ||
        (s->readers.count == 1 && !reader_at(s, 0)->by_row)) {
        return false;
    }
    /* Two a thread: who is late is not waited for as long. */
    w->ranges = (int32_t)min_i64(2 * (int64_t)w->threads, max_i64(2, rows / RANGE_ROWS));
    arena_reset(a);
    int32_t *heads = arena_alloc(a, sizeof(*heads) * (size_t)s->readers.count);
    return heads != NULL && find_crews(w, heads, a) && find_jobs(w, heads, a) &&
           sat_mul_i64(spared_ns(w), rows) >= SPARED_NS_MIN && open_ranges(w, a);
}

static bool
run_abreast(work *w, int64_t rows) {
    const source *s = w->source;
    if (!prepare(w, rows)) {
        return false;
    }
    for (int32_t i = 0; i < s->readers.count; i++) {
        stream *reader = reader_at(s, i);
        crew   *c = w->later[i] != NULL ? w->later[i] : w->of[i];
        reader->crew = reader->backfill == NULL ? c : NULL;
    }
    if (w->sharded && w->rows != NULL) {
        deal_rows(w->source, w->rows, w->threads);
    }
    run_round(w, 0);
    gather_ranges(w);
    if (w->rounds[1].count > 0) {
        run_round(w, 1);
    }
    join_crews(w);
#ifndef NDEBUG
    atomic_fetch_add(&abreast_runs, w->ran);
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
