/* SPDX-License-Identifier: Apache-2.0 */
/* join_spill.c - a one-off join whose stored side has no room in memory: both sides go to disk,
 * dealt out by the hashes of their keys, and at the tick each part is a join of its own, which may
 * go to disk again. All rows of a key are in one part, so this holds for every kind of join.
 *
 * A part that cannot be divided (a key with too many rows, or a join without keys) is joined piece
 * by piece: as many stored rows as there is room for, and the whole probe side is read for each.
 * Where the matches of its rows count, they are written again with their count so far. */
#include "op/join.h"

status
join_to_disk(join *j, int32_t port, const delta *rows, error *err) {
    const int32_t count = j->base.spec->key_count;
    for (int32_t i = 0; i < count; i++) {
        j->keys[i] = rows->columns[j->key_columns[port][i]];
    }
    return spill_set_add(&j->spilled, port, rows, j->keys, count, err);
}

/* Nothing is stored. */
static status
renew(join *j, error *err) {
    join_table_close(j->table);
    return join_open_table(j, err);
}

status
join_spill(join *j, error *err) {
    arena           *scratch = j->base.env->scratch;
    const int32_t    side = j->base.spec->build_side;
    const arena_mark mark = arena_save(scratch);
    column          *columns = arena_alloc(scratch, sizeof(*columns) * (size_t)j->width[side]);
    if (columns == NULL) {
        return error_memory(err);
    }
    TRY(spill_set_begin(&j->spilled, err));
    for (int32_t first = 0; first < j->table->row_count; first += BATCH_ROWS) {
        const arena_mark inner = arena_save(scratch);
        delta            rows;
        join_table_slice(j->table, first, columns, &rows);
        TRY(join_to_disk(j, side, &rows, err));
        arena_rewind(scratch, inner);
    }
    arena_rewind(scratch, mark);
    return renew(j, err);
}

typedef struct join_side {
    join   *join;
    int32_t port;
} join_side;

/* The rows become those under way. */
static void
view_rows(join *j, int32_t port, delta *rows) {
    memcpy(j->views[port], rows->columns, sizeof(column) * (size_t)j->width[port]);
    rows->columns = j->views[port];
    rows->column_count = j->width[port];
}

static status
take_side(void *context, delta *rows, error *err) {
    const join_side *to = context;
    view_rows(to->join, to->port, rows);
    return join_take(to->join, to->port, rows, err);
}

static status
read_side(join *j, const spill_part *part, int32_t port, error *err) {
    join_side to = {.join = j, .port = port};
    return spill_part_read(&j->spilled, part, port, take_side, &to, err);
}

static status
join_part(join *j, const spill_part *part, error *err) {
    const int32_t side = j->base.spec->build_side;
    TRY(renew(j, err));
    spill_set_count(&j->spilled);
    TRY(read_side(j, part, side, err));
    const status s = read_side(j, part, !side, err);
    if (s != OK || j->spilled.open || !j->tracked[side]) {
        return s;
    }
    return join_match_finish(j, err);
}

/* ---- piece by piece */

typedef struct join_pieces {
    join             *join;
    const spill_part *part;
    int32_t           port;     /* that probes */
    bool              last;     /* no stored rows are left for another piece */
    schema            counted;  /* its rows with their matches so far */
    spill_file        files[2]; /* of these rows, in turn */
    spill_rows        rows[2];
    int32_t           at; /* the ones that hold them; -1: none yet, they have no matches */
} join_pieces;

/* Their matches go with the rows. */
static status
keep_counted(join_pieces *p, const delta *rows, int64_t *matched, error *err) {
    join   *j = p->join;
    column *columns =
        arena_alloc(j->base.env->scratch, sizeof(*columns) * (size_t)p->counted.count);
    if (columns == NULL) {
        return error_memory(err);
    }
    memcpy(columns, rows->columns, sizeof(column) * (size_t)rows->column_count);
    columns[rows->column_count] =
        (column){.type = type_of(TYPE_I64), .layout = COLUMN_FLAT, .values = matched};
    delta counted = *rows;
    counted.columns = columns;
    counted.column_count = p->counted.count;
    return spill_rows_add(&p->rows[p->at != 0 ? 0 : 1], &counted, err);
}

