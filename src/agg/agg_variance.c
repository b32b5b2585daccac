/* SPDX-License-Identifier: Apache-2.0 */
/* agg_variance.c - the spread of one column: var_pop, var_samp, stddev_pop, stddev_samp, sem,
 * skewness, kurtosis and kurtosis_pop. NULL where there are too few rows, or no spread to compare
 * with; NaN where a row has no finite square. */
#include "agg/moments.h"

static status
open_square(agg **out, const agg_class *class, const agg_signature *signature, const agg_site *site,
            error *err) {
    return moments_open(out, class, signature, site, MOMENTS_SQUARE, err);
}

static status
open_fourth(agg **out, const agg_class *class, const agg_signature *signature, const agg_site *site,
            error *err) {
    return moments_open(out, class, signature, site, MOMENTS_FOURTH, err);
}

static double
spread(const moments_group *g) { /* n * the sum of squared deviations */
    return fmax(dd_value(moments_cross(g, 1, 0, 0)), 0);
}

static bool
var_pop(const moments_group *g, double *out) {
    const double n = (double)g->count;
    *out = spread(g) / n / n;
    return true;
}

static bool
var_samp(const moments_group *g, double *out) {
    const double n = (double)g->count;
    *out = g->count > 1 ? spread(g) / n / (n - 1) : 0;
    return g->count > 1;
}

static bool
stddev_pop(const moments_group *g, double *out) {
    const bool has = var_pop(g, out);
    *out = sqrt(*out);
    return has;
}

static bool
stddev_samp(const moments_group *g, double *out) {
    const bool has = var_samp(g, out);
    *out = sqrt(*out);
    return has;
}

static bool
sem(const moments_group *g, double *out) {
    const bool has = stddev_pop(g, out);
    *out /= sqrt((double)g->count);
    return has;
}

/* Central moments of n rows, without the division of the second one rounded away. */
static bool
central(const moments_group *g, double *second, double *third, double *fourth) {
    const dd n = dd_of((double)g->count);
    const dd mean = dd_divide(g->sums[0], n);
    const dd square = dd_multiply(mean, mean);
    const dd s2 = dd_divide(g->sums[1], n);
    const dd s3 = dd_divide(g->sums[2], n);
    const dd s4 = dd_divide(g->sums[3], n);
    const dd mean_s2 = dd_multiply(mean, s2);
    *second = spread(g) / (double)g->count / (double)g->count;
    /* s3 - 3 mean s2 + 2 mean^3 */
    dd m3 = dd_add(s3, dd_multiply(dd_of(-3), mean_s2));
    m3 = dd_add(m3, dd_multiply(dd_of(2), dd_multiply(square, mean)));
    *third = dd_value(m3);
    /* s4 - 4 mean s3 + 6 mean^2 s2 - 3 mean^4 */
    dd m4 = dd_add(s4, dd_multiply(dd_of(-4), dd_multiply(mean, s3)));
    m4 = dd_add(m4, dd_multiply(dd_of(6), dd_multiply(mean, mean_s2)));
    m4 = dd_add(m4, dd_multiply(dd_of(-3), dd_multiply(square, square)));
    *fourth = dd_value(m4);
    return *second > 0;
}

static bool
skewness(const moments_group *g, double *out) {
    const double n = (double)g->count;
    double       m2, m3, m4;
    if (g->count < 3 || !central(g, &m2, &m3, &m4)) {
        return false;
    }
    *out = sqrt(n * (n - 1)) / (n - 2) * (m3 / (m2 * sqrt(m2)));
    return true;
}

static bool
kurtosis_pop(const moments_group *g, double *out) {
    double m2, m3, m4;
    if (g->count < 2 || !central(g, &m2, &m3, &m4)) {
        return false;
    }
    *out = m4 / (m2 * m2) - 3;
    return true;
}

static bool
kurtosis(const moments_group *g, double *out) {
    const double n = (double)g->count;
    double       excess = 0;
    if (g->count < 4 || !kurtosis_pop(g, &excess)) {
        return false;
    }
    *out = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * excess + 6);
    return true;
}

static status
value_var_pop(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, var_pop, err);
}

static status
value_var_samp(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, var_samp, err);
}

static status
value_stddev_pop(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, stddev_pop, err);
}

static status
value_stddev_samp(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, stddev_samp, err);
}

static status
value_sem(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, sem, err);
}

static status
value_skewness(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, skewness, err);
}

static status
value_kurtosis(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, kurtosis, err);
}

static status
value_kurtosis_pop(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, kurtosis_pop, err);
}

const agg_class agg_var_pop_class = {
    .name = "var_pop",
    .column_min = 1,
    .column_max = 1,
    .resolve = moments_resolve,
    .open = open_square,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_var_pop,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_var_samp_class = {
    .name = "var_samp",
    .column_min = 1,
    .column_max = 1,
    .resolve = moments_resolve,
    .open = open_square,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_var_samp,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_stddev_pop_class = {
    .name = "stddev_pop",
    .column_min = 1,
    .column_max = 1,
    .resolve = moments_resolve,
    .open = open_square,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_stddev_pop,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_stddev_samp_class = {
    .name = "stddev_samp",
    .column_min = 1,
    .column_max = 1,
    .resolve = moments_resolve,
    .open = open_square,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_stddev_samp,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_sem_class = {
    .name = "sem",
    .column_min = 1,
    .column_max = 1,
    .resolve = moments_resolve,
    .open = open_square,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_sem,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_skewness_class = {
    .name = "skewness",
    .column_min = 1,
    .column_max = 1,
    .resolve = moments_resolve,
    .open = open_fourth,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_skewness,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_kurtosis_class = {
    .name = "kurtosis",
    .column_min = 1,
    .column_max = 1,
    .resolve = moments_resolve,
    .open = open_fourth,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_kurtosis,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_kurtosis_pop_class = {
    .name = "kurtosis_pop",
    .column_min = 1,
    .column_max = 1,
    .resolve = moments_resolve,
    .open = open_fourth,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_kurtosis_pop,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};
