/* SPDX-License-Identifier: Apache-2.0 */
/* zone.c - see zone.h. A file has a block of 32-bit times, then (from version 2 on) one of 64-bit
 * times and a line in the form of POSIX TZ, which says what holds after the last transition. */
#include "type/zone.h"

#include "type/calendar.h"

#define SECONDS_PER_DAY 86400
#define OFFSET_MAX (26 * 3600)

/* ---- blocks */
typedef struct reader {
    const uint8_t *at;
    size_t         left;
} reader;

typedef struct header {
    uint8_t  version;
    uint32_t indicators_ut, indicators_std, leaps, times, types, letters;
} header;

static uint32_t
big_u32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
big_i64(const uint8_t *p) {
    return (int64_t)((uint64_t)big_u32(p) << 32 | big_u32(p + 4));
}

static bool
read_header(reader *r, header *h) {
    if (r->left < 44 || memcmp(r->at, "TZif", 4) != 0) {
        return false;
    }
    const uint8_t *p = r->at + 20;
    *h = (header){.version = r->at[4],
                  .indicators_ut = big_u32(p),
                  .indicators_std = big_u32(p + 4),
                  .leaps = big_u32(p + 8),
                  .times = big_u32(p + 12),
                  .types = big_u32(p + 16),
                  .letters = big_u32(p + 20)};
    r->at += 44;
    r->left -= 44;
    return h->types >= 1 && h->types <= 256 && h->times <= 65536;
}

static uint64_t
block_size(const header *h, uint64_t width) {
    return h->times * (width + 1) + h->types * UINT64_C(6) + h->letters + h->leaps * (width + 4) +
           h->indicators_std + (uint64_t)h->indicators_ut;
}

static bool
read_block(zone *z, reader *r, const header *h, size_t width, arena *a, bool *memory) {
    if (block_size(h, width) > r->left) {
        return false;
    }
    const uint8_t *times = r->at;
    const uint8_t *kinds = times + h->times * width;
    const uint8_t *types = kinds + h->times;
    int64_t       *at = arena_alloc(a, (h->times + 1) * sizeof(*at));
    int32_t       *offsets = arena_alloc(a, h->types * sizeof(*offsets));
    if (at == NULL || offsets == NULL) {
        *memory = true;
        return false;
    }
    for (uint32_t i = 0; i < h->types; i++) {
        offsets[i] = (int32_t)big_u32(types + (size_t)i * 6);
        if (offsets[i] < -OFFSET_MAX || offsets[i] > OFFSET_MAX) {
            return false;
        }
    }
    for (uint32_t i = 0; i < h->times; i++) {
        const uint8_t *p = times + i * width;
        at[i] = width == 8 ? big_i64(p) : (int32_t)big_u32(p);
        if (kinds[i] >= h->types || (i > 0 && at[i] <= at[i - 1])) {
            return false;
        }
    }
    *z = (zone){.count = (int32_t)h->times,
                .at = at,
                .kinds = kinds,
                .offset_count = (int32_t)h->types,
                .offsets = offsets};
    r->at += block_size(h, width);
    r->left -= (size_t)block_size(h, width);
    return true;
}

/* ---- the line: CET-1CEST,M3.5.0,M10.5.0/3 */
typedef struct cursor {
    const char *at, *end;
} cursor;

static bool
take(cursor *c, char wanted) {
    if (c->at < c->end && *c->at == wanted) {
        c->at++;
        return true;
    }
    return false;
}

static bool
take_count(cursor *c, int32_t most, int32_t *out) {
    int32_t n = 0;
    bool    any = false;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9' && n <= most; c->at++) {
        n = n * 10 + (*c->at - '0');
        any = true;
    }
    *out = n;
    return any && n <= most;
}

