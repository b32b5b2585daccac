/* SPDX-License-Identifier: Apache-2.0 */
/* regex.c - making a regex, choosing the matcher, and other kinds of patterns as regular
 * expressions. */
#include "regex/regex.h"

#include "base/unicode.h"
#include "regex/regex_internal.h"

static void
number_splits(regex *r) {
    for (int32_t pc = 0; pc < r->count; pc++) {
        if (r->code[pc].op == OP_SPLIT) {
            r->code[pc].split = (uint16_t)r->split_count++;
        }
    }
}

status
regex_compile(regex **out, arena *a, text pattern, uint32_t flags, int32_t group_max, error *err) {
    regex     *r = arena_alloc_zero(a, sizeof(*r));
    const text own = arena_text(a, pattern);
    node      *root;
    if (r == NULL || own.data == NULL) {
        return error_memory(err);
    }
    r->flags = flags;
    r->group_max = group_max;
    TRY(regex_parse(&root, &r->group_count, &r->names, a, own, flags, err));
    const int32_t wanted = group_max < r->group_count ? group_max : r->group_count;
    r->slot_count = 2 * (wanted + 1);
    TRY(program_make(r, a, root, err));
    TRY(program_analyse(r, a, root, err));
    number_splits(r);
    if (group_max >= 0) {
        TRY(search_make(r, a, err));
        TRY((flags & REGEX_WHOLE) == 0 ? onepass_make(r, a, err) : OK);
    }
    TRY(dfa_make(r, a, err));
    *out = r;
    return OK;
}

int32_t
regex_group_count(const regex *r) {
    return r->group_count;
}

int32_t
regex_group_of_name(const regex *r, text name) {
    for (int32_t i = 0; i < r->names.count; i++) {
        if (text_equal(r->names.names[i], name)) {
            return r->names.groups[i];
        }
    }
    return -1;
}

static bool
holds_needed(const regex *r, text s) {
    return r->needed.size == 0 || text_find(s, r->needed) != NULL;
}

bool
regex_matches(regex *r, text s) {
    if (r->is_literal) {
        const bool whole = (r->flags & REGEX_WHOLE) != 0;
        return whole ? text_equal(s, r->needed) : holds_needed(r, s);
    }
    return holds_needed(r, s) && dfa_matches(r, s);
}

/* The matchers from the quickest to the one that always has an answer. */
static bool
find_match(regex *r, text s, size_t from) {
    int64_t      *slots = r->found;
    search_result got = r->onepass != NULL ? onepass_search(r, s, &from, slots) : SEARCH_GAVE_UP;
    if (got == SEARCH_GAVE_UP) {
        got = backtrack_search(r, s, from, slots);
    }
    return got == SEARCH_GAVE_UP ? pike_search(r, s, from, slots) : got == SEARCH_YES;
}

bool
regex_search(regex *r, text s, size_t from, regex_span *spans) {
    const int64_t *slots = r->found;
    assert(r->group_max >= 0 && (r->flags & REGEX_WHOLE) == 0);
    if (from > s.size || (r->anchored && from > 0)) {
        return false;
    }
    /* Where it lies near the start of a match, it is what starts are found by. */
    if (r->needed_max == WIDTH_ANY && !holds_needed(r, text_after(s, from))) {
        return false;
    }
    if (!find_match(r, s, from)) {
        return false;
    }
    for (int32_t k = 0; k <= r->group_max; k++) {
        const bool took_part = 2 * k < r->slot_count && slots[2 * k] >= 0 && slots[2 * k + 1] >= 0;
        spans[k] = took_part ? (regex_span){slots[2 * k], slots[2 * k + 1]} : (regex_span){-1, -1};
    }
    return true;
}

/* ---- other patterns */
static bool
has_meaning(char c) {
    return c != '\0' && strchr("\\.+*?()|[]{}^$", c) != NULL;
}

