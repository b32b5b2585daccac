/* SPDX-License-Identifier: Apache-2.0 */
/* agg_approx_count.c - approx_count_distinct(x): how many different values there are, about. NULL
 * values do not count; 0 over no rows.
 *
 * Append-only input keeps a sketch a group: the hashes of the first 1,536 different values, so that
 * few are counted exactly, then a HyperLogLog of 16,384 registers (Flajolet et al. 2007), read by
 * Ertl's estimator (2017): standard error 0.81 %. What it says depends on the set of values alone,
 * not on their order or on how they were cut into parts. A sketch is a block of bytes on a heap:
 * an open hash table of 8-byte hashes, 0 for a free place, or the registers, a byte each.
 *
 * Where rows are taken back a multiset of the values is kept, and the count is exact. */
#include <math.h>
#include <stdio.h>

#include "agg/multiset.h"
#include "state/text_heap.h"

#define REGISTER_BITS 14
#define REGISTERS (1 << REGISTER_BITS)
#define RANK_MAX (64 - REGISTER_BITS + 1)
#define PLACES_FIRST 8
#define PLACES_MAX 2048

typedef struct sketch {
    strview bytes;  /* in the heap */
    int32_t count;  /* different hashes; of registers -1 */
    int32_t places; /* of the hash table; 0: none yet */
} sketch;

typedef struct counter {
    agg         base;
    state_array groups; /* append-only: sketch; else int64_t, the entries of a group */
    text_heap   heap;
    sort_key    key;
    multiset    values; /* unless append-only */
} counter;

static status
resolve(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    (void)err;
    s->output = type_of(TYPE_I64);
    return OK;
}

static void
close_counter(agg *base) {
    counter *self = (counter *)base;
    if (!base->append_only) {
        multiset_close(&self->values);
    }
    text_heap_close(&self->heap);
    array_close(&self->groups);
    mem_free(base->mem, self, sizeof(*self));
}

static status
open_parts(counter *self, const agg_site *site, error *err) {
    const bool sketches = site->append_only;
    char       label[160];
    snprintf(label, sizeof(label), "%.120s.counts", site->name);
    TRY(array_open(&self->groups, site->store, label, sketches ? sizeof(sketch) : sizeof(int64_t),
                   err));
    snprintf(label, sizeof(label), "%.120s.sketches", site->name);
    TRY(sketches ? text_heap_open(&self->heap, site->store, label, err) : OK);
    const multiset_options options = {.column_count = 1,
                                      .types = self->base.signature->types,
                                      .key_count = 1,
                                      .keys = &self->key};
    agg_site               always = *site;
    always.once = false; /* turns are told as they come */
    return sketches ? OK : multiset_open(&self->values, &always, &options, err);
}

static status
open_counter(agg **out, const agg_class *class, const agg_signature *signature,
             const agg_site *site, error *err) {
    agg *made;
    TRY(agg_new(&made, sizeof(counter), class, signature, site, err));
    const status opened = open_parts((counter *)made, site, err);
    if (opened < 0) {
        close_counter(made);
        return opened;
    }
    *out = made;
    return OK;
}

static status
init(agg *base, const slot *slots, int32_t count, error *err) {
    counter *self = (counter *)base;
    TRY(agg_zero_slots(&self->groups, slots, count, err));
    return base->append_only ? OK : multiset_init(&self->values, slots, count, err);
}

/* ---- sketches */

static sketch *
sketch_at(counter *self, slot s) {
    return ARRAY_AT(&self->groups, sketch, s);
}

static const uint8_t *
bytes_of(const counter *self, const sketch *k) {
    return (const uint8_t *)text_heap_load(&self->heap, &k->bytes).data;
}

static uint64_t
hash_at(const uint8_t *table, int32_t place) {
    uint64_t h;
    memcpy(&h, table + (size_t)place * sizeof(h), sizeof(h));
    return h;
}

