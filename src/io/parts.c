/* SPDX-License-Identifier: Apache-2.0 */
/* parts.c - see parts.h. */
#include "io/parts.h"

#include <string.h>

typedef struct parts_job {
    const parts_reader *how;
    text_part           parts[PARTS_MAX];
    int32_t             count;
    _Atomic bool        odd; /* one thread is to read it */
} parts_job;

/* Where a row may begin at `at` or behind it; the end of the text: nowhere. */
static const char *
next_begin(text written, const char *at, const parts_reader *how) {
    const char *end = written.data + written.size;
    while (at < end && (at = memchr(at, how->behind, (size_t)(end - at))) != NULL) {
        at++;
        const char *begins = how->begins == NULL ? at : how->begins(written, at);
        if (begins != NULL) {
            return begins;
        }
    }
    return end;
}

static void
cut(parts_job *j, text written, const char *from, int32_t count) {
    const char  *end = written.data + written.size;
    const size_t each = (size_t)(end - from) / (size_t)count;
    for (int32_t i = 0; i < count && from < end; i++) {
        const char *stop = i == count - 1 || (size_t)(end - from) <= each
                               ? end
                               : next_begin(written, from + each, j->how);
        j->parts[j->count++] = (text_part){.from = from, .stop = stop, .end = end};
        from = stop;
    }
}

static status
read_part(void *context, int32_t at, error *err) {
    parts_job *j = context;
    text_part *p = &j->parts[at];
    if (atomic_load_explicit(&j->odd, memory_order_relaxed)) {
        return OK;
    }
    const status s = j->how->read(j->how->context, p, err);
    if (s == ERR_QUERY_CANCELLED) {
        return s;
    }
    if (s != OK || p->ended != p->stop) {
        atomic_store_explicit(&j->odd, true, memory_order_relaxed);
    }
    return OK;
}

static status
append_part(builder *to, const builder *from, error *err) {
    delta rows;
    arena a;
    arena_init(&a, to->mem);
    column *columns = arena_alloc(&a, sizeof(column) * (size_t)(from->column_count + 1));
    status  s = columns == NULL ? error_memory(err) : OK;
    if (s == OK) {
        builder_view(from, columns, &rows);
        s = builder_append_delta(to, &rows, err);
    }
    arena_fini(&a);
    return s;
}

static status
run(batch **out, parts_job *j, const team *help, error *err) {
    TRY(team_run(help, j->count, read_part, j, err));
    if (atomic_load(&j->odd)) {
        return DONE;
    }
    int64_t rows = 0;
    for (int32_t i = 0; i < j->count; i++) {
        rows += builder_rows(&j->parts[i].rows);
    }
    builder *first = &j->parts[0].rows;
    if (rows == 0 || rows > first->rows_max) { /* one thread says that they are too many */
        return rows == 0 ? OK : DONE;
    }
    TRY(builder_reserve(first, (int32_t)rows - builder_rows(first), err));
    for (int32_t i = 1; i < j->count; i++) {
        TRY(append_part(first, &j->parts[i].rows, err));
        builder_fini(&j->parts[i].rows);
    }
    return builder_take(first, out, err);
}

status
parts_read(batch **out, mem *m, text written, const char *from, const parts_reader *how,
           const team *help, error *err) {
    const size_t  left = written.size - (size_t)(from - written.data);
    const size_t  most = left / PARTS_BYTES_MIN;
    const int32_t threads = help == NULL || help->pool == NULL ? 1 : help->threads;
    int32_t       count = threads < PARTS_MAX ? threads : PARTS_MAX;
    count = most < (size_t)count ? (int32_t)most : count;
    *out = NULL;
    if (count < 2) {
        return DONE;
    }
    parts_job j = {.how = how};
    status    s = OK;
    int32_t   made = 0;
    cut(&j, written, from, count);
    for (; s == OK && made < j.count; made++) {
        s = builder_init(&j.parts[made].rows, m, how->types, how->column_count, err);
        j.parts[made].rows.rows_max = how->rows_max;
    }
    interrupt *before = interrupt_set_current(help->watched);
    s = s < 0 ? s : run(out, &j, help, err);
    interrupt_set_current(before);
    for (int32_t i = 0; i < made; i++) {
        builder_fini(&j.parts[i].rows);
    }
    return s == ERR_OUT_OF_MEMORY ? DONE : s; /* one thread needs half of it */
}
