/* SPDX-License-Identifier: Apache-2.0 */
/* join_table.c - see join_table.h.
 *
 * Sealing takes three steps, each shared by threads: hashes, and how many rows of each share fall
 * to each region; entries, dealt out to the regions in the order of the rows; the index of each
 * region. Rows go in from the last to the first, each before those of its key that are in: so the
 * first row of a key is the one in the index. */
#include "op/join_table.h"

#include "kernel/kernel.h"
#include "op/join_dense.h"
#include "op/rows.h"

#define SHARE_ROWS (32 * BATCH_ROWS)
#define REGION_ROWS (1 << 14) /* the index of so many is 256 KiB */
#define REGION_BITS_MAX 10
#define REGION_SIZE_MIN 8
#define TAG_BITS 32
#define AHEAD 16
#define FILTER_BITS 16            /* per row, at least */
#define FILTER_ROWS_MAX (1 << 18) /* so a filter has up to 1 MiB */
#define FILTER_WORDS_MIN 8

static size_t
filter_bytes(const join_table *t) {
    return ((size_t)t->filter_mask + 1) / 8;
}

/* ---- rows */

status
join_table_open(join_table *t, op *owner, const data_type *types, int32_t column_count,
                const int32_t *key_columns, int32_t key_count, const bool *null_safe, error *err) {
    *t = (join_table){.owner = owner,
                      .types = types,
                      .column_count = column_count,
                      .key_columns = key_columns,
                      .key_count = key_count,
                      .null_safe = null_safe};
    return builder_init(&t->rows, owner->env->mem, types, column_count, err);
}

void
join_table_close(join_table *t) {
    if (t->owner == NULL) {
        return;
    }
    mem         *m = t->owner->env->mem;
    const size_t n = (size_t)t->row_count;
    builder_fini(&t->rows);
    mem_free(m, t->weights, sizeof(*t->weights) * (size_t)t->weight_room);
    mem_free(m, t->next, sizeof(*t->next) * n);
    mem_free(m, t->key_of, sizeof(*t->key_of) * n);
    mem_free(m, t->matched, sizeof(*t->matched) * n);
    mem_free(m, t->entries, sizeof(*t->entries) * t->entry_count);
    mem_free(m, t->regions, t->regions == NULL ? 0 : sizeof(*t->regions) << t->region_bits);
    mem_free(m, t->filter, filter_bytes(t));
    join_dense_close(t);
    mem_free(m, t->views, sizeof(column) * (size_t)(t->column_count + t->key_count));
    *t = (join_table){.owner = NULL};
}

bool
join_table_is_keyless(const join_table *t, const column *columns, int32_t row) {
    for (int32_t k = 0; k < t->key_count; k++) {
        if (column_is_null(&columns[t->key_columns[k]], row) &&
            (t->null_safe == NULL || !t->null_safe[k])) {
            return true;
        }
    }
    return false;
}

/* Some row may be left out. */
static bool
may_miss(const join_table *t, const delta *in) {
    for (int32_t k = 0; k < t->key_count; k++) {
        if (in->columns[t->key_columns[k]].validity != NULL) {
            return true;
        }
    }
    return in->weight != NULL;
}

/* Weights of `in`, of which the rows become the last ones. */
static status
add_weights(join_table *t, const delta *in, error *err) {
    const int32_t all = t->row_count + in->row_count;
    if (in->weight == NULL && t->weights == NULL) {
        return OK;
    }
    if (all > t->weight_room) {
        mem          *m = t->owner->env->mem;
        const int32_t room = (int32_t)min_i64(INT32_MAX, (int64_t)all + all / 2);
        int64_t      *more = mem_resize(m, t->weights, sizeof(*more) * (size_t)t->weight_room,
                                        sizeof(*more) * (size_t)room);
        if (more == NULL) {
            return error_memory(err);
        }
        for (int32_t i = 0; t->weights == NULL && i < t->row_count; i++) {
            more[i] = 1;
        }
        t->weights = more;
        t->weight_room = room;
    }
    for (int32_t i = 0; i < in->row_count; i++) {
        t->weights[t->row_count + i] = delta_weight(in, i);
    }
    return OK;
}

