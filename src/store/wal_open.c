/* SPDX-License-Identifier: Apache-2.0 */
/* wal_open.c - reading a log again: every durable record, in order, and an end to append at.
 *
 * Files are read in pieces, so memory is bounded by the longest record (D13). Where a record cannot
 * be read, heads behind it are looked for: one that says that the record had been durable makes it
 * corruption, and so does a file that follows; otherwise it belongs to a group that was never
 * committed, and the tail is cut (D5). A log that was not closed on purpose gets its newest file
 * written anew, under the same name: what a failed sync left in the cache alone is on disk then,
 * and nothing is behind the end (D1, D6). */
#include <stdarg.h>
#include <stdio.h>

#include "base/work.h"
#include "store/wal_reading.h"

enum { FIRST_BYTES = 256 << 10, PROBE_BYTES = 4096 };

static status
PRINTF_LIKE(3, 4) corrupt(const wal_reading *r, error *err, const char *format, ...) {
    char    what[200];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    (void)error_set(err, ERR_CORRUPTION, "\"%s\": %s", r->path.data == NULL ? "" : r->path.data,
                    what);
    return error_hint(err, "restore a backup, or laminardb.salvage() for what can still be read");
}

/* `size` bytes at offset `at`, or NULL with an error or because the file ends before (OK). */
static status
look(wal_reading *r, int64_t at, size_t size, const char **out, error *err) {
    *out = NULL;
    if (at < 0 || (int64_t)size > r->bytes - at) {
        return OK;
    }
    if (at < r->piece_at || at + (int64_t)size > r->piece_at + (int64_t)r->size) {
        const size_t piece = r->ahead != NULL ? PROBE_BYTES : WAL_PIECE; /* read by the other */
        const size_t wanted = size > piece ? size : piece;
        if (wanted > r->capacity) {
            char *grown = mem_resize(r->w->mem, r->piece, r->capacity, wanted);
            if (grown == NULL) {
                return error_memory(err);
            }
            r->piece = grown;
            r->capacity = wanted;
        }
        r->size = 0;
        r->piece_at = at;
        TRY(r->file->fs->read(r->file, at, r->piece, wanted, &r->size, err));
        if (r->size < size) {
            return OK;
        }
    }
    *out = r->piece + (at - r->piece_at);
    return OK;
}

/* A mark of the end or a record stands at r->at as it should? *bytes: of the record; NULL: none. */
static status
find_record(wal_reading *r, wal_head *h, const char **bytes, error *err) {
    const char *head;
    *bytes = NULL;
    TRY(look(r, r->at, WAL_HEAD, &head, err));
    if (head == NULL || !wal_get_head(head, h, r->salt, r->at)) {
        return OK;
    }
    if (h->kind == WAL_END) {
        r->ended = h->sequence == r->next - 1;
        return OK;
    }
    if (h->sequence != r->next) {
        return OK;
    }
    TRY(look(r, r->at + WAL_HEAD, h->size, bytes, err));
    if (*bytes != NULL && wal_bytes_crc((text){*bytes, h->size}, (text){0}) != h->bytes_crc) {
        *bytes = NULL;
    }
    return OK;
}

/* A record that was not read ahead is found here: with another thread's doings over, so that it
 * looks at nothing that taking this one changes. */
static status
find_alone(wal_reading *r, wal_head *h, const char **bytes, error *err) {
    TRY(find_record(r, h, bytes, err));
    if (*bytes != NULL) {
        wal_ahead_end(r);
        r->alone += WAL_HEAD + wal_padded(h->size);
    }
    return OK;
}

/* Gives the record at r->at to its taker. */
static status
read_record(wal_reading *r, bool *is_one, error *err) {
    const char *bytes;
    wal_head    h;
    *is_one = false;
    if (!wal_ahead_next(r, &h, &bytes)) {
        TRY(find_alone(r, &h, &bytes, err));
        if (bytes == NULL) {
            return OK;
        }
    }
    *is_one = true;
    if (h.sequence > r->after) {
        TRY(r->take(r->context, h.sequence, (text){bytes, h.size}, err));
    }
    r->next++;
    r->at += WAL_HEAD + wal_padded(h.size);
    work_did(WAL_HEAD + wal_padded(h.size));
    wal_ahead_begin(r);
    return OK;
}

