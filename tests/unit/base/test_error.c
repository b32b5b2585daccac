/* SPDX-License-Identifier: Apache-2.0 */
/* test_error.c - the error record: overwriting, cutting, hints, and the tables made from
 * errors.def. */
#include "unit.h"

static status
middle(status inner, error *err) {
    TRY(inner);
    return error_set(err, ERR_INTERNAL_ERROR, "went on");
}

static void
test_set_and_hint(void **state) {
    (void)state;
    error err;
    memset(&err, 'x', sizeof(err));
    error_clear(&err);
    CHECK_EQ(err.status, OK);
    CHECK_EQ(err.position, -1);
    CHECK_STR(err.message, "");

    CHECK_EQ(error_set_at(&err, ERR_SQL_PARSE_ERROR, 7, "near \"%s\"", "form"),
             ERR_SQL_PARSE_ERROR);
    CHECK_EQ(error_hint(&err, "did you mean %s?", "FROM"), ERR_SQL_PARSE_ERROR);
    CHECK_EQ(err.position, 7);
    CHECK_STR(err.message, "near \"form\"");
    CHECK_STR(err.hint, "did you mean FROM?");

    /* The later one stands alone, and may quote the earlier. */
    CHECK_EQ(error_set(&err, ERR_QUERY_FAILED, "in line 2: %s", err.message), ERR_QUERY_FAILED);
    CHECK_STR(err.message, "in line 2: near \"form\"");
    CHECK_STR(err.hint, "");
    CHECK_EQ(err.position, -1);
    CHECK_EQ(error_memory(&err), ERR_OUT_OF_MEMORY);
    CHECK_EQ(err.status, ERR_OUT_OF_MEMORY);
}

static void
test_null_record(void **state) {
    (void)state;
    error_clear(NULL);
    CHECK_EQ(error_set(NULL, ERR_CORRUPTION, "%d", 1), ERR_CORRUPTION);
    CHECK_EQ(error_set_at(NULL, ERR_CORRUPTION, 3, "%d", 1), ERR_CORRUPTION);
    CHECK_EQ(error_hint(NULL, "x"), ERR_CORRUPTION);
    CHECK_EQ(error_memory(NULL), ERR_OUT_OF_MEMORY);
}

/* Every length around the cut, for characters of 1 to 4 bytes: terminated and still UTF-8. */
static void
test_cut_keeps_utf8(void **state) {
    (void)state;
    static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    error                    err;
    for (int32_t c = 0; c < ARRAY_COUNT(characters); c++) {
        const size_t width = strlen(characters[c]);
        for (size_t pad = 0; pad < 5; pad++) {
            char   long_text[1024] = {0};
            size_t size = pad;
            memset(long_text, '.', pad);
            while (size < 700) {
                memcpy(long_text + size, characters[c], width);
                size += width;
            }
            error_set(&err, ERR_QUERY_FAILED, "%s", long_text);
            const text cut = text_of(err.message);
            CHECK(cut.size < sizeof(err.message) && cut.size + 4 >= sizeof(err.message));
            CHECK(text_is_utf8(cut));
            CHECK(memcmp(cut.data, long_text, cut.size) == 0);
            error_hint(&err, "%s", long_text);
            CHECK(strlen(err.hint) + 4 >= sizeof(err.hint));
            CHECK(text_is_utf8(text_of(err.hint)));
        }
    }
    /* What fits exactly is not touched. */
    char exact[512];
    memset(exact, 'b', sizeof(exact) - 1);
    exact[511] = '\0';
    error_set(&err, ERR_QUERY_FAILED, "%s", exact);
    CHECK_STR(err.message, exact);
}

/* A caller cuts a value in the middle of a character, or shows a foreign string. */
static void
test_message_is_utf8(void **state) {
    (void)state;
    error err;
    error_set(&err, ERR_INGESTION_FAILED, "value '%.*s' and %s.", 3, "ab\xc3\xa9", "\xff\xfe");
    CHECK_STR(err.message, "value 'ab?' and "
                           "?"
                           "?.");
    error_hint(&err, "did you mean \"%.*s\"?", 1, "\xc3\xa9");
    CHECK_STR(err.hint, "did you mean \"?\"?");
}

static void
test_tables(void **state) {
    (void)state;
    CHECK_STR(status_title(ERR_SQL_PARSE_ERROR), "syntax error");
    CHECK_STR(status_class(ERR_SQL_PARSE_ERROR), "QueryError");
    CHECK_EQ(status_code(ERR_SQL_PARSE_ERROR), 401);
    CHECK_EQ(status_code(ERR_NOT_FOUND_IN_QUERY), 200);
    CHECK_STR(status_class(ERR_NOT_FOUND_IN_QUERY), "QueryError");
    CHECK_STR(status_class(ERR_TABLE_NOT_FOUND), "SchemaError");
    CHECK_EQ(status_code(OK), 0);
    CHECK_STR(status_class(DONE), "");
    CHECK_STR(status_title((status)-12345), "unknown status");
    static const status all[] = {
#define ERROR(name, code, python_class, title) ERR_##name,
#include "base/errors.def"
#undef ERROR
    };
    for (int32_t i = 0; i < ARRAY_COUNT(all); i++) {
        CHECK(all[i] < 0 && strlen(status_title(all[i])) > 0 && strlen(status_class(all[i])) > 0);
        for (int32_t j = 0; j < i; j++) {
            CHECK(all[i] != all[j]);
        }
    }
}

static void
test_try(void **state) {
    (void)state;
    error err;
    CHECK_EQ(middle(ERR_SHUTDOWN, &err), ERR_SHUTDOWN);
    CHECK_EQ(middle(DONE, &err), ERR_INTERNAL_ERROR); /* DONE is not an error: TRY goes on */
}

UNIT_MAIN(UNIT(test_set_and_hint), UNIT(test_null_record), UNIT(test_cut_keeps_utf8),
          UNIT(test_message_is_utf8), UNIT(test_tables), UNIT(test_try))