status
join_table_add(join_table *t, const delta *in, error *err) {
    arena           *scratch = t->owner->env->scratch;
    const arena_mark mark = arena_save(scratch);
    delta            kept = *in;
    assert(!t->sealed && in->column_count == t->column_count);
    if (may_miss(t, in)) {
        int32_t *rows = arena_alloc(scratch, (size_t)in->row_count * sizeof(*rows));
        if (rows == NULL) {
            return error_memory(err);
        }
        kept.row_count = 0;
        for (int32_t i = 0; i < in->row_count; i++) {
            rows[kept.row_count] = i;
            kept.row_count += delta_weight(in, i) != 0 && !join_table_is_keyless(t, in->columns, i);
        }
        if (kept.row_count > 0 && kept.row_count < in->row_count) {
            TRY(delta_gather(&kept, in, rows, kept.row_count, scratch, err));
        }
    }
    if (kept.row_count > INT32_MAX - 64 - t->row_count) {
        return error_set(err, ERR_QUERY_FAILED,
                         "more than %d rows on the stored side of a join; filter them first, or "
                         "join in parts",
                         t->row_count);
    }
    if (kept.row_count > 0) {
        TRY(builder_append_delta(&t->rows, &kept, err));
        TRY(add_weights(t, &kept, err));
        t->row_count += kept.row_count;
    }
    arena_rewind(scratch, mark);
    return OK;
}

void
join_table_slice(const join_table *t, int32_t first, column *columns, delta *out) {
    if (t->column_count > 0) {
        builder_view(&t->rows, columns, out);
    }
    for (int32_t i = 0; i < t->column_count; i++) {
        columns[i] = column_slice(&columns[i], first);
    }
    *out = (delta){.row_count = (int32_t)min_i64(BATCH_ROWS, t->row_count - first),
                   .column_count = t->column_count,
                   .columns = columns,
                   .weight = t->weights == NULL ? NULL : t->weights + first};
}

/* ---- the index */

typedef struct sealing {
    join_table *table;
    uint32_t   *tags;  /* per row */
    uint64_t   *dealt; /* entries, region by region */
    int32_t    *ends;  /* per share and region: rows of it, then where its next one goes */
    int32_t    *first; /* per region, and one more: where its entries begin */
    int32_t     share_count, region_count;
    bool       *repeats; /* per region: some key has two rows */
    column     *keys;    /* of the rows under way, per share */
} sealing;

ALWAYS_INLINE uint32_t
tag_of(uint64_t hash) {
#ifdef LAMINAR_HASH_MASK /* tests force collisions */
    hash &= LAMINAR_HASH_MASK;
#endif
    return (uint32_t)(hash >> (64 - TAG_BITS));
}

ALWAYS_INLINE uint32_t
region_of(uint32_t tag, int32_t bits) {
    return (uint32_t)((uint64_t)tag >> (TAG_BITS - bits));
}

ALWAYS_INLINE uint64_t
entry_of(uint32_t tag, slot row) {
    return (uint64_t)tag << TAG_BITS | (row + 1);
}

ALWAYS_INLINE slot
entry_slot(uint64_t entry) {
    return (slot)entry - 1;
}

ALWAYS_INLINE uint32_t
entry_tag(uint64_t entry) {
    return (uint32_t)(entry >> TAG_BITS);
}

static int32_t
share_end(const sealing *s, int32_t share) {
    return (int32_t)min_i64(s->table->row_count, (int64_t)(share + 1) * SHARE_ROWS);
}

