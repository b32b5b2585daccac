/* SPDX-License-Identifier: Apache-2.0 */
/* sort.c - stable sort of row numbers.
 *
 * The keys of a row are packed into one 64-bit code: of each key the bits that its values in this
 * batch need, NULL as one value more, the first key highest. Most sorts fit completely, and when
 * the row number fits too, an item is one word. What does not fit (long texts, wide second keys) is
 * cut: rows of equal code are then ordered by comparing them from that key on.
 *
 * Every step is cut into blocks of rows, between which the query is asked whether it is still
 * wanted. Several threads share the blocks of a step; each sorts a range of rows, and the ranges
 * are merged. Of equal items those of an earlier range come first, so the order is always the same.
 */
#include "base/interrupt.h"
#include "kernel/access.h"
#include "kernel/key_image.h"

#define BLOCK_ROWS (1 << 16)
#define SORT_STRIDE BLOCK_ROWS
#define TEAM_ROWS_MIN 50000 /* less does not pay for a thread */

typedef struct sort_item {
    uint64_t code;
    uint64_t row;
} sort_item;

#define SORT sort_words
#define MERGE merge_words
#define ITEM uint64_t
#define CODE (item)
#include "kernel/radix_sort.inc.h"

#define SORT sort_items
#define MERGE merge_items
#define ITEM sort_item
#define CODE (item.code)
#include "kernel/radix_sort.inc.h"

/* What a step finds out about the rows of a block. */
typedef struct sort_block {
    key_scan scan;
    uint64_t least, most;
    bool     nulls, sorted;
    int32_t  first; /* place where codes first change, the end of the block where none does */
} sort_block;

/* How the images of a key become its part of the code: 0 .. `largest`, the smallest value 0. */
typedef struct key_code {
    const column *column;
    key_scan      scan;
    uint64_t      flip, least, largest, null_code, above;
    int32_t       shift, bits;
    bool          nulls, first;
} key_code;

typedef struct sorter {
    const column   *columns;
    const sort_key *keys;
    int32_t         key_count;
    int32_t         row_count;
    int32_t         block_count;
    int32_t         part_count; /* threads */
    team            team;
    sort_block     *blocks;
    int32_t         exact_keys;    /* the code decides these completely */
    int32_t         bits;          /* of the code in use */
    key_code        key;           /* that is being packed */
    uint64_t       *codes, *image; /* one behind the other: room for items when they are made */
    int32_t        *rows;          /* the result */
    /* items of one word, in the place of the codes, or of two: the sorted ranges, and room for
     * their merge; NULL: the rows are in order */
    bool     wide;
    int32_t  row_bits; /* of a word */
    void    *items, *other;
    int32_t *runs; /* where they begin; run_count + 1 of them */
    int32_t  run_count;
} sorter;

/* ---- steps */

typedef void sort_step(sorter *s, int32_t at);

typedef struct sort_job {
    sorter    *sorter;
    sort_step *step;
} sort_job;

static status
run_one(void *context, int32_t at, error *err) {
    const sort_job *j = context;
    j->step(j->sorter, at);
    return interrupt_look(err); /* a step that was told to stop did not do its work */
}

/* The step for 0 .. count - 1. */
static status
run_step(sorter *s, sort_step *step, int32_t count, error *err) {
    sort_job job = {.sorter = s, .step = step};
    return team_run(&s->team, count, run_one, &job, err);
}

static int32_t
block_first(int32_t block) {
    return block * BLOCK_ROWS;
}

static int32_t
block_end(const sorter *s, int32_t block) {
    const int32_t left = s->row_count - block_first(block);
    return left < BLOCK_ROWS ? s->row_count : block_first(block) + BLOCK_ROWS;
}

/* ---- codes */

static int32_t
bits_for(uint64_t largest) {
    return largest == 0 ? 0 : 64 - __builtin_clzll(largest);
}

static void
scan_block(sorter *s, int32_t at) {
    s->blocks[at].scan = key_scan_rows(s->key.column, block_first(at), block_end(s, at));
}

