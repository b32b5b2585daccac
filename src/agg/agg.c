/* SPDX-License-Identifier: Apache-2.0 */
/* agg.c - aggregates by name, over aggregates.def. */
#include "agg/agg.h"

#include "agg/agg_common.h"
#include "agg/agg_routine.h"

typedef struct listed {
    const agg_class *class;
    const char *aliases; /* separated by blanks */
    const char *usage;
} listed;

static const listed classes[] = {
#define AGGREGATE(symbol, aliases, usage) {&symbol, aliases, usage},
#include "agg/aggregates.def"
#undef AGGREGATE
};

bool
agg_is_null_of_nothing(const agg_class *class) {
    return !class->zero_of_nothing;
}

bool
agg_can_merge(const agg_class *class, const agg_signature *signature) {
    if (signature->routine != NULL && class == &routine_held_class) {
        return (signature->routine->flags & ROUTINE_MERGES) != 0;
    }
    return class->merge != NULL && !(class->order_matters && signature->order_count == 0);
}

text
agg_call_name(const agg_class *class, const agg_signature *signature) {
    return signature->routine != NULL       ? signature->routine->name
           : class == &agg_count_star_class ? TEXT("count")
                                            : text_of(class->name);
}

int32_t
agg_class_count(void) {
    return ARRAY_COUNT(classes);
}

const agg_class *
agg_class_at(int32_t i) {
    assert(i >= 0 && i < agg_class_count());
    return classes[i].class;
}

static bool
is_alias(text name, const char *aliases) {
    while (*aliases != 0) {
        const char  *end = strchr(aliases, ' ');
        const size_t size = end == NULL ? strlen(aliases) : (size_t)(end - aliases);
        if (text_equal_nocase(name, (text){aliases, size})) {
            return true;
        }
        aliases += size + (end != NULL);
    }
    return false;
}

/* count(*) has a name of its own, which is no SQL. */
static bool
is_named(const listed *l, text name) {
    const char *sql = l->class == &agg_count_star_class ? "count" : l->class->name;
    return text_equal_nocase(name, text_of(sql)) || is_alias(name, l->aliases);
}

static bool
takes(const agg_class *class, int32_t arg_count) {
    return arg_count >= class->column_min + class->constant_min &&
           arg_count <= class->column_max + class->constant_max;
}

const agg_class *
agg_find(text name, int32_t arg_count) {
    for (int32_t i = 0; i < ARRAY_COUNT(classes); i++) {
        if (is_named(&classes[i], name) && takes(classes[i].class, arg_count)) {
            return classes[i].class;
        }
    }
    return NULL;
}

bool
agg_exists(text name) {
    return agg_usage(name) != NULL;
}

const char *
agg_usage(text name) {
    for (int32_t i = 0; i < ARRAY_COUNT(classes); i++) {
        if (classes[i].class != &agg_count_star_class && is_named(&classes[i], name)) {
            return classes[i].usage;
        }
    }
    return NULL;
}
