/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_image.c - the state of a checkpoint of anybody's making with its checksums made right: the
 * database is opened from it. It is refused with an error, or the database goes on: rows come and
 * go, time passes, the stream is read, and another checkpoint is written, which opens. The corpus
 * (images.py) has a state of every operator that remembers something, over sources t and u, a table
 * d and a stream s. */
#include "kept.h"

#include "exec/circuit.h"
#include "kernel/kernel.h"
#include "store/sealed.h"

enum { SALT = 3 };

const int fuzz_passes = 4;

static bool
is_heavy(const char *data, size_t size) {
    static const char *const words[] = {"range", "repeat", "pad", "recursive", "regexp", "csv"};
    return kept_mentions(data, size, words, ARRAY_COUNT(words));
}

static void
write_checkpoint(mem *m, vfs *fs, const uint8_t *data, size_t size) {
    sealed_writer *w = NULL;
    error          err = {0};
    bool           doubtful;
    const manifest made = {.id = 1, .state_salt = SALT, .state_size = (int64_t)size};
    FUZZ_CHECK(fs->make_directory(fs, "d", &err) == OK);
    FUZZ_CHECK(sealed_create(&w, m, fs, "d/state-0000000000000001", SALT, &err) == OK);
    FUZZ_CHECK(sealed_put(w, data, size, &err) == OK);
    FUZZ_CHECK(sealed_end(w, OK, &err) == OK);
    FUZZ_CHECK(manifest_write(&made, m, fs, "d", &doubtful, &err) == OK);
}

/* Whatever it comes to. */
static void
run(laminar_database *db, const char *sql) {
    laminar_error   err;
    laminar_result *rows = NULL;
    if (laminar_database_execute(db, sql, &rows, &err) < 0) {
        FUZZ_CHECK(err.message[0] != '\0', "%s", sql);
        return;
    }
    laminar_result_free(rows);
}

static void
go_on(laminar_database *db) {
    static const char *const steps[] = {
        "SELECT * FROM s",
        "INSERT INTO t VALUES (100, 'a', 1), (101, 'a text of more than twelve bytes', 2), (90, "
        "'b', "
        "3), (97, NULL, NULL)",
        "INSERT INTO u VALUES (100, 'a', 1), (102, 'c', 4), (95, 'b', 2)",
        "INSERT INTO d VALUES ('a', 5), ('a text of more than twelve bytes', 6)",
        "SELECT * FROM s",
        "DELETE FROM d WHERE k IN ('a', 'b')",
        "INSERT INTO t VALUES (900000, 'c', 7)",
        "INSERT INTO u VALUES (900000, 'c', 7)",
        "INSERT INTO t VALUES (9000000, 'c', 7), (9000001, 'b', 1)",
        "INSERT INTO u VALUES (9000000, 'b', 7)",
        "DELETE FROM d",
        "SELECT * FROM s",
        "CHECKPOINT"};
    for (int32_t i = 0; i < ARRAY_COUNT(steps); i++) {
        run(db, steps[i]);
    }
}

int
fuzz_target(const uint8_t *data, size_t size) {
    mem   m;
    error err;
    vfs  *fs = NULL;
    if (size == 0 || is_heavy((const char *)data, size)) {
        return 0;
    }
    kernel_init();
#ifndef NDEBUG
    circuit_checks = false;
#endif
    mem_init(&m, KEPT_MEMORY);
    FUZZ_CHECK(vfs_memory_open(&fs, &m, &err) == OK);
    write_checkpoint(&m, fs, data, size);
    laminar_database *db = kept_open(fs, &err);
    if (db != NULL) {
        go_on(db);
        laminar_database_close(db);
        db = kept_open(fs, &err);
        if (db != NULL) {
            laminar_database_close(db);
        }
    }
    vfs_memory_close(fs);
    FUZZ_CHECK(mem_fini(&m) == 0);
    return 0;
}

/* ---- libFuzzer's: words of the state are what decides where something is looked for, and bytes
 * more or fewer mostly make all that follows senseless. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);

/* Behind the statements of the state, whose grammar is for other targets. */
static size_t
statements_end(const uint8_t *data, size_t size) {
    image_reader in = {.at = (const char *)data, .left = size};
    error        err;
    char         head[20];
    uint32_t     state, count;
    text         ignored;
    bool         read = image_take(&in, head, sizeof(head), &err) == OK &&
                image_take_u32(&in, &state, &err) == OK && image_take_u32(&in, &count, &err) == OK;
    for (uint32_t i = 0; read && i < count; i++) {
        read = image_take_text(&in, &ignored, &err) == OK;
    }
    return read ? size - in.left : 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed) {
    static const uint64_t words[] = {
        0,          1,   2,    UINT64_MAX, UINT64_MAX - 1, INT64_MAX, (uint64_t)INT64_MIN,
        UINT32_MAX, 255, 4096, 65536,      INT32_MAX,      16,        17};
    uint64_t     r = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    const size_t first = (seed & 15) == 0 ? 0 : statements_end(data, size);
    if ((seed & 7) == 1 || size < first + 8) {
        return LLVMFuzzerMutate(data, size, size_max);
    }
    for (int32_t n = (int32_t)(seed >> 4 & 3); n >= 0; n--) {
        r ^= r << 13, r ^= r >> 7, r ^= r << 17;
        const size_t width = (size_t)1 << (r & 3);
        const size_t at = first + (size_t)(r >> 8) % (size - first - 7);
        uint64_t     word;
        memcpy(&word, data + at, sizeof(word));
        switch (r >> 2 & 3) {
        case 0:
            word = words[(r >> 40) % ARRAY_COUNT(words)];
            break;
        case 1:
            word += (r >> 40 & 7) - 4;
            break;
        case 2:
            memcpy(&word, data + first + (size_t)(r >> 33) % (size - first - 7), sizeof(word));
            break;
        default:
            word ^= UINT64_C(1) << (r >> 40 & 63);
            break;
        }
        memcpy(data + at, &word, width);
    }
    return size;
}
