/* SPDX-License-Identifier: Apache-2.0 */
/* multiset_sort.c - all entries of a multiset in order at once, for values that are asked for once:
 * distributed to their groups first, each group sorted by a word that orders like the first key
 * and, where words are equal, by comparing. */
#include "agg/multiset.h"
#include "base/interrupt.h"

typedef struct item {
    uint64_t word;
    slot     entry;
} item;

typedef struct sorter {
    multiset *m;
    item     *items, *room;
    bool      exact; /* equal words are equal entries */
    int64_t   spent; /* steps since it was asked whether the query is to stop */
} sorter;

/* ---- words */

static uint64_t
word_of_double(double x) {
    if (x != x) {
        return UINT64_MAX - 1;
    }
    x += 0.0; /* -0.0 becomes 0.0 */
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits ^ ((bits >> 63) != 0 ? UINT64_MAX : UINT64_C(1) << 63);
}

static uint64_t
word_of_text(const state_columns *keys, const strview *stored) {
    const strview v = text_heap_load(&keys->heap, stored);
    const char   *bytes = strview_data(&v);
    uint64_t      word = 0;
    for (uint32_t i = 0; i < 8; i++) {
        word = word << 8 | (i < v.size ? (uint8_t)bytes[i] : 0);
    }
    return word;
}

static uint64_t
word_of_integer(int64_t x) {
    return (uint64_t)x ^ UINT64_C(1) << 63;
}

/* Of a value that is not NULL; types without a word have equal ones. */
static uint64_t
value_word(const state_columns *keys, int32_t at, slot entry) {
    const state_array *v = &keys->values[at];
    switch (type_physical(keys->types[at])) {
    case PHYSICAL_BOOL:
        return v->data[entry];
    case PHYSICAL_I8:
        return word_of_integer(*ARRAY_AT(v, int8_t, entry));
    case PHYSICAL_I16:
        return word_of_integer(*ARRAY_AT(v, int16_t, entry));
    case PHYSICAL_I32:
        return word_of_integer(*ARRAY_AT(v, int32_t, entry));
    case PHYSICAL_I64:
        return word_of_integer(*ARRAY_AT(v, int64_t, entry));
    case PHYSICAL_I128: /* its upper half */
        return word_of_integer((int64_t)(*ARRAY_AT(v, int128, entry) >> 64));
    case PHYSICAL_U8:
        return v->data[entry];
    case PHYSICAL_U16:
        return *ARRAY_AT(v, uint16_t, entry);
    case PHYSICAL_U32:
        return *ARRAY_AT(v, uint32_t, entry);
    case PHYSICAL_U64:
        return *ARRAY_AT(v, uint64_t, entry);
    case PHYSICAL_F32:
        return word_of_double((double)*ARRAY_AT(v, float, entry));
    case PHYSICAL_F64:
        return word_of_double(*ARRAY_AT(v, double, entry));
    case PHYSICAL_TEXT:
        return word_of_text(keys, ARRAY_AT(v, strview, entry));
    default:
        return 0;
    }
}

static uint64_t
entry_word(const multiset *m, slot entry) {
    const int64_t rank = m->options.rank == RANK_NONE       ? 0
                         : m->options.rank == RANK_FREQUENT ? -multiset_weight(m, entry)
                                                            : *ARRAY_AT(&m->ranks, int64_t, entry);
    if (m->options.rank != RANK_NONE) {
        return word_of_integer(rank);
    }
    const sort_key first = m->options.key_count > 0 ? m->options.keys[0] : (sort_key){.column = 0};
    const int32_t  at = first.column + 1;
    const state_array *nulls = &multiset_rows(m)->nulls[at];
    if (nulls->count > 0 && nulls->data[entry] != 0) {
        return first.nulls_first ? 0 : UINT64_MAX;
    }
    const uint64_t word = value_word(multiset_rows(m), at, entry);
    return first.descending ? ~word : word;
}

/* ---- sort */

static bool
before(const sorter *s, const item *a, const item *b) {
    return a->word != b->word ? a->word < b->word
                              : !s->exact && multiset_compare(s->m, a->entry, b->entry) < 0;
}

static void
insertion_sort(const sorter *s, item *items, uint64_t count) {
    for (uint64_t i = 1; i < count; i++) {
        const item x = items[i];
        uint64_t   at = i;
        for (; at > 0 && before(s, &x, &items[at - 1]); at--) {
            items[at] = items[at - 1];
        }
        items[at] = x;
    }
}

#define SLICE ((uint64_t)1 << 15) /* items between two looks */

static uint64_t
slice_end(uint64_t at, uint64_t end) {
    return end - at < SLICE ? end : at + SLICE;
}

