/* SPDX-License-Identifier: Apache-2.0 */
/* kernels.c - the instructions of kernels, structures of state, encodings and functions over fixed
 * columns: `make instructions` compares them with tests/instructions.toml. See gate.h.
 *
 * Each is run once before it counts, so that memory is there and tables have their size, then
 * ROUNDS times. */
#include "gate.h"

#include "base/rng.h"
#include "expr/expr.h"
#include "kernel/kernel.h"
#include "regex/regex.h"
#include "sql/parser.h"
#include "state/arrangement.h"
#include "state/group_table.h"
#include "store/packed.h"

enum { ROWS = BATCH_ROWS, ROUNDS = 20, GROUPS = 500 };

/* ---- what they work on: columns of one batch */
enum {
    SMALL,     /* BIGINT below GROUPS */
    ANY,       /* BIGINT */
    HOLES,     /* BIGINT, every fifth or so NULL */
    PRICE,     /* DOUBLE with two digits */
    NAME,      /* VARCHAR of up to 12 bytes, GROUPS of them */
    URL,       /* VARCHAR of about 45 bytes */
    DIGITS,    /* VARCHAR that is a number */
    WHEN,      /* TIMESTAMP */
    WHEN_TEXT, /* VARCHAR that is one */
    FLAG,      /* BOOLEAN */
    COLUMNS
};

static column   columns[COLUMNS];
static int64_t  numbers[4][ROWS]; /* SMALL, ANY, HOLES, WHEN */
static double   prices[ROWS];
static strview  texts[4][ROWS]; /* NAME, URL, DIGITS, WHEN_TEXT */
static char     bytes[4][ROWS][64];
static uint8_t  flags[ROWS];
static uint64_t valid[ROWS / 64];
static int32_t  shuffled[ROWS];
static int64_t  weights[ROWS];

static mem         memory;
static arena       lasting, scratch;
static store      *state;
static group_table by_number, by_text;
static arrangement joined;
static buf         packed_numbers, packed_texts, packing;
static regex      *pattern;
static program    *compiled;
static column      computed;
static uint64_t    hashes[ROWS];
static slot        slots[ROWS];
static int32_t     picked[ROWS];
static uint8_t     same[ROWS];
static uint64_t    answer; /* of what is one number */

static void
make_text(int32_t which, int32_t row, const char *format, uint64_t number) {
    char     *at = bytes[which][row];
    const int size = snprintf(at, sizeof(bytes[0][0]), format, (unsigned long long)number);
    texts[which][row] = strview_of(at, (uint32_t)size);
}

static void
make_rows(void) {
    rng r;
    rng_init(&r, 7);
    for (int32_t i = 0; i < ROWS; i++) {
        numbers[0][i] = (int64_t)rng_below(&r, GROUPS);
        numbers[1][i] = (int64_t)rng_next(&r) >> 8;
        numbers[2][i] = (int64_t)rng_below(&r, 100000);
        numbers[3][i] = INT64_C(1700000000000000) + i * INT64_C(137000001);
        prices[i] = (double)rng_below(&r, 10000000) / 100;
        flags[i] = rng_below(&r, 3) == 0;
        weights[i] = i % 7 == 0 ? -1 : 1;
        shuffled[i] = i;
        make_text(0, i, "name %llu", (uint64_t)numbers[0][i]);
        make_text(1, i, "https://www.nexmark.com/item.htm?query=%llu", rng_below(&r, 1000000));
        make_text(2, i, "%llu", rng_below(&r, 100000000));
        make_text(3, i, "2024-03-05 12:34:56.%06llu", rng_below(&r, 1000000));
        if (rng_below(&r, 5) != 0) {
            valid[i >> 6] |= UINT64_C(1) << (i & 63);
        }
    }
    for (int32_t i = ROWS - 1; i > 0; i--) {
        const int32_t k = (int32_t)rng_below(&r, (uint64_t)i + 1);
        const int32_t kept = shuffled[i];
        shuffled[i] = shuffled[k];
        shuffled[k] = kept;
    }
    columns[SMALL] = (column){.type = type_of(TYPE_I64), .values = numbers[0]};
    columns[ANY] = (column){.type = type_of(TYPE_I64), .values = numbers[1]};
    columns[HOLES] = (column){.type = type_of(TYPE_I64), .values = numbers[2], .validity = valid};
    columns[PRICE] = (column){.type = type_of(TYPE_F64), .values = prices};
    columns[NAME] = (column){.type = type_of(TYPE_TEXT), .values = texts[0]};
    columns[URL] = (column){.type = type_of(TYPE_TEXT), .values = texts[1]};
    columns[DIGITS] = (column){.type = type_of(TYPE_TEXT), .values = texts[2]};
    columns[WHEN] = (column){.type = type_of(TYPE_TIMESTAMP), .values = numbers[3]};
    columns[WHEN_TEXT] = (column){.type = type_of(TYPE_TEXT), .values = texts[3]};
    columns[FLAG] = (column){.type = type_of(TYPE_BOOL), .values = flags};
}

