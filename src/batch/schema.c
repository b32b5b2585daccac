/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c - names and types of columns. */
#include "batch/column.h"

schema *
schema_copy(const schema *s, arena *a) {
    schema *out = arena_alloc(a, sizeof(*out));
    if (out == NULL) {
        return NULL;
    }
    out->count = s->count;
    out->fields = arena_alloc(a, (size_t)s->count * sizeof(field));
    if (out->fields == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < s->count; i++) {
        out->fields[i] = s->fields[i];
        out->fields[i].name = arena_text(a, s->fields[i].name);
        if (out->fields[i].name.data == NULL) {
            return NULL;
        }
    }
    return out;
}

/* A name in the very spelling is preferred, so that "a" and "A" in one schema are both within
 * reach. */
int32_t
schema_find(const schema *s, text name, bool exact) {
    for (int32_t i = 0; i < s->count; i++) {
        if (text_equal(s->fields[i].name, name)) {
            return i;
        }
    }
    for (int32_t i = 0; i < s->count && !exact; i++) {
        if (text_equal_nocase(s->fields[i].name, name)) {
            return i;
        }
    }
    return -1;
}

bool
schema_equal(const schema *a, const schema *b) {
    if (a->count != b->count) {
        return false;
    }
    for (int32_t i = 0; i < a->count; i++) {
        if (!type_equal(a->fields[i].type, b->fields[i].type) ||
            !text_equal(a->fields[i].name, b->fields[i].name)) {
            return false;
        }
    }
    return true;
}
