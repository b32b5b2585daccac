/* SPDX-License-Identifier: Apache-2.0 */
/* playback.c - the retained rows of a source again, in the order of their times: event time where
 * the source has it, else when they came. Rows of one time come in the order in which they came.
 *
 * A snapshot and a list of runs: rows that follow one another and share a time. It is made when the
 * first row is asked for; the rows stay where they are until it is their turn. */
#include "exec/playback.h"

#include <stdlib.h>

#include "exec/engine_internal.h"
#include "op/rows.h"

typedef struct run {
    int64_t us, position, count;
} run;

struct playback {
    mem            *mem;
    arena           arena; /* of the schema's copy and room for columns */
    schema         *schema;
    table_snapshot *snapshot;
    int64_t         start_us, end_us;
    int32_t         time_column; /* -1: ingestion time */
    bool            listed;
    run            *runs;
    int64_t         count, capacity, next;
    column         *columns;
};

static status
add_run(playback *p, int64_t us, int64_t position, int64_t count, error *err) {
    run *last = p->count == 0 ? NULL : &p->runs[p->count - 1];
    if (us < p->start_us || us >= p->end_us || count <= 0) {
        return OK;
    }
    if (last != NULL && last->us == us && last->position + last->count == position) {
        last->count += count;
        return OK;
    }
    if (p->count == p->capacity) {
        const int64_t capacity = p->capacity == 0 ? 64 : 2 * p->capacity;
        run          *more = mem_resize(p->mem, p->runs, sizeof(run) * (size_t)p->capacity,
                                        sizeof(run) * (size_t)capacity);
        if (more == NULL) {
            return error_memory(err);
        }
        p->runs = more;
        p->capacity = capacity;
    }
    p->runs[p->count++] = (run){.us = us, .position = position, .count = count};
    return OK;
}

/* The inserts of the range; with the token, as the index grows and moves. */
static status
list_inserts(playback *p, const source *s, int64_t end, error *err) {
    const table *t = s->table;
    for (int64_t i = 0; i < table_entry_count(t); i++) {
        const insert_entry *e = table_entry(t, i);
        const int64_t       first = max_i64(e->position, table_first(t));
        const int64_t       last = min_i64(e->position + e->row_count, end);
        TRY(add_run(p, e->ingested_us, first, last - first, err));
    }
    p->listed = true;
    return OK;
}

status
playback_open(playback **out, source *s, bool committed, int64_t start_us, int64_t end_us,
              error *err) {
    mem      *m = s->engine->mem;
    playback *p = mem_alloc_zero(m, sizeof(*p));
    int64_t   end;
    uint64_t  sequence;
    if (p == NULL) {
        return error_memory(err);
    }
    p->mem = m;
    p->start_us = start_us;
    p->end_us = end_us;
    p->time_column = s->object->event_time_column;
    arena_init(&p->arena, m);
    p->schema = schema_copy(s->object->schema, &p->arena);
    p->columns = arena_alloc(&p->arena, sizeof(column) * (size_t)(s->object->schema->count + 1));
    source_shown(s, committed, &end, &sequence);
    status done = p->schema == NULL || p->columns == NULL ? error_memory(err) : OK;
    if (done == OK) {
        done = table_snapshot_open(&p->snapshot, s->table, end, sequence, err);
    }
    if (done == OK && p->time_column < 0) {
        done = list_inserts(p, s, end, err);
    }
    if (done < 0) {
        playback_close(p);
        return done;
    }
    *out = p;
    return OK;
}

static int
by_time(const void *x, const void *y) {
    const run *a = x, *b = y;
    if (a->us != b->us) {
        return a->us < b->us ? -1 : 1;
    }
    return a->position < b->position ? -1 : a->position > b->position;
}

static status
add_times(playback *p, const column *c, int64_t first, int32_t row_count, error *err) {
    for (int32_t i = 0; i < row_count; i++) {
        if (!column_is_null(c, i)) {
            const int64_t us = type_time_to_us(c->type, ((const int64_t *)c->values)[i]);
            TRY(add_run(p, us, first + i, 1, err));
        }
    }
    return OK;
}

