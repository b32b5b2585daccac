/* SPDX-License-Identifier: Apache-2.0 */
/* import_text.c - utf8, large_utf8 and utf8_view columns, the same layouts of binary, and binary of
 * a fixed size.
 *
 * Offsets are checked in one pass. A column whose bytes are all plain (0x01 .. 0x7f, one pass at
 * memory speed, by several threads where it is long) is valid whatever the cuts; only otherwise are
 * rows looked at one by one (bytes under NULL may be anything). A text may not hold a NUL byte.
 * Binary may hold anything. */
#include "arrow/import.h"
#include "kernel/kernel.h"

/* Of one value; also what keeps broken offsets from being believed. */

static status
bad_utf8(const arrow_rows *r, int32_t row, int64_t at, error *err) {
    return error_set(err, ERR_INGESTION_FAILED, "row %d, %s: the text is not UTF-8 (byte %lld)",
                     row + 1, r->name, (long long)at);
}

static status
check_row(const arrow_rows *r, int32_t row, text t, error *err) {
    if (r->format->type.id == TYPE_BLOB) {
        return OK;
    }
    const int64_t fault = utf8_fault(t.data, (int64_t)t.size);
    if (fault >= 0) {
        return bad_utf8(r, row, fault, err);
    }
    const char *nul = memchr(t.data, '\0', t.size);
    if (nul != NULL) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "row %d, %s: the text holds a NUL byte (byte %lld)", row + 1, r->name,
                         (long long)(nul - t.data));
    }
    return OK;
}

/* `large` is a constant at each call. */
ALWAYS_INLINE int64_t
offset_at(const void *offsets, bool large, int32_t i) {
    return large ? ((const int64_t *)offsets)[i] : ((const int32_t *)offsets)[i];
}

ALWAYS_INLINE status
check_offsets(const arrow_rows *r, const void *offsets, bool large, error *err) {
    /* From 0 up and never down: then no difference overflows. The sign bit of any is the verdict.
     */
    int64_t signs = offset_at(offsets, large, 0);
    if (large) {
        const int64_t *o = offsets;
        for (int32_t i = 0; i < r->count; i++) {
            signs |= o[i + 1] | (int64_t)((uint64_t)o[i + 1] - (uint64_t)o[i]);
        }
    } else {
        const int32_t *o = offsets;
        int32_t        narrow = 0;
        for (int32_t i = 0; i < r->count; i++) {
            narrow |= o[i + 1] | (int32_t)((uint32_t)o[i + 1] - (uint32_t)o[i]);
        }
        signs |= narrow;
    }
    const bool bad = signs < 0;
    for (int32_t i = 0; bad && i < r->count; i++) {
        const int64_t from = offset_at(offsets, large, i);
        const int64_t to = offset_at(offsets, large, i + 1);
        if (from < 0 || to < from) {
            return error_set(err, ERR_INGESTION_FAILED,
                             "row %d, %s: its text goes from byte %lld to byte %lld of the Arrow "
                             "buffer",
                             i + 1, r->name, (long long)from, (long long)to);
        }
    }
    const int64_t bytes = offset_at(offsets, large, r->count) - offset_at(offsets, large, 0);
    if (bad || (bytes > 0 && r->array->buffers[2] == NULL)) {
        return error_set(err, ERR_INGESTION_FAILED,
                         bad ? "the Arrow array of %s begins at a negative offset"
                             : "the Arrow array of %s lacks the buffer of its text",
                         r->name);
    }
    for (int32_t i = 0; bytes > VALUE_BYTES_MAX && i < r->count; i++) {
        const int64_t size = offset_at(offsets, large, i + 1) - offset_at(offsets, large, i);
        if (size > VALUE_BYTES_MAX) {
            return error_set(err, ERR_INGESTION_FAILED,
                             "row %d, %s: a text of %lld bytes is too long; at most %d fit one "
                             "value",
                             i + 1, r->name, (long long)size, VALUE_BYTES_MAX);
        }
    }
    return OK;
}

/* ---- plain bytes, by several threads */
#define SHARED_BYTES (2 << 20) /* less does not pay for waking a thread */
#define STEP_BYTES (512 << 10)

