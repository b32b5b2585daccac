/* SPDX-License-Identifier: Apache-2.0 */
/* wal.c - appending, group commit, files that follow one another. See wal.h.
 *
 * `leading` is held through a write, a sync and the making of a file, `lock` for a few instructions
 * within. Who finds somebody leading sleeps until that turn is over, and mostly finds its record
 * durable then: the leader takes all that was appended before it began. */
#include "store/wal_internal.h"

#include "base/rng.h"

enum { ZEROS = 64 << 10, LARGE = 64 << 10, KEPT_BYTES = 8 << 20 };

status
wal_path(const wal *w, const char *name, buf *out, error *err) {
    buf_clear(out);
    return buf_printf(out, "%s/%s", w->directory, name) ? OK : error_memory(err);
}

status
wal_segment_path(const wal *w, int64_t first, buf *out, error *err) {
    buf_clear(out);
    return buf_printf(out, "%s/wal-%016llx", w->directory, (unsigned long long)first)
               ? OK
               : error_memory(err);
}

status
wal_add_segment(wal *w, wal_segment s, error *err) {
    if (w->count == w->capacity) {
        const int32_t capacity = w->capacity == 0 ? 8 : 2 * w->capacity;
        wal_segment  *grown =
            mem_resize(w->mem, w->segments, (size_t)w->capacity * sizeof(wal_segment),
                       (size_t)capacity * sizeof(wal_segment));
        if (grown == NULL) {
            return error_memory(err);
        }
        w->segments = grown;
        w->capacity = capacity;
    }
    w->segments[w->count++] = s;
    return OK;
}

static status
fill_file(vfs_file *f, const wal_segment *s, text head, error *err) {
    TRY(f->fs->truncate(f, 0, err)); /* one that a crash left */
    TRY(f->fs->allocate(f, 0, s->bytes, err));
    TRY(f->fs->write(f, 0, head.data, head.size, err));
    return f->fs->sync(f, err);
}

status
wal_make_file(wal *w, const wal_segment *s, text head, vfs_file **out, error *err) {
    buf       path;
    vfs_file *f = NULL;
    buf_init(&path, w->mem, SIZE_MAX);
    status done = wal_path(w, WAL_NEW, &path, err);
    if (done == OK) {
        done = w->fs->open(w->fs, &f, path.data,
                           VFS_READ | VFS_WRITE | VFS_CREATE | VFS_REGULAR | VFS_PRIVATE, err);
    }
    if (done == OK) {
        done = fill_file(f, s, head, err);
        if (done < 0) { /* gives back what room it took; it is overwritten anyway */
            error ignored;
            (void)w->fs->close(f, &ignored);
            (void)w->fs->remove(w->fs, path.data, &ignored);
        }
    }
    buf_fini(&path);
    *out = f;
    return done;
}

status
wal_name_file(wal *w, int64_t first, error *err) {
    buf from;
    buf to;
    buf_init(&from, w->mem, SIZE_MAX);
    buf_init(&to, w->mem, SIZE_MAX);
    status s = wal_path(w, WAL_NEW, &from, err);
    s = s < 0 ? s : wal_segment_path(w, first, &to, err);
    s = s < 0 ? s : w->fs->rename(w->fs, from.data, to.data, err);
    s = s < 0 ? s : w->fs->sync_directory(w->fs, w->directory, err); /* D9 */
    buf_fini(&from);
    buf_fini(&to);
    return s;
}

static status
close_file(wal *w, error *err) {
    vfs_file *f = w->file;
    w->file = NULL;
    return f == NULL ? OK : w->fs->close(f, err);
}

/* From here on nobody knows what is on disk (D1). Returns the status that did it. */
static status
give_up(wal *w, status s, error *err) {
    mutex_lock(&w->lock);
    if (!w->failed) {
        w->failed = true;
        error_set(&w->fault, ERR_CONNECTOR_FAILED, "the log could not be written: %s",
                  err == NULL ? status_title(s) : err->message);
        (void)error_hint(&w->fault, "open the database again: all that was acknowledged is there");
    }
    if (err != NULL) {
        *err = w->fault;
    }
    s = w->fault.status;
    mutex_unlock(&w->lock);
    return s;
}

