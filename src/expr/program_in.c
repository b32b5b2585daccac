/* SPDX-License-Identifier: Apache-2.0 */
/* program_in.c - x IN (constants). Values of up to 64 bits become words (text stays text), others
 * numbers of 128 bits; a few members are compared one after the other, many through a hash table.
 * Nested values are compared as values. Not found beside a NULL member is NULL. */
#include "expr/step.h"

#include "base/hash.h"

#define FEW 8

struct in_set {
    bool      has_null;
    bool      is_text;
    bool      is_wide;
    bool      is_nested; /* compared as values, one after the other */
    int32_t   count;
    uint64_t *words; /* members that are neither */
    strview  *texts;
    int128   *wides; /* INTERVAL by its length, as equality sees it */
    value    *values;
    uint32_t  mask;  /* of the table; 0: there is none */
    int32_t  *table; /* member number + 1; 0: free */
};

ALWAYS_INLINE uint64_t
word_of_double(double d) {
    uint64_t w;
    d = d == 0.0 ? 0.0 : d; /* -0.0 = 0.0 */
    memcpy(&w, &d, sizeof(w));
    return d != d ? UINT64_C(0x7FF8000000000000) : w; /* NaN = NaN */
}

static uint64_t
word_of_value(const value *v) {
    switch (type_physical(v->type)) {
    case PHYSICAL_F32:
    case PHYSICAL_F64:
        return word_of_double(v->d);
    case PHYSICAL_BOOL:
        return v->b;
    default:
        return (uint64_t)v->i;
    }
}

static uint64_t
hash_of_text(const strview *v) {
    return hash_bytes(strview_data(v), v->size);
}

static int128
wide_of_value(const value *v) {
    return v->type.id == TYPE_INTERVAL ? interval_total_us(&v->iv) : v->h;
}

static uint64_t
hash_of_wide(int128 x) {
    return hash_u64((uint64_t)x ^ hash_u64((uint64_t)((uint128)x >> 64)));
}

static status
make_table(in_set *set, arena *a, error *err) {
    uint32_t size = 16;
    while (size < (uint32_t)set->count * 2) {
        size *= 2;
    }
    set->table = arena_alloc_zero(a, size * sizeof(*set->table));
    if (set->table == NULL) {
        return error_memory(err);
    }
    set->mask = size - 1;
    for (int32_t i = 0; i < set->count; i++) {
        const uint64_t h = set->is_text   ? hash_of_text(&set->texts[i])
                           : set->is_wide ? hash_of_wide(set->wides[i])
                                          : hash_u64(set->words[i]);
        uint32_t       at = (uint32_t)h & set->mask;
        while (set->table[at] != 0) {
            at = (at + 1) & set->mask;
        }
        set->table[at] = i + 1;
    }
    return OK;
}

status
in_set_make(in_set **out, arena *a, const value *members, int32_t count, data_type type,
            error *err) {
    const size_t   n = (size_t)count;
    const physical p = type_physical(type);
    in_set        *set = arena_alloc_zero(a, sizeof(*set));
    if (set == NULL) {
        return error_memory(err);
    }
    set->is_text = p == PHYSICAL_TEXT;
    set->is_wide = p == PHYSICAL_INTERVAL || p == PHYSICAL_I128;
    set->is_nested = p == PHYSICAL_NESTED;
    set->words = arena_alloc(a, n * sizeof(*set->words));
    set->texts = arena_alloc(a, n * sizeof(*set->texts));
    set->wides = arena_alloc(a, n * sizeof(*set->wides));
    set->values = arena_alloc(a, n * sizeof(*set->values));
    if (set->words == NULL || set->texts == NULL || set->wides == NULL || set->values == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const value *v = &members[i];
        if (v->is_null) {
            set->has_null = true;
        } else if (set->is_text) {
            set->texts[set->count++] = strview_of(v->s.data, (uint32_t)v->s.size);
        } else if (set->is_wide) {
            set->wides[set->count++] = wide_of_value(v);
        } else if (set->is_nested) {
            set->values[set->count++] = *v;
        } else {
            set->words[set->count++] = word_of_value(v);
        }
    }
    *out = set;
    return set->count > FEW && !set->is_nested ? make_table(set, a, err) : OK;
}

/* ---- evaluation */
/* A column's values as words. NULL: memory is out. */
static const uint64_t *
words_of(run *r, const column *c, int32_t rows) {
    if (type_physical(c->type) == PHYSICAL_I64 || type_physical(c->type) == PHYSICAL_U64) {
        return c->values;
    }
    uint64_t *out = arena_alloc(r->scratch, (size_t)rows * sizeof(*out));
    if (out == NULL) {
        return NULL;
    }
    const operand o = {.type = c->type, .step = 1, .values = c->values};
    switch (type_physical(c->type)) {
    case PHYSICAL_F32:
        for (int32_t i = 0; i < rows; i++) {
            out[i] = word_of_double((double)((const float *)c->values)[i]);
        }
        break;
    case PHYSICAL_F64:
        for (int32_t i = 0; i < rows; i++) {
            out[i] = word_of_double(((const double *)c->values)[i]);
        }
        break;
    case PHYSICAL_I32:
        for (int32_t i = 0; i < rows; i++) {
            out[i] = (uint64_t)(int64_t)((const int32_t *)c->values)[i];
        }
        break;
    default:
        for (int32_t i = 0; i < rows; i++) {
            out[i] = (uint64_t)fn_integer(&o, i);
        }
        break;
    }
    return out;
}

