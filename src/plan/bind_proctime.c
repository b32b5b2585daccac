/* SPDX-License-Identifier: Apache-2.0 */
/* bind_proctime.c - PROCTIME(): when a row of a source came, as a TIMESTAMP.
 *
 * A scan offers it as one more column, whose name cannot be written, in statements that mention it;
 * pruning takes it away where nobody reads it. Windows over it end by the engine's clock. */
#include <strings.h>

#include "plan/bind.h"
#include "plan/node.h"

#define HIDDEN ((text){"\0arrival", 8})

bool
mentions_proctime(const binder *b) {
    const text word = TEXT("proctime");
    for (size_t i = 0; i + word.size <= b->sql.size; i++) {
        if (text_equal_nocase((text){b->sql.data + i, word.size}, word)) {
            return true;
        }
    }
    return false;
}

void
scope_add_proctime(scope *s, plan_node *scan) {
    s->columns[scan->schema.count - 1].name = HIDDEN;
    s->star_count--;
}

status
bind_proctime(expr **out, context *c, const ast_expr *e) {
    binder *b = c->binder;
    int32_t found = -1, count = 0;
    for (int32_t i = 0; c->scope != NULL && i < c->scope->count; i++) {
        if (text_equal(c->scope->columns[i].name, HIDDEN)) {
            found = i;
            count++;
        }
    }
    if (e->arg_count > 0) {
        return error_set_at(b->err, ERR_QUERY_FAILED, e->position, "PROCTIME() takes no argument");
    }
    if (count != 1) {
        error_set_at(b->err, ERR_QUERY_FAILED, e->position,
                     count == 0 ? "PROCTIME() is when a row of a source came, and no source stands "
                                  "directly in FROM here"
                                : "PROCTIME() could be that of several sources in FROM");
        return error_hint(b->err, "take it where the source is read: (SELECT *, PROCTIME() AS at "
                                  "FROM source); for the time of the query there is now()");
    }
    *out = make_column(b, found, type_of(TYPE_TIMESTAMP), e->position);
    return *out == NULL ? out_of_memory(b) : OK;
}

status
note_clock(binder *b, bool by_clock, int32_t position) {
    b->by_clock |= by_clock;
    b->by_event |= !by_clock;
    if (!b->by_clock || !b->by_event || !b->streaming) {
        return OK;
    }
    error_set_at(
        b->err, ERR_QUERY_FAILED, position,
        "a stream cannot have windows over PROCTIME() and windows that a watermark closes");
    return error_hint(b->err, "make a stream of each, and a third that reads both");
}
