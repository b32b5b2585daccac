/* SPDX-License-Identifier: Apache-2.0 */
/* test_scope.c - all orders of five events, cut into inserts in all sixteen ways, with four delays,
 * half of them with a lateness, through HOP, CUMULATE and SESSION windows and a query without
 * windows, open and EMIT ON WINDOW CLOSE, against brute force (TUMBLE: test_windows.c).
 *
 * A pair of row and window is late iff end + lateness <= the watermark that the row's insert met, a
 * row of a session iff its time + lateness < that watermark; a window is final when the watermark
 * has reached its end + lateness, a session when it has passed it. */
#include "database.h"

#define EVENTS 5
#define KEYS 2
#define PAIRS (EVENTS * 4)
#define NEVER INT64_MIN

typedef struct event {
    int64_t t, key, v;
} event;

typedef enum kind { KIND_HOP, KIND_CUMULATE, KIND_SESSION, KIND_NONE, KINDS } kind;

static const char *const calls[] = {"HOP(ts, 5, 10)", "CUMULATE(ts, 5, 10)", "SESSION(ts, 5)", ""};

typedef struct pair { /* an accepted row in one of its windows; a session: the row alone */
    int64_t start, end;
    event   e;
} pair;

typedef struct reference {
    int64_t delay, lateness, watermark;
    int32_t count[KINDS];
    pair    pairs[KINDS][PAIRS];
    int64_t late[KINDS];
} reference;

static bool
has_passed(const reference *r, kind k, int64_t end) {
    return r->watermark != NEVER && (k == KIND_SESSION ? end + r->lateness < r->watermark
                                                       : end + r->lateness <= r->watermark);
}

static void
take_event(reference *r, kind k, const event *e) {
    int32_t kept = 0, all = 0;
    for (int64_t start = e->t - 9; start <= e->t && k < KIND_SESSION; start++) {
        for (int64_t end = start + 10; end > e->t; end -= k == KIND_HOP ? 10 : 5) {
            if ((start % (k == KIND_HOP ? 5 : 10)) != 0) {
                break;
            }
            all++;
            if (!has_passed(r, k, end)) {
                CHECK(r->count[k] < PAIRS);
                r->pairs[k][r->count[k]++] = (pair){start, end, *e};
                kept++;
            }
        }
    }
    if (k >= KIND_SESSION) {
        all = 1;
        kept = k == KIND_NONE || !has_passed(r, k, e->t);
        r->pairs[k][r->count[k]] = (pair){0, 0, *e};
        r->count[k] += kept;
    }
    CHECK(all > 0);
    r->late[k] += kept == 0;
}

static void
take_insert(reference *r, const event *events, int32_t count) {
    int64_t high = r->watermark;
    for (int32_t i = 0; i < count; i++) {
        for (int32_t k = 0; k < KINDS; k++) {
            take_event(r, (kind)k, &events[i]);
        }
        high = max_i64(high, events[i].t - r->delay);
    }
    r->watermark = high;
}

/* Sessions of the accepted rows of a key: rows at most 5 apart are one. */
static void
set_sessions(reference *r) {
    pair *p = r->pairs[KIND_SESSION];
    for (int32_t i = 0; i < r->count[KIND_SESSION]; i++) {
        p[i].start = p[i].e.t;
        p[i].end = p[i].e.t + 5;
    }
    for (int32_t again = 0; again < EVENTS; again++) {
        for (int32_t i = 0; i < r->count[KIND_SESSION]; i++) {
            for (int32_t k = 0; k < r->count[KIND_SESSION]; k++) {
                if (p[i].e.key == p[k].e.key && p[k].start <= p[i].end && p[i].start <= p[k].end) {
                    p[i].start = p[k].start = min_i64(p[i].start, p[k].start);
                    p[i].end = p[k].end = max_i64(p[i].end, p[k].end);
                }
            }
        }
    }
}

/* "key,start,end,count,sum" of each group; without windows "key,count,sum". */
static void
show_groups(const reference *r, kind k, bool final_only, shown *to) {
    const pair *p = r->pairs[k];
    for (int32_t i = 0; i < r->count[k]; i++) {
        int64_t count = 0, sum = 0;
        bool    first = true;
        for (int32_t other = 0; other < r->count[k]; other++) {
            const bool same = p[i].e.key == p[other].e.key && p[i].start == p[other].start &&
                              p[i].end == p[other].end;
            first &= !same || other >= i;
            count += same;
            sum += same ? p[other].e.v : 0;
        }
        if (!first || (final_only && !has_passed(r, k, p[i].end))) {
            continue;
        }
        char bounds[64] = "";
        if (k != KIND_NONE) {
            snprintf(bounds, sizeof(bounds), "%lld,%lld,", (long long)p[i].start,
                     (long long)p[i].end);
        }
        to->size +=
            (size_t)snprintf(to->text + to->size, SHOWN_MAX - to->size, "%s%lld,%s%lld,%lld",
                             to->size > 0 ? "|" : "", (long long)p[i].e.key, bounds,
                             (long long)count, (long long)sum);
    }
    shown_sort(to);
}

