/* SPDX-License-Identifier: Apache-2.0 */
/* over_portions.c - window functions of one-off queries: what the calls give for sorted rows.
 *
 * The rows are cut into portions of whole partitions. As many as there are threads are computed at
 * a time, each by a worker with memory and states of its own, and then given in order by the
 * caller's thread: the answer and its order do not depend on the threads, and what is taken beside
 * the rows is what a few portions need. */
#include "kernel/kernel.h"
#include "op/over.h"

#define PORTION_ROWS 32768
#define GATHERED_ROWS_MAX (4 * PORTION_ROWS) /* of a larger one columns are gathered as they go */

typedef struct over_worker {
    over    over;
    op_env  env;
    store  *store;
    arena   arena, scratch;
    int32_t first, count; /* the portion */
    column *columns;      /* what it gives: input columns when `gathered`, and of each call */
    bool    gathered;
    bool    used; /* states are to be cleared before the next portion */
    int32_t part_count;
} over_worker;

typedef struct over_work {
    over          *owner;
    const delta   *all;
    const int32_t *order;
    int32_t        worker_count;
    over_worker   *workers;
} over_work;

/* ---- workers */

static status
open_worker(over_worker *w, const over *o, error *err) {
    w->env = *o->base.env;
    arena_init(&w->arena, w->env.mem);
    arena_init(&w->scratch, w->env.mem);
    TRY(store_open(&w->store, w->env.mem, err));
    w->env.arena = &w->arena;
    w->env.scratch = &w->scratch;
    w->env.store = w->store;
    w->env.pool = NULL;
    w->env.profile = NULL;
    w->over = *o;
    w->over.base.env = &w->env;
    TRY(over_aggregates_open(&w->over, err));
    w->columns =
        arena_alloc(&w->arena, (size_t)(o->input_count + o->call_count) * sizeof(*w->columns));
    return w->columns == NULL ? error_memory(err) : OK;
}

static void
close_worker(over_worker *w) {
    if (w->over.base.env != NULL) {
        over_aggregates_close(&w->over);
    }
    if (w->store != NULL) {
        store_close(w->store);
    }
    if (w->env.mem != NULL) {
        arena_fini(&w->scratch);
        arena_fini(&w->arena);
    }
}

/* ---- a portion */

static status
cut_parts(over_view *v, const uint8_t *same, arena *a, error *err) {
    for (int32_t i = 0; i < v->row_count; i++) {
        v->part_count += !same[i];
    }
    v->parts = arena_alloc_zero(a, (size_t)v->part_count * sizeof(*v->parts));
    if (v->parts == NULL) {
        return error_memory(err);
    }
    int32_t count = 0;
    for (int32_t i = 0; i < v->row_count; i++) {
        if (!same[i]) {
            v->parts[count] = (over_part){.at = i, .from = i, .slot = (slot)count};
            count++;
        }
        v->parts[count - 1].end = i + 1;
        TRY(i % INTERRUPT_ROWS == 0 ? interrupt_look(err) : OK);
    }
    return OK;
}

static status
init_aggregates(over *o, int32_t part_count, error *err) {
    arena           *scratch = o->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    slot            *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    for (int32_t first = 0; first < part_count; first += BATCH_ROWS) {
        const int32_t count = part_count - first < BATCH_ROWS ? part_count - first : BATCH_ROWS;
        for (int32_t i = 0; i < count; i++) {
            slots[i] = (slot)(first + i);
        }
        for (int32_t i = 0; i < o->call_count; i++) {
            if (o->aggs[i] != NULL) {
                TRY(o->aggs[i]->class->init(o->aggs[i], slots, count, err));
            }
        }
    }
    arena_rewind(scratch, mark);
    return OK;
}

/* Everything of the view but the results: `count` rows in order, parts, groups. */
static status
make_view(over_view *v, over *o, const delta *all, const int32_t *order, int32_t count, arena *a,
          error *err) {
    const op_spec *spec = o->base.spec;
    uint8_t       *same = arena_alloc(a, (size_t)count);
    column        *columns = arena_alloc_zero(a, (size_t)o->input_count * sizeof(*columns));
    if (same == NULL || columns == NULL) {
        return error_memory(err);
    }
    *v = (over_view){.columns = columns, .row_count = count};
    TRY(over_same_as_previous(same, all->columns, o->order, spec->key_count, order, v->row_count, a,
                              err));
    TRY(interrupt_look(err));
    TRY(cut_parts(v, same, a, err));
    TRY(over_same_as_previous(same, all->columns, o->order + spec->key_count, o->peer_count, order,
                              v->row_count, a, err));
    TRY(interrupt_look(err));
    TRY(over_number_groups(v, same, a, err));
    for (int32_t i = 0; i < o->input_count; i++) {
        if (o->reads[i]) {
            TRY(interrupt_look(err));
            TRY(column_gather(&columns[i], &all->columns[i], order, v->row_count, a, err));
        }
    }
    return init_aggregates(o, v->part_count, err);
}

static status
clear_aggregates(over *o, int32_t part_count, error *err) {
    for (int32_t i = 0; i < o->call_count; i++) {
        for (int32_t p = 0; o->aggs[i] != NULL && p < part_count; p++) {
            TRY(o->aggs[i]->class->clear(o->aggs[i], (slot)p, err));
        }
    }
    return OK;
}

