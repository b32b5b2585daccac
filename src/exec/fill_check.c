/* SPDX-License-Identifier: Apache-2.0 */
/* fill_check.c - may a stream be filled from what its inputs retain? */
#include "batch/routine.h"
#include "exec/engine_internal.h"

bool
stream_holds_values(const plan_node *n) {
    for (int32_t i = 0; i < plan_own_inputs(n); i++) {
        if (stream_holds_values(n->inputs[i])) {
            return true;
        }
    }
    return n->kind == PLAN_KEEP ||
           (n->kind == PLAN_PROCESS && (n->routine->flags & ROUTINE_VOLATILE) != 0);
}

/* Shadows would compute other values than their streams have shown. */
static status
check_volatile(const stream *s, error *err) {
    bool has_rows = false;
    for (int32_t i = 0; i < s->sources.count; i++) {
        has_rows = has_rows || source_flowed_entries(s->sources.items[i]) > 0;
    }
    for (int32_t i = 0; i < s->input_count && has_rows; i++) {
        const stream *up = s->inputs[i].from_stream;
        if (up == NULL) {
            continue;
        }
        if (stream_holds_values(up->plan.root)) {
            error_set(err, ERR_QUERY_FAILED,
                      "a windowed stream over \"%.*s\", whose rows have values of now(), random() "
                      "or the like, must be made before the rows come",
                      TEXT_ARG(up->object->name));
            error_hint(err, "create it before the first insert, or call the function in it");
            return ERR_QUERY_FAILED;
        }
        TRY(check_volatile(up, err));
    }
    return OK;
}

status
stream_check_inputs(const stream *s, error *err) {
    for (int32_t i = 0; i < s->input_count; i++) {
        const stream *up = s->inputs[i].from_stream;
        if (up != NULL && up->failed && up->part != NULL) {
            return error_set(err, ERR_STREAM_FAILED, "%.400s", up->reason.message);
        }
        if (up != NULL && up->failed) {
            return error_set(err, ERR_STREAM_FAILED, "input stream \"%.*s\" failed: %.300s",
                             TEXT_ARG(up->object->name), up->reason.message);
        }
    }
    return s->timed ? check_volatile(s, err) : OK;
}
