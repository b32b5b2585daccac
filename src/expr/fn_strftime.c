/* SPDX-License-Identifier: Apache-2.0 */
/* fn_strftime.c - strftime(moment, format), fast for streams. Consecutive rows mostly fall into the
 * same minute: the text of a minute is made once by timestamp_format and reused, seconds and their
 * fractions are patched into a copy of it. The text of a day is reused for the whole day when the
 * format shows nothing finer. */
#include "expr/call.h"
#include "type/calendar.h"

#define PIECES_MAX 16
#define MEMO_SIZE 64
#define FORMAT_MAX 4096 /* bytes of one formatted text */

/* A run of letters that change with the minute at most, or one letter that changes faster ('S',
 * 'f', 'L'). */
typedef struct format_piece {
    text format;
    char fast;   /* 0: not */
    char offset; /* of a fast letter in the memo */
} format_piece;

typedef struct format_plan {
    text    format;
    int64_t unit; /* us for which the slow pieces stay the same; 0: format each row on its own */
    int32_t piece_count;
    format_piece pieces[PIECES_MAX];
    bool         has_fast;
    int64_t      key; /* moment / unit of the memo */
    bool         is_known;
    uint32_t     memo_size;
    char         memo[MEMO_SIZE];
} format_plan;

static void
add_piece(format_plan *p, text format, char fast) {
    if (fast == 0 && p->piece_count > 0) {
        format_piece *last = &p->pieces[p->piece_count - 1];
        if (last->fast == 0 && last->format.data + last->format.size == format.data) {
            last->format.size += format.size;
            return;
        }
    }
    if (p->piece_count == PIECES_MAX) {
        p->unit = 0;
        return;
    }
    p->pieces[p->piece_count++] = (format_piece){.format = format, .fast = fast};
    p->has_fast |= fast != 0;
}

static void
plan_letter(format_plan *p, const char *at, size_t size) {
    if (size == 3) { /* %-d: of varying size within the unit, when it is a second */
        const bool of_time = strchr("HIM", at[2]) != NULL;
        p->unit = at[2] == 'S' || p->unit == 0 ? 0 : of_time ? 60 * US_PER_SECOND : p->unit;
        add_piece(p, (text){at, size}, 0);
        return;
    }
    switch (at[1]) {
    case 'S':
    case 'f':
    case 'L':
        add_piece(p, (text){at, size}, at[1]);
        p->unit = p->unit == 0 ? 0 : 60 * US_PER_SECOND;
        return;
    case 'T':
        add_piece(p, TEXT("%H:%M:"), 0);
        add_piece(p, TEXT("%S"), 'S');
        p->unit = p->unit == 0 ? 0 : 60 * US_PER_SECOND;
        return;
    case 's': /* of varying size */
    case 'g':
    case 'n':
    case 'c':
    case 'X':
        p->unit = 0;
        return;
    case 'H':
    case 'I':
    case 'M':
    case 'p':
        p->unit = p->unit == 0 ? 0 : 60 * US_PER_SECOND;
        break;
    default:
        break;
    }
    add_piece(p, (text){at, size}, 0);
}

static void
plan_format(format_plan *p, text format) {
    *p = (format_plan){.format = format, .unit = US_PER_DAY};
    for (size_t i = 0; i < format.size;) {
        const bool   letter = format.data[i] == '%' && i + 1 < format.size;
        const bool   bare = letter && i + 2 < format.size && format.data[i + 1] == '-';
        const size_t size = bare ? 3 : letter ? 2 : 1;
        if (letter) {
            plan_letter(p, format.data + i, size);
        } else {
            add_piece(p, (text){format.data + i, size}, 0);
        }
        i += size;
    }
}

static status
format_fault(text format, error *err) {
    (void)error_set(err, ERR_QUERY_FAILED, "strftime: unknown letter in the format '%.*s'",
                    TEXT_ARG(format));
    (void)error_hint(err,
                     "known are %%Y %%y %%m %%d %%e %%j %%b %%h %%B %%a %%A %%u %%w %%U %%W "
                     "%%V %%G %%H %%I %%p %%M %%S %%f %%g %%L %%n %%s %%z %%Z %%F %%x %%T %%X %%c "
                     "%%%%, and %%-d and so on");
    return ERR_QUERY_FAILED;
}

/* Both orders of the arguments are accepted. */
static int32_t
format_argument(const data_type *first) {
    return first->id == TYPE_TEXT ? 0 : 1;
}

