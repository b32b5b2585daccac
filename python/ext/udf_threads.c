/* SPDX-License-Identifier: Apache-2.0 */
/* udf_threads.c - on which thread Python code of a function runs, and for how long.
 *
 * A thread that Python knows takes the interpreter back and runs the job itself. A thread of the
 * engine's hands it to the dispatch thread, which has a thread state for as long as it lives and
 * runs nothing else, and waits for it; without a GIL it runs the job itself, with a thread state of
 * its own. A second thread, the watchdog, raises laminardb.udfs.Stopped in a job that takes too
 * long or is cancelled, again and again until it is over.
 *
 * Order: the interpreter, then a mutex of this file; never the other way. Nothing waits for the
 * interpreter with a mutex, and no Python code runs with one. After a fork the child has neither
 * thread, and begins anew. */
#include "udf.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_MS 20    /* how often the watchdog looks while jobs come */
#define IDLE_LOOKS 50 /* without a job, before it sleeps */
#define AGAIN_MS 100  /* between two exceptions for one job */

typedef struct watched {
    struct watched     *next, *previous;
    const laminar_call *call;
    unsigned long       thread; /* Python's number of it */
    int64_t             until_ms, again_ms;
    bool                is_late, is_cancelled;
} watched;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t  wake, over; /* over: a thread ended */
    watched        *first;
    module_state   *state;
    bool            runs, sleeps, ends;
} watchdog = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t  work, done, over;
    ext_job        *first;
    bool            runs, ends;
} dispatcher = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic bool jobs_ended, jobs_stuck;

static int64_t
now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

laminar_status
ext_job_refuse(const ext_job *job, const char *why) {
    memset(job->err, 0, sizeof(*job->err));
    job->err->code = 400;
    (void)snprintf(job->err->class_name, sizeof(job->err->class_name), "QueryError");
    (void)snprintf(job->err->message, sizeof(job->err->message), "%s",
                   why); /* the engine names it */
    return -400;
}

static void
wait_ms(pthread_cond_t *on, pthread_mutex_t *lock, int64_t until_ms) {
    const struct timespec t = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    (void)pthread_cond_timedwait(on, lock, &t);
}

static void
open_condition(pthread_cond_t *c) {
    pthread_condattr_t a;
    (void)pthread_condattr_init(&a);
    (void)pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &a);
    (void)pthread_condattr_destroy(&a);
}

static void
open_all(void) {
    (void)pthread_mutex_init(&watchdog.lock, NULL);
    (void)pthread_mutex_init(&dispatcher.lock, NULL);
    open_condition(&watchdog.wake);
    open_condition(&watchdog.over);
    open_condition(&dispatcher.work);
    open_condition(&dispatcher.done);
    open_condition(&dispatcher.over);
    watchdog.first = NULL;
    watchdog.runs = watchdog.sleeps = watchdog.ends = false;
    dispatcher.first = NULL;
    dispatcher.runs = dispatcher.ends = false;
}

static pthread_once_t opened = PTHREAD_ONCE_INIT;

static void
open_once(void) {
    open_all();
    (void)pthread_atfork(NULL, NULL, open_all);
}

static bool
start_thread(void *(*run)(void *)) {
    pthread_t      thread;
    pthread_attr_t a;
    (void)pthread_attr_init(&a);
    (void)pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
    const bool started = pthread_create(&thread, &a, run, NULL) == 0;
    (void)pthread_attr_destroy(&a);
    return started;
}

/* ---------------------------------------------------------------------------------- watchdog */
static bool
is_due(const watched *w, int64_t now) {
    return now >= w->again_ms &&
           (now >= w->until_ms ||
            (w->call != NULL && w->call->is_cancelled != NULL && w->call->is_cancelled(w->call)));
}

/* With the interpreter, so no job ends meanwhile (without a GIL: the mutex keeps it). */
static void
stop_late_jobs(PyObject *exception) {
    const int64_t now = now_ms();
    pthread_mutex_lock(&watchdog.lock);
    for (watched *w = watchdog.first; w != NULL; w = w->next) {
        if (is_due(w, now)) {
            w->is_late = now >= w->until_ms;
            w->is_cancelled = !w->is_late;
            w->again_ms = now + AGAIN_MS;
            (void)PyThreadState_SetAsyncExc(w->thread, exception);
        }
    }
    pthread_mutex_unlock(&watchdog.lock);
}

static bool
any_due(void) {
    const int64_t now = now_ms();
    for (const watched *w = watchdog.first; w != NULL; w = w->next) {
        if (is_due(w, now)) {
            return true;
        }
    }
    return false;
}

