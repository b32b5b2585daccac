/* SPDX-License-Identifier: Apache-2.0 */
/* test_faults.c - every call of the operating system that a kept database makes fails in turn, once
 * and for ever: with EIO, ENOSPC and EMFILE an error that has a code and says what to do, or
 * nothing at all; with EINTR and a short write nothing. Whatever fails, what was acknowledged is
 * there after the next opening, what was not is there whole or not at all.
 *
 * Processes are killed with SIGKILL before each of the calls, too.
 *
 * The functions of the C library are this file's. They fail within calls through a table of files
 * that notes from where it was called, so the test knows that every call site in the sources was
 * there. */
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/work.h"
#include "database.h"
#include "db/checkpoint.h"
#include "db/durable_internal.h"
#include "db/restore.h"

enum { CALLS_MAX = 20000, SITES_MAX = 400, ROWS = 40 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STEP = 5, KILL_STEP = 1 };
#else
enum { STEP = 1, KILL_STEP = 1 };
#endif

/* ---- the system */

typedef enum call {
    OPEN,
    READ,
    WRITE,
    SYNC,
    STAT,
    CUT,
    ROOM,
    RENAME,
    UNLINK,
    MKDIR,
    LOCK,
    LIST
} call;

static struct {
    bool    inside; /* of a call through the table */
    int32_t count, fail_at, error;
    int32_t kill_at; /* of the process, with SIGKILL, before the call */
    bool    always, is_short, hit;
    uint8_t kinds[CALLS_MAX];
} os;

static bool
can_fail(call c, int32_t with) {
    switch (with) {
    case ENOSPC:
        return c == OPEN || c == WRITE || c == SYNC || c == ROOM || c == RENAME || c == MKDIR;
    case EMFILE:
        return c == OPEN || c == LIST;
    case EINTR:
        return c != STAT && c != RENAME && c != UNLINK && c != MKDIR && c != LIST;
    default:
        return true;
    }
}

static bool
fails(call c) {
    if (!os.inside) {
        return false;
    }
    const int32_t at = os.count++;
    if (at == os.kill_at) {
        (void)kill(getpid(), SIGKILL);
    }
    if (at < CALLS_MAX) {
        os.kinds[at] = (uint8_t)c;
    }
    const bool now = os.fail_at >= 0 && (at == os.fail_at || (os.always && at > os.fail_at)) &&
                     can_fail(c, os.error) && (!os.is_short || c == WRITE);
    os.hit |= now;
    errno = now ? os.error : errno;
    return now;
}

#define NEXT(result, name, ...) ((result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

int
open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return fails(OPEN) ? -1 : NEXT(int, "open64", const char *, int, mode_t)(path, flags, mode);
}

ssize_t
pread64(int fd, void *out, size_t size, off64_t at) {
    return fails(READ) ? -1
                       : NEXT(ssize_t, "pread64", int, void *, size_t, off64_t)(fd, out, size, at);
}

ssize_t
pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    if (fails(WRITE)) {
        if (!os.is_short) {
            return -1;
        }
        size = size > 1 ? size / 2 : size;
    }
    return NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, bytes, size, at);
}

int
fdatasync(int fd) { /* no power is lost here */
    (void)fd;
    return fails(SYNC) ? -1 : 0;
}

int
fsync(int fd) {
    (void)fd;
    return fails(SYNC) ? -1 : 0;
}

int
fstat64(int fd, struct stat64 *out) {
    return fails(STAT) ? -1 : NEXT(int, "fstat64", int, struct stat64 *)(fd, out);
}

int
ftruncate64(int fd, off64_t size) {
    return fails(CUT) ? -1 : NEXT(int, "ftruncate64", int, off64_t)(fd, size);
}

int
fallocate64(int fd, int mode, off64_t from, off64_t size) {
    return fails(ROOM) ? -1
                       : NEXT(int, "fallocate64", int, int, off64_t, off64_t)(fd, mode, from, size);
}

int
rename(const char *from, const char *to) {
    return fails(RENAME) ? -1 : NEXT(int, "rename", const char *, const char *)(from, to);
}

int
unlink(const char *path) {
    return fails(UNLINK) ? -1 : NEXT(int, "unlink", const char *)(path);
}

