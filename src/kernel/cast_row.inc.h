/* SPDX-License-Identifier: Apache-2.0 */
/* Template: the row of the table of casts for one type. Parameters, #undef'd at the end:
 * - FROM: its type_id
 * - NAME(to): function names
 */
/* clang-format off */
[FROM] = {
    [TYPE_BOOL] = NAME(bool),
    [TYPE_I8] = NAME(i8),
    [TYPE_I16] = NAME(i16),
    [TYPE_I32] = NAME(i32),
    [TYPE_I64] = NAME(i64),
    [TYPE_I128] = NAME(i128),
    [TYPE_U8] = NAME(u8),
    [TYPE_U16] = NAME(u16),
    [TYPE_U32] = NAME(u32),
    [TYPE_U64] = NAME(u64),
    [TYPE_F32] = NAME(f32),
    [TYPE_F64] = NAME(f64),
},
#undef FROM
#undef NAME
