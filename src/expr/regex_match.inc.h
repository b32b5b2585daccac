/* SPDX-License-Identifier: Apache-2.0 */
/* regex_match.inc.h - template: whether a text matches a pattern. Parameters, undefined at the end:
 * KERNEL and PREPARE names; WANTED the answer that is true; USAGE what the arguments are. */
status
PREPARE(void **state, arena *a, const value *const *constants, const data_type *types UNUSED,
        int32_t arg_count, error *err) {
    const usage u = USAGE;
    return prepare(state, a, constants, arg_count, &u, err);
}

status
KERNEL(fn_call *c) {
    const usage u = USAGE;
    return match_rows(c, &u, WANTED);
}
#undef PREPARE
#undef KERNEL
#undef WANTED
#undef USAGE
