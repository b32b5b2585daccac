/* SPDX-License-Identifier: Apache-2.0 */
/* circuit.h - builds a circuit of operators by hand for tests: rows as small integers, histories
 * with retractions cut into random batches and ticks, and a sink that integrates what comes out.
 *
 * A test row is a handful of integers or NULLs. How an integer looks as a value depends on the
 * column's type: BIGINT itself, VARCHAR a short or long text, DOUBLE a half, BOOLEAN its parity. A
 * Z-set maps the printed form of a row to its weight. */
#ifndef LAMINAR_TESTS_OP_CIRCUIT_H
#define LAMINAR_TESTS_OP_CIRCUIT_H

#include "unit.h"

#include "base/hash.h"
#include "op/op.h"

#define ROW_COLUMNS 5
#define NONE INT64_MIN /* NULL in a test row */

typedef struct test_row {
    int64_t v[ROW_COLUMNS];
} test_row;

typedef struct test_rows { /* a multiset as a list; weights may be anything */
    int32_t  count;
    test_row rows[4096];
    int64_t  weight[4096];
} test_rows;

/* ---- Z-sets of printed rows */
#define ZSET_SIZE 16384
#define ZSET_KEY 160

typedef struct zset {
    int32_t count;
    bool    used[ZSET_SIZE];
    char    key[ZSET_SIZE][ZSET_KEY];
    int64_t weight[ZSET_SIZE];
} zset;

static inline void
zset_clear(zset *z) {
    z->count = 0;
    memset(z->used, 0, sizeof(z->used));
}

static inline int64_t *
zset_at(zset *z, const char *key) {
    uint64_t at = hash_bytes(key, strlen(key)) % ZSET_SIZE;
    while (z->used[at] && strcmp(z->key[at], key) != 0) {
        at = (at + 1) % ZSET_SIZE;
    }
    if (!z->used[at]) {
        CHECK(z->count < ZSET_SIZE / 2);
        z->used[at] = true;
        z->count++;
        CHECK(strlen(key) < ZSET_KEY);
        memcpy(z->key[at], key, strlen(key) + 1);
        z->weight[at] = 0;
    }
    return &z->weight[at];
}

static inline void
zset_add(zset *z, const char *key, int64_t weight) {
    *zset_at(z, key) += weight;
}

/* Fails with the rows that differ. */
static inline void
zset_check_equal(zset *actual, zset *expected, const char *what) {
    int32_t differences = 0;
    for (int32_t side = 0; side < 2; side++) {
        zset *z = side == 0 ? actual : expected;
        for (int32_t i = 0; i < ZSET_SIZE; i++) {
            if (!z->used[i] || z->weight[i] == 0) {
                continue;
            }
            const int64_t a = *zset_at(actual, z->key[i]);
            const int64_t e = *zset_at(expected, z->key[i]);
            if (a != e && (side == 0 || a == 0) && differences++ < 10) {
                print_error("%s: row %s has weight %lld, should have %lld\n", what, z->key[i],
                            (long long)a, (long long)e);
            }
        }
    }
    CHECK_EQ(differences, 0);
}

/* ---- values */
static inline void
print_cell(char *out, size_t size, type_id type, int64_t v) {
    if (v == NONE) {
        snprintf(out, size, "|NULL");
    } else if (type == TYPE_TEXT) {
        snprintf(out, size, v % 2 == 0 ? "|k%lld" : "|a text too long for a view %lld",
                 (long long)v);
    } else if (type == TYPE_F64) {
        snprintf(out, size, "|%.1f", (double)v * 0.5);
    } else {
        snprintf(out, size, "|%lld", (long long)(type == TYPE_BOOL ? v & 1 : v));
    }
}

static inline void
print_value(char *out, size_t size, const value *v) {
    if (v->is_null) {
        snprintf(out, size, "|NULL");
    } else if (v->type.id == TYPE_TEXT) {
        snprintf(out, size, "|%.*s", TEXT_ARG(v->s));
    } else if (v->type.id == TYPE_F64) {
        snprintf(out, size, v->d * 2 == (double)(int64_t)(v->d * 2) ? "|%.1f" : "|%.9g", v->d);
    } else {
        snprintf(out, size, "|%lld", (long long)(v->type.id == TYPE_BOOL ? v->b : v->i));
    }
}

static inline void
print_row(char out[ZSET_KEY], const schema *s, const test_row *row) {
    out[0] = 0;
    for (int32_t i = 0; i < s->count; i++) {
        const size_t used = strlen(out);
        print_cell(out + used, ZSET_KEY - used, (type_id)s->fields[i].type.id, row->v[i]);
    }
}

/* ---- circuits */
typedef struct circuit {
    mem     mem_own;
    mem    *mem;
    arena   arena, scratch, tick_arena;
    op_env  env;
    op     *ops[16];
    int32_t op_count;
    op_spec sink_spec, snapshot_spec;
    zset   *out;      /* integrated output */
    zset   *snapshot; /* filled by circuit_snapshot */
    int64_t taken;    /* rows that came out */
    int64_t snapshot_negative;
    op     *sink, *snapshot_sink;
} circuit;

