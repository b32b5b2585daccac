/* SPDX-License-Identifier: Apache-2.0 */
/* fn_format.c - format('{} is {:.2f}', ...) in the way of Python and {fmt}, printf('%s is %.2f',
 * ...) in that of C. Both become a piece of text and a `look` at a time; what the argument is
 * decides which letters it takes. */
#include <stdio.h>

#include "expr/call.h"

#define PRECISION_MAX 300
#define WIDTH_MAX 1000000
#define DIGITS_MAX 800 /* of a DOUBLE with PRECISION_MAX digits behind the point, grouped */

typedef struct look {
    text    fill;   /* one character */
    char    align;  /* '<' '>' '^', 0: as the type has it */
    char    sign;   /* '+' or ' ', 0: only a minus */
    bool    prefix; /* # */
    bool    zeros;
    char    group;     /* between thousands, 0: nothing */
    int32_t width;     /* characters */
    int32_t precision; /* -1: none */
    char    letter;    /* 0: as the type has it */
} look;

typedef struct format {
    fn_call    *call;
    const char *name;
    int32_t     row;
    text        pattern;
    size_t      at;
    int32_t     next;      /* argument */
    bool        automatic; /* {} was met */
    bool        numbered;  /* {0} was met */
} format;

static status
fault(const format *f, const char *what) {
    return error_set(f->call->err, ERR_QUERY_FAILED, "%s: the format '%.*s' %s (at byte %zu)",
                     f->name, (int)(f->pattern.size > 200 ? 200 : f->pattern.size), f->pattern.data,
                     what, f->at);
}

static char
peek(const format *f) {
    return f->at < f->pattern.size ? f->pattern.data[f->at] : '\0';
}

static bool
accept(format *f, char c) {
    const bool found = f->at < f->pattern.size && f->pattern.data[f->at] == c;
    f->at += found;
    return found;
}

/* Digits, at most `max`. False: a larger number. */
static bool
read_number(format *f, int32_t max, int32_t *out) {
    *out = 0;
    for (; peek(f) >= '0' && peek(f) <= '9'; f->at++) {
        *out = *out * 10 + (peek(f) - '0');
        if (*out > max) {
            return false;
        }
    }
    return true;
}

/* ---- one value */
/* Digits of `n` in a base, grouped by threes; returns where they start in out[0 .. size). */
static size_t
write_digits(char *out, size_t size, uint64_t n, uint32_t base, bool capitals, char group) {
    const char *digits = capitals ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t      at = size;
    int32_t     count = 0;
    do {
        if (group != 0 && count > 0 && count % 3 == 0) {
            out[--at] = group;
        }
        out[--at] = digits[n % base];
        n /= base;
        count++;
    } while (n != 0);
    return at;
}

/* Sign and prefix, zeros or fill, the text: in `width` characters. */
static void
append_aligned(buf *out, const look *l, text head, text body, bool is_number) {
    const int64_t size = utf8_count(head) + utf8_count(body);
    const int64_t missing = max_i64(l->width - size, 0);
    const char    align = l->align != 0 ? l->align : is_number ? '>' : '<';
    const bool    zeros = l->zeros && l->align == 0 && is_number;
    const int64_t before = zeros || align == '<' ? 0 : align == '>' ? missing : missing / 2;
    for (int64_t i = 0; i < before; i++) {
        buf_append_text(out, l->fill);
    }
    buf_append_text(out, head);
    for (int64_t i = 0; zeros && i < missing; i++) {
        buf_append_char(out, '0');
    }
    buf_append_text(out, body);
    for (int64_t i = before; !zeros && i < missing; i++) {
        buf_append_text(out, l->fill);
    }
}

static size_t
write_head(char *head, bool negative, const look *l, const char *prefix) {
    size_t n = 0;
    if (negative || l->sign != 0) {
        head[n++] = negative ? '-' : l->sign;
    }
    for (; l->prefix && *prefix != '\0'; prefix++) {
        head[n++] = *prefix;
    }
    return n;
}

static status
append_character(const format *f, buf *out, const look *l, int64_t code) {
    char bytes[4];
    if (code < 1 || code > UNICODE_MAX || (code >= 0xD800 && code <= 0xDFFF)) {
        return fault(f, "makes a character of a number that is none");
    }
    append_aligned(out, l, TEXT(""), (text){bytes, utf8_encode(bytes, (uint32_t)code)}, false);
    return OK;
}

static status append_double(const format *f, buf *out, const look *l, double x);

