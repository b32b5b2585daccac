/* SPDX-License-Identifier: Apache-2.0 */
/* import_nested.c - Arrow's lists, maps and structs as images, and run ends.
 *
 * The children of the wanted rows alone are looked at, each as a column of its own, so all checks
 * of flat columns are theirs too. Offsets are checked before a child is touched: they start at 0 or
 * later, do not fall, and end within the child. What lies under a NULL is not read. Of run ends the
 * runs of the wanted rows are looked at: a column of their values, gathered. */
#include "arrow/import.h"
#include "batch/nested_column.h"

#define ITEMS_MAX (INT32_MAX - 64) /* of the lists of one batch */

static status
check_child(const arrow_rows *r, int64_t count, error *err) {
    const struct ArrowArray *a = r->array;
    if (a->n_children != count) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the Arrow array of %s (\"%s\") has %lld children; it must have %lld",
                         r->name, r->format->format, (long long)a->n_children, (long long)count);
    }
    for (int64_t i = 0; i < count; i++) {
        if (a->children == NULL || a->children[i] == NULL) {
            return error_set(err, ERR_INGESTION_FAILED, "the Arrow array of %s lacks child %lld",
                             r->name, (long long)i + 1);
        }
    }
    return OK;
}

static int64_t
number_at(const void *values, int32_t width, int64_t at) {
    if (width == 8) {
        return ((const int64_t *)values)[at];
    }
    return ((const int32_t *)values)[at];
}

static status
bad_range(const arrow_rows *r, int32_t row, int64_t begin, int64_t end, error *err) {
    return error_set(err, ERR_INGESTION_FAILED,
                     "row %d, %s: its items are said to lie at %lld to %lld of %lld", row + 1,
                     r->name, (long long)begin, (long long)end,
                     (long long)r->array->children[0]->length);
}

/* The items that rows have, as begins and sizes in the child; what is NULL has none. */
typedef struct item_ranges {
    int64_t  first, end; /* of all: the part of the child that is imported */
    int64_t *begins;
    int32_t *sizes;
} item_ranges;

static status
add_range(item_ranges *out, const arrow_rows *r, int32_t row, int64_t begin, int64_t end,
          int64_t *total, error *err) {
    const int64_t length = r->array->children[0]->length;
    const bool    null = arrow_row_is_null(r, row);
    if (!null && (begin < 0 || end < begin || end > length)) {
        return bad_range(r, row, begin, end, err);
    }
    const int64_t size = null ? 0 : end - begin;
    *total = sat_add_i64(*total, size);
    if (*total > ITEMS_MAX) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the lists of %s have more than %d items; use smaller batches", r->name,
                         ITEMS_MAX);
    }
    out->begins[row] = size == 0 ? 0 : begin;
    out->sizes[row] = (int32_t)size;
    if (size > 0) {
        out->first = begin < out->first ? begin : out->first;
        out->end = end > out->end ? end : out->end;
    }
    return OK;
}

static status
read_ranges(item_ranges *out, const arrow_rows *r, arena *a, error *err) {
    const arrow_format *f = r->format;
    const int32_t       extra = f->kind == ARROW_LIST_VIEW ? 0 : 1;
    const bool          fixed = f->kind == ARROW_FIXED_LIST;
    int64_t             total = 0;
    const void         *offsets = fixed ? NULL : arrow_values(r, (int64_t)r->count + extra, a);
    const uint8_t      *sizes = NULL;
    *out = (item_ranges){.first = INT64_MAX};
    out->begins = arena_alloc(a, (size_t)r->count * sizeof(*out->begins));
    out->sizes = arena_alloc(a, (size_t)r->count * sizeof(*out->sizes));
    if ((!fixed && offsets == NULL) || out->begins == NULL || out->sizes == NULL) {
        return error_memory(err);
    }
    if (f->kind == ARROW_LIST_VIEW && r->count > 0) {
        sizes = (const uint8_t *)r->array->buffers[2] + (size_t)r->start * (size_t)f->width;
    }
    for (int32_t i = 0; i < r->count; i++) {
        int64_t begin, end;
        if (fixed) {
            if (__builtin_mul_overflow(r->start + i, f->multiply, &begin)) {
                return bad_range(r, i, -1, -1, err);
            }
            end = sat_add_i64(begin, f->multiply);
        } else if (sizes != NULL) {
            int64_t size = 0;
            memcpy(&size, sizes + (size_t)i * (size_t)f->width, (size_t)f->width);
            size = f->width == 4 ? (int32_t)size : size;
            begin = number_at(offsets, f->width, i);
            end = size < 0 ? -1 : sat_add_i64(begin, size);
        } else {
            begin = number_at(offsets, f->width, i);
            end = number_at(offsets, f->width, (int64_t)i + 1);
        }
        TRY(add_range(out, r, i, begin, end, &total, err));
    }
    out->first = out->end == 0 ? 0 : out->first;
    return OK;
}