static status
hash_share(void *context, int32_t share, error *err) {
    sealing          *s = context;
    const join_table *t = s->table;
    int32_t          *counts = s->ends + (size_t)share * (size_t)s->region_count;
    const int32_t     end = share_end(s, share);
    column           *keys = s->keys + (size_t)share * (size_t)t->key_count;
    uint64_t          hashes[BATCH_ROWS];
    for (int32_t first = share * SHARE_ROWS; first < end; first += BATCH_ROWS) {
        const int32_t count = (int32_t)min_i64(BATCH_ROWS, end - first);
        TRY(interrupt_look(err));
        for (int32_t k = 0; k < t->key_count; k++) {
            keys[k] = column_slice(&t->keys[k], first);
        }
        hash_columns(hashes, keys, t->key_count, count);
        for (int32_t i = 0; i < count; i++) {
            const uint32_t tag = tag_of(hashes[i]);
            s->tags[first + i] = tag;
            counts[region_of(tag, t->region_bits)]++;
        }
    }
    return OK;
}

static status
deal_share(void *context, int32_t share, error *err) {
    sealing      *s = context;
    int32_t      *ends = s->ends + (size_t)share * (size_t)s->region_count;
    const int32_t end = share_end(s, share);
    (void)err;
    for (int32_t row = share * SHARE_ROWS; row < end; row++) {
        const uint32_t tag = s->tags[row];
        s->dealt[ends[region_of(tag, s->table->region_bits)]++] = entry_of(tag, (slot)row);
    }
    return OK;
}

/* Equal keys of two rows, the second one of `keys`. */
static bool
same_key(const join_table *t, slot row, const column *keys, int32_t other) {
    const int32_t stored = (int32_t)row;
    uint8_t       same = 1;
    for (int32_t k = 0; k < t->key_count && same; k++) {
        equal_rows(&same, &t->keys[k], &stored, &keys[k], &other, 1);
    }
    return same;
}

static status
make_region(void *context, int32_t at, error *err) {
    sealing           *s = context;
    const join_table  *t = s->table;
    const join_region *r = &t->regions[at];
    const int64_t     *words =
        t->key_count == 1 && join_is_word(&t->keys[0]) ? t->keys[0].values : NULL;
    int64_t spent = 0;
    for (int32_t i = s->first[at + 1] - 1; i >= s->first[at]; i--) {
        const uint64_t entry = s->dealt[i];
        const slot     row = entry_slot(entry);
        uint32_t       place = entry_tag(entry) & r->mask;
        int32_t        next = -1;
        for (; r->entries[place] != 0; place = (place + 1) & r->mask) {
            const slot other = entry_slot(r->entries[place]);
            if (entry_tag(r->entries[place]) == entry_tag(entry) &&
                (words != NULL ? words[row] == words[other]
                               : same_key(t, other, t->keys, (int32_t)row))) {
                next = (int32_t)other;
                s->repeats[at] = true;
                break;
            }
        }
        r->entries[place] = entry;
        t->next[row] = next;
        TRY(interrupt_spend(&spent, 64, err));
    }
    for (uint32_t place = 0; t->by_key && place <= r->mask; place++) {
        const int32_t first = (int32_t)entry_slot(r->entries[place]);
        for (int32_t row = first; row >= 0; row = t->next[row]) {
            t->key_of[row] = first;
        }
        TRY(interrupt_spend(&spent, 32, err));
    }
    return OK;
}

/* How many entries a region with so many rows has: at most two thirds are used. */
static uint64_t
region_size(const join_table *t, int32_t rows) {
    uint64_t       size = REGION_SIZE_MIN;
    const uint64_t wanted = t->key_count == 0 ? 1 : (uint64_t)rows + (uint64_t)rows / 2;
    while (size < wanted) {
        size *= 2;
    }
    return size;
}