static status
append_integer(const format *f, buf *out, const look *l, int64_t n) {
    const uint64_t size = n < 0 ? (uint64_t)0 - (uint64_t)n : (uint64_t)n;
    char           head[4];
    char           digits[96];
    uint32_t       base = 10;
    const char    *prefix = "";
    switch (l->letter) {
    case 0:
    case 'd':
    case 'i':
    case 'u':
    case 's':
        break;
    case 'x':
    case 'X':
        base = 16;
        prefix = l->letter == 'x' ? "0x" : "0X";
        break;
    case 'o':
        base = 8;
        prefix = "0";
        break;
    case 'b':
    case 'B':
        base = 2;
        prefix = l->letter == 'b' ? "0b" : "0B";
        break;
    case 'c':
        return append_character(f, out, l, n);
    default:
        return append_double(f, out, l, (double)n);
    }
    const size_t head_size = write_head(head, n < 0, l, prefix);
    const size_t at = write_digits(digits, sizeof(digits), size, base, l->letter == 'X', l->group);
    append_aligned(out, l, (text){head, head_size}, (text){digits + at, sizeof(digits) - at}, true);
    return OK;
}

/* Thousands between the digits before the point. */
static size_t
group_thousands(char *out, const char *digits, size_t size, char group) {
    size_t whole = 0;
    size_t used = 0;
    while (whole < size && digits[whole] >= '0' && digits[whole] <= '9') {
        whole++;
    }
    for (size_t i = 0; i < size; i++) {
        if (group != 0 && i > 0 && i < whole && (whole - i) % 3 == 0) {
            out[used++] = group;
        }
        out[used++] = digits[i];
    }
    return used;
}

static status
append_double(const format *f, buf *out, const look *l, double x) {
    char         digits[DIGITS_MAX];
    char         grouped[DIGITS_MAX * 2];
    char         head[4];
    const bool   negative = __builtin_signbit(x) != 0 && x == x;
    const char   letter = l->letter == 0 && l->precision >= 0 ? 'g' : l->letter;
    const int    precision = l->precision >= 0 ? l->precision : 6;
    int          n;
    const double y = negative ? -x : x;
    switch (letter) {
    case 'e':
        n = snprintf(digits, sizeof(digits), "%.*e", precision, y);
        break;
    case 'E':
        n = snprintf(digits, sizeof(digits), "%.*E", precision, y);
        break;
    case 'f':
    case 'F':
        n = snprintf(digits, sizeof(digits), "%.*f", precision, y);
        break;
    case 'g':
        n = snprintf(digits, sizeof(digits), "%.*g", precision, y);
        break;
    case 'G':
        n = snprintf(digits, sizeof(digits), "%.*G", precision, y);
        break;
    case 0:
    case 's': {
        const value v = {.type = type_of(TYPE_F64), .d = y};
        n = (int)value_write(&v, digits);
        break;
    }
    default:
        return fault(f, "has a letter that a DOUBLE does not take: there are e, f and g");
    }
    char *comma = memchr(digits, ',', (size_t)n); /* of the locale of the process */
    if (comma != NULL) {
        *comma = '.';
    }
    const size_t size = group_thousands(grouped, digits, (size_t)n, l->group);
    append_aligned(out, l, (text){head, write_head(head, negative, l, "")}, (text){grouped, size},
                   true);
    return OK;
}

static status
append_argument(format *f, buf *out, const look *l, int32_t index) {
    const fn_call *c = f->call;
    if (index < 0 || index + 1 >= c->arg_count) {
        return fault(f, "asks for more arguments than there are");
    }
    const operand *o = &c->args[index + 1];
    const column   all = {.type = o->type, .values = o->values};
    const value    v = column_value(&all, (int64_t)f->row * o->step);
    char           written[VALUE_TEXT_MAX];
    if (type_is_integer(o->type)) {
        return append_integer(f, out, l, v.i);
    }
    if (o->type.id == TYPE_F64) {
        return append_double(f, out, l, v.d);
    }
    if (l->letter != 0 && l->letter != 's') {
        return fault(f, "has a letter of numbers for an argument that is none");
    }
    text t = o->type.id == TYPE_TEXT ? operand_text(o, f->row)
                                     : (text){written, value_write(&v, written)};
    if (l->precision >= 0) {
        t.size = utf8_skip(t, l->precision);
    }
    append_aligned(out, l, TEXT(""), t, false);
    return OK;
}

/* ---- {index:look} */
static bool
is_align(char c) {
    return c == '<' || c == '>' || c == '^';
}

static status
read_letter(format *f, look *l, char end) {
    if (end != '\0' && accept(f, end)) {
        return OK;
    }
    const char c = peek(f);
    if (c == '\0' || strchr("diuxXobBceEfFgGs", c) == NULL) {
        return fault(f, "has an unknown letter: there are d x X o b c e f g and s");
    }
    l->letter = c;
    f->at++;
    return end == '\0' || accept(f, end) ? OK : fault(f, "has a { without its }");
}

