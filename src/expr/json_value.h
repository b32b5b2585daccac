/* SPDX-License-Identifier: Apache-2.0 */
/* json_value.h - SQL values and JSON: the one way in which both become each other. */
#ifndef LAMINAR_EXPR_JSON_VALUE_H
#define LAMINAR_EXPR_JSON_VALUE_H

#include "type/type.h"

/* Numbers and truth as they are, NULL and what is no number as null, a LIST and a STRUCT without
 * names as an array, other STRUCTs and MAPs as objects, all else as a string. False: no memory. */
bool json_write_value(const value *v, buf *out);
bool json_write_key(const value *v, buf *out); /* as a string, by its text; not NULL */

#endif
