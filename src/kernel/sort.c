/* SPDX-License-Identifier: Apache-2.0 */
/* sort.c - stable sort of row numbers.
 *
 * The keys of a row are packed into one 64-bit code: of each key the bits that its values in this
 * batch need, NULL as one value more, the first key highest. Most sorts fit completely, and when
 * the row number fits too, an item is one word. What does not fit (long texts, wide second keys) is
 * cut: rows of equal code are then ordered by comparing them from that key on. */
#include "base/interrupt.h"
#include "kernel/access.h"
#include "kernel/key_image.h"

typedef struct sort_item {
    uint64_t code;
    uint64_t row;
} sort_item;

#define KERNEL radix_words
#define ITEM uint64_t
#define CODE (item)
#include "kernel/radix_sort.inc.h"

#define KERNEL radix_items
#define ITEM sort_item
#define CODE (item.code)
#include "kernel/radix_sort.inc.h"

typedef struct sorter {
    const column   *columns;
    const sort_key *keys;
    int32_t         key_count;
    int32_t         row_count;
    int32_t         exact_keys; /* the code decides these completely */
    int32_t         bits;       /* of the code in use */
    uint64_t       *codes;
    bool            sorted; /* the codes are in order already */
    int64_t         spent;  /* comparisons since it was asked whether to stop */
} sorter;

static int32_t
bits_for(uint64_t largest) {
    return largest == 0 ? 0 : 64 - __builtin_clzll(largest);
}

/* Images become codes 0 .. returned value: descending turned over, the smallest 0, NULL below or
 * above all, cut to `room` bits. *cut: codes had to be shortened. */
static uint64_t
codes_of(uint64_t *image, const column *c, const sort_key *key, int32_t n, int32_t room,
         bool *cut) {
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    bool     nulls = false;
    for (int32_t i = 0; i < n; i++) {
        if (row_is_null(c, i)) {
            nulls = true;
            continue;
        }
        image[i] = key->descending ? ~image[i] : image[i];
        least = image[i] < least ? image[i] : least;
        most = image[i] > most ? image[i] : most;
    }
    const uint64_t range = least <= most ? most - least : 0;
    const uint64_t room_max = room == 64 ? UINT64_MAX : ((uint64_t)1 << room) - 1;
    int32_t        shift = 0;
    while ((range >> shift) > room_max - nulls) {
        shift++;
    }
    *cut = shift > 0;
    const uint64_t above = nulls && key->nulls_first ? 1 : 0;
    const uint64_t null_code = above != 0 ? 0 : (range >> shift) + 1;
    if (!nulls) {
        for (int32_t i = 0; i < n; i++) {
            image[i] = (image[i] - least) >> shift;
        }
    } else {
        for (int32_t i = 0; i < n; i++) {
            image[i] = row_is_null(c, i) ? null_code : ((image[i] - least) >> shift) + above;
        }
    }
    return (range >> shift) + nulls;
}

/* Packs as many keys as fit. `image` is scratch. */
static status
pack_keys(sorter *s, uint64_t *image, error *err) {
    const int32_t n = s->row_count;
    if (s->key_count == 0) {
        memset(s->codes, 0, (size_t)n * sizeof(uint64_t));
    }
    for (int32_t k = 0; k < s->key_count && s->bits < 63; k++) {
        const column *c = &s->columns[s->keys[k].column];
        bool          cut;
        const bool    exact = key_image(image, c, n); /* of all rows: texts lose what they share */
        TRY(interrupt_look(err));
        const uint64_t largest = codes_of(image, c, &s->keys[k], n, 64 - s->bits, &cut);
        TRY(interrupt_look(err));
        const int32_t bits = bits_for(largest);
        for (int32_t i = 0; i < n; i++) {
            s->codes[i] = (k > 0 && bits < 64 ? s->codes[i] << bits : 0) | image[i];
        }
        TRY(interrupt_look(err));
        s->bits += bits;
        if (!exact || cut) {
            break;
        }
        s->exact_keys = k + 1;
    }
    s->sorted = true;
    for (int32_t i = 1; i < n; i++) {
        s->sorted &= s->codes[i - 1] <= s->codes[i];
    }
    return interrupt_look(err);
}

/* ---- rows of equal code */

static bool
row_before(const sorter *s, int32_t a, int32_t b) {
    return compare_sort_keys(s->columns, a, s->columns, b, s->keys + s->exact_keys,
                             s->key_count - s->exact_keys) < 0;
}

