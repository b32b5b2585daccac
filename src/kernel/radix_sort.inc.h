/* SPDX-License-Identifier: Apache-2.0 */
/* Template: stable sort of n > 0 items by the bits shift .. 63 of a code, least significant byte
 * first. Bytes that are the same in all items cost nothing. `other` is scratch for n items; returns
 * the one of the two that holds the result, NULL when the query is to stop. Parameters, all
 * #undef'd at the end:
 * - KERNEL: function name
 * - ITEM: C type of an item
 * - CODE: the uint64_t code of an item `item`
 */
static ITEM *
KERNEL(ITEM *restrict items, ITEM *restrict other, int32_t n, int32_t shift) {
    ITEM    *from = items;
    ITEM    *to = other;
    uint64_t any = 0;
    uint64_t all = ~(uint64_t)0;
    for (int32_t i = 0; i < n; i++) {
        const ITEM item = items[i];
        any |= CODE;
        all &= CODE;
    }
    const uint64_t differs = any ^ all;
    for (; shift < 64; shift += 8) {
        uint32_t at[256] = {0};
        uint32_t sum = 0;
        if (((differs >> shift) & 255) == 0) {
            continue;
        }
        for (int32_t i = 0; i < n; i++) {
            const ITEM item = from[i];
            at[(CODE >> shift) & 255]++;
        }
        if (interrupt_stops()) {
            return NULL;
        }
        for (int32_t d = 0; d < 256; d++) {
            const uint32_t count = at[d];
            at[d] = sum;
            sum += count;
        }
        for (int32_t first = 0; first < n; first += INTERRUPT_STRIDE) {
            const int32_t end = n - first < INTERRUPT_STRIDE ? n : first + INTERRUPT_STRIDE;
            for (int32_t i = first; i < end; i++) {
                const ITEM item = from[i];
                to[at[(CODE >> shift) & 255]++] = item;
            }
            if (interrupt_stops()) {
                return NULL;
            }
        }
        ITEM *swap = from;
        from = to;
        to = swap;
    }
    return from;
}
#undef KERNEL
#undef ITEM
#undef CODE