static void *
watch(void *unused) {
    (void)unused;
    (void)pthread_setname_np(pthread_self(), "laminar-udf-dog");
    int idle = 0;
    pthread_mutex_lock(&watchdog.lock);
    while (!watchdog.ends) {
        idle = watchdog.first == NULL ? idle + 1 : 0;
        if (idle > IDLE_LOOKS) {
            watchdog.sleeps = true;
            (void)pthread_cond_wait(&watchdog.wake, &watchdog.lock);
            watchdog.sleeps = false;
            idle = 0;
            continue;
        }
        wait_ms(&watchdog.wake, &watchdog.lock, now_ms() + LOOK_MS);
        if (!watchdog.ends && any_due()) {
            PyObject *exception = watchdog.state->stopped_class;
            pthread_mutex_unlock(&watchdog.lock);
            const PyGILState_STATE gil = PyGILState_Ensure();
            stop_late_jobs(exception);
            PyGILState_Release(gil);
            pthread_mutex_lock(&watchdog.lock);
        }
    }
    watchdog.runs = false;
    pthread_cond_broadcast(&watchdog.over);
    pthread_mutex_unlock(&watchdog.lock);
    return NULL;
}

static void
watch_begin(watched *w, const ext_job *job) {
    *w = (watched){.call = job->call,
                   .thread = PyThread_get_thread_ident(),
                   .until_ms = job->timeout_ms <= 0 ? INT64_MAX : now_ms() + job->timeout_ms};
    pthread_mutex_lock(&watchdog.lock);
    w->next = watchdog.first;
    if (w->next != NULL) {
        w->next->previous = w;
    }
    watchdog.first = w;
    watchdog.state = job->state;
    if (!watchdog.runs && !watchdog.ends) {
        watchdog.runs = start_thread(watch);
    } else if (watchdog.sleeps) {
        pthread_cond_signal(&watchdog.wake);
    }
    pthread_mutex_unlock(&watchdog.lock);
}

static void
watch_end(watched *w) {
    pthread_mutex_lock(&watchdog.lock);
    if (w->previous == NULL) {
        watchdog.first = w->next;
    } else {
        w->previous->next = w->next;
    }
    if (w->next != NULL) {
        w->next->previous = w->previous;
    }
    pthread_mutex_unlock(&watchdog.lock);
    if (w->is_late || w->is_cancelled) { /* raised, perhaps, behind the last line of the job */
        (void)PyThreadState_SetAsyncExc(w->thread, NULL);
    }
}

/* ---------------------------------------------------------------------------------- garbage */
static struct {
    pthread_mutex_t lock;
    PyObject      **objects;
    size_t          count, room;
} garbage = {.lock = PTHREAD_MUTEX_INITIALIZER};
static _Atomic bool has_garbage;

void
ext_garbage(PyObject *o) {
    if (o == NULL) {
        return;
    }
    pthread_mutex_lock(&garbage.lock);
    if (garbage.count == garbage.room) {
        const size_t room = garbage.room == 0 ? 64 : 2 * garbage.room;
        PyObject   **more = realloc(garbage.objects, room * sizeof(*more));
        if (more == NULL) { /* lost, and never read again */
            pthread_mutex_unlock(&garbage.lock);
            return;
        }
        garbage.objects = more;
        garbage.room = room;
    }
    garbage.objects[garbage.count++] = o;
    has_garbage = true;
    pthread_mutex_unlock(&garbage.lock);
}

void
ext_garbage_drain(void) {
    while (has_garbage) {
        pthread_mutex_lock(&garbage.lock);
        PyObject   **objects = garbage.objects;
        const size_t count = garbage.count;
        garbage.objects = NULL;
        garbage.count = garbage.room = 0;
        has_garbage = false;
        pthread_mutex_unlock(&garbage.lock);
        for (size_t i = 0; i < count; i++) {
            Py_DECREF(objects[i]); /* runs anything */
        }
        free(objects);
    }
}

/* ---------------------------------------------------------------------------------- jobs */
const char *
ext_job_stopped(const ext_job *job, char *out, size_t size) {
    watched *w = job->watch;
    /* It is over: nothing more is raised, also not in what tells of it. */
    pthread_mutex_lock(&watchdog.lock);
    w->again_ms = INT64_MAX;
    pthread_mutex_unlock(&watchdog.lock);
    if (w->is_late || w->is_cancelled) {
        (void)PyThreadState_SetAsyncExc(w->thread, NULL);
    }
    if (w->is_late) {
        (void)snprintf(out, size, "TimeoutError: a call took longer than %lld ms",
                       (long long)job->timeout_ms);
    } else if (w->is_cancelled) {
        (void)snprintf(out, size, "it was cancelled");
    }
    return w->is_late || w->is_cancelled ? out : NULL;
}

/* It came to its end all the same, too late. */
static void
tell_why(ext_job *job) {
    char        why[128];
    const char *stopped = ext_job_stopped(job, why, sizeof(why));
    if (stopped != NULL && job->status >= 0) {
        job->status = ext_job_refuse(job, stopped);
    }
}

/* With the interpreter. */
static void
run_watched(ext_job *job) {
    watched w;
    ext_garbage_drain();
    watch_begin(&w, job);
    job->watch = &w;
    job->run(job);
    watch_end(&w);
    tell_why(job);
    job->watch = NULL;
}