/* From the counts of the shares: where the entries of each go. */
static status
cut_regions(sealing *s, error *err) {
    join_table *t = s->table;
    int32_t     sum = 0;
    t->entry_count = 0;
    for (int32_t r = 0; r < s->region_count; r++) {
        s->first[r] = sum;
        for (int32_t k = 0; k < s->share_count; k++) {
            int32_t      *end = &s->ends[(size_t)k * (size_t)s->region_count + (size_t)r];
            const int32_t count = *end;
            *end = sum;
            sum += count;
        }
        t->entry_count += region_size(t, sum - s->first[r]);
    }
    s->first[s->region_count] = sum;
    t->entries = mem_alloc_index(t->owner->env->mem, sizeof(*t->entries) * t->entry_count);
    if (t->entries == NULL) {
        return error_memory(err);
    }
    uint64_t at = 0;
    for (int32_t r = 0; r < s->region_count; r++) {
        const uint64_t size = region_size(t, s->first[r + 1] - s->first[r]);
        t->regions[r] = (join_region){.entries = t->entries + at, .mask = (uint32_t)(size - 1)};
        at += size;
    }
    return OK;
}

static status
alloc_index(join_table *t, error *err) {
    mem         *m = t->owner->env->mem;
    const size_t n = (size_t)t->row_count;
    t->next = mem_alloc(m, sizeof(*t->next) * n);
    t->key_of = t->by_key ? mem_alloc(m, sizeof(*t->key_of) * n) : NULL;
    t->matched = t->counts ? mem_alloc_zero(m, sizeof(*t->matched) * n) : NULL;
    const bool lacks = (t->by_key && t->key_of == NULL) || (t->counts && t->matched == NULL);
    return t->next == NULL || lacks ? error_memory(err) : OK;
}

static status
make_filter(const sealing *s, error *err) {
    join_table *t = s->table;
    uint64_t    words = FILTER_WORDS_MIN;
    if (t->row_count > FILTER_ROWS_MAX || t->key_count == 0 || t->present != NULL) {
        return OK;
    }
    while (words * 64 < (uint64_t)t->row_count * FILTER_BITS) {
        words *= 2;
    }
    t->filter = mem_alloc_zero(t->owner->env->mem, words * sizeof(*t->filter));
    if (t->filter == NULL) {
        return error_memory(err);
    }
    t->filter_mask = (uint32_t)(words * 64 - 1);
    for (int32_t i = 0; i < t->row_count; i++) {
        const uint32_t bit = s->tags[i] & t->filter_mask;
        t->filter[bit >> 6] |= UINT64_C(1) << (bit & 63);
    }
    return OK;
}

/* By hashes. */
static status
make_regions(sealing *s, const team *help, bool *repeats, error *err) {
    join_table *t = s->table;
    t->regions = mem_alloc_zero(t->owner->env->mem, sizeof(*t->regions) << t->region_bits);
    if (t->regions == NULL) {
        return error_memory(err);
    }
    TRY(team_run(help, s->share_count, hash_share, s, err));
    TRY(make_filter(s, err));
    TRY(cut_regions(s, err));
    TRY(team_run(help, s->share_count, deal_share, s, err));
    TRY(team_run(help, s->region_count, make_region, s, err));
    for (int32_t r = 0; r < s->region_count; r++) {
        *repeats = *repeats || s->repeats[r];
    }
    return OK;
}

static status
hash_rows(join_table *t, const team *help, bool *repeats, error *err) {
    mem    *m = t->owner->env->mem;
    sealing s = {.table = t, .share_count = (t->row_count - 1) / SHARE_ROWS + 1};
    while (t->region_bits < REGION_BITS_MAX && t->row_count >> t->region_bits > REGION_ROWS &&
           t->key_count > 0) {
        t->region_bits++;
    }
    s.region_count = 1 << t->region_bits;
    const size_t n = (size_t)t->row_count, regions = (size_t)s.region_count;
    const size_t counts = (size_t)s.share_count * regions;
    const size_t keys = (size_t)s.share_count * (size_t)(t->key_count + 1);
    s.tags = mem_alloc(m, sizeof(*s.tags) * n);
    s.dealt = mem_alloc(m, sizeof(*s.dealt) * n);
    s.ends = mem_alloc_zero(m, sizeof(*s.ends) * counts);
    s.first = mem_alloc(m, sizeof(*s.first) * (regions + 1));
    s.repeats = mem_alloc_zero(m, sizeof(*s.repeats) * regions);
    s.keys = mem_alloc(m, sizeof(*s.keys) * keys);
    const bool lacks = s.tags == NULL || s.dealt == NULL || s.ends == NULL || s.first == NULL ||
                       s.repeats == NULL || s.keys == NULL;
    const status made = lacks ? error_memory(err) : make_regions(&s, help, repeats, err);
    mem_free(m, s.tags, sizeof(*s.tags) * n);
    mem_free(m, s.dealt, sizeof(*s.dealt) * n);
    mem_free(m, s.ends, sizeof(*s.ends) * counts);
    mem_free(m, s.first, sizeof(*s.first) * (regions + 1));
    mem_free(m, s.repeats, sizeof(*s.repeats) * regions);
    mem_free(m, s.keys, sizeof(*s.keys) * keys);
    return made;
}

