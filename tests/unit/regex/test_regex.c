/* SPDX-License-Identifier: Apache-2.0 */
/* test_regex.c - the engine by a table of matches with their groups, by matchers against each other
 * on random patterns, by patterns made to be slow or large, and with each allocation refused. */
#include "unit.h"

#include "base/clock.h"
#include "regex/regex_internal.h"

#define GROUPS 3

typedef struct match_case {
    const char *pattern;
    uint32_t    flags;
    const char *s;
    const char *expected; /* "from,to" of the match and the groups it has; NULL: no match */
} match_case;

static const match_case matches[] = {
    {"abc", 0, "xabcx", "1,4"},
    {"", 0, "abc", "0,0"},
    {"a*", 0, "baa", "0,0"},
    {"a+", 0, "baa", "1,3"},
    {"a+?", 0, "baa", "1,2"},
    {"a{2}", 0, "aaaa", "0,2"},
    {"a{2,}", 0, "aaaa", "0,4"},
    {"a{2,}?", 0, "aaaa", "0,2"},
    {"a{1,3}", 0, "aaaa", "0,3"},
    {"a{0}b", 0, "aab", "2,3"},
    {"a{,3}", 0, "a{,3}", "0,5"},
    {"x{", 0, "x{", "0,2"},
    {"a|ab", 0, "ab", "0,1"},
    {"ab|a", 0, "ab", "0,2"},
    {"(a|ab)(c|bcd)", 0, "abcd", "0,4 0,1 1,4"},
    {"(a*)(a*)", 0, "aa", "0,2 0,2 2,2"},
    {"(a*?)(a*)", 0, "aa", "0,2 0,0 0,2"},
    {"(a)|(b)", 0, "b", "0,1 -,- 0,1"},
    {"(?:a|b)+", 0, "xabab", "1,5"},
    {"(a|b)*c", 0, "ababc", "0,5 3,4"},
    {"(|a)*", 0, "aa", "0,0 0,0"},
    {"(|a)+", 0, "aa", "0,0 0,0"},
    {"(a|)+b", 0, "aab", "0,3 1,2"},
    {"^abc$", 0, "abc", "0,3"},
    {"^abc$", 0, "abc\n", NULL},
    {"^b", 0, "a\nb", NULL},
    {"^b", REGEX_LINES, "a\nb", "2,3"},
    {"a$", REGEX_LINES, "a\nb", "0,1"},
    {"\\Ab", REGEX_LINES, "a\nb", NULL},
    {"a\\z", REGEX_LINES, "a\n", NULL},
    {".", 0, "\n", NULL},
    {".", REGEX_DOT_NEWLINE, "\n", "0,1"},
    {"(?s).", 0, "\n", "0,1"},
    {"(?i)ABC", 0, "xaBc", "1,4"},
    {"a(?i)b|C", 0, "c", "0,1"},
    {"(?i:a)b", 0, "Ab", "0,2"},
    {"(?i:a)b", 0, "AB", NULL},
    {"(?-i)a", REGEX_ANY_CASE, "A", NULL},
    {"[a-c]+", REGEX_ANY_CASE, "xABCd", "1,4"},
    {"[^a]", REGEX_ANY_CASE, "aA", NULL},
    {"\xC3\xA9+", REGEX_ANY_CASE, "\xC3\x89\xC3\xA9", "0,4"},
    {"k", REGEX_ANY_CASE, "\xE2\x84\xAA", "0,3"},
    {"(?U)a+", 0, "aa", "0,1"},
    {"(?U)a+?", 0, "aa", "0,2"},
    {"\\bfoo\\b", 0, "a foo b", "2,5"},
    {"\\bfoo\\b", 0, "afoo foob", NULL},
    {"\\Boo", 0, "foo", "1,3"},
    {"\\b", 0, "", NULL},
    {"\\B", 0, "", "0,0"},
    {"[]a]+", 0, "]a", "0,2"},
    {"[^]a]", 0, "]ab", "2,3"},
    {"[a-]+", 0, "-a", "0,2"},
    {"[\\d_]+", 0, "a1_", "1,3"},
    {"[[:alpha:]_]+", 0, "1a_Z", "1,4"},
    {"[[:^digit:]]", 0, "1a", "1,2"},
    {"[\\x41-\\x{43}]+", 0, "xABC", "1,4"},
    {"\\d+\\D\\s\\S\\w\\W", 0, "12a b_-", "0,7"},
    {"\\t\\n\\r\\f\\v\\a\\.\\052", 0, "\t\n\r\f\v\a.*", "0,8"},
    {"\\Qa.b\\E.", 0, "axb a.bc", "4,8"},
    {"a.b", REGEX_LITERAL, "axb a.b", "4,7"},
    {".", 0, "\xE2\x82\xAC", "0,3"},
    {"^.{3}$", 0, "a\xC3\xA9\xF0\x9F\x98\x80", "0,7"},
    {"[\xC3\xA0-\xC3\xBF]+", 0, "a\xC3\xA9\xC3\xBFz", "1,5"},
    {"[^\xC3\xA9]", 0, "\xC3\xA9\xC3\xA8", "2,4"},
    {"\\p{Lu}\\pN", 0,
     "a1\xC3\x89"
     "2",
     "2,5"},
    {"\\P{L}", 0, "\xC3\xA9-", "2,3"},
    {"\\p{^L}", 0, "\xC3\xA9-", "2,3"},
    {"[\\p{Ll}\\d]+", 0,
     "A\xC3\xA9"
     "1",
     "1,4"},
    {"(?P<y>\\d+)-(?<m>\\d+)", 0, "on 2024-02", "3,10 3,7 8,10"},
    {"(&|^)channel_id=([^&]*)", 0, "channel_id=7&x", "0,12 0,0 11,12"},
    {"(&|^)channel_id=([^&]*)", 0, "https://x/y?a=1&channel_id=42&z=3", "15,29 15,16 27,29"},
    {"(a+)(b+)?", 0, "aac", "0,2 0,2 -,-"},
    {"(?:(a)|b)*", 0, "ab", "0,2 0,1"},
    {"(foo|bar)baz", 0, "foobarbaz", "3,9 3,6"},
    {"a.*c", 0, "abcbc", "0,5"},
    {"a.*?c", 0, "abcbc", "0,3"},
    {"(?m)^$", 0, "a\n\nb", "2,2"},
    {".?key", 0, "kkekeykey", "2,6"},
    {"(a|bc)?key=(\\d+)", 0, "key=akey=bckey=7", "9,16 9,11 15,16"},
    {".{2,3}ab", 0,
     "abab\xC3\xA9"
     "aab",
     "0,4"},
};

