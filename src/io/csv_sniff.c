/* SPDX-License-Identifier: Apache-2.0 */
/* csv_sniff.c - see csv_sniff.h.
 *
 * Delimiter: of , ; tab | the one by which most of the first records have the same number of
 * fields, more than one; of equals the one that gives more. Header: the first record is one when it
 * does not fit the types of the others, or when all columns are text and it has no empty field. */
#include "io/csv_sniff.h"

#include <stdio.h>
#include <string.h>

#define DIALECT_RECORDS 500

csv_field *
csv_fields_new(arena *a) {
    return arena_alloc(a, sizeof(csv_field) * (CSV_COLUMNS_MAX + 1));
}

status
csv_at_line(error *err, status s, int64_t line) {
    if (err != NULL && s == ERR_INGESTION_FAILED && strncmp(err->message, "line ", 5) != 0) {
        const error why = *err;
        error_set(err, s, "line %lld: %.400s", (long long)line, why.message);
        if (why.hint[0] != '\0') {
            error_hint(err, "%s", why.hint);
        }
    }
    return s;
}

status
csv_next(csv_record *r, block *b, const csv_dialect *d, error *err) {
    for (;;) {
        const status s = csv_cut(r, d, b, err);
        if (s != DONE) {
            return csv_at_line(err, s, b->line);
        }
        const status filled = block_fill(b, err);
        if (filled != OK) {
            /* The end was not known when the last record was cut. */
            return filled < 0 || b->at == b->size
                       ? filled
                       : csv_at_line(err, csv_cut(r, d, b, err), b->line);
        }
    }
}

void
csv_pass(block *b, const csv_record *r) {
    b->at += r->bytes;
    b->line += r->lines;
}

