/* SPDX-License-Identifier: Apache-2.0 */
/* subscription.h - what the list of queries asks of a subscription. */
#ifndef LAMINAR_DB_SUBSCRIPTION_H
#define LAMINAR_DB_SUBSCRIPTION_H

#include "db/internal.h"

/* Cancelled, or its consumer has met the end. From any thread. */
bool subscription_is_over(const laminar_subscription *s);
/* Its consumers get no more and finish; waiters wake. From any thread, while it is not closed;
 * takes no lock. db_reap afterwards. */
void subscription_finish(laminar_subscription *s);

#endif
