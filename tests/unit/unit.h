/* SPDX-License-Identifier: Apache-2.0 */
/* unit.h - what every C unit test includes: cmocka with short assertions, and the allocation
 * torture.
 *
 * A test file: static void test_x(void **state) {...}; then UNIT_MAIN(UNIT(test_x), UNIT(test_y)).
 */
#ifndef LAMINAR_TESTS_UNIT_H
#define LAMINAR_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"

#define UNIT(function) cmocka_unit_test(function)
#define UNIT_MAIN(...)                                                                             \
    int main(void) {                                                                               \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                           \
        return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);                           \
    }

#define CHECK(condition) assert_true(condition)
#define CHECK_EQ(actual, expected) assert_int_equal((intmax_t)(actual), (intmax_t)(expected))
#define CHECK_STR(actual, expected) assert_string_equal(actual, expected)
#define CHECK_TEXT(actual, expected) unit_check_text((actual), (expected), __FILE__, __LINE__)
/* The call must succeed; its error text is printed when it does not. `err` is a variable of type
 * error in scope. */
#define CHECK_OK(call) unit_check_ok((call), &err, #call, __FILE__, __LINE__)
#define CHECK_FAILS(call, wanted) assert_int_equal((call), (wanted))

#include "base/text.h"

static inline void
unit_check_text(text actual, const char *expected, const char *file, int line) {
    if (actual.size != strlen(expected) || memcmp(actual.data, expected, actual.size) != 0) {
        print_error("%s:%d: \"%.*s\" is not \"%s\"\n", file, line, TEXT_ARG(actual), expected);
        fail();
    }
}

static inline void
unit_check_ok(status s, const error *err, const char *call, const char *file, int line) {
    if (s < 0) {
        print_error("%s:%d: %s: %s (%s)\n", file, line, call, err->message, status_title(s));
        fail();
    }
}

/* What make torture asks for: every allocation, not a sample of those after the first 2,000. */
static inline bool
torture_is_whole(void) {
    return getenv("LAMINAR_TORTURE") != NULL;
}

/* One line a scenario in the file that make torture counts. */
static inline void
torture_note(const char *name, int64_t allocations, int64_t runs) {
    const char *path = getenv("LAMINAR_TORTURE");
    FILE       *f = path == NULL ? NULL : fopen(path, "a");
    if (f != NULL) {
        fprintf(f, "%lld %lld %s\n", (long long)runs, (long long)allocations, name);
        fclose(f);
    }
}

/* How many are refused one by one. Under AddressSanitizer, which takes ten times as long, make
 * torture refuses the others. */
#ifdef __SANITIZE_ADDRESS__
#define TORTURE_FIRST 300
#else
#define TORTURE_FIRST 2000
#endif

/* Runs the scenario with every allocation failing in turn: all of the first TORTURE_FIRST, then 200
 * sampled ones, or all with make torture. The scenario gets an empty account, must clean up after
 * itself in every case and returns what its calls returned: OK, or ERR_OUT_OF_MEMORY when an
 * allocation was refused (a scenario may also recover and return OK). Nothing may leak. Returns the
 * number of runs. */
typedef status (*torture_scenario)(mem *m, error *err);

static inline int64_t
torture(const char *name, torture_scenario scenario) {
    error err = {0};
    mem   m;
    mem_init(&m, INT64_MAX);
    unit_check_ok(scenario(&m, &err), &err, name, __FILE__, __LINE__);
    const int64_t total = atomic_load(&m.allocations);
    CHECK_EQ(mem_fini(&m), 0);
    rng r;
    rng_init(&r, 42);
    int64_t runs = 0;
    for (int64_t n = 1; n <= total; runs++) {
        mem_init(&m, INT64_MAX);
        atomic_store(&m.fail_at, n);
        memset(&err, 0, sizeof(err));
        const status s = scenario(&m, &err);
        if (s < 0 && s != ERR_OUT_OF_MEMORY) {
            print_error("%s: allocation %lld refused: %s\n", name, (long long)n, err.message);
            fail();
        }
        const int64_t leaked = atomic_load(&m.bytes_used);
        if (leaked != 0) {
            print_error("%s: allocation %lld refused: %lld bytes leaked\n", name, (long long)n,
                        (long long)leaked);
            fail();
        }
        n += n <= TORTURE_FIRST || total <= TORTURE_FIRST + 200 || torture_is_whole()
                 ? 1
                 : 1 + (int64_t)rng_below(&r, (uint64_t)(2 * (total - TORTURE_FIRST) / 200));
    }
    torture_note(name, total, runs);
    return runs;
}

#endif