static const struct {
    const char *pattern, *message;
} faults[] = {
    {"(a", "a ( without its )"},
    {"a)", "a ) without its ("},
    {"[a", "a [ without its ]"},
    {"[b-a]", "whose end comes before its start"},
    {"*a", "nothing before a repetition"},
    {"a**", "repeats a repetition"},
    {"a{2}{3}", "repeats a repetition"},
    {"a{1001}", "bad repetition count"},
    {"a{3,2}", "bad repetition count"},
    {"a\\", "ends with a backslash"},
    {"(a)\\1", "refers back to a group"},
    {"\\y", "unknown letter behind a backslash"},
    {"\\xZ", "bad \\x"},
    {"\\x{110000}", "a character that does not exist"},
    {"\\x{d800}", "a character that does not exist"},
    {"\\p{Foo}", "unknown \\p"},
    {"[[:foo:]]", "unknown [: :] class"},
    {"(?=a)", "look-around cannot be done"},
    {"(?<=a)", "bad name of a group"},
    {"(?P<a>x)(?P<a>y)", "two groups of one name"},
    {"(?P<1-a>x)", "bad name of a group"},
    {"(?i-s-m)", "two minus signs"},
    {"(?i", "unknown kind of group"},
    {"((a{100}){100}){100}", "too large"},
    {"(?:(?:(?:(?:){1000}){1000}){1000}){1000}", "too large"},
};