/* By words alone, without a branch that depends on them. */
static status
merge_words(sorter *s, const item *from, item *to, uint64_t low, uint64_t middle, uint64_t high,
            error *err) {
    uint64_t a = low, b = middle;
    while (low < high) {
        const uint64_t first = low, stop = slice_end(low, high);
        for (; low < stop && a < middle && b < high; low++) {
            const bool right = from[b].word < from[a].word;
            to[low] = from[right ? b : a];
            b += right;
            a += !right;
        }
        uint64_t *rest =
            a < middle ? &a : &b; /* one side alone has more, if the slice is not full */
        memcpy(to + low, from + *rest, (stop - low) * sizeof(*to));
        *rest += stop - low;
        low = stop;
        TRY(interrupt_spend(&s->spent, 8 * (int64_t)(stop - first), err));
    }
    return OK;
}

static status
merge_runs(sorter *s, const item *from, item *to, uint64_t low, uint64_t middle, uint64_t high,
           error *err) {
    uint64_t a = low, b = middle;
    if (s->exact) {
        return merge_words(s, from, to, low, middle, high, err);
    }
    for (uint64_t i = low; i < high; i++) {
        const bool right = a == middle || (b < high && before(s, &from[b], &from[a]));
        to[i] = right ? from[b++] : from[a++];
        TRY(interrupt_spend(&s->spent, 8, err));
    }
    return OK;
}

#define RUN 8

/* Runs by insertion, then merges to and fro; the result is in items. */
static status
sort_items(sorter *s, item *items, item *room, uint64_t count, error *err) {
    for (uint64_t i = 0; i < count; i += RUN) {
        TRY(interrupt_spend(&s->spent, 8 * RUN, err));
        insertion_sort(s, items + i, count - i < RUN ? count - i : RUN);
    }
    item *from = items, *to = room;
    for (uint64_t width = RUN; width < count; width *= 2) {
        for (uint64_t low = 0; low < count; low += 2 * width) {
            const uint64_t middle = low + width < count ? low + width : count;
            const uint64_t high = middle + width < count ? middle + width : count;
            TRY(merge_runs(s, from, to, low, middle, high, err));
        }
        item *swap = from;
        from = to;
        to = swap;
    }
    for (uint64_t first = 0; from != items && first < count; first = slice_end(first, count)) {
        memcpy(items + first, from + first, (slice_end(first, count) - first) * sizeof(*items));
        TRY(interrupt_spend(&s->spent, (int64_t)SLICE, err));
    }
    return OK;
}

/* ---- around one place */

#define WINDOW 2        /* places on both sides that are right too: what rounding may ask for */
#define UNEVEN_PARTS 16 /* a cut that leaves less than this part is a bad one */

/* Those before the pivot first; *below: how many. No branch depends on the words. */
static status
cut_items(sorter *s, item *items, uint64_t count, uint64_t pivot, uint64_t *below, error *err) {
    uint64_t kept = 0;
    for (uint64_t first = 0; first < count; first += SLICE) {
        const uint64_t stop = slice_end(first, count);
        for (uint64_t i = first; i < stop; i++) {
            const item x = items[i];
            items[i] = items[kept];
            items[kept] = x;
            kept += x.word < pivot;
        }
        TRY(interrupt_spend(&s->spent, 8 * (int64_t)(stop - first), err));
    }
    *below = kept;
    return OK;
}

