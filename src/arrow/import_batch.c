/* SPDX-License-Identifier: Apache-2.0 */
/* import_batch.c - one Arrow record batch as a batch.
 *
 * The producer's array moves into a holder in the batch's chunk first; from then on releasing the
 * chunk releases the array, on every path and once. What has to be converted lies in the holder's
 * arena. Validity is always copied: the engine reads it from bit 0 in whole words, which a
 * producer's bitmap need not allow. */
#include "arrow/import.h"

#include "batch/chunk.h"

typedef struct holder {
    struct ArrowArray array;
    arena             memory;
} holder;

static void
release_holder(void *arg) {
    holder *h = arg;
    arena_fini(&h->memory);
    arrow_array_release(&h->array);
}

/* ---- validity */

static status
wrong_null_count(const arrow_rows *r, int64_t found, error *err) {
    return error_set(err, ERR_INGESTION_FAILED,
                     "the Arrow array of %s counts %lld NULLs, but %lld of the %d rows read "
                     "are NULL",
                     r->name, (long long)r->array->null_count, (long long)found, r->count);
}

/* Sets r->validity. The producer's count must agree with the bitmap as far as the wanted rows tell.
 */
static status
import_validity(arrow_rows *r, arena *a, error *err) {
    const struct ArrowArray *array = r->array;
    const uint8_t           *bits = array->buffers[0];
    r->validity = NULL;
    if (bits == NULL || r->count == 0) {
        return OK;
    }
    uint64_t *copy = arena_alloc(a, (size_t)bits_words(r->count) * sizeof(uint64_t));
    if (copy == NULL) {
        return error_memory(err);
    }
    bits_copy(copy, 0, bits, r->start, r->count);
    const int64_t nulls = r->count - bits_count(copy, r->count);
    const int64_t unseen = array->length - r->count; /* rows that may be NULL too */
    if (array->null_count >= 0 &&
        (nulls > array->null_count || nulls + unseen < array->null_count)) {
        return wrong_null_count(r, nulls, err);
    }
    r->validity = nulls == 0 ? NULL : copy;
    return OK;
}

/* ---- dictionaries */

static int64_t
index_at(const void *values, char format, int32_t row) {
    switch (format) {
    case 'c':
        return ((const int8_t *)values)[row];
    case 'C':
        return ((const uint8_t *)values)[row];
    case 's':
        return ((const int16_t *)values)[row];
    case 'S':
        return ((const uint16_t *)values)[row];
    case 'i':
        return ((const int32_t *)values)[row];
    case 'I':
        return ((const uint32_t *)values)[row];
    default: /* l, L: an unsigned one beyond the signed range turns negative and is refused as such
              */
        return ((const int64_t *)values)[row];
    }
}

/* Row numbers in the dictionary; -1 for NULL. */
static status
dictionary_rows(int32_t *rows, const arrow_rows *r, const void *values, int64_t size, error *err) {
    const char format = r->format->format[0];
    for (int32_t i = 0; i < r->count; i++) {
        if (arrow_row_is_null(r, i)) {
            rows[i] = -1;
            continue;
        }
        const int64_t index = index_at(values, format, i);
        if (index < 0 || index >= size) {
            return error_set(err, ERR_INGESTION_FAILED,
                             "row %d, %s: dictionary index %lld is not within its %lld values",
                             i + 1, r->name, (long long)index, (long long)size);
        }
        rows[i] = (int32_t)index;
    }
    return OK;
}

static status import_flat(column *out, arrow_rows *r, int64_t first, arena *a, error *err);

static status
import_dictionary(column *out, const arrow_rows *r, const struct ArrowSchema *value_schema,
                  arena *a, error *err) {
    arrow_format format;
    arrow_rows   values = {.array = r->array->dictionary, .format = &format, .name = r->name};
    data_type    type;
    TRY(arrow_check_field(value_schema, r->name, &format, &type, err));
    TRY(arrow_check_array(values.array, values.format, false, 0, 0, r->name, err));
    TRY(arrow_check_array(values.array, values.format, false, 0, values.array->length, r->name,
                          err));
    values.count = (int32_t)values.array->length;
    column dictionary;
    TRY(import_flat(&dictionary, &values, 0, a, err));
    const void *indices = arrow_values(r, r->count, a);
    int32_t    *rows = arena_alloc(a, (size_t)r->count * sizeof(int32_t));
    if (indices == NULL || rows == NULL) {
        return error_memory(err);
    }
    TRY(dictionary_rows(rows, r, indices, values.count, err));
    return column_gather(out, &dictionary, rows, r->count, a, err);
}

/* ---- columns */

/* A column that is not a dictionary; `first` counts from the array's offset. */
static status
import_flat(column *out, arrow_rows *r, int64_t first, arena *a, error *err) {
    r->start = r->array->offset + first;
    if (r->format->kind != ARROW_NULL) {
        TRY(import_validity(r, a, err));
    }
    switch (r->format->kind) {
    case ARROW_UTF8:
    case ARROW_LARGE_UTF8:
    case ARROW_UTF8_VIEW:
    case ARROW_FIXED_BINARY:
        return arrow_import_text(out, r, a, err);
    default:
        return arrow_import_values(out, r, a, err);
    }
}

