/* SPDX-License-Identifier: Apache-2.0 */
/* machine.c - see machine.h. A cgroup is limited by those around it, too, and the path that
 * /proc/self/cgroup gives may not be there in a container: so all folders on it are looked into. */
#include "os/machine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup"
#define PATH_SIZE 4096

/* The start of a file as text; empty: it cannot be read. */
static void
read_start(vfs *fs, const char *path, char *out, size_t size) {
    error     ignored;
    vfs_file *f = NULL;
    size_t    got = 0;
    out[0] = '\0';
    if (fs->open(fs, &f, path, VFS_READ, &ignored) < 0) {
        return;
    }
    if (fs->read(f, 0, out, size - 1, &got, &ignored) < 0) {
        got = 0;
    }
    out[got] = '\0';
    (void)f->fs->close(f, &ignored); /* it was only read */
}

/* A number, or "max". */
static int64_t
read_limit(vfs *fs, const char *path) {
    char    written[32];
    int64_t limit = 0;
    read_start(fs, path, written, sizeof(written));
    const char *c = written;
    for (; *c >= '0' && *c <= '9'; c++) {
        limit = sat_add_i64(sat_mul_i64(limit, 10), *c - '0');
    }
    return c == written || limit == 0 ? INT64_MAX : limit;
}

/* Of the cgroup and all around it. `group` begins with a slash, or is empty. */
static int64_t
smallest(vfs *fs, const char *folder, const char *group, size_t group_size, const char *file) {
    char    path[PATH_SIZE];
    int64_t limit = INT64_MAX;
    for (;;) {
        const int size =
            snprintf(path, sizeof(path), "%s%.*s/%s", folder, (int)group_size, group, file);
        if (size > 0 && (size_t)size < sizeof(path)) {
            limit = min_i64(limit, read_limit(fs, path));
        }
        if (group_size == 0) {
            return limit;
        }
        do {
            group_size--;
        } while (group_size > 0 && group[group_size] != '/');
    }
}

/* A line "5:memory:/group" (version 1), "0::/group" (version 2). */
static int64_t
limit_of_line(vfs *fs, const char *line, size_t size) {
    const char *kinds = memchr(line, ':', size);
    const char *group =
        kinds == NULL ? NULL : memchr(kinds + 1, ':', size - (size_t)(kinds + 1 - line));
    if (group == NULL) {
        return INT64_MAX;
    }
    const size_t kinds_size = (size_t)(group - kinds - 1);
    const size_t group_size = size - (size_t)(group + 1 - line);
    if (kinds_size == 0) {
        return smallest(fs, ROOT, group + 1, group_size, "memory.max");
    }
    return kinds_size == 6 && memcmp(kinds + 1, "memory", 6) == 0
               ? smallest(fs, ROOT "/memory", group + 1, group_size, "memory.limit_in_bytes")
               : INT64_MAX;
}

int64_t
machine_memory_of(vfs *fs, int64_t physical) {
    char    groups[PATH_SIZE];
    int64_t limit = physical;
    read_start(fs, "/proc/self/cgroup", groups, sizeof(groups));
    for (const char *line = groups; *line != '\0';) {
        const size_t size = strcspn(line, "\n");
        limit = min_i64(limit, limit_of_line(fs, line, size));
        line += size + (line[size] == '\n');
    }
    return limit;
}

int64_t
machine_memory(void) {
    static _Atomic int64_t known;
    int64_t                bytes = atomic_load(&known);
    if (bytes == 0) { /* two threads may look, and see the same */
        const long    pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        const int64_t physical =
            pages > 0 && page > 0 ? sat_mul_i64((int64_t)pages, page) : INT64_MAX;
        bytes = machine_memory_of(vfs_real(), physical);
        atomic_store(&known, bytes);
    }
    return bytes;
}