/* Up to where, of the bytes at hand, there is nothing but zeros. */
static int64_t
skip_zeros(const wal_reading *r, int64_t at) {
    enum { STEP = 64 };
    const int64_t end = r->piece_at + (int64_t)r->size;
    for (; at >= r->piece_at && at + STEP <= end; at += STEP) {
        uint64_t words[STEP / 8];
        uint64_t any = 0;
        memcpy(words, r->piece + (at - r->piece_at), sizeof(words));
        for (int32_t i = 0; i < STEP / 8; i++) {
            any |= words[i];
        }
        if (any != 0) {
            break;
        }
    }
    return at;
}

/* Whether a head behind the end says that what should stand there was durable; and whether there is
 * anything but zeros. */
static status
look_behind(wal_reading *r, bool *was_durable, bool *is_clean, error *err) {
    *was_durable = false;
    *is_clean = true;
    for (int64_t at = r->at; at < r->bytes; at += WAL_ALIGN) {
        const char *bytes;
        uint64_t    word;
        TRY(look(r, at, WAL_ALIGN, &bytes, err));
        if (bytes == NULL) {
            break;
        }
        memcpy(&word, bytes, sizeof(word));
        if (word == 0) {
            at = max_i64(at, skip_zeros(r, at) - WAL_ALIGN);
            continue;
        }
        if (r->ended && at < r->at + WAL_HEAD) {
            continue;
        }
        *is_clean = false;
        wal_head h;
        TRY(look(r, at, WAL_HEAD, &bytes, err));
        if (bytes != NULL && wal_get_head(bytes, &h, r->salt, at)) {
            const int64_t proven = h.kind == WAL_END ? h.sequence : h.durable;
            *was_durable = *was_durable || proven >= r->next;
        }
    }
    return OK;
}

status
wal_reading_open(wal_reading *r, wal_segment *s, error *err) {
    const char *bytes;
    wal_segment found;
    bool        newer;
    r->size = 0;
    r->at = WAL_HEADER;
    r->ended = false;
    TRY(wal_segment_path(r->w, s->first, &r->path, err));
    TRY(r->w->fs->open(r->w->fs, &r->file, r->path.data,
                       VFS_READ | VFS_REGULAR | (r->read_only ? 0 : VFS_WRITE), err));
    TRY(r->file->fs->size(r->file, &r->bytes, err));
    TRY(look(r, 0, WAL_HEADER, &bytes, err));
    if (bytes == NULL) {
        return corrupt(r, err, "the file ends before its header does (offset %lld)",
                       (long long)r->bytes);
    }
    if (!wal_get_header(bytes, &r->salt, &found, &newer)) {
        return newer
                   ? error_set(err, ERR_CORRUPTION,
                               "\"%s\" was written by a later version: use that one", r->path.data)
                   : corrupt(r, err, "the header is damaged (offset 0)");
    }
    if (found.first != s->first) {
        return corrupt(r, err, "the file begins with record %lld: it has another's name",
                       (long long)found.first);
    }
    if (found.bytes != r->bytes) {
        return corrupt(r, err, "the file has %lld bytes where %lld were written",
                       (long long)r->bytes, (long long)found.bytes);
    }
    s->bytes = found.bytes;
    return OK;
}

status
wal_reading_close(wal_reading *r, status s, error *err) {
    vfs_file *f = r->file;
    r->file = NULL;
    if (f == NULL) {
        return s;
    }
    const status closed = f->fs->close(f, s < 0 ? NULL : err);
    return s < 0 ? s : closed;
}

/* ---- The newest file */

