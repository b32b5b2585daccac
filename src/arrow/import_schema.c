/* SPDX-License-Identifier: Apache-2.0 */
/* import_schema.c - an ArrowSchema of a record as engine types. */
#include "arrow/format.h"

status
arrow_import_schema(schema *out, const struct ArrowSchema *in, arena *a, error *err) {
    TRY(arrow_check_record(in, err));
    const int32_t count = (int32_t)in->n_children;
    field        *fields = arena_alloc(a, (size_t)count * sizeof(field));
    if (fields == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const struct ArrowSchema *child = in->children[i];
        const arrow_name          name = arrow_name_of(child, i);
        arrow_format              format;
        const text                given = text_of(child->name);
        TRY(arrow_check_field(child, name.text, &format, &fields[i].type, err));
        if (text_utf8_fault(given) >= 0) {
            return error_set(err, ERR_INVALID_SCHEMA, "the name of column %d is not UTF-8", i + 1);
        }
        fields[i].nullable = (child->flags & ARROW_FLAG_NULLABLE) != 0;
        fields[i].name = arena_text(a, given);
        if (fields[i].name.data == NULL) {
            return error_memory(err);
        }
    }
    *out = (schema){.count = count, .fields = fields};
    return OK;
}
