/* SPDX-License-Identifier: Apache-2.0 */
/* nested_type.c - the table of nested types.
 *
 * Entries are made under a lock and never change or go; their numbers are read without one: an
 * entry is complete before its number is given out. Entry n of segment k is the one with the number
 * SEGMENT_FIRST * (2^k - 1) + n + 1; number 0 stands for any type of its kind. */
#include "type/nested_type.h"

#include "base/hash.h"
#include "os/thread.h"

#define SEGMENT_FIRST 256
#define SEGMENTS 12
#define BUCKETS 1024
#define TYPES_MAX (SEGMENT_FIRST * ((1 << SEGMENTS) - 1))

static mutex        lock = {.handle = PTHREAD_MUTEX_INITIALIZER};
static mem          account = {.bytes_limit = INT64_MAX};
static nested_type *buckets[BUCKETS];
static int32_t      type_count;

static _Atomic(nested_type **) segments[SEGMENTS];

static int32_t
segment_of(int32_t index) {
    return 31 - __builtin_clz((uint32_t)index / SEGMENT_FIRST + 1);
}

static int32_t
first_of(int32_t segment) {
    return SEGMENT_FIRST * ((1 << segment) - 1);
}

static data_type
reference(type_id id, int32_t number) {
    return (data_type){.id = (uint8_t)id,
                       .precision = (uint8_t)number,
                       .scale = (uint8_t)(number >> 8),
                       .reserved = (uint8_t)(number >> 16)};
}

const nested_type *
nested_type_of(data_type t) {
    const int32_t index = (t.precision | t.scale << 8 | t.reserved << 16) - 1;
    assert(type_is_nested(t) && index >= 0);
    const int32_t at = segment_of(index);
    return atomic_load_explicit(&segments[at], memory_order_acquire)[index - first_of(at)];
}

bool
type_is_open(data_type t) {
    return (t.precision | t.scale | t.reserved) == 0;
}

/* ---- names */

