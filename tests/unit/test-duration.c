/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Durations in both directions; what we write, we read.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/duration.h"
#include "src/basic/macro.h"

static void test_parse(_unused_ void **state) {
        static const struct {
                const char *text;
                int result;
                uint64_t usec;
        } cases[] = {
                { "90s",                    0,       90 * USEC_PER_SEC                           },
                { "0s",                     0,       0                                           },
                { "1us",                    0,       1                                           },
                { "250ms",                  0,       250 * USEC_PER_MSEC                         },
                { "5sec",                   0,       5 * USEC_PER_SEC                            },
                { "5min",                   0,       5 * USEC_PER_MINUTE                         },
                { "5m",                     0,       5 * USEC_PER_MINUTE                         },
                { "1d",                     0,       USEC_PER_DAY                                },
                { "2w",                     0,       14 * USEC_PER_DAY                           },
                { "2h 30min",               0,       2 * USEC_PER_HOUR + 30 * USEC_PER_MINUTE    },
                { "2h30min",                0,       2 * USEC_PER_HOUR + 30 * USEC_PER_MINUTE    },
                { "2 h  30 min",            0,       2 * USEC_PER_HOUR + 30 * USEC_PER_MINUTE    },
                { "1s 1s",                  0,       2 * USEC_PER_SEC                            },
                { "infinity",               0,       USEC_INFINITY                               },
                { "18446744073709551614us", 0,       UINT64_MAX - 1                              },
                { "18446744073709551615us", -ERANGE, 0                                           },
                { "18446744073709551614us 1us", -ERANGE, 0                                       },
                { "99999999999999999999s",  -ERANGE, 0                                           },
                { "99999999999999999999q",  -EINVAL, 0                                           },
                { "30500569w",              -ERANGE, 0                                           },
                { "",                       -EINVAL, 0                                           },
                { "90",                     -EINVAL, 0                                           },
                { "0",                      -EINVAL, 0                                           },
                { "s",                      -EINVAL, 0                                           },
                { "1h 30",                  -EINVAL, 0                                           },
                { "1x",                     -EINVAL, 0                                           },
                { "1minutes",               -EINVAL, 0                                           },
                { "1H",                     -EINVAL, 0                                           },
                { "-1s",                    -EINVAL, 0                                           },
                { "+1s",                    -EINVAL, 0                                           },
                { "1.5h",                   -EINVAL, 0                                           },
                { " 1s",                    -EINVAL, 0                                           },
                { "1s ",                    -EINVAL, 0                                           },
                { "1s\t2s",                 -EINVAL, 0                                           },
                { "infinity 1s",            -EINVAL, 0                                           },
                { "1s infinity",            -EINVAL, 0                                           },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t usec = 7777;

                print_message("\"%s\"\n", cases[i].text);
                assert_int_equal(duration_parse(cases[i].text, &usec), cases[i].result);
                assert_true(usec == (cases[i].result == 0 ? cases[i].usec : 7777));
        }
}

static void test_format(_unused_ void **state) {
        static const struct {
                uint64_t usec;
                const char *text;
        } cases[] = {
                { 0,                                        "0s"            },
                { 1,                                        "1us"           },
                { USEC_PER_SEC,                             "1s"            },
                { 90 * USEC_PER_SEC,                        "1min 30s"      },
                { 60 * USEC_PER_SEC,                        "1min"          },
                { 1500 * USEC_PER_MSEC,                     "1s 500ms"      },
                { USEC_PER_HOUR + 1,                        "1h 1us"        },
                { USEC_PER_DAY,                             "1d"            },
                { 7 * USEC_PER_DAY,                         "1w"            },
                { 8 * USEC_PER_DAY,                         "1w 1d"         },
                { USEC_INFINITY,                            "infinity"      },
                { USEC_INFINITY - 1,                        "30500568w 6d 8h 1min 49s 551ms 614us" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char buffer[DURATION_TEXT_SIZE];
                uint64_t usec = 7777;

                print_message("%s\n", cases[i].text);
                memset(buffer, 'x', sizeof(buffer));
                assert_ptr_equal(duration_format(cases[i].usec, buffer), buffer);
                assert_string_equal(buffer, cases[i].text);
                /* What we write, we read. */
                assert_int_equal(duration_parse(buffer, &usec), 0);
                assert_true(usec == cases[i].usec);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_format),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
