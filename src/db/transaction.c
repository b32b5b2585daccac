/* SPDX-License-Identifier: Apache-2.0 */
/* transaction.c - BEGIN, COMMIT, ROLLBACK, and waiting for another thread's transaction.
 *
 * The engine stores the changes as in a pause (engine_begin); a commit lets the streams see them as
 * one tick, a rollback takes them back. The token is free between statements. What others want to
 * change waits: statements here, inserts in their queue (combine.c). */
#include "db/transaction.h"

bool
db_in_foreign_transaction(const laminar_database *db) {
    const uint64_t owner = atomic_load(&db->transaction_owner);
    return owner != 0 && owner != thread_id();
}

bool
db_in_own_transaction(const laminar_database *db) {
    return atomic_load(&db->transaction_owner) == thread_id();
}

status
db_refuse_waiting(const laminar_database *db, error *err) {
    error_set(err, ERR_INGESTION_FAILED,
              "another thread's transaction was open for %lld ms (insert_timeout_ms): nothing was "
              "changed",
              (long long)db_setting(db, SETTING_INSERT_TIMEOUT_MS));
    return error_hint(err, "it must COMMIT or ROLLBACK first; keep transactions short");
}

status
db_enter_to_write(laminar_database *db, error *err) {
    int64_t end_ns = 0;
    for (;;) {
        TRY(db_enter(db, err));
        if (!db_in_foreign_transaction(db)) {
            return OK;
        }
        const uint32_t seen = atomic_load(&db->transaction_word);
        db_leave(db);
        const int64_t now_ns = clock_ticks_ns(&db->clock.base);
        if (end_ns == 0) {
            end_ns = sat_add_i64(now_ns,
                                 sat_mul_i64(db_setting(db, SETTING_INSERT_TIMEOUT_MS), 1000000));
        }
        if (now_ns >= end_ns) {
            return db_refuse_waiting(db, err);
        }
        if (futex_wait(&db->transaction_word, seen, (end_ns - now_ns) / 1000 + 1) ==
            WAIT_INTERRUPTED) {
            return error_set(err, ERR_QUERY_CANCELLED,
                             "interrupted while another thread's transaction was open");
        }
    }
}

status
db_refuse_in_transaction(const laminar_database *db, const char *what, error *err) {
    if (!db_in_own_transaction(db)) {
        return OK;
    }
    error_set(err, ERR_QUERY_FAILED, "%s cannot be part of a transaction", what);
    return error_hint(err, "COMMIT or ROLLBACK first");
}

static void
set_owner(laminar_database *db, uint64_t owner) {
    atomic_store(&db->transaction_owner, owner);
    atomic_fetch_add(&db->transaction_word, 1);
    futex_wake_all(&db->transaction_word);
}

void
db_drop_transaction(laminar_database *db) {
    if (atomic_load(&db->transaction_owner) != 0) {
        engine_rollback(db->engine);
        set_owner(db, 0);
    }
}

static status
begin(laminar_database *db, error *err) {
    TRY(db_writable(db, err));
    if (db_in_own_transaction(db)) {
        error_set(err, ERR_QUERY_FAILED, "BEGIN: a transaction is open already");
        return error_hint(err, "COMMIT or ROLLBACK it first; transactions do not nest");
    }
    queue_drain(db, false); /* first come, first served */
    engine_begin(db->engine);
    set_owner(db, thread_id());
    return OK;
}

static status
finish(laminar_database *db, bool commit, error *err) {
    if (!db_in_own_transaction(db)) {
        error_set(err, ERR_QUERY_FAILED, "%s: no transaction is open on this thread",
                  commit ? "COMMIT" : "ROLLBACK");
        return error_hint(err, "BEGIN starts one; it belongs to the thread that began it");
    }
    if (commit) {
        TRY(engine_commit(db->engine, err));
    } else {
        engine_rollback(db->engine);
    }
    set_owner(db, 0);
    return OK;
}

status
transaction_run(statement_context *c, const ast_statement *st, laminar_result **out, error *err) {
    static const char *const words[] = {
        [AST_BEGIN] = "BEGIN", [AST_COMMIT] = "COMMIT", [AST_ROLLBACK] = "ROLLBACK"};
    laminar_database *db = c->db;
    laminar_result   *answer = NULL;
    TRY(answer_ddl(&answer, db->mem, words[st->kind], TEXT(""), err));
    status s = st->kind == AST_BEGIN ? db_enter_to_write(db, err) : db_enter(db, err);
    if (s == OK) {
        s = st->kind == AST_BEGIN ? begin(db, err) : finish(db, st->kind == AST_COMMIT, err);
        db_leave(db);
    }
    if (s < 0) {
        laminar_result_free(answer);
        return s;
    }
    *out = answer;
    return OK;
}

bool
laminar_database_in_transaction(const laminar_database *db) {
    return db_in_own_transaction(db);
}
