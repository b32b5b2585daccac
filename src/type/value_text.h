/* SPDX-License-Identifier: Apache-2.0 */
/* value_text.h - what value.c and value_cast.c share: how values and ranges stand in messages. */
#ifndef LAMINAR_TYPE_VALUE_TEXT_H
#define LAMINAR_TYPE_VALUE_TEXT_H

#include "type/type.h"

#define VALUE_RANGE_MAX 96

/* The beginning of a text, short enough for a message. */
text value_text_clip(text s);
/* "-128 .. 127", terminated, into VALUE_RANGE_MAX bytes. False: a type without such limits. */
bool value_range_text(data_type t, char *out);

#endif
