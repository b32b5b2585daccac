/* SPDX-License-Identifier: Apache-2.0 */
/* test_csv.c - CSV text to rows: a table of inputs, random rows through a naive writer, texts with
 * bytes changed, refused allocations. */
#include "io/csv.h"

#include <math.h>

#include "unit.h"

static field fields[] = {
    {.name = TEXT("a"), .type = {.id = TYPE_I64}, .nullable = true},
    {.name = TEXT("b"), .type = {.id = TYPE_TEXT}, .nullable = true},
    {.name = TEXT("c"), .type = {.id = TYPE_F64}, .nullable = true},
    {.name = TEXT("d"), .type = {.id = TYPE_I16}, .nullable = true},
    {.name = TEXT("e"), .type = {.id = TYPE_BOOL}, .nullable = true},
    {.name = TEXT("f"), .type = {.id = TYPE_TIMESTAMP}, .nullable = true},
    {.name = TEXT("g"), .type = {.id = TYPE_DATE}, .nullable = true},
};
#define COLUMNS ((int32_t)(sizeof(fields) / sizeof(fields[0])))

static const schema shape = {COLUMNS, fields};

/* ---- a table */
typedef struct example {
    const char *csv;
    const char *wanted; /* cells with ',', rows with '|'; columns not named are left out */
    const char *fault;  /* part of the message instead */
} example;

static const example examples[] = {
    /* Line ends, the last one missing, blank lines, a byte order mark. */
    {"a\n1\n2\n", "1|2", NULL},
    {"a\r\n1\r\n2", "1|2", NULL},
    {"a,b\n1,x\n\n\r\n2,y\n", "1,x|2,y", NULL},
    {"a\n\n1\n", "NULL|1", NULL}, /* one column: an empty line is a NULL */
    {"\xef\xbb\xbf"
     "a\n1\n",
     "1", NULL},
    {"a\n", "", NULL},
    {"a", "", NULL},
    {"a,b\n1,", "1,NULL", NULL},
    {"a,b\n1,\n", "1,NULL", NULL},
    {"b,A\nx,1\n", "x,1", NULL},
    /* Quotes. */
    {"b\n\"\"\n", "", NULL},
    {"a,b\n1,\"\"\n", "1,", NULL},
    {"b\n\"x\"\"y\"\n", "x\"y", NULL},
    {"b\n\"\"\"\"\n", "\"", NULL},
    {"b\n\"a\"\"\"\"b\"\"\"\n", "a\"\"b\"", NULL},
    {"b\n\"line\nend, \r\n;\"\n", "line\nend, \r\n;", NULL},
    {"b,a\n\"x\",\"7\"\n", "x,7", NULL},
    {"\"b\",\"a\"\r\n\"x\",7\r\n", "x,7", NULL},
    {"b\nx\"y\n", "x\"y", NULL}, /* a quote inside an unquoted field is a quote */
    {"b\n x \n", " x ", NULL},
    {"b,a\n\"never,1\nclosed\n", NULL, "line 2: a quoted field is never closed"},
    {"b\n\"x\"y\n", NULL, "line 2: a delimiter must follow"},
    {"b\n\"two\nlines\",x\n", NULL, "line 2: more than the 1 fields"},
    {"b,a\n\"two\nlines\",1\n\"\",x\n", NULL, "line 4, column \"a\""},
    /* Values. */
    {"a\n-9223372036854775808\n9223372036854775807\n", "-9223372036854775808|9223372036854775807",
     NULL},
    {"a\n9223372036854775808\n", NULL, "value '9223372036854775808' of type VARCHAR does not fit"},
    {"a\n3.0\n-1e3\n", "3|-1000", NULL},
    {"a\n3.5\n", NULL, "line 2, column \"a\""},
    {"a\n\"\"\n", NULL, "''"},
    {"a\n-\n", NULL, "'-'"},
    {"a\n1 2\n", NULL, "BIGINT"},
    {"d\n32767\n-32768\n", "32767|-32768", NULL},
    {"d\n32768\n", NULL, "SMALLINT"},
    {"c\n1\n.5\n-0.25\n1e2\n123456789.125\n", "1|0.5|-0.25|100|123456789.125", NULL},
    {"c\n1.2.3\n", NULL, "DOUBLE"},
    {"c\nnan\n-inf\n", "nan|-inf", NULL},
    {"e\ntrue\nFALSE\n", "1|0", NULL},
    {"e\nperhaps\n", NULL, "BOOLEAN"},
    {"f\n1970-01-01 00:00:01.5\n", "1500000", NULL},
    {"f\nnoon\n", NULL, "TIMESTAMP"},
    {"g\n1970-01-31\n", "30", NULL},
    {"b,a\nNA,NA\n\"NA\",1\n", "NULL,NULL|NA,1", NULL}, /* null_text is NA, unquoted */
    /* Headers. */
    {"", NULL, "line 1: no header"},
    {"\xef\xbb\xbf", NULL, "line 1: no header"},
    {"a,bb\n", NULL, "unknown column \"bb\""},
    {"a,A\n1,2\n", NULL, "is there twice"},
    {"\n1\n", NULL, "unknown column"},
    {"a,b\n1\n", NULL, "line 2: 1 fields where the header names 2"},
    {"a\n1,2\n", NULL, "line 2: more than the 1 fields"},
    {"a,\n1,2\n", NULL, "unknown column \"\""},
    {"a\n1\nx\n", NULL, "line 3"},
    {"a\n1\n\xc3(\n", NULL, "line 3: the text is not valid UTF-8"},
};

