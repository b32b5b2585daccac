/* SPDX-License-Identifier: Apache-2.0 */
/* queries.c - what runs now and what ran lately: one-off queries and subscriptions by SQL.
 *
 * Active queries are in a list, the last QUERIES_KEPT finished ones in a ring; `queries_lock`
 * guards both and is never held while anything else is acquired. So listing and cancelling work
 * while a query holds the engine token. */
#include <math.h>

#include "db/statement.h"
#include "db/subscription.h"
#include "os/callout.h"
#include "sql/limits.h"

#define SQL_SHOWN_MAX 10000

/* The caller's code that this thread runs from within a database: a signal handler behind
 * interrupt_check, or a function of the program's, must not come back for it. */
static _Thread_local const inside_frame *innermost;

void
db_inside_begin(inside_frame *f, const laminar_database *db, text name) {
    *f = (inside_frame){
        .db = db, .function = name, .levels = mutex_levels_aside(), .around = innermost};
    innermost = f;
}

void
db_inside_end(const inside_frame *f) {
    innermost = f->around;
    mutex_levels_back(f->levels);
}

static bool
check_inside(void *context) {
    const laminar_database *db = context;
    inside_frame            f;
    db_inside_begin(&f, db, (text){NULL, 0});
    const bool stop = db->interrupt_check(db->interrupt_context);
    db_inside_end(&f);
    return stop;
}

static const inside_frame *
find_frame(const laminar_database *db) {
    const inside_frame *f = innermost;
    while (f != NULL && f->db != db) {
        f = f->around;
    }
    return f;
}

void
db_query_inside(laminar_database *db, query_entry *q) {
    if (q->guard.check != NULL) {
        q->guard.check = db->interrupt_check == NULL ? NULL : check_inside;
        q->guard.context = db;
    }
}

bool
db_is_inside(const laminar_database *db) {
    return find_frame(db) != NULL;
}

/* ---------------------------------------------------------------------------------- progress */
/* The end is not told before it is there. */
#define COUNTED_MAX 0.99

/* While nothing is counted, as in the middle of a sort, it is taken to go on as fast as before, for
 * a part of what is left. */
static double
guess_fraction(query_entry *q, double elapsed_us) {
    const double counted = progress_fraction(&q->rows) * COUNTED_MAX;
    if (counted > q->counted || q->counted <= 0) {
        q->counted = counted;
        q->counted_us = elapsed_us;
        return counted;
    }
    const double as_before = q->counted * elapsed_us / fmax(q->counted_us, 1);
    return fmin(as_before, q->counted + 0.9 * (COUNTED_MAX - q->counted));
}

/* What is shown never falls. */
static double
shown_fraction(query_entry *q, double elapsed_us, bool ended) {
    const double before = atomic_load_explicit(&q->fraction, memory_order_relaxed);
    const double shown = fmax(before, ended ? 1 : guess_fraction(q, elapsed_us));
    atomic_store_explicit(&q->fraction, shown, memory_order_relaxed);
    return shown;
}

static bool
report_now(query_entry *q, bool ended) {
    inside_frame           f;
    const int64_t          now_ns = clock_ticks_ns(&q->db->clock.base);
    const int64_t          elapsed_us = (now_ns - q->began_ns) / 1000;
    const double           fraction = shown_fraction(q, (double)elapsed_us, ended);
    const laminar_progress p = {
        .size = sizeof(p),
        .id = q->id,
        .fraction = fraction,
        .rows_read = atomic_load(&q->rows.done),
        .rows_to_read = atomic_load(&q->rows.total),
        .elapsed_us = elapsed_us,
        .left_us = fraction <= 0 ? -1 : (int64_t)((double)elapsed_us * (1 - fraction) / fraction)};
    if (!callout_begin()) {
        return true; /* the program ends, and does not want to know any more */
    }
    q->reported = true;
    db_inside_begin(&f, q->db, (text){NULL, 0});
    const bool go_on = q->report.call(q->report.context, &p);
    db_inside_end(&f);
    callout_end();
    q->report_next_ns = sat_add_i64(clock_ticks_ns(&q->db->clock.base), q->report.interval_ns);
    return go_on;
}

