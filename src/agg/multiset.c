/* SPDX-License-Identifier: Apache-2.0 */
/* multiset.c - see multiset.h: the entries and their order. */
#include "agg/multiset.h"

#include <stdio.h>

/* ---- order */

static int64_t
rank_of(const multiset *m, slot entry) {
    return m->options.rank == RANK_FREQUENT ? -*ARRAY_AT(&m->weights, int64_t, entry)
                                            : *ARRAY_AT(&m->ranks, int64_t, entry);
}

/* Column numbers of entries are one more than those of the caller: the group comes first. */
static int
compare_key(const multiset *m, const sort_key *key, slot a, slot b) {
    const state_columns *rows = multiset_rows(m);
    const state_array   *nulls = &rows->nulls[key->column + 1];
    const bool           a_null = nulls->count > 0 && nulls->data[a] != 0;
    const bool           b_null = nulls->count > 0 && nulls->data[b] != 0;
    if (a_null || b_null) {
        return a_null == b_null ? 0 : a_null == key->nulls_first ? -1 : 1;
    }
    const int order = state_columns_compare(rows, key->column + 1, a, b);
    return key->descending ? -order : order;
}

int
multiset_compare(const multiset *m, slot a, slot b) {
    if (m->options.rank != RANK_NONE) {
        const int64_t x = rank_of(m, a);
        const int64_t y = rank_of(m, b);
        if (x != y) {
            return (x > y) - (x < y);
        }
    }
    for (int32_t i = 0; i < m->options.key_count; i++) {
        const int order = compare_key(m, &m->options.keys[i], a, b);
        if (order != 0) {
            return order;
        }
    }
    for (int32_t i = 0; i < m->options.column_count; i++) {
        const int order = state_columns_compare(multiset_rows(m), i + 1, a, b);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static int
compare_entries(const void *context, slot a, slot b) {
    return multiset_compare(context, a, b);
}

/* ---- open and close */

static status
open_entries(multiset *m, const agg_site *site, error *err) {
    const int32_t width = m->options.column_count;
    const size_t  size = (size_t)(width + 1) * sizeof(data_type);
    data_type    *types = mem_alloc(site->mem, size);
    if (types == NULL) {
        return error_memory(err);
    }
    types[0] = type_of(TYPE_I32); /* groups are slots: the bits of an INTEGER */
    memcpy(types + 1, m->options.types, (size_t)width * sizeof(data_type));
    char label[160];
    snprintf(label, sizeof(label), "%.120s.entries", site->name);
    const status opened =
        m->listed ? state_columns_open(&m->list, site->store, label, types, width + 1, err)
                  : group_table_open(&m->entries, site->store, label, types, width + 1, err);
    mem_free(site->mem, types, size);
    return opened;
}

status
multiset_open(multiset *m, const agg_site *site, const multiset_options *options, error *err) {
    *m = (multiset){.options = *options, .mem = site->mem, .once = site->once};
    m->listed = options->repeats && site->once && site->append_only;
    m->unit = m->listed;
    assert(!m->listed || options->rank == RANK_NONE);
    const struct {
        state_array *array;
        const char  *name;
        uint32_t     size;
    } arrays[] = {{&m->weights, "weights", sizeof(int64_t)},
                  {&m->heads, "heads", sizeof(slot)},
                  {&m->copies, "copies", sizeof(int64_t)},
                  {&m->ranks, "ranks", sizeof(int64_t)},
                  {&m->clock, "clock", sizeof(int64_t)}};
    char label[160];
    TRY(open_entries(m, site, err));
    for (int32_t i = 0; i < ARRAY_COUNT(arrays); i++) {
        snprintf(label, sizeof(label), "%.120s.%s", site->name, arrays[i].name);
        TRY(array_open(arrays[i].array, site->store, label, arrays[i].size, err));
    }
    TRY(ordered_open(&m->order, site->store, site->name, compare_entries, m, err));
    return options->counted && !m->once
               ? ordered_weigh(&m->order, site->store, site->name, &m->weights, err)
               : OK;
}

void
multiset_close(multiset *m) {
    multiset_unsort(m);
    (void)interrupt_stops(); /* large ones take milliseconds */
    ordered_close(&m->order);
    array_close(&m->clock);
    array_close(&m->ranks);
    array_close(&m->copies);
    array_close(&m->heads);
    array_close(&m->weights);
    (void)interrupt_stops();
    group_table_close(&m->entries);
    state_columns_close(&m->list);
}

status
multiset_init(multiset *m, const slot *slots, int32_t count, error *err) {
    TRY(agg_zero_slots(&m->heads, slots, count, err));
    return m->options.counted ? agg_zero_slots(&m->copies, slots, count, err) : OK;
}

/* ---- places */

static status
set_head(multiset *m, slot group, slot entry, error *err) {
    TRY(array_touch(&m->heads, group, 1, err));
    *ARRAY_AT(&m->heads, slot, group) = entry + 1;
    return OK;
}

slot
multiset_first(const multiset *m, slot group) {
    if (m->sorted != NULL) {
        return group < m->group_count && m->starts[group] < m->starts[group + 1]
                   ? m->sorted[m->starts[group]]
                   : SLOT_NONE;
    }
    return *ARRAY_AT(&m->heads, slot, group) - 1; /* 0 - 1 is SLOT_NONE */
}

/* The entry has become positive. */
static status
enter(multiset *m, slot entry, error *err) {
    const slot group = multiset_group(m, entry);
    TRY(ordered_insert_in(&m->order, group, entry, err));
    const slot head = multiset_first(m, group);
    return head == SLOT_NONE || multiset_compare(m, entry, head) < 0
               ? set_head(m, group, entry, err)
               : OK;
}

/* The entry is no longer positive, or its rank is about to change. */
static status
leave(multiset *m, slot entry, error *err) {
    const slot group = multiset_group(m, entry);
    if (multiset_first(m, group) == entry) {
        TRY(set_head(m, group, ordered_next(&m->order, entry), err));
    }
    return ordered_remove_in(&m->order, group, entry, err);
}

/* Puts entries where their new weights want them. An entry may be listed more than once. */
static status
arrange(multiset *m, const slot *entries, int32_t count, error *err) {
    for (int32_t i = 0; i < count; i++) {
        const slot entry = entries[i];
        if (!group_table_is_live(&m->entries, entry)) {
            continue;
        }
        const int64_t weight = *ARRAY_AT(&m->weights, int64_t, entry);
        const bool    in = ordered_has(&m->order, entry);
        if (weight > 0) {
            if (!in) {
                TRY(enter(m, entry, err));
            } else if (m->order.weights != NULL) {
                TRY(ordered_reweigh(&m->order, entry, err));
            }
            continue;
        }
        if (in) {
            TRY(leave(m, entry, err));
        }
        if (weight == 0) {
            TRY(group_table_remove(&m->entries, entry, err));
        }
    }
    return OK;
}

/* ---- update */

static int64_t
positive(int64_t x) {
    return x > 0 ? x : 0;
}

/* Numbers of arrival: an entry gets one when it comes, for RANK_LAST with every copy. An entry
 * whose rank changes leaves the order; arrange() puts it where it belongs now. */
static status
change_rank(multiset *m, slot entry, int64_t before, int64_t more, bool fresh, error *err) {
    const bool comes = before + more > 0 && before <= 0;
    const bool newer = m->options.rank == RANK_LAST && before + more > 0 && more > 0;
    const bool frequent = m->options.rank == RANK_FREQUENT && more != 0;
    if (!comes && !newer && !frequent && !fresh) {
        return OK;
    }
    if (!m->once && ordered_has(&m->order, entry)) {
        TRY(leave(m, entry, err));
    }
    if (m->options.rank != RANK_FREQUENT) {
        const int64_t now = (*ARRAY_AT(&m->clock, int64_t, 0))++;
        *ARRAY_AT(&m->ranks, int64_t, entry) = m->options.rank == RANK_LAST ? -now : now;
    }
    return OK;
}

static status
add_weights(multiset *m, const slot *slots, const slot *entries, const int64_t *weight,
            const uint8_t *fresh, int32_t count, int64_t *turned, error *err) {
    const bool ranked = m->options.rank != RANK_NONE;
    TRY(array_reserve_to(&m->weights, group_table_slot_count(&m->entries), err));
    TRY(array_touch_each(&m->weights, entries, count, err));
    if (ranked) {
        TRY(array_reserve_to(&m->ranks, group_table_slot_count(&m->entries), err));
        TRY(array_reserve_to(&m->clock, 1, err));
        TRY(array_touch(&m->clock, 0, 1, err));
        TRY(array_touch_each(&m->ranks, entries, count, err));
    }
    if (m->options.counted) {
        TRY(array_touch_each(&m->copies, slots, count, err));
    }
    int64_t *weights = ARRAY_AT(&m->weights, int64_t, 0);
    for (int32_t i = 0; i < count; i++) {
        const slot    entry = entries[i];
        const int64_t more = weight == NULL ? 1 : weight[i];
        const int64_t before = fresh[i] ? 0 : weights[entry];
        if (ranked) {
            TRY(change_rank(m, entry, before, more, fresh[i], err));
        }
        weights[entry] = before + more;
        if (turned != NULL) {
            turned[i] = (before + more > 0) - (before > 0);
        }
        m->negatives += (before + more < 0) - (before < 0);
        if (m->options.counted) {
            *ARRAY_AT(&m->copies, int64_t, slots[i]) += positive(before + more) - positive(before);
        }
    }
    return OK;
}

/* The rows that count: groups, columns and weights. */
typedef struct chosen {
    int32_t        count;
    const slot    *slots;
    column        *keys; /* group, columns */
    const int64_t *weight;
} chosen;

static status
choose(const multiset *m, chosen *r, const slot *slots, const column *columns,
       const int64_t *weight, const uint8_t *use, int32_t count, arena *scratch, error *err) {
    const int32_t width = m->options.column_count;
    const column  groups = {.type = type_of(TYPE_I32), .layout = COLUMN_FLAT, .values = slots};
    *r = (chosen){.count = count, .slots = slots, .weight = weight};
    r->keys = arena_alloc(scratch, (size_t)(width + 1) * sizeof(column));
    if (r->keys == NULL) {
        return error_memory(err);
    }
    r->keys[0] = groups;
    memcpy(r->keys + 1, columns, (size_t)width * sizeof(column));
    if (use == NULL) {
        return OK;
    }
    int32_t *rows = arena_alloc(scratch, (size_t)count * sizeof(*rows));
    int64_t *weights = arena_alloc(scratch, (size_t)count * sizeof(*weights));
    if (rows == NULL || weights == NULL) {
        return error_memory(err);
    }
    int32_t n = 0;
    for (int32_t i = 0; i < count; i++) {
        rows[n] = i;
        n += use[i] != 0;
    }
    r->count = n;
    for (int32_t i = 0; i < n && weight != NULL; i++) {
        weights[i] = weight[rows[i]];
        r->weight = weights;
    }
    for (int32_t k = 0; k <= width && n > 0; k++) {
        const column *from = k == 0 ? &groups : &columns[k - 1];
        TRY(column_gather(&r->keys[k], from, rows, n, scratch, err));
    }
    r->slots = r->keys[0].values;
    return OK;
}

/* Entries get weights of their own. */
static status
weigh_listed(multiset *m, error *err) {
    const uint64_t count = state_columns_count(&m->list);
    TRY(array_reserve_to(&m->weights, count, err));
    TRY(count > 0 ? array_touch(&m->weights, 0, count, err) : OK);
    for (uint64_t i = 0; i < count; i++) {
        *ARRAY_AT(&m->weights, int64_t, i) = 1;
    }
    m->unit = false;
    return OK;
}

static status
list_weights(multiset *m, const chosen *r, const slot *entries, error *err) {
    for (int32_t i = 0; m->unit && r->weight != NULL && i < r->count; i++) {
        TRY(r->weight[i] != 1 ? weigh_listed(m, err) : OK);
    }
    if (m->unit) {
        return OK;
    }
    TRY(array_reserve_to(&m->weights, state_columns_count(&m->list), err));
    TRY(array_touch_each(&m->weights, entries, r->count, err));
    for (int32_t i = 0; i < r->count; i++) {
        *ARRAY_AT(&m->weights, int64_t, entries[i]) = r->weight == NULL ? 1 : r->weight[i];
    }
    return OK;
}

static status
list_rows(multiset *m, const chosen *r, arena *scratch, error *err) {
    slot    *entries = arena_alloc(scratch, (size_t)r->count * sizeof(*entries));
    uint64_t first;
    if (entries == NULL) {
        return error_memory(err);
    }
    if (state_columns_count(&m->list) + (uint64_t)r->count >= SLOT_NONE) {
        return error_set(err, ERR_QUERY_FAILED, "an aggregate over more than %u rows", SLOT_NONE);
    }
    TRY(state_columns_extend(&m->list, (uint64_t)r->count, &first, err));
    for (int32_t i = 0; i < r->count; i++) {
        entries[i] = (slot)first + (slot)i;
    }
    TRY(state_columns_write(&m->list, entries, r->keys, NULL, r->count, err));
    TRY(list_weights(m, r, entries, err));
    TRY(m->options.counted ? array_touch_each(&m->copies, r->slots, r->count, err) : OK);
    for (int32_t i = 0; m->options.counted && i < r->count; i++) {
        *ARRAY_AT(&m->copies, int64_t, r->slots[i]) += r->weight == NULL ? 1 : r->weight[i];
    }
    multiset_unsort(m);
    return OK;
}

static status
update_chosen(multiset *m, const chosen *chosen_rows, int64_t *turned, arena *scratch, error *err) {
    const chosen r = *chosen_rows;
    if (r.count == 0) {
        return OK;
    }
    if (m->listed) {
        return list_rows(m, &r, scratch, err);
    }
    slot    *entries = arena_alloc(scratch, (size_t)r.count * sizeof(*entries));
    uint8_t *fresh = arena_alloc(scratch, (size_t)r.count);
    if (entries == NULL || fresh == NULL) {
        return error_memory(err);
    }
    TRY(group_table_map(&m->entries, r.keys, r.count, entries, fresh, scratch, err));
    TRY(add_weights(m, r.slots, entries, r.weight, fresh, r.count, turned, err));
    if (m->once) {
        multiset_unsort(m);
        return OK;
    }
    return arrange(m, entries, r.count, err);
}

status
multiset_update(multiset *m, const slot *slots, const column *columns, const int64_t *weight,
                const uint8_t *use, int32_t count, arena *scratch, error *err) {
    chosen r;
    TRY(choose(m, &r, slots, columns, weight, use, count, scratch, err));
    return update_chosen(m, &r, NULL, scratch, err);
}

status
multiset_update_turns(multiset *m, const slot *slots, const column *columns, const int64_t *weight,
                      const uint8_t *use, int32_t count, multiset_turn *turned, arena *scratch,
                      error *err) {
    chosen   r;
    int64_t *weights = arena_alloc(scratch, sizeof(*weights) * (size_t)count);
    if (weights == NULL) {
        return error_memory(err);
    }
    TRY(choose(m, &r, slots, columns, weight, use, count, scratch, err));
    *turned = (multiset_turn){
        .count = r.count, .slots = r.slots, .columns = r.keys + 1, .weights = weights};
    return update_chosen(m, &r, weights, scratch, err);
}

/* Entries of negative weight stand in no order: of no group but one whose rows are part of a
 * multiset (agg_class.merge). */
static status
clear_negatives(multiset *m, slot group, error *err) {
    for (uint64_t i = 0; i < group_table_slot_count(&m->entries) && m->negatives > 0; i++) {
        const slot entry = (slot)i;
        if (group_table_is_live(&m->entries, entry) && multiset_group(m, entry) == group &&
            multiset_weight(m, entry) < 0) {
            TRY(group_table_remove(&m->entries, entry, err));
            m->negatives--;
        }
    }
    return OK;
}

status
multiset_clear(multiset *m, slot group, error *err) {
    TRY(multiset_settle(m, err));
    TRY(m->unit ? weigh_listed(m, err) : OK);
    for (multiset_cursor c = multiset_begin(m, group); c.entry != SLOT_NONE;) {
        const slot entry = c.entry;
        multiset_next(m, &c);
        if (m->listed) {
            *ARRAY_AT(&m->weights, int64_t, entry) = 0;
            continue;
        }
        if (!m->once) {
            TRY(leave(m, entry, err));
        }
        TRY(group_table_remove(&m->entries, entry, err));
    }
    TRY(clear_negatives(m, group, err));
    multiset_unsort(m);
    return multiset_init(m, &group, 1, err);
}

static int64_t
count_negatives(const multiset *m) {
    int64_t n = 0;
    for (uint64_t i = 0; i < multiset_slot_count(m) && !m->listed; i++) {
        n += group_table_is_live(&m->entries, (slot)i) && multiset_weight(m, (slot)i) < 0;
    }
    return n;
}

static slot
group_of_entry(const void *context, slot entry) {
    return multiset_group(context, entry);
}

static bool
entry_fits(const multiset *m, slot entry, const slot_set *groups) {
    const int64_t weight = multiset_weight(m, entry);
    const slot    group = multiset_group(m, entry);
    return weight != 0 && slot_set_has(groups, group) &&
           (m->once || (weight > 0) == ordered_has(&m->order, entry));
}

static status
check_entries(const multiset *m, const slot_set *groups, error *err) {
    const slot_set entries = group_table_slots(&m->entries);
    const bool     arrives = m->options.rank == RANK_FIRST || m->options.rank == RANK_LAST;
    if (m->weights.count < entries.count || m->heads.count < groups->count ||
        (m->options.counted && m->copies.count < groups->count) ||
        (arrives && m->ranks.count < entries.count)) {
        return image_corrupt("the entries of groups", err);
    }
    TRY(ordered_check(&m->order, &entries, group_of_entry, err));
    for (uint64_t e = 0; e < entries.count; e++) {
        if (slot_set_has(&entries, e) && !entry_fits(m, (slot)e, groups)) {
            return image_corrupt("an entry of a group", err);
        }
    }
    for (uint64_t g = 0; !m->once && g < groups->count; g++) {
        const slot group = (slot)g;
        if (slot_set_has(groups, g) &&
            (multiset_first(m, group) != ordered_first_in(&m->order, group) ||
             (m->options.counted &&
              multiset_copies(m, group) != ordered_weight_in(&m->order, group)))) {
            return image_corrupt("the first entry of a group", err);
        }
    }
    return OK;
}

status
multiset_rebuild(multiset *m, const slot_set *groups, error *err) {
    TRY(group_table_rebuild(&m->entries, err));
    TRY(m->listed ? OK : check_entries(m, groups, err));
    m->negatives = count_negatives(m);
    return OK;
}

/* ---- reading */

status
multiset_settle(multiset *m, error *err) {
    return m->once && m->sorted == NULL ? multiset_sort(m, err) : OK;
}

multiset_cursor
multiset_begin(const multiset *m, slot group) {
    const uint64_t place = m->sorted != NULL && group < m->group_count ? m->starts[group] : 0;
    return (multiset_cursor){.entry = multiset_first(m, group), .place = place};
}

void
multiset_next(const multiset *m, multiset_cursor *c) {
    const slot group = multiset_group(m, c->entry);
    slot       next;
    if (m->sorted != NULL) {
        c->place++;
        next = c->place < m->starts[group + 1] ? m->sorted[c->place] : SLOT_NONE;
    } else {
        next = ordered_next(&m->order, c->entry);
    }
    c->entry = next;
}

int64_t
multiset_copies(const multiset *m, slot group) {
    return *ARRAY_AT(&m->copies, int64_t, group);
}

slot
multiset_at(const multiset *m, slot group, int64_t rank) {
    assert(rank >= 0 && rank < multiset_copies(m, group));
    if (m->sorted == NULL) {
        return ordered_at_weight_in(&m->order, group, rank);
    }
    if (m->through == NULL) {
        return m->sorted[m->starts[group] + (uint64_t)rank];
    }
    uint64_t low = m->starts[group];
    uint64_t high = m->starts[group + 1] - 1;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (m->through[middle] > rank) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return m->sorted[low];
}

status
multiset_read(const multiset *m, int32_t at, const slot *entries, int32_t count, arena *a,
              column *out, error *err) {
    return state_columns_read(multiset_rows(m), at + 1, entries, count, a, out, err);
}

/* ---- validate */

static status
broken(error *err, const char *what, slot s) {
    return error_set(err, ERR_INTERNAL_ERROR, "multiset: %s (slot %u)", what, s);
}

static status
validate_entries(const multiset *m, error *err) {
    uint64_t in = 0;
    for (uint64_t i = 0; i < group_table_slot_count(&m->entries); i++) {
        const slot entry = (slot)i;
        if (!group_table_is_live(&m->entries, entry)) {
            continue;
        }
        const int64_t weight = multiset_weight(m, entry);
        if (weight == 0 || (weight > 0) != ordered_has(&m->order, entry)) {
            return broken(err, "an entry stands in the wrong place", entry);
        }
        in += weight > 0;
    }
    for (uint64_t g = 0; g < m->heads.count; g++) {
        in -= ordered_count_in(&m->order, (slot)g);
    }
    return in == 0 ? OK : broken(err, "the order holds what is not an entry", SLOT_NONE);
}

status
multiset_validate(const multiset *m, error *err) {
    TRY(m->listed ? OK : group_table_validate(&m->entries, err));
    if (m->negatives != count_negatives(m)) {
        return broken(err, "the entries of negative weight are miscounted", SLOT_NONE);
    }
    if (m->once) {
        return OK;
    }
    TRY(ordered_validate(&m->order, err));
    TRY(validate_entries(m, err));
    for (uint64_t g = 0; g < m->heads.count; g++) {
        const slot head = multiset_first(m, (slot)g);
        if (head != ordered_first_in(&m->order, (slot)g) ||
            (head != SLOT_NONE && multiset_group(m, head) != (slot)g)) {
            return broken(err, "the head of a group is not the first", (slot)g);
        }
        int64_t copies = 0;
        for (multiset_cursor c = multiset_begin(m, (slot)g); c.entry != SLOT_NONE;) {
            copies += multiset_weight(m, c.entry);
            multiset_next(m, &c);
        }
        if (m->options.counted && copies != multiset_copies(m, (slot)g)) {
            return broken(err, "the copies of a group are miscounted", (slot)g);
        }
    }
    return OK;
}