static status
skip_lines(block *b, int64_t count, error *err) {
    for (int64_t i = 0; i < count;) {
        const char *end = memchr(b->data + b->at, '\n', b->size - b->at);
        if (end != NULL) {
            b->at = (size_t)(end + 1 - b->data);
            b->line++;
            i++;
            continue;
        }
        b->at = b->checked; /* a character that the end cuts is looked at with its rest */
        const status s = block_fill(b, err);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

/* The next record that is not blank; it is still to be passed. */
static status
next_filled(csv_record *r, block *b, const csv_dialect *d, int32_t width, error *err) {
    for (;;) {
        const status s = csv_next(r, b, d, err);
        if (s != OK || width == 1 || !csv_is_blank(r)) {
            return s;
        }
        csv_pass(b, r);
    }
}

status
csv_begin(csv_record *r, block *b, const csv_shape *shape, const csv_options *o, error *err) {
    TRY(block_rewind(b, err));
    status s = skip_lines(b, o->skip, err);
    if (s == OK && shape->header) {
        s = next_filled(r, b, &shape->dialect, 0, err);
        if (s == OK) {
            csv_pass(b, r);
        }
    }
    return s;
}

/* ---- the delimiter */

typedef struct trial {
    int32_t records, same, width;
} trial;

static trial
try_dialect(const csv_dialect *d, const block *from, csv_record *r) {
    int32_t widths[DIALECT_RECORDS];
    block   b = *from; /* nothing is read on: a view of the same bytes */
    trial   t = {0};
    error   ignored;
    while (t.records < DIALECT_RECORDS && csv_cut(r, d, &b, &ignored) == OK) {
        if (!csv_is_blank(r)) {
            widths[t.records++] = r->count;
        }
        csv_pass(&b, r);
    }
    for (int32_t i = 0; i < t.records; i++) {
        int32_t same = 0;
        for (int32_t k = 0; k < t.records && k < 100; k++) {
            same += widths[k] == widths[i];
        }
        if (same > t.same || (same == t.same && widths[i] > t.width)) {
            t.same = same;
            t.width = widths[i];
        }
    }
    t.records = t.records < 100 ? t.records : 100;
    return t;
}

static void
find_delimiter(csv_dialect *d, const block *b, const csv_options *o, csv_record *r) {
    static const char candidates[] = {',', ';', '\t', '|'};
    trial             best = {0};
    csv_dialect_init(d, ',', o->quote, o->escape);
    for (int32_t i = 0; i < ARRAY_COUNT(candidates); i++) {
        csv_dialect made;
        csv_dialect_init(&made, candidates[i], o->quote, o->escape);
        const trial t = try_dialect(&made, b, r);
        if (t.width < 2 || (o->column_count > 0 && t.width != o->column_count)) {
            continue;
        }
        const int64_t here = (int64_t)t.same * (best.records == 0 ? 1 : best.records);
        const int64_t there = (int64_t)best.same * (t.records == 0 ? 1 : t.records);
        if (best.width == 0 || here > there || (here == there && t.width > best.width)) {
            best = t;
            *d = made;
        }
    }
}

/* ---- names and types */

typedef struct sniffer {
    const csv_options *o;
    arena             *arena;
    csv_shape         *out;
    guess             *first; /* of the first record */
    bool               first_has_null;
    text              *texts; /* of the first record */
    int64_t            rows;
} sniffer;

static bool
is_null(const csv_options *o, const csv_field *f) {
    return !f->quoted &&
           (o->null_text.data == NULL
                ? f->size == 0
                : f->size == o->null_text.size && memcmp(f->data, o->null_text.data, f->size) == 0);
}

static status
note_first(sniffer *s, const csv_record *r, error *err) {
    const int32_t n = r->count;
    s->out->count = n;
    s->out->names = arena_alloc_zero(s->arena, sizeof(text) * (size_t)n);
    s->out->types = arena_alloc_zero(s->arena, sizeof(guess) * (size_t)n);
    s->first = arena_alloc_zero(s->arena, sizeof(guess) * (size_t)n);
    s->texts = arena_alloc_zero(s->arena, sizeof(text) * (size_t)n);
    if (s->out->names == NULL || s->out->types == NULL || s->first == NULL || s->texts == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < n; i++) {
        const text t = csv_field_text(&r->fields[i], &s->out->dialect, s->arena);
        s->texts[i] = arena_text(s->arena, t);
        if (t.data == NULL || s->texts[i].data == NULL) {
            return error_memory(err);
        }
        const bool null = is_null(s->o, &r->fields[i]) || t.size == 0;
        s->first[i] = null ? GUESS_NONE : guess_text(t);
        s->first_has_null = s->first_has_null || null;
    }
    return OK;
}

static void
note_row(sniffer *s, const csv_record *r) {
    for (int32_t i = 0; i < r->count && i < s->out->count; i++) {
        const csv_field *f = &r->fields[i];
        guess           *g = &s->out->types[i];
        if (*g != GUESS_TEXT && !is_null(s->o, f) && f->size > 0) {
            *g = f->escaped ? GUESS_TEXT : guess_both(*g, guess_text((text){f->data, f->size}));
        }
    }
    s->rows++;
}

static bool
find_header(const sniffer *s) {
    const csv_options *o = s->o;
    bool               all_text = true, fits = true, known = o->types_may_miss && o->type_count > 0;
    for (int32_t i = 0; i < s->out->count; i++) {
        bool found = false;
        for (int32_t k = 0; known && k < o->type_count && !found; k++) {
            found = text_equal_nocase(o->types[k].name, s->texts[i]);
        }
        known = known && found;
        const guess rest = s->out->types[i];
        const guess both = guess_both(rest, s->first[i]);
        all_text = all_text && (both == GUESS_TEXT || both == GUESS_NONE);
        fits = fits && (rest == GUESS_NONE || rest == GUESS_TEXT || both != GUESS_TEXT);
    }
    return known || !fits || (all_text && !s->first_has_null);
}

static status
name_columns(sniffer *s, error *err) {
    csv_shape *out = s->out;
    const int  digits = out->count > 1000 ? 4 : out->count > 100 ? 3 : out->count > 10 ? 2 : 1;
    for (int32_t i = 0; i < out->count; i++) {
        char made[300];
        out->names[i] = s->texts[i];
        if (!out->header || s->texts[i].size == 0) {
            (void)snprintf(made, sizeof(made), "column%0*d", digits, i);
            out->names[i] = arena_text(s->arena, text_of(made));
        }
        for (int32_t again = 1, k = 0; k < i && out->names[i].data != NULL; k++) {
            if (text_equal_nocase(out->names[k], out->names[i])) {
                const text base =
                    out->header && s->texts[i].size > 0 ? s->texts[i] : TEXT("column");
                (void)snprintf(made, sizeof(made), "%.*s_%d",
                               (int)(base.size < 255 ? base.size : 255), base.data, again++);
                out->names[i] = arena_text(s->arena, text_of(made));
                k = -1;
            }
        }
        if (out->names[i].data == NULL) {
            return error_memory(err);
        }
    }
    return OK;
}

static status
look_at_rows(sniffer *s, block *b, csv_record *r, error *err) {
    const csv_dialect *d = &s->out->dialect;
    const int64_t      most = s->o->sample_rows < 0 ? INT64_MAX : s->o->sample_rows;
    status             done = next_filled(r, b, d, 0, err);
    if (done == OK) {
        TRY(note_first(s, r, err));
        csv_pass(b, r);
    }
    while (done == OK && s->rows < most) {
        done = next_filled(r, b, d, s->out->count, err);
        const bool passed = done == ERR_INGESTION_FAILED && s->o->ignore_errors && !b->no_text;
        if (done == OK) {
            note_row(s, r);
        }
        if (done == OK || passed) {
            csv_pass(b, r);
            done = OK;
        }
    }
    return done < 0 ? done : OK;
}

status
csv_sniff(csv_shape *out, arena *a, block *b, const csv_options *o, error *err) {
    csv_record r = {.fields = csv_fields_new(a)};
    sniffer    s = {.o = o, .arena = a, .out = out};
    *out = (csv_shape){.header = false};
    if (r.fields == NULL) {
        return error_memory(err);
    }
    TRY(skip_lines(b, o->skip, err));
    if (o->delimiter != 0) {
        csv_dialect_init(&out->dialect, o->delimiter, o->quote, o->escape);
    } else {
        find_delimiter(&out->dialect, b, o, &r);
    }
    out->dialect.field_max = o->field_max > 0 ? o->field_max : CSV_FIELD_MAX;
    TRY(look_at_rows(&s, b, &r, err));
    if (out->count == 0) {
        return OK; /* an empty file */
    }
    out->header = o->header >= 0 ? o->header == 1 : find_header(&s);
    for (int32_t i = 0; i < out->count && !out->header; i++) {
        out->types[i] = guess_both(out->types[i], s.first[i]);
    }
    return name_columns(&s, err);
}
