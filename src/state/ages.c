/* SPDX-License-Identifier: Apache-2.0 */
/* ages.c - see ages.h. The page of a slot that is not in is 0 in its link. */
#include "state/ages.h"

#include <stdio.h>

status
ages_open(idle_book *a, store *s, const char *name, int64_t ttl_us, error *err) {
    char label[160];
    *a = (idle_book){0};
    if (ttl_us == 0) {
        return OK;
    }
    a->step_us = max_i64(1, ttl_us / AGES_STEPS);
    a->kept = (ttl_us - 1) / a->step_us + 1;
    snprintf(label, sizeof(label), "%.120s.ages", name);
    return calendar_open(&a->pages, s, label, type_of(TYPE_I64), err);
}

void
ages_close(idle_book *a) {
    calendar_close(&a->pages);
}

static calendar_link *
link_of(const idle_book *a, slot s) {
    return ARRAY_AT(&a->pages.links, calendar_link, s);
}

status
ages_put(idle_book *a, const int64_t *pages, const slot *slots, int32_t count, uint64_t slot_limit,
         arena *scratch, error *err) {
    const column times = {.type = type_of(TYPE_I64), .values = pages};
    return a->step_us == 0 || count == 0
               ? OK
               : calendar_add(&a->pages, &times, slots, count, slot_limit, scratch, err);
}

int64_t
ages_page(const idle_book *a, slot s) {
    if (a->step_us == 0) {
        return 0;
    }
    return s >= a->pages.links.count || link_of(a, s)->page == 0
               ? INT64_MIN
               : calendar_time(&a->pages, link_of(a, s)->page - 1);
}

status
ages_remove(idle_book *a, slot s, error *err) {
    if (a->step_us == 0 || s >= a->pages.links.count || link_of(a, s)->page == 0) {
        return OK;
    }
    TRY(calendar_remove(&a->pages, s, err));
    TRY(array_touch(&a->pages.links, s, 1, err));
    link_of(a, s)->page = 0;
    return OK;
}

/* Onto one page: none of them is in. */
static status
put_all(idle_book *a, int64_t page, const slot *slots, int32_t count, uint64_t slot_limit,
        arena *scratch, error *err) {
    int64_t *pages = arena_alloc(scratch, (size_t)count * sizeof(*pages));
    if (pages == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        pages[i] = page;
    }
    return ages_put(a, pages, slots, count, slot_limit, scratch, err);
}

status
ages_touch(idle_book *a, int64_t clock_us, const slot *slots, int32_t count, uint64_t slot_limit,
           arena *scratch, error *err) {
    if (a->step_us == 0 || count == 0) {
        return OK;
    }
    const int64_t    now = clock_us == INT64_MIN ? INT64_MIN : floor_div_i64(clock_us, a->step_us);
    const arena_mark mark = arena_save(scratch);
    slot            *moved = arena_alloc(scratch, (size_t)count * sizeof(*moved));
    int32_t          n = 0;
    if (moved == NULL) {
        return error_memory(err);
    }
    TRY(array_reserve_to(&a->pages.links, slot_limit, err));
    for (int32_t i = 0; i < count; i++) {
        const slot s = slots[i];
        if (s == SLOT_NONE || link_of(a, s)->page == UINT32_MAX ||
            (link_of(a, s)->page != 0 && ages_page(a, s) == now)) {
            continue;
        }
        TRY(ages_remove(a, s, err));
        TRY(array_touch(&a->pages.links, s, 1, err));
        link_of(a, s)->page = UINT32_MAX; /* it is listed */
        moved[n++] = s;
    }
    TRY(n == 0 ? OK : put_all(a, now, moved, n, slot_limit, scratch, err));
    arena_rewind(scratch, mark);
    return OK;
}

