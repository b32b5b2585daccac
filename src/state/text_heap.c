/* SPDX-License-Identifier: Apache-2.0 */
/* text_heap.c - see text_heap.h. Blocks of fixed classes are never split or joined: texts of one
 * column are of similar sizes, so a freed block soon finds a text again.
 *
 * Classes: 16, 32 .. 128 bytes by sixteens, then two per octave (192, 256, 384, 512 ...) up to 384
 * KiB; the last class holds larger blocks of any multiple of 64 KiB, found first-fit and split. */
#include "state/text_heap.h"

#define CLASS_STEP 16
#define CLASS_STEPPED 8 /* classes 0 .. 7 are multiples of CLASS_STEP */
#define CLASS_HUGE (TEXT_HEAP_CLASSES - 1)
#define HUGE_UNIT 65536
#define HEAP_FIRST 16 /* offset of the first text */

typedef struct free_block {
    uint64_t next; /* offset; 0: end */
    uint64_t size;
} free_block;

static uint64_t
class_size(int32_t class) {
    if (class < CLASS_STEPPED) {
        return (uint64_t)(class + 1) * CLASS_STEP;
    }
    const int32_t above = class - CLASS_STEPPED; /* 0: 192, 1: 256, 2: 384 ... */
    return (above % 2 == 0 ? 192ULL : 256ULL) << (above / 2);
}

/* The class of a text and, in *size, the bytes its block takes. */
static int32_t
class_of(uint64_t bytes, uint64_t *size) {
    int32_t class = 0;
    if (bytes <= CLASS_STEP * CLASS_STEPPED) {
        class = (int32_t)((bytes - 1) / CLASS_STEP);
    } else {
        class = CLASS_STEPPED;
        while (class < CLASS_HUGE && class_size(class) < bytes) {
            class ++;
        }
    }
    *size =
        class == CLASS_HUGE ? (bytes + HUGE_UNIT - 1) / HUGE_UNIT * HUGE_UNIT : class_size(class);
    return class;
}

static free_block
read_free(const text_heap *h, uint64_t offset) {
    free_block b;
    memcpy(&b, h->bytes.data + offset, sizeof(b));
    return b;
}

/* The caller has touched the bytes. */
static void
write_free(text_heap *h, uint64_t offset, free_block b) {
    memcpy(h->bytes.data + offset, &b, sizeof(b));
}

status
text_heap_open(text_heap *h, store *s, const char *name, error *err) {
    memset(h, 0, sizeof(*h));
    return array_open(&h->bytes, s, name, 1, err);
}

void
text_heap_close(text_heap *h) {
    array_close(&h->bytes);
}

/* Takes `size` bytes from the list of huge blocks; 0 when none is large enough. */
static status
take_huge(text_heap *h, uint64_t size, uint64_t *out, error *err) {
    uint64_t previous = 0;
    for (uint64_t at = h->free_lists[CLASS_HUGE]; at != 0;) {
        const free_block b = read_free(h, at);
        if (b.size < size) {
            previous = at;
            at = b.next;
            continue;
        }
        const uint64_t rest = b.size - size; /* stays at the front, in its place in the list */
        TRY(array_touch(&h->bytes, rest > 0 ? at : previous, sizeof(b), err));
        if (rest > 0) {
            write_free(h, at, (free_block){.next = b.next, .size = rest});
        } else if (previous != 0) {
            write_free(h, previous,
                       (free_block){.next = b.next, .size = read_free(h, previous).size});
        } else {
            h->free_lists[CLASS_HUGE] = b.next;
        }
        *out = at + rest;
        return OK;
    }
    *out = 0;
    return OK;
}

