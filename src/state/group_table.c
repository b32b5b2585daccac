/* SPDX-License-Identifier: Apache-2.0 */
/* group_table.c - see group_table.h. A linear-probing index of (hash tag, slot) beside columnar
 * keys.
 *
 * A batch goes through rounds. Each row walks the index from its home to the first entry with its
 * tag (a candidate) or to a hole, where it makes its group at once. Then the keys of new groups are
 * written and all candidates are compared column by column; what differs walks on in the next
 * round. Rows of one key share one walk, so a key that is new and twice in a batch finds its own
 * group as a candidate. Removal shifts entries back: there are no tombstones. At most 3/5 of the
 * index is used. One integer key, or two of eight bytes, without NULLs are compared inside the walk
 * instead. */
#include "state/group_table.h"

#include "base/interrupt.h"
#include "base/work.h"

#include <stdio.h>

#include "kernel/kernel.h"
#include "state/group_dense.h"

#define INDEX_SIZE_MIN 64
#define SLOT_STEP_MAX 1024
/* From 128 KiB the index is not in the first-level cache: prefetch. */
#define FAR_INDEX_SIZE (1 << 14)
#define FAR_AHEAD 16

/* The upper half of a hash is its tag, whose low bits pick the home: so an entry says where its
 * home is, in an index of any size, and nobody reads its hash for that. */
#define TAG_SHIFT 32

static uint64_t
entry_of(uint64_t hash, slot s) {
    return (hash >> TAG_SHIFT << TAG_SHIFT) | ((uint64_t)s + 1);
}

ALWAYS_INLINE slot
entry_slot(uint64_t entry) {
    return (slot)entry - 1;
}

ALWAYS_INLINE bool
entry_has_tag(uint64_t entry, uint64_t hash) {
    return (entry ^ hash) >> TAG_SHIFT == 0;
}

/* Of a hash or an entry. */
ALWAYS_INLINE uint64_t
home_of(uint64_t tagged, uint64_t mask) {
    return (tagged >> TAG_SHIFT) & mask;
}

void
group_hash_keys(uint64_t *out, const column *keys, int32_t key_count, int32_t row_count) {
    if (key_count == 0) {
        memset(out, 0, (size_t)row_count * sizeof(*out));
    } else {
        hash_columns(out, keys, key_count, row_count);
    }
#ifdef LAMINAR_HASH_MASK /* tests force collisions */
    for (int32_t i = 0; i < row_count; i++) {
        out[i] &= LAMINAR_HASH_MASK;
    }
#endif
}

/* ---- open and close */

static status
open_parts(group_table *t, store *s, const char *name, const data_type *key_types,
           int32_t key_count, error *err) {
    char label[160];
    snprintf(label, sizeof(label), "%.120s.key", name);
    TRY(state_columns_open(&t->keys, s, label, key_types, key_count, err));
    snprintf(label, sizeof(label), "%.120s.hash", name);
    TRY(array_open(&t->hashes, s, label, sizeof(uint64_t), err));
    snprintf(label, sizeof(label), "%.120s.live", name);
    return array_open(&t->live, s, label, 1, err);
}

status
group_table_open(group_table *t, store *s, const char *name, const data_type *key_types,
                 int32_t key_count, error *err) {
    *t = (group_table){.mem = store_mem(s)};
    const status opened = open_parts(t, s, name, key_types, key_count, err);
    if (opened < 0) {
        group_table_close(t);
    }
    return opened;
}

void
group_free_index(group_table *t) {
    mem_free(t->mem, t->index, t->index_size * sizeof(*t->index));
    mem_free(t->mem, t->free_slots, t->free_capacity * sizeof(*t->free_slots));
    t->index = NULL;
    t->free_slots = NULL;
    t->index_size = t->index_limit = t->live_count = t->free_count = t->free_capacity = 0;
}

void
group_table_close(group_table *t) {
    if (t->mem == NULL) {
        return;
    }
    group_free_index(t);
    group_dense_close(t);
    state_columns_close(&t->keys);
    array_close(&t->hashes);
    array_close(&t->live);
    *t = (group_table){0};
}

