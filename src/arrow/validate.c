/* SPDX-License-Identifier: Apache-2.0 */
/* validate.c - what must hold of a producer's structs before a buffer is read.
 *
 * Sizes of buffers are not part of the interface (but for string views), so a buffer that is
 * shorter than its array says cannot be found out; all else is checked: counts, signs, sums that
 * overflow, pointers that must be there. Nested types are followed NESTED_DEPTH_MAX levels down; a
 * dictionary has flat values. */
#include <stdio.h>

#include "arrow/format.h"
#include "type/nested.h"

#define COLUMNS_MAX 100000
/* Rows that an array may have with its offset: their bytes are counted in int64_t. */
#define ARRAY_ROWS_MAX (INT64_MAX / 64)
#define IMPORT_ROWS_MAX (INT32_MAX - 64)

arrow_name
arrow_name_of(const struct ArrowSchema *column_schema, int64_t index) {
    arrow_name n;
    const text given = text_of(column_schema->name);
    if (given.size == 0 || given.size > 60 || text_utf8_fault(given) >= 0) {
        snprintf(n.text, sizeof(n.text), "column %lld", (long long)index + 1);
    } else { /* of each column of each insert: by snprintf it takes a tenth of a small one */
        static const char before[] = "column \"";
        const size_t      at = sizeof(before) - 1;
        memcpy(n.text, before, at);
        memcpy(n.text + at, given.data, given.size);
        memcpy(n.text + at + given.size, "\"", 2);
    }
    return n;
}

/* ---- schemas */

status
arrow_check_record(const struct ArrowSchema *s, error *err) {
    if (s->release == NULL) {
        return error_set(err, ERR_INVALID_SCHEMA, "the Arrow schema was released already");
    }
    if (s->format == NULL || strcmp(s->format, "+s") != 0) {
        return error_set(err, ERR_INVALID_SCHEMA,
                         "rows must come as Arrow record batches (format \"+s\"), not as \"%.32s\"",
                         s->format == NULL ? "" : s->format);
    }
    if (s->n_children < 0 || s->n_children > COLUMNS_MAX) {
        return error_set(err, ERR_INVALID_SCHEMA,
                         "the Arrow schema says that it has %lld columns; 0 to %d are possible",
                         (long long)s->n_children, COLUMNS_MAX);
    }
    if (s->dictionary != NULL) {
        return error_set(err, ERR_INVALID_SCHEMA, "the Arrow record itself is a dictionary");
    }
    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children == NULL || s->children[i] == NULL) {
            return error_set(err, ERR_INVALID_SCHEMA, "the Arrow schema lacks column %lld of %lld",
                             (long long)i + 1, (long long)s->n_children);
        }
    }
    return OK;
}

static status
unsupported(const char *format, const char *name, error *err) {
    const char *what = "type";
    switch (format[0]) {
    case '+':
        what = "nested type";
        break;
    case 'd':
        what = "decimal type";
        break;
    default:
        break;
    }
    error_set(err, ERR_INVALID_SCHEMA, "%s has the Arrow %s \"%.32s\", which no SQL type holds",
              name, what, format);
    (void)error_hint(err, "cast the column before handing it over, for example to int64, "
                          "float64, string or timestamp");
    return ERR_INVALID_SCHEMA;
}

static bool
is_index(const arrow_format *f) {
    return strlen(f->format) == 1 && strchr("cCsSiIlL", f->format[0]) != NULL;
}

static status
check_format(const struct ArrowSchema *s, const char *name, arrow_format *format, error *err) {
    if (s->release == NULL || s->format == NULL) {
        return error_set(err, ERR_INVALID_SCHEMA, "the Arrow schema of %s %s", name,
                         s->release == NULL ? "was released already" : "has no format");
    }
    if (!arrow_format_of(format, s->format, s->metadata)) {
        return unsupported(s->format, name, err);
    }
    if (s->n_children != 0 && !arrow_is_nested(format)) {
        return error_set(err, ERR_INVALID_SCHEMA,
                         "%s of Arrow type \"%.32s\" has %lld children; it must have none", name,
                         s->format, (long long)s->n_children);
    }
    return OK;
}

