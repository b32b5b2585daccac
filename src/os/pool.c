/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c - see pool.h. `lock` guards the job and is held for a few instructions; `busy` is held by
 * the caller whose job it is. Parts are few and long, so handing them out needs nothing better. */
#include "os/pool.h"

#define POOL_LOOK_US 5000 /* how often a waiting caller polls what it watches */
#define SPINS 600         /* of some 40 ns: half of what it takes to sleep and to be woken */

struct pool {
    mem             *mem;
    mutex            busy;
    mutex            lock;
    pool_part        run; /* of the job; parts from `next` on are not taken yet */
    void            *context;
    int32_t          next, part_count, left;
    bool             stop;
    _Atomic uint32_t work; /* futex: changes with each job and at the end */
    _Atomic uint32_t done; /* futex of the caller: changes when the last part is done */
    cpu_list         cpus;
    _Atomic bool     repin; /* threads are not on `cpus` yet */
    int32_t          thread_count, thread_capacity;
    thread          *threads;
};

status
pool_open(pool **out, mem *m, error *err) {
    pool *p = mem_alloc_zero(m, sizeof(*p));
    if (p == NULL) {
        return error_memory(err);
    }
    p->mem = m;
    status s = mutex_init(&p->busy, err);
    if (s == OK) {
        s = mutex_init(&p->lock, err);
        if (s < 0) {
            mutex_fini(&p->busy);
        }
    }
    if (s < 0) {
        mem_free(m, p, sizeof(*p));
        return s;
    }
    *out = p;
    return OK;
}

void
pool_stop(pool *p) {
    mutex_lock(&p->busy);
    mutex_lock(&p->lock);
    p->stop = true;
    mutex_unlock(&p->lock);
    atomic_fetch_add(&p->work, 1);
    futex_wake_all(&p->work);
    for (int32_t i = 0; i < p->thread_count; i++) {
        thread_join(&p->threads[i]);
    }
    p->thread_count = 0;
    mutex_unlock(&p->busy);
}

void
pool_close(pool *p) {
    if (p == NULL) {
        return;
    }
    pool_stop(p);
    mem_free(p->mem, p->threads, sizeof(thread) * (size_t)p->thread_capacity);
    mutex_fini(&p->lock);
    mutex_fini(&p->busy);
    mem_free(p->mem, p, sizeof(*p));
}

/* Takes and runs parts until there are none. */
static void
run_parts(pool *p, bool calling) {
    mutex_lock(&p->lock);
    while (p->next < p->part_count) {
        const int32_t   at = p->next++;
        const pool_part run = p->run;
        void           *context = p->context;
        mutex_unlock(&p->lock);
        run(context, at, calling);
        mutex_lock(&p->lock);
        if (--p->left == 0) {
            atomic_fetch_add(&p->done, 1);
            futex_wake_all(&p->done);
        }
    }
    mutex_unlock(&p->lock);
}

/* Until the word is another one, or somewhat longer than other threads need where jobs follow one
 * another. */
static void
spin(const _Atomic uint32_t *word, uint32_t seen) {
    for (int32_t i = 0; i < SPINS && atomic_load(word) == seen; i++) {
        CPU_RELAX();
    }
}

static void *
run_thread(void *arg) {
    pool *p = arg;
    for (;;) {
        const uint32_t seen = atomic_load(&p->work);
        mutex_lock(&p->lock);
        const bool stop = p->stop;
        mutex_unlock(&p->lock);
        if (stop) {
            return NULL;
        }
        run_parts(p, false);
        spin(&p->work, seen);
        futex_wait(&p->work, seen, -1);
    }
}

/* As many threads as are wanted, or as are to be had. */
static void
start_threads(pool *p, int32_t wanted) {
    wanted = wanted < POOL_THREADS_MAX ? wanted : POOL_THREADS_MAX;
    if (wanted > p->thread_capacity) {
        thread *more = mem_resize(p->mem, p->threads, sizeof(thread) * (size_t)p->thread_capacity,
                                  sizeof(thread) * (size_t)wanted);
        if (more == NULL) {
            return;
        }
        p->threads = more;
        p->thread_capacity = wanted;
    }
    error ignored = {0};
    while (p->thread_count < wanted && thread_start(&p->threads[p->thread_count], "laminardb-pool",
                                                    run_thread, p, &ignored) == OK) {
        thread_pin(&p->threads[p->thread_count], &p->cpus);
        p->thread_count++;
    }
}

/* With the lock `busy`. */
static void
pin_threads(pool *p) {
    mutex_lock(&p->lock);
    const cpu_list cpus = p->cpus;
    mutex_unlock(&p->lock);
    for (int32_t i = 0; i < p->thread_count; i++) {
        thread_pin(&p->threads[i], &cpus);
    }
}

/* While a job is under way the next one does it. */
void
pool_pin(pool *p, const cpu_list *cpus) {
    mutex_lock(&p->lock);
    p->cpus = *cpus;
    mutex_unlock(&p->lock);
    atomic_store(&p->repin, true);
    if (mutex_try_lock(&p->busy)) {
        atomic_store(&p->repin, false);
        pin_threads(p);
        mutex_unlock(&p->busy);
    }
}

bool
pool_run(pool *p, int32_t part_count, pool_part run, void *context, interrupt *watched) {
    if (!mutex_try_lock(&p->busy)) {
        return false;
    }
    if (!p->stop) { /* it is set with both locks */
        start_threads(p, part_count - 1);
        if (atomic_exchange(&p->repin, false)) {
            pin_threads(p);
        }
    }
    if (p->thread_count == 0) {
        mutex_unlock(&p->busy);
        return false;
    }
    mutex_lock(&p->lock);
    p->run = run;
    p->context = context;
    p->next = 0;
    p->part_count = part_count;
    p->left = part_count;
    mutex_unlock(&p->lock);
    atomic_fetch_add(&p->work, 1);
    futex_wake_all(&p->work);
    run_parts(p, true);
    for (;;) {
        const uint32_t seen = atomic_load(&p->done);
        mutex_lock(&p->lock);
        const int32_t left = p->left;
        mutex_unlock(&p->lock);
        if (left == 0) {
            break;
        }
        spin(&p->done, seen);
        futex_wait(&p->done, seen, POOL_LOOK_US);
        (void)interrupt_poll(watched); /* its flag is what the parts look at */
    }
    mutex_unlock(&p->busy);
    return true;
}