static void
image_block(sorter *s, int32_t at) {
    sort_block    *b = &s->blocks[at];
    const column  *c = s->key.column;
    const int32_t  end = block_end(s, at);
    const uint64_t flip = s->key.flip;
    uint64_t       least = UINT64_MAX;
    uint64_t       most = 0;
    key_image(s->image, c, &s->key.scan, block_first(at), end);
    b->nulls = false;
    for (int32_t i = block_first(at); i < end; i++) {
        if (row_is_null(c, i)) {
            b->nulls = true;
            continue;
        }
        s->image[i] ^= flip;
        least = s->image[i] < least ? s->image[i] : least;
        most = s->image[i] > most ? s->image[i] : most;
    }
    b->least = least;
    b->most = most;
}

static void
pack_block(sorter *s, int32_t at) {
    const key_code *k = &s->key;
    const int32_t   end = block_end(s, at);
    uint64_t       *codes = s->codes;
    for (int32_t i = block_first(at); i < end; i++) {
        const uint64_t code = k->nulls && row_is_null(k->column, i)
                                  ? k->null_code
                                  : ((s->image[i] - k->least) >> k->shift) + k->above;
        codes[i] = k->first ? code : codes[i] << k->bits | code;
    }
}

/* Descending turned over, NULL below or above all, cut to `room` bits. *cut: codes had to be
 * shortened. */
static void
choose_code(sorter *s, const sort_key *key, int32_t room, bool *cut) {
    key_code *k = &s->key;
    uint64_t  least = UINT64_MAX;
    uint64_t  most = 0;
    k->nulls = false;
    for (int32_t i = 0; i < s->block_count; i++) {
        const sort_block *b = &s->blocks[i];
        k->nulls |= b->nulls;
        least = b->least < least ? b->least : least;
        most = b->most > most ? b->most : most;
    }
    const uint64_t range = least <= most ? most - least : 0;
    const uint64_t room_max = room == 64 ? UINT64_MAX : ((uint64_t)1 << room) - 1;
    k->shift = 0;
    while ((range >> k->shift) > room_max - k->nulls) {
        k->shift++;
    }
    *cut = k->shift > 0;
    k->least = least;
    k->above = k->nulls && key->nulls_first ? 1 : 0;
    k->null_code = k->above != 0 ? 0 : (range >> k->shift) + 1;
    k->bits = bits_for((range >> k->shift) + k->nulls);
}

static void
check_block(sorter *s, int32_t at) {
    bool sorted = true;
    for (int32_t i = block_first(at), end = block_end(s, at); i < end; i++) {
        sorted &= i == 0 || s->codes[i - 1] <= s->codes[i];
    }
    s->blocks[at].sorted = sorted;
}

static status
pack_key(sorter *s, int32_t at, bool *exact, error *err) {
    const sort_key *key = &s->keys[at];
    bool            cut;
    s->key = (key_code){.column = &s->columns[key->column],
                        .flip = key->descending ? UINT64_MAX : 0,
                        .first = at == 0};
    TRY(run_step(s, scan_block, s->block_count, err));
    s->key.scan = s->blocks[0].scan;
    for (int32_t i = 1; i < s->block_count; i++) {
        key_scan_add(&s->key.scan, &s->blocks[i].scan);
    }
    TRY(run_step(s, image_block, s->block_count, err));
    choose_code(s, key, 64 - s->bits, &cut);
    s->key.first = at == 0 || s->key.bits == 64; /* of 64 bits there were none before */
    TRY(run_step(s, pack_block, s->block_count, err));
    s->bits += s->key.bits;
    *exact = key_image_is_exact(s->key.column, &s->key.scan) && !cut;
    return OK;
}

/* Packs as many keys as fit. */
static status
pack_keys(sorter *s, error *err) {
    bool exact = true;
    if (s->key_count == 0) {
        memset(s->codes, 0, (size_t)s->row_count * sizeof(uint64_t));
    }
    for (int32_t k = 0; k < s->key_count && s->bits < 63 && exact; k++) {
        TRY(pack_key(s, k, &exact, err));
        s->exact_keys += exact;
    }
    return run_step(s, check_block, s->block_count, err);
}

static bool
is_sorted(const sorter *s) {
    for (int32_t i = 0; i < s->block_count; i++) {
        if (!s->blocks[i].sorted) {
            return false;
        }
    }
    return true;
}

/* ---- rows of equal code */

static bool
row_before(const sorter *s, int32_t a, int32_t b) {
    return compare_sort_keys(s->columns, a, s->columns, b, s->keys + s->exact_keys,
                             s->key_count - s->exact_keys) < 0;
}

