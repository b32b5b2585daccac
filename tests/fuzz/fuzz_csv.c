/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_csv.c - CSV text for a source with a column of every type. The first byte chooses delimiter
 * and null text. What is read are rows whose values can be looked at and whose text is UTF-8. */
#include "fuzz.h"

#include "io/csv.h"
#include "type/nested.h"

#define TYPE(id_, sql, kind, format) {{#id_, sizeof(#id_) - 1}, {.id = TYPE_##id_}, true},
static field fields[] = {
#include "type/types.def"
};
#undef TYPE

/* Nested types are numbered when they are made. */
static void
make_nested(void) {
    const nested_field parts[] = {{TEXT("a"), {.id = TYPE_I64}}, {TEXT("b"), {.id = TYPE_TEXT}}};
    error              err;
    for (int32_t i = 0; i < ARRAY_COUNT(fields); i++) {
        data_type   *t = &fields[i].type;
        const status s = t->id == TYPE_LIST     ? type_list(t, parts[0].type, &err)
                         : t->id == TYPE_MAP    ? type_map(t, parts[1].type, parts[0].type, &err)
                         : t->id == TYPE_STRUCT ? type_struct(t, parts, 2, &err)
                                                : OK;
        FUZZ_CHECK(s == OK);
    }
}

static void
check_rows(const batch *b) {
    FUZZ_CHECK(b->rows.row_count > 0 && b->rows.column_count == ARRAY_COUNT(fields));
    for (int32_t c = 0; c < b->rows.column_count; c++) {
        const column *of = &b->rows.columns[c];
        for (int32_t i = 0; i < b->rows.row_count; i++) {
            const value v = column_value(of, i);
            FUZZ_CHECK(type_equal(v.type, fields[c].type));
            if (!v.is_null && v.type.id == TYPE_TEXT) {
                FUZZ_CHECK(text_is_utf8(v.s) && memchr(v.s.data, '\0', v.s.size) == NULL);
            }
        }
    }
}

const int fuzz_passes = 1;

int
fuzz_target(const uint8_t *data, size_t size) {
    static const char delimiters[] = ",;\t|";
    if (size == 0) {
        return 0;
    }
    make_nested();
    mem              m;
    error            err = {0};
    batch           *b = NULL;
    char            *csv = fuzz_copy(data + 1, size - 1);
    const schema     target = {.count = ARRAY_COUNT(fields), .fields = fields};
    const csv_format format = {.delimiter = delimiters[data[0] & 3],
                               .null_text = (data[0] & 4) != 0 ? TEXT("NA") : (text){NULL, 0}};
    mem_init(&m, 64 << 20);
    const status s = csv_read(&b, &m, &target, NULL, (text){csv, size - 1}, &format, &err);
    if (s < 0) {
        FUZZ_CHECK(b == NULL && err.message[0] != '\0' && text_is_utf8(text_of(err.message)), "%s",
                   err.message);
        FUZZ_CHECK(s != ERR_INTERNAL_ERROR);
    } else if (b != NULL) {
        check_rows(b);
    }
    free(csv); /* a batch keeps nothing of the text */
    if (b != NULL) {
        check_rows(b);
    }
    batch_release(b);
    FUZZ_CHECK(mem_fini(&m) == 0);
    return 0;
}
