/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that a process may have: the smallest of the machine's and its cgroups'. */
#include "unit.h"

#include <stdio.h>

#include "os/machine.h"

typedef struct small_file {
    const char *path, *content;
} small_file;

/* Files by path, which can be read. */
typedef struct small_files {
    vfs               base;
    const small_file *files;
    int32_t           open_count;
    bool              unreadable;
} small_files;

typedef struct open_file {
    vfs_file    base;
    const char *content;
} open_file;

static open_file the_file; /* one is open at a time */

static status
open_small(vfs *fs, vfs_file **out, const char *path, uint32_t flags, error *err) {
    small_files *s = (small_files *)fs;
    (void)flags;
    for (const small_file *f = s->files; f->path != NULL; f++) {
        if (strcmp(f->path, path) == 0) {
            the_file = (open_file){.base.fs = fs, .content = f->content};
            *out = &the_file.base;
            s->open_count++;
            return OK;
        }
    }
    return error_set(err, ERR_CONNECTOR_FAILED, "no such file: %s", path);
}

static status
close_small(vfs_file *f, error *err) {
    (void)err;
    ((small_files *)f->fs)->open_count--;
    return OK;
}

static status
read_small(vfs_file *f, int64_t offset, void *out, size_t size, size_t *size_read, error *err) {
    const char *content = ((open_file *)f)->content;
    if (((small_files *)f->fs)->unreadable) {
        return error_set(err, ERR_CONNECTOR_FAILED, "it cannot be read");
    }
    CHECK_EQ(offset, 0);
    *size_read = strlen(content) < size ? strlen(content) : size;
    memcpy(out, content, *size_read);
    return OK;
}

static const small_file nothing[] = {{NULL, NULL}};
static const small_file second[] = {{"/proc/self/cgroup", "0::/a/b\n"},
                                    {"/sys/fs/cgroup/a/b/memory.max", "max\n"},
                                    {"/sys/fs/cgroup/a/memory.max", "4096000\n"},
                                    {"/sys/fs/cgroup/memory.max", "9000000\n"},
                                    {NULL, NULL}};
static const small_file container[] = {{"/proc/self/cgroup", "0::/../../elsewhere"},
                                       {"/sys/fs/cgroup/memory.max", "5000000"},
                                       {NULL, NULL}};
static const small_file first[] = {
    {"/proc/self/cgroup", "12:cpu,cpuacct:/x\n4:memory:/deep/er\n1:name=systemd:/\n0::/\n"},
    {"/sys/fs/cgroup/memory/deep/er/memory.limit_in_bytes", "9223372036854771712\n"},
    {"/sys/fs/cgroup/memory/deep/memory.limit_in_bytes", "7000000\n"},
    {NULL, NULL}};
static const small_file odd[] = {{"/proc/self/cgroup", "x\n:\n::\n0::\nno colon at all\n5:memory"},
                                 {"/sys/fs/cgroup/memory.max", "99999999999999999999999\n"},
                                 {NULL, NULL}};

static void
test_limits(void **state) {
    static const struct {
        const small_file *files;
        int64_t           physical, bytes;
    } cases[] = {{nothing, 123456789, 123456789}, {second, 16000000, 4096000},
                 {second, 4095999, 4095999},      {container, 16000000, 5000000},
                 {first, 16000000, 7000000},      {odd, 16000000, 16000000}};
    (void)state;
    for (int32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        small_files s = {.base = {.open = open_small, .close = close_small, .read = read_small},
                         .files = cases[i].files};
        CHECK_EQ(machine_memory_of(&s.base, cases[i].physical), cases[i].bytes);
        CHECK_EQ(s.open_count, 0);
        s.unreadable = true;
        CHECK_EQ(machine_memory_of(&s.base, cases[i].physical), cases[i].physical);
        CHECK_EQ(s.open_count, 0);
    }
}

static void
test_this_machine(void **state) {
    (void)state;
    CHECK(machine_memory() > (16 << 20));
    CHECK_EQ(machine_memory(), machine_memory());
}

UNIT_MAIN(UNIT(test_limits), UNIT(test_this_machine))
