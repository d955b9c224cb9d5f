/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is taken for a number and, more important, what is not.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "src/basic/macro.h"
#include "src/basic/number.h"

static void test_u64(_unused_ void **state) {
        static const struct {
                const char *text;
                uint64_t min, max;
                int result;
                uint64_t value;
        } cases[] = {
                { "0",                     0, UINT64_MAX, 0,       0            },
                { "42",                    0, UINT64_MAX, 0,       42           },
                { "18446744073709551615",  0, UINT64_MAX, 0,       UINT64_MAX   },
                { "18446744073709551616",  0, UINT64_MAX, -ERANGE, 0            },
                { "99999999999999999999",  0, UINT64_MAX, -ERANGE, 0            },
                { "99999999999999999999x", 0, UINT64_MAX, -EINVAL, 0            },
                { "0xff",                  0, UINT64_MAX, 0,       255          },
                { "0XfF",                  0, UINT64_MAX, 0,       255          },
                { "0x00ff",                0, UINT64_MAX, 0,       255          },
                { "0xffffffffffffffff",    0, UINT64_MAX, 0,       UINT64_MAX   },
                { "0x10000000000000000",   0, UINT64_MAX, -ERANGE, 0            },
                { "0x",                    0, UINT64_MAX, -EINVAL, 0            },
                { "0xg",                   0, UINT64_MAX, -EINVAL, 0            },
                { "ff",                    0, UINT64_MAX, -EINVAL, 0            },
                { "1f",                    0, UINT64_MAX, -EINVAL, 0            },
                { "",                      0, UINT64_MAX, -EINVAL, 0            },
                { " 1",                    0, UINT64_MAX, -EINVAL, 0            },
                { "1 ",                    0, UINT64_MAX, -EINVAL, 0            },
                { "1\n",                   0, UINT64_MAX, -EINVAL, 0            },
                { "+1",                    0, UINT64_MAX, -EINVAL, 0            },
                { "-1",                    0, UINT64_MAX, -EINVAL, 0            },
                { "010",                   0, UINT64_MAX, -EINVAL, 0            },
                { "00",                    0, UINT64_MAX, -EINVAL, 0            },
                { "1.5",                   0, UINT64_MAX, -EINVAL, 0            },
                { "1e3",                   0, UINT64_MAX, -EINVAL, 0            },
                { "5",                     5, 7,          0,       5            },
                { "7",                     5, 7,          0,       7            },
                { "4",                     5, 7,          -ERANGE, 0            },
                { "8",                     5, 7,          -ERANGE, 0            },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t value = 7777;

                print_message("\"%s\"\n", cases[i].text);
                assert_int_equal(number_parse_u64(cases[i].text, cases[i].min, cases[i].max, &value),
                                 cases[i].result);
                assert_true(value == (cases[i].result == 0 ? cases[i].value : 7777));
        }
}

static void test_i64(_unused_ void **state) {
        static const struct {
                const char *text;
                int64_t min, max;
                int result;
                int64_t value;
        } cases[] = {
                { "0",                    INT64_MIN, INT64_MAX, 0,       0         },
                { "-0",                   INT64_MIN, INT64_MAX, 0,       0         },
                { "-1",                   INT64_MIN, INT64_MAX, 0,       -1        },
                { "9223372036854775807",  INT64_MIN, INT64_MAX, 0,       INT64_MAX },
                { "9223372036854775808",  INT64_MIN, INT64_MAX, -ERANGE, 0         },
                { "-9223372036854775808", INT64_MIN, INT64_MAX, 0,       INT64_MIN },
                { "-9223372036854775809", INT64_MIN, INT64_MAX, -ERANGE, 0         },
                { "-0x10",                INT64_MIN, INT64_MAX, 0,       -16       },
                { "+1",                   INT64_MIN, INT64_MAX, -EINVAL, 0         },
                { "--1",                  INT64_MIN, INT64_MAX, -EINVAL, 0         },
                { "-",                    INT64_MIN, INT64_MAX, -EINVAL, 0         },
                { "- 1",                  INT64_MIN, INT64_MAX, -EINVAL, 0         },
                { "-1000",                -1000,     1000,      0,       -1000     },
                { "-1001",                -1000,     1000,      -ERANGE, 0         },
                { "1001",                 -1000,     1000,      -ERANGE, 0         },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int64_t value = 7777;

                print_message("\"%s\"\n", cases[i].text);
                assert_int_equal(number_parse_i64(cases[i].text, cases[i].min, cases[i].max, &value),
                                 cases[i].result);
                assert_true(value == (cases[i].result == 0 ? cases[i].value : 7777));
        }
}

static void test_bytes(void **state) {
        static const struct {
                const char *text;
                int result;
                uint64_t bytes;
                const char *shown;
        } cases[] = {
                { "0", 0, 0, "0" },
                { "1", 0, 1, "1" },
                { "1023", 0, 1023, "1023" },
                { "1024", 0, 1024, "1K" },
                { "1K", 0, 1024, "1K" },
                { "1536K", 0, 1536 * 1024, "1536K" },
                { "50M", 0, UINT64_C(50) << 20, "50M" },
                { "2048M", 0, UINT64_C(2) << 30, "2G" },
                { "3T", 0, UINT64_C(3) << 40, "3T" },
                { "16777215T", 0, UINT64_C(16777215) << 40, "16777215T" },
                { "16777216T", -ERANGE, 0, NULL },
                { "18446744073709551615", 0, UINT64_MAX, "18446744073709551615" },
                { "18446744073709551616", -ERANGE, 0, NULL },
                { "111111111111111111111111111111111111111", -ERANGE, 0, NULL },
                { "", -EINVAL, 0, NULL },
                { "M", -EINVAL, 0, NULL },
                { "1m", -EINVAL, 0, NULL },
                { "1MB", -EINVAL, 0, NULL },
                { "-1M", -EINVAL, 0, NULL },
                { "1.5M", -EINVAL, 0, NULL },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char buffer[BYTES_TEXT_SIZE];
                uint64_t bytes = 0;

                print_message("%s\n", cases[i].text);
                assert_int_equal(number_parse_bytes(cases[i].text, &bytes), cases[i].result);
                if (cases[i].result < 0)
                        continue;
                assert_int_equal(bytes, cases[i].bytes);
                assert_string_equal(number_format_bytes(bytes, buffer), cases[i].shown);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_u64),
                cmocka_unit_test(test_i64),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
