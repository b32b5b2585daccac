/* SPDX-License-Identifier: Apache-2.0 */
/* packed_text.c - texts, BLOBs and images as nodes: their sizes and then their bytes, or a
 * dictionary of them and indexes. */
#include "base/hash.h"
#include "kernel/kernel.h"
#include "store/packed_internal.h"

static int64_t
total_bytes(const strview *texts, int32_t count) {
    int64_t total = 0;
    for (int32_t i = 0; i < count; i++) {
        total += texts[i].size;
    }
    return total;
}

static void
put_plain(packer *p, const strview *texts, int32_t count) {
    const arena_mark mark = arena_save(p->scratch);
    const int64_t    total = total_bytes(texts, count);
    uint32_t        *sizes = packed_scratch(p, (size_t)count * sizeof(*sizes));
    char            *bytes = packed_scratch(p, (size_t)total + 16);
    if (p->failed) {
        return;
    }
    char *to = bytes;
    for (int32_t i = 0; i < count; i++) {
        sizes[i] = texts[i].size;
        if (texts[i].size <= STRVIEW_INLINE_MAX) {
            memcpy(to, texts[i].inlined, STRVIEW_INLINE_MAX); /* the next one covers what is over */
        } else {
            memcpy(to, texts[i].data, texts[i].size);
        }
        to += texts[i].size;
    }
    (void)buf_append_char(&p->out, PACKED_PLAIN);
    image_put_i64(&p->out, total);
    packed_put_numbers(p, sizes, packed_index, count, PACKED_ALL);
    (void)buf_append(&p->out, bytes, (size_t)total);
    arena_rewind(p->scratch, mark);
}

typedef struct words {
    strview  *texts; /* distinct ones, in the order of their coming */
    uint32_t *hashes;
    uint32_t *indexes;
    uint32_t *table; /* index + 1 */
    uint32_t  mask;
    uint32_t  count, most;
    int64_t   bytes; /* of the texts */
} words;

static bool
open_words(words *w, packer *p, int32_t count) {
    *w = (words){.mask = 15};
    w->most = (uint32_t)min_i64(count / 2, PACKED_WORDS_MAX);
    while (w->mask < 2 * w->most) {
        w->mask = 2 * w->mask + 1;
    }
    const size_t bytes = ((size_t)w->mask + 1) * sizeof(uint32_t);
    w->texts = packed_scratch(p, (size_t)w->most * sizeof(strview));
    w->hashes = packed_scratch(p, (size_t)w->most * sizeof(uint32_t));
    w->indexes = packed_scratch(p, (size_t)count * sizeof(uint32_t));
    w->table = packed_scratch(p, bytes);
    if (!p->failed) {
        memset(w->table, 0, bytes);
    }
    return !p->failed;
}

static uint32_t
hash_of(const strview *t) {
    if (t->size <= STRVIEW_INLINE_MAX) {
        return (uint32_t)hash_combine(hash_u64(t->word[0]), t->word[1]);
    }
    return (uint32_t)hash_bytes(t->data, t->size);
}

/* False: more than w->most distinct texts, or more than `limit` bytes of them. */
static bool
find_words(words *w, const strview *texts, int32_t count, int64_t limit) {
    for (int32_t i = 0; i < count; i++) {
        if (i > 0 && strview_equal(&texts[i], &texts[i - 1])) {
            w->indexes[i] = w->indexes[i - 1];
            continue;
        }
        const uint32_t hash = hash_of(&texts[i]);
        uint32_t       slot = hash & w->mask;
        for (uint32_t at; (at = w->table[slot]) != 0; slot = (slot + 1) & w->mask) {
            if (w->hashes[at - 1] == hash && strview_equal(&w->texts[at - 1], &texts[i])) {
                break;
            }
        }
        if (w->table[slot] == 0) {
            w->bytes += texts[i].size;
            if (w->count == w->most || w->bytes > limit) {
                return false;
            }
            w->hashes[w->count] = hash;
            w->texts[w->count] = texts[i];
            w->table[slot] = ++w->count;
        }
        w->indexes[i] = w->table[slot] - 1;
    }
    return true;
}