status
fn_prepare_strftime(void **state, arena *a, const value *const *constants, const data_type *types,
                    int32_t arg_count UNUSED, error *err) {
    const value *format = constants[format_argument(&types[0])];
    if (format == NULL || format->is_null) {
        return OK;
    }
    format_plan *p = arena_alloc(a, sizeof(*p));
    if (p == NULL) {
        return error_memory(err);
    }
    buf b;
    buf_init(&b, a->mem, FORMAT_MAX);
    const bool known = timestamp_format(0, format->s, &b);
    const bool failed = b.failed;
    const bool too_big = failed && format->s.size > FORMAT_MAX / 16;
    buf_fini(&b);
    if (too_big) {
        return error_set(err, ERR_QUERY_FAILED, "strftime: the format is too long (%zu bytes)",
                         format->s.size);
    }
    if (failed) {
        return error_memory(err);
    }
    if (!known) {
        return format_fault(format->s, err);
    }
    plan_format(p, format->s);
    *state = p;
    return OK;
}

/* One row without any memory of the last. */
static status
format_slowly(fn_call *c, int64_t us, text format, strview *out) {
    buf b;
    buf_init(&b, c->scratch->mem, FORMAT_MAX);
    const bool known = timestamp_format(us, format, &b);
    status     s = OK;
    if (b.failed) {
        s = format.size > FORMAT_MAX / 16
                ? error_set(c->err, ERR_QUERY_FAILED,
                            "strftime: the format is too long (%zu bytes)", format.size)
                : error_memory(c->err);
    } else if (!known) {
        s = format_fault(format, c->err);
    } else {
        char *p = fn_text_reserve(c, b.size);
        if (p == NULL) {
            s = error_memory(c->err);
        } else {
            if (b.size > 0) {
                memcpy(p, b.data, b.size);
            }
            *out = fn_text_commit(c, b.size);
        }
    }
    buf_fini(&b);
    return s;
}

/* Fills the memo for the unit `us` lies in. Sets unit to 0 when the text does not fit. */
static status
refresh(fn_call *c, format_plan *p, int64_t us, int64_t key) {
    buf b;
    buf_init(&b, c->scratch->mem, FORMAT_MAX);
    p->is_known = false;
    for (int32_t i = 0; i < p->piece_count; i++) {
        format_piece *q = &p->pieces[i];
        q->offset = (char)b.size;
        (void)timestamp_format(us, q->format, &b);
        if (b.size > MEMO_SIZE) {
            p->unit = 0;
            break;
        }
    }
    if (b.failed) {
        buf_fini(&b);
        return error_memory(c->err);
    }
    if (p->unit != 0) {
        if (b.size > 0) {
            memcpy(p->memo, b.data, b.size);
        }
        p->memo_size = (uint32_t)b.size;
        p->key = key;
        p->is_known = true;
    }
    buf_fini(&b);
    return OK;
}

static void
put_digits(char *out, int32_t count, int64_t n) {
    for (int32_t i = count - 1; i >= 0; i--) {
        out[i] = (char)('0' + n % 10);
        n /= 10;
    }
}

/* `us` since the start of the minute. */
static void
patch(const format_plan *p, char *out, int64_t us) {
    for (int32_t i = 0; i < p->piece_count; i++) {
        char *at = out + p->pieces[i].offset;
        switch (p->pieces[i].fast) {
        case 'S':
            put_digits(at, 2, us / US_PER_SECOND);
            break;
        case 'f':
            put_digits(at, 6, us % US_PER_SECOND);
            break;
        case 'L':
            put_digits(at, 3, us % US_PER_SECOND / 1000);
            break;
        default:
            break;
        }
    }
}

static status
format_rows(fn_call *c, format_plan *p, const int64_t *us, int32_t step) {
    strview *z = c->values;
    strview  shared = {.word = {0, 0}};
    bool     has_shared = false;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const int64_t t = us[i * step];
        const int64_t key = p->unit == 0 ? 0 : floor_div_i64(t, p->unit);
        if (p->unit != 0 && (!p->is_known || key != p->key)) {
            TRY(refresh(c, p, t, key));
            has_shared = false;
        }
        if (p->unit == 0) {
            TRY(format_slowly(c, t, p->format, &z[i]));
            continue;
        }
        if (!has_shared || p->has_fast) {
            char *out = fn_text_reserve(c, MEMO_SIZE);
            if (out == NULL) {
                return error_memory(c->err);
            }
            memcpy(out, p->memo, p->memo_size);
            if (p->has_fast) {
                patch(p, out, t - key * p->unit);
            }
            shared = fn_text_commit(c, p->memo_size);
            has_shared = true;
        }
        z[i] = shared;
    }
    return OK;
}

status
fn_strftime(fn_call *c) {
    const int32_t  at = format_argument(&c->args[0].type);
    const int64_t *us;
    int32_t        step;
    TRY(fn_microseconds(c, 1 - at, &us, &step));
    if (c->state != NULL) {
        return format_rows(c, c->state, us, step);
    }
    strview *z = c->values;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            TRY(format_slowly(c, us[i * step], operand_text(&c->args[at], i), &z[i]));
        }
    }
    return OK;
}
