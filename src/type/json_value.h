/* SPDX-License-Identifier: Apache-2.0 */
/* json_value.h - SQL values and JSON: the one way in which both become each other. */
#ifndef LAMINAR_TYPE_JSON_VALUE_H
#define LAMINAR_TYPE_JSON_VALUE_H

#include "type/type.h"

/* Numbers and truth as they are, NULL and what is no number as null, a LIST and a STRUCT without
 * names as an array, other STRUCTs and MAPs as objects, JSON as it is, all else as a string. False:
 * no memory. */
bool json_write_value(const value *v, buf *out);
bool json_write_key(const value *v, buf *out); /* as a string, by its text; not NULL */

/* CAST to JSON: a text is read, which must be JSON, and kept as it is; all else is written. out has
 * its type. */
status json_from_value(value *out, const value *in, arena *a, error *err) MUST_USE;
/* CAST from JSON to anything but VARCHAR. Arrays become LISTs and STRUCTs without names, objects
 * STRUCTs (what is missing is NULL, what has no field is left out) and MAPs, strings what they
 * spell; within them a VARCHAR gets a string as it is meant and all else as JSON. null is NULL. */
status json_to_value(value *out, text json, data_type to, arena *a, error *err) MUST_USE;
/* The same, but what does not fit is NULL there; of what is no object a STRUCT has NULLs. */
status json_to_value_or_null(value *out, text json, data_type to, arena *a, error *err) MUST_USE;

#endif
