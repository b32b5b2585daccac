/* SPDX-License-Identifier: Apache-2.0 */
/* test_windows.c - event time through laminar.h against brute force: which rows are late, which
 * windows are final, what a stream made late holds.
 *
 * The rule: a row is late for a window iff window_end + allowed lateness <= the watermark that its
 * insert met; the watermark of a source is the greatest event time seen minus the delay and moves
 * after the insert; a window is final when the watermark reaches its end + allowed lateness. */
#include "database.h"

#define SIZE 10 /* seconds of a window */
#define KEYS 3
#define WINDOWS 64
#define NEVER INT64_MIN

typedef struct event {
    int64_t second;
    int64_t key;
    int64_t v;
} event;

/* ---- reference */
typedef struct reference {
    int64_t delay, lateness;
    int64_t watermark; /* seconds; NEVER before any row */
    int64_t late;
    int64_t count[WINDOWS][KEYS];
    int64_t sum[WINDOWS][KEYS];
} reference;

static bool
is_final(const reference *r, int64_t window) {
    return r->watermark != NEVER && (window + 1) * SIZE + r->lateness <= r->watermark;
}

static void
reference_insert(reference *r, const event *events, int32_t count) {
    int64_t high = r->watermark;
    for (int32_t i = 0; i < count; i++) {
        const int64_t window = events[i].second / SIZE;
        if (is_final(r, window)) {
            r->late++;
        } else {
            r->count[window][events[i].key]++;
            r->sum[window][events[i].key] += events[i].v;
        }
        const int64_t mark = events[i].second - r->delay;
        high = mark > high ? mark : high;
    }
    r->watermark = high;
}

/* "window,key,count,sum" in the stream's own unit; closed_only: final windows alone. */
static void
reference_show(const reference *r, shown *out, int64_t unit, bool closed_only) {
    out->size = 0;
    out->text[0] = '\0';
    for (int64_t w = 0; w < WINDOWS; w++) {
        for (int64_t k = 0; k < KEYS; k++) {
            if (r->count[w][k] > 0 && (!closed_only || is_final(r, w))) {
                out->size += (size_t)snprintf(out->text + out->size, SHOWN_MAX - out->size,
                                              "%s%lld,%lld,%lld,%lld", out->size > 0 ? "|" : "",
                                              (long long)(w * SIZE * unit), (long long)k,
                                              (long long)r->count[w][k], (long long)r->sum[w][k]);
            }
        }
    }
    shown_sort(out);
}

static void
check_stream(laminar_database *db, const char *name, const reference *r, int64_t unit,
             bool closed_only) {
    char line[128];
    snprintf(line, sizeof(line), "SELECT * FROM %s", name);
    shown *got = db_sorted(db, line);
    shown *wanted = shown_new();
    reference_show(r, wanted, unit, closed_only);
    if (strcmp(got->text, wanted->text) != 0) {
        print_error("%s, delay %lld, lateness %lld\n  gave   %.1500s\n  wanted %.1500s\n", name,
                    (long long)r->delay, (long long)r->lateness, got->text, wanted->text);
        fail();
    }
    free(got);
    free(wanted);
}

static int64_t
late_rows(laminar_database *db, const char *name) {
    laminar_error        err;
    laminar_stream_stats stats = {.size = sizeof(stats)};
    DB_OK(laminar_database_stream_stats(db, name, &stats, &err));
    CHECK(!stats.failed);
    return stats.late_rows;
}

/* ---- the engine */
static void
insert(laminar_appender *a, const event *events, int32_t count, int64_t unit) {
    laminar_error err;
    int64_t       rows = -1;
    for (int32_t i = 0; i < count; i++) {
        if (unit == 1000) {
            DB_OK(laminar_append_bigint(a, 0, events[i].second * 1000, &err));
        } else {
            DB_OK(laminar_append_timestamp(a, 0, events[i].second * 1000000, &err));
        }
        DB_OK(laminar_append_bigint(a, 1, events[i].key, &err));
        DB_OK(laminar_append_bigint(a, 2, events[i].v, &err));
    }
    DB_OK(laminar_appender_flush(a, &rows, &err));
    CHECK_EQ(rows, count);
}

static void
make_source(laminar_database *db, const char *name, int64_t delay, int64_t unit) {
    char line[256];
    snprintf(line, sizeof(line),
             "CREATE SOURCE %s (ts %s, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - INTERVAL "
             "'%lld' SECOND)",
             name, unit == 1000 ? "BIGINT" : "TIMESTAMP", (long long)delay);
    db_run(db, line);
}

