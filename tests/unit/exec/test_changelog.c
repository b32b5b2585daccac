/* SPDX-License-Identifier: Apache-2.0 */
/* test_changelog.c - entries live exactly as long as a reader may want them; two threads; waking;
 * refused allocations. */
#include "exec/changelog.h"

#include "base/slab.h"
#include "batch/builder.h"
#include "os/thread.h"
#include "unit.h"

/* Of the slabs that entries lie in: the current one, a spare one, and one that an entry keeps. */
#define SLACK (3 * SLAB_BYTES_MAX)

static status
make_batch(batch **out, mem *m, int64_t v, error *err) {
    const data_type type = type_of(TYPE_I64);
    builder         b;
    TRY(builder_init(&b, m, &type, 1, err));
    status s = column_append_i64(&b, 0, v, err);
    if (s == OK) {
        s = builder_take(&b, out, err);
    }
    builder_fini(&b);
    return s;
}

static status
append(changelog *c, mem *m, int64_t v, error *err) {
    batch *b = NULL;
    TRY(make_batch(&b, m, v, err));
    const log_changes changes = {.shown = &b, .shown_count = 1};
    return changelog_append(c, (uint64_t)v, &changes, err);
}

static const lag_rule no_limit = {.bytes_max = INT64_MAX, .policy = LAG_ERROR};

/* The value of the next entry, 0 when there is none. */
static int64_t
take_value(log_cursor *cursor) {
    int64_t    missed = 0;
    log_entry *e = log_cursor_next(cursor, &missed);
    CHECK_EQ(missed, 0);
    if (e == NULL) {
        return 0;
    }
    CHECK_EQ(e->shown_count, 1);
    const int64_t v = column_value(&e->shown[0]->rows.columns[0], 0).i;
    CHECK_EQ(e->position.epoch, (uint64_t)v);
    log_entry_release(e);
    return v;
}

/* ---- one thread */
#define CURSORS 6

/* Random appends, opens, reads and closes against a model; in the end nothing is left, and what no
 * cursor can reach any more was freed at once. */
static void
play(uint64_t seed) {
    mem        m;
    error      err = {0};
    changelog *c = NULL;
    log_cursor cursors[CURSORS] = {{0}};
    int64_t    next[CURSORS] = {0};
    int64_t    appended = 0;
    rng        r;
    rng_init(&r, seed);
    mem_init(&m, INT64_MAX);
    CHECK_OK(changelog_open(&c, &m, &err));
    const int64_t empty = atomic_load(&m.bytes_used);
    int64_t       per_entry = 0;
    for (int32_t step = 0; step < 400; step++) {
        const size_t at = rng_below(&r, CURSORS);
        switch (rng_below(&r, 5)) {
        case 0:
        case 1:
            CHECK_OK(append(c, &m, ++appended, &err));
            break;
        case 2:
            if (cursors[at].log == NULL) {
                CHECK_OK(log_cursor_open(&cursors[at], c, &no_limit, &err));
                next[at] = appended + 1;
            } else if (rng_below(&r, 4) == 0) {
                log_cursor_close(&cursors[at]);
                log_cursor_close(&cursors[at]); /* twice is fine */
            }
            break;
        default:
            if (cursors[at].log != NULL) {
                const int64_t v = take_value(&cursors[at]);
                CHECK_EQ(v, next[at] <= appended ? next[at] : 0);
                next[at] += v != 0;
            }
            break;
        }
        if (appended == 1 && per_entry == 0) {
            per_entry = atomic_load(&m.bytes_used); /* about the size of an entry, batch included */
        }
        int64_t oldest = appended, readers = 0; /* the newest entry stays */
        for (size_t i = 0; i < CURSORS; i++) {
            if (cursors[i].log != NULL) {
                readers++;
                oldest = next[i] - 1 < oldest ? next[i] - 1 : oldest;
            }
        }
        CHECK_EQ(changelog_readers(c), readers);
        CHECK(atomic_load(&m.bytes_used) <= empty + SLACK + (appended - oldest + 1) * per_entry);
    }
    changelog_end(c, LOG_FINISHED, NULL);
    changelog_release(c); /* cursors keep what they have not read */
    for (size_t i = 0; i < CURSORS; i++) {
        log_end how;
        while (cursors[i].log != NULL && next[i] <= appended) {
            CHECK(!log_cursor_at_end(&cursors[i], &how, NULL));
            CHECK_EQ(take_value(&cursors[i]), next[i]++);
        }
        if (cursors[i].log != NULL) {
            CHECK(log_cursor_at_end(&cursors[i], &how, NULL) && how == LOG_FINISHED);
            CHECK_EQ(take_value(&cursors[i]), 0);
        }
        log_cursor_close(&cursors[i]);
    }
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_readers(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        play(seed);
    }
}