int
mkdir(const char *path, mode_t mode) {
    return fails(MKDIR) ? -1 : NEXT(int, "mkdir", const char *, mode_t)(path, mode);
}

int
flock(int fd, int how) {
    return fails(LOCK) ? -1 : NEXT(int, "flock", int, int)(fd, how);
}

DIR *
opendir(const char *path) {
    return fails(LIST) ? NULL : NEXT(DIR *, "opendir", const char *)(path);
}

/* ---- the table, and who called it */

static uintptr_t sites[SITES_MAX];
static int32_t   site_count;

static void
note_site(void *from) {
    for (int32_t i = 0; i < site_count; i++) {
        if (sites[i] == (uintptr_t)from) {
            return;
        }
    }
    assert_true(site_count < SITES_MAX);
    sites[site_count++] = (uintptr_t)from;
}

static vfs noting;

static void
began(void *from) {
    note_site(from);
    os.inside = true;
}

static status
ended(status s) {
    os.inside = false;
    return s;
}

/* Calls for the file come here too. */
static status
ours(status s, vfs_file **f) {
    if (s == OK && *f != NULL) {
        (*f)->fs = &noting;
    }
    return s;
}

static status
noting_open(vfs *fs, vfs_file **out, const char *path, uint32_t flags, error *err) {
    (void)fs;
    began(__builtin_return_address(0));
    return ours(ended(vfs_real()->open(vfs_real(), out, path, flags, err)), out);
}

static status
noting_close(vfs_file *f, error *err) {
    began(__builtin_return_address(0));
    return ended(vfs_real()->close(f, err));
}

static status
noting_read(vfs_file *f, int64_t at, void *out, size_t size, size_t *got, error *err) {
    began(__builtin_return_address(0));
    return ended(vfs_real()->read(f, at, out, size, got, err));
}

static status
noting_write(vfs_file *f, int64_t at, const void *bytes, size_t size, error *err) {
    began(__builtin_return_address(0));
    return ended(vfs_real()->write(f, at, bytes, size, err));
}

static status
noting_sync(vfs_file *f, error *err) {
    began(__builtin_return_address(0));
    return ended(vfs_real()->sync(f, err));
}

static status
noting_size(vfs_file *f, int64_t *out, error *err) {
    began(__builtin_return_address(0));
    return ended(vfs_real()->size(f, out, err));
}

static status
noting_truncate(vfs_file *f, int64_t size, error *err) {
    began(__builtin_return_address(0));
    return ended(vfs_real()->truncate(f, size, err));
}

static status
noting_allocate(vfs_file *f, int64_t from, int64_t to, error *err) {
    began(__builtin_return_address(0));
    return ended(vfs_real()->allocate(f, from, to, err));
}

static status
noting_rename(vfs *fs, const char *from, const char *to, error *err) {
    (void)fs;
    began(__builtin_return_address(0));
    return ended(vfs_real()->rename(vfs_real(), from, to, err));
}

static status
noting_remove(vfs *fs, const char *path, error *err) {
    (void)fs;
    began(__builtin_return_address(0));
    return ended(vfs_real()->remove(vfs_real(), path, err));
}

static status
noting_sync_directory(vfs *fs, const char *path, error *err) {
    (void)fs;
    began(__builtin_return_address(0));
    return ended(vfs_real()->sync_directory(vfs_real(), path, err));
}

static status
noting_make_directory(vfs *fs, const char *path, error *err) {
    (void)fs;
    began(__builtin_return_address(0));
    return ended(vfs_real()->make_directory(vfs_real(), path, err));
}

static status
noting_lock(vfs *fs, vfs_file **out, const char *path, error *err) {
    (void)fs;
    began(__builtin_return_address(0));
    return ours(ended(vfs_real()->lock(vfs_real(), out, path, err)), out);
}

static status
noting_list(vfs *fs, const char *path, status (*take)(void *, const char *), void *context,
            error *err) {
    (void)fs;
    began(__builtin_return_address(0));
    return ended(vfs_real()->list(vfs_real(), path, take, context, err));
}

/* ---- a life of a database */

