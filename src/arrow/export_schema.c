/* SPDX-License-Identifier: Apache-2.0 */
/* export_schema.c - a schema as an ArrowSchema. Each column's struct has its own allocation, so
 * that it may be moved out of the record's. */
#include "arrow/arrow.h"
#include "type/nested.h"

#include <stdio.h>

typedef struct exported_schema {
    mem                 *mem;
    size_t               bytes;
    struct ArrowSchema **children;    /* of a record: they follow, and their structs after them */
    size_t               parts_bytes; /* of a nested type: `children` is an allocation of its own */
    char                 format[24];  /* of a DECIMAL, of a list of fixed size */
    char                 name[];
} exported_schema;

static const char *const type_formats[TYPE_COUNT] = {
#define TYPE(name, sql_name, physical, arrow_format) [TYPE_##name] = arrow_format,
#include "type/types.def"
#undef TYPE
};

/* Metadata that names an extension: one pair of texts with their sizes. */
typedef struct extension_name {
    int32_t pairs;
    int32_t key_size;
    char    key[20];
    int32_t value_size;
    char    value[10];
} extension_name;

/* Arrow's canonical extensions, over 16 bytes and over texts. */
static const extension_name uuid_extension = {1, 20, "ARROW:extension:name", 10, "arrow.uuid"};
static const extension_name json_extension = {1, 20, "ARROW:extension:name", 10, "arrow.json"};

/* Of a HUGEINT, whose Arrow type is that of a decimal: with it one comes back as it went. */
static const struct {
    int32_t pairs;
    int32_t key_size;
    char    key[14];
    char    value_size[sizeof(int32_t)]; /* not aligned */
    char    value[7];
} hugeint_mark = {1, 14, "laminardb:type", {7, 0, 0, 0}, "HUGEINT"};

static void
release_schema(struct ArrowSchema *s) {
    exported_schema *e = s->private_data;
    for (int64_t i = 0; i < s->n_children; i++) {
        struct ArrowSchema *child = e->children[i];
        if (child->release != NULL) {
            child->release(child);
        }
    }
    if (e->parts_bytes > 0) {
        mem_free(e->mem, e->children, e->parts_bytes);
    }
    mem_free(e->mem, e, e->bytes);
    s->release = NULL;
}

static status export_field(struct ArrowSchema *out, text name, data_type type, bool nullable,
                           mem *m, error *err);

/* Part i of a nested type: a field, the item, the entry of a map; keys and entries are never NULL.
 */
static status
export_part(struct ArrowSchema *out, data_type type, int32_t i, mem *m, error *err) {
    if (type.id == TYPE_STRUCT) {
        const nested_field f = type_field(type, i);
        return export_field(out, f.name, f.type, true, m, err);
    }
    if (type.id == TYPE_LIST) {
        return export_field(out, TEXT("item"), type_item(type), true, m, err);
    }
    TRY(export_field(out, TEXT("entries"), type_item(type), false, m, err));
    out->children[0]->flags = 0;
    return OK;
}

static status
export_parts(struct ArrowSchema *out, exported_schema *e, data_type type, mem *m, error *err) {
    const size_t        count = type.id == TYPE_STRUCT ? (size_t)type_field_count(type) : 1;
    struct ArrowSchema *parts;
    e->parts_bytes = count * (sizeof(struct ArrowSchema *) + sizeof(struct ArrowSchema));
    e->children = mem_alloc_zero(m, e->parts_bytes);
    if (e->children == NULL) {
        e->parts_bytes = 0;
        return error_memory(err);
    }
    parts = (struct ArrowSchema *)(e->children + count);
    for (size_t i = 0; i < count; i++) {
        e->children[i] = &parts[i];
    }
    out->n_children = (int64_t)count;
    out->children = e->children;
    for (size_t i = 0; i < count; i++) {
        TRY(export_part(&parts[i], type, (int32_t)i, m, err));
    }
    return OK;
}

static status
export_field(struct ArrowSchema *out, text name, data_type type, bool nullable, mem *m,
             error *err) {
    const size_t     bytes = sizeof(exported_schema) + name.size + 1;
    exported_schema *e = mem_alloc(m, bytes);
    if (e == NULL) {
        return error_memory(err);
    }
    *e = (exported_schema){.mem = m, .bytes = bytes};
    if (name.size > 0) {
        memcpy(e->name, name.data, name.size);
    }
    e->name[name.size] = '\0';
    (void)snprintf(e->format, sizeof(e->format), "d:%d,%d", type.precision, type.scale);
    if (type_array_size(type) >= 0) {
        (void)snprintf(e->format, sizeof(e->format), "+w:%d", type_array_size(type));
    }
    *out = (struct ArrowSchema){.format = type.id == TYPE_DECIMAL || type_array_size(type) >= 0
                                              ? e->format
                                              : type_formats[type.id],
                                .name = e->name,
                                .metadata = type.id == TYPE_UUID   ? (const char *)&uuid_extension
                                            : type.id == TYPE_I128 ? (const char *)&hugeint_mark
                                            : type_is_json(type)   ? (const char *)&json_extension
                                                                   : NULL,
                                .flags = nullable ? ARROW_FLAG_NULLABLE : 0,
                                .release = release_schema,
                                .private_data = e};
    if (!type_is_nested(type)) {
        return OK;
    }
    const status s = export_parts(out, e, type, m, err);
    if (s < 0) {
        release_schema(out);
    }
    return s;
}

status
arrow_export_schema(struct ArrowSchema *out, const schema *s, bool with_weight, mem *m,
                    error *err) {
    const size_t count = (size_t)s->count + with_weight;
    const size_t bytes = sizeof(exported_schema) +
                         count * (sizeof(struct ArrowSchema *) + sizeof(struct ArrowSchema));
    exported_schema *e = mem_alloc_zero(m, bytes);
    *out = (struct ArrowSchema){.release = NULL};
    if (e == NULL) {
        return error_memory(err);
    }
    e->mem = m;
    e->bytes = bytes;
    e->children = (struct ArrowSchema **)(e + 1);
    struct ArrowSchema *columns = (struct ArrowSchema *)(e->children + count);
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = (int64_t)count,
                                .children = e->children,
                                .release = release_schema,
                                .private_data = e};
    status made = OK;
    for (size_t i = 0; i < count; i++) {
        e->children[i] = &columns[i]; /* all zero: released, until it is made */
        if (made >= 0 && i < (size_t)s->count) {
            const field *f = &s->fields[i];
            made = export_field(&columns[i], f->name, f->type, f->nullable, m, err);
        } else if (made >= 0) {
            made = export_field(&columns[i], TEXT("__weight"), type_of(TYPE_I64), false, m, err);
        }
    }
    if (made < 0) {
        release_schema(out);
    }
    return made;
}

status
arrow_export_type(struct ArrowSchema *out, text name, data_type type, mem *m, error *err) {
    *out = (struct ArrowSchema){.release = NULL};
    return export_field(out, name, type, true, m, err);
}
