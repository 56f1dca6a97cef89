/* SPDX-License-Identifier: Apache-2.0 */
/* Timestamps as text. */
#ifndef FWSSH_BASE_DATE_H
#define FWSSH_BASE_DATE_H

#include <stdint.h>

#define DATE_SIZE 32

/* Seconds since 1970 as YYYY-MM-DDTHH:MM:SSZ; "" if out of range. */
void date_format(int64_t seconds, char text[DATE_SIZE]);

#endif