/* ---- nested types */

int64_t
arrow_child_count(const arrow_format *f, const struct ArrowSchema *s) {
    return !arrow_is_nested(f)         ? 0
           : f->kind == ARROW_STRUCT   ? s->n_children
           : f->kind == ARROW_RUN_ENDS ? 2
                                       : 1;
}

static status
check_children(const struct ArrowSchema *s, const arrow_format *f, const char *name, error *err) {
    const int64_t wanted = arrow_child_count(f, s);
    if (s->n_children != wanted || wanted < 1 || wanted > NESTED_FIELDS_MAX) {
        return error_set(err, ERR_INVALID_SCHEMA,
                         f->kind == ARROW_STRUCT
                             ? "%s of Arrow type \"%.32s\" has %lld fields; 1 to %d are possible"
                             : "%s of Arrow type \"%.32s\" has %lld children; it must have %d",
                         name, s->format, (long long)s->n_children,
                         f->kind == ARROW_STRUCT ? NESTED_FIELDS_MAX : (int)wanted);
    }
    for (int64_t i = 0; i < wanted; i++) {
        if (s->children == NULL || s->children[i] == NULL) {
            return error_set(err, ERR_INVALID_SCHEMA, "the Arrow schema of %s lacks child %lld",
                             name, (long long)i + 1);
        }
    }
    return OK;
}

static status check_nested(const struct ArrowSchema *s, const char *name, arrow_format *f,
                           int32_t depth, error *err);

static status
check_type(const struct ArrowSchema *s, const char *name, data_type *type, int32_t depth,
           error *err) {
    arrow_format f;
    if (depth > 2 * NESTED_DEPTH_MAX) { /* a map has two levels */
        return error_set(err, ERR_INVALID_SCHEMA, "%s is nested more than %d levels deep", name,
                         NESTED_DEPTH_MAX);
    }
    TRY(check_format(s, name, &f, err));
    if (!arrow_is_nested(&f)) {
        return arrow_check_field(s, name, &f, type, err);
    }
    TRY(check_nested(s, name, &f, depth, err));
    *type = f.type;
    return OK;
}

static status
check_struct(const struct ArrowSchema *s, const char *name, data_type *type, int32_t depth,
             error *err) {
    const int32_t count = (int32_t)s->n_children;
    const size_t  bytes = (size_t)count * sizeof(nested_field);
    mem           scratch;
    mem_init(&scratch, INT64_MAX);
    nested_field *fields = mem_alloc_zero(&scratch, bytes);
    status        done = fields == NULL ? error_memory(err) : OK;
    for (int32_t i = 0; i < count && done == OK; i++) {
        const struct ArrowSchema *child = s->children[i];
        done = check_type(child, name, &fields[i].type, depth + 1, err);
        fields[i].name = done == OK ? text_of(child->name) : TEXT("");
        if (text_utf8_fault(fields[i].name) >= 0) {
            done =
                error_set(err, ERR_INVALID_SCHEMA, "%s has a field whose name is not UTF-8", name);
        }
    }
    done = done == OK ? type_struct(type, fields, count, err) : done;
    mem_free(&scratch, fields, bytes);
    return done;
}

/* The type is that of the values, which may be anything. */
static status
check_run_ends(const struct ArrowSchema *s, const char *name, data_type *type, int32_t depth,
               error *err) {
    const struct ArrowSchema *ends = s->children[0];
    arrow_format              f;
    TRY(check_format(ends, name, &f, err));
    if (strlen(f.format) != 1 || strchr("sil", f.format[0]) == NULL || ends->dictionary != NULL) {
        return error_set(err, ERR_INVALID_SCHEMA,
                         "%s has run ends of Arrow type \"%.32s\"; they must be int16, int32 or "
                         "int64",
                         name, f.format);
    }
    return check_type(s->children[1], name, type, depth + 1, err);
}

