/* SPDX-License-Identifier: Apache-2.0 */
/* agg_regression.c - two columns against each other: covar_pop, covar_samp, corr, and the least
 * squares line of y over x (regr_*; the first argument is y). Rows with a NULL do not count. NULL
 * where there are too few rows, or where x (for corr: either) has no spread; NaN where a row has no
 * finite square. */
#include "agg/moments.h"

static status
open_pair(agg **out, const agg_class *class, const agg_signature *signature, const agg_site *site,
          error *err) {
    return moments_open(out, class, signature, site, MOMENTS_PAIR, err);
}

static status
resolve_count(const agg_class *class, agg_signature *s, error *err) {
    TRY(moments_resolve(class, s, err));
    s->output = type_of(TYPE_I64);
    return OK;
}

/* n times the sums of squared deviations and of their products. */
typedef struct deviations {
    double yy, xx, xy;
} deviations;

static deviations
deviations_of(const moments_group *g) {
    return (deviations){.yy = dd_value(moments_cross(g, 2, 0, 0)),
                        .xx = dd_value(moments_cross(g, 3, 1, 1)),
                        .xy = dd_value(moments_cross(g, 4, 0, 1))};
}

static bool
covar_pop(const moments_group *g, double *out) {
    const double n = (double)g->count;
    *out = deviations_of(g).xy / n / n;
    return true;
}

static bool
covar_samp(const moments_group *g, double *out) {
    const double n = (double)g->count;
    *out = g->count > 1 ? deviations_of(g).xy / n / (n - 1) : 0;
    return g->count > 1;
}

static bool
corr(const moments_group *g, double *out) {
    const deviations d = deviations_of(g);
    if (!(d.xx > 0) || !(d.yy > 0)) {
        return false;
    }
    const double r = d.xy / sqrt(d.xx) / sqrt(d.yy);
    *out = fmax(-1, fmin(1, r));
    return true;
}

static bool
regr_slope(const moments_group *g, double *out) {
    const deviations d = deviations_of(g);
    *out = d.xx > 0 ? d.xy / d.xx : 0;
    return d.xx > 0;
}

static bool
regr_intercept(const moments_group *g, double *out) {
    const dd n = dd_of((double)g->count);
    const dd xx = moments_cross(g, 3, 1, 1);
    const dd xy = moments_cross(g, 4, 0, 1);
    if (!(xx.high > 0)) {
        return false;
    }
    const dd part = dd_multiply(dd_divide(xy, xx), g->sums[1]);
    *out = dd_value(dd_divide(dd_add(g->sums[0], dd_negative(part)), n));
    return true;
}

static bool
regr_r2(const moments_group *g, double *out) {
    const deviations d = deviations_of(g);
    if (!(d.xx > 0)) {
        return false;
    }
    *out = d.yy > 0 ? fmin(1, d.xy / d.xx * (d.xy / d.yy)) : 1;
    return true;
}

static bool
regr_avgy(const moments_group *g, double *out) {
    *out = dd_value(dd_divide(g->sums[0], dd_of((double)g->count)));
    return true;
}

static bool
regr_avgx(const moments_group *g, double *out) {
    *out = dd_value(dd_divide(g->sums[1], dd_of((double)g->count)));
    return true;
}

static bool
regr_syy(const moments_group *g, double *out) {
    *out = deviations_of(g).yy / (double)g->count;
    return true;
}

static bool
regr_sxx(const moments_group *g, double *out) {
    *out = deviations_of(g).xx / (double)g->count;
    return true;
}

static bool
regr_sxy(const moments_group *g, double *out) {
    *out = deviations_of(g).xy / (double)g->count;
    return true;
}

/* wavg(value, weight): the sum of products by the sum of weights. */
static bool
wavg(const moments_group *g, double *out) {
    const double noise = 0x1p-98 * sqrt(g->scale[1]) * sqrt((double)g->count + 4);
    if (fabs(g->sums[1].high) <= noise) {
        return false;
    }
    *out = dd_value(dd_divide(g->sums[4], g->sums[1]));
    return true;
}