static void
find_words(const in_set *set, const uint64_t *restrict x, uint8_t *restrict z, int32_t rows) {
    if (set->mask == 0) {
        for (int32_t k = 0; k < set->count; k++) {
            const uint64_t m = set->words[k];
            for (int32_t i = 0; i < rows; i++) {
                z[i] |= x[i] == m;
            }
        }
        return;
    }
    for (int32_t i = 0; i < rows; i++) {
        uint32_t at = (uint32_t)hash_u64(x[i]) & set->mask;
        for (; set->table[at] != 0 && !z[i]; at = (at + 1) & set->mask) {
            z[i] = set->words[set->table[at] - 1] == x[i];
        }
    }
}

static void
find_texts(const in_set *set, const strview *x, uint8_t *z, int32_t rows) {
    if (set->mask == 0) {
        for (int32_t k = 0; k < set->count; k++) {
            for (int32_t i = 0; i < rows; i++) {
                z[i] |= strview_equal(&x[i], &set->texts[k]);
            }
        }
        return;
    }
    for (int32_t i = 0; i < rows; i++) {
        uint32_t at = (uint32_t)hash_of_text(&x[i]) & set->mask;
        for (; set->table[at] != 0 && !z[i]; at = (at + 1) & set->mask) {
            z[i] = strview_equal(&set->texts[set->table[at] - 1], &x[i]);
        }
    }
}

static void
find_values(const in_set *set, const column *c, uint8_t *z, int32_t rows) {
    for (int32_t i = 0; i < rows; i++) {
        const value v = column_value(c, i);
        for (int32_t k = 0; k < set->count && !z[i] && !v.is_null; k++) {
            z[i] = value_compare(&v, &set->values[k]) == 0;
        }
    }
}

/* `is_interval` is a constant at each call. */
ALWAYS_INLINE void
find_wides(const in_set *set, const void *values, bool is_interval, uint8_t *z, int32_t rows) {
    for (int32_t i = 0; i < rows; i++) {
        const int128 x = is_interval ? interval_total_us((const interval *)values + i)
                                     : ((const int128 *)values)[i];
        if (set->mask == 0) {
            for (int32_t k = 0; k < set->count; k++) {
                z[i] |= set->wides[k] == x;
            }
            continue;
        }
        uint32_t at = (uint32_t)hash_of_wide(x) & set->mask;
        for (; set->table[at] != 0 && !z[i]; at = (at + 1) & set->mask) {
            z[i] = set->wides[set->table[at] - 1] == x;
        }
    }
}

static void
find_wide_values(const in_set *set, const column *c, uint8_t *z, int32_t rows) {
    if (c->type.id == TYPE_INTERVAL) {
        find_wides(set, c->values, true, z, rows);
    } else {
        find_wides(set, c->values, false, z, rows);
    }
}

/* Not found, but a member is NULL: nobody knows. */
static status
null_if_not_found(run *r, const uint8_t *z, const column *c, int32_t rows, uint64_t **validity) {
    uint64_t *w = run_bits(r, rows, false);
    if (w == NULL) {
        return error_memory(r->err);
    }
    for (int32_t i = 0; i < rows; i++) {
        bits_put(w, i, z[i] && !column_is_null(c, i));
    }
    *validity = w;
    return OK;
}

status
step_in(run *r, step *s) {
    const reg    *g = &r->program->regs[s->args[0]];
    const int32_t rows = step_rows(r, s);
    const column *c = &g->column;
    uint8_t      *z = run_values(r, s->type, rows, true);
    uint64_t     *validity = (uint64_t *)(uintptr_t)c->validity;
    if (z == NULL) {
        return error_memory(r->err);
    }
    if (s->set->is_text) {
        find_texts(s->set, c->values, z, rows);
    } else if (s->set->is_wide) {
        find_wide_values(s->set, c, z, rows);
    } else if (s->set->is_nested) {
        find_values(s->set, c, z, rows);
    } else {
        const uint64_t *x = words_of(r, c, rows);
        if (x == NULL) {
            return error_memory(r->err);
        }
        find_words(s->set, x, z, rows);
    }
    if (s->set->has_null) {
        TRY(null_if_not_found(r, z, c, rows, &validity));
    }
    r->program->regs[s->dst] = (reg){
        .column = {.type = s->type, .validity = validity, .values = z},
        .is_constant = g->is_constant,
        .is_fresh = true,
    };
    return OK;
}
