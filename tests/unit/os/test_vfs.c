/* SPDX-License-Identifier: Apache-2.0 */
/* test_vfs.c - the real file system: round trips, short files, and errors that name the file. */
#include "os/vfs.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "unit.h"

typedef struct place {
    char directory[64];
    char a[96];
    char b[96];
} place;

static int
enter(void **state) {
    static place p;
    snprintf(p.directory, sizeof(p.directory), "/tmp/laminar_vfs_XXXXXX");
    if (mkdtemp(p.directory) == NULL) {
        return -1;
    }
    snprintf(p.a, sizeof(p.a), "%s/a", p.directory);
    snprintf(p.b, sizeof(p.b), "%s/b", p.directory);
    *state = &p;
    return 0;
}

static int
leave(void **state) {
    const place *p = *state;
    unlink(p->a);
    unlink(p->b);
    return rmdir(p->directory);
}

static void
test_round_trip(void **state) {
    const place *p = *state;
    enum { SIZE = 300000 };
    vfs           *fs = vfs_real();
    vfs_file      *f = NULL;
    error          err;
    static uint8_t data[SIZE];
    static uint8_t back[SIZE];
    rng            r;
    rng_init(&r, 1);
    for (int32_t i = 0; i < SIZE; i++) {
        data[i] = (uint8_t)rng_next(&r);
    }
    CHECK_OK(fs->open(fs, &f, p->a, VFS_READ | VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE, &err));
    CHECK(f->fs == fs);
    CHECK_OK(fs->write(f, 100000, data + 100000, SIZE - 100000, &err)); /* leaves a hole */
    CHECK_OK(fs->write(f, 0, data, 100000, &err));
    CHECK_OK(fs->sync(f, &err));
    int64_t size = 0;
    size_t  got = 0;
    CHECK_OK(fs->size(f, &size, &err));
    CHECK_EQ(size, SIZE);
    CHECK_OK(fs->read(f, 0, back, SIZE, &got, &err));
    CHECK_EQ(got, SIZE);
    CHECK(memcmp(data, back, SIZE) == 0);
    CHECK_OK(fs->truncate(f, 1000, &err));
    CHECK_OK(fs->size(f, &size, &err));
    CHECK_EQ(size, 1000);
    CHECK_OK(fs->close(f, &err));
    CHECK_OK(fs->rename(fs, p->a, p->b, &err));
    CHECK_OK(fs->sync_directory(fs, p->directory, &err));
    CHECK_OK(fs->open(fs, &f, p->b, VFS_READ, &err));
    CHECK_OK(fs->read(f, 900, back, 50, &got, &err));
    CHECK_EQ(got, 50);
    CHECK(memcmp(data + 900, back, 50) == 0);
    CHECK_OK(fs->close(f, &err));
    CHECK_OK(fs->remove(fs, p->b, &err));
}

/* Where numbers of 31 and 32 bits end (D24); the file has holes up to there. */
static void
test_far_offsets(void **state) {
    static const int64_t ends[] = {INT64_C(1) << 31, INT64_C(1) << 32, (INT64_C(1) << 32) + 4096};
    const place         *p = *state;
    vfs                 *fs = vfs_real();
    vfs_file            *f = NULL;
    error                err;
    CHECK_OK(fs->open(fs, &f, p->a, VFS_READ | VFS_WRITE | VFS_CREATE, &err));
    for (int32_t i = 0; i < ARRAY_COUNT(ends); i++) {
        for (int64_t at = ends[i] - 3; at <= ends[i] + 1; at++) {
            int64_t size = 0;
            size_t  got = 0;
            char    back[8] = {0};
            CHECK_OK(fs->write(f, at, "far", 3, &err));
            CHECK_OK(fs->size(f, &size, &err));
            CHECK_EQ(size, at + 3);
            CHECK_OK(fs->read(f, at, back, sizeof(back), &got, &err));
            CHECK(got == 3 && memcmp(back, "far", 3) == 0);
        }
    }
    char   first[3] = {1, 1, 1};
    size_t got = 0;
    CHECK_OK(fs->read(f, 0, first, sizeof(first), &got, &err));
    CHECK(got == 3 && first[0] == 0 && first[2] == 0); /* nothing came round */
    CHECK_OK(fs->truncate(f, ends[0], &err));
    CHECK_OK(fs->close(f, &err));
}

static void
test_short_file(void **state) {
    const place *p = *state;
    vfs         *fs = vfs_real();
    vfs_file    *f = NULL;
    error        err;
    char         out[16];
    size_t       got = 99;
    CHECK_OK(fs->open(fs, &f, p->a, VFS_READ | VFS_WRITE | VFS_CREATE, &err));
    CHECK_OK(fs->read(f, 0, out, sizeof(out), &got, &err));
    CHECK_EQ(got, 0);
    CHECK_OK(fs->write(f, 0, "hello", 5, &err));
    CHECK_OK(fs->read(f, 2, out, sizeof(out), &got, &err));
    CHECK_EQ(got, 3);
    CHECK(memcmp(out, "llo", 3) == 0);
    CHECK_OK(fs->read(f, 100, out, sizeof(out), &got, &err));
    CHECK_EQ(got, 0);
    CHECK_OK(fs->read(f, 0, out, 0, &got, &err));
    CHECK_OK(fs->write(f, 0, out, 0, &err));
    CHECK_OK(fs->close(f, &err));
}

