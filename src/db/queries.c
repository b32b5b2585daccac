/* SPDX-License-Identifier: Apache-2.0 */
/* queries.c - what runs now and what ran lately: one-off queries and subscriptions by SQL.
 *
 * Active queries are in a list, the last QUERIES_KEPT finished ones in a ring; `queries_lock`
 * guards both and is never held while anything else is acquired. So listing and cancelling work
 * while a query holds the engine token. */
#include <stdio.h>

#include "db/internal.h"
#include "db/subscription.h"
#include "sql/limits.h"

#define SQL_SHOWN_MAX 10000

/* The database whose token this thread holds while the caller's code runs: a signal handler behind
 * interrupt_check must not come back for it. */
static _Thread_local const laminar_database *called_out;

static bool
check_inside(void *context) {
    const laminar_database *db = context;
    const laminar_database *before = called_out;
    called_out = db;
    const bool stop = db->interrupt_check(db->interrupt_context);
    called_out = before;
    return stop;
}

void
db_query_inside(laminar_database *db, query_entry *q) {
    if (q->guard.check != NULL) {
        q->guard.check = check_inside;
        q->guard.context = db;
    }
}

bool
db_is_inside(const laminar_database *db) {
    return called_out == db;
}

status
db_check_inside(const laminar_database *db, error *err) {
    if (!db_is_inside(db)) {
        return OK;
    }
    return error_set(err, ERR_CONNECTION_IN_USE,
                     "a query of this thread runs inside the database: a signal handler cannot use "
                     "it now; let it set a flag and return");
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
    q->guard.next_ns = sat_add_i64(now_ns, INTERRUPT_CHECK_NS);
    if (subscription == NULL && q->guard.timeout_ms > 0) { /* the smallest integer: none */
        q->guard.deadline_ns = sat_add_i64(now_ns, sat_mul_i64(q->guard.timeout_ms, 1000000));
        q->guard.next_ns =
            q->guard.deadline_ns < q->guard.next_ns ? q->guard.deadline_ns : q->guard.next_ns;
    }
    mutex_lock(&db->queries_lock);
    if (db->running_queries >= SQL_QUERIES_MAX) {
        mutex_unlock(&db->queries_lock);
        entry_free(db->mem, q);
        error_set(err, ERR_QUERY_FAILED, "%d queries run already, and no more may at once",
                  SQL_QUERIES_MAX);
        error_hint(err, "wait for one of them; SHOW QUERIES lists them, cancel_query ends one");
        return ERR_QUERY_FAILED;
    }
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
static status
add_row(arena *a, text *cells, int64_t id, const query_entry *q, bool active, error *err) {
    char      digits[24];
    const int size = snprintf(digits, sizeof(digits), "%lld", (long long)id);
    cells[0] = arena_text(a, (text){digits, (size_t)size});
    cells[1] = arena_text(a, (text){q->sql, q->sql_size});
    cells[2] = active ? TEXT("active") : TEXT("finished");
    return cells[0].data == NULL || cells[1].data == NULL ? error_memory(err) : OK;
}

/* Oldest first. With the list's lock. */
static status
copy_queries(laminar_database *db, arena *a, text **cells, int32_t *count, error *err) {
    int32_t active = 0;
    for (const query_entry *q = db->queries; q != NULL; q = q->next) {
        active++;
    }
    const int32_t kept =
        db->finished_count < QUERIES_KEPT ? (int32_t)db->finished_count : QUERIES_KEPT;
    *count = active + kept;
    *cells = arena_alloc(a, sizeof(text) * 3 * (size_t)(*count + 1));
    if (*cells == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < kept; i++) {
        const query_entry *q =
            db->finished[(db->finished_count - (uint32_t)kept + (uint32_t)i) % QUERIES_KEPT];
        TRY(add_row(a, *cells + 3 * i, q->id, q, false, err));
    }
    int32_t at = *count;
    for (const query_entry *q = db->queries; q != NULL; q = q->next) {
        at--;
        TRY(add_row(a, *cells + 3 * at, q->id, q, is_active(q), err));
    }
    return OK;
}

status
db_list_queries(laminar_database *db, arena *a, text **cells, int32_t *count, error *err) {
    mutex_lock(&db->queries_lock);
    const status s = copy_queries(db, a, cells, count, err);
    mutex_unlock(&db->queries_lock);
    return s;
}

laminar_status
laminar_database_queries(laminar_database *db, laminar_result **out, laminar_error *err) {
    error   e = {0};
    arena   a;
    text   *cells = NULL;
    int32_t count = 0;
    status  s = db_check_open(db, &e);
    arena_init(&a, db->mem);
    if (s == OK) {
        s = db_list_queries(db, &a, &cells, &count, &e);
    }
    if (s == OK) {
        static const char *const names[] = {"id", "sql", "state"};
        s = answer_texts(out, db->mem, LAMINAR_RESULT_METADATA, names, 3, cells, count, &e);
    }
    arena_fini(&a);
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