/* The check of a query that is watched. */
static bool
check_and_report(void *context) {
    query_entry            *q = context;
    const laminar_database *db = q->db;
    if (db->interrupt_check != NULL && db->interrupt_check(db->interrupt_context)) {
        return true;
    }
    return clock_ticks_ns(&q->db->clock.base) >= q->report_next_ns && !report_now(q, false);
}

void
db_query_watch(laminar_database *db, query_entry *q) {
    if (q->report.call != NULL) {
        q->db = db;
        q->report_next_ns = sat_add_i64(q->began_ns, q->report.interval_ns);
        q->guard.check = check_and_report;
        q->guard.context = q;
    }
}

status
db_query_report_end(query_entry *q, error *err) {
    (void)shown_fraction(q, 0, true);
    if (!q->reported || report_now(q, true)) {
        return OK;
    }
    return error_set(err, ERR_QUERY_CANCELLED, "query was cancelled by its progress callback");
}

void
laminar_database_set_progress(laminar_database *db,
                              bool (*call)(void *context, const laminar_progress *p), void *context,
                              int32_t interval_ms) {
    const int64_t ns = (interval_ms <= 0 ? 200 : (int64_t)interval_ms) * 1000000;
    mutex_lock(&db->queries_lock);
    db->report = (progress_report){.call = call, .context = context, .interval_ns = ns};
    mutex_unlock(&db->queries_lock);
}

status
db_check_inside(const laminar_database *db, error *err) {
    const inside_frame *f = find_frame(db);
    if (LIKELY(f == NULL)) {
        return OK;
    }
    if (f->function.data != NULL) {
        error_set(err, ERR_QUERY_FAILED, "re-entrant call from function \"%.*s\"",
                  TEXT_ARG(f->function));
        return error_hint(err, "a function cannot use the database that calls it: give it what it "
                               "needs as arguments, or as rows of another database");
    }
    return error_set(err, ERR_CONNECTION_IN_USE,
                     "a query of this thread runs inside the database: a signal handler or a "
                     "progress callback cannot use it now; let it set a flag and return");
}

/* Cuts between characters. */
static size_t
shown_size(text sql) {
    size_t size = sql.size < SQL_SHOWN_MAX ? sql.size : SQL_SHOWN_MAX;
    while (size < sql.size && size > 0 && ((uint8_t)sql.data[size] & 0xc0) == 0x80) {
        size--;
    }
    return size;
}

static void
entry_free(mem *m, query_entry *q) {
    if (q != NULL) {
        mem_free(m, q, sizeof(*q) + q->sql_size + 1);
    }
}

status
db_query_begin(laminar_database *db, text sql, laminar_subscription *subscription,
               query_entry **out, error *err) {
    const size_t size = shown_size(sql);
    query_entry *q = mem_alloc_zero(db->mem, sizeof(*q) + size + 1);
    if (q == NULL) {
        return error_memory(err);
    }
    q->sql = (char *)(q + 1);
    q->sql_size = size;
    memcpy(q->sql, sql.data, size);
    q->subscription = subscription;
    q->guard.check = db->interrupt_check;
    q->guard.context = db->interrupt_context;
    q->guard.clock = &db->clock.base;
    q->guard.timeout_ms = db_setting(db, SETTING_STATEMENT_TIMEOUT_MS);
    const int64_t now_ns = clock_ticks_ns(&db->clock.base);
    q->counts = subscription == NULL;
    q->began_ns = now_ns;
    q->guard.next_ns = sat_add_i64(now_ns, INTERRUPT_CHECK_NS);
    /* The smallest integer: none. A log that is run was in time when it was new. */
    if (subscription == NULL && q->guard.timeout_ms > 0 && !db->replaying) {
        q->guard.deadline_ns = sat_add_i64(now_ns, sat_mul_i64(q->guard.timeout_ms, 1000000));
        q->guard.next_ns =
            q->guard.deadline_ns < q->guard.next_ns ? q->guard.deadline_ns : q->guard.next_ns;
    }
    mutex_lock(&db->queries_lock);
    const int64_t most = db_setting(db, SETTING_MAX_CONCURRENT_QUERIES);
    if (db->running_queries >= most) {
        mutex_unlock(&db->queries_lock);
        entry_free(db->mem, q);
        error_set(err, ERR_QUERY_FAILED, "%lld queries run already, and no more may at once",
                  (long long)most);
        error_hint(err, "wait for one of them; SHOW QUERIES lists them, cancel_query ends one, and "
                        "max_concurrent_queries says how many");
        return ERR_QUERY_FAILED;
    }
    q->report = db->report;
    q->running = true;
    db->running_queries++;
    q->id = ++db->query_count;
    q->next = db->queries;
    if (q->next != NULL) {
        q->next->previous = q;
    }
    db->queries = q;
    mutex_unlock(&db->queries_lock);
    *out = q;
    return OK;
}