typedef struct plain_check {
    const char  *bytes;
    int64_t      size;
    _Atomic bool other; /* some byte is not plain */
} plain_check;

static status
check_step(void *context, int32_t at, error *err) {
    plain_check  *c = context;
    const int64_t first = (int64_t)at * STEP_BYTES;
    (void)err;
    if (!atomic_load_explicit(&c->other, memory_order_relaxed) &&
        !utf8_is_plain(c->bytes + first, min_i64(STEP_BYTES, c->size - first))) {
        atomic_store_explicit(&c->other, true, memory_order_relaxed);
    }
    return OK;
}

static bool
is_plain(const arrow_rows *r, const char *bytes, int64_t size) {
    plain_check   c = {.bytes = bytes, .size = size};
    const int64_t steps = (size + STEP_BYTES - 1) / STEP_BYTES;
    if (r->help == NULL || size < SHARED_BYTES || steps > INT32_MAX) {
        return utf8_is_plain(bytes, size);
    }
    return team_run(r->help, (int32_t)steps, check_step, &c, NULL) == OK && !c.other;
}

/* UTF-8 as a whole, cut between characters, without a NUL: then every text is well-formed. The
 * other way round it need not be so, as bytes under NULL may be anything. */
ALWAYS_INLINE bool
is_text_as_a_whole(const arrow_rows *r, const char *bytes, const void *offsets, bool large,
                   int64_t first, int64_t size) {
    if (utf8_fault(bytes + first, size) >= 0 || memchr(bytes + first, '\0', (size_t)size) != NULL) {
        return false;
    }
    bool    cut_inside = false;
    int32_t last = r->count - 1;
    while (last >= 0 && offset_at(offsets, large, last) == first + size) {
        last--; /* empty ones at the end begin behind the last byte */
    }
    for (int32_t i = 0; i <= last; i++) {
        cut_inside |= ((uint8_t)bytes[offset_at(offsets, large, i)] & 0xC0) == 0x80;
    }
    return !cut_inside;
}

ALWAYS_INLINE status
check_utf8(const arrow_rows *r, const void *offsets, bool large, error *err) {
    const char   *bytes = r->array->buffers[2];
    const int64_t first = offset_at(offsets, large, 0);
    const int64_t size = offset_at(offsets, large, r->count) - first;
    if (size == 0 || r->format->type.id == TYPE_BLOB || is_plain(r, bytes + first, size) ||
        is_text_as_a_whole(r, bytes, offsets, large, first, size)) {
        return OK;
    }
    for (int32_t i = 0; i < r->count; i++) {
        const int64_t from = offset_at(offsets, large, i);
        const int64_t bytes_here = offset_at(offsets, large, i + 1) - from;
        if (bytes_here > 0 && !arrow_row_is_null(r, i)) {
            TRY(check_row(r, i, (text){bytes + from, (size_t)bytes_here}, err));
        }
    }
    return OK;
}

static status
import_utf8(column *out, const arrow_rows *r, const int32_t *offsets, arena *a, error *err) {
    TRY(check_offsets(r, offsets, false, err));
    TRY(check_utf8(r, offsets, false, err));
    out->layout = COLUMN_OFFSETS;
    out->values = offsets;
    out->bytes = r->array->buffers[2];
    if (out->bytes == NULL) { /* all texts are empty, but may lie at any offset of nothing */
        out->bytes = "";
        out->values = arena_alloc_zero(a, ((size_t)r->count + 1) * sizeof(int32_t));
        if (out->values == NULL) {
            return error_memory(err);
        }
    }
    return OK;
}

static status
import_large_utf8(column *out, const arrow_rows *r, const int64_t *offsets, arena *a, error *err) {
    TRY(check_offsets(r, offsets, true, err));
    TRY(check_utf8(r, offsets, true, err));
    strview *views = arena_alloc(a, (size_t)r->count * sizeof(strview));
    if (views == NULL) {
        return error_memory(err);
    }
    const char *bytes = r->array->buffers[2];
    for (int32_t i = 0; i < r->count; i++) {
        const uint32_t size = (uint32_t)(offsets[i + 1] - offsets[i]);
        views[i] = strview_of(size == 0 ? NULL : bytes + offsets[i], size);
    }
    out->values = views;
    return OK;
}

