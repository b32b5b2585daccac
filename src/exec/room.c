/* SPDX-License-Identifier: Apache-2.0 */
/* room.c - is there memory to keep what comes for streams that wait for code?
 *
 * A stream that cannot keep what was accepted has lost it, so it is asked before: an insert is
 * refused while an eighth of memory_limit is left, with which the streams catch up event by event,
 * each letting go of what it took. What a log has acknowledged is refused later, when nearly
 * nothing is left: then the database does not open, and keeps it. */
#include "batch/batch_bytes.h"
#include "batch/routine.h"
#include "exec/engine_internal.h"

static const stream *
first_waiting(const engine *e, const source *s) {
    for (int32_t i = 0; i < e->streams.count; i++) {
        const stream *each = e->streams.items[i];
        if (each->waits && !each->failed && each->object != NULL && stream_reads(each, s)) {
            return each;
        }
    }
    return NULL;
}

static status
refuse(const source *s, error *err) {
    const stream  *who = first_waiting(s->engine, s);
    const routine *what = who == NULL ? NULL : stream_missing_code(who);
    if (what == NULL) {
        return error_memory(err);
    }
    error_set(err, ERR_OUT_OF_MEMORY,
              "out of memory: memory_limit leaves no room to keep rows of \"%.*s\" for stream "
              "\"%.*s\", which waits for function \"%.*s\"",
              TEXT_ARG(s->object->name), TEXT_ARG(who->object->name), TEXT_ARG(what->name));
    return error_hint(err,
                      "register the function, then the stream takes what is kept; or DROP STREAM "
                      "\"%.*s\", or raise memory_limit",
                      TEXT_ARG(who->object->name));
}

static int32_t
count_waiting(const list *streams) {
    int32_t count = 0;
    for (int32_t i = 0; i < streams->count; i++) {
        const stream *each = streams->items[i];
        count += each->waits && !each->failed;
    }
    return count;
}

static int32_t
count_holders(const source *s) {
    int32_t count = 0;
    for (int32_t i = 0; i < s->inputs.count; i++) {
        const stream *owner = ((const stream_input *)s->inputs.items[i])->owner;
        count += owner->waits && !owner->failed;
    }
    return count;
}

static bool
has_room(engine *e, int64_t bytes) {
    const int64_t limit = atomic_load_explicit(&e->mem->bytes_limit, memory_order_relaxed);
    const bool    replays = e->journal == NULL;
    return limit == INT64_MAX ||
           atomic_load_explicit(&e->mem->bytes_used, memory_order_relaxed) + bytes <=
               limit - limit / (replays ? 32 : 8);
}

status
source_check_room(const source *s, const delta *rows, int64_t dead_count, error *err) {
    engine *e = s->engine;
    if (LIKELY(e->waiting == NULL)) {
        return OK;
    }
    const int64_t holders = count_holders(s);
    if (holders == 0) {
        return OK;
    }
    const int64_t row_bytes =
        rows == NULL ? 0 : (int64_t)batch_bytes(rows) + (int64_t)rows->row_count / BATCH_ROWS * 256;
    const int64_t row_count = rows == NULL ? 0 : rows->row_count;
    const int64_t old_bytes = dead_count * (row_count > 0 ? row_bytes / row_count
                                                          : 32 * (int64_t)s->object->schema->count);
    const int64_t copies = holders * (row_bytes + old_bytes);
    const int64_t events = holders * (2 + (row_count + dead_count) / BATCH_ROWS) +
                           count_waiting(&s->readers) + (int64_t)e->streams.count;
    e->promised_bytes = e->paused ? e->promised_bytes : 0;
    const int64_t bytes = e->promised_bytes + row_bytes + copies;
    if (!has_room(e, bytes) && e->look != NULL && !e->in_transaction) {
        e->look(e->look_context); /* rows of sources may go to disk */
    }
    if (!has_room(e, bytes) || waiting_reserve(e->waiting, events, err) < 0) {
        return refuse(s, err);
    }
    e->promised_bytes += e->paused ? copies : 0;
    return OK;
}
