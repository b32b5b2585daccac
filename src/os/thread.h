/* SPDX-License-Identifier: Apache-2.0 */
/* thread.h - threads, locks and waiting. The only file (with thread.c) that knows pthreads and
 * futexes. */
#ifndef LAMINAR_OS_THREAD_H
#define LAMINAR_OS_THREAD_H

#include <pthread.h>

#include "base/error.h"
#include "base/text.h"

/* Locks are taken in the order of their levels: a thread may lock (not try) a mutex only while it
 * holds none of the same or a higher level. Debug builds assert it. Level 0 is exempt. */
/* The statement lock of a database; who writes its log; locks of lists, under which nothing is
 * locked. */
enum { LEVEL_TOKEN = 1, LEVEL_LOG = 2, LEVEL_LEAF = 3 };
typedef struct mutex {
    pthread_mutex_t handle;
    uint8_t         level;
} mutex;

status mutex_init(mutex *m, error *err) MUST_USE;
void   mutex_set_level(mutex *m, uint8_t level); /* 1 .. 31, right after init */
void   mutex_fini(mutex *m);
void   mutex_lock(mutex *m);
bool   mutex_try_lock(mutex *m);
bool   mutex_lock_for(mutex *m, int64_t timeout_us); /* false: somebody else kept it that long */
void   mutex_unlock(mutex *m);
/* While code of the program's runs, which may use other databases: their locks stand in no order
 * with those that the thread holds. What is given back is what it held. */
uint32_t mutex_levels_aside(void);
void     mutex_levels_back(uint32_t levels);

typedef struct thread {
    pthread_t handle;
} thread;

/* The thread takes no signals: they belong to the process that embeds the engine. Names are cut
 * to 15 bytes. */
status thread_start(thread *t, const char *name, void *(*run)(void *arg), void *arg,
                    error *err) MUST_USE;
void   thread_join(thread *t);
void   thread_detach_self(void); /* the calling thread: nobody joins it, and nobody has to */

/* Processors by their numbers. */
#define CPUS_MAX 1024
typedef struct cpu_list {
    bool     all; /* that the process may use */
    uint64_t bits[CPUS_MAX / 64];
} cpu_list;
/* "all", or such as "0-3,6"; false: it is not of that form, or the process may use none of them. */
bool cpu_list_read(cpu_list *out, text t);
void thread_pin(const thread *t, const cpu_list *cpus); /* as far as the system lets it */

int32_t thread_cpu_count(void); /* processors that this process may use, at least 1 */

/* Not 0, and of this thread alone for the life of the process. */
uint64_t thread_id(void);

typedef enum wait_result { WAIT_WOKEN, WAIT_TIMEOUT, WAIT_INTERRUPTED } wait_result;

/* Sleeps while *word == expected. timeout_us < 0 waits for ever. WAIT_INTERRUPTED: a signal
 * handler ran. Spurious WAIT_WOKEN happens. */
wait_result futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_us);
void        futex_wake_all(_Atomic uint32_t *word);

#endif