uint64_t
group_table_slot_count(const group_table *t) {
    return t->live.count;
}

bool
group_table_is_live(const group_table *t, slot s) {
    return s < t->live.count && t->live.data[s] != 0;
}

/* ---- the index */

static void
place(group_table *t, uint64_t entry) {
    const uint64_t mask = t->index_size - 1;
    uint64_t       at = home_of(entry, mask);
    while (t->index[at] != 0) {
        at = (at + 1) & mask;
    }
    t->index[at] = entry;
}

static status
place_all(group_table *t, error *err) {
    const uint64_t  count = t->live.count;
    const uint64_t *hashes = count == 0 ? NULL : ARRAY_AT(&t->hashes, uint64_t, 0);
    for (uint64_t s = 0; s < count; s++) {
        if (s + FAR_AHEAD < count) {
            PREFETCH(&t->index[home_of(hashes[s + FAR_AHEAD], t->index_size - 1)]);
        }
        if (t->live.data[s] != 0) {
            place(t, entry_of(hashes[s], (slot)s));
        }
        if (s % INTERRUPT_ROWS == INTERRUPT_ROWS - 1) {
            work_step(count + s, 2 * count); /* of loading a state */
            TRY(interrupt_look(err));
        }
    }
    return OK;
}

/* In their order there, so that writes go forward in each half of an index of twice the size. */
static status
place_entries(group_table *t, const uint64_t *old, uint64_t old_size, error *err) {
    for (uint64_t at = 0; at < old_size; at++) {
        if (old[at] != 0) {
            place(t, old[at]);
        }
        if (at % INTERRUPT_ROWS == INTERRUPT_ROWS - 1) {
            TRY(interrupt_look(err));
        }
    }
    return OK;
}

/* An index of `size` entries with all live slots: those of the one before, if there is one. */
static status
reindex(group_table *t, uint64_t size, error *err) {
    uint64_t *const old = t->index;
    const uint64_t  old_size = t->index_size;
    uint64_t       *index = mem_alloc_index(t->mem, size * sizeof(*index));
    if (index == NULL) {
        return error_memory(err);
    }
    t->index = index;
    t->index_size = size;
    const status s = old_size > 0 ? place_entries(t, old, old_size, err) : place_all(t, err);
    if (s < 0) {
        t->index = old;
        t->index_size = old_size;
        mem_free(t->mem, index, size * sizeof(*index));
        return s;
    }
    mem_free(t->mem, old, old_size * sizeof(*old));
    t->index_limit = size / 5 * 3;
    return OK;
}

status
group_reserve_free(group_table *t, uint64_t slot_count, error *err) {
    if (slot_count <= t->free_capacity) {
        return OK;
    }
    const uint64_t grown = slot_count + slot_count / 4;
    slot          *slots = mem_resize(t->mem, t->free_slots, t->free_capacity * sizeof(*slots),
                                      grown * sizeof(*slots));
    if (slots == NULL) {
        return error_memory(err);
    }
    t->free_slots = slots;
    t->free_capacity = grown;
    return OK;
}

/* New slots, all free. The marks grow last, as their count is the number of slots. */
status
group_add_slots(group_table *t, error *err) {
    const uint64_t count = t->live.count;
    uint64_t       step = count / 8;
    step = step < SLOT_STEP_MIN ? SLOT_STEP_MIN : step > SLOT_STEP_MAX ? SLOT_STEP_MAX : step;
    const uint64_t grown = count + step;
    if (grown >= SLOT_NONE) {
        return error_set(err, ERR_QUERY_FAILED,
                         "more than %llu groups or rows in one operator's state; narrow the keys "
                         "or bound the state with a window",
                         (unsigned long long)count);
    }
    TRY(group_reserve_free(t, grown, err));
    if (t->keys.column_count > 0) {
        TRY(state_columns_extend(&t->keys, grown - state_columns_count(&t->keys), NULL, err));
    }
    TRY(t->dense != NULL ? OK : array_reserve_to(&t->hashes, grown, err));
    TRY(array_reserve_to(&t->live, grown, err));
    for (uint64_t s = grown; s > count; s--) {
        t->free_slots[t->free_count++] = (slot)(s - 1);
    }
    return OK;
}