/* The log has ended? Under `lock`. */
static status
check_alive(const wal *w, error *err) {
    if (w->failed && err != NULL) {
        *err = w->fault;
    }
    return w->failed ? w->fault.status : OK;
}

status
wal_begin_segment(wal *w, wal_segment s, error *err) {
    char           header[WAL_HEADER];
    vfs_file      *f = NULL;
    const uint64_t salt = rng_seed_from_system();
    wal_put_header(header, salt, &s);
    TRY(wal_add_segment(w, s, err));
    status done = wal_make_file(w, &s, (text){header, WAL_HEADER}, &f, err);
    if (done < 0) {
        w->count--; /* no room, say (D2): the log goes on where it is */
        return done;
    }
    done = wal_name_file(w, s.first, err);
    if (done == OK && w->file != NULL) {
        done = close_file(w, err);
    }
    if (done < 0) {
        error ignored;
        (void)w->fs->close(f, &ignored);
        if (done == ERR_OUT_OF_MEMORY) { /* of its name: nothing happened */
            w->count--;
            return done;
        }
        return give_up(w, done, err);
    }
    mutex_lock(&w->lock);
    w->file = f;
    w->salt = salt;
    w->at = WAL_HEADER;
    w->filled = WAL_HEADER;
    w->full = false;
    mutex_unlock(&w->lock);
    return OK;
}

/* ---- Leading */

static void
lead(wal *w) {
    mutex_lock(&w->leading);
}

static void
stop_leading(wal *w) {
    mutex_unlock(&w->leading);
    atomic_fetch_add(&w->turn, 1);
    futex_wake_all(&w->turn);
}

/* What `pending` holds becomes the leader's, with its place in the file. */
static status
take_pending(wal *w, int64_t *at, int64_t *upto, error *err) {
    mutex_lock(&w->lock);
    const status s = check_alive(w, err);
    if (s == OK) {
        const buf taken = w->pending;
        w->pending = w->writing;
        w->writing = taken;
        *at = w->at;
        *upto = w->last;
        w->at += (int64_t)w->writing.size;
    }
    mutex_unlock(&w->lock);
    return s;
}

/* Heads get what only their place and time tell. */
static void
finish_heads(wal *w, int64_t file_at) {
    const int64_t durable = atomic_load(&w->durable);
    for (size_t at = 0; at < w->writing.size;) {
        char    *head = w->writing.data + at;
        wal_head h;
        memcpy(&h, head, sizeof(h)); /* as wal_append left it */
        h.durable = durable;
        wal_put_head(head, &h, w->salt, file_at + (int64_t)at);
        at += WAL_HEAD + (size_t)wal_padded(h.size);
    }
}

/* The first write to a place of the file makes a sync write about the file too. Small records that
 * are synced one by one therefore come with zeros behind them, once for many of them; large ones
 * need no more than themselves. */
static void
add_zeros(wal *w, int64_t at, wal_level level) {
    const int64_t end = at + (int64_t)w->writing.size;
    const int64_t upto = min_i64(end + ZEROS, w->segments[w->count - 1].bytes);
    const size_t  more = (size_t)max_i64(upto - end, 0);
    if (level != WAL_DURABLE || w->writing.size >= LARGE || end <= w->filled) {
        w->filled = max_i64(w->filled, end);
    } else if (buf_reserve(&w->writing, more)) {
        memset(w->writing.data + w->writing.size, 0, more);
        w->writing.size += more;
        w->filled = upto;
    } else { /* none to spare */
        w->writing.failed = false;
        w->filled = end;
    }
}

