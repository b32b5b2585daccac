/* SPDX-License-Identifier: Apache-2.0 */
/* csv.c - one pass over the text: cut a field, convert it to its column's type, append. The text is
 * checked as UTF-8 first, at memory speed; a long one is read in parts by several threads. Plain
 * numbers take the short way of digits.h; everything else goes to value_coerce, which knows all
 * forms. */
#include "io/csv.h"
#include "io/parts.h"
#include "io/text_check.h"

#include "batch/builder.h"
#include "kernel/kernel.h"
#include "type/digits.h"
#include "type/nested.h"

typedef struct csv_reader {
    const char *at, *end;
    int64_t     line; /* of the field being read, from 1 */
    char        delimiter;
    text        null_text;
    int32_t     event_time_column; /* of the schema, or -1 */
    buf         unquoted;          /* a quoted field with its quotes undone */
    bool        was_quoted;
    bool        row_ended; /* the field was the last of its row */
    arena       scratch;   /* of the value being converted */
    interrupt  *guard;
    int32_t     field_max;
} csv_reader;

/* A field in quotes: "" stands for one quote. The bytes between are borrowed when nothing had to be
 * undone. */
static status
read_quoted(csv_reader *r, text *out, error *err) {
    const char   *start = ++r->at;
    const int64_t first_line = r->line;
    bool          copied = false;
    buf_clear(&r->unquoted);
    for (;;) {
        const char *quote = memchr(r->at, '"', (size_t)(r->end - r->at));
        if (quote == NULL) {
            return error_set(err, ERR_INGESTION_FAILED,
                             "line %lld: a quoted field is never closed: add the missing '\"'",
                             (long long)first_line);
        }
        for (const char *c = r->at; c < quote; c++) {
            r->line += *c == '\n';
        }
        r->at = quote + 1;
        if (r->at == r->end || *r->at != '"') {
            *out = (text){start, (size_t)(quote - start)};
            break;
        }
        copied = true;
        if (!buf_append(&r->unquoted, start, (size_t)(r->at - start))) {
            return error_memory(err);
        }
        start = ++r->at;
    }
    if (copied) {
        if (!buf_append_text(&r->unquoted, *out)) {
            return error_memory(err);
        }
        *out = buf_text(&r->unquoted);
    }
    return OK;
}

static status
read_field(csv_reader *r, text *out, error *err) {
    r->was_quoted = r->at < r->end && *r->at == '"';
    if (r->was_quoted) {
        TRY(read_quoted(r, out, err));
    } else {
        const char *start = r->at;
        const char  delimiter = r->delimiter;
        while (r->at < r->end && *r->at != delimiter && *r->at != '\n') {
            r->at++;
        }
        size_t size = (size_t)(r->at - start);
        if (size > 0 && (r->at == r->end || *r->at == '\n') && start[size - 1] == '\r') {
            size--;
        }
        *out = (text){start, size};
    }
    if (out->size > (size_t)r->field_max) {
        return error_set(err, ERR_INGESTION_FAILED, "line %lld: a field is longer than %s",
                         (long long)r->line,
                         r->field_max == CSV_FIELD_MAX ? "16 MiB" : "max_csv_field_bytes");
    }
    r->row_ended = false;
    if (r->was_quoted && r->at < r->end && *r->at == '\r') {
        r->at++;
    }
    if (r->at == r->end) {
        r->row_ended = true;
    } else if (*r->at == '\n') {
        r->row_ended = true;
        r->at++;
    } else if (*r->at == r->delimiter) {
        r->at++;
        if (r->at == r->end) { /* a delimiter ends the text: one more, empty, field */
            return OK;
        }
    } else {
        return error_set(err, ERR_INGESTION_FAILED,
                         "line %lld: a delimiter must follow the closing quote",
                         (long long)r->line);
    }
    return OK;
}

/* ---------------------------------------------------------------------------------- values */
typedef struct csv_target {
    const schema *shape;
    filler       *fill;
    int32_t       columns[CSV_COLUMNS_MAX]; /* of the schema, by position in the file */
    int32_t       count;
} csv_target;

static status
refuse(csv_reader *r, const field *f, text t, error *err) {
    if (type_is_nested(f->type)) { /* which part of it */
        const value written = {.type = type_of(TYPE_TEXT), .s = t};
        error       why = {0};
        value       v;
        (void)!value_coerce(&v, &written, f->type, false, &r->scratch, &why);
        return error_set(err, ERR_INGESTION_FAILED,
                         "line %lld, column \"%.*s\": value '%.*s' of type VARCHAR does not fit "
                         "%s: %.250s",
                         (long long)r->line, TEXT_ARG(f->name), (int)(t.size < 60 ? t.size : 60),
                         t.data, type_name(f->type), why.message);
    }
    return error_set(err, ERR_INGESTION_FAILED,
                     "line %lld, column \"%.*s\": value '%.*s' of type VARCHAR does not fit %s",
                     (long long)r->line, TEXT_ARG(f->name), (int)(t.size < 60 ? t.size : 60),
                     t.data, type_name(f->type));
}