static status
make_state(error *err) {
    const data_type types[] = {type_of(TYPE_I64), type_of(TYPE_TEXT)};
    const int32_t   key = 0;
    const delta     two = {.row_count = ROWS, .column_count = 2, .columns = columns};
    const delta     url = {.row_count = ROWS, .column_count = 1, .columns = &columns[URL]};
    const data_type numeric[] = {type_of(TYPE_I64), type_of(TYPE_I64)};
    TRY(store_open(&state, &memory, err));
    TRY(group_table_open(&by_number, state, "numbers", types, 1, err));
    TRY(group_table_open(&by_text, state, "texts", types + 1, 1, err));
    TRY(arrangement_open(&joined, state, "rows", numeric, 2, &key, 1, false, err));
    TRY(arrangement_update(&joined, &two, NULL, &scratch, err));
    buf_init(&packed_numbers, &memory, SIZE_MAX);
    buf_init(&packed_texts, &memory, SIZE_MAX);
    buf_init(&packing, &memory, SIZE_MAX);
    TRY(packed_put(&packed_numbers, &two, 1, err));
    TRY(packed_put(&packed_texts, &url, 1, err));
    return regex_compile(&pattern, &lasting, TEXT("query=[0-9]*7[0-9]+$"), 0, -1, err);
}

/* ---- kernels */

static status
hash_number(error *err UNUSED) {
    hash_columns(hashes, &columns[ANY], 1, ROWS);
    return OK;
}

static status
hash_text(error *err UNUSED) {
    hash_columns(hashes, &columns[URL], 1, ROWS);
    return OK;
}

static status
hash_several(error *err UNUSED) {
    const column both[] = {columns[HOLES], columns[NAME]};
    hash_columns(hashes, both, 2, ROWS);
    return OK;
}

static status
equal_numbers(error *err UNUSED) {
    memset(same, 1, sizeof(same));
    equal_rows(same, &columns[SMALL], NULL, &columns[SMALL], shuffled, ROWS);
    return OK;
}

static status
equal_texts(error *err UNUSED) {
    memset(same, 1, sizeof(same));
    equal_rows(same, &columns[URL], NULL, &columns[URL], NULL, ROWS);
    return OK;
}

static status
choose(error *err UNUSED) {
    answer = (uint64_t)select_true(picked, &columns[FLAG], ROWS);
    return OK;
}

static status
sort_number(error *err) {
    const sort_key key = {.column = ANY};
    return sort_rows(picked, columns, ROWS, &key, 1, &scratch, err);
}

static status
sort_text(error *err) {
    const sort_key key = {.column = URL, .descending = true};
    return sort_rows(picked, columns, ROWS, &key, 1, &scratch, err);
}

static status
sort_several(error *err) {
    const sort_key keys[] = {{.column = HOLES, .nulls_first = true},
                             {.column = PRICE, .descending = true}};
    return sort_rows(picked, columns, ROWS, keys, 2, &scratch, err);
}

static status
least_and_most(error *err UNUSED) {
    int64_t min = 0, max = 0;
    answer = minmax_i64(&columns[HOLES], ROWS, &min, &max) ? (uint64_t)(max - min) : 0;
    return OK;
}

static status
count_values(error *err UNUSED) {
    answer = (uint64_t)count_valid(&columns[HOLES], ROWS);
    return OK;
}