static status
copy_head(wal_reading *r, buf *out, error *err) {
    for (int64_t at = 0; at < r->at;) {
        const char  *bytes;
        const size_t size = (size_t)min_i64(r->at - at, WAL_PIECE);
        TRY(look(r, at, size, &bytes, err));
        if (bytes == NULL) {
            return corrupt(r, err, "the file became shorter while it was read");
        }
        if (!buf_append(out, bytes, size)) {
            return error_memory(err);
        }
        at += (int64_t)size;
    }
    return OK;
}

static status
write_anew(wal_reading *r, const wal_segment *s, error *err) {
    buf       head;
    vfs_file *made = NULL;
    buf_init(&head, r->w->mem, SIZE_MAX);
    (void)buf_reserve(&head, (size_t)r->at);
    status done = copy_head(r, &head, err);
    done = done < 0 ? done : wal_make_file(r->w, s, buf_text(&head), &made, err);
    buf_fini(&head);
    TRY(done);
    done = wal_reading_close(r, OK, err);
    r->file = made; /* closed by the caller, whatever happens */
    TRY(done);
    return wal_name_file(r->w, s->first, err);
}

static status
read_newest(wal_reading *r, wal_segment *s, error *err) {
    bool was_durable;
    bool is_clean;
    TRY(look_behind(r, &was_durable, &is_clean, err));
    if (was_durable) {
        return corrupt(r, err,
                       "record %lld, which had been committed, cannot be read (offset %lld)",
                       (long long)r->next, (long long)r->at);
    }
    if (r->read_only) {
        return OK;
    }
    if (!r->ended || !is_clean) {
        TRY(write_anew(r, s, err));
    }
    r->w->file = r->file;
    r->file = NULL;
    r->w->salt = r->salt;
    r->w->at = r->at;
    r->w->filled = r->at;
    return OK;
}

static status
read_segment(wal_reading *r, int32_t i, error *err) {
    wal_segment *s = &r->w->segments[i];
    const bool   newest = i == r->w->count - 1;
    r->segment = i;
    TRY(wal_reading_open(r, s, err));
    if (!newest && r->w->segments[i + 1].first <= r->after + 1) { /* all held elsewhere */
        r->next = r->w->segments[i + 1].first;
        return OK;
    }
    for (bool is_one = true; is_one && r->next <= r->upto;) {
        TRY(read_record(r, &is_one, err));
    }
    if (r->next > r->upto) {
        return OK;
    }
    if (newest) {
        wal_ahead_end(r);
        return read_newest(r, s, err);
    }
    if (r->next != r->w->segments[i + 1].first) {
        return corrupt(r, err, "record %lld cannot be read (offset %lld), and record %lld follows",
                       (long long)r->next, (long long)r->at,
                       (long long)r->w->segments[i + 1].first);
    }
    return OK;
}

/* ---- Finding the files */

static status
take_name(void *context, const char *name) {
    wal *w = context;
    w->has_new = w->has_new || strcmp(name, WAL_NEW) == 0;
    unsigned long long first = 0;
    int                used = 0;
    error              err;
    for (const char *c = name + 4; strncmp(name, "wal-", 4) == 0 && *c != '\0'; c++, used++) {
        const char *digits = "0123456789abcdef";
        const char *digit = strchr(digits, *c);
        if (digit == NULL || used == 16) {
            return OK;
        }
        first = first << 4 | (unsigned long long)(digit - digits);
    }
    return used == 16 && first > 0 && first < INT64_MAX
               ? wal_add_segment(w, (wal_segment){.first = (int64_t)first}, &err)
               : OK;
}

static status
find_segments(wal *w, bool read_only, error *err) {
    const status s = w->fs->list(w->fs, w->directory, take_name, w, err);
    if (s == ERR_OUT_OF_MEMORY) {
        return error_memory(err);
    }
    for (int32_t i = 1; i < w->count; i++) { /* few, and mostly in order */
        const wal_segment moved = w->segments[i];
        int32_t           to = i;
        for (; to > 0 && w->segments[to - 1].first > moved.first; to--) {
            w->segments[to] = w->segments[to - 1];
        }
        w->segments[to] = moved;
    }
    if (s == OK && w->has_new &&
        !read_only) { /* in the way of nobody: the next one is written over it */
        buf   path;
        error ignored;
        buf_init(&path, w->mem, SIZE_MAX);
        if (wal_path(w, WAL_NEW, &path, &ignored) == OK) {
            (void)w->fs->remove(w->fs, path.data, &ignored);
        }
        buf_fini(&path);
    }
    return s;
}