/* The way of all that is not a plain number; a whole number may be written as 1e3 or 5.0. */
static NOINLINE status
append_parsed(csv_reader *r, builder *b, int32_t at, const field *f, text t, error *err) {
    const value written = {.type = type_of(TYPE_TEXT), .s = t};
    const bool  whole = type_is_integer(f->type);
    value       v;
    value       number;
    status s = value_coerce(&v, &written, f->type, at == r->event_time_column, &r->scratch, NULL);
    if (s < 0 && whole && value_parse(&number, type_of(TYPE_F64), t, NULL) == OK) {
        s = value_coerce(&v, &number, f->type, false, &r->scratch, NULL);
    }
    if (s >= 0) {
        s = column_append_value(b, at, &v, err);
        arena_reset(&r->scratch);
        return s;
    }
    return s == ERR_OUT_OF_MEMORY ? error_memory(err) : refuse(r, f, t, err);
}

static status
append_field(csv_reader *r, builder *b, int32_t at, const field *f, text t, error *err) {
    if (!r->was_quoted &&
        (t.size == 0 || (r->null_text.data != NULL && t.size == r->null_text.size &&
                         memcmp(t.data, r->null_text.data, t.size) == 0))) {
        return column_append_null(b, at, err);
    }
    int64_t i;
    double  d;
    switch (f->type.id) {
    case TYPE_TEXT:
        if (type_is_json(f->type)) {
            break;
        }
        return column_append_text(b, at, t, err);
    case TYPE_I8:
    case TYPE_I16:
    case TYPE_I32:
    case TYPE_I64:
        if (LIKELY(digits_integer(t, &i) && digits_in_range(i, f->type))) {
            return column_append_i64(b, at, i, err);
        }
        break;
    case TYPE_F64:
        if (LIKELY(digits_double(t, &d))) {
            return column_append_f64(b, at, d, err);
        }
        break;
    default:
        break;
    }
    return append_parsed(r, b, at, f, t, err);
}

/* ---------------------------------------------------------------------------------- rows */
static status
unknown_column(const csv_target *target, text name, error *err) {
    error_set(err, ERR_INGESTION_FAILED, "line 1: unknown column \"%.*s\"",
              (int)(name.size < 60 ? name.size : 60), name.data);
    text    names[64];
    int32_t n = 0;
    for (; n < target->shape->count && n < 64; n++) {
        names[n] = target->shape->fields[n].name;
    }
    const int32_t near = text_nearest(name, names, n);
    if (near >= 0) {
        return error_hint(err, "did you mean \"%.*s\"?", TEXT_ARG(names[near]));
    }
    return err == NULL ? ERR_INGESTION_FAILED : err->status;
}

static status
read_header(csv_reader *r, csv_target *target, error *err) {
    do {
        text name;
        TRY(read_field(r, &name, err));
        const int32_t at = schema_find(target->shape, name, false);
        if (at < 0) {
            return unknown_column(target, name, err);
        }
        for (int32_t i = 0; i < target->count; i++) {
            if (target->columns[i] == at) {
                return error_set(err, ERR_INGESTION_FAILED,
                                 "line 1: column \"%.*s\" is there twice", TEXT_ARG(name));
            }
        }
        if (target->count == CSV_COLUMNS_MAX) {
            return error_set(err, ERR_INGESTION_FAILED, "line 1: more than 4,096 columns");
        }
        target->columns[target->count++] = at;
    } while (!r->row_ended);
    r->line++;
    return OK;
}

static status
read_row(csv_reader *r, const csv_target *target, builder *b, error *err) {
    const int64_t line = r->line;
    int32_t       n = 0;
    do {
        text t;
        TRY(read_field(r, &t, err));
        if (n == target->count) {
            return error_set(err, ERR_INGESTION_FAILED,
                             "line %lld: more than the %d fields that the header names",
                             (long long)line, target->count);
        }
        const int32_t at = target->columns[n++];
        TRY(append_field(r, b, at, &target->shape->fields[at], t, err));
    } while (!r->row_ended);
    if (n < target->count) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "line %lld: %d fields where the header names %d", (long long)line, n,
                         target->count);
    }
    r->line++;
    return OK;
}

/* Columns that the file does not name. */
static status
fill_missing(csv_reader *r, const csv_target *target, builder *b, int32_t rows, error *err) {
    for (int32_t i = 0; i < target->shape->count; i++) {
        TRY(column_append_fill(b, i, rows - b->columns[i].count, target->fill, &r->scratch, err));
    }
    return OK;
}

static bool
is_blank_line(const csv_reader *r) {
    return *r->at == '\n' || (*r->at == '\r' && r->at + 1 < r->end && r->at[1] == '\n');
}

/* Those that begin before `stop`. */
static status
read_lines(csv_reader *r, const csv_target *target, const char *stop, builder *b, error *err) {
    int32_t rows = 0;
    while (r->at < stop) {
        if (is_blank_line(r) && target->count > 1) {
            r->at += *r->at == '\r' ? 2 : 1;
            r->line++;
            continue;
        }
        if (rows % INTERRUPT_ROWS == 0 && interrupt_poll(r->guard)) {
            return interrupt_reason(r->guard, err);
        }
        TRY(read_row(r, target, b, err));
        rows++;
    }
    return fill_missing(r, target, b, rows, err);
}