/* The engine refuses what the function asks of the database of its call, on this thread too. */
static void
run_for_engine(ext_job *job) {
    laminar_call_mark mark;
    const bool        known = job->call != NULL && job->call->engine != NULL;
    if (known) {
        laminar_call_adopt(job->call, &mark);
    }
    run_watched(job);
    if (known) {
        laminar_call_resign(&mark);
    }
}

static void *
dispatch(void *unused) {
    (void)unused;
    (void)pthread_setname_np(pthread_self(), "laminar-udf");
    const PyGILState_STATE gil = PyGILState_Ensure();
    PyThreadState         *own = PyEval_SaveThread();
    pthread_mutex_lock(&dispatcher.lock);
    while (!dispatcher.ends) {
        ext_job *job = dispatcher.first;
        if (job == NULL) {
            (void)pthread_cond_wait(&dispatcher.work, &dispatcher.lock);
            continue;
        }
        dispatcher.first = job->next;
        job->is_begun = true;
        pthread_mutex_unlock(&dispatcher.lock);
        PyEval_RestoreThread(own);
        run_for_engine(job);
        own = PyEval_SaveThread();
        pthread_mutex_lock(&dispatcher.lock);
        job->is_done = true;
        pthread_cond_broadcast(&dispatcher.done);
    }
    pthread_mutex_unlock(&dispatcher.lock);
    PyEval_RestoreThread(own);
    PyGILState_Release(gil);
    pthread_mutex_lock(&dispatcher.lock);
    dispatcher.runs = false;
    pthread_cond_broadcast(&dispatcher.over);
    pthread_mutex_unlock(&dispatcher.lock);
    return NULL;
}

static void
take_back(const ext_job *job) {
    ext_job **at = &dispatcher.first;
    while (*at != NULL && *at != job) {
        at = &(*at)->next;
    }
    if (*at == job) {
        *at = job->next;
    }
}

static laminar_status
hand_over(ext_job *job) {
    const int64_t until = job->timeout_ms <= 0 ? INT64_MAX : now_ms() + job->timeout_ms;
    const char   *refused = NULL;
    pthread_mutex_lock(&dispatcher.lock);
    if (!dispatcher.runs && !dispatcher.ends) {
        dispatcher.runs = start_thread(dispatch);
    }
    if (!dispatcher.runs || dispatcher.ends) {
        pthread_mutex_unlock(&dispatcher.lock);
        return ext_job_refuse(job, "the interpreter ends, or has no memory for a thread");
    }
    ext_job **at = &dispatcher.first;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = job;
    pthread_cond_signal(&dispatcher.work);
    while (!job->is_done && refused == NULL) {
        const int64_t now = now_ms();
        wait_ms(&dispatcher.done, &dispatcher.lock, now + AGAIN_MS);
        if (!job->is_begun && (now >= until || dispatcher.ends)) {
            take_back(job);
            refused = dispatcher.ends ? "the interpreter ends"
                                      : "another function holds the dispatch thread";
        }
    }
    pthread_mutex_unlock(&dispatcher.lock);
    return refused != NULL ? ext_job_refuse(job, refused) : job->status;
}

laminar_status
ext_job_run(ext_job *job) {
    (void)pthread_once(&opened, open_once);
    job->here = PyGILState_GetThisThreadState() != NULL;
#ifdef Py_GIL_DISABLED
    const bool runs_here = true;
#else
    const bool runs_here = job->here;
#endif
    if (!job->here && jobs_ended) {
        return ext_job_refuse(job, "the interpreter ends");
    }
    if (!runs_here) {
        return hand_over(job);
    }
    const PyGILState_STATE gil = PyGILState_Ensure();
    run_watched(job);
    PyGILState_Release(gil);
    return job->status;
}

bool
ext_jobs_end(int64_t timeout_ms) {
    const int64_t until = now_ms() + timeout_ms;
    (void)pthread_once(&opened, open_once);
    jobs_ended = true;
    pthread_mutex_lock(&watchdog.lock);
    for (watched *w = watchdog.first; w != NULL; w = w->next) {
        w->until_ms = 0; /* of those that run on: they are stopped */
    }
    pthread_cond_signal(&watchdog.wake);
    pthread_mutex_unlock(&watchdog.lock);
    pthread_mutex_lock(&dispatcher.lock);
    dispatcher.ends = true;
    pthread_cond_broadcast(&dispatcher.work);
    while (dispatcher.runs && now_ms() < until) {
        wait_ms(&dispatcher.over, &dispatcher.lock, until);
    }
    const bool stuck = dispatcher.runs;
    pthread_mutex_unlock(&dispatcher.lock);
    pthread_mutex_lock(&watchdog.lock);
    watchdog.ends = true;
    pthread_cond_signal(&watchdog.wake);
    while (watchdog.runs && now_ms() < until + LOOK_MS) {
        wait_ms(&watchdog.over, &watchdog.lock, until + LOOK_MS);
    }
    pthread_mutex_unlock(&watchdog.lock);
    jobs_stuck = stuck;
    return !stuck;
}

bool
ext_jobs_stuck(void) {
    return jobs_stuck;
}
