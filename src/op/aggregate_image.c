/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate_image.c - what of a GROUP BY lies outside the store's arrays: the rows of final windows
 * and the free list of sessions; and the indexes after a restore. */
#include "batch/rows_image.h"
#include "op/aggregate.h"
#include "op/rows.h"

/* One entry per closing, as table_append got them. */
static status
save_finished(aggregate *a, buf *out, error *err) {
    const table    *t = a->windows.finished;
    table_snapshot *snapshot;
    TRY(table_snapshot_open(&snapshot, a->windows.finished, TABLE_END, 0, err));
    const int64_t entries = table_entry_count(t);
    const int32_t width = a->base.spec->output->count;
    image_put_i64(out, entries);
    status read = OK;
    for (int64_t i = 0; read >= 0 && i < entries; i++) {
        const insert_entry *e = table_entry(t, i);
        table_cursor        cursor;
        delta               rows;
        image_put_i64(out, (int64_t)e->sequence);
        image_put_i64(out, e->watermark_us);
        const int64_t end = e->position + e->row_count;
        const int64_t first = min_i64(end, max_i64(e->position, table_first(t)));
        image_put_i64(out, end - first);
        table_cursor_init(&cursor, snapshot, first, end);
        while ((read = table_cursor_next(&cursor, NULL, width, a->output, &rows, err)) == OK) {
            rows_image_put(out, &rows);
        }
        table_cursor_fini(&cursor);
    }
    table_snapshot_close(snapshot);
    return read < 0 ? read : OK;
}

status
aggregate_save(op *self, buf *out, error *err) {
    aggregate *a = (aggregate *)self;
    image_put_i64(out, (int64_t)a->windows.closings);
    image_put_i64(out, a->panes.next);
    image_put_i64(out, a->panes.built);
    image_put_u32(out, a->sessions.free);
    return a->windowed ? save_finished(a, out, err) : OK;
}

status
aggregate_bring(op *self, error *err) {
    aggregate *a = (aggregate *)self;
    for (int32_t i = 0; i < self->spec->agg_count; i++) {
        const agg_class *class = a->aggs[i]->class;
        TRY(class->settle == NULL ? OK : class->settle(a->aggs[i], self->env->scratch, err));
    }
    return OK;
}

/* The rows of one closing, in as many parts as they were written in. */
static status
load_closing(aggregate *a, builder *rows, image_reader *in, error *err) {
    int64_t  sequence, watermark_us, count;
    int64_t *weights;
    batch   *taken;
    delta    stored;
    TRY(image_take_i64(in, &sequence, err));
    TRY(image_take_i64(in, &watermark_us, err));
    TRY(image_take_i64(in, &count, err));
    while (builder_rows(rows) < count) {
        const int32_t before = builder_rows(rows);
        TRY(rows_image_take(in, rows, &weights, a->base.env->scratch, err));
        if (builder_rows(rows) == before) {
            return image_corrupt("rows of a window are missing", err);
        }
    }
    TRY(builder_take(rows, &taken, err));
    const status s = table_append(a->windows.finished, taken, (uint64_t)sequence, 0, watermark_us,
                                  a->windows.stored, &stored, err);
    batch_release(taken);
    return s;
}

static status
load_finished(aggregate *a, image_reader *in, error *err) {
    const schema *output = a->base.spec->output;
    arena        *scratch = a->base.env->scratch;
    data_type    *types = schema_types(output, scratch);
    builder       rows;
    int64_t       entries;
    if (types == NULL) {
        return error_memory(err);
    }
    TRY(image_take_i64(in, &entries, err));
    TRY(builder_init(&rows, a->base.env->mem, types, output->count, err));
    status s = OK;
    for (int64_t i = 0; s == OK && i < entries; i++) {
        s = load_closing(a, &rows, in, err);
    }
    builder_fini(&rows);
    return s;
}

static status
rebuild(aggregate *a, error *err) {
    const op_spec *spec = a->base.spec;
    TRY(group_table_rebuild(&a->groups, err));
    TRY(ages_rebuild(&a->ages, err));
    for (int32_t i = 0; i < spec->agg_count; i++) {
        const agg_class *class = spec->aggs[i].class;
        TRY(class->rebuild == NULL ? OK : class->rebuild(a->aggs[i], err));
        TRY(spec->aggs[i].distinct ? group_table_rebuild(&a->distinct[i].pairs, err) : OK);
    }
    TRY(a->windowed && !spec->session ? calendar_rebuild(&a->windows.open, err) : OK);
    TRY(spec->session ? group_table_rebuild(&a->sessions.keys, err) : OK);
    return spec->session && a->sessions.holds ? arrangement_rebuild(&a->sessions.rows, err) : OK;
}

status
aggregate_load(op *self, image_reader *in, error *err) {
    aggregate *a = (aggregate *)self;
    int64_t    closings;
    TRY(image_take_i64(in, &closings, err));
    TRY(image_take_i64(in, &a->panes.next, err));
    TRY(image_take_i64(in, &a->panes.built, err));
    TRY(image_take_u32(in, &a->sessions.free, err));
    a->windows.closings = (uint64_t)closings;
    TRY(rebuild(a, err));
    return a->windowed ? load_finished(a, in, err) : OK;
}
