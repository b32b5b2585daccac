/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h - a few threads that work on the parts of one job, and sleep otherwise.
 *
 * Threads are started when a job first has use for them and live until the pool is closed. One job
 * runs at a time; a second caller is refused and goes on alone. After a fork the child has no
 * threads: it must leave the pool alone. */
#ifndef LAMINAR_OS_POOL_H
#define LAMINAR_OS_POOL_H

#include "base/interrupt.h"
#include "base/mem.h"
#include "os/thread.h"

#define POOL_THREADS_MAX 1024

typedef struct pool pool;

/* Part number `at`; `calling`: on the thread that called pool_run. */
typedef void (*pool_part)(void *context, int32_t at, bool calling);

/* Its threads, those there are and those to come, run on these processors. */
void   pool_pin(pool *p, const cpu_list *cpus);
status pool_open(pool **out, mem *m, error *err) MUST_USE;
/* Ends the threads when the job under way is done; later ones are refused. */
void pool_stop(pool *p);
void pool_close(pool *p); /* stops it; NULL is fine */
/* Runs parts 0 .. part_count, in this order as far as there are threads, and returns when all are
 * done. While it waits it polls `watched` (NULL: nothing). False: another job is running, or no
 * thread is to be had; nothing was run. */
bool pool_run(pool *p, int32_t part_count, pool_part run, void *context, interrupt *watched);

#endif
