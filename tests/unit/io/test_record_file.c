/* SPDX-License-Identifier: Apache-2.0 */
/* test_record_file.c - whole records only: every call of the file system fails in turn, once and
 * from then on, also in the middle of a write; the file always holds whole records, each once. */
#include "unit.h"

#include "io/record_file.h"

#include "../os/faulty_vfs.h"

static text
content(faulty_vfs *fs) {
    return (text){(const char *)fs->nodes[0].seen.data, (size_t)fs->nodes[0].seen.size};
}

/* "0 0 0\n1 1 1\n" ... up to `count`. */
static void
expect_records(faulty_vfs *fs, int32_t count) {
    const text all = content(fs);
    char       wanted[32];
    size_t     at = 0;
    for (int32_t i = 0; i < count; i++) {
        const size_t n = (size_t)snprintf(wanted, sizeof(wanted), "%d %d %d\n", i, i, i);
        assert_true(at + n <= all.size);
        assert_memory_equal(all.data + at, wanted, n);
        at += n;
    }
    assert_int_equal(all.size, at);
}

static text
record(int32_t i, char *room) {
    return (text){room, (size_t)snprintf(room, 32, "%d %d %d\n", i, i, i)};
}

/* Each record is tried until it is in. */
static void
run(uint32_t kinds, int64_t fail_at, bool always, bool write_short) {
    static faulty_vfs fs;
    record_file       f;
    error             e;
    char              room[32];
    faulty_init(&fs);
    fs.write_short = write_short;
    faulty_arm(&fs, kinds, fail_at, always);
    status s = record_file_open(&f, &fs.base, "a.csv", false, &e);
    if (s < 0) {
        faulty_arm(&fs, 0, 0, false);
        s = record_file_open(&f, &fs.base, "a.csv", false, &e);
    }
    assert_int_equal(s, OK);
    for (int32_t i = 0; i < 5; i++) {
        int32_t tries = 0;
        while (record_file_append(&f, record(i, room), &e) < 0) {
            if (++tries == 3) {
                faulty_arm(&fs, 0, 0, false); /* the disk is back */
            }
            assert_true(tries < 10);
        }
        if (record_file_sync(&f, &e) < 0) {
            faulty_arm(&fs, 0, 0, false);
            assert_int_equal(record_file_sync(&f, &e), OK);
        }
        expect_records(&fs, i + 1);
    }
    faulty_arm(&fs, 0, 0, false);
    assert_int_equal(record_file_close(&f, &e), OK);
    expect_records(&fs, 5);
    faulty_fini(&fs);
}

static void
test_every_fault(void **unused) {
    (void)unused;
    for (int64_t at = 0; at < 30; at++) {
        for (int32_t how = 0; how < 4; how++) {
            run(FAULTY_ANY & ~(uint32_t)FAULTY_CLOSE, at, (how & 1) != 0, (how & 2) != 0);
            run(FAULTY_WRITE | FAULTY_TRUNCATE, at, (how & 1) != 0, (how & 2) != 0);
        }
    }
}

/* What could not be cut off at once is cut off before the file is closed, or said. */
static void
test_close_mends(void **unused) {
    (void)unused;
    static faulty_vfs fs;
    record_file       f;
    error             e;
    faulty_init(&fs);
    assert_int_equal(record_file_open(&f, &fs.base, "a.csv", false, &e), OK);
    assert_int_equal(record_file_append(&f, TEXT("0 0 0\n"), &e), OK);
    fs.write_short = true;
    faulty_arm(&fs, FAULTY_WRITE | FAULTY_TRUNCATE, 1, true);
    assert_true(record_file_append(&f, TEXT("1 1 1\n"), &e) < 0);
    assert_true(content(&fs).size > 6); /* the disk keeps half a record */
    assert_true(record_file_sync(&f, &e) < 0);
    faulty_arm(&fs, 0, 0, false);
    assert_int_equal(record_file_close(&f, &e), OK);
    expect_records(&fs, 1);
    faulty_fini(&fs);
}

static void
test_a_file_that_ends_within_a_line(void **unused) {
    (void)unused;
    static faulty_vfs fs;
    record_file       f;
    vfs_file         *raw;
    error             e;
    faulty_init(&fs);
    assert_int_equal(fs.base.open(&fs.base, &raw, "a.csv", VFS_WRITE | VFS_CREATE, &e), OK);
    assert_int_equal(fs.base.write(raw, 0, "half", 4, &e), OK);
    assert_int_equal(fs.base.close(raw, &e), OK);
    assert_int_equal(record_file_open(&f, &fs.base, "a.csv", false, &e), ERR_CONNECTOR_FAILED);
    assert_non_null(strstr(e.message, "ends within a line"));
    assert_int_equal(record_file_close(&f, &e), OK); /* it is closed already */
    /* Nobody else's: what is cut goes, after long whole lines too. */
    for (int32_t whole = 0; whole <= 9000; whole += 3000) {
        char bytes[9100];
        memset(bytes, 'x', sizeof(bytes));
        if (whole > 0) {
            bytes[whole - 1] = '\n';
        }
        assert_int_equal(fs.base.open(&fs.base, &raw, "b.csv", VFS_WRITE | VFS_CREATE, &e), OK);
        assert_int_equal(fs.base.truncate(raw, 0, &e), OK);
        assert_int_equal(fs.base.write(raw, 0, bytes, (size_t)whole + 50, &e), OK);
        assert_int_equal(fs.base.close(raw, &e), OK);
        assert_int_equal(record_file_open(&f, &fs.base, "b.csv", true, &e), OK);
        assert_int_equal(f.size, whole);
        assert_int_equal(record_file_append(&f, TEXT("line\n"), &e), OK);
        int64_t size = 0;
        assert_int_equal(fs.base.size(f.file, &size, &e), OK);
        assert_int_equal(size, whole + 5);
        assert_int_equal(record_file_close(&f, &e), OK);
    }
    faulty_fini(&fs);
}

int
main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_fault),
        cmocka_unit_test(test_close_mends),
        cmocka_unit_test(test_a_file_that_ends_within_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