/* Writes what was appended, and syncs it. The caller leads. */
static status
flush(wal *w, wal_level level, error *err) {
    int64_t at = 0;
    int64_t upto = 0;
    TRY(take_pending(w, &at, &upto, err));
    if (w->writing.size > 0) {
        finish_heads(w, at);
        add_zeros(w, at, level);
        const status s = w->file->fs->write(w->file, at, w->writing.data, w->writing.size, err);
        if (s < 0) {
            return give_up(w, s, err);
        }
        mem *m = w->mem;
        if (w->writing.capacity > KEPT_BYTES) {
            buf_fini(&w->writing);
            buf_init(&w->writing, m, SIZE_MAX);
        }
        buf_clear(&w->writing);
    }
    mutex_lock(&w->lock);
    w->written = upto;
    mutex_unlock(&w->lock);
    if (level == WAL_DURABLE && atomic_load(&w->durable) < upto) {
        const int64_t began_ns = clock_ticks_ns(&w->clock);
        const status  s = w->file->fs->sync(w->file, err);
        if (s < 0) {
            return give_up(w, s, err);
        }
        w->sync_ns += (clock_ticks_ns(&w->clock) - began_ns - w->sync_ns) / 4;
        atomic_store(&w->durable, upto);
    }
    return OK;
}

/* ---- Group commit: threads that one sync has served come back together, while those that came
 * meanwhile could be served at once; a leader that would leave the others behind halves what a sync
 * is worth. So it waits until there are as many as about the last sync, for half of what a sync
 * takes at most, and not at all where they did not come the last time. One thread alone never
 * waits. */
enum { GATHER_NS_MAX = 500000, SHY = 16 };

static void
gather(wal *w) {
    if (w->crowd < 2 || w->shy > 0) {
        w->shy -= w->shy > 0;
        return;
    }
    const int64_t until_ns = clock_ticks_ns(&w->clock) + min_i64(w->sync_ns / 2, GATHER_NS_MAX);
    const int32_t before = atomic_load(&w->committing);
    atomic_store(&w->gathers, true);
    for (;;) {
        const uint32_t seen = atomic_load(&w->arrived);
        if (atomic_load(&w->committing) >= w->crowd) {
            break;
        }
        const int64_t left_us = (until_ns - clock_ticks_ns(&w->clock)) / 1000;
        if (left_us <= 0) {
            w->shy = atomic_load(&w->committing) > before ? 0 : SHY;
            break;
        }
        (void)futex_wait(&w->arrived, seen, left_us);
    }
    atomic_store(&w->gathers, false);
}

static status
flush_for_all(wal *w, error *err) {
    gather(w);
    const int32_t served = atomic_exchange(&w->committing, 0); /* all of them have appended */
    const status  s = flush(w, WAL_DURABLE, err);
    w->crowd = served + atomic_load(&w->committing);
    return s;
}

static void
arrive(wal *w) {
    atomic_fetch_add(&w->committing, 1);
    atomic_fetch_add(&w->arrived, 1);
    if (atomic_load(&w->gathers)) {
        futex_wake_all(&w->arrived);
    }
}

static bool
is_reached(wal *w, int64_t sequence, wal_level level) {
    if (atomic_load(&w->durable) >= sequence) {
        return true;
    }
    mutex_lock(&w->lock);
    const bool reached = level == WAL_WRITTEN && w->written >= sequence;
    mutex_unlock(&w->lock);
    return reached;
}

status
wal_commit(wal *w, int64_t sequence, wal_level level, error *err) {
    if (level == WAL_DURABLE && atomic_load(&w->durable) < sequence) {
        arrive(w);
    }
    while (!is_reached(w, sequence, level)) {
        const uint32_t turn = atomic_load(&w->turn);
        if (mutex_try_lock(&w->leading)) {
            status s = OK;
            if (!is_reached(w, sequence, level)) {
                s = level == WAL_DURABLE ? flush_for_all(w, err) : flush(w, level, err);
            }
            stop_leading(w);
            return s;
        }
        if (!is_reached(w, sequence, level)) {
            (void)futex_wait(&w->turn, turn, -1);
        }
    }
    return OK;
}

/* ---- Appending */

static bool
fits(const wal *w, int64_t need) {
    const int64_t room = w->segments[w->count - 1].bytes - WAL_HEAD; /* for the mark of the end */
    return !w->full && w->at + (int64_t)w->pending.size + need <= room;
}

static void
set_full(wal *w, bool full) {
    mutex_lock(&w->lock);
    w->full = full;
    mutex_unlock(&w->lock);
}