static bool
is_plain_name(text t) {
    for (size_t i = 0; i < t.size; i++) {
        const char c = t.data[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return t.size > 0;
}

static bool
write_fields(buf *out, const nested_field *fields, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        (void)buf_append_text(out, i > 0 ? TEXT(", ") : TEXT(""));
        if (is_plain_name(fields[i].name)) {
            (void)buf_append_text(out, fields[i].name);
            (void)buf_append_char(out, ' ');
        } else if (fields[i].name.size > 0) {
            (void)buf_append_quoted(out, fields[i].name, '"');
            (void)buf_append_char(out, ' ');
        }
        (void)buf_append_text(out, text_of(type_name(fields[i].type)));
    }
    return !out->failed;
}

static bool
write_name(buf *out, const nested_type *t) {
    switch (t->id) {
    case TYPE_LIST:
        (void)buf_append_text(out, text_of(type_name(t->fields[0].type)));
        return t->size < 0 ? buf_append_text(out, TEXT("[]")) : buf_printf(out, "[%d]", t->size);
    case TYPE_MAP:
        return buf_printf(out, "MAP(%s, %s)", type_name(type_map_key(t->fields[0].type)),
                          type_name(type_map_value(t->fields[0].type)));
    default:
        (void)buf_append_text(out, TEXT("STRUCT("));
        (void)write_fields(out, t->fields, t->count);
        return buf_append_char(out, ')');
    }
}

/* ---- making */

static uint64_t
hash_of(const nested_type *t) {
    uint64_t h = hash_u64((uint64_t)t->id << 32 | (uint32_t)t->size);
    for (int32_t i = 0; i < t->count; i++) {
        uint32_t word;
        memcpy(&word, &t->fields[i].type, sizeof(word));
        h = hash_combine(h, word);
        h = hash_combine(h, hash_bytes(t->fields[i].name.data, t->fields[i].name.size));
    }
    return h;
}

static bool
same(const nested_type *a, const nested_type *b) {
    if (a->hash != b->hash || a->id != b->id || a->size != b->size || a->count != b->count) {
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

uint32_t
nested_width(data_type t) {
    switch (type_physical(t)) {
    case PHYSICAL_TEXT:
        return 0;
    case PHYSICAL_NESTED:
        return nested_type_of(t)->width;
    default:
        return (uint32_t)type_width(t);
    }
}

/* Where the slots of a STRUCT lie. */
static void
lay_out(nested_type *t) {
    int32_t  last = -1;
    bool     fixed = true;
    uint32_t at = (uint32_t)(t->count + 7) / 8;
    for (int32_t i = 0; i < t->count; i++) {
        nested_slot   *s = &t->slots[i];
        const uint32_t width = nested_width(t->fields[i].type);
        *s = (nested_slot){.at = at, .width = width == 0 ? 4 : width, .is_fixed = width > 0};
        s->previous = last;
        last = width == 0 ? (int32_t)at : last;
        fixed &= width > 0;
        at += s->width;
    }
    t->heap_at = at;
    t->width = t->id == TYPE_STRUCT && fixed ? at : 0;
}

/* A copy with its names, in one allocation. */
static nested_type *
copy_type(const nested_type *t, text name) {
    const size_t count = (size_t)t->count;
    size_t       bytes = sizeof(*t) + count * (sizeof(nested_field) + sizeof(nested_slot));
    const size_t texts_at = bytes;
    bytes += name.size + 1;
    for (size_t i = 0; i < count; i++) {
        bytes += t->fields[i].name.size;
    }
    nested_type *copy = mem_alloc(&account, bytes);
    if (copy == NULL) {
        return NULL;
    }
    nested_field *fields = (nested_field *)(void *)(copy + 1);
    char         *next = (char *)copy + texts_at;
    *copy = *t;
    copy->bytes = bytes;
    copy->fields = fields;
    copy->slots = (nested_slot *)(void *)(fields + count);
    copy->name = next;
    memcpy(next, name.data, name.size);
    next += name.size;
    *next++ = '\0';
    for (size_t i = 0; i < count; i++) {
        const text field_name = t->fields[i].name;
        fields[i] = (nested_field){.name = {next, field_name.size}, .type = t->fields[i].type};
        if (field_name.size > 0) {
            memcpy(next, field_name.data, field_name.size);
        }
        next += field_name.size;
    }
    lay_out(copy);
    return copy;
}

/* The lock is held. */
static status
add(const nested_type *wanted, data_type *out, error *err) {
    if (type_count == TYPES_MAX) {
        return error_set(err, ERR_INVALID_SCHEMA, "this process has used %d different nested types",
                         TYPES_MAX);
    }
    const int32_t at = segment_of(type_count);
    nested_type **segment = atomic_load_explicit(&segments[at], memory_order_relaxed);
    if (segment == NULL) {
        segment = mem_alloc_zero(&account, ((size_t)SEGMENT_FIRST << at) * sizeof(*segment));
        if (segment == NULL) {
            return error_memory(err);
        }
        atomic_store_explicit(&segments[at], segment, memory_order_release);
    }
    buf name;
    buf_init(&name, &account, NESTED_NAME_MAX);
    const bool   written = write_name(&name, wanted);
    nested_type *made = written ? copy_type(wanted, buf_text(&name)) : NULL;
    const bool   too_long = !written && name.size > NESTED_NAME_MAX / 2;
    buf_fini(&name);
    if (made == NULL) {
        return too_long
                   ? error_set(err, ERR_INVALID_SCHEMA,
                               "the name of a nested type has more than %d bytes", NESTED_NAME_MAX)
                   : error_memory(err);
    }
    made->number = type_count + 1;
    segment[type_count - first_of(at)] = made;
    made->next = buckets[made->hash % BUCKETS];
    buckets[made->hash % BUCKETS] = made;
    type_count++;
    *out = reference(made->id, made->number);
    return OK;
}

static status
intern(nested_type *t, data_type *out, error *err) {
    t->depth = 1;
    t->leaves = 0;
    t->by_bytes = true;
    for (int32_t i = 0; i < t->count; i++) {
        const data_type x = t->fields[i].type;
        if (!type_is_nested(x)) {
            t->leaves++;
            t->by_bytes &= !type_is_float(x) && x.id != TYPE_INTERVAL;
            continue;
        }
        const nested_type *inner = nested_type_of(x);
        /* the entries of a map are no level of their own */
        const int32_t depth = inner->depth + (t->id != TYPE_MAP);
        t->depth = depth > t->depth ? depth : t->depth;
        t->leaves += inner->leaves;
        t->by_bytes &= inner->by_bytes;
    }
    if (t->depth > NESTED_DEPTH_MAX) {
        return error_set(err, ERR_INVALID_SCHEMA, "a type is nested more than %d levels deep",
                         NESTED_DEPTH_MAX);
    }
    if (t->leaves > NESTED_LEAVES_MAX) {
        return error_set(err, ERR_INVALID_SCHEMA, "a nested type has more than %d parts",
                         NESTED_LEAVES_MAX);
    }
    t->hash = hash_of(t);
    status s = OK;
    mutex_lock(&lock);
    const nested_type *known = buckets[t->hash % BUCKETS];
    while (known != NULL && !same(known, t)) {
        known = known->next;
    }
    if (known != NULL) {
        *out = reference(known->id, known->number);
    } else {
        s = add(t, out, err);
    }
    mutex_unlock(&lock);
    return s;
}

status
type_array(data_type *out, data_type item, int32_t size, error *err) {
    nested_field field = {.type = item};
    nested_type  t = {.id = TYPE_LIST, .count = 1, .size = size, .fields = &field};
    return intern(&t, out, err);
}

status
type_list(data_type *out, data_type item, error *err) {
    return type_array(out, item, -1, err);
}

status
type_map(data_type *out, data_type key, data_type value_type, error *err) {
    const nested_field pair[2] = {{.name = TEXT("key"), .type = key},
                                  {.name = TEXT("value"), .type = value_type}};
    nested_field       field = {.type = type_of(TYPE_NULL)};
    TRY(type_struct(&field.type, pair, 2, err));
    nested_type t = {.id = TYPE_MAP, .count = 1, .size = -1, .fields = &field};
    return intern(&t, out, err);
}

static status
check_names(const nested_field *fields, int32_t count, error *err) {
    for (int32_t i = 0; i < count; i++) {
        if ((fields[i].name.size == 0) != (fields[0].name.size == 0)) {
            return error_set(err, ERR_INVALID_SCHEMA,
                             "either all fields of a STRUCT have a name or none has");
        }
        for (int32_t k = 0; k < i && fields[i].name.size > 0; k++) {
            if (text_equal_nocase(fields[i].name, fields[k].name)) {
                return error_set(err, ERR_INVALID_SCHEMA, "a STRUCT has two fields named \"%.*s\"",
                                 TEXT_ARG(fields[i].name));
            }
        }
    }
    return OK;
}

status
type_struct(data_type *out, const nested_field *fields, int32_t count, error *err) {
    if (count < 1 || count > NESTED_FIELDS_MAX) {
        return error_set(err, ERR_INVALID_SCHEMA, "a STRUCT has 1 to %d fields", NESTED_FIELDS_MAX);
    }
    TRY(check_names(fields, count, err));
    nested_type t = {
        .id = TYPE_STRUCT, .count = count, .size = -1, .fields = (nested_field *)(uintptr_t)fields};
    return intern(&t, out, err);
}

/* ---- asking */

data_type
type_item(data_type t) {
    assert(t.id == TYPE_LIST || t.id == TYPE_MAP);
    return nested_type_of(t)->fields[0].type;
}

int32_t
type_array_size(data_type t) {
    return t.id == TYPE_LIST && !type_is_open(t) ? nested_type_of(t)->size : -1;
}

int32_t
type_field_count(data_type t) {
    assert(t.id == TYPE_STRUCT);
    return nested_type_of(t)->count;
}

nested_field
type_field(data_type t, int32_t at) {
    assert(t.id == TYPE_STRUCT && at < nested_type_of(t)->count);
    return nested_type_of(t)->fields[at];
}

int32_t
type_find_field(data_type t, text name, bool exact) {
    const nested_type *n = nested_type_of(t);
    for (int32_t i = 0; i < n->count; i++) {
        const text have = n->fields[i].name;
        if (have.size > 0 && (exact ? text_equal(have, name) : text_equal_nocase(have, name))) {
            return i;
        }
    }
    return -1;
}

/* Of a MAP or of its entries. */
data_type
type_map_key(data_type t) {
    return type_field(t.id == TYPE_MAP ? type_item(t) : t, 0).type;
}

data_type
type_map_value(data_type t) {
    return type_field(t.id == TYPE_MAP ? type_item(t) : t, 1).type;
}

bool
type_equal_by_bytes(data_type t) {
    return nested_type_of(t)->by_bytes;
}
