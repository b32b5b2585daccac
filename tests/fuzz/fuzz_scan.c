/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_scan.c - a CSV or JSON file as a relation. The first byte chooses the format and options,
 * the second the size of a block. What is read are rows whose values can be looked at and whose
 * text is UTF-8, and a whole read in one block gives as many. */
#include "fuzz.h"

#include "../unit/os/memory_vfs.h"
#include "io/csv_scan.h"
#include "io/json_scan.h"

static void
check_rows(const relation *r, const delta *rows) {
    FUZZ_CHECK(rows->row_count > 0 && rows->column_count == r->schema.count);
    for (int32_t c = 0; c < rows->column_count; c++) {
        for (int32_t i = 0; i < rows->row_count; i++) {
            const value v = column_value(&rows->columns[c], i);
            FUZZ_CHECK(type_equal(v.type, r->schema.fields[c].type));
            if (!v.is_null && v.type.id == TYPE_TEXT) {
                FUZZ_CHECK(text_is_utf8(v.s) && memchr(v.s.data, '\0', v.s.size) == NULL);
            }
        }
    }
}

static status
read_all(bool json, mem *m, memory_vfs *fs, const csv_options *o, int64_t *count, error *err) {
    const char     *path = "f";
    const file_list files = {.count = 1, .paths = &path};
    relation       *r = NULL;
    *count = 0;
    status s = (json ? json_scan_open : csv_scan_open)(&r, m, &fs->base, &files, o, TEXT("f"), err);
    if (s < 0) {
        return s;
    }
    int32_t columns[4097];
    for (int32_t i = 0; i < r->schema.count; i++) {
        columns[i] = i;
    }
    s = relation_start(r, columns, r->schema.count, err);
    while (s == OK) {
        delta rows;
        s = relation_next(r, &rows, err);
        if (s == OK) {
            check_rows(r, &rows);
            *count += rows.row_count;
        }
    }
    relation_close(r);
    return s == DONE ? OK : s;
}

const int fuzz_passes = 2; /* whole and in blocks */

int
fuzz_target(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    mem         m;
    memory_vfs  fs;
    csv_options o;
    int64_t     whole, cut;
    error       err = {0}, cut_err = {0};
    const bool  json = (data[0] & 1) != 0;
    char       *content = fuzz_copy(data + 2, size - 2);
    csv_options_init(&o);
    o.ignore_errors = (data[0] & 2) != 0;
    o.null_padding = (data[0] & 4) != 0;
    o.all_text = (data[0] & 8) != 0;
    o.escape = (data[0] & 16) != 0 ? '\\' : '"';
    o.sample_rows = (data[0] & 32) != 0 ? 1 : 20480;
    o.delimiter = (data[0] & 64) != 0 ? ';' : 0;
    mem_init(&m, 256 << 20);
    memory_vfs_init(&fs, (text){content, size - 2});
    const status s = read_all(json, &m, &fs, &o, &whole, &err);
    FUZZ_CHECK(s == OK || (err.message[0] != '\0' && text_is_utf8(text_of(err.message))), "%s",
               err.message);
    FUZZ_CHECK(s != ERR_INTERNAL_ERROR);
    o.block_bytes = 1 + data[1];
    if (o.delimiter == 0 && !json) {
        o.delimiter = ','; /* found out in the first block */
        (void)read_all(json, &m, &fs, &o, &cut, &cut_err);
    } else if (!o.ignore_errors) {
        FUZZ_CHECK(read_all(json, &m, &fs, &o, &cut, &cut_err) == s);
        FUZZ_CHECK(s < 0 || cut == whole);
    }
    FUZZ_CHECK(fs.open_files == 0);
    free(content);
    FUZZ_CHECK(mem_fini(&m) == 0);
    return 0;
}
