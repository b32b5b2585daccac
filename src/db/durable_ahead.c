/* SPDX-License-Identifier: Apache-2.0 */
/* durable_ahead.c - rows of the log's records, made on the thread that reads ahead (store/wal.h).
 *
 * It may look up objects, because changes of rows leave the catalogue as it is: what stands behind
 * a record with anything else is looked at when that one has run. Rows are of use where their
 * record has them and for the schema that they were made with; the record is run from its bytes as
 * always, and makes what it does not find here itself. */
#include "batch/batch_image.h"
#include "db/durable_internal.h"

enum { SMALL = 4096 }; /* bytes */

typedef struct ready_rows {
    const char   *at, *end; /* of their image */
    const schema *schema;
    batch        *rows; /* NULL: they were taken */
} ready_rows;

struct durable_ready {
    mem        *mem;
    ready_rows *list; /* in the order of the log */
    int32_t     count, capacity;
    int32_t     next; /* those before it were taken, or are not wanted */
};

static durable_ready *
ready_new(void **made, mem *m) {
    durable_ready *d = *made;
    if (d == NULL && (d = mem_alloc_zero(m, sizeof(*d))) != NULL) {
        d->mem = m;
        *made = d;
    }
    return d;
}

static bool
ready_add(durable_ready *d, ready_rows r) {
    if (d->count == d->capacity) {
        const int32_t capacity = d->capacity == 0 ? 16 : 2 * d->capacity;
        ready_rows   *grown = mem_resize(d->mem, d->list, sizeof(*grown) * (size_t)d->capacity,
                                         sizeof(*grown) * (size_t)capacity);
        if (grown == NULL) {
            return false;
        }
        d->list = grown;
        d->capacity = capacity;
    }
    d->list[d->count++] = r;
    return true;
}

static bool
prepare_rows(laminar_database *db, image_reader *in, const object *o, void **made, int64_t *bytes) {
    error          ignored = {.position = -1};
    durable_ready *d = ready_new(made, db->mem);
    ready_rows     r = {.at = in->at, .schema = o->schema};
    if (d == NULL || batch_image_take(in, o->schema, &r.rows, db->mem, &ignored) < 0) {
        return false;
    }
    r.end = in->at;
    if (durable_check_rows(r.rows, &ignored) < 0 || !ready_add(d, r)) {
        batch_release(r.rows);
        return false;
    }
    *bytes += (int64_t)chunk_bytes(r.rows->chunk);
    return true;
}

static bool
prepare_change(laminar_database *db, image_reader *in, void **made, int64_t *bytes) {
    error   ignored;
    text    name;
    int64_t at_us;
    int64_t dead_count;
    char    has_rows;
    if (image_take_text(in, &name, &ignored) < 0 || image_take_i64(in, &at_us, &ignored) < 0 ||
        image_take_i64(in, &dead_count, &ignored) < 0 || dead_count < 0 ||
        (size_t)dead_count > in->left / sizeof(int64_t)) {
        return false;
    }
    in->at += (size_t)dead_count * sizeof(int64_t);
    in->left -= (size_t)dead_count * sizeof(int64_t);
    if (image_take(in, &has_rows, 1, &ignored) < 0) {
        return false;
    }
    const object *o = has_rows == 0 ? NULL : catalog_find(db->catalog, name, true);
    return has_rows == 0 || (o != NULL && (o->kind == OBJECT_SOURCE || o->kind == OBJECT_TABLE) &&
                             prepare_rows(db, in, o, made, bytes));
}

static bool
prepare_item(laminar_database *db, image_reader *in, void **made, int64_t *bytes) {
    error   ignored;
    char    item;
    text    name;
    int64_t number;
    if (image_take(in, &item, 1, &ignored) < 0) {
        return false;
    }
    switch (item) {
    case ITEM_GROUP:
        return true;
    case ITEM_RANDOM:
    case ITEM_FLOOR:
        return image_take_i64(in, &number, &ignored) == OK;
    case ITEM_WATERMARK:
        return image_take_text(in, &name, &ignored) == OK &&
               image_take_i64(in, &number, &ignored) == OK &&
               image_take_i64(in, &number, &ignored) == OK;
    case ITEM_CHANGE:
        return prepare_change(db, in, made, bytes);
    default:
        return false;
    }
}

/* Behind changes there are no other items (durable_take_record refuses them): what comes first
 * tells enough of a record whose rows are made in less time than they are handed over. */
static bool
is_small_change(text record, const image_reader *in) {
    return record.size < SMALL && in->left > 0 &&
           (*in->at == ITEM_CHANGE || *in->at == ITEM_WATERMARK);
}

bool
durable_prepare(void *context, void **made, text record, int64_t *bytes) {
    image_reader in = {.at = record.data, .left = record.size};
    bool         goes_on = true;
    while (goes_on && in.left > 0 && !is_small_change(record, &in)) {
        goes_on = prepare_item(context, &in, made, bytes);
    }
    return goes_on;
}

batch *
durable_ready_take(durable_ready *d, image_reader *in, const schema *s) {
    while (d != NULL && d->next < d->count && d->list[d->next].at < in->at) {
        d->next++;
    }
    ready_rows *r = d == NULL || d->next == d->count ? NULL : &d->list[d->next];
    if (r == NULL || r->at != in->at || r->schema != s) {
        return NULL;
    }
    batch *rows = r->rows;
    r->rows = NULL;
    in->left -= (size_t)(r->end - in->at);
    in->at = r->end;
    d->next++;
    return rows;
}

void
durable_ready_free(void *context, void *made) {
    durable_ready *d = made;
    (void)context;
    for (int32_t i = 0; i < d->count; i++) {
        batch_release(d->list[i].rows);
    }
    mem_free(d->mem, d->list, sizeof(*d->list) * (size_t)d->capacity);
    mem_free(d->mem, d, sizeof(*d));
}