/* ---------------------------------------------------------------------------------- a text */
static void
reader_init(csv_reader *r, mem *m, text csv, const csv_format *format, interrupt *guard) {
    *r = (csv_reader){.at = csv.data,
                      .end = csv.data + csv.size,
                      .line = 1,
                      .delimiter = format->delimiter,
                      .null_text = format->null_text,
                      .event_time_column = format->event_time_column - 1,
                      .guard = guard,
                      .field_max = format->field_max > 0 ? format->field_max : CSV_FIELD_MAX};
    buf_init(&r->unquoted, m, CSV_FIELD_MAX + 1);
    arena_init(&r->scratch, m);
}

static void
reader_fini(csv_reader *r) {
    buf_fini(&r->unquoted);
    arena_fini(&r->scratch);
}

typedef struct csv_job {
    mem              *mem;
    text              csv;
    const csv_format *format;
    csv_target        target;
} csv_job;

static status
read_part(void *context, text_part *p, error *err) {
    const csv_job *j = context;
    csv_reader     r;
    TRY(text_check((text){p->from, (size_t)(p->stop - p->from)}, err));
    reader_init(&r, j->mem, (text){p->from, (size_t)(p->end - p->from)}, j->format,
                interrupt_current());
    const status s = read_lines(&r, &j->target, p->stop, &p->rows, err);
    p->ended = r.at;
    reader_fini(&r);
    return s;
}

/* Are all columns read, or NULL? A default may be of any kind, such as the next number. */
static bool
fills_none(const csv_target *target) {
    for (int32_t i = 0; i < target->shape->count; i++) {
        bool is_read = target->fill == NULL;
        for (int32_t k = 0; k < target->count && !is_read; k++) {
            is_read = target->columns[k] == i;
        }
        if (!is_read && !target->fill->is_null(target->fill, i)) {
            return false;
        }
    }
    return true;
}

/* DONE: one thread is to read it. */
static status
read_in_parts(batch **out, csv_job *j, const data_type *types, int32_t rows_max, error *err) {
    csv_reader r;
    if (j->csv.size < 2 * PARTS_BYTES_MIN) {
        return DONE;
    }
    reader_init(&r, j->mem, j->csv, j->format, j->format->help.watched);
    status s = read_header(&r, &j->target, NULL);
    s = s < 0 || !fills_none(&j->target)
            ? DONE
            : text_check((text){j->csv.data, (size_t)(r.at - j->csv.data)}, NULL);
    if (s == OK) {
        const parts_reader how = {.read = read_part,
                                  .behind = '\n',
                                  .context = j,
                                  .types = types,
                                  .column_count = j->target.shape->count,
                                  .rows_max = rows_max};
        s = parts_read(out, j->mem, j->csv, r.at, &how, &j->format->help, err);
    }
    reader_fini(&r);
    j->target.count = 0;
    return s < 0 && s != ERR_QUERY_CANCELLED ? DONE : s;
}

static status
read_alone(batch **out, csv_job *j, const data_type *types, int32_t rows_max, error *err) {
    csv_reader r;
    builder    b;
    TRY(text_check(j->csv, err));
    TRY(builder_init(&b, j->mem, types, j->target.shape->count, err));
    reader_init(&r, j->mem, j->csv, j->format, j->format->help.watched);
    b.rows_max = rows_max;
    status s = read_header(&r, &j->target, err);
    s = s < 0 ? s : read_lines(&r, &j->target, r.end, &b, err);
    if (s == OK && builder_rows(&b) > 0) {
        s = builder_take(&b, out, err);
    }
    builder_fini(&b);
    reader_fini(&r);
    return s;
}

status
csv_read(batch **out, mem *m, const schema *shape, filler *fill, text csv, const csv_format *format,
         error *err) {
    *out = NULL;
    if (csv.size >= 3 && memcmp(csv.data, "\xef\xbb\xbf", 3) == 0) { /* byte order mark */
        csv = (text){csv.data + 3, csv.size - 3};
    }
    if (csv.size == 0) {
        return error_set(err, ERR_INGESTION_FAILED,
                         "line 1: no header: the first line names the columns");
    }
    arena a;
    arena_init(&a, m);
    csv_job   *j = arena_alloc(&a, sizeof(*j));
    data_type *types = arena_alloc(&a, sizeof(data_type) * (size_t)(shape->count + 1));
    if (j == NULL || types == NULL) {
        arena_fini(&a);
        return error_memory(err);
    }
    j->mem = m;
    j->csv = csv;
    j->format = format;
    j->target.shape = shape;
    j->target.fill = fill;
    j->target.count = 0;
    for (int32_t i = 0; i < shape->count; i++) {
        types[i] = shape->fields[i].type;
    }
    const int32_t rows_max = format->rows_max > 0 ? format->rows_max : INSERT_ROWS_MAX;
    status        s = read_in_parts(out, j, types, rows_max, err);
    s = s == DONE ? read_alone(out, j, types, rows_max, err) : s;
    arena_fini(&a);
    return s;
}