static status
index_rows(join_table *t, error *err) {
    const op_env *env = t->owner->env;
    const team    help = {.pool = env->pool, .threads = env->threads, .watched = env->interrupted};
    bool          repeats = false;
    TRY(alloc_index(t, err));
    TRY(join_dense_make(t, &help, &repeats, err));
    TRY(t->dense != NULL ? OK : hash_rows(t, &help, &repeats, err));
    if (!repeats) {
        mem_free(env->mem, t->next, sizeof(*t->next) * (size_t)t->row_count);
        t->next = NULL;
    }
    return OK;
}

status
join_table_seal(join_table *t, error *err) {
    const size_t width = (size_t)(t->column_count + t->key_count);
    delta        all;
    if (t->sealed) {
        return OK;
    }
    t->views = width == 0 ? NULL : mem_alloc(t->owner->env->mem, sizeof(column) * width);
    if (width > 0 && t->views == NULL) {
        return error_memory(err);
    }
    t->keys = t->views == NULL ? NULL : t->views + t->column_count;
    if (t->column_count > 0) {
        builder_view(&t->rows, t->views, &all);
    }
    for (int32_t k = 0; k < t->key_count; k++) {
        t->keys[k] = t->views[t->key_columns[k]];
    }
    TRY(t->row_count == 0 ? OK : index_rows(t, err));
    t->sealed = true;
    return OK;
}

/* ---- reading */

/* From `place` on: the slot with the key of row `row`, SLOT_NONE: none. */
static slot
walk_on(const join_table *t, const join_region *r, uint32_t place, uint32_t tag, const column *keys,
        int32_t row) {
    for (; r->entries[place] != 0; place = (place + 1) & r->mask) {
        const slot s = entry_slot(r->entries[place]);
        if (entry_tag(r->entries[place]) == tag && same_key(t, s, keys, row)) {
            return s;
        }
    }
    return SLOT_NONE;
}

/* The rows that the filter lets through; the others match nothing. */
static int32_t
pass_filter(const join_table *t, const uint32_t *tags, int32_t row_count, int32_t *rows) {
    int32_t count = 0;
    for (int32_t i = 0; i < row_count; i++) {
        const uint32_t bit = tags[i] & t->filter_mask;
        rows[count] = i;
        count += t->filter == NULL || (t->filter[bit >> 6] >> (bit & 63) & 1) != 0;
    }
    return count;
}

ALWAYS_INLINE void
fetch_ahead(const join_table *t, const uint32_t *tags, const int32_t *rows, int32_t k,
            int32_t count) {
    const uint32_t     tag = tags[rows[k + AHEAD < count ? k + AHEAD : k]];
    const join_region *far = &t->regions[region_of(tag, t->region_bits)];
    PREFETCH(&far->entries[tag & far->mask]);
}

/* One integer without NULLs on both sides; rows that are not in `rows` have got their slots. */
static void
find_words(const join_table *t, const column *keys, const uint32_t *tags, const int32_t *rows,
           int32_t count, slot *out) {
    const int64_t *stored = t->keys[0].values;
    const int64_t *words = keys[0].values;
    for (int32_t k = 0; k < count; k++) {
        const int32_t i = rows[k];
        fetch_ahead(t, tags, rows, k, count);
        const join_region *r = &t->regions[region_of(tags[i], t->region_bits)];
        for (uint32_t place = tags[i] & r->mask; r->entries[place] != 0;
             place = (place + 1) & r->mask) {
            const slot s = entry_slot(r->entries[place]);
            if (entry_tag(r->entries[place]) == tags[i] && stored[s] == words[i]) {
                out[i] = s;
                break;
            }
        }
    }
}