static status
take_block(text_heap *h, uint64_t bytes, uint64_t *out, error *err) {
    uint64_t size = 0;
    const int32_t class = class_of(bytes, &size);
    uint64_t at = 0;
    if (class == CLASS_HUGE) {
        TRY(take_huge(h, size, &at, err));
    } else {
        at = h->free_lists[class];
    }
    if (at != 0) {
        TRY(array_touch(&h->bytes, at, bytes, err));
        if (class != CLASS_HUGE) {
            h->free_lists[class] = read_free(h, at).next;
        }
        *out = at;
        return OK;
    }
    if (h->bytes.count == 0) {
        TRY(array_extend(&h->bytes, HEAP_FIRST, NULL, err));
    }
    return array_append(&h->bytes, size, out, err);
}

static uint64_t
offset_of(const strview *stored) {
    return (uint64_t)(uintptr_t)stored->data;
}

/* Up to 64 bytes by loads that overlap, as a call of memcpy costs more than such a copy. */
static void
copy_text(uint8_t *to, const char *from, size_t size) {
    if (size > 64) {
        memcpy(to, from, size);
    } else if (size > 32) {
        memcpy(to, from, 32);
        memcpy(to + size - 32, from + size - 32, 32);
    } else if (size > 16) {
        memcpy(to, from, 16);
        memcpy(to + size - 16, from + size - 16, 16);
    } else {
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    }
}

status
text_heap_put(text_heap *h, strview *stored, const strview *v, error *err) {
    *stored = *v;
    if (v->size <= STRVIEW_INLINE_MAX) {
        return OK;
    }
    uint64_t at = 0;
    TRY(take_block(h, v->size, &at, err));
    copy_text(h->bytes.data + at, v->data, v->size);
    stored->data = (const char *)(uintptr_t)at;
    return OK;
}

/* Bytes of blocks that the texts need at most; *huge: one is of the last class. */
static uint64_t
bytes_of_run(const column *in, int32_t count, bool *huge) {
    const strview *views = in->values;
    uint64_t       bytes = 0;
    *huge = false;
    for (int32_t i = 0; i < count; i++) {
        if (views[i].size > STRVIEW_INLINE_MAX && !column_is_null(in, i)) {
            uint64_t size;
            *huge |= class_of(views[i].size, &size) == CLASS_HUGE;
            bytes += size;
        }
    }
    return bytes;
}

/* One by one. */
static status
put_each(text_heap *h, strview *stored, const column *in, int32_t count, error *err) {
    const strview *views = in->values;
    for (int32_t i = 0; i < count; i++) {
        stored[i] = (strview){.word = {0, 0}};
        const status put =
            column_is_null(in, i) ? OK : text_heap_put(h, &stored[i], &views[i], err);
        if (put < 0) {
            while (--i >= 0) {
                text_heap_free(h, &stored[i]);
            }
            return put;
        }
    }
    return OK;
}

status
text_heap_put_all(text_heap *h, strview *stored, const column *in, int32_t count, error *err) {
    const strview *views = in->values;
    uint64_t       next = 0;
    bool           huge;
    const uint64_t bytes = bytes_of_run(in, count, &huge);
    if (huge) {
        return put_each(h, stored, in, count, err);
    }
    if (bytes > 0) {
        TRY(h->bytes.count == 0 ? array_extend(&h->bytes, HEAP_FIRST, NULL, err) : OK);
        TRY(array_append(&h->bytes, bytes, &next, err));
    }
    for (int32_t i = 0; i < count; i++) {
        const strview v = column_is_null(in, i) ? (strview){.word = {0, 0}} : views[i];
        stored[i] = v;
        if (v.size <= STRVIEW_INLINE_MAX) {
            continue;
        }
        uint64_t size;
        const int32_t class = class_of(v.size, &size);
        uint64_t at = h->free_lists[class];
        if (at != 0) {
            TRY(array_touch(&h->bytes, at, v.size, err)); /* cannot fail */
            h->free_lists[class] = read_free(h, at).next;
        } else {
            at = next;
            next += size;
        }
        copy_text(h->bytes.data + at, v.data, v.size);
        stored[i].data = (const char *)(uintptr_t)at;
    }
    if (bytes > 0) {
        array_truncate(&h->bytes, next);
    }
    return OK;
}