static void
make_stream(laminar_database *db, const char *name, const char *from, int64_t lateness,
            bool close) {
    char line[512], allow[64] = "";
    if (lateness > 0) {
        snprintf(allow, sizeof(allow), " ALLOW LATENESS INTERVAL '%lld' SECOND",
                 (long long)lateness);
    }
    snprintf(line, sizeof(line),
             "CREATE STREAM %s AS SELECT TUMBLE(ts, INTERVAL '%d' SECOND) AS w, k, count(*) AS n, "
             "sum(v) AS total FROM %s GROUP BY TUMBLE(ts, INTERVAL '%d' SECOND), k%s%s",
             name, SIZE, from, SIZE, close ? " EMIT ON WINDOW CLOSE" : "", allow);
    db_run(db, line);
}

/* ---- small scope */
/* Everything that a subscription to an EMIT ON WINDOW CLOSE stream gave: each window once. */
static void
check_closed(laminar_subscription *sub, const reference *r, int64_t unit) {
    laminar_error   err;
    laminar_result *rows = NULL;
    shown          *got = shown_new();
    shown          *wanted = shown_new();
    while (laminar_subscription_next(sub, 0, &rows, NULL, &err) == LAMINAR_OK) {
        show_result(got, rows);
        laminar_result_free(rows);
    }
    shown_sort(got);
    reference_show(r, wanted, unit, true);
    CHECK_STR(got->text, wanted->text);
    free(got);
    free(wanted);
}

/* The events in this order, cut where `split` has a bit: both kinds of stream against brute
 * force. */
static void
play_order(const event *events, int32_t count, uint32_t split, int64_t delay) {
    laminar_error         err;
    laminar_appender     *a = NULL;
    laminar_subscription *sub = NULL;
    laminar_database     *db = db_open();
    reference             r = {.delay = delay, .watermark = NEVER};
    make_source(db, "t", delay, 1000000);
    make_stream(db, "open_windows", "t", 0, false);
    make_stream(db, "closed", "t", 0, true);
    DB_OK(laminar_database_start(db, &err));
    DB_OK(laminar_database_subscribe_stream(&sub, db, "closed", &err));
    DB_OK(laminar_appender_open(&a, db, "t", &err));
    int32_t first = 0;
    for (int32_t i = 0; i < count; i++) {
        if (i == count - 1 || ((split >> i) & 1) != 0) {
            insert(a, events + first, i + 1 - first, 1000000);
            reference_insert(&r, events + first, i + 1 - first);
            first = i + 1;
        }
    }
    check_stream(db, "open_windows", &r, 1000000, false);
    check_stream(db, "closed", &r, 1000000, true);
    check_closed(sub, &r, 1000000);
    CHECK_EQ(late_rows(db, "open_windows"), r.late);
    CHECK_EQ(late_rows(db, "closed"), r.late);
    /* The watermark alone closes the rest. */
    DB_OK(laminar_database_advance(db, "t", 1000000, &err));
    reference rest = r;
    for (int64_t w = 0; w < WINDOWS; w++) {
        for (int64_t k = 0; k < KEYS; k++) {
            rest.count[w][k] = is_final(&r, w) ? 0 : r.count[w][k];
        }
    }
    rest.watermark = r.watermark = 1000;
    check_closed(sub, &rest, 1000000);
    check_stream(db, "closed", &r, 1000000, false);
    laminar_appender_close(a);
    laminar_subscription_close(sub);
    laminar_database_close(db);
}

static void
permute(event *events, int32_t at, int32_t count, int64_t delay, int64_t *runs) {
    if (at == count) {
        for (uint32_t split = 0; split < 16; split++, (*runs)++) {
            play_order(events, count, split, delay);
        }
        return;
    }
    for (int32_t i = at; i < count; i++) {
        const event other = events[at];
        events[at] = events[i];
        events[i] = other;
        permute(events, at + 1, count, delay, runs);
        events[i] = events[at];
        events[at] = other;
    }
}

static void
test_small_scope(void **state) {
    (void)state;
    static const int64_t delays[] = {0, 5, 12, 40};
    int64_t              runs = 0;
    for (size_t d = 0; d < 4; d++) {
        event events[5] = {{2, 0, 1}, {9, 1, 2}, {10, 0, 4}, {19, 0, 8}, {31, 1, 16}};
        permute(events, 0, 5, delays[d], &runs);
    }
    CHECK_EQ(runs, 4 * 120 * 16);
}