/* Makes a file with room for a record of that many bytes. */
static status
next_segment(wal *w, int64_t need, error *err) {
    lead(w);
    mutex_lock(&w->lock);
    status     s = check_alive(w, err);
    const bool done = s < 0 || fits(w, need); /* somebody else has made one */
    w->full = w->full || !done;
    mutex_unlock(&w->lock);
    if (!done) {
        s = flush(w, WAL_DURABLE, err);
        if (s == OK) {
            const int64_t usual = min_i64(w->segment_bytes, 2 * w->segments[w->count - 1].bytes);
            const int64_t bytes = max_i64(usual, WAL_HEADER + need + WAL_HEAD);
            s = wal_begin_segment(w, (wal_segment){atomic_load(&w->durable) + 1, bytes}, err);
        }
        set_full(w, false);
    }
    stop_leading(w);
    return s;
}

/* Under `lock`; there is room. */
static status
put_record(wal *w, text first, text second, uint32_t crc, error *err) {
    static const char padding[WAL_ALIGN];
    char              head[WAL_HEAD] = {0};
    const size_t      before = w->pending.size;
    const size_t      size = first.size + second.size;
    const wal_head    h = {
           .kind = WAL_RECORD, .size = (uint32_t)size, .sequence = w->last + 1, .bytes_crc = crc};
    _Static_assert(sizeof(wal_head) <= WAL_HEAD, "stands where the head will be");
    memcpy(head, &h, sizeof(h));
    (void)buf_append(&w->pending, head, WAL_HEAD);
    (void)buf_append_text(&w->pending, first);
    (void)buf_append_text(&w->pending, second);
    if (!buf_append(&w->pending, padding, (size_t)wal_padded((int64_t)size) - size)) {
        w->pending.failed = false; /* the records before it stay */
        w->pending.size = before;
        return error_memory(err);
    }
    w->last++;
    return OK;
}

/* Under `lock`; there is room, and nothing before it waits: the buffer becomes the waiting one. */
static void
swap_record(wal *w, buf *record, size_t size, uint32_t crc) {
    const wal_head h = {
        .kind = WAL_RECORD, .size = (uint32_t)size, .sequence = w->last + 1, .bytes_crc = crc};
    const buf spare = w->pending;
    memcpy(record->data, &h, sizeof(h));
    w->pending = *record;
    *record = spare;
    w->last++;
}

/* Under `lock`: memory for so much more. */
static status
grow_pending(wal *w, size_t bytes, error *err) {
    static const char zeros[4096];
    const size_t      before = w->pending.size;
    bool              done = true;
    for (size_t left = bytes; left > 0 && done;) {
        const size_t piece = left < sizeof(zeros) ? left : sizeof(zeros);
        done = buf_append(&w->pending, zeros, piece);
        left -= piece;
    }
    w->pending.size = before;
    w->pending.failed = false;
    return done ? OK : error_memory(err);
}

status
wal_reserve(wal *w, size_t size, error *err) {
    const int64_t need = WAL_HEAD + wal_padded((int64_t)size);
    for (;;) {
        mutex_lock(&w->lock);
        status     s = check_alive(w, err);
        const bool there = s == OK && fits(w, need);
        s = there ? grow_pending(w, (size_t)need, err) : s;
        mutex_unlock(&w->lock);
        if (there || s < 0) {
            return s;
        }
        TRY(next_segment(w, need, err));
    }
}

static status
check_size(size_t first, size_t second, error *err) {
    if (second > WAL_RECORD_MAX || first > WAL_RECORD_MAX - second) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "one change of %zu bytes is more than a log record holds (1 GiB)",
                         first + second);
    }
    return OK;
}

status
wal_append(wal *w, text first, text second, int64_t *sequence, error *err) {
    TRY(check_size(first.size, second.size, err));
    const uint32_t crc = wal_bytes_crc(first, second);
    const int64_t  need = WAL_HEAD + wal_padded((int64_t)(first.size + second.size));
    for (;;) {
        mutex_lock(&w->lock);
        status     s = check_alive(w, err);
        const bool now = s == OK && fits(w, need);
        if (now) {
            s = put_record(w, first, second, crc, err);
            *sequence = w->last;
        }
        mutex_unlock(&w->lock);
        if (now || s < 0) {
            return s;
        }
        TRY(next_segment(w, need, err));
    }
}