static status
gather_number(error *err) {
    return column_gather(&computed, &columns[HOLES], shuffled, ROWS, &scratch, err);
}

static status
gather_text(error *err) {
    return column_gather(&computed, &columns[URL], shuffled, ROWS, &scratch, err);
}

static status
cast_to(int32_t from, data_type to, error *err) {
    return cast_column(&computed, &columns[from], ROWS, to, false, &scratch, NULL, err);
}

static status
number_to_text(error *err) {
    return cast_to(ANY, type_of(TYPE_TEXT), err);
}

static status
text_to_number(error *err) {
    return cast_to(DIGITS, type_of(TYPE_I64), err);
}

static status
text_to_timestamp(error *err) {
    return cast_to(WHEN_TEXT, type_of(TYPE_TIMESTAMP), err);
}

static status
double_to_decimal(error *err) {
    return cast_to(PRICE, type_decimal(12, 2), err);
}

static status
number_to_small(error *err) {
    return cast_to(SMALL, type_of(TYPE_I32), err);
}

static status
checksum(error *err UNUSED) {
    answer = crc32c(0, numbers, sizeof(numbers));
    return OK;
}

static status
utf8_plain(error *err UNUSED) {
    answer = (uint64_t)utf8_fault(bytes[1][0], (int64_t)sizeof(bytes[1]));
    return OK;
}

static status
utf8_greek(error *err UNUSED) {
    static char greek[1 << 15];
    if (greek[0] == 0) {
        for (size_t i = 0; i + 2 <= sizeof(greek); i += 2) {
            memcpy(greek + i, "\xCE\xBA", 2);
        }
    }
    answer = (uint64_t)utf8_fault(greek, (int64_t)sizeof(greek));
    return OK;
}

static status
group_numbers(error *err) {
    return group_table_map(&by_number, &columns[SMALL], ROWS, slots, NULL, &scratch, err);
}

static status
group_texts(error *err) {
    return group_table_map(&by_text, &columns[NAME], ROWS, slots, NULL, &scratch, err);
}

static status
find_unknown(error *err) {
    return group_table_find(&by_number, &columns[ANY], ROWS, slots, &scratch, err);
}

static status
arrange(error *err) { /* there and gone again */
    static int64_t back[ROWS];
    const column   two[] = {columns[SMALL], columns[HOLES]};
    delta          rows = {.row_count = ROWS, .column_count = 2, .columns = two};
    for (int32_t i = 0; i < ROWS; i++) {
        back[i] = -1;
    }
    TRY(arrangement_update(&joined, &rows, slots, &scratch, err));
    rows.weight = back;
    return arrangement_update(&joined, &rows, slots, &scratch, err);
}

static status
join_pairs(error *err) {
    probe_cursor at = {.key_slots = slots};
    uint64_t     pairs = 0;
    TRY(arrangement_find(&joined, &columns[SMALL], ROWS, slots, &scratch, err));
    for (;;) {
        static slot   stored[ROWS];
        const int32_t n = arrangement_pairs(&joined, &at, ROWS, picked, stored, ROWS);
        if (n == 0) {
            break;
        }
        pairs += (uint64_t)n;
    }
    answer = pairs;
    return OK;
}

static status
consolidate(error *err) {
    const column two[] = {columns[SMALL], columns[FLAG]};
    const delta  rows = {.row_count = ROWS, .column_count = 2, .columns = two, .weight = weights};
    delta        out;
    TRY(delta_consolidate(&out, &rows, &scratch, err));
    answer = (uint64_t)out.row_count;
    return OK;
}

static status
pack_numbers(error *err) {
    const delta two = {.row_count = ROWS, .column_count = 2, .columns = columns};
    buf_clear(&packing);
    return packed_put(&packing, &two, 1, err);
}

static status
pack_texts(error *err) {
    const delta url = {.row_count = ROWS, .column_count = 1, .columns = &columns[URL]};
    buf_clear(&packing);
    return packed_put(&packing, &url, 1, err);
}

static status
unpack(const buf *from, error *err) {
    batch *b = NULL;
    TRY(packed_batch(&b, &memory, buf_text(from), (packed_place){.salt = 1}, err));
    answer = (uint64_t)b->rows.row_count;
    batch_release(b);
    return OK;
}

