/* SPDX-License-Identifier: Apache-2.0 */
/* test_scan.c - CSV and JSON files as relations: the same rows however the file is cut into blocks,
 * what is found out about columns, places of errors, and every allocation and file call refused. */
#include "unit.h"

#include "../os/memory_vfs.h"
#include "base/rng.h"
#include "io/csv_scan.h"
#include "io/json_scan.h"
#include "io/time_pattern.h"

static const char *const PATHS[] = {"dir/a.csv", "dir/b.csv"};

typedef status (*opener)(relation **out, mem *m, vfs *fs, const file_list *files,
                         const csv_options *options, text label, error *err);

static void
put_row(buf *out, const delta *rows, int32_t row) {
    for (int32_t c = 0; c < rows->column_count; c++) {
        const value v = column_value(&rows->columns[c], row);
        buf_append_char(out, c > 0 ? '|' : '\n');
        CHECK(value_format(&v, out));
    }
}

/* Schema and rows as a text; the error's when it fails. */
static status
dump(opener open, mem *m, memory_vfs *fs, const csv_options *o, int32_t files, buf *out,
     error *err) {
    const file_list list = {.count = files, .paths = (const char **)(uintptr_t)PATHS};
    relation       *r = NULL;
    TRY(open(&r, m, &fs->base, &list, o, TEXT("it"), err));
    int32_t columns[64];
    for (int32_t i = 0; i < r->schema.count; i++) {
        columns[i] = i;
        buf_printf(out, "%s%.*s %s", i > 0 ? ", " : "", TEXT_ARG(r->schema.fields[i].name),
                   type_name(r->schema.fields[i].type));
    }
    status s = relation_start(r, columns, r->schema.count, err);
    while (s == OK) {
        delta rows;
        s = relation_next(r, &rows, err);
        for (int32_t i = 0; s == OK && i < rows.row_count; i++) {
            put_row(out, &rows, i);
        }
    }
    relation_close(r);
    return s == DONE ? OK : s;
}

/* What a text reads as. */
static void
check_read(opener open, const char *content, const csv_options *o, const char *wanted) {
    mem        m;
    memory_vfs fs;
    buf        out;
    error      err = {0};
    mem_init(&m, INT64_MAX);
    buf_init(&out, &m, 1 << 20);
    memory_vfs_init(&fs, text_of(content));
    const status s = dump(open, &m, &fs, o, 1, &out, &err);
    const char  *got = s < 0 ? err.message : out.data;
    if (strcmp(got, wanted) != 0) {
        print_error("%s\n  gave   %s\n  wanted %s\n", content, got, wanted);
        fail();
    }
    buf_fini(&out);
    CHECK_EQ(fs.open_files, 0);
    CHECK_EQ(mem_fini(&m), 0);
}

static csv_options
defaults(void) {
    csv_options o;
    csv_options_init(&o);
    return o;
}

/* A byte order mark is one wherever the first blocks end. */
static void
test_mark(void **state) {
    (void)state;
    csv_options o = defaults();
    for (o.block_bytes = 1; o.block_bytes <= 4; o.block_bytes++) {
        check_read(csv_scan_open, "\xef\xbb\xbf\na\n1", &o, "a BIGINT\n1");
        check_read(json_scan_open, "\xef\xbb\xbf{\"a\":1}", &o, "a BIGINT\n1");
        /* So is a character of four bytes, whole or cut. */
        check_read(csv_scan_open, "\xf0\xbb\xbf\xab\n1", &o, "\xf0\xbb\xbf\xab BIGINT\n1");
    }
}

static void
test_found_out(void **state) {
    (void)state;
    const csv_options o = defaults();
    check_read(csv_scan_open, "a,b\n1,x\n2,\n", &o, "a BIGINT, b VARCHAR\n1|x\n2|NULL");
    check_read(csv_scan_open, "a;b\r\n1,5;x\r\n2,5;y\r\n", &o,
               "a VARCHAR, b VARCHAR\n1,5|x\n2,5|y");
    check_read(csv_scan_open, "1\t2\n3\t4.5", &o, "column0 BIGINT, column1 DOUBLE\n1|2.0\n3|4.5");
    check_read(csv_scan_open, "x,y\n", &o, "x VARCHAR, y VARCHAR");
    check_read(csv_scan_open, "a,a,\n1,2,3\n", &o, "a BIGINT, a_1 BIGINT, column2 BIGINT\n1|2|3");
    check_read(csv_scan_open, "d,t,ts,b\n2024-01-31,09:30:00,2024-01-31 09:30:00,true\n", &o,
               "d DATE, t TIME, ts TIMESTAMP, b BOOLEAN\n2024-01-31|09:30:00|2024-01-31 "
               "09:30:00|true");
    check_read(csv_scan_open, "a,b\n\"\",\"x \"\"q\"\"\nnext\"\n", &o,
               "a VARCHAR, b VARCHAR\n|x \"q\"\nnext");
    check_read(csv_scan_open, "a,b\n1,2\n\n3,\n", &o, "a BIGINT, b BIGINT\n1|2\n3|NULL");
    check_read(csv_scan_open, "", &o, "the file is empty: it has no columns");
    check_read(csv_scan_open,
               "\xef\xbb\xbf"
               "a\n1",
               &o, "a BIGINT\n1");
    check_read(json_scan_open, "{\"a\":1,\"b\":\"x\"}\n{\"b\":null,\"a\":2.5}\n", &o,
               "a DOUBLE, b VARCHAR\n1.0|x\n2.5|NULL");
    check_read(json_scan_open, "[{\"a\":true},\n {\"a\":null, \"b\":[1,{\"c\":\"]\"}]}\n]\n", &o,
               "a BOOLEAN, b VARCHAR\ntrue|NULL\nNULL|[1,{\"c\":\"]\"}]");
    check_read(json_scan_open, "{\"d\":\"2024-01-31\",\"t\":\"2024-01-31T09:30:00\"}", &o,
               "d DATE, t TIMESTAMP\n2024-01-31|2024-01-31 09:30:00");
}

