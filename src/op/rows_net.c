/* SPDX-License-Identifier: Apache-2.0 */
/* rows_net.c - what is left of the changes of a tick, by hashes.
 *
 * Rows whose hashes are equal are taken for one row, and compared with it afterwards, column by
 * column. Where two rows only share a hash, the plain delta_consolidate does it all. */
#include "kernel/kernel.h"
#include "op/rows.h"

typedef struct net_rows {
    int32_t  count;
    int32_t *head;           /* per row: the first one with its hash */
    int32_t  follower_count; /* rows that are not their own head */
    int32_t *followers, *heads;
} net_rows;

static uint64_t
table_size(int32_t row_count) {
    uint64_t size = 16;
    while (size < 2 * (uint64_t)row_count) {
        size *= 2;
    }
    return size;
}

static status
find_heads(net_rows *r, const delta *views, arena *a, error *err) {
    const size_t   count = (size_t)r->count;
    const uint64_t size = table_size(r->count);
    uint64_t      *hash = arena_alloc_zero(a, count * sizeof(*hash));
    uint32_t      *table = arena_alloc_zero(a, size * sizeof(*table)); /* row + 1; 0: empty */
    r->head = arena_alloc(a, count * sizeof(*r->head));
    r->followers = arena_alloc(a, count * sizeof(*r->followers));
    r->heads = arena_alloc(a, count * sizeof(*r->heads));
    if (hash == NULL || table == NULL || r->head == NULL || r->followers == NULL ||
        r->heads == NULL) {
        return error_memory(err);
    }
    if (views->column_count > 0) {
        hash_columns(hash, views->columns, views->column_count, r->count);
    }
#ifdef LAMINAR_HASH_MASK /* tests force collisions */
    for (int32_t i = 0; i < r->count; i++) {
        hash[i] &= LAMINAR_HASH_MASK;
    }
#endif
    for (int32_t i = 0; i < r->count; i++) {
        uint64_t at = hash[i] & (size - 1);
        while (table[at] != 0 && hash[table[at] - 1] != hash[i]) {
            at = (at + 1) & (size - 1);
        }
        if (table[at] == 0) {
            table[at] = (uint32_t)i + 1;
            r->head[i] = i;
        } else {
            r->head[i] = (int32_t)table[at] - 1;
            r->followers[r->follower_count] = i;
            r->heads[r->follower_count++] = r->head[i];
        }
    }
    return OK;
}

/* Is each row equal to its head? */
static status
check_heads(const net_rows *r, const delta *views, bool *equal, arena *a, error *err) {
    uint8_t *same = arena_alloc(a, (size_t)r->follower_count);
    if (same == NULL) {
        return error_memory(err);
    }
    memset(same, 1, (size_t)r->follower_count);
    for (int32_t i = 0; i < views->column_count; i++) {
        equal_rows(same, &views->columns[i], r->followers, &views->columns[i], r->heads,
                   r->follower_count);
    }
    *equal = memchr(same, 0, (size_t)r->follower_count) == NULL;
    return OK;
}

/* Heads whose sum is not 0, those of negative sums first. */
static status
gather_net(delta *out, const delta *views, const net_rows *r, arena *a, error *err) {
    int64_t *sums = arena_alloc_zero(a, (size_t)r->count * sizeof(*sums));
    int64_t *weight = arena_alloc(a, (size_t)r->count * sizeof(*weight));
    int32_t *rows = r->followers; /* done with */
    int32_t  n = 0;
    if (sums == NULL || weight == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < r->count; i++) {
        int64_t *sum = &sums[r->head[i]];
        *sum = sat_add_i64(*sum, delta_weight(views, i));
    }
    for (int sign = -1; sign <= 1; sign += 2) {
        for (int32_t i = 0; i < r->count; i++) {
            rows[n] = i;
            weight[n] = sums[i];
            n += sums[i] != 0 && (sums[i] < 0) == (sign < 0);
        }
    }
    delta unweighted = *views;
    unweighted.weight = NULL;
    TRY(delta_gather(out, &unweighted, rows, n, a, err));
    out->weight = weight;
    return OK;
}

status
rows_consolidate(delta *out, const delta *in, arena *a, error *err) {
    net_rows r = {.count = in->row_count};
    delta    views = *in;
    bool     equal = false;
    column  *columns = arena_alloc(a, ((size_t)in->column_count + 1) * sizeof(*columns));
    if (columns == NULL) {
        return error_memory(err);
    }
    views.columns = columns;
    TRY(columns_to_views(columns, in->columns, in->column_count, in->row_count, a, err));
    TRY(find_heads(&r, &views, a, err));
    TRY(check_heads(&r, &views, &equal, a, err));
    return equal ? gather_net(out, &views, &r, a, err) : delta_consolidate(out, in, a, err);
}