typedef struct life {
    char     directory[64];
    uint64_t kept, tried;   /* rows that were acknowledged, and those that may be there */
    uint64_t at_checkpoint; /* kept at the first checkpoint */
    uint64_t restored;      /* a restore that failed may have left these */
    bool     maybe_restored;
    int32_t  errors;
    char     message[512];
} life;

static void
remove_all(const char *path) {
    char           name[600];
    DIR           *d = opendir(path);
    struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL) {
        (void)snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        (void)unlink(name);
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    (void)rmdir(path);
}

static void
copy_all(const char *from, const char *to) { /* as a process that dies leaves it */
    static char    bytes[1 << 16];
    char           a[600], b[600];
    DIR           *d = opendir(from);
    struct dirent *e;
    (void)mkdir(to, 0700);
    while (d != NULL && (e = readdir(d)) != NULL) {
        (void)snprintf(a, sizeof(a), "%s/%s", from, e->d_name);
        (void)snprintf(b, sizeof(b), "%s/%s", to, e->d_name);
        FILE *in = e->d_name[0] == '.' ? NULL : fopen(a, "rb");
        FILE *out = in == NULL ? NULL : fopen(b, "wb");
        for (size_t n; out != NULL && (n = fread(bytes, 1, sizeof(bytes), in)) > 0;) {
            (void)fwrite(bytes, 1, n, out);
        }
        if (out != NULL) {
            (void)fclose(out);
        }
        if (in != NULL) {
            (void)fclose(in);
        }
    }
    if (d != NULL) {
        (void)closedir(d);
    }
}

/* Each error has a code, and names the file, or what it stands for. */
static bool
done(life *l, bool ok, int32_t code, const char *message, const char *hint) {
    if (!ok) {
        l->errors++;
        (void)snprintf(l->message, sizeof(l->message), "%d: %s (%s)", (int)code, message, hint);
        if (code <= 0 || message[0] == '\0' ||
            (strstr(message, "laminar_faults_") == NULL && hint[0] == '\0')) {
            print_error("an error without a code, a file or a next step: %s\n", l->message);
            fail();
        }
    }
    return ok;
}

static bool
done_inside(life *l, status s, const error *e) {
    return done(l, s == OK, -(int32_t)s, e->message, e->hint);
}

static bool
run(life *l, laminar_database *db, const char *sql) {
    laminar_error        e = {.code = 0};
    const laminar_status s = laminar_database_execute(db, sql, NULL, &e);
    return done(l, s == LAMINAR_OK, e.code, e.message, e.hint);
}

static void
set_table(void) {
    os.kill_at = -1;
    noting = (vfs){
        "noting",      noting_open,           noting_close,          noting_read,     noting_write,
        noting_sync,   noting_size,           noting_truncate,       noting_allocate, noting_rename,
        noting_remove, noting_sync_directory, noting_make_directory, noting_lock,     noting_list};
}

static laminar_database *
open_at(life *l, const char *directory) {
    error             err = {.position = -1};
    laminar_error     e;
    laminar_options   o = LAMINAR_OPTIONS_INIT;
    laminar_database *db = NULL;
    o.deterministic = true;
    o.wal_segment_bytes = 65536;
    assert_int_equal(laminar_database_open(&db, ":memory:", &o, &e), LAMINAR_OK);
    work_count how_far; /* somebody watches: the calls that count what there is to read are made */
    work_begin(&how_far);
    const status s = durable_open(db, &noting, directory, &err);
    work_end();
    if (!done_inside(l, s, &err)) {
        laminar_database_close(db);
        return NULL;
    }
    return db;
}

static void
insert(life *l, laminar_database *db, int32_t from, int32_t to) {
    char sql[200];
    for (int32_t i = from; i < to; i++) {
        (void)snprintf(sql, sizeof(sql), "INSERT INTO t SELECT %d, repeat('x', %d)", (int)i,
                       i % 10 == 9 ? 150000 : 5);
        l->tried |= UINT64_C(1) << i;
        if (run(l, db, sql)) {
            l->kept |= UINT64_C(1) << i;
            l->restored |= UINT64_C(1) << i;
        }
    }
}