status
arrow_import_rows(column *out, const struct ArrowSchema *column_schema,
                  const struct ArrowArray *array, int64_t first, int64_t count, const char *name,
                  const team *help, arena *a, error *err) {
    const bool   is_dictionary = column_schema->dictionary != NULL;
    arrow_format format;
    arrow_rows   r = {
          .array = array, .format = &format, .name = name, .count = (int32_t)count, .help = help};
    data_type type;
    TRY(arrow_check_field(column_schema, name, &format, &type, err));
    TRY(arrow_check_array(array, r.format, is_dictionary, first, count, name, err));
    if (arrow_is_nested(&format)) {
        r.start = array->offset + first;
        TRY(format.kind == ARROW_RUN_ENDS ? OK : import_validity(&r, a, err));
        return arrow_import_nested(out, &r, column_schema, a, err);
    }
    if (!is_dictionary) {
        return import_flat(out, &r, first, a, err);
    }
    r.start = array->offset + first;
    TRY(import_validity(&r, a, err));
    return import_dictionary(out, &r, column_schema->dictionary, a, err);
}

static status
import_columns(column *columns, const struct ArrowSchema *schema_in, holder *h, chunk *owner,
               const team *help, error *err) {
    const struct ArrowArray *array = &h->array;
    for (int64_t i = 0; i < schema_in->n_children; i++) {
        const arrow_name name = arrow_name_of(schema_in->children[i], i);
        TRY(arrow_import_rows(&columns[i], schema_in->children[i], array->children[i],
                              array->offset, array->length, name.text, help, &h->memory, err));
        columns[i].owner = owner;
    }
    return OK;
}

/* The chunk of the batch, with the array in its holder; NULL: out of memory, and the array is
 * released. */
static chunk *
take_array(mem *m, struct ArrowArray *array, size_t bytes, holder **out) {
    chunk  *c = chunk_new_sized(m, bytes + sizeof(holder) + 256);
    holder *h = c == NULL ? NULL : chunk_take(c, sizeof(*h), 16);
    if (h == NULL || !chunk_on_free(c, release_holder, h)) {
        arrow_array_release(array);
        chunk_release(c);
        return NULL;
    }
    h->array = *array;
    array->release = NULL;
    arena_init(&h->memory, m);
    *out = h;
    return c;
}

status
arrow_import_batch(batch **out, mem *m, const struct ArrowSchema *schema_in,
                   struct ArrowArray *array, bool keep, error *err) {
    return arrow_import_batch_by(out, m, schema_in, array, keep, NULL, err);
}

status
arrow_import_batch_by(batch **out, mem *m, const struct ArrowSchema *schema_in,
                      struct ArrowArray *array, bool keep, const team *help, error *err) {
    *out = NULL;
    if (array->release == NULL) {
        return error_set(err, ERR_INGESTION_FAILED, "the Arrow record was released already");
    }
    const status checked = arrow_check_record(schema_in, err);
    const size_t bytes = checked < 0 ? 0 : (size_t)schema_in->n_children * sizeof(column);
    holder      *h = NULL;
    chunk       *c = take_array(m, array, bytes, &h);
    if (c == NULL) {
        return error_memory(err);
    }
    status  s = checked;
    batch  *b = chunk_take(c, sizeof(*b), 16);
    column *columns = chunk_take(c, bytes, 16);
    if (s >= 0 && (b == NULL || columns == NULL)) {
        s = error_memory(err);
    }
    s = s < 0 ? s : arrow_check_record_array(&h->array, schema_in->n_children, err);
    s = s < 0 ? s : import_columns(columns, schema_in, h, keep ? c : NULL, help, err);
    if (s < 0) {
        chunk_release(c);
        return s;
    }
    const delta rows = {.row_count = (int32_t)h->array.length,
                        .column_count = (int32_t)schema_in->n_children,
                        .columns = columns};
    if (!keep) {
        s = batch_keep(out, m, &rows, err);
        chunk_release(c);
        return s;
    }
    *b = (batch){.chunk = c, .rows = rows};
    *out = b;
    return OK;
}

/* ---- a column that outlives its array */

/* Long texts behind the views into one block of `a`. */
static status
own_texts(strview *views, const column *c, int32_t count, arena *a, error *err) {
    size_t bytes = 0;
    for (int32_t i = 0; i < count; i++) {
        const bool far = !column_is_null(c, i) && views[i].size > STRVIEW_INLINE_MAX;
        bytes += far ? views[i].size : 0;
    }
    char *next = arena_alloc(a, bytes);
    if (next == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        if (column_is_null(c, i)) {
            views[i] = (strview){.word = {0, 0}};
        } else if (views[i].size > STRVIEW_INLINE_MAX) {
            memcpy(next, views[i].data, views[i].size);
            views[i].data = next;
            next += views[i].size;
        }
    }
    return OK;
}

status
arrow_import_column(column *out, const struct ArrowSchema *s, const struct ArrowArray *array,
                    const char *name, arena *a, error *err) {
    column borrowed;
    if (array->length < 0 || array->length > INT32_MAX) {
        return error_set(err, ERR_INGESTION_FAILED, "the Arrow array of %s has %lld rows", name,
                         (long long)array->length);
    }
    const int32_t count = (int32_t)array->length;
    TRY(arrow_import_rows(&borrowed, s, array, 0, count, name, NULL, a, err));
    TRY(column_views(out, &borrowed, count, a, err));
    const size_t bytes = (size_t)count * type_width(out->type);
    void        *values = arena_alloc(a, bytes);
    if (values == NULL) {
        return error_memory(err);
    }
    if (bytes > 0) {
        memcpy(values, out->values, bytes);
    }
    out->values = values;
    out->owner = NULL;
    return physical_is_view(type_physical(out->type)) ? own_texts(values, out, count, a, err) : OK;
}