static status
unpack_numbers(error *err) {
    return unpack(&packed_numbers, err);
}

static status
unpack_texts(error *err) {
    return unpack(&packed_texts, err);
}

static status
match_pattern(error *err UNUSED) {
    answer = 0;
    for (int32_t i = 0; i < ROWS; i++) {
        answer += regex_matches(pattern, strview_text(&texts[1][i]));
    }
    return OK;
}

static status
parse(error *err) {
    ast_script script;
    for (int32_t i = 0; i < 20; i++) {
        TRY(sql_parse(&script, &scratch,
                      TEXT("SELECT g, count(*) AS n, sum(CASE WHEN v > 3.5 THEN q ELSE -q END) "
                           "FROM t JOIN r USING (k) WHERE name LIKE 'a%' AND t.id IN (1, 2, 3) "
                           "GROUP BY g HAVING count(*) > 1 ORDER BY n DESC LIMIT 10"),
                      err));
    }
    answer = (uint64_t)script.count;
    return OK;
}

/* ---- functions, as programs run them */

static expr *
of(int32_t number) {
    return expr_column(&lasting, number, columns[number].type, 0);
}

static expr *
text_constant(const char *s) {
    const value v = {.type = type_of(TYPE_TEXT), .s = text_of(s)};
    return expr_constant(&lasting, &v, 0);
}

static expr *
number_constant(int64_t i) {
    const value v = {.type = type_of(TYPE_I64), .i = i};
    return expr_constant(&lasting, &v, 0);
}

typedef struct call {
    const char *name, *function;
    int32_t     column, other; /* -1: a constant, of `text`, or else `number` */
    const char *text;
    int64_t     number;
} call;

static const call calls[] = {
    {"a + b, BIGINT", "+", SMALL, HOLES, NULL, 0},
    {"a * b, DOUBLE", "*", PRICE, PRICE, NULL, 0},
    {"a / 7, BIGINT", "//", ANY, -1, NULL, 7},
    {"a < 100, BIGINT", "<", SMALL, -1, NULL, 100},
    {"a = 'name 7'", "=", NAME, -1, "name 7", 0},
    {"a >= b, VARCHAR", ">=", URL, NAME, NULL, 0},
    {"LIKE '%item%7%'", "like", URL, -1, "%item%7%", 0},
    {"LIKE 'https%'", "like", URL, -1, "https%", 0},
    {"upper", "upper", URL, -2, NULL, 0},
    {"substring", "substring", URL, -1, NULL, 9},
    {"a || b", "||", NAME, DIGITS, NULL, 0},
    {"hour", "hour", WHEN, -2, NULL, 0},
};

static status
compile(const call *c, error *err) {
    static field fields[COLUMNS];
    const schema input = {.count = COLUMNS, .fields = fields};
    expr        *args[2] = {of(c->column), NULL};
    expr        *tree;
    if (c->other != -2) {
        args[1] = c->other >= 0     ? of(c->other)
                  : c->text != NULL ? text_constant(c->text)
                                    : number_constant(c->number);
    }
    for (int32_t i = 0; i < COLUMNS; i++) {
        fields[i] = (field){.name = TEXT("c"), .type = columns[i].type, .nullable = true};
    }
    TRY(expr_call(&tree, &lasting, text_of(c->function), args, c->other == -2 ? 1 : 2, 0, err));
    return program_compile(&compiled, &lasting, &tree, 1, &input, err);
}

static status
run_compiled(error *err) {
    const delta in = {.row_count = ROWS, .column_count = COLUMNS, .columns = columns};
    return program_run(compiled, &in, &computed, &scratch, err);
}

/* ---- all of them */

typedef struct kernel {
    const char *name;
    status (*run)(error *err);
    const void *out; /* NULL: the number `answer`; &computed: that column */
    size_t      size;
} kernel;