typedef struct candidates {
    int32_t   count;
    int32_t  *rows, *stored;
    uint32_t *places;
    uint8_t  *same;
} candidates;

static status
candidates_alloc(candidates *c, int32_t row_count, arena *a, error *err) {
    const size_t n = (size_t)row_count;
    *c = (candidates){.rows = arena_alloc(a, n * sizeof(*c->rows)),
                      .stored = arena_alloc(a, n * sizeof(*c->stored)),
                      .places = arena_alloc(a, n * sizeof(*c->places)),
                      .same = arena_alloc(a, n)};
    return c->rows == NULL || c->stored == NULL || c->places == NULL || c->same == NULL
               ? error_memory(err)
               : OK;
}

/* The first entry with the tag of each row; rows without one are settled. */
static void
find_candidates(const join_table *t, candidates *c, const uint32_t *tags, const int32_t *rows,
                int32_t count) {
    for (int32_t k = 0; k < count; k++) {
        const int32_t i = rows[k];
        fetch_ahead(t, tags, rows, k, count);
        const join_region *r = &t->regions[region_of(tags[i], t->region_bits)];
        uint32_t           place = tags[i] & r->mask;
        while (r->entries[place] != 0 && entry_tag(r->entries[place]) != tags[i]) {
            place = (place + 1) & r->mask;
        }
        c->rows[c->count] = i;
        c->places[c->count] = place;
        c->stored[c->count] = (int32_t)entry_slot(r->entries[place]);
        c->count += r->entries[place] != 0;
    }
}

/* Of the rows that passed; the others need none. */
static status
tag_passed(uint32_t *tags, const column *keys, const int32_t *rows, int32_t count, arena *a,
           error *err) {
    column    passed;
    uint64_t *hashes = arena_alloc(a, (size_t)(count + 1) * sizeof(*hashes));
    if (hashes == NULL) {
        return error_memory(err);
    }
    TRY(column_gather(&passed, &keys[0], rows, count, a, err));
    hash_columns(hashes, &passed, 1, count);
    for (int32_t k = 0; k < count; k++) {
        tags[rows[k]] = tag_of(hashes[k]);
    }
    return OK;
}

status
join_table_find(const join_table *t, const column *keys, int32_t row_count, slot *key_slots,
                arena *a, error *err) {
    const size_t     n = (size_t)row_count;
    const arena_mark mark = arena_save(a);
    uint64_t        *hashes = arena_alloc(a, n * sizeof(*hashes));
    uint32_t        *tags = arena_alloc(a, n * sizeof(*tags));
    int32_t         *rows = arena_alloc(a, (n + 1) * sizeof(*rows));
    candidates       c;
    assert(t->sealed);
    if (hashes == NULL || tags == NULL || rows == NULL) {
        return error_memory(err);
    }
    if (t->dense != NULL) {
        join_dense_find(t, keys, row_count, key_slots);
        arena_rewind(a, mark);
        return OK;
    }
    memset(key_slots, 0xff, n * sizeof(*key_slots)); /* SLOT_NONE */
    if (t->row_count == 0) {
        return OK;
    }
    const bool by_word = t->key_count == 1 && join_is_word(&t->keys[0]) && join_is_word(&keys[0]);
    int32_t    passed;
    if (by_word && t->present != NULL) {
        passed = join_dense_pass(t, keys[0].values, row_count, rows);
        TRY(tag_passed(tags, keys, rows, passed, a, err));
    } else {
        hash_columns(hashes, keys, t->key_count, row_count);
        for (int32_t i = 0; i < row_count; i++) {
            tags[i] = tag_of(hashes[i]);
        }
        passed = pass_filter(t, tags, row_count, rows);
    }
    if (by_word) {
        find_words(t, keys, tags, rows, passed, key_slots);
        arena_rewind(a, mark);
        return OK;
    }
    TRY(candidates_alloc(&c, passed, a, err));
    find_candidates(t, &c, tags, rows, passed);
    memset(c.same, 1, (size_t)c.count);
    for (int32_t k = 0; k < t->key_count; k++) {
        equal_rows(c.same, &t->keys[k], c.stored, &keys[k], c.rows, c.count);
    }
    for (int32_t i = 0; i < c.count; i++) {
        const int32_t      row = c.rows[i];
        const join_region *r = &t->regions[region_of(tags[row], t->region_bits)];
        key_slots[row] = c.same[i]
                             ? (slot)c.stored[i]
                             : walk_on(t, r, (c.places[i] + 1) & r->mask, tags[row], keys, row);
    }
    arena_rewind(a, mark);
    return OK;
}

