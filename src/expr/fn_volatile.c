/* SPDX-License-Identifier: Apache-2.0 */
/* fn_volatile.c - functions of time and chance. Rows of one delta see one instant. */
#include "expr/call.h"
#include "type/calendar.h"

static status
need_session(const fn_call *c) {
    if (c->eval == NULL || c->eval->clock == NULL || c->eval->random == NULL) {
        return error_set(c->err, ERR_INTERNAL_ERROR,
                         "a function of time or chance is called where there is neither");
    }
    return OK;
}

/* ---- time, in UTC */
static void
fill(fn_call *c, int64_t v) {
    int64_t *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = v;
    }
}

static status
statement_time(const fn_call *c, int64_t *us) {
    TRY(need_session(c));
    *us = c->eval->now_us == EVAL_NOW ? clock_now_us(c->eval->clock) : c->eval->now_us;
    return OK;
}

status
fn_now(fn_call *c) {
    int64_t us;
    TRY(statement_time(c, &us));
    fill(c, us);
    return OK;
}

status
fn_current_date(fn_call *c) {
    int32_t *z = c->values;
    int64_t  us;
    TRY(statement_time(c, &us));
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = (int32_t)floor_div_i64(us, US_PER_DAY);
    }
    return OK;
}

status
fn_current_time(fn_call *c) {
    int64_t us;
    TRY(statement_time(c, &us));
    fill(c, floor_mod_i64(us, US_PER_DAY));
    return OK;
}

status
fn_clock_timestamp(fn_call *c) {
    TRY(need_session(c));
    fill(c, clock_now_us(c->eval->clock));
    return OK;
}

/* ---- chance */
/* 53 random bits behind the point: 0 <= x < 1. */
status
fn_random(fn_call *c) {
    double *z = c->values;
    TRY(need_session(c));
    for (int32_t i = 0; i < c->row_count; i++) {
        z[i] = (double)(shared_rng_next(c->eval->random) >> 11) * 0x1p-53;
    }
    return OK;
}

/* The numbers after it are the same whenever it is given the same seed. Always NULL. */
status
fn_setseed(fn_call *c) {
    const double *x = c->args[0].values;
    TRY(need_session(c));
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!operand_is_null(&c->args[0], i)) {
            const double seed = x[(int64_t)i * c->args[0].step];
            if (!(seed >= -1 && seed <= 1)) {
                (void)error_set(c->err, ERR_QUERY_FAILED, "setseed takes a number from -1 to 1");
                return ERR_QUERY_FAILED;
            }
            shared_rng_init(c->eval->random, (uint64_t)(int64_t)(seed * 0x1p62));
        }
        if (!fn_set_null(c, i)) {
            return error_memory(c->err);
        }
    }
    return OK;
}

/* Version 4 of RFC 9562: 122 random bits. The first bit is turned over, as in every UUID here. */
status
fn_uuid(fn_call *c) {
    int128 *z = c->values;
    TRY(need_session(c));
    for (int32_t i = 0; i < c->row_count; i++) {
        const uint64_t high = shared_rng_next(c->eval->random);
        const uint64_t low = shared_rng_next(c->eval->random);
        const uint128  bits =
            ((uint128)((high & ~UINT64_C(0xF000)) | 0x4000) << 64) | (low >> 2) | UINT64_C(1) << 63;
        z[i] = (int128)(bits ^ (uint128)1 << 127);
    }
    return OK;
}

/* Version 7 of RFC 9562: 48 bits of milliseconds first, so that later ones are larger. */
status
fn_uuid7(fn_call *c) {
    int128 *z = c->values;
    TRY(need_session(c));
    const uint64_t ms = (uint64_t)floor_div_i64(clock_now_us(c->eval->clock), 1000);
    for (int32_t i = 0; i < c->row_count; i++) {
        const uint64_t high = (ms << 16) | 0x7000 | (shared_rng_next(c->eval->random) & 0xFFF);
        const uint64_t low = shared_rng_next(c->eval->random);
        const uint128  bits = ((uint128)high << 64) | (low >> 2) | UINT64_C(1) << 63;
        z[i] = (int128)(bits ^ (uint128)1 << 127);
    }
    return OK;
}