static void
test_descriptors_are_not_inherited(void **state) {
    const place *p = *state;
    vfs         *fs = vfs_real();
    vfs_file    *f = NULL;
    error        err;
    /* The lowest free descriptor is the one that open will take. */
    const int probe = dup(0);
    CHECK(probe >= 0);
    close(probe);
    CHECK_OK(fs->open(fs, &f, p->a, VFS_WRITE | VFS_CREATE, &err));
    CHECK((fcntl(probe, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_OK(fs->close(f, &err));
    CHECK_EQ(fcntl(probe, F_GETFD), -1);
}

static void
test_errors_name_the_file(void **state) {
    const place *p = *state;
    vfs         *fs = vfs_real();
    vfs_file    *f = NULL;
    error        err;
    char         out[4];
    size_t       got = 0;
    CHECK_EQ(fs->open(fs, &f, p->b, VFS_READ, &err), ERR_CONNECTOR_FAILED);
    CHECK(f == NULL && strstr(err.message, p->b) != NULL);
    CHECK(strstr(err.message, "No such file") != NULL);
    CHECK_EQ(fs->remove(fs, p->b, &err), ERR_CONNECTOR_FAILED);
    CHECK_EQ(fs->rename(fs, p->b, p->a, NULL), ERR_CONNECTOR_FAILED);
    CHECK_EQ(fs->sync_directory(fs, p->b, &err), ERR_CONNECTOR_FAILED);
    CHECK_OK(fs->open(fs, &f, p->a, VFS_WRITE | VFS_CREATE, &err));
    CHECK_EQ(fs->read(f, 0, out, 4, &got, &err), ERR_CONNECTOR_FAILED);
    CHECK(strstr(err.message, p->a) != NULL);
    CHECK_EQ(fs->write(f, -1, "x", 1, &err), ERR_CONNECTOR_FAILED);
    CHECK_OK(fs->close(f, &err));
    CHECK_EQ(fs->open(fs, &f, p->a, VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE, &err),
             ERR_CONNECTOR_FAILED);
    CHECK(strstr(err.message, "exists") != NULL);
}

/* With a limit on file sizes the system takes a part of a write and refuses the rest. */
static void
test_partial_write_is_an_error(void **state) {
    const place  *p = *state;
    vfs          *fs = vfs_real();
    vfs_file     *f = NULL;
    error         err;
    static char   data[10000];
    struct rlimit before;
    CHECK_OK(fs->open(fs, &f, p->a, VFS_WRITE | VFS_CREATE, &err));
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    const status s = fs->write(f, 0, data, sizeof(data), &err);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    CHECK_EQ(s, ERR_CONNECTOR_FAILED);
    CHECK(strstr(err.message, "too large") != NULL);
    CHECK_OK(fs->write(f, 0, data, sizeof(data), &err));
    CHECK_OK(fs->close(f, &err));
}

static status
count_name(void *context, const char *name) {
    (void)name;
    ++*(int32_t *)context;
    return OK;
}

/* It has no entry in its folder, and its bytes are its own. */
static void
test_temporary_files(void **state) {
    const place *p = *state;
    vfs         *fs = vfs_real();
    vfs_file    *f[2];
    error        err;
    int32_t      names = 0;
    char         there[2] = {0};
    size_t       size_read;
    for (int32_t i = 0; i < 2; i++) {
        const char byte = (char)('a' + i);
        CHECK_OK(fs->open(fs, &f[i], p->directory, VFS_READ | VFS_WRITE | VFS_TEMPORARY, &err));
        CHECK_OK(fs->write(f[i], 0, &byte, 1, &err));
    }
    CHECK_OK(fs->list(fs, p->directory, count_name, &names, &err));
    CHECK_EQ(names, 0);
    for (int32_t i = 0; i < 2; i++) {
        CHECK_OK(fs->read(f[i], 0, there, 2, &size_read, &err));
        CHECK_EQ(size_read, 1);
        CHECK_EQ(there[0], 'a' + i);
        CHECK_OK(fs->close(f[i], &err));
    }
    CHECK_EQ(fs->open(fs, &f[0], "/no/such/folder", VFS_READ | VFS_WRITE | VFS_TEMPORARY, &err),
             ERR_CONNECTOR_FAILED);
    CHECK(strstr(err.message, "/no/such/folder") != NULL);
}

static void
test_directories_and_locks(void **state) {
    const place *p = *state;
    error        err;
    vfs         *v = vfs_real();
    vfs_file    *first = NULL;
    vfs_file    *second = NULL;
    CHECK_OK(v->make_directory(v, p->a, &err));
    CHECK_OK(v->make_directory(v, p->a, &err)); /* is there */
    CHECK_EQ(rmdir(p->a), 0);
    CHECK_OK(v->lock(v, &first, p->a, &err));
    CHECK(first != NULL);
    CHECK_OK(v->lock(v, &second, p->a, &err));
    CHECK(second == NULL); /* the first one has it, in this process too */
    CHECK_FAILS(v->make_directory(v, p->a, &err), ERR_CONNECTOR_FAILED); /* a file */
    CHECK(strstr(err.message, p->a) != NULL);
    CHECK_OK(v->close(first, &err));
    CHECK_OK(v->lock(v, &second, p->a, &err));
    CHECK(second != NULL);
    CHECK_OK(v->close(second, &err));
    CHECK_FAILS(v->lock(v, &second, "/no/such/folder/x", &err), ERR_CONNECTOR_FAILED);
    CHECK_FAILS(v->make_directory(v, "/no/such/folder", &err), ERR_CONNECTOR_FAILED);
}

#define IN_PLACE(function) cmocka_unit_test_setup_teardown(function, enter, leave)

UNIT_MAIN(IN_PLACE(test_round_trip), IN_PLACE(test_far_offsets), IN_PLACE(test_short_file),
          IN_PLACE(test_descriptors_are_not_inherited), IN_PLACE(test_errors_name_the_file),
          IN_PLACE(test_partial_write_is_an_error), IN_PLACE(test_temporary_files),
          IN_PLACE(test_directories_and_locks))