/* A new group without its key. */
static NOINLINE status
add_group(group_table *t, uint64_t hash, slot *out, error *err) {
    if (UNLIKELY(t->live_count >= t->index_limit)) {
        TRY(reindex(t, t->index_size == 0 ? INDEX_SIZE_MIN : 2 * t->index_size, err));
    }
    if (UNLIKELY(t->free_count == 0)) {
        TRY(group_add_slots(t, err));
    }
    const slot s = t->free_slots[t->free_count - 1];
    TRY(array_touch(&t->live, s, 1, err));
    TRY(array_touch(&t->hashes, s, 1, err));
    t->free_count--;
    t->live_count++;
    t->live.data[s] = 1;
    *ARRAY_AT(&t->hashes, uint64_t, s) = hash;
    place(t, entry_of(hash, s));
    *out = s;
    return OK;
}

static void
free_slot(group_table *t, slot s) {
    t->live.data[s] = 0;
    t->live_count--;
    assert(t->free_count < t->free_capacity);
    t->free_slots[t->free_count++] = s;
}

/* Takes the group out of the index and frees its slot; the key is left to the caller. The live byte
 * has been touched. */
static void
drop_group(group_table *t, slot s) {
    const uint64_t mask = t->index_size - 1;
    uint64_t       hole = home_of(*ARRAY_AT(&t->hashes, uint64_t, s), mask);
    while (entry_slot(t->index[hole]) != s) {
        assert(t->index[hole] != 0);
        hole = (hole + 1) & mask;
    }
    for (uint64_t at = (hole + 1) & mask; t->index[at] != 0; at = (at + 1) & mask) {
        const uint64_t home = home_of(t->index[at], mask);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            t->index[hole] = t->index[at];
            hole = at;
        }
    }
    t->index[hole] = 0;
    free_slot(t, s);
}

void
group_table_removes(const group_table *t, const slot *slots, int32_t at, int32_t count) {
    if (t->index_size >= FAR_INDEX_SIZE && at + FAR_AHEAD < count) {
        const uint64_t *hashes = ARRAY_AT(&t->hashes, uint64_t, 0);
        PREFETCH(&hashes[slots[at + FAR_AHEAD]]);
        PREFETCH(&t->index[home_of(hashes[slots[at + FAR_AHEAD / 2]], t->index_size - 1)]);
    }
}

status
group_table_remove(group_table *t, slot s, error *err) {
    assert(group_table_is_live(t, s));
    TRY(t->dense == NULL && t->index_size == 0 ? group_make_index(t, err) : OK);
    TRY(array_touch(&t->live, s, 1, err));
    if (t->dense != NULL) {
        group_dense_remove(t, s);
        free_slot(t, s);
        return OK;
    }
    state_columns_clear(&t->keys, s);
    drop_group(t, s);
    return OK;
}

static bool
is_in_use(const void *of, slot s) {
    return ((const group_table *)of)->live.data[s] != 0;
}

slot_set
group_table_slots(const group_table *t) {
    uint64_t count = t->live.count;
    while (count > 0 && t->live.data[count - 1] == 0) {
        count--;
    }
    return (slot_set){.count = count, .has = is_in_use, .of = t};
}

status
group_make_index(group_table *t, error *err) {
    uint64_t size = INDEX_SIZE_MIN;
    while (size / 5 * 3 < t->live_count) {
        size *= 2;
    }
    return reindex(t, size, err);
}

void
group_table_allow_dense(group_table *t) {
    assert(t->live_count == 0);
    t->may_be_dense = true;
}

/* ---- one row */

