/* SPDX-License-Identifier: Apache-2.0 */
/* test_wal_ahead.c - a log that a second thread reads ahead ends as it does without one: the same
 * records, the same error, the same files. What the thread prepares comes with its record, in
 * order, and what waits is not passed. Oracle: the opening with one thread, and records whose bytes
 * follow from their sequence. */
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/hash.h"
#include "os/thread.h"
#include "store/wal_internal.h"

enum { RECORDS = 200, SEGMENT = 1 << 20, BYTES_MAX = 2 << 20, HELD = 1 << 20 };

static uint8_t *noise; /* BYTES_MAX + RECORDS bytes */

/* Mostly small, some of a piece and more, a few of some pieces. */
static text
record_of(int64_t sequence) {
    rng r;
    rng_init(&r, (uint64_t)sequence);
    const uint64_t kind = rng_below(&r, 100);
    const uint64_t most = kind < 70 ? 300 : kind < 90 ? 20000 : kind < 98 ? 300000 : BYTES_MAX;
    const size_t   size = 8 + (size_t)rng_below(&r, most - 8);
    return (text){(const char *)noise + sequence, size};
}

typedef struct seen { /* what the taker and the reader saw */
    int64_t         taken, made_taken;
    int64_t         fails_at; /* the taker refuses that one; 0: none */
    _Atomic int64_t done;     /* the last one that was taken whole */
    int64_t         wait;     /* it said of that one that nothing may be looked at before */
    int64_t         waits;    /* every so many of them; 0: none */
    _Atomic int64_t counted, open;
    wal_helper      helper;
} seen;

typedef struct made { /* of records first .. last */
    int64_t first, last;
} made;

static int64_t
sequence_of(text record, int64_t from) {
    for (int64_t i = from; i <= RECORDS; i++) {
        if (text_equal(record_of(i), record)) {
            return i;
        }
    }
    return 0;
}

static bool
prepare(void *context, void **out, text record, int64_t *bytes) {
    seen         *s = context;
    made         *m = *out;
    const int64_t sequence = sequence_of(record, atomic_load(&s->done) + 1);
    CHECK(sequence > 0);
    CHECK(sequence <= s->wait || atomic_load(&s->done) >= s->wait);
    if (m == NULL) {
        m = *out = malloc(sizeof(*m));
        *m = (made){sequence, sequence};
        atomic_fetch_add(&s->open, 1);
    }
    CHECK(sequence == m->first || sequence == m->last + 1);
    m->last = sequence;
    atomic_fetch_add(&s->counted, 1);
    *bytes += (int64_t)record.size;
    if (s->waits > 0 && sequence % s->waits == 0) {
        s->wait = sequence;
        return false;
    }
    return true;
}

static void
discard(void *context, void *m) {
    seen *s = context;
    free(m);
    atomic_fetch_sub(&s->open, 1);
}

static status
take(void *context, int64_t sequence, text record, error *err) {
    seen       *s = context;
    const made *m = s->helper.made;
    CHECK_EQ(sequence, s->taken + 1);
    CHECK(text_equal(record, record_of(sequence)));
    CHECK(m == NULL || (m->first <= sequence && sequence <= m->last));
    s->made_taken += m != NULL;
    if (sequence == s->fails_at) {
        return error_set(err, ERR_QUERY_FAILED, "record %lld is not wanted", (long long)sequence);
    }
    s->taken = sequence;
    atomic_store(&s->done, sequence);
    return OK;
}

/* ---- Files */

static char base[] = "/tmp/laminar-ahead-XXXXXX";

static const char *
shell(const char *format, const char *a, const char *b) {
    static char command[300];
    char        from[100], to[100];
    (void)snprintf(from, sizeof(from), "%s/%s", base, a);
    (void)snprintf(to, sizeof(to), "%s/%s", base, b);
    (void)snprintf(command, sizeof(command), format, from, to);
    CHECK_EQ(system(command), 0);
    return command;
}

/* Reads of a place of one file fail. */
static vfs         holed;
static const char *hole_name;
static int64_t     hole_at;

static status
holed_open(vfs *self, vfs_file **out, const char *path, uint32_t flags, error *err) {
    (void)self;
    const status s = vfs_real()->open(vfs_real(), out, path, flags, err);
    if (s == OK && hole_name != NULL && strstr(path, hole_name) != NULL) {
        (*out)->fs = &holed;
    }
    return s;
}

static status
holed_read(vfs_file *f, int64_t offset, void *out, size_t size, size_t *got, error *err) {
    return offset <= hole_at && hole_at < offset + (int64_t)size
               ? error_set(err, ERR_CONNECTOR_FAILED, "the disk does not read")
               : vfs_real()->read(f, offset, out, size, got, err);
}

typedef struct ending {
    status  s;
    error   err;
    int64_t taken;
    int64_t last; /* of the log that was opened */
} ending;

