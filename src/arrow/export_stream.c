/* SPDX-License-Identifier: Apache-2.0 */
/* export_stream.c - an ArrowArrayStream over kept batches. Used by one thread at a time, as the
 * interface says. */
#include <errno.h>

#include "arrow/arrow.h"

typedef struct exported_stream {
    mem    *mem;
    size_t  bytes;
    arena   arena; /* the schema */
    schema *schema;
    bool    with_weight;
    bool    failed; /* the last call did; `fault` says why */
    error   fault;
    int32_t count;
    int32_t next;
    batch  *batches[];
} exported_stream;

static int
answer(exported_stream *e, status s) {
    e->failed = s < 0;
    if (s >= 0) {
        return 0;
    }
    return s == ERR_OUT_OF_MEMORY ? ENOMEM : EINVAL;
}

static int
get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    exported_stream *e = stream->private_data;
    return answer(e, arrow_export_schema(out, e->schema, e->with_weight, e->mem, &e->fault));
}

static int
get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    exported_stream *e = stream->private_data;
    *out = (struct ArrowArray){.release = NULL};
    if (e->next >= e->count) {
        return answer(e, OK);
    }
    batch       *b = e->batches[e->next];
    const status s = arrow_export_batch(out, b, e->with_weight, e->mem, &e->fault);
    if (s >= 0) { /* read once: its memory is the consumer's from here on */
        e->batches[e->next++] = NULL;
        batch_release(b);
    }
    return answer(e, s);
}

static const char *
get_last_error(struct ArrowArrayStream *stream) {
    const exported_stream *e = stream->private_data;
    return e->failed ? e->fault.message : NULL;
}

static void
release_stream(struct ArrowArrayStream *stream) {
    exported_stream *e = stream->private_data;
    for (int32_t i = e->next; i < e->count; i++) {
        batch_release(e->batches[i]);
    }
    arena_fini(&e->arena);
    mem_free(e->mem, e, e->bytes);
    stream->release = NULL;
}

status
arrow_export_stream(struct ArrowArrayStream *out, const schema *s, batch *const *batches,
                    int32_t count, bool with_weight, mem *m, error *err) {
    const size_t     bytes = sizeof(exported_stream) + (size_t)count * sizeof(batch *);
    exported_stream *e = mem_alloc_zero(m, bytes);
    *out = (struct ArrowArrayStream){.release = NULL};
    if (e == NULL) {
        return error_memory(err);
    }
    e->mem = m;
    e->bytes = bytes;
    e->with_weight = with_weight;
    arena_init(&e->arena, m);
    e->schema = schema_copy(s, &e->arena);
    if (e->schema == NULL) {
        arena_fini(&e->arena);
        mem_free(m, e, bytes);
        return error_memory(err);
    }
    for (; e->count < count; e->count++) {
        e->batches[e->count] = batch_retain(batches[e->count]);
    }
    *out = (struct ArrowArrayStream){.get_schema = get_schema,
                                     .get_next = get_next,
                                     .get_last_error = get_last_error,
                                     .release = release_stream,
                                     .private_data = e};
    return OK;
}