static slot
find_one(const group_table *t, const column *keys, uint64_t hash) {
    if (t->index_size == 0) {
        return SLOT_NONE;
    }
    const uint64_t mask = t->index_size - 1;
    for (uint64_t at = home_of(hash, mask); t->index[at] != 0; at = (at + 1) & mask) {
        if (entry_has_tag(t->index[at], hash)) {
            const slot s = entry_slot(t->index[at]);
            uint8_t    same = 1;
            state_columns_equal(&t->keys, &same, &s, keys, NULL, 1);
            if (same) {
                return s;
            }
        }
    }
    return SLOT_NONE;
}

static status
map_one(group_table *t, const column *keys, slot *out, uint8_t *is_new, error *err) {
    uint64_t hash;
    group_hash_keys(&hash, keys, t->keys.column_count, 1);
    const slot found = find_one(t, keys, hash);
    if (is_new != NULL) {
        *is_new = found == SLOT_NONE;
    }
    *out = found;
    if (found != SLOT_NONE) {
        return OK;
    }
    slot s;
    TRY(add_group(t, hash, &s, err));
    const status written = state_columns_write(&t->keys, &s, keys, NULL, 1, err);
    if (written < 0) {
        drop_group(t, s);
        return written;
    }
    *out = s;
    return OK;
}

/* ---- a batch */

typedef struct lookup {
    const column *keys;
    int32_t       row_count;
    uint64_t     *hashes;
    slot         *slots;
    uint8_t      *is_new;
    int32_t      *new_rows; /* of all rounds */
    slot         *new_slots;
    int32_t       new_count;
    /* the walk of each row that is not settled */
    uint64_t *positions;  /* of its candidate */
    int32_t  *candidates; /* rows that have one */
    slot     *candidate_slots;
    uint8_t  *same;
    int32_t   candidate_count;
    int32_t   deferred_count; /* rows behind the candidates that the next round takes */
    bool      from_home;      /* the index grew: positions are void */
} lookup;

static status
lookup_init(lookup *l, const group_table *t, const column *keys, int32_t row_count, slot *slots,
            arena *a, error *err) {
    const size_t n = (size_t)row_count;
    *l = (lookup){.keys = keys, .row_count = row_count, .slots = slots};
    l->hashes = arena_alloc(a, n * sizeof(*l->hashes));
    l->new_rows = arena_alloc(a, n * sizeof(*l->new_rows));
    l->new_slots = arena_alloc(a, n * sizeof(*l->new_slots));
    if (l->hashes == NULL || l->new_rows == NULL || l->new_slots == NULL) {
        return error_memory(err);
    }
    group_hash_keys(l->hashes, keys, t->keys.column_count, row_count);
    return OK;
}

static status
lookup_init_walks(lookup *l, arena *a, error *err) {
    const size_t n = (size_t)l->row_count;
    l->positions = arena_alloc(a, n * sizeof(*l->positions));
    l->candidates = arena_alloc(a, n * sizeof(*l->candidates));
    l->candidate_slots = arena_alloc(a, n * sizeof(*l->candidate_slots));
    l->same = arena_alloc(a, n);
    if (l->positions == NULL || l->candidates == NULL || l->candidate_slots == NULL ||
        l->same == NULL) {
        return error_memory(err);
    }
    return OK;
}

static status
make_group(group_table *t, lookup *l, int32_t row, slot *out, error *err) {
    const uint64_t size_old = t->index_size;
    slot           s;
    TRY(add_group(t, l->hashes[row], &s, err));
    l->from_home |= t->index_size != size_old;
    l->new_rows[l->new_count] = row;
    l->new_slots[l->new_count++] = s;
    if (l->is_new != NULL) {
        l->is_new[row] = 1;
    }
    *out = s;
    return OK;
}

/* Leaves rows first .. count-1 of the list (NULL: all) to the next round. */
static void
defer(lookup *l, const int32_t *rows, int32_t first, int32_t count) {
    int32_t *to = l->candidates + l->candidate_count; /* not behind what is read */
    for (int32_t k = first; k < count; k++) {
        *to++ = rows == NULL ? k : rows[k];
    }
    l->deferred_count = count - first;
}

/* One round: every row of `rows` (NULL: all) finds a candidate, makes its group (writer != NULL) or
 * learns that there is none. The round ends early when the index grows. */