static status
list_times(playback *p, interrupt *guard, error *err) {
    const int64_t end = table_snapshot_rows(p->snapshot);
    const int32_t map[] = {p->time_column};
    table_cursor  cursor;
    delta         rows;
    column        c;
    bool          sorted = true;
    table_cursor_init(&cursor, p->snapshot, 0, end);
    status done = OK;
    while (done == OK && (done = table_cursor_next(&cursor, map, 1, &c, &rows, err)) == OK) {
        done = interrupt_poll(guard)
                   ? interrupt_reason(guard, err)
                   : add_times(p, &c, cursor.position - rows.row_count, rows.row_count, err);
    }
    table_cursor_fini(&cursor);
    if (done < 0) {
        return done;
    }
    for (int64_t i = 1; i < p->count && sorted; i++) {
        sorted = p->runs[i - 1].us <= p->runs[i].us;
    }
    if (!sorted) {
        qsort(p->runs, (size_t)p->count, sizeof(run), by_time);
    }
    p->listed = true;
    return OK;
}

status
playback_due_us(playback *p, int64_t *us, interrupt *guard, error *err) {
    TRY(p->listed ? OK : list_times(p, guard, err));
    if (p->next == p->count) {
        return DONE;
    }
    *us = p->runs[p->next].us;
    return OK;
}

static status
take_rows(playback *p, builder *rows, int64_t position, int64_t count, error *err) {
    table_cursor cursor;
    delta        part;
    table_cursor_init(&cursor, p->snapshot, position, position + count);
    status done = OK;
    while (done == OK && (done = table_cursor_next(&cursor, NULL, p->schema->count, p->columns,
                                                   &part, err)) == OK) {
        done = builder_append_delta(rows, &part, err);
    }
    table_cursor_fini(&cursor);
    return done < 0 ? done : OK;
}

/* Runs that follow one another are read at once. */
static status
take_runs(playback *p, builder *rows, int64_t until_us, error *err) {
    int64_t room = PLAYBACK_ROWS;
    while (room > 0 && p->next < p->count && p->runs[p->next].us <= until_us) {
        const int64_t first = p->runs[p->next].position;
        int64_t       end = first;
        while (room > 0 && p->next < p->count && p->runs[p->next].us <= until_us &&
               p->runs[p->next].position == end) {
            run          *r = &p->runs[p->next];
            const int64_t taken = min_i64(room, r->count);
            end += taken;
            room -= taken;
            r->position += taken;
            r->count -= taken;
            p->next += r->count == 0;
        }
        TRY(take_rows(p, rows, first, end - first, err));
    }
    return OK;
}

static status
read_rows(playback *p, result *to, int64_t until_us, error *err) {
    batch     *taken = NULL;
    builder    rows;
    data_type *types = schema_types(p->schema, &to->arena);
    if (types == NULL) {
        return error_memory(err);
    }
    TRY(builder_init(&rows, p->mem, types, p->schema->count, err));
    status s = take_runs(p, &rows, until_us, err);
    if (s == OK) {
        s = builder_take(&rows, &taken, err);
    }
    builder_fini(&rows);
    return s == OK ? result_add(to, taken, err) : s;
}

status
playback_next(playback *p, int64_t until_us, result **out, error *err) {
    TRY(result_new(out, p->mem, p->schema, false, err));
    const status s = read_rows(p, *out, until_us, err);
    if (s < 0) {
        result_release(*out);
        *out = NULL;
    }
    return s;
}

void
playback_close(playback *p) {
    if (p == NULL) {
        return;
    }
    if (p->snapshot != NULL) {
        table_snapshot_close(p->snapshot);
    }
    mem_free(p->mem, p->runs, sizeof(run) * (size_t)p->capacity);
    arena_fini(&p->arena);
    mem_free(p->mem, p, sizeof(*p));
}