static status
probe_piece(void *context, delta *rows, error *err) {
    join_pieces   *p = context;
    join          *j = p->join;
    const size_t   count = (size_t)rows->row_count;
    const int64_t *before = p->at < 0 ? NULL : rows->columns[j->width[p->port]].values;
    int64_t       *matched = arena_alloc_zero(j->base.env->scratch, sizeof(*matched) * count);
    if (matched == NULL) {
        return error_memory(err);
    }
    if (before != NULL) {
        memcpy(matched, before, sizeof(*matched) * count);
    }
    view_rows(j, p->port, rows);
    const status s = join_probe(j, p->port, rows, matched, err);
    if (s != OK || !j->tracked[p->port]) {
        return s;
    }
    return p->last ? join_answer(j, p->port, rows, matched, err)
                   : keep_counted(p, rows, matched, err);
}

static void
drop_counted(join_pieces *p, int32_t at) {
    spill_rows_fini(&p->rows[at]);
    spill_file_close(&p->files[at]);
}

/* All rows of the probe side against the stored ones. */
static status
probe_all(join_pieces *p, error *err) {
    join             *j = p->join;
    const bool        first = p->at < 0;
    const spill_rows *from = first ? &p->part->sides[p->port] : &p->rows[p->at];
    const int32_t     to = p->at != 0 ? 0 : 1;
    const bool        keeps = j->tracked[p->port] && !p->last;
    if (keeps) {
        spill_rows_init(&p->rows[to], &p->files[to]);
    }
    const schema *rows = first ? j->base.spec->input[p->port] : &p->counted;
    const status  s = spill_rows_read(from, rows, probe_piece, p, err);
    if (s != OK || !keeps) {
        return s;
    }
    TRY(spill_rows_end(&p->rows[to], err));
    drop_counted(p, !to);
    p->at = to;
    return OK;
}

/* As many rows as there is room for, from *rows on, which become those that are next. */
static status
store_piece(join *j, spill_reader *from, delta *rows, error *err) {
    arena        *scratch = j->base.env->scratch;
    const int32_t side = j->base.spec->build_side;
    TRY(renew(j, err));
    const int64_t base = spill_bytes_used(j->base.env);
    while (rows->row_count > 0 && !spill_wanted(j->base.env, base, join_index_bytes(j))) {
        const arena_mark mark = arena_save(scratch);
        view_rows(j, side, rows);
        TRY(join_table_add(j->table, rows, err));
        arena_rewind(scratch, mark);
        TRY(spill_reader_next(from, rows, err));
    }
    return OK;
}

static status
run_pieces(join_pieces *p, spill_reader *stored, error *err) {
    join         *j = p->join;
    const int32_t side = j->base.spec->build_side;
    delta         rows;
    TRY(spill_reader_next(stored, &rows, err));
    while (!p->last) {
        TRY(store_piece(j, stored, &rows, err));
        p->last = rows.row_count == 0;
        status s = probe_all(p, err);
        s = s == OK && j->tracked[side] ? join_match_finish(j, err) : s;
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

/* The columns of the probe side, and behind them a count. */
static status
counted_schema(join_pieces *p, error *err) {
    const schema *rows = p->join->base.spec->input[p->port];
    const size_t  count = (size_t)rows->count;
    field *fields = arena_alloc_zero(p->join->base.env->scratch, sizeof(*fields) * (count + 1));
    if (fields == NULL) {
        return error_memory(err);
    }
    memcpy(fields, rows->fields, sizeof(*fields) * count);
    fields[count].type = type_of(TYPE_I64);
    p->counted = (schema){.count = rows->count + 1, .fields = fields};
    return OK;
}

static status
join_pieces_of(join *j, const spill_part *part, error *err) {
    const int32_t    side = j->base.spec->build_side;
    arena           *scratch = j->base.env->scratch;
    const arena_mark mark = arena_save(scratch);
    spill_reader     stored = {.from = NULL};
    join_pieces      p = {.join = j,
                          .part = part,
                          .port = !side,
                          .files = {{.owner = &j->base}, {.owner = &j->base}},
                          .at = -1};
    status           s = counted_schema(&p, err);
    s = s < 0 ? s
              : spill_reader_open(&stored, &part->sides[side], j->base.spec->input[side], scratch,
                                  err);
    s = s < 0 ? s : run_pieces(&p, &stored, err);
    spill_reader_close(&stored);
    drop_counted(&p, 0);
    drop_counted(&p, 1);
    arena_rewind(scratch, mark);
    return s;
}

status
join_spilled(join *j, error *err) {
    status s = OK;
    while (s == OK) {
        spill_part *part;
        TRY(spill_set_next(&j->spilled, &part, err));
        if (part == NULL) {
            return OK;
        }
        const bool whole = j->base.spec->key_count == 0 || part->level + 1 >= SPILL_LEVEL_MAX;
        s = whole ? join_pieces_of(j, part, err) : join_part(j, part, err);
        spill_part_free(&j->spilled, part);
    }
    return s < 0 ? s : OK;
}
