/* SPDX-License-Identifier: Apache-2.0 */
/* record_file.c - see record_file.h. Bytes are written behind the last whole record; only when all
 * of them are there does the size move. */
#include "io/record_file.h"

static status
check_end(const record_file *f, const char *path, error *err) {
    char   last = '\n';
    size_t got = 0;
    if (f->size == 0) {
        return OK;
    }
    TRY(f->file->fs->read(f->file, f->size - 1, &last, 1, &got, err));
    if (got == 1 && last == '\n') {
        return OK;
    }
    error_set(err, ERR_CONNECTOR_FAILED, "\"%.300s\" ends within a line, so no record can follow",
              path);
    return error_hint(err, "end or remove its last line, or name another file");
}

/* The line that a death of its writer left is not counted, and goes before the next write. */
static status
leave_out_cut_line(record_file *f, error *err) {
    char piece[4096];
    while (f->size > 0) {
        const int64_t from = max_i64(0, f->size - (int64_t)sizeof(piece));
        size_t        got = 0;
        TRY(f->file->fs->read(f->file, from, piece, (size_t)(f->size - from), &got, err));
        while (got > 0 && piece[got - 1] != '\n') {
            got--;
        }
        f->torn = f->torn || from + (int64_t)got < f->size;
        f->size = from + (int64_t)got;
        if (got > 0) {
            break;
        }
    }
    return OK;
}

status
record_file_open(record_file *f, vfs *fs, const char *path, bool is_ours, error *err) {
    *f = (record_file){.size = 0};
    TRY(fs->open(fs, &f->file, path, VFS_READ | VFS_WRITE | VFS_CREATE | VFS_REGULAR, err));
    status s = fs->size(f->file, &f->size, err);
    s = s < 0 ? s : is_ours ? leave_out_cut_line(f, err) : check_end(f, path, err);
    if (s < 0) {
        error ignored;
        (void)fs->close(f->file, &ignored);
        f->file = NULL;
    }
    return s;
}

static status
mend(record_file *f, error *err) {
    if (f->torn) {
        TRY(f->file->fs->truncate(f->file, f->size, err));
        f->torn = false;
    }
    return OK;
}

status
record_file_append(record_file *f, text records, error *err) {
    assert(records.size == 0 || records.data[records.size - 1] == '\n');
    if (records.size == 0) {
        return OK;
    }
    TRY(mend(f, err));
    const status s = f->file->fs->write(f->file, f->size, records.data, records.size, err);
    if (s < 0) {
        error ignored;
        f->torn = true;
        (void)mend(f, &ignored); /* else before the next write */
        return s;
    }
    f->size += (int64_t)records.size;
    return OK;
}

status
record_file_sync(record_file *f, error *err) {
    TRY(mend(f, err));
    return f->file->fs->sync(f->file, err);
}

status
record_file_close(record_file *f, error *err) {
    if (f->file == NULL) {
        return OK;
    }
    const status mended = mend(f, err);
    error        why;
    const status closed = f->file->fs->close(f->file, mended < 0 ? &why : err);
    f->file = NULL;
    return mended < 0 ? mended : closed;
}
