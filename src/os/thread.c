/* SPDX-License-Identifier: Apache-2.0 */
/* thread.c - pthreads and the futex system call behind thread.h.
 *
 * Engine threads take no signals: they belong to the process that embeds us, whose handlers expect
 * its own threads. */
#include "os/thread.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#ifndef NDEBUG
/* Levels of the locks that this thread holds: bit n for level n. */
static _Thread_local uint32_t levels_held;
#endif
static _Thread_local uint64_t own_id;
static _Atomic uint64_t       last_id;

static void
note_locked(const mutex *m, bool tried) {
#ifndef NDEBUG
    if (m->level > 0) {
        assert(tried || (levels_held >> m->level) == 0); /* against the order of locks */
        levels_held |= 1u << m->level;
    }
#endif
    (void)m;
    (void)tried;
}

static void
note_unlocked(const mutex *m) {
#ifndef NDEBUG
    if (m->level > 0) {
        levels_held &= ~(1u << m->level);
    }
#endif
    (void)m;
}

uint32_t
mutex_levels_aside(void) {
    uint32_t held = 0;
#ifndef NDEBUG
    held = levels_held;
    levels_held = 0;
#endif
    return held;
}

void
mutex_levels_back(uint32_t levels) {
#ifndef NDEBUG
    assert(levels_held == 0);
    levels_held = levels;
#endif
    (void)levels;
}

enum { THREAD_NAME_SIZE = 16 }; /* with terminator; the kernel's limit */

status
mutex_init(mutex *m, error *err) {
    errno = pthread_mutex_init(&m->handle, NULL);
    if (errno != 0) {
        return error_set(err, ERR_OUT_OF_MEMORY, "cannot make a lock: %m");
    }
    m->level = 0;
    return OK;
}

void
mutex_set_level(mutex *m, uint8_t level) {
    assert(level > 0 && level < 32);
    m->level = level;
}

void
mutex_fini(mutex *m) {
    const int fault = pthread_mutex_destroy(&m->handle);
    assert(fault == 0); /* still locked */
    (void)fault;
}

void
mutex_lock(mutex *m) {
    note_locked(m, false); /* before: a wrong order may never return */
    const int fault = pthread_mutex_lock(&m->handle);
    assert(fault == 0);
    (void)fault;
}

bool
mutex_try_lock(mutex *m) {
    if (pthread_mutex_trylock(&m->handle) != 0) {
        return false;
    }
    note_locked(m, true);
    return true;
}

bool
mutex_lock_for(mutex *m, int64_t timeout_us) {
    engine_clock wall; /* ThreadSanitizer knows no wait by another clock */
    clock_init_real(&wall);
    const int64_t         end_us = sat_add_i64(clock_now_us(&wall), timeout_us);
    const struct timespec end = {.tv_sec = end_us / 1000000, .tv_nsec = end_us % 1000000 * 1000};
    note_locked(m, false);
    const int fault = pthread_mutex_timedlock(&m->handle, &end);
    if (fault != 0) {
        assert(fault == ETIMEDOUT);
        note_unlocked(m);
        return false;
    }
    return true;
}

void
mutex_unlock(mutex *m) {
    note_unlocked(m);
    const int fault = pthread_mutex_unlock(&m->handle);
    assert(fault == 0);
    (void)fault;
}

status
thread_start(thread *t, const char *name, void *(*run)(void *arg), void *arg, error *err) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the new thread inherits the mask */
    const int fault = pthread_create(&t->handle, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (fault != 0) {
        errno = fault;
        return error_set(err, ERR_OUT_OF_MEMORY, "cannot start the thread \"%s\": %m", name);
    }
    char         cut[THREAD_NAME_SIZE] = {0};
    const size_t size = strlen(name);
    memcpy(cut, name, size < sizeof(cut) ? size : sizeof(cut) - 1);
    pthread_setname_np(t->handle, cut); /* for debuggers alone: a refusal does not matter */
    return OK;
}

void
thread_join(thread *t) {
    const int fault = pthread_join(t->handle, NULL);
    assert(fault == 0);
    (void)fault;
}

void
thread_detach_self(void) {
    const int fault = pthread_detach(pthread_self());
    assert(fault == 0);
    (void)fault;
}

wait_result
futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_us) {
    /* A wait without a timeout would be restarted by the kernel after a handler with SA_RESTART,
     * and the caller would never see the signal. A long one is not; its end is a spurious wake. */
    const int64_t   slice_us = 3600LL * 1000000;
    const bool      whole = timeout_us >= 0 && timeout_us <= slice_us;
    const int64_t   wait_us = whole ? timeout_us : slice_us;
    struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = (wait_us % 1000000) * 1000};
    if (syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &wait, NULL, 0) == 0) {
        return WAIT_WOKEN;
    }
    if (errno == EINTR) {
        return WAIT_INTERRUPTED;
    }
    return errno == ETIMEDOUT && whole ? WAIT_TIMEOUT : WAIT_WOKEN;
}

void
futex_wake_all(_Atomic uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

/* A number of at most four digits from *at on; false: there is none. */
static bool
read_cpu(text t, size_t *at, int32_t *out) {
    const size_t first = *at;
    *out = 0;
    while (*at < t.size && *at < first + 4 && t.data[*at] >= '0' && t.data[*at] <= '9') {
        *out = *out * 10 + (t.data[(*at)++] - '0');
    }
    return *at > first && *out < CPUS_MAX;
}

static bool
read_range(cpu_list *out, text t, size_t *at) {
    int32_t first, last;
    if (!read_cpu(t, at, &first)) {
        return false;
    }
    last = first;
    if (*at < t.size && t.data[*at] == '-') {
        (*at)++;
        if (!read_cpu(t, at, &last) || last < first) {
            return false;
        }
    }
    for (int32_t i = first; i <= last; i++) {
        out->bits[i / 64] |= (uint64_t)1 << (i % 64);
    }
    return true;
}

static bool
is_usable(const cpu_list *cpus) {
    cpu_set_t allowed;
    if (sched_getaffinity(getpid(), sizeof(allowed), &allowed) != 0) {
        return true; /* there is no saying */
    }
    for (int32_t i = 0; i < CPUS_MAX && i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &allowed) && (cpus->bits[i / 64] >> (i % 64) & 1) != 0) {
            return true;
        }
    }
    return false;
}

bool
cpu_list_read(cpu_list *out, text t) {
    size_t at = 0;
    *out = (cpu_list){.all = text_equal_nocase(t, TEXT("all"))};
    if (out->all) {
        return true;
    }
    do {
        while (at < t.size && t.data[at] == ' ') {
            at++;
        }
        if (!read_range(out, t, &at)) {
            return false;
        }
    } while (at < t.size && t.data[at++] == ',');
    return at == t.size && t.data[at - 1] != ',' && is_usable(out);
}

void
thread_pin(const thread *t, const cpu_list *cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpus->all && sched_getaffinity(getpid(), sizeof(set), &set) != 0) {
        return;
    }
    for (int32_t i = 0; !cpus->all && i < CPUS_MAX && i < CPU_SETSIZE; i++) {
        if ((cpus->bits[i / 64] >> (i % 64) & 1) != 0) {
            CPU_SET(i, &set);
        }
    }
    pthread_setaffinity_np(t->handle, sizeof(set), &set); /* a refusal changes no answer */
}

int32_t
thread_cpu_count(void) {
    cpu_set_t     allowed;
    const int32_t count =
        sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    return count > 0 ? count : 1;
}

uint64_t
thread_id(void) {
    if (own_id == 0) {
        own_id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
    }
    return own_id;
}
