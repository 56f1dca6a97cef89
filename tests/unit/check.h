/* What every unit test begins with: cmocka and the headers that it wants before it. */
#ifndef FWSSH_TESTS_UNIT_CHECK_H
#define FWSSH_TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka calls each test with a state that none of ours needs. */
#define TEST(name) static void name(void **unused __attribute__((unused)))

#endif
