/* SPDX-License-Identifier: Apache-2.0 */
/* test_thread.c - locks and futexes between threads. */
#include "os/thread.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit.h"

typedef struct shared {
    mutex            lock;
    int64_t          counter; /* behind lock */
    _Atomic uint32_t turn;
    _Atomic uint32_t done;
    int32_t          message; /* written by the thread whose turn it is */
} shared;

static void *
count_up(void *arg) {
    shared *s = arg;
    for (int32_t i = 0; i < 50000; i++) {
        mutex_lock(&s->lock);
        s->counter++;
        mutex_unlock(&s->lock);
    }
    return NULL;
}

static void
test_mutex(void **state) {
    (void)state;
    error  err;
    shared s = {0};
    thread a;
    thread b;
    CHECK_OK(mutex_init(&s.lock, &err));
    CHECK_OK(thread_start(&a, "a name longer than the kernel takes", count_up, &s, &err));
    CHECK_OK(thread_start(&b, "b", count_up, &s, &err));
    thread_join(&a);
    thread_join(&b);
    CHECK_EQ(s.counter, 100000);
    CHECK(mutex_try_lock(&s.lock));
    CHECK(!mutex_try_lock(&s.lock));
    mutex_unlock(&s.lock);
    CHECK(mutex_try_lock(&s.lock));
    mutex_unlock(&s.lock);
    mutex_fini(&s.lock);
}

typedef struct held {
    mem  *account;
    void *part;
} held;

static void *
give_back(void *arg) {
    const held *h = arg;
    mem_free(h->account, h->part, 10);
    return NULL;
}

static void *
churn(void *arg) {
    mem *m = arg;
    for (int32_t i = 0; i < 20000; i++) {
        void *p = mem_alloc(m, 400);
        void *q = p == NULL ? NULL : mem_resize(m, p, 400, 900);
        mem_free(m, q == NULL ? p : q, q == NULL ? 400 : 900);
    }
    return NULL;
}

/* Charges of several threads never add up to more than the limit, and end at nothing. */
static void
test_account_between_threads(void **state) {
    (void)state;
    error  err;
    thread threads[3];
    mem    m;
    mem_init(&m, 2000);
    for (int32_t i = 0; i < 3; i++) {
        CHECK_OK(thread_start(&threads[i], "churn", churn, &m, &err));
    }
    for (int32_t i = 0; i < 3; i++) {
        thread_join(&threads[i]);
    }
    CHECK(atomic_load(&m.bytes_max) <= 2000 && atomic_load(&m.bytes_max) >= 900);
    CHECK_EQ(mem_fini(&m), 0);

    /* A shared account closed while others still free into it goes away once, by the last one. */
    for (int32_t round = 0; round < 50; round++) {
        mem *common = mem_open_shared(INT64_MAX);
        CHECK(common != NULL);
        void *parts[2] = {mem_alloc(common, 10), mem_alloc(common, 10)};
        held  hold[2] = {{common, parts[0]}, {common, parts[1]}};
        for (int32_t i = 0; i < 2; i++) {
            CHECK(parts[i] != NULL);
            CHECK_OK(thread_start(&threads[i], "give back", give_back, &hold[i], &err));
        }
        mem_close_shared(common);
        thread_join(&threads[0]);
        thread_join(&threads[1]);
    }
}

static void
await(_Atomic uint32_t *word, uint32_t wanted) {
    for (;;) {
        const uint32_t now = atomic_load(word);
        if (now == wanted) {
            return;
        }
        futex_wait(word, now, -1);
    }
}

/* Even turns belong to the test, odd ones to this thread. */
static void *
answer(void *arg) {
    shared *s = arg;
    for (uint32_t turn = 1; turn < 2000; turn += 2) {
        await(&s->turn, turn);
        s->message *= 2;
        atomic_store(&s->turn, turn + 1);
        futex_wake_all(&s->turn);
    }
    return NULL;
}

static void
test_futex_ping_pong(void **state) {
    (void)state;
    error  err;
    shared s = {0};
    thread other;
    CHECK_OK(thread_start(&other, "answer", answer, &s, &err));
    for (uint32_t turn = 0; turn < 2000; turn += 2) {
        await(&s.turn, turn);
        CHECK(turn == 0 || s.message == (int32_t)(turn - 2) * 2);
        s.message = (int32_t)turn;
        atomic_store(&s.turn, turn + 1);
        futex_wake_all(&s.turn);
    }
    thread_join(&other);
    CHECK_EQ(s.message, 1998 * 2);
}

static void
test_futex_timeout(void **state) {
    (void)state;
    engine_clock c;
    clock_init_real(&c);
    _Atomic uint32_t word = 7;
    CHECK_EQ(futex_wait(&word, 8, -1), WAIT_WOKEN); /* another value: no sleep */
    CHECK_EQ(futex_wait(&word, 7, 0), WAIT_TIMEOUT);
    const int64_t before = clock_ticks_ns(&c);
    CHECK_EQ(futex_wait(&word, 7, 20000), WAIT_TIMEOUT);
    CHECK(clock_ticks_ns(&c) - before >= 20000000);
    CHECK_EQ(atomic_load(&word), 7);
}

static void
on_signal(int number) {
    (void)number;
}

static void *
poke(void *arg) {
    shared          *s = arg;
    _Atomic uint32_t nobody = 0;
    for (int32_t i = 0; i < 500 && atomic_load(&s->done) == 0; i++) {
        /* To the process: this thread blocks all signals, so the waiting one must take it. */
        kill(getpid(), SIGUSR1);
        futex_wait(&nobody, 0, 10000);
    }
    return NULL;
}

/* A wait without an end is interrupted even by a handler that asks for restarts. */
static void
test_futex_signal(void **state) {
    (void)state;
    error            err;
    shared           s = {0};
    thread           other;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction before;
    CHECK_EQ(sigaction(SIGUSR1, &action, &before), 0);
    CHECK_OK(thread_start(&other, "poke", poke, &s, &err));
    _Atomic uint32_t word = 0;
    wait_result      result = WAIT_WOKEN;
    for (int32_t i = 0; i < 100 && result != WAIT_INTERRUPTED; i++) {
        result = futex_wait(&word, 0, i % 2 == 0 ? -1 : 60000000);
    }
    atomic_store(&s.done, 1);
    thread_join(&other);
    CHECK_EQ(result, WAIT_INTERRUPTED);
    CHECK_EQ(sigaction(SIGUSR1, &before, NULL), 0);
}

UNIT_MAIN(UNIT(test_mutex), UNIT(test_account_between_threads), UNIT(test_futex_ping_pong),
          UNIT(test_futex_timeout), UNIT(test_futex_signal))
