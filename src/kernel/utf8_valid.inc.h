/* SPDX-License-Identifier: Apache-2.0 */
/* Template: how many bytes at the beginning are whole characters of UTF-8 for sure, by blocks of
 * one register. Parameters, all #undef'd at the end:
 * - KERNEL: function name
 * - TARGET: the attribute that names the CPU level
 * - VECTOR: the register, BYTES: its size
 * - LOAD(p), SPLAT(byte), TABLE(t): 16 bytes in each lane, LOOKUP(table, nibbles)
 * - AND, OR, XOR (a, b), MINUS: saturating, of bytes
 * - NIBBLE_HIGH(x): x >> 4 of each byte
 * - BEFORE(n, x, last): x moved up by n bytes, with the last ones of `last` in front
 * - ANY(x): any bit set, HIGH(x): any byte's first bit set
 */
TARGET int64_t
KERNEL(const char *bytes, int64_t size) {
    const VECTOR low_nibble = SPLAT(0x0F);
    const VECTOR first_high = TABLE(faults_of_first_high);
    const VECTOR first_low = TABLE(faults_of_first_low);
    const VECTOR second_high = TABLE(faults_of_second_high);
    VECTOR       last = SPLAT(0);
    int64_t      i = 0;
    for (; i + BYTES <= size; i += BYTES) {
        const VECTOR x = LOAD(bytes + i);
        if (!HIGH(OR(x, last))) { /* ASCII behind ASCII */
            last = x;
            continue;
        }
        const VECTOR one = BEFORE(1, x, last);
        const VECTOR faults =
            AND(AND(LOOKUP(first_high, NIBBLE_HIGH(one)), LOOKUP(first_low, AND(one, low_nibble))),
                LOOKUP(second_high, NIBBLE_HIGH(x)));
        /* A third or fourth byte must be one that goes on, and no other may follow such a one: the
         * two bits meet. */
        const VECTOR third = MINUS(BEFORE(2, x, last), SPLAT(0xE0 - 0x80));
        const VECTOR fourth = MINUS(BEFORE(3, x, last), SPLAT(0xF0 - 0x80));
        const VECTOR goes_on = AND(OR(third, fourth), SPLAT(FAULT_TWO_CONTINUED));
        if (ANY(XOR(goes_on, faults))) {
            break;
        }
        last = x;
    }
    return i - unfinished(bytes, i);
}

#undef KERNEL
#undef TARGET
#undef VECTOR
#undef BYTES
#undef LOAD
#undef SPLAT
#undef TABLE
#undef LOOKUP
#undef AND
#undef OR
#undef XOR
#undef MINUS
#undef NIBBLE_HIGH
#undef BEFORE
#undef ANY
#undef HIGH
