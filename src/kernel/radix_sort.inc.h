/* SPDX-License-Identifier: Apache-2.0 */
/* Template: stable sort of n > 0 items by the bits shift .. 63 of a code, least significant byte
 * first, and merging of two sorted lists. Bytes that are the same in all items cost nothing.
 * Parameters, all #undef'd at the end:
 * - SORT, MERGE: function names
 * - ITEM: C type of an item
 * - CODE: the uint64_t code of an item `item`
 */

/* `other` is scratch for n items; the result is in `items`, unless the query is to stop. */
static void
SORT(ITEM *restrict items, ITEM *restrict other, int32_t n, int32_t shift) {
    ITEM    *from = items;
    ITEM    *to = other;
    uint64_t any = 0;
    uint64_t all = ~(uint64_t)0;
    for (int32_t first = 0; first < n && !interrupt_stops(); first += SORT_STRIDE) {
        const int32_t end = n - first < SORT_STRIDE ? n : first + SORT_STRIDE;
        for (int32_t i = first; i < end; i++) {
            const ITEM item = items[i];
            any |= CODE;
            all &= CODE;
        }
    }
    const uint64_t differs = any ^ all;
    for (; shift < 64 && !interrupt_stops(); shift += 8) {
        uint32_t at[256] = {0};
        uint32_t sum = 0;
        if (((differs >> shift) & 255) == 0) {
            continue;
        }
        for (int32_t first = 0; first < n && !interrupt_stops(); first += SORT_STRIDE) {
            const int32_t end = n - first < SORT_STRIDE ? n : first + SORT_STRIDE;
            for (int32_t i = first; i < end; i++) {
                const ITEM item = from[i];
                at[(CODE >> shift) & 255]++;
            }
        }
        if (interrupt_stops()) { /* not all are counted */
            return;
        }
        for (int32_t d = 0; d < 256; d++) {
            const uint32_t count = at[d];
            at[d] = sum;
            sum += count;
        }
        for (int32_t first = 0; first < n && !interrupt_stops(); first += SORT_STRIDE) {
            const int32_t end = n - first < SORT_STRIDE ? n : first + SORT_STRIDE;
            for (int32_t i = first; i < end; i++) {
                const ITEM item = from[i];
                to[at[(CODE >> shift) & 255]++] = item;
            }
        }
        ITEM *swap = from;
        from = to;
        to = swap;
    }
    for (int32_t first = 0; from != items && first < n && !interrupt_stops();
         first += SORT_STRIDE) {
        const int32_t count = n - first < SORT_STRIDE ? n - first : SORT_STRIDE;
        memcpy(items + first, from + first, sizeof(*items) * (size_t)count);
    }
}

/* Places first .. end of the items of a and b in order, of equal ones those of a first. */
static void
MERGE(ITEM *restrict to, const ITEM *a, int32_t a_count, const ITEM *b, int32_t b_count,
      int32_t first, int32_t end) {
    int32_t low = first < b_count ? 0 : first - b_count;
    int32_t high = first < a_count ? first : a_count;
    ITEM    item;
    while (low < high) { /* how many of the places before `first` are a's */
        const int32_t middle = low + (high - low) / 2;
        item = a[middle];
        const uint64_t code = CODE;
        item = b[first - middle - 1];
        if (code <= CODE) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    int32_t i = low;
    int32_t j = first - low;
    while (first < end && i < a_count && j < b_count) {
        item = a[i];
        const uint64_t code = CODE;
        item = b[j];
        const bool left = code <= CODE;
        to[first++] = left ? a[i] : b[j];
        i += left;
        j += !left;
    }
    const ITEM *rest = i < a_count ? a + i : b + j;
    if (first < end) {
        memcpy(to + first, rest, sizeof(*to) * (size_t)(end - first));
    }
}
#undef SORT
#undef MERGE
#undef ITEM
#undef CODE
