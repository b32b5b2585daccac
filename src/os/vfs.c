/* SPDX-License-Identifier: Apache-2.0 */
/* vfs.c - the real file system: positioned reads and writes on Linux files.
 *
 * Signals and short transfers are dealt with here (D3, D25): callers see whole reads (up to the end
 * of the file) and whole writes, or an error that names the file (D22, D26). Nothing is mapped, so
 * a file that shrinks gives an error and no signal (D23); offsets have 64 bits (D24); children of
 * exec get no descriptor (D17). The table of functions is stateless and shared by all databases of
 * the process, so the few bytes of an open file are charged to none of them. */
#include "os/vfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

typedef struct real_file {
    vfs_file base;
    int      fd;
    bool     locked; /* see real_lock */
    size_t   bytes;  /* of this struct with its path */
    char     path[]; /* for messages */
} real_file;

enum { FILE_MODE = 0644, PRIVATE_MODE = 0600, DIRECTORY_MODE = 0700 };

static int
open_retrying(const char *path, int flags, mode_t mode) {
    int fd;
    do {
        fd = open(path, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static real_file *
file_new(vfs *fs, const char *path) {
    const size_t path_size = strlen(path) + 1;
    const size_t bytes = sizeof(real_file) + path_size;
    mem          account;
    mem_init(&account, INT64_MAX);
    real_file *f = mem_alloc(&account, bytes);
    if (f != NULL) {
        f->base.fs = fs;
        f->fd = -1;
        f->locked = false;
        f->bytes = bytes;
        memcpy(f->path, path, path_size);
    }
    return f;
}

static void
file_free(real_file *f) {
    mem account; /* as file_new left it */
    mem_init(&account, INT64_MAX);
    atomic_store(&account.bytes_used, (int64_t)f->bytes);
    mem_free(&account, f, f->bytes);
}

/* Closes what it refuses. */
static status
check_regular(const real_file *f, error *err) {
    struct stat info;
    if (fstat(f->fd, &info) == 0 && S_ISREG(info.st_mode)) {
        return OK;
    }
    close(f->fd);
    return error_set(err, ERR_CONNECTOR_FAILED, "\"%s\" is %s", f->path,
                     S_ISDIR(info.st_mode) ? "a directory" : "no regular file");
}

/* A file without a name. Where the file system has none, one that loses its name at once. */
static int
open_nameless(const char *directory) {
    static _Atomic uint32_t made;
    int fd = open_retrying(directory, O_TMPFILE | O_EXCL | O_RDWR, PRIVATE_MODE);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) {
        return fd;
    }
    char      path[4096];
    const int size = snprintf(path, sizeof(path), "%s/.laminardb-%ld-%u.tmp", directory,
                              (long)getpid(), atomic_fetch_add(&made, 1));
    if (size < 0 || size >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = open_retrying(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, PRIVATE_MODE);
    if (fd >= 0 && unlink(path) != 0) {
        const int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static status
real_open(vfs *fs, vfs_file **out, const char *path, uint32_t flags, error *err) {
    assert((flags & (VFS_READ | VFS_WRITE)) != 0);
    real_file *f = file_new(fs, path);
    if (f == NULL) {
        return error_memory(err);
    }
    const bool reads = (flags & VFS_READ) != 0;
    const bool writes = (flags & VFS_WRITE) != 0;
    int        mode = reads && writes ? O_RDWR : writes ? O_WRONLY : O_RDONLY;
    mode |= (flags & VFS_CREATE) != 0 ? O_CREAT : 0;
    mode |= (flags & VFS_EXCLUSIVE) != 0 ? O_EXCL : 0;
    mode |= (flags & VFS_REGULAR) != 0 ? O_NONBLOCK : 0; /* a pipe would wait for its writer */
    const bool temporary = (flags & VFS_TEMPORARY) != 0;
    f->fd = temporary
                ? open_nameless(path)
                : open_retrying(path, mode, (flags & VFS_PRIVATE) != 0 ? PRIVATE_MODE : FILE_MODE);
    status s = OK;
    if (f->fd < 0) {
        s = error_set(err, ERR_CONNECTOR_FAILED,
                      temporary ? "cannot make a temporary file in \"%s\": %m"
                                : "cannot open \"%s\": %m",
                      path);
    } else if ((flags & VFS_REGULAR) != 0) {
        s = check_regular(f, err);
    }
    if (s < 0) {
        file_free(f);
        return s;
    }
    *out = &f->base;
    return OK;
}

static status
real_close(vfs_file *file, error *err) {
    real_file *f = (real_file *)file;
    status     s = OK;
    if (f->locked) { /* a child of fork may have the descriptor too, and would keep the lock */
        (void)flock(f->fd, LOCK_UN);
    }
    /* After EINTR the descriptor is gone on Linux: closing again could hit somebody else's file. */
    if (close(f->fd) != 0 && errno != EINTR) {
        s = error_set(err, ERR_CONNECTOR_FAILED, "cannot close \"%s\": %m", f->path);
    }
    file_free(f);
    return s;
}

static status
real_read(vfs_file *file, int64_t offset, void *out, size_t size, size_t *size_read, error *err) {
    const real_file *f = (const real_file *)file;
    size_t           done = 0;
    *size_read = 0;
    while (done < size) {
        const ssize_t n = pread(f->fd, (char *)out + done, size - done, offset + (int64_t)done);
        if (n == 0) {
            break;
        }
        if (n < 0 && errno != EINTR) {
            return error_set(err, ERR_CONNECTOR_FAILED,
                             "cannot read %zu bytes at offset %lld of \"%s\": %m", size,
                             (long long)offset, f->path);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    *size_read = done;
    return OK;
}

static status
real_write(vfs_file *file, int64_t offset, const void *data, size_t size, error *err) {
    const real_file *f = (const real_file *)file;
    size_t           done = 0;
    while (done < size) {
        const ssize_t n =
            pwrite(f->fd, (const char *)data + done, size - done, offset + (int64_t)done);
        if (n == 0) { /* no progress and no reason: waiting for one would be for ever */
            errno = EIO;
        }
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return error_set(err, ERR_CONNECTOR_FAILED,
                             "cannot write %zu bytes at offset %lld of \"%s\": %m", size,
                             (long long)offset, f->path);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return OK;
}

static status
real_sync(vfs_file *file, error *err) {
    const real_file *f = (const real_file *)file;
    int              failed;
    do {
        failed = fdatasync(f->fd);
    } while (failed != 0 && errno == EINTR);
    if (failed != 0) {
        return error_set(err, ERR_CONNECTOR_FAILED, "cannot sync \"%s\" to disk: %m", f->path);
    }
    /* On the disk, but under no name: nobody will ever read it. */
    struct stat info;
    if (fstat(f->fd, &info) == 0 && info.st_nlink == 0) {
        return error_set(err, ERR_CONNECTOR_FAILED, "cannot sync \"%s\": it was removed", f->path);
    }
    return OK;
}

static status
real_size(vfs_file *file, int64_t *out, error *err) {
    const real_file *f = (const real_file *)file;
    struct stat      info;
    if (fstat(f->fd, &info) != 0) {
        return error_set(err, ERR_CONNECTOR_FAILED, "cannot tell the size of \"%s\": %m", f->path);
    }
    *out = (int64_t)info.st_size;
    return OK;
}

static status
real_truncate(vfs_file *file, int64_t size, error *err) {
    const real_file *f = (const real_file *)file;
    int              failed;
    do {
        failed = ftruncate(f->fd, (off_t)size);
    } while (failed != 0 && errno == EINTR);
    if (failed != 0) {
        return error_set(err, ERR_CONNECTOR_FAILED, "cannot set the size of \"%s\" to %lld: %m",
                         f->path, (long long)size);
    }
    return OK;
}

/* Where the file system cannot, zeros are written. */
static status
write_zeros(vfs_file *file, int64_t from, int64_t to, error *err) {
    static const char zeros[64 << 10];
    while (from < to) {
        const int64_t size = min_i64(to - from, (int64_t)sizeof(zeros));
        TRY(real_write(file, from, zeros, (size_t)size, err));
        from += size;
    }
    return OK;
}

static status
real_allocate(vfs_file *file, int64_t from, int64_t to, error *err) {
    const real_file *f = (const real_file *)file;
    int64_t          size = 0;
    int              failed;
    TRY(real_size(file, &size, err));
    do {
        failed = fallocate(f->fd, 0, (off_t)from, (off_t)(to - from));
    } while (failed != 0 && errno == EINTR);
    if (failed != 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
        return write_zeros(file, max_i64(from, size), to, err);
    }
    return failed == 0 ? OK
                       : error_set(err, ERR_CONNECTOR_FAILED,
                                   "cannot get room for %lld bytes in \"%s\": %m",
                                   (long long)(to - from), f->path);
}

static status
real_rename(vfs *fs, const char *from, const char *to, error *err) {
    (void)fs;
    if (rename(from, to) != 0) {
        return error_set(err, ERR_CONNECTOR_FAILED, "cannot rename \"%s\" to \"%s\": %m", from, to);
    }
    return OK;
}

static status
real_remove(vfs *fs, const char *path, error *err) {
    (void)fs;
    if (unlink(path) != 0) {
        return error_set(err, ERR_CONNECTOR_FAILED, "cannot remove \"%s\": %m", path);
    }
    return OK;
}

static status
real_make_directory(vfs *fs, const char *path, error *err) {
    (void)fs;
    struct stat info;
    if (mkdir(path, DIRECTORY_MODE) == 0 ||
        (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode))) {
        return OK;
    }
    return error_set(err, ERR_CONNECTOR_FAILED, "cannot make the directory \"%s\": %m", path);
}

static status
real_lock(vfs *fs, vfs_file **out, const char *path, error *err) {
    vfs_file *f = NULL;
    *out = NULL;
    TRY(fs->open(fs, &f, path, VFS_READ | VFS_WRITE | VFS_CREATE | VFS_REGULAR | VFS_PRIVATE, err));
    int failed;
    do {
        failed = flock(((const real_file *)f)->fd, LOCK_EX | LOCK_NB);
    } while (failed != 0 && errno == EINTR);
    if (failed == 0) {
        ((real_file *)f)->locked = true;
        *out = f;
        return OK;
    }
    const status s = errno == EWOULDBLOCK
                         ? OK
                         : error_set(err, ERR_CONNECTOR_FAILED, "cannot lock \"%s\": %m", path);
    error        ignored;
    (void)fs->close(f, &ignored);
    return s;
}

static status
real_sync_directory(vfs *fs, const char *path, error *err) {
    (void)fs;
    const int fd = open_retrying(path, O_RDONLY | O_DIRECTORY, FILE_MODE);
    if (fd < 0) {
        return error_set(err, ERR_CONNECTOR_FAILED, "cannot open the directory \"%s\": %m", path);
    }
    int failed;
    do {
        failed = fsync(fd);
    } while (failed != 0 && errno == EINTR);
    status s = OK;
    if (failed != 0) {
        s = error_set(err, ERR_CONNECTOR_FAILED, "cannot sync the directory \"%s\": %m", path);
    }
    close(fd);
    return s;
}

static status
real_list(vfs *fs, const char *path, status (*take)(void *context, const char *name), void *context,
          error *err) {
    (void)fs;
    DIR *d = opendir(path);
    if (d == NULL) {
        return error_set(err, ERR_CONNECTOR_FAILED, "cannot list the directory \"%s\": %m", path);
    }
    status s = OK;
    for (const struct dirent *e; s == OK && (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            s = take(context, e->d_name);
        }
    }
    closedir(d);
    return s;
}

static vfs real = {
    .name = "real",
    .open = real_open,
    .close = real_close,
    .read = real_read,
    .write = real_write,
    .sync = real_sync,
    .size = real_size,
    .truncate = real_truncate,
    .allocate = real_allocate,
    .rename = real_rename,
    .remove = real_remove,
    .sync_directory = real_sync_directory,
    .make_directory = real_make_directory,
    .lock = real_lock,
    .list = real_list,
};

vfs *
vfs_real(void) {
    return &real;
}
