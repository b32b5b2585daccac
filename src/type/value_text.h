/* SPDX-License-Identifier: Apache-2.0 */
/* value_text.h - what value.c and value_cast.c share: how values are quoted in messages. */
#ifndef LAMINAR_TYPE_VALUE_TEXT_H
#define LAMINAR_TYPE_VALUE_TEXT_H

#include "type/type.h"

/* The beginning of a text, short enough for a message. */
text value_text_clip(text s);

#endif
