/* SPDX-License-Identifier: Apache-2.0 */
/* fn_bins.c - bins: equi_width_bins, and what histogram(x, bins) makes of histogram(x). */
#include <math.h>
#include <stdlib.h>

#include "expr/nested_call.h"
#include "type/calendar.h"

#define BINS_MAX 100000
#define YEAR_9999_DAYS INT64_C(2932896) /* its last day */

/* ---- equi_width_bins(low, high, count, nice): upper bounds, the last holds `high` */
/* 1, 2, 5 or 10 times a power of ten, near a step. */
static double
nice_step(double step) {
    const double power = pow(10.0, floor(log10(step)));
    const double part = step / power;
    return (part < 1.5 ? 1.0 : part < 3.0 ? 2.0 : part < 7.0 ? 5.0 : 10.0) * power;
}

static status
check_bins(fn_call *c, int64_t count, bool ordered) {
    if (count < 1 || count > BINS_MAX) {
        return error_set(c->err, ERR_QUERY_FAILED, "equi_width_bins makes 1 to %d bins, not %lld",
                         BINS_MAX, (long long)count);
    }
    return ordered ? OK
                   : error_set(c->err, ERR_QUERY_FAILED,
                               "equi_width_bins: the lower bound is above the upper one, or one is "
                               "no number");
}

/* With a nice step there may be up to twice as many: what is rounded is the range too. */
static status
bins_of_doubles(fn_call *c, item_list *l, int32_t row) {
    const double  low = fn_value(&c->args[0], row).d, high = fn_value(&c->args[1], row).d;
    const int64_t count = fn_integer(&c->args[2], row);
    const bool    nice = fn_value(&c->args[3], row).b;
    double        step = high / (double)count - low / (double)count;
    TRY(check_bins(c, count, low <= high && isfinite(low) && isfinite(high)));
    l->count = 0;
    if (!nice || !(step > 0) || !isfinite(step)) {
        for (int64_t i = 1; i <= count; i++) {
            const double at = i == count ? high : low + step * (double)i;
            const value  v = {.type = type_of(TYPE_F64), .d = at};
            if (i == count || (at > low && at < high)) {
                TRY(items_add(l, &v));
            }
        }
        return OK;
    }
    step = nice_step(step);
    const double last = ceil(high / step);
    int64_t      bins = 0;
    while (bins < 2 * count && (last - (double)bins) * step > low) {
        bins++;
    }
    for (int64_t i = bins; i-- > 0;) {
        const double n = last - (double)i;
        /* a step below 1 is divided by, so that 0.1 * 3 is 0.3 */
        const double at = step < 1 ? n / rint(1 / step) : n * step;
        const value  v = {.type = type_of(TYPE_F64), .d = at};
        TRY(items_add(l, &v));
    }
    return OK;
}

static status
bins_of_integers(fn_call *c, item_list *l, int32_t row) {
    const int64_t low = fn_integer(&c->args[0], row), high = fn_integer(&c->args[1], row);
    const int64_t count = fn_integer(&c->args[2], row);
    const bool    nice = fn_value(&c->args[3], row).b;
    const int128  span = (int128)high - low;
    TRY(check_bins(c, count, low <= high));
    if (nice && type_is_time(c->args[0].type)) {
        (void)error_set(c->err, ERR_QUERY_FAILED, "equi_width_bins: bounds of times are exact");
        return error_hint(c->err, "write false; time_bucket() gives round ones");
    }
    l->count = 0;
    if (!nice || span == 0) {
        for (int64_t i = 1; i <= count; i++) {
            const int128 at = ((int128)high * count - span * (count - i)) / count;
            const value  v = {.type = type_item(c->type), .i = (int64_t)at};
            if (v.i > low && (l->count == 0 || l->at[l->count - 1].i < v.i)) {
                TRY(items_add(l, &v));
            }
        }
        const value all = {.type = type_item(c->type), .i = high};
        return l->count > 0 ? OK : items_add(l, &all);
    }
    const int128 step = (int128)fmax(1.0, nice_step((double)span / (double)count));
    int128       last = high / step * step;
    last += last < high ? step : 0;
    int64_t bins = 0;
    while (bins < 2 * count && last - step * bins > low) {
        bins++;
    }
    for (int64_t i = bins; i-- > 0;) {
        const int128 at = last - step * i;
        const value  v = {.type = type_item(c->type), .i = (int64_t)at};
        if (at > INT64_MAX) {
            return error_set(c->err, ERR_QUERY_FAILED, "equi_width_bins: a bound leaves BIGINT");
        }
        TRY(items_add(l, &v));
    }
    return OK;
}

