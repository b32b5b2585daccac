/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - all arrays of a store as bytes and back, under their names.
 *
 * A store that is opened by the same operators over the same plan has the same arrays in the same
 * order: what differs is a fault. */
#include "base/image.h"
#include "state/store.h"

uint32_t
store_live_arrays(const store *s) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < store_array_limit(s); i++) {
        count += store_array_at(s, i) != NULL;
    }
    return count;
}

/* Block by block: a snapshot gives copies of what it saw. */
static void
put_array(const store_snapshot *shot, const state_array *a, uint8_t *block, buf *out) {
    const uint64_t count = snapshot_array_count(shot, a);
    const uint64_t step = STORE_BLOCK_BYTES / a->element_size;
    image_put_text(out, text_of(array_name(a)));
    image_put_u32(out, a->element_size);
    image_put_i64(out, (int64_t)count);
    for (uint64_t first = 0; first < count; first += step) {
        const uint64_t n = count - first < step ? count - first : step;
        snapshot_read(shot, a, first, n, block);
        buf_append(out, block, (size_t)n * a->element_size);
    }
}

status
store_image_put(store *s, buf *out, error *err) {
    store_snapshot *shot;
    uint8_t        *block = mem_alloc(store_mem(s), STORE_BLOCK_BYTES);
    if (block == NULL) {
        return error_memory(err);
    }
    const status opened = store_snapshot_open(&shot, s, err);
    if (opened == OK) {
        image_put_u32(out, store_live_arrays(s));
        for (uint32_t i = 0; i < store_array_limit(s); i++) {
            const state_array *a = store_array_at(s, i);
            if (a != NULL) {
                put_array(shot, a, block, out);
            }
        }
        store_snapshot_close(shot);
    }
    mem_free(store_mem(s), block, STORE_BLOCK_BYTES);
    return opened < 0 ? opened : out->failed ? error_memory(err) : OK;
}

static status
take_array(state_array *a, image_reader *in, error *err) {
    text     name;
    uint32_t size;
    int64_t  count;
    TRY(image_take_text(in, &name, err));
    TRY(image_take_u32(in, &size, err));
    TRY(image_take_i64(in, &count, err));
    if (!text_equal(name, text_of(array_name(a))) || size != a->element_size) {
        return image_corrupt("it has other arrays than its plan", err);
    }
    if (count < 0 || (uint64_t)count > in->left / size) {
        return image_corrupt("an array reaches beyond its end", err);
    }
    array_truncate(a, 0);
    TRY(array_extend(a, (uint64_t)count, NULL, err));
    TRY(array_touch(a, 0, (uint64_t)count, err));
    return image_take(in, a->data, (size_t)count * size, err);
}

status
store_image_take(store *s, image_reader *in, error *err) {
    uint32_t count;
    TRY(image_take_u32(in, &count, err));
    if (count != store_live_arrays(s)) {
        return image_corrupt("it has more or fewer arrays than its plan", err);
    }
    for (uint32_t i = 0; i < store_array_limit(s); i++) {
        state_array *a = store_array_at(s, i);
        if (a != NULL) {
            TRY(take_array(a, in, err));
        }
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
