/* SPDX-License-Identifier: Apache-2.0 */
/* callout.h - calls into the program that embeds the engine (the callbacks of Arrow producers):
 * counted, so that they can be over before the runtime behind them goes away. A thread that waited
 * inside one for a runtime that is being torn down would wait for ever, or be ended where it
 * stands, with whatever it holds.
 *
 * One gate for the process. Closed, it lets the thread through that closed it, which is the one
 * that tears down. */
#ifndef LAMINAR_OS_CALLOUT_H
#define LAMINAR_OS_CALLOUT_H

#include "base/compiler.h"

/* False: not any more; then there is no callout_end. */
bool callout_begin(void);
void callout_end(void);
/* Waits until those under way are over, at most so long; false: some are not. */
bool callout_close(int64_t timeout_us);
void callout_open(void);

#endif
