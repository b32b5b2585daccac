/* SPDX-License-Identifier: Apache-2.0 */
/* over.c - see over.h. */
#include "agg/over.h"

static const struct {
    const char *name;
    over_kind   kind;
} functions[] = {
    {.name = "row_number", .kind = OVER_ROW_NUMBER},
    {.name = "rank", .kind = OVER_RANK},
    {.name = "dense_rank", .kind = OVER_DENSE_RANK},
    {.name = "percent_rank", .kind = OVER_PERCENT_RANK},
    {.name = "cume_dist", .kind = OVER_CUME_DIST},
    {.name = "ntile", .kind = OVER_NTILE},
    {.name = "lag", .kind = OVER_LAG},
    {.name = "lead", .kind = OVER_LEAD},
    {.name = "first_value", .kind = OVER_FIRST_VALUE},
    {.name = "last_value", .kind = OVER_LAST_VALUE},
    {.name = "nth_value", .kind = OVER_NTH_VALUE},
    /* Aggregates that name a row of the frame: the same. */
    {.name = "first", .kind = OVER_FIRST_VALUE},
    {.name = "last", .kind = OVER_LAST_VALUE},
    {.name = "any_value", .kind = OVER_FIRST_VALUE},
};

bool
over_find(text name, over_kind *out) {
    for (int32_t i = 0; i < ARRAY_COUNT(functions); i++) {
        if (text_equal_nocase(name, text_of(functions[i].name))) {
            *out = functions[i].kind;
            return true;
        }
    }
    return false;
}

text
over_name(const over_call *call) {
    if (call->kind == OVER_AGGREGATE) {
        return agg_call_name(call->class, &call->signature);
    }
    int32_t i = 0;
    while (functions[i].kind != call->kind) {
        i++;
    }
    return text_of(functions[i].name);
}

bool
over_has_frame(over_kind kind) {
    return kind >= OVER_FIRST_VALUE;
}

int32_t
over_count(void) {
    return ARRAY_COUNT(functions);
}

const char *
over_name_at(int32_t i) {
    return functions[i].name;
}

static bool
bound_equal(const frame_bound *a, const frame_bound *b) {
    if (a->kind != b->kind) {
        return false;
    }
    return (a->kind != BOUND_PRECEDING && a->kind != BOUND_FOLLOWING) ||
           (a->offset.type.id == b->offset.type.id && value_compare(&a->offset, &b->offset) == 0);
}

bool
over_frame_equal(const over_frame *a, const over_frame *b) {
    return a->unit == b->unit && a->exclude == b->exclude && bound_equal(&a->start, &b->start) &&
           bound_equal(&a->end, &b->end);
}

bool
over_frame_is_whole(const over_frame *f) {
    return f->start.kind == BOUND_FIRST && f->end.kind == BOUND_LAST && f->exclude == EXCLUDE_NONE;
}