ALWAYS_INLINE status
walk_body(const group_table *t, group_table *writer, lookup *l, const int32_t *rows, int32_t count,
          bool far, error *err) {
    const uint64_t *index = t->index;
    const uint64_t  mask = t->index_size - 1;
    const uint8_t  *keys = t->keys.column_count > 0 ? t->keys.values[0].data : NULL;
    const size_t    width = t->keys.column_count > 0 ? t->keys.values[0].element_size : 0;
    int32_t         found = 0;
    const bool      from_home = rows == NULL || l->from_home;
    l->from_home = false;
    for (int32_t k = 0; k < count; k++) {
        const int32_t  i = rows == NULL ? k : rows[k];
        const uint64_t hash = l->hashes[i];
        uint64_t       at = from_home ? home_of(hash, mask) : (l->positions[i] + 1) & mask;
        if (far && rows == NULL && k + FAR_AHEAD < count) {
            PREFETCH(&index[home_of(l->hashes[k + FAR_AHEAD], mask)]);
        }
        while (index[at] != 0 && !entry_has_tag(index[at], hash)) {
            at = (at + 1) & mask;
        }
        slot s = index[at] == 0 ? SLOT_NONE : entry_slot(index[at]);
        if (s != SLOT_NONE) {
            if (far) {
                PREFETCH(keys + (size_t)s * width);
            }
            l->positions[i] = at;
            l->candidates[found] = i;
            l->candidate_slots[found++] = s;
        } else if (writer != NULL) {
            TRY(make_group(writer, l, i, &s, err));
            if (UNLIKELY(l->from_home)) { /* rows of one key stay in step: all begin anew */
                l->slots[i] = s;
                l->candidate_count = found;
                defer(l, rows, k + 1, count);
                return OK;
            }
        }
        l->slots[i] = s;
    }
    l->candidate_count = found;
    return OK;
}

static NOINLINE status
walk_near(const group_table *t, group_table *writer, lookup *l, const int32_t *rows, int32_t count,
          error *err) {
    return walk_body(t, writer, l, rows, count, false, err);
}

static NOINLINE status
walk_far(const group_table *t, group_table *writer, lookup *l, const int32_t *rows, int32_t count,
         error *err) {
    return walk_body(t, writer, l, rows, count, true, err);
}

/* Compares the candidates and leaves in `candidates` the rows of the next round; returns their
 * number. */
static int32_t
reject(const group_table *t, lookup *l) {
    const int32_t count = l->candidate_count;
    int32_t       left = 0;
    memset(l->same, 1, (size_t)count);
    /* All rows have a candidate only when none was settled before: then the list is 0, 1, 2 ... */
    state_columns_equal(&t->keys, l->same, l->candidate_slots, l->keys,
                        count == l->row_count ? NULL : l->candidates, count);
    if (memchr(l->same, 0, (size_t)count) != NULL) {
        for (int32_t k = 0; k < count; k++) {
            l->candidates[left] = l->candidates[k];
            left += !l->same[k];
        }
    }
    for (int32_t k = 0; k < l->deferred_count; k++) {
        l->candidates[left++] = l->candidates[count + k];
    }
    l->deferred_count = 0;
    return left;
}

/* Takes back the groups made so far; the keys of the first `written` are stored. They were just
 * made, so nothing here can fail. */
static void
take_back(group_table *t, lookup *l, int32_t written) {
    for (int32_t k = l->new_count - 1; k >= 0; k--) {
        if (k < written) {
            state_columns_clear(&t->keys, l->new_slots[k]);
        }
        drop_group(t, l->new_slots[k]);
    }
}

static status
settle(const group_table *t, group_table *writer, lookup *l, error *err) {
    const int32_t *rows = NULL;
    int32_t        count = l->row_count;
    int32_t        written = 0;
    while (count > 0) {
        const bool    far = t->index_size >= FAR_INDEX_SIZE;
        status        result = far ? walk_far(t, writer, l, rows, count, err)
                                   : walk_near(t, writer, l, rows, count, err);
        const int32_t fresh = l->new_count - written;
        if (result >= 0 && fresh > 0) {
            result = state_columns_write(&writer->keys, l->new_slots + written, l->keys,
                                         l->new_rows + written, fresh, err);
        }
        if (result < 0) {
            if (writer != NULL) {
                take_back(writer, l, written);
            }
            return result;
        }
        written = l->new_count;
        count = reject(t, l);
        rows = l->candidates;
    }
    return OK;
}