static void
checkpoint(life *l, laminar_database *db) {
    error e = {.position = -1};
    (void)done_inside(l, checkpoint_make(db, CHECKPOINT_ASKED, NULL, &e), &e);
}

static void
go_back(life *l, laminar_database *db) {
    error              e = {.position = -1};
    const checkpoints *all = &db->durable->checkpoints;
    const int64_t      id = all->count == 0 ? 1 : all->list[0].id;
    const uint64_t     then = l->at_checkpoint;
    if (all->count < 2 || all->list[0].id != 2) {
        return; /* earlier ones failed: another one would be first */
    }
    l->restored = then;
    l->maybe_restored = true; /* a process that is killed in it does not know */
    if (done_inside(l, restore_checkpoint(db, id, &e), &e)) {
        l->kept = l->tried = then;
        l->maybe_restored = false;
    } else {
        l->maybe_restored = db->durable->broken; /* else it did not happen */
    }
}

static void
look_after(life *l, laminar_database *db, const char *other) {
    laminar_error  e = {.code = 0};
    laminar_status s = laminar_database_verify(db, NULL, &e);
    (void)done(l, s == LAMINAR_OK, e.code, e.message, "");
    s = laminar_database_backup(db, other, &e);
    (void)done(l, s == LAMINAR_OK, e.code, e.message, "");
}

static void
live(life *l) {
    char other[80];
    (void)snprintf(other, sizeof(other), "%s.other", l->directory);
    laminar_database *db = open_at(l, l->directory);
    laminar_error     e;
    if (db == NULL) {
        return;
    }
    if (run(l, db, "CREATE SOURCE t (n BIGINT, s VARCHAR)") &&
        run(l, db, "CREATE STREAM c AS SELECT n % 3 AS k, count(*) AS c FROM t GROUP BY k") &&
        laminar_database_start(db, &e) == LAMINAR_OK) {
        insert(l, db, 0, 10);
        (void)run(l, db, "CREATE SOURCE u (n BIGINT)"); /* rows enough for a file of them */
        (void)run(l, db, "INSERT INTO u SELECT * FROM generate_series(1, 1100)");
        checkpoint(l, db);
        insert(l, db, 10, 14);
        checkpoint(l, db);
        l->at_checkpoint = l->kept;
        insert(l, db, 14, 21);
        checkpoint(l, db);
        life              second = {.errors = 0};
        laminar_database *twice = open_at(&second, l->directory);
        assert_null(twice); /* it is open */
        look_after(l, db, other);
        go_back(l, db);
        insert(l, db, 21, 25);
    }
    remove_all(other);
    copy_all(l->directory, other);
    laminar_database_close(db);
    life              copied = {.errors = 0};
    laminar_database *killed = open_at(&copied, other);
    laminar_database_close(killed);
    remove_all(other);
    db = open_at(l, l->directory);
    if (db != NULL) {
        insert(l, db, 25, 30);
        laminar_database_close(db);
    }
}

/* Nothing fails any more. */
static void
check(life *l, const char *what) {
    laminar_error     e;
    laminar_result   *r = NULL;
    uint64_t          there = 0;
    life              after = {.errors = 0};
    laminar_database *db = open_at(&after, l->directory);
    if (db == NULL) {
        print_error("%s: cannot be opened afterwards: %s\n", what, after.message);
        fail();
    }
    if (laminar_database_execute(db, "SELECT n FROM t", &r, &e) == LAMINAR_OK) {
        for (int64_t i = 0; i < laminar_result_row_count(r); i++) {
            laminar_value v;
            assert_int_equal(laminar_result_value(r, i, 0, &v), LAMINAR_OK);
            assert_true((there & UINT64_C(1) << v.i) == 0); /* none twice */
            there |= UINT64_C(1) << v.i;
        }
        laminar_result_free(r);
        const char *differs = "SELECT count(*) FROM (SELECT * FROM c EXCEPT ALL SELECT n % 3, "
                              "count(*) FROM t GROUP BY 1)";
        r = NULL;
        if (laminar_database_execute(db, differs, &r, &e) == LAMINAR_OK) {
            laminar_value v;
            assert_int_equal(laminar_result_value(r, 0, 0, &v), LAMINAR_OK);
            assert_int_equal(v.i, 0);
            laminar_result_free(r);
        }
    }
    const char *whole = "SELECT count(*) IN (0, 1100) AND coalesce(sum(n), 605550) = 605550 FROM u";
    r = NULL;
    if (laminar_database_execute(db, whole, &r, &e) == LAMINAR_OK) {
        laminar_value v;
        assert_int_equal(laminar_result_value(r, 0, 0, &v), LAMINAR_OK);
        assert_int_equal(v.i, 1); /* all of it or nothing */
        laminar_result_free(r);
    }
    const bool as_told = (there & l->kept) == l->kept && (there & ~l->tried) == 0;
    const bool put_back = l->maybe_restored && there == l->restored;
    if (!as_told && !put_back) {
        print_error("%s: acknowledged %llx, tried %llx, there %llx; last error: %s\n", what,
                    (unsigned long long)l->kept, (unsigned long long)l->tried,
                    (unsigned long long)there, l->message);
        fail();
    }
    laminar_database_close(db);
    remove_all(l->directory);
}

