/* SPDX-License-Identifier: Apache-2.0 */
/* nested_column.h - columns of lists and structs taken apart into columns of their parts, and put
 * together from them. A MAP goes as the LIST of its entries. */
#ifndef LAMINAR_BATCH_NESTED_COLUMN_H
#define LAMINAR_BATCH_NESTED_COLUMN_H

#include "batch/column.h"
#include "type/nested.h"

/* The items of all rows, one after the other; offsets (row_count + 1) tell where those of a row
 * begin. A NULL has none. Texts and nested items point into the images. */
status list_explode(column *items, int32_t *offsets, const column *lists, int32_t row_count,
                    arena *a, error *err) MUST_USE;
/* Of lists of a fixed size: those of row i begin at i times it, NULLs for what is NULL. */
status array_explode(column *items, const column *lists, int32_t row_count, arena *a,
                     error *err) MUST_USE;
/* The way back: row i has the items begins[i] .. begins[i] + sizes[i]. NULL sizes: begins has one
 * more entry and rows lie one after the other. What is NULL by `validity` has no image. */
status list_implode(column *out, data_type t, const column *items, const int32_t *begins,
                    const int32_t *sizes, const uint64_t *validity, int32_t row_count, arena *a,
                    error *err) MUST_USE;
/* Field `at` of every row; NULL where the row is. */
status struct_field(column *out, const column *structs, int32_t at, int32_t row_count, arena *a,
                    error *err) MUST_USE;
/* Structs of columns of the very types of the fields. */
status struct_pack(column *out, data_type t, const column *fields, const uint64_t *validity,
                   int32_t row_count, arena *a, error *err) MUST_USE;

#endif