static void
print_value(char *out, size_t size, const value *v) {
    if (v->is_null) {
        snprintf(out, size, "NULL");
    } else if (v->type.id == TYPE_TEXT) {
        snprintf(out, size, "%.*s", TEXT_ARG(v->s));
    } else if (v->type.id == TYPE_F64) {
        snprintf(out, size, "%.12g", v->d);
    } else {
        snprintf(out, size, "%lld", (long long)(v->type.id == TYPE_BOOL ? v->b : v->i));
    }
}

/* The columns that the header names, in its order. */
static void
print_batch(char *out, size_t size, const batch *rows, const char *csv) {
    out[0] = '\0';
    const size_t mark = strncmp(csv, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (int32_t row = 0; rows != NULL && row < rows->rows.row_count; row++) {
        size_t cell = 0;
        for (const char *c = csv + mark; *c != '\n' && *c != '\0'; c++) {
            if (*c < 'A' || *c == '"') {
                continue;
            }
            const int32_t at = schema_find(&shape, (text){c, 1}, false);
            const value   v = column_value(&rows->rows.columns[at], row);
            const size_t  used = strlen(out);
            const char   *between = cell > 0 ? "," : row > 0 ? "|" : "";
            snprintf(out + used, size - used, "%s", between);
            print_value(out + strlen(out), size - strlen(out), &v);
            cell++;
        }
    }
}

static const csv_format plain = {.delimiter = ',', .null_text = {"NA", 2}};

static void
test_examples(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        const example *x = &examples[i];
        mem            m;
        error          err = {0};
        batch         *rows = NULL;
        char           got[512];
        mem_init(&m, INT64_MAX);
        const status s = csv_read(&rows, &m, &shape, NULL, text_of(x->csv), &plain, &err);
        if (x->fault != NULL) {
            if (s != ERR_INGESTION_FAILED || strstr(err.message, x->fault) == NULL) {
                print_error("\"%s\": %d, \"%s\" does not say \"%s\"\n", x->csv, (int)s, err.message,
                            x->fault);
                fail();
            }
            CHECK(rows == NULL);
        } else {
            unit_check_ok(s, &err, x->csv, __FILE__, __LINE__);
            print_batch(got, sizeof(got), rows, x->csv);
            if (strcmp(got, x->wanted) != 0) {
                print_error("\"%s\" gave %s, wanted %s\n", x->csv, got, x->wanted);
                fail();
            }
        }
        batch_release(rows);
        CHECK_EQ(mem_fini(&m), 0);
    }
}