/* The log of `from`, a copy of it: what the opening says, with its records and files. */
static ending
open_copy(const char *from, const char *name, seen *s, int64_t ahead_bytes, mem *m) {
    wal   *w = NULL;
    ending e = {.err = {.position = -1}};
    char   directory[100];
    shell("rm -rf %2$s && cp -r %1$s %2$s", from, "copy");
    (void)snprintf(directory, sizeof(directory), "%s/copy", base);
    holed = *vfs_real();
    holed.open = holed_open;
    holed.read = holed_read;
    s->helper = (wal_helper){.after_bytes = 0,
                             .ahead_bytes = ahead_bytes,
                             .cpus = {.all = true},
                             .prepare = prepare,
                             .discard = discard,
                             .context = s};
    e.s = ahead_bytes == 0
              ? wal_open(&w, m, &holed, directory, SEGMENT, 0, take, s, &e.err)
              : wal_open_ahead(&w, m, &holed, directory, SEGMENT, 0, take, s, &s->helper, &e.err);
    e.taken = s->taken;
    e.last = e.s < 0 ? 0 : wal_last(w);
    CHECK_EQ(atomic_load(&s->open), 0);
    shell("rm -rf %2$s && cp -r %1$s %2$s", "copy", name);
    if (e.s == OK) {
        CHECK_EQ(wal_close(w, &e.err), OK); /* of the copy, not of what is compared */
    }
    return e;
}

/* With and without a thread. Files are the same but for the salt of one that was written anew. */
static void
check_alike(const char *from, int64_t fails_at, int64_t waits, bool same_records) {
    static const int64_t helds[] = {1, HELD, 8 * HELD};
    mem                  m;
    mem_init(&m, INT64_MAX);
    seen         alone = {.fails_at = fails_at};
    const ending wanted = open_copy(from, "alone", &alone, 0, &m);
    for (size_t i = 0; i < ARRAY_COUNT(helds); i++) {
        seen         with = {.fails_at = fails_at, .waits = waits};
        const ending got = open_copy(from, "with", &with, helds[i], &m);
        CHECK_EQ(got.s, wanted.s);
        if (wanted.s < 0) {
            CHECK_STR(got.err.message, wanted.err.message);
            CHECK_STR(got.err.hint, wanted.err.hint);
            shell("diff -r %s %s", "alone", "with");
            shell("diff -r %s %s", from, "with"); /* nothing is changed */
        }
        CHECK_EQ(got.last, wanted.last);
        CHECK(!same_records || got.taken == wanted.taken);
        CHECK(with.made_taken >= got.taken - 1 || !same_records || wanted.s < 0);
    }
    CHECK_EQ(mem_fini(&m), 0);
}

static void
setup_noise(void) {
    rng r;
    rng_init(&r, 5);
    noise = malloc(BYTES_MAX + RECORDS + 8);
    for (int32_t i = 0; i < BYTES_MAX + RECORDS; i += 8) {
        const uint64_t word = rng_next(&r);
        memcpy(noise + i, &word, 8);
    }
}

static void
write_log(const char *name, int64_t count, bool closes) {
    wal  *w = NULL;
    error err = {.position = -1};
    seen  none = {0};
    mem   m;
    char  directory[100];
    mem_init(&m, INT64_MAX);
    shell("mkdir %s", name, "");
    (void)snprintf(directory, sizeof(directory), "%s/%s", base, name);
    CHECK_OK(wal_open(&w, &m, vfs_real(), directory, SEGMENT, 0, take, &none, &err));
    for (int64_t i = 1; i <= count; i++) {
        int64_t sequence;
        CHECK_OK(wal_append(w, record_of(i), (text){0}, &sequence, &err));
        if (i % 50 == 0 || i == count) {
            CHECK_OK(wal_commit(w, sequence, WAL_DURABLE, &err));
        }
    }
    if (!closes) {
        shell("cp -r %s %s", name, "open");
    }
    CHECK_OK(wal_close(w, &err));
    if (!closes) {
        shell("rm -r %1$s && mv %2$s %1$s", name, "open");
    }
    CHECK_EQ(mem_fini(&m), 0);
}

/* The name of the file that holds record `sequence`, and where that lies in it. */
static const char *
place_of(const char *directory, int64_t sequence, int64_t *at) {
    static char name[32];
    int64_t     first = 0;
    for (int64_t i = sequence; i > 0 && first == 0; i--) {
        char path[100];
        (void)snprintf(name, sizeof(name), "wal-%016llx", (unsigned long long)i);
        (void)snprintf(path, sizeof(path), "%s/%s/%s", base, directory, name);
        first = access(path, F_OK) == 0 ? i : 0;
    }
    *at = WAL_HEADER;
    for (int64_t i = first; i < sequence; i++) {
        *at += WAL_HEAD + wal_padded((int64_t)record_of(i).size);
    }
    return name;
}