status
wal_append_whole(wal *w, buf *record, int64_t *sequence, error *err) {
    static const char padding[WAL_ALIGN];
    const text        bytes = {record->data + WAL_ROOM, record->size - WAL_ROOM};
    const size_t      padded = (size_t)wal_padded((int64_t)bytes.size);
    if (bytes.size < LARGE) {
        return wal_append(w, bytes, (text){NULL, 0}, sequence, err);
    }
    TRY(check_size(bytes.size, 0, err));
    const uint32_t crc = wal_bytes_crc(bytes, (text){NULL, 0});
    if (!buf_append(record, padding, padded - bytes.size)) {
        record->failed = false;
        return error_memory(err);
    }
    const text whole = {record->data + WAL_ROOM, bytes.size};
    for (;;) {
        mutex_lock(&w->lock);
        status     s = check_alive(w, err);
        const bool now = s == OK && fits(w, (int64_t)(WAL_HEAD + padded));
        if (now && w->pending.size == 0) {
            swap_record(w, record, whole.size, crc);
        } else if (now) {
            s = put_record(w, whole, (text){NULL, 0}, crc, err);
        }
        *sequence = w->last;
        mutex_unlock(&w->lock);
        if (now || s < 0) {
            return s;
        }
        TRY(next_segment(w, (int64_t)(WAL_HEAD + padded), err));
    }
}

/* ---- The rest */

int64_t
wal_last(wal *w) {
    mutex_lock(&w->lock);
    const int64_t last = w->last;
    mutex_unlock(&w->lock);
    return last;
}

const char *
wal_directory(const wal *w) {
    return w->directory;
}

int64_t
wal_durable(const wal *w) {
    return atomic_load(&w->durable);
}

int64_t
wal_bytes(wal *w) {
    int64_t bytes = 0;
    lead(w);
    for (int32_t i = 0; i < w->count; i++) {
        bytes += w->segments[i].bytes;
    }
    stop_leading(w);
    return bytes;
}

static status
remove_oldest(wal *w, buf *path, error *err) {
    TRY(wal_segment_path(w, w->segments[0].first, path, err));
    TRY(w->fs->remove(w->fs, path->data, err));
    w->count--;
    memmove(w->segments, w->segments + 1, (size_t)w->count * sizeof(wal_segment));
    /* One by one: a younger file that goes before an older one would be a gap (D7). */
    return w->fs->sync_directory(w->fs, w->directory, err);
}

status
wal_forget(wal *w, int64_t upto, error *err) {
    buf    path;
    status s = OK;
    buf_init(&path, w->mem, SIZE_MAX);
    lead(w);
    mutex_lock(&w->lock);
    s = check_alive(w, err); /* else the newest file may not have its name yet */
    mutex_unlock(&w->lock);
    while (s == OK && w->count > 1 && w->segments[1].first <= upto + 1) {
        s = remove_oldest(w, &path, err);
    }
    stop_leading(w);
    buf_fini(&path);
    return s;
}

void
wal_free(wal *w) {
    mem  *m = w->mem;
    error ignored;
    (void)close_file(w, &ignored);
    buf_fini(&w->pending);
    buf_fini(&w->writing);
    mem_free(m, w->segments, (size_t)w->capacity * sizeof(wal_segment));
    mem_free(m, w->directory, strlen(w->directory) + 1);
    mutex_fini(&w->lock);
    mutex_fini(&w->leading);
    mem_free(m, w, sizeof(*w));
}

status
wal_close(wal *w, error *err) {
    char           mark[WAL_HEAD];
    const wal_head h = {.kind = WAL_END, .sequence = w->last, .durable = w->last};
    lead(w);
    status s = flush(w, WAL_DURABLE, err);
    if (s == OK) {
        wal_put_head(mark, &h, w->salt, w->at);
        s = w->file->fs->write(w->file, w->at, mark, WAL_HEAD, err);
        s = s < 0 ? s : w->file->fs->sync(w->file, err);
    }
    stop_leading(w);
    const status closed = close_file(w, s < 0 ? NULL : err);
    wal_free(w);
    return s < 0 ? s : closed;
}