/* ---- a batch of one or two integer keys without NULLs */

/* Bytes of each key when this way can be gone, else 0. */
static size_t
integer_key_width(const group_table *t, const column *keys, int32_t row_count) {
    const int32_t key_count = t->keys.column_count;
    if (key_count != 1 && key_count != 2) {
        return 0;
    }
    for (int32_t k = 0; k < key_count; k++) {
        const physical p = type_physical(t->keys.types[k]);
        const bool     is_long = p == PHYSICAL_I64 || p == PHYSICAL_U64;
        const bool     is_short = p == PHYSICAL_I32 || p == PHYSICAL_U32;
        if (!is_long && !(is_short && key_count == 1)) {
            return 0;
        }
        if (t->keys.nulls[k].count > 0 ||
            (keys[k].validity != NULL && !bits_all(keys[k].validity, row_count))) {
            return 0;
        }
    }
    return t->keys.values[0].element_size;
}

static NOINLINE status
make_integer_group(group_table *t, lookup *l, int32_t row, slot *out, error *err) {
    TRY(make_group(t, l, row, out, err));
    for (int32_t k = 0; k < t->keys.column_count; k++) {
        state_array *values = &t->keys.values[k];
        const size_t width = values->element_size;
        TRY(array_touch(values, *out, 1, err));
        const uint8_t *key = (const uint8_t *)l->keys[k].values + (size_t)row * width;
        memcpy(values->data + (size_t)*out * width, key, width);
    }
    return OK;
}

/* `width`, `pair` and `far` are constants at each call. */
ALWAYS_INLINE bool
same_integers(const group_table *t, const lookup *l, slot s, int32_t row, size_t width, bool pair) {
    const uint8_t *first = l->keys[0].values;
    const uint8_t *second = pair ? l->keys[1].values : NULL;
    return memcmp(t->keys.values[0].data + (size_t)s * width, first + (size_t)row * width, width) ==
               0 &&
           (!pair || memcmp(t->keys.values[1].data + (size_t)s * width,
                            second + (size_t)row * width, width) == 0);
}

ALWAYS_INLINE status
walk_integers_body(const group_table *t, group_table *writer, lookup *l, size_t width, bool pair,
                   bool far, error *err) {
    const uint64_t *hashes = l->hashes;
    const uint64_t *index = t->index;
    uint64_t        mask = t->index_size - 1;
    const int32_t   count = l->row_count;
    slot           *slots = l->slots;
    for (int32_t i = 0; i < count; i++) {
        const uint64_t hash = hashes[i];
        if (far && i + FAR_AHEAD < count) {
            PREFETCH(&index[home_of(hashes[i + FAR_AHEAD], mask)]);
            const uint64_t near = index[home_of(hashes[i + FAR_AHEAD / 2], mask)];
            PREFETCH(t->keys.values[0].data + (size_t)entry_slot(near) * width);
            if (pair) {
                PREFETCH(t->keys.values[1].data + (size_t)entry_slot(near) * width);
            }
        }
        uint64_t at = home_of(hash, mask);
        slot     s = SLOT_NONE;
        for (uint64_t e = index[at]; e != 0; at = (at + 1) & mask, e = index[at]) {
            const slot candidate = entry_slot(e);
            if (entry_has_tag(e, hash) && same_integers(t, l, candidate, i, width, pair)) {
                s = candidate;
                break;
            }
        }
        if (UNLIKELY(s == SLOT_NONE) && writer != NULL) {
            TRY(make_integer_group(writer, l, i, &s, err));
            index = t->index;
            mask = t->index_size - 1;
        }
        slots[i] = s;
    }
    return OK;
}

