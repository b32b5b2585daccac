/* SPDX-License-Identifier: Apache-2.0 */
/* calendar.c - see calendar.h. */
#include "state/calendar.h"

#include <stdio.h>

static int
compare_times(const void *context, slot a, slot b) {
    const int64_t x = calendar_time(context, a);
    const int64_t y = calendar_time(context, b);
    return (x > y) - (x < y);
}

status
calendar_open(calendar *c, store *s, const char *name, data_type type, error *err) {
    char label[160];
    snprintf(label, sizeof(label), "%.120s.times", name);
    TRY(group_table_open(&c->times, s, label, &type, 1, err));
    snprintf(label, sizeof(label), "%.120s.heads", name);
    TRY(array_open(&c->heads, s, label, sizeof(uint32_t), err));
    snprintf(label, sizeof(label), "%.120s.links", name);
    TRY(array_open(&c->links, s, label, sizeof(calendar_link), err));
    snprintf(label, sizeof(label), "%.120s.order", name);
    return ordered_open(&c->order, s, label, compare_times, c, err);
}

void
calendar_close(calendar *c) {
    ordered_close(&c->order);
    array_close(&c->links);
    array_close(&c->heads);
    group_table_close(&c->times);
}

static status
link_slot(calendar *c, slot s, slot page, error *err) {
    TRY(array_touch(&c->links, s, 1, err));
    TRY(array_touch(&c->heads, page, 1, err));
    uint32_t *head = ARRAY_AT(&c->heads, uint32_t, page);
    *ARRAY_AT(&c->links, calendar_link, s) = (calendar_link){.next = *head, .page = page + 1};
    if (*head != 0) {
        TRY(array_touch(&c->links, *head - 1, 1, err));
        ARRAY_AT(&c->links, calendar_link, *head - 1)->previous = s + 1;
    }
    *head = s + 1;
    return OK;
}

status
calendar_add(calendar *c, const column *times, const slot *slots, int32_t count,
             uint64_t slot_limit, arena *scratch, error *err) {
    slot    *pages = arena_alloc(scratch, (size_t)count * sizeof(*pages));
    uint8_t *is_new = arena_alloc(scratch, (size_t)count);
    if (pages == NULL || is_new == NULL) {
        return error_memory(err);
    }
    TRY(group_table_map(&c->times, times, count, pages, is_new, scratch, err));
    TRY(array_reserve_to(&c->heads, group_table_slot_count(&c->times), err));
    TRY(array_reserve_to(&c->links, slot_limit, err));
    for (int32_t i = 0; i < count; i++) {
        if (is_new[i]) {
            TRY(array_touch(&c->heads, pages[i], 1, err));
            *ARRAY_AT(&c->heads, uint32_t, pages[i]) = 0;
            if (!column_is_null(times, i)) {
                TRY(ordered_insert(&c->order, pages[i], err));
            }
        }
    }
    for (int32_t i = 0; i < count; i++) {
        TRY(link_slot(c, slots[i], pages[i], err));
    }
    return OK;
}

status
calendar_drop(calendar *c, slot page, error *err) {
    if (ordered_has(&c->order, page)) {
        TRY(ordered_remove(&c->order, page, err));
    }
    return group_table_remove(&c->times, page, err);
}

status
calendar_remove(calendar *c, slot s, error *err) {
    const calendar_link link = *ARRAY_AT(&c->links, calendar_link, s);
    if (link.next != 0) {
        TRY(array_touch(&c->links, link.next - 1, 1, err));
        ARRAY_AT(&c->links, calendar_link, link.next - 1)->previous = link.previous;
    }
    if (link.previous != 0) {
        TRY(array_touch(&c->links, link.previous - 1, 1, err));
        ARRAY_AT(&c->links, calendar_link, link.previous - 1)->next = link.next;
        return OK;
    }
    const slot page = link.page - 1;
    TRY(array_touch(&c->heads, page, 1, err));
    *ARRAY_AT(&c->heads, uint32_t, page) = link.next;
    return link.next == 0 ? calendar_drop(c, page, err) : OK;
}

/* The chain of a page; *found: slots on it and on those before. */
static status
check_page(const calendar *c, slot page, const slot_set *owners, uint64_t *found, error *err) {
    const state_array *nulls = &c->times.keys.nulls[0];
    const bool         timed = nulls->count == 0 || nulls->data[page] == 0;
    uint32_t           previous = 0;
    uint32_t           s = *ARRAY_AT(&c->heads, uint32_t, page);
    if (s == 0 || timed != ordered_has(&c->order, page)) {
        return image_corrupt("a page of a calendar", err);
    }
    for (; s != 0; s = ARRAY_AT(&c->links, calendar_link, s - 1)->next) {
        if (s > c->links.count || !slot_set_has(owners, s - 1)) {
            return image_corrupt("what stands in a calendar", err);
        }
        const calendar_link *link = ARRAY_AT(&c->links, calendar_link, s - 1);
        if (link->previous != previous || link->page != page + 1) {
            return image_corrupt("a chain in a calendar", err);
        }
        previous = s;
        ++*found;
    }
    return OK;
}

status
calendar_rebuild(calendar *c, const slot_set *owners, bool whole, error *err) {
    uint64_t found = 0, owned = 0;
    TRY(group_table_rebuild(&c->times, err));
    const slot_set pages = group_table_slots(&c->times);
    TRY(ordered_check(&c->order, &pages, NULL, err));
    if (c->heads.count < pages.count || c->links.count >= UINT32_MAX) {
        return image_corrupt("the length of a calendar", err);
    }
    for (uint64_t page = 0; page < pages.count; page++) {
        TRY(slot_set_has(&pages, page) ? check_page(c, (slot)page, owners, &found, err) : OK);
    }
    for (uint64_t s = 0; whole && s < owners->count; s++) {
        owned += slot_set_has(owners, s);
    }
    return !whole || owned == found ? OK : image_corrupt("what stands in no calendar", err);
}

status
calendar_validate(const calendar *c, uint64_t slot_count, error *err) {
    TRY(group_table_validate(&c->times, err));
    TRY(ordered_validate(&c->order, err));
    uint64_t       found = 0;
    const uint64_t pages = group_table_slot_count(&c->times);
    for (uint64_t page = 0; page < pages; page++) {
        if (!group_table_is_live(&c->times, (slot)page)) {
            continue;
        }
        uint32_t previous = 0;
        uint32_t s = *ARRAY_AT(&c->heads, uint32_t, page);
        while (s != 0 && found <= slot_count) {
            const calendar_link *link = ARRAY_AT(&c->links, calendar_link, s - 1);
            if (link->previous != previous || link->page != page + 1) {
                return error_set(err, ERR_INTERNAL_ERROR, "calendar: the chain of slot %u", s - 1);
            }
            found++;
            previous = s;
            s = link->next;
        }
    }
    if (found != slot_count) {
        return error_set(err, ERR_INTERNAL_ERROR, "calendar: %llu slots on pages, %llu in all",
                         (unsigned long long)found, (unsigned long long)slot_count);
    }
    return OK;
}
