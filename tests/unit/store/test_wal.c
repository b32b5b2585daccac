/* SPDX-License-Identifier: Apache-2.0 */
/* test_wal.c - the write-ahead log without crashes: what is appended is read again in order, files
 * follow one another and go, damage of any bit is refused or harms nothing, a full disk costs the
 * record that needed the room, and many threads share a sync. */
#include "wal_records.h"

#include <time.h>

#include "kernel/kernel.h"
#include "os/thread.h"

static faulty_vfs fs;

static wal *
open_log(mem *m, int64_t after, taken *t) {
    wal  *w = NULL;
    error err = {0};
    *t = (taken){0};
    CHECK_OK(wal_open(&w, m, &fs.base, DIRECTORY, SMALL_SEGMENT, after, take_record, t, &err));
    return w;
}

static void
append(wal *w, int32_t count) {
    error err = {0};
    for (int32_t i = 0; i < count; i++) {
        CHECK_OK(append_next(w, &err));
    }
}

static void
test_append_and_open(void **state) {
    (void)state;
    mem     m;
    taken   t;
    error   err = {0};
    int64_t total = 0;
    mem_init(&m, INT64_MAX);
    faulty_init(&fs);
    for (int32_t round = 0; round < 20; round++) {
        wal *w = open_log(&m, 0, &t);
        CHECK_EQ(t.count, total);
        CHECK_EQ(wal_last(w), total);
        CHECK_EQ(wal_durable(w), total);
        append(w, round);
        total += round;
        CHECK_EQ(wal_last(w), total);
        if (round % 3 == 0) {
            CHECK_OK(wal_commit(w, total, WAL_DURABLE, &err));
            CHECK_EQ(wal_durable(w), total);
        } else if (round % 3 == 1) {
            CHECK_OK(wal_commit(w, total, WAL_WRITTEN, &err));
        }
        CHECK(wal_bytes(w) >= SMALL_SEGMENT);
        CHECK_OK(wal_close(w, &err));
    }
    wal *w = open_log(&m, total - 5, &t);
    CHECK_EQ(t.first, total - 4);
    CHECK_EQ(t.count, 5);
    CHECK_OK(wal_close(w, &err));
    faulty_fini(&fs);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_forget(void **state) {
    (void)state;
    mem   m;
    taken t;
    error err = {0};
    mem_init(&m, INT64_MAX);
    faulty_init(&fs);
    wal *w = open_log(&m, 0, &t);
    append(w, 400);
    CHECK_OK(wal_commit(w, 400, WAL_DURABLE, &err));
    const int64_t all = wal_bytes(w);
    CHECK_OK(wal_forget(w, 200, &err));
    CHECK(wal_bytes(w) < all - 4 * SMALL_SEGMENT);
    CHECK_OK(wal_close(w, &err));
    w = open_log(&m, 200, &t);
    CHECK_EQ(t.first, 201);
    CHECK_EQ(t.count, 200);
    CHECK_OK(wal_forget(w, 400, &err)); /* the newest file stays: it tells where to go on */
    append(w, 1);
    CHECK_OK(wal_close(w, &err));
    wal *none = NULL;
    CHECK_EQ(wal_open(&none, &m, &fs.base, DIRECTORY, 0, 10, take_record, &t, &err),
             ERR_CORRUPTION);
    CHECK(strstr(err.message, "records from 11 on are missing") != NULL);
    CHECK_EQ(wal_open(&none, &m, &fs.base, DIRECTORY, 0, 402, take_record, &t, &err),
             ERR_CORRUPTION);
    CHECK(strstr(err.message, "ends with record 401, and 402 had been committed") != NULL);
    CHECK_EQ(wal_open(&none, &m, &fs.base, "empty", 0, 1, take_record, &t, &err), ERR_CORRUPTION);
    faulty_fini(&fs);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- Damage */

static faulty_node *
newest_file(void) {
    faulty_node *newest = NULL;
    for (int32_t i = 0; i < FAULTY_FILES; i++) {
        faulty_node *n = &fs.nodes[i];
        if (n->used && n->name[0] != '\0' &&
            (newest == NULL || strcmp(n->name, newest->name) > 0)) {
            newest = n;
        }
    }
    return newest;
}

/* The log is opened with one bit of it the other way round. *cut: records were lost without an
 * error. */
static bool
opens_with_flip(mem *m, int64_t bit, int64_t wanted, int64_t *cut) {
    wal         *w = NULL;
    taken        t = {0};
    error        err = {0};
    faulty_node *n = newest_file();
    const size_t size = (size_t)n->seen.size;
    char        *kept = malloc(size);
    memcpy(kept, n->seen.data, size);
    n->seen.data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
    const status s = wal_open(&w, m, &fs.base, DIRECTORY, SMALL_SEGMENT, 0, take_record, &t, &err);
    CHECK(s == OK || s == ERR_CORRUPTION);
    if (s == OK) {
        *cut = wanted - t.count;
        faulty_arm(&fs, FAULTY_ANY, 1, true); /* closed without its mark */
        (void)wal_close(w, &err);
        faulty_arm(&fs, 0, 0, false);
    } else {
        CHECK(strstr(err.message, DIRECTORY "/wal-") != NULL && err.hint[0] != '\0');
    }
    n = newest_file();
    CHECK_EQ(n->seen.size, size);
    memcpy(n->seen.data, kept, size);
    free(kept);
    return s == OK;
}

/* A log that was closed refuses every flip that would cost a record; one that was not may lose the
 * last group, which could as well have been torn. */
static void
test_every_bit(void **state) {
    (void)state;
    mem   m;
    taken t;
    error err = {0};
    mem_init(&m, INT64_MAX);
    for (int32_t closed = 0; closed < 2; closed++) {
        int64_t lost = 0;
        int64_t refused = 0;
        faulty_init(&fs);
        wal *w = open_log(&m, 0, &t);
        append(w, 6);
        CHECK_OK(wal_commit(w, 6, WAL_DURABLE, &err));
        append(w, 3);
        CHECK_OK(wal_commit(w, 9, WAL_DURABLE, &err));
        faulty_arm(&fs, FAULTY_ANY, closed == 1 ? 0 : 1, closed == 0);
        (void)wal_close(w, &err);
        faulty_arm(&fs, 0, 0, false);
        const int64_t bits = 8 * newest_file()->seen.size;
        for (int64_t bit = 0; bit < bits; bit++) {
            int64_t cut = 0;
            refused += !opens_with_flip(&m, bit, 9, &cut);
            lost = max_i64(lost, cut);
        }
        CHECK_EQ(lost, closed == 1 ? 0 : 3);
        CHECK(refused > 8 * 64);
        faulty_fini(&fs);
    }
    CHECK_EQ(mem_fini(&m), 0);
}

static void
set_version(faulty_node *n, uint8_t version) {
    uint8_t *header = n->seen.data;
    header[8] = version;
    memset(header + 12, 0, 4);
    const uint32_t crc = crc32c(0, header, 64);
    for (int32_t i = 0; i < 4; i++) {
        header[12 + i] = (uint8_t)(crc >> (8 * i));
    }
}

static void
test_wrong_files(void **state) {
    (void)state;
    mem   m;
    taken t;
    error err = {0};
    wal  *w = NULL;
    vfs  *v = &fs.base;
    mem_init(&m, INT64_MAX);
    faulty_init(&fs);
    w = open_log(&m, 0, &t);
    append(w, 200);
    CHECK_OK(wal_close(w, &err));
    faulty_node *newest = newest_file();
    char         name[FAULTY_PATH];
    memcpy(name, newest->name, sizeof(name));
    /* The newest file gone: its records were durable, and only a checkpoint could know. One in the
     * middle: the next one proves it. */
    CHECK_OK(v->rename(v, "d/wal-0000000000000001", "d/kept", &err));
    CHECK_EQ(wal_open(&w, &m, v, DIRECTORY, 0, 0, take_record, &t, &err), ERR_CORRUPTION);
    CHECK_OK(v->rename(v, "d/kept", "d/wal-0000000000000001", &err));
    CHECK_OK(v->rename(v, name, "d/wal-00000000000000c9", &err)); /* another's name */
    t = (taken){0};
    CHECK_EQ(wal_open(&w, &m, v, DIRECTORY, 0, 0, take_record, &t, &err), ERR_CORRUPTION);
    CHECK_OK(v->rename(v, "d/wal-00000000000000c9", name, &err));
    newest = newest_file();
    newest->seen.size -= 8; /* shorter */
    t = (taken){0};
    CHECK_EQ(wal_open(&w, &m, v, DIRECTORY, 0, 0, take_record, &t, &err), ERR_CORRUPTION);
    CHECK(strstr(err.message, "bytes where") != NULL);
    newest->seen.size += 8;
    set_version(newest, 9);
    t = (taken){0};
    CHECK_EQ(wal_open(&w, &m, v, DIRECTORY, 0, 0, take_record, &t, &err), ERR_CORRUPTION);
    CHECK(strstr(err.message, "later version") != NULL);
    set_version(newest, 1);
    w = open_log(&m, 0, &t);
    CHECK_EQ(t.count, 200);
    CHECK_OK(wal_close(w, &err));
    faulty_fini(&fs);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- Faults */

/* No room for the next file: the record that needed it is refused, the log lives (D2). A failed
 * write or sync ends it (D1). */
static void
test_full_disk(void **state) {
    (void)state;
    mem     m;
    taken   t;
    error   err = {0};
    int64_t sequence;
    char    large[SMALL_SEGMENT] = {0};
    mem_init(&m, INT64_MAX);
    faulty_init(&fs);
    wal *w = open_log(&m, 0, &t);
    append(w, 3);
    CHECK_OK(wal_commit(w, 3, WAL_DURABLE, &err));
    faulty_arm(&fs, FAULTY_WRITE, 1, true);
    CHECK_EQ(wal_append(w, (text){large, sizeof(large)}, (text){0}, &sequence, &err),
             ERR_CONNECTOR_FAILED);
    faulty_arm(&fs, 0, 0, false);
    append(w, 2);
    CHECK_OK(wal_commit(w, 5, WAL_DURABLE, &err));
    faulty_arm(&fs, FAULTY_SYNC, 1, false);
    append(w, 1);
    CHECK_EQ(wal_commit(w, 6, WAL_DURABLE, &err), ERR_CONNECTOR_FAILED);
    CHECK(strstr(err.message, "the log could not be written") != NULL && err.hint[0] != '\0');
    CHECK_EQ(wal_append(w, TEXT("x"), (text){0}, &sequence, &err), ERR_CONNECTOR_FAILED);
    CHECK_OK(wal_commit(w, 5, WAL_DURABLE, &err)); /* that it is */
    CHECK_EQ(wal_close(w, &err), ERR_CONNECTOR_FAILED);
    w = open_log(&m, 0, &t);
    CHECK(t.count == 5 || t.count == 6);
    CHECK_OK(wal_close(w, &err));
    faulty_fini(&fs);
    CHECK_EQ(mem_fini(&m), 0);
}

static status
scenario(mem *m, error *err) {
    wal  *w = NULL;
    taken t = {0};
    faulty_init(&fs);
    status s = OK;
    for (int32_t round = 0; s == OK && round < 3; round++) {
        t = (taken){0};
        s = wal_open(&w, m, &fs.base, DIRECTORY, SMALL_SEGMENT, 0, take_record, &t, err);
        if (s < 0) {
            break;
        }
        for (int32_t i = 0; s == OK && i < 60; i++) {
            s = append_next(w, err);
            s = s == OK && i % 7 == 0 ? wal_commit(w, wal_last(w), WAL_DURABLE, err) : s;
        }
        const status closed = wal_close(w, s < 0 ? NULL : err);
        s = s < 0 ? s : closed;
    }
    faulty_fini(&fs);
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    CHECK(torture("wal", scenario) > 20);
}

/* ---- Threads */

enum { PRODUCERS = 4, EACH = 200 };

static void *
produce(void *context) {
    wal  *w = context;
    error err = {0};
    for (int32_t i = 0; i < EACH; i++) {
        int64_t sequence = 0;
        CHECK_OK(wal_append(w, TEXT("a record"), (text){0}, &sequence, &err));
        CHECK_OK(wal_commit(w, sequence, i % 5 == 0 ? WAL_WRITTEN : WAL_DURABLE, &err));
        CHECK(i % 5 == 0 || wal_durable(w) >= sequence);
    }
    return NULL;
}

static status
count_record(void *context, int64_t sequence, text record, error *err) {
    int64_t *count = context;
    (void)err;
    CHECK_EQ(sequence, ++*count);
    CHECK_TEXT(record, "a record");
    return OK;
}

static void
test_threads(void **state) {
    (void)state;
    mem     m;
    wal    *w = NULL;
    error   err = {0};
    thread  threads[PRODUCERS];
    int64_t count = 0;
    char    directory[] = "/tmp/laminar-wal-XXXXXX";
    CHECK(mkdtemp(directory) != NULL);
    mem_init(&m, INT64_MAX);
    CHECK_OK(wal_open(&w, &m, vfs_real(), directory, 8192, 0, count_record, &count, &err));
    for (int32_t i = 0; i < PRODUCERS; i++) {
        CHECK_OK(thread_start(&threads[i], "producer", produce, w, &err));
    }
    for (int32_t i = 0; i < PRODUCERS; i++) {
        thread_join(&threads[i]);
    }
    CHECK_EQ(wal_last(w), PRODUCERS * EACH);
    CHECK_OK(wal_close(w, &err));
    CHECK_OK(wal_open(&w, &m, vfs_real(), directory, 8192, 0, count_record, &count, &err));
    CHECK_EQ(count, PRODUCERS * EACH);
    CHECK_OK(wal_forget(w, count, &err));
    CHECK_OK(wal_close(w, &err));
    CHECK_EQ(mem_fini(&m), 0);
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -r %s", directory);
    CHECK_EQ(system(command), 0);
}

/* ---- One sync for all that come together */

enum { TOGETHER = 8, COMMITS = 25, SYNC_US = 2000, TRIES = 24 };

static vfs             slow;
static _Atomic int32_t syncs;

static status
slow_open(vfs *self, vfs_file **out, const char *path, uint32_t flags, error *err) {
    (void)self;
    const status s = vfs_real()->open(vfs_real(), out, path, flags, err);
    if (s == OK) {
        (*out)->fs = &slow;
    }
    return s;
}

static status
slow_sync(vfs_file *f, error *err) {
    const struct timespec t = {.tv_nsec = SYNC_US * 1000};
    atomic_fetch_add(&syncs, 1);
    (void)nanosleep(&t, NULL);
    return vfs_real()->sync(f, err);
}

static void *
commit_often(void *context) {
    wal  *w = context;
    error err = {0};
    for (int32_t i = 0; i < COMMITS; i++) {
        int64_t sequence = 0;
        CHECK_OK(wal_append(w, TEXT("a record"), (text){0}, &sequence, &err));
        CHECK_OK(wal_commit(w, sequence, WAL_DURABLE, &err));
        CHECK(wal_durable(w) >= sequence);
    }
    return NULL;
}

static int32_t
syncs_of(wal *w, int32_t count) {
    thread threads[TOGETHER];
    error  err = {0};
    atomic_store(&syncs, 0);
    for (int32_t i = 0; i < count; i++) {
        CHECK_OK(thread_start(&threads[i], "producer", commit_often, w, &err));
    }
    for (int32_t i = 0; i < count; i++) {
        thread_join(&threads[i]);
    }
    return atomic_load(&syncs);
}

/* Two halves of the threads that take turns, each led off by the end of the other, would need two
 * syncs for what one can do. How threads are scheduled is nobody's promise: one try of some will
 * do. */
static void
test_syncs_are_shared(void **state) {
    (void)state;
    mem     m;
    wal    *w = NULL;
    error   err = {0};
    int64_t count = 0;
    int32_t fewest = INT32_MAX;
    char    directory[] = "/tmp/laminar-wal-XXXXXX";
    CHECK(mkdtemp(directory) != NULL);
    mem_init(&m, INT64_MAX);
    slow = *vfs_real();
    slow.open = slow_open;
    slow.sync = slow_sync;
    CHECK_OK(wal_open(&w, &m, &slow, directory, 1 << 20, 0, count_record, &count, &err));
    CHECK_EQ(syncs_of(w, 1), COMMITS);
    for (int32_t i = 0; i < TRIES && fewest > COMMITS * 3 / 2; i++) {
        const int32_t took = syncs_of(w, TOGETHER);
        fewest = took < fewest ? took : fewest;
    }
    print_message("%d syncs for %d commits\n", fewest, TOGETHER * COMMITS);
    CHECK(fewest <= COMMITS * 3 / 2);
    CHECK_EQ(syncs_of(w, 1), COMMITS); /* nobody is waited for */
    CHECK_OK(wal_close(w, &err));
    CHECK_EQ(mem_fini(&m), 0);
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -r %s", directory);
    CHECK_EQ(system(command), 0);
}

UNIT_MAIN(UNIT(test_append_and_open), UNIT(test_forget), UNIT(test_every_bit),
          UNIT(test_wrong_files), UNIT(test_full_disk), UNIT(test_torture), UNIT(test_threads),
          UNIT(test_syncs_are_shared))