static status
merge_rows(const sorter *s, int32_t *to, const int32_t *from, int32_t first, int32_t middle,
           int32_t end, int64_t *spent) {
    int32_t left = first;
    int32_t right = middle;
    for (int32_t i = first; i < end; i++) {
        const bool take_right =
            left == middle || (right < end && row_before(s, from[right], from[left]));
        to[i] = take_right ? from[right++] : from[left++];
        TRY(interrupt_spend(spent, 64, NULL));
    }
    return OK;
}

/* Bottom-up and stable; `scratch` holds n rows. */
static status
merge_sort(const sorter *s, int32_t *rows, int32_t *scratch, int32_t n, int64_t *spent) {
    int32_t *from = rows;
    int32_t *to = scratch;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t first = 0; first < n; first += 2 * width) {
            const int32_t end = (int32_t)min_i64(first + 2 * width, n);
            TRY(merge_rows(s, to, from, (int32_t)first, (int32_t)min_i64(first + width, n), end,
                           spent));
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

/* Of the rows at a place of the order and before it. Codes by row are gone once there are items. */
static bool
same_code(const sorter *s, int32_t place) {
    const uint64_t  *words = s->items;
    const sort_item *items = s->items;
    if (s->items == NULL) {
        return s->codes[place] == s->codes[place - 1];
    }
    return s->wide ? items[place].code == items[place - 1].code
                   : (words[place] ^ words[place - 1]) >> s->row_bits == 0;
}

static void
find_block(sorter *s, int32_t at) {
    int32_t first = block_first(at);
    while (first > 0 && first < block_end(s, at) && same_code(s, first)) {
        first++;
    }
    s->blocks[at].first = first;
}

/* Where the ties end that begin before the end of a block and reach it. */
static int32_t
end_beyond(const sorter *s, int32_t at) {
    for (at++; at < s->block_count; at++) {
        if (s->blocks[at].first < block_end(s, at)) {
            return s->blocks[at].first;
        }
    }
    return s->row_count;
}

/* The ties that begin in the block, and no row that others settle; a cancelled one is left as it
 * is. */
static void
settle_block(sorter *s, int32_t at) {
    const int32_t stop = block_end(s, at);
    int32_t      *scratch = s->items == NULL ? (int32_t *)s->image : s->other;
    int64_t       spent = 0;
    for (int32_t first = s->blocks[at].first; first < stop;) {
        int32_t end = first + 1;
        while (end < stop && same_code(s, end)) {
            end++;
        }
        end = end == stop ? end_beyond(s, at) : end;
        if (end - first > 1 &&
            merge_sort(s, s->rows + first, scratch + first, end - first, &spent) < 0) {
            return;
        }
        if (interrupt_spend(&spent, end - first, NULL) < 0) {
            return;
        }
        first = end;
    }
}

static status
settle_ties(sorter *s, error *err) {
    TRY(run_step(s, find_block, s->block_count, err));
    return run_step(s, settle_block, s->block_count, err);
}

/* ---- the items */

static void
number_block(sorter *s, int32_t at) {
    for (int32_t i = block_first(at), end = block_end(s, at); i < end; i++) {
        s->rows[i] = i;
    }
}

static void
fill_block(sorter *s, int32_t at) {
    uint64_t  *words = s->items;
    sort_item *items = s->items;
    for (int32_t i = block_first(at), end = block_end(s, at); i < end; i++) {
        if (s->wide) {
            items[i] = (sort_item){s->codes[i], (uint64_t)i};
        } else {
            words[i] = s->codes[i] << s->row_bits | (uint64_t)i;
        }
    }
}

static void
sort_range(sorter *s, int32_t at) {
    const int32_t first = s->runs[at];
    const int32_t count = s->runs[at + 1] - first;
    if (s->wide) {
        sort_items((sort_item *)s->items + first, (sort_item *)s->other + first, count, 0);
    } else {
        sort_words((uint64_t *)s->items + first, (uint64_t *)s->other + first, count, s->row_bits);
    }
}

/* Block `at` of the merge of neighbours: places of the result that lie in one pair. */
static void
merge_block(sorter *s, int32_t at) {
    int32_t end = block_end(s, at);
    for (int32_t from = block_first(at), pair = 0; from < end; pair += 2) {
        const int32_t a = s->runs[pair];
        const int32_t b = s->runs[pair + 1 < s->run_count ? pair + 1 : s->run_count];
        const int32_t stop = s->runs[pair + 2 < s->run_count ? pair + 2 : s->run_count];
        const int32_t until = stop < end ? stop : end;
        if (until <= from) {
            continue;
        }
        if (s->wide) {
            const sort_item *x = s->items;
            merge_items((sort_item *)s->other + a, x + a, b - a, x + b, stop - b, from - a,
                        until - a);
        } else {
            const uint64_t *x = s->items;
            merge_words((uint64_t *)s->other + a, x + a, b - a, x + b, stop - b, from - a,
                        until - a);
        }
        from = until;
    }
}

static void
take_block(sorter *s, int32_t at) {
    const uint64_t  *words = s->items;
    const sort_item *items = s->items;
    const uint64_t   mask = ((uint64_t)1 << s->row_bits) - 1;
    for (int32_t i = block_first(at), end = block_end(s, at); i < end; i++) {
        s->rows[i] = (int32_t)(s->wide ? items[i].row : words[i] & mask);
    }
}

/* Each thread sorts a range. */
static status
sort_ranges(sorter *s, error *err) {
    s->run_count = s->part_count;
    for (int32_t i = 0; i <= s->part_count; i++) {
        s->runs[i] = (int32_t)((int64_t)s->row_count * i / s->part_count);
    }
    TRY(run_step(s, sort_range, s->part_count, err));
    while (s->run_count > 1) {
        int32_t made = 0;
        TRY(run_step(s, merge_block, s->block_count, err));
        for (int32_t i = 0; i < s->run_count; i += 2) {
            s->runs[made++] = s->runs[i];
        }
        s->runs[made] = s->row_count;
        s->run_count = made;
        void *swap = s->items;
        s->items = s->other;
        s->other = swap;
    }
    return OK;
}

static status
sort_by_code(sorter *s, arena *a, error *err) {
    const size_t n = (size_t)s->row_count;
    if (is_sorted(s)) {
        return run_step(s, number_block, s->block_count, err);
    }
    s->row_bits = bits_for((uint64_t)n - 1);
    s->wide = s->bits + s->row_bits > 64;
    s->items = s->wide ? arena_alloc(a, n * sizeof(sort_item)) : (void *)s->codes;
    s->other = s->wide ? s->codes : s->image;
    s->runs = arena_alloc(a, sizeof(*s->runs) * (size_t)(s->part_count + 1));
    if (s->items == NULL || s->other == NULL || s->runs == NULL) {
        return error_memory(err);
    }
    TRY(run_step(s, fill_block, s->block_count, err));
    TRY(sort_ranges(s, err));
    return run_step(s, take_block, s->block_count, err);
}

static status
sort_all(sorter *s, arena *a, error *err) {
    s->codes = arena_alloc(a, (size_t)s->row_count * 2 * sizeof(uint64_t));
    s->image = s->codes == NULL ? NULL : s->codes + s->row_count;
    s->blocks = arena_alloc(a, (size_t)s->block_count * sizeof(*s->blocks));
    if (s->codes == NULL || s->image == NULL || s->blocks == NULL) {
        return error_memory(err);
    }
    TRY(pack_keys(s, err));
    TRY(sort_by_code(s, a, err));
    return s->exact_keys < s->key_count ? settle_ties(s, err) : OK;
}

status
sort_rows_with(const team *t, int32_t *rows_out, const column *columns, int32_t row_count,
               const sort_key *keys, int32_t key_count, arena *a, error *err) {
    if (row_count == 0) {
        return OK;
    }
    const arena_mark mark = arena_save(a);
    const int64_t    parts = min_i64(t->threads, row_count / TEAM_ROWS_MIN);
    sorter           s = {.columns = columns,
                          .keys = keys,
                          .key_count = key_count,
                          .row_count = row_count,
                          .rows = rows_out,
                          .team = *t,
                          .part_count = t->pool == NULL ? 1 : (int32_t)max_i64(parts, 1),
                          .block_count = (row_count - 1) / BLOCK_ROWS + 1};
    s.team.threads = s.part_count;
    const status sorted = sort_all(&s, a, err);
    arena_rewind(a, mark);
    return sorted;
}

status
sort_rows(int32_t *rows_out, const column *columns, int32_t row_count, const sort_key *keys,
          int32_t key_count, arena *a, error *err) {
    const team alone = {.pool = NULL};
    return sort_rows_with(&alone, rows_out, columns, row_count, keys, key_count, a, err);
}