static status
read_sizes(format *f, look *l) {
    if (!read_number(f, WIDTH_MAX, &l->width)) {
        return fault(f, "has a width above 1000000");
    }
    if (peek(f) == ',' || peek(f) == '_' || peek(f) == '\'') {
        l->group = peek(f);
        f->at++;
    }
    if (accept(f, '.') && !read_number(f, PRECISION_MAX, &l->precision)) {
        return fault(f, "has a precision above 300");
    }
    return OK;
}

static status
read_look(format *f, look *l) {
    const size_t left = f->pattern.size - f->at;
    const char  *s = f->pattern.data + f->at;
    const size_t fill = left > 0 ? utf8_width(s) : 0;
    if (left > fill && is_align(s[fill])) {
        l->fill = (text){s, fill};
        l->align = s[fill];
        f->at += fill + 1;
    } else if (is_align(peek(f))) {
        l->align = peek(f);
        f->at++;
    }
    if (peek(f) == '+' || peek(f) == ' ' || peek(f) == '-') {
        l->sign = peek(f) == '-' ? 0 : peek(f);
        f->at++;
    }
    l->prefix = accept(f, '#');
    l->zeros = accept(f, '0');
    TRY(read_sizes(f, l));
    return read_letter(f, l, '}');
}

static status
append_braces(format *f, buf *out) {
    look    l = {.fill = TEXT(" "), .precision = -1};
    int32_t index = f->next;
    if (peek(f) >= '0' && peek(f) <= '9') {
        f->numbered = true;
        if (!read_number(f, WIDTH_MAX, &index)) {
            return fault(f, "asks for more arguments than there are");
        }
    } else {
        f->automatic = true;
        f->next++;
    }
    if (f->numbered && f->automatic) {
        return fault(f, "has both {} and {0}: use one way");
    }
    if (accept(f, ':')) {
        TRY(read_look(f, &l));
    } else if (!accept(f, '}')) {
        return fault(f, "has a { without its }");
    }
    return append_argument(f, out, &l, index);
}

static status
append_format(format *f, buf *out) {
    while (f->at < f->pattern.size) {
        const char c = f->pattern.data[f->at++];
        if ((c == '{' || c == '}') && accept(f, c)) {
            buf_append_char(out, c);
        } else if (c == '{') {
            TRY(append_braces(f, out));
        } else if (c == '}') {
            return fault(f, "has a } without its {");
        } else {
            buf_append_char(out, c);
        }
    }
    return OK;
}

/* ---- %look */
static status
append_percent(format *f, buf *out) {
    look l = {.fill = TEXT(" "), .align = '>', .precision = -1};
    bool flags = true;
    while (flags) {
        switch (peek(f)) {
        case '-':
            l.align = '<';
            break;
        case '+':
            l.sign = '+';
            break;
        case ' ':
            l.sign = l.sign == 0 ? ' ' : l.sign;
            break;
        case '#':
            l.prefix = true;
            break;
        case '0':
            l.zeros = true;
            break;
        case ',':
        case '\'':
            l.group = ',';
            break;
        default:
            flags = false;
            break;
        }
        f->at += flags;
    }
    if (l.zeros && l.align == '>') {
        l.align = 0;
    }
    TRY(read_sizes(f, &l));
    TRY(read_letter(f, &l, '\0'));
    return append_argument(f, out, &l, f->next++);
}

static status
append_printf(format *f, buf *out) {
    while (f->at < f->pattern.size) {
        const char c = f->pattern.data[f->at++];
        if (c != '%' || accept(f, '%')) {
            buf_append_char(out, c);
        } else {
            TRY(append_percent(f, out));
        }
    }
    return OK;
}

static status
format_rows(fn_call *c, const char *name, status (*append)(format *f, buf *out)) {
    strview *z = c->values;
    buf      b;
    status   s = OK;
    buf_init(&b, c->scratch->mem, TEXT_RESULT_MAX);
    for (int32_t i = 0; i < c->row_count && s == OK; i++) {
        if (!fn_is_valid(c, i)) {
            continue;
        }
        format f = {.call = c, .name = name, .row = i, .pattern = operand_text(&c->args[0], i)};
        buf_clear(&b);
        s = append(&f, &b);
        if (s == OK) {
            s = fn_text_of_buf(c, name, &b, &z[i]);
        }
    }
    buf_fini(&b);
    return s;
}

status
fn_format(fn_call *c) {
    return format_rows(c, "format", append_format);
}

status
fn_printf(fn_call *c) {
    return format_rows(c, "printf", append_printf);
}