static status
check_map_rows(const column *maps, const arrow_rows *r, arena *a, error *err) {
    for (int32_t i = 0; i < r->count; i++) {
        if (column_is_null(maps, i)) {
            continue;
        }
        const arena_mark  mark = arena_save(a);
        const value       v = column_value(maps, i);
        const nested_view m = nested_open(v.type, v.s);
        value            *entries = arena_alloc(a, (size_t)m.count * sizeof(*entries));
        if (entries == NULL) {
            return error_memory(err);
        }
        for (int32_t k = 0; k < m.count; k++) {
            entries[k] = nested_at(&m, k);
        }
        const status s = nested_check_keys(v.type, entries, m.count, a, err);
        if (s < 0 && s != ERR_OUT_OF_MEMORY && err != NULL) {
            const error why = *err;
            return error_set(err, ERR_INGESTION_FAILED, "row %d, %s: %.300s", i + 1, r->name,
                             why.message);
        }
        TRY(s);
        arena_rewind(a, mark);
    }
    return OK;
}

static status
import_list(column *out, const arrow_rows *r, const struct ArrowSchema *s, arena *a, error *err) {
    item_ranges ranges;
    column      items, flat;
    TRY(check_child(r, 1, err));
    const struct ArrowArray *child = r->array->children[0];
    if (child->length < 0) {
        return bad_range(r, 0, 0, 0, err);
    }
    TRY(read_ranges(&ranges, r, a, err));
    const int64_t count = ranges.end - ranges.first;
    if (count > ITEMS_MAX) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the lists of %s lie more than %d items apart; use smaller batches",
                         r->name, ITEMS_MAX);
    }
    TRY(arrow_import_rows(&items, s->children[0], child, ranges.first, count, r->name, NULL, a,
                          err));
    TRY(column_views(&flat, &items, (int32_t)count, a, err));
    int32_t *begins = arena_alloc(a, (size_t)r->count * sizeof(*begins));
    if (begins == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < r->count; i++) {
        begins[i] = ranges.sizes[i] == 0 ? 0 : (int32_t)(ranges.begins[i] - ranges.first);
    }
    data_type type = r->format->type;
    if (type.id == TYPE_MAP) { /* whatever the producer calls the two parts of an entry */
        flat.type = type_item(type);
    }
    TRY(list_implode(out, type, &flat, begins, ranges.sizes, r->validity, r->count, a, err));
    return type.id == TYPE_MAP ? check_map_rows(out, r, a, err) : OK;
}

/* ---- run ends */

static int64_t
run_end(const struct ArrowArray *ends, int32_t width, int64_t run) {
    const uint8_t *at = (const uint8_t *)ends->buffers[1] + (ends->offset + run) * width;
    int64_t        end = 0;
    memcpy(&end, at, (size_t)width);
    return width == 2 ? (int16_t)end : width == 4 ? (int32_t)end : end;
}

/* Whether the bitmap, which may be missing, has a bit that is 0 among those of the array. */
static bool
has_null(const struct ArrowArray *a) {
    const uint8_t *bits = a->null_count == 0 ? NULL : a->buffers[0];
    for (int64_t i = a->offset; bits != NULL && i < a->offset + a->length; i++) {
        if (((bits[i >> 3] >> (i & 7)) & 1) == 0) {
            return true;
        }
    }
    return false;
}