static void
name_life(life *l) {
    static int32_t number;
    const char    *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(l->directory, sizeof(l->directory), "%s/laminar_faults_%d_%d", place,
                   (int)getpid(), (int)number++);
}

static void
one(int32_t at, int32_t with, bool always, bool is_short, bool invisible) {
    char what[120];
    life l = {.errors = 0};
    name_life(&l);
    (void)snprintf(what, sizeof(what), "call %d, error %d%s%s", (int)at, (int)with,
                   is_short ? ", a short write" : "", always ? ", for ever" : "");
    os.count = 0;
    os.fail_at = at;
    os.error = with;
    os.always = always;
    os.is_short = is_short;
    os.hit = false;
    live(&l);
    os.fail_at = -1;
    if (invisible && l.errors > 0) {
        print_error("%s: %s\n", what, l.message);
        fail();
    }
    check(&l, what);
}

/* A process of its own, which dies before its call number `at`; false: it made fewer. What it was
 * told stands in memory that both have. */
static bool
kill_one(life *l, int32_t at) {
    char other[80];
    char what[40];
    int  how = 0;
    *l = (life){.errors = 0};
    name_life(l);
    (void)snprintf(other, sizeof(other), "%s.other", l->directory);
    (void)snprintf(what, sizeof(what), "killed at call %d", (int)at);
    (void)fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        os.count = 0;
        os.fail_at = -1;
        os.kill_at = at;
        live(l);
        _exit(l->errors);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    remove_all(other);
    check(l, what);
    return WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL;
}

static void
test_killed_at_every_call(void **state) {
    (void)state;
    const int flags = MAP_SHARED | MAP_ANONYMOUS;
    life     *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, flags, -1, 0);
    int32_t   kills = 0;
    assert_true(l != MAP_FAILED);
    set_table();
    while (kill_one(l, kills * KILL_STEP)) {
        kills++;
    }
    print_message("%d processes were killed, each at another call\n", (int)kills);
    assert_true(kills >= 400 / KILL_STEP);
    (void)munmap(l, sizeof(*l));
}

/* ---- the sources */

static void
find_root(const char *found, char *root, size_t size) {
    const char *src = strstr(found, "/src/");
    (void)snprintf(root, size, "%.*s", src == NULL ? 0 : (int)(src - found), found);
}

typedef struct place {
    char    file[40];
    int32_t line;
    bool    reached;
} place;

static place   places[SITES_MAX];
static int32_t place_count;

