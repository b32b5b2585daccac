/* SPDX-License-Identifier: Apache-2.0 */
/* .live at a pseudo-terminal while a thread of the shell's process inserts 100,000 rows a second:
 * how often it draws, what that costs, and that Ctrl-C gives the prompt back. The shell runs in a
 * child; alarms end both, whatever happens. */
#include "laminar.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 1000
#define SECONDS_MAX 60

int laminar_shell_main(int argc, char **argv);

typedef struct told { /* of the child, ten times a second */
    int64_t at_us, cpu_us, pages, inserted;
} told;

static int64_t
clock_us(clockid_t of) {
    struct timespec t;
    (void)clock_gettime(of, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
sleep_us(int64_t us) {
    const struct timespec t = {us / 1000000, us % 1000000 * 1000};
    (void)nanosleep(&t, NULL);
}

/* ---------------------------------------------------------------------------------- the child */
static struct {
    laminar_database *db;
    pthread_t         thread, shell;
    atomic_bool       stops;
    int               tells;
    int64_t           groups;
} feed;

static void
run(const char *sql) {
    laminar_error   err;
    laminar_result *r = NULL;
    if (laminar_database_execute(feed.db, sql, &r, &err) < 0) {
        dprintf(STDERR_FILENO, "%s: %s\n", sql, err.message);
        _exit(3);
    }
    laminar_result_free(r);
}

static int64_t
pages_in_memory(void) {
    long  all = 0, in = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f != NULL) {
        (void)fscanf(f, "%ld %ld", &all, &in);
        (void)fclose(f);
    }
    return in;
}

static void *
insert_rows(void *ignored) {
    clockid_t     shell = CLOCK_MONOTONIC;
    const int64_t began = clock_us(CLOCK_MONOTONIC);
    (void)pthread_getcpuclockid(feed.shell, &shell);
    for (int64_t i = 0; !atomic_load(&feed.stops); i++) {
        char sql[200];
        (void)snprintf(sql, sizeof(sql),
                       "INSERT INTO t SELECT x * 7919 %% %lld, x FROM range(%lld, %lld) AS r(x)",
                       (long long)feed.groups, (long long)(i * BATCH),
                       (long long)((i + 1) * BATCH));
        run(sql);
        if (i % 10 == 0) {
            const told now = {clock_us(CLOCK_MONOTONIC), clock_us(shell), pages_in_memory(),
                              (i + 1) * BATCH};
            (void)!write(feed.tells, &now, sizeof(now));
        }
        const int64_t due = began + (i + 1) * 10000 - clock_us(CLOCK_MONOTONIC);
        sleep_us(due > 0 ? due : 0);
    }
    return ignored;
}

laminar_status __real_laminar_database_open(laminar_database **out, const char *path,
                                            const laminar_options *o, laminar_error *err);
laminar_status __wrap_laminar_database_open(laminar_database **out, const char *path,
                                            const laminar_options *o, laminar_error *err);
void           __real_laminar_database_close(laminar_database *db);
void           __wrap_laminar_database_close(laminar_database *db);

laminar_status
__wrap_laminar_database_open(laminar_database **out, const char *path, const laminar_options *o,
                             laminar_error *err) {
    const laminar_status s = __real_laminar_database_open(out, path, o, err);
    feed.db = *out;
    feed.shell = pthread_self();
    run("CREATE SOURCE t (k BIGINT, v BIGINT) WITH (retain = 'none')");
    run("CREATE STREAM s AS SELECT k, sum(v) AS total, count(*) AS n FROM t GROUP BY k");
    laminar_error started;
    (void)laminar_database_start(feed.db, &started);
    (void)pthread_create(&feed.thread, NULL, insert_rows, NULL);
    return s;
}

void
__wrap_laminar_database_close(laminar_database *db) {
    atomic_store(&feed.stops, true);
    (void)pthread_join(feed.thread, NULL);
    __real_laminar_database_close(db);
}

/* ---------------------------------------------------------------------------------- the person */
typedef struct person {
    int   screen, told; /* what they look at */
    pid_t shell;
    char  tail[64]; /* of what the shell wrote */
    told  last;
    int   draws;
} person;

static void
meet(person *p, int64_t groups) {
    int                  ends[2];
    const struct winsize size = {.ws_row = 24, .ws_col = 80};
    CHECK(pipe(ends) == 0);
    p->shell = forkpty(&p->screen, NULL, NULL, &size);
    CHECK(p->shell >= 0);
    if (p->shell == 0) {
        char  name[] = "laminardb";
        char *argv[] = {name, NULL};
        (void)alarm(SECONDS_MAX);
        (void)setenv("TERM", "xterm", 1);
        (void)setenv("LAMINARDB_HISTORY", "", 1);
        (void)setenv("NO_COLOR", "1", 1);
        (void)close(ends[0]);
        (void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
        feed.tells = ends[1];
        feed.groups = groups;
        exit(laminar_shell_main(1, argv));
    }
    (void)close(ends[1]);
    p->told = ends[0];
    (void)fcntl(p->told, F_SETFL, O_NONBLOCK);
}

/* A picture begins at the upper left corner; the places of the tail are looked at once. */
static void
see(person *p, const char *data, size_t size) {
    static const char corner[] = "\x1b[H";
    for (size_t i = 0; i < size; i++) {
        memmove(p->tail, p->tail + 1, sizeof(p->tail) - 2);
        p->tail[sizeof(p->tail) - 2] = data[i] == '\0' ? ' ' : data[i];
        const char *end = p->tail + sizeof(p->tail) - 1 - strlen(corner);
        p->draws += strcmp(end, corner) == 0;
    }
}

/* Looks until `wanted` is the newest there is, or for so long: whether it came. */
static bool
look(person *p, const char *wanted, int64_t us) {
    const int64_t end = clock_us(CLOCK_MONOTONIC) + us;
    for (;;) {
        if (wanted != NULL && strstr(p->tail, wanted) != NULL) {
            return true;
        }
        struct pollfd f[2] = {{.fd = p->screen, .events = POLLIN},
                              {.fd = p->told, .events = POLLIN}};
        const int64_t left = end - clock_us(CLOCK_MONOTONIC);
        char          data[4096];
        if (left <= 0 || poll(f, 2, (int)(left / 1000) + 1) < 0) {
            return false;
        }
        while (f[1].revents != 0 && read(p->told, &p->last, sizeof(p->last)) == sizeof(p->last)) {
        }
        const ssize_t got = f[0].revents == 0 ? 0 : read(p->screen, data, sizeof(data));
        if (got < 0) {
            return false; /* it has gone */
        }
        see(p, data, (size_t)got);
    }
}

static void
type(person *p, const char *keys) {
    memset(p->tail, ' ', sizeof(p->tail) - 1);
    CHECK(write(p->screen, keys, strlen(keys)) == (ssize_t)strlen(keys));
}

static void
leave(person *p) {
    int code = 0;
    type(p, ".quit\r");
    (void)look(p, NULL, 200000);
    const int64_t end = clock_us(CLOCK_MONOTONIC) + 20000000;
    while (waitpid(p->shell, &code, WNOHANG) == 0) {
        CHECK(clock_us(CLOCK_MONOTONIC) < end);
        (void)look(p, NULL, 50000);
    }
    CHECK(WIFEXITED(code) && WEXITSTATUS(code) == 0);
    (void)close(p->screen);
    (void)close(p->told);
}

static void
watch(int64_t groups, const char *query, double least) {
    person p = {.draws = 0};
    memset(p.tail, ' ', sizeof(p.tail) - 1);
    (void)alarm(SECONDS_MAX);
    meet(&p, groups);
    CHECK(look(&p, "laminar>", 20000000));
    type(&p, query);
    (void)look(&p, NULL, 1500000);
    const told    before = p.last;
    const int     drawn = p.draws;
    const int64_t began = clock_us(CLOCK_MONOTONIC);
    (void)look(&p, NULL, 3000000);
    const double  took = (double)(clock_us(CLOCK_MONOTONIC) - began) / 1e6;
    const double  rate = (p.draws - drawn) / took;
    const told    after = p.last;
    const double  passed = (double)(after.at_us - before.at_us) / 1e6;
    const double  grown = (double)((after.pages - before.pages) * sysconf(_SC_PAGESIZE)) / 1048576;
    const int64_t asked = clock_us(CLOCK_MONOTONIC);
    type(&p, "\x03");
    CHECK(look(&p, "laminar>", 20000000));
    const int64_t stopped = clock_us(CLOCK_MONOTONIC) - asked;
    print_message("%lld groups: %.1f draws/s, %.0f rows/s, shell %.1f %% of a core, %+.1f MiB, "
                  "Ctrl-C in %.0f ms\n",
                  (long long)groups, rate, (double)(after.inserted - before.inserted) / passed,
                  (double)(after.cpu_us - before.cpu_us) / passed / 1e4, grown,
                  (double)stopped / 1e3);
    leave(&p);
    (void)alarm(0);
    CHECK(stopped < 10000000);
    CHECK(passed > 0 && after.inserted > before.inserted);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(rate >= least && rate <= 11);
    CHECK((double)(after.cpu_us - before.cpu_us) / passed < 500000);
    CHECK(grown < 32);
#else
    (void)least;
#endif
}

static void
test_few_groups(void **state) {
    (void)state;
    watch(100, ".live s\r", 1);
}

static void
test_many_groups(void **state) {
    (void)state;
    watch(50000, ".live SELECT * FROM s ORDER BY total DESC\r", 1);
}

/* Where an answer takes long, which the stream below does not, the pauses do too. */
static void
test_slow_query(void **state) {
    (void)state;
    watch(100,
          ".live SELECT k, n + c AS n FROM s, (SELECT count(*) AS c FROM range(4000000) AS r(x) "
          "WHERE x % 7 = 3)\r",
          0.2);
}

UNIT_MAIN(UNIT(test_few_groups), UNIT(test_many_groups), UNIT(test_slow_query))
