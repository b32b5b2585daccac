/* SPDX-License-Identifier: Apache-2.0 */
/* by_physical.inc.h - template: a function that has a kernel for each physical type of its
 * arguments, which all have one type. Parameters, undefined at the end: FUNCTION_NAME; NAME(type)
 * kernel names. */
status
FUNCTION_NAME(fn_call *c) {
    static fn_kernel *const kernels[PHYSICAL_COUNT] = {
        [PHYSICAL_BOOL] = NAME(u8),       [PHYSICAL_I8] = NAME(i8),
        [PHYSICAL_I16] = NAME(i16),       [PHYSICAL_I32] = NAME(i32),
        [PHYSICAL_I64] = NAME(i64),       [PHYSICAL_I128] = NAME(i128),
        [PHYSICAL_U8] = NAME(u8),         [PHYSICAL_U16] = NAME(u16),
        [PHYSICAL_U32] = NAME(u32),       [PHYSICAL_U64] = NAME(u64),
        [PHYSICAL_F32] = NAME(f32),       [PHYSICAL_F64] = NAME(f64),
        [PHYSICAL_TEXT] = NAME(text),     [PHYSICAL_INTERVAL] = NAME(interval),
        [PHYSICAL_NESTED] = NAME(nested),
    };
    return kernels[type_physical(c->args[0].type)](c);
}
#undef FUNCTION_NAME
#undef NAME
