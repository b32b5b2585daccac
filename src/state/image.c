/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - all arrays of a store as bytes and back, under their names.
 *
 * With a shelf only small arrays stand in the image: of the others the places of their blocks do,
 * and blocks that have not changed since they were saved stay where they lie.
 *
 * A store that is opened by the same operators over the same plan has the same arrays in the same
 * order: what differs is a fault. */
#include "base/image.h"
#include "state/store_internal.h"

uint32_t
store_live_arrays(const store *s) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < store_array_limit(s); i++) {
        count += store_array_at(s, i) != NULL;
    }
    return count;
}

/* Arrays up to this size stand in the image, whatever the shelf. */
#define INLINE_BYTES 4096

typedef struct saving {
    store             *store;
    store_snapshot    *shot;
    const block_shelf *shelf;
    uint32_t           saved_epoch; /* blocks written before it may stay where they are */
    bool               has_put;
    uint8_t           *block;
    buf               *out;
} saving;

static status
put_content(const saving *k, const state_array *a, uint64_t count, error *err) {
    const uint64_t step = STORE_BLOCK_BYTES / a->element_size;
    for (uint64_t first = 0; first < count; first += step) {
        const uint64_t n = count - first < step ? count - first : step;
        TRY(snapshot_read(k->shot, a, first, n, k->block, err));
        buf_append(k->out, k->block, (size_t)n * a->element_size);
    }
    return OK;
}

static status
reserve_places(state_array *a, uint64_t blocks, error *err) {
    if (blocks <= a->place_capacity) {
        return OK;
    }
    const size_t size = sizeof(block_place);
    block_place *grown = mem_resize(store_mem(a->owner), a->places, a->place_capacity * size,
                                    a->epoch_capacity * size);
    if (grown == NULL) {
        return error_memory(err);
    }
    memset(grown + a->place_capacity, 0, (a->epoch_capacity - a->place_capacity) * size);
    a->places = grown;
    a->place_capacity = a->epoch_capacity;
    return OK;
}

static status
put_places(saving *k, state_array *a, error *err) {
    const uint64_t blocks = array_blocks(a, a->count);
    TRY(reserve_places(a, blocks, err));
    for (uint64_t b = 0; b < blocks; b++) {
        block_place *at = &a->places[b];
        const size_t size = block_size(a, a->count, b);
        const bool   stays = at->file != 0 && a->epochs[b] < k->saved_epoch &&
                           k->shelf->has(k->shelf->context, at, size);
        if (!stays) {
            at->file = 0;
            k->has_put = true;
            TRY(k->shelf->put(k->shelf->context, a->id, b, size, at, err));
        }
        image_put_small(k->out, at->file);
        image_put_small(k->out, (uint64_t)at->at);
    }
    return OK;
}

static status
put_array(saving *k, state_array *a, error *err) {
    const bool is_placed = k->shelf != NULL && a->count * a->element_size > INLINE_BYTES;
    image_put_text(k->out, text_of(array_name(a)));
    image_put_u32(k->out, a->element_size);
    image_put_i64(k->out, (int64_t)a->count);
    buf_append_char(k->out, is_placed ? 1 : 0);
    return is_placed ? put_places(k, a, err) : put_content(k, a, a->count, err);
}

static status
put_arrays(saving *k, error *err) {
    image_put_u32(k->out, store_live_arrays(k->store));
    for (uint32_t i = 0; i < store_array_limit(k->store); i++) {
        state_array *a = store_array_at(k->store, i);
        TRY(a == NULL ? OK : put_array(k, a, err));
    }
    return k->out->failed ? error_memory(err) : OK;
}

status
store_image_put(store *s, const block_shelf *shelf, buf *out, error *err) {
    saving k = {.store = s, .shelf = shelf, .out = out};
    k.block = mem_alloc(s->mem, STORE_BLOCK_BYTES);
    if (k.block == NULL) {
        return error_memory(err);
    }
    status result = store_snapshot_open(&k.shot, s, err);
    if (result == OK) {
        mutex_lock(&s->lock); /* what the last saving came to may be told by another thread */
        k.saved_epoch = s->saved_epoch;
        s->saved_epoch = shelf == NULL ? s->saved_epoch : s->epoch;
        mutex_unlock(&s->lock);
        result = put_arrays(&k, err);
        if (result < 0) {
            store_forget_saved(k.shot);
        }
        if (k.has_put) {
            shelf->keep(shelf->context, k.shot);
        } else {
            store_snapshot_close(k.shot);
        }
    }
    mem_free(s->mem, k.block, STORE_BLOCK_BYTES);
    return result;
}

/* ---- back */

static status
take_places(state_array *a, const block_shelf *shelf, image_reader *in, error *err) {
    const uint64_t blocks = array_blocks(a, a->count);
    TRY(reserve_places(a, blocks, err));
    for (uint64_t b = 0; b < blocks; b++) {
        block_place *at = &a->places[b];
        uint64_t     offset;
        TRY(image_take_small(in, &at->file, err));
        TRY(image_take_small(in, &offset, err));
        at->at = (int64_t)offset;
        TRY(shelf->take(shelf->context, at, a->data + b * STORE_BLOCK_BYTES,
                        block_size(a, a->count, b), err));
    }
    return OK;
}

