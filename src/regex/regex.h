/* SPDX-License-Identifier: Apache-2.0 */
/* regex.h - regular expressions in linear time, in the syntax of RE2.
 *
 * | alternatives; * + ? {n} {n,} {n,m}, lazy with a ? behind; ( ) (?: ) (?P<name> ) (?flags)
 * (?flags: ) with i m s U; . [a-z] [^a] [[:alpha:]] \d \s \w \D \S \W \pL \p{Lu} \P{Lu}; ^ $ \A \z
 * \b \B; \n \t \r \f \v \a \xHH \x{H} \0oo \Q..\E. Of all matches the leftmost is taken, and of
 * these the one a backtracking matcher finds first. There is no look-around and no reference to a
 * group inside a pattern: nobody knows how to do those in linear time.
 *
 * A pattern becomes a program of bytes (UTF-8). Whether it matches is answered by a DFA whose
 * states are made as they are met; where, and the groups, by one walk where each byte says how to
 * go on (regex_onepass.c), by a backtracker that visits no state twice, or for long texts by a
 * simulation of all alternatives at once. Texts are valid UTF-8. */
#ifndef LAMINAR_REGEX_REGEX_H
#define LAMINAR_REGEX_REGEX_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

enum {
    REGEX_ANY_CASE = 1,
    REGEX_DOT_NEWLINE = 2, /* . matches a newline */
    REGEX_LINES = 4,       /* ^ and $ also match at the ends of lines */
    REGEX_LAZY = 8,        /* (?U): x* is lazy, x*? is not */
    REGEX_LITERAL = 16,    /* the pattern has no syntax */
    REGEX_WHOLE = 32       /* the whole text must match */
};

#define REGEX_GROUPS_MAX 99

typedef struct regex regex;

typedef struct regex_span { /* bytes from .. to; from < 0: the group took no part */
    int64_t from, to;
} regex_span;

/* group_max < 0: only regex_matches will be asked; else regex_search too, for groups up to that one
 * (those the pattern does not have are nowhere). All memory, also that of matching, comes from `a`
 * now. ERR_QUERY_FAILED: the message quotes the pattern and says what is wrong with it. */
status  regex_compile(regex **out, arena *a, text pattern, uint32_t flags, int32_t group_max,
                      error *err) MUST_USE;
int32_t regex_group_count(const regex *r); /* without the whole match */
/* The number of the group with that name, or -1. */
int32_t regex_group_of_name(const regex *r, text name);

/* Not const: both use memory of the regex. One thread at a time. */
bool regex_matches(regex *r, text s);
/* The leftmost match that starts at `from` or later; spans[0] is the match, spans[k] group k, up to
 * group_max. Not with REGEX_WHOLE. */
bool regex_search(regex *r, text s, size_t from, regex_span *spans);

/* SIMILAR TO and GLOB as patterns of this module, to be compiled with REGEX_WHOLE and
 * REGEX_DOT_NEWLINE. escape: one character or empty. */
status regex_from_similar(buf *out, text pattern, text escape, error *err) MUST_USE;
status regex_from_glob(buf *out, text pattern, error *err) MUST_USE;
/* `s` with a backslash before each character that has a meaning in patterns. */
bool regex_escape(buf *out, text s);

#endif