/* ---- late = early */
static int32_t
random_events(rng *r, event *events, int64_t *now) {
    const int32_t count = 1 + (int32_t)rng_below(r, 12);
    for (int32_t i = 0; i < count; i++) {
        int64_t second = *now + (int64_t)rng_below(r, 8) - (int64_t)rng_below(r, 25);
        second = second < 0 ? 0 : second;
        second = second >= WINDOWS * SIZE ? WINDOWS * SIZE - 1 : second;
        events[i] = (event){second, (int64_t)rng_below(r, KEYS), (int64_t)rng_below(r, 100) - 50};
        *now = second > *now ? second : *now;
    }
    return count;
}

/* The streams of one database, made early ("e_") or late ("l_"). */
static void
make_streams(laminar_database *db, const char *prefix, int64_t lateness) {
    char name[64], from[64], line[512];
    snprintf(name, sizeof(name), "%swindows", prefix);
    make_stream(db, name, "a", lateness, false);
    snprintf(name, sizeof(name), "%sclosed", prefix);
    make_stream(db, name, "a", lateness, true);
    snprintf(line, sizeof(line), "CREATE STREAM %sfew AS SELECT * FROM a WHERE v > -20", prefix);
    db_run(db, line);
    snprintf(name, sizeof(name), "%son_stream", prefix);
    snprintf(from, sizeof(from), "%sfew", prefix);
    make_stream(db, name, from, lateness, false);
    snprintf(line, sizeof(line),
             "CREATE STREAM %sper_key AS SELECT k, count(*) AS n, sum(n) AS rows FROM %sclosed "
             "GROUP BY k",
             prefix, prefix);
    db_run(db, line);
    /* Two inputs: the watermark is the smaller one. */
    snprintf(line, sizeof(line),
             "CREATE STREAM %sboth AS SELECT TUMBLE(x.ts, INTERVAL '10' SECOND) AS w, x.k AS k, "
             "count(*) AS n, sum(y.v) AS total FROM a AS x JOIN b AS y ON x.v = y.v "
             "GROUP BY TUMBLE(x.ts, INTERVAL '10' SECOND), x.k",
             prefix);
    db_run(db, line);
    /* A windowed stream over a windowed stream of other sources: each keeps its own frontier. */
    snprintf(line, sizeof(line),
             "CREATE STREAM %sover AS SELECT TUMBLE(y.ts, INTERVAL '20' SECOND) AS w2, count(*) "
             "AS n, sum(x.n) AS total FROM %swindows AS x JOIN b AS y ON x.k = y.k "
             "GROUP BY TUMBLE(y.ts, INTERVAL '20' SECOND)",
             prefix, prefix);
    db_run(db, line);
}

static void
compare_streams(laminar_database *db, bool counters) {
    static const char *const names[] = {"windows", "closed", "few", "on_stream",
                                        "per_key", "both",   "over"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char early[64], late[64], one[128], other[128];
        snprintf(early, sizeof(early), "e_%s", names[i]);
        snprintf(late, sizeof(late), "l_%s", names[i]);
        snprintf(one, sizeof(one), "SELECT * FROM %s", early);
        snprintf(other, sizeof(other), "SELECT * FROM %s", late);
        db_check_same(db, one, other);
        /* Of an updating input only the changes that remain after a tick can be late: how many
         * those are depends on the ticks. */
        if (counters && strcmp(names[i], "over") != 0 &&
            late_rows(db, early) != late_rows(db, late)) {
            print_error("%s: %lld rows were late, %lld in the one made late\n", names[i],
                        (long long)late_rows(db, early), (long long)late_rows(db, late));
            fail();
        }
    }
}

typedef struct history {
    laminar_database *db;
    laminar_appender *a, *b;
    reference         r, few;
    int64_t           now_a, now_b, unit;
} history;

static void
history_step(history *h, rng *r, bool advance_too) {
    laminar_error  err;
    event          events[16], kept[16];
    const uint64_t kind = rng_below(r, 10);
    if (kind < 6) {
        const int32_t n = random_events(r, events, &h->now_a);
        insert(h->a, events, n, h->unit);
        reference_insert(&h->r, events, n);
        int32_t k = 0;
        for (int32_t i = 0; i < n; i++) {
            kept[k] = events[i];
            k += events[i].v > -20;
        }
        const int64_t whole = h->r.watermark;
        reference_insert(&h->few, kept, k);
        h->few.watermark = whole;
    } else if (kind < 9) {
        const int32_t n = random_events(r, events, &h->now_b);
        insert(h->b, events, n, h->unit);
    } else if (advance_too) {
        const int64_t to = h->r.watermark == NEVER ? 0 : h->r.watermark + (int64_t)rng_below(r, 9);
        DB_OK(laminar_database_advance(h->db, "a", to * 1000, &err));
        h->r.watermark = h->few.watermark = to > h->r.watermark ? to : h->r.watermark;
    }
    h->now_a += (int64_t)rng_below(r, 6);
    h->now_b += (int64_t)rng_below(r, 6);
}

