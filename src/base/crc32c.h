/* crc32c.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4): polynomial 0x1EDC6F41 reflected, initial
 * and final value inverted. SSE4.2 where the CPU has it, tables else; results are the same. */
#ifndef PYR_BASE_CRC32C_H
#define PYR_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* crc: 0 to begin, or the result so far: crc32c(crc32c(0, a), b) == crc32c(0, a + b). */
uint32_t pyr_crc32c(uint32_t crc, const void *data, size_t size_bytes);
uint32_t pyr_crc32c_scalar(uint32_t crc, const void *data, size_t size_bytes); /* the oracle */

#endif