static void
flip(const char *directory, const char *name, int64_t at) {
    char    path[100];
    uint8_t byte;
    (void)snprintf(path, sizeof(path), "%s/%s/%s", base, directory, name);
    const int fd = open(path, O_RDWR);
    CHECK_EQ(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    CHECK_EQ(pwrite(fd, &byte, 1, at), 1);
    CHECK_EQ(close(fd), 0);
}

static int
setup(void **state) {
    (void)state;
    CHECK(mkdtemp(base) != NULL);
    setup_noise();
    write_log("whole", RECORDS, true);
    write_log("torn", RECORDS, false);
    return 0;
}

static int
teardown(void **state) {
    (void)state;
    shell("rm -r %s", "", "");
    free(noise);
    return 0;
}

/* ---- Tests */

static void
test_whole(void **state) {
    (void)state;
    check_alike("whole", 0, 0, true);
    check_alike("torn", 0, 0, true);
}

static void
test_waits(void **state) {
    (void)state;
    check_alike("whole", 0, 1, true);
    check_alike("whole", 0, 7, true);
}

static void
test_refused(void **state) {
    (void)state;
    for (int64_t i = 1; i <= RECORDS; i += 97) {
        check_alike("whole", i, 13, true);
    }
}

/* A byte of a head, of a record or of a file's header is another. */
static void
test_damage(void **state) {
    (void)state;
    for (int64_t i = 2; i <= RECORDS; i += 67) {
        for (int32_t what = 0; what < 3; what++) {
            int64_t     at;
            const char *name = place_of("whole", i, &at);
            shell("rm -rf %2$s && cp -r %1$s %2$s", "whole", "damaged");
            flip("damaged", name, what == 0 ? at + 9 : what == 1 ? at + WAL_HEAD + 7 : 17);
            check_alike("damaged", 0, 0, true);
        }
    }
    for (int64_t i = RECORDS - 35; i <= RECORDS; i += 11) { /* not proven to be durable: cut */
        int64_t     at;
        const char *name = place_of("torn", i, &at);
        shell("rm -rf %2$s && cp -r %1$s %2$s", "torn", "damaged");
        flip("damaged", name, at + WAL_HEAD + 7);
        check_alike("damaged", 0, 5, true);
    }
}

/* A place of the disk that cannot be read: told once all that lies well before it was taken. */
static void
test_holes(void **state) {
    (void)state;
    for (int64_t i = 3; i <= RECORDS; i += 59) {
        hole_name = place_of("whole", i, &hole_at);
        check_alike("whole", 0, 0, false);
    }
    hole_name = NULL;
}

/* An allocation fails, once or from then on: the error of want of memory, or the whole log. */
static void
test_memory(void **state) {
    (void)state;
    mem m;
    for (int64_t at = 1, ends = 0; ends < 3; at += at < 40 ? 1 : 7) {
        mem_init(&m, INT64_MAX);
        seen s = {.waits = 17};
        m.fail_always = at % 2 == 0;
        atomic_store(&m.fail_at, at);
        wal  *w = NULL;
        error err = {.position = -1};
        char  directory[100];
        shell("rm -rf %2$s && cp -r %1$s %2$s", "whole", "copy");
        (void)snprintf(directory, sizeof(directory), "%s/copy", base);
        s.helper = (wal_helper){0, HELD, {.all = true}, prepare, discard, &s, NULL};
        const status got =
            wal_open_ahead(&w, &m, vfs_real(), directory, SEGMENT, 0, take, &s, &s.helper, &err);
        CHECK(got == OK || got == ERR_OUT_OF_MEMORY);
        ends += atomic_load(&m.allocations) < at;
        atomic_store(&m.fail_at, 0);
        if (got == OK) {
            CHECK_EQ(s.taken, RECORDS);
            CHECK_OK(wal_close(w, &err));
        }
        CHECK_EQ(atomic_load(&s.open), 0);
        CHECK_EQ(mem_fini(&m), 0);
    }
}

/* An account without much room is left to the taker. */
static void
test_room(void **state) {
    (void)state;
    mem m;
    for (int32_t i = 0; i < 2; i++) {
        mem_init(&m, i == 0 ? 12 << 20 : 64 << 20);
        seen         s = {0};
        const ending e = open_copy("whole", "with", &s, 8 << 20, &m);
        CHECK_EQ(e.s, OK);
        CHECK_EQ(e.taken, RECORDS);
        CHECK(i == 0 ? s.made_taken == 0 : s.made_taken >= RECORDS - 1);
        CHECK_EQ(mem_fini(&m), 0);
    }
}

int
main(void) {
    const struct CMUnitTest tests[] = {UNIT(test_whole),  UNIT(test_waits), UNIT(test_refused),
                                       UNIT(test_damage), UNIT(test_holes), UNIT(test_memory),
                                       UNIT(test_room)};
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