static uint64_t
middle_word(const item *items, uint64_t count) {
    const uint64_t a = items[0].word, b = items[count / 2].word, c = items[count - 1].word;
    const uint64_t low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

/* Items whose words are exact: those around `place` come to their places, the others to the right
 * side of them. Where cuts do not help, as with many equal words, what is left is sorted. */
static status
select_items(sorter *s, item *items, item *room, uint64_t count, uint64_t place, error *err) {
    while (count > 4 * RUN) {
        uint64_t below;
        TRY(cut_items(s, items, count, middle_word(items, count), &below, err));
        const uint64_t least = below < count - below ? below : count - below;
        if (least < count / UNEVEN_PARTS || (place + WINDOW >= below && place < below + WINDOW)) {
            break;
        }
        if (place < below) {
            count = below;
        } else {
            items += below;
            count -= below;
            place -= below;
        }
    }
    return sort_items(s, items, room, count, err);
}

/* ---- the whole */

void
multiset_unsort(multiset *m) {
    if (m->sorted == NULL) {
        return;
    }
    mem_free(m->mem, m->sorted, m->sorted_room * sizeof(*m->sorted));
    mem_free(m->mem, m->through, m->sorted_room * sizeof(*m->through));
    mem_free(m->mem, m->starts, (m->group_count + 1) * sizeof(*m->starts));
    m->sorted = NULL;
    m->through = NULL;
    m->starts = NULL;
}

static bool
is_in(const multiset *m, uint64_t i) {
    return multiset_is_live(m, (slot)i) && multiset_weight(m, (slot)i) > 0;
}

/* Counts the entries of each group to starts[group + 1] and adds up. */
static status
count_groups(multiset *m, error *err) {
    const uint64_t slots = multiset_slot_count(m);
    memset(m->starts, 0, (m->group_count + 1) * sizeof(*m->starts));
    for (uint64_t i = 0; i < slots; i++) {
        if (is_in(m, i)) {
            m->starts[multiset_group(m, (slot)i) + 1]++;
        }
        TRY(i % INTERRUPT_ROWS == 0 ? interrupt_look(err) : OK);
    }
    for (uint64_t g = 0; g < m->group_count; g++) {
        m->starts[g + 1] += m->starts[g];
    }
    m->sorted_count = m->starts[m->group_count];
    return OK;
}

/* Entries to their groups; starts[g] moves to the end of g, and back below. */
static status
deal_items(sorter *s, error *err) {
    multiset      *m = s->m;
    const uint64_t slots = multiset_slot_count(m);
    for (uint64_t i = 0; i < slots; i++) {
        if (is_in(m, i)) {
            s->items[m->starts[multiset_group(m, (slot)i)]++] =
                (item){.word = entry_word(m, (slot)i), .entry = (slot)i};
        }
        TRY(i % INTERRUPT_ROWS == 0 ? interrupt_look(err) : OK);
    }
    memmove(m->starts + 1, m->starts, m->group_count * sizeof(*m->starts));
    m->starts[0] = 0;
    return OK;
}

static status
sort_group(sorter *s, uint64_t first, uint64_t count, error *err) {
    multiset *m = s->m;
    int64_t   through = 0;
    if (s->exact && m->unit && m->options.one_place && count > 0) {
        const uint64_t place = (uint64_t)((double)(count - 1) * m->options.part);
        TRY(select_items(s, s->items + first, s->room, count, place, err));
    } else {
        TRY(sort_items(s, s->items + first, s->room, count, err));
    }
    for (uint64_t i = first; i < first + count; i++) {
        m->sorted[i] = s->items[i].entry;
        if (m->through != NULL) {
            through += multiset_weight(m, m->sorted[i]);
            m->through[i] = through;
        }
        TRY(i % SLICE == SLICE - 1 ? interrupt_look(err) : OK);
    }
    return interrupt_spend(&s->spent, 4 * (int64_t)count, err);
}

static uint64_t
largest_group(const multiset *m) {
    uint64_t largest = 0;
    for (uint64_t g = 0; g < m->group_count; g++) {
        const uint64_t count = m->starts[g + 1] - m->starts[g];
        largest = count > largest ? count : largest;
    }
    return largest;
}

static status
fill_sorted(sorter *s, error *err) {
    multiset    *m = s->m;
    const size_t bytes = (largest_group(m) + 1) * sizeof(item);
    s->room = mem_alloc(m->mem, bytes);
    status done = s->room == NULL ? error_memory(err) : deal_items(s, err);
    for (uint64_t g = 0; g < m->group_count && done == OK; g++) {
        done = sort_group(s, m->starts[g], m->starts[g + 1] - m->starts[g], err);
    }
    mem_free(m->mem, s->room, bytes);
    return done;
}

static bool
words_are_exact(const multiset *m) {
    if (m->options.rank == RANK_FIRST || m->options.rank == RANK_LAST) {
        return true;
    }
    const physical p = type_physical(m->options.types[0]);
    return m->options.rank == RANK_NONE && m->options.column_count == 1 && p <= PHYSICAL_F64 &&
           p != PHYSICAL_I128 && multiset_rows(m)->nulls[1].count == 0;
}

status
multiset_sort(multiset *m, error *err) {
    const uint64_t room = multiset_slot_count(m) + 1;
    const size_t   starts_bytes = (m->heads.count + 1) * sizeof(*m->starts);
    sorter         s = {.m = m, .exact = words_are_exact(m)};
    m->group_count = m->heads.count;
    m->sorted_room = room;
    m->starts = mem_alloc(m->mem, starts_bytes);
    s.items = mem_alloc(m->mem, room * sizeof(item));
    m->sorted = mem_alloc(m->mem, room * sizeof(*m->sorted));
    m->through = m->unit ? NULL : mem_alloc(m->mem, room * sizeof(*m->through));
    const bool made = m->starts != NULL && s.items != NULL && m->sorted != NULL &&
                      (m->unit || m->through != NULL);
    status done = made ? count_groups(m, err) : error_memory(err);
    done = done < 0 ? done : fill_sorted(&s, err);
    mem_free(m->mem, s.items, room * sizeof(item));
    if (done < 0) {
        mem_free(m->mem, m->sorted, room * sizeof(*m->sorted));
        mem_free(m->mem, m->through, room * sizeof(*m->through));
        mem_free(m->mem, m->starts, starts_bytes);
        m->sorted = NULL;
        m->through = NULL;
        m->starts = NULL;
    }
    return done;
}