static bool
first_is_null(const filler *f, int32_t at) {
    (void)f;
    return at == 0;
}

static status
give_seven(filler *f, int32_t at, int32_t row_count, column *out, arena *a, error *err) {
    const value seven = value_i64(7);
    (void)f;
    (void)at;
    return column_constant(out, &seven, row_count, a, err);
}

static void
test_hint_defaults_and_nul(void **state) {
    (void)state;
    static const char line[] = "b\nx\0y\n";
    static field      long_fields[] = {{.name = TEXT("price"), .type = {.id = TYPE_F64}},
                                       {.name = TEXT("volume"), .type = {.id = TYPE_I64}}};
    const schema      long_shape = {2, long_fields};
    filler            sevens = {.is_null = first_is_null, .column = give_seven};
    mem               m;
    error             err = {0};
    batch            *rows = NULL;
    mem_init(&m, INT64_MAX);
    CHECK_FAILS(csv_read(&rows, &m, &shape, NULL, (text){line, sizeof(line) - 1}, &plain, &err),
                ERR_INGESTION_FAILED);
    CHECK(strstr(err.message, "line 2") != NULL && strstr(err.message, "NUL") != NULL);
    CHECK_FAILS(csv_read(&rows, &m, &long_shape, NULL, TEXT("prise\n1\n"), &plain, &err),
                ERR_INGESTION_FAILED);
    CHECK_STR(err.hint, "did you mean \"price\"?");
    const csv_format tabs = {.delimiter = '\t'};
    CHECK_OK(csv_read(&rows, &m, &long_shape, &sevens, TEXT("price\n1\n\n"), &tabs, &err));
    CHECK_EQ(rows->rows.row_count, 2);
    CHECK_EQ(column_value(&rows->rows.columns[1], 1).i, 7);
    CHECK(column_is_null(&rows->rows.columns[0], 1));
    batch_release(rows);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- round trip */
#define CSV_MAX 65536
#define ROWS_MAX 60

typedef struct sheet {
    char    csv[CSV_MAX];
    size_t  size;
    char    texts[ROWS_MAX][40];
    value   values[ROWS_MAX][COLUMNS];
    int32_t rows;
} sheet;

static void
put(sheet *s, const char *data, size_t size) {
    CHECK(s->size + size < CSV_MAX);
    memcpy(s->csv + s->size, data, size);
    s->size += size;
}

static void
put_field(sheet *s, rng *r, const char *data, size_t size, char delimiter) {
    bool quote = rng_below(r, 4) == 0 || size == 0 || (size == 2 && memcmp(data, "NA", 2) == 0);
    for (size_t i = 0; i < size; i++) {
        quote |= data[i] == '"' || data[i] == '\n' || data[i] == '\r' || data[i] == delimiter;
    }
    if (!quote) {
        put(s, data, size);
        return;
    }
    put(s, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        put(s, data + i, 1);
        if (data[i] == '"') {
            put(s, "\"", 1);
        }
    }
    put(s, "\"", 1);
}

static value
random_value(sheet *s, rng *r, int32_t row, int32_t at) {
    static const char *const pieces[] = {"a",  "\"", "\n",         "\r\n",
                                         ",",  ";",  "\t",         "\xc3\xbc",
                                         "NA", " ",  "long piece", "\xf0\x9f\x90\x8b"};
    value                    v = {.type = fields[at].type, .is_null = rng_below(r, 5) == 0};
    switch (v.type.id) {
    case TYPE_I64:
        v.i = (int64_t)(rng_next(r) >> rng_below(r, 64)) * (rng_below(r, 2) == 0 ? 1 : -1);
        break;
    case TYPE_I16:
        v.i = (int64_t)rng_below(r, 65536) - 32768;
        break;
    case TYPE_F64:
        v.d = rng_below(r, 2) == 0
                  ? (double)(int64_t)rng_below(r, 2000000) / 1000.0 - 1000
                  : ldexp((double)(int64_t)rng_next(r), (int)rng_below(r, 200) - 100);
        break;
    case TYPE_BOOL:
        v.b = rng_below(r, 2) == 0;
        break;
    case TYPE_TIMESTAMP:
        v.i = (int64_t)rng_below(r, UINT64_C(4000000000000000)) - INT64_C(1000000000000000);
        break;
    case TYPE_DATE:
        v.i = (int64_t)rng_below(r, 60000) - 10000;
        break;
    default: {
        char        *out = s->texts[row];
        size_t       size = 0;
        const size_t count = rng_below(r, 4);
        for (size_t i = 0; i < count; i++) {
            const char *piece = pieces[rng_below(r, sizeof(pieces) / sizeof(pieces[0]))];
            memcpy(out + size, piece, strlen(piece));
            size += strlen(piece);
        }
        v.s = (text){out, size};
        break;
    }
    }
    return v;
}

/* Random rows of random columns, as another program would write them. */
static void
make_sheet(sheet *s, rng *r, const csv_format *format, int32_t *order, int32_t count) {
    const bool crlf = rng_below(r, 2) == 0;
    s->size = 0;
    s->rows = (int32_t)rng_below(r, ROWS_MAX);
    for (int32_t row = -1; row < s->rows; row++) {
        for (int32_t i = 0; i < count; i++) {
            const int32_t at = order[i];
            char          cell[VALUE_TEXT_MAX];
            if (i > 0) {
                put(s, &format->delimiter, 1);
            }
            if (row < 0) {
                put_field(s, r, fields[at].name.data, 1, format->delimiter);
                continue;
            }
            const value v = random_value(s, r, row, at);
            s->values[row][at] = v;
            if (v.is_null) {
                put(s, "NA", rng_below(r, 2) * 2);
            } else if (v.type.id == TYPE_TEXT) {
                put_field(s, r, v.s.data, v.s.size, format->delimiter);
            } else {
                put_field(s, r, cell, value_write(&v, cell), format->delimiter);
            }
        }
        if (row < s->rows - 1 || count == 1 || rng_below(r, 2) == 0) {
            put(s, crlf ? "\r\n" : "\n", crlf ? 2 : 1);
        }
    }
}

static int32_t
random_order(rng *r, int32_t *order) {
    for (int32_t i = 0; i < COLUMNS; i++) {
        const int32_t k = (int32_t)rng_below(r, (uint64_t)i + 1);
        order[i] = order[k];
        order[k] = i;
    }
    return 1 + (int32_t)rng_below(r, (uint64_t)COLUMNS);
}

static sheet page;

static void
test_round_trip(void **state) {
    (void)state;
    static const char delimiters[] = {',', ';', '\t', '|'};
    rng               r;
    rng_init(&r, 11);
    for (int32_t run = 0; run < 1500; run++) {
        const csv_format format = {.delimiter = delimiters[rng_below(&r, 4)],
                                   .null_text = {"NA", 2}};
        int32_t          order[COLUMNS];
        const int32_t    count = random_order(&r, order);
        mem              m;
        error            err = {0};
        batch           *rows = NULL;
        make_sheet(&page, &r, &format, order, count);
        mem_init(&m, INT64_MAX);
        CHECK_OK(csv_read(&rows, &m, &shape, NULL, (text){page.csv, page.size}, &format, &err));
        CHECK_EQ(rows == NULL ? 0 : rows->rows.row_count, page.rows);
        for (int32_t row = 0; row < page.rows; row++) {
            for (int32_t i = 0; i < count; i++) {
                const value  got = column_value(&rows->rows.columns[order[i]], row);
                const value *wanted = &page.values[row][order[i]];
                if (got.is_null != wanted->is_null ||
                    (!got.is_null && value_compare(&got, wanted) != 0)) {
                    print_error("run %d, row %d, column %d\n", run, row, order[i]);
                    fail();
                }
            }
        }
        batch_release(rows);
        CHECK_EQ(mem_fini(&m), 0);
    }
}

/* ---- hostile */
static size_t
mutate(char *csv, size_t size, rng *r) {
    static const char sharp[] = "\",\n\r;\\\x00\xef\xc3 0-.eNA";
    const int32_t     changes = 1 + (int32_t)rng_below(r, 4);
    for (int32_t i = 0; i < changes && size > 0; i++) {
        const size_t at = rng_below(r, size);
        switch (rng_below(r, 4)) {
        case 0:
            csv[at] = sharp[rng_below(r, sizeof(sharp) - 1)];
            break;
        case 1:
            memmove(csv + at, csv + at + 1, size - at - 1);
            size--;
            break;
        case 2:
            size = at;
            break;
        default:
            csv[at] = (char)rng_below(r, 256);
            break;
        }
    }
    return size;
}

static void
test_mutations(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 12);
    int64_t good = 0, refused = 0;
    for (int32_t run = 0; run < 24000; run++) {
        const csv_format format = {.delimiter = ',', .null_text = {"NA", 2}};
        int32_t          order[COLUMNS];
        if (run % 20 == 0) {
            const int32_t count = random_order(&r, order);
            make_sheet(&page, &r, &format, order, count);
        }
        /* Exact size, so that a read beyond the end is seen. */
        char *csv = malloc(page.size + 1);
        assert_non_null(csv);
        memcpy(csv, page.csv, page.size);
        const size_t size = mutate(csv, page.size, &r);
        char        *exact = malloc(size == 0 ? 1 : size);
        assert_non_null(exact);
        memcpy(exact, csv, size);
        free(csv);
        mem    m;
        error  err = {0};
        batch *rows = NULL;
        mem_init(&m, INT64_MAX);
        const status s = csv_read(&rows, &m, &shape, NULL, (text){exact, size}, &format, &err);
        CHECK(s == OK || (s == ERR_INGESTION_FAILED && err.message[0] != '\0' && rows == NULL));
        good += s == OK;
        refused += s != OK;
        batch_release(rows);
        CHECK_EQ(mem_fini(&m), 0);
        free(exact);
    }
    CHECK(good > 1000 && refused > 1000);
}