/* Less than the texts themselves, by what both take at least? A size is taken for a byte. */
static bool
pays(const words *w, int64_t total, int32_t count) {
    const size_t indexes = packed_bits_bytes(packed_bits_for(w->count), count);
    return w->bytes + (int64_t)w->count + (int64_t)indexes < total + count / 2;
}

void
packed_put_texts(packer *p, const strview *texts, int32_t count) {
    const arena_mark mark = arena_save(p->scratch);
    const int64_t    total = total_bytes(texts, count);
    words            w;
    if (count >= 4) {
        if (!open_words(&w, p, count)) {
            return;
        }
        if (find_words(&w, texts, count, total) && pays(&w, total, count)) {
            (void)buf_append_char(&p->out, PACKED_WORDS);
            image_put_u32(&p->out, w.count);
            put_plain(p, w.texts, (int32_t)w.count);
            packed_put_numbers(p, w.indexes, packed_index, count,
                               PACKED_CHOICES(PACKED_FRAMES) | PACKED_CHOICES(PACKED_RUNS));
            arena_rewind(p->scratch, mark);
            return;
        }
        arena_rewind(p->scratch, mark);
    }
    put_plain(p, texts, count);
}

/* ---- The way back */

static status
take_plain(unpacker *u, strview *out, int32_t count, bool keep) {
    const arena_mark mark = arena_save(u->scratch);
    const char      *bytes = NULL;
    uint64_t         total;
    uint32_t        *sizes = arena_alloc(u->scratch, (size_t)count * sizeof(*sizes));
    if (sizes == NULL) {
        return error_memory(u->err);
    }
    TRY(packed_take(u, sizeof(total), &bytes));
    memcpy(&total, bytes, sizeof(total));
    TRY(packed_take_numbers(u, sizes, packed_index, count, 1));
    TRY(packed_take(u, (size_t)total, &bytes));
    TRY(packed_raw(u, (int64_t)total));
    u->is_plain = utf8_is_plain(bytes, (int64_t)total) && total <= VALUE_BYTES_MAX;
    if (keep && total > 0) {
        char *kept = chunk_alloc(u->chunk, (size_t)total);
        if (kept == NULL) {
            return error_memory(u->err);
        }
        memcpy(kept, bytes, (size_t)total);
        bytes = kept;
    }
    for (int32_t i = 0; i < count; i++) {
        if (sizes[i] > total) {
            return packed_corrupt(u, "the size of a text");
        }
        out[i] = strview_of(bytes, sizes[i]);
        bytes += sizes[i];
        total -= sizes[i];
    }
    arena_rewind(u->scratch, mark);
    return total == 0 ? OK : packed_corrupt(u, "bytes of no text");
}

static status
take_words(unpacker *u, strview *out, int32_t count, bool keep) {
    uint32_t    size;
    uint32_t   *indexes = NULL;
    const char *code = NULL;
    TRY(packed_take_u32(u, &size));
    if (size > (uint32_t)count) {
        return packed_corrupt(u, "size of a dictionary");
    }
    const arena_mark mark = arena_save(u->scratch);
    strview         *texts = arena_alloc(u->scratch, (size_t)size * sizeof(strview));
    if (texts == NULL) {
        return error_memory(u->err);
    }
    TRY(packed_take(u, 1, &code));
    if (*code != PACKED_PLAIN) {
        return packed_corrupt(u, "an unknown encoding");
    }
    TRY(take_plain(u, texts, (int32_t)size, keep));
    TRY(packed_take_indexes(u, &indexes, count, size, 1));
    for (int32_t i = 0; i < count; i++) {
        out[i] = texts[indexes[i]];
    }
    arena_rewind(u->scratch, mark);
    return OK;
}

status
packed_take_texts(unpacker *u, strview *out, int32_t count, bool keep) {
    const char *code = NULL;
    TRY(packed_take(u, 1, &code));
    switch ((uint8_t)*code) {
    case PACKED_PLAIN:
        return take_plain(u, out, count, keep);
    case PACKED_WORDS:
        return take_words(u, out, count, keep);
    default:
        return packed_corrupt(u, "an unknown encoding");
    }
}
