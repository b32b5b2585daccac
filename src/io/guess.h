/* SPDX-License-Identifier: Apache-2.0 */
/* guess.h - the type that texts of a file have: each text has one, and a column the one that holds
 * all of its texts. */
#ifndef LAMINAR_IO_GUESS_H
#define LAMINAR_IO_GUESS_H

#include "type/type.h"

typedef enum guess { /* GUESS_NONE: nothing but NULL was seen */
                     GUESS_NONE,
                     GUESS_BOOL,
                     GUESS_I64,
                     GUESS_F64,
                     GUESS_DATE,
                     GUESS_TIME,
                     GUESS_TIMESTAMP,
                     GUESS_TEXT
} guess;

guess     guess_text(text t);
guess     guess_time(text t); /* of a text in quotes: a time, or text */
guess     guess_both(guess a, guess b);
data_type guess_type(guess g);

#endif