static status
merge_rows(sorter *s, int32_t *to, const int32_t *from, int32_t first, int32_t middle, int32_t end,
           error *err) {
    int32_t left = first;
    int32_t right = middle;
    for (int32_t i = first; i < end; i++) {
        const bool take_right =
            left == middle || (right < end && row_before(s, from[right], from[left]));
        to[i] = take_right ? from[right++] : from[left++];
        TRY(interrupt_spend(&s->spent, 64, err));
    }
    return OK;
}

/* Bottom-up and stable; `scratch` holds n rows. */
static status
merge_sort(sorter *s, int32_t *rows, int32_t *scratch, int32_t n, error *err) {
    int32_t *from = rows;
    int32_t *to = scratch;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t first = 0; first < n; first += 2 * width) {
            const int32_t end = (int32_t)min_i64(first + 2 * width, n);
            TRY(merge_rows(s, to, from, (int32_t)first, (int32_t)min_i64(first + width, n), end,
                           err));
        }
        int32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != rows) {
        memcpy(rows, from, (size_t)n * sizeof(int32_t));
    }
    return OK;
}

static status
settle_ties(sorter *s, int32_t *rows, int32_t *scratch, error *err) {
    for (int32_t first = 0; first < s->row_count;) {
        int32_t end = first + 1;
        while (end < s->row_count && s->codes[rows[end]] == s->codes[rows[first]]) {
            end++;
        }
        if (end - first > 1) {
            TRY(merge_sort(s, rows + first, scratch, end - first, err));
        }
        TRY(interrupt_spend(&s->spent, end - first, err));
        first = end;
    }
    return OK;
}

/* ---- the sort */

static status
sort_by_code(const sorter *s, int32_t *rows_out, uint64_t *scratch, arena *a, error *err) {
    const int32_t n = s->row_count;
    const int32_t row_bits = bits_for((uint64_t)n - 1);
    if (s->sorted) {
        for (int32_t i = 0; i < n; i++) {
            rows_out[i] = i;
        }
        return OK;
    }
    if (s->bits + row_bits <= 64) {
        uint64_t *words = arena_alloc(a, (size_t)n * sizeof(uint64_t));
        if (words == NULL) {
            return error_memory(err);
        }
        for (int32_t i = 0; i < n; i++) {
            words[i] = s->codes[i] << row_bits | (uint64_t)i;
        }
        const uint64_t *sorted = radix_words(words, scratch, n, row_bits);
        if (sorted == NULL) {
            return interrupt_look(err);
        }
        const uint64_t mask = ((uint64_t)1 << row_bits) - 1;
        for (int32_t i = 0; i < n; i++) {
            rows_out[i] = (int32_t)(sorted[i] & mask);
        }
        return OK;
    }
    sort_item *items = arena_alloc(a, (size_t)n * 2 * sizeof(sort_item));
    if (items == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < n; i++) {
        items[i] = (sort_item){s->codes[i], (uint64_t)i};
        TRY(i % INTERRUPT_STRIDE == 0 ? interrupt_look(err) : OK);
    }
    const sort_item *sorted = radix_items(items, items + n, n, 0);
    if (sorted == NULL) {
        return interrupt_look(err);
    }
    for (int32_t i = 0; i < n; i++) {
        rows_out[i] = (int32_t)sorted[i].row;
    }
    return OK;
}

status
sort_rows(int32_t *rows_out, const column *columns, int32_t row_count, const sort_key *keys,
          int32_t key_count, arena *a, error *err) {
    if (row_count == 0) {
        return OK;
    }
    const arena_mark mark = arena_save(a);
    sorter s = {.columns = columns, .keys = keys, .key_count = key_count, .row_count = row_count};
    s.codes = arena_alloc(a, (size_t)row_count * sizeof(uint64_t));
    uint64_t *scratch = arena_alloc(a, (size_t)row_count * sizeof(uint64_t));
    if (s.codes == NULL || scratch == NULL) {
        arena_rewind(a, mark);
        return error_memory(err);
    }
    status sorted = pack_keys(&s, scratch, err);
    sorted = sorted < 0 ? sorted : sort_by_code(&s, rows_out, scratch, a, err);
    if (sorted == OK && s.exact_keys < key_count) {
        sorted = settle_ties(&s, rows_out, (int32_t *)scratch, err);
    }
    arena_rewind(a, mark);
    return sorted;
}
