/* SPDX-License-Identifier: Apache-2.0 */
/* quickstart.c - a source, a stream, a subscription: cc quickstart.c $(pkg-config --cflags --libs
 * laminar) */
#include <inttypes.h>
#include <stdio.h>

#include "laminar.h"

static int
stop(const laminar_error *err) {
    fprintf(stderr, "%s (%" PRId32 "): %s\n", err->class_name, err->code, err->message);
    return 1;
}

static void
print_rows(const laminar_result *rows) {
    for (int64_t row = 0; row < laminar_result_row_count(rows); row++) {
        laminar_value symbol, volume;
        laminar_result_value(rows, row, 0, &symbol);
        laminar_result_value(rows, row, 1, &volume);
        printf("%.*s %" PRId64 "\n", (int)symbol.text_size, symbol.text, volume.i);
    }
}

int
main(void) {
    laminar_error         err;
    laminar_database     *db = NULL;
    laminar_subscription *changes = NULL;
    if (laminar_database_open(&db, ":memory:", NULL, &err) < 0) {
        return stop(&err);
    }
    static const char ddl[] = "CREATE SOURCE trades (symbol VARCHAR, volume BIGINT);"
                              "CREATE STREAM volumes AS"
                              " SELECT symbol, sum(volume) AS volume FROM trades GROUP BY symbol";
    if (laminar_database_execute(db, ddl, NULL, &err) < 0 || laminar_database_start(db, &err) < 0 ||
        laminar_database_subscribe_stream(&changes, db, "volumes", &err) < 0) {
        return stop(&err);
    }
    static const char *const inserts[] = {"INSERT INTO trades VALUES ('ACME', 100), ('INIT', 7)",
                                          "INSERT INTO trades VALUES ('ACME', 50)"};
    for (int i = 0; i < 2; i++) {
        if (laminar_database_execute(db, inserts[i], NULL, &err) < 0) {
            return stop(&err);
        }
        laminar_result *rows = NULL;
        while (laminar_subscription_next(changes, 0, &rows, NULL, &err) == LAMINAR_OK) {
            print_rows(rows);
            laminar_result_free(rows);
        }
    }
    laminar_subscription_close(changes);
    laminar_database_close(db);
    return 0;
}