static void
check_stream(laminar_database *db, const reference *r, kind k, bool close) {
    laminar_error        err;
    laminar_stream_stats stats = {.size = sizeof(stats)};
    char                 name[32], line[64];
    shown               *wanted = shown_new();
    snprintf(name, sizeof(name), "s%d%d", (int)k, close);
    snprintf(line, sizeof(line), "SELECT * FROM %s", name);
    shown *got = db_sorted(db, line);
    show_groups(r, k, close, wanted);
    if (strcmp(got->text, wanted->text) != 0) {
        print_error("%s, delay %lld, lateness %lld, close %d\n  gave   %s\n  wanted %s\n", calls[k],
                    (long long)r->delay, (long long)r->lateness, close, got->text, wanted->text);
        fail();
    }
    DB_OK(laminar_database_stream_stats(db, name, &stats, &err));
    CHECK_EQ(stats.late_rows, r->late[k]);
    free(got);
    free(wanted);
}

static laminar_database *
open_streams(int64_t delay, int64_t lateness) {
    laminar_error     err;
    laminar_database *db = db_open();
    char              line[512];
    snprintf(line, sizeof(line),
             "CREATE SOURCE t (ts BIGINT, k BIGINT, v BIGINT, WATERMARK FOR ts AS ts - %lld)",
             (long long)delay);
    db_run(db, line);
    for (int32_t k = 0; k < KIND_NONE; k++) {
        for (int32_t close = 0; close < 2; close++) {
            snprintf(line, sizeof(line),
                     "CREATE STREAM s%d%d AS SELECT k, window_start, window_end, count(*) AS n, "
                     "sum(v) AS total FROM t GROUP BY k, %s%s ALLOW LATENESS INTERVAL '0.00%lld' "
                     "SECOND",
                     k, close, calls[k], close ? " EMIT ON WINDOW CLOSE" : " EMIT ON UPDATE",
                     (long long)lateness);
            db_run(db, line);
        }
    }
    db_run(db, "CREATE STREAM s30 AS SELECT k, count(*) AS n, sum(v) AS total FROM t GROUP BY k");
    DB_OK(laminar_database_start(db, &err));
    return db;
}

/* Each final window came once: what was delivered is the state. */
static void
check_deliveries(laminar_subscription *sub, const reference *r, kind k) {
    laminar_error   err;
    laminar_result *rows = NULL;
    shown          *got = shown_new();
    shown          *wanted = shown_new();
    while (laminar_subscription_next(sub, 0, &rows, NULL, &err) == LAMINAR_OK) {
        show_result(got, rows);
        laminar_result_free(rows);
    }
    shown_sort(got);
    show_groups(r, k, true, wanted);
    CHECK_STR(got->text, wanted->text);
    free(got);
    free(wanted);
    laminar_subscription_close(sub);
}

static void
insert(laminar_appender *a, const event *events, int32_t count) {
    laminar_error err;
    int64_t       rows;
    for (int32_t i = 0; i < count; i++) {
        DB_OK(laminar_append_bigint(a, 0, events[i].t, &err));
        DB_OK(laminar_append_bigint(a, 1, events[i].key, &err));
        DB_OK(laminar_append_bigint(a, 2, events[i].v, &err));
    }
    DB_OK(laminar_appender_flush(a, &rows, &err));
    CHECK_EQ(rows, count);
}

static void
play(const event *events, uint32_t split, int64_t delay, int64_t lateness) {
    laminar_error         err;
    laminar_appender     *a = NULL;
    laminar_subscription *subs[KIND_NONE];
    reference             r = {.delay = delay, .lateness = lateness, .watermark = NEVER};
    laminar_database     *db = open_streams(delay, lateness);
    for (int32_t k = 0; k < KIND_NONE; k++) {
        char name[16];
        snprintf(name, sizeof(name), "s%d1", k);
        DB_OK(laminar_database_subscribe_stream(&subs[k], db, name, &err));
    }
    DB_OK(laminar_appender_open(&a, db, "t", &err));
    for (int32_t first = 0, i = 0; i < EVENTS; i++) {
        if (i == EVENTS - 1 || ((split >> i) & 1) != 0) {
            insert(a, events + first, i + 1 - first);
            take_insert(&r, events + first, i + 1 - first);
            first = i + 1;
        }
    }
    set_sessions(&r);
    for (int32_t k = 0; k < KINDS; k++) {
        check_stream(db, &r, (kind)k, false);
        if (k < KIND_NONE) {
            check_stream(db, &r, (kind)k, true);
            check_deliveries(subs[k], &r, (kind)k);
        }
    }
    CHECK_EQ(r.late[KIND_NONE], 0);
    laminar_appender_close(a);
    laminar_database_close(db);
}

static void
permute(event *events, int32_t at, int64_t delay, int64_t lateness, int64_t *runs) {
    for (uint32_t split = 0; at == EVENTS && split < 16; split++, (*runs)++) {
        play(events, split, delay, lateness);
    }
    for (int32_t i = at; i < EVENTS; i++) {
        const event other = events[at];
        events[at] = events[i];
        events[i] = other;
        permute(events, at + 1, delay, lateness, runs);
        events[i] = events[at];
        events[at] = other;
    }
}

static void
test_orders_and_cuts(void **state) {
    (void)state;
    static const int64_t delays[] = {0, 4, 12, 40};
    int64_t              runs = 0;
    for (int32_t d = 0; d < 4; d++) {
        event events[EVENTS] = {{2, 0, 1}, {7, 0, 2}, {10, 1, 4}, {12, 0, 8}, {31, 1, 16}};
        permute(events, 0, delays[d], d % 2 == 0 ? 0 : 3, &runs);
    }
    CHECK_EQ(runs, 4 * 120 * 16);
}

UNIT_MAIN(UNIT(test_orders_and_cuts))
