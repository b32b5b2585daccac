/* SPDX-License-Identifier: Apache-2.0 */
/* Stored columns, read and shown, against the rows that were written: texts that are shown lie in
 * the heap, those that are read do not, and both are the same. */
#include "unit.h"

#include "state/state_columns.h"

#define ROWS 64
#define ROUNDS 60
#define SIZE_MAX_OF 90

typedef struct written {
    int64_t number;
    bool    number_is_null, text_is_null;
    char    bytes[SIZE_MAX_OF];
    int32_t size;
} written;

typedef struct shelf {
    mem           account;
    arena         a;
    store        *s;
    state_columns c;
    written       rows[ROWS * ROUNDS];
    int32_t       count;
} shelf;

static void
random_row(rng *r, written *w, bool nulls) {
    w->number = (int64_t)rng_next(r);
    w->number_is_null = nulls && rng_below(r, 4) == 0;
    w->text_is_null = nulls && rng_below(r, 4) == 0;
    w->size = (int32_t)rng_below(r, SIZE_MAX_OF);
    for (int32_t i = 0; i < w->size; i++) {
        w->bytes[i] = (char)('a' + rng_below(r, 26));
    }
}

/* ROWS more rows. */
static void
append(shelf *x, rng *r, bool nulls) {
    error    err = {0};
    int64_t  numbers[ROWS];
    strview  texts[ROWS];
    uint64_t valid[2] = {0, 0};
    for (int32_t i = 0; i < ROWS; i++) {
        written *w = &x->rows[x->count + i];
        random_row(r, w, nulls);
        numbers[i] = w->number;
        texts[i] = strview_of(w->bytes, (uint32_t)w->size);
        valid[0] |= (uint64_t)!w->number_is_null << i;
        valid[1] |= (uint64_t)!w->text_is_null << i;
    }
    const column in[2] = {{.type = type_of(TYPE_I64), .values = numbers},
                          {.type = type_of(TYPE_TEXT), .values = texts}};
    column       with_nulls[2] = {in[0], in[1]};
    with_nulls[0].validity = &valid[0];
    with_nulls[1].validity = &valid[1];
    CHECK_OK(state_columns_append(&x->c, nulls ? with_nulls : in, ROWS, &err));
    x->count += ROWS;
}

static void
check_row(const shelf *x, slot s, const column *number, const column *texts, int32_t at) {
    const bool     none = s == SLOT_NONE;
    const written *w = none ? NULL : &x->rows[s];
    CHECK_EQ(column_is_null(number, at), none || w->number_is_null);
    CHECK_EQ(column_is_null(texts, at), none || w->text_is_null);
    if (!none && !w->number_is_null) {
        CHECK_EQ(((const int64_t *)number->values)[at], w->number);
    }
    if (!none && !w->text_is_null) {
        const strview *v = &((const strview *)texts->values)[at];
        CHECK_EQ(v->size, w->size);
        assert_memory_equal(strview_data(v), w->bytes, (size_t)w->size);
    }
}

/* Some rows in any order, some of them none. */
static void
check_some(shelf *x, rng *r, bool some_none) {
    error            err = {0};
    column           number, shown, copied;
    slot             slots[ROWS];
    const arena_mark mark = arena_save(&x->a);
    for (int32_t i = 0; i < ROWS; i++) {
        const bool none = some_none && rng_below(r, 5) == 0;
        slots[i] = none ? SLOT_NONE : (slot)rng_below(r, (uint64_t)x->count);
    }
    CHECK_OK(state_columns_show(&x->c, 0, slots, ROWS, &x->a, &number, &err));
    CHECK_OK(state_columns_show(&x->c, 1, slots, ROWS, &x->a, &shown, &err));
    CHECK_OK(state_columns_read(&x->c, 1, slots, ROWS, &x->a, &copied, &err));
    const char *heap = (const char *)x->c.heap.bytes.data;
    for (int32_t i = 0; i < ROWS; i++) {
        check_row(x, slots[i], &number, &shown, i);
        check_row(x, slots[i], &number, &copied, i);
        const strview *v = &((const strview *)shown.values)[i];
        const strview *copy = &((const strview *)copied.values)[i];
        if (v->size > STRVIEW_INLINE_MAX) {
            CHECK(v->data > heap && v->data < heap + x->c.heap.bytes.count);
            CHECK(copy->data < heap || copy->data >= heap + x->c.heap.bytes.count);
        }
    }
    arena_rewind(&x->a, mark);
}

/* The heap grows past the size from which it is mapped, so that it lies elsewhere each time. */
static void
test_show(void **unused) {
    (void)unused;
    static shelf    x;
    error           err = {0};
    rng             r;
    const data_type types[2] = {type_of(TYPE_I64), type_of(TYPE_TEXT)};
    for (int32_t nulls = 0; nulls < 2; nulls++) {
        memset(&x, 0, sizeof(x));
        rng_init(&r, 5 + (uint64_t)nulls);
        mem_init(&x.account, INT64_MAX);
        arena_init(&x.a, &x.account);
        CHECK_OK(store_open(&x.s, &x.account, &err));
        CHECK_OK(state_columns_open(&x.c, x.s, "c", types, 2, &err));
        for (int32_t round = 0; round < ROUNDS; round++) {
            append(&x, &r, nulls != 0 && round > 2);
            check_some(&x, &r, false);
            check_some(&x, &r, true);
        }
        CHECK(x.c.heap.bytes.count > STORE_BLOCK_BYTES);
        state_columns_close(&x.c);
        store_close(x.s);
        arena_fini(&x.a);
        CHECK_EQ(mem_fini(&x.account), 0);
    }
}

UNIT_MAIN(UNIT(test_show))