/* Where the hash is or would stand. */
static int32_t
find_place(const uint8_t *table, int32_t places, uint64_t hash) {
    int32_t at = (int32_t)(hash & (uint64_t)(places - 1));
    for (uint64_t h = hash_at(table, at); h != 0 && h != hash; h = hash_at(table, at)) {
        at = (at + 1) & (places - 1);
    }
    return at;
}

/* The register of a hash, and the rank that it offers. */
static int32_t
register_of(uint64_t hash, uint8_t *rank) {
    const uint64_t rest = hash << REGISTER_BITS;
    *rank = rest == 0 ? RANK_MAX : (uint8_t)(__builtin_clzll(rest) + 1);
    return (int32_t)(hash >> (64 - REGISTER_BITS));
}

static void
offer(uint8_t *registers, uint64_t hash) {
    uint8_t       rank;
    const int32_t at = register_of(hash, &rank);
    registers[at] = registers[at] < rank ? rank : registers[at];
}

/* A larger hash table with the same hashes, or registers of them. */
static status
grow(counter *self, sketch *k, arena *scratch, error *err) {
    const bool    registers = k->places >= PLACES_MAX;
    const int32_t places = registers ? 0 : k->places == 0 ? PLACES_FIRST : 2 * k->places;
    const size_t  size = registers ? REGISTERS : (size_t)places * sizeof(uint64_t);
    uint8_t      *made = arena_alloc_zero(scratch, size);
    if (made == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < k->places; i++) {
        const uint64_t h = hash_at(bytes_of(self, k), i);
        if (h == 0) {
            continue;
        }
        if (registers) {
            offer(made, h);
        } else {
            memcpy(made + (size_t)find_place(made, places, h) * sizeof(h), &h, sizeof(h));
        }
    }
    const strview view = strview_of((const char *)made, (uint32_t)size);
    strview       stored;
    TRY(text_heap_put(&self->heap, &stored, &view, err));
    if (k->places > 0) {
        text_heap_free(&self->heap, &k->bytes);
    }
    *k = (sketch){.bytes = stored, .places = places, .count = registers ? -1 : k->count};
    return OK;
}

static status
add_hash(counter *self, slot group, uint64_t hash, arena *scratch, error *err) {
    sketch        *k = sketch_at(self, group);
    const uint64_t h = hash == 0 ? 1 : hash; /* 0 is a free place */
    if (k->count >= 0 && k->places > 0) {
        const uint8_t *table = bytes_of(self, k);
        if (hash_at(table, find_place(table, k->places, h)) == h) {
            return OK;
        }
    }
    if (k->count >= 0 && 4 * (k->count + 1) > 3 * k->places) {
        TRY(grow(self, k, scratch, err));
    }
    if (k->count >= 0) {
        const int32_t at = find_place(bytes_of(self, k), k->places, h);
        k->count++;
        return text_heap_change(&self->heap, &k->bytes, (size_t)at * sizeof(h), &h, sizeof(h), err);
    }
    uint8_t       rank;
    const int32_t at = register_of(h, &rank);
    return bytes_of(self, k)[at] >= rank
               ? OK
               : text_heap_change(&self->heap, &k->bytes, (size_t)at, &rank, 1, err);
}

/* Hashes of columns are good for tables; here every bit counts (splitmix64's last steps). */
static uint64_t
mix(uint64_t h) {
    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 31);
}

