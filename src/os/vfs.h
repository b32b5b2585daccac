/* SPDX-License-Identifier: Apache-2.0 */
/* vfs.h - files as a table of functions, so that tests can fail, tear and reorder them.
 *
 * Offsets and sizes are bytes. Every call may fail, with ERR_CONNECTOR_FAILED when the system
 * refused; a write is whole or an error. */
#ifndef LAMINAR_OS_VFS_H
#define LAMINAR_OS_VFS_H

#include "base/error.h"
#include "base/mem.h"

typedef struct vfs      vfs;
typedef struct vfs_file vfs_file;

/* VFS_REGULAR: refuses what is no regular file (a device, a pipe, a directory) without waiting for
 * it. VFS_PRIVATE: of the user alone. VFS_TEMPORARY: `path` is a directory, and the new file in it
 * has no name: nobody else can open it, and it is gone with its last descriptor, whatever ends the
 * process. */
enum {
    VFS_READ = 1,
    VFS_WRITE = 2,
    VFS_CREATE = 4,
    VFS_EXCLUSIVE = 8,
    VFS_REGULAR = 16,
    VFS_PRIVATE = 32,
    VFS_TEMPORARY = 64
};

struct vfs {
    const char *name;
    status (*open)(vfs *fs, vfs_file **out, const char *path, uint32_t flags, error *err);
    status (*close)(vfs_file *f, error *err); /* frees f even when it fails */
    /* Reads up to size bytes at offset; *size_read < size only at the end of the file. */
    status (*read)(vfs_file *f, int64_t offset, void *out, size_t size, size_t *size_read,
                   error *err);
    status (*write)(vfs_file *f, int64_t offset, const void *data, size_t size, error *err);
    status (*sync)(vfs_file *f, error *err);
    status (*size)(vfs_file *f, int64_t *out, error *err);
    status (*truncate)(vfs_file *f, int64_t size, error *err);
    /* Room on the disk for the bytes from .. to, of which those beyond the end are zeros. What is
     * written there later needs none. */
    status (*allocate)(vfs_file *f, int64_t from, int64_t to, error *err);
    status (*rename)(vfs *fs, const char *from, const char *to, error *err);
    status (*remove)(vfs *fs, const char *path, error *err);
    status (*sync_directory)(vfs *fs, const char *path, error *err);
    /* For the user alone (0700). One that is there already is fine. */
    status (*make_directory)(vfs *fs, const char *path, error *err);
    /* A file, made where it is missing, that one opener at a time has, in this process or another:
     * *out is NULL when somebody else does. It is given back by close, and with the process. */
    status (*lock)(vfs *fs, vfs_file **out, const char *path, error *err);
    /* The names in a directory, in any order, without "." and "..". `take` may fail and ends it. */
    status (*list)(vfs *fs, const char *path, status (*take)(void *context, const char *name),
                   void *context, error *err);
};

struct vfs_file {
    vfs *fs;
};

/* The real file system (stateless, never freed). */
vfs *vfs_real(void);
/* Files in memory, for one caller at a time; all handles are closed before it is. */
status vfs_memory_open(vfs **out, mem *m, error *err) MUST_USE;
void   vfs_memory_close(vfs *fs); /* NULL is fine */

#endif
