/* SPDX-License-Identifier: Apache-2.0 */
/* fn_grapheme.c - texts by the characters that a reader sees (UAX #29), and in composed form. */
#include "expr/call.h"

/* Bytes of the first `count` graphemes, at most all; *found: how many there were. */
static status
skip_graphemes(fn_call *c, text t, int64_t count, size_t *bytes, int64_t *found) {
    size_t at = 0;
    *found = 0;
    while (at < t.size && *found < count) {
        const size_t width = grapheme_width(t.data + at, t.size - at);
        at += width;
        (*found)++;
        TRY(fn_spend(c, (int64_t)width + 4));
    }
    *bytes = at;
    return OK;
}

status
fn_length_grapheme(fn_call *c) {
    int64_t *z = c->values;
    size_t   bytes;
    for (int32_t i = 0; i < c->row_count; i++) {
        if (fn_is_valid(c, i)) {
            TRY(skip_graphemes(c, operand_text(&c->args[0], i), INT64_MAX, &bytes, &z[i]));
        }
    }
    return OK;
}

/* The graphemes from `first` up to `end` of row i, borrowed. */
static status
put_part(fn_call *c, int32_t i, text t, int64_t first, int64_t end) {
    strview *z = c->values;
    size_t   from, size;
    int64_t  found;
    TRY(skip_graphemes(c, t, first, &from, &found));
    t = (text){t.data + from, t.size - from};
    TRY(skip_graphemes(c, t, end - first, &size, &found));
    z[i] = strview_of(t.data, (uint32_t)size);
    return OK;
}

static int64_t
limited(int128 n, int64_t most) {
    return n < 0 ? 0 : n > most ? most : (int64_t)n;
}

/* Of a count below 0 as many are left out. */
static status
end_rows(fn_call *c, bool right) {
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const text    t = operand_text(&c->args[0], i);
        const int64_t wanted = fn_integer(&c->args[1], i);
        int64_t       count;
        size_t        bytes;
        TRY(skip_graphemes(c, t, INT64_MAX, &bytes, &count));
        const int64_t taken = limited(wanted < 0 ? count + max_i64(wanted, -count) : wanted, count);
        TRY(right ? put_part(c, i, t, count - taken, count) : put_part(c, i, t, 0, taken));
    }
    return OK;
}

status
fn_left_grapheme(fn_call *c) {
    return end_rows(c, false);
}

status
fn_right_grapheme(fn_call *c) {
    return end_rows(c, true);
}

/* From a position that counts from 1, below 0 from the end; 0 is the place before the first. A
 * length below 0 goes back from there. */
status
fn_substring_grapheme(fn_call *c) {
    for (int32_t i = 0; i < c->row_count; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const text t = operand_text(&c->args[0], i);
        int64_t    count;
        size_t     bytes;
        TRY(skip_graphemes(c, t, INT64_MAX, &bytes, &count));
        const int128 position = fn_integer(&c->args[1], i);
        const int128 length = c->arg_count > 2 ? fn_integer(&c->args[2], i) : INT64_MAX;
        int128       from = position > 0 ? position - 1 : position < 0 ? count + position : -1;
        int128       end = from + length;
        if (length < 0) {
            end = from;
            from += length;
        }
        from = limited(from, count);
        end = limited(end, count);
        TRY(put_part(c, i, t, (int64_t)from, max_i64((int64_t)from, (int64_t)end)));
    }
    return OK;
}

/* ---- nfc_normalize */
static status
compose_text(fn_call *c, text t, buf *out, uint32_t **codes, size_t *capacity) {
    for (size_t at = 0; at < t.size;) {
        const size_t width = grapheme_width(t.data + at, t.size - at);
        if (width * UNICODE_ROOM > *capacity) {
            *capacity = 2 * width * UNICODE_ROOM;
            *codes = arena_alloc(c->scratch, *capacity * sizeof(**codes));
            TRY(*codes == NULL ? error_memory(c->err) : OK);
        }
        if (!buf_reserve(out, 3 * width)) {
            return OK; /* fn_text_of_buf says why */
        }
        out->size += unicode_compose(out->data + out->size, t.data + at, width, *codes);
        at += width;
        TRY(fn_spend(c, 4 * (int64_t)width));
    }
    return OK;
}

static bool
is_ascii(text t) {
    for (size_t i = 0; i < t.size; i++) {
        if ((uint8_t)t.data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

status
fn_nfc_normalize(fn_call *c) {
    strview  *z = c->values;
    uint32_t *codes = NULL;
    size_t    capacity = 0;
    status    s = OK;
    buf       out;
    buf_init(&out, c->scratch->mem, TEXT_RESULT_MAX);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        const text t = operand_text(&c->args[0], i);
        if (is_ascii(t)) {
            z[i] = *operand_view(&c->args[0], i);
            continue;
        }
        buf_clear(&out);
        s = compose_text(c, t, &out, &codes, &capacity);
        s = s == OK ? fn_text_of_buf(c, "nfc_normalize", &out, &z[i]) : s;
    }
    buf_fini(&out);
    return s;
}