static status
update_sketches(counter *self, const slot *slots, const column *columns, const int64_t *weight,
                const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    uint64_t *hashes = arena_alloc(scratch, (size_t)count * sizeof(*hashes));
    if (hashes == NULL) {
        return error_memory(err);
    }
    hash_columns(hashes, columns, 1, count);
    TRY(array_touch_each(&self->groups, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        if ((filter == NULL || filter[i] != 0) && (weight == NULL || weight[i] > 0)) {
            TRY(add_hash(self, slots[i], mix(hashes[i]), scratch, err));
        }
    }
    return OK;
}

/* Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017: sigma and tau. */
static double
zeros_part(double x) {
    if (x == 1) {
        return INFINITY;
    }
    double z = x, y = 1, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double
full_part(double x) {
    if (x == 0 || x == 1) {
        return 0;
    }
    double z = 1 - x, y = 1, before;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

static int64_t
estimate(const uint8_t *registers) {
    int32_t counts[RANK_MAX + 1] = {0};
    for (int32_t i = 0; i < REGISTERS; i++) {
        counts[registers[i]]++;
    }
    double z = REGISTERS * full_part(1 - (double)counts[RANK_MAX] / REGISTERS);
    for (int32_t k = RANK_MAX - 1; k >= 1; k--) {
        z = 0.5 * (z + counts[k]);
    }
    z += REGISTERS * zeros_part((double)counts[0] / REGISTERS);
    return llround(0.7213475204444817 * REGISTERS * REGISTERS / z); /* 1 / (2 ln 2) */
}

/* What `other` has of a group is copied first: it may be this heap, which moves. */
static status
merge_sketch(counter *self, slot to, const counter *other, slot from, arena *scratch, error *err) {
    const sketch k = *ARRAY_AT(&other->groups, sketch, from);
    const size_t size = k.count < 0 ? REGISTERS : (size_t)k.places * sizeof(uint64_t);
    if (size == 0) {
        return OK;
    }
    uint8_t *part = arena_alloc(scratch, size);
    if (part == NULL) {
        return error_memory(err);
    }
    memcpy(part, bytes_of(other, &k), size);
    for (int32_t i = 0; i < k.places; i++) {
        if (hash_at(part, i) != 0) {
            TRY(add_hash(self, to, hash_at(part, i), scratch, err));
        }
    }
    sketch *whole = sketch_at(self, to);
    while (k.count < 0 && whole->count >= 0) {
        TRY(grow(self, whole, scratch, err));
    }
    const uint8_t *have = bytes_of(self, whole);
    for (int32_t i = 0; k.count < 0 && i < REGISTERS; i++) {
        part[i] = part[i] < have[i] ? have[i] : part[i];
    }
    return k.count < 0 ? text_heap_change(&self->heap, &whole->bytes, 0, part, REGISTERS, err) : OK;
}

/* ---- where rows are taken back */

static status
update_values(counter *self, const slot *slots, const column *columns, const int64_t *weight,
              const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    multiset_turn turned;
    TRY(multiset_update_turns(&self->values, slots, columns, weight, filter, count, &turned,
                              scratch, err));
    TRY(array_touch_each(&self->groups, turned.slots, turned.count, err));
    for (int32_t i = 0; i < turned.count; i++) {
        *ARRAY_AT(&self->groups, int64_t, turned.slots[i]) += turned.weights[i];
    }
    return OK;
}

static status
merge_values(counter *self, const slot *slots, const counter *other, const slot *from,
             int32_t count, arena *scratch, error *err) {
    TRY(multiset_merge(&self->values, slots, &other->values, from, count, scratch, err));
    TRY(multiset_settle(&self->values, err));
    TRY(array_touch_each(&self->groups, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        int64_t         n = 0;
        multiset_cursor c = multiset_begin(&self->values, slots[i]);
        for (; c.entry != SLOT_NONE; multiset_next(&self->values, &c)) {
            n++;
        }
        *ARRAY_AT(&self->groups, int64_t, slots[i]) = n;
    }
    return OK;
}

/* ---- both */

static status
update(agg *base, const slot *slots, const column *columns, const int64_t *weight,
       const uint8_t *filter, int32_t count, arena *scratch, error *err) {
    if (columns[0].type.id == TYPE_NULL) {
        return OK;
    }
    TRY(agg_contributing(&filter, columns, filter, count, scratch, err));
    return (base->append_only ? update_sketches : update_values)(
        (counter *)base, slots, columns, weight, filter, count, scratch, err);
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    counter *self = (counter *)base;
    int64_t *values = arena_alloc(a, (size_t)count * sizeof(*values));
    if (values == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const sketch *k = base->append_only ? sketch_at(self, slots[i]) : NULL;
        values[i] = k == NULL      ? *ARRAY_AT(&self->groups, int64_t, slots[i])
                    : k->count < 0 ? estimate(bytes_of(self, k))
                                   : k->count;
    }
    *out = (column){.type = base->output, .layout = COLUMN_FLAT, .values = values};
    return OK;
}

static status
clear(agg *base, slot s, error *err) {
    counter *self = (counter *)base;
    if (base->append_only) {
        const sketch *k = sketch_at(self, s);
        if (k->places > 0 || k->count < 0) {
            text_heap_free(&self->heap, &k->bytes);
        }
    } else {
        TRY(multiset_clear(&self->values, s, err));
    }
    return agg_zero_slots(&self->groups, &s, 1, err);
}

static status
merge(agg *base, const slot *slots, const agg *other, const slot *from, int32_t count,
      arena *scratch, error *err) {
    counter *self = (counter *)base;
    if (!base->append_only) {
        return merge_values(self, slots, (const counter *)other, from, count, scratch, err);
    }
    TRY(array_touch_each(&self->groups, slots, count, err));
    for (int32_t i = 0; i < count; i++) {
        TRY(merge_sketch(self, slots[i], (const counter *)other, from[i], scratch, err));
    }
    return OK;
}

/* A table has as many hashes as it says, and a free place, where searches end; no register is
 * beyond what the estimate counts. */
static bool
is_sketch(const counter *self, const sketch *k) {
    if (k->places == 0 && k->count == 0) {
        return k->bytes.size == 0;
    }
    const uint8_t *bytes = bytes_of(self, k);
    int32_t        count = 0;
    if (k->count < 0) {
        uint8_t most = 0;
        for (uint32_t i = 0; k->bytes.size == REGISTERS && i < REGISTERS; i++) {
            most = bytes[i] > most ? bytes[i] : most;
        }
        return k->bytes.size == REGISTERS && k->places == 0 && most <= RANK_MAX;
    }
    const bool power =
        k->places >= PLACES_FIRST && k->places <= PLACES_MAX && (k->places & (k->places - 1)) == 0;
    if (!power || k->bytes.size != (uint32_t)k->places * sizeof(uint64_t)) {
        return false;
    }
    for (int32_t i = 0; i < k->places; i++) {
        count += hash_at(bytes, i) != 0;
    }
    return count == k->count && count < k->places;
}

static status
check_sketches(counter *self, const slot_set *groups, error *err) {
    text_map map;
    status   s = text_map_open(&map, &self->heap, err);
    for (uint64_t i = 0; s == OK && i < groups->count; i++) {
        if (slot_set_has(groups, i)) {
            s = text_map_take(&map, &sketch_at(self, (slot)i)->bytes, err);
            s = s == OK && !is_sketch(self, sketch_at(self, (slot)i))
                    ? image_corrupt("a sketch", err)
                    : s;
        }
    }
    text_map_close(&map);
    return s;
}

static status
rebuild(agg *base, const slot_set *groups, error *err) {
    counter *self = (counter *)base;
    TRY(agg_check_slots(&self->groups, groups, err));
    return base->append_only ? check_sketches(self, groups, err)
                             : multiset_rebuild(&self->values, groups, err);
}

static status
validate(const agg *base, error *err) {
    return base->append_only ? OK : multiset_validate(&((const counter *)base)->values, err);
}

const agg_class agg_approx_count_distinct_class = {
    .name = "approx_count_distinct",
    .zero_of_nothing = true,
    .column_min = 1,
    .column_max = 1,
    .ignores_copies = true,
    .resolve = resolve,
    .open = open_counter,
    .close = close_counter,
    .init = init,
    .update = update,
    .value = value_of,
    .clear = clear,
    .merge = merge,
    .rebuild = rebuild,
    .validate = validate,
};