static status
check_start(const wal *w, int64_t after, error *err) {
    if (w->count > 0 && w->segments[0].first <= after + 1) {
        return OK;
    }
    (void)error_set(err, ERR_CORRUPTION, "\"%s\": the log's records from %lld on are missing",
                    w->directory, (long long)(after + 1));
    return error_hint(err, "restore a backup, or laminardb.salvage() for what can still be read");
}

/* What is held elsewhere is not read. */
static bool
is_needed(const wal_reading *r, int32_t i) {
    const wal *w = r->w;
    return (i == w->count - 1 || w->segments[i + 1].first > r->after + 1) &&
           w->segments[i].first <= r->upto;
}

static bool
is_empty_at(vfs *fs, vfs_file *f, int64_t at) {
    static const uint8_t none[PROBE_BYTES];
    uint8_t              bytes[PROBE_BYTES];
    size_t               got = 0;
    error                ignored;
    return fs->read(f, at, bytes, sizeof(bytes), &got, &ignored) == OK &&
           memcmp(bytes, none, got) == 0;
}

/* Up to where a file has records, about: it gets its room before them. */
static int64_t
filled_bytes(vfs *fs, vfs_file *f, int64_t size) {
    int64_t low = 0, high = size / PROBE_BYTES + 1;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (is_empty_at(fs, f, middle * PROBE_BYTES)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return min_i64(size, high * PROBE_BYTES);
}

/* How much there is to read, for who watches; what fails here is said where it is read. */
static int64_t
expect_segments(wal_reading *r) {
    error   ignored;
    vfs    *fs = r->w->fs;
    int64_t total = 0;
    for (int32_t i = 0; work_watched() && i < r->w->count; i++) {
        vfs_file *f = NULL;
        int64_t   bytes = 0;
        if (is_needed(r, i) &&
            wal_segment_path(r->w, r->w->segments[i].first, &r->path, &ignored) == OK &&
            fs->open(fs, &f, r->path.data, VFS_READ | VFS_REGULAR, &ignored) == OK) {
            (void)fs->size(f, &bytes, &ignored);
            r->room = i < r->w->count - 1 ? 0 : bytes - filled_bytes(fs, f, bytes);
            (void)fs->close(f, &ignored);
        }
        total += bytes - r->room;
    }
    work_expect(total);
    return total;
}

static status
read_segments(wal_reading *r, error *err) {
    wal   *w = r->w;
    status s = check_start(w, r->after, err);
    r->next = s < 0 ? 0 : w->segments[0].first;
    (void)expect_segments(r);
    for (int32_t i = 0; s == OK && i < w->count && r->next <= r->upto; i++) {
        s = wal_reading_close(r, read_segment(r, i, err), err);
        const int64_t room = i == w->count - 1 ? r->room : 0;
        work_did(is_needed(r, i) ? max_i64(0, r->bytes - r->at + WAL_HEADER - room)
                                 : 0); /* what has no records */
    }
    wal_ahead_end(r);
    const int64_t last = r->upto == INT64_MAX ? r->after : r->upto;
    if (s == OK && r->next <= last) {
        s = corrupt(r, err, "the log ends with record %lld, and %lld had been committed",
                    (long long)(r->next - 1), (long long)last);
    }
    return s;
}

static status
read_all(wal *w, int64_t after, wal_take take, void *context, wal_helper *helper, error *err) {
    wal_reading r = {.w = w,
                     .take = take,
                     .context = context,
                     .helper = helper,
                     .after = after,
                     .upto = INT64_MAX};
    buf_init(&r.path, w->mem, SIZE_MAX);
    const status s = read_segments(&r, err);
    w->last = r.next - 1;
    w->written = w->last;
    atomic_store(&w->durable, w->last);
    buf_fini(&r.path);
    mem_free(w->mem, r.piece, r.capacity);
    return s;
}

static status
wal_new(wal **out, mem *m, vfs *fs, const char *directory, error *err) {
    const size_t size = strlen(directory) + 1;
    wal         *w = mem_alloc_zero(m, sizeof(wal));
    char        *copy = mem_alloc(m, size);
    bool         leads = false;
    bool         locks = false;
    if (w != NULL && copy != NULL) {
        leads = mutex_init(&w->leading, err) == OK;
        locks = leads && mutex_init(&w->lock, err) == OK;
    }
    if (!locks) {
        if (leads) {
            mutex_fini(&w->leading);
        }
        mem_free(m, copy, size);
        mem_free(m, w, sizeof(wal));
        return w == NULL || copy == NULL ? error_memory(err) : err->status;
    }
    memcpy(copy, directory, size);
    clock_init_real(&w->clock);
    w->mem = m;
    w->fs = fs;
    w->directory = copy;
    mutex_set_level(&w->leading, LEVEL_LOG);
    mutex_set_level(&w->lock, LEVEL_LEAF);
    buf_init(&w->pending, m, SIZE_MAX);
    buf_init(&w->writing, m, SIZE_MAX);
    *out = w;
    return OK;
}

status
wal_open_ahead(wal **out, mem *m, vfs *fs, const char *directory, int64_t segment_bytes,
               int64_t after, wal_take take, void *context, wal_helper *helper, error *err) {
    wal *w = NULL;
    TRY(wal_new(&w, m, fs, directory, err));
    w->segment_bytes = max_i64(segment_bytes, WAL_HEADER + WAL_HEAD);
    status s = find_segments(w, false, err);
    if (s == OK && w->count == 0 && after == 0) {
        mutex_lock(&w->leading);
        s = wal_begin_segment(w, (wal_segment){1, min_i64(w->segment_bytes, FIRST_BYTES)}, err);
        mutex_unlock(&w->leading);
    } else if (s == OK) {
        s = read_all(w, after, take, context, helper, err);
    }
    if (s < 0) {
        wal_free(w);
        return s;
    }
    *out = w;
    return OK;
}

status
wal_open(wal **out, mem *m, vfs *fs, const char *directory, int64_t segment_bytes, int64_t after,
         wal_take take, void *context, error *err) {
    return wal_open_ahead(out, m, fs, directory, segment_bytes, after, take, context, NULL, err);
}

int64_t
wal_expect(mem *m, vfs *fs, const char *directory, int64_t after) {
    wal    *w = NULL;
    int64_t total = 0;
    error   ignored = {.position = -1};
    if (work_watched() && wal_new(&w, m, fs, directory, &ignored) == OK) {
        wal_reading r = {.w = w, .after = after, .upto = INT64_MAX, .read_only = true};
        buf_init(&r.path, m, SIZE_MAX);
        total = find_segments(w, true, &ignored) == OK ? expect_segments(&r) : 0;
        buf_fini(&r.path);
        wal_free(w);
    }
    return total;
}

status
wal_scan(mem *m, vfs *fs, const char *directory, int64_t after, int64_t upto, wal_take take,
         void *context, int64_t *last, error *err) {
    wal *w = NULL;
    TRY(wal_new(&w, m, fs, directory, err));
    wal_reading r = {
        .w = w, .take = take, .context = context, .after = after, .upto = upto, .read_only = true};
    buf_init(&r.path, m, SIZE_MAX);
    status s = find_segments(w, true, err);
    s = s < 0 ? s : read_segments(&r, err);
    *last = r.next > 0 ? r.next - 1 : 0;
    buf_fini(&r.path);
    mem_free(m, r.piece, r.capacity);
    wal_free(w);
    return s;
}