static inline void
take_into(zset *z, const delta *rows) {
    for (int32_t i = 0; z != NULL && i < rows->row_count; i++) {
        char key[ZSET_KEY] = "";
        for (int32_t c = 0; c < rows->column_count; c++) {
            const size_t used = strlen(key);
            const value  v = column_value(&rows->columns[c], i);
            print_value(key + used, ZSET_KEY - used, &v);
        }
        zset_add(z, key, rows->weight == NULL ? 1 : rows->weight[i]);
    }
}

static inline status
circuit_take(void *context, const delta *rows, error *err) {
    circuit *c = context;
    (void)err;
    CHECK(rows->row_count >= 1 && rows->row_count <= BATCH_ROWS);
    c->taken += rows->row_count;
    take_into(c->out, rows);
    return OK;
}

static inline status
circuit_take_snapshot(void *context, const delta *rows, error *err) {
    circuit *c = context;
    (void)err;
    for (int32_t i = 0; rows->weight != NULL && i < rows->row_count; i++) {
        c->snapshot_negative += rows->weight[i] <= 0;
    }
    take_into(c->snapshot, rows);
    return OK;
}

/* m NULL: an account of its own. After a failure circuit_close still cleans up. */
static inline status
circuit_open(circuit *c, mem *m, zset *out, zset *snapshot, error *err) {
    memset(c, 0, sizeof(*c));
    mem_init(&c->mem_own, INT64_MAX);
    c->mem = m == NULL ? &c->mem_own : m;
    arena_init(&c->arena, c->mem);
    arena_init(&c->scratch, c->mem);
    arena_init(&c->tick_arena, c->mem);
    c->out = out;
    c->snapshot = snapshot;
    c->env = (op_env){
        .mem = c->mem, .arena = &c->arena, .scratch = &c->scratch, .tick_arena = &c->tick_arena};
    TRY(store_open(&c->env.store, c->mem, err));
    c->sink_spec.sink = (op_sink){.context = c, .take = circuit_take};
    c->snapshot_spec.sink = (op_sink){.context = c, .take = circuit_take_snapshot};
    TRY(op_open(&c->sink, &op_collect_class, &c->env, &c->sink_spec, err));
    return op_open(&c->snapshot_sink, &op_collect_class, &c->env, &c->snapshot_spec, err);
}

static inline void
circuit_close(circuit *c) {
    for (int32_t i = 0; i < c->op_count; i++) {
        op_close(c->ops[i]);
    }
    if (c->env.store != NULL) {
        store_close(c->env.store);
    }
    arena_fini(&c->tick_arena);
    arena_fini(&c->scratch);
    arena_fini(&c->arena);
    if (c->mem == &c->mem_own) {
        CHECK_EQ(mem_fini(&c->mem_own), 0);
    }
}

/* Operators are ticked in the order in which they were added. */
static inline status
circuit_add(circuit *c, op **out, const op_class *class, const op_spec *spec, error *err) {
    TRY(op_open(out, class, &c->env, spec, err));
    c->ops[c->op_count++] = *out;
    return OK;
}

/* `last` feeds the sink. */
static inline status
circuit_finish(circuit *c, op *last, error *err) {
    return op_connect(last, c->sink, 0, err);
}

static inline status
circuit_tick(circuit *c, int64_t frontier_us, error *err) {
    for (int32_t i = 0; i < c->op_count; i++) {
        TRY(op_tick(c->ops[i], frontier_us, err));
        arena_reset(&c->scratch);
        if (c->ops[i]->class->validate != NULL) {
            TRY(c->ops[i]->class->validate(c->ops[i], err));
        }
    }
    TRY(op_tick(c->sink, frontier_us, err));
    arena_reset(&c->tick_arena);
    return OK;
}

static inline status
circuit_snapshot(circuit *c, op *from, error *err) {
    zset_clear(c->snapshot);
    TRY(from->class->snapshot(from, c->snapshot_sink, 0, err));
    CHECK_EQ(c->snapshot_negative, 0);
    arena_reset(&c->scratch);
    return OK;
}

/* ---- making deltas */
static inline schema *
circuit_schema(circuit *c, int32_t count, const type_id *types) {
    schema *s = arena_alloc(&c->arena, sizeof(*s));
    field  *fields = arena_alloc(&c->arena, (size_t)count * sizeof(*fields));
    if (s == NULL || fields == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < count; i++) {
        fields[i] = (field){.name = TEXT("c"), .type = type_of(types[i]), .nullable = true};
    }
    *s = (schema){count, fields};
    return s;
}

