/* SPDX-License-Identifier: Apache-2.0 */
/* cast_time.c - loops for CAST among DATE and timestamps: a multiplication that may overflow, or a
 * floored division, by a constant where it is a usual one. */
#include "kernel/cast_numeric.h"

static int64_t
ratio_of(data_type coarse, data_type fine) {
    return type_time_unit_ns(coarse) / type_time_unit_ns(fine);
}

/* Wraps instead of undefined overflow: what does not fit has no meaning. */
static bool
days_to_units(void *restrict out, const void *restrict in, int32_t n, data_type from,
              data_type to) {
    const int32_t *restrict x = in;
    int64_t *restrict z = out;
    const int64_t ratio = ratio_of(from, to);
    const int64_t low = INT64_MIN / ratio;
    const int64_t high = INT64_MAX / ratio;
    bool          fits = true;
    for (int32_t i = 0; i < n; i++) {
        fits &= (x[i] >= low) & (x[i] <= high);
        z[i] = (int64_t)((uint64_t)(int64_t)x[i] * (uint64_t)ratio);
    }
    return fits;
}

static bool
units_to_finer(void *restrict out, const void *restrict in, int32_t n, data_type from,
               data_type to) {
    const int64_t *restrict x = in;
    int64_t *restrict z = out;
    const int64_t ratio = ratio_of(from, to);
    const int64_t low = INT64_MIN / ratio;
    const int64_t high = INT64_MAX / ratio;
    bool          fits = true;
    for (int32_t i = 0; i < n; i++) {
        fits &= (x[i] >= low) & (x[i] <= high);
        z[i] = (int64_t)((uint64_t)x[i] * (uint64_t)ratio);
    }
    return fits;
}

ALWAYS_INLINE void
floor_all(int64_t *restrict z, const int64_t *restrict x, int32_t n, int64_t ratio) {
    for (int32_t i = 0; i < n; i++) {
        z[i] = floor_div_i64(x[i], ratio);
    }
}

static bool
units_to_coarser(void *restrict out, const void *restrict in, int32_t n, data_type from,
                 data_type to) {
    const int64_t ratio = ratio_of(to, from);
    switch (ratio) {
    case 1000:
        floor_all(out, in, n, 1000);
        break;
    case 1000000:
        floor_all(out, in, n, 1000000);
        break;
    default:
        floor_all(out, in, n, ratio);
        break;
    }
    return true;
}

ALWAYS_INLINE bool
floor_days(int32_t *restrict z, const int64_t *restrict x, int32_t n, int64_t ratio) {
    bool fits = true;
    for (int32_t i = 0; i < n; i++) {
        const int64_t days = floor_div_i64(x[i], ratio);
        fits &= days == (int32_t)days;
        z[i] = (int32_t)days;
    }
    return fits;
}

static bool
units_to_days(void *restrict out, const void *restrict in, int32_t n, data_type from,
              data_type to) {
    const int64_t ratio = ratio_of(to, from);
    switch (ratio) {
    case INT64_C(86400000):
        return floor_days(out, in, n, INT64_C(86400000));
    case INT64_C(86400000000):
        return floor_days(out, in, n, INT64_C(86400000000));
    default:
        return floor_days(out, in, n, ratio);
    }
}

cast_kernel *
cast_time_kernel(data_type from, data_type to) {
    if (from.id == TYPE_DATE) {
        return type_is_time(to) ? days_to_units : NULL;
    }
    if (!type_is_time(from) || (to.id != TYPE_DATE && !type_is_time(to))) {
        return NULL;
    }
    if (to.id == TYPE_DATE) {
        return units_to_days;
    }
    return type_time_unit_ns(from) > type_time_unit_ns(to) ? units_to_finer : units_to_coarser;
}