static status
check_ends(const arrow_rows *r, const struct ArrowSchema *s, int32_t *width, error *err) {
    const struct ArrowArray *ends = r->array->children[0];
    arrow_format             format;
    data_type                type;
    *width = 0;
    TRY(arrow_check_field(s, r->name, &format, &type, err));
    TRY(arrow_check_array(ends, &format, false, 0, 0, r->name, err));
    if (has_null(ends)) {
        return error_set(err, ERR_INGESTION_FAILED, "%s has a run end that is NULL", r->name);
    }
    *width = format.width;
    return OK;
}

static status
bad_run(const arrow_rows *r, int64_t run, int64_t end, error *err) {
    return error_set(err, ERR_INGESTION_FAILED,
                     "%s: run %lld ends at %lld, not behind the one before it", r->name,
                     (long long)run + 1, (long long)end);
}

/* rows[i]: the run of row i, counted from `first`, the run of row 0. The runs in front of it are
 * looked at too: a search would not find out that they are in disorder. */
static status
spread_runs(int32_t *rows, int64_t *first, int64_t *count, const arrow_rows *r, int32_t width,
            error *err) {
    const struct ArrowArray *ends = r->array->children[0];
    const int64_t            stop = r->start + r->count;
    int64_t                  run = 0, end = 0;
    *first = -1;
    *count = 0;
    for (int64_t at = r->start; at < stop; run++) {
        if (run == ends->length) {
            return error_set(err, ERR_INGESTION_FAILED,
                             "%s has %lld runs, the last of which ends before row %lld", r->name,
                             (long long)run, (long long)stop);
        }
        const int64_t before = end;
        end = run_end(ends, width, run);
        if (end <= before) {
            return bad_run(r, run, end, err);
        }
        *first = *first < 0 && end > at ? run : *first;
        for (; at < end && at < stop; at++) {
            rows[at - r->start] = (int32_t)(run - *first);
        }
    }
    *first = *first < 0 ? 0 : *first;
    *count = r->count == 0 ? 0 : run - *first;
    return OK;
}

static status
import_runs(column *out, const arrow_rows *r, const struct ArrowSchema *s, arena *a, error *err) {
    int32_t  width = 0;
    int64_t  first = 0, count = 0;
    column   values;
    int32_t *rows = arena_alloc(a, (size_t)r->count * sizeof(*rows));
    if (rows == NULL) {
        return error_memory(err);
    }
    TRY(check_child(r, 2, err));
    TRY(check_ends(r, s->children[0], &width, err));
    TRY(spread_runs(rows, &first, &count, r, width, err));
    TRY(arrow_import_rows(&values, s->children[1], r->array->children[1], first, count, r->name,
                          NULL, a, err));
    return column_gather(out, &values, rows, r->count, a, err);
}

static status
import_struct(column *out, const arrow_rows *r, const struct ArrowSchema *s, arena *a, error *err) {
    const data_type type = r->format->type;
    const int32_t   count = type_field_count(type);
    column         *fields = arena_alloc(a, (size_t)count * sizeof(*fields));
    if (fields == NULL) {
        return error_memory(err);
    }
    TRY(check_child(r, count, err));
    for (int32_t i = 0; i < count; i++) {
        column flat;
        TRY(arrow_import_rows(&flat, s->children[i], r->array->children[i], r->start, r->count,
                              r->name, NULL, a, err));
        TRY(column_views(&fields[i], &flat, r->count, a, err));
    }
    return struct_pack(out, type, fields, r->validity, r->count, a, err);
}

status
arrow_import_nested(column *out, const arrow_rows *r, const struct ArrowSchema *s, arena *a,
                    error *err) {
    switch (r->format->kind) {
    case ARROW_STRUCT:
        return import_struct(out, r, s, a, err);
    case ARROW_RUN_ENDS:
        return import_runs(out, r, s, a, err);
    default:
        return import_list(out, r, s, a, err);
    }
}
