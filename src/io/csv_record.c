/* SPDX-License-Identifier: Apache-2.0 */
/* csv_record.c - see csv_record.h. The block ends in a line feed that is not its own, so the scan
 * of a plain field needs no bound; a quote's end is found by memchr. */
#include "io/csv_record.h"

#include <string.h>

void
csv_dialect_init(csv_dialect *d, char delimiter, char quote, char escape) {
    *d = (csv_dialect){
        .delimiter = delimiter, .quote = quote, .escape = escape, .field_max = CSV_FIELD_MAX};
    d->stops[(uint8_t)delimiter] = true;
    d->stops['\n'] = true;
}

bool
csv_is_blank(const csv_record *r) {
    return r->count == 1 && r->fields[0].size == 0 && !r->fields[0].quoted;
}

typedef struct cutter {
    const csv_dialect *d;
    const char        *at, *end;
    int64_t            lines;
} cutter;

/* Behind the opening quote. False: the block ends in it. */
static bool
cut_quoted(cutter *c, csv_field *f) {
    const char        *start = c->at;
    const csv_dialect *d = c->d;
    for (;;) {
        const char *quote = memchr(c->at, d->quote, (size_t)(c->end - c->at));
        if (d->escape != d->quote) { /* an escape before it hides it */
            const size_t seen = (size_t)((quote == NULL ? c->end : quote) - c->at);
            const char  *hidden = memchr(c->at, d->escape, seen);
            if (hidden != NULL) {
                f->escaped = true;
                c->at = hidden + 2;
                if (c->at > c->end) {
                    return false;
                }
                continue;
            }
        }
        if (quote == NULL) {
            return false;
        }
        c->at = quote + 1;
        if (d->escape == d->quote && c->at < c->end && *c->at == d->quote) {
            f->escaped = true;
            c->at++;
            continue;
        }
        f->data = start;
        f->size = (uint32_t)(quote - start);
        for (const char *n = start; (n = memchr(n, '\n', (size_t)(quote - n))) != NULL; n++) {
            c->lines++;
        }
        return true;
    }
}

static void
cut_plain(cutter *c, csv_field *f) {
    const char *start = c->at;
    const bool *stops = c->d->stops;
    const char *at = start;
    while (!stops[(uint8_t)*at]) {
        at++;
    }
    c->at = at < c->end ? at : c->end;
    size_t size = (size_t)(c->at - start);
    if (size > 0 && start[size - 1] == '\r' && (at == c->end || *at == '\n')) {
        size--;
    }
    *f = (csv_field){.data = start, .size = (uint32_t)size};
}

/* To behind the next line feed, where reading can go on behind a malformed record. DONE: it is not
 * in this block. */
static status
malformed(csv_record *out, cutter *c, const block *b, const char *what, error *err) {
    const char *start = b->data + b->at;
    const char *end = memchr(c->at, '\n', (size_t)(c->end - c->at));
    if (end == NULL && !b->ended) {
        return DONE;
    }
    out->bytes = (size_t)((end == NULL ? c->end : end + 1) - start);
    out->lines = c->lines + 1;
    return error_set(err, ERR_INGESTION_FAILED, "%s", what);
}

/* One field and what separates it from the next. *ended: it was the record's last. */
static status
cut_field(cutter *c, csv_field *f, const block *b, bool *ended, const char **fault) {
    *fault = NULL;
    *f = (csv_field){.quoted = false};
    if (c->at < c->end && *c->at == c->d->quote && c->d->quote != 0) {
        c->at++;
        f->quoted = true;
        if (!cut_quoted(c, f)) {
            *fault = b->ended ? "a quoted field is never closed: add the missing quote" : NULL;
            c->at = c->end;
            return b->ended ? ERR_INGESTION_FAILED : DONE;
        }
        if (c->at < c->end && *c->at == '\r' && (c->at + 1 == c->end || c->at[1] == '\n')) {
            c->at++;
        }
    } else {
        cut_plain(c, f);
    }
    if (f->size > (uint32_t)c->d->field_max) {
        *fault = c->d->field_max == CSV_FIELD_MAX ? "a field is longer than 16 MiB"
                                                  : "a field is longer than max_csv_field_bytes";
        return ERR_INGESTION_FAILED;
    }
    if (c->at >= c->end) {
        *ended = true;
        return b->ended ? OK : DONE;
    }
    if (*c->at == '\n') {
        c->at++;
        c->lines++;
        *ended = true;
    } else if (*c->at == c->d->delimiter) {
        c->at++;
    } else {
        *fault = "a delimiter must follow the closing quote";
        return ERR_INGESTION_FAILED;
    }
    return OK;
}

status
csv_cut(csv_record *out, const csv_dialect *d, const block *b, error *err) {
    const char *start = b->data + b->at;
    cutter      c = {.d = d, .at = start, .end = b->data + b->size};
    bool        ended = false;
    out->count = 0;
    out->lines = 0;
    if (c.at == c.end) {
        return DONE;
    }
    while (!ended) {
        const char *fault;
        if (out->count == CSV_COLUMNS_MAX) {
            return malformed(out, &c, b, "more than 4,096 fields", err);
        }
        const status s = cut_field(&c, &out->fields[out->count], b, &ended, &fault);
        if (s != OK) {
            return s < 0 ? malformed(out, &c, b, fault, err) : s;
        }
        out->count++;
    }
    out->bytes = (size_t)(c.at - start);
    out->lines = c.lines;
    return OK;
}

text
csv_field_text(const csv_field *f, const csv_dialect *d, arena *a) {
    if (!f->escaped) {
        return (text){f->data, f->size};
    }
    char *out = arena_alloc(a, f->size + 1);
    if (out == NULL) {
        return (text){NULL, 0};
    }
    size_t size = 0;
    for (uint32_t i = 0; i < f->size; i++) {
        const bool hides = f->data[i] == d->escape && i + 1 < f->size;
        i += hides;
        out[size++] = f->data[i];
    }
    return (text){out, size};
}