static NOINLINE status
walk_i64_near(const group_table *t, group_table *writer, lookup *l, error *err) {
    return walk_integers_body(t, writer, l, 8, false, false, err);
}

static NOINLINE status
walk_i64_far(const group_table *t, group_table *writer, lookup *l, error *err) {
    return walk_integers_body(t, writer, l, 8, false, true, err);
}

static NOINLINE status
walk_pair_near(const group_table *t, group_table *writer, lookup *l, error *err) {
    return walk_integers_body(t, writer, l, 8, true, false, err);
}

static NOINLINE status
walk_pair_far(const group_table *t, group_table *writer, lookup *l, error *err) {
    return walk_integers_body(t, writer, l, 8, true, true, err);
}

static NOINLINE status
walk_i32_near(const group_table *t, group_table *writer, lookup *l, error *err) {
    return walk_integers_body(t, writer, l, 4, false, false, err);
}

static NOINLINE status
walk_i32_far(const group_table *t, group_table *writer, lookup *l, error *err) {
    return walk_integers_body(t, writer, l, 4, false, true, err);
}

static status
settle_integers(const group_table *t, group_table *writer, lookup *l, size_t width, error *err) {
    const bool far = t->index_size >= FAR_INDEX_SIZE;
    status     result;
    if (t->keys.column_count == 2) {
        result = far ? walk_pair_far(t, writer, l, err) : walk_pair_near(t, writer, l, err);
    } else if (width == 8) {
        result = far ? walk_i64_far(t, writer, l, err) : walk_i64_near(t, writer, l, err);
    } else {
        result = far ? walk_i32_far(t, writer, l, err) : walk_i32_near(t, writer, l, err);
    }
    if (result < 0 && writer != NULL) {
        take_back(writer, l, 0);
    }
    return result;
}

/* ---- map and find */

static status
settle_any(const group_table *t, group_table *writer, lookup *l, arena *a, error *err) {
    const size_t width = integer_key_width(t, l->keys, l->row_count);
    if (width > 0) {
        return settle_integers(t, writer, l, width, err);
    }
    TRY(lookup_init_walks(l, a, err));
    return settle(t, writer, l, err);
}

status
group_table_map(group_table *t, const column *keys, int32_t row_count, slot *slots, uint8_t *is_new,
                arena *a, error *err) {
    if (t->may_be_dense) {
        bool taken;
        TRY(group_dense_map(t, keys, row_count, slots, is_new, a, &taken, err));
        if (taken) {
            return OK;
        }
        TRY(group_dense_leave(t, err));
    }
    if (t->index_size == 0) {
        TRY(group_make_index(t, err));
    }
    if (row_count == 1) {
        return map_one(t, keys, slots, is_new, err);
    }
    const arena_mark mark = arena_save(a);
    lookup           l;
    status           result = lookup_init(&l, t, keys, row_count, slots, a, err);
    if (result >= 0) {
        l.is_new = is_new;
        if (is_new != NULL) {
            memset(is_new, 0, (size_t)row_count);
        }
        result = settle_any(t, t, &l, a, err);
    }
    arena_rewind(a, mark);
    return result;
}

status
group_table_find(const group_table *t, const column *keys, int32_t row_count, slot *slots, arena *a,
                 error *err) {
    if (t->live_count == 0) {
        memset(slots, 0xff, (size_t)row_count * sizeof(*slots)); /* SLOT_NONE */
        return OK;
    }
    if (t->dense != NULL) {
        group_dense_find(t, keys, row_count, slots);
        return OK;
    }
    assert(t->index_size > 0);
    if (row_count == 1) {
        uint64_t hash;
        group_hash_keys(&hash, keys, t->keys.column_count, 1);
        slots[0] = find_one(t, keys, hash);
        return OK;
    }
    const arena_mark mark = arena_save(a);
    lookup           l;
    status           result = lookup_init(&l, t, keys, row_count, slots, a, err);
    if (result >= 0) {
        result = settle_any(t, NULL, &l, a, err);
    }
    arena_rewind(a, mark);
    return result;
}