static inline status
make_column(circuit *c, column *out, type_id type, int32_t at, const test_row *rows, int32_t count,
            error *err) {
    arena       *a = &c->scratch;
    const size_t width = type_width(type_of(type));
    uint8_t     *values = arena_alloc_zero(a, (size_t)count * width);
    uint64_t    *validity = arena_alloc_zero(a, (size_t)bits_words(count) * 8);
    bool         nulls = false;
    if (values == NULL || validity == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        const int64_t v = rows[i].v[at];
        bits_put(validity, i, v != NONE);
        nulls |= v == NONE;
        if (v == NONE) {
            continue;
        }
        if (type == TYPE_TEXT) {
            char text_form[ZSET_KEY];
            print_cell(text_form, sizeof(text_form), type, v);
            const text copy = arena_text(a, text_of(text_form + 1));
            if (copy.data == NULL) {
                return error_memory(err);
            }
            ((strview *)(void *)values)[i] = strview_of(copy.data, (uint32_t)copy.size);
        } else if (type == TYPE_F64) {
            ((double *)(void *)values)[i] = (double)v * 0.5;
        } else if (type == TYPE_BOOL) {
            values[i] = (uint8_t)(v & 1);
        } else {
            ((int64_t *)(void *)values)[i] = v;
        }
    }
    *out = (column){.type = type_of(type), .validity = nulls ? validity : NULL, .values = values};
    return OK;
}

/* Pushes rows as one delta. weight NULL: all +1. */
static inline status
circuit_push(circuit *c, op *to, int32_t port, const schema *s, const test_row *rows,
             const int64_t *weight, int32_t count, error *err) {
    column columns[ROW_COLUMNS];
    if (count == 0) {
        return OK;
    }
    for (int32_t i = 0; i < s->count; i++) {
        TRY(make_column(c, &columns[i], (type_id)s->fields[i].type.id, i, rows, count, err));
    }
    const delta in = {
        .row_count = count, .column_count = s->count, .columns = columns, .weight = weight};
    const status pushed = op_push(to, port, &in, err);
    arena_reset(&c->scratch);
    return pushed;
}

/* ---- random histories */
static inline void
rows_add(test_rows *r, const test_row *row, int64_t weight) {
    for (int32_t i = 0; i < r->count; i++) {
        if (memcmp(&r->rows[i], row, sizeof(*row)) == 0) {
            r->weight[i] += weight;
            if (r->weight[i] == 0) {
                r->count--;
                r->rows[i] = r->rows[r->count];
                r->weight[i] = r->weight[r->count];
            }
            return;
        }
    }
    CHECK(r->count < 4096);
    r->rows[r->count] = *row;
    r->weight[r->count++] = weight;
}

/* A random row; column i has values 0 .. range[i] - 1, one in `null_one_in` is NULL (0: none). */
static inline test_row
random_row(rng *r, int32_t columns, const int64_t *range, uint64_t null_one_in) {
    test_row row = {{0}};
    for (int32_t i = 0; i < columns; i++) {
        row.v[i] = (int64_t)rng_below(r, (uint64_t)range[i]);
        if (null_one_in > 0 && rng_below(r, null_one_in) == 0) {
            row.v[i] = NONE;
        }
    }
    return row;
}

/* A batch of insertions and, unless append_only, retractions of rows in `live`; updates that. */
static inline int32_t
random_batch(rng *r, test_rows *live, int32_t columns, const int64_t *range, uint64_t null_one_in,
             bool append_only, int32_t rows_max, test_row *rows, int64_t *weight) {
    const int32_t count = 1 + (int32_t)rng_below(r, (uint64_t)rows_max);
    for (int32_t i = 0; i < count; i++) {
        if (!append_only && live->count > 0 && rng_below(r, 100) < 48) {
            const int32_t pick = (int32_t)rng_below(r, (uint64_t)live->count);
            rows[i] = live->rows[pick];
            weight[i] = -1 - (int64_t)rng_below(r, (uint64_t)min_i64(2, live->weight[pick]));
        } else {
            rows[i] = random_row(r, columns, range, null_one_in);
            weight[i] = append_only ? 1 : 1 + (int64_t)rng_below(r, 2);
        }
        rows_add(live, &rows[i], weight[i]);
    }
    return count;
}

/* Changes of one tick, pushed in another order: retractions may come before what they retract. */
typedef struct tick_rows {
    int32_t  count;
    test_row rows[4096];
    int64_t  weight[4096];
} tick_rows;

static inline void
tick_rows_add(tick_rows *t, const test_row *rows, const int64_t *weight, int32_t count) {
    CHECK(t->count + count <= 4096);
    for (int32_t i = 0; i < count; i++) {
        t->rows[t->count] = rows[i];
        t->weight[t->count++] = weight[i];
    }
}

static inline status
tick_rows_push(tick_rows *t, rng *r, circuit *c, op *to, int32_t port, const schema *s,
               error *err) {
    for (int32_t i = t->count - 1; i > 0; i--) {
        const int32_t  other = (int32_t)rng_below(r, (uint64_t)i + 1);
        const test_row row = t->rows[i];
        const int64_t  weight = t->weight[i];
        t->rows[i] = t->rows[other];
        t->weight[i] = t->weight[other];
        t->rows[other] = row;
        t->weight[other] = weight;
    }
    for (int32_t i = 0; i < t->count;) {
        const int32_t n = (int32_t)min_i64(t->count - i, 1 + (int64_t)rng_below(r, 30));
        TRY(circuit_push(c, to, port, s, t->rows + i, t->weight + i, n, err));
        i += n;
    }
    t->count = 0;
    return OK;
}

#endif