static status
check_nested(const struct ArrowSchema *s, const char *name, arrow_format *f, int32_t depth,
             error *err) {
    data_type item;
    if (s->dictionary != NULL) {
        return error_set(err, ERR_INVALID_SCHEMA, "%s is nested and a dictionary; decode it", name);
    }
    TRY(check_children(s, f, name, err));
    if (f->kind == ARROW_STRUCT) {
        return check_struct(s, name, &f->type, depth, err);
    }
    if (f->kind == ARROW_RUN_ENDS) {
        return check_run_ends(s, name, &f->type, depth, err);
    }
    TRY(check_type(s->children[0], name, &item, depth + 1, err));
    if (f->kind == ARROW_FIXED_LIST) {
        return type_array(&f->type, item, (int32_t)f->multiply, err);
    }
    if (f->kind != ARROW_MAP) {
        return type_list(&f->type, item, err);
    }
    if (item.id != TYPE_STRUCT || type_field_count(item) != 2) {
        return error_set(err, ERR_INVALID_SCHEMA,
                         "%s is an Arrow map whose entries are no pairs of a key and a value",
                         name);
    }
    return type_map(&f->type, type_map_key(item), type_map_value(item), err);
}

status
arrow_check_field(const struct ArrowSchema *s, const char *name, arrow_format *format,
                  data_type *type, error *err) {
    TRY(check_format(s, name, format, err));
    const struct ArrowSchema *values = s->dictionary;
    if (arrow_is_nested(format)) {
        TRY(check_nested(s, name, format, 0, err));
    }
    *type = format->type;
    if (values == NULL) {
        return OK;
    }
    if (!is_index(format)) {
        return error_set(err, ERR_INVALID_SCHEMA,
                         "%s is a dictionary with indices of Arrow type \"%.32s\"; they must be "
                         "integers",
                         name, s->format);
    }
    if (values->dictionary != NULL) {
        return error_set(err, ERR_INVALID_SCHEMA, "%s is a dictionary of a dictionary; decode it",
                         name);
    }
    arrow_format value_format;
    TRY(check_format(values, name, &value_format, err));
    if (arrow_is_nested(&value_format)) {
        return error_set(err, ERR_INVALID_SCHEMA, "%s is a dictionary of nested values; decode it",
                         name);
    }
    *type = value_format.type;
    return OK;
}

/* ---- arrays */

static status
check_counts(const struct ArrowArray *a, const char *name, error *err) {
    if (a->release == NULL) {
        return error_set(err, ERR_INGESTION_FAILED, "the Arrow array of %s was released already",
                         name);
    }
    if (a->length < 0 || a->offset < 0 || a->length > ARRAY_ROWS_MAX ||
        a->offset > ARRAY_ROWS_MAX - a->length) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the Arrow array of %s has an impossible length or offset (%lld, %lld)",
                         name, (long long)a->length, (long long)a->offset);
    }
    if (a->null_count < -1 || a->null_count > a->length) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the Arrow array of %s says that %lld of %lld rows are NULL", name,
                         (long long)a->null_count, (long long)a->length);
    }
    return OK;
}