/* The whole page goes: some slots at once. */
static status
take_page(idle_book *a, slot page, slot *slots, int32_t room, int32_t *count, error *err) {
    slot s = calendar_first_on(&a->pages, page);
    while (s != SLOT_NONE && *count < room) {
        const slot next = calendar_next_on(&a->pages, s);
        slots[(*count)++] = s;
        TRY(ages_remove(a, s, err));
        s = next;
    }
    return OK;
}

/* What came before the clock was known. */
static status
date_unknown(idle_book *a, int64_t now, slot page, arena *scratch, error *err) {
    slot   *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    int32_t count = BATCH_ROWS;
    if (slots == NULL) {
        return error_memory(err);
    }
    while (count == BATCH_ROWS) {
        const arena_mark mark = arena_save(scratch);
        count = 0;
        TRY(take_page(a, page, slots, BATCH_ROWS, &count, err));
        TRY(put_all(a, now, slots, count, a->pages.links.count, scratch, err));
        arena_rewind(scratch, mark);
        page = calendar_first(&a->pages);
        if (calendar_time(&a->pages, page) != INT64_MIN) {
            return OK; /* that page went with its last slot */
        }
    }
    return OK;
}

status
ages_take(idle_book *a, int64_t clock_us, slot *slots, int32_t room, int32_t *count, arena *scratch,
          error *err) {
    *count = 0;
    if (a->step_us == 0 || clock_us == INT64_MIN) {
        return OK;
    }
    const int64_t now = floor_div_i64(clock_us, a->step_us);
    slot          page = calendar_first(&a->pages);
    if (page != SLOT_NONE && calendar_time(&a->pages, page) == INT64_MIN) {
        const arena_mark mark = arena_save(scratch);
        TRY(date_unknown(a, now, page, scratch, err));
        arena_rewind(scratch, mark);
    }
    while (*count < room) {
        page = calendar_first(&a->pages);
        if (page == SLOT_NONE || sat_add_i64(calendar_time(&a->pages, page), a->kept) >= now) {
            return OK;
        }
        TRY(take_page(a, page, slots, room, count, err));
    }
    return OK;
}

status
ages_drain(idle_book *a, int64_t clock_us, ages_forget *forget, void *context, arena *scratch,
           error *err) {
    const arena_mark mark = arena_save(scratch);
    slot            *slots = arena_alloc(scratch, BATCH_ROWS * sizeof(*slots));
    int32_t          count = BATCH_ROWS;
    TRY(slots == NULL ? error_memory(err) : OK);
    while (count == BATCH_ROWS) {
        TRY(ages_take(a, clock_us, slots, BATCH_ROWS, &count, scratch, err));
        for (int32_t i = 0; i < count; i++) {
            TRY(forget(context, slots[i], err));
        }
    }
    arena_rewind(scratch, mark);
    return OK;
}

int64_t
ages_due_us(const idle_book *a) {
    const slot page = a->step_us == 0 ? SLOT_NONE : calendar_first(&a->pages);
    if (page == SLOT_NONE || calendar_time(&a->pages, page) == INT64_MIN) {
        return INT64_MAX;
    }
    return sat_mul_i64(sat_add_i64(calendar_time(&a->pages, page), a->kept + 1), a->step_us);
}

status
ages_rebuild(idle_book *a, const slot_set *owners, error *err) {
    const calendar *c = &a->pages;
    uint64_t        listed = 0, in = 0;
    if (a->step_us == 0) {
        return OK;
    }
    TRY(calendar_rebuild(&a->pages, owners, false, err));
    for (uint64_t s = 0; s < c->links.count; s++) {
        in += link_of(a, (slot)s)->page != 0;
    }
    for (slot page = calendar_first(c); page != SLOT_NONE; page = calendar_next(c, page)) {
        for (slot s = calendar_first_on(c, page); s != SLOT_NONE; s = calendar_next_on(c, s)) {
            listed++;
        }
    }
    return in == listed ? OK : image_corrupt("the page of what is on none", err);
}