static void
test_options(void **state) {
    (void)state;
    csv_options o = defaults();
    o.skip = 2;
    check_read(csv_scan_open, "# note\n# note\na,b\n1,2\n", &o, "a BIGINT, b BIGINT\n1|2");
    o = defaults();
    o.null_text = TEXT("NA");
    check_read(csv_scan_open, "a,b\nNA,\"NA\"\n,x\n", &o, "a VARCHAR, b VARCHAR\nNULL|NA\n|x");
    o = defaults();
    o.ignore_errors = true;
    o.sample_rows = 1;
    check_read(csv_scan_open, "a,b\n1,2\nx,3\n4\n5,\"6\"7\n8,9\n", &o,
               "a BIGINT, b BIGINT\n1|2\n8|9");
    o = defaults();
    o.null_padding = true;
    check_read(csv_scan_open, "a,b\n1,2\n3\n", &o, "a BIGINT, b BIGINT\n1|2\n3|NULL");
    o = defaults();
    o.quote = '\'';
    o.escape = '\\';
    check_read(csv_scan_open, "a|b\n'x\\'|y'|1\n", &o, "a VARCHAR, b BIGINT\nx'|y|1");
    o = defaults();
    o.with_path = true;
    check_read(csv_scan_open, "a\n1\n", &o, "a BIGINT, filename VARCHAR\n1|dir/a.csv");
    o = defaults();
    const field types[] = {{TEXT("b"), type_of(TYPE_I16), true}};
    o.types = types;
    o.type_count = 1;
    check_read(csv_scan_open, "a,b\n1,2\n", &o, "a BIGINT, b SMALLINT\n1|2");
    check_read(csv_scan_open, "a,c\n1,2\n", &o, "the file has no column \"b\", which types names");
    o = defaults();
    const field dates[] = {{TEXT("d"), type_of(TYPE_DATE), true},
                           {TEXT("ts"), type_of(TYPE_TIMESTAMP), true}};
    o.types = dates;
    o.type_count = 2;
    o.date_format = TEXT("%d.%m.%Y");
    o.timestamp_format = TEXT("%b %d %y %I:%M:%S.%f %p");
    check_read(csv_scan_open, "d,ts\n31.1.2024,Feb 29 24 12:05:06.25 AM\n", &o,
               "d DATE, ts TIMESTAMP\n2024-01-31|2024-02-29 00:05:06.25");
    check_read(csv_scan_open, "d,ts\n31.2.2024,\n", &o,
               "\"dir/a.csv\", line 2, column \"d\": value '31.2.2024' does not fit DATE");
}

static void
test_faults(void **state) {
    (void)state;
    csv_options o = defaults();
    check_read(csv_scan_open, "a,b\n\"1\n1\",2\n3\n", &o,
               "\"dir/a.csv\", line 4: 1 fields where 2 are wanted");
    check_read(csv_scan_open, "a,b\n1,\"2\n3,4\n", &o,
               "\"dir/a.csv\", line 2: a quoted field is never closed: add the missing quote");
    check_read(csv_scan_open, "a,b\n1,\"2\"x\n", &o,
               "\"dir/a.csv\", line 2: a delimiter must follow the closing quote");
    check_read(csv_scan_open, "a\n1\n\xff\n", &o,
               "\"dir/a.csv\", line 3: the text is not valid UTF-8 or holds a NUL byte");
    check_read(json_scan_open, "{\"a\":1}\n{\"a\":\n", &o,
               "\"dir/a.csv\", line 3: a value is missing, at the end");
    check_read(json_scan_open, "{\"a\":1}\n[1,2]\n", &o,
               "\"dir/a.csv\", line 2: an object with the columns of a row must stand here, at "
               "'1,2]'");
    o.sample_rows = 1;
    check_read(csv_scan_open, "a,b\n1,2\n3,four\n", &o,
               "\"dir/a.csv\", line 3, column \"b\": value 'four' does not fit BIGINT");
    check_read(json_scan_open, "{\"a\":1}\n{\"a\":\"x\"}\n", &o,
               "\"dir/a.csv\", line 2, column \"a\": value 'x' does not fit BIGINT");
    check_read(json_scan_open, "{\"a\":1}\n{\"b\":1}\n", &o,
               "\"dir/a.csv\", line 2: the key \"b\" did not stand in the rows that were looked at "
               "for the columns");
}

