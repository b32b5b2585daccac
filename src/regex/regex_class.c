/* SPDX-License-Identifier: Apache-2.0 */
/* regex_class.c - sets of characters as sorted ranges, and the named ones. \d, \s, \w and the POSIX
 * names are ASCII, as in RE2; \p{..} are the general categories of Unicode. */
#include "base/unicode.h"
#include "regex/regex_internal.h"

status
class_add(char_class *c, arena *a, uint32_t first, uint32_t last, error *err) {
    if (c->count == c->capacity) {
        if (c->count >= REGEX_RANGES_MAX) {
            return error_set(err, ERR_QUERY_FAILED,
                             "the regular expression has a class of more than %d ranges",
                             REGEX_RANGES_MAX);
        }
        const int32_t wanted = c->capacity == 0 ? 8 : c->capacity * 2;
        char_range   *more = arena_alloc(a, (size_t)wanted * sizeof(*more));
        if (more == NULL) {
            return error_memory(err);
        }
        if (c->count > 0) {
            memcpy(more, c->ranges, (size_t)c->count * sizeof(*more));
        }
        c->ranges = more;
        c->capacity = wanted;
    }
    c->ranges[c->count++] = (char_range){first, last};
    return OK;
}

status
class_add_class(char_class *c, arena *a, const char_class *more, error *err) {
    for (int32_t i = 0; i < more->count; i++) {
        TRY(class_add(c, a, more->ranges[i].first, more->ranges[i].last, err));
    }
    return OK;
}

/* Heapsort: no memory, no bad case. */
static void
sift(char_range *r, int32_t at, int32_t count) {
    for (;;) {
        int32_t child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        child += child + 1 < count && r[child + 1].first > r[child].first;
        if (r[at].first >= r[child].first) {
            return;
        }
        const char_range t = r[at];
        r[at] = r[child];
        r[child] = t;
        at = child;
    }
}

static void
sort(char_range *r, int32_t count) {
    for (int32_t i = count / 2 - 1; i >= 0; i--) {
        sift(r, i, count);
    }
    for (int32_t end = count - 1; end > 0; end--) {
        const char_range t = r[0];
        r[0] = r[end];
        r[end] = t;
        sift(r, 0, end);
    }
}

void
class_finish(char_class *c) {
    int32_t kept = 0;
    sort(c->ranges, c->count);
    for (int32_t i = 0; i < c->count; i++) {
        const char_range r = c->ranges[i];
        if (kept > 0 && r.first <= c->ranges[kept - 1].last + 1) {
            if (r.last > c->ranges[kept - 1].last) {
                c->ranges[kept - 1].last = r.last;
            }
        } else {
            c->ranges[kept++] = r;
        }
    }
    c->count = kept;
}

bool
class_has(const char_class *c, uint32_t code) {
    int32_t low = 0;
    int32_t high = c->count;
    while (low < high) {
        const int32_t middle = (low + high) / 2;
        if (c->ranges[middle].last < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < c->count && c->ranges[low].first <= code;
}

/* Pairs of upper and lower case; characters that share a lower case all become members (K, k and
 * the Kelvin sign). */
status
class_fold(char_class *c, arena *a, error *err) {
    int32_t         count;
    const case_run *runs = unicode_lower_runs(&count);
    class_finish(c);
    for (int32_t round = 0; round < 2; round++) {
        const char_class seen = {.count = c->count, .ranges = c->ranges};
        char_class       more = {.count = 0};
        for (int32_t i = 0; i < count; i++) {
            for (uint32_t u = runs[i].first; u <= runs[i].last; u += (uint32_t)runs[i].step) {
                const uint32_t l = (uint32_t)((int32_t)u + runs[i].delta);
                const bool     has_upper = class_has(&seen, u);
                const bool     has_lower = class_has(&seen, l);
                if (has_upper != has_lower) {
                    const uint32_t other = has_upper ? l : u;
                    TRY(class_add(&more, a, other, other, err));
                }
            }
        }
        TRY(class_add_class(c, a, &more, err));
        class_finish(c);
    }
    return OK;
}

status
class_negate(char_class *c, arena *a, error *err) {
    char_class out = {.count = 0};
    uint32_t   next = 0;
    for (int32_t i = 0; i < c->count; i++) {
        if (c->ranges[i].first > next) {
            TRY(class_add(&out, a, next, c->ranges[i].first - 1, err));
        }
        next = c->ranges[i].last + 1;
    }
    if (next <= UNICODE_MAX) {
        TRY(class_add(&out, a, next, UNICODE_MAX, err));
    }
    *c = out;
    return OK;
}

/* ---- named classes: pairs of first and last */
static const struct {
    const char *name;
    const char *pairs;
} named[] = {
    {"alnum", "09AZaz"},
    {"alpha", "AZaz"},
    {"ascii", "\x01\x7f"},
    {"blank", "\t\t  "},
    {"cntrl", "\x01\x1f\x7f\x7f"},
    {"digit", "09"},
    {"graph", "!~"},
    {"lower", "az"},
    {"print", " ~"},
    {"punct", "!/:@[`{~"},
    {"space", "\t\r  "},
    {"upper", "AZ"},
    {"word", "09AZ__az"},
    {"xdigit", "09AFaf"},
    {"\\s", "\t\n\f\r  "},
};

static status
add_pairs(char_class *c, arena *a, const char *pairs, error *err) {
    for (const char *p = pairs; *p != '\0'; p += 2) {
        TRY(class_add(c, a, (uint8_t)p[0], (uint8_t)p[1], err));
    }
    return OK;
}

status
class_add_posix(char_class *c, arena *a, text name, bool *known, error *err) {
    *known = true;
    for (int32_t i = 0; i < ARRAY_COUNT(named); i++) {
        if (text_equal(text_of(named[i].name), name)) {
            return add_pairs(c, a, named[i].pairs, err);
        }
    }
    *known = false;
    return OK;
}

status
class_add_perl(char_class *c, arena *a, char letter, error *err) {
    char_class own = {.count = 0};
    bool       known;
    const char small = (char)(letter | 0x20);
    const text name = small == 'd' ? TEXT("digit") : small == 's' ? TEXT("\\s") : TEXT("word");
    TRY(class_add_posix(&own, a, name, &known, err));
    class_finish(&own);
    if (letter != small) {
        TRY(class_negate(&own, a, err));
    }
    return class_add_class(c, a, &own, err);
}

status
class_add_property(char_class *c, arena *a, text name, bool *known, error *err) {
    int32_t             count;
    const category_run *runs = unicode_category_runs(&count);
    *known = text_equal(name, TEXT("Any"));
    if (*known) {
        return class_add(c, a, 0, UNICODE_MAX, err);
    }
    if (name.size != 1 && name.size != 2) {
        return OK;
    }
    char_class own = {.count = 0};
    for (int32_t i = 0; i < count; i++) {
        const bool group = runs[i].category >> 8 == name.data[0];
        if (group && (name.size == 1 || (runs[i].category & 0xFF) == name.data[1])) {
            *known = true;
            if (own.count > 0 && own.ranges[own.count - 1].last + 1 == runs[i].first) {
                own.ranges[own.count - 1].last = runs[i].last;
            } else {
                TRY(class_add(&own, a, runs[i].first, runs[i].last, err));
            }
        }
    }
    return class_add_class(c, a, &own, err);
}