/* ---- string views */

typedef struct arrow_view {
    int32_t size;
    union {
        char inlined[12];
        struct {
            char    prefix[4];
            int32_t buffer;
            int32_t offset;
        };
    };
} arrow_view;

/* The text of one view, after a look at its size and at the size of the buffer that it points into.
 */
static status
view_text(const arrow_rows *r, const arrow_view *v, int32_t row, text *out, error *err) {
    const struct ArrowArray *array = r->array;
    const int64_t            buffers = array->n_buffers - 3;
    if (v->size >= 0 && v->size <= STRVIEW_INLINE_MAX) {
        *out = (text){v->inlined, (size_t)v->size};
        return OK;
    }
    int64_t bytes = -1;
    if (v->size > 0 && v->buffer >= 0 && v->buffer < buffers &&
        array->buffers[2 + v->buffer] != NULL) {
        const uint8_t *sizes = array->buffers[array->n_buffers - 1];
        memcpy(&bytes, sizes + (size_t)v->buffer * sizeof(bytes), sizeof(bytes));
    }
    if (bytes < 0 || v->offset < 0 || (int64_t)v->offset + v->size > bytes) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "row %d, %s: its string view (size %d, buffer %d, offset %d) points "
                         "outside the Arrow buffers",
                         row + 1, r->name, v->size, v->buffer, v->offset);
    }
    const char *data = (const char *)array->buffers[2 + v->buffer] + v->offset;
    if (memcmp(data, v->prefix, sizeof(v->prefix)) != 0) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "row %d, %s: the prefix of its string view differs from its text", row + 1,
                         r->name);
    }
    *out = (text){data, (size_t)v->size};
    return OK;
}

static status
import_utf8_view(column *out, const arrow_rows *r, const arrow_view *in, arena *a, error *err) {
    strview *views = arena_alloc(a, (size_t)r->count * sizeof(strview));
    if (views == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < r->count; i++) {
        views[i] = (strview){.word = {0, 0}};
        if (arrow_row_is_null(r, i)) {
            continue;
        }
        text t = {NULL, 0};
        TRY(view_text(r, &in[i], i, &t, err));
        TRY(t.size == 0 ? OK : check_row(r, i, t, err));
        views[i] = strview_of(t.data, (uint32_t)t.size);
    }
    out->values = views;
    return OK;
}

static status
import_fixed(column *out, const arrow_rows *r, const char *bytes, arena *a, error *err) {
    const uint32_t size = (uint32_t)r->format->width;
    strview       *views = arena_alloc(a, (size_t)r->count * sizeof(strview));
    if (views == NULL) {
        return error_memory(err);
    }
    if (size > VALUE_BYTES_MAX) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "%s: values of %u bytes are too long; at most %d fit one value", r->name,
                         size, VALUE_BYTES_MAX);
    }
    for (int32_t i = 0; i < r->count; i++) {
        const bool empty = size == 0 || arrow_row_is_null(r, i);
        views[i] = empty ? (strview){.word = {0, 0}} : strview_of(bytes + (size_t)i * size, size);
    }
    out->values = views;
    return OK;
}

status
arrow_import_text(column *out, const arrow_rows *r, arena *a, error *err) {
    static const int32_t no_offsets[2];
    *out = (column){.type = r->format->type, .validity = r->validity};
    out->layout = COLUMN_FLAT;
    if (r->count == 0) { /* an empty array need not have an offset */
        out->layout = COLUMN_OFFSETS;
        out->values = no_offsets;
        out->bytes = "";
        return OK;
    }
    const bool  views = r->format->kind == ARROW_UTF8_VIEW;
    const bool  fixed = r->format->kind == ARROW_FIXED_BINARY;
    const void *values = arrow_values(r, views || fixed ? r->count : (int64_t)r->count + 1, a);
    if (values == NULL) {
        return error_memory(err);
    }
    if (fixed) {
        return import_fixed(out, r, values, a, err);
    }
    if (views) {
        return import_utf8_view(out, r, values, a, err);
    }
    return r->format->kind == ARROW_UTF8 ? import_utf8(out, r, values, a, err)
                                         : import_large_utf8(out, r, values, a, err);
}