static status
value_count(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    int64_t *counts = arena_alloc(a, (size_t)count * sizeof(*counts));
    if (counts == NULL) {
        return error_memory(err);
    }
    for (int32_t i = 0; i < count; i++) {
        moments_group g;
        TRY(moments_read((moments *)base, slots[i], &g, err));
        counts[i] = g.count;
    }
    *out = (column){.type = type_of(TYPE_I64), .layout = COLUMN_FLAT, .values = counts};
    return OK;
}

static status
value_covar_pop(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, covar_pop, err);
}

static status
value_covar_samp(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, covar_samp, err);
}

static status
value_corr(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, corr, err);
}

static status
value_regr_slope(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, regr_slope, err);
}

static status
value_regr_intercept(agg *base, const slot *slots, int32_t count, arena *a, column *out,
                     error *err) {
    return moments_values(base, slots, count, a, out, regr_intercept, err);
}

static status
value_regr_r2(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, regr_r2, err);
}

static status
value_regr_avgx(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, regr_avgx, err);
}

static status
value_regr_avgy(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, regr_avgy, err);
}

static status
value_regr_sxx(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, regr_sxx, err);
}

static status
value_regr_syy(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, regr_syy, err);
}

static status
value_regr_sxy(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, regr_sxy, err);
}

static status
value_wavg(agg *base, const slot *slots, int32_t count, arena *a, column *out, error *err) {
    return moments_values(base, slots, count, a, out, wavg, err);
}

const agg_class agg_covar_pop_class = {
    .name = "covar_pop",
    .column_min = 2,
    .column_max = 2,
    .resolve = moments_resolve,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_covar_pop,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_covar_samp_class = {
    .name = "covar_samp",
    .column_min = 2,
    .column_max = 2,
    .resolve = moments_resolve,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_covar_samp,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_corr_class = {
    .name = "corr",
    .column_min = 2,
    .column_max = 2,
    .resolve = moments_resolve,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_corr,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_regr_slope_class = {
    .name = "regr_slope",
    .column_min = 2,
    .column_max = 2,
    .resolve = moments_resolve,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_regr_slope,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_regr_intercept_class = {
    .name = "regr_intercept",
    .column_min = 2,
    .column_max = 2,
    .resolve = moments_resolve,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_regr_intercept,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_regr_r2_class = {
    .name = "regr_r2",
    .column_min = 2,
    .column_max = 2,
    .resolve = moments_resolve,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_regr_r2,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_regr_count_class = {
    .name = "regr_count",
    .zero_of_nothing = true,
    .column_min = 2,
    .column_max = 2,
    .resolve = resolve_count,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_count,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_regr_avgx_class = {
    .name = "regr_avgx",
    .column_min = 2,
    .column_max = 2,
    .resolve = moments_resolve,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_regr_avgx,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_regr_avgy_class = {
    .name = "regr_avgy",
    .column_min = 2,
    .column_max = 2,
    .resolve = moments_resolve,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_regr_avgy,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_regr_sxx_class = {
    .name = "regr_sxx",
    .column_min = 2,
    .column_max = 2,
    .resolve = moments_resolve,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_regr_sxx,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_regr_syy_class = {
    .name = "regr_syy",
    .column_min = 2,
    .column_max = 2,
    .resolve = moments_resolve,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_regr_syy,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_regr_sxy_class = {
    .name = "regr_sxy",
    .column_min = 2,
    .column_max = 2,
    .resolve = moments_resolve,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_regr_sxy,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};

const agg_class agg_wavg_class = {
    .name = "wavg",
    .column_min = 2,
    .column_max = 2,
    .resolve = moments_resolve,
    .open = open_pair,
    .close = moments_close,
    .init = moments_init,
    .update = moments_update,
    .value = value_wavg,
    .clear = moments_clear,
    .merge = moments_merge,
    .rebuild = moments_rebuild,
};