static void
test_limits(void **state) {
    (void)state;
    const size_t size = (16 << 20) + 10;
    char        *csv = malloc(size);
    assert_non_null(csv);
    memset(csv, 'x', size);
    memcpy(csv, "b\n", 2);
    mem    m;
    error  err = {0};
    batch *rows = NULL;
    mem_init(&m, INT64_MAX);
    CHECK_FAILS(csv_read(&rows, &m, &shape, NULL, (text){csv, size}, &plain, &err),
                ERR_INGESTION_FAILED);
    CHECK(strstr(err.message, "16 MiB") != NULL);
    CHECK_OK(csv_read(&rows, &m, &shape, NULL, (text){csv, (16 << 20) + 2}, &plain, &err));
    CHECK_EQ(column_value(&rows->rows.columns[1], 0).s.size, 16 << 20);
    batch_release(rows);
    /* The same within quotes that must be undone. */
    memset(csv + 2, '"', size - 2);
    csv[size - 1] = 'x';
    CHECK_FAILS(csv_read(&rows, &m, &shape, NULL, (text){csv, size}, &plain, &err),
                ERR_INGESTION_FAILED);
    CHECK_EQ(mem_fini(&m), 0);
    free(csv);
}

static status
scenario(mem *m, error *err) {
    batch       *rows = NULL;
    const status s = csv_read(&rows, m, &shape, NULL, (text){page.csv, page.size}, &plain, err);
    batch_release(rows);
    return s;
}

static void
test_torture(void **state) {
    (void)state;
    rng r;
    rng_init(&r, 13);
    int64_t runs = 0;
    for (int32_t i = 0; i < 20; i++) {
        int32_t order[COLUMNS];
        (void)random_order(&r, order);
        make_sheet(&page, &r, &plain, order, COLUMNS);
        runs += torture("csv", scenario);
    }
    CHECK(runs > 200);
}

UNIT_MAIN(UNIT(test_examples), UNIT(test_hint_defaults_and_nul), UNIT(test_round_trip),
          UNIT(test_mutations), UNIT(test_limits), UNIT(test_torture))
