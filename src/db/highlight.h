/* SPDX-License-Identifier: Apache-2.0 */
/* highlight.h - what tokens for the eye and completion share. */
#ifndef LAMINAR_DB_HIGHLIGHT_H
#define LAMINAR_DB_HIGHLIGHT_H

#include "base/unicode.h"
#include "db/internal.h"
#include "sql/lexer.h"

/* The token at or after `at`, which ends behind its start: of any bytes. */
token highlight_step(text sql, int32_t at);
/* Names of functions by number, some of them twice; operators are among them. NULL: beyond them. */
const char *highlight_function_at(int32_t i);
/* A scalar function, an aggregate or a window function of the engine's. */
bool highlight_is_function(text word);

#endif
