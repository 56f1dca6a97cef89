/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes first: cmocka, after the headers that it needs. */
#ifndef FWSSH_TESTS_UNIT_CHECK_H
#define FWSSH_TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka passes each test a state that none of ours needs. */
#define TEST(name) static void name(void **unused __attribute__((unused)))

#endif
