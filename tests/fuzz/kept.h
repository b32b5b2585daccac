/* SPDX-License-Identifier: Apache-2.0 */
/* kept.h - what the targets share that open a kept database of anybody's making, in memory. */
#ifndef LAMINAR_TESTS_FUZZ_KEPT_H
#define LAMINAR_TESTS_FUZZ_KEPT_H

#include "fuzz.h"

#include "db/durable_internal.h"

enum { KEPT_MEMORY = 64 << 20 };

/* One of the words is in the text: what is heavy on purpose is for other targets. */
static inline bool
kept_mentions(const char *data, size_t size, const char *const *words, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        const text word = text_of(words[i]);
        for (size_t at = 0; at + word.size <= size; at++) {
            if (text_equal_nocase((text){data + at, word.size}, word)) {
                return true;
            }
        }
    }
    return false;
}

/* From folder "d"; NULL: it is refused, with a reason. */
static inline laminar_database *
kept_open(vfs *fs, error *err) {
    laminar_error     e;
    laminar_options   o = LAMINAR_OPTIONS_INIT;
    laminar_database *db = NULL;
    *err = (error){.position = -1};
    o.deterministic = true;
    o.memory_limit = KEPT_MEMORY;
    o.no_external_access = true;
    FUZZ_CHECK(laminar_database_open(&db, ":memory:", &o, &e) == LAMINAR_OK, "%s", e.message);
    if (durable_open(db, fs, "d", err) < 0) {
        FUZZ_CHECK(err->message[0] != '\0');
        laminar_database_close(db);
        return NULL;
    }
    return db;
}

#endif
