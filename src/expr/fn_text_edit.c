/* SPDX-License-Identifier: Apache-2.0 */
/* fn_text_edit.c - how far texts are from each other, in characters. The edit distances take time
 * in proportion to the product of the lengths, which is limited. */
#include "expr/call.h"

#define PRODUCT_MAX (INT64_C(1) << 28)

/* Two texts as characters, and rows of the table of distances. */
typedef struct pair {
    fn_call  *call;
    mem      *mem;
    size_t    capacity; /* characters */
    uint32_t *chars[2];
    int64_t   count[2];
    int32_t  *table[3]; /* capacity + 1 each */
} pair;

static void
pair_fini(pair *p) {
    for (int32_t i = 0; i < 2; i++) {
        mem_free(p->mem, p->chars[i], p->capacity * sizeof(**p->chars));
    }
    for (int32_t i = 0; i < 3; i++) {
        mem_free(p->mem, p->table[i], (p->capacity + 1) * sizeof(**p->table));
    }
    *p = (pair){.call = p->call, .mem = p->mem};
}

static status
pair_grow(pair *p, size_t wanted) {
    if (wanted <= p->capacity && p->capacity > 0) {
        return OK;
    }
    pair_fini(p);
    p->capacity = wanted < 64 ? 64 : wanted;
    bool all = true;
    for (int32_t i = 0; i < 2; i++) {
        p->chars[i] = mem_alloc(p->mem, p->capacity * sizeof(**p->chars));
        all &= p->chars[i] != NULL;
    }
    for (int32_t i = 0; i < 3; i++) {
        p->table[i] = mem_alloc(p->mem, (p->capacity + 1) * sizeof(**p->table));
        all &= p->table[i] != NULL;
    }
    return all ? OK : error_memory(p->call->err);
}

static status
pair_read(pair *p, int32_t row) {
    const text t[2] = {operand_text(&p->call->args[0], row), operand_text(&p->call->args[1], row)};
    TRY(pair_grow(p, t[0].size > t[1].size ? t[0].size : t[1].size));
    for (int32_t i = 0; i < 2; i++) {
        p->count[i] = 0;
        for (size_t at = 0; at < t[i].size; at += utf8_width(t[i].data + at)) {
            p->chars[i][p->count[i]++] = utf8_decode(t[i].data + at);
        }
    }
    return OK;
}

/* ---- Levenshtein, and with exchanges of neighbours (optimal string alignment) */
static int32_t
least3(int32_t a, int32_t b, int32_t c) {
    const int32_t m = a < b ? a : b;
    return m < c ? m : c;
}

static int64_t
edit_distance(pair *p, bool exchanges) {
    const uint32_t *a = p->chars[0];
    const uint32_t *b = p->chars[1];
    int32_t        *before = p->table[0];
    int32_t        *above = p->table[1];
    int32_t        *row = p->table[2];
    for (int32_t k = 0; k <= p->count[1]; k++) {
        above[k] = k;
    }
    for (int32_t i = 1; i <= p->count[0]; i++) {
        row[0] = i;
        for (int32_t k = 1; k <= p->count[1]; k++) {
            row[k] = least3(above[k] + 1, row[k - 1] + 1, above[k - 1] + (a[i - 1] != b[k - 1]));
            if (exchanges && i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
                before[k - 2] + 1 < row[k]) {
                row[k] = before[k - 2] + 1;
            }
        }
        int32_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[p->count[1]];
}

static status
distance_rows(fn_call *c, const char *name, bool exchanges) {
    int64_t *z = c->values;
    pair     p = {.call = c, .mem = c->scratch->mem};
    status   s = OK;
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        s = pair_read(&p, i);
        if (s == OK && p.count[0] * p.count[1] > PRODUCT_MAX) {
            s = error_set(c->err, ERR_QUERY_FAILED,
                          "%s: texts of %lld and %lld characters are too long to be compared so",
                          name, (long long)p.count[0], (long long)p.count[1]);
        }
        if (s == OK) {
            z[i] = edit_distance(&p, exchanges);
        }
    }
    pair_fini(&p);
    return s;
}

status
fn_levenshtein(fn_call *c) {
    return distance_rows(c, "levenshtein", false);
}

status
fn_damerau_levenshtein(fn_call *c) {
    return distance_rows(c, "damerau_levenshtein", true);
}

/* ---- places that differ */
status
fn_hamming(fn_call *c) {
    int64_t *z = c->values;
    pair     p = {.call = c, .mem = c->scratch->mem};
    status   s = OK;
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        s = pair_read(&p, i);
        if (s == OK && p.count[0] != p.count[1]) {
            s = error_set(c->err, ERR_QUERY_FAILED,
                          "hamming: the texts have %lld and %lld characters, and it is for texts "
                          "of one length",
                          (long long)p.count[0], (long long)p.count[1]);
        }
        for (int64_t k = 0; s == OK && k < p.count[0]; k++) {
            z[i] += p.chars[0][k] != p.chars[1][k];
        }
    }
    pair_fini(&p);
    return s;
}

