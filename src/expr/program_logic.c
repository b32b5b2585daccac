/* SPDX-License-Identifier: Apache-2.0 */
/* program_logic.c - AND, OR, CASE and COALESCE over all rows, for parts that cannot fail and cost
 * little: no row lists, only loops the compiler vectorises. program_case.c has the careful forms.
 */
#include "expr/blend.h"

/* Words of a register's truth values and validity, a constant spread over the word. */
static uint64_t
truth_word(const reg *g, int64_t w, int32_t count) {
    const uint8_t *x = g->column.values;
    return g->is_constant ? (x[0] != 0 ? UINT64_MAX : 0) : blend_pack(x + w * 64, count);
}

static uint64_t
valid_word(const reg *g, int64_t w) {
    if (g->column.validity == NULL) {
        return UINT64_MAX;
    }
    if (g->is_constant) {
        return (g->column.validity[0] & 1) != 0 ? UINT64_MAX : 0;
    }
    return g->column.validity[w];
}

static int32_t
word_rows(int64_t w, int32_t rows) {
    return (int32_t)min_i64(64, rows - w * 64);
}

static void
put_result(run *r, const step *s, void *values, uint64_t *validity) {
    r->program->regs[s->dst] = (reg){
        .column = {.type = s->type, .validity = validity, .values = values},
        .is_constant = step_is_constant(r, s),
        .is_fresh = true,
    };
}

/* ---- AND, OR: a is the result so far, b the next argument. A decided side decides, even beside
 * NULL. */
static void
combine_truth(bool is_and, uint8_t *restrict a, uint64_t *restrict valid, const reg *b,
              int32_t rows) {
    for (int64_t w = 0; valid != NULL && w < bits_words(rows); w++) {
        const int32_t  count = word_rows(w, rows);
        const uint64_t flip = is_and ? UINT64_MAX : 0; /* AND is decided by false, OR by true */
        const uint64_t va = valid[w];
        const uint64_t vb = valid_word(b, w);
        const uint64_t decides_a = va & (blend_pack(a + w * 64, count) ^ flip);
        const uint64_t decides_b = vb & (truth_word(b, w, count) ^ flip);
        valid[w] = (va & vb) | decides_a | decides_b;
    }
    const uint8_t *restrict x = b->column.values;
    if (b->is_constant) {
        if ((x[0] != 0) != is_and) {
            memset(a, !is_and, (size_t)rows);
        }
    } else if (is_and) {
        for (int32_t i = 0; i < rows; i++) {
            a[i] &= x[i];
        }
    } else {
        for (int32_t i = 0; i < rows; i++) {
            a[i] |= x[i];
        }
    }
}

static status
combine_all(run *r, step *s, bool is_and) {
    const int32_t rows = step_rows(r, s);
    const reg    *regs = r->program->regs;
    bool          nulls = false;
    for (int32_t k = 0; k < s->arg_count; k++) {
        nulls |= regs[s->args[k]].column.validity != NULL;
    }
    uint8_t  *z = run_values(r, s->type, rows, false);
    uint64_t *valid = nulls ? run_bits(r, rows, true) : NULL;
    if (z == NULL || (nulls && valid == NULL)) {
        return error_memory(r->err);
    }
    memset(z, is_and, (size_t)rows);
    for (int32_t k = 0; k < s->arg_count; k++) {
        combine_truth(is_and, z, valid, &regs[s->args[k]], rows);
    }
    put_result(r, s, z, valid);
    return OK;
}

status
step_and(run *r, step *s) {
    return combine_all(r, s, true);
}

status
step_or(run *r, step *s) {
    return combine_all(r, s, false);
}

/* ---- CASE, COALESCE: from the last branch to the first, each laid over the ones after it */
typedef struct overlay {
    void     *values;
    uint64_t *valid; /* NULL: no result has NULLs */
    uint8_t  *take;
    int32_t   rows;
} overlay;

static status
overlay_init(overlay *o, run *r, const step *s, const reg *last, bool nulls) {
    o->rows = step_rows(r, s);
    o->values = run_values(r, s->type, o->rows, false);
    o->take = run_values(r, type_of(TYPE_BOOL), o->rows, false);
    o->valid = nulls ? run_bits(r, o->rows, true) : NULL;
    if (o->values == NULL || o->take == NULL || (nulls && o->valid == NULL)) {
        return error_memory(r->err);
    }
    blend_scatter(o->values, last, NULL, o->rows);
    for (int64_t w = 0; nulls && w < bits_words(o->rows); w++) {
        o->valid[w] = valid_word(last, w);
    }
    return OK;
}

/* Where o->take is set, `with` is the result. */
static void
overlay_add(overlay *o, const reg *with) {
    blend_values(o->values, with, o->take, o->rows);
    for (int64_t w = 0; o->valid != NULL && w < bits_words(o->rows); w++) {
        const uint64_t taken = blend_pack(o->take + w * 64, word_rows(w, o->rows));
        o->valid[w] = (o->valid[w] & ~taken) | (valid_word(with, w) & taken);
    }
}

static void
take_bits(overlay *o, int64_t w, uint64_t bits) {
    for (int32_t i = 0; i < word_rows(w, o->rows); i++) {
        o->take[w * 64 + i] = (bits >> i) & 1;
    }
}

/* Rows whose condition is true: not NULL, not false. */
static void
take_true(overlay *o, const reg *condition) {
    if (condition->column.validity == NULL && !condition->is_constant) {
        memcpy(o->take, condition->column.values, (size_t)o->rows);
        return;
    }
    for (int64_t w = 0; w < bits_words(o->rows); w++) {
        const int32_t count = word_rows(w, o->rows);
        take_bits(o, w, truth_word(condition, w, count) & valid_word(condition, w));
    }
}

status
step_case(run *r, step *s) {
    const reg *regs = r->program->regs;
    bool       nulls = regs[s->args[s->arg_count - 1]].column.validity != NULL;
    for (int32_t k = 1; k < s->arg_count; k += 2) {
        nulls |= regs[s->args[k]].column.validity != NULL;
    }
    overlay o;
    TRY(overlay_init(&o, r, s, &regs[s->args[s->arg_count - 1]], nulls));
    for (int32_t k = s->arg_count - 3; k >= 0; k -= 2) {
        take_true(&o, &regs[s->args[k]]);
        overlay_add(&o, &regs[s->args[k + 1]]);
    }
    put_result(r, s, o.values, o.valid);
    return OK;
}

status
step_coalesce(run *r, step *s) {
    const reg *regs = r->program->regs;
    overlay    o;
    TRY(overlay_init(&o, r, s, &regs[s->args[s->arg_count - 1]], true));
    for (int32_t k = s->arg_count - 2; k >= 0; k--) {
        const reg *g = &regs[s->args[k]];
        for (int64_t w = 0; w < bits_words(o.rows); w++) {
            take_bits(&o, w, valid_word(g, w));
        }
        overlay_add(&o, g);
    }
    if (bits_all(o.valid, o.rows)) {
        o.valid = NULL;
    }
    put_result(r, s, o.values, o.valid);
    return OK;
}