static void
play_history(uint64_t seed, bool advance_too) {
    laminar_error err;
    rng           r;
    rng_init(&r, seed);
    const int64_t delay = (int64_t)rng_below(&r, 15);
    const int64_t lateness = rng_below(&r, 2) == 0 ? 0 : (int64_t)rng_below(&r, 12);
    history       h = {.db = db_open(),
                       .r = {.delay = delay, .lateness = lateness, .watermark = NEVER},
                       .few = {.delay = delay, .lateness = lateness, .watermark = NEVER},
                       .unit = rng_below(&r, 2) == 0 ? 1000 : 1000000};
    make_source(h.db, "a", delay, h.unit);
    make_source(h.db, "b", (int64_t)rng_below(&r, 15), h.unit);
    make_streams(h.db, "e_", lateness);
    DB_OK(laminar_database_start(h.db, &err));
    DB_OK(laminar_appender_open(&h.a, h.db, "a", &err));
    DB_OK(laminar_appender_open(&h.b, h.db, "b", &err));
    const int32_t steps = 5 + (int32_t)rng_below(&r, 40);
    for (int32_t i = 0; i < steps; i++) {
        history_step(&h, &r, advance_too);
    }
    make_streams(h.db, "l_", lateness);
    check_stream(h.db, "e_windows", &h.r, h.unit, false);
    check_stream(h.db, "e_closed", &h.r, h.unit, true);
    check_stream(h.db, "e_on_stream", &h.few, h.unit, false);
    CHECK_EQ(late_rows(h.db, "e_windows"), h.r.late);
    compare_streams(h.db, true);
    for (int32_t i = 0; i < 10; i++) {
        history_step(&h, &r, advance_too);
    }
    compare_streams(h.db, true);
    check_stream(h.db, "l_closed", &h.r, h.unit, true);
    laminar_appender_close(h.a);
    laminar_appender_close(h.b);
    laminar_database_close(h.db);
}

static void
test_late_is_early(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        play_history(seed, false);
    }
}

static void
test_late_is_early_with_advances(void **state) {
    (void)state;
    for (uint64_t seed = 1000; seed < 1100; seed++) {
        play_history(seed, true);
    }
}

/* ---- by hand */
static void
test_advance(void **state) {
    (void)state;
    laminar_error         err;
    laminar_subscription *sub = NULL;
    laminar_database     *db = db_open();
    laminar_source_stats  stats = {.size = sizeof(stats)};
    make_source(db, "t", 0, 1000);
    db_run(db, "CREATE SOURCE plain (v BIGINT)");
    make_stream(db, "closed", "t", 0, true);
    DB_OK(laminar_database_start(db, &err));
    DB_OK(laminar_database_subscribe_stream(&sub, db, "closed", &err));
    DB_OK(laminar_database_source_stats(db, "t", &stats, &err));
    CHECK_EQ(stats.watermark_ms, INT64_MIN);
    db_run(db, "INSERT INTO t VALUES (1000, 1, 5), (9999, 1, 6), (NULL, 1, 7)");
    db_check_next(sub, NULL);
    DB_OK(laminar_database_advance(db, "t", 9999, &err));
    db_check_next(sub, NULL);
    DB_OK(laminar_database_advance(db, "t", 10000, &err));
    db_check_next(sub, "0,1,2,11");
    DB_OK(laminar_database_advance(db, "t", 5000, &err)); /* never back */
    DB_OK(laminar_database_source_stats(db, "t", &stats, &err));
    CHECK_EQ(stats.watermark_ms, 10000);
    CHECK_EQ(stats.null_time_rows, 1);
    CHECK_EQ(stats.total_rows, 3);
    db_run(db, "INSERT INTO t VALUES (9999, 1, 1), (10000, 1, 1)"); /* one late, one not */
    DB_OK(laminar_database_advance(db, "t", INT64_MAX, &err));
    db_check_next(sub, "10000,1,1,1");
    CHECK_EQ(late_rows(db, "closed"), 1);
    db_check_next(sub, NULL);
    DB_FAILS(laminar_database_advance(db, "plain", 1, &err), 202);
    DB_FAILS(laminar_database_advance(db, "nothing", 1, &err), 200);
    DB_FAILS(laminar_database_advance(db, "closed", 1, &err), 202);
    laminar_subscription_close(sub);
    laminar_database_close(db);
}

UNIT_MAIN(UNIT(test_advance), UNIT(test_small_scope), UNIT(test_late_is_early),
          UNIT(test_late_is_early_with_advances))