/* ---- Jaro: the share of characters that have a partner near by, less the exchanges among them */
static double
jaro(pair *p) {
    const int64_t n = p->count[0];
    const int64_t m = p->count[1];
    const int64_t reach = max_i64(max_i64(n, m) / 2 - 1, 0);
    int32_t      *taken = p->table[0]; /* of the second text */
    int32_t      *found = p->table[1]; /* places in the first text that have a partner */
    int64_t       matches = 0;
    int64_t       exchanges = 0;
    if (n == 0 || m == 0) {
        return 0.0;
    }
    memset(taken, 0, (size_t)m * sizeof(*taken));
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = max_i64(i - reach, 0); k <= min_i64(i + reach, m - 1); k++) {
            if (!taken[k] && p->chars[0][i] == p->chars[1][k]) {
                taken[k] = 1;
                found[matches++] = (int32_t)i;
                break;
            }
        }
    }
    for (int64_t k = 0, at = 0; k < m; k++) {
        if (taken[k]) {
            exchanges += p->chars[0][found[at++]] != p->chars[1][k];
        }
    }
    const double common = (double)matches;
    return matches == 0 ? 0.0
                        : (common / (double)n + common / (double)m +
                           (common - (double)(exchanges / 2)) / common) /
                              3.0;
}

/* Winkler: texts that start alike are nearer. */
static double
jaro_winkler(pair *p) {
    const double similarity = jaro(p);
    int64_t      same = 0;
    while (same < 4 && same < p->count[0] && same < p->count[1] &&
           p->chars[0][same] == p->chars[1][same]) {
        same++;
    }
    return similarity > 0.7 ? similarity + 0.1 * (double)same * (1.0 - similarity) : similarity;
}

static status
similarity_rows(fn_call *c, const char *name, double (*similarity)(pair *p)) {
    double *z = c->values;
    pair    p = {.call = c, .mem = c->scratch->mem};
    status  s = OK;
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        s = pair_read(&p, i);
        if (s == OK && p.count[0] * p.count[1] > PRODUCT_MAX) {
            s = error_set(c->err, ERR_QUERY_FAILED,
                          "%s: texts of %lld and %lld characters are too long to be compared so",
                          name, (long long)p.count[0], (long long)p.count[1]);
        }
        if (s == OK) {
            z[i] = similarity(&p);
        }
    }
    pair_fini(&p);
    return s;
}

status
fn_jaro_similarity(fn_call *c) {
    return similarity_rows(c, "jaro_similarity", jaro);
}

status
fn_jaro_winkler_similarity(fn_call *c) {
    return similarity_rows(c, "jaro_winkler_similarity", jaro_winkler);
}

/* ---- Jaccard: common among all different characters */
static void
sift(uint32_t *x, int64_t at, int64_t count) {
    for (int64_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && x[child + 1] > x[child];
        if (x[at] >= x[child]) {
            return;
        }
        const uint32_t t = x[at];
        x[at] = x[child];
        x[child] = t;
        at = child;
    }
}

/* Sorts and leaves each character once; returns how many. */
static int64_t
sort_distinct(uint32_t *x, int64_t count) {
    int64_t kept = 0;
    for (int64_t i = count / 2 - 1; i >= 0; i--) {
        sift(x, i, count);
    }
    for (int64_t end = count - 1; end > 0; end--) {
        const uint32_t t = x[0];
        x[0] = x[end];
        x[end] = t;
        sift(x, 0, end);
    }
    for (int64_t i = 0; i < count; i++) {
        if (kept == 0 || x[kept - 1] != x[i]) {
            x[kept++] = x[i];
        }
    }
    return kept;
}

status
fn_jaccard(fn_call *c) {
    double *z = c->values;
    pair    p = {.call = c, .mem = c->scratch->mem};
    status  s = OK;
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        s = pair_read(&p, i);
        if (s == OK && (p.count[0] == 0 || p.count[1] == 0)) {
            s = error_set(c->err, ERR_QUERY_FAILED, "jaccard: a text is empty");
        }
        if (s != OK) {
            break;
        }
        const int64_t n = sort_distinct(p.chars[0], p.count[0]);
        const int64_t m = sort_distinct(p.chars[1], p.count[1]);
        int64_t       common = 0;
        for (int64_t a = 0, b = 0; a < n && b < m;) {
            const uint32_t x = p.chars[0][a];
            const uint32_t y = p.chars[1][b];
            common += x == y;
            a += x <= y;
            b += y <= x;
        }
        z[i] = (double)common / (double)(n + m - common);
    }
    pair_fini(&p);
    return s;
}
