/* SPDX-License-Identifier: Apache-2.0 */
/* result.c - finished row sets. Batches are appended by one owner before the result is shared;
 * afterwards it is immutable. */
#include "exec/result.h"

#include "batch/builder.h"

#include <string.h>

status
result_new(result **out, mem *m, const schema *s, bool with_weight, error *err) {
    result *r = mem_alloc_zero(m, sizeof(*r));
    if (r == NULL) {
        return error_memory(err);
    }
    atomic_store(&r->references, 1);
    r->mem = m;
    r->with_weight = with_weight;
    arena_init(&r->arena, m);
    const int32_t count = s->count + (with_weight ? 1 : 0);
    field        *fields = arena_alloc(&r->arena, sizeof(field) * (size_t)(count + 1));
    bool          made = fields != NULL;
    for (int32_t i = 0; made && i < s->count; i++) {
        fields[i] = s->fields[i];
        fields[i].name = arena_text(&r->arena, s->fields[i].name);
        made = fields[i].name.data != NULL;
    }
    if (!made) {
        result_release(r);
        return error_memory(err);
    }
    if (with_weight) {
        fields[s->count] = (field){.name = TEXT("__weight"), .type = type_of(TYPE_I64)};
    }
    r->schema = (schema){.count = count, .fields = fields};
    *out = r;
    return OK;
}

result *
result_retain(result *r) {
    atomic_fetch_add_explicit(&r->references, 1, memory_order_relaxed);
    return r;
}

void
result_release(result *r) {
    if (r == NULL || atomic_fetch_sub_explicit(&r->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (int32_t i = 0; i < r->batch_count; i++) {
        batch_release(r->batches[i]);
    }
    mem_free(r->mem, r->batches, sizeof(batch *) * (size_t)r->batch_capacity);
    mem_free(r->mem, r->row_ops, (size_t)r->row_count);
    result_release(r->gone); /* which has none itself */
    mem_free(r->mem, r->ends, sizeof(int64_t) * (size_t)r->end_capacity);
    arena_fini(&r->arena);
    mem_free(r->mem, r, sizeof(*r));
}

static status
reserve(result *r, error *err) {
    if (r->batch_count < r->batch_capacity) {
        return OK;
    }
    const int32_t capacity = r->batch_capacity == 0 ? 4 : r->batch_capacity * 2;
    if (r->end_capacity < capacity) {
        int64_t *ends = mem_resize(r->mem, r->ends, sizeof(int64_t) * (size_t)r->end_capacity,
                                   sizeof(int64_t) * (size_t)capacity);
        if (ends == NULL) {
            return error_memory(err);
        }
        r->ends = ends;
        r->end_capacity = capacity;
    }
    batch **list = mem_resize(r->mem, r->batches, sizeof(batch *) * (size_t)r->batch_capacity,
                              sizeof(batch *) * (size_t)capacity);
    if (list == NULL) {
        return error_memory(err);
    }
    r->batches = list;
    r->batch_capacity = capacity;
    return OK;
}

status
result_add(result *r, batch *b, error *err) {
    const status s = reserve(r, err);
    if (s < 0) {
        batch_release(b);
        return s;
    }
    r->row_count += b->rows.row_count;
    r->ends[r->batch_count] = r->row_count;
    r->batches[r->batch_count++] = b;
    return OK;
}

status
result_set_ops(result *r, const uint8_t *ops, error *err) {
    if (r->row_count == 0) {
        return OK;
    }
    r->row_ops = mem_alloc(r->mem, (size_t)r->row_count);
    if (r->row_ops == NULL) {
        return error_memory(err);
    }
    memcpy(r->row_ops, ops, (size_t)r->row_count);
    return OK;
}

/* The batch that holds the row. */
static int32_t
find_batch(const result *r, int64_t row) {
    int32_t low = 0, high = r->batch_count - 1;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (r->ends[middle] > row) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

value
result_value(const result *r, int64_t row, int32_t column_index) {
    assert(row >= 0 && row < r->row_count);
    const int32_t i = find_batch(r, row);
    row -= i == 0 ? 0 : r->ends[i - 1];
    const delta *rows = &r->batches[i]->rows;
    if (column_index == rows->column_count) {
        assert(r->with_weight);
        return value_i64(rows->weight == NULL ? 1 : rows->weight[row]);
    }
    return column_value(&rows->columns[column_index], row);
}

/* ---- batches of one size */

/* Rows from `first` of a batch: with a word of validity cut in two they are gathered. */
static status
slice_batch(const batch *b, int32_t first, int32_t count, column *columns, arena *a, delta *out,
            error *err) {
    int32_t *picked = arena_alloc(a, sizeof(*picked) * (size_t)count);
    if (picked == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        picked[i] = first + i;
    }
    for (int32_t i = 0; i < b->rows.column_count; i++) {
        TRY(column_gather(&columns[i], &b->rows.columns[i], picked, count, a, err));
    }
    *out = (delta){.row_count = count, .column_count = b->rows.column_count, .columns = columns};
    return OK;
}

static status
take_batch(result *to, builder *rows, error *err) {
    batch *made = NULL;
    TRY(builder_take(rows, &made, err));
    return result_add(to, made, err);
}

static status
cut_batches(result *to, const result *from, int64_t size, builder *rows, arena *a, error *err) {
    column *columns = arena_alloc(&to->arena, sizeof(*columns) * (size_t)(from->schema.count + 1));
    if (columns == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < from->batch_count; i++) {
        const batch *b = from->batches[i];
        for (int32_t at = 0; at < b->rows.row_count;) {
            const int64_t room = min_i64(size - builder_rows(rows), BATCH_ROWS);
            const int32_t count = (int32_t)min_i64(b->rows.row_count - at, room);
            delta         part;
            arena_reset(a);
            TRY(slice_batch(b, at, count, columns, a, &part, err));
            TRY(builder_append_delta(rows, &part, err));
            at += count;
            TRY(builder_rows(rows) == size ? take_batch(to, rows, err) : OK);
        }
    }
    return builder_rows(rows) > 0 ? take_batch(to, rows, err) : OK;
}

static status
cut(result *to, const result *from, int64_t size, error *err) {
    builder    rows;
    arena      a;
    data_type *types = arena_alloc(&to->arena, sizeof(*types) * (size_t)(from->schema.count + 1));
    if (types == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < from->schema.count; i++) {
        types[i] = from->schema.fields[i].type;
    }
    TRY(builder_init(&rows, to->mem, types, from->schema.count, err));
    arena_init(&a, to->mem);
    const status s = cut_batches(to, from, size, &rows, &a, err);
    arena_fini(&a);
    builder_fini(&rows);
    return s;
}

status
result_cut(result **r, int64_t size, error *err) {
    result *from = *r, *made = NULL;
    *r = NULL;
    assert(!from->with_weight && from->row_ops == NULL);
    status s = result_new(&made, from->mem, &from->schema, false, err);
    if (s == OK) {
        s = cut(made, from, size, err);
    }
    result_release(from);
    if (s < 0) {
        result_release(made);
        return s;
    }
    *r = made;
    return OK;
}