static status
bins_rows(fn_call *c, status (*make)(fn_call *c, item_list *l, int32_t row)) {
    item_list l = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (fn_is_valid(c, row)) {
            TRY(make(c, &l, row));
            TRY(fn_spend(c, (int64_t)l.count * ITEM_WORK));
            TRY(fn_put_nested(c, row, l.at, l.count));
        }
    }
    return OK;
}

status
fn_bins_integer(fn_call *c) {
    return bins_rows(c, bins_of_integers);
}

status
fn_bins_double(fn_call *c) {
    return bins_rows(c, bins_of_doubles);
}

/* ---- histogram_bins(histogram(x), bins) */
static int
by_value(const void *a, const void *b) {
    return value_compare(a, b);
}

/* The key under which stands what is above all bins: the largest value of the type, '' of texts,
 * the end of the year 9999 of times. */
static value
key_above(data_type t) {
    int128 low, high;
    value  v = {.type = t};
    if (type_wide_range(t, &low, &high)) {
        value_set_wide(&v, high);
    } else if (type_is_float(t)) {
        v.d = (double)INFINITY;
    } else if (t.id == TYPE_TEXT || t.id == TYPE_BLOB) {
        v.s = TEXT("");
    } else if (t.id == TYPE_DATE) {
        v.i = YEAR_9999_DAYS;
    } else if (type_is_time(t)) {
        v.i = type_time_from_us(t, (YEAR_9999_DAYS + 1) * US_PER_DAY - 1);
    } else {
        v.is_null = true;
    }
    return v;
}

static status
sort_bins(fn_call *c, item_list *bins, int32_t row) {
    const nested_view given = operand_nested(&c->args[1], row);
    int32_t           kept = 0;
    bins->count = 0;
    TRY(items_add_all(bins, &given));
    for (int32_t i = 0; i < bins->count; i++) {
        if (bins->at[i].is_null) {
            return error_set(c->err, ERR_QUERY_FAILED, "histogram: bin %d is NULL", i + 1);
        }
    }
    if (bins->count > 1) {
        qsort(bins->at, (size_t)bins->count, sizeof(*bins->at), by_value);
    }
    for (int32_t i = 0; i < bins->count; i++) {
        if (kept == 0 || value_compare(&bins->at[kept - 1], &bins->at[i]) < 0) {
            bins->at[kept++] = bins->at[i];
        }
    }
    bins->count = kept;
    return OK;
}

/* The first bin that is not below the key. */
static int32_t
bin_of(const item_list *bins, const value *key) {
    int32_t low = 0, high = bins->count;
    while (low < high) {
        const int32_t middle = (low + high) / 2;
        if (value_compare(&bins->at[middle], key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static status
add_bin(fn_call *c, item_list *out, const value *key, int64_t count) {
    const value pair[2] = {*key, {.type = type_map_value(c->type), .i = count}};
    value       entry;
    TRY(nested_make(&entry, type_item(c->type), pair, 2, c->scratch, c->err));
    return items_add(out, &entry);
}

status
fn_histogram_bins(fn_call *c) {
    item_list bins = {.call = c}, out = {.call = c};
    for (int32_t row = 0; row < c->row_count; row++) {
        if (!fn_is_valid(c, row)) {
            continue;
        }
        const nested_view entries = operand_nested(&c->args[0], row);
        TRY(sort_bins(c, &bins, row));
        int64_t *counts = arena_alloc_zero(c->scratch, ((size_t)bins.count + 1) * sizeof(*counts));
        TRY(counts == NULL ? error_memory(c->err) : OK);
        for (int32_t i = 0; i < entries.count; i++) {
            const value       entry = nested_at(&entries, i);
            const nested_view pair = nested_open(entry.type, entry.s);
            const value       key = nested_at(&pair, 0), count = nested_at(&pair, 1);
            counts[bin_of(&bins, &key)] += count.i;
            TRY(fn_spend(c, ITEM_WORK));
        }
        out.count = 0;
        for (int32_t i = 0; i < bins.count; i++) {
            TRY(add_bin(c, &out, &bins.at[i], counts[i]));
        }
        const value above = key_above(type_map_key(c->type));
        if (counts[bins.count] > 0 && !above.is_null) {
            TRY(add_bin(c, &out, &above, counts[bins.count]));
        }
        TRY(fn_put_nested(c, row, out.at, out.count));
    }
    return OK;
}