static bool
take_name(cursor *c) {
    const char *first = c->at;
    if (take(c, '<')) {
        while (c->at < c->end && *c->at != '>') {
            c->at++;
        }
        return take(c, '>');
    }
    while (c->at < c->end &&
           ((*c->at >= 'A' && *c->at <= 'Z') || (*c->at >= 'a' && *c->at <= 'z'))) {
        c->at++;
    }
    return c->at - first >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds; hours up to 167. */
static bool
take_seconds(cursor *c, int32_t *out) {
    const bool negative = take(c, '-');
    if (!negative) {
        (void)take(c, '+');
    }
    int32_t hours, minutes = 0, seconds = 0;
    if (!take_count(c, 167, &hours) || (take(c, ':') && !take_count(c, 59, &minutes)) ||
        (take(c, ':') && !take_count(c, 59, &seconds))) {
        return false;
    }
    *out = (hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1);
    return true;
}

static bool
take_day(cursor *c, zone_rule_day *d) {
    bool known = take(c, ',');
    *d = (zone_rule_day){.form = '0', .seconds = 7200};
    if (take(c, 'M')) {
        d->form = 'M';
        known = known && take_count(c, 12, &d->month) && d->month >= 1 && take(c, '.') &&
                take_count(c, 5, &d->week) && d->week >= 1 && take(c, '.') &&
                take_count(c, 6, &d->day);
    } else {
        d->form = take(c, 'J') ? 'J' : '0';
        known = known && take_count(c, 365, &d->day) && (d->form != 'J' || d->day >= 1);
    }
    return known && (!take(c, '/') || take_seconds(c, &d->seconds));
}

static bool
parse_rule(zone *z, text line) {
    cursor  c = {line.data, line.data + line.size};
    int32_t west;
    if (!take_name(&c) || !take_seconds(&c, &west)) {
        return false;
    }
    z->has_rule = true;
    z->standard = -west;
    if (c.at == c.end) {
        return true;
    }
    z->has_saving = true;
    z->saving = z->standard + 3600;
    if (!take_name(&c)) {
        return false;
    }
    if (c.at < c.end && *c.at != ',') {
        if (!take_seconds(&c, &west)) {
            return false;
        }
        z->saving = -west;
    }
    return take_day(&c, &z->begin) && take_day(&c, &z->end) && c.at == c.end;
}

bool
zone_parse(zone *out, text data, arena *a, bool *memory) {
    reader r = {(const uint8_t *)data.data, data.size};
    header h;
    *memory = false;
    if (!read_header(&r, &h)) {
        return false;
    }
    if (h.version == 0) {
        return read_block(out, &r, &h, 4, a, memory);
    }
    if (block_size(&h, 4) > r.left) {
        return false;
    }
    r.at += block_size(&h, 4);
    r.left -= (size_t)block_size(&h, 4);
    if (!read_header(&r, &h) || !read_block(out, &r, &h, 8, a, memory)) {
        return false;
    }
    if (r.left < 2 || r.at[0] != '\n') {
        return false;
    }
    const char *line = (const char *)r.at + 1;
    const char *end = memchr(line, '\n', r.left - 1);
    return end != NULL && (end == line || parse_rule(out, (text){line, (size_t)(end - line)}));
}

bool
zone_fixed(zone *out, text name) {
    static const int64_t none[1] = {0};
    static const uint8_t kinds[1] = {0};
    static const int32_t zero[1] = {0};
    cursor               c = {name.data, name.data + name.size};
    int32_t              east = 0;
    *out = (zone){.at = none, .kinds = kinds, .offset_count = 1, .offsets = zero, .has_rule = true};
    if (text_equal_nocase(name, TEXT("UTC")) || text_equal_nocase(name, TEXT("GMT")) ||
        text_equal_nocase(name, TEXT("Z"))) {
        return true;
    }
    const bool signed_ = name.size > 1 && (name.data[0] == '+' || name.data[0] == '-');
    if (!signed_) {
        return false;
    }
    int32_t    hours, minutes = 0;
    const bool negative = take(&c, '-');
    (void)(negative || take(&c, '+'));
    const char *digits = c.at;
    if (!take_count(&c, 1559, &hours)) {
        return false;
    }
    if (c.at - digits > 2) { /* hhmm */
        minutes = hours % 100;
        hours /= 100;
    } else if (take(&c, ':') && !take_count(&c, 59, &minutes)) {
        return false;
    }
    east = (hours * 60 + minutes) * 60 * (negative ? -1 : 1);
    out->standard = east;
    return c.at == c.end && hours <= 15 && minutes <= 59;
}

/* ---- the rule of a year */
static int64_t
day_of_rule(const zone_rule_day *d, int64_t year) {
    const int64_t first = days_from_civil(year, 1, 1);
    if (d->form == '0') {
        return first + d->day;
    }
    if (d->form == 'J') {
        const bool leap = days_in_month(year, 2) == 29;
        return first + d->day - 1 + (leap && d->day >= 60);
    }
    const int64_t month = days_from_civil(year, d->month, 1);
    const int64_t weekday = floor_mod_i64(month + 4, 7); /* 1970-01-01 was a Thursday */
    const int64_t day = month + floor_mod_i64(d->day - weekday, 7) + (d->week - 1) * INT64_C(7);
    return day < month + days_in_month(year, d->month) ? day : day - 7;
}

static int32_t
offset_by_rule(const zone *z, int64_t seconds) {
    if (!z->has_saving) {
        return z->standard;
    }
    civil c;
    civil_from_days(floor_div_i64(seconds + z->standard, SECONDS_PER_DAY), &c);
    const int64_t begin =
        day_of_rule(&z->begin, c.year) * SECONDS_PER_DAY + z->begin.seconds - z->standard;
    const int64_t end = day_of_rule(&z->end, c.year) * SECONDS_PER_DAY + z->end.seconds - z->saving;
    const bool    saving =
        begin < end ? seconds >= begin && seconds < end : seconds < end || seconds >= begin;
    return saving ? z->saving : z->standard;
}

int32_t
zone_offset(const zone *z, int64_t seconds) {
    int32_t low = 0, high = z->count; /* the first transition after `seconds` */
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (z->at[middle] <= seconds) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == z->count && z->has_rule) {
        return offset_by_rule(z, seconds);
    }
    return low == 0 ? z->offsets[0] : z->offsets[z->kinds[low - 1]];
}