/* Input columns, those that the view has as they are there. */
static status
gather_inputs(over_worker *w, const over_view *v, const delta *all, const int32_t *order,
              error *err) {
    for (int32_t i = 0; i < w->over.input_count; i++) {
        if (w->over.reads[i]) {
            w->columns[i] = v->columns[i];
            continue;
        }
        TRY(interrupt_look(err));
        TRY(column_gather(&w->columns[i], &all->columns[i], order, w->count, &w->scratch, err));
    }
    return OK;
}

/* One step: the portion of worker `at`. */
static status
compute_portion(void *context, int32_t at, error *err) {
    const over_work *work = context;
    over_worker     *w = &work->workers[at];
    const int32_t   *order = work->order + w->first;
    over_view        v;
    w->env.interrupted = interrupt_current();
    TRY(w->used ? clear_aggregates(&w->over, w->part_count, err) : OK);
    TRY(make_view(&v, &w->over, work->all, order, w->count, &w->scratch, err));
    w->used = true;
    w->part_count = v.part_count;
    TRY(over_compute(w->columns + w->over.input_count, &w->over, &v, &w->scratch, err));
    w->gathered = w->count <= GATHERED_ROWS_MAX;
    return w->gathered ? gather_inputs(w, &v, work->all, order, err) : OK;
}

/* Its rows, in order. */
static status
give_portion(const over_work *work, const over_worker *w, error *err) {
    over  *o = work->owner;
    arena *scratch = o->base.env->scratch;
    for (int32_t first = 0; first < w->count; first += BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        const int32_t    count = (int32_t)min_i64(BATCH_ROWS, w->count - first);
        TRY(op_poll(&o->base, err));
        for (int32_t i = 0; i < o->input_count + o->call_count; i++) {
            if (w->gathered || i >= o->input_count) {
                o->output[i] = column_slice(&w->columns[i], first);
            } else {
                TRY(column_gather(&o->output[i], &work->all->columns[i],
                                  work->order + w->first + first, count, scratch, err));
            }
        }
        const delta  out = {.row_count = count,
                            .column_count = o->input_count + o->call_count,
                            .columns = o->output};
        const status s = op_emit(&o->base, &out, err);
        arena_rewind(scratch, mark);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

/* ---- all of them */

static bool
same_partition(const over_work *work, int32_t a, int32_t b) {
    const over *o = work->owner;
    uint8_t     same = 1;
    for (int32_t k = 0; k < o->base.spec->key_count && same; k++) {
        const column *c = &work->all->columns[o->order[k].column];
        equal_rows(&same, c, &work->order[a], c, &work->order[b], 1);
    }
    return same;
}

/* Where the portion from `first` on ends: with the partition that reaches PORTION_ROWS. */
static int32_t
portion_end(const over_work *work, int32_t first) {
    const int32_t n = work->all->row_count;
    if (n - first <= PORTION_ROWS) {
        return n;
    }
    int32_t       low = first + PORTION_ROWS, high = n; /* the end is in low .. high */
    const int32_t last = low - 1;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (same_partition(work, last, middle)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static status
answer_portions(over_work *work, error *err) {
    const op_env *env = work->owner->base.env;
    const team    help = {.pool = env->pool, .threads = env->threads, .watched = env->interrupted};
    const int32_t n = work->all->row_count;
    for (int32_t first = 0; first < n;) {
        int32_t count = 0;
        for (; count < work->worker_count && first < n; count++) {
            over_worker  *w = &work->workers[count];
            const int32_t end = portion_end(work, first);
            if (w->over.base.env == NULL) {
                TRY(open_worker(w, work->owner, err));
            }
            w->first = first;
            w->count = end - first;
            first = end;
        }
        TRY(team_run(&help, count, compute_portion, work, err));
        for (int32_t i = 0; i < count; i++) {
            const status s = give_portion(work, &work->workers[i], err);
            if (s != OK) {
                return s;
            }
            arena_reset(&work->workers[i].scratch);
        }
    }
    return OK;
}

/* As many as the threads that there may be have use for. */
static int32_t
workers_for(const over *o, const delta *all) {
    const op_env *env = o->base.env;
    const int64_t portions = (all->row_count - 1) / PORTION_ROWS + 1;
    return env->pool == NULL || o->base.spec->key_count == 0
               ? 1
               : (int32_t)max_i64(1, min_i64(env->threads, portions));
}

status
over_answer(over *o, const delta *all, const int32_t *order, error *err) {
    over_work work = {.owner = o, .all = all, .order = order, .worker_count = workers_for(o, all)};
    mem      *m = o->base.env->mem;
    const size_t bytes = sizeof(over_worker) * (size_t)work.worker_count;
    if (all->row_count == 0) {
        return OK;
    }
    work.workers = mem_alloc_zero(m, bytes);
    const status s = work.workers == NULL ? error_memory(err) : answer_portions(&work, err);
    for (int32_t i = 0; work.workers != NULL && i < work.worker_count; i++) {
        close_worker(&work.workers[i]);
    }
    mem_free(m, work.workers, bytes);
    return s;
}