/* With queries_lock. */
static void
stop_running(laminar_database *db, query_entry *q) {
    db->running_queries -= q->running;
    q->running = false;
}

void
db_query_adopt(laminar_database *db, query_entry *q, laminar_subscription *subscription) {
    mutex_lock(&db->queries_lock);
    q->subscription = subscription;
    q->counts = false;
    stop_running(db, q);
    mutex_unlock(&db->queries_lock);
}

void
db_query_end(laminar_database *db, query_entry *q) {
    if (q == NULL) {
        return;
    }
    mutex_lock(&db->queries_lock);
    if (q->previous != NULL) {
        q->previous->next = q->next;
    } else {
        db->queries = q->next;
    }
    if (q->next != NULL) {
        q->next->previous = q->previous;
    }
    q->subscription = NULL;
    q->ended_ns = clock_ticks_ns(&db->clock.base);
    stop_running(db, q);
    query_entry **place = &db->finished[db->finished_count++ % QUERIES_KEPT];
    query_entry  *oldest = *place;
    *place = q;
    mutex_unlock(&db->queries_lock);
    entry_free(db->mem, oldest);
}

void
db_queries_fini(laminar_database *db) {
    assert(db->queries == NULL);
    for (int32_t i = 0; i < QUERIES_KEPT; i++) {
        entry_free(db->mem, db->finished[i]);
    }
}

/* With the list's lock. A subscription that was cancelled or has come to its end may still be in
 * the list: it leaves when it is closed. */
static bool
is_active(const query_entry *q) {
    return q->subscription == NULL ? !atomic_load(&q->guard.cancelled)
                                   : !subscription_is_over(q->subscription);
}

int32_t
db_active_queries(laminar_database *db) {
    int32_t count = 0;
    mutex_lock(&db->queries_lock);
    for (const query_entry *q = db->queries; q != NULL; q = q->next) {
        count += is_active(q);
    }
    mutex_unlock(&db->queries_lock);
    return count;
}

void
laminar_database_interrupt(laminar_database *db) {
    mutex_lock(&db->queries_lock);
    for (query_entry *q = db->queries; q != NULL; q = q->next) {
        atomic_store(&q->guard.cancelled, true);
    }
    mutex_unlock(&db->queries_lock);
}

/* ---------------------------------------------------------------------------------- list */
typedef struct query_row {
    int64_t id;
    text    sql;
    bool    active, counts;
    double  fraction;
    int64_t read, to_read, elapsed_ms;
} query_row;

/* A query that is over has come as far as it will. */
static status
copy_row(arena *a, query_row *out, query_entry *q, bool active, int64_t now_ns, error *err) {
    const int64_t end_ns = q->ended_ns == 0 ? now_ns : q->ended_ns;
    *out = (query_row){.id = q->id,
                       .sql = arena_text(a, (text){q->sql, q->sql_size}),
                       .active = active,
                       .counts = q->counts,
                       .read = atomic_load(&q->rows.done),
                       .to_read = atomic_load(&q->rows.total),
                       .elapsed_ms = (end_ns - q->began_ns) / 1000000};
    out->fraction = fmax(atomic_load(&q->fraction), progress_fraction(&q->rows) * COUNTED_MAX);
    return out->sql.data == NULL ? error_memory(err) : OK;
}

