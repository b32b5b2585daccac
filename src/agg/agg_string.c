/* SPDX-License-Identifier: Apache-2.0 */
/* agg_string.c - string_agg(x [, separator] [ORDER BY ...]): the texts of a group with the
 * separator (a comma) between them. NULL values do not count; NULL over no rows. */
#include "agg/listing.h"

static status
resolve(const agg_class *class, agg_signature *s, error *err) {
    (void)class;
    s->types[0] = type_of(TYPE_TEXT);
    s->output = s->types[0];
    if (s->constant_count > 0 && s->constants[0].type.id != TYPE_TEXT && !s->constants[0].is_null) {
        return error_set(err, ERR_QUERY_FAILED, "the separator is a text, not %s",
                         type_name(s->constants[0].type));
    }
    return OK;
}

static text
separator_of(const agg_signature *s) {
    return s->constant_count == 0    ? TEXT(",")
           : s->constants[0].is_null ? TEXT("")
                                     : s->constants[0].s;
}

/* The texts of one group put together. */
static status
join(strview *out, const strview *texts, const int64_t *copies, int32_t count, text separator,
     arena *a, error *err) {
    int128 size = 0;
    for (int32_t i = 0; i < count; i++) {
        size += (int128)copies[i] * (int128)(texts[i].size + separator.size);
    }
    size -= (int128)separator.size;
    if (size > VALUE_BYTES_MAX) {
        (void)error_set(err, ERR_QUERY_FAILED, "string_agg would make a text of %.3g bytes",
                        (double)size);
        return error_hint(err, "a text has at most 64 MiB: take a part of it with FILTER");
    }
    char *bytes = arena_alloc(a, (size_t)size + 1);
    if (bytes == NULL) {
        return error_memory(err);
    }
    size_t at = 0;
    for (int32_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < copies[i]; k++) {
            if (at > 0 || i > 0 || k > 0) {
                memcpy(bytes + at, separator.data, separator.size);
                at += separator.size;
            }
            memcpy(bytes + at, strview_data(&texts[i]), texts[i].size);
            at += texts[i].size;
        }
    }
    *out = strview_of(bytes, (uint32_t)at);
    return OK;
}

static status
value_of(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    strview *texts = arena_alloc_zero(a, (size_t)count * sizeof(*texts));
    bool    *nulls = arena_alloc(a, (size_t)count * sizeof(*nulls));
    if (texts == NULL || nulls == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        int32_t        n;
        column         values;
        const int64_t *copies;
        TRY(listing_read((listing *)base, slots[i], a, &n, &values, 1, &copies, err));
        nulls[i] = n == 0;
        if (n > 0) {
            TRY(join(&texts[i], values.values, copies, n, separator_of(base->signature), a, err));
        }
    }
    *out = (column){.type = base->output, .layout = COLUMN_FLAT, .values = texts};
    return agg_set_nulls(out, nulls, count, a, err);
}

const agg_class agg_string_agg_class = {
    .name = "string_agg",
    .column_min = 1,
    .column_max = 1,
    .constant_max = 1,
    .order_matters = true,
    .lists_rows = true,
    .keeps_rows = true,
    .resolve = resolve,
    .open = listing_open,
    .close = listing_close,
    .init = listing_init,
    .update = listing_update,
    .value = value_of,
    .clear = listing_clear,
    .merge = listing_merge,
    .rebuild = listing_rebuild,
    .validate = listing_validate,
};

bool
agg_makes_values(const agg *a) {
    return a->class == &agg_string_agg_class || !type_equal(a->output, a->input);
}
