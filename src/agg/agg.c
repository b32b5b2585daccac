/* SPDX-License-Identifier: Apache-2.0 */
/* agg.c - aggregates by name, over aggregates.def. */
#include "agg/agg.h"

#include "agg/agg_common.h"

static const agg_class *const classes[] = {
#define AGGREGATE(symbol) &symbol,
#include "agg/aggregates.def"
#undef AGGREGATE
};

static const struct {
    text        alias;
    const char *name;
} aliases[] = {
    {.alias = {"mean", 4}, .name = "avg"},
    {.alias = {"first_value", 11}, .name = "first"},
    {.alias = {"last_value", 10}, .name = "last"},
    {.alias = {"any_value", 9}, .name = "first"},
};

int32_t
agg_class_count(void) {
    return ARRAY_COUNT(classes);
}

const agg_class *
agg_class_at(int32_t i) {
    assert(i >= 0 && i < agg_class_count());
    return classes[i];
}

const agg_class *
agg_find(text name, int32_t arg_count) {
    for (int32_t i = 0; i < ARRAY_COUNT(aliases); i++) {
        if (text_equal_nocase(name, aliases[i].alias)) {
            name = text_of(aliases[i].name);
        }
    }
    if (arg_count == 0) {
        return text_equal_nocase(name, TEXT("count")) ? &agg_count_star_class : NULL;
    }
    if (arg_count != 1) {
        return NULL;
    }
    for (int32_t i = 0; i < ARRAY_COUNT(classes); i++) {
        if (classes[i] != &agg_count_star_class &&
            text_equal_nocase(name, text_of(classes[i]->name))) {
            return classes[i];
        }
    }
    return NULL;
}