strview
text_heap_load(const text_heap *h, const strview *stored) {
    strview v = *stored;
    if (v.size > STRVIEW_INLINE_MAX) {
        assert(offset_of(stored) != 0 && offset_of(stored) + v.size <= h->bytes.count);
        v.data = (const char *)h->bytes.data + offset_of(stored);
    }
    return v;
}

void
text_heap_show(const text_heap *h, strview *stored, int32_t count) {
    const uint64_t base = (uint64_t)(uintptr_t)h->bytes.data;
    for (int32_t i = 0; i < count; i++) {
        const bool is_long = stored[i].size > STRVIEW_INLINE_MAX;
        assert(!is_long || offset_of(&stored[i]) + stored[i].size <= h->bytes.count);
        stored[i].word[1] += is_long ? base : 0;
    }
}

bool
text_heap_equal(const text_heap *h, const strview *stored, const strview *v) {
    if (stored->word[0] != v->word[0]) {
        return false;
    }
    if (v->size <= STRVIEW_INLINE_MAX) {
        return stored->word[1] == v->word[1];
    }
    return memcmp((const char *)h->bytes.data + offset_of(stored), v->data, v->size) == 0;
}

void
text_heap_free(text_heap *h, const strview *stored) {
    if (stored->size <= STRVIEW_INLINE_MAX) {
        return;
    }
    const uint64_t at = offset_of(stored);
    uint64_t       size = 0;
    const int32_t class = class_of(stored->size, &size);
    assert(at >= HEAP_FIRST && at + size <= h->bytes.count);
    if (array_touch(&h->bytes, at, sizeof(free_block), NULL) < 0) {
        return;
    }
    write_free(h, at, (free_block){.next = h->free_lists[class], .size = size});
    h->free_lists[class] = at;
}

status
text_heap_change(text_heap *h, const strview *stored, size_t at, const void *bytes, size_t size,
                 error *err) {
    assert(stored->size > STRVIEW_INLINE_MAX && at + size <= stored->size);
    TRY(array_touch(&h->bytes, offset_of(stored) + at, size, err));
    memcpy(h->bytes.data + offset_of(stored) + at, bytes, size);
    return OK;
}

/* ---- after a restore */

status
text_map_open(text_map *m, const text_heap *h, error *err) {
    *m = (text_map){.heap = h};
    if (h->bytes.count % CLASS_STEP != 0) {
        return image_corrupt("the end of its texts", err);
    }
    m->size = (size_t)(h->bytes.count / CLASS_STEP / 64 + 1) * sizeof(uint64_t);
    m->taken = h->bytes.count == 0 ? NULL : mem_alloc_zero(store_mem(h->bytes.owner), m->size);
    return h->bytes.count > 0 && m->taken == NULL ? error_memory(err) : OK;
}

void
text_map_close(text_map *m) {
    if (m->taken != NULL) {
        mem_free(store_mem(m->heap->bytes.owner), m->taken, m->size);
    }
}

status
text_map_take(text_map *m, const strview *stored, error *err) {
    if (stored->size <= STRVIEW_INLINE_MAX) {
        return OK;
    }
    const uint64_t at = offset_of(stored);
    const uint64_t end = m->heap->bytes.count;
    uint64_t       size = 0;
    (void)class_of(stored->size, &size);
    if (at < HEAP_FIRST || at % CLASS_STEP != 0 || at > end || size > end - at) {
        return image_corrupt("where a text lies", err);
    }
    for (uint64_t step = at / CLASS_STEP; step < (at + size) / CLASS_STEP; step++) {
        const uint64_t bit = UINT64_C(1) << (step & 63);
        if ((m->taken[step >> 6] & bit) != 0) {
            return image_corrupt("two texts in one place", err);
        }
        m->taken[step >> 6] |= bit;
    }
    return OK;
}