static const kernel kernels[] = {
    {"hash, BIGINT", hash_number, hashes, sizeof(hashes)},
    {"hash, VARCHAR", hash_text, hashes, sizeof(hashes)},
    {"hash, BIGINT with NULLs and VARCHAR", hash_several, hashes, sizeof(hashes)},
    {"equal rows, BIGINT", equal_numbers, same, sizeof(same)},
    {"equal rows, VARCHAR", equal_texts, same, sizeof(same)},
    {"select", choose, picked, 0},
    {"sort, BIGINT", sort_number, picked, sizeof(picked)},
    {"sort, VARCHAR descending", sort_text, picked, sizeof(picked)},
    {"sort, BIGINT with NULLs and DOUBLE", sort_several, picked, sizeof(picked)},
    {"min and max, BIGINT with NULLs", least_and_most, NULL, 0},
    {"count of values", count_values, NULL, 0},
    {"gather, BIGINT with NULLs", gather_number, &computed, 0},
    {"gather, VARCHAR", gather_text, &computed, 0},
    {"cast BIGINT to VARCHAR", number_to_text, &computed, 0},
    {"cast VARCHAR to BIGINT", text_to_number, &computed, 0},
    {"cast VARCHAR to TIMESTAMP", text_to_timestamp, &computed, 0},
    {"cast DOUBLE to DECIMAL", double_to_decimal, &computed, 0},
    {"cast BIGINT to INTEGER", number_to_small, &computed, 0},
    {"CRC-32C", checksum, NULL, 0},
    {"UTF-8, ASCII", utf8_plain, NULL, 0},
    {"UTF-8, Greek", utf8_greek, NULL, 0},
    {"groups of BIGINT", group_numbers, slots, sizeof(slots)},
    {"groups of VARCHAR", group_texts, slots, sizeof(slots)},
    {"find unknown groups", find_unknown, slots, sizeof(slots)},
    {"arrangement, update", arrange, NULL, 0},
    {"arrangement, pairs", join_pairs, NULL, 0},
    {"consolidate", consolidate, NULL, 0},
    {"pack BIGINT", pack_numbers, NULL, 0},
    {"pack VARCHAR", pack_texts, NULL, 0},
    {"unpack BIGINT", unpack_numbers, NULL, 0},
    {"unpack VARCHAR", unpack_texts, NULL, 0},
    {"regular expression", match_pattern, NULL, 0},
    {"parse SQL", parse, NULL, 0},
};

static uint64_t
digest_column(const column *c) {
    uint64_t digest = 1;
    for (int32_t i = 0; i < ROWS; i++) {
        const uint8_t null = column_is_null(c, i);
        digest = gate_digest(digest, &null, 1);
        if (!null && c->type.id == TYPE_TEXT) {
            const text t = strview_text((const strview *)c->values + i);
            digest = gate_digest(digest, t.data, t.size);
        } else if (!null) {
            const size_t width = type_width(c->type);
            digest = gate_digest(digest, (const char *)c->values + (size_t)i * width, width);
        }
    }
    return digest;
}

static status
count(const char *name, status (*run)(error *err), const void *out, size_t size, error *err) {
    answer = 0;
    TRY(run(err));
    arena_reset(&scratch);
    gate_begin();
    for (int32_t i = 0; i < ROUNDS; i++) {
        arena_reset(&scratch);
        TRY(run(err));
    }
    gate_pause();
    uint64_t digest = answer;
    if (out == &computed) {
        digest = digest_column(&computed);
    } else if (out != NULL) {
        digest = gate_digest(answer, out, size);
    }
    gate_end(name, digest);
    return OK;
}

static status
count_all(error *err) {
    make_rows();
    TRY(make_state(err));
    for (size_t i = 0; i < ARRAY_COUNT(kernels); i++) {
        const kernel *k = &kernels[i];
        TRY(count(k->name, k->run, k->out, k->size, err));
    }
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
        TRY(compile(&calls[i], err));
        TRY(count(calls[i].name, run_compiled, &computed, 0, err));
    }
    return OK;
}

int
main(void) {
    error err = {0};
    kernel_init();
    mem_init(&memory, INT64_MAX);
    arena_init(&lasting, &memory);
    arena_init(&scratch, &memory);
    fprintf(stderr, "%s\n", kernel_level());
    if (count_all(&err) < 0) {
        fprintf(stderr, "kernels: %s\n", err.message);
        return 1;
    }
    return 0;
}