/* Letting go of a chain of many unread entries at once is a loop, not a recursion. */
static void
test_long_chain(void **state) {
    (void)state;
    mem        m;
    error      err = {0};
    changelog *c = NULL;
    log_cursor slow = {0};
    mem_init(&m, INT64_MAX);
    CHECK_OK(changelog_open(&c, &m, &err));
    CHECK_OK(log_cursor_open(&slow, c, &no_limit, &err));
    const log_changes nothing = {.shown_count = 0};
    for (int64_t i = 0; i < 300000; i++) {
        CHECK_OK(changelog_append(c, (uint64_t)i, &nothing, &err));
    }
    log_cursor_close(&slow);
    CHECK(atomic_load(&m.bytes_used) < 4096 + SLACK);
    changelog_release(c);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_end(void **state) {
    (void)state;
    mem          m;
    error        err = {0}, reason = {0};
    log_end      how = LOG_OPEN;
    changelog   *c = NULL;
    log_cursor   cursor = {0};
    _Atomic bool stop = false;
    mem_init(&m, INT64_MAX);
    CHECK_OK(changelog_open(&c, &m, &err));
    CHECK_OK(log_cursor_open(&cursor, c, &no_limit, &err));
    CHECK(!log_cursor_at_end(&cursor, &how, &reason) && how == LOG_OPEN);
    CHECK_OK(append(c, &m, 1, &err));
    (void)error_set(&reason, ERR_STREAM_FAILED, "a reason of %d", 7);
    changelog_end(c, LOG_FAILED, &reason);
    changelog_end(c, LOG_FINISHED, NULL);           /* the first end stands */
    CHECK(!log_cursor_at_end(&cursor, &how, NULL)); /* there is something to read first */
    CHECK(!log_cursor_wait(&cursor, &stop, -1));    /* so waiting does not sleep */
    CHECK_EQ(take_value(&cursor), 1);
    error_clear(&reason);
    CHECK(log_cursor_at_end(&cursor, &how, &reason) && how == LOG_FAILED);
    CHECK_STR(reason.message, "a reason of 7");
    CHECK(!log_cursor_wait(&cursor, &stop, -1)); /* nor at the end */
    log_cursor_close(&cursor);
    changelog_release(c);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- two threads */
#define ENTRIES 20000

typedef struct reader {
    log_cursor   cursor;
    _Atomic bool stop;
    int64_t      sum, entries;
    bool         in_order;
} reader;

static void *
read_all(void *arg) {
    reader *r = arg;
    int64_t last = 0;
    log_end how = LOG_OPEN;
    r->in_order = true;
    while (!atomic_load(&r->stop) && !log_cursor_at_end(&r->cursor, &how, NULL)) {
        const int64_t v = take_value(&r->cursor);
        if (v == 0) {
            (void)log_cursor_wait(&r->cursor, &r->stop, -1);
            continue;
        }
        r->in_order = r->in_order && v == last + 1;
        last = v;
        r->sum += v;
        r->entries++;
    }
    log_cursor_close(&r->cursor);
    return NULL;
}

/* One writer, three readers that sleep when there is nothing: no entry and no wake is lost. */
static void
test_two_threads(void **state) {
    (void)state;
    mem        m;
    error      err = {0};
    changelog *c = NULL;
    reader     readers[3] = {{.sum = 0}};
    thread     threads[3];
    mem_init(&m, INT64_MAX);
    CHECK_OK(changelog_open(&c, &m, &err));
    for (int32_t i = 0; i < 3; i++) {
        CHECK_OK(log_cursor_open(&readers[i].cursor, c, &no_limit, &err));
        CHECK_OK(thread_start(&threads[i], "reader", read_all, &readers[i], &err));
    }
    for (int64_t i = 1; i <= ENTRIES; i++) {
        CHECK_OK(append(c, &m, i, &err));
        changelog_wake(c);
        if (i == ENTRIES / 2) { /* one leaves early */
            atomic_store(&readers[2].stop, true);
            changelog_stir(c);
        }
    }
    changelog_end(c, LOG_FINISHED, NULL);
    for (int32_t i = 0; i < 3; i++) {
        thread_join(&threads[i]);
        CHECK(readers[i].in_order);
    }
    CHECK_EQ(readers[0].entries, ENTRIES);
    CHECK_EQ(readers[1].sum, (int64_t)ENTRIES * (ENTRIES + 1) / 2);
    changelog_release(c);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- torture */
static status
write_and_read(mem *m, changelog *c, log_cursor *cursor, error *err) {
    TRY(log_cursor_open(cursor, c, &no_limit, err));
    for (int64_t i = 1; i <= 5; i++) {
        TRY(append(c, m, i, err));
        if (i % 2 == 0) {
            (void)take_value(cursor);
        }
    }
    return OK;
}

static status
scenario(mem *m, error *err) {
    changelog *c = NULL;
    log_cursor cursor = {0};
    TRY(changelog_open(&c, m, err));
    const status s = write_and_read(m, c, &cursor, err);
    changelog_release(c);
    log_cursor_close(&cursor);
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("changelog", scenario) > 10);
}

UNIT_MAIN(UNIT(test_readers), UNIT(test_long_chain), UNIT(test_end), UNIT(test_two_threads),
          UNIT(test_torture))