/* One block of wide elements, from number `first` on. */
static status
take_wide_block(state_array *a, uint64_t first, uint64_t n, const block_shelf *shelf, uint8_t *wide,
                image_reader *in, error *err) {
    const size_t size = (size_t)n * a->wide_size;
    if (shelf == NULL) {
        TRY(image_take(in, wide, size, err));
    } else {
        block_place at;
        uint64_t    offset;
        TRY(image_take_small(in, &at.file, err));
        TRY(image_take_small(in, &offset, err));
        at.at = (int64_t)offset;
        TRY(shelf->take(shelf->context, &at, wide, size, err));
    }
    for (uint64_t i = 0; i < n; i++) {
        a->narrow(a->data + (first + i) * a->element_size, wide + i * a->wide_size);
    }
    return OK;
}

/* The blocks of before are not those of now, so none of these lies anywhere yet. shelf NULL: in the
 * image. */
static status
take_wide(state_array *a, const block_shelf *shelf, image_reader *in, error *err) {
    mem           *m = store_mem(a->owner);
    const uint64_t step = STORE_BLOCK_BYTES / a->wide_size;
    uint8_t       *wide = mem_alloc(m, STORE_BLOCK_BYTES);
    if (wide == NULL) {
        return error_memory(err);
    }
    if (a->places != NULL) {
        memset(a->places, 0, a->place_capacity * sizeof(*a->places));
    }
    status s = OK;
    for (uint64_t first = 0; s == OK && first < a->count; first += step) {
        const uint64_t n = a->count - first < step ? a->count - first : step;
        s = take_wide_block(a, first, n, shelf, wide, in, err);
    }
    mem_free(m, wide, STORE_BLOCK_BYTES);
    return s;
}

static status
take_array(state_array *a, const block_shelf *shelf, image_reader *in, error *err) {
    text     name;
    uint32_t size;
    int64_t  count;
    char     is_placed;
    TRY(image_take_text(in, &name, err));
    TRY(image_take_u32(in, &size, err));
    TRY(image_take_i64(in, &count, err));
    TRY(image_take(in, &is_placed, 1, err));
    const bool is_wide = size == a->wide_size && size != 0;
    if (!text_equal(name, text_of(array_name(a))) || (size != a->element_size && !is_wide)) {
        return image_corrupt("it has other arrays than its plan", err);
    }
    if (is_placed != 0 && shelf == NULL) {
        return image_corrupt("its blocks lie elsewhere", err);
    }
    /* a place takes two bytes or more */
    const uint64_t bytes_max = is_placed != 0 ? in->left / 2 * STORE_BLOCK_BYTES : in->left;
    if (count < 0 || (uint64_t)count > bytes_max / size) {
        return image_corrupt("an array reaches beyond its end", err);
    }
    array_truncate(a, 0);
    TRY(array_extend(a, (uint64_t)count, NULL, err));
    TRY(array_touch(a, 0, (uint64_t)count, err));
    if (is_wide) {
        return take_wide(a, is_placed != 0 ? shelf : NULL, in, err);
    }
    return is_placed != 0 ? take_places(a, shelf, in, err)
                          : image_take(in, a->data, (size_t)count * size, err);
}

/* What was read is where it was read: a new epoch begins, as after saving it there. */
static void
begin_saved(store *s) {
    mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->array_count; i++) {
        state_array *a = s->arrays[i];
        if (a != NULL) {
            a->stale_blocks = (uint32_t)array_blocks(a, a->count);
        }
    }
    s->saved_epoch = ++s->epoch;
    mutex_unlock(&s->lock);
}

status
store_image_take(store *s, const block_shelf *shelf, image_reader *in, error *err) {
    uint32_t count;
    TRY(image_take_u32(in, &count, err));
    if (count != store_live_arrays(s)) {
        return image_corrupt("it has more or fewer arrays than its plan", err);
    }
    for (uint32_t i = 0; i < store_array_limit(s); i++) {
        state_array *a = store_array_at(s, i);
        if (a != NULL) {
            TRY(take_array(a, shelf, in, err));
        }
    }
    if (shelf != NULL) {
        begin_saved(s);
    }
    return OK;
}
/* Number `rank` of the arrays, in the order of their ids; NULL: there are fewer. */
static const state_array *
array_of_rank(const store *s, uint32_t rank) {
    for (uint32_t i = 0; i < store_array_limit(s); i++) {
        const state_array *a = store_array_at(s, i);
        if (a != NULL && rank-- == 0) {
            return a;
        }
    }
    return NULL;
}

bool
store_array_alike(const state_array *to, const store *other, uint32_t from) {
    const state_array *a = array_of_rank(other, from);
    return a != NULL && a->element_size == to->element_size &&
           text_equal(text_of(array_name(a)), text_of(array_name(to)));
}

status
store_array_copy(state_array *to, const store *other, uint32_t from, error *err) {
    const state_array *a = array_of_rank(other, from);
    array_truncate(to, 0);
    TRY(array_extend(to, a->count, NULL, err));
    TRY(array_touch(to, 0, a->count, err));
    if (a->count > 0) {
        memcpy(to->data, a->data, (size_t)a->count * a->element_size);
    }
    return OK;
}