/* ---- by table */
static void
show(char *out, size_t room, const regex_span *spans, int32_t groups) {
    size_t at = 0;
    for (int32_t k = 0; k <= groups; k++) {
        const char *blank = k == 0 ? "" : " ";
        const int   n = spans[k].from < 0
                            ? snprintf(out + at, room - at, "%s-,-", blank)
                            : snprintf(out + at, room - at, "%s%lld,%lld", blank,
                                       (long long)spans[k].from, (long long)spans[k].to);
        at += (size_t)n;
    }
}

static void
test_table(void **state UNUSED) {
    mem   m;
    arena a;
    error err = {0};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int32_t i = 0; i < ARRAY_COUNT(matches); i++) {
        const match_case *k = &matches[i];
        regex            *r;
        regex_span        spans[GROUPS + 1];
        char              got[100] = "none";
        CHECK_OK(regex_compile(&r, &a, text_of(k->pattern), k->flags, GROUPS, &err));
        const bool found = regex_search(r, text_of(k->s), 0, spans);
        const bool matched = regex_matches(r, text_of(k->s));
        if (found) {
            show(got, sizeof(got), spans, regex_group_count(r));
        }
        if (strcmp(got, k->expected == NULL ? "none" : k->expected) != 0 || matched != found) {
            print_error("'%s' in '%s': %s (matches: %d), not %s\n", k->pattern, k->s, got, matched,
                        k->expected);
            fail();
        }
        arena_reset(&a);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_faults(void **state UNUSED) {
    mem   m;
    arena a;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int32_t i = 0; i < ARRAY_COUNT(faults); i++) {
        error  err = {0};
        regex *r;
        CHECK_FAILS(regex_compile(&r, &a, text_of(faults[i].pattern), 0, 0, &err),
                    ERR_QUERY_FAILED);
        if (strstr(err.message, faults[i].message) == NULL) {
            print_error("'%s': \"%s\" does not hold \"%s\"\n", faults[i].pattern, err.message,
                        faults[i].message);
            fail();
        }
        arena_reset(&a);
    }
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static void
test_whole(void **state UNUSED) {
    static const struct {
        const char *pattern, *s;
        bool        expected;
    } cases[] = {{"a|ab", "ab", true},     {"a*", "aaa", true},  {"a*", "aab", false},
                 {"", "", true},           {"", "a", false},     {"^a$", "a", true},
                 {"a|b", "xb", false},     {"abc", "abc", true}, {"abc", "abcd", false},
                 {"\\bab\\b", "ab", true}, {".*", "a\nb", false}};
    mem   m;
    arena a;
    error err = {0};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    for (int32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        regex *r;
        CHECK_OK(regex_compile(&r, &a, text_of(cases[i].pattern), REGEX_WHOLE, -1, &err));
        CHECK_EQ(regex_matches(r, text_of(cases[i].s)), cases[i].expected);
    }
    regex *r;
    CHECK_OK(regex_compile(&r, &a, TEXT("(?P<y>a)(b)(?P<z>c)"), 0, -1, &err));
    CHECK_EQ(regex_group_count(r), 3);
    CHECK_EQ(regex_group_of_name(r, TEXT("z")), 3);
    CHECK_EQ(regex_group_of_name(r, TEXT("q")), -1);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- matchers against each other */
static void
random_pattern(rng *r, int32_t depth, char *out, size_t *size) {
    static const char *const atoms[] = {
        "a",   "b",   "c",  ".", "[ab]",     "[^a]",         "\\b", "^",      "$",
        "\\w", "\\n", "ab", "",  "\xC3\xA9", "[b-\xC3\xA9]", "\\B", "(?m:^)", "(?m:$)"};
    static const char *const counts[] = {"*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?"};
    const uint64_t           choice = rng_below(r, depth == 0 ? 1 : 5);
    if (*size > 60 || choice == 0) {
        const char *s = atoms[rng_below(r, ARRAY_COUNT(atoms))];
        memcpy(out + *size, s, strlen(s));
        *size += strlen(s);
        return;
    }
    if (choice == 1 || choice == 2) {
        random_pattern(r, depth - 1, out, size);
        if (choice == 2) {
            out[(*size)++] = '|';
        }
        random_pattern(r, depth - 1, out, size);
        return;
    }
    out[(*size)++] = '(';
    if (rng_below(r, 2) == 0) {
        memcpy(out + *size, "?:", 2);
        *size += 2;
    }
    random_pattern(r, depth - 1, out, size);
    out[(*size)++] = ')';
    if (choice == 4) {
        const char *s = counts[rng_below(r, ARRAY_COUNT(counts))];
        memcpy(out + *size, s, strlen(s));
        *size += strlen(s);
    }
}

static text
random_text(rng *r, char *out, uint64_t letters_max) {
    static const char *const letters[] = {"a", "b", "c", "\n", "_", "\xC3\xA9", " "};
    size_t                   size = 0;
    for (uint64_t n = rng_below(r, letters_max); n > 0; n--) {
        const char *s = letters[rng_below(r, ARRAY_COUNT(letters))];
        memcpy(out + size, s, strlen(s));
        size += strlen(s);
    }
    return (text){out, size};
}

/* A text of more than 256 KiB goes to the simulation: behind a long start that cannot match, the
 * same match must be found as by the backtracker without it. */
static void
test_matchers_agree(void **state UNUSED) {
    static char long_text[300000];
    mem         m;
    arena       a;
    error       err = {0};
    rng         r;
    int64_t     found = 0;
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 5);
    memset(long_text, '%', sizeof(long_text)); /* no atom but . and [^a] takes it */
    for (int32_t i = 0; i < 3000; i++) {
        char       pattern[400], near[64];
        size_t     size = 0;
        regex     *x;
        regex_span spans[2][GROUPS + 1];
        random_pattern(&r, 4, pattern, &size);
        CHECK_OK(regex_compile(&x, &a, (text){pattern, size}, 0, GROUPS, &err));
        for (int32_t k = 0; k < 5; k++) {
            const text s = random_text(&r, near, 12);
            const bool is_match = regex_search(x, s, 0, spans[0]);
            if (is_match != regex_matches(x, s)) {
                print_error("'%.*s' in '%.*s': search %d\n", (int)size, pattern, TEXT_ARG(s),
                            is_match);
                fail();
            }
            found += is_match;
        }
        const size_t from = sizeof(long_text) - 40;
        const text   tail = random_text(&r, near, 12);
        memcpy(long_text + from, tail.data, tail.size);
        const text whole = {long_text, from + tail.size};
        const text part = {long_text + from - 100, tail.size + 100};
        if (i % 50 == 0) { /* the start of a text means something to ^ alone */
            const bool on_long = regex_search(x, whole, from - 99, spans[0]);
            const bool on_short = regex_search(x, part, 1, spans[1]);
            CHECK_EQ(on_long, on_short);
            for (int32_t k = 0; on_long && k <= GROUPS; k++) {
                const int64_t shift = spans[0][k].from < 0 ? 0 : (int64_t)from - 100;
                CHECK_EQ(spans[0][k].from - shift, spans[1][k].from);
                CHECK_EQ(spans[0][k].to - shift, spans[1][k].to);
            }
        }
        memset(long_text + from, '%', 40);
        arena_reset(&a);
    }
    CHECK(found > 5000);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

static bool
same_spans(const regex *x, bool found, const int64_t *slots, bool expected,
           const regex_span *spans) {
    bool same = found == expected;
    for (int32_t k = 0; same && found && 2 * k < x->slot_count; k++) {
        const bool took_part = slots[2 * k] >= 0 && slots[2 * k + 1] >= 0;
        same = took_part ? slots[2 * k] == spans[k].from && slots[2 * k + 1] == spans[k].to
                         : spans[k].from < 0;
    }
    return same;
}

/* regex_search, each matcher by itself, and a simulation that knows nothing of all matches. */
static void
check_matchers(regex *x, regex *plain, text s, size_t from, int64_t *met) {
    regex_span spans[GROUPS + 1];
    int64_t    slots[2 * (GROUPS + 1)];
    size_t     start = from;
    bool       same;
    const bool found = regex_search(x, s, from, spans);
    same = (x->anchored && from > 0) ||
           same_spans(x, pike_search(plain, s, from, slots), slots, found, spans);
    search_result got = backtrack_search(x, s, from, slots);
    same &= (x->anchored && from > 0) || got == SEARCH_GAVE_UP ||
            same_spans(x, got == SEARCH_YES, slots, found, spans);
    if (x->onepass != NULL && !(x->anchored && from > 0)) {
        got = onepass_search(x, s, &start, slots);
        same &= got == SEARCH_GAVE_UP || same_spans(x, got == SEARCH_YES, slots, found, spans);
        met[got]++;
    }
    if (!same) {
        print_error("'%.*s' from %zu: a matcher disagrees\n", TEXT_ARG(s), from);
        fail();
    }
}

/* Patterns of which many have one way on and a text that every match holds. */
static void
test_onepass_agrees(void **state UNUSED) {
    static const char *const parts[] = {
        "(&|^)", "(a|_)?", "c=",       "([^&]*)", "([ab]+)", "(\\d*)", "&",          "$",
        "\\b",   "ab",     "(?:a|bc)", "(b*?)",   ".",       "(a)?",   "(?:x{1,2})", "\xC3\xA9"};
    static const char *const letters[] = {
        "a", "b", "c", "&", "=", "c=", "1", "_", "x", "\xC3\xA9", "ab"};
    mem     m;
    arena   a;
    error   err = {0};
    rng     r;
    int64_t met[3] = {0};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    rng_init(&r, 11);
    for (int32_t i = 0; i < 6000; i++) {
        char   pattern[500], near[100];
        size_t size = 0;
        regex *x, *plain;
        if (i % 2 == 0) {
            random_pattern(&r, 3, pattern, &size);
        }
        for (uint64_t n = i % 2 == 0 ? 0 : 1 + rng_below(&r, 5); n > 0; n--) {
            const char *s = parts[rng_below(&r, ARRAY_COUNT(parts))];
            memcpy(pattern + size, s, strlen(s));
            size += strlen(s);
        }
        CHECK_OK(regex_compile(&x, &a, (text){pattern, size}, 0, GROUPS, &err));
        CHECK_OK(regex_compile(&plain, &a, (text){pattern, size}, 0, GROUPS, &err));
        plain->needed.size = 0;
        plain->has_first = false;
        for (int32_t k = 0; k < 12; k++) {
            text s = {near, 0};
            for (uint64_t n = rng_below(&r, 30); n > 0; n--) {
                const char *l = letters[rng_below(&r, ARRAY_COUNT(letters))];
                memcpy(near + s.size, l, strlen(l));
                s.size += strlen(l);
            }
            size_t from = k < 8 ? 0 : rng_below(&r, s.size + 1);
            for (; from < s.size && ((uint8_t)s.data[from] & 0xC0) == 0x80; from++) {
            }
            check_matchers(x, plain, s, from, met);
        }
        arena_reset(&a);
    }
    CHECK(met[SEARCH_YES] > 8000 && met[SEARCH_NO] > 3000 && met[SEARCH_GAVE_UP] > 0);
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- time and size */
static void
test_is_linear(void **state UNUSED) {
    static const char *const bombs[] = {"(a*)*b",
                                        "(a|aa)+$",
                                        "(a|a?)+b",
                                        "(.*)(.*)(.*)(.*)[xyz]",
                                        "(x+x+)+y",
                                        "^(([a-z])+.)+[A-Z]([a-z])+$",
                                        "(a?){50}a{50}b",
                                        ".*.*.*=.*",
                                        "(a|b)*a(a|b){12}c",
                                        "(a*)[bc]",
                                        "a(a|b)*[cd]"};
    static char              s[100000];
    mem                      m;
    arena                    a;
    error                    err = {0};
    mem_init(&m, INT64_MAX);
    arena_init(&a, &m);
    memset(s, 'a', sizeof(s));
    engine_clock clock;
    clock_init_real(&clock);
    const int64_t start = clock_ticks_ns(&clock);
    for (int32_t i = 0; i < ARRAY_COUNT(bombs); i++) {
        regex     *r;
        regex_span spans[2];
        CHECK_OK(regex_compile(&r, &a, text_of(bombs[i]), 0, 1, &err));
        CHECK(!regex_matches(r, (text){s, sizeof(s)}) || i == 1);
        CHECK(!regex_search(r, (text){s, sizeof(s)}, 0, spans) || i == 1);
        CHECK(!regex_search(r, (text){s, 200}, 0, spans) || i == 1);
    }
    CHECK(clock_ticks_ns(&clock) - start < INT64_C(60000000000));
    arena_fini(&a);
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- other patterns */
static void
test_translations(void **state UNUSED) {
    static const struct {
        const char *pattern, *escape, *expected;
        bool        glob;
    } cases[] = {{"a%_", "\\", "a.*.", false},
                 {"a.b^$", "\\", "a\\.b\\^\\$", false},
                 {"a\\%", "\\", "a%", false},
                 {"a!%", "!", "a%", false},
                 {"(a|b)+", "\\", "(?:a|b)+", false},
                 {"[a-c%_]x", "\\", "[a-c%_]x", false},
                 {"[[:alpha:]]*", "\\", "[[:alpha:]]*", false},
                 {"a*?[!b-d]", "", "a.*.[^b-d]", true},
                 {"a.b\\*", "", "a\\.b\\*", true},
                 {"[a", "", "\\[a", true}};
    mem   m;
    error err = {0};
    mem_init(&m, INT64_MAX);
    for (int32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        buf        b;
        const text p = text_of(cases[i].pattern);
        buf_init(&b, &m, 1000);
        CHECK_OK(cases[i].glob ? regex_from_glob(&b, p, &err)
                               : regex_from_similar(&b, p, text_of(cases[i].escape), &err));
        CHECK_TEXT(buf_text(&b), cases[i].expected);
        buf_fini(&b);
    }
    CHECK_EQ(mem_fini(&m), 0);
}

/* ---- refused memory */
static status
use(mem *m, error *err) {
    arena      a;
    regex     *r;
    regex_span spans[2];
    arena_init(&a, m);
    status s = regex_compile(&r, &a, TEXT("(?i)(x|[a-c\\p{Lu}]+){1,3}\\b(?P<n>y)?"), 0, 1, err);
    if (s == OK) {
        CHECK(regex_search(r, TEXT("--abc y"), 0, spans));
        CHECK(regex_matches(r, TEXT("--abc y")));
    }
    arena_fini(&a);
    return s;
}

static void
test_torture(void **state UNUSED) {
    CHECK(torture("regex", use) > 3);
}

UNIT_MAIN(UNIT(test_table), UNIT(test_faults), UNIT(test_whole), UNIT(test_matchers_agree),
          UNIT(test_onepass_agrees), UNIT(test_is_linear), UNIT(test_translations),
          UNIT(test_torture))
