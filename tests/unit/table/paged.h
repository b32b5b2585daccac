/* SPDX-License-Identifier: Apache-2.0 */
/* paged.h - a disk for segments, in memory, that fails when it is told to: the packed bytes of
 * each, read column by column. */
#ifndef LAMINAR_TESTS_TABLE_PAGED_H
#define LAMINAR_TESTS_TABLE_PAGED_H

#include "store/packed.h"
#include "table/segment.h"
#include "unit.h"

typedef struct paged {
    mem            *mem;
    _Atomic int32_t pages;
    _Atomic int32_t fails_in; /* reads until all fail; 0: none does */
} paged;

typedef struct paged_rows {
    pages  base;
    paged *disk;
    arena  arena;
    buf    bytes;
    packed rows;
} paged_rows;

static void
paged_init(paged *d, mem *m) {
    d->mem = m;
    atomic_init(&d->pages, 0);
    atomic_init(&d->fails_in, 0);
}

static status
paged_read(pages *p, int32_t at, column *out, chunk *c, error *err) {
    paged_rows        *self = (paged_rows *)p;
    const packed_part *part = &self->rows.parts[at];
    const text         bytes = {self->bytes.data + part->at, (size_t)part->size};
    const int32_t      left = atomic_load(&self->disk->fails_in);
    if (left == 1) {
        return error_set(err, ERR_CONNECTOR_FAILED, "the disk is away");
    }
    if (left > 1) {
        atomic_fetch_sub(&self->disk->fails_in, 1);
    }
    return packed_column(out, &self->rows, at, bytes, c, err);
}

static bool
paged_range(const pages *p, int32_t at, int64_t *min, int64_t *max) {
    const packed_part *part = &((const paged_rows *)p)->rows.parts[at];
    *min = part->min.i;
    *max = part->max.i;
    return part->has_range;
}

static void
paged_free(pages *p) {
    paged_rows *self = (paged_rows *)p;
    atomic_fetch_sub(&self->disk->pages, 1);
    arena_fini(&self->arena);
    buf_fini(&self->bytes);
    mem_free(self->disk->mem, self, sizeof(*self));
}

/* The segment lies on the disk from now on, too. */
static void
paged_put(paged *d, segment *s) {
    error        err;
    segment_view view;
    paged_rows  *p = mem_alloc_zero(d->mem, sizeof(*p));
    assert_non_null(p);
    atomic_init(&p->base.references, 1);
    p->base.read = paged_read;
    p->base.range = paged_range;
    p->base.free = paged_free;
    p->disk = d;
    arena_init(&p->arena, d->mem);
    buf_init(&p->bytes, d->mem, SIZE_MAX / 2);
    CHECK_OK(segment_view_open(&view, s, NULL, s->column_count, NULL, &err));
    const delta rows = {
        .row_count = segment_rows(s), .column_count = s->column_count, .columns = view.columns};
    CHECK_OK(packed_put(&p->bytes, &rows, 1, &err));
    segment_view_close(&view);
    CHECK_OK(
        packed_open(&p->rows, buf_text(&p->bytes), (packed_place){.salt = 1}, &p->arena, &err));
    p->base.bytes = s->bytes;
    atomic_fetch_add(&d->pages, 1);
    segment_page(s, &p->base, NULL);
}

/* The oldest `most` segments of the table that do not. */
static void
paged_write(paged *d, const table *t, int32_t most) {
    segment      *s[64];
    const int32_t count = table_unpaged(t, s, most < 64 ? most : 64);
    for (int32_t i = 0; i < count; i++) {
        paged_put(d, s[i]);
        segment_release(s[i]);
    }
}

#endif