/* ---- any cut gives the same rows */

static void
random_csv(rng *r, buf *out) {
    static const char *const fields[] = {"1",
                                         "22",
                                         "",
                                         "x",
                                         "\"\"",
                                         "\"a,b\"",
                                         "\"q\"\"q\"",
                                         "\"l\nl\"",
                                         "é€",
                                         "\"é\r\n\"",
                                         "-1.5",
                                         "2024-01-31",
                                         "long text of a field"};
    buf_append_text(out, TEXT("name,other,third\n"));
    for (int32_t i = (int32_t)rng_below(r, 40); i >= 0; i--) {
        for (int32_t c = 0; c < 3; c++) {
            buf_append_text(out, text_of(fields[rng_below(r, ARRAY_COUNT(fields))]));
            buf_append_text(out, c < 2                  ? TEXT(",")
                                 : rng_below(r, 3) == 0 ? TEXT("\r\n")
                                                        : TEXT("\n"));
        }
    }
}

static void
random_json(rng *r, buf *out) {
    static const char *const values[] = {
        "1", "2.5", "null", "\"x\"", "\"}{\\\"\"", "\"é\\u20ac\"", "[1,{\"z\":\"]\"}]", "\"\\\\\""};
    const bool array = rng_below(r, 2) == 0;
    buf_append_text(out, array ? TEXT(" [") : TEXT(""));
    for (int32_t i = (int32_t)rng_below(r, 40); i >= 0; i--) {
        buf_printf(out, "{\"a\": %s,\n \"b\":%s}", values[rng_below(r, ARRAY_COUNT(values))],
                   values[rng_below(r, ARRAY_COUNT(values))]);
        buf_append_text(out, array && i > 0 ? TEXT(" ,\n") : TEXT("\n"));
    }
    buf_append_text(out, array ? TEXT("]\n") : TEXT(""));
}

static void
test_any_cut(void **state) {
    (void)state;
    mem m;
    rng r;
    buf content, whole, cut;
    mem_init(&m, INT64_MAX);
    rng_init(&r, 7);
    buf_init(&content, &m, 1 << 20);
    buf_init(&whole, &m, 1 << 20);
    buf_init(&cut, &m, 1 << 20);
    for (int32_t i = 0; i < 300; i++) {
        const opener open = i % 2 == 0 ? csv_scan_open : json_scan_open;
        csv_options  o = defaults();
        memory_vfs   fs;
        error        err = {0}, cut_err = {0};
        buf_clear(&content);
        buf_clear(&whole);
        (i % 2 == 0 ? random_csv : random_json)(&r, &content);
        o.delimiter = ','; /* found out in the first block, which is cut here */
        o.all_text = true;
        memory_vfs_init(&fs, buf_text(&content));
        const status s = dump(open, &m, &fs, &o, 2, &whole, &err);
        for (size_t unit = 1; unit < 200; unit += 1 + rng_below(&r, 20)) {
            buf_clear(&cut);
            o.block_bytes = unit;
            CHECK_EQ(dump(open, &m, &fs, &o, 2, &cut, &cut_err), s);
            CHECK(s < 0 ? strcmp(err.message, cut_err.message) == 0
                        : text_equal(buf_text(&whole), buf_text(&cut)));
        }
    }
    buf_fini(&content);
    buf_fini(&whole);
    buf_fini(&cut);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- everything that may fail */

static void
refuse_each(opener open, const char *content, bool files) {
    csv_options o = defaults();
    o.block_bytes = 16;
    o.with_path = true;
    status s = ERR_OUT_OF_MEMORY;
    for (int64_t at = 1; s < 0; at++) {
        mem        m, shown;
        memory_vfs fs;
        buf        out;
        error      err = {0};
        mem_init(&m, INT64_MAX);
        mem_init(&shown, INT64_MAX);
        buf_init(&out, &shown, 1 << 20);
        memory_vfs_init(&fs, text_of(content));
        fs.fail_at = files ? at : 0;
        atomic_store(&m.fail_at, files ? 0 : at);
        s = dump(open, &m, &fs, &o, 2, &out, &err);
        CHECK(s == OK || s == (files ? ERR_QUERY_FAILED : ERR_OUT_OF_MEMORY));
        CHECK_EQ(fs.open_files, 0);
        buf_fini(&out);
        CHECK_EQ(mem_fini(&shown), 0);
        CHECK_EQ(mem_fini(&m), 0);
        CHECK(at < 2000);
    }
}

static void
test_torture(void **state) {
    (void)state;
    for (int32_t files = 0; files < 2; files++) {
        refuse_each(csv_scan_open, "a,b\n1,\"x\"\"y\"\n2,a text of more than twelve bytes\n",
                    files);
        refuse_each(json_scan_open, "{\"a\":1,\"b\":\"x\\ny\"}\n{\"a\":2,\"b\":[1]}\n", files);
    }
}

int
main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mark),    cmocka_unit_test(test_found_out),
        cmocka_unit_test(test_options), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_any_cut), cmocka_unit_test(test_torture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