int64_t
zone_to_local_us(const zone *z, int64_t us) {
    return sat_add_i64(us, zone_offset(z, floor_div_i64(us, US_PER_SECOND)) * US_PER_SECOND);
}

int64_t
zone_from_local_us(const zone *z, int64_t us) {
    const int64_t local = floor_div_i64(us, US_PER_SECOND);
    const int64_t before = zone_offset(z, local - SECONDS_PER_DAY);
    const int64_t after = zone_offset(z, local + SECONDS_PER_DAY);
    const bool    is_before = zone_offset(z, local - before) == before;
    const bool    is_after = zone_offset(z, local - after) == after;
    int64_t       offset = before; /* in a gap */
    if (is_after && (!is_before || after < before)) {
        offset = after;
    }
    return sat_sub_i64(us, offset * US_PER_SECOND);
}

int64_t
zone_from_local_near_us(const zone *z, int64_t us, int64_t instant) {
    const int64_t offset = zone_offset(z, floor_div_i64(instant, US_PER_SECOND));
    const int64_t seconds = floor_div_i64(us, US_PER_SECOND) - offset;
    return zone_offset(z, seconds) == offset ? sat_sub_i64(us, offset * US_PER_SECOND)
                                             : zone_from_local_us(z, us);
}

static size_t
write_two(char *out, int32_t v) {
    out[0] = (char)('0' + v / 10);
    out[1] = (char)('0' + v % 10);
    return 2;
}

size_t
zone_offset_write(char *out, int32_t seconds) {
    const int32_t east = seconds < 0 ? -seconds : seconds;
    size_t        size = 1;
    out[0] = seconds < 0 ? '-' : '+';
    size += write_two(out + size, east / 3600);
    if (east % 3600 != 0) {
        out[size++] = ':';
        size += write_two(out + size, east / 60 % 60);
    }
    if (east % 60 != 0) {
        out[size++] = ':';
        size += write_two(out + size, east % 60);
    }
    return size;
}