static void
scan_source(const char *root, const char *file) {
    static const char *const calls[] = {
        "open",     "close",  "read",   "write",          "sync",           "size", "truncate",
        "allocate", "rename", "remove", "sync_directory", "make_directory", "lock", "list"};
    char line[400], name[40], path[900];
    (void)snprintf(path, sizeof(path), "%s/src/%s", root, file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (int32_t n = 1; fgets(line, sizeof(line), f) != NULL; n++) {
        for (const char *at = line; (at = strstr(at, "fs->")) != NULL; at += 4) {
            for (int32_t i = 0; i < ARRAY_COUNT(calls); i++) {
                (void)snprintf(name, sizeof(name), "fs->%s(", calls[i]);
                if (strncmp(at, name, strlen(name)) == 0) {
                    places[place_count] = (place){.line = n};
                    (void)snprintf(places[place_count++].file, sizeof(places[0].file), "%s", file);
                    assert_true(place_count < SITES_MAX);
                }
            }
        }
    }
    (void)fclose(f);
}

/* A call may end lines below the one on which it begins. */
static void
mark(const char *found) {
    const char *colon = strrchr(found, ':');
    place      *best = NULL;
    for (int32_t i = 0; colon != NULL && i < place_count; i++) {
        const int32_t away = abs((int32_t)strtol(colon + 1, NULL, 10) - places[i].line);
        if (strstr(found, places[i].file) != NULL && away <= 4 &&
            (best == NULL || away < abs((int32_t)strtol(colon + 1, NULL, 10) - best->line))) {
            best = &places[i];
        }
    }
    if (best != NULL) {
        best->reached = true;
    }
}

static void
check_sites(void) {
    static const char *const files[] = {
        "store/wal.c",    "store/wal_open.c", "store/manifest.c", "store/manifest_files.c",
        "store/sealed.c", "db/durable.c",     "db/checkpoint.c",  "db/keeping.c"};
    extern char __executable_start;
    static char command[SITES_MAX * 20 + 100];
    char        root[400] = "", line[500];
    int size = snprintf(command, sizeof(command), "addr2line -e /proc/%d/exe", (int)getpid());
    for (int32_t i = 0; i < site_count; i++) {
        size += snprintf(command + size, sizeof(command) - (size_t)size, " 0x%llx",
                         (unsigned long long)(sites[i] - 1 - (uintptr_t)&__executable_start));
    }
    FILE *out = popen(command, "r");
    assert_non_null(out);
    while (fgets(line, sizeof(line), out) != NULL) {
        line[strcspn(line, " \n")] = '\0';
        if (root[0] == '\0') {
            find_root(line, root, sizeof(root));
            for (int32_t i = 0; root[0] != '\0' && i < ARRAY_COUNT(files); i++) {
                scan_source(root, files[i]);
            }
        }
        mark(line);
    }
    (void)pclose(out);
    int32_t reached = 0;
    for (int32_t i = 0; i < place_count; i++) {
        reached += places[i].reached;
        if (!places[i].reached) {
            print_message("not reached: src/%s:%d\n", places[i].file, (int)places[i].line);
        }
    }
    if (place_count == 0) {
        print_message("this program does not know its sources\n");
        return;
    }
    print_message("reached %d of %d sites\n", (int)reached, (int)place_count);
    assert_int_equal(reached, place_count);
}

static void
test_every_call_fails(void **state) {
    (void)state;
    set_table();
    one(-1, 0, false, false, true);
    const int32_t        calls = os.count;
    int64_t              runs = 0;
    static const int32_t errors[] = {EIO, ENOSPC, EMFILE};
    assert_true(calls < CALLS_MAX);
    static uint8_t kinds[CALLS_MAX];
    memcpy(kinds, os.kinds, sizeof(kinds));
    for (int32_t at = 0; at < calls; at++) {
        for (int32_t i = 0; i < ARRAY_COUNT(errors); i++) {
            if (can_fail((call)kinds[at], errors[i]) && (at + i) % STEP == 0) {
                one(at, errors[i], (at / STEP + i) % 2 == 0, false, false);
                runs++;
            }
        }
        if (at % STEP == 0) { /* once and for ever */
            one(at, EIO, (at / STEP) % 2 != 0, false, false);
            runs++;
        }
        if (can_fail((call)kinds[at], EINTR) && at % STEP == 0) {
            one(at, EINTR, false, false, true);
            runs++;
        }
        if (kinds[at] == WRITE) {
            one(at, 0, at % 2 == 0, true, true);
            runs++;
        }
    }
    print_message("%d calls of the system, %lld lives in which one failed, or all from it on\n",
                  (int)calls, (long long)runs);
    check_sites();
}

UNIT_MAIN(UNIT(test_every_call_fails), UNIT(test_killed_at_every_call))
