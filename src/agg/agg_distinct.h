/* SPDX-License-Identifier: Apache-2.0 */
/* agg_distinct.h - see agg_distinct.c. */
#ifndef LAMINAR_AGG_AGG_DISTINCT_H
#define LAMINAR_AGG_AGG_DISTINCT_H

#include "agg/agg.h"

/* As class->open; of the instance all but merge may be called. */
status agg_distinct_open(agg **out, const agg_class *class, const agg_signature *signature,
                         const agg_site *site, error *err) MUST_USE;

#endif