status
arrow_check_record_array(const struct ArrowArray *a, int64_t columns, error *err) {
    TRY(check_counts(a, "the record", err));
    if (a->length > IMPORT_ROWS_MAX) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "a record batch of %lld rows is too long; cut it to at most %d rows",
                         (long long)a->length, IMPORT_ROWS_MAX);
    }
    if (a->n_children != columns) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the Arrow record has %lld columns, its schema has %lld",
                         (long long)a->n_children, (long long)columns);
    }
    if (a->n_buffers != 1 || a->buffers == NULL || a->dictionary != NULL) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the Arrow record has %lld buffers or a dictionary; a struct has one "
                         "buffer",
                         (long long)a->n_buffers);
    }
    for (int64_t i = 0; i < columns; i++) {
        if (a->children == NULL || a->children[i] == NULL) {
            return error_set(err, ERR_INGESTION_FAILED, "the Arrow record lacks column %lld",
                             (long long)i + 1);
        }
    }
    if (a->null_count > 0 && a->buffers[0] == NULL) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the Arrow record counts %lld NULL rows but has no validity bitmap",
                         (long long)a->null_count);
    }
    const uint8_t *bits = a->null_count == 0 ? NULL : a->buffers[0];
    for (int64_t i = a->offset; bits != NULL && i < a->offset + a->length; i++) {
        if (((bits[i >> 3] >> (i & 7)) & 1) == 0) {
            return error_set(err, ERR_INGESTION_FAILED,
                             "row %lld of the Arrow record is NULL as a whole; only its columns "
                             "can be NULL",
                             (long long)(i - a->offset) + 1);
        }
    }
    return OK;
}

/* Buffers must be there when a value may be read from them. */
static status
check_buffers(const struct ArrowArray *a, const arrow_format *f, const char *name, error *err) {
    const bool views = f->kind == ARROW_UTF8_VIEW;
    const bool fits = views ? a->n_buffers >= f->buffers && a->n_buffers < INT32_MAX
                            : a->n_buffers == f->buffers || (f->buffers == 0 && a->n_buffers == 1);
    if (!fits) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the Arrow array of %s (\"%s\") has %lld buffers; it must have %d", name,
                         f->format, (long long)a->n_buffers, f->buffers);
    }
    if (f->kind == ARROW_RUN_ENDS && a->null_count > 0) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the Arrow array of %s counts %lld NULLs; with run ends its values do",
                         name, (long long)a->null_count);
    }
    if (f->buffers == 0) {
        return OK;
    }
    if (a->buffers == NULL) {
        return error_set(err, ERR_INGESTION_FAILED, "the Arrow array of %s has no buffers", name);
    }
    if (a->null_count > 0 && a->buffers[0] == NULL) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the Arrow array of %s counts %lld NULLs but has no validity bitmap", name,
                         (long long)a->null_count);
    }
    const bool sizes_missing =
        (views && a->n_buffers > 3 && a->buffers[a->n_buffers - 1] == NULL) ||
        (f->kind == ARROW_LIST_VIEW && a->buffers[2] == NULL);
    if (a->length > 0 &&
        ((a->buffers[1] == NULL && f->width + (f->kind == ARROW_BOOL) > 0) || sizes_missing)) {
        return error_set(err, ERR_INGESTION_FAILED, "the Arrow array of %s lacks a data buffer",
                         name);
    }
    return OK;
}

status
arrow_check_array(const struct ArrowArray *a, const arrow_format *format, bool dictionary,
                  int64_t first, int64_t count, const char *name, error *err) {
    TRY(check_counts(a, name, err));
    if (first > a->length || count > a->length - first) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the Arrow array of %s has %lld rows, the record needs %lld", name,
                         (long long)a->length, (long long)sat_add_i64(first, count));
    }
    if (format->width > 64 && sat_add_i64(a->offset, a->length) > INT64_MAX / format->width) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the Arrow array of %s has an impossible length or offset (%lld, %lld)",
                         name, (long long)a->length, (long long)a->offset);
    }
    if (count > IMPORT_ROWS_MAX) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the dictionary of %s has %lld values; at most %d are possible", name,
                         (long long)count, IMPORT_ROWS_MAX);
    }
    if (a->n_children != 0 && !arrow_is_nested(format)) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "the Arrow array of %s has %lld children; it must have none", name,
                         (long long)a->n_children);
    }
    if ((a->dictionary != NULL) != dictionary) {
        return error_set(err, ERR_INGESTION_FAILED,
                         dictionary ? "the Arrow array of %s lacks its dictionary"
                                    : "the Arrow array of %s has a dictionary, its schema has none",
                         name);
    }
    return check_buffers(a, format, name, err);
}