int32_t
join_table_pairs(const join_table *t, probe_cursor *c, int32_t row_count, int32_t *probe_rows,
                 slot *stored_rows, int32_t pairs_max) {
    int32_t pairs = 0;
    if (!c->started) {
        *c = (probe_cursor){
            .key_slots = c->key_slots, .row = -1, .next = SLOT_NONE, .started = true};
    }
    if (t->next == NULL && c->next == SLOT_NONE && row_count - c->row - 1 <= pairs_max) {
        for (int32_t row = c->row + 1; row < row_count; row++) { /* one at most of each */
            probe_rows[pairs] = row;
            stored_rows[pairs] = c->key_slots[row];
            pairs += c->key_slots[row] != SLOT_NONE;
        }
        c->row = row_count - 1;
        return pairs;
    }
    while (pairs < pairs_max) {
        if (c->next == SLOT_NONE) {
            if (c->row + 1 >= row_count) {
                break;
            }
            c->next = c->key_slots[++c->row];
            continue;
        }
        probe_rows[pairs] = c->row;
        stored_rows[pairs++] = c->next;
        c->next = t->next == NULL ? SLOT_NONE : (slot)t->next[c->next];
    }
    return pairs;
}

int64_t
join_table_total(const join_table *t, slot key) {
    int64_t total = join_table_weight(t, key);
    for (int32_t row = t->next == NULL ? -1 : t->next[key]; row >= 0; row = t->next[row]) {
        total = sat_add_i64(total, join_table_weight(t, (slot)row));
    }
    return total;
}

status
join_table_read(const join_table *t, int32_t at, const slot *slots, int32_t count, arena *a,
                column *out, error *err) {
    return column_gather(out, &t->views[at], (const int32_t *)slots, count, a, err);
}

/* ---- validate */

/* Goes through the rows of a key. */
static status
check_key(const join_table *t, int32_t row, int64_t *reached, error *err) {
    for (int32_t before = -1; row >= 0; row = t->next == NULL ? -1 : t->next[row]) {
        if (row <= before || row >= t->row_count) {
            return error_set(err, ERR_INTERNAL_ERROR, "join: row %d follows row %d", row, before);
        }
        before = row;
        ++*reached;
    }
    return OK;
}

status
join_table_validate(const join_table *t, error *err) {
    int64_t reached = 0;
    for (uint64_t i = 0; t->dense != NULL && i <= t->dense_span; i++) {
        TRY(check_key(t, t->dense[i] - 1, &reached, err));
    }
    for (int32_t i = 0; t->regions != NULL && i < 1 << t->region_bits; i++) {
        const join_region *r = &t->regions[i];
        for (uint32_t place = 0; place <= r->mask; place++) {
            TRY(check_key(t, (int32_t)entry_slot(r->entries[place]), &reached, err));
        }
    }
    return !t->sealed || reached == t->row_count
               ? OK
               : error_set(err, ERR_INTERNAL_ERROR, "join: the index has %lld of %d rows",
                           (long long)reached, t->row_count);
}
