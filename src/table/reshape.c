/* SPDX-License-Identifier: Apache-2.0 */
/* reshape.c - the rows of a table under other columns: positions, deaths, keys and the index of
 * inserts stay, columns that stay are shared. Snapshots of the old table are not touched. */
#include "table/segment.h"

typedef struct reshaping {
    const schema  *shape;
    const int32_t *from;
    filler        *fill;
    arena          scratch; /* of the segment under way */
} reshaping;

static status
pick_columns(reshaping *r, const column *stored, int32_t row_count, delta *out, error *err) {
    const int32_t count = r->shape->count;
    column       *columns = arena_alloc(&r->scratch, sizeof(column) * (size_t)(count + 1));
    if (columns == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        if (r->from[i] >= 0) {
            columns[i] = stored[r->from[i]];
        } else {
            TRY(r->fill->column(r->fill, i, row_count, &columns[i], &r->scratch, err));
        }
    }
    *out = (delta){.row_count = row_count, .column_count = count, .columns = columns};
    return OK;
}

static status
reshape_segment(table *made, reshaping *r, segment *s, error *err) {
    batch       *kept = NULL;
    delta        rows;
    segment_view view;
    TRY(segment_view_open(&view, s, NULL, s->column_count, NULL, err));
    status picked = pick_columns(r, view.columns, segment_rows(s), &rows, err);
    picked = picked < 0 ? picked : batch_keep(&kept, made->mem, &rows, err);
    segment_view_close(&view);
    TRY(picked);
    segment *out = segment_new(made->mem, kept->chunk, &kept->rows, 0, rows.row_count);
    batch_release(kept);
    if (out == NULL) {
        return error_memory(err);
    }
    segment_set_pager(out, made->pager);
    deaths *d = atomic_load_explicit(&s->deaths, memory_order_relaxed);
    out->first = s->first;
    if (s->positions != NULL) {
        const size_t bytes = sizeof(int64_t) * (size_t)s->position_count;
        out->positions = mem_alloc(made->mem, bytes);
        if (out->positions == NULL) {
            segment_release(out);
            return error_memory(err);
        }
        memcpy(out->positions, s->positions, bytes);
        out->position_count = s->position_count;
    }
    atomic_store_explicit(&out->deaths, deaths_retain(d), memory_order_relaxed);
    made->segments->items[made->segments->count++] = out;
    made->segment_bytes += out->bytes;
    return OK;
}

static status
reshape_segments(table *made, reshaping *r, table *t, error *err) {
    status s = table_seal(t, err);
    if (s == OK) {
        s = segment_list_reserve(&made->segments, t->segments->count, err);
    }
    for (int32_t i = 0; s == OK && i < t->segments->count; i++) {
        arena_reset(&r->scratch);
        s = reshape_segment(made, r, t->segments->items[i], err);
    }
    return s;
}

status
table_reshape(table **out, table *t, const schema *s, const object_key *keys, int32_t key_count,
              const int32_t *from, filler *fill, error *err) {
    reshaping r = {.shape = s, .from = from, .fill = fill};
    table    *made = NULL;
    assert(key_count == t->key_count);
    TRY(table_open(&made, t->mem, s, keys, key_count, err));
    table_set_pager(made, t->pager);
    arena_init(&r.scratch, t->mem);
    const status done = reshape_segments(made, &r, t, err);
    arena_fini(&r.scratch);
    if (done < 0) {
        table_close(made);
        return done;
    }
    *out = made;
    return OK;
}

void
table_take_over(table *made, table *t) {
    assert(t->tail.count == 0);
    made->tail.first = t->tail.first;
    for (int32_t k = 0; k < t->key_count; k++) {
        made->keys[k].index = t->keys[k].index;
        t->keys[k].index = (key_index){.mem = t->mem};
    }
    made->first = t->first;
    made->live_count = t->live_count;
    made->dead_marks = t->dead_marks;
    made->freed_count = t->freed_count;
    made->forgotten_us = t->forgotten_us;
    made->compact_at = t->compact_at;
    made->trim_at = t->trim_at;
    made->trim_dead_at = t->trim_dead_at;
    made->dead = t->dead;
    made->dead_count = t->dead_count;
    made->dead_capacity = t->dead_capacity;
    entry_log *empty = made->log;
    made->log = t->log;
    t->log = empty;
    t->dead = NULL;
    t->dead_count = 0;
    t->dead_capacity = 0;
}