bool
regex_escape(buf *out, text s) {
    for (size_t i = 0; i < s.size; i++) {
        if (has_meaning(s.data[i])) {
            buf_append_char(out, '\\');
        }
        buf_append_char(out, s.data[i]);
    }
    return !out->failed;
}

static status
finish(const buf *out, error *err) {
    return out->failed ? error_memory(err) : OK;
}

/* Inside [ ] a backslash and what SQL calls an escape are the only changes. Returns where it went
 * on. */
static size_t
similar_class(buf *out, text p, size_t i, text escape) {
    buf_append_char(out, '[');
    i++;
    if (i < p.size && p.data[i] == '^') {
        buf_append_char(out, '^');
        i++;
    }
    for (bool first = true; i < p.size && (first || p.data[i] != ']'); first = false) {
        const bool escaped = escape.size > 0 && p.size - i > escape.size &&
                             memcmp(p.data + i, escape.data, escape.size) == 0;
        i += escaped ? escape.size : 0;
        if (escaped || p.data[i] == '\\') {
            buf_append_char(out, '\\');
        }
        const bool   posix = !escaped && p.data[i] == '[' && i + 1 < p.size && p.data[i + 1] == ':';
        const char  *end = posix ? memmem(p.data + i, p.size - i, ":]", 2) : NULL;
        const size_t size = end != NULL ? (size_t)(end + 2 - (p.data + i)) : utf8_width(p.data + i);
        buf_append(out, p.data + i, size);
        i += size;
    }
    buf_append_text(out, i < p.size ? TEXT("]") : TEXT(""));
    return i + 1;
}

status
regex_from_similar(buf *out, text pattern, text escape, error *err) {
    for (size_t i = 0; i < pattern.size;) {
        const char   c = pattern.data[i];
        const size_t width = utf8_width(pattern.data + i);
        if (escape.size > 0 && pattern.size - i >= escape.size &&
            memcmp(pattern.data + i, escape.data, escape.size) == 0) {
            i += escape.size;
            if (i == pattern.size) {
                return error_set(err, ERR_QUERY_FAILED,
                                 "the pattern '%.*s' ends with its escape character",
                                 TEXT_ARG(pattern));
            }
            const size_t next = utf8_width(pattern.data + i);
            regex_escape(out, (text){pattern.data + i, next});
            i += next;
        } else if (c == '[') {
            i = similar_class(out, pattern, i, escape);
        } else if (c == '%' || c == '_') {
            buf_append_text(out, c == '%' ? TEXT(".*") : TEXT("."));
            i++;
        } else if (c == '(') {
            buf_append_text(out, TEXT("(?:"));
            i++;
        } else {
            if (c == '.' || c == '^' || c == '$' || c == '\\') {
                buf_append_char(out, '\\');
            }
            buf_append(out, pattern.data + i, width);
            i += width;
        }
    }
    return finish(out, err);
}

status
regex_from_glob(buf *out, text p, error *err) {
    for (size_t i = 0; i < p.size; i++) {
        const char c = p.data[i];
        if (c == '*' || c == '?') {
            buf_append_text(out, c == '*' ? TEXT(".*") : TEXT("."));
        } else if (c == '[' && memchr(p.data + i + 1, ']', p.size - i - 1) != NULL) {
            const bool   negated = p.data[i + 1] == '!' || p.data[i + 1] == '^';
            const size_t start = i + 1 + negated;
            size_t       end = start + (start < p.size && p.data[start] == ']');
            for (; end < p.size && p.data[end] != ']'; end++) {
            }
            buf_append_text(out, negated ? TEXT("[^") : TEXT("["));
            for (i = start; i < end; i++) {
                if (p.data[i] == '\\' || p.data[i] == '[' || p.data[i] == '^') {
                    buf_append_char(out, '\\');
                }
                buf_append_char(out, p.data[i]);
            }
            buf_append_char(out, ']');
        } else if (c == '\\' && i + 1 < p.size) {
            i++;
            regex_escape(out, (text){p.data + i, 1});
        } else {
            regex_escape(out, (text){&c, 1});
        }
    }
    return finish(out, err);
}
