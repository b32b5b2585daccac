/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h - MD5, SHA-1 and SHA-256 of bytes (RFC 1321, FIPS 180-4), for SQL; nothing of the engine
 * rests on their strength. */
#ifndef LAMINAR_BASE_DIGEST_H
#define LAMINAR_BASE_DIGEST_H

#include "base/compiler.h"

typedef enum digest_kind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256 } digest_kind;

#define DIGEST_SIZE_MAX 32

size_t digest_size(digest_kind kind);
/* Writes digest_size bytes. */
void digest_bytes(digest_kind kind, const void *data, size_t size, uint8_t *out);

#endif
