/* SPDX-License-Identifier: Apache-2.0 */
/* uuid.h - UUIDs as 128-bit integers that sort as their bytes do, and BLOBs from and to text. */
#ifndef LAMINAR_TYPE_UUID_H
#define LAMINAR_TYPE_UUID_H

#include "base/text.h"

#define UUID_TEXT_SIZE 36

/* The 16 bytes of a UUID, first byte first, to the value of a column and back. */
int128 uuid_from_bytes(const uint8_t bytes[16]);
void   uuid_to_bytes(int128 v, uint8_t bytes[16]);
/* 32 hexadecimal digits in any case, with hyphens after any four of them or none, in braces or not.
 */
bool uuid_parse(text s, int128 *out);
void uuid_write(char *out, int128 v); /* UUID_TEXT_SIZE bytes: 8-4-4-4-12, lower case */

/* Text of a BLOB: printable ASCII but \ ' " as it is, all else as \xAB. blob_write returns the size
 * and may be asked without `out`, which has room for 4 bytes of each. blob_parse takes the same
 * back (other ASCII too) into room for s.size bytes; -1: a broken escape or a character that is not
 * ASCII. */
size_t  blob_write(char *out, text bytes);
int64_t blob_parse(char *out, text s);

#endif
