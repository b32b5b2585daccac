/* SPDX-License-Identifier: Apache-2.0 */
/* The gate in front of the embedding program's callbacks. */
#include "unit.h"

#include "os/callout.h"
#include "os/thread.h"

static _Atomic uint32_t step;

static void
wait_for(uint32_t wanted) {
    for (uint32_t seen; (seen = atomic_load(&step)) < wanted;) {
        futex_wait(&step, seen, 1000000);
    }
}

static void
go_to(uint32_t next) {
    atomic_store(&step, next);
    futex_wake_all(&step);
}

static void *
call_out(void *arg) {
    bool *let_in = arg;
    let_in[0] = callout_begin();
    go_to(1);
    wait_for(2);
    callout_end();
    wait_for(3);
    let_in[1] = callout_begin(); /* shut */
    go_to(4);
    wait_for(5);
    let_in[2] = callout_begin(); /* open again */
    callout_end();
    return NULL;
}

static void
test_closing_waits_for_those_inside(void **unused) {
    (void)unused;
    thread t;
    error  err = {0};
    bool   let_in[3] = {false, true, false};
    CHECK_OK(thread_start(&t, "out", call_out, let_in, &err));
    wait_for(1);
    CHECK(!callout_close(1000)); /* one is inside */
    go_to(2);
    CHECK(callout_close(60 * 1000000LL));
    CHECK(callout_begin()); /* who closed it may */
    callout_end();
    go_to(3);
    wait_for(4);
    callout_open();
    go_to(5);
    thread_join(&t);
    CHECK(let_in[0] && !let_in[1] && let_in[2]);
}

static void
test_nobody_inside(void **unused) {
    (void)unused;
    CHECK(callout_close(0));
    callout_open();
    CHECK(callout_begin());
    callout_end();
}

UNIT_MAIN(UNIT(test_closing_waits_for_those_inside), UNIT(test_nobody_inside))
