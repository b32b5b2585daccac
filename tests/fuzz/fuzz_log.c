/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_log.c - a log of anybody's making, with the checksums of its heads and records made right,
 * so that what is behind them is reached: opening runs it. It is refused with an error, or opened;
 * what was opened goes on, and opens again. The first byte says how much of the file's end is as it
 * is. */
#include "kept.h"

#include "kernel/kernel.h"
#include "store/wal_internal.h"

enum { SALT = 5 };

const int fuzz_passes = 3;

static uint32_t
get_u32(const char *from) {
    uint32_t v;
    memcpy(&v, from, sizeof(v));
    return v;
}

static bool
is_heavy(const char *data, size_t size) {
    static const char *const words[] = {"range",  "generate", "repeat", "pad",    "recursive",
                                        "unnest", "json",     "xml",    "regexp", "csv"};
    return kept_mentions(data, size, words, ARRAY_COUNT(words));
}

/* Heads that follow one another, up to `end`. */
static void
seal(char *file, size_t size, size_t end) {
    int64_t sequence = 1;
    for (size_t at = WAL_HEADER; at + WAL_HEAD <= end; sequence++) {
        const size_t   room = size - at - WAL_HEAD;
        const uint32_t wanted = get_u32(file + at + 24);
        const bool     ends = get_u32(file + at + 4) == WAL_END;
        wal_head       h = {.kind = ends ? WAL_END : WAL_RECORD,
                            .sequence = ends ? sequence - 1 : sequence,
                            .durable = (int64_t)((uint8_t)file[at + 16]) % sequence,
                            .size = ends             ? 0
                                    : wanted <= room ? wanted
                                                     : (uint32_t)(wanted % (room + 1))};
        h.bytes_crc = wal_bytes_crc((text){file + at + WAL_HEAD, h.size}, (text){NULL, 0});
        wal_put_head(file + at, &h, SALT, (int64_t)at);
        at += WAL_HEAD + (size_t)wal_padded(h.size);
    }
}

static void
write_log(vfs *fs, const uint8_t *data, size_t size) {
    const size_t whole = WAL_HEADER + size - 1;
    const size_t as_it_is = (size_t)data[0] % 16 * 8;
    char        *file = fuzz_block(whole);
    error        err = {0};
    vfs_file    *f = NULL;
    memcpy(file + WAL_HEADER, data + 1, size - 1);
    wal_put_header(file, SALT, &(wal_segment){.first = 1, .bytes = (int64_t)whole});
    seal(file, whole, whole > as_it_is ? whole - as_it_is : 0);
    FUZZ_CHECK(fs->make_directory(fs, "d", &err) == OK);
    FUZZ_CHECK(
        fs->open(fs, &f, "d/wal-0000000000000001", VFS_READ | VFS_WRITE | VFS_CREATE, &err) == OK);
    FUZZ_CHECK(fs->write(f, 0, file, whole, &err) == OK);
    FUZZ_CHECK(fs->close(f, &err) == OK);
    free(file);
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
    mem_init(&m, KEPT_MEMORY);
    FUZZ_CHECK(vfs_memory_open(&fs, &m, &err) == OK);
    write_log(fs, data, size);
    laminar_database *db = kept_open(fs, &err);
    if (db != NULL) {
        laminar_error e;
        (void)laminar_database_execute(db, "CREATE TABLE IF NOT EXISTS fuzz_after (x BIGINT)", NULL,
                                       &e);
        const bool told =
            laminar_database_execute(db, "INSERT INTO fuzz_after VALUES (1)", NULL, &e) >= 0;
        laminar_database_close(db);
        db = kept_open(fs, &err);
        FUZZ_CHECK(db != NULL || !told, "%s", err.message);
        laminar_database_close(db);
    }
    vfs_memory_close(fs);
    FUZZ_CHECK(mem_fini(&m) == 0);
    return 0;
}