/* Oldest first. With the list's lock. */
static status
copy_queries(laminar_database *db, arena *a, query_row **out, int32_t *count, error *err) {
    const int64_t now_ns = clock_ticks_ns(&db->clock.base);
    int32_t       active = 0;
    for (const query_entry *q = db->queries; q != NULL; q = q->next) {
        active++;
    }
    const int32_t kept =
        db->finished_count < QUERIES_KEPT ? (int32_t)db->finished_count : QUERIES_KEPT;
    *count = active + kept;
    query_row *rows = arena_alloc(a, sizeof(*rows) * (size_t)(*count + 1));
    *out = rows;
    if (rows == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < kept; i++) {
        query_entry *q =
            db->finished[(db->finished_count - (uint32_t)kept + (uint32_t)i) % QUERIES_KEPT];
        TRY(copy_row(a, &rows[i], q, false, now_ns, err));
    }
    int32_t at = *count;
    for (query_entry *q = db->queries; q != NULL; q = q->next) {
        at--;
        TRY(copy_row(a, &rows[at], q, is_active(q), now_ns, err));
    }
    return OK;
}

static status
list_row(db_listing *l, const query_row *r, error *err) {
    TRY(db_listing_count(l, 0, r->id, err));
    TRY(db_listing_text(l, 1, r->sql, err));
    TRY(db_listing_text(l, 2, r->active ? TEXT("active") : TEXT("finished"), err));
    TRY(r->counts ? column_append_f64(&l->rows, 3, r->fraction, err)
                  : column_append_null(&l->rows, 3, err));
    TRY(r->counts ? db_listing_count(l, 4, r->read, err) : column_append_null(&l->rows, 4, err));
    TRY(r->counts ? db_listing_count(l, 5, r->to_read, err) : column_append_null(&l->rows, 5, err));
    return db_listing_count(l, 6, r->elapsed_ms, err);
}

static status
list_queries(laminar_database *db, arena *a, laminar_result **out, error *err) {
    static const list_column columns[] = {{"id", TYPE_I64},        {"sql", TYPE_TEXT},
                                          {"state", TYPE_TEXT},    {"progress", TYPE_F64},
                                          {"rows_read", TYPE_I64}, {"rows_to_read", TYPE_I64},
                                          {"elapsed_ms", TYPE_I64}};
    db_listing               l;
    query_row               *rows = NULL;
    int32_t                  count = 0;
    mutex_lock(&db->queries_lock);
    status s = copy_queries(db, a, &rows, &count, err);
    mutex_unlock(&db->queries_lock);
    TRY(s);
    TRY(db_listing_open(&l, db->mem, columns, ARRAY_COUNT(columns), err));
    for (int32_t i = 0; s >= 0 && i < count; i++) {
        s = list_row(&l, &rows[i], err);
    }
    return db_listing_close(&l, s, out, err);
}

status
db_list_queries(laminar_database *db, laminar_result **out, error *err) {
    arena a;
    arena_init(&a, db->mem);
    const status s = list_queries(db, &a, out, err);
    arena_fini(&a);
    return s;
}

laminar_status
laminar_database_queries(laminar_database *db, laminar_result **out, laminar_error *err) {
    error  e = {0};
    status s = db_check_open(db, &e);
    s = s < 0 ? s : db_list_queries(db, out, &e);
    return report(err, &e, s, TEXT(""));
}

/* ---------------------------------------------------------------------------------- cancel */
static bool
is_finished(const laminar_database *db, int64_t id) {
    for (int32_t i = 0; i < QUERIES_KEPT; i++) {
        if (db->finished[i] != NULL && db->finished[i]->id == id) {
            return true;
        }
    }
    return false;
}

static query_entry *
find_active(const laminar_database *db, int64_t id) {
    query_entry *q = db->queries;
    while (q != NULL && q->id != id) {
        q = q->next;
    }
    return q;
}

laminar_status
laminar_database_cancel_query(laminar_database *db, int64_t id, laminar_error *err) {
    error  e = {0};
    bool   subscribed = false;
    status s = db_check_open(db, &e);
    if (s == OK) {
        mutex_lock(&db->queries_lock);
        query_entry *q = find_active(db, id);
        if (q != NULL && q->subscription != NULL) {
            subscription_finish(q->subscription);
            subscribed = true;
        } else if (q != NULL) {
            atomic_store(&q->guard.cancelled, true);
        } else if (!is_finished(db, id)) {
            s = error_set(&e, ERR_TABLE_NOT_FOUND,
                          "Query %lld not found: queries() lists those there are", (long long)id);
        }
        mutex_unlock(&db->queries_lock);
    }
    if (subscribed) {
        db_reap(db);
    }
    return report(err, &e, s, TEXT(""));
}
