/* SPDX-License-Identifier: Apache-2.0 */
/* text_check.h - that all text of a file is valid, before it is cut. */
#ifndef LAMINAR_IO_TEXT_CHECK_H
#define LAMINAR_IO_TEXT_CHECK_H

#include "base/error.h"
#include "base/text.h"

/* ERR_INGESTION_FAILED naming the line of the first byte that is not UTF-8, or is NUL. */
status text_check(text t, error *err) MUST_USE;

#endif
